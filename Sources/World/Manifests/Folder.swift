// SPDX-License-Identifier: Apache-2.0
// Folder: folders and files of manifests, read again where they changed.
//
//   listed → compared with what was read → read → parsed → told
//
// One bad file never hides the others. A file that cannot be read or parsed is told as broken, not as removed, and so
// whoever holds its objects keeps the last good ones; a folder that cannot be listed, or a source that is gone, removes
// nothing at all.

/// A file whose documents were read.
package struct LoadedFile: Sendable {
  /// What the file is called: as it was given, or relative to its folder.
  package let path: String
  /// Its documents, without the empty ones.
  package let documents: [Node]
  /// Which bytes they came from.
  package let version: FileVersion
}

/// What happened to a file since the last refresh.
package enum FileChange: Sendable {
  /// It is new, or has other bytes; what it held before is replaced.
  case loaded(LoadedFile)
  /// It cannot be used as it is now; what it held before stays.
  case broken(path: String, Problem)
  /// It is gone, and with it what it held.
  case removed(path: String)

  /// The file.
  package var path: String {
    switch self {
    case .loaded(let file): file.path
    case .broken(let path, _), .removed(let path): path
    }
  }
}

/// Folders and files of manifests.
package struct Folder: Sendable {
  /// How many files were read so far.
  package private(set) var reads = 0
  private let sources: [String]
  private let limits: ManifestLimits
  private var files: [String: State] = [:]
  private var folderProblems: [Problem] = []

  private struct State {
    /// Nil when its bytes could not be read: then it is tried again each time.
    var version: FileVersion?
    var problem: Problem?
    /// Whether what is in use of it is more than nothing.
    var holdsDocuments = false
    /// Written so shortly before it was read that another write may have left the same version.
    var isFresh = false
  }

  /// Folders, each with all it holds, or single files. Refused when one of them is not there.
  package init(_ paths: [String], limits: ManifestLimits = ManifestLimits()) throws(Problem) {
    guard !paths.isEmpty else { throw Problem(.error, "file-missing", at: Spot(file: ""), "no manifests are given") }
    sources = paths.indices.filter { !paths[..<$0].contains(paths[$0]) }.map { paths[$0] }
    self.limits = limits
    for path in paths {
      do throws(FileFailure) {
        let place = try resolve(path, limits, nil)
        let kind = try FileStatus(place.isEmpty ? "/" : place).kind
        if kind == .file || kind == .folder { continue }
      } catch {
        throw Problem(error, file: path)
      }
      throw .notAFile(path)
    }
  }

  /// What is wrong now, with files and with folders.
  package var problems: [Problem] {
    (folderProblems + files.values.compactMap(\.problem)).sorted { ($0.spot, $0.code) < ($1.spot, $1.code) }
  }

  /// Looks what changed, and reads that. The watcher is told which folders to watch, before they are looked at.
  package mutating func refresh(_ watcher: Watcher? = nil) -> [FileChange] {
    var changes: [FileChange] = []
    refresh(watcher) { changes.append($0) }
    return changes
  }

  /// The same one by one, in order of paths: only one file's documents are in memory at a time.
  package mutating func refresh(_ watcher: Watcher? = nil, _ tell: (FileChange) -> Void) {
    apply(Listing(sources, limits, watcher), tell)
  }
}

extension Folder {
  /// Compares a listing with what was read, reads the difference and tells it.
  mutating func apply(_ listing: Listing, _ tell: (FileChange) -> Void) {
    var known = files
    files = [:]
    folderProblems = listing.problems
    var bytes = 0
    for entry in listing.entries {
      let old = known.removeValue(forKey: entry.path)
      files[entry.path] = next(entry, old, &bytes, tell)
    }
    for (path, old) in known.sorted(by: { $0.key < $1.key }) {
      if listing.mayHold(path) { files[path] = old } else { tell(.removed(path: path)) }
    }
  }

  private mutating func next(
    _ entry: Listing.Entry, _ old: State?, _ bytes: inout Int, _ tell: (FileChange) -> Void
  ) -> State {
    do throws(Problem) {
      guard case .file(let place, let inside, let version) = entry.what else {
        if case .broken(let problem) = entry.what { throw problem }
        preconditionFailure("an entry is a file or broken")
      }
      guard version.size <= limits.fileBytesMax else { throw .tooLarge(entry.path, limits) }
      bytes += Int(version.size)
      guard bytes <= limits.totalBytesMax else { throw .tooMuch(entry.path, limits) }
      if let old, old.version == version, !old.isFresh { return old }
      return try read(entry.path, at: place, inside: inside, old, tell)
    } catch {
      if old?.problem != error { tell(.broken(path: entry.path, error)) }
      return State(problem: error, holdsDocuments: old?.holdsDocuments ?? false)
    }
  }

  /// Bytes that cannot be read are a failure; bytes that cannot be parsed are known, and wait for others.
  private mutating func read(
    _ path: String, at place: String, inside: String?, _ old: State?, _ tell: (FileChange) -> Void
  ) throws(Problem) -> State {
    reads += 1
    let (bytes, version) = try wholeFile(path, at: place, inside: inside)
    var state = State(
      version: version, holdsDocuments: old?.holdsDocuments ?? false, isFresh: Self.isFresh(version, now: wallClock()))
    do throws(Problem) {
      if bytes.isEmpty, state.holdsDocuments { throw .emptied(path) }
      let documents = try YAML.documents(in: bytes.span, file: path, limits: limits)
      state.holdsDocuments = !documents.isEmpty
      tell(.loaded(LoadedFile(path: path, documents: documents, version: version)))
    } catch {
      state.problem = error
      if old?.problem != error { tell(.broken(path: path, error)) }
    }
    return state
  }

  private enum Content {
    case whole([UInt8], FileVersion)
    case changing
    case refused(Problem)
  }

  /// Bytes that nobody wrote to while they were read.
  private func wholeFile(_ path: String, at place: String, inside: String?) throws(Problem) -> ([UInt8], FileVersion) {
    for _ in 0..<Self.attemptsMax {
      let content: Content
      do throws(FileFailure) {
        content = try self.content(path, at: place, inside: inside)
      } catch {
        throw Problem(error, file: path)
      }
      switch content {
      case .whole(let bytes, let version): return (bytes, version)
      case .refused(let problem): throw problem
      case .changing: continue
      }
    }
    throw Problem(.warning, "file-busy", at: Spot(file: path), "it is being written; it is read again later")
  }

  private func content(_ path: String, at place: String, inside: String?) throws(FileFailure) -> Content {
    let file = try OpenFile(place)
    let status = try file.status()
    guard status.kind == .file else { return .refused(.notAFile(path)) }
    if let inside, !isInside(try file.place(), inside) { return .refused(.outside(path)) }
    guard status.version.size <= limits.fileBytesMax else { return .refused(.tooLarge(path, limits)) }
    let bytes = try file.bytes(most: limits.fileBytesMax, expected: Int(status.version.size))
    guard bytes.count <= limits.fileBytesMax else { return .refused(.tooLarge(path, limits)) }
    return try file.status() == status ? .whole(bytes, status.version) : .changing
  }

  private static let attemptsMax = 3

  /// Two writes within a tick of the file system's clock, 10 ms at most on Linux, leave the same times. So what was
  /// written just now is read once more; a time in the future says nothing and is believed.
  static func isFresh(_ version: FileVersion, now: Int64) -> Bool {
    (0..<20_000_000).contains(now &- version.modified)
  }
}
