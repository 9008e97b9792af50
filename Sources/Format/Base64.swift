// SPDX-License-Identifier: Apache-2.0
// Base64: three bytes as four digits, RFC 4648.
//
//   bytes   aaaaaaaa bbbbbbbb cccccccc        one byte left:   aaaaaa aa0000 = =
//   digits  aaaaaa aabbbb bbbbcc cccccc       two bytes left:  aaaaaa aabbbb bbbb00 =
//
// Each value has one spelling: padding must be whole (standard) or absent (URL), and the bits no byte needs must be zero
// (section 3.5). So two texts that differ never decode to the same bytes, and a signature over the text is one over them.

/// Why text is not base 64.
package enum Base64Failure: Error, Equatable, Sendable {
  case badDigit(UInt8, at: Int)
  /// A `=` where none may stand, or something after one.
  case badPadding(at: Int)
  /// The text ends inside a group of four.
  case truncated(at: Int)
  /// The last digit carries bits that belong to no byte.
  case trailingBits(at: Int)

  /// Where in the text, counted in bytes.
  package var offset: Int {
    switch self {
    case .badDigit(_, let at), .badPadding(let at), .truncated(let at), .trailingBits(let at): at
    }
  }
}

/// Base 64, strict both ways.
package enum Base64 {
  /// Which digits stand for 62 and 63, and whether the last group is filled up.
  package enum Form: Sendable, CaseIterable {
    /// `+` and `/`, padded with `=`: RFC 4648 section 4.
    case standard
    /// `-` and `_`, without padding: RFC 4648 section 5, as JWTs spell it.
    case url
  }

  /// The one spelling of these bytes.
  package static func encode(_ bytes: Span<UInt8>, as form: Form = .standard) -> String {
    String(decoding: digits(of: bytes, as: form), as: UTF8.self)
  }

  /// The bytes that text spells.
  package static func decode(_ text: String, as form: Form = .standard) throws(Base64Failure) -> [UInt8] {
    try decode(text.utf8.span, as: form)
  }

  /// The bytes that ASCII text spells.
  package static func decode(_ text: Span<UInt8>, as form: Form = .standard) throws(Base64Failure) -> [UInt8] {
    var group = Group(form: form, expectedCount: text.count / 4 * 3)
    for index in text.indices { try group.take(text[index], at: index) }
    return try group.finish(at: text.count)
  }

  /// As `decode` in the standard form, but LF and CRLF may stand anywhere: the body of a PEM block.
  package static func decodeLines(_ text: Span<UInt8>) throws(Base64Failure) -> [UInt8] {
    var group = Group(form: .standard, expectedCount: text.count / 4 * 3)
    for index in text.indices where !isLineBreak(text, at: index) { try group.take(text[index], at: index) }
    return try group.finish(at: text.count)
  }

  /// True for LF, and for CR if LF follows.
  private static func isLineBreak(_ text: Span<UInt8>, at index: Int) -> Bool {
    switch text[index] {
    case UInt8(ascii: "\n"): true
    case UInt8(ascii: "\r"): index + 1 < text.count && text[index + 1] == UInt8(ascii: "\n")
    default: false
    }
  }
}

// MARK: Encoding

extension Base64 {
  /// `encode` before it becomes text.
  static func digits(of bytes: Span<UInt8>, as form: Form) -> [UInt8] {
    var text: [UInt8] = []
    text.reserveCapacity((bytes.count / 3 + 1) * 4)
    var index = 0
    while bytes.count - index >= 3 {
      let bits = UInt32(bytes[index]) << 16 | UInt32(bytes[index + 1]) << 8 | UInt32(bytes[index + 2])
      for shift: UInt32 in [18, 12, 6, 0] { text.append(digit(bits >> shift & 0x3f, form)) }
      index += 3
    }
    switch bytes.count - index {
    case 1:
      text.append(digit(UInt32(bytes[index] >> 2), form))
      text.append(digit(UInt32(bytes[index] & 0x3) << 4, form))
    case 2:
      let bits = UInt32(bytes[index]) << 8 | UInt32(bytes[index + 1])
      text.append(digit(bits >> 10, form))
      text.append(digit(bits >> 4 & 0x3f, form))
      text.append(digit(bits << 2 & 0x3f, form))
    default: break
    }
    if form == .standard {
      while !text.count.isMultiple(of: 4) { text.append(padding) }
    }
    return text
  }

  private static let padding = UInt8(ascii: "=")

  private static func digit(_ value: UInt32, _ form: Form) -> UInt8 {
    let value = UInt8(truncatingIfNeeded: value)
    return switch value {
    case 0..<26: UInt8(ascii: "A") + value
    case 26..<52: UInt8(ascii: "a") + value - 26
    case 52..<62: UInt8(ascii: "0") + value - 52
    case 62: form == .url ? UInt8(ascii: "-") : UInt8(ascii: "+")
    default: form == .url ? UInt8(ascii: "_") : UInt8(ascii: "/")
    }
  }
}

// MARK: Decoding

extension Base64 {
  /// Digits taken since the last whole group of four, and the bytes of all groups before it.
  private struct Group {
    let form: Form
    private var bytes: [UInt8] = []
    private var bits: UInt32 = 0
    private var digitCount = 0
    private var paddingCount = 0
    private var lastDigitAt = 0

    init(form: Form, expectedCount: Int) {
      self.form = form
      bytes.reserveCapacity(expectedCount + 2)
    }

    mutating func take(_ character: UInt8, at index: Int) throws(Base64Failure) {
      if character == padding, form == .standard {
        guard digitCount >= 2, digitCount + paddingCount < 4 else { throw .badPadding(at: index) }
        paddingCount += 1
        return
      }
      guard let value = value(character) else { throw .badDigit(character, at: index) }
      guard paddingCount == 0 else { throw .badPadding(at: index) }
      bits = bits << 6 | value
      digitCount += 1
      lastDigitAt = index
      if digitCount == 4 {
        bytes.append(UInt8(truncatingIfNeeded: bits >> 16))
        bytes.append(UInt8(truncatingIfNeeded: bits >> 8))
        bytes.append(UInt8(truncatingIfNeeded: bits))
        bits = 0
        digitCount = 0
      }
    }

    /// The end of the text: an incomplete group must be filled (standard), and its idle bits zero.
    mutating func finish(at end: Int) throws(Base64Failure) -> [UInt8] {
      if digitCount == 0 { return bytes }
      guard digitCount > 1, form == .url || digitCount + paddingCount == 4 else { throw .truncated(at: end) }
      let idleBits: UInt32 = digitCount == 2 ? 4 : 2
      guard bits & (1 << idleBits - 1) == 0 else { throw .trailingBits(at: lastDigitAt) }
      bits >>= idleBits
      if digitCount == 3 { bytes.append(UInt8(truncatingIfNeeded: bits >> 8)) }
      bytes.append(UInt8(truncatingIfNeeded: bits))
      return bytes
    }

    private func value(_ digit: UInt8) -> UInt32? {
      switch (digit, form) {
      case (UInt8(ascii: "A")...UInt8(ascii: "Z"), _): UInt32(digit - UInt8(ascii: "A"))
      case (UInt8(ascii: "a")...UInt8(ascii: "z"), _): UInt32(digit - UInt8(ascii: "a")) + 26
      case (UInt8(ascii: "0")...UInt8(ascii: "9"), _): UInt32(digit - UInt8(ascii: "0")) + 52
      case (UInt8(ascii: "+"), .standard), (UInt8(ascii: "-"), .url): 62
      case (UInt8(ascii: "/"), .standard), (UInt8(ascii: "_"), .url): 63
      default: nil
      }
    }
  }
}
