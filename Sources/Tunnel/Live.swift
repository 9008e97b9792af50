// SPDX-License-Identifier: Apache-2.0
// Live: connections that were let in, and are judged again when what let them in changes.
//
//   let in ─► entered with its verdict's subject ─► policies or the workload change ─► judged anew ─► cut off, or goes on
//
// Entered before the verdict is asked for a last time, so that no change falls between the two.

import Mesh

/// Connections that were let in, on one worker.
final class Live {
  /// A connection that was let in.
  final class Entry {
    let connection: Connection
    let uid: String
    /// Cuts it off. Set as soon as there is something to cut.
    var cut: ((Verdict) -> Void)?
    /// What a judgement between entering and `cut` found.
    private(set) var verdict: Verdict?

    init(_ connection: Connection, to uid: String) {
      self.connection = connection
      self.uid = uid
    }

    fileprivate func judge(in world: Snapshot) {
      guard let workload = world.workload(uid: uid) else { return }
      let verdict = world.authorize(connection, to: workload)
      guard !verdict.isAllowed else { return }
      self.verdict = verdict
      cut?(verdict)
    }
  }

  private var entries: [ObjectIdentifier: Entry] = [:]

  /// How many there are.
  var count: Int { entries.count }

  func enter(_ connection: Connection, to uid: String) -> Entry {
    let entry = Entry(connection, to: uid)
    entries[ObjectIdentifier(entry)] = entry
    return entry
  }

  func leave(_ entry: Entry) { entries[ObjectIdentifier(entry)] = nil }

  /// Judges those again that a change may concern.
  func judge(_ touched: Touched, in world: Snapshot) {
    guard !touched.isEmpty else { return }
    for entry in Array(entries.values) {
      guard let workload = world.workload(uid: entry.uid), touched.reaches(workload) else { continue }
      entry.judge(in: world)
    }
  }
}
