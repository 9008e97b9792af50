// SPDX-License-Identifier: Apache-2.0
// Whether plaintext is accepted while files come, change, break and go.

import Format
import Mesh
import Testing

@testable import World

@Suite struct PeerModesEditsTests {
  static let strictKey = "istio-system/istio_converted_static_strict"
  static let web = "{matchLabels: {app: web}}"

  /// `S` for a pod that refuses plaintext on port 8080, `p` for one that does not: shop/web, shop/cart, away/web.
  private static func answers(_ scene: WorldScene) throws -> String {
    try ["shop/web", "shop/cart", "away/web"].map { server in
      #expect(try scene.judge(from: "shop/client", to: server, port: 8080).isAllowed)
      let verdict = try scene.judge(from: "shop/client", to: server, port: 8080, isPlaintext: true)
      #expect(verdict.unknownPolicies.isEmpty)
      return verdict.isAllowed ? "p" : "S"
    }.joined()
  }

  private static func scene(_ peers: String...) throws -> WorldScene {
    var scene = try WorldScene(
      WorldScene.pod("shop/web", at: "10.0.0.1", labels: ["app": "web"])
        + WorldScene.pod("shop/cart", at: "10.0.0.2", labels: ["app": "cart"])
        + WorldScene.pod("away/web", at: "10.0.1.1", labels: ["app": "web"])
        + WorldScene.pod("shop/client", at: "10.0.0.3"))
    for (index, text) in peers.enumerated() { try scene.load(text, file: "peers\(index).yaml") }
    return scene
  }

  @Test func nothingIsLeftOfAPolicyThatWasRemoved() throws {
    for peer in [
      PolicyYAML.peer("istio-system/a", mode: "STRICT"), PolicyYAML.peer("shop/a", mode: "STRICT"),
      PolicyYAML.peer("shop/a", selector: Self.web, mode: "STRICT"),
      PolicyYAML.peer("shop/a", selector: Self.web, ports: "{8080: {mode: STRICT}}"),
    ] {
      var scene = try Self.scene(peer)
      #expect(try Self.answers(scene) != "ppp" && !scene.policyKeys.isEmpty)
      scene.remove(file: "peers0.yaml")
      #expect(try Self.answers(scene) == "ppp" && scene.policyKeys.isEmpty)
      #expect(try #require(scene.workload("shop/web")).template.policies.isEmpty)
    }
  }

  @Test func whatARemovedPolicyHadHiddenCounts() throws {
    var scene = try Self.scene(
      PolicyYAML.peer("istio-system/a", mode: "STRICT"), PolicyYAML.peer("shop/a", mode: "PERMISSIVE"),
      PolicyYAML.peer("shop/web", selector: Self.web, mode: "STRICT", ports: "{8080: {mode: DISABLE}}"))
    #expect(try Self.answers(scene) == "ppS")
    try scene.load(PolicyYAML.peer("shop/web", selector: Self.web, mode: "STRICT"), file: "peers2.yaml")
    #expect(try Self.answers(scene) == "SpS")
    scene.remove(file: "peers2.yaml")
    #expect(try Self.answers(scene) == "ppS")
    scene.remove(file: "peers1.yaml")
    #expect(try Self.answers(scene) == "SSS")
    scene.remove(file: "peers0.yaml")
    #expect(try Self.answers(scene) == "ppp")
  }

  /// The policy for every port is said by all of them alike; the last one takes it along.
  @Test func theSharedPolicyStaysUntilTheLastOneGoes() throws {
    var scene = try Self.scene(PolicyYAML.peer("shop/a", mode: "STRICT"), PolicyYAML.peer("away/a", mode: "STRICT"))
    scene.remove(file: "peers0.yaml")
    #expect(scene.policyKeys == [Self.strictKey])
    #expect(try Self.answers(scene) == "ppS")
    scene.remove(file: "peers1.yaml")
    #expect(scene.policyKeys.isEmpty)
  }

  /// A change of the level above makes other ports the exceptions.
  @Test func whatIsSaidOfPortsFollowsTheLevelsAbove() throws {
    let ports = "{8080: {mode: STRICT}, 9090: {mode: PERMISSIVE}}"
    var scene = try Self.scene(PolicyYAML.peer("shop/web", selector: Self.web, ports: ports))
    let key = "shop/converted_peer_authentication_web"
    for (mesh, namespace, isStrict) in [
      ("STRICT", "UNSET", true), ("STRICT", "PERMISSIVE", false), ("UNSET", "UNSET", false),
      ("PERMISSIVE", "STRICT", true),
    ] {
      try scene.load(
        PolicyYAML.peer("istio-system/a", mode: mesh) + PolicyYAML.peer("shop/a", mode: namespace), file: "levels.yaml")
      #expect(try #require(scene.workload("shop/web")).template.policies == [key])
      let fields = try #require(scene.policy(key)).rules.flatMap(\.clauses).flatMap(\.matches).map(\.ports)
      #expect(
        fields.flatMap(\.wanted) == (isStrict ? [] : [8080]) && fields.flatMap(\.unwanted) == (isStrict ? [9090] : []))
      #expect(try !scene.judge(from: "shop/client", to: "shop/web", port: 8080, isPlaintext: true).isAllowed)
      #expect(try scene.judge(from: "shop/client", to: "shop/web", port: 9090, isPlaintext: true).isAllowed)
    }
  }

  @Test func aPodThatChangesItsLabelsChangesWhatItAccepts() throws {
    var scene = try Self.scene(PolicyYAML.peer("shop/a", selector: Self.web, mode: "STRICT"))
    let pod = { WorldScene.pod("shop/late", at: "10.0.0.9", labels: ["app": $0]) }
    for (app, isAllowed) in [("web", false), ("cart", true), ("web", false)] {
      try scene.load(pod(app), file: "late.yaml")
      #expect(
        try scene.judge(from: "shop/client", to: "shop/late", port: 1, isPlaintext: true).isAllowed == isAllowed)
    }
  }

  @Test func aSelectorThatChangesLeavesWhomItSelected() throws {
    var scene = try Self.scene(PolicyYAML.peer("shop/a", selector: Self.web, mode: "STRICT"))
    #expect(try Self.answers(scene) == "Spp")
    try scene.load(
      PolicyYAML.peer("shop/a", selector: "{matchLabels: {app: cart}}", mode: "STRICT"), file: "peers0.yaml")
    #expect(try Self.answers(scene) == "pSp")
    try scene.load(PolicyYAML.peer("shop/a", selector: "{}", mode: "STRICT"), file: "peers0.yaml")
    #expect(try Self.answers(scene) == "SSp")
    try scene.load(PolicyYAML.peer("shop/a", selector: Self.web, mode: "STRICT"), file: "peers0.yaml")
    #expect(try Self.answers(scene) == "Spp")
  }

  @Test func entriesAreWorkloadsToo() throws {
    let entry = """
      ---
      apiVersion: networking.istio.io/v1
      kind: WorkloadEntry
      metadata: {name: vm, namespace: shop, annotations: {ambient.istio.io/redirection: enabled}}
      spec: {address: 10.0.0.7, labels: {app: web}, serviceAccount: vm}
      """
    for peer in [
      PolicyYAML.peer("shop/a", selector: Self.web, mode: "STRICT"), PolicyYAML.peer("shop/a", mode: "STRICT"),
      PolicyYAML.peer("istio-system/a", mode: "STRICT"),
    ] {
      var scene = try Self.scene(entry, peer)
      #expect(try !scene.judge(from: "shop/client", to: "shop/vm", port: 1, isPlaintext: true).isAllowed)
      #expect(try scene.judge(from: "shop/client", to: "shop/vm", port: 1).isAllowed)
      scene.remove(file: "peers1.yaml")
      #expect(try scene.judge(from: "shop/client", to: "shop/vm", port: 1, isPlaintext: true).isAllowed)
    }
  }
}

// MARK: What cannot be read

extension PeerModesEditsTests {
  struct Broken: Sendable, CustomTestStringConvertible {
    let manifest: String
    let code: String
    let path: String
    var testDescription: String { "\(code) at \(path)" }

    init(_ spec: [(String, String?)], _ code: String, at path: String) {
      manifest = PolicyYAML.object("PeerAuthentication", "shop/broken", spec: spec)
      (self.code, self.path) = (code, path)
    }
  }

  @Test(arguments: [
    Broken([("mtls", "{mode: strict}")], "unknown-value", at: "spec.mtls.mode"),
    Broken([("mtls", "{mode: true}")], "wrong-type", at: "spec.mtls.mode"),
    Broken([("mtls", "STRICT")], "wrong-type", at: "spec.mtls"),
    Broken([("mtls", "{mod: STRICT}")], "unknown-field", at: "spec.mtls.mod"),
    Broken([("mode", "STRICT")], "unknown-field", at: "spec.mode"),
    Broken([("portLevelMTLS", "{8080: {mode: STRICT}}")], "unknown-field", at: "spec.portLevelMTLS"),
    Broken([("portLevelMtls", "{0: {mode: STRICT}}")], "invalid-port", at: "spec.portLevelMtls"),
    Broken([("portLevelMtls", "{65536: {mode: STRICT}}")], "invalid-port", at: "spec.portLevelMtls"),
    Broken([("portLevelMtls", "{http: {mode: STRICT}}")], "invalid-port", at: "spec.portLevelMtls"),
    Broken([("portLevelMtls", "{8080: {mode: ON}}")], "wrong-type", at: "spec.portLevelMtls.8080.mode"),
    Broken([("portLevelMtls", "{8080: STRICT}")], "wrong-type", at: "spec.portLevelMtls.8080"),
    Broken([("portLevelMtls", "[8080]")], "wrong-type", at: "spec.portLevelMtls"),
    Broken([("selector", "{app: web}")], "unknown-field", at: "spec.selector.app"),
    Broken([("selector", "{matchLabels: {app: 1}}")], "wrong-type", at: "spec.selector.matchLabels.app"),
    Broken([("selector", "[]")], "wrong-type", at: "spec.selector"),
  ])
  func whatCannotBeReadClosesItsNamespace(_ broken: Broken) throws {
    var scene = try Self.scene(broken.manifest)
    #expect(scene.problems.map(\.code) == [broken.code] && scene.problems.map(\.path) == [broken.path])
    #expect(scene.problems.allSatisfy { $0.severity == .error && $0.spot.file == "peers0.yaml" && $0.spot.line > 1 })
    #expect(try Self.answers(scene) == "SSp")
    scene.remove(file: "peers0.yaml")
    #expect(try Self.answers(scene) == "ppp" && scene.policyKeys.isEmpty)
  }

  private static func broken(_ name: String, made: String? = nil) -> String {
    PolicyYAML.peer(name, selector: web, mode: "STRIKT", made: made)
  }

  @Test func whatCannotBeReadInTheNamespaceOfTheMeshClosesTheMesh() throws {
    #expect(try Self.answers(Self.scene(Self.broken("istio-system/a"))) == "SSS")
  }

  /// It may have been meant for any of the workloads, and would then go before what is said for the namespace.
  @Test(arguments: [nil, "\"2030-01-01T00:00:00Z\""] as [String?])
  func whatCannotBeReadGoesBeforeWhatIsSaidForMore(made: String?) throws {
    let scene = try Self.scene(
      Self.broken("shop/z", made: made), PolicyYAML.peer("shop/a", mode: "PERMISSIVE"),
      PolicyYAML.peer("istio-system/a", mode: "PERMISSIVE"))
    #expect(try Self.answers(scene) == "SSp")
  }

  /// Among those for a workload age decides as ever: what would not have counted closes nothing.
  @Test(arguments: [("2020", "2024", "pS"), ("2024", "2020", "SS")])
  func whatCannotBeReadIsAsOldAsItSays(open: String, broken: String, answers: String) throws {
    let scene = try Self.scene(
      Self.broken("shop/broken", made: "\"\(broken)-01-01T00:00:00Z\""),
      PolicyYAML.peer("shop/open", selector: Self.web, mode: "PERMISSIVE", made: "\"\(open)-01-01T00:00:00Z\""))
    #expect(try Self.answers(scene) == "\(answers)p")
  }

  @Test func holesForPortsAreClosedByWhatCannotBeRead() throws {
    let open = PolicyYAML.peer("shop/b", selector: Self.web, mode: "STRICT", ports: "{8080: {mode: PERMISSIVE}}")
    var scene = try Self.scene(open)
    #expect(try Self.answers(scene) == "ppp")
    try scene.load(Self.broken("shop/a"), file: "broken.yaml")
    #expect(try Self.answers(scene) == "SSp")
    scene.remove(file: "broken.yaml")
    #expect(try Self.answers(scene) == "ppp")
  }

  @Test func theLastVersionThatCouldBeReadStays() throws {
    var scene = try Self.scene(PolicyYAML.peer("shop/a", selector: Self.web, mode: "STRICT"))
    try scene.load(Self.broken("shop/a"), file: "peers0.yaml")
    #expect(scene.problems.map(\.code) == ["unknown-value"])
    #expect(try Self.answers(scene) == "Spp")
    try scene.load(PolicyYAML.peer("shop/a", mode: "STRICT"), file: "peers0.yaml")
    #expect(scene.problems.isEmpty)
    #expect(try Self.answers(scene) == "SSp")
    try scene.load(Self.broken("shop/a"), file: "peers0.yaml")
    #expect(try Self.answers(scene) == "SSp")
    scene.remove(file: "peers0.yaml")
    #expect(try Self.answers(scene) == "ppp")
  }

  @Test func whatIsMendedSaysWhatItWasMeantToSay() throws {
    var scene = try Self.scene(Self.broken("shop/a"))
    #expect(try Self.answers(scene) == "SSp")
    try scene.load(PolicyYAML.peer("shop/a", selector: Self.web, mode: "STRICT"), file: "peers0.yaml")
    #expect(try Self.answers(scene) == "Spp" && scene.problems.isEmpty)
  }
}
