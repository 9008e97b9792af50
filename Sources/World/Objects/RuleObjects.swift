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
    /// Where each value stands.
    package var marks: [Mark] = []
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
    case same, all, nobody
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
  private static let fromFields = [
    "principals", "requestPrincipals", "namespaces", "serviceAccounts", "ipBlocks", "remoteIpBlocks",
  ]
  private static let toFields = ["hosts", "ports", "methods", "paths"]

  fileprivate init(_ rule: Fields) {
    from = Self.entries(rule, "from", of: "source", Self.fromFields)
    to = Self.entries(rule, "to", of: "operation", Self.toFields)
    when = rule.maps("when").map(Self.condition)
    spot = rule.spot()
    rule.end()
  }

  /// The entries of `from` or `to`; nil when the rule does not have them.
  private static func entries(
    _ rule: Fields, _ list: String, of name: String, _ fields: [String]
  ) -> [[AuthorizationObject.Values]]? {
    guard rule.has(list) else { return nil }
    let entries = rule.maps(list)
    if rule.isEmptyList(list) { rule.fail(list, "empty-list", "an empty list means nothing; leave the field out") }
    return entries.map { entry in
      let inner = entry.map(name)
      let values = fields.flatMap { [$0, $0.negated] }.filter(inner.has).map { field in
        inner.values(field, named: field)
      }
      let errors = inner.errors
      inner.end()
      // What was meant may be among what is not known.
      if values.isEmpty, inner.errors == errors {
        entry.fail(name, "empty-entry", "an entry that names nothing would match nobody")
      }
      entry.end()
      return values
    }
  }

  /// Keys of conditions: those for connections, and those an HTTP proxy can judge.
  private static let keys = [
    "source.ip", "source.namespace", "source.principal", "source.serviceAccount", "destination.ip", "destination.port",
    "remote.ip", "request.auth.principal", "request.auth.audiences", "request.auth.presenter", "connection.sni",
  ]
  private static let keyPrefixes = ["request.headers[", "request.auth.claims[", "experimental."]

  private static func condition(_ fields: Fields) -> (
    wanted: AuthorizationObject.Values, unwanted: AuthorizationObject.Values
  ) {
    let key = fields.required("key")
    if !key.isEmpty, !keys.contains(key), !keyPrefixes.contains(where: key.hasPrefix) {
      fields.fail(
        "key", "unknown-value", "`\(key)` is no key of a condition",
        hint: key.nearest(of: keys).map { "did you mean `\($0)`?" } ?? "it may be \(keys.listed)")
    }
    if !fields.has("values"), !fields.has("notValues") {
      fields.fail("values", "missing-field", "a condition needs values, or notValues")
    }
    defer { fields.end() }
    return (fields.values("values", named: key), fields.values("notValues", named: key))
  }
}

extension Fields {
  /// The values of a list of conditions. What cannot be read as what it has to be is a finding: nothing gets lost later.
  fileprivate func values(_ list: String, named field: String) -> AuthorizationObject.Values {
    let items = items(list)
    if isEmptyList(list) { fail(list, "empty-list", "an empty list means nothing; leave the field out") }
    for item in items { check(item, as: field) }
    return AuthorizationObject.Values(
      field: field, values: items.map(\.text), spot: spot(list), path: path(of: list), marks: items.map(\.mark))
  }

  private func check(_ item: Item, as field: String) {
    let value = item.text
    guard !value.isEmpty else { return fail(item, "invalid-value", "an empty text never matches") }
    switch field {
    case "ports", "notPorts", "destination.port":
      if UInt16(value).map({ $0 > 0 }) != true { fail(item, "invalid-port", "`\(value)` is no port") }
    case "ipBlocks", "notIpBlocks", "remoteIpBlocks", "notRemoteIpBlocks", "source.ip", "remote.ip", "destination.ip":
      if AddressBlock(value) == nil {
        fail(item, "invalid-address", "`\(value)` is neither an IP address nor a block of them")
      }
    case "principals", "notPrincipals", "source.principal":
      if value.hasPrefix("spiffe://") {
        fail(item, "invalid-value", "`\(value)` never matches", hint: "leave out `spiffe://`")
      }
    case "serviceAccounts", "notServiceAccounts", "source.serviceAccount":
      let parts = value.split(separator: "/", omittingEmptySubsequences: false)
      if parts.count > 2 || parts.contains("") || value.contains("*") {
        fail(
          item, "invalid-value", "`\(value)` is no account",
          hint: "write NAMESPACE/NAME, or NAME; `*` means nothing here")
      }
    default: break
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
        let mark = spec.marks(in: "portLevelMtls")[name] ?? Mark(fields.line, fields.column)
        let item = Fields.Item(text: name, path: spec.path(of: "portLevelMtls"), mark: mark)
        spec.fail(item, "invalid-port", "`\(name)` is no port")
      }
    }
    self.ports = ports
    spec.end()
  }
}

extension GatewayObject {
  private enum From: String, CaseIterable { case same = "Same", all = "All", selector = "Selector", nobody = "None" }

  init(_ object: Fields) {
    let spec = object.map("spec")
    className = spec.required("gatewayClassName")
    listeners = spec.maps("listeners").map { listener in
      let namespaces = listener.map("allowedRoutes").map("namespaces")
      let admission: Admission =
        switch namespaces.choice("from", From.self) {
        case .all: .all
        case .selector: .selector(in: namespaces)
        case .nobody: .nobody
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

extension GatewayObject.Admission {
  fileprivate static func selector(in namespaces: Fields) -> Self {
    let selector = namespaces.map("selector")
    guard selector.has("matchExpressions") else { return .selector(selector.pairs("matchLabels")) }
    // Left out, they would let in whom they keep out.
    selector.warn("matchExpressions", "unsupported-field", "only matchLabels are supported; this lets in nobody")
    return .nobody
  }
}
