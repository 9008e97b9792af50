// SPDX-License-Identifier: Apache-2.0
// Authority: certificates for tests, minted by the openssl command: what we read is then not what we wrote ourselves.

import Foundation
package import Net

/// A root of its own in a folder of its own.
package struct Authority: Sendable {
  private let folder: URL

  /// A leaf and what goes with it.
  package struct Leaf: Sendable {
    /// Leaf only; the roots sign leaves directly.
    package let chain: [[UInt8]]
    /// The private key.
    package let key: [UInt8]
  }

  /// What ran and failed.
  package struct Failure: Error { package let text: String }

  /// A new root.
  package init() throws {
    folder = FileManager.default.temporaryDirectory.appendingPathComponent("authority-\(UUID().uuidString)")
    try FileManager.default.createDirectory(at: folder, withIntermediateDirectories: true)
    try run("ecparam", "-name", "prime256v1", "-genkey", "-noout", "-out", "root.key")
    try run("req", "-x509", "-new", "-key", "root.key", "-subj", "/O=test", "-days", "30", "-out", "root.pem")
    try run("x509", "-in", "root.pem", "-outform", "DER", "-out", "root.der")
  }

  /// The root certificate.
  package func root() throws -> [UInt8] { Array(try Data(contentsOf: folder.appendingPathComponent("root.der"))) }

  /// A leaf with these URI names, valid between two moments relative to now, in seconds.
  package func leaf(_ uris: [String], from: Int = -60, until: Int = 86_400, usage: String = "serverAuth,clientAuth")
    throws -> Leaf
  {
    let name = UUID().uuidString
    try run("ecparam", "-name", "prime256v1", "-genkey", "-noout", "-out", "\(name).key")
    try run("req", "-new", "-key", "\(name).key", "-subj", "/", "-out", "\(name).csr")
    var extensions = "extendedKeyUsage=\(usage)\nkeyUsage=critical,digitalSignature\n"
    if !uris.isEmpty { extensions += "subjectAltName=critical,\(uris.map { "URI:\($0)" }.joined(separator: ","))\n" }
    try extensions.write(to: folder.appendingPathComponent("\(name).ext"), atomically: true, encoding: .utf8)
    try "".write(to: folder.appendingPathComponent("\(name).index"), atomically: true, encoding: .utf8)
    try """
    [ca]
    default_ca = d
    [d]
    database = \(name).index
    new_certs_dir = .
    default_md = sha256
    policy = any
    rand_serial = yes
    unique_subject = no
    [any]
    organizationName = optional
    """.write(to: folder.appendingPathComponent("\(name).conf"), atomically: true, encoding: .utf8)
    try run(
      "ca", "-batch", "-notext", "-config", "\(name).conf", "-cert", "root.pem", "-keyfile", "root.key", "-in",
      "\(name).csr",
      "-out", "\(name).pem", "-startdate", Self.moment(from), "-enddate", Self.moment(until), "-extfile", "\(name).ext")
    try run("x509", "-in", "\(name).pem", "-outform", "DER", "-out", "\(name).der")
    try run("pkey", "-in", "\(name).key", "-outform", "DER", "-out", "\(name).key.der")
    func bytes(_ file: String) throws -> [UInt8] { Array(try Data(contentsOf: folder.appendingPathComponent(file))) }
    return Leaf(chain: [try bytes("\(name).der")], key: try bytes("\(name).key.der"))
  }

  /// A configuration with a new leaf of that identity.
  package func configuration(_ identity: String, generation: UInt64 = 1) throws -> TLSConfiguration {
    let leaf = try leaf([identity])
    return TLSConfiguration(generation: generation, chain: leaf.chain, key: leaf.key, roots: [try root()])
  }

  /// Runs openssl with the given words in this authority's folder; returns what it printed.
  @discardableResult
  package func run(_ arguments: String...) throws -> String {
    let process = Process()
    process.executableURL = URL(fileURLWithPath: "/usr/bin/openssl")
    process.arguments = arguments
    process.currentDirectoryURL = folder
    let pipe = Foundation.Pipe()
    process.standardOutput = pipe
    process.standardError = pipe
    try process.run()
    let output = String(decoding: pipe.fileHandleForReading.readDataToEndOfFile(), as: UTF8.self)
    process.waitUntilExit()
    guard process.terminationStatus == 0 else {
      throw Failure(text: "openssl \(arguments.joined(separator: " ")): \(output)")
    }
    return output
  }

  /// Writes a file into the folder and returns its name.
  package func file(_ name: String, _ bytes: [UInt8]) throws -> String {
    try Data(bytes).write(to: folder.appendingPathComponent(name))
    return name
  }

  private static func moment(_ seconds: Int) -> String {
    let form = DateFormatter()
    form.locale = Locale(identifier: "en_US_POSIX")
    form.timeZone = TimeZone(identifier: "UTC")
    form.dateFormat = "yyyyMMddHHmmss'Z'"
    return form.string(from: Date().addingTimeInterval(Double(seconds)))
  }
}
