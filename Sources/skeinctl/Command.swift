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
      guard argument.hasPrefix("-"), argument.count > 1, !isPastFlags else {
        guard command.operand != nil else { throw Misuse(text: "`\(command.name)` takes no `\(argument)`") }
        operands.append(argument)
        continue
      }
      if argument == "--" {
        isPastFlags = true
      } else {
        try read(argument, &rest, command)
      }
    }
    for flag in command.flags where flag.isRequired && !has(flag.name) {
      throw Misuse(text: "--\(flag.name) is missing", hint: "\(flag.summary)")
    }
  }

  private mutating func read(_ argument: String, _ rest: inout ArraySlice<String>, _ command: Command) throws(Misuse) {
    let parts = argument.split(separator: "=", maxSplits: 1, omittingEmptySubsequences: false).map(String.init)
    let name = parts[0]
    guard let flag = command.flags.first(where: { "--\($0.name)" == name || $0.short.map { "-\($0)" } == name }) else {
      let guess = command.flags.map { "--\($0.name)" }.first { $0.hasPrefix(name) } ?? nearest(name, command)
      throw Misuse(
        text: "`\(command.name)` has no option `\(name)`", hint: guess.map { "did you mean `\($0)`?" } ?? "")
    }
    guard flag.value != nil else {
      if parts.count > 1 { throw Misuse(text: "--\(flag.name) takes no value") }
      values[flag.name, default: []].append("")
      return
    }
    guard let value = parts.count > 1 ? parts[1] : rest.popFirst(), !value.isEmpty else {
      throw Misuse(text: "--\(flag.name) needs a value", hint: flag.summary)
    }
    guard flag.choices.isEmpty || flag.choices.contains(value) else {
      throw Misuse(
        text: "--\(flag.name) cannot be `\(value)`", hint: "it may be \(flag.choices.joined(separator: ", "))")
    }
    values[flag.name, default: []].append(value)
  }

  private func nearest(_ name: String, _ command: Command) -> String? {
    name.nearest(of: command.flags.map { "--\($0.name)" })
  }
}
