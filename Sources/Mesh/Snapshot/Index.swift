// SPDX-License-Identifier: Apache-2.0
// Index: values found by something several of them may claim, the preferred one first.

/// What has an order among those that claim the same.
protocol Ordered: AnyObject, Sendable {
  func precedes(_ other: Self) -> Bool
}

/// Values by what they claim.
struct Index<Key: Hashable & Sendable, Value: Ordered>: Sendable {
  private struct Claims: Keyed {
    let key: Key
    let values: Few<Value>
  }

  private var claims = Trie<Claims>()

  /// How many different keys are claimed.
  var count: Int { claims.count }

  /// Who claims a key, the preferred one first.
  subscript(key: Key) -> Few<Value> { claims.find(key)?.values ?? .many([]) }

  /// Adds a claim.
  mutating func add(_ value: Value, to key: Key) {
    claims.update(key) { slot in
      guard let values = slot?.values else {
        slot = Claims(key: key, values: .one(value))
        return
      }
      let place = values.firstIndex { value.precedes($0) } ?? values.endIndex
      slot = Claims(key: key, values: Few(values.prefix(place) + [value] + values.suffix(from: place)))
    }
  }

  /// Withdraws a claim.
  mutating func remove(_ value: Value, from key: Key) {
    claims.update(key) { slot in
      guard let values = slot?.values else { return }
      let left = values.filter { $0 !== value }
      slot = left.isEmpty ? nil : Claims(key: key, values: Few(left))
    }
  }

  /// Every key with its claims.
  func forEach(_ body: (Key, Few<Value>) -> Void) { claims.forEach { body($0.key, $0.values) } }
}
