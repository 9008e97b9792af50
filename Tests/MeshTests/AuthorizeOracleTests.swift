// SPDX-License-Identifier: Apache-2.0
// The oracle: 10,000 worlds of policies, judged here and by a Python program that was written from the text alone.
//
//   PolicyWorld(seed) ─► authorize ───────────────────► lines ─┐
//          └──────────── JSON ─► oracle/rbac.py ──────► lines ─┴► have to be the same
//
// A difference names its seed. `PolicyWorld(seed: 42).json` piped into oracle/rbac.py shows what the oracle thinks.

import Format
import Foundation
import Testing

@testable import Mesh

@Suite struct AuthorizeOracleTests {
  static let worlds: UInt64 = 10_000
  /// As many verdicts there are at least of each kind; fewer, and the worlds have become too dull to tell anything.
  static let verdictsMin = 500

  @Test func agreesWithTheOracle() throws {
    var (input, ours, seeds) = ("", [Substring](), [UInt64]())
    for seed in 0..<Self.worlds {
      let world = PolicyWorld(seed: seed)
      input += world.json
      input += "\n"
      for line in world.verdicts() {
        ours.append(line[...])
        seeds.append(seed)
      }
    }
    let theirs = try oracle(input).split(separator: "\n")
    #expect(theirs.count == ours.count)
    // Not one #expect on everything: on a failure, it would print 40,000 lines, after minutes of looking for a short way.
    var differences: [String] = []
    for (index, seed) in seeds.enumerated() where index < theirs.count && theirs[index] != ours[index] {
      differences.append("seed \(seed): we say \"\(ours[index])\", the oracle \"\(theirs[index])\"")
    }
    let first = differences.prefix(3).joined(separator: "\n")
    #expect(first.isEmpty, "\(differences.count) of \(ours.count) differ")

    var counts: [Substring: Int] = [:]
    for line in ours {
      for word in kinds(of: line) { counts[word, default: 0] += 1 }
    }
    for word in [
      "allowed", "allowed by", "denied", "not_allowed", "unknown_policy", "denied, unknown", "audited", "would_deny",
      "would_allow", "would_not_allow",
    ] as [Substring] {
      #expect(counts[word, default: 0] >= Self.verdictsMin, "\(word)")
    }
  }

  /// What there has to be enough of: the verdict, whether it was earned, and the kinds of remarks.
  private func kinds(of line: Substring) -> Set<Substring> {
    let words = line.split(separator: " ")
    var kinds = Set([words[0]] + words.dropFirst(4).map { $0.prefix { $0 != ":" } })
    if words[0] == "allowed", words[1] != "-" { kinds.insert("allowed by") }
    if words[0] == "denied", words[3] != "-" { kinds.insert("denied, unknown") }
    return kinds
  }

  /// What ran and failed.
  private struct Failure: Error { let status: Int32 }

  /// Runs the oracle. Both ways go through files: with two pipes, each side could wait for the other to read.
  private func oracle(_ input: String) throws -> String {
    let folder = FileManager.default.temporaryDirectory.appendingPathComponent("oracle-\(UUID().uuidString)")
    try FileManager.default.createDirectory(at: folder, withIntermediateDirectories: true)
    defer { try? FileManager.default.removeItem(at: folder) }
    let (worlds, verdicts) = (folder.appendingPathComponent("worlds"), folder.appendingPathComponent("verdicts"))
    try Data(input.utf8).write(to: worlds)
    try Data().write(to: verdicts)
    let process = Process()
    process.executableURL = URL(fileURLWithPath: "/usr/bin/env")
    process.arguments = [
      "python3",
      URL(fileURLWithPath: #filePath).deletingLastPathComponent().appendingPathComponent("oracle/rbac.py").path,
    ]
    process.standardInput = try FileHandle(forReadingFrom: worlds)
    process.standardOutput = try FileHandle(forWritingTo: verdicts)
    try process.run()
    process.waitUntilExit()
    guard process.terminationStatus == 0 else { throw Failure(status: process.terminationStatus) }
    return String(decoding: try Data(contentsOf: verdicts), as: UTF8.self)
  }
}

// MARK: The form the oracle reads. The alphabets hold nothing that JSON would escape.

extension PolicyWorld {
  var json: String {
    let said = changes.joined().compactMap { change in
      switch change {
      case .policy(let policy): policy.json
      case .removePolicy(let key): "{\"removed\":\(quoted(key))}"
      default: nil
      }
    }
    return """
      {"changes":\(list(said)),"namespace":\(quoted(workload.namespace)),\
      "listed":\(list(workload.template.policies.map(quoted))),"connections":\(list(connections.map(\.json)))}
      """
  }
}

extension Connection {
  fileprivate var json: String {
    """
    {"identity":\(identity.map { quoted($0.uri) } ?? "null"),"source":"\(source)",\
    "destination":"\(destination.address)","port":\(destination.port)}
    """
  }
}

extension Policy {
  fileprivate var json: String {
    let rules = rules.map { list($0.clauses.map { list($0.matches.map(\.json)) }) }
    return """
      {"namespace":\(quoted(namespace)),"name":\(quoted(name)),"scope":"\(scope)","action":"\(action)",\
      "dry":\(isDryRun),"rules":\(list(rules))}
      """
  }
}

extension Policy.Match {
  fileprivate var json: String {
    var fields: [String] = []
    func add<Value>(_ name: String, _ field: Policy.Field<Value>, _ json: (Value) -> String) {
      if !field.wanted.isEmpty { fields.append("\"\(name)\":\(list(field.wanted.map(json)))") }
      if !field.unwanted.isEmpty { fields.append("\"not_\(name)\":\(list(field.unwanted.map(json)))") }
    }
    add("namespaces", namespaces, \.json)
    add("principals", principals, \.json)
    add("service_accounts", accounts) { list([quoted($0.namespace), quoted($0.name)]) }
    add("source_ips", sources) { "\"\($0)\"" }
    add("destination_ips", destinations) { "\"\($0)\"" }
    add("destination_ports", ports) { "\($0)" }
    return "{\(fields.joined(separator: ","))}"
  }
}

extension Policy.StringMatch {
  fileprivate var json: String {
    switch self {
    case .exact(let text): list(["\"exact\"", quoted(text)])
    case .prefix(let text): list(["\"prefix\"", quoted(text)])
    case .suffix(let text): list(["\"suffix\"", quoted(text)])
    case .presence: "[\"presence\"]"
    }
  }
}

private func quoted(_ text: String) -> String { "\"\(text)\"" }

private func list(_ elements: [String]) -> String { "[\(elements.joined(separator: ","))]" }
