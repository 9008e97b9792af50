// SPDX-License-Identifier: Apache-2.0
// PolicyYAML: manifests of policies for tests, on a few lines each: metadata on the fourth, the spec on the fifth.

/// Manifests of policies. What is given as text is YAML; nil leaves it out.
enum PolicyYAML {
  /// A PeerAuthentication, `namespace/name`. Everything but its name is YAML.
  static func peer(
    _ name: String, selector: String? = nil, mode: String? = nil, ports: String? = nil, made: String? = nil
  ) -> String {
    let mtls = mode.map { "{mode: \($0)}" }
    let fields = [("selector", selector), ("mtls", mtls), ("portLevelMtls", ports)]
    return object("PeerAuthentication", name, made: made, spec: fields)
  }

  /// An AuthorizationPolicy, `namespace/name`; its rules are YAML.
  static func policy(
    _ name: String = "shop/p", _ action: String? = nil, selector: String? = nil, rules: [String]? = nil,
    labels: String? = nil, annotations: String? = nil, _ more: (String, String?)...
  ) -> String {
    let list = rules.map { "[\($0.joined(separator: ", "))]" }
    return object(
      "AuthorizationPolicy", name, labels: labels, annotations: annotations,
      spec: [("selector", selector), ("action", action), ("rules", list)] + more)
  }

  /// An object of the security group.
  static func object(
    _ kind: String, _ name: String, made: String? = nil, labels: String? = nil, annotations: String? = nil,
    spec: [(String, String?)]
  ) -> String {
    let parts = name.split(separator: "/")
    precondition(parts.count == 2, "`\(name)` is no namespace/name")
    let head = [
      ("name", String(parts[1])), ("namespace", String(parts[0])), ("creationTimestamp", made), ("labels", labels),
      ("annotations", annotations),
    ]
    return """
      ---
      apiVersion: security.istio.io/v1
      kind: \(kind)
      metadata: {\(flow(head))}
      spec: {\(flow(spec))}

      """
  }

  private static func flow(_ fields: [(String, String?)]) -> String {
    fields.compactMap { name, value in value.map { "\(name): \($0)" } }.joined(separator: ", ")
  }
}
