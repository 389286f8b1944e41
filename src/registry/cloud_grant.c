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

void cloud_keep_grant(CloudTarget *t, const Greeting *g, Arena *mem) {
    const Value *me = g->data ? value_get_fold(g->data, "me") : NULL;
    Grant kept, fresh = made_now(t, mem);
    bool found = cloud_load_grant(&kept, t, mem);
    if (g->refused && !(found && kept.gone)) {
        fresh.gone = true;
        store(t, &fresh, mem);
    }
    bool known = !g->refused && me && me->kind == V_MAP;
    if (!known || (found && !grant_wants_renewal(&kept, loop_host(t->base.loop))))
        return;
    fresh.org = value_get_text(me, "org");
    fresh.sub = value_get_text(me, "name");
    if (found)
        fresh.seen = kept.seen;
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
    if (found && !g.gone)
        return said(e, "the grant of its token is valid until %s",
                    time_rfc3339ms(mem, grant_end(&g, host)));
    const char *why = found ? "the registry refused this token before" : "there is no valid grant for "
                                                                         "this token";
    if (!t->config->require_grant)
        return said(e, "%s", why);
    return err_hint(err_set_code(said(e, "%s", why), E_UNAUTHORIZED),
                    "a grant is left by every run while the registry is up, and by `atlas login "
                    "--grant-only`: keep the folder grants of ~/.atlas between runs");
}
