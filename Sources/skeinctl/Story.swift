// SPDX-License-Identifier: Apache-2.0
// Story: a rehearsal in words, and as JSON.

import Format
import Mesh

/// A rehearsal in words.
struct Story {
  private let rehearsal: Rehearsal
  private let caller: Caller
  private let called: Called
  private let sentences: Sentences

  init(_ rehearsal: Rehearsal, caller: Caller, called: Called, in reading: Reading) {
    self.rehearsal = rehearsal
    self.caller = caller
    self.called = called
    sentences = Sentences(reading: reading)
  }

  /// 0 allowed, 3 denied, 4 no route.
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
        "reasons": .list(routeReasons(0).map(JSON.text)),
      ]),
      "verdict": .members([
        "allowed": .truth(rehearsal.reason == nil), "code": .text(rehearsal.reason?.rawValue ?? "ok"),
        "policy": .optional(verdict?.hit?.policy.key ?? verdict?.unknownPolicies.first),
        "rule": verdict?.hit.map { .number(sentences.written(rule: $0)) } ?? .null,
        "reasons": .list(deciding.map(sentences.verdictReasons)?.map(JSON.text) ?? []),
      ]),
    ])
  }

  private func routeReasons(_ index: Int) -> [String] {
    guard rehearsal.legs.indices.contains(index) else { return [] }
    return sentences.routeReasons(of: rehearsal.legs[index], asked: index == 0 ? called.service : nil)
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
        let ends = [leg.client, leg.server].map { $0?.description ?? "outside" }
        let waypoint = leg.route?.path?.waypoint == nil ? "" : ", the waypoint"
        Terminal.tell(terminal.paint("\(index + 1). \(ends[0]) → \(ends[1])\(waypoint)", .bold))
      }
      Terminal.tell("  route    " + route(of: leg))
      for reason in routeReasons(index) { Terminal.tell(terminal.paint("           \(reason)", .faint)) }
      if let (verdict, look) = words(for: leg) {
        Terminal.tell("  verdict  " + terminal.paint(verdict, look))
        for reason in sentences.verdictReasons(of: leg) {
          Terminal.tell(terminal.paint("           \(reason)", .faint))
        }
      }
      Terminal.tell("")
    }
    Terminal.tell(ending(on: terminal))
  }

  private func ending(on terminal: Terminal) -> String {
    if let reason = rehearsal.reason {
      let text = deciding.flatMap { leg in leg.verdict.map { sentences.refusal($0, at: leg.server) } } ?? reason.text
      return "\(terminal.paint(status == 3 ? "denied" : "no route", .red)): \(text) [\(reason.rawValue)]"
    }
    let proxies = rehearsal.legs.filter { $0.judge == .proxy }.compactMap { $0.server?.description }
    var text = proxies.isEmpty ? "" : ", unless \(proxies.joined(separator: " or ")) refuses it"
    switch deciding?.judge {
    case .nobody?: text += ", and nobody enforces policy at the other end"
    case .otherNetwork?: text += ", unless the other network refuses it"
    case .node?, .proxy?, nil: break
    }
    return terminal.paint("allowed", .green) + text
  }

  private var callerName: String {
    switch caller {
    case .workload(let workload):
      workload.description + (workload.template.tunnel == .hbone ? "" : " (not in the mesh)")
    case .plaintext(let workload): "\(workload) (as if it were not in the mesh)"
    case .stranger(let address): "\(address) (unknown to the mesh)"
    }
  }

  private var calledName: String {
    called.name.map { "\($0):\(called.endpoint.port) (\(called.endpoint.address))" } ?? "\(called.endpoint)"
  }

  private func route(of leg: Rehearsal.Leg) -> String {
    let server = leg.server.map { "\($0) at " } ?? ""
    guard let route = leg.route else {
      return leg.refusal == nil ? "in plaintext to \(server)\(leg.connection?.destination ?? called.endpoint)" : "none"
    }
    guard let path = route.path else { return "none" }
    let authority = path.authority?.description ?? ""
    switch path.carriage {
    case .passthrough: return "unchanged, to \(path.hop)"
    case .tcp: return "unchanged, to \(server)\(path.hop)"
    case .hbone: return "in a tunnel (HBONE) to \(server)\(path.hop), which is asked for \(authority)"
    case .doubleHBONE:
      let gateway = path.gateway.map { "\($0) at " } ?? ""
      return "in two tunnels (HBONE), the outer one to \(gateway)\(path.hop), both asked for \(authority)"
    }
  }

  /// What is decided at the end of a leg; nil when it does not come so far.
  private func words(for leg: Rehearsal.Leg) -> (String, Terminal.Look)? {
    if leg.route?.refusal != nil || leg.route == nil && leg.refusal != nil { return nil }
    if leg.reason != nil { return (leg.verdict == nil ? "refused" : "denied", .red) }
    switch leg.judge {
    case .node: return ("allowed", .green)
    case .proxy: return ("left to the proxy there", .yellow)
    case .otherNetwork: return ("left to the other network", .yellow)
    case .nobody, nil: return ("none", .yellow)
    }
  }
}

extension Rehearsal.Leg {
  /// What policy says at the end of it.
  var verdict: Verdict? { if case .node(let verdict)? = judge { verdict } else { nil } }
}
