// SPDX-License-Identifier: Apache-2.0
// The relay: what ends, ends; what breaks, breaks; what is not taken, waits.

import Format
import Glibc
import Net
import Rig
import Testing

@Suite struct RelayTests {
  /// Two TCP connections with a relay between: `app` and `peer` are the far ends.
  private struct Scene {
    let app: TCPPipe
    let peer: TCPPipe
    let relay: Relay
    let tally: Box<Relay.Tally?>
  }

  private static func scene(_ limits: Relay.Limits = Relay.Limits(), on worker: isolated Worker) async throws -> Scene {
    let (app, first) = try await tcpPair(on: worker)
    let (peer, second) = try await tcpPair(on: worker)
    let relay = Relay(first, second, limits: limits, on: worker)
    let tally = Box<Relay.Tally?>(nil)
    Task.immediate(executorPreference: worker.loop) { await run(relay, into: tally, on: worker) }
    await settle(on: worker)
    return Scene(app: app, peer: peer, relay: relay, tally: tally)
  }

  @Test func anEndTravelsAsAnEndEachWayByItself() async throws {
    try await onWorker { worker in
      let scene = try await Self.scene(on: worker)
      scene.app.send("question")
      scene.app.finish()
      #expect(await scene.peer.receive(8, on: worker) == Array("question".utf8))
      #expect(await scene.peer.lastWord(on: worker) == .end)
      #expect(scene.tally.value == nil, "the other half is still open")
      scene.peer.send("the answer")
      #expect(await scene.app.receive(10, on: worker) == Array("the answer".utf8))
      scene.peer.finish()
      #expect(await scene.app.lastWord(on: worker) == .end)
      #expect(await eventually(on: worker) { scene.tally.value != nil })
      #expect(scene.tally.value.map { [$0.sentBytes, $0.receivedBytes] } == [8, 10])
      #expect(scene.tally.value?.ending == .ended)
      scene.app.close()
      scene.peer.close()
      #expect(worker.reactor.watched == 2, "the two listeners of the scene and nothing else")
    }
  }

  @Test func aResetTravelsAsAResetNeverAsAnEnd() async throws {
    try await onWorker { worker in
      let scene = try await Self.scene(on: worker)
      scene.app.send("x")
      #expect(await scene.peer.receive(1, on: worker).count == 1)
      scene.app.abort(.cancelled)
      #expect(await scene.peer.lastWord(on: worker) == .failed(.reset))
      #expect(await eventually(on: worker) { scene.tally.value != nil })
      #expect(scene.tally.value?.ending == .firstFailed(.reset))
    }
  }

  @Test func cancellingResetsBothSidesWithAReason() async throws {
    try await onWorker { worker in
      let scene = try await Self.scene(on: worker)
      scene.relay.cancel(.limit)
      #expect(await scene.peer.lastWord(on: worker) == .failed(.reset))
      #expect(await scene.app.lastWord(on: worker) == .failed(.reset))
      #expect(scene.tally.value?.ending == .cancelled(.limit))
      scene.relay.cancel(.idle)
      #expect(scene.tally.value?.ending == .cancelled(.limit), "over is over")
    }
  }

  /// A consumer that takes nothing stops the producer; what the relay keeps meanwhile stays within its read size.
  @Test func aConsumerThatStandsStillStopsTheProducer() async throws {
    try await onWorker { worker in
      let scene = try await Self.scene(on: worker)
      let block = [UInt8](repeating: 7, count: 256 * 1024)
      var sent = 0
      var quiet = 0
      while quiet < 50 {
        let taken = scene.app.send(block)
        sent += taken
        quiet = taken == 0 ? quiet + 1 : 0
        await settle(2, on: worker)
      }
      #expect(worker.reactor.pool.lentBytes <= 2 * Batch.copyBytes)
      let received = await scene.peer.receive(sent, on: worker)
      #expect(received.count == sent, "nothing was lost while it stood still")
      #expect(received.allSatisfy { $0 == 7 })
      scene.app.finish()
      scene.peer.finish()
      #expect(await eventually(on: worker) { scene.tally.value != nil })
      #expect(worker.reactor.pool.lentBytes == 0)
    }
  }

  @Test func silenceEndsARelayThatHasALimit() async throws {
    let clock = FakeClock()
    try await onWorker(clock: clock) { worker in
      let scene = try await Self.scene(Relay.Limits(idle: .seconds(60)), on: worker)
      await clock.advance(.seconds(50), on: worker)
      scene.app.send("still here")
      #expect(await scene.peer.receive(10, on: worker).count == 10)
      await clock.advance(.seconds(50), on: worker)
      #expect(scene.tally.value == nil, "bytes moved 50 s ago")
      await clock.advance(.seconds(11), on: worker)
      #expect(scene.tally.value?.ending == .cancelled(.idle))
      #expect(worker.reactor.counts[.relayIdle] == 1)
    }
  }

  @Test func aHalfThatStaysOpenAloneHasItsOwnLimit() async throws {
    let clock = FakeClock()
    try await onWorker(clock: clock) { worker in
      let scene = try await Self.scene(Relay.Limits(halfClosed: .seconds(10)), on: worker)
      await clock.advance(.seconds(3600), on: worker)
      #expect(scene.tally.value == nil, "both halves open: no limit was asked for")
      scene.app.finish()
      #expect(await scene.peer.lastWord(on: worker) == .end)
      await clock.advance(.seconds(11), on: worker)
      #expect(scene.tally.value?.ending == .cancelled(.idle))
    }
  }

  /// Bytes that came before the relay ran, and an end that came with them, are not lost.
  @Test func whatArrivedBeforeTheRelayRanIsMoved() async throws {
    try await onWorker { worker in
      let (app, first) = try await tcpPair(on: worker)
      let (peer, second) = try await tcpPair(on: worker)
      app.send("early")
      app.finish()
      await settle(20, on: worker)
      let tally = Box<Relay.Tally?>(nil)
      let relay = Relay(first, second, on: worker)
      Task.immediate(executorPreference: worker.loop) { await run(relay, into: tally, on: worker) }
      #expect(await peer.receive(5, on: worker) == Array("early".utf8))
      #expect(await peer.lastWord(on: worker) == .end)
    }
  }

  /// TLS on both sides of the relay: what one session decrypts the other seals, with ends and back pressure.
  @Test func relaysBetweenTwoSessions() async throws {
    let authority = try Authority()
    let (a, b) = (try authority.configuration(TLSTests.alice), try authority.configuration(TLSTests.bob))
    try await onWorker { worker in
      let (app, first) = try await tlsPair(a, b, on: worker)
      let (peer, second) = try await tlsPair(a, b, on: worker)
      let tally = Box<Relay.Tally?>(nil)
      let relay = Relay(first, second, on: worker)
      Task.immediate(executorPreference: worker.loop) { await run(relay, into: tally, on: worker) }
      let bytes = (0..<3_000_000).map { UInt8(truncatingIfNeeded: $0 &* 131 ^ $0 >> 7) }
      Task.immediate(executorPreference: worker.loop) { await pour(bytes, into: app, on: worker) }
      let there = Box<[UInt8]>([])
      await collect(bytes.count, from: peer, into: there, on: worker)
      let isWhole = there.value == bytes
      #expect(isWhole)
      #expect(tally.value == nil, "the other half is open")
      peer.close()
      #expect(await app.lastWord(on: worker) == .end)
      #expect(await eventually(on: worker) { tally.value?.ending == .ended })
    }
  }

  @Test func manyMegabytesBothWaysAtOnceArriveWhole() async throws {
    try await onWorker { worker in
      let scene = try await Self.scene(on: worker)
      let bytes = (0..<1_000_003).map { UInt8(truncatingIfNeeded: $0 &* 131 ^ $0 >> 7) }
      let there = Box<[UInt8]>([])
      let back = Box<[UInt8]>([])
      Task.immediate(executorPreference: worker.loop) { await pour(bytes, into: scene.app, on: worker) }
      Task.immediate(executorPreference: worker.loop) { await pour(bytes, into: scene.peer, on: worker) }
      Task.immediate(executorPreference: worker.loop) {
        await collect(bytes.count, from: scene.peer, into: there, on: worker)
      }
      await collect(bytes.count, from: scene.app, into: back, on: worker)
      #expect(await eventually(on: worker) { scene.tally.value != nil && !there.value.isEmpty })
      // Compared outside the macro, which would print the difference of two long arrays for minutes.
      let areWhole = (there.value == bytes, back.value == bytes)
      #expect(areWhole == (true, true))
      #expect(scene.tally.value?.ending == .ended)
    }
  }
}

private func run(_ relay: Relay, into tally: Box<Relay.Tally?>, on worker: isolated Worker) async {
  tally.value = await relay.run(on: worker)
}

private func pour(_ bytes: [UInt8], into pipe: any Pipe, on worker: isolated Worker) async {
  var position = 0
  while position < bytes.count {
    let taken = pipe.send(Array(bytes[position..<min(bytes.count, position + 65_536)]))
    position += taken
    if taken == 0 { await settle(1, on: worker) }
  }
  pipe.finish()
}

private func collect(_ count: Int, from pipe: any Pipe, into box: Box<[UInt8]>, on worker: isolated Worker) async {
  box.value = await pipe.receive(count, on: worker)
  _ = await pipe.lastWord(on: worker)
}

/// The two ends of one TCP connection on loopback.
func tcpPair(on worker: isolated Worker) async throws -> (TCPPipe, TCPPipe) {
  let listener = try Listener(.tcp(Endpoint(.loopback, port: 0)), on: worker)
  let near = try await dial(listener.address, within: .seconds(5), on: worker)
  guard let accepted = await listener.accept(on: worker) else { throw DialFailure.timedOut }
  return (near, try accepted.pipe(on: worker))
}

/// The two ends of one TLS session over a TCP connection on loopback.
func tlsPair(_ client: TLSConfiguration, _ server: TLSConfiguration, on worker: isolated Worker) async throws -> (
  TLSPipe, TLSPipe
) {
  let (near, far) = try await tcpPair(on: worker)
  let domain = AcceptedPeers.trustDomain("cluster.local")
  let a = TLSPipe(over: near, try TLSContext(.client, client), accepting: domain, on: worker)
  let b = TLSPipe(over: far, try TLSContext(.server, server), accepting: domain, on: worker)
  Task.immediate(executorPreference: worker.loop) { _ = try? await b.handshake(within: .seconds(5), on: worker) }
  _ = try await a.handshake(within: .seconds(5), on: worker)
  _ = await eventually(on: worker) { b.peer != nil }
  return (a, b)
}
