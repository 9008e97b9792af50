// SPDX-License-Identifier: Apache-2.0
// What holds for any history: the result depends on what was said, not on when; and no answer contradicts its reasons.

import Format
import Testing

@testable import Mesh

@Suite struct PropertyTests {
  static let histories = 10_000

  /// Whatever the order and the cut of changes, the world is the one that is built from what was said last; worlds that
  /// were handed out meanwhile stay as they were; and nothing is held for what is gone.
  @Test func incrementalEqualsFresh() {
    var failures: [Int] = []
    for seed in 0..<Self.histories where !Self.isHistoryConsistent(seed: UInt64(seed)) { failures.append(seed) }
    #expect(failures.isEmpty, "seeds \(failures.prefix(5))")
  }

  private static func isHistoryConsistent(seed: UInt64) -> Bool {
    var chance = Chance(seed: seed)
    var ledger = Ledger()
    var said: [Source: [String: Change]] = [:]
    var kept: (world: Snapshot, dump: [String])?
    for _ in 0..<chance.number(1...8) {
      let source = chance.element([Source.manifests, .kubernetes])
      if chance.number(0...15) == 0 {
        _ = ledger.forget(source)
        said[source] = nil
        continue
      }
      let changes = (0..<chance.number(1...6)).map { _ in chance.change() }
      _ = ledger.apply(changes, from: source)
      for change in changes { said[source, default: [:]][change.name] = change.isRemoval ? nil : change }
      if chance.number(0...3) == 0 { kept = (ledger.snapshot, ledger.snapshot.dump) }
    }
    var fresh = Ledger()
    for source in said.keys.sorted(by: >) {
      _ = fresh.apply(chance.shuffled(Array(said[source, default: [:]].values)), from: source)
    }
    let isOldOneUnchanged = kept.map { $0.world.dump == $0.dump } ?? true
    let isEqual = ledger.snapshot.dump == fresh.snapshot.dump && ledger.poolCounts == fresh.poolCounts
    for source in said.keys { _ = ledger.forget(source) }
    let isEmpty = ledger.snapshot.dump.isEmpty && ledger.poolCounts == [0, 0, 0]
    return isOldOneUnchanged && isEqual && isEmpty
  }

  /// A pick is never one that the survey rules out, and there is a pick whenever the survey leaves one. The survey ranks
  /// each endpoint by itself and knows nothing of stages and lotteries.
  @Test func noPickContradictsTheSurvey() {
    var failures: [Int] = []
    var outcomes: [String: Int] = [:]
    for seed in 0..<Self.histories {
      let (isConsistent, outcome) = Self.isPickConsistent(seed: UInt64(seed))
      if !isConsistent { failures.append(seed) }
      outcomes[outcome, default: 0] += 1
    }
    #expect(failures.isEmpty, "seeds \(failures.prefix(5))")
    // The worlds are not all of one kind.
    #expect(outcomes["picked", default: 0] > 2000 && outcomes["none", default: 0] > 500, "\(outcomes)")
  }

  private static func isPickConsistent(seed: UInt64) -> (Bool, String) {
    var chance = Chance(seed: seed)
    var ledger = Ledger()
    let changes = (0..<chance.number(3...12)).map { _ in Change.workload(chance.workload()) }
    _ = ledger.apply(changes + [.service(chance.service("s0"))], from: .manifests)
    let world = ledger.snapshot
    guard let service = world.service(Chance.name("s0")) else { return (false, "no service") }
    let demand = Demand(
      from: chance.workload(), port: chance.element([80, 81]),
      role: chance.element([.endpoint, .endpoint, .waypoint, .gateway]),
      tried: chance.number(0...3) == 0 ? ["c//Pod/ns/w1", "c//Pod/ns/w2"] : [])
    let survey = world.survey(of: service, for: demand)
    let allowed = Set(survey.filter { $0.exclusion == nil }.map(\.workload.uid))
    var dice = Dice(seed: seed)
    var picks: Set<String> = []
    for _ in 0..<40 {
      let load: Load? = chance.number(0...1) == 0 ? { UInt32($0.uid.utf8.count) } : nil
      if let pick = world.pick(of: service, for: demand, load: load, dice: &dice) { picks.insert(pick.workload.uid) }
    }
    if service.balancing.mode == .passthrough { return (picks.isEmpty, "passthrough") }
    return (picks.isSubset(of: allowed) && picks.isEmpty == allowed.isEmpty, picks.isEmpty ? "none" : "picked")
  }

  /// The same for whole routes, through waypoints and gateways: whoever is at the far end was not ruled out there.
  @Test func noRouteContradictsItsSteps() {
    var failures: [Int] = []
    var outcomes: [String: Int] = [:]
    for seed in 0..<Self.histories {
      var chance = Chance(seed: UInt64(seed))
      var ledger = Ledger()
      let things = (0..<chance.number(6...14)).map { _ in Change.workload(chance.workload()) }
      _ = ledger.apply(things + ["s0", "s1", "s2"].map { .service(chance.service($0)) }, from: .manifests)
      let client = chance.workload(at: "10.0.0.200")
      let dialled = Endpoint(chance.element(Chance.addresses + Chance.vips), port: chance.element([80, 81]))
      var dice = Dice(seed: UInt64(seed))
      let options = RouteOptions(refusesUnknown: chance.flag(), bypassesMissingWaypoint: chance.flag())
      let route = ledger.snapshot.route(from: client, to: dialled, under: options, dice: &dice)
      if !Self.isConsistent(route, from: client, to: dialled, in: ledger.snapshot) { failures.append(seed) }
      outcomes[route.path?.carriage.rawValue ?? "refused", default: 0] += 1
    }
    #expect(failures.isEmpty, "seeds \(failures.prefix(5))")
    #expect(outcomes.count == 5 && outcomes.values.allSatisfy { $0 > 40 }, "\(outcomes)")
  }

  private static func isConsistent(_ route: Route, from client: Workload, to dialled: Endpoint, in world: Snapshot)
    -> Bool
  {
    for case .picked(let workload, let service) in route.steps {
      // A waypoint or gateway is asked for by its own port, an endpoint by the one that was dialled.
      let roles: [(UInt16, Demand.Role)] = [(dialled.port, .endpoint), (15008, .waypoint), (15008, .gateway)]
      let isAllowed = roles.contains { port, role in
        world.survey(of: service, for: Demand(from: client, port: port, role: role))
          .contains { $0.workload === workload && $0.exclusion == nil }
      }
      if !isAllowed { return false }
    }
    guard let path = route.path else { return route.refusal != nil }
    switch path.carriage {
    case .passthrough: return path.hop == .address(dialled) && path.authority == nil && path.workload == nil
    case .tcp: return path.authority == nil && path.workload?.template.tunnel == Template.Tunnel.none
    case .hbone: return path.authority != nil && path.peers.identity == path.workload?.identity
    case .doubleHBONE:
      return path.gateway != nil && !path.innerPeers.uris.isEmpty && path.workload?.network != client.network
    }
  }
}
