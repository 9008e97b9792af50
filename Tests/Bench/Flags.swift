// SPDX-License-Identifier: Apache-2.0
// Flags: `--name value` pairs, each read once and by its type; what is missing or left over is an error.

import Format
import Glibc
import Net

/// What is wrong with the flags.
enum FlagFailure: Error, CustomStringConvertible {
  case notAFlag(String)
  case missing(String)
  case bad(String, String)
  case file(String, String)

  var description: String {
    switch self {
    case .notAFlag(let text): "'\(text)' is no flag"
    case .missing(let name): "--\(name) is missing"
    case .bad(let name, let text): "--\(name): '\(text)' cannot be read"
    case .file(let path, let why): "\(path): \(why)"
    }
  }
}

/// The flags of one command.
struct Flags {
  private var values: [String: String] = [:]

  init(_ arguments: [String]) throws(FlagFailure) {
    var index = 0
    while index < arguments.count {
      let name = arguments[index]
      guard name.hasPrefix("--") else { throw .notAFlag(name) }
      let hasValue = index + 1 < arguments.count && !arguments[index + 1].hasPrefix("--")
      values[String(name.dropFirst(2))] = hasValue ? arguments[index + 1] : ""
      index += hasValue ? 2 : 1
    }
  }

  func has(_ name: String) -> Bool { values[name] != nil }
  func text(_ name: String) -> String? { values[name] }

  func required(_ name: String) throws(FlagFailure) -> String {
    guard let value = values[name] else { throw .missing(name) }
    return value
  }

  func number(_ name: String, default number: Int) throws(FlagFailure) -> Int {
    guard let text = values[name] else { return number }
    guard let value = Int(text) else { throw .bad(name, text) }
    return value
  }

  func endpoint(_ name: String) throws(FlagFailure) -> Endpoint {
    let text = try required(name)
    guard let endpoint = Endpoint(text) else { throw .bad(name, text) }
    return endpoint
  }

  /// Certificate, key and roots from PEM files.
  func configuration() throws(FlagFailure) -> TLSConfiguration {
    let chain = try blocks("cert", "CERTIFICATE")
    let roots = try blocks("roots", "CERTIFICATE")
    let keys = try blocks("key", "PRIVATE KEY")
    guard let key = keys.first else { throw .missing("key") }
    return TLSConfiguration(generation: 1, chain: chain, key: key, roots: roots)
  }

  private func blocks(_ name: String, _ label: String) throws(FlagFailure) -> [[UInt8]] {
    let path = try required(name)
    let text = try read(path)
    do {
      return try PEM.blocks(in: text.span).filter { $0.label.hasSuffix(label) }.map(\.bytes)
    } catch {
      throw .file(path, "\(error)")
    }
  }

  private func read(_ path: String) throws(FlagFailure) -> [UInt8] {
    let file = open(path, O_RDONLY)
    guard file >= 0 else { throw .file(path, String(cString: strerror(errno))) }
    defer { close(file) }
    var bytes = [UInt8](repeating: 0, count: 1 << 20)
    let count = Glibc.read(file, &bytes, bytes.count)
    return Array(bytes[..<max(0, count)])
  }

  /// Whom the other side may be.
  func accepted() throws(FlagFailure) -> AcceptedPeers {
    if let identity = text("accept") { return .identities([identity]) }
    return .trustDomain(text("trust-domain") ?? "cluster.local")
  }

  /// For sockets between the two ends of a tunnel.
  func tunnelOptions() -> SocketOptions {
    var options = SocketOptions()
    options.congestion = text("congestion")
    return options
  }

  /// For sockets to applications, which a node's daemon only has on its own node.
  func localOptions() -> SocketOptions {
    var options = SocketOptions.local
    if let congestion = text("congestion") { options.congestion = congestion }
    return options
  }

  func handshakeDeadline() throws(FlagFailure) -> Duration {
    .milliseconds(try number("handshake-deadline", default: 10_000))
  }
}
