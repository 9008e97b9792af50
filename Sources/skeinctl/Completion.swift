// SPDX-License-Identifier: Apache-2.0
// Completion: scripts that complete commands, made from their descriptions.

enum Completion {
  /// The script for a shell; nil for one that is not known.
  static func script(for shell: String) -> String? {
    switch shell {
    case "bash": bash
    case "zsh": zsh
    case "fish": fish
    default: nil
    }
  }

  private static var names: String { Command.all.map(\.name).joined(separator: " ") }

  private static var bash: String {
    let cases = Command.all.map { command in
      let values = command.flags.filter { $0.value != nil }.map { flag in
        let words = flag.isPath ? "mapfile -t COMPREPLY < <(compgen -f -- \"$word\")" : Self.bashWords(flag.choices)
        return "        --\(flag.name)\(flag.short.map { "|-\($0)" } ?? "")) \(words); return ;;"
      }
      let operands =
        command.operand == nil
        ? ""
        : command.operandChoices.isEmpty
          ? "$(compgen -f -- \"$word\") " : command.operandChoices.joined(separator: " ") + " "
      let flags = command.flags.map { "--\($0.name)" }.joined(separator: " ")
      return """
            \(command.name))
              case "$before" in
        \(values.joined(separator: "\n"))
              esac
              if [[ $word == -* ]]; then words="\(flags)"; else words="\(operands)"; fi ;;
        """
    }
    return """
      # bash completion for skeinctl
      _skeinctl() {
        local word=${COMP_WORDS[COMP_CWORD]} before=${COMP_WORDS[COMP_CWORD-1]} words=""
        COMPREPLY=()
        if ((COMP_CWORD == 1)); then
          words="\(names) --help --version"
        else
          case "${COMP_WORDS[1]}" in
      \(cases.joined(separator: "\n"))
          esac
        fi
        mapfile -t COMPREPLY < <(compgen -W "$words" -- "$word")
      }
      complete -o filenames -F _skeinctl skeinctl
      """
  }

  private static func bashWords(_ words: [String]) -> String {
    words.isEmpty
      ? "COMPREPLY=()" : "mapfile -t COMPREPLY < <(compgen -W \"\(words.joined(separator: " "))\" -- \"$word\")"
  }

  private static var zsh: String {
    let commands = Command.all.map { "    '\($0.name):\($0.summary.zshQuoted)'" }
    let cases = Command.all.map { command in
      let flags = command.flags.map { flag in
        let value = flag.value.map { name in
          flag.isPath
            ? ":\(name):_files"
            : flag.choices.isEmpty ? ":\(name): " : ":\(name):(\(flag.choices.joined(separator: " ")))"
        }
        let names = flag.short.map { "'(-\($0) --\(flag.name))'{-\($0),--\(flag.name)}'" } ?? "'--\(flag.name)"
        return "        \(names)[\(flag.summary.zshQuoted)]\(value ?? "")'"
      }
      let operands: [String] =
        switch (command.operand, command.operandChoices.isEmpty) {
        case (nil, _): []
        case (let name?, true): ["        '*:\(name):_files'"]
        case (let name?, false): ["        '1:\(name):(\(command.operandChoices.joined(separator: " ")))'"]
        }
      return "    \(command.name))\n      _arguments \\\n\((flags + operands).joined(separator: " \\\n")) ;;"
    }
    return """
      #compdef skeinctl
      _skeinctl() {
        local -a commands=(
      \(commands.joined(separator: "\n"))
        )
        if ((CURRENT == 2)); then
          _describe command commands
          return
        fi
        local command=$words[2]
        shift words
        ((CURRENT--))
        case $command in
      \(cases.joined(separator: "\n"))
        esac
      }
      _skeinctl "$@"
      """
  }

  private static var fish: String {
    var lines = ["# fish completion for skeinctl", "complete -c skeinctl -f"]
    for command in Command.all {
      lines.append(
        "complete -c skeinctl -n __fish_use_subcommand -a \(command.name) -d '\(command.summary.fishQuoted)'")
      let condition = "complete -c skeinctl -n '__fish_seen_subcommand_from \(command.name)'"
      for flag in command.flags {
        let short = flag.short.map { " -s \($0)" } ?? ""
        let value =
          flag.value == nil
          ? ""
          : flag.isPath ? " -r -F" : flag.choices.isEmpty ? " -x" : " -x -a '\(flag.choices.joined(separator: " "))'"
        lines.append("\(condition) -l \(flag.name)\(short)\(value) -d '\(flag.summary.fishQuoted)'")
      }
      if command.operand != nil {
        lines.append(
          command.operandChoices.isEmpty
            ? "\(condition) -F" : "\(condition) -a '\(command.operandChoices.joined(separator: " "))'")
      }
    }
    return lines.joined(separator: "\n")
  }
}

extension String {
  fileprivate var zshQuoted: String { escaping(["'": "'\\''", "[": "\\[", "]": "\\]", ":": "\\:"]) }
  fileprivate var fishQuoted: String { escaping(["'": "\\'"]) }

  private func escaping(_ escapes: [Character: String]) -> String { map { escapes[$0] ?? String($0) }.joined() }
}
