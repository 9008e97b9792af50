// SPDX-License-Identifier: Apache-2.0
// BufferPool: the memory of one worker's bytes in flight.
//
// Three sizes, so that a connection that says little costs little. A buffer is taken when bytes must wait and given back
// when they have gone; an idle connection owns none. What is free beyond a few per size goes back to the allocator at
// once, so a storm's peak does not stay.

import Glibc

/// Buffers of three sizes, for one worker.
package final class BufferPool {
  /// The sizes: a first word, a record, a burst.
  package enum Size: Int, CaseIterable {
    case small = 1024
    case medium = 16384
    case large = 262_144

    /// The smallest that holds `count` bytes, or the largest there is.
    package static func holding(_ count: Int) -> Size {
      count <= Size.small.rawValue ? .small : count <= Size.medium.rawValue ? .medium : .large
    }

    fileprivate var order: Int { self == .small ? 0 : self == .medium ? 1 : 2 }
    /// Free buffers kept for reuse; more are given back to the allocator.
    fileprivate var keptMax: Int { self == .small ? 64 : self == .medium ? 32 : 4 }
  }

  private var free: [[UnsafeMutableRawPointer]] = [[], [], []]
  /// Bytes lent out now.
  package private(set) var lentBytes = 0

  /// An empty pool.
  package init() {}

  deinit { trim() }

  /// A buffer of exactly that size; give it back.
  package func take(_ size: Size) -> UnsafeMutableRawPointer {
    lentBytes += size.rawValue
    return free[size.order].popLast() ?? .allocate(byteCount: size.rawValue, alignment: 16)
  }

  /// Returns what `take` gave.
  package func giveBack(_ buffer: UnsafeMutableRawPointer, _ size: Size) {
    lentBytes -= size.rawValue
    guard free[size.order].count < size.keptMax else {
      buffer.deallocate()
      return
    }
    free[size.order].append(buffer)
  }

  /// Frees what is not lent.
  package func trim() {
    for order in free.indices {
      for buffer in free[order] { buffer.deallocate() }
      free[order] = []
    }
  }
}
