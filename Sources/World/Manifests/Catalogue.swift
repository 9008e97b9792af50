// SPDX-License-Identifier: Apache-2.0
// Catalogue: which file says what. Files come, change, break and go; edits of objects come out.
//
//   a file that breaks             its objects stay as they were last
//   an object that cannot be read  stays as it was last; a policy that never was readable closes what it would guard
//   two files say the same thing   the first by path is believed, and the other is told
//
// What is wrong is kept with the file it is wrong in, and gone when the file is mended.

/// Which file says what.
package struct Catalogue: Sendable {
  private struct Entry: Sendable {
    var objects: [ObjectKey: Object] = [:]
    var problems: [Problem] = []
  }

  private var files: [String: Entry] = [:]
  /// The files that say something of an object, in order of their paths.
  private var claims: [ObjectKey: [String]] = [:]
  private var believed: [ObjectKey: Spot] = [:]

  /// A catalogue of no files.
  package init() {}

  /// How many objects are believed.
  package var count: Int { believed.count }

  /// What is wrong, in order of files and lines.
  package var problems: [Problem] {
    let duplicates = claims.flatMap { key, paths in paths.dropFirst().compactMap { duplicate(of: key, in: $0) } }
    return (files.values.flatMap(\.problems) + duplicates).sorted {
      ($0.spot, $0.path, $0.code) < ($1.spot, $1.path, $1.code)
    }
  }

  /// Takes a file as it is now.
  package mutating func load(_ file: String, _ documents: [Node]) -> [Edit] {
    let decoded = Decoder.decode(documents, file: file)
    var entry = Entry(problems: decoded.problems)
    for object in decoded.objects {
      if let other = entry.objects[object.key] {
        entry.problems.append(Self.duplicate(object, of: other.meta.spot))
      } else {
        entry.objects[object.key] = object
      }
    }
    for meta in decoded.refused where entry.objects[meta.key] == nil {
      if let last = files[file]?.objects[meta.key] {
        entry.objects[meta.key] = last
      } else if meta.key.kind.isPolicy {
        entry.objects[meta.key] = Object(meta, .unreadable)
      }
    }
    return replace(file, with: entry)
  }

  /// Keeps what a file said before it broke.
  package mutating func keep(_ file: String, because problem: Problem) {
    files[file, default: Entry()].problems = [problem]
  }

  /// Forgets a file.
  package mutating func remove(_ file: String) -> [Edit] { replace(file, with: nil) }

  private mutating func replace(_ file: String, with entry: Entry?) -> [Edit] {
    let old = files.removeValue(forKey: file)
    files[file] = entry
    let keys = Set((old?.objects ?? [:]).keys).union((entry?.objects ?? [:]).keys)
    for key in keys {
      var paths = claims[key, default: []].filter { $0 != file }
      if entry?.objects[key] != nil { paths.insert(file, at: paths.firstIndex { $0 > file } ?? paths.endIndex) }
      claims[key] = paths.isEmpty ? nil : paths
    }
    return keys.sorted().compactMap { edit(of: $0, changed: file) }
  }

  /// The edit an object needs after a file has changed; none when another file is believed, and was before.
  private mutating func edit(of key: ObjectKey, changed file: String) -> Edit? {
    guard let path = claims[key]?.first, let object = files[path]?.objects[key] else {
      return believed.removeValue(forKey: key) == nil ? nil : .remove(key)
    }
    let before = believed.updateValue(object.meta.spot, forKey: key)
    return path == file || before?.file != path ? .put(object) : nil
  }

  private func duplicate(of key: ObjectKey, in file: String) -> Problem? {
    guard let object = files[file]?.objects[key], let first = believed[key] else { return nil }
    return Self.duplicate(object, of: first)
  }

  private static func duplicate(_ object: Object, of first: Spot) -> Problem {
    Problem(
      .error, "duplicate-object", at: object.meta.spot, "\(object.key) is described a second time",
      hint: "the first time is at \(first), and that counts")
  }
}
