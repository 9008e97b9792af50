// SPDX-License-Identifier: Apache-2.0
// Decoder: documents in, objects and findings out.
//
//   a kind nobody knows      a finding with a guess       nothing else is lost
//   a kind not supported     a finding that says so
//   somebody else's kind     nothing, or an info
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
    "ReplicationController", "PodTemplate", "APIService", "IngressClass", "Kustomization",
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
    guard case .map = document.value else {
      let spot = Spot(file: file, line: document.line, column: document.column)
      let text = "this is no Kubernetes object, but \(document.kind)"
      return findings.add(Problem(.error, "not-an-object", at: spot, text))
    }
    let fields = Fields(document, findings: findings)
    guard fields.has("kind") || fields.has("apiVersion") else {
      fields.fail("", "not-an-object", "this is no Kubernetes object: it has neither `apiVersion` nor `kind`")
      return
    }
    let kindName = fields.required("kind")
    let version = fields.required("apiVersion")
    if kindName.hasSuffix("List"), case .list(let items)? = document["items"]?.value, depth < listDepthMax {
      for item in items { decode(item, file: file, depth: depth + 1, into: &decoded) }
      return
    }
    guard let kind = kind(kindName, version, fields) else { return }
    read(kind, fields, into: &decoded)
  }

  /// Reads an object of a known kind. What another version says is not read: its fields may be others.
  private static func read(_ kind: Kind, _ fields: Fields, into decoded: inout Decoded) {
    let isKnown = fields.errors == 0
    let (meta, isNamed) = meta(kind, fields)
    let body = isKnown ? body(kind, fields, meta) : .unreadable
    if isKnown {
      fields.end(leaving: [
        "spec", "status", "data", "secrets", "imagePullSecrets", "automountServiceAccountToken", "endpoints", "ports",
        "addressType",
      ])
    }
    if fields.errors == 0 {
      decoded.objects.append(Object(meta, body))
    } else if kind.isPolicy || isNamed {
      decoded.refused.append(meta)
    }
  }

  /// The kind of an object; nil, with a finding, when it is none the mesh looks at.
  private static func kind(_ name: String, _ version: String, _ fields: Fields) -> Kind? {
    guard !name.isEmpty, !version.isEmpty else { return Kind(rawValue: name).flatMap { $0.isPolicy ? $0 : nil } }
    let parts = version.split(separator: "/", maxSplits: 1, omittingEmptySubsequences: false).map(String.init)
    let (group, number) = parts.count == 2 ? (parts[0], parts[1]) : ("", version)
    if let kind = Kind(rawValue: name), kind.api.group == group {
      if !kind.api.versions.contains(number) {
        let hint = "it may be \(kind.api.versions.map { group.isEmpty ? $0 : "\(group)/\($0)" }.listed)"
        fields.fail("apiVersion", "unknown-version", "`\(version)` is no version of \(name)", hint: hint)
      }
      return kind
    }
    if indifferent.contains(name) { return nil }
    if unsupported.contains(name) {
      fields.warn("kind", "unsupported-kind", "\(name) is not supported yet and has no effect")
    } else if let kind = Kind(rawValue: name) {
      return misgrouped(kind, version, group, fields)
    } else {
      unknown(name, version, group, fields)
    }
    return nil
  }

  /// A kind of the mesh in a group it does not belong to: a slip, or somebody else's kind of the same name, as Knative's
  /// Service is. Kubernetes' own groups have no such kinds.
  private static func misgrouped(_ kind: Kind, _ version: String, _ group: String, _ fields: Fields) -> Kind? {
    let known = kind.api.group.isEmpty ? kind.api.versions[0] : "\(kind.api.group)/\(kind.api.versions[0])"
    let isKubernetes = !group.contains(".") || group.hasSuffix(".k8s.io")
    if isKubernetes || group.nearest(of: [kind.api.group]) != nil {
      fields.fail("apiVersion", "unknown-version", "`\(version)` has no \(kind.rawValue)", hint: "write `\(known)`")
      return kind
    }
    let text = "\(kind.rawValue) of `\(version)` has no effect in the mesh"
    let hint = "the mesh looks at \(kind.rawValue) of `\(known)`"
    fields.tell(isOurs(group) ? .warning : .info, "apiVersion", "unknown-kind", text, hint: hint)
    return nil
  }

  private static func unknown(_ name: String, _ version: String, _ group: String, _ fields: Fields) {
    let text = "the kind `\(name)` of `\(version)` is not known and has no effect in the mesh"
    guard isOurs(group) || group.isEmpty else { return fields.tell(.info, "kind", "unknown-kind", text) }
    guard let guess = name.nearest(of: Kind.allCases.map(\.rawValue) + unsupported + indifferent) else {
      return fields.tell(.warning, "kind", "unknown-kind", text)
    }
    fields.fail("kind", "unknown-kind", "there is no kind `\(name)`", hint: "did you mean `\(guess)`?")
  }

  /// Whether a group is of those that meshes are described in, or near enough to have been meant as one.
  private static func isOurs(_ group: String) -> Bool {
    groups.contains(group) || group.nearest(of: groups) != nil
  }

  private static let groups = Set(Kind.allCases.map(\.api.group)).union(["telemetry.istio.io", "extensions.istio.io"])

  private static func meta(_ kind: Kind, _ fields: Fields) -> (Meta, isNamed: Bool) {
    let meta = fields.map("metadata")
    let name = meta.required("name")
    let namespace = meta.text("namespace") ?? "default"
    let created = meta.text("creationTimestamp").flatMap { text -> Timestamp? in
      do { return try Timestamp(rfc3339: text) } catch {
        meta.fail("creationTimestamp", "invalid-time", "`\(text)` is no time as RFC 3339 writes it")
        return nil
      }
    }
    let owner = meta.maps("ownerReferences").first.map { ($0.text("kind") ?? "", $0.text("name") ?? "") }
    let (labels, annotations) = (meta.pairs("labels"), meta.pairs("annotations"))
    let spot = fields.spot("kind")
    let result = Meta(
      // A policy without a name closes what it would have guarded, and has to be told from others for that.
      key: ObjectKey(kind, namespace, name.isEmpty ? "\(spot.file):\(spot.line)" : name), labels: labels,
      annotations: annotations, created: created ?? Timestamp(seconds: 0), isLeaving: meta.has("deletionTimestamp"),
      uid: meta.text("uid") ?? "", owner: owner, spot: spot, marks: marks(kind, fields, meta))
    meta.end(leaving: [
      "generateName", "generation", "resourceVersion", "selfLink", "managedFields", "finalizers",
      "deletionGracePeriodSeconds",
    ])
    return (result, !name.isEmpty)
  }

  /// What findings point at, beside labels and annotations.
  private static let marked = [
    Kind.pod: ["spec.hostNetwork", "status.podIP", "status.podIPs"],
    .service: ["spec.selector", "spec.selector.*", "spec.clusterIP", "spec.clusterIPs[]", "spec.ports[].targetPort"],
    .serviceEntry: [
      "spec.workloadSelector", "spec.workloadSelector.labels.*", "spec.hosts", "spec.hosts[]", "spec.addresses[]",
      "spec.endpoints", "spec.ports", "spec.resolution",
    ],
    .authorizationPolicy: [
      "spec.selector", "spec.selector.matchLabels.*", "spec.targetRef", "spec.targetRefs[]", "spec.action",
    ],
    .peerAuthentication: [
      "spec.selector", "spec.selector.matchLabels.*", "spec.portLevelMtls", "spec.portLevelMtls.*",
    ],
    .gateway: ["spec.listeners"],
  ].mapValues { $0.map { $0.split(separator: ".") } }

  private static func marks(_ kind: Kind, _ fields: Fields, _ meta: Fields) -> [String: Mark] {
    var marks = meta.marks(in: "labels")
    for (name, mark) in meta.marks(in: "annotations") { marks[marks[name] == nil ? name : Meta.twin + name] = mark }
    return marks.merging(fields.marks(of: marked[kind] ?? [])) { _, mark in mark }
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
