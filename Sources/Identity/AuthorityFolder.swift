// SPDX-License-Identifier: Apache-2.0
// AuthorityFolder: the small certificate authority as files.
//
//   root.crt  root.key    made once, offline if wanted; the key may be taken away when every node has its own
//   node.crt  node.key    what signs leaves on one node: an intermediate under the root
//   roots.pem             every root that is believed, ours among them; more may be added
//
// Keys are 0600 in a folder of 0700. A file that is there and cannot be used is never overwritten: whoever damaged it should
// look at it first.

import Format
import Glibc
package import Net

/// Why the authority cannot be used.
package struct AuthorityFailure: Error, Equatable, Sendable, CustomStringConvertible {
  /// The file it is about.
  package let path: String
  /// What is wrong with it.
  package let text: String

  /// One line.
  package var description: String { "\(path): \(text)" }
}

/// The files of a certificate authority.
package struct AuthorityFolder: Sendable {
  /// Ten years.
  static let rootSeconds: Int64 = 3650 * 86_400
  /// A year.
  static let nodeSeconds: Int64 = 365 * 86_400
  /// Clocks may differ by this much.
  static let skewSeconds: Int64 = 300
  /// No file of an authority is longer.
  private static let fileBytesMax = 1 << 20

  private let path: String
  private let trustDomain: String

  /// The folder of an authority, which need not be there yet.
  package init(_ path: String, trustDomain: String) {
    self.path = path
    self.trustDomain = trustDomain
  }

  /// Makes a root, unless there is one. Gives back whether it made one.
  package func makeRoot(now: Int64) throws(AuthorityFailure) -> Bool {
    try makeFolder()
    if try pair("root") != nil { return false }
    let root = try make(.root(trustDomain: trustDomain), now, Self.rootSeconds, nil, "root")
    try save(root, "root")
    try write("roots.pem", PEM.encode(PEM.Block(label: "CERTIFICATE", bytes: root.certificate)), mode: 0o644)
    return true
  }

  /// Makes what signs on one node, unless there is one that is good for a while. Gives back whether it made one.
  package func makeNode(_ name: String, now: Int64) throws(AuthorityFailure) -> Bool {
    if let node = try pair("node"), let certificate = try? Certificate(der: node.certificate),
      certificate.notAfter - now > Self.nodeSeconds / 2
    {
      return false
    }
    guard let root = try pair("root") else {
      throw AuthorityFailure(
        path: file("root.key"), text: "there is no root to sign with; `skeinctl ca init` makes one")
    }
    try save(
      try make(.intermediate(trustDomain: trustDomain, node: name), now, Self.nodeSeconds, root, "node"), "node")
    return true
  }

  /// What signs leaves here: the node's own, else the root. Its chain without the root, and the roots that are believed.
  package func signer() throws(AuthorityFailure) -> (signer: KeyPair, chain: [[UInt8]], roots: [[UInt8]]) {
    let bundle = try certificates("roots.pem")
    guard !bundle.isEmpty else { throw AuthorityFailure(path: file("roots.pem"), text: "it holds no certificate") }
    if let node = try pair("node") { return (node, [node.certificate], bundle) }
    guard let root = try pair("root") else {
      throw AuthorityFailure(
        path: path, text: "there is neither a node's certificate nor a root; `skeinctl ca init` makes one")
    }
    return (root, [], bundle)
  }

  /// Certificates by the names of their files, for people.
  package func show() throws(AuthorityFailure) -> [(file: String, certificate: Certificate, hasKey: Bool)] {
    var shown: [(String, Certificate, Bool)] = []
    for name in ["root.crt", "node.crt", "roots.pem"] {
      for der in try certificates(name) {
        guard let certificate = try? Certificate(der: der) else {
          throw AuthorityFailure(path: file(name), text: "it holds something that is no certificate")
        }
        let key = name.replacingSuffix(".crt", with: ".key")
        shown.append((name, certificate, key != name && exists(key)))
      }
    }
    return shown
  }

  private func make(
    _ kind: CertificateKind, _ now: Int64, _ seconds: Int64, _ issuer: KeyPair?, _ name: String
  ) throws(AuthorityFailure) -> KeyPair {
    do {
      return try KeyPair.make(kind, from: now - Self.skewSeconds, to: now + seconds, signedBy: issuer)
    } catch {
      throw AuthorityFailure(path: file("\(name).crt"), text: "it cannot be made: \(error)")
    }
  }

  // MARK: Files

  /// A certificate with its key; nil when neither is there. Half of it, or a key for another one, is damage.
  private func pair(_ name: String) throws(AuthorityFailure) -> KeyPair? {
    let certificates = try certificates("\(name).crt")
    guard let certificate = certificates.first else {
      if exists("\(name).crt") || exists("\(name).key") {
        throw AuthorityFailure(path: file("\(name).crt"), text: "it is missing or empty, and its key is there")
      }
      return nil
    }
    guard exists("\(name).key") else { return nil }
    guard let key = try blocks("\(name).key").first(where: { $0.label.hasSuffix("PRIVATE KEY") })?.bytes else {
      throw AuthorityFailure(path: file("\(name).key"), text: "it holds no key")
    }
    do {
      var configuration = TLSConfiguration(generation: 0, chain: [certificate], key: key, roots: [certificate])
      configuration.now = { 0 }
      _ = try TLSContext(.server, configuration)
    } catch {
      throw AuthorityFailure(
        path: file("\(name).key"), text: "it does not belong to \(name).crt, or cannot be read: \(error)")
    }
    return KeyPair(certificate: certificate, key: key)
  }

  private func certificates(_ name: String) throws(AuthorityFailure) -> [[UInt8]] {
    guard exists(name) else { return [] }
    return try blocks(name).filter { $0.label == "CERTIFICATE" }.map(\.bytes)
  }

  private func blocks(_ name: String) throws(AuthorityFailure) -> [PEM.Block] {
    let bytes = try read(name)
    do { return try PEM.blocks(in: bytes.span) } catch {
      throw AuthorityFailure(path: file(name), text: "it is no PEM: \(error)")
    }
  }

  private func save(_ pair: KeyPair, _ name: String) throws(AuthorityFailure) {
    // The key first: a certificate without its key would look like damage.
    try write("\(name).key", PEM.encode(PEM.Block(label: "PRIVATE KEY", bytes: pair.key)), mode: 0o600)
    try write("\(name).crt", PEM.encode(PEM.Block(label: "CERTIFICATE", bytes: pair.certificate)), mode: 0o644)
  }

  private func file(_ name: String) -> String { "\(path)/\(name)" }

  private func exists(_ name: String) -> Bool { access(file(name), F_OK) == 0 }

  private func makeFolder() throws(AuthorityFailure) {
    guard mkdir(path, 0o700) != 0, errno != EEXIST else { return }
    throw AuthorityFailure(path: path, text: "it cannot be made: \(String(cString: strerror(errno)))")
  }

  private func read(_ name: String) throws(AuthorityFailure) -> [UInt8] {
    let raw = open(file(name), O_RDONLY | O_CLOEXEC | O_NONBLOCK)
    guard raw >= 0 else { throw AuthorityFailure(path: file(name), text: String(cString: strerror(errno))) }
    defer { close(raw) }
    var bytes = [UInt8](repeating: 0, count: Self.fileBytesMax)
    let count = bytes.withUnsafeMutableBytes { Glibc.read(raw, $0.baseAddress, $0.count) }
    guard count >= 0, count < Self.fileBytesMax else {
      throw AuthorityFailure(path: file(name), text: count < 0 ? String(cString: strerror(errno)) : "it is too long")
    }
    return Array(bytes[..<count])
  }

  /// Whole or not at all: a new file, then renamed.
  private func write(_ name: String, _ text: String, mode: mode_t) throws(AuthorityFailure) {
    let temporary = file(".\(name).new")
    let raw = open(temporary, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC | O_NOFOLLOW, mode)
    guard raw >= 0 else { throw AuthorityFailure(path: file(name), text: String(cString: strerror(errno))) }
    let bytes = Array(text.utf8)
    let count = bytes.withUnsafeBytes { Glibc.write(raw, $0.baseAddress, $0.count) }
    let isWhole = count == bytes.count && fsync(raw) == 0
    close(raw)
    guard isWhole, rename(temporary, file(name)) == 0 else {
      let text = String(cString: strerror(errno))
      unlink(temporary)
      throw AuthorityFailure(path: file(name), text: "it cannot be written: \(text)")
    }
  }
}

extension String {
  fileprivate func replacingSuffix(_ suffix: String, with other: String) -> String {
    hasSuffix(suffix) ? dropLast(suffix.count) + other : self
  }
}
