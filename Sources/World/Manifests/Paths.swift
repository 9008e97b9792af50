// SPDX-License-Identifier: Apache-2.0
// Paths: where a path leads, and which folders can change that.
//
// realpath(3) would say where, not over which links; and a watch on where a link leads to does not see the link itself
// replaced, which is how ConfigMaps and git-sync bring a new version.

/// The path without links, `.` and `..`; empty for the root. Watches every name on the way that, replaced or made,
/// leads elsewhere.
func resolve(_ path: String, _ limits: ManifestLimits, _ watcher: Watcher?) throws(FileFailure) -> String {
  var left = parts(of: path)
  var place = path.hasPrefix("/") ? "" : try currentFolder()
  var links = 0
  while let name = left.popLast() {
    if name == ".." {
      place = parent(of: place)
      continue
    }
    let next = place + "/" + name
    guard let kind = try? FileStatus(next).kind, kind != .link, !left.isEmpty else {
      // Before the link is read, so that it is either read new or told as changed.
      watcher?.watch(place, for: name)
      guard try FileStatus(next).kind == .link else {
        place = next
        continue
      }
      links += 1
      guard links <= limits.linksMax else { throw FileFailure("resolve", code: tooManyLinks) }
      let target = try linkTarget(next)
      if target.hasPrefix("/") { place = "" }
      left += parts(of: target)
      continue
    }
    place = next
  }
  return place
}

/// The names of a path, the first one last.
private func parts(of path: String) -> [String] {
  path.split(separator: "/").filter { $0 != "." }.reversed().map(String.init)
}

/// The folder a path without links is in.
func parent(of place: String) -> String { String(place[..<(place.lastIndex(of: "/") ?? place.startIndex)]) }

/// Whether a path without links is the folder or in it.
func isInside(_ place: String, _ folder: String) -> Bool { place == folder || place.hasPrefix(folder + "/") }
