// SPDX-License-Identifier: Apache-2.0
// What follows edits ends where a fresh build ends. This is what holds Dependants.swift: it may name too many objects, and
// a test of its own counts them; it must never name too few.

import Format
import Testing

@testable import Mesh
@testable import World

@Suite struct IncrementalTests {
  static let historiesPerPart = 250

  /// Settings under which different things are looked at.
  static var settings: [Settings] {
    var other = Settings()
    (other.revision, other.network, other.bypassesMissingWaypoint) = ("new", "near", true)
    other.serviceEntryVisibility = [
      .init(labels: ["team": "a"], .ownNamespace), .init(labels: ["team": "b"], .nobody),
    ]
    return [Settings(), other]
  }

  @Test(arguments: 0..<8)
  func endsWhereAFreshBuildEnds(part: Int) throws {
    let shop = try Self.shop() + Self.objects(Self.beyond)
    for history in 0..<Self.historiesPerPart {
      let seed = UInt64(part * Self.historiesPerPart + history)
      var chance = IncrementalEdits(seed: seed + 1)
      var twin = IncrementalTwin(shop, settings: Self.settings[history % 2])
      for _ in 0..<chance.number(1...6) { twin.apply(chance.edits(of: twin.objects, atMost: 3)) }
      let differences = twin.differences
      guard differences.isEmpty else {
        Issue.record("history \(seed): \(differences.prefix(6).joined(separator: "\n"))")
        return
      }
    }
  }

  /// What the sample has nothing of, so that edits meet it, too.
  static let beyond = [
    kube(.namespace, "bank", labels: ["team": "a"]), kube(.node, "node-3"),
    kube(.service, "shop/far", labels: [Label.global: "true"], "spec: {selector: {app: web}, ports: [{port: 80}]}"),
    kube(.service, "shop/alone", "spec: {ports: [{name: http, port: 80}]}"),
    kube(
      .endpointSlice, "shop/alone", labels: ["kubernetes.io/service-name": "alone"],
      "addressType: IPv4, endpoints: [{addresses: [10.244.1.1], targetRef: {kind: Pod, name: web-1}}, {addresses: [1.1.1.1]}]"
    ),
    podYAML("shop/a", at: "10.244.1.5", labels: ["app": "web", Label.network: "far"]),
    kube(.workloadEntry, "bank/a", labels: ["app": "cart"], "spec: {address: 10.244.1.6, network: far}"),
    gatewayYAML("bank/other", for: "all", from: "from: All", labels: [Label.network: "far"]),
    kube(.gatewayClass, "istio-waypoint", "spec: {controllerName: x}"),
    kube(
      .serviceEntry, "bank/a", created: 1,
      "spec: {hosts: [api.bank.example], resolution: STATIC, workloadSelector: {labels: {app: cart}}}"),
    kube(.peerAuthentication, "istio-system/a", "spec: {mtls: {mode: PERMISSIVE}}"),
    kube(.authorizationPolicy, "istio-system/a", "spec: {selector: {matchLabels: {app: cart}}}"),
  ]

  /// The objects of documents.
  static func objects(_ documents: [String]) throws -> [Object] {
    let bytes = Array(documents.joined().utf8)
    let decoded = Decoder.decode(try YAML.documents(in: bytes.span, file: "t.yaml"), file: "t.yaml")
    #expect(decoded.problems == [], "the objects themselves are wrong")
    return decoded.objects
  }

  /// The objects of the sample mesh.
  static func shop() throws -> [Object] {
    let root = #filePath.split(separator: "/").dropLast(3).joined(separator: "/")
    var folder = try Folder(["/\(root)/Deploy/samples/shop"])
    var objects: [Object] = []
    for change in folder.refresh(nil) {
      guard case .loaded(let file) = change else { continue }
      let decoded = Decoder.decode(file.documents, file: file.path)
      #expect(decoded.problems == [])
      objects += decoded.objects
    }
    #expect(objects.count > 20, "the sample is not where it was")
    return objects
  }
}
