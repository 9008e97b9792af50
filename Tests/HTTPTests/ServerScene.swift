// SPDX-License-Identifier: Apache-2.0
// ServerScene: a server session whose peer is the test, byte by byte.

import HTTP
import Net
import Rig

/// A session, the pipe below it, and what it took in.
final class ServerScene {
  let pipe: MemoryPipe
  let session: HTTP2Session
  let counts = HTTP2Counts()
  var streams: [HTTP2Stream] = []
  private(set) var frames: [Frame] = []

  init(_ limits: HTTP2Limits = HTTP2Limits(), answers: Bool = true, on worker: isolated Worker) {
    pipe = MemoryPipe(on: worker)
    session = HTTP2Session(.server, over: pipe, limits: limits, counts: counts, on: worker)
    let scene = self
    Task.immediate(executorPreference: worker.loop) { await take(scene, answers, on: worker) }
  }

  /// Sends bytes and lets the session answer.
  func say(_ bytes: [UInt8], on worker: isolated Worker) async {
    pipe.give(bytes)
    await settle(on: worker)
    frames += Frame.read(pipe.drain())
  }

  /// The first GOAWAY with an error, else the last one.
  var goaway: Frame? {
    let all = frames.filter { $0.type == Frame.goaway }
    return all.first { $0.code != 0 } ?? all.last
  }

  func reset(of stream: UInt32) -> Frame? { frames.first { $0.type == Frame.reset && $0.stream == stream } }
}

private func take(_ scene: ServerScene, _ answers: Bool, on worker: isolated Worker) async {
  while let stream = await scene.session.nextRequest(on: worker) {
    scene.streams.append(stream)
    if answers { stream.respond(.status(200)) }
  }
}
