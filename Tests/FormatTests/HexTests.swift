// SPDX-License-Identifier: Apache-2.0
// HexTests: pairs of digits and nothing else.

import Testing

@testable import Format

@Suite struct HexTests {
  @Test func `the vectors of RFC 4648 section 10 hold both ways`() throws {
    let vectors = [
      "": "", "f": "66", "fo": "666f", "foo": "666f6f", "foob": "666f6f62", "fooba": "666f6f6261",
      "foobar": "666f6f626172",
    ]
    for (plain, coded) in vectors {
      #expect(Hex.encode(plain.utf8.span) == coded)
      #expect(try Hex.decode(coded) == [UInt8](plain.utf8))
    }
  }

  @Test func `every byte comes back, from upper case too`() throws {
    let all = [UInt8](0...255)
    let text = Hex.encode(all.span)
    #expect(try Hex.decode(text) == all)
    #expect(try Hex.decode(text.uppercased()) == all)
  }

  @Test(arguments: [
    ("0", HexFailure.oddLength(1)),
    ("00f", .oddLength(3)),
    ("g0", .badDigit(0x67, at: 0)),
    ("0g", .badDigit(0x67, at: 1)),
    ("00 0", .badDigit(0x20, at: 2)),
    ("0x00", .badDigit(0x78, at: 1)),
    ("00\n\n", .badDigit(0x0a, at: 2)),
    ("00/0", .badDigit(0x2f, at: 2)),  // The neighbours of the digits in ASCII.
    ("00:0", .badDigit(0x3a, at: 2)),
    ("00@0", .badDigit(0x40, at: 2)),
    ("00G0", .badDigit(0x47, at: 2)),
    ("00`0", .badDigit(0x60, at: 2)),
    ("00\u{e9}", .badDigit(0xc3, at: 2)),
    ("\u{ff11}0", .badDigit(0xef, at: 0)),  // A digit to people, but not an ASCII one.
  ])
  func `anything else is refused with its place`(text: String, failure: HexFailure) {
    #expect(throws: failure) { try Hex.decode(text) }
  }

  @Test func `a literal may set its fields apart`() {
    #expect(Hex.decode(literal: "00 ffA0  1 2 ") == [0x00, 0xff, 0xa0, 0x12])
    #expect(Hex.decode(literal: "") == [])
  }

  @Test func `a literal with half a byte is our own mistake`() async {
    await #expect(processExitsWith: .failure) { _ = Hex.decode(literal: "00 f") }
  }

  @Test func `a literal with another sign is our own mistake`() async {
    await #expect(processExitsWith: .failure) { _ = Hex.decode(literal: "00\t00") }
  }

  @Test func `any bytes come back`() throws {
    var generator = SplitMix64(seed: 4)
    for count in 0..<100 {
      let bytes = generator.bytes(count)
      #expect(try Hex.decode(Hex.encode(bytes.span)) == bytes)
    }
  }
}
