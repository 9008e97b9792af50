// SPDX-License-Identifier: Apache-2.0
// skein-bench: the smallest programs over Net and HTTP that move real traffic: an HBONE pair, a plain relay, a load
// generator, handshakes by the thousand. Interop, abuse tests and benches drive it; it is not shipped.

import Glibc

@main
struct Main {
  static func main() {
    let arguments = Array(CommandLine.arguments.dropFirst())
    guard let command = arguments.first else { return usage() }
    let rest = Array(arguments.dropFirst())
    do throws(FlagFailure) {
      switch command {
      case "hbone-client": try runHBONEClient(Flags(rest))
      case "hbone-server": try runHBONEServer(Flags(rest))
      case "relay": try runRelay(Flags(rest))
      case "handshakes": try runHandshakes(Flags(rest))
      case "mesh": try runMesh(Flags(rest))
      case "load": exit(runLoad(rest))
      default: usage()
      }
    } catch {
      say("skein-bench: \(error)")
      exit(2)
    }
  }

  private static func usage() {
    say("usage: skein-bench hbone-client | hbone-server | relay | handshakes | load | mesh  --flag value …")
    exit(2)
  }
}

/// Writes a line for people to standard error.
func say(_ text: String) {
  let line = Array((text + "\n").utf8)
  _ = write(2, line, line.count)
}

/// Writes a line for programs to standard output.
func tell(_ text: String) {
  let line = Array((text + "\n").utf8)
  _ = write(1, line, line.count)
}
