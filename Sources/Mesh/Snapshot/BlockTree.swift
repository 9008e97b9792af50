// SPDX-License-Identifier: Apache-2.0
// BlockTree: values found by any address of their block. One step per bit of the longest block that could match.

import Format

/// Values by blocks of addresses.
struct BlockTree<Value: Ordered>: Sendable {
  private indirect enum Node: Sendable {
    case nothing
    case fork(values: [Value], zero: Node, one: Node)
  }

  private var v4 = Node.nothing
  private var v6 = Node.nothing

  /// Whether there is no block at all.
  var isEmpty: Bool { if case (.nothing, .nothing) = (v4, v6) { true } else { false } }

  /// Adds a value to a block.
  mutating func add(_ value: Value, to block: AddressBlock) {
    change(block) { values in
      values.insert(value, at: values.firstIndex { value.precedes($0) } ?? values.endIndex)
    }
  }

  /// Takes a value out of a block.
  mutating func remove(_ value: Value, from block: AddressBlock) {
    change(block) { values in values.removeAll { $0 === value } }
  }

  /// Every value whose block holds the address, with the length of the block; short blocks first.
  func forEach(holding address: IPAddress, _ body: (Value, Int) -> Void) {
    var node = address.isV4 ? v4 : v6
    var length = 0
    while case .fork(let values, let zero, let one) = node {
      for value in values { body(value, length) }
      guard length < address.bits else { return }
      node = address.bit(length) ? one : zero
      length += 1
    }
  }

  private mutating func change(_ block: AddressBlock, _ body: (inout [Value]) -> Void) {
    if block.first.isV4 {
      v4 = Self.changed(v4, block, depth: 0, body)
    } else {
      v6 = Self.changed(v6, block, depth: 0, body)
    }
  }

  private static func changed(_ node: Node, _ block: AddressBlock, depth: Int, _ body: (inout [Value]) -> Void) -> Node
  {
    var (values, zero, one): ([Value], Node, Node) = ([], .nothing, .nothing)
    if case .fork(let held, let left, let right) = node { (values, zero, one) = (held, left, right) }
    if depth == Int(block.length) {
      body(&values)
    } else if block.first.bit(depth) {
      one = changed(one, block, depth: depth + 1, body)
    } else {
      zero = changed(zero, block, depth: depth + 1, body)
    }
    if values.isEmpty, case (.nothing, .nothing) = (zero, one) { return .nothing }
    return .fork(values: values, zero: zero, one: one)
  }
}
