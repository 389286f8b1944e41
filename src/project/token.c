#include "token.h"

#include "data/data.h"

enum { FRESH_MS = 60000 };

Err *token_mint(const char **out, const RdsLogin *rds, Loop *loop, Arena *mem) {
    return rds ? store_rds_token(out, rds, loop, mem)
               : store_gcp_token(out, SCOPE_CLOUDSQL, loop, mem);
}

Err *token_make(const char **out, const RdsLogin *rds, Project *p, Loop *loop, Arena *mem) {
    Token *t = NEW(mem, Token);
    TRY(token_mint(out, rds, loop, mem));
    *t = (Token){rds, *out, host_monotonic_ms(loop_host(loop))};
    map_set(p->tokens, *out, t);
    return NULL;
}

Err *token_fresh(const char **out, const Project *p, const char *text, Loop *loop) {
    Token *t = map_get(p->tokens, text);
    int64_t now = host_monotonic_ms(loop_host(loop));
    *out = NULL;
    if (!t)
        return NULL;
    if (now - t->made_ms > FRESH_MS) {
        TRY(token_mint(&t->current, t->rds, loop, p->tokens->mem));
        t->made_ms = now;
    }
    *out = t->current;
    return NULL;
}

// --- the data sources ---------------------------------------------------------------------------

Err *data_rds_token(const HclValue **out, const HclResource *r, Data *d, Arena *mem) {
    RdsLogin *login = NEW(mem, RdsLogin);
    const char *token = NULL;
    TRY(read_text(&login->endpoint, r, "endpoint"));
    TRY(read_text(&login->user, r, "username"));
    TRY(read_text(&login->region, r, "region"));
    TRY(read_text(&login->profile, r, "profile"));
    const char *port = strrchr(login->endpoint, ':');
    if (!port || !port[1] || port == login->endpoint || strpbrk(login->endpoint, "/?#@"))
        return data_wrong(r, "endpoint", "\"%s\" is not of the form HOST:PORT", login->endpoint);
    if (!*login->user)
        return data_wrong(r, "username", "the user name is empty");
    TRY(token_make(&token, login, d->project, d->loop, mem));
    *out = hcl_string(mem, token);
    return NULL;
}

Err *data_cloudsql_token(const HclValue **out, const HclResource *r, Data *d, Arena *mem) {
    const char *token = NULL;
    (void)r;
    TRY(token_make(&token, NULL, d->project, d->loop, mem));
    *out = hcl_string(mem, token);
    return NULL;
}
