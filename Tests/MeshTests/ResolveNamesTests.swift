// SPDX-License-Identifier: Apache-2.0
// Which names are looked for, in which order, and how many at most.

import Testing

@testable import Mesh

@Suite struct ResolveNamesTests {
  struct Case: Sendable, CustomTestStringConvertible {
    let asked: String
    var search: [String]?
    /// `name`, or `name < stripped`.
    let candidates: [String]
    var testDescription: String { "\(asked) under \(search ?? ["the usual list"])" }
  }

  @Test(arguments: [
    Case(asked: "a", candidates: ["a", "a.shop.svc.mesh.test"]),
    Case(asked: "a.b", candidates: ["a.b", "a.b.svc.mesh.test", "a.b.shop.svc.mesh.test"]),
    Case(asked: "a.b.c", candidates: ["a.b.c", "a.b.c.svc.mesh.test"]),
    Case(asked: "a.b.svc", candidates: ["a.b.svc", "a.b.svc.mesh.test", "a.b.svc.svc.mesh.test"]),
    Case(asked: "a.b.c.d", candidates: ["a.b.c.d"]),
    Case(asked: "a.b.c.svc", candidates: ["a.b.c.svc", "a.b.c.svc.mesh.test"]),
    Case(asked: "a.b.c.d.svc", candidates: ["a.b.c.d.svc"]),
    // What a pod's resolver asks first for `a`. The name itself is among the longer forms of what is left, and not
    // looked for again.
    Case(
      asked: "a.shop.svc.mesh.test",
      candidates: [
        "a.shop.svc.mesh.test", "a < a", "a.shop < a.shop", "a.shop.shop.svc.mesh.test < a.shop",
        "a.shop.svc < a.shop.svc", "a.shop.svc.svc.mesh.test < a.shop.svc",
      ]),
    Case(
      asked: "www.example.com.svc.mesh.test",
      candidates: [
        "www.example.com.svc.mesh.test", "www.example.com < www.example.com",
        "www.example.com.svc < www.example.com.svc",
      ]),
    Case(
      asked: "a.x.y", search: ["y", "x.y"],
      candidates: [
        "a.x.y", "a.x.y.svc.mesh.test", "a.x < a.x", "a.x.svc.mesh.test < a.x", "a.x.shop.svc.mesh.test < a.x", "a < a",
        "a.shop.svc.mesh.test < a",
      ]),
    Case(asked: "a.b.c.d.y", search: ["y", "Y.", "y"], candidates: ["a.b.c.d.y", "a.b.c.d < a.b.c.d"]),
    Case(
      asked: "mesh.test", search: ["mesh.test", "h.test", "esh.test"],
      candidates: [
        "mesh.test", "mesh.test.svc.mesh.test", "mesh.test.shop.svc.mesh.test",
      ]),
  ])
  func looksFor(_ c: Case) {
    let options = NameOptions(domain: "mesh.test", search: c.search)
    let candidates = options.candidates(for: c.asked, in: "shop").map { candidate in
      candidate.name + (candidate.stripped.map { " < " + $0 } ?? "")
    }
    #expect(candidates == c.candidates)
  }

  /// Every end of a name as a search domain, so that each leaves a different name.
  @Test(arguments: ["x", "svc"])
  func looksForNoMoreThanItSays(label: String) {
    let labels = Array(repeating: label, count: 60)
    let ends = (1...NameOptions.searchMax).map { labels.dropFirst($0).joined(separator: ".") }
    let candidates = NameOptions(search: ends).candidates(for: labels.joined(separator: "."), in: "shop")
    #expect(candidates.count == NameOptions.candidatesMax)
  }

  @Test func takesNoMoreSearchDomainsThanItSays() {
    func domains(_ count: Int) -> [String] { (1..<count).map { "other-\($0)" } + ["corp.test"] }
    let scene = Scene([called("shop/x", ["10.0.0.1"])])
    let most = NameOptions(search: domains(NameOptions.searchMax))
    let more = NameOptions(search: domains(NameOptions.searchMax + 1))
    #expect(scene.resolve("x.corp.test", under: most).told == .alias("x", ["10.0.0.1"]))
    #expect(scene.resolve("x.corp.test", under: more).told == .forward(.unknown))
    // Those that are no domains do not count.
    let padded = NameOptions(search: ["", ".", "a..b"] + domains(NameOptions.searchMax))
    #expect(padded.search == most.search)
  }

  @Test func coversNamesByWildcardsFromTheNarrowestOn() {
    #expect(Array("a.b.c".wildcards) == ["*.b.c", "*.c"])
    #expect(Array("a".wildcards) == [])
  }
}
