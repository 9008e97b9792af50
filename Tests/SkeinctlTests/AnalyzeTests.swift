// SPDX-License-Identifier: Apache-2.0
// Analyze through the real binary: what a person sees, with colour and without, and what programs get.

import Foundation
import Testing

@testable import skeinctl

@Suite struct AnalyzeTests {
  static let files = [
    "mesh/web.yaml": """
    apiVersion: v1
    kind: Service
    metadata: {name: web, namespace: shop}
    spec:
      selector: {app: wbe}
      ports: [{port: 80, targetPort: htpp}]
    ---
    apiVersion: v1
    kind: Pod
    metadata: {name: web-1, namespace: shop, labels: {app: web}}

    """,
    "mesh/broken.yaml": "apiVersion: v1\nkind: Servise\nmetadata: {name: x}\n",
    "mesh/foreign.yaml": "apiVersion: cert-manager.io/v1\nkind: Certificate\nmetadata: {name: x}\n",
  ]

  @Test func theSampleHasNoMistakes() throws {
    let outcome = try Tool.skeinctl(["analyze", "--severity", "info", Tool.shop])
    #expect(outcome.status == 0 && outcome.complaints.isEmpty)
    #expect(outcome.output.wholeMatch(of: /no mistakes found in \d+ objects\n/) != nil, "\(outcome.all)")
  }

  @Test func isToldWithTheLineItIsAbout() throws {
    let outcome = try Tool.skeinctl(["analyze", "mesh/"], in: try Scratch(Self.files))
    #expect(outcome.status == 1)
    #expect(
      outcome.output == """
        mesh/broken.yaml:2:1: error: kind: there is no kind `Servise` [unknown-kind]
          2 | kind: Servise
            | ^
          help: did you mean `Service`?
        mesh/web.yaml:5:14: warning: spec.selector.app: Service shop/web selects no workload, so connections to it are refused [selector-without-workloads]
          5 |   selector: {app: wbe}
            |              ^
          help: did you mean `web`?
        1 error, 1 warning in 2 objects (1 more with --severity info)

        """)
  }

  @Test func isInColourWhenAskedFor() throws {
    let outcome = try Tool.skeinctl(
      ["analyze", "--color", "always", "--severity=error", "mesh"], in: try Scratch(Self.files))
    let painted = outcome.output.replacing("\u{1b}[", with: "<").replacing("m", with: ">", maxReplacements: 0)
    #expect(
      painted == """
        <1mmesh/broken.yaml:2:1<0m: <1;31merror<0m: kind: there is no kind `Servise` <2m[unknown-kind]<0m
          <2m2 |<0m kind: Servise
          <2m  |<0m <1;31m^<0m
          <1;32mhelp:<0m did you mean `Service`?
        <1m1 error<0m in 2 objects (2 more with --severity info)

        """)
    let plain = try Tool.skeinctl(["analyze", "mesh"], in: try Scratch(Self.files))
    #expect(!plain.output.contains("\u{1b}"), "nobody looks at a file in colour")
  }

  @Test func filesGoByNamesThatCanBeOpened() throws {
    let scratch = try Scratch(Self.files)
    for (arguments, name) in [
      (["mesh"], "mesh/web.yaml"), (["mesh///"], "mesh/web.yaml"), (["."], "mesh/web.yaml"),
      (["mesh/web.yaml"], "mesh/web.yaml"), (["mesh", "mesh/web.yaml"], "mesh/web.yaml"),
      ([scratch.url.path + "/mesh"], scratch.url.path + "/mesh/web.yaml"),
    ] {
      let outcome = try Tool.skeinctl(["analyze"] + arguments, in: scratch)
      #expect(
        outcome.output.contains("\n\(name):5:14: ") || outcome.output.hasPrefix("\(name):5:14: "), "\(outcome.all)")
    }
  }

  @Test func jsonSaysTheSame() throws {
    let outcome = try Tool.skeinctl(["analyze", "-ojson", "mesh/web.yaml"], in: try Scratch(Self.files))
    #expect(outcome.status == 1)
    #expect(
      outcome.output == """
        {
          "findings": [
            {
              "severity": "warning",
              "code": "selector-without-workloads",
              "file": "mesh/web.yaml",
              "line": 5,
              "column": 14,
              "path": "spec.selector.app",
              "text": "Service shop/web selects no workload, so connections to it are refused",
              "hint": "did you mean `web`?"
            }
          ]
        }

        """)
    let clean = try Tool.skeinctl(["analyze", "-o", "json", Tool.shop])
    #expect(clean.output == "{\n  \"findings\": []\n}\n" && clean.status == 0)
  }

  @Test func sarifIsWhatTheStandardWants() throws {
    let outcome = try Tool.skeinctl(
      ["analyze", "-o", "sarif", "--severity", "info", "mesh"], in: try Scratch(Self.files))
    #expect(outcome.status == 1)
    let log = try #require(try JSONSerialization.jsonObject(with: Data(outcome.output.utf8)) as? [String: Any])
    #expect(log["version"] as? String == "2.1.0")
    let run = try #require((log["runs"] as? [[String: Any]])?.first)
    let driver = try #require((run["tool"] as? [String: [String: Any]])?["driver"])
    #expect(driver["name"] as? String == "skeinctl")
    let rules = try #require(driver["rules"] as? [[String: Any]])
    for rule in rules {
      for text in ["shortDescription", "fullDescription", "help"] {
        #expect((rule[text] as? [String: String])?["text"]?.hasSuffix(".") == true, "\(rule)")
      }
    }
    let results = try #require(run["results"] as? [[String: Any]])
    #expect(results.map { $0["level"] as? String } == ["error", "note", "warning"])
    for result in results {
      let index = try #require(result["ruleIndex"] as? Int)
      #expect(rules[index]["id"] as? String == result["ruleId"] as? String)
      let location = try #require((result["locations"] as? [[String: [String: Any]]])?.first?["physicalLocation"])
      let place = try #require(location["artifactLocation"] as? [String: String])
      let region = try #require(location["region"] as? [String: Int])
      #expect(place["uri"]?.hasPrefix("mesh/") == true && region.values.allSatisfy { $0 > 0 })
    }
  }

  @Test func whatLiesOutsideOfALineIsNotPointedAt() {
    let long = Substring(String(repeating: "x", count: 1000))
    #expect(Excerpt(of: "abc", at: 2).text == "abc" && Excerpt(of: "abc", at: 2).column == 1)
    #expect(Excerpt(of: "abc", at: 4).column == 3)
    #expect(Excerpt(of: "abc", at: 5).column == nil && Excerpt(of: "abc", at: 0).column == nil)
    let excerpt = Excerpt(of: long, at: 500)
    #expect(excerpt.text.count == 122 && excerpt.text.hasPrefix("…") && excerpt.text.hasSuffix("…"))
    #expect(excerpt.column == 60)
    #expect(Excerpt(of: "\ta\u{1b}[1m\u{202e}b\r", at: 1).text == "→a\u{fffd}[1m\u{fffd}b")
  }
}
