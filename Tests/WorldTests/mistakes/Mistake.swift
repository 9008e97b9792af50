// SPDX-License-Identifier: Apache-2.0
// Mistake: something a person gets wrong in the sample shop, and what has to be said about it.
//
//   Deploy/samples/shop ─► edits, or a file more ─► ManifestMesh ─► problems and findings
//                            ‸ stands right before the place a finding has to point at
//
// The sample is read from where it is, so that mistakes stay in step with it: an edit that finds nothing to change fails.

import Foundation
import Testing

@testable import World

/// Something a person gets wrong in the sample shop.
struct Mistake: Sendable, CustomTestStringConvertible {
  /// What changes in a file of the sample.
  struct Edit: Sendable {
    let file: String
    let old: String
    let new: String
  }

  /// The code of the finding.
  let code: String
  let severity: Problem.Severity
  /// What it is, in a few words.
  let name: String
  /// What the finding's text and hint have to contain.
  var says = ""
  var edits: [Edit] = []
  /// A file that is added.
  var added = ""

  var testDescription: String { "\(code): \(name)" }
}

/// A finding, as far as tests hold it.
struct Place: Hashable, Comparable, CustomStringConvertible {
  let file: String
  let line: Int
  let column: Int
  let code: String

  static func < (one: Self, other: Self) -> Bool { one.description < other.description }
  var description: String { "\(file):\(line):\(column) \(code)" }
}

/// The sample shop, with mistakes in it.
struct Shop {
  static let mark = "‸"
  static let folder = URL(fileURLWithPath: #filePath).deletingLastPathComponent()
    .appendingPathComponent("../../../Deploy/samples/shop").standardizedFileURL

  private struct NothingToChange: Error { let text: String }

  private(set) var files: [String: String] = [:]
  /// The code for which each mark stands, in the order in which a file has marks of one edit.
  private var codes: [String: [String]] = [:]

  init(_ mistakes: [Mistake] = []) throws {
    for name in try FileManager.default.contentsOfDirectory(atPath: Self.folder.path) {
      files[name] = try String(contentsOf: Self.folder.appendingPathComponent(name), encoding: .utf8)
    }
    for mistake in mistakes {
      // The mark carries its code until all edits are made.
      let mark = "\(Self.mark)\(mistake.code)\(Self.mark)"
      for edit in mistake.edits {
        guard let text = files[edit.file], let range = text.range(of: edit.old) else {
          throw NothingToChange(text: "\(edit.file) has no `\(edit.old)`")
        }
        files[edit.file] = text.replacingCharacters(in: range, with: edit.new.replacing(Self.mark, with: mark))
      }
      if !mistake.added.isEmpty {
        let name = "zz-\(mistake.code)-\(mistake.name.replacing(" ", with: "-")).yaml"
        files[name] = mistake.added.replacing(Self.mark, with: mark) + "\n"
      }
    }
  }

  /// Where findings are wanted; takes the marks out of the files.
  mutating func takeMarks() -> [Place] {
    var places: [Place] = []
    for (name, text) in files {
      var lines = text.split(separator: "\n", omittingEmptySubsequences: false).map(String.init)
      for index in lines.indices {
        let parts = lines[index].split(separator: Self.mark, omittingEmptySubsequences: false)
        guard parts.count == 3 else { continue }
        places.append(Place(file: name, line: index + 1, column: parts[0].count + 1, code: String(parts[1])))
        lines[index] = String(parts[0] + parts[2])
      }
      files[name] = lines.joined(separator: "\n")
    }
    return places.sorted()
  }

  /// All that is said about the shop, whatever its weight.
  func problems(under settings: Settings = Settings()) throws -> [Problem] {
    var mesh = try ManifestMesh([], settings: settings)
    var broken: [Problem] = []
    for (name, text) in files.sorted(by: { $0.key < $1.key }) {
      let bytes = Array(text.utf8)
      do throws(Problem) {
        _ = mesh.load(name, try YAML.documents(in: bytes.span, file: name))
      } catch {
        broken.append(error)
      }
    }
    return (broken + mesh.problems + mesh.findings).sorted { ($0.spot, $0.code) < ($1.spot, $1.code) }
  }
}

extension Problem {
  var place: Place { Place(file: spot.file, line: spot.line, column: spot.column, code: code) }
}
