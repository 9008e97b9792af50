// SPDX-License-Identifier: Apache-2.0
// PlainRelay: accepts, dials, relays. The plaintext path, and the floor of every other.

import Format
import Net

func runRelay(_ flags: Flags) throws(FlagFailure) {
  let listen = try flags.endpoint("listen")
  let target = try flags.endpoint("to")
  let options = flags.localOptions()
  let workers = try flags.number("workers", default: 1)
  runProcess(workers: workers) { worker, _ in
    try listen.serve(options, sharesPort: workers > 1, on: worker) { app, worker in
      guard let peer = try? await dial(.tcp(target), options, within: .seconds(5), on: worker) else {
        return app.abort(.lost)
      }
      _ = await Relay(app, peer, on: worker).run(on: worker)
    }
  }
}

extension Endpoint {
  /// Listens here and serves each connection in a task of its own.
  func serve(
    _ options: SocketOptions, sharesPort: Bool, on worker: isolated Worker,
    _ body: @escaping @Sendable (TCPPipe, isolated Worker) async -> Void
  ) throws {
    var options = options
    options.reusesPort = sharesPort
    let listener = try Listener(.tcp(self), options, on: worker)
    Task.immediate(executorPreference: worker.loop) {
      while let accepted = await listener.accept(on: worker) {
        guard let app = try? accepted.pipe(on: worker) else { continue }
        Task.immediate(executorPreference: worker.loop) { await body(app, worker) }
      }
    }
  }
}
