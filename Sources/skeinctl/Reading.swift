// SPDX-License-Identifier: Apache-2.0
// Reading: manifests read once, from files, folders and standard input, and the mesh they make.
//
//   Folder ─► Catalogue ─► Translator ─► Ledger
//
// A ManifestMesh does the same for a daemon, which goes on looking. Here files go by the names the caller can open them
// by, and standard input is a file like any other: when it cannot be read, the rest is still looked at.

import Glibc
import Mesh
import World

/// The mesh that manifests describe, and what is wrong with them.
struct Reading {
  /// More bytes than this are not read from standard input.
  private static let inputBytesMax = 64 << 20
  private static let inputName = "<stdin>"

  /// The mesh.
  let world: Snapshot
  /// What cannot be read.
  let problems: [Problem]
  /// How many objects the mesh looks at.
  let objects: Int
  /// What is said about plaintext.
  let peers: [Object]
  /// What came from pipes, which cannot be read again.
  private let streams: [String: [UInt8]]
  /// What is true for the whole mesh.
  let settings: Settings
  private let translator: Translator

  /// Reads paths; `-` is standard input. Refused when one is not there, or when there is nothing at all to look at.
  init(_ paths: [String], settings: Settings) throws(Problem) {
    var files = Files()
    // A pipe is what a shell makes of `<(command)`; it can be read once and from front to back, as standard input can.
    let streams = paths.filter { $0 == "-" || kind(of: $0) == S_IFIFO }
    let places = paths.filter { !streams.contains($0) }
    if !places.isEmpty { try files.read(places) }
    for stream in Set(streams).sorted() {
      let name = stream == "-" ? Self.inputName : stream
      files.readStream(name, stream == "-" ? 0 : open(stream, O_RDONLY | O_CLOEXEC), most: Self.inputBytesMax)
    }
    problems = files.broken + files.catalogue.problems
    guard files.documents > 0 || !problems.isEmpty else { throw .nothing(in: paths, hasFiles: files.count > 0) }
    objects = files.catalogue.count
    var (translator, ledger) = (Translator(settings: settings), Ledger())
    _ = ledger.apply(translator.apply(files.edits).changes, from: .manifests)
    self.translator = translator
    self.settings = settings
    peers = files.peers.compactMap(translator.object)
    self.streams = files.streams
    world = ledger.snapshot
  }

  /// What was written correctly, and will not do what it seems to.
  var findings: [Problem] { Analysis.run(translator, world) }

  /// The lines of a file, to quote from; none when it cannot be read again.
  func lines(of file: String) -> [Substring] {
    var text = streams[file]
    if text == nil, kind(of: file) == S_IFREG {
      let descriptor = open(file, O_RDONLY | O_CLOEXEC)
      if descriptor >= 0 { text = try? bytes(of: descriptor, file, most: Self.inputBytesMax) }
    }
    // Not by characters: `\r\n` is one.
    return String(decoding: text ?? [], as: UTF8.self).unicodeScalars
      .split(separator: "\n", omittingEmptySubsequences: false).map(Substring.init)
  }

  /// An object, as it was read.
  func object(_ key: ObjectKey) -> Object? { translator.object(key) }
}

/// What was read of all paths.
private struct Files {
  /// The keys of what is said about plaintext.
  var peers: [ObjectKey] {
    edits.compactMap {
      if case .put(let object) = $0, object.key.kind == .peerAuthentication { object.key } else { nil }
    }
  }

  var catalogue = Catalogue()
  var edits: [Edit] = []
  var broken: [Problem] = []
  var count = 0
  var documents = 0
  var streams: [String: [UInt8]] = [:]

  mutating func read(_ places: [String]) throws(Problem) {
    var folder = try Folder(places)
    // The files of a single folder are called by their names in it, and nobody could open them by those.
    let prefix = places.count == 1 && kind(of: places[0]) == S_IFDIR ? places[0].folderPrefix : ""
    folder.refresh(nil) { change in
      count += 1
      if case .loaded(let file) = change { load(prefix + file.path, file.documents) }
    }
    broken += folder.problems.map { $0.moved(below: prefix) }
  }

  mutating func readStream(_ name: String, _ descriptor: CInt, most: Int) {
    count += 1
    do throws(Problem) {
      let bytes = try bytes(of: descriptor, name, most: most)
      streams[name] = bytes
      load(name, try YAML.documents(in: bytes.span, file: name, limits: .forInput(most)))
    } catch {
      broken.append(error)
    }
  }

  private mutating func load(_ name: String, _ read: [Node]) {
    documents += read.count
    edits += catalogue.load(name, read)
  }
}

/// What a path leads to, as the bits of a mode say it; nil when it leads nowhere.
private func kind(of path: String) -> mode_t? {
  var status = stat()
  return stat(path, &status) == 0 ? status.st_mode & S_IFMT : nil
}

private func bytes(of descriptor: CInt, _ name: String, most: Int) throws(Problem) -> [UInt8] {
  defer { if descriptor > 0 { close(descriptor) } }
  var bytes: [UInt8] = []
  var piece = [UInt8](repeating: 0, count: 1 << 16)
  while true {
    let count = piece.withUnsafeMutableBytes { read(descriptor, $0.baseAddress, $0.count) }
    if count == 0 { return bytes }
    if count < 0, errno == EINTR { continue }
    guard count > 0 else {
      throw Problem(.error, "file-read", at: Spot(file: name), "it cannot be read: \(String(cString: strerror(errno)))")
    }
    guard bytes.count + count <= most else {
      throw Problem(.error, "file-size", at: Spot(file: name), "more than \(most >> 20) MiB")
    }
    bytes += piece[..<count]
  }
}

extension ManifestLimits {
  /// What a cluster prints is one file.
  fileprivate static func forInput(_ bytes: Int) -> ManifestLimits {
    var limits = ManifestLimits()
    limits.fileBytesMax = bytes
    limits.nodesMax = 10_000_000
    limits.documentsMax = 1_000_000
    limits.expandedBytesMax = bytes
    return limits
  }
}

extension String {
  /// What stands before the names of files of a folder.
  fileprivate var folderPrefix: String {
    let name = String(reversed().drop { $0 == "/" }.reversed())
    return name == "." ? "" : name + "/"
  }
}

extension Problem {
  /// The same, of a file that is below a folder.
  fileprivate func moved(below prefix: String) -> Problem {
    let file = spot.file == "." && !prefix.isEmpty ? String(prefix.dropLast()) : prefix + spot.file
    return Problem(
      severity, code, at: Spot(file: file, line: spot.line, column: spot.column), path: path, text, hint: hint)
  }

  /// Nothing that could be wrong.
  fileprivate static func nothing(in paths: [String], hasFiles: Bool) -> Problem {
    let names = paths.map { $0 == "-" ? "standard input" : $0 }.joined(separator: ", ")
    return Problem(
      .error, "no-manifests", at: Spot(file: names), hasFiles ? "it is empty" : "no manifests are there",
      hint: hasFiles ? "" : "they end with .yaml, .yml or .json")
  }
}
