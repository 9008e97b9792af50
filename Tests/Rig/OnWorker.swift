// SPDX-License-Identifier: Apache-2.0
// OnWorker: a worker for the length of one test, with a clock the test may turn.

package import Net
import Synchronization

/// Runs `body` on a worker of its own and returns its answer.
package func onWorker<Answer: Sendable>(
  clock: FakeClock? = nil, _ body: @escaping @Sendable (isolated Worker) async throws -> Answer
) async throws -> Answer {
  let worker =
    if let clock { try Worker.start(name: "test", clock: { clock.now }) } else { try Worker.start(name: "test") }
  defer { worker.stop() }
  return try await Task(executorPreference: worker.loop) { try await body(worker) }.value
}

/// A clock that stands still until it is turned.
package final class FakeClock: Sendable {
  private let nanoseconds = Atomic<Int64>(1_000_000_000_000)

  /// A clock somewhere after its beginning.
  package init() {}

  /// What it shows.
  package var now: Instant { Instant(nanoseconds: nanoseconds.load(ordering: .relaxed)) }

  /// Turns it on; what fell due is told before this returns.
  package func advance(_ length: Duration, on worker: isolated Worker) async {
    nanoseconds.add(length.nanoseconds, ordering: .relaxed)
    await settle(on: worker)
  }
}

/// Lets the worker take a few turns: events, deadlines, jobs, flushes that were under way are done then.
package func settle(_ turns: Int = 8, on worker: isolated Worker) async {
  for _ in 0..<turns { await Task.yield() }
}

/// Waits, by the real clock and at most twenty seconds, until something holds; false when it never did.
package func eventually(on worker: isolated Worker, _ condition: () -> Bool) async -> Bool {
  let end = Instant.read() + .seconds(20)
  while !condition() {
    guard Instant.read() < end else { return false }
    await Task.yield()
  }
  return true
}
