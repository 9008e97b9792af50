// SPDX-License-Identifier: Apache-2.0
// Rules about who may connect in plaintext.

import Format

extension Analysis {
  mutating func check(_ peer: PeerAuthenticationObject, _ object: Object) {
    let meta = object.meta
    let selector = peer.selector ?? [:]
    if meta.namespace == objects.settings.rootNamespace, !selector.isEmpty {
      add(
        .error, "peer-selector-in-root", on: object, at: "spec.selector",
        "a PeerAuthentication of the root namespace cannot select workloads, so \(object.key) has no effect",
        hint: "move it to the namespace of the workloads")
      return
    }
    guard !selector.isEmpty else {
      if !peer.ports.isEmpty {
        add(
          .error, "peer-ports-without-selector", on: object, at: "spec.portLevelMtls",
          "modes of single ports have no effect without a selector", hint: "select the workloads they are for")
      }
      return
    }
    if selection.workloads(selector, in: meta.namespace).isEmpty {
      selectsNothing(object, selector, "spec.selector", "matchLabels", in: meta.namespace)
    }
    checkHoles(in: peer, object)
  }

  private mutating func checkHoles(in peer: PeerAuthenticationObject, _ object: Object) {
    guard !peer.ports.isEmpty else { return }
    let modes = modes(of: peer, in: object.meta.namespace)
    guard modes.isStrict, let first = modes.exceptions.first else { return }
    let ports = modes.exceptions.map(String.init).joined(separator: ", ")
    add(
      .warning, "strict-with-hole", on: object, at: "spec.portLevelMtls.\(first)",
      "\(object.key) refuses plaintext except on port \(ports), where anybody can connect without an identity",
      hint: "make sure that this is meant")
  }

  /// Whether plaintext is refused; what holds for all of a namespace is looked up once.
  private mutating func modes(of peer: PeerAuthenticationObject, in namespace: String) -> PeerModes {
    let around = general[namespace] ?? objects.modes(under: nil, in: namespace)
    general[namespace] = around
    let base = PeerAuthenticationObject(selector: nil, mode: around.isStrict ? .strict : .permissive, ports: [:])
    return PeerModes(workload: peer, namespace: base, mesh: nil)
  }

  /// Of several on one level only the oldest is asked.
  mutating func checkRivals(among everything: [Object]) {
    struct Level: Hashable {
      let namespace: String
      let selector: [String: String]
    }
    var levels: [Level: [Object]] = [:]
    for object in everything {
      guard case .peerAuthentication(let peer) = object.body else { continue }
      levels[Level(namespace: object.meta.namespace, selector: peer.selector ?? [:]), default: []].append(object)
    }
    for rivals in levels.values where rivals.count > 1 {
      guard let first = rivals.min(by: { $0.meta.precedes($1.meta) }) else { continue }
      for object in rivals where object.key != first.key {
        add(
          .warning, "shadowed-peer", on: object,
          "\(object.key) has no effect: \(first.key) (\(first.meta.spot)) is for the same workloads and comes first",
          hint: "take one of them away")
      }
    }
  }
}
