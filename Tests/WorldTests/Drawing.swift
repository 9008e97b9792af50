// SPDX-License-Identifier: Apache-2.0
// Drawing: objects written in few words, and what became of them in as many words as it takes and no more.
//
//   kube(.service, "shop/web", "spec: {clusterIP: 10.9.0.1, ports: [{port: 80, targetPort: 8080}]}")
//     ─► "at 10.9.0.1, 80>8080, canonical"
//
// A drawing leaves out only what is as it is by default, so a case that compares one compares everything.

import Format
import Testing

@testable import Mesh
@testable import World

/// An object as a document of its own. Its name is `namespace/name`; without a slash it stands outside of namespaces.
func kube(
  _ kind: Kind, _ name: String, labels: [String: String] = [:], annotations: [String: String] = [:],
  created: Int = 0, meta: String = "", _ body: String = ""
) -> String {
  func pairs(_ pairs: [String: String]) -> String {
    "{" + pairs.sorted { $0.key < $1.key }.map { "\"\($0.key)\": \"\($0.value)\"" }.joined(separator: ", ") + "}"
  }
  let parts = name.split(separator: "/").map(String.init)
  let place = parts.count == 2 ? "namespace: \(parts[0]), " : ""
  let version = (kind.api.group.isEmpty ? "" : kind.api.group + "/") + kind.api.versions[0]
  let more = meta.isEmpty ? "" : ", " + meta
  let time = "creationTimestamp: \"2026-01-01T00:00:\(created < 10 ? "0" : "")\(created)Z\""
  return """
    ---
    {apiVersion: \(version), kind: \(kind.rawValue), metadata: {\(place)name: \(parts.last ?? ""), \(time),
      labels: \(pairs(labels)), annotations: \(pairs(annotations))\(more)}\(body.isEmpty ? "" : ",\n  " + body)}

    """
}

/// A pod with one address.
func podYAML(
  _ name: String, at address: String, labels: [String: String] = [:], annotations: [String: String] = [:],
  spec: String = "", status: String = "", meta: String = ""
) -> String {
  kube(
    .pod, name, labels: labels, annotations: annotations, meta: meta,
    "spec: {\(spec)}, status: {podIP: \"\(address)\"\(status.isEmpty ? "" : ", " + status)}")
}

/// A gateway that is ready, unless it has no address.
func gatewayYAML(
  _ name: String, for traffic: String? = nil, address: String = "{type: Hostname, value: waypoint.example}",
  from: String = "", className: String = "istio-waypoint", labels: [String: String] = [:],
  annotations: [String: String] = [:], listeners: String? = nil
) -> String {
  let own = labels.merging(traffic.map { [Label.waypointFor: $0] } ?? [:]) { $1 }
  let routes = from.isEmpty ? "" : ", allowedRoutes: {namespaces: {\(from)}}"
  return kube(
    .gateway, name, labels: own, annotations: annotations,
    """
    spec: {gatewayClassName: \(className), listeners: [\(
      listeners ?? "{name: mesh, port: 15008, protocol: HBONE\(routes)}")]}, status: {addresses: [\(address)]}
    """)
}

extension Service {
  var drawing: String {
    var words = addresses.map { "at \($0.network.isEmpty ? "" : $0.network + "/")\($0.block.drawing)" }
    words += ports.map(\.drawing)
    if balancing.mode != .any {
      words.append(([balancing.mode.word] + balancing.preferences.map { "\($0)" }).joined(separator: " "))
    }
    if balancing.health == .allowAll { words.append("unready too") }
    if families != .automatic { words.append("\(families)") }
    if !subjectNames.isEmpty { words.append("names \(subjectNames.joined(separator: " "))") }
    if let waypoint { words.append("via \(waypoint)") }
    words += weightedWaypoints.map { "\($0.weight)% \($0.gateway)" }
    if isWaypointForIngress { words.append("ingress too") }
    if isCanonical { words.append("canonical") }
    if visibility == .ownNamespace { words.append("private") }
    return words.joined(separator: ", ")
  }
}

extension Workload {
  /// All of it but its uid and its name.
  var drawing: String {
    var words = addresses.map { "at \($0)" } + (hostname.isEmpty ? [] : ["called \(hostname)"])
    if health == .unhealthy { words.append("unhealthy") }
    if capacity != 1 { words.append("weight \(capacity)") }
    let account = "spiffe://cluster.local/ns/\(namespace)/sa/default"
    if identity.uri != account { words.append(identity.uri.replacing("spiffe://", with: "as ")) }
    if template.tunnel == .hbone { words.append(template.isNativeTunnel ? "native tunnel" : "tunnel") }
    if template.networkMode == .host { words.append("host network") }
    if let proxy = template.applicationTunnel {
      words.append("inside \(proxy.handover)\(proxy.port.map { ":\($0)" } ?? "")")
    }
    words += template.services.map { membership in
      "in \(membership.service.hostname)" + membership.ports.map { " \($0.drawing)" }.joined()
    }
    words += template.policies.map { "under \($0)" }
    if let waypoint = template.waypoint { words.append("via \(waypoint)") }
    if !place.network.isEmpty { words.append("network \(place.network)") }
    if let gateway = template.networkGateway { words.append("by \(gateway)") }
    if !place.node.isEmpty { words.append("on \(place.node)") }
    let locality = [place.region, place.zone, place.subzone]
    if locality.contains(where: { !$0.isEmpty }) { words.append("in \(locality.joined(separator: "/"))") }
    if template.canonicalName != name || template.canonicalRevision != "latest" {
      words.append("known as \(template.canonicalName)@\(template.canonicalRevision)")
    }
    if template.ownerName != name, !template.ownerName.isEmpty { words.append("of \(template.ownerName)") }
    return words.joined(separator: ", ")
  }
}

extension ServicePort {
  fileprivate var drawing: String { "\(port)>\(target)\(application == .unknown ? "" : " \(application)")" }
}

extension AddressBlock {
  fileprivate var drawing: String { isOneAddress ? "\(first)" : "\(self)" }
}

extension LoadBalancing.Mode {
  fileprivate var word: String {
    switch self {
    case .any: "any"
    case .strict: "strict"
    case .failover: "failover"
    case .passthrough: "passthrough"
    }
  }
}

extension Condition {
  /// `istio.io/WaypointBound=False AttachmentDenied`, without the domain.
  var drawing: String { "\(type.replacing("istio.io/", with: ""))=\(holds ? "True" : "False") \(reason)" }
}

extension WorldScene {
  /// A scene of documents, none of which may have anything wrong with it.
  static func drawn(_ documents: [String], settings: Settings = Settings()) throws -> WorldScene {
    let scene = try WorldScene(documents.joined(), settings: settings)
    #expect(scene.problems.map(\.description) == [], "the scene itself is wrong")
    return scene
  }

  /// Every service, as its key and its drawing.
  var services: [String: String] {
    var services: [String: String] = [:]
    world.forEachService { services[$0.name.description] = $0.drawing }
    return services
  }

  /// Every workload, as its uid without the cluster, and its drawing.
  var workloads: [String: String] {
    var workloads: [String: String] = [:]
    let cluster = translator.objects.settings.cluster
    world.forEachWorkload { workload in
      workloads[workload.uid.hasPrefix(cluster) ? String(workload.uid.dropFirst(cluster.count)) : workload.uid] =
        workload.drawing
    }
    return workloads
  }

  /// What the author of an object is told.
  func told(_ kind: Kind, _ name: String) -> [String] {
    let parts = name.split(separator: "/").map(String.init)
    return translator.conditions(of: ObjectKey(kind, parts[0], parts.last ?? "")).map(\.drawing).sorted()
  }

  /// Where a connection of a workload goes: how and where to, or why nowhere.
  func way(from client: String, to dialled: String, _ options: RouteOptions = RouteOptions()) throws -> String {
    var dice = Dice(seed: 1)
    let client = try #require(workload(client))
    let endpoint = try #require(Endpoint(dialled))
    let route = world.route(from: client, to: endpoint, under: options, dice: &dice)
    return switch route.outcome {
    case .refused(let reason): reason.rawValue
    case .go(let path): "\(path.carriage.rawValue) \(path.hop)"
    }
  }
}
