// SPDX-License-Identifier: Apache-2.0
// One edit for each way in which one object can matter to another, there and back. What chance may miss is here.

import Testing

@testable import World

@Suite struct IncrementalStepsTests {
  struct Case: Sendable, CustomTestStringConvertible {
    let name: String
    /// What is there.
    let given: [String]
    /// What is then put; the same again as it was before, or away when it was not there.
    let edit: String
    /// Who has to be looked at again, besides what was edited.
    let dependants: [String]
    var settings = Settings()
    var testDescription: String { name }
  }

  @Test(arguments: places + services + slices + entries + networks + policies + peers + gateways)
  func isFollowed(_ c: Case) throws {
    let given = try IncrementalTests.objects(c.given)
    let edited = try IncrementalTests.objects([c.edit])
    var twin = IncrementalTwin(given, settings: c.settings)
    twin.apply(edited.map { .put($0) })
    #expect(twin.differences == [], "there")
    #expect(twin.projected == c.dependants.count + 1, "too many, or too few, were looked at")
    for object in edited {
      let old = given.first { $0.key == object.key }
      twin.apply([old.map { .put($0) } ?? .remove(object.key)])
    }
    #expect(twin.differences == [], "and back")
    #expect(twin.projected == c.dependants.count + 1, "too many, or too few, were looked at on the way back")
    // The case is worth something: the dependants, looked at before the edit, are not what they are after it.
    var before = Translator(settings: c.settings)
    _ = before.apply(given.map { .put($0) })
    var after = before
    _ = after.apply(edited.map { .put($0) })
    for name in c.dependants {
      let key = try #require(given.first { "\($0.key)" == name }?.key)
      #expect(before.means(key) != after.means(key), "\(name) does not depend on the edit")
    }
  }

  @Test func whoIsGoneIsNotLookedAt() throws {
    let objects = try IncrementalTests.objects([
      Self.pod(), Self.pod("shop/web-2"), Self.vm, Self.alone, Self.slice, Self.entry("bank/e"),
    ])
    var twin = IncrementalTwin(objects)
    twin.apply(objects.map { .remove($0.key) })
    twin.apply(try IncrementalTests.objects([Self.pod("shop/web-2", ["app": "api"], node: "n2")]).map { .put($0) })
    for edit in [
      Self.web, Self.alone, Self.slice, Self.entry("shop/e", more: Self.selecting), Self.policy("shop/p", "app: web"),
      kube(.node, "n1", labels: [Label.zone: "a"]),
    ] {
      twin.apply(try IncrementalTests.objects([edit]).map { .put($0) })
      #expect(twin.projected == (edit == Self.slice ? 2 : 1), "\(edit)")
    }
    #expect(twin.differences == [])
  }

  static func pod(_ name: String = "shop/web-1", _ labels: [String: String] = [:], node: String = "n1") -> String {
    podYAML(
      name, at: "10.1.0.1", labels: labels.merging(["app": "web"]) { one, _ in one },
      annotations: [Label.netns: "/x"], spec: "nodeName: \(node)")
  }
  static let vm = kube(.workloadEntry, "shop/vm", labels: ["app": "web"], "spec: {address: 10.1.0.2}")
  static let web = kube(.service, "shop/web", "spec: {clusterIP: 10.9.0.1, selector: {app: web}, ports: [{port: 80}]}")
  static func entry(_ name: String, created: Int = 0, host: String = "a.example", more: String = "") -> String {
    kube(.serviceEntry, name, created: created, "spec: {hosts: [\(host)], resolution: STATIC\(more)}")
  }
  static let selecting = ", workloadSelector: {labels: {app: web}}"
  static let wp = [Label.useWaypoint: "wp"]
  static let bound = kube(.service, "shop/web", labels: wp)
  static let canary = wp.merging([Label.canary: "new"]) { $1 }
  static var hiding: Settings {
    var settings = Settings()
    settings.serviceEntryVisibility = [.init(labels: ["team": "a"], .ownNamespace)]
    return settings
  }

  static func moves(_ label: String) -> Case {
    Case(
      name: "a node has another \(label): its pods", given: [pod(), pod("shop/web-2", node: "n2"), vm],
      edit: kube(.node, "n1", labels: [label: "a"]), dependants: ["Pod shop/web-1"])
  }

  static let places: [Case] = [
    Case(
      name: "a namespace asks for a waypoint: all that has one",
      given: [
        pod(), vm, web, entry("shop/e"), gatewayYAML("shop/wp", for: "all"), pod("bank/web-1"),
        kube(.peerAuthentication, "shop/p"),
      ],
      edit: kube(.namespace, "shop", labels: wp),
      dependants: ["Pod shop/web-1", "WorkloadEntry shop/vm", "Service shop/web", "ServiceEntry shop/e"]),
    Case(
      name: "a namespace asks for its pods", given: [pod()],
      edit: kube(.namespace, "shop", labels: [Label.dataplaneMode: "ambient"]), dependants: ["Pod shop/web-1"]),
    Case(
      name: "a namespace prefers what is close", given: [web, kube(.namespace, "shop")],
      edit: kube(.namespace, "shop", annotations: [Label.distribution: "PreferClose"]),
      dependants: ["Service shop/web"]),
    Case(
      name: "a namespace hides its entries: others are meant by their hosts",
      given: [entry("shop/e"), entry("bank/f", created: 1)], edit: kube(.namespace, "shop", labels: ["team": "a"]),
      dependants: ["ServiceEntry shop/e", "ServiceEntry bank/f"], settings: hiding),
    Case(
      name: "a namespace says what it said", given: [pod(), kube(.namespace, "shop")], edit: kube(.namespace, "shop"),
      dependants: []),
    moves(Label.region), moves(Label.zone), moves(Label.subzone),
    Case(
      name: "a node has a label that says nothing of its place", given: [pod(), kube(.node, "n1")],
      edit: kube(.node, "n1", labels: ["a": "b"]), dependants: []),
    Case(
      name: "a namespace has an annotation that says nothing", given: [pod(), web, kube(.namespace, "shop")],
      edit: kube(.namespace, "shop", annotations: ["a": "b"]), dependants: []),
    Case(
      name: "a namespace gives its canary another share",
      given: [
        kube(.service, "shop/web"), gatewayYAML("shop/wp"), gatewayYAML("shop/new"),
        kube(.namespace, "shop", labels: canary),
      ],
      edit: kube(.namespace, "shop", labels: canary, annotations: [Label.canaryWeight: "10"]),
      dependants: ["Service shop/web"]),
    Case(name: "an account", given: [pod()], edit: kube(.serviceAccount, "shop/web"), dependants: []),
  ]

  static let services: [Case] = [
    Case(
      name: "a service comes: whom it selects",
      given: [pod(), vm, pod("shop/api-1", ["app": "api"]), pod("bank/web-1")],
      edit: web, dependants: ["Pod shop/web-1", "WorkloadEntry shop/vm"]),
    Case(
      name: "a service has other ports: whom it selects", given: [pod(), web],
      edit: kube(.service, "shop/web", "spec: {clusterIP: 10.9.0.1, selector: {app: web}, ports: [{port: 81}]}"),
      dependants: ["Pod shop/web-1"]),
    Case(
      name: "a service selects others: those, and those before",
      given: [pod(), pod("shop/api-1", ["app": "api"]), web],
      edit: kube(.service, "shop/web", "spec: {clusterIP: 10.9.0.1, selector: {app: api}, ports: [{port: 80}]}"),
      dependants: ["Pod shop/web-1", "Pod shop/api-1"]),
    Case(
      name: "a service becomes an alias: whom it selected", given: [pod(), web],
      edit: kube(
        .service, "shop/web", "spec: {type: ExternalName, externalName: x, selector: {app: web}, ports: [{port: 80}]}"),
      dependants: ["Pod shop/web-1"]),
    Case(
      name: "a service has another address: nobody", given: [pod(), vm, web],
      edit: kube(.service, "shop/web", "spec: {clusterIP: 10.9.0.2, selector: {app: web}, ports: [{port: 80}]}"),
      dependants: []),
    Case(
      name: "a service comes whose name an entry has: that, and whom it selects",
      given: [entry("shop/e", host: "db.shop.svc.cluster.local", more: selecting), pod()],
      edit: kube(.service, "shop/db"), dependants: ["ServiceEntry shop/e", "Pod shop/web-1"]),
    Case(
      name: "a service comes whose name an entry elsewhere has",
      given: [entry("bank/e", host: "db.shop.svc.cluster.local")],
      edit: kube(.service, "shop/db"), dependants: ["ServiceEntry bank/e"]),
  ]

  static let slice = kube(
    .endpointSlice, "shop/s", labels: ["kubernetes.io/service-name": "alone"],
    """
    addressType: IPv4, ports: [{name: a, port: 8080}],
      endpoints: [{addresses: [1.1.1.1]}, {addresses: [10.1.0.1], targetRef: {kind: Pod, name: web-1}}]
    """)
  static let alone = kube(.service, "shop/alone", "spec: {ports: [{name: a, port: 80}]}")
  static let slices: [Case] = [
    Case(
      name: "a slice comes: the pods it names", given: [pod(), pod("shop/web-2"), alone], edit: slice,
      dependants: ["Pod shop/web-1"]),
    Case(
      name: "a slice names another: that, and the one before", given: [pod(), pod("shop/web-2"), alone, slice],
      edit: slice.replacing("name: web-1", with: "name: web-2"), dependants: ["Pod shop/web-1", "Pod shop/web-2"]),
    Case(
      name: "a slice says who is ready: nobody", given: [pod(), alone, slice],
      edit: slice.replacing("{addresses: [10.1.0.1], ", with: "{addresses: [10.1.0.1], conditions: {ready: false}, "),
      dependants: []),
    Case(
      name: "a slice names another pod of the same name",
      given: [podYAML("shop/web-1", at: "10.1.0.1", meta: "uid: a"), alone, slice],
      edit: slice.replacing("name: web-1", with: "name: web-1, uid: b"), dependants: ["Pod shop/web-1"]),
    Case(
      name: "a slice of a service with a selector: nobody",
      given: [pod(), kube(.service, "shop/alone", "spec: {selector: {app: web}, ports: [{port: 80}]}")], edit: slice,
      dependants: []),
    Case(
      name: "a slice is for another service",
      given: [pod(), alone, kube(.service, "shop/other", "spec: {ports: [{name: a, port: 80}]}"), slice],
      edit: slice.replacing("alone", with: "other"), dependants: ["Pod shop/web-1"]),
    Case(
      name: "a service looks at its pods now: its slices, the pods they name, and whom it selects",
      given: [pod("shop/web-1", ["app": "api"]), pod("shop/web-2"), slice, alone],
      edit: kube(.service, "shop/alone", "spec: {selector: {app: web}, ports: [{name: b, port: 80}]}"),
      dependants: ["EndpointSlice shop/s", "Pod shop/web-1", "Pod shop/web-2"]),
    Case(
      name: "a service comes that has slices: those, and the pods they name", given: [pod(), slice], edit: alone,
      dependants: ["EndpointSlice shop/s", "Pod shop/web-1"]),
  ]

  static let entries: [Case] = [
    Case(
      name: "an entry comes: whom it selects", given: [pod(), vm, pod("bank/web-1")],
      edit: entry("shop/e", more: selecting), dependants: ["Pod shop/web-1", "WorkloadEntry shop/vm"]),
    Case(
      name: "an entry has another address: nobody", given: [pod(), entry("shop/e", more: selecting)],
      edit: entry("shop/e", more: selecting + ", addresses: [10.0.0.1]"), dependants: []),
    Case(
      name: "an entry has other ports: whom it selects", given: [pod(), entry("shop/e", more: selecting)],
      edit: entry("shop/e", more: selecting + ", ports: [{number: 80, name: x, protocol: TCP}]"),
      dependants: ["Pod shop/web-1"]),
    Case(
      name: "an entry has another host: whom it selects, and who had that",
      given: [pod(), entry("shop/e", more: selecting), entry("bank/f", created: 2, host: "b.example")],
      edit: entry("shop/e", host: "b.example", more: selecting),
      dependants: ["Pod shop/web-1", "ServiceEntry bank/f"]),
    Case(
      name: "an entry selects others: those, and those before",
      given: [pod(), pod("shop/api-1", ["app": "api"]), entry("shop/e", more: selecting)],
      edit: entry("shop/e", more: selecting.replacing("web", with: "api")),
      dependants: ["Pod shop/web-1", "Pod shop/api-1"]),
    Case(
      name: "an entry is older than it was: whoever was before it",
      given: [pod(), entry("shop/e", created: 3, more: selecting), entry("shop/f", created: 2)],
      edit: entry("shop/e", created: 1, more: selecting), dependants: ["Pod shop/web-1", "ServiceEntry shop/f"]),
    Case(
      name: "an older entry comes: the one that was believed, and whom it selects",
      given: [pod(), entry("shop/f", created: 2, more: selecting)], edit: entry("shop/e", created: 1),
      dependants: ["ServiceEntry shop/f", "Pod shop/web-1"]),
    Case(
      name: "an older entry comes elsewhere: the one that was meant",
      given: [pod(), entry("shop/f", created: 2, more: selecting)],
      edit: entry("bank/e", created: 1), dependants: ["ServiceEntry shop/f"]),
  ]

  static let far = [Label.network: "far"]
  static let global = kube(.service, "shop/web", labels: [Label.global: "true"], "spec: {selector: {app: web}}")
  static let networks: [Case] = [
    Case(
      name: "a pod comes elsewhere: global services", given: [global, kube(.service, "shop/near")],
      edit: pod("shop/web-1", far), dependants: ["Service shop/web"]),
    Case(
      name: "an entry moves elsewhere: global services", given: [global, vm],
      edit: kube(.workloadEntry, "shop/vm", labels: ["app": "web"], "spec: {address: 10.1.0.2, network: far}"),
      dependants: ["Service shop/web"]),
    Case(name: "a pod comes here", given: [global], edit: pod(), dependants: []),
    Case(
      name: "a gateway comes: workloads behind it",
      given: [
        pod("shop/web-1", far), pod("shop/web-2", [Label.network: "farther"]), pod("shop/web-3"), vm,
        kube(.workloadEntry, "bank/vm", "spec: {address: 10.1.0.3, network: far}"),
        kube(.workloadEntry, "bank/wm", "spec: {address: 10.1.0.3, labels: {\(Label.network): far}}"),
        entry("bank/e", more: ", endpoints: [{address: 1.1.1.1, network: far}]"),
        entry("bank/f", host: "b.example", more: ", endpoints: [{address: 1.1.1.1, labels: {\(Label.network): far}}]"),
        entry("bank/g", host: "c.example", more: ", endpoints: [{address: 1.1.1.1}]"),
        kube(
          .serviceEntry, "bank/h", labels: far,
          "spec: {hosts: [d.example], resolution: STATIC, endpoints: [{address: 1.1.1.1}]}"),
      ],
      edit: gatewayYAML("infra/far", labels: far),
      dependants: [
        "Pod shop/web-1", "WorkloadEntry bank/vm", "WorkloadEntry bank/wm", "ServiceEntry bank/e",
        "ServiceEntry bank/f",
        "ServiceEntry bank/h",
      ]),
    Case(
      name: "a gateway leads elsewhere: workloads behind it, and those before",
      given: [
        pod("shop/web-1", far), pod("shop/web-2", [Label.network: "farther"]), gatewayYAML("infra/far", labels: far),
      ],
      edit: gatewayYAML("infra/far", labels: [Label.network: "farther"]),
      dependants: ["Pod shop/web-1", "Pod shop/web-2"]),
  ]
}
