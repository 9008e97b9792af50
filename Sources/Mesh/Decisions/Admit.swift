// SPDX-License-Identifier: Apache-2.0
// Admit: may this workload be asked for that destination, and where does its traffic go?
//
//   asked for                                           is served by
//   its own address                                     every workload
//   any address                                         a workload with a proxy inside that takes everything
//   the address of a service or workload                the waypoint it is bound to, one of several included
//   a host                                              an endpoint of that service, its waypoint, or such a proxy
//
// Bytes always go to the workload itself: to the address the connection came to, on the port that was asked for, or what
// the endpoint makes of a service's port, or the proxy's. Whether the peer may do this is asked after that, by policy.

package import Format

/// Where the traffic of a tunnel's stream goes.
package struct Delivery: Equatable, Sendable {
  /// The workload's own address, and the real port.
  package let destination: Endpoint
  /// What the proxy in the workload is told, if it wants to be told: the address that was asked for.
  package let proxied: Endpoint?
  /// The service that was asked for by its host.
  package let service: Service?
}

extension Snapshot {
  /// Decides on what a stream of a tunnel to a workload asks for. `local` is the address its connection came to.
  package func admit(
    _ authority: Authority, to workload: Workload, at local: IPAddress, ownPorts: [UInt16] = RouteOptions.ownPorts
  ) throws(Reason) -> Delivery {
    let asked = try port(for: authority, at: workload, local: local)
    let tunnel = workload.template.applicationTunnel
    let destination = Endpoint(local, port: tunnel?.port ?? asked.port)
    if ownPorts.contains(asked.port) || ownPorts.contains(destination.port) { throw .ownPort }
    guard tunnel?.handover == .proxy else {
      return Delivery(destination: destination, proxied: nil, service: asked.service)
    }
    return Delivery(
      destination: destination, proxied: try told(authority, asked.service, at: workload), service: asked.service)
  }

  private func port(
    for authority: Authority, at workload: Workload, local: IPAddress
  ) throws(Reason) -> (port: UInt16, service: Service?) {
    switch authority {
    case .address(let endpoint):
      guard isServed(endpoint.address, by: workload, at: local) else { throw .notHere }
      return (endpoint.port, nil)
    case .host(let host, let port):
      guard let service = service(host: host, for: workload.namespace) else { throw .unknownHost }
      guard isServed(service, by: workload, at: local) else { throw .notHere }
      let own = workload.ports(for: service.name)?.entry(port)?.target ?? 0
      let target = own > 0 ? own : service.ports.entry(port)?.target ?? 0
      guard target > 0 else { throw .unknownHost }
      return (target, service)
    case .resolved: throw .badAuthority
    }
  }

  private func isServed(_ address: IPAddress, by workload: Workload, at local: IPAddress) -> Bool {
    if address == local || workload.template.applicationTunnel != nil { return true }
    switch destination(at: NetworkAddress(network: workload.network, address), for: workload.namespace) {
    case .service(let service): return service.waypoints.contains { isServed($0, by: workload, at: local) }
    case .workload(let other):
      return other.template.waypoint.map { isServed($0, by: workload, at: local) } ?? false
    case nil: return false
    }
  }

  private func isServed(_ service: Service, by workload: Workload, at local: IPAddress) -> Bool {
    workload.ports(for: service.name) != nil || workload.template.applicationTunnel != nil
      || service.waypoints.contains { isServed($0, by: workload, at: local) }
  }

  /// Whether a workload, or whoever has the local address, is the waypoint.
  private func isServed(_ gateway: GatewayAddress, by workload: Workload, at local: IPAddress) -> Bool {
    guard case .workload(let waypoint)? = destination(of: gateway, for: workload.namespace) else {
      return isServed(gateway, by: workload)
    }
    return waypoint.uid == workload.uid || waypoint.network == workload.network && waypoint.addresses.contains(local)
  }

  /// What the proxy in a workload is told that was asked for.
  private func told(_ authority: Authority, _ service: Service?, at workload: Workload) throws(Reason) -> Endpoint {
    switch authority {
    case .address(let endpoint): return endpoint
    case .host(_, let port):
      let addresses = service?.addresses.filter(\.block.isOneAddress) ?? []
      let near = addresses.filter { $0.network == workload.network }
      let candidates = (near.isEmpty ? addresses : near).map(\.block.first)
      guard let address = candidates.first(where: \.isV4) ?? candidates.first else { throw .noServiceAddress }
      return Endpoint(address, port: port)
    case .resolved: throw .badAuthority
    }
  }
}

extension Service {
  /// Every waypoint it may use.
  fileprivate var waypoints: [GatewayAddress] {
    weightedWaypoints.filter { $0.weight > 0 }.map(\.gateway) + (waypoint.map { [$0] } ?? [])
  }
}
