// SPDX-License-Identifier: Apache-2.0
// What waypoints mean for connections: where they go, who is refused, and what canaries and entries get.

import Format
import Testing

@testable import Mesh
@testable import World

@Suite struct WaypointsTrafficTests {
  static let wp = [Label.useWaypoint: "wp"]
  static let client = podYAML("shop/client", at: "10.1.0.9", annotations: [Label.redirection: "enabled"])
  /// A service with a pod, and a waypoint with a service and a pod.
  static func shop(gateway: [String], labels: [String: String] = wp) -> [String] {
    [
      client,
      kube(
        .service, "shop/web", labels: labels, "spec: {clusterIP: 10.9.0.1, selector: {app: web}, ports: [{port: 80}]}"),
      podYAML("shop/web-1", at: "10.1.0.1", labels: ["app": "web"], annotations: [Label.redirection: "enabled"]),
      kube(
        .service, "shop/wp", labels: [Label.gatewayName: "wp"],
        "spec: {clusterIP: 10.9.0.2, selector: {\(Label.gatewayName): wp}, ports: [{name: mesh, port: 15008}]}"),
      podYAML("shop/wp-1", at: "10.1.0.2", labels: [Label.gatewayName: "wp", Label.tunnel: "http"]),
    ] + gateway
  }
  static let address = "{type: Hostname, value: wp.shop.svc.cluster.local}"
  static let ready = gatewayYAML("shop/wp", address: address)

  struct Case: Sendable, CustomTestStringConvertible {
    let name: String
    let documents: [String]
    let way: String
    var dialled = "10.9.0.1:80"
    var client = "shop/client"
    var settings = Settings()
    var testDescription: String { name }
  }

  @Test(arguments: cases)
  func goes(_ c: Case) throws {
    let scene = try WorldScene.drawn(c.documents, settings: c.settings)
    #expect(try scene.way(from: c.client, to: c.dialled) == c.way)
  }

  static let cases: [Case] = [
    Case(name: "through a waypoint", documents: shop(gateway: [ready]), way: "hbone 10.1.0.2:15008"),
    Case(
      name: "past it, to the pod itself", documents: shop(gateway: [ready]), way: "hbone 10.1.0.1:15008",
      dialled: "10.1.0.1:80"),
    Case(
      name: "on from it", documents: shop(gateway: [ready]), way: "hbone 10.1.0.1:15008", client: "shop/wp-1"),
    Case(
      name: "nowhere, when it is missing, though its service is there", documents: shop(gateway: []),
      way: "unknown_waypoint"),
    Case(
      name: "nowhere, when it is not ready, though its service is there",
      documents: shop(gateway: [gatewayYAML("shop/wp", address: "")]), way: "unknown_waypoint"),
    Case(
      name: "nowhere, when it is for something else",
      documents: shop(gateway: [gatewayYAML("shop/wp", for: "workload", address: address)]), way: "unknown_waypoint"),
    Case(
      name: "nowhere, and not to it either, when it does not let us in",
      documents: shop(
        gateway: [gatewayYAML("infra/wp")], labels: wp.merging([Label.useWaypointNamespace: "infra"]) { $1 })
        + [
          kube(.service, "infra/wp", "spec: {clusterIP: 10.9.0.3, selector: {app: wp}, ports: [{port: 15008}]}"),
          podYAML("infra/wp-1", at: "10.1.0.3", labels: ["app": "wp", Label.tunnel: "http"]),
        ], way: "unknown_waypoint"),
    Case(
      name: "straight on, when it is missing, in a mesh set up so", documents: shop(gateway: []),
      way: "hbone 10.1.0.1:15008", settings: WaypointsTests.bypassing),
    Case(
      name: "nowhere, when a waypoint of the pod is missing",
      documents: [client, podYAML("shop/web-1", at: "10.1.0.1", labels: wp)], way: "unknown_waypoint",
      dialled: "10.1.0.1:80"),
  ]

  struct Canary: Sendable, CustomTestStringConvertible {
    let name: String
    var service: [String: String] = [:]
    var weight: String?
    var namespace: [String: String] = [:]
    var namespaceWeight: String?
    var others: [String] = [canary]
    let weighted: [String]
    let told: String
    var testDescription: String { name }
  }
  static let canary = gatewayYAML("shop/new", address: "{type: Hostname, value: new.example}")
  static let both = wp.merging([Label.canary: "new"]) { $1 }
  static func weights(_ one: Int, _ other: Int) -> [String] {
    ["\(one)% shop/waypoint.example:15008", "\(other)% shop/new.example:15008"]
  }
  static let accepted = "WaypointBound=True WaypointAccepted"

  @Test(arguments: canaries)
  func sharesWithACanary(_ c: Canary) throws {
    func annotation(_ weight: String?) -> [String: String] { weight.map { [Label.canaryWeight: $0] } ?? [:] }
    let scene = try WorldScene.drawn(
      [
        kube(.namespace, "shop", labels: c.namespace, annotations: annotation(c.namespaceWeight)),
        kube(.service, "shop/web", labels: c.service, annotations: annotation(c.weight)), gatewayYAML("shop/wp"),
      ] + c.others)
    let drawing = try #require(scene.services["shop/web.shop.svc.cluster.local"])
    #expect(scene.via(drawing) == "shop/waypoint.example:15008", "the primary stays, whatever the canary is")
    #expect(drawing.split(separator: ", ").map(String.init).filter { $0.contains("%") } == c.weighted)
    #expect(scene.told(.service, "shop/web") == [c.told])
  }

  static let canaries: [Canary] = [
    Canary(name: "a tenth", service: both, weight: "10", weighted: weights(90, 10), told: accepted),
    Canary(name: "nothing", service: both, weight: "0", weighted: weights(100, 0), told: accepted),
    Canary(name: "everything", service: both, weight: "100", weighted: weights(0, 100), told: accepted),
    Canary(name: "nothing, when nothing is said", service: both, weighted: weights(100, 0), told: accepted),
    Canary(name: "no canary", service: wp, weight: "10", weighted: [], told: accepted),
    Canary(
      name: "a canary called none is none", service: wp.merging([Label.canary: "none"]) { $1 }, weight: "10",
      weighted: [], told: accepted),
    Canary(
      name: "more than everything", service: both, weight: "101", weighted: [],
      told: "WaypointBound=True CanaryInvalidWeight"),
    Canary(
      name: "less than nothing", service: both, weight: "-1", weighted: [],
      told: "WaypointBound=True CanaryInvalidWeight"),
    Canary(
      name: "half a percent", service: both, weight: "0.5", weighted: [],
      told: "WaypointBound=True CanaryInvalidWeight"),
    Canary(
      name: "the waypoint itself", service: wp.merging([Label.canary: "wp"]) { $1 }, weight: "10", weighted: [],
      told: "WaypointBound=True CanarySameAsPrimary"),
    Canary(
      name: "not ready", service: both, weight: "10", others: [gatewayYAML("shop/new", address: "")], weighted: [],
      told: "WaypointBound=True WaypointIsNotReady"),
    Canary(
      name: "missing", service: both, weight: "10", others: [], weighted: [],
      told: "WaypointBound=True WaypointIsMissing"),
    Canary(
      name: "for something else", service: both, weight: "10", others: [gatewayYAML("shop/new", for: "workload")],
      weighted: [], told: "WaypointBound=True UnsupportedTrafficType"),
    Canary(
      name: "in another namespace", service: both.merging([Label.canaryNamespace: "infra"]) { $1 }, weight: "10",
      others: [gatewayYAML("infra/new", address: "{type: Hostname, value: new.example}", from: "from: All")],
      weighted: ["90% shop/waypoint.example:15008", "10% infra/new.example:15008"], told: accepted),
    Canary(
      name: "in another namespace that does not let us in",
      service: both.merging([Label.canaryNamespace: "infra"]) { $1 }, weight: "10",
      others: [gatewayYAML("infra/new")], weighted: [], told: "WaypointBound=True AttachmentDenied"),
    Canary(name: "the namespace's", namespace: both, namespaceWeight: "10", weighted: weights(90, 10), told: accepted),
    Canary(
      name: "its own, of the namespace's waypoint", service: [Label.canary: "new"], weight: "20", namespace: wp,
      namespaceWeight: "10", weighted: weights(80, 20), told: accepted),
    Canary(
      name: "its own weight, of the namespace's canary", weight: "20", namespace: both, namespaceWeight: "10",
      weighted: weights(80, 20), told: accepted),
    Canary(
      name: "the namespace's is not for a service with a waypoint of its own", service: wp, namespace: both,
      namespaceWeight: "10", weighted: [], told: accepted),
  ]

  @Test func theCanarysNamespaceIsNotThatOfTheWaypoint() throws {
    let labels = Self.both.merging([Label.useWaypointNamespace: "infra"]) { $1 }
    let scene = try WorldScene.drawn([
      kube(.service, "shop/web", labels: labels, annotations: [Label.canaryWeight: "10"]),
      gatewayYAML("infra/wp", from: "from: All"), Self.canary,
    ])
    #expect(
      scene.services["shop/web.shop.svc.cluster.local"]
        == """
        via infra/waypoint.example:15008, 90% infra/waypoint.example:15008, 10% shop/new.example:15008, canonical
        """)
  }

  @Test func entriesAreBoundLikeServicesAndTheirEndpointsLikeWorkloads() throws {
    let scene = try WorldScene.drawn([
      gatewayYAML("shop/wp"),
      gatewayYAML("shop/deep", for: "workload", address: "{type: Hostname, value: deep.example}"),
      kube(
        .serviceEntry, "shop/e", labels: Self.wp,
        """
        spec: {hosts: [a.example], resolution: STATIC, endpoints: [{address: 1.1.1.1},
          {address: 1.1.1.2, labels: {\(Label.useWaypoint): deep}}]}
        """),
      kube(.workloadEntry, "shop/vm", "spec: {address: 1.1.1.3, labels: {\(Label.useWaypoint): deep}}"),
      kube(.workloadEntry, "shop/wm", labels: Self.wp, "spec: {address: 1.1.1.4}"),
    ])
    let uid = "/networking.istio.io/ServiceEntry/shop/e"
    #expect(scene.services["shop/a.example"] == "via shop/waypoint.example:15008, canonical")
    #expect(scene.workloads["\(uid)/1.1.1.1"] == "at 1.1.1.1, in a.example")
    #expect(scene.workloads["\(uid)/1.1.1.2"] == "at 1.1.1.2, in a.example, via shop/deep.example:15008")
    #expect(scene.told(.serviceEntry, "shop/e") == [Self.accepted])
    #expect(scene.told(.workloadEntry, "shop/vm") == [Self.accepted])
    #expect(scene.told(.workloadEntry, "shop/wm") == ["WaypointBound=False UnsupportedTrafficType"])
  }

  @Test func aPrivateEntryHasNoWaypointElsewhere() throws {
    let settings = ServicesClaimsTests.visible(("shop", .ownNamespace))
    func told(_ labels: [String: String], annotations: [String: String] = [:]) throws -> [String] {
      let scene = try WorldScene.drawn(
        [
          gatewayYAML("shop/wp"), gatewayYAML("infra/wp", from: "from: All"),
          kube(
            .serviceEntry, "shop/e", labels: labels, annotations: annotations,
            "spec: {hosts: [a.example], resolution: STATIC}"),
        ], settings: settings)
      return scene.told(.serviceEntry, "shop/e")
    }
    let visibility = "VisibilityApplied=True Namespace"
    #expect(try told(Self.wp) == [visibility, Self.accepted])
    let elsewhere = Self.wp.merging([Label.useWaypointNamespace: "infra"]) { $1 }
    #expect(try told(elsewhere) == [visibility, "WaypointBound=False CrossNamespaceWaypointForbidden"])
    let canary = Self.wp.merging([Label.canary: "wp", Label.canaryNamespace: "infra"]) { $1 }
    #expect(try told(canary) == [visibility, "WaypointBound=True CrossNamespaceWaypointForbidden"])
  }
}
