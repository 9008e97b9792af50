// SPDX-License-Identifier: Apache-2.0
// Signing: certificates made with OpenSSL. What kind of certificate is said in words; what is in it stands here alone.
//
//   root           self-signed, may sign, any path below it
//   intermediate   may sign leaves only, and only names of its trust domain
//   leaf           one URI name, critical, as SPIFFE wants it; both ends of TLS

import COpenSSL
import Net

/// What a certificate is for.
package enum CertificateKind: Hashable, Sendable {
  case root(trustDomain: String)
  case intermediate(trustDomain: String, node: String)
  case leaf(uri: String)
}

/// Why a certificate could not be made.
package enum SigningFailure: Error, Equatable, Sendable {
  /// A key or a certificate that was given cannot be read.
  case unreadable(String)
  /// The library refused: its words.
  case library(String)
}

/// A certificate and its key, in DER. The key is a secret.
package struct KeyPair: Sendable {
  /// The certificate.
  package let certificate: [UInt8]
  /// The key.
  package let key: [UInt8]

  /// Joins the two.
  package init(certificate: [UInt8], key: [UInt8]) {
    self.certificate = certificate
    self.key = key
  }

  /// Makes a key, and a certificate for it that this pair signs; nobody means itself.
  package static func make(
    _ kind: CertificateKind, from notBefore: Int64, to notAfter: Int64, signedBy issuer: KeyPair?
  ) throws(SigningFailure) -> KeyPair {
    guard let own = PrivateKey() else { throw .library("there is no randomness") }
    let key = own.der
    let certificate = try Draft.signed(kind, notBefore, notAfter, key: key, issuer: issuer)
    return KeyPair(certificate: certificate, key: key)
  }
}

/// A certificate that is being made.
private enum Draft {
  static func signed(
    _ kind: CertificateKind, _ notBefore: Int64, _ notAfter: Int64, key: [UInt8], issuer: KeyPair?
  ) throws(SigningFailure) -> [UInt8] {
    guard let draft = X509_new() else { throw .library("out of memory") }
    defer { X509_free(draft) }
    let own = try read(key: key)
    defer { EVP_PKEY_free(own) }
    let signer = try issuer.map { issuer throws(SigningFailure) in try read(key: issuer.key) }
    defer { if let signer { EVP_PKEY_free(signer) } }
    let above = try issuer.map { issuer throws(SigningFailure) in try read(certificate: issuer.certificate) }
    defer { if let above { X509_free(above) } }
    try check(X509_set_version(draft, 2), "version")
    try setSerial(of: draft)
    ASN1_TIME_set(X509_getm_notBefore(draft), Int(notBefore))
    ASN1_TIME_set(X509_getm_notAfter(draft), Int(notAfter))
    try check(X509_set_pubkey(draft, own), "key")
    try setSubject(of: draft, kind)
    try check(X509_set_issuer_name(draft, X509_get_subject_name(above ?? draft)), "issuer")
    for (number, value) in extensions(of: kind) { try add(number, value, to: draft, issuer: above ?? draft) }
    guard X509_sign(draft, signer ?? own, EVP_sha256()) > 0 else { throw .library(words("sign")) }
    return try der(of: draft)
  }

  private static func extensions(of kind: CertificateKind) -> [(CInt, String)] {
    let ids = [(NID_subject_key_identifier, "hash"), (NID_authority_key_identifier, "keyid:always")]
    switch kind {
    case .root:
      return [
        (NID_basic_constraints, "critical,CA:TRUE"), (NID_key_usage, "critical,keyCertSign,cRLSign"),
        (NID_subject_key_identifier, "hash"),
      ]
    case .intermediate(let trustDomain, _):
      return [
        (NID_basic_constraints, "critical,CA:TRUE,pathlen:0"), (NID_key_usage, "critical,keyCertSign,cRLSign"),
        (NID_name_constraints, "critical,permitted;URI:\(trustDomain)"),
      ] + ids
    case .leaf(let uri):
      return [
        (NID_basic_constraints, "critical,CA:FALSE"), (NID_key_usage, "critical,digitalSignature"),
        (NID_ext_key_usage, "serverAuth,clientAuth"), (NID_subject_alt_name, "critical,URI:\(uri)"),
      ] + ids
    }
  }

  private static func setSubject(of draft: OpaquePointer, _ kind: CertificateKind) throws(SigningFailure) {
    let name: String
    switch kind {
    case .root(let trustDomain): name = "Skein root of \(trustDomain)"
    case .intermediate(let trustDomain, let node): name = "Skein node \(node) of \(trustDomain)"
    // A leaf has no subject: its name is the URI.
    case .leaf: return
    }
    let bytes = Array(name.utf8.prefix(64))
    let subject = X509_get_subject_name(draft)
    try check(
      X509_NAME_add_entry_by_txt(subject, "CN", MBSTRING_UTF8_NUMBER, bytes, CInt(bytes.count), -1, 0), "subject")
  }

  /// MBSTRING_UTF8 of asn1.h, which does not import.
  private static let MBSTRING_UTF8_NUMBER: CInt = 0x1000

  private static func setSerial(of draft: OpaquePointer) throws(SigningFailure) {
    var bytes = [UInt8](repeating: 0, count: 16)
    try check(RAND_bytes(&bytes, CInt(bytes.count)), "serial")
    // Positive, and not 0 (RFC 5280 4.1.2.2).
    bytes[0] = bytes[0] & 0x7f | 0x40
    guard let number = BN_bin2bn(bytes, CInt(bytes.count), nil) else { throw .library(words("serial")) }
    defer { BN_free(number) }
    guard BN_to_ASN1_INTEGER(number, X509_get_serialNumber(draft)) != nil else { throw .library(words("serial")) }
  }

  private static func add(
    _ number: CInt, _ value: String, to draft: OpaquePointer, issuer: OpaquePointer
  ) throws(SigningFailure) {
    var context = X509V3_CTX()
    X509V3_set_ctx(&context, issuer, draft, nil, nil, 0)
    guard let ext = X509V3_EXT_conf_nid(nil, &context, number, value) else { throw .library(words("extension")) }
    defer { X509_EXTENSION_free(ext) }
    try check(X509_add_ext(draft, ext, -1), "extension")
  }

  private static func der(of draft: OpaquePointer) throws(SigningFailure) -> [UInt8] {
    var bytes: UnsafeMutablePointer<UInt8>?
    let count = i2d_X509(draft, &bytes)
    defer { CRYPTO_free(bytes, #file, #line) }
    guard count > 0 else { throw .library(words("encode")) }
    return Array(UnsafeBufferPointer(start: bytes, count: Int(count)))
  }

  private static func read(key der: [UInt8]) throws(SigningFailure) -> OpaquePointer {
    let key: OpaquePointer? = der.withUnsafeBufferPointer { bytes in
      var cursor = bytes.baseAddress
      return d2i_AutoPrivateKey(nil, &cursor, bytes.count)
    }
    guard let key else { throw .unreadable(words("the key")) }
    return key
  }

  private static func read(certificate der: [UInt8]) throws(SigningFailure) -> OpaquePointer {
    let certificate: OpaquePointer? = der.withUnsafeBufferPointer { bytes in
      var cursor = bytes.baseAddress
      return d2i_X509(nil, &cursor, bytes.count)
    }
    guard let certificate else { throw .unreadable(words("the certificate")) }
    return certificate
  }

  private static func check(_ code: CInt, _ what: String) throws(SigningFailure) {
    guard code == 1 else { throw .library(words(what)) }
  }

  /// The library's last words on something.
  private static func words(_ what: String) -> String {
    let code = ERR_get_error()
    ERR_clear_error()
    guard code != 0 else { return what }
    var text = [CChar](repeating: 0, count: 256)
    ERR_error_string_n(code, &text, text.count)
    return "\(what): " + String(decoding: text.prefix { $0 != 0 }.map { UInt8(bitPattern: $0) }, as: UTF8.self)
  }
}
