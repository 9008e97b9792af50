// SPDX-License-Identifier: Apache-2.0
// Analysis: what is written correctly, and will not do what it seems to.
//
//   labels     names and values nobody knows, and those that stand in the wrong place
//   bindings   waypoints that are missing, not ready, or take something else
//   services   addresses and names that overlap; selectors and ports that lead nowhere
//   policies   on nobody, on whoever cannot be guarded, wider or narrower than written, never reached
//   peers      holes in STRICT, and PeerAuthentications that are never asked
//
// Each rule has a code that stays, looks at all objects at once, and says where, what, and what to do. Where follows from
// the path of the field: the nearest one around it of which the object knows the line.

package import Mesh

/// Looks for what will not do what it seems to.
package struct Analysis {
  let objects: Objects
  let world: Snapshot
  var selection: Selection
  private(set) var problems: [Problem] = []
  /// What was said already; what is wrong with a namespace would be said again for each object in it.
  private var said: Set<Problem> = []
  private var comparisonsLeft = Self.comparisonsMax
  var general: [String: PeerModes] = [:]
  var accounts: [String: Set<String>] = [:]

  /// More words than this are not compared for guesses: whoever has thousands of findings reads the first of them.
  private static let comparisonsMax = 200_000

  /// What is wrong with the objects of a translator, and with the mesh they make.
  package static func run(_ translator: Translator, _ world: Snapshot) -> [Problem] {
    var analysis = Analysis(objects: translator.objects, world: world)
    let everything = analysis.objects.everything
    for object in everything {
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
    analysis.checkOverlaps(of: everything)
    analysis.checkRivals(among: everything)
    return analysis.problems.sorted {
      ($0.spot.file, $0.spot.line, $0.path, $0.code, $0.text) < ($1.spot.file, $1.spot.line, $1.path, $1.code, $1.text)
    }
  }

  private init(objects: Objects, world: Snapshot) {
    self.objects = objects
    self.world = world
    selection = Selection(objects)
  }

  /// Says what is wrong with a field of an object.
  mutating func add(
    _ severity: Problem.Severity, _ code: String, on object: Object, at path: String = "", _ text: String,
    hint: String = ""
  ) {
    add(Problem(severity, code, at: object.meta.spot(at: path), path: path, text, hint: hint))
  }

  /// Says what is wrong, once.
  mutating func add(_ found: Problem) {
    let problem = found.onOneLine
    // There may be no guess in the hint any more, and it is still the same thing.
    let bare = Problem(problem.severity, problem.code, at: problem.spot, path: problem.path, problem.text)
    if said.insert(bare).inserted { problems.append(problem) }
  }

  /// `did you mean …?`, or else what to say instead.
  mutating func guess(_ word: String, among words: some Collection<String>, or otherwise: String = "") -> String {
    comparisonsLeft -= words.count
    guard comparisonsLeft >= 0, let guess = word.nearest(of: words) else { return otherwise }
    return "did you mean `\(guess)`?"
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
