// SPDX-License-Identifier: Apache-2.0
// The calls on files that a source of manifests needs, each safe and none blocking.
//
// A path is a text of the kernel's bytes; a name that is no UTF-8 never gets this far.

import Glibc

/// A call that failed.
struct FileFailure: Error, Equatable {
  let call: String
  let code: CInt

  /// Takes errno as it is now.
  init(_ call: String, code: CInt = errno) {
    self.code = code
    self.call = call
  }

  /// Whether it says that nothing is there: nothing by that name, or only links that end nowhere.
  var isAbsence: Bool { [ENOENT, ENOTDIR, ELOOP].contains(code) }
}

/// Which bytes a file holds, as far as the file system tells: equal means that nobody wrote it in between.
package struct FileVersion: Hashable, Sendable {
  /// The device and the inode of the file.
  package let device, inode: UInt64
  /// When its bytes were written last, in nanoseconds since 1970.
  package let modified: Int64
  /// When its bytes or anything else of it changed: a program that sets `modified` back cannot set this one.
  package let changed: Int64
  /// Its length in bytes.
  package let size: Int64
}

/// What stands at a path.
struct FileStatus: Equatable {
  enum Kind { case file, folder, link, other }

  let kind: Kind
  let version: FileVersion

  /// Of the link itself when the path is one.
  init(_ path: String) throws(FileFailure) {
    var status = stat()
    guard lstat(path, &status) == 0 else { throw FileFailure("lstat") }
    self.init(status)
  }

  fileprivate init(_ status: stat) {
    switch status.st_mode & S_IFMT {
    case S_IFREG: kind = .file
    case S_IFDIR: kind = .folder
    case S_IFLNK: kind = .link
    default: kind = .other
    }
    version = FileVersion(
      device: UInt64(status.st_dev), inode: UInt64(status.st_ino), modified: Self.nanoseconds(status.st_mtim),
      changed: Self.nanoseconds(status.st_ctim), size: Int64(status.st_size))
  }

  // A file system may hold any number here.
  private static func nanoseconds(_ time: timespec) -> Int64 {
    Int64(time.tv_sec) &* 1_000_000_000 &+ Int64(time.tv_nsec)
  }
}

/// The clock that files get their times from, in nanoseconds since 1970.
func wallClock() -> Int64 {
  var now = timespec()
  clock_gettime(CLOCK_REALTIME, &now)
  return Int64(now.tv_sec) &* 1_000_000_000 &+ Int64(now.tv_nsec)
}

/// A file that is open for reading.
struct OpenFile: ~Copyable {
  private let raw: CInt

  /// The last part of the path may not be a link: whoever asks has resolved it. A fifo, a terminal or a device that
  /// got there in between is opened without waiting and without becoming ours.
  init(_ path: String) throws(FileFailure) {
    let raw = open(path, O_RDONLY | O_NONBLOCK | O_NOFOLLOW | O_CLOEXEC | O_NOCTTY)
    guard raw >= 0 else { throw FileFailure("open") }
    self.raw = raw
  }

  deinit { close(raw) }

  /// What is open.
  func status() throws(FileFailure) -> FileStatus {
    var status = stat()
    guard fstat(raw, &status) == 0 else { throw FileFailure("fstat") }
    return FileStatus(status)
  }

  /// Where the kernel says it is, whatever happened to the folders on the way since the path was resolved.
  func place() throws(FileFailure) -> String { try linkTarget("/proc/self/fd/\(raw)") }

  /// All bytes; one more than `most` when there are more.
  func bytes(most: Int, expected: Int) throws(FileFailure) -> [UInt8] {
    var bytes: [UInt8] = []
    var room = min(most, max(0, expected)) + 1
    while room > 0 {
      var code: CInt = 0
      let start = bytes.count
      // SAFETY: read writes at most `room` bytes into the array's own memory, and says how many.
      bytes.append(
        contentsOf: [UInt8](unsafeUninitializedCapacity: room) { space, count in
          let got = read(raw, space.baseAddress, room)
          if got < 0 { code = errno }
          count = max(0, got)
        })
      if code != 0, code != EINTR { throw FileFailure("read", code: code) }
      if code == 0, bytes.count == start { return bytes }
      room = min(most + 1 - bytes.count, 1 << 16)
    }
    return bytes
  }
}

/// Where a link leads, as it is written there.
func linkTarget(_ path: String) throws(FileFailure) -> String {
  var code: CInt = 0
  // SAFETY: readlink writes at most that many bytes into the array's own memory, and says how many.
  let target = [UInt8](unsafeUninitializedCapacity: Int(PATH_MAX)) { space, count in
    let got = space.withMemoryRebound(to: CChar.self) { room in
      room.baseAddress.map { readlink(path, $0, room.count) } ?? -1
    }
    if got < 0 { code = errno }
    count = max(0, got)
  }
  guard code == 0 else { throw FileFailure("readlink", code: code) }
  guard let text = String(validating: target, as: UTF8.self) else { throw FileFailure("readlink", code: EILSEQ) }
  return text
}

/// The folder the process is in, for paths that do not begin with `/`.
func currentFolder() throws(FileFailure) -> String { try linkTarget("/proc/self/cwd") }

/// The names in a folder.
struct FolderNames {
  /// In order, at most as many as asked for.
  private(set) var names: [String] = []
  /// Names that are no UTF-8 or would break a line of ours.
  private(set) var unreadable = 0
  /// Whether there were more.
  private(set) var isCut = false

  init(_ path: String, most: Int) throws(FileFailure) {
    guard let folder = opendir(path) else { throw FileFailure("opendir") }
    defer { closedir(folder) }
    while let name = try Self.next(in: folder) {
      if name == "." || name == ".." { continue }
      guard names.count + unreadable < most else {
        isCut = true
        break
      }
      if name.isEmpty { unreadable += 1 } else { names.append(name) }
    }
    names.sort()
  }

  /// Nil at the end; empty for a name that cannot be used.
  private static func next(in folder: OpaquePointer) throws(FileFailure) -> String? {
    errno = 0
    guard let entry = readdir(folder) else {
      // Half a folder must not look like a folder whose other half is gone.
      if errno != 0 { throw FileFailure("readdir") }
      return nil
    }
    let length = MemoryLayout.size(ofValue: entry.pointee.d_name)
    // SAFETY: an entry is valid until the next call, and its name ends with a NUL.
    let name = withUnsafePointer(to: &entry.pointee.d_name) {
      $0.withMemoryRebound(to: CChar.self, capacity: length) { String(validatingCString: $0) }
    }
    return name.map { shown($0, most: .max) == $0 ? $0 : "" } ?? ""
  }
}
