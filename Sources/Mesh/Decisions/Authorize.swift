// SPDX-License-Identifier: Apache-2.0
// Authorize: may this connection reach this workload?
//
//   a policy the workload names is not known    → refused, unless another one denies it first: its reason says more
//   a DENY matches                              → refused
//   there are no ALLOWs                         → accepted
//   an ALLOW matches                            → accepted
//   otherwise                                   → refused
//
// Policies are those of the mesh, of the workload's namespace, and those the workload names, each group in order of keys.
// Dry-run and audit policies decide nothing; what they would have said is part of the answer.

package import Format

/// A connection as the workload's side sees it.
package struct Connection: Hashable, Sendable {
  /// The peer of the TCP connection.
  package let source: IPAddress
  /// The address and the real port of the workload.
  package let destination: Endpoint
  /// Who the peer proved to be; nil for plaintext.
  package let identity: Identity?

  /// Joins them.
  package init(from source: IPAddress, to destination: Endpoint, identity: Identity?) {
    self.source = source
    self.destination = destination
    self.identity = identity
  }
}

/// Whether a connection may be made, and why.
package struct Verdict: Equatable, Sendable {
  /// A policy, and its rule that matched.
  package struct Hit: Equatable, Sendable {
    /// The policy.
    package let policy: Policy
    /// Which of its rules, from 0.
    package let rule: Int
  }

  /// What a policy that decides nothing has to say.
  package enum Remark: Equatable, Sendable {
    /// An audit policy matched.
    case audited(Hit)
    /// It would have been denied.
    case wouldDeny(Hit)
    /// It would have been allowed.
    case wouldAllow(Hit)
    /// It would have been refused, because there would be policies that allow, and none of them would match.
    case wouldNotAllow
  }

  /// Nil when it may.
  package internal(set) var refusal: Reason?
  /// What decided: the policy that denied or allowed. Nil when nothing matched.
  package internal(set) var hit: Hit?
  /// The keys of policies that select the workload and are not known.
  package internal(set) var unknownPolicies: [String] = []
  /// What policies that decide nothing have to say.
  package internal(set) var remarks: [Remark] = []

  /// Whether it may.
  package var isAllowed: Bool { refusal == nil }
}

extension Snapshot {
  /// Judges a connection to a workload.
  package func authorize(_ connection: Connection, to workload: Workload) -> Verdict {
    var verdict = Verdict()
    var hasAllow = false
    var hasDryAllow = false
    var allow: Verdict.Hit?
    var deny: Verdict.Hit?
    var wouldAllow = false
    forEachPolicy(of: workload) { policy in
      let isAllow = policy.action == .allow
      if isAllow { if policy.isDryRun { hasDryAllow = true } else { hasAllow = true } }
      let isDecided = !policy.isDryRun && (isAllow ? allow : deny) != nil && policy.action != .audit
      guard !isDecided, let rule = policy.firstMatch(of: connection) else { return }
      let hit = Verdict.Hit(policy: policy, rule: rule)
      switch (policy.action, policy.isDryRun) {
      case (.audit, _): verdict.remarks.append(.audited(hit))
      case (.deny, true): verdict.remarks.append(.wouldDeny(hit))
      case (.deny, false): deny = hit
      case (.allow, false): allow = hit
      case (.allow, true):
        wouldAllow = true
        verdict.remarks.append(.wouldAllow(hit))
      }
    } unknown: { key in
      verdict.unknownPolicies.append(key)
    }
    if hasDryAllow, !hasAllow, !wouldAllow { verdict.remarks.append(.wouldNotAllow) }
    verdict.hit = deny ?? allow
    if deny != nil {
      verdict.refusal = .denied
    } else if !verdict.unknownPolicies.isEmpty {
      verdict.refusal = .unknownPolicy
      verdict.hit = nil
    } else if hasAllow, allow == nil {
      verdict.refusal = .notAllowed
    }
    return verdict
  }

  /// Every policy that concerns a workload, each once.
  private func forEachPolicy(of workload: Workload, _ body: (Policy) -> Void, unknown: (String) -> Void) {
    for policy in policies[nil] { body(policy) }
    for policy in policies[workload.namespace] { body(policy) }
    for key in workload.template.policies {
      guard let policy = policy(key) else {
        unknown(key)
        continue
      }
      // One that is named although it concerns the workload anyway has been heard.
      let isHeard = policy.scope == .global || policy.scope == .namespace && policy.namespace == workload.namespace
      if !isHeard { body(policy) }
    }
  }
}

extension Policy {
  /// The first rule that matches; nil when none does.
  func firstMatch(of connection: Connection) -> Int? { rules.firstIndex { $0.matches(connection) } }
}

extension Policy.Rule {
  func matches(_ connection: Connection) -> Bool { clauses.allSatisfy { $0.matches(connection) } }
}

extension Policy.Clause {
  func matches(_ connection: Connection) -> Bool { matches.isEmpty || matches.contains { $0.matches(connection) } }
}

extension Policy.Match {
  func matches(_ connection: Connection) -> Bool {
    !isEmpty && ports.holds { $0 == connection.destination.port }
      && destinations.holds { $0.contains(connection.destination.address) }
      && sources.holds { $0.contains(connection.source) }
      && accounts.holds { $0.matches(connection.identity) }
      && namespaces.holds { $0.matchesNamespace(of: connection.identity) }
      && principals.holds { $0.matchesPrincipal(of: connection.identity) }
  }

  private var isEmpty: Bool {
    namespaces.isEmpty && principals.isEmpty && accounts.isEmpty && sources.isEmpty && destinations.isEmpty
      && ports.isEmpty
  }
}

extension Policy.Field {
  /// One of those wanted, if any is; none of those unwanted.
  func holds(_ test: (Value) -> Bool) -> Bool {
    (wanted.isEmpty || wanted.contains(where: test)) && !unwanted.contains(where: test)
  }
}

// MARK: Texts, as bytes

extension Policy.ServiceAccount {
  func matches(_ identity: Identity?) -> Bool {
    guard let identity else { return false }
    return identity.bytes(identity.namespacePlace).equals(namespace.utf8Span.span)
      && identity.bytes(identity.accountPlace).equals(name.utf8Span.span)
  }
}

extension Policy.StringMatch {
  /// Who has proved nothing is of the namespace without a name.
  func matchesNamespace(of identity: Identity?) -> Bool {
    guard let identity else { return matches("".utf8Span.span) }
    return matches(identity.bytes(identity.namespacePlace))
  }

  func matchesPrincipal(of identity: Identity?) -> Bool {
    guard let identity else { return false }
    return matches(identity.bytes(identity.principalPlace))
  }

  func matches(_ text: Span<UInt8>) -> Bool {
    switch self {
    case .exact(let wanted): text.equals(wanted.utf8Span.span)
    case .prefix(let start): text.extracting(first: start.utf8.count).equals(start.utf8Span.span)
    case .suffix(let end): text.extracting(last: end.utf8.count).equals(end.utf8Span.span)
    case .presence: !text.isEmpty
    }
  }
}

extension Span<UInt8> {
  fileprivate func equals(_ other: Span<UInt8>) -> Bool {
    guard count == other.count else { return false }
    for index in indices where self[index] != other[index] { return false }
    return true
  }
}
