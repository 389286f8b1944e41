#include <openssl/evp.h>

#include "atlas/crypt.h"

enum { KEY_SIZE = 32, SIGNATURE_SIZE = 64 };

static void free_key(EVP_PKEY **key) { EVP_PKEY_free(*key); }
static void free_ctx(EVP_MD_CTX **ctx) { EVP_MD_CTX_free(*ctx); }
#define AutoKey __attribute__((cleanup(free_key))) EVP_PKEY *
#define AutoCtx __attribute__((cleanup(free_ctx))) EVP_MD_CTX *

static const unsigned char *bytes(Str s) { return (const unsigned char *)s.ptr; }

static EVP_PKEY *private_key(Str seed) {
    return seed.len == KEY_SIZE
               ? EVP_PKEY_new_raw_private_key(EVP_PKEY_ED25519, NULL, bytes(seed), seed.len)
               : NULL;
}

Err *ed25519_public(Str *public_key, Str seed, Arena *mem) {
    AutoKey key = private_key(seed);
    unsigned char raw[KEY_SIZE];
    size_t len = sizeof raw;
    if (!key || EVP_PKEY_get_raw_public_key(key, raw, &len) <= 0)
        return err_new(E_INVALID, "not an Ed25519 private key (32 bytes)");
    *public_key = (Str){arena_strndup(mem, (const char *)raw, len), len};
    return NULL;
}

Err *ed25519_generate(Str *seed, Str *public_key, Arena *mem) {
    char raw[KEY_SIZE];
    host_random(&host_system, raw, sizeof raw);
    *seed = (Str){arena_strndup(mem, raw, sizeof raw), sizeof raw};
    return ed25519_public(public_key, *seed, mem);
}

Err *ed25519_sign(Str *signature, Str seed, Str message, Arena *mem) {
    AutoKey key = private_key(seed);
    AutoCtx ctx = EVP_MD_CTX_new();
    unsigned char raw[SIGNATURE_SIZE];
    size_t len = sizeof raw;
    if (!key || !ctx || EVP_DigestSignInit(ctx, NULL, NULL, NULL, key) <= 0 ||
        EVP_DigestSign(ctx, raw, &len, bytes(message), message.len) <= 0)
        return err_new(E_INVALID, "not an Ed25519 private key (32 bytes)");
    *signature = (Str){arena_strndup(mem, (const char *)raw, len), len};
    return NULL;
}

bool ed25519_verify(Str public_key, Str message, Str signature) {
    AutoKey key = public_key.len == KEY_SIZE
                      ? EVP_PKEY_new_raw_public_key(EVP_PKEY_ED25519, NULL, bytes(public_key),
                                                    public_key.len)
                      : NULL;
    AutoCtx ctx = EVP_MD_CTX_new();
    return key && ctx && signature.len == SIGNATURE_SIZE &&
           EVP_DigestVerifyInit(ctx, NULL, NULL, NULL, key) > 0 &&
           EVP_DigestVerify(ctx, bytes(signature), signature.len, bytes(message), message.len) == 1;
}
