// Grants that a registry signs, and its public keys (RFC 7517, 8037).
#include "atlas/crypt.h"
#include "internal.h"

#define PRIVATE_PREFIX "ed25519-private:"
#define PUBLIC_PREFIX "ed25519:"

enum { KEY_SIZE = 32, SIGNATURE_SIZE = 64, FUTURE_S = 300 };

static GrantKey public_half(Str public_key, Arena *mem) {
    return (GrantKey){.kid = arena_strndup(mem, sha256_hex(mem, public_key), 16), .seed = {"", 0},
                      .public_key = public_key};
}

Err *grant_keys_parse(GrantKeys *out, const char *text, const char *file, Arena *mem) {
    StrList lines = cstr_split(mem, text, '\n');
    for (size_t i = 0; i < lines.len; i++) {
        const char *line = cstr_trim(mem, lines.items[i]);
        Str seed, public_key;
        if (!*line || *line == '#')
            continue;
        log_mask(line);
        if (!cstr_starts(line, PRIVATE_PREFIX) ||
            !base64_decode(&seed, line + strlen(PRIVATE_PREFIX), mem) || seed.len != KEY_SIZE)
            return err_hint(err_at(err_new(E_SYNTAX, "this line is no private key"), file, (int)i + 1, 1),
                            "`atlas registry key new` prints one");
        TRY(ed25519_public(&public_key, seed, mem));
        GrantKey key = public_half(public_key, mem);
        key.seed = seed;
        list_push(out, mem, key);
    }
    return out->len ? NULL
                    : err_hint(err_new(E_SYNTAX, "%s holds no key", file),
                               "`atlas registry key new` prints one");
}

static char *base64url_text(Arena *mem, const char *text) {
    return base64url_encode(mem, text, strlen(text));
}

char *signed_grant_encode(const SignedGrant *g, const GrantKey *key, Arena *mem) {
    Value *v = value_map(mem);
    Str signature;
    value_set_str(v, mem, "iss", g->iss, 0);
    value_set_str(v, mem, "org", g->org, 0);
    value_set_str(v, mem, "sub", g->sub, 0);
    value_set_str(v, mem, "tok", g->tok, 0);
    value_set_int(v, mem, "iat", g->iat.sec, 0);
    value_set_int(v, mem, "exp", g->exp.sec, 0);
    const char *header = arena_printf(mem, "{\"alg\":\"EdDSA\",\"kid\":\"%s\",\"typ\":\"JWT\"}",
                                      key->kid);
    const char *body = arena_printf(mem, "%s.%s", base64url_text(mem, header),
                                    base64url_text(mem, json_text(mem, v, JSON_CANONICAL)));
    Err *e = ed25519_sign(&signature, key->seed, str_from(body), mem);
    if (e)
        BUG("a key that was read cannot sign: %s", err_text(e));
    return arena_printf(mem, "%s.%s", body, base64url_encode(mem, signature.ptr, signature.len));
}

static Err *read_claims(SignedGrant *out, Str json, Arena *mem) {
    Value *v = NULL;
    AutoErr e = json_parse(&v, json, NULL, mem);
    if (e || v->kind != V_MAP)
        return err_new(E_DAMAGED, "the registry's grant is malformed");
    *out = (SignedGrant){.iss = value_get_text(v, "iss"),
                         .org = value_get_text(v, "org"),
                         .sub = value_get_text(v, "sub"),
                         .tok = value_get_text(v, "tok"),
                         .iat = {.sec = value_get_int(v, "iat"), .set = true},
                         .exp = {.sec = value_get_int(v, "exp"), .set = true}};
    return NULL;
}

Err *signed_grant_decode(SignedGrant *out, const GrantKey **by, const char *text,
                         const GrantKeys *keys, Arena *mem) {
    StrList parts = cstr_split(mem, text, '.');
    Str signature, payload;
    if (strlen(text) > GRANT_MAX_FILE || parts.len != 3 ||
        !base64url_decode(&signature, parts.items[2], mem) || signature.len != SIGNATURE_SIZE ||
        !base64url_decode(&payload, parts.items[1], mem))
        return err_new(E_DAMAGED, "the registry's grant is malformed");
    Str body = str_from(arena_printf(mem, "%s.%s", parts.items[0], parts.items[1]));
    for (size_t i = 0; i < keys->len; i++)
        if (ed25519_verify(keys->items[i].public_key, body, signature)) {
            *by = &keys->items[i];
            return read_claims(out, payload, mem);
        }
    return err_new(E_DAMAGED, "the registry's grant is not signed by one of its keys");
}

// --- key sets -----------------------------------------------------------------------------------

char *grant_jwks_text(const GrantKeys *keys, Arena *mem) {
    Value *root = value_map(mem), *list = value_list(mem);
    for (size_t i = 0; i < keys->len; i++) {
        const GrantKey *k = &keys->items[i];
        Value *v = value_map(mem);
        value_set_str(v, mem, "kty", "OKP", 0);
        value_set_str(v, mem, "crv", "Ed25519", 0);
        value_set_str(v, mem, "use", "sig", 0);
        value_set_str(v, mem, "alg", "EdDSA", 0);
        value_set_str(v, mem, "kid", k->kid, 0);
        value_set_str(v, mem, "x", base64url_encode(mem, k->public_key.ptr, k->public_key.len), 0);
        value_push(list, mem, v);
    }
    value_set(root, mem, "keys", list, 0);
    return json_text(mem, root, JSON_PLAIN);
}

Err *grant_jwks_parse(GrantKeys *out, Str text, Arena *mem) {
    Value *root = NULL;
    TRY(json_parse(&root, text, "jwks.json", mem));
    const Value *list = value_get(root, "keys");
    for (size_t i = 0; i < value_len(list); i++) {
        const Value *v = value_at(list, i);
        Str x;
        if (cstr_eq(value_get_text(v, "kty"), "OKP") && cstr_eq(value_get_text(v, "crv"), "Ed25519") &&
            base64url_decode(&x, value_get_text(v, "x"), mem) && x.len == KEY_SIZE)
            list_push(out, mem, public_half(x, mem));
    }
    return NULL;
}

bool grant_is_signed(const Grant *g, const char *pinned, const Host *host, Arena *mem) {
    GrantKeys keys = {0};
    SignedGrant s;
    const GrantKey *by;
    Str raw;
    if (!cstr_starts(pinned, PUBLIC_PREFIX) ||
        !base64_decode(&raw, pinned + strlen(PUBLIC_PREFIX), mem) || raw.len != KEY_SIZE)
        return false;
    list_push(&keys, mem, public_half(raw, mem));
    AutoErr e = signed_grant_decode(&s, &by, g->reg, &keys, mem);
    if (e)
        log_debug("%s", err_text(e));
    int64_t now = host_now(host).sec;
    return !e && cstr_eq(s.tok, g->tok) && now < s.exp.sec && s.iat.sec <= now + FUTURE_S;
}
