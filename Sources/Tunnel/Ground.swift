// SPDX-License-Identifier: Apache-2.0
// Ground: what one worker knows and holds: the world as of now, certificates, the pods it serves, what is open.
//
//   control thread ── a new snapshot, a new certificate ──► the ground of each worker ◄── asked by its connections
//
// All of it belongs to the worker's thread. A connection asks once for each decision, and so sees one world.

package import Mesh
package import Net
package import Telemetry
import HTTP

/// What a node's tunnels are set up to do.
package struct TunnelOptions: Sendable {
  /// How routes are found.
  package var route = RouteOptions()
  /// The network of this node.
  package var network = ""
  /// What marks our own packets.
  package var mark: UInt32 = 0x539
  /// How long a connection waits for the record of its workload, for a certificate, or for a policy it needs.
  package var knowledgeDeadline = Duration.seconds(5)
  /// How long an unknown policy is waited for.
  package var policyDeadline = Duration.seconds(1)
  /// How long dialling may take.
  package var dialDeadline = Duration.seconds(10)
  /// How long a handshake may take, and the answer to a request.
  package var handshakeDeadline = Duration.seconds(10)
  /// How many workloads are tried for one connection.
  package var attemptsMax = 3
  /// Connections of one pod at the same time.
  package var connectionsPerPodMax = 10_000
  /// Tunnels of one pod to one peer.
  package var tunnelsPerPeerMax = 8
  /// How long a tunnel without streams is kept.
  package var tunnelIdle = Duration.seconds(300)
  /// Whether the client's address is kept towards applications.
  package var keepsSource = true

  /// What every node does, unless it is told otherwise.
  package init() {}
}

/// What one worker knows and holds.
package final class Ground {
  /// The worker.
  package nonisolated let worker: Worker
  /// What the node is set up to do.
  package let options: TunnelOptions
  let log: Log
  let counts = HTTP2Counts()
  private(set) var world = Snapshot()
  private var configurations: [Identity: TLSConfiguration] = [:]
  private var contexts: [ContextKey: TLSContext] = [:]
  private let waiters = Waiters()
  /// What is open and has to be judged again when policies change.
  let live = Live()

  private struct ContextKey: Hashable {
    let identity: Identity
    let isServer: Bool
  }

  /// The ground of a worker.
  package init(_ worker: Worker, options: TunnelOptions, log: Log) {
    self.worker = worker
    self.options = options
    self.log = log
  }

  /// A new world, and what it means for connections that are open.
  package func see(_ world: Snapshot, _ touched: Touched) {
    self.world = world
    live.judge(touched, in: world)
    waiters.wake()
  }

  /// A new certificate of an identity. Tunnels that are open go on with the one they have.
  package func hold(_ configuration: TLSConfiguration, of identity: Identity) {
    configurations[identity] = configuration
    contexts[ContextKey(identity: identity, isServer: true)] = nil
    contexts[ContextKey(identity: identity, isServer: false)] = nil
    waiters.wake()
  }

  /// No certificate of an identity any more.
  package func forget(_ identity: Identity) {
    configurations[identity] = nil
    contexts[ContextKey(identity: identity, isServer: true)] = nil
    contexts[ContextKey(identity: identity, isServer: false)] = nil
  }

  /// The record of a workload, waited for if it is not there yet.
  func workload(_ uid: String, on worker: isolated Worker) async throws(Reason) -> Workload {
    var found = world.workload(uid: uid)
    if found == nil {
      await waiters.wait(options.knowledgeDeadline, on: worker) {
        found = self.world.workload(uid: uid)
        return found != nil
      }
    }
    guard let found else { throw .unknownSource }
    return found
  }

  /// The certificate of an identity, waited for if it is not there yet.
  func context(
    of identity: Identity, _ role: TLSContext.Role, on worker: isolated Worker
  ) async throws(Reason) -> TLSContext {
    let key = ContextKey(identity: identity, isServer: role == .server)
    if let context = contexts[key] { return context }
    if configurations[identity] == nil {
      await waiters.wait(options.knowledgeDeadline, on: worker) { self.configurations[identity] != nil }
    }
    guard let configuration = configurations[identity] else { throw .noCertificate }
    do {
      let context = try TLSContext(role, configuration)
      contexts[key] = context
      return context
    } catch {
      log.write(
        .error, "identity", "a certificate cannot be used", [("identity", identity.uri), ("error", "\(error)")])
      throw .noCertificate
    }
  }

  /// The verdict on a connection to a workload; a policy that is not known yet is waited for a moment.
  func verdict(on connection: Connection, to uid: String, on worker: isolated Worker) async -> Verdict? {
    func judge() -> Verdict? { world.workload(uid: uid).map { world.authorize(connection, to: $0) } }
    var verdict = judge()
    if verdict?.refusal == .unknownPolicy {
      await waiters.wait(options.policyDeadline, on: worker) {
        verdict = judge()
        return verdict?.refusal != .unknownPolicy
      }
    }
    return verdict
  }
}
