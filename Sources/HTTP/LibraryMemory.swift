// SPDX-License-Identifier: Apache-2.0
// LibraryMemory: where nghttp2 takes its memory from: the heap, with one difference.
//
// Each session takes a 16 KiB buffer for a frame and writes a few dozen bytes of it: our payloads never pass through.
// Taken from a used part of the heap it would be resident all the same, and be a third of an idle tunnel's memory. So a
// large block is aligned to pages and its old pages are given back: what is not written to costs nothing.

import CNghttp2
import Glibc

enum LibraryMemory {
  private static let pageBytes = 4096
  private static let largeBytes = 4 * pageBytes

  /// The functions the library calls.
  static var table: nghttp2_mem {
    nghttp2_mem(
      mem_user_data: nil,
      malloc: { count, _ in LibraryMemory.take(count) },
      free: { block, _ in Glibc.free(block) },
      calloc: { count, size, _ in Glibc.calloc(count, size) },
      // The library makes its buffers by growing nothing.
      realloc: { block, size, _ in block == nil ? LibraryMemory.take(size) : Glibc.realloc(block, size) })
  }

  private static func take(_ count: Int) -> UnsafeMutableRawPointer? {
    guard count >= largeBytes, count < Int(Int32.max) else { return Glibc.malloc(count) }
    let bytes = (count + pageBytes - 1) / pageBytes * pageBytes
    let block = aligned_alloc(pageBytes, bytes)
    if let block { _ = madvise(block, bytes, MADV_DONTNEED) }
    return block
  }
}
