// SPDX-License-Identifier: Apache-2.0
// Fields: the header or trailer section of a message, in the order it came, pseudo-fields (":method") included.
//
// All bytes lie in one array; a field is three numbers. A section costs two allocations whatever its length, and no
// String is made before somebody reads one.

/// A header or trailer section.
package struct Fields: Sendable, Equatable {
  struct Entry: Sendable, Equatable {
    let start: UInt32
    let nameCount: UInt32
    let valueCount: UInt32
  }

  private(set) var bytes: [UInt8] = []
  private(set) var entries: [Entry] = []

  /// An empty section.
  package init() {}

  /// A section of names and values in order.
  package init(_ fields: [(String, String)]) {
    entries.reserveCapacity(fields.count)
    bytes.reserveCapacity(fields.reduce(0) { $0 + $1.0.utf8.count + $1.1.utf8.count })
    for (name, value) in fields { append(name, value) }
  }

  /// How many fields there are.
  package var count: Int { entries.count }

  /// The size as HTTP/2 counts it: every name and value, and 32 for each field (RFC 9113 6.5.2).
  package var listSize: Int { bytes.count + 32 * entries.count }

  /// Adds a field at the end.
  package mutating func append(_ name: String, _ value: String) {
    entries.append(
      Entry(start: UInt32(bytes.count), nameCount: UInt32(name.utf8.count), valueCount: UInt32(value.utf8.count)))
    bytes.append(contentsOf: name.utf8)
    bytes.append(contentsOf: value.utf8)
  }

  /// An empty section with room for a usual one, so that it does not grow step by step.
  static var received: Fields {
    var fields = Fields()
    fields.bytes.reserveCapacity(256)
    fields.entries.reserveCapacity(8)
    return fields
  }

  mutating func append(name: UnsafeBufferPointer<UInt8>, value: UnsafeBufferPointer<UInt8>) {
    entries.append(Entry(start: UInt32(bytes.count), nameCount: UInt32(name.count), valueCount: UInt32(value.count)))
    bytes.append(contentsOf: name)
    bytes.append(contentsOf: value)
  }

  /// The value of the first field of that name, written in lower case; nil when there is none.
  package subscript(name: StaticString) -> String? {
    entries.first { isNamed($0, name) }.map(value)
  }

  /// How many fields have that name.
  package func count(of name: StaticString) -> Int { entries.count { isNamed($0, name) } }

  /// Every field as text, for a person or a test.
  package var pairs: [(name: String, value: String)] {
    entries.map { (String(decoding: bytes[range($0).0], as: UTF8.self), value($0)) }
  }

  private func range(_ entry: Entry) -> (Range<Int>, Range<Int>) {
    let start = Int(entry.start)
    let middle = start + Int(entry.nameCount)
    return (start..<middle, middle..<(middle + Int(entry.valueCount)))
  }

  private func value(_ entry: Entry) -> String { String(decoding: bytes[range(entry).1], as: UTF8.self) }

  private func isNamed(_ entry: Entry, _ name: StaticString) -> Bool {
    guard Int(entry.nameCount) == name.utf8CodeUnitCount else { return false }
    return name.withUTF8Buffer { bytes[range(entry).0].elementsEqual($0) }
  }
}

extension Fields {
  /// A CONNECT request: method and authority only (RFC 9113 8.5).
  package static func connect(authority: String) -> Fields {
    Fields([(":method", "CONNECT"), (":authority", authority)])
  }

  /// A response with nothing but its status.
  package static func status(_ code: Int) -> Fields { Fields([(":status", "\(code)")]) }

  /// The response status; nil when it is none.
  package var status: Int? { self[":status"].flatMap(Int.init) }
}
