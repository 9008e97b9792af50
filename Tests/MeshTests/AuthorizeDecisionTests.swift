// SPDX-License-Identifier: Apache-2.0
// From policies that match to a verdict: which of them are heard, in what order, and what is said besides.

import Format
import Testing

@testable import Mesh

/// The order of the decision. Dry-run and audit policies have their say and no vote.
@Suite struct AuthorizeDecisionTests {
  /// What the world holds of one kind of policy.
  enum Presence: CaseIterable { case absent, misses, hits }

  struct Case: Sendable, CustomTestStringConvertible {
    let deny: Presence
    let allow: Presence
    let isUnknown: Bool
    let verdict: String
    var testDescription: String { "deny \(deny), allow \(allow)\(isUnknown ? ", unknown" : "")" }

    init(deny: Presence, allow: Presence, unknown isUnknown: Bool = false, _ verdict: String) {
      (self.deny, self.allow, self.isUnknown, self.verdict) = (deny, allow, isUnknown, verdict)
    }
  }

  static let cases = [
    Case(deny: .absent, allow: .absent, "allowed - - -"),
    Case(deny: .absent, allow: .misses, "not_allowed - - -"),
    Case(deny: .absent, allow: .hits, "allowed shop/allow 1 -"),
    Case(deny: .misses, allow: .absent, "allowed - - -"),
    Case(deny: .misses, allow: .misses, "not_allowed - - -"),
    Case(deny: .misses, allow: .hits, "allowed shop/allow 1 -"),
    Case(deny: .hits, allow: .absent, "denied shop/deny 1 -"),
    Case(deny: .hits, allow: .misses, "denied shop/deny 1 -"),
    Case(deny: .hits, allow: .hits, "denied shop/deny 1 -"),
    Case(deny: .absent, allow: .absent, unknown: true, "unknown_policy - - shop/unknown"),
    Case(deny: .absent, allow: .misses, unknown: true, "unknown_policy - - shop/unknown"),
    Case(deny: .absent, allow: .hits, unknown: true, "unknown_policy - - shop/unknown"),
    Case(deny: .misses, allow: .absent, unknown: true, "unknown_policy - - shop/unknown"),
    Case(deny: .misses, allow: .misses, unknown: true, "unknown_policy - - shop/unknown"),
    Case(deny: .misses, allow: .hits, unknown: true, "unknown_policy - - shop/unknown"),
    Case(deny: .hits, allow: .absent, unknown: true, "denied shop/deny 1 shop/unknown"),
    Case(deny: .hits, allow: .misses, unknown: true, "denied shop/deny 1 shop/unknown"),
    Case(deny: .hits, allow: .hits, unknown: true, "denied shop/deny 1 shop/unknown"),
  ]

  /// At most one policy, whose second rule is the one that matches.
  private static func policies(
    _ key: String, _ action: Policy.Action, _ presence: Presence, isDryRun: Bool = false
  ) -> [Policy] {
    let rules = PolicyScene.never + (presence == .hits ? PolicyScene.always : PolicyScene.never)
    return presence == .absent ? [] : [PolicyScene.policy(key, action, isDryRun: isDryRun, rules: rules)]
  }

  private static func scene(_ c: Case) -> PolicyScene {
    PolicyScene(
      listed: c.isUnknown ? ["shop/unknown"] : [],
      policies: policies("shop/allow", .allow, c.allow) + policies("shop/deny", .deny, c.deny))
  }

  @Test(arguments: cases)
  func denyThenUnknownThenAllow(_ c: Case) {
    #expect(Self.scene(c).judge(PolicyScene.plain).line == c.verdict)
  }

  /// Every row above with every world of dry-run policies: the verdict stays, and each remark is made when it is due.
  @Test(arguments: cases)
  func dryRunNeverChangesTheOutcome(_ c: Case) {
    let enforced = Self.scene(c)
    for dryDeny in Presence.allCases {
      for dryAllow in Presence.allCases {
        var scene = enforced
        scene.policies += Self.policies("shop/a-dry-deny", .deny, dryDeny, isDryRun: true)
        scene.policies += Self.policies("shop/z-dry-allow", .allow, dryAllow, isDryRun: true)
        var remarks: [String] = []
        if dryAllow == .hits { remarks.append("would_allow:shop/z-dry-allow:1") }
        if dryDeny == .hits { remarks.append("would_deny:shop/a-dry-deny:1") }
        // Where a policy allows in earnest, one more of them takes nothing away.
        if dryAllow == .misses, c.allow == .absent { remarks.append("would_not_allow") }
        let line = ([c.verdict] + remarks).joined(separator: " ")
        #expect(scene.judge(PolicyScene.plain).line == line, "dry deny \(dryDeny), dry allow \(dryAllow)")
      }
    }
  }

  @Test(arguments: cases)
  func auditNeverChangesTheOutcome(_ c: Case) {
    var scene = Self.scene(c)
    scene.policies += Self.policies("shop/audit", .audit, .hits)
    scene.policies += Self.policies("shop/audit-dry", .audit, .hits, isDryRun: true)
    scene.policies += Self.policies("shop/audit-not", .audit, .misses)
    #expect(
      scene.judge(PolicyScene.plain).line == c.verdict + " audited:shop/audit-dry:1 audited:shop/audit:1")
  }

  @Test func everyDryRunPolicyIsHeardAlthoughOneHasSpoken() {
    let verdict = PolicyScene(policies: [
      PolicyScene.policy("shop/a", .deny, isDryRun: true), PolicyScene.policy("shop/b", .deny, isDryRun: true),
      PolicyScene.policy("shop/c", .deny), PolicyScene.policy("shop/d", .allow, isDryRun: true),
      PolicyScene.policy("shop/e", .allow, isDryRun: true),
      PolicyScene.policy("shop/f", .allow, isDryRun: true, rules: PolicyScene.never),
    ]).judge(PolicyScene.plain)
    #expect(
      verdict.line
        == "denied shop/c 0 - would_allow:shop/d:0 would_allow:shop/e:0 would_deny:shop/a:0 would_deny:shop/b:0")
  }

  /// The order of deny and allow, with connections that differ.
  @Test(
    arguments: [
      ("spiffe://td/ns/good/sa/x", "allowed shop/allow 0 -"), ("spiffe://td/ns/bad/sa/x", "denied shop/deny 0 -"),
      ("spiffe://td/ns/other/sa/x", "not_allowed - - -"), ("spiffe://td/ns/both/sa/x", "denied shop/deny 0 -"),
      (nil, "not_allowed - - -"),
    ] as [(String?, String)])
  func whoIsDeniedAndWhoIsAllowed(identity: String?, verdict: String) {
    func namespaces(_ names: String...) -> [Policy.Rule] {
      PolicyScene.rules([[[Policy.Match(namespaces: Policy.Field(names.map { .exact($0) }))]]])
    }
    let scene = PolicyScene(policies: [
      PolicyScene.policy("shop/allow", .allow, rules: namespaces("good", "both")),
      PolicyScene.policy("shop/deny", .deny, rules: namespaces("bad", "both")),
    ])
    #expect(scene.judge(PolicyScene.connection(identity)).line == verdict)
  }

  /// Of several that match, the mesh's come first, then the namespace's, then those listed; each group by key.
  @Test(arguments: [Policy.Action.allow, .deny])
  func theFirstPolicyIsNamed(_ action: Policy.Action) {
    // In the order in which they are to be heard, and given in another.
    var policies = [
      PolicyScene.policy("y/1", action, .global), PolicyScene.policy("z/1", action, .global),
      PolicyScene.policy("shop/b", action), PolicyScene.policy("shop/c", action),
      PolicyScene.policy("a/1", action, .workload), PolicyScene.policy("shop/a", action, .workload),
    ]
    let word = action == .allow ? "allowed" : "denied"
    while let first = policies.first {
      let scene = PolicyScene(
        listed: ["shop/a", "a/1"].filter { key in policies.contains { $0.key == key } }, policies: policies.reversed())
      #expect(scene.judge(PolicyScene.plain).line == "\(word) \(first.key) 0 -")
      policies.removeFirst()
    }
  }

  @Test func aHitIsThePolicyItself() {
    let policy = PolicyScene.policy("shop/p", .deny, rules: PolicyScene.never + PolicyScene.always + PolicyScene.always)
    let verdict = PolicyScene(policies: [policy]).judge(PolicyScene.plain)
    #expect(verdict.hit?.policy === policy)
    #expect(verdict.hit?.rule == 1)
    #expect(verdict.refusal == .denied)
    #expect(verdict.refusal?.status == 401)
    #expect(!verdict.isAllowed)
  }
}

/// Which policies concern a workload, each of them once.
@Suite struct AuthorizeScopeTests {
  struct Case: Sendable, CustomTestStringConvertible {
    let name: String
    let key: String
    let scope: Policy.Scope
    let listed: [String]
    let isHeard: Bool
    var testDescription: String { name }

    init(_ name: String, _ key: String, _ scope: Policy.Scope, listed: [String] = [], _ isHeard: Bool) {
      (self.name, self.key, self.scope, self.listed, self.isHeard) = (name, key, scope, listed, isHeard)
    }
  }

  @Test(arguments: [
    Case("one of the mesh", "root/p", .global, true),
    Case("one of the mesh that lives in the namespace", "shop/p", .global, true),
    Case("one of the mesh that is listed", "root/p", .global, listed: ["root/p"], true),
    Case("one of the mesh in the namespace that is listed", "shop/p", .global, listed: ["shop/p"], true),
    Case("one of the namespace", "shop/p", .namespace, true),
    Case("one of the namespace that is listed", "shop/p", .namespace, listed: ["shop/p"], true),
    Case("one of the namespace that is listed twice", "shop/p", .namespace, listed: ["shop/p", "shop/p"], true),
    Case("one of another namespace", "other/p", .namespace, false),
    Case("one of a namespace that starts alike", "shop2/p", .namespace, false),
    Case("one of a namespace in another case", "Shop/p", .namespace, false),
    // The scope says how a policy is found, not whom it may concern.
    Case("one of another namespace that is listed", "other/p", .namespace, listed: ["other/p"], true),
    Case("one of another namespace that is listed twice", "other/p", .namespace, listed: ["other/p", "other/p"], true),
    Case("one with a selector that is listed", "shop/p", .workload, listed: ["shop/p"], true),
    Case("one with a selector that is listed twice", "shop/p", .workload, listed: ["shop/p", "shop/p"], true),
    Case("one with a selector of another namespace that is listed", "root/p", .workload, listed: ["root/p"], true),
    Case("one with a selector that is not listed", "shop/p", .workload, false),
    Case("one with a selector of another namespace that is not listed", "other/p", .workload, false),
  ])
  func eachIsHeardOnce(_ c: Case) {
    // A dry-run policy says so each time it is heard.
    let policy = PolicyScene.policy(c.key, .deny, c.scope, isDryRun: true)
    let verdict = PolicyScene(listed: c.listed, policies: [policy]).judge(PolicyScene.plain)
    #expect(verdict.remarks == (c.isHeard ? [.wouldDeny(Verdict.Hit(policy: policy, rule: 0))] : []))
    #expect(verdict.unknownPolicies.isEmpty)
    #expect(verdict.isAllowed)
  }

  /// An ALLOW that does not concern the workload must not shut it either.
  @Test(arguments: [("other/p", Policy.Scope.namespace), ("shop/p", .workload)])
  func anAllowOfOthersLeavesTheDoorOpen(key: String, scope: Policy.Scope) {
    let policy = PolicyScene.policy(key, .allow, scope, rules: [])
    #expect(PolicyScene(policies: [policy]).judge(PolicyScene.plain).line == "allowed - - -")
  }

  @Test func theWorkloadThatIsAskedAboutDecides() {
    let (web, db) = (
      PolicyScene.workload("web", in: "shop", listing: ["shop/p"]), PolicyScene.workload("db", in: "shop")
    )
    let stranger = PolicyScene.workload("stranger", in: "shop", listing: ["shop/p"])
    let abroad = PolicyScene.workload("web", in: "other")
    var ledger = Ledger()
    _ = ledger.apply(
      [
        .policy(PolicyScene.policy("shop/p", .deny, .workload)), .policy(PolicyScene.policy("other/p", .deny)),
        .workload(web), .workload(db), .workload(abroad),
      ], from: .manifests)
    // All have the address the connection goes to; none of them is looked up by it, not even one that is not there.
    #expect(ledger.snapshot.authorize(PolicyScene.plain, to: web).line == "denied shop/p 0 -")
    #expect(ledger.snapshot.authorize(PolicyScene.plain, to: db).line == "allowed - - -")
    #expect(ledger.snapshot.authorize(PolicyScene.plain, to: stranger).line == "denied shop/p 0 -")
    #expect(ledger.snapshot.authorize(PolicyScene.plain, to: abroad).line == "denied other/p 0 -")
  }

  @Test func theNamespaceOfThePeerIsNotThatOfTheWorkload() {
    let policy = PolicyScene.policy("namespace/p", .deny)
    #expect(PolicyScene(policies: [policy]).judge(PolicyScene.tls).line == "allowed - - -")
  }

  /// The mesh's own policies must not be kept under a name that a namespace could have.
  @Test func theNamespaceWithoutANameIsNotTheMesh() {
    let own = Policy(namespace: "", name: "p", scope: .namespace, action: .deny, rules: PolicyScene.always)
    #expect(PolicyScene(policies: [own]).judge(PolicyScene.plain).isAllowed)
    let mesh = PolicyScene.policy("root/p", .deny, .global, isDryRun: true)
    let remarks = PolicyScene(namespace: "", policies: [mesh]).judge(PolicyScene.plain).remarks
    #expect(remarks == [.wouldDeny(Verdict.Hit(policy: mesh, rule: 0))])
  }

  /// Through every scope and back, while old snapshots stay what they were.
  @Test func aNewScopeTakesThePlaceOfTheOld() {
    let listing = PolicyScene.workload("listing", in: "shop", listing: ["shop/p"])
    let neighbour = PolicyScene.workload("neighbour", in: "shop")
    let abroad = PolicyScene.workload("abroad", in: "other")
    var ledger = Ledger()
    var snapshots: [(snapshot: Snapshot, heard: [Bool])] = []
    for scope in [Policy.Scope.global, .namespace, .workload, .global, .workload, .namespace, .global] {
      _ = ledger.apply([.policy(PolicyScene.policy("shop/p", .deny, scope))], from: .manifests)
      snapshots.append((ledger.snapshot, [true, scope != .workload, scope == .global]))
    }
    _ = ledger.apply([.removePolicy(key: "shop/p")], from: .manifests)
    for (snapshot, heard) in snapshots {
      let refusals = [listing, neighbour, abroad].map { snapshot.authorize(PolicyScene.plain, to: $0).refusal }
      #expect(refusals == heard.map { $0 ? .denied : nil })
    }
    let refusals = [listing, neighbour, abroad].map { ledger.snapshot.authorize(PolicyScene.plain, to: $0).refusal }
    #expect(refusals == [.unknownPolicy, nil, nil])
  }

  @Test func ofTwoSourcesTheBelievedOneIsHeard() {
    let workload = PolicyScene.workload("web", in: "shop", listing: ["shop/p"])
    var ledger = Ledger()
    _ = ledger.apply([.policy(PolicyScene.policy("shop/p", .deny, .global))], from: .controlPlane)
    #expect(ledger.snapshot.authorize(PolicyScene.plain, to: workload).line == "denied shop/p 0 -")
    _ = ledger.apply([.policy(PolicyScene.policy("shop/p", .allow, .workload))], from: .manifests)
    #expect(ledger.snapshot.authorize(PolicyScene.plain, to: workload).line == "allowed shop/p 0 -")
    _ = ledger.forget(.manifests)
    #expect(ledger.snapshot.authorize(PolicyScene.plain, to: workload).line == "denied shop/p 0 -")
    _ = ledger.forget(.controlPlane)
    #expect(ledger.snapshot.authorize(PolicyScene.plain, to: workload).line == "unknown_policy - - shop/p")
  }
}

/// A policy that selects the workload and has not come, or has gone: nobody knows what it forbids.
@Suite struct AuthorizeUnknownTests {
  struct Case: Sendable, CustomTestStringConvertible {
    let name: String
    let listed: [String]
    let policies: [Policy]
    let verdict: String
    var testDescription: String { name }

    init(_ name: String, listed: [String], known policies: [Policy] = [], _ verdict: String) {
      (self.name, self.listed, self.policies, self.verdict) = (name, listed, policies, verdict)
    }
  }

  @Test(arguments: [
    Case("alone", listed: ["shop/x"], "unknown_policy - - shop/x"),
    Case("listed twice", listed: ["shop/x", "shop/x"], "unknown_policy - - shop/x"),
    Case("two of them, by key", listed: ["shop/x", "a/y"], "unknown_policy - - a/y,shop/x"),
    Case("not a key at all", listed: [""], "unknown_policy - - "),
    Case(
      "the same name in another namespace", listed: ["shop/x"], known: [PolicyScene.policy("other/x", .allow)],
      "unknown_policy - - shop/x"),
    Case(
      "beside one that is known", listed: ["shop/x", "shop/y"],
      known: [PolicyScene.policy("shop/y", .allow, .workload)],
      "unknown_policy - - shop/x"),
    Case(
      "an ALLOW of the mesh does not help", listed: ["shop/x"], known: [PolicyScene.policy("root/a", .allow, .global)],
      "unknown_policy - - shop/x"),
    Case(
      "a listed DENY after it says more", listed: ["a/x", "shop/y"],
      known: [PolicyScene.policy("shop/y", .deny, .workload)],
      "denied shop/y 0 a/x"),
    Case(
      "a DENY that would deny says less", listed: ["shop/x"],
      known: [PolicyScene.policy("shop/a", .deny, isDryRun: true)],
      "unknown_policy - - shop/x would_deny:shop/a:0"),
    Case(
      "a dry-run policy is known", listed: ["shop/x"],
      known: [PolicyScene.policy("shop/x", .allow, .workload, isDryRun: true)],
      "allowed - - - would_allow:shop/x:0"),
    Case(
      "an audit policy is known", listed: ["shop/x"], known: [PolicyScene.policy("shop/x", .audit, .workload)],
      "allowed - - - audited:shop/x:0"),
    Case(
      "a policy without rules is known", listed: ["shop/x"],
      known: [PolicyScene.policy("shop/x", .deny, .workload, rules: [])],
      "allowed - - -"),
  ])
  func whatIsNotKnownRefuses(_ c: Case) {
    #expect(PolicyScene(listed: c.listed, policies: c.policies).judge(PolicyScene.plain).line == c.verdict)
  }

  @Test func onlyTheWorkloadThatListsItIsShut() {
    var ledger = Ledger()
    let (listing, neighbour) = (
      PolicyScene.workload("a", in: "shop", listing: ["shop/x"]), PolicyScene.workload("b", in: "shop")
    )
    _ = ledger.apply([.workload(listing), .workload(neighbour)], from: .manifests)
    #expect(ledger.snapshot.authorize(PolicyScene.plain, to: listing).refusal == .unknownPolicy)
    #expect(ledger.snapshot.authorize(PolicyScene.plain, to: neighbour).isAllowed)
    _ = ledger.apply(
      [.policy(PolicyScene.policy("shop/x", .deny, .workload, rules: PolicyScene.never))], from: .manifests)
    #expect(ledger.snapshot.authorize(PolicyScene.plain, to: listing).isAllowed)
    _ = ledger.apply([.removePolicy(key: "shop/x")], from: .manifests)
    #expect(ledger.snapshot.authorize(PolicyScene.plain, to: listing).refusal == .unknownPolicy)
  }
}

/// The modes of mutual TLS, in the shapes control planes give them.
@Suite struct AuthorizeModeTests {
  private static let plaintext = Policy.Match(principals: Policy.Field(not: [.presence]))
  private static let exempt = "shop/converted_peer_authentication_ports"
  private static let strict = "istio-system/istio_converted_static_strict"

  @Test func theStaticStrictPolicyDeniesPlaintext() {
    let policy = PolicyScene.policy(Self.strict, .deny, .workload, rules: PolicyScene.rules([[[Self.plaintext]]]))
    let scene = PolicyScene(listed: [Self.strict], policies: [policy])
    #expect(scene.judge(PolicyScene.plain).line == "denied \(Self.strict) 0 -")
    #expect(scene.judge(PolicyScene.tls).line == "allowed - - -")
    #expect(PolicyScene(policies: [policy]).judge(PolicyScene.plain).line == "allowed - - -")
    #expect(PolicyScene(listed: [Self.strict]).judge(PolicyScene.tls).line == "unknown_policy - - \(Self.strict)")
  }

  /// Clauses join with AND: plaintext, and neither of the ports.
  @Test(arguments: [(8080, true), (9090, true), (80, false), (0, false), (65535, false)] as [(UInt16, Bool)])
  func strictButForPorts(port: UInt16, isAllowed: Bool) {
    let rules = PolicyScene.rules([
      [
        [Self.plaintext], [Policy.Match(ports: Policy.Field(not: [8080]))],
        [Policy.Match(ports: Policy.Field(not: [9090]))],
      ]
    ])
    expect(rules, port, isAllowed ? "allowed - - -" : "denied \(Self.exempt) 0 -")
  }

  /// Rules join with OR: plaintext to this port, or to that one.
  @Test(arguments: [(8080, 0), (9090, 1), (80, nil), (0, nil), (65535, nil)] as [(UInt16, Int?)])
  func permissiveButForPorts(port: UInt16, rule: Int?) {
    let rules = PolicyScene.rules(
      [8080, 9090].map { port in
        [[Policy.Match(principals: Policy.Field(not: [.presence]), ports: Policy.Field([port]))]]
      })
    expect(rules, port, rule.map { "denied \(Self.exempt) \($0) -" } ?? "allowed - - -")
  }

  private func expect(_ rules: [Policy.Rule], _ port: UInt16, _ verdict: String) {
    let policy = PolicyScene.policy(Self.exempt, .deny, .workload, rules: rules)
    let scene = PolicyScene(listed: [Self.exempt], policies: [policy])
    #expect(scene.judge(PolicyScene.connection(nil, port: port)).line == verdict)
    #expect(scene.judge(PolicyScene.connection("spiffe://td/ns/a/sa/b", port: port)).line == "allowed - - -")
  }

  /// An ALLOW all of whose rules the control plane had to drop still exists, and hence allows nothing.
  @Test func anAllowThatLostItsRulesShutsTheDoor() {
    let policy = PolicyScene.policy("shop/p", .allow, rules: [])
    #expect(PolicyScene(policies: [policy]).judge(PolicyScene.tls).line == "not_allowed - - -")
  }
}
