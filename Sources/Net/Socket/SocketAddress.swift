// SPDX-License-Identifier: Apache-2.0
// SocketAddress: between our endpoints and the kernel's sockaddr. The storage never leaves this folder.

package import Format
import Glibc

/// Where a stream socket listens or connects.
package enum SocketAddress: Hashable, Sendable, CustomStringConvertible {
  /// TCP.
  case tcp(Endpoint)
  /// A unix stream socket by its path; at most 107 bytes.
  case unix(String)

  /// The address as a person writes it.
  package var description: String {
    switch self {
    case .tcp(let endpoint): "\(endpoint)"
    case .unix(let path): "unix:\(path)"
    }
  }
}

/// A sockaddr and its length.
struct KernelAddress {
  var storage = sockaddr_storage()
  var length = socklen_t(MemoryLayout<sockaddr_storage>.size)

  /// Room for the kernel to fill.
  init() {}

  /// The kernel's form of an endpoint. `isV6Socket` asks for an IPv4 address in its IPv4-mapped form.
  init(_ endpoint: Endpoint, isV6Socket: Bool) {
    if isV6Socket {
      fill(sockaddr_in6.self) { place in
        place.sin6_family = sa_family_t(AF_INET6)
        place.sin6_port = endpoint.port.bigEndian
        let address = endpoint.address
        withUnsafeMutableBytes(of: &place.sin6_addr) { bytes in
          bytes.storeBytes(of: address.high.bigEndian, toByteOffset: 0, as: UInt64.self)
          bytes.storeBytes(of: address.low.bigEndian, toByteOffset: 8, as: UInt64.self)
        }
      }
    } else {
      fill(sockaddr_in.self) { place in
        place.sin_family = sa_family_t(AF_INET)
        place.sin_port = endpoint.port.bigEndian
        place.sin_addr.s_addr = endpoint.address.v4Bits.bigEndian
      }
    }
  }

  /// The kernel's form of a path; nil when it does not fit.
  init?(path: String) {
    let bytes = Array(path.utf8)
    guard (1...107).contains(bytes.count), !bytes.contains(0) else { return nil }
    fill(sockaddr_un.self) { place in
      place.sun_family = sa_family_t(AF_UNIX)
      withUnsafeMutableBytes(of: &place.sun_path) { $0.copyBytes(from: bytes) }
    }
  }

  private mutating func fill<Form>(_ form: Form.Type, _ body: (inout Form) -> Void) {
    length = socklen_t(MemoryLayout<Form>.size)
    withUnsafeMutablePointer(to: &storage) { $0.withMemoryRebound(to: Form.self, capacity: 1) { body(&$0.pointee) } }
  }

  /// What the kernel wrote; nil for a family that has no endpoint.
  var endpoint: Endpoint? {
    withUnsafePointer(to: storage) { storage in
      switch CInt(storage.pointee.ss_family) {
      case AF_INET:
        storage.withMemoryRebound(to: sockaddr_in.self, capacity: 1) { place in
          Endpoint(
            IPAddress(v4: UInt32(bigEndian: place.pointee.sin_addr.s_addr)),
            port: UInt16(bigEndian: place.pointee.sin_port))
        }
      case AF_INET6:
        storage.withMemoryRebound(to: sockaddr_in6.self, capacity: 1) { place in
          withUnsafeBytes(of: place.pointee.sin6_addr) { bytes in
            let high = UInt64(bigEndian: bytes.load(fromByteOffset: 0, as: UInt64.self))
            let low = UInt64(bigEndian: bytes.load(fromByteOffset: 8, as: UInt64.self))
            return Endpoint(IPAddress(high: high, low: low), port: UInt16(bigEndian: place.pointee.sin6_port))
          }
        }
      default: nil
      }
    }
  }

  mutating func withRoom<Answer>(
    _ body: (UnsafeMutablePointer<sockaddr_storage>, UnsafeMutablePointer<socklen_t>) -> Answer
  ) -> Answer {
    withUnsafeMutablePointer(to: &storage) { storage in withUnsafeMutablePointer(to: &length) { body(storage, $0) } }
  }

  func withSockaddr<Answer>(_ body: (UnsafePointer<sockaddr>, socklen_t) -> Answer) -> Answer {
    withUnsafePointer(to: storage) { storage in
      storage.withMemoryRebound(to: sockaddr.self, capacity: 1) { body($0, length) }
    }
  }
}

/// Questions about a socket that others answered.
package enum SocketQuestions {
  /// The address this end has.
  package static func local(_ socket: CInt) -> Endpoint? {
    var address = KernelAddress()
    let code = address.withRoom { storage, length in
      storage.withMemoryRebound(to: sockaddr.self, capacity: 1) { getsockname(socket, $0, length) }
    }
    return code == 0 ? address.endpoint : nil
  }

  /// The address the other end has.
  package static func peer(_ socket: CInt) -> Endpoint? {
    var address = KernelAddress()
    let code = address.withRoom { storage, length in
      storage.withMemoryRebound(to: sockaddr.self, capacity: 1) { getpeername(socket, $0, length) }
    }
    return code == 0 ? address.endpoint : nil
  }
}
