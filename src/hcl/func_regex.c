// regex regexall regexreplace regexpescape, in RE2 syntax on PCRE2.
//
// What RE2 does not have is refused, and matching has limits, so that no pattern can hang.
#define PCRE2_CODE_UNIT_WIDTH 8
#include "eval.h"

#include <pcre2.h>

enum { MATCH_LIMIT = 5000000, DEPTH_LIMIT = 20000, HEAP_LIMIT_KIB = 65536 };

typedef struct Regex {
    pcre2_code *code;
    pcre2_match_data *data;
    pcre2_match_context *limits;
    uint32_t groups;
    const char **names; // per group, from 1; NULL: unnamed
    bool named;
} Regex;

static void free_code(void *p) { pcre2_code_free(p); }
static void free_data(void *p) { pcre2_match_data_free(p); }
static void free_limits(void *p) { pcre2_match_context_free(p); }

// The Perl constructs that RE2 refuses; NULL if there are none.
static const char *foreign_group(const char *s) {
    static const struct {
        const char *text, *what;
    } refused[] = {
        {"(?=", "lookahead"}, {"(?!", "lookahead"}, {"(?<=", "lookbehind"}, {"(?<!", "lookbehind"},
        {"(?>", "atomic group"}, {"(?|", "branch reset"}, {"(?R", "recursion"}, {"(?&", "recursion"},
        {"(?(", "conditional group"}, {"(?P=", "backreference"}, {"(?P>", "recursion"},
        {"(?#", "comment"}, {"(?'", "quoted group name"}, {"(?C", "callout"}, {"(?+", "recursion"},
        {"(?x", "flag x"}, {"(?J", "flag J"}, {"(?n", "flag n"}, {"(?^", "flag ^"}, {"(*", "verb"},
    };
    for (size_t i = 0; i < COUNT_OF(refused); i++)
        if (cstr_starts(s, refused[i].text))
            return refused[i].what;
    if (s[0] == '(' && s[1] == '?' && s[2] >= '0' && s[2] <= '9')
        return "recursion";
    return NULL;
}

static const char *foreign_escape(char c) {
    if (c >= '1' && c <= '9')
        return "backreference";
    if (c == 'k' || c == 'g')
        return "backreference";
    return c && strchr("KRXGZhHVNlLuUoce", c) ? "escape sequence" : NULL;
}

static const char *foreign(const char *s) {
    bool in_class = false, repeat = false;
    for (; *s; s++) {
        const char *what = NULL;
        bool was_repeat = repeat;
        repeat = false;
        if (*s == '\\') {
            if (s[1] == 'Q') {
                const char *end = strstr(s, "\\E");
                if (!end)
                    return NULL;
                s = end;
            }
            what = in_class ? NULL : foreign_escape(s[1]);
            s += s[1] != '\0';
        } else if (in_class) {
            in_class = *s != ']';
        } else if (*s == '[') {
            in_class = true;
            s += s[1] == '^';
            s += s[1] == ']';
        } else if (*s == '(') {
            what = foreign_group(s);
        } else if (*s == '+' && was_repeat) {
            what = "possessive quantifier";
        } else {
            repeat = *s == '*' || *s == '+' || *s == '?' || *s == '}';
        }
        if (what)
            return what;
        if (!*s)
            break;
    }
    return NULL;
}

static void read_names(Regex *r, Arena *mem) {
    uint32_t count = 0, size = 0;
    PCRE2_SPTR table = NULL;
    pcre2_pattern_info(r->code, PCRE2_INFO_NAMECOUNT, &count);
    pcre2_pattern_info(r->code, PCRE2_INFO_NAMEENTRYSIZE, &size);
    pcre2_pattern_info(r->code, PCRE2_INFO_NAMETABLE, &table);
    r->names = NEW_ARRAY(mem, const char *, (size_t)r->groups + 1);
    r->named = count > 0;
    for (uint32_t i = 0; i < count; i++, table += size)
        r->names[table[0] << 8 | table[1]] = arena_printf(mem, "%s", (const char *)table + 2);
}

static Err *regex_compile(Regex *r, Call *c, size_t arg) {
    const char *pattern = arg_text(c, arg), *what = foreign(pattern);
    int code;
    size_t offset;
    if (what)
        return arg_error(c, arg, "invalid regexp pattern: %s is not supported", what);
    pcre2_compile_context *cc = pcre2_compile_context_create(NULL);
    pcre2_set_newline(cc, PCRE2_NEWLINE_LF);
    pcre2_set_parens_nest_limit(cc, 200);
    r->code = pcre2_compile((PCRE2_SPTR)pattern, c->args[arg]->u.s.len,
                            PCRE2_UTF | PCRE2_DOLLAR_ENDONLY | PCRE2_NEVER_BACKSLASH_C, &code,
                            &offset, cc);
    pcre2_compile_context_free(cc);
    if (!r->code) {
        char text[256];
        pcre2_get_error_message(code, (PCRE2_UCHAR *)text, sizeof text);
        return arg_error(c, arg, "invalid regexp pattern: %s at offset %zu", text, offset);
    }
    arena_on_free(c->mem, free_code, r->code);
    r->data = pcre2_match_data_create_from_pattern(r->code, NULL);
    arena_on_free(c->mem, free_data, r->data);
    r->limits = pcre2_match_context_create(NULL);
    arena_on_free(c->mem, free_limits, r->limits);
    pcre2_set_match_limit(r->limits, MATCH_LIMIT);
    pcre2_set_depth_limit(r->limits, DEPTH_LIMIT);
    pcre2_set_heap_limit(r->limits, HEAP_LIMIT_KIB);
    pcre2_pattern_info(r->code, PCRE2_INFO_CAPTURECOUNT, &r->groups);
    read_names(r, c->mem);
    return NULL;
}

static Err *regex_match(Regex *r, Str s, size_t at, bool *hit) {
    int n = pcre2_match(r->code, (PCRE2_SPTR)s.ptr, s.len, at, 0, r->data, r->limits);
    *hit = n > 0;
    if (n > 0 || n == PCRE2_ERROR_NOMATCH)
        return NULL;
    if (n == PCRE2_ERROR_MATCHLIMIT || n == PCRE2_ERROR_DEPTHLIMIT || n == PCRE2_ERROR_HEAPLIMIT)
        return err_new(E_INVALID, "the pattern takes too many steps on this string");
    return err_new(E_INVALID, "the string is not valid UTF-8");
}

static const HclValue *group_value(Regex *r, Str s, uint32_t i, Arena *mem) {
    const size_t *v = pcre2_get_ovector_pointer(r->data);
    size_t from = v[(size_t)i * 2], to = v[(size_t)i * 2 + 1];
    if (from == PCRE2_UNSET || to < from)
        return hcl_null(mem, &hcl_type_string);
    return hcl_bytes(mem, str_slice(s.ptr + from, to - from));
}

static const HclValue *match_value(Regex *r, Str s, Arena *mem) {
    HclFields fields = {0};
    ValueList items = {0};
    if (r->groups == 0)
        return group_value(r, s, 0, mem);
    for (uint32_t i = 1; i <= r->groups; i++) {
        const HclValue *v = group_value(r, s, i, mem);
        if (r->names[i])
            hcl_field(&fields, mem, r->names[i], v);
        else
            list_push(&items, mem, v);
    }
    return r->named ? hcl_object(mem, &fields) : hcl_tuple(mem, items.items, items.len);
}

static Err *regex_open(Regex *r, Call *c, size_t pattern) {
    *r = (Regex){0};
    TRY(regex_compile(r, c, pattern));
    bool mixed = false;
    for (uint32_t i = 1; r->named && i <= r->groups; i++)
        mixed = mixed || !r->names[i];
    if (mixed)
        return arg_error(c, pattern, "invalid regexp pattern: cannot mix both named and unnamed "
                                     "capture groups");
    return NULL;
}

static Err *fn_regex(Call *c) {
    Regex r;
    bool hit;
    TRY(regex_open(&r, c, 0));
    TRY(regex_match(&r, c->args[1]->u.s, 0, &hit));
    if (!hit)
        return err_new(E_INVALID, "pattern did not match any part of the given string");
    c->out = match_value(&r, c->args[1]->u.s, c->mem);
    return NULL;
}

// Where to look on behind the match: an empty one must not be found again.
static size_t next_start(const Regex *r, Str s, size_t at, size_t *from, size_t *to) {
    const size_t *v = pcre2_get_ovector_pointer(r->data);
    uint32_t cp;
    *from = v[0];
    *to = v[1] < v[0] ? v[0] : v[1];
    if (*to > at && *to > *from)
        return *to;
    return *to < s.len ? *to + code_at(s.ptr + *to, s.len - *to, &cp) : s.len + 1;
}

static Err *fn_regexall(Call *c) {
    Regex r;
    Str s = c->args[1]->u.s;
    ValueList out = {0};
    bool hit;
    size_t from, to, last = SIZE_MAX;
    TRY(regex_open(&r, c, 0));
    for (size_t at = 0; at <= s.len;) {
        TRY(regex_match(&r, s, at, &hit));
        if (!hit)
            break;
        at = next_start(&r, s, at, &from, &to);
        if (from == to && from == last) // an empty match right behind another one
            continue;
        last = to;
        list_push(&out, c->mem, match_value(&r, s, c->mem));
    }
    const HclValue *tuple = hcl_tuple(c->mem, out.items, out.len);
    const HclType *elem = type_unify(c->mem, tuple->type->items, out.len);
    c->out = hcl_list(c->mem, elem, out.items, out.len);
    return NULL;
}

static bool name_char(char ch) {
    return (ch >= 'a' && ch <= 'z') || (ch >= 'A' && ch <= 'Z') || (ch >= '0' && ch <= '9') ||
           ch == '_';
}

static uint32_t group_index(const Regex *r, const char *name) {
    uint64_t n;
    if (cstr_to_u64(name, UINT32_MAX, &n))
        return (uint32_t)n;
    for (uint32_t i = 1; i <= r->groups; i++)
        if (cstr_eq(r->names[i], name))
            return i;
    return UINT32_MAX;
}

// Go's Expand: $name takes as many name characters as it can; $$ is a dollar.
static void expand(Buf *out, Regex *r, Str s, Str tmpl, Arena *mem) {
    for (size_t i = 0; i < tmpl.len; i++) {
        char next = i + 1 < tmpl.len ? tmpl.ptr[i + 1] : '\0';
        if (tmpl.ptr[i] != '$' || !(next == '$' || next == '{' || name_char(next))) {
            buf_char(out, tmpl.ptr[i]);
            continue;
        }
        if (next == '$') {
            buf_char(out, '$');
            i++;
            continue;
        }
        size_t start = i + (next == '{' ? 2 : 1), end = start;
        while (end < tmpl.len && name_char(tmpl.ptr[end]))
            end++;
        if (next == '{' && (end == tmpl.len || tmpl.ptr[end] != '}' || end == start)) {
            buf_char(out, '$');
            continue;
        }
        uint32_t g = group_index(r, str_dup(mem, str_slice(tmpl.ptr + start, end - start)));
        if (g <= r->groups) {
            const HclValue *v = group_value(r, s, g, mem);
            if (!v->null)
                buf_add(out, v->u.s.ptr, v->u.s.len);
        }
        i = next == '{' ? end : end - 1;
    }
}

static Err *fn_regexreplace(Call *c) {
    Regex r = {0};
    Str s = c->args[0]->u.s;
    size_t done = 0, from, to, last = SIZE_MAX;
    bool hit;
    Buf b;
    TRY(regex_compile(&r, c, 1));
    buf_init(&b, c->mem, BUF_MAX_TEXT);
    for (size_t at = 0; at <= s.len;) {
        TRY(regex_match(&r, s, at, &hit));
        if (!hit)
            break;
        at = next_start(&r, s, at, &from, &to);
        if (from == to && from == last)
            continue;
        buf_add(&b, s.ptr + done, from - done);
        expand(&b, &r, s, c->args[2]->u.s, c->mem);
        done = last = to;
    }
    buf_add(&b, s.ptr + done, s.len - done);
    TRY(buf_check(&b, "the replaced text"));
    c->out = hcl_bytes(c->mem, buf_view(&b));
    return NULL;
}

static Err *fn_regexpescape(Call *c) {
    Str s = c->args[0]->u.s;
    Buf b;
    buf_init(&b, c->mem, BUF_MAX_TEXT);
    for (size_t i = 0; i < s.len; i++) {
        if (s.ptr[i] && strchr("\\.+*?()|[]{}^$", s.ptr[i]))
            buf_char(&b, '\\');
        buf_char(&b, s.ptr[i]);
    }
    c->out = hcl_bytes(c->mem, buf_view(&b));
    return NULL;
}

const Function functions_regex[] = {
    {.name = "regex", .fn = fn_regex, .params = {{"pattern", TEXT, false}, {"string", TEXT, false}}},
    {.name = "regexall", .fn = fn_regexall,
     .params = {{"pattern", TEXT, false}, {"string", TEXT, false}}},
    {.name = "regexreplace", .fn = fn_regexreplace,
     .params = {{"str", TEXT, false}, {"pattern", TEXT, false}, {"replace", TEXT, false}}},
    {.name = "regexpescape", .fn = fn_regexpescape, .params = {{"str", TEXT, false}}},
    {0},
};
