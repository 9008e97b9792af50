// SPDX-License-Identifier: Apache-2.0
// Template: what all replicas of one deployment have in common.

/// What a workload has in common with its replicas.
package struct Template: Hashable, Sendable {
  /// How its traffic is carried.
  package enum Tunnel: UInt8, Sendable { case none, hbone }
  /// What made it.
  package enum Owner: UInt8, Sendable { case deployment, cronJob, pod, job }
  /// Whose network namespace it lives in.
  package enum NetworkMode: UInt8, Sendable { case standard, host }

  /// Delivery to a proxy inside the workload instead of the port that was asked for.
  package struct ApplicationTunnel: Hashable, Sendable {
    /// What the proxy is told.
    package enum Handover: UInt8, Sendable { case none, proxy }
    /// What the proxy is told.
    package let handover: Handover
    /// Where it listens; nil leaves the port as it is.
    package let port: UInt16?

    /// Joins the two.
    package init(_ handover: Handover, port: UInt16?) {
      self.handover = handover
      self.port = port
    }
  }

  /// Being an endpoint of a service.
  package struct Membership: Hashable, Sendable {
    /// The service.
    package let service: ServiceName
    /// Where this endpoint listens, for ports whose targets it knows better than the service.
    package let ports: [ServicePort]

    /// Joins the two.
    package init(_ service: ServiceName, ports: [ServicePort] = []) {
      self.service = service
      self.ports = ports
    }
  }

  /// The namespace.
  package let namespace: String
  /// Who it is.
  package let identity: Identity
  /// The name of its service, for telemetry.
  package let canonicalName: String
  /// The version of its service, for telemetry.
  package let canonicalRevision: String
  /// The name of its owner, for telemetry.
  package let ownerName: String
  /// What made it, for telemetry.
  package let owner: Owner
  /// How its traffic is carried.
  package let tunnel: Tunnel
  /// Whether it speaks the tunnel itself.
  package let isNativeTunnel: Bool
  /// Whose network namespace it lives in.
  package let networkMode: NetworkMode
  /// Delivery to a proxy inside the workload.
  package let applicationTunnel: ApplicationTunnel?
  /// The services it is an endpoint of, in order of their names.
  package let services: [Membership]
  /// The keys of the policies that select it, in order.
  package let policies: [String]
  /// Who must see its traffic first, when it is dialled by its own address.
  package let waypoint: GatewayAddress?
  /// The way into its network, from others.
  package let networkGateway: GatewayAddress?

  /// A template; empty parts of the identity are those every control plane leaves out.
  package init(
    namespace: String, trustDomain: String = "", serviceAccount: String = "", canonicalName: String = "",
    canonicalRevision: String = "", ownerName: String = "", owner: Owner = .pod, tunnel: Tunnel = .none,
    isNativeTunnel: Bool = false, networkMode: NetworkMode = .standard, applicationTunnel: ApplicationTunnel? = nil,
    services: [Membership] = [], policies: [String] = [], waypoint: GatewayAddress? = nil,
    networkGateway: GatewayAddress? = nil
  ) {
    self.namespace = namespace
    identity = Identity(
      trustDomain: trustDomain.isEmpty ? "cluster.local" : trustDomain, namespace: namespace,
      serviceAccount: serviceAccount.isEmpty ? "default" : serviceAccount)
    self.canonicalName = canonicalName
    self.canonicalRevision = canonicalRevision
    self.ownerName = ownerName
    self.owner = owner
    self.tunnel = tunnel
    self.isNativeTunnel = isNativeTunnel
    self.networkMode = networkMode
    self.applicationTunnel = applicationTunnel
    self.services = services.inOrder {
      $0.service < $1.service
    } sameAs: {
      $0.service == $1.service
    }
    self.policies = policies.inOrder {
      $0 < $1
    } sameAs: {
      $0 == $1
    }
    self.waypoint = waypoint
    self.networkGateway = networkGateway
  }
}

extension Template {
  /// The same template with other copies of its texts.
  func mapTexts(_ map: (String) -> String) -> Template { Template(self, map) }

  private init(_ other: Template, _ map: (String) -> String) {
    namespace = map(other.namespace)
    identity = other.identity.with(uri: map(other.identity.uri))
    canonicalName = map(other.canonicalName)
    canonicalRevision = map(other.canonicalRevision)
    ownerName = map(other.ownerName)
    owner = other.owner
    tunnel = other.tunnel
    isNativeTunnel = other.isNativeTunnel
    networkMode = other.networkMode
    applicationTunnel = other.applicationTunnel
    services = other.services.map { Membership($0.service.mapTexts(map), ports: $0.ports) }
    policies = other.policies.map(map)
    waypoint = other.waypoint?.mapTexts(map)
    networkGateway = other.networkGateway?.mapTexts(map)
  }
}

extension Array {
  /// Sorted; of equals the one that stood last.
  fileprivate func inOrder(
    _ precedes: (Element, Element) -> Bool, sameAs equals: (Element, Element) -> Bool
  ) -> [Element] {
    var kept: [Element] = []
    for element in sorted(by: precedes) {  // The sort is stable.
      if let last = kept.last, equals(last, element) { kept.removeLast() }
      kept.append(element)
    }
    return kept
  }
}
