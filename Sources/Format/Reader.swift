// SPDX-License-Identifier: Apache-2.0
// Reader: the one cursor over bytes that came from somewhere else.
//
//   Span<UInt8>:  [ read already | position → next byte … | end ]
//
// Integers are big endian (network order); varints are protobuf's. Counts are compared with what remains and never added to
// the position first, so no wire value can overflow. A read that fails moves nothing: get more bytes and ask again.

/// Why bytes could not be read: the writer's fault, or the rest is still on its way.
package enum ReadFailure: Error, Equatable, Sendable {
  case short(wanted: Int, at: Int)
  /// A count that arithmetic on wire values took below zero.
  case negative(count: Int, at: Int)
  /// A varint of more than ten bytes, or of more than 64 bits.
  case varintOverflow(at: Int)

  /// True if more bytes may turn this failure into a success.
  package var isShort: Bool { if case .short = self { true } else { false } }
}

/// A cursor over borrowed bytes; it lives no longer than they do.
package struct Reader: ~Escapable {
  @usableFromInline let source: Span<UInt8>
  @usableFromInline var position = 0

  /// Starts at the first byte.
  @inlinable
  @_lifetime(copy bytes)
  package init(_ bytes: Span<UInt8>) {
    source = bytes
  }

  /// How many bytes were read.
  @inlinable package var offset: Int { position }

  /// How many bytes are left.
  @inlinable package var remaining: Int { source.count - position }

  /// True once every byte was read.
  @inlinable package var isAtEnd: Bool { position == source.count }

  @inlinable
  func require(_ count: Int) throws(ReadFailure) {
    if count < 0 { throw .negative(count: count, at: position) }
    if count > remaining { throw .short(wanted: count, at: position) }
  }
}

// MARK: Fixed widths

extension Reader {
  /// One byte.
  @inlinable
  @_lifetime(self: copy self)
  package mutating func byte() throws(ReadFailure) -> UInt8 {
    try require(1)
    defer { position += 1 }
    return source[position]
  }

  /// Two bytes, big endian.
  @inlinable
  @_lifetime(self: copy self)
  package mutating func u16() throws(ReadFailure) -> UInt16 {
    try require(2)
    defer { position += 2 }
    return UInt16(source[position]) &<< 8 | UInt16(source[position + 1])
  }

  /// Three bytes, big endian: lengths in HTTP/2 and TLS.
  @inlinable
  @_lifetime(self: copy self)
  package mutating func u24() throws(ReadFailure) -> UInt32 {
    try require(3)
    defer { position += 3 }
    return UInt32(source[position]) &<< 16 | UInt32(source[position + 1]) &<< 8 | UInt32(source[position + 2])
  }

  /// Four bytes, big endian.
  @inlinable
  @_lifetime(self: copy self)
  package mutating func u32() throws(ReadFailure) -> UInt32 {
    try require(4)
    defer { position += 4 }
    let high = UInt32(source[position]) &<< 24 | UInt32(source[position + 1]) &<< 16
    return high | UInt32(source[position + 2]) &<< 8 | UInt32(source[position + 3])
  }

  /// Eight bytes, big endian.
  @inlinable
  @_lifetime(self: copy self)
  package mutating func u64() throws(ReadFailure) -> UInt64 {
    try require(8)
    let high = try u32()
    return try UInt64(high) &<< 32 | UInt64(u32())
  }
}

// MARK: Runs of bytes

extension Reader {
  /// Passes over bytes.
  @inlinable
  @_lifetime(self: copy self)
  package mutating func skip(_ count: Int) throws(ReadFailure) {
    try require(count)
    position += count
  }

  /// A view of the next bytes; nothing is copied.
  @inlinable
  @_lifetime(copy self)
  @_lifetime(self: copy self)
  package mutating func bytes(_ count: Int) throws(ReadFailure) -> Span<UInt8> {
    try require(count)
    defer { position += count }
    return source.extracting(position..<(position + count))
  }
}

// MARK: Varints

extension Reader {
  /// The longest varint: 64 bits, seven to a byte. Computed, so that it is a constant in other modules too.
  @inlinable package static var varintBytesMax: Int { 10 }

  /// An LEB128 number as protobuf writes it; longer spellings than needed are legal there, so they are here.
  @inlinable
  @_lifetime(self: copy self)
  package mutating func varint() throws(ReadFailure) -> UInt64 {
    var value: UInt64 = 0
    var count = 0
    while count < Reader.varintBytesMax {
      guard count < remaining else { throw .short(wanted: count + 1, at: position) }
      let byte = source[position + count]
      // The tenth byte holds bit 63 and nothing else. protobuf's own readers drop the excess; a value that changes on its
      // way through two readers is worth a refusal.
      if count == Reader.varintBytesMax - 1, byte > 1 { break }
      value |= UInt64(byte & 0x7f) &<< UInt64(7 * count)
      count += 1
      if byte < 0x80 {
        position += count
        return value
      }
    }
    throw .varintOverflow(at: position)
  }

  /// A varint length and a view of that many bytes: a string, bytes or message field of protobuf.
  @inlinable
  @_lifetime(copy self)
  @_lifetime(self: copy self)
  package mutating func varintPrefixed() throws(ReadFailure) -> Span<UInt8> {
    let start = position
    let length = try varint()
    do throws(ReadFailure) {
      // A length beyond Int is beyond `remaining` too, so clamping keeps the answer true.
      return try bytes(Int(clamping: length))
    } catch {
      position = start
      throw error
    }
  }
}
