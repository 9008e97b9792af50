// SPDX-License-Identifier: Apache-2.0
// Decoder: documents in, objects and findings out.
//
//   a kind nobody knows      a finding with a guess       nothing else is lost
//   a kind not supported     a finding that says so
//   a List                   its items
//   an object with an error  refused as a whole; a policy that cannot be read closes what it would have guarded

import Format

/// What was read of one file.
package struct Decoded: Sendable {
  /// Objects that could be read.
  package internal(set) var objects: [Object] = []
  /// Objects that have a name, and could not be read: whoever knew them before keeps what they knew.
  package internal(set) var refused: [Meta] = []
  /// What a person should know.
  package internal(set) var problems: [Problem] = []
}

/// Reads objects of documents.
package enum Decoder {
  /// Objects within lists within lists end here.
  private static let listDepthMax = 4

  /// Kinds that users of such a mesh know, and that this one does not look at yet.
  private static let unsupported: Set<String> = [
    "VirtualService", "DestinationRule", "Sidecar", "EnvoyFilter", "WasmPlugin", "Telemetry", "RequestAuthentication",
    "ProxyConfig", "WorkloadGroup", "HTTPRoute", "GRPCRoute", "TLSRoute", "TCPRoute", "UDPRoute", "ReferenceGrant",
    "BackendTLSPolicy", "XBackendTrafficPolicy", "TrafficExtension", "NetworkPolicy", "Ingress",
  ]

  /// Kinds that say nothing to a mesh, and stand in the same files.
  private static let indifferent: Set<String> = [
    "Deployment", "StatefulSet", "DaemonSet", "ReplicaSet", "Job", "CronJob", "ConfigMap", "Secret", "Role",
    "RoleBinding",
    "ClusterRole", "ClusterRoleBinding", "PersistentVolume", "PersistentVolumeClaim", "CustomResourceDefinition",
    "HorizontalPodAutoscaler", "PodDisruptionBudget", "Endpoints", "Event", "StorageClass", "PriorityClass",
    "ResourceQuota", "LimitRange", "Lease", "ValidatingWebhookConfiguration", "MutatingWebhookConfiguration",
  ]

  /// Reads the objects of a file.
  package static func decode(_ documents: [Node], file: String) -> Decoded {
    var decoded = Decoded()
    for document in documents { decode(document, file: file, depth: 0, into: &decoded) }
    return decoded
  }

  private static func decode(_ document: Node, file: String, depth: Int, into decoded: inout Decoded) {
    let findings = Findings(file: file)
    defer { decoded.problems += findings.problems }
    let fields = Fields(document, findings: findings)
    guard case .map = document.value else { return }
    let kindName = fields.required("kind")
    let version = fields.required("apiVersion")
    if kindName.hasSuffix("List"), case .list(let items)? = document["items"]?.value, depth < listDepthMax {
      for item in items { decode(item, file: file, depth: depth + 1, into: &decoded) }
      return
    }
    guard let kind = kind(kindName, version, fields), let meta = meta(kind, fields) else { return }
    let body = body(kind, fields, meta)
    fields.end(leaving: [
      "spec", "status", "data", "secrets", "imagePullSecrets", "automountServiceAccountToken",
      "endpoints", "ports", "addressType",
    ])
    if findings.problems.contains(where: { $0.severity == .error }) {
      decoded.refused.append(meta)
    } else {
      decoded.objects.append(Object(meta, body))
    }
  }

  /// The kind of an object; nil, with a finding, when it is none the mesh looks at.
  private static func kind(_ name: String, _ version: String, _ fields: Fields) -> Kind? {
    guard !name.isEmpty, !version.isEmpty else { return nil }
    let parts = version.split(separator: "/", maxSplits: 1, omittingEmptySubsequences: false).map(String.init)
    let (group, number) = parts.count == 2 ? (parts[0], parts[1]) : ("", version)
    // Knative and others have a Service of their own.
    if let kind = Kind(rawValue: name), kind.api.group == group {
      guard kind.api.versions.contains(number) else {
        let hint = "it may be \(kind.api.versions.map { group.isEmpty ? $0 : "\(group)/\($0)" }.listed)"
        fields.fail("apiVersion", "unknown-version", "`\(version)` is no version of \(name)", hint: hint)
        return nil
      }
      return kind
    }
    if indifferent.contains(name) { return nil }
    if unsupported.contains(name) {
      fields.warn("kind", "unsupported-kind", "\(name) is not supported yet and has no effect")
    } else if let kind = Kind(rawValue: name) {
      let known = kind.api.group.isEmpty ? kind.api.versions[0] : "\(kind.api.group)/\(kind.api.versions[0])"
      let isNear = group.nearest(of: [kind.api.group]) != nil
      let hint = "the mesh knows `\(known)`"
      if isNear || group.isEmpty {
        fields.fail("apiVersion", "unknown-version", "`\(version)` has no \(name)", hint: hint)
      } else {
        fields.warn("apiVersion", "unknown-kind", "\(name) of `\(version)` is not known and has no effect", hint: hint)
      }
    } else {
      let guess = name.nearest(of: Kind.allCases.map(\.rawValue) + unsupported + indifferent)
      let isOurs = Kind.allCases.contains { !$0.api.group.isEmpty && $0.api.group == group } || group.isEmpty
      let hint = guess.map { "did you mean `\($0)`?" } ?? ""
      if isOurs, guess != nil {
        fields.fail("kind", "unknown-kind", "there is no kind `\(name)`", hint: hint)
      } else {
        fields.warn(
          "kind", "unknown-kind", "the kind `\(name)` of `\(version)` is not known and has no effect", hint: hint)
      }
    }
    return nil
  }

  private static func meta(_ kind: Kind, _ fields: Fields) -> Meta? {
    let meta = fields.map("metadata")
    let name = meta.required("name")
    let namespace = meta.text("namespace") ?? "default"
    guard !name.isEmpty else { return nil }
    let created = meta.text("creationTimestamp").flatMap { text -> Timestamp? in
      do { return try Timestamp(rfc3339: text) } catch {
        meta.fail("creationTimestamp", "invalid-time", "`\(text)` is no time as RFC 3339 writes it")
        return nil
      }
    }
    let owner = meta.maps("ownerReferences").first.map { ($0.text("kind") ?? "", $0.text("name") ?? "") }
    let (labels, annotations) = (meta.pairs("labels"), meta.pairs("annotations"))
    let result = Meta(
      key: ObjectKey(kind, namespace, name), labels: labels, annotations: annotations,
      created: created ?? Timestamp(seconds: 0), isLeaving: meta.has("deletionTimestamp"), uid: meta.text("uid") ?? "",
      owner: owner, spot: fields.spot("kind"),
      lines: meta.lines("labels").merging(meta.lines("annotations")) { one, _ in one })
    meta.end(leaving: [
      "generateName", "generation", "resourceVersion", "selfLink", "managedFields", "finalizers",
      "deletionGracePeriodSeconds",
    ])
    return result
  }

  private static func body(_ kind: Kind, _ fields: Fields, _ meta: Meta) -> Object.Body {
    switch kind {
    case .namespace: .namespace
    case .node: .node
    case .serviceAccount: .serviceAccount
    case .pod: .pod(PodObject(fields))
    case .service: .service(ServiceObject(fields))
    case .endpointSlice: .endpointSlice(EndpointSliceObject(fields, meta))
    case .serviceEntry: .serviceEntry(ServiceEntryObject(fields))
    case .workloadEntry: .workloadEntry(WorkloadEntryObject(fields.map("spec")))
    case .authorizationPolicy: .authorizationPolicy(AuthorizationObject(fields))
    case .peerAuthentication: .peerAuthentication(PeerAuthenticationObject(fields))
    case .gateway: .gateway(GatewayObject(fields))
    case .gatewayClass: .gatewayClass(controller: fields.map("spec").text("controllerName") ?? "")
    }
  }
}
