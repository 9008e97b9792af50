// SPDX-License-Identifier: Apache-2.0
// A Pod as a workload of the mesh, by table: an object, and all that is known of what it became.

import Testing

@testable import World

@Suite struct WorkloadsTests {
  struct Case: Sendable, CustomTestStringConvertible {
    let name: String
    /// Nil for no workload at all.
    let drawing: String?
    var labels: [String: String] = [:]
    var annotations: [String: String] = [:]
    var meta = ""
    var spec = ""
    var status = "podIP: 10.1.0.1"
    var others: [String] = []
    var testDescription: String { name }
  }

  @Test(arguments: addresses + health + places + names + tunnels + enrolment + proxies)
  func isDrawn(_ c: Case) throws {
    let pod = kube(
      .pod, "shop/web-1", labels: c.labels, annotations: c.annotations, meta: c.meta,
      "spec: {\(c.spec)}, status: {\(c.status)}")
    let scene = try WorldScene.drawn([pod] + c.others)
    #expect(scene.workloads == (c.drawing.map { ["//Pod/shop/web-1": $0] } ?? [:]))
  }

  static let addresses: [Case] = [
    Case(name: "one address", drawing: "at 10.1.0.1"),
    Case(
      name: "several addresses", drawing: "at 10.1.0.1, at fd01::1",
      status: "podIP: 10.1.0.1, podIPs: [{ip: 10.1.0.1}, {ip: \"fd01::1\"}]"),
    Case(name: "no address", drawing: nil, status: "phase: Pending"),
    Case(name: "pending, with an address", drawing: "at 10.1.0.1", status: "phase: Pending, podIP: 10.1.0.1"),
    Case(name: "ended well", drawing: nil, status: "phase: Succeeded, podIP: 10.1.0.1"),
    Case(name: "ended badly", drawing: nil, status: "phase: Failed, podIP: 10.1.0.1"),
    Case(name: "running", drawing: "at 10.1.0.1", status: "phase: Running, podIP: 10.1.0.1"),
  ]

  static func ready(_ status: String) -> String {
    "podIP: 10.1.0.1, conditions: [{type: Ready, status: \"\(status)\"}]"
  }
  static let health: [Case] = [
    Case(name: "ready", drawing: "at 10.1.0.1", status: ready("True")),
    Case(name: "not ready", drawing: "at 10.1.0.1, unhealthy", status: ready("False")),
    Case(name: "perhaps ready", drawing: "at 10.1.0.1, unhealthy", status: ready("Unknown")),
    Case(
      name: "other conditions only", drawing: "at 10.1.0.1, unhealthy",
      status: "podIP: 10.1.0.1, conditions: [{type: PodScheduled, status: \"True\"}]"),
    Case(name: "ready where nobody writes conditions", drawing: "at 10.1.0.1"),
    Case(
      name: "leaving, though ready", drawing: "at 10.1.0.1, unhealthy",
      meta: "deletionTimestamp: \"2026-01-01T00:00:00Z\"", status: ready("True")),
  ]

  static let zone = [Label.region: "eu", Label.zone: "eu-a", Label.subzone: "rack-1"]
  static let places: [Case] = [
    Case(
      name: "the place is the node's", drawing: "at 10.1.0.1, on n1, in eu/eu-a/rack-1", spec: "nodeName: n1",
      others: [kube(.node, "n1", labels: zone)]),
    Case(name: "a node nobody described", drawing: "at 10.1.0.1, on n1", spec: "nodeName: n1"),
    Case(
      name: "the node's own network", drawing: "at 10.1.0.1, host network", spec: "hostNetwork: true"),
    Case(name: "an account", drawing: "at 10.1.0.1, as cluster.local/ns/shop/sa/web", spec: "serviceAccountName: web"),
    Case(
      name: "an account, as it was spelled once", drawing: "at 10.1.0.1, as cluster.local/ns/shop/sa/web",
      spec: "serviceAccount: web"),
  ]

  static func owned(_ kind: String, _ name: String) -> String { "ownerReferences: [{kind: \(kind), name: \(name)}]" }
  static let names: [Case] = [
    Case(
      name: "known by the mesh's own labels", drawing: "at 10.1.0.1, known as a@1",
      labels: [
        Label.canonicalName: "a", Label.canonicalRevision: "1", "app.kubernetes.io/name": "b",
        "app.kubernetes.io/version": "2", "app": "c", "version": "3",
      ]),
    Case(
      name: "known by Kubernetes' labels", drawing: "at 10.1.0.1, known as b@2",
      labels: ["app.kubernetes.io/name": "b", "app.kubernetes.io/version": "2", "app": "c", "version": "3"]),
    Case(name: "known by common labels", drawing: "at 10.1.0.1, known as c@3", labels: ["app": "c", "version": "3"]),
    Case(
      name: "known by its owner", drawing: "at 10.1.0.1, known as db@latest, of db", meta: owned("StatefulSet", "db")),
    Case(
      name: "of a ReplicaSet, the Deployment", drawing: "at 10.1.0.1, known as web@latest, of web",
      labels: ["pod-template-hash": "5d9f"], meta: owned("ReplicaSet", "web-5d9f")),
    Case(
      name: "of a ReplicaSet that nobody deployed", drawing: "at 10.1.0.1, known as web-5d9f@latest, of web-5d9f",
      meta: owned("ReplicaSet", "web-5d9f")),
    Case(
      name: "labels before owners", drawing: "at 10.1.0.1, known as shop@latest, of db", labels: ["app": "shop"],
      meta: owned("StatefulSet", "db")),
  ]

  static let enrolled = [Label.redirection: "enabled"]
  static let tunnels: [Case] = [
    Case(name: "enrolled, by annotation", drawing: "at 10.1.0.1, tunnel", annotations: enrolled),
    Case(name: "not quite enrolled", drawing: "at 10.1.0.1", annotations: [Label.redirection: "pending"]),
    Case(name: "an annotation as a label says nothing", drawing: "at 10.1.0.1", labels: enrolled),
    Case(name: "speaks the tunnel itself", drawing: "at 10.1.0.1, native tunnel", labels: [Label.tunnel: "http"]),
    Case(name: "speaks several", drawing: "at 10.1.0.1, native tunnel", labels: [Label.tunnel: "http,quic"]),
    Case(
      name: "the TLS of sidecars is no tunnel", drawing: "at 10.1.0.1", labels: ["security.istio.io/tlsMode": "istio"]),
    Case(name: "speaks another", drawing: "at 10.1.0.1", labels: [Label.tunnel: "quic"]),
    Case(
      name: "speaks it itself, and is enrolled", drawing: "at 10.1.0.1, native tunnel", labels: [Label.tunnel: "http"],
      annotations: enrolled),
    Case(
      name: "asked for, and nobody has done it yet", drawing: "at 10.1.0.1", labels: [Label.dataplaneMode: "ambient"]),
  ]

  static let netns = [Label.netns: "/run/netns/web-1"]
  static func namespace(_ mode: String) -> [String] { [kube(.namespace, "shop", labels: [Label.dataplaneMode: mode])] }
  static let enrolment: [Case] = [
    Case(name: "we could, and nobody asks", drawing: "at 10.1.0.1", annotations: netns),
    Case(
      name: "the pod asks", drawing: "at 10.1.0.1, tunnel", labels: [Label.dataplaneMode: "ambient"],
      annotations: netns),
    Case(name: "the namespace asks", drawing: "at 10.1.0.1, tunnel", annotations: netns, others: namespace("ambient")),
    Case(
      name: "the pod before the namespace, not to", drawing: "at 10.1.0.1", labels: [Label.dataplaneMode: "none"],
      annotations: netns, others: namespace("ambient")),
    Case(
      name: "the pod before the namespace, to", drawing: "at 10.1.0.1, tunnel",
      labels: [Label.dataplaneMode: "ambient"], annotations: netns, others: namespace("none")),
    Case(
      name: "never on the node's own network", drawing: "at 10.1.0.1, host network", annotations: netns,
      spec: "hostNetwork: true", others: namespace("ambient")),
    Case(
      name: "what another agent once said does not count for those we enrol", drawing: "at 10.1.0.1",
      labels: [Label.dataplaneMode: "none"], annotations: netns.merging(enrolled) { $1 }, others: namespace("ambient")),
    Case(
      name: "what another agent says counts for the rest", drawing: "at 10.1.0.1, tunnel", annotations: enrolled,
      others: namespace("none")),
  ]

  static func waypoint(_ binding: String?, className: String = "c") -> [String] {
    [
      gatewayYAML(
        "shop/wp", className: className, annotations: binding.map { [Label.inboundBinding: $0] } ?? [:]),
      kube(.gatewayClass, "c", annotations: [Label.inboundBinding: "PROXY/1"], "spec: {controllerName: x}"),
    ]
  }
  static let instance = [Label.gatewayName: "wp"]
  static let proxies: [Case] = [
    Case(
      name: "a waypoint of the mesh, with a port", drawing: "at 10.1.0.1, inside proxy:15088", labels: instance,
      others: waypoint("PROXY/15088")),
    Case(
      name: "a waypoint of the mesh", drawing: "at 10.1.0.1, inside proxy", labels: instance,
      others: waypoint("PROXY")),
    Case(
      name: "without a header, with a port", drawing: "at 10.1.0.1, inside none:8080", labels: instance,
      others: waypoint("NONE/8080")),
    Case(name: "without a header", drawing: "at 10.1.0.1, inside none", labels: instance, others: waypoint("NONE")),
    Case(
      name: "as its class says", drawing: "at 10.1.0.1, inside proxy:1", labels: instance, others: waypoint(nil)),
    Case(
      name: "of a class nobody described", drawing: "at 10.1.0.1", labels: instance,
      others: waypoint(nil, className: "d")),
    Case(
      name: "a port that is none", drawing: "at 10.1.0.1, inside proxy", labels: instance, others: waypoint("PROXY/0")),
    Case(name: "a word nobody knows", drawing: "at 10.1.0.1", labels: instance, others: waypoint("HTTP/80")),
    Case(name: "too many words", drawing: "at 10.1.0.1", labels: instance, others: waypoint("PROXY/1/2")),
    Case(
      name: "a gateway that is not there", drawing: "at 10.1.0.1", labels: [Label.gatewayName: "gone"],
      others: waypoint("PROXY")),
    Case(name: "not of the gateway", drawing: "at 10.1.0.1", others: waypoint("PROXY")),
  ]

  @Test func isNamedByTheSettings() throws {
    var settings = Settings()
    (settings.trustDomain, settings.cluster, settings.network) = ("corp.example", "east", "near")
    let scene = try WorldScene.drawn([podYAML("shop/web-1", at: "10.1.0.1")], settings: settings)
    #expect(
      scene.workloads == ["//Pod/shop/web-1": "at 10.1.0.1, as corp.example/ns/shop/sa/default, network near"])
  }

  @Test func tellsItsAuthorNothing() throws {
    var scene = try WorldScene.drawn([podYAML("shop/web-1", at: "10.1.0.1", labels: [Label.useWaypoint: "gone"])])
    #expect(scene.update.conditions.isEmpty, "a pod's status is not ours to write")
    #expect(scene.told(.pod, "shop/web-1") == ["WaypointBound=False WaypointIsMissing"], "but analysis wants to know")
    try scene.load(kube(.service, "shop/web", labels: [Label.useWaypoint: "gone"]))
    #expect(Array(scene.update.conditions.keys) == [ObjectKey(.service, "shop", "web")])
  }
}
