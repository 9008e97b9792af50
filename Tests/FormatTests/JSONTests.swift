// SPDX-License-Identifier: Apache-2.0
// What is written as JSON is read back the same by somebody else.

import Format
import Foundation
import Testing

@Suite struct JSONTests {
  static let value = JSON.members([
    "text": .text("a \"quoted\" \\ text\nwith\ttabs\r, \u{0}, \u{1f}, \u{7f}, ä and 🧵"), "number": .number(-42),
    "truth": .truth(true), "nothing": .null, "absent": nil, "empty": .list([]), "map": .members([:]),
    "list": .list([.number(1), .list([.text("")]), .members(["a": .truth(false)])]),
  ])

  @Test(arguments: [value.compact, value.pretty])
  func isReadBySomebodyElse(text: String) throws {
    let read = try #require(try JSONSerialization.jsonObject(with: Data(text.utf8)) as? [String: Any])
    #expect(read["text"] as? String == "a \"quoted\" \\ text\nwith\ttabs\r, \u{0}, \u{1f}, \u{7f}, ä and 🧵")
    #expect(read["number"] as? Int == -42)
    #expect(read["truth"] as? Bool == true)
    #expect(read["nothing"] is NSNull)
    #expect(read["absent"] == nil)
    #expect((read["list"] as? [Any])?.count == 3)
  }

  @Test func looksTheSameEveryTime() {
    let value = JSON.members(["b": .number(1), "a": .list([.text("x"), .members(["c": .null])])])
    #expect(value.compact == #"{"b":1,"a":["x",{"c":null}]}"#)
    #expect(value.pretty == "{\n  \"b\": 1,\n  \"a\": [\n    \"x\",\n    {\n      \"c\": null\n    }\n  ]\n}")
  }
}
