// SPDX-License-Identifier: Apache-2.0
// What a source of manifests holds, and what is told when it changes.

import Foundation
import Testing

@testable import World

@Suite struct FolderTests {
  @Test func readsManifestsInOrderOfPathsAndNothingElse() throws {
    let scratch = try Scratch()
    for folder in ["b", "b/c", ".git", "..data"] { try scratch.make(folder) }
    let names = [
      "z.yaml", "b/y.yml", "b/c/x.json", "a.yaml", "README.md", "b/yaml", ".a.yaml", ".git/b.yaml", "..data/c.yaml",
    ]
    for name in names { try scratch.write(name, "{n: \(name)}") }
    var folder = try Folder([scratch.root])
    #expect(
      folder.news() == [
        "+ a.yaml {n: a.yaml}", "+ b/c/x.json {n: b/c/x.json}", "+ b/y.yml {n: b/y.yml}", "+ z.yaml {n: z.yaml}",
      ])
    #expect(folder.problems.isEmpty)
  }

  @Test func readsSingleFilesOfAnyName() throws {
    let scratch = try Scratch()
    try scratch.write("manifests")
    var folder = try Folder([scratch.path("manifests")])
    #expect(folder.news() == ["+ \(scratch.path("manifests")) {a: b}"])
    #expect(folder.news() == [])
  }

  @Test func severalSourcesKeepTheirNames() throws {
    let scratch = try Scratch()
    for folder in ["x", "y"] { try scratch.make(folder) }
    for name in ["x/a.yaml", "y/a.yaml", "one"] { try scratch.write(name) }
    // The last one is in the first already.
    var folder = try Folder([scratch.path("x/"), scratch.path("y"), scratch.path("one"), scratch.path("x/a.yaml")])
    let paths = folder.refresh().map(\.path)
    #expect(paths == ["one", "x/a.yaml", "y/a.yaml"].map(scratch.path))
    try scratch.remove("y")
    #expect(folder.news() == [])
    #expect(folder.problems.map(\.code) == ["file-missing"])
    // It was given by name as well: a source that is gone removes nothing.
    try scratch.remove("x/a.yaml")
    #expect(folder.news() == [])
  }

  @Test func readsAgainOnlyWhatChanged() throws {
    let scratch = try Scratch()
    for number in 0..<10 { try scratch.write("\(number).yaml") }
    var folder = try Folder([scratch.root])
    #expect(folder.news().count == 10)
    #expect(folder.reads == 10)
    #expect(folder.news() == [])
    try scratch.write("3.yaml", "c: d\n")
    try scratch.write("new.yaml", "")
    try scratch.remove("5.yaml")
    #expect(folder.news() == ["+ 3.yaml {c: d}", "+ new.yaml ", "- 5.yaml"])
    #expect(folder.reads == 12)
    #expect(folder.news() == [])
    #expect(folder.reads == 12)
  }

  /// As rsync and tar do: other bytes of the same length, and the old time set again.
  @Test func aTimeThatWasSetBackHidesNothing() throws {
    let scratch = try Scratch()
    let date = [timespec(tv_sec: 1_700_000_000, tv_nsec: 5), timespec(tv_sec: 1_700_000_000, tv_nsec: 5)]
    try scratch.write("a.yaml", "a: 1\n")
    utimensat(AT_FDCWD, scratch.path("a.yaml"), date, 0)
    var folder = try Folder([scratch.root])
    #expect(folder.news() == ["+ a.yaml {a: 1}"])
    let before = try FileStatus(scratch.path("a.yaml")).version
    repeat {
      try scratch.write("a.yaml", "a: 2\n")
      utimensat(AT_FDCWD, scratch.path("a.yaml"), date, 0)
      // Before Linux 6.13 the times are those of a clock that ticks every few milliseconds.
    } while try FileStatus(scratch.path("a.yaml")).version == before
    #expect(folder.news() == ["+ a.yaml {a: 2}"])
  }

  @Test func whatWasWrittenJustNowIsReadOnceMore() throws {
    let scratch = try Scratch()
    try scratch.write("a.yaml")
    var folder = try Folder([scratch.root])
    _ = folder.refresh()
    // On a busy machine "just now" may be over before it is read.
    var isReadAgain = false
    for _ in 0..<50 where !isReadAgain {
      try scratch.write("a.yaml", isFresh: true)
      _ = folder.refresh()
      let reads = folder.reads
      _ = folder.refresh()
      isReadAgain = folder.reads == reads + 1
    }
    #expect(isReadAgain)
    #expect(Folder.isFresh(Self.version(modified: 100), now: 20_000_099))
    #expect(!Folder.isFresh(Self.version(modified: 100), now: 20_000_100))
    #expect(!Folder.isFresh(Self.version(modified: 100), now: 99), "the future")
    #expect(!Folder.isFresh(Self.version(modified: .min), now: .max), "a clock that is wrong")
  }

  private static func version(modified: Int64) -> FileVersion {
    FileVersion(device: 1, inode: 1, modified: modified, changed: 0, size: 0)
  }

  @Test func aBrokenFileIsNotRemovedAndHidesNoOther() throws {
    let scratch = try Scratch()
    try scratch.write("a.yaml", "a: 1\n")
    try scratch.write("b.yaml", "b: [\n")
    var folder = try Folder([scratch.root])
    #expect(folder.news() == ["+ a.yaml {a: 1}", "! b.yaml yaml-syntax"])
    #expect(folder.problems.map(\.spot) == [Spot(file: "b.yaml", line: 2, column: 1)])
    #expect(folder.news() == [])
    #expect(folder.reads == 2, "bytes that cannot be parsed wait for others")

    try scratch.write("a.yaml", "a: 1: 2\n")
    try scratch.write("b.yaml", "b: []\n")
    #expect(folder.news() == ["! a.yaml yaml-syntax", "+ b.yaml {b: []}"])
    #expect(folder.problems.map(\.spot.file) == ["a.yaml"])
    // The same mistake in other bytes is the same news.
    try scratch.write("a.yaml", "a: 1: 3\n")
    #expect(folder.news() == [])
    try scratch.write("a.yaml", "a: 2\n")
    #expect(folder.news() == ["+ a.yaml {a: 2}"])
    #expect(folder.problems.isEmpty)
    try scratch.write("a.yaml", "a: 1: 2\n")
    #expect(folder.news() == ["! a.yaml yaml-syntax"])
    try scratch.remove("a.yaml")
    #expect(folder.news() == ["- a.yaml"])
    #expect(folder.problems.isEmpty)
  }

  /// `kubectl get … > a.yaml` empties the file, and fills it when the answer comes.
  @Test func anEmptiedFileRemovesNothing() throws {
    let scratch = try Scratch()
    for name in ["a.yaml", "b.yaml"] { try scratch.write(name, "") }
    var folder = try Folder([scratch.root])
    #expect(folder.news() == ["+ a.yaml ", "+ b.yaml "])
    try scratch.write("a.yaml", "a: 1\n")
    #expect(folder.news() == ["+ a.yaml {a: 1}"])
    try scratch.write("a.yaml", "")
    #expect(folder.news() == ["! a.yaml file-empty"])
    try scratch.write("a.yaml", "a: [\n")
    #expect(folder.news() == ["! a.yaml yaml-syntax"])
    try scratch.write("a.yaml", "")
    #expect(folder.news() == ["! a.yaml file-empty"])
    try scratch.write("a.yaml", "a: 2\n")
    #expect(folder.news() == ["+ a.yaml {a: 2}"])
    try scratch.write("a.yaml", "# empty on purpose\n")
    #expect(folder.news() == ["+ a.yaml "])
    try scratch.write("a.yaml", "")
    #expect(folder.news() == ["+ a.yaml "])
  }

  @Test(arguments: ["", "nothing", "a.yaml/b.yaml"])
  func aSourceThatIsNotThereIsRefused(name: String) throws {
    let scratch = try Scratch()
    try scratch.write("a.yaml")
    #expect(throws: Problem.self) { try Folder(name.isEmpty ? [] : [scratch.root, scratch.path(name)]) }
  }

  @Test func aFifoAsASourceIsRefused() throws {
    let scratch = try Scratch()
    mkfifo(scratch.path("fifo"), 0o600)
    #expect(throws: Problem.notAFile(scratch.path("fifo"))) { try Folder([scratch.path("fifo")]) }
  }

  /// An unmounted volume is no order to stop serving.
  @Test func aSourceThatWentAwayRemovesNothing() throws {
    let scratch = try Scratch()
    try scratch.make("m")
    for name in ["a.yaml", "b.yaml"] { try scratch.write("m/" + name) }
    var folder = try Folder([scratch.path("m")])
    #expect(folder.news().count == 2)
    try scratch.remove("m")
    #expect(folder.news() == [])
    #expect(
      folder.problems.map(\.description) == [
        "\(scratch.path("m")): error: there is no such file or folder [file-missing]"
      ])
    try scratch.make("m")
    try scratch.write("m/b.yaml", "new: 1\n")
    #expect(folder.news() == ["+ b.yaml {new: 1}", "- a.yaml"])
    #expect(folder.problems.isEmpty)
  }

  @Test func aFileThatVanishesBetweenListingAndReadingIsBrokenThenRemoved() throws {
    let scratch = try Scratch()
    for name in ["a.yaml", "b.yaml"] { try scratch.write(name) }
    var folder = try Folder([scratch.root])
    let listing = Listing([scratch.root], ManifestLimits())
    try scratch.remove("a.yaml")
    var told: [String] = []
    folder.apply(listing) { told.append($0.outline) }
    #expect(told == ["! a.yaml file-missing", "+ b.yaml {a: b}"])
    #expect(folder.news() == ["- a.yaml"])
  }

  /// Between listing and reading the folder became a link that leads out.
  @Test func aFolderThatIsSwappedForALinkDoesNotLeadOut() throws {
    let scratch = try Scratch()
    for name in ["m", "m/sub", "secret"] { try scratch.make(name) }
    try scratch.write("m/sub/a.yaml")
    try scratch.write("secret/a.yaml", "password: x\n")
    var folder = try Folder([scratch.path("m")])
    let listing = Listing([scratch.path("m")], ManifestLimits())
    try scratch.remove("m/sub")
    try scratch.link("m/sub", to: "../secret")
    var told: [String] = []
    folder.apply(listing) { told.append($0.outline) }
    #expect(told == ["! sub/a.yaml file-outside"])
  }

  @Test func oneThousandFiles() throws {
    let scratch = try Scratch()
    for number in 0..<1000 {
      if number % 100 == 0 { try scratch.make("f\(number / 100)") }
      try scratch.write("f\(number / 100)/\(number).yaml", "n: \(number)\n")
    }
    var folder = try Folder([scratch.root])
    let watcher = Watcher()
    #expect(folder.refresh(watcher).count == 1000)
    let time = ContinuousClock().measure { #expect(folder.refresh(watcher).isEmpty) }
    #expect(time < .seconds(5))
    #expect(folder.reads == 1000)
    #expect(!watcher.drain(), "reading is no news")
  }
}
