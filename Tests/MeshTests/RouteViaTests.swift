// SPDX-License-Identifier: Apache-2.0
// Routes with a stop on the way: waypoints, and gateways into other networks.

import Format
import Testing

@testable import Mesh

extension RouteTests {
  static let proxy = Change.workload(pod("proxy", at: "10.0.0.20", account: "proxy", services: [serves("proxy")]))
  static let proxyService = Change.service(service("proxy", at: "10.9.0.20", ports: [tunnelPort]))
  static let missing = gateway("missing")
  static let byName: [Change] = [
    proxy, proxyService, web, .service(service("web", at: "10.9.0.1", waypoint: gateway("proxy"))),
  ]
  static let lenient = RouteOptions(bypassesMissingWaypoint: true)

  static let waypoints: [Case] = [
    Case(
      name: "the client's own waypoint concerns nobody else", things: [web, proxy, proxyService],
      dialled: "10.0.0.2:80",
      result: "hbone 10.0.0.2:15008 10.0.0.2:80", client: pod("client", at: "10.0.0.1", waypoint: gateway("proxy"))),
    Case(
      name: "a workload's waypoint is asked for what was dialled",
      things: [proxy, proxyService, .workload(pod("a", at: "10.0.0.2", waypoint: gateway("proxy")))],
      dialled: "10.0.0.2:80", result: "hbone 10.0.0.20:15008 10.0.0.2:80"),
    Case(
      name: "a workload's waypoint by the address of a workload",
      things: [proxy, .workload(pod("a", at: "10.0.0.2", waypoint: gateway(at: "10.0.0.20")))],
      dialled: "10.0.0.2:80", result: "hbone 10.0.0.20:15008 10.0.0.2:80"),
    Case(
      name: "a workload's waypoint by the address of a service, on a port of its own",
      things: [
        proxy, .service(service("proxy", at: "10.9.0.20", ports: [ServicePort(15008, target: 25008)])),
        .workload(pod("a", at: "10.0.0.2", waypoint: gateway(at: "10.9.0.20"))),
      ], dialled: "10.0.0.2:80", result: "hbone 10.0.0.20:25008 10.0.0.2:80"),
    Case(
      name: "a waypoint by an IPv4 address is good for IPv6, too",
      things: [proxy, .workload(pod("a", at: "10.0.0.2", "fd00::2", waypoint: gateway(at: "10.0.0.20")))],
      dialled: "[fd00::2]:80", result: "hbone 10.0.0.20:15008 [fd00::2]:80"),
    Case(
      name: "a workload without a tunnel still has its waypoint",
      things: [proxy, proxyService, .workload(pod("a", at: "10.0.0.2", tunnel: .none, waypoint: gateway("proxy")))],
      dialled: "10.0.0.2:80", result: "hbone 10.0.0.20:15008 10.0.0.2:80"),
    Case(
      name: "a service's waypoint is asked for the service", things: byName, dialled: "10.9.0.1:80",
      result: "hbone 10.0.0.20:15008 10.9.0.1:80"),
    Case(
      name: "a service's waypoint comes before its ports are looked at", things: byName, dialled: "10.9.0.1:4711",
      result: "hbone 10.0.0.20:15008 10.9.0.1:4711"),
    Case(
      name: "a service's waypoint sees nothing of what is dialled by a workload's address", things: byName,
      dialled: "10.0.0.2:80", result: "hbone 10.0.0.2:15008 10.0.0.2:80"),
    Case(
      name: "an endpoint's waypoint sees nothing of what is dialled by a service",
      things: [
        proxy, proxyService, .workload(pod("a", at: "10.0.0.2", services: [serves("web")], waypoint: gateway("proxy"))),
        .service(service("web", at: "10.9.0.1")),
      ], dialled: "10.9.0.1:80", result: "hbone 10.0.0.2:15008 10.0.0.2:8080"),
    Case(
      name: "a waypoint by name follows the family that was dialled",
      things: [
        .workload(pod("proxy", at: "10.0.0.20", "fd00::20", services: [serves("proxy")])), proxyService,
        .service(service("web", at: "10.9.0.1", "fd09::1", waypoint: gateway("proxy"))),
      ], dialled: "[fd09::1]:80", result: "hbone [fd00::20]:15008 [fd09::1]:80"),
    Case(
      name: "a passthrough service with a waypoint goes there",
      things: [
        proxy, proxyService,
        .service(service("web", at: "10.9.0.1", waypoint: gateway("proxy"), balancing: LoadBalancing(.passthrough))),
      ], dialled: "10.9.0.1:80", result: "hbone 10.0.0.20:15008 10.9.0.1:80"),
    Case(
      name: "a waypoint that is a workload by its hostname",
      things: [
        .workload(pod("proxy", at: "10.0.0.20", hostname: "proxy.shop.svc.cluster.local")), web,
        .service(service("web", at: "10.9.0.1", waypoint: gateway("proxy"))),
      ], dialled: "10.9.0.1:80", result: "hbone 10.0.0.20:15008 10.9.0.1:80"),
    Case(
      name: "a workload of another namespace cannot claim to be the waypoint",
      things: [
        .workload(pod("thief", at: "10.0.0.66", namespace: "other", hostname: "proxy.shop.svc.cluster.local")), web,
        .service(service("web", at: "10.9.0.1", waypoint: gateway("proxy"))),
      ], dialled: "10.9.0.1:80", result: "unknown_waypoint"),
    Case(
      name: "a waypoint nobody knows is not bypassed",
      things: [web, .service(service("web", at: "10.9.0.1", waypoint: missing))], dialled: "10.9.0.1:80",
      result: "unknown_waypoint"),
    Case(
      name: "a workload's waypoint nobody knows is not bypassed",
      things: [.workload(pod("a", at: "10.0.0.2", waypoint: missing))], dialled: "10.0.0.2:80",
      result: "unknown_waypoint"),
    Case(
      name: "a waypoint without endpoints is not bypassed",
      things: [proxyService, web, .service(service("web", at: "10.9.0.1", waypoint: gateway("proxy")))],
      dialled: "10.9.0.1:80", result: "no_waypoint_endpoint"),
    Case(
      name: "a waypoint nobody knows is bypassed when the mesh is set up so",
      things: [web, .service(service("web", at: "10.9.0.1", waypoint: missing))], dialled: "10.9.0.1:80",
      result: "hbone 10.0.0.2:15008 10.0.0.2:8080", options: lenient),
    Case(
      name: "a workload's waypoint without endpoints is bypassed when the mesh is set up so",
      things: [proxyService, .workload(pod("a", at: "10.0.0.2", waypoint: gateway("proxy")))],
      dialled: "10.0.0.2:80", result: "hbone 10.0.0.2:15008 10.0.0.2:80", options: lenient),
    Case(
      name: "a waypoint that was tried and failed is not bypassed", things: byName, dialled: "10.9.0.1:80",
      result: "endpoints_tried", options: lenient, tried: ["c1//Pod/shop/proxy"]),
    Case(
      name: "a workload that is a waypoint and was tried", tried: ["c1//Pod/shop/proxy"],
      [proxy, .workload(pod("a", at: "10.0.0.2", waypoint: gateway(at: "10.0.0.20")))], "10.0.0.2:80",
      "endpoints_tried"),
    Case(
      name: "the waypoint itself goes straight to the workload",
      things: [proxyService, .workload(pod("a", at: "10.0.0.2", waypoint: gateway("proxy")))],
      dialled: "10.0.0.2:80", result: "hbone 10.0.0.2:15008 10.0.0.2:80",
      client: pod("proxy", at: "10.0.0.20", services: [serves("proxy")])),
    Case(
      name: "the waypoint itself goes straight to the service's endpoints", things: Array(byName.dropFirst()),
      dialled: "10.9.0.1:80", result: "hbone 10.0.0.2:15008 10.0.0.2:8080",
      client: pod("proxy", at: "10.0.0.20", services: [serves("proxy")])),
    Case(
      name: "a waypoint with a proxy inside takes a port its service does not name",
      things: [
        .workload(
          pod(
            "proxy", at: "10.0.0.20", services: [serves("proxy")],
            proxy: Template.ApplicationTunnel(.proxy, port: 15088))),
        .service(service("proxy", at: "10.9.0.20")), web,
        .service(service("web", at: "10.9.0.1", waypoint: gateway("proxy"))),
      ], dialled: "10.9.0.1:80", result: "hbone 10.0.0.20:15008 10.9.0.1:80"),
  ]

  @Test func weightsShareTheConnections() throws {
    func shares(_ weights: [UInt32], single: Bool = true) throws -> [String: Int] {
      let scene = Scene([
        Self.proxy, Self.proxyService,
        .workload(pod("canary", at: "10.0.0.21", services: [serves("canary")])),
        .service(service("canary", at: "10.9.0.21", ports: [tunnelPort])), Self.web,
        .service(
          service(
            "web", at: "10.9.0.1", waypoint: single ? gateway("proxy") : nil,
            weighted: zip(["proxy", "canary"], weights).map { Service.WeightedWaypoint(gateway($0), weight: $1) })),
      ])
      return try (0..<2000).reduce(into: [:]) { counts, seed in
        counts[try scene.route(to: "10.9.0.1:80", seed: UInt64(seed)).path?.hop.description ?? "none", default: 0] += 1
      }
    }
    #expect(try shares([100, 0]) == ["10.0.0.20:15008": 2000])
    #expect(try shares([0, 100]) == ["10.0.0.21:15008": 2000])
    #expect(try shares([0, 0]) == ["10.0.0.20:15008": 2000])
    #expect(try shares([0, 0], single: false) == ["10.0.0.2:15008": 2000])
    let split = try shares([90, 10])
    // 200 are expected; five standard deviations are 67.
    #expect((133...267).contains(split["10.0.0.21:15008", default: 0]))
    #expect(split.values.reduce(0, +) == 2000)
  }

  @Test func sayWhoMayAnswer() throws {
    let scene = Scene([
      Self.proxy,
      .service(service("proxy", at: "10.9.0.20", ports: [tunnelPort], names: ["spiffe://td/ns/x/sa/waypoint"])),
      .workload(pod("a", at: "10.0.0.2", account: "a", services: [serves("web")])),
      .service(service("web", at: "10.9.0.1", names: ["spiffe://td/ns/x/sa/web"])),
      .service(service("shy", at: "10.9.0.3", names: ["spiffe://td/ns/x/sa/shy"], waypoint: gateway("proxy"))),
    ])
    #expect(
      try scene.route(to: "10.9.0.1:80").path?.peers.uris
        == ["spiffe://td/ns/x/sa/web", "spiffe://cluster.local/ns/shop/sa/a"])
    #expect(try scene.route(to: "10.0.0.2:80").path?.peers.uris == ["spiffe://cluster.local/ns/shop/sa/a"])
    // The waypoint answers for itself, never with the names of the service behind it.
    #expect(
      try scene.route(to: "10.9.0.3:80").path?.peers.uris
        == ["spiffe://td/ns/x/sa/waypoint", "spiffe://cluster.local/ns/shop/sa/proxy"])
  }
}

extension RouteTests.Case {
  init(name: String, tried: [String], _ things: [Change], _ dialled: String, _ result: String) {
    self.init(name: name, things: things, dialled: dialled, result: result, tried: tried)
  }
}

// MARK: Other networks

extension RouteTests {
  static let names = ["spiffe://cluster.local/ns/shop/sa/web"]

  /// Endpoints of a service, here and far, behind a gateway that is found in one way or another.
  static func twoNetworks(
    _ address: GatewayAddress?, near: Workload.Health? = nil, names: [String] = names,
    balancing: LoadBalancing = LoadBalancing(), _ more: [Change] = []
  ) -> [Change] {
    let remote = Workload(
      uid: "far/SplitHorizonWorkload/gw/shop/web", name: "web",
      template: Template(namespace: "shop", tunnel: .hbone, services: [serves("web")], networkGateway: address),
      place: Place(network: "far"))
    let local = near.map { pod("near", at: "10.0.0.2", services: [serves("web")], health: $0) }
    return [.workload(remote)] + (local.map { [.workload($0)] } ?? [])
      + [.service(service("web", at: "10.9.0.1", names: names, balancing: balancing))] + more
  }

  static let gatewayPod = pod(
    "gw", at: "172.16.0.9", namespace: "mesh", services: [serves("gw", in: "mesh")], place: far)
  static let gatewayService = Service(
    host("gw", in: "mesh"), addresses: [NetworkBlock(network: "far", address("172.16.0.1"))], ports: [tunnelPort],
    subjectNames: ["spiffe://td/ns/mesh/sa/gw"])
  static let prefersNear = LoadBalancing(.failover, preferences: [.network, .region, .zone])
  static let double = "double_hbone 172.16.0.9:15008 web.shop.svc.cluster.local:80"

  static let networks: [Case] = [
    Case(
      name: "through a gateway that is a workload",
      things: twoNetworks(gateway(at: "172.16.0.9", network: "far"), [.workload(gatewayPod)]), dialled: "10.9.0.1:80",
      result: double),
    Case(
      name: "through a gateway that is a service",
      things: twoNetworks(
        gateway(at: "172.16.0.1", network: "far"), [.workload(gatewayPod), .service(gatewayService)]),
      dialled: "10.9.0.1:80", result: double),
    Case(
      name: "through a gateway by its hostname",
      things: twoNetworks(gateway("gw", in: "mesh"), [.workload(gatewayPod), .service(gatewayService)]),
      dialled: "10.9.0.1:80", result: double),
    Case(
      name: "an endpoint here is preferred",
      things: twoNetworks(
        gateway(at: "172.16.0.9", network: "far"), near: .healthy, balancing: prefersNear, [.workload(gatewayPod)]),
      dialled: "10.9.0.1:80", result: "hbone 10.0.0.2:15008 10.0.0.2:8080"),
    Case(
      name: "an endpoint elsewhere, when none is usable here",
      things: twoNetworks(
        gateway(at: "172.16.0.9", network: "far"), near: .unhealthy, balancing: prefersNear, [.workload(gatewayPod)]),
      dialled: "10.9.0.1:80", result: double),
    Case(
      name: "strictly here means never elsewhere",
      things: twoNetworks(
        gateway(at: "172.16.0.9", network: "far"), balancing: LoadBalancing(.strict, preferences: [.network]),
        [.workload(gatewayPod)]),
      dialled: "10.9.0.1:80", result: "no_preferred_endpoint"),
    Case(
      name: "without a gateway nobody gets there",
      things: [
        .workload(pod("a", at: "10.0.0.2", services: [serves("web")], place: far)),
        .service(service("web", at: "10.9.0.1")),
      ], dialled: "10.9.0.1:80", result: "no_gateway"),
    Case(
      name: "a gateway nobody knows", things: twoNetworks(gateway(at: "172.16.0.9", network: "far")),
      dialled: "10.9.0.1:80", result: "unknown_gateway"),
    Case(
      name: "a gateway without endpoints",
      things: twoNetworks(gateway("gw", in: "mesh"), [.service(gatewayService)]), dialled: "10.9.0.1:80",
      result: "no_gateway_endpoint"),
    Case(
      name: "nobody knows who may answer inside",
      things: twoNetworks(gateway(at: "172.16.0.9", network: "far"), names: [], [.workload(gatewayPod)]),
      dialled: "10.9.0.1:80", result: "remote_identity_unknown"),
    Case(
      name: "a waypoint in another network",
      things: [
        .workload(gatewayPod), .service(gatewayService),
        .workload(
          pod("proxy", services: [serves("proxy")], gateway: gateway("gw", in: "mesh"), place: far)),
        .service(service("proxy", at: "10.9.0.20", ports: [tunnelPort], names: names)),
        .service(service("web", at: "10.9.0.1", waypoint: gateway("proxy"))),
      ], dialled: "10.9.0.1:80", result: double),
    Case(
      name: "a workload's waypoint in another network",
      things: [
        .workload(gatewayPod), .service(gatewayService),
        .workload(pod("proxy", services: [serves("proxy")], gateway: gateway("gw", in: "mesh"), place: far)),
        .service(service("proxy", at: "10.9.0.20", ports: [tunnelPort], names: names)),
        .workload(pod("a", at: "10.0.0.2", waypoint: gateway("proxy"))),
      ], dialled: "10.0.0.2:80", result: "remote_needs_service"),
  ]

  @Test func aDoubleTunnelSaysWhoMayAnswerInEachLayer() throws {
    let scene = Scene(
      Self.twoNetworks(gateway("gw", in: "mesh"), [.workload(Self.gatewayPod), .service(Self.gatewayService)]))
    let path = try #require(try scene.route(to: "10.9.0.1:80").path)
    #expect(path.peers.uris == ["spiffe://td/ns/mesh/sa/gw", "spiffe://cluster.local/ns/mesh/sa/web"])
    #expect(path.innerPeers.uris == Self.names)
    #expect(path.gateway?.uid == Self.gatewayPod.uid)
    #expect(path.workload?.uid == "far/SplitHorizonWorkload/gw/shop/web")
  }
}
