// SPDX-License-Identifier: Apache-2.0
// ResolveWorld: short ways to say what stands in the world of a row, and to read what was answered.
//
//   called("bank/vault.bank.svc.cluster.local", ["10.0.0.1", "fd00::1", "10.0.0.1@net-2", "10.1.0.0/16"])
//   endpoint("bank/db-0", of: "bank/db.bank.svc.cluster.local", ["10.2.0.1"], in: "net-2")

import Format

@testable import Mesh

/// `namespace/rest` in two.
private func halves(_ text: String) -> (namespace: String, rest: String) {
  let parts = text.split(separator: "/", maxSplits: 1).map(String.init)
  precondition(parts.count == 2, "no namespace: \(text)")
  return (parts[0], parts[1])
}

/// A service of this namespace that is called this; its addresses are in the network without a name, unless a name
/// stands behind them.
func called(
  _ name: String, _ addresses: [String] = [], families: Service.Families = .automatic, isCanonical: Bool = false,
  visibility: Service.Visibility = .everyone, balancing: LoadBalancing = LoadBalancing()
) -> Change {
  let places = addresses.map { text in
    let parts = text.split(separator: "@").map(String.init)
    return NetworkBlock(network: parts.count > 1 ? parts[1] : "", block(parts[0]))
  }
  let (namespace, hostname) = halves(name)
  return .service(
    Service(
      ServiceName(namespace: namespace, hostname: hostname), addresses: places, balancing: balancing,
      families: families, isCanonical: isCanonical, visibility: visibility))
}

/// A pod behind a service.
func endpoint(
  _ name: String, of service: String, _ addresses: [String], in network: String = "", hostname: String = "",
  capacity: UInt32 = 1, health: Workload.Health = .healthy
) -> Change {
  let (pod, service) = (halves(name), halves(service))
  let membership = Template.Membership(ServiceName(namespace: service.namespace, hostname: service.rest))
  return .workload(
    Workload(
      uid: "c1//Pod/\(pod.namespace)/\(pod.rest)", name: pod.rest, addresses: addresses.map(address),
      hostname: hostname, capacity: capacity, health: health,
      template: Template(namespace: pod.namespace, services: [membership]), place: Place(network: network)))
}

extension Scene {
  /// Asks for a name.
  func resolve(
    _ name: String, _ family: NameQuestion.Family? = .v4, under options: NameOptions = NameOptions(), seed: UInt64 = 1
  ) -> NameAnswer {
    var dice = Dice(seed: seed)
    return world.resolve(NameQuestion(name, family), for: client, under: options, dice: &dice)
  }
}

extension NameAnswer {
  /// The records, if it was answered here.
  var records: NameRecords? { if case .answer(let records) = self { records } else { nil } }

  /// What a row says of it.
  var told: ResolveTests.Told {
    switch self {
    case .forward(let reason): return .forward(reason)
    case .answer(let records):
      let addresses = Set(records.addresses.map(\.description))
      return switch (records.alias, records.absence) {
      case (nil, nil): .addresses(addresses)
      case (nil, let absence?): .none(absence)
      case (let alias?, nil): .alias(alias, addresses)
      case (let alias?, let absence?): .aliasOfNone(alias, absence)
      }
    }
  }
}

extension String {
  /// The same without a dot at the end.
  var withoutLastDot: String { hasSuffix(".") ? String(dropLast()) : self }
}
