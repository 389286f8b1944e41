#include "trust.h"

#include "atlas/crypt.h"
#include "atlas/registry.h"

#define PUBLIC_PREFIX "ed25519:"
#define PRIVATE_PREFIX "ed25519-private:"

enum { KEY_SIZE = 32, SIGNATURE_SIZE = 64 };

static TrustKey key_of(Str public_key, Arena *mem) {
    return (TrustKey){arena_strndup(mem, sha256_hex(mem, public_key), 16), public_key};
}

static Err *read_public(TrustKeys *out, const StrList *texts, Arena *mem) {
    for (size_t i = 0; i < texts->len; i++) {
        const char *text = texts->items[i];
        Str raw;
        if (!cstr_starts(text, PUBLIC_PREFIX) ||
            !base64_decode(&raw, text + strlen(PUBLIC_PREFIX), mem) || raw.len != KEY_SIZE)
            return err_hint(err_new(E_CONFIG, "\"%s\" is not a public key", text),
                            "write \"ed25519:\" and the base64 of 32 bytes, as `atlas registry key "
                            "new` prints it");
        list_push(out, mem, key_of(raw, mem));
    }
    return NULL;
}

// The last 32 bytes of a PKCS#8 Ed25519 key are its seed.
static bool read_pem(Str *seed, const char *text, Arena *mem) {
    static const char begin[] = "-----BEGIN PRIVATE KEY-----", end[] = "-----END";
    static const char head[] = "\x30\x2e\x02\x01\x00\x30\x05\x06\x03\x2b\x65\x70\x04\x22\x04\x20";
    const char *from = strstr(text, begin), *to = from ? strstr(from, end) : NULL;
    Str raw;
    if (!to)
        return false;
    from += strlen(begin);
    char *body = arena_strndup(mem, from, (size_t)(to - from));
    body = cstr_replace(mem, cstr_replace(mem, body, "\n", ""), "\r", "");
    if (!base64_decode(&raw, body, mem) || raw.len != sizeof head - 1 + KEY_SIZE ||
        memcmp(raw.ptr, head, sizeof head - 1) != 0)
        return false;
    *seed = str_slice(raw.ptr + sizeof head - 1, KEY_SIZE);
    return true;
}

static Err *read_private(Trust *t, const char *text, Arena *mem) {
    text = cstr_trim(mem, text);
    const char *bare = cstr_starts(text, PRIVATE_PREFIX) ? text + strlen(PRIVATE_PREFIX) : text;
    Str public_key;
    bool pem = strstr(text, "-----BEGIN") != NULL;
    bool good = pem ? read_pem(&t->seed, text, mem)
                    : base64_decode(&t->seed, bare, mem) && t->seed.len == KEY_SIZE;
    log_mask(text);
    log_mask(bare);
    if (!good)
        return err_hint(err_new(E_CONFIG, "the signing key cannot be read"),
                        "ATLAS_SIGN_KEY (or the file of --sign-key-file) holds the private key that "
                        "`atlas registry key new` prints, or an Ed25519 key in PEM");
    TRY(ed25519_public(&public_key, t->seed, mem));
    t->signer = key_of(public_key, mem);
    t->signs = true;
    return NULL;
}

Err *trust_open(Trust **out, const StrList *verify, const StrList *approvals, const char *sign_key,
                Arena *mem) {
    Trust *t = *out = NEW(mem, Trust);
    TRY(read_public(&t->refs, verify, mem));
    TRY(read_public(&t->approvals, approvals, mem));
    return cstr_empty(sign_key) ? NULL : read_private(t, sign_key, mem);
}

static Str message(const char *key, const Value *doc, Arena *mem) {
    Value *bare = value_map(mem);
    for (size_t i = 0; i < doc->u.map.len; i++) {
        const char *name = doc->u.map.items[i].key;
        if (!cstr_eq(name, "sigs") && !cstr_eq(name, "pending_primary"))
            value_set(bare, mem, name, value_member(doc, i), 0);
    }
    return str_from(arena_printf(mem, "atlas-ref-v1\n%s\n%s", key,
                                 json_text(mem, bare, JSON_CANONICAL)));
}

Value *trust_sign(const Trust *t, const char *key, const Value *doc, Arena *mem) {
    Str signature;
    if (!t || !t->signs)
        return NULL;
    Err *e = ed25519_sign(&signature, t->seed, message(key, doc, mem), mem);
    if (e)
        BUG("a key that was read cannot sign: %s", err_text(e));
    Value *sigs = value_list(mem), *one = value_map(mem);
    value_set_str(one, mem, "kid", t->signer.kid, 0);
    value_set_str(one, mem, "sig", base64_encode(mem, signature.ptr, signature.len), 0);
    value_push(sigs, mem, one);
    return sigs;
}

Err *trust_check(const TrustKeys *keys, const char *key, const Value *doc, const char *label,
                 Arena *mem) {
    const Value *sigs = value_get(doc, "sigs");
    if (!keys->len)
        return NULL;
    Str text = message(key, doc, mem), signature;
    for (size_t i = 0; i < value_len(sigs); i++)
        for (size_t k = 0; k < keys->len; k++)
            if (base64_decode(&signature, value_get_text(value_at(sigs, i), "sig"), mem) &&
                signature.len == SIGNATURE_SIZE &&
                ed25519_verify(keys->items[k].public_key, text, signature))
                return NULL;
    return err_new(E_DAMAGED, "%s %s", label,
                   value_len(sigs) ? "is not signed by a key that `verify` pins"
                                   : "is not signed, and `verify` asks for a signature");
}

Err *trust_meet(const Trust *t, const char *key, int64_t seq, const char *label) {
    if (!t->met || !t->refs.len)
        return NULL;
    int64_t before = value_get_int(t->seen, key);
    if (seq < before)
        return err_new(E_DAMAGED, "%s is an older one (seq %lld) than was seen before (%lld): it was put "
                                  "back, or this copy missed a push", label, (long long)seq,
                       (long long)before);
    if (seq > before && seq > value_get_int(t->met, key))
        value_set_int(t->met, t->mem, key, seq, 0);
    return NULL;
}

Err *registry_key_new(const char **private_key, const char **public_key, Arena *mem) {
    Str seed, pub;
    TRY(ed25519_generate(&seed, &pub, mem));
    *private_key = arena_printf(mem, PRIVATE_PREFIX "%s", base64_encode(mem, seed.ptr, seed.len));
    *public_key = arena_printf(mem, PUBLIC_PREFIX "%s", base64_encode(mem, pub.ptr, pub.len));
    return NULL;
}
