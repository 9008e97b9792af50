// SPDX-License-Identifier: Apache-2.0
// ReaderTests: every read at its edges. What fails must leave the cursor where it was.

import Testing

@testable import Format

@Suite struct ReaderTests {
  @Test func `integers are big endian and follow each other`() throws {
    let bytes = Hex.decode(literal: "01 0203 040506 0708090a 0b0c0d0e0f101112")
    var reader = Reader(bytes.span)
    #expect(try reader.byte() == 0x01)
    #expect(try reader.u16() == 0x0203)
    #expect(try reader.u24() == 0x04_0506)
    #expect(try reader.u32() == 0x0708_090a)
    #expect(try reader.u64() == 0x0b0c_0d0e_0f10_1112)
    let (offset, isAtEnd) = (reader.offset, reader.isAtEnd)
    #expect(offset == 18)
    #expect(isAtEnd)
  }

  @Test func `all bits set is read as such, in every width`() throws {
    let bytes = [UInt8](repeating: 0xff, count: 18)
    var reader = Reader(bytes.span)
    #expect(try reader.byte() == .max)
    #expect(try reader.u16() == .max)
    #expect(try reader.u24() == 0xff_ffff)
    #expect(try reader.u32() == .max)
    #expect(try reader.u64() == .max)
  }

  @Test(arguments: [1, 2, 3, 4, 8])
  func `an integer one byte short is refused and nothing moves`(width: Int) throws {
    let bytes = [UInt8](repeating: 7, count: width)  // One is skipped, so one is missing.
    var reader = Reader(bytes.span)
    try reader.skip(1)
    let failure = #expect(throws: ReadFailure.self) {
      switch width {
      case 1: _ = try reader.byte()
      case 2: _ = try reader.u16()
      case 3: _ = try reader.u24()
      case 4: _ = try reader.u32()
      default: _ = try reader.u64()
      }
    }
    #expect(failure == .short(wanted: width, at: 1))
    #expect(failure?.isShort == true)
    let (offset, remaining) = (reader.offset, reader.remaining)
    #expect(offset == 1)
    #expect(remaining == width - 1)
  }

  @Test func `a run of bytes is a view of exactly those bytes`() throws {
    let bytes: [UInt8] = [1, 2, 3, 4]
    var reader = Reader(bytes.span)
    try reader.skip(1)
    let run = try reader.bytes(2)
    let (count, first, last) = (run.count, run[0], run[1])
    #expect(count == 2)
    #expect(first == 2)
    #expect(last == 3)
    let remaining = reader.remaining
    #expect(remaining == 1)
  }

  @Test func `nothing can be read from nothing, but a run of none can`() throws {
    let bytes: [UInt8] = []
    var reader = Reader(bytes.span)
    let count = try reader.bytes(0).count
    #expect(count == 0)
    try reader.skip(0)
    #expect(throws: ReadFailure.short(wanted: 1, at: 0)) { try reader.byte() }
    let isAtEnd = reader.isAtEnd
    #expect(isAtEnd)
  }

  @Test(arguments: [4, Int.max, Int.max - 1])
  func `a count beyond the end is refused however large`(count: Int) throws {
    let bytes: [UInt8] = [1, 2, 3, 4]
    var reader = Reader(bytes.span)
    try reader.skip(1)
    #expect(throws: ReadFailure.short(wanted: count, at: 1)) { try reader.skip(count) }
    #expect(throws: ReadFailure.short(wanted: count, at: 1)) { _ = try reader.bytes(count).count }
    let offset = reader.offset
    #expect(offset == 1)
  }

  @Test(arguments: [-1, Int.min])
  func `a count below zero is refused and is no reason to wait`(count: Int) throws {
    let bytes: [UInt8] = [1, 2, 3, 4]
    var reader = Reader(bytes.span)
    let failure = #expect(throws: ReadFailure.self) { try reader.skip(count) }
    #expect(failure == .negative(count: count, at: 0))
    #expect(failure?.isShort == false)
    #expect(throws: ReadFailure.negative(count: count, at: 0)) { _ = try reader.bytes(count).count }
  }
}

// MARK: Varints

@Suite struct VarintTests {
  struct Case: Sendable, CustomTestStringConvertible {
    let value: UInt64
    let bytes: [UInt8]
    var testDescription: String { "\(value)" }
  }

  static let cases = [
    Case(value: 0, bytes: [0x00]),
    Case(value: 1, bytes: [0x01]),
    Case(value: 127, bytes: [0x7f]),
    Case(value: 128, bytes: [0x80, 0x01]),
    Case(value: 150, bytes: [0x96, 0x01]),  // The example of protobuf's encoding page.
    Case(value: 300, bytes: [0xac, 0x02]),
    Case(value: 16_383, bytes: [0xff, 0x7f]),
    Case(value: 16_384, bytes: [0x80, 0x80, 0x01]),
    Case(value: UInt64(UInt32.max), bytes: Hex.decode(literal: "ffffffff0f")),
    Case(value: UInt64(Int64.max), bytes: Hex.decode(literal: "ffffffffffffffff7f")),
    Case(value: 1 << 63, bytes: Hex.decode(literal: "80808080808080808001")),
    Case(value: .max, bytes: Hex.decode(literal: "ffffffffffffffffff01")),
  ]

  @Test(arguments: cases)
  func `a varint is read to its last byte and written the same`(_ c: Case) throws {
    var reader = Reader(c.bytes.span)
    #expect(try reader.varint() == c.value)
    let isAtEnd = reader.isAtEnd
    #expect(isAtEnd)
    var writer = Writer()
    writer.varint(c.value)
    #expect(writer.bytes == c.bytes)
  }

  @Test(arguments: cases)
  func `a varint cut short asks for one more byte than there is`(_ c: Case) {
    for count in 0..<c.bytes.count {
      var reader = Reader(c.bytes.span.extracting(first: count))
      #expect(throws: ReadFailure.short(wanted: count + 1, at: 0)) { try reader.varint() }
      let offset = reader.offset
      #expect(offset == 0)
    }
  }

  @Test(arguments: ["8000", "ac8200", "80808080808080808000"])
  func `a longer spelling than needed is legal`(hex: String) throws {
    let bytes = try Hex.decode(hex)
    var reader = Reader(bytes.span)
    #expect(try reader.varint() == (hex == "ac8200" ? 300 : 0))
    let isAtEnd = reader.isAtEnd
    #expect(isAtEnd)
  }

  @Test(arguments: [
    "ffffffffffffffffff02",  // Bit 64.
    "8080808080808080807f",  // Bits 64 to 69.
    "8080808080808080808001",  // Eleven bytes.
    "ffffffffffffffffffff",  // A tenth byte that goes on.
  ])
  func `more than 64 bits or ten bytes is refused and is no reason to wait`(hex: String) throws {
    let bytes = try [0x05] + Hex.decode(hex)
    var reader = Reader(bytes.span)
    try reader.skip(1)
    let failure = #expect(throws: ReadFailure.self) { try reader.varint() }
    #expect(failure == .varintOverflow(at: 1))
    #expect(failure?.isShort == false)
    let offset = reader.offset
    #expect(offset == 1)
  }

  @Test func `a prefixed run is as long as its length says`() throws {
    let bytes = Hex.decode(literal: "02 aabb 00 01 cc")
    var reader = Reader(bytes.span)
    let counts = try [reader.varintPrefixed().count, reader.varintPrefixed().count, reader.varintPrefixed().count]
    #expect(counts == [2, 0, 1])
  }

  @Test(arguments: [
    ("", ReadFailure.short(wanted: 1, at: 0)),  // No length.
    ("03 aabb", .short(wanted: 3, at: 1)),  // One byte missing.
    ("ffffffffffffffffff01", .short(wanted: .max, at: 10)),  // A length no machine holds.
    ("ffffffffffffffffff02", .varintOverflow(at: 0)),
  ])
  func `a prefixed run that is not all there moves nothing`(hex: String, failure: ReadFailure) throws {
    let bytes = try Hex.decode(hex.filter { $0 != " " })
    var reader = Reader(bytes.span)
    #expect(throws: failure) { _ = try reader.varintPrefixed().count }
    let offset = reader.offset
    #expect(offset == 0)
  }

  @Test func `any number comes back from its varint`() throws {
    var generator = SplitMix64(seed: 1)
    var writer = Writer()
    let values = (0..<2_000).map { _ in generator.anyWidth() }
    for value in values { writer.varint(value) }
    var reader = Reader(writer.bytes.span)
    for value in values {
      let read = try reader.varint()
      if read != value { Issue.record("\(value) became \(read)") }
    }
    let isAtEnd = reader.isAtEnd
    #expect(isAtEnd)
  }
}
