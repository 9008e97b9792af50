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
    #expect(try Request(["a", "--", "--severity"], for: .analyze).operands == ["a", "--severity"])
    #expect(try Request(["-"], for: .analyze).operands == ["-"])
  }

  @Test(arguments: [
    Case(arguments: ["--form", "x"], misuse: "`explain` has no option `--form` (did you mean `--from`?)"),
    Case(arguments: ["--manifests"], misuse: "--manifests needs a value (file or folder of manifests)"),
    Case(arguments: ["--from", "x", "--to", "y"], misuse: "--manifests is missing (file or folder of manifests)"),
    Case(arguments: ["-o", "yaml"], misuse: "--output cannot be `yaml` (it may be text, json)"),
    Case(arguments: ["--plaintext=yes"], misuse: "--plaintext takes no value ()"),
    Case(arguments: ["x"], misuse: "`explain` takes no `x` ()"),
  ])
  func saysWhatIsWrong(_ c: Case) {
    do throws(Misuse) {
      _ = try Request(c.arguments, for: .explain)
      Issue.record("it was understood")
    } catch {
      #expect("\(error.text) (\(error.hint))" == c.misuse)
    }
  }
}
