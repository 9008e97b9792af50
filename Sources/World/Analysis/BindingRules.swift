// SPDX-License-Identifier: Apache-2.0
// Rules about waypoints, and about what pods need to be in the mesh.

extension Analysis {
  /// What to do about a waypoint that cannot be used, by the reason in the condition.
  private static let bindings: [String: (code: String, hint: String)] = [
    "WaypointIsMissing": (
      "waypoint-missing", "make the Gateway, or take the label away"
    ),
    "WaypointIsNotReady": (
      "waypoint-not-ready", "wait for its status, or look at why it gets no address"
    ),
    "UnsupportedTrafficType": (
      "waypoint-traffic", "bind what the waypoint is for, or change its \(Label.waypointFor)"
    ),
    "AttachmentDenied": (
      "waypoint-denied", "let its listener take this namespace (allowedRoutes), or use another waypoint"
    ),
    "CrossNamespaceWaypointForbidden": ("waypoint-denied", "use a waypoint of the same namespace"),
    "CanaryInvalidWeight": ("canary-weight", "give a whole number from 0 to 100"),
    "CanarySameAsPrimary": ("canary-same", "name another Gateway as the canary"),
  ]

  mutating func checkBinding(of object: Object, _ conditions: [Condition]) {
    let meta = object.meta
    for condition in conditions where condition.type == Condition.waypointBound { add(condition, about: meta) }
    for condition in conditions where condition.type == Condition.waypointMissing {
      add(
        .error, "waypoint-missing", on: object, at: "spec.resolution", condition.message,
        hint: "bind one with \(Label.useWaypoint)")
    }
    // Nothing may be in the namespace yet that would miss its waypoint.
    if object.key.kind == .namespace, let name = meta.labels[Label.useWaypoint], name != "none", !name.isEmpty {
      let gateway = ObjectKey(.gateway, meta.labels[Label.useWaypointNamespace] ?? meta.name, name)
      if objects[gateway] == nil {
        let condition = Condition(Condition.waypointBound, false, "WaypointIsMissing", "there is no \(gateway)")
        add(condition, about: meta)
      }
    }
  }

  private mutating func add(_ condition: Condition, about meta: Meta) {
    guard let (code, hint) = Self.bindings[condition.reason] else { return }
    // What holds, with a reason to complain, is about the canary; its primary gets everything.
    let isCanary = condition.holds && code != "canary-same" && code != "canary-weight"
    let effect =
      condition.holds
      ? "" : objects.settings.bypassesMissingWaypoint ? ", so traffic goes without it" : ", so traffic is refused"
    // Each of them is the object's own, or else that of its namespace.
    let around = objects[ObjectKey(.namespace, "", meta.namespace)]?.meta ?? meta
    let label = condition.holds ? Label.canary : Label.useWaypoint
    let source = meta.labels[label] != nil ? meta : around
    let weighing = meta.annotations[Label.canaryWeight] != nil ? meta : around
    let typo = condition.reason == "WaypointIsMissing" ? nearWaypoint(source, label, of: meta) : ""
    add(
      Problem(
        condition.holds ? .warning : .error, isCanary ? "canary-unusable" : code,
        at: code == "canary-weight" ? weighing.spot(ofAnnotation: Label.canaryWeight) : source.spot(of: label),
        condition.message + effect,
        hint: typo.isEmpty ? isCanary ? "make it usable, or take the label away" : hint : typo))
  }

  /// A gateway with nearly the name that a label has.
  private mutating func nearWaypoint(_ source: Meta, _ label: String, of meta: Meta) -> String {
    let place = label == Label.canary ? Label.canaryNamespace : Label.useWaypointNamespace
    let home = source.labels[place] ?? (meta.key.kind == .namespace ? meta.name : meta.namespace)
    return guess(source.labels[label] ?? "", among: objects.all(.gateway, in: home).map(\.meta.name))
  }

  mutating func check(_ gateway: GatewayObject, _ object: Object) {
    let isWaypoint = objects.users[object.key] != nil || object.meta.labels[Label.waypointFor] != nil
    guard isWaypoint, !gateway.listeners.contains(where: { $0.port == 15008 }) else { return }
    add(
      .error, "waypoint-listener", on: object, at: "spec.listeners",
      "\(object.key) is used as a waypoint and has no listener for tunnels",
      hint: "add a listener with port 15008 and protocol HBONE")
  }

  mutating func check(_ pod: PodObject, _ object: Object) {
    let meta = object.meta
    let isHere = meta.annotations[Label.netns] != nil
    if pod.isHostNetwork, isHere || meta.labels[Label.dataplaneMode] == "ambient" {
      add(
        .error, "host-network", on: object, at: "spec.hostNetwork",
        "\(object.key) uses the network of its node, so it cannot be enrolled and policies do not guard it",
        hint: "take `hostNetwork` away, or do not ask for it to be enrolled")
    }
    guard isHere else { return }
    if pod.addresses.isEmpty, !pod.isEnded {
      add(
        .error, "pod-without-address", on: object, at: "status.podIPs",
        "\(object.key) has no address, so nobody finds it", hint: "write its address into status.podIPs")
    }
    if pod.node.isEmpty {
      add(
        .error, "pod-without-node", on: object, at: "spec.nodeName",
        "\(object.key) is on no node, so nobody enrols it", hint: "write the name of its node into spec.nodeName")
    }
    if !objects.isWanted(meta), meta.labels[Label.dataplaneMode] != "none" {
      add(
        Problem(
          .warning, "not-enrolled", at: meta.spot(ofAnnotation: Label.netns),
          "\(object.key) names its network namespace, but nothing asks for it to be enrolled",
          hint: "label it or its namespace with \(Label.dataplaneMode): ambient"))
    }
  }
}
