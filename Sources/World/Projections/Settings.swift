// SPDX-License-Identifier: Apache-2.0
// Settings: what is true for a whole mesh.

/// What is true for a whole mesh.
package struct Settings: Hashable, Sendable {
  /// Who can see a service entry, by the labels of its namespace.
  package struct VisibilityRule: Hashable, Sendable {
    /// What is said of service entries there.
    package enum Visibility: String, CaseIterable, Sendable {
      case everyone = "PUBLIC", ownNamespace = "NAMESPACE", nobody = "NONE"
    }

    /// Labels of the namespaces it speaks of; empty for all.
    package let labels: [String: String]
    /// What is said of service entries there.
    package let visibility: Visibility

    /// Joins the two.
    package init(labels: [String: String] = [:], _ visibility: Visibility) {
      self.labels = labels
      self.visibility = visibility
    }
  }

  /// The namespace whose policies are for the whole mesh.
  package var rootNamespace = "istio-system"
  /// What names of services end with.
  package var domain = "cluster.local"
  /// Who vouches for identities.
  package var trustDomain = "cluster.local"
  /// The name of the cluster, or of whatever these objects describe.
  package var cluster = "Kubernetes"
  /// The network of addresses, unless something else is said.
  package var network = ""
  /// The revision whose objects count; empty counts all.
  package var revision = ""
  /// Whether traffic goes on without a waypoint that is bound, but missing or not ready.
  package var bypassesMissingWaypoint = false
  /// The first rule that speaks of a namespace counts.
  package var serviceEntryVisibility: [VisibilityRule] = []

  /// What holds unless something else is said.
  package init() {}
}
