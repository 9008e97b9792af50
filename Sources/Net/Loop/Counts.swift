// SPDX-License-Identifier: Apache-2.0
// Counts: how often each named thing happened, per worker; and the names Net counts.

/// One number per case of an enum.
package struct Counts<Name: CaseIterable & RawRepresentable & Sendable>: Sendable where Name.RawValue == Int {
  private var values: [UInt64]

  /// All zero.
  package init() { values = Array(repeating: 0, count: Name.allCases.count) }

  /// The number for one name.
  package subscript(name: Name) -> UInt64 {
    get { values[name.rawValue] }
    set { values[name.rawValue] = newValue }
  }

  /// Every name in snake case, with its number.
  package var rows: [(String, UInt64)] { Name.allCases.map { (snakeCase("\($0)"), self[$0]) } }

  /// Adds another worker's numbers.
  package mutating func add(_ other: Counts<Name>) {
    for index in values.indices { values[index] &+= other.values[index] }
  }
}

/// What happened to sockets, relays and handshakes.
package enum NetCount: Int, CaseIterable, Sendable {
  case accepted, acceptShed, acceptFailed, acceptHandedOver
  case dialed, dialFailed, dialTimeout
  case relays, relayReset, relayIdle, relayCancelled
  case tlsHandshakes, tlsResumed, tlsHandshakeTimeout, tlsHandshakeFailed, tlsTruncated
  case tlsRefusedUntrusted, tlsRefusedExpired, tlsRefusedNotYetValid, tlsRefusedNoIdentity, tlsRefusedManyIdentities
  case tlsRefusedIdentity, tlsRefusedTrustDomain, tlsRefusedNoCertificate, tlsRefusedGeneration
}

private func snakeCase(_ camel: String) -> String {
  camel.reduce(into: "") { text, letter in text += letter.isUppercase ? "_\(letter.lowercased())" : String(letter) }
}
