#include "common.h"

enum { RENEW_BEFORE_S = 300, MAX_ANSWER = 1 << 20, METADATA_MS = 1000, METADATA_TRIES = 2 };

void tried(Tried *t, const char *source, const char *fmt, ...) {
    va_list ap;
    va_start(ap, fmt);
    char *why = arena_vprintf(t->mem, fmt, ap);
    va_end(ap);
    list_push(&t->reasons, t->mem, arena_printf(t->mem, "%s: %s", source, why));
}

Err *tried_error(const Tried *t, const char *provider, const char *hint) {
    AutoArena tmp = arena_new(NULL);
    return err_hint(err_new(E_UNAUTHORIZED, "no %s credentials (%s)", provider,
                            cstr_join(tmp, &t->reasons, "; ")),
                    "%s", hint);
}

bool credentials_are_fresh(Time expires, const Host *host) {
    return !expires.set || expires.sec - host_now(host).sec > RENEW_BEFORE_S;
}

// --- endpoints ----------------------------------------------------------------------------------

static bool is_provider(const char *host, const char *const *suffixes) {
    for (size_t i = 0; suffixes && suffixes[i]; i++)
        if (cstr_eq(host, suffixes[i] + (*suffixes[i] == '.')) ||
            (*suffixes[i] == '.' && cstr_ends(host, suffixes[i])))
            return true;
    return false;
}

Err *endpoint_check(const char *url, const char *const *suffixes, bool from_environment,
                    Arena *mem) {
    Url *u = NULL;
    TRY(url_parse(&u, url, mem));
    const char *host = cstr_lower(mem, url_hostname(mem, u));
    bool tls = cstr_eq(u->scheme, "https");
    if (*host && tls && (from_environment || is_provider(host, suffixes)))
        return NULL;
    if (from_environment && cstr_eq(u->scheme, "http") && url_is_loopback(host))
        return NULL;
    return err_hint(err_new(E_DENIED, "credentials are not sent to %s://%s", u->scheme, u->host),
                    tls ? "only the provider's own hosts and endpoints set in the environment "
                          "get them"
                        : "use https (plain http serves on loopback only)");
}

// Members of an answer that hold secrets: access_token, SecretAccessKey, the "value" of GitHub ...
static bool names_secret(const char *name, Arena *tmp) {
    const char *n = cstr_lower(tmp, name);
    return (strstr(n, "token") || strstr(n, "secret") || strstr(n, "assertion") ||
            cstr_eq(n, "value")) &&
           !cstr_ends(n, "type");
}

static void mask_value(const Value *v, Arena *tmp) {
    for (size_t i = 0; v->kind == V_LIST && i < v->u.list.len; i++)
        mask_value(v->u.list.items[i], tmp);
    for (size_t i = 0; v->kind == V_MAP && i < v->u.map.len; i++) {
        const Member *m = &v->u.map.items[i];
        if (m->value->kind == V_STR && names_secret(m->key, tmp))
            log_mask(value_text(m->value));
        else
            mask_value(m->value, tmp);
    }
}

static void mask_xml(const Xml *x, Arena *tmp) {
    for (; x; x = x->next) {
        if (*x->text && names_secret(x->name, tmp))
            log_mask(x->text);
        mask_xml(x->first, tmp);
    }
}

static void mask_answer(Str text) {
    AutoArena tmp = arena_new(NULL);
    Value *json = NULL;
    Xml *xml = NULL;
    AutoErr no_json = json_parse(&json, text, NULL, tmp);
    AutoErr no_xml = no_json && text.len ? xml_parse(&xml, text, "answer", tmp) : NULL;
    if (json)
        mask_value(json, tmp);
    else if (xml)
        mask_xml(xml, tmp);
}

static Err *send_metadata(HttpResponse *r, Loop *loop, HttpRequest *req, Arena *mem) {
    for (int n = 1;; n++) {
        HttpBudget budget = {.limit_ms = METADATA_MS};
        req->budget = &budget;
        req->attempts = 1;
        req->connect_ms = METADATA_MS;
        req->no_proxy = true;
        Err *e = http_do(r, loop, req, mem);
        if (n == METADATA_TRIES || (!e && r->status < 500))
            return e;
        err_free(e);
    }
}

Err *token_call(int *status, Str *text, Loop *loop, const TokenCall *call, Arena *mem) {
    HttpRequest req = {.method = call->method,
                       .url = call->url,
                       .body = body_from(str_from(call->form ? call->form : "")),
                       .has_body = call->form != NULL,
                       .no_redirect = true,
                       .body_max = MAX_ANSWER};
    for (size_t i = 0; i < call->headers.len; i++)
        http_header(&req, mem, call->headers.items[i].name, call->headers.items[i].value);
    if (call->form && call->content_type)
        http_header(&req, mem, "content-type", call->content_type);
    HttpResponse r = {0};
    if (call->metadata)
        TRY(send_metadata(&r, loop, &req, mem));
    else
        TRY(http_do(&r, loop, &req, mem));
    TRY(http_body_text(text, &r, mem));
    *status = r.status;
    mask_answer(*text);
    return NULL;
}

// "HTTP 400: invalid_grant: the assertion has expired", in the endpoint's own words.
static Err *refusal(int status, const Value *answer, const char *url) {
    AutoArena tmp = arena_new(NULL);
    static const char *const keys[] = {"error", "code", "__type", "error_description", "message"};
    const Value *error = value_get_fold(answer, "error"); // Google nests its errors
    StrList words = {0};
    for (int nested = 0; nested < 2; nested++)
        for (size_t i = 0; i < COUNT_OF(keys); i++) {
            const char *word = value_get_text(nested ? error : answer, keys[i]);
            if (*word)
                list_push(&words, tmp, word);
        }
    const char *said = log_redact(tmp, cstr_replace(tmp, cstr_join(tmp, &words, ": "), "\n", " "));
    bool refused = status >= 400 && status < 500 && status != 408 && status != 425 && status != 429;
    return err_new(refused ? E_UNAUTHORIZED : E_UNREACHABLE, "%s: HTTP %d%s%.500s",
                   url_redact_stars(tmp, url), status, *said ? ": " : "", said);
}

Err *token_call_json(Value **out, Loop *loop, const TokenCall *call, Arena *mem) {
    int status = 0;
    Str text = {0};
    TRY(token_call(&status, &text, loop, call, mem));
    *out = NULL;
    AutoErr e = json_parse(out, text, NULL, mem);
    if (status != 200)
        return refusal(status, *out, call->url);
    if (e || (*out)->kind != V_MAP)
        return err_new(E_UNREACHABLE, "%s: the answer is no JSON object",
                       url_redact_stars(mem, call->url));
    return NULL;
}

// --- the CI platform's OIDC token ---------------------------------------------------------------

typedef struct OidcPlatform {
    const char *name;
    const char *variables[2]; // of the token, the first that is set; {NULL}: of OidcUse
    bool asks;                // the variable is the URL of an endpoint
    bool our_audience;        // the audience is of our, or the user's, choice
} OidcPlatform;

static const OidcPlatform platforms[] = {
    {"GitHub", {"ACTIONS_ID_TOKEN_REQUEST_URL", NULL}, true, true},
    {"GitLab", {NULL, NULL}, false, true},
    {"CircleCI", {"CIRCLE_OIDC_TOKEN_V2", "CIRCLE_OIDC_TOKEN"}, false, false},
    {"Bitbucket", {"BITBUCKET_STEP_OIDC_TOKEN", NULL}, false, false},
};

static const char *platform_value(const OidcPlatform *p, const OidcUse *use, const Host *host) {
    const char *first = host_env(host, p->variables[0] ? p->variables[0] : use->variable);
    return !*first && p->variables[1] ? host_env(host, p->variables[1]) : first;
}

static Err *ask_github(const char **out, const char *url, Loop *loop, const OidcUse *use,
                       Arena *mem) {
    const char *token = host_env(loop_host(loop), "ACTIONS_ID_TOKEN_REQUEST_TOKEN");
    if (!*token)
        return err_new(E_UNAUTHORIZED, "ACTIONS_ID_TOKEN_REQUEST_TOKEN is not set");
    log_mask(token);
    TRY(endpoint_check(url, NULL, true, mem));
    TokenCall call = {.method = "GET",
                      .url = arena_printf(mem, "%s%caudience=%s", url, strchr(url, '?') ? '&' : '?',
                                          url_encode(mem, use->audience, false))};
    const char *bearer = arena_printf(mem, "Bearer %s", token);
    list_push(&call.headers, mem, (HttpHeader){"authorization", bearer});
    list_push(&call.headers, mem, (HttpHeader){"accept", "application/json"});
    Value *answer = NULL;
    TRY(token_call_json(&answer, loop, &call, mem));
    *out = value_get_text(answer, "value");
    return **out ? NULL : err_new(E_UNAUTHORIZED, "the answer holds no token");
}

static Err *token_claims(Value **out, const char *token, Arena *mem) {
    StrList parts = cstr_split(mem, token, '.');
    Str payload;
    if (parts.len != 3 || !base64url_decode(&payload, parts.items[1], mem))
        return err_new(E_UNAUTHORIZED, "the token is not a JSON Web Token");
    *out = NULL;
    AutoErr e = json_parse(out, payload, NULL, mem);
    if (e || (*out)->kind != V_MAP)
        return err_new(E_UNAUTHORIZED, "the token's payload is no JSON object");
    return NULL;
}

static bool has_audience(const Value *aud, const char *wanted) {
    if (aud && aud->kind == V_STR)
        return cstr_eq(value_text(aud), wanted);
    for (size_t i = 0; aud && aud->kind == V_LIST && i < value_len(aud); i++)
        if (cstr_eq(value_text(value_at(aud, i)), wanted))
            return true;
    return false;
}

static Err *check_token(const char *token, const OidcPlatform *p, const OidcUse *use,
                        const Host *host, Arena *mem) {
    Value *claims = NULL;
    TRY(token_claims(&claims, token, mem));
    if (value_get_int(claims, "exp") <= host_now(host).sec)
        return err_new(E_UNAUTHORIZED, "the token has expired");
    if (!p->our_audience || has_audience(value_get(claims, "aud"), use->audience))
        return NULL;
    return err_hint(err_new(E_UNAUTHORIZED, "the token's audience is not \"%s\"", use->audience),
                    "let the job's id_tokens give %s the aud %s", use->variable, use->audience);
}

static Err *platform_token(const char **out, const OidcPlatform *p, Loop *loop,
                           const OidcUse *use, Arena *mem) {
    const char *value = platform_value(p, use, loop_host(loop));
    if (p->asks)
        TRY(ask_github(&value, value, loop, use, mem));
    log_mask(value);
    *out = value;
    return check_token(value, p, use, loop_host(loop), mem);
}

static Err *no_platform(const OidcUse *use, const Host *host) {
    AutoArena tmp = arena_new(NULL);
    StrList names = {0};
    for (size_t i = 0; i < COUNT_OF(platforms); i++)
        list_push(&names, tmp, cstr_or(platforms[i].variables[0], use->variable));
    Err *e = err_new(E_NOT_FOUND, "the CI platform gives no token (none of %s is set)",
                     cstr_join(tmp, &names, ", "));
    return *host_env(host, "GITHUB_ACTIONS")
               ? err_hint(e, "give the job `permissions: id-token: write`")
               : e;
}

Err *oidc_token(const char **out, const char **platform, Loop *loop, const OidcUse *use,
                Arena *mem) {
    const Host *host = loop_host(loop);
    for (size_t i = 0; i < COUNT_OF(platforms); i++) {
        const OidcPlatform *p = &platforms[i];
        if (!*platform_value(p, use, host))
            continue;
        *platform = p->name;
        Err *e = platform_token(out, p, loop, use, mem);
        return e ? err_wrap(e, "the OIDC token of %s", p->name) : NULL;
    }
    return no_platform(use, host);
}
