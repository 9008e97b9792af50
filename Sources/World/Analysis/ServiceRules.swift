// SPDX-License-Identifier: Apache-2.0
// Rules about services.

import Format
import Mesh

extension Analysis {
  mutating func check(_ service: ServiceObject, _ object: Object) {
    guard !service.isExternalName, !service.selector.isEmpty else { return }
    let meta = object.meta
    let selected = workloads(service.selector, in: meta.namespace)
    guard !selected.isEmpty else {
      add(
        .warning, "selector-without-workloads", at: meta.spot, path: "spec.selector",
        "\(object.key) selects no workload, so connections to it are refused",
        hint: guess(service.selector, in: meta.namespace))
      return
    }
    for port in service.ports where port.transport == "TCP" {
      guard case .name(let name) = port.target else { continue }
      let names = selected.flatMap(\.portNames)
      guard !names.contains(name) else { continue }
      add(
        .error, "port-without-target", at: meta.spot, path: "spec.ports",
        "port \(port.number) leads to `\(name)`, and no workload of \(object.key) has a port of that name",
        hint: name.nearest(of: names).map { "did you mean `\($0)`?" } ?? "name a container port so, or give a number")
    }
  }

  /// The label that is to blame when a selector selects nobody.
  private func guess(_ selector: [String: String], in namespace: String) -> String {
    for (name, value) in selector.sorted(by: { $0.key < $1.key }) {
      let values = Set(workloads([:], in: namespace).compactMap { $0.workloadLabels[name] })
      if !values.contains(value), let near = value.nearest(of: values) { return "did you mean `\(name): \(near)`?" }
    }
    return "label workloads so, or change the selector"
  }

  mutating func check(_ entry: ServiceEntryObject, _ object: Object) {
    let meta = object.meta
    if !entry.selector.isEmpty, workloads(entry.selector, in: meta.namespace).isEmpty {
      add(
        .warning, "selector-without-workloads", at: meta.spot, path: "spec.workloadSelector",
        "\(object.key) selects no workload, so connections to it are refused",
        hint: guess(entry.selector, in: meta.namespace))
    }
    if entry.resolution == .fixed, entry.endpoints.isEmpty, entry.selector.isEmpty {
      add(
        .error, "entry-without-endpoints", at: meta.spot, path: "spec.endpoints",
        "\(object.key) is STATIC and lists no endpoints, so connections to it are refused",
        hint: "list endpoints, select workloads, or choose another resolution")
    }
    if entry.resolution != .dynamicDNS, entry.hosts.contains(where: { $0.hasPrefix("*") }), entry.resolution == .dns {
      add(
        .error, "wildcard-dns", at: meta.spot, path: "spec.hosts", "a wildcard cannot be resolved",
        hint: "use DYNAMIC_DNS with a waypoint, or NONE")
    }
    if entry.ports.isEmpty {
      add(
        .error, "entry-without-ports", at: meta.spot, path: "spec.ports",
        "\(object.key) has no ports, so connections to its addresses are refused", hint: "list its ports")
    }
  }

  /// Services that claim the same address or the same name in one namespace, and so take each other's traffic.
  mutating func checkOverlaps() {
    var addresses: [String: [(object: Object, text: String)]] = [:]
    var hosts: [String: [Object]] = [:]
    for object in objects.everything {
      let claims: ([AddressBlock], [String]) =
        switch object.body {
        case .service(let service) where !service.isExternalName:
          (service.addresses.map { AddressBlock($0) }, [objects.serviceName(object.meta).hostname])
        case .serviceEntry(let entry): (entry.addresses, entry.hosts)
        default: ([], [])
        }
      for block in claims.0 {
        addresses["\(object.meta.namespace) \(block)", default: []].append(
          (object, block.isOneAddress ? "\(block.first)" : "\(block)"))
      }
      for host in Set(claims.1) { hosts["\(object.meta.namespace) \(host)", default: []].append(object) }
    }
    for (_, claims) in addresses.sorted(by: { $0.key < $1.key }) where claims.count > 1 {
      overlap(claims.map(\.object), "the address \(claims[0].text)")
    }
    for (key, claims) in hosts.sorted(by: { $0.key < $1.key }) where claims.count > 1 {
      overlap(claims, "the host \(key.split(separator: " ")[1])")
    }
  }

  private mutating func overlap(_ objects: [Object], _ what: String) {
    // Kinds in the order in which they are believed: a Service before an entry, then the older one.
    let sorted = objects.sorted { one, other in
      let (isOne, isOther) = (one.key.kind == .service, other.key.kind == .service)
      return isOne == isOther ? one.meta.precedes(other.meta) : isOne
    }
    for object in sorted.dropFirst() {
      add(
        .error, "overlapping-services", at: object.meta.spot,
        "\(object.key) claims \(what), and so does \(sorted[0].key) at \(sorted[0].meta.spot)",
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
