// SPDX-License-Identifier: Apache-2.0
// Find: what an address or a name means to a client.
//
//   several services may have one address or one name; a client means, of those it can see,
//     exact address:    its own namespace's > canonical > first by name
//     block of them:    its own namespace's > longest prefix > canonical > first by name
//   an exact address that the client cannot see does not hide a block.

import Format

extension Snapshot {
  /// What an address means.
  enum Destination: Sendable {
    case workload(Workload)
    case service(Service)
  }

  /// Whose an address is: a workload and a service may share one.
  struct Owners: Sendable {
    let workload: Workload?
    let service: Service?
  }

  /// Whose an address is, to a client of a namespace.
  func owners(of address: NetworkAddress, for namespace: String) -> Owners {
    guard let network = networks.find(address.network) else { return Owners(workload: nil, service: nil) }
    return Owners(
      workload: network.workloads[address.address].first, service: network.service(at: address.address, for: namespace))
  }

  /// What an address means: a workload before a service.
  func destination(at address: NetworkAddress, for namespace: String) -> Destination? {
    let owners = owners(of: address, for: namespace)
    return owners.workload.map(Destination.workload) ?? owners.service.map(Destination.service)
  }

  /// The service that a client of a namespace means by an address.
  package func service(at address: NetworkAddress, for namespace: String) -> Service? {
    networks.find(address.network)?.service(at: address.address, for: namespace)
  }

  /// The service that a client of a namespace means by a name.
  package func service(host: String, for namespace: String, preferring other: String? = nil) -> Service? {
    serviceHosts[host].preferred(by: namespace, thenIn: other)
  }

  /// The workload of a namespace that has a hostname. One of another namespace could claim any name.
  func workload(host: ServiceName) -> Workload? {
    workloadHosts[host.hostname].first { $0.namespace == host.namespace }
  }
}

extension Snapshot.Network {
  fileprivate func service(at address: IPAddress, for namespace: String) -> Service? {
    services[address].preferred(by: namespace) ?? blocks.preferred(at: address, by: namespace)
  }
}

extension Few<Service> {
  /// The one a client means. They stand in the order of their names.
  func preferred(by namespace: String, thenIn other: String? = nil) -> Service? {
    var best: Service?
    var bestRank = Int.max
    for service in self where service.isVisible(to: namespace) {
      let rank =
        service.name.namespace == namespace
        ? 0 : service.isCanonical ? 1 : service.name.namespace == other ? 2 : 3
      if rank < bestRank { (best, bestRank) = (service, rank) }
    }
    return best
  }
}

extension BlockTree<Service> {
  /// The one a client means.
  func preferred(at address: IPAddress, by namespace: String) -> Service? {
    var best: Service?
    var bestRank = -1
    forEach(holding: address) { service, length in
      guard service.isVisible(to: namespace) else { return }
      let rank = (service.name.namespace == namespace ? 1024 : 0) + length * 2 + (service.isCanonical ? 1 : 0)
      if rank > bestRank { (best, bestRank) = (service, rank) }
    }
    return best
  }
}
