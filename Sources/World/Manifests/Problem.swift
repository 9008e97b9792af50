// SPDX-License-Identifier: Apache-2.0
// Problem: something a person should know about what they wrote, where it stands, and what to do about it.

/// A place in a file.
package struct Spot: Hashable, Comparable, Sendable {
  /// The path of the file, as it was given or relative to its folder.
  package let file: String
  /// The line, from 1; 0 for the file as a whole.
  package let line: Int
  /// The column, from 1; 0 for the line as a whole.
  package let column: Int

  /// A place in a file, or the file as a whole.
  package init(file: String, line: Int = 0, column: Int = 0) {
    self.file = file
    self.line = line
    self.column = column
  }

  /// By file, line and column.
  package static func < (one: Self, other: Self) -> Bool {
    (one.file, one.line, one.column) < (other.file, other.line, other.column)
  }
}

extension Spot: CustomStringConvertible {
  /// `file:line:column`, as compilers and editors know it.
  package var description: String { file + (line > 0 ? ":\(line)" : "") + (column > 0 ? ":\(column)" : "") }
}

/// Something a person should know.
package struct Problem: Error, Hashable, Sendable {
  /// How bad it is.
  package enum Severity: String, Comparable, Sendable {
    case info, warning, error

    private var order: Int { self == .info ? 0 : self == .warning ? 1 : 2 }

    /// By how bad it is.
    package static func < (one: Self, other: Self) -> Bool { one.order < other.order }
  }

  /// How bad it is.
  package let severity: Severity
  /// What kind of problem it is: a word that stays the same in every version.
  package let code: String
  /// Where it stands.
  package let spot: Spot
  /// The field it is about, as `spec.rules[0].from`; empty for an object or a file as a whole.
  package let path: String
  /// What is wrong, in one line.
  package let text: String
  /// What to do about it, in one line; empty when that is plain.
  package let hint: String

  /// Joins them.
  package init(
    _ severity: Severity, _ code: String, at spot: Spot, path: String = "", _ text: String, hint: String = ""
  ) {
    self.severity = severity
    self.code = code
    self.spot = spot
    self.path = path
    self.text = text
    self.hint = hint
  }
}

extension Problem: CustomStringConvertible {
  /// One line: `file:line:column: error: path: text (hint) [code]`.
  package var description: String {
    "\(spot): \(severity.rawValue): \(path.isEmpty ? "" : path + ": ")\(text)\(hint.isEmpty ? "" : " (\(hint))") [\(code)]"
  }
}
