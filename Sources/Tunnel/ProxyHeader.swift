// SPDX-License-Identifier: Apache-2.0
// ProxyHeader: what the proxy inside a workload is told in front of the bytes (PROXY protocol, version 2).
//
//   signature  12 bytes   0d 0a 0d 0a 00 0d 0a 51 55 49 54 0a
//   version    0x21       version 2, PROXY
//   family     0x11 / 0x21  TCP over IPv4 / IPv6
//   length     2 bytes    of all that follows
//   addresses  source, destination, source port, destination port
//   0xd0       type, 2 bytes of length, the identity of the peer, if it has one

import Format

enum ProxyHeader {
  private static let signature: [UInt8] = [0x0d, 0x0a, 0x0d, 0x0a, 0, 0x0d, 0x0a, 0x51, 0x55, 0x49, 0x54, 0x0a]
  private static let identityType: UInt8 = 0xd0

  /// The header. Families that differ are told as IPv6, with the IPv4 address mapped into it.
  static func bytes(from source: Endpoint, to destination: Endpoint, identity: String?) -> [UInt8] {
    let isV4 = source.address.isV4 && destination.address.isV4
    var body = source.address.bytes(asV4: isV4) + destination.address.bytes(asV4: isV4)
    body += source.port.bytes + destination.port.bytes
    if let identity {
      let text = Array(identity.utf8.prefix(2048))
      body += [identityType] + UInt16(text.count).bytes + text
    }
    return signature + [0x21, isV4 ? 0x11 : 0x21] + UInt16(body.count).bytes + body
  }
}

extension IPAddress {
  fileprivate func bytes(asV4: Bool) -> [UInt8] {
    let all = (0..<16).map { index in
      UInt8(truncatingIfNeeded: (index < 8 ? high : low) >> UInt64(56 - 8 * (index & 7)))
    }
    return asV4 ? Array(all.suffix(4)) : all
  }
}

extension UInt16 {
  fileprivate var bytes: [UInt8] { [UInt8(self >> 8), UInt8(truncatingIfNeeded: self)] }
}
