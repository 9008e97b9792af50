// SPDX-License-Identifier: Apache-2.0
// Commands: all that can be asked for.

extension Command {
  /// All of them, in the order of the help.
  static let all = [analyze, explain, completion]

  private static let color = Flag(
    name: "color", value: "WHEN", choices: ["auto", "always", "never"],
    summary: "when to use colour: auto (default: on a terminal), always or never")
  private static let help = Flag(name: "help", short: "h", summary: "print this help")

  /// What is true for a whole mesh and stands in no manifest.
  private static let mesh = [
    Flag(
      name: "root-namespace", value: "NAME",
      summary: "namespace whose policies apply to the whole mesh (default istio-system)"),
    Flag(name: "domain", value: "NAME", summary: "domain of service names (default cluster.local)"),
    Flag(name: "trust-domain", value: "NAME", summary: "trust domain of identities (default cluster.local)"),
    Flag(name: "network", value: "NAME", summary: "network of what is not labelled with one (default: no name)"),
    Flag(name: "revision", value: "NAME", summary: "leave out objects of other revisions (default: leave out none)"),
    Flag(name: "bypass-missing-waypoint", summary: "as in a mesh that goes on without a waypoint that is missing"),
  ]

  /// All that a cluster knows of its mesh.
  private static let dump =
    "kubectl get ns,no,sa,po,svc,gateways.gateway.networking.k8s.io,serviceentries,workloadentries,"
    + "authorizationpolicies,peerauthentications -A -o yaml"

  static let analyze = Command(
    name: "analyze", summary: "find mistakes in manifests before they are applied",
    usage: "[OPTIONS] PATH...",
    text: """
      Reads manifests as the mesh would. Says what is wrong in them, what has no effect or another one than it seems to
      have, and what leaves a door open: the line, the reason, and what to do about it.

      PATH is a file, a folder with files that end with .yaml, .yml or .json, or - for standard input.
      """,
    flags: [
      Flag(
        name: "output", short: "o", value: "FORM", choices: ["text", "json", "sarif"],
        summary: "text (default), json, or sarif for code review tools"),
      Flag(
        name: "severity", value: "LEVEL", choices: ["info", "warning", "error"],
        summary: "report only this and worse: info, warning (default) or error"),
      color,
    ] + mesh + [help],
    operand: "PATH",
    statuses: [(0, "no mistakes were found"), (1, "mistakes were found"), (2, "it could not run")],
    examples: [
      ("skeinctl analyze mesh/", "every manifest in a folder"),
      ("skeinctl analyze -o sarif mesh/ > findings.sarif", "for a code review tool"),
      (Self.dump + " | skeinctl analyze -", "what is in a cluster"),
    ])

  static let explain = Command(
    name: "explain", summary: "say what would happen to a connection, and why",
    usage: "--manifests PATH --from WHO --to WHERE [OPTIONS]",
    text: """
      Decides about one connection as a mesh of these manifests would: how it gets to the other end, and whether policy
      allows it there, each with its reasons. No connection is made.
      """,
    flags: [
      Flag(
        name: "manifests", short: "f", value: "PATH", isPath: true, isRequired: true,
        summary: "file or folder of manifests, or - for standard input; may be given several times"),
      Flag(name: "from", value: "WHO", isRequired: true, summary: "NAMESPACE/POD, or an IP address"),
      Flag(name: "to", value: "WHERE", isRequired: true, summary: "HOST:PORT or IP:PORT, as the client would write it"),
      Flag(name: "plaintext", summary: "as if the client were not in the mesh"),
      Flag(
        name: "output", short: "o", value: "FORM", choices: ["text", "json"], summary: "text (default) or json"),
      color,
    ] + mesh + [help],
    statuses: [
      (0, "the connection is allowed"), (2, "it could not run"), (3, "policy denies the connection"),
      (4, "there is no route"),
    ],
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
    flags: [help], operand: "SHELL", operandChoices: ["bash", "zsh", "fish"],
    statuses: [(0, "the script was printed"), (2, "there is none for this shell")])
}
