// Digests, MACs and signatures. OpenSSL stays behind these types.
#ifndef ATLAS_CRYPT_H
#define ATLAS_CRYPT_H

#include <stdbool.h>

#include "atlas/base.h"

enum { SHA256_SIZE = 32 };

typedef struct Digest {
    unsigned char bytes[SHA256_SIZE];
} Digest;

Digest sha256(Str data);
char *sha256_hex(Arena *mem, Str data);
Digest hmac_sha256(Str key, Str data);
// Base64 MD5 of `data`: what object stores want as Content-MD5. Never used for trust.
char *md5_base64(Arena *mem, Str data);
// MD5 of a stream, for the same use. The state lives in `mem`; 16 bytes out, once, at the end.
typedef struct Md5 Md5;
enum { MD5_SIZE = 16 };
Md5 *md5_new(Arena *mem);
void md5_add(Md5 *m, Str data);
void md5_finish(Md5 *m, unsigned char out[MD5_SIZE]);
// HKDF-SHA256 (RFC 5869), 32 bytes out.
Digest hkdf_sha256(Str secret, Str salt, Str info);
bool digest_equal(Digest a, Digest b); // in constant time

// SHA-256 of a stream. The state lives in `mem`.
typedef struct Hasher Hasher;
Hasher *hasher_new(Arena *mem);
void hasher_add(Hasher *h, Str data);
Digest hasher_value(const Hasher *h); // of what was added so far; adding may go on

// Ed25519: keys are 32 raw bytes (seed and public key), signatures 64.
Err *ed25519_generate(Str *seed, Str *public_key, Arena *mem) MUST_USE;
Err *ed25519_public(Str *public_key, Str seed, Arena *mem) MUST_USE;
Err *ed25519_sign(Str *signature, Str seed, Str message, Arena *mem) MUST_USE;
bool ed25519_verify(Str public_key, Str message, Str signature);

// RSASSA-PKCS1-v1_5 with SHA-256 (RS256 of RFC 7518). `pem` is a private key, PKCS #8 or PKCS #1,
// without a password. E_INVALID if it is not.
Err *rs256_sign(Str *signature, const char *pem, Str message, Arena *mem) MUST_USE;

// AWS Signature Version 4 of one request.
typedef struct SigV4Param {
    const char *name, *value; // decoded
} SigV4Param;

typedef struct SigV4 {
    const char *access_key, *secret_key, *session_token; // token may be NULL or ""
    const char *region, *service;
    Time now;
    const char *method;
    const char *host; // as in the Host header
    const char *path; // percent-encoded as sent
    const SigV4Param *query;
    size_t query_count;
    const SigV4Param *headers; // extra headers to sign, lower-case names
    size_t header_count;
    const char *payload_hash; // hex SHA-256 of the body, or "UNSIGNED-PAYLOAD"
} SigV4;

typedef struct SigV4Result {
    const char *authorization, *amz_date; // header values
    const char *canonical_request;        // for tests and debugging; holds no secret
} SigV4Result;

SigV4Result sigv4_sign(const SigV4 *s, Arena *mem);
// The query of a presigned URL, without "?", good for `seconds` from s->now on. Only the host is
// signed of the headers; s->headers are left out.
const char *sigv4_presign(const SigV4 *s, int seconds, Arena *mem);

// Azure Storage's Shared Key of one request ("Authorize with Shared Key", from version 2015-02-21).
typedef struct SharedKey {
    const char *account;
    Str key; // decoded
    const char *method;
    const char *path; // percent-encoded as sent
    int64_t body_size;
    const SigV4Param *query; // decoded
    size_t query_count;
    const SigV4Param *headers; // all that are sent, lower-case names; x-ms-date among them
    size_t header_count;
} SharedKey;

typedef struct SharedKeyResult {
    const char *authorization;  // header value
    const char *string_to_sign; // for tests; holds no secret
} SharedKeyResult;

SharedKeyResult sharedkey_sign(const SharedKey *s, Arena *mem);

#endif
