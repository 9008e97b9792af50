// SPDX-License-Identifier: Apache-2.0
// PolicyRoutes: answers to addresses that are not ours come back to us.
//
//   rule   fwmark 0x111/0xfff lookup 100, before the main table
//   route  local default dev lo table 100
//
// Both families, as far as the namespace has them; each of them is put there, or found there, by itself.

import CMnl
import Glibc
import Net

enum PolicyRoutes {
  /// Puts them into the namespace the thread is in.
  static func add(hasV6: Bool) throws(Errno) {
    for isV6 in hasV6 ? [false, true] : [false] {
      try ask("add a route") { skein_local_route($0, true, isV6, CaptureNumbers.table, 1) }
      try ask("add a rule", but: EEXIST) {
        skein_mark_rule(
          $0, true, isV6, CaptureNumbers.replyMark, CaptureNumbers.mask, CaptureNumbers.table, CaptureNumbers.priority)
      }
    }
  }

  /// Takes them out of the namespace the thread is in.
  static func remove() throws(Errno) {
    for isV6 in [false, true] {
      try ask("remove a rule", but: ENOENT, EAFNOSUPPORT, ENODEV) {
        skein_mark_rule(
          $0, false, isV6, CaptureNumbers.replyMark, CaptureNumbers.mask, CaptureNumbers.table, CaptureNumbers.priority)
      }
      try ask("remove a route", but: ESRCH, EAFNOSUPPORT, ENODEV) {
        skein_local_route($0, false, isV6, CaptureNumbers.table, 1)
      }
    }
  }

  private static func ask(
    _ name: StaticString, but harmless: CInt..., make: (UnsafeMutableRawPointer?) -> Void
  ) throws(Errno) {
    var buffer = [UInt8](repeating: 0, count: Int(skein_message_bytes))
    let code = buffer.withUnsafeMutableBytes { bytes in
      make(bytes.baseAddress)
      return skein_ask(bytes.baseAddress)
    }
    guard code == 0 || harmless.contains(code) else { throw Errno(name, code: code) }
  }
}
