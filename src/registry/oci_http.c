// Requests to an OCI registry: authorisation, places on other hosts, pages, and what errors mean.
#include "oci.h"

enum { MAX_ERROR = 64 << 10, MAX_PAGES = 10000, MAX_LIST = 16 << 20 };

// --- places -------------------------------------------------------------------------------------

char *oci_origin(Arena *mem, const Url *u) {
    const char *host = cstr_lower(mem, u->host);
    const char *port = cstr_eq(u->scheme, "https") ? ":443" : ":80";
    size_t len = strlen(host) - (cstr_ends(host, port) ? strlen(port) : 0);
    return arena_printf(mem, "%s://%.*s", u->scheme, (int)len, host);
}

char *oci_url(Arena *mem, const OciTarget *t, const char *repo, const char *folder,
              const char *name) {
    return arena_printf(mem, "%s/v2/%s/%s/%s", t->origin, repo, folder, name);
}

static const char *host_of(const char *url, Arena *mem) {
    Url *u = NULL;
    AutoErr e = url_parse(&u, url, mem);
    return e ? "?" : u->host;
}

static bool is_home(const OciTarget *t, const char *url, Arena *mem) {
    Url *u = NULL;
    AutoErr e = url_parse(&u, url, mem);
    return !e && !u->has_user && cstr_eq(oci_origin(mem, u), t->origin);
}

Err *oci_location(const char **out, const OciTarget *t, const HttpResponse *r, Arena *mem) {
    const char *to = http_header_get(&r->headers, "location");
    Url *u = NULL;
    if (cstr_empty(to))
        return err_new(E_UNREACHABLE, "%s accepts an upload but does not say where it goes",
                       t->origin);
    if (*to == '/' && to[1] != '/')
        to = arena_printf(mem, "%s%s", t->origin, to);
    TRY(url_parse(&u, to, mem));
    bool plain = cstr_eq(u->scheme, "http") && cstr_starts(t->origin, "http://") &&
                 url_is_loopback(url_hostname(mem, u));
    if (u->has_user || !(plain || cstr_eq(u->scheme, "https")))
        return err_new(E_UNREACHABLE, "%s wants an upload to go to %s, which is not followed",
                       t->origin, url_redact_stars(mem, to));
    *out = to;
    return NULL;
}

// --- sending ------------------------------------------------------------------------------------

static const char *scope_of(const OciCall *c, Arena *mem) {
    return c->repo ? arena_printf(mem, "repository:%s:%s", c->repo, c->writes ? "pull,push" : "pull")
                   : "registry:catalog:*";
}

static Err *send_once(HttpResponse *out, OciTarget *t, const OciCall *c, const char *authorization,
                      Arena *mem) {
    int64_t max = c->max ? c->max : REF_MAX;
    HttpRequest req = {.method = c->method,
                       .url = c->url,
                       .body = c->body,
                       .has_body = c->has_body,
                       .once = c->once,
                       .budget = t->base.shared ? NULL : &t->budget,
                       .body_max = max < MAX_ERROR ? MAX_ERROR : max};
    for (size_t i = 0; i < c->headers.len; i++)
        list_push(&req.headers, mem, c->headers.items[i]);
    if (authorization)
        http_header(&req, mem, "authorization", authorization);
    return http_do(out, t->base.loop, &req, mem);
}

Err *oci_send(HttpResponse *out, OciTarget *t, const OciCall *c, Arena *mem) {
    bool home = is_home(t, c->url, mem);
    HttpBudget *budget = t->base.shared ? NULL : &t->budget;
    const char *scope = scope_of(c, mem);
    for (int tries = 1;; tries++) {
        const char *authorization = NULL;
        if (home)
            TRY(oci_auth_header(&authorization, t->auth, scope, budget, mem));
        TRY(send_once(out, t, c, authorization, mem));
        // First without, then with a token, then with a renewed one.
        bool refused = out->status == 401 && home && tries < 3;
        if (!refused || !oci_auth_again(t->auth, scope, authorization, &out->headers))
            return NULL;
    }
}

Err *oci_call(HttpResponse *out, OciTarget *t, const OciCall *c, Arena *mem) {
    TRY(oci_send(out, t, c, mem));
    return out->status >= 200 && out->status < 300 ? NULL : oci_error(c, out, t, mem);
}

// --- errors -------------------------------------------------------------------------------------

typedef struct OciError {
    const char *code, *message; // "" where the answer is not an OCI registry's
} OciError;

// {"errors": [{"code": ..., "message": ...}]}
static OciError parse_error(const HttpResponse *r, Arena *mem) {
    OciError e = {"", ""};
    Value *root = NULL;
    if (r->body.fd >= 0 || !r->body.size || r->body.size > MAX_ERROR)
        return e;
    AutoErr bad = json_parse(&root, r->body.data, NULL, mem);
    const Value *first = bad ? NULL : value_at(value_get(root, "errors"), 0);
    if (first)
        e = (OciError){value_get_text(first, "code"), value_get_text(first, "message")};
    return e;
}

static const struct {
    const char *name;
    ErrCode code;
} error_codes[] = {
    {"MANIFEST_UNKNOWN", E_NOT_FOUND}, {"NAME_UNKNOWN", E_NOT_FOUND},
    {"BLOB_UNKNOWN", E_NOT_FOUND},     {"UNAUTHORIZED", E_UNAUTHORIZED},
    {"DENIED", E_DENIED},              {"TOOMANYREQUESTS", E_UNREACHABLE},
    {"UNSUPPORTED", E_UNSUPPORTED},    {"DIGEST_INVALID", E_DAMAGED},
    {"SIZE_INVALID", E_DAMAGED},       {"BLOB_UPLOAD_UNKNOWN", E_UNREACHABLE},
    {"BLOB_UPLOAD_INVALID", E_UNREACHABLE},
};

static ErrCode status_code(const OciCall *c, const HttpResponse *r, const OciError *e) {
    bool head = cstr_eq(c->method, "HEAD");
    switch (r->status) {
    case 401:
        return E_UNAUTHORIZED;
    case 403:
        return E_DENIED;
    case 404: // without an error of the protocol it is somebody else's page
        if (!c->repo)
            return E_UNSUPPORTED;
        return *e->code || head ? E_NOT_FOUND : E_UNREACHABLE;
    case 405:
    case 501:
        return E_UNSUPPORTED;
    case 408:
    case 416:
    case 425:
    case 429:
        return E_UNREACHABLE;
    default:
        return r->status >= 400 && r->status < 500 ? E_INVALID : E_UNREACHABLE;
    }
}

static ErrCode error_code(const OciCall *c, const HttpResponse *r, const OciError *e) {
    for (size_t i = 0; r->status >= 400 && r->status < 500 && i < COUNT_OF(error_codes); i++)
        if (cstr_eq(e->code, error_codes[i].name))
            return error_codes[i].code;
    return status_code(c, r, e);
}

Err *oci_error(const OciCall *c, const HttpResponse *r, const OciTarget *t, Arena *mem) {
    OciError o = parse_error(r, mem);
    ErrCode code = error_code(c, r, &o);
    Url *u = NULL;
    AutoErr bad = url_parse(&u, c->url, mem);
    const char *where = bad ? "?" : arena_printf(mem, "%s%s", u->host, u->path);
    Err *e = *o.code ? err_new(code, "%s %s: HTTP %d %s: %s", c->method, where, r->status,
                               log_redact(mem, o.code), log_redact(mem, o.message))
                     : err_new(code, "%s %s: %s", c->method, where, http_status_text(r, mem));
    if (code == E_UNAUTHORIZED || code == E_DENIED)
        return err_hint(err_wrap(e, "%s", oci_auth_story(t->auth, mem)),
                        "give credentials in the URL (oci://USER:TOKEN@HOST/PATH), in the docker "
                        "config file's auths, or in ATLAS_OCI_USERNAME and ATLAS_OCI_PASSWORD");
    if (code == E_UNREACHABLE && r->status == 404)
        return err_hint(e, "is %s an OCI registry?", host_of(t->origin, mem));
    return e;
}

// --- lists --------------------------------------------------------------------------------------

// The next page from 'Link: </v2/...?last=x&n=1000>; rel="next"', or NULL. Only here: a list never
// goes on elsewhere.
static Err *next_page(const char **out, const OciTarget *t, const HttpResponse *r, Arena *mem) {
    const char *link = http_header_get(&r->headers, "link");
    const char *from = link ? strchr(link, '<') : NULL, *to = from ? strchr(from, '>') : NULL;
    *out = NULL;
    if (!to || !strstr(to, "next"))
        return NULL;
    const char *url = arena_strndup(mem, from + 1, (size_t)(to - from - 1));
    if (*url == '/' && url[1] != '/')
        url = arena_printf(mem, "%s%s", t->origin, url);
    if (!is_home(t, url, mem))
        return err_new(E_UNREACHABLE, "a list of %s goes on at another host", t->origin);
    *out = url;
    return NULL;
}

static Err *add_page(StrList *out, const HttpResponse *r, const char *url, const char *member,
                     Arena *mem) {
    Str text;
    Value *v = NULL;
    TRY(http_body_text(&text, r, mem));
    Err *e = json_parse(&v, text, url, mem);
    if (e)
        return err_set_code(e, E_UNREACHABLE);
    const Value *items = value_get(v, member);
    for (size_t i = 0; i < value_len(items); i++)
        if (*value_text(value_at(items, i)))
            list_push(out, mem, value_text(value_at(items, i)));
    return NULL;
}

Err *oci_list(StrList *out, OciTarget *t, const char *path, const char *repo, const char *member,
              Arena *mem) {
    const char *url = arena_printf(mem, "%s%s", t->origin, path);
    for (int page = 0; url; page++) {
        HttpResponse r;
        const char *next;
        OciCall c = {.method = "GET", .url = url, .repo = repo, .max = MAX_LIST};
        if (page == MAX_PAGES)
            return err_new(E_UNREACHABLE, "a list of %s has more than %d pages", t->origin, page);
        TRY(oci_call(&r, t, &c, mem));
        TRY(add_page(out, &r, url, member, mem));
        TRY(next_page(&next, t, &r, mem));
        if (next && cstr_eq(next, url))
            return err_new(E_UNREACHABLE, "a list of %s does not end", t->origin);
        url = next;
    }
    return NULL;
}
