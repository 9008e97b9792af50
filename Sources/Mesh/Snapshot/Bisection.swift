// SPDX-License-Identifier: Apache-2.0
// Bisection: a place in a row that is in order.

extension Range<Int> {
  /// The first number for which a test holds, or the upper bound; it has to hold for all that follow, too.
  func bisect(_ holds: (Int) -> Bool) -> Int {
    var (low, high) = (lowerBound, upperBound)
    while low < high {
      let middle = low + (high - low) / 2
      if holds(middle) { high = middle } else { low = middle + 1 }
    }
    return low
  }
}
