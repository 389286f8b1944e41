// Which account, and where it answers: URL parameters, else the connection string, else variables.
#include "../credentials/common.h"
#include "azure.h"

typedef struct Place {
    const char *domain, *protocol;
    bool cdn, emulator, from_url;
} Place;

static bool is_azure(const char *name) {
    static const char *const suffixes[] = {".blob.core.windows.net", ".blob.core.usgovcloudapi.net",
                                           ".blob.core.chinacloudapi.cn",
                                           ".blob.storage.azure.net"};
    for (size_t i = 0; i < COUNT_OF(suffixes); i++)
        if (cstr_ends(name, suffixes[i]))
            return true;
    return false;
}

// The parameter, else the variable, both in the words of store_param_bool.
static Err *read_bool(bool *out, const Url *url, const Host *host, const char *param,
                      const char *variable, Arena *mem) {
    Url environment = {0};
    if (*host_env(host, variable))
        list_push(&environment.params, mem, (UrlParam){variable, host_env(host, variable)});
    TRY(store_param_bool(out, &environment, variable, false));
    return store_param_bool(out, url, param, *out);
}

static Err *read_place(Place *out, const Url *url, const Host *host, Arena *mem) {
    TRY(read_bool(&out->cdn, url, host, "cdn", "AZURE_STORAGE_IS_CDN", mem));
    TRY(read_bool(&out->emulator, url, host, "localemu", "AZURE_STORAGE_IS_LOCAL_EMULATOR", mem));
    const char *domain = url_param(url, "domain");
    out->from_url = !cstr_empty(domain);
    out->domain = cstr_or(domain, host_env(host, "AZURE_STORAGE_DOMAIN"));
    out->protocol = cstr_or(url_param(url, "protocol"), host_env(host, "AZURE_STORAGE_PROTOCOL"));
    if (!*out->domain)
        out->domain = out->emulator ? "127.0.0.1:10000" : "blob.core.windows.net";
    return NULL;
}

// Letters, digits and hyphens: the account becomes part of a host name.
static Err *check_account(const char *account) {
    if (!*account)
        return err_hint(err_new(E_INVALID, "the storage account is not known"),
                        "add ?storage_account=NAME to the URL, or set AZURE_STORAGE_ACCOUNT or "
                        "AZURE_STORAGE_CONNECTION_STRING");
    for (const char *p = account; *p; p++)
        if (!((*p >= 'a' && *p <= 'z') || (*p >= '0' && *p <= '9') || *p == '-'))
            return err_new(E_INVALID,
                           "the storage account \"%s\" is not a name of lower-case "
                           "letters and digits",
                           account);
    return NULL;
}

static Err *set_endpoint(AzureStore *s, const char *text, const Place *p, bool trusted,
                         Arena *mem) {
    Url *u = NULL;
    TRY(url_parse(&u, text, mem));
    const char *name = cstr_lower(mem, url_hostname(mem, u));
    bool known = cstr_eq(u->scheme, "https") || cstr_eq(u->scheme, "http");
    if (!known || !*name || u->has_user || *u->raw_query || *u->fragment)
        return err_hint(err_new(E_INVALID, "the endpoint of the storage account is not an http or "
                                           "https URL of a host"),
                        "check protocol, domain and BlobEndpoint");
    if (cstr_eq(u->scheme, "http") && !p->emulator && !url_is_loopback(name))
        return err_hint(
            err_new(E_INVALID, "plain http to %s: it is for loopback and emulators only", u->host),
            "use protocol=https, or localemu=true for an emulator");
    s->scheme = u->scheme;
    s->host = u->host;
    s->base_path = cstr_eq(u->path, "/") ? "" : u->path;
    s->trusted =
        trusted || url_is_loopback(name) || (is_azure(name) && cstr_eq(u->scheme, "https"));
    return NULL;
}

static bool is_path_style(const char *domain, Arena *mem) {
    Url *u = NULL;
    AutoErr e = url_parse(&u, arena_printf(mem, "http://%s", domain), mem);
    return !e && store_host_is_local(url_hostname(mem, u));
}

// The rules of gocloud's azblob URLs.
static const char *build_endpoint(const AzureStore *s, const Place *p, Arena *mem) {
    const char *scheme = cstr_or(p->protocol, p->emulator ? "http" : "https");
    if (p->emulator || (!p->cdn && is_path_style(p->domain, mem)))
        return arena_printf(mem, "%s://%s/%s", scheme, p->domain, s->account);
    if (p->cdn)
        return arena_printf(mem, "%s://%s", scheme, p->domain);
    return arena_printf(mem, "%s://%s.%s", scheme, s->account, p->domain);
}

Err *azure_locate(AzureStore *s, const Url *url, const Host *host, Arena *mem) {
    AzureConnection cs = {0};
    Place p = {0};
    TRY(azure_connection(&cs, host, mem));
    TRY(read_place(&p, url, host, mem));
    const char *named = cstr_or(url_param(url, "storage_account"), cs.account);
    s->account = cstr_or(named, host_env(host, "AZURE_STORAGE_ACCOUNT"));
    if (*s->account || !p.cdn)
        TRY(check_account(s->account));
    if (cs.set && cstr_eq(cs.account, s->account) && !p.from_url && !url_param(url, "cdn")) {
        const char *mark = strstr(cs.endpoint, "://"), *protocol = url_param(url, "protocol");
        bool other = mark && !cstr_empty(protocol);
        return set_endpoint(s, other ? arena_printf(mem, "%s%s", protocol, mark) : cs.endpoint, &p,
                            true, mem);
    }
    bool from_environment = cstr_eq(p.domain, host_env(host, "AZURE_STORAGE_DOMAIN"));
    return set_endpoint(s, build_endpoint(s, &p, mem), &p, from_environment, mem);
}
