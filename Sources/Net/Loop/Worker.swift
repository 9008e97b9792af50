// SPDX-License-Identifier: Apache-2.0
// Worker: one thread, its loop, and everything that lives on it.
//
//   a turn:  events → deadlines → jobs (tasks that were resumed) → flush (build, seal, send)
//
// What a worker owns is reached only from its own thread, and the compiler checks it: functions take
// `on worker: isolated Worker`. The one way in from outside is a task started with `start`.

import CLinux
import Glibc
import Synchronization

/// The owner of connections: an actor whose executor is one epoll thread.
package actor Worker {
  /// The thread, as an executor.
  package nonisolated let loop: Loop
  /// Which of the process's workers this is.
  package nonisolated let index: Int
  /// What this worker waits for.
  package let reactor: Reactor

  package nonisolated var unownedExecutor: UnownedSerialExecutor { loop.asUnownedSerialExecutor() }

  /// Starts a worker and its thread. Tests give a clock of their own.
  package static func start(
    index: Int = 0, name: String = "worker", clock: @escaping @Sendable () -> Instant = Instant.read
  ) throws(Errno) -> Worker {
    let worker = try Worker(index: index, clock: clock)
    try worker.startThread(name: name)
    return worker
  }

  private init(index: Int, clock: @escaping @Sendable () -> Instant) throws(Errno) {
    loop = try Loop()
    self.index = index
    reactor = try Reactor(wakeup: loop.wakeup.raw, clock: clock)
  }

  /// Runs `body` on this worker's thread, in a task of its own.
  @discardableResult
  package nonisolated func start(_ body: @escaping @Sendable (isolated Worker) async -> Void) -> Task<Void, Never> {
    Task(executorPreference: loop) { await body(self) }
  }

  /// Runs `body` with the worker at hand and returns what it answers.
  package func run<Answer: Sendable>(_ body: @Sendable (isolated Worker) throws -> Answer) rethrows -> Answer {
    try body(self)
  }

  /// Ends the thread after its turn; connections that are still open are dropped with it. Drain first.
  package nonisolated func stop() { loop.stop() }

  private nonisolated func startThread(name: String) throws(Errno) {
    var thread = pthread_t()
    let start = ThreadStart(worker: self, name: "\(name)-\(index)")
    let code = pthread_create(&thread, nil, threadMain, Unmanaged.passRetained(start).toOpaque())
    guard code == 0 else { throw Errno("pthread_create", code: code) }
    pthread_detach(thread)
  }
}

private final class ThreadStart: Sendable {
  let worker: Worker
  let name: String
  init(worker: Worker, name: String) {
    self.worker = worker
    self.name = name
  }
}

private func takeTurns(on worker: isolated Worker) {
  var jobs: [UnownedJob] = []
  while worker.loop.isRunning {
    worker.reactor.poll(isBusy: worker.loop.hasJobs)
    worker.loop.runJobs(using: &jobs)
    worker.reactor.flush()
  }
  worker.reactor.forgetAll()
}

private func threadMain(_ context: UnsafeMutableRawPointer?) -> UnsafeMutableRawPointer? {
  guard let context else { return nil }
  let start = Unmanaged<ThreadStart>.fromOpaque(context).takeRetainedValue()
  _ = skein_set_thread_name(String(start.name.prefix(15)))
  let worker = start.worker
  worker.loop.adopt()
  // Entered once: each entering would allocate its closure.
  worker.assumeIsolated { takeTurns(on: $0) }
  return nil
}
