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

  // MARK: bash

  /// bash takes `--output=json` apart into three words, `=` being one of them.
  private static var bash: String {
    let cases = Command.all.map { command in
      let values = command.flags.filter { $0.value != nil }.map { flag in
        let names = "--\(flag.name)" + (flag.short.map { "|-\($0)" } ?? "")
        return "        \(names)) \(flag.isPath ? "_skeinctl_paths" : words(flag.choices)); return ;;"
      }
      let operands =
        switch (command.operand, command.operandChoices.isEmpty) {
        case (nil, _): ":"
        case (_?, true): "_skeinctl_paths"
        case (_?, false): words(command.operandChoices)
        }
      return """
            \(command.name))
              case $before in
        \(values.isEmpty ? "        *) ;;" : values.joined(separator: "\n"))
              esac
              if [[ $word == -* ]]; then \(words(command.flags.map { "--\($0.name)" })); else \(operands); fi ;;
        """
    }
    return """
      # bash completion for skeinctl
      _skeinctl_words() { mapfile -t COMPREPLY < <(compgen -W "$1" -- "$word"); }
      _skeinctl_paths() {
        compopt -o filenames 2>/dev/null || true
        mapfile -t COMPREPLY < <(compgen -f -- "$word")
      }
      _skeinctl() {
        local word=${COMP_WORDS[COMP_CWORD]} before=${COMP_WORDS[COMP_CWORD-1]}
        COMPREPLY=()
        if [[ $word == = ]]; then
          word=
        elif [[ $before == = ]]; then
          before=${COMP_WORDS[COMP_CWORD-2]}
        fi
        if ((COMP_CWORD == 1)); then
          _skeinctl_words "\(names) help --help --version"
          return
        fi
        case ${COMP_WORDS[1]} in
          help) _skeinctl_words "\(names)" ;;
      \(cases.joined(separator: "\n"))
        esac
      }
      complete -F _skeinctl skeinctl
      """
  }

  private static func words(_ words: [String]) -> String {
    words.isEmpty ? ":" : "_skeinctl_words \"\(words.joined(separator: " "))\""
  }

  // MARK: zsh

  private static var zsh: String {
    let commands = Command.all.map { "    '\($0.name):\($0.summary.zshQuoted)'" }
    let cases = Command.all.map { command in
      let flags = command.flags.map { flag in
        let value = flag.value.map { name in
          flag.isPath
            ? ":\(name):_files"
            : flag.choices.isEmpty ? ":\(name): " : ":\(name):(\(flag.choices.joined(separator: " ")))"
        }
        let long = "--\(flag.name)\(flag.value == nil ? "" : "=")"
        let short = flag.short.map { "-\($0)\(flag.value == nil ? "" : "+")" }
        // What is a list of paths may come again.
        let others = flag.isPath ? "*" : "(\(flag.short.map { "-\($0) " } ?? "")--\(flag.name))"
        let names = short.map { "'\(others)'{\($0),\(long)}'" } ?? "'\(others)\(long)"
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
          'help:print the help of a command'
        )
        if ((CURRENT == 2)); then
          _describe command commands
          _arguments '(-h --help)'{-h,--help}'[print the help]' '--version[print the version]'
          return
        fi
        local command=$words[2]
        shift words
        ((CURRENT--))
        case $command in
          help) _arguments '1:COMMAND:(\(names))' ;;
      \(cases.joined(separator: "\n"))
        esac
      }
      if [[ $funcstack[1] == _skeinctl ]]; then _skeinctl "$@"; else compdef _skeinctl skeinctl; fi
      """
  }

  // MARK: fish

  private static var fish: String {
    var lines = [
      "# fish completion for skeinctl", "complete -c skeinctl -f",
      "complete -c skeinctl -n __fish_use_subcommand -s h -l help -d 'print the help'",
      "complete -c skeinctl -n __fish_use_subcommand -l version -d 'print the version'",
      "complete -c skeinctl -n __fish_use_subcommand -a help -d 'print the help of a command'",
      "complete -c skeinctl -n '__fish_seen_subcommand_from help' -a '\(names)'",
    ]
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
  fileprivate var fishQuoted: String { escaping(["'": "\\'", "\\": "\\\\"]) }

  private func escaping(_ escapes: [Character: String]) -> String { map { escapes[$0] ?? String($0) }.joined() }
}
