// SPDX-License-Identifier: Apache-2.0
// Whose endpoint a workload is, and where it listens, by table. The pod is always the same one, `shop/web-1`.

import Testing

@testable import World

@Suite struct WorkloadsMembershipTests {
  struct Case: Sendable, CustomTestStringConvertible {
    let name: String
    let others: [String]
    /// The services it is an endpoint of.
    let memberships: String
    var labels = ["app": "web", "tier": "front"]
    var spec = containers
    var meta = ""
    var testDescription: String { name }
  }

  static let containers = """
    containers: [{name: c, ports: [{name: web, containerPort: 8080}, {name: u, containerPort: 53, protocol: UDP}]}]
    """

  @Test(arguments: selectors + targets + slices + entries)
  func isAnEndpoint(_ c: Case) throws {
    let pod = podYAML("shop/web-1", at: "10.1.0.1", labels: c.labels, spec: c.spec, meta: c.meta)
    let drawing = try #require(WorldScene.drawn([pod] + c.others).workloads["//Pod/shop/web-1"])
    let parts = drawing.split(separator: ", ").filter { $0.hasPrefix("in ") }
    #expect(parts.joined(separator: ", ") == c.memberships)
  }

  static func service(_ name: String, _ spec: String) -> String { kube(.service, name, "spec: {\(spec)}") }
  static let both = "ports: [{port: 80, targetPort: 8080}]"
  static let selectors: [Case] = [
    Case(
      name: "all labels of the selector", others: [service("shop/web", "selector: {app: web, tier: front}, \(both)")],
      memberships: "in web.shop.svc.cluster.local 80>8080"),
    Case(
      name: "one label is another", others: [service("shop/web", "selector: {app: web, tier: back}, \(both)")],
      memberships: ""),
    Case(name: "another namespace", others: [service("bank/web", "selector: {app: web}, \(both)")], memberships: ""),
    Case(name: "no selector selects nobody", others: [service("shop/web", both)], memberships: ""),
    Case(
      name: "several services, by name",
      others: [service("shop/b", "selector: {app: web}"), service("shop/a", "selector: {tier: front}")],
      memberships: "in a.shop.svc.cluster.local, in b.shop.svc.cluster.local"),
    Case(
      name: "an alias has no endpoints",
      others: [service("shop/web", "type: ExternalName, externalName: x.example, selector: {app: web}")],
      memberships: ""),
    Case(
      name: "a headless service", others: [service("shop/web", "clusterIP: None, selector: {app: web}, \(both)")],
      memberships: "in web.shop.svc.cluster.local 80>8080"),
  ]

  static func target(_ name: String, _ ports: String, spec: String = containers, _ expected: String) -> Case {
    Case(
      name: name, others: [service("shop/web", "selector: {app: web}, ports: [\(ports)]")],
      memberships: "in web.shop.svc.cluster.local\(expected)", spec: spec)
  }
  static let targets: [Case] = [
    target("a port of a container by its name", "{port: 80, targetPort: web}", " 80>8080"),
    target("a name the pod does not have is left out", "{port: 80, targetPort: api}", ""),
    target("a name of a UDP port is left out", "{port: 80, targetPort: u}", ""),
    target(
      "others are not left out with it", "{name: a, port: 80, targetPort: api}, {name: b, port: 81, targetPort: web}",
      " 81>8080"),
    target("a number needs no container", "{port: 80, targetPort: 9999}", " 80>9999"),
    target(
      "a container that starts first and stays", "{port: 80, targetPort: side}",
      spec: "initContainers: [{name: s, restartPolicy: Always, ports: [{name: side, containerPort: 7000}]}]",
      " 80>7000"),
    target(
      "a container that starts first and ends", "{port: 80, targetPort: side}",
      spec: "initContainers: [{name: s, ports: [{name: side, containerPort: 7000}]}]", ""),
    target(
      "of two ports of a name the first container's", "{port: 80, targetPort: web}",
      spec: """
        initContainers: [{name: s, restartPolicy: Always, ports: [{name: web, containerPort: 7000}]}],
        containers: [{name: c, ports: [{name: web, containerPort: 8080}]}]
        """, " 80>8080"),
  ]

  static func slice(at name: String = "shop/s", of service: String? = "web", _ target: String) -> String {
    kube(
      .endpointSlice, name, labels: service.map { ["kubernetes.io/service-name": $0] } ?? [:],
      "addressType: IPv4, endpoints: [{addresses: [10.1.0.1], targetRef: {\(target)}}], ports: []")
  }
  static let mine = "in web.shop.svc.cluster.local 80>8080"
  static let uid = "uid: 11111111-0000-0000-0000-000000000000"
  static let slices: [Case] = [
    Case(
      name: "named by a slice of a service without a selector",
      others: [service("shop/web", both), slice("kind: Pod, name: web-1")], memberships: mine),
    Case(
      name: "named by two slices",
      others: [
        service("shop/web", both), slice("kind: Pod, name: web-1"), slice(at: "shop/t", "kind: Pod, name: web-1"),
      ], memberships: mine),
    Case(
      name: "by its uid",
      others: [service("shop/web", both), slice("kind: Pod, name: web-1, namespace: shop, \(uid)")],
      memberships: mine, meta: uid),
    Case(
      name: "another pod had its name before",
      others: [service("shop/web", both), slice("kind: Pod, name: web-1, uid: another")], memberships: "", meta: uid),
    Case(
      name: "the service's own selector decides if it has one",
      others: [service("shop/web", "selector: {app: api}, \(both)"), slice("kind: Pod, name: web-1")],
      memberships: ""),
    Case(
      name: "another pod", others: [service("shop/web", both), slice("kind: Pod, name: web-2")], memberships: ""),
    Case(
      name: "a node of that name", others: [service("shop/web", both), slice("kind: Node, name: web-1")],
      memberships: ""),
    Case(
      name: "a pod of that name elsewhere",
      others: [service("shop/web", both), slice("kind: Pod, name: web-1, namespace: bank")], memberships: ""),
    Case(
      name: "named from another namespace, for a service there",
      others: [service("bank/web", both), slice(at: "bank/s", "kind: Pod, name: web-1, namespace: shop")],
      memberships: "in web.bank.svc.cluster.local 80>8080"),
    Case(
      name: "a slice of no service", others: [service("shop/web", both), slice(of: nil, "kind: Pod, name: web-1")],
      memberships: ""),
    Case(
      name: "a slice of a service that is not there", others: [slice("kind: Pod, name: web-1")], memberships: ""),
  ]

  static func entry(_ spec: String) -> String {
    kube(.serviceEntry, "shop/e", "spec: {hosts: [a.example, b.example], resolution: STATIC, \(spec)}")
  }
  static let entries: [Case] = [
    Case(
      name: "selected by an entry, for each of its hosts",
      others: [entry("workloadSelector: {labels: {app: web}}, ports: [{number: 80, name: x, protocol: TCP}]")],
      memberships: "in a.example 80>80, in b.example 80>80"),
    Case(
      name: "a port of an entry is named after the pod's",
      others: [entry("workloadSelector: {labels: {app: web}}, ports: [{number: 80, name: web, protocol: TCP}]")],
      memberships: "in a.example 80>8080, in b.example 80>8080"),
    Case(
      name: "if it is not, the entry's target counts",
      others: [
        entry(
          "workloadSelector: {labels: {app: web}}, ports: [{number: 80, name: x, protocol: TCP, targetPort: 81}]")
      ], memberships: "in a.example 80>81, in b.example 80>81"),
    Case(name: "an entry without a selector", others: [entry("ports: []")], memberships: ""),
  ]
}
