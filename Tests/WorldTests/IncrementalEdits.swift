// SPDX-License-Identifier: Apache-2.0
// IncrementalEdits: random edits of objects. The alphabet is small, so that they meet; the same ones for the same seed.

import Format

@testable import Mesh
@testable import World

struct IncrementalEdits {
  private var dice: Dice

  init(seed: UInt64) { dice = Dice(seed: seed &* 0x5851_f42d_4c95_7f2d) }

  mutating func number(_ range: ClosedRange<Int>) -> Int { Int.random(in: range, using: &dice) }
  /// True once in so many times.
  mutating func once(in times: Int) -> Bool { number(1...times) == 1 }
  mutating func element<Element>(_ elements: [Element]) -> Element { elements[number(0...elements.count - 1)] }
  mutating func some<Element>(_ elements: [Element], atMost most: Int) -> [Element] {
    Array(elements.shuffled(using: &dice).prefix(number(0...most)))
  }

  static let namespaces = ["shop", "shop", "bank", "istio-system"]
  private static let applications = ["web", "cart", "catalog", "payments"]
  private static let gateways = ["waypoint", "other"]
  private static let networks = ["near", "far"]

  private static let labels: [(String, [String])] = [
    ("app", applications), ("app", applications), ("app", applications), ("version", ["v1", "v2"]),
    ("team", ["a", "b"]), ("team", ["a", "b"]), (Label.useWaypoint, gateways + ["none"]),
    (Label.useWaypoint, gateways + ["none"]), (Label.useWaypointNamespace, ["shop", "bank"]),
    (Label.canary, gateways + ["none"]), (Label.canaryNamespace, ["shop", "bank"]),
    (Label.waypointFor, Traffic.allCases.map(\.rawValue)), (Label.dataplaneMode, ["ambient", "none"]),
    (Label.network, networks), (Label.global, ["true"]), (Label.gatewayName, gateways),
    (Label.managed, ["istio.io-mesh-controller"]), (Label.revision, ["new", "old"]),
    (Label.ingressUseWaypoint, ["true", "false"]), (Label.tunnel, ["http"]), (Label.zone, ["here-a", "here-b"]),
  ]
  private static let annotations: [(String, [String])] = [
    (Label.netns, ["/run/netns/a"]), (Label.redirection, ["enabled"]), (Label.canaryWeight, ["10", "x"]),
    (Label.distribution, ["PreferClose", "PreferSameNode"]), (Label.dryRun, ["true"]),
    (Label.inboundBinding, ["PROXY", "PROXY/15088", "NONE/8080"]), (Label.gatewayAccount, ["gate"]),
  ]

  // MARK: Histories

  /// A few edits of what is there, one after the other.
  mutating func edits(of objects: [ObjectKey: Object], atMost most: Int) -> [Edit] {
    var objects = objects
    var edits: [Edit] = []
    for _ in 0..<number(1...most) {
      for edit in self.edits(of: objects) {
        edits.append(edit)
        switch edit {
        case .put(let object): objects[object.key] = object
        case .remove(let key): objects[key] = nil
        }
      }
    }
    return edits
  }

  private mutating func edits(of objects: [ObjectKey: Object]) -> [Edit] {
    let keys = objects.keys.sorted()
    guard !once(in: 4), let object = objects[element(keys)] else { return [.put(newObject())] }
    let meta = object.meta
    switch number(0...9) {
    case 0, 1: return [.put(Object(meta.with(labels: pairs(changing: meta.labels, Self.labels)), object.body))]
    case 2:
      return [.put(Object(meta.with(annotations: pairs(changing: meta.annotations, Self.annotations)), object.body))]
    case 3...5: return [.put(Object(meta, body(of: meta.key)))]
    case 6: return [.remove(meta.key)]
    case 7:
      let key = ObjectKey(meta.key.kind, element(Self.namespaces), meta.name)
      return [.remove(meta.key), .put(Object(meta.with(key: key), object.body))]
    case 8: return [.put(Object(meta.with(created: number(0...3), isLeaving: once(in: 3)), object.body))]
    default: return [.put(Object(meta, meta.key.kind.isPolicy ? .unreadable : object.body))]
    }
  }

  private mutating func pairs(
    changing pairs: [String: String], _ choices: [(String, [String])]
  ) -> [String: String] {
    var pairs = pairs
    let (name, values) = element(choices)
    pairs[name] = once(in: 3) ? nil : element(values)
    return pairs
  }

  // MARK: Objects

  private mutating func newObject() -> Object {
    let kind = element(Kind.allCases)
    let name: String =
      switch kind {
      case .namespace: element(Self.namespaces)
      case .node: "node-\(number(1...3))"
      case .gateway: element(Self.gateways)
      case .gatewayClass: "istio-waypoint"
      case .service: element(Self.applications)
      default: element(["a", "b", "web-1", "cart-1"])
      }
    let key = ObjectKey(kind, element(Self.namespaces), name)
    var labels: [String: String] = [:]
    var annotations: [String: String] = [:]
    for _ in 0..<number(0...3) { labels = pairs(changing: labels, Self.labels) }
    for _ in 0..<number(0...1) { annotations = pairs(changing: annotations, Self.annotations) }
    let meta = Meta(
      key: key, labels: labels, annotations: annotations, created: Timestamp(seconds: 0), isLeaving: false, uid: "",
      owner: nil, spot: Spot(file: ""), marks: [:])
    return Object(meta.with(created: number(0...3), isLeaving: false), body(of: key))
  }

  private mutating func body(of key: ObjectKey) -> Object.Body {
    switch key.kind {
    case .namespace: .namespace
    case .node: .node
    case .serviceAccount: .serviceAccount
    case .pod: .pod(pod())
    case .service: .service(service())
    case .endpointSlice: .endpointSlice(slice(in: key.namespace))
    case .serviceEntry: .serviceEntry(serviceEntry(in: key.namespace))
    case .workloadEntry: .workloadEntry(workloadEntry())
    case .authorizationPolicy: .authorizationPolicy(authorization())
    case .peerAuthentication:
      .peerAuthentication(
        PeerAuthenticationObject(
          selector: selector(orNone: true), mode: element(PeerAuthenticationObject.Mode.allCases),
          ports: once(in: 3) ? [8080: element(PeerAuthenticationObject.Mode.allCases)] : [:]))
    case .gateway: .gateway(gateway())
    case .gatewayClass: .gatewayClass(controller: "x")
    }
  }

  private mutating func address() -> IPAddress { IPAddress("10.244.1.\(number(1...20))") ?? IPAddress(v4: 1) }

  private mutating func selector() -> [String: String] {
    once(in: 4) ? [:] : once(in: 4) ? ["team": element(["a", "b"])] : ["app": element(Self.applications)]
  }

  private mutating func selector(orNone: Bool) -> [String: String]? { once(in: 3) ? nil : selector() }

  private mutating func ports() -> [NamedPort] {
    some([("http", 80), ("tls", 8443), ("redis", 6379)], atMost: 2).map { name, number in
      NamedPort(
        name: name, number: number, target: once(in: 2) ? .name(name) : .number(8080), transport: "TCP", application: ""
      )
    }
  }

  private mutating func pod() -> PodObject {
    PodObject(
      node: "node-\(number(1...3))", serviceAccount: element(Self.applications), isHostNetwork: once(in: 8),
      addresses: once(in: 8) ? [] : [address()], isEnded: once(in: 10), isReady: !once(in: 3), ports: ports())
  }

  private mutating func service() -> ServiceObject {
    ServiceObject(
      isExternalName: once(in: 5), addresses: once(in: 4) ? [] : [address()], ports: ports(), selector: selector(),
      families: some(["IPv4", "IPv6"], atMost: 2), isLocal: once(in: 6), distribution: "",
      publishesNotReady: once(in: 6))
  }

  private mutating func slice(in namespace: String) -> EndpointSliceObject {
    let pod = ObjectKey(.pod, once(in: 5) ? element(Self.namespaces) : namespace, element(["web-1", "cart-1", "a"]))
    return EndpointSliceObject(
      service: element(Self.applications),
      endpoints: [
        .init(addresses: [address()], isReady: !once(in: 3), pod: pod, podUID: "", node: "", zone: ""),
        .init(addresses: [address()], isReady: !once(in: 3), pod: nil, podUID: "", node: "node-1", zone: ""),
      ], ports: ports())
  }

  private mutating func workloadEntry() -> WorkloadEntryObject {
    WorkloadEntryObject(
      address: once(in: 4) ? "vm.example" : address().description, ports: once(in: 2) ? ["http": 8081] : [:],
      labels: once(in: 2) ? ["app": element(Self.applications)] : [:],
      network: once(in: 3) ? element(Self.networks) : "",
      locality: "", weight: 1, serviceAccount: element(Self.applications))
  }

  private mutating func serviceEntry(in namespace: String) -> ServiceEntryObject {
    let own = "\(element(Self.applications)).\(namespace).svc.cluster.local"
    let hosts = some(["api.bank.example", "*.example", own, "vm.example"], atMost: 3)
    return ServiceEntryObject(
      hosts: hosts.isEmpty ? ["api.bank.example"] : hosts, addresses: [AddressBlock(address())],
      automaticAddresses: [:], ports: ports(), location: .outside,
      resolution: element(ServiceEntryObject.Resolution.allCases),
      endpoints: once(in: 2) ? [workloadEntry(), workloadEntry()] : [], selector: once(in: 2) ? selector() : [:],
      subjectNames: [])
  }

  private mutating func authorization() -> AuthorizationObject {
    AuthorizationObject(
      selector: selector(orNone: true), targets: once(in: 6) ? [Target(kind: "Service", name: "web")] : [],
      action: element(AuthorizationObject.Action.allCases), rules: [])
  }

  private mutating func gateway() -> GatewayObject {
    let admission: GatewayObject.Admission = element([.same, .all, .all, .selector(["team": "a"])])
    let address: (isHostname: Bool, value: String) =
      once(in: 2) ? (true, "waypoint.shop.svc.cluster.local") : (false, "10.244.1.7")
    return GatewayObject(
      className: element(["istio-waypoint", "gone"]),
      listeners: [.init(name: "mesh", port: 15008, application: "HBONE", admission: admission)],
      addresses: once(in: 3) ? [] : [address])
  }
}

extension Meta {
  fileprivate func with(annotations: [String: String]) -> Meta {
    Meta(
      key: key, labels: labels, annotations: annotations, created: created, isLeaving: isLeaving, uid: uid,
      owner: owner, spot: spot, marks: marks)
  }

  fileprivate func with(key: ObjectKey) -> Meta {
    Meta(
      key: key, labels: labels, annotations: annotations, created: created, isLeaving: isLeaving, uid: uid,
      owner: owner, spot: spot, marks: marks)
  }

  fileprivate func with(created: Int, isLeaving: Bool) -> Meta {
    Meta(
      key: key, labels: labels, annotations: annotations, created: Timestamp(seconds: Int64(created)),
      isLeaving: isLeaving, uid: uid, owner: owner, spot: spot, marks: marks)
  }
}
