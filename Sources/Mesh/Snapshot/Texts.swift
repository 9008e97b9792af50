// SPDX-License-Identifier: Apache-2.0
// Texts: every text in a value, replaced by one that is equal. The pool walks values with this, in and out.

extension String {
  /// The same text in as much memory as it needs: one that was put together has room to grow.
  var compact: String { String(copying: utf8Span) }
}

extension Place {
  func mapTexts(_ map: (String) -> String) -> Place {
    Place(
      network: map(network), cluster: map(cluster), node: map(node), region: map(region), zone: map(zone),
      subzone: map(subzone))
  }
}

extension ServiceName {
  func mapTexts(_ map: (String) -> String) -> ServiceName {
    ServiceName(namespace: map(namespace), hostname: map(hostname))
  }
}

extension GatewayAddress {
  func mapTexts(_ map: (String) -> String) -> GatewayAddress {
    switch destination {
    case .hostname(let name): GatewayAddress(.hostname(name.mapTexts(map)), port: port)
    case .address(let place):
      GatewayAddress(.address(NetworkAddress(network: map(place.network), place.address)), port: port)
    }
  }
}

extension Service {
  func mapTexts(_ map: (String) -> String) -> Service {
    Service(
      name.mapTexts(map), shortName: map(shortName),
      addresses: addresses.map { NetworkBlock(network: map($0.network), $0.block) }, ports: ports,
      subjectNames: subjectNames.map(map), waypoint: waypoint?.mapTexts(map),
      weightedWaypoints: weightedWaypoints.map { WeightedWaypoint($0.gateway.mapTexts(map), weight: $0.weight) },
      balancing: balancing, families: families, isCanonical: isCanonical, isWaypointForIngress: isWaypointForIngress,
      visibility: visibility)
  }
}
