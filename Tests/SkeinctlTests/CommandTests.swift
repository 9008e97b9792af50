// SPDX-License-Identifier: Apache-2.0
// How calls are read: what is understood, and what is said about what is not.

import Testing

@testable import skeinctl

@Suite struct CommandTests {
  struct Case: Sendable, CustomTestStringConvertible {
    let arguments: [String]
    let misuse: String
    var testDescription: String { arguments.joined(separator: " ") }
  }

  @Test func readsValuesInEveryForm() throws {
    let request = try Request(
      ["--manifests", "a", "-f", "b", "--from=x/y", "--to", "z:1", "-o", "json", "--plaintext"], for: .explain)
    #expect(request.values["manifests"] == ["a", "b"])
    #expect(request.value("from") == "x/y" && request.value("output") == "json" && request.has("plaintext"))
    #expect(
      try Request(["-ojson", "-o=text", "-fa"], for: .explain.without("from", "to")).values["output"] == [
        "json", "text",
      ])
    #expect(try Request(["a", "--", "--severity"], for: .analyze).operands == ["a", "--severity"])
    #expect(try Request(["-"], for: .analyze).operands == ["-"])
  }

  @Test(arguments: [
    Case(arguments: ["--form", "x"], misuse: "`explain` has no option `--form` (did you mean `--from`?)"),
    Case(
      arguments: ["--manifests"],
      misuse:
        "--manifests needs a value (file or folder of manifests, or - for standard input; may be given several times)"),
    Case(
      arguments: ["--from", "x", "--to", "y"],
      misuse:
        "`explain` needs --manifests PATH (file or folder of manifests, or - for standard input; may be given several times)"
    ),
    Case(arguments: ["-o", "yaml"], misuse: "--output cannot be `yaml` (it may be `text` or `json`)"),
    Case(arguments: ["--plaintext=yes"], misuse: "--plaintext takes no value ()"),
    Case(
      arguments: ["x"],
      misuse: "`explain` does not know what to do with `x` "
        + "(usage: skeinctl explain --manifests PATH --from WHO --to WHERE [OPTIONS])"),
    Case(arguments: ["-q"], misuse: "`explain` has no option `-q` (`skeinctl explain --help` lists them)"),
    Case(arguments: ["--plain"], misuse: "`explain` has no option `--plain` (did you mean `--plaintext`?)"),
    Case(arguments: ["--color=alwais"], misuse: "--color cannot be `alwais` (did you mean `always`?)"),
    Case(arguments: ["--from="], misuse: "--from needs a value (NAMESPACE/POD, or an IP address)"),
    Case(arguments: ["-f"], misuse: "--manifests needs a value (\(Command.explain.flags[0].summary))"),
  ])
  func saysWhatIsWrong(_ c: Case) {
    do throws(Misuse) {
      _ = try Request(c.arguments, for: .explain)
      Issue.record("it was understood")
    } catch {
      #expect("\(error.text) (\(error.hint))" == c.misuse)
    }
  }

  // MARK: Help

  @Test(arguments: Command.all.map(\.name))
  func helpNamesEveryOptionAndFitsATerminal(_ name: String) throws {
    let command = try #require(Command.all.first { $0.name == name })
    let help = Help.text(of: command)
    for flag in command.flags {
      #expect(help.contains("--\(flag.name)"))
      for choice in flag.choices {
        #expect(flag.summary.contains(choice), "--\(flag.name) does not speak of \(choice)")
      }
    }
    // An example is to be copied as a whole.
    let examples = Set(command.examples.map { "  \($0.call)" })
    for line in help.split(separator: "\n") where !examples.contains(String(line)) { #expect(line.count <= 120) }
    for form in [[name, "--help"], [name, "-h"], ["help", name], [name, "x", "--help"]] {
      let outcome = try Tool.skeinctl(form)
      #expect(outcome.status == 0 && outcome.output == help + "\n" && outcome.complaints.isEmpty)
    }
  }

  @Test func examplesAreUnderstood() throws {
    for command in Command.all {
      for (call, _) in command.examples {
        let own = try #require(call.split(separator: "|").last { $0.contains("skeinctl ") })
        let words = own.split(separator: ">")[0].split(separator: " ").map(String.init)
        #expect(words[0...1] == ["skeinctl", command.name])
        _ = try Request(Array(words.dropFirst(2)), for: command)
      }
    }
  }

  @Test(arguments: [
    Case(arguments: ["analize"], misuse: "there is no command `analize` (did you mean `analyze`?)"),
    Case(arguments: ["help", "explian"], misuse: "there is no command `explian` (did you mean `explain`?)"),
    Case(arguments: ["--versoin"], misuse: "there is no option `--versoin` (did you mean `--version`?)"),
    Case(arguments: ["-x"], misuse: "there is no option `-x` (`skeinctl --help` lists them)"),
    Case(arguments: ["completion"], misuse: "`completion` needs one shell (it may be `bash`, `zsh` or `fish`)"),
    Case(arguments: ["completion", "fsh"], misuse: "there is no completion for `fsh` (did you mean `fish`?)"),
    Case(
      arguments: ["completion", "powershell"],
      misuse: "there is no completion for `powershell` (it may be `bash`, `zsh` or `fish`)"),
  ])
  func whatIsNoCallIsRefused(_ c: Case) throws {
    let outcome = try Tool.skeinctl(c.arguments)
    #expect(outcome.status == 2 && outcome.output.isEmpty)
    #expect(outcome.complaints == "skeinctl: \(c.misuse)\n")
  }

  @Test func theOverviewNamesEveryCommand() throws {
    let asked = try Tool.skeinctl(["--help"])
    #expect(asked.status == 0 && asked.output == Help.overview + "\n")
    for command in Command.all { #expect(asked.output.contains("  \(command.name) ")) }
    let bare = try Tool.skeinctl([])
    #expect(bare.status == 2 && bare.output.isEmpty && bare.complaints == Help.overview + "\n")
  }

  @Test func theVersionIsOneLine() throws {
    for form in ["--version", "version"] {
      let outcome = try Tool.skeinctl([form])
      #expect(outcome.status == 0 && outcome.output == "skeinctl \(Version.text)\n")
    }
  }
}

extension Command {
  /// The same, with options that need not be given.
  fileprivate func without(_ names: String...) -> Command {
    var flags = flags
    for index in flags.indices where names.contains(flags[index].name) { flags[index].isRequired = false }
    return Command(name: name, summary: summary, usage: usage, text: text, flags: flags, operand: operand)
  }
}
