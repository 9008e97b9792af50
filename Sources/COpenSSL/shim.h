// SPDX-License-Identifier: Apache-2.0
// OpenSSL for Swift: the headers, and a function for each macro that does not import. No logic.
#pragma once

#include <openssl/bio.h>
#include <openssl/err.h>
#include <openssl/evp.h>
#include <openssl/pem.h>
#include <openssl/rand.h>
#include <openssl/ssl.h>
#include <openssl/x509.h>
#include <openssl/x509_vfy.h>
#include <openssl/x509v3.h>

static inline long skein_ctx_min_version(SSL_CTX *c, int v) { return SSL_CTX_set_min_proto_version(c, v); }
static inline long skein_ctx_max_version(SSL_CTX *c, int v) { return SSL_CTX_set_max_proto_version(c, v); }
static inline long skein_ctx_set_mode(SSL_CTX *c, long m) { return SSL_CTX_set_mode(c, m); }
static inline long skein_ctx_groups(SSL_CTX *c, const char *list) { return SSL_CTX_set1_groups_list(c, (char *)list); }
static inline long skein_ctx_session_cache_mode(SSL_CTX *c, long m) { return SSL_CTX_set_session_cache_mode(c, m); }
static inline long skein_ctx_session_cache_size(SSL_CTX *c, long n) { return SSL_CTX_sess_set_cache_size(c, n); }
static inline void skein_ctx_read_ahead(SSL_CTX *c, int on) { SSL_CTX_set_read_ahead(c, on); }
static inline long skein_ctx_add_chain(SSL_CTX *c, X509 *x) { return SSL_CTX_add1_chain_cert(c, x); }
static inline void skein_ssl_set_owner(SSL *s, void *owner) { SSL_set_app_data(s, owner); }
static inline void *skein_ssl_owner(const SSL *s) { return SSL_get_app_data(s); }
static inline int skein_ssl_is_resumed(const SSL *s) { return SSL_session_reused(s); }
static inline int skein_bio_type(void) { return BIO_get_new_index() | BIO_TYPE_SOURCE_SINK; }
static inline void skein_bio_retry_read(BIO *b) { BIO_set_retry_read(b); }
static inline void skein_bio_clear_retry(BIO *b) { BIO_clear_retry_flags(b); }
static inline EVP_PKEY *skein_make_p256(void) { return EVP_EC_gen("P-256"); }
static inline int skein_general_name_count(const GENERAL_NAMES *n) { return sk_GENERAL_NAME_num(n); }
static inline GENERAL_NAME *skein_general_name_at(const GENERAL_NAMES *n, int i) { return sk_GENERAL_NAME_value(n, i); }
static inline int skein_x509_stack_count(const STACK_OF(X509) *s) { return sk_X509_num(s); }
static inline X509 *skein_x509_stack_pop(STACK_OF(X509) *s) { return sk_X509_pop(s); }
static inline STACK_OF(X509_EXTENSION) *skein_extensions_new(void) { return sk_X509_EXTENSION_new_null(); }
static inline int skein_extensions_push(STACK_OF(X509_EXTENSION) *s, X509_EXTENSION *e) { return sk_X509_EXTENSION_push(s, e); }
static inline void skein_extensions_free(STACK_OF(X509_EXTENSION) *s) { sk_X509_EXTENSION_pop_free(s, X509_EXTENSION_free); }
static inline GENERAL_NAMES *skein_general_names_new(void) { return sk_GENERAL_NAME_new_null(); }
static inline int skein_general_names_push(GENERAL_NAMES *s, GENERAL_NAME *n) { return sk_GENERAL_NAME_push(s, n); }
static inline X509 *skein_ssl_peer_certificate(const SSL *s) { return SSL_get1_peer_certificate(s); }
