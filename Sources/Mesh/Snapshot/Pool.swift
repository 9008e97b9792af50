// SPDX-License-Identifier: Apache-2.0
// Pool: what a hundred thousand workloads say alike is held once, and forgotten with its last holder.
//
//   a workload arrives   its template, place and long texts are replaced by those everybody holds
//   a workload leaves    they lose a holder

/// A value behind a reference, so that many can hold the same one. Its hash is asked for at every arrival and departure.
package final class Shared<Value: Hashable & Sendable>: Hashable, Sendable {
  /// The value.
  package let value: Value
  private let hash: Int

  init(_ value: Value) {
    self.value = value
    hash = value.hashValue
  }

  package static func == (one: Shared, other: Shared) -> Bool {
    one === other || one.hash == other.hash && one.value == other.value
  }

  package func hash(into hasher: inout Hasher) { hasher.combine(hash) }
}

/// Equal values, held once, with the number of their holders.
struct Holdings<Value: Hashable & Sendable>: Sendable {
  private var holders: [Value: UInt32] = [:]

  /// How many different values are held.
  var count: Int { holders.count }

  /// The value everybody holds, if there is one; it has one holder more.
  mutating func hold(_ value: Value) -> Value? {
    guard let index = holders.index(forKey: value) else { return nil }
    holders.values[index] += 1
    return holders.keys[index]
  }

  /// A value nobody has held so far, and its first holder.
  mutating func add(_ value: Value) { holders[value] = 1 }

  /// One holder less. True when it was the last.
  mutating func release(_ value: Value) -> Bool {
    guard let index = holders.index(forKey: value), holders.values[index] > 1 else {
      return holders.removeValue(forKey: value) != nil
    }
    holders.values[index] -= 1
    return false
  }
}

/// What workloads and services share.
struct Pool: Sendable {
  private var templates = Holdings<Shared<Template>>()
  private var places = Holdings<Shared<Place>>()
  private var texts = Holdings<String>()

  /// How many templates, places and texts are held.
  var counts: [Int] { [templates.count, places.count, texts.count] }

  mutating func hold(_ workload: Workload) -> Workload {
    workload.with(hold(workload.templateBox), hold(workload.placeBox))
  }

  mutating func release(_ workload: Workload) {
    if templates.release(workload.templateBox) { _ = workload.template.mapTexts { release($0) } }
    if places.release(workload.placeBox) { _ = workload.place.mapTexts { release($0) } }
  }

  mutating func hold(_ service: Service) -> Service { service.mapTexts { hold($0) } }

  mutating func release(_ service: Service) { _ = service.mapTexts { release($0) } }

  private mutating func hold(_ template: Shared<Template>) -> Shared<Template> {
    if let held = templates.hold(template) { return held }
    let first = Shared(template.value.mapTexts { hold($0) })
    templates.add(first)
    return first
  }

  private mutating func hold(_ place: Shared<Place>) -> Shared<Place> {
    if let held = places.hold(place) { return held }
    let first = Shared(place.value.mapTexts { hold($0) })
    places.add(first)
    return first
  }

  /// Texts of at most this many bytes live inside a String and cannot be shared.
  private static let inlineBytes = 15

  private mutating func hold(_ text: String) -> String {
    guard text.utf8.count > Self.inlineBytes else { return text }
    if let held = texts.hold(text) { return held }
    let first = text.compact
    texts.add(first)
    return first
  }

  private mutating func release(_ text: String) -> String {
    if text.utf8.count > Self.inlineBytes { _ = texts.release(text) }
    return text
  }
}
