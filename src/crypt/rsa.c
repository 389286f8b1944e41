#include <openssl/evp.h>
#include <openssl/pem.h>

#include "atlas/crypt.h"

static void free_key(EVP_PKEY **key) { EVP_PKEY_free(*key); }
static void free_ctx(EVP_MD_CTX **ctx) { EVP_MD_CTX_free(*ctx); }
static void free_bio(BIO **bio) { BIO_free(*bio); }
#define AutoKey __attribute__((cleanup(free_key))) EVP_PKEY *
#define AutoCtx __attribute__((cleanup(free_ctx))) EVP_MD_CTX *
#define AutoBio __attribute__((cleanup(free_bio))) BIO *

// An encrypted key is refused: nobody is there to type its password.
static int no_password(char *buf, int size, int writing, void *ctx) {
    (void)buf, (void)size, (void)writing, (void)ctx;
    return -1;
}

Err *rs256_sign(Str *signature, const char *pem, Str message, Arena *mem) {
    AutoBio in = BIO_new_mem_buf(pem, -1);
    AutoKey key = in ? PEM_read_bio_PrivateKey(in, NULL, no_password, NULL) : NULL;
    AutoCtx ctx = EVP_MD_CTX_new();
    if (!key || EVP_PKEY_get_base_id(key) != EVP_PKEY_RSA)
        return err_new(E_INVALID, "not an RSA private key in PEM format without a password");
    size_t len = (size_t)EVP_PKEY_get_size(key);
    unsigned char *raw = arena_alloc(mem, len);
    if (!ctx || EVP_DigestSignInit(ctx, NULL, EVP_sha256(), NULL, key) <= 0 ||
        EVP_DigestSign(ctx, raw, &len, (const unsigned char *)message.ptr, message.len) <= 0)
        return err_new(E_INVALID, "the RSA private key cannot sign");
    *signature = str_slice((const char *)raw, len);
    return NULL;
}
