// SPDX-License-Identifier: Apache-2.0
// Mistakes in the sample shop: each one alone, and all of them at once. What is wrong is said once, with its code, at its
// place, and nothing else is said.

import Testing

@testable import World

@Suite struct MistakesTests {
  @Test func nothingIsSaidAboutTheSampleItself() throws {
    #expect(try Shop().problems().map(\.description) == [])
  }

  @Test(arguments: Mistake.all)
  func isFoundWhereItIs(_ mistake: Mistake) throws {
    var shop = try Shop([mistake])
    let wanted = shop.takeMarks()
    let problems = try shop.problems()
    #expect(!wanted.isEmpty)
    #expect(problems.map(\.place).sorted() == wanted, "\(problems.map(\.description).joined(separator: "\n"))")
    #expect(problems.allSatisfy { $0.severity == mistake.severity })
    let words = problems.map { "\($0.path): \($0.text) (\($0.hint))" }.joined(separator: "\n")
    #expect(words.contains(mistake.says), "\(words)")
  }

  @Test func areAllFoundAtOnce() throws {
    var shop = try Shop(Mistake.all)
    let wanted = shop.takeMarks()
    let problems = try shop.problems()
    #expect(wanted.count >= 25)
    let (found, sought) = (Set(problems.map(\.place)), Set(wanted))
    #expect(sought.subtracting(found).sorted() == [])
    #expect(problems.filter { !sought.contains($0.place) }.map(\.description) == [])
    #expect(problems.count == wanted.count)
  }

  @Test func objectsOfAnotherRevisionAreTold() throws {
    var shop = try Shop([
      Mistake(
        code: "other-revision", severity: .info, name: "revision",
        edits: [
          Mistake.Edit(
            file: "policies.yaml", old: "name: no-guests\n",
            new: "name: no-guests\n  labels: {‸istio.io/rev: canary}\n")
        ])
    ])
    let wanted = shop.takeMarks()
    var settings = Settings()
    settings.revision = "stable"
    #expect(try shop.problems(under: settings).map(\.place) == wanted)
  }

  struct Harmless: Sendable, CustomTestStringConvertible {
    let name: String
    let text: String
    /// What is said with the least weight.
    var says: [String] = []
    var testDescription: String { name }
  }

  @Test(arguments: [
    Harmless(
      name: "names that others gave a meaning",
      text: """
        apiVersion: v1
        kind: Service
        metadata:
          name: other
          namespace: shop
          labels: {topology.istio.io/cluster: c, istio.io/config: "true", security.istio.io/tlsMode: istio}
          annotations: {kubectl.kubernetes.io/last-applied-configuration: "{}", example.com/use-waypoint: x}
        spec: {clusterIP: None, selector: {app: web}, ports: [{port: 80}]}
        """),
    Harmless(
      name: "a namespace of which only policies and services are shown",
      text: """
        apiVersion: v1
        kind: Service
        metadata: {name: a, namespace: elsewhere}
        spec: {selector: {app: a}, ports: [{port: 80}]}
        ---
        apiVersion: security.istio.io/v1
        kind: AuthorizationPolicy
        metadata: {name: a, namespace: elsewhere}
        spec: {selector: {matchLabels: {app: a}}, rules: [{from: [{source: {principals: ["*/ns/x/sa/y", "*"]}}]}]}
        """, says: ["selector-without-workloads", "policy-without-workloads"]),
    Harmless(
      name: "an account every namespace has, a namespace of many, ports that are named as they are",
      text: """
        apiVersion: security.istio.io/v1
        kind: AuthorizationPolicy
        metadata: {name: a, namespace: shop}
        spec:
          selector: {matchLabels: {app: cart}}
          rules:
            - from: [{source: {principals: [cluster.local/ns/shop/sa/default], notNamespaces: [nowhere]}}]
              to: [{operation: {ports: ["8080", "9090"], notPorts: ["80"]}}]
            - from: [{source: {namespaces: ["sh*"]}}]
        """),
    Harmless(
      name: "a pod that has ended with the address of another",
      text: """
        apiVersion: v1
        kind: Pod
        metadata: {name: job, namespace: shop}
        spec: {nodeName: node-1}
        status: {phase: Succeeded, podIPs: [{ip: 10.244.1.11}]}
        """),
    Harmless(
      name: "a host that another namespace has, too",
      text: """
        apiVersion: networking.istio.io/v1
        kind: ServiceEntry
        metadata: {name: bank, namespace: office}
        spec: {hosts: [api.bank.example], addresses: [240.240.0.1], ports: [{number: 443}], resolution: DNS}
        """),
    Harmless(
      name: "somebody else's kinds",
      text: """
        apiVersion: policy.linkerd.io/v1beta3
        kind: AuthorizationPolicy
        metadata: {name: a, namespace: shop}
        spec: {requiredAuthenticationRefs: []}
        ---
        apiVersion: cert-manager.io/v1
        kind: Certificate
        metadata: {name: a, namespace: shop}
        """, says: ["unknown-kind", "unknown-kind"]),
  ])
  func whatIsNoneIsNotSaid(_ c: Harmless) throws {
    let harmless = Mistake(code: "harmless", severity: .info, name: "harmless", added: c.text)
    let problems = try Shop([harmless]).problems()
    #expect(problems.filter { $0.severity > .info }.map(\.description) == [])
    #expect(problems.map(\.code) == c.says)
  }
}
