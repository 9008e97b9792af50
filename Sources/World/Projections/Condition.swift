// SPDX-License-Identifier: Apache-2.0
// Condition: what an object's author is told in its status.

/// What an object's author is told in its status.
package struct Condition: Hashable, Sendable {
  /// Its type, as `istio.io/WaypointBound`.
  package let type: String
  /// Whether it holds.
  package let holds: Bool
  /// One word.
  package let reason: String
  /// A sentence.
  package let message: String

  /// Joins them.
  package init(_ type: String, _ holds: Bool, _ reason: String, _ message: String = "") {
    self.type = type
    self.holds = holds
    self.reason = reason
    self.message = message
  }

  /// Whether a waypoint is bound, and can be used.
  package static let waypointBound = "istio.io/WaypointBound"
  /// Whether a waypoint is needed that is not there.
  package static let waypointMissing = "istio.io/WaypointMissing"
  /// Whether a policy has an effect on connections.
  package static let accepted = "ZtunnelAccepted"
  /// Who can see a service entry.
  package static let visibilityApplied = "istio.io/VisibilityApplied"
}
