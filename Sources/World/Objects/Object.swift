// SPDX-License-Identifier: Apache-2.0
// Object: one Kubernetes-shaped object, as far as the mesh looks at it.
//
// It knows where it was written down, so that whatever follows from it can be traced back to a line.

package import Format

/// The kinds the mesh looks at.
package enum Kind: String, CaseIterable, Sendable {
  case namespace = "Namespace"
  case node = "Node"
  case pod = "Pod"
  case service = "Service"
  case serviceAccount = "ServiceAccount"
  case endpointSlice = "EndpointSlice"
  case serviceEntry = "ServiceEntry"
  case workloadEntry = "WorkloadEntry"
  case authorizationPolicy = "AuthorizationPolicy"
  case peerAuthentication = "PeerAuthentication"
  case gateway = "Gateway"
  case gatewayClass = "GatewayClass"

  /// Whether objects of this kind stand outside of namespaces.
  package var isClusterWide: Bool { self == .namespace || self == .node || self == .gatewayClass }

  /// Whether an object that cannot be read must not leave doors open.
  var isPolicy: Bool { self == .authorizationPolicy || self == .peerAuthentication }

  /// The group its `apiVersion` names, and the versions that are read.
  var api: (group: String, versions: [String]) {
    switch self {
    case .namespace, .node, .pod, .service, .serviceAccount: ("", ["v1"])
    case .endpointSlice: ("discovery.k8s.io", ["v1", "v1beta1"])
    case .serviceEntry, .workloadEntry: ("networking.istio.io", ["v1", "v1beta1", "v1alpha3"])
    case .authorizationPolicy, .peerAuthentication: ("security.istio.io", ["v1", "v1beta1"])
    case .gateway, .gatewayClass: ("gateway.networking.k8s.io", ["v1", "v1beta1"])
    }
  }
}

/// The name of an object among all others.
package struct ObjectKey: Hashable, Comparable, Sendable {
  /// What it is.
  package let kind: Kind
  /// Its namespace; empty for kinds that have none.
  package let namespace: String
  /// Its name.
  package let name: String

  /// Joins them.
  package init(_ kind: Kind, _ namespace: String, _ name: String) {
    self.kind = kind
    self.namespace = kind.isClusterWide ? "" : namespace
    self.name = name
  }

  /// By kind, namespace and name.
  package static func < (one: Self, other: Self) -> Bool {
    (one.kind.rawValue, one.namespace, one.name) < (other.kind.rawValue, other.namespace, other.name)
  }
}

extension ObjectKey: CustomStringConvertible {
  /// `Kind namespace/name`.
  package var description: String { "\(kind.rawValue) \(namespace.isEmpty ? name : "\(namespace)/\(name)")" }
}

/// What all objects have in common.
package struct Meta: Sendable {
  /// Its name among all others.
  package let key: ObjectKey
  /// Its labels.
  package let labels: [String: String]
  /// Its annotations.
  package let annotations: [String: String]
  /// When it was made; objects from a folder without a time are as old as each other.
  package let created: Timestamp
  /// Whether somebody asked for its removal.
  package let isLeaving: Bool
  /// What an API server calls it.
  package let uid: String
  /// The first object it belongs to, by kind and name.
  package let owner: (kind: String, name: String)?
  /// Where it was written down.
  package let spot: Spot
  /// Where its labels and annotations were written down, by name, and fields that findings point at, by path.
  package let marks: [String: Mark]

  /// The namespace.
  package var namespace: String { key.namespace }
  /// The name.
  package var name: String { key.name }

  /// Whether this one came before another: the older, else the first by name.
  func precedes(_ other: Meta) -> Bool {
    (created.seconds, created.nanoseconds, namespace, name) < (
      other.created.seconds, other.created.nanoseconds, other.namespace, other.name
    )
  }

  /// The same with other labels.
  func with(labels: [String: String]) -> Meta {
    Meta(
      key: key, labels: labels, annotations: annotations, created: created, isLeaving: isLeaving, uid: uid,
      owner: owner, spot: spot, marks: marks)
  }

  /// Where a label stands, or an annotation.
  package func spot(of name: String) -> Spot { marks[name].map(spot(at:)) ?? spot }

  /// Where an annotation stands that may have the name of a label.
  package func spot(ofAnnotation name: String) -> Spot { marks[Self.twin + name].map(spot(at:)) ?? spot(of: name) }

  /// Where a field stands, or the nearest known one around it; at last the object itself.
  package func spot(at path: String) -> Spot {
    var path = path[...]
    while !path.isEmpty {
      if let mark = marks[String(path)] { return spot(at: mark) }
      path = path[..<(path.lastIndex { $0 == "." || $0 == "[" } ?? path.startIndex)]
    }
    return spot
  }

  private func spot(at mark: Mark) -> Spot { Spot(file: spot.file, line: Int(mark.line), column: Int(mark.column)) }

  /// Stands before the names of annotations that are names of labels, too.
  static let twin = "metadata.annotations."
}

/// A place in the file an object was written down in; objects keep many of these.
package struct Mark: Hashable, Sendable {
  /// The line, from 1.
  package let line: UInt32
  /// The column, from 1.
  package let column: UInt32

  init(_ line: Int, _ column: Int) { (self.line, self.column) = (UInt32(clamping: line), UInt32(clamping: column)) }
}

/// One object. Shared, not copied: whoever looks for something walks over many of them.
package final class Object: Sendable {
  /// What it says, by kind.
  package enum Body: Sendable {
    case namespace
    case node
    case serviceAccount
    case pod(PodObject)
    case service(ServiceObject)
    case endpointSlice(EndpointSliceObject)
    case serviceEntry(ServiceEntryObject)
    case workloadEntry(WorkloadEntryObject)
    case authorizationPolicy(AuthorizationObject)
    case peerAuthentication(PeerAuthenticationObject)
    case gateway(GatewayObject)
    case gatewayClass(controller: String)
    /// A policy that could not be read, and was never read before.
    case unreadable
  }

  /// What all objects have in common.
  package let meta: Meta
  /// What it says.
  package let body: Body

  /// Joins the two.
  package init(_ meta: Meta, _ body: Body) {
    self.meta = meta
    self.body = body
  }

  /// Its name among all others.
  package var key: ObjectKey { meta.key }
}
