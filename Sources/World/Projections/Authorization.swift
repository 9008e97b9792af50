// SPDX-License-Identifier: Apache-2.0
// Authorization: an AuthorizationPolicy as a policy over connections.
//
//   a rule            → a rule                      any of them
//   its from, its to  → a clause each               all of them
//   each when         → a clause of its own
//   an entry          → a match                     any of them within the clause
//
// What only an HTTP proxy can judge (methods, paths, hosts, headers, request principals) cannot be judged here:
//   ALLOW   the whole rule is left out: less is allowed than was asked for
//   DENY    the condition is left out: more is denied than was asked for; an entry of nothing else takes everything
//   AUDIT   the whole rule is left out
// Either way the author is told, and nobody gets in who was to be kept out.

import Format
import Mesh

extension Objects {
  /// The key of a policy in the mesh; nil when it is nothing for connections.
  func policyKey(_ object: Object) -> String? {
    scope(of: object) == nil ? nil : "\(object.meta.namespace)/\(object.meta.name)"
  }

  /// Whom a policy concerns; nil when it is nothing for connections.
  private func scope(of object: Object) -> Policy.Scope? {
    guard counts(object.meta) else { return nil }
    let everyone: Policy.Scope = object.meta.namespace == settings.rootNamespace ? .global : .namespace
    switch object.body {
    case .authorizationPolicy(let policy) where policy.targets.isEmpty && policy.action != .custom:
      return policy.selector == nil ? everyone : .workload
    case .unreadable: return everyone
    default: return nil
    }
  }

  func project(authorization object: Object) -> Projection {
    var projection = Projection()
    let meta = object.meta
    if case .authorizationPolicy(let policy) = object.body { projection.conditions = [acceptance(of: policy, meta)] }
    guard let scope = scope(of: object) else { return projection }
    guard case .authorizationPolicy(let policy) = object.body else {
      // What cannot be read must not leave a door open.
      let closed = Policy(namespace: meta.namespace, name: meta.name, scope: scope, action: .deny, rules: [.init([])])
      projection.things = [.policy(closed)]
      return projection
    }
    projection.things = [
      .policy(
        Policy(
          namespace: meta.namespace, name: meta.name, scope: scope, action: policy.action.atConnections,
          isDryRun: meta.annotations[Label.dryRun] == "true",
          rules: policy.rules.compactMap { $0.converted(for: policy.action, namespace: meta.namespace) }))
    ]
    return projection
  }

  private func acceptance(of policy: AuthorizationObject, _ meta: Meta) -> Condition {
    if !counts(meta) {
      return Condition(Condition.accepted, false, "OtherRevision", "it is meant for another revision")
    }
    if policy.action == .custom {
      return Condition(Condition.accepted, false, "UnsupportedValue", "the action CUSTOM is not supported")
    }
    if !policy.targets.isEmpty {
      return Condition(Condition.accepted, false, "NotForConnections", "it is for a waypoint, which has to enforce it")
    }
    let fields = Set(policy.rules.flatMap(\.requestFields).map(\.field)).sorted()
    guard !fields.isEmpty else { return Condition(Condition.accepted, true, "Accepted") }
    let effect =
      switch policy.action {
      case .deny: "these conditions are left out, so more is denied than was asked for"
      case .audit: "rules with them are left out, so less is audited than was asked for"
      case .allow, .custom: "rules with them are left out, so less is allowed than was asked for"
      }
    return Condition(
      Condition.accepted, true, "UnsupportedValue", "connections know nothing of \(fields.listed): \(effect)")
  }
}

extension AuthorizationObject.Action {
  fileprivate var atConnections: Policy.Action {
    switch self {
    case .allow, .custom: .allow
    case .deny: .deny
    case .audit: .audit
    }
  }
}

extension AuthorizationObject.Rule {
  /// Conditions that only an HTTP proxy can judge.
  package var requestFields: [AuthorizationObject.Values] {
    ((from ?? []) + (to ?? [])).flatMap { $0 }.filter { !$0.isForConnections }
      + when.filter { !$0.wanted.isForConnections }.map(\.wanted)
  }

  /// The rule for connections; nil when it is left out.
  fileprivate func converted(for action: AuthorizationObject.Action, namespace: String) -> Policy.Rule? {
    if action != .deny, !requestFields.isEmpty { return nil }
    var clauses: [Policy.Clause] = []
    for entries in [to, from].compactMap(\.self) {
      let matches = entries.map { $0.filter(\.isForConnections).match(namespace) }
      // An entry of which nothing is left takes everything, and with it the clause does.
      clauses.append(Policy.Clause(matches.contains(nil) ? [] : matches.compactMap(\.self)))
    }
    for condition in when where condition.wanted.isForConnections {
      let unwanted = AuthorizationObject.Values(
        field: "not", values: condition.unwanted.values, spot: condition.unwanted.spot, path: condition.unwanted.path)
      clauses.append(Policy.Clause([condition.wanted.field.match(condition.wanted.values, unwanted.values, namespace)]))
    }
    return Policy.Rule(clauses)
  }
}

extension AuthorizationObject.Values {
  private static let connectionFields: Set<String> = [
    "principals", "notPrincipals", "namespaces", "notNamespaces", "serviceAccounts", "notServiceAccounts", "ipBlocks",
    "notIpBlocks", "ports", "notPorts", "source.ip", "source.namespace", "source.principal", "source.serviceAccount",
    "destination.ip", "destination.port",
  ]

  /// Whether a connection can be judged by it.
  var isForConnections: Bool { Self.connectionFields.contains(field) }
}

extension [AuthorizationObject.Values] {
  /// What an entry asks of a connection; nil for nothing.
  fileprivate func match(_ namespace: String) -> Policy.Match? {
    guard !isEmpty else { return nil }
    func values(_ field: String) -> [String] { first { $0.field == field }?.values ?? [] }
    return Policy.Match(
      namespaces: .texts(values("namespaces"), not: values("notNamespaces")),
      principals: .texts(values("principals"), not: values("notPrincipals")),
      accounts: .accounts(values("serviceAccounts"), not: values("notServiceAccounts"), namespace),
      sources: .blocks(values("ipBlocks"), not: values("notIpBlocks")),
      ports: .ports(values("ports"), not: values("notPorts")))
  }
}

extension String {
  /// What a condition with this key asks of a connection.
  fileprivate func match(_ wanted: [String], _ unwanted: [String], _ namespace: String) -> Policy.Match {
    switch self {
    case "source.ip": Policy.Match(sources: .blocks(wanted, not: unwanted))
    case "source.namespace": Policy.Match(namespaces: .texts(wanted, not: unwanted))
    case "source.principal": Policy.Match(principals: .texts(wanted, not: unwanted))
    case "source.serviceAccount": Policy.Match(accounts: .accounts(wanted, not: unwanted, namespace))
    case "destination.ip": Policy.Match(destinations: .blocks(wanted, not: unwanted))
    default: Policy.Match(ports: .ports(wanted, not: unwanted))
    }
  }
}

// The decoder has refused what cannot be read as a block or a port, so nothing gets lost here.

extension Policy.Field<Policy.StringMatch> {
  fileprivate static func texts(_ wanted: [String], not unwanted: [String]) -> Self {
    Self(wanted.map(Policy.StringMatch.init(pattern:)), not: unwanted.map(Policy.StringMatch.init(pattern:)))
  }
}

extension Policy.Field<Policy.ServiceAccount> {
  fileprivate static func accounts(_ wanted: [String], not unwanted: [String], _ namespace: String) -> Self {
    func account(_ text: String) -> Policy.ServiceAccount {
      let parts = text.split(separator: "/", maxSplits: 1, omittingEmptySubsequences: false).map(String.init)
      return Policy.ServiceAccount(namespace: parts.count == 2 ? parts[0] : namespace, name: parts.last ?? "")
    }
    return Self(wanted.map(account), not: unwanted.map(account))
  }
}

extension Policy.Field<AddressBlock> {
  fileprivate static func blocks(_ wanted: [String], not unwanted: [String]) -> Self {
    Self(wanted.compactMap { AddressBlock($0) }, not: unwanted.compactMap { AddressBlock($0) })
  }
}

extension Policy.Field<UInt16> {
  fileprivate static func ports(_ wanted: [String], not unwanted: [String]) -> Self {
    Self(wanted.compactMap { UInt16($0) }, not: unwanted.compactMap { UInt16($0) })
  }
}

extension Policy.StringMatch {
  /// `*` is anything but nothing, `*x` ends with x, `x*` begins with x.
  init(pattern: String) {
    if pattern == "*" {
      self = .presence
    } else if pattern.hasPrefix("*") {
      self = .suffix(String(pattern.dropFirst()))
    } else if pattern.hasSuffix("*") {
      self = .prefix(String(pattern.dropLast()))
    } else {
      self = .exact(pattern)
    }
  }
}
