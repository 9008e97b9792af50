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
  // Policy.
  case denied = "denied"
  case notAllowed = "not_allowed"
  case unknownPolicy = "unknown_policy"

  /// What a tunnel answers to CONNECT.
  package var status: Int {
    switch self {
    case .badAuthority, .notHere: 400
    case .denied, .notAllowed, .unknownPolicy: 401
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
    case .denied: "a policy denies it"
    case .notAllowed: "there are policies that allow, and none of them allows this"
    case .unknownPolicy: "a policy that selects the workload is not known"
    }
  }
}
