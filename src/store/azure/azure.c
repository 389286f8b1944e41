// azblob://: Azure Blob Storage, by its REST API.
#include "azure.h"

enum { MIN_MAX = 64 << 10, MAX_KEYS = 1 << 20 };

static void free_failure(void *arg) {
    err_free(((AzureStore *)arg)->renew_failed);
}

static Err *azure_open(Store **out, const Url *url, Loop *loop, Arena *mem) {
    AzureStore *s = NEW(mem, AzureStore);
    *out = &s->base;
    s->container = url->host;
    s->base.prefix = url->path;
    s->base.conditions = CONDITIONS_OBEYED;
    arena_on_free(mem, free_failure, s);
    if (!*s->container)
        return err_hint(err_new(E_INVALID, "the container is missing"),
                        "write azblob://container/prefix");
    return azure_locate(s, url, loop_host(loop), mem);
}

static void read_object_headers(StoreObject *out, const HttpResponse *r, Arena *mem) {
    const char *md5 = http_header_get(&r->headers, "content-md5");
    const char *modified = http_header_get(&r->headers, "last-modified");
    const char *length = http_header_get(&r->headers, "content-length");
    uint64_t n;
    Str raw;
    out->etag = cstr_or(http_header_get(&r->headers, "etag"), "");
    if (md5 && base64_decode(&raw, md5, mem) && raw.len == MD5_SIZE)
        out->md5 = hex_encode(mem, raw.ptr, raw.len);
    if (modified)
        time_parse_http(modified, &out->modified);
    if (length && cstr_to_u64(length, INT64_MAX, &n))
        out->size = (int64_t)n;
}

static Err *azure_get(StoreObject *out, Store *base, const char *key, int64_t max, Arena *mem) {
    AzureCall c = azure_call((AzureStore *)base, "GET", key);
    c.max = max < MIN_MAX ? MIN_MAX : max; // an error's text may be longer than the object
    azure_header(&c, mem, "accept-encoding", "identity");
    HttpResponse r = {0};
    TRY(azure_send(&r, &c, mem));
    if (r.body.size > max)
        return err_new(E_TOO_LARGE, "the object has %lld bytes, over the limit of %lld",
                       (long long)r.body.size, (long long)max);
    read_object_headers(out, &r, mem);
    out->body = r.body;
    out->size = r.body.size;
    return NULL;
}

static Err *azure_head(StoreObject *out, Store *base, const char *key, Arena *mem) {
    AzureCall c = azure_call((AzureStore *)base, "HEAD", key);
    HttpResponse r = {0};
    TRY(azure_send(&r, &c, mem));
    read_object_headers(out, &r, mem);
    return NULL;
}

static Err *parse_listing(Xml **out, const HttpResponse *r, Arena *mem) {
    Str text;
    TRY(http_body_text(&text, r, mem));
    Err *e = xml_parse(out, text, "answer", mem);
    if (!e && !cstr_eq((*out)->name, "EnumerationResults"))
        e = err_new(E_UNREACHABLE, "the answer is <%s>, not <EnumerationResults>", (*out)->name);
    return e ? err_set_code(e, E_UNREACHABLE) : NULL;
}

// Accounts with a hierarchical namespace list directories too.
static bool is_directory(const Xml *blob) {
    const Xml *p = xml_child(blob, "Properties");
    return p && cstr_eq(xml_child_text(p, "ResourceType"), "directory");
}

static Err *azure_list(StrList *out, Store *base, const char *prefix, Arena *mem) {
    const char *marker = "", *before;
    do {
        before = marker;
        AzureCall c = azure_call((AzureStore *)base, "GET", NULL);
        azure_query(&c, "restype", "container");
        azure_query(&c, "comp", "list");
        if (*prefix)
            azure_query(&c, "prefix", prefix);
        if (*marker)
            azure_query(&c, "marker", marker);
        HttpResponse r = {0};
        Xml *answer = NULL;
        TRY(azure_send(&r, &c, mem));
        TRY(parse_listing(&answer, &r, mem));
        const Xml *blobs = xml_child(answer, "Blobs");
        for (const Xml *x = blobs ? blobs->first : NULL; x; x = x->next)
            if (cstr_eq(x->name, "Blob") && !is_directory(x))
                list_push(out, mem, xml_child_text(x, "Name"));
        marker = xml_child_text(answer, "NextMarker");
        if ((*marker && cstr_eq(marker, before)) || out->len > MAX_KEYS)
            return err_new(E_UNREACHABLE, "%s: the listing does not end",
                           ((const AzureStore *)base)->host);
    } while (*marker);
    return NULL;
}

const StoreDriver store_azure = {
    .schemes = (const char *const[]){"azblob", "azureblob", NULL},
    .params =
        (const char *const[]){"storage_account", "domain", "protocol", "cdn", "localemu", NULL},
    .open = azure_open,
    .get = azure_get,
    .head = azure_head,
    .put = azure_put,
    .list = azure_list,
};
