// SPDX-License-Identifier: Apache-2.0
// FuzzHTTP2Server: what a client may send to a server session, byte by byte.
//
// The session is real, the pipe below it is in memory. The first byte of the input chooses how the rest is cut into
// reads. Whatever comes: no trap, no byte held after the end, and a session that refuses says so by ending.

import HTTP
import Net
import Rig

@c(LLVMFuzzerTestOneInput)
public func fuzzOne(_ data: UnsafePointer<UInt8>?, _ size: Int) -> CInt {
  fuzz(data, size) { input, worker in await feed(input, on: worker) }
}

private let hello = Array("PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n".utf8) + [0, 0, 0, 4, 0, 0, 0, 0, 0]

private func feed(_ input: [UInt8], on worker: isolated Worker) async {
  let pipe = MemoryPipe(on: worker)
  let session = HTTP2Session(.server, over: pipe, counts: HTTP2Counts(), on: worker)
  // Odd: after a good preface, so that most inputs get past it.
  if input[0] & 1 == 1 { pipe.give(hello) }
  let step = max(1, Int(input[0] >> 1))
  var position = 1
  var streams: [HTTP2Stream] = []
  while position < input.count, session.ending == nil {
    pipe.give(Array(input[position..<min(input.count, position + step)]))
    position += step
    if session.hasRequest, let stream = await session.nextRequest(on: worker) {
      streams.append(stream)
      // Answer some, give up some, leave some.
      switch streams.count % 4 {
      case 0: stream.respond(.status(200))
      case 1: stream.respond(.status(503), ends: true)
      case 2: stream.abort(.reset)
      default: break
      }
    }
    await settle(1, on: worker)
    for stream in streams where !stream.held.isEmpty { _ = await stream.receive(stream.held.count, on: worker) }
  }
  session.close()
  precondition(session.ending != nil && session.streamCount == 0)
  precondition(streams.allSatisfy(\.isClosed))
}
