// SPDX-License-Identifier: Apache-2.0
// HTTP2Receiving: from the pipe's bytes to the streams' owners.
//
//   read → parse (nghttp2 reports, nothing is passed on) → lend pieces, stream by stream → tell of what is left or ended
//
// Owners are told only when the library is done with the batch: they may then read, write, close and open as they like.

import CNghttp2
package import Glibc
package import Net

extension HTTP2Session {
  package func readable(_ pipe: any Pipe) { receive() }

  package func arrived(_ pieces: UnsafeBufferPointer<iovec>, on pipe: any Pipe) -> Int { 0 }

  /// Reads until the pipe has no more, or one full batch was worked off.
  func receive() {
    guard ending == nil, !isReceiving else { return }
    isReceiving = true
    defer { isReceiving = false }
    let room = UnsafeMutableRawBufferPointer(rebasing: reactor.batch.plainIn[..<reactor.batchBytes])
    while ending == nil {
      switch readBatch(room) {
      case .bytes(let count):
        heardAt = reactor.now
        if count >= Batch.shortBytes { bulkAt = reactor.now }
        parse(UnsafeRawBufferPointer(rebasing: room[..<count]))
        guard count < room.count else {
          readsAgain = true
          return flushLater()
        }
      case .wait: return
      case .end: return receivedGoodbye()
      case .failed: return end(.lost)
      }
    }
  }

  /// The connection's end: with nothing left to say it about it is one, behind our last answers; else streams are lost.
  private func receivedGoodbye() {
    guard streamCount == 0 else { return end(.lost) }
    isDraining = true
    flushLater()
  }

  private func readBatch(_ room: UnsafeMutableRawBufferPointer) -> Transfer {
    guard !pipe.held.isEmpty else { return pipe.read(into: room) }
    let count = pipe.held.read(into: room)
    pipe.took(count)
    return .bytes(count)
  }

  private func parse(_ bytes: UnsafeRawBufferPointer) {
    guard let raw else { return }
    let code = nghttp2_session_mem_recv(raw, bytes.bindMemory(to: UInt8.self).baseAddress, bytes.count)
    for stream in touched where stream.firstPiece >= 0 { lend(stream) }
    pieces.removeAll(keepingCapacity: true)
    // A budget that ran out stops the library by a callback's failure: asked first, or every flood would look alike.
    if let excess = guards.excess {
      terminate(excess)
    } else if code < 0 {
      fail(libraryCode: CInt(truncatingIfNeeded: code))
    }
    returnConnectionCredit()
    tellTouched()
    if nghttp2_session_want_write(raw) != 0 { flushLater() }
    endWhenDone()
  }

  /// Notes one piece of a stream's bytes; they stay in the batch until they are lent.
  func note(_ stream: HTTP2Stream, _ data: UnsafePointer<UInt8>, _ count: Int) {
    let index = pieces.count
    pieces.append(Piece(bytes: iovec(iov_base: UnsafeMutableRawPointer(mutating: data), iov_len: count)))
    if stream.lastPiece >= 0 { pieces[stream.lastPiece].next = index } else { stream.firstPiece = index }
    stream.lastPiece = index
    touch(stream)
  }

  /// Has the stream's owner told, at the end of this batch.
  func touch(_ stream: HTTP2Stream) {
    guard !stream.isTouched else { return }
    stream.isTouched = true
    touched.append(stream)
  }

  /// Lends a stream's pieces to its owner; holds what is not taken.
  private func lend(_ stream: HTTP2Stream) {
    var next = stream.firstPiece
    stream.firstPiece = -1
    stream.lastPiece = -1
    var isTaking = stream.held.isEmpty
    var takenBytes = 0
    let receivedBefore = stream.receivedBytes
    let room = reactor.batch.pieces
    while next >= 0 {
      var count = 0
      while next >= 0, count < room.count {
        room[count] = pieces[next].bytes
        next = pieces[next].next
        count += 1
      }
      let lent = UnsafeBufferPointer(rebasing: room[..<count])
      let bytes = lent.byteCount
      connectionOwed += bytes
      stream.receivedBytes += bytes
      // Nobody will ask for what was given up or broke; its credit goes back as if it had been taken.
      let isUnwanted = stream.isAbandoned || stream.failure != nil
      let taken = isUnwanted ? bytes : isTaking ? stream.owner?.arrived(lent, on: stream) ?? 0 : 0
      takenBytes += taken
      guard taken < bytes else { continue }
      isTaking = false
      stream.held.append(lent, from: taken)
      heldBytes += bytes - taken
    }
    stream.passed(stream.receivedBytes - receivedBefore)
    guard takenBytes > 0 else { return }
    stream.movedAt = reactor.now
    credit(stream, takenBytes)
  }

  /// Tells the owners of what is left over, ended or broke.
  func tellTouched() {
    var index = 0
    while index < touched.count {
      let stream = touched[index]
      index += 1
      stream.isTouched = false
      stream.tell()
    }
    touched.removeAll(keepingCapacity: true)
  }

  // MARK: Credit

  /// Updates sent for one window's worth of a stream; each is an allocation of the library's.
  private static var creditSteps: Int { 4 }

  /// A stream's owner used up so many held bytes.
  func returnCredit(_ stream: HTTP2Stream, _ count: Int) {
    guard let raw, count > 0 else { return }
    heldBytes -= count
    credit(stream, count)
    returnConnectionCredit()
    // No event of a socket will have the update sent.
    if nghttp2_session_want_write(raw) != 0 { flushLater() }
  }

  /// Gives a stream's credit back in small steps: the library waits for half a window, and a peer that was held up for
  /// so long sends as much at once, in front of everything else on the tunnel.
  private func credit(_ stream: HTTP2Stream, _ count: Int) {
    guard let raw, !stream.isOver, !stream.hasReceivedEnd else { return }
    stream.owedBytes += count
    guard stream.owedBytes >= Int(limits.streamWindow) / Self.creditSteps else { return }
    _ = nghttp2_submit_window_update(raw, HTTP2Library.noFlags, stream.id, Int32(clamping: stream.owedBytes))
    stream.owedBytes = 0
  }

  /// Forgets what is held for a stream that broke or was given up.
  func drop(heldOf stream: HTTP2Stream) {
    let count = stream.held.count
    guard count > 0 else { return }
    stream.held.consume(count)
    returnCredit(stream, count)
  }

  private func returnConnectionCredit() {
    guard let raw, connectionOwed > 0, ending == nil else { return }
    guard heldBytes <= limits.heldBytesMax else {
      counts.values[.creditKeptBack] += 1
      return
    }
    _ = nghttp2_session_consume_connection(raw, connectionOwed)
    connectionOwed = 0
  }

  /// What the library's refusal of a whole session is counted as and answered with.
  func fail(libraryCode: CInt) {
    let count: HTTP2Count
    let code: nghttp2_error_code
    switch libraryCode {
    case NGHTTP2_ERR_FLOODED.rawValue: (count, code) = (.outboundFlood, NGHTTP2_ENHANCE_YOUR_CALM)
    case NGHTTP2_ERR_TOO_MANY_CONTINUATIONS.rawValue: (count, code) = (.continuationFlood, NGHTTP2_ENHANCE_YOUR_CALM)
    case NGHTTP2_ERR_NOMEM.rawValue: return end(.limit)
    default: (count, code) = (.protocolErrors, NGHTTP2_PROTOCOL_ERROR)
    }
    terminate((count, code.rawValue))
  }
}
