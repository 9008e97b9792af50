// SPDX-License-Identifier: Apache-2.0
// Whether plaintext is accepted, where the table has no column: age, selectors, ports, and what cannot be read.

import Format
import Mesh
import Testing

@testable import World

@Suite struct PeerModesTests {
  static let web = "{matchLabels: {app: web}}"
  static let pods =
    WorldScene.pod("shop/web", at: "10.0.0.1", labels: ["app": "web", "tier": "front"])
    + WorldScene.pod("shop/cart", at: "10.0.0.2", labels: ["app": "cart"])
    + WorldScene.pod("away/web", at: "10.0.1.1", labels: ["app": "web"])
    + WorldScene.pod("istio-system/web", at: "10.0.2.1", labels: ["app": "web"])

  /// `S` for a server that refuses plaintext, `p` for one that does not, in the order of the servers and their ports.
  private static func answers(_ scene: WorldScene, _ places: [(String, UInt16)]) throws -> String {
    try places.map { server, port in
      let client = server == "shop/cart" ? "shop/web" : "shop/cart"
      // Mutual TLS is always welcome.
      #expect(try scene.judge(from: client, to: server, port: port).isAllowed)
      return try scene.judge(from: client, to: server, port: port, isPlaintext: true).isAllowed ? "p" : "S"
    }.joined()
  }

  static let everywhere: [(String, UInt16)] = [
    ("shop/web", 8080), ("shop/web", 9090), ("shop/cart", 8080), ("away/web", 8080), ("istio-system/web", 8080),
  ]

  /// What servers say: shop/web at 8080 and 9090, shop/cart, away/web, istio-system/web.
  private static func answers(_ manifests: String) throws -> String {
    try answers(WorldScene(pods + manifests), everywhere)
  }

  struct Case: Sendable, CustomTestStringConvertible {
    let name: String
    let manifests: [String]
    let answers: String
    var testDescription: String { name }

    init(_ name: String, _ manifests: [String], _ answers: String) {
      (self.name, self.manifests, self.answers) = (name, manifests, answers)
    }
  }

  private static let early = "\"2020-01-01T00:00:00Z\""
  private static let late = "\"2024-01-01T00:00:00.5Z\""

  static let cases: [Case] = [
    Case("nobody says anything", [], "ppppp"),
    Case("the mesh is everywhere", [PolicyYAML.peer("istio-system/a", mode: "STRICT")], "SSSSS"),
    Case("a namespace is for itself", [PolicyYAML.peer("shop/a", mode: "STRICT")], "SSSpp"),
    Case("a selector is for whom it selects", [PolicyYAML.peer("shop/a", selector: web, mode: "STRICT")], "SSppp"),
    Case("all labels have to be there", [peer(["app": "web", "tier": "back"], "STRICT")], "ppppp"),
    Case("more labels may be there", [peer(["tier": "front"], "STRICT")], "SSppp"),
    Case("a selector of nothing selects nobody there", [peer(["app": "none"], "STRICT")], "ppppp"),
  ]

  static let levels: [Case] = [
    Case(
      "the oldest of a mesh",
      [
        PolicyYAML.peer("istio-system/a", mode: "PERMISSIVE", made: late),
        PolicyYAML.peer("istio-system/b", mode: "STRICT", made: early),
      ], "SSSSS"),
    Case(
      "the oldest of a namespace",
      [
        PolicyYAML.peer("shop/a", mode: "STRICT", made: late),
        PolicyYAML.peer("shop/b", mode: "PERMISSIVE", made: early),
      ], "ppppp"),
    Case(
      "the oldest for a workload",
      [
        PolicyYAML.peer("shop/a", selector: web, mode: "PERMISSIVE", ports: "{9090: {mode: STRICT}}", made: late),
        PolicyYAML.peer("shop/b", selector: web, mode: "STRICT", ports: "{9090: {mode: DISABLE}}", made: early),
      ], "Spppp"),
    Case(
      "the oldest for a workload, of different selectors",
      [
        PolicyYAML.peer("shop/a", selector: "{matchLabels: {tier: front}}", mode: "STRICT", made: early),
        PolicyYAML.peer("shop/b", selector: web, mode: "PERMISSIVE", made: late),
      ], "SSppp"),
    Case(
      "half a second counts",
      [
        PolicyYAML.peer("shop/a", mode: "PERMISSIVE", made: late),
        PolicyYAML.peer("shop/b", mode: "STRICT", made: "\"2024-01-01T00:00:00.25Z\""),
      ], "SSSpp"),
    Case(
      "of the same age the first by name",
      [
        PolicyYAML.peer("shop/b", mode: "PERMISSIVE", made: early),
        PolicyYAML.peer("shop/a", mode: "STRICT", made: early),
      ], "SSSpp"),
    Case(
      "one without an age is older than one with it",
      [PolicyYAML.peer("shop/a", mode: "PERMISSIVE", made: early), PolicyYAML.peer("shop/b", mode: "STRICT")], "SSSpp"),
    Case(
      "the oldest counts even when it has no opinion: the next level is asked, not the younger one",
      [
        PolicyYAML.peer("shop/a", mode: "UNSET", made: early), PolicyYAML.peer("shop/b", mode: "STRICT", made: late),
      ], "ppppp"),
    Case(
      "a younger one on a closer level goes before an older one farther away",
      [
        PolicyYAML.peer("istio-system/a", mode: "STRICT", made: early),
        PolicyYAML.peer("shop/a", mode: "PERMISSIVE", made: late),
      ], "pppSS"),
  ]

  static let selectors: [Case] = [
    Case(
      "a selector in the namespace of the mesh selects nobody",
      [
        PolicyYAML.peer("istio-system/a", selector: web, mode: "STRICT", ports: "{8080: {mode: STRICT}}")
      ], "ppppp"),
    Case(
      "such a selector does not hide what is for the mesh",
      [
        PolicyYAML.peer("istio-system/a", selector: web, mode: "PERMISSIVE"),
        PolicyYAML.peer("istio-system/b", mode: "STRICT"),
      ], "SSSSS"),
    Case("an empty selector is none", [PolicyYAML.peer("shop/a", selector: "{}", mode: "STRICT")], "SSSpp"),
    Case(
      "a selector of no labels is none", [PolicyYAML.peer("shop/a", selector: "{matchLabels: {}}", mode: "STRICT")],
      "SSSpp"),
    Case("a selector of null is none", [PolicyYAML.peer("shop/a", selector: "null", mode: "STRICT")], "SSSpp"),
    Case(
      "an empty selector for the mesh is none", [PolicyYAML.peer("istio-system/a", selector: "{}", mode: "STRICT")],
      "SSSSS"),
    Case(
      "an empty selector is no closer than none",
      [
        PolicyYAML.peer("shop/a", mode: "STRICT", made: early),
        PolicyYAML.peer("shop/b", selector: "{}", mode: "PERMISSIVE", made: late),
      ], "SSSpp"),
    Case(
      "no mode is no opinion", [PolicyYAML.peer("shop/a"), PolicyYAML.peer("istio-system/a", mode: "STRICT")], "SSSSS"),
  ]

  static let ports: [Case] = [
    Case(
      "ports without a selector mean nothing",
      [PolicyYAML.peer("shop/a", mode: "PERMISSIVE", ports: "{8080: {mode: STRICT}}")], "ppppp"),
    Case(
      "ports without a selector make no holes",
      [PolicyYAML.peer("shop/a", mode: "STRICT", ports: "{8080: {mode: PERMISSIVE}}")], "SSSpp"),
    Case(
      "ports with an empty selector mean nothing",
      [PolicyYAML.peer("shop/a", selector: "{}", mode: "PERMISSIVE", ports: "{8080: {mode: STRICT}}")], "ppppp"),
    Case(
      "ports of the mesh mean nothing",
      [PolicyYAML.peer("istio-system/a", mode: "STRICT", ports: "{8080: {mode: PERMISSIVE}}")], "SSSSS"),
    Case(
      "several ports, some strict",
      [
        PolicyYAML.peer(
          "shop/a", selector: web, mode: "PERMISSIVE", ports: "{8080: {mode: STRICT}, 9090: {mode: STRICT}}")
      ], "SSppp"),
    Case(
      "several ports, some open",
      [
        PolicyYAML.peer(
          "shop/a", selector: web, mode: "STRICT", ports: "{8080: {mode: DISABLE}, 9090: {mode: PERMISSIVE}}")
      ], "ppppp"),
    Case(
      "several ports, each its own",
      [
        PolicyYAML.peer(
          "shop/a", selector: web, mode: "STRICT", ports: "{8080: {mode: PERMISSIVE}, 9090: {mode: STRICT}, 1: {}}")
      ], "pSppp"),
    Case(
      "a port that nothing is said of asks outwards",
      [
        PolicyYAML.peer("shop/a", selector: web, ports: "{8080: {}, 9090: {mode: PERMISSIVE}}"),
        PolicyYAML.peer("istio-system/a", mode: "STRICT"),
      ], "SpSSS"),
    Case(
      "a port may be written as a text",
      [PolicyYAML.peer("shop/a", selector: web, ports: "{\"8080\": {mode: STRICT}}")], "Spppp"),
  ]

  private static func peer(_ labels: KeyValuePairs<String, String>, _ mode: String) -> String {
    let pairs = labels.map { "\($0.key): \($0.value)" }.joined(separator: ", ")
    return PolicyYAML.peer("shop/a", selector: "{matchLabels: {\(pairs)}}", mode: mode)
  }

  @Test(arguments: cases + levels + selectors + ports)
  func whoRefusesPlaintext(_ c: Case) throws {
    #expect(try Self.answers(c.manifests.joined()) == c.answers)
    // The order in which files say it does not matter.
    #expect(try Self.answers(c.manifests.reversed().joined()) == c.answers)
  }

  @Test func everyPortIsDecidedByItself() throws {
    let modes = [80: "STRICT", 81: "PERMISSIVE", 82: "DISABLE", 83: "UNSET", 65535: "STRICT", 1: "PERMISSIVE"]
    let ports = modes.map { "\($0.key): {mode: \($0.value)}" }.joined(separator: ", ")
    for (mode, answers) in [("STRICT", "SppSSpS"), ("PERMISSIVE", "SpppSpp")] {
      let peer = PolicyYAML.peer("shop/a", selector: Self.web, mode: mode, ports: "{\(ports)}")
      let scene = try WorldScene(Self.pods + peer)
      let asked: [UInt16] = [80, 81, 82, 83, 65535, 1, 7777]
      #expect(try Self.answers(scene, asked.map { ("shop/web", $0) }) == answers)
    }
  }
}

// MARK: What the mesh is told

extension PeerModesTests {
  private static let nobody = Policy.Field<Policy.StringMatch>(not: [.presence])
  private static let strictKey = "istio-system/istio_converted_static_strict"

  private static func expect(_ scene: WorldScene, _ key: String, _ rules: [Policy.Rule]) throws {
    let policy = try #require(scene.policy(key))
    #expect(policy.rules == rules && policy.scope == .workload && policy.action == .deny && !policy.isDryRun)
  }

  @Test func thePolicyForEveryPortIsThereAsSoonAsOneNeedsIt() throws {
    for manifest in [
      PolicyYAML.peer("shop/a", mode: "PERMISSIVE"), PolicyYAML.peer("istio-system/a", selector: Self.web),
      PolicyYAML.peer("shop/a", selector: Self.web, mode: "DISABLE"),
    ] {
      let scene = try WorldScene(Self.pods + manifest)
      #expect(scene.policyKeys == [Self.strictKey])
      try Self.expect(
        scene, Self.strictKey, [Policy.Rule([Policy.Clause([Policy.Match(principals: Self.nobody)])])])
    }
    #expect(try WorldScene(Self.pods).policyKeys.isEmpty)
  }

  @Test func strictWithHolesIsOneRuleOfAllPortsButThose() throws {
    let ports = "{9090: {mode: DISABLE}, 8080: {mode: PERMISSIVE}, 7070: {mode: STRICT}}"
    let scene = try WorldScene(Self.pods + PolicyYAML.peer("shop/a", selector: Self.web, mode: "STRICT", ports: ports))
    let rule = Policy.Rule([
      Policy.Clause([Policy.Match(principals: Self.nobody)]), Policy.Clause([Policy.Match(ports: .init(not: [8080]))]),
      Policy.Clause([Policy.Match(ports: .init(not: [9090]))]),
    ])
    try Self.expect(scene, "shop/converted_peer_authentication_a", [rule])
  }

  @Test func strictPortsAreARuleEach() throws {
    let ports = "{9090: {mode: STRICT}, 8080: {mode: STRICT}, 7070: {mode: DISABLE}}"
    let scene = try WorldScene(Self.pods + PolicyYAML.peer("shop/a", selector: Self.web, ports: ports))
    let rules = ([8080, 9090] as [UInt16]).map { port in
      Policy.Rule([Policy.Clause([Policy.Match(principals: Self.nobody, ports: .init([port]))])])
    }
    try Self.expect(scene, "shop/converted_peer_authentication_a", rules)
  }

  @Test func otherRootsHaveOtherNames() throws {
    var settings = Settings()
    settings.rootNamespace = "away"
    let scene = try WorldScene(Self.pods + PolicyYAML.peer("away/a", mode: "STRICT"), settings: settings)
    #expect(scene.policyKeys == ["away/istio_converted_static_strict"])
    #expect(try Self.answers(scene, Self.everywhere) == "SSSSS")
  }
}
