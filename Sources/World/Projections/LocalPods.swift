// SPDX-License-Identifier: Apache-2.0
// LocalPods: pods of one node that are to be enrolled, as manifests describe them.

package import Mesh

/// A pod that is to be enrolled on this node.
package struct LocalPod: Hashable, Sendable {
  /// The uid of its workload.
  package let uid: String
  /// `namespace/name`.
  package let name: String
  /// Who it is.
  package let identity: Identity
  /// Where its network namespace is found.
  package let netns: String
  /// What it dials past the mesh, as it is written.
  package let exclusions: String
  /// Where it was written down.
  package let spot: Spot
}

extension Translator {
  /// The pods of a node that are to be enrolled, in order of their names.
  package func localPods(on node: String) -> [LocalPod] {
    objects.pods(on: node).sorted().compactMap { key in
      guard let object = objects[key], case .pod(let pod) = object.body, !pod.isHostNetwork, !pod.isEnded,
        let netns = object.meta.annotations[Label.netns], objects.isWanted(object.meta)
      else { return nil }
      return LocalPod(
        uid: "\(objects.settings.cluster)//Pod/\(key.namespace)/\(key.name)", name: "\(key.namespace)/\(key.name)",
        identity: Identity(
          trustDomain: objects.settings.trustDomain, namespace: key.namespace, serviceAccount: pod.serviceAccount),
        netns: netns, exclusions: object.meta.annotations[Label.excludeOutbound] ?? "", spot: object.meta.spot)
    }
  }
}
