// SPDX-License-Identifier: Apache-2.0
// Errno: a failed system call, named.

import Glibc

/// A system call that failed: which one and why.
package struct Errno: Error, Equatable, Sendable, CustomStringConvertible {
  /// The call's name.
  package let call: String
  /// The value errno had on return.
  package let code: CInt

  /// Takes errno as it is now; call it on the line after the failure, before anything can overwrite it.
  package init(_ call: StaticString, code: CInt = errno) {
    self.code = code
    self.call = "\(call)"
  }

  /// The call and the C library's text for the code.
  package var description: String { "\(call): \(String(cString: strerror(code)))" }

  /// Whether the process or the machine has no descriptor left.
  package var isOutOfDescriptors: Bool { code == EMFILE || code == ENFILE }
}
