// SPDX-License-Identifier: Apache-2.0
// Analyze: manifests in, findings out: for people, for programs, and for code review tools.

import Format
import Glibc
import World

enum Analyze {
  static func run(_ request: Request) throws(Misuse) -> Int32 {
    guard !request.operands.isEmpty else {
      throw Misuse(text: "`analyze` needs a file or a folder", hint: "`-` is standard input")
    }
    let reading: Reading
    do {
      reading = try Reading(request.operands, settings: request.settings)
    } catch {
      Terminal.complain(error)
      return 2
    }
    let least = request.value("severity").flatMap(Problem.Severity.init) ?? .warning
    let all = Set(reading.problems + reading.findings)
    let found = all.filter { $0.severity >= least }.sorted {
      ($0.spot, $0.path, $0.code, $0.text) < ($1.spot, $1.path, $1.code, $1.text)
    }
    switch request.value("output") {
    case "json": Terminal.tell(JSON.members(["findings": .list(found.map(\.json))]).pretty)
    case "sarif": Terminal.tell(SARIF.log(found).pretty)
    default:
      let terminal = Terminal(color: request.value("color"))
      tell(found, of: reading, terminal)
      Terminal.tell(summary(of: found, in: reading.objects, hidden: all.count - found.count, terminal))
    }
    return found.isEmpty ? 0 : 1
  }

  // MARK: For people

  private static func tell(_ problems: [Problem], of reading: Reading, _ terminal: Terminal) {
    var sources: [String: [Substring]] = [:]
    for problem in problems {
      let look: Terminal.Look = problem.severity == .error ? .red : problem.severity == .warning ? .yellow : .blue
      let path = problem.path.isEmpty ? "" : problem.path + ": "
      Terminal.tell(
        "\(terminal.paint(problem.spot.description.printable, .bold)): "
          + "\(terminal.paint(problem.severity.rawValue, look)): \((path + problem.text).printable) "
          + terminal.paint("[\(problem.code)]", .faint))
      if problem.spot.line > 0 {
        let lines = sources[problem.spot.file] ?? reading.lines(of: problem.spot.file)
        sources[problem.spot.file] = lines
        quote(problem.spot, of: lines, look, terminal)
      }
      if !problem.hint.isEmpty { Terminal.tell("  \(terminal.paint("help:", .green)) \(problem.hint.printable)") }
    }
  }

  /// Shows a line and the place in it.
  private static func quote(_ spot: Spot, of lines: [Substring], _ look: Terminal.Look, _ terminal: Terminal) {
    guard lines.indices.contains(spot.line - 1) else { return }
    let excerpt = Excerpt(of: lines[spot.line - 1], at: spot.column)
    let number = String(spot.line)
    Terminal.tell("  \(terminal.paint("\(number) |", .faint)) \(excerpt.text)")
    guard let column = excerpt.column else { return }
    let blanks = String(repeating: " ", count: number.count + 1)
    Terminal.tell(
      "  \(terminal.paint(blanks + "|", .faint)) \(String(repeating: " ", count: column))\(terminal.paint("^", look))")
  }

  private static func summary(of problems: [Problem], in objects: Int, hidden: Int, _ terminal: Terminal) -> String {
    let counts = [Problem.Severity.error, .warning, .info].compactMap { severity in
      let count = problems.count { $0.severity == severity }
      return count == 0 ? nil : "\(count) \(severity.rawValue)\(count > 1 ? "s" : "")"
    }
    let place = objects == 0 ? "" : " in \(objects) object\(objects == 1 ? "" : "s")"
    let rest = hidden == 0 ? "" : " (\(hidden) more with --severity info)"
    guard counts.isEmpty else { return terminal.paint(counts.joined(separator: ", "), .bold) + place + rest }
    let nothing = objects == 0 ? ": none of it is an object the mesh looks at" : ""
    return terminal.paint("no mistakes found", .green) + place + nothing + rest
  }
}

/// As much of a line as fits beside others, with a place in it.
struct Excerpt {
  /// Signs of a line that are shown, and those before the place when there are more.
  private static let (lengthMax, leadMax) = (120, 60)

  let text: String
  /// The place in the text, from 0; nil when the line has no such place.
  let column: Int?

  /// `column` counts from 1; 0 stands for the line as a whole.
  init(of line: Substring, at column: Int) {
    let signs = Array(line.unicodeScalars)
    let start = column > Self.lengthMax ? min(column - Self.leadMax, signs.count) : 0
    var shown = String(String.UnicodeScalarView(signs[start...].prefix(Self.lengthMax))).printable
    if start > 0 { shown = "…" + shown }
    if signs.count - start > Self.lengthMax { shown += "…" }
    text = shown
    self.column = (1...signs.count + 1).contains(column) ? column - 1 - start + (start > 0 ? 1 : 0) : nil
  }
}

extension Problem {
  fileprivate var json: JSON {
    .members([
      "severity": .text(severity.rawValue), "code": .text(code), "file": .text(spot.file), "line": .number(spot.line),
      "column": .number(spot.column), "path": .text(path), "text": .text(text), "hint": .text(hint),
    ])
  }
}
