// SPDX-License-Identifier: Apache-2.0
// HTTP2Session: one HTTP/2 connection over any pipe, as client or server. nghttp2 frames and compresses; what it leaves
// open (what a peer may make us do, and whose bytes go where) is decided here.
//
//   in:  pipe → plainIn → nghttp2 → pieces by stream → owners, once per batch; the rest is held    (HTTP2Receiving)
//   out: owners → frames in plainOut → pipe, once per turn of the worker, for all streams together (HTTP2Sending)
//   time: preface, pings, idleness, stalls, the two steps of a drain                               (HTTP2Timing)
//
// Connection credit goes back when bytes arrive, stream credit when an owner took them: one consumer that stands still
// stops its stream and no other. When all streams together hold too much, connection credit is kept back as well.

import CNghttp2
import Glibc
package import Net

/// One HTTP/2 connection.
package final class HTTP2Session: PipeOwner, FlushTarget, TimerTarget {
  /// Which end of the connection.
  package enum Role: Sendable { case client, server }

  /// A piece of a stream's bytes in the batch, and the place of its next.
  struct Piece {
    let bytes: iovec
    var next = -1
  }

  /// Told once, when the session has ended.
  package var onClose: (() -> Void)?
  /// How the session ended; nil while it lives.
  package private(set) var ending: PipeFailure?
  /// Whether the peer, or we, announced the end: no new streams.
  package internal(set) var isDraining = false
  var hasSaidGoodbye = false

  let reactor: Reactor
  let limits: HTTP2Limits
  let role: Role
  let counts: HTTP2Counts
  let pipe: any Pipe
  var raw: OpaquePointer?
  var guards: HTTP2Guards
  /// The highest stream the peer opened.
  private(set) var highestPeerID: Int32 = 0
  private(set) var isTerminating = false
  private var streams: [Int32: HTTP2Stream] = [:]
  private var requests: [HTTP2Stream] = []
  private var requestWaiter: UnsafeContinuation<Void, Never>?

  // Receiving.
  var pieces: [Piece] = []
  var touched: [HTTP2Stream] = []
  var heldBytes = 0
  var connectionOwed = 0
  var readsAgain = false
  var isReceiving = false

  // Sending.
  var builtCount = 0
  var isBatchFull = false
  var unsent: Held
  var isFlushQueued = false
  var toTellWritable: [HTTP2Stream] = []

  // Timing.
  let startedAt: Instant
  var heardAt: Instant
  var sentAt: Instant
  var busyAt: Instant
  var bulkAt: Instant?
  var hasPeerSettings = false
  var pingSentAt: Instant?
  var timer: Timer?
  var drainTimer: Timer?

  /// Starts a session over a pipe that is connected and, where it is TLS, verified.
  package init(
    _ role: Role, over pipe: any Pipe, limits: HTTP2Limits = HTTP2Limits(), counts: HTTP2Counts,
    on worker: isolated Worker
  ) {
    self.role = role
    self.pipe = pipe
    self.limits = limits
    self.counts = counts
    reactor = worker.reactor
    unsent = Held(worker.reactor.pool)
    startedAt = reactor.now
    heardAt = reactor.now
    sentAt = reactor.now
    busyAt = reactor.now
    guards = HTTP2Guards(limits, now: reactor.now)
    raw = HTTP2Library.makeSession(role, limits, context: Unmanaged.passUnretained(self).toOpaque())
    counts.values[.sessions] += 1
    pipe.owner = self
    timer = reactor.arm(min(limits.preface, limits.pingEvery), self)
    if raw == nil { end(.limit) }
    submitSettings()
    // What arrived before there was an owner: no event will tell of it again.
    readsAgain = true
    flushLater()
  }

  deinit { if let raw { nghttp2_session_del(raw) } }

  /// Streams open now.
  package var streamCount: Int { streams.count }

  /// Whether a client may open another stream now.
  package var canOpen: Bool {
    guard let raw, !isDraining else { return false }
    let peerMax = nghttp2_session_get_remote_settings(raw, NGHTTP2_SETTINGS_MAX_CONCURRENT_STREAMS)
    return streams.count < Int(min(peerMax, limits.openedMax)) && nghttp2_session_check_request_allowed(raw) == 1
  }

  /// Whether it moved bulk within the last second: a stream that somebody waits for is better off on another session.
  package var carriesBulk: Bool { bulkAt.map { reactor.now.since($0) < .seconds(1) } ?? false }

  // MARK: Streams

  /// Opens a stream with a request; `ends` when no body follows.
  package func open(_ request: Fields, ends: Bool = false) throws(HTTP2Failure) -> HTTP2Stream {
    guard let raw, role == .client, canOpen else { throw .unavailable }
    let stream = HTTP2Stream(self)
    stream.request = request
    stream.isAnswered = true
    if ends { stream.hasFinished = true }
    let context = Unmanaged.passUnretained(stream).toOpaque()
    let id = request.withNghttp2 { fields in
      HTTP2Library.withProvider(unless: ends) {
        nghttp2_submit_request(raw, nil, fields.baseAddress, fields.count, $0, context)
      }
    }
    guard id > 0 else { throw .unavailable }
    adopt(stream, id)
    flushLater()
    return stream
  }

  /// Whether `nextRequest` answers at once.
  package var hasRequest: Bool { !requests.isEmpty }

  /// A server's next request; nil when the session has ended.
  package func nextRequest(on worker: isolated Worker) async -> HTTP2Stream? {
    while requests.isEmpty, ending == nil { await withUnsafeContinuation { requestWaiter = $0 } }
    return requests.isEmpty ? nil : requests.removeFirst()
  }

  /// A stream the peer opened.
  func begin(_ id: Int32) -> HTTP2Stream {
    let stream = HTTP2Stream(self)
    highestPeerID = id
    adopt(stream, id)
    return stream
  }

  /// Whether a stream of that number is open.
  func knows(_ id: Int32) -> Bool { streams[id] != nil }

  /// A request is complete; whoever waits for one gets it.
  func received(request stream: HTTP2Stream) {
    requests.append(stream)
    wakeRequestWaiter()
  }

  private func adopt(_ stream: HTTP2Stream, _ id: Int32) {
    stream.id = id
    streams[id] = stream
    busyAt = reactor.now
    counts.values[.streams] += 1
  }

  private func wakeRequestWaiter() {
    requestWaiter?.resume()
    requestWaiter = nil
  }

  /// The library is done with a stream. Bytes that were received whole stay with it until its owner took them.
  func closed(_ id: Int32, _ code: UInt32) {
    guard let stream = streams.removeValue(forKey: id) else { return }
    stream.isOver = true
    busyAt = reactor.now
    // A reset without error behind a complete answer only says that the rest of the request is not wanted (8.1).
    let isComplete = stream.hasReceivedEnd && code == NGHTTP2_NO_ERROR.rawValue
    if !isComplete {
      stream.failure = stream.failure ?? PipeFailure(errorCode: code)
    }
    if !isComplete || stream.isAbandoned { drop(heldOf: stream) }
    touch(stream)
    if !isReceiving { flushLater() }
  }

  /// Streams that are open, for a look at all of them.
  var openStreams: [HTTP2Stream] { streams.values.map(\.self) }

  // MARK: What streams ask for

  func submitResponse(_ stream: HTTP2Stream, _ fields: Fields, ends: Bool) {
    guard let raw else { return }
    _ = fields.withNghttp2 { fields in
      HTTP2Library.withProvider(unless: ends) {
        nghttp2_submit_response(raw, stream.id, fields.baseAddress, fields.count, $0)
      }
    }
    flushLater()
  }

  func reset(_ stream: HTTP2Stream, _ code: UInt32) {
    guard let raw else { return }
    _ = nghttp2_submit_rst_stream(raw, HTTP2Library.noFlags, stream.id, code)
    flushLater()
  }

  func resume(_ stream: HTTP2Stream) {
    guard let raw else { return }
    _ = nghttp2_session_resume_data(raw, stream.id)
    flushLater()
  }

  // MARK: Ending

  /// Ends now: streams that are open are lost.
  package func close() { end(.cancelled) }

  package func failed(_ pipe: any Pipe, _ failure: PipeFailure) { end(.lost) }

  /// Says why in a GOAWAY and ends. The library is fed nothing more.
  func terminate(_ why: (count: HTTP2Count, code: UInt32)) {
    guard let raw, ending == nil else { return }
    counts.values[why.count] += 1
    isTerminating = true
    _ = nghttp2_session_terminate_session(raw, why.code)
    build(raw)
    end(.protocolError)
  }

  /// Ends the session once; every stream hears of it, and a lost tunnel is never an end.
  func end(_ why: PipeFailure) {
    guard ending == nil else { return }
    ending = why
    isDraining = true
    if why == .lost { counts.values[.sessionsLost] += 1 }
    if let timer { reactor.timers.cancel(timer) }
    if let drainTimer { reactor.timers.cancel(drainTimer) }
    switch why {
    case .cancelled, .protocolError: pipe.close()
    default: pipe.abort(why)
    }
    for stream in openStreams { fail(stream, why == .protocolError ? .protocolError : .lost) }
    streams.removeAll()
    requests.removeAll()
    tellTouched()
    wakeRequestWaiter()
    onClose?()
    onClose = nil
  }

  private func fail(_ stream: HTTP2Stream, _ why: PipeFailure) {
    stream.isOver = true
    stream.failure = stream.failure ?? why
    drop(heldOf: stream)
    touch(stream)
  }

  private func submitSettings() {
    guard let raw else { return }
    func entry(_ id: nghttp2_settings_id, _ value: UInt32) -> nghttp2_settings_entry {
      nghttp2_settings_entry(settings_id: Int32(id.rawValue), value: value)
    }
    let settings = [
      entry(NGHTTP2_SETTINGS_INITIAL_WINDOW_SIZE, UInt32(limits.streamWindow)),
      entry(NGHTTP2_SETTINGS_MAX_FRAME_SIZE, limits.frameBytesMax),
      entry(NGHTTP2_SETTINGS_MAX_HEADER_LIST_SIZE, UInt32(limits.headerBytesMax)),
      role == .server
        ? entry(NGHTTP2_SETTINGS_MAX_CONCURRENT_STREAMS, limits.streamsMax) : entry(NGHTTP2_SETTINGS_ENABLE_PUSH, 0),
    ]
    _ = nghttp2_submit_settings(raw, HTTP2Library.noFlags, settings, settings.count)
    _ = nghttp2_session_set_local_window_size(raw, HTTP2Library.noFlags, 0, limits.connectionWindow)
  }
}
