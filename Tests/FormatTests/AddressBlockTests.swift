// SPDX-License-Identifier: Apache-2.0
// Blocks of addresses: what is one, and what lies in it.

import Format
import Testing

@Suite struct AddressBlockTests {
  @Test(arguments: [
    ("10.0.0.0/8", "10.0.0.0/8"), ("10.1.2.3/8", "10.0.0.0/8"), ("10.1.2.3", "10.1.2.3/32"), ("0.0.0.0/0", "0.0.0.0/0"),
    ("fd00::1/64", "fd00::/64"), ("::/0", "::/0"), ("fd00::1", "fd00::1/128"),
    ("255.255.255.255/31", "255.255.255.254/31"),
    ("::ffff:10.0.0.1", "10.0.0.1/32"), ("ffff:ffff:ffff:ffff:8000::/65", "ffff:ffff:ffff:ffff:8000::/65"),
  ])
  func isRead(text: String, canonical: String) {
    #expect(AddressBlock(text)?.description == canonical)
  }

  @Test(arguments: [
    "", "/", "10.0.0.0/", "/8", "10.0.0.0/33", "::/129", "10.0.0.0/08", "10.0.0.0/+8", "10.0.0.0/-1", "10.0.0/8",
    "10.0.0.0/8/8", "10.0.0.0/8 ", "10.0.0.0/1000", "host/8",
  ])
  func isRefused(text: String) {
    #expect(AddressBlock(text) == nil)
  }

  /// Every length of both families, against the bits themselves.
  @Test(arguments: ["203.0.113.77", "2001:db8:1234:5678:9abc:def0:1357:2468"])
  func holdsWhatSharesItsBits(text: String) throws {
    let base = try #require(IPAddress(text))
    for length in 0...base.bits {
      let block = try #require(AddressBlock(base, length: length))
      #expect(block.contains(base))
      for bit in 0..<base.bits {
        let place = UInt64(127 - (bit + 128 - base.bits))
        let other = IPAddress(
          high: place >= 64 ? base.high ^ 1 << (place - 64) : base.high,
          low: place < 64 ? base.low ^ 1 << place : base.low)
        #expect(base.bit(bit) != other.bit(bit))
        #expect(block.contains(other) == (bit >= length))
      }
    }
    #expect(AddressBlock(base, length: base.bits + 1) == nil && AddressBlock(base, length: -1) == nil)
    #expect(AddressBlock(base).isOneAddress)
  }

  @Test func familiesDoNotMix() throws {
    let (four, six) = (try #require(AddressBlock("0.0.0.0/0")), try #require(AddressBlock("::/0")))
    let address = try #require(IPAddress("10.0.0.1"))
    #expect(four.contains(address) && !six.contains(address))
    let other = try #require(IPAddress("fd00::1"))
    #expect(six.contains(other) && !four.contains(other))
  }
}
