// One grant as a compact JWS (RFC 7515), HS256 always.
#include "atlas/crypt.h"
#include "atlas/grant.h"

enum { FUTURE_S = 300 };

// Neither algorithm nor key comes from the header: there is only this one.
static const char header[] = "{\"alg\":\"HS256\",\"typ\":\"JWT\"}";

char *grant_tok(Arena *mem, const char *token) {
    return arena_strndup(mem, sha256_hex(mem, str_from(token)), 16);
}

static Digest sign(Str text, const char *token, const char *aud) {
    Digest key = hkdf_sha256(str_from(token), str_from(aud), str_from("atlas-grant-v1"));
    return hmac_sha256(str_slice((const char *)key.bytes, sizeof key.bytes), text);
}

static char *base64url_text(Arena *mem, const char *text) {
    return base64url_encode(mem, text, strlen(text));
}

static void set_text(Value *v, Arena *mem, const char *name, const char *text) {
    if (!cstr_empty(text))
        value_set_str(v, mem, name, text, 0);
}

char *grant_encode(const Grant *g, const char *token, Arena *mem) {
    Value *v = value_map(mem);
    value_set_int(v, mem, "v", 1, 0);
    value_set_str(v, mem, "tok", grant_tok(mem, token), 0);
    value_set_str(v, mem, "aud", g->aud, 0);
    set_text(v, mem, "org", g->org);
    set_text(v, mem, "sub", g->sub);
    value_set_int(v, mem, "iat", g->iat.sec, 0);
    value_set_int(v, mem, "exp", g->exp.sec, 0);
    set_text(v, mem, "reg", g->reg);
    set_text(v, mem, "key", g->key);
    if (g->seen && value_len(g->seen))
        value_set(v, mem, "seen", g->seen, 0);
    if (g->gone)
        value_set_bool(v, mem, "gone", true, 0);
    const char *body = arena_printf(mem, "%s.%s", base64url_text(mem, header),
                                    base64url_text(mem, json_text(mem, v, JSON_CANONICAL)));
    Digest mac = sign(str_from(body), token, g->aud);
    return arena_printf(mem, "%s.%s", body, base64url_encode(mem, mac.bytes, sizeof mac.bytes));
}

static Time at(int64_t sec) { return (Time){.sec = sec, .set = true}; }

static Err *read_claims(Grant *out, Str json, Arena *mem) {
    Value *v = NULL;
    AutoErr e = json_parse(&v, json, NULL, mem);
    if (e || v->kind != V_MAP || value_get_int(v, "v") != 1)
        return err_new(E_DAMAGED, "it is no grant of version 1");
    Value *seen = value_get(v, "seen");
    *out = (Grant){.tok = value_get_text(v, "tok"),
                   .aud = value_get_text(v, "aud"),
                   .org = value_get_text(v, "org"),
                   .sub = value_get_text(v, "sub"),
                   .iat = at(value_get_int(v, "iat")),
                   .exp = at(value_get_int(v, "exp")),
                   .reg = value_get_text(v, "reg"),
                   .key = value_get_text(v, "key"),
                   .seen = seen && seen->kind == V_MAP ? seen : value_map(mem),
                   .gone = value_get_bool(v, "gone")};
    return NULL;
}

// The payload of a text whose signature is right.
static Err *open_text(Str *payload, const char *text, const char *token, const char *aud, Arena *mem) {
    StrList parts = cstr_split(mem, text, '.');
    Str mac;
    if (parts.len != 3 || !cstr_eq(parts.items[0], base64url_text(mem, header)))
        return err_new(E_DAMAGED, "it is no JWS of this program");
    const char *body = arena_printf(mem, "%s.%s", parts.items[0], parts.items[1]);
    Digest want = sign(str_from(body), token, aud), given;
    if (!base64url_decode(&mac, parts.items[2], mem) || mac.len != sizeof given.bytes)
        return err_new(E_DAMAGED, "its signature is malformed");
    memcpy(given.bytes, mac.ptr, sizeof given.bytes);
    if (!digest_equal(want, given))
        return err_new(E_DAMAGED, "it was not signed with this token for this registry");
    return base64url_decode(payload, parts.items[1], mem) ? NULL
                                                          : err_new(E_DAMAGED, "it is malformed");
}

Err *grant_decode(Grant *out, Str text, const char *token, const char *aud, const Host *host,
                  Arena *mem) {
    Str payload;
    *out = (Grant){0};
    if (text.len > GRANT_MAX_FILE || memchr(text.ptr, 0, text.len))
        return err_new(E_DAMAGED, "it is no text of a grant's size");
    TRY(open_text(&payload, cstr_trim(mem, str_dup(mem, text)), token, aud, mem));
    TRY(read_claims(out, payload, mem));
    if (!cstr_eq(out->aud, aud) || !cstr_eq(out->tok, grant_tok(mem, token)))
        return err_new(E_DAMAGED, "it is of another token or registry");
    Time now = host_now(host);
    if (out->iat.sec > now.sec + FUTURE_S)
        return err_new(E_DAMAGED, "it is from the future");
    if (!out->gone && now.sec >= grant_end(out, host).sec)
        return err_new(E_UNAUTHORIZED, "it has expired");
    return NULL;
}

Time grant_end(const Grant *g, const Host *host) {
    Duration ttl;
    int64_t life = GRANT_LIFE_S;
    const char *text = host_env(host, "ATLAS_GRANT_TTL");
    uint64_t seconds;
    if (cstr_to_u64(text, GRANT_LIFE_S, &seconds))
        life = (int64_t)seconds;
    else if (*text && duration_parse(text, &ttl) && ttl > 0 && ttl / DURATION_S < life)
        life = ttl / DURATION_S;
    int64_t end = g->iat.sec + life;
    return at(g->exp.sec < end ? g->exp.sec : end);
}

bool grant_wants_renewal(const Grant *g, const Host *host) {
    int64_t end = grant_end(g, host).sec;
    return g->gone || host_now(host).sec > g->iat.sec + (end - g->iat.sec) / 2;
}
