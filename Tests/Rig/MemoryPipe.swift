// SPDX-License-Identifier: Apache-2.0
// MemoryPipe: a pipe whose far end is the test: it gives bytes, endings and resets, and sees what was written.

package import Glibc
package import Net

/// One end of a pipe in memory.
package final class MemoryPipe: Pipe {
  package var owner: (any PipeOwner)?
  package var held: Held
  package let pulls = false
  /// It never is.
  package let isGone = false
  package let readMax = 16_384
  /// What was written.
  package private(set) var written: [UInt8] = []
  /// Whether our half was ended.
  package private(set) var isFinished = false
  /// Why the pipe was given up, if it was.
  package private(set) var aborted: PipeFailure?
  /// Whether it was closed.
  package private(set) var isClosed = false
  /// Bytes `write` still takes; nil: any number.
  package var roomBytes: Int?
  /// Where what is written goes instead of `written`.
  package var twin: MemoryPipe?

  private var incoming: [UInt8] = []
  private var ending: Transfer?

  /// A pipe with nothing in it.
  package init(on worker: isolated Worker) { held = Held(worker.reactor.pool) }

  /// Two ends of one pipe.
  package static func pair(on worker: isolated Worker) -> (MemoryPipe, MemoryPipe) {
    let (a, b) = (MemoryPipe(on: worker), MemoryPipe(on: worker))
    a.twin = b
    b.twin = a
    return (a, b)
  }

  /// The far end sends bytes.
  package func give(_ bytes: [UInt8]) {
    incoming += bytes
    owner?.readable(self)
  }

  /// The far end ends its half, or breaks.
  package func end(_ how: Transfer = .end) {
    ending = how
    if case .failed(let failure) = how { owner?.failed(self, failure) } else { owner?.readable(self) }
  }

  /// The far end takes so many bytes more.
  package func takeMore(_ count: Int) {
    roomBytes = (roomBytes ?? 0) + count
    owner?.writable(self)
  }

  /// Forgets and returns what was written.
  package func drain() -> [UInt8] {
    defer { written = [] }
    return written
  }

  package var mayRead: Bool { !incoming.isEmpty || ending != nil }

  package var isWritable: Bool { !isClosed && roomBytes != 0 }

  package func read(into room: UnsafeMutableRawBufferPointer) -> Transfer {
    let count = min(room.count, incoming.count)
    guard count > 0 else { return ending ?? .wait }
    room.copyBytes(from: incoming[..<count])
    incoming.removeFirst(count)
    return .bytes(count)
  }

  package func took(_ count: Int) {}

  package func write(_ pieces: UnsafeBufferPointer<iovec>) -> Transfer {
    guard !isClosed else { return .failed(.reset) }
    var bytes: [UInt8] = []
    for piece in pieces { bytes += UnsafeRawBufferPointer(start: piece.iov_base, count: piece.iov_len) }
    let taken = min(bytes.count, roomBytes ?? bytes.count)
    roomBytes = roomBytes.map { $0 - taken }
    guard taken > 0 else { return .wait }
    deliver(Array(bytes[..<taken]))
    return .bytes(taken)
  }

  private func deliver(_ bytes: [UInt8]) {
    guard let twin else {
      written += bytes
      return
    }
    // The twin's owner is told in a task of its own: a write never calls back.
    twin.incoming += bytes
    later { $0.owner?.readable($0) }
  }

  private func later(_ tell: @escaping (MemoryPipe) -> Void) {
    guard let twin else { return }
    pending.append { tell(twin) }
  }

  private var pending: [() -> Void] = []

  /// Tells the twin's owner what happened since; true when there was anything.
  package func carry() -> Bool {
    guard !pending.isEmpty else { return false }
    let calls = pending
    pending = []
    for call in calls { call() }
    return true
  }

  package func offer() {}

  package func finish() {
    guard !isFinished else { return }
    isFinished = true
    later { $0.end() }
  }

  package func abort(_ reason: PipeFailure) {
    guard !isClosed else { return }
    aborted = reason
    isClosed = true
    owner = nil
    later { $0.end(.failed(.reset)) }
  }

  package func close() {
    guard !isClosed else { return }
    isClosed = true
    owner = nil
  }
}

/// Carries bytes between two twins, and lets the worker work, until nothing moves any more.
package func carry(_ a: MemoryPipe, _ b: MemoryPipe, on worker: isolated Worker) async {
  var quiet = 0
  while quiet < 6 {
    let moved = a.carry() || b.carry()
    await settle(2, on: worker)
    quiet = moved ? 0 : quiet + 1
  }
}
