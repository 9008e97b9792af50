// SPDX-License-Identifier: Apache-2.0
// Endpoints: the workloads of one service, ready for a pick. Made anew when one of them, or the service, changes.
//
//   [NETWORK, REGION, ZONE] FAILOVER, for a client in net-1 / eu / eu-a:
//
//     nearest    net-1 eu eu-a   net-1 eu eu-a   net-1 eu eu-b   net-1 us us-a   net-2 eu eu-a   net-2 us us-b
//                └─ asked first ─────────────┘               │               │
//                └─ then ────────────────────────────────────┘               │
//                └─ then ────────────────────────────────────────────────────┘    STRICT asks only the first
//     elsewhere  all of them in the order of region and zone, asked in the same way when nobody in net-1 suits
//
// Endpoints that wait for their service are the same thing without a service: nobody takes part.

/// The workloads of one service.
final class Endpoints: Keyed {
  let service: ServiceName
  /// All of them, in order of their uids: unhealthy ones, too, for the day the service takes those.
  let workloads: [Workload]
  /// Those that may be picked at all. Whoever has the same things in common with a client stands together.
  let nearest: Lottery
  /// The same by the other preferences, when the first one is the network.
  let elsewhere: Lottery?

  var key: ServiceName { service }

  init(of name: ServiceName, service: Service?, workloads: [Workload]) {
    self.service = name
    self.workloads = workloads
    let balancing = service?.balancing ?? LoadBalancing(.passthrough)
    let able =
      balancing.mode == .passthrough
      ? [] : workloads.indices.filter { Self.exclusion(of: workloads[$0], under: balancing.health) == nil }
    let preferences = balancing.usedPreferences
    nearest = Lottery(able, workloads, by: preferences)
    elsewhere =
      balancing.mode == .failover && preferences.first == .network
      ? Lottery(able, workloads, by: preferences.dropFirst()) : nil
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

extension LoadBalancing {
  /// The preferences, if they mean anything.
  var usedPreferences: ArraySlice<Scope> { mode == .any ? [] : preferences[...] }
}

extension Lottery {
  fileprivate init(
    _ members: [Int], _ workloads: [Workload], by preferences: ArraySlice<LoadBalancing.Scope>
  ) {
    func precedes(_ one: Int, _ other: Int) -> Bool {
      for scope in preferences {
        let (value, otherValue) = (workloads[one].place.value(of: scope), workloads[other].place.value(of: scope))
        if value != otherValue { return value < otherValue }
      }
      return one < other
    }
    self.init(preferences.isEmpty ? members : members.sorted(by: precedes)) { workloads[$0].capacity }
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
