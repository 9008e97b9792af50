// SPDX-License-Identifier: Apache-2.0
// Rules about labels and annotations.

extension Analysis {
  /// What may stand behind a label or an annotation.
  private static let values: [String: [String]] = [
    Label.dataplaneMode: ["ambient", "none"], Label.waypointFor: Traffic.allCases.map(\.rawValue),
    Label.ingressUseWaypoint: ["true", "false"], Label.dryRun: ["true", "false"],
    Label.redirection: ["enabled", "disabled"],
    Label.distribution: ["PreferClose", "PreferSameZone", "PreferSameNode"], Label.global: ["true", "false"],
  ]

  /// Domains in which every name is known here.
  private static let domains = ["istio.io/", "ambient.istio.io/", "skein.dev/", "istio.oi/", "isto.io/"]

  mutating func checkLabels(of object: Object) {
    let meta = object.meta
    let known = Label.labels + Label.annotations
    for (name, value) in meta.labels.sorted(by: { $0.key < $1.key }) {
      if Label.annotations.contains(name), !Label.labels.contains(name) {
        misplaced(name, "a label", "an annotation", meta)
      } else {
        check(name, value, among: known, meta)
      }
    }
    for (name, value) in meta.annotations.sorted(by: { $0.key < $1.key }) {
      if Label.labels.contains(name), !Label.annotations.contains(name) {
        misplaced(name, "an annotation", "a label", meta)
      } else {
        check(name, value, among: known, meta)
      }
    }
    if meta.labels[Label.useWaypointNamespace] != nil, meta.labels[Label.useWaypoint] == nil {
      add(
        .warning, "label-without-effect", at: meta.spot(of: Label.useWaypointNamespace),
        "\(Label.useWaypointNamespace) means nothing without \(Label.useWaypoint)", hint: "name the waypoint, too")
    }
    if meta.labels[Label.canary] != nil, meta.labels[Label.useWaypoint] == nil, objects.reference(of: meta) == nil {
      add(
        .warning, "label-without-effect", at: meta.spot(of: Label.canary),
        "\(Label.canary) means nothing without \(Label.useWaypoint)", hint: "name the waypoint it is a canary of, too")
    }
    checkRevision(of: object)
  }

  private mutating func misplaced(_ name: String, _ here: String, _ there: String, _ meta: Meta) {
    add(
      .error, "label-misplaced", at: meta.spot(of: name), "\(name) is \(there), and stands here as \(here)",
      hint: "move it to the \(there == "a label" ? "labels" : "annotations")")
  }

  private mutating func check(_ name: String, _ value: String, among known: [String], _ meta: Meta) {
    if let values = Self.values[name], !values.contains(value) {
      let guess = value.nearest(of: values).map { "did you mean `\($0)`?" } ?? "it may be \(values.listed)"
      add(.error, "label-value", at: meta.spot(of: name), "`\(value)` means nothing for \(name)", hint: guess)
    }
    guard !known.contains(name), name.contains("/"), let guess = name.nearest(of: known) else { return }
    // Two letters at most: other people's names may look alike and be right.
    guard abs(guess.utf8.count - name.utf8.count) <= 2, !Label.others.contains(name) else { return }
    add(.error, "label-typo", at: meta.spot(of: name), "nobody knows `\(name)`", hint: "did you mean `\(guess)`?")
  }

  private mutating func checkRevision(of object: Object) {
    guard !objects.counts(object.meta), [.authorizationPolicy, .gateway].contains(object.key.kind) else { return }
    add(
      .info, "other-revision", at: object.meta.spot(of: Label.revision),
      "it is meant for the revision `\(object.meta.labels[Label.revision] ?? "")` and has no effect in this one")
  }
}

extension Label {
  /// Names like those above that are right as they are.
  static let others: Set<String> = [
    managed, gatewayName, tlsMode, region, zone, subzone, "istio.io/use-waypoint-canary-weight",
    "istio.io/gateway-name",
    "istio.io/config", "istio.io/tag",
  ]
  private static let tlsMode = "security.istio.io/tlsMode"
}
