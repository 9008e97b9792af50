// SPDX-License-Identifier: Apache-2.0
// Chance: random things of a small alphabet, so that they meet. The same ones for the same seed.

import Format

@testable import Mesh

struct Chance {
  private var dice: Dice

  init(seed: UInt64) { dice = Dice(seed: seed &* 0x5851_f42d_4c95_7f2d) }

  static let addresses = (1...6).map { address("10.0.0.\($0)") } + [address("fd00::1"), address("fd00::2")]
  static let vips = (1...4).map { address("10.9.0.\($0)") } + [address("fd09::1")]

  static func name(_ service: String) -> ServiceName { ServiceName(namespace: "ns", hostname: "\(service).example") }

  mutating func number(_ range: ClosedRange<Int>) -> Int { Int.random(in: range, using: &dice) }
  mutating func flag() -> Bool { Bool.random(using: &dice) }
  mutating func shuffled<Element>(_ elements: [Element]) -> [Element] { elements.shuffled(using: &dice) }
  mutating func element<Element>(_ elements: [Element]) -> Element { elements[number(0...elements.count - 1)] }
  mutating func some<Element>(_ elements: [Element], atMost most: Int) -> [Element] {
    Array(elements.shuffled(using: &dice).prefix(number(0...most)))
  }

  private static let longNetwork = "a-network-with-a-long-name"

  mutating func gateway() -> GatewayAddress? {
    switch number(0...4) {
    case 0, 1: GatewayAddress(.hostname(Self.name(element(["s0", "s1", "s2", "gone"]))))
    case 2: GatewayAddress(.address(NetworkAddress(network: element(["", Self.longNetwork]), element(Self.addresses))))
    case 3: GatewayAddress(.address(NetworkAddress(element(Self.vips))))
    default: nil
    }
  }

  mutating func workload(at text: String? = nil) -> Workload {
    let name = "w\(number(0...7))"
    let services = ["s0", "s1", "s2"].filter { _ in number(0...2) > 0 }.map { service in
      Template.Membership(Self.name(service), ports: flag() ? [ServicePort(80, target: element([0, 8080]))] : [])
    }
    return Workload(
      uid: text == nil ? "c//Pod/ns/\(name)" : "c//Pod/ns/client", name: flag() ? name : "other",
      addresses: text.map { [address($0)] } ?? some(Self.addresses, atMost: 2),
      hostname: number(0...4) == 0 ? "w.example" : "", capacity: element([0, 1, 1, 5]),
      health: number(0...3) == 0 ? .unhealthy : .healthy,
      template: Template(
        namespace: "ns", serviceAccount: element(["a", "an-account-with-a-long-name"]),
        tunnel: element([.none, .hbone]),
        networkMode: number(0...5) == 0 ? .host : .standard,
        applicationTunnel: number(0...4) == 0 ? .init(.proxy, port: 15088) : nil, services: services,
        policies: some(["ns/p0", "ns/p1"], atMost: 2), waypoint: number(0...2) == 0 ? gateway() : nil,
        networkGateway: gateway()),
      place: Place(
        network: element(["", "", "", Self.longNetwork]), node: element(["n0", "n1"]), region: element(["r0", "r1"]),
        zone: element(["z0", "z1"])))
  }

  mutating func service(_ name: String) -> Service {
    let prefixes = ["10.9.0.0/30", "10.0.0.0/8", "fd09::/64"].map(block) + Self.vips.map { AddressBlock($0) }
    return Service(
      Self.name(name), shortName: name,
      addresses: some(prefixes, atMost: 3).map { NetworkBlock(network: element(["", "", Self.longNetwork]), $0) },
      ports: [ServicePort(80, target: 8080), ServicePort(81, target: 0), ServicePort(15008, target: 15008)].filter {
        _ in
        number(0...5) > 0
      },
      subjectNames: flag() ? ["spiffe://cluster.local/ns/ns/sa/a"] : [], waypoint: number(0...2) == 0 ? gateway() : nil,
      weightedWaypoints: number(0...5) == 0
        ? [gateway(), gateway()].compactMap { $0.map { Service.WeightedWaypoint($0, weight: UInt32(number(0...2))) } }
        : [],
      balancing: LoadBalancing(
        element([.any, .strict, .failover, .failover, .passthrough]),
        preferences: some([.network, .region, .zone, .node, .cluster], atMost: 3),
        health: number(0...3) == 0 ? .allowAll : .onlyHealthy),
      families: element([.automatic, .v4Only, .v6Only, .dual]), isCanonical: flag(),
      visibility: number(0...4) == 0 ? .ownNamespace : .everyone)
  }

  mutating func policy() -> Policy {
    Policy(
      namespace: element(["ns", "root"]), name: "p\(number(0...2))", scope: element([.global, .namespace, .workload]),
      action: element([.allow, .deny]), isDryRun: flag(), rules: flag() ? [.init([])] : [])
  }

  mutating func change() -> Change {
    switch number(0...9) {
    case 0...3: .workload(workload())
    case 4, 5: .service(service(element(["s0", "s1", "s2"])))
    case 6: .policy(policy())
    case 7: .removeWorkload(uid: "c//Pod/ns/w\(number(0...5))")
    case 8: .removeService(Self.name(element(["s0", "s1", "s2"])))
    default: .removePolicy(key: "\(element(["ns", "root"]))/p\(number(0...2))")
    }
  }
}

extension Change {
  /// What it is about.
  var name: String {
    switch self {
    case .workload(let workload): "w \(workload.uid)"
    case .service(let service): "s \(service.name)"
    case .policy(let policy): "p \(policy.key)"
    case .removeWorkload(let uid): "w \(uid)"
    case .removeService(let name): "s \(name)"
    case .removePolicy(let key): "p \(key)"
    }
  }

  var isRemoval: Bool {
    switch self {
    case .workload, .service, .policy: false
    case .removeWorkload, .removeService, .removePolicy: true
    }
  }
}

extension Snapshot {
  /// Everything that can be found in it, by every way to find it, in order.
  var dump: [String] {
    var lines: [String] = []
    forEachWorkload { workload in
      let parts: [AnyHashable] = [
        workload.name, Array(workload.addresses), workload.hostname, workload.capacity, workload.health,
        workload.template, workload.place,
      ]
      lines.append("workload \(workload.uid) \(parts.hashValue)")
    }
    forEachService { service in
      let parts: [AnyHashable] = [
        service.shortName, service.addresses, service.ports, service.subjectNames, service.waypoint,
        service.weightedWaypoints, service.balancing, service.families, service.isCanonical, service.visibility,
      ]
      lines.append("service \(service.name) \(parts.hashValue)")
    }
    forEachPolicy {
      lines.append("policy \($0.key) \(([$0.scope, $0.action, $0.isDryRun, $0.rules] as [AnyHashable]).hashValue)")
    }
    networks.forEach { network in
      network.workloads.forEach { lines.append("at \(network.key) \($0) \($1.map(\.uid))") }
      network.services.forEach { lines.append("at \(network.key) \($0) \($1.map(\.name))") }
      for address in Chance.vips + Chance.addresses {
        network.blocks.forEach(holding: address) { lines.append("block \(network.key) \(address) \($0) \($1)") }
      }
    }
    serviceHosts.forEach { lines.append("host \($0) \($1.map(\.name))") }
    workloadHosts.forEach { lines.append("host \($0) \($1.map(\.uid))") }
    endpoints.forEach {
      lines.append(
        "endpoints \($0.service) \($0.workloads.map(\.uid)) \($0.nearest) \(String(describing: $0.elsewhere))")
    }
    policies.forEach { lines.append("policies \($0 ?? "-") \($1.map(\.key))") }
    return lines.sorted()
  }
}
