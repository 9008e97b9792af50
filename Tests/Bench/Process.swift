// SPDX-License-Identifier: Apache-2.0
// Process: workers, the line `ready`, counters on SIGUSR1, an orderly end on SIGTERM.

import Glibc
import HTTP
import Net

/// Serves on `count` workers until a signal ends the process. `serve` returns when it listens; what it starts goes on.
func runProcess(workers count: Int, _ serve: @escaping @Sendable (isolated Worker, HTTP2Counts) throws -> Void) {
  _ = signal(SIGPIPE, SIG_IGN)
  var set = sigset_t()
  sigemptyset(&set)
  for number in [SIGTERM, SIGINT, SIGUSR1] { sigaddset(&set, number) }
  pthread_sigmask(SIG_BLOCK, &set, nil)
  let started = (0..<count).map { startWorker($0, serve) }
  while true {
    var number: CInt = 0
    sigwait(&set, &number)
    guard number == SIGUSR1 else { exit(0) }
    for report in started { report() }
  }
}

/// Starts one worker; returns what prints its counters.
private func startWorker(
  _ index: Int, _ serve: @escaping @Sendable (isolated Worker, HTTP2Counts) throws -> Void
) -> () -> Void {
  do {
    let worker = try Worker.start(index: index, name: "bench")
    let (requests, feed) = AsyncStream<Void>.makeStream()
    worker.start { worker in
      let counts = HTTP2Counts()
      do { try serve(worker, counts) } catch {
        say("skein-bench: \(error)")
        exit(1)
      }
      if index == 0 { tell("ready") }
      for await _ in requests { report(worker, counts) }
    }
    return { _ = feed.yield() }
  } catch {
    say("skein-bench: \(error)")
    exit(1)
  }
}

private func report(_ worker: isolated Worker, _ counts: HTTP2Counts) {
  var rows = worker.reactor.counts.rows
  rows += counts.values.rows.map { ("h2_\($0.0)", $0.1) }
  rows.append(("lent_bytes", UInt64(worker.reactor.pool.lentBytes)))
  rows.append(("timers", UInt64(worker.reactor.timers.count)))
  rows.append(("descriptors", UInt64(worker.reactor.watched)))
  tell("{" + rows.map { "\"\($0.0)\":\($0.1)" }.joined(separator: ",") + "}")
}
