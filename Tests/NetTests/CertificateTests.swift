// SPDX-License-Identifier: Apache-2.0
// Certificates and requests: what we read agrees with what openssl wrote, and the other way round.

import Net
import Rig
import Testing

@Suite struct CertificateTests {
  private static let identity = "spiffe://cluster.local/ns/a/sa/b"

  @Test func readsValiditySerialAndNamesAsOpensslDoes() throws {
    let authority = try Authority()
    let leaf = try authority.leaf([Self.identity, "spiffe://cluster.local/ns/c/sa/d"])
    let certificate = try Certificate(der: leaf.chain[0])
    let file = try authority.file("read.der", leaf.chain[0])
    let text = try authority.run(
      "x509", "-inform", "DER", "-in", file, "-noout", "-serial", "-dates", "-dateopt", "iso_8601")
    let serial = certificate.serial.map { ($0 < 16 ? "0" : "") + String($0, radix: 16, uppercase: true) }.joined()
    #expect(text.contains("serial=\(serial)"))
    #expect(certificate.notAfter - certificate.notBefore == 86_460)
    #expect(certificate.uris == [Self.identity, "spiffe://cluster.local/ns/c/sa/d"])
    #expect(certificate.otherNames == 0)
  }

  @Test func refusesWhatIsNoCertificateOrMoreThanOne() throws {
    let der = try Authority().leaf([Self.identity]).chain[0]
    #expect(throws: Certificate.Failure.malformed) { try Certificate(der: []) }
    #expect(throws: Certificate.Failure.malformed) { try Certificate(der: Array(der.dropLast())) }
    #expect(throws: Certificate.Failure.malformed) { try Certificate(der: der + [0]) }
    let size = Certificate.derBytesMax + 1
    #expect(throws: Certificate.Failure.tooLarge(size)) { try Certificate(der: [UInt8](repeating: 0x30, count: size)) }
  }

  @Test func countsNamesUpToTheLimit() throws {
    let authority = try Authority()
    let names = (0...Certificate.namesMax).map { "spiffe://cluster.local/ns/a/sa/\($0)" }
    let most = try authority.leaf(Array(names.dropLast()))
    #expect(try Certificate(der: most.chain[0]).uris.count == Certificate.namesMax)
    let over = try authority.leaf(names)
    #expect(throws: Certificate.Failure.tooManyNames(names.count)) { try Certificate(der: over.chain[0]) }
  }

  /// P-256, an empty subject, one critical URI name, signed by its own key.
  @Test func makesARequestThatOpensslVerifies() throws {
    let authority = try Authority()
    guard let key = PrivateKey() else { throw NoKey() }
    let made = key.request(for: Self.identity)
    let request = try #require(made)
    let file = try authority.file("request.der", request)
    let text = try authority.run("req", "-inform", "DER", "-in", file, "-noout", "-verify", "-text")
    #expect(text.contains("verify OK"))
    #expect(text.contains("NIST CURVE: P-256"))
    #expect(text.contains("Subject: \n") || text.contains("Subject:\n"))
    #expect(text.contains("X509v3 Subject Alternative Name: critical"))
    #expect(text.contains("URI:\(Self.identity)"))
  }

  @Test(arguments: ["", "spiffe://a b/c", "spiffe://cluster.local/ns/\u{e9}", "spiffe://a\0b"])
  func makesNoRequestForWhatIsNoIdentity(text: String) throws {
    guard let key = PrivateKey() else { throw NoKey() }
    let request = key.request(for: text)
    #expect(request == nil)
  }

  @Test func aKeySurvivesItsOwnForm() throws {
    let authority = try Authority()
    guard let key = PrivateKey() else { throw NoKey() }
    let der = key.der
    guard let again = PrivateKey(der: der) else { throw NoKey() }
    #expect(again.der == der)
    let isRefused = PrivateKey(der: Array(der.dropLast())) == nil
    #expect(isRefused)
    let file = try authority.file("key.der", der)
    #expect(try authority.run("pkey", "-inform", "DER", "-in", file, "-noout", "-check").contains("valid"))
  }
}

private struct NoKey: Error {}
