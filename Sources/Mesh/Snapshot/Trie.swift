// SPDX-License-Identifier: Apache-2.0
// Trie: a set of elements found by their keys, of which an old version costs nothing to keep.
//
//   branch ─ two bits of the hash choose one of four ─┬─ branch ─ …
//                                                     └─ leaf: up to sixteen elements, searched in a row
//
// A change copies the path to one leaf, unless nobody else holds it: then it happens in place, which makes building a
// world from nothing cheap. Leaves this wide cost 7 bytes an element beside the element itself; the usual trie of
// thirty-two ways with one element per slot costs 20, and needs no fewer cache lines to be found in.

/// What can be found by a key it knows itself.
protocol Keyed: Sendable {
  associatedtype Key: Hashable & Sendable
  var key: Key { get }
}

/// Elements found by their keys.
struct Trie<Element: Keyed>: Sendable {
  private var root = Node<Element>.leaf([])
  private(set) var count = 0

  /// The element of a key.
  func find(_ key: Element.Key) -> Element? { root.find(key, hash: Self.hash(key)) }

  /// Puts an element in, and gives back the one that had its key.
  @discardableResult
  mutating func put(_ element: Element) -> Element? { put(element, at: element.key) }

  /// Takes an element out.
  @discardableResult
  mutating func remove(_ key: Element.Key) -> Element? { put(nil, at: key) }

  /// Puts an element, or none, in the place of the one that has a key, and gives that back.
  @discardableResult
  mutating func put(_ element: Element?, at key: Element.Key) -> Element? {
    update(key) { slot in
      defer { slot = element }
      return slot
    }
  }

  /// Lets the caller change, add or remove the element of a key.
  mutating func update<Result>(_ key: Element.Key, _ body: (inout Element?) -> Result) -> Result {
    var grown = 0
    defer { count += grown }
    return root.update(key, hash: Self.hash(key), depth: 0) { slot in
      grown -= slot == nil ? 0 : 1
      defer { grown += slot == nil ? 0 : 1 }
      return body(&slot)
    }
  }

  /// Every element, in no order that means anything.
  func forEach(_ body: (Element) -> Void) { root.forEach(body) }

  private static func hash(_ key: Element.Key) -> UInt { UInt(bitPattern: key.hashValue) }
}

private enum Node<Element: Keyed>: Sendable {
  case leaf([Element])
  case branch([Node])

  /// More elements than this split a leaf, unless the hash has no bits left.
  private static var leafMax: Int { 16 }
  /// A branch of this many elements or fewer becomes a leaf again.
  private static var mergeMax: Int { 8 }
  private static var depthMax: Int { UInt.bitWidth / 2 }

  func find(_ key: Element.Key, hash: UInt) -> Element? {
    switch self {
    case .leaf(let elements):
      let span = elements.span
      for index in span.indices where span[index].key == key { return span[index] }
      return nil
    case .branch(let nodes): return nodes[Int(hash & 3)].find(key, hash: hash >> 2)
    }
  }

  func forEach(_ body: (Element) -> Void) {
    switch self {
    case .leaf(let elements): elements.forEach(body)
    case .branch(let nodes): for node in nodes { node.forEach(body) }
    }
  }

  mutating func update<Result>(
    _ key: Element.Key, hash: UInt, depth: Int, _ body: (inout Element?) -> Result
  ) -> Result {
    switch self {
    case .leaf(var elements):
      self = .leaf([])  // Gives up our hold on the array, so that it is changed in place when it is ours alone.
      let result = Self.update(key, in: &elements, body)
      self =
        elements.count > Self.leafMax && depth < Self.depthMax ? Self.split(elements, depth: depth) : .leaf(elements)
      return result
    case .branch(var nodes):
      self = .leaf([])
      let result = nodes[Int(hash & 3)].update(key, hash: hash >> 2, depth: depth + 1, body)
      self = Self.merged(nodes) ?? .branch(nodes)
      return result
    }
  }

  private static func update<Result>(
    _ key: Element.Key, in elements: inout [Element], _ body: (inout Element?) -> Result
  ) -> Result {
    // Taken out of the array, so that what the element holds is changed in place, too. The order means nothing.
    var slot: Element?
    if let index = elements.firstIndex(where: { $0.key == key }) {
      elements.swapAt(index, elements.endIndex - 1)
      slot = elements.removeLast()
    }
    let result = body(&slot)
    if let slot {
      // An array that grows by itself doubles: a third of all leaves would be empty space.
      elements.reserveCapacity(elements.count + 1)
      elements.append(slot)
    }
    return result
  }

  private static func split(_ elements: [Element], depth: Int) -> Node {
    let shift = UInt(2 * depth)
    let ways = elements.map { Int(UInt(bitPattern: $0.key.hashValue) >> shift & 3) }
    let parts = (0..<4).map { way in elements.indices.filter { ways[$0] == way }.map { elements[$0] } }
    return .branch(parts.map { $0.count > leafMax && depth + 1 < depthMax ? split($0, depth: depth + 1) : .leaf($0) })
  }

  private static func merged(_ nodes: [Node]) -> Node? {
    var sum = 0
    for node in nodes {
      guard case .leaf(let elements) = node else { return nil }
      sum += elements.count
    }
    guard sum <= mergeMax else { return nil }
    var all: [Element] = []
    for case .leaf(let elements) in nodes { all += elements }
    return .leaf(all)
  }
}
