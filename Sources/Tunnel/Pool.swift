// SPDX-License-Identifier: Apache-2.0
// Pool: the tunnels of one pod, shared by its connections.
//
//   wanted ─► one with room, not busy with bulk ─► taken
//        │                    none, and somebody dials already ─► waits for that one alone
//        └────────────────────none ─► dials: TCP from the pod's namespace, TLS as the pod, HTTP/2
//
// A tunnel is for one peer: the address, and whom it may be. Who waits is woken by its own dial only, whether that works or
// not; a tunnel that was full comes back when streams end; one without streams goes after a while.

import Format
import HTTP
import Mesh
import Net

/// Whom a tunnel is for.
struct TunnelKey: Hashable {
  let hop: Endpoint
  let peers: Peers
  let identity: Identity
}

/// The tunnels of one pod.
final class Pool {
  fileprivate struct Lane {
    var sessions: [HTTP2Session] = []
    var isDialling = false
    let waiters = Waiters()
    var failure: TunnelFailure?
  }

  private let ground: Ground
  private let namespace: NetworkNamespace
  private var lanes: [TunnelKey: Lane] = [:]
  private var isClosed = false

  init(_ ground: Ground, in namespace: NetworkNamespace) {
    self.ground = ground
    self.namespace = namespace
  }

  /// How many tunnels are open.
  var count: Int { lanes.values.reduce(0) { $0 + $1.sessions.count } }

  /// A tunnel with room for a stream.
  func session(for key: TunnelKey, on worker: isolated Worker) async throws(TunnelFailure) -> HTTP2Session {
    while true {
      if isClosed { throw TunnelFailure(.draining) }
      if let session = lanes[key]?.take(max: ground.options.tunnelsPerPeerMax) { return session }
      guard lanes[key]?.isDialling == true else {
        return try await dial(key, on: worker)
      }
      await lanes[key]?.waiters.wait(on: worker)
      if let failure = lanes[key]?.failure { throw failure }
    }
  }

  private func dial(_ key: TunnelKey, on worker: isolated Worker) async throws(TunnelFailure) -> HTTP2Session {
    lanes[key, default: Lane()].isDialling = true
    lanes[key]?.failure = nil
    do {
      let session = try await open(key, on: worker)
      lanes[key]?.sessions.append(session)
      session.onClose = { [weak self] in self?.forget(session, of: key) }
      settle(key, nil)
      return session
    } catch {
      settle(key, error)
      throw error
    }
  }

  /// Wakes those who waited for this dial, and nobody else.
  private func settle(_ key: TunnelKey, _ failure: TunnelFailure?) {
    guard let lane = lanes[key] else { return }
    lanes[key]?.isDialling = false
    lanes[key]?.failure = failure
    if failure != nil, lane.sessions.isEmpty, lane.waiters.isEmpty { lanes[key] = nil }
    lane.waiters.wake()
  }

  private func forget(_ session: HTTP2Session, of key: TunnelKey) {
    lanes[key]?.sessions.removeAll { $0 === session }
    if let lane = lanes[key], lane.sessions.isEmpty, !lane.isDialling, lane.waiters.isEmpty { lanes[key] = nil }
  }

  private func open(_ key: TunnelKey, on worker: isolated Worker) async throws(TunnelFailure) -> HTTP2Session {
    let context: TLSContext
    do { context = try await ground.context(of: key.identity, .client, on: worker) } catch {
      throw TunnelFailure(error)
    }
    var options = SocketOptions()
    options.mark = ground.options.mark
    options.namespace = namespace.raw
    let pipe: TCPPipe
    do {
      pipe = try await Net.dial(.tcp(key.hop), options, within: ground.options.dialDeadline, on: worker)
    } catch {
      throw TunnelFailure(dialling: error, isTunnel: true)
    }
    let accepted = AcceptedPeers.identities(Set(key.peers.uris))
    let name = "\(key.identity) \(key.hop) \(key.peers.uris.sorted().joined(separator: " "))"
    let tls = TLSPipe(over: pipe, context, accepting: accepted, resumptionKey: name, on: worker)
    do {
      _ = try await tls.handshake(within: ground.options.handshakeDeadline, on: worker)
    } catch {
      throw TunnelFailure(handshaking: error)
    }
    var limits = HTTP2Limits()
    limits.idle = ground.options.tunnelIdle
    return HTTP2Session(.client, over: tls, limits: limits, counts: ground.counts, on: worker)
  }

  /// Lets no more streams begin; those that are there may end.
  func drain() {
    isClosed = true
    for lane in lanes.values { for session in lane.sessions { session.drain() } }
  }

  /// Cuts everything off.
  func close() {
    isClosed = true
    for lane in lanes.values { for session in lane.sessions { session.close() } }
    lanes = [:]
  }
}

extension Pool.Lane {
  /// A tunnel with room: one without bulk on it if there may be more of them.
  fileprivate func take(max: Int) -> HTTP2Session? {
    let able = sessions.filter { $0.canOpen && $0.ending == nil && !$0.isDraining }
    return able.first { !$0.carriesBulk } ?? (sessions.count >= max ? able.first : nil)
  }
}

/// Why there is no tunnel, or no stream in it.
struct TunnelFailure: Error, Equatable {
  let reason: Reason
  var detail = ""
  /// Whether somebody else may be tried: the fault is of this peer, and nothing was asked of it yet.
  var isRetryable = false

  init(_ reason: Reason, _ detail: String = "", isRetryable: Bool = false) {
    self.reason = reason
    self.detail = detail
    self.isRetryable = isRetryable
  }

  init(dialling failure: DialFailure, isTunnel: Bool) {
    switch failure {
    case .timedOut: self.init(isTunnel ? .tunnelBlocked : .connectTimedOut, isRetryable: true)
    case .system(let errno): self.init(.connectFailed, "\(errno)", isRetryable: failure.isRetryable)
    }
  }

  init(handshaking failure: TLSFailure) {
    if case .refused(.identity) = failure {
      self.init(.wrongIdentity, isRetryable: true)
    } else {
      self.init(.handshakeFailed, "\(failure)", isRetryable: true)
    }
  }
}
