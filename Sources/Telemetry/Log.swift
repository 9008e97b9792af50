// SPDX-License-Identifier: Apache-2.0
// Log: lines for people or programs, written by a thread of its own. Whoever writes a line never waits: when the reader is
// slow and the queue is full, the line is dropped and counted, and the next one that fits says how many were.

import Format
import Glibc
import Synchronization

/// Where lines go.
package final class Log: Sendable {
  /// How lines look.
  package enum Form: String, CaseIterable, Sendable { case text, json }
  /// How much a line matters.
  package enum Level: String, CaseIterable, Comparable, Sendable {
    case error, warn, info, debug

    /// By how much it matters, errors first.
    package static func < (one: Self, other: Self) -> Bool { one.order < other.order }

    private var order: Int { Self.allCases.firstIndex(of: self) ?? 0 }
  }

  /// Bytes that wait for the reader at most.
  package static let queueBytesMax = 1 << 20

  private struct Queue: Sendable {
    var bytes: [UInt8] = []
    var dropped = 0
    var isWriting = false
  }

  private let form: Form
  private let level: Level
  private let descriptor: CInt
  private let queue = Mutex(Queue())
  /// Both ends of a pipe: a byte in it says that there are lines.
  private let wakeup: (read: CInt, write: CInt)
  private let totalDropped = Atomic<Int>(0)

  /// A log to an open file. Its thread ends with the process.
  package init(to descriptor: CInt, form: Form = .text, level: Level = .info) {
    self.descriptor = descriptor
    self.form = form
    self.level = level
    var ends: [CInt] = [-1, -1]
    let code = unsafe pipe(&ends)
    precondition(code == 0, "no pipe for the log: errno \(errno)")
    wakeup = (ends[0], ends[1])
    for end in ends { _ = fcntl(end, F_SETFD, FD_CLOEXEC) }
    startThread()
  }

  /// Lines that were dropped so far.
  package var dropped: Int { totalDropped.load(ordering: .relaxed) }

  /// Whether lines of a level are written at all.
  package func writes(_ level: Level) -> Bool { level <= self.level }

  /// Writes a line.
  package func write(_ level: Level, _ scope: String, _ message: String, _ fields: [(name: String, value: String)] = [])
  {
    guard writes(level) else { return }
    let line = Array(text(level, scope, message, fields).utf8)
    let isFirst = queue.withLock { queue in
      guard queue.bytes.count + line.count <= Self.queueBytesMax else {
        queue.dropped += 1
        totalDropped.add(1, ordering: .relaxed)
        return false
      }
      let wasEmpty = queue.bytes.isEmpty
      if queue.dropped > 0 {
        queue.bytes += Array(text(.warn, "log", "\(queue.dropped) lines were dropped: the reader is slow", []).utf8)
        queue.dropped = 0
      }
      queue.bytes += line
      return wasEmpty
    }
    // One byte for each time the queue was empty: the pipe can never be full.
    if isFirst { _ = unsafe Glibc.write(wakeup.write, [1], 1) }
  }

  /// Writes a connection that is over.
  package func write(_ record: Record) {
    let level: Level = record.reason == nil ? .info : .error
    guard writes(level) else { return }
    write(level, "access", "connection complete", record.fields)
  }

  /// Waits until everything was written, for at most a second. For the end of a process.
  package func drain() {
    for _ in 0..<100 {
      if queue.withLock({ $0.bytes.isEmpty && !$0.isWriting }) { return }
      usleep(10_000)
    }
  }

  private func text(
    _ level: Level, _ scope: String, _ message: String, _ fields: [(name: String, value: String)]
  ) -> String {
    var now = timespec()
    unsafe clock_gettime(CLOCK_REALTIME, &now)
    let stamp = Timestamp(seconds: Int64(now.tv_sec), nanoseconds: Int32(now.tv_nsec / 1_000_000 * 1_000_000))
    let time = (try? stamp.rfc3339()) ?? "-"
    switch form {
    case .json:
      let head = [("time", time), ("level", level.rawValue), ("scope", scope), ("message", message)]
      let members = (head + fields.map { ($0.name, $0.value) }).map { "\(JSON.quoted($0.0)):\(JSON.quoted($0.1))" }
      return "{\(members.joined(separator: ","))}\n"
    case .text:
      let rest = fields.map { " \($0.name)=\(Self.plain($0.value))" }.joined()
      return "\(time) \(level.rawValue) \(scope) \(message)\(rest)\n"
    }
  }

  /// A value that may have blanks is quoted; what a peer wrote cannot make a line of its own.
  private static func plain(_ value: String) -> String {
    value.utf8.allSatisfy { $0 > 0x20 && $0 < 0x7f && $0 != UInt8(ascii: "\"") } ? value : JSON.quoted(value)
  }

  private func startThread() {
    var thread = pthread_t()
    let context = unsafe Unmanaged.passRetained(self).toOpaque()
    let code = unsafe pthread_create(
      &thread, nil,
      { context in
        // SAFETY: what was retained for this thread above, once.
        if let context = unsafe context { unsafe Unmanaged<Log>.fromOpaque(context).takeRetainedValue().writeForEver() }
        return nil
      }, context)
    precondition(code == 0, "no thread for the log: errno \(code)")
    pthread_detach(thread)
  }

  private func writeForEver() {
    var byte: UInt8 = 0
    while true {
      let count = unsafe read(wakeup.read, &byte, 1)
      guard count == 1 || errno == EINTR else { return }
      let bytes = queue.withLock { queue in
        queue.isWriting = true
        defer { queue.bytes = [] }
        return queue.bytes
      }
      put(bytes)
      queue.withLock { $0.isWriting = false }
    }
  }

  private func put(_ bytes: [UInt8]) {
    var rest = bytes[...]
    while !rest.isEmpty {
      let count = unsafe rest.withUnsafeBytes { unsafe Glibc.write(descriptor, $0.baseAddress, $0.count) }
      if count < 0, errno == EINTR { continue }
      if count < 0, errno == EAGAIN {
        usleep(10_000)
        continue
      }
      // Nobody reads any more: the lines are lost, traffic is not.
      guard count > 0 else { return }
      rest = rest.dropFirst(count)
    }
  }
}
