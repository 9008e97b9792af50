// SPDX-License-Identifier: Apache-2.0
// Guess: the word somebody meant who wrote another one.

extension String {
  /// Words longer than this are not compared: the work grows with the square.
  private static let guessBytesMax = 128

  /// The word nearest to this one, if it is near enough to have been meant: a third of its letters wrong at most, and
  /// no more than the caller says.
  package func nearest(of words: some Sequence<String>, atMost bound: Int = .max) -> String? {
    guard utf8.count <= Self.guessBytesMax else { return nil }
    // Capitals are the least of mistakes.
    let own = Array(lowercased().utf8)
    var best: (word: String, distance: Int)?
    for word in words where word != self && word.utf8.count <= Self.guessBytesMax {
      let most = Swift.min(Swift.max(utf8.count, word.utf8.count) / 3, best?.distance ?? bound)
      // Every letter that is too many is wrong; most words are told apart by that.
      guard abs(own.count - word.utf8.count) <= most else { continue }
      let distance = own.distance(to: Array(word.lowercased().utf8))
      guard distance <= most else { continue }
      // Of equally near ones the first by name, so that the answer is always the same.
      if let best, best.distance == distance, best.word < word { continue }
      best = (word, distance)
    }
    return best?.word
  }
}

extension [UInt8] {
  /// How many letters have to be put in, left out, changed, or swapped with their neighbour.
  fileprivate func distance(to other: [UInt8]) -> Int {
    var before: [Int] = []
    var row = Array<Int>(0...other.count)
    for (i, a) in enumerated() {
      var next = [i + 1]
      next.reserveCapacity(row.count)
      for (j, b) in other.enumerated() {
        var cost = Swift.min(row[j + 1] + 1, next[j] + 1, row[j] + (a == b ? 0 : 1))
        if i > 0, j > 0, a == other[j - 1], self[i - 1] == b { cost = Swift.min(cost, before[j - 1] + 1) }
        next.append(cost)
      }
      (before, row) = (row, next)
    }
    return row[other.count]
  }
}
