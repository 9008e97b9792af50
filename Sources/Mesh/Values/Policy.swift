// SPDX-License-Identifier: Apache-2.0
// Policy: who may connect to whom, as the control plane says it.
//
//   policy  matches when   ANY rule does
//   rule    matches when   EVERY clause does
//   clause  matches when   ANY match does
//   match   matches when   EVERY kind of field does: one of the values wanted, none of those unwanted

package import Format

/// A policy over connections. The fields are those of the control plane's Authorization message.
package final class Policy: Sendable {
  /// Whom it concerns.
  package enum Scope: UInt8, Sendable { case global, namespace, workload }
  /// What a match means. Audit decides nothing.
  package enum Action: UInt8, Sendable { case allow, deny, audit }

  /// Its name in its namespace.
  package let name: String
  /// The namespace it belongs to.
  package let namespace: String
  /// `namespace/name`: the primary key.
  package let key: String
  /// Whom it concerns.
  package let scope: Scope
  /// What a match means.
  package let action: Action
  /// Whether it only says what it would do.
  package let isDryRun: Bool
  /// What it matches.
  package let rules: [Rule]

  /// A policy as its control plane describes it.
  package init(
    namespace: String, name: String, scope: Scope, action: Action, isDryRun: Bool = false, rules: [Rule]
  ) {
    self.name = name
    self.namespace = namespace
    key = "\(namespace)/\(name)".compact
    self.scope = scope
    self.action = action
    self.isDryRun = isDryRun
    self.rules = rules
  }

  /// Clauses that all must match.
  package struct Rule: Hashable, Sendable {
    /// None of them matches everything.
    package let clauses: [Clause]

    /// Clauses that all must match.
    package init(_ clauses: [Clause]) { self.clauses = clauses }
  }

  /// Matches of which one must match.
  package struct Clause: Hashable, Sendable {
    /// None of them matches everything.
    package let matches: [Match]

    /// Matches of which one must match.
    package init(_ matches: [Match]) { self.matches = matches }
  }

  /// Values a field should have, and values it must not have. Empty lists ask for nothing.
  package struct Field<Value: Hashable & Sendable>: Hashable, Sendable {
    /// One of these.
    package let wanted: [Value]
    /// None of these.
    package let unwanted: [Value]

    /// Joins the two.
    package init(_ wanted: [Value] = [], not unwanted: [Value] = []) {
      self.wanted = wanted
      self.unwanted = unwanted
    }

    /// Whether nothing is asked.
    var isEmpty: Bool { wanted.isEmpty && unwanted.isEmpty }
  }

  /// Fields that all must match. With none of them it matches nothing. Behind a reference, because a value would count
  /// the holders of its twelve lists each time it is looked at.
  package final class Match: Hashable, Sendable {
    /// The namespace of the peer.
    package let namespaces: Field<StringMatch>
    /// The identity of the peer, without its scheme.
    package let principals: Field<StringMatch>
    /// The account of the peer, in any trust domain.
    package let accounts: Field<ServiceAccount>
    /// The address of the peer.
    package let sources: Field<AddressBlock>
    /// The address of the workload.
    package let destinations: Field<AddressBlock>
    /// The port of the workload.
    package let ports: Field<UInt16>

    /// Joins them.
    package init(
      namespaces: Field<StringMatch> = Field(), principals: Field<StringMatch> = Field(),
      accounts: Field<ServiceAccount> = Field(), sources: Field<AddressBlock> = Field(),
      destinations: Field<AddressBlock> = Field(), ports: Field<UInt16> = Field()
    ) {
      self.namespaces = namespaces
      self.principals = principals
      self.accounts = accounts
      self.sources = sources
      self.destinations = destinations
      self.ports = ports
    }

    package static func == (one: Match, other: Match) -> Bool {
      one === other
        || one.namespaces == other.namespaces && one.principals == other.principals && one.accounts == other.accounts
          && one.sources == other.sources && one.destinations == other.destinations && one.ports == other.ports
    }

    package func hash(into hasher: inout Hasher) {
      hasher.combine(namespaces)
      hasher.combine(principals)
      hasher.combine(accounts)
      hasher.combine(sources)
      hasher.combine(destinations)
      hasher.combine(ports)
    }
  }

  /// How a text is compared. Case matters.
  package enum StringMatch: Hashable, Sendable {
    case exact(String)
    case prefix(String)
    case suffix(String)
    /// Anything but nothing.
    case presence
  }

  /// An account, in any trust domain.
  package struct ServiceAccount: Hashable, Sendable {
    /// The namespace of the account.
    package let namespace: String
    /// Its name.
    package let name: String

    /// Joins the two.
    package init(namespace: String, name: String) {
      self.namespace = namespace
      self.name = name
    }
  }
}

extension Policy: Equatable, Keyed, Ordered {
  /// Equal in every field.
  package static func == (one: Policy, other: Policy) -> Bool {
    one === other
      || one.key == other.key && one.namespace == other.namespace && one.scope == other.scope
        && one.action == other.action && one.isDryRun == other.isDryRun && one.rules == other.rules
  }

  func precedes(_ other: Policy) -> Bool { key < other.key }
}

extension Policy: CustomStringConvertible {
  /// `namespace/name`.
  package var description: String { key }
}
