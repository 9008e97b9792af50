// SPDX-License-Identifier: Apache-2.0
// Rules about who may connect to whom.

import Mesh

extension Analysis {
  mutating func check(_ policy: AuthorizationObject, _ object: Object) {
    let meta = object.meta
    if policy.action == .custom {
      add(
        .error, "unsupported-action", at: meta.spot, path: "spec.action",
        "the action CUSTOM is not supported, so \(object.key) guards nothing",
        hint: "express it as ALLOW or DENY, or enforce it at a waypoint")
      return
    }
    guard policy.targets.isEmpty else { return checkTargets(of: policy, object) }
    let namespace = meta.namespace == objects.settings.rootNamespace ? nil : meta.namespace
    let selected = workloads(policy.selector ?? [:], in: namespace)
    if policy.selector != nil, selected.isEmpty {
      add(
        .warning, "policy-without-workloads", at: meta.spot, path: "spec.selector",
        "\(object.key) selects no workload, so it guards nothing",
        hint: "look at the labels of the workloads it is for")
    }
    checkEnforcement(of: object, selected)
    checkRequestRules(of: policy, object)
    checkShadows(in: policy, object)
    for rule in policy.rules { check(rule, object, selected) }
  }

  /// A policy on a workload outside of the mesh is ink on paper.
  private mutating func checkEnforcement(of object: Object, _ selected: [Object]) {
    guard case .authorizationPolicy(let policy) = object.body, policy.selector != nil else { return }
    let outside = selected.filter { workload($0)?.template.tunnel == Template.Tunnel.none }
    guard let first = outside.first else { return }
    let others = outside.count > 1 ? " and \(outside.count - 1) more" : ""
    add(
      .error, "policy-not-enforced", at: object.meta.spot, path: "spec.selector",
      "\(first.key)\(others) is not in the mesh, so nobody enforces \(object.key) there",
      hint: "enrol it: label its namespace with \(Label.dataplaneMode): ambient")
  }

  /// Conditions that connections know nothing of.
  private mutating func checkRequestRules(of policy: AuthorizationObject, _ object: Object) {
    for rule in policy.rules {
      for values in rule.requestFields {
        add(
          policy.action == .deny ? .error : .warning, "request-rule", at: values.spot, path: values.path,
          policy.action == .deny
            ? "connections know nothing of `\(values.field)`: everything else this rule names is denied"
            : "connections know nothing of `\(values.field)`: this rule allows nothing",
          hint: "bind a waypoint and name the service in targetRefs, or leave it out")
      }
    }
  }

  private mutating func checkTargets(of policy: AuthorizationObject, _ object: Object) {
    for target in policy.targets {
      guard let kind = Kind(rawValue: target.kind), [.service, .serviceEntry, .gateway, .gatewayClass].contains(kind)
      else {
        add(
          .error, "target-kind", at: object.meta.spot, path: "spec.targetRefs",
          "a policy cannot be for a \(target.kind)",
          hint: "it may be for a Service, a ServiceEntry, a Gateway or a GatewayClass")
        continue
      }
      let key = ObjectKey(kind, object.meta.namespace, target.name)
      guard let found = objects[key] else {
        let names = objects.all(kind, in: key.namespace).map(\.meta.name)
        add(
          .error, "target-missing", at: object.meta.spot, path: "spec.targetRefs",
          "there is no \(key), so \(object.key) guards nothing",
          hint: target.name.nearest(of: names).map { "did you mean `\($0)`?" } ?? "")
        continue
      }
      if kind == .service || kind == .serviceEntry, objects.reference(of: found.meta) == nil {
        add(
          .error, "target-without-waypoint", at: object.meta.spot, path: "spec.targetRefs",
          "\(key) has no waypoint, and nobody else could enforce \(object.key)",
          hint: "label it with \(Label.useWaypoint), or use a selector instead of a target")
      }
    }
  }

  /// Rules that say nothing another one has not said.
  private mutating func checkShadows(in policy: AuthorizationObject, _ object: Object) {
    guard case .policy(let converted)? = objects.project(authorization: object).things.first,
      converted.rules.count == policy.rules.count
    else { return }
    for (index, rule) in converted.rules.enumerated() {
      let all = converted.rules.firstIndex { $0.clauses.isEmpty }
      let same = converted.rules.firstIndex(of: rule)
      if let all, all != index {
        add(
          .warning, "shadowed-rule", at: policy.rules[index].spot, path: "spec.rules[\(index)]",
          "this rule has no effect: rule \(all) matches everything", hint: "take one of them away")
      } else if let same, same < index {
        add(
          .warning, "shadowed-rule", at: policy.rules[index].spot, path: "spec.rules[\(index)]",
          "this rule has no effect: it says the same as rule \(same)", hint: "take one of them away")
      }
    }
  }

  private mutating func check(_ rule: AuthorizationObject.Rule, _ object: Object, _ selected: [Object]) {
    let fields = ((rule.from ?? []) + (rule.to ?? [])).flatMap { $0 } + rule.when.map(\.wanted)
    for values in fields where !values.field.hasPrefix("not") {
      switch values.field {
      case "ports", "destination.port": checkPorts(values, selected)
      case "principals", "source.principal": for value in values.values { checkPrincipal(value, values) }
      case "namespaces", "source.namespace":
        for value in values.values where !value.contains("*") { checkNamespace(value, values) }
      default: break
      }
    }
  }

  /// Connections are judged at the port the workload listens on, not at that of the service.
  private mutating func checkPorts(_ values: AuthorizationObject.Values, _ selected: [Object]) {
    let targets = Set(selected.compactMap(workload).flatMap { $0.template.services.flatMap(\.ports).map(\.target) })
    let mapped = selected.compactMap(workload).flatMap { $0.template.services.flatMap(\.ports) }
    for value in values.values {
      guard let port = UInt16(value), !targets.contains(port), let entry = mapped.first(where: { $0.port == port })
      else { continue }
      add(
        .warning, "service-port", at: values.spot, path: values.path,
        "\(port) is the port of a service; its workloads listen on \(entry.target), and that is what counts",
        hint: "write \(entry.target)")
    }
  }

  private mutating func checkPrincipal(_ value: String, _ values: AuthorizationObject.Values) {
    guard !value.contains("*") else { return }
    guard let identity = Identity("spiffe://\(value)") else {
      add(
        .error, "invalid-principal", at: values.spot, path: values.path, "`\(value)` is the identity of nobody",
        hint: "write TRUST-DOMAIN/ns/NAMESPACE/sa/ACCOUNT")
      return
    }
    let domain = String(identity.trustDomain) ?? ""
    if domain != objects.settings.trustDomain {
      add(
        .warning, "other-trust-domain", at: values.spot, path: values.path,
        "`\(domain)` is not the trust domain of this mesh",
        hint: "write \(objects.settings.trustDomain), unless it is trusted, too")
    } else {
      checkNamespace(String(identity.namespace) ?? "", values)
    }
  }

  private mutating func checkNamespace(_ namespace: String, _ values: AuthorizationObject.Values) {
    guard !objects.knows(namespace: namespace) else { return }
    add(
      .warning, "unknown-namespace", at: values.spot, path: values.path,
      "nothing is known of the namespace `\(namespace)`",
      hint: namespace.nearest(of: objects.namespaces).map { "did you mean `\($0)`?" } ?? "")
  }
}

// MARK: Plaintext

extension Analysis {
  mutating func check(_ peer: PeerAuthenticationObject, _ object: Object) {
    let meta = object.meta
    let isRoot = meta.namespace == objects.settings.rootNamespace
    let isGeneral = peer.selector?.isEmpty ?? true
    if isRoot, !isGeneral {
      add(
        .error, "peer-selector-in-root", at: meta.spot, path: "spec.selector",
        "a PeerAuthentication of the root namespace cannot select workloads, so \(object.key) has no effect",
        hint: "move it to the namespace of the workloads")
      return
    }
    if isGeneral, !peer.ports.isEmpty {
      add(
        .error, "peer-ports-without-selector", at: meta.spot, path: "spec.portLevelMtls",
        "modes of ports mean nothing without a selector", hint: "select the workloads they are for")
    }
    if !isGeneral, workloads(peer.selector ?? [:], in: meta.namespace).isEmpty {
      add(
        .warning, "policy-without-workloads", at: meta.spot, path: "spec.selector",
        "\(object.key) selects no workload, so it guards nothing",
        hint: "look at the labels of the workloads it is for")
    }
    checkHoles(in: peer, object, isGeneral: isGeneral)
    checkRivals(of: peer, object)
  }

  private mutating func checkHoles(in peer: PeerAuthenticationObject, _ object: Object, isGeneral: Bool) {
    guard !isGeneral else { return }
    let modes = objects.modes(under: peer, in: object.meta.namespace)
    guard modes.isStrict, !modes.exceptions.isEmpty else { return }
    add(
      .warning, "strict-with-hole", at: object.meta.spot, path: "spec.portLevelMtls",
      "plaintext is refused but on port \(modes.exceptions.map(String.init).joined(separator: ", "))",
      hint: "make sure that whoever connects there may be anybody")
  }

  /// Of several on one level only the oldest is asked.
  private mutating func checkRivals(of peer: PeerAuthenticationObject, _ object: Object) {
    let older = objects.all(.peerAuthentication, in: object.meta.namespace).filter { other in
      guard case .peerAuthentication(let rival) = other.body, other.key != object.key else { return false }
      return rival.selector ?? [:] == peer.selector ?? [:] && other.meta.precedes(object.meta)
    }
    guard let first = older.min(by: { $0.meta.precedes($1.meta) }) else { return }
    add(
      .warning, "shadowed-peer", at: object.meta.spot,
      "\(object.key) has no effect: \(first.key) is for the same workloads and older",
      hint: "take one of them away")
  }
}
