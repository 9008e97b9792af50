// SPDX-License-Identifier: Apache-2.0
// What the decoder refuses, in its words: fields, types, versions, kinds.

import Testing

@testable import World

@Suite struct DecoderRefusalTests {
  struct Case: Sendable, CustomTestStringConvertible {
    let text: String
    let says: [String]
    var testDescription: String { says.first ?? text }

    init(_ text: String, _ says: String...) { self.init(text: text, says: says) }

    private init(text: String, says: [String]) { (self.text, self.says) = (text, says) }

    /// An object of a kind, from its fourth line on.
    static func of(_ kind: String, _ version: String, _ rest: String, _ says: String...) -> Case {
      Case(text: "apiVersion: \(version)\nkind: \(kind)\nmetadata: {name: it}\n\(rest)", says: says)
    }
  }

  static let policy = "security.istio.io/v1"
  static let fields: [Case] = [
    .of("Service", "v1", "spce: {}", "4:1: error: spce: there is no such field (did you mean `spec`?) [unknown-field]"),
    .of(
      "Service", "v1", "spec: {slector: {}, ports: [{port: 80, targetport: 81}]}",
      "4:40: error: spec.ports[0].targetport: there is no such field (did you mean `targetPort`?) [unknown-field]",
      "4:8: error: spec.slector: there is no such field (did you mean `selector`?) [unknown-field]"),
    .of("Service", "v1", "spec: {zzz: 1}", "4:8: error: spec.zzz: there is no such field [unknown-field]"),
    .of(
      "ServiceEntry", "networking.istio.io/v1", "spec: {hosts: [a], workloadSelector: {matchLabels: {}}}",
      "4:39: error: spec.workloadSelector.matchLabels: there is no such field [unknown-field]"),
    .of(
      "WorkloadEntry", "networking.istio.io/v1", "spec: {adress: a}",
      "4:8: error: spec.adress: there is no such field (did you mean `address`?) [unknown-field]"),
    .of(
      "AuthorizationPolicy", policy, "spec: {rules: [{from: [{source: {Principals: [a]}}]}]}",
      "4:34: error: spec.rules[0].from[0].source.Principals: there is no such field (did you mean `principals`?) "
        + "[unknown-field]"),
    .of(
      "AuthorizationPolicy", policy, "spec: {rules: [{form: []}]}",
      "4:17: error: spec.rules[0].form: there is no such field (did you mean `from`?) [unknown-field]"),
    .of(
      "AuthorizationPolicy", policy, "spec: {rules: [{when: [{key: source.ip, value: [a]}]}]}",
      "4:24: error: spec.rules[0].when[0].values: a condition needs values, or notValues [missing-field]",
      "4:41: error: spec.rules[0].when[0].value: there is no such field (did you mean `values`?) [unknown-field]"),
    .of(
      "PeerAuthentication", policy, "spec: {mtls: {mod: STRICT}, portLevelMTLS: {}}",
      "4:15: error: spec.mtls.mod: there is no such field (did you mean `mode`?) [unknown-field]",
      "4:29: error: spec.portLevelMTLS: there is no such field (did you mean `portLevelMtls`?) [unknown-field]"),
    .of(
      "Gateway", "gateway.networking.k8s.io/v1", "spec: {gatewayClass: x}",
      "4:7: error: spec.gatewayClassName: this field is required [missing-field]",
      "4:8: error: spec.gatewayClass: there is no such field (did you mean `gatewayClassName`?) [unknown-field]"),
    Case(
      "apiVersion: v1\nkind: Pod\nmetadata: {name: a, lables: {}}",
      "3:21: error: metadata.lables: there is no such field (did you mean `labels`?) [unknown-field]"),
  ]

  static let types: [Case] = [
    .of(
      "Service", "v1", "spec: {ports: [{port: \"80\"}]}",
      "4:23: error: spec.ports[0].port: a whole number is wanted here, and this is a text (leave out the quotes) "
        + "[wrong-type]"),
    .of(
      "Service", "v1", "spec: {ports: [{port: 80.5}]}",
      "4:23: error: spec.ports[0].port: a whole number is wanted here, and this is a number [wrong-type]"),
    .of(
      "Service", "v1", "spec: {selector: {version: 1.0, app: yes, tier: y}}",
      "4:28: error: spec.selector.version: a text is wanted here, and this is a number (put it into quotes) [wrong-type]",
      "4:38: error: spec.selector.app: a text is wanted here, and this is true or false (put it into quotes) "
        + "[wrong-type]",
      "4:49: error: spec.selector.tier: a text is wanted here, and this is true or false (put it into quotes) "
        + "[wrong-type]"),
    .of(
      "Service", "v1", "spec: []", "4:7: error: spec: a map is wanted here, and this is a list [wrong-type]"),
    .of(
      "Service", "v1", "spec: {ports: {port: 80}, selector: [a], type: Nodeport}",
      "4:42: error: spec.type: this cannot be `Nodeport` (did you mean `NodePort`?) [unknown-value]",
      "4:15: error: spec.ports: a list is wanted here, and this is a map [wrong-type]",
      "4:37: error: spec.selector: a map is wanted here, and this is a list [wrong-type]"),
    .of(
      "Service", "v1", "spec: {ports: [{name: a}], publishNotReadyAddresses: \"true\"}",
      "4:16: error: spec.ports[0].port: this field is required [missing-field]",
      "4:54: error: spec.publishNotReadyAddresses: true or false is wanted here, and this is a text [wrong-type]"),
    .of(
      "Service", "v1", "spec: {clusterIP: 10.0.0.300, clusterIPs: [x]}",
      "4:8: error: spec.clusterIP: `10.0.0.300` is no IP address [invalid-address]",
      "4:44: error: spec.clusterIPs: `x` is no IP address [invalid-address]"),
    .of(
      "ServiceEntry", "networking.istio.io/v1", "spec: {addresses: [10.0.0.0/8, nine]}",
      "4:7: error: spec.hosts: a service entry needs a host [missing-field]",
      "4:32: error: spec.addresses: `nine` is neither an IP address nor a block of them [invalid-address]"),
    .of(
      "AuthorizationPolicy", policy, "spec: {rules: [{to: [{operation: {ports: [80, \"http\", \"0\"]}}]}]}",
      "4:43: error: spec.rules[0].to[0].operation.ports[0]: a text is wanted here, and this is a number "
        + "(put it into quotes) [wrong-type]",
      "4:47: error: spec.rules[0].to[0].operation.ports: `http` is no port [invalid-port]",
      "4:55: error: spec.rules[0].to[0].operation.ports: `0` is no port [invalid-port]"),
    .of(
      "AuthorizationPolicy", policy,
      "spec: {rules: [{from: [{source: {principals: [spiffe://a/ns/b/sa/c, \"\"], namespaces: []}}]}, {from: []}]}",
      "4:47: error: spec.rules[0].from[0].source.principals: `spiffe://a/ns/b/sa/c` never matches "
        + "(leave out `spiffe://`) [invalid-value]",
      "4:69: error: spec.rules[0].from[0].source.principals: an empty text never matches [invalid-value]",
      "4:74: error: spec.rules[0].from[0].source.namespaces: an empty list means nothing; leave the field out "
        + "[empty-list]",
      "4:95: error: spec.rules[1].from: an empty list means nothing; leave the field out [empty-list]"),
    .of(
      "AuthorizationPolicy", policy, "spec: {rules: [{from: [{source: {principals: }}, {}]}]}",
      "4:25: error: spec.rules[0].from[0].source: an entry that names nothing would match nobody [empty-entry]",
      "4:50: error: spec.rules[0].from[1].source: an entry that names nothing would match nobody [empty-entry]"),
    .of(
      "AuthorizationPolicy", policy, "spec: {action: Deny, rules: [{when: [{key: source.pi, values: [a]}]}]}",
      "4:8: error: spec.action: this cannot be `Deny` (did you mean `DENY`?) [unknown-value]",
      "4:39: error: spec.rules[0].when[0].key: `source.pi` is no key of a condition (did you mean `source.ip`?) "
        + "[unknown-value]"),
    .of(
      "PeerAuthentication", policy, "spec: {portLevelMtls: {http: {mode: STRICT}, 70000: {}}}",
      "4:24: error: spec.portLevelMtls: `http` is no port [invalid-port]",
      "4:46: error: spec.portLevelMtls: `70000` is no port [invalid-port]"),
    Case(
      "apiVersion: v1\nkind: Pod\nmetadata: {name: a, creationTimestamp: yesterday}",
      "3:21: error: metadata.creationTimestamp: `yesterday` is no time as RFC 3339 writes it [invalid-time]"),
    Case(
      "apiVersion: v1\nkind: Pod\nmetadata: {}", "3:11: error: metadata.name: this field is required [missing-field]"),
    Case(
      "apiVersion: v1\nkind: Pod\nmetadata: {name: \"\"}",
      "3:12: error: metadata.name: this field must not be empty [missing-field]"),
    Case("apiVersion: v1\nkind: Pod\n", "1:1: error: metadata.name: this field is required [missing-field]"),
    Case("apiVersion: v1\nmetadata: {name: a}", "1:1: error: kind: this field is required [missing-field]"),
    Case("kind: Pod\nmetadata: {name: a}", "1:1: error: apiVersion: this field is required [missing-field]"),
    Case("a: b", "1:1: error: this is no Kubernetes object: it has neither `apiVersion` nor `kind` [not-an-object]"),
    Case("- a", "1:1: error: this is no Kubernetes object, but a list [not-an-object]"),
  ]

  static let kinds: [Case] = [
    .of(
      "Servce", "v1", "", "2:1: error: kind: there is no kind `Servce` (did you mean `Service`?) [unknown-kind]"),
    .of(
      "Frobnicator", "v1", "",
      "2:1: warning: kind: the kind `Frobnicator` of `v1` is not known and has no effect in the mesh [unknown-kind]"),
    .of(
      "Frobnicator", "security.istio.io/v1", "",
      "2:1: warning: kind: the kind `Frobnicator` of `security.istio.io/v1` is not known and has no effect in the mesh "
        + "[unknown-kind]"),
    .of(
      "Frobnicator", "example.com/v1", "",
      "2:1: info: kind: the kind `Frobnicator` of `example.com/v1` is not known and has no effect in the mesh "
        + "[unknown-kind]"),
    .of(
      "Service", "serving.knative.dev/v1", "",
      "1:1: info: apiVersion: Service of `serving.knative.dev/v1` has no effect in the mesh "
        + "(the mesh looks at Service of `v1`) [unknown-kind]"),
    .of(
      "Gateway", "networking.istio.io/v1", "",
      "1:1: warning: apiVersion: Gateway of `networking.istio.io/v1` has no effect in the mesh "
        + "(the mesh looks at Gateway of `gateway.networking.k8s.io/v1`) [unknown-kind]"),
    .of(
      "ServiceEntry", "networking.istio.oi/v1", "",
      "1:1: error: apiVersion: `networking.istio.oi/v1` has no ServiceEntry (write `networking.istio.io/v1`) "
        + "[unknown-version]"),
    .of(
      "Pod", "apps/v1", "", "1:1: error: apiVersion: `apps/v1` has no Pod (write `v1`) [unknown-version]"),
    .of(
      "Gateway", "gateway.networking.k8s.io/v1alpha2", "",
      "1:1: error: apiVersion: `gateway.networking.k8s.io/v1alpha2` is no version of Gateway "
        + "(it may be `gateway.networking.k8s.io/v1` or `gateway.networking.k8s.io/v1beta1`) [unknown-version]"),
    .of(
      "HTTPRoute", "gateway.networking.k8s.io/v1", "",
      "2:1: warning: kind: HTTPRoute is not supported yet and has no effect [unsupported-kind]"),
    .of("Deployment", "apps/v1", "spec: nonsense"),
    .of("ConfigMap", "v1", "data: [1]"),
  ]

  @Test(arguments: fields + types + kinds)
  func isTold(_ c: Case) throws {
    let scene = try DecoderScene(c.text)
    #expect(scene.complaints == c.says)
    #expect(scene.decoded.objects.isEmpty)
  }

  @Test(arguments: Kind.allCases)
  func everyVersionOfAKindIsRead(_ kind: Kind) throws {
    for version in kind.api.versions {
      let name = kind.api.group.isEmpty ? version : "\(kind.api.group)/\(version)"
      let spec = kind == .gateway ? "spec: {gatewayClassName: x}" : kind == .serviceEntry ? "spec: {hosts: [a]}" : ""
      #expect(try DecoderScene(kind.rawValue, name, spec).only().key.kind == kind)
    }
    let other = try DecoderScene(kind.rawValue, kind.api.group.isEmpty ? "v9" : "\(kind.api.group)/v9", "")
    #expect(other.decoded.problems.map(\.code) == ["unknown-version"])
    #expect(other.decoded.refused.map(\.key) == [ObjectKey(kind, "here", "it")])
  }
}
