// SPDX-License-Identifier: Apache-2.0
// Change: what a source says about the world, one thing at a time.

/// Who said something. Of two that name the same thing, the lower one is believed.
package struct Source: Hashable, Comparable, Sendable {
  /// Its place among the others.
  package let rank: UInt8

  /// A source of its own.
  package init(rank: UInt8) { self.rank = rank }

  /// What the node knows of itself.
  package static let node = Source(rank: 0)
  /// A folder of manifests.
  package static let manifests = Source(rank: 64)
  /// A Kubernetes cluster that is watched.
  package static let kubernetes = Source(rank: 128)
  /// Another control plane.
  package static let controlPlane = Source(rank: 192)

  package static func < (one: Self, other: Self) -> Bool { one.rank < other.rank }
}

/// One thing a source says.
package enum Change: Sendable {
  case workload(Workload)
  case service(Service)
  case policy(Policy)
  case removeWorkload(uid: String)
  case removeService(ServiceName)
  case removePolicy(key: String)
}

/// What a set of changes can mean for connections that are open.
package struct Touched: Equatable, Sendable {
  /// More changed workloads than this touch everything.
  static let workloadsMax = 4096

  /// Nothing is said about single connections: all of them.
  package internal(set) var isEverything = false
  /// Workloads that came, went or changed, by uid.
  package internal(set) var workloads: Set<String> = []
  /// Namespaces whose own policies changed.
  package internal(set) var namespaces: Set<String> = []
  /// Policies of workloads that changed, by key.
  package internal(set) var policies: Set<String> = []

  /// Whether nothing has to be judged again.
  package var isEmpty: Bool { !isEverything && workloads.isEmpty && namespaces.isEmpty && policies.isEmpty }

  /// Whether a connection to this workload has to be judged again.
  package func reaches(_ workload: Workload) -> Bool {
    isEverything || workloads.contains(workload.uid) || namespaces.contains(workload.namespace)
      || !policies.isEmpty && workload.template.policies.contains(where: policies.contains)
  }

  mutating func add(_ workload: Workload) {
    if isEverything { return }
    workloads.insert(workload.uid)
    if workloads.count > Self.workloadsMax { (isEverything, workloads) = (true, []) }
  }

  mutating func add(_ policy: Policy) {
    switch policy.scope {
    case .global: isEverything = true
    case .namespace: namespaces.insert(policy.namespace)
    case .workload: break
    }
    // A workload may name a policy of any scope.
    policies.insert(policy.key)
  }
}
