// SPDX-License-Identifier: Apache-2.0
// Index: values found by something several of them may claim, the preferred one first.

import Format

/// What has an order among those that claim the same.
protocol Ordered: AnyObject, Sendable {
  func precedes(_ other: Self) -> Bool
}

/// Who claims a key, the preferred one first.
protocol Claims: Keyed {
  associatedtype Value: Ordered
  var values: Few<Value> { get }
  init(_ values: Few<Value>, to key: Key)
}

/// Values by what they claim.
struct Index<Entry: Claims>: Sendable {
  private var entries = Trie<Entry>()

  /// How many different keys are claimed.
  var count: Int { entries.count }

  /// Who claims a key, the preferred one first.
  subscript(key: Entry.Key) -> Few<Entry.Value> { entries.find(key)?.values ?? .many([]) }

  /// Adds a claim.
  mutating func add(_ value: Entry.Value, to key: Entry.Key) {
    entries.update(key) { slot in
      guard let values = slot?.values else {
        slot = Entry(.one(value), to: key)
        return
      }
      let place = values.firstIndex { value.precedes($0) } ?? values.endIndex
      slot = Entry(Few(values.prefix(place) + [value] + values.suffix(from: place)), to: key)
    }
  }

  /// Withdraws a claim.
  mutating func remove(_ value: Entry.Value, from key: Entry.Key) {
    entries.update(key) { slot in
      guard let values = slot?.values else { return }
      let left = values.filter { $0 !== value }
      slot = left.isEmpty ? nil : Entry(Few(left), to: key)
    }
  }

  /// Every key with its claims.
  func forEach(_ body: (Entry.Key, Few<Entry.Value>) -> Void) { entries.forEach { body($0.key, $0.values) } }
}

/// Who claims a key of any kind.
struct KeyClaims<Key: Hashable & Sendable, Value: Ordered>: Claims {
  let key: Key
  let values: Few<Value>

  init(_ values: Few<Value>, to key: Key) {
    self.key = key
    self.values = values
  }
}

/// Who claims an address. Nearly every one belongs to a single workload, which knows it: a reference is all there is.
enum AddressClaims: Claims {
  case first(Workload)
  case second(Workload)
  indirect case others(Few<Workload>, to: IPAddress)

  init(_ values: Few<Workload>, to key: IPAddress) {
    self = .others(values, to: key)
    guard case .one(let workload) = values else { return }
    switch workload.addresses.firstIndex(of: key) {
    case 0: self = .first(workload)
    case 1: self = .second(workload)
    default: break
    }
  }

  var key: IPAddress {
    switch self {
    case .first(let workload): workload.addresses[0]
    case .second(let workload): workload.addresses[1]
    case .others(_, let address): address
    }
  }

  var values: Few<Workload> {
    switch self {
    case .first(let workload), .second(let workload): .one(workload)
    case .others(let workloads, _): workloads
    }
  }
}
