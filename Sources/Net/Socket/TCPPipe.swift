// SPDX-License-Identifier: Apache-2.0
// TCPPipe: a connected stream socket (TCP or unix) as a pipe.
//
// Edge-triggered: what the kernel said is remembered in two flags, and a call is made only when it may succeed. A short
// read means the socket is drained, unless the peer has hung up: then it is read until it says so itself, or the end
// that came with the last bytes would be lost.

import CLinux
package import Glibc

/// A connected socket, registered with one worker's reactor.
package final class TCPPipe: Pipe, ReadyTarget, TimerTarget {
  /// How long a closed socket waits for the peer's end.
  package static let lingerMax = Duration.seconds(5)
  private static let readMin = 16 * 1024
  /// Reads of what nobody wants any more, for each event of a socket that lingers.
  private static let lingerReadsMax = 16

  package var owner: (any PipeOwner)?
  package var held: Held
  package let pulls = false
  package let isGone = false
  package private(set) var readMax = readMin

  private let reactor: Reactor
  private var raw: CInt
  package private(set) var mayRead = false
  private var mayWrite = true
  private var hasHungUp = false
  private var hasEnded = false
  private var isLingering = false
  private var timer: Timer?
  private var failure: PipeFailure?

  /// Takes over a connected, non-blocking socket.
  package init(_ socket: consuming Descriptor, on reactor: Reactor) throws(Errno) {
    self.reactor = reactor
    held = Held(reactor.pool)
    raw = socket.release()
    try reactor.watch(raw, self)
  }

  package var isWritable: Bool { mayWrite && raw >= 0 }

  /// The socket, for options and questions; -1 when closed.
  package var descriptor: CInt { raw }

  /// A socket that still connects is writable once it is connected; the owner is told then.
  func awaitConnection(owner: any PipeOwner) {
    mayWrite = false
    self.owner = owner
  }

  package func ready(_ events: UInt32) {
    let broken = events & (Poll.error | Poll.hangup) != 0
    if events & (Poll.peerHangup | Poll.hangup | Poll.error) != 0 { hasHungUp = true }
    if broken, let code = pendingError { failure = PipeFailure(code: code) }
    let isReadable = hasHungUp || events & Poll.input != 0
    if isReadable { mayRead = true }
    let isWritable = !mayWrite && events & (Poll.output | Poll.error | Poll.hangup) != 0
    if isWritable { mayWrite = true }
    guard !isLingering else { return linger() }
    // What came before a reset is still there to be read.
    if isReadable { owner?.readable(self) }
    if let failure {
      owner?.failed(self, failure)
    } else if isWritable, raw >= 0 {
      owner?.writable(self)
    }
  }

  package func read(into room: UnsafeMutableRawBufferPointer) -> Transfer {
    guard mayRead, raw >= 0 else { return .wait }
    let count = recv(raw, room.baseAddress, room.count, 0)
    if count > 0 {
      if count < room.count {
        mayRead = hasHungUp
        if count < readMax / 4 { readMax = max(Self.readMin, readMax / 2) }
      } else if readMax < Batch.copyBytes {
        readMax *= 2
      }
      return .bytes(count)
    }
    if count == 0 {
      mayRead = false
      hasEnded = true
      return failure.map { .failed($0) } ?? .end
    }
    let code = errno
    guard code != EAGAIN else {
      mayRead = false
      return .wait
    }
    failure = failure ?? PipeFailure(code: code)
    return .failed(PipeFailure(code: code))
  }

  package func write(_ pieces: UnsafeBufferPointer<iovec>) -> Transfer {
    guard mayWrite, raw >= 0 else { return .wait }
    let offered: Int
    let count: Int
    if pieces.count == 1 {
      // Most writes; the kernel need not fetch a list.
      offered = pieces[0].iov_len
      count = Glibc.send(raw, pieces[0].iov_base, offered, Flag.noSignal)
    } else {
      var message = msghdr()
      message.msg_iov = UnsafeMutablePointer(mutating: pieces.baseAddress)
      message.msg_iovlen = min(pieces.count, Batch.piecesMax)
      offered = UnsafeBufferPointer(rebasing: pieces[..<message.msg_iovlen]).byteCount
      count = sendmsg(raw, &message, Flag.noSignal)
    }
    if count >= 0 {
      if count < offered { mayWrite = false }
      return count == 0 ? .wait : .bytes(count)
    }
    let code = errno
    guard code != EAGAIN else {
      mayWrite = false
      return .wait
    }
    return .failed(PipeFailure(code: code))
  }

  package func offer() {}

  package func took(_ count: Int) {}

  package func finish() {
    guard raw >= 0 else { return }
    _ = shutdown(raw, CInt(SHUT_WR))
  }

  package func abort(_ reason: PipeFailure) {
    guard raw >= 0 else { return }
    var linger = Glibc.linger(l_onoff: 1, l_linger: 0)
    _ = setsockopt(raw, SOL_SOCKET, SO_LINGER, &linger, socklen_t(MemoryLayout<Glibc.linger>.size))
    letGo()
  }

  package func close() {
    guard raw >= 0, !isLingering else { return }
    owner = nil
    guard !hasEnded, failure == nil else { return letGo() }
    // Closed with bytes unread or still to come, the kernel would send a reset and throw away what the peer has not
    // got yet. So our half is ended, the rest read and dropped until the peer ends, for a while.
    finish()
    isLingering = true
    timer = reactor.arm(Self.lingerMax, self)
    linger()
  }

  private func linger() {
    for _ in 0..<Self.lingerReadsMax {
      switch read(into: reactor.batch.copy) {
      case .bytes: continue
      case .wait: return
      case .end, .failed: return letGo()
      }
    }
    // It goes on talking: it has had its chance to hear us.
    letGo()
  }

  package func expired(_ timer: Timer) {
    self.timer = nil
    letGo()
  }

  private func letGo() {
    guard raw >= 0 else { return }
    owner = nil
    if let timer { reactor.timers.cancel(timer) }
    reactor.forget(raw)
    _ = Glibc.close(raw)
    raw = -1
    held.consume(held.count)
  }

  /// Lets go of the socket without closing it, to hand it to another worker before its first byte was moved.
  package func release() -> Descriptor {
    precondition(held.isEmpty && raw >= 0, "handed over after its first byte")
    owner = nil
    reactor.forget(raw)
    let number = raw
    raw = -1
    return Descriptor(owning: number)
  }

  deinit { if raw >= 0 { _ = Glibc.close(raw) } }

  private var pendingError: CInt? {
    var code: CInt = 0
    var length = socklen_t(MemoryLayout<CInt>.size)
    guard getsockopt(raw, SOL_SOCKET, SO_ERROR, &code, &length) == 0, code != 0 else { return nil }
    return code
  }
}

extension TCPPipe {
  /// Sends bytes ahead of everything else on a connection that has just been made. So few that the kernel takes them whole.
  package func begin(with bytes: [UInt8]) {
    precondition(bytes.count <= 4096, "\(bytes.count) bytes to begin with")
    bytes.withUnsafeBytes { bytes in
      // The kernel does not write to it.
      var piece = iovec(iov_base: UnsafeMutableRawPointer(mutating: bytes.baseAddress), iov_len: bytes.count)
      withUnsafePointer(to: &piece) { _ = write(UnsafeBufferPointer(start: $0, count: 1)) }
    }
  }
}
