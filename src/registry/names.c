#include "ref.h"

static bool is_lower_digit(char c) { return (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9'); }

static bool is_reserved(const char *segment) {
    static const char *const names[] = {"blobs",     "manifests",   "refs",
                                        "approvals", "deployments", "repositories"};
    for (size_t i = 0; i < COUNT_OF(names); i++)
        if (cstr_eq(segment, names[i]))
            return true;
    return false;
}

static Err *slug_error(const char *slug, const char *why) {
    return err_new(E_INVALID,
                   "invalid slug \"%s\": slug must be lowercase alphanumeric and may contain /.-_ "
                   "(%s)",
                   slug, why);
}

static const char *segment_problem(const char *s) {
    size_t len = strlen(s);
    if (!len)
        return "a segment is empty";
    if (!is_lower_digit(s[0]) || !is_lower_digit(s[len - 1]))
        return "a segment must start and end with a letter or digit";
    for (size_t i = 0; i < len; i++)
        if (!is_lower_digit(s[i]) && !strchr("._-", s[i]))
            return "a character is not allowed";
    if (strstr(s, ".."))
        return "\"..\" is not allowed";
    return is_reserved(s) ? "a segment is a reserved word" : NULL;
}

Err *slug_check(const char *slug) {
    AutoArena tmp = arena_new(NULL);
    size_t len = strlen(slug);
    if (len < 1 || len > 128)
        return slug_error(slug, len ? "it is over 128 bytes" : "it is empty");
    StrList segments = cstr_split(tmp, slug, '/');
    for (size_t i = 0; i < segments.len; i++) {
        const char *problem = segment_problem(segments.items[i]);
        if (problem)
            return slug_error(slug, problem);
    }
    return NULL;
}

Err *tag_check(const char *tag) {
    size_t len = strlen(tag);
    const char *why = NULL;
    if (len < 1 || len > 128)
        why = len ? "it is over 128 bytes" : "it is empty";
    else if (!is_lower_digit(tag[0]) && tag[0] != '_')
        why = "it must start with a letter, a digit or _";
    else if (tag[len - 1] == '.')
        why = "it must not end in a dot";
    else if (cstr_starts(tag, "atlas."))
        why = "tags starting \"atlas.\" are reserved";
    for (size_t i = 0; !why && i < len; i++)
        if (!is_lower_digit(tag[i]) && !strchr("._-", tag[i]))
            why = "a character is not allowed";
    return why ? err_new(E_INVALID,
                         "invalid tag \"%s\": tag must be lowercase alphanumeric and may contain "
                         ".-_ (%s)",
                         tag, why)
               : NULL;
}

char *name_escape(Arena *mem, const char *name) {
    Buf out;
    buf_init(&out, mem, SIZE_MAX);
    for (const char *p = name; *p; p++)
        if ((is_lower_digit(*p) || *p == '-' || *p == '.') && !(p == name && *p == '.'))
            buf_char(&out, *p);
        else
            buf_printf(&out, "_%02x", (unsigned)(unsigned char)*p);
    return out.ptr;
}

char *name_unescape(Arena *mem, const char *text) {
    Buf out;
    buf_init(&out, mem, SIZE_MAX);
    for (const char *p = text; *p; p++) {
        Str raw;
        if (*p != '_') {
            buf_char(&out, *p);
        } else if (p[1] && p[2] && hex_decode(&raw, arena_strndup(mem, p + 1, 2), mem)) {
            buf_char(&out, raw.ptr[0]);
            p += 2;
        } else {
            return NULL;
        }
    }
    return out.ptr;
}

static Err *set_selector(AtlasUrl *out, const UrlParam *p) {
    if (cstr_empty(p->value))
        return NULL;
    if (cstr_eq(p->key, "tag"))
        out->tag = p->value;
    else if (cstr_eq(p->key, "version"))
        out->version = p->value;
    else if (cstr_eq(p->key, "digest"))
        out->digest = p->value;
    else
        return err_hint(err_new(E_INVALID, "unknown query parameter \"%s\"", p->key),
                        "an atlas:// URL takes tag, version or digest");
    return NULL;
}

static Err *parse(AtlasUrl *out, const char *text, Arena *mem) {
    Url *u = NULL;
    *out = (AtlasUrl){0};
    TRY(url_parse(&u, text, mem));
    if (!cstr_eq(u->scheme, "atlas"))
        return err_new(E_INVALID, "not an atlas:// URL");
    char *slug = url_host_path(mem, u);
    char *plan = strstr(slug, "/plans/");
    if (plan && plan[7]) {
        *plan = 0;
        out->plan = plan + 7;
    }
    out->slug = slug;
    for (size_t i = 0; i < u->params.len; i++)
        TRY(set_selector(out, &u->params.items[i]));
    if (!!out->tag + !!out->version + !!out->digest > 1)
        return err_new(E_INVALID, "tag, version and digest exclude each other");
    if (out->digest && !digest_is_well_formed(out->digest))
        return err_new(E_INVALID, "digest must be sha256: and 64 hex digits");
    if (out->tag)
        TRY(tag_check(out->tag));
    return slug_check(out->slug);
}

Err *atlas_url_parse(AtlasUrl *out, const char *text, Arena *mem) {
    Err *e = parse(out, text, mem);
    return e ? err_wrap(e, "%s", url_redact_stars(mem, text)) : NULL;
}

char *atlas_url_text(Arena *mem, const AtlasUrl *u) {
    char *text = arena_printf(mem, "atlas://%s", u->slug);
    if (u->plan)
        text = arena_printf(mem, "%s/plans/%s", text, url_encode(mem, u->plan, false));
    if (u->tag)
        text = arena_printf(mem, "%s?tag=%s", text, url_query_escape(mem, u->tag));
    if (u->version)
        text = arena_printf(mem, "%s?version=%s", text, url_query_escape(mem, u->version));
    if (u->digest)
        text = arena_printf(mem, "%s?digest=%s", text, u->digest);
    return text;
}
