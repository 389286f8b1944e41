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
char *md5_hex(Arena *mem, Str data);
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

#endif
