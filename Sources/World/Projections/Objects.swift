// SPDX-License-Identifier: Apache-2.0
// Objects: all of them, found by what projections ask for.

/// All objects, and the ways to find them.
struct Objects: Sendable {
  /// The objects of one namespace, by kind and name.
  typealias Shelf = [Kind: [String: Object]]

  let settings: Settings
  private(set) var byNamespace: [String: Shelf] = [:]
  private var podsByNode: [String: Set<ObjectKey>] = [:]
  private var slicesByPod: [ObjectKey: Set<ObjectKey>] = [:]
  private var entriesByHost: [String: Set<ObjectKey>] = [:]
  private var workloadsByLabels: [String: [[String: String]: Set<ObjectKey>]] = [:]
  private(set) var count = 0
  /// Objects by the gateways they are bound to, or would be.
  var users: [ObjectKey: Set<ObjectKey>] = [:]

  init(settings: Settings) { self.settings = settings }

  subscript(key: ObjectKey) -> Object? { byNamespace[key.namespace]?[key.kind]?[key.name] }

  /// Objects of a kind in a namespace, in no order that means anything.
  func all(_ kind: Kind, in namespace: String) -> some Sequence<Object> {
    (byNamespace[namespace]?[kind] ?? [:]).values
  }

  /// Objects of a kind in every namespace, in no order that means anything.
  func all(_ kind: Kind) -> some Sequence<Object> {
    byNamespace.values.lazy.flatMap { ($0[kind] ?? [:]).values }
  }

  /// Pods that run on a node.
  func pods(on node: String) -> Set<ObjectKey> { podsByNode[node] ?? [] }

  /// Slices of endpoints that name a pod.
  func slices(of pod: ObjectKey) -> [Object] { (slicesByPod[pod] ?? []).sorted().compactMap { self[$0] } }

  /// Pods and workload entries of a namespace whose labels are selected. Asked once for all that have the same ones, as
  /// replicas have.
  func workloads(in namespace: String, where isSelected: ([String: String]) -> Bool) -> Set<ObjectKey> {
    (workloadsByLabels[namespace] ?? [:]).reduce(into: []) { if isSelected($1.key) { $0.formUnion($1.value) } }
  }

  /// Service entries that have a host.
  func entries(of host: String) -> Set<ObjectKey> { entriesByHost[host] ?? [] }

  /// Puts an object in place of the one with its name, or takes that away. Gives back what was there.
  mutating func set(_ key: ObjectKey, to object: Object?) -> Object? {
    let old = byNamespace[key.namespace, default: [:]][key.kind, default: [:]].removeValue(forKey: key.name)
    if let old { index(old, isThere: false) }
    if let object {
      byNamespace[key.namespace, default: [:]][key.kind, default: [:]][key.name] = object
      index(object, isThere: true)
    }
    if byNamespace[key.namespace]?[key.kind]?.isEmpty == true { byNamespace[key.namespace]?[key.kind] = nil }
    if byNamespace[key.namespace]?.isEmpty == true { byNamespace[key.namespace] = nil }
    count += (object == nil ? 0 : 1) - (old == nil ? 0 : 1)
    return old
  }

  private mutating func index(_ object: Object, isThere: Bool) {
    func mark<Name>(_ index: inout [Name: Set<ObjectKey>], _ name: Name) {
      if isThere { index[name, default: []].insert(object.key) } else { index[name]?.remove(object.key) }
      if index[name]?.isEmpty == true { index[name] = nil }
    }
    func markLabels() {
      mark(&workloadsByLabels[object.meta.namespace, default: [:]], object.workloadLabels)
      if workloadsByLabels[object.meta.namespace]?.isEmpty == true { workloadsByLabels[object.meta.namespace] = nil }
    }
    switch object.body {
    case .pod(let pod):
      mark(&podsByNode, pod.node)
      markLabels()
    case .workloadEntry: markLabels()
    case .endpointSlice(let slice):
      for pod in slice.pods { mark(&slicesByPod, pod) }
    case .serviceEntry(let entry): for host in Set(entry.hosts) { mark(&entriesByHost, host) }
    default: break
    }
  }
}

extension EndpointSliceObject {
  /// The pods it names.
  var pods: Set<ObjectKey> { Set(endpoints.compactMap(\.pod)) }
}

extension Objects {
  /// The labels of a namespace, also when nobody has described it.
  func labels(of namespace: String) -> [String: String] {
    // Every namespace carries its own name, and people select by it.
    let own = ["kubernetes.io/metadata.name": namespace]
    guard let labels = self[ObjectKey(.namespace, "", namespace)]?.meta.labels else { return own }
    return own.merging(labels) { _, said in said }
  }

  /// Whether an object is meant for this mesh.
  func counts(_ meta: Meta) -> Bool {
    settings.revision.isEmpty || (meta.labels[Label.revision] ?? settings.revision) == settings.revision
  }
}

extension [String: String] {
  /// Whether all of these labels are among others. An empty selector takes everything.
  func selects(_ labels: [String: String]) -> Bool { allSatisfy { labels[$0.key] == $0.value } }
}
