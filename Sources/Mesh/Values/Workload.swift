// SPDX-License-Identifier: Apache-2.0
// Workload: one pod, virtual machine or external endpoint; a value that never changes, shared by every index.
//
//   Workload ── own: uid, addresses, health, weight
//      ├── Template  what all replicas of one deployment have in common, held once
//      └── Place     where it runs, held once for all pods of a node
//
// The fields are those of the control plane's Workload message. They are grouped, because a hundred thousand workloads
// must fit into 40 MB, and almost all of what they say is said alike by their neighbours.

package import Format

/// One pod, virtual machine or external endpoint.
package final class Workload: Sendable {
  /// Whether it may get traffic of services that want healthy endpoints only.
  package enum Health: UInt8, Sendable { case healthy, unhealthy }

  /// The primary key. `/Pod/` in it marks a pod.
  package let uid: String
  /// Every address it has; they mean something in its network only.
  package let addresses: AddressList
  /// Its share of the traffic of a service; 0 takes none.
  package let capacity: UInt32
  /// Whether it may get traffic of services that want healthy endpoints only.
  package let health: Health
  private let names: Names?
  let templateBox: Shared<Template>
  let placeBox: Shared<Place>

  /// What it has in common with its replicas.
  package var template: Template { templateBox.value }
  /// Where it runs.
  package var place: Place { placeBox.value }
  /// What to resolve when it has no address; empty otherwise.
  package var hostname: String { names?.hostname ?? "" }
  /// The name of the pod.
  package var name: String {
    names?.own
      ?? String(uid[(uid.utf8.lastIndex(of: UInt8(ascii: "/")).map(uid.utf8.index(after:)) ?? uid.startIndex)...])
  }

  /// A workload as its control plane describes it.
  package convenience init(
    uid: String, name: String, addresses: [IPAddress] = [], hostname: String = "", capacity: UInt32 = 1,
    health: Health = .healthy, template: Template, place: Place = Place()
  ) {
    let isLast = !name.contains("/") && (uid == name || uid.hasSuffix("/\(name)"))
    self.init(
      uid: uid, addresses: AddressList(addresses), capacity: capacity, health: health,
      names: isLast && hostname.isEmpty ? nil : Names(own: isLast ? nil : name, hostname: hostname),
      template: Shared(template), place: Shared(place))
  }

  private init(
    uid: String, addresses: AddressList, capacity: UInt32, health: Health, names: Names?, template: Shared<Template>,
    place: Shared<Place>
  ) {
    self.uid = uid
    self.addresses = addresses
    self.capacity = capacity
    self.health = health
    self.names = names
    templateBox = template
    placeBox = place
  }

  /// The same workload with other copies of what it shares.
  func with(_ template: Shared<Template>, _ place: Shared<Place>) -> Workload {
    Workload(
      uid: uid, addresses: addresses, capacity: capacity, health: health, names: names, template: template, place: place
    )
  }
}

/// What hardly any workload has: the others need a word for it instead of four.
private final class Names: Equatable, Sendable {
  /// The name, unless it is the last part of the uid.
  let own: String?
  let hostname: String

  init(own: String?, hostname: String) {
    self.own = own
    self.hostname = hostname
  }

  static func == (one: Names, other: Names) -> Bool { one.own == other.own && one.hostname == other.hostname }
}

extension Workload: Equatable, Keyed, Ordered {
  /// Equal in every field.
  package static func == (one: Workload, other: Workload) -> Bool {
    one === other
      || one.uid == other.uid && one.addresses == other.addresses && one.capacity == other.capacity
        && one.health == other.health && one.names == other.names && one.templateBox == other.templateBox
        && one.placeBox == other.placeBox
  }

  var key: String { uid }

  /// Who has an address that several claim: pods with a tunnel, other pods, tunnels, the rest; equals by uid.
  private var claim: Int { (uid.contains("//Pod/") ? 0 : 2) + (template.tunnel == .hbone ? 0 : 1) }

  func precedes(_ other: Workload) -> Bool { (claim, uid) < (other.claim, other.uid) }
}

extension Workload {
  /// Who it is.
  package var identity: Identity { template.identity }
  /// The namespace it belongs to.
  package var namespace: String { template.namespace }
  /// The network its addresses belong to.
  package var network: String { place.network }
  /// Whether an address belongs to it alone, so that it can be found by it. A node's address does not.
  var ownsAddresses: Bool { template.networkMode == .standard }

  /// Its ports for a service; nil when it is no endpoint of it.
  func ports(for service: ServiceName) -> [ServicePort]? {
    template.services.first { $0.service == service }?.ports
  }
}

extension Workload: CustomStringConvertible {
  /// `namespace/name`, as people call it.
  package var description: String { "\(namespace)/\(name)" }
}

/// Where a workload runs.
package struct Place: Hashable, Sendable {
  /// The network its addresses belong to.
  package let network: String
  /// The cluster.
  package let cluster: String
  /// The node.
  package let node: String
  /// The region of the node.
  package let region: String
  /// The zone in the region.
  package let zone: String
  /// The part of the zone.
  package let subzone: String

  /// A place; what is not said is empty, except for the cluster.
  package init(
    network: String = "", cluster: String = "Kubernetes", node: String = "", region: String = "", zone: String = "",
    subzone: String = ""
  ) {
    self.network = network
    self.cluster = cluster
    self.node = node
    self.region = region
    self.zone = zone
    self.subzone = subzone
  }
}
