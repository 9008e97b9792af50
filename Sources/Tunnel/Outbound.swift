// SPDX-License-Identifier: Apache-2.0
// Outbound: a connection that left an application of a pod, and must reach its peer.
//
//   captured → route (Mesh) → dial, or a stream of a tunnel → relay → record
//
// Runs on one worker from accept to close. A workload that cannot be reached is followed by another one, as long as nothing
// was asked of anybody; policy's no is final.

import Format
import HTTP
import Mesh
import Net
import Telemetry

/// A connection that left an application of a pod.
struct Outbound {
  private let pod: Pod
  private let app: TCPPipe
  private let source: Endpoint
  private let dialled: Endpoint
  private let trace = Trace()

  init(_ pod: Pod, _ app: TCPPipe, from source: Endpoint, to dialled: Endpoint) {
    self.pod = pod
    self.app = app
    self.source = source
    self.dialled = dialled
  }

  private var ground: Ground { pod.ground }

  func serve(on worker: isolated Worker) async {
    let start = worker.reactor.now
    var record = Record(.outbound, from: Record.Party(address: source))
    record.destination.address = dialled
    record.trace = trace.id
    let watch = Watch(app)
    pod.enter(watch) { watch.cut($0) }
    do throws(TunnelFailure) {
      let client: Workload
      do { client = try await ground.workload(pod.description.uid, on: worker) } catch { throw TunnelFailure(error) }
      record.source.workload = client
      let other = try await reach(from: client, &record, on: worker)
      if let reason = watch.reason {
        other.abort(.cancelled)
        throw TunnelFailure(reason)
      }
      let relay = Relay(app, other, on: worker)
      watch.relay = relay
      record.take(await relay.run(on: worker), watch)
    } catch {
      record.reason = watch.reason ?? error.reason
      record.detail = error.detail
      app.abort(.lost)
    }
    pod.leave(watch)
    record.duration = worker.reactor.now.since(start)
    ground.log.write(record)
  }

  /// The other side, wherever the route leads.
  private func reach(
    from client: Workload, _ record: inout Record, on worker: isolated Worker
  ) async throws(TunnelFailure) -> any Pipe {
    var tried: [String] = []
    var dice = Dice(seed: SystemRandomNumberGenerator.number())
    while true {
      let route = ground.world.route(
        from: client, to: dialled, under: ground.options.route, tried: tried, dice: &dice)
      record.service = route.service
      guard let path = route.path else { throw TunnelFailure(route.refusal ?? .unknownDestination) }
      record.take(path)
      do throws(TunnelFailure) {
        return try await follow(path, route, from: client, on: worker)
      } catch {
        let uids = [path.gateway?.uid, path.workload?.uid].compactMap(\.self)
        guard error.isRetryable, route.service != nil || path.waypoint != nil, let uid = uids.first,
          tried.count + 1 < ground.options.attemptsMax
        else { throw error }
        tried.append(uid)
        // Nobody else is there: then the first failure says more than that.
        let next = ground.world.route(from: client, to: dialled, under: ground.options.route, tried: tried, dice: &dice)
        if next.path == nil { throw error }
      }
    }
  }

  private func follow(
    _ path: Path, _ route: Route, from client: Workload, on worker: isolated Worker
  ) async throws(TunnelFailure) -> any Pipe {
    switch path.carriage {
    case .passthrough, .tcp: return try await dial(path, on: worker)
    case .hbone:
      guard case .address(let hop) = path.hop, let authority = path.authority else {
        throw TunnelFailure(.noEndpointAddress, "its name is not resolved yet")
      }
      return try await stream(to: hop, path.peers, asking: authority, client, route.service, on: worker)
    case .doubleHBONE:
      guard case .address(let hop) = path.hop, let authority = path.authority else {
        throw TunnelFailure(.noEndpointAddress, "its name is not resolved yet")
      }
      let outer = try await stream(to: hop, path.peers, asking: authority, client, route.service, on: worker)
      return try await nest(in: outer, path.innerPeers, asking: authority, client, route.service, on: worker)
    }
  }

  private func dial(_ path: Path, on worker: isolated Worker) async throws(TunnelFailure) -> any Pipe {
    guard case .address(let hop) = path.hop else {
      throw TunnelFailure(.noEndpointAddress, "its name is not resolved yet")
    }
    do {
      return try await Net.dial(
        .tcp(hop), pod.socketOptions(isLocal: false), within: ground.options.dialDeadline, on: worker)
    } catch {
      throw TunnelFailure(dialling: error, isTunnel: false)
    }
  }

  /// A stream of a tunnel. One the other side gave back untouched is asked for again in another tunnel.
  private func stream(
    to hop: Endpoint, _ peers: Peers, asking authority: Authority, _ client: Workload, _ service: Service?,
    on worker: isolated Worker
  ) async throws(TunnelFailure) -> HTTP2Stream {
    let key = TunnelKey(hop: hop, peers: peers, identity: client.identity)
    let request = Header.request(authority, from: source, client, service, trace)
    for _ in 0..<ground.options.attemptsMax {
      let session = try await pod.pool.session(for: key, on: worker)
      guard let stream = try? session.open(request) else { continue }
      do throws(HTTP2Failure) {
        return try await answered(stream, on: worker)
      } catch {
        guard error == .stream(.refused) else { throw TunnelFailure(answering: error, stream) }
      }
    }
    throw TunnelFailure(.tunnelLost, isRetryable: true)
  }

  /// A tunnel within a stream: the peer at the far end of another network.
  private func nest(
    in outer: HTTP2Stream, _ peers: Peers, asking authority: Authority, _ client: Workload, _ service: Service?,
    on worker: isolated Worker
  ) async throws(TunnelFailure) -> any Pipe {
    let context: TLSContext
    do { context = try await ground.context(of: client.identity, .client, on: worker) } catch {
      throw TunnelFailure(error)
    }
    let tls = TLSPipe(over: outer, context, accepting: .identities(Set(peers.uris)), on: worker)
    do {
      _ = try await tls.handshake(within: ground.options.handshakeDeadline, on: worker)
    } catch {
      throw TunnelFailure(handshaking: error)
    }
    let session = HTTP2Session(.client, over: tls, counts: ground.counts, on: worker)
    var request = Header.request(authority, from: source, client, service, trace)
    request.append(Header.network, ground.options.network)
    guard let stream = try? session.open(request) else { throw TunnelFailure(.tunnelLost) }
    do throws(HTTP2Failure) {
      let inner = try await answered(stream, on: worker)
      // One connection, one inner tunnel: it goes when the stream does.
      session.drain()
      return inner
    } catch {
      session.close()
      throw TunnelFailure(answering: error, stream)
    }
  }

  private func answered(_ stream: HTTP2Stream, on worker: isolated Worker) async throws(HTTP2Failure) -> HTTP2Stream {
    let response = try await stream.response(within: ground.options.handshakeDeadline, on: worker)
    guard response.status == 200 else {
      stream.abort(.cancelled)
      throw .stream(.cancelled)
    }
    return stream
  }
}

extension TunnelFailure {
  /// Why a stream was not answered with a yes.
  fileprivate init(answering failure: HTTP2Failure, _ stream: HTTP2Stream) {
    guard let status = stream.response?.status, status != 200 else {
      self.init(failure == .timedOut ? .connectTimedOut : .tunnelLost, "\(failure)", isRetryable: true)
      return
    }
    // What the other side says about itself is told, never believed.
    let code = stream.response?["skein-reason"].flatMap(Reason.init)
    let isThere = code?.status == 401 || status == 401
    self.init(
      .refusedThere, code.map { "\($0.text) (\(status))" } ?? "status \(status)", isRetryable: !isThere && status == 503
    )
  }
}

/// A connection that can be cut off from outside, whatever it is doing.
final class Watch {
  private let pipe: any Pipe
  var relay: Relay?
  private(set) var reason: Reason?
  private(set) var verdict: Verdict?

  init(_ pipe: any Pipe) { self.pipe = pipe }

  func cut(_ reason: Reason, _ verdict: Verdict? = nil) {
    guard self.reason == nil else { return }
    self.reason = reason
    self.verdict = verdict
    if let relay { relay.cancel(.cancelled) } else { pipe.abort(.cancelled) }
  }
}

extension Record {
  /// What a route says about the other side.
  fileprivate mutating func take(_ path: Path) {
    authority = path.authority?.description
    destination.workload = path.workload
    if case .address(let hop) = path.hop { destination.address = hop }
    destination.identity = path.carriage == .hbone ? path.peers.identity?.uri : nil
  }

  /// How it went.
  mutating func take(_ tally: Relay.Tally, _ watch: Watch) {
    sentBytes = tally.sentBytes
    receivedBytes = tally.receivedBytes
    reason = watch.reason ?? tally.ending.reason
    if let hit = watch.verdict?.hit { (policy, rule) = (hit.policy.key, hit.rule) }
  }
}

extension Relay.Ending {
  /// Why it did not end by itself; nil when it did.
  fileprivate var reason: Reason? {
    switch self {
    case .ended: nil
    case .firstFailed(let failure), .secondFailed(let failure), .cancelled(let failure):
      switch failure {
      case .reset, .truncated, .refused: .reset
      case .idle: .idle
      case .lost, .protocolError, .limit, .system: .tunnelLost
      case .cancelled: .draining
      }
    }
  }
}

extension SystemRandomNumberGenerator {
  /// A number nobody can guess.
  fileprivate static func number() -> UInt64 {
    var generator = SystemRandomNumberGenerator()
    return generator.next()
  }
}
