// SPDX-License-Identifier: Apache-2.0
// Workloads that are no pods, by table: workload entries, endpoints of service entries, endpoints of slices.

import Testing

@testable import World

@Suite struct WorkloadsElsewhereTests {
  struct Case: Sendable, CustomTestStringConvertible {
    let name: String
    let documents: [String]
    /// By uid, without the cluster.
    let drawings: [String: String]
    var testDescription: String { name }
  }

  @Test(arguments: workloadEntries + endpoints + names + slices)
  func isDrawn(_ c: Case) throws {
    #expect(try WorldScene.drawn(c.documents).workloads == c.drawings)
  }

  static let vm = "/networking.istio.io/WorkloadEntry/shop/vm"
  static func workloadEntry(
    _ name: String, labels: [String: String] = [:], annotations: [String: String] = [:], _ spec: String,
    others: [String] = [], _ drawing: String
  ) -> Case {
    Case(
      name: name,
      documents: [kube(.workloadEntry, "shop/vm", labels: labels, annotations: annotations, "spec: {\(spec)}")]
        + others,
      drawings: [vm: drawing])
  }
  static let workloadEntries: [Case] = [
    workloadEntry("an address", "address: 10.2.0.1", "at 10.2.0.1"),
    workloadEntry("a name", "address: vm.example", "called vm.example"),
    workloadEntry("a weight", "address: 10.2.0.1, weight: 7", "at 10.2.0.1, weight 7"),
    workloadEntry("a weight of nothing takes nothing", "address: 10.2.0.1, weight: 0", "at 10.2.0.1, weight 0"),
    workloadEntry("a network", "address: 10.2.0.1, network: far", "at 10.2.0.1, network far"),
    workloadEntry(
      "a network by label", labels: [Label.network: "far"], "address: 10.2.0.1", "at 10.2.0.1, network far"),
    workloadEntry(
      "the field before the label", labels: [Label.network: "far"], "address: 10.2.0.1, network: farther",
      "at 10.2.0.1, network farther"),
    workloadEntry("a locality", "address: 10.2.0.1, locality: eu/eu-a/rack", "at 10.2.0.1, in eu/eu-a/rack"),
    workloadEntry("half a locality", "address: 10.2.0.1, locality: eu", "at 10.2.0.1, in eu//"),
    workloadEntry(
      "an account", "address: 10.2.0.1, serviceAccount: vm", "at 10.2.0.1, as cluster.local/ns/shop/sa/vm"),
    workloadEntry(
      "enrolled, by annotation", annotations: [Label.redirection: "enabled"], "address: 10.2.0.1",
      "at 10.2.0.1, tunnel"),
    workloadEntry(
      "speaks the tunnel itself", labels: [Label.tunnel: "http"], "address: 10.2.0.1", "at 10.2.0.1, native tunnel"),
    workloadEntry(
      "labels in both places, those of the object first", labels: ["app": "a"],
      "address: 10.2.0.1, labels: {app: b, version: v1, networking.istio.io/tunnel: http}",
      "at 10.2.0.1, native tunnel, known as a@v1"),
    workloadEntry(
      "selected by services and entries, with ports of its own",
      "address: 10.2.0.1, labels: {app: web}, ports: {web: 8080}",
      others: [
        kube(
          .service, "shop/web",
          "spec: {selector: {app: web}, ports: [{name: a, port: 80, targetPort: web}, {name: web, port: 81}]}"),
        kube(.service, "shop/api", "spec: {selector: {app: web}, ports: [{name: a, port: 80, targetPort: api}]}"),
        kube(
          .serviceEntry, "shop/e",
          """
          spec: {hosts: [a.example], resolution: STATIC, workloadSelector: {labels: {app: web}},
            ports: [{number: 1, name: web, protocol: TCP}, {number: 2, name: x, protocol: TCP, targetPort: 3}]}
          """),
      ],
      """
      at 10.2.0.1, in a.example 1>8080 2>3, in api.shop.svc.cluster.local, in web.shop.svc.cluster.local 80>8080 \
      81>8080, known as web@latest
      """),
  ]

  static let bank = "/networking.istio.io/ServiceEntry/shop/bank"
  static func entry(
    _ name: String, labels: [String: String] = [:], annotations: [String: String] = [:],
    resolution: String = "STATIC", hosts: String = "a.example", _ more: String, others: [String] = [],
    _ drawings: [String: String]
  ) -> Case {
    Case(
      name: name,
      documents: [
        kube(
          .serviceEntry, "shop/bank", labels: labels, annotations: annotations,
          """
          spec: {hosts: [\(hosts)], resolution: \(resolution), \(more),
            ports: [{number: 80, name: web, protocol: TCP, targetPort: 81}]}
          """)
      ] + others,
      drawings: Dictionary(uniqueKeysWithValues: drawings.map { ("\(bank)/\($0)", $1) }))
  }
  static let endpoints: [Case] = [
    entry(
      "one for each endpoint", "endpoints: [{address: 1.1.1.1}, {address: 1.1.1.2}]",
      ["1.1.1.1": "at 1.1.1.1, in a.example 80>81", "1.1.1.2": "at 1.1.1.2, in a.example 80>81"]),
    entry(
      "of every host", hosts: "a.example, b.example", "endpoints: [{address: 1.1.1.1}]",
      ["1.1.1.1": "at 1.1.1.1, in a.example 80>81, in b.example 80>81"]),
    entry("a name", "endpoints: [{address: x.example}]", ["x.example": "called x.example, in a.example 80>81"]),
    entry(
      "a port of its own", "endpoints: [{address: 1.1.1.1, ports: {web: 8080}}]",
      ["1.1.1.1": "at 1.1.1.1, in a.example 80>8080"]),
    entry(
      "weight, account and locality",
      "endpoints: [{address: 1.1.1.1, weight: 3, serviceAccount: x, locality: a/b/c}]",
      ["1.1.1.1": "at 1.1.1.1, weight 3, as cluster.local/ns/shop/sa/x, in a.example 80>81, in a/b/c"]),
    entry(
      "each in its own network, and none in its neighbour's",
      "endpoints: [{address: 1.1.1.1, network: far}, {address: 1.1.1.2}, {address: 1.1.1.3, network: farther}]",
      [
        "1.1.1.1": "at 1.1.1.1, in a.example 80>81, network far", "1.1.1.2": "at 1.1.1.2, in a.example 80>81",
        "1.1.1.3": "at 1.1.1.3, in a.example 80>81, network farther",
      ]),
    entry(
      "what labels of the entry say, and of the endpoint before it", labels: ["app": "x", "version": "v1"],
      annotations: [Label.redirection: "enabled"],
      "endpoints: [{address: 1.1.1.1}, {address: 1.1.1.2, labels: {app: z, networking.istio.io/tunnel: http}}]",
      [
        "1.1.1.1": "at 1.1.1.1, tunnel, in a.example 80>81, known as x@v1",
        "1.1.1.2": "at 1.1.1.2, native tunnel, in a.example 80>81, known as z@v1",
      ]),
    entry("none listed", "endpoints: []", [:]),
  ]

  static let names: [Case] = [
    entry(
      "resolved by its own name", resolution: "DNS", "endpoints: []",
      ["a.example": "called a.example, in a.example 80>81"]),
    entry(
      "each host by its own name", resolution: "DNS_ROUND_ROBIN", hosts: "a.example, b.example", "endpoints: []",
      ["a.example": "called a.example, in a.example 80>81", "b.example": "called b.example, in b.example 80>81"]),
    entry(
      "endpoints before names", resolution: "DNS", "endpoints: [{address: x.example}]",
      ["x.example": "called x.example, in a.example 80>81"]),
    entry("selected workloads before names", resolution: "DNS", "workloadSelector: {labels: {app: x}}", [:]),
    entry("a wildcard is no name", resolution: "DNS", hosts: "\"*.example\"", "endpoints: []", [:]),
    entry("a waypoint resolves it", resolution: "DYNAMIC_DNS", "endpoints: []", [:]),
    entry("nobody resolves it", resolution: "NONE", "endpoints: []", [:]),
  ]

  static let uid = "/discovery.k8s.io/EndpointSlice/shop/s"
  static func slice(
    _ name: String, of service: String? = "web", _ endpoints: String,
    ports: String = "{name: web, port: 8080, protocol: TCP}", family: String = "IPv4", others: [String]? = nil,
    _ drawings: [String: String]
  ) -> Case {
    Case(
      name: name,
      documents: [
        kube(
          .endpointSlice, "shop/s", labels: service.map { ["kubernetes.io/service-name": $0] } ?? [:],
          "addressType: \(family), endpoints: [\(endpoints)], ports: [\(ports)]")
      ] + (others ?? [kube(.service, "shop/web", "spec: {ports: [{name: web, port: 80}, {name: x, port: 81}]}")]),
      drawings: Dictionary(uniqueKeysWithValues: drawings.map { ("\(uid)/\($0)", $1) }))
  }
  static let one = "{addresses: [1.1.1.1]}"
  static let plain = "at 1.1.1.1, host network, in web.shop.svc.cluster.local 80>8080, known as @"
  static let slices: [Case] = [
    slice("an endpoint of no pod", one, ["1.1.1.1": plain]),
    slice(
      "two of them", "{addresses: [1.1.1.1]}, {addresses: [1.1.1.2]}",
      ["1.1.1.1": plain, "1.1.1.2": plain.replacing("1.1.1.1", with: "1.1.1.2")]),
    slice("ready", "{addresses: [1.1.1.1], conditions: {ready: true}}", ["1.1.1.1": plain]),
    slice(
      "not ready", "{addresses: [1.1.1.1], conditions: {ready: false}}",
      ["1.1.1.1": plain.replacing("host", with: "unhealthy, host")]),
    slice("ready unless it says otherwise", "{addresses: [1.1.1.1], conditions: {}}", ["1.1.1.1": plain]),
    slice(
      "where it is", "{addresses: [1.1.1.1], nodeName: n1, zone: eu-a}",
      ["1.1.1.1": plain.replacing("known", with: "on n1, in /eu-a/, known")]),
    slice("pods are known better", "{addresses: [1.1.1.1], targetRef: {kind: Pod, name: web-1}}", [:]),
    slice("another thing than a pod", "{addresses: [1.1.1.1], targetRef: {kind: VM, name: v}}", ["1.1.1.1": plain]),
    slice("of no service", of: nil, one, [:]),
    slice("of a service that is not there", of: "gone", one, [:]),
    slice(
      "of an alias", one, others: [kube(.service, "shop/web", "spec: {type: ExternalName, externalName: x.example}")],
      [:]),
    slice("names are no addresses", "{addresses: [x.example]}", family: "FQDN", [:]),
    slice(
      "UDP is left out", one, ports: "{name: web, port: 8080, protocol: UDP}",
      ["1.1.1.1": plain.replacing(" 80>8080", with: "")]),
    slice(
      "a port the service does not have", one, ports: "{name: z, port: 8080}",
      ["1.1.1.1": plain.replacing(" 80>8080", with: "")]),
    slice(
      "a port without a name", one, ports: "{port: 8080}",
      others: [kube(.service, "shop/web", "spec: {ports: [{port: 80}]}")], ["1.1.1.1": plain]),
  ]
}
