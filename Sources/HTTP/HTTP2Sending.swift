// SPDX-License-Identifier: Apache-2.0
// HTTP2Sending: from the streams' owners to the pipe, once per turn.
//
//   flush → nghttp2 chooses the next stream → its owner fills the frame in place → … → one write of the whole batch

import CNghttp2
import Glibc
package import Net

extension HTTP2Session {
  /// Asks for frames to be built at the end of this turn.
  func flushLater() {
    guard !isFlushQueued else { return }
    isFlushQueued = true
    reactor.flushLater(self)
  }

  package func flush() {
    isFlushQueued = false
    if readsAgain {
      readsAgain = false
      receive()
    }
    guard let raw, ending == nil else { return }
    let code = build(raw)
    // A full batch: there is more, after the others had their turn.
    if isBatchFull, pipe.isWritable { flushLater() }
    if code < 0, code != NGHTTP2_ERR_PAUSE.rawValue { return fail(libraryCode: code) }
    let waiting = toTellWritable
    toTellWritable.removeAll(keepingCapacity: true)
    for stream in waiting { stream.tellWritable() }
    tellTouched()
    endWhenDone()
  }

  /// Builds one batch of frames and sends it, when the pipe takes any.
  @discardableResult
  func build(_ raw: OpaquePointer) -> CInt {
    builtCount = 0
    isBatchFull = false
    guard pipe.isWritable, unsent.send(to: pipe, reactor.batch.pieces) else { return 0 }
    let code = nghttp2_session_send(raw)
    sendBuilt()
    return code
  }

  /// The room for the next frame's payload, behind its header; nil when the batch is full.
  func room(_ wanted: Int) -> UnsafeMutableRawBufferPointer? {
    let batch = reactor.batch.plainOut
    let left = reactor.batchBytes - builtCount - 9
    guard left >= min(wanted, 16_384) else {
      isBatchFull = true
      return nil
    }
    return UnsafeMutableRawBufferPointer(rebasing: batch[(builtCount + 9)..<(builtCount + 9 + min(left, wanted))])
  }

  /// Appends a control frame, or part of one; false when the batch is full.
  func append(_ bytes: UnsafeRawBufferPointer) -> Bool {
    let batch = reactor.batch.plainOut
    guard builtCount + bytes.count <= batch.count else {
      isBatchFull = true
      return false
    }
    UnsafeMutableRawBufferPointer(rebasing: batch[builtCount..<(builtCount + bytes.count)]).copyMemory(from: bytes)
    builtCount += bytes.count
    return true
  }

  /// Completes a DATA frame whose payload lies in its place already.
  func appendData(header: UnsafeRawBufferPointer, payload: Int) {
    _ = append(header)
    builtCount += payload
    guards.sentData(payload)
  }

  private func sendBuilt() {
    guard builtCount > 0, let base = reactor.batch.plainOut.baseAddress else { return }
    sentAt = reactor.now
    if builtCount >= Batch.shortBytes / 2 { bulkAt = reactor.now }
    var piece = iovec(iov_base: base, iov_len: builtCount)
    let transfer = withUnsafePointer(to: &piece) { pipe.write(UnsafeBufferPointer(start: $0, count: 1)) }
    let taken: Int
    switch transfer {
    case .bytes(let count): taken = count
    case .wait: taken = 0
    // The pipe says so itself when it is read; until then what cannot be sent is dropped.
    case .end, .failed: taken = builtCount
    }
    unsent.append(UnsafeRawBufferPointer(start: base + taken, count: builtCount - taken))
  }

  package func writable(_ pipe: any Pipe) { flushLater() }

  package func fill(_ room: UnsafeMutableRawBufferPointer, for pipe: any Pipe) -> Transfer {
    guard !unsent.isEmpty else { return .wait }
    return .bytes(unsent.read(into: room))
  }

  func notifyWritable(_ stream: HTTP2Stream) { toTellWritable.append(stream) }
}
