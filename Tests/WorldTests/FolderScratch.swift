// SPDX-License-Identifier: Apache-2.0
// Scratch: a folder under /tmp that goes away with its owner, and what tests do in it.

import Foundation
import Synchronization
import World

/// A folder for one test.
final class Scratch: Sendable {
  /// Where it is.
  let root: String
  private let writes = Atomic(0)

  init() throws {
    root = "/tmp/skein-world-\(getpid())-\(UInt64.random(in: 0...(.max)))"
    try FileManager.default.createDirectory(atPath: root, withIntermediateDirectories: false)
  }

  deinit { try? FileManager.default.removeItem(atPath: root) }

  func path(_ name: String) -> String { name.isEmpty ? root : root + "/" + name }

  func make(_ folder: String) throws {
    try FileManager.default.createDirectory(atPath: path(folder), withIntermediateDirectories: true)
  }

  /// Writes into the file itself, which keeps its inode, and sets it a while back: a file of right now is read twice.
  func write(_ name: String, _ text: String = "a: b\n", isFresh: Bool = false) throws {
    let file = open(path(name), O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0o644)
    guard file >= 0 else { throw POSIXError(.EIO) }
    defer { close(file) }
    let bytes = [UInt8](text.utf8)
    guard Glibc.write(file, bytes, bytes.count) == bytes.count else { throw POSIXError(.EIO) }
    if !isFresh { try age(name) }
  }

  /// Each call leaves another time.
  func age(_ name: String) throws {
    let seconds = 1_700_000_000 + writes.add(1, ordering: .relaxed).newValue
    let times = [timespec(tv_sec: seconds, tv_nsec: 0), timespec(tv_sec: seconds, tv_nsec: 0)]
    guard utimensat(AT_FDCWD, path(name), times, 0) == 0 else { throw POSIXError(.EIO) }
  }

  func link(_ name: String, to target: String) throws {
    guard symlink(target, path(name)) == 0 else { throw POSIXError(.EIO) }
  }

  /// Replaces what has the new name, in one step.
  func rename(_ old: String, to new: String) throws {
    guard Glibc.rename(path(old), path(new)) == 0 else { throw POSIXError(.EIO) }
  }

  func remove(_ name: String) throws { try FileManager.default.removeItem(atPath: path(name)) }

  /// A ConfigMap as the kubelet mounts it: links over `..data` to a hidden folder, `..data` replaced in one step.
  func mountConfigMap(_ folder: String, version: Int, _ files: [String: String]) throws {
    try make("\(folder)/..\(version)")
    for (name, text) in files { try write("\(folder)/..\(version)/\(name)", text) }
    try link("\(folder)/..data_tmp", to: "..\(version)")
    try rename("\(folder)/..data_tmp", to: "\(folder)/..data")
    for name in files.keys
    where (try? FileManager.default.destinationOfSymbolicLink(atPath: path("\(folder)/\(name)"))) == nil {
      try link("\(folder)/\(name)", to: "..data/\(name)")
    }
    if version > 1 { try remove("\(folder)/..\(version - 1)") }
  }
}

extension FileChange {
  /// The change as one line.
  var outline: String {
    switch self {
    case .loaded(let file): "+ \(file.path) \(file.documents.map(text(of:)).joined(separator: " "))"
    case .broken(let path, let problem): "! \(path) \(problem.code)"
    case .removed(let path): "- \(path)"
    }
  }
}

private func text(of node: Node) -> String { outline(node) }

extension Folder {
  /// Refreshes and says what changed.
  mutating func news(_ watcher: Watcher? = nil) -> [String] { refresh(watcher).map(\.outline) }
}
