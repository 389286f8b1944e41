// Requests: authorised afresh for every attempt, errors in the service's own codes.
#include "../credentials/common.h"
#include "azure.h"

enum { MAX_ERROR = 64 << 10, CLOCK_TOLERANCE_S = 300 };

#define API_VERSION "2021-08-06"

AzureCall azure_call(AzureStore *s, const char *method, const char *key) {
    return (AzureCall){
        .store = s, .method = method, .key = key, .body = body_from(str_from("")), .max = 16 << 20};
}

void azure_query(AzureCall *c, const char *name, const char *value) {
    c->query[c->query_count++] = (SigV4Param){name, value};
}

void azure_header(AzureCall *c, Arena *mem, const char *name, const char *value) {
    list_push(&c->headers, mem, (HttpHeader){name, value});
}

// --- credentials --------------------------------------------------------------------------------

static bool is_fresh(const AzureStore *s) {
    const AzureCredentials *c = &s->credentials;
    return c->kind != AZURE_NONE && credentials_are_fresh(c->expires, s->base.host) &&
           !(c->token && c->token == s->refused_token);
}

static bool is_settled(const void *arg) {
    return !((const AzureStore *)arg)->renewing;
}

static Err *renew(AzureStore *s) {
    AutoArena tmp = arena_new(NULL);
    AzureCredentials c = {0};
    Arena *mem = s->base.mem;
    TRY(azure_credentials(&c, s->base.loop, s->account, tmp));
    c.key = str_slice(arena_strndup(mem, cstr_or(c.key.ptr, ""), c.key.len), c.key.len);
    c.sas = c.sas ? arena_strdup(mem, c.sas) : NULL;
    c.token = c.token ? arena_strdup(mem, c.token) : NULL;
    c.source = arena_strdup(mem, c.source);
    if (c.kind != AZURE_SHARED_KEY && !s->trusted)
        return err_hint(err_new(E_DENIED,
                                "the %s is not sent to %s, which only the store's URL "
                                "names",
                                c.source, s->host),
                        "set AZURE_STORAGE_DOMAIN in the environment, or use an account key");
    log_debug("%s: credentials from %s", s->base.url, c.source);
    s->credentials = c;
    return NULL;
}

// One task asks, the others wait for what it gets.
static Err *have_credentials(AzureStore *s) {
    if (is_fresh(s))
        return NULL;
    if (s->renewing) {
        loop_wait(s->base.loop, is_settled, s, -1);
        if (is_fresh(s))
            return NULL;
        if (s->renew_failed)
            return err_copy(s->renew_failed);
    }
    s->renewing = true;
    Err *e = renew(s);
    s->renewing = false;
    err_free(s->renew_failed);
    s->renew_failed = e ? err_copy(e) : NULL;
    return e;
}

// --- one request --------------------------------------------------------------------------------

static const char *shared_key(const AzureCall *c, const HttpHeaders *headers, Arena *mem) {
    SigV4Param *all = NEW_ARRAY(mem, SigV4Param, headers->len + 1);
    for (size_t i = 0; i < headers->len; i++)
        all[i] = (SigV4Param){headers->items[i].name, headers->items[i].value};
    return sharedkey_sign(&(SharedKey){.account = c->store->account,
                                       .key = c->store->credentials.key,
                                       .method = c->method,
                                       .path = c->path,
                                       .body_size = c->body.size,
                                       .query = c->query,
                                       .query_count = c->query_count,
                                       .headers = all,
                                       .header_count = headers->len},
                          mem)
        .authorization;
}

// Called before every attempt: the date must be fresh.
static Err *authorize(void *ctx, HttpHeaders *headers, Arena *mem) {
    AzureCall *c = ctx;
    const AzureStore *s = c->store;
    Time now = host_now(s->base.host);
    now.sec += s->skew_s;
    const char *date = time_strftime_utc(mem, now, "%a, %d %b %Y %H:%M:%S GMT");
    list_push(headers, mem, (HttpHeader){"x-ms-date", date});
    list_push(headers, mem, (HttpHeader){"x-ms-version", API_VERSION});
    c->skew_s = s->skew_s;
    c->token = s->credentials.token;
    const char *value = NULL;
    if (s->credentials.kind == AZURE_SHARED_KEY)
        value = shared_key(c, headers, mem);
    else if (s->credentials.kind == AZURE_BEARER)
        value = arena_printf(mem, "Bearer %s", c->token);
    if (value)
        list_push(headers, mem, (HttpHeader){"authorization", value});
    return NULL;
}

static Err *send_once(HttpResponse *out, AzureCall *c, Arena *mem) {
    AzureStore *s = c->store;
    TRY(have_credentials(s));
    c->path = arena_printf(mem, "%s/%s%s%s", s->base_path, url_encode(mem, s->container, false),
                           c->key ? "/" : "", c->key ? url_encode(mem, c->key, true) : "");
    Buf url;
    buf_init(&url, mem, SIZE_MAX);
    buf_printf(&url, "%s://%s%s", s->scheme, s->host, c->path);
    for (size_t i = 0; i < c->query_count; i++)
        buf_printf(&url, "%c%s=%s", i ? '&' : '?', url_encode(mem, c->query[i].name, false),
                   url_encode(mem, c->query[i].value, false));
    if (s->credentials.kind == AZURE_SAS)
        buf_printf(&url, "%c%s", c->query_count ? '&' : '?', s->credentials.sas);
    HttpRequest req = {.method = c->method,
                       .url = url.ptr,
                       .headers = c->headers,
                       .body = c->body,
                       .has_body = c->has_body,
                       .budget = store_budget(&s->base),
                       .body_max = c->max,
                       .prepare = authorize,
                       .prepare_ctx = c};
    return http_do(out, s->base.loop, &req, mem);
}

// --- answers ------------------------------------------------------------------------------------

typedef struct AzureError {
    const char *code, *message, *detail;
} AzureError;

static AzureError parse_error(const HttpResponse *r, Arena *mem) {
    AzureError e = {cstr_or(http_header_get(&r->headers, "x-ms-error-code"), ""), "", ""};
    Str text;
    Xml *root = NULL;
    if (r->body.size > MAX_ERROR)
        return e;
    AutoErr failed = body_bytes(&text, &r->body, mem);
    if (failed || !text.len)
        return e;
    AutoErr bad = xml_parse(&root, text, "answer", mem);
    if (bad || !cstr_eq(root->name, "Error"))
        return e;
    e.code = cstr_or(e.code, xml_child_text(root, "Code"));
    const char *message = cstr_trim(mem, xml_child_text(root, "Message"));
    e.message = arena_strndup(mem, message, strcspn(message, "\r\n")); // ids follow
    e.detail = xml_child_text(root, "AuthenticationErrorDetail");
    return e;
}

static const struct {
    const char *code;
    ErrCode err;
} error_codes[] = {
    {"BlobNotFound", E_NOT_FOUND},
    {"ContainerNotFound", E_NO_STORE},
    {"ContainerBeingDeleted", E_NO_STORE},
    {"ContainerDisabled", E_NO_STORE},
    {"AuthenticationFailed", E_UNAUTHORIZED},
    {"InvalidAuthenticationInfo", E_UNAUTHORIZED},
    {"NoAuthenticationInformation", E_UNAUTHORIZED},
    {"AuthorizationFailure", E_DENIED},
    {"AuthorizationPermissionMismatch", E_DENIED},
    {"InsufficientAccountPermissions", E_DENIED},
    {"LeaseIdMissing", E_DENIED},
    {"BlobAlreadyExists", E_CONFLICT},
    {"BlobImmutableDueToPolicy", E_DENIED},
    {"ConditionNotMet", E_CONFLICT},
    {"TargetConditionNotMet", E_CONFLICT},
    // Damaged on the way, or another upload's commit took our blocks away: again may help.
    {"Md5Mismatch", E_UNREACHABLE},
    {"InvalidBlobOrBlock", E_UNREACHABLE},
    {"InvalidBlockList", E_UNREACHABLE},
    {"ServerBusy", E_UNREACHABLE},
};

// A SAS says itself when it ends and what it allows.
static const char *sas_reason(const AzureStore *s, ErrCode code, Arena *mem) {
    if (s->credentials.kind != AZURE_SAS || (code != E_UNAUTHORIZED && code != E_DENIED))
        return "";
    Url *u = NULL;
    AutoErr bad = url_parse(&u, arena_printf(mem, "x://x?%s", s->credentials.sas), mem);
    const char *ends = bad ? NULL : url_param(u, "se"), *allows = bad ? NULL : url_param(u, "sp");
    Time at;
    if (ends && time_parse_rfc3339(ends, &at) && time_cmp(at, host_now(s->base.host)) < 0)
        return arena_printf(mem, " (the SAS token ended at %s)", ends);
    return allows ? arena_printf(mem, " (the SAS token allows sp=%s)", allows) : "";
}

static Err *add_hint(Err *e, const AzureStore *s) {
    bool refused = err_code(e) == E_UNAUTHORIZED || err_code(e) == E_DENIED;
    if (err_code(e) == E_NO_STORE)
        return err_hint(e, "make the container \"%s\" in the storage account \"%s\"", s->container,
                        s->account);
    if (refused && s->credentials.kind == AZURE_SAS)
        return err_hint(e, "make a SAS token of the container that allows to read, create, write "
                           "and list (sp=rcwl)");
    if (err_code(e) == E_DENIED && s->credentials.kind == AZURE_BEARER)
        return err_hint(e, "give the %s the role Storage Blob Data Contributor",
                        s->credentials.source);
    return refused ? err_hint(e, "check the %s", s->credentials.source) : e;
}

// Details of a refusal may quote signatures: only the code and the first line are shown.
static Err *to_error(const AzureCall *c, const HttpResponse *r, Arena *mem) {
    const AzureStore *s = c->store;
    AzureError a = parse_error(r, mem);
    ErrCode code = r->status == 409 ? E_INVALID : store_status_code(r->status);
    for (size_t i = 0; i < COUNT_OF(error_codes); i++)
        if (cstr_eq(error_codes[i].code, a.code))
            code = error_codes[i].err;
    const char *said = *a.code ? arena_printf(mem, "HTTP %d %s%s%s", r->status, a.code,
                                              *a.message ? ": " : "", log_redact(mem, a.message))
                               : http_status_text(r, mem);
    return add_hint(
        err_new(code, "%s %s: %s%s", c->method, s->host, said, sas_reason(s, code, mem)), s);
}

// What a refusal teaches: our clock is wrong, or the token is over. True: ask again.
static bool learn(AzureCall *c, const HttpResponse *r, Arena *mem) {
    AzureStore *s = c->store;
    const char *date = http_header_get(&r->headers, "date");
    Time server;
    if (r->status != 401 && !cstr_eq(parse_error(r, mem).code, "AuthenticationFailed"))
        return false;
    if (s->credentials.kind == AZURE_SHARED_KEY && date && time_parse_http(date, &server)) {
        int64_t skew = server.sec - host_now(s->base.host).sec, off = skew - c->skew_s;
        bool wrong = off > CLOCK_TOLERANCE_S || off < -CLOCK_TOLERANCE_S;
        if (wrong && c->skew_s == s->skew_s) {
            log_debug("%s: clock differs by %lld s", s->base.url, (long long)skew);
            s->skew_s = skew;
        }
        return wrong;
    }
    if (s->credentials.kind != AZURE_BEARER)
        return false;
    s->refused_token = c->token;
    return true;
}

Err *azure_send(HttpResponse *out, AzureCall *c, Arena *mem) {
    bool learned = false;
    for (;;) {
        TRY(send_once(out, c, mem));
        if (out->status >= 200 && out->status < 300)
            return NULL;
        if (learned || !learn(c, out, mem))
            return to_error(c, out, mem);
        learned = true;
    }
}
