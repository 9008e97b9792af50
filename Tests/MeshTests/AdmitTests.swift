// SPDX-License-Identifier: Apache-2.0
// What a pod or a waypoint may be asked for, and where that traffic goes.

import Format
import Testing

@testable import Mesh

@Suite struct AdmitTests {
  struct Case: Sendable, CustomTestStringConvertible {
    let name: String
    let authority: String
    let result: String
    var workload = "web"
    var local: String?
    var testDescription: String { name }
  }

  static let proxy15088 = Template.ApplicationTunnel(.proxy, port: 15088)

  static let world: Snapshot = {
    func bound(_ name: String, _ address: String, _ waypoint: GatewayAddress) -> Change {
      .service(service(name, at: address, waypoint: waypoint))
    }
    var ledger = Ledger()
    _ = ledger.apply(
      [
        .workload(
          pod(
            "web", at: "10.0.0.2", "fd00::2",
            services: [serves("web"), serves("named", ports: [ServicePort(80, target: 7070)])])),
        .service(service("web", at: "10.9.0.1")),
        .service(service("named", at: "10.9.0.2", ports: [ServicePort(80, target: 0)])),
        .service(service("other", at: "10.9.0.3")),
        .service(
          service("tunnel", at: "10.9.0.4", ports: [ServicePort(80, target: 15008)], waypoint: gateway("waypoint"))),
        .service(service("secret", at: "10.9.0.5", namespace: "vault", visibility: .ownNamespace)),
        // A waypoint without a proxy of its own kind: the stream is delivered to the port that was asked for.
        .workload(pod("waypoint", at: "10.0.0.20", services: [serves("waypoint")])),
        .service(service("waypoint", at: "10.9.0.20", ports: [tunnelPort])),
        .workload(pod("canary", at: "10.0.0.21", services: [serves("canary")])),
        .service(service("canary", at: "10.9.0.21", ports: [tunnelPort])),
        .workload(pod("alone", at: "10.0.0.22")),
        bound("bound", "10.9.0.6", gateway("waypoint")),
        bound("byAddress", "10.9.0.7", gateway(at: "10.9.0.20")),
        bound("byPod", "10.9.0.8", gateway(at: "10.0.0.22")),
        .service(
          service(
            "weighted", at: "10.9.0.9",
            weighted: [.init(gateway("waypoint"), weight: 90), .init(gateway("canary"), weight: 10)])),
        .workload(pod("bound-pod", at: "10.0.0.3", waypoint: gateway("waypoint"))),
        .workload(pod("bound-pod-2", at: "10.0.0.4", waypoint: gateway(at: "10.0.0.22"))),
        // One with a proxy inside.
        .workload(pod("sandwich", at: "10.0.0.30", proxy: proxy15088)),
        .workload(pod("plain-sandwich", at: "10.0.0.31", proxy: .init(.none, port: 9000))),
        .workload(pod("any-port", at: "10.0.0.32", proxy: .init(.none, port: nil))),
        .workload(pod("looped", at: "10.0.0.33", proxy: .init(.proxy, port: 15008))),
        .service(service("headless", ports: [ServicePort(80, target: 8080)])),
        .service(service("dual", at: "fd09::10", "10.9.0.10")),
        .service(
          Service(
            host("spread"), shortName: "spread",
            addresses: [NetworkBlock(network: "far", address("10.7.0.1")), NetworkBlock(address("fd09::11"))],
            ports: [ServicePort(80, target: 8080)])),
      ], from: .manifests)
    return ledger.snapshot
  }()

  static func asked(_ name: String, _ port: Int, in namespace: String = "shop") -> String {
    "\(name).\(namespace).svc.cluster.local:\(port)"
  }

  /// Whether a destination is served at all.
  static let addresses: [Case] = [
    Case(name: "a pod by its address", authority: "10.0.0.2:80", result: "10.0.0.2:80"),
    Case(
      name: "a pod by its other address, where the connection came", authority: "[fd00::2]:80", result: "[fd00::2]:80",
      local: "fd00::2"),
    Case(name: "a foreign address", authority: "10.9.9.9:80", result: "not_here"),
    Case(name: "another pod's address", authority: "10.0.0.20:80", result: "not_here"),
    Case(name: "a service the pod serves, by address", authority: "10.9.0.1:80", result: "not_here"),
    Case(
      name: "a waypoint, asked for a bound service", authority: "10.9.0.6:80", result: "10.0.0.20:80",
      workload: "waypoint"),
    Case(
      name: "a waypoint, asked for a service bound by address", authority: "10.9.0.7:80", result: "10.0.0.20:80",
      workload: "waypoint"),
    Case(
      name: "a waypoint, asked for a bound pod", authority: "10.0.0.3:80", result: "10.0.0.20:80", workload: "waypoint"),
    Case(
      name: "a waypoint that is a pod, asked for a bound service", authority: "10.9.0.8:80", result: "10.0.0.22:80",
      workload: "alone"),
    Case(
      name: "a waypoint that is a pod, asked for a bound pod", authority: "10.0.0.4:80", result: "10.0.0.22:80",
      workload: "alone"),
    Case(name: "a primary waypoint of several", authority: "10.9.0.9:80", result: "10.0.0.20:80", workload: "waypoint"),
    Case(name: "a canary waypoint of several", authority: "10.9.0.9:80", result: "10.0.0.21:80", workload: "canary"),
    Case(
      name: "a waypoint, asked for what is not bound to it", authority: "10.9.0.3:80", result: "not_here",
      workload: "waypoint"),
    Case(
      name: "a waypoint, asked for what is bound to another", authority: "10.0.0.4:80", result: "not_here",
      workload: "waypoint"),
    Case(name: "the wrong waypoint of several", authority: "10.9.0.9:80", result: "not_here", workload: "alone"),
  ]

  /// What becomes of it.
  static let requests: [Case] = [
    Case(name: "a host is mapped by the service", authority: asked("web", 80), result: "10.0.0.2:8080 of web"),
    Case(name: "a host in capitals", authority: "WEB.shop.svc.cluster.local:80", result: "10.0.0.2:8080 of web"),
    Case(name: "a host is mapped by the endpoint", authority: asked("named", 80), result: "10.0.0.2:7070 of named"),
    Case(name: "a host without that port", authority: asked("web", 81), result: "unknown_host"),
    Case(name: "a host nobody has", authority: asked("nobody", 80), result: "unknown_host"),
    Case(name: "a host the namespace cannot see", authority: asked("secret", 80, in: "vault"), result: "unknown_host"),
    Case(name: "a host the pod does not serve", authority: asked("other", 80), result: "not_here"),
    Case(
      name: "a waypoint, asked for a bound host", authority: asked("bound", 80), result: "10.0.0.20:8080 of bound",
      workload: "waypoint"),
    Case(name: "an own port", authority: "10.0.0.2:15006", result: "own_port"),
    Case(name: "an own port, by mapping", authority: asked("tunnel", 80), result: "own_port", workload: "waypoint"),
    Case(
      name: "a proxy inside that would be the tunnel again", authority: "10.9.0.3:80", result: "own_port",
      workload: "looped"),
    Case(
      name: "a proxy inside is told the address", authority: "10.9.0.3:80", result: "10.0.0.30:15088 told 10.9.0.3:80",
      workload: "sandwich"),
    Case(
      name: "a proxy inside is told any address", authority: "9.9.9.9:443", result: "10.0.0.30:15088 told 9.9.9.9:443",
      workload: "sandwich"),
    Case(
      name: "a proxy inside is told the service's address", authority: asked("other", 80),
      result: "10.0.0.30:15088 told 10.9.0.3:80 of other", workload: "sandwich"),
    Case(
      name: "of both families the proxy is told IPv4", authority: asked("dual", 80),
      result: "10.0.0.30:15088 told 10.9.0.10:80 of dual", workload: "sandwich"),
    Case(
      name: "of both networks the proxy is told its own", authority: asked("spread", 80),
      result: "10.0.0.30:15088 told [fd09::11]:80 of spread", workload: "sandwich"),
    Case(
      name: "a service without an address cannot be told", authority: asked("headless", 80),
      result: "no_service_address", workload: "sandwich"),
    Case(
      name: "a proxy inside that wants to be told nothing", authority: "10.0.0.31:80", result: "10.0.0.31:9000",
      workload: "plain-sandwich"),
    Case(
      name: "a proxy inside that takes the port as it is", authority: "9.9.9.9:443", result: "10.0.0.32:443",
      workload: "any-port"),
    Case(name: "no port", authority: "10.0.0.2", result: "bad_authority"),
    Case(name: "port 65536", authority: "10.0.0.2:65536", result: "bad_authority"),
    Case(name: "IPv6 without brackets", authority: "fd00::2:80", result: "bad_authority"),
    Case(name: "a host without a name", authority: ":80", result: "bad_authority"),
    Case(name: "an address with a part too many", authority: "10.0.0.2.1:80", result: "bad_authority"),
    Case(name: "a user", authority: "web@10.0.0.2:80", result: "bad_authority"),
    Case(
      name: "a name longer than DNS knows", authority: String(repeating: "a", count: 254) + ":80",
      result: "bad_authority"),
    Case(
      name: "a name as long as DNS knows", authority: String(repeating: "a", count: 253) + ":80", result: "unknown_host"
    ),
  ]

  @Test(arguments: addresses + requests)
  func admits(_ c: Case) throws {
    let workload = try #require(Self.world.workload(uid: "c1//Pod/shop/\(c.workload)"))
    let local = try c.local.map(address) ?? #require(workload.addresses.first)
    let result: String
    do throws(Reason) {
      guard let authority = Authority(c.authority) else { throw .badAuthority }
      let delivery = try Self.world.admit(authority, to: workload, at: local)
      let parts = [
        "\(delivery.destination)", delivery.proxied.map { "told \($0)" }, delivery.service.map { "of \($0.shortName)" },
      ]
      result = parts.compactMap(\.self).joined(separator: " ")
    } catch {
      result = error.rawValue
    }
    #expect(result == c.result)
  }

  @Test func everyRefusalHasAStatusAndAText() {
    for reason in Reason.allCases {
      #expect([400, 401, 503].contains(reason.status))
      #expect(!reason.text.isEmpty && !reason.rawValue.contains(" "))
    }
    #expect(Set(Reason.allCases.map(\.text)).count == Reason.allCases.count)
  }
}
