#include "atlas/base/url.h"
#include "atlas/report.h"

static Value *as_text(const void *arg, Arena *mem) {
    return value_str(mem, url_text(mem, arg));
}
static Value *as_hostname(const void *arg, Arena *mem) {
    return value_str(mem, url_hostname(mem, arg));
}
static Value *as_port(const void *arg, Arena *mem) {
    int port = url_port(arg);
    return value_str(mem, port < 0 ? "" : arena_printf(mem, "%d", port));
}

static Value *user_info(const Url *u, Arena *mem) {
    if (!u->has_user)
        return value_null(mem);
    Value *v = value_struct(mem, "url.Userinfo");
    value_set_str(v, mem, "Username", u->user, M_HIDDEN);
    v->text = arena_printf(mem, "%s%s", u->user, u->has_password ? ":xxxxx" : "");
    return v;
}

// A database URL need not be one by the book ("sqlite://file:x?mode=memory").
static Url *lenient_url(const char *text, Arena *mem) {
    Url *u = NULL;
    AutoErr e = url_parse(&u, text, mem);
    if (!e)
        return u;
    const char *colon = strstr(text, "://"), *mark = strchr(text, '?');
    const char *host = colon ? colon + 3 : text;
    const char *at = memrchr(host, '@', mark && mark > host ? (size_t)(mark - host) : strlen(host));
    u = NEW(mem, Url);
    u->has_user = at != NULL;
    host = at ? at + 1 : host; // what stands before may be a password
    u->scheme = colon ? arena_strndup(mem, text, (size_t)(colon - text)) : "";
    u->raw_query = mark ? mark + 1 : "";
    u->host = mark && mark > host ? arena_strndup(mem, host, (size_t)(mark - host))
                                  : arena_strdup(mem, host);
    u->opaque = u->path = u->raw_path = u->fragment = u->user = u->password = "";
    return u;
}

static const char *query_of(const char *url, Arena *mem) {
    const char *mark = url + strcspn(url, "?#");
    return *mark == '?' ? arena_strndup(mem, mark + 1, strcspn(mark + 1, "#")) : "";
}

Value *report_url(const char *url, const char *schema, Arena *mem) {
    if (cstr_empty(url))
        return value_null(mem);
    Url *u = lenient_url(url, mem);
    Value *v = value_struct(mem, "sqlclient.URL");
    v->text = url_redact(mem, url);
    value_set_str(v, mem, "Scheme", u->scheme, 0);
    value_set_str(v, mem, "Opaque", u->opaque, 0);
    value_set(v, mem, "User", user_info(u, mem), 0);
    value_set_str(v, mem, "Host", u->host, 0);
    value_set_str(v, mem, "Path", u->path, 0);
    value_set_str(v, mem, "RawPath", u->raw_path, 0);
    value_set_bool(v, mem, "OmitHost", false, 0);
    value_set_bool(v, mem, "ForceQuery", u->force_query, 0);
    value_set_str(v, mem, "RawQuery", query_of(v->text, mem), 0); // without its secrets
    value_set_str(v, mem, "Fragment", u->fragment, 0);
    value_set_str(v, mem, "RawFragment", "", 0);
    value_set_str(v, mem, "Schema", schema, 0);
    value_set_str(v, mem, "Redacted", v->text, M_HIDDEN);
    value_set_bool(v, mem, "IsAbs", *u->scheme != 0, M_HIDDEN);
    value_set_lazy(v, mem, "String", as_text, u, M_HIDDEN);
    value_set_lazy(v, mem, "Hostname", as_hostname, u, M_HIDDEN);
    value_set_lazy(v, mem, "Port", as_port, u, M_HIDDEN);
    return v;
}

void report_env(Value *map, const ReportEnv *env, Arena *mem) {
    value_set_str(map, mem, "Driver", env->driver, M_OMIT_EMPTY);
    value_set(map, mem, "URL", env->url ? env->url : value_null(mem), M_OMIT_EMPTY);
    value_set_str(map, mem, "Dir", env->dir ? url_redact(mem, env->dir) : "", M_OMIT_EMPTY);
}
