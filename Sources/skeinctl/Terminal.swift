// SPDX-License-Identifier: Apache-2.0
// Terminal: where answers go, and whether they may be in colour.

import Glibc
import World

/// Where answers go.
struct Terminal {
  /// How a piece of text looks.
  enum Look: String {
    case plain = ""
    case bold = "1"
    case faint = "2"
    case red = "1;31"
    case yellow = "1;33"
    case green = "1;32"
    case blue = "1;34"
  }

  let hasColor: Bool

  /// `auto` asks whether somebody is looking, and whether they want colour (no-color.org).
  init(color: String?) {
    switch color {
    case "always": hasColor = true
    case "never": hasColor = false
    default: hasColor = isatty(1) == 1 && (getenv("NO_COLOR").map { $0[0] == 0 } ?? true)
    }
  }

  /// A text that looks like this, if it may.
  func paint(_ text: String, _ look: Look) -> String {
    hasColor && look != .plain ? "\u{1b}[\(look.rawValue)m\(text)\u{1b}[0m" : text
  }

  /// Writes a line for the one who asked.
  static func tell(_ text: String) { write(text + "\n", to: 1) }

  /// Writes a line for the one who looks on.
  static func say(_ text: String) { write(text + "\n", to: 2) }

  /// Says what keeps a command from running.
  static func complain(_ problem: Problem) {
    let file = problem.spot.file.isEmpty ? "" : "\(problem.spot): "
    say("skeinctl: " + "\(file)\(problem.text)\(problem.hint.isEmpty ? "" : " (\(problem.hint))")".printable)
  }

  private static func write(_ text: String, to descriptor: CInt) {
    var rest = Array(text.utf8)[...]
    while !rest.isEmpty {
      let count = rest.withUnsafeBytes { Glibc.write(descriptor, $0.baseAddress, $0.count) }
      if count < 0, errno == EINTR { continue }
      // Whoever reads has gone, or the disk is full: there is nobody to tell.
      guard count > 0 else { exit(2) }
      rest = rest.dropFirst(count)
    }
  }
}

extension String {
  /// The text without what would change the look of a terminal, break its lines, or turn their direction: it may come
  /// from a file nobody has looked at.
  var printable: String {
    var text = ""
    for scalar in unicodeScalars {
      switch scalar.properties.generalCategory {
      case _ where scalar == "\t": text += "→"
      case _ where scalar == "\r": continue
      case .control, .format, .lineSeparator, .paragraphSeparator, .surrogate, .privateUse, .unassigned:
        text += "\u{fffd}"
      default: text.unicodeScalars.append(scalar)
      }
    }
    return text
  }
}
