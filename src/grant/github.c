// GitHub's cache service, spoken directly: grant-cache.md section 3.
#include "atlas/crypt.h"
#include "atlas/pack.h"
#include "internal.h"

enum { MAX_INFLATED = 1 << 20, MAX_ENTRIES = 64, MAX_BUNDLE = 1 << 20 };

#define PREFIX "atlas-grant-Linux-"
#define TWIRP "twirp/github.actions.results.api.v1.CacheService/"
#define V1_ACCEPT "application/json;api-version=6.0-preview.1"

static bool is_github_com(const Host *host, Arena *mem) {
    Url *u = NULL;
    const char *server = host_env(host, "GITHUB_SERVER_URL");
    AutoErr e = *server ? url_parse(&u, server, mem) : NULL;
    if (e || !u)
        return !*server;
    const char *name = cstr_lower(mem, url_hostname(mem, u));
    return cstr_eq(name, "github.com") || cstr_ends(name, ".ghe.com");
}

// Version 2 where it is offered; Enterprise Server and local runners speak version 1.
static bool is_v2(const Host *host, Arena *mem) {
    return *host_env(host, "ACTIONS_RESULTS_URL") && is_github_com(host, mem);
}

bool github_is_there(const Host *host) {
    return *host_env(host, "ACTIONS_RUNTIME_TOKEN") &&
           (*host_env(host, "ACTIONS_RESULTS_URL") || *host_env(host, "ACTIONS_CACHE_URL"));
}

// ACTIONS_CACHE_MODE as the official client takes it: three words restrict, anything else does not.
typedef enum CacheUse { CACHE_READ, CACHE_WRITE } CacheUse;

static bool may(const Host *host, CacheUse use, Arena *mem) {
    const char *mode = cstr_lower(mem, cstr_trim(mem, host_env(host, "ACTIONS_CACHE_MODE")));
    return !cstr_eq(mode, "none") && !cstr_eq(mode, use == CACHE_READ ? "write-only" : "read");
}

// What tells archives of other paths or compressions apart, as the official client computes it. That
// client compresses with zstd where the machine has it: its entries of such machines are not ours.
static char *version_of(Arena *mem) { return sha256_hex(mem, str_from(".atlas|gzip|1.0")); }

static char *below(const char *base, const char *path, Arena *mem) {
    return arena_printf(mem, "%s%s%s", base, cstr_ends(base, "/") ? "" : "/", path);
}

static char *v1_url(const Host *host, const char *path, Arena *mem) {
    const char *base = cstr_or(host_env(host, "ACTIONS_CACHE_URL"), host_env(host, "ACTIONS_RESULTS_URL"));
    return below(base, arena_printf(mem, "_apis/artifactcache/%s", path), mem);
}

// --- requests -----------------------------------------------------------------------------------

// With the runner's token, which goes nowhere else. Answers other than 2xx are errors; 429 is not asked
// again.
static Err *call(HttpResponse *out, const GrantCache *c, HttpRequest *req, bool authorized,
                 Arena *mem) {
    const char *token = host_env(c->host, "ACTIONS_RUNTIME_TOKEN");
    req->attempts = 2;
    req->no_redirect = true;
    req->body_max = MAX_BUNDLE;
    log_mask(token);
    if (authorized)
        http_header(req, mem, "Authorization", arena_printf(mem, "Bearer %s", token));
    TRY(http_do(out, c->loop, req, mem));
    if (out->status >= 200 && out->status < 300)
        return NULL;
    return err_new(out->status == 409 ? E_EXISTS : E_UNREACHABLE, "the cache service answers %s",
                   http_status_text(out, mem));
}

static Err *json_of(Value **out, const HttpResponse *r, Arena *mem) {
    Str text;
    TRY(http_body_text(&text, r, mem));
    Err *e = json_parse(out, text, "cache service", mem);
    return e ? err_set_code(e, E_UNREACHABLE) : NULL;
}

static Err *twirp(Value **out, const GrantCache *c, const char *method, Value *input, Arena *mem) {
    HttpResponse r = {0};
    HttpRequest req = {.method = "POST",
                       .url = below(host_env(c->host, "ACTIONS_RESULTS_URL"),
                                    arena_printf(mem, TWIRP "%s", method), mem),
                       .body = body_from(str_from(json_text(mem, input, JSON_PLAIN))),
                       .has_body = true};
    http_header(&req, mem, "Content-Type", "application/json");
    TRY(call(&r, c, &req, true, mem));
    return json_of(out, &r, mem);
}

// Members come in snake_case or lowerCamelCase.
static const char *member(const Value *v, const char *snake, const char *camel) {
    const char *text = value_get_text(v, snake);
    return *text ? text : value_get_text(v, camel);
}

// A signed URL is a secret of its own; it gets no token.
static Err *check_signed(const char *url, Arena *mem) {
    Url *u = NULL;
    TRY(url_parse(&u, url, mem));
    log_mask(u->raw_query);
    bool local = url_is_loopback(url_hostname(mem, u));
    return cstr_eq(u->scheme, "https") || (cstr_eq(u->scheme, "http") && local)
               ? NULL
               : err_new(E_DENIED, "the cache service names an URL that is not https");
}

// --- reading ------------------------------------------------------------------------------------

static Err *locate_v2(const char **url, const GrantCache *c, Arena *mem) {
    Value *in = value_map(mem), *keys = value_list(mem), *answer = NULL;
    value_set_str(in, mem, "key", PREFIX "newest", 0);
    value_push(keys, mem, value_str(mem, PREFIX));
    value_set(in, mem, "restore_keys", keys, 0);
    value_set_str(in, mem, "version", version_of(mem), 0);
    TRY(twirp(&answer, c, "GetCacheEntryDownloadURL", in, mem));
    *url = member(answer, "signed_download_url", "signedDownloadUrl");
    if (!value_get_bool(answer, "ok") || !**url)
        return err_new(E_NOT_FOUND, "the cache has no grant");
    return NULL;
}

static Err *locate_v1(const char **url, const GrantCache *c, Arena *mem) {
    HttpResponse r = {0};
    Value *answer = NULL;
    HttpRequest req = {.method = "GET",
                       .url = v1_url(c->host, arena_printf(mem, "cache?keys=%s,%s&version=%s",
                                                           PREFIX "newest", PREFIX, version_of(mem)),
                                     mem)};
    http_header(&req, mem, "Accept", V1_ACCEPT);
    TRY(call(&r, c, &req, true, mem));
    if (r.status == 204)
        return err_new(E_NOT_FOUND, "the cache has no grant");
    TRY(json_of(&answer, &r, mem));
    *url = value_get_text(answer, "archiveLocation");
    return **url ? NULL : err_new(E_UNREACHABLE, "the cache service names no archive");
}

static Err *take_file(Str *out, Str bundle, const char *name, Arena *mem) {
    PackEntries entries = {0};
    const char *wanted = arena_printf(mem, ".atlas/grants/%s", name);
    TRY(pack_read_bundle(&entries, bundle, MAX_INFLATED, MAX_ENTRIES, mem));
    for (size_t i = 0; i < entries.len; i++) {
        const char *at = entries.items[i].name;
        if (cstr_starts(at, "./"))
            at += 2;
        if (cstr_eq(at, wanted) && entries.items[i].content.len <= GRANT_MAX_FILE) {
            *out = entries.items[i].content;
            return NULL;
        }
    }
    return err_new(E_NOT_FOUND, "the cached archive holds no grant of this token");
}

Err *github_read(Str *out, const GrantCache *c, const char *name, Arena *mem) {
    const char *url = "";
    HttpResponse r = {0};
    Str bundle;
    if (!may(c->host, CACHE_READ, mem))
        return err_new(E_DENIED, "ACTIONS_CACHE_MODE does not let this job read");
    TRY(is_v2(c->host, mem) ? locate_v2(&url, c, mem) : locate_v1(&url, c, mem));
    TRY(check_signed(url, mem));
    HttpRequest req = {.method = "GET", .url = url};
    TRY(call(&r, c, &req, false, mem));
    TRY(http_body_text(&bundle, &r, mem));
    return take_file(out, bundle, name, mem);
}

// --- writing ------------------------------------------------------------------------------------

// True when somebody has that key already: a key is never overwritten, and names its content.
static bool exists_already(const Value *answer) {
    return !value_get_bool(answer, "ok") &&
           strstr(value_get_text(answer, "message"), "already exists") != NULL;
}

static Err *write_v2(const GrantCache *c, const char *key, Str bundle, Arena *mem) {
    Value *in = value_map(mem), *answer = NULL;
    HttpResponse r = {0};
    value_set_str(in, mem, "key", key, 0);
    value_set_str(in, mem, "version", version_of(mem), 0);
    Err *e = twirp(&answer, c, "CreateCacheEntry", in, mem);
    if (err_code(e) == E_EXISTS) {
        err_free(e);
        return NULL;
    }
    TRY(e);
    if (exists_already(answer))
        return NULL;
    const char *url = member(answer, "signed_upload_url", "signedUploadUrl");
    if (!value_get_bool(answer, "ok") || !*url)
        return err_new(E_UNREACHABLE, "the cache service takes no entry: %s",
                       value_get_text(answer, "message"));
    TRY(check_signed(url, mem));
    HttpRequest put = {.method = "PUT", .url = url, .body = body_from(bundle), .has_body = true};
    http_header(&put, mem, "x-ms-blob-type", "BlockBlob");
    http_header(&put, mem, "Content-Type", "application/octet-stream");
    TRY(call(&r, c, &put, false, mem));
    value_set_str(in, mem, "size_bytes", arena_printf(mem, "%zu", bundle.len), 0);
    TRY(twirp(&answer, c, "FinalizeCacheEntryUpload", in, mem));
    return value_get_bool(answer, "ok") ? NULL
                                        : err_new(E_UNREACHABLE, "the cache service did not take the "
                                                  "entry: %s", value_get_text(answer, "message"));
}

static Err *post_v1(HttpResponse *r, const GrantCache *c, const char *path, const Value *input,
                    Arena *mem) {
    HttpRequest req = {.method = "POST",
                       .url = v1_url(c->host, path, mem),
                       .body = body_from(str_from(json_text(mem, input, JSON_PLAIN))),
                       .has_body = true};
    http_header(&req, mem, "Accept", V1_ACCEPT);
    http_header(&req, mem, "Content-Type", "application/json");
    return call(r, c, &req, true, mem);
}

static Err *write_v1(const GrantCache *c, const char *key, Str bundle, Arena *mem) {
    Value *in = value_map(mem), *answer = NULL, *size = value_map(mem);
    HttpResponse r = {0};
    value_set_str(in, mem, "key", key, 0);
    value_set_str(in, mem, "version", version_of(mem), 0);
    value_set_int(in, mem, "cacheSize", (int64_t)bundle.len, 0);
    Err *e = post_v1(&r, c, "caches", in, mem);
    if (err_code(e) == E_EXISTS) {
        err_free(e);
        return NULL;
    }
    TRY(e);
    TRY(json_of(&answer, &r, mem));
    const char *entry = arena_printf(mem, "caches/%lld", (long long)value_get_int(answer, "cacheId"));
    HttpRequest patch = {.method = "PATCH", .url = v1_url(c->host, entry, mem),
                         .body = body_from(bundle), .has_body = true};
    http_header(&patch, mem, "Accept", V1_ACCEPT);
    http_header(&patch, mem, "Content-Type", "application/octet-stream");
    http_header(&patch, mem, "Content-Range", arena_printf(mem, "bytes 0-%zu/*", bundle.len - 1));
    TRY(call(&r, c, &patch, true, mem));
    value_set_int(size, mem, "size", (int64_t)bundle.len, 0);
    return post_v1(&r, c, entry, size, mem);
}

Err *github_write(const GrantCache *c, const char *name, Str text, Time iat, Arena *mem) {
    PackEntries entries = {0};
    Str bundle;
    if (!may(c->host, CACHE_WRITE, mem))
        return NULL;
    const char *key = arena_printf(mem, PREFIX "%lld-%.8s", (long long)iat.sec, sha256_hex(mem, text));
    list_push(&entries, mem, ((PackEntry){arena_printf(mem, ".atlas/grants/%s", name), text}));
    TRY(pack_write_bundle(&bundle, &entries, mem));
    return is_v2(c->host, mem) ? write_v2(c, key, bundle, mem) : write_v1(c, key, bundle, mem);
}
