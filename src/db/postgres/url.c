// postgres://user:password@host:port,host:port/database?key=value as parameters of libpq.
#include <unistd.h>

#include "postgres.h"

// Parameters of Go drivers that mean nothing to the server.
static const char *const ignored[] = {"binary_parameters", "default_query_exec_mode",
                                      "statement_cache_capacity", "description_cache_capacity",
                                      "pool_max_conns"};

typedef struct Parse {
    PostgresParams *out;
    const Host *host;
    Buf options; // "-c name=value ..."
    Arena *mem;
} Parse;

static const char *get(const PostgresParams *params, const char *key) {
    for (size_t i = 0; i < params->keys.len; i++)
        if (cstr_eq(params->keys.items[i], key))
            return params->values.items[i];
    return NULL;
}

static void set(Parse *u, const char *key, const char *value) {
    PostgresParams *out = u->out;
    for (size_t i = 0; i < out->keys.len; i++) {
        if (cstr_eq(out->keys.items[i], key)) {
            out->values.items[i] = value;
            return;
        }
    }
    list_push(&out->keys, u->mem, key);
    list_push(&out->values, u->mem, value);
}

static void set_default(Parse *u, const char *key, const char *value) {
    if (!get(u->out, key))
        set(u, key, value);
}

static Err *malformed(const char *why) {
    return err_hint(err_new(E_INVALID, "malformed database URL: %s", why),
                    "write postgres://user:password@host:5432/database?key=value, with special "
                    "characters percent-encoded");
}

static Err *decode(const char **out, const char *s, size_t len, bool plus, Arena *mem) {
    *out = url_decode(mem, s, len, plus);
    return *out ? NULL : malformed("bad percent-encoding");
}

// --- user, hosts, database
// ------------------------------------------------------------------------

static Err *parse_user(Parse *u, const char *s, size_t len) {
    const char *colon = memchr(s, ':', len), *user = NULL, *password = NULL;
    size_t user_len = colon ? (size_t)(colon - s) : len;
    TRY(decode(&user, s, user_len, false, u->mem));
    if (*user)
        set(u, "user", user);
    if (!colon)
        return NULL;
    TRY(decode(&password, colon + 1, len - user_len - 1, false, u->mem));
    log_mask(password);
    set(u, "password", password);
    return NULL;
}

static bool is_port(const char *s) {
    uint64_t port = 0;
    return !*s || (cstr_to_u64(s, 65535, &port) && port > 0);
}

static Err *parse_host(const char *part, const char **host, const char **port, Arena *mem) {
    const char *end = part + strlen(part), *colon = strrchr(part, ':');
    if (*part == '[') {
        const char *close = strchr(part, ']');
        if (!close || (close[1] && close[1] != ':'))
            return malformed("a bracket of the host is missing");
        colon = close[1] ? close + 1 : NULL;
        part++;
        end = close;
    } else if (colon) {
        end = colon;
    }
    TRY(decode(host, part, (size_t)(end - part), false, mem));
    *port = colon ? colon + 1 : "";
    return is_port(*port) ? NULL
                          : malformed("the port is not a number (is a special character in the "
                                      "password percent-encoded?)");
}

static Err *parse_hosts(Parse *u, const char *s, size_t len) {
    StrList parts = cstr_split(u->mem, arena_strndup(u->mem, s, len), ',');
    StrList hosts = {0}, ports = {0};
    for (size_t i = 0; i < parts.len && len > 0; i++) {
        const char *host = NULL, *port = NULL;
        TRY(parse_host(parts.items[i], &host, &port, u->mem));
        list_push(&hosts, u->mem, host);
        list_push(&ports, u->mem, port);
    }
    const char *host = cstr_join(u->mem, &hosts, ","), *port = cstr_join(u->mem, &ports, ",");
    if (*host)
        set(u, "host", host);
    if (port[strspn(port, ",")])
        set(u, "port", port);
    return NULL;
}

// --- the query
// ------------------------------------------------------------------------------------

// libpq's own list: what it does not know is a setting of the session.
static bool is_libpq_keyword(const char *key) {
    PQconninfoOption *all = PQconndefaults();
    bool found = false;
    for (PQconninfoOption *o = all; o && o->keyword && !found; o++)
        found = cstr_eq(o->keyword, key);
    PQconninfoFree(all);
    return found;
}

static void add_option(Parse *u, const char *key, const char *value) {
    buf_printf(&u->options, "%s-c %s=", u->options.len ? " " : "", key);
    for (; *value; value++) {
        if (strchr(" \t\n\\", *value))
            buf_char(&u->options, '\\');
        buf_char(&u->options, *value);
    }
}

// Up to the next comma that is not inside of quotes.
static size_t name_length(const char *path) {
    bool quoted = false;
    size_t len = 0;
    for (; path[len] && (quoted || path[len] != ','); len++)
        quoted ^= path[len] == '"';
    return len;
}

// The first schema of a search_path, as the server reads it.
static const char *first_schema(const char *path, Arena *mem) {
    for (const char *part = path; *part;) {
        size_t part_len = name_length(part);
        char *name = cstr_trim(mem, arena_strndup(mem, part, part_len));
        size_t len = strlen(name);
        part += part_len + (part[part_len] == ',');
        if (len >= 2 && *name == '"' && name[len - 1] == '"')
            name = cstr_replace(mem, arena_strndup(mem, name + 1, len - 2), "\"\"", "\"");
        else
            name = cstr_lower(mem, name);
        if (*name && !cstr_eq(name, "$user"))
            return name;
    }
    return "";
}

static Err *check_sslmode(const char *mode) {
    static const char *const modes[] = {"disable", "allow",     "prefer",
                                        "require", "verify-ca", "verify-full"};
    for (size_t i = 0; i < COUNT_OF(modes); i++)
        if (cstr_eq(mode, modes[i]))
            return NULL;
    return err_new(E_INVALID, "parameter sslmode of the database URL must be one of: disable allow "
                              "prefer require verify-ca verify-full");
}

static Err *parse_param(Parse *u, const char *key, const char *value) {
    for (size_t i = 0; i < COUNT_OF(ignored); i++)
        if (cstr_eq(key, ignored[i]))
            return NULL;
    if (cstr_eq(key, "search_path")) {
        u->out->schema = first_schema(value, u->mem);
        add_option(u, key, value);
    } else if (cstr_eq(key, "options")) {
        buf_printf(&u->options, "%s%s", u->options.len ? " " : "", value);
    } else if (is_libpq_keyword(key)) {
        if (cstr_eq(key, "sslmode"))
            TRY(check_sslmode(value));
        if (cstr_eq(key, "password") || cstr_eq(key, "sslpassword"))
            log_mask(value);
        set(u, key, value);
    } else if (key[strspn(key,
                          "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_.")]) {
        return malformed("a parameter has a name that is none");
    } else {
        add_option(u, key, value);
    }
    return NULL;
}

static Err *parse_query(Parse *u, const char *query) {
    StrList parts = cstr_split(u->mem, query, '&');
    for (size_t i = 0; i < parts.len; i++) {
        const char *part = parts.items[i], *eq = strchr(part, '='), *key = NULL, *value = "";
        if (!*part)
            continue;
        TRY(decode(&key, part, eq ? (size_t)(eq - part) : strlen(part), true, u->mem));
        if (eq)
            TRY(decode(&value, eq + 1, strlen(eq + 1), true, u->mem));
        TRY(parse_param(u, key, value));
    }
    return NULL;
}

// --- defaults
// -------------------------------------------------------------------------------------

// The CA certificates of the system, as libpq of this version does not look for them.
static const char *system_roots(const Host *host) {
    static const char *const files[] = {"/etc/ssl/certs/ca-certificates.crt",
                                        "/etc/pki/tls/certs/ca-bundle.crt",
                                        "/etc/ssl/ca-bundle.pem", "/etc/ssl/cert.pem"};
    const char *named = host_env(host, "SSL_CERT_FILE");
    for (size_t i = 0; !*named && i < COUNT_OF(files); i++)
        if (fs_kind(files[i]) == FS_FILE)
            named = files[i];
    return named;
}

static void default_tls(Parse *u) {
    if (!*host_env(u->host, "PGSSLMODE"))
        set_default(u, "sslmode", "require");
    const char *roots = get(u->out, "sslrootcert");
    bool verifies = cstr_starts(cstr_or(get(u->out, "sslmode"), ""), "verify-");
    bool wants_system =
        cstr_eq(roots, "system") || (!roots && verifies && !*host_env(u->host, "PGSSLROOTCERT"));
    const char *found = wants_system ? system_roots(u->host) : "";
    if (*found)
        set(u, "sslrootcert", found);
    set_default(u, "gssencmode", "disable");
}

static void add_timeout(Parse *u, const char *key, Duration timeout) {
    if (timeout > 0)
        add_option(
            u, key,
            arena_printf(u->mem, "%lld", (long long)((timeout + DURATION_MS - 1) / DURATION_MS)));
}

static void add_defaults(Parse *u, const Db *base) {
    static const char *const defaults[][2] = {
        {"client_encoding", "UTF8"},   {"keepalives", "1"},       {"keepalives_idle", "30"},
        {"keepalives_interval", "10"}, {"keepalives_count", "3"}, {"tcp_user_timeout", "60000"}};
    char host[256] = "";
    gethostname(host, sizeof host - 1);
    for (size_t i = 0; i < COUNT_OF(defaults); i++)
        set_default(u, defaults[i][0], defaults[i][1]);
    if (!*host_env(u->host, "PGHOST") && !get(u->out, "service"))
        set_default(u, "host", "localhost");
    // Names the holder of a lock to those who wait for it.
    set_default(
        u, "fallback_application_name",
        arena_printf(u->mem, "atlas-action %.40s:%ld", cstr_or(host, "localhost"), (long)getpid()));
    default_tls(u);
    add_timeout(u, "lock_timeout", base->lock_timeout);
    add_timeout(u, "statement_timeout", base->statement_timeout);
    if (u->options.len)
        set(u, "options", u->options.ptr);
    log_mask(host_env(u->host, "PGPASSWORD"));
}

Err *postgres_parse_url(PostgresParams *out, const char *rest, const Db *base, Arena *mem) {
    *out = (PostgresParams){.schema = ""};
    Parse u = {.out = out, .host = base->host, .mem = mem};
    buf_init(&u.options, mem, BUF_MAX_TEXT);
    size_t authority = strcspn(rest, "/?#"), path = strcspn(rest + authority, "?#");
    const char *at = memrchr(rest, '@', authority), *hosts = at ? at + 1 : rest, *database = NULL;
    if (at)
        TRY(parse_user(&u, rest, (size_t)(at - rest)));
    TRY(parse_hosts(&u, hosts, authority - (size_t)(hosts - rest)));
    if (path > 1) {
        TRY(decode(&database, rest + authority + 1, path - 1, false, mem));
        set(&u, "dbname", database);
    }
    const char *mark = rest + authority + path;
    if (*mark == '?')
        TRY(parse_query(&u, arena_strndup(mem, mark + 1, strcspn(mark + 1, "#"))));
    add_defaults(&u, base);
    return NULL;
}
