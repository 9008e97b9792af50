// SPDX-License-Identifier: Apache-2.0
// Mistakes in services, waypoints, labels and pods, and in how things are written at all.

@testable import World

extension Mistake {
  private static func service(_ name: String, _ meta: String = "", _ spec: String) -> String {
    """
    apiVersion: v1
    kind: Service
    metadata:
      name: \(name)
      namespace: shop
    \(meta.split(separator: "\n").map { "  " + $0 }.joined(separator: "\n"))
    spec:
    \(spec.split(separator: "\n").map { "  " + $0 }.joined(separator: "\n"))
    """
  }

  private static func entry(_ name: String, _ spec: String) -> String {
    """
    apiVersion: networking.istio.io/v1
    kind: ServiceEntry
    metadata:
      name: \(name)
      namespace: shop
    spec:
    \(spec.split(separator: "\n").map { "  " + $0 }.joined(separator: "\n"))
    """
  }

  static let services = [
    Mistake(
      code: "overlapping-services", severity: .error, name: "an address of two services", says: "web.yaml:15:3",
      added: service("web-again", "", "‸clusterIP: 10.96.0.10\nports: [{port: 80}]")),
    Mistake(
      code: "overlapping-services", severity: .error, name: "a host of two entries", says: "bank.yaml:10:7",
      added: entry(
        "bank-again",
        "hosts: [bank.example, ‸api.bank.example]\nports: [{number: 443, name: tls}]\nresolution: DNS")),
    Mistake(
      code: "overlapping-services", severity: .error, name: "an address of an entry and a service",
      says: "catalog.yaml:17:3",
      added: entry(
        "goods",
        "hosts: [goods.example]\naddresses:\n- ‸10.96.0.12\nports: [{number: 80, name: http}]\nresolution: NONE")),
    Mistake(
      code: "selector-without-workloads", severity: .warning, name: "a service of nobody",
      says: "did you mean `database`?",
      edits: [Edit(file: "database.yaml", old: "    app: database\n  ports", new: "    ‸app: databse\n  ports")]),
    Mistake(
      code: "selector-without-workloads", severity: .warning, name: "an entry of nobody",
      says: "no workload here is labelled `app: mainframe`",
      added: entry(
        "machines",
        "hosts: [machines.example]\nports: [{number: 80, name: http}]\nresolution: STATIC\n"
          + "workloadSelector: {labels: {‸app: mainframe}}")),
    Mistake(
      code: "port-without-target", severity: .error, name: "a port name nobody has", says: "did you mean `http`?",
      edits: [Edit(file: "web.yaml", old: "      targetPort: http\n", new: "      ‸targetPort: htpp\n")]),
    Mistake(
      code: "entry-without-endpoints", severity: .error, name: "STATIC and empty", says: "lists no endpoints",
      added: "apiVersion: networking.istio.io/v1\n‸kind: ServiceEntry\nmetadata: {name: empty, namespace: shop}\n"
        + "spec: {hosts: [empty.example], ports: [{number: 80, name: http}], resolution: STATIC}"),
    Mistake(
      code: "entry-without-ports", severity: .error, name: "no ports", says: "list its ports",
      added: "apiVersion: networking.istio.io/v1\n‸kind: ServiceEntry\nmetadata: {name: portless, namespace: shop}\n"
        + "spec: {hosts: [portless.example], resolution: NONE}"),
    Mistake(
      code: "wildcard-dns", severity: .error, name: "a wildcard to resolve", says: "DYNAMIC_DNS",
      added: entry(
        "wild", "hosts: [wild.example, ‸\"*.wild.example\"]\nports: [{number: 80, name: http}]\nresolution: DNS")),
  ]

  private static func gateway(_ name: String, in namespace: String = "shop", traffic: String) -> String {
    """
    apiVersion: gateway.networking.k8s.io/v1
    kind: Gateway
    metadata: {name: \(name), namespace: \(namespace), labels: {istio.io/waypoint-for: \(traffic)}}
    spec:
      gatewayClassName: istio-waypoint
      listeners: [{name: mesh, port: 15008, protocol: HBONE}]
    """
  }

  private static let status = "\nstatus: {addresses: [{type: IPAddress, value: 10.96.0.99}]}"
  private static let goods = "selector: {app: catalog}\nports: [{port: 80, targetPort: 8080}]"

  static let waypoints = [
    Mistake(
      code: "waypoint-missing", severity: .error, name: "a waypoint that is not there",
      says: "did you mean `waypoint`?",
      edits: [
        Edit(file: "catalog.yaml", old: "    istio.io/use-waypoint: way", new: "    ‸istio.io/use-waypoint: wey")
      ]),
    Mistake(
      code: "waypoint-not-ready", severity: .error, name: "a waypoint without an address",
      says: "no address yet, so traffic is refused",
      edits: [
        Edit(
          file: "payments.yaml", old: "kind: Service\nmetadata:\n",
          new: "kind: Service\nmetadata:\n  labels:\n    ‸istio.io/use-waypoint: slow\n")
      ],
      added: gateway("slow", traffic: "service")),
    Mistake(
      code: "waypoint-traffic", severity: .error, name: "a waypoint for something else", says: "istio.io/waypoint-for",
      edits: [
        Edit(
          file: "cart.yaml", old: "kind: Service\nmetadata:\n",
          new: "kind: Service\nmetadata:\n  labels: {‸istio.io/use-waypoint: workloads}\n")
      ],
      added: gateway("workloads", traffic: "workload") + status),
    Mistake(
      code: "waypoint-denied", severity: .error, name: "a waypoint of another namespace", says: "allowedRoutes",
      added: service(
        "far", "labels:\n  ‸istio.io/use-waypoint: far\n  istio.io/use-waypoint-namespace: elsewhere", goods)
        + "\n---\n" + gateway("far", in: "elsewhere", traffic: "all") + status),
    Mistake(
      code: "waypoint-missing", severity: .error, name: "of a whole namespace", says: "there is no Gateway staging/wp",
      added: "apiVersion: v1\nkind: Namespace\nmetadata: {name: staging, labels: {‸istio.io/use-waypoint: wp}}\n---\n"
        + "apiVersion: v1\nkind: Service\nmetadata: {name: a, namespace: staging}\nspec: {ports: [{port: 80}]}\n---\n"
        + "apiVersion: v1\nkind: Service\nmetadata: {name: b, namespace: staging}\nspec: {ports: [{port: 80}]}"),
    Mistake(
      code: "waypoint-missing", severity: .error, name: "for names resolved as they come",
      says: "istio.io/use-waypoint",
      added: entry("dynamic", "hosts: [\"*.dynamic.example\"]\nports: [{number: 80}]\n‸resolution: DYNAMIC_DNS")),
    Mistake(
      code: "waypoint-listener", severity: .error, name: "a waypoint nobody can talk to", says: "HBONE",
      added: """
        apiVersion: gateway.networking.k8s.io/v1
        kind: Gateway
        metadata: {name: mute, namespace: shop, labels: {istio.io/waypoint-for: service}}
        spec:
          gatewayClassName: istio-waypoint
          ‸listeners: [{name: web, port: 80, protocol: HTTP}]
        """),
    Mistake(
      code: "canary-weight", severity: .warning, name: "more than all", says: "from 0 to 100",
      added: service(
        "heavy",
        "labels: {istio.io/use-waypoint: waypoint, istio.io/use-waypoint-canary: new}\n"
          + "annotations:\n  ‸istio.io/use-waypoint-canary-weight: \"150\"", goods)),
    Mistake(
      code: "canary-same", severity: .warning, name: "its own canary", says: "the waypoint itself",
      added: service(
        "same",
        "labels:\n  istio.io/use-waypoint: waypoint\n  ‸istio.io/use-waypoint-canary: waypoint\n"
          + "annotations: {istio.io/use-waypoint-canary-weight: \"5\"}", goods)),
    Mistake(
      code: "canary-unusable", severity: .warning, name: "a canary that is not there", says: "there is no Gateway",
      added: service(
        "lost",
        "labels:\n  istio.io/use-waypoint: waypoint\n  ‸istio.io/use-waypoint-canary: nowhere\n"
          + "annotations: {istio.io/use-waypoint-canary-weight: \"5\"}", goods)),
  ]

  static let labels = [
    Mistake(
      code: "label-typo", severity: .error, name: "two letters swapped", says: "did you mean `istio.io/use-waypoint`?",
      added: service("typo", "labels:\n  ‸istio.io/use-wapyoint: waypoint", goods)),
    Mistake(
      code: "label-value", severity: .error, name: "a value that means nothing", says: "did you mean `service`?",
      edits: [
        Edit(
          file: "waypoint.yaml", old: "    istio.io/waypoint-for: service\n",
          new: "    ‸istio.io/waypoint-for: services\n")
      ]),
    Mistake(
      code: "label-misplaced", severity: .error, name: "a label as an annotation", says: "move it to the labels",
      added: service("noted", "annotations:\n  ‸istio.io/use-waypoint: waypoint", goods)),
    Mistake(
      code: "label-misplaced", severity: .error, name: "an annotation as a label", says: "move it to the annotations",
      edits: [
        Edit(
          file: "policies.yaml", old: "name: payments-from-cart\n",
          new: "name: payments-from-cart\n  labels: {‸istio.io/dry-run: \"true\"}\n")
      ]),
    Mistake(
      code: "label-without-effect", severity: .warning, name: "a place without a name", says: "name the waypoint",
      added: service("placed", "labels:\n  ‸istio.io/use-waypoint-namespace: shop", goods)),
  ]

  private static func pod(_ name: String, _ meta: String, _ rest: String) -> String {
    """
    apiVersion: v1
    \(rest.contains("‸") ? "" : "‸")kind: Pod
    metadata:
      name: \(name)
      namespace: shop
    \(meta.split(separator: "\n").map { "  " + $0 }.joined(separator: "\n"))
    \(rest)
    """
  }

  static let pods = [
    Mistake(
      code: "host-network", severity: .error, name: "enrolled in the network of its node",
      says: "take `hostNetwork` away",
      added: pod(
        "host-1", "labels: {istio.io/dataplane-mode: ambient}",
        "spec:\n  nodeName: node-1\n  ‸hostNetwork: true\nstatus: {podIPs: [{ip: 192.0.2.1}]}")),
    Mistake(
      code: "pod-without-address", severity: .error, name: "nowhere", says: "status.podIPs",
      added: pod("nowhere-1", "annotations: {skein.dev/netns: /run/netns/n}", "spec: {nodeName: node-1}")),
    Mistake(
      code: "pod-without-node", severity: .error, name: "on no node", says: "spec.nodeName",
      added: pod(
        "homeless-1", "annotations: {skein.dev/netns: /run/netns/h}", "status: {podIPs: [{ip: 10.244.1.98}]}")),
    Mistake(
      code: "overlapping-pods", severity: .error, name: "an address of two pods",
      says: "Pod shop/cart-1 (cart.yaml:43:3)",
      added: pod("cart-again", "", "spec: {nodeName: node-1}\nstatus: {‸podIPs: [{ip: 10.244.1.11}]}")),
    Mistake(
      code: "not-enrolled", severity: .warning, name: "nobody asked for it", says: "istio.io/dataplane-mode: ambient",
      added: """
        apiVersion: v1
        kind: Pod
        metadata:
          name: forgotten
          namespace: yard
          annotations:
            ‸skein.dev/netns: /run/netns/forgotten
        spec: {nodeName: node-1}
        status: {podIPs: [{ip: 10.244.1.97}]}
        """),
  ]

  static let texts = [
    Mistake(
      code: "unknown-field", severity: .error, name: "a condition that is none", says: "did you mean `principals`?",
      added: """
        apiVersion: security.istio.io/v1
        kind: AuthorizationPolicy
        metadata: {name: typo, namespace: shop}
        spec:
          selector: {matchLabels: {app: web}}
          rules:
            - from:
                - source:
                    namespaces: [shop]
                    ‸principal: [cluster.local/ns/shop/sa/cart]
        """),
    Mistake(
      code: "unknown-field", severity: .error, name: "a field no service has", says: "did you mean `selector`?",
      added: service("slector", "", "‸slector: {app: web}\nports: [{port: 80}]")),
    Mistake(
      code: "wrong-type", severity: .error, name: "a number in quotes", says: "leave out the quotes",
      added: service("quoted", "", "ports:\n- port: ‸\"80\"")),
    Mistake(
      code: "unknown-value", severity: .error, name: "a mode that is none", says: "did you mean `STRICT`?",
      added: "apiVersion: security.istio.io/v1\nkind: PeerAuthentication\nmetadata: {name: strict, namespace: yard}\n"
        + "spec:\n  mtls:\n    ‸mode: STRIKT"),
    Mistake(
      code: "out-of-range", severity: .error, name: "a port beyond ports", says: "1 and 65535",
      added: service("beyond", "", "ports:\n- port: ‸80800")),
    Mistake(
      code: "missing-field", severity: .error, name: "no name", says: "metadata.name",
      added: "apiVersion: v1\nkind: Service\nmetadata:\n  ‸namespace: shop\nspec: {ports: [{port: 80}]}"),
    Mistake(
      code: "duplicate-object", severity: .error, name: "the same again", says: "web.yaml:4:1",
      added: "apiVersion: v1\n‸kind: ServiceAccount\nmetadata: {name: web, namespace: shop}"),
    Mistake(
      code: "unknown-kind", severity: .error, name: "a kind that is none", says: "did you mean `ServiceEntry`?",
      added: "apiVersion: networking.istio.io/v1\n‸kind: ServiceEntri\nmetadata: {name: x}"),
    Mistake(
      code: "unsupported-kind", severity: .warning, name: "a kind without effect", says: "not supported yet",
      added: "apiVersion: networking.istio.io/v1\n‸kind: VirtualService\nmetadata: {name: x}"),
    Mistake(
      code: "unknown-version", severity: .error, name: "a version that is none", says: "`v1`",
      added: "‸apiVersion: v2\nkind: Service\nmetadata: {name: x, namespace: shop}"),
    Mistake(
      code: "yaml-duplicate-key", severity: .error, name: "a key twice", says: "line 2",
      added: "apiVersion: v1\nkind: Service\n‸kind: Pod\nmetadata: {name: x}"),
    Mistake(
      code: "yaml-syntax", severity: .error, name: "a tab", says: "a tab",
      added: "apiVersion: v1\nkind: Service\nmetadata:\n‸\tname: x"),
  ]
}
