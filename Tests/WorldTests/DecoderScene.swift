// SPDX-License-Identifier: Apache-2.0
// DecoderScene: text in, what was decoded out.

import Testing

@testable import World

/// What becomes of a text.
struct DecoderScene {
  let decoded: Decoded

  init(_ text: String, file: String = "t.yaml") throws(Problem) {
    let bytes = Array(text.utf8)
    decoded = Decoder.decode(try YAML.documents(in: bytes.span, file: file), file: file)
  }

  /// An object of a kind, with what stands below its name.
  init(_ kind: String, _ version: String, _ rest: String) throws(Problem) {
    try self.init("apiVersion: \(version)\nkind: \(kind)\nmetadata: {name: it, namespace: here}\n\(rest)")
  }

  /// The only object, when nothing is wrong with it.
  func only() throws -> Object {
    try #require(decoded.problems.isEmpty && decoded.refused.isEmpty, "\(decoded.problems)")
    try #require(decoded.objects.count == 1)
    return decoded.objects[0]
  }

  /// What is said, without the name of the file.
  var complaints: [String] { decoded.problems.map { String($0.description.dropFirst("t.yaml:".count)) } }
}
