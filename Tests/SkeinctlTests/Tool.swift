// SPDX-License-Identifier: Apache-2.0
// Tool: the real skeinctl, called as a person calls it, in a folder of its own.

import Foundation
import Testing

/// What a call ended with.
struct Outcome {
  let status: Int32
  let output: String
  let complaints: String

  /// Both, for messages of tests.
  var all: String { "status \(status)\n\(output)\(complaints)" }
}

/// A folder that goes when nobody needs it any more.
final class Scratch {
  let url: URL

  init(_ files: [String: String] = [:]) throws {
    url = FileManager.default.temporaryDirectory.appendingPathComponent("skeinctl-\(UUID().uuidString)")
    try FileManager.default.createDirectory(at: url, withIntermediateDirectories: true)
    for (name, text) in files { try write(name, Data(text.utf8)) }
  }

  deinit {
    // What nobody may read, nobody but root could remove.
    _ = try? Tool.start(["chmod", "-R", "u+rwX", url.path])
    try? FileManager.default.removeItem(at: url)
  }

  func write(_ name: String, _ bytes: Data) throws {
    let file = url.appendingPathComponent(name)
    try FileManager.default.createDirectory(at: file.deletingLastPathComponent(), withIntermediateDirectories: true)
    try bytes.write(to: file)
  }
}

enum Tool {
  /// A call that takes longer hangs.
  private static let secondsMax = "60"

  /// The sample that comes with the sources.
  static let shop = URL(fileURLWithPath: #filePath).deletingLastPathComponent()
    .appendingPathComponent("../../Deploy/samples/shop").standardizedFileURL.path

  /// The binary stands beside that of the tests.
  static let path = URL(fileURLWithPath: "/proc/self/exe").resolvingSymlinksInPath().deletingLastPathComponent()
    .appendingPathComponent("skeinctl").path

  /// Whether we may read everything, which is not what most people may.
  static var isRoot: Bool { geteuid() == 0 }

  /// Calls skeinctl; root steps down first where reading is what is tested.
  static func skeinctl(
    _ arguments: [String], in scratch: Scratch? = nil, input: Data = Data(), asNobody: Bool = false
  ) throws -> Outcome {
    let nobody = asNobody && isRoot ? ["setpriv", "--reuid=65534", "--regid=65534", "--clear-groups"] : []
    return try start(nobody + [path] + arguments, in: scratch?.url, input: input)
  }

  /// Starts a program and waits for its end. Both ways go through files: with two pipes, each side could wait for the
  /// other to read.
  static func start(_ words: [String], in folder: URL? = nil, input: Data = Data()) throws -> Outcome {
    let names = ["input", "output", "complaints"].map { name in
      FileManager.default.temporaryDirectory.appendingPathComponent("skeinctl-\(UUID().uuidString)-\(name)")
    }
    defer { for name in names { try? FileManager.default.removeItem(at: name) } }
    try input.write(to: names[0])
    for name in names.dropFirst() { try Data().write(to: name) }
    let process = Process()
    process.executableURL = URL(fileURLWithPath: "/usr/bin/env")
    process.arguments = ["timeout", "-k", "1", secondsMax] + words
    process.currentDirectoryURL = folder
    // A sanitizer is told by the environment what to look for.
    process.environment = ProcessInfo.processInfo.environment.merging(["LC_ALL": "C.UTF-8"]) { _, new in new }
    process.standardInput = try FileHandle(forReadingFrom: names[0])
    process.standardOutput = try FileHandle(forWritingTo: names[1])
    process.standardError = try FileHandle(forWritingTo: names[2])
    try process.run()
    process.waitUntilExit()
    return Outcome(
      status: process.terminationStatus, output: String(decoding: try Data(contentsOf: names[1]), as: UTF8.self),
      complaints: String(decoding: try Data(contentsOf: names[2]), as: UTF8.self))
  }

  /// Whether a program is on this machine.
  static func has(_ program: String) -> Bool {
    (try? start(["sh", "-c", "command -v \(program)"]).status) == 0
  }
}
