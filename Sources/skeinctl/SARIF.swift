// SPDX-License-Identifier: Apache-2.0
// SARIF: findings as code review tools read them (OASIS SARIF 2.1.0).

import Format
import World

enum SARIF {
  static func log(_ problems: [Problem]) -> JSON {
    let rules = Array(Set(problems.map(\.code))).sorted()
    return .members([
      "$schema": .text("https://json.schemastore.org/sarif-2.1.0.json"), "version": .text("2.1.0"),
      "runs": .list([
        .members([
          "tool": .members([
            "driver": .members([
              "name": .text("skeinctl"), "version": .text(Version.text),
              "rules": .list(rules.map(rule)),
            ])
          ]),
          "columnKind": .text("unicodeCodePoints"),
          "results": .list(problems.map { result($0, rules) }),
        ])
      ]),
    ])
  }

  /// The three texts are what GitHub asks of a rule.
  private static func rule(_ code: String) -> JSON {
    let meaning = JSON.members(["text": .text(Problem.meanings[code] ?? code)])
    return .members(["id": .text(code), "shortDescription": meaning, "fullDescription": meaning, "help": meaning])
  }

  private static func result(_ problem: Problem, _ rules: [String]) -> JSON {
    let level = problem.severity == .info ? "note" : problem.severity.rawValue
    let text =
      (problem.path.isEmpty ? "" : "\(problem.path): ") + problem.text
      + (problem.hint.isEmpty ? "" : "; \(problem.hint)")
    let region: JSON? =
      problem.spot.line == 0
      ? nil
      : .members([
        "startLine": .number(problem.spot.line),
        "startColumn": problem.spot.column > 0 ? .number(problem.spot.column) : nil,
      ])
    return .members([
      "ruleId": .text(problem.code), "ruleIndex": rules.firstIndex(of: problem.code).map { .number($0) },
      "level": .text(level), "message": .members(["text": .text(text)]),
      "locations": .list([
        .members([
          "physicalLocation": .members([
            "artifactLocation": .members(["uri": .text(uri(problem.spot.file))]), "region": region,
          ])
        ])
      ]),
    ])
  }

  /// A path as a relative reference, or a file URI (RFC 3986).
  private static func uri(_ path: String) -> String {
    let kept = Set("abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-._~/".utf8)
    let encoded = path.utf8.map { byte in
      kept.contains(byte)
        ? String(UnicodeScalar(byte)) : "%" + (byte < 16 ? "0" : "") + String(byte, radix: 16, uppercase: true)
    }
    return (path.hasPrefix("/") ? "file://" : "") + encoded.joined()
  }
}
