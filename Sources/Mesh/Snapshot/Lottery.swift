// SPDX-License-Identifier: Apache-2.0
// Lottery: one of many, each as likely as its weight says, in constant time.
//
// Equal weights need no table. Otherwise Walker's alias method in Vose's form, in whole numbers: a column per ticket, each
// of the same height; the part of a column its ticket does not fill belongs to one other ticket.

/// A weighted choice among numbered things.
struct Lottery: Sendable {
  private struct Column: Sendable {
    let fill: UInt64
    let other: UInt32
  }

  /// What is drawn, by its number.
  let tickets: [UInt32]
  private let columns: [Column]
  private let height: UInt64

  /// A ticket of weight 0 is never drawn, and not kept.
  init(_ entries: [(ticket: UInt32, weight: UInt32)]) {
    let live = entries.filter { $0.weight > 0 }
    tickets = live.map(\.ticket)
    let isEven = live.allSatisfy { $0.weight == live[0].weight }
    // At most 2^32 weights of at most 2^32 - 1 each.
    height = isEven ? 0 : live.reduce(0) { $0 + UInt64($1.weight) }
    columns = isEven ? [] : Self.columns(live.map(\.weight), height: height)
  }

  /// A ticket; nil when there is none.
  func draw(_ dice: inout Dice) -> UInt32? {
    guard !tickets.isEmpty else { return nil }
    let place = Int(dice.below(UInt64(tickets.count)))
    guard !columns.isEmpty else { return tickets[place] }
    let column = columns[place]
    return dice.below(height) < column.fill ? tickets[place] : tickets[Int(column.other)]
  }

  private static func columns(_ weights: [UInt32], height: UInt64) -> [Column] {
    var fills = weights.map { UInt64($0) * UInt64(weights.count) }
    var others = (0..<UInt32(weights.count)).map(\.self)
    var low = fills.indices.filter { fills[$0] < height }
    var high = fills.indices.filter { fills[$0] >= height }
    while let short = low.popLast(), let tall = high.last {
      others[short] = UInt32(tall)
      fills[tall] -= height - fills[short]
      if fills[tall] < height { low.append(high.removeLast()) }
    }
    return zip(fills, others).map { Column(fill: $0, other: $1) }
  }
}
