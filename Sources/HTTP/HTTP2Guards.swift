// SPDX-License-Identifier: Apache-2.0
// HTTP2Guards: how much of what costs us and carries nothing a peer has sent. Pure: frames in, an excess out.

import CNghttp2
import Net

/// The budgets of one session.
struct HTTP2Guards {
  /// Set when a budget is used up: what it is counted as, and the code the GOAWAY carries.
  var excess: (count: HTTP2Count, code: UInt32)?

  private let emptyFramesMax: Int
  private var resets: Bucket
  private var idleFrames: Bucket
  private var windowUpdates: Bucket
  private var emptyFrames = 0
  private var sentRemainder = 0

  init(_ limits: HTTP2Limits, now: Instant) {
    emptyFramesMax = limits.emptyFramesMax
    resets = Bucket(limits.resets, now: now)
    idleFrames = Bucket(limits.idleFrames, now: now)
    windowUpdates = Bucket(limits.windowUpdates, now: now)
  }

  /// A frame header was read.
  mutating func began(type: UInt8, flags: UInt8, length: Int, now: Instant) {
    switch nghttp2_frame_type(UInt32(type)) {
    case NGHTTP2_DATA:
      let ends = flags & UInt8(NGHTTP2_FLAG_END_STREAM.rawValue) != 0
      emptyFrames = length == 0 && !ends ? emptyFrames + 1 : 0
      if emptyFrames > emptyFramesMax { exceed(.emptyFrameFlood) }
    case NGHTTP2_WINDOW_UPDATE: if !windowUpdates.take(now: now) { exceed(.windowUpdateFlood) }
    case NGHTTP2_HEADERS, NGHTTP2_CONTINUATION, NGHTTP2_RST_STREAM, NGHTTP2_GOAWAY: break
    default: if !idleFrames.take(now: now) { exceed(.idleFrameFlood) }
    }
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

  private mutating func exceed(_ count: HTTP2Count) {
    excess = excess ?? (count, NGHTTP2_ENHANCE_YOUR_CALM.rawValue)
  }
}
