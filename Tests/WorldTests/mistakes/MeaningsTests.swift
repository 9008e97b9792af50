// SPDX-License-Identifier: Apache-2.0
// Every code that is said somewhere has a meaning, and every meaning a code.

import Foundation
import Testing

@testable import World

@Suite struct MeaningsTests {
  /// All words of the sources that look like a code.
  private static func codes() throws -> Set<String> {
    let world = URL(fileURLWithPath: #filePath).deletingLastPathComponent()
      .appendingPathComponent("../../../Sources/World").standardizedFileURL
    var codes: Set<String> = []
    for folder in ["Analysis", "Objects", "Manifests"] {
      for name in try FileManager.default.contentsOfDirectory(atPath: world.appendingPathComponent(folder).path)
      where name.hasSuffix(".swift") && name != "Meanings.swift" {
        let text = try String(contentsOf: world.appendingPathComponent("\(folder)/\(name)"), encoding: .utf8)
        for match in text.matches(of: /"([a-z]+(?:-[a-z]+)+)"/) { codes.insert(String(match.output.1)) }
      }
    }
    return codes
  }

  @Test func everyCodeHasOne() throws {
    let codes = try Self.codes()
    #expect(codes.count > 60)
    #expect(codes.subtracting(Problem.meanings.keys).sorted() == [])
    #expect(Set(Problem.meanings.keys).subtracting(codes).sorted() == [])
  }

  @Test func everyCodeOfAnAnalysisHasItsMistake() throws {
    let seeded = Set(Mistake.all.map(\.code))
    let analysis = Problem.mesh.keys.filter { $0 != "other-revision" }
    #expect(Set(analysis).subtracting(seeded).sorted() == [])
  }
}
