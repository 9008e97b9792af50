// SPDX-License-Identifier: Apache-2.0
// skein-node: the daemon of one node.

import Glibc
import Node

@main
struct Main {
  static func main() async {
    NodeCommand.blockSignals()
    exit(await NodeCommand.run(Array(CommandLine.arguments.dropFirst())))
  }
}
