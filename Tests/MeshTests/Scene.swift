// SPDX-License-Identifier: Apache-2.0
// Scene: small worlds for tests, in as few words as the case needs.

import Format
import Testing

@testable import Mesh

/// A world, and the pod from whose eyes it is seen.
struct Scene {
  var ledger = Ledger()
  var client = pod("client", at: "10.0.0.1")

  init(_ things: [Change] = [], client: Workload = pod("client", at: "10.0.0.1")) {
    self.client = client
    _ = ledger.apply([.workload(client)] + things, from: .manifests)
  }

  var world: Snapshot { ledger.snapshot }

  func route(
    to dialled: String, _ options: RouteOptions = RouteOptions(), tried: [String] = [], seed: UInt64 = 1
  ) throws -> Route {
    var dice = Dice(seed: seed)
    let endpoint = try #require(Endpoint(dialled))
    return world.route(from: client, to: endpoint, under: options, tried: tried, dice: &dice)
  }

  /// What most cases ask of a route, as one line: `carriage hop authority`, or the reason it is refused for.
  func summary(to dialled: String, _ options: RouteOptions = RouteOptions(), tried: [String] = []) throws -> String {
    try route(to: dialled, options, tried: tried).summary
  }
}

extension Route {
  var summary: String {
    switch outcome {
    case .refused(let reason): reason.rawValue
    case .go(let path):
      ([path.carriage.rawValue, path.hop.description] + (path.authority.map { [$0.description] } ?? []))
        .joined(separator: " ")
    }
  }
}

func address(_ text: String) -> IPAddress {
  guard let address = IPAddress(text) else { preconditionFailure("\(text) is no address") }
  return address
}

func block(_ text: String) -> AddressBlock {
  guard let block = AddressBlock(text) else { preconditionFailure("\(text) is no block") }
  return block
}

func host(_ name: String, in namespace: String = "shop") -> ServiceName {
  ServiceName(namespace: namespace, hostname: "\(name).\(namespace).svc.cluster.local")
}

/// A pod of the namespace `shop`, with a tunnel unless it says otherwise.
func pod(
  _ name: String, at addresses: String..., namespace: String = "shop", account: String = "web",
  tunnel: Template.Tunnel = .hbone, services: [Template.Membership] = [], policies: [String] = [],
  waypoint: GatewayAddress? = nil, gateway: GatewayAddress? = nil, proxy: Template.ApplicationTunnel? = nil,
  mode: Template.NetworkMode = .standard, place: Place = Place(), hostname: String = "", capacity: UInt32 = 1,
  health: Workload.Health = .healthy
) -> Workload {
  Workload(
    uid: "c1//Pod/\(namespace)/\(name)", name: name, addresses: addresses.map(address), hostname: hostname,
    capacity: capacity, health: health,
    template: Template(
      namespace: namespace, serviceAccount: account, tunnel: tunnel, networkMode: mode, applicationTunnel: proxy,
      services: services, policies: policies, waypoint: waypoint, networkGateway: gateway),
    place: place)
}

/// Membership of a service, by its short name.
func serves(_ name: String, in namespace: String = "shop", ports: [ServicePort] = []) -> Template.Membership {
  Template.Membership(host(name, in: namespace), ports: ports)
}

/// A service of the namespace `shop` that maps 80 to 8080, unless it says otherwise.
func service(
  _ name: String, at addresses: String..., namespace: String = "shop", network: String = "",
  ports: [ServicePort] = [ServicePort(80, target: 8080)], names: [String] = [], waypoint: GatewayAddress? = nil,
  weighted: [Service.WeightedWaypoint] = [], balancing: LoadBalancing = LoadBalancing(),
  families: Service.Families = .automatic, isCanonical: Bool = false, visibility: Service.Visibility = .everyone
) -> Service {
  Service(
    host(name, in: namespace), shortName: name,
    addresses: addresses.map { NetworkBlock(network: network, block($0)) }, ports: ports, subjectNames: names,
    waypoint: waypoint, weightedWaypoints: weighted, balancing: balancing, families: families, isCanonical: isCanonical,
    visibility: visibility)
}

func gateway(at text: String, network: String = "", port: UInt16 = 15008) -> GatewayAddress {
  GatewayAddress(.address(NetworkAddress(network: network, address(text))), port: port)
}

func gateway(_ name: String, in namespace: String = "shop") -> GatewayAddress {
  GatewayAddress(.hostname(host(name, in: namespace)))
}

let tunnelPort = ServicePort(15008, target: 15008)
