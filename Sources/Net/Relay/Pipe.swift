// SPDX-License-Identifier: Apache-2.0
// Pipe: a byte stream in both directions, of which each half ends by itself: a TCP socket, a TLS session, an HTTP/2
// stream. Everything that moves bytes is written against this.
//
// Buffers are lent, not copied:
//   - `read(into:)` fills the reader's memory: a socket's bytes land in the frame that will carry them;
//   - a pipe that carries bytes in frames (`pulls`) is not written to but told by `offer` that its owner has bytes, and
//     asks for them by `fill` when it builds the frame;
//   - a pipe that finds bytes in memory lends them by `arrived`; only what the owner does not take is copied to `held`.
// Rules: a pipe never calls its owner from within a call of the owner; after `close` or `abort` it calls no more.

package import Glibc

/// A byte stream in both directions.
package protocol Pipe: AnyObject {
  /// Who reads and writes this pipe; told of changes.
  var owner: (any PipeOwner)? { get set }
  /// Bytes that arrived and were lent but not taken, or were put back. To be used up before reading on.
  var held: Held { get set }
  /// Whether the pipe asks for bytes by `fill` instead of taking them by `write`.
  var pulls: Bool { get }
  /// Whether reading may give something now; when it turns true, the owner hears `readable`.
  var mayRead: Bool { get }
  /// Whether `write` takes anything. When it turns true again, the owner hears `writable`.
  var isWritable: Bool { get }
  /// Whether a pipe that pulls will never ask again although nothing failed: the peer wants no more, and is done.
  var isGone: Bool { get }
  /// How much a copying reader should read at once: grows with traffic that was taken.
  var readMax: Int { get }

  /// Fills `room` with bytes that arrived. `held` must be empty.
  func read(into room: UnsafeMutableRawBufferPointer) -> Transfer
  /// The owner used up so many bytes of `held`: a pipe with flow control lets the peer send as many more.
  func took(_ count: Int)
  /// Takes a prefix of `pieces`. Fewer bytes than offered, or `.wait`: the owner hears `writable` later.
  func write(_ pieces: UnsafeBufferPointer<iovec>) -> Transfer
  /// The owner has bytes or an ending for a pipe that pulls.
  func offer()
  /// Ends the half we write; what was taken before still goes out.
  func finish()
  /// Ends both halves at once; the peer sees a reset, with a reason where the protocol has one.
  func abort(_ reason: PipeFailure)
  /// Says goodbye in good order: our half ends behind what was taken, what still comes is dropped. Bounded in time.
  func close()
}

/// Who owns a pipe.
package protocol PipeOwner: AnyObject {
  /// Bytes, or the end, can be read.
  func readable(_ pipe: any Pipe)
  /// A pipe that refused bytes takes some again.
  func writable(_ pipe: any Pipe)
  /// The pipe broke; nothing more can be read or written.
  func failed(_ pipe: any Pipe, _ failure: PipeFailure)
  /// Bytes are in memory: takes a prefix of them and says how many.
  func arrived(_ pieces: UnsafeBufferPointer<iovec>, on pipe: any Pipe) -> Int
  /// A pulling pipe can carry bytes now.
  func fill(_ room: UnsafeMutableRawBufferPointer, for pipe: any Pipe) -> Transfer
}

/// What a read or a write came to.
package enum Transfer: Equatable, Sendable {
  /// So many bytes, more than none.
  case bytes(Int)
  /// Nothing now; the owner will be told.
  case wait
  /// The peer ended its half.
  case end
  /// The pipe broke.
  case failed(PipeFailure)
}

/// Why a pipe broke. An end is not a failure.
package enum PipeFailure: Error, Equatable, Sendable {
  /// The peer reset the connection or the stream.
  case reset
  /// The connection below ended without the protocol's own goodbye: bytes may be missing.
  case truncated
  /// The tunnel that carried the stream was lost.
  case lost
  /// A limit of time ran out: nothing moved for too long.
  case idle
  /// We gave it up, and why is known to whoever did.
  case cancelled
  /// The peer broke the protocol.
  case protocolError
  /// The peer refused the stream before doing anything with it.
  case refused
  /// A limit of this process was reached.
  case limit
  /// The system refused a call.
  case system(CInt)
}

extension PipeFailure {
  /// What an error of a socket means.
  package init(code: CInt) {
    self = code == ECONNRESET || code == EPIPE || code == ECONNABORTED ? .reset : .system(code)
  }
}

extension UnsafeBufferPointer<iovec> {
  /// The bytes of all pieces.
  package var byteCount: Int { reduce(0) { $0 + $1.iov_len } }
}

extension Held {
  /// Writes what is held to `sink` as long as that takes any; true when all of it went. `room` is for the pieces.
  package mutating func send(to sink: any Pipe, _ room: UnsafeMutableBufferPointer<iovec>) -> Bool {
    while !isEmpty {
      let pieces = lend(room)
      guard case .bytes(let count) = sink.write(pieces) else { return false }
      let isAll = count == pieces.byteCount
      consume(count)
      guard isAll || sink.isWritable else { return false }
    }
    return true
  }

  /// Appends what follows the first `taken` bytes of `pieces`.
  package mutating func append(_ pieces: UnsafeBufferPointer<iovec>, from taken: Int) {
    var skip = taken
    for piece in pieces {
      let step = Swift.min(skip, piece.iov_len)
      skip -= step
      append(UnsafeRawBufferPointer(start: piece.iov_base.map { $0 + step }, count: piece.iov_len - step))
    }
  }
}
