// SPDX-License-Identifier: Apache-2.0
// Which endpoint of a service gets a connection: by place, by weight, by load, and never one that was ruled out.

import Format
import Testing

@testable import Mesh

@Suite struct PickTests {
  static let here = Place(network: "net", cluster: "c1", node: "n1", region: "eu", zone: "eu-a", subzone: "r1")

  /// Endpoints by name, each in a place.
  static func scene(_ balancing: LoadBalancing, _ endpoints: [(String, Place)]) -> Scene {
    Scene(
      endpoints.enumerated().map { index, endpoint in
        .workload(
          pod(
            endpoint.0, at: "10.1.0.\(index + 1)", services: [serves("web")], gateway: gateway("gw"), place: endpoint.1)
        )
      } + [.service(service("web", at: "10.9.0.1", network: "net", balancing: balancing))],
      client: pod("client", at: "10.0.0.1", place: here))
  }

  /// Every endpoint that is ever picked.
  static func picked(_ scene: Scene, load: Load? = nil, role: Demand.Role = .endpoint) -> Set<String> {
    guard let service = scene.world.service(host("web")) else { return [] }
    var dice = Dice(seed: 7)
    let demand = Demand(from: scene.client, port: 80, role: role)
    return Set(
      (0..<200).compactMap { _ in scene.world.pick(of: service, for: demand, load: load, dice: &dice)?.workload.name })
  }

  struct Case: Sendable, CustomTestStringConvertible {
    let name: String
    let balancing: LoadBalancing
    let picked: Set<String>
    var testDescription: String { name }
  }

  static func place(
    network: String = "net", cluster: String = "c1", node: String = "n2", region: String = "eu", zone: String = "eu-a",
    subzone: String = "r1"
  ) -> Place {
    Place(network: network, cluster: cluster, node: node, region: region, zone: zone, subzone: subzone)
  }

  static let spread: [(String, Place)] = [
    ("same-node", here), ("same-subzone", place()), ("same-zone", place(subzone: "r2")),
    ("same-region", place(zone: "eu-b", subzone: "r9")), ("elsewhere", place(region: "us", zone: "us-a")),
    ("far", place(network: "far")), ("far-us", place(network: "far", region: "us", zone: "us-a")),
  ]
  static let all = Set(spread.map(\.0))

  static let cases: [Case] = [
    Case(name: "without a mode any", balancing: LoadBalancing(.any, preferences: [.node]), picked: all),
    Case(
      name: "strict, the node", balancing: LoadBalancing(.strict, preferences: [.node]), picked: ["same-node"]),
    Case(
      name: "strict, region and zone", balancing: LoadBalancing(.strict, preferences: [.region, .zone]),
      picked: ["same-node", "same-subzone", "same-zone", "far"]),
    Case(name: "strict without preferences", balancing: LoadBalancing(.strict), picked: all),
    Case(
      name: "failover, all of it",
      balancing: LoadBalancing(.failover, preferences: [.network, .region, .zone, .subzone, .node]),
      picked: ["same-node"]),
    Case(
      name: "failover, network, region and zone",
      balancing: LoadBalancing(.failover, preferences: [.network, .region, .zone]),
      picked: ["same-node", "same-subzone", "same-zone"]),
    Case(
      name: "failover, the region first", balancing: LoadBalancing(.failover, preferences: [.region, .network, .zone]),
      picked: ["same-node", "same-subzone", "same-zone"]),
    Case(name: "failover without preferences", balancing: LoadBalancing(.failover), picked: all),
    Case(
      name: "failover, the cluster all share", balancing: LoadBalancing(.failover, preferences: [.cluster]), picked: all
    ),
  ]

  @Test(arguments: cases)
  func byPlace(_ c: Case) {
    #expect(Self.picked(Self.scene(c.balancing, Self.spread)) == c.picked)
  }

  /// The nearest leave one after the other; each time the next best take over.
  @Test func failoverGoesOutwards() {
    let balancing = LoadBalancing(.failover, preferences: [.network, .region, .zone, .subzone, .node])
    var left = Self.spread
    for expected in ["same-node", "same-subzone", "same-zone", "same-region", "elsewhere", "far", "far-us"] {
      #expect(Self.picked(Self.scene(balancing, left)) == [expected])
      left.removeFirst()
    }
    #expect(Self.picked(Self.scene(balancing, left)) == [])
  }

  @Test func strictHasNoSecondBest() {
    let none = Self.spread.filter { $0.0 != "same-node" }
    #expect(Self.picked(Self.scene(LoadBalancing(.strict, preferences: [.node]), none)) == [])
    let near = LoadBalancing(.strict, preferences: [.network, .region])
    #expect(Self.picked(Self.scene(near, Self.spread.suffix(2))) == [])
  }

  /// Two clients without a zone have that in common.
  @Test func emptyPlacesAreEqual() {
    var scene = Self.scene(
      LoadBalancing(.strict, preferences: [.zone]), [("a", Place(network: "net")), ("b", Self.here)])
    scene.client = pod("nowhere", at: "10.0.0.9", place: Place(network: "net"))
    #expect(Self.picked(scene) == ["a"])
  }

  @Test func theLessBusyOfTwo() {
    let scene = Self.scene(LoadBalancing(), Self.spread)
    // Of two different ones the idle one wins; the only way to the busiest is to draw it twice.
    var dice = Dice(seed: 3)
    var counts: [String: Int] = [:]
    guard let service = scene.world.service(host("web")) else { return }
    let busy: Load = { $0.name == "same-node" ? 100 : 1 }
    for _ in 0..<7000 {
      let pick = scene.world.pick(of: service, for: Demand(from: scene.client, port: 80), load: busy, dice: &dice)
      counts[pick?.workload.name ?? "none", default: 0] += 1
    }
    // One draw in 49 is expected: 143.
    #expect((80...210).contains(counts["same-node", default: 0]))
    #expect(counts["none"] == nil)
  }

  @Test(arguments: [
    [1, 1, 1, 1], [1, 2, 3, 4], [0, 5, 0, 1], [1, 1000, 1, 1], [7], [0, 0], [UInt32.max, UInt32.max, 1],
  ])
  func weightsAreKept(weights: [UInt32]) {
    let lottery = Lottery(Array(weights.indices)) { weights[$0] }
    var dice = Dice(seed: 11)
    var counts = [Int](repeating: 0, count: weights.count)
    let draws = 40_000
    for _ in 0..<draws { if let ticket = lottery.draw(from: lottery.places, &dice) { counts[ticket] += 1 } }
    let sum = weights.reduce(0.0) { $0 + Double($1) }
    #expect(counts.reduce(0, +) == (sum > 0 ? draws : 0))
    for (count, weight) in zip(counts, weights) where sum > 0 {
      let share = Double(weight) / sum
      // Five standard deviations.
      let slack = 5 * (Double(draws) * share * (1 - share)).squareRoot() + 1
      #expect(abs(Double(count) - Double(draws) * share) <= slack)
      if weight == 0 { #expect(count == 0) }
    }
  }

  /// Whoever stands outside of a part has no share in it, however much it weighs.
  @Test(arguments: [[1, 1, 1, 1, 1, 1], [50, 1, 2, 3, 0, 90]] as [[UInt32]])
  func aPartIsDrawnFromByItsOwnWeights(weights: [UInt32]) {
    let tickets = [3, 4, 2, 1, 0, 5]
    let lottery = Lottery(tickets) { weights[$0] }
    var dice = Dice(seed: 13)
    var counts = [Int](repeating: 0, count: weights.count)
    for _ in 0..<6000 { if let ticket = lottery.draw(from: 1..<4, &dice) { counts[ticket] += 1 } }
    let part = tickets[1..<4]
    let sum = part.reduce(0) { $0 + Int(weights[$1]) }
    #expect(counts.reduce(0, +) == 6000)
    for ticket in tickets {
      let expected = part.contains(ticket) ? 6000 * Int(weights[ticket]) / sum : 0
      #expect(expected == 0 ? counts[ticket] == 0 : abs(counts[ticket] - expected) < 200)
    }
    #expect(lottery.draw(from: 2..<2, &dice) == nil)
  }

  /// Those that suit share by weight even when nearly all draws are in vain.
  @Test func weightsAreKeptAmongTheFewThatSuit() throws {
    let suiting = (0..<3).map { index in
      Change.workload(
        pod(
          "s\(index)", at: "10.1.1.\(index)", services: [serves("web", ports: [ServicePort(80, target: 8080)])],
          capacity: UInt32(index + 1)))
    }
    let others = (0..<200).map {
      Change.workload(pod("o\($0)", at: "10.1.2.\($0)", services: [serves("web")], capacity: 50))
    }
    let scene = Scene(
      suiting + others + [.service(service("web", at: "10.9.0.1", ports: [ServicePort(80, target: 0)]))])
    var counts: [String: Int] = [:]
    for seed in 0..<6000 {
      let workload = try #require(try scene.route(to: "10.9.0.1:80", seed: UInt64(seed)).path?.workload)
      counts[workload.name, default: 0] += 1
    }
    #expect(counts.keys.sorted() == ["s0", "s1", "s2"])
    #expect((850...1150).contains(counts["s0", default: 0]) && (2800...3200).contains(counts["s2", default: 0]))
  }
}
