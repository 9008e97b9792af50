// SPDX-License-Identifier: Apache-2.0
// NodeCommand: flags in, a node that runs, an exit status out.

import Glibc
import Telemetry

/// The command line of a node.
package enum NodeCommand {
  /// Runs a node until it is asked to end; gives back its exit status.
  package static func run(_ arguments: [String]) async -> CInt {
    _ = signal(SIGPIPE, SIG_IGN)
    var options = NodeOptions()
    var form = Log.Form.text
    var level = Log.Level.info
    var rest = arguments[...]
    while let flag = rest.popFirst() {
      guard let value = rest.popFirst() else { return misuse("\(flag) needs a value") }
      switch flag {
      case "--manifests": options.manifests.append(value)
      case "--node": options.name = value
      case "--state": options.state = value
      case "--workers": options.workers = Int(value) ?? 1
      case "--certificate-seconds": options.certificateSeconds = Int64(value) ?? options.certificateSeconds
      case "--log": form = Log.Form(rawValue: value) ?? .text
      case "--log-level": level = Log.Level(rawValue: value) ?? .info
      default: return misuse("there is no flag \(flag)")
      }
    }
    guard !options.manifests.isEmpty, !options.name.isEmpty else { return misuse("--manifests and --node are needed") }
    let log = Log(to: 2, form: form, level: level)
    do {
      let node = try Node(options, log: log)
      await node.run(until: signals()) { log.write(.info, "node", "ready", [("pods", "\($0)")]) }
      return 0
    } catch {
      log.write(.error, "node", "\(error)")
      log.drain()
      return 1
    }
  }

  private static func misuse(_ text: String) -> CInt {
    let log = Log(to: 2)
    log.write(.error, "node", text)
    log.drain()
    return 2
  }

  /// Speaks when the process is asked to end. Blocked before any thread is made, so that only this one hears signals.
  private static func signals() -> AsyncStream<Void> {
    let (stream, feed) = AsyncStream<Void>.makeStream()
    let context = unsafe Unmanaged.passRetained(Ear(feed)).toOpaque()
    var thread = pthread_t()
    unsafe pthread_create(
      &thread, nil,
      { context in
        // SAFETY: what was retained for this thread above, once.
        if let context = unsafe context { unsafe Unmanaged<Ear>.fromOpaque(context).takeRetainedValue().listen() }
        return nil
      }, context)
    return stream
  }

  /// Blocks the signals that end a node. To be called first of all.
  package static func blockSignals() {
    var set = Ear.signals
    unsafe pthread_sigmask(SIG_BLOCK, &set, nil)
  }
}

/// The thread that hears signals.
private final class Ear: Sendable {
  private let feed: AsyncStream<Void>.Continuation

  init(_ feed: AsyncStream<Void>.Continuation) { self.feed = feed }

  static var signals: sigset_t {
    var set = sigset_t()
    unsafe sigemptyset(&set)
    for number in [SIGTERM, SIGINT] { unsafe sigaddset(&set, number) }
    return set
  }

  func listen() {
    var set = Self.signals
    var number: CInt = 0
    while unsafe sigwait(&set, &number) == 0 { feed.yield() }
  }
}
