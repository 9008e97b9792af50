// SPDX-License-Identifier: Apache-2.0
// Who an address or a name means, when several claim it; and how claims come and go.

import Format
import Testing

@testable import Mesh

@Suite struct FindTests {
  struct Case: Sendable, CustomTestStringConvertible {
    let name: String
    let services: [Service]
    let address: String
    let result: String?
    var namespace = "shop"
    var network = ""
    var testDescription: String { name }
  }

  static let mine = service("mine", at: "10.9.0.1")
  static let other = service("other", at: "10.9.0.1", namespace: "alpha")
  static let canonical = service("canonical", at: "10.9.0.1", namespace: "zeta", isCanonical: true)
  static let hidden = service("hidden", at: "10.9.0.1", namespace: "alpha", visibility: .ownNamespace)
  static let wide = service("wide", at: "10.0.0.0/8")
  static let narrow = service("narrow", at: "10.9.0.0/16", namespace: "alpha")

  static let exact: [Case] = [
    Case(
      name: "the client's namespace comes first", services: [other, canonical, mine], address: "10.9.0.1",
      result: "mine"),
    Case(name: "then the canonical one", services: [other, canonical], address: "10.9.0.1", result: "canonical"),
    Case(
      name: "then the first by name", services: [service("z", at: "10.9.0.1", namespace: "beta"), other],
      address: "10.9.0.1", result: "other"),
    Case(
      name: "an own namespace's secret", services: [hidden], address: "10.9.0.1", result: "hidden", namespace: "alpha"),
    Case(name: "another namespace's secret", services: [hidden], address: "10.9.0.1", result: nil),
    Case(
      name: "a secret does not hide what is public", services: [hidden, canonical], address: "10.9.0.1",
      result: "canonical"),
    Case(
      name: "a secret address does not hide a block", services: [hidden, wide], address: "10.9.0.1", result: "wide"),
    Case(name: "another network", services: [mine], address: "10.9.0.1", result: nil, network: "far"),
  ]

  static let blocks: [Case] = [
    Case(name: "within a block", services: [wide], address: "10.200.0.1", result: "wide"),
    Case(name: "outside of a block", services: [wide], address: "11.0.0.1", result: nil),
    Case(name: "an IPv6 block", services: [service("six", at: "fd09::/32")], address: "fd09::4711", result: "six"),
    Case(
      name: "outside of an IPv6 block", services: [service("six", at: "fd09::/32")], address: "fd09:1::", result: nil),
    Case(
      name: "an IPv4 block says nothing of IPv6", services: [service("all", at: "0.0.0.0/0")], address: "fd09::1",
      result: nil),
    Case(
      name: "an IPv6 block says nothing of IPv4", services: [service("all", at: "::/0")], address: "10.0.0.1",
      result: nil),
    Case(
      name: "both families", services: [service("dual", at: "10.9.0.0/16", "fd09::/32")], address: "fd09::1",
      result: "dual"),
    Case(
      name: "the longer prefix", services: [service("wide", at: "10.0.0.0/8", namespace: "alpha"), narrow],
      address: "10.9.0.1", result: "narrow", namespace: "x"),
    Case(
      name: "the namespace before the longer prefix", services: [narrow, wide], address: "10.9.0.1", result: "wide"),
    Case(
      name: "the longer prefix before the canonical one",
      services: [service("wide", at: "10.0.0.0/8", namespace: "zeta", isCanonical: true), narrow], address: "10.9.0.1",
      result: "narrow", namespace: "x"),
    Case(
      name: "the canonical one of equal blocks",
      services: [narrow, service("c", at: "10.9.0.0/16", namespace: "zeta", isCanonical: true)], address: "10.9.0.1",
      result: "c", namespace: "x"),
    Case(
      name: "the first of equal blocks", services: [service("b", at: "10.9.0.0/16", namespace: "beta"), narrow],
      address: "10.9.0.1", result: "narrow", namespace: "x"),
    Case(
      name: "a secret block does not hide a wider one",
      services: [service("s", at: "10.9.0.0/16", namespace: "alpha", visibility: .ownNamespace), wide],
      address: "10.9.0.1", result: "wide"),
    Case(
      name: "an address before a block", services: [service("wide", at: "10.0.0.0/8"), other], address: "10.9.0.1",
      result: "other"),
    Case(
      name: "a block of one address is an address", services: [service("one", at: "10.9.0.1/32"), wide],
      address: "10.9.0.1", result: "one"),
    Case(
      name: "a block's host bits mean nothing", services: [service("odd", at: "10.9.3.4/16")], address: "10.9.200.1",
      result: "odd"),
    Case(
      name: "a block of another network", services: [service("far", at: "10.9.0.0/16", network: "far")],
      address: "10.9.0.1", result: nil),
    Case(
      name: "everything is a block, too", services: [service("all", at: "0.0.0.0/0")], address: "203.0.113.1",
      result: "all"),
  ]

  @Test(arguments: exact + blocks)
  func means(_ c: Case) {
    var ledger = Ledger()
    _ = ledger.apply(c.services.map(Change.service), from: .manifests)
    let place = NetworkAddress(network: c.network, address(c.address))
    #expect(ledger.snapshot.service(at: place, for: c.namespace)?.shortName == c.result)
    // The order in which they were said does not matter.
    var reversed = Ledger()
    for service in c.services.reversed() { _ = reversed.apply([.service(service)], from: .manifests) }
    #expect(reversed.snapshot.service(at: place, for: c.namespace)?.shortName == c.result)
  }

  @Test func namesFollowTheSameOrder() {
    var ledger = Ledger()
    func named(_ namespace: String, canonical: Bool = false, hidden: Bool = false) -> Change {
      .service(
        Service(
          ServiceName(namespace: namespace, hostname: "db.example.com"), isCanonical: canonical,
          visibility: hidden ? .ownNamespace : .everyone))
    }
    _ = ledger.apply([named("beta"), named("alpha", hidden: true), named("gamma"), named("zeta")], from: .manifests)
    func found(_ namespace: String, preferring: String? = nil) -> String? {
      ledger.snapshot.service(host: "db.example.com", for: namespace, preferring: preferring)?.name.namespace
    }
    #expect(found("gamma") == "gamma")
    #expect(found("alpha") == "alpha")
    #expect(found("x") == "beta")
    #expect(found("x", preferring: "zeta") == "zeta")
    #expect(found("x", preferring: "alpha") == "beta")
    _ = ledger.apply([named("gamma", canonical: true)], from: .manifests)
    #expect(found("x", preferring: "zeta") == "gamma")
    #expect(ledger.snapshot.service(host: "other.example.com", for: "x") == nil)
  }

  @Test func severalWorkloadsMayClaimAnAddress() {
    var ledger = Ledger()
    func entry(_ name: String, tunnel: Template.Tunnel) -> Workload {
      Workload(
        uid: "c1/networking.istio.io/WorkloadEntry/shop/\(name)", name: name, addresses: [address("10.0.0.2")],
        template: Template(namespace: "shop", tunnel: tunnel))
    }
    let claims = [
      pod("a", at: "10.0.0.2"), pod("b", at: "10.0.0.2", tunnel: .none), entry("c", tunnel: .hbone),
      entry("d", tunnel: .none),
    ]
    for claim in claims.reversed() { _ = ledger.apply([.workload(claim)], from: .manifests) }
    for claim in claims {
      #expect(
        ledger.snapshot.workload(at: NetworkAddress(address("10.0.0.2"))) === ledger.snapshot.workload(uid: claim.uid))
      _ = ledger.apply([.removeWorkload(uid: claim.uid)], from: .manifests)
    }
    #expect(ledger.snapshot.workload(at: NetworkAddress(address("10.0.0.2"))) == nil)
  }

  /// The first and the second address are kept in another way than the rest: enough pods for leaves that split and merge.
  @Test func everyAddressOfAWorkloadFindsIt() {
    var ledger = Ledger()
    let pods = (0..<200).map { pod("p\($0)", at: "10.1.0.\($0)", "fd00::\($0)", "10.2.0.\($0)", "10.1.0.\($0)") }
    _ = ledger.apply(pods.map(Change.workload), from: .manifests)
    func isFound(_ pod: Workload) -> Bool {
      pod.addresses.allSatisfy { ledger.snapshot.workload(at: NetworkAddress($0))?.uid == pod.uid }
    }
    #expect(pods.allSatisfy(isFound))
    for pod in pods.dropLast(10) { _ = ledger.apply([.removeWorkload(uid: pod.uid)], from: .manifests) }
    #expect(pods.filter(isFound) == pods.suffix(10))
    for pod in pods.suffix(10) { _ = ledger.apply([.removeWorkload(uid: pod.uid)], from: .manifests) }
    #expect(ledger.snapshot.networks.count == 0)
  }

  @Test func aChangedServiceLeavesNoAddressBehind() {
    var ledger = Ledger()
    for round in 0..<50 {
      _ = ledger.apply([.service(service("web", at: "10.\(round).0.0/16", "10.9.0.\(round)"))], from: .manifests)
    }
    func found(_ text: String) -> String? {
      ledger.snapshot.service(at: NetworkAddress(address(text)), for: "shop")?.shortName
    }
    #expect(found("10.48.0.1") == nil && found("10.9.0.48") == nil)
    #expect(found("10.49.0.1") == "web" && found("10.9.0.49") == "web")
    _ = ledger.apply([.removeService(host("web"))], from: .manifests)
    #expect(found("10.49.0.1") == nil && found("10.9.0.49") == nil)
    #expect(ledger.snapshot.networks.count == 0)
  }
}
