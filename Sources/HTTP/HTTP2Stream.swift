// SPDX-License-Identifier: Apache-2.0
// HTTP2Stream: one request and its answer; its bodies are the two halves of a pipe.
//
//   client: open → response (await) → pipe          server: nextRequest → respond → pipe
//
// It pulls: what it sends is read from its owner straight into the frame. What it receives is lent from the decrypted
// batch; only what the owner does not take is held here, against the stream's window.

package import Net
import CNghttp2
package import Glibc

/// One stream of a session.
package final class HTTP2Stream: Pipe, TimerTarget {
  /// How long a stream that was closed waits for the peer's half to end.
  package static let lingerMax = Duration.seconds(5)

  package var owner: (any PipeOwner)?
  package var held: Held
  package let pulls = true
  package let readMax = BufferPool.Size.large.rawValue

  /// The session that carries it.
  package let session: HTTP2Session
  /// Its number; 0 before the session gave it one.
  package internal(set) var id: Int32 = 0
  /// The request as sent or received.
  package internal(set) var request = Fields()
  /// The final response, once there is one.
  package internal(set) var response: Fields?
  /// What followed the body.
  package internal(set) var trailers: Fields?

  /// Whether nothing more can happen on it.
  package var isClosed: Bool { isOver }

  var section = Section()
  var isAnswered = false
  var hasReceivedEnd = false
  var hasFinished = false
  var isOver = false
  /// Closed or aborted by its owner: what still arrives is dropped.
  var isAbandoned = false
  var failure: PipeFailure?
  var receivedBytes = 0
  /// Bytes taken that the peer has no credit for yet.
  var owedBytes = 0
  var movedAt: Instant
  /// Where this stream's pieces lie in the session's list for this batch; -1: none.
  var firstPiece = -1
  var lastPiece = -1
  var isTouched = false
  private var recentBytes = 0
  private var quietSince: Instant
  private var outgoing: Held
  private var wasRefused = false
  private var isDeferred = false
  private var trailersToSend: Fields?
  private var waiter: UnsafeContinuation<Void, Never>?
  private var deadline: Deadline?
  private var lingerTimer: Timer?

  /// The header section that is being received.
  struct Section {
    var fields = Fields()
    var receivedBytes = 0
    var receivedFields = 0
    var isRefused = false
  }

  init(_ session: HTTP2Session) {
    self.session = session
    held = Held(session.reactor.pool)
    outgoing = Held(session.reactor.pool)
    movedAt = session.reactor.now
    quietSince = session.reactor.now
  }

  // Whatever way it goes, the session's sum is right without it.
  deinit { session.heldBytes -= held.count }

  // MARK: Heads

  /// Waits for the final response. On failure the stream is reset.
  package func response(within limit: Duration, on worker: isolated Worker) async throws(HTTP2Failure) -> Fields {
    let deadline = Deadline(self)
    self.deadline = deadline
    let timer = session.reactor.arm(limit, deadline)
    while response == nil, failure == nil, !deadline.hasPassed { await withUnsafeContinuation { waiter = $0 } }
    session.reactor.timers.cancel(timer)
    self.deadline = nil
    if let response { return response }
    if let failure { throw .stream(failure) }
    abort(.cancelled)
    throw .timedOut
  }

  /// Sends the response head; a body follows through the pipe unless `ends`.
  package func respond(_ fields: Fields, ends: Bool = false) {
    guard !isOver, !isAnswered else { return }
    isAnswered = true
    if ends { hasFinished = true }
    session.submitResponse(self, fields, ends: ends)
    guard ends else { return }
    isAbandoned = true
    session.drop(heldOf: self)
  }

  /// The answer is on its way whole; whatever the request still brings is not wanted (RFC 9113 8.1). Said only now: a
  /// reset that is queued earlier would overtake the answer.
  func sentWholeAnswer() {
    guard isAbandoned, !hasReceivedEnd else { return }
    session.reset(self, NGHTTP2_NO_ERROR.rawValue)
  }

  /// Ends our half with trailers.
  package func finish(trailers: Fields) {
    trailersToSend = trailers
    finish()
  }

  /// Tells the owner what a batch left: bytes, an end, a failure.
  func tell() {
    if isOver, let lingerTimer { session.reactor.timers.cancel(lingerTimer) }
    if let failure, isOver {
      let owner = owner
      self.owner = nil
      owner?.failed(self, failure)
    } else if hasReceivedEnd || !held.isEmpty {
      owner?.readable(self)
    }
    wake()
  }

  private func wake() {
    waiter?.resume()
    waiter = nil
  }

  /// The wait for a response.
  private final class Deadline: TimerTarget {
    private let stream: HTTP2Stream
    var hasPassed = false
    init(_ stream: HTTP2Stream) { self.stream = stream }
    func expired(_ timer: Timer) {
      hasPassed = true
      stream.wake()
    }
  }

  // MARK: Pipe

  package var mayRead: Bool { !held.isEmpty || hasReceivedEnd || failure != nil }

  package var isGone: Bool { isOver && failure == nil }

  package var isWritable: Bool { !isOver && outgoing.count < session.limits.queuedBytesMax }

  package func read(into room: UnsafeMutableRawBufferPointer) -> Transfer {
    if let failure { return .failed(failure) }
    return hasReceivedEnd ? .end : .wait
  }

  package func took(_ count: Int) {
    movedAt = session.reactor.now
    session.returnCredit(self, count)
  }

  package func write(_ pieces: UnsafeBufferPointer<iovec>) -> Transfer {
    if let failure { return .failed(failure) }
    guard !isOver, !hasFinished else { return .failed(.reset) }
    var taken = 0
    for piece in pieces {
      let step = min(piece.iov_len, session.limits.queuedBytesMax - outgoing.count)
      guard step > 0 else { break }
      outgoing.append(UnsafeRawBufferPointer(start: piece.iov_base, count: step))
      taken += step
    }
    if taken < pieces.byteCount { wasRefused = true }
    if taken > 0 { resume() }
    return taken > 0 ? .bytes(taken) : .wait
  }

  package func offer() { resume() }

  package func finish() {
    guard !isOver, !hasFinished else { return }
    hasFinished = true
    resume()
  }

  package func abort(_ reason: PipeFailure) {
    abandon()
    guard !isOver else { return }
    failure = failure ?? reason
    session.reset(self, reason.errorCode)
    wake()
  }

  package func close() {
    guard !isAbandoned else { return }
    // A request that nobody answered has no good end.
    guard isAnswered else { return abort(.cancelled) }
    finish()
    abandon()
    guard !isOver else { return }
    lingerTimer = session.reactor.arm(Self.lingerMax, self)
  }

  private func abandon() {
    owner = nil
    isAbandoned = true
    session.drop(heldOf: self)
  }

  package func expired(_ timer: Timer) {
    lingerTimer = nil
    guard !isOver else { return }
    // A whole answer stays one: what is reset is only the rest of the request.
    let isWhole = session.role == .server && hasFinished && outgoing.isEmpty
    session.reset(self, isWhole ? NGHTTP2_NO_ERROR.rawValue : NGHTTP2_CANCEL.rawValue)
  }

  private func resume() {
    guard isDeferred else { return }
    isDeferred = false
    session.resume(self)
  }

  // MARK: What the session asks while it builds frames

  /// What a frame's payload came to.
  enum Payload {
    case bytes(Int, ends: Bool)
    case trailers(Fields)
    case nothing
    case failed(PipeFailure)
  }

  /// Fills the payload of one DATA frame.
  func fill(_ room: UnsafeMutableRawBufferPointer) -> Payload {
    movedAt = session.reactor.now
    if !outgoing.isEmpty {
      let count = outgoing.read(into: room)
      if wasRefused, outgoing.isEmpty { session.notifyWritable(self) }
      return .bytes(count, ends: outgoing.isEmpty && hasFinished && trailersToSend == nil)
    }
    if hasFinished { return trailersToSend.map { .trailers($0) } ?? .bytes(0, ends: true) }
    switch owner?.fill(room, for: self) ?? .wait {
    case .bytes(let count):
      passed(count)
      return .bytes(count, ends: false)
    case .end:
      hasFinished = true
      return .bytes(0, ends: true)
    case .wait:
      isDeferred = true
      return .nothing
    case .failed(let failure): return .failed(failure)
    }
  }

  /// So many bytes passed at once, one way or the other.
  func passed(_ count: Int) {
    let reactor = session.reactor
    if reactor.now.since(quietSince) > Reactor.smallMessageMemory {
      quietSince = reactor.now
      recentBytes = 0
    }
    recentBytes += count
    guard count < Batch.smallMessageBytes, recentBytes < Batch.quietStreamBytes else { return }
    reactor.noteSmallMessage()
  }

  /// Whether bytes wait for the peer's credit rather than for the owner.
  var wantsCredit: Bool { !isDeferred && (!hasFinished || !outgoing.isEmpty) }

  func tellWritable() {
    guard wasRefused, !isOver else { return }
    wasRefused = false
    owner?.writable(self)
  }
}

/// Why a stream did not come about or did not answer.
package enum HTTP2Failure: Error, Equatable, Sendable {
  /// The session takes no more streams: its peer's limit, a GOAWAY, or its end. Nothing was sent.
  case unavailable
  /// No response within the limit.
  case timedOut
  /// The stream broke.
  case stream(PipeFailure)
}

extension PipeFailure {
  /// The code a reset carries (RFC 9113 section 7). A broken TCP connection is a CONNECT_ERROR, as 8.5 asks.
  var errorCode: UInt32 {
    switch self {
    case .reset, .truncated, .lost, .system: NGHTTP2_CONNECT_ERROR.rawValue
    case .idle, .cancelled: NGHTTP2_CANCEL.rawValue
    case .protocolError: NGHTTP2_PROTOCOL_ERROR.rawValue
    case .refused: NGHTTP2_REFUSED_STREAM.rawValue
    case .limit: NGHTTP2_ENHANCE_YOUR_CALM.rawValue
    }
  }

  /// What a peer's reset means.
  init(errorCode: UInt32) {
    self = errorCode == NGHTTP2_REFUSED_STREAM.rawValue ? .refused : .reset
  }
}
