// SPDX-License-Identifier: Apache-2.0
// What is refused, where, and in which words.

import Testing
import World

@Suite struct YAMLRefusalTests {
  struct Case: Sendable, CustomTestStringConvertible {
    let text: String
    /// `line:column: text (hint) [code]`.
    let words: String
    var testDescription: String { text }

    init(_ text: String, _ words: String) {
      self.text = text
      self.words = words
    }
  }

  private func check(_ c: Case) throws {
    let problem = try refusal(c.text)
    #expect(problem.severity == .error)
    #expect(problem.description == "a.yaml:" + c.words.replacing(": ", with: ": error: ", maxReplacements: 1))
  }

  @Test(arguments: [
    Case("a:\n\tb: c\n", "2:1: a tab is used as indentation (YAML takes only spaces there) [yaml-syntax]"),
    Case("a: b\n\tc: d\n", "2:1: a tab is used as indentation (YAML takes only spaces there) [yaml-syntax]"),
    Case("a: |\n\tb\n", "2:1: a tab is used as indentation (YAML takes only spaces there) [yaml-syntax]"),
    Case("-\ta: b\n", "1:2: a tab is used as indentation (YAML takes only spaces there) [yaml-syntax]"),
    Case("a: @b\n", "1:4: a value cannot begin with `@` (put the text in quotes) [yaml-syntax]"),
    Case("a: `b`\n", "1:4: a value cannot begin with ``` (put the text in quotes) [yaml-syntax]"),
    Case("a: %b\n", "1:4: a value cannot begin with `%` (put the text in quotes) [yaml-syntax]"),
    Case(
      "a: b: c\n",
      "1:5: a `:` where no key can stand (a text that holds `: ` needs quotes; or the line is indented too far) [yaml-syntax]"
    ),
    Case(
      "a: ? b\n", "1:4: a `?` where no key can stand (a text that begins with `? ` needs quotes) [yaml-syntax]"),
    Case(
      "a: - b\n",
      "1:4: a list cannot begin here (put the `-` on a line of its own; or a text needs quotes) [yaml-syntax]"),
    Case(
      "a: 1\nb\nc: 2\n", "2:1: a key without a `:` (a text of several lines is indented under its key) [yaml-syntax]"),
    Case(
      "a:\n  b: 1\n c: 2\n",
      "3:2: a key is expected here (in the column of the other keys of the map that begins on line 1) [yaml-syntax]"),
    Case(
      "- a\nb: c\n",
      "2:1: an item of the list is expected here (its `-` stands in the column of line 1, where the list begins) [yaml-syntax]"
    ),
    Case("a: [1,\n  2\nb: c\n", "3:2: a `,` or `]` is expected here (the list begins on line 1) [yaml-syntax]"),
    Case("{a: 1\nb: c}\n", "2:2: a `,` or `}` is expected here (the map begins on line 1) [yaml-syntax]"),
    Case("[a]\n[b]\n", "2:1: the document was complete before this (a line `---` begins another one) [yaml-syntax]"),
    Case("a: [1", "1:6: a `,` or `]` is expected here (the list begins on line 1) [yaml-syntax]"),
    Case("a: [1\n\n", "3:1: a `,` or `]` is expected here (the list begins on line 1) [yaml-syntax]"),
    Case("a: ]\n", "1:4: a value is expected here [yaml-syntax]"),
  ])
  func structure(_ c: Case) throws { try check(c) }

  @Test(arguments: [
    Case("a: \"x\nb: c\n", "1:4: the quotes that begin here are not closed [yaml-syntax]"),
    Case("a: 'x\n---\nb: c\n", "1:4: the quotes that begin here are not closed [yaml-syntax]"),
    Case(
      #"a: "\d""#,
      "1:5: an escape that YAML does not know (in single quotes a `\\` stands for itself) [yaml-syntax]"),
    Case(#"a: "\u12""#, "1:7: the escape needs more hexadecimal digits [yaml-syntax]"),
    Case(
      #"{"a": "\ud83d\ude00"}"#,
      "1:10: the escape is no character (instead of two surrogates as in JSON write the character itself, or `\\U` and eight digits) [yaml-syntax]"
    ),
    Case("a: | b\n", "1:6: the text has to begin on the next line [yaml-syntax]"),
    Case("a: |0\n b\n", "1:5: an indentation of 0 (1 is the least) [yaml-syntax]"),
    Case("%YAML 1.3\n--- a\n", "1:1: a version of YAML that is not known (1.1 and 1.2 are) [yaml-syntax]"),
    Case("%YAML 1.1\n%YAML 1.1\n--- a\n", "2:1: a second `%YAML` [yaml-syntax]"),
    Case(
      "%FOO bar\n---\na\n",
      "1:5: a line that begins with `%` is a directive, and this one is wrong (remove it, or quote the text) [yaml-syntax]"
    ),
  ])
  func textsAndDirectives(_ c: Case) throws { try check(c) }

  @Test(arguments: [
    Case("a: 1\nb: 2\na: 3\n", "3:1: the key `a` stands here again (the first one is on line 1) [yaml-duplicate-key]"),
    Case("{a: 1, 'a': 2}\n", "1:8: the key `a` stands here again (the first one is on line 1) [yaml-duplicate-key]"),
    Case(
      "x: &k a\na: 1\n*k : 2\n", "3:1: the key `a` stands here again (the first one is on line 2) [yaml-duplicate-key]"),
    Case(
      "a: &x {b: 1}\nc:\n  <<: *x\n",
      "3:3: merge keys (`<<`) are not supported (write the keys out, or use an alias as a value) [yaml-merge]"),
    Case(
      "{a: 1}: b\n",
      "1:1: a map as a key; only texts can be keys (a text that begins with `{` or `[` needs quotes) [yaml-key]"),
    Case(
      "? - a\n: b\n",
      "1:3: a list as a key; only texts can be keys (a text that begins with `{` or `[` needs quotes) [yaml-key]"),
    Case("a: &x {}\n*x : b\n", "2:1: a key is missing (`null` and `~` as a key need quotes) [yaml-key]"),
    Case("null: b\n", "1:1: a key is missing (`null` and `~` as a key need quotes) [yaml-key]"),
    Case("~: b\n", "1:1: a key is missing (`null` and `~` as a key need quotes) [yaml-key]"),
    // What somebody writes for a template that was not filled in.
    Case(
      "a: {{ b }}\n",
      "1:5: a map as a key; only texts can be keys (a text that begins with `{` or `[` needs quotes) [yaml-key]"),
  ])
  func keys(_ c: Case) throws { try check(c) }

  @Test(arguments: [
    Case("a: &x [*x]\n", "1:8: `*x` stands inside of what it names [yaml-alias]"),
    Case("a: &x\n  b: *x\n", "2:6: `*x` stands inside of what it names [yaml-alias]"),
    Case(
      "a: *x\nb: &x 1\n",
      "1:4: nothing before this is named `&x` (a text that begins with `*` needs quotes) [yaml-alias]"),
    Case(
      "a: &x 1\n---\nb: *x\n",
      "3:4: nothing before this is named `&x` (a text that begins with `*` needs quotes) [yaml-alias]"),
    Case("a: *.example.com\n", "1:4: an alias that is no name (a text that begins with `*` needs quotes) [yaml-alias]"),
    Case("a: & b\n", "1:4: an anchor that is no name (a text that begins with `&` needs quotes) [yaml-alias]"),
    Case(
      "a: !!binary aGk=\n",
      "1:4: the tag `tag:yaml.org,2002:binary` is not supported here (remove it, or quote a text that begins with `!`) [yaml-tag]"
    ),
    Case(
      "a: !Ref b\n",
      "1:4: the tag `!Ref` is not supported here (remove it, or quote a text that begins with `!`) [yaml-tag]"),
    Case(
      "a: !!map b\n",
      "1:4: the tag `tag:yaml.org,2002:map` is not supported here (remove it, or quote a text that begins with `!`) [yaml-tag]"
    ),
    Case(
      "a: !!str [b]\n",
      "1:4: the tag `tag:yaml.org,2002:str` is not supported here (remove it, or quote a text that begins with `!`) [yaml-tag]"
    ),
    Case(
      "a: !!null b\n",
      "1:4: the tag `tag:yaml.org,2002:null` is not supported here (remove it, or quote a text that begins with `!`) [yaml-tag]"
    ),
    Case("a: !x!y b\n", "1:4: a tag that is not known (a text that begins with `!` needs quotes) [yaml-tag]"),
    Case("a: !<b c\n", "1:4: a tag that is none (a text that begins with `!` needs quotes) [yaml-tag]"),
    Case(
      "%TAG !e! tag:x,2000:\n--- !e!a b\n",
      "1:1: `%TAG` is not supported (manifests need no tags; remove the line) [yaml-tag]"),
    Case(
      "a: b\n...\n%TAG ! x\n---\n",
      "3:1: `%TAG` is not supported (manifests need no tags; remove the line) [yaml-tag]"),
  ])
  func aliasesAndTags(_ c: Case) throws { try check(c) }

  struct Bytes: Sendable, CustomTestStringConvertible {
    let name: String
    let bytes: [UInt8]
    let words: String
    var testDescription: String { name }
  }

  @Test(arguments: [
    Bytes(
      name: "UTF-16, little end first, marked", bytes: [0xff, 0xfe, 0x61, 0x00],
      words: "1:1: the file is UTF-16 (save it as UTF-8) [yaml-encoding]"),
    Bytes(
      name: "UTF-16, big end first, marked", bytes: [0xfe, 0xff, 0x00, 0x61],
      words: "1:1: the file is UTF-16 (save it as UTF-8) [yaml-encoding]"),
    Bytes(
      name: "UTF-16 without a mark", bytes: [0x61, 0x00, 0x3a, 0x00],
      words: "1:1: the file is UTF-16 or UTF-32, or no text at all (save it as UTF-8) [yaml-encoding]"),
    Bytes(
      name: "UTF-32", bytes: [0x00, 0x00, 0xfe, 0xff, 0x00, 0x00, 0x00, 0x61],
      words: "1:1: the file is UTF-16 or UTF-32, or no text at all (save it as UTF-8) [yaml-encoding]"),
    Bytes(
      name: "NUL", bytes: [UInt8]("a: b\nc: ".utf8) + [0x00, 0x0a],
      words: "2:4: a NUL byte; this is no text [yaml-encoding]"),
    Bytes(
      name: "NUL as an escape", bytes: [UInt8](#"a: "\0""#.utf8),
      words: "1:4: a text with a NUL character [yaml-encoding]"),
    Bytes(
      name: "Latin-1", bytes: [UInt8]("a: b\nc: \u{e9}x".utf8) + [0xe9, 0x0a],
      words: "2:6: this is not UTF-8 (save it as UTF-8) [yaml-encoding]"),
    Bytes(
      name: "cut in a character", bytes: [0x61, 0xe2, 0x82],
      words: "1:2: this is not UTF-8 (save it as UTF-8) [yaml-encoding]"),
    Bytes(
      name: "longer than needed", bytes: [0xc0, 0xaf],
      words: "1:1: this is not UTF-8 (save it as UTF-8) [yaml-encoding]"),
    Bytes(
      name: "a surrogate", bytes: [0xed, 0xa0, 0x80],
      words: "1:1: this is not UTF-8 (save it as UTF-8) [yaml-encoding]"),
    Bytes(
      name: "a bell", bytes: [0x61, 0x07],
      words:
        "1:2: the character U+0007 is not allowed (in double quotes it can be written as an escape) [yaml-encoding]"),
  ])
  func encodings(_ c: Bytes) throws {
    let problem = try refusal(c.bytes)
    #expect(problem.description == "a.yaml:" + c.words.replacing(": ", with: ": error: ", maxReplacements: 1))
  }

  /// libyaml 0.2.5 takes the `]` for the key's end, and looks for another one.
  @Test(arguments: ["[ ? ]", "[ ?, a ]", "[ ? ", "[?", "{?", "[[?]]"])
  func aQuestionMarkDoesNotEndInACircle(text: String) throws {
    #expect(["yaml-syntax", "yaml-key"].contains(try refusal(text).code))
  }

  @Test func whatIsQuotedFromTheFileStaysOneShortLine() throws {
    let long = String(repeating: "k", count: 500)
    let problem = try refusal("? \"a\\nb\(long)\"\n: 1\n\"a\\nb\(long)\": 2\n")
    #expect(problem.text == "the key `a\u{fffd}b\(long.prefix(61))…` stands here again")
  }
}
