// One signed request, and what its answer teaches.
#include "s3.h"

enum { MAX_TRIES = 5, SKEW_S = 300 };

S3Call s3_call(S3Store *s, const char *method, const char *key) {
    return (S3Call){.store = s, .method = method, .key = key, .body = body_from(str_from("")),
                    .max = 16 << 20};
}

void s3_query(S3Call *c, const char *name, const char *value) {
    c->query[c->query_count++] = (SigV4Param){name, value};
}

void s3_header(S3Call *c, Arena *mem, const char *name, const char *value) {
    list_push(&c->extra, mem, (HttpHeader){name, value});
}

// --- the body's hash ----------------------------------------------------------------------------

Err *s3_hash(const char **hex, const Body *body, Arena *mem) {
    Digest d;
    TRY(body_sha256(&d, body));
    *hex = hex_encode(mem, d.bytes, sizeof d.bytes);
    return NULL;
}

static Err *hash_body(S3Call *c, Arena *mem) {
    return c->payload_hash ? NULL : s3_hash(&c->payload_hash, &c->body, mem);
}

Err *s3_checksum(const char **out, S3Call *c, Arena *mem) {
    Str raw;
    *out = "";
    if (!c->store->send_checksums)
        return NULL;
    TRY(hash_body(c, mem));
    if (!hex_decode(&raw, c->payload_hash, mem))
        BUG("no hash");
    *out = base64_encode(mem, raw.ptr, raw.len);
    s3_header(c, mem, "x-amz-sdk-checksum-algorithm", "SHA256");
    s3_header(c, mem, "x-amz-checksum-sha256", *out);
    return NULL;
}

// --- sending ------------------------------------------------------------------------------------

// Called before every attempt: the date must be fresh.
static Err *sign(void *ctx, HttpHeaders *headers, Arena *mem) {
    const S3Call *c = ctx;
    if (c->credentials.anonymous)
        return NULL;
    SigV4Param *extra = NEW_ARRAY(mem, SigV4Param, c->extra.len + 1);
    for (size_t i = 0; i < c->extra.len; i++)
        extra[i] = (SigV4Param){c->extra.items[i].name, c->extra.items[i].value};
    Time now = host_now(c->store->base.host);
    now.sec += c->skew_s;
    SigV4Result r = sigv4_sign(&(SigV4){.access_key = c->credentials.access_key,
                                        .secret_key = c->credentials.secret_key,
                                        .session_token = c->credentials.session_token,
                                        .region = c->region,
                                        .service = "s3",
                                        .now = now,
                                        .method = c->method,
                                        .host = c->host,
                                        .path = c->path,
                                        .query = c->query,
                                        .query_count = c->query_count,
                                        .headers = extra,
                                        .header_count = c->extra.len,
                                        .payload_hash = c->payload_hash},
                               mem);
    list_push(headers, mem, (HttpHeader){"authorization", r.authorization});
    list_push(headers, mem, (HttpHeader){"x-amz-date", r.amz_date});
    list_push(headers, mem, (HttpHeader){"x-amz-content-sha256", c->payload_hash});
    if (!cstr_empty(c->credentials.session_token))
        list_push(headers, mem,
                  (HttpHeader){"x-amz-security-token", c->credentials.session_token});
    return NULL;
}

static void locate(S3Call *c, Arena *mem) {
    const S3Store *s = c->store;
    const char *key = c->key ? url_encode(mem, c->key, true) : "";
    c->host = s->path_style ? s->host : arena_printf(mem, "%s.%s", s->bucket, s->host);
    c->path = s->path_style ? arena_printf(mem, "%s/%s%s%s", s->base_path, s->bucket,
                                           c->key ? "/" : "", key)
                            : arena_printf(mem, "%s/%s", s->base_path, key);
    c->region = s->region;
    c->skew_s = s->skew_s;
}

static const char *full_url(const S3Call *c, Arena *mem) {
    Buf url;
    buf_init(&url, mem, SIZE_MAX);
    buf_printf(&url, "%s://%s%s", c->store->scheme, c->host, c->path);
    for (size_t i = 0; i < c->query_count; i++)
        buf_printf(&url, "%c%s=%s", i ? '&' : '?', url_encode(mem, c->query[i].name, false),
                   url_encode(mem, c->query[i].value, false));
    return url.ptr;
}

static bool holds_error(void *ctx, int status, Str body) {
    const S3Call *c = ctx;
    return c->error_in_200 && status == 200 && memmem(body.ptr, body.len, "<Error>", 7);
}

static Err *send_once(HttpResponse *out, S3Call *c, Arena *mem) {
    S3Store *s = c->store;
    TRY(aws_credentials(&c->credentials, aws_provider(s->base.loop, &s->who)));
    locate(c, mem);
    HttpRequest req = {.method = c->method,
                       .url = full_url(c, mem),
                       .headers = c->extra,
                       .body = c->body,
                       .has_body = c->has_body,
                       .no_redirect = !c->follow,
                       .attempts = s->attempts,
                       .budget = c->own_time ? NULL : store_budget(&s->base),
                       .body_max = c->max,
                       .prepare = sign,
                       .prepare_ctx = c,
                       .retry = holds_error};
    return http_do(out, s->base.loop, &req, mem);
}

// --- answers ------------------------------------------------------------------------------------

typedef struct S3Error {
    const char *code, *message, *region;
} S3Error;

static S3Error parse_error(const HttpResponse *r, Arena *mem) {
    S3Error e = {"", "", cstr_or(http_header_get(&r->headers, "x-amz-bucket-region"), "")};
    Str text = {0};
    Xml *root = NULL;
    if (r->body.size > S3_MAX_ERROR)
        return e;
    AutoErr failed = body_bytes(&text, &r->body, mem);
    AutoErr bad = failed || !text.len ? NULL : xml_parse(&root, text, "answer", mem);
    const Xml *error = root && cstr_eq(root->name, "Error") ? root : NULL;
    if (!bad && error) {
        e.code = xml_child_text(error, "Code");
        e.message = xml_child_text(error, "Message");
        if (!*e.region)
            e.region = xml_child_text(error, "Region");
    }
    return e;
}

static const char check_keys[] = "check the access key, the secret key and whose they are";

static const struct {
    const char *code;
    ErrCode err;
    const char *hint;
} error_codes[] = {
    {"NoSuchKey", E_NOT_FOUND, NULL},
    {"NoSuchUpload", E_NOT_FOUND, NULL},
    {"NoSuchBucket", E_NO_STORE, "create the bucket, or correct the URL"},
    {"AccessDenied", E_DENIED,
     "allow these credentials s3:GetObject, s3:PutObject and s3:ListBucket on the bucket"},
    {"InvalidAccessKeyId", E_UNAUTHORIZED, check_keys},
    {"SignatureDoesNotMatch", E_UNAUTHORIZED, check_keys},
    {"ExpiredToken", E_UNAUTHORIZED, "get new temporary credentials"},
    {"InvalidToken", E_UNAUTHORIZED, "check AWS_SESSION_TOKEN"},
    {"RequestTimeTooSkewed", E_UNAUTHORIZED, "set this machine's clock"},
    {"PreconditionFailed", E_CONFLICT, NULL},
    {"ConditionalRequestConflict", E_CONFLICT, NULL},
    {"SlowDown", E_UNREACHABLE, NULL},
    {"BadDigest", E_DAMAGED, NULL},
};

static Err *to_error(const S3Call *c, const HttpResponse *r, Arena *mem) {
    S3Error e = parse_error(r, mem);
    ErrCode code = store_status_code(r->status);
    const char *hint = NULL;
    for (size_t i = 0; i < COUNT_OF(error_codes); i++)
        if (cstr_eq(error_codes[i].code, e.code)) {
            code = error_codes[i].err;
            hint = error_codes[i].hint;
        }
    if (!*e.code)
        return err_new(code, "%s %s: %s", c->method, c->host, http_status_text(r, mem));
    Err *all = err_new(code, "%s %s: HTTP %d %s%s%s", c->method, c->host, r->status, e.code,
                       *e.message ? ": " : "", log_redact(mem, e.message));
    return hint ? err_hint(all, "%s", hint) : all;
}

// Each of these is asked in turn whether the answer taught something that makes it worth asking
// again. The answer to a HEAD has no body: there the status must do.

static bool learn_clock(S3Call *c, const HttpResponse *r, const S3Error *e) {
    S3Store *s = c->store;
    const char *date = http_header_get(&r->headers, "date");
    Time server;
    if (!date || !time_parse_http(date, &server))
        return false;
    int64_t differs = server.sec - host_now(s->base.host).sec;
    bool far = differs > SKEW_S || differs < -SKEW_S;
    if (!cstr_eq(e->code, "RequestTimeTooSkewed") && (*e->code || r->status != 403 || !far))
        return false;
    if (c->skew_s != s->skew_s) // learned by a request beside this one
        return true;
    if (s->skew_s || !differs)
        return false;
    s->skew_s = differs;
    log_debug("%s: clock differs by %lld s", s->base.url, (long long)s->skew_s);
    return true;
}

static bool learn_region(S3Call *c, const HttpResponse *r, const S3Error *e) {
    S3Store *s = c->store;
    bool moved = r->status == 301 || r->status == 307 || r->status == 400;
    if (!moved || !*e->region)
        return false;
    if (cstr_eq(e->region, s->region))
        return !cstr_eq(c->region, s->region);
    log_debug("%s: bucket is in region %s", s->base.url, e->region);
    s3_move(s, e->region);
    return true;
}

static bool learn_expiry(S3Call *c, const HttpResponse *r, const S3Error *e) {
    bool silent = cstr_eq(c->method, "HEAD") && r->status == 400 &&
                  !cstr_empty(c->credentials.session_token);
    if (c->renewed || (!silent && !cstr_eq(e->code, "ExpiredToken")))
        return false;
    c->renewed = true;
    log_debug("%s: the credentials (%s) have expired", c->store->base.url, c->credentials.source);
    aws_credentials_expired(aws_provider(c->store->base.loop, &c->store->who), &c->credentials);
    return true;
}

// A read may be answered from elsewhere; nobody but the endpoint is shown credentials.
static bool learn_redirect(S3Call *c, const HttpResponse *r) {
    bool reads = cstr_eq(c->method, "GET") || cstr_eq(c->method, "HEAD");
    if (c->follow || !reads || r->status < 300 || r->status > 308 ||
        !http_header_get(&r->headers, "location"))
        return false;
    c->follow = true;
    return true;
}

static bool learn(S3Call *c, const HttpResponse *r, Arena *mem) {
    S3Error e = parse_error(r, mem);
    return learn_region(c, r, &e) || learn_expiry(c, r, &e) || learn_clock(c, r, &e) ||
           learn_redirect(c, r);
}

Err *s3_send(HttpResponse *out, S3Call *c, Arena *mem) {
    TRY(hash_body(c, mem));
    for (int n = 0; n < MAX_TRIES; n++) {
        TRY(send_once(out, c, mem));
        if (out->status >= 200 && out->status < 300)
            return NULL;
        if (!learn(c, out, mem))
            break;
    }
    return to_error(c, out, mem);
}

Err *s3_answer(Xml **out, const HttpResponse *r, const char *element, Arena *mem) {
    Str text;
    TRY(http_body_text(&text, r, mem));
    Err *e = xml_parse(out, text, "answer", mem);
    if (!e && cstr_eq((*out)->name, "Error"))
        e = err_new(E_UNREACHABLE, "%s: %s", xml_child_text(*out, "Code"),
                    log_redact(mem, xml_child_text(*out, "Message")));
    else if (!e && !cstr_eq((*out)->name, element))
        e = err_new(E_UNREACHABLE, "the answer is <%s>, not <%s>", (*out)->name, element);
    if (e && err_code(e) != E_CONFLICT)
        e = err_set_code(e, E_UNREACHABLE);
    return e;
}
