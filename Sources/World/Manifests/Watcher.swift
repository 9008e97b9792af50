// SPDX-License-Identifier: Apache-2.0
// Watcher: says when a refresh is due.
//
//   descriptor readable → drain → Settling → Folder.refresh(watcher), which tells anew what to watch
//
// Watches are set while a listing walks, each before the names of its folder are read, so nothing falls in between: a
// change is either listed or told. Every refresh is a whole listing; which file an event was about does not matter, and
// neither does an event that the kernel dropped. Network file systems tell nothing about other machines, so there is a
// refresh now and then in any case.

/// Watches the folders of a listing. It belongs to whoever runs the event loop; nothing here blocks.
package final class Watcher {
  /// How long to wait for the next refresh when nothing is told.
  package static let rescan = Duration.seconds(60)
  /// The same while not all is watched.
  package static let rescanUnwatched = Duration.seconds(2)

  /// Why not everything is watched; nil when it is.
  package private(set) var problem: Problem?
  private let limits: ManifestLimits
  private let inotify: Inotify?
  private var watches: [CInt: Names] = [:]
  private var setting: [CInt: Names] = [:]
  private var lacksSource = false

  /// Which names of a folder matter.
  private enum Names {
    case all
    case some(Set<String>)

    func includes(_ name: String) -> Bool {
      if case .some(let names) = self { names.contains(name) } else { true }
    }

    mutating func add(_ name: String?) {
      guard case .some(var names) = self, let name else {
        self = .all
        return
      }
      names.insert(name)
      self = .some(names)
    }
  }

  /// Watches nothing until the first refresh.
  package init(limits: ManifestLimits = ManifestLimits()) {
    self.limits = limits
    do throws(FileFailure) {
      inotify = try Inotify()
    } catch {
      inotify = nil
      problem = .unwatched("inotify", error)
    }
  }

  /// What an event loop waits on; nil when there is none, and then only `pause` counts.
  package var descriptor: CInt? {
    switch inotify {
    case .some(let inotify): inotify.raw
    case nil: nil
    }
  }

  /// The longest wait between two refreshes.
  package var pause: Duration { problem == nil && !lacksSource ? Self.rescan : Self.rescanUnwatched }

  /// Takes what was told; true when a refresh is due. For an edge-triggered loop as well: nothing is left behind.
  package func drain() -> Bool {
    var isDue = false
    inotify?.drain { watch, name in
      guard let watch else {
        isDue = true  // The queue ran over; the listing finds what was lost.
        return
      }
      // Events of watches that were dropped may still come.
      guard let names = watches[watch] else { return }
      // Without a name it is about the folder itself: moved away, or removed.
      if name.isEmpty || names.includes(name) { isDue = true }
    }
    return isDue
  }
}

/// What a listing says while it walks.
extension Watcher {
  /// How many folders are watched.
  var watched: Int { watches.count }

  /// A listing begins.
  func begin() {
    setting = [:]
    if inotify != nil { problem = nil }
  }

  /// A folder in which all names matter, or only this one; empty for the root.
  func watch(_ folder: String, for name: String?) {
    do throws(FileFailure) {
      guard let watch = try inotify?.watch(folder.isEmpty ? "/" : folder) else { return }
      guard setting[watch] != nil || setting.count < limits.watchesMax else {
        // One that was watched before is dropped when the listing is over.
        if watches[watch] == nil { inotify?.drop(watch) }
        problem = .tooManyWatches(folder, limits)
        return
      }
      setting[watch, default: .some([])].add(name)
    } catch {
      problem = .unwatched(folder, error)
    }
  }

  /// A listing is over: what it did not name is no longer watched.
  func finish(lacksSource: Bool) {
    for watch in watches.keys where setting[watch] == nil { inotify?.drop(watch) }
    watches = setting
    setting = [:]
    self.lacksSource = lacksSource
  }
}

extension Problem {
  fileprivate static func tooManyWatches(_ folder: String, _ limits: ManifestLimits) -> Problem {
    Problem(
      .warning, "watch-limit", at: Spot(file: folder),
      "more than \(limits.watchesMax) folders; all are looked at every \(Watcher.rescanUnwatched) instead")
  }

  fileprivate static func unwatched(_ folder: String, _ failure: FileFailure) -> Problem {
    let (reason, hint) = Inotify.words(failure)
    return Problem(
      .warning, "watch-limit", at: Spot(file: folder),
      "not watched (\(reason)); all is looked at every \(Watcher.rescanUnwatched) instead", hint: hint)
  }
}
