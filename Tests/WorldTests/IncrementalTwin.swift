// SPDX-License-Identifier: Apache-2.0
// IncrementalTwin: a mesh that follows edits, held against one that is told the final objects only.
//
//   edits ─► translator ─► ledger   what followed them
//     └► objects, as they are last ─► a translator and a ledger of their own   what they mean afresh
//
// Both have to agree in everything that can be found in the mesh, in what authors are told, and in who is bound to what.

import Format
import Testing

@testable import Mesh
@testable import World

struct IncrementalTwin {
  let settings: Settings
  /// The objects as they are now.
  private(set) var objects: [ObjectKey: Object] = [:]
  private(set) var translator: Translator
  private var ledger = Ledger()
  private var told: [ObjectKey: [Condition]] = [:]
  /// How many objects the last edits made the translator look at again.
  private(set) var projected = 0

  init(_ objects: [Object], settings: Settings = Settings()) {
    self.settings = settings
    translator = Translator(settings: settings)
    apply(objects.map { .put($0) })
  }

  mutating func apply(_ edits: [Edit]) {
    for edit in edits {
      switch edit {
      case .put(let object): objects[object.key] = object
      case .remove(let key): objects[key] = nil
      }
    }
    let update = translator.apply(edits)
    _ = ledger.apply(update.changes, from: .manifests)
    told.merge(update.conditions) { $1 }
    projected = update.projected
  }

  /// What differs from a mesh that is told the final objects only; empty when nothing does.
  var differences: [String] {
    var fresh = Translator(settings: settings)
    var freshLedger = Ledger()
    // One order or another: it must not matter.
    let puts = objects.values.sorted { $0.key < $1.key }.map(Edit.put)
    _ = freshLedger.apply(fresh.apply(puts).changes, from: .manifests)
    let (mine, theirs) = (Facts(of: ledger.snapshot), Facts(of: freshLedger.snapshot))
    var differences = mine == theirs ? [] : mine.differences(from: theirs)
    for key in Set(objects.keys).union(told.keys).sorted() {
      let conditions = fresh.conditions(of: key)
      if translator.conditions(of: key) != conditions { differences.append("conditions of \(key)") }
      if key.kind != .pod, told[key] ?? [] != conditions { differences.append("what was told of \(key)") }
    }
    if translator.objects.users != fresh.objects.users { differences.append("who is bound to what") }
    if translator.objects.count != objects.count { differences.append("how many objects there are") }
    return differences
  }
}

/// All that can be found in a mesh, by every way to find it.
private struct Facts: Equatable {
  var workloads: [Workload] = []
  var services: [Service] = []
  var policies: [Policy] = []
  /// What follows from them.
  var lines: [String] = []

  init(of world: Snapshot) {
    world.forEachWorkload { workloads.append($0) }
    world.forEachService { services.append($0) }
    world.forEachPolicy { policies.append($0) }
    workloads.sort { $0.uid < $1.uid }
    services.sort { $0.name < $1.name }
    policies.sort { $0.key < $1.key }
    world.networks.forEach { network in
      network.workloads.forEach { lines.append("at \(network.key) \($0) \($1.map(\.uid))") }
      network.services.forEach { lines.append("at \(network.key) \($0) \($1.map(\.name))") }
      for address in services.flatMap(\.addresses).map(\.block.first) {
        network.blocks.forEach(holding: address) { lines.append("block \(network.key) \(address) \($0) \($1)") }
      }
    }
    world.serviceHosts.forEach { lines.append("host \($0) \($1.map(\.name))") }
    world.workloadHosts.forEach { lines.append("host \($0) \($1.map(\.uid))") }
    world.endpoints.forEach { lines.append("endpoints \($0.service) \($0.workloads.map(\.uid))") }
    world.policies.forEach { lines.append("policies \($0 ?? "-") \($1.map(\.key))") }
    lines.sort()
  }

  func differences(from other: Facts) -> [String] {
    func describe(_ facts: Facts) -> Set<String> {
      Set(
        facts.workloads.map { "workload \($0.uid): \($0.drawing)" } + facts.services.map { "\($0): \($0.drawing)" }
          + facts.policies.map { "policy \($0.key) \($0.scope) \($0.action) \($0.rules)" } + facts.lines)
    }
    let (mine, theirs) = (describe(self), describe(other))
    return mine.subtracting(theirs).sorted().map { "stale: \($0)" }
      + theirs.subtracting(mine).sorted().map { "missed: \($0)" }
  }
}

extension Translator {
  /// What an object means to the mesh and to its author, as a text.
  func means(_ key: ObjectKey) -> String {
    let things = (projections[key]?.things ?? []).map { thing in
      switch thing {
      case .workload(let workload): workload.drawing
      case .service(let service): service.drawing
      case .policy(let policy): "\(policy.scope) \(policy.action) \(policy.rules)"
      }
    }
    return "\(things) \(conditions(of: key))"
  }
}
