#include <openssl/crypto.h>
#include <openssl/evp.h>
#include <openssl/hmac.h>
#include <openssl/kdf.h>

#include "atlas/crypt.h"

// OpenSSL fails here only without memory or with a broken installation: nothing a caller can mend.
static void must(int ok) {
    if (ok <= 0)
        BUG("OpenSSL failed");
}

Digest sha256(Str data) {
    Digest d;
    must(EVP_Digest(data.ptr, data.len, d.bytes, NULL, EVP_sha256(), NULL));
    return d;
}

char *sha256_hex(Arena *mem, Str data) {
    Digest d = sha256(data);
    return hex_encode(mem, d.bytes, sizeof d.bytes);
}

Digest hmac_sha256(Str key, Str data) {
    Digest d;
    if (!HMAC(EVP_sha256(), key.ptr, (int)key.len, (const unsigned char *)data.ptr, data.len,
              d.bytes, NULL))
        BUG("OpenSSL failed");
    return d;
}

static void free_ctx(void *ctx) { EVP_MD_CTX_free(ctx); }

static EVP_MD_CTX *new_ctx(const EVP_MD *type, Arena *mem) {
    EVP_MD_CTX *ctx = EVP_MD_CTX_new();
    if (!ctx)
        BUG("out of memory");
    arena_on_free(mem, free_ctx, ctx);
    must(EVP_DigestInit_ex(ctx, type, NULL));
    return ctx;
}

static void md5(Str data, unsigned char out[MD5_SIZE]) {
    must(EVP_Digest(data.ptr, data.len, out, NULL, EVP_md5(), NULL));
}

char *md5_base64(Arena *mem, Str data) {
    unsigned char out[MD5_SIZE];
    md5(data, out);
    return base64_encode(mem, out, sizeof out);
}

struct Md5 {
    EVP_MD_CTX *ctx;
};

Md5 *md5_new(Arena *mem) {
    Md5 *m = NEW(mem, Md5);
    m->ctx = new_ctx(EVP_md5(), mem);
    return m;
}

void md5_add(Md5 *m, Str data) { must(EVP_DigestUpdate(m->ctx, data.ptr, data.len)); }

void md5_finish(Md5 *m, unsigned char out[MD5_SIZE]) { must(EVP_DigestFinal_ex(m->ctx, out, NULL)); }

Digest hkdf_sha256(Str secret, Str salt, Str info) {
    // RFC 5869 with one output block: extract, then expand once.
    AutoArena tmp = arena_new(NULL);
    Digest prk = hmac_sha256(salt, secret);
    Buf block;
    buf_init(&block, tmp, SIZE_MAX);
    buf_add(&block, info.ptr, info.len);
    buf_char(&block, 1);
    return hmac_sha256(str_slice((const char *)prk.bytes, sizeof prk.bytes), buf_view(&block));
}

bool digest_equal(Digest a, Digest b) { return CRYPTO_memcmp(a.bytes, b.bytes, SHA256_SIZE) == 0; }

struct Hasher {
    EVP_MD_CTX *ctx;
};

Hasher *hasher_new(Arena *mem) {
    Hasher *h = NEW(mem, Hasher);
    h->ctx = new_ctx(EVP_sha256(), mem);
    return h;
}

void hasher_add(Hasher *h, Str data) { must(EVP_DigestUpdate(h->ctx, data.ptr, data.len)); }

Digest hasher_value(const Hasher *h) {
    Digest d;
    EVP_MD_CTX *copy = EVP_MD_CTX_new();
    if (!copy)
        BUG("out of memory");
    must(EVP_MD_CTX_copy_ex(copy, h->ctx));
    must(EVP_DigestFinal_ex(copy, d.bytes, NULL));
    EVP_MD_CTX_free(copy);
    return d;
}
