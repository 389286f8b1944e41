// s3://: Amazon S3 and what speaks its protocol. Signed by crypt/, sent by http/.
#include <stdlib.h>

#include "atlas/crypt.h"
#include "../credentials/aws.h"
#include "../driver.h"

typedef struct S3Store {
    Store base;
    const char *bucket;
    const char *scheme, *host, *base_path; // of the endpoint; the bucket included
    const char *region;
    bool explicit_endpoint, path_style;
    bool anonymous;
    const char *profile;
    bool have_credentials;
    AwsCredentials credentials;
    const char *sse, *kms_key;
    int64_t skew_s; // server's clock minus ours, after RequestTimeTooSkewed
    bool bare_etags; // If-Match is compared as written, as Ceph 16 does
} S3Store;

enum { PART_SIZE = 16 << 20, MULTIPART_FROM = 64 << 20, MAX_ERROR = 64 << 10, MAX_KEYS = 1 << 20 };

// --- where --------------------------------------------------------------------------------------

static Err *set_endpoint(S3Store *s, const char *endpoint, bool insecure, Arena *mem) {
    if (!strstr(endpoint, "://"))
        endpoint = arena_printf(mem, "%s://%s", insecure ? "http" : "https", endpoint);
    Url *u = NULL;
    TRY(url_parse(&u, endpoint, mem));
    if (!cstr_eq(u->scheme, "http") && !cstr_eq(u->scheme, "https"))
        return err_new(E_INVALID, "the endpoint \"%s\" is not an http or https URL", endpoint);
    s->explicit_endpoint = true;
    s->scheme = insecure ? "http" : u->scheme;
    s->host = u->host;
    s->base_path = cstr_eq(u->path, "/") ? "" : u->path;
    return NULL;
}

// The public endpoint of the region.
static void set_aws_endpoint(S3Store *s, bool insecure, bool fips, bool dualstack, Arena *mem) {
    const char *suffix = cstr_starts(s->region, "cn-") ? "amazonaws.com.cn" : "amazonaws.com";
    s->scheme = insecure ? "http" : "https";
    s->host = arena_printf(mem, "s3%s%s.%s.%s", fips ? "-fips" : "", dualstack ? ".dualstack" : "",
                           s->region, suffix);
    s->base_path = "";
}

static Err *read_params(S3Store *s, const Url *url, const Host *host, Arena *mem) {
    bool insecure, fips, dualstack, immutable, alias;
    TRY(store_param_bool(&s->anonymous, url, "anonymous", false));
    TRY(store_param_bool(&insecure, url, "disable_https", false));
    TRY(store_param_bool(&fips, url, "fips", false));
    TRY(store_param_bool(&dualstack, url, "dualstack", false));
    TRY(store_param_bool(&immutable, url, "hostname_immutable", false));
    if (!cstr_empty(url_param(url, "role")))
        return err_hint(err_new(E_UNSUPPORTED, "parameter \"role\": assuming a role is not "
                                               "supported by this version"),
                        "pass the role's temporary keys in AWS_ACCESS_KEY_ID, "
                        "AWS_SECRET_ACCESS_KEY and AWS_SESSION_TOKEN");
    s->profile = url_param(url, "profile");
    s->sse = url_param(url, "ssetype");
    s->kms_key = url_param(url, "kmskeyid");
    const char *endpoint = url_param(url, "endpoint");
    if (cstr_empty(endpoint))
        endpoint = cstr_or(host_env(host, "AWS_ENDPOINT_URL_S3"),
                           host_env(host, "AWS_ENDPOINT_URL"));
    if (!cstr_empty(endpoint))
        TRY(set_endpoint(s, endpoint, insecure, mem));
    // The region of a profile is looked up here; keys wait until the first request.
    AwsCredentials shared = {0};
    err_free(aws_credentials(&shared, host, s->profile, s->anonymous, mem));
    s->region = cstr_or(aws_region(host, url_param(url, "region"), &shared), "us-east-1");
    if (!s->explicit_endpoint)
        set_aws_endpoint(s, insecure, fips, dualstack, mem);
    Url *at = NULL;
    TRY(url_parse(&at, arena_printf(mem, "http://%s", s->host), mem));
    bool dotted = strchr(s->bucket, '.') && cstr_eq(s->scheme, "https");
    bool local = store_host_is_local(url_hostname(mem, at)) || dotted || immutable;
    TRY(store_param_bool(&alias, url, "s3ForcePathStyle", local));
    return store_param_bool(&s->path_style, url, "use_path_style", alias);
}

static Err *s3_open(Store **out, const Url *url, Loop *loop, Arena *mem) {
    S3Store *s = NEW(mem, S3Store);
    *out = &s->base;
    s->bucket = url->host;
    s->base.prefix = url->path;
    if (!*s->bucket)
        return err_hint(err_new(E_INVALID, "the bucket is missing"), "write s3://bucket/prefix");
    return read_params(s, url, loop_host(loop), mem);
}

// --- requests -----------------------------------------------------------------------------------

typedef struct S3Call {
    S3Store *store;
    const char *method, *key; // key NULL: the bucket
    SigV4Param query[6];
    size_t query_count;
    HttpHeaders extra; // signed and sent
    Body body;
    bool has_body;
    const char *payload_hash;
    int64_t max;
    // worked out by call_send
    const char *host, *path;
    // what the last attempt assumed; requests side by side may have learned better meanwhile
    const char *region;
    int64_t skew_s;
} S3Call;

static Err *hash_piece(void *ctx, Str piece) {
    hasher_add(ctx, piece);
    return NULL;
}

static Err *body_hash(const char **out, const Body *body, Arena *mem) {
    AutoArena tmp = arena_new(NULL);
    Hasher *h = hasher_new(tmp);
    TRY(body_each(body, hash_piece, h));
    Digest d = hasher_value(h);
    *out = hex_encode(mem, d.bytes, sizeof d.bytes);
    return NULL;
}

// Called before every attempt: the date must be fresh.
static Err *sign(void *ctx, HttpHeaders *headers, Arena *mem) {
    S3Call *c = ctx;
    S3Store *s = c->store;
    if (s->anonymous)
        return NULL;
    if (!s->have_credentials) {
        TRY(aws_credentials(&s->credentials, s->base.host, s->profile, false, s->base.mem));
        s->have_credentials = true;
    }
    SigV4Param *extra = NEW_ARRAY(mem, SigV4Param, c->extra.len + 1);
    for (size_t i = 0; i < c->extra.len; i++)
        extra[i] = (SigV4Param){c->extra.items[i].name, c->extra.items[i].value};
    Time now = host_now(s->base.host);
    now.sec += s->skew_s;
    SigV4Result r = sigv4_sign(&(SigV4){.access_key = s->credentials.access_key,
                                        .secret_key = s->credentials.secret_key,
                                        .session_token = s->credentials.session_token,
                                        .region = s->region,
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
    if (!cstr_empty(s->credentials.session_token))
        list_push(headers, mem,
                  (HttpHeader){"x-amz-security-token", s->credentials.session_token});
    return NULL;
}

static void locate(S3Call *c, Arena *mem) {
    const S3Store *s = c->store;
    const char *key = c->key ? url_encode(mem, c->key, true) : "";
    c->host = s->path_style ? s->host : arena_printf(mem, "%s.%s", s->bucket, s->host);
    c->path = s->path_style ? arena_printf(mem, "%s/%s%s%s", s->base_path, s->bucket,
                                           c->key ? "/" : "", key)
                            : arena_printf(mem, "%s/%s", s->base_path, key);
}

static Err *send_once(HttpResponse *out, S3Call *c, Arena *mem) {
    locate(c, mem);
    c->region = c->store->region;
    c->skew_s = c->store->skew_s;
    Buf url;
    buf_init(&url, mem, SIZE_MAX);
    buf_printf(&url, "%s://%s%s", c->store->scheme, c->host, c->path);
    for (size_t i = 0; i < c->query_count; i++)
        buf_printf(&url, "%c%s=%s", i ? '&' : '?', url_encode(mem, c->query[i].name, false),
                   url_encode(mem, c->query[i].value, false));
    HttpRequest req = {.method = c->method,
                       .url = url.ptr,
                       .headers = c->extra,
                       .body = c->body,
                       .has_body = c->has_body,
                       .budget = store_budget(&c->store->base),
                       .body_max = c->max,
                       .prepare = sign,
                       .prepare_ctx = c};
    return http_do(out, c->store->base.loop, &req, mem);
}

typedef struct S3Error {
    const char *code, *message, *region;
} S3Error;

static S3Error parse_error(const HttpResponse *r, Arena *mem) {
    S3Error e = {"", "", cstr_or(http_header_get(&r->headers, "x-amz-bucket-region"), "")};
    Str text;
    Xml *root = NULL;
    if (r->body.size > MAX_ERROR)
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

static const struct {
    const char *code;
    ErrCode err;
} error_codes[] = {
    {"NoSuchKey", E_NOT_FOUND},
    {"NoSuchBucket", E_NO_STORE},
    {"AccessDenied", E_DENIED},
    {"InvalidAccessKeyId", E_UNAUTHORIZED},
    {"SignatureDoesNotMatch", E_UNAUTHORIZED},
    {"ExpiredToken", E_UNAUTHORIZED},
    {"InvalidToken", E_UNAUTHORIZED},
    {"RequestTimeTooSkewed", E_UNAUTHORIZED},
    {"PreconditionFailed", E_CONFLICT},
    {"ConditionalRequestConflict", E_CONFLICT},
    {"SlowDown", E_UNREACHABLE},
};

static Err *to_error(const S3Call *c, const HttpResponse *r, Arena *mem) {
    S3Error e = parse_error(r, mem);
    ErrCode code = store_status_code(r->status);
    for (size_t i = 0; i < COUNT_OF(error_codes); i++)
        if (cstr_eq(error_codes[i].code, e.code))
            code = error_codes[i].err;
    if (!*e.code)
        return err_new(code, "%s %s: %s", c->method, c->host, http_status_text(r, mem));
    return err_new(code, "%s %s: HTTP %d %s: %s", c->method, c->host, r->status, e.code,
                   log_redact(mem, e.message));
}

// What the server's answer teaches about clock or region. True: ask again.
static bool learn(S3Call *c, const HttpResponse *r, Arena *mem) {
    S3Store *s = c->store;
    S3Error e = parse_error(r, mem);
    const char *date = http_header_get(&r->headers, "date");
    Time server;
    bool skewed = cstr_eq(e.code, "RequestTimeTooSkewed");
    if (skewed && c->skew_s != s->skew_s)
        return true;
    if (skewed && s->skew_s == 0 && date && time_parse_http(date, &server)) {
        s->skew_s = server.sec - host_now(s->base.host).sec;
        log_debug("%s: clock differs by %lld s", s->base.url, (long long)s->skew_s);
        return s->skew_s != 0;
    }
    bool moved = r->status == 301 || r->status == 307 || r->status == 400;
    if (moved && *e.region && cstr_eq(e.region, s->region))
        return !cstr_eq(c->region, s->region);
    if (moved && *e.region) {
        log_debug("%s: bucket is in region %s", s->base.url, e.region);
        s->region = arena_strdup(s->base.mem, e.region);
        if (!s->explicit_endpoint)
            set_aws_endpoint(s, cstr_eq(s->scheme, "http"), strstr(s->host, "-fips") != NULL,
                             strstr(s->host, ".dualstack") != NULL, s->base.mem);
        return true;
    }
    return false;
}

// Sends; anything but 2xx is an error.
static Err *call_send(HttpResponse *out, S3Call *c, Arena *mem) {
    if (!c->payload_hash)
        TRY(body_hash(&c->payload_hash, &c->body, mem));
    for (int n = 0; n < 3; n++) {
        TRY(send_once(out, c, mem));
        if (out->status >= 200 && out->status < 300)
            return NULL;
        if (!learn(c, out, mem))
            break;
    }
    return to_error(c, out, mem);
}

static S3Call call_new(S3Store *s, const char *method, const char *key) {
    return (S3Call){.store = s, .method = method, .key = key, .body = body_from(str_from("")),
                    .max = 16 << 20};
}

static void call_query(S3Call *c, const char *name, const char *value) {
    c->query[c->query_count++] = (SigV4Param){name, value};
}

static void call_header(S3Call *c, Arena *mem, const char *name, const char *value) {
    list_push(&c->extra, mem, (HttpHeader){name, value});
}

// --- operations ---------------------------------------------------------------------------------

static void read_object_headers(StoreObject *out, const HttpResponse *r, Arena *mem) {
    const char *etag = http_header_get(&r->headers, "etag");
    const char *modified = http_header_get(&r->headers, "last-modified");
    const char *length = http_header_get(&r->headers, "content-length");
    const char *sha = http_header_get(&r->headers, "x-amz-checksum-sha256");
    uint64_t n;
    Str raw;
    out->etag = cstr_or(etag, "");
    const char *bare = cstr_replace(mem, out->etag, "\"", "");
    if (strlen(bare) == 32 && !strchr(bare, '-'))
        out->md5 = bare;
    if (sha && base64_decode(&raw, sha, mem) && raw.len == SHA256_SIZE)
        out->sha256 = hex_encode(mem, raw.ptr, raw.len);
    if (modified)
        time_parse_http(modified, &out->modified);
    if (length && cstr_to_u64(length, INT64_MAX, &n))
        out->size = (int64_t)n;
}

static Err *s3_get(StoreObject *out, Store *base, const char *key, int64_t max, Arena *mem) {
    S3Call c = call_new((S3Store *)base, "GET", key);
    c.max = max < MAX_ERROR ? MAX_ERROR : max; // an error's text may be longer than the object
    call_header(&c, mem, "accept-encoding", "identity");
    HttpResponse r = {0};
    TRY(call_send(&r, &c, mem));
    if (r.body.size > max)
        return err_new(E_TOO_LARGE, "the object has %lld bytes, over the limit of %lld",
                       (long long)r.body.size, (long long)max);
    read_object_headers(out, &r, mem);
    out->body = r.body;
    out->size = r.body.size;
    return NULL;
}

static Err *s3_head(StoreObject *out, Store *base, const char *key, Arena *mem) {
    S3Call c = call_new((S3Store *)base, "HEAD", key);
    HttpResponse r = {0};
    TRY(call_send(&r, &c, mem));
    read_object_headers(out, &r, mem);
    return NULL;
}

static void put_headers(S3Call *c, const StorePut *put, Arena *mem) {
    const S3Store *s = c->store;
    call_header(c, mem, "content-type", cstr_or(put->content_type, "application/octet-stream"));
    if (put->no_store)
        call_header(c, mem, "cache-control", "no-store");
    if (!cstr_empty(s->sse))
        call_header(c, mem, "x-amz-server-side-encryption", s->sse);
    if (!cstr_empty(s->kms_key))
        call_header(c, mem, "x-amz-server-side-encryption-aws-kms-key-id", s->kms_key);
}

static void put_condition(S3Call *c, const StorePut *put, Arena *mem) {
    const char *etag = cstr_or(put->etag, "");
    if (put->condition == PUT_CREATE)
        call_header(c, mem, "if-none-match", "*");
    else if (put->condition == PUT_REPLACE)
        call_header(c, mem, "if-match",
                    c->store->bare_etags ? cstr_replace(mem, etag, "\"", "") : etag);
}

static void keep_etag(const char **etag, const HttpResponse *r) {
    *etag = cstr_or(http_header_get(&r->headers, "etag"), "");
}

static Err *put_whole(const char **etag, S3Store *s, const StorePut *put, Arena *mem) {
    S3Call c = call_new(s, "PUT", put->key);
    c.body = put->body;
    c.has_body = true;
    put_headers(&c, put, mem);
    put_condition(&c, put, mem);
    HttpResponse r = {0};
    TRY(call_send(&r, &c, mem));
    keep_etag(etag, &r);
    return NULL;
}

static Err *parse_answer(Xml **out, const HttpResponse *r, const char *element, Arena *mem) {
    Str text;
    TRY(http_body_text(&text, r, mem));
    Err *e = xml_parse(out, text, "answer", mem);
    if (!e && !cstr_eq((*out)->name, element))
        e = err_new(E_UNREACHABLE, "the answer is <%s>, not <%s>", (*out)->name, element);
    return e ? err_set_code(e, E_UNREACHABLE) : NULL;
}

static Err *start_multipart(const char **upload_id, S3Store *s, const StorePut *put, Arena *mem) {
    S3Call c = call_new(s, "POST", put->key);
    call_query(&c, "uploads", "");
    put_headers(&c, put, mem);
    c.has_body = true;
    HttpResponse r = {0};
    TRY(call_send(&r, &c, mem));
    Xml *answer = NULL;
    TRY(parse_answer(&answer, &r, "InitiateMultipartUploadResult", mem));
    *upload_id = xml_child_text(answer, "UploadId");
    return NULL;
}

static Err *put_part(const char **etag, S3Store *s, const StorePut *put, const char *upload_id,
                     int number, Arena *mem) {
    int64_t offset = (int64_t)(number - 1) * PART_SIZE, left = put->body.size - offset;
    S3Call c = call_new(s, "PUT", put->key);
    call_query(&c, "partNumber", arena_printf(mem, "%d", number));
    call_query(&c, "uploadId", upload_id);
    c.body = body_slice(&put->body, offset, left < PART_SIZE ? left : PART_SIZE);
    c.has_body = true;
    HttpResponse r = {0};
    TRY(call_send(&r, &c, mem));
    keep_etag(etag, &r);
    return NULL;
}

static Err *put_parts(const char **etag, S3Store *s, const StorePut *put, const char *upload_id,
                      Arena *mem) {
    Buf list;
    buf_init(&list, mem, SIZE_MAX);
    buf_str(&list, "<CompleteMultipartUpload>");
    for (int n = 1; (int64_t)(n - 1) * PART_SIZE < put->body.size; n++) {
        const char *part = "";
        TRY(put_part(&part, s, put, upload_id, n, mem));
        buf_printf(&list, "<Part><PartNumber>%d</PartNumber><ETag>", n);
        xml_escape(&list, part);
        buf_str(&list, "</ETag></Part>");
    }
    buf_str(&list, "</CompleteMultipartUpload>");
    S3Call c = call_new(s, "POST", put->key);
    call_query(&c, "uploadId", upload_id);
    put_condition(&c, put, mem);
    c.body = body_from(buf_view(&list));
    c.has_body = true;
    HttpResponse r = {0};
    TRY(call_send(&r, &c, mem));
    Xml *answer = NULL; // a 200 may still carry an <Error>
    TRY(parse_answer(&answer, &r, "CompleteMultipartUploadResult", mem));
    *etag = xml_child_text(answer, "ETag");
    return NULL;
}

static Err *put_multipart(const char **etag, S3Store *s, const StorePut *put, Arena *mem) {
    const char *upload_id = NULL;
    TRY(start_multipart(&upload_id, s, put, mem));
    Err *e = put_parts(etag, s, put, upload_id, mem);
    if (e) { // parts that stay would be paid for
        S3Call c = call_new(s, "DELETE", put->key);
        call_query(&c, "uploadId", upload_id);
        HttpResponse r = {0};
        err_free(call_send(&r, &c, mem));
    }
    return e;
}

static Err *put_object(const char **etag, S3Store *s, const StorePut *put, Arena *mem) {
    return put->body.size > MULTIPART_FROM ? put_multipart(etag, s, put, mem)
                                           : put_whole(etag, s, put, mem);
}

// Once more without the quotes: a server that compares them refuses every etag it gave out.
static Err *put_bare(Err *refusal, const char **etag, S3Store *s, const StorePut *put, Arena *mem) {
    s->bare_etags = true;
    Err *e = put_object(etag, s, put, mem);
    s->bare_etags = e == NULL;
    err_free(e ? e : refusal);
    return e ? refusal : NULL;
}

static Err *s3_put(const char **etag, Store *base, const StorePut *put, Arena *mem) {
    S3Store *s = (S3Store *)base;
    Err *e = put_object(etag, s, put, mem);
    if (err_code(e) == E_CONFLICT && put->condition == PUT_REPLACE && !s->bare_etags)
        e = put_bare(e, etag, s, put, mem);
    // 501 without a condition is a broken server, not a missing feature.
    if (err_code(e) == E_UNSUPPORTED && put->condition == PUT_ALWAYS)
        return err_set_code(e, E_UNREACHABLE);
    // If-Match on an object that is gone.
    if (err_code(e) == E_NOT_FOUND && put->condition == PUT_REPLACE)
        return err_set_code(e, E_CONFLICT);
    return e;
}

static Err *s3_list(StrList *out, Store *base, const char *prefix, Arena *mem) {
    const char *token = "", *before;
    do {
        before = token;
        S3Call c = call_new((S3Store *)base, "GET", NULL);
        call_query(&c, "list-type", "2");
        call_query(&c, "prefix", prefix);
        if (*token)
            call_query(&c, "continuation-token", token);
        HttpResponse r = {0};
        Xml *answer = NULL;
        TRY(call_send(&r, &c, mem));
        TRY(parse_answer(&answer, &r, "ListBucketResult", mem));
        for (const Xml *x = answer->first; x; x = x->next)
            if (cstr_eq(x->name, "Contents"))
                list_push(out, mem, xml_child_text(x, "Key"));
        bool more = cstr_eq(xml_child_text(answer, "IsTruncated"), "true");
        token = more ? xml_child_text(answer, "NextContinuationToken") : "";
        if ((*token && cstr_eq(token, before)) || out->len > MAX_KEYS)
            return err_new(E_UNREACHABLE, "%s: the listing does not end", c.host);
    } while (*token);
    return NULL;
}

const StoreDriver store_s3 = {
    .schemes = (const char *const[]){"s3", NULL},
    .params = (const char *const[]){"region", "endpoint", "profile", "role", "anonymous",
                                    "use_path_style", "s3ForcePathStyle", "hostname_immutable",
                                    "disable_https", "dualstack", "fips", "ssetype", "kmskeyid",
                                    "request_checksum_calculation",
                                    "response_checksum_validation", "rate_limiter_capacity",
                                    "awssdk", NULL},
    .open = s3_open,
    .get = s3_get,
    .head = s3_head,
    .put = s3_put,
    .list = s3_list,
};
