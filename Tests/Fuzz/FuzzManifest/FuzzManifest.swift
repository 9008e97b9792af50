// SPDX-License-Identifier: Apache-2.0
// FuzzManifest: any bytes as a manifest.
//
//   accepted → every node has a place, keys are unique, and all limits hold, aliases counted each time
//   refused  → one line that says where, under a code of its own
//
// Once with the limits of a node and once with small ones, so that short inputs reach every edge.

import World

/// What the fuzzer calls for each input.
@c public func LLVMFuzzerTestOneInput(_ data: UnsafePointer<UInt8>?, _ size: Int) -> CInt {
  let input = [UInt8](UnsafeBufferPointer(start: data, count: size))
  let isAccepted = check(input, ManifestLimits())
  let isAcceptedSmall = check(input, small)
  precondition(isAccepted || !isAcceptedSmall, "small limits accept what large ones refuse")
  return 0
}

private let small: ManifestLimits = {
  var limits = ManifestLimits()
  limits.fileBytesMax = 512
  limits.depthMax = 4
  limits.nodesMax = 24
  limits.documentsMax = 3
  limits.textBytesMax = 40
  limits.expandedBytesMax = 200
  limits.blanksMax = 20
  return limits
}()

private func check(_ input: [UInt8], _ limits: ManifestLimits) -> Bool {
  do throws(Problem) {
    let documents = try YAML.documents(in: input.span, file: "f", limits: limits)
    precondition(documents.count <= limits.documentsMax, "\(documents.count) documents")
    var walk = Walk(limits: limits, linesMax: input.count + 1)
    for document in documents { walk.visit(document, depth: 0) }
    return true
  } catch {
    check(error, linesMax: input.count + 2)
    return false
  }
}

private func check(_ problem: Problem, linesMax: Int) {
  precondition(problem.severity == .error && problem.code.hasPrefix("yaml-"), "\(problem)")
  precondition(problem.spot.file == "f" && (0...linesMax).contains(problem.spot.line), "\(problem)")
  precondition(!problem.text.isEmpty && problem.description.utf8.count < 1000, "\(problem)")
  precondition(problem.description.unicodeScalars.allSatisfy { $0.value >= 0x20 && $0.value != 0x7f }, "\(problem)")
}

/// Walks over a document as any reader would, and pays for each alias again.
private struct Walk {
  let limits: ManifestLimits
  let linesMax: Int
  var nodes = 0
  var bytes = 0

  mutating func visit(_ node: Node, depth: Int) {
    precondition((1...linesMax).contains(node.line) && node.column >= 1, "at \(node.line):\(node.column)")
    nodes += 1
    switch node.value {
    case .null: break
    case .text(let text, _): count(text)
    case .list(let items):
      for item in items { visit(item, depth: depth + 1) }
      precondition(depth < limits.depthMax, "deeper than \(depth)")
    case .map(let entries):
      precondition(Set(entries.map(\.key)).count == entries.count, "a key twice in \(entries.map(\.key))")
      for entry in entries {
        precondition((1...linesMax).contains(entry.line) && entry.column >= 1, "at \(entry.line):\(entry.column)")
        count(entry.key)
        visit(entry.value, depth: depth + 1)
      }
      precondition(depth < limits.depthMax, "deeper than \(depth)")
    }
    precondition(nodes <= limits.nodesMax && bytes <= limits.expandedBytesMax, "\(nodes) nodes, \(bytes) bytes")
  }

  private mutating func count(_ text: String) {
    precondition(text.utf8.count <= limits.textBytesMax && !text.utf8.contains(0), "a text of \(text.utf8.count) bytes")
    bytes += text.utf8.count
  }
}
