// SPDX-License-Identifier: Apache-2.0
// Completion in the shells themselves: what somebody gets who presses the tabulator. A shell that is not on the machine is
// skipped, and the test run says so.

import Foundation
import Testing

@testable import skeinctl

@Suite struct CompletionTests {
  struct Case: Sendable, CustomTestStringConvertible {
    /// The line up to the cursor.
    let line: String
    /// All that is offered.
    let offers: Set<String>
    var testDescription: String { "`\(line)`" }
  }

  static let flags = Set(Command.analyze.flags.map { "--\($0.name)" })

  static let cases = [
    Case(line: "skeinctl an", offers: ["analyze"]),
    Case(line: "skeinctl e", offers: ["explain"]),
    Case(line: "skeinctl help ", offers: ["analyze", "explain", "completion"]),
    Case(line: "skeinctl completion ", offers: ["bash", "zsh", "fish"]),
    Case(line: "skeinctl analyze --", offers: flags),
    Case(line: "skeinctl analyze --se", offers: ["--severity"]),
    Case(line: "skeinctl analyze --output ", offers: ["text", "json", "sarif"]),
    Case(line: "skeinctl analyze -o ", offers: ["text", "json", "sarif"]),
    Case(line: "skeinctl explain -o ", offers: ["text", "json"]),
    Case(line: "skeinctl explain --plaintext --color n", offers: ["never"]),
    Case(line: "skeinctl analyze --output=s", offers: ["sarif"]),
    Case(line: "skeinctl analyze me", offers: ["mesh one", "mesh-two.yaml"]),
    Case(line: "skeinctl explain -f mesh-", offers: ["mesh-two.yaml"]),
    Case(line: "skeinctl explain --from ", offers: []),
    Case(line: "skeinctl nonsense ", offers: []),
  ]

  private func scratch(_ shell: String) throws -> Scratch {
    let scratch = try Scratch(["mesh one/a.yaml": "", "mesh-two.yaml": "", "other.yaml": ""])
    let script = try #require(Completion.script(for: shell))
    // A name no pattern of the cases offers.
    try scratch.write("script", Data(script.utf8))
    return scratch
  }

  @Test(.enabled("there is no bash on this machine") { Tool.has("bash") }, arguments: cases)
  func bashOffers(_ c: Case) throws {
    let scratch = try scratch("bash")
    // bash takes a line apart at blanks and at `=`.
    var words = c.line.replacing("=", with: " = ").split(separator: " ").map(String.init)
    if c.line.hasSuffix(" ") { words.append("") }
    let list = words.map { "'\($0)'" }.joined(separator: " ")
    let outcome = try Tool.start(
      [
        "bash", "--norc", "-c",
        "set -eu; source ./script; COMP_WORDS=(\(list)); COMP_CWORD=\(words.count - 1); _skeinctl; "
          + "printf '%s\\n' ${COMPREPLY[@]+\"${COMPREPLY[@]}\"}",
      ], in: scratch.url)
    #expect(outcome.status == 0 && outcome.complaints.isEmpty, "\(outcome.all)")
    #expect(Set(outcome.output.split(separator: "\n").map(String.init)) == c.offers)
  }

  @Test(.enabled("there is no fish on this machine") { Tool.has("fish") }, arguments: cases)
  func fishOffers(_ c: Case) throws {
    let scratch = try scratch("fish")
    let outcome = try Tool.start(
      ["fish", "--no-config", "-c", "source ./script; complete -C \(Self.quoted(c.line))"], in: scratch.url)
    #expect(outcome.status == 0 && outcome.complaints.isEmpty, "\(outcome.all)")
    // A word, a tabulator, what it means; of `--output=s` the whole word is offered, and folders end with a slash.
    let words = outcome.output.split(separator: "\n").compactMap { $0.split(separator: "\t").first.map(String.init) }
    let offers = words.map { word in
      (word.hasSuffix("/") ? String(word.dropLast()) : word).replacing("--output=", with: "").replacing("\\", with: "")
    }
    #expect(Set(offers) == c.offers)
  }

  /// zsh completes on a terminal only, so it gets one, in a zsh that has one to give. What would be shown is written down
  /// instead, each word on a line, and `done` at the end.
  private static let terminal = """
    zmodload zsh/zpty zsh/zselect || exit 3
    zpty inner "zsh -f -i"
    zpty -w inner 'PS1=; autoload -Uz compinit; compinit -D -u; source ./script; setopt extendedglob
    compadd() {
      local -a before=(${@[1,(i)(-|--)]})
      if (( ${before[(I)-[a-zA-Z]#[OAD]*]} )); then builtin compadd "$@"; return; fi
      local -a hits
      builtin compadd -A hits "$@"
      local hit; for hit in $hits; do print -r -- "$hit" >> offers; done
    }
    finish() { print -r -- done >> offers }
    comppostfuncs=(finish)
    bindkey "^I" complete-word
    print -r -- re""ady'
    zpty -r inner line '*ready*' || exit 4
    zpty -w -n inner "$1"$'\\t'
    for try in {1..400}; do
      [[ -e offers && $(<offers) == *done ]] && break
      zselect -t 5
    done
    zpty -d inner
    cat offers
    """

  @Test(.enabled("there is no zsh on this machine") { Tool.has("zsh") }, arguments: cases)
  func zshOffers(_ c: Case) throws {
    let scratch = try scratch("zsh")
    let outcome = try Tool.start(["zsh", "-f", "-c", Self.terminal, "zsh", c.line], in: scratch.url)
    var words = outcome.output.split(separator: "\n").map(String.init)
    #expect(outcome.status == 0 && words.popLast() == "done", "\(outcome.all)")
    // zsh offers short options beside long ones, and long ones that want a value with their `=`.
    let offers = words.filter { !($0.count == 2 && $0.hasPrefix("-")) }.map { word in
      (word.hasSuffix("=") ? String(word.dropLast()) : word).replacing("\\", with: "")
    }
    #expect(Set(offers) == c.offers)
  }

  @Test func everyScriptNamesEveryOption() {
    for shell in Command.completion.operandChoices {
      let script = Completion.script(for: shell) ?? ""
      for flag in Command.all.flatMap(\.flags) {
        #expect(script.contains(shell == "fish" ? "-l \(flag.name)" : "--\(flag.name)"), "\(shell): \(flag.name)")
      }
    }
    #expect(Completion.script(for: "tcsh") == nil)
  }

  private static func quoted(_ text: String) -> String { "'\(text)'" }
}
