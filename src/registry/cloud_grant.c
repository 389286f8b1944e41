// Grants of a cloud's token: grant-cache.md section 2.
#include "cloud.h"

static void store(const CloudTarget *t, const Grant *g, Arena *mem) {
    AutoErr e = grant_store(g, t->config->token, loop_host(t->base.loop), mem);
    if (e)
        log_debug("the grant was not kept: %s", err_text(e));
}

bool cloud_load_grant(Grant *out, const CloudTarget *t, Arena *mem) {
    bool found = false;
    AutoErr e = grant_load(&found, out, t->config->token, t->config->url, loop_host(t->base.loop), mem);
    if (e)
        log_debug("the grant is not read: %s", err_text(e));
    return found && !e;
}

static Grant made_now(const CloudTarget *t, Arena *mem) {
    Time now = host_now(loop_host(t->base.loop)), end = now;
    end.sec += GRANT_LIFE_S;
    return (Grant){.aud = t->config->url, .org = "", .sub = "", .reg = "", .key = "", .iat = now,
                   .exp = end, .seen = value_map(mem)};
}

static Err *fetch_keys(GrantKeys *out, CloudTarget *t, Arena *mem) {
    Url *u = NULL;
    Str text;
    HttpResponse r = {0};
    TRY(url_parse(&u, t->config->url, mem));
    HttpRequest req = {.method = "GET", .budget = &t->budget, .attempts = 2,
                       .url = arena_printf(mem, "%s://%s/.well-known/jwks.json", u->scheme, u->host)};
    TRY(http_do(&r, t->base.loop, &req, mem));
    if (r.status != 200)
        return err_new(E_UNREACHABLE, "%s: %s", req.url, http_status_text(&r, mem));
    TRY(http_body_text(&text, &r, mem));
    return grant_jwks_parse(out, text, mem);
}

// The registry's own grant counts with the key that it publishes now.
static void take_signed(Grant *g, const char *text, CloudTarget *t, Arena *mem) {
    GrantKeys keys = {0};
    SignedGrant s;
    const GrantKey *by = NULL;
    AutoErr e = fetch_keys(&keys, t, mem);
    AutoErr bad = e ? NULL : signed_grant_decode(&s, &by, text, &keys, mem);
    if (e || bad) {
        log_debug("the registry's own grant is left out: %s", err_text(e ? e : bad));
        return;
    }
    g->reg = text;
    g->key = arena_printf(mem, "ed25519:%s",
                          base64_encode(mem, by->public_key.ptr, by->public_key.len));
}

void cloud_keep_grant(CloudTarget *t, const Greeting *g, Arena *mem) {
    Grant kept, fresh = made_now(t, mem);
    bool found = cloud_load_grant(&kept, t, mem);
    if (g->refused && !(found && kept.gone)) {
        fresh.gone = true;
        store(t, &fresh, mem);
    }
    if (g->refused || !g->me || g->me->kind != V_MAP)
        return;
    bool lacks = g->grant && found && !*kept.reg;
    if (found && !lacks && !grant_wants_renewal(&kept, loop_host(t->base.loop)))
        return;
    fresh.org = value_get_text(g->me, "org");
    fresh.sub = value_get_text(g->me, "name");
    if (found)
        fresh.seen = kept.seen;
    if (g->grant)
        take_signed(&fresh, g->grant, t, mem);
    store(t, &fresh, mem);
}

static Err *said(Err *e, const char *fmt, ...) PRINTF(2, 3) RETURNS_NONNULL;
static Err *said(Err *e, const char *fmt, ...) {
    AutoArena tmp = arena_new(NULL);
    va_list ap;
    va_start(ap, fmt);
    Err *both = err_new(err_code(e), "%s; %s", err_text(e), arena_vprintf(tmp, fmt, ap));
    va_end(ap);
    if (err_hint_text(e))
        both = err_hint(both, "%s", err_hint_text(e));
    err_free(e);
    return both;
}

Err *cloud_offline(CloudTarget *t, Err *e, Arena *mem) {
    Grant g;
    const Host *host = loop_host(t->base.loop);
    if (t->judged || !t->base.fallback)
        return e;
    t->judged = true;
    bool found = cloud_load_grant(&g, t, mem);
    bool good = found && !g.gone && (!t->config->require_signed ||
                                     grant_is_signed(&g, t->config->grant_key, host, mem));
    if (good)
        return said(e, "the grant of its token is valid until %s",
                    time_rfc3339ms(mem, grant_end(&g, host)));
    const char *why = !found    ? "there is no valid grant for this token"
                      : g.gone  ? "the registry refused this token before"
                                : "its grant is not signed with the key that atlas { cloud { key } } pins";
    if (!t->config->require_grant)
        return said(e, "%s", why);
    return err_hint(err_set_code(said(e, "%s", why), E_UNAUTHORIZED),
                    "a grant is left by every run while the registry is up, and by `atlas login "
                    "--grant-only`: keep the folder grants of ~/.atlas between runs");
}
