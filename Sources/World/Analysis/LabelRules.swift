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

  private static let labels = Set(Label.labels)
  private static let annotations = Set(Label.annotations)
  private static let names = Label.labels + Label.annotations

  /// With more wrong letters than this a name is somebody else's, which may look alike and be right.
  private static let wrongLettersMax = 2

  mutating func checkLabels(of object: Object) {
    let meta = object.meta
    for (name, value) in meta.labels.sorted(by: { $0.key < $1.key }) {
      let spot = meta.spot(of: name)
      if Self.annotations.contains(name), !Self.labels.contains(name) {
        misplaced("\(name) has no effect as a label: it is an annotation", "annotations", at: spot)
      } else {
        check(name, value, at: spot)
      }
    }
    for (name, value) in meta.annotations.sorted(by: { $0.key < $1.key }) {
      let spot = meta.spot(ofAnnotation: name)
      if Self.labels.contains(name), !Self.annotations.contains(name) {
        misplaced("\(name) has no effect as an annotation: it is a label", "labels", at: spot)
      } else {
        check(name, value, at: spot)
      }
    }
    let isBound = objects.reference(of: meta) != nil
    for (name, isIdle) in [
      (Label.useWaypointNamespace, meta.labels[Label.useWaypoint] == nil), (Label.canary, !isBound),
    ] where meta.labels[name] != nil && isIdle {
      add(
        Problem(
          .warning, "label-without-effect", at: meta.spot(of: name),
          "\(name) has no effect without \(Label.useWaypoint)", hint: "name the waypoint, too"))
    }
    checkRevision(of: object)
  }

  private mutating func misplaced(_ text: String, _ home: String, at spot: Spot) {
    add(Problem(.error, "label-misplaced", at: spot, text, hint: "move it to the \(home)"))
  }

  private mutating func check(_ name: String, _ value: String, at spot: Spot) {
    if let values = Self.values[name] {
      if !values.contains(value) {
        let hint = guess(value, among: values, or: "it may be \(values.listed)")
        add(Problem(.error, "label-value", at: spot, "\(name) cannot be `\(value)`", hint: hint))
      }
      return
    }
    guard name.contains("/"), !Self.labels.contains(name), !Self.annotations.contains(name),
      !Label.others.contains(name), let guess = name.nearest(of: Self.names, atMost: Self.wrongLettersMax)
    else { return }
    add(
      Problem(
        .error, "label-typo", at: spot, "the mesh knows no `\(name)`, so it has no effect",
        hint: "did you mean `\(guess)`?"))
  }

  private mutating func checkRevision(of object: Object) {
    guard !objects.counts(object.meta), [.authorizationPolicy, .gateway].contains(object.key.kind) else { return }
    add(
      Problem(
        .info, "other-revision", at: object.meta.spot(of: Label.revision),
        "\(object.key) is for the revision `\(object.meta.labels[Label.revision] ?? "")` and has no effect in this one")
    )
  }
}

extension Label {
  /// Names like those above that are right as they are.
  static let others: Set<String> = [
    managed, gatewayName, region, zone, subzone, "security.istio.io/tlsMode", "istio.io/gateway-name",
    "istio.io/config", "istio.io/tag",
  ]
}
