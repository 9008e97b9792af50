// SPDX-License-Identifier: Apache-2.0
// Who is believed about a name: within a namespace one, across namespaces the canonical one; and who can see it at all.

import Testing

@testable import Mesh
@testable import World

@Suite struct ServicesClaimsTests {
  static func entry(
    _ name: String, host: String = "a.example", at address: String, created: Int = 0, more: String = ""
  ) -> String {
    kube(
      .serviceEntry, name, created: created,
      "spec: {hosts: [\(host)], addresses: [\(address)], resolution: STATIC\(more)}")
  }

  static func visible(_ rules: (String, Settings.VisibilityRule.Visibility)...) -> Settings {
    var settings = Settings()
    settings.serviceEntryVisibility = rules.map { name, visibility in
      Settings.VisibilityRule(labels: name.isEmpty ? [:] : ["kubernetes.io/metadata.name": name], visibility)
    }
    return settings
  }

  @Test func withinANamespaceTheOldestEntryIsBelieved() throws {
    var scene = try WorldScene.drawn([
      Self.entry("shop/new", at: "10.0.0.1", created: 2), Self.entry("shop/old", at: "10.0.0.2", created: 1),
    ])
    #expect(scene.services == ["shop/a.example": "at 10.0.0.2, canonical"])
    try scene.load(Self.entry("shop/new", at: "10.0.0.1", created: 2))
    #expect(scene.services == ["shop/a.example": "at 10.0.0.1, canonical"])
  }

  @Test func ofEntriesOfOneAgeTheFirstByName() throws {
    let scene = try WorldScene.drawn([Self.entry("shop/b", at: "10.0.0.2"), Self.entry("shop/a", at: "10.0.0.1")])
    #expect(scene.services == ["shop/a.example": "at 10.0.0.1, canonical"])
  }

  @Test func aServiceIsBelievedBeforeAnOlderEntry() throws {
    let host = "web.shop.svc.cluster.local"
    let service = kube(.service, "shop/web", created: 9, "spec: {clusterIP: 10.9.0.1}")
    var scene = try WorldScene.drawn([Self.entry("shop/e", host: host, at: "10.0.0.1"), service])
    #expect(scene.services == ["shop/\(host)": "at 10.9.0.1, canonical"])
    try scene.load(Self.entry("shop/e", host: host, at: "10.0.0.1"))
    #expect(scene.services == ["shop/\(host)": "at 10.0.0.1, canonical"])
  }

  @Test func whoIsNotBelievedHasNoEndpoints() throws {
    let host = "web.shop.svc.cluster.local"
    let loser = Self.entry(
      "shop/e", host: host, at: "10.0.0.1",
      more: ", ports: [{number: 80, name: x, protocol: TCP}], endpoints: [{address: 1.1.1.1}]")
    let picker = Self.entry(
      "shop/f", host: host, at: "10.0.0.2", created: 3,
      more: ", ports: [{number: 80, name: x, protocol: TCP}], workloadSelector: {labels: {app: web}}")
    let service = kube(.service, "shop/web", created: 9, "spec: {selector: {app: api}, ports: [{port: 80}]}")
    let pod = podYAML("shop/web-1", at: "10.1.0.1", labels: ["app": "web"])
    var scene = try WorldScene.drawn([loser, picker, service, pod])
    #expect(scene.workloads == ["//Pod/shop/web-1": "at 10.1.0.1, known as web@latest"])
    // Without the Service the older entry is believed, and then the other one.
    try scene.load(loser + picker + pod)
    let listed = "/networking.istio.io/ServiceEntry/shop/e/1.1.1.1"
    #expect(scene.workloads[listed] == "at 1.1.1.1, in \(host) 80>80")
    #expect(scene.workloads["//Pod/shop/web-1"] == "at 10.1.0.1, known as web@latest")
    try scene.load(picker + pod)
    #expect(scene.workloads == ["//Pod/shop/web-1": "at 10.1.0.1, in \(host) 80>80, known as web@latest"])
  }

  @Test func anEntryMayLoseOneHostAndKeepAnother() throws {
    let scene = try WorldScene.drawn([
      Self.entry("shop/old", at: "10.0.0.1", created: 1),
      Self.entry(
        "shop/new", host: "a.example, b.example", at: "10.0.0.2", created: 2, more: ", endpoints: [{address: 1.1.1.1}]"),
    ])
    #expect(scene.services == ["shop/a.example": "at 10.0.0.1, canonical", "shop/b.example": "at 10.0.0.2, canonical"])
    #expect(Array(scene.workloads.values) == ["at 1.1.1.1, in b.example"])
  }

  @Test func acrossNamespacesTheOldestEntryIsMeant() throws {
    let scene = try WorldScene.drawn([
      Self.entry("a/e", at: "10.0.0.1", created: 2), Self.entry("b/e", at: "10.0.0.2", created: 1),
      Self.entry("c/e", at: "10.0.0.3", created: 3),
    ])
    #expect(
      scene.services == [
        "a/a.example": "at 10.0.0.1", "b/a.example": "at 10.0.0.2, canonical", "c/a.example": "at 10.0.0.3",
      ])
    #expect(scene.world.service(host: "a.example", for: "shop")?.name.namespace == "b")
    #expect(scene.world.service(host: "a.example", for: "c")?.name.namespace == "c")
  }

  @Test func acrossNamespacesAServiceIsMeant() throws {
    let host = "web.shop.svc.cluster.local"
    let scene = try WorldScene.drawn([
      Self.entry("a/e", host: host, at: "10.0.0.1"),
      kube(.service, "shop/web", created: 9, "spec: {clusterIP: 10.9.0.1}"),
    ])
    #expect(scene.services == ["a/\(host)": "at 10.0.0.1", "shop/\(host)": "at 10.9.0.1, canonical"])
  }

  @Test func anAliasTakesNobodysName() throws {
    let host = "web.shop.svc.cluster.local"
    let scene = try WorldScene.drawn([
      Self.entry("a/e", host: host, at: "10.0.0.1", more: ", endpoints: [{address: 1.1.1.1}]"),
      Self.entry("shop/e", host: host, at: "10.0.0.2", created: 1, more: ", endpoints: [{address: 1.1.1.2}]"),
      kube(.service, "shop/web", "spec: {type: ExternalName, externalName: web.example, selector: {app: web}}"),
      podYAML("shop/web-1", at: "10.1.0.1", labels: ["app": "web"]),
      kube(.workloadEntry, "shop/vm", labels: ["app": "web"], "spec: {address: 10.1.0.2}"),
    ])
    #expect(scene.services == ["a/\(host)": "at 10.0.0.1, canonical", "shop/\(host)": "at 10.0.0.2"])
    #expect(scene.workloads.values.filter { $0.contains("in web.shop") }.count == 2, "only the listed ones")
  }

  @Test func aPrivateEntryIsNeverMeantElsewhere() throws {
    let scene = try WorldScene.drawn(
      [Self.entry("a/e", at: "10.0.0.1", created: 1), Self.entry("b/e", at: "10.0.0.2", created: 2)],
      settings: Self.visible(("a", .ownNamespace)))
    #expect(scene.services == ["a/a.example": "at 10.0.0.1, private", "b/a.example": "at 10.0.0.2, canonical"])
    #expect(scene.world.service(host: "a.example", for: "shop")?.name.namespace == "b")
    #expect(scene.told(.serviceEntry, "a/e") == ["VisibilityApplied=True Namespace"])
    #expect(scene.told(.serviceEntry, "b/e") == ["VisibilityApplied=True Public"])
  }

  @Test func anEntryNobodyCanSeeIsNotThere() throws {
    let more = ", ports: [{number: 80, name: x, protocol: TCP}], workloadSelector: {labels: {app: web}}"
    let scene = try WorldScene.drawn(
      [
        Self.entry("a/e", at: "10.0.0.1", created: 1, more: more),
        Self.entry("a/f", host: "b.example", at: "10.0.0.3", more: ", endpoints: [{address: 1.1.1.1}]"),
        Self.entry("b/e", at: "10.0.0.2", created: 2), podYAML("a/web-1", at: "10.1.0.1", labels: ["app": "web"]),
      ], settings: Self.visible(("a", .nobody)))
    #expect(scene.services == ["b/a.example": "at 10.0.0.2, canonical"])
    #expect(scene.workloads == ["//Pod/a/web-1": "at 10.1.0.1, known as web@latest"])
    #expect(scene.told(.serviceEntry, "a/e") == ["VisibilityApplied=True NotPublished"])
  }

  @Test func theFirstRuleThatSpeaksOfANamespaceCounts() throws {
    let scene = try WorldScene.drawn(
      [Self.entry("a/e", at: "10.0.0.1"), Self.entry("b/e", host: "b.example", at: "10.0.0.2")],
      settings: Self.visible(("a", .everyone), ("", .ownNamespace)))
    #expect(scene.services == ["a/a.example": "at 10.0.0.1, canonical", "b/b.example": "at 10.0.0.2, private"])
  }

  @Test func withoutRulesNobodyIsToldOfVisibility() throws {
    let scene = try WorldScene.drawn([Self.entry("a/e", at: "10.0.0.1")])
    #expect(scene.told(.serviceEntry, "a/e") == [])
  }
}
