#include "atlas/base/url.h"

#include <ctype.h>
#include <stdlib.h>
#include <strings.h>

#include "atlas/base/buf.h"

static bool is_alnum(char c) {
    return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z');
}
static bool is_unreserved(char c) { return is_alnum(c) || (c && strchr("-._~", c)); }

static void add_percent(Buf *out, char c) { buf_printf(out, "%%%02X", (unsigned)(unsigned char)c); }

// Percent-encodes all but unreserved characters and those in `also`.
static char *encode_except(Arena *mem, const char *s, const char *also) {
    Buf out;
    buf_init(&out, mem, SIZE_MAX);
    for (; *s; s++)
        if (is_unreserved(*s) || strchr(also, *s))
            buf_char(&out, *s);
        else
            add_percent(&out, *s);
    return out.ptr;
}

char *url_encode(Arena *mem, const char *s, bool keep_slash) {
    return encode_except(mem, s, keep_slash ? "/" : "");
}

char *url_query_escape(Arena *mem, const char *s) {
    return cstr_replace(mem, encode_except(mem, s, " "), " ", "+");
}

static int hex_value(char c) {
    if (c >= '0' && c <= '9')
        return c - '0';
    c = (char)(c | 32);
    return c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
}

char *url_decode(Arena *mem, const char *s, size_t len, bool plus) {
    char *out = arena_alloc(mem, len + 1);
    size_t n = 0;
    for (size_t i = 0; i < len; i++) {
        if (s[i] == '%') {
            int high = i + 2 < len ? hex_value(s[i + 1]) : -1;
            int low = i + 2 < len ? hex_value(s[i + 2]) : -1;
            if (high < 0 || low < 0)
                return NULL;
            out[n++] = (char)(high << 4 | low);
            i += 2;
        } else {
            out[n++] = plus && s[i] == '+' ? ' ' : s[i];
        }
    }
    return out;
}

static Err *malformed(const char *why) { return err_new(E_INVALID, "malformed URL: %s", why); }

static Err *parse_scheme(Url *u, const char **text, Arena *mem) {
    u->scheme = "";
    const char *p = *text;
    if (*p == ':')
        return malformed("missing scheme before ':'");
    while (is_alnum(*p) || *p == '+' || *p == '-' || *p == '.')
        p++;
    bool letter = isalpha((unsigned char)**text);
    if (*p != ':' || !letter)
        return NULL;
    u->scheme = cstr_lower(mem, arena_strndup(mem, *text, (size_t)(p - *text)));
    *text = p + 1;
    return NULL;
}

static Err *parse_params(Url *u, Arena *mem) {
    if (!*u->raw_query)
        return NULL;
    StrList parts = cstr_split(mem, u->raw_query, '&');
    for (size_t i = 0; i < parts.len; i++) {
        const char *part = parts.items[i], *eq = strchr(part, '=');
        if (!*part)
            continue;
        size_t len = eq ? (size_t)(eq - part) : strlen(part);
        const char *key = url_decode(mem, part, len, true);
        const char *value = eq ? url_decode(mem, eq + 1, strlen(eq + 1), true) : "";
        if (!key || !value)
            return malformed("bad percent-encoding in the query");
        list_push(&u->params, mem, (UrlParam){key, value});
    }
    return NULL;
}

static bool host_char_ok(char c) { return (unsigned char)c > ' ' && !strchr("<>\"\\^`{|}#?@/", c); }

static Err *check_port(const char *host) {
    const char *colon = strrchr(host, ':');
    if (*host == '[') {
        const char *close = strchr(host, ']');
        if (!close)
            return malformed("missing ']' in the host");
        colon = close[1] == ':' ? close + 1 : NULL;
        if (close[1] && !colon)
            return malformed("text after ']' in the host");
    }
    const char *port = colon ? colon + 1 : "";
    uint64_t number = 0;
    if (port[strspn(port, "0123456789")])
        return malformed("the port is not a number (is a special character in the password "
                         "percent-encoded?)");
    bool fits = !*port || cstr_to_u64(port, 65535, &number);
    return fits ? NULL : malformed("the port is beyond 65535");
}

static Err *parse_authority(Url *u, const char *text, size_t len, Arena *mem) {
    const char *at = memrchr(text, '@', len);
    if (at) {
        const char *colon = memchr(text, ':', (size_t)(at - text));
        size_t user_len = colon ? (size_t)(colon - text) : (size_t)(at - text);
        u->has_user = true;
        u->has_password = colon != NULL;
        u->user = url_decode(mem, text, user_len, false);
        u->password = colon ? url_decode(mem, colon + 1, (size_t)(at - colon - 1), false) : "";
        if (!u->user || !u->password)
            return malformed("bad percent-encoding in the user information");
        len -= (size_t)(at + 1 - text);
        text = at + 1;
    }
    u->host = url_decode(mem, text, len, false);
    if (!u->host)
        return malformed("bad percent-encoding in the host");
    for (const char *p = u->host; *p; p++)
        if (!host_char_ok(*p))
            return malformed("invalid character in the host");
    return check_port(u->host);
}

// Go's default encoding of a path: these stay as they are.
static char *default_path(Arena *mem, const char *path) {
    return encode_except(mem, path, "/$&+,:;=@!'()*[]");
}

static Err *parse_path(Url *u, const char *text, Arena *mem) {
    u->path = url_decode(mem, text, strlen(text), false);
    if (!u->path)
        return malformed("bad percent-encoding in the path");
    u->raw_path = cstr_eq(default_path(mem, u->path), text) ? "" : arena_strdup(mem, text);
    return NULL;
}

Err *url_parse(Url **out, const char *text, Arena *mem) {
    Url *u = *out = NEW(mem, Url);
    u->opaque = u->user = u->password = u->host = u->path = u->raw_path = u->raw_query =
        u->fragment = "";
    for (const char *p = text; *p; p++)
        if ((unsigned char)*p < ' ' || *p == 0x7f)
            return malformed("control character");
    TRY(parse_scheme(u, &text, mem));
    const char *hash = strchr(text, '#');
    char *rest = hash ? arena_strndup(mem, text, (size_t)(hash - text)) : arena_strdup(mem, text);
    if (hash && !(u->fragment = url_decode(mem, hash + 1, strlen(hash + 1), false)))
        return malformed("bad percent-encoding in the fragment");
    char *query = strchr(rest, '?');
    if (query) {
        *query = 0;
        u->raw_query = query + 1;
        u->force_query = !*u->raw_query;
    }
    TRY(parse_params(u, mem));
    if (*u->scheme && *rest != '/') {
        u->opaque = rest;
        return NULL;
    }
    if (cstr_starts(rest, "//")) {
        size_t len = strcspn(rest + 2, "/");
        TRY(parse_authority(u, rest + 2, len, mem));
        rest += 2 + len;
    }
    return parse_path(u, rest, mem);
}

char *url_text(Arena *mem, const Url *u) {
    Buf out;
    buf_init(&out, mem, SIZE_MAX);
    if (*u->scheme)
        buf_printf(&out, "%s:", u->scheme);
    if (*u->opaque) {
        buf_str(&out, u->opaque);
    } else {
        if (*u->scheme || *u->host || u->has_user) {
            if (*u->host || *u->path || u->has_user)
                buf_str(&out, "//");
            if (u->has_user)
                buf_str(&out, encode_except(mem, u->user, "$&+,;="));
            if (u->has_password)
                buf_printf(&out, ":%s", encode_except(mem, u->password, "$&+,;="));
            if (u->has_user)
                buf_char(&out, '@');
            buf_str(&out, encode_except(mem, u->host, "!$&'()*+,;=:[]<>\""));
        }
        const char *path = *u->raw_path ? u->raw_path : default_path(mem, u->path);
        if (*path && *path != '/' && *u->host)
            buf_char(&out, '/');
        buf_str(&out, path);
    }
    if (*u->raw_query || u->force_query)
        buf_printf(&out, "?%s", u->raw_query);
    if (*u->fragment)
        buf_printf(&out, "#%s", encode_except(mem, u->fragment, "/$&+,:;=@!'()*[]?"));
    return out.ptr;
}

const char *url_param(const Url *u, const char *key) {
    for (size_t i = 0; i < u->params.len; i++)
        if (cstr_eq(u->params.items[i].key, key))
            return u->params.items[i].value;
    return NULL;
}

static const char *port_colon(const char *host) {
    const char *colon = strrchr(host, ':');
    return *host == '[' && colon && colon < strchr(host, ']') ? NULL : colon;
}

char *url_hostname(Arena *mem, const Url *u) {
    const char *colon = port_colon(u->host);
    size_t len = colon ? (size_t)(colon - u->host) : strlen(u->host);
    if (*u->host == '[' && len > 1 && u->host[len - 1] == ']')
        return arena_strndup(mem, u->host + 1, len - 2);
    return arena_strndup(mem, u->host, len);
}

bool url_is_loopback(const char *hostname) {
    // "127.example.com" is somebody's name, not an address.
    bool numeric = strspn(hostname, "0123456789.") == strlen(hostname);
    return cstr_eq(hostname, "localhost") || cstr_eq(hostname, "::1") ||
           (numeric && cstr_starts(hostname, "127."));
}

int url_port(const Url *u) {
    const char *colon = port_colon(u->host);
    uint64_t port;
    return colon && cstr_to_u64(colon + 1, 65535, &port) ? (int)port : -1;
}

char *url_host_path(Arena *mem, const Url *u) { return arena_printf(mem, "%s%s", u->host, u->path); }

const char *url_password(const char *text, Arena *mem) {
    Url *u = NULL;
    AutoErr e = url_parse(&u, text, mem);
    return e ? "" : u->password;
}

// --- redaction ----------------------------------------------------------------------------------

static bool is_secret_key(const char *key, size_t len) {
    static const char *const words[] = {"password", "passwd", "secret", "token", "signature",
                                        "credential", "private_key", "accountkey"};
    AutoArena tmp = arena_new(NULL);
    const char *lower = cstr_lower(tmp, arena_strndup(tmp, key, len));
    for (size_t i = 0; i < COUNT_OF(words); i++)
        if (strstr(lower, words[i]))
            return true;
    // Names that merely speak of keys; every other "...key" holds one.
    if (cstr_eq(lower, "kmskeyid") || cstr_eq(lower, "access_id"))
        return false;
    return cstr_eq(lower, "sig") || cstr_ends(lower, "key") || cstr_ends(lower, "keyid") ||
           cstr_eq(lower, "pass") || cstr_eq(lower, "pwd") || cstr_eq(lower, "sas") ||
           cstr_eq(lower, "auth");
}

// The last place of `plain`, or of its percent-encoded form, in a text; NULL if there is none.
static const char *find_last(const char *text, size_t len, const char *plain, const char *encoded) {
    size_t a = strlen(plain), b = strlen(encoded);
    for (size_t i = len; i-- > 0;)
        if ((len - i >= a && memcmp(text + i, plain, a) == 0) ||
            (len - i >= b && strncasecmp(text + i, encoded, b) == 0))
            return text + i;
    return NULL;
}

// A parameter's value; user and password of an address in it are masked.
static void copy_value(Buf *out, const char *v, size_t len, const char *mask) {
    const char *at = find_last(v, len, "@", "%40");
    const char *slashes = at ? find_last(v, (size_t)(at - v), "//", "%2f%2f") : NULL;
    if (!slashes) {
        buf_add(out, v, len);
        return;
    }
    size_t head = (size_t)(slashes - v) + (*slashes == '/' ? 2 : 6);
    buf_add(out, v, head);
    buf_str(out, mask);
    buf_add(out, at, len - (size_t)(at - v));
}

// Copies the query at `p` up to white space or "#", with secret values masked; returns its end.
static const char *copy_query(Buf *out, const char *p, const char *mask) {
    while (*p && !strchr(" \t\r\n\"'#", *p)) {
        size_t len = strcspn(p, "&# \t\r\n\"'"), key = strcspn(p, "=& \t\r\n\"'#");
        if (p[key] == '=' && key < len && is_secret_key(p, key)) {
            buf_add(out, p, key + 1);
            buf_str(out, mask);
        } else {
            copy_value(out, p, len, mask);
        }
        p += len;
        if (*p == '&') {
            buf_char(out, '&');
            p++;
        }
    }
    return p;
}

// Works on any text, URLs inside sentences included: errors of libraries quote what they were given.
static char *redact(Arena *mem, const char *text, const char *user_mask, const char *mask) {
    Buf out;
    buf_init(&out, mem, SIZE_MAX);
    const char *p = text;
    for (const char *mark; (mark = strstr(p, "://"));) {
        const char *start = mark + 3;
        buf_add(&out, p, (size_t)(start - p));
        size_t len = strcspn(start, "/?# \t\r\n\"'");
        // A password may hold a raw "/", "?" or "@": with a colon in front, everything up to the
        // last "@" of the word is taken for it. Too much hidden is better than too little.
        size_t word = strcspn(start, " \t\r\n\"'");
        bool colon_first = memchr(start, ':', len) != NULL;
        const char *at = memrchr(start, '@', colon_first ? word : len);
        if (at) {
            const char *colon = memchr(start, ':', (size_t)(at - start));
            if (user_mask)
                buf_str(&out, user_mask);
            else if (colon)
                buf_printf(&out, "%.*s:%s", (int)(colon - start), start, mask);
            else
                buf_add(&out, start, (size_t)(at - start));
            start = at;
        }
        size_t tail = strcspn(start, "? \t\r\n\"'");
        buf_add(&out, start, tail);
        p = start + tail;
        if (*p == '?') {
            buf_char(&out, '?');
            p = copy_query(&out, p + 1, mask);
        }
    }
    buf_str(&out, p);
    return out.ptr;
}

char *url_redact(Arena *mem, const char *text) { return redact(mem, text, NULL, "xxxxx"); }
char *url_redact_stars(Arena *mem, const char *text) { return redact(mem, text, "***", "***"); }

static int param_order(const UrlParam *a, const UrlParam *b) { return strcmp(a->key, b->key); }

// As Go's Values.Encode: sorted by key, values of one key in their order.
static char *encode_query(Arena *mem, Url *u) {
    Buf b;
    buf_init(&b, mem, BUF_MAX_TEXT);
    for (size_t i = 1; i < u->params.len; i++)
        for (size_t j = i; j > 0 && param_order(&u->params.items[j - 1], &u->params.items[j]) > 0;
             j--) {
            UrlParam p = u->params.items[j];
            u->params.items[j] = u->params.items[j - 1];
            u->params.items[j - 1] = p;
        }
    for (size_t i = 0; i < u->params.len; i++)
        buf_printf(&b, "%s%s=%s", i > 0 ? "&" : "", url_query_escape(mem, u->params.items[i].key),
                   url_query_escape(mem, u->params.items[i].value));
    return b.ptr;
}

void url_set_param(Url *u, const char *key, const char *value, Arena *mem) {
    size_t kept = 0;
    for (size_t i = 0; i < u->params.len; i++)
        if (!cstr_eq(u->params.items[i].key, key))
            u->params.items[kept++] = u->params.items[i];
    u->params.len = kept;
    list_push(&u->params, mem, (UrlParam){key, value});
    u->raw_query = encode_query(mem, u);
}
