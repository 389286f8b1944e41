// The kinds of inputs, with the error texts that Go's strconv and time give.
#include <stdlib.h>

#include "atlas/base/buf.h"
#include "atlas/base/json.h"
#include "atlas/base/url.h"
#include "atlas/platform.h"

static Err *invalid(const char *name, const char *kind, const char *why, const char *text,
                    const char *reason) {
    return err_new(E_USAGE, "the input \"%s\" got invalid value for %s: %s \"%s\": %s", name, kind,
                   why, text, reason);
}

Err *input_bool(bool *out, const char *name, const char *text) {
    static const char *const yes[] = {"1", "t", "T", "TRUE", "true", "True"};
    static const char *const no[] = {"", "0", "f", "F", "FALSE", "false", "False"};
    AutoArena tmp = arena_new(NULL);
    const char *value = cstr_trim(tmp, text);
    for (size_t i = 0; i < COUNT_OF(yes); i++)
        if ((*out = cstr_eq(value, yes[i])))
            return NULL;
    for (size_t i = 0; i < COUNT_OF(no); i++)
        if (cstr_eq(value, no[i]))
            return NULL;
    return invalid(name, "boolean", "strconv.ParseBool: parsing", value, "invalid syntax");
}

Err *input_number(uint64_t *out, const char *name, const char *text) {
    AutoArena tmp = arena_new(NULL);
    const char *value = cstr_trim(tmp, text);
    *out = 0;
    if (!*value || cstr_to_u64(value, UINT64_MAX, out))
        return NULL;
    bool digits = value[strspn(value, "0123456789")] == 0;
    return invalid(name, "uint64", "strconv.ParseUint: parsing", value,
                   digits ? "value out of range" : "invalid syntax");
}

Err *input_duration(Duration *out, const char *name, const char *text) {
    AutoArena tmp = arena_new(NULL);
    const char *value = cstr_trim(tmp, text);
    *out = 0;
    if (!*value || duration_parse(value, out))
        return NULL;
    bool bare = value[strspn(value, "0123456789.")] == 0;
    return err_new(E_USAGE, "the input \"%s\" got invalid value for duration: time: %s \"%s\"",
                   name, bare ? "missing unit in duration" : "invalid duration", value);
}

StrList input_array(const char *text, Arena *mem) {
    StrList lines = cstr_split(mem, text, '\n'), items = {0};
    for (size_t i = 0; i < lines.len; i++) {
        const char *item = cstr_trim(mem, lines.items[i]);
        if (*item)
            list_push(&items, mem, item);
    }
    return items;
}

// As Go prints a float64: the shortest text that reads back the same, "100" but "1e+06".
static char *real_text(Arena *mem, double r) {
    char text[40];
    int digits = 0;
    do
        snprintf(text, sizeof text, "%.*e", digits++, r);
    while (digits < 18 && strtod(text, NULL) != r);
    int exponent = (int)strtol(strchr(text, 'e') + 1, NULL, 10);
    if (exponent < -4 || exponent >= 6)
        return arena_strdup(mem, text);
    int decimals = digits - 1 - exponent;
    return arena_printf(mem, "%.*f", decimals > 0 ? decimals : 0, r);
}

static Err *var_text(const char **out, const char *name, const char *key, const Value *v,
                     Arena *mem) {
    switch (v->kind) {
    case V_STR:
        *out = value_text(v);
        return NULL;
    case V_BOOL:
        *out = v->u.b ? "true" : "false";
        return NULL;
    case V_INT:
        *out = real_text(mem, (double)v->u.i);
        return NULL;
    case V_REAL:
        *out = real_text(mem, v->u.r);
        return NULL;
    default:
        return err_new(
            E_USAGE,
            "the input \"%s\": the value of \"%s\" must be a string, a number, a boolean "
            "or a list of these",
            name, key);
    }
}

static int compare_members(const void *a, const void *b) {
    return strcmp(((const Member *)a)->key, ((const Member *)b)->key);
}

Err *input_vars(StrList *out, const char *name, const char *text, Arena *mem) {
    Value *v;
    *out = (StrList){0};
    const char *value = cstr_trim(mem, text);
    if (!*value)
        return NULL;
    Err *e = json_parse(&v, str_from(value), NULL, mem);
    if (e)
        return err_set_code(err_wrap(e, "the input \"%s\" is not a valid JSON string", name),
                            E_USAGE);
    if (v->kind != V_MAP)
        return err_new(E_USAGE, "the input \"%s\" is not a valid JSON string: it must be an object",
                       name);
    if (v->u.map.len)
        qsort(v->u.map.items, v->u.map.len, sizeof *v->u.map.items, compare_members);
    for (size_t i = 0; i < v->u.map.len; i++) {
        const char *key = v->u.map.items[i].key, *item;
        const Value *member = value_member(v, i);
        size_t count = member->kind == V_LIST ? value_len(member) : 1;
        for (size_t k = 0; k < count; k++) {
            TRY(var_text(&item, name, key, member->kind == V_LIST ? value_at(member, k) : member,
                         mem));
            list_push(out, mem, arena_printf(mem, "%s=%s", key, item));
        }
    }
    return NULL;
}

char *input_atlas_url(Arena *mem, const char *name, const UrlParam *params, size_t count) {
    Buf b;
    buf_init(&b, mem, BUF_MAX_TEXT);
    buf_printf(&b, "atlas://%s", url_encode(mem, name, true));
    char sep = '?';
    for (size_t i = 0; i < count; i++) {
        if (cstr_empty(params[i].value))
            continue;
        buf_printf(&b, "%c%s=%s", sep, url_query_escape(mem, params[i].key),
                   url_query_escape(mem, params[i].value));
        sep = '&';
    }
    return b.ptr;
}
