// SPDX-License-Identifier: Apache-2.0
// Listing: which manifests a source holds now.
//
//   source → resolved → folders, in order of names → then the links, each resolved and kept inside its source
//
// Links come last, so that a file that is there twice goes by its own name; a folder is entered once, so that links in
// a circle end. Hidden names are skipped and may still be what a link leads to: Kubernetes mounts a ConfigMap as links
// over `..data` to a hidden folder, and replaces `..data` in one step.

/// The manifests of all sources at one moment.
struct Listing {
  struct Entry {
    /// What the file is called: as it was given, or relative to its source.
    let path: String
    let what: What
  }

  enum What {
    /// `inside` is the source it may not leave; nil when the file itself was given.
    case file(place: String, inside: String?, FileVersion)
    case broken(Problem)
  }

  /// In order of paths, each once.
  fileprivate(set) var entries: [Entry] = []
  /// What is wrong with folders.
  fileprivate(set) var problems: [Problem] = []
  /// Paths about which nothing is known now; an empty one stands for all.
  fileprivate var unknown: Set<String> = []
  /// Whether a source is not there.
  fileprivate(set) var lacksSource = false

  /// Whether the file may be there and just was not found.
  func mayHold(_ path: String) -> Bool {
    if unknown.contains("") || unknown.contains(path) { return true }
    return path.indices.contains { path[$0] == "/" && unknown.contains(String(path[..<$0])) }
  }

  /// Looks at all sources; each folder is watched before its names are read.
  init(_ sources: [String], _ limits: ManifestLimits, _ watcher: Watcher? = nil) {
    var walk = Walk(limits: limits, watcher: watcher)
    watcher?.begin()
    for source in sources { walk.take(source, isOnlyOne: sources.count == 1) }
    walk.followLinks()
    self = walk.listing
    watcher?.finish(lacksSource: lacksSource)
    entries.sort { $0.path < $1.path }
    guard entries.count > limits.filesMax else { return }
    entries.removeSubrange(limits.filesMax...)
    unknown.insert("")
    let spot = Spot(file: entries.last?.path ?? "")
    problems.append(
      Problem(.error, "folder-size", at: spot, "more than \(limits.filesMax) files; this is the last that is read"))
  }

  private init() {}
  fileprivate static let empty = Listing()
}

private struct Walk {
  let limits: ManifestLimits
  let watcher: Watcher?
  var listing = Listing.empty
  private var seen: Set<Identity> = []
  private var named: Set<String> = []
  private var links: [Link] = []
  private var namesLeft: Int
  /// Whether there are more names than are read; then no further folder is.
  private var isCut = false

  private struct Identity: Hashable {
    let device, inode: UInt64

    init(_ version: FileVersion) { (device, inode) = (version.device, version.inode) }
  }

  /// A folder and the source it belongs to.
  private struct Position {
    /// Where it is, without links; empty for the root of the file system.
    let place: String
    /// What its files are called begins with this.
    let prefix: String
    /// The source, without links.
    let source: String
    /// Folders it is in.
    let depth: Int

    func contains(_ place: String) -> Bool { isInside(place, source) }
  }

  private struct Link {
    let name: String
    let folder: Position
  }

  init(limits: ManifestLimits, watcher: Watcher?) {
    self.limits = limits
    self.watcher = watcher
    namesLeft = limits.namesMax
  }

  /// A path somebody gave us: a folder, or one file of any name.
  mutating func take(_ path: String, isOnlyOne: Bool) {
    let name = String(path.reversed().drop { $0 == "/" }.reversed())
    do throws(FileFailure) {
      let place = try resolve(path, limits, watcher)
      let status = try FileStatus(place.isEmpty ? "/" : place)
      switch status.kind {
      case .folder:
        let prefix = isOnlyOne ? "" : name + "/"
        enter(Position(place: place, prefix: prefix, source: place, depth: 0), status)
      case .file: add(path, place, inside: nil, status)
      case .link, .other: breaks(path, .notAFile(path))
      }
    } catch {
      listing.problems.append(Problem(error, file: path))
      listing.unknown.insert(isOnlyOne ? "" : name)
      listing.lacksSource = true
    }
  }

  private mutating func enter(_ folder: Position, _ status: FileStatus) {
    let shownPath = folder.prefix.isEmpty ? "." : String(folder.prefix.dropLast())
    guard seen.insert(Identity(status.version)).inserted else { return }
    guard folder.depth <= limits.foldersMax else {
      let text = "more than \(limits.foldersMax) folders within each other; this one is not read"
      listing.problems.append(Problem(.error, "folder-depth", at: Spot(file: shownPath), text))
      listing.unknown.insert(shownPath)
      return
    }
    guard !isCut else { return }
    // Before the names are read: what comes after is told, what came before is among them.
    watcher?.watch(folder.place, for: nil)
    do throws(FileFailure) {
      let content = try FolderNames(folder.place.isEmpty ? "/" : folder.place, most: namesLeft)
      namesLeft -= content.names.count + content.unreadable
      note(content, shownPath)
      for name in content.names where !name.hasPrefix(".") { try take(name, in: folder) }
    } catch {
      if error.isAbsence, folder.depth > 0 { return }  // Gone since it was seen.
      // Some of it may have been found; the rest may be there.
      listing.problems.append(Problem(error, file: shownPath))
      listing.unknown.insert(String(folder.prefix.dropLast()))
    }
  }

  private mutating func note(_ content: FolderNames, _ path: String) {
    if content.unreadable > 0 {
      let text = "\(content.unreadable) names in this folder are not UTF-8, or hold signs that do not print"
      listing.problems.append(Problem(.warning, "file-name", at: Spot(file: path), text, hint: "rename them"))
    }
    if content.isCut {
      isCut = true
      listing.unknown.insert("")
      let text = "more than \(limits.namesMax) names in all folders; the rest of this one is not read"
      listing.problems.append(Problem(.error, "folder-size", at: Spot(file: path), text))
    }
  }

  private mutating func take(_ name: String, in folder: Position) throws(FileFailure) {
    let place = folder.place + "/" + name
    let path = folder.prefix + name
    let isManifest = isManifestName(name)
    let status: FileStatus
    do throws(FileFailure) {
      status = try FileStatus(place)
    } catch {
      if error.isAbsence { return }  // Gone since its name was read.
      throw error
    }
    switch status.kind {
    case .link: links.append(Link(name: name, folder: folder))
    case .folder where isManifest: breaks(path, .notAFile(path))
    case .folder:
      enter(Position(place: place, prefix: path + "/", source: folder.source, depth: folder.depth + 1), status)
    case .file where isManifest: add(path, place, inside: folder.source, status)
    case .other where isManifest: breaks(path, .notAFile(path))
    case .file, .other: break
    }
  }

  /// A folder that a link leads to may hold more links; they join the queue.
  mutating func followLinks() {
    var next = 0
    while next < links.count {
      follow(links[next])
      next += 1
    }
  }

  private mutating func follow(_ link: Link) {
    let path = link.folder.prefix + link.name
    let isManifest = isManifestName(link.name)
    do throws(FileFailure) {
      let place = try resolve(link.folder.place + "/" + link.name, limits, watcher)
      let status = try FileStatus(place.isEmpty ? "/" : place)
      guard isManifest || status.kind == .folder else { return }
      if !link.folder.contains(place) {
        breaks(path, .outside(path))
        listing.unknown.insert(path)
      } else if status.kind == .file {
        add(path, place, inside: link.folder.source, status)
      } else if isManifest {
        breaks(path, .notAFile(path))
      } else {
        let depth = link.folder.depth + 1
        enter(Position(place: place, prefix: path + "/", source: link.folder.source, depth: depth), status)
      }
    } catch {
      if isManifest {
        breaks(path, Problem(error, file: path))
      } else if !error.isAbsence {
        // It may lead to a folder, as it did before.
        listing.problems.append(Problem(error, file: path))
        listing.unknown.insert(path)
      }
    }
  }

  private mutating func add(_ path: String, _ place: String, inside: String?, _ status: FileStatus) {
    guard seen.insert(Identity(status.version)).inserted, named.insert(path).inserted else { return }
    listing.entries.append(Listing.Entry(path: path, what: .file(place: place, inside: inside, status.version)))
  }

  private mutating func breaks(_ path: String, _ problem: Problem) {
    guard named.insert(path).inserted else { return }
    listing.entries.append(Listing.Entry(path: path, what: .broken(problem)))
  }
}

private func isManifestName(_ name: String) -> Bool {
  name.hasSuffix(".yaml") || name.hasSuffix(".yml") || name.hasSuffix(".json")
}
