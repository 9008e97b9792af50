// SPDX-License-Identifier: Apache-2.0
// Analyze: manifests in, findings out: for people, for programs, and for code review tools.

import Format
import Glibc
import World

enum Analyze {
  /// More bytes than this are not read from standard input.
  private static let inputBytesMax = 64 << 20

  static func run(_ request: Request) throws(Misuse) -> Int32 {
    guard !request.operands.isEmpty else {
      throw Misuse(text: "`analyze` needs a file or a folder", hint: "`-` is standard input")
    }
    let problems: [Problem]
    do {
      problems = try read(request)
    } catch {
      Terminal.say("skeinctl: \(error)")
      return 2
    }
    let least = request.value("severity").flatMap(Problem.Severity.init) ?? .warning
    let found = problems.filter { $0.severity >= least }
    switch request.value("output") {
    case "json": Terminal.tell(JSON.members(["findings": .list(found.map(\.json))]).pretty)
    case "sarif": Terminal.tell(SARIF.log(found).pretty)
    default: tell(found, Terminal(color: request.value("color")))
    }
    return found.isEmpty ? 0 : 1
  }

  private static func read(_ request: Request) throws(Problem) -> [Problem] {
    var paths = request.operands
    let isInput = paths.contains("-")
    paths.removeAll { $0 == "-" }
    var mesh = try ManifestMesh(paths, settings: request.settings)
    _ = mesh.refresh()
    if isInput {
      let bytes = try readInput()
      _ = mesh.load("<stdin>", try YAML.documents(in: bytes.span, file: "<stdin>", limits: .forInput(inputBytesMax)))
    }
    guard mesh.count > 0 || !mesh.problems.isEmpty else {
      throw Problem(
        .error, "no-manifests", at: Spot(file: request.operands.joined(separator: " ")),
        "there is nothing a mesh looks at",
        hint: "name files that end with .yaml, .yml or .json, or a folder of them")
    }
    return Array(Set(mesh.problems + mesh.findings)).sorted {
      ($0.spot, $0.path, $0.code, $0.text) < ($1.spot, $1.path, $1.code, $1.text)
    }
  }

  private static func readInput() throws(Problem) -> [UInt8] {
    var bytes: [UInt8] = []
    var piece = [UInt8](repeating: 0, count: 1 << 16)
    while true {
      let count = piece.withUnsafeMutableBytes { Glibc.read(0, $0.baseAddress, $0.count) }
      if count == 0 { return bytes }
      if count < 0, errno == EINTR { continue }
      guard count > 0, bytes.count + count <= inputBytesMax else {
        let text = count < 0 ? String(cString: strerror(errno)) : "more than \(inputBytesMax >> 20) MiB"
        throw Problem(.error, "file-unreadable", at: Spot(file: "<stdin>"), "it cannot be read: \(text)")
      }
      bytes += piece[..<count]
    }
  }

  // MARK: For people

  private static func tell(_ problems: [Problem], _ terminal: Terminal) {
    var sources: [String: [Substring]] = [:]
    for problem in problems {
      let look: Terminal.Look = problem.severity == .error ? .red : problem.severity == .warning ? .yellow : .blue
      Terminal.tell(
        "\(terminal.paint(problem.spot.description, .bold)): \(terminal.paint(problem.severity.rawValue, look)): "
          + "\(problem.path.isEmpty ? "" : problem.path + ": ")\(problem.text) \(terminal.paint("[\(problem.code)]", .faint))"
      )
      let lines = sources[problem.spot.file] ?? readLines(of: problem.spot.file)
      sources[problem.spot.file] = lines
      if problem.spot.line > 0, problem.spot.line <= lines.count {
        let number = String(problem.spot.line)
        let line = String(lines[problem.spot.line - 1].prefix(160))
        Terminal.tell("  \(terminal.paint("\(number) |", .faint)) \(line)")
        if problem.spot.column > 0, problem.spot.column <= line.count + 1 {
          let blanks = String(repeating: " ", count: number.count + 4 + problem.spot.column)
          Terminal.tell(blanks + terminal.paint("^", look))
        }
      }
      if !problem.hint.isEmpty { Terminal.tell("  \(terminal.paint("help:", .green)) \(problem.hint)") }
    }
    Terminal.tell(summary(of: problems, terminal))
  }

  private static func summary(of problems: [Problem], _ terminal: Terminal) -> String {
    guard !problems.isEmpty else { return terminal.paint("nothing was found", .green) }
    let counts = [Problem.Severity.error, .warning, .info].compactMap { severity in
      let count = problems.count { $0.severity == severity }
      return count == 0 ? nil : "\(count) \(severity.rawValue)\(count > 1 && severity != .info ? "s" : "")"
    }
    return terminal.paint(counts.joined(separator: ", "), .bold)
  }

  /// The lines of a file to quote from; none when it cannot be read again.
  private static func readLines(of path: String) -> [Substring] {
    guard path != "<stdin>", let file = fopen(path, "r") else { return [] }
    defer { fclose(file) }
    var bytes = [UInt8](repeating: 0, count: 4 << 20)
    let count = fread(&bytes, 1, bytes.count, file)
    return String(decoding: bytes[..<count], as: UTF8.self).split(separator: "\n", omittingEmptySubsequences: false)
  }
}

extension ManifestLimits {
  /// What a cluster prints is one file.
  fileprivate static func forInput(_ bytes: Int) -> ManifestLimits {
    var limits = ManifestLimits()
    limits.fileBytesMax = bytes
    limits.nodesMax = 10_000_000
    limits.expandedBytesMax = bytes
    return limits
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
