// SPDX-License-Identifier: Apache-2.0
// Snapshot: the world at one moment. It never changes; a decision that asks one snapshot sees one world.
//
//   layers      what each source says                         by uid, by service name, by policy key
//   networks    who has an address: workloads, services        by address; blocks of addresses by prefix
//   hosts       who has a name: services, workloads            by hostname
//   endpoints   the workloads of each service                  by service name
//   policies    those that nobody has to name                  by namespace; the mesh's own under nil
//
// Layers are the truth; all else follows from them and is kept up by Ledger, at a cost that does not grow with the world.

import Format

/// The world at one moment.
package struct Snapshot: Sendable {
  /// What one source says.
  struct Layer: Sendable {
    let source: Source
    var workloads = Trie<Workload>()
    var services = Trie<Service>()
    var policies = Trie<Policy>()

    var isEmpty: Bool { workloads.count == 0 && services.count == 0 && policies.count == 0 }
  }

  /// Who has an address in one network.
  struct Network: Keyed {
    let key: String
    var workloads = Index<AddressClaims>()
    var services = Index<KeyClaims<IPAddress, Service>>()
    var blocks = BlockTree<Service>()

    var isEmpty: Bool { workloads.count == 0 && services.count == 0 && blocks.isEmpty }
  }

  /// How many change sets made it.
  package internal(set) var version: UInt64 = 0
  var layers: [Layer] = []
  var networks = Trie<Network>()
  var serviceHosts = Index<KeyClaims<String, Service>>()
  var workloadHosts = Index<KeyClaims<String, Workload>>()
  var endpoints = Trie<Endpoints>()
  var policies = Index<KeyClaims<String?, Policy>>()

  /// The world before anybody has said anything.
  package init() {}
}

extension Snapshot {
  /// The workload of a uid.
  package func workload(uid: String) -> Workload? { first { $0.workloads.find(uid) } }
  /// The service of a name.
  package func service(_ name: ServiceName) -> Service? { first { $0.services.find(name) } }
  /// The policy of a key.
  package func policy(_ key: String) -> Policy? { first { $0.policies.find(key) } }

  /// What the first source says that says anything.
  private func first<Value>(_ find: (Layer) -> Value?) -> Value? {
    for layer in layers {
      if let value = find(layer) { return value }
    }
    return nil
  }

  /// The workload that has an address; of several, the one with the best claim.
  package func workload(at address: NetworkAddress) -> Workload? {
    networks.find(address.network)?.workloads[address.address].first
  }

  /// The workloads of a service, healthy or not, in order of their uids.
  package func workloads(of service: ServiceName) -> [Workload] { endpoints.find(service)?.workloads ?? [] }

  /// Every workload, in no order that means anything.
  package func forEachWorkload(_ body: (Workload) -> Void) {
    forEach(\.workloads, winner: { workload(uid: $0.uid) }, body)
  }

  /// Every service, in no order that means anything.
  package func forEachService(_ body: (Service) -> Void) { forEach(\.services, winner: { service($0.name) }, body) }

  /// Every policy, in no order that means anything.
  package func forEachPolicy(_ body: (Policy) -> Void) { forEach(\.policies, winner: { policy($0.key) }, body) }

  private func forEach<Value: Keyed & AnyObject>(
    _ part: KeyPath<Layer, Trie<Value>>, winner: (Value) -> Value?, _ body: (Value) -> Void
  ) {
    for layer in layers {
      layer[keyPath: part].forEach { value in
        if layers.count == 1 || winner(value) === value { body(value) }
      }
    }
  }
}
