// SPDX-License-Identifier: Apache-2.0
// SessionBIO: where OpenSSL reads and writes. Reads go straight to the pipe below; writes append to the worker's batch,
// which is sent once when the call that sealed the records is done: one system call for some thirty records.

import COpenSSL

enum SessionBIO {
  /// The table of functions; OpenSSL wants one object per user.
  static func makeMethod() -> OpaquePointer? {
    guard let method = BIO_meth_new(skein_bio_type(), "pipe") else { return nil }
    BIO_meth_set_read(method) { bio, room, count in
      guard let bio, let room, count > 0, let pipe = SessionBIO.pipe(bio) else { return -1 }
      skein_bio_clear_retry(bio)
      switch pipe.readBelow(UnsafeMutableRawBufferPointer(start: room, count: Int(count))) {
      case .bytes(let count): return CInt(count)
      case .wait:
        skein_bio_retry_read(bio)
        return -1
      case .end, .failed: return 0
      }
    }
    BIO_meth_set_write(method) { bio, bytes, count in
      guard let bio, let bytes, count > 0, let pipe = SessionBIO.pipe(bio) else { return -1 }
      skein_bio_clear_retry(bio)
      return pipe.append(UnsafeRawBufferPointer(start: bytes, count: Int(count))) ? count : -1
    }
    BIO_meth_set_ctrl(method) { _, command, _, _ in command == BIO_CTRL_FLUSH ? 1 : 0 }
    BIO_meth_set_create(method) { bio in
      BIO_set_init(bio, 1)
      return 1
    }
    return method
  }

  private static func pipe(_ bio: OpaquePointer) -> TLSPipe? {
    BIO_get_data(bio).map { Unmanaged<TLSPipe>.fromOpaque($0).takeUnretainedValue() }
  }
}
