// SPDX-License-Identifier: Apache-2.0
// Explain through the real binary: what a person reads, what a program reads, and what it ends with.

import Foundation
import Testing

@Suite struct ExplainTests {
  /// What the sample does not have: a service without an address, endpoints that are not ready, a port of its own.
  static let more = """
    apiVersion: v1
    kind: Service
    metadata: {name: peers, namespace: shop}
    spec: {clusterIP: None, selector: {app: cart}, ports: [{port: 8080}]}
    ---
    apiVersion: v1
    kind: Service
    metadata: {name: ghost, namespace: shop}
    spec: {clusterIP: None, selector: {app: ghost}, ports: [{port: 80}]}
    ---
    apiVersion: v1
    kind: Service
    metadata: {name: sick, namespace: shop}
    spec: {clusterIP: 10.96.7.7, selector: {app: sick}, ports: [{port: 80, targetPort: 8080}]}
    ---
    apiVersion: v1
    kind: Service
    metadata: {name: lazy, namespace: shop}
    spec: {clusterIP: None, selector: {app: sick}, ports: [{port: 80, targetPort: 8080}]}
    ---
    apiVersion: v1
    kind: Pod
    metadata: {name: sick-1, namespace: shop, labels: {app: sick}, annotations: {ambient.istio.io/redirection: enabled}}
    spec: {nodeName: node-1}
    status: {podIPs: [{ip: 10.244.9.9}], conditions: [{type: Ready, status: "False"}]}
    ---
    apiVersion: security.istio.io/v1
    kind: PeerAuthentication
    metadata: {name: web, namespace: shop}
    spec:
      selector: {matchLabels: {app: web}}
      mtls: {mode: PERMISSIVE}
      portLevelMtls: {8080: {mode: STRICT}}
    ---
    apiVersion: security.istio.io/v1
    kind: AuthorizationPolicy
    metadata: {name: sick, namespace: shop}
    spec:
      selector: {matchLabels: {app: sick}}
      rules:
        - to: [{operation: {methods: [GET]}}]
        - from: [{source: {principals: [cluster.local/ns/shop/sa/web]}}]
    ---
    apiVersion: v1
    kind: Service
    metadata: {name: lost, namespace: shop, labels: {istio.io/use-waypoint: gone}}
    spec: {clusterIP: 10.96.8.9, selector: {app: cart}, ports: [{port: 80, targetPort: 8080}]}

    """

  private func explain(_ arguments: [String], _ text: String = Self.more) throws -> Outcome {
    let scratch = try Scratch(["more.yaml": text])
    try FileManager.default.createSymbolicLink(
      atPath: scratch.url.path + "/shop", withDestinationPath: Tool.shop)
    return try Tool.skeinctl(["explain", "-f", "shop", "-f", "more.yaml"] + arguments, in: scratch)
  }

  struct Case: Sendable, CustomTestStringConvertible {
    let from: String
    let to: String
    var flags: [String] = []
    let status: Int32
    /// Lines that have to be there, and the last one.
    let says: [String]
    let ends: String
    var testDescription: String { "\(from) to \(to) \(flags.joined(separator: " "))" }
  }

  static let cases = [
    Case(
      from: "shop/web-1", to: "cart:80", status: 0,
      says: [
        "shop/web-1 → cart:80 (10.96.0.11)\n",
        "  route    in a tunnel (HBONE) to shop/cart-2 at 10.244.2.11:15008, which is asked for 10.244.2.11:8080\n",
        "           the address belongs to the service shop/cart.shop.svc.cluster.local\n",
        "           shop/cart-2 was picked, one of its 2 endpoints\n",
        "           port 80 of the service is port 8080 of the endpoint\n",
        "  verdict  allowed\n",
        "           it arrives from 10.244.1.10 at 10.244.2.11:8080, as spiffe://cluster.local/ns/shop/sa/web\n",
        "           shop/cart-from-web allows it, by rule 0 (shop/policies.yaml:23:7)\n",
      ], ends: "allowed"),
    Case(
      from: "shop/web-1", to: "payments:8443", status: 3,
      says: ["  verdict  denied\n", "           those are shop/payments-from-cart (shop/policies.yaml:32:1)\n"],
      ends: "denied: there are policies that allow, and none of them allows this [not_allowed]"),
    Case(
      from: "shop/web-1", to: "database:6379", flags: ["--plaintext"], status: 3,
      says: [
        "shop/web-1 (as if it were not in the mesh) → database:6379 (10.96.0.14)\n",
        "  route    in plaintext to shop/database-1 at 10.244.2.14:6379\n", "in plaintext, without an identity\n",
      ],
      ends: "denied: PeerAuthentication shop/identities-only (shop/policies.yaml:4:1) refuses plaintext [denied]"),
    Case(
      from: "192.0.2.1", to: "web.shop:80", status: 3, says: ["192.0.2.1 (unknown to the mesh) → web.shop:80"],
      ends: "denied: PeerAuthentication shop/web (more.yaml:28:1) refuses plaintext on this port [denied]"),
    Case(
      from: "192.0.2.1", to: "10.244.1.10:9000", status: 0, says: ["           no policy is against it\n"],
      ends: "allowed"),
    Case(
      from: "shop/web-1", to: "catalog:80", status: 0,
      says: [
        "1. shop/web-1 → shop/waypoint-1, the waypoint\n", "2. shop/waypoint-1 → shop/catalog-1\n",
        "  verdict  left to the proxy there\n",
      ], ends: "allowed, unless shop/waypoint-1 refuses it"),
    Case(
      from: "shop/web-1", to: "api.bank.example:443", status: 0, says: ["  verdict  none\n"],
      ends: "allowed, and nobody enforces policy at the other end"),
    Case(
      from: "shop/web-1", to: "8.8.8.8:53", status: 0,
      says: ["  route    unchanged, to 8.8.8.8:53\n           nothing in the mesh has this address\n"],
      ends: "allowed, and nobody enforces policy at the other end"),
    Case(
      from: "shop/web-1", to: "cart:81", status: 4,
      says: ["  route    none\n", "           shop/cart.shop.svc.cluster.local has port 80\n"],
      ends: "no route: no endpoint of the service listens for this port [no_endpoint_port]"),
    Case(
      from: "shop/web-1", to: "sick:80", status: 4, says: ["           not ready: shop/sick-1\n"],
      ends: "no route: the service has endpoints, but none that is healthy and takes traffic [no_healthy_endpoint]"),
    Case(
      from: "shop/web-1", to: "127.0.0.1:15008", status: 4, says: ["  route    none\n"],
      ends: "no route: the destination is a port of the mesh itself [own_port]"),
    Case(
      from: "shop/web-1", to: "peers:8080", status: 0,
      says: [
        "           shop/peers.shop.svc.cluster.local has no address of its own: its name stands for its endpoints, with "
          + "their ports\n"
      ], ends: "allowed"),
    Case(
      from: "shop/web-1", to: "lost:80", status: 4,
      says: [
        "           its traffic has to go through the waypoint shop/gone, which cannot be used: `skeinctl analyze` says why\n"
      ], ends: "no route: traffic has to pass a waypoint that nothing in the mesh answers to [unknown_waypoint]"),
    // The first rule is left out of what connections are judged by, and the second keeps its number.
    Case(
      from: "shop/web-1", to: "10.244.9.9:8080", status: 0,
      says: ["           shop/sick allows it, by rule 1 (more.yaml:42:7)\n"], ends: "allowed"),
  ]

  @Test(arguments: cases)
  func isToldInWords(_ c: Case) throws {
    let outcome = try explain(["--from", c.from, "--to", c.to] + c.flags)
    #expect(outcome.status == c.status, "\(outcome.all)")
    for line in c.says { #expect(outcome.output.contains(line), "\(outcome.all)") }
    #expect(outcome.output.hasSuffix("\n\n\(c.ends)\n"), "\(outcome.all)")
    #expect(outcome.complaints.isEmpty && !outcome.output.contains("\u{1b}"))
  }

  @Test(arguments: cases)
  func isTheSameForPrograms(_ c: Case) throws {
    let outcome = try explain(["--from", c.from, "--to", c.to, "-o", "json"] + c.flags)
    #expect(outcome.status == c.status)
    let json = try JSONSerialization.jsonObject(with: Data(outcome.output.utf8)) as? [String: [String: Any]]
    let (route, verdict) = (try #require(json?["route"]), try #require(json?["verdict"]))
    #expect(json?.count == 2)
    #expect(Set(route.keys) == ["kind", "destination", "authority", "via", "reasons"])
    #expect(Set(verdict.keys) == ["allowed", "code", "policy", "rule", "reasons"])
    #expect(["hbone", "double_hbone", "tcp", "passthrough", "plaintext", "none"].contains(route["kind"] as? String))
    #expect(route["via"] is [String] && route["reasons"] is [String] && verdict["reasons"] is [String])
    #expect(verdict["allowed"] as? Bool == (c.status == 0))
    #expect((verdict["code"] as? String == "ok") == (c.status == 0))
    if c.status != 0, let code = verdict["code"] as? String { #expect(c.ends.hasSuffix("[\(code)]")) }
  }

  @Test func jsonIsWrittenExactlySo() throws {
    let outcome = try explain(["--from", "shop/web-1", "--to", "10.244.9.9:8080", "-o", "json"])
    #expect(
      outcome.output == """
        {
          "route": {
            "kind": "hbone",
            "destination": "10.244.9.9:15008",
            "authority": "10.244.9.9:8080",
            "via": [],
            "reasons": [
              "the address belongs to shop/sick-1"
            ]
          },
          "verdict": {
            "allowed": true,
            "code": "ok",
            "policy": "shop/sick",
            "rule": 1,
            "reasons": [
              "it arrives from 10.244.1.10 at 10.244.9.9:8080, as spiffe://cluster.local/ns/shop/sa/web",
              "shop/sick allows it, by rule 1 (more.yaml:42:7)"
            ]
          }
        }

        """)
  }

  struct Refusal: Sendable, CustomTestStringConvertible {
    var from = "shop/web-1"
    var to = "cart:80"
    let complaint: String
    var testDescription: String { "\(from) to \(to)" }
  }

  @Test(arguments: [
    Refusal(from: "web-1", complaint: "--from: there is no pod or workload `web-1` (did you mean `shop/web-1`?)"),
    Refusal(
      from: "shop/wbe-1", complaint: "--from: there is no pod or workload `shop/wbe-1` (did you mean `shop/web-1`?)"),
    Refusal(
      from: "shop/web",
      complaint: "--from: there is no pod or workload `shop/web` (that is a service; its endpoints are `shop/web-1`)"),
    Refusal(
      from: "shpo/web-1",
      complaint: "--from: there is no pod or workload `shpo/web-1` "
        + "(nothing is in the namespace `shpo`; did you mean `shop/web-1`?)"),
    Refusal(
      from: "somebody",
      complaint: "--from: there is no pod or workload `somebody` (write NAMESPACE/POD, or an IP address)"),
    Refusal(to: "cart", complaint: "--to: `cart` is not HOST:PORT or IP:PORT (did you mean `cart:80`?)"),
    Refusal(to: "cart:http", complaint: "--to: `cart:http` is not HOST:PORT or IP:PORT (did you mean `cart:80`?)"),
    Refusal(
      to: "10.96.0.11", complaint: "--to: `10.96.0.11` is not HOST:PORT or IP:PORT (add a port, as 10.96.0.11:80)"),
    Refusal(
      to: "http://cart:80/",
      complaint: "--to: `http://cart:80/` is not HOST:PORT or IP:PORT (leave out the scheme and the path)"),
    Refusal(to: "crat:80", complaint: "--to: no service in the mesh is called `crat` (did you mean `cart:80`?)"),
    Refusal(
      to: "cart.shpo:80", complaint: "--to: no service in the mesh is called `cart.shpo` (did you mean `cart.shop:80`?)"
    ),
    Refusal(
      from: "192.0.2.1", to: "cart:80",
      complaint: "--to: no service in the mesh is called `cart` "
        + "(short names mean services of the client's own namespace; did you mean `cart.shop:80`?)"),
    Refusal(
      to: "example.com:443",
      complaint: "--to: no service in the mesh is called `example.com` "
        + "(the client asks its own DNS for it; give the address that answers, as 192.0.2.1:443)"),
    Refusal(
      to: "ghost:80",
      complaint: "--to: the service shop/ghost.shop.svc.cluster.local has no address to connect to "
        + "(it has no address of its own, and no endpoints)"),
    Refusal(
      to: "lazy:80",
      complaint: "--to: the service shop/lazy.shop.svc.cluster.local has no address to connect to "
        + "(none of its endpoints is ready)"),
  ])
  func whoAndWhereAreAskedForAgain(_ c: Refusal) throws {
    let outcome = try explain(["--from", c.from, "--to", c.to])
    #expect(outcome.status == 2 && outcome.output.isEmpty)
    #expect(outcome.complaints == "skeinctl: \(c.complaint)\n")
  }

  @Test func whatCannotBeReadIsToldFirst() throws {
    let outcome = try explain(
      ["--from", "shop/web-1", "--to", "10.244.9.9:8080"], Self.more.replacing("{principals:", with: "{principal:"))
    #expect(outcome.status == 3)
    #expect(
      outcome.complaints
        == "skeinctl: more.yaml:42:24: error: spec.rules[1].from[0].source.principal: there is no such field "
        + "(did you mean `principals`?) [unknown-field]\n")
    #expect(
      outcome.output.hasSuffix(
        "\ndenied: shop/sick denies it: it cannot be read, so nobody gets in (more.yaml:36:1) [denied]\n"))
  }

  @Test func manifestsMayComeFromStandardInput() throws {
    let input = try ["namespaces", "nodes", "web", "cart", "policies"].map {
      try String(contentsOfFile: "\(Tool.shop)/\($0).yaml", encoding: .utf8)
    }.joined(separator: "\n---\n")
    let outcome = try Tool.skeinctl(
      ["explain", "-f", "-", "--from", "shop/web-1", "--to", "cart:80"], input: Data(input.utf8))
    #expect(outcome.status == 0, "\(outcome.all)")
    #expect(outcome.output.contains("by rule 0 (<stdin>:"))
  }

  @Test func theOtherNetworkDecidesForItself() throws {
    let outcome = try explain(
      ["--from", "shop/web-1", "--to", "far:80"],
      """
      apiVersion: v1
      kind: Service
      metadata: {name: far, namespace: shop, labels: {istio.io/global: "true"}}
      spec: {clusterIP: 10.96.8.8, selector: {app: far}, ports: [{port: 80, targetPort: 8080}]}
      ---
      apiVersion: v1
      kind: Pod
      metadata:
        name: far-1
        namespace: shop
        labels: {app: far, topology.istio.io/network: other}
        annotations: {ambient.istio.io/redirection: enabled}
      spec: {nodeName: node-9, serviceAccountName: far}
      status: {podIPs: [{ip: 10.9.9.9}]}
      ---
      apiVersion: gateway.networking.k8s.io/v1
      kind: Gateway
      metadata: {name: east, namespace: istio-system, labels: {topology.istio.io/network: other}}
      spec: {gatewayClassName: istio-east-west, listeners: [{name: mesh, port: 15008, protocol: HBONE}]}
      status: {addresses: [{type: IPAddress, value: 192.0.2.50}]}
      ---
      apiVersion: networking.istio.io/v1
      kind: WorkloadEntry
      metadata: {name: east, namespace: istio-system, labels: {networking.istio.io/tunnel: http}}
      spec: {address: 192.0.2.50, network: other, serviceAccount: east}

      """)
    #expect(outcome.status == 0, "\(outcome.all)")
    #expect(
      outcome.output.contains(
        "  route    in two tunnels (HBONE), the outer one to istio-system/east at 192.0.2.50:15008, "
          + "both asked for far.shop.svc.cluster.local:80\n"))
    #expect(outcome.output.hasSuffix("\n\nallowed, unless the other network refuses it\n"))
  }
}
