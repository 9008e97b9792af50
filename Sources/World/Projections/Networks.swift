// SPDX-License-Identifier: Apache-2.0
// Networks: what is in networks other than our own, and the way there.
//
//   a label on a pod or an entry, a field of an entry   → the network of its addresses, else the mesh's own
//   a Gateway with the label of another network         → the way into it, and a workload that answers there
//   a service that is global                            → the identities of its endpoints there

import Format
import Mesh

extension Objects {
  /// Identities of endpoints in other networks, which clients cannot learn from the endpoints themselves.
  func subjectNames(of meta: Meta, _ spec: ServiceObject) -> [String] {
    guard meta.labels[Label.global] == "true", !spec.selector.isEmpty else { return [] }
    var names: Set<String> = []
    for kind in [Kind.pod, .workloadEntry] {
      for object in all(kind, in: meta.namespace) {
        guard network(of: object) != settings.network, spec.selector.selects(object.workloadLabels),
          let account = object.serviceAccount
        else { continue }
        names.insert(
          Identity(trustDomain: settings.trustDomain, namespace: meta.namespace, serviceAccount: account).uri)
      }
    }
    return names.sorted()
  }

  /// The network of an object's addresses.
  func network(of object: Object) -> String {
    if case .workloadEntry(let entry) = object.body, !entry.network.isEmpty { return entry.network }
    return object.workloadLabels[Label.network] ?? settings.network
  }

  /// The way into a network that is not our own: of several the oldest.
  func networkGateway(of network: String) -> GatewayAddress? {
    guard network != settings.network else { return nil }
    let gateways = all(.gateway).filter { $0.meta.labels[Label.network] == network }
    return gateways.sorted { $0.meta.precedes($1.meta) }.lazy.compactMap(farGateway).first
  }

  /// Where a gateway into another network is found; nil when it is none, or has no address yet.
  private func farGateway(_ object: Object) -> GatewayAddress? {
    guard let network = object.meta.labels[Label.network], network != settings.network, counts(object.meta),
      case .gateway(let gateway) = object.body, gateway.listeners.contains(where: { $0.port == 15008 })
    else { return nil }
    return gateway.address(in: object.meta.namespace, network: network, port: 15008)
  }

  /// A gateway into another network as a workload: whoever is sent there has to find it, and to know who answers.
  func project(gateway object: Object, _ gateway: GatewayObject) -> Projection {
    guard let address = farGateway(object), let network = object.meta.labels[Label.network] else { return Projection() }
    let (addresses, hostname): ([IPAddress], String) =
      switch address.destination {
      case .address(let place): ([place.address], "")
      case .hostname(let name): ([], name.hostname)
      }
    let name = "NetworkGateway/\(network)/\(addresses.first.map(\.description) ?? hostname)/\(address.port)"
    let account =
      object.meta.annotations[Label.gatewayAccount]
      ?? (gateway.className == "istio-remote" ? "\(object.meta.name)-istio-remote" : object.meta.name)
    let template = Template(
      namespace: object.meta.namespace, trustDomain: settings.trustDomain, serviceAccount: account)
    return Projection(things: [
      .workload(
        Workload(
          uid: name, name: name, addresses: addresses, hostname: hostname, template: template,
          place: Place(network: network, cluster: settings.cluster)))
    ])
  }
}

extension Object {
  /// Who its workload is; nil when it has none.
  fileprivate var serviceAccount: String? {
    switch body {
    case .pod(let pod): pod.isEnded ? nil : pod.serviceAccount
    case .workloadEntry(let entry): entry.serviceAccount.isEmpty ? "default" : entry.serviceAccount
    default: nil
    }
  }
}

extension Object {
  /// Whether it has workloads in one of these networks.
  func mentions(_ networks: Set<String>) -> Bool {
    func isOne(_ name: String?) -> Bool { name.map(networks.contains) ?? false }
    if isOne(meta.labels[Label.network]) { return true }
    switch body {
    case .workloadEntry(let entry): return isOne(entry.network) || isOne(entry.labels[Label.network])
    case .serviceEntry(let entry):
      return entry.endpoints.contains { isOne($0.network) || isOne($0.labels[Label.network]) }
    default: return false
    }
  }
}
