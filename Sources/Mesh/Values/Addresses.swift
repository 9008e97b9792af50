// SPDX-License-Identifier: Apache-2.0
// Addresses: where things are, as the control plane names it. An address means something only inside its network.

package import Format

/// An address in a network.
package struct NetworkAddress: Hashable, Sendable {
  /// The network; empty for the only one of a mesh that has no name for it.
  package let network: String
  /// The address in it.
  package let address: IPAddress

  /// Joins the two.
  package init(network: String = "", _ address: IPAddress) {
    self.network = network
    self.address = address
  }
}

extension NetworkAddress: CustomStringConvertible {
  /// `network/address`, the name the control plane gives it.
  package var description: String { "\(network)/\(address)" }
}

/// A block of addresses in a network: where a service is reached.
package struct NetworkBlock: Hashable, Sendable {
  /// The network; empty for the only one of a mesh that has no name for it.
  package let network: String
  /// One address, or many.
  package let block: AddressBlock

  /// Joins the two.
  package init(network: String = "", _ block: AddressBlock) {
    self.network = network
    self.block = block
  }

  /// One address.
  package init(network: String = "", _ address: IPAddress) { self.init(network: network, AddressBlock(address)) }
}

/// The name of a service: unique in the mesh, while a hostname alone is not.
package struct ServiceName: Hashable, Comparable, Sendable {
  /// The namespace that declared it.
  package let namespace: String
  /// What clients call it.
  package let hostname: String

  /// Joins the two.
  package init(namespace: String, hostname: String) {
    self.namespace = namespace
    self.hostname = hostname
  }

  /// By namespace, then by hostname: the order in which equals are preferred.
  package static func < (one: Self, other: Self) -> Bool {
    (one.namespace, one.hostname) < (other.namespace, other.hostname)
  }
}

extension ServiceName: CustomStringConvertible {
  /// `namespace/hostname`, the name the control plane gives it.
  package var description: String { "\(namespace)/\(hostname)" }
}

/// Where a waypoint or a network gateway is found, and the port of its tunnel.
package struct GatewayAddress: Hashable, Sendable {
  /// By what it is found. Indirect, because most workloads and services have no such address, but room for two.
  package indirect enum Destination: Hashable, Sendable {
    case hostname(ServiceName)
    case address(NetworkAddress)
  }

  /// By what it is found.
  package let destination: Destination
  /// The port of its tunnel.
  package let port: UInt16

  /// Joins the two; 15008 is what every control plane sends.
  package init(_ destination: Destination, port: UInt16 = 15008) {
    self.destination = destination
    self.port = port
  }
}

extension GatewayAddress: CustomStringConvertible {
  /// Its name with the port.
  package var description: String {
    switch destination {
    case .hostname(let name): "\(name):\(port)"
    case .address(let address): "\(address.network)/\(Endpoint(address.address, port: port))"
    }
  }
}

/// A port of a service, and where its endpoints listen for it.
package struct ServicePort: Hashable, Sendable {
  /// What a waypoint may assume of the bytes.
  package enum Application: UInt8, Sendable { case unknown, http1, http2, grpc, tcp, tls }

  /// What clients dial.
  package let port: UInt16
  /// Where endpoints listen; 0 asks each endpoint, because the target has a name.
  package let target: UInt16
  /// What a waypoint may assume of the bytes.
  package let application: Application

  /// Joins them.
  package init(_ port: UInt16, target: UInt16, application: Application = .unknown) {
    self.port = port
    self.target = target
    self.application = application
  }
}

extension [ServicePort] {
  /// The entry of a port that clients dial.
  func entry(_ port: UInt16) -> ServicePort? { first { $0.port == port } }
}
