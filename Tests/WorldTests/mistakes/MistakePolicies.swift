// SPDX-License-Identifier: Apache-2.0
// Mistakes in policies.

@testable import World

extension Mistake {
  static let all = policies + targets + peers + services + waypoints + labels + pods + texts

  private static func policy(_ name: String, _ spec: String) -> String {
    """
    apiVersion: security.istio.io/v1
    kind: AuthorizationPolicy
    metadata:
      name: \(name)
      namespace: shop
    spec:
    \(spec.split(separator: "\n").map { "  " + $0 }.joined(separator: "\n"))
    """
  }

  static let policies = [
    Mistake(
      code: "policy-without-workloads", severity: .warning, name: "on nobody", says: "did you mean `cart`?",
      edits: [Edit(file: "policies.yaml", old: "      app: cart\n", new: "      ‸app: crat\n")]),
    Mistake(
      code: "policy-not-enforced", severity: .error, name: "on a pod outside of the mesh",
      says: "dataplane-mode: none",
      added: """
        apiVersion: v1
        kind: Pod
        metadata:
          name: legacy-1
          namespace: shop
          labels:
            app: legacy
            istio.io/dataplane-mode: none
        spec:
          nodeName: node-1
        status:
          podIPs:
            - ip: 10.244.1.99
        ---
        """ + "\n" + policy("legacy", "‸selector: {matchLabels: {app: legacy}}\naction: DENY\nrules: [{}]")),
    Mistake(
      code: "request-rule", severity: .warning, name: "ALLOW by method without a waypoint", says: "allows nothing",
      edits: [Edit(file: "policies.yaml", old: "ports: [\"6379\"]", new: "‸methods: [\"GET\"]")]),
    Mistake(
      code: "request-rule", severity: .error, name: "DENY by path without a waypoint", says: "denies more than it says",
      edits: [
        Edit(
          file: "policies.yaml", old: "namespaces: [\"guest*\"]\n",
          new: "namespaces: [\"guest*\"]\n      to:\n        - operation:\n            ‸paths: [\"/admin\"]\n")
      ]),
    Mistake(
      code: "shadowed-rule", severity: .warning, name: "said twice", says: "the same as spec.rules[0]",
      edits: [
        Edit(
          file: "policies.yaml", old: "            ports: [\"8443\"]\n",
          new: """
                        ports: ["8443"]
                - ‸from: [{source: {principals: [cluster.local/ns/shop/sa/cart]}}]
                  to: [{operation: {ports: ["8443"]}}]

            """)
      ]),
    Mistake(
      code: "shadowed-rule", severity: .warning, name: "behind a rule for everything",
      says: "spec.rules[0] matches everything",
      added: policy("open", "action: ALLOW\nrules:\n- {}\n- ‸to: [{operation: {ports: [\"8080\"]}}]")),
    Mistake(
      code: "service-port", severity: .warning, name: "the port of the service", says: "write `8080`",
      added: policy(
        "by-port", "selector: {matchLabels: {app: cart}}\nrules:\n- to: [{operation: {ports: [\"8080\", ‸\"80\"]}}]")),
    Mistake(
      code: "unknown-namespace", severity: .warning, name: "a namespace nobody knows", says: "did you mean `shop`?",
      added: policy("from-shpo", "rules:\n- from: [{source: {namespaces: [shop, ‸shpo]}}]")),
    Mistake(
      code: "unknown-account", severity: .warning, name: "an account nobody has", says: "did you mean `web`?",
      added: policy(
        "from-wbe", "rules:\n- from:\n  - source:\n      principals:\n      - ‸cluster.local/ns/shop/sa/webb")),
    Mistake(
      code: "other-trust-domain", severity: .warning, name: "a foreign trust domain", says: "write cluster.local",
      added: policy("foreign", "rules:\n- from: [{source: {principals: [‸old.example/ns/shop/sa/web]}}]")),
    Mistake(
      code: "invalid-principal", severity: .error, name: "no identity", says: "TRUST-DOMAIN/ns/NAMESPACE/sa/ACCOUNT",
      added: policy("nobody", "rules:\n- from: [{source: {principals: [‸shop/web]}}]")),
    Mistake(
      code: "unsupported-action", severity: .error, name: "CUSTOM", says: "guards nothing",
      added: policy("custom", "‸action: CUSTOM\nprovider: {name: opa}\nrules: [{}]")),
  ]

  static let targets = [
    Mistake(
      code: "target-missing", severity: .error, name: "a target that is not there", says: "did you mean `catalog`?",
      edits: [
        Edit(
          file: "policies.yaml", old: "    - group: \"\"\n      kind: Service\n      name: catalog\n",
          new: "    - ‸group: \"\"\n      kind: Service\n      name: catalogue\n")
      ]),
    Mistake(
      code: "target-without-waypoint", severity: .error, name: "a target without a waypoint",
      says: "Service shop/web has no waypoint",
      added: policy("web", "targetRefs:\n- ‸kind: Service\n  name: web\nrules: [{}]")),
    Mistake(
      code: "target-kind", severity: .error, name: "a target no policy is for", says: "cannot be for a Pod",
      added: policy(
        "on-pod", "targetRefs:\n- kind: Gateway\n  name: waypoint\n- ‸kind: Pod\n  name: web-1\nrules: [{}]")),
    Mistake(
      code: "target-with-selector", severity: .error, name: "a selector beside a target", says: "this selector",
      added: policy(
        "both", "‸selector: {matchLabels: {app: web}}\ntargetRef: {kind: Gateway, name: waypoint}\nrules: [{}]")),
  ]

  private static func peer(_ name: String, in namespace: String, _ spec: String) -> String {
    """
    apiVersion: security.istio.io/v1
    kind: PeerAuthentication
    metadata:
      name: \(name)
      namespace: \(namespace)
    spec:
    \(spec.split(separator: "\n").map { "  " + $0 }.joined(separator: "\n"))
    """
  }

  static let peers = [
    Mistake(
      code: "strict-with-hole", severity: .warning, name: "a port that takes plaintext", says: "except on port 8080",
      added: peer(
        "web", in: "shop",
        """
        selector:
          matchLabels:
            app: web
        mtls:
          mode: STRICT
        portLevelMtls:
          ‸8080:
            mode: PERMISSIVE
        """)),
    Mistake(
      code: "peer-ports-without-selector", severity: .error, name: "ports without a selector",
      says: "without a selector",
      edits: [
        Edit(
          file: "policies.yaml", old: "    mode: STRICT\n",
          new: "    mode: STRICT\n  ‸portLevelMtls:\n    8080:\n      mode: DISABLE\n")
      ]),
    Mistake(
      code: "peer-selector-in-root", severity: .error, name: "a selector in the root namespace", says: "no effect",
      added: peer("web", in: "istio-system", "‸selector: {matchLabels: {app: web}}\nmtls: {mode: STRICT}")),
    Mistake(
      code: "policy-without-workloads", severity: .warning, name: "a peer of nobody", says: "did you mean `web`?",
      added: peer("wbe", in: "shop", "selector: {matchLabels: {‸app: wbe}}\nmtls: {mode: STRICT}")),
    Mistake(
      code: "shadowed-peer", severity: .warning, name: "the second for all", says: "identities-only",
      added: "apiVersion: security.istio.io/v1\n‸kind: PeerAuthentication\n"
        + "metadata: {name: later, namespace: shop}\nspec: {mtls: {mode: PERMISSIVE}}"),
  ]
}
