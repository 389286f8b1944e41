#include "azure.h"

#include "common.h"

enum { MAX_TOKEN_FILE = 64 << 10 };

#define STORAGE "https://storage.azure.com"

typedef struct Chain {
    Loop *loop;
    const Host *host;
    const char *account;
    Tried tried;
    Arena *mem;
} Chain;

static const char *env(const Chain *c, const char *name) {
    return host_env(c->host, name);
}

// --- connection strings -------------------------------------------------------------------------

// Azurite's documented account, which UseDevelopmentStorage stands for.
static const AzureConnection development = {
    .set = true,
    .account = "devstoreaccount1",
    .key = "Eby8vdM02xNOcqFlqUwJPLlmEtlCDXJ1OUzFT50uSRZ6IFsuFq2UVErCz4I6tq/"
           "K1SZFPTOtr/KBHBeksoGMGw==",
    .sas = "",
    .endpoint = "http://127.0.0.1:10000/devstoreaccount1",
};

static Err *split_pairs(Map *out, const char *text, const char *variable, Arena *mem) {
    StrList parts = cstr_split(mem, text, ';');
    for (size_t i = 0; i < parts.len; i++) {
        const char *part = cstr_trim(mem, parts.items[i]), *equals = strchr(part, '=');
        if (!*part)
            continue;
        if (!equals || equals == part)
            return err_hint(err_new(E_INVALID, "%s: part %zu is not NAME=VALUE", variable, i + 1),
                            "copy the connection string anew from the storage account's access "
                            "keys");
        const char *name = cstr_lower(mem, arena_strndup(mem, part, (size_t)(equals - part)));
        map_set(out, name, arena_strdup(mem, equals + 1));
    }
    return NULL;
}

static const char *pair(const Map *pairs, const char *name) {
    return cstr_or(map_get(pairs, name), "");
}

// A SAS as portals show it may start with "?". Both spellings of its signature are secrets.
static const char *clean_sas(const char *sas, Arena *mem) {
    sas = cstr_trim(mem, sas);
    sas += *sas == '?';
    StrList parts = cstr_split(mem, sas, '&');
    for (size_t i = 0; i < parts.len; i++)
        if (cstr_starts(parts.items[i], "sig=")) {
            const char *raw = parts.items[i] + 4;
            log_mask(raw);
            log_mask(url_decode(mem, raw, strlen(raw), false));
        }
    log_mask(sas);
    return sas;
}

// The account of an endpoint: its path, or the first label of its host.
static const char *account_of(const char *endpoint, Arena *mem) {
    Url *u = NULL;
    AutoErr e = url_parse(&u, endpoint, mem);
    if (e)
        return "";
    const char *path = u->path + (*u->path == '/');
    return *path ? arena_strndup(mem, path, strcspn(path, "/"))
                 : arena_strndup(mem, u->host, strcspn(u->host, "."));
}

static const char *without_slash(const char *text, Arena *mem) {
    size_t len = strlen(text);
    while (len && text[len - 1] == '/')
        len--;
    return arena_strndup(mem, text, len);
}

Err *azure_connection(AzureConnection *out, const Host *host, Arena *mem) {
    static const char *const names[] = {"AZURE_STORAGE_CONNECTION_STRING",
                                        "AZURE_STORAGEBLOB_CONNECTIONSTRING"};
    const char *text = "", *variable = "";
    for (size_t i = 0; i < COUNT_OF(names) && !*text; i++)
        text = host_env(host, variable = names[i]);
    *out = (AzureConnection){
        .variable = variable, .account = "", .key = "", .sas = "", .endpoint = ""};
    if (!*text)
        return NULL;
    Map pairs;
    map_init(&pairs, mem);
    TRY(split_pairs(&pairs, text, variable, mem));
    if (cstr_eq(cstr_lower(mem, pair(&pairs, "usedevelopmentstorage")), "true")) {
        *out = development;
        out->variable = variable;
        return NULL;
    }
    out->set = true;
    out->key = pair(&pairs, "accountkey");
    out->sas = clean_sas(pair(&pairs, "sharedaccesssignature"), mem);
    log_mask(out->key);
    out->endpoint = without_slash(pair(&pairs, "blobendpoint"), mem);
    out->account = cstr_or(pair(&pairs, "accountname"), account_of(out->endpoint, mem));
    if (!*out->account)
        return err_hint(err_new(E_INVALID, "%s has neither AccountName nor BlobEndpoint", variable),
                        "copy the connection string anew from the storage account's access keys");
    if (!*out->endpoint)
        out->endpoint = arena_printf(
            mem, "%s://%s.blob.%s", cstr_or(pair(&pairs, "defaultendpointsprotocol"), "https"),
            out->account, cstr_or(pair(&pairs, "endpointsuffix"), "core.windows.net"));
    return NULL;
}

// --- keys and SAS -------------------------------------------------------------------------------

static Err *take_key(AzureCredentials *out, const char *key, const char *variable, Arena *mem) {
    log_mask(key);
    if (!base64_decode(&out->key, cstr_trim(mem, key), mem) || !out->key.len)
        return err_hint(err_new(E_UNAUTHORIZED, "the account key of %s is not base64", variable),
                        "copy the key anew from the storage account's access keys");
    out->kind = AZURE_SHARED_KEY;
    return NULL;
}

static void take_sas(AzureCredentials *out, const char *sas) {
    out->kind = AZURE_SAS;
    out->sas = sas;
}

static Err *from_connection(AzureCredentials *out, Chain *c) {
    AzureConnection cs = {0};
    TRY(azure_connection(&cs, c->host, c->mem));
    if (!cs.set)
        tried(&c->tried, out->source, "AZURE_STORAGE_CONNECTION_STRING is not set");
    else if (!cstr_eq(cs.account, c->account))
        tried(&c->tried, out->source, "is of account %s, not %s", cs.account, c->account);
    else if (*cs.key)
        return take_key(out, cs.key, cs.variable, c->mem);
    else if (*cs.sas)
        take_sas(out, cs.sas);
    else
        tried(&c->tried, out->source, "has neither AccountKey nor SharedAccessSignature");
    return NULL;
}

// The variables without a connection string are of AZURE_STORAGE_ACCOUNT, or, where that is not
// set, of whatever account the URL names.
static bool is_other_account(AzureCredentials *out, Chain *c) {
    const char *of = env(c, "AZURE_STORAGE_ACCOUNT");
    if (!*of || !*c->account || cstr_eq(of, c->account))
        return false;
    tried(&c->tried, out->source, "AZURE_STORAGE_ACCOUNT is %s, not %s", of, c->account);
    return true;
}

static Err *from_key(AzureCredentials *out, Chain *c) {
    const char *key = env(c, "AZURE_STORAGE_KEY");
    if (!*key)
        tried(&c->tried, out->source, "AZURE_STORAGE_KEY is not set");
    else if (!*c->account)
        tried(&c->tried, out->source, "AZURE_STORAGE_ACCOUNT is not set");
    else if (!is_other_account(out, c))
        return take_key(out, key, "AZURE_STORAGE_KEY", c->mem);
    return NULL;
}

static Err *from_sas(AzureCredentials *out, Chain *c) {
    const char *sas = env(c, "AZURE_STORAGE_SAS_TOKEN");
    if (!*sas)
        tried(&c->tried, out->source, "AZURE_STORAGE_SAS_TOKEN is not set");
    else if (!is_other_account(out, c))
        take_sas(out, clean_sas(sas, c->mem));
    return NULL;
}

// --- tokens -------------------------------------------------------------------------------------

// Numbers come as such or as text, by the endpoint.
static int64_t number(const Value *answer, const char *name) {
    int64_t n = value_get_int(answer, name);
    return n || cstr_to_i64(value_get_text(answer, name), &n) ? n : 0;
}

static Err *take_token(AzureCredentials *out, Chain *c, const TokenCall *call) {
    Value *answer = NULL;
    TRY(token_call_json(&answer, c->loop, call, c->mem));
    out->token = value_get_text(answer, "access_token");
    log_mask(out->token);
    if (!*out->token)
        return err_new(E_UNAUTHORIZED, "the answer has no access_token");
    int64_t in = number(answer, "expires_in"), on = number(answer, "expires_on");
    if (in > 0)
        out->expires = time_add(host_now(c->host), in * DURATION_S);
    else if (on > 0)
        out->expires = (Time){.sec = on, .set = true};
    out->kind = AZURE_BEARER;
    return NULL;
}

// True if all are set; else tells the first that is not.
static bool have_all(AzureCredentials *out, Chain *c, const char *const *names, size_t count) {
    for (size_t i = 0; i < count; i++)
        if (!*env(c, names[i])) {
            tried(&c->tried, out->source, "%s is not set", names[i]);
            return false;
        }
    return true;
}

static void form_add(Buf *form, const char *name, const char *value, Arena *mem) {
    buf_printf(form, "%s%s=%s", form->len ? "&" : "", name, url_encode(mem, value, false));
}

// Asks Entra for a token, with a secret or an assertion of the application itself.
static Err *from_entra(AzureCredentials *out, Chain *c, const char *secret, const char *assertion) {
    static const char *const hosts[] = {"login.microsoftonline.com", "login.microsoftonline.us",
                                        "login.partner.microsoftonline.cn",
                                        "login.chinacloudapi.cn", NULL};
    const char *named = env(c, "AZURE_AUTHORITY_HOST");
    const char *base = without_slash(cstr_or(named, hosts[0]), c->mem);
    if (!strstr(base, "://"))
        base = arena_printf(c->mem, "https://%s", base);
    const char *url = arena_printf(c->mem, "%s/%s/oauth2/v2.0/token", base,
                                   url_encode(c->mem, env(c, "AZURE_TENANT_ID"), false));
    TRY(endpoint_check(url, hosts, *named != '\0', c->mem));
    Buf form;
    buf_init(&form, c->mem, SIZE_MAX);
    form_add(&form, "grant_type", "client_credentials", c->mem);
    form_add(&form, "client_id", env(c, "AZURE_CLIENT_ID"), c->mem);
    form_add(&form, "scope", STORAGE "/.default", c->mem);
    if (secret) {
        form_add(&form, "client_secret", secret, c->mem);
    } else {
        form_add(&form, "client_assertion_type",
                 "urn:ietf:params:oauth:client-assertion-type:jwt-bearer", c->mem);
        form_add(&form, "client_assertion", assertion, c->mem);
    }
    return take_token(out, c,
                      &(TokenCall){.method = "POST",
                                   .url = url,
                                   .form = form.ptr,
                                   .content_type = "application/x-www-form-urlencoded"});
}

static Err *from_secret(AzureCredentials *out, Chain *c) {
    static const char *const names[] = {"AZURE_CLIENT_SECRET", "AZURE_TENANT_ID",
                                        "AZURE_CLIENT_ID"};
    if (!have_all(out, c, names, COUNT_OF(names)))
        return NULL;
    log_mask(env(c, "AZURE_CLIENT_SECRET"));
    return from_entra(out, c, env(c, "AZURE_CLIENT_SECRET"), NULL);
}

// The file's token; the platform renews the file, so it is read at each renewal.
static Err *read_assertion(const char **out, const char *path, Arena *mem) {
    Str text;
    TRY(fs_read(&text, path, MAX_TOKEN_FILE, mem));
    *out = cstr_trim(mem, str_dup(mem, text));
    log_mask(*out);
    return **out ? NULL : err_new(E_UNAUTHORIZED, "%s is empty", path);
}

static Err *from_workload(AzureCredentials *out, Chain *c) {
    static const char *const names[] = {"AZURE_TENANT_ID", "AZURE_CLIENT_ID"};
    const char *assertion = NULL, *platform = NULL, *path = env(c, "AZURE_FEDERATED_TOKEN_FILE");
    if (!have_all(out, c, names, COUNT_OF(names)))
        return NULL;
    if (*path) {
        Err *e = read_assertion(&assertion, path, c->mem);
        if (e)
            return err_wrap(e, "AZURE_FEDERATED_TOKEN_FILE");
        return from_entra(out, c, NULL, assertion);
    }
    Err *e = oidc_token(&assertion, &platform, c->loop,
                        &(OidcUse){"api://AzureADTokenExchange", "ATLAS_AZURE_ID_TOKEN"}, c->mem);
    if (err_code(e) == E_NOT_FOUND) {
        tried(&c->tried, out->source, "AZURE_FEDERATED_TOKEN_FILE is not set; %s", err_text(e));
        err_free(e);
        return NULL;
    }
    TRY(e);
    out->source = arena_printf(c->mem, "%s of %s", out->source, platform);
    return from_entra(out, c, NULL, assertion);
}

// --- managed identity ---------------------------------------------------------------------------

// Without the platform's answer nothing else is left to try: told, not returned.
static void ask_identity(AzureCredentials *out, Chain *c, const char *base, const char *version,
                         HttpHeader header) {
    const char *client = env(c, "AZURE_CLIENT_ID");
    TokenCall call = {.method = "GET", .metadata = true};
    call.url =
        arena_printf(c->mem, "%s%sapi-version=%s&resource=%s%s%s", base,
                     strchr(base, '?') ? "&" : "?", version, url_encode(c->mem, STORAGE "/", false),
                     *client ? "&client_id=" : "", url_encode(c->mem, client, false));
    list_push(&call.headers, c->mem, header);
    AutoErr e = take_token(out, c, &call);
    if (e)
        tried(&c->tried, out->source, "%s", err_text(e));
}

// App Service, Functions and Container Apps serve tokens on their own link, over plain HTTP.
static bool is_own_link(const char *endpoint, Arena *mem) {
    Url *u = NULL;
    AutoErr e = url_parse(&u, endpoint, mem);
    if (e)
        return false;
    const char *host = url_hostname(mem, u);
    bool numeric = strspn(host, "0123456789.") == strlen(host);
    bool near = url_is_loopback(host) || (numeric && cstr_starts(host, "169.254."));
    return cstr_eq(u->scheme, "https") || (cstr_eq(u->scheme, "http") && near);
}

static Err *from_identity(AzureCredentials *out, Chain *c) {
    const char *endpoint = env(c, "IDENTITY_ENDPOINT"), *secret = env(c, "IDENTITY_HEADER");
    const char *metadata = without_slash(
        cstr_or(env(c, "AZURE_POD_IDENTITY_AUTHORITY_HOST"), "http://169.254.169.254"), c->mem);
    if (!*endpoint) {
        ask_identity(out, c, arena_printf(c->mem, "%s/metadata/identity/oauth2/token", metadata),
                     "2018-02-01", (HttpHeader){"Metadata", "true"});
        return NULL;
    }
    log_mask(secret);
    if (!*secret)
        tried(&c->tried, out->source, "IDENTITY_ENDPOINT is set but IDENTITY_HEADER is not");
    else if (!is_own_link(endpoint, c->mem))
        tried(&c->tried, out->source, "IDENTITY_ENDPOINT is neither https nor on this machine");
    else
        ask_identity(out, c, endpoint, "2019-08-01", (HttpHeader){"X-IDENTITY-HEADER", secret});
    return NULL;
}

// --- the chain ----------------------------------------------------------------------------------

static const struct {
    const char *name;
    Err *(*ask)(AzureCredentials *out, Chain *c);
} sources[] = {
    {"connection string", from_connection},
    {"account key", from_key},
    {"SAS token", from_sas},
    {"client secret", from_secret},
    {"workload identity", from_workload},
    {"managed identity", from_identity},
};

Err *azure_credentials(AzureCredentials *out, Loop *loop, const char *account, Arena *mem) {
    Chain c = {.loop = loop,
               .host = loop_host(loop),
               .account = account,
               .tried = {.mem = mem},
               .mem = mem};
    for (size_t i = 0; i < COUNT_OF(sources); i++) {
        *out = (AzureCredentials){.source = sources[i].name};
        Err *e = sources[i].ask(out, &c);
        if (e)
            return err_wrap(e, "Azure credentials, %s", sources[i].name);
        if (out->kind != AZURE_NONE)
            return NULL;
    }
    return tried_error(&c.tried, "Azure",
                       "set AZURE_STORAGE_ACCOUNT with AZURE_STORAGE_KEY or "
                       "AZURE_STORAGE_SAS_TOKEN, or AZURE_STORAGE_CONNECTION_STRING");
}
