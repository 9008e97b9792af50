// SPDX-License-Identifier: Apache-2.0
// Settling: when a burst of changes is over.
//
//   event … event … event ·········· quiet 50 ms → refresh
//   event … event … event … event … event … 1 s → refresh, whatever goes on
//
// A refresh in the middle of a burst would read half of what somebody is writing.

/// Collects news until a refresh is due. Times are those of any clock that never goes back, since it began.
package struct Settling: Sendable {
  /// So long after the last event.
  package static let settle = Duration.milliseconds(50)
  /// At most so long after the first one.
  package static let settleMax = Duration.seconds(1)

  private var first: Duration?
  private var last = Duration.zero

  /// Nothing is due.
  package init() {}

  /// Something happened.
  package mutating func notice(at now: Duration) {
    first = first ?? now
    last = now
  }

  /// When the refresh is due; nil when nothing happened.
  package var due: Duration? { first.map { min(last + Self.settle, $0 + Self.settleMax) } }

  /// A refresh begins; what happens from now on is for the next one.
  package mutating func begin() { first = nil }
}
