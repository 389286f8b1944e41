// One call of the JSON API: token, retry, and what errors mean.
#include "atlas/crypt.h"
#include "../credentials/common.h"
#include "gcs.h"

GcsCall gcs_call_new(GcsStore *s, const char *method, const char *url) {
    return (GcsCall){.store = s,
                     .method = method,
                     .url = url,
                     .body = body_from(str_from("")),
                     .max = 16 << 20,
                     .missing = E_NOT_FOUND};
}

void gcs_call_header(GcsCall *c, Arena *mem, const char *name, const char *value) {
    list_push(&c->headers, mem, (HttpHeader){name, value});
}

const char *gcs_url(const GcsStore *s, const char *key, Arena *mem) {
    return arena_printf(mem, "%s/storage/v1/b/%s/o%s%s", s->endpoint,
                        url_encode(mem, s->bucket, false), key ? "/" : "",
                        key ? url_encode(mem, key, false) : "");
}

// A bearer token is the whole credential: it goes to the provider or stays on this machine.
static Err *check_receiver(const GcsStore *s, Arena *mem) {
    const char *const suffixes[] = {arena_printf(mem, ".%s", s->universe), NULL};
    return endpoint_check(s->endpoint, suffixes, cstr_starts(s->endpoint, "http://"), mem);
}

static bool is_rate_limit(void *ctx, int status, Str body) {
    (void)ctx;
    static const char word[] = "ateLimitExceeded\""; // rateLimit..., userRateLimit...
    return status == 403 && memmem(body.ptr, body.len, word, sizeof word - 1);
}

static Err *send_once(HttpResponse *out, const GcsCall *c, const char *token, Arena *mem) {
    HttpRequest req = {.method = c->method,
                       .url = c->url,
                       .body = c->body,
                       .has_body = c->has_body,
                       .once = c->once,
                       .budget = store_budget(&c->store->base),
                       .body_max = c->max < GCS_MAX_ERROR ? GCS_MAX_ERROR : c->max,
                       .retry = is_rate_limit};
    for (size_t i = 0; i < c->headers.len; i++)
        list_push(&req.headers, mem, c->headers.items[i]);
    if (token)
        http_header(&req, mem, "authorization", arena_printf(mem, "Bearer %s", token));
    return http_do(out, c->store->base.loop, &req, mem);
}

Err *gcs_send(HttpResponse *out, const GcsCall *c, Arena *mem) {
    GcpCredentials *credentials = c->store->credentials;
    for (bool renewed = false;; renewed = true) {
        const char *token = NULL;
        TRY(gcp_token(&token, credentials));
        if (token)
            TRY(check_receiver(c->store, mem));
        TRY(send_once(out, c, token, mem));
        if (out->status != 401 || !token || renewed)
            return NULL;
        log_debug("%s: the token was refused; asking for a new one", c->store->base.url);
        gcp_token_refused(credentials, token);
    }
}

Err *gcs_call(HttpResponse *out, const GcsCall *c, Arena *mem) {
    TRY(gcs_send(out, c, mem));
    return out->status >= 200 && out->status < 300 ? NULL : gcs_error(c, out, mem);
}

// --- errors -------------------------------------------------------------------------------------

typedef struct GcsError {
    const char *reason, *message;
} GcsError;

// {"error": {"message": ..., "errors": [{"reason": ...}]}}, or plain text.
static GcsError parse_error(const HttpResponse *r, Arena *mem) {
    GcsError e = {"", ""};
    Str text = {0};
    Value *root = NULL;
    if (r->body.size > GCS_MAX_ERROR)
        return e;
    AutoErr failed = body_bytes(&text, &r->body, mem);
    AutoErr bad = failed || !text.len ? NULL : json_parse(&root, text, NULL, mem);
    if (failed)
        return e;
    const Value *error = bad ? NULL : value_get(root, "error");
    e.message = error ? value_get_text(error, "message") : str_dup(mem, text);
    e.reason = value_get_text(value_at(value_get(error, "errors"), 0), "reason");
    return e;
}

static ErrCode code_of_404(const GcsCall *c, const char *message) {
    if (strstr(message, "No such object"))
        return E_NOT_FOUND;
    return strstr(message, "bucket does not exist") ? E_NO_STORE : c->missing;
}

static ErrCode error_code(const GcsCall *c, int status, const GcsError *e) {
    if (status == 404 || status == 410)
        return code_of_404(c, e->message);
    if (status == 403 && cstr_ends(e->reason, "ateLimitExceeded"))
        return E_UNREACHABLE;
    if (status == 400 && strstr(e->message, "MD5"))
        return E_DAMAGED;
    return store_status_code(status);
}

static const char *host_of(const char *url, Arena *mem) {
    const char *start = strstr(url, "://") + 3;
    return arena_strndup(mem, start, strcspn(start, "/"));
}

Err *gcs_error(const GcsCall *c, const HttpResponse *r, Arena *mem) {
    GcsError e = parse_error(r, mem);
    ErrCode code = error_code(c, r->status, &e);
    const char *host = host_of(c->url, mem);
    if (!*e.reason)
        return err_new(code, "%s %s: %s", c->method, host, http_status_text(r, mem));
    return err_new(code, "%s %s: HTTP %d %s: %s", c->method, host, r->status, e.reason,
                   log_redact(mem, e.message));
}

// --- answers ------------------------------------------------------------------------------------

Err *gcs_answer(Value **out, const HttpResponse *r, Arena *mem) {
    Str text;
    TRY(http_body_text(&text, r, mem));
    Err *e = json_parse(out, text, "answer", mem);
    if (!e && (*out)->kind != V_MAP)
        e = err_new(E_UNREACHABLE, "the answer is not a JSON object");
    return e ? err_set_code(e, E_UNREACHABLE) : NULL;
}

Err *gcs_read_object(StoreObject *out, const HttpResponse *r, Arena *mem) {
    Value *v = NULL;
    Str md5;
    uint64_t size = 0;
    TRY(gcs_answer(&v, r, mem));
    out->etag = value_get_text(v, "generation");
    if (!*out->etag || !cstr_to_u64(value_get_text(v, "size"), INT64_MAX, &size))
        return err_new(E_UNREACHABLE, "the answer does not describe an object");
    out->size = (int64_t)size;
    if (base64_decode(&md5, value_get_text(v, "md5Hash"), mem) && md5.len == MD5_SIZE)
        out->md5 = hex_encode(mem, md5.ptr, md5.len);
    time_parse_rfc3339(value_get_text(v, "updated"), &out->modified);
    return NULL;
}
