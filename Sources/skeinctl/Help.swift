// SPDX-License-Identifier: Apache-2.0
// Help: what a person reads who asks for it.

enum Help {
  /// What the tool is, and what can be asked for.
  static var overview: String {
    let width = Command.all.map(\.name.count).max() ?? 0
    let commands = Command.all.map { "  \($0.name.padded(to: width))   \($0.summary)" }
    return """
      skeinctl inspects a Skein service mesh: its manifests, and what they mean for a connection.

      Usage: skeinctl COMMAND [OPTIONS]

      Commands:
      \(commands.joined(separator: "\n"))

      Options:
        -h, --help      print this help, or with a COMMAND its own
            --version   print the version

      `skeinctl COMMAND --help` says more about a command.
      """
  }

  /// What a command does, and how it is called.
  static func text(of command: Command) -> String {
    var parts = [
      "\(command.summary.capitalizedFirst).", command.text, "Usage: skeinctl \(command.name) \(command.usage)",
    ]
    let names = command.flags.map { flag in
      "  \(flag.short.map { "-\($0), " } ?? "    ")--\(flag.name)\(flag.value.map { " \($0)" } ?? "")"
    }
    let width = names.map(\.count).max() ?? 0
    let lines = zip(names, command.flags).map { "\($0.padded(to: width))   \($1.summary)" }
    parts.append("Options:\n" + lines.joined(separator: "\n"))
    if !command.statuses.isEmpty {
      parts.append("Exit status:\n" + command.statuses.map { "  \($0.0)   \($0.1)" }.joined(separator: "\n"))
    }
    if !command.examples.isEmpty {
      parts.append("Examples:\n" + command.examples.map { "  \($0.call)\n      \($0.means)" }.joined(separator: "\n"))
    }
    return parts.joined(separator: "\n\n")
  }
}

extension String {
  /// With blanks behind it.
  func padded(to width: Int) -> String { self + String(repeating: " ", count: max(0, width - count)) }

  fileprivate var capitalizedFirst: String { prefix(1).uppercased() + dropFirst() }
}
