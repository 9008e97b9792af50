// SPDX-License-Identifier: Apache-2.0
// SocketOptions: how a socket is made, for listening and for dialling. One list, applied in one place.

import CLinux
package import Format
import Glibc

/// What a socket is made with.
package struct SocketOptions: Sendable {
  /// Probes on a silent connection: first after, then every, given up after so many.
  package struct Keepalive: Sendable, Equatable {
    /// Silence before the first probe.
    package var idle: Duration = .seconds(180)
    /// Between two probes.
    package var interval: Duration = .seconds(180)
    /// Probes without an answer before the connection is given up.
    package var attemptsMax = 9

    /// Three minutes, three minutes, nine times.
    package init() {}
  }

  /// SO_MARK, so that capture rules leave our own packets alone; 0 sets none.
  package var mark: UInt32 = 0
  /// IP_TRANSPARENT: bind to, or accept for, addresses that are not ours.
  package var isTransparent = false
  /// IP_FREEBIND: bind to an address that does not exist yet.
  package var isFreebind = false
  /// SO_REUSEPORT: several listeners on one port.
  package var reusesPort = false
  /// Waiting connections the kernel keeps.
  package var backlog: CInt = 1024
  /// TCP keepalive; nil leaves it off.
  package var keepalive: Keepalive? = Keepalive()
  /// TCP_USER_TIMEOUT: unacknowledged bytes end the connection after this; nil leaves the kernel's.
  package var userTimeout: Duration?
  /// The congestion control by name; nil leaves the machine's.
  package var congestion: String?
  /// TCP_NOTSENT_LOWAT: bytes the kernel takes beyond what it has sent; nil leaves the buffer's size.
  package var unsentMax: Int?
  /// The address to dial from; port 0 lets the kernel choose.
  package var source: Endpoint?
  /// Makes the socket in this network namespace (a descriptor of /proc/…/ns/net) and comes back.
  package var namespace: CInt?

  /// The defaults above.
  package init() {}

  /// For a socket whose other end is on this machine. There is no path to probe or to be fair on, and a congestion
  /// control that paces (BBR) costs timers and small bursts for nothing; Reno is in every kernel.
  package static var local: SocketOptions {
    var options = SocketOptions()
    options.congestion = "reno"
    options.unsentMax = 256 * 1024
    return options
  }
}

extension SocketOptions {
  /// A new socket of the given family, inside the wanted namespace, with every option set.
  func makeSocket(family: CInt) throws(Errno) -> Descriptor {
    let socket = try Namespace.inside(namespace) { () throws(Errno) in
      let raw = Glibc.socket(family, Flag.stream, 0)
      guard raw >= 0 else { throw Errno("socket") }
      return raw
    }
    let descriptor = Descriptor(owning: socket)
    if family != AF_UNIX { try apply(to: descriptor.raw, isV6: family == AF_INET6) }
    return descriptor
  }

  private func apply(to socket: CInt, isV6: Bool) throws(Errno) {
    try set(socket, SKEIN_NODELAY, 1)
    if mark != 0 { try set(socket, SKEIN_MARK, CInt(bitPattern: mark)) }
    if isTransparent { try set(socket, isV6 ? SKEIN_TRANSPARENT_V6 : SKEIN_TRANSPARENT_V4, 1) }
    if isFreebind { try set(socket, isV6 ? SKEIN_FREEBIND_V6 : SKEIN_FREEBIND_V4, 1) }
    if reusesPort { try set(socket, SKEIN_REUSEPORT, 1) }
    if let userTimeout { try set(socket, SKEIN_USER_TIMEOUT, CInt(clamping: userTimeout.nanoseconds / 1_000_000)) }
    if let unsentMax { try set(socket, SKEIN_NOTSENT_LOWAT, CInt(clamping: unsentMax)) }
    if let keepalive { try apply(keepalive, to: socket) }
    if let congestion {
      guard skein_set_congestion(socket, congestion, socklen_t(congestion.utf8.count)) == 0 else {
        throw Errno("setsockopt(TCP_CONGESTION)")
      }
    }
  }

  private func apply(_ keepalive: Keepalive, to socket: CInt) throws(Errno) {
    var on: CInt = 1
    guard setsockopt(socket, SOL_SOCKET, SO_KEEPALIVE, &on, socklen_t(MemoryLayout<CInt>.size)) == 0 else {
      throw Errno("setsockopt(SO_KEEPALIVE)")
    }
    try set(socket, SKEIN_KEEPALIVE_IDLE, CInt(clamping: keepalive.idle.components.seconds))
    try set(socket, SKEIN_KEEPALIVE_INTERVAL, CInt(clamping: keepalive.interval.components.seconds))
    try set(socket, SKEIN_KEEPALIVE_COUNT, CInt(clamping: keepalive.attemptsMax))
  }

  private func set(_ socket: CInt, _ option: skein_socket_option, _ value: CInt) throws(Errno) {
    guard skein_set_option(socket, option, value) == 0 else { throw Errno("setsockopt") }
  }
}

/// Work done inside another network namespace.
enum Namespace {
  /// Runs `body` with the calling thread inside `namespace`, and comes back; without one, just runs it. The body must
  /// not await. A thread that cannot come back would do everything else in the wrong namespace, so it does not go on.
  static func inside<Answer>(_ namespace: CInt?, _ body: () throws(Errno) -> Answer) throws(Errno) -> Answer {
    guard let namespace else { return try body() }
    let home = open("/proc/thread-self/ns/net", O_RDONLY | O_CLOEXEC)
    guard home >= 0 else { throw Errno("open(/proc/thread-self/ns/net)") }
    defer { _ = Glibc.close(home) }
    guard skein_setns_network(namespace) == 0 else { throw Errno("setns") }
    defer {
      let code = skein_setns_network(home)
      precondition(code == 0, "cannot return from a network namespace: errno \(errno)")
    }
    return try body()
  }
}
