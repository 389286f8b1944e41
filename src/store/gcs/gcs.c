// gs://: Google Cloud Storage by its JSON API. The etag of an object is its generation.
#include "atlas/crypt.h"
#include "gcs.h"

enum { MAX_KEYS = 1 << 20, MAX_READS = 3 };

// --- where --------------------------------------------------------------------------------------

static Err *set_endpoint(GcsStore *s, const char *text, const char *scheme, Arena *mem) {
    Url *u = NULL;
    if (!strstr(text, "://"))
        text = arena_printf(mem, "%s://%s", scheme, text);
    TRY(url_parse(&u, text, mem));
    if ((!cstr_eq(u->scheme, "http") && !cstr_eq(u->scheme, "https")) || !*u->host || u->has_user)
        return err_new(E_INVALID, "the endpoint \"%s\" is not an http or https URL",
                       url_redact_stars(mem, text));
    size_t len = strlen(u->path);
    while (len && u->path[len - 1] == '/')
        len--;
    s->endpoint = arena_printf(mem, "%s://%s%.*s", u->scheme, u->host, (int)len, u->path);
    return NULL;
}

static Err *find_endpoint(GcsStore *s, const Url *url, const Host *host, Arena *mem) {
    const char *given = url_param(url, "endpoint");
    const char *emulator = host_env(host, "STORAGE_EMULATOR_HOST");
    if (!cstr_empty(given))
        return set_endpoint(s, given, "https", mem);
    if (*emulator)
        return set_endpoint(s, emulator, "http", mem);
    return set_endpoint(s, arena_printf(mem, "storage.%s", s->universe), "https", mem);
}

static Err *gcs_open(Store **out, const Url *url, Loop *loop, Arena *mem) {
    GcsStore *s = NEW(mem, GcsStore);
    *out = &s->base;
    s->bucket = url->host;
    s->base.prefix = url->path;
    if (!*s->bucket)
        return err_hint(err_new(E_INVALID, "the bucket is missing"), "write gs://bucket/prefix");
    s->universe = cstr_or(url_param(url, "universe_domain"), "googleapis.com");
    GcpParams params = {.access_id = url_param(url, "access_id"),
                        .key_path = url_param(url, "private_key_path"),
                        .universe = s->universe};
    TRY(store_param_bool(&params.anonymous, url, "anonymous", false));
    s->credentials = gcp_credentials_new(&params, loop, mem);
    return find_endpoint(s, url, loop_host(loop), mem);
}

// --- reading ------------------------------------------------------------------------------------

static Err *gcs_head(StoreObject *out, Store *base, const char *key, Arena *mem) {
    GcsStore *s = (GcsStore *)base;
    GcsCall c = gcs_call_new(s, "GET", gcs_url(s, key, mem));
    HttpResponse r = {0};
    TRY(gcs_call(&r, &c, mem));
    return gcs_read_object(out, &r, mem);
}

// "crc32c=AAAAAA==,md5=...", in one header or several.
static void read_hashes(StoreObject *out, const HttpHeaders *headers, Arena *mem) {
    for (size_t i = 0; i < headers->len; i++) {
        if (!cstr_eq(headers->items[i].name, "x-goog-hash"))
            continue;
        StrList parts = cstr_split(mem, headers->items[i].value, ',');
        for (size_t k = 0; k < parts.len; k++) {
            const char *part = cstr_trim(mem, parts.items[k]);
            Str md5;
            if (cstr_starts(part, "md5=") && base64_decode(&md5, part + 4, mem) &&
                md5.len == MD5_SIZE)
                out->md5 = hex_encode(mem, md5.ptr, md5.len);
        }
    }
}

static void read_headers(StoreObject *out, const HttpResponse *r, Arena *mem) {
    const char *modified = http_header_get(&r->headers, "last-modified");
    out->etag = cstr_or(http_header_get(&r->headers, "x-goog-generation"), "");
    out->body = r->body;
    out->size = r->body.size;
    read_hashes(out, &r->headers, mem);
    if (modified)
        time_parse_http(modified, &out->modified);
}

static Err *read_media(StoreObject *out, GcsStore *s, const char *key, int64_t max, Arena *mem) {
    GcsCall c = gcs_call_new(s, "GET", arena_printf(mem, "%s?alt=media", gcs_url(s, key, mem)));
    c.max = max;
    gcs_call_header(&c, mem, "accept-encoding", "identity");
    HttpResponse r = {0};
    TRY(gcs_call(&r, &c, mem));
    if (r.body.size > max)
        return err_new(E_TOO_LARGE, "the object has %lld bytes, over the limit of %lld",
                       (long long)r.body.size, (long long)max);
    read_headers(out, &r, mem);
    return NULL;
}

// Whether the metadata speaks of these very bytes.
static Err *describes(bool *out, const StoreObject *meta, const Body *body, Arena *mem) {
    Str md5 = {0};
    *out = meta->size == body->size;
    if (!*out || !meta->md5)
        return NULL;
    TRY(gcs_md5(&md5, body, mem));
    *out = cstr_eq(meta->md5, hex_encode(mem, md5.ptr, md5.len));
    return NULL;
}

// A server that leaves out the generation is asked for it; another writer may come in between.
static Err *gcs_get(StoreObject *out, Store *base, const char *key, int64_t max, Arena *mem) {
    for (int n = 0; n < MAX_READS; n++) {
        bool same = false;
        StoreObject meta = {.body = {.fd = -1}};
        TRY(read_media(out, (GcsStore *)base, key, max, mem));
        if (*out->etag)
            return NULL;
        TRY(gcs_head(&meta, base, key, mem));
        TRY(describes(&same, &meta, &out->body, mem));
        if (same) {
            meta.body = out->body;
            *out = meta;
            return NULL;
        }
    }
    return err_new(E_UNREACHABLE, "the object does not match its own description");
}

static const char *list_url(const GcsStore *s, const char *prefix, const char *token, Arena *mem) {
    const char *url =
        arena_printf(mem, "%s?prettyPrint=false&fields=items(name)%%2CnextPageToken&prefix=%s",
                     gcs_url(s, NULL, mem), url_encode(mem, prefix, false));
    return *token ? arena_printf(mem, "%s&pageToken=%s", url, url_encode(mem, token, false)) : url;
}

static Err *gcs_list(StrList *out, Store *base, const char *prefix, Arena *mem) {
    GcsStore *s = (GcsStore *)base;
    const char *token = "", *before;
    do {
        before = token;
        GcsCall c = gcs_call_new(s, "GET", list_url(s, prefix, token, mem));
        c.missing = E_NO_STORE;
        HttpResponse r = {0};
        Value *answer = NULL;
        TRY(gcs_call(&r, &c, mem));
        TRY(gcs_answer(&answer, &r, mem));
        const Value *items = value_get(answer, "items");
        for (size_t i = 0; i < value_len(items); i++)
            list_push(out, mem, value_get_text(value_at(items, i), "name"));
        token = value_get_text(answer, "nextPageToken");
        if ((*token && cstr_eq(token, before)) || out->len > MAX_KEYS)
            return err_new(E_UNREACHABLE, "the listing does not end");
    } while (*token);
    return NULL;
}

const StoreDriver store_gcs = {
    .schemes = (const char *const[]){"gs", NULL},
    .params = (const char *const[]){"access_id", "private_key_path", "anonymous",
                                    "universe_domain", "endpoint", NULL},
    .open = gcs_open,
    .get = gcs_get,
    .head = gcs_head,
    .put = gcs_put,
    .list = gcs_list,
};
