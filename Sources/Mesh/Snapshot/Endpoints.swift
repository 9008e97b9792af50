// SPDX-License-Identifier: Apache-2.0
// Endpoints: the workloads of one service, ready for a pick. Made anew when one of them, or the service, changes.
//
//   [NETWORK, REGION, ZONE] FAILOVER, for a client in net-1 / eu / eu-a:
//
//     all ─ net-1 ─ eu ─ eu-a       the deepest stage the client can reach is asked first,
//       └ net-2 ─ us ─ us-b         then those above it; STRICT asks only the one at full depth
//
// Endpoints that wait for their service are the same thing without a service: nothing is staged elsewhere.

/// The workloads of one service.
final class Endpoints: Keyed {
  let service: ServiceName
  /// All of them, in order of their uids: unhealthy ones, too, for the day the service takes those.
  let workloads: [Workload]
  /// Those that may be picked at all, by what they have in common with a client.
  let stage: Stage

  var key: ServiceName { service }

  init(of name: ServiceName, service: Service?, workloads: [Workload]) {
    self.service = name
    self.workloads = workloads
    guard let balancing = service?.balancing, balancing.mode != .passthrough else {
      stage = Stage([], workloads, by: [])
      return
    }
    let able = workloads.indices.filter { Self.exclusion(of: workloads[$0], under: balancing.health) == nil }
    stage = Stage(able.map(UInt32.init), workloads, by: balancing.mode == .any ? [] : balancing.preferences[...])
  }

  /// Why an endpoint may not be picked by anyone; nil when it may.
  static func exclusion(of workload: Workload, under policy: LoadBalancing.HealthPolicy) -> Exclusion? {
    if policy == .onlyHealthy, workload.health == .unhealthy { return .unhealthy }
    if workload.capacity == 0 { return .noCapacity }
    if workload.addresses.isEmpty, workload.hostname.isEmpty, workload.template.networkGateway == nil {
      return .noAddress
    }
    return nil
  }
}

/// Endpoints that have the same things in common with a client.
struct Stage: Sendable {
  let lottery: Lottery
  /// Stages with one thing more in common, by its value.
  let deeper: [String: Stage]
  /// Instead of the lottery, when the first preference is the network: others networks, by the other preferences.
  let elsewhere: [Stage]

  init(
    _ members: [UInt32], _ workloads: [Workload], by preferences: ArraySlice<LoadBalancing.Scope>, isFirst: Bool = true
  ) {
    lottery = Lottery(members.map { ($0, workloads[Int($0)].capacity) })
    guard let scope = preferences.first else {
      deeper = [:]
      elsewhere = []
      return
    }
    let rest = preferences.dropFirst()
    let groups = Dictionary(grouping: members) { workloads[Int($0)].place.value(of: scope) }
    deeper = groups.mapValues { Stage($0, workloads, by: rest, isFirst: false) }
    elsewhere = isFirst && scope == .network ? [Stage(members, workloads, by: rest, isFirst: false)] : []
  }
}

/// Why an endpoint was passed over.
package enum Exclusion: Hashable, Sendable {
  /// The service wants healthy endpoints only.
  case unhealthy
  /// Its capacity is 0.
  case noCapacity
  /// It has no address, no hostname, and no gateway.
  case noAddress
  /// It does not listen for the port that was dialled.
  case noPort
  /// It is in another network, and nobody said through which gateway.
  case noGateway
  /// It was tried before, for the same connection.
  case tried
  /// Others have more in common with the client: so many of the service's preferences against so many.
  case lessPreferred(common: Int, best: Int)
  /// The service insists on all of its preferences, and this is how many hold.
  case notStrict(common: Int, of: Int)
}
