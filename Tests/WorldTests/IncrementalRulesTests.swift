// SPDX-License-Identifier: Apache-2.0
// The steps of IncrementalStepsTests that policies and gateways make.

@testable import World

extension IncrementalStepsTests {
  static func policy(_ name: String, _ labels: String) -> String {
    kube(.authorizationPolicy, name, "spec: {selector: {matchLabels: {\(labels)}}}")
  }
  static let api = pod("shop/api-1", ["app": "api"])
  static let policies: [Case] = [
    Case(
      name: "a policy comes: whom it selects", given: [pod(), vm, api, pod("bank/web-1")],
      edit: policy("shop/p", "app: web"), dependants: ["Pod shop/web-1", "WorkloadEntry shop/vm"]),
    Case(
      name: "a policy selects others: those, and those before", given: [pod(), api, policy("shop/p", "app: web")],
      edit: policy("shop/p", "app: api"), dependants: ["Pod shop/web-1", "Pod shop/api-1"]),
    Case(
      name: "a policy of the mesh comes: whom it selects anywhere", given: [pod(), api, pod("bank/web-1")],
      edit: policy("istio-system/p", "app: web"), dependants: ["Pod shop/web-1", "Pod bank/web-1"]),
    Case(
      name: "a policy has another action: nobody", given: [pod(), policy("shop/p", "app: web")],
      edit: kube(.authorizationPolicy, "shop/p", "spec: {action: DENY, selector: {matchLabels: {app: web}}}"),
      dependants: []),
    Case(
      name: "a policy is for a waypoint now: whom it selected", given: [pod(), policy("shop/p", "app: web")],
      edit: kube(
        .authorizationPolicy, "shop/p",
        "spec: {selector: {matchLabels: {app: web}}, targetRefs: [{kind: Service, name: web}]}"),
      dependants: ["Pod shop/web-1"]),
    Case(
      name: "a policy is for another revision: whom it selected", given: [pod(), policy("shop/p", "app: web")],
      edit: kube(
        .authorizationPolicy, "shop/p", labels: [Label.revision: "old"], "spec: {selector: {matchLabels: {app: web}}}"),
      dependants: ["Pod shop/web-1"], settings: WaypointsTests.revision("new")),
    Case(
      name: "a policy of a namespace comes: nobody has to name it", given: [pod()],
      edit: kube(.authorizationPolicy, "shop/p", "spec: {}"), dependants: []),
  ]

  static func peer(_ name: String, _ mode: String, selector: String = "", ports: String = "") -> String {
    let selector = selector.isEmpty ? "" : ", selector: {matchLabels: {\(selector)}}"
    return kube(.peerAuthentication, name, "spec: {mtls: {mode: \(mode)}\(selector)\(ports)}")
  }
  static let byPort = peer("shop/q", "UNSET", selector: "app: api", ports: ", portLevelMtls: {80: {mode: PERMISSIVE}}")
  static let peers: [Case] = [
    Case(
      name: "a mode for a namespace: all of it, and what its other modes are converted to",
      given: [pod(), vm, api, byPort, pod("bank/web-1")], edit: peer("shop/p", "STRICT"),
      dependants: ["Pod shop/web-1", "WorkloadEntry shop/vm", "Pod shop/api-1", "PeerAuthentication shop/q"]),
    Case(
      name: "a mode for the mesh: all of it", given: [pod(), vm, pod("bank/web-1"), byPort],
      edit: peer("istio-system/p", "STRICT"),
      dependants: ["Pod shop/web-1", "WorkloadEntry shop/vm", "Pod bank/web-1", "PeerAuthentication shop/q"]),
    Case(
      name: "a mode for some: those", given: [pod(), vm, api], edit: peer("shop/p", "STRICT", selector: "app: web"),
      dependants: ["Pod shop/web-1", "WorkloadEntry shop/vm"]),
    Case(
      name: "a mode for others: those, and those before",
      given: [pod(), api, peer("shop/p", "STRICT", selector: "app: web")],
      edit: peer("shop/p", "STRICT", selector: "app: api"), dependants: ["Pod shop/web-1", "Pod shop/api-1"]),
    Case(
      name: "a mode says what it said: nobody", given: [pod(), peer("shop/p", "STRICT", selector: "app: web")],
      edit: peer("shop/p", "STRICT", selector: "app: web"), dependants: []),
    Case(
      name: "a mode is another one: whom it selects", given: [pod(), peer("shop/p", "STRICT", selector: "app: web")],
      edit: peer("shop/p", "PERMISSIVE", selector: "app: web"), dependants: ["Pod shop/web-1"]),
    Case(
      name: "a port has another mode: whom it selects", given: [pod(), peer("shop/p", "STRICT", selector: "app: web")],
      edit: peer("shop/p", "STRICT", selector: "app: web", ports: ", portLevelMtls: {80: {mode: PERMISSIVE}}"),
      dependants: ["Pod shop/web-1"]),
    Case(
      name: "a mode is older than it was: whom it selects",
      given: [
        pod(),
        kube(
          .peerAuthentication, "shop/p", created: 3, "spec: {selector: {matchLabels: {app: web}}, mtls: {mode: STRICT}}"
        ),
        kube(
          .peerAuthentication, "shop/q", created: 2,
          "spec: {selector: {matchLabels: {app: web}}, mtls: {mode: PERMISSIVE}}"),
      ],
      edit: kube(
        .peerAuthentication, "shop/p", created: 1, "spec: {selector: {matchLabels: {app: web}}, mtls: {mode: STRICT}}"),
      dependants: ["Pod shop/web-1"]),
    Case(
      name: "a mode for some becomes one for all",
      given: [pod(), api, peer("shop/p", "PERMISSIVE", selector: "app: web")],
      edit: peer("shop/p", "STRICT"), dependants: ["Pod shop/web-1", "Pod shop/api-1"]),
    Case(
      name: "a mode for some in the namespace of the mesh says nothing", given: [pod(), pod("istio-system/web-1")],
      edit: peer("istio-system/p", "STRICT", selector: "app: web"), dependants: []),
  ]

  static let member = pod("shop/wp-1", ["app": "wp", Label.gatewayName: "wp"])
  static func gatewayClass(_ labels: [String: String] = [:], _ annotations: [String: String] = [:]) -> String {
    kube(.gatewayClass, "istio-waypoint", labels: labels, annotations: annotations, "spec: {controllerName: x}")
  }
  static let gateways: [Case] = [
    Case(
      name: "a gateway comes: who waits for it",
      given: [bound, kube(.service, "shop/api"), pod("bank/web-1", [Label.useWaypoint: "wp"])],
      edit: gatewayYAML("shop/wp"),
      dependants: ["Service shop/web"]),
    Case(
      name: "a gateway is ready: who waits for it", given: [bound, gatewayYAML("shop/wp", address: "")],
      edit: gatewayYAML("shop/wp"), dependants: ["Service shop/web"]),
    Case(
      name: "a canary comes: who waits for it",
      given: [
        kube(.service, "shop/web", labels: wp.merging([Label.canary: "new"]) { $1 }), gatewayYAML("shop/wp"),
        kube(.service, "shop/api", labels: wp),
      ], edit: gatewayYAML("shop/new"), dependants: ["Service shop/web"]),
    Case(
      name: "a gateway comes that an endpoint of an entry waits for",
      given: [entry("shop/e", more: ", endpoints: [{address: 1.1.1.1, labels: {\(Label.useWaypoint): wp}}]")],
      edit: gatewayYAML("shop/wp", for: "all"), dependants: ["ServiceEntry shop/e"]),
    Case(
      name: "a gateway says how to be reached inside: its pods", given: [member, pod(), gatewayYAML("shop/wp")],
      edit: gatewayYAML("shop/wp", annotations: [Label.inboundBinding: "PROXY"]), dependants: ["Pod shop/wp-1"]),
    Case(
      name: "a class takes other traffic: its gateways, and who is bound to them",
      given: [bound, gatewayYAML("shop/wp"), gatewayYAML("bank/wp", className: "mine"), gatewayClass()],
      edit: gatewayClass([Label.waypointFor: "workload"]), dependants: ["Service shop/web"]),
    Case(
      name: "a class says how to be reached inside: its gateways' pods",
      given: [member, pod(), gatewayYAML("shop/wp")],
      edit: gatewayClass([:], [Label.inboundBinding: "PROXY"]), dependants: ["Pod shop/wp-1"]),
  ]
}
