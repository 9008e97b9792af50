// SPDX-License-Identifier: Apache-2.0
// Base64Tests: one spelling for each value, and a place for each refusal.

import Testing

@testable import Format

@Suite struct Base64Tests {
  struct Vector: Sendable, CustomTestStringConvertible {
    let bytes: [UInt8]
    let standard: String
    let url: String
    var testDescription: String { standard }

    init(_ bytes: [UInt8], _ standard: String, url: String) {
      (self.bytes, self.standard, self.url) = (bytes, standard, url)
    }

    init(_ plain: String, _ standard: String, url: String) {
      self.init([UInt8](plain.utf8), standard, url: url)
    }
  }

  @Test(arguments: [
    // RFC 4648 section 10.
    Vector("", "", url: ""),
    Vector("f", "Zg==", url: "Zg"),
    Vector("fo", "Zm8=", url: "Zm8"),
    Vector("foo", "Zm9v", url: "Zm9v"),
    Vector("foob", "Zm9vYg==", url: "Zm9vYg"),
    Vector("fooba", "Zm9vYmE=", url: "Zm9vYmE"),
    Vector("foobar", "Zm9vYmFy", url: "Zm9vYmFy"),
    // Section 9's illustrations.
    Vector([0x14, 0xfb, 0x9c, 0x03, 0xd9, 0x7e], "FPucA9l+", url: "FPucA9l-"),
    Vector([0x14, 0xfb, 0x9c, 0x03, 0xd9], "FPucA9k=", url: "FPucA9k"),
    Vector([0x14, 0xfb, 0x9c, 0x03], "FPucAw==", url: "FPucAw"),
    // The two digits in which the alphabets differ.
    Vector([0xfb, 0xff, 0xbf], "+/+/", url: "-_-_"),
    Vector([0xff, 0xff, 0xff], "////", url: "____"),
    Vector([0x00, 0x00, 0x00, 0x00], "AAAAAA==", url: "AAAAAA"),
  ])
  func `a vector holds both ways in both forms`(_ v: Vector) throws {
    #expect(Base64.encode(v.bytes.span) == v.standard)
    #expect(Base64.encode(v.bytes.span, as: .url) == v.url)
    #expect(try Base64.decode(v.standard) == v.bytes)
    #expect(try Base64.decode(v.url, as: .url) == v.bytes)
    #expect(try Base64.decodeLines(v.standard.utf8.span) == v.bytes)
  }

  @Test(arguments: [
    ("A", Base64Failure.truncated(at: 1)),
    ("Zg", .truncated(at: 2)),
    ("Zg=", .truncated(at: 3)),
    ("Zm8", .truncated(at: 3)),
    ("Zm9vA", .truncated(at: 5)),
    ("=", .badPadding(at: 0)),
    ("Z=", .badPadding(at: 1)),
    ("Z===", .badPadding(at: 1)),
    ("Zg===", .badPadding(at: 4)),
    ("Zm8==", .badPadding(at: 4)),
    ("Zm9v=", .badPadding(at: 4)),
    ("====", .badPadding(at: 0)),
    ("Zg=g", .badPadding(at: 3)),
    ("Zg==Zg==", .badPadding(at: 4)),  // Two texts put together are not one.
    ("Zh==", .trailingBits(at: 1)),
    ("Zv==", .trailingBits(at: 1)),
    ("Zm9=", .trailingBits(at: 2)),
    ("Zm9vZm+=", .trailingBits(at: 6)),
    ("Zm9-", .badDigit(0x2d, at: 3)),  // The other alphabet.
    ("Zm9_", .badDigit(0x5f, at: 3)),
    ("Zm9v\n", .badDigit(0x0a, at: 4)),
    (" Zm9v", .badDigit(0x20, at: 0)),
    ("Zg=\n=", .badDigit(0x0a, at: 3)),
    ("Zm9\u{e9}", .badDigit(0xc3, at: 3)),
    ("Zm9@", .badDigit(0x40, at: 3)),  // The neighbours of the digits in ASCII.
    ("Zm9[", .badDigit(0x5b, at: 3)),
    ("Zm9`", .badDigit(0x60, at: 3)),
    ("Zm9{", .badDigit(0x7b, at: 3)),
    ("Zm9.", .badDigit(0x2e, at: 3)),
    ("Zm9:", .badDigit(0x3a, at: 3)),
  ])
  func `anything else is refused with its place`(text: String, failure: Base64Failure) {
    #expect(throws: failure) { try Base64.decode(text) }
  }

  @Test(arguments: [
    ("A", Base64Failure.truncated(at: 1)),
    ("Zm9vA", .truncated(at: 5)),
    ("Zh", .trailingBits(at: 1)),
    ("Zm9", .trailingBits(at: 2)),
    ("Zg==", .badDigit(0x3d, at: 2)),
    ("Zm9+", .badDigit(0x2b, at: 3)),
    ("Zm9/", .badDigit(0x2f, at: 3)),
  ])
  func `the URL form knows no padding and no other alphabet`(text: String, failure: Base64Failure) {
    #expect(throws: failure) { try Base64.decode(text, as: .url) }
  }

  @Test(arguments: 0...16)
  func `of sixteen last digits only those with idle bits zero are taken`(low: Int) {
    let digits = [UInt8]("ABCDEFGHIJKLMNOPQ".utf8)
    let text = [UInt8(ascii: "A"), digits[low]]
    #expect((try? Base64.decode(text.span, as: .url)) == (low.isMultiple(of: 16) ? [UInt8(low / 16)] : nil))
  }

  @Test(arguments: ["Zm9v\nYmFy", "Zm9v\r\nYmFy\r\n", "\n\nZm\n9vYm\nFy\n\n", "Zm9vYmFy"])
  func `line breaks may stand anywhere in lines`(text: String) throws {
    #expect(try Base64.decodeLines(text.utf8.span) == [UInt8]("foobar".utf8))
  }

  @Test func `a line break may stand inside the padding`() throws {
    #expect(try Base64.decodeLines("Zg=\n=\n".utf8.span) == [0x66])
  }

  @Test(arguments: [
    ("Zm9v\rYmFy", Base64Failure.badDigit(0x0d, at: 4)),  // CR alone is no line break.
    ("Zm9v\r", .badDigit(0x0d, at: 4)),
    ("Zm9v \n", .badDigit(0x20, at: 4)),
    ("Zm9v\n\tYmFy", .badDigit(0x09, at: 5)),
    ("Zm9v\nYm", .truncated(at: 7)),
    ("Z\nh==", .trailingBits(at: 2)),
    ("Zg==\nZg==", .badPadding(at: 5)),
  ])
  func `lines are as strict as any text, and places count the breaks`(text: String, failure: Base64Failure) {
    #expect(throws: failure) { try Base64.decodeLines(text.utf8.span) }
    #expect(failure.offset <= text.utf8.count)
  }

  @Test func `any bytes come back in both forms`() throws {
    var generator = SplitMix64(seed: 5)
    for count in 0..<200 {
      let bytes = generator.bytes(count)
      for form in Base64.Form.allCases {
        let text = Base64.encode(bytes.span, as: form)
        #expect(try Base64.decode(text, as: form) == bytes)
      }
    }
  }

  @Test func `what is taken is the one spelling of its bytes`() {
    var generator = SplitMix64(seed: 6)
    let digits = [UInt8]("AEgw+/=".utf8)
    var takenCount = 0
    for _ in 0..<5_000 {
      let text = (0..<8).map { _ in digits[Int.random(in: 0..<digits.count, using: &generator)] }
      guard let bytes = try? Base64.decode(text.span) else { continue }
      takenCount += 1
      #expect([UInt8](Base64.encode(bytes.span).utf8) == text)
    }
    #expect(takenCount > 100)
  }
}
