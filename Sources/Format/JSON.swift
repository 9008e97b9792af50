// SPDX-License-Identifier: Apache-2.0
// JSON: values as RFC 8259 writes them. Members keep the order they were given in, so that what is the same looks the same.

/// A JSON value.
package enum JSON: Equatable, Sendable {
  case null
  case truth(Bool)
  case number(Int)
  case text(String)
  case list([JSON])
  case map([Member])

  /// A name with its value.
  package struct Member: Equatable, Sendable {
    /// The name.
    package let name: String
    /// The value.
    package let value: JSON
  }

  /// A map of members in their order; those whose value is nil are left out.
  package static func members(_ members: KeyValuePairs<String, JSON?>) -> JSON {
    .map(members.compactMap { name, value in value.map { Member(name: name, value: $0) } })
  }

  /// A text, or null.
  package static func optional(_ text: String?) -> JSON { text.map(JSON.text) ?? .null }

  /// The text of it on one line.
  package var compact: String { written(indent: nil) }

  /// The text of it for people: two blanks for each level, empty lists and maps on one line.
  package var pretty: String { written(indent: 0) }

  private func written(indent: Int?) -> String {
    switch self {
    case .null: return "null"
    case .truth(let truth): return truth ? "true" : "false"
    case .number(let number): return String(number)
    case .text(let text): return Self.quoted(text)
    case .list(let values):
      return Self.enclosed("[", values.map { $0.written(indent: indent.map { $0 + 1 }) }, "]", indent)
    case .map(let members):
      let lines = members.map {
        Self.quoted($0.name) + (indent == nil ? ":" : ": ") + $0.value.written(indent: indent.map { $0 + 1 })
      }
      return Self.enclosed("{", lines, "}", indent)
    }
  }

  private static func enclosed(_ start: String, _ parts: [String], _ end: String, _ indent: Int?) -> String {
    guard let indent, !parts.isEmpty else { return start + parts.joined(separator: ",") + end }
    let outer = String(repeating: "  ", count: indent)
    return "\(start)\n\(outer)  \(parts.joined(separator: ",\n\(outer)  "))\n\(outer)\(end)"
  }

  /// A text in quotes.
  package static func quoted(_ text: String) -> String {
    var result = "\""
    for scalar in text.unicodeScalars {
      switch scalar {
      case "\"": result += "\\\""
      case "\\": result += "\\\\"
      case "\n": result += "\\n"
      case "\r": result += "\\r"
      case "\t": result += "\\t"
      case _ where scalar.value < 0x20 || scalar.value == 0x7f:
        let digits = String(scalar.value, radix: 16)
        result += "\\u" + String(repeating: "0", count: 4 - digits.count) + digits
      default: result.unicodeScalars.append(scalar)
      }
    }
    return result + "\""
  }
}
