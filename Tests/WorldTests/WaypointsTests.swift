// SPDX-License-Identifier: Apache-2.0
// Which waypoint a service or a pod gets, by table, and what its author is told. The service is `shop/web`, the pod
// `shop/web-1`, the gateway mostly `shop/wp`. `(wp)` stands for a name that nobody has: traffic there is refused.

import Testing

@testable import World

@Suite struct WaypointsTests {
  struct Case: Sendable, CustomTestStringConvertible {
    let name: String
    var service: [String: String] = [:]
    var pod: [String: String] = [:]
    var namespace: [String: String] = [:]
    var others = [gatewayYAML("shop/wp")]
    /// Where traffic of the service goes first; nil for nowhere.
    let via: String?
    /// Where traffic of the pod goes first.
    var podVia: String?
    /// What the author of the service is told.
    var told: [String] = []
    var settings = Settings()
    var testDescription: String { name }
  }

  @Test(arguments: references + readiness + traffic + admission + bindings + exemptions)
  func isBound(_ c: Case) throws {
    let scene = try WorldScene.drawn(
      [
        kube(.namespace, "shop", labels: c.namespace), kube(.service, "shop/web", labels: c.service),
        podYAML("shop/web-1", at: "10.1.0.1", labels: c.pod),
      ] + c.others, settings: c.settings)
    #expect(scene.via(scene.services["shop/web.shop.svc.cluster.local"]) == c.via)
    #expect(scene.via(scene.workloads["//Pod/shop/web-1"]) == c.podVia)
    #expect(scene.told(.service, "shop/web") == c.told)
  }

  static let accepted = ["WaypointBound=True WaypointAccepted"]
  static func refused(_ reason: String) -> [String] { ["WaypointBound=False \(reason)"] }
  static let wp = [Label.useWaypoint: "wp"]
  static let none = [Label.useWaypoint: "none"]
  static let elsewhere = [Label.useWaypoint: "wp", Label.useWaypointNamespace: "infra"]
  static let name = "shop/waypoint.example:15008"
  static let all = [gatewayYAML("shop/wp", for: "all")]

  static let references: [Case] = [
    Case(name: "nobody asks", via: nil),
    Case(name: "the service asks", service: wp, via: name, told: accepted),
    Case(
      name: "the namespace asks, for its services: its pods get none", namespace: wp, via: name, told: accepted),
    Case(name: "the namespace asks, for all", namespace: wp, others: all, via: name, podVia: name, told: accepted),
    Case(name: "the service would rather not", service: none, namespace: wp, via: nil),
    Case(name: "the pod would rather not", pod: none, namespace: wp, others: all, via: name, told: accepted),
    Case(
      name: "the service before the namespace", service: [Label.useWaypoint: "own"], namespace: wp,
      others: all + [gatewayYAML("shop/own", address: "{type: Hostname, value: own.example}")],
      via: "shop/own.example:15008", podVia: name, told: accepted),
    Case(
      name: "its own is not ready, and the namespace's is not taken instead", service: [Label.useWaypoint: "own"],
      namespace: wp, others: all + [gatewayYAML("shop/own", address: "")], via: "(own)", podVia: name,
      told: refused("WaypointIsNotReady")),
    Case(
      name: "in another namespace", service: elsewhere, others: [gatewayYAML("infra/wp", from: "from: All")],
      via: "infra/waypoint.example:15008", told: accepted),
    Case(
      name: "the namespace says it is in another one", namespace: elsewhere,
      others: [gatewayYAML("infra/wp", from: "from: All")], via: "infra/waypoint.example:15008", told: accepted),
    Case(
      name: "the namespace's other namespace is not the service's", service: wp, namespace: elsewhere,
      others: [gatewayYAML("infra/wp", from: "from: All"), gatewayYAML("shop/wp")], via: name, told: accepted),
  ]

  static let readiness: [Case] = [
    Case(
      name: "a name before an address", service: wp,
      others: [
        gatewayYAML("shop/wp", address: "{type: IPAddress, value: 10.9.0.9}, {type: Hostname, value: W.Example}")
      ],
      via: "shop/w.example:15008", told: accepted),
    Case(
      name: "an address", service: wp, others: [gatewayYAML("shop/wp", address: "{type: IPAddress, value: 10.9.0.9}")],
      via: "/10.9.0.9:15008", told: accepted),
    Case(
      name: "the port is always that of tunnels", service: wp,
      others: [gatewayYAML("shop/wp", listeners: "{name: x, port: 8080, protocol: HTTP}")], via: name, told: accepted),
    Case(
      name: "of any class", service: wp, others: [gatewayYAML("shop/wp", className: "mine")], via: name, told: accepted),
    Case(
      name: "missing", service: wp, pod: wp, others: [], via: "(wp)", podVia: "(wp)",
      told: refused("WaypointIsMissing")),
    Case(
      name: "not ready", service: wp, pod: wp, others: [gatewayYAML("shop/wp", for: "all", address: "")], via: "(wp)",
      podVia: "(wp)", told: refused("WaypointIsNotReady")),
    Case(
      name: "ready at no address one can go to", service: wp,
      others: [gatewayYAML("shop/wp", address: "{type: IPAddress, value: nowhere}")], via: "(wp)",
      told: refused("WaypointIsNotReady")),
    Case(
      name: "of another revision", service: wp, others: [gatewayYAML("shop/wp", labels: [Label.revision: "old"])],
      via: "(wp)", told: refused("WaypointIsMissing"), settings: revision("new")),
    Case(
      name: "of this revision", service: wp, others: [gatewayYAML("shop/wp", labels: [Label.revision: "new"])],
      via: name, told: accepted, settings: revision("new")),
    Case(name: "of no revision", service: wp, via: name, told: accepted, settings: revision("new")),
    Case(
      name: "missing, in a mesh that goes on without", service: wp, pod: wp, others: [], via: nil,
      told: refused("WaypointIsMissing"), settings: bypassing),
    Case(
      name: "not ready, in a mesh that goes on without", service: wp, others: [gatewayYAML("shop/wp", address: "")],
      via: nil, told: refused("WaypointIsNotReady"), settings: bypassing),
    Case(
      name: "the namespace's is missing: for whom it was is not known", namespace: wp, others: [], via: "(wp)",
      podVia: "(wp)", told: refused("WaypointIsMissing")),
    Case(
      name: "the namespace's is not ready, and not for pods", namespace: wp,
      others: [gatewayYAML("shop/wp", address: "")], via: "(wp)", told: refused("WaypointIsNotReady")),
  ]

  static func revision(_ name: String) -> Settings {
    var settings = Settings()
    settings.revision = name
    return settings
  }
  static var bypassing: Settings {
    var settings = Settings()
    settings.bypassesMissingWaypoint = true
    return settings
  }

  /// A pod and a service that ask for a waypoint themselves, or by their namespace, and what it is for.
  static func takes(
    _ name: String, own: String?, class classWord: String? = nil, service: Bool, pod: Bool, isInherited: Bool = false
  ) -> Case {
    let others =
      [gatewayYAML("shop/wp", for: own, className: "c")]
      + (classWord.map { [kube(.gatewayClass, "c", labels: [Label.waypointFor: $0], "spec: {controllerName: x}")] }
        ?? [])
    return Case(
      name: name, service: isInherited ? [:] : wp, pod: isInherited ? [:] : wp, namespace: isInherited ? wp : [:],
      others: others, via: service ? Self.name : isInherited ? nil : "(wp)",
      podVia: pod ? Self.name : isInherited ? nil : "(wp)",
      told: service ? accepted : isInherited ? [] : refused("UnsupportedTrafficType"))
  }
  static let traffic: [Case] = [
    takes("for services, unless it says otherwise", own: nil, service: true, pod: false),
    takes("for services", own: "service", service: true, pod: false),
    takes("for workloads", own: "workload", service: false, pod: true),
    takes("for all", own: "all", service: true, pod: true),
    takes("for none", own: "none", service: false, pod: false),
    takes("for workloads, by class", own: nil, class: "workload", service: false, pod: true),
    takes("the gateway before its class", own: "service", class: "workload", service: true, pod: false),
    takes("inherited, for services", own: "service", service: true, pod: false, isInherited: true),
    takes("inherited, for workloads", own: "workload", service: false, pod: true, isInherited: true),
    takes("inherited, for all", own: "all", service: true, pod: true, isInherited: true),
    takes("inherited, for none", own: "none", service: false, pod: false, isInherited: true),
  ]

  static func admits(
    _ name: String, _ from: String, isAllowed: Bool, namespace: [String: String] = [:],
    annotations: [String: String] = [:], listeners: String? = nil
  ) -> Case {
    let gateway = gatewayYAML("infra/wp", from: from, annotations: annotations, listeners: listeners)
    return Case(
      name: name, service: elsewhere, namespace: namespace, others: [gateway],
      via: isAllowed ? "infra/waypoint.example:15008" : "(wp)",
      told: isAllowed ? accepted : refused("AttachmentDenied"))
  }
  static let two = """
    {name: mesh, port: 15008, protocol: HBONE, allowedRoutes: {namespaces: {from: Same}}},
    {name: other, port: 15088, protocol: istio.io/PROXY, allowedRoutes: {namespaces: {from: All}}}
    """
  static let admission: [Case] = [
    admits("only its own, unless it says otherwise", "", isAllowed: false),
    admits("only its own", "from: Same", isAllowed: false),
    admits("all", "from: All", isAllowed: true),
    admits("nobody", "from: None", isAllowed: false),
    admits(
      "by the namespace's label", "from: Selector, selector: {matchLabels: {team: a}}", isAllowed: true,
      namespace: ["team": "a"]),
    admits(
      "by the namespace's label, another one", "from: Selector, selector: {matchLabels: {team: a}}", isAllowed: false,
      namespace: ["team": "b"]),
    admits(
      "by the namespace's name", "from: Selector, selector: {matchLabels: {kubernetes.io/metadata.name: shop}}",
      isAllowed: true),
    admits("the listener for tunnels counts", "", isAllowed: false, listeners: two),
    admits(
      "the listener of the inbound binding counts", "", isAllowed: true,
      annotations: [Label.inboundBinding: "PROXY"], listeners: two),
    admits(
      "the listener of the binding's port counts", "", isAllowed: true,
      annotations: [Label.inboundBinding: "NONE/15088"], listeners: two),
    admits(
      "a binding without a port and a header leads to no listener", "", isAllowed: false,
      annotations: [Label.inboundBinding: "NONE"], listeners: two),
    admits(
      "a binding to a port nobody listens on", "", isAllowed: false,
      annotations: [Label.inboundBinding: "PROXY/1"], listeners: two),
    admits(
      "another listener's word is not for waypoints", "", isAllowed: false,
      listeners: "{name: web, port: 80, protocol: HTTP, allowedRoutes: {namespaces: {from: All}}}"),
  ]

  static let bindings: [Case] = [
    Case(name: "no word at all is no waypoint", service: [Label.useWaypoint: ""], namespace: wp, via: nil),
    Case(
      name: "another namespace without a waypoint says nothing", service: [Label.useWaypointNamespace: "infra"],
      via: nil),
  ]

  static let exemptions: [Case] = [
    Case(
      name: "a service the mesh made for a waypoint", service: [Label.managed: "istio.io-mesh-controller"],
      namespace: wp, via: nil),
    Case(
      name: "a service the mesh made for another network", service: [Label.managed: "istio.io-eastwest-controller"],
      namespace: wp, via: nil),
    Case(
      name: "a service of another controller", service: [Label.managed: "istio.io-gateway-controller"], namespace: wp,
      via: name, told: accepted),
    Case(name: "the waypoint's own service", service: [Label.gatewayName: "wp"], namespace: wp, via: nil),
    Case(
      name: "the service of another gateway", service: [Label.gatewayName: "ingress"], namespace: wp, via: name,
      told: accepted),
    Case(
      name: "the waypoint's own pod", pod: [Label.gatewayName: "wp"], namespace: wp, others: all, via: name,
      told: accepted),
  ]

  @Test func whatCannotBeReadLetsNobodyIn() throws {
    let from = "from: Selector, selector: {matchExpressions: [{key: team, operator: Exists}]}"
    let scene = try WorldScene(
      kube(.service, "shop/web", labels: Self.elsewhere) + gatewayYAML("infra/wp", from: from))
    #expect(scene.told(.service, "shop/web") == Self.refused("AttachmentDenied"))
    #expect(scene.problems.map(\.code) == ["unsupported-field"])
  }
}

extension WorldScene {
  /// Where a drawing says that traffic goes first. `(wp)` for the gateway `wp` that cannot be used.
  func via(_ drawing: String?) -> String? {
    guard let part = drawing?.split(separator: ", ").first(where: { $0.hasPrefix("via ") })?.dropFirst(4) else {
      return nil
    }
    guard part.contains(".waypoint.invalid") else { return String(part) }
    return "(\(part.split(separator: "/").last?.prefix { $0 != "." } ?? ""))"
  }
}
