// SPDX-License-Identifier: Apache-2.0
// Dial: a connection to somewhere, by a deadline.

import CLinux
import Format
import Glibc

/// Why there is no connection.
package enum DialFailure: Error, Equatable, Sendable {
  /// The deadline passed.
  case timedOut
  /// A call failed: the network or the peer refused, or this machine has no port or descriptor left.
  case system(Errno)

  /// Whether another address may fare better: the fault is not this machine's own.
  package var isRetryable: Bool {
    switch self {
    case .timedOut: true
    case .system(let errno):
      [ECONNREFUSED, EHOSTUNREACH, ENETUNREACH, ECONNRESET, ETIMEDOUT, EHOSTDOWN, ENETDOWN].contains(errno.code)
    }
  }
}

/// Connects and returns the pipe.
package func dial(
  _ address: SocketAddress, _ options: SocketOptions = SocketOptions(), within deadline: Duration,
  on worker: isolated Worker
) async throws(DialFailure) -> TCPPipe {
  do throws(Errno) {
    let socket = try connect(address, options)
    let pipe = try TCPPipe(socket, on: worker.reactor)
    let code = await Connecting(pipe, worker.reactor, deadline).outcome(on: worker)
    if code == 0 {
      worker.reactor.counts[.dialed] += 1
      return pipe
    }
    pipe.abort(.cancelled)
    throw Errno("connect", code: code)
  } catch {
    let isTimeout = error.code == Connecting.timedOut
    worker.reactor.counts[isTimeout ? .dialTimeout : .dialFailed] += 1
    throw isTimeout ? .timedOut : .system(error)
  }
}

/// Starts connecting; the socket answers later whether it worked.
private func connect(_ address: SocketAddress, _ options: SocketOptions) throws(Errno) -> Descriptor {
  let target: KernelAddress
  let family: CInt
  switch address {
  case .tcp(let endpoint):
    family = endpoint.address.isV4 ? AF_INET : AF_INET6
    target = KernelAddress(endpoint, isV6Socket: family == AF_INET6)
  case .unix(let path):
    family = AF_UNIX
    guard let place = KernelAddress(path: path) else { throw Errno("connect", code: ENAMETOOLONG) }
    target = place
  }
  let socket = try options.makeSocket(family: family)
  if let source = options.source, family != AF_UNIX {
    let code = KernelAddress(source, isV6Socket: family == AF_INET6).withSockaddr { bind(socket.raw, $0, $1) }
    guard code == 0 else { throw Errno("bind") }
  }
  let code = target.withSockaddr { Glibc.connect(socket.raw, $0, $1) }
  guard code == 0 || errno == EINPROGRESS else { throw Errno("connect") }
  return socket
}

/// A socket that is connecting: its first writable event, or the deadline.
private final class Connecting: PipeOwner, TimerTarget {
  static let timedOut: CInt = -1

  private let pipe: TCPPipe
  private let reactor: Reactor
  private var timer: Timer?
  private var code: CInt?
  private var waiter: UnsafeContinuation<Void, Never>?

  init(_ pipe: TCPPipe, _ reactor: Reactor, _ deadline: Duration) {
    self.pipe = pipe
    self.reactor = reactor
    timer = reactor.arm(deadline, self)
    pipe.awaitConnection(owner: self)
  }

  func outcome(on worker: isolated Worker) async -> CInt {
    if code == nil { await withUnsafeContinuation { waiter = $0 } }
    if let timer { reactor.timers.cancel(timer) }
    pipe.owner = nil
    return code ?? EIO
  }

  func readable(_ pipe: any Pipe) {}
  func writable(_ pipe: any Pipe) { settle(0) }
  func failed(_ pipe: any Pipe, _ failure: PipeFailure) {
    if case .system(let code) = failure { settle(code) } else { settle(ECONNRESET) }
  }
  func arrived(_ pieces: UnsafeBufferPointer<iovec>, on pipe: any Pipe) -> Int { 0 }
  func fill(_ room: UnsafeMutableRawBufferPointer, for pipe: any Pipe) -> Transfer { .wait }

  func expired(_ timer: Timer) {
    self.timer = nil
    settle(Self.timedOut)
  }

  private func settle(_ code: CInt) {
    guard self.code == nil else { return }
    self.code = code
    waiter?.resume()
    waiter = nil
  }
}
