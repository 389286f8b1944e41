#include "driver.h"

static const StoreDriver *find_driver(const char *scheme) {
    for (size_t i = 0; store_drivers[i]; i++)
        for (size_t k = 0; store_drivers[i]->schemes[k]; k++)
            if (cstr_eq(store_drivers[i]->schemes[k], scheme))
                return store_drivers[i];
    return NULL;
}

static const char *scheme_of(const char *url, Arena *mem) {
    const char *mark = strstr(url, "://");
    return mark ? cstr_lower(mem, arena_strndup(mem, url, (size_t)(mark - url))) : "";
}

static char *known_schemes(Arena *mem) {
    StrList names = {0};
    for (size_t i = 0; store_drivers[i]; i++)
        list_push(&names, mem, arena_printf(mem, "%s://", store_drivers[i]->schemes[0]));
    return cstr_join(mem, &names, ", ");
}

static bool takes_param(const StoreDriver *d, const char *key) {
    if (cstr_eq(key, "prefix"))
        return true;
    for (size_t i = 0; d->params[i]; i++)
        if (cstr_eq(d->params[i], key))
            return true;
    return false;
}

static Err *check_params(const StoreDriver *d, const Url *u) {
    for (size_t i = 0; i < u->params.len; i++) {
        const char *key = u->params.items[i].key;
        if (takes_param(d, key))
            continue;
        size_t count = 0;
        while (d->params[count])
            count++;
        const char *near = cstr_nearest(key, d->params, count);
        Err *e = err_new(E_INVALID, "unknown query parameter \"%s\" of a %s:// URL", key,
                         d->schemes[0]);
        return near ? err_hint(e, "did you mean \"%s\"?", near) : e;
    }
    return NULL;
}

// "a/b/" from a path or parameter; segments "." and ".." are refused.
static Err *clean_prefix(const char **out, const char *text, Arena *mem) {
    StrList parts = cstr_split(mem, text, '/'), kept = {0};
    for (size_t i = 0; i < parts.len; i++) {
        if (cstr_eq(parts.items[i], ".") || cstr_eq(parts.items[i], ".."))
            return err_new(E_INVALID, "a prefix cannot hold \"%s\"", parts.items[i]);
        if (*parts.items[i])
            list_push(&kept, mem, parts.items[i]);
    }
    *out = kept.len ? arena_printf(mem, "%s/", cstr_join(mem, &kept, "/")) : "";
    return NULL;
}

Err *store_open(Store **out, const char *text, Loop *loop, Arena *mem) {
    const char *scheme = scheme_of(text, mem);
    const StoreDriver *d = find_driver(scheme);
    if (cstr_empty(scheme))
        return err_hint(err_new(E_INVALID, "the URL of a store has no scheme"), "use one of %s",
                        known_schemes(mem));
    if (!d)
        return err_hint(err_new(E_UNSUPPORTED, "this version has no store for %s:// URLs", scheme),
                        "use one of %s", known_schemes(mem));
    Url *u = NULL;
    TRY(url_parse(&u, text, mem));
    TRY(check_params(d, u));
    TRY(d->open(out, u, loop, mem));
    Store *s = *out;
    const char *extra = url_param(u, "prefix");
    TRY(clean_prefix(&s->prefix,
                     arena_printf(mem, "%s/%s", cstr_or(s->prefix, ""), cstr_or(extra, "")), mem));
    s->driver = d;
    s->loop = loop;
    s->host = loop_host(loop);
    s->mem = mem;
    s->url = url_redact_stars(mem, text);
    s->budget = http_budget(loop);
    return NULL;
}

Err *store_prepare(Store *s) { return s->driver->prepare ? s->driver->prepare(s) : NULL; }

const char *store_url(const Store *s) { return s->url; }
StoreConditions store_conditions(const Store *s) { return s->conditions; }

static const char *full_key(const Store *s, const char *key, Arena *mem) {
    if (!*key || *key == '/' || strstr(key, "//") || strstr(key, "/../") ||
        cstr_starts(key, "../"))
        BUG("bad key \"%s\"", key);
    return arena_printf(mem, "%s%s", s->prefix, key);
}

static Err *wrapped(Err *e, const char *key) { return e ? err_wrap(e, "%s", key) : NULL; }

Err *store_get(StoreObject *out, Store *s, const char *key, int64_t max, Arena *mem) {
    *out = (StoreObject){.body = {.fd = -1}, .etag = ""};
    return wrapped(s->driver->get(out, s, full_key(s, key, mem), max, mem), key);
}

Err *store_head(StoreObject *out, Store *s, const char *key, Arena *mem) {
    *out = (StoreObject){.body = {.fd = -1}, .etag = ""};
    return wrapped(s->driver->head(out, s, full_key(s, key, mem), mem), key);
}

Err *store_put(const char **etag, Store *s, const StorePut *put, Arena *mem) {
    const char *unused;
    StorePut full = *put;
    full.key = full_key(s, put->key, mem);
    if (s->conditions == CONDITIONS_MISSING && put->condition != PUT_ALWAYS)
        return wrapped(err_new(E_UNSUPPORTED, "the store has no conditional writes"), put->key);
    Err *e = s->driver->put(etag ? etag : &unused, s, &full, mem);
    if (err_code(e) == E_UNSUPPORTED)
        s->conditions = CONDITIONS_MISSING;
    return wrapped(e, put->key);
}

Err *store_probe(Store *s, const StorePut *put, Arena *mem) {
    if (s->conditions != CONDITIONS_UNKNOWN)
        return NULL;
    StorePut create = *put;
    create.condition = PUT_CREATE;
    Err *e = store_put(NULL, s, &create, mem);
    if (err_code(e) == E_CONFLICT)
        s->conditions = CONDITIONS_OBEYED;
    else if (!e)
        s->conditions = CONDITIONS_MISSING;
    if (s->conditions == CONDITIONS_UNKNOWN)
        return e;
    err_free(e);
    return NULL;
}

Err *store_list(StrList *out, Store *s, const char *prefix, Arena *mem) {
    StrList full = {0};
    *out = (StrList){0};
    const char *under = arena_printf(mem, "%s%s", s->prefix, prefix);
    Err *e = s->driver->list(&full, s, under, mem);
    if (e)
        return err_wrap(e, "listing %s", prefix);
    for (size_t i = 0; i < full.len; i++)
        if (cstr_starts(full.items[i], under)) // a server may answer anything
            list_push(out, mem, full.items[i] + strlen(s->prefix));
    strlist_sort(out);
    return NULL;
}

HttpBudget *store_budget(Store *s) { return s->shared ? NULL : &s->budget; }

void store_share(Store *s) { s->shared = true; }

ErrCode store_status_code(int status) {
    switch (status) {
    case 401:
        return E_UNAUTHORIZED;
    case 403:
        return E_DENIED;
    case 404:
        return E_NOT_FOUND;
    case 412:
        return E_CONFLICT;
    case 501:
        return E_UNSUPPORTED;
    default:
        return status >= 400 && status < 500 && status != 408 && status != 425 && status != 429
                   ? E_INVALID
                   : E_UNREACHABLE;
    }
}

bool store_host_is_local(const char *hostname) {
    bool numeric = *hostname && strspn(hostname, "0123456789.") == strlen(hostname);
    return numeric || strchr(hostname, ':') || cstr_eq(hostname, "localhost");
}

Err *store_param_bool(bool *out, const Url *url, const char *name, bool fallback) {
    const char *text = url_param(url, name);
    static const char *const yes[] = {"", "true", "1", "yes"}, *const no[] = {"false", "0", "no"};
    *out = fallback;
    if (!text)
        return NULL;
    for (size_t i = 0; i < COUNT_OF(yes); i++)
        if (cstr_eq(text, yes[i])) {
            *out = true;
            return NULL;
        }
    for (size_t i = 0; i < COUNT_OF(no); i++)
        if (cstr_eq(text, no[i])) {
            *out = false;
            return NULL;
        }
    return err_new(E_INVALID, "parameter \"%s\" is \"%s\", neither true nor false", name, text);
}
