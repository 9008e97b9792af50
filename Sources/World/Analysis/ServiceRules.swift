// SPDX-License-Identifier: Apache-2.0
// Rules about services.

import Format
import Mesh

extension Analysis {
  mutating func check(_ service: ServiceObject, _ object: Object) {
    guard !service.isExternalName, !service.selector.isEmpty else { return }
    let selected = selection.workloads(service.selector, in: object.meta.namespace)
    guard !selected.isEmpty else { return leadsNowhere(object, service.selector, "spec.selector", "") }
    var names: Set<String>?
    for (index, port) in service.ports.enumerated() where port.transport == "TCP" {
      guard case .name(let name) = port.target else { continue }
      let known = names ?? Set(selected.flatMap(\.portNames))
      names = known
      guard !known.contains(name) else { continue }
      let hint = guess(name, among: known, or: "name a container port so, or give a number")
      add(
        .error, "port-without-target", on: object, at: "spec.ports[\(index)].targetPort",
        "port \(port.number) leads to `\(name)`, and no workload of \(object.key) has a port of that name", hint: hint)
    }
  }

  private mutating func leadsNowhere(
    _ object: Object, _ selector: [String: String], _ path: String, _ inner: String
  ) {
    let namespace = object.meta.namespace
    let (label, hint) = culprit(selector, in: namespace)
    // Whoever looks at services alone has no workloads to show.
    let isUnknown = selection.isEmpty(in: namespace)
    add(
      isUnknown ? .info : .warning, "selector-without-workloads", on: object,
      at: label.map { "\(path)\(inner).\($0)" } ?? path,
      isUnknown
        ? "\(object.key) has no endpoints here: there are no workloads it could select"
        : "\(object.key) selects no workload, so connections to it are refused",
      hint: isUnknown ? "" : hint)
  }

  /// The label that is to blame when a selector selects nobody: the only one whose value no workload has.
  mutating func culprit(_ selector: [String: String], in namespace: String?) -> (label: String?, hint: String) {
    let wrong = selector.filter { !selection.values(of: $0.key, in: namespace).contains($0.value) }
    guard let (name, value) = wrong.first, wrong.count == 1 else {
      return (nil, "label workloads so, or change the selector")
    }
    let near = guess(value, among: selection.values(of: name, in: namespace))
    return (name, near.isEmpty ? "no workload here is labelled `\(name): \(value)`" : near)
  }

  mutating func check(_ entry: ServiceEntryObject, _ object: Object) {
    if !entry.selector.isEmpty, selection.workloads(entry.selector, in: object.meta.namespace).isEmpty {
      leadsNowhere(object, entry.selector, "spec.workloadSelector", ".labels")
    }
    if entry.resolution == .fixed, entry.endpoints.isEmpty, entry.selector.isEmpty {
      add(
        .error, "entry-without-endpoints", on: object, at: "spec.endpoints",
        "\(object.key) is STATIC and lists no endpoints, so connections to it are refused",
        hint: "list endpoints, select workloads, or choose another resolution")
    }
    if entry.resolution == .dns, let index = entry.hosts.firstIndex(where: { $0.hasPrefix("*") }) {
      add(
        .error, "wildcard-dns", on: object, at: "spec.hosts[\(index)]", "a wildcard cannot be resolved by DNS",
        hint: "use DYNAMIC_DNS with a waypoint, or NONE")
    }
    if entry.ports.isEmpty {
      add(
        .error, "entry-without-ports", on: object, at: "spec.ports",
        "\(object.key) has no ports, so connections to its addresses are refused", hint: "list its ports")
    }
  }
}

// MARK: Overlaps

/// That an object says an address or a name is its own, and where.
private struct Claim {
  let object: Object
  let path: String

  /// Kinds in the order in which they are believed: a Service before an entry, then the older one.
  func precedes(_ other: Claim) -> Bool {
    let (isOne, isOther) = (object.key.kind == .service, other.object.key.kind == .service)
    return isOne == isOther ? object.meta.precedes(other.object.meta) : isOne
  }
}

/// Who claims what. Entries of other namespaces may say the same: clients believe that of their own.
private struct Claims {
  private(set) var byName: [String: [Claim]] = [:]

  mutating func add(_ name: String, _ object: Object, _ path: String) {
    byName[name, default: []].append(Claim(object: object, path: path))
  }

  /// Those that are not believed, with the one that is, in order.
  var lost: [(name: String, Claim, to: Claim)] {
    byName.filter { $0.value.count > 1 }.sorted { $0.key < $1.key }.flatMap { name, claims in
      let sorted = claims.sorted { $0.precedes($1) }
      return sorted.dropFirst().filter { $0.object.key != sorted[0].object.key }.map { (name, $0, sorted[0]) }
    }
  }
}

extension Analysis {
  /// Objects that claim the same address or the same name, and so take each other's traffic.
  mutating func checkOverlaps(of everything: [Object]) {
    var (services, entries, hosts, pods) = (Claims(), [String: Claims](), [String: Claims](), Claims())
    for object in everything {
      let home = object.meta.namespace
      switch object.body {
      case .service(let service) where !service.isExternalName:
        for (index, address) in service.addresses.enumerated() {
          let path =
            object.meta.marks["spec.clusterIPs[\(index)]"] == nil ? "spec.clusterIP" : "spec.clusterIPs[\(index)]"
          services.add("the address \(address)", object, path)
          entries[home, default: Claims()].add("the address \(address)", object, path)
        }
        hosts[home, default: Claims()].add("the host \(objects.serviceName(object.meta).hostname)", object, "")
      case .serviceEntry(let entry):
        for (index, block) in entry.addresses.enumerated() {
          let text = block.isOneAddress ? "\(block.first)" : "\(block)"
          entries[home, default: Claims()].add("the address \(text)", object, "spec.addresses[\(index)]")
        }
        for (index, host) in entry.hosts.enumerated() {
          hosts[home, default: Claims()].add("the host \(host)", object, "spec.hosts[\(index)]")
        }
      case .pod(let pod) where !pod.isEnded && !pod.isHostNetwork && !object.meta.isLeaving:
        let network = objects.network(of: object)
        let path = object.meta.marks["status.podIPs"] == nil ? "status.podIP" : "status.podIPs"
        for address in pod.addresses {
          pods.add("the address \(address)" + (network.isEmpty ? "" : " of \(network)"), object, path)
        }
      default: break
      }
    }
    overlap(services.lost, "overlapping-services")
    let others = (Array(entries.values) + Array(hosts.values)).flatMap(\.lost)
    overlap(others.filter { $0.1.object.key.kind == .serviceEntry }, "overlapping-services")
    overlap(pods.lost, "overlapping-pods")
  }

  private mutating func overlap(_ lost: [(name: String, Claim, to: Claim)], _ code: String) {
    for (name, claim, winner) in lost {
      add(
        .error, code, on: claim.object, at: claim.path,
        "\(claim.object.key) claims \(name), and so does \(winner.object.key) (\(winner.object.meta.spot(at: winner.path)))",
        hint: "give one of them another")
    }
  }
}

extension Object {
  /// The names of its ports.
  var portNames: [String] {
    switch body {
    case .pod(let pod): pod.ports.filter { $0.transport == "TCP" }.map(\.name)
    case .workloadEntry(let entry): Array(entry.ports.keys)
    default: []
    }
  }
}
