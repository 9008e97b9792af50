// SPDX-License-Identifier: Apache-2.0
// ManifestLimits: what a folder of manifests may make us hold or do.
//
// A file over a limit is refused as a whole and the others load; a folder over a limit loads what fits, in the order
// of paths. Either way a problem says so, and nothing that was loaded before is taken for removed.

/// The limits of manifests.
package struct ManifestLimits: Sendable {
  // MARK: One file

  /// The bytes of a file.
  package var fileBytesMax = 4 << 20
  /// Lists and maps within each other; more would be a danger to whatever walks over them by recursion.
  package var depthMax = 64
  /// The values of a file, those of an alias counted wherever it stands.
  package var nodesMax = 200_000
  /// The documents of a file, empty ones included.
  package var documentsMax = 10_000
  /// The bytes of one text.
  package var textBytesMax = 1 << 20
  /// The bytes of all texts of a file, those of an alias counted wherever it stands.
  package var expandedBytesMax = 16 << 20
  /// Blanks and line breaks in a row. libyaml clears a buffer of that size for each word and line of the same text, so
  /// that a long run makes it quadratic: half a megabyte took 0.7 s.
  package var blanksMax = 4096

  // MARK: A source

  /// The files of all sources together.
  package var filesMax = 10_000
  /// Folders within each other.
  package var foldersMax = 16
  /// The names of all folders together, manifests or not.
  package var namesMax = 100_000
  /// The bytes of all files together.
  package var totalBytesMax = 256 << 20
  /// Links from one to the next until a file; what the kernel allows as well.
  package var linksMax = 40

  // MARK: Watching

  /// Folders that are watched.
  package var watchesMax = 4096

  /// The defaults above.
  package init() {}
}
