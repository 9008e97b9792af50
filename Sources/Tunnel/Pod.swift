// SPDX-License-Identifier: Apache-2.0
// Pod: what a worker does for one pod: its listeners, its tunnels, its connections, and their end.
//
//   15001  what the pod's applications dial     → Outbound
//   15006  plaintext that comes for the pod     → Plaintext
//   15008  tunnels that come for the pod        → Inbound
//
// All sockets are made inside the pod's network namespace and marked, so that capture leaves them alone.

import Format
package import Mesh
package import Net
import Telemetry

/// What is known of a pod that is to be served.
package struct PodDescription: Sendable {
  /// The uid of its workload.
  package let uid: String
  /// Who it is.
  package let identity: Identity
  /// Its network namespace.
  package let namespace: NetworkNamespace
  /// Whether it has IPv6.
  package let hasV6: Bool

  /// Joins them.
  package init(uid: String, identity: Identity, namespace: NetworkNamespace, hasV6: Bool) {
    self.uid = uid
    self.identity = identity
    self.namespace = namespace
    self.hasV6 = hasV6
  }
}

/// One pod, as a worker serves it.
package final class Pod {
  /// Ports of the mesh in every pod.
  package enum Port: UInt16, CaseIterable, Sendable {
    case outbound = 15001
    case plaintext = 15006
    case tunnel = 15008
  }

  let ground: Ground
  let description: PodDescription
  let pool: Pool
  private var listeners: [Listener] = []
  private var closers: [ObjectIdentifier: (Reason) -> Void] = [:]
  /// Sockets that were accepted and are not done with, whatever they are about to become.
  private var acceptedCount = 0
  private(set) var isDraining = false

  /// A pod of a worker. It listens only after `listen`.
  package init(_ description: PodDescription, on ground: Ground) {
    self.description = description
    self.ground = ground
    pool = Pool(ground, in: description.namespace)
  }

  /// Connections that are open.
  package var connectionCount: Int { closers.count }
  /// Tunnels that are open to other pods.
  package var tunnelCount: Int { pool.count }

  /// Listens on all ports, or on none.
  package func listen(on worker: isolated Worker) throws(Errno) {
    do throws(Errno) {
      for port in Port.allCases { try listen(port, on: worker) }
    } catch {
      for listener in listeners { listener.close() }
      listeners = []
      throw error
    }
  }

  private func listen(_ port: Port, on worker: isolated Worker) throws(Errno) {
    var options = SocketOptions()
    options.mark = ground.options.mark
    options.isTransparent = true
    options.reusesPort = true
    options.namespace = description.namespace.raw
    let address: IPAddress = description.hasV6 ? .anyV6 : .anyV4
    let listener = try Listener(.tcp(Endpoint(address, port: port.rawValue)), options, on: worker)
    listeners.append(listener)
    Task.immediate(executorPreference: worker.loop) {
      while let accepted = await listener.accept(on: worker) { self.take(accepted, at: port, on: worker) }
    }
  }

  private func take(_ accepted: consuming Accepted, at port: Port, on worker: isolated Worker) {
    let peer = accepted.peer
    let dialled = port == .tunnel ? accepted.local : accepted.originalDestination
    guard let pipe = try? accepted.pipe(on: worker), let peer, let dialled else { return }
    guard acceptedCount < ground.options.connectionsPerPodMax else {
      var record = Record(port == .outbound ? .outbound : .inbound, from: Record.Party(address: peer))
      record.destination.address = dialled
      record.reason = .tooMany
      ground.log.write(record)
      return pipe.abort(.limit)
    }
    acceptedCount += 1
    Task.immediate(executorPreference: worker.loop) {
      defer { self.acceptedCount -= 1 }
      switch port {
      case .outbound: await Outbound(self, pipe, from: peer, to: dialled).serve(on: worker)
      case .plaintext: await Plaintext(self, pipe, from: peer, to: dialled).serve(on: worker)
      case .tunnel: await Inbound(self, pipe, from: peer, at: dialled).serve(on: worker)
      }
    }
  }

  // MARK: Connections

  /// Enters a connection, with the way to cut it off.
  func enter(_ connection: AnyObject, _ cut: @escaping (Reason) -> Void) { closers[ObjectIdentifier(connection)] = cut }

  func leave(_ connection: AnyObject) { closers[ObjectIdentifier(connection)] = nil }

  // MARK: The end

  /// Takes no new connections; those that are open may end.
  package func drain() {
    isDraining = true
    for listener in listeners { listener.close() }
    listeners = []
    pool.drain()
    for drainer in drainers.values { drainer() }
  }

  /// Cuts everything off.
  package func close() {
    drain()
    for cut in Array(closers.values) { cut(.draining) }
    pool.close()
    for closer in Array(sessionClosers.values) { closer() }
  }

  /// Tunnels that came in: how to say goodbye on them, and how to cut them off.
  private var drainers: [ObjectIdentifier: () -> Void] = [:]
  private var sessionClosers: [ObjectIdentifier: () -> Void] = [:]

  func enter(tunnel: AnyObject, drain: @escaping () -> Void, close: @escaping () -> Void) {
    drainers[ObjectIdentifier(tunnel)] = drain
    sessionClosers[ObjectIdentifier(tunnel)] = close
  }

  func leave(tunnel: AnyObject) {
    drainers[ObjectIdentifier(tunnel)] = nil
    sessionClosers[ObjectIdentifier(tunnel)] = nil
  }

  /// How a socket to an application of the pod, or from it, is made.
  func socketOptions(spoofing source: IPAddress? = nil, isLocal: Bool) -> SocketOptions {
    var options = isLocal ? SocketOptions.local : SocketOptions()
    options.mark = ground.options.mark
    options.namespace = description.namespace.raw
    guard let source else { return options }
    options.isTransparent = true
    options.isFreebind = true
    options.source = Endpoint(source, port: 0)
    return options
  }
}
