// SPDX-License-Identifier: Apache-2.0
// The work of embed-bpf: compile, drop what only a debugger wants, write Swift.
import Glibc

/// Reads the arguments and does the work; ends the process with 1 when a step fails.
func embed() {
  guard CommandLine.arguments.count == 5 else { fail("usage: embed-bpf CLANG OBJCOPY SOURCE.bpf.c OUTPUT.swift") }
  let (clang, objcopy) = (CommandLine.arguments[1], CommandLine.arguments[2])
  let (source, output) = (CommandLine.arguments[3], CommandLine.arguments[4])
  let name = String(lastComponent(of: source).dropLast(".bpf.c".count))
  guard isIdentifier(name) else { fail("\(source):1:1: error: the name '\(name)' is not a Swift identifier") }

  let object = output + ".o"
  run([clang] + flags(for: source) + ["-c", source, "-o", object])
  // DWARF is most of the object and libbpf never reads it; BTF, which it does read, is not a debug section.
  run([objcopy, "--strip-debug", object])
  write(swift(name: name, object: read(object)), to: output)
}

/// The multiarch folder holds asm/types.h, which a bpf target does not search by itself. The prefix maps keep the
/// builder's folders out of the object, so that two machines build the same bytes.
func flags(for source: String) -> [String] {
  let folder = String(source.dropLast(lastComponent(of: source).count))
  return [
    "-O2", "-g", "-target", "bpf", "-Wall", "-Wextra", "-Werror", "-Wno-unused-parameter",
    "-I/usr/include/\(machine())-linux-gnu", "-ffile-prefix-map=\(folder)=bpf/", "-fdebug-compilation-dir=.",
  ]
}

/// `x86_64` or `aarch64`: what Debian calls the folder of this machine's headers.
func machine() -> String {
  #if arch(arm64)
    "aarch64"
  #else
    "x86_64"
  #endif
}

func swift(name: String, object: [UInt8]) -> String {
  let digits = Array("0123456789abcdef".utf8)
  let hex = String(unsafeUninitializedCapacity: object.count * 2) { text in
    for (index, byte) in object.enumerated() {
      text[2 * index] = digits[Int(byte >> 4)]
      text[2 * index + 1] = digits[Int(byte & 15)]
    }
    return object.count * 2
  }
  return """
    // SPDX-License-Identifier: Apache-2.0
    // Written by embed-bpf from bpf/\(name).bpf.c: the compiled object, in hex.
    extension Embedded {
      static var \(name): StaticString { "\(hex)" }
    }

    """
}

func isIdentifier(_ name: String) -> Bool {
  guard let first = name.utf8.first, first < 0x30 || first > 0x39 else { return false }
  return name.utf8.allSatisfy { byte in
    (0x30...0x39).contains(byte) || (0x41...0x5a).contains(byte) || (0x61...0x7a).contains(byte) || byte == 0x5f
  }
}

func lastComponent(of path: String) -> Substring {
  path.split(separator: "/", omittingEmptySubsequences: false).last ?? ""
}

/// Runs a command to its end; a command that fails has already said why on the inherited stderr.
func run(_ command: [String]) {
  var arguments: [UnsafeMutablePointer<CChar>?] = command.map { strdup($0) }
  arguments.append(nil)
  defer { for argument in arguments { free(argument) } }
  var child: pid_t = 0
  let failure = posix_spawnp(&child, command[0], nil, nil, arguments, environ)
  guard failure == 0 else { fail("error: cannot run \(command[0]): \(String(cString: strerror(failure)))") }
  var status: CInt = 0
  while waitpid(child, &status, 0) < 0 {
    guard errno == EINTR else { fail("error: lost \(command[0])") }
  }
  guard status == 0 else { exit(1) }
}

func read(_ path: String) -> [UInt8] {
  guard let file = fopen(path, "rb") else { fail("error: cannot read \(path)") }
  defer { fclose(file) }
  var bytes: [UInt8] = []
  var chunk = [UInt8](repeating: 0, count: 65536)
  while true {
    let count = fread(&chunk, 1, chunk.count, file)
    guard count > 0 else { return bytes }
    bytes += chunk[..<count]
  }
}

func write(_ text: String, to path: String) {
  let bytes = Array(text.utf8)
  guard let file = fopen(path, "wb") else { fail("error: cannot write \(path)") }
  let isWritten = fwrite(bytes, 1, bytes.count, file) == bytes.count
  // A full disk may show only when the buffer is flushed.
  guard fclose(file) == 0, isWritten else { fail("error: cannot write \(path)") }
}

func fail(_ message: String) -> Never {
  let line = Array((message + "\n").utf8)
  _ = Glibc.write(2, line, line.count)
  exit(1)
}
