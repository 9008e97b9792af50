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
  /// How many of them are errors.
  private(set) var errors = 0

  init(file: String) { self.file = file }

  func add(_ problem: Problem) {
    problems.append(problem.onOneLine)
    if problem.severity == .error { errors += 1 }
  }
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

  /// How many errors were found so far, here and elsewhere in the object.
  var errors: Int { findings.errors }

  /// Says that something is wrong with a field, or with the map as a whole.
  func fail(_ name: String, _ code: String = "invalid-value", _ text: String, hint: String = "") {
    tell(.error, name, code, text, hint: hint)
  }

  /// Says something about a field, or about the map as a whole.
  func tell(_ severity: Problem.Severity, _ name: String, _ code: String, _ text: String, hint: String = "") {
    findings.add(Problem(severity, code, at: spot(name), path: path(of: name), text, hint: hint))
  }

  /// Says that something is wrong with an item of a field; the path is that of the field, the place that of the item.
  func fail(_ item: Item, _ code: String = "invalid-value", _ text: String, hint: String = "") {
    let spot = Spot(file: findings.file, line: Int(item.mark.line), column: Int(item.mark.column))
    findings.add(Problem(.error, code, at: spot, path: item.path, text, hint: hint))
  }

  /// Says that something about a field may not be what was meant.
  func warn(_ name: String, _ code: String, _ text: String, hint: String = "") {
    tell(.warning, name, code, text, hint: hint)
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
  func path(of name: String) -> String { path.isEmpty || name.isEmpty ? path + name : "\(path).\(name)" }

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
    guard let node = node(name) else {
      fail(name, "missing-field", "this field is required")
      return ""
    }
    let text = text(node, path(of: name))
    if text == "" { fail(name, "missing-field", "this field must not be empty") }
    return text ?? ""
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
    fail(name, "unknown-value", "this cannot be `\(text)`", hint: guess)
    return nil
  }

  /// A text in a field, and where it stands.
  struct Item {
    let text: String
    /// The path of the field.
    let path: String
    let mark: Mark
  }

  /// Texts in a row, with their places.
  func items(_ name: String) -> [Item] {
    let path = path(of: name)
    return list(name).enumerated().compactMap { index, node in
      text(node, "\(path)[\(index)]").map { Item(text: $0, path: path, mark: Mark(node.line, node.column)) }
    }
  }

  /// Texts in a row.
  func texts(_ name: String) -> [String] { items(name).map(\.text) }

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

  /// Where the fields of a map stand.
  func marks(in name: String) -> [String: Mark] {
    guard case .map(let entries)? = node(name)?.value else { return [:] }
    return Dictionary(entries.map { ($0.key, Mark($0.line, $0.column)) }) { one, _ in one }
  }

  /// Where fields stand, by their paths: of `spec.ports[].targetPort` each one, of `spec.selector.*` all below it.
  func marks(of patterns: [[Substring]]) -> [String: Mark] {
    var marks: [String: Mark] = [:]
    for pattern in patterns { Self.mark(pattern[...], entries, path, into: &marks) }
    return marks
  }

  private static func mark(
    _ pattern: ArraySlice<Substring>, _ entries: [Node.Entry], _ path: String, into marks: inout [String: Mark]
  ) {
    guard let first = pattern.first else { return }
    let (isList, rest) = (first.hasSuffix("[]"), pattern.dropFirst())
    let name = isList ? first.dropLast(2) : first
    for entry in entries where name == "*" || name == entry.key {
      let path = path.isEmpty ? entry.key : "\(path).\(entry.key)"
      if case .list(let items) = entry.value.value, isList {
        for (index, item) in items.enumerated() {
          if rest.isEmpty { marks["\(path)[\(index)]"] = Mark(item.line, item.column) }
          if case .map(let entries) = item.value { mark(rest, entries, "\(path)[\(index)]", into: &marks) }
        }
      } else if !isList {
        if rest.isEmpty { marks[path] = Mark(entry.line, entry.column) }
        if case .map(let entries) = entry.value.value { mark(rest, entries, path, into: &marks) }
      }
    }
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
  /// The truth that an unquoted word is, as YAML 1.1 and kubectl have it.
  fileprivate var truth: Bool? {
    guard case .text(let text, false) = value else { return nil }
    switch text {
    case "true", "True", "TRUE", "yes", "Yes", "YES", "y", "Y", "on", "On", "ON": return true
    case "false", "False", "FALSE", "no", "No", "NO", "n", "N", "off", "Off", "OFF": return false
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

extension Problem {
  /// More signs of a text are not quoted.
  private static let signsMax = 400

  /// The same, without what values of manifests may bring along: line breaks, signs that do not print, megabytes.
  var onOneLine: Problem {
    Problem(
      severity, code, at: spot, path: shown(path, most: Self.signsMax), shown(text, most: Self.signsMax),
      hint: shown(hint, most: Self.signsMax))
  }
}

extension [String] {
  /// `a`, `b` or `c`.
  var listed: String {
    let quoted = map { "`\($0)`" }
    guard quoted.count > 1, let last = quoted.last else { return quoted.first ?? "nothing" }
    return quoted.dropLast().joined(separator: ", ") + " or " + last
  }
}
