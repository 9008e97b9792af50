// SPDX-License-Identifier: Apache-2.0
// Origins: the objects that policies of a mesh come from. A mesh makes policies of PeerAuthentications as well, with names
// nobody has ever written, and the commonest of them stands for many.
//
//   a PeerAuthentication that selects the workload  >  its namespace's  >  the mesh's;  UNSET asks the next one

import Format
import Mesh
import World

extension Reading {
  /// The policy that refuses plaintext on every port; all PeerAuthentications share it.
  private static let strict = "istio_converted_static_strict"
  /// What stands before the name of a PeerAuthentication that has a policy of its own.
  private static let peer = "converted_peer_authentication_"

  /// Whether a policy of the mesh says what PeerAuthentications say.
  func isAboutPlaintext(_ policy: Policy) -> Bool {
    policy.name.hasPrefix(Self.peer)
      || policy.name == Self.strict && policy.namespace == settings.rootNamespace && source(of: policy) == nil
  }

  /// The object that a policy of the mesh was made from.
  func source(of policy: Policy) -> Object? { source(ofPolicy: policy.key) }

  /// The same by the key of the policy.
  func source(ofPolicy key: String) -> Object? {
    let parts = key.split(separator: "/", maxSplits: 1).map(String.init)
    guard parts.count == 2 else { return nil }
    if let policy = object(ObjectKey(.authorizationPolicy, parts[0], parts[1])) { return policy }
    guard parts[1].hasPrefix(Self.peer) else { return nil }
    return object(ObjectKey(.peerAuthentication, parts[0], String(parts[1].dropFirst(Self.peer.count))))
  }

  /// The PeerAuthentication that has plaintext refused at a workload.
  func strictPeer(of workload: Workload) -> Object? {
    let labels = labels(of: workload)
    let own = peers.filter { peer in
      guard let selector = peer.peer?.selector, !selector.isEmpty else { return false }
      return peer.meta.namespace == workload.namespace && selector.allSatisfy { labels[$0.key] == $0.value }
    }
    let general = { (namespace: String) in
      peers.filter { $0.meta.namespace == namespace && $0.peer?.selector?.isEmpty ?? true }
    }
    for level in [own, general(workload.namespace), general(settings.rootNamespace)] {
      guard let first = level.min(by: { $0.isAsked(before: $1) }) else { continue }
      // What cannot be read is taken for STRICT.
      if first.peer?.mode ?? .strict == .strict { return first }
      if first.peer?.mode != .unset { return nil }
    }
    return nil
  }

  private func labels(of workload: Workload) -> [String: String] {
    if let pod = object(ObjectKey(.pod, workload.namespace, workload.name)) { return pod.meta.labels }
    guard let entry = object(ObjectKey(.workloadEntry, workload.namespace, workload.name)),
      case .workloadEntry(let spec) = entry.body
    else { return [:] }
    return spec.labels.merging(entry.meta.labels) { one, _ in one }
  }
}

extension Object {
  fileprivate var peer: PeerAuthenticationObject? {
    if case .peerAuthentication(let peer) = body { peer } else { nil }
  }

  /// Of several on one level the oldest is asked, else the first by name.
  fileprivate func isAsked(before other: Object) -> Bool {
    (meta.created.seconds, meta.created.nanoseconds, meta.name)
      < (other.meta.created.seconds, other.meta.created.nanoseconds, other.meta.name)
  }
}
