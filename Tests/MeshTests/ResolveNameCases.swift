// SPDX-License-Identifier: Apache-2.0
// Which service a name means: the names looked for, the search list, wildcards.

@testable import Mesh

private let web = called("shop/web.shop.svc.cluster.local", ["10.0.0.1"])
private let vault = called("bank/vault.bank.svc.cluster.local", ["10.0.0.2"])
private let site = called("shop/www.example.com", ["10.0.0.3"])

/// A service of shop that is called this, in or outside the mesh's domain.
private func named(_ hostname: String, _ address: String) -> Change { called("shop/\(hostname)", [address]) }

extension ResolveTests {
  /// The name as asked for, and what it is short for, by the number of its labels.
  static let names: [Case] = [
    Case("the full name of a service", [web], "web.shop.svc.cluster.local", tells: .addresses(["10.0.0.1"])),
    Case("a dot at the end", [web], "web.shop.svc.cluster.local.", tells: .addresses(["10.0.0.1"])),
    Case("letters in any case", [web], "WEB.Shop.sVc.cluster.LOCAL", tells: .addresses(["10.0.0.1"])),
    Case(
      "every letter in any case", [named("abcdefghijklmnopqrstuvwxyz", "10.0.0.4")], "ABCDEFGHIJKLMNOPQRSTUVWXYZ",
      tells: .addresses(["10.0.0.4"])),
    Case("signs beside the letters have no case", [named("`{", "10.0.0.4")], "@[", tells: .forward(.unknown)),
    Case("name.namespace.svc", [web], "web.shop.svc", tells: .addresses(["10.0.0.1"])),
    Case("name.namespace", [web], "web.shop", tells: .addresses(["10.0.0.1"])),
    Case("a short name", [web], "web", tells: .addresses(["10.0.0.1"])),
    Case("a short name with a dot at the end", [web], "web.", tells: .addresses(["10.0.0.1"])),
    Case("a short name in capitals", [web], "WEB", tells: .addresses(["10.0.0.1"])),
    Case(
      "another namespace, by the full name", [vault], "vault.bank.svc.cluster.local", tells: .addresses(["10.0.0.2"])),
    Case("another namespace, by name.namespace.svc", [vault], "vault.bank.svc", tells: .addresses(["10.0.0.2"])),
    Case("another namespace, by name.namespace", [vault], "vault.bank", tells: .addresses(["10.0.0.2"])),
    Case("a short name is not of another namespace", [vault], "vault", tells: .forward(.unknown)),
    Case(
      "the same, of a client that lives there", [vault], "vault", as: pod("client", at: "10.0.0.1", namespace: "bank"),
      tells: .addresses(["10.0.0.2"])),
    Case(
      "two labels may lack only the namespace of the client", [named("a.b.shop.svc.cluster.local", "10.0.0.4")], "a.b",
      tells: .addresses(["10.0.0.4"])),
    Case(
      "two labels are a name and a namespace first",
      [named("a.b.shop.svc.cluster.local", "10.0.0.4"), named("a.b.svc.cluster.local", "10.0.0.5")], "a.b",
      tells: .addresses(["10.0.0.5"])),
    Case(
      "two labels of which the second is svc are not a full name cut short", [named("a.svc.cluster.local", "10.0.0.4")],
      "a.svc", tells: .forward(.unknown)),
    Case(
      "three labels are an endpoint, a name and a namespace", [named("db-0.db.bank.svc.cluster.local", "10.0.0.4")],
      "db-0.db.bank", tells: .addresses(["10.0.0.4"])),
    Case(
      "three labels that end in svc lack the domain first",
      [named("a.b.svc.svc.cluster.local", "10.0.0.4"), named("a.b.svc.cluster.local", "10.0.0.5")], "a.b.svc",
      tells: .addresses(["10.0.0.5"])),
    Case(
      "three labels that end in svc may lack more", [named("a.b.svc.svc.cluster.local", "10.0.0.4")], "a.b.svc",
      tells: .addresses(["10.0.0.4"])),
    Case(
      "three labels never lack the namespace", [named("a.b.c.shop.svc.cluster.local", "10.0.0.4")], "a.b.c",
      tells: .forward(.unknown)),
    Case(
      "four labels that end in svc", [named("db-0.db.bank.svc.cluster.local", "10.0.0.4")], "db-0.db.bank.svc",
      tells: .addresses(["10.0.0.4"])),
    Case(
      "four labels that end in svc lack nothing else", [named("a.b.c.svc.svc.cluster.local", "10.0.0.4")], "a.b.c.svc",
      tells: .forward(.unknown)),
    Case(
      "four other labels are a full name", [named("a.b.c.d.svc.cluster.local", "10.0.0.4")], "a.b.c.d",
      tells: .forward(.unknown)),
    Case(
      "a last label that only ends in svc is another one", [named("a.b.c.websvc.cluster.local", "10.0.0.4")],
      "a.b.c.websvc", tells: .forward(.unknown)),
    Case(
      "five labels are a full name", [named("a.b.c.d.svc.cluster.local", "10.0.0.4")], "a.b.c.d.svc",
      tells: .forward(.unknown)),
    Case("a host outside the cluster", [site], "www.example.com", tells: .addresses(["10.0.0.3"])),
    Case(
      "the name as asked for before a longer one", [vault, named("vault.bank", "10.0.0.4")], "vault.bank",
      tells: .addresses(["10.0.0.4"])),
    Case(
      "a service of another domain, by its full name", [named("a.shop.svc.remote.test", "10.0.0.4")],
      "a.shop.svc.remote.test", tells: .addresses(["10.0.0.4"])),
    Case(
      "a service of another domain has no short names", [named("a.shop.svc.remote.test", "10.0.0.4")], "a.shop",
      tells: .forward(.unknown)),
    Case(
      "the domain of the mesh is a setting", [web, named("web.shop.svc.mesh.test", "10.0.0.4")], "web",
      under: NameOptions(domain: "mesh.test"), tells: .addresses(["10.0.0.4"])),
    Case(
      "a domain in capitals and with a dot", [named("web.shop.svc.mesh.test", "10.0.0.4")], "web.shop.svc",
      under: NameOptions(domain: "Mesh.Test."), tells: .addresses(["10.0.0.4"])),
    Case("a name that is nobody's", [web, site], "example.com", tells: .forward(.unknown)),
    Case("a name above all services", [web, site], "svc.cluster.local", tells: .forward(.unknown)),
    Case("a name below a service", [web, site], "a.www.example.com", tells: .forward(.unknown)),
    Case("an empty world", [], "web", tells: .forward(.unknown)),
  ]

  /// Names that have a search domain behind them.
  static let search: [Case] = [
    Case(
      "the namespace of the client behind a name", [site], "www.example.com.shop.svc.cluster.local",
      tells: .alias("www.example.com", ["10.0.0.3"])),
    Case(
      "svc and the domain behind a name", [site], "www.example.com.svc.cluster.local",
      tells: .alias("www.example.com", ["10.0.0.3"])),
    Case(
      "the domain behind a name", [site], "www.example.com.cluster.local",
      tells: .alias("www.example.com", ["10.0.0.3"])),
    Case(
      "capitals are small in the alias", [site], "WWW.example.com.Cluster.Local.",
      tells: .alias("www.example.com", ["10.0.0.3"])),
    Case(
      "what is left may be short for a service", [vault], "vault.bank.shop.svc.cluster.local",
      tells: .alias("vault.bank", ["10.0.0.2"])),
    Case(
      "the namespace of the client may be there twice", [web], "web.shop.shop.svc.cluster.local",
      tells: .alias("web.shop", ["10.0.0.1"])),
    Case(
      "the whole list may be behind a full name", [web], "web.shop.svc.cluster.local.cluster.local",
      tells: .alias("web.shop.svc.cluster.local", ["10.0.0.1"])),
    Case(
      "an alias without addresses", [site], "www.example.com.cluster.local", .v6,
      tells: .aliasOfNone("www.example.com", .otherFamily)),
    Case(
      "the namespace of somebody else behind a name", [site], "www.example.com.bank.svc.cluster.local",
      tells: .forward(.unknown)),
    Case(
      "a search domain is a name with a shorter one behind it", [named("shop", "10.0.0.4")], "shop.svc.cluster.local",
      tells: .alias("shop", ["10.0.0.4"])
    ),
    Case("the last search domain alone", [web, site], "cluster.local", tells: .forward(.unknown)),
    Case("half a label is no search domain", [named("x", "10.0.0.4")], "xycluster.local", tells: .forward(.unknown)),
    Case(
      "a search domain that leaves less comes first", [named("x.shop", "10.0.0.4"), named("x", "10.0.0.5")],
      "x.shop.svc.cluster.local", tells: .alias("x", ["10.0.0.5"])),
    Case(
      "the name as asked for before what is left of it",
      [named("x", "10.0.0.4"), named("x.cluster.local", "10.0.0.5")],
      "x.cluster.local", tells: .addresses(["10.0.0.5"])),
    Case(
      "a search list of its own", [named("x", "10.0.0.4")], "x.corp.test",
      under: NameOptions(search: ["other.test", "corp.test"]), tells: .alias("x", ["10.0.0.4"])),
    Case(
      "capitals, dots and nothing in a search list", [named("x", "10.0.0.4")], "x.corp.test",
      under: NameOptions(search: [".", "", "a..b", "Corp.TEST."]), tells: .alias("x", ["10.0.0.4"])),
    Case(
      "a search list of its own replaces the usual one", [site], "www.example.com.svc.cluster.local",
      under: NameOptions(search: ["corp.test"]), tells: .forward(.unknown)),
    Case(
      "an empty search list leaves the short names", [web], "web", under: NameOptions(search: []),
      tells: .addresses(["10.0.0.1"])),
    Case(
      "only one search domain is taken off", [named("x", "10.0.0.4")], "x.b.test.a.test",
      under: NameOptions(search: ["a.test", "b.test"]), tells: .forward(.unknown)),
  ]

  /// Services that have all names below a domain.
  static let wildcards: [Case] = [
    Case("a wildcard", [named("*.example.com", "10.0.0.4")], "a.example.com", tells: .addresses(["10.0.0.4"])),
    Case(
      "a wildcard and capitals", [named("*.example.com", "10.0.0.4")], "A.Example.Com.", tells: .addresses(["10.0.0.4"])
    ),
    Case(
      "a wildcard of several labels", [named("*.example.com", "10.0.0.4")], "a.b.example.com",
      tells: .addresses(["10.0.0.4"])),
    Case(
      "a wildcard of a whole top domain", [named("*.com", "10.0.0.4")], "a.example.com", tells: .addresses(["10.0.0.4"])
    ),
    Case(
      "a wildcard is not its domain", [named("*.example.com", "10.0.0.4")], "example.com", tells: .forward(.unknown)),
    Case(
      "a wildcard takes whole labels", [named("*.example.com", "10.0.0.4")], "myexample.com", tells: .forward(.unknown)),
    Case("a wildcard of everything is none", [named("*", "10.0.0.4")], "a.example.com", tells: .forward(.unknown)),
    Case(
      "the narrowest wildcard",
      [named("*.com", "10.0.0.4"), named("*.a.com", "10.0.0.5"), named("*.b.a.com", "10.0.0.6")],
      "x.b.a.com", tells: .addresses(["10.0.0.6"])),
    Case(
      "a narrower wildcard that does not cover the name", [named("*.com", "10.0.0.4"), named("*.b.a.com", "10.0.0.6")],
      "x.a.com", tells: .addresses(["10.0.0.4"])),
    Case(
      "an exact name before a wildcard", [site, named("*.example.com", "10.0.0.4")], "www.example.com",
      tells: .addresses(["10.0.0.3"])),
    Case(
      "an exact longer name before a wildcard of the shorter", [vault, named("*.bank", "10.0.0.4")], "vault.bank",
      tells: .addresses(["10.0.0.2"])),
    Case(
      "an exact name without its search domain before a wildcard", [site, named("*.cluster.local", "10.0.0.4")],
      "www.example.com.shop.svc.cluster.local", tells: .alias("www.example.com", ["10.0.0.3"])),
    Case(
      "a wildcard of the name as asked for before one of a longer name",
      [named("*.x", "10.0.0.4"), named("*.b.x.svc.cluster.local", "10.0.0.5")], "a.b.x", tells: .addresses(["10.0.0.4"])
    ),
    Case(
      "a wildcard of a longer name", [named("*.bank.svc.cluster.local", "10.0.0.4")], "a.bank",
      tells: .addresses(["10.0.0.4"])),
    Case(
      "no alias for a wildcard behind a search domain", [named("*.example.com", "10.0.0.4")],
      "a.example.com.shop.svc.cluster.local", tells: .addresses(["10.0.0.4"])),
    Case(
      "no alias for a wildcard of what is left", [named("*.bank.svc.cluster.local", "10.0.0.4")],
      "a.bank.shop.svc.cluster.local", tells: .addresses(["10.0.0.4"])),
    Case(
      "a wildcard the client cannot see leaves the name to a wider one",
      [called("bank/*.a.com", ["10.0.0.4"], visibility: .ownNamespace), named("*.com", "10.0.0.5")], "x.a.com",
      tells: .addresses(["10.0.0.5"])),
    Case(
      "a name that cannot be asked for leaves it to a wildcard",
      [called("shop/a.com", ["10.1.0.0/16"]), named("*.com", "10.0.0.5")], "a.com", tells: .addresses(["10.0.0.5"])),
    Case(
      "a wildcard asked for by its name", [named("*.a.com", "10.0.0.4")], "*.a.com", tells: .addresses(["10.0.0.4"])),
  ]
}
