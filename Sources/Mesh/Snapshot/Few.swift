// SPDX-License-Identifier: Apache-2.0
// Few: a list that mostly has one element, and then needs no array.

/// Elements in a row, of which there is mostly one.
package enum Few<Element: Sendable>: Sendable {
  case one(Element)
  case many([Element])

  /// The elements of an array.
  package init(_ elements: [Element]) {
    self = elements.count == 1 ? .one(elements[0]) : .many(elements)
  }
}

extension Few: RandomAccessCollection {
  /// Always 0.
  package var startIndex: Int { 0 }

  /// The number of elements.
  package var endIndex: Int {
    switch self {
    case .one: 1
    case .many(let elements): elements.count
    }
  }

  /// The element of a place.
  package subscript(index: Int) -> Element {
    switch self {
    case .one(let element):
      precondition(index == 0, "\(index) of 1")
      return element
    case .many(let elements): return elements[index]
    }
  }
}

extension Few: Equatable where Element: Equatable {
  package static func == (one: Self, other: Self) -> Bool { one.elementsEqual(other) }
}
