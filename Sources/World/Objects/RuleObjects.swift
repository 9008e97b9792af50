// SPDX-License-Identifier: Apache-2.0
// Rules as objects: AuthorizationPolicy, PeerAuthentication, Gateway. An unknown field in one of these is an error: what was
// meant as a condition must not vanish.

import Format

/// Which workloads, or what else, a policy is for.
package struct Target: Hashable, Sendable {
  /// The kind it names.
  package let kind: String
  /// The name.
  package let name: String
}

/// What the mesh wants to know of an AuthorizationPolicy.
package struct AuthorizationObject: Sendable {
  /// What a match means.
  package enum Action: String, CaseIterable, Sendable {
    case allow = "ALLOW", deny = "DENY", audit = "AUDIT", custom = "CUSTOM"
  }

  /// Values of one field of a rule, and where it stands.
  package struct Values: Sendable {
    /// The field, as it is written.
    package let field: String
    /// The values.
    package let values: [String]
    /// Where it stands.
    package let spot: Spot
    /// The path to it.
    package let path: String
  }

  /// A rule: lists of conditions of which each has to be met somehow.
  package struct Rule: Sendable {
    /// Who: one of these entries, each of which is met when all its fields are. Nil when the rule does not say.
    package let from: [[Values]]?
    /// What: likewise.
    package let to: [[Values]]?
    /// Further conditions, which all have to be met. The field is the key; values and notValues apart.
    package let when: [(wanted: Values, unwanted: Values)]
    /// Where it stands.
    package let spot: Spot
  }

  /// Labels of its workloads; nil when it has no selector.
  package let selector: [String: String]?
  /// What it is for instead of workloads.
  package let targets: [Target]
  /// What a match means.
  package let action: Action
  /// The rules.
  package let rules: [Rule]
}

/// What the mesh wants to know of a PeerAuthentication.
package struct PeerAuthenticationObject: Sendable {
  /// Whether plaintext is accepted.
  package enum Mode: String, CaseIterable, Sendable {
    case unset = "UNSET", disable = "DISABLE", permissive = "PERMISSIVE", strict = "STRICT"
  }

  /// Labels of its workloads; nil when it has no selector.
  package let selector: [String: String]?
  /// The mode.
  package let mode: Mode
  /// The mode of single ports.
  package let ports: [UInt16: Mode]
}

/// What the mesh wants to know of a Gateway.
package struct GatewayObject: Sendable {
  /// Whose routes, and whose bindings, a listener takes.
  package enum Admission: Hashable, Sendable {
    case same, all
    case selector([String: String])
  }

  /// A port of it.
  package struct Listener: Sendable {
    /// Its name.
    package let name: String
    /// Its port.
    package let port: UInt16
    /// Its protocol.
    package let application: String
    /// Whose bindings it takes.
    package let admission: Admission
  }

  /// Its class.
  package let className: String
  /// Its ports.
  package let listeners: [Listener]
  /// Where it is found, once it is: addresses and hostnames, in the order given.
  package let addresses: [(isHostname: Bool, value: String)]
}

// MARK: Reading

extension Fields {
  /// A selector by labels; nil when there is none. An empty one is one.
  fileprivate func selector(_ name: String) -> [String: String]? {
    guard has(name) else { return nil }
    let selector = map(name)
    defer { selector.end() }
    return selector.pairs("matchLabels")
  }
}

extension AuthorizationObject {
  fileprivate static let fromFields = [
    "principals", "requestPrincipals", "namespaces", "serviceAccounts", "ipBlocks", "remoteIpBlocks",
  ]
  fileprivate static let toFields = ["hosts", "ports", "methods", "paths"]

  init(_ object: Fields) {
    let spec = object.map("spec")
    selector = spec.selector("selector")
    let single = spec.has("targetRef") ? [spec.map("targetRef")] : []
    targets = (single + spec.maps("targetRefs")).map { target in
      defer { target.end(leaving: ["group", "namespace"]) }
      return Target(kind: target.required("kind"), name: target.required("name"))
    }
    action = spec.choice("action", Action.self) ?? .allow
    rules = spec.maps("rules").map(Rule.init)
    spec.end(leaving: ["provider"])
  }
}

extension AuthorizationObject.Rule {
  fileprivate init(_ rule: Fields) {
    from = rule.has("from") ? rule.maps("from").map { Self.entry($0, "source", AuthorizationObject.fromFields) } : nil
    to = rule.has("to") ? rule.maps("to").map { Self.entry($0, "operation", AuthorizationObject.toFields) } : nil
    when = rule.maps("when").map { condition in
      defer { condition.end() }
      let key = condition.required("key")
      if !condition.has("values"), !condition.has("notValues") {
        condition.fail("values", "missing-field", "a condition needs values, or notValues")
      }
      func values(_ name: String) -> AuthorizationObject.Values {
        AuthorizationObject.Values(
          field: key, values: condition.texts(name), spot: condition.spot(name), path: "\(condition.path).\(name)")
      }
      return (values("values"), values("notValues"))
    }
    spot = rule.spot()
    rule.end()
  }

  /// An entry of `from` or `to`: its fields that are not empty.
  private static func entry(_ entry: Fields, _ name: String, _ fields: [String]) -> [AuthorizationObject.Values] {
    let inner = entry.map(name)
    defer {
      inner.end()
      entry.end()
    }
    return fields.flatMap { [$0, $0.negated] }.compactMap { field in
      let values = inner.texts(field)
      guard inner.has(field) else { return nil }
      if values.isEmpty { inner.fail(field, "empty-list", "an empty list means nothing; leave the field out") }
      return AuthorizationObject.Values(
        field: field, values: values, spot: inner.spot(field), path: "\(inner.path).\(field)")
    }
  }
}

extension String {
  /// `ports` → `notPorts`.
  fileprivate var negated: String { "not" + prefix(1).uppercased() + dropFirst() }
}

extension PeerAuthenticationObject {
  init(_ object: Fields) {
    let spec = object.map("spec")
    selector = spec.selector("selector")
    let mtls = spec.map("mtls")
    mode = mtls.choice("mode", Mode.self) ?? .unset
    mtls.end()
    var ports: [UInt16: Mode] = [:]
    for (name, fields) in spec.mapsByName("portLevelMtls") {
      let mode = fields.choice("mode", Mode.self) ?? .unset
      fields.end()
      if let port = UInt16(name), port > 0 {
        ports[port] = mode
      } else {
        spec.fail("portLevelMtls", "invalid-port", "`\(name)` is no port")
      }
    }
    self.ports = ports
    spec.end()
  }
}

extension GatewayObject {
  private enum From: String, CaseIterable { case same = "Same", all = "All", selector = "Selector", none = "None" }

  init(_ object: Fields) {
    let spec = object.map("spec")
    className = spec.required("gatewayClassName")
    listeners = spec.maps("listeners").map { listener in
      let namespaces = listener.map("allowedRoutes").map("namespaces")
      let admission: Admission =
        switch namespaces.choice("from", From.self) {
        case .all: .all
        case .selector: .selector(namespaces.map("selector").pairs("matchLabels"))
        default: .same
        }
      return Listener(
        name: listener.required("name"), port: listener.port("port") ?? 0,
        application: listener.text("protocol") ?? "", admission: admission)
    }
    addresses = object.map("status").maps("addresses").compactMap { address in
      address.text("value").map { (address.text("type") == "Hostname", $0) }
    }
    spec.end(leaving: ["addresses", "infrastructure", "allowedListeners", "backendTLS", "tls"])
  }
}
