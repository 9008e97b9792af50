// SPDX-License-Identifier: Apache-2.0
// The word somebody meant.

import Testing

@testable import World

@Suite struct GuessTests {
  static let words = [
    "principals", "namespaces", "ipBlocks", "requestPrincipals", "ports", "paths", "STRICT", "PERMISSIVE",
  ]

  @Test(arguments: [
    ("principal", "principals"), ("prinicpals", "principals"), ("ipblocks", "ipBlocks"), ("namespace", "namespaces"),
    ("port", "ports"), ("strict", "STRICT"), ("permisive", "PERMISSIVE"),
  ])
  func isFound(written: String, meant: String) {
    #expect(written.nearest(of: Self.words) == meant)
  }

  @Test(arguments: ["", "x", "hosts-and-more", "zzzzzzzz", String(repeating: "a", count: 129)])
  func isNotMadeUp(written: String) {
    #expect(written.nearest(of: Self.words) == nil)
  }

  @Test func ofEquallyNearOnesTheFirstByName() {
    #expect("bat".nearest(of: ["cat", "rat", "hat"]) == "cat")
    #expect("bat".nearest(of: ["rat", "hat", "cat"]) == "cat")
  }
}
