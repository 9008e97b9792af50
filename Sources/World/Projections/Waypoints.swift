// SPDX-License-Identifier: Apache-2.0
// Waypoints: which proxy has to see an object's traffic, and what its author is told about that.
//
//   the object's own label, or else its namespace's; `none` opts out; nothing is merged
//     └► the Gateway it names: is there, has an address, takes this kind of traffic, takes this namespace
//
// A waypoint that is bound and cannot be used stays bound, under a name that nobody has: traffic is refused until it can be
// used, instead of going around it, unless the mesh is set up otherwise. It must not go to it either, because a gateway that
// does not take a namespace must not get its traffic. A canary that cannot be used is left out: its primary is there.

import Format
import Mesh

/// The waypoint of an object.
struct Binding: Sendable {
  /// The waypoint.
  var waypoint: GatewayAddress?
  /// Whether it can be used.
  var isUsable = false
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
    guard !Self.managers.contains(meta.labels[Label.managed] ?? ""), let reference = reference(of: meta),
      !isPart(of: reference.gateway, meta, traffic)
    else { return Binding() }
    var binding = Binding()
    binding.gateways.insert(reference.gateway)
    do throws(Denial) {
      binding.waypoint = try address(of: reference, for: traffic, from: meta.namespace, isPrivate: isPrivate)
      binding.isUsable = true
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
    if traffic == .service { addCanary(of: reference, meta, isPrivate: isPrivate, to: &binding) }
    return binding
  }

  /// Whether an object belongs to a gateway, so that its traffic has arrived: a pod to any, a service to this one.
  private func isPart(of gateway: ObjectKey, _ meta: Meta, _ traffic: Traffic) -> Bool {
    guard let name = meta.labels[Label.gatewayName] else { return false }
    return traffic == .workload || gateway == ObjectKey(.gateway, meta.namespace, name)
  }

  /// Says which gateway an object names.
  struct Reference {
    let gateway: ObjectKey
    /// The namespace it comes from; nil when the object names it itself.
    let namespace: Meta?

    var isInherited: Bool { namespace != nil }
  }

  /// Which gateway an object names; nil when it names none.
  func reference(of meta: Meta) -> Reference? {
    if meta.labels[Label.useWaypoint] != nil {
      return gateway(in: meta, Label.useWaypoint, Label.useWaypointNamespace, home: meta.namespace)
        .map { Reference(gateway: $0, namespace: nil) }
    }
    guard let namespace = self[ObjectKey(.namespace, "", meta.namespace)]?.meta else { return nil }
    return gateway(in: namespace, Label.useWaypoint, Label.useWaypointNamespace, home: meta.namespace)
      .map { Reference(gateway: $0, namespace: namespace) }
  }

  private func gateway(in meta: Meta, _ label: String, _ namespaceLabel: String, home: String) -> ObjectKey? {
    guard let name = meta.labels[label], name != "none", !name.isEmpty else { return nil }
    return ObjectKey(.gateway, meta.labels[namespaceLabel] ?? home, name)
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
    // First of all, because what a namespace's waypoint is not meant for does not wait for it to be ready.
    let takes = self.traffic(of: object.meta, gateway)
    guard takes == .all || takes == traffic else { throw .traffic }
    guard let address = gateway.address(in: key.namespace, network: settings.network, port: Self.tunnelPort) else {
      throw .notReady
    }
    guard admits(object.meta, gateway, from: namespace) else { throw .attachment }
    return address
  }

  /// What a gateway takes: by its own label, else by its class's, else services.
  func traffic(of meta: Meta, _ gateway: GatewayObject) -> Traffic {
    let text =
      meta.labels[Label.waypointFor]
      ?? self[ObjectKey(.gatewayClass, "", gateway.className)]?.meta.labels[Label.waypointFor]
    return text.flatMap(Traffic.init) ?? .service
  }

  private func admits(_ meta: Meta, _ gateway: GatewayObject, from namespace: String) -> Bool {
    switch listener(of: meta, gateway)?.admission ?? .same {
    case .same: meta.namespace == namespace
    case .all: true
    case .nobody: false
    case .selector(let labels): labels.selects(self.labels(of: namespace))
    }
  }

  /// The listener whose admission counts: the one the inbound binding leads to, or else the one for tunnels.
  private func listener(of meta: Meta, _ gateway: GatewayObject) -> GatewayObject.Listener? {
    let bound = inboundBinding(of: meta, gateway).flatMap { binding in
      gateway.listeners.first {
        binding.port == nil ? binding.handover == .proxy && $0.application == "istio.io/PROXY" : $0.port == binding.port
      }
    }
    return bound ?? gateway.listeners.first { $0.application == "HBONE" && $0.port == Self.tunnelPort }
  }

  /// How traffic is handed to a waypoint: `PROXY` or `NONE`, and maybe a port, by its own annotation or its class's.
  func inboundBinding(of meta: Meta, _ gateway: GatewayObject) -> Template.ApplicationTunnel? {
    let text =
      meta.annotations[Label.inboundBinding]
      ?? self[ObjectKey(.gatewayClass, "", gateway.className)]?.meta.annotations[Label.inboundBinding]
    guard let parts = text?.split(separator: "/", omittingEmptySubsequences: false), parts.count <= 2 else {
      return nil
    }
    let port = parts.count == 2 ? UInt16(parts[1]).flatMap { $0 > 0 ? $0 : nil } : nil
    switch parts.first {
    case "PROXY": return Template.ApplicationTunnel(.proxy, port: port)
    case "NONE": return Template.ApplicationTunnel(.none, port: port)
    default: return nil
    }
  }

  /// What stands for a gateway that cannot be used now. The last label is one that never resolves (RFC 6761 6.4).
  private func placeholder(for key: ObjectKey) -> GatewayAddress {
    GatewayAddress(
      .hostname(ServiceName(namespace: key.namespace, hostname: "\(key.name).\(key.namespace).waypoint.invalid")),
      port: Self.tunnelPort)
  }

  /// The canary is the object's own, or that of the namespace whose waypoint it has.
  private func addCanary(of reference: Reference, _ meta: Meta, isPrivate: Bool, to binding: inout Binding) {
    let sources = [meta] + (reference.namespace.map { [$0] } ?? [])
    guard let source = sources.first(where: { $0.labels[Label.canary] != nil }), let primary = binding.waypoint,
      let canary = gateway(in: source, Label.canary, Label.canaryNamespace, home: meta.namespace)
    else { return }
    binding.gateways.insert(canary)
    let text = sources.lazy.compactMap { $0.annotations[Label.canaryWeight] }.first ?? "0"
    func deny(_ reason: String, _ message: String) {
      binding.conditions = [Condition(Condition.waypointBound, true, reason, message)]
    }
    guard canary != reference.gateway else {
      return deny("CanarySameAsPrimary", "the canary is the waypoint itself")
    }
    guard let weight = UInt32(text), weight <= 100 else {
      return deny(
        "CanaryInvalidWeight", "`\(text)` is no weight from 0 to 100; everything goes to \(reference.gateway)")
    }
    do throws(Denial) {
      if isPrivate, canary.namespace != meta.namespace { throw .crossNamespace }
      let address = try address(of: canary, for: .service, from: meta.namespace)
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
