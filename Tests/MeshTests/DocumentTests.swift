// SPDX-License-Identifier: Apache-2.0
// The page on decisions lists every reason as the code has it.

import Foundation
import Testing

@testable import Mesh

@Suite struct DocumentTests {
  @Test func everyReasonStandsInThePage() throws {
    let page = URL(filePath: #filePath).deletingLastPathComponent().appending(path: "../../docs/DECISIONS.md")
    let text = try String(contentsOf: page, encoding: .utf8)
    for reason in Reason.allCases {
      #expect(text.contains("| `\(reason.rawValue)` | \(reason.status) | \(reason.text) |\n"), "\(reason)")
    }
    let rows = text.split(separator: "\n").drop { !$0.hasPrefix("| code | status |") }.dropFirst(2)
    #expect(rows.prefix { $0.hasPrefix("|") }.count == Reason.allCases.count)
  }
}
