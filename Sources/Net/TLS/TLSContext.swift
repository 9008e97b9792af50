// SPDX-License-Identifier: Apache-2.0
// TLSContext: OpenSSL's context for one configuration generation, one role and one worker.
//
// The configuration is a value that crosses threads; the context is built from it where it is used and never changes.
// New credentials mean a new context: sessions made under the old one are unknown to it, so they fall back to a full
// handshake. Connections keep the context they began with.
//
// Server sessions are kept in the context, not in tickets: resuming from a ticket would decode the peer's certificate
// again and cost three times as much. Both stores are bounded.

import COpenSSL
import Glibc

/// Everything a context is built from.
package struct TLSConfiguration: Sendable {
  /// Counts up with every change of certificate or bundle.
  package var generation: UInt64
  /// The certificate and its issuers, leaf first, without the root; DER.
  package var chain: [[UInt8]]
  /// The leaf's private key; DER.
  package var key: [UInt8]
  /// The trust bundle; DER.
  package var roots: [[UInt8]]
  /// Protocols offered or accepted, in order of preference.
  package var protocols: [String] = ["h2"]
  /// The time certificates are judged by, in seconds since 1970.
  package var now: @Sendable () -> Int64 = { Int64(time(nil)) }

  /// The parts that have no default.
  package init(generation: UInt64, chain: [[UInt8]], key: [UInt8], roots: [[UInt8]]) {
    self.generation = generation
    self.chain = chain
    self.key = key
    self.roots = roots
  }
}

/// Why a configuration is unusable.
package enum TLSConfigurationFailure: Error, Equatable, Sendable {
  /// A certificate of the chain cannot be read; which one, from 0.
  case chain(Int)
  /// The key cannot be read or is not the leaf's.
  case key
  /// A root cannot be read; which one, from 0.
  case root(Int)
  /// Neither chain nor roots may be empty.
  case empty
  /// The library refused; its own words.
  case library(String)
}

/// One side's TLS settings.
package final class TLSContext {
  /// Which end of a connection.
  package enum Role: Sendable { case client, server }

  /// Sessions a server context keeps for resumption; about 4 KB each.
  package static let serverSessionsMax = 4096
  /// Peers a client context keeps a session for.
  package static let clientSessionsMax = 1024
  /// How long a session may be resumed.
  package static let sessionLife = Duration.seconds(3600)

  /// Before each record the library moves what is left of its buffer to the front, so a large buffer is no gain. This
  /// one holds four full records (16,384 bytes, 5 of header, 17 of type and tag) behind the 3 bytes it aligns them by:
  /// a read then ends where a record does, and no second one is needed for the rest.
  private static let readBufferBytes = 4 * (16_384 + 5 + 17) + 3

  let raw: OpaquePointer
  let bioMethod: OpaquePointer
  let role: Role
  let now: @Sendable () -> Int64
  /// The configuration's generation.
  package let generation: UInt64
  private let wireProtocols: [UInt8]
  private var sessions: [String: OpaquePointer] = [:]

  /// Builds a context; says what is wrong with the configuration when it cannot.
  package init(_ role: Role, _ configuration: TLSConfiguration) throws(TLSConfigurationFailure) {
    guard !configuration.chain.isEmpty, !configuration.roots.isEmpty else { throw .empty }
    guard let context = SSL_CTX_new(TLS_method()) else { throw .library(Self.libraryError()) }
    guard let method = SessionBIO.makeMethod() else {
      SSL_CTX_free(context)
      throw .library(Self.libraryError())
    }
    raw = context
    bioMethod = method
    self.role = role
    now = configuration.now
    generation = configuration.generation
    wireProtocols = configuration.protocols.flatMap { [UInt8($0.utf8.count)] + Array($0.utf8) }
    try load(configuration)
    try setProfile()
    setResumption()
    setVerification()
  }

  deinit {
    for session in sessions.values { SSL_SESSION_free(session) }
    SSL_CTX_free(raw)
    BIO_meth_free(bioMethod)
  }

  private func load(_ configuration: TLSConfiguration) throws(TLSConfigurationFailure) {
    for (index, der) in configuration.chain.enumerated() {
      guard let x509 = X509Handle(der: der) else { throw .chain(index) }
      let code = index == 0 ? Int(SSL_CTX_use_certificate(raw, x509.raw)) : skein_ctx_add_chain(raw, x509.raw)
      guard code == 1 else { throw .chain(index) }
    }
    guard let key = PrivateKey(der: configuration.key), SSL_CTX_use_PrivateKey(raw, key.raw) == 1,
      SSL_CTX_check_private_key(raw) == 1
    else {
      ERR_clear_error()
      throw .key
    }
    guard let store = SSL_CTX_get_cert_store(raw) else { throw .library("no store") }
    for (index, der) in configuration.roots.enumerated() {
      guard let x509 = X509Handle(der: der), X509_STORE_add_cert(store, x509.raw) == 1 else { throw .root(index) }
    }
  }

  /// TLS 1.3, AES-GCM, hybrid key exchange where the library has it, large reads, buffers released when idle.
  private func setProfile() throws(TLSConfigurationFailure) {
    _ = skein_ctx_min_version(raw, TLS1_3_VERSION)
    _ = skein_ctx_max_version(raw, TLS1_3_VERSION)
    guard SSL_CTX_set_ciphersuites(raw, "TLS_AES_128_GCM_SHA256:TLS_AES_256_GCM_SHA384") == 1 else {
      throw .library(Self.libraryError())
    }
    if skein_ctx_groups(raw, "X25519MLKEM768:X25519:P-256:P-384") != 1 {
      ERR_clear_error()
      guard skein_ctx_groups(raw, "X25519:P-256:P-384") == 1 else { throw .library(Self.libraryError()) }
    }
    _ = SSL_CTX_set_options(raw, UInt64(1) << 14 | UInt64(1) << 30)  // SSL_OP_NO_TICKET, SSL_OP_NO_RENEGOTIATION
    _ = skein_ctx_set_mode(raw, 0x2 | 0x10)  // SSL_MODE_ACCEPT_MOVING_WRITE_BUFFER, SSL_MODE_RELEASE_BUFFERS
    skein_ctx_read_ahead(raw, 1)
    SSL_CTX_set_default_read_buffer_len(raw, Self.readBufferBytes)
    if role == .client {
      guard SSL_CTX_set_alpn_protos(raw, wireProtocols, UInt32(wireProtocols.count)) == 0 else {
        throw .library("ALPN")
      }
    } else {
      SSL_CTX_set_alpn_select_cb(raw, chooseProtocol, Unmanaged.passUnretained(self).toOpaque())
    }
  }

  private func setResumption() {
    // Without an id context a server fails a resumption instead of falling back.
    withUnsafeBytes(of: generation.bigEndian) { bytes in
      _ = SSL_CTX_set_session_id_context(raw, bytes.bindMemory(to: UInt8.self).baseAddress, UInt32(bytes.count))
    }
    _ = SSL_CTX_set_timeout(raw, Int(Self.sessionLife.components.seconds))
    _ = SSL_CTX_set_num_tickets(raw, 1)
    if role == .server {
      _ = skein_ctx_session_cache_mode(raw, Int(SSL_SESS_CACHE_SERVER))
      _ = skein_ctx_session_cache_size(raw, Self.serverSessionsMax)
    } else {
      _ = skein_ctx_session_cache_mode(raw, Int(SSL_SESS_CACHE_CLIENT | SSL_SESS_CACHE_NO_INTERNAL))
      SSL_CTX_sess_set_new_cb(raw, keepSession)
    }
  }

  private func setVerification() {
    SSL_CTX_set_verify(raw, SSL_VERIFY_PEER | (role == .server ? SSL_VERIFY_FAIL_IF_NO_PEER_CERT : 0), nil)
    SSL_CTX_set_cert_verify_callback(raw, verifyPeer, nil)
  }

  var namesProtocols: Bool { !wireProtocols.isEmpty }

  // MARK: Sessions of a client, one per peer and used once

  /// Takes the session kept for `key`; the caller frees it.
  func takeSession(_ key: String) -> OpaquePointer? {
    guard let session = sessions.removeValue(forKey: key) else { return nil }
    guard SSL_SESSION_is_resumable(session) == 1 else {
      SSL_SESSION_free(session)
      return nil
    }
    return session
  }

  fileprivate func keep(_ session: OpaquePointer, _ key: String) {
    if let old = sessions.updateValue(session, forKey: key) { SSL_SESSION_free(old) }
    // Any one will do: a peer without a session pays one full handshake.
    if sessions.count > Self.clientSessionsMax, let (key, victim) = sessions.first {
      sessions[key] = nil
      SSL_SESSION_free(victim)
    }
  }

  fileprivate var offered: [UInt8] { wireProtocols }

  static func libraryError() -> String {
    let code = ERR_peek_last_error()
    ERR_clear_error()
    guard code != 0, let text = ERR_reason_error_string(code) else { return "unknown" }
    return String(cString: text)
  }
}

private func chooseProtocol(
  _ ssl: OpaquePointer?, _ out: UnsafeMutablePointer<UnsafePointer<UInt8>?>?, _ length: UnsafeMutablePointer<UInt8>?,
  _ offered: UnsafePointer<UInt8>?, _ count: UInt32, _ context: UnsafeMutableRawPointer?
) -> CInt {
  guard let context, let offered, let out, let length else { return SSL_TLSEXT_ERR_ALERT_FATAL }
  let ours = Unmanaged<TLSContext>.fromOpaque(context).takeUnretainedValue().offered
  var position = 0
  while position < ours.count {
    let name = ours[(position + 1)...(position + Int(ours[position]))]
    var place = 0
    while place < Int(count) {
      let size = Int(offered[place])
      guard place + 1 + size <= Int(count) else { return SSL_TLSEXT_ERR_ALERT_FATAL }
      if UnsafeBufferPointer(start: offered + place + 1, count: size).elementsEqual(name) {
        out.pointee = offered + place + 1
        length.pointee = UInt8(size)
        return SSL_TLSEXT_ERR_OK
      }
      place += 1 + size
    }
    position += 1 + name.count
  }
  return SSL_TLSEXT_ERR_ALERT_FATAL
}

/// Keeps a client's new session; answers 1 when the reference was taken.
private func keepSession(_ ssl: OpaquePointer?, _ session: OpaquePointer?) -> CInt {
  guard let ssl, let session, let pipe = TLSPipe.of(ssl), let key = pipe.resumptionKey else { return 0 }
  pipe.context.keep(session, key)
  return 1
}

/// Replaces the library's whole chain verification: its own first, then ours on top. Not called when resuming.
private func verifyPeer(_ store: OpaquePointer?, _ unused: UnsafeMutableRawPointer?) -> CInt {
  guard let store, let ssl = X509_STORE_CTX_get_ex_data(store, SSL_get_ex_data_X509_STORE_CTX_idx()),
    let pipe = TLSPipe.of(OpaquePointer(ssl))
  else { return 0 }
  let now = pipe.context.now()
  X509_VERIFY_PARAM_set_time(X509_STORE_CTX_get0_param(store), time_t(now))
  let refusal: TLSRefusal?
  if X509_verify_cert(store) != 1 {
    refusal = PeerCheck.refusal(code: X509_STORE_CTX_get_error(store)) ?? .untrusted
  } else if let leaf = X509_STORE_CTX_get0_cert(store) {
    switch PeerCheck.judge(leaf, accepted: pipe.accepted, now: now) {
    case .success: refusal = nil
    case .failure(let why): refusal = why
    }
  } else {
    refusal = .noCertificate
  }
  guard let refusal else {
    forgetIssuers(store)
    return 1
  }
  pipe.refusal = refusal
  if X509_STORE_CTX_get_error(store) == X509_V_OK {
    X509_STORE_CTX_set_error(store, X509_V_ERR_APPLICATION_VERIFICATION)
  }
  return 0
}

/// A session keeps what its peer sent as long as it lives, some 6 KB for each certificate. Once the chain is verified
/// nobody asks for more than the leaf.
private func forgetIssuers(_ store: OpaquePointer) {
  X509_STORE_CTX_set0_verified_chain(store, nil)
  guard let sent = X509_STORE_CTX_get0_untrusted(store) else { return }
  while skein_x509_stack_count(sent) > 1 { X509_free(skein_x509_stack_pop(sent)) }
}
