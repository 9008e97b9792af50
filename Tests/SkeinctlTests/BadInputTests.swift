// SPDX-License-Identifier: Apache-2.0
// Bad input through the real binary: one clear line for each thing that is wrong, the right status, and nothing else lost.

import Foundation
import Testing

@Suite struct BadInputTests {
  /// Good but for one mistake, which has to be found whatever stands beside it.
  static let good = """
    apiVersion: v1
    kind: Service
    metadata: {name: good, namespace: shop}
    spec: {selector: {app: good}, ports: [{port: 80}]}
    ---
    apiVersion: v1
    kind: Pod
    metadata: {name: other, namespace: shop, labels: {app: other}}

    """
  static let goodLine = "good.yaml:4:19: warning: spec.selector.app: Service shop/good selects no workload"

  struct Case: Sendable, CustomTestStringConvertible {
    /// What it is.
    let name: String
    /// The bytes of `bad.yaml`, besides the good file.
    var bytes: Data?
    /// Makes something else, as a shell script in the folder.
    var script = ""
    /// The lines that are said about it, without hints; nil for a line nobody needs to hold.
    var lines: [String] = []
    var testDescription: String { name }

    static func text(_ name: String, _ text: String, _ lines: String...) -> Case {
      Case(name: name, bytes: Data(text.utf8), lines: lines)
    }
  }

  static let cases: [Case] = [
    .text(
      "wrong types", "apiVersion: v1\nkind: Service\nmetadata: {name: 5}\nspec: {selector: [a], ports: [{port: '80'}]}",
      "bad.yaml:3:18: error: metadata.name: a text is wanted here, and this is a number [wrong-type]",
      "bad.yaml:4:18: error: spec.selector: a map is wanted here, and this is a list [wrong-type]",
      "bad.yaml:4:38: error: spec.ports[0].port: a whole number is wanted here, and this is a text [wrong-type]"),
    .text(
      "a near miss of a kind", "apiVersion: security.istio.io/v1\nkind: AuthorizationPolcy\nmetadata: {name: a}",
      "bad.yaml:2:1: error: kind: there is no kind `AuthorizationPolcy` [unknown-kind]"),
    .text(
      "a near miss of a group", "apiVersion: secruity.istio.io/v1\nkind: AuthorizationPolicy\nmetadata: {name: a}",
      "bad.yaml:1:1: error: apiVersion: `secruity.istio.io/v1` has no AuthorizationPolicy [unknown-version]"),
    .text(
      "a kind of another group", "apiVersion: apps/v1\nkind: Service\nmetadata: {name: a}",
      "bad.yaml:1:1: error: apiVersion: `apps/v1` has no Service [unknown-version]"),
    .text(
      "a kind that is not supported", "apiVersion: networking.istio.io/v1\nkind: VirtualService\nmetadata: {name: a}",
      "bad.yaml:2:1: warning: kind: VirtualService is not supported yet and has no effect [unsupported-kind]"),
    .text(
      "a kind that says nothing", "apiVersion: apps/v1\nkind: Deployment\nmetadata: {name: a}\nspec: {replicas: x}"),
    .text("somebody else's kind", "apiVersion: cert-manager.io/v1\nkind: Certificate\nmetadata: {name: a}"),
    .text("somebody else's Service", "apiVersion: serving.knative.dev/v1\nkind: Service\nmetadata: {name: a}"),
    .text(
      "no object", "image: {tag: v1}\n",
      "bad.yaml:1:1: error: this is no Kubernetes object: it has neither `apiVersion` nor `kind` [not-an-object]"),
    .text("a text", "hello", "bad.yaml:1:1: error: this is no Kubernetes object, but a text [not-an-object]"),
    .text(
      "keys twice", "apiVersion: v1\nkind: Pod\nkind: Pod\n",
      "bad.yaml:3:1: error: the key `kind` stands here again [yaml-duplicate-key]"),
    .text(
      "a bomb of aliases",
      "a: &a [x,x,x,x,x,x,x,x,x]\n"
        + zip("bcdefg", "abcdef").map { "\($0): &\($0) [*\($1),*\($1),*\($1),*\($1),*\($1),*\($1),*\($1),*\($1)]" }
        .joined(separator: "\n"),
      "bad.yaml:6:17: error: more than 200000 values, those of aliases included [yaml-size]"),
    .text(
      "more levels than anybody needs", String(repeating: "[", count: 100) + String(repeating: "]", count: 100),
      "bad.yaml:1:65: error: more than 64 lists and maps within each other [yaml-depth]"),
    .text(
      "a tab", "kind: Pod\nmetadata:\n\tname: a\n", "bad.yaml:3:1: error: a tab is used as indentation [yaml-syntax]"),
    .text("an empty file", ""),
    .text("a file of comments", "# nothing\n---\n# more of it\n"),
    Case(
      name: "not UTF-8", bytes: Data([0x61, 0x3a, 0x20, 0xff, 0xfe, 0x0a]),
      lines: ["bad.yaml:1:4: error: this is not UTF-8 [yaml-encoding]"]),
    Case(
      name: "UTF-16", bytes: Data([0xff, 0xfe, 0x61, 0x00, 0x3a, 0x00]),
      lines: ["bad.yaml:1:1: error: the file is UTF-16 [yaml-encoding]"]),
    Case(
      name: "a NUL byte", bytes: Data("apiVersion: v1\0".utf8),
      lines: ["bad.yaml:1:15: error: a NUL byte; this is no text [yaml-encoding]"]),
    Case(
      name: "50 MB", script: "truncate -s 50M bad.yaml", lines: ["bad.yaml: error: more than 4194304 bytes [file-size]"]
    ),
    Case(
      name: "a folder with the name of a manifest", script: "mkdir bad.yaml",
      lines: ["bad.yaml: error: this is no file but a folder, a fifo, a socket or a device [file-kind]"]),
    Case(
      name: "a fifo", script: "mkfifo bad.yaml",
      lines: ["bad.yaml: error: this is no file but a folder, a fifo, a socket or a device [file-kind]"]),
    Case(
      name: "a file nobody may read", script: "echo 'kind: Pod' > bad.yaml && chmod 000 bad.yaml",
      lines: ["bad.yaml: error: it may not be read [file-denied]"]),
    Case(
      name: "a folder nobody may read", script: "mkdir bad && chmod 000 bad",
      lines: ["bad: error: it may not be read [file-denied]"]),
    Case(
      name: "a link to nowhere", script: "ln -s nowhere bad.yaml",
      lines: ["bad.yaml: error: there is no such file or folder [file-missing]"]),
    Case(
      name: "links in a circle", script: "ln -s bad.yaml bad.yaml",
      lines: ["bad.yaml: error: the links lead in a circle, or changed while they were followed [file-link]"]),
    Case(
      name: "a link out of the folder", script: "ln -s /etc/passwd bad.yaml",
      lines: ["bad.yaml: error: the link leads out of its folder; it is not followed [file-outside]"]),
    .text(
      "escapes of a terminal", "apiVersion: v1\nkind: \"Se\\e[31mrvice\\nx\"\nmetadata: {name: a}\n",
      "bad.yaml:2:1: warning: kind: the kind `Se\u{fffd}[31mrvice\u{fffd}x` of `v1` is not known and has no effect in the mesh "
        + "[unknown-kind]"),
  ]

  @Test(arguments: cases)
  func isToldInOneLine(_ c: Case) throws {
    let scratch = try Scratch(["good.yaml": Self.good])
    if let bytes = c.bytes { try scratch.write("bad.yaml", bytes) }
    if !c.script.isEmpty { #expect(try Tool.start(["sh", "-c", c.script], in: scratch.url).status == 0) }
    let outcome = try Tool.skeinctl(["analyze", "."], in: scratch, asNobody: true)
    #expect(outcome.status == 1 && outcome.complaints.isEmpty, "\(outcome.all)")
    let lines = outcome.output.split(separator: "\n").map(String.init)
    #expect(lines.filter { $0.hasPrefix("bad") } == c.lines, "\(outcome.all)")
    #expect(lines.contains { $0.hasPrefix(Self.goodLine) }, "\(outcome.all)")
    #expect(!outcome.output.contains("\u{1b}"))
  }

  @Test func garbageOnStandardInputDoesNotHideAFolder() throws {
    let scratch = try Scratch(["good.yaml": Self.good])
    let outcome = try Tool.skeinctl(["analyze", "-", "."], in: scratch, input: Data("a: b\0\u{1}".utf8))
    #expect(outcome.status == 1)
    #expect(outcome.output.contains("<stdin>:1:5: error: a NUL byte; this is no text [yaml-encoding]\n"))
    #expect(outcome.output.contains(Self.goodLine))
  }

  struct Refusal: Sendable, CustomTestStringConvertible {
    let arguments: [String]
    let complaint: String
    var input = ""
    var testDescription: String { arguments.joined(separator: " ") }
  }

  @Test(arguments: [
    Refusal(arguments: ["missing.yaml"], complaint: "missing.yaml: there is no such file or folder"),
    Refusal(arguments: ["good.yaml", "missing/"], complaint: "missing/: there is no such file or folder"),
    Refusal(
      arguments: ["/dev/null"], complaint: "/dev/null: this is no file but a folder, a fifo, a socket or a device"),
    Refusal(arguments: ["empty.yaml"], complaint: "empty.yaml: it is empty"),
    Refusal(arguments: ["-"], complaint: "standard input: it is empty"),
    Refusal(arguments: ["-"], complaint: "standard input: it is empty", input: "# nothing\n---\n"),
    Refusal(
      arguments: ["folder"], complaint: "folder: no manifests are there (they end with .yaml, .yml or .json)"),
    Refusal(arguments: [], complaint: "`analyze` needs a file or a folder (`-` is standard input)"),
  ])
  func whatCannotRunSaysSo(_ c: Refusal) throws {
    let scratch = try Scratch(["good.yaml": Self.good, "empty.yaml": "", "folder/notes.txt": "hello"])
    for form in [[], ["-o", "json"]] {
      let outcome = try Tool.skeinctl(["analyze"] + form + c.arguments, in: scratch, input: Data(c.input.utf8))
      #expect(outcome.status == 2)
      #expect(outcome.output.isEmpty, "\(outcome.all)")
      #expect(outcome.complaints == "skeinctl: \(c.complaint)\n")
    }
  }

  @Test func objectsTheMeshDoesNotLookAtAreNoMistake() throws {
    let scratch = try Scratch(["a.yaml": "apiVersion: v1\nkind: ConfigMap\nmetadata: {name: a}\n"])
    let outcome = try Tool.skeinctl(["analyze", "a.yaml"], in: scratch)
    #expect(outcome.status == 0)
    #expect(outcome.output == "no mistakes found: none of it is an object the mesh looks at\n")
  }

  @Test func inputOfMoreThanItsLimitIsRefused() throws {
    let input = Data(repeating: UInt8(ascii: "#"), count: (64 << 20) + 1)
    let outcome = try Tool.skeinctl(["analyze", "-"], input: input)
    #expect(outcome.status == 1)
    #expect(outcome.output == "<stdin>: error: more than 64 MiB [file-size]\n1 error\n")
  }

  /// `<(helm template …)` is a pipe.
  @Test func pipesAreReadLikeFiles() throws {
    let scratch = try Scratch(["good.yaml": Self.good])
    let script = "\(Tool.path) analyze <(cat good.yaml)"
    let outcome = try Tool.start(["bash", "-c", script], in: scratch.url)
    #expect(outcome.status == 1)
    #expect(outcome.output.hasPrefix("/dev/fd/"), "\(outcome.all)")
    #expect(outcome.output.contains("  4 | spec: {selector: {app: good}, ports: [{port: 80}]}\n"))
  }

  @Test func aListOfAClusterIsReadWithItsLines() throws {
    let list = """
      {"apiVersion": "v1", "kind": "List", "items": [
      {"apiVersion": "v1", "kind": "Service", "metadata": {"name": "a"}, "spec": {"ports": [{"port": 0}]}}
      ]}
      """
    let outcome = try Tool.skeinctl(["analyze", "-"], input: Data(list.utf8))
    #expect(
      outcome.output.hasPrefix("<stdin>:2:96: error: spec.ports[0].port: 0 is not within 1 and 65535"), "\(outcome.all)"
    )
  }
}
