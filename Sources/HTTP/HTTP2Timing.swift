// SPDX-License-Identifier: Apache-2.0
// HTTP2Timing: how long a session waits for its peer, and how it ends in good order.

import CNghttp2
package import Net

extension HTTP2Session {
  /// How long the first step of a server's drain lasts: the peer's last requests are on their way.
  static var drainNotice: Duration { .seconds(1) }

  /// Takes no new streams and ends when the last one has. The peer is told twice: first that the end is near, then
  /// which streams were still seen (RFC 9113 6.8).
  package func drain() {
    guard let raw, !hasSaidGoodbye else { return }
    hasSaidGoodbye = true
    isDraining = true
    if role == .server {
      _ = nghttp2_submit_shutdown_notice(raw)
      drainTimer = reactor.arm(Self.drainNotice, self)
    } else {
      _ = nghttp2_submit_goaway(raw, HTTP2Library.noFlags, 0, NGHTTP2_NO_ERROR.rawValue, nil, 0)
    }
    flushLater()
  }

  private func finishDrain() {
    guard let raw else { return }
    let last = nghttp2_session_get_last_proc_stream_id(raw)
    _ = nghttp2_submit_goaway(raw, HTTP2Library.noFlags, last, NGHTTP2_NO_ERROR.rawValue, nil, 0)
    flushLater()
  }

  /// Ends a session that is drained, and one that the library itself has given up: it says so in no other way than by
  /// wanting neither to read nor to write.
  func endWhenDone() {
    guard let raw, ending == nil, unsent.isEmpty, nghttp2_session_want_write(raw) == 0 else { return }
    if isDraining, streamCount == 0, drainTimer == nil { return close() }
    if nghttp2_session_want_read(raw) == 0 { end(.protocolError) }
  }

  package func expired(_ timer: Timer) {
    guard ending == nil else { return }
    if timer == drainTimer {
      drainTimer = nil
      return finishDrain()
    }
    self.timer = nil
    if let wait = checkTime() { self.timer = reactor.arm(wait, self) }
  }

  /// How long until the next look; nil when the session was ended.
  private func checkTime() -> Duration? {
    let now = reactor.now
    if !hasPeerSettings, now.since(startedAt) >= limits.preface {
      terminate((.prefaceTimeouts, NGHTTP2_PROTOCOL_ERROR.rawValue))
      return nil
    }
    if let pingSentAt, now.since(max(pingSentAt, heardAt)) >= limits.pingAnswer {
      counts.values[.pingTimeouts] += 1
      end(.lost)
      return nil
    }
    if let stall = limits.stall, endStalled(stall) { return nil }
    if let idle = limits.idle, streamCount == 0, now.since(busyAt) >= idle, !isDraining {
      counts.values[.idleSessions] += 1
      drain()
    }
    if pingSentAt == nil, now.since(heardAt) >= limits.pingEvery { ping() }
    let next = min(hasPeerSettings ? limits.pingEvery : limits.preface, limits.pingAnswer)
    return [next, limits.idle, limits.stall].compactMap(\.self).min() ?? next
  }

  private func ping() {
    guard let raw else { return }
    pingSentAt = reactor.now
    _ = nghttp2_submit_ping(raw, HTTP2Library.noFlags, nil)
    flushLater()
  }

  /// Resets streams that wait for credit too long; ends a session whose connection takes nothing for so long.
  private func endStalled(_ stall: Duration) -> Bool {
    guard let raw else { return true }
    if !pipe.isWritable, reactor.now.since(sentAt) >= stall {
      counts.values[.stalledSessions] += 1
      end(.idle)
      return true
    }
    let isConnectionShut = nghttp2_session_get_remote_window_size(raw) <= 0
    for stream in openStreams where stream.wantsCredit && reactor.now.since(stream.movedAt) >= stall {
      guard isConnectionShut || nghttp2_session_get_stream_remote_window_size(raw, stream.id) <= 0 else { continue }
      counts.values[.stalledStreams] += 1
      stream.failure = .idle
      reset(stream, NGHTTP2_ENHANCE_YOUR_CALM.rawValue)
    }
    return false
  }

  /// The peer's settings came, its answer to a ping, its goodbye.
  func receivedSettings() { hasPeerSettings = true }
  func receivedPong() { pingSentAt = nil }
  func receivedGoaway() {
    counts.values[.goawayReceived] += 1
    isDraining = true
  }
}
