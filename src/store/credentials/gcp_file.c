// Credential files: one JSON object, whose "type" says which exchange it is for.
#include "common.h"
#include "gcp_grant.h"

enum { MAX_FILE = 1 << 20, MAX_DEPTH = 4 };

typedef Err *FileType(GcpToken *out, const GcpGrant *g, const Value *file, int depth);

static Err *token_of(GcpToken *out, const GcpGrant *g, const Value *file, int depth);

static Err *need(const char **out, const Value *file, const char *name) {
    *out = value_get_text(file, name);
    return **out ? NULL : err_new(E_INVALID, "\"%s\" is missing", name);
}

static const char *or_null(const char *text) { return *text ? text : NULL; }

// --- service_account ----------------------------------------------------------------------------

static const char *default_token_url(const GcpGrant *g) {
    return arena_printf(g->mem, "https://oauth2.%s/token", g->universe);
}

static Err *service_account(GcpToken *out, const GcpGrant *g, const Value *file, int depth) {
    (void)depth;
    GcpKey key = {.id = value_get_text(file, "private_key_id")};
    TRY(need(&key.email, file, "client_email"));
    TRY(need(&key.pem, file, "private_key"));
    key.token_url = cstr_or(value_get_text(file, "token_uri"), default_token_url(g));
    log_mask(key.pem);
    return gcp_key_token(out, g, &key);
}

// --- authorized_user ----------------------------------------------------------------------------

static Err *authorized_user(GcpToken *out, const GcpGrant *g, const Value *file, int depth) {
    (void)depth;
    const char *id, *secret, *refresh;
    TRY(need(&id, file, "client_id"));
    TRY(need(&secret, file, "client_secret"));
    TRY(need(&refresh, file, "refresh_token"));
    log_mask(secret);
    log_mask(refresh);
    const GcpField fields[] = {{"grant_type", "refresh_token"},
                               {"client_id", id},
                               {"client_secret", secret},
                               {"refresh_token", refresh}};
    return gcp_post_form(out, g,
                         cstr_or(value_get_text(file, "token_uri"), default_token_url(g)),
                         fields, COUNT_OF(fields), NULL);
}

// --- external_account ---------------------------------------------------------------------------

// The subject token in what a file or URL holds: the text itself, or a field of a JSON object.
static Err *pick_token(const char **out, const GcpGrant *g, Str content, const Value *format) {
    const char *type = cstr_or(value_get_text(format, "type"), "text");
    const char *text = cstr_trim(g->mem, str_dup(g->mem, content));
    if (cstr_eq(type, "json")) {
        Value *v = NULL;
        const char *field;
        TRY(need(&field, format, "subject_token_field_name"));
        AutoErr bad = json_parse(&v, content, NULL, g->mem);
        text = bad ? "" : value_get_text(v, field);
        if (!*text)
            return err_new(E_INVALID, "the subject token is not in a JSON field \"%s\"", field);
    } else if (!cstr_eq(type, "text")) {
        return err_new(E_UNSUPPORTED, "the format \"%s\" of credential_source is not supported",
                       type);
    }
    log_mask(text);
    *out = text;
    return *text ? NULL : err_new(E_UNAUTHORIZED, "the subject token is empty");
}

static Err *fetch_subject(Str *out, const GcpGrant *g, const Value *source, const char *url) {
    TokenCall call = {.method = "GET", .url = url};
    const Value *headers = value_get(source, "headers");
    int status = 0;
    for (size_t i = 0; i < value_len(headers); i++) {
        const char *name = headers->u.map.items[i].key;
        const char *value = value_text(value_member(headers, i));
        log_mask(value);
        list_push(&call.headers, g->mem, (HttpHeader){name, value});
    }
    TRY(token_call(&status, out, g->loop, &call, g->mem));
    return status == 200 ? NULL
                         : err_new(E_UNAUTHORIZED, "%s: HTTP %d instead of a subject token",
                                   url_redact_stars(g->mem, url), status);
}

// No source at all is an extension of ours: the CI platform's own token. The provider takes its
// full name with and without "https:" as the audience.
static Err *platform_subject(const char **out, const GcpGrant *g, const char *audience) {
    const char *platform = "";
    OidcUse use = {audience, "ATLAS_GCP_ID_TOKEN"};
    Err *e = oidc_token(out, &platform, g->loop, &use, g->mem);
    if (err_code(e) != E_UNAUTHORIZED || !cstr_starts(audience, "//"))
        return e;
    use.audience = arena_printf(g->mem, "https:%s", audience);
    Err *second = oidc_token(out, &platform, g->loop, &use, g->mem);
    err_free(second ? second : e);
    return second ? e : NULL;
}

static Err *subject_token(const char **out, const GcpGrant *g, const Value *file,
                          const char *audience) {
    const Value *source = value_get(file, "credential_source");
    const char *path = value_get_text(source, "file"), *url = value_get_text(source, "url");
    Str content = {0};
    if (!source || source->kind == V_NULL)
        return platform_subject(out, g, audience);
    if (*path)
        TRY(fs_read(&content, path, MAX_FILE, g->mem));
    else if (*url && !*value_get_text(source, "environment_id"))
        TRY(fetch_subject(&content, g, source, url));
    else
        return err_hint(err_new(E_UNSUPPORTED, "this kind of credential_source is not supported"),
                        "use a file or a url, or leave credential_source out for the CI "
                        "platform's own token");
    return pick_token(out, g, content, value_get(source, "format"));
}

static const char *client_pair(const GcpGrant *g, const Value *file) {
    const char *id = value_get_text(file, "client_id");
    const char *secret = value_get_text(file, "client_secret");
    log_mask(secret);
    return *id && *secret ? arena_printf(g->mem, "%s:%s", id, secret) : NULL;
}

static const char *sts_options(const GcpGrant *g, const Value *file, const char *basic) {
    const char *project = value_get_text(file, "workforce_pool_user_project");
    Value *v = value_map(g->mem);
    if (!*project || basic)
        return NULL;
    value_set_str(v, g->mem, "userProject", project, 0);
    return json_text(g->mem, v, JSON_PLAIN);
}

static Err *exchange_subject(GcpToken *out, const GcpGrant *g, const Value *file) {
    const char *audience, *type, *subject = NULL;
    TRY(need(&audience, file, "audience"));
    TRY(need(&type, file, "subject_token_type"));
    const char *url = cstr_or(value_get_text(file, "token_url"),
                              arena_printf(g->mem, "https://sts.%s/v1/token", g->universe));
    TRY(gcp_check_endpoint(g, url));
    TRY(subject_token(&subject, g, file, audience));
    const char *basic = client_pair(g, file);
    const GcpField fields[] = {
        {"grant_type", "urn:ietf:params:oauth:grant-type:token-exchange"},
        {"requested_token_type", "urn:ietf:params:oauth:token-type:access_token"},
        {"audience", audience},
        {"scope", g->scope},
        {"subject_token", subject},
        {"subject_token_type", type},
        {"options", sts_options(g, file, basic)},
    };
    return gcp_post_form(out, g, url, fields, COUNT_OF(fields), basic);
}

static Err *external_account(GcpToken *out, const GcpGrant *g, const Value *file, int depth) {
    (void)depth;
    const Value *options = value_get(file, "service_account_impersonation");
    GcpImpersonation i = {.url = or_null(value_get_text(file, "service_account_impersonation_url")),
                          .lifetime_s = value_get_int(options, "token_lifetime_seconds")};
    if (!i.url)
        return exchange_subject(out, g, file);
    GcpGrant wide = *g;
    wide.scope = GCP_SCOPE_CLOUD;
    GcpToken own = {0};
    TRY(gcp_check_endpoint(g, i.url));
    TRY(exchange_subject(&own, &wide, file));
    i.bearer = own.text;
    return gcp_impersonate(out, g, &i);
}

// --- impersonated_service_account ---------------------------------------------------------------

static Err *impersonated(GcpToken *out, const GcpGrant *g, const Value *file, int depth) {
    const Value *source = value_get(file, "source_credentials");
    GcpImpersonation i = {.delegates = value_get(file, "delegates")};
    GcpGrant wide = *g;
    wide.scope = GCP_SCOPE_CLOUD;
    GcpToken own = {0};
    TRY(need(&i.url, file, "service_account_impersonation_url"));
    TRY(gcp_check_endpoint(g, i.url));
    Err *e = token_of(&own, &wide, source, depth + 1);
    if (e)
        return err_wrap(e, "source_credentials");
    i.bearer = own.text;
    return gcp_impersonate(out, g, &i);
}

// --- the file -----------------------------------------------------------------------------------

static const struct {
    const char *name;
    FileType *token;
} types[] = {
    {"service_account", service_account},
    {"authorized_user", authorized_user},
    {"external_account", external_account},
    {"impersonated_service_account", impersonated},
};

static Err *unknown_type(const char *type, Arena *mem) {
    StrList names = {0};
    for (size_t i = 0; i < COUNT_OF(types); i++)
        list_push(&names, mem, types[i].name);
    Err *e = *type ? err_new(E_UNSUPPORTED, "credentials of type \"%s\" are not supported", type)
                   : err_new(E_INVALID, "\"type\" is missing");
    return err_hint(e, "use one of %s", cstr_join(mem, &names, ", "));
}

// A token of one universe must not reach the hosts of another that a URL names.
static Err *check_universe(const GcpGrant *g, const Value *file) {
    const char *universe = cstr_or(value_get_text(file, "universe_domain"), "googleapis.com");
    if (cstr_eq(universe, g->universe))
        return NULL;
    return err_hint(err_new(E_DENIED, "the credentials are of %s, the store is of %s", universe,
                            g->universe),
                    "give the store's URL universe_domain=%s", universe);
}

static Err *token_of(GcpToken *out, const GcpGrant *g, const Value *file, int depth) {
    const char *type = value_get_text(file, "type");
    if (depth > MAX_DEPTH)
        return err_new(E_INVALID, "accounts stand in for one another over %d times", MAX_DEPTH);
    for (size_t i = 0; i < COUNT_OF(types); i++)
        if (cstr_eq(types[i].name, type)) {
            if (depth == 0)
                TRY(check_universe(g, file));
            return types[i].token(out, g, file, depth);
        }
    return unknown_type(type, g->mem);
}

Err *gcp_file_token(GcpToken *out, const GcpGrant *g, const char *path) {
    Str text = {0};
    Value *file = NULL;
    TRY(fs_read(&text, path, MAX_FILE, g->mem));
    TRY(json_parse(&file, text, path, g->mem));
    Err *e = token_of(out, g, file, 0);
    return e ? err_wrap(e, "%s", path) : NULL;
}

static Err *pem_token(GcpToken *out, const GcpGrant *g, const char *pem, const char *email) {
    GcpKey key = {email, pem, "", default_token_url(g)};
    log_mask(pem);
    if (cstr_empty(email))
        return err_hint(err_new(E_INVALID, "a PEM key needs its account's address"),
                        "add access_id=NAME@PROJECT.iam.gserviceaccount.com to the store's URL");
    return gcp_key_token(out, g, &key);
}

// A path of the URL names a key and nothing else: no exchange that an atlas.hcl could steer.
static Err *json_key_token(GcpToken *out, const GcpGrant *g, Str content) {
    Value *file = NULL;
    TRY(json_parse(&file, content, NULL, g->mem));
    if (cstr_eq(value_get_text(file, "type"), "service_account"))
        return token_of(out, g, file, 0);
    return err_hint(err_new(E_INVALID, "not the key of a service account"),
                    "name other credential files in GOOGLE_APPLICATION_CREDENTIALS");
}

Err *gcp_key_file_token(GcpToken *out, const GcpGrant *g, const char *path, const char *email) {
    Str text = {0};
    TRY(fs_read(&text, path, MAX_FILE, g->mem));
    const char *content = cstr_trim(g->mem, str_dup(g->mem, text));
    Err *e = *content == '{' ? json_key_token(out, g, str_from(content))
                             : pem_token(out, g, content, email);
    return e ? err_wrap(e, "%s", path) : NULL;
}
