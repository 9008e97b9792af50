// SPDX-License-Identifier: Apache-2.0
// Dependants: whose projection may change when an object does.
//
//   Namespace            all that can be bound in it         its labels and annotations
//   Node                 the pods on it                      its labels
//   Service, ServiceEntry  the workloads it selects, selected, or lists; entries with its host
//   EndpointSlice        the pods it names
//   Pod                  services that tell the identities of other networks
//   AuthorizationPolicy  the workloads it selects or selected
//   PeerAuthentication   the same; without a selector all of its namespace, or of the mesh, and their kind
//   Gateway              whatever names it; pods that run it; workloads behind it in other networks
//   GatewayClass         its gateways
//
// Too many cost time, too few are wrong: that a history of edits ends where a fresh build does is held by a test.

extension Objects {
  /// Whose projection may change, beside the object's own.
  func dependants(of key: ObjectKey, old: Object?, new: Object?) -> Set<ObjectKey> {
    switch key.kind {
    case .namespace:
      return isAlike(old, new) ? [] : bindable(in: key.name).union(rivals(in: key.name))
    case .node: return isAlike(old, new) ? [] : pods(on: key.name)
    case .service: return serviceDependants(key, old, new)
    case .endpointSlice:
      return [old, new].compactMap { $0 }.reduce(into: []) { $0.formUnion($1.namedPods) }
    case .serviceEntry:
      let hosts = [old, new].compactMap { $0 }.flatMap(\.hosts)
      return hosts.reduce(into: selected(by: old, new, in: key.namespace)) { $0.formUnion(entries(of: $1)) }
    case .pod: return podDependants(key, old, new)
    case .authorizationPolicy:
      return key.namespace == settings.rootNamespace
        ? byNamespace.keys.reduce(into: []) { $0.formUnion(selected(by: old, new, in: $1)) }
        : selected(by: old, new, in: key.namespace)
    case .peerAuthentication: return peerDependants(key, old, new)
    case .gateway: return gatewayDependants(key, old, new)
    case .gatewayClass:
      return all(.gateway).filter { $0.className == key.name }
        .reduce(into: []) { $0.formUnion(gatewayDependants($1.key, $1, $1).union([$1.key])) }
    case .serviceAccount, .workloadEntry: return []
    }
  }

  /// Whether nothing changed that others look at.
  private func isAlike(_ old: Object?, _ new: Object?) -> Bool {
    old?.meta.labels ?? [:] == new?.meta.labels ?? [:] && old?.meta.annotations ?? [:] == new?.meta.annotations ?? [:]
  }

  private func keys(_ kinds: [Kind], in namespace: String) -> Set<ObjectKey> {
    Set(kinds.flatMap { all($0, in: namespace).map(\.key) })
  }

  private func bindable(in namespace: String) -> Set<ObjectKey> {
    keys([.pod, .workloadEntry, .service, .serviceEntry], in: namespace)
  }

  /// Entries elsewhere that share a host with one of this namespace, whose visibility may have changed.
  private func rivals(in namespace: String) -> Set<ObjectKey> {
    guard !settings.serviceEntryVisibility.isEmpty else { return [] }
    return all(.serviceEntry, in: namespace).flatMap(\.hosts).reduce(into: []) { $0.formUnion(entries(of: $1)) }
  }

  /// Workloads of a namespace that either version selects.
  private func selected(by old: Object?, _ new: Object?, in namespace: String) -> Set<ObjectKey> {
    let selectors = [old, new].compactMap { $0?.selector }
    guard !selectors.isEmpty else { return [] }
    var selected: Set<ObjectKey> = []
    for kind in [Kind.pod, .workloadEntry] {
      for object in all(kind, in: namespace) where selectors.contains(where: { $0.selects(object.workloadLabels) }) {
        selected.insert(object.key)
      }
    }
    return selected
  }

  private func serviceDependants(_ key: ObjectKey, _ old: Object?, _ new: Object?) -> Set<ObjectKey> {
    if let old, let new, case .service(let one) = old.body, case .service(let other) = new.body,
      one.selector == other.selector, one.ports == other.ports, one.isExternalName == other.isExternalName
    {
      return []
    }
    var dependants = selected(by: old, new, in: key.namespace)
    for slice in all(.endpointSlice, in: key.namespace) {
      guard case .endpointSlice(let spec) = slice.body, spec.service == key.name else { continue }
      dependants.insert(slice.key)
      dependants.formUnion(slice.namedPods)
    }
    return dependants.union(entries(of: "\(key.name).\(key.namespace).svc.\(settings.domain)"))
  }

  private func podDependants(_ key: ObjectKey, _ old: Object?, _ new: Object?) -> Set<ObjectKey> {
    let isElsewhere = [old, new].compactMap { $0 }.contains { network(of: $0.meta) != settings.network }
    guard isElsewhere else { return [] }
    return Set(all(.service, in: key.namespace).filter { $0.meta.labels[Label.global] == "true" }.map(\.key))
  }

  private func peerDependants(_ key: ObjectKey, _ old: Object?, _ new: Object?) -> Set<ObjectKey> {
    let isGeneral = [old, new].compactMap { $0 }.contains { $0.selector?.isEmpty ?? true }
    let workloads: [Kind] = [.pod, .workloadEntry, .peerAuthentication]
    guard key.namespace != settings.rootNamespace else {
      return isGeneral ? byNamespace.keys.reduce(into: []) { $0.formUnion(keys(workloads, in: $1)) } : []
    }
    return isGeneral ? keys(workloads, in: key.namespace) : selected(by: old, new, in: key.namespace)
  }

  private func gatewayDependants(_ key: ObjectKey, _ old: Object?, _ new: Object?) -> Set<ObjectKey> {
    var dependants = users[key] ?? []
    for pod in all(.pod, in: key.namespace) where pod.meta.labels[Label.gatewayName] == key.name {
      dependants.insert(pod.key)
    }
    let networks = Set([old, new].compactMap { $0?.meta.labels[Label.network] })
    if !networks.isEmpty {
      for namespace in byNamespace.keys {
        for kind in [Kind.pod, .workloadEntry, .serviceEntry] {
          for object in all(kind, in: namespace) where object.mentions(networks, but: settings.network) {
            dependants.insert(object.key)
          }
        }
      }
    }
    return dependants
  }
}

extension Object {
  fileprivate var hosts: [String] { if case .serviceEntry(let entry) = body { entry.hosts } else { [] } }

  fileprivate var className: String? { if case .gateway(let gateway) = body { gateway.className } else { nil } }

  fileprivate var namedPods: Set<ObjectKey> {
    if case .endpointSlice(let slice) = body { slice.pods(in: meta.namespace) } else { [] }
  }

  /// The labels of the workloads it is about; nil when it is not about workloads by their labels.
  var selector: [String: String]? {
    switch body {
    case .service(let spec): spec.selector.isEmpty ? nil : spec.selector
    case .serviceEntry(let spec): spec.selector.isEmpty ? nil : spec.selector
    case .authorizationPolicy(let policy): policy.selector
    case .peerAuthentication(let peer): peer.selector
    default: nil
    }
  }

  /// The labels it is selected by.
  var workloadLabels: [String: String] {
    if case .workloadEntry(let entry) = body {
      entry.labels.merging(meta.labels) { one, _ in one }
    } else {
      meta.labels
    }
  }

  /// Whether it has workloads in one of these networks.
  fileprivate func mentions(_ networks: Set<String>, but own: String) -> Bool {
    if let network = meta.labels[Label.network], network != own, networks.contains(network) { return true }
    switch body {
    case .workloadEntry(let entry): return networks.contains(entry.network)
    case .serviceEntry(let entry): return entry.endpoints.contains { networks.contains($0.network) }
    default: return false
    }
  }
}
