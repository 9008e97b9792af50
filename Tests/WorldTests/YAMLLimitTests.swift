// SPDX-License-Identifier: Apache-2.0
// Each limit at its edge, and what is made to be slow.

import Testing
import World

@Suite struct YAMLLimitTests {
  private static let defaults = ManifestLimits()

  @Test func aFileAtTheLimitIsReadAndOneByteMoreIsNot() throws {
    var limits = Self.defaults
    limits.fileBytesMax = 10
    #expect(try documents("a: 3456789", limits: limits).count == 1)
    let problem = try refusal("a: 34567890", limits: limits)
    #expect(problem.description == "a.yaml: error: the file has 11 bytes; 10 is the most [yaml-size]")
  }

  @Test func fiftyMegabytesAreRefusedUnread() throws {
    let bytes = [UInt8](repeating: 0x61, count: 50 << 20)
    var problem: Problem?
    let time = try ContinuousClock().measure { problem = try refusal(bytes) }
    #expect(problem?.code == "yaml-size")
    #expect(time < .seconds(1))
  }

  struct Nested: Sendable, CustomTestStringConvertible {
    let name: String
    let text: @Sendable (Int) -> String
    var testDescription: String { name }
  }

  @Test(arguments: [
    Nested(name: "lists on a line") { String(repeating: "[", count: $0) + String(repeating: "]", count: $0) },
    Nested(name: "maps on a line") { String(repeating: "{a: ", count: $0) + String(repeating: "}", count: $0) },
    Nested(name: "dashes") { String(repeating: "- ", count: $0) + "a" },
    Nested(name: "indentation") { count in
      (0..<count).map { String(repeating: " ", count: $0) + "a:\n" }.joined()
    },
    Nested(name: "an alias in a list") { count in
      let inner = count / 2
      let value = String(repeating: "[", count: inner) + String(repeating: "]", count: inner)
      let outer = count - inner - 1
      return "a: &x \(value)\nb: " + String(repeating: "[", count: outer) + "*x" + String(repeating: "]", count: outer)
    },
  ])
  func depth(_ c: Nested) throws {
    #expect(try documents(c.text(64)).count == 1)
    let problem = try refusal(c.text(65))
    #expect(problem.code == "yaml-depth")
    #expect(problem.text == "more than 64 lists and maps within each other")
  }

  /// Deeper than any stack would bear, in a file of the largest size.
  @Test(arguments: ["[", "{a: ", "- ", "? ", "[{a: "])
  func endlessDepthIsRefusedAtOnce(piece: String) throws {
    let text = String(repeating: piece, count: (4 << 20) / piece.utf8.count)
    var problem: Problem?
    let time = try ContinuousClock().measure { problem = try refusal(text) }
    #expect(problem.map { ["yaml-depth", "yaml-key"].contains($0.code) } == true)
    #expect(time < .seconds(10))
  }

  /// 200,000 values are the list and 199,999 items.
  @Test func values() throws {
    func list(_ count: Int) -> String { "[" + String(repeating: "a,", count: count) + "]" }
    #expect(try documents(list(199_999)).count == 1)
    let problem = try refusal(list(200_000))
    #expect(problem.description.hasSuffix("error: more than 200000 values, those of aliases included [yaml-size]"))
  }

  @Test func valuesOfAliasesCountEachTime() throws {
    var limits = Self.defaults
    // The map, the list and its 3 items, and the list again with 3 items.
    limits.nodesMax = 9
    #expect(try documents("a: &x [1, 2, 3]\nb: *x\n", limits: limits).count == 1)
    limits.nodesMax = 8
    #expect(try refusal("a: &x [1, 2, 3]\nb: *x\n", limits: limits).spot == Spot(file: "a.yaml", line: 2, column: 4))
    // The name belongs to a key, which is no value; where it is repeated it is one.
    limits.nodesMax = 3
    #expect(try documents("&k a: 1\nb: *k\n", limits: limits).count == 1)
    limits.nodesMax = 2
    #expect(try refusal("&k a: 1\nb: *k\n", limits: limits).code == "yaml-size")
    limits.nodesMax = 3
    #expect(try documents("a: &k b\n*k : c\n", limits: limits).count == 1)
  }

  /// Nine levels of ten aliases each would be a billion texts.
  @Test func aBillionLaughs() throws {
    var text = "a0: &a0 [lol,lol,lol,lol,lol,lol,lol,lol,lol,lol]\n"
    for level in 1...9 {
      let aliases = (0..<10).map { _ in "*a\(level - 1)" }.joined(separator: ", ")
      text += "a\(level): &a\(level) [\(aliases)]\n"
    }
    var problem: Problem?
    let time = try ContinuousClock().measure { problem = try refusal(text) }
    #expect(problem?.code == "yaml-size")
    #expect(time < .seconds(5))
  }

  /// A megabyte named once and meant a hundred thousand times is no memory, but hours for who looks at each byte.
  @Test func bytesOfAliasesCountEachTime() throws {
    let megabyte = String(repeating: "x", count: 1 << 20)
    func text(_ count: Int) -> String { "- &x \(megabyte)\n" + String(repeating: "- *x\n", count: count) }
    #expect(try documents(text(15)).count == 1)
    #expect(
      try refusal(text(16)).text == "more than 16777216 bytes of text, those of aliases included")
  }

  @Test func documentsOfAFile() throws {
    #expect(try documents(String(repeating: "---\na\n", count: 10_000)).count == 10_000)
    let problem = try refusal(String(repeating: "---\n", count: 10_001))
    #expect(problem.text == "more than 10000 documents in one file")
    #expect(problem.spot.line == 10_001)
  }

  @Test(arguments: ["a: ", "a: '", "a: |\n  "])
  func bytesOfAText(start: String) throws {
    func text(_ count: Int) -> String {
      start + String(repeating: "x", count: count) + (start.hasSuffix("'") ? "'" : "")
    }
    #expect(try documents(text(1 << 20)).count == 1)
    #expect(try refusal(text((1 << 20) + 1)).text == "a text of 1048577 bytes; 1048576 is the most")
  }

  @Test func bytesOfAKey() throws {
    let text = "? " + String(repeating: "x", count: (1 << 20) + 1)
    #expect(try refusal(text).code == "yaml-size")
  }

  @Test(arguments: [" ", "\n", "\t", "\r\n", "\u{85}", "\u{2028}"])
  func blanksInARow(blank: String) throws {
    let count = 4096 / blank.utf8.count
    #expect(try documents("a: 'b" + String(repeating: blank, count: count) + "c'").count == 1)
    let problem = try refusal("a: 'b" + String(repeating: blank, count: count + 2) + "c'")
    #expect(problem.text == "more than 4096 blanks and line breaks in a row")
    #expect(problem.spot == Spot(file: "a.yaml", line: 1, column: 6))
  }

  /// Each made to be quadratic in libyaml 0.2.5; without our limits they take 40 s to minutes.
  @Test(arguments: [
    // The longest run that is allowed, then as many words as fit.
    "a" + String(repeating: " ", count: 4096) + String(repeating: "b ", count: 500_000),
    "|\n" + String(repeating: "\n", count: 4094) + String(repeating: " a\n\n", count: 250_000),
    String(repeating: "%TAG !a! b\n", count: 90_000) + "---\n",
    String(repeating: "&a", count: 500_000),
    String(repeating: "!", count: 1_000_000),
    String(repeating: "\"", count: 1_000_000),
    String(repeating: "a: b\n", count: 200_000),
  ])
  func whatIsMadeToBeSlowIsNot(text: String) {
    let time = ContinuousClock().measure { _ = try? documents(text) }
    #expect(time < .seconds(10), "\(text.prefix(10)) took \(time)")
  }

  /// The keys are looked through one by one at first, and by a table later; a key again is found either way.
  @Test(arguments: [2, 16, 17, 18, 40, 3000])
  func keysOfAMap(count: Int) throws {
    let text = (0..<count).map { "k\($0): v\n" }.joined()
    #expect(try documents(text).count == 1)
    for again in [0, count / 2, count - 1] {
      let problem = try refusal(text + "k\(again): v\n")
      #expect(problem.hint == "the first one is on line \(again + 1)")
      #expect(problem.spot.line == count + 1)
    }
  }
}
