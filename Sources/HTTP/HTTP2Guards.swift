// SPDX-License-Identifier: Apache-2.0
// HTTP2Guards: how much of what costs us and carries nothing a peer has sent. Pure: frames in, an excess out.

import CNghttp2
import Net

/// The budgets of one session.
struct HTTP2Guards {
  /// Set when a budget is used up: what it is counted as, and the code the GOAWAY carries.
  var excess: (count: HTTP2Count, code: UInt32)?

  /// Streams we reset of which late frames may still be on their way.
  private static let resetsKept = 128

  private let emptyFramesMax: Int
  private var resets: Bucket
  private var idleFrames: Bucket
  private var windowUpdates: Bucket
  private var emptyFrames = 0
  private var sentRemainder = 0
  private var resetIDs: [Int32] = []
  private var nextReset = 0

  init(_ limits: HTTP2Limits, now: Instant) {
    emptyFramesMax = limits.emptyFramesMax
    resets = Bucket(limits.resets, now: now)
    idleFrames = Bucket(limits.idleFrames, now: now)
    windowUpdates = Bucket(limits.windowUpdates, now: now)
  }

  /// A frame header was read. `isGone`: its stream is closed, or was passed over.
  mutating func began(_ header: nghttp2_frame_hd, isGone: Bool, now: Instant) {
    switch nghttp2_frame_type(UInt32(header.type)) {
    case NGHTTP2_DATA where header.length == 0: receivedEmpty(header)
    case NGHTTP2_WINDOW_UPDATE: if !windowUpdates.take(now: now) { exceed(.windowUpdateFlood) }
    case NGHTTP2_HEADERS where isGone:
      // Trailers of a stream we gave up are in order; of any other that is no more, its number is used twice (5.1.1).
      guard resetIDs.contains(header.stream_id) else { return exceed(.protocolErrors, NGHTTP2_PROTOCOL_ERROR) }
      if !idleFrames.take(now: now) { exceed(.idleFrameFlood) }
    case NGHTTP2_SETTINGS, NGHTTP2_PING, NGHTTP2_PRIORITY: if !idleFrames.take(now: now) { exceed(.idleFrameFlood) }
    default: break
    }
  }

  /// A DATA frame was read whole; padding is no data.
  mutating func received(data header: nghttp2_frame_hd, padding: Int) {
    guard header.length > 0 else { return }
    if header.length == padding { receivedEmpty(header) } else { emptyFrames = 0 }
  }

  private mutating func receivedEmpty(_ header: nghttp2_frame_hd) {
    guard header.flags & UInt8(NGHTTP2_FLAG_END_STREAM.rawValue) == 0 else { return }
    emptyFrames += 1
    if emptyFrames > emptyFramesMax { exceed(.emptyFrameFlood) }
  }

  /// We reset a stream.
  mutating func sentReset(_ id: Int32) {
    if resetIDs.count < Self.resetsKept { resetIDs.append(id) } else { resetIDs[nextReset] = id }
    nextReset = (nextReset + 1) % Self.resetsKept
  }

  /// DATA we sent explains the credit that comes back: ten updates for each 16 KiB, and for each frame.
  mutating func sentData(_ count: Int) {
    sentRemainder += count
    windowUpdates.refill(10 + sentRemainder / 16_384 * 10)
    sentRemainder %= 16_384
  }

  /// The peer gave up a stream that was not answered yet.
  mutating func gaveUp(now: Instant) { if !resets.take(now: now) { exceed(.resetFlood) } }

  /// The peer made us reset a stream by a frame that was wrong.
  mutating func provoked(now: Instant) { if !resets.take(now: now) { exceed(.invalidFrameFlood) } }

  private mutating func exceed(_ count: HTTP2Count, _ code: nghttp2_error_code = NGHTTP2_ENHANCE_YOUR_CALM) {
    excess = excess ?? (count, code.rawValue)
  }
}
