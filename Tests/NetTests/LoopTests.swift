// SPDX-License-Identifier: Apache-2.0
// The loop: what an await costs, and that nothing detours through another thread.

import Net
import Rig
import Testing

@Suite struct LoopTests {
  /// One enqueue per await on the loop, and none from another thread: a toolchain that changes this costs us dearly.
  @Test func anAwaitIsOneEnqueueOnTheLoop() async throws {
    let awaits = 100
    let (before, after) = try await onWorker { worker in
      let before = worker.loop.enqueues
      for _ in 0..<awaits {
        let timer = Bell(worker)
        await timer.ring(on: worker)
      }
      return (before, worker.loop.enqueues)
    }
    #expect(after.all - before.all == awaits)
    #expect(after.fromOtherThreads - before.fromOtherThreads == 0)
  }

  @Test func aTaskOfAWorkersOwnIsOneEnqueueOnTheLoop() async throws {
    let (before, after, value) = try await onWorker { worker in
      let box = Box(0)
      let before = worker.loop.enqueues
      startTask(box, on: worker)
      let after = worker.loop.enqueues
      await settle(on: worker)
      return (before, after, box.value)
    }
    #expect(after.all - before.all <= 1)
    #expect(after.fromOtherThreads == before.fromOtherThreads)
    #expect(value == 1)
  }

  @Test func workFromAnotherThreadWakesASleepingWorker() async throws {
    let worker = try Worker.start()
    defer { worker.stop() }
    try await Task.sleep(for: .milliseconds(20))
    let answer = await worker.run { worker in worker.index + 41 }
    #expect(answer == 41)
    #expect(worker.loop.enqueues.fromOtherThreads > 0)
  }

  @Test func aThousandTasksFromManyThreadsAllRun() async throws {
    let worker = try Worker.start()
    defer { worker.stop() }
    let sum = await withTaskGroup(of: Int.self) { group in
      for number in 0..<1000 { group.addTask { await worker.run { _ in number } } }
      return await group.reduce(0, +)
    }
    #expect(sum == 499_500)
  }
}

private func startTask(_ box: Box<Int>, on worker: isolated Worker) {
  Task.immediate(executorPreference: worker.loop) { await add(1, to: box, on: worker) }
}

private func add(_ number: Int, to box: Box<Int>, on worker: isolated Worker) async { box.value += number }

/// Resumes its waiter in the flush of the same turn: an await with no system call in it.
private final class Bell: FlushTarget {
  private let reactor: Reactor
  private var waiter: UnsafeContinuation<Void, Never>?

  init(_ worker: isolated Worker) { reactor = worker.reactor }

  func ring(on worker: isolated Worker) async {
    reactor.flushLater(self)
    await withUnsafeContinuation { waiter = $0 }
  }

  func flush() {
    waiter?.resume()
    waiter = nil
  }
}
