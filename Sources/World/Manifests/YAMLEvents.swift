// SPDX-License-Identifier: Apache-2.0
// YAMLEvents: libyaml's parser as a sequence of events. The only place that sees its types.
//
// The library calls nothing of ours and holds no state but the parser's; a document is never built by it, because its
// own tree has no limits.

import CYAML

/// A place as libyaml counts: lines and columns from 0, columns in characters.
struct YAMLMark: Equatable {
  var line = 0
  var column = 0
}

/// One step through a stream of documents.
struct YAMLEvent {
  enum Kind {
    case streamStart, streamEnd, documentStart, documentEnd
    case alias(String)
    case text(String, isPlain: Bool, Properties)
    case listStart(Properties), listEnd
    case mapStart(Properties), mapEnd
    /// The parser has nothing more to say though the stream did not end: it swallows a `]` after `?`, so it may well
    /// swallow the end one day. Asking on would never end.
    case nothing
  }

  /// What may stand in front of a value.
  struct Properties {
    var anchor: String?
    var tag: String?
  }

  let kind: Kind
  let mark: YAMLMark
}

/// What libyaml says when it gives up.
struct YAMLComplaint: Error {
  enum Kind { case reading, syntax, memory }

  let kind: Kind
  /// What it was doing, and since where.
  let context: String
  let contextMark: YAMLMark
  /// What is wrong, and where.
  let problem: String
  let problemMark: YAMLMark
  /// For `reading`: the byte that is wrong, and the character it is part of if that was read.
  let offset: Int
  let value: Int
}

/// A parser over bytes that somebody else keeps for as long.
struct YAMLEvents: ~Copyable, ~Escapable {
  // SAFETY: allocated and initialised once, used by this owner alone, deleted by its deinit.
  private let parser: UnsafeMutablePointer<yaml_parser_t>

  /// Nil when there is no memory.
  @_lifetime(copy bytes)
  init?(_ bytes: Span<UInt8>) {
    precondition(!bytes.isEmpty, "libyaml takes no null pointer, and an empty span may be one")
    let parser = UnsafeMutablePointer<yaml_parser_t>.allocate(capacity: 1)
    guard yaml_parser_initialize(parser) == 1 else {
      parser.deallocate()
      return nil
    }
    self.parser = parser
    // Said, not guessed: UTF-16 has been refused already.
    yaml_parser_set_encoding(parser, YAML_UTF8_ENCODING)
    // SAFETY: the parser keeps this pointer; it lives no longer than `bytes`, by the lifetime above.
    bytes.withUnsafeBufferPointer { yaml_parser_set_input_string(parser, $0.baseAddress, $0.count) }
  }

  deinit {
    yaml_parser_delete(parser)
    parser.deallocate()
  }

  /// The next step.
  mutating func next() throws(YAMLComplaint) -> YAMLEvent {
    var event = yaml_event_t()
    // A call that fails leaves the event as it is here, empty: there is nothing to delete.
    guard yaml_parser_parse(parser, &event) == 1 else { throw YAMLComplaint(parser.pointee) }
    defer { yaml_event_delete(&event) }
    return YAMLEvent(kind: .init(event), mark: YAMLMark(event.start_mark))
  }
}

extension YAMLMark {
  fileprivate init(_ mark: yaml_mark_t) { self.init(line: Int(mark.line), column: Int(mark.column)) }
}

extension YAMLComplaint {
  fileprivate init(_ parser: yaml_parser_t) {
    switch parser.error {
    case YAML_MEMORY_ERROR: kind = .memory
    case YAML_READER_ERROR: kind = .reading
    default: kind = .syntax
    }
    context = parser.context.map { String(cString: $0) } ?? ""
    contextMark = YAMLMark(parser.context_mark)
    problem = parser.problem.map { String(cString: $0) } ?? ""
    problemMark = YAMLMark(parser.problem_mark)
    offset = Int(parser.problem_offset)
    value = Int(parser.problem_value)
  }
}

extension YAMLEvent.Kind {
  /// Copies what the event holds; the event is deleted by the caller.
  fileprivate init(_ event: yaml_event_t) {
    switch event.type {
    case YAML_STREAM_START_EVENT: self = .streamStart
    case YAML_STREAM_END_EVENT: self = .streamEnd
    case YAML_DOCUMENT_START_EVENT: self = .documentStart
    case YAML_DOCUMENT_END_EVENT: self = .documentEnd
    case YAML_ALIAS_EVENT: self = .alias(Self.name(event.data.alias.anchor) ?? "")
    case YAML_SCALAR_EVENT:
      let scalar = event.data.scalar
      // SAFETY: libyaml's own buffer of that length, alive until the event is deleted.
      let text = String(decoding: UnsafeBufferPointer(start: scalar.value, count: scalar.length), as: UTF8.self)
      self = .text(
        text, isPlain: scalar.style == YAML_PLAIN_SCALAR_STYLE, Self.properties(scalar.anchor, scalar.tag))
    case YAML_SEQUENCE_START_EVENT:
      self = .listStart(Self.properties(event.data.sequence_start.anchor, event.data.sequence_start.tag))
    case YAML_SEQUENCE_END_EVENT: self = .listEnd
    case YAML_MAPPING_START_EVENT:
      self = .mapStart(Self.properties(event.data.mapping_start.anchor, event.data.mapping_start.tag))
    case YAML_MAPPING_END_EVENT: self = .mapEnd
    default: self = .nothing
    }
  }

  private static func properties(_ anchor: UnsafePointer<UInt8>?, _ tag: UnsafePointer<UInt8>?)
    -> YAMLEvent.Properties
  {
    YAMLEvent.Properties(anchor: name(anchor), tag: name(tag))
  }

  // SAFETY: anchors and tags end with a NUL.
  private static func name(_ text: UnsafePointer<UInt8>?) -> String? { text.map { String(cString: $0) } }
}
