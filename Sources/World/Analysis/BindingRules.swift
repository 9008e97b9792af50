// SPDX-License-Identifier: Apache-2.0
// Rules about waypoints, and about what pods need to be in the mesh.

extension Analysis {
  /// What to do about a waypoint that cannot be used, by the reason in the condition.
  private static let bindings: [String: (code: String, hint: String)] = [
    "WaypointIsMissing": (
      "waypoint-missing", "make the Gateway, or take the label away; until then traffic is refused"
    ),
    "WaypointIsNotReady": (
      "waypoint-not-ready", "wait for its status, or look at why it has no address; until then traffic is refused"
    ),
    "UnsupportedTrafficType": (
      "waypoint-traffic", "bind what the waypoint is for, or change its istio.io/waypoint-for"
    ),
    "AttachmentDenied": (
      "waypoint-denied", "let its listener take this namespace (allowedRoutes), or use another waypoint"
    ),
    "CrossNamespaceWaypointForbidden": ("waypoint-denied", "use a waypoint of the same namespace"),
    "CanaryInvalidWeight": ("canary-weight", "give a whole number from 0 to 100"),
    "CanarySameAsPrimary": ("canary-same", "name another Gateway as the canary"),
  ]

  mutating func checkBinding(of object: Object, _ conditions: [Condition]) {
    for condition in conditions where condition.type == Condition.waypointBound {
      guard let (code, hint) = Self.bindings[condition.reason] else { continue }
      let meta = object.meta.labels[Label.useWaypoint] != nil ? object.meta : namespaceMeta(of: object)
      let label = condition.holds ? Label.canary : Label.useWaypoint
      let isWeight = condition.reason == "CanaryInvalidWeight"
      let problem = Problem(
        condition.holds ? .warning : .error,
        condition.holds && !isWeight && code != "canary-same" ? "canary-unusable" : code,
        at: meta.spot(of: isWeight ? Label.canaryWeight : label), condition.message,
        hint: condition.holds && code.hasPrefix("waypoint") ? "until then its primary gets everything" : hint)
      // What is wrong with a namespace's label is wrong once, not for each object in it.
      if !problems.contains(problem) { add(problem) }
    }
    for condition in conditions where condition.type == Condition.waypointMissing {
      add(
        .error, "waypoint-missing", at: object.meta.spot, condition.message, hint: "bind one with \(Label.useWaypoint)")
    }
  }

  private func namespaceMeta(of object: Object) -> Meta {
    objects[ObjectKey(.namespace, "", object.meta.namespace)]?.meta ?? object.meta
  }

  private mutating func add(_ problem: Problem) {
    add(problem.severity, problem.code, at: problem.spot, path: problem.path, problem.text, hint: problem.hint)
  }

  mutating func check(_ gateway: GatewayObject, _ object: Object) {
    let isWaypoint = objects.users[object.key] != nil || object.meta.labels[Label.waypointFor] != nil
    guard isWaypoint, !gateway.listeners.contains(where: { $0.port == 15008 }) else { return }
    add(
      .error, "waypoint-listener", at: object.meta.spot, path: "spec.listeners",
      "\(object.key) is used as a waypoint and has no listener for tunnels",
      hint: "add a listener with port 15008 and protocol HBONE")
  }

  mutating func check(_ pod: PodObject, _ object: Object) {
    let meta = object.meta
    let isAsked = meta.annotations[Label.netns] != nil || meta.labels[Label.dataplaneMode] == "ambient"
    if pod.isHostNetwork, isAsked {
      add(
        .error, "host-network", at: meta.spot, path: "spec.hostNetwork",
        "\(object.key) lives in its node's network and cannot be enrolled", hint: "policies do not guard it")
    }
    if meta.annotations[Label.netns] != nil, pod.addresses.isEmpty, !pod.isEnded {
      add(
        .error, "pod-without-address", at: meta.spot, path: "status.podIPs",
        "\(object.key) has no address, so nobody finds it",
        hint: "write its address into status.podIPs")
    }
    if meta.annotations[Label.netns] != nil, pod.node.isEmpty {
      add(
        .error, "pod-without-node", at: meta.spot, path: "spec.nodeName",
        "\(object.key) is on no node, so nobody enrols it",
        hint: "write the node's name into spec.nodeName")
    }
    if meta.annotations[Label.netns] != nil, !objects.isWanted(meta), meta.labels[Label.dataplaneMode] != "none" {
      add(
        .warning, "not-enrolled", at: meta.spot(of: Label.netns),
        "\(object.key) names its network namespace, and nobody asks for it to be enrolled",
        hint: "label it or its namespace with \(Label.dataplaneMode): ambient")
    }
  }
}
