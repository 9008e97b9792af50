// SPDX-License-Identifier: Apache-2.0
// Handshakes: full or resumed mutual TLS handshakes one after the other, for the cost of a cold tunnel.

import Format
import Glibc
import Net

func runHandshakes(_ flags: Flags) throws(FlagFailure) {
  let target = try flags.endpoint("to")
  let configuration = try flags.configuration()
  let accepted = try flags.accepted()
  let count = try flags.number("count", default: 1000)
  let isResuming = flags.has("resume")
  runProcess(workers: 1) { worker, _ in
    let context = try TLSContext(.client, configuration)
    Task.immediate(executorPreference: worker.loop) {
      var done = 0
      var resumed = 0
      for _ in 0..<count {
        do {
          let pipe = try await dial(.tcp(target), within: .seconds(5), on: worker)
          let tls = TLSPipe(
            over: pipe, context, accepting: accepted, resumptionKey: isResuming ? "peer" : nil, on: worker)
          _ = try await tls.handshake(within: .seconds(5), on: worker)
          done += 1
          if tls.isResumed { resumed += 1 }
          await Linger(tls).untilReadable(on: worker)
          tls.close()
        } catch {
          say("skein-bench: \(error)")
        }
      }
      tell("{\"handshakes\":\(done),\"resumed\":\(resumed)}")
    }
  }
}

/// Waits for the server's ticket, which comes after the handshake.
private final class Linger: PipeOwner {
  private let tls: TLSPipe
  private var waiter: UnsafeContinuation<Void, Never>?
  private let room = UnsafeMutableRawBufferPointer.allocate(byteCount: 4096, alignment: 16)

  init(_ tls: TLSPipe) { self.tls = tls }
  deinit { room.deallocate() }

  func untilReadable(on worker: isolated Worker) async {
    tls.owner = self
    guard tls.read(into: room) == .wait else { return }
    await withUnsafeContinuation { waiter = $0 }
    _ = tls.read(into: room)
  }

  func readable(_ pipe: any Pipe) {
    waiter?.resume()
    waiter = nil
  }
  func writable(_ pipe: any Pipe) {}
  func failed(_ pipe: any Pipe, _ failure: PipeFailure) { readable(pipe) }
  func arrived(_ pieces: UnsafeBufferPointer<iovec>, on pipe: any Pipe) -> Int { 0 }
  func fill(_ room: UnsafeMutableRawBufferPointer, for pipe: any Pipe) -> Transfer { .wait }
}
