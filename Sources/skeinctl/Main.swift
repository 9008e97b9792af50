// SPDX-License-Identifier: Apache-2.0
// skeinctl: the tool for people. Reads what was asked for, calls one command, ends with its status.

import Glibc
import World

enum Version {
  static let text = "0.1.0"
}

@main
struct Main {
  static func main() {
    var arguments = Array(CommandLine.arguments.dropFirst())
    guard let name = arguments.first else {
      Terminal.say(Help.overview)
      exit(2)
    }
    arguments.removeFirst()
    do throws(Misuse) {
      exit(try run(name, arguments))
    } catch {
      Terminal.say("skeinctl: " + "\(error.text)\(error.hint.isEmpty ? "" : " (\(error.hint))")".printable)
      exit(2)
    }
  }

  private static func run(_ name: String, _ arguments: [String]) throws(Misuse) -> Int32 {
    switch name {
    case "-h", "--help", "help":
      Terminal.tell(
        try arguments.first.map { name throws(Misuse) in Help.text(of: try named(name)) } ?? Help.overview)
      return 0
    case "--version", "version":
      Terminal.tell("skeinctl \(Version.text)")
      return 0
    default: break
    }
    let command = try named(name)
    if arguments.prefix(while: { $0 != "--" }).contains(where: { $0 == "--help" || $0 == "-h" }) {
      Terminal.tell(Help.text(of: command))
      return 0
    }
    let request = try Request(arguments, for: command)
    switch command.name {
    case "analyze": return try Analyze.run(request)
    case "explain": return try Explain.run(request)
    default: return try complete(request)
    }
  }

  private static func named(_ name: String) throws(Misuse) -> Command {
    if let command = Command.all.first(where: { $0.name == name }) { return command }
    let kind = name.hasPrefix("-") ? "option" : "command"
    let names = Command.all.map(\.name) + ["help", "version"]
    let guess = name.nearest(of: kind == "option" ? ["--help", "--version"] : names).map { "did you mean `\($0)`?" }
    throw Misuse(text: "there is no \(kind) `\(name)`", hint: guess ?? "`skeinctl --help` lists them")
  }

  private static func complete(_ request: Request) throws(Misuse) -> Int32 {
    let shells = Command.completion.operandChoices
    guard let shell = request.operands.first, request.operands.count == 1 else {
      throw Misuse(text: "`completion` needs one shell", hint: "it may be \(shells.anyOf)")
    }
    guard let script = Completion.script(for: shell) else {
      let guess = shell.nearest(of: shells).map { "did you mean `\($0)`?" }
      throw Misuse(text: "there is no completion for `\(shell)`", hint: guess ?? "it may be \(shells.anyOf)")
    }
    Terminal.tell(script)
    return 0
  }
}

extension Request {
  /// What is true for a whole mesh and stands in no manifest.
  var settings: Settings {
    var settings = Settings()
    settings.rootNamespace = value("root-namespace") ?? settings.rootNamespace
    settings.domain = value("domain") ?? settings.domain
    settings.trustDomain = value("trust-domain") ?? settings.trustDomain
    settings.network = value("network") ?? settings.network
    settings.revision = value("revision") ?? settings.revision
    settings.bypassesMissingWaypoint = has("bypass-missing-waypoint")
    return settings
  }
}
