// SPDX-License-Identifier: Apache-2.0
// Fields: a map of a manifest, read field by field. What is of a wrong type, out of range, or known to nobody is a finding,
// with its path, its line, and a guess at what was meant.
//
//   spec.rules[1].from[0].source.principal      error: no such field; did you mean `principals`?
//
// Types are as strict as the API server's: a number where a text belongs is refused, because it was not what was meant.

/// What was found while objects were read.
final class Findings {
  let file: String
  private(set) var problems: [Problem] = []

  init(file: String) { self.file = file }

  func add(_ problem: Problem) { problems.append(problem) }
}

/// A map of a manifest. A field that is missing reads as nil, or as empty.
final class Fields {
  /// Where the map stands, as `spec.rules[0]`.
  let path: String
  let line: Int
  let column: Int
  private let findings: Findings
  private let entries: [Node.Entry]
  private var known: Set<String> = []
  /// What an unknown field of this map, and of those below it, is worth.
  private let strictness: Problem.Severity

  /// A map. Anything else is an error, and reads as an empty map.
  init(_ node: Node, path: String = "", findings: Findings, strictness: Problem.Severity = .error) {
    self.path = path
    self.findings = findings
    self.strictness = strictness
    line = node.line
    column = node.column
    if case .map(let entries) = node.value {
      self.entries = entries
    } else {
      entries = []
      wrong(node, path, "a map")
    }
  }

  private init(emptyAt path: String, line: Int, column: Int, findings: Findings, strictness: Problem.Severity) {
    (self.path, self.line, self.column) = (path, line, column)
    (self.findings, self.strictness) = (findings, strictness)
    entries = []
  }

  /// Where a field stands; where the map does, when it has none of that name.
  func spot(_ name: String? = nil) -> Spot {
    let entry = entries.first { $0.key == name }
    return Spot(file: findings.file, line: entry?.line ?? line, column: entry?.column ?? column)
  }

  /// Says that something is wrong with a field.
  func fail(_ name: String, _ code: String = "invalid-value", _ text: String, hint: String = "") {
    findings.add(Problem(.error, code, at: spot(name), path: path(of: name), text, hint: hint))
  }

  /// Says that something about a field may not be what was meant.
  func warn(_ name: String, _ code: String, _ text: String, hint: String = "") {
    findings.add(Problem(.warning, code, at: spot(name), path: path(of: name), text, hint: hint))
  }

  /// Whether a field is there, and is not null.
  func has(_ name: String) -> Bool { node(name) != nil }

  /// Whether a field is a list, and there is nothing in it.
  func isEmptyList(_ name: String) -> Bool {
    if case .list(let nodes)? = node(name)?.value { nodes.isEmpty } else { false }
  }

  /// Reports every field that was neither read nor is among those that are left alone on purpose.
  func end(leaving ignored: [String] = []) {
    let names = known.union(ignored)
    for entry in entries where !names.contains(entry.key) {
      let guess = entry.key.nearest(of: names)
      findings.add(
        Problem(
          strictness, "unknown-field", at: Spot(file: findings.file, line: entry.line, column: entry.column),
          path: path(of: entry.key), "there is no such field", hint: guess.map { "did you mean `\($0)`?" } ?? ""))
    }
  }

  /// The path of a field.
  func path(of name: String) -> String { path.isEmpty ? name : "\(path).\(name)" }

  private func node(_ name: String) -> Node? {
    known.insert(name)
    guard let node = entries.first(where: { $0.key == name })?.value else { return nil }
    if case .null = node.value { return nil }
    return node
  }

  private func wrong(_ node: Node, _ path: String, _ wanted: String, hint: String = "") {
    findings.add(
      Problem(
        .error, "wrong-type", at: Spot(file: findings.file, line: node.line, column: node.column), path: path,
        "\(wanted) is wanted here, and this is \(node.typeName)", hint: hint))
  }
}

// MARK: Values

extension Fields {
  /// A text.
  func text(_ name: String) -> String? { node(name).flatMap { text($0, path(of: name)) } }

  /// A text that has to be there.
  func required(_ name: String) -> String {
    if let text = text(name), !text.isEmpty { return text }
    if !has(name) || text(name) == "" { fail(name, "missing-field", "this field is required") }
    return ""
  }

  /// A whole number within bounds.
  func number(_ name: String, _ bounds: ClosedRange<Int>) -> Int? {
    node(name).flatMap { number($0, path(of: name), bounds) }
  }

  /// A truth.
  func truth(_ name: String) -> Bool? {
    guard let node = node(name) else { return nil }
    if let truth = node.truth { return truth }
    wrong(node, path(of: name), "true or false")
    return nil
  }

  /// One of a few words.
  func choice<Choice: RawRepresentable<String> & CaseIterable>(_ name: String, _ type: Choice.Type) -> Choice? {
    guard let text = text(name) else { return nil }
    if let choice = Choice(rawValue: text) { return choice }
    let words = Choice.allCases.map(\.rawValue)
    let guess = text.nearest(of: words).map { "did you mean `\($0)`?" } ?? "it may be \(words.listed)"
    fail(name, "unknown-value", "`\(text)` is not known here", hint: guess)
    return nil
  }

  /// Texts in a row.
  func texts(_ name: String) -> [String] {
    list(name).enumerated().compactMap { text($1, "\(path(of: name))[\($0)]") }
  }

  /// Texts by names: labels and the like.
  func pairs(_ name: String) -> [String: String] {
    guard let node = node(name) else { return [:] }
    guard case .map(let entries) = node.value else {
      wrong(node, path(of: name), "a map")
      return [:]
    }
    var pairs: [String: String] = [:]
    for entry in entries { pairs[entry.key] = text(entry.value, "\(path(of: name)).\(entry.key)") }
    return pairs
  }

  /// Whole numbers by names.
  func numbers(_ name: String, _ bounds: ClosedRange<Int>) -> [String: Int] {
    guard let node = node(name) else { return [:] }
    guard case .map(let entries) = node.value else {
      wrong(node, path(of: name), "a map")
      return [:]
    }
    var numbers: [String: Int] = [:]
    for entry in entries { numbers[entry.key] = number(entry.value, "\(path(of: name)).\(entry.key)", bounds) }
    return numbers
  }

  /// A number, or a name for one.
  enum NumberOrName: Hashable, Sendable {
    case number(Int)
    case name(String)
  }

  /// A number within bounds, or a name for one.
  func numberOrName(_ name: String, _ bounds: ClosedRange<Int>) -> NumberOrName? {
    guard let node = node(name) else { return nil }
    if node.isNumber { return number(node, path(of: name), bounds).map(NumberOrName.number) }
    return text(node, path(of: name)).map(NumberOrName.name)
  }

  /// A map below; an empty one when it is missing.
  func map(_ name: String) -> Fields {
    guard let node = node(name) else {
      return Fields(emptyAt: path(of: name), line: line, column: column, findings: findings, strictness: strictness)
    }
    return Fields(node, path: path(of: name), findings: findings, strictness: strictness)
  }

  /// Maps in a row.
  func maps(_ name: String) -> [Fields] {
    list(name).enumerated().map {
      Fields($1, path: "\(path(of: name))[\($0)]", findings: findings, strictness: strictness)
    }
  }

  /// The maps of a map, by their names.
  func mapsByName(_ name: String) -> [(name: String, fields: Fields)] {
    guard let node = node(name) else { return [] }
    guard case .map(let entries) = node.value else {
      wrong(node, path(of: name), "a map")
      return []
    }
    return entries.map {
      ($0.key, Fields($0.value, path: "\(path(of: name)).\($0.key)", findings: findings, strictness: strictness))
    }
  }

  /// The lines on which the fields of a map stand.
  func lines(_ name: String) -> [String: Int] {
    guard case .map(let entries)? = node(name)?.value else { return [:] }
    return Dictionary(entries.map { ($0.key, $0.line) }) { one, _ in one }
  }

  private func list(_ name: String) -> [Node] {
    guard let node = node(name) else { return [] }
    if case .list(let nodes) = node.value { return nodes }
    wrong(node, path(of: name), "a list")
    return []
  }

  private func text(_ node: Node, _ path: String) -> String? {
    guard case .text(let text, let isQuoted) = node.value else {
      wrong(node, path, "a text")
      return nil
    }
    if isQuoted || !(node.isNumber || node.truth != nil) { return text }
    wrong(node, path, "a text", hint: "put it into quotes")
    return nil
  }

  private func number(_ node: Node, _ path: String, _ bounds: ClosedRange<Int>) -> Int? {
    guard case .text(let text, false) = node.value, let number = Int(text) else {
      wrong(node, path, "a whole number", hint: node.isQuotedNumber ? "leave out the quotes" : "")
      return nil
    }
    guard bounds.contains(number) else {
      findings.add(
        Problem(
          .error, "out-of-range", at: Spot(file: findings.file, line: node.line, column: node.column), path: path,
          "\(number) is not within \(bounds.lowerBound) and \(bounds.upperBound)"))
      return nil
    }
    return number
  }
}

// MARK: What a value looks like

extension Node {
  /// The truth that an unquoted word is, as YAML 1.1 and the API server have it.
  fileprivate var truth: Bool? {
    guard case .text(let text, false) = value else { return nil }
    switch text.lowercased() {
    case "true", "yes", "on": return true
    case "false", "no", "off": return false
    default: return nil
    }
  }

  fileprivate var isNumber: Bool {
    guard case .text(let text, false) = value, let first = text.utf8.first else { return false }
    return (first == UInt8(ascii: "-") || first == UInt8(ascii: "+") || (0x30...0x39).contains(first))
      && Double(text) != nil
  }

  fileprivate var isQuotedNumber: Bool { if case .text(let text, true) = value { Int(text) != nil } else { false } }

  fileprivate var typeName: String { truth != nil ? "true or false" : isNumber ? "a number" : kind }
}

extension [String] {
  /// `a`, `b` or `c`.
  var listed: String {
    let quoted = map { "`\($0)`" }
    guard quoted.count > 1, let last = quoted.last else { return quoted.first ?? "nothing" }
    return quoted.dropLast().joined(separator: ", ") + " or " + last
  }
}
