// SPDX-License-Identifier: Apache-2.0
// Timers: deadlines of one worker, in a wheel of wheels.
//
//   level 0: 64 slots of 4 ms   level 1: 64 slots of 256 ms   level 2: of 16 s   level 3: of 17 min   level 4: of 18 h
//
// Arm and cancel touch two list links. A turn looks at one bitmap per level, whatever the number of armed timers; a
// timer moves down a level at most four times in its life. Deadlines are rounded up, never early, at most 4 ms late.

/// Who is told when a deadline has passed.
package protocol TimerTarget: AnyObject {
  /// The deadline passed; the timer is gone.
  func expired(_ timer: Timer)
}

/// A name for one armed deadline. Safe to cancel after it fired: the name is never used twice.
package struct Timer: Equatable, Sendable {
  fileprivate let index: Int32
  fileprivate let generation: UInt32
}

/// The deadlines of one worker.
package struct Timers {
  private static let tickNanoseconds: Int64 = 4_000_000
  private static let slotBits: Int64 = 6
  private static let slots = 64
  private static let levels = 5
  private static let none: Int32 = -1

  private struct Node {
    var target: (any TimerTarget)?
    var tick: Int64 = 0
    var generation: UInt32 = 0
    var previous: Int32 = Timers.none
    var next: Int32 = Timers.none
    var slot: Int32 = Timers.none
  }

  private var nodes: [Node] = []
  private var free: Int32 = Timers.none
  private var heads: [Int32]
  private var occupied: [UInt64]
  private var tick: Int64
  /// Deadlines armed now.
  package private(set) var count = 0

  init(start: Instant) {
    heads = Array(repeating: Timers.none, count: Self.levels * Self.slots)
    occupied = Array(repeating: 0, count: Self.levels)
    tick = start.nanoseconds / Self.tickNanoseconds
  }

  /// Tells `target` once, when `deadline` has passed.
  package mutating func arm(at deadline: Instant, _ target: any TimerTarget) -> Timer {
    let index = takeNode()
    let due = deadline.nanoseconds / Self.tickNanoseconds + 1
    nodes[Int(index)].target = target
    nodes[Int(index)].tick = max(due, tick + 1)
    insert(index)
    count += 1
    return Timer(index: index, generation: nodes[Int(index)].generation)
  }

  /// Forgets a deadline; nothing happens when it has fired.
  package mutating func cancel(_ timer: Timer) {
    guard nodes[Int(timer.index)].generation == timer.generation, nodes[Int(timer.index)].target != nil else { return }
    unlink(timer.index)
    giveBack(timer.index)
  }

  /// How long the thread may sleep: until the first slot that holds something, nil when nothing is armed.
  func sleep(from now: Instant) -> Duration? {
    guard count > 0 else { return nil }
    var nearest = Int64.max
    for level in 0..<Self.levels where occupied[level] != 0 {
      let shift = Int64(level) * Self.slotBits
      let here = Int((tick >> shift) & 63)
      let turned = occupied[level] >> UInt64(here) | (here == 0 ? 0 : occupied[level] << UInt64(64 - here))
      // A slot above level 0 that is "here" was emptied when the wheel came to it: what it holds is a whole turn away.
      let first =
        level > 0 && turned & 1 == 1
        ? (turned & ~1 == 0 ? 64 : (turned & ~1).trailingZeroBitCount) : turned.trailingZeroBitCount
      nearest = min(nearest, ((tick >> shift) + Int64(first)) << shift)
    }
    return .nanoseconds(max(0, nearest * Self.tickNanoseconds - now.nanoseconds))
  }

  /// Moves the wheel to `now` and returns what fell due, in order of deadlines by tick.
  mutating func advance(to now: Instant, into due: inout [(any TimerTarget, Timer)]) {
    let target = now.nanoseconds / Self.tickNanoseconds
    while tick < target {
      guard count > 0 else {
        tick = target
        return
      }
      // Nothing below the next boundary of level 1: jump to just before it.
      if occupied[0] == 0 { tick = min(target - 1, max(tick, (tick | 63))) }
      tick += 1
      cascade()
      expireSlot(Int(tick & 63), into: &due)
    }
  }

  private mutating func expireSlot(_ slot: Int, into due: inout [(any TimerTarget, Timer)]) {
    while heads[slot] != Timers.none {
      let index = heads[slot]
      unlink(index)
      if let target = nodes[Int(index)].target {
        due.append((target, Timer(index: index, generation: nodes[Int(index)].generation)))
      }
      giveBack(index)
    }
  }

  /// When a level has come round, the next slot of the level above is spread over it.
  private mutating func cascade() {
    var level = 1
    while level < Self.levels, tick & ((1 << (Int64(level) * Self.slotBits)) - 1) == 0 {
      let slot = level * Self.slots + Int((tick >> (Int64(level) * Self.slotBits)) & 63)
      var index = heads[slot]
      heads[slot] = Timers.none
      occupied[level] &= ~(1 << UInt64(slot & 63))
      while index != Timers.none {
        let next = nodes[Int(index)].next
        insert(index)
        index = next
      }
      level += 1
    }
  }

  private mutating func insert(_ index: Int32) {
    let due = nodes[Int(index)].tick
    let distance = due - tick
    var level = 0
    while level < Self.levels - 1, distance >= 1 << (Int64(level + 1) * Self.slotBits) { level += 1 }
    // Beyond the last level (8 years) a deadline waits in its farthest slot and is placed anew when that comes round.
    let reach = min(due, tick + (63 << (Int64(level) * Self.slotBits)))
    let place = level == Self.levels - 1 ? reach : due
    let slot = level * Self.slots + Int((place >> (Int64(level) * Self.slotBits)) & 63)
    nodes[Int(index)].slot = Int32(slot)
    nodes[Int(index)].previous = Timers.none
    nodes[Int(index)].next = heads[slot]
    if heads[slot] != Timers.none { nodes[Int(heads[slot])].previous = index }
    heads[slot] = index
    occupied[level] |= 1 << UInt64(slot & 63)
  }

  private mutating func unlink(_ index: Int32) {
    let node = nodes[Int(index)]
    if node.previous != Timers.none {
      nodes[Int(node.previous)].next = node.next
    } else {
      heads[Int(node.slot)] = node.next
      if node.next == Timers.none { occupied[Int(node.slot) / Self.slots] &= ~(1 << UInt64(Int(node.slot) & 63)) }
    }
    if node.next != Timers.none { nodes[Int(node.next)].previous = node.previous }
  }

  private mutating func takeNode() -> Int32 {
    guard free != Timers.none else {
      nodes.append(Node())
      return Int32(nodes.count - 1)
    }
    let index = free
    free = nodes[Int(index)].next
    return index
  }

  private mutating func giveBack(_ index: Int32) {
    nodes[Int(index)].target = nil
    nodes[Int(index)].generation &+= 1
    nodes[Int(index)].next = free
    free = index
    count -= 1
  }
}
