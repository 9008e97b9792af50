// SPDX-License-Identifier: Apache-2.0
// HTTP2Limits: what a peer may make a session hold or do, and the name each excess is counted under.
//
// A session over a limit refuses the stream where the stream is at fault, and ends with ENHANCE_YOUR_CALM where the
// peer is. The rows of the table in docs/ARCHITECTURE.md ("What a peer may do to a session") are tested one by one.

package import Net

/// The limits of one session.
package struct HTTP2Limits: Sendable {
  /// Streams the peer may have open at once; more are refused.
  package var streamsMax: UInt32 = 200
  /// Streams a client opens at most, whatever the peer allows; more go to another session.
  package var openedMax: UInt32 = 1000
  /// The largest frame we accept; the payload waits in the batch, never in a buffer of its own.
  package var frameBytesMax: UInt32 = 1 << 20
  /// The largest frame we build, where the peer accepts it: full TLS records with the header in front.
  package var builtFrameBytesMax = (1 << 20) - 9
  /// A stream's window: what one silent consumer can make us hold. As large as the peers' own, some of which drop what
  /// does not fit when their origin ends first; all streams together are bounded by `heldBytesMax`.
  package var streamWindow: Int32 = 4 << 20
  /// The connection's window.
  package var connectionWindow: Int32 = 16 << 20
  /// Bytes held for all streams together before connection credit is kept back. With the window: at most twice that.
  package var heldBytesMax = 16 << 20
  /// Bytes a stream takes by `write` before its frames are built.
  package var queuedBytesMax = 256 * 1024
  /// A header section as received: names, values and 32 bytes for each field.
  package var headerBytesMax = 64 * 1024
  /// Fields in a header section.
  package var headerFieldsMax = 128
  /// The wait for the peer's first SETTINGS.
  package var preface = Duration.seconds(10)
  /// A PING is sent after so much silence, and the peer must answer within `pingAnswer`.
  package var pingEvery = Duration.seconds(10)
  /// See `pingEvery`.
  package var pingAnswer = Duration.seconds(20)
  /// A session without a stream ends after this; nil keeps it.
  package var idle: Duration?
  /// A stream whose bytes the peer gives no credit for, or a connection that takes none, ends after this; nil waits.
  package var stall: Duration?
  /// Streams the peer may give up before they are answered, or make us reset: at once, and per second.
  package var resets = Allowance(burst: 200, perSecond: 20)
  /// Frames that carry nothing (SETTINGS, PING, PRIORITY, headers of streams we reset): at once, and per second.
  package var idleFrames = Allowance(burst: 500, perSecond: 50)
  /// WINDOW_UPDATE frames beyond those that our own DATA explains: at once, and per second.
  package var windowUpdates = Allowance(burst: 1000, perSecond: 200)
  /// Empty DATA frames in a row.
  package var emptyFramesMax = 1

  /// The defaults above.
  package init() {}

  /// A budget that refills with time.
  package struct Allowance: Sendable, Equatable {
    /// At once.
    package var burst: Int
    /// Per second after that.
    package var perSecond: Int

    /// So many at once, so many per second after.
    package init(burst: Int, perSecond: Int) {
      self.burst = burst
      self.perSecond = perSecond
    }
  }
}

/// What is left of an allowance.
struct Bucket {
  private let allowance: HTTP2Limits.Allowance
  private var left: Int
  private var filledAt: Instant

  init(_ allowance: HTTP2Limits.Allowance, now: Instant) {
    self.allowance = allowance
    left = allowance.burst
    filledAt = now
  }

  /// Takes one; false when there is none left.
  mutating func take(now: Instant) -> Bool {
    let elapsed = now.since(filledAt).nanoseconds
    let refill = Int(min(elapsed, 1_000_000_000_000)) / 1_000_000 * allowance.perSecond / 1000
    if refill > 0 {
      left = min(allowance.burst, left + refill)
      filledAt = now
    }
    guard left > 0 else { return false }
    left -= 1
    return true
  }

  /// Gives some back for work that explains them.
  mutating func refill(_ count: Int) { left = min(allowance.burst, left + count) }
}

/// What happened to sessions and streams.
package enum HTTP2Count: Int, CaseIterable, Sendable {
  case sessions, streams, streamsRefused, goawayReceived, goawaySent, resetsReceived, resetsSent, sessionsLost
  case resetFlood, invalidFrameFlood, idleFrameFlood, windowUpdateFlood, emptyFrameFlood, continuationFlood,
    outboundFlood
  case headersTooLarge, headersMalformed, schemeRefused, compressionErrors, protocolErrors, flowControlErrors,
    frameSizeErrors
  case prefaceTimeouts, pingTimeouts, idleSessions, stalledStreams, stalledSessions, creditKeptBack
}

/// The counters of one worker's sessions.
package final class HTTP2Counts {
  /// The numbers.
  package var values = Counts<HTTP2Count>()

  /// All zero.
  package init() {}
}
