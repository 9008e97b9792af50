// SPDX-License-Identifier: Apache-2.0
// Guess: the word somebody meant who wrote another one.

extension String {
  /// Words longer than this are not compared: the work grows with the square.
  private static let guessBytesMax = 128

  /// The word nearest to this one, if it is near enough to have been meant: a third of its letters wrong at most.
  package func nearest(of words: some Sequence<String>) -> String? {
    guard utf8.count <= Self.guessBytesMax else { return nil }
    var best: (word: String, distance: Int)?
    for word in words where word != self && word.utf8.count <= Self.guessBytesMax {
      // Capitals are the least of mistakes.
      let distance = lowercased().distance(to: word.lowercased())
      guard distance * 3 <= Swift.max(utf8.count, word.utf8.count), distance <= best?.distance ?? distance else {
        continue
      }
      // Of equally near ones the first by name, so that the answer is always the same.
      if let best, best.distance == distance, best.word < word { continue }
      best = (word, distance)
    }
    return best?.word
  }

  /// How many letters have to be put in, left out, changed, or swapped with their neighbour.
  private func distance(to other: String) -> Int {
    let (one, two) = (Array(utf8), Array(other.utf8))
    var before: [Int] = []
    var row = Array(0...two.count)
    for (i, a) in one.enumerated() {
      var next = [i + 1]
      for (j, b) in two.enumerated() {
        var cost = Swift.min(row[j + 1] + 1, next[j] + 1, row[j] + (a == b ? 0 : 1))
        if i > 0, j > 0, a == two[j - 1], one[i - 1] == b { cost = Swift.min(cost, before[j - 1] + 1) }
        next.append(cost)
      }
      (before, row) = (row, next)
    }
    return row[two.count]
  }
}
