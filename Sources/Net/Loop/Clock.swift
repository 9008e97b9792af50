// SPDX-License-Identifier: Apache-2.0
// Instant: a reading of the monotonic clock. Read once a turn by the reactor and passed on; nothing else reads it.

import Glibc

/// A point on the machine's monotonic clock.
package struct Instant: Comparable, Hashable, Sendable {
  /// Nanoseconds since the clock began.
  package let nanoseconds: Int64

  /// An instant by its number, for tests.
  package init(nanoseconds: Int64) { self.nanoseconds = nanoseconds }

  /// The clock's first instant.
  package static let zero = Instant(nanoseconds: 0)

  /// The clock, read now.
  package static func read() -> Instant {
    var time = timespec()
    clock_gettime(CLOCK_MONOTONIC, &time)
    return Instant(nanoseconds: Int64(time.tv_sec) &* 1_000_000_000 &+ Int64(time.tv_nsec))
  }

  /// A later instant; saturates instead of overflowing.
  package static func + (start: Instant, length: Duration) -> Instant {
    let (sum, isOver) = start.nanoseconds.addingReportingOverflow(length.nanoseconds)
    return Instant(nanoseconds: isOver ? .max : sum)
  }

  /// How long from `other` to this.
  package func since(_ other: Instant) -> Duration { .nanoseconds(nanoseconds &- other.nanoseconds) }

  package static func < (a: Instant, b: Instant) -> Bool { a.nanoseconds < b.nanoseconds }
}

extension Duration {
  /// The length in nanoseconds, saturated to 64 bits.
  package var nanoseconds: Int64 {
    let (seconds, attoseconds) = components
    let (scaled, isOver) = seconds.multipliedReportingOverflow(by: 1_000_000_000)
    guard !isOver else { return seconds < 0 ? .min : .max }
    let (sum, isOverAgain) = scaled.addingReportingOverflow(attoseconds / 1_000_000_000)
    return isOverAgain ? (seconds < 0 ? .min : .max) : sum
  }
}
