// SPDX-License-Identifier: Apache-2.0
// How the world is written down: what comes early waits, what is said twice is held once, and sources come and go.

import Format
import Testing

@testable import Mesh

@Suite struct LedgerTests {
  @Test func anEndpointMayComeBeforeItsService() throws {
    var scene = Scene([.workload(pod("web-1", at: "10.0.0.2", services: [serves("web")]))])
    #expect(try scene.summary(to: "10.9.0.1:80") == "passthrough 10.9.0.1:80")
    _ = scene.ledger.apply([.service(service("web", at: "10.9.0.1"))], from: .manifests)
    #expect(try scene.summary(to: "10.9.0.1:80") == "hbone 10.0.0.2:15008 10.0.0.2:8080")
    // It waits again when its service goes, and is there when that comes back.
    _ = scene.ledger.apply([.removeService(host("web"))], from: .manifests)
    #expect(scene.world.workloads(of: host("web")).count == 1)
    _ = scene.ledger.apply([.service(service("web", at: "10.9.0.1"))], from: .manifests)
    #expect(try scene.summary(to: "10.9.0.1:80") == "hbone 10.0.0.2:15008 10.0.0.2:8080")
    _ = scene.ledger.apply([.removeWorkload(uid: "c1//Pod/shop/web-1")], from: .manifests)
    #expect(try scene.summary(to: "10.9.0.1:80") == "no_endpoint")
  }

  @Test func anEndpointThatLeavesAServiceIsNoEndpointAnyMore() throws {
    var scene = Scene([
      .workload(pod("a", at: "10.0.0.2", services: [serves("web"), serves("db")])),
      .service(service("web", at: "10.9.0.1")), .service(service("db", at: "10.9.0.2")),
    ])
    _ = scene.ledger.apply([.workload(pod("a", at: "10.0.0.2", services: [serves("db")]))], from: .manifests)
    #expect(try scene.summary(to: "10.9.0.1:80") == "no_endpoint")
    #expect(try scene.summary(to: "10.9.0.2:80") == "hbone 10.0.0.2:15008 10.0.0.2:8080")
  }

  @Test func aServiceThatChangesItsMindAboutHealthFindsItsEndpoints() throws {
    var scene = Scene([
      .workload(pod("a", at: "10.0.0.2", services: [serves("web")], health: .unhealthy)),
      .service(service("web", at: "10.9.0.1")),
    ])
    #expect(try scene.summary(to: "10.9.0.1:80") == "no_healthy_endpoint")
    let takesAll = service("web", at: "10.9.0.1", balancing: LoadBalancing(health: .allowAll))
    _ = scene.ledger.apply([.service(takesAll)], from: .manifests)
    #expect(try scene.summary(to: "10.9.0.1:80") == "hbone 10.0.0.2:15008 10.0.0.2:8080")
    _ = scene.ledger.apply([.service(service("web", at: "10.9.0.1"))], from: .manifests)
    #expect(try scene.summary(to: "10.9.0.1:80") == "no_healthy_endpoint")
  }

  @Test func changesWithinOneSetFollowEachOther() throws {
    let web = pod("web-1", at: "10.0.0.2", services: [serves("web")])
    let scene = Scene([
      .removeWorkload(uid: web.uid), .workload(web), .removeWorkload(uid: web.uid), .workload(web),
      .service(service("web", at: "10.9.0.9")), .service(service("web", at: "10.9.0.1")),
      .removeService(host("web")), .service(service("web", at: "10.9.0.1")),
    ])
    #expect(try scene.summary(to: "10.9.0.1:80") == "hbone 10.0.0.2:15008 10.0.0.2:8080")
    #expect(try scene.summary(to: "10.9.0.9:80") == "passthrough 10.9.0.9:80")
    #expect(scene.world.workloads(of: host("web")).count == 1)
  }

  @Test func manyEndpointsStayInOrder() {
    var ledger = Ledger()
    let pods = (0..<60).map { pod("p\($0)", at: "10.1.0.\($0)", services: [serves("web")]) }
    _ = ledger.apply(pods.shuffled().map(Change.workload), from: .manifests)
    for pod in pods.prefix(20) { _ = ledger.apply([.removeWorkload(uid: pod.uid)], from: .manifests) }
    _ = ledger.apply(pods.prefix(10).map(Change.workload), from: .manifests)
    let uids = ledger.snapshot.workloads(of: host("web")).map(\.uid)
    #expect(uids == (pods.prefix(10) + pods.suffix(40)).map(\.uid).sorted())
  }

  @Test func theFirstSourceIsBelieved() throws {
    var scene = Scene()
    func put(_ port: UInt16, _ source: Source) {
      let said = service("web", at: "10.9.0.1", ports: [ServicePort(80, target: port)])
      _ = scene.ledger.apply([.service(said)], from: source)
    }
    _ = scene.ledger.apply([.workload(pod("a", at: "10.0.0.2", services: [serves("web")]))], from: .kubernetes)
    put(1, .controlPlane)
    #expect(try scene.summary(to: "10.9.0.1:80") == "hbone 10.0.0.2:15008 10.0.0.2:1")
    put(2, .manifests)
    put(3, .kubernetes)
    #expect(try scene.summary(to: "10.9.0.1:80") == "hbone 10.0.0.2:15008 10.0.0.2:2")
    _ = scene.ledger.apply([.removeService(host("web"))], from: .manifests)
    #expect(try scene.summary(to: "10.9.0.1:80") == "hbone 10.0.0.2:15008 10.0.0.2:3")
    // A source takes back only what it has said itself.
    _ = scene.ledger.apply([.removeService(host("web"))], from: .manifests)
    #expect(try scene.summary(to: "10.9.0.1:80") == "hbone 10.0.0.2:15008 10.0.0.2:3")
    _ = scene.ledger.forget(.kubernetes)
    #expect(try scene.summary(to: "10.9.0.1:80") == "no_endpoint")
    _ = scene.ledger.forget(.controlPlane)
    #expect(try scene.summary(to: "10.9.0.1:80") == "passthrough 10.9.0.1:80")
  }

  @Test func whatIsSaidAlikeIsHeldOnce() throws {
    var ledger = Ledger()
    func replica(_ number: Int) -> Workload {
      Workload(
        uid: "c1//Pod/shop/web-\(number)", name: "web-\(number)", addresses: [address("10.1.0.\(number)")],
        template: Template(namespace: "shop", canonicalName: "a-name-that-is-long", services: [serves("web")]),
        place: Place(node: "a-node-name-that-is-long-\(number % 2)"))
    }
    for number in 0..<10 { _ = ledger.apply([.workload(replica(number))], from: .manifests) }
    let held = ledger.snapshot.workloads(of: host("web"))
    #expect(Set(held.map { ObjectIdentifier($0.templateBox) }).count == 1)
    #expect(Set(held.map { ObjectIdentifier($0.placeBox) }).count == 2)
    #expect(ledger.poolCounts[0] == 1 && ledger.poolCounts[1] == 2)
    for number in 0..<10 { _ = ledger.apply([.removeWorkload(uid: replica(number).uid)], from: .manifests) }
    #expect(ledger.poolCounts == [0, 0, 0])
  }

  @Test func aPolicyScopeThatChangesMovesIt() {
    var ledger = Ledger()
    func put(_ scope: Policy.Scope) -> [String?: Int] {
      let policy = Policy(namespace: "shop", name: "p", scope: scope, action: .deny, rules: [])
      _ = ledger.apply([.policy(policy)], from: .manifests)
      var found: [String?: Int] = [:]
      ledger.snapshot.policies.forEach { found[$0] = $1.count }
      return found
    }
    #expect(put(.global) == [nil: 1])
    #expect(put(.namespace) == ["shop": 1])
    #expect(put(.workload) == [:])
    #expect(ledger.snapshot.policy("shop/p") != nil)
  }

  @Test func nothingSaidAnewTouchesNothing() {
    var ledger = Ledger()
    let things: () -> [Change] = {
      [
        .workload(pod("a", at: "10.0.0.2", services: [serves("web")])), .service(service("web", at: "10.9.0.1")),
        .policy(Policy(namespace: "shop", name: "p", scope: .global, action: .allow, rules: [])),
      ]
    }
    #expect(!ledger.apply(things(), from: .manifests).isEmpty)
    let before = ledger.snapshot.workload(uid: "c1//Pod/shop/a")
    #expect(ledger.apply(things(), from: .manifests).isEmpty)
    #expect(ledger.snapshot.workload(uid: "c1//Pod/shop/a") === before)
    #expect(ledger.forget(Source(rank: 3)).isEmpty)
  }

  @Test func tooManyChangesTouchEverything() {
    var ledger = Ledger()
    func touched(_ count: Int, _ account: String) -> Touched {
      let pods = (0..<count).map { pod("p\($0)", account: account) }
      return ledger.apply(pods.map(Change.workload), from: .manifests)
    }
    let stranger = pod("stranger", at: "10.0.0.9", namespace: "other")
    let edge = touched(Touched.workloadsMax, "a")
    #expect(!edge.isEverything && edge.reaches(pod("p7")) && !edge.reaches(stranger))
    let beyond = touched(Touched.workloadsMax + 1, "b")
    #expect(beyond.isEverything && beyond.reaches(stranger))
  }

  @Test func identitiesAreReadAndWritten() throws {
    let identity = Identity(trustDomain: "td", namespace: "ns-1", serviceAccount: "sa-1")
    #expect(identity.uri == "spiffe://td/ns/ns-1/sa/sa-1")
    #expect(try #require(Identity(identity.uri)) == identity)
    #expect(String(identity.principal) == "td/ns/ns-1/sa/sa-1")
    #expect(String(identity.trustDomain) == "td" && String(identity.namespace) == "ns-1")
    #expect(String(identity.serviceAccount) == "sa-1")
    for bad in [
      "", "spiffe://", "spiffe://td", "http://td/ns/a/sa/b", "spiffe://td/ns//sa/b", "spiffe://td/ns/a/sa/",
      "spiffe:///ns/a/sa/b", "spiffe://td/ns/a/sa/b/c", "spiffe://td/sa/a/ns/b", "Spiffe://td/ns/a/sa/b",
      "spiffe://td/ns/a/sa/" + String(repeating: "b", count: 2048),
    ] {
      #expect(Identity(bad) == nil, "\(bad)")
    }
    // Parts that no certificate can carry make an identity that nobody has, and no trap.
    let odd = Identity(trustDomain: String(repeating: "t", count: 100_000), namespace: "a/b", serviceAccount: "")
    #expect(odd.namespace.elementsEqual("a/b".utf8) && odd.serviceAccount.isEmpty)
  }

  @Test func aPodsNameIsTheLastPartOfItsUidOrItsOwn() {
    func name(_ uid: String, _ name: String) -> String {
      Workload(uid: uid, name: name, template: Template(namespace: "shop")).name
    }
    #expect(name("c1//Pod/shop/web-1", "web-1") == "web-1")
    #expect(name("c1//Pod/shop/web-1", "other") == "other")
    #expect(name("web-1", "web-1") == "web-1")
    #expect(name("c1//Pod/shop/a/b", "a/b") == "a/b")
    #expect(name("c1//Pod/shop/my-web-1", "web-1") == "web-1")
    #expect(name("c1//Pod/shop/", "") == "")
  }
}
