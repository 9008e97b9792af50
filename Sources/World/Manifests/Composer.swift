// SPDX-License-Identifier: Apache-2.0
// Composer: events become nodes, under limits.
//
//   an open list or map is a frame; a value goes into the last frame, or is a document when there is none
//
// An alias is the value of its anchor again, at its own place. The value is shared, not copied, but whoever walks over
// the document meets it each time: so everything an alias stands for is counted each time, in values, bytes and depth.

/// Builds the documents of one file.
struct Composer {
  /// The documents that are complete and hold something.
  private(set) var documents: [Node] = []

  private let file: String
  private let limits: ManifestLimits
  private var frames: [Frame] = []
  private var anchors: [String: Anchor] = [:]
  private var documentCount = 0
  private var sum = Weight()

  init(file: String, limits: ManifestLimits) {
    self.file = file
    self.limits = limits
  }

  /// Takes the next event; true when it was the last.
  mutating func take(_ event: YAMLEvent) throws(Problem) -> Bool {
    let mark = event.mark
    switch event.kind {
    case .streamStart, .documentEnd: break
    case .streamEnd: return true
    case .documentStart: try begin(mark)
    case .text(let text, let isPlain, let properties): try add(text, isPlain: isPlain, properties, mark)
    case .alias(let name): try repeatAnchor(name, mark)
    case .listStart(let properties): try open(isMap: false, properties, mark)
    case .mapStart(let properties): try open(isMap: true, properties, mark)
    case .listEnd, .mapEnd: try close()
    case .nothing: throw refusal("yaml-syntax", mark, "the file ends inside a list or a map")
    }
    return false
  }
}

/// What a value costs whoever walks over it.
private struct Weight {
  var nodes = 0
  var bytes = 0
  /// Lists and maps within each other, itself included.
  var height = 0

  mutating func add(_ other: Weight) {
    nodes += other.nodes
    bytes += other.bytes
    height = max(height, other.height)
  }
}

/// A list or a map whose end has not come.
private struct Frame {
  let isMap: Bool
  let mark: YAMLMark
  let anchor: String?
  var items: [Node] = []
  var entries: [Node.Entry] = []
  var key: (text: String, mark: YAMLMark)?
  /// The lines of the keys, once there are too many to look through.
  var lines: [String: Int] = [:]
  var weight = Weight(nodes: 1)

  static let searchedMax = 16

  /// The line of an equal key.
  mutating func line(of key: String) -> Int? {
    if entries.count <= Self.searchedMax { return entries.first { $0.key == key }?.line }
    if lines.isEmpty { lines = Dictionary(entries.map { ($0.key, $0.line) }) { first, _ in first } }
    return lines[key]
  }

  mutating func append(_ node: Node) {
    guard isMap else {
      items.append(node)
      return
    }
    guard let (text, mark) = key else { return }
    entries.append(Node.Entry(key: text, line: mark.line + 1, column: mark.column + 1, value: node))
    if !lines.isEmpty { lines[text] = mark.line + 1 }
    key = nil
  }
}

private enum Anchor {
  /// The value it names is not complete.
  case open
  case complete(Node.Value, Weight)
}

extension Composer {
  private mutating func begin(_ mark: YAMLMark) throws(Problem) {
    anchors.removeAll()
    documentCount += 1
    guard documentCount <= limits.documentsMax else {
      throw refusal("yaml-size", mark, "more than \(limits.documentsMax) documents in one file")
    }
  }

  private mutating func add(
    _ text: String, isPlain: Bool, _ properties: YAMLEvent.Properties, _ mark: YAMLMark
  ) throws(Problem) {
    guard text.utf8.count <= limits.textBytesMax else {
      throw refusal("yaml-size", mark, "a text of \(text.utf8.count) bytes; \(limits.textBytesMax) is the most")
    }
    guard isPlain || !text.utf8.contains(0) else {
      throw refusal("yaml-encoding", mark, "a text with a NUL character")
    }
    let isKey = awaitsKey
    if isKey, isPlain, text == "<<", properties.tag == nil {
      throw refusal(
        "yaml-merge", mark, "merge keys (`<<`) are not supported",
        hint: "write the keys out, or use an alias as a value")
    }
    let value = try value(text, isPlain: isPlain, properties.tag, mark)
    let weight = Weight(nodes: isKey ? 0 : 1, bytes: text.utf8.count)
    if let anchor = properties.anchor { anchors[anchor] = .complete(value, weight) }
    try count(weight, mark)
    try place(value, weight, mark)
  }

  private mutating func repeatAnchor(_ name: String, _ mark: YAMLMark) throws(Problem) {
    let value: Node.Value
    var weight: Weight
    switch anchors[name] {
    case .complete(let known, let its): (value, weight) = (known, its)
    case .open: throw refusal("yaml-alias", mark, "`*\(shown(name))` stands inside of what it names")
    case nil:
      throw refusal(
        "yaml-alias", mark, "nothing before this is named `&\(shown(name))`",
        hint: "a text that begins with `*` needs quotes")
    }
    // A key that has an anchor was counted as no value, and a key that is an alias is none.
    weight.nodes = awaitsKey ? 0 : max(1, weight.nodes)
    guard frames.count + weight.height <= limits.depthMax else { throw tooDeep(mark) }
    try count(weight, mark)
    try place(value, weight, mark)
  }

  private mutating func open(isMap: Bool, _ properties: YAMLEvent.Properties, _ mark: YAMLMark) throws(Problem) {
    guard !awaitsKey else {
      throw refusal(
        "yaml-key", mark, "\(isMap ? "a map" : "a list") as a key; only texts can be keys",
        hint: "a text that begins with `{` or `[` needs quotes")
    }
    guard frames.count < limits.depthMax else { throw tooDeep(mark) }
    if let tag = properties.tag, tag != "!", tag != Self.coreTags + (isMap ? "map" : "seq") { throw badTag(tag, mark) }
    try count(Weight(nodes: 1), mark)
    if let anchor = properties.anchor { anchors[anchor] = .open }
    frames.append(Frame(isMap: isMap, mark: mark, anchor: properties.anchor))
  }

  private mutating func close() throws(Problem) {
    // The parser's events are balanced; this is no input's fault.
    guard var frame = frames.popLast() else { preconditionFailure("an end without a start") }
    frame.weight.height += 1
    let value = frame.isMap ? Node.Value.map(frame.entries) : .list(frame.items)
    // A value inside may have taken the name over; aliases mean the last one that began.
    if let anchor = frame.anchor, case .open = anchors[anchor] {
      anchors[anchor] = .complete(value, frame.weight)
    }
    try place(value, frame.weight, frame.mark)
  }

  private var awaitsKey: Bool {
    guard let frame = frames.last else { return false }
    return frame.isMap && frame.key == nil
  }

  /// Puts a complete value where the next one belongs.
  private mutating func place(_ value: Node.Value, _ weight: Weight, _ mark: YAMLMark) throws(Problem) {
    guard let last = frames.indices.last else {
      if case .null = value { return }
      documents.append(Node(value, line: mark.line + 1, column: mark.column + 1))
      return
    }
    frames[last].weight.add(weight)
    if awaitsKey {
      try setKey(value, mark, in: last)
    } else {
      frames[last].append(Node(value, line: mark.line + 1, column: mark.column + 1))
    }
  }

  private mutating func setKey(_ value: Node.Value, _ mark: YAMLMark, in last: Int) throws(Problem) {
    guard case .text(let key, _) = value else {
      throw refusal("yaml-key", mark, "a key is missing", hint: "`null` and `~` as a key need quotes")
    }
    if let line = frames[last].line(of: key) {
      throw refusal(
        "yaml-duplicate-key", mark, "the key `\(shown(key))` stands here again",
        hint: "the first one is on line \(line)")
    }
    frames[last].key = (key, mark)
  }

  private mutating func count(_ weight: Weight, _ mark: YAMLMark) throws(Problem) {
    sum.add(weight)
    guard sum.nodes <= limits.nodesMax else {
      throw refusal("yaml-size", mark, "more than \(limits.nodesMax) values, those of aliases included")
    }
    guard sum.bytes <= limits.expandedBytesMax else {
      throw refusal("yaml-size", mark, "more than \(limits.expandedBytesMax) bytes of text, those of aliases included")
    }
  }
}

extension Composer {
  private static let coreTags = "tag:yaml.org,2002:"

  /// What a text means. Only nothing is told from texts here, as YAML 1.2's core schema spells it.
  private func value(_ text: String, isPlain: Bool, _ tag: String?, _ mark: YAMLMark) throws(Problem) -> Node.Value {
    switch tag {
    case nil: return isPlain && isNull(text) ? .null : .text(text, isQuoted: !isPlain)
    case "!", Self.coreTags + "str": return .text(text, isQuoted: true)
    case Self.coreTags + "null" where isNull(text): return .null
    case Self.coreTags + "bool", Self.coreTags + "int", Self.coreTags + "float": return .text(text, isQuoted: false)
    default: throw badTag(tag, mark)
    }
  }

  private func isNull(_ text: String) -> Bool {
    switch text {
    case "", "~", "null", "Null", "NULL": true
    default: false
    }
  }

  private func badTag(_ tag: String?, _ mark: YAMLMark) -> Problem {
    refusal(
      "yaml-tag", mark, "the tag `\(shown(tag ?? ""))` is not supported here",
      hint: "remove it, or quote a text that begins with `!`")
  }

  private func tooDeep(_ mark: YAMLMark) -> Problem {
    refusal("yaml-depth", mark, "more than \(limits.depthMax) lists and maps within each other")
  }

  private func refusal(_ code: String, _ mark: YAMLMark, _ text: String, hint: String = "") -> Problem {
    Problem(.error, code, at: Spot(file: file, mark), text, hint: hint)
  }
}

/// A text of a file as part of a line we write: short, and without what would break the line.
func shown(_ text: String, most: Int = 64) -> String {
  var short = ""
  for scalar in text.unicodeScalars.prefix(most) {
    short.unicodeScalars.append(scalar.properties.generalCategory.isPrintable ? scalar : "\u{fffd}")
  }
  return text.unicodeScalars.count > most ? short + "…" : short
}

extension Unicode.GeneralCategory {
  fileprivate var isPrintable: Bool {
    switch self {
    case .control, .format, .lineSeparator, .paragraphSeparator, .surrogate: false
    default: true
    }
  }
}
