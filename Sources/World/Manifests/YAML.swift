// SPDX-License-Identifier: Apache-2.0
// YAML: the bytes of a file as nodes, one for each document that holds something.
//
//   bytes → inspected (size, encoding, what libyaml is slow at) → events (libyaml) → Composer → [Node]
//
// JSON comes the same way: YAML 1.2 contains it, and what libyaml reads of 1.1 differs in nothing a manifest says.

/// YAML and JSON files.
package enum YAML {
  /// The documents of a file; `file` is what problems call it.
  package static func documents(
    in bytes: Span<UInt8>, file: String, limits: ManifestLimits = ManifestLimits()
  ) throws(Problem) -> [Node] {
    try YAMLText(bytes).inspect(file: file, limits)
    let text = YAMLText(bytes).content
    guard !text.isEmpty, var events = YAMLEvents(text) else { return [] }
    var composer = Composer(file: file, limits: limits)
    var isOver = false
    while !isOver {
      let event: YAMLEvent
      do throws(YAMLComplaint) {
        event = try events.next()
      } catch {
        throw Problem(error, in: YAMLText(text), file: file)
      }
      isOver = try composer.take(event)
    }
    return composer.documents
  }
}

/// Bytes of a file before they are parsed.
struct YAMLText: ~Escapable {
  private let bytes: Span<UInt8>

  @_lifetime(copy bytes)
  init(_ bytes: Span<UInt8>) { self.bytes = bytes }

  /// The bytes without the mark that says UTF-8.
  var content: Span<UInt8> {
    @_lifetime(copy self)
    get { begins([0xef, 0xbb, 0xbf]) ? bytes.extracting(3...) : bytes }
  }

  private func begins(_ start: [UInt8]) -> Bool {
    bytes.count >= start.count && start.indices.allSatisfy { bytes[$0] == start[$0] }
  }

  /// Refuses what the parser must not see. Whether it is UTF-8 the parser finds out by itself.
  func inspect(file: String, _ limits: ManifestLimits) throws(Problem) {
    guard bytes.count <= limits.fileBytesMax else {
      let text = "the file has \(bytes.count) bytes; \(limits.fileBytesMax) is the most"
      throw Problem(.error, "yaml-size", at: Spot(file: file), text)
    }
    if begins([0xff, 0xfe]) || begins([0xfe, 0xff]) { throw .notUTF8(file, "the file is UTF-16") }
    var blanks = 0
    for offset in bytes.indices {
      switch bytes[offset] {
      case 0x00: throw nul(at: offset, file: file)
      // Besides the four below: what NEL, LS and PS are made of, which break lines for libyaml.
      case 0x09, 0x0a, 0x0d, 0x20, 0x80, 0x85, 0xa8, 0xa9, 0xc2, 0xe2:
        blanks += 1
        if blanks > limits.blanksMax {
          let text = "more than \(limits.blanksMax) blanks and line breaks in a row"
          throw Problem(.error, "yaml-size", at: spot(of: offset - limits.blanksMax, file: file), text)
        }
      case UInt8(ascii: "%") where isTagDirective(at: offset): throw tagDirective(at: offset, file: file)
      default: blanks = 0
      }
    }
  }

  private func nul(at offset: Int, file: String) -> Problem {
    if offset < 4 { return .notUTF8(file, "the file is UTF-16 or UTF-32, or no text at all") }
    return Problem(.error, "yaml-encoding", at: spot(of: offset, file: file), "a NUL byte; this is no text")
  }

  /// libyaml compares each directive with all before it, 0.9 s for 20,000, and copies its prefix for each tag.
  private func tagDirective(at offset: Int, file: String) -> Problem {
    Problem(
      .error, "yaml-tag", at: spot(of: offset, file: file), "`%TAG` is not supported",
      hint: "manifests need no tags; remove the line")
  }

  private func isTagDirective(at offset: Int) -> Bool {
    guard offset + 4 < bytes.count else { return false }
    guard bytes[offset + 1] == 0x54, bytes[offset + 2] == 0x41, bytes[offset + 3] == 0x47 else { return false }
    let start = begins([0xef, 0xbb, 0xbf]) ? 3 : 0
    return offset == start || [0x0a, 0x0d, 0x85, 0xa8, 0xa9].contains(bytes[offset - 1])
  }
}

/// Where things stand, counted as libyaml does it. Only failures ask, so walking from the start is good enough.
extension YAMLText {
  /// The place of a byte.
  func mark(of offset: Int) -> YAMLMark {
    var cursor = Cursor()
    while cursor.offset < min(offset, bytes.count) { step(&cursor) }
    return cursor.mark
  }

  /// The character at a place; empty at the end of the text.
  func character(at mark: YAMLMark) -> String {
    var cursor = Cursor()
    while cursor.offset < bytes.count, cursor.mark.line < mark.line || cursor.mark.column < mark.column {
      step(&cursor)
    }
    let start = cursor.offset
    guard start < bytes.count else { return "" }
    step(&cursor)
    var character: [UInt8] = []
    for offset in start..<cursor.offset { character.append(bytes[offset]) }
    return String(decoding: character, as: UTF8.self)
  }

  /// The spot of a byte of the whole file; a mark in front counts for nothing.
  private func spot(of offset: Int, file: String) -> Spot {
    let text = content
    return Spot(file: file, YAMLText(text).mark(of: offset - (bytes.count - text.count)))
  }

  private struct Cursor {
    var offset = 0
    var mark = YAMLMark()
  }

  private func step(_ cursor: inout Cursor) {
    let first = bytes[cursor.offset]
    let second = cursor.offset + 1 < bytes.count ? bytes[cursor.offset + 1] : 0
    let third = cursor.offset + 2 < bytes.count ? bytes[cursor.offset + 2] : 0
    let isBreak: Bool
    switch (first, second, third) {
    case (0x0d, 0x0a, _): (isBreak, cursor.offset) = (true, cursor.offset + 2)
    case (0x0a, _, _), (0x0d, _, _): (isBreak, cursor.offset) = (true, cursor.offset + 1)
    case (0xc2, 0x85, _): (isBreak, cursor.offset) = (true, cursor.offset + 2)
    case (0xe2, 0x80, 0xa8), (0xe2, 0x80, 0xa9): (isBreak, cursor.offset) = (true, cursor.offset + 3)
    default:
      isBreak = false
      repeat { cursor.offset += 1 } while cursor.offset < bytes.count && bytes[cursor.offset] & 0xc0 == 0x80
    }
    cursor.mark =
      isBreak ? YAMLMark(line: cursor.mark.line + 1) : YAMLMark(line: cursor.mark.line, column: cursor.mark.column + 1)
  }
}

extension Spot {
  /// libyaml counts from 0.
  init(file: String, _ mark: YAMLMark) { self.init(file: file, line: mark.line + 1, column: mark.column + 1) }
}

extension Problem {
  /// What is no UTF-8 at all has no line to speak of.
  static func notUTF8(_ file: String, _ text: String) -> Problem {
    Problem(.error, "yaml-encoding", at: Spot(file: file, line: 1, column: 1), text, hint: "save it as UTF-8")
  }
}
