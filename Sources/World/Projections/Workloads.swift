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
      networkGateway: networkGateway(of: network(of: object)))
    let workload = Workload(
      uid: "\(settings.cluster)//Pod/\(meta.namespace)/\(meta.name)", name: meta.name, addresses: pod.addresses,
      health: pod.isReady && !meta.isLeaving ? .healthy : .unhealthy, template: template,
      place: place(on: pod.node, network: network(of: object)))
    return Projection(things: [.workload(workload)], conditions: binding.conditions, gateways: binding.gateways)
  }

  /// How traffic to a pod is carried: in a tunnel, when the pod speaks it, was said to be enrolled, or is to be by us. Of
  /// a pod that we enrol ourselves, what others said does not count: it may have been true once.
  private func tunnel(of meta: Meta, _ pod: PodObject) -> (kind: Template.Tunnel, isNative: Bool) {
    if meta.labels[Label.tunnel]?.contains("http") ?? false { return (.hbone, true) }
    let isEnrolled =
      meta.annotations[Label.netns] == nil
      ? meta.annotations[Label.redirection] == "enabled" : isWanted(meta) && !pod.isHostNetwork
    return (isEnrolled ? .hbone : .none, false)
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
      let object = self[ObjectKey(.gateway, meta.namespace, name)], case .gateway(let gateway) = object.body
    else { return nil }
    return inboundBinding(of: object.meta, gateway)
  }

  /// The keys of policies that select a workload.
  private func policies(for labels: [String: String], in namespace: String) -> [String] {
    var keys = peerPolicies(for: labels, in: namespace)
    for home in Set([settings.rootNamespace, namespace]) {
      for object in all(.authorizationPolicy, in: home) where object.selector?.selects(labels) ?? false {
        if let key = policyKey(object) { keys.append(key) }
      }
    }
    return keys
  }
}

// MARK: Being an endpoint

extension Objects {
  private func memberships(of object: Object, _ pod: PodObject) -> [Template.Membership] {
    let meta = object.meta
    let services = all(.service, in: meta.namespace).filter { $0.selector?.selects(meta.labels) ?? false }
    var memberships = (services + slicedServices(of: meta)).compactMap { service -> Template.Membership? in
      guard case .service(let spec) = service.body, !spec.isExternalName else { return nil }
      return Template.Membership(serviceName(service.meta), ports: pod.ports(for: spec.ports, fallback: false))
    }
    for entry in all(.serviceEntry, in: meta.namespace) where entry.selector?.selects(meta.labels) ?? false {
      guard case .serviceEntry(let spec) = entry.body else { continue }
      let ports = pod.ports(for: spec.ports, fallback: true)
      memberships += believedHosts(of: entry, spec).map {
        Template.Membership(ServiceName(namespace: meta.namespace, hostname: $0), ports: ports)
      }
    }
    return memberships
  }

  /// Services without a selector whose slices of endpoints name a pod.
  private func slicedServices(of pod: Meta) -> [Object] {
    slices(of: pod.key).compactMap { slice in
      guard case .endpointSlice(let spec) = slice.body,
        spec.endpoints.contains(where: { $0.names(pod) }),
        let service = self[ObjectKey(.service, slice.meta.namespace, spec.service)], service.selector == nil
      else { return nil }
      return service
    }
  }

  private func memberships(
    of entry: WorkloadEntryObject, labels: [String: String], in namespace: String
  ) -> [Template.Membership] {
    var memberships: [Template.Membership] = []
    for service in all(.service, in: namespace) where service.selector?.selects(labels) ?? false {
      guard case .service(let spec) = service.body, !spec.isExternalName else { continue }
      memberships.append(Template.Membership(serviceName(service.meta), ports: entry.ports(for: spec.ports)))
    }
    for object in all(.serviceEntry, in: namespace) where object.selector?.selects(labels) ?? false {
      guard case .serviceEntry(let spec) = object.body else { continue }
      memberships += believedHosts(of: object, spec).map {
        Template.Membership(ServiceName(namespace: namespace, hostname: $0), ports: entry.ports(for: spec.ports))
      }
    }
    return memberships
  }
}

extension EndpointSliceObject.Endpoint {
  /// Whether it is this pod. One with another uid had its name before.
  fileprivate func names(_ pod: Meta) -> Bool {
    self.pod == pod.key && (podUID == pod.uid || podUID.isEmpty || pod.uid.isEmpty)
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
    let meta = object.meta.with(labels: object.workloadLabels)
    let binding = binding(of: meta, for: .workload)
    let workload = workload(
      entry, uid: "\(settings.cluster)/networking.istio.io/WorkloadEntry/\(meta.namespace)/\(meta.name)", meta,
      services: memberships(of: entry, labels: meta.labels, in: meta.namespace),
      policies: policies(for: meta.labels, in: meta.namespace), waypoint: binding.waypoint)
    return Projection(things: [.workload(workload)], conditions: binding.conditions, gateways: binding.gateways)
  }

  /// Endpoints that are listed in a service entry, or the names of the entry itself; and the gateways they are bound to.
  func endpoints(of object: Object, _ spec: ServiceEntryObject) -> (workloads: [Workload], gateways: Set<ObjectKey>) {
    let meta = object.meta
    let hosts = believedHosts(of: object, spec)
    let uid = "\(settings.cluster)/networking.istio.io/ServiceEntry/\(meta.namespace)/\(meta.name)"
    func services(_ hosts: [String], _ entry: WorkloadEntryObject) -> [Template.Membership] {
      hosts.map {
        Template.Membership(
          ServiceName(namespace: meta.namespace, hostname: $0), ports: entry.ports(for: spec.ports))
      }
    }
    guard spec.endpoints.isEmpty else {
      if hosts.isEmpty { return ([], []) }
      var gateways: Set<ObjectKey> = []
      let workloads = spec.endpoints.map { entry in
        let binding = binding(of: meta.with(labels: entry.labels), for: .workload)
        gateways.formUnion(binding.gateways)
        return workload(
          entry, uid: "\(uid)/\(entry.address)", meta.with(labels: meta.labels.merging(entry.labels) { $1 }),
          services: services(hosts, entry), waypoint: binding.waypoint)
      }
      return (workloads, gateways)
    }
    guard spec.selector.isEmpty, spec.resolution == .dns || spec.resolution == .dnsRoundRobin else { return ([], []) }
    let workloads = hosts.filter { !$0.hasPrefix("*") }.map { host in
      let entry = WorkloadEntryObject.named(host)
      return workload(entry, uid: "\(uid)/\(host)", meta, services: services([host], entry))
    }
    return (workloads, [])
  }

  private func workload(
    _ entry: WorkloadEntryObject, uid: String, _ meta: Meta, services: [Template.Membership], policies: [String] = [],
    waypoint: GatewayAddress? = nil
  ) -> Workload {
    let address = IPAddress(entry.address)
    let network = entry.network.isEmpty ? meta.labels[Label.network] ?? settings.network : entry.network
    let isNative = meta.labels[Label.tunnel]?.contains("http") ?? false
    let isTunnel = isNative || meta.annotations[Label.redirection] == "enabled"
    let locality =
      entry.locality.split(separator: "/", omittingEmptySubsequences: false).map(String.init) + ["", "", ""]
    return Workload(
      uid: uid, name: meta.name, addresses: address.map { [$0] } ?? [], hostname: address == nil ? entry.address : "",
      capacity: entry.weight,
      template: Template(
        namespace: meta.namespace, trustDomain: settings.trustDomain, serviceAccount: entry.serviceAccount,
        canonicalName: meta.labels.canonicalName ?? meta.name, canonicalRevision: meta.labels.canonicalRevision,
        ownerName: meta.name, tunnel: isTunnel ? .hbone : .none, isNativeTunnel: isNative,
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
    for endpoint in spec.endpoints where endpoint.pod == nil {
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
