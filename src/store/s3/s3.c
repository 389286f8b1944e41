// s3://: Amazon S3 and what speaks its protocol. Signed by crypt/, sent by http/.
#include "s3.h"

enum { MAX_KEYS = 1 << 20 };

// --- reading ------------------------------------------------------------------------------------

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
    // Of an object in parts it is a checksum of checksums: "...-3", which is no base64.
    if (sha && base64_decode(&raw, sha, mem) && raw.len == SHA256_SIZE)
        out->sha256 = hex_encode(mem, raw.ptr, raw.len);
    if (modified)
        time_parse_http(modified, &out->modified);
    if (length && cstr_to_u64(length, INT64_MAX, &n))
        out->size = (int64_t)n;
}

static Err *check_body(const StoreObject *o) {
    AutoArena tmp = arena_new(NULL);
    const char *is = NULL;
    if (!o->sha256)
        return NULL;
    TRY(s3_hash(&is, &o->body, tmp));
    return cstr_eq(is, o->sha256)
               ? NULL
               : err_new(E_DAMAGED, "the body does not match its x-amz-checksum-sha256");
}

static Err *s3_get(StoreObject *out, Store *base, const char *key, int64_t max, Arena *mem) {
    S3Store *s = (S3Store *)base;
    S3Call c = s3_call(s, "GET", key);
    // An error's text may be longer than the object.
    c.max = max < S3_MAX_ERROR ? S3_MAX_ERROR : max;
    s3_header(&c, mem, "accept-encoding", "identity");
    if (s->check_answers)
        s3_header(&c, mem, "x-amz-checksum-mode", "ENABLED");
    HttpResponse r = {0};
    TRY(s3_send(&r, &c, mem));
    if (r.body.size > max)
        return err_new(E_TOO_LARGE, "the object has %lld bytes, over the limit of %lld",
                       (long long)r.body.size, (long long)max);
    read_object_headers(out, &r, mem);
    out->body = r.body;
    out->size = r.body.size;
    return s->check_answers ? check_body(out) : NULL;
}

Err *s3_head(StoreObject *out, Store *base, const char *key, Arena *mem) {
    S3Store *s = (S3Store *)base;
    S3Call c = s3_call(s, "HEAD", key);
    if (s->check_answers)
        s3_header(&c, mem, "x-amz-checksum-mode", "ENABLED");
    HttpResponse r = {0};
    TRY(s3_send(&r, &c, mem));
    read_object_headers(out, &r, mem);
    return NULL;
}

// --- writing ------------------------------------------------------------------------------------

void s3_put_headers(S3Call *c, const StorePut *put, Arena *mem) {
    const S3Store *s = c->store;
    s3_header(c, mem, "content-type", cstr_or(put->content_type, "application/octet-stream"));
    if (put->no_store)
        s3_header(c, mem, "cache-control", "no-store");
    if (!cstr_empty(s->sse))
        s3_header(c, mem, "x-amz-server-side-encryption", s->sse);
    if (!cstr_empty(s->kms_key))
        s3_header(c, mem, "x-amz-server-side-encryption-aws-kms-key-id", s->kms_key);
}

void s3_put_condition(S3Call *c, const StorePut *put, Arena *mem) {
    const char *etag = cstr_or(put->etag, "");
    if (put->condition == PUT_CREATE)
        s3_header(c, mem, "if-none-match", "*");
    else if (put->condition == PUT_REPLACE)
        s3_header(c, mem, "if-match",
                  c->store->bare_etags ? cstr_replace(mem, etag, "\"", "") : etag);
}

static Err *put_whole(const char **etag, S3Store *s, const StorePut *put, Arena *mem) {
    S3Call c = s3_call(s, "PUT", put->key);
    const char *checksum = NULL;
    c.body = put->body;
    c.has_body = true;
    s3_put_headers(&c, put, mem);
    s3_put_condition(&c, put, mem);
    TRY(s3_checksum(&checksum, &c, mem));
    HttpResponse r = {0};
    TRY(s3_send(&r, &c, mem));
    *etag = cstr_or(http_header_get(&r.headers, "etag"), "");
    return NULL;
}

// Once more without the quotes: a server that compares them refuses every etag it gave out.
static Err *put_bare(Err *refusal, const char **etag, S3Store *s, const StorePut *put, Arena *mem) {
    s->bare_etags = true;
    Err *e = put_whole(etag, s, put, mem);
    s->bare_etags = e == NULL;
    err_free(e ? e : refusal);
    return e ? refusal : NULL;
}

static Err *put_object(const char **etag, S3Store *s, const StorePut *put, Arena *mem) {
    if (put->body.size > S3_MULTIPART_FROM)
        return s3_put_multipart(etag, s, put, mem);
    Err *e = put_whole(etag, s, put, mem);
    if (err_code(e) == E_CONFLICT && put->condition == PUT_REPLACE && !s->bare_etags)
        e = put_bare(e, etag, s, put, mem);
    return e;
}

static Err *s3_put(const char **etag, Store *base, const StorePut *put, Arena *mem) {
    S3Store *s = (S3Store *)base;
    Err *e = put_object(etag, s, put, mem);
    // 501 without a condition is a broken server, not a missing feature.
    if (err_code(e) == E_UNSUPPORTED && put->condition == PUT_ALWAYS)
        return err_set_code(e, E_UNREACHABLE);
    // If-Match on an object that is gone.
    if (err_code(e) == E_NOT_FOUND && put->condition == PUT_REPLACE)
        return err_set_code(e, E_CONFLICT);
    return e;
}

// --- listing ------------------------------------------------------------------------------------

static Err *list_page(const Xml **out, S3Store *s, const char *prefix, const char *token,
                      Arena *mem) {
    S3Call c = s3_call(s, "GET", NULL);
    s3_query(&c, "list-type", "2");
    s3_query(&c, "prefix", prefix);
    if (*token)
        s3_query(&c, "continuation-token", token);
    HttpResponse r = {0};
    Xml *answer = NULL;
    Err *e = s3_send(&r, &c, mem);
    if (err_code(e) == E_DENIED)
        return err_wrap(e, "listing is not allowed");
    TRY(e);
    TRY(s3_answer(&answer, &r, "ListBucketResult", mem));
    *out = answer;
    return NULL;
}

static Err *s3_list(StrList *out, Store *base, const char *prefix, Arena *mem) {
    const char *token = "", *before;
    do {
        before = token;
        const Xml *answer = NULL;
        TRY(list_page(&answer, (S3Store *)base, prefix, token, mem));
        for (const Xml *x = answer->first; x; x = x->next)
            if (cstr_eq(x->name, "Contents"))
                list_push(out, mem, xml_child_text(x, "Key"));
        bool more = cstr_eq(xml_child_text(answer, "IsTruncated"), "true");
        token = more ? xml_child_text(answer, "NextContinuationToken") : "";
        if ((*token && cstr_eq(token, before)) || out->len > MAX_KEYS)
            return err_new(E_UNREACHABLE, "the listing does not end");
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
