// SPDX-License-Identifier: Apache-2.0
// Story: a rehearsal in words, and as JSON.

import Format
import Mesh

/// A rehearsal in words.
struct Story {
  private let rehearsal: Rehearsal
  private let caller: Caller
  private let called: Explain.Called

  init(_ rehearsal: Rehearsal, caller: Caller, called: Explain.Called) {
    self.rehearsal = rehearsal
    self.caller = caller
    self.called = called
  }

  /// 0 let in, 3 denied, 4 no way.
  var status: Int32 {
    guard let reason = rehearsal.reason else { return 0 }
    return reason.status == 401 ? 3 : 4
  }

  private var first: Rehearsal.Leg? { rehearsal.legs.first }

  /// The leg that ends it, or the last one.
  private var deciding: Rehearsal.Leg? { rehearsal.legs.first { $0.reason != nil } ?? rehearsal.legs.last }

  // MARK: As JSON

  var json: JSON {
    let path = first?.route?.path
    let verdict = deciding?.verdict
    let via = [path?.gateway?.description, path?.waypoint.map(\.description)].compactMap(\.self)
    let routed = first?.route?.refusal == nil && first?.refusal == nil
    return .members([
      "route": .members([
        "kind": .text(kind), "destination": .optional(routed ? destination : nil),
        "authority": .optional(path?.authority?.description), "via": .list(via.map(JSON.text)),
        "reasons": .list(routeReasons.map(JSON.text)),
      ]),
      "verdict": .members([
        "allowed": .truth(rehearsal.reason == nil), "code": .text(rehearsal.reason?.rawValue ?? "ok"),
        "policy": .optional(verdict?.hit?.policy.key ?? verdict?.unknownPolicies.first),
        "rule": verdict?.hit.map { .number($0.rule) } ?? .null, "reasons": .list(verdictReasons.map(JSON.text)),
      ]),
    ])
  }

  private var kind: String {
    guard let leg = first else { return "none" }
    guard let route = leg.route else { return leg.refusal == nil ? "plaintext" : "none" }
    return route.path?.carriage.rawValue ?? "none"
  }

  private var destination: String? {
    guard let leg = first else { return nil }
    return leg.route?.path?.hop.description ?? leg.connection?.destination.description ?? "\(called.endpoint)"
  }

  // MARK: In words

  func tell(on terminal: Terminal) {
    Terminal.tell("\(terminal.paint(callerName, .bold)) → \(terminal.paint(calledName, .bold))")
    Terminal.tell("")
    for (index, leg) in rehearsal.legs.enumerated() {
      if rehearsal.legs.count > 1 {
        Terminal.tell(terminal.paint("leg \(index + 1), from \(leg.client.map(\.description) ?? "outside")", .bold))
      }
      Terminal.tell("  route    " + route(of: leg))
      for reason in leg.route?.steps ?? [] { Terminal.tell(terminal.paint("             \(reason.text)", .faint)) }
      let (verdict, look) = words(for: leg)
      Terminal.tell("  verdict  " + terminal.paint(verdict, look))
      for reason in leg.verdictReasons { Terminal.tell(terminal.paint("             \(reason)", .faint)) }
      Terminal.tell("")
    }
    let reason = rehearsal.reason
    Terminal.tell(
      reason.map { "\(terminal.paint(status == 3 ? "denied" : "no way", .red)): \($0.text) [\($0.rawValue)]" }
        ?? terminal.paint("let in", .green))
  }

  private var callerName: String {
    switch caller {
    case .workload(let workload):
      workload.description + (workload.template.tunnel == .hbone ? "" : " (not in the mesh)")
    case .plaintext(let workload): "\(workload) (as if it were not in the mesh)"
    case .stranger(let address): "\(address) (nobody the mesh knows)"
    }
  }

  private var calledName: String {
    called.name.map { "\($0):\(called.endpoint.port) (\(called.endpoint.address))" } ?? "\(called.endpoint)"
  }

  private func route(of leg: Rehearsal.Leg) -> String {
    guard let route = leg.route else {
      return leg.refusal?.text
        ?? "as plaintext, to \(leg.connection?.destination ?? called.endpoint)\(leg.server.map { " (\($0))" } ?? "")"
    }
    guard let path = route.path else { return route.refusal?.text ?? "" }
    let server = path.workload.map { " (\($0))" } ?? ""
    switch path.carriage {
    case .passthrough: return "as it is, to \(path.hop)"
    case .tcp: return "as it is, to \(path.hop)\(server): it has no tunnel"
    case .hbone: return "in a tunnel, to \(path.hop)\(server), asking for \(path.authority?.description ?? "")"
    case .doubleHBONE:
      return
        "in two tunnels, through \(path.hop) (\(path.gateway?.description ?? "")), asking for \(path.authority?.description ?? "")"
    }
  }

  private func words(for leg: Rehearsal.Leg) -> (String, Terminal.Look) {
    if let reason = leg.reason { return ("no: \(reason.text)", .red) }
    switch leg.judge {
    case .node: return ("yes", .green)
    case .proxy: return ("the waypoint decides by itself", .yellow)
    case .otherNetwork: return ("the other network decides", .yellow)
    case .nobody, nil: return ("nobody decides there", .yellow)
    }
  }

  private var routeReasons: [String] {
    let steps = first?.route?.steps.map(\.text) ?? ["the client has no tunnel"]
    return steps + [first?.route?.refusal?.text ?? first?.refusal?.text].compactMap(\.self)
  }

  private var verdictReasons: [String] { deciding?.verdictReasons ?? [] }
}

extension Rehearsal.Leg {
  /// What policy says at the end of it.
  var verdict: Verdict? { if case .node(let verdict)? = judge { verdict } else { nil } }

  /// Why it is let in, or not.
  var verdictReasons: [String] {
    var reasons: [String] = []
    if let connection {
      reasons.append(
        "seen there: from \(connection.source) to \(connection.destination), as \(connection.identity?.uri ?? "nobody: it is plaintext")"
      )
    }
    switch judge {
    case .node(let verdict):
      reasons += [verdict.decision] + verdict.remarks.map(\.text)
    case .proxy: reasons.append("the workload ends tunnels itself")
    case .otherNetwork: reasons.append("policy is enforced in the other network")
    case .nobody: reasons.append(server.map { "\($0) is not in the mesh" } ?? "the destination is not in the mesh")
    case nil: break
    }
    return reasons
  }
}

extension Verdict {
  fileprivate var decision: String {
    switch (refusal, hit) {
    case (.unknownPolicy?, _): "it is selected by \(unknownPolicies.joined(separator: ", ")), which is not known"
    case (.denied?, let hit?): "\(hit.policy.key) denies it, by rule \(hit.rule)"
    case (.notAllowed?, _): "there are policies that allow, and none of them allows this"
    case (nil, let hit?): "\(hit.policy.key) allows it, by rule \(hit.rule)"
    default: "no policy speaks against it"
    }
  }
}

extension Verdict.Remark {
  fileprivate var text: String {
    switch self {
    case .audited(let hit): "\(hit.policy.key) audits it, by rule \(hit.rule)"
    case .wouldDeny(let hit): "\(hit.policy.key) would deny it, by rule \(hit.rule), if it were no dry run"
    case .wouldAllow(let hit): "\(hit.policy.key) would allow it, by rule \(hit.rule), if it were no dry run"
    case .wouldNotAllow: "it would be refused, if policies were no dry run"
    }
  }
}

extension Step {
  /// A sentence.
  var text: String {
    switch self {
    case .isWorkload(let workload): "the address is that of \(workload)"
    case .isService(let service): "the address is that of the service \(service)"
    case .isUnknown: "nothing in the mesh has this address"
    case .wantsWaypoint(let gateway): "its traffic has to pass the waypoint \(gateway)"
    case .drewWaypoint(let gateway, let weight, let sum):
      "the waypoint \(gateway) gets \(weight) of \(sum) connections, this one among them"
    case .comesFromWaypoint: "the client is that waypoint"
    case .bypassesWaypoint(let gateway, let reason): "it goes without \(gateway): \(reason.text)"
    case .isPassthrough: "the service leaves the address as it is"
    case .picked(let workload, let service): "\(workload) was picked, an endpoint of \(service)"
    case .mapsPort(let from, let to, let source):
      "port \(from) is \(to) there, says \(source == .endpoint ? "the endpoint" : "the service")"
    case .isElsewhere(let network, let gateway):
      "it is in the network `\(network)`, \(gateway.map { "behind \($0)" } ?? "and nobody knows how to get there")"
    case .uses(let hop): "the connection goes to \(hop)"
    }
  }
}
