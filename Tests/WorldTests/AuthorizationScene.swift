// SPDX-License-Identifier: Apache-2.0
// AuthorizationScene: a small mesh, the connections all tests of policies try, and short ways to write policies.
//
//   cart, guest        shop/cart and away/guest, with their identities     cart9, guest9     the same to port 9090
//   plain              away/guest as plaintext                             plain9, plain6    to port 9090, over IPv6
//   foreign            away/guest's identity of another trust domain       guest6            over IPv6

import Format
import Testing

@testable import Mesh
@testable import World

enum AuthorizationScene {
  static let web = "{matchLabels: {app: web}}"
  static let pods =
    WorldScene.pod("shop/web", at: "10.0.0.1", labels: ["app": "web"])
    + WorldScene.pod("shop/db", at: "10.0.0.5", labels: ["app": "db"])
    + WorldScene.pod("shop/cart", at: "10.0.0.2", labels: ["app": "cart"], account: "cart")
    + WorldScene.pod("away/guest", at: "10.0.1.3", labels: ["app": "guest"], account: "guest")
    + WorldScene.pod("away/web", at: "10.0.1.1", labels: ["app": "web"])
    + WorldScene.pod("istio-system/web", at: "10.0.2.1", labels: ["app": "web"])

  /// All connections to shop/web, by name.
  static let connections: [(name: String, connection: Connection)] = [
    ("cart", to("10.0.0.1", 8080, from: "10.0.0.2", "shop", "cart")),
    ("cart9", to("10.0.0.1", 9090, from: "10.0.0.2", "shop", "cart")),
    ("guest", to("10.0.0.1", 8080, from: "10.0.1.3", "away", "guest")),
    ("guest9", to("10.0.0.1", 9090, from: "10.0.1.3", "away", "guest")),
    ("guest6", to("fd00::1", 8080, from: "fd00:1::3", "away", "guest")),
    ("foreign", to("10.0.0.1", 8080, from: "10.0.1.3", "away", "guest", domain: "example.org")),
    ("plain", to("10.0.0.1", 8080, from: "10.0.1.3")),
    ("plain9", to("10.0.0.1", 9090, from: "10.0.1.3")),
    ("plain6", to("fd00::1", 8080, from: "fd00:1::3")),
  ]

  static let names = connections.map(\.name)
  static let withIdentity = ["cart", "cart9", "guest", "guest9", "guest6", "foreign"]

  private static func to(
    _ destination: String, _ port: UInt16, from source: String, _ namespace: String? = nil, _ account: String = "",
    domain: String = "cluster.local"
  ) -> Connection {
    guard let source = IPAddress(source), let destination = IPAddress(destination) else {
      preconditionFailure("\(source) or \(destination) is no address")
    }
    return Connection(
      from: source, to: Endpoint(destination, port: port),
      identity: namespace.map { Identity(trustDomain: domain, namespace: $0, serviceAccount: account) })
  }
}

extension WorldScene {
  /// A mesh with these policies.
  init(policies: String..., settings: Settings = Settings()) throws(Problem) {
    try self.init(AuthorizationScene.pods + policies.joined(), settings: settings)
  }

  /// What shop/web says to each of the connections.
  func verdicts() throws -> [(name: String, verdict: Verdict)] {
    let server = try #require(workload("shop/web"))
    return AuthorizationScene.connections.map { ($0.name, world.authorize($0.connection, to: server)) }
  }

  /// The connections that shop/web lets in.
  func allowed() throws -> [String] { try verdicts().filter(\.verdict.isAllowed).map(\.name) }

  /// Which workloads a policy of any action has something to say to: those whose verdict on `cart` is not the plain one.
  func concerned() throws -> [String] {
    try ["shop/web", "shop/db", "away/web", "istio-system/web"].filter { name in
      let verdict = world.authorize(AuthorizationScene.connections[0].connection, to: try #require(workload(name)))
      #expect(verdict.unknownPolicies.isEmpty)
      return verdict != Verdict()
    }
  }

  /// The rules of shop/p, which has to be there.
  func rules() throws -> [Policy.Rule] { try #require(policy("shop/p")).rules }

  /// What the author of shop/p is told.
  var acceptance: [Condition] { conditions(of: .authorizationPolicy, "shop", "p") }
}
