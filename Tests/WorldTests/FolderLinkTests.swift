// SPDX-License-Identifier: Apache-2.0
// Links: followed inside of their source, and nowhere else.

import Foundation
import Testing
import World

@Suite struct FolderLinkTests {
  struct Case: Sendable, CustomTestStringConvertible {
    let link: String
    let target: String
    let news: [String]
    var testDescription: String { "\(link) to \(target)" }

    init(_ link: String, to target: String, _ news: String...) {
      self.link = link
      self.target = target
      self.news = news
    }
  }

  /// `m` is the source; besides the link it holds `f/x.yaml`, and `.h/y.yaml` and `.h/z.txt` that are hidden. `ROOT` is
  /// where it is.
  @Test(arguments: [
    Case("a.yaml", to: ".h/y.yaml", "+ a.yaml {n: y}", "+ f/x.yaml {n: x}"),
    Case("a.yaml", to: "./f/../.h/./y.yaml", "+ a.yaml {n: y}", "+ f/x.yaml {n: x}"),
    Case("a.yaml", to: "ROOT/m/.h/y.yaml", "+ a.yaml {n: y}", "+ f/x.yaml {n: x}"),
    Case("a.yaml", to: "../m/.h/y.yaml", "+ a.yaml {n: y}", "+ f/x.yaml {n: x}"),
    // The name of the link counts, not that of the file.
    Case("a.yaml", to: ".h/z.txt", "+ a.yaml {n: z}", "+ f/x.yaml {n: x}"),
    Case("a.txt", to: ".h/y.yaml", "+ f/x.yaml {n: x}"),
    Case("a", to: ".h", "+ a/y.yaml {n: y}", "+ f/x.yaml {n: x}"),
    Case("a", to: ".h/", "+ a/y.yaml {n: y}", "+ f/x.yaml {n: x}"),
    // What has a name of its own goes by that one.
    Case("a.yaml", to: "f/x.yaml", "+ f/x.yaml {n: x}"),
    Case("a", to: "f", "+ f/x.yaml {n: x}"),
    Case("f/a", to: "..", "+ f/x.yaml {n: x}"),
    Case("f/a", to: ".", "+ f/x.yaml {n: x}"),
    Case("a.yaml", to: "../out/o.yaml", "! a.yaml file-outside", "+ f/x.yaml {n: x}"),
    Case("a.yaml", to: "ROOT/out/o.yaml", "! a.yaml file-outside", "+ f/x.yaml {n: x}"),
    Case("a", to: "../out", "! a file-outside", "+ f/x.yaml {n: x}"),
    Case("f/a", to: "../../out", "! f/a file-outside", "+ f/x.yaml {n: x}"),
    Case("a", to: "..", "! a file-outside", "+ f/x.yaml {n: x}"),
    Case("a", to: "/", "! a file-outside", "+ f/x.yaml {n: x}"),
    // A longer name that begins like the source.
    Case("a.yaml", to: "../m2/p.yaml", "! a.yaml file-outside", "+ f/x.yaml {n: x}"),
    Case("a", to: "../out/o.yaml", "+ f/x.yaml {n: x}"),
    Case("a.yaml", to: "a.yaml", "! a.yaml file-link", "+ f/x.yaml {n: x}"),
    Case("a.yaml", to: "nothing", "! a.yaml file-missing", "+ f/x.yaml {n: x}"),
    Case("a.yaml", to: "f/x.yaml/b", "! a.yaml file-missing", "+ f/x.yaml {n: x}"),
    Case("a", to: "nothing", "+ f/x.yaml {n: x}"),
    Case("a.yaml", to: "f", "! a.yaml file-kind", "+ f/x.yaml {n: x}"),
    Case("a.yaml", to: "/dev/zero", "! a.yaml file-outside", "+ f/x.yaml {n: x}"),
  ])
  func followedInsideOnly(_ c: Case) throws {
    let scratch = try Scratch()
    for folder in ["m", "m/f", "m/.h", "out", "m2"] { try scratch.make(folder) }
    for (file, name) in [
      ("m/f/x.yaml", "x"), ("m/.h/y.yaml", "y"), ("m/.h/z.txt", "z"), ("out/o.yaml", "o"), ("m2/p.yaml", "p"),
    ] {
      try scratch.write(file, "n: \(name)\n")
    }
    try scratch.link("m/" + c.link, to: c.target.replacingOccurrences(of: "ROOT", with: scratch.root))
    var folder = try Folder([scratch.path("m")])
    #expect(folder.news().sorted { $0.dropFirst(2) < $1.dropFirst(2) } == c.news)
    #expect(folder.news() == [])
  }

  @Test func foldersThatLinkToEachOtherEnd() throws {
    let scratch = try Scratch()
    for folder in ["a", "b", ".h"] { try scratch.make(folder) }
    try scratch.link("a/to-b", to: "../b")
    try scratch.link("b/to-a", to: "../a")
    try scratch.link("a/to-h", to: "../.h")
    try scratch.link(".h/back", to: "..")
    try scratch.link(".h/x", to: "y")
    try scratch.link(".h/y", to: "x")
    for file in ["a/1.yaml", "b/2.yaml", ".h/3.yaml"] { try scratch.write(file) }
    var folder = try Folder([scratch.root])
    #expect(folder.refresh().map(\.path) == ["a/1.yaml", "a/to-h/3.yaml", "b/2.yaml"])
    #expect(folder.problems.isEmpty)
  }

  @Test(arguments: [40, 41])
  func aChainOfLinks(count: Int) throws {
    let scratch = try Scratch()
    try scratch.make(".h")
    try scratch.write(".h/0", "n: 1\n")
    for number in 1..<count { try scratch.link(".h/\(number)", to: "\(number - 1)") }
    try scratch.link("a.yaml", to: ".h/\(count - 1)")
    var folder = try Folder([scratch.root])
    #expect(folder.news() == [count <= 40 ? "+ a.yaml {n: 1}" : "! a.yaml file-link"])
  }

  @Test func aSourceMayBeALink() throws {
    let scratch = try Scratch()
    for version in ["v1", "v2"] {
      try scratch.make("\(version)/manifests")
      try scratch.write("\(version)/manifests/a.yaml", "n: \(version)\n")
    }
    try scratch.link("current", to: "v1")
    var folder = try Folder([scratch.path("current/manifests")])
    #expect(folder.news() == ["+ a.yaml {n: v1}"])
    try scratch.link("next", to: "v2")
    try scratch.rename("next", to: "current")
    #expect(folder.news() == ["+ a.yaml {n: v2}"])
  }

  @Test func aConfigMapIsReadThroughItsLinks() throws {
    let scratch = try Scratch()
    try scratch.mountConfigMap("", version: 1, ["a.yaml": "n: 1\n", "b.yaml": "n: 1\n"])
    var folder = try Folder([scratch.root])
    #expect(folder.news() == ["+ a.yaml {n: 1}", "+ b.yaml {n: 1}"])
    try scratch.mountConfigMap("", version: 2, ["a.yaml": "n: 2\n", "b.yaml": "n: 2\n"])
    #expect(folder.news() == ["+ a.yaml {n: 2}", "+ b.yaml {n: 2}"])
    #expect(folder.news() == [])
  }

  /// It was inside and is outside now: what was good stays.
  @Test func aLinkThatIsTurnedOutwardsIsBroken() throws {
    let scratch = try Scratch()
    for folder in ["m", "m/.h"] { try scratch.make(folder) }
    for file in ["m/.h/a", "out"] { try scratch.write(file) }
    try scratch.link("m/a.yaml", to: ".h/a")
    var folder = try Folder([scratch.path("m")])
    #expect(folder.news() == ["+ a.yaml {a: b}"])
    try scratch.remove("m/a.yaml")
    try scratch.link("m/a.yaml", to: "../out")
    #expect(folder.news() == ["! a.yaml file-outside"])
  }

  @Test func aFolderThatIsTurnedOutwardsRemovesNothing() throws {
    let scratch = try Scratch()
    for folder in ["m", "m/.h", "out"] { try scratch.make(folder) }
    for file in ["m/.h/a.yaml", "out/b.yaml"] { try scratch.write(file) }
    try scratch.link("m/f", to: ".h")
    var folder = try Folder([scratch.path("m")])
    #expect(folder.news() == ["+ f/a.yaml {a: b}"])
    try scratch.link("m/.f", to: "../out")
    try scratch.rename("m/.f", to: "m/f")
    #expect(folder.news() == ["! f file-outside"])
    try scratch.remove("m/f")
    #expect(folder.news() == ["- f", "- f/a.yaml"])
  }
}
