// SPDX-License-Identifier: Apache-2.0
// What is no manifest, may not be read, or is too much: one problem each, and the others load.

import Foundation
import Testing

@testable import World

@Suite struct FolderFailureTests {
  struct Case: Sendable, CustomTestStringConvertible {
    let name: String
    let code: String
    let make: @Sendable (Scratch) throws -> Void
    var testDescription: String { name }

    init(_ name: String, _ code: String, _ make: @escaping @Sendable (Scratch) throws -> Void) {
      self.name = name
      self.code = code
      self.make = make
    }
  }

  @Test(arguments: [
    Case("a folder", "file-kind") { try $0.make("x.yaml") },
    Case("a fifo", "file-kind") { mkfifo($0.path("x.yaml"), 0o644) },
    Case("a socket", "file-kind") { try bindSocket($0.path("x.yaml")) },
    Case("a link to a fifo", "file-kind") {
      mkfifo($0.path(".fifo"), 0o644)
      try $0.link("x.yaml", to: ".fifo")
    },
    Case("a link to a device", "file-outside") { try $0.link("x.yaml", to: "/dev/zero") },
    Case("a sparse file of 50 MB", "file-size") {
      try $0.write("x.yaml", "")
      truncate($0.path("x.yaml"), 50 << 20)
    },
    Case("the largest file there can be", "file-size") {
      try $0.write("x.yaml", "")
      var size = Int.max
      while truncate($0.path("x.yaml"), size) != 0, size > 1 << 30 { size /= 2 }
    },
    Case("a byte too much", "file-size") { try $0.write("x.yaml", "#" + String(repeating: " ", count: 4 << 20)) },
    Case("no UTF-8", "yaml-encoding") { try Data([0x61, 0xff]).write(to: URL(filePath: $0.path("x.yaml"))) },
  ])
  func oneBadEntryHidesNoOther(_ c: Case) throws {
    let scratch = try Scratch()
    try c.make(scratch)
    for name in ["a.yaml", "z.yaml"] { try scratch.write(name) }
    var folder = try Folder([scratch.root])
    #expect(folder.news() == ["+ a.yaml {a: b}", "! x.yaml \(c.code)", "+ z.yaml {a: b}"])
    #expect(folder.problems.map(\.code) == [c.code])
    #expect(folder.news() == [], "told once")
    try scratch.remove("x.yaml")
    #expect(folder.news() == ["- x.yaml"])
  }

  /// A regular file that became a fifo after it was listed: reading it must not wait for a writer.
  @Test func aFifoInPlaceOfAFileDoesNotBlock() throws {
    let scratch = try Scratch()
    try scratch.write("a.yaml")
    var folder = try Folder([scratch.root])
    let listing = Listing([scratch.root], ManifestLimits())
    try scratch.remove("a.yaml")
    mkfifo(scratch.path("a.yaml"), 0o644)
    var told: [String] = []
    folder.apply(listing) { told.append($0.outline) }
    #expect(told == ["! a.yaml file-kind"])
  }

  @Test func aLinkInPlaceOfAFileIsNotFollowed() throws {
    let scratch = try Scratch()
    try scratch.write("a.yaml")
    var folder = try Folder([scratch.root])
    let listing = Listing([scratch.root], ManifestLimits())
    try scratch.remove("a.yaml")
    try scratch.link("a.yaml", to: "/etc/hostname")
    var told: [String] = []
    folder.apply(listing) { told.append($0.outline) }
    #expect(told == ["! a.yaml file-link"])
  }

  /// In a process of its own, which gives up being root.
  @Test func whatMayNotBeReadIsBrokenAndRemovesNothing() async {
    await #expect(processExitsWith: .success) {
      let scratch = try Scratch()
      for folder in ["shut", "blind", ".way/end"] { try scratch.make(folder) }
      try scratch.link("link", to: ".way/end")
      let names = ["a.yaml", "b.yaml", "shut/c.yaml", "blind/d.yaml", ".way/end/e.yaml"]
      for name in names { try scratch.write(name) }
      var folder = try Folder([scratch.root])
      try #require(folder.news().count == 5)
      chmod(scratch.path("a.yaml"), 0)
      // No names; names but nothing behind them; a link over what may not be passed.
      chmod(scratch.path("shut"), 0)
      chmod(scratch.path("blind"), 0o444)
      chmod(scratch.path(".way"), 0)
      if geteuid() == 0 { try #require(seteuid(65_534) == 0) }
      try #require(folder.news() == ["! a.yaml file-denied"])
      try #require(folder.problems.map(\.spot.file) == ["a.yaml", "blind", "link", "shut"])
      try #require(folder.problems.allSatisfy { $0.code == "file-denied" })
      try #require(folder.news() == [])
      try #require(folder.reads == 7, "what could not be read is tried each time")
      if getuid() == 0 { try #require(seteuid(0) == 0) }
      chmod(scratch.path("a.yaml"), 0o644)
      for name in ["shut", "blind", ".way"] { chmod(scratch.path(name), 0o755) }
      try #require(folder.news() == ["+ a.yaml {a: b}"])
      try #require(folder.problems.isEmpty)
    }
  }

  @Test func names() throws {
    let scratch = try Scratch()
    try scratch.write("a.yaml")
    for bytes: [CChar] in [[0x62, -1], [0x62, 0x0a], [0x62, 0x1b]] {
      let path = scratch.root.utf8CString.dropLast() + [0x2f] + bytes + ".yaml".utf8CString
      close(open(Array(path), O_CREAT | O_WRONLY, 0o644))
    }
    var folder = try Folder([scratch.root])
    #expect(folder.news() == ["+ a.yaml {a: b}"])
    #expect(folder.problems.map(\.code) == ["file-name"])
    #expect(folder.problems.allSatisfy { $0.text.hasPrefix("3 names") })
  }
}

private func bindSocket(_ path: String) throws {
  let socket = socket(AF_UNIX, Int32(SOCK_STREAM.rawValue), 0)
  defer { close(socket) }
  var address = sockaddr_un()
  address.sun_family = sa_family_t(AF_UNIX)
  withUnsafeMutableBytes(of: &address.sun_path) { $0.copyBytes(from: path.utf8) }
  let size = socklen_t(MemoryLayout<sockaddr_un>.size)
  let code = withUnsafePointer(to: &address) {
    $0.withMemoryRebound(to: sockaddr.self, capacity: 1) { bind(socket, $0, size) }
  }
  guard code == 0 else { throw Unexpected() }
}

/// Each limit of a source at its edge. What was loaded before is never taken for removed.
@Suite struct FolderLimitTests {
  @Test func files() throws {
    let scratch = try Scratch()
    var limits = ManifestLimits()
    limits.filesMax = 3
    for name in ["b", "c", "d"] { try scratch.write("\(name).yaml") }
    var folder = try Folder([scratch.root], limits: limits)
    #expect(folder.news().count == 3)
    #expect(folder.problems.isEmpty)
    try scratch.write("a.yaml")
    #expect(folder.news() == ["+ a.yaml {a: b}"])
    #expect(
      folder.problems.map(\.description) == [
        "c.yaml: error: more than 3 files; this is the last that is read [folder-size]"
      ])
    try scratch.remove("b.yaml")
    #expect(folder.news() == ["- b.yaml"])
    #expect(folder.problems.isEmpty)
  }

  @Test func folders() throws {
    let scratch = try Scratch()
    let path = (1...17).map { "f\($0)" }
    try scratch.make(path.joined(separator: "/"))
    try scratch.write(path.joined(separator: "/") + "/a.yaml")
    try scratch.write(path.dropLast().joined(separator: "/") + "/b.yaml")
    var folder = try Folder([scratch.root])
    #expect(folder.refresh().map(\.path) == [path.dropLast().joined(separator: "/") + "/b.yaml"])
    #expect(folder.problems.map(\.code) == ["folder-depth"])
    #expect(folder.problems.map(\.spot.file) == [path.joined(separator: "/")])
  }

  @Test func names() throws {
    let scratch = try Scratch()
    var limits = ManifestLimits()
    limits.namesMax = 5
    for name in ["a.yaml", "b", "c", "d", ".e"] { try scratch.write(name) }
    var folder = try Folder([scratch.root], limits: limits)
    #expect(folder.news() == ["+ a.yaml {a: b}"])
    #expect(folder.problems.isEmpty)
    for number in 0..<20 { try scratch.write("f\(number)") }
    // Which names are cut is up to the file system, so the manifest may be among them.
    #expect(folder.news() == [])
    #expect(folder.problems.map(\.code) == ["folder-size"])
  }

  @Test func bytesOfAll() throws {
    let scratch = try Scratch()
    var limits = ManifestLimits()
    limits.totalBytesMax = 15
    for name in ["a", "b", "c"] { try scratch.write("\(name).yaml", "a: b\n") }
    var folder = try Folder([scratch.root], limits: limits)
    #expect(folder.news() == ["+ a.yaml {a: b}", "+ b.yaml {a: b}", "+ c.yaml {a: b}"])
    try scratch.write("b.yaml", "a: bc\n")
    #expect(folder.news() == ["+ b.yaml {a: bc}", "! c.yaml folder-size"])
  }
}
