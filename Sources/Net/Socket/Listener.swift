// SPDX-License-Identifier: Apache-2.0
// Listener: accepts connections on one worker.
//
//   accept4 until it says EAGAIN, then wait for the kernel
//
// Out of descriptors, the pending connection is shed: a spare descriptor is closed, the connection accepted into its
// place and reset, the spare taken again. Without that the kernel would report the same connection for ever and the
// worker would spin. When even that fails the listener rests for `restAfterFailure`.

import CLinux
package import Format
import Glibc

/// A connection that was accepted and not yet given to a worker. May cross to another one, once.
package struct Accepted: ~Copyable, Sendable {
  /// The connected socket.
  package let socket: Descriptor
  /// The other end; nil on a unix socket.
  package let peer: Endpoint?

  /// This end's address: with transparent capture, what the peer dialled.
  package var local: Endpoint? { SocketQuestions.local(socket.raw) }

  /// What the peer dialled before a redirect rule changed it, else this end's address.
  package var originalDestination: Endpoint? {
    for isV6 in [false, true] {
      var address = KernelAddress()
      let code = address.withRoom { skein_original_destination(socket.raw, $0, $1, isV6 ? 1 : 0) }
      if code == 0, let endpoint = address.endpoint { return endpoint }
    }
    return local
  }

  /// Makes it a pipe of the given worker.
  package consuming func pipe(on worker: isolated Worker) throws(Errno) -> TCPPipe {
    try TCPPipe(socket, on: worker.reactor)
  }

  /// Gives the connection to another worker, which serves it in a task of its own.
  package consuming func handOver(
    from worker: isolated Worker, to other: Worker,
    _ serve: @escaping @Sendable (consuming Accepted, isolated Worker) async -> Void
  ) {
    worker.reactor.counts[.acceptHandedOver] += 1
    let peer = peer
    let raw = socket.release()
    other.start { worker in await serve(Accepted(socket: Descriptor(owning: raw), peer: peer), worker) }
  }
}

/// A listening socket of one worker.
package final class Listener: ReadyTarget, TimerTarget, FlushTarget {
  /// Connections accepted, or shed, before other work of the worker has its turn.
  package static let turnMax = 64
  /// How long a listener that cannot even shed stays silent.
  package static let restAfterFailure = Duration.milliseconds(100)

  private let reactor: Reactor
  private let socket: Descriptor
  private var spare: CInt
  private var mayAccept = true
  private var isResting = false
  private var inThisTurn = 0
  private var isClosed = false
  private var waiter: UnsafeContinuation<Void, Never>?
  /// Where it listens; the port is the kernel's choice when 0 was asked for.
  package let address: SocketAddress

  /// Listens; fails with the call that refused.
  package init(_ address: SocketAddress, _ options: SocketOptions = SocketOptions(), on worker: isolated Worker)
    throws(Errno)
  {
    reactor = worker.reactor
    switch address {
    case .tcp(let endpoint):
      socket = try Self.bind(endpoint, options)
      self.address = .tcp(SocketQuestions.local(socket.raw) ?? endpoint)
    case .unix(let path):
      socket = try Self.bind(path, options)
      self.address = address
    }
    guard listen(socket.raw, options.backlog) == 0 else { throw Errno("listen") }
    spare = Self.takeSpare()
    try reactor.watch(socket.raw, self, writes: false)
  }

  deinit { if spare >= 0 { _ = Glibc.close(spare) } }

  /// The next connection; nil when the listener was closed.
  package func accept(on worker: isolated Worker) async -> Accepted? {
    while !isClosed {
      if inThisTurn >= Self.turnMax {
        reactor.flushLater(self)
      } else if mayAccept, !isResting {
        inThisTurn += 1
        guard let accepted = acceptNow() else { continue }
        return accepted
      }
      await withUnsafeContinuation { waiter = $0 }
      inThisTurn = 0
    }
    return nil
  }

  package func flush() { wake() }

  /// Stops listening; a waiting `accept` answers nil.
  package func close() {
    guard !isClosed else { return }
    isClosed = true
    reactor.forget(socket.raw)
    _ = shutdown(socket.raw, CInt(SHUT_RDWR))
    wake()
  }

  package func ready(_ events: UInt32) {
    mayAccept = true
    wake()
  }

  package func expired(_ timer: Timer) {
    isResting = false
    wake()
  }

  private func wake() {
    waiter?.resume()
    waiter = nil
  }

  /// One connection, or nil with the reason noted in the flags.
  private func acceptNow() -> Accepted? {
    var peer = KernelAddress()
    let raw = peer.withRoom { skein_accept4(socket.raw, $0, $1) }
    guard raw < 0 else {
      reactor.counts[.accepted] += 1
      _ = skein_set_option(raw, SKEIN_NODELAY, 1)
      return Accepted(socket: Descriptor(owning: raw), peer: peer.endpoint)
    }
    let code = errno
    switch code {
    case EAGAIN: mayAccept = false
    case EMFILE, ENFILE, ENOBUFS, ENOMEM: shed()
    // The connection was gone before it was taken (and other errors of the network, accept(2)): take the next.
    case EINTR, ECONNABORTED, EPROTO, EPERM, ENETDOWN, EHOSTDOWN, EHOSTUNREACH, ENETUNREACH, ENONET, ENOPROTOOPT,
      EOPNOTSUPP:
      break
    default: rest()
    }
    return nil
  }

  private func shed() {
    guard spare >= 0 else {
      spare = Self.takeSpare()
      if spare < 0 { rest() }
      return
    }
    _ = Glibc.close(spare)
    spare = -1
    var peer = KernelAddress()
    let raw = peer.withRoom { skein_accept4(socket.raw, $0, $1) }
    let code = errno
    if raw >= 0 {
      var linger = Glibc.linger(l_onoff: 1, l_linger: 0)
      _ = setsockopt(raw, SOL_SOCKET, SO_LINGER, &linger, socklen_t(MemoryLayout<Glibc.linger>.size))
      _ = Glibc.close(raw)
      reactor.counts[.acceptShed] += 1
    }
    spare = Self.takeSpare()
    if raw < 0 { code == EAGAIN ? mayAccept = false : rest() }
  }

  private func rest() {
    guard !isResting else { return }
    reactor.counts[.acceptFailed] += 1
    isResting = true
    _ = reactor.arm(Self.restAfterFailure, self)
  }

  private static func takeSpare() -> CInt { open("/dev/null", O_RDONLY | O_CLOEXEC) }

  private static func bind(_ endpoint: Endpoint, _ options: SocketOptions) throws(Errno) -> Descriptor {
    let isV6 = !endpoint.address.isV4
    let socket = try options.makeSocket(family: isV6 ? AF_INET6 : AF_INET)
    var on: CInt = 1
    _ = setsockopt(socket.raw, SOL_SOCKET, SO_REUSEADDR, &on, socklen_t(MemoryLayout<CInt>.size))
    let code = KernelAddress(endpoint, isV6Socket: isV6).withSockaddr { Glibc.bind(socket.raw, $0, $1) }
    guard code == 0 else { throw Errno("bind") }
    return socket
  }

  private static func bind(_ path: String, _ options: SocketOptions) throws(Errno) -> Descriptor {
    guard let address = KernelAddress(path: path) else { throw Errno("bind", code: ENAMETOOLONG) }
    let socket = try options.makeSocket(family: AF_UNIX)
    _ = unlink(path)
    let code = address.withSockaddr { Glibc.bind(socket.raw, $0, $1) }
    guard code == 0 else { throw Errno("bind") }
    return socket
  }
}
