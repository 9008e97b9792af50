// SPDX-License-Identifier: Apache-2.0
// Which open connections a set of changes can mean something for. One that is passed over keeps what it was refused.

import Format
import Testing

@testable import Mesh

private func policy(_ key: String, _ scope: Policy.Scope, _ action: Policy.Action = .deny) -> Policy {
  PolicyScene.policy(key, action, scope)
}

private func workload(_ name: String, in namespace: String, listing keys: [String] = []) -> Workload {
  PolicyScene.workload(name, in: namespace, listing: keys)
}

/// One change after another has been written down, asked about four workloads.
@Suite struct AuthorizeTouchedTests {
  /// Who is asked about. Two are neighbours, two are abroad; one of each lists a policy of the namespace `shop`.
  enum Who: CaseIterable { case listing, neighbour, listingAbroad, abroad }

  static func resident(_ who: Who) -> Workload {
    switch who {
    case .listing: workload("listing", in: "shop", listing: ["shop/p"])
    case .neighbour: workload("neighbour", in: "shop")
    case .listingAbroad: workload("listing", in: "other", listing: ["shop/p"])
    case .abroad: workload("abroad", in: "other")
    }
  }

  struct Case: Sendable, CustomTestStringConvertible {
    let name: String
    let before: [Change]
    let changes: [Change]
    let reached: [Who]
    var testDescription: String { name }

    init(_ name: String, before: [Change] = [], _ changes: [Change], _ reached: [Who]) {
      (self.name, self.before, self.changes, self.reached) = (name, before, changes, reached)
    }
  }

  private static let (mesh, own, chosen) = (
    policy("shop/p", .global), policy("shop/p", .namespace), policy("shop/p", .workload)
  )

  @Test(arguments: [
    Case("a policy of the mesh comes", [.policy(mesh)], Who.allCases),
    Case(
      "a policy of the mesh changes", before: [.policy(mesh)], [.policy(policy("shop/p", .global, .allow))],
      Who.allCases),
    Case("a policy of the mesh goes", before: [.policy(mesh)], [.removePolicy(key: "shop/p")], Who.allCases),
    Case("a policy of the mesh stays", before: [.policy(mesh)], [.policy(policy("shop/p", .global))], []),
    Case("a policy of a namespace comes", [.policy(policy("shop/q", .namespace))], [.listing, .neighbour]),
    Case(
      "a policy of a namespace changes", before: [.policy(policy("shop/q", .namespace))],
      [.policy(policy("shop/q", .namespace, .audit))], [.listing, .neighbour]),
    Case(
      "a policy of a namespace goes", before: [.policy(policy("shop/q", .namespace))], [.removePolicy(key: "shop/q")],
      [.listing, .neighbour]),
    Case(
      "a policy of a namespace stays", before: [.policy(policy("shop/q", .namespace))],
      [.policy(policy("shop/q", .namespace))], []),
    Case("a policy of a namespace without workloads comes", [.policy(policy("empty/q", .namespace))], []),
    Case("a listed policy comes", [.policy(chosen)], [.listing, .listingAbroad]),
    Case(
      "a listed policy changes", before: [.policy(chosen)], [.policy(policy("shop/p", .workload, .allow))],
      [.listing, .listingAbroad]),
    Case(
      "a listed policy goes", before: [.policy(chosen)], [.removePolicy(key: "shop/p")], [.listing, .listingAbroad]),
    Case("a listed policy stays", before: [.policy(chosen)], [.policy(policy("shop/p", .workload))], []),
    Case("a policy with a selector that nobody lists comes", [.policy(policy("shop/q", .workload))], []),
    Case("a policy nobody knew goes", [.removePolicy(key: "shop/p")], []),
    Case("from the mesh to the namespace", before: [.policy(mesh)], [.policy(own)], Who.allCases),
    Case("from the namespace to the mesh", before: [.policy(own)], [.policy(mesh)], Who.allCases),
    Case("from the mesh to the selected", before: [.policy(mesh)], [.policy(chosen)], Who.allCases),
    Case("from the selected to the mesh", before: [.policy(chosen)], [.policy(mesh)], Who.allCases),
    Case(
      "from the namespace to the selected", before: [.policy(own)], [.policy(chosen)],
      [.listing, .neighbour, .listingAbroad]),
    Case(
      "from the selected to the namespace", before: [.policy(chosen)], [.policy(own)],
      [.listing, .neighbour, .listingAbroad]),
    Case("nothing at all", [], []),
    Case(
      "two changes in one set", [.policy(policy("other/q", .namespace)), .policy(chosen)],
      [.listing, .listingAbroad, .abroad]),
    // What happened between is not known any more; to judge once too often does no harm.
    Case("it comes and goes in one set", [.policy(chosen), .removePolicy(key: "shop/p")], [.listing, .listingAbroad]),
  ])
  func policies(_ c: Case) { check(c) }

  @Test(arguments: [
    Case("a workload changes", [.workload(workload("neighbour", in: "shop", listing: ["shop/p"]))], [.neighbour]),
    Case("a workload lists less", [.workload(workload("listing", in: "shop"))], [.listing]),
    Case(
      "a workload lists the same twice", [.workload(workload("listing", in: "shop", listing: ["shop/p", "shop/p"]))], []
    ),
    Case("a workload goes", [.removeWorkload(uid: resident(.abroad).uid)], [.abroad]),
    Case("a workload stays", [.workload(resident(.listing)), .workload(resident(.abroad))], []),
    Case("another workload comes", [.workload(workload("new", in: "shop", listing: ["shop/p"]))], []),
    Case("a workload nobody knew goes", [.removeWorkload(uid: "unknown")], []),
    Case(
      "a service comes", [.service(Service(ServiceName(namespace: "shop", hostname: "web")))], []),
  ])
  func workloads(_ c: Case) { check(c) }

  private func check(_ c: Case) {
    var ledger = Ledger()
    _ = ledger.apply(Who.allCases.map { .workload(Self.resident($0)) } + c.before, from: .manifests)
    let touched = ledger.apply(c.changes, from: .manifests)
    #expect(Who.allCases.filter { touched.reaches(Self.resident($0)) } == c.reached)
  }

  /// Then nobody walks the connections at all.
  @Test(
    arguments: [
      [.policy(mesh)], [.policy(chosen)], [.policy(policy("shop/q", .namespace))], [.workload(resident(.listing))],
      [.removePolicy(key: "unknown/p"), .removeWorkload(uid: "unknown")],
    ] as [[Change]])
  func whatIsSaidAgainTouchesNobody(changes: [Change]) {
    var ledger = Ledger()
    _ = ledger.apply(changes, from: .manifests)
    #expect(ledger.apply(changes, from: .manifests).isEmpty)
  }

  /// A listed policy is heard whatever its scope, so a change to it reaches whoever lists it.
  @Test(arguments: [[], [Change.policy(policy("shop/p", .namespace, .allow))]])
  func aListedPolicyOfAnotherNamespaceReaches(before: [Change]) {
    let resident = Self.resident(.listingAbroad)
    var ledger = Ledger()
    _ = ledger.apply([.workload(resident)] + before, from: .manifests)
    let old = ledger.snapshot.authorize(PolicyScene.plain, to: resident)
    let touched = ledger.apply([.policy(policy("shop/p", .namespace, .deny))], from: .manifests)
    #expect(old.refusal == (before.isEmpty ? .unknownPolicy : nil))
    #expect(ledger.snapshot.authorize(PolicyScene.plain, to: resident).refusal == .denied)
    #expect(touched.reaches(resident))
  }

  @Test func whatABelievedSourceHidesTouchesNobody() {
    var ledger = Ledger()
    _ = ledger.apply([.policy(policy("shop/p", .workload, .allow))], from: .manifests)
    #expect(ledger.apply([.policy(policy("shop/p", .global))], from: .controlPlane).isEmpty)
    #expect(ledger.apply([.removePolicy(key: "shop/p")], from: .controlPlane).isEmpty)
    _ = ledger.apply([.policy(policy("shop/p", .global))], from: .controlPlane)
    // What it hid comes to light, and that was of the whole mesh.
    #expect(ledger.forget(.manifests).isEverything)
  }

  @Test func whatIsForgottenTouchesAllItConcerned() {
    var ledger = Ledger()
    _ = ledger.apply([.policy(policy("shop/p", .workload)), .policy(policy("other/q", .namespace))], from: .manifests)
    _ = ledger.apply([.policy(policy("root/r", .global))], from: .kubernetes)
    let touched = ledger.forget(.manifests)
    let reached = Who.allCases.filter { touched.reaches(Self.resident($0)) }
    #expect(reached == [.listing, .listingAbroad, .abroad])
    #expect(ledger.forget(.kubernetes).isEverything)
    #expect(ledger.forget(.kubernetes).isEmpty)
  }

  @Test func oneSetDoesNotRememberTheLast() {
    var ledger = Ledger()
    #expect(ledger.apply([.policy(policy("shop/p", .global))], from: .manifests).isEverything)
    #expect(ledger.apply([], from: .manifests).isEmpty)
  }

  @Test(arguments: [(0, false), (1, true)])
  func tooManyWorkloadsAreEverybody(more: Int, isEverything: Bool) {
    // They have no address: the thousands who would claim the same one are sorted one by one.
    let crowd = (0..<Touched.workloadsMax + more).map { number in
      Change.workload(Workload(uid: "\(number)", name: "\(number)", template: Template(namespace: "shop")))
    }
    var ledger = Ledger()
    let touched = ledger.apply(crowd, from: .manifests)
    #expect(touched.isEverything == isEverything)
    #expect(touched.workloads.count == (isEverything ? 0 : Touched.workloadsMax))
    #expect(touched.reaches(Self.resident(.abroad)) == isEverything)
    #expect(touched.reaches(Workload(uid: "0", name: "0", template: Template(namespace: "shop"))))
    #expect(!touched.isEmpty)
  }
}

/// Whatever changes: where a verdict becomes another one, the connection is reached.
@Suite struct AuthorizeReachTests {
  static let histories: UInt64 = 1000

  /// Verdicts before and after, and whether the connection was reached.
  private struct Tally {
    var changedReached = 0
    var sameReached = 0
    var samePassedOver = 0
    var gaps: [String] = []
  }

  @Test func noVerdictChangesUnreached() {
    var tally = Tally()
    for seed in 0..<Self.histories { run(seed, &tally) }
    let first = tally.gaps.prefix(3).joined(separator: "\n")
    #expect(first.isEmpty, "\(tally.gaps.count) verdicts changed behind the back of their connections")
    // It happens, and it is not because everybody is reached all the time.
    #expect(tally.changedReached > 1000)
    #expect(tally.sameReached > 1000)
    #expect(tally.samePassedOver > 1000)
  }

  private func run(_ seed: UInt64, _ tally: inout Tally) {
    var dice = PolicyDice(seed: seed)
    var ledger = Ledger()
    let names = ["one", "two", "three"]
    var workloads = names.map { dice.workload($0, knowing: []) }
    _ = ledger.apply(workloads.map(Change.workload), from: .manifests)
    var known: [Change] = []
    for step in 0..<8 {
      let before = ledger.snapshot
      let old = workloads
      var changes = (0..<1 + dice.below(2)).map { _ in dice.change() }
      known += changes
      let said = changes.count
      if dice.chance(30) {
        let index = dice.below(names.count)
        workloads[index] = dice.workload(names[index], knowing: known)
        // The name of the namespace is in the uid: one that moves is a new one.
        if workloads[index].uid != old[index].uid { changes.append(.removeWorkload(uid: old[index].uid)) }
        changes.append(.workload(workloads[index]))
      }
      // Workloads are the manifests' alone, or the ones held here would not be the ones believed.
      let source = changes.count > said ? Source.manifests : dice.pick([.manifests, .controlPlane])
      let touched = ledger.apply(changes, from: source)
      for (old, new) in zip(old, workloads) {
        let connection = dice.connection()
        let isChanged = before.authorize(connection, to: old) != ledger.snapshot.authorize(connection, to: new)
        switch (isChanged, touched.reaches(old) && touched.reaches(new)) {
        case (true, true): tally.changedReached += 1
        case (false, true): tally.sameReached += 1
        case (false, false): tally.samePassedOver += 1
        case (true, false): tally.gaps.append("seed \(seed), step \(step), to \(new)")
        }
      }
    }
  }
}
