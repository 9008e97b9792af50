// SPDX-License-Identifier: Apache-2.0
// WriterTests: what is written is what Reader reads, byte for byte.

import Testing

@testable import Format

@Suite struct WriterTests {
  @Test func `integers are big endian and follow each other`() {
    var writer = Writer()
    writer.u8(0x01)
    writer.u16(0x0203)
    writer.u24(0x04_0506)
    writer.u32(0x0708_090a)
    writer.u64(0x0b0c_0d0e_0f10_1112)
    #expect(writer.bytes == Hex.decode(literal: "01 0203 040506 0708090a 0b0c0d0e0f101112"))
    #expect(writer.count == 18)
  }

  @Test func `the widest 24-bit number is written`() {
    var writer = Writer()
    writer.u24(0xff_ffff)
    #expect(writer.bytes == [0xff, 0xff, 0xff])
  }

  @Test func `a wider one is our own mistake`() async {
    await #expect(processExitsWith: .failure) {
      var writer = Writer()
      writer.u24(0x100_0000)
    }
  }

  @Test func `runs of every kind are copied in order`() {
    var writer = Writer(capacity: 16)
    let run: [UInt8] = [1, 2]
    writer.append(run.span)
    writer.append([3])
    writer.append([])
    writer.append(literal: "a\u{e9}")
    writer.append("\u{20ac}")
    #expect(writer.bytes == Hex.decode(literal: "01 02 03 61 c3a9 e282ac"))
  }

  @Test func `a length may be filled in afterwards`() {
    var writer = Writer()
    writer.u8(0)
    writer.append("abc")
    writer.bytes[0] = UInt8(writer.count - 1)
    #expect(writer.bytes == [3, 0x61, 0x62, 0x63])
  }

  @Test func `integers of every width come back`() throws {
    var generator = SplitMix64(seed: 2)
    for _ in 0..<500 {
      let value = generator.anyWidth()
      var writer = Writer()
      writer.u8(UInt8(truncatingIfNeeded: value))
      writer.u16(UInt16(truncatingIfNeeded: value))
      writer.u24(UInt32(truncatingIfNeeded: value) & 0xff_ffff)
      writer.u32(UInt32(truncatingIfNeeded: value))
      writer.u64(value)
      var reader = Reader(writer.bytes.span)
      #expect(try reader.byte() == UInt8(truncatingIfNeeded: value))
      #expect(try reader.u16() == UInt16(truncatingIfNeeded: value))
      #expect(try reader.u24() == UInt32(truncatingIfNeeded: value) & 0xff_ffff)
      #expect(try reader.u32() == UInt32(truncatingIfNeeded: value))
      #expect(try reader.u64() == value)
    }
  }
}

@Suite struct DecimalTests {
  private func text(_ write: (inout Writer) -> Void) -> String {
    var writer = Writer()
    write(&writer)
    return String(decoding: writer.bytes, as: UTF8.self)
  }

  @Test(arguments: [0, 1, 9, 10, 99, 100, 65_535, 1 << 32, UInt64.max - 1, .max])
  func `a number is written as Swift writes it`(value: UInt64) {
    #expect(text { $0.decimal(value) } == "\(value)")
  }

  @Test(arguments: [0, -1, -10, 42, Int.max, Int.min])
  func `a sign is written only below zero`(value: Int) {
    #expect(text { $0.decimal(value) } == "\(value)")
  }

  @Test func `zeros fill a number up to its width and never cut it`() {
    #expect(text { $0.decimal(UInt64(0), width: 2) } == "00")
    #expect(text { $0.decimal(UInt64(7), width: 4) } == "0007")
    #expect(text { $0.decimal(UInt64(12_345), width: 4) } == "12345")
    #expect(text { $0.decimal(UInt64(0), width: 0) } == "0")
  }

  @Test func `any number is written as Swift writes it`() {
    var generator = SplitMix64(seed: 3)
    for _ in 0..<1_000 {
      let value = generator.anyWidth()
      let written = text { $0.decimal(value) }
      if written != "\(value)" { Issue.record("\(value) was written \(written)") }
    }
  }
}
