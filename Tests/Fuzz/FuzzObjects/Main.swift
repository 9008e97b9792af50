// SPDX-License-Identifier: Apache-2.0
// FuzzObjects: any bytes as manifests, all the way to a mesh and to what is said about it.
//
//   bytes ─► YAML ─► Catalogue (Decoder) ─► Translator ─► Ledger ─► Analysis
//            the same twice: the same said; taken away again: nothing left
//
// What is said names a place in the file, has a code with a meaning, and fits on a line.

import Mesh
import World

/// What the fuzzer calls for each input.
@c public func LLVMFuzzerTestOneInput(_ data: UnsafePointer<UInt8>?, _ size: Int) -> CInt {
  let input = [UInt8](UnsafeBufferPointer(start: data, count: size))
  guard let documents = try? YAML.documents(in: input.span, file: "f.yaml", limits: .fuzzed) else { return 0 }
  let lines = input.reduce(1) { $1 == 0x0a || $1 == 0x0d || $1 >= 0x80 ? $0 + 1 : $0 }
  var scene = Scene()
  scene.load(documents)
  let said = scene.said
  for problem in said {
    precondition(problem.spot.file == "f.yaml" && problem.spot.line <= lines, "nowhere: \(problem)")
    precondition(Problem.meanings[problem.code] != nil, "a code without a meaning: \(problem)")
    precondition(!"\(problem)".contains(where: \.isNewline) && "\(problem)".utf8.count < 8192, "too long: \(problem)")
  }
  scene.load(documents)
  precondition(scene.said == said, "something else is said the second time")
  var other = Scene()
  other.load(documents)
  precondition(other.said == said, "something else is said by somebody else")
  scene.remove()
  precondition(scene.said.isEmpty && scene.catalogue.count == 0, "something is left")
  scene.ledger.snapshot.forEachWorkload { preconditionFailure("\($0) is left") }
  scene.ledger.snapshot.forEachService { preconditionFailure("\($0) is left") }
  scene.ledger.snapshot.forEachPolicy { preconditionFailure("\($0.key) is left") }
  return 0
}

/// A mesh of one file.
private struct Scene {
  var catalogue = Catalogue()
  var translator = Translator()
  var ledger = Ledger()

  mutating func load(_ documents: [Node]) { apply(catalogue.load("f.yaml", documents)) }
  mutating func remove() { apply(catalogue.remove("f.yaml")) }

  private mutating func apply(_ edits: [Edit]) {
    _ = ledger.apply(translator.apply(edits).changes, from: .manifests)
  }

  var said: [Problem] { catalogue.problems + Analysis.run(translator, ledger.snapshot) }
}

extension ManifestLimits {
  /// Small enough that thousands of files a second are looked at.
  fileprivate static var fuzzed: ManifestLimits {
    var limits = ManifestLimits()
    limits.nodesMax = 5_000
    limits.documentsMax = 100
    return limits
  }
}
