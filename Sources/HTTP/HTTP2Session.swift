// SPDX-License-Identifier: Apache-2.0
// HTTP2Session: one HTTP/2 connection over any pipe, as client or server. nghttp2 frames and compresses; what it leaves
// open (what a peer may make us do, and whose bytes go where) is decided here.
//
//   in:  pipe → plainIn → nghttp2 → pieces by stream → owners, once per batch; the rest is held
//   out: owners → frames in plainOut → pipe, once per turn of the worker, for all streams together
//
// Connection credit goes back when bytes arrive, stream credit when an owner took them: one consumer that stands still
// stops its stream and no other. When all streams together hold too much, connection credit is kept back as well.

package import Net
import CNghttp2
package import Glibc

/// One HTTP/2 connection.
package final class HTTP2Session: PipeOwner, FlushTarget, TimerTarget {
  /// Which end of the connection.
  package enum Role: Sendable { case client, server }

  /// Told once, when the session has ended.
  package var onClose: (() -> Void)?
  /// How the session ended; nil while it lives.
  package private(set) var ending: PipeFailure?
  /// Whether the peer, or we, announced the end: no new streams.
  package private(set) var isDraining = false

  let reactor: Reactor
  let limits: HTTP2Limits
  let role: Role
  let counts: HTTP2Counts
  var guards: HTTP2Guards
  private let pipe: any Pipe
  private var raw: OpaquePointer?
  private var streams: [Int32: HTTP2Stream] = [:]
  private var requests: [HTTP2Stream] = []
  private var requestWaiter: UnsafeContinuation<Void, Never>?
  private var pieces: [Piece] = []
  private var touched: [HTTP2Stream] = []
  private var toTellWritable: [HTTP2Stream] = []
  private var heldBytes = 0
  private var connectionOwed = 0
  private var builtCount = 0
  private var unsent: Held
  private var isFlushQueued = false
  private var readsAgain = false
  private var isReceiving = false
  private var hasPeerSettings = false
  private var heardAt: Instant
  private var sentAt: Instant
  private var busyAt: Instant
  private var pingSentAt: Instant?
  private var timer: Timer?

  private struct Piece {
    let bytes: iovec
    var next = -1
  }

  /// Starts a session over a pipe that is connected and, where it is TLS, verified.
  package init(_ role: Role, over pipe: any Pipe, limits: HTTP2Limits = HTTP2Limits(), counts: HTTP2Counts, on worker: isolated Worker) {
    self.role = role
    self.pipe = pipe
    self.limits = limits
    self.counts = counts
    reactor = worker.reactor
    unsent = Held(worker.reactor.pool)
    heardAt = reactor.now
    sentAt = reactor.now
    busyAt = reactor.now
    guards = HTTP2Guards(limits, now: reactor.now)
    pieces.reserveCapacity(64)
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
    return streams.count < Int(min(peerMax, 10_000)) && nghttp2_session_check_request_allowed(raw) == 1
  }

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
      HTTP2Library.withProvider(unless: ends) { nghttp2_submit_request(raw, nil, fields.baseAddress, fields.count, $0, context) }
    }
    guard id > 0 else { throw .unavailable }
    adopt(stream, id)
    flushLater()
    return stream
  }

  /// A server's next request; nil when the session has ended.
  package func nextRequest(on worker: isolated Worker) async -> HTTP2Stream? {
    while requests.isEmpty, ending == nil { await withUnsafeContinuation { requestWaiter = $0 } }
    return requests.isEmpty ? nil : requests.removeFirst()
  }

  private func adopt(_ stream: HTTP2Stream, _ id: Int32) {
    stream.id = id
    streams[id] = stream
    busyAt = reactor.now
    counts.values[.streams] += 1
  }

  func submitResponse(_ stream: HTTP2Stream, _ fields: Fields, ends: Bool) {
    guard let raw else { return }
    _ = fields.withNghttp2 { fields in
      HTTP2Library.withProvider(unless: ends) { nghttp2_submit_response(raw, stream.id, fields.baseAddress, fields.count, $0) }
    }
    flushLater()
  }

  func reset(_ stream: HTTP2Stream, _ code: UInt32) {
    guard let raw else { return }
    _ = nghttp2_submit_rst_stream(raw, UInt8(NGHTTP2_FLAG_NONE.rawValue), stream.id, code)
    flushLater()
  }

  func resume(_ stream: HTTP2Stream) {
    guard let raw else { return }
    _ = nghttp2_session_resume_data(raw, stream.id)
    flushLater()
  }

  func notifyWritable(_ stream: HTTP2Stream) { toTellWritable.append(stream) }

  func returnCredit(_ stream: HTTP2Stream, _ count: Int) {
    guard let raw, count > 0 else { return }
    heldBytes -= count
    if !stream.isOver { _ = nghttp2_session_consume_stream(raw, stream.id, count) }
    returnConnectionCredit()
  }

  private func returnConnectionCredit() {
    guard let raw, connectionOwed > 0 else { return }
    guard heldBytes <= limits.heldBytesMax else {
      counts.values[.creditKeptBack] += 1
      return
    }
    _ = nghttp2_session_consume_connection(raw, connectionOwed)
    connectionOwed = 0
    if nghttp2_session_want_write(raw) != 0 { flushLater() }
  }

  // MARK: Receiving

  package func readable(_ pipe: any Pipe) { receive() }

  package func arrived(_ pieces: UnsafeBufferPointer<iovec>, on pipe: any Pipe) -> Int { 0 }

  private func receive() {
    guard ending == nil, !isReceiving else { return }
    isReceiving = true
    defer { isReceiving = false }
    let room = reactor.batch.plainIn
    while ending == nil {
      let transfer: Transfer
      if pipe.held.isEmpty {
        transfer = pipe.read(into: room)
      } else {
        let count = pipe.held.read(into: room)
        pipe.took(count)
        transfer = .bytes(count)
      }
      switch transfer {
      case .bytes(let count):
        heardAt = reactor.now
        parse(UnsafeRawBufferPointer(rebasing: room[..<count]))
        guard count < room.count else {
          readsAgain = true
          return flushLater()
        }
      case .wait: return
      case .end: return end(.lost)
      case .failed(let failure): return end(failure == .truncated ? .truncated : .lost)
      }
    }
  }

  private func parse(_ bytes: UnsafeRawBufferPointer) {
    guard let raw else { return }
    let code = nghttp2_session_mem_recv(raw, bytes.bindMemory(to: UInt8.self).baseAddress, bytes.count)
    deliver()
    if code < 0 {
      fail(libraryCode: CInt(truncatingIfNeeded: code))
    } else if let excess = guards.excess {
      guards.excess = nil
      terminate(excess)
    }
    if nghttp2_session_want_write(raw) != 0 { flushLater() }
    endWhenDone()
  }

  /// Notes one piece of a stream's bytes; they stay in the batch until `deliver`.
  func note(_ stream: HTTP2Stream, _ data: UnsafePointer<UInt8>, _ count: Int) {
    let index = pieces.count
    pieces.append(Piece(bytes: iovec(iov_base: UnsafeMutableRawPointer(mutating: data), iov_len: count)))
    if stream.lastPiece >= 0 { pieces[stream.lastPiece].next = index } else { stream.firstPiece = index }
    stream.lastPiece = index
    touch(stream)
  }

  /// Has the stream's owner told, at the end of this batch.
  func touch(_ stream: HTTP2Stream) {
    guard !stream.isTouched else { return }
    stream.isTouched = true
    touched.append(stream)
  }

  /// Gives every stream's owner what the batch held for it, then tells of what was left over or ended.
  private func deliver() {
    for stream in touched where stream.firstPiece >= 0 { lend(stream) }
    pieces.removeAll(keepingCapacity: true)
    returnConnectionCredit()
    // From here on an owner may read, write, close, or open: the batch is free.
    var index = 0
    while index < touched.count {
      let stream = touched[index]
      index += 1
      stream.isTouched = false
      if let failure = stream.failure, stream.isOver {
        let owner = stream.owner
        stream.owner = nil
        owner?.failed(stream, failure)
      } else if stream.hasReceivedEnd || !stream.held.isEmpty {
        stream.owner?.readable(stream)
      }
      stream.wake()
    }
    touched.removeAll(keepingCapacity: true)
  }

  private func lend(_ stream: HTTP2Stream) {
    var next = stream.firstPiece
    stream.firstPiece = -1
    stream.lastPiece = -1
    var isTaking = stream.held.isEmpty
    var takenBytes = 0
    let room = reactor.batch.pieces
    while next >= 0 {
      var count = 0
      while next >= 0, count < room.count {
        room[count] = pieces[next].bytes
        next = pieces[next].next
        count += 1
      }
      let lent = UnsafeBufferPointer(rebasing: room[..<count])
      let bytes = lent.byteCount
      connectionOwed += bytes
      stream.receivedBytes += bytes
      let taken = isTaking ? stream.owner?.arrived(lent, on: stream) ?? 0 : 0
      takenBytes += taken
      if taken < bytes {
        isTaking = false
        guard !stream.isOver || stream.owner != nil else { continue }
        stream.held.append(lent, from: taken)
        heldBytes += bytes - taken
      }
    }
    guard let raw, takenBytes > 0 else { return }
    stream.movedAt = reactor.now
    guard !stream.isOver, !stream.hasReceivedEnd else { return }
    _ = nghttp2_session_consume_stream(raw, stream.id, takenBytes)
    if isTaking { growWindow(of: stream) }
  }

  /// A stream whose bytes are taken as they come earns a larger window.
  private func growWindow(of stream: HTTP2Stream) {
    guard let raw, stream.window < limits.streamWindowMax, stream.receivedBytes > 2 * Int(stream.window) else { return }
    stream.window = min(limits.streamWindowMax, stream.window * 4)
    _ = nghttp2_session_set_local_window_size(raw, UInt8(NGHTTP2_FLAG_NONE.rawValue), stream.id, stream.window)
  }

  // MARK: What the library reports while it parses

  func begin(_ id: Int32) -> HTTP2Stream {
    let stream = HTTP2Stream(self)
    adopt(stream, id)
    return stream
  }

  func received(request stream: HTTP2Stream) {
    requests.append(stream)
    requestWaiter?.resume()
    requestWaiter = nil
  }

  func receivedSettings() { hasPeerSettings = true }
  func receivedPong() { pingSentAt = nil }

  func receivedGoaway() {
    counts.values[.goawayReceived] += 1
    isDraining = true
  }

  func closed(_ id: Int32, _ code: UInt32) {
    guard let stream = streams.removeValue(forKey: id) else { return }
    stream.isOver = true
    busyAt = reactor.now
    if !(stream.hasReceivedEnd && stream.hasFinished) || code != NGHTTP2_NO_ERROR.rawValue {
      stream.failure = stream.failure ?? PipeFailure(errorCode: code)
    }
    if !stream.held.isEmpty, stream.failure != nil || stream.owner == nil {
      heldBytes -= stream.held.count
      stream.held.consume(stream.held.count)
    }
    if stream.failure != nil { touch(stream) }
    stream.wake()
    if isReceiving == false { flushLater() }
  }

  // MARK: Sending

  /// Asks for frames to be built at the end of this turn.
  func flushLater() {
    guard !isFlushQueued else { return }
    isFlushQueued = true
    reactor.flushLater(self)
  }

  package func flush() {
    isFlushQueued = false
    if readsAgain {
      readsAgain = false
      receive()
    }
    guard let raw, ending == nil else { return }
    if pipe.isWritable, sendKept() {
      builtCount = 0
      let code = nghttp2_session_send(raw)
      sendBuilt()
      // A full batch: there is more, after the others had their turn.
      if nghttp2_session_want_write(raw) != 0, builtCount > Batch.bytes / 2, pipe.isWritable { flushLater() }
      if code < 0, code != NGHTTP2_ERR_PAUSE.rawValue { return fail(libraryCode: code) }
    }
    for stream in swapOut(&toTellWritable) { stream.tellWritable() }
    // Streams that broke while frames were built.
    if !touched.isEmpty { deliver() }
    endWhenDone()
  }

  /// The room for the next frame's payload, behind its header; nil when the batch is full.
  func room(_ wanted: Int) -> UnsafeMutableRawBufferPointer? {
    let batch = reactor.batch.plainOut
    let left = batch.count - builtCount - 9
    guard left >= min(wanted, 16_384) else { return nil }
    return UnsafeMutableRawBufferPointer(rebasing: batch[(builtCount + 9)..<(builtCount + 9 + min(left, wanted))])
  }

  /// Appends a control frame, or part of one; false when the batch is full.
  func append(_ bytes: UnsafeRawBufferPointer) -> Bool {
    let batch = reactor.batch.plainOut
    guard builtCount + bytes.count <= batch.count else { return false }
    UnsafeMutableRawBufferPointer(rebasing: batch[builtCount..<(builtCount + bytes.count)]).copyMemory(from: bytes)
    builtCount += bytes.count
    return true
  }

  /// Completes a DATA frame whose payload lies in its place already.
  func appendData(header: UnsafeRawBufferPointer, payload: Int) {
    _ = append(header)
    builtCount += payload
    guards.sentData(payload)
  }

  private func sendBuilt() {
    guard builtCount > 0, let base = reactor.batch.plainOut.baseAddress else { return }
    sentAt = reactor.now
    var piece = iovec(iov_base: base, iov_len: builtCount)
    let transfer = withUnsafePointer(to: &piece) { pipe.write(UnsafeBufferPointer(start: $0, count: 1)) }
    let taken: Int
    switch transfer {
    case .bytes(let count): taken = count
    case .wait: taken = 0
    // The pipe says so itself when it is read; until then what cannot be sent is dropped.
    case .end, .failed: taken = builtCount
    }
    unsent.append(UnsafeRawBufferPointer(start: base + taken, count: builtCount - taken))
  }

  private func sendKept() -> Bool {
    while !unsent.isEmpty {
      let pieces = unsent.lend(reactor.batch.pieces)
      let offered = pieces.byteCount
      guard case .bytes(let count) = pipe.write(pieces) else { return false }
      unsent.consume(count)
      guard count == offered else { return false }
    }
    return true
  }

  package func writable(_ pipe: any Pipe) { flushLater() }

  package func fill(_ room: UnsafeMutableRawBufferPointer, for pipe: any Pipe) -> Transfer {
    guard !unsent.isEmpty else { return .wait }
    return .bytes(unsent.read(into: room))
  }

  // MARK: Ending

  /// Takes no new streams and ends when the last one has. The peer is told twice: first that the end is near, then,
  /// a second later, which streams were still seen (RFC 9113 6.8).
  package func drain() {
    guard let raw, !isDraining else { return }
    isDraining = true
    counts.values[.goawaySent] += 1
    if role == .server {
      _ = nghttp2_submit_shutdown_notice(raw)
      drainTimer = reactor.arm(.seconds(1), self)
    } else {
      _ = nghttp2_submit_goaway(raw, UInt8(NGHTTP2_FLAG_NONE.rawValue), 0, NGHTTP2_NO_ERROR.rawValue, nil, 0)
    }
    flushLater()
  }

  private var drainTimer: Timer?

  private func finishDrain() {
    guard let raw else { return }
    let last = nghttp2_session_get_last_proc_stream_id(raw)
    _ = nghttp2_submit_goaway(raw, UInt8(NGHTTP2_FLAG_NONE.rawValue), last, NGHTTP2_NO_ERROR.rawValue, nil, 0)
    flushLater()
  }

  private func endWhenDone() {
    guard let raw, ending == nil, isDraining, streams.isEmpty, drainTimer == nil, nghttp2_session_want_write(raw) == 0, unsent.isEmpty else { return }
    close()
  }

  /// Ends now: streams that are open are lost.
  package func close() { end(.cancelled) }

  package func failed(_ pipe: any Pipe, _ failure: PipeFailure) { end(.lost) }

  private func fail(libraryCode: CInt) {
    let count: HTTP2Count
    let code: nghttp2_error_code
    switch libraryCode {
    case NGHTTP2_ERR_FLOODED.rawValue: (count, code) = (.outboundFlood, NGHTTP2_ENHANCE_YOUR_CALM)
    case NGHTTP2_ERR_TOO_MANY_CONTINUATIONS.rawValue: (count, code) = (.continuationFlood, NGHTTP2_ENHANCE_YOUR_CALM)
    case NGHTTP2_ERR_HEADER_COMP.rawValue: (count, code) = (.compressionErrors, NGHTTP2_COMPRESSION_ERROR)
    case NGHTTP2_ERR_FLOW_CONTROL.rawValue: (count, code) = (.flowControlErrors, NGHTTP2_FLOW_CONTROL_ERROR)
    case NGHTTP2_ERR_FRAME_SIZE_ERROR.rawValue: (count, code) = (.frameSizeErrors, NGHTTP2_FRAME_SIZE_ERROR)
    default: (count, code) = (.protocolErrors, NGHTTP2_PROTOCOL_ERROR)
    }
    terminate((count, code.rawValue))
  }

  /// Says why in a GOAWAY and ends. The library is fed nothing more.
  func terminate(_ why: (count: HTTP2Count, code: UInt32)) {
    guard let raw, ending == nil else { return }
    counts.values[why.count] += 1
    counts.values[.goawaySent] += 1
    _ = nghttp2_session_terminate_session(raw, why.code)
    builtCount = 0
    if pipe.isWritable {
      _ = nghttp2_session_send(raw)
      sendBuilt()
    }
    end(.protocolError)
  }

  private func end(_ why: PipeFailure) {
    guard ending == nil else { return }
    ending = why
    isDraining = true
    if why == .lost { counts.values[.sessionsLost] += 1 }
    if let timer { reactor.timers.cancel(timer) }
    if let drainTimer { reactor.timers.cancel(drainTimer) }
    switch why {
    case .cancelled, .protocolError:
      pipe.finish()
      pipe.close()
    default: pipe.abort(why)
    }
    failStreams(why == .protocolError ? .protocolError : .lost)
    requestWaiter?.resume()
    requestWaiter = nil
    onClose?()
    onClose = nil
  }

  /// Every stream hears it; a lost tunnel is never an end.
  private func failStreams(_ why: PipeFailure) {
    let open = streams.values.map(\.self)
    streams.removeAll()
    heldBytes = 0
    for stream in open {
      stream.isOver = true
      stream.failure = stream.failure ?? why
      if !stream.isTouched {
        let owner = stream.owner
        stream.owner = nil
        owner?.failed(stream, why)
      }
      stream.wake()
    }
  }

  // MARK: Time

  package func expired(_ timer: Timer) {
    if timer == drainTimer {
      drainTimer = nil
      return finishDrain()
    }
    self.timer = nil
    guard ending == nil else { return }
    guard let wait = checkTime() else { return }
    self.timer = reactor.arm(wait, self)
  }

  /// How long until the next look; nil when the session was ended.
  private func checkTime() -> Duration? {
    let now = reactor.now
    if !hasPeerSettings, now.since(heardAt) >= limits.preface {
      terminate((.prefaceTimeouts, NGHTTP2_PROTOCOL_ERROR.rawValue))
      return nil
    }
    if let pingSentAt, now.since(max(pingSentAt, heardAt)) >= limits.pingAnswer {
      counts.values[.pingTimeouts] += 1
      end(.lost)
      return nil
    }
    if let idle = limits.idle, streams.isEmpty, now.since(busyAt) >= idle, !isDraining {
      counts.values[.idleSessions] += 1
      drain()
    }
    if let stall = limits.stall, endStalled(stall) { return nil }
    if pingSentAt == nil, now.since(heardAt) >= limits.pingEvery, let raw {
      pingSentAt = now
      _ = nghttp2_submit_ping(raw, UInt8(NGHTTP2_FLAG_NONE.rawValue), nil)
      flushLater()
    }
    let next = min(hasPeerSettings ? limits.pingEvery : limits.preface, limits.pingAnswer)
    return [next, limits.idle, limits.stall].compactMap(\.self).min() ?? next
  }

  /// Resets streams that wait for credit too long; ends a session whose connection takes nothing for so long.
  private func endStalled(_ stall: Duration) -> Bool {
    guard let raw else { return true }
    if !pipe.isWritable, reactor.now.since(sentAt) >= stall {
      counts.values[.stalledSessions] += 1
      end(.idle)
      return true
    }
    for stream in streams.values where stream.wantsCredit && reactor.now.since(stream.movedAt) >= stall {
      guard nghttp2_session_get_stream_remote_window_size(raw, stream.id) <= 0 || nghttp2_session_get_remote_window_size(raw) <= 0 else { continue }
      counts.values[.stalledStreams] += 1
      stream.failure = .idle
      reset(stream, NGHTTP2_ENHANCE_YOUR_CALM.rawValue)
    }
    return false
  }

  private func submitSettings() {
    guard let raw else { return }
    var settings = [
      nghttp2_settings_entry(settings_id: Int32(NGHTTP2_SETTINGS_INITIAL_WINDOW_SIZE.rawValue), value: UInt32(limits.streamWindow)),
      nghttp2_settings_entry(settings_id: Int32(NGHTTP2_SETTINGS_MAX_FRAME_SIZE.rawValue), value: limits.frameBytesMax),
      nghttp2_settings_entry(settings_id: Int32(NGHTTP2_SETTINGS_MAX_HEADER_LIST_SIZE.rawValue), value: UInt32(limits.headerBytesMax)),
      nghttp2_settings_entry(settings_id: Int32(NGHTTP2_SETTINGS_ENABLE_PUSH.rawValue), value: 0),
    ]
    if role == .server {
      settings[3] = nghttp2_settings_entry(settings_id: Int32(NGHTTP2_SETTINGS_MAX_CONCURRENT_STREAMS.rawValue), value: limits.streamsMax)
    }
    _ = nghttp2_submit_settings(raw, UInt8(NGHTTP2_FLAG_NONE.rawValue), settings, settings.count)
    _ = nghttp2_session_set_local_window_size(raw, UInt8(NGHTTP2_FLAG_NONE.rawValue), 0, limits.connectionWindow)
  }
}

private func swapOut<Element>(_ array: inout [Element]) -> [Element] {
  guard !array.isEmpty else { return [] }
  let out = array
  array = []
  return out
}
