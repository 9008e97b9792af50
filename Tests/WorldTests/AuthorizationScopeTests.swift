// SPDX-License-Identifier: Apache-2.0
// Whom a policy concerns, and whether it does anything at all: scope, targets, actions, dry runs, revisions.

import Format
import Testing

@testable import Mesh
@testable import World

@Suite struct AuthorizationScopeTests {
  static let web = AuthorizationScene.web
  static let everyone = ["shop/web", "shop/db", "away/web", "istio-system/web"]

  struct Case: Sendable, CustomTestStringConvertible {
    let name: String
    let policy: String
    let selector: String?
    let scope: Policy.Scope
    let concerned: [String]
    var testDescription: String { name }

    init(_ name: String, _ policy: String, _ selector: String?, _ scope: Policy.Scope, _ concerned: [String]) {
      (self.name, self.policy, self.selector, self.scope, self.concerned) = (name, policy, selector, scope, concerned)
    }
  }

  @Test(
    arguments: [
      Case("without a selector, its namespace", "shop/p", nil, .namespace, ["shop/web", "shop/db"]),
      Case("a selector of null is none", "shop/p", "null", .namespace, ["shop/web", "shop/db"]),
      Case("without a selector in the root namespace, the mesh", "istio-system/p", nil, .global, everyone),
      Case("a selector, in its namespace", "shop/p", web, .workload, ["shop/web"]),
      Case("a selector, in another namespace", "away/p", web, .workload, ["away/web"]),
      Case(
        "a selector in the root namespace, in all of them", "istio-system/p", web, .workload,
        ["shop/web", "away/web", "istio-system/web"]),
      Case("an empty selector selects all of its namespace", "shop/p", "{}", .workload, ["shop/web", "shop/db"]),
      Case("a selector of no labels does too", "shop/p", "{matchLabels: {}}", .workload, ["shop/web", "shop/db"]),
      Case("an empty selector in the root namespace selects the mesh", "istio-system/p", "{}", .workload, everyone),
      Case("a selector of nobody", "shop/p", "{matchLabels: {app: none}}", .workload, []),
      Case("a selector of more labels than there are", "shop/p", "{matchLabels: {app: web, a: b}}", .workload, []),
      Case("a namespace without workloads", "empty/p", nil, .namespace, []),
    ], ["ALLOW", "DENY", "AUDIT"])
  func whomItConcerns(_ c: Case, action: String) throws {
    let scene = try WorldScene(policies: PolicyYAML.policy(c.policy, action, selector: c.selector, rules: ["{}"]))
    #expect(scene.problems.isEmpty)
    #expect(try #require(scene.policy(c.policy)).scope == c.scope)
    #expect(try scene.concerned() == c.concerned)
    // Only those with a selector are listed, and only by whom they select.
    for name in Self.everyone {
      let isListed = try #require(scene.workload(name)).template.policies == [c.policy]
      #expect(isListed == (c.scope == .workload && c.concerned.contains(name)), "\(name)")
    }
  }

  @Test func anotherRootNamespaceIsTheRoot() throws {
    var settings = Settings()
    settings.rootNamespace = "away"
    let deny = PolicyYAML.policy("away/p", "DENY", rules: ["{}"])
    #expect(try WorldScene(policies: deny, settings: settings).concerned() == Self.everyone)
    let old = PolicyYAML.policy("istio-system/p", "DENY", rules: ["{}"])
    #expect(try WorldScene(policies: old, settings: settings).concerned() == ["istio-system/web"])
  }

  @Test(arguments: [
    ("targetRef", "{kind: Service, name: web}"), ("targetRef", "{kind: Service, group: \"\", name: web}"),
    ("targetRefs", "[{kind: Gateway, group: gateway.networking.k8s.io, name: waypoint}]"),
    ("targetRefs", "[{kind: Service, name: web}, {kind: ServiceEntry, group: networking.istio.io, name: out}]"),
    ("targetRefs", "[{kind: GatewayClass, group: gateway.networking.k8s.io, name: istio-waypoint}]"),
  ])
  func whatIsForAWaypointIsNotForConnections(field: String, value: String) throws {
    for action in ["ALLOW", "DENY", "AUDIT"] {
      let scene = try WorldScene(policies: PolicyYAML.policy("shop/p", action, rules: ["{}"], (field, value)))
      #expect(scene.problems.isEmpty && scene.policyKeys.isEmpty)
      #expect(try scene.concerned() == [])
      #expect(
        scene.acceptance == [
          Condition("ZtunnelAccepted", false, "NotForConnections", "it is for a waypoint, which has to enforce it")
        ])
    }
  }

  @Test func noTargetsAreNone() throws {
    for value in ["[]", "null"] {
      let scene = try WorldScene(policies: PolicyYAML.policy("shop/p", "DENY", rules: ["{}"], ("targetRefs", value)))
      #expect(try scene.concerned() == ["shop/web", "shop/db"])
    }
  }

  @Test func theActionCustomIsRefused() throws {
    let policy = PolicyYAML.policy("shop/p", "CUSTOM", rules: ["{}"], ("provider", "{name: opa}"))
    let scene = try WorldScene(policies: policy)
    #expect(scene.problems.isEmpty && scene.policyKeys.isEmpty)
    #expect(try scene.concerned() == [])
    #expect(
      scene.acceptance == [
        Condition("ZtunnelAccepted", false, "UnsupportedValue", "the action CUSTOM is not supported")
      ])
    #expect(scene.findings.contains { $0.code == "unsupported-action" && $0.severity == .error })
    let selecting = try WorldScene(policies: PolicyYAML.policy("shop/p", "CUSTOM", selector: Self.web, rules: ["{}"]))
    #expect(try #require(selecting.workload("shop/web")).template.policies.isEmpty)
  }

  @Test func anAuditDecidesNothing() throws {
    let scene = try WorldScene(policies: PolicyYAML.policy("shop/p", "AUDIT", rules: ["{}"]))
    #expect(try #require(scene.policy("shop/p")).action == .audit)
    #expect(try scene.allowed() == AuthorizationScene.names)
    #expect(scene.acceptance == [Condition("ZtunnelAccepted", true, "Accepted")])
  }

  @Test(arguments: [("\"true\"", true), ("\"false\"", false), ("\"yes\"", false), ("\"\"", false)])
  func aDryRunOnlySaysWhatItWouldDo(value: String, isDryRun: Bool) throws {
    for (action, remark) in [("DENY", "wouldDeny"), ("ALLOW", "wouldAllow")] {
      let policy = PolicyYAML.policy("shop/p", action, rules: ["{}"], annotations: "{istio.io/dry-run: \(value)}")
      let scene = try WorldScene(policies: policy)
      #expect(try #require(scene.policy("shop/p")).isDryRun == isDryRun)
      for (_, verdict) in try scene.verdicts() {
        #expect(verdict.isAllowed == (isDryRun || action == "ALLOW"))
        #expect(verdict.remarks.count == (isDryRun ? 1 : 0))
        #expect(verdict.remarks.allSatisfy { "\($0)".hasPrefix(remark) })
      }
      #expect(scene.acceptance == [Condition("ZtunnelAccepted", true, "Accepted")])
    }
  }

  @Test func aDryRunThatAllowsSaysWhomItWouldNotLetIn() throws {
    let rules = ["{from: [{source: {namespaces: [shop]}}]}"]
    let scene = try WorldScene(
      policies: PolicyYAML.policy("shop/p", "ALLOW", rules: rules, annotations: "{istio.io/dry-run: \"true\"}"))
    for (name, verdict) in try scene.verdicts() where !name.hasPrefix("cart") {
      #expect(verdict == Verdict(remarks: [.wouldNotAllow]), "\(name)")
    }
  }

  @Test(
    arguments: [
      ("", nil, true), ("", "blue", true), ("blue", nil, true), ("blue", "blue", true), ("blue", "green", false),
    ] as [(String, String?, Bool)])
  func onlyPoliciesOfItsRevisionCount(revision: String, label: String?, counts: Bool) throws {
    var settings = Settings()
    settings.revision = revision
    let labels = label.map { "{istio.io/rev: \($0)}" }
    for selector in [nil, Self.web] as [String?] {
      let scene = try WorldScene(
        policies: PolicyYAML.policy("shop/p", "DENY", selector: selector, rules: ["{}"], labels: labels),
        settings: settings)
      #expect(try scene.allowed().isEmpty == counts)
      #expect((scene.policyKeys == ["shop/p"]) == counts)
      #expect(
        try #require(scene.workload("shop/web")).template.policies == (counts && selector != nil ? ["shop/p"] : []))
      let other = Condition("ZtunnelAccepted", false, "OtherRevision", "it is meant for another revision")
      #expect(scene.acceptance == [counts ? Condition("ZtunnelAccepted", true, "Accepted") : other])
    }
  }

  /// Whatever cannot be read is as little this mesh's business when it is meant for another revision.
  @Test func whatCannotBeReadOfAnotherRevisionClosesNothing() throws {
    var settings = Settings()
    settings.revision = "blue"
    let scene = try WorldScene(
      policies: PolicyYAML.policy("shop/p", "DENYY", rules: ["{}"], labels: "{istio.io/rev: green}"), settings: settings
    )
    #expect(scene.problems.map(\.code) == ["unknown-value"])
    #expect(try scene.allowed() == AuthorizationScene.names)
  }
}

// MARK: Edits

extension AuthorizationScopeTests {
  @Test func aSelectorThatChangesLeavesWhomItSelected() throws {
    var scene = try WorldScene(policies: "")
    for (policy, concerned) in [
      (PolicyYAML.policy("shop/p", "DENY", selector: Self.web, rules: ["{}"]), ["shop/web"]),
      (PolicyYAML.policy("shop/p", "DENY", selector: "{matchLabels: {app: db}}", rules: ["{}"]), ["shop/db"]),
      (PolicyYAML.policy("shop/p", "DENY", rules: ["{}"]), ["shop/web", "shop/db"]),
      (PolicyYAML.policy("shop/p", "DENY", selector: Self.web, rules: ["{}"]), ["shop/web"]),
      (PolicyYAML.policy("shop/p", "DENY", rules: ["{}"], ("targetRefs", "[{kind: Service, name: web}]")), []),
      (
        PolicyYAML.policy("istio-system/p", "DENY", selector: Self.web, rules: ["{}"]),
        Self.everyone.filter { $0 != "shop/db" }
      ),
      (PolicyYAML.policy("istio-system/p", "CUSTOM", selector: Self.web, rules: ["{}"]), []),
      (PolicyYAML.policy("istio-system/p", "DENY", rules: ["{}"]), Self.everyone),
      ("", []),
    ] {
      try scene.load(policy, file: "p.yaml")
      #expect(try scene.concerned() == concerned)
    }
    #expect(scene.policyKeys.isEmpty)
  }

  @Test func aWorkloadThatComesLaterIsSelectedToo() throws {
    var scene = try WorldScene(policies: PolicyYAML.policy("istio-system/p", "DENY", selector: Self.web, rules: ["{}"]))
    for (app, policies) in [("web", ["istio-system/p"]), ("db", []), ("web", ["istio-system/p"])] {
      try scene.load(WorldScene.pod("new/late", at: "10.0.3.1", labels: ["app": app]), file: "late.yaml")
      #expect(try #require(scene.workload("new/late")).template.policies == policies)
    }
  }

  /// Its address, name and rules are judged anew for whom it concerns, and for nobody else.
  @Test func aChangeTouchesWhomItConcerns() throws {
    var scene = try WorldScene(policies: PolicyYAML.policy("shop/p", "DENY", selector: Self.web, rules: ["{}"]))
    let port = "{to: [{operation: {ports: [\"1\"]}}]}"
    try scene.load(
      AuthorizationScene.pods + PolicyYAML.policy("shop/p", "DENY", selector: Self.web, rules: [port]))
    let touched = try Self.everyone.filter { scene.touched.reaches(try #require(scene.workload($0))) }
    #expect(touched == ["shop/web"])
    try scene.load(AuthorizationScene.pods + PolicyYAML.policy("shop/p", "DENY", selector: Self.web, rules: [port]))
    #expect(scene.touched.isEmpty)
  }
}
