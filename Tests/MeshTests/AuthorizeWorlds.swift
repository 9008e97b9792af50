// SPDX-License-Identifier: Apache-2.0
// AuthorizeWorlds: worlds of policies made by dice, with alphabets so small that policies match and keys meet.

import Format

@testable import Mesh

/// A world of policies, a workload, and connections to it: all of it follows from the seed.
struct PolicyWorld: Sendable {
  let seed: UInt64
  /// What is written down, set by set; a later one takes back or replaces some of it.
  let changes: [[Change]]
  let workload: Workload
  let connections: [Connection]

  init(seed: UInt64) {
    self.seed = seed
    var dice = PolicyDice(seed: seed)
    var sets = [(0..<dice.below(7)).map { _ in Change.policy(dice.policy()) }]
    if dice.chance(30) { sets.append((0..<dice.below(4)).map { _ in dice.change() }) }
    changes = sets
    workload = dice.workload("web", knowing: sets.flatMap(\.self))
    connections = (0..<4).map { _ in dice.connection() }
  }

  /// The verdicts, one line for each connection.
  func verdicts() -> [String] {
    var ledger = Ledger()
    for set in changes { _ = ledger.apply(set, from: .manifests) }
    _ = ledger.apply([.workload(workload)], from: .manifests)
    let snapshot = ledger.snapshot
    return connections.map { snapshot.authorize($0, to: workload).line }
  }
}

/// Throws whatever policies are about.
struct PolicyDice {
  static let namespaces = ["app", "shop", "root"]
  static let accounts = ["web", "Web", "api", "caf\u{e9}", "cafe\u{301}"]
  static let addresses = [
    "10.0.0.1", "10.0.1.1", "10.1.0.1", "192.168.0.1", "2001:db8::1", "2001:db8:1::1", "::1", "::a00:1",
  ].map(address)
  static let ports: [UInt16] = [0, 80, 8080, 65535]
  static let lengthsV4 = [0, 8, 15, 16, 24, 31, 32]
  static let lengthsV6 = [0, 31, 32, 47, 64, 96, 127, 128]

  private var dice: Dice

  init(seed: UInt64) { dice = Dice(seed: seed) }

  mutating func below(_ bound: Int) -> Int { Int(dice.below(UInt64(bound))) }

  mutating func chance(_ percent: Int) -> Bool { below(100) < percent }

  mutating func pick<Element>(_ elements: [Element]) -> Element { elements[below(elements.count)] }

  /// Known or not: there are twelve keys.
  mutating func key() -> String { "\(pick(Self.namespaces))/p\(below(4))" }
}

// MARK: Who connects to whom

extension PolicyDice {
  mutating func identity() -> Identity {
    Identity(
      trustDomain: pick(["td", "td.alt"]), namespace: pick(Self.namespaces), serviceAccount: pick(Self.accounts))
  }

  mutating func connection() -> Connection {
    Connection(
      from: pick(Self.addresses), to: Endpoint(pick(Self.addresses), port: pick(Self.ports)),
      identity: chance(70) ? identity() : nil)
  }

  /// A workload of one of two namespaces that lists up to three keys, most of them of policies that have been there.
  mutating func workload(_ name: String, knowing changes: [Change]) -> Workload {
    let keys = changes.compactMap { change in
      if case .policy(let policy) = change { policy.key } else { nil }
    }
    let listed = (0..<below(4)).map { _ in keys.isEmpty || chance(12) ? key() : pick(keys) }
    return PolicyScene.workload(name, in: pick(["app", "shop"]), listing: listed)
  }
}

// MARK: Policies

extension PolicyDice {
  mutating func change() -> Change { chance(60) ? .policy(policy()) : .removePolicy(key: key()) }

  mutating func policy() -> Policy {
    PolicyScene.policy(
      key(), pick([.allow, .allow, .allow, .allow, .deny, .deny, .deny, .audit]),
      pick([.global, .namespace, .workload]),
      isDryRun: chance(25), rules: (0..<pick([0, 1, 1, 1, 2, 2, 3])).map { _ in rule() })
  }

  private mutating func rule() -> Policy.Rule {
    Policy.Rule((0..<pick([1, 1, 1, 2, 2, 2, 3, chance(50) ? 0 : 1])).map { _ in clause() })
  }

  private mutating func clause() -> Policy.Clause {
    Policy.Clause((0..<pick([1, 1, 1, 2, 2, 2, 3, 0])).map { _ in match() })
  }

  /// Mostly one kind of field or two; now and then none.
  private mutating func match() -> Policy.Match {
    var kinds = Set((0..<pick([1, 1, 1, 2, 2, 3])).map { _ in below(6) })
    if chance(8) { kinds = [] }
    return Policy.Match(
      namespaces: kinds.contains(0) ? field { $0.namespaceMatch() } : Policy.Field(),
      principals: kinds.contains(1) ? field { $0.principalMatch() } : Policy.Field(),
      accounts: kinds.contains(2) ? field { $0.account() } : Policy.Field(),
      sources: kinds.contains(3) ? field { $0.block() } : Policy.Field(),
      destinations: kinds.contains(4) ? field { $0.block() } : Policy.Field(),
      ports: kinds.contains(5) ? field { $0.pick(Self.ports) } : Policy.Field())
  }

  private mutating func field<Value>(_ value: (inout PolicyDice) -> Value) -> Policy.Field<Value> {
    let (wanted, unwanted) = pick([(1, 0), (2, 0), (3, 0), (0, 1), (0, 2), (1, 1), (2, 1)])
    return Policy.Field((0..<wanted).map { _ in value(&self) }, not: (0..<unwanted).map { _ in value(&self) })
  }

  private mutating func namespaceMatch() -> Policy.StringMatch {
    switch below(4) {
    case 0: .exact(pick(Self.namespaces + ["App", ""]))
    case 1: .prefix(pick(["a", "sho", "shop", "shopping", "S", ""]))
    case 2: .suffix(pick(["p", "op", "root", "P", "xroot", ""]))
    default: .presence
    }
  }

  private mutating func principalMatch() -> Policy.StringMatch {
    switch below(4) {
    case 0: .exact(chance(80) ? String(Substring(identity().principal)) : pick([identity().uri, ""]))
    case 1: .prefix(pick(["td/", "td", "td.alt/ns/shop", "td/ns/app/sa/cafe", "TD", "spiffe://td", ""]))
    case 2: .suffix(pick(["/sa/web", "web", "api", "/ns/app/sa/Web", "\u{301}", "\u{e9}", "/app", ""]))
    default: .presence
    }
  }

  private mutating func account() -> Policy.ServiceAccount {
    Policy.ServiceAccount(namespace: pick(Self.namespaces + ["", "APP"]), name: pick(Self.accounts + [""]))
  }

  private mutating func block() -> AddressBlock {
    let address = pick(Self.addresses)
    return AddressBlock(address, length: pick(address.isV4 ? Self.lengthsV4 : Self.lengthsV6)) ?? AddressBlock(address)
  }
}
