// SPDX-License-Identifier: Apache-2.0
// Lottery: one of many, each as likely as its weight says; from all of them, or from some that stand together.
//
//   tickets   4  0  7  3  9  1      in an order the caller has chosen
//   sums      1  3  3  8  9 12      what each weighs together with those before it
//   guide     0  1  3  3  3  4  5   where to look: the first whose sum is above 0, 2, 4 … of 12
//
// Most lotteries need no row: when everybody takes part, in order of the numbers, and all weigh the same. A draw by weights
// takes constant time: as many entries of the guide as tickets leave one or two tickets to look at, on the average over
// draws (Chen and Asau's method). Only a part of nothing but light tickets beside heavy ones has to be searched.
// Walker's alias method would need a table for each part.

/// A weighted choice among numbered things.
struct Lottery: Sendable {
  /// Empty when they are the numbers below the count.
  private let tickets: [UInt32]
  /// Empty when all weigh the same. At most 2^32 weights of at most 2^32 - 1 each.
  private let sums: [UInt64]
  private let guide: [UInt32]
  private let count: Int

  /// A ticket of weight 0 is never drawn.
  init(_ tickets: [Int], weight: (Int) -> UInt32) {
    let first = tickets.first.map(weight) ?? 0
    let isEven = tickets.allSatisfy { weight($0) == first }
    count = isEven && first == 0 ? 0 : tickets.count
    self.tickets = tickets.elementsEqual(0..<tickets.count) ? [] : tickets.map(UInt32.init)
    var sum: UInt64 = 0
    sums =
      isEven
      ? []
      : tickets.map { ticket in
        sum += UInt64(weight(ticket))
        return sum
      }
    guide = Self.guide(to: sums)
  }

  /// For each of as many equal parts of the whole weight as there are tickets: the first ticket that reaches into it.
  private static func guide(to sums: [UInt64]) -> [UInt32] {
    guard let whole = sums.last else { return [] }
    var place = 0
    return (0...sums.count).map { part in
      let start = UInt64(sums.count).dividingFullWidth(whole.multipliedFullWidth(by: UInt64(part))).quotient
      while place < sums.count - 1, sums[place] <= start { place += 1 }
      return UInt32(place)
    }
  }

  /// The places of all tickets.
  var places: Range<Int> { 0..<count }

  /// The ticket of a place.
  subscript(place: Int) -> Int { tickets.isEmpty ? place : Int(tickets[place]) }

  /// A ticket of some places; nil when there is none.
  func draw(from part: Range<Int>, _ dice: inout Dice) -> Int? {
    guard !part.isEmpty else { return nil }
    guard !sums.isEmpty else { return self[part.lowerBound + Int(dice.below(UInt64(part.count)))] }
    let start = part.lowerBound == 0 ? 0 : sums[part.lowerBound - 1]
    let weight = sums[part.upperBound - 1] - start
    guard weight > 0 else { return nil }
    let drawn = start + dice.below(weight)
    return self[near(drawn).clamped(to: part).bisect { sums[$0] > drawn }]
  }

  /// The few places among which the first is whose sum is above a number.
  private func near(_ drawn: UInt64) -> Range<Int> {
    let part = Int(sums[sums.count - 1].dividingFullWidth(drawn.multipliedFullWidth(by: UInt64(sums.count))).quotient)
    return Int(guide[part])..<Int(guide[part + 1]) + 1
  }
}
