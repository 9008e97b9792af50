// SPDX-License-Identifier: Apache-2.0
// Lists, and policies that cannot be read: the one loses nothing, the other closes what it would have guarded.

import Format
import Mesh
import Testing

@testable import World

@Suite struct DecoderListTests {
  @Test func aListIsItsItems() throws {
    let scene = try DecoderScene(
      """
      apiVersion: v1
      kind: List
      metadata: {resourceVersion: ""}
      items:
        - {apiVersion: v1, kind: Namespace, metadata: {name: a}}
        - {apiVersion: v1, kind: Secret, metadata: {name: s}}
        - {apiVersion: v1, kind: Servise, metadata: {name: b}}
        - apiVersion: v1
          kind: PodList
          items:
            - {apiVersion: v1, kind: Pod, metadata: {name: c}}
        - nonsense
        - {apiVersion: v1, kind: Pod, metadata: {name: d}}
      """)
    #expect(scene.decoded.objects.map { "\($0.key)" } == ["Namespace a", "Pod default/c", "Pod default/d"])
    #expect(
      scene.complaints == [
        "7:22: error: kind: there is no kind `Servise` (did you mean `Service`?) [unknown-kind]",
        "12:5: error: this is no Kubernetes object, but a text [not-an-object]",
      ])
    #expect(scene.decoded.objects[1].meta.spot.line == 11)
  }

  @Test func anEmptyListIsNothing() throws {
    let scene = try DecoderScene("{\"apiVersion\": \"v1\", \"items\": [], \"kind\": \"List\"}")
    #expect(scene.decoded.objects.isEmpty && scene.complaints.isEmpty)
  }

  @Test func listsWithinListsEnd() throws {
    let pod = "{apiVersion: v1, kind: Pod, metadata: {name: a}}"
    func within(_ count: Int) -> String {
      (0..<count).reduce(pod) { text, _ in "{apiVersion: v1, kind: List, items: [\(text)]}" }
    }
    #expect(try DecoderScene(within(4)).decoded.objects.count == 1)
    let deeper = try DecoderScene(within(5))
    #expect(deeper.decoded.objects.isEmpty && deeper.decoded.problems.map(\.code) == ["unknown-kind"])
  }

  @Test func oneBadObjectIsNotTheOthers() throws {
    let scene = try DecoderScene(
      "apiVersion: v1\nkind: Pod\nmetadata: {name: a}\n---\napiVersion: v1\nkind: Pod\nmetadata: {nmae: b}\n---\n"
        + "apiVersion: v1\nkind: Pod\nmetadata: {name: c}\n")
    #expect(scene.decoded.objects.map(\.meta.name) == ["a", "c"])
    // A pod without a name cannot be looked up again.
    #expect(scene.decoded.refused.isEmpty)
  }
}

@Suite struct DecoderClosedTests {
  /// Pods a and b of the namespace shop.
  static let pods = ["a", "b"].enumerated().map { index, name in
    """
    ---
    apiVersion: v1
    kind: Pod
    metadata:
      name: \(name)
      namespace: shop
      annotations: {ambient.istio.io/redirection: enabled}
    status: {podIP: 10.0.0.\(index + 1)}

    """
  }.joined()

  struct Case: Sendable, CustomTestStringConvertible {
    let policy: String
    /// What an identity gets, and what plaintext gets.
    let tunnel: Reason?
    let plaintext: Reason?
    var testDescription: String { policy }
  }

  @Test(arguments: [
    Case(
      policy: "apiVersion: security.istio.io/v1\nkind: AuthorizationPolicy\nmetadata: {name: p, namespace: shop}\n"
        + "spec: {rules: [{from: [{source: {principal: [x]}}]}]}",
      tunnel: .denied, plaintext: .denied),
    Case(
      policy: "apiVersion: security.istio.io/v2\nkind: AuthorizationPolicy\nmetadata: {name: p, namespace: shop}\n",
      tunnel: .denied, plaintext: .denied),
    Case(
      policy: "apiVersion: secruity.istio.io/v1\nkind: AuthorizationPolicy\nmetadata: {name: p, namespace: shop}\n",
      tunnel: .denied, plaintext: .denied),
    Case(
      policy: "kind: AuthorizationPolicy\nmetadata: {name: p, namespace: shop}\n",
      tunnel: .denied, plaintext: .denied),
    Case(
      policy: "apiVersion: security.istio.io/v1\nkind: AuthorizationPolicy\nmetadata: {name: 5, namespace: shop}\n",
      tunnel: .denied, plaintext: .denied),
    Case(
      policy:
        "apiVersion: security.istio.io/v1\nkind: AuthorizationPolicy\nmetadata: {name: p, namespace: istio-system}\n"
        + "spec: []",
      tunnel: .denied, plaintext: .denied),
    Case(
      policy: "apiVersion: security.istio.io/v1\nkind: PeerAuthentication\nmetadata: {name: p, namespace: shop}\n"
        + "spec: {mtls: {mode: STRIKT}}",
      tunnel: nil, plaintext: .denied),
    Case(
      policy: "apiVersion: security.istio.io/v1\nkind: PeerAuthentication\nmetadata: {namespace: shop}\n",
      tunnel: nil, plaintext: .denied),
    // What is somebody else's says nothing about this namespace.
    Case(
      policy:
        "apiVersion: security.istio.io/v1\nkind: AuthorizationPolicy\nmetadata: {name: p, namespace: bank}\nspec: []",
      tunnel: nil, plaintext: nil),
    Case(
      policy:
        "apiVersion: policy.linkerd.io/v1alpha1\nkind: AuthorizationPolicy\nmetadata: {name: p, namespace: shop}\n",
      tunnel: nil, plaintext: nil),
  ])
  func aPolicyThatCannotBeReadIsClosed(_ c: Case) throws {
    let text = Array((c.policy + "\n" + Self.pods).utf8)
    var mesh = try ManifestMesh([])
    _ = mesh.load("t.yaml", try YAML.documents(in: text.span, file: "t.yaml"))
    let world = mesh.snapshot
    let client = try #require(world.workload(uid: "Kubernetes//Pod/shop/a"))
    let server = try #require(world.workload(uid: "Kubernetes//Pod/shop/b"))
    let source = try #require(client.addresses.first)
    let destination = Endpoint(try #require(server.addresses.first), port: 80)
    for (identity, reason) in [(client.identity, c.tunnel), (nil, c.plaintext)] {
      let connection = Connection(from: source, to: destination, identity: identity)
      #expect(world.authorize(connection, to: server).refusal == reason)
    }
  }

  @Test func policiesWithoutNamesAreToldApart() throws {
    let one = "apiVersion: security.istio.io/v1\nkind: AuthorizationPolicy\nmetadata: {namespace: shop}\n"
    let scene = try DecoderScene(one + "---\n" + one)
    #expect(scene.decoded.refused.map(\.name) == ["t.yaml:2", "t.yaml:6"])
  }
}
