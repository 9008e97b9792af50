// SPDX-License-Identifier: Apache-2.0
// Service: a name and addresses that stand for many workloads.

import Format

/// A name and addresses that stand for many workloads. The fields are those of the control plane's Service message.
package final class Service: Sendable {
  /// Which addresses of endpoints may be used.
  package enum Families: UInt8, Sendable {
    case automatic, v4Only, v6Only, dual

    /// Whether an address is of an allowed family.
    func allows(_ address: IPAddress) -> Bool {
      switch self {
      case .automatic, .dual: true
      case .v4Only: address.isV4
      case .v6Only: !address.isV4
      }
    }
  }

  /// Who can see it.
  package enum Visibility: UInt8, Sendable { case everyone, ownNamespace }

  /// One of several waypoints, and its share of the connections.
  package struct WeightedWaypoint: Hashable, Sendable {
    /// The waypoint.
    package let gateway: GatewayAddress
    /// Its share.
    package let weight: UInt32

    /// Joins the two.
    package init(_ gateway: GatewayAddress, weight: UInt32) {
      self.gateway = gateway
      self.weight = weight
    }
  }

  /// The name of the object, for telemetry.
  package let shortName: String
  /// The primary key.
  package let name: ServiceName
  /// Where it is reached.
  package let addresses: [NetworkBlock]
  /// What clients may dial.
  package let ports: [ServicePort]
  /// Identities its endpoints may show besides their own.
  package let subjectNames: [String]
  /// Who must see its traffic first.
  package let waypoint: GatewayAddress?
  /// Several of them, by weight; these come before the single one.
  package let weightedWaypoints: [WeightedWaypoint]
  /// How an endpoint is chosen.
  package let balancing: LoadBalancing
  /// Which addresses of endpoints may be used.
  package let families: Families
  /// Whether it is the one that clients of other namespaces mean.
  package let isCanonical: Bool
  /// Whether gateways send its traffic through the waypoint, too.
  package let isWaypointForIngress: Bool
  /// Who can see it.
  package let visibility: Visibility

  /// A service as its control plane describes it.
  package init(
    _ name: ServiceName, shortName: String = "", addresses: [NetworkBlock] = [], ports: [ServicePort] = [],
    subjectNames: [String] = [], waypoint: GatewayAddress? = nil, weightedWaypoints: [WeightedWaypoint] = [],
    balancing: LoadBalancing = LoadBalancing(), families: Families = .automatic, isCanonical: Bool = false,
    isWaypointForIngress: Bool = false, visibility: Visibility = .everyone
  ) {
    self.name = name
    self.shortName = shortName
    self.addresses = addresses
    self.ports = ports
    self.subjectNames = subjectNames
    self.waypoint = waypoint
    self.weightedWaypoints = weightedWaypoints
    self.balancing = balancing
    self.families = families
    self.isCanonical = isCanonical
    self.isWaypointForIngress = isWaypointForIngress
    self.visibility = visibility
  }

  /// Whether a client of this namespace can see it.
  func isVisible(to namespace: String) -> Bool { visibility == .everyone || name.namespace == namespace }
}

extension Service: Equatable, Keyed, Ordered {
  /// Equal in every field.
  package static func == (one: Service, other: Service) -> Bool {
    one === other
      || one.name == other.name && one.shortName == other.shortName && one.addresses == other.addresses
        && one.ports == other.ports && one.subjectNames == other.subjectNames && one.waypoint == other.waypoint
        && one.weightedWaypoints == other.weightedWaypoints && one.balancing == other.balancing
        && one.families == other.families && one.isCanonical == other.isCanonical
        && one.isWaypointForIngress == other.isWaypointForIngress && one.visibility == other.visibility
  }

  var key: ServiceName { name }

  func precedes(_ other: Service) -> Bool { name < other.name }
}

extension Service: CustomStringConvertible {
  /// `namespace/hostname`.
  package var description: String { name.description }
}

/// How an endpoint of a service is chosen.
package struct LoadBalancing: Hashable, Sendable {
  /// What clients and endpoints may have in common.
  package enum Scope: UInt8, Sendable, CaseIterable { case region = 1, zone, subzone, node, cluster, network }

  /// What preferences mean.
  package enum Mode: UInt8, Sendable {
    /// Nothing: any endpoint will do.
    case any
    /// All of them must hold.
    case strict
    /// The more of them hold, from the first on, the better.
    case failover
    /// No choice: the address that was dialled.
    case passthrough
  }

  /// Whether unhealthy endpoints are candidates.
  package enum HealthPolicy: UInt8, Sendable { case onlyHealthy, allowAll }

  /// What clients and endpoints should have in common, the most important first.
  package let preferences: [Scope]
  /// What preferences mean.
  package let mode: Mode
  /// Whether unhealthy endpoints are candidates.
  package let health: HealthPolicy

  /// Joins the three.
  package init(_ mode: Mode = .any, preferences: [Scope] = [], health: HealthPolicy = .onlyHealthy) {
    self.mode = mode
    self.preferences = preferences
    self.health = health
  }
}

extension Place {
  /// What a client and an endpoint are compared by.
  func value(of scope: LoadBalancing.Scope) -> String {
    switch scope {
    case .region: region
    case .zone: zone
    case .subzone: subzone
    case .node: node
    case .cluster: cluster
    case .network: network
    }
  }
}
