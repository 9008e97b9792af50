// SPDX-License-Identifier: Apache-2.0
// Inbound: tunnels that come for a pod, and what their streams ask for.
//
//   accept → TLS as the pod → HTTP/2 → each CONNECT:
//     admitted here? → may it? (Mesh) → dial the application as the client → 200 → relay → record
//
// A refusal is an answer with a status and a code; the application hears nothing of it.

import Format
import HTTP
import Mesh
import Net
import Telemetry

/// A tunnel that came for a pod.
struct Inbound {
  private let pod: Pod
  private let pipe: TCPPipe
  private let peer: Endpoint
  private let local: Endpoint

  init(_ pod: Pod, _ pipe: TCPPipe, from peer: Endpoint, at local: Endpoint) {
    self.pod = pod
    self.pipe = pipe
    self.peer = peer
    self.local = local
  }

  private var ground: Ground { pod.ground }

  func serve(on worker: isolated Worker) async {
    let identity = pod.description.identity
    let handshake: (tls: TLSPipe, peer: TLSPeer)
    do throws(TunnelFailure) {
      handshake = try await shakeHands(as: identity, on: worker)
    } catch {
      return refuse(error)
    }
    let session = HTTP2Session(.server, over: handshake.tls, counts: ground.counts, on: worker)
    pod.enter(tunnel: session, drain: { session.drain() }, close: { session.close() })
    if pod.isDraining { session.drain() }
    while let stream = await session.nextRequest(on: worker) {
      Task.immediate(executorPreference: worker.loop) {
        await InboundStream(pod, stream, from: peer, at: local, as: handshake.peer.identity).serve(on: worker)
      }
    }
    pod.leave(tunnel: session)
  }

  private func shakeHands(
    as identity: Identity, on worker: isolated Worker
  ) async throws(TunnelFailure) -> (TLSPipe, TLSPeer) {
    let context: TLSContext
    do { context = try await ground.context(of: identity, .server, on: worker) } catch {
      pipe.abort(.cancelled)
      throw TunnelFailure(error)
    }
    let domain = String(identity.trustDomain) ?? ""
    let tls = TLSPipe(over: pipe, context, accepting: .trustDomain(domain), on: worker)
    do {
      return (tls, try await tls.handshake(within: ground.options.handshakeDeadline, on: worker))
    } catch {
      throw TunnelFailure(handshaking: error)
    }
  }

  private func refuse(_ failure: TunnelFailure) {
    var record = Record(.inbound, from: Record.Party(address: peer))
    record.destination = Record.Party(address: local, workload: ground.world.workload(uid: pod.description.uid))
    record.reason = failure.reason
    record.detail = failure.detail
    ground.log.write(record)
  }
}

/// A stream of a tunnel that came for a pod.
private struct InboundStream {
  private let pod: Pod
  private let stream: HTTP2Stream
  private let peer: Endpoint
  private let local: Endpoint
  private let identity: String

  init(_ pod: Pod, _ stream: HTTP2Stream, from peer: Endpoint, at local: Endpoint, as identity: String) {
    self.pod = pod
    self.stream = stream
    self.peer = peer
    self.local = local
    self.identity = identity
  }

  private var ground: Ground { pod.ground }

  func serve(on worker: isolated Worker) async {
    let start = worker.reactor.now
    let watch = Watch(stream)
    pod.enter(watch) { watch.cut($0) }
    var record = Record(.inbound, from: Record.Party(address: peer, identity: identity))
    record.trace = Trace(stream.request["traceparent"]).id
    record.authority = stream.request[":authority"]
    record.destination.address = local
    var entry: Live.Entry?
    do throws(TunnelFailure) {
      let app = try await reach(&record, &entry, watch, on: worker)
      if let reason = watch.reason {
        app.abort(.cancelled)
        throw TunnelFailure(reason)
      }
      stream.respond(answer(record.destination.workload))
      let relay = Relay(app, stream, on: worker)
      watch.relay = relay
      record.take(await relay.run(on: worker), watch)
    } catch {
      record.reason = watch.reason ?? error.reason
      record.detail = error.detail
      stream.respond(Header.refusal(record.reason ?? error.reason), ends: true)
    }
    if let entry { ground.live.leave(entry) }
    pod.leave(watch)
    record.duration = worker.reactor.now.since(start)
    ground.log.write(record)
  }

  /// The application, once all has been asked that is to be asked.
  private func reach(
    _ record: inout Record, _ entry: inout Live.Entry?, _ watch: Watch, on worker: isolated Worker
  ) async throws(TunnelFailure) -> TCPPipe {
    guard stream.request[":method"] == "CONNECT" else { throw TunnelFailure(.badMethod) }
    let server: Workload
    let delivery: Delivery
    do throws(Reason) {
      server = try await ground.workload(pod.description.uid, on: worker)
      record.destination.workload = server
      guard let authority = Authority(stream.request[":authority"] ?? "") else { throw .badAuthority }
      delivery = try ground.world.admit(
        authority, to: server, at: local.address, ownPorts: ground.options.route.ownPorts)
    } catch {
      throw TunnelFailure(error)
    }
    record.destination.address = delivery.destination
    record.service = delivery.service ?? dialledService(of: server)
    record.source.workload = client()
    let connection = Connection(from: peer.address, to: delivery.destination, identity: Identity(identity))
    let live = ground.live.enter(connection, to: server.uid)
    entry = live
    try await judge(connection, server, &record, on: worker)
    live.cut = { watch.cut(.policyChanged, $0) }
    if live.verdict != nil { throw TunnelFailure(.policyChanged) }
    let app = try await dial(delivery, on: worker)
    if let proxied = delivery.proxied {
      app.begin(with: ProxyHeader.bytes(from: peer, to: proxied, identity: identity))
    }
    return app
  }

  private func judge(
    _ connection: Connection, _ server: Workload, _ record: inout Record, on worker: isolated Worker
  ) async throws(TunnelFailure) {
    guard let verdict = await ground.verdict(on: connection, to: server.uid, on: worker) else {
      throw TunnelFailure(.unknownSource)
    }
    record.take(verdict)
    if let refusal = verdict.refusal { throw TunnelFailure(refusal, verdict.unknownPolicies.joined(separator: ", ")) }
  }

  private func dial(_ delivery: Delivery, on worker: isolated Worker) async throws(TunnelFailure) -> TCPPipe {
    let isSame = peer.address == delivery.destination.address
    let source = ground.options.keepsSource && !isSame && delivery.proxied == nil ? peer.address : nil
    do {
      return try await Net.dial(
        .tcp(delivery.destination), pod.socketOptions(spoofing: source, isLocal: true),
        within: ground.options.dialDeadline, on: worker)
    } catch {
      throw TunnelFailure(dialling: error, isTunnel: false)
    }
  }

  private func answer(_ server: Workload?) -> Fields {
    var fields = Fields.status(200)
    if let server { fields.append(Header.baggage, Header.baggage(of: server)) }
    return fields
  }

  /// The workload at the peer's address, unless the peer is a gateway from another network.
  private func client() -> Workload? {
    let network = stream.request["x-forwarded-network"]
    if let network, network.lowercased() != ground.options.network.lowercased() { return nil }
    return ground.world.workload(at: NetworkAddress(network: ground.options.network, peer.address))
  }

  /// The service the client says it dialled, if the workload is one of its endpoints.
  private func dialledService(of server: Workload) -> Service? {
    guard let host = Header.host(ofForwarded: stream.request["forwarded"]) else { return nil }
    return server.template.services.first { $0.service.hostname == host }.flatMap { ground.world.service($0.service) }
  }
}

extension Record {
  /// What policy had to say.
  mutating func take(_ verdict: Verdict) {
    policy = verdict.hit?.policy.key ?? verdict.unknownPolicies.first
    rule = verdict.hit?.rule
  }
}
