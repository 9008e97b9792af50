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
    if !settings.serviceEntryVisibility.isEmpty {
      projection.conditions.append(
        isPrivate
          ? Condition(Condition.visibilityApplied, true, "Namespace", "seen by its own namespace")
          : Condition(Condition.visibilityApplied, true, "Public", "seen by every namespace"))
    }
    if spec.resolution == .dynamicDNS, !binding.isUsable {
      projection.conditions.append(
        Condition(
          Condition.waypointMissing, true, "WaypointMissing", "DYNAMIC_DNS needs a waypoint that resolves names"))
    }
    let balancing =
      spec.resolution == .none
      ? LoadBalancing(.passthrough, health: .allowAll) : distribution("", object.meta, health: .onlyHealthy)
    for host in Set(spec.hosts).sorted() {
      projection.things.append(
        .service(
          Mesh.Service(
            ServiceName(namespace: object.meta.namespace, hostname: host), shortName: object.meta.name,
            addresses: spec.addresses(of: host).map { NetworkBlock(network: settings.network, $0) },
            ports: spec.ports.filter { $0.transport == "TCP" }.map(\.servicePort), subjectNames: spec.subjectNames,
            waypoint: binding.waypoint, weightedWaypoints: binding.weighted, balancing: balancing,
            isCanonical: !isPrivate && isCanonical(object, host: host),
            isWaypointForIngress: usesWaypointForIngress(object.meta),
            visibility: isPrivate ? .ownNamespace : .everyone)))
    }
    let endpoints = endpoints(of: object, spec)
    projection.things += endpoints.workloads.map(Thing.workload)
    projection.gateways.formUnion(endpoints.gateways)
    return projection
  }

  private func visibility(in namespace: String) -> Settings.VisibilityRule.Visibility {
    let labels = labels(of: namespace)
    return settings.serviceEntryVisibility.first { $0.labels.selects(labels) }?.visibility ?? .everyone
  }

  /// Whether clients of other namespaces mean this entry by the host: it is the oldest, and no Service has that name.
  private func isCanonical(_ object: Object, host: String) -> Bool {
    let rivals = entries(of: host).compactMap { self[$0]?.meta }.filter { visibility(in: $0.namespace) == .everyone }
    return service(named: host) == nil && rivals.allSatisfy { $0.key == object.key || object.meta.precedes($0) }
  }

  /// The hosts by which its own namespace means this entry: it is the oldest there, and no Service there has that name.
  /// Whoever is not believed about a host has no endpoints under it either.
  func believedHosts(of object: Object, _ spec: ServiceEntryObject) -> [String] {
    let namespace = object.meta.namespace
    guard visibility(in: namespace) != .nobody else { return [] }
    return spec.hosts.filter { host in
      service(named: host)?.namespace != namespace
        && entries(of: host).allSatisfy { key in
          key.namespace != namespace || key == object.key || self[key].map { object.meta.precedes($0.meta) } ?? true
        }
    }
  }

  /// The Service that has a host by its name.
  private func service(named host: String) -> ObjectKey? {
    let parts = host.split(separator: ".", maxSplits: 2).map(String.init)
    guard parts.count == 3, parts[2] == "svc.\(settings.domain)",
      let object = self[ObjectKey(.service, parts[1], parts[0])], case .service(let service) = object.body,
      !service.isExternalName
    else { return nil }
    return object.key
  }
}

extension ServiceEntryObject {
  /// Addresses a control plane gave are for names that have endpoints of their own; a wildcard has them only where its names
  /// are resolved as they are asked for.
  fileprivate func addresses(of host: String) -> [AddressBlock] {
    guard !automaticAddresses.isEmpty else { return addresses }
    if resolution == .none || host.hasPrefix("*") && resolution != .dynamicDNS { return [] }
    return (automaticAddresses[host] ?? []) + (automaticAddresses[""] ?? [])
  }
}
