// SPDX-License-Identifier: Apache-2.0
// Loop: one thread's job queue, and the executor of everything that runs on it.
//
//   enqueue (any thread) → inbox → runJobs (own thread)
//
// It is both the serial executor of its Worker and the task executor of the worker's tasks; with only the first,
// every resume would detour through the global pool. The inbox is the one place other threads touch.

import CLinux
import Glibc
import Synchronization

/// The thread of a worker, seen from outside: jobs go in, and it can be woken and stopped.
package final class Loop: SerialExecutor, TaskExecutor {
  private struct Inbox {
    var jobs: [UnownedJob] = []
    var isWakePending = false
  }

  /// How jobs came in; a test holds the numbers to one per await, none from another thread.
  package struct Enqueues: Sendable, Equatable {
    /// From any thread.
    package var all = 0
    /// From threads other than the loop's.
    package var fromOtherThreads = 0
  }

  private let inbox = Mutex(Inbox())
  private let turns = Atomic<Int>(0)
  private let enqueueCount = Atomic<Int>(0)
  private let foreignCount = Atomic<Int>(0)
  private let threadID = Atomic<UInt>(0)
  private let isStopped = Atomic<Bool>(false)
  /// Written to wake the thread from epoll_wait.
  let wakeup: Descriptor

  init() throws(Errno) {
    let raw = eventfd(0, Flag.eventfd)
    guard raw >= 0 else { throw Errno("eventfd") }
    wakeup = Descriptor(owning: raw)
  }

  /// Jobs enqueued so far.
  package var enqueues: Enqueues {
    Enqueues(all: enqueueCount.load(ordering: .relaxed), fromOtherThreads: foreignCount.load(ordering: .relaxed))
  }

  package func enqueue(_ job: consuming ExecutorJob) {
    let job = UnownedJob(job)
    let isForeign = !isCurrent
    let mustWake = withInbox { inbox in
      inbox.jobs.append(job)
      guard isForeign, !inbox.isWakePending else { return false }
      inbox.isWakePending = true
      return true
    }
    enqueueCount.add(1, ordering: .relaxed)
    if isForeign { foreignCount.add(1, ordering: .relaxed) }
    if mustWake { wake() }
  }

  package func isIsolatingCurrentContext() -> Bool? { isCurrent }

  package func checkIsolated() {
    precondition(isCurrent, "not on the worker's thread")
  }

  /// Whether the caller runs on this loop's thread.
  package var isCurrent: Bool { threadID.load(ordering: .relaxed) == Self.currentThread }

  /// Ends the thread after the turn it is in.
  package func stop() {
    isStopped.store(true, ordering: .releasing)
    wake()
  }

  var isRunning: Bool { !isStopped.load(ordering: .acquiring) }

  /// Makes the calling thread this loop's own.
  func adopt() { threadID.store(Self.currentThread, ordering: .relaxed) }

  /// Whether a job waits; asked before sleeping.
  var hasJobs: Bool { withInbox { !$0.jobs.isEmpty } }

  /// Runs the jobs that were waiting; those they enqueue run in the next turn, so that sockets are not starved.
  /// `batch` is the caller's empty buffer, kept from turn to turn so that no turn allocates.
  func runJobs(using batch: inout [UnownedJob]) {
    withInbox { inbox in
      inbox.isWakePending = false
      swap(&inbox.jobs, &batch)
    }
    for job in batch {
      job.runSynchronously(isolatedTo: asUnownedSerialExecutor(), taskExecutor: asUnownedTaskExecutor())
    }
    batch.removeAll(keepingCapacity: true)
  }

  /// The lock, and beside it a counter that orders the same accesses: the thread sanitizer does not see into the standard
  /// library's lock, and would call every job that crosses here a race.
  private func withInbox<Answer>(_ body: (inout Inbox) -> Answer) -> Answer {
    inbox.withLock { inbox in
      _ = turns.load(ordering: .acquiring)
      defer { turns.add(1, ordering: .releasing) }
      return body(&inbox)
    }
  }

  private func wake() { _ = eventfd_write(wakeup.raw, 1) }

  /// A number for the calling thread; the C library reads it from a register, so it costs no system call.
  private static var currentThread: UInt { UInt(pthread_self()) }
}
