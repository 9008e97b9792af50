// SPDX-License-Identifier: Apache-2.0
// Two sessions with a pipe between: requests, tunnels, credit, goodbyes, and what time does to them.

import Glibc
@testable import HTTP
import Net
import Rig
import Testing

@Suite struct SessionTests {
  /// A client and a server session over one pipe in memory.
  private final class Pair {
    let near: MemoryPipe
    let far: MemoryPipe
    let client: HTTP2Session
    let server: HTTP2Session
    let counts = HTTP2Counts()

    init(_ limits: HTTP2Limits = HTTP2Limits(), serverLimits: HTTP2Limits? = nil, on worker: isolated Worker) {
      (near, far) = MemoryPipe.pair(on: worker)
      client = HTTP2Session(.client, over: near, limits: limits, counts: counts, on: worker)
      server = HTTP2Session(.server, over: far, limits: serverLimits ?? limits, counts: counts, on: worker)
    }

    func carry(on worker: isolated Worker) async { await Rig.carry(near, far, on: worker) }

    /// Opens a stream and takes it at the other end.
    func tunnel(on worker: isolated Worker) async throws -> (HTTP2Stream, HTTP2Stream) {
      let stream = try client.open(.connect(authority: "1.2.3.4:80"))
      await carry(on: worker)
      guard let request = await server.nextRequest(on: worker) else { throw HTTP2Failure.unavailable }
      request.respond(.status(200))
      await carry(on: worker)
      return (stream, request)
    }
  }

  @Test func aRequestAndItsAnswerWithBodiesAndTrailers() async throws {
    try await onWorker { worker in
      let pair = Pair(on: worker)
      let stream = try pair.client.open(
        Fields([(":method", "POST"), (":scheme", "https"), (":path", "/x"), (":authority", "a")]))
      stream.send("question")
      stream.finish(trailers: Fields([("checksum", "1")]))
      await pair.carry(on: worker)
      let request = try #require(await pair.server.nextRequest(on: worker))
      #expect(request.request[":path"] == "/x")
      #expect(await request.receive(8, on: worker) == Array("question".utf8))
      #expect(await request.lastWord(on: worker) == .end)
      #expect(request.trailers?["checksum"] == "1")
      request.respond(Fields([(":status", "200"), ("x", "y")]))
      request.send("answer")
      request.finish(trailers: Fields([("grpc-status", "0")]))
      await pair.carry(on: worker)
      let response = try await stream.response(within: .seconds(5), on: worker)
      #expect(response.status == 200 && response["x"] == "y")
      #expect(await stream.receive(6, on: worker) == Array("answer".utf8))
      #expect(await stream.lastWord(on: worker) == .end)
      #expect(stream.trailers?["grpc-status"] == "0")
      #expect(pair.client.streamCount == 0 && pair.server.streamCount == 0)
    }
  }

  /// Head, body and end in one batch, and nobody there yet to take them.
  @Test func anAnswerThatCameWholeBeforeAnybodyReadIsNotLost() async throws {
    try await onWorker { worker in
      let pair = Pair(on: worker)
      let get = Fields([(":method", "GET"), (":scheme", "https"), (":path", "/"), (":authority", "a")])
      let stream = try pair.client.open(get, ends: true)
      await pair.carry(on: worker)
      let request = try #require(await pair.server.nextRequest(on: worker))
      request.respond(.status(200))
      request.send("all at once")
      request.finish()
      await pair.carry(on: worker)
      #expect(stream.isClosed)
      #expect(try await stream.response(within: .seconds(5), on: worker).status == 200)
      #expect(await stream.receive(11, on: worker) == Array("all at once".utf8))
      #expect(await stream.lastWord(on: worker) == .end)
    }
  }

  @Test func anAnswerBeforeTheRequestEndedEndsTheRequest() async throws {
    try await onWorker { worker in
      let pair = Pair(on: worker)
      let stream = try pair.client.open(.connect(authority: "a:1"))
      await pair.carry(on: worker)
      let request = try #require(await pair.server.nextRequest(on: worker))
      request.respond(.status(503), ends: true)
      await pair.carry(on: worker)
      #expect(try await stream.response(within: .seconds(5), on: worker).status == 503)
      #expect(await stream.lastWord(on: worker) == .end)
      #expect(pair.server.streamCount == 0 && pair.client.streamCount == 0)
    }
  }

  /// Bodies that nobody reads, refused one after the other: what was held for them is not counted for ever.
  @Test func refusedBodiesAreNotHeldAgainstTheSession() async throws {
    try await onWorker { worker in
      let pair = Pair(on: worker)
      let post = Fields([(":method", "POST"), (":scheme", "https"), (":path", "/"), (":authority", "a")])
      for isWhole in [true, false] {
        let stream = try pair.client.open(post)
        stream.send([UInt8](repeating: 1, count: 100_000))
        if isWhole { stream.finish() }
        await pair.carry(on: worker)
        let request = try #require(await pair.server.nextRequest(on: worker))
        #expect(pair.server.heldBytes == 100_000, "the control: it was held")
        request.respond(.status(405), ends: true)
        await pair.carry(on: worker)
        #expect(pair.server.heldBytes == 0)
        #expect(pair.server.streamCount == 0)
      }
    }
  }

  /// The peer ends its half, then says that it wants no more of ours: the relay ends, whatever the application does.
  @Test func aPeerThatWantsNoMoreEndsTheRelay() async throws {
    try await onWorker { worker in
      let pair = Pair(on: worker)
      let (near, far) = try await pair.tunnel(on: worker)
      let app = MemoryPipe(on: worker)
      let tally = Box<Relay.Tally?>(nil)
      let relay = Relay(app, near, on: worker)
      Task.immediate(executorPreference: worker.loop) { await run(relay, into: tally, on: worker) }
      await settle(on: worker)
      far.send("all there is")
      far.finish()
      await pair.carry(on: worker)
      #expect(app.drain() == Array("all there is".utf8))
      #expect(app.isFinished && tally.value == nil, "our half is still open")
      pair.server.reset(far, 0)
      await pair.carry(on: worker)
      app.give(Array("unwanted".utf8))
      await settle(on: worker)
      #expect(tally.value?.ending == .ended)
      #expect(pair.client.streamCount == 0)
    }
  }

  @Test func eachHalfOfATunnelEndsByItself() async throws {
    try await onWorker { worker in
      let pair = Pair(on: worker)
      let (near, far) = try await pair.tunnel(on: worker)
      near.send("to")
      near.finish()
      await pair.carry(on: worker)
      #expect(await far.receive(2, on: worker) == Array("to".utf8))
      #expect(await far.lastWord(on: worker) == .end)
      far.send("fro")
      await pair.carry(on: worker)
      #expect(await near.receive(3, on: worker) == Array("fro".utf8))
      far.finish()
      await pair.carry(on: worker)
      #expect(await near.lastWord(on: worker) == .end)
      #expect(pair.client.streamCount == 0)
    }
  }

  @Test(arguments: [true, false])
  func aResetIsAResetAtTheOtherEnd(fromClient: Bool) async throws {
    try await onWorker { worker in
      let pair = Pair(on: worker)
      let (near, far) = try await pair.tunnel(on: worker)
      (fromClient ? near : far).abort(.reset)
      await pair.carry(on: worker)
      #expect(await (fromClient ? far : near).lastWord(on: worker) == .failed(.reset))
      #expect(pair.client.streamCount == 0 && pair.server.streamCount == 0)
      #expect(pair.client.ending == nil, "the tunnel outlives its streams")
    }
  }

  /// A consumer that stands still stops its own stream; the one beside it goes on, and what is held stays in the window.
  @Test func aSilentConsumerStopsItsStreamAndNoOther() async throws {
    var small = HTTP2Limits()
    small.streamWindow = 65_535
    let limits = small
    try await onWorker { worker in
      let pair = Pair(limits, on: worker)
      let (silent, silentFar) = try await pair.tunnel(on: worker)
      let (busy, busyFar) = try await pair.tunnel(on: worker)
      let block = [UInt8](repeating: 1, count: 50_000)
      for _ in 0..<10 {
        silent.send(block)
        await pair.carry(on: worker)
      }
      #expect(silentFar.held.count == 65_535)
      for _ in 0..<10 {
        busy.send(block)
        await pair.carry(on: worker)
        #expect(await busyFar.receive(50_000, on: worker).count == 50_000)
        await pair.carry(on: worker)
      }
      // The silent one wakes up and gets everything that was taken of it.
      var received = 0
      for _ in 0..<20 {
        received += await silentFar.receive(silentFar.held.count, on: worker).count
        await pair.carry(on: worker)
      }
      #expect(received >= 300_000, "the window, and what had been queued behind it")
      pair.client.close()
      pair.server.close()
      #expect(worker.reactor.pool.lentBytes == 0)
    }
  }

  /// What many silent streams hold is bounded by keeping back the connection's credit, and comes back when they end.
  @Test func allStreamsTogetherHoldNoMoreThanTheirBudget() async throws {
    var small = HTTP2Limits()
    small.heldBytesMax = 500_000
    small.connectionWindow = 1_000_000
    let limits = small
    try await onWorker { worker in
      let pair = Pair(limits, on: worker)
      var streams: [(HTTP2Stream, HTTP2Stream)] = []
      for _ in 0..<10 { streams.append(try await pair.tunnel(on: worker)) }
      let block = [UInt8](repeating: 1, count: 200_000)
      for _ in 0..<3 {
        for (near, _) in streams { near.send(block) }
        await pair.carry(on: worker)
      }
      let held = streams.reduce(0) { $0 + $1.1.held.count }
      #expect(held > 500_000, "the control: there was more than the budget to hold")
      #expect(held <= 1_500_000 + 65_535)
      #expect(pair.counts.values[.creditKeptBack] > 0)
      // Everyone gives up: the credit must come back, or the tunnel would stand still for ever.
      for (_, far) in streams { far.abort(.reset) }
      await pair.carry(on: worker)
      let (near, far) = try await pair.tunnel(on: worker)
      for _ in 0..<30 {
        near.send(block)
        await pair.carry(on: worker)
        _ = await far.receive(far.held.count, on: worker)
        await pair.carry(on: worker)
      }
      #expect(far.receivedBytes > 5_000_000)
    }
  }

  @Test func aClosedStreamStillDeliversWhatWasTaken() async throws {
    try await onWorker { worker in
      let pair = Pair(on: worker)
      let (near, far) = try await pair.tunnel(on: worker)
      near.send([UInt8](repeating: 9, count: 200_000))
      near.close()
      await pair.carry(on: worker)
      #expect(await far.receive(200_000, on: worker).count == 200_000)
      #expect(await far.lastWord(on: worker) == .end)
      far.close()
      await pair.carry(on: worker)
      #expect(pair.client.streamCount == 0 && pair.server.streamCount == 0)
    }
  }

  @Test func aClientStopsAtThePeersStreamLimit() async throws {
    var few = HTTP2Limits()
    few.streamsMax = 3
    let limits = few
    try await onWorker { worker in
      let pair = Pair(limits, on: worker)
      await pair.carry(on: worker)
      for _ in 0..<3 { _ = try pair.client.open(.connect(authority: "a:1")) }
      #expect(!pair.client.canOpen)
      #expect(throws: HTTP2Failure.unavailable) { try pair.client.open(.connect(authority: "a:1")) }
    }
  }

  // MARK: Goodbyes

  @Test func aDrainedSessionFinishesItsStreamsAndTakesNoNew() async throws {
    let clock = FakeClock()
    try await onWorker(clock: clock) { worker in
      let pair = Pair(on: worker)
      let (near, far) = try await pair.tunnel(on: worker)
      pair.server.drain()
      await pair.carry(on: worker)
      #expect(!pair.client.canOpen)
      await clock.advance(.seconds(2), on: worker)
      await pair.carry(on: worker)
      #expect(pair.server.ending == nil && pair.client.ending == nil, "a stream is still open")
      near.send("late")
      near.finish()
      await pair.carry(on: worker)
      #expect(await far.receive(4, on: worker) == Array("late".utf8))
      far.finish()
      await pair.carry(on: worker)
      #expect(await near.lastWord(on: worker) == .end)
      #expect(pair.server.ending == .cancelled)
      #expect(pair.counts.values[.goawayReceived] >= 1)
    }
  }

  @Test(arguments: [Transfer.end, .failed(.reset), .failed(.truncated)])
  func aLostTunnelIsNeverAnEndToItsStreams(how: Transfer) async throws {
    try await onWorker { worker in
      let pair = Pair(on: worker)
      let (near, _) = try await pair.tunnel(on: worker)
      pair.near.end(how)
      await settle(on: worker)
      #expect(await near.lastWord(on: worker) == .failed(.lost))
      #expect(pair.client.ending == .lost)
      #expect(pair.counts.values[.sessionsLost] == 1)
    }
  }

  @Test func aRefusedStreamMayBeTriedElsewhere() async throws {
    try await onWorker { worker in
      let pair = Pair(on: worker)
      let stream = try pair.client.open(.connect(authority: "a:1"))
      await pair.carry(on: worker)
      let request = try #require(await pair.server.nextRequest(on: worker))
      request.abort(.refused)
      await pair.carry(on: worker)
      await #expect(throws: HTTP2Failure.stream(.refused)) {
        try await stream.response(within: .seconds(5), on: worker)
      }
    }
  }

  // MARK: Time

  @Test func aResponseThatNeverComesEndsTheWaitAndTheStream() async throws {
    let clock = FakeClock()
    try await onWorker(clock: clock) { worker in
      let pair = Pair(on: worker)
      let stream = try pair.client.open(.connect(authority: "a:1"))
      await pair.carry(on: worker)
      let failure = Box<HTTP2Failure?>(nil)
      Task.immediate(executorPreference: worker.loop) { await note(failure, stream, on: worker) }
      await settle(on: worker)
      await clock.advance(.seconds(4), on: worker)
      #expect(failure.value == nil)
      await clock.advance(.seconds(2), on: worker)
      #expect(failure.value == .timedOut)
      await pair.carry(on: worker)
      #expect(pair.server.streamCount == 0, "the server was told")
    }
  }

  @Test func aPeerThatSaysNothingIsGivenUp() async throws {
    let clock = FakeClock()
    try await onWorker(clock: clock) { worker in
      let scene = ServerScene(on: worker)
      await scene.say(Array(preface.prefix(10)), on: worker)
      await clock.advance(.seconds(9), on: worker)
      #expect(scene.session.ending == nil)
      // A byte now and then does not buy more time.
      await scene.say(Array(preface[10..<11]), on: worker)
      await clock.advance(.seconds(10), on: worker)
      #expect(scene.session.ending == .protocolError)
      #expect(scene.counts.values[.prefaceTimeouts] == 1)
    }
  }

  @Test func aPeerThatAnswersNoPingIsLost() async throws {
    let clock = FakeClock()
    try await onWorker(clock: clock) { worker in
      let scene = ServerScene(on: worker)
      await scene.say(hello + connect(1), on: worker)
      for _ in 0..<2 { await clock.advance(.seconds(11), on: worker) }
      await scene.say([], on: worker)
      #expect(scene.frames.contains { $0.type == Frame.ping && $0.flags == 0 })
      #expect(scene.session.ending == nil)
      for _ in 0..<3 { await clock.advance(.seconds(11), on: worker) }
      #expect(scene.session.ending == .lost)
      #expect(scene.counts.values[.pingTimeouts] == 1)
      #expect(await scene.streams[0].lastWord(on: worker) == .failed(.lost))
    }
  }

  @Test func anIdleSessionIsDrained() async throws {
    let clock = FakeClock()
    var patient = HTTP2Limits()
    patient.idle = .seconds(60)
    let limits = patient
    try await onWorker(clock: clock) { worker in
      let pair = Pair(limits, serverLimits: HTTP2Limits(), on: worker)
      let (near, far) = try await pair.tunnel(on: worker)
      for _ in 0..<9 {
        await clock.advance(.seconds(10), on: worker)
        await pair.carry(on: worker)
      }
      #expect(pair.client.ending == nil, "a stream is open")
      near.finish()
      far.finish()
      await pair.carry(on: worker)
      for _ in 0..<9 {
        await clock.advance(.seconds(10), on: worker)
        await pair.carry(on: worker)
      }
      #expect(pair.client.ending == .cancelled)
      #expect(pair.counts.values[.idleSessions] == 1)
    }
  }

  /// Row 8: a peer that gives no credit, and one whose connection takes nothing.
  @Test func aPeerThatTakesNothingIsGivenUp() async throws {
    let clock = FakeClock()
    var strict = HTTP2Limits()
    strict.stall = .seconds(30)
    let limits = strict
    try await onWorker(clock: clock) { worker in
      let scene = ServerScene(limits, on: worker)
      await scene.say(preface + Frame(type: Frame.settings, payload: setting(4, 0)).bytes + connect(1), on: worker)
      scene.streams[0].send("never credited")
      for _ in 0..<5 {
        await clock.advance(.seconds(10), on: worker)
        await scene.say(
          Frame(type: Frame.ping, flags: Frame.ack, payload: [UInt8](repeating: 0, count: 8)).bytes, on: worker)
      }
      #expect(scene.reset(of: 1)?.code == 11)
      #expect(scene.counts.values[.stalledStreams] == 1)
      #expect(scene.session.ending == nil)
      scene.pipe.roomBytes = 0
      await scene.say(Frame(type: Frame.ping, payload: [UInt8](repeating: 0, count: 8)).bytes, on: worker)
      for _ in 0..<5 {
        await clock.advance(.seconds(10), on: worker)
        await scene.say(
          Frame(type: Frame.ping, flags: Frame.ack, payload: [UInt8](repeating: 0, count: 8)).bytes, on: worker)
      }
      #expect(scene.counts.values[.stalledSessions] == 1)
      #expect(scene.session.ending == .idle)
    }
  }

  /// Row 20: giving up very many streams costs each the same.
  @Test func aMassResetIsLinear() async throws {
    var wide = HTTP2Limits()
    wide.streamsMax = 20_000
    wide.resets = .init(burst: 100_000, perSecond: 1000)
    let limits = wide
    try await onWorker { worker in
      let (few, many) = (await timeOfResets(1000, limits, on: worker), await timeOfResets(10_000, limits, on: worker))
      #expect(many < few * 100 + .milliseconds(50), "ten times as many: ten times as long, with tenfold slack")
    }
  }

  // MARK: A tunnel in a tunnel

  /// Row 22: an inner session that misbehaves ends alone; the outer tunnel and its other streams do not notice.
  @Test func anInnerAbuserDoesNotHurtTheOuterTunnel() async throws {
    try await onWorker { worker in
      let pair = Pair(on: worker)
      let (near, far) = try await pair.tunnel(on: worker)
      let (other, otherFar) = try await pair.tunnel(on: worker)
      let inner = HTTP2Session(.server, over: far, counts: pair.counts, on: worker)
      near.send(
        hello + (0..<2000).flatMap { _ in Frame(type: Frame.ping, payload: [UInt8](repeating: 0, count: 8)).bytes })
      await pair.carry(on: worker)
      #expect(inner.ending == .protocolError)
      #expect(pair.counts.values[.idleFrameFlood] == 1)
      #expect(pair.server.ending == nil && pair.client.ending == nil)
      other.send("fine")
      await pair.carry(on: worker)
      #expect(await otherFar.receive(4, on: worker) == Array("fine".utf8))
    }
  }

  @Test func aSessionInAStreamCarriesARequest() async throws {
    try await onWorker { worker in
      let pair = Pair(on: worker)
      let (near, far) = try await pair.tunnel(on: worker)
      let client = HTTP2Session(.client, over: near, counts: pair.counts, on: worker)
      let server = HTTP2Session(.server, over: far, counts: pair.counts, on: worker)
      let stream = try client.open(.connect(authority: "inner:1"))
      await pair.carry(on: worker)
      let request = try #require(await server.nextRequest(on: worker))
      request.respond(.status(200))
      stream.send([UInt8](repeating: 3, count: 250_000))
      stream.finish()
      await pair.carry(on: worker)
      #expect(await request.receive(250_000, on: worker).count == 250_000)
      #expect(await request.lastWord(on: worker) == .end)
      request.finish()
      client.drain()
      await pair.carry(on: worker)
      #expect(client.ending == .cancelled)
      #expect(pair.client.ending == nil)
    }
  }
}

private func run(_ relay: Relay, into tally: Box<Relay.Tally?>, on worker: isolated Worker) async {
  tally.value = await relay.run(on: worker)
}

private func timeOfResets(_ count: UInt32, _ limits: HTTP2Limits, on worker: isolated Worker) async -> Duration {
  let scene = ServerScene(limits, on: worker)
  await scene.say(hello, on: worker)
  await scene.say((0..<count).flatMap { connect($0 * 2 + 1) }, on: worker)
  let resets = (0..<count).flatMap { rst($0 * 2 + 1) }
  let clock = ContinuousClock()
  let start = clock.now
  await scene.say(resets, on: worker)
  let length = clock.now - start
  #expect(scene.session.streamCount == 0)
  scene.session.close()
  return length
}

private func note(_ failure: Box<HTTP2Failure?>, _ stream: HTTP2Stream, on worker: isolated Worker) async {
  do throws(HTTP2Failure) { _ = try await stream.response(within: .seconds(5), on: worker) } catch {
    failure.value = error
  }
}
