// SPDX-License-Identifier: Apache-2.0
// A ServiceEntry as services of the mesh, by table: an object, and all that is known of what it became.

import Testing

@testable import World

@Suite struct ServicesEntryTests {
  struct Case: Sendable, CustomTestStringConvertible {
    let name: String
    let spec: String
    /// By host.
    let drawings: [String: String]
    var status = ""
    var annotations: [String: String] = [:]
    var labels: [String: String] = [:]
    var namespaceLabels: [String: String] = [:]
    var namespaceAnnotations: [String: String] = [:]
    var testDescription: String { name }
  }

  @Test(arguments: hosts + addresses + ports + balancing)
  func isDrawn(_ c: Case) throws {
    let scene = try WorldScene.drawn([
      kube(.namespace, "shop", labels: c.namespaceLabels, annotations: c.namespaceAnnotations),
      kube(
        .serviceEntry, "shop/bank", labels: c.labels, annotations: c.annotations,
        "spec: {\(c.spec)}, status: {\(c.status)}"),
    ])
    #expect(scene.services == Dictionary(uniqueKeysWithValues: c.drawings.map { ("shop/\($0)", $1) }))
  }

  static let hosts: [Case] = [
    Case(
      name: "a service for each host", spec: "hosts: [a.example, b.example], resolution: STATIC",
      drawings: ["a.example": "canonical", "b.example": "canonical"]),
    Case(
      name: "a host that stands there twice", spec: "hosts: [a.example, A.Example], resolution: STATIC",
      drawings: ["a.example": "canonical"]),
    Case(
      name: "exportTo has no effect", spec: "hosts: [a.example], resolution: STATIC, exportTo: [\".\"]",
      drawings: ["a.example": "canonical"]),
    Case(
      name: "further identities",
      spec: "hosts: [a.example], resolution: STATIC, subjectAltNames: [\"spiffe://x/y\", b]",
      drawings: ["a.example": "names spiffe://x/y b, canonical"]),
  ]

  static let given = "addresses: [{value: 240.240.0.1, host: a.example}, {value: \"2001:2::1\", host: a.example}]"
  static let addresses: [Case] = [
    Case(
      name: "an address and a block",
      spec: "hosts: [a.example], resolution: STATIC, addresses: [10.0.0.1, 10.1.0.0/16]",
      drawings: ["a.example": "at 10.0.0.1, at 10.1.0.0/16, canonical"]),
    Case(
      name: "every host has the declared ones",
      spec: "hosts: [a.example, b.example], resolution: STATIC, addresses: [10.0.0.1]",
      drawings: ["a.example": "at 10.0.0.1, canonical", "b.example": "at 10.0.0.1, canonical"]),
    Case(
      name: "none declared: those it was given", spec: "hosts: [a.example], resolution: STATIC",
      drawings: ["a.example": "at 240.240.0.1, at 2001:2::1, canonical"], status: given),
    Case(
      name: "a host has only what it was given itself", spec: "hosts: [a.example, b.example], resolution: DNS",
      drawings: ["a.example": "at 240.240.0.1, at 2001:2::1, canonical", "b.example": "at 240.240.0.2, canonical"],
      status: given.dropLast() + ", {value: 240.240.0.2, host: B.Example}]"),
    Case(
      name: "given to no host in particular", spec: "hosts: [a.example, b.example], resolution: STATIC",
      drawings: ["a.example": "at 240.240.0.1, canonical", "b.example": "at 240.240.0.1, canonical"],
      status: "addresses: [{value: 240.240.0.1}]"),
    Case(
      name: "declared before given", spec: "hosts: [a.example], resolution: STATIC, addresses: [10.0.0.1]",
      drawings: ["a.example": "at 10.0.0.1, canonical"], status: given),
    Case(
      name: "given ones are not for NONE", spec: "hosts: [a.example], resolution: NONE",
      drawings: ["a.example": "passthrough, unready too, canonical"], status: given),
    Case(
      name: "declared ones are for NONE, too", spec: "hosts: [a.example], resolution: NONE, addresses: [10.0.0.0/8]",
      drawings: ["a.example": "at 10.0.0.0/8, passthrough, unready too, canonical"]),
    Case(
      name: "given ones are not for wildcards", spec: "hosts: [\"*.a.example\"], resolution: STATIC",
      drawings: ["*.a.example": "canonical"], status: "addresses: [{value: 240.240.0.1, host: \"*.a.example\"}]"),
    Case(
      name: "unless names are resolved as they are asked for",
      spec: "hosts: [\"*.a.example\"], resolution: DYNAMIC_DNS",
      drawings: ["*.a.example": "at 240.240.0.1, canonical"],
      status: "addresses: [{value: 240.240.0.1, host: \"*.a.example\"}]"),
    Case(
      name: "declared ones are for wildcards",
      spec: "hosts: [\"*.a.example\"], resolution: STATIC, addresses: [10.0.0.1]",
      drawings: ["*.a.example": "at 10.0.0.1, canonical"]),
  ]

  static let ports: [Case] = [
    Case(
      name: "targets are numbers, or the port itself",
      spec: """
        hosts: [a.example], resolution: STATIC,
        ports: [{number: 80, name: web, protocol: HTTP, targetPort: 8080}, {number: 443, name: s, protocol: TLS}]
        """,
      drawings: ["a.example": "80>8080 http1, 443>443 tls, canonical"]),
    Case(
      name: "UDP is left out",
      spec: "hosts: [a.example], resolution: STATIC, ports: [{number: 53, name: d, protocol: UDP}]",
      drawings: ["a.example": "canonical"]),
  ]

  static let close = "failover network region zone, canonical"
  static let balancing: [Case] = [
    Case(
      name: "NONE passes through", spec: "hosts: [a.example], resolution: NONE",
      drawings: ["a.example": "passthrough, unready too, canonical"]),
    Case(
      name: "nothing said is NONE", spec: "hosts: [a.example]",
      drawings: ["a.example": "passthrough, unready too, canonical"]),
    Case(
      name: "a preference is nothing for NONE", spec: "hosts: [a.example], resolution: NONE",
      drawings: ["a.example": "passthrough, unready too, canonical"], annotations: [Label.distribution: "PreferClose"]),
    Case(name: "DNS", spec: "hosts: [a.example], resolution: DNS", drawings: ["a.example": "canonical"]),
    Case(
      name: "by annotation", spec: "hosts: [a.example], resolution: STATIC", drawings: ["a.example": close],
      annotations: [Label.distribution: "PreferClose"]),
    Case(
      name: "by the namespace's annotation", spec: "hosts: [a.example], resolution: STATIC",
      drawings: ["a.example": close], namespaceAnnotations: [Label.distribution: "PreferClose"]),
    Case(
      name: "gateways too", spec: "hosts: [a.example], resolution: STATIC",
      drawings: ["a.example": "ingress too, canonical"], labels: [Label.ingressUseWaypoint: "true"]),
    Case(
      name: "gateways too, by the namespace", spec: "hosts: [a.example], resolution: STATIC",
      drawings: ["a.example": "ingress too, canonical"], namespaceLabels: [Label.ingressUseWaypoint: "true"]),
  ]

  @Test func withDynamicNamesAsksForAWaypoint() throws {
    let entry = "spec: {hosts: [a.example], resolution: DYNAMIC_DNS}"
    let bound = kube(.serviceEntry, "shop/e", labels: [Label.useWaypoint: "waypoint"], entry)
    let none = try WorldScene.drawn([kube(.serviceEntry, "shop/e", entry)])
    #expect(none.told(.serviceEntry, "shop/e") == ["WaypointMissing=True WaypointMissing"])
    let waiting = try WorldScene.drawn([bound, gatewayYAML("shop/waypoint", address: "")])
    #expect(
      waiting.told(.serviceEntry, "shop/e") == [
        "WaypointBound=False WaypointIsNotReady", "WaypointMissing=True WaypointMissing",
      ])
    let ready = try WorldScene.drawn([bound, gatewayYAML("shop/waypoint")])
    #expect(ready.told(.serviceEntry, "shop/e") == ["WaypointBound=True WaypointAccepted"])
    #expect(ready.services["shop/a.example"] == "via shop/waypoint.example:15008, canonical")
  }
}
