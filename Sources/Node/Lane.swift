// SPDX-License-Identifier: Apache-2.0
// Lane: one data worker, as the control side talks to it: by orders, in their order.
//
//   control ── order ──► stream ──► the task that holds the worker's ground and pods

import Mesh
import Net
import Synchronization
import Telemetry
import Tunnel

/// One data worker, as the control side talks to it.
final class Lane: Sendable {
  /// What a worker may be told.
  enum Order: Sendable {
    case see(Snapshot, Touched)
    case hold(TLSConfiguration, Identity)
    case forget(Identity)
    case listen(PodDescription, Answer<Errno?>)
    case drain(uid: String)
    case close(uid: String)
    case count(Answer<Int>)
  }

  /// An answer that somebody waits for.
  struct Answer<Value: Sendable>: Sendable {
    fileprivate let continuation: CheckedContinuation<Value, Never>
    fileprivate func give(_ value: Value) { continuation.resume(returning: value) }
  }

  private let feed: AsyncStream<Order>.Continuation

  init(index: Int, options: TunnelOptions, log: Log) throws(Errno) {
    let (orders, feed) = AsyncStream<Order>.makeStream()
    self.feed = feed
    let worker = try Worker.start(index: index, name: "data")
    worker.start { worker in
      let ground = Ground(worker, options: options, log: log)
      var pods: [String: Pod] = [:]
      for await order in orders { obey(order, ground, &pods, on: worker) }
    }
  }

  func tell(_ order: Order) { feed.yield(order) }

  /// Makes the worker listen for a pod. Nil when it does.
  func listen(_ pod: PodDescription) async -> Errno? {
    await withCheckedContinuation { feed.yield(.listen(pod, Answer(continuation: $0))) }
  }

  /// Connections that are open.
  func count() async -> Int { await withCheckedContinuation { feed.yield(.count(Answer(continuation: $0))) } }
}

private func obey(_ order: Lane.Order, _ ground: Ground, _ pods: inout [String: Pod], on worker: isolated Worker) {
  switch order {
  case .see(let world, let touched): ground.see(world, touched)
  case .hold(let configuration, let identity): ground.hold(configuration, of: identity)
  case .forget(let identity): ground.forget(identity)
  case .listen(let description, let answer):
    pods[description.uid]?.close()
    let pod = Pod(description, on: ground)
    do throws(Errno) {
      try pod.listen(on: worker)
      pods[description.uid] = pod
      answer.give(nil)
    } catch {
      pods[description.uid] = nil
      answer.give(error)
    }
  case .drain(let uid): pods[uid]?.drain()
  case .close(let uid): pods.removeValue(forKey: uid)?.close()
  case .count(let answer): answer.give(pods.values.reduce(0) { $0 + $1.connectionCount })
  }
}
