// SPDX-License-Identifier: Apache-2.0
// Workloads of another network, the way there, and who may answer at its end.

import Format
import Testing

@testable import Mesh
@testable import World

@Suite struct WorkloadsNetworksTests {
  static let far = [Label.network: "far"]
  static func gateway(
    _ name: String = "infra/far", address: String = "{type: IPAddress, value: 192.0.2.1}",
    labels: [String: String] = far, annotations: [String: String] = [:], className: String = "istio-remote",
    listeners: String? = nil
  ) -> String {
    gatewayYAML(
      name, address: address, className: className, labels: labels, annotations: annotations, listeners: listeners)
  }
  static func pod(_ name: String, at address: String, labels: [String: String] = [:]) -> String {
    podYAML(
      name, at: address, labels: labels.merging(["app": "web"]) { one, _ in one },
      annotations: [Label.redirection: "enabled"], spec: "serviceAccountName: web")
  }
  static func service(isGlobal: Bool) -> String {
    kube(
      .service, "shop/web", labels: isGlobal ? [Label.global: "true"] : [:],
      "spec: {clusterIP: 10.9.0.1, selector: {app: web}, ports: [{port: 80}]}")
  }
  static let client = pod("shop/client", at: "10.1.0.9", labels: ["app": "client"])

  struct Case: Sendable, CustomTestStringConvertible {
    let name: String
    let documents: [String]
    let way: String
    var dialled = "10.9.0.1:80"
    var testDescription: String { name }
  }

  @Test(arguments: cases)
  func goes(_ c: Case) throws {
    #expect(try WorldScene.drawn(c.documents + [Self.client]).way(from: "shop/client", to: c.dialled) == c.way)
  }

  static let there = pod("shop/web-1", at: "10.1.0.1", labels: far)
  static let cases: [Case] = [
    Case(
      name: "through its gateway", documents: [gateway(), there, service(isGlobal: true)],
      way: "double_hbone 192.0.2.1:15008"),
    Case(
      name: "through its gateway, by a name",
      documents: [gateway(address: "{type: Hostname, value: Far.Example}"), there, service(isGlobal: true)],
      way: "double_hbone far.example:15008"),
    Case(
      name: "nowhere, when the service is not global", documents: [gateway(), there, service(isGlobal: false)],
      way: "remote_identity_unknown"),
    Case(name: "nowhere, without a gateway", documents: [there, service(isGlobal: true)], way: "no_gateway"),
    Case(
      name: "the address means nothing here", documents: [gateway(), there, service(isGlobal: true)],
      way: "passthrough 10.1.0.1:80", dialled: "10.1.0.1:80"),
    Case(
      name: "to a workload entry there",
      documents: [
        gateway(), service(isGlobal: true),
        kube(
          .workloadEntry, "shop/vm", labels: ["app": "web"], annotations: [Label.redirection: "enabled"],
          "spec: {address: 10.1.0.1, network: far, serviceAccount: vm}"),
      ], way: "double_hbone 192.0.2.1:15008"),
  ]

  @Test func aPodThereKnowsItsNetworkAndTheWay() throws {
    let scene = try WorldScene.drawn([Self.gateway(), Self.there])
    #expect(
      scene.workloads["//Pod/shop/web-1"] == """
        at 10.1.0.1, as cluster.local/ns/shop/sa/web, tunnel, network far, by far/192.0.2.1:15008, known as web@latest
        """)
  }

  @Test func endpointsOfAnEntryThereKnowTheWay() throws {
    let scene = try WorldScene.drawn([
      Self.gateway(),
      kube(
        .serviceEntry, "shop/e",
        "spec: {hosts: [a.example], resolution: STATIC, endpoints: [{address: 1.1.1.1, network: far}, {address: 1.1.1.2}]}"
      ),
    ])
    let uid = "/networking.istio.io/ServiceEntry/shop/e"
    #expect(scene.workloads["\(uid)/1.1.1.1"] == "at 1.1.1.1, in a.example, network far, by far/192.0.2.1:15008")
    #expect(scene.workloads["\(uid)/1.1.1.2"] == "at 1.1.1.2, in a.example")
  }

  struct Answer: Sendable, CustomTestStringConvertible {
    let name: String
    let gateway: String
    let workloads: [String: String]
    var testDescription: String { name }
  }

  @Test(arguments: answers)
  func theGatewayIsAWorkloadThere(_ c: Answer) throws {
    #expect(try WorldScene.drawn([c.gateway]).workloads == c.workloads)
  }

  static let named = ", network far, known as @"
  static let answers: [Answer] = [
    Answer(
      name: "at an address", gateway: gateway(),
      workloads: [
        "NetworkGateway/far/192.0.2.1/15008": "at 192.0.2.1, as cluster.local/ns/infra/sa/far-istio-remote\(named)"
      ]),
    Answer(
      name: "by a name", gateway: gateway(address: "{type: Hostname, value: far.example}"),
      workloads: [
        "NetworkGateway/far/far.example/15008":
          "called far.example, as cluster.local/ns/infra/sa/far-istio-remote\(named)"
      ]),
    Answer(
      name: "with an account of its own", gateway: gateway(annotations: [Label.gatewayAccount: "ew"]),
      workloads: ["NetworkGateway/far/192.0.2.1/15008": "at 192.0.2.1, as cluster.local/ns/infra/sa/ew\(named)"]),
    Answer(
      name: "of another class", gateway: gateway(className: "istio-east-west"),
      workloads: ["NetworkGateway/far/192.0.2.1/15008": "at 192.0.2.1, as cluster.local/ns/infra/sa/far\(named)"]),
    Answer(name: "not before it has an address", gateway: gateway(address: ""), workloads: [:]),
    Answer(
      name: "not without a listener for tunnels",
      gateway: gateway(listeners: "{name: x, port: 15443, protocol: TLS}"), workloads: [:]),
    Answer(name: "not a gateway of no network", gateway: gateway(labels: [:]), workloads: [:]),
  ]

  @Test func theGatewayOfOurOwnNetworkIsNoneOfThem() throws {
    var settings = Settings()
    settings.network = "far"
    let scene = try WorldScene.drawn([Self.gateway(), Self.there], settings: settings)
    #expect(
      scene.workloads == [
        "//Pod/shop/web-1": "at 10.1.0.1, as cluster.local/ns/shop/sa/web, tunnel, network far, known as web@latest"
      ])
  }

  @Test func ofSeveralGatewaysTheOldestThatCanBeUsedCounts() throws {
    func gateway(_ name: String, _ address: String, created: Int) -> String {
      kube(
        .gateway, name, labels: Self.far, created: created,
        """
        spec: {gatewayClassName: istio-remote, listeners: [{name: x, port: 15008, protocol: HBONE}]},
          status: {addresses: [\(address)]}
        """)
    }
    let scene = try WorldScene.drawn([
      gateway("infra/a", "{type: IPAddress, value: 192.0.2.1}", created: 3), gateway("infra/b", "", created: 1),
      gateway("infra/c", "{type: IPAddress, value: 192.0.2.3}", created: 2), Self.there,
    ])
    #expect(scene.workloads["//Pod/shop/web-1"]?.contains("by far/192.0.2.3:15008") == true)
  }

  @Test func aGlobalServiceNamesWhoAnswersElsewhere() throws {
    let scene = try WorldScene.drawn([
      Self.service(isGlobal: true), Self.there, Self.pod("shop/web-2", at: "10.1.0.2"),
      podYAML(
        "shop/web-3", at: "10.1.0.3", labels: ["app": "web", Label.network: "far"], spec: "serviceAccountName: b"),
      podYAML(
        "shop/web-4", at: "10.1.0.4", labels: ["app": "web", Label.network: "far"], spec: "serviceAccountName: gone",
        status: "phase: Failed"),
      Self.pod("shop/api-1", at: "10.1.0.5", labels: ["app": "api", Label.network: "far"]),
      kube(
        .workloadEntry, "shop/vm", "spec: {address: 10.1.0.6, network: far, serviceAccount: vm, labels: {app: web}}"),
      kube(.workloadEntry, "shop/wm", "spec: {address: 10.1.0.7, serviceAccount: near, labels: {app: web}}"),
    ])
    let names = ["b", "vm", "web"].map { "spiffe://cluster.local/ns/shop/sa/\($0)" }
    #expect(scene.service("web.shop.svc.cluster.local", in: "shop")?.subjectNames == names)
  }
}
