// SPDX-License-Identifier: Apache-2.0
// Command: what can be asked for, described once. Parsing, help and completion all follow from the description.

import World

/// An option of a command.
struct Flag: Sendable {
  /// `--name`.
  let name: String
  /// `-n`; nil for none.
  var short: Character?
  /// What stands for its value in the help; nil when it has none.
  var value: String?
  /// The values it may have; empty for any.
  var choices: [String] = []
  /// Whether its value is the path of a file or a folder.
  var isPath = false
  /// Whether it has to be given.
  var isRequired = false
  /// What it does, in one line.
  let summary: String
}

/// Something that can be asked for.
struct Command: Sendable {
  /// Its name.
  let name: String
  /// What it does, in one line.
  let summary: String
  /// How it is called, after its name.
  let usage: String
  /// What it does, at length.
  let text: String
  /// Its options.
  let flags: [Flag]
  /// What stands after the options; nil when nothing may.
  var operand: String?
  /// The values an operand may have; empty for paths.
  var operandChoices: [String] = []
  /// What it ends with.
  var statuses: [(Int, String)] = []
  /// Calls worth copying.
  var examples: [(call: String, means: String)] = []
}

/// What was asked for.
struct Request {
  private(set) var values: [String: [String]] = [:]
  private(set) var operands: [String] = []

  /// The last value of an option.
  func value(_ name: String) -> String? { values[name]?.last }

  /// Whether an option was given.
  func has(_ name: String) -> Bool { values[name] != nil }
}

/// Why a call was not understood.
struct Misuse: Error, Equatable {
  let text: String
  var hint = ""
}

extension Request {
  /// Reads the arguments of a command.
  init(_ arguments: [String], for command: Command) throws(Misuse) {
    var rest = arguments[...]
    var isPastFlags = false
    while let argument = rest.popFirst() {
      if isPastFlags || argument == "-" || !argument.hasPrefix("-") {
        guard command.operand != nil else {
          throw Misuse(text: "`\(command.name)` does not know what to do with `\(argument)`", hint: command.line)
        }
        operands.append(argument)
      } else if argument == "--" {
        isPastFlags = true
      } else {
        try read(argument, &rest, command)
      }
    }
    for flag in command.flags where flag.isRequired && !has(flag.name) {
      throw Misuse(text: "`\(command.name)` needs --\(flag.name) \(flag.value ?? "")", hint: flag.summary)
    }
  }

  private mutating func read(_ argument: String, _ rest: inout ArraySlice<String>, _ command: Command) throws(Misuse) {
    guard let (flag, attached) = Self.flag(argument, of: command) else {
      let name = String(argument.prefix { $0 != "=" })
      let names = command.flags.map { "--\($0.name)" }
      let guess = names.first { name.count > 2 && $0.hasPrefix(name) } ?? name.nearest(of: names)
      throw Misuse(
        text: "`\(command.name)` has no option `\(name)`",
        hint: guess.map { "did you mean `\($0)`?" } ?? "`skeinctl \(command.name) --help` lists them")
    }
    guard flag.value != nil else {
      if attached != nil { throw Misuse(text: "--\(flag.name) takes no value") }
      values[flag.name, default: []].append("")
      return
    }
    guard let value = attached ?? rest.popFirst(), !value.isEmpty else {
      throw Misuse(text: "--\(flag.name) needs a value", hint: flag.summary)
    }
    guard flag.choices.isEmpty || flag.choices.contains(value) else {
      let guess = value.nearest(of: flag.choices).map { "did you mean `\($0)`?" }
      throw Misuse(text: "--\(flag.name) cannot be `\(value)`", hint: guess ?? "it may be \(flag.choices.anyOf)")
    }
    values[flag.name, default: []].append(value)
  }

  /// The option an argument names, and the value that stands in the same argument: `--output=json`, `-o=json`, `-ojson`.
  private static func flag(_ argument: String, of command: Command) -> (Flag, value: String?)? {
    let parts = argument.split(separator: "=", maxSplits: 1, omittingEmptySubsequences: false).map(String.init)
    let attached = parts.count > 1 ? parts[1] : nil
    for flag in command.flags {
      if parts[0] == "--\(flag.name)" || flag.short.map({ "-\($0)" }) == parts[0] { return (flag, attached) }
      guard let short = flag.short, flag.value != nil, !argument.hasPrefix("--") else { continue }
      if argument.hasPrefix("-\(short)") { return (flag, String(argument.dropFirst(2))) }
    }
    return nil
  }
}

extension Command {
  /// How it is called.
  var line: String { "usage: skeinctl \(name) \(usage)" }
}

extension [String] {
  /// `a`, `b` or `c`.
  var anyOf: String {
    let quoted = map { "`\($0)`" }
    guard let last = quoted.last, quoted.count > 1 else { return quoted.first ?? "" }
    return "\(quoted.dropLast().joined(separator: ", ")) or \(last)"
  }
}
