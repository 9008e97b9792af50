// SPDX-License-Identifier: Apache-2.0
// IncrementalCity: 20,000 objects, all alike. Without a name, an object is of the first namespace and application.

import Format

@testable import World

enum IncrementalCity {
  static let namespaces = (0..<40).map { "n\($0)" }
  static let applications = 20
  static let count = 20_000

  /// All of them.
  static var objects: [Object] {
    var objects = namespaces.flatMap(neighbourhood)
    objects += (0..<50).map { node($0) }
    // Accounts mean nothing, and make the number round.
    for index in 0..<count - objects.count {
      objects.append(Object(meta(.serviceAccount, namespaces[index % namespaces.count], "a\(index)"), .serviceAccount))
    }
    return objects
  }

  private static func neighbourhood(_ name: String) -> [Object] {
    var objects = [namespace(name), gateway(name)]
    for index in 0..<400 { objects.append(pod(index, in: name)) }
    for index in 0..<applications {
      objects.append(service(index, in: name))
      objects.append(slice(index, in: name))
      objects.append(policy(application: index, named: index, in: name))
      objects.append(workloadEntry(index, in: name))
    }
    for index in 0..<5 {
      objects.append(serviceEntry(index, in: name))
      objects.append(peer(index, .strict, in: name))
    }
    return objects
  }

  private static func meta(
    _ kind: Kind, _ namespace: String, _ name: String, _ labels: [String: String] = [:],
    annotations: [String: String] = [:]
  ) -> Meta {
    Meta(
      key: ObjectKey(kind, namespace, name), labels: labels, annotations: annotations, created: Timestamp(seconds: 0),
      isLeaving: false, uid: "", owner: nil, spot: Spot(file: ""), marks: [:])
  }

  private static func app(_ application: Int) -> [String: String] { ["app": "app-\(application)"] }

  private static func address(_ first: UInt32, _ number: Int) -> IPAddress {
    IPAddress(v4: first << 24 | UInt32(number))
  }

  private static func port(_ number: UInt16) -> NamedPort {
    NamedPort(name: "http", number: number, target: .name("http"), transport: "TCP", application: "")
  }

  static func namespace(
    _ name: String = "n0", labels: [String: String] = [:], annotations: [String: String] = [:]
  ) -> Object {
    let own = [Label.dataplaneMode: "ambient"].merging(labels) { $1 }
    return Object(meta(.namespace, "", name, own, annotations: annotations), .namespace)
  }

  static func node(_ number: Int = 0, labels: [String: String] = [:]) -> Object {
    Object(meta(.node, "", "node-\(number)", labels), .node)
  }

  static func pod(_ number: Int, in namespace: String = "n0", isReady: Bool = true) -> Object {
    let labels = app(number % applications).merging(["version": "v1", "pod-template-hash": "5d9f"]) { $1 }
    return Object(
      meta(.pod, namespace, "pod-\(number)", labels, annotations: [Label.redirection: "enabled"]),
      .pod(
        PodObject(
          node: "node-\(number % 50)", serviceAccount: "web", isHostNetwork: false,
          addresses: [address(10, (namespaces.firstIndex(of: namespace) ?? 0) << 12 | number)], isEnded: false,
          isReady: isReady,
          ports: [NamedPort(name: "http", number: 8080, target: .number(8080), transport: "TCP", application: "")])))
  }

  static func service(
    _ application: Int = 0, in namespace: String = "n0", port number: UInt16 = 80, address last: Int = 1
  ) -> Object {
    Object(
      meta(.service, namespace, "app-\(application)", [Label.useWaypoint: "wp"]),
      .service(
        ServiceObject(
          isExternalName: false, addresses: [address(11, last << 8 | application)], ports: [port(number)],
          selector: app(application), families: [], isLocal: false, distribution: "", publishesNotReady: false)))
  }

  static func slice(_ application: Int = 0, in namespace: String = "n0", isReady: Bool = true) -> Object {
    let endpoints = stride(from: application, to: 400, by: applications).map { number in
      EndpointSliceObject.Endpoint(
        addresses: [], isReady: isReady, pod: ObjectKey(.pod, namespace, "pod-\(number)"), podUID: "", node: "",
        zone: "")
    }
    return Object(
      meta(.endpointSlice, namespace, "app-\(application)"),
      .endpointSlice(EndpointSliceObject(service: "app-\(application)", endpoints: endpoints, ports: [])))
  }

  static func policy(
    application: Int = 0, named name: Int = 0, in namespace: String = "n0",
    action: AuthorizationObject.Action = .allow
  ) -> Object {
    Object(
      meta(.authorizationPolicy, namespace, "policy-\(name)"),
      .authorizationPolicy(AuthorizationObject(selector: app(application), targets: [], action: action, rules: [])))
  }

  static func peer(
    _ application: Int?, _ mode: PeerAuthenticationObject.Mode, in namespace: String = "n0",
    labels: [String: String] = [:]
  ) -> Object {
    Object(
      meta(.peerAuthentication, namespace, application.map { "peer-\($0)" } ?? "all", labels),
      .peerAuthentication(PeerAuthenticationObject(selector: application.map(app), mode: mode, ports: [:])))
  }

  static func gateway(_ namespace: String = "n0", isReady: Bool = true, network: String? = nil) -> Object {
    Object(
      meta(.gateway, namespace, "wp", network.map { [Label.network: $0] } ?? [:]),
      .gateway(
        GatewayObject(
          className: "istio-waypoint",
          listeners: [.init(name: "mesh", port: 15008, application: "HBONE", admission: .same)],
          addresses: isReady ? [(isHostname: true, value: "wp.\(namespace).svc.cluster.local")] : [])))
  }

  static func serviceEntry(_ number: Int = 0, in namespace: String = "n0", address last: Int = 1) -> Object {
    Object(
      meta(.serviceEntry, namespace, "entry-\(number)"),
      .serviceEntry(
        ServiceEntryObject(
          hosts: ["entry-\(number).example"], addresses: [AddressBlock(address(12, last))], automaticAddresses: [:],
          ports: [port(443)], location: .outside, resolution: .fixed, endpoints: [], selector: app(number),
          subjectNames: [])))
  }

  static func workloadEntry(_ application: Int = 0, in namespace: String = "n0", address last: Int = 1) -> Object {
    Object(
      meta(.workloadEntry, namespace, "vm-\(application)", app(application)),
      .workloadEntry(
        WorkloadEntryObject(
          address: "13.0.0.\(last)", ports: [:], labels: [:], network: "", locality: "", weight: 1,
          serviceAccount: "")))
  }
}
