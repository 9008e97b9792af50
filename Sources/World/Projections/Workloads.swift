// SPDX-License-Identifier: Apache-2.0
// Workloads: pods, workload entries, and endpoints of services without pods, as workloads of the mesh.

import Format
import Mesh

extension Objects {
  func project(pod object: Object, _ pod: PodObject) -> Projection {
    guard !pod.isEnded, !pod.addresses.isEmpty else { return Projection() }
    let meta = object.meta
    let binding = binding(of: meta, for: .workload)
    let labels = meta.labels
    let tunnel = tunnel(of: meta, pod)
    let name = labels.canonicalName ?? meta.ownerName ?? meta.name
    let template = Template(
      namespace: meta.namespace, trustDomain: settings.trustDomain, serviceAccount: pod.serviceAccount,
      canonicalName: name,
      canonicalRevision: labels.canonicalRevision, ownerName: meta.ownerName ?? meta.name, owner: .pod,
      tunnel: tunnel.kind, isNativeTunnel: tunnel.isNative, networkMode: pod.isHostNetwork ? .host : .standard,
      applicationTunnel: applicationTunnel(of: meta), services: memberships(of: object, pod),
      policies: policies(for: labels, in: meta.namespace), waypoint: binding.waypoint,
      networkGateway: networkGateway(of: network(of: meta)))
    let workload = Workload(
      uid: "\(settings.cluster)//Pod/\(meta.namespace)/\(meta.name)", name: meta.name, addresses: pod.addresses,
      health: pod.isReady && !meta.isLeaving ? .healthy : .unhealthy, template: template,
      place: place(on: pod.node, network: network(of: meta)))
    return Projection(things: [.workload(workload)], conditions: binding.conditions, gateways: binding.gateways)
  }

  /// How traffic to a pod is carried: in a tunnel, when the pod speaks it, was said to be enrolled, or is to be by us.
  private func tunnel(of meta: Meta, _ pod: PodObject) -> (kind: Template.Tunnel, isNative: Bool) {
    if meta.labels[Label.tunnel]?.contains("http") ?? false { return (.hbone, true) }
    if meta.annotations[Label.redirection] == "enabled" { return (.hbone, false) }
    return (meta.annotations[Label.netns] != nil && isWanted(meta) && !pod.isHostNetwork ? .hbone : .none, false)
  }

  /// Whether somebody asked for a pod to be enrolled.
  func isWanted(_ meta: Meta) -> Bool {
    (meta.labels[Label.dataplaneMode] ?? labels(of: meta.namespace)[Label.dataplaneMode]) == "ambient"
  }

  private func place(on node: String, network: String) -> Place {
    let labels = self[ObjectKey(.node, "", node)]?.meta.labels ?? [:]
    return Place(
      network: network, cluster: settings.cluster, node: node, region: labels[Label.region] ?? "",
      zone: labels[Label.zone] ?? "", subzone: labels[Label.subzone] ?? "")
  }

  /// Delivery to the proxy of a waypoint that is a pod of the mesh itself.
  private func applicationTunnel(of meta: Meta) -> Template.ApplicationTunnel? {
    guard let name = meta.labels[Label.gatewayName],
      let object = self[ObjectKey(.gateway, meta.namespace, name)], case .gateway(let gateway) = object.body,
      let text = object.meta.annotations[Label.inboundBinding]
        ?? self[ObjectKey(.gatewayClass, "", gateway.className)]?.meta.annotations[Label.inboundBinding]
    else { return nil }
    let parts = text.split(separator: "/", maxSplits: 1).map(String.init)
    let port = parts.count == 2 ? UInt16(parts[1]) : nil
    switch parts.first {
    case "PROXY": return Template.ApplicationTunnel(.proxy, port: port)
    case "NONE" where port != nil: return Template.ApplicationTunnel(.none, port: port)
    default: return nil
    }
  }

  /// The way into a network that is not our own.
  func networkGateway(of network: String) -> GatewayAddress? {
    guard network != settings.network else { return nil }
    let gateways = all(.gateway).filter { $0.meta.labels[Label.network] == network && counts($0.meta) }
    for object in gateways.sorted(by: { $0.meta.precedes($1.meta) }) {
      guard case .gateway(let gateway) = object.body, gateway.listeners.contains(where: { $0.port == 15008 }) else {
        continue
      }
      if let address = gateway.address(in: object.meta.namespace, network: network, port: 15008) { return address }
    }
    return nil
  }

  /// The keys of policies that select a workload.
  private func policies(for labels: [String: String], in namespace: String) -> [String] {
    let homes = namespace == settings.rootNamespace ? [namespace] : [settings.rootNamespace, namespace]
    let selected = homes.flatMap { all(.authorizationPolicy, in: $0) }.filter { object in
      guard case .authorizationPolicy(let policy) = object.body, let selector = policy.selector else { return false }
      return selector.selects(labels)
    }
    return selected.compactMap(policyKey) + peerPolicies(for: labels, in: namespace)
  }
}

// MARK: Being an endpoint

extension Objects {
  private func memberships(of object: Object, _ pod: PodObject) -> [Template.Membership] {
    let meta = object.meta
    let sliced = slices(of: object.key).compactMap { slice -> String? in
      if case .endpointSlice(let spec) = slice.body { spec.service } else { nil }
    }
    var memberships: [Template.Membership] = []
    for service in all(.service, in: meta.namespace) {
      guard case .service(let spec) = service.body, !spec.isExternalName else { continue }
      guard spec.selector.isEmpty ? sliced.contains(service.meta.name) : spec.selector.selects(meta.labels) else {
        continue
      }
      memberships.append(
        Template.Membership(serviceName(service.meta), ports: pod.ports(for: spec.ports, fallback: false)))
    }
    for entry in all(.serviceEntry, in: meta.namespace) {
      guard case .serviceEntry(let spec) = entry.body, !spec.selector.isEmpty, spec.selector.selects(meta.labels) else {
        continue
      }
      let ports = pod.ports(for: spec.ports, fallback: true)
      memberships += spec.hosts.map {
        Template.Membership(ServiceName(namespace: meta.namespace, hostname: $0), ports: ports)
      }
    }
    return memberships
  }

  private func memberships(
    of entry: WorkloadEntryObject, labels: [String: String], in namespace: String
  ) -> [Template.Membership] {
    var memberships: [Template.Membership] = []
    for service in all(.service, in: namespace) {
      guard case .service(let spec) = service.body, !spec.selector.isEmpty, spec.selector.selects(labels) else {
        continue
      }
      memberships.append(Template.Membership(serviceName(service.meta), ports: entry.ports(for: spec.ports)))
    }
    for object in all(.serviceEntry, in: namespace) {
      guard case .serviceEntry(let spec) = object.body, !spec.selector.isEmpty, spec.selector.selects(labels) else {
        continue
      }
      memberships += spec.hosts.map {
        Template.Membership(ServiceName(namespace: namespace, hostname: $0), ports: entry.ports(for: spec.ports))
      }
    }
    return memberships
  }
}

extension PodObject {
  /// Where a pod listens for the ports of a service. A port that leads to a name the pod does not have is left out.
  fileprivate func ports(for service: [NamedPort], fallback: Bool) -> [ServicePort] {
    service.filter { $0.transport == "TCP" }.compactMap { port in
      switch port.target {
      case .number(let number):
        // The port of a service entry may be named after one of the pod's.
        let named = fallback ? ports.first { !$0.name.isEmpty && $0.name == port.name && $0.transport == "TCP" } : nil
        return ServicePort(port.number, target: named?.number ?? number)
      case .name(let name):
        return ports.first { $0.name == name && $0.transport == "TCP" }.map {
          ServicePort(port.number, target: $0.number)
        }
      }
    }
  }
}

extension WorkloadEntryObject {
  /// Where it listens for the ports of a service.
  fileprivate func ports(for service: [NamedPort]) -> [ServicePort] {
    service.filter { $0.transport == "TCP" }.compactMap { port in
      if let own = ports[port.name] { return ServicePort(port.number, target: own) }
      switch port.target {
      case .number(let number): return ServicePort(port.number, target: number)
      case .name(let name): return ports[name].map { ServicePort(port.number, target: $0) }
      }
    }
  }
}

// MARK: Workloads that are no pods

extension Objects {
  func project(workloadEntry object: Object, _ entry: WorkloadEntryObject) -> Projection {
    let labels = entry.labels.merging(object.meta.labels) { one, _ in one }
    let binding = binding(of: object.meta, for: .workload)
    let workload = workload(
      entry, uid: "\(settings.cluster)/networking.istio.io/WorkloadEntry/\(object.meta.namespace)/\(object.meta.name)",
      object.meta, labels: labels, services: memberships(of: entry, labels: labels, in: object.meta.namespace),
      policies: policies(for: labels, in: object.meta.namespace), waypoint: binding.waypoint)
    return Projection(things: [.workload(workload)], conditions: binding.conditions, gateways: binding.gateways)
  }

  /// Endpoints that are listed in a service entry, or the name of the entry itself.
  func workloads(of object: Object, _ spec: ServiceEntryObject) -> [Workload] {
    let services = { (entry: WorkloadEntryObject) in
      spec.hosts.map {
        Template.Membership(
          ServiceName(namespace: object.meta.namespace, hostname: $0), ports: entry.ports(for: spec.ports))
      }
    }
    let uid = "\(settings.cluster)/networking.istio.io/ServiceEntry/\(object.meta.namespace)/\(object.meta.name)"
    guard spec.endpoints.isEmpty else {
      return spec.endpoints.map { entry in
        workload(
          entry, uid: "\(uid)/\(entry.address)", object.meta, labels: entry.labels, services: services(entry))
      }
    }
    guard spec.selector.isEmpty, spec.resolution == .dns || spec.resolution == .dnsRoundRobin else { return [] }
    return spec.hosts.filter { !$0.hasPrefix("*") }.map { host in
      let entry = WorkloadEntryObject.named(host)
      let own = Template.Membership(
        ServiceName(namespace: object.meta.namespace, hostname: host), ports: entry.ports(for: spec.ports))
      return workload(entry, uid: "\(uid)/\(host)", object.meta, labels: [:], services: [own])
    }
  }

  private func workload(
    _ entry: WorkloadEntryObject, uid: String, _ meta: Meta, labels: [String: String],
    services: [Template.Membership], policies: [String] = [], waypoint: GatewayAddress? = nil
  ) -> Workload {
    let address = IPAddress(entry.address)
    let network = entry.network.isEmpty ? network(of: meta) : entry.network
    let isTunnel = meta.annotations[Label.redirection] == "enabled" || labels[Label.tunnel]?.contains("http") ?? false
    let locality =
      entry.locality.split(separator: "/", omittingEmptySubsequences: false).map(String.init) + ["", "", ""]
    return Workload(
      uid: uid, name: meta.name, addresses: address.map { [$0] } ?? [], hostname: address == nil ? entry.address : "",
      capacity: entry.weight,
      template: Template(
        namespace: meta.namespace, trustDomain: settings.trustDomain, serviceAccount: entry.serviceAccount,
        canonicalName: labels.canonicalName ?? meta.name, canonicalRevision: labels.canonicalRevision,
        ownerName: meta.name,
        tunnel: isTunnel ? .hbone : .none, isNativeTunnel: labels[Label.tunnel]?.contains("http") ?? false,
        services: services, policies: policies, waypoint: waypoint, networkGateway: networkGateway(of: network)),
      place: Place(
        network: network, cluster: settings.cluster, region: locality[0], zone: locality[1], subzone: locality[2]))
  }

  /// Endpoints that are no pods: nothing is known of them but where they are.
  func project(endpointSlice object: Object, _ spec: EndpointSliceObject) -> Projection {
    guard let service = self[ObjectKey(.service, object.meta.namespace, spec.service)],
      case .service(let serviceSpec) = service.body, !serviceSpec.isExternalName
    else { return Projection() }
    let ports = serviceSpec.ports.filter { $0.transport == "TCP" }.compactMap { port in
      spec.ports.first { $0.name == port.name && $0.transport == "TCP" }.map {
        ServicePort(port.number, target: $0.number)
      }
    }
    let template = Template(
      namespace: object.meta.namespace, trustDomain: settings.trustDomain, networkMode: .host,
      services: [Template.Membership(serviceName(service.meta), ports: ports)])
    var workloads: [Workload] = []
    for endpoint in spec.endpoints where endpoint.pod.isEmpty {
      for address in endpoint.addresses {
        workloads.append(
          Workload(
            uid:
              "\(settings.cluster)/discovery.k8s.io/EndpointSlice/\(object.meta.namespace)/\(object.meta.name)/\(address)",
            name: object.meta.name, addresses: [address], health: endpoint.isReady ? .healthy : .unhealthy,
            template: template,
            place: Place(network: settings.network, cluster: settings.cluster, node: endpoint.node, zone: endpoint.zone)
          ))
      }
    }
    return Projection(things: workloads.map(Thing.workload))
  }
}

extension WorkloadEntryObject {
  fileprivate static func named(_ host: String) -> WorkloadEntryObject {
    WorkloadEntryObject(
      address: host, ports: [:], labels: [:], network: "", locality: "", weight: 1, serviceAccount: "")
  }
}

// MARK: What people call it

extension [String: String] {
  fileprivate var canonicalName: String? {
    self[Label.canonicalName] ?? self["app.kubernetes.io/name"] ?? self["app"]
  }

  fileprivate var canonicalRevision: String {
    self[Label.canonicalRevision] ?? self["app.kubernetes.io/version"] ?? self["version"] ?? "latest"
  }
}

extension Meta {
  /// The name of the owner; of a ReplicaSet, that of the Deployment it was made for.
  fileprivate var ownerName: String? {
    guard let owner else { return nil }
    let hash = labels["pod-template-hash"].map { "-\($0)" } ?? "-"
    return owner.kind == "ReplicaSet" && owner.name.hasSuffix(hash)
      ? String(owner.name.dropLast(hash.count)) : owner.name
  }
}
