// SPDX-License-Identifier: Apache-2.0
// Writer: bytes on their way out, in the order Reader takes them in.
//
// It writes what this process decided, so it has no limit of its own: whoever chooses what to write bounds it. A value too
// wide for its field is our mistake, and a precondition.

/// A growing run of bytes.
package struct Writer: Sendable {
  /// What was written so far. Open to change, so that a length may be filled in after what it counts.
  package var bytes: [UInt8] = []

  /// Starts empty, with room for this many bytes.
  @inlinable
  package init(capacity: Int = 0) {
    bytes.reserveCapacity(capacity)
  }

  /// How many bytes were written.
  @inlinable package var count: Int { bytes.count }
}

// MARK: Fixed widths

extension Writer {
  /// One byte.
  @inlinable
  package mutating func u8(_ value: UInt8) {
    bytes.append(value)
  }

  /// Two bytes, big endian.
  @inlinable
  package mutating func u16(_ value: UInt16) {
    u8(UInt8(truncatingIfNeeded: value &>> 8))
    u8(UInt8(truncatingIfNeeded: value))
  }

  /// Three bytes, big endian; the value must fit.
  @inlinable
  package mutating func u24(_ value: UInt32) {
    precondition(value <= 0xff_ffff, "\(value) does not fit 24 bits")
    u8(UInt8(truncatingIfNeeded: value &>> 16))
    u16(UInt16(truncatingIfNeeded: value))
  }

  /// Four bytes, big endian.
  @inlinable
  package mutating func u32(_ value: UInt32) {
    u16(UInt16(truncatingIfNeeded: value &>> 16))
    u16(UInt16(truncatingIfNeeded: value))
  }

  /// Eight bytes, big endian.
  @inlinable
  package mutating func u64(_ value: UInt64) {
    u32(UInt32(truncatingIfNeeded: value &>> 32))
    u32(UInt32(truncatingIfNeeded: value))
  }

  /// The shortest LEB128 spelling, as protobuf wants it.
  @inlinable
  package mutating func varint(_ value: UInt64) {
    var rest = value
    while rest >= 0x80 {
      u8(UInt8(truncatingIfNeeded: rest) | 0x80)
      rest &>>= 7
    }
    u8(UInt8(truncatingIfNeeded: rest))
  }
}

// MARK: Runs of bytes

extension Writer {
  /// Bytes lent for the call.
  @inlinable
  package mutating func append(_ run: Span<UInt8>) {
    bytes.append(addingCapacity: run.count) { free in
      for index in run.indices { free.append(run[index]) }
    }
  }

  /// Bytes of an array.
  @inlinable
  package mutating func append(_ run: [UInt8]) {
    bytes.append(contentsOf: run)
  }

  /// A literal. Literals prefer `String`, so the label is what keeps this one free of it.
  @inlinable
  package mutating func append(literal: StaticString) {
    // SAFETY: the buffer is the literal itself, in the binary's read-only data, and is copied before the closure returns.
    literal.withUTF8Buffer { unsafe bytes.append(contentsOf: $0) }
  }

  /// Text as UTF-8.
  @inlinable
  package mutating func append(_ text: String) {
    bytes.append(contentsOf: text.utf8)
  }
}

// MARK: Decimal text

extension Writer {
  /// A number in ASCII digits, filled with zeros on the left up to `width`.
  package mutating func decimal(_ value: UInt64, width: Int = 1) {
    var digitCount = 1
    var rest = value / 10
    while rest > 0 {
      digitCount += 1
      rest /= 10
    }
    let start = bytes.count
    bytes.append(contentsOf: repeatElement(UInt8(ascii: "0"), count: max(digitCount, width)))
    rest = value
    var index = bytes.count
    while rest > 0, index > start {
      index -= 1
      bytes[index] += UInt8(rest % 10)
      rest /= 10
    }
  }

  /// A number in ASCII digits, after a minus sign if it is negative.
  package mutating func decimal(_ value: Int) {
    if value < 0 { u8(UInt8(ascii: "-")) }
    decimal(UInt64(value.magnitude))
  }
}
