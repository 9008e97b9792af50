// SPDX-License-Identifier: Apache-2.0
// Pick: one endpoint of a service for one connection.
//
//   those with most in common with the client ─► draw ─► does it suit this client and port? ─► picked
//                       ▲                        ▲ no: draw again, four times, then weigh those that suit
//                       └── nobody there suits: those with less in common, unless the service is STRICT
//
// A draw hardly depends on the number of endpoints, and most services suit on the first: what never suits anybody is not
// in the lottery.

/// What a connection asks of an endpoint.
package struct Demand: Sendable {
  /// What the endpoint is wanted for.
  package enum Role: Sendable {
    /// The service itself: it listens where the service maps the port to.
    case endpoint
    /// A waypoint: the same, or any port when a proxy in the workload takes everything.
    case waypoint
    /// A way into another network: as a waypoint, and it can be reached although it belongs to that network.
    case gateway
  }

  /// Who asks.
  package let client: Workload
  /// The port that was dialled.
  package let port: UInt16
  /// What the endpoint is wanted for.
  package let role: Role
  /// The uids of endpoints that were tried before, for the same connection.
  package let tried: [String]

  /// Joins them.
  package init(from client: Workload, port: UInt16, role: Role = .endpoint, tried: [String] = []) {
    self.client = client
    self.port = port
    self.role = role
    self.tried = tried
  }
}

/// An endpoint that was picked.
package struct Pick: Equatable, Sendable {
  /// Who said where the endpoint listens.
  package enum PortSource: Sendable { case endpoint, service, applicationTunnel }

  /// The endpoint.
  package let workload: Workload
  /// Where it listens.
  package let port: UInt16
  /// Who said so.
  package let portSource: PortSource
}

/// How busy a workload is: connections that are open, or whatever the caller counts. It is divided by the capacity.
package typealias Load = (Workload) -> UInt32

extension Snapshot {
  /// Picks an endpoint; nil when none suits. With a load, the less busy one of two that were drawn.
  package func pick(of service: Service, for demand: Demand, load: Load? = nil, dice: inout Dice) -> Pick? {
    guard let endpoints = endpoints.find(service.name) else { return nil }
    let field = Field(service: service, workloads: endpoints.workloads, demand: demand)
    guard let one = field.pick(from: endpoints, &dice) else { return nil }
    guard let load, let other = field.pick(from: endpoints, &dice) else { return one }
    return one.isBusier(than: other, load) ? other : one
  }

  /// Every endpoint of a service, and why it may not be picked for a demand: what `pick` does, said for each of them.
  package func survey(of service: Service, for demand: Demand) -> [(workload: Workload, exclusion: Exclusion?)] {
    let workloads = workloads(of: service.name)
    let field = Field(service: service, workloads: workloads, demand: demand)
    let balancing = service.balancing
    let best = workloads.filter { field.exclusion(of: $0) == nil }.map { field.rank(of: $0) }.max()
    return workloads.map { workload in
      if let exclusion = field.exclusion(of: workload) { return (workload, exclusion) }
      let (rank, count) = (field.rank(of: workload), balancing.preferences.count)
      switch balancing.mode {
      case .strict where rank.common < count: return (workload, .notStrict(common: rank.common, of: count))
      case .failover where rank < best ?? rank:
        return (workload, .lessPreferred(common: rank.common, best: best?.common ?? 0))
      default: return (workload, nil)
      }
    }
  }

  /// Why no endpoint could be picked: what became of the one that came nearest.
  func reasonForNone(of service: Service, for demand: Demand) -> Reason {
    survey(of: service, for: demand).compactMap(\.exclusion).map(\.reason).max { $0.nearness < $1.nearness }?.reason
      ?? .noEndpoint
  }
}

/// The endpoints of a service before the eyes of one client.
private struct Field {
  /// Draws before those that suit are weighed one by one.
  private static let drawsMax = 4

  let service: Service
  let workloads: [Workload]
  let demand: Demand

  func pick(from endpoints: Endpoints, _ dice: inout Dice) -> Pick? {
    let (nearest, preferences) = (endpoints.nearest, service.balancing.usedPreferences)
    guard let elsewhere = endpoints.elsewhere else { return pick(nearest, nearest.places, preferences, &dice) }
    let rest = preferences.dropFirst()
    return pick(nearest, part(of: nearest.places, in: nearest, by: .network), rest, &dice)
      ?? pick(elsewhere, elsewhere.places, rest, &dice)
  }

  /// From the part of a lottery that has most in common with the client, then from larger ones.
  private func pick(
    _ lottery: Lottery, _ places: Range<Int>, _ preferences: ArraySlice<LoadBalancing.Scope>, _ dice: inout Dice
  ) -> Pick? {
    guard let scope = preferences.first else { return draw(lottery, places, &dice) }
    let nearer = part(of: places, in: lottery, by: scope)
    if let found = pick(lottery, nearer, preferences.dropFirst(), &dice) { return found }
    return service.balancing.mode == .failover ? draw(lottery, places, &dice) : nil
  }

  /// Those that have a thing in common with the client. They stand together: the lottery is in the order of such things.
  private func part(of places: Range<Int>, in lottery: Lottery, by scope: LoadBalancing.Scope) -> Range<Int> {
    let wanted = demand.client.place.value(of: scope)
    func value(_ place: Int) -> String { workloads[lottery[place]].place.value(of: scope) }
    let start = places.bisect { value($0) >= wanted }
    return start..<(start..<places.upperBound).bisect { value($0) > wanted }
  }

  private func draw(_ lottery: Lottery, _ places: Range<Int>, _ dice: inout Dice) -> Pick? {
    for _ in 0..<Self.drawsMax {
      guard let ticket = lottery.draw(from: places, &dice) else { return nil }
      let workload = workloads[ticket]
      if exclusion(of: workload) == nil { return picked(workload) }
    }
    let suiting = places.map { workloads[lottery[$0]] }.filter { exclusion(of: $0) == nil }
    guard !suiting.isEmpty else { return nil }
    var left = dice.below(suiting.reduce(0) { $0 + UInt64($1.capacity) })
    let index = suiting.firstIndex { workload in
      defer { left = left >= UInt64(workload.capacity) ? left - UInt64(workload.capacity) : 0 }
      return left < UInt64(workload.capacity)
    }
    return index.flatMap { picked(suiting[$0]) }
  }

  private func picked(_ workload: Workload) -> Pick? {
    target(of: workload).map { Pick(workload: workload, port: $0.port, portSource: $0.source) }
  }

  /// Why an endpoint does not suit, whatever others have to offer.
  func exclusion(of workload: Workload) -> Exclusion? {
    if let exclusion = Endpoints.exclusion(of: workload, under: service.balancing.health) { return exclusion }
    if target(of: workload) == nil { return .noPort }
    if workload.network != demand.client.network, demand.role != .gateway {
      if workload.template.networkGateway == nil { return .noGateway }
    } else if workload.addresses.isEmpty, workload.hostname.isEmpty {
      return .noAddress
    }
    return demand.tried.contains(workload.uid) ? .tried : nil
  }

  /// Where an endpoint listens for the port that was dialled.
  private func target(of workload: Workload) -> (port: UInt16, source: Pick.PortSource)? {
    let said = service.ports.entry(demand.port)
    let takesAll = demand.role != .endpoint && workload.template.applicationTunnel != nil
    guard said != nil || takesAll else { return nil }
    if let own = workload.ports(for: service.name)?.entry(demand.port), own.target > 0 {
      return (own.target, .endpoint)
    }
    if let said, said.target > 0 { return (said.target, .service) }
    return takesAll ? (demand.port, .applicationTunnel) : nil
  }

  /// What an endpoint has in common with the client.
  func rank(of workload: Workload) -> Rank {
    let (preferences, client) = (service.balancing.preferences, demand.client.place)
    func agree(_ scope: LoadBalancing.Scope) -> Bool { client.value(of: scope) == workload.place.value(of: scope) }
    guard preferences.first == .network else {
      return Rank(isNear: true, common: preferences.prefix { agree($0) }.count)
    }
    // The network comes first in a sense of its own: whoever is in another one may still be nearer than others there.
    let common = preferences.dropFirst().prefix { agree($0) }.count
    return agree(.network) ? Rank(isNear: true, common: common + 1) : Rank(isNear: false, common: common)
  }
}

/// How much an endpoint has in common with a client.
private struct Rank: Comparable {
  let isNear: Bool
  let common: Int

  static func < (one: Rank, other: Rank) -> Bool {
    one.isNear == other.isNear ? one.common < other.common : other.isNear
  }
}

extension Pick {
  fileprivate func isBusier(than other: Pick, _ load: Load) -> Bool {
    // load / capacity, without a division.
    UInt64(load(workload)) * UInt64(other.workload.capacity) > UInt64(load(other.workload)) * UInt64(workload.capacity)
  }
}

extension Exclusion {
  /// The reason for a connection, if nobody came nearer, and how near this one came.
  fileprivate var reason: (reason: Reason, nearness: Int) {
    switch self {
    case .unhealthy, .noCapacity: (.noHealthyEndpoint, 0)
    case .noAddress: (.noEndpointAddress, 1)
    case .noPort: (.noEndpointPort, 2)
    case .noGateway: (.noGateway, 3)
    case .notStrict, .lessPreferred: (.noPreferredEndpoint, 4)
    case .tried: (.endpointsTried, 5)
    }
  }
}
