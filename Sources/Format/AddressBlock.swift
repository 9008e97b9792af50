// SPDX-License-Identifier: Apache-2.0
// AddressBlock: the addresses that share a prefix, as CIDR notation names them (RFC 4632, RFC 4291 2.3).

/// A prefix and its length, counted in the bits of its own family. Host bits are cleared.
package struct AddressBlock: Hashable, Sendable {
  /// The first address of the block.
  package let first: IPAddress
  /// How many leading bits count: at most 32 for IPv4, 128 for IPv6.
  package let length: UInt8

  /// Nil when the family has fewer bits than that.
  package init?(_ address: IPAddress, length: Int) {
    guard (0...address.bits).contains(length) else { return nil }
    first = address.keeping(length)
    self.length = UInt8(length)
  }

  /// The block of one address.
  package init(_ address: IPAddress) {
    first = address
    length = UInt8(address.bits)
  }

  /// Reads `10.0.0.0/8`, `2001:db8::/32`, or an address alone; nil when it is none of them.
  package init?(_ text: some StringProtocol) {
    guard let slash = text.firstIndex(of: "/") else {
      guard let address = IPAddress(text) else { return nil }
      self.init(address)
      return
    }
    let digits = text[text.index(after: slash)...]
    guard let address = IPAddress(text[..<slash]), (1...3).contains(digits.utf8.count),
      digits.utf8.allSatisfy({ (0x30...0x39).contains($0) }), digits.first != "0" || digits.utf8.count == 1,
      let length = Int(digits)
    else { return nil }
    self.init(address, length: length)
  }

  /// Whether this is one address.
  package var isOneAddress: Bool { Int(length) == first.bits }

  /// Whether an address lies in the block. An IPv4 address never lies in an IPv6 block.
  package func contains(_ address: IPAddress) -> Bool {
    address.isV4 == first.isV4 && address.keeping(Int(length)) == first
  }
}

extension AddressBlock: CustomStringConvertible {
  /// The canonical text.
  package var description: String { "\(first)/\(length)" }
}

extension IPAddress {
  /// How many bits the family has.
  package var bits: Int { isV4 ? 32 : 128 }

  /// A bit, counted from the most significant one of the family.
  package func bit(_ index: Int) -> Bool {
    let place = index + 128 - bits
    return (place < 64 ? high >> UInt64(63 - place) : low >> UInt64(127 - place)) & 1 == 1
  }

  /// The address with all but its first bits cleared.
  func keeping(_ length: Int) -> IPAddress {
    let kept = length + 128 - bits
    return IPAddress(
      high: kept >= 64 ? high : high & ~(UInt64.max >> UInt64(kept)),
      low: kept <= 64 ? 0 : kept == 128 ? low : low & ~(UInt64.max >> UInt64(kept - 64)))
  }
}
