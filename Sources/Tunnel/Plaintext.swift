// SPDX-License-Identifier: Apache-2.0
// Plaintext: a connection that came for a pod without a tunnel. Nobody is known to have made it; policy may let it in.
//
//   captured → a port of the mesh? → may it? (Mesh) → dial the application as the client → relay → record

import Format
import Mesh
import Net
import Telemetry

/// A connection that came for a pod without a tunnel.
struct Plaintext {
  private let pod: Pod
  private let pipe: TCPPipe
  private let peer: Endpoint
  private let dialled: Endpoint

  init(_ pod: Pod, _ pipe: TCPPipe, from peer: Endpoint, to dialled: Endpoint) {
    self.pod = pod
    self.pipe = pipe
    self.peer = peer
    self.dialled = dialled
  }

  private var ground: Ground { pod.ground }

  func serve(on worker: isolated Worker) async {
    let start = worker.reactor.now
    let watch = Watch(pipe)
    pod.enter(watch) { watch.cut($0) }
    var record = Record(.inbound, from: Record.Party(address: peer))
    record.trace = Trace().id
    record.destination.address = dialled
    let connection = Connection(from: peer.address, to: dialled, identity: nil)
    let entry = ground.live.enter(connection, to: pod.description.uid)
    do throws(TunnelFailure) {
      let app = try await reach(connection, entry, watch, &record, on: worker)
      if let reason = watch.reason {
        app.abort(.cancelled)
        throw TunnelFailure(reason)
      }
      let relay = Relay(app, pipe, on: worker)
      watch.relay = relay
      record.take(await relay.run(on: worker), watch)
    } catch {
      record.reason = watch.reason ?? error.reason
      record.detail = error.detail
      pipe.abort(.cancelled)
    }
    ground.live.leave(entry)
    pod.leave(watch)
    record.duration = worker.reactor.now.since(start)
    ground.log.write(record)
  }

  private func reach(
    _ connection: Connection, _ entry: Live.Entry, _ watch: Watch, _ record: inout Record, on worker: isolated Worker
  ) async throws(TunnelFailure) -> TCPPipe {
    // What arrives at a port of the mesh and was not redirected would be sent back here for ever.
    if ground.options.route.ownPorts.contains(dialled.port) { throw TunnelFailure(.ownPort) }
    let server: Workload
    do { server = try await ground.workload(pod.description.uid, on: worker) } catch { throw TunnelFailure(error) }
    record.destination.workload = server
    record.source.workload = ground.world.workload(at: NetworkAddress(network: ground.options.network, peer.address))
    guard let verdict = await ground.verdict(on: connection, to: server.uid, on: worker) else {
      throw TunnelFailure(.unknownSource)
    }
    record.take(verdict)
    if let refusal = verdict.refusal { throw TunnelFailure(refusal, verdict.unknownPolicies.joined(separator: ", ")) }
    entry.cut = { watch.cut(.policyChanged, $0) }
    if entry.verdict != nil { throw TunnelFailure(.policyChanged) }
    let source = ground.options.keepsSource && peer.address != dialled.address ? peer.address : nil
    do {
      return try await Net.dial(
        .tcp(dialled), pod.socketOptions(spoofing: source, isLocal: true), within: ground.options.dialDeadline,
        on: worker)
    } catch {
      throw TunnelFailure(dialling: error, isTunnel: false)
    }
  }
}
