// SPDX-License-Identifier: Apache-2.0
// What a service that was found tells: who may be asked for, who comes first, addresses, endpoints, malformed names.

@testable import Mesh

private let web = called("shop/web.shop.svc.cluster.local", ["10.0.0.1"])
private let vault = called("bank/vault.bank.svc.cluster.local", ["10.0.0.2"])
private let dualStack = called("shop/web.shop.svc.cluster.local", ["10.0.0.1", "fd00::1"])

/// A service in the mesh's domain, with no addresses.
private let bare = "bank/db.bank.svc.cluster.local"

/// An endpoint of it.
private func replica(
  _ number: Int, _ addresses: [String], in network: String = "", hostname: String = "", capacity: UInt32 = 1,
  health: Workload.Health = .healthy
) -> Change {
  endpoint(
    "bank/db-\(number)", of: bare, addresses, in: network, hostname: hostname, capacity: capacity, health: health)
}

/// Services of several namespaces that have one name.
private func same(_ services: (namespace: String, address: String, isCanonical: Bool)...) -> [Change] {
  services.map { called("\($0.namespace)/a.com", [$0.address], isCanonical: $0.isCanonical) }
}

extension ResolveTests {
  /// Who can be asked for.
  static let services: [Case] = [
    Case(
      "outside the domain, no addresses", [called("shop/a.com"), endpoint("shop/e", of: "shop/a.com", ["10.2.0.1"])],
      "a.com", tells: .forward(.unknown)),
    Case(
      "outside the domain, a block only",
      [called("shop/a.com", ["10.1.0.0/16"]), endpoint("shop/e", of: "shop/a.com", ["10.2.0.1"])], "a.com",
      tells: .forward(.unknown)),
    Case(
      "outside the domain, a block and an address", [called("shop/a.com", ["10.1.0.0/16", "10.0.0.4"])], "a.com",
      tells: .addresses(["10.0.0.4"])),
    Case(
      "outside the domain, an address in another network only", [called("shop/a.com", ["10.0.0.4@net-2"])], "a.com",
      tells: .none(.otherNetwork)),
    Case(
      "in the domain of another mesh, no addresses", [called("shop/a.shop.svc.remote.test")],
      "a.shop.svc.remote.test", tells: .forward(.unknown)),
    Case(
      "in the domain, not below svc, no addresses", [called("shop/a.cluster.local")], "a.cluster.local",
      tells: .forward(.unknown)),
    Case(
      "in the domain, below something that ends in svc", [called("shop/a.websvc.cluster.local")],
      "a.websvc.cluster.local", tells: .forward(.unknown)),
    Case(
      "in the domain, a block only",
      [called(bare, ["10.1.0.0/16"]), replica(0, ["10.2.0.1"])], "db.bank", tells: .addresses(["10.2.0.1"])),
    Case(
      "the hostname of a pod", [endpoint("shop/p", of: "shop/x", ["10.2.0.1"], hostname: "p.example.com")],
      "p.example.com", tells: .forward(.unknown)),
    Case(
      "the name of a pod below its service", [called(bare), replica(0, ["10.2.0.1"])],
      "db-0.db.bank.svc.cluster.local", tells: .forward(.unknown)),
    Case(
      "a service the client cannot see", [called("bank/a.com", ["10.0.0.4"], visibility: .ownNamespace)], "a.com",
      tells: .forward(.unknown)),
    Case(
      "a service that only its own namespace can see",
      [called("bank/a.com", ["10.0.0.4"], visibility: .ownNamespace)], "a.com",
      as: pod("client", at: "10.0.0.1", namespace: "bank"),
      tells: .addresses(["10.0.0.4"])),
  ]

  /// Who of several is meant.
  static let precedence: [Case] = [
    Case(
      "its own namespace before a canonical one", same(("bank", "10.0.0.4", true), ("shop", "10.0.0.5", false)),
      "a.com", tells: .addresses(["10.0.0.5"])),
    Case(
      "its own namespace before the preferred one", same(("bank", "10.0.0.4", false), ("shop", "10.0.0.5", false)),
      "a.com", under: NameOptions(preferredNamespace: "bank"), tells: .addresses(["10.0.0.5"])),
    Case(
      "a canonical one before the preferred one", same(("bank", "10.0.0.4", false), ("zoo", "10.0.0.5", true)),
      "a.com", under: NameOptions(preferredNamespace: "bank"), tells: .addresses(["10.0.0.5"])),
    Case(
      "the preferred one before the first", same(("bank", "10.0.0.4", false), ("zoo", "10.0.0.5", false)), "a.com",
      under: NameOptions(preferredNamespace: "zoo"), tells: .addresses(["10.0.0.5"])),
    Case(
      "the first by name", same(("zoo", "10.0.0.4", false), ("bank", "10.0.0.5", false)), "a.com",
      tells: .addresses(["10.0.0.5"])),
    Case(
      "of wildcards, too", [called("bank/*.com", ["10.0.0.4"]), called("shop/*.com", ["10.0.0.5"])], "a.com",
      tells: .addresses(["10.0.0.5"])),
    Case(
      "a canonical one it cannot see is passed over",
      [called("bank/a.com", ["10.0.0.4"], isCanonical: true, visibility: .ownNamespace)]
        + same(("zoo", "10.0.0.5", false)), "a.com", tells: .addresses(["10.0.0.5"])),
    Case(
      "its own without addresses is passed over",
      [called("shop/a.com", ["10.1.0.0/16"])] + same(("zoo", "10.0.0.5", false)), "a.com",
      tells: .addresses(["10.0.0.5"])),
    Case(
      "its own in another network is not",
      [called("shop/a.com", ["10.0.0.4@net-2"])] + same(("zoo", "10.0.0.5", true)),
      "a.com", tells: .none(.otherNetwork)),
  ]

  /// What a service with addresses tells.
  static let addresses: [Case] = [
    Case("IPv4 of both", [dualStack], "web", .v4, tells: .addresses(["10.0.0.1"])),
    Case("IPv6 of both", [dualStack], "web", .v6, tells: .addresses(["fd00::1"])),
    Case("IPv6 where there is only IPv4", [web], "web", .v6, tells: .none(.otherFamily)),
    Case(
      "IPv4 where there is only IPv6", [called("shop/a.com", ["fd00::1"])], "a.com", .v4, tells: .none(.otherFamily)),
    Case(
      "several addresses", [called("shop/a.com", ["10.0.0.1", "10.0.0.2", "fd00::1"])], "a.com",
      tells: .addresses(["10.0.0.1", "10.0.0.2"])),
    Case(
      "addresses of other networks are not told", [called("shop/a.com", ["10.0.0.1", "10.0.0.2@net-2"])], "a.com",
      tells: .addresses(["10.0.0.1"])),
    Case(
      "a client of another network", [called("shop/a.com", ["10.0.0.1", "10.0.0.2@net-2"])], "a.com",
      as: pod("client", at: "10.0.0.9", place: Place(network: "net-2")), tells: .addresses(["10.0.0.2"])),
    Case(
      "no address in the client's network is no reason to tell endpoints",
      [called(bare, ["10.0.0.4@net-2"]), replica(0, ["10.2.0.1"])], "db.bank", tells: .none(.otherNetwork)),
    Case(
      "one address, twice", [called("shop/a.com", ["10.0.0.1", "10.0.0.1"])], "a.com", tells: .addresses(["10.0.0.1"])),
    Case(
      "a block beside an address", [called("shop/a.com", ["10.0.0.1", "10.1.0.0/16"])], "a.com",
      tells: .addresses(["10.0.0.1"])),
    Case(
      "endpoints, sick or well, change nothing",
      [vault, endpoint("bank/e", of: "bank/vault.bank.svc.cluster.local", ["10.2.0.1"], health: .unhealthy)],
      "vault.bank", tells: .addresses(["10.0.0.2"])),
    Case(
      "a service of IPv4 only, asked for IPv6", [called("shop/a.com", ["10.0.0.1", "fd00::1"], families: .v4Only)],
      "a.com", .v6, tells: .none(.familyOff)),
    Case(
      "a service of IPv4 only, asked for IPv4", [called("shop/a.com", ["10.0.0.1", "fd00::1"], families: .v4Only)],
      "a.com", .v4, tells: .addresses(["10.0.0.1"])),
    Case(
      "a service of IPv6 only, asked for IPv4", [called("shop/a.com", ["10.0.0.1", "fd00::1"], families: .v6Only)],
      "a.com", .v4, tells: .none(.familyOff)),
    Case(
      "a service of IPv6 only, asked for IPv6", [called("shop/a.com", ["10.0.0.1", "fd00::1"], families: .v6Only)],
      "a.com", .v6, tells: .addresses(["fd00::1"])),
    Case(
      "a service of both", [called("shop/a.com", ["10.0.0.1", "fd00::1"], families: .dual)], "a.com", .v6,
      tells: .addresses(["fd00::1"])),
    Case(
      "a mesh without IPv6, asked for IPv6", [dualStack], "web", .v6, under: NameOptions(answersV6: false),
      tells: .none(.familyOff)),
    Case(
      "a mesh without IPv6, asked for IPv4", [dualStack], "web", .v4, under: NameOptions(answersV6: false),
      tells: .addresses(["10.0.0.1"])),
    Case(
      "a mesh without IPv6, asked for a stranger", [web], "a.com", .v6, under: NameOptions(answersV6: false),
      tells: .forward(.unknown)),
  ]

  /// What a service without addresses tells: its endpoints.
  static let headless: [Case] = [
    Case(
      "an address of each endpoint", [called(bare), replica(0, ["10.2.0.1"]), replica(1, ["10.2.0.2"])], "db.bank",
      tells: .addresses(["10.2.0.1", "10.2.0.2"])),
    Case(
      "the first of the family of each",
      [called(bare), replica(0, ["fd00::1", "10.2.0.1", "10.2.0.9"]), replica(1, ["10.2.0.2"])], "db.bank", .v4,
      tells: .addresses(["10.2.0.1", "10.2.0.2"])),
    Case(
      "IPv6 of those that have it",
      [called(bare), replica(0, ["10.2.0.1", "fd00::1", "fd00::9"]), replica(1, ["10.2.0.2"])],
      "db.bank", .v6, tells: .addresses(["fd00::1"])),
    Case("IPv6 of none", [called(bare), replica(0, ["10.2.0.1"])], "db.bank", .v6, tells: .none(.otherFamily)),
    Case(
      "endpoints of other networks", [called(bare), replica(0, ["10.2.0.1"]), replica(1, ["10.3.0.1"], in: "net-2")],
      "db.bank", tells: .addresses(["10.2.0.1", "10.3.0.1"])),
    Case("no endpoints", [called(bare)], "db.bank", tells: .none(.noEndpoint)),
    Case(
      "an endpoint that is not ready",
      [called(bare), replica(0, ["10.2.0.1"]), replica(1, ["10.2.0.2"], health: .unhealthy)], "db.bank",
      tells: .addresses(["10.2.0.1"])),
    Case(
      "no endpoint that is ready", [called(bare), replica(1, ["10.2.0.2"], health: .unhealthy)], "db.bank",
      tells: .none(.noEndpoint)),
    Case(
      "a service that wants those that are not ready, too",
      [
        called(bare, balancing: LoadBalancing(health: .allowAll)), replica(0, ["10.2.0.1"]),
        replica(1, ["10.2.0.2"], health: .unhealthy),
      ], "db.bank", tells: .addresses(["10.2.0.1", "10.2.0.2"])),
    Case(
      "an endpoint that takes no traffic",
      [called(bare), replica(0, ["10.2.0.1"]), replica(1, ["10.2.0.2"], capacity: 0)],
      "db.bank", tells: .addresses(["10.2.0.1"])),
    Case(
      "an endpoint with no more than a hostname",
      [called(bare), replica(0, ["10.2.0.1"]), replica(1, [], hostname: "db-1.example.com")], "db.bank",
      tells: .addresses(["10.2.0.1"])),
    Case(
      "endpoints that share the address of their node",
      [called(bare), replica(0, ["10.2.0.1"]), replica(1, ["10.2.0.1"])],
      "db.bank", tells: .addresses(["10.2.0.1"])),
    Case(
      "a service that leaves the choice to its client",
      [called(bare, balancing: LoadBalancing(.passthrough)), replica(0, ["10.2.0.1"])], "db.bank",
      tells: .addresses(["10.2.0.1"])),
    Case(
      "a service that insists on what its clients are near to",
      [
        called(bare, balancing: LoadBalancing(.strict, preferences: [.network])),
        replica(0, ["10.3.0.1"], in: "net-2"),
      ],
      "db.bank", tells: .addresses(["10.3.0.1"])),
    Case(
      "endpoints of a service of IPv4 only",
      [called(bare, families: .v4Only), replica(0, ["10.2.0.1", "fd00::1"])], "db.bank", .v6, tells: .none(.familyOff)),
    Case(
      "endpoints of a service of IPv6 only",
      [called(bare, families: .v6Only), replica(0, ["10.2.0.1", "fd00::1"])], "db.bank", .v4, tells: .none(.familyOff)),
    Case(
      "endpoints in a mesh without IPv6", [called(bare), replica(0, ["10.2.0.1", "fd00::1"])], "db.bank", .v6,
      under: NameOptions(answersV6: false), tells: .none(.familyOff)),
    Case(
      "endpoints of another namespace's service of that name",
      [called(bare), replica(0, ["10.2.0.1"]), endpoint("zoo/e", of: "zoo/db.bank.svc.cluster.local", ["10.2.0.9"])],
      "db.bank", tells: .addresses(["10.2.0.1"])),
    Case(
      "endpoints behind a search domain", [called(bare), replica(0, ["10.2.0.1"])], "db.bank.shop.svc.cluster.local",
      tells: .alias("db.bank", ["10.2.0.1"])),
  ]

  /// Questions that are nothing for us, and names at the edge of being none.
  static let malformed: [Case] = [
    Case("another type of record, of a stranger", [], "example.com", nil, tells: .forward(.notAddresses)),
    Case(
      "another type of record, of a service", [web], "web.shop.svc.cluster.local", nil, tells: .forward(.notAddresses)),
    Case("no name", [web], "", tells: .forward(.malformed)),
    Case("the root", [web], ".", tells: .forward(.malformed)),
    Case("two dots", [web], "..", tells: .forward(.malformed)),
    Case("an empty first label", [web], ".web", tells: .forward(.malformed)),
    Case("an empty label", [web], "web..shop", tells: .forward(.malformed)),
    Case("two dots at the end", [web], "web..", tells: .forward(.malformed)),
    Case("a label of 63 bytes", [sized([63, 3])], text([63, 3]), tells: .addresses(["10.0.0.4"])),
    Case("a label of 64 bytes", [sized([64, 3])], text([64, 3]), tells: .forward(.malformed)),
    Case("a last label of 64 bytes", [sized([3, 64])], text([3, 64]), tells: .forward(.malformed)),
    Case("a name of 253 bytes", [sized([63, 63, 63, 61])], text([63, 63, 63, 61]), tells: .addresses(["10.0.0.4"])),
    Case(
      "the same with a dot", [sized([63, 63, 63, 61])], text([63, 63, 63, 61]) + ".", tells: .addresses(["10.0.0.4"])),
    Case("a name of 254 bytes", [sized([63, 63, 63, 62])], text([63, 63, 63, 62]), tells: .forward(.malformed)),
    Case("127 labels", [called("shop/*.x", ["10.0.0.4"])], ones(127), tells: .addresses(["10.0.0.4"])),
    Case("128 labels", [called("shop/*.x", ["10.0.0.4"])], ones(128), tells: .forward(.malformed)),
    Case("the Kelvin sign is no k", [called("shop/k.com", ["10.0.0.4"])], "\u{212a}.com", tells: .forward(.malformed)),
    Case("bytes beyond ASCII", [called("shop/é.com", ["10.0.0.4"])], "é.com", tells: .forward(.malformed)),
  ]

  /// A name with labels of these lengths.
  private static func text(_ lengths: [Int]) -> String {
    lengths.map { String(repeating: "x", count: $0) }.joined(separator: ".")
  }

  /// A service that has it.
  private static func sized(_ lengths: [Int]) -> Change { called("shop/\(text(lengths))", ["10.0.0.4"]) }

  /// A name of so many labels of one letter.
  private static func ones(_ count: Int) -> String { text(Array(repeating: 1, count: count)) }
}
