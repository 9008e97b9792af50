// SPDX-License-Identifier: Apache-2.0
// Whether plaintext is accepted: every combination of modes, against the table of oracle/peers.py.
//
//   mesh × namespace × workload × port   →   plaintext and mutual TLS, to the port and to another one; what is listed
//
// The same table is put to the binary by Tests/Cli/suite_explain_peers.py.

import Format
import Foundation
import Mesh
import Testing

@testable import World

/// One row of oracle/peers.tsv.
struct PeerRow: Sendable, CustomStringConvertible {
  static let names = [
    "mesh", "namespace", "workload", "port", "plaintext 8080", "plaintext 9090", "mtls 8080", "mtls 9090", "policy",
  ]

  let fields: [String]
  var mesh: String { fields[0] }
  var namespace: String { fields[1] }
  var workload: String { fields[2] }
  var port: String { fields[3] }
  var answers: ArraySlice<String> { fields[4..<8] }
  var policy: String { fields[8] }
  var description: String { "mesh \(mesh), namespace \(namespace), workload \(workload), port \(port)" }

  /// The whole table, with its head.
  static func table() throws -> [[String]] {
    let file = URL(fileURLWithPath: #filePath).deletingLastPathComponent().appendingPathComponent("oracle/peers.tsv")
    let text = String(decoding: try Data(contentsOf: file), as: UTF8.self)
    return text.split(separator: "\n").map {
      $0.split(separator: "\t", omittingEmptySubsequences: false).map(String.init)
    }
  }

  /// The rows for one combination of the outer levels.
  static func rows(mesh: String, namespace: String) throws -> [PeerRow] {
    try table().dropFirst().map(PeerRow.init).filter { $0.mesh == mesh && $0.namespace == namespace }
  }
}

extension PeerRow {
  /// The policies of this row, each as the file it stands in; a file of nothing for one that is not there.
  var files: [(name: String, text: String)] {
    let ports = port == "none" ? nil : "{8080: {mode: \(port)}}"
    let web = PolicyYAML.peer("shop/web", selector: "{matchLabels: {app: web}}", mode: workload, ports: ports)
    return [
      ("mesh.yaml", mesh == "none" ? "" : PolicyYAML.peer("istio-system/mesh", mode: mesh)),
      ("namespace.yaml", namespace == "none" ? "" : PolicyYAML.peer("shop/default", mode: namespace)),
      ("workload.yaml", workload == "none" ? "" : web),
    ]
  }

  /// What has to be in the list of the workload.
  var listed: [String] {
    switch policy {
    case "static": ["istio-system/istio_converted_static_strict"]
    case "converted": ["shop/converted_peer_authentication_web"]
    default: []
    }
  }

  /// Compares a scene with this row; what differs is said in a line each.
  func differences(in scene: WorldScene) throws -> [String] {
    var differences: [String] = []
    for (index, wanted) in answers.enumerated() {
      let verdict = try scene.judge(
        from: "shop/cart", to: "shop/web", port: index % 2 == 0 ? 8080 : 9090, isPlaintext: index < 2)
      let answer = verdict.isAllowed ? "allow" : "deny"
      // A policy that is listed and missing refuses too: that would be the right answer for a wrong reason.
      let isRight = answer == wanted && verdict.unknownPolicies.isEmpty && (verdict.hit == nil) == verdict.isAllowed
      if !isRight { differences.append("\(self): \(Self.names[4 + index]) is \(answer), not \(wanted)") }
    }
    let policies = try #require(scene.workload("shop/web")).template.policies
    if policies != listed { differences.append("\(self): \(policies) is listed, not \(listed)") }
    return differences
  }
}

@Suite struct PeerModesTableTests {
  static let modes = ["none", "UNSET", "STRICT", "PERMISSIVE", "DISABLE"]
  /// 5 for the mesh, 5 for the namespace, and for the workload none at all, or 4 modes with 5 of the port each.
  static let rowsMax = 5 * 5 * (1 + 4 * 5)

  static let pods =
    WorldScene.pod("shop/web", at: "10.0.0.1", labels: ["app": "web"])
    + WorldScene.pod("shop/cart", at: "10.0.0.2", labels: ["app": "cart"])

  @Test func theTableHasEveryCombinationThatCanBeWrittenDown() throws {
    let table = try PeerRow.table()
    #expect(table.first == PeerRow.names)
    #expect(table.count - 1 == Self.rowsMax && Self.rowsMax == 525)
    #expect(Set(table.dropFirst().map { $0.prefix(4).joined(separator: " ") }).count == Self.rowsMax)
    for row in table.dropFirst() {
      #expect(row.prefix(4).allSatisfy(Self.modes.contains) && (row[2] != "none" || row[3] == "none"), "\(row)")
    }
  }

  /// Rows written by hand: those of which others have got some wrong.
  @Test(arguments: [
    ("STRICT none PERMISSIVE STRICT", "deny allow allow allow converted"),
    ("STRICT UNSET PERMISSIVE STRICT", "deny allow allow allow converted"),
    ("STRICT none DISABLE STRICT", "deny allow allow allow converted"),
    ("STRICT UNSET DISABLE STRICT", "deny allow allow allow converted"),
    ("STRICT UNSET UNSET PERMISSIVE", "allow deny allow allow converted"),
    ("STRICT none UNSET DISABLE", "allow deny allow allow converted"),
    ("none STRICT UNSET DISABLE", "allow deny allow allow converted"),
    ("none none none none", "allow allow allow allow none"),
    ("DISABLE STRICT none none", "deny deny allow allow static"),
    ("STRICT PERMISSIVE UNSET UNSET", "allow allow allow allow none"),
    ("PERMISSIVE PERMISSIVE STRICT STRICT", "deny deny allow allow static"),
  ])
  func theTableIsRightWhereItIsEasyToBeWrong(row: String, answers: String) throws {
    let all = try PeerRow.table().map { $0.joined(separator: " ") }
    #expect(all.contains("\(row) \(answers)"))
  }

  @Test(arguments: modes, modes)
  func everyRowIsDecidedAsTheTableSays(mesh: String, namespace: String) throws {
    let rows = try PeerRow.rows(mesh: mesh, namespace: namespace)
    #expect(rows.count == 21)
    for row in rows {
      let scene = try WorldScene(Self.pods + row.files.map(\.text).joined())
      #expect(try row.differences(in: scene) == [])
      #expect(scene.problems.isEmpty)
    }
  }

  /// One mesh in which single policies are edited from row to row: what one row leaves behind must not be seen in the next.
  @Test func editsEndWhereAFreshBuildDoes() throws {
    var scene = try WorldScene(Self.pods)
    let rows = try PeerRow.table().dropFirst().map(PeerRow.init)
    var written: [String: String] = [:]
    // 104 has no factor in common with 525: every row has its turn, and neighbours differ in most of what they say.
    for turn in rows.indices {
      let row = rows[turn * 104 % rows.count]
      for (name, text) in row.files where written.updateValue(text, forKey: name) != text {
        try scene.load(text, file: name)
      }
      #expect(try row.differences(in: scene) == [])
    }
    for name in written.keys { scene.remove(file: name) }
    #expect(scene.policyKeys.isEmpty)
    #expect(try #require(scene.workload("shop/web")).template.policies.isEmpty)
  }

  /// The same, one level after the other: a change of one level alone has to reach what the others have said.
  @Test func aChangeOfOneLevelReachesTheOthers() throws {
    for level in 0..<3 {
      var scene = try WorldScene(Self.pods)
      let rows = try PeerRow.table().dropFirst().map(PeerRow.init)
      var written: [String: String] = [:]
      // Sorted so that the level in question changes fastest.
      let others = { (row: PeerRow) in (0..<4).filter { $0 != level }.map { row.fields[$0] }.joined(separator: " ") }
      for row in rows.sorted(by: { (others($0), $0.fields[level]) < (others($1), $1.fields[level]) }) {
        for (name, text) in row.files where written.updateValue(text, forKey: name) != text {
          try scene.load(text, file: name)
        }
        #expect(try row.differences(in: scene) == [])
      }
    }
  }
}
