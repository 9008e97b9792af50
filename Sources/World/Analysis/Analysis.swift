// SPDX-License-Identifier: Apache-2.0
// Analysis: what is written correctly, and will not do what it seems to.
//
//   labels     names and values nobody knows, and those that stand in the wrong place
//   bindings   waypoints that are missing, not ready, or take something else
//   services   addresses and names that overlap; selectors and ports that lead nowhere
//   policies   on nobody, on whoever cannot be guarded, wider or narrower than written, never reached
//   peers      holes in STRICT, and PeerAuthentications that are never asked
//
// Each rule has a code that stays, looks at all objects at once, and says where, what, and what to do.

package import Mesh

/// Looks for what will not do what it seems to.
package struct Analysis {
  let objects: Objects
  let world: Snapshot
  private(set) var problems: [Problem] = []

  /// What is wrong with the objects of a translator, and with the mesh they make.
  package static func run(_ translator: Translator, _ world: Snapshot) -> [Problem] {
    var analysis = Analysis(objects: translator.objects, world: world)
    for object in analysis.objects.everything {
      analysis.checkLabels(of: object)
      analysis.checkBinding(of: object, translator.conditions(of: object.key))
      switch object.body {
      case .service(let service): analysis.check(service, object)
      case .serviceEntry(let entry): analysis.check(entry, object)
      case .pod(let pod): analysis.check(pod, object)
      case .gateway(let gateway): analysis.check(gateway, object)
      case .authorizationPolicy(let policy): analysis.check(policy, object)
      case .peerAuthentication(let peer): analysis.check(peer, object)
      default: break
      }
    }
    analysis.checkOverlaps()
    return analysis.problems
  }

  private init(objects: Objects, world: Snapshot) {
    self.objects = objects
    self.world = world
  }

  mutating func add(
    _ severity: Problem.Severity, _ code: String, at spot: Spot, path: String = "", _ text: String, hint: String = ""
  ) {
    problems.append(Problem(severity, code, at: spot, path: path, text, hint: hint))
  }

  /// The pods and workload entries that labels select in a namespace, or in all of them.
  func workloads(_ selector: [String: String], in namespace: String?) -> [Object] {
    let namespaces = namespace.map { [$0] } ?? Array(objects.byNamespace.keys)
    return namespaces.flatMap { namespace in
      [Kind.pod, .workloadEntry].flatMap { kind in
        objects.all(kind, in: namespace).filter { selector.selects($0.workloadLabels) }
      }
    }
  }

  /// The workload of the mesh that an object became.
  func workload(_ object: Object) -> Workload? {
    let cluster = objects.settings.cluster
    let name = "\(object.meta.namespace)/\(object.meta.name)"
    return switch object.key.kind {
    case .pod: world.workload(uid: "\(cluster)//Pod/\(name)")
    case .workloadEntry: world.workload(uid: "\(cluster)/networking.istio.io/WorkloadEntry/\(name)")
    default: nil
    }
  }
}

extension Objects {
  /// All objects, in order of their names.
  var everything: [Object] {
    byNamespace.values.flatMap { $0.values.flatMap(\.values) }.sorted { $0.key < $1.key }
  }

  /// Whether anything is known of a namespace.
  func knows(namespace: String) -> Bool {
    byNamespace[namespace] != nil || self[ObjectKey(.namespace, "", namespace)] != nil
  }

  /// Every namespace something is known of, for guesses.
  var namespaces: Set<String> {
    Set(byNamespace.keys).union(all(.namespace).map(\.meta.name)).subtracting([""])
  }
}
