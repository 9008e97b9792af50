// SPDX-License-Identifier: Apache-2.0
// Commands: all that can be asked for.

extension Command {
  /// All of them, in the order of the help.
  static let all = [analyze, explain, completion]

  private static let output = Flag(
    name: "output", short: "o", value: "FORM", choices: ["text", "json"],
    summary: "how to answer: text (default) or json")
  private static let color = Flag(
    name: "color", value: "WHEN", choices: ["auto", "always", "never"],
    summary: "when to use colour: auto (default), always or never")
  private static let help = Flag(name: "help", short: "h", summary: "print this help")

  /// What is true for a whole mesh and stands in no manifest.
  private static let mesh = [
    Flag(name: "root-namespace", value: "NAME", summary: "namespace whose policies are for all (default istio-system)"),
    Flag(name: "domain", value: "NAME", summary: "what names of services end with (default cluster.local)"),
    Flag(name: "trust-domain", value: "NAME", summary: "who vouches for identities (default cluster.local)"),
    Flag(name: "network", value: "NAME", summary: "network of addresses, unless something else is said (default none)"),
    Flag(name: "revision", value: "NAME", summary: "only objects of this revision (default all)"),
    Flag(name: "bypass-missing-waypoint", summary: "a mesh that goes on without a waypoint that is missing"),
  ]

  static let analyze = Command(
    name: "analyze", summary: "find mistakes in manifests before they are applied",
    usage: "[OPTIONS] PATH...",
    text: """
      Reads manifests as a mesh would and says what is wrong with them, what will not do what it seems to, and what
      leaves a door open, with the line, and a way out. Paths are files or folders; `-` is standard input.
      """,
    flags: [
      Flag(
        name: "output", short: "o", value: "FORM", choices: ["text", "json", "sarif"],
        summary: "how to answer: text (default), json, or sarif for code review tools"),
      Flag(
        name: "severity", value: "LEVEL", choices: ["info", "warning", "error"],
        summary: "the least that counts as a finding (default warning)"),
      color,
    ] + mesh + [help],
    operand: "PATH",
    statuses: [(0, "nothing was found"), (1, "something was found"), (2, "it could not run")],
    examples: [
      ("skeinctl analyze mesh/", "look at every manifest of a folder"),
      ("skeinctl analyze -o sarif mesh/ > findings.sarif", "for a code review tool"),
      ("kubectl get all,authorizationpolicies -A -o yaml | skeinctl analyze -", "look at a cluster"),
    ])

  static let explain = Command(
    name: "explain", summary: "say what would happen to a connection, and why",
    usage: "--manifests PATH --from WHO --to WHERE [OPTIONS]",
    text: """
      Takes the decisions a mesh of these manifests would take for one connection: which way it goes, and whether it is let
      in at the other end, each with its reasons. Nothing is dialled.
      """,
    flags: [
      Flag(
        name: "manifests", short: "f", value: "PATH", isPath: true, isRequired: true,
        summary: "file or folder of manifests"),
      Flag(name: "from", value: "WHO", isRequired: true, summary: "NAMESPACE/POD, or an IP address"),
      Flag(name: "to", value: "WHERE", isRequired: true, summary: "HOST:PORT or IP:PORT, as the client would dial it"),
      Flag(name: "plaintext", summary: "as if the client were not in the mesh"),
      output, color,
    ] + mesh + [help],
    statuses: [(0, "the connection is let in"), (2, "it could not run"), (3, "it is denied"), (4, "it has no way")],
    examples: [
      ("skeinctl explain -f mesh/ --from shop/web-1 --to cart.shop:80", "may web talk to cart?"),
      ("skeinctl explain -f mesh/ --from 192.0.2.7 --to 10.0.1.5:8080", "what does a stranger get?"),
    ])

  static let completion = Command(
    name: "completion", summary: "print a script that completes commands in a shell",
    usage: "bash|zsh|fish",
    text: """
      bash:  skeinctl completion bash > /etc/bash_completion.d/skeinctl
      zsh:   skeinctl completion zsh > "${fpath[1]}/_skeinctl"
      fish:  skeinctl completion fish > ~/.config/fish/completions/skeinctl.fish
      """,
    flags: [help], operand: "SHELL", operandChoices: ["bash", "zsh", "fish"])
}
