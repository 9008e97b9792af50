// SPDX-License-Identifier: Apache-2.0
// Hex: bytes as pairs of digits. Written in lower case, read in either; nothing else may stand between the digits.

/// Why text is not hexadecimal.
package enum HexFailure: Error, Equatable, Sendable {
  case oddLength(Int)
  case badDigit(UInt8, at: Int)
}

/// Base 16, RFC 4648 section 8.
package enum Hex {
  /// Two lower-case digits for each byte.
  package static func encode(_ bytes: Span<UInt8>) -> String {
    var text: [UInt8] = []
    text.reserveCapacity(2 * bytes.count)
    for index in bytes.indices {
      text.append(digit(bytes[index] >> 4))
      text.append(digit(bytes[index] & 0xf))
    }
    return String(decoding: text, as: UTF8.self)
  }

  /// The bytes that text spells.
  package static func decode(_ text: String) throws(HexFailure) -> [UInt8] {
    try decode(text.utf8.span)
  }

  /// The bytes that ASCII text spells.
  package static func decode(_ text: Span<UInt8>) throws(HexFailure) -> [UInt8] {
    guard text.count.isMultiple(of: 2) else { throw .oddLength(text.count) }
    var bytes: [UInt8] = []
    bytes.reserveCapacity(text.count / 2)
    var index = 0
    while index < text.count {
      guard let high = value(text[index]) else { throw .badDigit(text[index], at: index) }
      guard let low = value(text[index + 1]) else { throw .badDigit(text[index + 1], at: index + 1) }
      bytes.append(high << 4 | low)
      index += 2
    }
    return bytes
  }

  /// The bytes of a literal, where a bad digit is our own mistake. Spaces may stand anywhere, to set the fields apart.
  package static func decode(literal: StaticString) -> [UInt8] {
    var bytes: [UInt8] = []
    var high: UInt8?
    // SAFETY: the buffer is the literal itself, in the binary's read-only data; each index comes from its own indices.
    literal.withUTF8Buffer { text in
      for index in text.indices {
        let character = unsafe text[index]
        if character == UInt8(ascii: " ") { continue }
        guard let digit = value(character) else { preconditionFailure("no hexadecimal: \(literal)") }
        if let first = high {
          bytes.append(first << 4 | digit)
          high = nil
        } else {
          high = digit
        }
      }
    }
    precondition(high == nil, "an odd number of digits: \(literal)")
    return bytes
  }
}

extension Hex {
  private static func digit(_ value: UInt8) -> UInt8 {
    value < 10 ? UInt8(ascii: "0") + value : UInt8(ascii: "a") + value - 10
  }

  private static func value(_ digit: UInt8) -> UInt8? {
    switch digit {
    case UInt8(ascii: "0")...UInt8(ascii: "9"): digit - UInt8(ascii: "0")
    case UInt8(ascii: "a")...UInt8(ascii: "f"): digit - UInt8(ascii: "a") + 10
    case UInt8(ascii: "A")...UInt8(ascii: "F"): digit - UInt8(ascii: "A") + 10
    default: nil
    }
  }
}
