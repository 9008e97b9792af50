// SPDX-License-Identifier: Apache-2.0
// PEM: DER bytes in text, RFC 7468.
//
//   anything, for people                       outside a block every line is skipped,
//   -----BEGIN CERTIFICATE-----                but "-----BEGIN" or "-----END" in it must be a whole boundary
//   MIIB…                                      body: base 64, LF or CRLF, no blanks and no headers
//   -----END CERTIFICATE-----                  the same label
//
// Stricter than OpenSSL on purpose: an indented or half-edited block is refused with its line, where others skip it and a
// trust bundle loses a root without a word. Encrypted keys (RFC 1421 headers) are refused by the same rule.

/// Why text is not a run of PEM blocks; lines count from one.
package enum PEMFailure: Error, Equatable, Sendable {
  case tooLong(bytes: Int)
  case tooManyBlocks(line: Int)
  /// Neither text nor a boundary: blanks before or after it, a missing dash, an empty or long label.
  case badBoundary(line: Int)
  /// An END without BEGIN, or with another label.
  case strayEnd(line: Int)
  /// A BEGIN whose END is missing.
  case unfinished(line: Int)
  case emptyBody(line: Int)
  case badBody(Base64Failure, line: Int)
}

/// Reads and writes PEM text.
package enum PEM {
  /// The text read at once; the bundle of all public roots is about 220 KB. A longer one is refused.
  package static let textBytesMax = 1 << 20
  /// The blocks in one text; the public roots are about 150. More are refused.
  package static let blocksMax = 512
  /// The length of a label; "CERTIFICATE REQUEST" has 19 signs. A longer one is no boundary.
  package static let labelBytesMax = 64
  /// The length of the lines we write: RFC 7468 section 2.
  static let lineBytes = 64

  /// One block: what it says it holds, and the bytes.
  package struct Block: Equatable, Sendable {
    /// For example `CERTIFICATE`.
    package var label: String
    /// DER, by custom; nothing here looks inside. Not wiped when freed: a key is its reader's to guard.
    package var bytes: [UInt8]

    /// A block to be written; the label must be one that can be read back.
    package init(label: String, bytes: [UInt8]) {
      self.label = label
      self.bytes = bytes
    }
  }

  /// All blocks, in the order of the text.
  package static func blocks(in text: Span<UInt8>) throws(PEMFailure) -> [Block] {
    guard text.count <= textBytesMax else { throw .tooLong(bytes: text.count) }
    var blocks: [Block] = []
    var lines = Lines(text)
    while let line = lines.next() {
      switch try boundary(text.extracting(line), line: lines.number) {
      case .none: continue
      case .end: throw .strayEnd(line: lines.number)
      case .begin(let label):
        guard blocks.count < blocksMax else { throw .tooManyBlocks(line: lines.number) }
        blocks.append(try Block(label: label, bytes: body(of: label, in: text, &lines)))
      }
    }
    return blocks
  }

  /// One block as text, LF at the end of each line.
  package static func encode(_ block: Block) -> String {
    precondition(isLabel(block.label.utf8.span), "no PEM label: \(block.label)")
    precondition(!block.bytes.isEmpty, "an empty PEM block cannot be read back")
    var writer = Writer()
    writer.append("-----BEGIN \(block.label)-----\n")
    let digits = Base64.digits(of: block.bytes.span, as: .standard)
    for start in stride(from: 0, to: digits.count, by: lineBytes) {
      writer.append(digits.span.extracting(start..<min(start + lineBytes, digits.count)))
      writer.u8(UInt8(ascii: "\n"))
    }
    writer.append("-----END \(block.label)-----\n")
    return String(decoding: writer.bytes, as: UTF8.self)
  }
}

// MARK: Blocks

extension PEM {
  /// From the line after BEGIN to the END that closes it.
  private static func body(
    of label: String, in text: Span<UInt8>, _ lines: inout Lines
  ) throws(PEMFailure) -> [UInt8] {
    let opening = lines.number
    let start = lines.offset
    while let line = lines.next() {
      switch try boundary(text.extracting(line), line: lines.number) {
      case .none: continue
      case .begin: throw .unfinished(line: opening)
      case .end(label): return try decode(text.extracting(start..<line.lowerBound), after: opening)
      case .end: throw .strayEnd(line: lines.number)
      }
    }
    throw .unfinished(line: opening)
  }

  private static func decode(_ body: Span<UInt8>, after opening: Int) throws(PEMFailure) -> [UInt8] {
    let bytes: [UInt8]
    do throws(Base64Failure) {
      bytes = try Base64.decodeLines(body)
    } catch {
      // The failure says a byte; people look for a line.
      var line = opening + 1
      for index in 0..<error.offset where body[index] == UInt8(ascii: "\n") { line += 1 }
      throw .badBody(error, line: line)
    }
    if bytes.isEmpty { throw .emptyBody(line: opening) }
    return bytes
  }
}

// MARK: Lines and boundaries

extension PEM {
  private enum Boundary {
    case none
    case begin(String)
    case end(String)
  }

  private static func boundary(_ line: Span<UInt8>, line number: Int) throws(PEMFailure) -> Boundary {
    let opens = find("-----BEGIN", in: line)
    let closes = find("-----END", in: line)
    if opens == nil, closes == nil { return .none }
    if opens == 0, let label = label(of: line, after: "-----BEGIN ") { return .begin(label) }
    if closes == 0, let label = label(of: line, after: "-----END ") { return .end(label) }
    throw .badBoundary(line: number)
  }

  private static func label(of line: Span<UInt8>, after prefix: String) -> String? {
    let prefixCount = prefix.utf8.count
    guard line.count >= prefixCount + 5, find(prefix, in: line) == 0 else { return nil }
    guard find("-----", in: line.extracting(last: 5)) == 0 else { return nil }
    let label = line.extracting(prefixCount..<(line.count - 5))
    guard isLabel(label) else { return nil }
    var writer = Writer()
    writer.append(label)
    return String(decoding: writer.bytes, as: UTF8.self)
  }

  /// RFC 7468 section 3: printable ASCII; single blanks or hyphens may stand inside, not at the ends.
  private static func isLabel(_ label: Span<UInt8>) -> Bool {
    guard (1...labelBytesMax).contains(label.count) else { return false }
    var wasSeparator = true
    for index in label.indices {
      let character = label[index]
      let isSeparator = character == UInt8(ascii: " ") || character == UInt8(ascii: "-")
      guard (0x20...0x7e).contains(character), !(isSeparator && wasSeparator) else { return false }
      wasSeparator = isSeparator
    }
    return !wasSeparator
  }

  /// The first place of a short word in a line.
  private static func find(_ word: String, in line: Span<UInt8>) -> Int? {
    let word = word.utf8.span
    var start = 0
    while start + word.count <= line.count {
      var matched = 0
      while matched < word.count, line[start + matched] == word[matched] { matched += 1 }
      if matched == word.count { return start }
      start += 1
    }
    return nil
  }

  /// Ranges of lines without their LF or CRLF.
  private struct Lines: ~Escapable {
    private let text: Span<UInt8>
    /// The first byte not yet handed out.
    private(set) var offset = 0
    /// Of the line handed out last.
    private(set) var number = 0

    @_lifetime(copy text)
    init(_ text: Span<UInt8>) {
      self.text = text
    }

    @_lifetime(self: copy self)
    mutating func next() -> Range<Int>? {
      guard offset < text.count else { return nil }
      let start = offset
      while offset < text.count, text[offset] != UInt8(ascii: "\n") { offset += 1 }
      var end = offset
      if offset < text.count {
        offset += 1
        if end > start, text[end - 1] == UInt8(ascii: "\r") { end -= 1 }
      }
      number += 1
      return start..<end
    }
  }
}
