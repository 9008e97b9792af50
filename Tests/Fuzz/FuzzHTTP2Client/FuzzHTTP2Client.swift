// SPDX-License-Identifier: Apache-2.0
// FuzzHTTP2Client: what a server may answer to a client session with three streams open.
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

private let request = Fields([(":method", "GET"), (":scheme", "https"), (":path", "/"), (":authority", "a")])

private func feed(_ input: [UInt8], on worker: isolated Worker) async {
  let pipe = MemoryPipe(on: worker)
  let session = HTTP2Session(.client, over: pipe, counts: HTTP2Counts(), on: worker)
  // Odd: after the server's SETTINGS, so that most inputs get past them.
  if input[0] & 1 == 1 { pipe.give([0, 0, 0, 4, 0, 0, 0, 0, 0]) }
  var streams: [HTTP2Stream] = []
  for index in 0..<3 {
    if let stream = try? session.open(index == 0 ? request : .connect(authority: "a:1"), ends: index == 0) {
      streams.append(stream)
    }
  }
  await settle(1, on: worker)
  let step = max(1, Int(input[0] >> 1))
  var position = 1
  while position < input.count, session.ending == nil {
    pipe.give(Array(input[position..<min(input.count, position + step)]))
    position += step
    await settle(1, on: worker)
    for stream in streams where !stream.held.isEmpty { _ = await stream.receive(stream.held.count, on: worker) }
  }
  for stream in streams { stream.close() }
  session.close()
  precondition(session.ending != nil && session.streamCount == 0)
  precondition(streams.allSatisfy(\.isClosed))
}
