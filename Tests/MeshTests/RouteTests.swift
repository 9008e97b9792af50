// SPDX-License-Identifier: Apache-2.0
// Where connections go, by table. One world per idea; a case is a destination and what becomes of it.

import Format
import Testing

@testable import Mesh

@Suite struct RouteTests {
  struct Case: Sendable, CustomTestStringConvertible {
    let name: String
    let things: [Change]
    let dialled: String
    let result: String
    var client = pod("client", at: "10.0.0.1", "fd00::1")
    var options = RouteOptions()
    var tried: [String] = []
    var testDescription: String { name }
  }

  @Test(arguments: workloads + services + families + waypoints + networks + options)
  func goes(_ c: Case) throws {
    let scene = Scene(c.things, client: c.client)
    #expect(try scene.summary(to: c.dialled, c.options, tried: c.tried) == c.result)
  }

  static let far = Place(network: "far", node: "n9")
  static let workloads: [Case] = [
    Case(
      name: "an unknown address passes through", things: [], dialled: "9.9.9.9:80", result: "passthrough 9.9.9.9:80"),
    Case(
      name: "a workload of another network does not own the address here",
      things: [.workload(pod("a", at: "10.0.0.2", place: far))], dialled: "10.0.0.2:80",
      result: "passthrough 10.0.0.2:80"),
    Case(
      name: "a workload without a tunnel, on another node", dialled: "10.0.0.2:80",
      tunnel: .none, node: "n2", result: "tcp 10.0.0.2:80"),
    Case(
      name: "a workload without a tunnel, on the same node", dialled: "10.0.0.2:80",
      tunnel: .none, node: "n1", result: "tcp 10.0.0.2:80"),
    Case(
      name: "a workload with a tunnel, on another node", dialled: "10.0.0.2:80",
      tunnel: .hbone, node: "n2", result: "hbone 10.0.0.2:15008 10.0.0.2:80"),
    Case(
      name: "a workload with a tunnel, on the same node", dialled: "10.0.0.2:80",
      tunnel: .hbone, node: "n1", result: "hbone 10.0.0.2:15008 10.0.0.2:80"),
    Case(
      name: "IPv6 authorities are in brackets", things: [.workload(pod("a", at: "fd00::2"))], dialled: "[fd00::2]:80",
      result: "hbone [fd00::2]:15008 [fd00::2]:80"),
    Case(
      name: "an unhealthy workload is reached by its own address",
      things: [.workload(pod("a", at: "10.0.0.2", health: .unhealthy))], dialled: "10.0.0.2:80",
      result: "hbone 10.0.0.2:15008 10.0.0.2:80"),
    Case(
      name: "the node's address does not mean a pod on it",
      things: [.workload(pod("a", at: "10.0.0.2", mode: .host))], dialled: "10.0.0.2:80",
      result: "passthrough 10.0.0.2:80"),
    Case(
      name: "a pod on the node's network is an endpoint",
      things: [
        .workload(pod("a", at: "10.0.0.2", tunnel: .none, services: [serves("web")], mode: .host)),
        .service(service("web", at: "10.9.0.1")),
      ], dialled: "10.9.0.1:80", result: "tcp 10.0.0.2:8080"),
    Case(
      name: "dialling oneself is nothing special", things: [], dialled: "10.0.0.1:80",
      result: "hbone 10.0.0.1:15008 10.0.0.1:80"),
  ]

  static let web = Change.workload(pod("web-1", at: "10.0.0.2", services: [serves("web")]))
  static let services: [Case] = [
    Case(
      name: "a service maps its port", things: [web, .service(service("web", at: "10.9.0.1"))], dialled: "10.9.0.1:80",
      result: "hbone 10.0.0.2:15008 10.0.0.2:8080"),
    Case(
      name: "an endpoint knows better than its service",
      things: [
        .workload(pod("a", at: "10.0.0.2", services: [serves("web", ports: [ServicePort(80, target: 9090)])])),
        .service(service("web", at: "10.9.0.1")),
      ], dialled: "10.9.0.1:80", result: "hbone 10.0.0.2:15008 10.0.0.2:9090"),
    Case(
      name: "a named port is known to the endpoint only",
      things: [
        .workload(pod("a", at: "10.0.0.2", services: [serves("web", ports: [ServicePort(80, target: 9090)])])),
        .workload(pod("b", at: "10.0.0.3", services: [serves("web")])),
        .service(service("web", at: "10.9.0.1", ports: [ServicePort(80, target: 0)])),
      ], dialled: "10.9.0.1:80", result: "hbone 10.0.0.2:15008 10.0.0.2:9090"),
    Case(
      name: "a named port that no endpoint knows",
      things: [web, .service(service("web", at: "10.9.0.1", ports: [ServicePort(80, target: 0)]))],
      dialled: "10.9.0.1:80", result: "no_endpoint_port"),
    Case(
      name: "a port the service does not have", things: [web, .service(service("web", at: "10.9.0.1"))],
      dialled: "10.9.0.1:81", result: "no_endpoint_port"),
    Case(
      name: "an endpoint's own port does not add one to the service",
      things: [
        .workload(pod("a", at: "10.0.0.2", services: [serves("web", ports: [ServicePort(81, target: 9090)])])),
        .service(service("web", at: "10.9.0.1")),
      ], dialled: "10.9.0.1:81", result: "no_endpoint_port"),
    Case(
      name: "a service without endpoints is not passed through",
      things: [.service(service("web", at: "10.9.0.1"))], dialled: "10.9.0.1:80", result: "no_endpoint"),
    Case(
      name: "a service whose endpoints are all unhealthy",
      things: [
        .workload(pod("a", at: "10.0.0.2", services: [serves("web")], health: .unhealthy)),
        .service(service("web", at: "10.9.0.1")),
      ], dialled: "10.9.0.1:80", result: "no_healthy_endpoint"),
    Case(
      name: "a service that takes unhealthy endpoints",
      things: [
        .workload(pod("a", at: "10.0.0.2", services: [serves("web")], health: .unhealthy)),
        .service(service("web", at: "10.9.0.1", balancing: LoadBalancing(health: .allowAll))),
      ], dialled: "10.9.0.1:80", result: "hbone 10.0.0.2:15008 10.0.0.2:8080"),
    Case(
      name: "capacity 0 takes nothing",
      things: [
        .workload(pod("a", at: "10.0.0.2", services: [serves("web")], capacity: 0)),
        .service(service("web", at: "10.9.0.1")),
      ], dialled: "10.9.0.1:80", result: "no_healthy_endpoint"),
    Case(
      name: "an endpoint without any address is never chosen",
      things: [
        .workload(pod("a", services: [serves("web")])), .service(service("web", at: "10.9.0.1")),
      ], dialled: "10.9.0.1:80", result: "no_endpoint_address"),
    Case(
      name: "an endpoint with a hostname is resolved",
      things: [
        .workload(pod("a", tunnel: .none, services: [serves("web")], hostname: "db.example.com")),
        .service(service("web", at: "10.9.0.1")),
      ], dialled: "10.9.0.1:80", result: "tcp db.example.com:8080"),
    Case(
      name: "a passthrough service keeps the address",
      things: [web, .service(service("web", at: "10.9.0.1", balancing: LoadBalancing(.passthrough)))],
      dialled: "10.9.0.1:80", result: "passthrough 10.9.0.1:80"),
    Case(
      name: "a passthrough service without endpoints keeps the address",
      things: [.service(service("web", at: "10.9.0.1", balancing: LoadBalancing(.passthrough)))],
      dialled: "10.9.0.1:443", result: "passthrough 10.9.0.1:443"),
    Case(
      name: "an endpoint that was tried is not tried again",
      things: [
        web, .workload(pod("web-2", at: "10.0.0.3", services: [serves("web")])),
        .service(service("web", at: "10.9.0.1")),
      ], dialled: "10.9.0.1:80", result: "hbone 10.0.0.3:15008 10.0.0.3:8080", tried: ["c1//Pod/shop/web-1"]),
    Case(
      name: "when all were tried there is nobody", things: [web, .service(service("web", at: "10.9.0.1"))],
      dialled: "10.9.0.1:80", result: "endpoints_tried", tried: ["c1//Pod/shop/web-1"]),
    Case(
      name: "an address that a workload and a service share is balanced as the service",
      things: [
        web, .workload(pod("b", at: "10.9.0.1")), .service(service("web", at: "10.9.0.1")),
      ], dialled: "10.9.0.1:80", result: "hbone 10.0.0.2:15008 10.0.0.2:8080"),
    Case(
      name: "a service of another network does not own the address here",
      things: [web, .service(service("web", at: "10.9.0.1", network: "far"))], dialled: "10.9.0.1:80",
      result: "passthrough 10.9.0.1:80"),
    Case(
      name: "a block of addresses is balanced like an address",
      things: [web, .service(service("web", at: "10.9.0.0/16"))], dialled: "10.9.7.7:80",
      result: "hbone 10.0.0.2:15008 10.0.0.2:8080"),
  ]
}

extension RouteTests.Case {
  init(
    name: String, dialled: String, tunnel: Template.Tunnel, node: String, result: String
  ) {
    self.init(
      name: name, things: [.workload(pod("a", at: "10.0.0.2", tunnel: tunnel, place: Place(node: node)))],
      dialled: dialled, result: result, client: pod("client", at: "10.0.0.1", place: Place(node: "n1")))
  }
}

// MARK: Families

extension RouteTests {
  static func both(_ families: Service.Families, _ addresses: [String] = ["10.0.0.2", "fd00::2"]) -> [Change] {
    let workload = Workload(
      uid: "c1//Pod/shop/a", name: "a", addresses: addresses.map(address),
      template: Template(namespace: "shop", tunnel: .hbone, services: [serves("web")]))
    return [.workload(workload), .service(service("web", at: "10.9.0.1", "fd09::1", families: families))]
  }

  static let families: [Case] = [
    Case(
      name: "the family that was dialled, 4", things: both(.dual), dialled: "10.9.0.1:80",
      result: "hbone 10.0.0.2:15008 10.0.0.2:8080"),
    Case(
      name: "the family that was dialled, 6", things: both(.dual), dialled: "[fd09::1]:80",
      result: "hbone [fd00::2]:15008 [fd00::2]:8080"),
    Case(
      name: "a service of one family, dialled by the other", things: both(.v4Only), dialled: "[fd09::1]:80",
      result: "hbone 10.0.0.2:15008 10.0.0.2:8080"),
    Case(
      name: "a service of the other family, dialled by the one", things: both(.v6Only), dialled: "10.9.0.1:80",
      result: "hbone [fd00::2]:15008 [fd00::2]:8080"),
    Case(
      name: "the only family there is", things: both(.automatic, ["10.0.0.2"]), dialled: "[fd09::1]:80",
      result: "hbone 10.0.0.2:15008 10.0.0.2:8080"),
    Case(
      name: "a family the service does not allow", things: both(.v6Only, ["10.0.0.2"]), dialled: "10.9.0.1:80",
      result: "no_endpoint_address"),
    Case(
      name: "the address that was dialled, of several",
      things: [.workload(pod("a", at: "10.0.0.2", "10.0.0.3"))], dialled: "10.0.0.3:80",
      result: "hbone 10.0.0.3:15008 10.0.0.3:80"),
  ]
}

// MARK: Options

extension RouteTests {
  static let strict = RouteOptions(refusesUnknown: true)
  static let options: [Case] = [
    Case(
      name: "strangers are refused", things: [], dialled: "9.9.9.9:80", result: "unknown_destination", options: strict),
    Case(
      name: "a passthrough service is no stranger",
      things: [.service(service("web", at: "10.9.0.1", balancing: LoadBalancing(.passthrough)))],
      dialled: "10.9.0.1:80", result: "passthrough 10.9.0.1:80", options: strict),
    Case(
      name: "a workload is no stranger", things: [.workload(pod("a", at: "10.0.0.2", tunnel: .none))],
      dialled: "10.0.0.2:80", result: "tcp 10.0.0.2:80", options: strict),
    Case(name: "outbound's own port, by loopback", things: [], dialled: "127.0.0.1:15001", result: "own_port"),
    Case(name: "inbound's own port, by loopback", things: [], dialled: "[::1]:15008", result: "own_port"),
    Case(name: "plaintext's own port, by the pod's address", things: [], dialled: "10.0.0.1:15006", result: "own_port"),
    Case(
      name: "plaintext's own port, by the pod's other address", things: [], dialled: "[fd00::1]:15006",
      result: "own_port"),
    Case(
      name: "the same port of another pod is its business",
      things: [.workload(pod("a", at: "10.0.0.2", tunnel: .none))],
      dialled: "10.0.0.2:15008", result: "tcp 10.0.0.2:15008"),
    Case(
      name: "another port by loopback", things: [], dialled: "127.0.0.1:8080", result: "passthrough 127.0.0.1:8080"),
    Case(
      name: "an own port that was configured", things: [], dialled: "127.0.0.1:15080", result: "own_port",
      options: RouteOptions(ownPorts: [15080])),
  ]
}
