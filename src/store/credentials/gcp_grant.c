// The exchanges that end in an access token.
#include "gcp_grant.h"
#include "atlas/crypt.h"
#include "common.h"

enum { DEFAULT_LIFETIME_S = 3600 };

Err *gcp_check_endpoint(const GcpGrant *g, const char *url) {
    const char *const suffixes[] = {".googleapis.com", arena_printf(g->mem, ".%s", g->universe),
                                    NULL};
    return endpoint_check(url, suffixes, cstr_starts(url, "http://"), g->mem);
}

// --- answers ------------------------------------------------------------------------------------

static Time seconds_from_now(const GcpGrant *g, int64_t seconds) {
    return time_add(host_now(loop_host(g->loop)),
                    (seconds > 0 ? seconds : DEFAULT_LIFETIME_S) * DURATION_S);
}

static Err *keep_token(GcpToken *out, const char *text, const char *url, Arena *mem) {
    if (!*text)
        return err_new(E_UNREACHABLE, "%s: the answer holds no access token",
                       url_redact_stars(mem, url));
    log_mask(text);
    out->text = text;
    return NULL;
}

// {"access_token": ..., "expires_in": 3599}
static Err *read_oauth(GcpToken *out, const GcpGrant *g, const TokenCall *call) {
    Value *answer = NULL;
    TRY(token_call_json(&answer, g->loop, call, g->mem));
    out->expires = seconds_from_now(g, value_get_int(answer, "expires_in"));
    return keep_token(out, value_get_text(answer, "access_token"), call->url, g->mem);
}

static void add_header(TokenCall *call, const GcpGrant *g, const char *name, const char *value) {
    list_push(&call->headers, g->mem, (HttpHeader){name, value});
}

// --- OAuth forms --------------------------------------------------------------------------------

Err *gcp_post_form(GcpToken *out, const GcpGrant *g, const char *url, const GcpField *fields,
                   size_t count, const char *basic) {
    Buf form;
    buf_init(&form, g->mem, BUF_MAX_TEXT);
    for (size_t i = 0; i < count; i++)
        if (fields[i].value)
            buf_printf(&form, "%s%s=%s", form.len ? "&" : "", fields[i].name,
                       url_query_escape(g->mem, fields[i].value));
    TRY(gcp_check_endpoint(g, url));
    TokenCall call = {.method = "POST",
                      .url = url,
                      .form = form.ptr,
                      .content_type = "application/x-www-form-urlencoded"};
    if (basic) {
        const char *pair = base64_encode(g->mem, basic, strlen(basic));
        log_mask(pair);
        add_header(&call, g, "authorization", arena_printf(g->mem, "Basic %s", pair));
    }
    return read_oauth(out, g, &call);
}

// --- a service account's key --------------------------------------------------------------------

static const char *jwt_part(const GcpGrant *g, const Value *v) {
    const char *json = json_text(g->mem, v, JSON_PLAIN);
    return base64url_encode(g->mem, json, strlen(json));
}

static Err *make_assertion(const char **out, const GcpGrant *g, const GcpKey *key) {
    Arena *mem = g->mem;
    int64_t now = host_now(loop_host(g->loop)).sec;
    Value *header = value_map(mem), *claims = value_map(mem);
    value_set_str(header, mem, "alg", "RS256", 0);
    value_set_str(header, mem, "typ", "JWT", 0);
    value_set_str(header, mem, "kid", key->id, M_OMIT_EMPTY);
    value_set_str(claims, mem, "iss", key->email, 0);
    value_set_str(claims, mem, "scope", g->scope, 0);
    value_set_str(claims, mem, "aud", key->token_url, 0);
    value_set_int(claims, mem, "iat", now, 0);
    value_set_int(claims, mem, "exp", now + DEFAULT_LIFETIME_S, 0);
    const char *text = arena_printf(mem, "%s.%s", jwt_part(g, header), jwt_part(g, claims));
    Str signature;
    TRY(rs256_sign(&signature, key->pem, str_from(text), mem));
    *out = arena_printf(mem, "%s.%s", text, base64url_encode(mem, signature.ptr, signature.len));
    log_mask(*out);
    return NULL;
}

Err *gcp_key_token(GcpToken *out, const GcpGrant *g, const GcpKey *key) {
    const char *assertion = NULL;
    TRY(gcp_check_endpoint(g, key->token_url));
    TRY(make_assertion(&assertion, g, key));
    const GcpField fields[] = {{"grant_type", "urn:ietf:params:oauth:grant-type:jwt-bearer"},
                               {"assertion", assertion}};
    return gcp_post_form(out, g, key->token_url, fields, COUNT_OF(fields), NULL);
}

// --- acting for another account -----------------------------------------------------------------

static const char *impersonation_body(const GcpGrant *g, const GcpImpersonation *i) {
    Value *v = value_map(g->mem), *scopes = value_list(g->mem);
    value_push(scopes, g->mem, value_str(g->mem, g->scope));
    value_set(v, g->mem, "scope", scopes, 0);
    value_set_str(v, g->mem, "lifetime",
                  arena_printf(g->mem, "%llds",
                               (long long)(i->lifetime_s ? i->lifetime_s : DEFAULT_LIFETIME_S)),
                  0);
    if (value_len(i->delegates))
        value_set(v, g->mem, "delegates", value_copy(g->mem, i->delegates), 0);
    return json_text(g->mem, v, JSON_PLAIN);
}

Err *gcp_impersonate(GcpToken *out, const GcpGrant *g, const GcpImpersonation *i) {
    TRY(gcp_check_endpoint(g, i->url));
    TokenCall call = {.method = "POST",
                      .url = i->url,
                      .form = impersonation_body(g, i),
                      .content_type = "application/json"};
    add_header(&call, g, "authorization", arena_printf(g->mem, "Bearer %s", i->bearer));
    Value *answer = NULL;
    TRY(token_call_json(&answer, g->loop, &call, g->mem));
    if (!time_parse_rfc3339(value_get_text(answer, "expireTime"), &out->expires))
        out->expires = seconds_from_now(g, i->lifetime_s);
    return keep_token(out, value_get_text(answer, "accessToken"), i->url, g->mem);
}

// --- the metadata server ------------------------------------------------------------------------

static TokenCall metadata_call(const GcpGrant *g, const char *what) {
    const char *at = cstr_or(host_env(loop_host(g->loop), "GCE_METADATA_HOST"), "169.254.169.254");
    TokenCall call = {.method = "GET",
                      .url = arena_printf(g->mem, "http://%s/computeMetadata/v1/%s", at, what),
                      .metadata = true};
    add_header(&call, g, "metadata-flavor", "Google");
    return call;
}

// A token of another universe must not reach the hosts that a URL names. Servers without the
// answer are of the common one.
static Err *check_metadata_universe(const GcpGrant *g) {
    TokenCall call = metadata_call(g, "universe/universe-domain");
    int status = 0;
    Str text = {0};
    if (cstr_eq(g->universe, "googleapis.com"))
        return NULL;
    TRY(token_call(&status, &text, g->loop, &call, g->mem));
    const char *universe = status == 200 ? cstr_trim(g->mem, str_dup(g->mem, text)) : "";
    universe = cstr_or(universe, "googleapis.com");
    return cstr_eq(universe, g->universe)
               ? NULL
               : err_new(E_DENIED, "its account is of %s, not of %s", universe, g->universe);
}

Err *gcp_metadata_token(GcpToken *out, const GcpGrant *g) {
    TRY(check_metadata_universe(g));
    const char *path = "instance/service-accounts/default/token";
    if (!cstr_eq(g->scope, GCP_SCOPE_STORAGE)) // stores take what the machine was given
        path = arena_printf(g->mem, "%s?scopes=%s", path, url_encode(g->mem, g->scope, false));
    TokenCall call = metadata_call(g, path);
    return read_oauth(out, g, &call);
}
