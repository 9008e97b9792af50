// SPDX-License-Identifier: Apache-2.0
// Bytes that wait: in order, counted, and their buffers given back.

import Glibc
import Net
import Testing

@Suite struct HeldTests {
  private static func bytes(_ range: Range<Int>) -> [UInt8] {
    range.map { UInt8(truncatingIfNeeded: $0 &* 31 ^ $0 >> 8) }
  }

  @Test(arguments: [1, 1023, 1024, 1025, 16_384, 16_385, 262_144, 262_145, 1_000_000])
  func whatGoesInComesOutInOrder(count: Int) {
    let pool = BufferPool()
    var held = Held(pool)
    let all = Self.bytes(0..<count)
    var position = 0
    for step in [1, 700, 5000, 300_000, count] where position < count {
      let end = min(count, position + step)
      all[position..<end].withUnsafeBytes { held.append($0) }
      position = end
    }
    #expect(held.count == count)
    var out: [UInt8] = []
    var room = [UInt8](repeating: 0, count: 777)
    while !held.isEmpty {
      let taken = room.withUnsafeMutableBytes { held.read(into: $0) }
      out += room[..<taken]
    }
    let isWhole = out == all
    #expect(isWhole)
    #expect(pool.lentBytes == 0, "an empty queue owns no memory")
  }

  @Test func lendsPiecesAndDropsWhatWasTaken() {
    let pool = BufferPool()
    var held = Held(pool)
    let all = Self.bytes(0..<50_000)
    all.withUnsafeBytes { held.append($0) }
    let room = UnsafeMutableBufferPointer<iovec>.allocate(capacity: 4)
    defer { room.deallocate() }
    var out: [UInt8] = []
    while !held.isEmpty {
      let pieces = held.lend(room)
      let take = min(pieces.byteCount, 333)
      var seen: [UInt8] = []
      for piece in pieces { seen += UnsafeRawBufferPointer(start: piece.iov_base, count: piece.iov_len) }
      out += seen[..<take]
      held.consume(take)
    }
    let isWhole = out == all
    #expect(isWhole)
    #expect(pool.lentBytes == 0)
  }

  @Test func aQueueThatGoesGivesItsBuffersBack() {
    let pool = BufferPool()
    do {
      var held = Held(pool)
      Self.bytes(0..<100_000).withUnsafeBytes { held.append($0) }
      #expect(pool.lentBytes > 0)
    }
    #expect(pool.lentBytes == 0)
  }
}
