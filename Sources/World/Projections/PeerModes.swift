// SPDX-License-Identifier: Apache-2.0
// PeerModes: whether a workload accepts plaintext, port by port. One function decides; which policies exist and which of them
// a workload lists both follow from what it says, so they cannot disagree.
//
//   port of a policy with a selector  >  policy with a selector  >  namespace's  >  mesh's  >  PERMISSIVE
//   UNSET asks the next one. DISABLE accepts plaintext like PERMISSIVE. Of several on one level the oldest counts.

import Mesh

/// Whether plaintext is refused.
struct PeerModes: Equatable, Sendable {
  /// On ports nothing else is said of.
  let isStrict: Bool
  /// Ports on which it is the other way round, in order.
  let exceptions: [UInt16]

  init(workload: PeerAuthenticationObject?, namespace: PeerAuthenticationObject?, mesh: PeerAuthenticationObject?) {
    let base = [workload, namespace, mesh].lazy.compactMap { $0?.mode.isStrict }.first ?? false
    isStrict = base
    exceptions = (workload?.ports ?? [:]).filter { ($0.value.isStrict ?? base) != base }.keys.sorted()
  }

  /// The rules of a policy that denies what is refused.
  var rules: [Policy.Rule] {
    let plaintext = Policy.Field<Policy.StringMatch>(not: [.presence])
    if isStrict {
      let others = exceptions.map { Policy.Clause([Policy.Match(ports: .init(not: [$0]))]) }
      return [Policy.Rule([Policy.Clause([Policy.Match(principals: plaintext)])] + others)]
    }
    return exceptions.map { Policy.Rule([Policy.Clause([Policy.Match(principals: plaintext, ports: .init([$0]))])]) }
  }
}

extension PeerAuthenticationObject.Mode {
  /// Nil asks somebody else.
  fileprivate var isStrict: Bool? {
    switch self {
    case .unset: nil
    case .strict: true
    case .permissive, .disable: false
    }
  }
}

extension Objects {
  /// The policy that refuses plaintext on every port.
  var strictKey: String { "\(settings.rootNamespace)/istio_converted_static_strict" }

  /// The keys of policies that refuse plaintext to a workload.
  func peerPolicies(for labels: [String: String], in namespace: String) -> [String] {
    let own = peerAuthentications(in: namespace).filter { peer in
      guard namespace != settings.rootNamespace else { return false }
      // What cannot be read may have been meant for this workload. As one for its namespace alone it would be too weak.
      return peer.isUnreadable || peer.object.selector.map { !$0.isEmpty && $0.selects(labels) } ?? false
    }
    let winner = own.min { $0.meta.precedes($1.meta) }
    let modes = modes(under: winner?.object, in: namespace)
    if let winner, !modes.exceptions.isEmpty { return [convertedKey(winner.meta)] }
    return modes.isStrict ? [strictKey] : []
  }

  func project(peerAuthentication object: Object) -> Projection {
    let parts = strictKey.split(separator: "/", maxSplits: 1).map(String.init)
    let strict = PeerModes(workload: .everywhereStrict, namespace: nil, mesh: nil)
    var projection = Projection()
    // Every one of them brings this along: who names it must find it.
    projection.things = [
      .policy(Policy(namespace: parts[0], name: parts[1], scope: .workload, action: .deny, rules: strict.rules))
    ]
    guard case .peerAuthentication(let peer) = object.body, peer.selector?.isEmpty == false,
      object.meta.namespace != settings.rootNamespace
    else { return projection }
    let modes = modes(under: peer, in: object.meta.namespace)
    guard !modes.exceptions.isEmpty else { return projection }
    projection.things.append(
      .policy(
        Policy(
          namespace: object.meta.namespace, name: convertedName(object.meta), scope: .workload, action: .deny,
          rules: modes.rules)))
    return projection
  }

  func modes(under workload: PeerAuthenticationObject?, in namespace: String) -> PeerModes {
    PeerModes(workload: workload, namespace: general(in: namespace), mesh: general(in: settings.rootNamespace))
  }

  /// What holds for a whole namespace.
  private func general(in namespace: String) -> PeerAuthenticationObject? {
    peerAuthentications(in: namespace).filter { $0.object.selector?.isEmpty ?? true }.min { $0.meta.precedes($1.meta) }?
      .object
  }

  private func peerAuthentications(
    in namespace: String
  ) -> [(meta: Meta, object: PeerAuthenticationObject, isUnreadable: Bool)] {
    all(.peerAuthentication, in: namespace).compactMap { object in
      switch object.body {
      case .peerAuthentication(let peer): (object.meta, peer, false)
      // What cannot be read must not leave a door open.
      case .unreadable: (object.meta, .everywhereStrict, true)
      default: nil
      }
    }
  }

  private func convertedName(_ meta: Meta) -> String { "converted_peer_authentication_\(meta.name)" }
  private func convertedKey(_ meta: Meta) -> String { "\(meta.namespace)/\(convertedName(meta))" }
}

extension PeerAuthenticationObject {
  fileprivate static let everywhereStrict = PeerAuthenticationObject(selector: nil, mode: .strict, ports: [:])
}
