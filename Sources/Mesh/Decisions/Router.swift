// SPDX-License-Identifier: Apache-2.0
// Router: how a route is found, from top to bottom.
//
//   a port of the mesh on the client itself?             refused
//   a service with a waypoint?                           to the waypoint, asking for what was dialled
//   a service (passthrough?) │ a workload │ nobody       pick an endpoint │ that one │ as dialled, or refused
//   the endpoint is in another network?                  through its gateway, in two tunnels
//   dialled as a workload, and it has a waypoint?        to the waypoint, asking for what was dialled
//   otherwise                                            to the endpoint: in a tunnel if it has one
//
// An address that a workload and a service share means the workload for the question of waypoints, and the service for
// the choice of an endpoint: that is what the other nodes of such a mesh do.

package import Format

extension Snapshot {
  /// Finds the way of a connection from a workload to what it dialled.
  ///
  /// `tried` holds the uids of workloads that could not be reached for the same connection.
  package func route(
    from client: Workload, to dialled: Endpoint, under options: RouteOptions = RouteOptions(), tried: [String] = [],
    load: Load? = nil, dice: inout Dice
  ) -> Route {
    var router = Router(world: self, client: client, dialled: dialled, options: options, tried: tried, dice: dice)
    let outcome: Route.Outcome
    do throws(Reason) {
      outcome = .go(try router.path(load))
    } catch {
      outcome = .refused(error)
    }
    dice = router.dice
    return Route(outcome: outcome, service: router.service, steps: router.steps)
  }
}

private struct Router {
  let world: Snapshot
  let client: Workload
  let dialled: Endpoint
  let options: RouteOptions
  let tried: [String]
  var dice: Dice
  /// The service that was dialled.
  var service: Service?
  var steps: [Step] = []

  init(
    world: Snapshot, client: Workload, dialled: Endpoint, options: RouteOptions, tried: [String], dice: Dice
  ) {
    self.world = world
    self.client = client
    self.dialled = dialled
    self.options = options
    self.tried = tried
    self.dice = dice
    steps.reserveCapacity(6)
  }

  mutating func path(_ load: Load?) throws(Reason) -> Path {
    if options.ownPorts.contains(dialled.port), dialled.address.isLoopback || client.addresses.contains(dialled.address)
    {
      throw .ownPort
    }
    let address = NetworkAddress(network: client.network, dialled.address)
    let owners = world.owners(of: address, for: client.namespace)
    note(owners, at: address)
    // It was dialled as a service: an address that a workload has, too, means the workload.
    if let service, let gateway = waypoint(of: service), let path = try through(gateway, to: service) { return path }
    guard let endpoint = try endpoint(of: owners, load) else { return try passthrough() }
    if endpoint.workload.network != client.network { return try elsewhere(endpoint) }
    if owners.workload != nil, let gateway = endpoint.workload.template.waypoint,
      let path = try through(gateway, to: nil)
    {
      return path
    }
    return try direct(endpoint)
  }

  private mutating func note(_ owners: Snapshot.Owners, at address: NetworkAddress) {
    if let workload = owners.workload {
      steps.append(.isWorkload(workload))
    } else if let service = owners.service {
      self.service = service
      steps.append(.isService(service))
    } else {
      steps.append(.isUnknown(address))
    }
  }
}

// MARK: Endpoints

/// An endpoint that was chosen, with what is known of it.
private struct Chosen {
  let workload: Workload
  let port: UInt16
  /// The service it was chosen for.
  let service: Service?
}

extension Router {
  /// Nil when the address is to be used as it was dialled.
  private mutating func endpoint(of owners: Snapshot.Owners, _ load: Load?) throws(Reason) -> Chosen? {
    guard let service = owners.service else {
      return owners.workload.map { Chosen(workload: $0, port: dialled.port, service: nil) }
    }
    self.service = service
    if service.balancing.mode == .passthrough {
      steps.append(.isPassthrough(service))
      return nil
    }
    return try pick(of: service, port: dialled.port, as: .endpoint, load)
  }

  private mutating func pick(
    of service: Service, port: UInt16, as role: Demand.Role, _ load: Load? = nil
  ) throws(Reason) -> Chosen {
    let demand = Demand(from: client, port: port, role: role, tried: tried)
    guard let pick = world.pick(of: service, for: demand, load: load, dice: &dice) else {
      throw world.reasonForNone(of: service, for: demand)
    }
    steps.append(.picked(pick.workload, of: service))
    if pick.port != port { steps.append(.mapsPort(from: port, to: pick.port, pick.portSource)) }
    return Chosen(workload: pick.workload, port: pick.port, service: service)
  }

  private func passthrough() throws(Reason) -> Path {
    if service == nil, options.refusesUnknown { throw .unknownDestination }
    return Path(carriage: .passthrough, hop: .address(dialled), workload: nil)
  }

  private mutating func direct(_ endpoint: Chosen) throws(Reason) -> Path {
    let workload = endpoint.workload
    let families = endpoint.service?.families ?? .automatic
    let isTunnel = workload.template.tunnel == .hbone
    let port = isTunnel ? options.tunnelPort : endpoint.port
    let hop = try hop(to: workload, port: port, near: dialled.address, families)
    guard isTunnel else { return Path(carriage: .tcp, hop: hop, workload: workload) }
    return Path(
      carriage: .hbone, hop: hop, authority: hop.authority(port: endpoint.port),
      peers: Peers(identity: workload.identity, names: endpoint.service?.subjectNames ?? []), workload: workload)
  }

  /// The address of a workload that is used: the one that was dialled, or one of that family, or any that is allowed.
  private mutating func hop(
    to workload: Workload, port: UInt16, near dialled: IPAddress, _ families: Service.Families
  ) throws(Reason) -> Hop {
    let hop: Hop
    if workload.addresses.contains(dialled) {
      hop = .address(Endpoint(dialled, port: port))
    } else if let address = workload.addresses.nearest(to: dialled, families) {
      hop = .address(Endpoint(address, port: port))
    } else if !workload.hostname.isEmpty {
      hop = .host(workload.hostname, port: port)
    } else {
      throw .noEndpointAddress
    }
    steps.append(.uses(hop))
    return hop
  }
}

extension AddressList {
  fileprivate func nearest(to dialled: IPAddress, _ families: Service.Families) -> IPAddress? {
    var first: IPAddress?
    for address in self where families.allows(address) {
      if address.isV4 == dialled.isV4 { return address }
      first = first ?? address
    }
    return first
  }
}

extension Hop {
  fileprivate func authority(port: UInt16) -> Authority {
    switch self {
    case .address(let endpoint): .address(Endpoint(endpoint.address, port: port))
    case .host: .resolved(port: port)
    }
  }
}

// MARK: Waypoints

extension Router {
  /// The waypoint of a service for this connection.
  private mutating func waypoint(of service: Service) -> GatewayAddress? {
    let sum = service.weightedWaypoints.reduce(0) { $0 + UInt64($1.weight) }
    guard sum > 0 else { return service.waypoint }
    var left = dice.below(sum)
    for waypoint in service.weightedWaypoints {
      guard left >= UInt64(waypoint.weight) else {
        steps.append(.drewWaypoint(waypoint.gateway, weight: waypoint.weight, of: sum))
        return waypoint.gateway
      }
      left -= UInt64(waypoint.weight)
    }
    return service.waypoint
  }

  /// Nil when the client is the waypoint, or may do without it.
  private mutating func through(_ gateway: GatewayAddress, to service: Service?) throws(Reason) -> Path? {
    steps.append(.wantsWaypoint(gateway))
    if world.isServed(gateway, by: client) {
      steps.append(.comesFromWaypoint(gateway))
      return nil
    }
    do {
      let waypoint = try chosen(gateway, as: .waypoint, unknown: .unknownWaypoint, none: .noWaypointEndpoint)
      if waypoint.workload.network != client.network { return try elsewhere(waypoint, gateway) }
      let hop = try hop(
        to: waypoint.workload, port: waypoint.port, near: gateway.preferred(dialled.address),
        waypoint.service?.families ?? .automatic)
      return Path(
        carriage: .hbone, hop: hop, authority: .address(dialled),
        peers: Peers(identity: waypoint.workload.identity, names: waypoint.service?.subjectNames ?? []),
        workload: waypoint.workload, waypoint: gateway)
    } catch {
      guard options.bypassesMissingWaypoint, error == .unknownWaypoint || error == .noWaypointEndpoint else {
        throw error
      }
      steps.append(.bypassesWaypoint(gateway, error))
      return nil
    }
  }

  /// The workload that a waypoint or a network gateway is, this time.
  private mutating func chosen(
    _ gateway: GatewayAddress, as role: Demand.Role, unknown: Reason, none: Reason
  ) throws(Reason) -> Chosen {
    switch world.destination(of: gateway, for: client.namespace) {
    case .workload(let workload):
      if tried.contains(workload.uid) { throw .endpointsTried }
      return Chosen(workload: workload, port: gateway.port, service: nil)
    case .service(let service):
      do { return try pick(of: service, port: gateway.port, as: role) } catch {
        throw error == .endpointsTried ? error : none
      }
    case nil: throw unknown
    }
  }
}

extension Snapshot {
  /// Who answers to the address of a waypoint or a gateway: a service before a workload.
  func destination(of gateway: GatewayAddress, for namespace: String) -> Destination? {
    switch gateway.destination {
    case .hostname(let name): service(name).map(Destination.service) ?? workload(host: name).map(Destination.workload)
    case .address(let address):
      service(at: address, for: namespace).map(Destination.service) ?? workload(at: address).map(Destination.workload)
    }
  }

  /// Whether a workload is the waypoint, or one of its endpoints.
  func isServed(_ gateway: GatewayAddress, by workload: Workload) -> Bool {
    switch destination(of: gateway, for: workload.namespace) {
    case .workload(let waypoint): waypoint.uid == workload.uid
    case .service(let service): workload.ports(for: service.name) != nil
    case nil: false
    }
  }
}

extension GatewayAddress {
  /// A gateway found by an address is reached by that family; one found by name, by the family that was dialled.
  fileprivate func preferred(_ dialled: IPAddress) -> IPAddress {
    if case .address(let place) = destination { place.address } else { dialled }
  }
}

// MARK: Other networks

extension Router {
  /// Through the gateway of another network, to an endpoint or a waypoint there.
  private mutating func elsewhere(_ endpoint: Chosen, _ waypoint: GatewayAddress? = nil) throws(Reason) -> Path {
    steps.append(.isElsewhere(network: endpoint.workload.network, gateway: endpoint.workload.template.networkGateway))
    guard let service else { throw .remoteNeedsService }
    guard let address = endpoint.workload.template.networkGateway else { throw .noGateway }
    // Who answers inside is known by the service alone: the workload may stand for many.
    guard let names = endpoint.service?.subjectNames, !names.isEmpty else { throw .remoteIdentityUnknown }
    let gateway = try chosen(address, as: .gateway, unknown: .unknownGateway, none: .noGatewayEndpoint)
    let hop = try hop(
      to: gateway.workload, port: gateway.port, near: address.preferred(dialled.address),
      gateway.service?.families ?? .automatic)
    return Path(
      carriage: .doubleHBONE, hop: hop, authority: .host(service.name.hostname, port: dialled.port),
      peers: Peers(identity: gateway.workload.identity, names: gateway.service?.subjectNames ?? []),
      innerPeers: Peers(identity: nil, names: names), workload: endpoint.workload, gateway: gateway.workload,
      waypoint: waypoint)
  }
}
