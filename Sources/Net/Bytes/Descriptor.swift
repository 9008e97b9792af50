// SPDX-License-Identifier: Apache-2.0
// Descriptor: one owner of one kernel object.

import Glibc

/// A file descriptor. One owner; closes when it goes.
package struct Descriptor: ~Copyable, Sendable {
  /// The number, for calls; valid as long as the owner lives.
  package let raw: CInt

  /// Takes over a number that nobody else closes.
  package init(owning raw: CInt) {
    precondition(raw >= 0, "descriptor \(raw)")
    self.raw = raw
  }

  deinit { _ = Glibc.close(raw) }

  /// Gives the number away; the caller closes it now.
  package consuming func release() -> CInt {
    let number = raw
    discard self
    return number
  }
}
