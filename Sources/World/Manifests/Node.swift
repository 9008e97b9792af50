// SPDX-License-Identifier: Apache-2.0
// Node: a value of a YAML document, and where it stands.

/// A value of a YAML document.
package struct Node: Sendable {
  /// What it is. Texts are not interpreted further: whether `yes` is a truth is for the field to say.
  package enum Value: Sendable {
    /// Nothing, `~`, or `null`, not quoted.
    case null
    case text(String, isQuoted: Bool)
    case list([Node])
    case map([Entry])
  }

  /// A key of a map and its value. Keys are unique within a map.
  package struct Entry: Sendable {
    /// The key.
    package let key: String
    /// The line of the key, from 1.
    package let line: Int
    /// The column of the key, from 1.
    package let column: Int
    /// The value.
    package let value: Node

    /// Joins them.
    package init(key: String, line: Int, column: Int, value: Node) {
      self.key = key
      self.line = line
      self.column = column
      self.value = value
    }
  }

  /// What it is.
  package let value: Value
  /// The line it begins on, from 1.
  package let line: Int
  /// The column it begins at, from 1.
  package let column: Int

  /// Joins them.
  package init(_ value: Value, line: Int, column: Int) {
    self.value = value
    self.line = line
    self.column = column
  }

  /// What a person calls it.
  package var kind: String {
    switch value {
    case .null: "nothing"
    case .text: "a text"
    case .list: "a list"
    case .map: "a map"
    }
  }

  /// The value of a key; nil when this is no map or has no such key.
  package subscript(key: String) -> Node? {
    guard case .map(let entries) = value else { return nil }
    return entries.first { $0.key == key }?.value
  }
}
