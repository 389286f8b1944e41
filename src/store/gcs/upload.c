// Uploads: small objects in one request, larger ones in a session that survives broken requests.
// Either way the server is told the MD5 before it keeps the object, and its answer is compared.
#include "atlas/crypt.h"
#include "gcs.h"

enum {
    INLINE_MAX = 8 << 20,  // kept in memory together with the description
    WHOLE_MAX = 64 << 20,  // larger bodies go up in chunks
    CHUNK_SIZE = 16 << 20, // a multiple of 256 KiB, as the protocol wants
    MAX_STALLS = 5,        // failures in a row without a byte kept
    MAX_SESSIONS = 2,      // a server may forget one
    PAUSE_MS = 200,
    MAX_PAUSE_S = 30,
};

// --- what is sent -------------------------------------------------------------------------------

Err *gcs_md5(Str *out, const Body *body, Arena *mem) {
    char *bytes = arena_alloc(mem, MD5_SIZE);
    TRY(body_md5((unsigned char *)bytes, body));
    *out = str_slice(bytes, MD5_SIZE);
    return NULL;
}

static const char *content_type(const StorePut *put) {
    return cstr_or(put->content_type, "application/octet-stream");
}

static const char *description(const StorePut *put, Str md5, Arena *mem) {
    Value *v = value_map(mem);
    value_set_str(v, mem, "contentType", content_type(put), 0);
    value_set_str(v, mem, "md5Hash", base64_encode(mem, md5.ptr, md5.len), 0);
    if (put->no_store)
        value_set_str(v, mem, "cacheControl", "no-store", 0);
    return json_text(mem, v, JSON_PLAIN);
}

static Err *upload_url(const char **out, const GcsStore *s, const StorePut *put, const char *type,
                       Arena *mem) {
    uint64_t generation = 0;
    const char *url = arena_printf(mem, "%s/upload/storage/v1/b/%s/o?uploadType=%s&name=%s",
                                   s->endpoint, url_encode(mem, s->bucket, false), type,
                                   url_encode(mem, put->key, false));
    // 0 would mean "only if absent".
    if (put->condition == PUT_REPLACE &&
        (!cstr_to_u64(cstr_or(put->etag, ""), INT64_MAX, &generation) || generation == 0))
        return err_new(E_CONFLICT, "\"%s\" is not the generation of an object",
                       cstr_or(put->etag, ""));
    *out = put->condition == PUT_ALWAYS
               ? url
               : arena_printf(mem, "%s&ifGenerationMatch=%llu", url,
                              (unsigned long long)generation);
    return NULL;
}

static Err *check_kept(const char **etag, const HttpResponse *r, const StorePut *put, Str md5,
                       Arena *mem) {
    StoreObject kept = {0};
    TRY(gcs_read_object(&kept, r, mem));
    const char *sent = hex_encode(mem, md5.ptr, md5.len);
    if (kept.size != put->body.size)
        return err_new(E_DAMAGED, "the store kept %lld of %lld bytes", (long long)kept.size,
                       (long long)put->body.size);
    if (kept.md5 && !cstr_eq(kept.md5, sent))
        return err_new(E_DAMAGED, "the store kept other bytes than were sent: MD5 %s, not %s",
                       kept.md5, sent);
    *etag = kept.etag;
    return NULL;
}

// --- in one request -----------------------------------------------------------------------------

static Err *put_inline(HttpResponse *r, GcsStore *s, const StorePut *put, Str md5, Arena *mem) {
    const char *url = NULL, *mark = host_uuid(s->base.host, mem);
    Str content = {0};
    Buf b;
    TRY(upload_url(&url, s, put, "multipart", mem));
    TRY(body_bytes(&content, &put->body, mem));
    buf_init(&b, mem, SIZE_MAX);
    buf_printf(&b, "--%s\r\nContent-Type: application/json; charset=UTF-8\r\n\r\n%s\r\n", mark,
               description(put, md5, mem));
    buf_printf(&b, "--%s\r\nContent-Type: %s\r\n\r\n", mark, content_type(put));
    buf_add(&b, content.ptr, content.len);
    buf_printf(&b, "\r\n--%s--\r\n", mark);
    GcsCall c = gcs_call_new(s, "POST", url);
    c.missing = E_NO_STORE;
    c.body = body_from(buf_view(&b));
    c.has_body = true;
    gcs_call_header(&c, mem, "content-type",
                    arena_printf(mem, "multipart/related; boundary=%s", mark));
    return gcs_call(r, &c, mem);
}

// --- in a session -------------------------------------------------------------------------------

typedef struct Session {
    GcsStore *store;
    const Body *body;
    const char *url; // whoever knows it may write: masked
    int64_t offset;  // what the server has kept
    int stalls;
} Session;

// The session's URL on our own endpoint, wherever the server believes to be: neither token nor
// content follows a Location to another host.
static Err *session_url(const char **out, const GcsStore *s, const char *location, Arena *mem) {
    const char *mark = location ? strstr(location, "://") : NULL;
    const char *path = mark ? strchr(mark + 3, '/') : location;
    Url *u = NULL;
    if (!path || *path != '/')
        return err_new(E_UNREACHABLE, "the answer names no place to upload to");
    *out = cstr_starts(location, arena_printf(mem, "%s/", s->endpoint))
               ? location
               : arena_printf(mem, "%s%s", s->endpoint, path);
    TRY(url_parse(&u, *out, mem));
    if (!cstr_empty(url_param(u, "upload_id")))
        log_mask(url_param(u, "upload_id"));
    return NULL;
}

static Err *start_session(Session *u, const StorePut *put, Str md5, Arena *mem) {
    const char *url = NULL;
    TRY(upload_url(&url, u->store, put, "resumable", mem));
    GcsCall c = gcs_call_new(u->store, "POST", url);
    c.missing = E_NO_STORE;
    c.body = body_from(str_from(description(put, md5, mem)));
    c.has_body = true;
    gcs_call_header(&c, mem, "content-type", "application/json; charset=UTF-8");
    gcs_call_header(&c, mem, "x-upload-content-type", content_type(put));
    gcs_call_header(&c, mem, "x-upload-content-length",
                    arena_printf(mem, "%lld", (long long)put->body.size));
    HttpResponse r = {0};
    TRY(gcs_call(&r, &c, mem));
    return session_url(&u->url, u->store, http_header_get(&r.headers, "location"), mem);
}

static GcsCall session_call(const Session *u) {
    GcsCall c = gcs_call_new(u->store, "PUT", u->url);
    c.has_body = true;
    c.missing = E_UNREACHABLE; // the session is gone, not the bucket
    return c;
}

static Err *ask_range(HttpResponse *r, const Session *u, Arena *mem) {
    GcsCall c = session_call(u);
    gcs_call_header(&c, mem, "content-range",
                    arena_printf(mem, "bytes */%lld", (long long)u->body->size));
    return gcs_send(r, &c, mem);
}

static Err *send_chunk(HttpResponse *r, const Session *u, Arena *mem) {
    int64_t size = u->body->size - u->offset;
    if (u->body->size > WHOLE_MAX && size > CHUNK_SIZE)
        size = CHUNK_SIZE;
    if (size == 0)
        return ask_range(r, u, mem);
    GcsCall c = session_call(u);
    c.once = true; // part of it may have been kept
    c.body = body_slice(u->body, u->offset, size);
    gcs_call_header(&c, mem, "content-range",
                    arena_printf(mem, "bytes %lld-%lld/%lld", (long long)u->offset,
                                 (long long)(u->offset + size - 1), (long long)u->body->size));
    return gcs_send(r, &c, mem);
}

static bool is_broken(const Err *e, const HttpResponse *r) {
    return e ? err_code(e) == E_UNREACHABLE
             : store_status_code(r->status) == E_UNREACHABLE && r->status >= 400;
}

// Waits before the session is asked; NULL: go on. Takes over `e`.
static Err *pause_session(Session *u, Err *e, const HttpResponse *r, Arena *mem) {
    Loop *loop = u->store->base.loop;
    HttpBudget *budget = store_budget(&u->store->base);
    const char *after = e ? NULL : http_header_get(&r->headers, "retry-after");
    uint64_t seconds = 0;
    int64_t wait = (int64_t)host_random_below(u->store->base.host, (uint32_t)PAUSE_MS
                                                                       << u->stalls) + 1;
    if (after && cstr_to_u64(after, MAX_PAUSE_S, &seconds))
        wait = (int64_t)seconds * 1000;
    bool spent = budget && budget->used_ms + wait >= budget->limit_ms;
    GcsCall c = session_call(u);
    Err *why = e ? e : gcs_error(&c, r, mem);
    if (++u->stalls > MAX_STALLS || spent)
        return why;
    log_debug("%s: %s; asking what arrived in %lld ms", u->store->base.url, err_text(why),
              (long long)wait);
    err_free(why);
    loop_sleep(loop, wait);
    if (budget)
        budget->used_ms += wait;
    return NULL;
}

// Of a 308: "Range: bytes=0-1234" is what was kept; without it nothing was.
static Err *advance(Session *u, const HttpResponse *r) {
    const char *range = http_header_get(&r->headers, "range");
    uint64_t last = 0;
    int64_t offset = 0;
    if (range) {
        if (!cstr_starts(range, "bytes=0-") ||
            !cstr_to_u64(range + 8, (uint64_t)u->body->size - 1, &last))
            return err_new(E_UNREACHABLE, "the answer tells a wrong range: \"%s\"", range);
        offset = (int64_t)last + 1;
    }
    u->stalls = offset > u->offset ? 0 : u->stalls + 1;
    u->offset = offset;
    return u->stalls > MAX_STALLS ? err_new(E_UNREACHABLE, "the upload does not get on") : NULL;
}

static Err *send_all(HttpResponse *r, Session *u, Arena *mem) {
    for (;;) {
        Err *e = send_chunk(r, u, mem);
        if (is_broken(e, r)) {
            TRY(pause_session(u, e, r, mem));
            e = ask_range(r, u, mem);
        }
        TRY(e);
        if (r->status >= 200 && r->status < 300)
            return NULL;
        GcsCall c = session_call(u);
        if (r->status != 308)
            return gcs_error(&c, r, mem);
        TRY(advance(u, r));
    }
}

static Err *put_session(HttpResponse *r, GcsStore *s, const StorePut *put, Str md5, Arena *mem) {
    for (int n = 1;; n++) {
        Session u = {.store = s, .body = &put->body};
        TRY(start_session(&u, put, md5, mem));
        Err *e = send_all(r, &u, mem);
        bool gone = e && (r->status == 404 || r->status == 410);
        if (!gone || n == MAX_SESSIONS)
            return e;
        log_debug("%s: the upload's session is gone; starting another", s->base.url);
        err_free(e);
    }
}

Err *gcs_put(const char **etag, Store *base, const StorePut *put, Arena *mem) {
    GcsStore *s = (GcsStore *)base;
    Str md5 = {0};
    HttpResponse r = {0};
    TRY(gcs_md5(&md5, &put->body, mem));
    Err *e = put->body.size > INLINE_MAX ? put_session(&r, s, put, md5, mem)
                                         : put_inline(&r, s, put, md5, mem);
    // 501 without a condition is a broken server, not a missing feature.
    if (err_code(e) == E_UNSUPPORTED && put->condition == PUT_ALWAYS)
        return err_set_code(e, E_UNREACHABLE);
    TRY(e);
    return check_kept(etag, &r, put, md5, mem);
}
