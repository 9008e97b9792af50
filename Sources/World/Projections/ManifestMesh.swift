// SPDX-License-Identifier: Apache-2.0
// ManifestMesh: the mesh that files of manifests describe.
//
//   Folder ─► Catalogue ─► Translator ─► Ledger
//   files     objects      changes       snapshots

package import Mesh

/// The mesh that files of manifests describe.
package struct ManifestMesh: Sendable {
  private var folder: Folder?
  private var catalogue = Catalogue()
  private var translator: Translator
  private var ledger = Ledger()
  /// How many objects the last refresh looked at again.
  package private(set) var projected = 0

  /// A mesh of folders and files. Refused when one of them is not there.
  package init(_ paths: [String], settings: Settings = Settings()) throws(Problem) {
    folder = paths.isEmpty ? nil : try Folder(paths)
    translator = Translator(settings: settings)
  }

  /// The mesh as it is described now.
  package var snapshot: Snapshot { ledger.snapshot }

  /// How many objects it is made of.
  package var count: Int { catalogue.count }

  /// What cannot be read, in order of files and lines.
  package var problems: [Problem] {
    let known = catalogue.problems
    return known + Set(folder?.problems ?? []).subtracting(known).sorted { $0.spot < $1.spot }
  }

  /// What was written correctly, and will not do what it seems to.
  package var findings: [Problem] { Analysis.run(translator, ledger.snapshot) }

  /// The pods of a node that are to be enrolled, in order of their names.
  package func localPods(on node: String) -> [LocalPod] { translator.localPods(on: node) }

  /// What the author of an object is told.
  package func conditions(of key: ObjectKey) -> [Condition] { translator.conditions(of: key) }

  /// Reads what has changed. Tells which open connections have to be judged again.
  package mutating func refresh(_ watcher: Watcher? = nil) -> Touched {
    var edits: [Edit] = []
    for change in folder?.refresh(watcher) ?? [] {
      switch change {
      case .loaded(let file): edits += catalogue.load(file.path, file.documents)
      case .broken(let path, let problem): catalogue.keep(path, because: problem)
      case .removed(let path): edits += catalogue.remove(path)
      }
    }
    return apply(edits)
  }

  /// Takes a file that somebody else has read.
  package mutating func load(_ file: String, _ documents: [Node]) -> Touched { apply(catalogue.load(file, documents)) }

  private mutating func apply(_ edits: [Edit]) -> Touched {
    let update = translator.apply(edits)
    projected = update.projected
    return ledger.apply(update.changes, from: .manifests)
  }
}
