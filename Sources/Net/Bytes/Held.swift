// SPDX-License-Identifier: Apache-2.0
// Held: bytes that arrived and could not be passed on yet, in order, in pooled buffers.
//
// Whoever appends bounds what is held; this only keeps and lends it.

package import Glibc

/// A queue of bytes in pooled buffers. Empty, it owns no memory.
package struct Held: ~Copyable {
  private struct Part {
    let base: UnsafeMutableRawPointer
    let size: BufferPool.Size
    var start = 0
    var end = 0
  }

  private let pool: BufferPool
  private var parts: [Part] = []
  private var first = 0
  /// Bytes held.
  package private(set) var count = 0

  /// An empty queue over a worker's pool.
  package init(_ pool: BufferPool) { self.pool = pool }

  deinit {
    for part in parts[first...] { pool.giveBack(part.base, part.size) }
  }

  /// Whether nothing is held.
  package var isEmpty: Bool { count == 0 }

  /// Copies bytes to the end of the queue.
  package mutating func append(_ bytes: UnsafeRawBufferPointer) {
    var rest = bytes
    while !rest.isEmpty {
      if parts.count == first || parts[parts.count - 1].end == parts[parts.count - 1].size.rawValue {
        let size = BufferPool.Size.holding(max(rest.count, count))
        parts.append(Part(base: pool.take(size), size: size))
      }
      let last = parts.count - 1
      let taken = min(rest.count, parts[last].size.rawValue - parts[last].end)
      UnsafeMutableRawBufferPointer(start: parts[last].base + parts[last].end, count: taken)
        .copyMemory(from: UnsafeRawBufferPointer(rebasing: rest[..<taken]))
      parts[last].end += taken
      count += taken
      rest = UnsafeRawBufferPointer(rebasing: rest[taken...])
    }
  }

  /// Lends the first bytes as pieces; fills at most `pieces.count` of them.
  package func lend(_ pieces: UnsafeMutableBufferPointer<iovec>) -> UnsafeBufferPointer<iovec> {
    let used = min(pieces.count, parts.count - first)
    for index in 0..<used {
      let part = parts[first + index]
      pieces[index] = iovec(iov_base: part.base + part.start, iov_len: part.end - part.start)
    }
    return UnsafeBufferPointer(rebasing: pieces[..<used])
  }

  /// Drops the first `taken` bytes and gives emptied buffers back.
  package mutating func consume(_ taken: Int) {
    precondition(taken <= count, "consumed \(taken) of \(count) held bytes")
    count -= taken
    var rest = taken
    while first < parts.count {
      let part = parts[first]
      let step = min(rest, part.end - part.start)
      parts[first].start += step
      rest -= step
      guard parts[first].start == part.end else { break }
      pool.giveBack(part.base, part.size)
      first += 1
    }
    if first == parts.count {
      parts.removeAll(keepingCapacity: false)
      first = 0
    } else if first >= 64 {
      parts.removeFirst(first)
      first = 0
    }
  }

  /// Moves the first bytes into `room`; returns how many.
  package mutating func read(into room: UnsafeMutableRawBufferPointer) -> Int {
    var filled = 0
    var index = first
    while index < parts.count, filled < room.count {
      let part = parts[index]
      let step = min(room.count - filled, part.end - part.start)
      UnsafeMutableRawBufferPointer(rebasing: room[filled..<(filled + step)])
        .copyMemory(from: UnsafeRawBufferPointer(start: part.base + part.start, count: step))
      filled += step
      index += 1
    }
    consume(filled)
    return filled
  }
}
