// SPDX-License-Identifier: Apache-2.0
// Inotify: the kernel's news about folders. man 7 inotify.
//
//   wd:32  mask:32  cookie:32  len:32  name, ended and filled up to `len` with NULs

import Glibc

/// One queue of news and what it watches.
struct Inotify: ~Copyable {
  /// The number, for an event loop; valid as long as the owner lives.
  let raw: CInt

  init() throws(FileFailure) {
    let raw = inotify_init1(CInt(IN_NONBLOCK | IN_CLOEXEC))
    guard raw >= 0 else { throw FileFailure("inotify_init1") }
    self.raw = raw
  }

  deinit { close(raw) }

  // Not what reading does (open, access, close without writing): our own refresh would be news.
  private static let mask =
    UInt32(IN_CREATE | IN_DELETE | IN_MOVED_FROM | IN_MOVED_TO | IN_MODIFY | IN_CLOSE_WRITE | IN_ATTRIB)
    | UInt32(IN_DELETE_SELF | IN_MOVE_SELF | IN_ONLYDIR)

  /// Watches a folder; the same number when it is watched already. Nil when it is gone, which its parent tells.
  func watch(_ folder: String) throws(FileFailure) -> CInt? {
    let watch = inotify_add_watch(raw, folder, Self.mask)
    if watch >= 0 { return watch }
    if errno == ENOENT || errno == ENOTDIR { return nil }
    throw FileFailure("inotify_add_watch")
  }

  /// No longer watches. A watch whose folder was removed is gone by itself, and the kernel says EINVAL.
  func drop(_ watch: CInt) { _ = inotify_rm_watch(raw, watch) }

  /// Takes all news: which watch and which name, empty when it is about the folder itself; nil when the queue ran over.
  func drain(_ each: (CInt?, _ name: String) -> Void) {
    var room = [UInt8](repeating: 0, count: 1 << 16)
    // The kernel holds 16,384 events at most and they are taken faster than made; the bound is for the reader of this.
    for _ in 0..<1024 {
      // SAFETY: read writes at most that many bytes into the array's own memory, and says how many.
      let count = room.withUnsafeMutableBytes { read(raw, $0.baseAddress, $0.count) }
      if count < 0, errno == EINTR { continue }
      guard count > 0 else { return }
      Self.parse(room.span.extracting(0..<count), each)
    }
  }

  private static let headBytes = 16

  private static func parse(_ bytes: Span<UInt8>, _ each: (CInt?, String) -> Void) {
    var start = 0
    while start + headBytes <= bytes.count {
      let watch = CInt(bitPattern: word(bytes, start))
      let length = Int(word(bytes, start + 12))
      var name: [UInt8] = []
      for offset in (start + headBytes)..<min(bytes.count, start + headBytes + length) where bytes[offset] != 0 {
        name.append(bytes[offset])
      }
      each(watch < 0 ? nil : watch, String(decoding: name, as: UTF8.self))
      start += headBytes + length
    }
  }

  /// In the machine's own order of bytes; every machine we build for begins with the lowest.
  private static func word(_ bytes: Span<UInt8>, _ start: Int) -> UInt32 {
    (0..<4).reduce(0) { $0 | UInt32(bytes[start + $1]) << (8 * UInt32($1)) }
  }

  /// What a failure means, and what helps.
  static func words(_ failure: FileFailure) -> (reason: String, hint: String) {
    switch failure.code {
    case ENOSPC: ("this user watches too much", "raise fs.inotify.max_user_watches")
    case EMFILE: ("too many open files, or inotify queues of this user", "raise fs.inotify.max_user_instances")
    default: ("\(failure.call): \(String(cString: strerror(failure.code)))", "")
    }
  }
}
