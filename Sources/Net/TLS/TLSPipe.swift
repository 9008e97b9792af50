// SPDX-License-Identifier: Apache-2.0
// TLSPipe: a TLS 1.3 session over any pipe, itself a pipe.
//
//   handshake (one await) → verified again → read and write by events until both halves have ended
//
// An end of the pipe below without a close_notify is a truncation, never an end. Records that the pipe below does not
// take are kept in `unsent`, at most one batch of them: while there are any, nothing more is taken.

import COpenSSL
package import Glibc

/// Why a handshake failed.
package enum TLSFailure: Error, Equatable, Sendable {
  /// The deadline passed.
  case timedOut
  /// We refused the peer.
  case refused(TLSRefusal)
  /// The peer refused us, or broke the protocol: the library's words.
  case handshake(String)
  /// The pipe below broke or ended.
  case transport(PipeFailure)
  /// The library could not make a session.
  case library(String)
}

/// A TLS session.
package final class TLSPipe: Pipe, PipeOwner, TimerTarget {
  private enum State { case handshaking, open, over }

  /// How long records that the peer does not take are kept after `close`.
  package static let lingerMax = Duration.seconds(5)
  /// Records kept at most, about: a batch and some answers.
  private static let unsentMax = 2 * Batch.bytes
  /// Plaintext sealed by one call.
  private static let sealMax = Batch.bytes

  package var owner: (any PipeOwner)?
  package var held: Held
  package let pulls = false
  package let readMax = Batch.copyBytes

  let context: TLSContext
  let accepted: AcceptedPeers
  let resumptionKey: String?
  var refusal: TLSRefusal?
  /// The peer, once the handshake is done.
  package private(set) var peer: TLSPeer?
  /// The library's words for what ended the session, for a log.
  package private(set) var libraryError: String?

  private var ssl: OpaquePointer?
  private let below: any Pipe
  private let reactor: Reactor
  private var state = State.handshaking
  private var unsent: Held
  private var isClosing = false
  private var hasSaidGoodbye = false
  /// What the pipe below said last, when that was no wait.
  private var endBelow: Transfer?
  /// What reading comes to when the decrypted bytes are used up.
  private var ending: Transfer?
  private var timer: Timer?
  private var lingerTimer: Timer?
  private var isTimedOut = false
  private var waiter: UnsafeContinuation<Void, Never>?

  /// A session over `below`. A client names a `resumptionKey` to resume what it kept under it; the key must name
  /// everything the peer is chosen by.
  package init(
    over below: any Pipe, _ context: TLSContext, accepting accepted: AcceptedPeers, resumptionKey: String? = nil,
    on worker: isolated Worker
  ) {
    // Both would seal into one batch at once. Nothing needs it: a tunnel in a tunnel has a stream between.
    precondition(!(below is TLSPipe), "TLS directly over TLS")
    self.below = below
    self.context = context
    self.accepted = accepted
    self.resumptionKey = resumptionKey
    reactor = worker.reactor
    held = Held(worker.reactor.pool)
    unsent = Held(worker.reactor.pool)
    below.owner = self
  }

  deinit {
    guard let ssl else { return }
    // A connection that broke says nothing against its session; the library would strike it from the cache.
    SSL_set_shutdown(ssl, SSL_SENT_SHUTDOWN | SSL_RECEIVED_SHUTDOWN)
    SSL_free(ssl)
  }

  static func of(_ ssl: OpaquePointer) -> TLSPipe? {
    skein_ssl_owner(ssl).map { Unmanaged<TLSPipe>.fromOpaque($0).takeUnretainedValue() }
  }

  /// Whether this session was resumed.
  package var isResumed: Bool { ssl.map { skein_ssl_is_resumed($0) == 1 } ?? false }

  // MARK: Handshake

  /// Completes the handshake and verifies the peer. When it throws, the session is over and the pipe below closed.
  package func handshake(within deadline: Duration, on worker: isolated Worker) async throws(TLSFailure) -> TLSPeer {
    guard state == .handshaking else { throw .transport(.cancelled) }
    timer = reactor.arm(deadline, self)
    defer { if let timer { reactor.timers.cancel(timer) } }
    // The library's part of a session is 40 KB: a client that says nothing does not get it.
    if context.role == .server, !below.mayRead { try await moreFromBelow(on: worker) }
    let ssl = try makeSession()
    while true {
      ERR_clear_error()
      let code = SSL_do_handshake(ssl)
      let problem = code == 1 ? SSL_ERROR_NONE : SSL_get_error(ssl, code)
      if code != 1, problem != SSL_ERROR_WANT_READ { noteLibraryError() }
      send()
      if code == 1 { return try verified() }
      guard problem == SSL_ERROR_WANT_READ, endBelow == nil else { throw fail(handshakeFailure()) }
      try await moreFromBelow(on: worker)
    }
  }

  private func moreFromBelow(on worker: isolated Worker) async throws(TLSFailure) {
    await withUnsafeContinuation { waiter = $0 }
    guard !isTimedOut else { throw fail(.timedOut) }
    guard state == .handshaking else { throw .transport(.cancelled) }
  }

  private func makeSession() throws(TLSFailure) -> OpaquePointer {
    guard let ssl = SSL_new(context.raw) else { throw fail(.library(TLSContext.libraryError())) }
    self.ssl = ssl
    guard let bio = BIO_new(context.bioMethod) else { throw fail(.library(TLSContext.libraryError())) }
    let this = Unmanaged.passUnretained(self).toOpaque()
    BIO_set_data(bio, this)
    SSL_set_bio(ssl, bio, bio)
    skein_ssl_set_owner(ssl, this)
    guard context.role == .client else {
      SSL_set_accept_state(ssl)
      return ssl
    }
    SSL_set_connect_state(ssl)
    if let resumptionKey, let session = context.takeSession(resumptionKey) {
      SSL_set_session(ssl, session)
      SSL_SESSION_free(session)
    }
    return ssl
  }

  private func noteLibraryError() {
    // A client without a certificate fails in the library, before there is anything for us to verify.
    if ERR_GET_REASON(ERR_peek_last_error()) == SSL_R_PEER_DID_NOT_RETURN_A_CERTIFICATE { refusal = .noCertificate }
    libraryError = TLSContext.libraryError()
  }

  private func handshakeFailure() -> TLSFailure {
    if let refusal { return .refused(refusal) }
    if case .failed(let failure)? = endBelow { return .transport(failure) }
    if endBelow == .end { return .transport(.truncated) }
    return .handshake(libraryError ?? "unknown")
  }

  /// The second look, which a resumed handshake owes us.
  private func verified() throws(TLSFailure) -> TLSPeer {
    guard let ssl, let leaf = skein_ssl_peer_certificate(ssl) else { throw fail(.refused(.noCertificate)) }
    defer { X509_free(leaf) }
    switch PeerCheck.judge(leaf, accepted: accepted, now: context.now()) {
    case .failure(let refusal): throw fail(.refused(refusal))
    case .success(let peer):
      guard hasAgreedProtocol else { throw fail(.handshake("no common protocol")) }
      self.peer = peer
      state = .open
      reactor.counts[.tlsHandshakes] += 1
      if isResumed { reactor.counts[.tlsResumed] += 1 }
      return peer
    }
  }

  /// A peer that offers no protocol at all does not mean ours.
  private var hasAgreedProtocol: Bool {
    var name: UnsafePointer<UInt8>?
    var count: UInt32 = 0
    SSL_get0_alpn_selected(ssl, &name, &count)
    return count > 0 || !context.namesProtocols
  }

  private func fail(_ failure: TLSFailure) -> TLSFailure {
    state = .over
    switch failure {
    case .timedOut: reactor.counts[.tlsHandshakeTimeout] += 1
    case .refused(let refusal): reactor.counts[refusal.count] += 1
    case .handshake, .transport, .library: reactor.counts[.tlsHandshakeFailed] += 1
    }
    owner = nil
    // In good order, so that the alert that says why still reaches the peer.
    closeBelow()
    return failure
  }

  package func expired(_ timer: Timer) {
    if timer == lingerTimer {
      if isClosing { below.abort(.idle) }
    } else if state == .handshaking {
      isTimedOut = true
      wake()
    }
  }

  private func wake() {
    waiter?.resume()
    waiter = nil
  }

  // MARK: Reading

  package func read(into room: UnsafeMutableRawBufferPointer) -> Transfer {
    guard let ssl, state == .open else { return ending ?? .wait }
    if let ending { return ending }
    var filled = 0
    while filled < room.count, ending == nil {
      var count = 0
      ERR_clear_error()
      let code = SSL_read_ex(ssl, room.baseAddress.map { $0 + filled }, room.count - filled, &count)
      filled += count
      if code == 1 { continue }
      switch SSL_get_error(ssl, code) {
      case SSL_ERROR_WANT_READ:
        // The library asks to read again although the pipe below has ended: it waits for a goodbye that never comes.
        guard let endBelow else { break }
        ending = brokenEnd(endBelow)
        continue
      case SSL_ERROR_ZERO_RETURN: ending = .end
      default:
        libraryError = TLSContext.libraryError()
        ending = endBelow.map(brokenEnd) ?? .failed(.protocolError)
      }
      break
    }
    // Reading may answer: a key update, an alert.
    send()
    return filled > 0 ? .bytes(filled) : ending ?? .wait
  }

  private func brokenEnd(_ transfer: Transfer) -> Transfer {
    if case .failed(let failure) = transfer { return .failed(failure) }
    reactor.counts[.tlsTruncated] += 1
    return .failed(.truncated)
  }

  func readBelow(_ room: UnsafeMutableRawBufferPointer) -> Transfer {
    guard below.held.isEmpty else {
      let count = below.held.read(into: room)
      below.took(count)
      return .bytes(count)
    }
    let transfer = below.read(into: room)
    switch transfer {
    case .end, .failed: endBelow = transfer
    case .bytes, .wait: break
    }
    return transfer
  }

  package func took(_ count: Int) {}

  package let isGone = false

  package var isWritable: Bool { state == .open && unsent.isEmpty }

  /// Some may be decrypted already; only reading tells.
  package var mayRead: Bool { true }

  // MARK: Writing

  package func write(_ pieces: UnsafeBufferPointer<iovec>) -> Transfer {
    guard let ssl, state == .open else { return .failed(.lost) }
    guard unsent.isEmpty else { return .wait }
    var taken = 0
    for piece in pieces where piece.iov_len > 0 {
      let step = min(piece.iov_len, Self.sealMax - taken)
      guard step > 0 else { break }
      var count = 0
      ERR_clear_error()
      guard SSL_write_ex(ssl, piece.iov_base, step, &count) == 1 else {
        libraryError = TLSContext.libraryError()
        reactor.batch.cipherCount = 0
        return .failed(.protocolError)
      }
      taken += count
    }
    send()
    return taken > 0 ? .bytes(taken) : .wait
  }

  /// Takes sealed bytes from the library; false when the batch is full, which no caller lets happen.
  func append(_ bytes: UnsafeRawBufferPointer) -> Bool {
    let batch = reactor.batch
    guard batch.cipherCount + bytes.count <= batch.cipherOut.count, let base = batch.cipherOut.baseAddress else {
      return false
    }
    (base + batch.cipherCount).copyMemory(from: bytes.baseAddress ?? UnsafeRawPointer(base), byteCount: bytes.count)
    batch.cipherCount += bytes.count
    return true
  }

  /// Sends what was sealed since the last time; keeps what is not taken.
  private func send() {
    let batch = reactor.batch
    guard batch.cipherCount > 0 else { return }
    let bytes = UnsafeRawBufferPointer(rebasing: UnsafeRawBufferPointer(batch.cipherOut)[..<batch.cipherCount])
    batch.cipherCount = 0
    guard unsent.isEmpty else {
      // Only answers come here: to a peer that asks and asks and reads none of them.
      if unsent.count > Self.unsentMax { ending = .failed(.limit) } else { unsent.append(bytes) }
      return
    }
    var piece = iovec(iov_base: UnsafeMutableRawPointer(mutating: bytes.baseAddress), iov_len: bytes.count)
    let transfer = withUnsafePointer(to: &piece) { below.write(UnsafeBufferPointer(start: $0, count: 1)) }
    switch transfer {
    case .bytes(let count) where count == bytes.count: break
    case .bytes(let count): unsent.append(UnsafeRawBufferPointer(rebasing: bytes[count...]))
    case .wait: unsent.append(bytes)
    // The pipe below says so itself when it is read next; what it cannot send has no one to go to.
    case .end, .failed: break
    }
  }

  /// Passes on what was kept; true when all of it went.
  private func sendKept() -> Bool { unsent.send(to: below, reactor.batch.pieces) }

  package func offer() {}

  // MARK: Ending

  package func finish() {
    guard let ssl, state == .open, !hasSaidGoodbye else { return }
    hasSaidGoodbye = true
    ERR_clear_error()
    _ = SSL_shutdown(ssl)
    send()
  }

  package func abort(_ reason: PipeFailure) {
    state = .over
    owner = nil
    wake()
    below.abort(reason)
  }

  package func close() {
    guard state != .over else { return }
    if state == .open { finish() }
    state = .over
    owner = nil
    wake()
    closeBelow()
  }

  private func closeBelow() {
    isClosing = true
    lingerTimer = reactor.arm(Self.lingerMax, self)
    closeWhenSent()
  }

  /// The pipe below says goodbye for us, once it has what we kept.
  private func closeWhenSent() {
    guard isClosing, sendKept() else { return }
    isClosing = false
    if let lingerTimer { reactor.timers.cancel(lingerTimer) }
    below.close()
  }

  // MARK: What the pipe below tells

  package func readable(_ pipe: any Pipe) {
    guard state != .handshaking else { return wake() }
    owner?.readable(self)
  }

  package func writable(_ pipe: any Pipe) {
    guard !isClosing else { return closeWhenSent() }
    guard sendKept() else { return }
    owner?.writable(self)
  }

  package func failed(_ pipe: any Pipe, _ failure: PipeFailure) {
    endBelow = .failed(failure)
    switch state {
    case .handshaking: wake()
    case .open:
      ending = .failed(failure)
      owner?.failed(self, failure)
    case .over: if isClosing { below.abort(failure) }
    }
  }

  package func arrived(_ pieces: UnsafeBufferPointer<iovec>, on pipe: any Pipe) -> Int { 0 }

  package func fill(_ room: UnsafeMutableRawBufferPointer, for pipe: any Pipe) -> Transfer {
    guard !unsent.isEmpty else { return .wait }
    let count = unsent.read(into: room)
    if unsent.isEmpty { writable(pipe) }
    return .bytes(count)
  }
}
