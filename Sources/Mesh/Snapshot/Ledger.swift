// SPDX-License-Identifier: Apache-2.0
// Ledger: the one who writes the world down. Sets of changes in, snapshots out.
//
//   change ─► layer of its source ─► did the believed value change? ─► withdraw the old one from every index
//                                                                      └► enter the new one
//   at the end of the set, the endpoints of each service concerned are made anew, once
//
// The order of changes to different things, and how they are cut into sets, cannot be seen in the result: an endpoint that
// comes before its service waits in the list it will be found in.

import Format

/// Turns changes into snapshots. One owner; the snapshots may go anywhere.
package struct Ledger: Sendable {
  /// The world after the last set of changes.
  package private(set) var snapshot = Snapshot()
  private var pool = Pool()
  private var moves: [ServiceName: Moves] = [:]
  private var touched = Touched()

  /// A ledger of an empty world.
  package init() {}

  /// How many templates, places and texts are held, for the tests of what is given back.
  var poolCounts: [Int] { pool.counts }

  /// Writes down what a source says, and tells which open connections have to be judged again.
  package mutating func apply(_ changes: [Change], from source: Source) -> Touched {
    let layer = place(of: source)
    for change in changes { apply(change, layer: layer) }
    return finish()
  }

  /// Forgets all that a source has said.
  package mutating func forget(_ source: Source) -> Touched {
    guard let layer = snapshot.layers.firstIndex(where: { $0.source == source }) else { return Touched() }
    var changes: [Change] = []
    snapshot.layers[layer].policies.forEach { changes.append(.removePolicy(key: $0.key)) }
    snapshot.layers[layer].services.forEach { changes.append(.removeService($0.name)) }
    snapshot.layers[layer].workloads.forEach { changes.append(.removeWorkload(uid: $0.uid)) }
    return apply(changes, from: source)
  }

  private mutating func place(of source: Source) -> Int {
    let place = snapshot.layers.firstIndex { $0.source >= source } ?? snapshot.layers.endIndex
    if place == snapshot.layers.endIndex || snapshot.layers[place].source != source {
      snapshot.layers.insert(Snapshot.Layer(source: source), at: place)
    }
    return place
  }

  private mutating func apply(_ change: Change, layer: Int) {
    switch change {
    case .workload(let workload): replace(uid: workload.uid, with: workload, layer)
    case .service(let service): replace(service.name, with: service, layer)
    case .policy(let policy): replace(policy: policy.key, with: policy, layer)
    case .removeWorkload(let uid): replace(uid: uid, with: nil, layer)
    case .removeService(let name): replace(name, with: nil, layer)
    case .removePolicy(let key): replace(policy: key, with: nil, layer)
    }
  }

  /// What is believed when one layer says this: the first of all layers that says anything.
  private func believed<Value>(_ said: Value?, _ layer: Int, _ find: (Snapshot.Layer) -> Value?) -> Value? {
    snapshot.layers[..<layer].lazy.compactMap(find).first
      ?? said ?? snapshot.layers[(layer + 1)...].lazy.compactMap(find).first
  }

  private mutating func finish() -> Touched {
    for (name, moves) in moves { move(moves, of: name) }
    moves = [:]
    snapshot.layers.removeAll(where: \.isEmpty)
    snapshot.version += 1
    defer { touched = Touched() }
    return touched
  }
}

// MARK: Workloads

extension Ledger {
  private mutating func replace(uid: String, with workload: Workload?, _ layer: Int) {
    let said = snapshot.layers[layer].workloads.find(uid)
    guard said != workload else { return }
    let held = workload.map { pool.hold($0) }
    snapshot.layers[layer].workloads.put(held, at: uid)
    if let said { pool.release(said) }
    let old = believed(said, layer) { $0.workloads.find(uid) }
    let new = believed(held, layer) { $0.workloads.find(uid) }
    guard old !== new else { return }
    if let old { withdraw(old) }
    if let new { enter(new) }
  }

  private mutating func withdraw(_ workload: Workload) {
    if workload.ownsAddresses {
      for address in workload.addresses {
        inNetwork(workload.network) { $0.workloads.remove(workload, from: address) }
      }
    }
    if !workload.hostname.isEmpty { snapshot.workloadHosts.remove(workload, from: workload.hostname) }
    for membership in workload.template.services { moves[membership.service, default: Moves()].leave(workload) }
    touched.add(workload)
  }

  private mutating func enter(_ workload: Workload) {
    if workload.ownsAddresses {
      for address in workload.addresses {
        inNetwork(workload.network) { $0.workloads.add(workload, to: address) }
      }
    }
    if !workload.hostname.isEmpty { snapshot.workloadHosts.add(workload, to: workload.hostname) }
    for membership in workload.template.services { moves[membership.service, default: Moves()].join(workload) }
    touched.add(workload)
  }

  private mutating func inNetwork(_ name: String, _ body: (inout Snapshot.Network) -> Void) {
    snapshot.networks.update(name) { slot in
      var network = slot.take() ?? Snapshot.Network(key: name)
      body(&network)
      slot = network.isEmpty ? nil : network
    }
  }
}

// MARK: Services and their endpoints

extension Ledger {
  private mutating func replace(_ name: ServiceName, with service: Service?, _ layer: Int) {
    let said = snapshot.layers[layer].services.find(name)
    guard said != service else { return }
    let held = service.map { pool.hold($0) }
    snapshot.layers[layer].services.put(held, at: name)
    if let said { pool.release(said) }
    let old = believed(said, layer) { $0.services.find(name) }
    let new = believed(held, layer) { $0.services.find(name) }
    guard old !== new else { return }
    if let old { withdraw(old) }
    if let new { enter(new) }
    // Its endpoints are made anew under its new rules, even when none of them moves.
    moves[name] = moves[name] ?? Moves()
  }

  private mutating func withdraw(_ service: Service) {
    atAddresses(of: service) { services, address in
      services.remove(service, from: address)
    } orBlocks: { blocks, block in
      blocks.remove(service, from: block)
    }
    snapshot.serviceHosts.remove(service, from: service.name.hostname)
  }

  private mutating func enter(_ service: Service) {
    atAddresses(of: service) { services, address in
      services.add(service, to: address)
    } orBlocks: { blocks, block in
      blocks.add(service, to: block)
    }
    snapshot.serviceHosts.add(service, to: service.name.hostname)
  }

  private mutating func atAddresses(
    of service: Service, _ single: (inout Index<KeyClaims<IPAddress, Service>>, IPAddress) -> Void,
    orBlocks many: (inout BlockTree<Service>, AddressBlock) -> Void
  ) {
    for place in service.addresses {
      inNetwork(place.network) { network in
        if place.block.isOneAddress {
          single(&network.services, place.block.first)
        } else {
          many(&network.blocks, place.block)
        }
      }
    }
  }

  private mutating func move(_ moves: Moves, of name: ServiceName) {
    let service = snapshot.service(name)
    snapshot.endpoints.update(name) { slot in
      var workloads = slot?.workloads ?? []
      slot = nil
      moves.settle(in: &workloads)
      if service != nil || !workloads.isEmpty {
        slot = Endpoints(of: service?.name ?? name, service: service, workloads: workloads)
      }
    }
  }
}

// MARK: Policies

extension Ledger {
  private mutating func replace(policy key: String, with policy: Policy?, _ layer: Int) {
    let said = snapshot.layers[layer].policies.find(key)
    guard said != policy else { return }
    snapshot.layers[layer].policies.put(policy, at: key)
    let old = believed(said, layer) { $0.policies.find(key) }
    let new = believed(policy, layer) { $0.policies.find(key) }
    guard old !== new else { return }
    if let old {
      if let scope = old.indexKey { snapshot.policies.remove(old, from: scope) }
      touched.add(old)
    }
    if let new {
      if let scope = new.indexKey { snapshot.policies.add(new, to: scope) }
      touched.add(new)
    }
  }
}

extension Policy {
  /// Under what the policy is found by those who do not name it: its namespace, or nil for the whole mesh. None at all
  /// when it has to be named.
  fileprivate var indexKey: String?? {
    switch scope {
    case .global: .some(nil)
    case .namespace: namespace
    case .workload: .none
    }
  }
}

/// What becomes of workloads of one service within one set of changes.
private struct Moves: Sendable {
  /// More of them than this are sorted in at once instead of one by one.
  private static let singlesMax = 16

  /// In the order they were said.
  private var words: [(uid: String, workload: Workload?)] = []

  mutating func leave(_ workload: Workload) { words.append((workload.uid, nil)) }
  mutating func join(_ workload: Workload) {
    // One that has changed has just left.
    if words.last?.uid == workload.uid { words.removeLast() }
    words.append((workload.uid, workload))
  }

  func settle(in workloads: inout [Workload]) {
    if words.count > Self.singlesMax {
      let last = Dictionary(words) { $1 }
      workloads.removeAll { last[$0.uid] != nil }
      workloads.append(contentsOf: last.values.compactMap(\.self))
      workloads.sort { $0.uid < $1.uid }
      return
    }
    // An array that grows by itself doubles.
    workloads.reserveCapacity(workloads.count + words.count)
    for (uid, workload) in words {
      let place = workloads.place(of: uid)
      let isThere = place < workloads.endIndex && workloads[place].uid == uid
      workloads.replaceSubrange(place..<place + (isThere ? 1 : 0), with: workload.map { [$0] } ?? [])
    }
  }
}

extension [Workload] {
  /// Where a uid stands, or would stand, in the order of uids.
  fileprivate func place(of uid: String) -> Int { indices.bisect { self[$0].uid >= uid } }
}
