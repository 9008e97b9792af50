// SPDX-License-Identifier: Apache-2.0
// What each kind's fields come to.

import Format
import Testing

@testable import World

@Suite struct DecoderFieldTests {
  @Test func everyObjectHasMetadata() throws {
    let object = try DecoderScene(
      """
      apiVersion: v1
      kind: ServiceAccount
      metadata:
        name: web
        namespace: shop
        uid: 1-2-3
        creationTimestamp: "2026-01-02T03:04:05Z"
        deletionTimestamp: "2026-01-02T03:04:06Z"
        resourceVersion: "7"
        labels: {app: web}
        annotations:
          note: "5"
          app: x
        ownerReferences:
          - {apiVersion: apps/v1, kind: ReplicaSet, name: web-5d9, uid: x, controller: true}
          - {apiVersion: v1, kind: Other, name: other}
      secrets: [{name: token}]
      """
    ).only()
    let meta = object.meta
    #expect(object.key == ObjectKey(.serviceAccount, "shop", "web") && "\(object.key)" == "ServiceAccount shop/web")
    #expect(meta.labels == ["app": "web"] && meta.annotations == ["note": "5", "app": "x"] && meta.uid == "1-2-3")
    #expect(try meta.created == Timestamp(rfc3339: "2026-01-02T03:04:05Z") && meta.isLeaving)
    #expect(meta.owner?.kind == "ReplicaSet" && meta.owner?.name == "web-5d9")
    #expect(meta.spot == Spot(file: "t.yaml", line: 2, column: 1))
    // A label and an annotation of one name stand at different places.
    #expect(meta.spot(of: "app") == Spot(file: "t.yaml", line: 10, column: 12))
    #expect(meta.spot(ofAnnotation: "app") == Spot(file: "t.yaml", line: 13, column: 5))
    #expect(meta.spot(ofAnnotation: "note") == Spot(file: "t.yaml", line: 12, column: 5))
    #expect(meta.spot(of: "none") == meta.spot)
  }

  @Test func kindsOutsideOfNamespacesHaveNone() throws {
    for (kind, version) in [("Namespace", "v1"), ("Node", "v1"), ("GatewayClass", "gateway.networking.k8s.io/v1")] {
      let object = try DecoderScene(kind, version, "").only()
      #expect(object.meta.namespace.isEmpty && "\(object.key)" == "\(kind) it")
    }
    #expect(try DecoderScene("apiVersion: v1\nkind: Pod\nmetadata: {name: x}").only().meta.namespace == "default")
  }

  @Test func pod() throws {
    let scene = try DecoderScene(
      "Pod", "v1",
      """
      spec:
        nodeName: node-1
        serviceAccountName: web
        hostNetwork: true
        anythingElse: {goes: here}
        initContainers:
          - {name: init, ports: [{containerPort: 1}]}
          - {name: sidecar, restartPolicy: Always, ports: [{containerPort: 9000, name: metrics}]}
        containers:
          - {name: a, ports: [{containerPort: 8080, name: http}, {containerPort: 53, protocol: UDP}]}
          - {name: b}
      status:
        phase: Running
        podIP: 10.0.0.9
        podIPs: [{ip: 10.0.0.1}, {ip: "fd00::1"}]
        conditions: [{type: Ready, status: "True"}]
      """)
    guard case .pod(let pod) = try scene.only().body else { return #expect(Bool(false)) }
    #expect(pod.node == "node-1" && pod.serviceAccount == "web" && pod.isHostNetwork)
    #expect(pod.addresses.map(\.description) == ["10.0.0.1", "fd00::1"] && pod.isReady && !pod.isEnded)
    #expect(pod.ports.map(\.number) == [8080, 53, 9000])
    #expect(pod.ports.map(\.name) == ["http", "", "metrics"] && pod.ports.map(\.transport) == ["TCP", "UDP", "TCP"])
  }

  @Test func podWithNothingSaid() throws {
    guard case .pod(let pod) = try DecoderScene("Pod", "v1", "status: {podIP: 10.0.0.9, phase: Failed}").only().body
    else { return #expect(Bool(false)) }
    #expect(pod.serviceAccount == "default" && pod.node.isEmpty && !pod.isHostNetwork && pod.isReady && pod.isEnded)
    #expect(pod.addresses.map(\.description) == ["10.0.0.9"])
  }

  @Test func service() throws {
    let scene = try DecoderScene(
      "Service", "v1",
      """
      spec:
        type: NodePort
        clusterIP: 10.96.0.1
        clusterIPs: [10.96.0.1, "fd00::1"]
        ipFamilies: [IPv4, IPv6]
        selector: {app: web}
        internalTrafficPolicy: Local
        trafficDistribution: PreferClose
        publishNotReadyAddresses: true
        sessionAffinity: None
        ports:
          - {name: http, port: 80, targetPort: 8080, nodePort: 30080, appProtocol: http}
          - {name: named, port: 81, targetPort: web}
          - {name: same, port: 82}
          - {name: zero, port: 83, targetPort: 0}
          - {name: dns, port: 53, protocol: UDP}
      """)
    guard case .service(let service) = try scene.only().body else { return #expect(Bool(false)) }
    #expect(service.addresses.map(\.description) == ["10.96.0.1", "fd00::1"] && service.families == ["IPv4", "IPv6"])
    #expect(
      service.selector == ["app": "web"] && service.isLocal && service.publishesNotReady && !service.isExternalName)
    #expect(service.distribution == "PreferClose")
    #expect(service.ports.map(\.target) == [.number(8080), .name("web"), .number(82), .number(83), .number(53)])
    #expect(service.ports[0].application == "http" && service.ports[4].transport == "UDP")
  }

  @Test(arguments: ["clusterIP: None", "clusterIP: \"\"", "clusterIPs: [None]", "clusterIP: null"])
  func headlessService(_ line: String) throws {
    guard case .service(let service) = try DecoderScene("Service", "v1", "spec: {\(line)}").only().body else {
      return #expect(Bool(false))
    }
    #expect(service.addresses.isEmpty)
  }

  @Test func endpointSlice() throws {
    let scene = try DecoderScene(
      """
      apiVersion: discovery.k8s.io/v1
      kind: EndpointSlice
      metadata: {name: web-x, namespace: shop, labels: {kubernetes.io/service-name: web}}
      addressType: IPv4
      endpoints:
        - addresses: [10.0.0.1]
          conditions: {ready: false}
          nodeName: node-1
          zone: a
          targetRef: {kind: Pod, name: web-1}
        - addresses: [10.0.0.2, 10.0.0.3]
          targetRef: {kind: VirtualMachine, name: vm}
      ports: [{name: http, port: 8080, protocol: TCP}]
      """)
    guard case .endpointSlice(let slice) = try scene.only().body else { return #expect(Bool(false)) }
    #expect(slice.service == "web" && slice.ports.map(\.number) == [8080])
    #expect(slice.endpoints.map { $0.pod?.name } == ["web-1", nil] && slice.endpoints.map(\.isReady) == [false, true])
    #expect(slice.endpoints[0].node == "node-1" && slice.endpoints[0].zone == "a")
    #expect(slice.endpoints[1].addresses.count == 2)
    let names = try DecoderScene(
      "EndpointSlice", "discovery.k8s.io/v1", "addressType: FQDN\nendpoints: [{addresses: [a.example]}]")
    guard case .endpointSlice(let slice) = try names.only().body else { return #expect(Bool(false)) }
    #expect(slice.endpoints[0].addresses.isEmpty)
  }

  @Test func serviceEntry() throws {
    let scene = try DecoderScene(
      "ServiceEntry", "networking.istio.io/v1",
      """
      spec:
        hosts: [Api.Bank.Example, "*.bank.example"]
        addresses: [240.0.0.1, 240.1.0.0/16]
        location: MESH_INTERNAL
        resolution: STATIC
        exportTo: ["*"]
        subjectAltNames: [spiffe://other/ns/a/sa/b]
        ports: [{number: 443, name: tls, protocol: TLS, targetPort: 8443}, {number: 80}]
        endpoints:
          - {address: 203.0.113.1, ports: {tls: 9443}, weight: 3, network: net, locality: r/z/s, labels: {a: b}}
        workloadSelector: {labels: {app: x}}
      """)
    guard case .serviceEntry(let entry) = try scene.only().body else { return #expect(Bool(false)) }
    #expect(entry.hosts == ["api.bank.example", "*.bank.example"] && entry.location == .inside)
    #expect(entry.addresses.map(\.description) == ["240.0.0.1/32", "240.1.0.0/16"] && entry.automaticAddresses.isEmpty)
    #expect(entry.resolution == .fixed && entry.subjectNames == ["spiffe://other/ns/a/sa/b"])
    #expect(entry.ports.map(\.target) == [.number(8443), .number(80)] && entry.ports[0].application == "TLS")
    #expect(entry.selector == ["app": "x"] && entry.endpoints.count == 1)
    let endpoint = entry.endpoints[0]
    #expect(endpoint.address == "203.0.113.1" && endpoint.ports == ["tls": 9443] && endpoint.weight == 3)
    #expect(endpoint.network == "net" && endpoint.locality == "r/z/s" && endpoint.labels == ["a": "b"])
  }

  @Test func serviceEntryWithAddressesOfAControlPlane() throws {
    let scene = try DecoderScene(
      "ServiceEntry", "networking.istio.io/v1beta1",
      "spec: {hosts: [a.example], resolution: DNS}\nstatus: {addresses: [{value: 240.240.0.9}]}")
    guard case .serviceEntry(let entry) = try scene.only().body else { return #expect(Bool(false)) }
    #expect(entry.automaticAddresses.keys.sorted() == [""] && entry.addresses.count == 1 && entry.location == .outside)
  }

  @Test func workloadEntry() throws {
    let scene = try DecoderScene(
      "WorkloadEntry", "networking.istio.io/v1",
      "spec: {address: vm.example, ports: {http: 8080}, labels: {app: vm}, serviceAccount: vm, network: net, locality: r}"
    )
    guard case .workloadEntry(let entry) = try scene.only().body else { return #expect(Bool(false)) }
    #expect(entry.address == "vm.example" && entry.ports == ["http": 8080] && entry.labels == ["app": "vm"])
    #expect(entry.serviceAccount == "vm" && entry.weight == 1 && entry.network == "net" && entry.locality == "r")
  }

  @Test func authorizationPolicy() throws {
    let scene = try DecoderScene(
      "AuthorizationPolicy", "security.istio.io/v1",
      """
      spec:
        selector: {matchLabels: {app: web}}
        action: DENY
        rules:
          - from:
              - source: {principals: [a, b], notNamespaces: [c]}
              - source:
                  ipBlocks: [10.0.0.0/8]
            to:
              - operation: {ports: ["80"], methods: [GET]}
            when:
              - {key: source.ip, notValues: [192.0.2.1]}
              - {key: "request.headers[x]", values: [z]}
          - {}
      """)
    let object = try scene.only()
    guard case .authorizationPolicy(let policy) = object.body else { return #expect(Bool(false)) }
    #expect(policy.selector == ["app": "web"] && policy.targets.isEmpty && policy.action == .deny)
    #expect(policy.rules.count == 2 && policy.rules[1].from == nil && policy.rules[1].to == nil)
    let rule = policy.rules[0]
    #expect(rule.from?.map { $0.map(\.field) } == [["principals", "notNamespaces"], ["ipBlocks"]])
    #expect(
      rule.from?[0][0].values == ["a", "b"] && rule.from?[0][0].path == "spec.rules[0].from[0].source.principals")
    #expect(rule.from?[0][0].spot(of: 1) == Spot(file: "t.yaml", line: 9, column: 36))
    #expect(rule.when.map(\.wanted.field) == ["source.ip", "request.headers[x]"])
    #expect(rule.when[0].unwanted.values == ["192.0.2.1"])
    #expect(rule.requestFields.map(\.field) == ["methods", "request.headers[x]"])
    #expect(rule.spot == Spot(file: "t.yaml", line: 8, column: 7))
    // What is not kept is found by what is around it.
    #expect(object.meta.spot(at: "spec.selector.matchLabels.app").line == 5)
    #expect(object.meta.spot(at: "spec.action.nonsense[3]").line == 6)
    #expect(object.meta.spot(at: "spec.nonsense") == object.meta.spot)
  }

  @Test func targetsOfAPolicy() throws {
    let scene = try DecoderScene(
      "AuthorizationPolicy", "security.istio.io/v1beta1",
      "spec: {targetRef: {kind: Gateway, name: a}, targetRefs: [{group: \"\", kind: Service, name: b}]}")
    guard case .authorizationPolicy(let policy) = try scene.only().body else { return #expect(Bool(false)) }
    #expect(policy.targets == [Target(kind: "Gateway", name: "a"), Target(kind: "Service", name: "b")])
    #expect(policy.selector == nil && policy.action == .allow && policy.rules.isEmpty)
  }

  @Test func peerAuthentication() throws {
    let scene = try DecoderScene(
      "PeerAuthentication", "security.istio.io/v1",
      "spec: {selector: {matchLabels: {}}, mtls: {mode: STRICT}, portLevelMtls: {8080: {mode: DISABLE}, \"81\": {}}}")
    guard case .peerAuthentication(let peer) = try scene.only().body else { return #expect(Bool(false)) }
    #expect(peer.selector == [:] && peer.mode == .strict && peer.ports == [8080: .disable, 81: .unset])
  }

  @Test func gateway() throws {
    let scene = try DecoderScene(
      "Gateway", "gateway.networking.k8s.io/v1",
      """
      spec:
        gatewayClassName: istio-waypoint
        listeners:
          - {name: mesh, port: 15008, protocol: HBONE, allowedRoutes: {namespaces: {from: All}}}
          - {name: b, port: 80, allowedRoutes: {namespaces: {from: Selector, selector: {matchLabels: {x: z}}}}}
          - {name: c, port: 81}
      status: {addresses: [{type: Hostname, value: a.example}, {value: 10.0.0.1}]}
      """)
    guard case .gateway(let gateway) = try scene.only().body else { return #expect(Bool(false)) }
    #expect(gateway.className == "istio-waypoint" && gateway.listeners.map(\.port) == [15008, 80, 81])
    #expect(gateway.listeners.map(\.admission) == [.all, .selector(["x": "z"]), .same])
    #expect(gateway.addresses.map(\.isHostname) == [true, false])
  }

  @Test func gatewayClass() throws {
    let scene = try DecoderScene(
      "GatewayClass", "gateway.networking.k8s.io/v1", "spec: {controllerName: istio.io/mesh-controller}")
    guard case .gatewayClass(let controller) = try scene.only().body else { return #expect(Bool(false)) }
    #expect(controller == "istio.io/mesh-controller")
  }
}
