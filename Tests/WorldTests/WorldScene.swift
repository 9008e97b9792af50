// SPDX-License-Identifier: Apache-2.0
// WorldScene: a mesh written down as YAML in a test, and what becomes of it when files change.
//
//   text ─► YAML ─► Catalogue ─► Translator ─► Ledger ─► world
//                   problems     conditions    touched

import Format
import Testing

@testable import Mesh
@testable import World

/// A mesh of manifests, and the last thing that happened to it.
struct WorldScene {
  private(set) var catalogue = Catalogue()
  private(set) var translator: Translator
  private(set) var ledger = Ledger()
  /// What the last change of a file led to.
  private(set) var update = Update(changes: [], conditions: [:], projected: 0)
  /// Which connections the last change of a file made worth another look.
  private(set) var touched = Touched()

  /// A mesh of one file, or of none.
  init(_ text: String = "", settings: Settings = Settings()) throws(Problem) {
    translator = Translator(settings: settings)
    if !text.isEmpty { try load(text) }
  }

  /// A file is new, or has changed.
  mutating func load(_ text: String, file: String = "t.yaml") throws(Problem) {
    let bytes = Array(text.utf8)
    apply(catalogue.load(file, try YAML.documents(in: bytes.span, file: file)))
  }

  /// A file is gone.
  mutating func remove(file: String = "t.yaml") { apply(catalogue.remove(file)) }

  private mutating func apply(_ edits: [Edit]) {
    update = translator.apply(edits)
    touched = ledger.apply(update.changes, from: .manifests)
  }
}

// MARK: What is there now

extension WorldScene {
  var world: Snapshot { ledger.snapshot }
  /// What is wrong with the files.
  var problems: [Problem] { catalogue.problems }
  /// What is written correctly, and will not do what it seems to.
  var findings: [Problem] { Analysis.run(translator, world) }

  /// A workload, as `namespace/name`.
  func workload(_ name: String) -> Workload? {
    var found: [Workload] = []
    world.forEachWorkload { if $0.description == name { found.append($0) } }
    return found.min { $0.uid < $1.uid }
  }

  /// A service, by its whole hostname.
  func service(_ hostname: String, in namespace: String) -> Service? {
    world.service(ServiceName(namespace: namespace, hostname: hostname))
  }

  /// A policy, as `namespace/name`.
  func policy(_ key: String) -> Policy? { world.policy(key) }

  /// The keys of all policies, in order.
  var policyKeys: [String] {
    var keys: [String] = []
    world.forEachPolicy { keys.append($0.key) }
    return keys.sorted()
  }

  /// What the author of an object is told.
  func conditions(of kind: Kind, _ namespace: String, _ name: String) -> [Condition] {
    translator.conditions(of: ObjectKey(kind, namespace, name))
  }

  /// What the node of a workload says to a connection from another one, with its identity or as plaintext.
  func judge(from client: String, to server: String, port: UInt16, isPlaintext: Bool = false) throws -> Verdict {
    let (client, server) = (try #require(workload(client)), try #require(workload(server)))
    let source = try #require(client.addresses.first)
    let destination = Endpoint(try #require(server.addresses.first), port: port)
    let connection = Connection(from: source, to: destination, identity: isPlaintext ? nil : client.identity)
    return world.authorize(connection, to: server)
  }
}

// MARK: Manifests that many tests need

extension WorldScene {
  /// A pod of the mesh, `namespace/name`, as a document of its own.
  static func pod(
    _ name: String, at address: String, labels: [String: String] = [:], account: String = "default",
    isEnrolled: Bool = true
  ) -> String {
    let parts = name.split(separator: "/")
    precondition(parts.count == 2, "`\(name)` is no namespace/name")
    let pairs = labels.sorted { $0.key < $1.key }.map { "\"\($0.key)\": \"\($0.value)\"" }.joined(separator: ", ")
    return """
      ---
      apiVersion: v1
      kind: Pod
      metadata:
        name: \(parts[1])
        namespace: \(parts[0])
        labels: {\(pairs)}
        annotations: {\(isEnrolled ? "ambient.istio.io/redirection: enabled" : "")}
      spec: {serviceAccountName: \(account)}
      status: {podIP: "\(address)"}

      """
  }
}
