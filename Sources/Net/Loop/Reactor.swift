// SPDX-License-Identifier: Apache-2.0
// Reactor: what one worker waits for, and the buffers of its batches.
//
//   poll: sleep → events of the kernel → deadlines          flush: what the whole batch produced, once per tunnel
//
// Descriptors are registered once, edge-triggered. An event of the kernel names descriptor and generation, so one that
// was queued for a closed descriptor is dropped instead of reaching its successor. Not Sendable: it lives on one thread.

import CLinux
import Glibc

/// Who is told when a descriptor's state changed.
package protocol ReadyTarget: AnyObject {
  /// The kernel reported `events` (EPOLLIN …) for the descriptor this was registered for.
  func ready(_ events: UInt32)
}

/// Who works at the end of a turn, after every event of the batch was seen.
package protocol FlushTarget: AnyObject {
  /// Does one bounded piece of work; asks again by `flushLater` when there is more.
  func flush()
}

/// The waits of one worker.
package final class Reactor: TimerTarget {
  private static let eventsMax = 256
  /// A batch of so many events is worth another look for more before its frames are built.
  private static let lookAgainFrom = 2
  private static let looksMax = 4
  /// How long batches stay short after a small message.
  package static let smallMessageMemory = Duration.milliseconds(100)
  /// A worker with fewer events than `restEventsMax` in this time gives memory back that it does not need.
  private static let restEvery = Duration.seconds(5)
  private static let restEventsMax = 1000

  private struct Slot {
    var target: (any ReadyTarget)?
    var generation: UInt32 = 0
  }

  private let clock: @Sendable () -> Instant
  private let epoll: Descriptor
  private let events: UnsafeMutablePointer<epoll_event>
  private var slots: [Slot] = []
  private var due: [(any TimerTarget, Timer)] = []
  private var toFlush: [any FlushTarget] = []
  private var flushing: [any FlushTarget] = []
  private var smallMessageAt = Instant(nanoseconds: 0)
  private var recentEvents = 0
  private var isRestArmed = false

  /// The time at the start of this turn.
  package private(set) var now: Instant
  /// Deadlines.
  package var timers: Timers
  /// Buffers for bytes that must wait.
  package let pool = BufferPool()
  /// Buffers for the bytes of one batch; empty between two events.
  package let batch = Batch()
  /// What happened to sockets and handshakes.
  package var counts = Counts<NetCount>()

  init(wakeup: CInt, clock: @escaping @Sendable () -> Instant) throws(Errno) {
    let raw = epoll_create1(Flag.epoll)
    guard raw >= 0 else { throw Errno("epoll_create1") }
    epoll = Descriptor(owning: raw)
    events = .allocate(capacity: Self.eventsMax)
    self.clock = clock
    now = clock()
    timers = Timers(start: now)
    // Only ever an edge that ends the sleep, so it is neither read nor given a target.
    try control(EPOLL_CTL_ADD, wakeup, Poll.input | Poll.edge, generation: 0)
  }

  deinit { events.deallocate() }

  /// Tells `target` of every change of `descriptor` from now on, until `forget`.
  package func watch(_ descriptor: CInt, _ target: any ReadyTarget, reads: Bool = true, writes: Bool = true)
    throws(Errno)
  {
    let index = Int(descriptor)
    while slots.count <= index { slots.append(Slot()) }
    precondition(slots[index].target == nil, "descriptor \(descriptor) is watched twice")
    let wanted = Poll.edge | Poll.peerHangup | (reads ? Poll.input : 0) | (writes ? Poll.output : 0)
    try control(EPOLL_CTL_ADD, descriptor, wanted, generation: slots[index].generation)
    slots[index].target = target
  }

  /// Forgets a descriptor that its owner is about to close or hand over.
  package func forget(_ descriptor: CInt) {
    var unused = epoll_event()
    _ = epoll_ctl(epoll.raw, EPOLL_CTL_DEL, descriptor, &unused)
    slots[Int(descriptor)].target = nil
    slots[Int(descriptor)].generation &+= 1
  }

  /// Lets go of everything watched, when the thread ends: those who go then close what they own.
  func forgetAll() {
    slots = []
    timers = Timers(start: now)
    toFlush = []
  }

  /// Has `target` flushed at the end of this turn, or of the next when flushing is under way. The target keeps itself
  /// from asking twice.
  package func flushLater(_ target: any FlushTarget) { toFlush.append(target) }

  /// Tells `target` once, `length` from now.
  package func arm(_ length: Duration, _ target: any TimerTarget) -> Timer { timers.arm(at: now + length, target) }

  /// A message passed that somebody waits for: batches are short for a while.
  package func noteSmallMessage() { smallMessageAt = now }

  /// How much one batch may hold now.
  package var batchBytes: Int {
    now.since(smallMessageAt) < Self.smallMessageMemory ? Batch.shortBytes : Batch.bytes
  }

  /// Descriptors watched.
  package var watched: Int { slots.count { $0.target != nil } }

  /// Sleeps until something happens or `isBusy` forbids it, then tells whom it concerns.
  func poll(isBusy: Bool) {
    var count = dispatch(waiting: isBusy || !toFlush.isEmpty ? 0 : sleepMilliseconds())
    // What arrived while a batch was worked off leaves in the same records: each tunnel seals and sends once for more.
    var looks = 1
    while count >= Self.lookAgainFrom, looks < Self.looksMax {
      count = dispatch(waiting: 0)
      looks += 1
    }
    timers.advance(to: now, into: &due)
    for (target, timer) in due { target.expired(timer) }
    due.removeAll(keepingCapacity: true)
  }

  private func dispatch(waiting milliseconds: CInt) -> Int {
    let count = Int(max(0, epoll_wait(epoll.raw, events, CInt(Self.eventsMax), milliseconds)))
    now = clock()
    if count > 0 { watchForRest(count) }
    for index in 0..<count {
      let descriptor = Int(truncatingIfNeeded: events[index].data.u64 & 0xffff_ffff)
      let generation = UInt32(truncatingIfNeeded: events[index].data.u64 >> 32)
      guard descriptor < slots.count, slots[descriptor].generation == generation else { continue }
      slots[descriptor].target?.ready(events[index].events)
    }
    return count
  }

  /// Lets everyone who asked work once. A flush may ask for another (a tunnel in a tunnel): those follow at once, a few
  /// times; what still asks then is served in the next turn, after the sockets.
  func flush() {
    for _ in 0..<4 where !toFlush.isEmpty {
      swap(&toFlush, &flushing)
      for target in flushing { target.flush() }
      flushing.removeAll(keepingCapacity: true)
    }
  }

  private func watchForRest(_ count: Int) {
    recentEvents += count
    guard !isRestArmed else { return }
    isRestArmed = true
    _ = arm(Self.restEvery, self)
  }

  /// After a storm: what it took from the heap and from the batch goes back to the machine. A busy worker keeps both.
  package func expired(_ timer: Timer) {
    isRestArmed = recentEvents >= Self.restEventsMax
    recentEvents = 0
    guard !isRestArmed else {
      _ = arm(Self.restEvery, self)
      return
    }
    pool.trim()
    batch.rest()
    skein_give_back_heap()
  }

  private func sleepMilliseconds() -> CInt {
    guard let sleep = timers.sleep(from: clock()) else { return -1 }
    return CInt(clamping: (sleep.nanoseconds + 999_999) / 1_000_000)
  }

  private func control(_ operation: CInt, _ descriptor: CInt, _ wanted: UInt32, generation: UInt32) throws(Errno) {
    let data = epoll_data(u64: UInt64(UInt32(bitPattern: descriptor)) | UInt64(generation) << 32)
    var event = epoll_event(events: wanted, data: data)
    guard epoll_ctl(epoll.raw, operation, descriptor, &event) == 0 else { throw Errno("epoll_ctl") }
  }
}
