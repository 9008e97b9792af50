// SPDX-License-Identifier: Apache-2.0
// Peers: whom we talk to. Decided here and nowhere else, in the handshake and again after it.
//
// A resumed handshake shows no certificates and calls no verifier, so what the handshake decided is decided once more on
// the certificate the session kept: time, identity, and the generation of the configuration that first verified it.

import COpenSSL

/// Which identities a session accepts.
package enum AcceptedPeers: Hashable, Sendable {
  /// Any identity of this trust domain.
  case trustDomain(String)
  /// One of these, compared byte by byte.
  case identities(Set<String>)

  func refusal(of identity: String) -> TLSRefusal? {
    switch self {
    case .trustDomain(let domain): identity.hasPrefix("spiffe://\(domain)/") ? nil : .trustDomain
    case .identities(let identities): identities.contains(identity) ? nil : .identity
    }
  }
}

/// Why a peer's certificate was refused.
package enum TLSRefusal: Error, Equatable, Sendable {
  /// No chain to a root of the bundle, or the chain is not good for this use.
  case untrusted
  /// The leaf or an issuer has expired.
  case expired
  /// The leaf or an issuer is not valid yet.
  case notYetValid
  /// No URI name, or one that is no SPIFFE id.
  case noIdentity
  /// More than one URI name: a SPIFFE certificate has exactly one.
  case manyIdentities
  /// A good identity, but not one of those accepted.
  case identity
  /// A good identity of another trust domain.
  case trustDomain
  /// The peer sent no certificate.
  case noCertificate
  /// The session was made under another configuration.
  case generation

  var count: NetCount {
    switch self {
    case .untrusted: .tlsRefusedUntrusted
    case .expired: .tlsRefusedExpired
    case .notYetValid: .tlsRefusedNotYetValid
    case .noIdentity: .tlsRefusedNoIdentity
    case .manyIdentities: .tlsRefusedManyIdentities
    case .identity: .tlsRefusedIdentity
    case .trustDomain: .tlsRefusedTrustDomain
    case .noCertificate: .tlsRefusedNoCertificate
    case .generation: .tlsRefusedGeneration
    }
  }
}

/// The peer of a session, after it was verified.
package struct TLSPeer: Sendable, Equatable {
  /// Its SPIFFE id.
  package let identity: String
  /// Its certificate's last second.
  package let notAfter: Int64
  /// Its certificate's serial number.
  package let serial: [UInt8]
}

enum PeerCheck {
  /// The library's verdict on a chain, as a refusal; nil when it is good.
  static func refusal(code: CInt) -> TLSRefusal? {
    switch code {
    case X509_V_OK: nil
    case X509_V_ERR_CERT_HAS_EXPIRED: .expired
    case X509_V_ERR_CERT_NOT_YET_VALID: .notYetValid
    default: .untrusted
    }
  }

  /// Looks at a leaf whose chain was verified, now or when its session was made.
  static func judge(_ leaf: OpaquePointer, accepted: AcceptedPeers, now: Int64) -> Result<TLSPeer, TLSRefusal> {
    guard let certificate = try? Certificate(leaf) else { return .failure(.noIdentity) }
    guard now >= certificate.notBefore else { return .failure(.notYetValid) }
    guard now <= certificate.notAfter else { return .failure(.expired) }
    guard let identity = certificate.uris.first else { return .failure(.noIdentity) }
    guard certificate.uris.count == 1 else { return .failure(.manyIdentities) }
    guard isSPIFFE(identity) else { return .failure(.noIdentity) }
    if let refusal = accepted.refusal(of: identity) { return .failure(refusal) }
    return .success(TLSPeer(identity: identity, notAfter: certificate.notAfter, serial: certificate.serial))
  }

  /// `spiffe://trust-domain/path`, without query or fragment, at most 2,048 bytes (SPIFFE ID, section 2).
  static func isSPIFFE(_ text: String) -> Bool {
    guard text.utf8.count <= 2048, text.hasPrefix("spiffe://"),
      !text.utf8.contains(where: { $0 == 0x3f || $0 == 0x23 || $0 == 0x25 })
    else { return false }
    let parts = text.utf8.dropFirst(9).split(separator: UInt8(ascii: "/"), omittingEmptySubsequences: false)
    guard parts.count >= 2, !parts.contains(where: \.isEmpty) else { return false }
    return parts[0].allSatisfy { byte in
      (0x61...0x7a).contains(byte) || (0x30...0x39).contains(byte) || byte == 0x2d || byte == 0x2e || byte == 0x5f
    }
  }
}
