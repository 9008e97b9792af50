// SPDX-License-Identifier: Apache-2.0
// Waypoints: which proxy has to see an object's traffic, and what its author is told about that.
//
//   the object's own label, or else its namespace's; `none` opts out; nothing is merged
//     └► the Gateway it names: is there, has an address, takes this kind of traffic, takes this namespace
//
// A waypoint that is bound and cannot be used stays bound: traffic waits for it instead of going around it, unless the mesh
// is set up otherwise. A canary that cannot be used is left out: its primary is there.

import Format
import Mesh

/// The waypoint of an object.
struct Binding: Sendable {
  /// The waypoint.
  var waypoint: GatewayAddress?
  /// It and its canary, by weight.
  var weighted: [Mesh.Service.WeightedWaypoint] = []
  /// The gateways that were looked at.
  var gateways: Set<ObjectKey> = []
  /// What the author is told.
  var conditions: [Condition] = []
}

/// What a waypoint is asked to see.
enum Traffic: String, CaseIterable, Sendable {
  case service, workload, all, none
}

extension Objects {
  private static let tunnelPort: UInt16 = 15008
  /// Gateways of the mesh's own kind get no waypoint: their traffic is on its way already.
  private static let managers: Set<String> = ["istio.io-mesh-controller", "istio.io-eastwest-controller"]

  /// The waypoint of an object, for the traffic it gets.
  func binding(of meta: Meta, for traffic: Traffic, isPrivate: Bool = false) -> Binding {
    guard !Self.managers.contains(meta.labels[Label.managed] ?? ""), meta.labels[Label.gatewayName] == nil,
      let reference = reference(of: meta)
    else { return Binding() }
    var binding = Binding()
    binding.gateways.insert(reference.gateway)
    do throws(Denial) {
      binding.waypoint = try address(of: reference, for: traffic, from: meta.namespace, isPrivate: isPrivate)
      binding.conditions = [
        Condition(Condition.waypointBound, true, "WaypointAccepted", "bound to \(reference.gateway)")
      ]
    } catch {
      // A namespace's waypoint that does not take this traffic at all was not meant for it.
      if reference.isInherited, error == .traffic { return Binding(gateways: binding.gateways) }
      if !settings.bypassesMissingWaypoint { binding.waypoint = placeholder(for: reference.gateway) }
      binding.conditions = [
        Condition(Condition.waypointBound, false, error.rawValue, error.message(for: reference.gateway))
      ]
      return binding
    }
    addCanary(of: reference, for: traffic, meta, isPrivate: isPrivate, to: &binding)
    return binding
  }

  /// Says which gateway an object names.
  struct Reference {
    let gateway: ObjectKey
    let isInherited: Bool
    /// Whose labels and annotations it comes from.
    let source: Meta
    let canary: ObjectKey?
  }

  /// Which gateway an object names; nil when it names none.
  func reference(of meta: Meta) -> Reference? {
    if meta.labels[Label.useWaypoint] != nil { return reference(in: meta, home: meta.namespace, isInherited: false) }
    guard let namespace = self[ObjectKey(.namespace, "", meta.namespace)]?.meta else { return nil }
    return reference(in: namespace, home: meta.namespace, isInherited: true)
  }

  private func reference(in meta: Meta, home: String, isInherited: Bool) -> Reference? {
    guard let name = meta.labels[Label.useWaypoint], name != "none", !name.isEmpty else { return nil }
    let canary = meta.labels[Label.canary].map {
      ObjectKey(.gateway, meta.labels[Label.canaryNamespace] ?? meta.labels[Label.useWaypointNamespace] ?? home, $0)
    }
    return Reference(
      gateway: ObjectKey(.gateway, meta.labels[Label.useWaypointNamespace] ?? home, name), isInherited: isInherited,
      source: meta, canary: canary)
  }

  private func address(
    of reference: Reference, for traffic: Traffic, from namespace: String, isPrivate: Bool
  ) throws(Denial) -> GatewayAddress {
    if isPrivate, reference.gateway.namespace != namespace { throw .crossNamespace }
    return try address(of: reference.gateway, for: traffic, from: namespace)
  }

  /// Where a gateway is found, if it takes this traffic.
  private func address(of key: ObjectKey, for traffic: Traffic, from namespace: String) throws(Denial) -> GatewayAddress
  {
    guard let object = self[key], case .gateway(let gateway) = object.body, counts(object.meta) else { throw .missing }
    guard let address = gateway.address(in: key.namespace, network: settings.network, port: Self.tunnelPort) else {
      throw .notReady
    }
    let takes = self.traffic(of: object.meta, gateway)
    guard takes == .all || takes == traffic else { throw .traffic }
    guard admits(gateway, at: key.namespace, from: namespace) else { throw .attachment }
    return address
  }

  /// What a gateway takes: by its own label, else by its class's, else services.
  func traffic(of meta: Meta, _ gateway: GatewayObject) -> Traffic {
    let text =
      meta.labels[Label.waypointFor]
      ?? self[ObjectKey(.gatewayClass, "", gateway.className)]?.meta.labels[Label.waypointFor]
    return text.flatMap(Traffic.init) ?? .service
  }

  private func admits(_ gateway: GatewayObject, at home: String, from namespace: String) -> Bool {
    let listener =
      gateway.listeners.first { $0.application == "HBONE" && $0.port == Self.tunnelPort } ?? gateway.listeners.first
    switch listener?.admission ?? .same {
    case .same: return home == namespace
    case .all: return true
    case .selector(let labels): return labels.selects(self.labels(of: namespace))
    }
  }

  /// Where a gateway would be found that nobody can use now.
  private func placeholder(for key: ObjectKey) -> GatewayAddress {
    GatewayAddress(
      .hostname(ServiceName(namespace: key.namespace, hostname: "\(key.name).\(key.namespace).svc.\(settings.domain)")),
      port: Self.tunnelPort)
  }

  private func addCanary(
    of reference: Reference, for traffic: Traffic, _ meta: Meta, isPrivate: Bool, to binding: inout Binding
  ) {
    guard let canary = reference.canary, let primary = binding.waypoint else { return }
    binding.gateways.insert(canary)
    let text = reference.source.annotations[Label.canaryWeight] ?? "0"
    func deny(_ reason: String, _ message: String) {
      binding.conditions = [Condition(Condition.waypointBound, true, reason, message)]
    }
    guard let weight = UInt32(text), weight <= 100 else {
      return deny(
        "CanaryInvalidWeight", "`\(text)` is no weight from 0 to 100; everything goes to \(reference.gateway)")
    }
    guard canary != reference.gateway else {
      return deny("CanarySameAsPrimary", "the canary is the waypoint itself")
    }
    do throws(Denial) {
      if isPrivate, canary.namespace != meta.namespace { throw .crossNamespace }
      let address = try address(of: canary, for: traffic, from: meta.namespace)
      binding.weighted = [.init(primary, weight: 100 - weight), .init(address, weight: weight)]
    } catch {
      deny(error.rawValue, "\(error.message(for: canary)); everything goes to \(reference.gateway)")
    }
  }
}

/// Why a waypoint cannot be used.
private enum Denial: String, Error {
  case missing = "WaypointIsMissing"
  case notReady = "WaypointIsNotReady"
  case traffic = "UnsupportedTrafficType"
  case attachment = "AttachmentDenied"
  case crossNamespace = "CrossNamespaceWaypointForbidden"

  func message(for gateway: ObjectKey) -> String {
    switch self {
    case .missing: "there is no \(gateway)"
    case .notReady: "\(gateway) has no address yet"
    case .traffic: "\(gateway) does not take this kind of traffic (\(Label.waypointFor))"
    case .attachment: "\(gateway) does not take objects of this namespace (allowedRoutes)"
    case .crossNamespace: "an object only its own namespace can see cannot use \(gateway)"
    }
  }
}

extension GatewayObject {
  /// Where it is found: by a hostname before an address; nil until it has one.
  func address(in namespace: String, network: String, port: UInt16) -> GatewayAddress? {
    if let name = addresses.first(where: \.isHostname)?.value {
      return GatewayAddress(.hostname(ServiceName(namespace: namespace, hostname: name.lowercased())), port: port)
    }
    for address in addresses {
      if let ip = IPAddress(address.value) {
        return GatewayAddress(.address(NetworkAddress(network: network, ip)), port: port)
      }
    }
    return nil
  }
}
