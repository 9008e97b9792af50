// SPDX-License-Identifier: Apache-2.0
// Dependants: whose projection may change when an object does.
//
//   Namespace            all that can be bound in it         its labels and annotations
//   Node                 the pods on it                      its place
//   Service, ServiceEntry  the workloads it selects, selected, or lists; entries with its host, and those they select
//   EndpointSlice        the pods it names
//   Pod, WorkloadEntry   services that tell the identities of other networks
//   AuthorizationPolicy  the workloads it selects or selected
//   PeerAuthentication   the same; without a selector all of its namespace, or of the mesh, and their kind
//   Gateway              whatever names it; pods that run it; workloads behind it in other networks
//   GatewayClass         what its gateways have
//
// What nobody else looks at has no dependants: a service's address, a policy's rules, who of a slice is ready. Too many cost
// time, too few are wrong: that a history of edits ends where a fresh build does is held by a test.

extension Objects {
  /// Whose projection may change, beside the object's own.
  func dependants(of key: ObjectKey, old: Object?, new: Object?) -> Set<ObjectKey> {
    switch key.kind {
    case .namespace: return namespaceDependants(key, old, new)
    case .node:
      let isAlike = [Label.region, Label.zone, Label.subzone].allSatisfy {
        old?.meta.labels[$0] == new?.meta.labels[$0]
      }
      return isAlike ? [] : pods(on: key.name)
    case .service: return serviceDependants(key, old, new)
    case .endpointSlice: return Set(naming(old).symmetricDifference(naming(new)).map(\.pod))
    case .serviceEntry: return entryDependants(key, old, new)
    case .pod, .workloadEntry: return workloadDependants(key, old, new)
    case .authorizationPolicy: return policyDependants(key, old, new)
    case .peerAuthentication: return peerDependants(key, old, new)
    case .gateway: return gatewayDependants(key, old, new)
    case .gatewayClass:
      return all(.gateway).filter { $0.className == key.name }
        .reduce(into: []) { $0.formUnion(gatewayDependants($1.key, $1, $1)) }
    case .serviceAccount: return []
    }
  }

  private func namespaceDependants(_ key: ObjectKey, _ old: Object?, _ new: Object?) -> Set<ObjectKey> {
    // Any label may be one that a gateway or a rule of visibility selects by; of annotations two mean something here.
    let isAlike =
      old?.meta.labels ?? [:] == new?.meta.labels ?? [:]
      && [Label.distribution, Label.canaryWeight].allSatisfy { old?.meta.annotations[$0] == new?.meta.annotations[$0] }
    return isAlike ? [] : bindable(in: key.name).union(rivals(in: key.name))
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

  /// Entries that have one of these hosts, since others may be believed about it now; and with those of the same
  /// namespace the workloads they select.
  private func rivals(about hosts: [String], in namespace: String) -> Set<ObjectKey> {
    hosts.flatMap(entries).reduce(into: []) { rivals, key in
      rivals.insert(key)
      if key.namespace == namespace { rivals.formUnion(selected(by: nil, self[key], in: namespace)) }
    }
  }

  /// Workloads of a namespace that either version selects.
  private func selected(by old: Object?, _ new: Object?, in namespace: String) -> Set<ObjectKey> {
    let selectors = [old, new].compactMap { $0?.selector }
    guard !selectors.isEmpty else { return [] }
    return workloads(in: namespace) { labels in selectors.contains { $0.selects(labels) } }
  }

  private func serviceDependants(_ key: ObjectKey, _ old: Object?, _ new: Object?) -> Set<ObjectKey> {
    if let old, let new, case .service(let one) = old.body, case .service(let other) = new.body,
      one.selector == other.selector, one.ports == other.ports, one.isExternalName == other.isExternalName
    {
      return []
    }
    var dependants = selected(by: old, new, in: key.namespace)
    let isSliced = [old, new].contains { $0 != nil && $0?.selector == nil }
    for slice in all(.endpointSlice, in: key.namespace) {
      guard case .endpointSlice(let spec) = slice.body, spec.service == key.name else { continue }
      dependants.insert(slice.key)
      if isSliced { dependants.formUnion(spec.pods) }
    }
    return dependants.union(rivals(about: ["\(key.name).\(key.namespace).svc.\(settings.domain)"], in: key.namespace))
  }

  /// A pod that a slice of endpoints names, for a service that looks at slices.
  private struct Naming: Hashable {
    let service: String
    let pod: ObjectKey
    let uid: String
  }

  private func naming(_ object: Object?) -> Set<Naming> {
    guard let object, case .endpointSlice(let slice) = object.body,
      let service = self[ObjectKey(.service, object.meta.namespace, slice.service)], service.selector == nil
    else { return [] }
    return Set(
      slice.endpoints.compactMap { endpoint in
        endpoint.pod.map { Naming(service: slice.service, pod: $0, uid: endpoint.podUID) }
      })
  }

  private func entryDependants(_ key: ObjectKey, _ old: Object?, _ new: Object?) -> Set<ObjectKey> {
    if let old, let new, case .serviceEntry(let one) = old.body, case .serviceEntry(let other) = new.body,
      one.hosts == other.hosts, one.selector == other.selector, one.ports == other.ports,
      old.meta.created == new.meta.created
    {
      return []
    }
    let hosts = [old, new].compactMap { $0 }.flatMap(\.hosts)
    return selected(by: old, new, in: key.namespace).union(rivals(about: hosts, in: key.namespace))
  }

  /// Workloads know which policies select them, and nothing of what those say.
  private func policyDependants(_ key: ObjectKey, _ old: Object?, _ new: Object?) -> Set<ObjectKey> {
    if let old, let new, old.selector == new.selector, policyKey(old) == policyKey(new) { return [] }
    return key.namespace == settings.rootNamespace
      ? byNamespace.keys.reduce(into: []) { $0.formUnion(selected(by: old, new, in: $1)) }
      : selected(by: old, new, in: key.namespace)
  }

  private func workloadDependants(_ key: ObjectKey, _ old: Object?, _ new: Object?) -> Set<ObjectKey> {
    let isElsewhere = [old, new].compactMap { $0 }.contains { network(of: $0) != settings.network }
    guard isElsewhere else { return [] }
    return Set(all(.service, in: key.namespace).filter { $0.meta.labels[Label.global] == "true" }.map(\.key))
  }

  private func peerDependants(_ key: ObjectKey, _ old: Object?, _ new: Object?) -> Set<ObjectKey> {
    if let old, let new, case .peerAuthentication(let one) = old.body, case .peerAuthentication(let other) = new.body,
      one.selector == other.selector, one.mode == other.mode, one.ports == other.ports,
      old.meta.created == new.meta.created
    {
      return []
    }
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
    let networks = Set([old, new].compactMap { $0?.meta.labels[Label.network] }).subtracting([settings.network])
    if !networks.isEmpty {
      for namespace in byNamespace.keys {
        for kind in [Kind.pod, .workloadEntry, .serviceEntry] {
          for object in all(kind, in: namespace) where object.mentions(networks) {
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
      entry.labels.merging(meta.labels) { $1 }
    } else {
      meta.labels
    }
  }
}
