// URLs, with the fields and rules of Go's net/url, which callers of `atlas` see in JSON.
#ifndef ATLAS_BASE_URL_H
#define ATLAS_BASE_URL_H

#include "atlas/base/err.h"
#include "atlas/base/str.h"

typedef struct UrlParam {
    const char *key, *value; // decoded
} UrlParam;

typedef struct Url {
    const char *scheme;   // lower case; "" if none
    const char *opaque;   // "x:opaque" without slashes; "" otherwise
    bool has_user, has_password;
    const char *user, *password; // decoded
    const char *host;     // with port, IPv6 brackets kept; percent-decoded
    const char *path;     // decoded
    const char *raw_path; // as written, only if its default encoding differs; else ""
    const char *raw_query;
    const char *fragment;
    bool force_query;     // "?" with nothing behind
    LIST(UrlParam) params; // decoded query, in order
} Url;

// E_INVALID; the text never appears in the error (it may hold a password).
Err *url_parse(Url **out, const char *text, Arena *mem) MUST_USE;
char *url_text(Arena *mem, const Url *u);
// The first value of a query parameter, or NULL.
const char *url_param(const Url *u, const char *key);
// Replaces all values of `key`; the query is encoded anew, sorted by key, as Go's Values.Encode.
void url_set_param(Url *u, const char *key, const char *value, Arena *mem);
char *url_hostname(Arena *mem, const Url *u); // without port and brackets
// localhost, 127.0.0.0/8, ::1; of a host name without port and brackets.
bool url_is_loopback(const char *hostname);
int url_port(const Url *u);                   // -1 if none
// host + path, as slugs and directory names use it.
char *url_host_path(Arena *mem, const Url *u);

// The decoded password of a URL text, "" if there is none or the text is no URL.
const char *url_password(const char *text, Arena *mem);

// For logs and reports: the password becomes "xxxxx" (Go's Redacted); secrets in the query
// (keys, tokens, signatures, passwords) too. A text that is no URL comes back unchanged, except
// that anything shaped like "://user:secret@" is masked.
char *url_redact(Arena *mem, const char *text);
// As url_redact, but user info becomes "***" as a whole (stored URLs have none).
char *url_redact_stars(Arena *mem, const char *text);

// RFC 3986: everything but unreserved characters (and, if keep_slash, "/") becomes %XX.
char *url_encode(Arena *mem, const char *s, bool keep_slash);
char *url_query_escape(Arena *mem, const char *s); // Go's QueryEscape: space becomes +
// NULL if malformed. plus: "+" means space.
char *url_decode(Arena *mem, const char *s, size_t len, bool plus);

#endif
