// SPDX-License-Identifier: Apache-2.0
// Rules about who may connect to whom.

import Mesh

extension Analysis {
  mutating func check(_ policy: AuthorizationObject, _ object: Object) {
    let meta = object.meta
    if policy.action == .custom {
      add(
        .error, "unsupported-action", on: object, at: "spec.action",
        "the action CUSTOM is not supported, so \(object.key) guards nothing",
        hint: "write it as ALLOW or DENY, or let a waypoint enforce it")
      return
    }
    guard policy.targets.isEmpty else { return checkTargets(of: policy, object) }
    let namespace = meta.namespace == objects.settings.rootNamespace ? nil : meta.namespace
    if let selector = policy.selector {
      let selected = selection.workloads(selector, in: namespace)
      if selected.isEmpty { selectsNothing(object, selector, "spec.selector", "matchLabels", in: namespace) }
      checkEnforcement(of: object, selected)
    }
    checkRequestRules(of: policy, object)
    checkShadows(in: policy, object)
    for rule in policy.rules { check(rule, of: policy, in: namespace, home: meta.namespace) }
  }

  /// A policy on nobody.
  mutating func selectsNothing(
    _ object: Object, _ selector: [String: String], _ path: String, _ inner: String, in namespace: String?
  ) {
    let (label, hint) = culprit(selector, in: namespace)
    // Whoever looks at policies alone has no workloads to show.
    let isUnknown = selection.isEmpty(in: namespace)
    add(
      isUnknown ? .info : .warning, "policy-without-workloads", on: object,
      at: label.map { "\(path).\(inner).\($0)" } ?? path,
      isUnknown
        ? "\(object.key) guards nothing here: there are no workloads it could select"
        : "\(object.key) selects no workload, so it guards nothing",
      hint: isUnknown ? "" : hint)
  }

  /// A policy on a workload outside of the mesh is ink on paper.
  private mutating func checkEnforcement(of object: Object, _ selected: [Object]) {
    let outside = selected.filter { workload($0)?.template.tunnel == Template.Tunnel.none }
    guard let first = outside.first else { return }
    let others = outside.count > 1 ? " and \(outside.count - 1) more are" : " is"
    add(
      .error, "policy-not-enforced", on: object, at: "spec.selector",
      "\(first.key)\(others) not in the mesh, so nobody enforces \(object.key) there", hint: wayIn(for: first))
  }

  /// What keeps a workload out of the mesh.
  private func wayIn(for object: Object) -> String {
    guard case .pod(let pod) = object.body else { return "guard it where it runs, or leave it out of the selector" }
    if pod.isHostNetwork { return "it uses the network of its node (hostNetwork) and cannot be enrolled" }
    if object.meta.labels[Label.dataplaneMode] == "none" { return "it is labelled \(Label.dataplaneMode): none" }
    return objects.isWanted(object.meta)
      ? "it is to be enrolled, and was not yet: it has no annotation \(Label.redirection)"
      : "enrol it: label its namespace with \(Label.dataplaneMode): ambient"
  }

  /// Conditions that connections know nothing of.
  private mutating func checkRequestRules(of policy: AuthorizationObject, _ object: Object) {
    let effect =
      switch policy.action {
      case .deny: "this rule denies more than it says"
      case .audit: "this rule audits nothing"
      case .allow, .custom: "this rule allows nothing"
      }
    for values in policy.rules.flatMap(\.requestFields) {
      add(
        Problem(
          policy.action == .deny ? .error : .warning, "request-rule", at: values.spot, path: values.path,
          "only a waypoint can look at `\(values.field)` of a request; without one \(effect)",
          hint: "name a service that has a waypoint in `targetRefs`, or leave the condition out"))
    }
  }

  private mutating func checkTargets(of policy: AuthorizationObject, _ object: Object) {
    if policy.selector != nil {
      add(
        .error, "target-with-selector", on: object, at: "spec.selector",
        "a policy has either a selector or targets; this selector has no effect", hint: "make two policies of it")
    }
    // `targetRef` stands before those of the list.
    let singles = object.meta.marks["spec.targetRef"] == nil ? 0 : 1
    for (index, target) in policy.targets.enumerated() {
      check(target, at: index < singles ? "spec.targetRef" : "spec.targetRefs[\(index - singles)]", of: object)
    }
  }

  private mutating func check(_ target: Target, at path: String, of object: Object) {
    guard let kind = Kind(rawValue: target.kind), [.service, .serviceEntry, .gateway, .gatewayClass].contains(kind)
    else {
      add(
        .error, "target-kind", on: object, at: path, "a policy cannot be for a \(target.kind)",
        hint: "it may be for a Service, a ServiceEntry, a Gateway or a GatewayClass")
      return
    }
    let key = ObjectKey(kind, object.meta.namespace, target.name)
    guard let found = objects[key] else {
      let hint = guess(target.name, among: objects.all(kind, in: key.namespace).map(\.meta.name))
      add(
        .error, "target-missing", on: object, at: path, "there is no \(key), so \(object.key) guards nothing",
        hint: hint)
      return
    }
    if kind == .service || kind == .serviceEntry, objects.reference(of: found.meta) == nil {
      add(
        .error, "target-without-waypoint", on: object, at: path,
        "\(key) has no waypoint, and nobody else could enforce \(object.key)",
        hint: "label it with \(Label.useWaypoint), or use a selector instead of a target")
    }
  }

  /// Rules that say nothing another one has not said.
  private mutating func checkShadows(in policy: AuthorizationObject, _ object: Object) {
    guard policy.rules.count > 1, case .policy(let converted)? = objects.project(authorization: object).things.first,
      converted.rules.count == policy.rules.count
    else { return }
    let all = converted.rules.firstIndex { $0.clauses.isEmpty }
    var first: [Policy.Rule: Int] = [:]
    for (index, rule) in converted.rules.enumerated() {
      // What connections know nothing of is left out of a rule, and may be all that tells it from another one.
      guard policy.rules[index].requestFields.isEmpty else { continue }
      let same = first[rule]
      if same == nil { first[rule] = index }
      let reason: String
      if let all, all != index {
        reason = "spec.rules[\(all)] matches everything"
      } else if let same {
        reason = "it says the same as spec.rules[\(same)]"
      } else {
        continue
      }
      add(
        Problem(
          .warning, "shadowed-rule", at: policy.rules[index].spot, path: "spec.rules[\(index)]",
          "this rule has no effect: \(reason)", hint: "take one of them away"))
    }
  }
}

// MARK: Values of rules

extension Analysis {
  private mutating func check(
    _ rule: AuthorizationObject.Rule, of policy: AuthorizationObject, in namespace: String?, home: String
  ) {
    let fields = ((rule.from ?? []) + (rule.to ?? [])).flatMap { $0 } + rule.when.map(\.wanted)
    for values in fields where !values.field.hasPrefix("not") {
      for (index, value) in values.values.enumerated() where !value.contains("*") {
        switch values.field {
        case "ports", "destination.port": checkPort(value, index, values, policy.selector ?? [:], in: namespace)
        case "principals", "source.principal": checkPrincipal(value, index, values)
        case "namespaces", "source.namespace": _ = isKnown(namespace: value, index, values)
        case "serviceAccounts", "source.serviceAccount":
          let parts = value.split(separator: "/", maxSplits: 1, omittingEmptySubsequences: false).map(String.init)
          checkAccount(parts.last ?? "", of: parts.count == 2 ? parts[0] : home, index, values)
        default: break
        }
      }
    }
  }

  private mutating func add(
    _ severity: Problem.Severity, _ code: String, _ index: Int, _ values: AuthorizationObject.Values, _ text: String,
    hint: String
  ) {
    add(Problem(severity, code, at: values.spot(of: index), path: values.path, text, hint: hint))
  }

  /// Connections are judged at the port the workload listens on, not at that of the service.
  private mutating func checkPort(
    _ value: String, _ index: Int, _ values: AuthorizationObject.Values, _ selector: [String: String],
    in namespace: String?
  ) {
    guard let port = UInt16(value) else { return }
    let ports = selection.ports(selector, in: namespace, of: workload)
    guard let targets = ports[port], !ports.values.contains(where: { $0.contains(port) }) else { return }
    let listed = targets.sorted().map(String.init).listed
    add(
      .warning, "service-port", index, values,
      "\(port) is the port of a service; policies look at the port its workloads listen on, which is \(listed)",
      hint: "write \(listed)")
  }

  private mutating func checkPrincipal(_ value: String, _ index: Int, _ values: AuthorizationObject.Values) {
    guard let identity = Identity("spiffe://\(value)") else {
      add(
        .error, "invalid-principal", index, values, "`\(value)` is the identity of nobody",
        hint: "write TRUST-DOMAIN/ns/NAMESPACE/sa/ACCOUNT")
      return
    }
    let domain = String(identity.trustDomain) ?? ""
    guard domain == objects.settings.trustDomain else {
      add(
        .warning, "other-trust-domain", index, values, "`\(domain)` is not the trust domain of this mesh",
        hint: "write \(objects.settings.trustDomain), unless the other one is trusted as well")
      return
    }
    checkAccount(String(identity.serviceAccount) ?? "", of: String(identity.namespace) ?? "", index, values)
  }

  private mutating func isKnown(
    namespace: String, _ index: Int, _ values: AuthorizationObject.Values
  ) -> Bool {
    if objects.knows(namespace: namespace) { return true }
    let hint = guess(namespace, among: objects.namespaces)
    add(
      .warning, "unknown-namespace", index, values, "nothing is known of the namespace `\(namespace)`", hint: hint)
    return false
  }

  private mutating func checkAccount(
    _ account: String, of namespace: String, _ index: Int, _ values: AuthorizationObject.Values
  ) {
    guard isKnown(namespace: namespace, index, values) else { return }
    let known = accounts(of: namespace)
    // Kubernetes makes the default account everywhere, and a namespace without any is only not described.
    guard !known.isEmpty, !known.contains(account), account != "default" else { return }
    let hint = guess(account, among: known)
    add(
      .warning, "unknown-account", index, values,
      "nothing is known of the service account `\(account)` in the namespace `\(namespace)`", hint: hint)
  }

  private mutating func accounts(of namespace: String) -> Set<String> {
    if let known = accounts[namespace] { return known }
    var known = Set(objects.all(.serviceAccount, in: namespace).map(\.meta.name))
    for object in objects.all(.pod, in: namespace) {
      if case .pod(let pod) = object.body { known.insert(pod.serviceAccount) }
    }
    for object in objects.all(.workloadEntry, in: namespace) {
      if case .workloadEntry(let entry) = object.body { known.insert(entry.serviceAccount) }
    }
    accounts[namespace] = known.subtracting([""])
    return known.subtracting([""])
  }
}

extension AuthorizationObject.Values {
  /// Where one of the values stands.
  func spot(of index: Int) -> Spot {
    guard marks.indices.contains(index) else { return spot }
    return Spot(file: spot.file, line: Int(marks[index].line), column: Int(marks[index].column))
  }
}
