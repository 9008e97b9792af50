// SPDX-License-Identifier: Apache-2.0
// Waiters: tasks of one worker that wait until something may have changed. Who wakes up looks again for itself.

/// Tasks of one worker that wait for a change.
@safe
package final class Waiters {
  private var continuations: [UnsafeContinuation<Void, Never>] = []

  /// Nobody waits.
  package init() {}

  /// Whether nobody waits.
  package var isEmpty: Bool { continuations.isEmpty }

  /// Waits until somebody wakes all.
  package func wait(on worker: isolated Worker) async {
    // SAFETY: resumed exactly once: `wake` takes the list away before it resumes.
    await withUnsafeContinuation { continuations.append($0) }
  }

  /// Waits until something holds, looked at again whenever all are woken, for at most so long.
  package func wait(_ limit: Duration, on worker: isolated Worker, until holds: () -> Bool) async {
    let alarm = Alarm(self)
    let timer = worker.reactor.arm(limit, alarm)
    while !holds(), !alarm.hasRung { await wait(on: worker) }
    worker.reactor.timers.cancel(timer)
  }

  /// Wakes all that wait now.
  package func wake() {
    let waiting = continuations
    continuations = []
    for continuation in waiting { continuation.resume() }
  }
}

/// The end of a wait.
private final class Alarm: TimerTarget {
  private let waiters: Waiters
  private(set) var hasRung = false

  init(_ waiters: Waiters) { self.waiters = waiters }

  func expired(_ timer: Timer) {
    hasRung = true
    waiters.wake()
  }
}
