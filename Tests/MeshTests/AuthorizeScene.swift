// SPDX-License-Identifier: Apache-2.0
// AuthorizeScene: what the tests of policies share: who connects, and short ways to write policies and verdicts down.

import Format

@testable import Mesh

/// A world of policies, and the workload in it that somebody connects to.
struct PolicyScene: Sendable {
  /// The namespace of the workload.
  var namespace = "shop"
  /// The keys the workload lists.
  var listed: [String] = []
  /// What the world holds.
  var policies: [Policy] = []

  var workload: Workload { Self.workload("web", in: namespace, listing: listed) }

  func judge(_ connection: Connection) -> Verdict {
    var ledger = Ledger()
    _ = ledger.apply(policies.map(Change.policy) + [.workload(workload)], from: .manifests)
    return ledger.snapshot.authorize(connection, to: workload)
  }

  static func workload(_ name: String, in namespace: String, listing keys: [String] = []) -> Workload {
    Workload(
      uid: "Kubernetes//Pod/\(namespace)/\(name)", name: name, addresses: [address("127.0.0.2")],
      template: Template(namespace: namespace, policies: keys))
  }
}

// MARK: Who connects

extension PolicyScene {
  /// Without an identity.
  static let plain = connection(nil)
  /// With an identity, from and to the same addresses.
  static let tls = connection("spiffe://td/ns/namespace/sa/account")
  /// With another identity, from and to other addresses, in all of which nothing is what it is in the others.
  static let alt = connection("spiffe://td-alt/ns/ns-alt/sa/sa=alt", from: "127.0.0.3", to: "127.0.0.4", port: 9090)

  static func connection(
    _ identity: String?, from source: String = "127.0.0.1", to destination: String = "127.0.0.2", port: UInt16 = 8080
  ) -> Connection {
    Connection(
      from: address(source), to: Endpoint(address(destination), port: port),
      identity: identity.map { text in
        guard let identity = Identity(text) else { preconditionFailure("\(text) is no identity") }
        return identity
      })
  }
}

// MARK: Policies and verdicts

extension PolicyScene {
  /// A rule without clauses: it matches everything.
  static let always = [Policy.Rule([])]
  /// A clause that wants a port nobody dials.
  static let never = rules([[[Policy.Match(ports: Policy.Field([1]))]]])

  /// Rules of clauses of matches.
  static func rules(_ nested: [[[Policy.Match]]]) -> [Policy.Rule] {
    nested.map { Policy.Rule($0.map { Policy.Clause($0) }) }
  }

  /// A policy of the key `namespace/name`.
  static func policy(
    _ key: String, _ action: Policy.Action, _ scope: Policy.Scope = .namespace, isDryRun: Bool = false,
    rules: [Policy.Rule] = always
  ) -> Policy {
    let parts = key.split(separator: "/").map(String.init)
    precondition(parts.count == 2, "\(key) is no key")
    return Policy(
      namespace: parts[0], name: parts[1], scope: scope, action: action, isDryRun: isDryRun, rules: rules)
  }
}

extension Verdict {
  /// `CODE KEY RULE UNKNOWN REMARK ...`, with `-` for what there is none of: the form in which the oracle answers.
  var line: String {
    let hit = hit.map { "\($0.policy.key) \($0.rule)" } ?? "- -"
    let unknown = unknownPolicies.isEmpty ? "-" : unknownPolicies.joined(separator: ",")
    return ([refusal?.rawValue ?? "allowed", hit, unknown] + remarkLines).joined(separator: " ")
  }

  /// The remarks, sorted.
  var remarkLines: [String] {
    remarks.map { remark in
      switch remark {
      case .audited(let hit): "audited:\(hit.policy.key):\(hit.rule)"
      case .wouldDeny(let hit): "would_deny:\(hit.policy.key):\(hit.rule)"
      case .wouldAllow(let hit): "would_allow:\(hit.policy.key):\(hit.rule)"
      case .wouldNotAllow: "would_not_allow"
      }
    }.sorted()
  }
}
