// SPDX-License-Identifier: Apache-2.0
// What is wrong with a file or a folder, in words for whoever put it there.
//
//   file-missing  file-denied  file-link  file-outside  file-kind  file-size  file-empty  file-busy  file-name
//   file-read     folder-size  folder-depth

import Glibc

/// Links in a circle, or too many of them in a row.
let tooManyLinks = ELOOP

extension Problem {
  /// A call that failed on a file.
  init(_ failure: FileFailure, file: String) {
    let spot = Spot(file: file)
    switch failure.code {
    case ENOENT, ENOTDIR:
      self.init(.error, "file-missing", at: spot, "there is no such file or folder")
    case EACCES, EPERM:
      self.init(.error, "file-denied", at: spot, "it may not be read", hint: "look at its owner and permissions")
    case ELOOP:
      self.init(.error, "file-link", at: spot, "the links lead in a circle, or changed while they were followed")
    case EILSEQ, ENAMETOOLONG:
      self.init(.error, "file-name", at: spot, "its name, or that of what the link leads to, cannot be used")
    default:
      let reason = String(cString: strerror(failure.code))
      self.init(.error, "file-read", at: spot, "it cannot be read: \(failure.call): \(reason)")
    }
  }

  /// A folder with a manifest's name, a fifo, a socket, a device.
  static func notAFile(_ path: String) -> Problem {
    Problem(.error, "file-kind", at: Spot(file: path), "this is no file but a folder, a fifo, a socket or a device")
  }

  /// A link that leads out of its source.
  static func outside(_ path: String) -> Problem {
    Problem(
      .error, "file-outside", at: Spot(file: path), "the link leads out of its folder; it is not followed",
      hint: "give the target as a source of its own")
  }

  /// More bytes than one file may have.
  static func tooLarge(_ path: String, _ limits: ManifestLimits) -> Problem {
    Problem(.error, "file-size", at: Spot(file: path), "more than \(limits.fileBytesMax) bytes")
  }

  /// With this file all have more bytes than allowed.
  static func tooMuch(_ path: String, _ limits: ManifestLimits) -> Problem {
    Problem(
      .error, "folder-size", at: Spot(file: path),
      "not read: the files up to this one have more than \(limits.totalBytesMax) bytes")
  }

  /// It held something and has no byte now: a shell's `>` empties a file at once, and what fills it may come later.
  static func emptied(_ path: String) -> Problem {
    Problem(
      .warning, "file-empty", at: Spot(file: path), "the file was emptied; what it held before stays",
      hint: "remove the file, or leave a comment in it")
  }
}
