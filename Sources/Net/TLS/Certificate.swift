// SPDX-License-Identifier: Apache-2.0
// Certificate: what we read of an X.509 certificate, and the keys and requests we make ourselves.

import COpenSSL
import Glibc

/// What the TLS layer needs to know of one certificate.
package struct Certificate: Sendable, Equatable {
  /// Why bytes are not a certificate we can use.
  package enum Failure: Error, Equatable, Sendable {
    /// Not the DER form of one certificate, or something follows it.
    case malformed
    /// Larger than `derBytesMax`.
    case tooLarge(Int)
    /// More subject alternative names than `namesMax`.
    case tooManyNames(Int)
  }

  /// The largest certificate read.
  package static let derBytesMax = 64 * 1024
  /// The most subject alternative names read.
  package static let namesMax = 256

  /// The bytes.
  package let der: [UInt8]
  /// Valid from, in seconds since 1970.
  package let notBefore: Int64
  /// Valid until and including, in seconds since 1970.
  package let notAfter: Int64
  /// The serial number, big endian.
  package let serial: [UInt8]
  /// Its URI names, in order; those that are not printable ASCII are given as "".
  package let uris: [String]
  /// How many other names it has.
  package let otherNames: Int

  /// Reads the DER form.
  package init(der: [UInt8]) throws(Failure) {
    guard der.count <= Self.derBytesMax else { throw .tooLarge(der.count) }
    guard let x509 = X509Handle(der: der) else { throw .malformed }
    try self.init(x509.raw, der: der)
  }

  init(_ x509: OpaquePointer, der: [UInt8] = []) throws(Failure) {
    self.der = der
    guard let from = seconds(X509_get0_notBefore(x509)), let until = seconds(X509_get0_notAfter(x509)) else {
      throw .malformed
    }
    notBefore = from
    notAfter = until
    serial = Self.bytes(X509_get0_serialNumber(x509))
    (uris, otherNames) = try Self.names(x509)
  }

  private static func bytes(_ string: UnsafePointer<ASN1_STRING>?) -> [UInt8] {
    guard let string, let data = ASN1_STRING_get0_data(string) else { return [] }
    return Array(UnsafeBufferPointer(start: data, count: Int(max(0, ASN1_STRING_length(string)))))
  }

  private static func names(_ x509: OpaquePointer) throws(Failure) -> ([String], Int) {
    var critical: CInt = 0
    guard let raw = X509_get_ext_d2i(x509, NID_subject_alt_name, &critical, nil) else {
      // -1: there is none. Anything else: there is one and it cannot be read, or there are several.
      if critical == -1 { return ([], 0) }
      throw .malformed
    }
    let names = OpaquePointer(raw)
    defer { GENERAL_NAMES_free(names) }
    let count = Int(skein_general_name_count(names))
    guard count <= namesMax else { throw .tooManyNames(count) }
    var uris: [String] = []
    for index in 0..<count {
      guard let name = skein_general_name_at(names, CInt(index)), name.pointee.type == GEN_URI else { continue }
      let text = bytes(name.pointee.d.uniformResourceIdentifier)
      uris.append(text.allSatisfy { (0x21...0x7e).contains($0) } ? String(decoding: text, as: UTF8.self) : "")
    }
    return (uris, count - uris.count)
  }
}

private func seconds(_ time: UnsafePointer<ASN1_TIME>?) -> Int64? {
  var parts = tm()
  guard let time, ASN1_TIME_to_tm(time, &parts) == 1 else { return nil }
  return Int64(timegm(&parts))
}

/// One X509 object of OpenSSL.
struct X509Handle: ~Copyable {
  let raw: OpaquePointer

  /// Reads one certificate that fills `der` exactly.
  init?(der: [UInt8]) {
    let parsed: OpaquePointer? = der.withUnsafeBufferPointer { bytes in
      var cursor = bytes.baseAddress
      guard let x509 = d2i_X509(nil, &cursor, bytes.count) else { return nil }
      guard let base = bytes.baseAddress, let cursor, cursor - base == bytes.count else {
        X509_free(x509)
        return nil
      }
      return x509
    }
    ERR_clear_error()
    guard let parsed else { return nil }
    raw = parsed
  }

  deinit { X509_free(raw) }
}

/// A private key.
package struct PrivateKey: ~Copyable {
  let raw: OpaquePointer

  /// A new P-256 key; nil when the library has no randomness.
  package init?() {
    guard let key = skein_make_p256() else { return nil }
    raw = key
  }

  /// Reads PKCS#8 or SEC 1 DER; nil when it is neither.
  package init?(der: [UInt8]) {
    let parsed: OpaquePointer? = der.withUnsafeBufferPointer { bytes in
      var cursor = bytes.baseAddress
      return d2i_AutoPrivateKey(nil, &cursor, bytes.count)
    }
    ERR_clear_error()
    guard let parsed else { return nil }
    raw = parsed
  }

  deinit { EVP_PKEY_free(raw) }

  /// The key in DER; handle as a secret.
  package var der: [UInt8] {
    var bytes: UnsafeMutablePointer<UInt8>?
    let count = i2d_PrivateKey(raw, &bytes)
    defer { CRYPTO_clear_free(bytes, Int(max(0, count)), #file, #line) }
    return Array(UnsafeBufferPointer(start: bytes, count: Int(max(0, count))))
  }

  /// A certificate request with an empty subject and one critical URI name, in DER; nil when the identity is no ASCII.
  package func request(for identity: String) -> [UInt8]? {
    guard !identity.isEmpty, identity.utf8.allSatisfy({ (0x21...0x7e).contains($0) }), let request = X509_REQ_new()
    else { return nil }
    defer { X509_REQ_free(request) }
    guard let extensions = subjectAlternativeName(identity) else { return nil }
    defer { skein_extensions_free(extensions) }
    guard X509_REQ_set_version(request, 0) == 1, X509_REQ_set_pubkey(request, raw) == 1,
      X509_REQ_add_extensions(request, extensions) == 1, X509_REQ_sign(request, raw, EVP_sha256()) > 0
    else { return nil }
    var bytes: UnsafeMutablePointer<UInt8>?
    let count = i2d_X509_REQ(request, &bytes)
    defer { CRYPTO_free(bytes, #file, #line) }
    return count > 0 ? Array(UnsafeBufferPointer(start: bytes, count: Int(count))) : nil
  }

  private func subjectAlternativeName(_ identity: String) -> OpaquePointer? {
    guard let names = skein_general_names_new(), let name = GENERAL_NAME_new(),
      let uri = ASN1_STRING_type_new(V_ASN1_IA5STRING)
    else { return nil }
    defer { GENERAL_NAMES_free(names) }
    guard ASN1_STRING_set(uri, identity, CInt(identity.utf8.count)) == 1 else { return nil }
    GENERAL_NAME_set0_value(name, GEN_URI, uri)
    guard skein_general_names_push(names, name) > 0,
      let ext = X509V3_EXT_i2d(NID_subject_alt_name, 1, UnsafeMutableRawPointer(names)),
      let extensions = skein_extensions_new(), skein_extensions_push(extensions, ext) > 0
    else { return nil }
    return extensions
  }
}
