// Blobs: up in one request, or in parts if large; down with their digest checked.
#include "oci.h"

enum { MONOLITHIC = 64 << 20, CHUNK = 16 << 20, UPLOAD_TRIES = 3 };

static Err *is_there(bool *out, OciTarget *t, const char *repo, const char *digest, int64_t size,
                     Arena *mem) {
    HttpResponse r;
    uint64_t length;
    OciCall c = {.method = "HEAD", .url = oci_url(mem, t, repo, "blobs", digest), .repo = repo};
    TRY(oci_send(&r, t, &c, mem));
    *out = false;
    if (r.status == 404 || r.status == 403) // what may be written need not be readable
        return NULL;
    if (r.status != 200)
        return oci_error(&c, &r, t, mem);
    const char *text = http_header_get(&r.headers, "content-length");
    *out = !text || (cstr_to_u64(text, INT64_MAX, &length) && (int64_t)length == size);
    return NULL;
}

// The upload's place, and the least size of a part that the registry takes.
static Err *begin(const char **at, int64_t *least, OciTarget *t, const char *repo, Arena *mem) {
    HttpResponse r;
    uint64_t n;
    OciCall c = {.method = "POST",
                 .url = arena_printf(mem, "%s/v2/%s/blobs/uploads/", t->origin, repo),
                 .repo = repo,
                 .writes = true,
                 .body = body_from(str_from("")),
                 .has_body = true};
    TRY(oci_call(&r, t, &c, mem));
    const char *text = http_header_get(&r.headers, "oci-chunk-min-length");
    *least = text && cstr_to_u64(text, INT32_MAX, &n) ? (int64_t)n : 0;
    return oci_location(at, t, &r, mem);
}

// A part is never repeated by itself: how much of it arrived is not known.
static OciCall part_call(const char *method, const char *url, const char *repo, const Body *body,
                         Arena *mem) {
    OciCall c = {.method = method, .url = url, .repo = repo, .writes = true, .once = true,
                 .body = *body, .has_body = true};
    list_push(&c.headers, mem, (HttpHeader){"content-type", "application/octet-stream"});
    return c;
}

static Err *send_parts(const char **at, OciTarget *t, const char *repo, const Body *body,
                       int64_t chunk, Arena *mem) {
    for (int64_t done = 0; done < body->size;) {
        HttpResponse r;
        int64_t size = body->size - done < chunk ? body->size - done : chunk;
        Body part = body_slice(body, done, size);
        OciCall c = part_call("PATCH", *at, repo, &part, mem);
        const char *range = arena_printf(mem, "%lld-%lld", (long long)done,
                                         (long long)(done + size - 1));
        list_push(&c.headers, mem, (HttpHeader){"content-range", range});
        TRY(oci_call(&r, t, &c, mem));
        TRY(oci_location(at, t, &r, mem));
        done += size;
    }
    return NULL;
}

static Err *upload(OciTarget *t, const char *repo, const Body *body, const char *digest, Arena *mem) {
    HttpResponse r;
    const char *at = NULL;
    int64_t least = 0;
    Body rest = *body;
    TRY(begin(&at, &least, t, repo, mem));
    if (body->size > MONOLITHIC) {
        TRY(send_parts(&at, t, repo, body, least > CHUNK ? least : CHUNK, mem));
        rest = body_from(str_from(""));
    }
    const char *url = arena_printf(mem, "%s%cdigest=%s", at, strchr(at, '?') ? '&' : '?',
                                   url_encode(mem, digest, false));
    OciCall c = part_call("PUT", url, repo, &rest, mem);
    return oci_call(&r, t, &c, mem);
}

Err *oci_put_blob(OciTarget *t, const char *repo, const Body *body, const char *digest, Arena *mem) {
    bool there = false;
    TRY(is_there(&there, t, repo, digest, body->size, mem));
    for (int n = 1; !there; n++) {
        Err *e = upload(t, repo, body, digest, mem);
        bool again = err_code(e) == E_UNREACHABLE || err_code(e) == E_DAMAGED;
        if (!again || n == UPLOAD_TRIES)
            return e;
        log_debug("%s: %s; the upload begins anew", t->base.url, err_text(e));
        err_free(e);
        loop_sleep(t->base.loop, host_random_below(loop_host(t->base.loop), 500u << n));
    }
    return NULL;
}

Err *oci_get_blob(Body *out, OciTarget *t, const char *repo, const char *digest, int64_t size,
                  int64_t max, Arena *mem) {
    HttpResponse r;
    if (!digest_is_well_formed(digest))
        return err_new(E_INVALID, "\"%s\" is not a digest", digest);
    OciCall c = {.method = "GET", .url = oci_url(mem, t, repo, "blobs", digest), .repo = repo,
                 .max = max};
    list_push(&c.headers, mem, (HttpHeader){"accept-encoding", "identity"});
    TRY(oci_call(&r, t, &c, mem));
    *out = r.body;
    return body_verify(out, size, digest, mem);
}
