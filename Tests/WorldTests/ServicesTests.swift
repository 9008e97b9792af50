// SPDX-License-Identifier: Apache-2.0
// A Service of Kubernetes as a service of the mesh, by table: an object, and all that is known of what it became.

import Testing

@testable import Mesh
@testable import World

@Suite struct ServicesTests {
  struct Case: Sendable, CustomTestStringConvertible {
    let name: String
    let spec: String
    /// Nil for no service at all.
    let drawing: String?
    var labels: [String: String] = [:]
    var annotations: [String: String] = [:]
    var namespaceLabels: [String: String] = [:]
    var namespaceAnnotations: [String: String] = [:]
    var testDescription: String { name }
  }

  @Test(arguments: addresses + ports + families + balancing + ingress)
  func isDrawn(_ c: Case) throws {
    let scene = try WorldScene.drawn([
      kube(.namespace, "shop", labels: c.namespaceLabels, annotations: c.namespaceAnnotations),
      kube(.service, "shop/web", labels: c.labels, annotations: c.annotations, "spec: {\(c.spec)}"),
    ])
    #expect(scene.services == (c.drawing.map { ["shop/web.shop.svc.cluster.local": $0] } ?? [:]))
  }

  static let addresses: [Case] = [
    Case(name: "one address", spec: "clusterIP: 10.9.0.1", drawing: "at 10.9.0.1, canonical"),
    Case(
      name: "an address of each family", spec: "clusterIP: 10.9.0.1, clusterIPs: [10.9.0.1, \"fd09::1\"]",
      drawing: "at 10.9.0.1, at fd09::1, canonical"),
    Case(name: "headless", spec: "clusterIP: None", drawing: "canonical"),
    Case(name: "headless in both fields", spec: "clusterIP: None, clusterIPs: [None]", drawing: "canonical"),
    Case(name: "no address yet", spec: "clusterIP: \"\"", drawing: "canonical"),
    Case(name: "an alias is none", spec: "type: ExternalName, externalName: web.example", drawing: nil),
    Case(
      name: "other types are like any", spec: "type: LoadBalancer, clusterIP: 10.9.0.1",
      drawing: "at 10.9.0.1, canonical"),
  ]

  static let ports: [Case] = [
    Case(name: "a target with a number", spec: "ports: [{port: 80, targetPort: 8080}]", drawing: "80>8080, canonical"),
    Case(name: "no target is the port itself", spec: "ports: [{port: 80}]", drawing: "80>80, canonical"),
    Case(
      name: "a target with a name is known to endpoints only", spec: "ports: [{port: 80, targetPort: web}]",
      drawing: "80>0, canonical"),
    Case(
      name: "UDP is left out",
      spec: "ports: [{name: a, port: 53, protocol: UDP}, {name: b, port: 53, protocol: TCP}]",
      drawing: "53>53, canonical"),
    Case(
      name: "what the bytes are, by the field before the name",
      spec: """
        ports: [{name: http-a, port: 1}, {name: grpc, port: 2}, {name: http2-b, port: 3}, {name: tls, port: 4},
          {name: https, port: 5}, {name: tcp-x, port: 6}, {name: web, port: 7},
          {name: http-c, port: 8, appProtocol: kubernetes.io/h2c}]
        """,
      drawing: "1>1 http1, 2>2 grpc, 3>3 http2, 4>4 tls, 5>5 tls, 6>6 tcp, 7>7, 8>8 http2, canonical"),
  ]

  static let families: [Case] = [
    Case(name: "v4 only", spec: "ipFamilies: [IPv4]", drawing: "v4Only, canonical"),
    Case(name: "v6 only", spec: "ipFamilies: [IPv6]", drawing: "v6Only, canonical"),
    Case(name: "both families", spec: "ipFamilies: [IPv6, IPv4]", drawing: "dual, canonical"),
    Case(name: "no families said", spec: "ipFamilies: []", drawing: "canonical"),
  ]

  static let close = "failover network region zone, canonical"
  static let node = "failover network region zone subzone node, canonical"
  static func annotated(_ value: String) -> [String: String] { [Label.distribution: value] }
  static let balancing: [Case] = [
    Case(name: "PreferClose by field", spec: "trafficDistribution: PreferClose", drawing: close),
    Case(name: "PreferSameZone by field", spec: "trafficDistribution: PreferSameZone", drawing: close),
    Case(name: "PreferSameNode by field", spec: "trafficDistribution: PreferSameNode", drawing: node),
    Case(name: "by annotation", spec: "", drawing: node, annotations: annotated("PreferSameNode")),
    Case(name: "by the namespace's", spec: "", drawing: close, namespaceAnnotations: annotated("PreferClose")),
    Case(
      name: "the field before the annotation", spec: "trafficDistribution: PreferClose", drawing: close,
      annotations: annotated("PreferSameNode"), namespaceAnnotations: annotated("PreferSameNode")),
    Case(
      name: "the annotation before the namespace's", spec: "", drawing: node,
      annotations: annotated("PreferSameNode"), namespaceAnnotations: annotated("PreferClose")),
    Case(name: "a word nobody knows", spec: "trafficDistribution: PreferFar", drawing: "canonical"),
    Case(name: "a label is no annotation", spec: "", drawing: "canonical", labels: annotated("PreferClose")),
    Case(
      name: "internalTrafficPolicy before all of them",
      spec: "internalTrafficPolicy: Local, trafficDistribution: PreferClose",
      drawing: "strict node, canonical", annotations: annotated("PreferClose")),
    Case(
      name: "internalTrafficPolicy Cluster says nothing",
      spec: "internalTrafficPolicy: Cluster, trafficDistribution: PreferClose", drawing: close),
    Case(name: "unready ones too", spec: "publishNotReadyAddresses: true", drawing: "unready too, canonical"),
    Case(
      name: "unready ones too, on the node",
      spec: "publishNotReadyAddresses: true, internalTrafficPolicy: Local",
      drawing: "strict node, unready too, canonical"),
    Case(
      name: "unready ones too, close by",
      spec: "publishNotReadyAddresses: true, trafficDistribution: PreferClose",
      drawing: "failover network region zone, unready too, canonical"),
  ]

  static func labelled(_ value: String) -> [String: String] { [Label.ingressUseWaypoint: value] }
  static let ingress: [Case] = [
    Case(name: "gateways too", spec: "", drawing: "ingress too, canonical", labels: labelled("true")),
    Case(
      name: "gateways too, by the namespace", spec: "", drawing: "ingress too, canonical",
      namespaceLabels: labelled("true")),
    Case(
      name: "its own word before the namespace's", spec: "", drawing: "canonical", labels: labelled("false"),
      namespaceLabels: labelled("true")),
  ]

  @Test func isNamedByTheDomain() throws {
    var settings = Settings()
    settings.domain = "mesh.example"
    let scene = try WorldScene.drawn([kube(.service, "shop/web")], settings: settings)
    #expect(Array(scene.services.keys) == ["shop/web.shop.svc.mesh.example"])
    #expect(scene.service("web.shop.svc.mesh.example", in: "shop")?.shortName == "web")
  }

  @Test func isInTheNetworkOfTheMesh() throws {
    var settings = Settings()
    settings.network = "near"
    let scene = try WorldScene.drawn([kube(.service, "shop/web", "spec: {clusterIP: 10.9.0.1}")], settings: settings)
    #expect(Array(scene.services.values) == ["at near/10.9.0.1, canonical"])
  }

  @Test func thatBecomesAnAliasGoesAndComesBack() throws {
    var scene = try WorldScene.drawn([kube(.service, "shop/web", "spec: {clusterIP: 10.9.0.1}")])
    try scene.load(kube(.service, "shop/web", "spec: {type: ExternalName, externalName: web.example}"))
    #expect(scene.services == [:])
    try scene.load(kube(.service, "shop/web", "spec: {clusterIP: 10.9.0.2}"))
    #expect(Array(scene.services.values) == ["at 10.9.0.2, canonical"])
  }
}
