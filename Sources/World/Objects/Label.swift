// SPDX-License-Identifier: Apache-2.0
// Label: the labels and annotations that mean something to the mesh.

/// Labels and annotations that mean something to the mesh.
package enum Label {
  /// Whether pods are to be enrolled: `ambient`, or `none`. On a namespace or a pod.
  package static let dataplaneMode = "istio.io/dataplane-mode"
  /// Whether a pod was enrolled, by whoever did it.
  package static let redirection = "ambient.istio.io/redirection"
  /// Where the network namespace of a pod of this node is found.
  package static let netns = "skein.dev/netns"
  /// What a pod dials past the mesh.
  package static let excludeOutbound = "skein.dev/exclude-outbound"
  /// What tunnel a workload speaks itself.
  package static let tunnel = "networking.istio.io/tunnel"
  /// Which objects a revision looks at.
  package static let revision = "istio.io/rev"
  /// The waypoint of an object, or of everything in a namespace.
  package static let useWaypoint = "istio.io/use-waypoint"
  /// Where that waypoint is.
  package static let useWaypointNamespace = "istio.io/use-waypoint-namespace"
  /// A waypoint that gets a share of the connections.
  package static let canary = "istio.io/use-waypoint-canary"
  /// Where that one is.
  package static let canaryNamespace = "istio.io/use-waypoint-canary-namespace"
  /// Its share, in percent.
  package static let canaryWeight = "istio.io/use-waypoint-canary-weight"
  /// What traffic a waypoint takes.
  package static let waypointFor = "istio.io/waypoint-for"
  /// Whether gateways send traffic through the waypoint, too.
  package static let ingressUseWaypoint = "istio.io/ingress-use-waypoint"
  /// How traffic is handed to a waypoint that is a pod of the mesh itself.
  package static let inboundBinding = "ambient.istio.io/waypoint-inbound-binding"
  /// Whether a policy only says what it would do.
  package static let dryRun = "istio.io/dry-run"
  /// Who looks after a gateway.
  package static let managed = "gateway.istio.io/managed"
  /// The gateway a pod or a service belongs to.
  package static let gatewayName = "gateway.networking.k8s.io/gateway-name"
  /// The account of a gateway, when it is not the one it is given by its name.
  package static let gatewayAccount = "gateway.istio.io/service-account"
  /// Which endpoints are preferred.
  package static let distribution = "networking.istio.io/traffic-distribution"
  /// The network of addresses.
  package static let network = "topology.istio.io/network"
  /// The part of the zone a node is in.
  package static let subzone = "topology.istio.io/subzone"
  /// The region a node is in.
  package static let region = "topology.kubernetes.io/region"
  /// The zone a node is in.
  package static let zone = "topology.kubernetes.io/zone"
  /// What telemetry calls a workload.
  package static let canonicalName = "service.istio.io/canonical-name"
  /// What telemetry calls its version.
  package static let canonicalRevision = "service.istio.io/canonical-revision"
  /// Whether a service spans networks.
  package static let global = "istio.io/global"

  /// Names that mean something as labels only.
  package static let labels = [
    dataplaneMode, useWaypoint, useWaypointNamespace, canary, canaryNamespace, waypointFor, ingressUseWaypoint,
    revision,
    tunnel, network, canonicalName, canonicalRevision, global,
  ]
  /// Names that mean something as annotations only.
  package static let annotations = [
    redirection, netns, excludeOutbound, canaryWeight, dryRun, inboundBinding, distribution, gatewayAccount,
  ]
}
