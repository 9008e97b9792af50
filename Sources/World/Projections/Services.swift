// SPDX-License-Identifier: Apache-2.0
// Services: Service and ServiceEntry as services of the mesh.

import Format
import Mesh

extension Objects {
  func project(service object: Object, _ spec: ServiceObject) -> Projection {
    guard !spec.isExternalName else { return Projection() }
    let binding = binding(of: object.meta, for: .service)
    let service = Mesh.Service(
      serviceName(object.meta), shortName: object.meta.name,
      addresses: spec.addresses.map { NetworkBlock(network: settings.network, $0) }, ports: spec.servicePorts,
      subjectNames: subjectNames(of: object.meta, spec), waypoint: binding.waypoint,
      weightedWaypoints: binding.weighted,
      balancing: balancing(of: object.meta, spec), families: spec.allowedFamilies, isCanonical: true,
      isWaypointForIngress: usesWaypointForIngress(object.meta))
    return Projection(things: [.service(service)], conditions: binding.conditions, gateways: binding.gateways)
  }

  func serviceName(_ meta: Meta) -> ServiceName {
    ServiceName(namespace: meta.namespace, hostname: "\(meta.name).\(meta.namespace).svc.\(settings.domain)")
  }

  private func balancing(of meta: Meta, _ spec: ServiceObject) -> LoadBalancing {
    let health: LoadBalancing.HealthPolicy = spec.publishesNotReady ? .allowAll : .onlyHealthy
    if spec.isLocal { return LoadBalancing(.strict, preferences: [.node], health: health) }
    return distribution(spec.distribution, meta, health: health)
  }

  /// Which endpoints are preferred: by the field, else by the object's annotation, else by its namespace's.
  private func distribution(_ field: String, _ meta: Meta, health: LoadBalancing.HealthPolicy) -> LoadBalancing {
    let namespace = self[ObjectKey(.namespace, "", meta.namespace)]?.meta
    let name =
      field.isEmpty
      ? meta.annotations[Label.distribution] ?? namespace?.annotations[Label.distribution] ?? "" : field
    switch name {
    case "PreferClose", "PreferSameZone":
      return LoadBalancing(.failover, preferences: [.network, .region, .zone], health: health)
    case "PreferSameNode":
      return LoadBalancing(.failover, preferences: [.network, .region, .zone, .subzone, .node], health: health)
    default: return LoadBalancing(health: health)
    }
  }

  private func usesWaypointForIngress(_ meta: Meta) -> Bool {
    (meta.labels[Label.ingressUseWaypoint] ?? labels(of: meta.namespace)[Label.ingressUseWaypoint]) == "true"
  }

  /// Identities of endpoints in other networks, which clients cannot learn from the endpoints themselves.
  private func subjectNames(of meta: Meta, _ spec: ServiceObject) -> [String] {
    guard meta.labels[Label.global] == "true", !spec.selector.isEmpty else { return [] }
    var names: Set<String> = []
    for object in all(.pod, in: meta.namespace) {
      guard case .pod(let pod) = object.body, spec.selector.selects(object.meta.labels),
        network(of: object.meta) != settings.network
      else { continue }
      names.insert(
        Identity(trustDomain: settings.trustDomain, namespace: meta.namespace, serviceAccount: pod.serviceAccount).uri)
    }
    return names.sorted()
  }

  /// The network of an object's addresses.
  func network(of meta: Meta) -> String { meta.labels[Label.network] ?? settings.network }
}

extension ServiceObject {
  fileprivate var allowedFamilies: Mesh.Service.Families {
    switch (families.contains("IPv4"), families.contains("IPv6")) {
    case (true, true): .dual
    case (true, false): .v4Only
    case (false, true): .v6Only
    case (false, false): .automatic
    }
  }

  fileprivate var servicePorts: [ServicePort] { ports.filter { $0.transport == "TCP" }.map(\.servicePort) }
}

extension NamedPort {
  var servicePort: ServicePort {
    let target: UInt16 = if case .number(let number) = self.target { number } else { 0 }
    return ServicePort(number, target: target, application: meaning)
  }

  /// What the bytes are: by the field for it, else by the first word of the port's name.
  private var meaning: ServicePort.Application {
    let word = application.isEmpty ? String(name.prefix { $0 != "-" }) : application
    return switch word.lowercased() {
    case "http", "http1", "http11": .http1
    case "http2", "kubernetes.io/h2c": .http2
    case "grpc", "grpc-web": .grpc
    case "https", "tls": .tls
    case "tcp", "redis", "mysql", "mongo": .tcp
    default: .unknown
    }
  }
}

// MARK: Service entries

extension Objects {
  func project(serviceEntry object: Object, _ spec: ServiceEntryObject) -> Projection {
    let visibility = visibility(in: object.meta.namespace)
    guard visibility != .nobody else {
      return Projection(conditions: [
        Condition(
          Condition.visibilityApplied, true, "NotPublished", "service entries of this namespace are seen by nobody")
      ])
    }
    let isPrivate = visibility == .ownNamespace
    let binding = binding(of: object.meta, for: .service, isPrivate: isPrivate)
    var projection = Projection(conditions: binding.conditions, gateways: binding.gateways)
    if isPrivate {
      projection.conditions.append(
        Condition(Condition.visibilityApplied, true, "Namespace", "seen by its own namespace"))
    }
    if spec.resolution == .dynamicDNS, binding.waypoint == nil {
      projection.conditions.append(
        Condition(
          Condition.waypointMissing, true, "WaypointMissing", "DYNAMIC_DNS needs a waypoint that resolves names"))
    }
    for host in Set(spec.hosts).sorted() {
      let isPassthrough = spec.resolution == .none
      projection.things.append(
        .service(
          Mesh.Service(
            ServiceName(namespace: object.meta.namespace, hostname: host), shortName: object.meta.name,
            addresses: spec.addresses(of: host).map { NetworkBlock(network: settings.network, $0) },
            ports: spec.ports.map(\.servicePort), subjectNames: spec.subjectNames, waypoint: binding.waypoint,
            weightedWaypoints: binding.weighted,
            balancing: isPassthrough ? LoadBalancing(.passthrough, health: .allowAll) : LoadBalancing(),
            isCanonical: !isPrivate && isCanonical(object, host: host),
            visibility: isPrivate ? .ownNamespace : .everyone)))
    }
    projection.things += workloads(of: object, spec).map(Thing.workload)
    return projection
  }

  private func visibility(in namespace: String) -> Settings.VisibilityRule.Visibility {
    let labels = labels(of: namespace)
    return settings.serviceEntryVisibility.first { $0.labels.selects(labels) }?.visibility ?? .everyone
  }

  /// Whether clients of other namespaces mean this entry by the host: it is the oldest, and no Service has that name.
  private func isCanonical(_ object: Object, host: String) -> Bool {
    let parts = host.split(separator: ".", maxSplits: 2).map(String.init)
    if parts.count == 3, parts[2] == "svc.\(settings.domain)", self[ObjectKey(.service, parts[1], parts[0])] != nil {
      return false
    }
    let rivals = entries(of: host).compactMap { self[$0]?.meta }.filter { visibility(in: $0.namespace) == .everyone }
    return rivals.allSatisfy { $0.key == object.key || object.meta.precedes($0) }
  }
}

extension ServiceEntryObject {
  /// Addresses a control plane gave are for names that have endpoints of their own; a wildcard has them only where its names
  /// are resolved as they are asked for.
  fileprivate func addresses(of host: String) -> [AddressBlock] {
    guard hasAutomaticAddresses else { return addresses }
    if resolution == .none || host.hasPrefix("*") && resolution != .dynamicDNS { return [] }
    return addresses
  }
}
