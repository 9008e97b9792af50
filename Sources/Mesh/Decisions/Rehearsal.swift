// SPDX-License-Identifier: Apache-2.0
// Rehearsal: the whole way of a connection, decided as it would be, without making it.
//
//   a client in the mesh:  route ─► admitted there? ─► judged there? ─┬─► arrived
//                            ▲                                        └─ a waypoint: it is the client of the next leg
//   anybody else:          the endpoint the network would pick ─► judged there, as plaintext
//
// What is not decided here is said to be so: by a waypoint's own proxy, in another network, or by nobody.

package import Format

/// Who makes a connection.
package enum Caller: Sendable {
  /// A workload, through its tunnel if it has one.
  case workload(Workload)
  /// A workload that is made to go around its tunnel.
  case plaintext(Workload)
  /// An address that belongs to nobody.
  case stranger(IPAddress)
}

/// The whole way of a connection.
package struct Rehearsal: Sendable {
  /// Who decides about a connection at its end.
  package enum Judge: Equatable, Sendable {
    /// The node of the workload, by policy.
    case node(Verdict)
    /// The workload's own proxy: it ends tunnels itself.
    case proxy
    /// Somebody in another network.
    case otherNetwork
    /// Nobody: there is no tunnel at that end.
    case nobody
  }

  /// From one end of a connection to the other.
  package struct Leg: Sendable {
    /// Who connects; nil for somebody who belongs to nobody.
    package let client: Workload?
    /// The route; nil for a client that has no tunnel.
    package let route: Route?
    /// Where it ends, if somebody is known there.
    package let server: Workload?
    /// What the other end sees.
    package let connection: Connection?
    /// Why it is not served there.
    package let refusal: Reason?
    /// Who decides there; nil when it does not come so far.
    package let judge: Judge?

    /// Why this leg ends it all.
    package var reason: Reason? {
      if let reason = route?.refusal ?? refusal { return reason }
      if case .node(let verdict)? = judge { return verdict.refusal }
      return nil
    }
  }

  /// More waypoints in a row than this go in circles.
  static let legsMax = 4

  /// The legs, in their order.
  package let legs: [Leg]

  /// Why there is no connection; nil when there is one.
  package var reason: Reason? { legs.lazy.compactMap(\.reason).first }
}

extension Snapshot {
  /// Decides about a connection as it would be decided, from end to end.
  package func rehearse(
    from caller: Caller, to dialled: Endpoint, under options: RouteOptions = RouteOptions(), network: String = "",
    dice: inout Dice
  ) -> Rehearsal {
    guard case .workload(let first) = caller, first.template.tunnel == .hbone else {
      return Rehearsal(legs: [plaintext(from: caller, to: dialled, network: network, dice: &dice)])
    }
    var legs: [Rehearsal.Leg] = []
    var client = first
    while legs.count < Rehearsal.legsMax {
      let leg = leg(from: client, to: dialled, under: options, dice: &dice)
      legs.append(leg)
      guard leg.reason == nil, leg.route?.path?.waypoint != nil, let waypoint = leg.server else { break }
      client = waypoint
    }
    return Rehearsal(legs: legs)
  }

  private func leg(
    from client: Workload, to dialled: Endpoint, under options: RouteOptions, dice: inout Dice
  ) -> Rehearsal.Leg {
    let route = route(from: client, to: dialled, under: options, dice: &dice)
    func leg(
      to server: Workload? = nil, _ connection: Connection? = nil, refusal: Reason? = nil,
      _ judge: Rehearsal.Judge? = nil
    ) -> Rehearsal.Leg {
      Rehearsal.Leg(
        client: client, route: route, server: server, connection: connection, refusal: refusal, judge: judge)
    }
    guard let path = route.path else { return leg() }
    switch path.carriage {
    case .passthrough, .tcp: return leg(to: path.workload, nil, .nobody)
    case .doubleHBONE: return leg(to: path.workload, nil, .otherNetwork)
    case .hbone: break
    }
    guard let server = path.workload, let authority = path.authority, case .address(let hop) = path.hop else {
      return leg(to: path.workload, nil, .nobody)
    }
    if server.template.isNativeTunnel { return leg(to: server, nil, .proxy) }
    do throws(Reason) {
      let delivery = try admit(authority, to: server, at: hop.address, ownPorts: options.ownPorts)
      let connection = Connection(
        from: client.address(near: hop.address), to: delivery.destination, identity: client.identity)
      return leg(to: server, connection, .node(authorize(connection, to: server)))
    } catch {
      return leg(to: server, refusal: error)
    }
  }

  /// Somebody without a tunnel dials: the network picks an endpoint, and it arrives as it is.
  private func plaintext(
    from caller: Caller, to dialled: Endpoint, network: String, dice: inout Dice
  ) -> Rehearsal.Leg {
    let (client, source): (Workload?, IPAddress) =
      switch caller {
      case .workload(let workload), .plaintext(let workload): (workload, workload.address(near: dialled.address))
      case .stranger(let address): (nil, address)
      }
    func leg(
      to server: Workload? = nil, _ connection: Connection? = nil, refusal: Reason? = nil,
      _ judge: Rehearsal.Judge? = nil
    ) -> Rehearsal.Leg {
      Rehearsal.Leg(client: client, route: nil, server: server, connection: connection, refusal: refusal, judge: judge)
    }
    let place = NetworkAddress(network: client?.network ?? network, dialled.address)
    let server: Workload
    var port = dialled.port
    switch destination(at: place, for: client?.namespace ?? "") {
    case nil: return leg(to: nil, nil, .nobody)
    case .workload(let workload): server = workload
    case .service(let service):
      if service.balancing.mode == .passthrough { return leg(to: nil, nil, .nobody) }
      let asker =
        client ?? Workload(uid: "", name: "", template: Template(namespace: ""), place: Place(network: network))
      let demand = Demand(from: asker, port: dialled.port)
      guard let pick = pick(of: service, for: demand, dice: &dice) else {
        return leg(refusal: reasonForNone(of: service, for: demand))
      }
      (server, port) = (pick.workload, pick.port)
    }
    guard server.template.tunnel == .hbone else { return leg(to: server, nil, .nobody) }
    let arrival = server.addresses.contains(dialled.address) ? dialled.address : server.address(near: dialled.address)
    let connection = Connection(from: source, to: Endpoint(arrival, port: port), identity: nil)
    return leg(to: server, connection, .node(authorize(connection, to: server)))
  }
}

extension Workload {
  /// The address a workload would use to talk to another one.
  fileprivate func address(near other: IPAddress) -> IPAddress {
    addresses.first { $0.isV4 == other.isV4 } ?? addresses.first ?? (other.isV4 ? .anyV4 : .anyV6)
  }
}
