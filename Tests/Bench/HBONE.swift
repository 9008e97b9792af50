// SPDX-License-Identifier: Apache-2.0
// HBONE: both ends of a tunnel, without a mesh: every connection goes to one authority, any peer of the domain may come.
//
//   client: accept → stream of a tunnel (dial, TLS, HTTP/2) → CONNECT → 200 → relay
//   server: accept → TLS → HTTP/2 → each CONNECT: dial its authority → 200 → relay

import Format
import HTTP
import Net

func runHBONEServer(_ flags: Flags) throws(FlagFailure) {
  let listen = try flags.endpoint("listen")
  let configuration = try flags.configuration()
  let accepted = try flags.accepted()
  let tunnelOptions = flags.tunnelOptions()
  let localOptions = flags.localOptions()
  let deadline = try flags.handshakeDeadline()
  let workers = try flags.number("workers", default: 1)
  runProcess(workers: workers) { worker, counts in
    let context = try TLSContext(.server, configuration)
    let server = Server(context: context, accepted: accepted, options: localOptions, deadline: deadline, counts: counts)
    var listening = tunnelOptions
    listening.reusesPort = workers > 1
    let listener = try Listener(.tcp(listen), listening, on: worker)
    Task.immediate(executorPreference: worker.loop) {
      while let connection = await listener.accept(on: worker) {
        guard let pipe = try? connection.pipe(on: worker) else { continue }
        Task.immediate(executorPreference: worker.loop) { await server.serve(pipe, on: worker) }
      }
    }
  }
}

/// The tunnel's far end.
final class Server {
  private let context: TLSContext
  private let accepted: AcceptedPeers
  private let options: SocketOptions
  private let deadline: Duration
  private let counts: HTTP2Counts

  init(context: TLSContext, accepted: AcceptedPeers, options: SocketOptions, deadline: Duration, counts: HTTP2Counts) {
    self.context = context
    self.accepted = accepted
    self.options = options
    self.deadline = deadline
    self.counts = counts
  }

  func serve(_ pipe: any Pipe, on worker: isolated Worker) async {
    do throws(TLSFailure) {
      let tls = TLSPipe(over: pipe, context, accepting: accepted, on: worker)
      _ = try await tls.handshake(within: deadline, on: worker)
      let session = HTTP2Session(.server, over: tls, counts: counts, on: worker)
      while let stream = await session.nextRequest(on: worker) {
        Task.immediate(executorPreference: worker.loop) { await self.answer(stream, on: worker) }
      }
    } catch {
      // Counted by the session that failed; one bad peer is no reason to say more.
    }
  }

  private func answer(_ stream: HTTP2Stream, on worker: isolated Worker) async {
    guard stream.request[":method"] == "CONNECT" else { return stream.respond(.status(405), ends: true) }
    let authority = stream.request[":authority"] ?? ""
    if authority == "nested" {
      stream.respond(.status(200))
      return await serve(stream, on: worker)
    }
    guard let target = Endpoint(authority) else { return stream.respond(.status(400), ends: true) }
    guard let app = try? await dial(.tcp(target), options, within: .seconds(5), on: worker) else {
      return stream.respond(.status(503), ends: true)
    }
    stream.respond(.status(200))
    _ = await Relay(stream, app, on: worker).run(on: worker)
  }
}

func runHBONEClient(_ flags: Flags) throws(FlagFailure) {
  let listen = try flags.endpoint("listen")
  let tunnel = try flags.endpoint("tunnel")
  let authority = try flags.required("authority")
  let configuration = try flags.configuration()
  let accepted = try flags.accepted()
  let tunnelOptions = flags.tunnelOptions()
  let localOptions = flags.localOptions()
  let isNested = flags.has("nested")
  let outer = flags.text("outer-authority") ?? "nested"
  let workers = try flags.number("workers", default: 1)
  runProcess(workers: workers) { worker, counts in
    let context = try TLSContext(.client, configuration)
    let tunnels = Tunnels(to: tunnel, context: context, accepted: accepted, options: tunnelOptions, counts: counts)
    var listening = localOptions
    listening.reusesPort = workers > 1
    let listener = try Listener(.tcp(listen), listening, on: worker)
    Task.immediate(executorPreference: worker.loop) {
      while let connection = await listener.accept(on: worker) {
        guard let app = try? connection.pipe(on: worker) else { continue }
        Task.immediate(executorPreference: worker.loop) {
          if isNested {
            await tunnels.carryNested(app, outer: outer, inner: authority, on: worker)
          } else {
            await tunnels.carry(app, to: authority, on: worker)
          }
        }
      }
    }
  }
}

/// The tunnel's near end: sessions to one peer, as many as its stream limit asks for.
final class Tunnels {
  private static let tunnelsMax = 4

  private let peer: Endpoint
  private let context: TLSContext
  private let accepted: AcceptedPeers
  private let options: SocketOptions
  private let counts: HTTP2Counts
  private var sessions: [HTTP2Session] = []
  private var isOpening = false
  private var waiters: [UnsafeContinuation<Void, Never>] = []

  init(to peer: Endpoint, context: TLSContext, accepted: AcceptedPeers, options: SocketOptions, counts: HTTP2Counts) {
    self.peer = peer
    self.context = context
    self.accepted = accepted
    self.options = options
    self.counts = counts
  }

  func carry(_ app: TCPPipe, to authority: String, on worker: isolated Worker) async {
    guard let stream = await connect(authority, on: worker) else { return app.abort(.lost) }
    _ = await Relay(app, stream, on: worker).run(on: worker)
  }

  func carryNested(_ app: TCPPipe, outer: String, inner target: String, on worker: isolated Worker) async {
    guard let stream = await connect(outer, on: worker) else { return app.abort(.lost) }
    var session: HTTP2Session?
    do {
      let inner = try await self.session(over: stream, on: worker)
      session = inner
      let innerStream = try inner.open(.connect(authority: target))
      guard try await innerStream.response(within: .seconds(10), on: worker).status == 200 else {
        throw HTTP2Failure.unavailable
      }
      _ = await Relay(app, innerStream, on: worker).run(on: worker)
      inner.drain()
    } catch {
      app.abort(.lost)
      session?.close()
      stream.abort(.cancelled)
    }
  }

  private func connect(_ authority: String, on worker: isolated Worker) async -> HTTP2Stream? {
    for _ in 0..<3 {
      guard let session = await openSession(on: worker) else { return nil }
      guard let stream = try? session.open(.connect(authority: authority)) else { continue }
      do throws(HTTP2Failure) {
        guard try await stream.response(within: .seconds(10), on: worker).status == 200 else {
          stream.abort(.cancelled)
          return nil
        }
        return stream
      } catch {
        guard error == .stream(.refused) else { return nil }
      }
    }
    return nil
  }

  /// A session with room for a stream; one dials, the others wait for it.
  private func openSession(on worker: isolated Worker) async -> HTTP2Session? {
    while true {
      sessions.removeAll { $0.ending != nil || $0.isDraining }
      if let session = sessions.first(where: { $0.canOpen && !$0.carriesBulk }) { return session }
      // Beside bulk a stream would wait behind it: a tunnel more, up to a few.
      if sessions.count >= Self.tunnelsMax, let session = sessions.first(where: \.canOpen) { return session }
      guard isOpening else { break }
      await withUnsafeContinuation { waiters.append($0) }
    }
    isOpening = true
    defer {
      isOpening = false
      for waiter in waiters { waiter.resume() }
      waiters = []
    }
    do {
      let pipe = try await dial(.tcp(peer), options, within: .seconds(5), on: worker)
      let session = try await session(over: pipe, on: worker)
      sessions.append(session)
      return session
    } catch {
      say("skein-bench: tunnel to \(peer): \(error)")
      return nil
    }
  }

  private func session(over pipe: any Pipe, on worker: isolated Worker) async throws(TLSFailure) -> HTTP2Session {
    let tls = TLSPipe(over: pipe, context, accepting: accepted, resumptionKey: "\(peer)", on: worker)
    _ = try await tls.handshake(within: .seconds(10), on: worker)
    // Tunnels that a storm asked for go when it is over.
    var limits = HTTP2Limits()
    limits.idle = .seconds(15)
    return HTTP2Session(.client, over: tls, limits: limits, counts: counts, on: worker)
  }
}
