// SPDX-License-Identifier: Apache-2.0
// Address: an IP address, and one with a port, as fixed-size values with one text form each.
//
//   IPv4 as the low 32 bits of an IPv4-mapped IPv6 address: one representation, one comparison, one hash.
//   Text: dotted decimal without leading zeros (RFC 6943 3.1.1); IPv6 read by RFC 4291 2.2, written by RFC 5952.

/// An IPv4 or IPv6 address. An IPv4-mapped IPv6 address is its IPv4 address.
package struct IPAddress: Hashable, Sendable {
  /// The first eight bytes, in network order.
  package let high: UInt64
  /// The last eight bytes, in network order.
  package let low: UInt64

  private static let mappedPrefix: UInt64 = 0xffff << 32

  /// The sixteen bytes of an IPv6 address as two numbers.
  package init(high: UInt64, low: UInt64) {
    self.high = high
    self.low = low
  }

  /// The four bytes of an IPv4 address as one number.
  package init(v4 bits: UInt32) { self.init(high: 0, low: Self.mappedPrefix | UInt64(bits)) }

  /// 127.0.0.1.
  package static let loopback = IPAddress(v4: 0x7f00_0001)
  /// 0.0.0.0.
  package static let anyV4 = IPAddress(v4: 0)
  /// ::.
  package static let anyV6 = IPAddress(high: 0, low: 0)

  /// Whether this is an IPv4 address.
  package var isV4: Bool { high == 0 && low >> 32 == 0xffff }
  /// The four bytes of an IPv4 address.
  package var v4Bits: UInt32 { UInt32(truncatingIfNeeded: low) }
  /// 127.0.0.0/8 or ::1.
  package var isLoopback: Bool { isV4 ? v4Bits >> 24 == 127 : high == 0 && low == 1 }

  /// Reads either text form; nil when it is neither.
  package init?(_ text: some StringProtocol) {
    var bytes = Array(text.utf8)[...]
    guard bytes.count <= 45, let address = bytes.contains(Text.colon) ? Text.v6(&bytes) : Text.v4(&bytes), bytes.isEmpty
    else { return nil }
    self = address
  }
}

extension IPAddress: CustomStringConvertible {
  /// The canonical text.
  package var description: String {
    guard !isV4 else { return Text.dotted(v4Bits) }
    let groups = (0..<8).map { UInt16(truncatingIfNeeded: ($0 < 4 ? high : low) >> UInt64(48 - 16 * ($0 & 3))) }
    guard let gap = Text.longestZeroRun(groups) else { return Text.joined(groups[...]) }
    return Text.joined(groups[..<gap.lowerBound]) + "::" + Text.joined(groups[gap.upperBound...])
  }
}

/// An address and a port.
package struct Endpoint: Hashable, Sendable {
  /// The address.
  package let address: IPAddress
  /// The port.
  package let port: UInt16

  /// Joins the two.
  package init(_ address: IPAddress, port: UInt16) {
    self.address = address
    self.port = port
  }

  /// Reads `1.2.3.4:80` or `[::1]:80`; nil when it is neither.
  package init?(_ text: some StringProtocol) {
    guard let colon = text.lastIndex(of: ":"), let port = Text.port(text[text.index(after: colon)...]) else {
      return nil
    }
    var host = text[..<colon]
    let isBracketed = host.first == "[" && host.last == "]" && host.count > 2
    if isBracketed { host = host.dropFirst().dropLast() }
    guard let address = IPAddress(host), host.contains(":") == isBracketed else { return nil }
    self.init(address, port: port)
  }
}

extension Endpoint: CustomStringConvertible {
  /// The text an authority or a log carries: IPv6 in brackets.
  package var description: String { address.isV4 ? "\(address):\(port)" : "[\(address)]:\(port)" }
}

private enum Text {
  static let colon = UInt8(ascii: ":")
  static let dot = UInt8(ascii: ".")

  static func port(_ text: some StringProtocol) -> UInt16? {
    guard let first = text.utf8.first, (1...5).contains(text.utf8.count),
      first != UInt8(ascii: "0") || text.utf8.count == 1,
      text.utf8.allSatisfy({ (0x30...0x39).contains($0) })
    else { return nil }
    return UInt16(text)
  }

  static func v4(_ bytes: inout ArraySlice<UInt8>) -> IPAddress? {
    var bits: UInt32 = 0
    for index in 0..<4 {
      if index > 0 {
        guard bytes.first == dot else { return nil }
        bytes.removeFirst()
      }
      guard let part = decimal(&bytes) else { return nil }
      bits = bits << 8 | UInt32(part)
    }
    return IPAddress(v4: bits)
  }

  private static func decimal(_ bytes: inout ArraySlice<UInt8>) -> UInt8? {
    let digits = bytes.prefix(4).prefix { (0x30...0x39).contains($0) }
    guard let first = digits.first, digits.count <= 3, first != 0x30 || digits.count == 1 else { return nil }
    let value = digits.reduce(0) { $0 * 10 + Int($1 - 0x30) }
    bytes = bytes.dropFirst(digits.count)
    return UInt8(exactly: value)
  }

  static func v6(_ bytes: inout ArraySlice<UInt8>) -> IPAddress? {
    var groups: [UInt16] = []
    var gap: Int?
    if bytes.starts(with: [colon, colon]) {
      gap = 0
      bytes = bytes.dropFirst(2)
    }
    while !bytes.isEmpty, groups.count < 8 {
      if groups.count <= 6, isDotted(bytes) {
        guard let address = v4(&bytes) else { return nil }
        groups += [UInt16(address.v4Bits >> 16), UInt16(truncatingIfNeeded: address.v4Bits)]
        break
      }
      guard let group = hexadecimal(&bytes) else { return nil }
      groups.append(group)
      guard bytes.first == colon else { break }
      bytes.removeFirst()
      if bytes.first == colon {
        guard gap == nil else { return nil }
        gap = groups.count
        bytes.removeFirst()
      } else if bytes.isEmpty {
        return nil
      }
    }
    guard gap != nil ? groups.count < 8 : groups.count == 8 else { return nil }
    if let gap { groups.insert(contentsOf: repeatElement(0, count: 8 - groups.count), at: gap) }
    func half(_ part: ArraySlice<UInt16>) -> UInt64 { part.reduce(0) { $0 << 16 | UInt64($1) } }
    return IPAddress(high: half(groups[..<4]), low: half(groups[4...]))
  }

  private static func isDotted(_ bytes: ArraySlice<UInt8>) -> Bool {
    bytes.prefix(4).prefix { (0x30...0x39).contains($0) }.count == bytes.prefix(4).prefix { $0 != dot }.count
      && bytes.prefix(4).contains(dot)
  }

  private static func hexadecimal(_ bytes: inout ArraySlice<UInt8>) -> UInt16? {
    var value: UInt16 = 0
    var count = 0
    while count < 4, let byte = bytes.first, let digit = Character(UnicodeScalar(byte)).hexDigitValue {
      value = value << 4 | UInt16(digit)
      bytes.removeFirst()
      count += 1
    }
    return count > 0 ? value : nil
  }

  static func dotted(_ bits: UInt32) -> String { "\(bits >> 24).\(bits >> 16 & 255).\(bits >> 8 & 255).\(bits & 255)" }

  static func joined(_ groups: ArraySlice<UInt16>) -> String {
    groups.map { String($0, radix: 16) }.joined(separator: ":")
  }

  /// The first of the longest runs of two zero groups or more (RFC 5952 4.2).
  static func longestZeroRun(_ groups: [UInt16]) -> Range<Int>? {
    var best: Range<Int>?
    var start = 0
    while start < groups.count {
      guard groups[start] == 0 else {
        start += 1
        continue
      }
      let end = groups[start...].firstIndex { $0 != 0 } ?? groups.count
      if end - start >= 2, end - start > best?.count ?? 1 { best = start..<end }
      start = end
    }
    return best
  }
}
