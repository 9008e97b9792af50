// SPDX-License-Identifier: Apache-2.0
// Batch: the large buffers a worker works off one batch of events in. They belong to the worker, not to a connection.
//
// Each is in use for the length of one call and empty again when it returns. Who may use which:
//   plainIn    decrypted bytes of one tunnel while its frames are parsed and lent to the streams' sinks
//   plainOut   frames of one tunnel while they are built
//   cipherOut  records of one TLS session while they are sealed
//   copy       bytes between two sockets
// No two users of one buffer are ever on the stack at once: a write never calls back, and a flush never runs in another.

import CLinux
package import Glibc

/// A worker's batch buffers. Pages that were never touched cost nothing.
package final class Batch {
  /// How much is built, sealed and sent, or read and opened, at once. Measured for a pair on one core: 256 KiB costs
  /// 1.19 s/GB, 512 KiB 1.17, 1 MiB 0.98, 2 MiB 0.90, 4 MiB 0.92.
  package static let bytes = 2048 * 1024
  /// The same while small messages pass through the worker too: a full batch would keep them waiting for 2 ms.
  package static let shortBytes = 256 * 1024
  /// A message under the first size, on a stream that moved less than the second in a while, is one somebody waits for.
  package static let smallMessageBytes = 4096
  /// See `smallMessageBytes`.
  package static let quietStreamBytes = 64 * 1024
  /// Room for records' headers and tags around a full batch, and for a few control records.
  private static let cipherBytes = bytes + 128 * 1024
  /// The most one read between two sockets moves.
  package static let copyBytes = 1024 * 1024
  /// Pieces per vectored write; the kernel takes 1,024.
  package static let piecesMax = 64

  /// See the table above.
  package let plainIn = UnsafeMutableRawBufferPointer.allocate(byteCount: bytes, alignment: 4096)
  /// See the table above.
  package let plainOut = UnsafeMutableRawBufferPointer.allocate(byteCount: bytes, alignment: 4096)
  /// See the table above.
  package let cipherOut = UnsafeMutableRawBufferPointer.allocate(byteCount: cipherBytes, alignment: 4096)
  /// See the table above.
  package let copy = UnsafeMutableRawBufferPointer.allocate(byteCount: copyBytes, alignment: 4096)
  /// Where held bytes are lent as pieces.
  package let pieces = UnsafeMutableBufferPointer<iovec>.allocate(capacity: piecesMax)
  /// Bytes of `cipherOut` in use.
  package var cipherCount = 0

  /// Gives the pages back; the buffers stay.
  func rest() {
    for buffer in [plainIn, plainOut, cipherOut, copy] { skein_give_back_pages(buffer.baseAddress, UInt(buffer.count)) }
  }

  deinit {
    plainIn.deallocate()
    plainOut.deallocate()
    cipherOut.deallocate()
    copy.deallocate()
    pieces.deallocate()
  }
}
