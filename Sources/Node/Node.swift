// SPDX-License-Identifier: Apache-2.0
// Node: the daemon of one node. The only place that joins a source of knowledge, capture, identity and tunnels.
//
//   manifests ─► snapshot ─────────────► every data worker
//            └─► pods of this node ─► certificate ─► listeners ─► rules       (in this order: nothing is refused meanwhile)
//
// One control worker runs all of it, one capture worker enters namespaces; data workers never wait for either. When the
// daemon ends, its rules stay: captured traffic is refused until it is back, and never goes out as plaintext.

import Capture
import Format
import Glibc
import Identity
import Mesh
import Net
package import Telemetry
package import Tunnel
package import World

/// How a node is run.
package struct NodeOptions: Sendable {
  /// Folders and files of manifests.
  package var manifests: [String] = []
  /// The name of the node.
  package var name = ""
  /// Where the node keeps its authority.
  package var state = "/run/skein"
  /// What is true for the whole mesh.
  package var settings = Settings()
  /// Data workers.
  package var workers = 1
  /// What tunnels do.
  package var tunnel = TunnelOptions()
  /// How long connections may go on after the node was asked to end.
  package var drain = Duration.seconds(5)
  /// How long a certificate lives.
  package var certificateSeconds = Keeper.lifeSeconds

  /// What holds unless something else is said.
  package init() {}
}

/// Why a node cannot run.
package struct NodeFailure: Error, Sendable, CustomStringConvertible {
  /// One line.
  package let description: String
}

/// The daemon of one node.
package actor Node {
  /// How often rules are compared with what they should be.
  static let verifyEvery = Duration.seconds(1)
  /// How often manifests are looked at.
  static let lookEvery = Duration.milliseconds(200)

  package nonisolated var unownedExecutor: UnownedSerialExecutor { unsafe control.unownedExecutor }

  private let control: Worker
  private let capture: Worker
  private let options: NodeOptions
  private let log: Log
  private let lanes: [Lane]
  private var mesh: ManifestMesh
  private let watcher = Watcher()
  private var keeper: Keeper
  private var pods: [String: Enrolled] = [:]
  private var failures: [String: String] = [:]

  /// A pod that is served.
  private struct Enrolled {
    let pod: LocalPod
    let namespace: NetworkNamespace
    let lane: Lane
    var enrolment: Enrolment
  }

  /// Reads what the node is to be, and starts its threads. Nothing is captured yet.
  package init(_ options: NodeOptions, log: Log) throws(NodeFailure) {
    self.options = options
    self.log = log
    let authority = AuthorityFolder("\(options.state)/ca", trustDomain: options.settings.trustDomain)
    do {
      _ = unsafe mkdir(options.state, 0o700)
      let now = Self.now
      if try authority.makeRoot(now: now) {
        log.write(.warn, "identity", "a new root was made", [("path", options.state)])
      }
      _ = try authority.makeNode(options.name, now: now)
      keeper = Keeper(life: options.certificateSeconds, signer: try authority.makeSigner())
      mesh = try ManifestMesh(options.manifests, settings: options.settings)
      control = try Worker.start(name: "control")
      capture = try Worker.start(name: "capture")
      var lanes: [Lane] = []
      for index in 0..<max(1, options.workers) {
        lanes.append(try Lane(index: index, options: options.tunnel, log: log))
      }
      self.lanes = lanes
    } catch {
      throw NodeFailure(description: "\(error)")
    }
  }

  /// Runs until it is asked to end.
  package func run(until end: AsyncStream<Void>, ready: @Sendable (Int) -> Void) async {
    var isEnding = false
    Task {
      for await _ in end { break }
      self.isAsked = true
    }
    await look()
    ready(pods.count)
    var sinceVerify = Duration.zero
    while !isEnding {
      try? await Task.sleep(for: Self.lookEvery)
      isEnding = isAsked
      if watcher.drain() { await look() }
      sinceVerify += Self.lookEvery
      guard sinceVerify >= Self.verifyEvery else { continue }
      sinceVerify = .zero
      tend()
      await verify()
    }
    await finish()
  }

  private var isAsked = false

  /// The wall clock, in seconds.
  private static var now: Int64 { Int64(time(nil)) }

  // MARK: Knowledge

  private func look() async {
    let touched = mesh.refresh(watcher)
    for lane in lanes { lane.tell(.see(mesh.snapshot, touched)) }
    await settlePods()
  }

  private func tend() {
    for news in keeper.tend(now: Self.now, jitter: { Double.random(in: -1...1) }) {
      switch news {
      case .issued(let identity, let configuration):
        for lane in lanes { lane.tell(.hold(configuration, identity)) }
        log.write(.info, "identity", "certificate issued", [("identity", identity.uri)])
      case .failed(let identity, let text):
        log.write(.error, "identity", "cannot be issued", [("identity", identity.uri), ("error", text)])
      }
    }
  }

  // MARK: Pods

  /// Serves the pods that are described, and no others.
  private func settlePods() async {
    let wanted = Dictionary(mesh.localPods(on: options.name).map { ($0.uid, $0) }) { one, _ in one }
    for (uid, enrolled) in pods where wanted[uid] != enrolled.pod { await withdraw(uid, enrolled) }
    for (uid, pod) in wanted.sorted(by: { $0.key < $1.key }) where pods[uid] == nil { await enrol(pod) }
  }

  private func enrol(_ pod: LocalPod) async {
    do {
      let namespace = try NetworkNamespace(pod.netns)
      var rules = PodRules()
      rules.hasV6 = try namespace.inside { unsafe access("/proc/thread-self/net/if_inet6", F_OK) == 0 }
      guard let exclusions = PodRules.Exclusion.list(pod.exclusions) else {
        throw NodeFailure(description: "\(Label.excludeOutbound): `\(pod.exclusions)` is no list of destinations")
      }
      rules.exclusions = exclusions
      keeper.want(pod.identity)
      tend()
      let lane = lane(of: pod.uid)
      let description = PodDescription(
        uid: pod.uid, identity: pod.identity, namespace: namespace, hasV6: rules.hasV6)
      if let errno = await lane.listen(description) { throw errno }
      let enrolment = Enrolment(namespace, rules)
      let (result, _) = try await capture.run { _ in try enrolment.enrolled() }
      pods[pod.uid] = Enrolled(pod: pod, namespace: namespace, lane: lane, enrolment: result)
      failures[pod.uid] = nil
      log.write(.info, "node", "pod enrolled", [("pod", pod.name), ("netns", pod.netns)])
    } catch {
      let text = "\(error)"
      guard failures[pod.uid] != text else { return }
      failures[pod.uid] = text
      log.write(.error, "node", "pod cannot be enrolled", [("pod", pod.name), ("netns", pod.netns), ("error", text)])
    }
  }

  /// The worker of a pod: always the same one.
  private func lane(of uid: String) -> Lane {
    lanes[Int(uid.utf8.reduce(UInt(0)) { $0 &* 31 &+ UInt($1) } % UInt(lanes.count))]
  }

  private func withdraw(_ uid: String, _ enrolled: Enrolled) async {
    let enrolment = enrolled.enrolment
    do {
      try await capture.run { _ in
        var enrolment = enrolment
        try enrolment.withdraw()
      }
    } catch {
      log.write(.error, "node", "rules cannot be taken away", [("pod", enrolled.pod.name), ("error", "\(error)")])
    }
    enrolled.lane.tell(.close(uid: uid))
    if keeper.release(enrolled.pod.identity) { for lane in lanes { lane.tell(.forget(enrolled.pod.identity)) } }
    pods[uid] = nil
    log.write(.info, "node", "pod withdrawn", [("pod", enrolled.pod.name)])
  }

  /// Compares every pod with what it should be, and puts it right.
  private func verify() async {
    for (uid, enrolled) in pods {
      let path = enrolled.pod.netns
      guard (try? NetworkNamespace.identity(of: path)) == enrolled.namespace.identity else {
        log.write(.warn, "node", "the network namespace was replaced", [("pod", enrolled.pod.name), ("netns", path)])
        await withdraw(uid, enrolled)
        continue
      }
      let enrolment = enrolled.enrolment
      do {
        let (result, hasDrifted) = try await capture.run { _ in try enrolment.enrolled() }
        pods[uid]?.enrolment = result
        if hasDrifted {
          log.write(.warn, "capture", "rules had drifted and were put right", [("pod", enrolled.pod.name)])
        }
      } catch {
        log.write(.error, "capture", "rules cannot be put right", [("pod", enrolled.pod.name), ("error", "\(error)")])
      }
    }
    await settlePods()
  }

  // MARK: The end

  private func finish() async {
    for (uid, enrolled) in pods { enrolled.lane.tell(.drain(uid: uid)) }
    var waited = Duration.zero
    while waited < options.drain {
      var count = 0
      for lane in lanes { count += await lane.count() }
      if count == 0 { break }
      try? await Task.sleep(for: .milliseconds(50))
      waited += .milliseconds(50)
    }
    for (uid, enrolled) in pods { enrolled.lane.tell(.close(uid: uid)) }
    for lane in lanes { _ = await lane.count() }
    log.write(.info, "node", "ended; rules stay, so captured pods are refused until a node runs again")
    log.drain()
  }
}

extension Enrolment {
  /// A copy that is enrolled, and whether something had to be written.
  fileprivate func enrolled() throws(CaptureFailure) -> (Enrolment, Bool) {
    var copy = self
    let hasWritten = try copy.enrol()
    return (copy, hasWritten)
  }
}
