// Authorisation as the distribution protocol has it: none, Basic, or a bearer token that a token
// endpoint gives for a scope.
//
// Who gets the credentials: the registry's own origin; and the token endpoint that it names, if that
// is on the registry's host, below it, or beside it under one registered domain (auth.docker.io for
// registry-1.docker.io, gitlab.example.com for registry.example.com). Another endpoint is asked
// without credentials. Endpoints speak https, or http on loopback where the registry does too.
#include "oci.h"

typedef struct OciToken {
    bool asking; // one task asks, the others wait
    char *text;  // NULL: none
    int64_t fresh_until; // monotonic ms
    const char *asked; // scope that the registry's challenge names, or NULL
    Arena *mem;  // of text; emptied with each renewal
} OciToken;

struct OciAuth {
    Loop *loop;
    Arena *mem;
    const char *origin, *host; // host without port
    OciLogin login;
    bool looked;      // for a login
    StrList tried;    // why sources gave none
    bool basic;       // what the registry asks for, once it has
    const char *realm, *service; // NULL: no bearer tokens
    const char *withheld; // host of a token endpoint that did not get the credentials
    Map tokens;       // scope -> OciToken
};

OciAuth *oci_auth_of(Loop *loop, const char *origin, const char *user, const char *password) {
    AutoArena tmp = arena_new(NULL);
    Map *kept = loop_kept(loop);
    Url *u = NULL;
    const char *name = arena_printf(tmp, "oci %s\n%s\n%s", origin, cstr_or(user, ""),
                                    user ? password : "");
    OciAuth *a = map_get(kept, name);
    if (a)
        return a;
    a = NEW(kept->mem, OciAuth);
    *a = (OciAuth){.loop = loop, .mem = kept->mem, .origin = arena_strdup(kept->mem, origin)};
    AutoErr e = url_parse(&u, origin, tmp);
    a->host = e ? "" : url_hostname(a->mem, u);
    map_init(&a->tokens, a->mem);
    if (user)
        a->login = (OciLogin){"the URL", arena_strdup(a->mem, user), arena_strdup(a->mem, password),
                              NULL};
    a->looked = user != NULL;
    oci_login_mask(&a->login);
    map_set(kept, name, a);
    return a;
}

// --- credentials --------------------------------------------------------------------------------

static const OciLogin *login_of(OciAuth *a) {
    if (!a->looked)
        oci_login_find(&a->login, &a->tried, a->loop, a->origin, a->mem);
    a->looked = true;
    return a->login.source ? &a->login : NULL;
}

const char *oci_auth_story(OciAuth *a, Arena *mem) {
    const OciLogin *l = login_of(a);
    if (!l)
        return arena_printf(mem, "no credentials (%s)", cstr_join(mem, &a->tried, "; "));
    if (a->withheld)
        return arena_printf(mem, "the credentials of %s were not sent to %s, which is not of the "
                            "registry's domain", l->source, a->withheld);
    return arena_printf(mem, "the credentials of %s were not accepted", l->source);
}

// --- challenges ---------------------------------------------------------------------------------

static const char *read_value(const char **at, Arena *mem) {
    const char *p = *at + 1; // behind "="
    bool quoted = *p == '"';
    p += quoted;
    size_t len = strcspn(p, quoted ? "\"" : ", \t");
    *at = p + len + (quoted && p[len]);
    return arena_strndup(mem, p, len);
}

// 'Basic realm="x", Bearer realm="https://...",service="...",scope="..."'
void oci_challenge_read(OciChallenge *out, const char *p, Arena *mem) {
    bool bearer = false;
    while (*(p += strspn(p, " \t,"))) {
        size_t len = strcspn(p, " \t,=");
        const char *word = cstr_lower(mem, arena_strndup(mem, p, len));
        p += len;
        if (*p != '=') {
            bearer = cstr_eq(word, "bearer");
            out->bearer |= bearer;
            out->basic |= cstr_eq(word, "basic");
            continue;
        }
        const char *value = read_value(&p, mem);
        const char **slot = cstr_eq(word, "realm")     ? &out->realm
                            : cstr_eq(word, "service") ? &out->service
                            : cstr_eq(word, "scope")   ? &out->scope
                                                       : NULL;
        if (bearer && slot)
            *slot = value;
    }
}

static const char *replace_text(const char *old, const char *fresh, Arena *mem) {
    return fresh && !cstr_eq(old, fresh) ? arena_strdup(mem, fresh) : old;
}

// --- tokens -------------------------------------------------------------------------------------

static OciToken *token_of(OciAuth *a, const char *scope) {
    OciToken *t = map_get(&a->tokens, scope);
    if (!t) {
        t = NEW(a->mem, OciToken);
        t->mem = arena_new(a->mem);
        map_set(&a->tokens, scope, t);
    }
    return t;
}

// "example.com" of "registry.example.com"; NULL where that may be a public suffix ("co.uk").
static const char *domain_of(const char *host) {
    const char *dot = strchr(host, '.'), *domain = dot ? dot + 1 : "";
    const char *top = strchr(domain, '.');
    if (!top || strspn(host, "0123456789.") == strlen(host))
        return NULL;
    bool country = strlen(top + 1) == 2 && !strchr(top + 1, '.');
    return country && top - domain <= 3 ? NULL : domain;
}

static bool is_below(const char *host, const char *domain) {
    size_t n = strlen(host), d = strlen(domain);
    return cstr_eq(host, domain) ||
           (n > d && cstr_ends(host, domain) && host[n - d - 1] == '.');
}

bool oci_realm_is_trusted(const char *registry_host, const char *realm_host) {
    const char *domain = domain_of(registry_host);
    return is_below(realm_host, registry_host) || (domain && is_below(realm_host, domain));
}

static Err *check_realm(const char **host, const OciAuth *a, Arena *mem) {
    Url *u = NULL;
    TRY(url_parse(&u, a->realm, mem));
    *host = cstr_lower(mem, url_hostname(mem, u));
    bool plain = cstr_eq(u->scheme, "http") && cstr_starts(a->origin, "http://") &&
                 url_is_loopback(*host);
    if (!u->has_user && (plain || cstr_eq(u->scheme, "https")))
        return NULL;
    return err_hint(err_new(E_DENIED, "the token endpoint %s of %s is not asked",
                            url_redact_stars(mem, a->realm), a->origin),
                    "it must speak https");
}

// An identity token is exchanged by a POST, other credentials go by Basic.
static void token_request(HttpRequest *req, const OciAuth *a, const OciLogin *l, const char *scope,
                          Arena *mem) {
    const char *query = arena_printf(mem, "service=%s&scope=%s", url_query_escape(mem, a->service),
                                     url_query_escape(mem, scope));
    if (l && l->identity) {
        const char *form = arena_printf(mem, "grant_type=refresh_token&client_id=atlas-action&%s"
                                        "&refresh_token=%s", query,
                                        url_query_escape(mem, l->identity));
        req->method = "POST";
        req->url = a->realm;
        req->body = body_from(str_from(form));
        req->has_body = true;
        http_header(req, mem, "content-type", "application/x-www-form-urlencoded");
        return;
    }
    req->method = "GET";
    req->url = arena_printf(mem, "%s%c%s", a->realm, strchr(a->realm, '?') ? '&' : '?', query);
    if (l)
        http_header(req, mem, "authorization", oci_login_basic(l, mem));
}

static Err *token_failure(OciAuth *a, const HttpResponse *r, const char *host, Arena *mem) {
    bool refused = r->status == 400 || r->status == 401 || r->status == 403;
    Err *e = err_new(refused ? E_UNAUTHORIZED : E_UNREACHABLE, "token endpoint %s: HTTP %d", host,
                     r->status);
    return refused ? err_wrap(e, "%s", oci_auth_story(a, mem)) : e;
}

static Err *keep_token(OciToken *t, const OciAuth *a, const HttpResponse *r, Arena *mem) {
    Value *v = NULL;
    Str text;
    TRY(http_body_text(&text, r, mem));
    AutoErr bad = json_parse(&v, text, NULL, mem); // its text would quote the answer: not told
    const char *token = bad ? "" : value_get_text(v, "token");
    token = bad || *token ? token : value_get_text(v, "access_token");
    if (!*token)
        return err_new(E_UNREACHABLE, "the token endpoint's answer holds no token");
    log_mask(token);
    int64_t seconds = value_get_int(v, "expires_in");
    seconds = seconds < 1 || seconds > 86400 ? 60 : seconds;
    arena_clear(t->mem);
    t->text = arena_strdup(t->mem, token);
    t->fresh_until = host_monotonic_ms(loop_host(a->loop)) + seconds * 800; // a fifth to spare
    return NULL;
}

static Err *ask_token(OciToken *t, OciAuth *a, const char *scope, HttpBudget *budget, Arena *mem) {
    HttpResponse r;
    const char *host = NULL;
    HttpRequest req = {.budget = budget, .no_redirect = true, .body_max = 1 << 20};
    TRY(check_realm(&host, a, mem));
    const OciLogin *l = login_of(a);
    bool trusted = oci_realm_is_trusted(a->host, host);
    a->withheld = l && !trusted ? replace_text(a->withheld, host, a->mem) : NULL;
    token_request(&req, a, trusted ? l : NULL, cstr_or(t->asked, scope), mem);
    TRY(http_do(&r, a->loop, &req, mem));
    return r.status == 200 ? keep_token(t, a, &r, mem) : token_failure(a, &r, host, mem);
}

static bool is_idle(const void *token) { return !((const OciToken *)token)->asking; }

static Err *bearer_header(const char **out, OciAuth *a, const char *scope, HttpBudget *budget,
                          Arena *mem) {
    OciToken *t = token_of(a, scope);
    if (!loop_wait(a->loop, is_idle, t, -1))
        return err_new(E_TIMEOUT, "waiting for a token was cancelled");
    if (!t->text || host_monotonic_ms(loop_host(a->loop)) >= t->fresh_until) {
        t->asking = true;
        Err *e = ask_token(t, a, scope, budget, mem);
        t->asking = false;
        TRY(e);
    }
    *out = arena_printf(mem, "Bearer %s", t->text);
    return NULL;
}

// --- entry --------------------------------------------------------------------------------------

Err *oci_auth_header(const char **out, OciAuth *a, const char *scope, HttpBudget *budget,
                     Arena *mem) {
    *out = NULL;
    if (a->realm)
        return bearer_header(out, a, scope, budget, mem);
    const OciLogin *l = a->basic ? login_of(a) : NULL;
    if (l && l->password)
        *out = oci_login_basic(l, mem);
    return NULL;
}

bool oci_auth_again(OciAuth *a, const char *scope, const char *sent, const HttpHeaders *answer) {
    AutoArena tmp = arena_new(NULL);
    OciChallenge c = {0};
    for (size_t i = 0; i < answer->len; i++)
        if (cstr_eq(answer->items[i].name, "www-authenticate"))
            oci_challenge_read(&c, answer->items[i].value, tmp);
    if (!c.bearer || cstr_empty(c.realm)) {
        a->basic |= c.basic;
        return c.basic && !sent && login_of(a);
    }
    a->realm = replace_text(a->realm, c.realm, a->mem);
    a->service = replace_text(a->service, cstr_or(c.service, ""), a->mem);
    OciToken *t = token_of(a, scope);
    t->asked = replace_text(t->asked, c.scope, a->mem);
    // Somebody else may have renewed it meanwhile.
    const char *used = sent && cstr_starts(sent, "Bearer ") ? sent + strlen("Bearer ") : NULL;
    if (used && t->text && cstr_eq(used, t->text))
        t->fresh_until = 0;
    return true;
}
