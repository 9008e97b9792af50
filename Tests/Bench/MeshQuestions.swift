// SPDX-License-Identifier: Apache-2.0
// MeshQuestions: what a node asks its world all day, and what a control plane tells it.
//
// The questions are many and come in no order, so that most of what an answer needs is in no cache near the core. What is
// asked is made before the clock runs; what is answered is dropped while it does.

import Format
import Mesh

/// Questions about one snapshot, by clients that can be anybody.
func decisionQuestions(_ world: MeshWorld, _ snapshot: Snapshot, count: Int) -> [MeshQuestion] {
  var dice = Dice(seed: 2)
  func numbers(below bound: Int) -> [Int] { (0..<count).map { _ in Int.random(in: 0..<bound, using: &dice) } }
  let services = numbers(below: world.services)
  let workloads = numbers(below: world.workloads)
  let clients = numbers(below: world.workloads).map { snapshot.workload($0, of: world) }
  return routes(world, snapshot, clients, services) + [authorizations(world, snapshot, workloads, clients)]
    + lookups(world, snapshot, services, workloads)
}

extension Snapshot {
  fileprivate func workload(_ number: Int, of world: MeshWorld) -> Workload {
    guard let workload = workload(uid: world.uid(number)) else {
      preconditionFailure("workload \(number) of \(world.workloads) is missing")
    }
    return workload
  }
}

private func routes(
  _ world: MeshWorld, _ snapshot: Snapshot, _ clients: [Workload], _ services: [Int]
) -> [MeshQuestion] {
  let known = services.map { Endpoint(world.address(ofService: $0), port: 80) }
  let unknown = services.map { Endpoint(world.unknownAddress($0), port: 443) }
  var luck = Dice(seed: 3)
  return [
    MeshQuestion(name: "route", count: services.count) {
      { snapshot.route(from: clients[$0], to: known[$0], dice: &luck).path?.carriage == .hbone }
    },
    MeshQuestion(name: "route_unknown", count: services.count) {
      { snapshot.route(from: clients[$0], to: unknown[$0], dice: &luck).path?.carriage == .passthrough }
    },
  ]
}

/// Three of four clients are of the same namespace, whose policies let them in; most of the others are refused.
private func authorizations(
  _ world: MeshWorld, _ snapshot: Snapshot, _ numbers: [Int], _ strangers: [Workload]
) -> MeshQuestion {
  let targets = numbers.map { snapshot.workload($0, of: world) }
  let connections = numbers.indices.map { index in
    let isNeighbour = index % 4 > 0
    let client = isNeighbour ? snapshot.workload(world.neighbour(of: numbers[index]), of: world) : strangers[index]
    return Connection(
      from: client.addresses[0], to: Endpoint(targets[index].addresses[0], port: 8080),
      identity: Identity(client.identity.uri))
  }
  return MeshQuestion(name: "authorize", count: numbers.count) {
    { index in
      let verdict = snapshot.authorize(connections[index], to: targets[index])
      return index % 4 > 0 ? verdict.isAllowed : verdict.refusal != .unknownPolicy
    }
  }
}

private func lookups(
  _ world: MeshWorld, _ snapshot: Snapshot, _ services: [Int], _ workloads: [Int]
) -> [MeshQuestion] {
  func place(_ address: IPAddress) -> NetworkAddress { NetworkAddress(network: MeshWorld.network, address) }
  let namespace = world.namespace(ofService: 0)
  let hosts = services.map(world.hostname)
  let uids = workloads.map(world.uid)
  let servicePlaces = services.map { place(world.address(ofService: $0)) }
  let workloadPlaces = workloads.map { place(world.address(ofWorkload: $0)) }
  return [
    MeshQuestion(name: "service_at", count: services.count) {
      { snapshot.service(at: servicePlaces[$0], for: namespace) != nil }
    },
    MeshQuestion(name: "service_host", count: services.count) {
      { snapshot.service(host: hosts[$0], for: namespace) != nil }
    },
    MeshQuestion(name: "workload_at", count: workloads.count) {
      { snapshot.workload(at: workloadPlaces[$0]) != nil }
    },
    MeshQuestion(name: "workload_uid", count: workloads.count) {
      { snapshot.workload(uid: uids[$0]) != nil }
    },
  ]
}

/// More services than this need not change to see what a change costs.
private let sampleMax = 1_000

/// Sets of one change each, while a reader holds the snapshot before: one workload of each of many services becomes unhealthy
/// or moves, and then the first of them is as it was before.
func changeQuestions(_ world: MeshWorld, _ build: MeshBuild, count: Int) -> [MeshQuestion] {
  var dice = Dice(seed: 4)
  let sample = (0..<world.services).shuffled(using: &dice).prefix(sampleMax).map { service in
    service * MeshWorld.replicas + Int.random(in: 0..<MeshWorld.replicas, using: &dice)
  }
  func question(_ name: String, _ workload: @escaping (Int, Bool) -> Workload) -> MeshQuestion {
    MeshQuestion(name: name, count: count) {
      let sets = (0..<count).map { index in
        [Change.workload(workload(sample[index % sample.count], index / sample.count % 2 == 0))]
      }
      return { index in
        build.reader = build.ledger.snapshot
        return !build.ledger.apply(sets[index], from: .controlPlane).isEmpty
      }
    }
  }
  return [
    question("change_health") { world.workload($0, isSick: $1) },
    question("change_address") { world.workload($0, isMoved: $1) },
  ]
}
