// SPDX-License-Identifier: Apache-2.0
// What libyaml says when it gives up, in words for whoever wrote the file.
//
// Its texts name states of a parser ("did not find expected key"), and its place is often where it noticed, a line or
// a page after the mistake. Where the mistake began is in the context it was in: those cases say `.begun`.

extension Problem {
  /// Rewords a complaint; `text` is what was parsed.
  init(_ complaint: YAMLComplaint, in text: borrowing YAMLText, file: String) {
    switch complaint.kind {
    case .memory: self.init(.error, "yaml-size", at: Spot(file: file), "there is no memory to read it")
    case .reading: self.init(reading: complaint, text.mark(of: complaint.offset), file: file)
    case .syntax:
      let words = Words(complaint, found: text.character(at: complaint.problemMark))
      var mark = words.place == .begun ? complaint.contextMark : complaint.problemMark
      // The end of a last line without a break counts as one line more.
      let end = text.mark(of: .max)
      if mark.line > end.line { mark = end }
      self.init(.error, words.code, at: Spot(file: file, mark), words.text, hint: words.hint)
    }
  }

  private init(reading complaint: YAMLComplaint, _ mark: YAMLMark, file: String) {
    let spot = Spot(file: file, mark)
    if complaint.problem == "control characters are not allowed" {
      let number = String(complaint.value, radix: 16, uppercase: true)
      let padded = String(repeating: "0", count: max(0, 4 - number.count)) + number
      self.init(
        .error, "yaml-encoding", at: spot, "the character U+\(padded) is not allowed",
        hint: "in double quotes it can be written as an escape")
    } else {
      self.init(.error, "yaml-encoding", at: spot, "this is not UTF-8", hint: "save it as UTF-8")
    }
  }
}

private struct Words {
  enum Place { case found, begun }

  var code = "yaml-syntax"
  let text: String
  var hint = ""
  var place = Place.found

  private init(_ text: String, hint: String = "", at place: Place = .found, code: String = "yaml-syntax") {
    self.text = text
    self.hint = hint
    self.place = place
    self.code = code
  }

  /// `found` is the character at the place of the problem.
  init(_ complaint: YAMLComplaint, found: String) {
    let begun = "line \(complaint.contextMark.line + 1)"
    self =
      Self.characters(complaint, found) ?? Self.structure(complaint, begun) ?? Self.quoted(complaint)
      ?? Self.properties(complaint) ?? Self.directives(complaint) ?? Words(shown(complaint.problem))
  }

  /// A character where it cannot stand.
  private static func characters(_ complaint: YAMLComplaint, _ found: String) -> Words? {
    switch complaint.problem {
    case "found character that cannot start any token" where found == "\t",
      "found a tab character that violates indentation",
      "found a tab character where an indentation space is expected":
      Words("a tab is used as indentation", hint: "YAML takes only spaces there")
    case "found character that cannot start any token":
      Words("a value cannot begin with `\(shown(found))`", hint: "put the text in quotes")
    case "found unexpected ':'":
      Words("a `:` inside a text without quotes", hint: "put the text in quotes, or a space behind the `:`")
    case "mapping values are not allowed in this context":
      Words(
        "a `:` where no key can stand",
        hint: "a text that holds `: ` needs quotes; or the line is indented too far")
    case "mapping keys are not allowed in this context":
      Words("a `?` where no key can stand", hint: "a text that begins with `? ` needs quotes")
    case "block sequence entries are not allowed in this context":
      Words("a list cannot begin here", hint: "put the `-` on a line of its own; or a text needs quotes")
    default: nil
    }
  }

  /// A list, a map or a document that goes on wrongly.
  private static func structure(_ complaint: YAMLComplaint, _ begun: String) -> Words? {
    switch complaint.problem {
    case "could not find expected ':'":
      Words("a key without a `:`", hint: "a text of several lines is indented under its key", at: .begun)
    case "did not find expected key":
      Words("a key is expected here", hint: "in the column of the other keys of the map that begins on \(begun)")
    case "did not find expected '-' indicator":
      Words(
        "an item of the list is expected here", hint: "its `-` stands in the column of \(begun), where the list begins")
    case "did not find expected ',' or ']'":
      Words("a `,` or `]` is expected here", hint: "the list begins on \(begun)")
    case "did not find expected ',' or '}'":
      Words("a `,` or `}` is expected here", hint: "the map begins on \(begun)")
    case "did not find expected node content":
      Words("a value is expected here")
    case "did not find expected <document start>":
      Words("the document was complete before this", hint: "a line `---` begins another one")
    default: nil
    }
  }

  /// Inside of quotes, or of `|` and `>`.
  private static func quoted(_ complaint: YAMLComplaint) -> Words? {
    switch complaint.problem {
    case "found unexpected end of stream", "found unexpected document indicator":
      Words("the quotes that begin here are not closed", at: .begun)
    case "found unknown escape character":
      Words("an escape that YAML does not know", hint: "in single quotes a `\\` stands for itself")
    case "did not find expected hexdecimal number":
      Words("the escape needs more hexadecimal digits")
    case "found invalid Unicode character escape code":
      Words(
        "the escape is no character",
        hint: "instead of two surrogates as in JSON write the character itself, or `\\U` and eight digits")
    case "did not find expected comment or line break" where complaint.context == "while scanning a block scalar":
      Words("the text has to begin on the next line")
    case "found an indentation indicator equal to 0":
      Words("an indentation of 0", hint: "1 is the least")
    default: nil
    }
  }

  /// Anchors, aliases and tags.
  private static func properties(_ complaint: YAMLComplaint) -> Words? {
    switch complaint.context {
    case "while scanning an alias":
      Words(
        "an alias that is no name", hint: "a text that begins with `*` needs quotes", at: .begun, code: "yaml-alias")
    case "while scanning an anchor":
      Words(
        "an anchor that is no name", hint: "a text that begins with `&` needs quotes", at: .begun, code: "yaml-alias")
    case "while scanning a tag", "while parsing a tag":
      Words("a tag that is none", hint: "a text that begins with `!` needs quotes", at: .begun, code: "yaml-tag")
    default:
      complaint.problem == "found undefined tag handle"
        ? Words("a tag that is not known", hint: "a text that begins with `!` needs quotes", code: "yaml-tag") : nil
    }
  }

  /// Lines that begin with `%`.
  private static func directives(_ complaint: YAMLComplaint) -> Words? {
    switch complaint.problem {
    case "found incompatible YAML document": Words("a version of YAML that is not known", hint: "1.1 and 1.2 are")
    case "found duplicate %YAML directive": Words("a second `%YAML`")
    case _
    where complaint.context == "while scanning a directive" || complaint.context == "while scanning a %YAML directive":
      Words("a line that begins with `%` is a directive, and this one is wrong", hint: "remove it, or quote the text")
    default: nil
    }
  }
}
