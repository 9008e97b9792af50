// SPDX-License-Identifier: Apache-2.0
// What a watcher tells. inotify queues an event before the call that made it returns, so nothing here waits.

import Foundation
import Testing

@testable import World

@Suite struct WatcherTests {
  /// A source `m` that was read and is watched.
  private struct Scene {
    let scratch: Scratch
    var folder: Folder
    let watcher: Watcher

    init(_ source: String = "m", limits: ManifestLimits = ManifestLimits(), prepare: (Scratch) throws -> Void) throws {
      scratch = try Scratch()
      try prepare(scratch)
      folder = try Folder([scratch.path(source)], limits: limits)
      watcher = Watcher(limits: limits)
      _ = folder.refresh(watcher)
      try #require(!watcher.drain(), "a refresh is no news to itself")
    }

    /// What a refresh tells, when one is due.
    mutating func news() -> [String]? {
      guard watcher.drain() else { return nil }
      return folder.news(watcher)
    }
  }

  private static func oneFile(_ scratch: Scratch) throws {
    try scratch.make("m")
    try scratch.write("m/a.yaml", "n: 1\n")
  }

  @Test func tellsWhatIsMadeWrittenMovedAndRemoved() throws {
    var scene = try Scene(prepare: Self.oneFile)
    #expect(scene.watcher.problem == nil)
    #expect(scene.watcher.pause == .seconds(60))
    try scene.scratch.write("m/b.yaml", "n: 2\n")
    #expect(scene.news() == ["+ b.yaml {n: 2}"])
    // Truncated, then written: the same inode.
    try scene.scratch.write("m/a.yaml", "n: 3\n")
    #expect(scene.news() == ["+ a.yaml {n: 3}"])
    try scene.scratch.rename("m/b.yaml", to: "m/c.yaml")
    #expect(scene.news() == ["+ c.yaml {n: 2}", "- b.yaml"])
    try scene.scratch.rename("m/c.yaml", to: "out")
    #expect(scene.news() == ["- c.yaml"])
    try scene.scratch.remove("m/a.yaml")
    #expect(scene.news() == ["- a.yaml"])
    #expect(scene.news() == nil)
  }

  /// As vim does: a probe named 4913, the old file moved away, a new one written, the old one removed.
  @Test func survivesAnEditorThatSavesByRenaming() throws {
    var scene = try Scene(prepare: Self.oneFile)
    for round in 2...4 {
      try scene.scratch.write("m/4913", "")
      try scene.scratch.remove("m/4913")
      try scene.scratch.rename("m/a.yaml", to: "m/a.yaml~")
      try scene.scratch.write("m/a.yaml", "n: \(round)\n")
      try scene.scratch.remove("m/a.yaml~")
      #expect(scene.news() == ["+ a.yaml {n: \(round)}"])
    }
    // As sed -i and most others do: a new file renamed over the old one.
    try scene.scratch.write("m/.a.yaml.new", "n: 5\n")
    #expect(scene.news() == [])
    try scene.scratch.rename("m/.a.yaml.new", to: "m/a.yaml")
    #expect(scene.news() == ["+ a.yaml {n: 5}"])
  }

  @Test func survivesAConfigMapThatIsReplaced() throws {
    var scene = try Scene { scratch in
      try scratch.make("m")
      try scratch.mountConfigMap("m", version: 1, ["a.yaml": "n: 1\n"])
    }
    for version in 2...4 {
      try scene.scratch.mountConfigMap("m", version: version, ["a.yaml": "n: \(version)\n"])
      #expect(scene.news() == ["+ a.yaml {n: \(version)}"])
      #expect(scene.news() == nil)
    }
  }

  /// A single file given by a path into a ConfigMap: its folder tells of much, `..data` is what matters.
  @Test func survivesAConfigMapWhoseFileIsTheSource() throws {
    var scene = try Scene("m/a.yaml") { scratch in
      try scratch.make("m")
      try scratch.mountConfigMap("m", version: 1, ["a.yaml": "n: 1\n"])
    }
    try scene.scratch.mountConfigMap("m", version: 2, ["a.yaml": "n: 2\n"])
    #expect(scene.news() == ["+ \(scene.scratch.path("m/a.yaml")) {n: 2}"])
    try scene.scratch.write("m/other")
    #expect(scene.news() == nil)
  }

  /// The folder of a single file is watched for that name only, and for what happens to itself.
  @Test func tellsOfAFolderThatIsMovedAway() throws {
    var scene = try Scene("m/a.yaml", prepare: Self.oneFile)
    try scene.scratch.rename("m", to: "n")
    #expect(scene.news() == [])
    #expect(scene.folder.problems.map(\.code) == ["file-missing"])
    try scene.scratch.rename("n", to: "m")
    #expect(scene.news() == [])
    #expect(scene.folder.problems.isEmpty)
  }

  /// As git-sync does: the source is below a link that is replaced.
  @Test func survivesALinkInTheMiddleOfThePath() throws {
    var scene = try Scene("current/m") { scratch in
      for version in 1...2 {
        try scratch.make("\(version)/m")
        try scratch.write("\(version)/m/a.yaml", "n: \(version)\n")
      }
      try scratch.link("current", to: "1")
    }
    try scene.scratch.link("next", to: "2")
    #expect(scene.news() == nil, "another name beside the link")
    try scene.scratch.rename("next", to: "current")
    #expect(scene.news() == ["+ a.yaml {n: 2}"])
    // What it led to is no longer watched.
    try scene.scratch.write("1/m/a.yaml", "n: 3\n")
    #expect(scene.news() == nil)
    try scene.scratch.write("2/m/a.yaml", "n: 4\n")
    #expect(scene.news() == ["+ a.yaml {n: 4}"])
  }

  /// A hidden folder is not watched as a whole, and a link in it that a file goes over is.
  @Test func tellsOfALinkThatIsReplacedOnTheWay() throws {
    var scene = try Scene { scratch in
      for folder in ["m/.h/v1", "m/.h/v2"] {
        try scratch.make(folder)
        try scratch.write(folder + "/a", "n: \(folder.last ?? "?")\n")
      }
      try scratch.link("m/.h/current", to: "v1")
      try scratch.link("m/a.yaml", to: ".h/current/a")
    }
    try scene.scratch.write("m/.h/other", "")
    #expect(scene.news() == nil)
    try scene.scratch.link("m/.h/next", to: "v2")
    try scene.scratch.rename("m/.h/next", to: "m/.h/current")
    #expect(scene.news() == ["+ a.yaml {n: 2}"])
    try scene.scratch.write("m/.h/v2/a", "n: 3\n")
    #expect(scene.news() == ["+ a.yaml {n: 3}"])
  }

  @Test func watchesNewFoldersAndForgetsRemovedOnes() throws {
    var scene = try Scene(prepare: Self.oneFile)
    let before = scene.watcher.watched
    try scene.scratch.make("m/x/y")
    try scene.scratch.write("m/x/y/b.yaml", "n: 2\n")
    #expect(scene.news() == ["+ x/y/b.yaml {n: 2}"])
    #expect(scene.watcher.watched == before + 2)
    try scene.scratch.write("m/x/y/b.yaml", "n: 3\n")
    #expect(scene.news() == ["+ x/y/b.yaml {n: 3}"])
    try scene.scratch.rename("m/x", to: "m/z")
    #expect(scene.news() == ["+ z/y/b.yaml {n: 3}", "- x/y/b.yaml"])
    try scene.scratch.rename("m/z", to: "away")
    #expect(scene.news() == ["- z/y/b.yaml"])
    #expect(scene.watcher.watched == before)
    let descriptor = try #require(scene.watcher.descriptor)
    let kernel = try String(contentsOfFile: "/proc/self/fdinfo/\(descriptor)", encoding: .utf8)
    #expect(kernel.split(separator: "\n").count { $0.hasPrefix("inotify wd:") } == before, "as the kernel counts")
    try scene.scratch.write("away/y/b.yaml")
    #expect(scene.news() == nil)
    try scene.scratch.rename("away", to: "m/z")
    #expect(scene.news() == ["+ z/y/b.yaml {a: b}"])
    try scene.scratch.remove("m/z")
    #expect(scene.news() == ["- z/y/b.yaml"])
    #expect(scene.watcher.watched == before)
  }

  @Test(arguments: ["m", "p/q/m"])
  func survivesTheFolderRemovedAndMadeAgain(source: String) throws {
    var scene = try Scene(source) { scratch in
      try scratch.make(source)
      try scratch.write(source + "/a.yaml", "n: 1\n")
    }
    let top = try #require(source.split(separator: "/").first.map(String.init))
    for round in 2...3 {
      try scene.scratch.remove(top)
      #expect(scene.news() == [], "what is gone for a moment is not removed")
      #expect(scene.watcher.pause == .seconds(2))
      // Step by step: each new folder is watched for the next.
      var path: [String] = []
      for name in source.split(separator: "/") {
        path.append(String(name))
        try scene.scratch.make(path.joined(separator: "/"))
        let isLast = path.count == source.split(separator: "/").count
        #expect(scene.news() == (isLast && round == 2 ? ["- a.yaml"] : isLast ? ["- b.yaml"] : []))
      }
      #expect(scene.watcher.pause == .seconds(60))
      let name = round == 2 ? "b.yaml" : "c.yaml"
      try scene.scratch.write("\(source)/\(name)", "n: \(round)\n")
      #expect(scene.news() == ["+ \(name) {n: \(round)}"])
    }
  }

  /// Removed and made again, with its files, before anybody looked.
  @Test func survivesTheFolderReplacedAtOnce() throws {
    var scene = try Scene(prepare: Self.oneFile)
    try scene.scratch.make("new")
    try scene.scratch.write("new/b.yaml", "n: 2\n")
    try scene.scratch.rename("m", to: "old")
    try scene.scratch.rename("new", to: "m")
    #expect(scene.news() == ["+ b.yaml {n: 2}", "- a.yaml"])
    try scene.scratch.write("m/b.yaml", "n: 3\n")
    #expect(scene.news() == ["+ b.yaml {n: 3}"])
    try scene.scratch.write("old/a.yaml", "n: 4\n")
    #expect(scene.news() == nil)
  }

  /// More events than the kernel keeps, 16,384 by default: the last ones are lost, and a refresh finds what they told.
  @Test func survivesAQueueThatRunsOver() throws {
    var scene = try Scene(prepare: Self.oneFile)
    try scene.scratch.write("m/x", "")
    for _ in 0..<10_000 {
      chmod(scene.scratch.path("m/x"), 0o600)
      chmod(scene.scratch.path("m/a.yaml"), 0o644)
    }
    try scene.scratch.write("m/b.yaml", "n: 2\n")
    #expect(scene.news()?.contains("+ b.yaml {n: 2}") == true)
    #expect(scene.news() == nil, "all was taken at once")
    try scene.scratch.write("m/c.yaml", "n: 3\n")
    #expect(scene.news() == ["+ c.yaml {n: 3}"])
  }

  /// All that was kept is about other names beside the source; what was lost is about the source.
  @Test func aQueueThatRanOverIsNews() throws {
    var scene = try Scene(prepare: Self.oneFile)
    for name in ["x", "y"] { try scene.scratch.write(name, "") }
    #expect(scene.news() == nil)
    for _ in 0..<10_000 {
      chmod(scene.scratch.path("x"), 0o600)
      chmod(scene.scratch.path("y"), 0o600)
    }
    try scene.scratch.write("m/b.yaml", "n: 2\n")
    #expect(scene.news() == ["+ b.yaml {n: 2}"])
  }

  @Test func readingIsNoNews() throws {
    var scene = try Scene(prepare: Self.oneFile)
    _ = try String(contentsOfFile: scene.scratch.path("m/a.yaml"), encoding: .utf8)
    _ = try FileManager.default.contentsOfDirectory(atPath: scene.scratch.path("m"))
    #expect(scene.news() == nil)
    try scene.scratch.write("beside.yaml")
    #expect(scene.news() == nil, "the folder around the source")
  }

  @Test func aFileThatMayBeReadAgainIsNews() throws {
    var scene = try Scene(prepare: Self.oneFile)
    chmod(scene.scratch.path("m/a.yaml"), 0o600)
    #expect(scene.news() != nil)
  }

  /// The source, its name in the folder around it, and one more.
  @Test func watchesUpToTheLimitAndSaysSo() throws {
    var limits = ManifestLimits()
    limits.watchesMax = 3
    var scene = try Scene(limits: limits) {
      try $0.make("m/x")
      try $0.write("m/x/.a")
      // Over folders that are watched already.
      try $0.link("m/x/a.yaml", to: ".a")
    }
    #expect(scene.watcher.watched == 3)
    #expect(scene.watcher.problem == nil)
    try scene.scratch.make("m/y")
    #expect(scene.news() == [])
    #expect(scene.watcher.watched == 3)
    #expect(scene.watcher.pause == .seconds(2))
    let problem = try #require(scene.watcher.problem)
    #expect(problem.spot.file == scene.scratch.path("m/y"))
    #expect(problem.text == "more than 3 folders; all are looked at every 2.0 seconds instead")
    // Less again, and all is well.
    try scene.scratch.remove("m/y")
    #expect(scene.news() == [])
    #expect(scene.watcher.problem == nil)
    #expect(scene.watcher.pause == .seconds(60))
  }

  /// In a process of its own, which may open no more.
  @Test func withoutADescriptorThereIsOnlyTheClock() async {
    await #expect(processExitsWith: .success) {
      let scratch = try Scratch()
      try scratch.write("a.yaml")
      var limit = rlimit()
      getrlimit(__rlimit_resource_t(RLIMIT_NOFILE.rawValue), &limit)
      let before = limit.rlim_cur
      let free = dup(0)
      close(free)
      limit.rlim_cur = rlim_t(free)
      setrlimit(__rlimit_resource_t(RLIMIT_NOFILE.rawValue), &limit)
      let watcher = Watcher()
      limit.rlim_cur = before
      setrlimit(__rlimit_resource_t(RLIMIT_NOFILE.rawValue), &limit)
      try #require(watcher.descriptor == nil)
      try #require(watcher.pause == .seconds(2))
      try #require(watcher.problem?.code == "watch-limit")
      try #require(watcher.problem?.hint == "raise fs.inotify.max_user_instances")
      var folder = try Folder([scratch.root])
      try #require(folder.news(watcher) == ["+ a.yaml {a: b}"])
      try #require(!watcher.drain())
      try #require(watcher.problem != nil, "a refresh does not make it better")
    }
  }
}

@Suite struct SettlingTests {
  struct Case: Sendable, CustomTestStringConvertible {
    let events: [Int]
    let due: Int?
    var testDescription: String { "events at \(events) ms" }
  }

  @Test(arguments: [
    Case(events: [], due: nil),
    Case(events: [10], due: 60),
    Case(events: [10, 30, 59], due: 109),
    Case(events: [10, 500, 959], due: 1009),
    Case(events: [10, 500, 960], due: 1010),
    Case(events: [10, 500, 1005], due: 1010),
  ])
  func settles(_ c: Case) {
    var settling = Settling()
    for event in c.events { settling.notice(at: .milliseconds(event)) }
    #expect(settling.due == c.due.map { .milliseconds($0) })
    settling.begin()
    #expect(settling.due == nil)
    settling.notice(at: .milliseconds(5000))
    #expect(settling.due == .milliseconds(5050))
  }
}
