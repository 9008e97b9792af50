// SPDX-License-Identifier: Apache-2.0
// Route: where a connection goes, how, and why.

package import Format

/// Where a connection goes, or why it goes nowhere.
package struct Route: Equatable, Sendable {
  /// What was decided.
  package enum Outcome: Equatable, Sendable {
    case go(Path)
    case refused(Reason)
  }

  /// What was decided.
  package let outcome: Outcome
  /// The service that was dialled.
  package let service: Service?
  /// What led there, in the order it was found.
  package let steps: [Step]

  /// The way, if there is one.
  package var path: Path? { if case .go(let path) = outcome { path } else { nil } }
  /// Why there is no way.
  package var refusal: Reason? { if case .refused(let reason) = outcome { reason } else { nil } }
}

/// A way for a connection.
package struct Path: Equatable, Sendable {
  /// How bytes are carried.
  package enum Carriage: String, Sendable {
    /// As they are, to the address that was dialled: it means nothing to the mesh, or the service wants it so.
    case passthrough
    /// As they are, to an endpoint without a tunnel.
    case tcp
    /// In a tunnel.
    case hbone
    /// In a tunnel to a gateway, and inside it in a tunnel to the endpoint.
    case doubleHBONE = "double_hbone"
  }

  /// How bytes are carried.
  package let carriage: Carriage
  /// Where the TCP connection goes.
  package let hop: Hop
  /// What the tunnel is asked for; the same in both layers of a double one.
  package let authority: Authority?
  /// Who may answer at the hop.
  package let peers: Peers
  /// Who may answer inside the tunnel of a double one.
  package let innerPeers: Peers
  /// The workload at the far end: an endpoint, or the waypoint that comes before it.
  package let workload: Workload?
  /// The gateway between the networks.
  package let gateway: Workload?
  /// The waypoint that comes before the endpoint.
  package let waypoint: GatewayAddress?

  init(
    carriage: Carriage, hop: Hop, authority: Authority? = nil, peers: Peers = .none, innerPeers: Peers = .none,
    workload: Workload?, gateway: Workload? = nil, waypoint: GatewayAddress? = nil
  ) {
    self.carriage = carriage
    self.hop = hop
    self.authority = authority
    self.peers = peers
    self.innerPeers = innerPeers
    self.workload = workload
    self.gateway = gateway
    self.waypoint = waypoint
  }
}

/// Where a TCP connection goes.
package enum Hop: Hashable, Sendable {
  case address(Endpoint)
  /// A name to be resolved first.
  case host(String, port: UInt16)
}

/// What a tunnel is asked for.
package enum Authority: Hashable, Sendable {
  case address(Endpoint)
  case host(String, port: UInt16)
  /// The address that the name of the hop resolves to, with this port.
  case resolved(port: UInt16)

  /// Reads what a peer has sent: `1.2.3.4:80`, `[::1]:80`, or `host:80`; nil when it is none of them.
  package init?(_ text: some StringProtocol) {
    if let endpoint = Endpoint(text) {
      self = .address(endpoint)
      return
    }
    guard let colon = text.lastIndex(of: ":"), let port = Endpoint("0.0.0.0\(text[colon...])")?.port else { return nil }
    let host = text[..<colon]
    // Whatever has the signs of an address and was not read as one is no host.
    guard (1...Self.hostBytesMax).contains(host.utf8.count), host.utf8.allSatisfy(Self.isHostByte),
      !host.utf8.allSatisfy({ (0x30...0x39).contains($0) || $0 == UInt8(ascii: ".") })
    else { return nil }
    self = .host(host.lowercased(), port: port)
  }

  /// The longest name DNS knows.
  private static let hostBytesMax = 253

  private static func isHostByte(_ byte: UInt8) -> Bool {
    switch byte {
    case UInt8(ascii: "a")...UInt8(ascii: "z"), UInt8(ascii: "A")...UInt8(ascii: "Z"), 0x30...0x39, UInt8(ascii: "-"),
      UInt8(ascii: "."), UInt8(ascii: "_"), UInt8(ascii: "*"):
      true
    default: false
    }
  }
}

extension Hop: CustomStringConvertible {
  /// `address:port` or `host:port`.
  package var description: String {
    switch self {
    case .address(let endpoint): "\(endpoint)"
    case .host(let host, let port): "\(host):\(port)"
    }
  }
}

extension Authority: CustomStringConvertible {
  /// The text of the header.
  package var description: String {
    switch self {
    case .address(let endpoint): "\(endpoint)"
    case .host(let host, let port): "\(host):\(port)"
    case .resolved(let port): "*:\(port)"
    }
  }
}

/// Whom a tunnel may end at.
package struct Peers: Hashable, Sendable {
  /// The identity of the workload.
  package let identity: Identity?
  /// Further ones its service declares.
  package let names: [String]

  static let none = Peers(identity: nil, names: [])

  /// All of them, in an order that is always the same.
  package var uris: [String] { names + (identity.map { [$0.uri] } ?? []) }
}

/// What was found on the way to a route.
package enum Step: Equatable, Sendable {
  /// The address belongs to a workload.
  case isWorkload(Workload)
  /// The address belongs to a service.
  case isService(Service)
  /// The address belongs to nobody the client can see.
  case isUnknown(NetworkAddress)
  /// The service, or the workload, wants a waypoint before it.
  case wantsWaypoint(GatewayAddress)
  /// It was drawn from several, by weight.
  case drewWaypoint(GatewayAddress, weight: UInt32, of: UInt64)
  /// The client is that waypoint.
  case comesFromWaypoint(GatewayAddress)
  /// The waypoint is missing, and the mesh is set up to do without it.
  case bypassesWaypoint(GatewayAddress, Reason)
  /// The service leaves the choice to the client.
  case isPassthrough(Service)
  /// An endpoint was picked.
  case picked(Workload, of: Service)
  /// The port it listens on, and who said so.
  case mapsPort(from: UInt16, to: UInt16, Pick.PortSource)
  /// The endpoint is in another network.
  case isElsewhere(network: String, gateway: GatewayAddress?)
  /// The address of the endpoint that is used.
  case uses(Hop)
}

/// What a mesh may be set up to do differently.
package struct RouteOptions: Hashable, Sendable {
  /// Ports of the mesh in every pod.
  package static let ownPorts: [UInt16] = [15001, 15006, 15008]

  /// Whether addresses that mean nothing to the mesh are refused.
  package var refusesUnknown: Bool
  /// Whether traffic goes without a waypoint that is missing, instead of being refused.
  package var bypassesMissingWaypoint: Bool
  /// Ports a client cannot reach on itself.
  package var ownPorts: [UInt16]
  /// The port of tunnels.
  package var tunnelPort: UInt16

  /// What every mesh does, unless it is told otherwise.
  package init(
    refusesUnknown: Bool = false, bypassesMissingWaypoint: Bool = false, ownPorts: [UInt16] = Self.ownPorts,
    tunnelPort: UInt16 = 15008
  ) {
    self.refusesUnknown = refusesUnknown
    self.bypassesMissingWaypoint = bypassesMissingWaypoint
    self.ownPorts = ownPorts
    self.tunnelPort = tunnelPort
  }
}
