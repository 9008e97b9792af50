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
      Terminal.say("skeinctl: \(error.text)" + (error.hint.isEmpty ? "" : " (\(error.hint))"))
      exit(2)
    }
  }

  private static func run(_ name: String, _ arguments: [String]) throws(Misuse) -> Int32 {
    switch name {
    case "-h", "--help", "help":
      let command = Command.all.first { $0.name == arguments.first }
      Terminal.tell(command.map(Help.text) ?? Help.overview)
      return 0
    case "--version", "version":
      Terminal.tell("skeinctl \(Version.text)")
      return 0
    default: break
    }
    guard let command = Command.all.first(where: { $0.name == name }) else {
      let kind = name.hasPrefix("-") ? "option" : "command"
      let guess = name.nearest(of: Command.all.map(\.name)).map { "did you mean `\($0)`?" }
      throw Misuse(text: "there is no \(kind) `\(name)`", hint: guess ?? "`skeinctl --help` lists them")
    }
    if arguments.contains(where: { $0 == "--help" || $0 == "-h" }) {
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

  private static func complete(_ request: Request) throws(Misuse) -> Int32 {
    guard request.operands.count == 1, let script = Completion.script(for: request.operands[0]) else {
      throw Misuse(text: "`completion` needs a shell", hint: "it may be bash, zsh or fish")
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
