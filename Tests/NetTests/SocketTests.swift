// SPDX-License-Identifier: Apache-2.0
// Sockets: listening, accepting under want, dialling by a deadline.

import CLinux
import Format
import Foundation
import Glibc
import Net
import Rig
import Testing

@Suite struct SocketTests {
  private static let here = SocketAddress.tcp(Endpoint(.loopback, port: 0))

  @Test func acceptsWhatWasDialledAndKnowsBothEnds() async throws {
    try await onWorker { worker in
      let listener = try Listener(Self.here, on: worker)
      let near = try await dial(listener.address, within: .seconds(5), on: worker)
      guard let accepted = await listener.accept(on: worker) else { throw Closed() }
      #expect(accepted.peer == SocketQuestions.local(near.descriptor))
      #expect(accepted.local.map { .tcp($0) } == listener.address)
      #expect(accepted.originalDestination == accepted.local, "nothing was redirected")
      near.close()
      listener.close()
    }
  }

  @Test func speaksOverAUnixSocket() async throws {
    let path = "/tmp/skein-test-\(getpid()).socket"
    defer { unlink(path) }
    try await onWorker { worker in
      let listener = try Listener(.unix(path), on: worker)
      let near = try await dial(.unix(path), within: .seconds(5), on: worker)
      guard let accepted = await listener.accept(on: worker) else { throw Closed() }
      let far = try accepted.pipe(on: worker)
      near.send("over unix")
      #expect(await far.receive(9, on: worker) == Array("over unix".utf8))
      near.close()
      far.close()
    }
  }

  @Test func aRefusedDialNamesTheCallAndMayBeRetried() async throws {
    let failure = try await onWorker { worker in
      let listener = try Listener(Self.here, on: worker)
      let address = listener.address
      listener.close()
      await settle(on: worker)
      _ = consume listener
      return await failureOf { () async throws(DialFailure) in try await dial(address, within: .seconds(5), on: worker)
      }
    }
    #expect(failure == .system(Errno("connect", code: ECONNREFUSED)))
    #expect(failure?.isRetryable == true)
  }

  /// A listener whose queue is full does not answer: the dial ends at its deadline, by the injected clock.
  @Test func aSilentPeerEndsAtTheDeadline() async throws {
    let clock = FakeClock()
    let failure = try await onWorker(clock: clock) { worker in
      var options = SocketOptions()
      options.backlog = 0
      let listener = try Listener(Self.here, options, on: worker)
      let filler = try await dial(listener.address, within: .seconds(5), on: worker)
      defer { filler.close() }
      let outcome = Box<DialFailure?>(nil)
      Task.immediate(executorPreference: worker.loop) { await note(outcome, dialing: listener.address, on: worker) }
      await settle(100, on: worker)
      await clock.advance(.seconds(4), on: worker)
      #expect(outcome.value == nil, "not before its time")
      await clock.advance(.seconds(2), on: worker)
      #expect(worker.reactor.counts[.dialTimeout] == 1)
      return outcome.value
    }
    #expect(failure == .timedOut)
  }

  @Test func dialsFromTheWantedAddressWithTheWantedOptions() async throws {
    try await onWorker { worker in
      let listener = try Listener(Self.here, on: worker)
      var options = SocketOptions()
      options.source = Endpoint("127.0.0.77:0")
      options.mark = 0x539
      options.isTransparent = true
      options.isFreebind = true
      options.userTimeout = .seconds(30)
      options.congestion = "reno"
      let near = try await dial(listener.address, options, within: .seconds(5), on: worker)
      #expect(SocketQuestions.local(near.descriptor)?.address == IPAddress("127.0.0.77"))
      for (option, wanted) in [
        (SKEIN_MARK, 0x539), (SKEIN_TRANSPARENT_V4, 1), (SKEIN_FREEBIND_V4, 1), (SKEIN_USER_TIMEOUT, 30_000),
        (SKEIN_NODELAY, 1),
        (SKEIN_KEEPALIVE_IDLE, 180), (SKEIN_KEEPALIVE_COUNT, 9),
      ] {
        var value: CInt = -1
        #expect(skein_get_option(near.descriptor, option, &value) == 0)
        #expect(value == wanted, "option \(option.rawValue)")
      }
      near.close()
    }
  }

  @Test func severalListenersShareAPort() async throws {
    try await onWorker { worker in
      var options = SocketOptions()
      options.reusesPort = true
      let first = try Listener(Self.here, options, on: worker)
      let second = try Listener(first.address, options, on: worker)
      #expect(second.address == first.address)
      #expect(throws: Errno("bind", code: EADDRINUSE)) { try Listener(first.address, on: worker) }
    }
  }

  /// A socket made inside another namespace does not meet one of the same port outside, and the thread is back at home.
  @Test(.enabled(if: getuid() == 0, "only root makes network namespaces"))
  func makesSocketsInsideANetworkNamespace() async throws {
    let name = "skein-test-\(getpid())"
    try command("ip", "netns", "add", name)
    defer { try? command("ip", "netns", "delete", name) }
    try await onWorker { worker in
      let namespace = open("/run/netns/\(name)", O_RDONLY | O_CLOEXEC)
      defer { Glibc.close(namespace) }
      let outside = try Listener(.tcp(Endpoint(.anyV4, port: 0)), on: worker)
      #expect(throws: Errno("bind", code: EADDRINUSE), "the control") { try Listener(outside.address, on: worker) }
      var options = SocketOptions()
      options.namespace = namespace
      let inside = try Listener(outside.address, options, on: worker)
      #expect(inside.address == outside.address)
      #expect(throws: Errno("bind", code: EADDRINUSE), "at home again") { try Listener(outside.address, on: worker) }
      options.namespace = open("/dev/null", O_RDONLY | O_CLOEXEC)
      #expect(throws: Errno("setns", code: EINVAL)) { try Listener(outside.address, options, on: worker) }
    }
  }

  @Test func handsAnAcceptedConnectionToAnotherWorkerOnce() async throws {
    let other = try Worker.start(index: 1)
    defer { other.stop() }
    try await onWorker { worker in
      let listener = try Listener(Self.here, on: worker)
      let near = try await dial(listener.address, within: .seconds(5), on: worker)
      guard let accepted = await listener.accept(on: worker) else { throw Closed() }
      accepted.handOver(from: worker, to: other) { accepted, worker in
        guard let pipe = try? accepted.pipe(on: worker) else { return }
        pipe.send("worker \(worker.index)")
        pipe.finish()
        pipe.close()
      }
      #expect(await near.receive(8, on: worker) == Array("worker 1".utf8))
      #expect(worker.reactor.counts[.acceptHandedOver] == 1)
      near.close()
    }
  }

  @Test func closingAListenerEndsTheWaitForTheNext() async throws {
    try await onWorker { worker in
      let listener = try Listener(Self.here, on: worker)
      let ended = Box(false)
      Task.immediate(executorPreference: worker.loop) { await noteEnd(ended, of: listener, on: worker) }
      await settle(on: worker)
      #expect(!ended.value)
      listener.close()
      await settle(on: worker)
      #expect(ended.value)
    }
  }

  /// Out of descriptors, connections are reset one by one, nothing spins, and the next one after is served.
  @Test func shedsConnectionsWhenDescriptorsRunOut() async {
    await #expect(processExitsWith: .success) {
      try await onWorker { worker in
        let listener = try Listener(Self.here, on: worker)
        // The dialled ends come from before the shortage; their connections wait in the listener's queue.
        var near: [TCPPipe] = []
        for _ in 0..<5 { near.append(try await dial(listener.address, within: .seconds(5), on: worker)) }
        var taken: [CInt] = []
        while true {
          let descriptor = open("/dev/null", O_RDONLY)
          guard descriptor >= 0 else { break }
          taken.append(descriptor)
        }
        let served = Box(0)
        Task.immediate(executorPreference: worker.loop) { await countAccepts(served, of: listener, on: worker) }
        await settle(40, on: worker)
        precondition(worker.reactor.counts[.acceptShed] == 5, "shed \(worker.reactor.counts[.acceptShed])")
        precondition(served.value == 0)
        let spent = worker.loop.enqueues.all
        for _ in 0..<50 { await Task.yield() }
        precondition(worker.loop.enqueues.all - spent < 200, "it spins")
        for descriptor in taken { Glibc.close(descriptor) }
        near.append(try await dial(listener.address, within: .seconds(5), on: worker))
        let isServed = await eventually(on: worker) { served.value == 1 }
        precondition(isServed)
      }
    }
  }
}

private struct Closed: Error {}

/// Runs a command to its end; a status other than 0 is an error.
private func command(_ words: String...) throws {
  let process = Process()
  process.executableURL = URL(fileURLWithPath: "/usr/bin/env")
  process.arguments = words
  try process.run()
  process.waitUntilExit()
  guard process.terminationStatus == 0 else { throw Closed() }
}

private func note(_ outcome: Box<DialFailure?>, dialing address: SocketAddress, on worker: isolated Worker) async {
  // The queue of a listener with backlog 0 takes one or two; the one that finds it full waits.
  for _ in 0..<8 {
    outcome.value = await failureOf { () async throws(DialFailure) in
      try await dial(address, within: .seconds(5), on: worker)
    }
    if outcome.value != nil { return }
  }
}

private func noteEnd(_ ended: Box<Bool>, of listener: Listener, on worker: isolated Worker) async {
  while await listener.accept(on: worker) != nil {}
  ended.value = true
}

private func countAccepts(_ served: Box<Int>, of listener: Listener, on worker: isolated Worker) async {
  while await listener.accept(on: worker) != nil { served.value += 1 }
}

private func failureOf(_ body: () async throws(DialFailure) -> TCPPipe) async -> DialFailure? {
  do throws(DialFailure) {
    try await body().close()
    return nil
  } catch {
    return error
  }
}
