// mysql://user:pass@host:port/database?keys, the keys as github.com/go-sql-driver/mysql names them.
#include "mysql.h"

// What only that driver's own interface knows, or what this one does anyway.
static const char *const ignored[] = {"allowAllFiles",
                                      "allowFallbackToPlaintext",
                                      "allowNativePasswords",
                                      "allowOldPasswords",
                                      "checkConnLiveness",
                                      "clientFoundRows",
                                      "columnsWithAlias",
                                      "compress",
                                      "connectionAttributes",
                                      "interpolateParams",
                                      "loc",
                                      "maxAllowedPacket",
                                      "multiStatements",
                                      "parseTime",
                                      "rejectReadOnly",
                                      "serverPubKey",
                                      "timeTruncate"};

static bool is_ignored(const char *key) {
    for (size_t i = 0; i < COUNT_OF(ignored); i++)
        if (cstr_eq(key, ignored[i]))
            return true;
    return false;
}

static Err *bad_value(const char *key, const char *allowed) {
    return err_new(E_INVALID, "parameter %s of the database URL must be %s", key, allowed);
}

static Err *read_duration(Duration *out, const UrlParam *p) {
    if (duration_parse(p->value, out) && *out >= 0)
        return NULL;
    return bad_value(p->key, "a duration such as 10s or 500ms");
}

static Err *read_bool(bool *out, const UrlParam *p) {
    *out = cstr_eq(p->value, "true") || cstr_eq(p->value, "1");
    if (*out || cstr_eq(p->value, "false") || cstr_eq(p->value, "0"))
        return NULL;
    return bad_value(p->key, "true or false");
}

static Err *read_tls(MariaConfig *out, const UrlParam *p) {
    static const char *const modes[] = {"true", "skip-verify", "preferred", "false"};
    for (size_t i = 0; i < COUNT_OF(modes); i++) {
        if (cstr_eq(p->value, modes[i])) {
            out->tls = modes[i];
            return NULL;
        }
    }
    return bad_value(p->key, "true, skip-verify, preferred or false");
}

static bool is_made_of(const char *text, const char *more) {
    for (; *text; text++) {
        char c = *text;
        if (!((c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') ||
              c == '_' || strchr(more, c)))
            return false;
    }
    return true;
}

// A session variable. Words and numbers stay, everything else becomes a text.
static Err *read_setting(MariaConfig *out, const UrlParam *p, Arena *mem) {
    if (!*p->key || !is_made_of(p->key, "."))
        return err_new(E_INVALID, "a parameter of the database URL is no name of a variable");
    const char *value = p->value;
    size_t len = strlen(value);
    bool quoted = len >= 2 && (*value == '\'' || *value == '"') && value[len - 1] == *value;
    if (quoted)
        value = arena_strndup(mem, value + 1, len - 2);
    if (quoted || !*value || !is_made_of(value, "."))
        value = maria_quote(mem, value);
    list_push(&out->settings, mem, arena_printf(mem, "%s = %s", p->key, value));
    return NULL;
}

static Err *read_param(MariaConfig *out, const UrlParam *p, Arena *mem) {
    const struct {
        const char *key, **text;
    } texts[] = {{"ssl-ca", &out->ssl_ca},
                 {"ssl-cert", &out->ssl_cert},
                 {"ssl-key", &out->ssl_key},
                 {"collation", &out->collation},
                 {"database", &out->database}};
    for (size_t i = 0; i < COUNT_OF(texts); i++) {
        if (cstr_eq(p->key, texts[i].key)) {
            *texts[i].text = p->value;
            return NULL;
        }
    }
    if (cstr_eq(p->key, "charset")) { // "utf8mb4,utf8": the first that the server has
        out->charset = cstr_split(mem, p->value, ',').items[0];
        return NULL;
    }
    if (cstr_eq(p->key, "tls"))
        return read_tls(out, p);
    if (cstr_eq(p->key, "timeout"))
        return read_duration(&out->connect_timeout, p);
    if (cstr_eq(p->key, "readTimeout"))
        return read_duration(&out->read_timeout, p);
    if (cstr_eq(p->key, "writeTimeout"))
        return read_duration(&out->write_timeout, p);
    if (cstr_eq(p->key, "allowCleartextPasswords"))
        return read_bool(&out->cleartext, p);
    return is_ignored(p->key) ? NULL : read_setting(out, p, mem);
}

static Err *read_place(MariaConfig *out, const Url *url, bool is_unix, Arena *mem) {
    const char *path = url->path;
    if (is_unix) {
        if (*url->host || !*path)
            return err_hint(err_new(E_INVALID, "the database URL names no socket"),
                            "write it as mysql+unix://user:pass@/path/to.sock?database=name");
        out->socket = path;
        return NULL;
    }
    int port = url_port(url);
    out->host = cstr_or(url_hostname(mem, url), "localhost");
    out->port = port > 0 ? (unsigned)port : 3306;
    if (*path == '/')
        path++;
    if (strchr(path, '/'))
        return err_hint(err_new(E_INVALID, "the path of the database URL is not one schema"),
                        "write it as mysql://user:pass@host:3306/schema");
    out->database = path;
    return NULL;
}

Err *maria_parse_url(MariaConfig *out, const char *rest, const Db *base, Arena *mem) {
    Url *url = NULL;
    *out = (MariaConfig){.charset = "utf8mb4", .database = ""};
    out->connect_timeout = 30 * DURATION_S;
    TRY(url_parse(&url, arena_printf(mem, "mysql://%s", rest), mem));
    out->user = url->user ? url->user : "";
    out->password = url->password ? url->password : "";
    if (*out->password)
        log_mask(out->password);
    TRY(read_place(out, url, cstr_ends(base->scheme, "+unix"), mem));
    for (size_t i = 0; i < url->params.len; i++)
        TRY(read_param(out, &url->params.items[i], mem));
    if (!out->tls) // who names a CA wants it to be asked
        out->tls = out->ssl_ca || out->ssl_cert ? "true" : "false";
    return NULL;
}
