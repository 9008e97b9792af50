// SPDX-License-Identifier: Apache-2.0
// Workloads as objects: Pod, WorkloadEntry, ServiceEntry, EndpointSlice and Service, as far as the mesh looks at them.

package import Format

/// A port of a service or an endpoint, as objects spell it.
package struct NamedPort: Hashable, Sendable {
  /// Where a service's port leads.
  package enum Target: Hashable, Sendable {
    case number(UInt16)
    case name(String)
  }

  /// Its name; empty when it has none.
  package let name: String
  /// Its number.
  package let number: UInt16
  /// Where it leads.
  package let target: Target
  /// `TCP` and the like, or `HTTP` for kinds that name what the bytes are.
  package let transport: String
  /// What the bytes are, where that is a field of its own.
  package let application: String
}

/// What the mesh wants to know of a pod.
package struct PodObject: Sendable {
  /// The node it runs on.
  package let node: String
  /// Who it is.
  package let serviceAccount: String
  /// Whether it lives in its node's network namespace.
  package let isHostNetwork: Bool
  /// Its addresses.
  package let addresses: [IPAddress]
  /// Whether it has ended for good.
  package let isEnded: Bool
  /// Whether it is ready.
  package let isReady: Bool
  /// The ports of its containers.
  package let ports: [NamedPort]
}

/// What the mesh wants to know of a service.
package struct ServiceObject: Sendable {
  /// Whether it is an alias of a name outside.
  package let isExternalName: Bool
  /// Its addresses; none for a headless one.
  package let addresses: [IPAddress]
  /// Its ports.
  package let ports: [NamedPort]
  /// The labels of its pods; empty when its endpoints are listed elsewhere.
  package let selector: [String: String]
  /// The families of addresses it has.
  package let families: [String]
  /// Whether only endpoints on the client's node will do.
  package let isLocal: Bool
  /// Which endpoints are preferred.
  package let distribution: String
  /// Whether endpoints that are not ready count.
  package let publishesNotReady: Bool
}

/// What the mesh wants to know of a slice of endpoints.
package struct EndpointSliceObject: Sendable {
  /// One endpoint.
  package struct Endpoint: Sendable {
    /// Its addresses.
    package let addresses: [IPAddress]
    /// Whether it is ready.
    package let isReady: Bool
    /// The pod it is; nil when it is none.
    package let pod: ObjectKey?
    /// The pod's uid; empty when that is not said.
    package let podUID: String
    /// The node it runs on.
    package let node: String
    /// The zone it runs in.
    package let zone: String
  }

  /// The service it belongs to; empty when it says none.
  package let service: String
  /// The endpoints.
  package let endpoints: [Endpoint]
  /// The ports they listen on.
  package let ports: [NamedPort]
}

/// What the mesh wants to know of a workload that is no pod, or of an endpoint of a service entry.
package struct WorkloadEntryObject: Sendable {
  /// Its address; empty when the name of its service is resolved instead.
  package let address: String
  /// Where it listens, by the names of its service's ports.
  package let ports: [String: UInt16]
  /// Its labels, beside those of the object itself.
  package let labels: [String: String]
  /// The network it is in; empty for the mesh's own.
  package let network: String
  /// `region/zone/subzone`.
  package let locality: String
  /// Its share of the traffic.
  package let weight: UInt32
  /// Who it is.
  package let serviceAccount: String
}

/// What the mesh wants to know of a service that somebody else runs.
package struct ServiceEntryObject: Sendable {
  /// How its endpoints are found.
  package enum Resolution: String, CaseIterable, Sendable {
    case none = "NONE"
    case fixed = "STATIC"
    case dns = "DNS"
    case dnsRoundRobin = "DNS_ROUND_ROBIN"
    case dynamicDNS = "DYNAMIC_DNS"
  }

  /// Where it runs.
  package enum Location: String, CaseIterable, Sendable {
    case outside = "MESH_EXTERNAL"
    case inside = "MESH_INTERNAL"
  }

  /// Its names.
  package let hosts: [String]
  /// Its addresses: those it declares, else those a control plane gave it.
  package let addresses: [AddressBlock]
  /// Those that a control plane gave it, by host; those of the empty host are everyone's. None when it declares its own.
  package let automaticAddresses: [String: [AddressBlock]]
  /// Its ports.
  package let ports: [NamedPort]
  /// Where it runs.
  package let location: Location
  /// How its endpoints are found.
  package let resolution: Resolution
  /// Endpoints that are listed in it.
  package let endpoints: [WorkloadEntryObject]
  /// The labels of its workloads; empty when they are listed.
  package let selector: [String: String]
  /// Identities its endpoints may show.
  package let subjectNames: [String]
}

// MARK: Reading

extension Fields {
  static let portNumbers = 1...65535

  func port(_ name: String) -> UInt16? { number(name, Self.portNumbers).map { UInt16($0) } }

  /// An address; what is none is a finding.
  func address(_ name: String) -> IPAddress? {
    guard let text = text(name) else { return nil }
    let address = IPAddress(text)
    if address == nil { fail(name, "invalid-address", "`\(text)` is no IP address") }
    return address
  }

  /// Addresses in a row, without those that are left out on purpose.
  func addresses(_ name: String, but absent: Set<String> = []) -> [IPAddress] {
    items(name).filter { !absent.contains($0.text) }.compactMap { item in
      let address = IPAddress(item.text)
      if address == nil { fail(item, "invalid-address", "`\(item.text)` is no IP address") }
      return address
    }
  }
}

extension PodObject {
  init(_ object: Fields) {
    let spec = object.map("spec")
    let status = object.map("status")
    node = spec.text("nodeName") ?? ""
    serviceAccount = spec.text("serviceAccountName") ?? spec.text("serviceAccount") ?? "default"
    isHostNetwork = spec.truth("hostNetwork") ?? false
    let lists = status.maps("podIPs").compactMap { $0.address("ip") }
    addresses = lists.isEmpty ? status.address("podIP").map { [$0] } ?? [] : lists
    _ = status.text("podIP")
    isEnded = ["Succeeded", "Failed"].contains(status.text("phase") ?? "")
    // Outside of Kubernetes nobody writes conditions, and a pod that is there is ready.
    let conditions = status.maps("conditions")
    isReady = conditions.isEmpty || conditions.contains { $0.text("type") == "Ready" && $0.text("status") == "True" }
    // Containers that start first and stay are like any other.
    let starters = spec.maps("initContainers").filter { $0.text("restartPolicy") == "Always" }
    ports = (spec.maps("containers") + starters).flatMap { $0.maps("ports") }.compactMap { port in
      port.port("containerPort").map {
        NamedPort(
          name: port.text("name") ?? "", number: $0, target: .number($0), transport: port.text("protocol") ?? "TCP",
          application: "")
      }
    }
  }
}

extension ServiceObject {
  private enum Policy: String, CaseIterable { case cluster = "Cluster", local = "Local" }
  private enum ServiceType: String, CaseIterable {
    case address = "ClusterIP", node = "NodePort", balancer = "LoadBalancer", alias = "ExternalName"
  }

  init(_ object: Fields) {
    let spec = object.map("spec")
    isExternalName = spec.choice("type", ServiceType.self) == .alias
    let absent: Set = ["", "None"]
    let single = absent.contains(spec.text("clusterIP") ?? "") ? nil : spec.address("clusterIP")
    let several = spec.addresses("clusterIPs", but: absent)
    addresses = several.isEmpty ? single.map { [$0] } ?? [] : several
    ports = spec.maps("ports").compactMap { port in
      guard let number = port.port("port") else {
        if !port.has("port") { port.fail("port", "missing-field", "this field is required") }
        return nil
      }
      let target: NamedPort.Target =
        switch port.numberOrName("targetPort", 0...65535) {
        case .number(let target) where target > 0: .number(UInt16(target))
        case .name(let name): .name(name)
        default: .number(number)
        }
      defer { port.end(leaving: ["nodePort"]) }
      return NamedPort(
        name: port.text("name") ?? "", number: number, target: target, transport: port.text("protocol") ?? "TCP",
        application: port.text("appProtocol") ?? "")
    }
    selector = spec.pairs("selector")
    families = spec.texts("ipFamilies")
    isLocal = spec.choice("internalTrafficPolicy", Policy.self) == .local
    distribution = spec.text("trafficDistribution") ?? ""
    publishesNotReady = spec.truth("publishNotReadyAddresses") ?? false
    spec.end(leaving: [
      "allocateLoadBalancerNodePorts", "externalIPs", "externalName", "externalTrafficPolicy", "healthCheckNodePort",
      "ipFamilyPolicy", "loadBalancerClass", "loadBalancerIP", "loadBalancerSourceRanges", "sessionAffinity",
      "sessionAffinityConfig",
    ])
  }
}

extension EndpointSliceObject {
  init(_ object: Fields, _ meta: Meta) {
    service = meta.labels["kubernetes.io/service-name"] ?? ""
    // Names are nothing a connection can go to.
    let areNames = object.text("addressType") == "FQDN"
    endpoints = object.maps("endpoints").map { endpoint in
      let target = endpoint.map("targetRef")
      let isReady = endpoint.map("conditions").truth("ready") ?? true
      let pod = ObjectKey(.pod, target.text("namespace") ?? meta.namespace, target.text("name") ?? "")
      return Endpoint(
        addresses: areNames ? [] : endpoint.addresses("addresses"), isReady: isReady,
        pod: target.text("kind") == "Pod" ? pod : nil, podUID: target.text("uid") ?? "",
        node: endpoint.text("nodeName") ?? "", zone: endpoint.text("zone") ?? "")
    }
    ports = object.maps("ports").compactMap { port in
      port.port("port").map {
        NamedPort(
          name: port.text("name") ?? "", number: $0, target: .number($0), transport: port.text("protocol") ?? "TCP",
          application: port.text("appProtocol") ?? "")
      }
    }
  }
}

extension WorkloadEntryObject {
  init(_ spec: Fields) {
    address = spec.text("address") ?? ""
    ports = spec.numbers("ports", Fields.portNumbers).mapValues { UInt16($0) }
    labels = spec.pairs("labels")
    network = spec.text("network") ?? ""
    locality = spec.text("locality") ?? ""
    weight = UInt32(spec.number("weight", 0...Int(UInt32.max)) ?? 1)
    serviceAccount = spec.text("serviceAccount") ?? ""
    spec.end()
  }
}

extension ServiceEntryObject {
  init(_ object: Fields) {
    let spec = object.map("spec")
    hosts = spec.texts("hosts").map { $0.lowercased() }
    if hosts.isEmpty { spec.fail("hosts", "missing-field", "a service entry needs a host") }
    let declared = spec.items("addresses").compactMap { item in
      let block = AddressBlock(item.text)
      if block == nil {
        spec.fail(item, "invalid-address", "`\(item.text)` is neither an IP address nor a block of them")
      }
      return block
    }
    let given = object.map("status").maps("addresses").compactMap { given in
      given.address("value").map { (host: given.text("host")?.lowercased() ?? "", block: AddressBlock($0)) }
    }
    addresses = declared.isEmpty ? given.map(\.block) : declared
    automaticAddresses = declared.isEmpty ? Dictionary(grouping: given, by: \.host).mapValues { $0.map(\.block) } : [:]
    ports = spec.maps("ports").compactMap { port in
      defer { port.end() }
      guard let number = port.port("number") else {
        if !port.has("number") { port.fail("number", "missing-field", "this field is required") }
        return nil
      }
      return NamedPort(
        name: port.text("name") ?? "", number: number, target: .number(port.port("targetPort") ?? number),
        transport: port.text("protocol")?.uppercased() == "UDP" ? "UDP" : "TCP",
        application: port.text("protocol") ?? "")
    }
    location = spec.choice("location", Location.self) ?? .outside
    resolution = spec.choice("resolution", Resolution.self) ?? .none
    endpoints = spec.maps("endpoints").map(WorkloadEntryObject.init)
    let selection = spec.map("workloadSelector")
    selector = selection.pairs("labels")
    selection.end()
    subjectNames = spec.texts("subjectAltNames")
    spec.end(leaving: ["exportTo"])
  }
}
