// SPDX-License-Identifier: Apache-2.0
// What only an HTTP proxy could judge, and what connections make of it: never more is let in than was asked for.
//
//   ALLOW, AUDIT   the rule is left out; when all of them are, nothing is allowed
//   DENY           the condition is left out; an entry or a clause of nothing else takes everything

import Format
import Testing

@testable import Mesh
@testable import World

private typealias Match = Policy.Match

@Suite struct AuthorizationRequestTests {
  /// A condition that connections know nothing of, in a rule, and beside one that they know, in the same entry.
  struct Field: Sendable, CustomTestStringConvertible {
    let name: String
    let list: String
    let entry: String
    let value: String
    var testDescription: String { name }

    /// `{from: [{source: {…}}]}`, or of `to` and `operation`.
    func rule(_ fields: String...) -> String {
      "{\(list): [\(fields.map { "{\(entry): {\($0)}}" }.joined(separator: ", "))]}"
    }

    var alone: String { "\(name): [\(value)]" }
    /// A field of the same entry that a connection can be judged by.
    var known: String { list == "from" ? "namespaces: [away]" : "ports: [\"9090\"]" }
    var knownMatch: Policy.Match {
      list == "from" ? Policy.Match(namespaces: .init([.exact("away")])) : Policy.Match(ports: .init([9090]))
    }
    var knownNames: [String] {
      list == "from" ? ["guest", "guest9", "guest6", "foreign"] : ["cart9", "guest9", "plain9"]
    }
  }

  static let fields =
    [("hosts", "example.org"), ("methods", "GET"), ("paths", "/admin*")].flatMap { name, value in
      [name, negated(name)].map { Field(name: $0, list: "to", entry: "operation", value: value) }
    }
    + [("remoteIpBlocks", "192.0.2.0/24"), ("requestPrincipals", "\"*\"")].flatMap { name, value in
      [name, negated(name)].map { Field(name: $0, list: "from", entry: "source", value: value) }
    }

  private static func negated(_ name: String) -> String { "not" + name.prefix(1).uppercased() + name.dropFirst() }

  static let keys = [
    ("remote.ip", "192.0.2.0/24"), ("request.auth.principal", "a"), ("request.auth.audiences", "a"),
    ("request.auth.presenter", "a"), ("request.auth.claims[iss]", "a"), ("request.headers[x-a]", "a"),
    ("connection.sni", "a"), ("experimental.envoy.filters.network.mysql_proxy[a]", "a"),
  ]
  static let conditions = keys.flatMap { key, value in
    ["values: [\(value)]", "notValues: [\(value)]", "values: [\(value)], notValues: [\(value)]"].map {
      (key, "{when: [{key: \"\(key)\", \($0)}]}")
    }
  }

  private static let everything = Policy.Clause([])
  private static let cart = "{from: [{source: {namespaces: [shop]}}]}"
  private static let cartRule = Policy.Rule([Policy.Clause([Match(namespaces: .init([.exact("shop")]))])])

  private func accepted(_ fields: [String], _ effect: String) -> [Condition] {
    let listed = fields.map { "`\($0)`" }.joined(separator: " or ")
    return [Condition("ZtunnelAccepted", true, "UnsupportedValue", "connections know nothing of \(listed): \(effect)")]
  }

  private let more = "these conditions are left out, so more is denied than was asked for"
  private let less = "rules with them are left out, so less is allowed than was asked for"
  private let lessAudited = "rules with them are left out, so less is audited than was asked for"

  private func scene(_ action: String, _ rules: String...) throws -> WorldScene {
    let scene = try WorldScene(policies: PolicyYAML.policy("shop/p", action, rules: rules))
    #expect(scene.problems.isEmpty)
    return scene
  }

  @Test func theTablesAreWhole() {
    #expect(Self.fields.count == 10 && Self.conditions.count == 24)
    #expect(
      Self.fields.map(\.name).sorted().joined(separator: " ") == """
        hosts methods notHosts notMethods notPaths notRemoteIpBlocks notRequestPrincipals paths remoteIpBlocks \
        requestPrincipals
        """)
  }

  // MARK: ALLOW

  @Test(
    arguments: fields.flatMap { [($0.name, $0.rule($0.alone)), ($0.name, $0.rule("\($0.alone), \($0.known)"))] }
      + conditions)
  func allowLeavesTheRuleOut(field: String, rule: String) throws {
    let alone = try scene("ALLOW", rule)
    #expect(try alone.rules().isEmpty)
    #expect(try alone.verdicts().allSatisfy { $0.verdict == Verdict(refusal: .notAllowed) })
    #expect(alone.acceptance == accepted([field], less))
    for scene in try [scene("ALLOW", rule, Self.cart), scene("ALLOW", Self.cart, rule)] {
      #expect(try scene.rules() == [Self.cartRule] && scene.allowed() == ["cart", "cart9"])
      #expect(scene.acceptance == accepted([field], less))
    }
  }

  @Test(arguments: fields)
  func allowLeavesTheRuleOutForOneEntryOfSeveral(_ field: Field) throws {
    for rule in [field.rule(field.alone, field.known), field.rule(field.known, field.alone)] {
      let scene = try scene("ALLOW", rule)
      #expect(try scene.rules().isEmpty && scene.allowed().isEmpty)
    }
  }

  // MARK: DENY

  @Test(arguments: fields)
  func denyOfAnEntryOfNothingElseTakesEverything(_ field: Field) throws {
    for rule in [
      field.rule(field.alone), field.rule(field.alone, field.known), field.rule(field.known, field.alone),
    ] {
      let scene = try scene("DENY", rule)
      #expect(try scene.rules() == [Policy.Rule([Self.everything])])
      #expect(try scene.verdicts().allSatisfy { $0.verdict.refusal == .denied && $0.verdict.hit?.rule == 0 })
      #expect(scene.acceptance == accepted([field.name], more))
    }
  }

  @Test(arguments: fields)
  func denyKeepsWhatConnectionsKnowInTheSameEntry(_ field: Field) throws {
    for fields in ["\(field.alone), \(field.known)", "\(field.known), \(field.alone)"] {
      let scene = try scene("DENY", field.rule(fields))
      #expect(try scene.rules() == [Policy.Rule([Policy.Clause([field.knownMatch])])])
      #expect(try scene.allowed() == AuthorizationScene.names.filter { !field.knownNames.contains($0) })
      #expect(scene.acceptance == accepted([field.name], more))
    }
  }

  /// `from` a namespace, with the method DELETE: that nobody can tell the method must not let the namespace in.
  @Test(arguments: fields)
  func denyKeepsTheOtherClauses(_ field: Field) throws {
    let inner = field.rule(field.alone).dropFirst().dropLast()
    let other =
      field.list == "to" ? "from: [{source: {namespaces: [shop]}}]" : "when: [{key: source.namespace, values: [shop]}]"
    let scene = try scene("DENY", "{\(other), \(inner)}")
    #expect(try scene.rules() == [Policy.Rule([Self.everything] + Self.cartRule.clauses)])
    #expect(try scene.allowed() == AuthorizationScene.names.filter { !$0.hasPrefix("cart") })
  }

  @Test(arguments: conditions)
  func denyLeavesAConditionOut(key: String, rule: String) throws {
    let alone = try scene("DENY", rule)
    #expect(try alone.rules() == [Policy.Rule([])] && alone.allowed().isEmpty)
    #expect(alone.acceptance == accepted([key], more))
    let when = rule.dropLast(2)
    let joined = try scene("DENY", "\(when), {key: source.namespace, values: [shop]}]}")
    #expect(try joined.rules() == [Self.cartRule])
    #expect(try joined.allowed() == AuthorizationScene.names.filter { !$0.hasPrefix("cart") })
    #expect(joined.acceptance == accepted([key], more))
  }

  @Test func denyLeavesOtherRulesAlone() throws {
    let scene = try scene("DENY", Self.cart, "{to: [{operation: {methods: [GET], ports: [\"9090\"]}}]}")
    #expect(try scene.rules() == [Self.cartRule, Policy.Rule([Policy.Clause([Match(ports: .init([9090]))])])])
    #expect(try scene.allowed() == ["guest", "guest6", "foreign", "plain", "plain6"])
  }

  // MARK: AUDIT

  @Test(
    arguments: fields.flatMap { [($0.name, $0.rule($0.alone)), ($0.name, $0.rule("\($0.alone), \($0.known)"))] }
      + conditions)
  func auditLeavesTheRuleOut(field: String, rule: String) throws {
    let scene = try scene("AUDIT", rule, Self.cart)
    #expect(try scene.rules() == [Self.cartRule] && scene.allowed() == AuthorizationScene.names)
    for (name, verdict) in try scene.verdicts() { #expect(verdict.remarks.isEmpty == !name.hasPrefix("cart")) }
    #expect(scene.acceptance == accepted([field], lessAudited))
  }

  // MARK: What the author is told

  @Test func everyFieldIsTold() throws {
    let rules = [
      "{to: [{operation: {paths: [/a], methods: [GET]}}], when: [{key: \"request.headers[a]\", values: [b]}]}",
      "{to: [{operation: {methods: [PUT]}}]}",
    ]
    let scene = try WorldScene(policies: PolicyYAML.policy("shop/p", "ALLOW", rules: rules))
    let text = "connections know nothing of `methods`, `paths` or `request.headers[a]`: \(less)"
    #expect(scene.acceptance == [Condition("ZtunnelAccepted", true, "UnsupportedValue", text)])
    let findings = scene.findings.filter { $0.code == "request-rule" }
    #expect(
      findings.map(\.path) == [
        "spec.rules[0].to[0].operation.methods", "spec.rules[0].to[0].operation.paths", "spec.rules[0].when[0].values",
        "spec.rules[1].to[0].operation.methods",
      ])
  }

  /// A dry run of a rule that cannot be judged is one of what would be done, not of what was asked for.
  @Test func dryRunsAreWidenedToo() throws {
    let scene = try WorldScene(
      policies: PolicyYAML.policy(
        "shop/p", "DENY", rules: ["{to: [{operation: {methods: [GET]}}]}"], annotations: "{istio.io/dry-run: \"true\"}")
    )
    #expect(try scene.allowed() == AuthorizationScene.names)
    #expect(try scene.verdicts().allSatisfy { $0.verdict.remarks.count == 1 })
  }
}
