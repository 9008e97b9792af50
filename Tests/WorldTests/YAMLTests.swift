// SPDX-License-Identifier: Apache-2.0
// What YAML and JSON mean as nodes.

import Testing
import World

/// A node as one line: `~` for nothing, quotes for what was quoted.
func outline(_ node: Node) -> String {
  switch node.value {
  case .null: "~"
  case .text(let text, let isQuoted): isQuoted ? "'\(text)'" : text
  case .list(let items): "[\(items.map(outline).joined(separator: ", "))]"
  case .map(let entries): "{\(entries.map { "\($0.key): \(outline($0.value))" }.joined(separator: ", "))}"
  }
}

/// The documents of a text.
func documents(_ text: String, limits: ManifestLimits = ManifestLimits()) throws(Problem) -> [Node] {
  try documents([UInt8](text.utf8), limits: limits)
}

/// The documents of bytes.
func documents(_ bytes: [UInt8], limits: ManifestLimits = ManifestLimits()) throws(Problem) -> [Node] {
  try YAML.documents(in: bytes.span, file: "a.yaml", limits: limits)
}

@Suite struct YAMLTests {
  struct Case: Sendable, CustomTestStringConvertible {
    let text: String
    let outlines: [String]
    var testDescription: String { text }

    init(_ text: String, _ outlines: String...) {
      self.text = text
      self.outlines = outlines
    }
  }

  @Test(arguments: [
    Case("a: 1\nb: [x, 'y']\n", "{a: 1, b: [x, 'y']}"),
    Case("a:\n- b: c\n  d: e\n- f\n", "{a: [{b: c, d: e}, f]}"),
    Case("a: |\n  x\n  y\nb: >-\n  x\n  y\n", "{a: 'x\ny\n', b: 'x y'}"),
    Case("a: |\n", "{a: ''}"),
    Case("a: x\n  y\n\n  z\n", "{a: x y\nz}"),
    Case("a: \"x\\ty\\u00e9\\U0001F600\"\n", "{a: 'x\ty\u{e9}\u{1f600}'}"),
    Case("{}\n---\n[]\n", "{}", "[]"),
    Case("a: {b: {c: []}}", "{a: {b: {c: []}}}"),
    Case("{a, b: }", "{a: ~, b: ~}"),
    Case("? a\n: b\n", "{a: b}"),
    Case("80: x\ntrue: y\n'': z\n", "{80: x, true: y, : z}"),
    Case("'<<': x\n", "{<<: x}"),
    Case("%YAML 1.2\n---\na: b\n", "{a: b}"),
    Case("a: b # c\n# d\n", "{a: b}"),
  ])
  func structure(_ c: Case) throws {
    #expect(try documents(c.text).map(outline) == c.outlines)
  }

  /// Whether a text is a number or a truth is for the field to say; only nothing is told here.
  @Test(arguments: [
    Case("- \n- ~\n- null\n- Null\n- NULL\n", "[~, ~, ~, ~, ~]"),
    Case("- nULL\n- none\n- '~'\n- ''\n- \"null\"\n", "[nULL, none, '~', '', 'null']"),
    Case("- yes\n- 012\n- 1e3\n- 0x1f\n- 2001-01-01\n", "[yes, 012, 1e3, 0x1f, 2001-01-01]"),
    Case("- !!str 5\n- !!str\n- !!str null\n- ! 6\n", "['5', '', 'null', '6']"),
    Case("- !!int '5'\n- !!bool yes\n- !!float 1\n", "[5, yes, 1]"),
    Case("- !!null\n- !!null ~\n- !!null ''\n", "[~, ~, ~]"),
    Case("- !!map {a: b}\n- !!seq [c]\n- ! {}\n", "[{a: b}, [c], {}]"),
    Case("- !<tag:yaml.org,2002:str> 1\n", "['1']"),
  ])
  func scalars(_ c: Case) throws {
    #expect(try documents(c.text).map(outline) == c.outlines)
  }

  @Test(arguments: [
    Case("a: &x 1\nb: *x\n", "{a: 1, b: 1}"),
    Case("a: &x {c: &y [1, 2]}\nb: *x\nd: *y\n", "{a: {c: [1, 2]}, b: {c: [1, 2]}, d: [1, 2]}"),
    Case("a: &x\nb: *x\n", "{a: ~, b: ~}"),
    Case("a: &x k\n*x : v\n", "{a: k, k: v}"),
    Case("&x k: 1\nb: *x\n", "{k: 1, b: k}"),
    Case("a: &x 1\nb: &x 2\nc: *x\n", "{a: 1, b: 2, c: 2}"),
    // The name is taken over while the first one is open, and stays so.
    Case("a: &x [&x 1, *x]\nb: *x\n", "{a: [1, 1], b: 1}"),
    Case("&x a: 1\n---\n&x b: 1\nc: *x\n", "{a: 1}", "{b: 1, c: b}"),
  ])
  func aliases(_ c: Case) throws {
    #expect(try documents(c.text).map(outline) == c.outlines)
  }

  @Test(arguments: [
    Case(""),
    Case("\n\n"),
    Case("# nothing\n"),
    Case("---\n"),
    Case("---\n---\n...\n---\n"),
    Case("null\n"),
    Case("---\n~\n---\na: b\n---\n# c\n", "{a: b}"),
    Case("a: 1\n---\nb: 2\n...\n---\nc: 3\n", "{a: 1}", "{b: 2}", "{c: 3}"),
    Case("\u{feff}a: 1\n", "{a: 1}"),
    Case("\u{feff}"),
    Case("a: 1\r\nb:\r\n  - c\r\n", "{a: 1, b: [c]}"),
    Case("a: 1\rb: 2\r", "{a: 1, b: 2}"),
    Case("a: 1", "{a: 1}"),
  ])
  func documentsOfAFile(_ c: Case) throws {
    #expect(try documents(c.text).map(outline) == c.outlines)
  }

  @Test(arguments: [
    Case(#"{"a":1,"b":["\/","\u00e9"],"c":{"d":null,"e":true}}"#, "{a: 1, b: ['/', '\u{e9}'], c: {d: ~, e: true}}"),
    Case("{\n\t\"a\": [\n\t\t1,\n\t\t\"2\"\n\t]\n}\n", "{a: [1, '2']}"),
    Case("[]", "[]"),
    Case(#""a""#, "'a'"),
  ])
  func json(_ c: Case) throws {
    #expect(try documents(c.text).map(outline) == c.outlines)
  }

  /// Keys of JSON may be longer than the 1,024 characters of a key without quotes.
  @Test func readsLongLines() throws {
    let long = String(repeating: "x", count: 100_000)
    let items = (0..<2000).map { #"{"name":"n\#($0)","v":"\#(String(repeating: "y", count: $0 % 50))"}"# }
    let text = "{\"a\":\"\(long)\",\"b\":[\(items.joined(separator: ","))]}"
    let node = try #require(try documents(text).first)
    #expect(node["a"].map(outline) == "'\(long)'")
    guard case .list(let list)? = node["b"]?.value else { throw Unexpected() }
    #expect(list.count == 2000)
    #expect(list[1999].column > 100_000)
  }

  @Test func everyValueKnowsItsPlace() throws {
    let text = "# c\na: 1\nb:\n  - x: é y\n    z: [p, q]\n---\n'é': &t \"v\"\nw: *t\n"
    let all = try documents(text)
    #expect(all.map { [$0.line, $0.column] } == [[2, 1], [7, 1]])
    let item = try #require(all[0]["b"])
    #expect([item.line, item.column] == [4, 3])
    guard case .list(let items) = item.value, case .map(let entries) = items[0].value else { throw Unexpected() }
    #expect(entries.map { [$0.line, $0.column] } == [[4, 5], [5, 5]])
    #expect(entries.map { [$0.value.line, $0.value.column] } == [[4, 8], [5, 8]])
    guard case .list(let letters) = entries[1].value.value else { throw Unexpected() }
    #expect(letters.map { [$0.line, $0.column] } == [[5, 9], [5, 12]])
    // Columns are characters; an anchor belongs to its value, and an alias stands where it is written.
    #expect(all[1]["é"].map { [$0.line, $0.column] } == [7, 6])
    #expect(all[1]["w"].map { [$0.line, $0.column] } == [8, 4])
  }

  @Test func aMarkForUTF8CountsForNothing() throws {
    let node = try #require(try documents("\u{feff}a: b\n").first)
    #expect([node.line, node.column] == [1, 1])
    let problem = try refusal("\u{feff}a: b: c\n")
    #expect([problem.spot.line, problem.spot.column] == [1, 5])
  }
}

struct Unexpected: Error {}

/// Why a text is refused.
func refusal(_ text: String, limits: ManifestLimits = ManifestLimits()) throws -> Problem {
  try refusal([UInt8](text.utf8), limits: limits)
}

/// Why bytes are refused.
func refusal(_ bytes: [UInt8], limits: ManifestLimits = ManifestLimits()) throws -> Problem {
  do throws(Problem) {
    _ = try documents(bytes, limits: limits)
  } catch {
    return error
  }
  throw Unexpected()
}
