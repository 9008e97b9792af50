// SPDX-License-Identifier: Apache-2.0
// NetworkNamespace: a handle on a network namespace. As long as it is held, the namespace stays, even without a process.

import CLinux
import Glibc

/// A handle on a network namespace.
package final class NetworkNamespace: Sendable {
  /// What tells namespaces apart: a path may lead to another one tomorrow.
  package struct Identity: Hashable, Sendable {
    /// The number of the namespace.
    package let inode: UInt64
    /// The device the number belongs to.
    package let device: UInt64
  }

  private let descriptor: Descriptor
  /// Which one it is.
  package let identity: Identity

  /// Opens a namespace by its path: `/proc/…/ns/net`, or where one is bound, as `/run/netns/…`.
  package init(_ path: String) throws(Errno) {
    let raw = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK)
    guard raw >= 0 else { throw Errno("open") }
    descriptor = Descriptor(owning: raw)
    guard skein_is_network_namespace(raw) == 1 else { throw Errno("open, no network namespace", code: EINVAL) }
    var status = stat()
    guard fstat(raw, &status) == 0 else { throw Errno("fstat") }
    identity = Identity(inode: UInt64(status.st_ino), device: UInt64(status.st_dev))
  }

  /// The namespace a path leads to now.
  package static func identity(of path: String) throws(Errno) -> Identity { try NetworkNamespace(path).identity }

  /// The number to give to `SocketOptions`; valid as long as the handle is held.
  package var raw: CInt { descriptor.raw }

  /// Runs `body` with the calling thread in the namespace, and comes back. The body must not await.
  package func inside<Answer>(_ body: () throws(Errno) -> Answer) throws(Errno) -> Answer {
    try Namespace.inside(descriptor.raw, body)
  }
}
