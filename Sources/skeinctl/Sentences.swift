// SPDX-License-Identifier: Apache-2.0
// Sentences: the reasons of a rehearsal in words, with the lines of the manifests they come from.

import Mesh
import World

/// The reasons of a rehearsal in words.
struct Sentences {
  let reading: Reading
  /// More endpoints or policies than this are counted, not listed.
  private static let listedMax = 5

  // MARK: The way

  /// Why a leg goes where it goes, or nowhere.
  func routeReasons(of leg: Rehearsal.Leg, asked service: Service? = nil) -> [String] {
    var reasons: [String] = []
    if let service, service.addresses.isEmpty {
      reasons.append("\(service) has no address of its own: its name stands for its endpoints, with their ports")
    }
    guard let route = leg.route else {
      return reasons + [leg.client == nil ? nil : "the client has no tunnel", leg.refusal?.text].compactMap(\.self)
    }
    reasons += route.steps.compactMap(sentence)
    if let refusal = route.refusal {
      reasons.append(refusal.text)
      if let service = route.service { reasons += facts(of: service, for: refusal) }
    } else if route.path?.carriage == .tcp, let server = leg.server {
      reasons.append("\(server) has no tunnel")
    }
    return reasons
  }

  /// What a service has, where what it lacks keeps it from being reached.
  private func facts(of service: Service, for refusal: Reason) -> [String] {
    switch refusal {
    case .noEndpointPort:
      let ports = service.ports.map { String($0.port) }
      return ports.isEmpty ? [] : ["\(service) has port \(ports.joined(separator: ", "))"]
    case .noHealthyEndpoint:
      return listed(reading.world.workloads(of: service.name).filter { $0.health == .unhealthy }.map(\.description))
        .map { "not ready: \($0)" }.map { [$0] } ?? []
    default: return []
    }
  }

  private func sentence(_ step: Step) -> String? {
    switch step {
    case .isWorkload(let workload): return "the address belongs to \(workload)"
    case .isService(let service): return "the address belongs to the service \(service)"
    case .isUnknown: return "nothing in the mesh has this address"
    case .wantsWaypoint(let gateway): return "its traffic has to go through the waypoint \(named(gateway))"
    case .drewWaypoint(let gateway, let weight, let sum):
      return "the waypoint \(gateway) gets \(weight) of \(sum) connections, this one among them"
    case .comesFromWaypoint: return "the client is that waypoint"
    case .bypassesWaypoint(let gateway, let reason): return "it goes without the waypoint \(gateway): \(reason.text)"
    case .isPassthrough: return "the service leaves the choice of an address to the client"
    case .picked(let workload, let service):
      let count = reading.world.workloads(of: service.name).count
      return "\(workload) was picked, \(count > 1 ? "one of its \(count) endpoints" : "its only endpoint")"
    case .mapsPort(let from, let to, _):
      return from == to ? nil : "port \(from) of the service is port \(to) of the endpoint"
    case .isElsewhere(let network, let gateway):
      return "it is in the network `\(network)`, \(gateway.map { "behind \($0)" } ?? "and no gateway into it is known")"
    // The route says so.
    case .uses: return nil
    }
  }

  /// A gateway by its name. One that cannot be used stands under a name that nobody has.
  private func named(_ gateway: GatewayAddress) -> String {
    let end = ".waypoint.invalid"
    guard case .hostname(let service) = gateway.destination, service.hostname.hasSuffix(end) else {
      return "\(gateway)"
    }
    let parts = service.hostname.dropLast(end.count).split(separator: ".")
    return "\(service.namespace)/\(parts.first ?? ""), which cannot be used: `skeinctl analyze` says why"
  }

  // MARK: The verdict

  /// Why a connection is allowed at the end of a leg, or not.
  func verdictReasons(of leg: Rehearsal.Leg) -> [String] {
    var reasons: [String] = []
    if let connection = leg.connection {
      let identity = connection.identity.map { "as \($0.uri)" } ?? "in plaintext, without an identity"
      reasons.append("it arrives from \(connection.source) at \(connection.destination), \(identity)")
    }
    switch leg.judge {
    case .node(let verdict):
      reasons += decision(verdict, at: leg.server) + verdict.remarks.map { sentence($0, at: leg.server) }
    case .proxy:
      reasons.append("\(leg.server.map { "\($0) ends" } ?? "it ends") tunnels itself and enforces policy itself")
    case .otherNetwork: reasons.append("policy is enforced in the other network")
    case .nobody:
      reasons.append(
        "\(leg.server?.description ?? "the destination") is not in the mesh, and nobody enforces policy there")
    case nil: if leg.route?.refusal == nil, let refusal = leg.refusal { reasons.append(refusal.text) }
    }
    return reasons
  }

  /// A refusal in a sentence.
  func refusal(_ verdict: Verdict, at server: Workload?) -> String {
    switch (verdict.refusal, verdict.hit) {
    case (.denied?, let hit?): decision(hit, "denies it", at: server)
    case (let reason?, _): reason.text
    case (nil, _): ""
    }
  }

  private func decision(_ verdict: Verdict, at server: Workload?) -> [String] {
    switch (verdict.refusal, verdict.hit) {
    case (.unknownPolicy?, _):
      return [
        "it is selected by \(verdict.unknownPolicies.joined(separator: ", ")), and nothing is known of that policy"
      ]
    case (.denied?, let hit?): return [decision(hit, "denies it", at: server)]
    case (nil, let hit?): return [decision(hit, "allows it", at: server)]
    case (.notAllowed?, _):
      return [Reason.notAllowed.text] + (listed(server.map(allowing) ?? []).map { ["those are \($0)"] } ?? [])
    default: return ["no policy is against it"]
    }
  }

  /// What a policy does, and where it is written. The mesh makes policies of PeerAuthentications, whose names nobody has
  /// ever written.
  private func decision(_ hit: Verdict.Hit, _ does: String, at server: Workload?) -> String {
    let source = reading.source(of: hit.policy)
    if reading.isAboutPlaintext(hit.policy) {
      let peer = source ?? server.flatMap(reading.strictPeer)
      let name = peer.map { "\($0.key) (\($0.meta.spot))" } ?? "PeerAuthentication"
      return source == nil ? "\(name) refuses plaintext" : "\(name) refuses plaintext on this port"
    }
    let rule = written(rule: hit)
    var spot = source?.meta.spot
    if case .authorizationPolicy(let policy)? = source?.body, policy.rules.indices.contains(rule) {
      spot = policy.rules[rule].spot
    }
    if case .unreadable? = source?.body {
      return "\(hit.policy.key) \(does): it cannot be read, so nobody gets in\(spot.map { " (\($0))" } ?? "")"
    }
    return "\(hit.policy.key) \(does), by rule \(rule)\(spot.map { " (\($0))" } ?? "")"
  }

  /// The number of a rule as it is written. Rules that no connection can match are left out of a policy of the mesh.
  func written(rule hit: Verdict.Hit) -> Int {
    guard case .authorizationPolicy(let policy)? = reading.source(ofPolicy: hit.policy.key)?.body,
      policy.rules.count > hit.policy.rules.count
    else { return hit.rule }
    let kept = policy.rules.indices.filter { policy.rules[$0].requestFields.isEmpty }
    return kept.indices.contains(hit.rule) ? kept[hit.rule] : hit.rule
  }

  /// The policies that allow somebody to connect to a workload, and where they are written.
  private func allowing(_ server: Workload) -> [String] {
    var keys: [String] = []
    reading.world.forEachPolicy { policy in
      guard policy.action == .allow, !policy.isDryRun else { return }
      let concerns =
        switch policy.scope {
        case .global: true
        case .namespace: policy.namespace == server.namespace
        case .workload: server.template.policies.contains(policy.key)
        }
      if concerns { keys.append(policy.key) }
    }
    return keys.sorted().map { key in key + (reading.source(ofPolicy: key).map { " (\($0.meta.spot))" } ?? "") }
  }

  private func sentence(_ remark: Verdict.Remark, at server: Workload?) -> String {
    switch remark {
    case .audited(let hit): decision(hit, "audits it", at: server)
    case .wouldDeny(let hit): "dry run: \(decision(hit, "would deny it", at: server))"
    case .wouldAllow(let hit): "dry run: \(decision(hit, "would allow it", at: server))"
    case .wouldNotAllow: "dry run: policies would refuse it, for none of them would allow it"
    }
  }

  private func listed(_ names: [String]) -> String? {
    guard !names.isEmpty else { return nil }
    let rest = names.count - Self.listedMax
    return names.prefix(Self.listedMax).joined(separator: ", ") + (rest > 0 ? " and \(rest) more" : "")
  }
}
