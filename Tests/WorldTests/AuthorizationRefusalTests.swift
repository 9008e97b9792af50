// SPDX-License-Identifier: Apache-2.0
// Policies that cannot be read: what is said about them, and that they close what they would have guarded.

import Format
import Testing

@testable import Mesh
@testable import World

@Suite struct AuthorizationRefusalTests {
  struct Case: Sendable, CustomTestStringConvertible {
    let spec: [(String, String?)]
    let code: String
    let path: String
    var testDescription: String {
      spec.compactMap { name, value in value.map { "\(name): \($0)" } }.joined(separator: ", ")
    }
  }

  private static func bad(_ name: String, _ value: String, _ code: String, _ path: String) -> Case {
    Case(spec: [("action", "ALLOW"), (name, value)], code: code, path: "spec.\(path)")
  }

  /// A rule, and a path in it.
  private static func rule(_ rule: String, _ code: String, _ path: String) -> Case {
    bad("rules", "[\(rule)]", code, "rules[0]\(path)")
  }

  private static func source(_ field: String, _ value: String, _ code: String, _ path: String = "") -> Case {
    rule("{from: [{source: {\(field): \(value)}}]}", code, ".from[0].source.\(field)\(path)")
  }

  private static func operation(_ field: String, _ value: String, _ code: String, _ path: String = "") -> Case {
    rule("{to: [{operation: {\(field): \(value)}}]}", code, ".to[0].operation.\(field)\(path)")
  }

  private static func when(_ fields: String, _ code: String, _ field: String) -> Case {
    rule("{when: [{\(fields)}]}", code, ".when[0].\(field)")
  }

  static let ports: [Case] =
    ["\"0\"", "\"65536\"", "\"-1\"", "http", "80-90", "\"8080 \"", "\"0x50\"", "\"*\"", "\"80,90\""].flatMap {
      [operation("ports", "[\($0)]", "invalid-port"), operation("notPorts", "[\($0)]", "invalid-port")]
    } + [
      operation("ports", "[\"80\", \"x\"]", "invalid-port"),
      operation("ports", "[80]", "wrong-type", "[0]"), operation("ports", "\"80\"", "wrong-type"),
      operation("ports", "[]", "empty-list"), operation("notPorts", "[]", "empty-list"),
      operation("ports", "[\"\"]", "invalid-value"), operation("ports", "[null]", "wrong-type", "[0]"),
      when("key: destination.port, values: [\"65536\"]", "invalid-port", "values"),
      when("key: destination.port, notValues: [http]", "invalid-port", "notValues"),
    ]

  static let blocks: [Case] =
    [
      "10.0.0.0/33", "10.0.0", "host", "10.0.0.1/", "\"::1/129\"", "\"10.0.0.0/-1\"", "10.0.0.0/8/8", "\"*\"",
      "10.0.0.256",
    ]
    .flatMap { value in
      ["ipBlocks", "notIpBlocks", "remoteIpBlocks", "notRemoteIpBlocks"].map {
        source($0, "[\(value)]", "invalid-address")
      }
    } + [
      source("ipBlocks", "[]", "empty-list"), source("notIpBlocks", "[\"\"]", "invalid-value"),
      when("key: source.ip, values: [10.0.0.0/33]", "invalid-address", "values"),
      when("key: source.ip, notValues: [x]", "invalid-address", "notValues"),
      when("key: destination.ip, notValues: [10.0.0.0/33]", "invalid-address", "notValues"),
      when("key: remote.ip, values: [x]", "invalid-address", "values"),
    ]

  static let texts: [Case] =
    ["principals", "notPrincipals"].map {
      source($0, "[\"spiffe://cluster.local/ns/shop/sa/cart\"]", "invalid-value")
    }
    + [
      "principals", "notPrincipals", "namespaces", "notNamespaces", "requestPrincipals", "notRequestPrincipals",
      "serviceAccounts", "notServiceAccounts",
    ].flatMap { [source($0, "[a, \"\"]", "invalid-value"), source($0, "[]", "empty-list")] }
    + ["hosts", "notHosts", "methods", "notMethods", "paths", "notPaths"].flatMap {
      [operation($0, "[\"\"]", "invalid-value"), operation($0, "[]", "empty-list")]
    }
    + ["\"*\"", "shop/*", "\"*/cart\"", "a/b/c", "/cart", "shop/", "/"].flatMap {
      [source("serviceAccounts", "[\($0)]", "invalid-value"), source("notServiceAccounts", "[\($0)]", "invalid-value")]
    } + [
      source("namespaces", "[1]", "wrong-type", "[0]"), source("namespaces", "[true]", "wrong-type", "[0]"),
      source("namespaces", "shop", "wrong-type"),
    ]

  static let entries: [Case] = [
    rule("{from: []}", "empty-list", ".from"), rule("{to: []}", "empty-list", ".to"),
    rule("{from: [{}]}", "empty-entry", ".from[0].source"), rule("{to: [{}]}", "empty-entry", ".to[0].operation"),
    rule("{from: [{source: {}}]}", "empty-entry", ".from[0].source"),
    rule("{to: [{operation: {}}]}", "empty-entry", ".to[0].operation"),
    rule("{to: [{operation: {ports: null}}]}", "empty-entry", ".to[0].operation"),
    rule("{from: {source: {namespaces: [a]}}}", "wrong-type", ".from"),
    rule("null", "wrong-type", ""),
  ]

  static let whens: [Case] = [
    when("key: source.prinicpal, values: [a]", "unknown-value", "key"),
    when("key: destination.labels, values: [a]", "unknown-value", "key"),
    when("key: Source.IP, values: [10.0.0.1]", "unknown-value", "key"),
    when("values: [a]", "missing-field", "key"), when("key: source.namespace", "missing-field", "values"),
    when("key: source.namespace, values: null", "missing-field", "values"),
    when("key: source.namespace, values: []", "empty-list", "values"),
    when("key: source.namespace, values: [a], notValues: []", "empty-list", "notValues"),
    when("key: source.namespace, values: [\"\"]", "invalid-value", "values"),
    when("key: source.namespace, value: [a], notValues: [b]", "unknown-field", "value"),
    when("key: source.principal, values: [\"spiffe://a\"]", "invalid-value", "values"),
    when("key: source.principal, notValues: [\"spiffe://a\"]", "invalid-value", "notValues"),
    when("key: source.principal, notValues: [\"\"]", "invalid-value", "notValues"),
    when("key: source.serviceAccount, values: [\"*\"]", "invalid-value", "values"),
    when("key: source.serviceAccount, notValues: [a/b/c]", "invalid-value", "notValues"),
    when("key: \"request.headers[a]\", values: [\"\"]", "invalid-value", "values"),
  ]

  static let unknown: [Case] = [
    source("principal", "[a], principals: [a]", "unknown-field"),
    source("ipblocks", "[10.0.0.1], namespaces: [a]", "unknown-field"),
    operation("port", "[\"80\"], ports: [\"80\"]", "unknown-field"),
    rule("{form: [{source: {namespaces: [a]}}]}", "unknown-field", ".form"),
    rule("{from: [{source: {namespaces: [a]}, sources: {}}]}", "unknown-field", ".from[0].sources"),
    bad("action", "allow", "unknown-value", "action"), bad("action", "LOG", "unknown-value", "action"),
    bad("rule", "[]", "unknown-field", "rule"), bad("rules", "{}", "wrong-type", "rules"),
    bad("selector", "{app: web}", "unknown-field", "selector.app"),
    bad("selector", "{matchExpressions: []}", "unknown-field", "selector.matchExpressions"),
    bad("selector", "{matchLabels: {app: 1}}", "wrong-type", "selector.matchLabels.app"),
    bad("targetRef", "{kind: Service}", "missing-field", "targetRef.name"),
    bad("targetRefs", "[{name: web}]", "missing-field", "targetRefs[0].kind"),
    bad("targetRefs", "[{kind: Service, name: web, port: 1}]", "unknown-field", "targetRefs[0].port"),
  ]

  @Test(arguments: ports + blocks + texts + entries + whens + unknown)
  func isRefusedAndCloses(_ c: Case) throws {
    // A second `action` would be a key said twice.
    let spec = c.spec.filter { name, _ in name != "action" } + [c.spec.last { $0.0 == "action" } ?? ("action", nil)]
    var scene = try WorldScene(policies: "")
    try scene.load(PolicyYAML.object("AuthorizationPolicy", "shop/p", spec: spec), file: "p.yaml")
    #expect(scene.problems.map(\.code) == [c.code] && scene.problems.map(\.path) == [c.path])
    #expect(scene.problems.allSatisfy { $0.severity == .error && $0.spot.file == "p.yaml" && $0.spot.line == 5 })
    let policy = try #require(scene.policy("shop/p"))
    #expect(policy.action == .deny && policy.scope == .namespace && policy.rules == [Policy.Rule([])])
    #expect(try scene.concerned() == ["shop/web", "shop/db"])
    #expect(try scene.verdicts().allSatisfy { $0.verdict.refusal == .denied })
    scene.remove(file: "p.yaml")
    #expect(try scene.concerned() == [] && scene.problems.isEmpty)
  }

  @Test func aGuessIsMadeAtWhatWasMeant() throws {
    for (rule, hint) in [
      ("{from: [{source: {principal: [a], namespaces: [b]}}]}", "did you mean `principals`?"),
      ("{when: [{key: source.prinicpal, values: [a]}]}", "did you mean `source.principal`?"),
      ("{from: [{source: {principals: [\"spiffe://a\"]}}]}", "leave out `spiffe://`"),
      ("{to: [{operation: {ports: [80]}}]}", "put it into quotes"),
      (
        "{from: [{source: {serviceAccounts: [\"shop/*\"]}}]}", "write NAMESPACE/NAME, or NAME; `*` means nothing here"
      ),
    ] {
      #expect(try WorldScene(policies: PolicyYAML.policy(rules: [rule])).problems.map(\.hint) == [hint])
    }
  }

  @Test func everyMistakeIsTold() throws {
    let rules = ["{to: [{operation: {ports: [\"0\", \"x\"], prots: []}}]}", "{from: []}"]
    let scene = try WorldScene(policies: PolicyYAML.policy(rules: rules))
    #expect(scene.problems.map(\.code).sorted() == ["empty-list", "invalid-port", "invalid-port", "unknown-field"])
  }
}

// MARK: What it closes, and for how long

extension AuthorizationRefusalTests {
  private static let everyone = ["shop/web", "shop/db", "away/web", "istio-system/web"]
  private static let port = "{to: [{operation: {ports: [\"9090\"]}}]}"
  private static let good = PolicyYAML.policy("shop/p", "DENY", selector: AuthorizationScene.web, rules: [port])
  private static let broken = PolicyYAML.policy(
    "shop/p", "DENY", selector: AuthorizationScene.web, rules: ["{form: []}"])

  @Test func inTheRootNamespaceItClosesTheMesh() throws {
    let scene = try WorldScene(policies: PolicyYAML.policy("istio-system/p", "ALLOWED", rules: ["{}"]))
    #expect(try #require(scene.policy("istio-system/p")).scope == .global)
    #expect(try scene.concerned() == Self.everyone)
  }

  @Test func nothingThatAllowsOpensItAgain() throws {
    let scene = try WorldScene(policies: Self.broken, PolicyYAML.policy("shop/a", "ALLOW", rules: ["{}"]))
    #expect(try scene.allowed() == [])
  }

  @Test func whatAuditsOrIsADryRunClosesTooWhenItCannotBeRead() throws {
    for policy in [
      PolicyYAML.policy("shop/p", "AUDIT", rules: ["{form: []}"]),
      PolicyYAML.policy("shop/p", "DENY", rules: ["{form: []}"], annotations: "{istio.io/dry-run: \"true\"}"),
    ] {
      #expect(try WorldScene(policies: policy).allowed() == [])
    }
  }

  @Test func theLastVersionThatCouldBeReadStays() throws {
    var scene = try WorldScene(policies: "")
    try scene.load(Self.good, file: "p.yaml")
    let last = try #require(scene.policy("shop/p"))
    let allowed = try scene.allowed()
    #expect(allowed == AuthorizationScene.names.filter { !$0.hasSuffix("9") })
    for _ in 0..<2 {
      try scene.load(Self.broken, file: "p.yaml")
      #expect(scene.problems.map(\.code) == ["unknown-field"] && scene.policy("shop/p") === last)
      #expect(try scene.allowed() == allowed)
    }
    // Others in the same file are what they are now.
    try scene.load(Self.broken + PolicyYAML.policy("shop/q", "DENY", rules: ["{}"]), file: "p.yaml")
    #expect(scene.policyKeys == ["shop/p", "shop/q"])
    #expect(try scene.allowed() == [])
    try scene.load(PolicyYAML.policy("shop/p", "DENY", rules: ["{}"]), file: "p.yaml")
    #expect(scene.problems.isEmpty && scene.policyKeys == ["shop/p"])
    #expect(try scene.concerned() == ["shop/web", "shop/db"])
    try scene.load(Self.broken, file: "p.yaml")
    #expect(try scene.concerned() == ["shop/web", "shop/db"])
    scene.remove(file: "p.yaml")
    #expect(scene.problems.isEmpty && scene.policyKeys.isEmpty)
  }

  /// What was there for a waypoint stays so: nothing was let in by it, and nothing is closed.
  @Test func theLastVersionStaysWhateverItWasFor() throws {
    var scene = try WorldScene(policies: "")
    try scene.load(
      PolicyYAML.policy("shop/p", "DENY", rules: ["{}"], ("targetRef", "{kind: Service, name: a}")), file: "p.yaml")
    try scene.load(Self.broken, file: "p.yaml")
    #expect(scene.policyKeys.isEmpty && scene.acceptance.map(\.reason) == ["NotForConnections"])
  }

  @Test func whatIsMendedSaysWhatItWasMeantToSay() throws {
    var scene = try WorldScene(policies: "")
    try scene.load(Self.broken, file: "p.yaml")
    #expect(try scene.allowed() == [])
    #expect(try !scene.touched.isEmpty && scene.touched.reaches(#require(scene.workload("shop/db"))))
    try scene.load(Self.good, file: "p.yaml")
    #expect(try scene.allowed() == AuthorizationScene.names.filter { !$0.hasSuffix("9") })
    #expect(try scene.concerned() == [] && scene.acceptance.map(\.reason) == ["Accepted"])
  }

  /// Removed and written anew, nothing is known of what it once was.
  @Test func afterARemovalThereIsNoLastVersion() throws {
    var scene = try WorldScene(policies: "")
    try scene.load(Self.good, file: "p.yaml")
    scene.remove(file: "p.yaml")
    try scene.load(Self.broken, file: "p.yaml")
    #expect(try scene.allowed() == [])
  }

  @Test func inAListItClosesToo() throws {
    let text = """
      ---
      apiVersion: v1
      kind: List
      items:
      - apiVersion: security.istio.io/v1beta1
        kind: AuthorizationPolicy
        metadata: {name: p, namespace: shop}
        spec: {rules: [{form: []}]}
      """
    #expect(try WorldScene(policies: text).allowed() == [])
  }
}
