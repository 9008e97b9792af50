// SPDX-License-Identifier: Apache-2.0
// Reason: why a connection ended. One code for each, the same in logs, metrics, headers and documents.

/// Why a connection ended, or was never made.
package enum Reason: String, Error, CaseIterable {
  // Outbound: no way to the destination.
  case ownPort = "own_port"
  case unknownDestination = "unknown_destination"
  case noEndpoint = "no_endpoint"
  case noHealthyEndpoint = "no_healthy_endpoint"
  case noEndpointPort = "no_endpoint_port"
  case noEndpointAddress = "no_endpoint_address"
  case noPreferredEndpoint = "no_preferred_endpoint"
  case endpointsTried = "endpoints_tried"
  case unknownWaypoint = "unknown_waypoint"
  case noWaypointEndpoint = "no_waypoint_endpoint"
  case noGateway = "no_gateway"
  case unknownGateway = "unknown_gateway"
  case noGatewayEndpoint = "no_gateway_endpoint"
  case remoteNeedsService = "remote_needs_service"
  case remoteIdentityUnknown = "remote_identity_unknown"
  // Inbound: not served here.
  case badAuthority = "bad_authority"
  case notHere = "not_here"
  case unknownHost = "unknown_host"
  case noServiceAddress = "no_service_address"
  case badMethod = "bad_method"
  // Policy.
  case denied = "denied"
  case notAllowed = "not_allowed"
  case unknownPolicy = "unknown_policy"
  case policyChanged = "policy_changed"
  // Getting there.
  case unknownSource = "unknown_source"
  case noCertificate = "no_certificate"
  case connectFailed = "connect_failed"
  case connectTimedOut = "connect_timed_out"
  case tunnelBlocked = "tunnel_blocked"
  case handshakeFailed = "handshake_failed"
  case wrongIdentity = "wrong_identity"
  case refusedThere = "refused_there"
  // Being there.
  case reset = "reset"
  case tunnelLost = "tunnel_lost"
  case idle = "idle"
  case draining = "draining"
  case tooMany = "too_many"

  /// What a tunnel answers to CONNECT.
  package var status: Int {
    switch self {
    case .badAuthority, .notHere, .badMethod: 400
    case .denied, .notAllowed, .unknownPolicy, .policyChanged: 401
    default: 503
    }
  }

  /// What a person reads.
  package var text: String {
    switch self {
    case .ownPort: "the destination is a port of the mesh itself"
    case .unknownDestination: "nothing in the mesh has this address, and traffic to strangers is refused"
    case .noEndpoint: "the service has no endpoints"
    case .noHealthyEndpoint: "the service has endpoints, but none that is healthy and takes traffic"
    case .noEndpointPort: "no endpoint of the service listens for this port"
    case .noEndpointAddress: "the endpoint has no address of a family the service allows"
    case .noPreferredEndpoint: "the service insists on endpoints near the client, and there is none"
    case .endpointsTried: "every endpoint of the service was tried"
    case .unknownWaypoint: "traffic has to pass a waypoint that nothing in the mesh answers to"
    case .noWaypointEndpoint: "traffic has to pass a waypoint that has no usable endpoint"
    case .noGateway: "the endpoint is in another network, and no gateway into it is known"
    case .unknownGateway: "nothing in the mesh answers to the gateway of the other network"
    case .noGatewayEndpoint: "the gateway of the other network has no usable endpoint"
    case .remoteNeedsService: "a workload in another network is reached through a service only"
    case .remoteIdentityUnknown: "the service does not say which identities its endpoints in other networks have"
    case .badAuthority: "the authority is neither an address with a port nor a host with a port"
    case .notHere: "the destination is not served here"
    case .unknownHost: "no service visible here has this host, or it has no such port"
    case .noServiceAddress: "the service has no address to tell the proxy of the workload"
    case .badMethod: "a tunnel is asked for connections, and this was something else"
    case .denied: "a policy denies it"
    case .notAllowed: "there are policies that allow, and none of them allows this"
    case .unknownPolicy: "a policy that selects the workload is not known"
    case .policyChanged: "policies have changed, and do not let it be any more"
    case .unknownSource: "nothing is known of the workload that dialled"
    case .noCertificate: "there is no certificate for the identity of the workload"
    case .connectFailed: "the destination refused the connection, or cannot be reached"
    case .connectTimedOut: "the destination did not answer in time"
    case .tunnelBlocked: "the port of tunnels did not answer in time; a network policy may block it"
    case .handshakeFailed: "the handshake of the tunnel failed"
    case .wrongIdentity: "somebody else answered at the other end of the tunnel"
    case .refusedThere: "the other side refused it"
    case .reset: "one side reset it"
    case .tunnelLost: "the tunnel that carried it was lost"
    case .idle: "nothing moved for too long"
    case .draining: "the node, or the workload, is going away"
    case .tooMany: "the workload has too many connections"
    }
  }
}
