// SPDX-License-Identifier: Apache-2.0
// What the fields of a rule become, and which connections they take: each with its negation, each kind of pattern, each key.
//
// Every row is tried as DENY, as ALLOW and as AUDIT: all three must hear the same.

import Format
import Testing

@testable import Mesh
@testable import World

private typealias Match = Policy.Match
private typealias Account = Policy.ServiceAccount

private func block(_ text: String) -> AddressBlock {
  guard let block = AddressBlock(text) else { preconditionFailure("\(text) is no block") }
  return block
}

@Suite struct AuthorizationFieldTests {
  struct Case: Sendable, CustomTestStringConvertible {
    let rule: String
    let clauses: [[Policy.Match]]
    let matching: [String]
    var testDescription: String { rule }

    init(_ rule: String, _ clauses: [[Policy.Match]], _ matching: [String]) {
      (self.rule, self.clauses, self.matching) = (rule, clauses, matching)
    }
  }

  /// A field of a source, and one match.
  private static func source(_ fields: String, _ match: Policy.Match, _ matching: [String]) -> Case {
    Case("{from: [{source: {\(fields)}}]}", [[match]], matching)
  }

  /// A field of an operation, and one match.
  private static func operation(_ fields: String, _ match: Policy.Match, _ matching: [String]) -> Case {
    Case("{to: [{operation: {\(fields)}}]}", [[match]], matching)
  }

  /// A condition, and one match.
  private static func when(_ fields: String, _ match: Policy.Match, _ matching: [String]) -> Case {
    Case("{when: [{\(fields)}]}", [[match]], matching)
  }

  private static func but(_ names: [String]) -> [String] {
    AuthorizationScene.names.filter { !names.contains($0) }
  }

  private static let all = AuthorizationScene.names
  private static let identified = AuthorizationScene.withIdentity
  private static let plain = but(identified)
  private static let carts = ["cart", "cart9"]
  private static let guests = ["guest", "guest9", "guest6"]
  private static let cart = "cluster.local/ns/shop/sa/cart"
  private static let v6 = ["guest6", "plain6"]
  private static let nines = ["cart9", "guest9", "plain9"]

  static let principals: [Case] = [
    source("principals: [\(cart)]", Match(principals: .init([.exact(cart)])), carts),
    source("notPrincipals: [\(cart)]", Match(principals: .init(not: [.exact(cart)])), but(carts)),
    source("principals: [\"*\"]", Match(principals: .init([.presence])), identified),
    source("notPrincipals: [\"*\"]", Match(principals: .init(not: [.presence])), plain),
    source("principals: [\"*/sa/guest\"]", Match(principals: .init([.suffix("/sa/guest")])), guests + ["foreign"]),
    source("notPrincipals: [\"*/sa/guest\"]", Match(principals: .init(not: [.suffix("/sa/guest")])), carts + plain),
    source(
      "principals: [cluster.local/ns/away/*]", Match(principals: .init([.prefix("cluster.local/ns/away/")])), guests),
    source("principals: [\"**\"]", Match(principals: .init([.suffix("*")])), []),
    source("principals: [cluster.local/*/sa/cart]", Match(principals: .init([.exact("cluster.local/*/sa/cart")])), []),
    source("principals: [shop/cart]", Match(principals: .init([.exact("shop/cart")])), []),
    source(
      "principals: [\(cart), \"example.org/*\"]",
      Match(principals: .init([.exact(cart), .prefix("example.org/")])), carts + ["foreign"]),
    source(
      "principals: [\"*\"], notPrincipals: [\"*/sa/guest\", \"x\"]",
      Match(principals: .init([.presence], not: [.suffix("/sa/guest"), .exact("x")])), carts),
  ]

  static let namespaces: [Case] = [
    source("namespaces: [shop]", Match(namespaces: .init([.exact("shop")])), carts),
    source("notNamespaces: [shop]", Match(namespaces: .init(not: [.exact("shop")])), but(carts)),
    source("namespaces: [\"*\"]", Match(namespaces: .init([.presence])), identified),
    source("notNamespaces: [\"*\"]", Match(namespaces: .init(not: [.presence])), plain),
    source("namespaces: [sh*]", Match(namespaces: .init([.prefix("sh")])), carts),
    source("notNamespaces: [\"*way\"]", Match(namespaces: .init(not: [.suffix("way")])), carts + plain),
    source(
      "namespaces: [\"*\"], notNamespaces: [shop]", Match(namespaces: .init([.presence], not: [.exact("shop")])),
      guests + ["foreign"]),
    source("namespaces: [SHOP]", Match(namespaces: .init([.exact("SHOP")])), []),
  ]

  static let accounts: [Case] = [
    source("serviceAccounts: [shop/cart]", Match(accounts: .init([Account(namespace: "shop", name: "cart")])), carts),
    source("serviceAccounts: [cart]", Match(accounts: .init([Account(namespace: "shop", name: "cart")])), carts),
    source("serviceAccounts: [guest]", Match(accounts: .init([Account(namespace: "shop", name: "guest")])), []),
    // An account is one of its namespace in any trust domain.
    source(
      "serviceAccounts: [away/guest]", Match(accounts: .init([Account(namespace: "away", name: "guest")])),
      guests + ["foreign"]),
    source(
      "notServiceAccounts: [away/guest]", Match(accounts: .init(not: [Account(namespace: "away", name: "guest")])),
      carts + plain),
    source(
      "notServiceAccounts: [cart, guest]",
      Match(
        accounts: .init(not: [Account(namespace: "shop", name: "cart"), Account(namespace: "shop", name: "guest")])),
      but(carts)),
  ]

  static let places: [Case] = [
    source("ipBlocks: [10.0.0.2]", Match(sources: .init([block("10.0.0.2/32")])), carts),
    source(
      "ipBlocks: [10.0.1.99/24]", Match(sources: .init([block("10.0.1.0/24")])),
      ["guest", "guest9", "foreign", "plain", "plain9"]),
    source("notIpBlocks: [10.0.1.0/24]", Match(sources: .init(not: [block("10.0.1.0/24")])), carts + v6),
    source("ipBlocks: [0.0.0.0/0]", Match(sources: .init([block("0.0.0.0/0")])), but(v6)),
    source("ipBlocks: [\"::/0\"]", Match(sources: .init([block("::/0")])), v6),
    source(
      "ipBlocks: [\"fd00:1::3\", 10.0.0.2/32]", Match(sources: .init([block("fd00:1::3"), block("10.0.0.2")])),
      carts + v6),
    source(
      "ipBlocks: [10.0.0.0/8], notIpBlocks: [10.0.1.3]",
      Match(sources: .init([block("10.0.0.0/8")], not: [block("10.0.1.3")])), carts),
    operation("ports: [\"8080\"]", Match(ports: .init([8080])), but(nines)),
    operation("notPorts: [\"8080\"]", Match(ports: .init(not: [8080])), nines),
    operation("ports: [\"1\", \"65535\", \"9090\"]", Match(ports: .init([1, 65535, 9090])), nines),
    operation(
      "ports: [\"8080\", \"9090\"], notPorts: [\"9090\"]", Match(ports: .init([8080, 9090], not: [9090])),
      but(nines)),
  ]

  static let keys: [Case] = [
    when("key: source.ip, values: [10.0.0.0/24]", Match(sources: .init([block("10.0.0.0/24")])), carts),
    when("key: source.ip, notValues: [10.0.0.0/24]", Match(sources: .init(not: [block("10.0.0.0/24")])), but(carts)),
    when(
      "key: source.ip, values: [10.0.0.0/8], notValues: [10.0.0.2]",
      Match(sources: .init([block("10.0.0.0/8")], not: [block("10.0.0.2")])), but(carts + v6)),
    when("key: source.namespace, values: [aw*]", Match(namespaces: .init([.prefix("aw")])), guests + ["foreign"]),
    when("key: source.namespace, notValues: [\"*\"]", Match(namespaces: .init(not: [.presence])), plain),
    when(
      "key: source.namespace, values: [\"*\"], notValues: [shop]",
      Match(namespaces: .init([.presence], not: [.exact("shop")])), guests + ["foreign"]),
    when("key: source.principal, values: [\(cart)]", Match(principals: .init([.exact(cart)])), carts),
    when(
      "key: source.principal, notValues: [\(cart), \"example*\"]",
      Match(principals: .init(not: [.exact(cart), .prefix("example")])), guests + plain),
    when(
      "key: source.principal, values: [\"*\"], notValues: [\"*guest\"]",
      Match(principals: .init([.presence], not: [.suffix("guest")])), carts),
    when(
      "key: source.serviceAccount, values: [cart]",
      Match(accounts: .init([Account(namespace: "shop", name: "cart")])), carts),
    when(
      "key: source.serviceAccount, notValues: [away/guest]",
      Match(accounts: .init(not: [Account(namespace: "away", name: "guest")])), carts + plain),
    when(
      "key: source.serviceAccount, values: [cart, away/guest], notValues: [cart]",
      Match(
        accounts: .init(
          [Account(namespace: "shop", name: "cart"), Account(namespace: "away", name: "guest")],
          not: [Account(namespace: "shop", name: "cart")])), guests + ["foreign"]),
    when("key: destination.ip, values: [10.0.0.1]", Match(destinations: .init([block("10.0.0.1")])), but(v6)),
    when("key: destination.ip, notValues: [10.0.0.0/8]", Match(destinations: .init(not: [block("10.0.0.0/8")])), v6),
    when(
      "key: destination.ip, values: [\"::/0\"], notValues: [\"fd00::1\"]",
      Match(destinations: .init([block("::/0")], not: [block("fd00::1")])), []),
    when("key: destination.port, values: [\"9090\"]", Match(ports: .init([9090])), nines),
    when("key: destination.port, notValues: [\"9090\", \"1\"]", Match(ports: .init(not: [9090, 1])), but(nines)),
    when(
      "key: destination.port, values: [\"8080\", \"9090\"], notValues: [\"8080\"]",
      Match(ports: .init([8080, 9090], not: [8080])), nines),
  ]

  static let joins: [Case] = [
    Case("{}", [], all),
    source(
      "namespaces: [away], ipBlocks: [\"fd00:1::/64\"], notPrincipals: [example.org/*]",
      Match(
        namespaces: .init([.exact("away")]), principals: .init(not: [.prefix("example.org/")]),
        sources: .init([block("fd00:1::/64")])), ["guest6"]),
    Case(
      "{from: [{source: {namespaces: [shop]}}, {source: {ipBlocks: [\"::/0\"]}}]}",
      [[Match(namespaces: .init([.exact("shop")])), Match(sources: .init([block("::/0")]))]], carts + v6),
    Case(
      "{to: [{operation: {ports: [\"1\"]}}, {operation: {notPorts: [\"8080\"]}}]}",
      [[Match(ports: .init([1])), Match(ports: .init(not: [8080]))]], nines),
    Case(
      "{from: [{source: {namespaces: [shop]}}], to: [{operation: {ports: [\"9090\"]}}]}",
      [[Match(ports: .init([9090]))], [Match(namespaces: .init([.exact("shop")]))]], ["cart9"]),
    Case(
      "{when: [{key: source.namespace, values: [away]}, {key: destination.port, values: [\"9090\"]}]}",
      [[Match(namespaces: .init([.exact("away")]))], [Match(ports: .init([9090]))]], ["guest9"]),
    Case(
      """
      {when: [{key: source.ip, values: [10.0.0.0/8]}], to: [{operation: {ports: ["8080"]}}], \
      from: [{source: {namespaces: [away]}}, {source: {notPrincipals: ["*"]}}]}
      """,
      [
        [Match(ports: .init([8080]))],
        [Match(namespaces: .init([.exact("away")])), Match(principals: .init(not: [.presence]))],
        [Match(sources: .init([block("10.0.0.0/8")]))],
      ], ["guest", "foreign", "plain"]),
    // The same key twice: both have to hold.
    Case(
      "{when: [{key: source.ip, values: [10.0.0.0/8]}, {key: source.ip, values: [10.0.1.0/24]}]}",
      [[Match(sources: .init([block("10.0.0.0/8")]))], [Match(sources: .init([block("10.0.1.0/24")]))]],
      ["guest", "guest9", "foreign", "plain", "plain9"]),
    // Nothing is what a null says.
    Case("{from: null, when: null, to: [{operation: {ports: [\"9090\"]}}]}", [[Match(ports: .init([9090]))]], nines),
  ]

  static let cases = principals + namespaces + accounts + places + keys + joins

  @Test(arguments: cases)
  func oneRule(_ c: Case) throws {
    // The rule stands after one that matches nobody, so that it has a number of its own.
    let rules = ["{to: [{operation: {ports: [\"7\"]}}]}", c.rule]
    let converted = [
      Policy.Rule([Policy.Clause([Match(ports: .init([7]))])]), Policy.Rule(c.clauses.map { Policy.Clause($0) }),
    ]
    for action in ["DENY", "ALLOW", "AUDIT"] {
      let scene = try WorldScene(policies: PolicyYAML.policy("shop/p", action, rules: rules))
      #expect(scene.problems.isEmpty)
      let policy = try #require(scene.policy("shop/p"))
      #expect(policy.rules == converted && "\(policy.action)" == action.lowercased())
      #expect(scene.acceptance == [Condition("ZtunnelAccepted", true, "Accepted")])
      for (name, verdict) in try scene.verdicts() {
        let isMatch = c.matching.contains(name)
        #expect(verdict == expected(policy, isMatch ? 1 : nil), "\(action), \(name)")
      }
    }
    #expect(c.matching.allSatisfy(Self.all.contains))
  }

  /// What a policy says alone.
  private func expected(_ policy: Policy, _ rule: Int?) -> Verdict {
    let hit = rule.map { Verdict.Hit(policy: policy, rule: $0) }
    return switch policy.action {
    case .deny: Verdict(refusal: hit == nil ? nil : .denied, hit: hit)
    case .allow: Verdict(refusal: hit == nil ? .notAllowed : nil, hit: hit)
    case .audit: Verdict(remarks: hit.map { [.audited($0)] } ?? [])
    }
  }
}

extension AuthorizationFieldTests {
  @Test func noRulesMatchNobody() throws {
    for rules in [nil, []] as [[String]?] {
      for (action, allowed) in [("DENY", Self.all), ("ALLOW", []), ("AUDIT", Self.all)] {
        let scene = try WorldScene(policies: PolicyYAML.policy("shop/p", action, rules: rules))
        #expect(try scene.rules().isEmpty && scene.allowed() == allowed)
      }
    }
  }

  @Test func withoutAnActionItAllows() throws {
    for action in [nil, "null"] as [String?] {
      let scene = try WorldScene(policies: PolicyYAML.policy("shop/p", action, rules: [principal]))
      #expect(try #require(scene.policy("shop/p")).action == .allow)
      #expect(try scene.allowed() == Self.carts)
    }
  }

  private var principal: String { "{from: [{source: {principals: [\(Self.cart)]}}]}" }

  @Test func rulesAreAlternativesAndTheFirstIsNamed() throws {
    let rules = [
      "{from: [{source: {namespaces: [shop]}}]}", "{to: [{operation: {ports: [\"9090\"]}}]}",
      "{from: [{source: {notNamespaces: [\"*\"]}}]}",
    ]
    let scene = try WorldScene(policies: PolicyYAML.policy("shop/p", "DENY", rules: rules))
    let hits = try scene.verdicts().map { "\($0.name) \($0.verdict.hit.map { String($0.rule) } ?? "-")" }
    #expect(
      hits == [
        "cart 0", "cart9 0", "guest -", "guest9 1", "guest6 -", "foreign -", "plain 2", "plain9 1", "plain6 2",
      ])
  }

  @Test func severalPoliciesTogether() throws {
    let scene = try WorldScene(
      policies: PolicyYAML.policy("shop/a", "ALLOW", rules: ["{from: [{source: {namespaces: [shop]}}]}"]),
      PolicyYAML.policy("shop/b", "ALLOW", rules: ["{from: [{source: {serviceAccounts: [away/guest]}}]}"]),
      PolicyYAML.policy("shop/c", "DENY", rules: ["{to: [{operation: {ports: [\"9090\"]}}]}"]),
      PolicyYAML.policy("shop/d", "AUDIT", rules: ["{}"]))
    #expect(try scene.allowed() == ["cart", "guest", "guest6", "foreign"])
    #expect(try scene.verdicts().allSatisfy { $0.verdict.remarks.count == 1 })
  }

  /// The account's namespace is that of the policy, wherever its workloads are.
  @Test func accountsWithoutANamespaceAreOfThePolicysOwn() throws {
    let rule = "{from: [{source: {serviceAccounts: [cart]}}], when: [{key: source.serviceAccount, notValues: [guest]}]}"
    let scene = try WorldScene(
      policies: PolicyYAML.policy("istio-system/p", selector: AuthorizationScene.web, rules: [rule]))
    #expect(
      try #require(scene.policy("istio-system/p")).rules == [
        Policy.Rule([
          Policy.Clause([Match(accounts: .init([Account(namespace: "istio-system", name: "cart")]))]),
          Policy.Clause([Match(accounts: .init(not: [Account(namespace: "istio-system", name: "guest")]))]),
        ])
      ])
    #expect(try scene.allowed() == [])
  }
}
