// The functions that all of our templates share.
#include <stdlib.h>

#include "atlas/base/json.h"
#include "atlas/tmpl.h"
#include "print.h"

#define FUNC(name)                                                                                 \
    static Err *name(const TmplOptions *o UNUSED, Value *const *args UNUSED, size_t n UNUSED,      \
                     Value **out UNUSED, Arena *mem UNUSED)

enum { MAX_REPEAT = 16 << 20 };

static Err *want(const Value *v, ValueKind kind) {
    if (v && v->kind == kind)
        return NULL;
    return err_new(E_INVALID, "wrong type for value; expected %s; got %s",
                   print_type(&(Value){.kind = kind}), print_type(v));
}

static Err *give(Value **out, const Buf *b, Arena *mem) {
    TRY(buf_check(b, "the result"));
    *out = value_bytes(mem, buf_view(b));
    return NULL;
}

FUNC(func_json) {
    for (size_t i = 1; i < n; i++)
        TRY(want(args[i], V_STR));
    Buf b;
    buf_init(&b, mem, BUF_MAX_TEXT);
    const char *prefix = n == 3 ? value_text(args[1]) : "";
    json_write_indent(&b, args[0], JSON_GO, prefix, n > 1 ? value_text(args[n - 1]) : "");
    return give(out, &b, mem);
}

static int compare_members(const void *a, const void *b) {
    return strcmp(((const Member *)a)->key, ((const Member *)b)->key);
}

static void sort_keys(Value *v) {
    if (v->kind == V_LIST)
        for (size_t i = 0; i < v->u.list.len; i++)
            sort_keys(v->u.list.items[i]);
    if (v->kind != V_MAP || !v->u.map.len)
        return;
    qsort(v->u.map.items, v->u.map.len, sizeof *v->u.map.items, compare_members);
    for (size_t i = 0; i < v->u.map.len; i++)
        sort_keys(value_member(v, i));
}

FUNC(func_json_merge) {
    Value *merged = value_map(mem);
    for (size_t i = 0; i < n; i++) {
        Value *one;
        TRY(want(args[i], V_STR));
        TRY(json_parse(&one, args[i]->u.s, NULL, mem));
        if (one->kind == V_NULL)
            continue;
        if (one->kind != V_MAP)
            return err_new(E_INVALID, "json_merge: argument %zu is not a JSON object", i + 1);
        for (size_t k = 0; k < one->u.map.len; k++)
            value_set(merged, mem, one->u.map.items[k].key, value_member(one, k), 0);
    }
    sort_keys(merged);
    Buf b;
    buf_init(&b, mem, BUF_MAX_TEXT);
    json_write(&b, merged, JSON_GO);
    return give(out, &b, mem);
}

FUNC(func_add) {
    TRY(want(args[0], V_INT));
    TRY(want(args[1], V_INT));
    *out = value_int(mem, (int64_t)((uint64_t)args[0]->u.i + (uint64_t)args[1]->u.i));
    return NULL;
}
FUNC(func_sub) {
    TRY(want(args[0], V_INT));
    TRY(want(args[1], V_INT));
    *out = value_int(mem, (int64_t)((uint64_t)args[0]->u.i - (uint64_t)args[1]->u.i));
    return NULL;
}
FUNC(func_upper) {
    TRY(want(args[0], V_STR));
    *out = value_str(mem, cstr_upper(mem, value_text(args[0])));
    return NULL;
}
FUNC(func_lower) {
    TRY(want(args[0], V_STR));
    *out = value_str(mem, cstr_lower(mem, value_text(args[0])));
    return NULL;
}

// default FALLBACK VALUE, so that the value can be piped in.
FUNC(func_default) {
    *out = is_nil(args[1]) || value_is_empty(args[1]) ? args[0] : args[1];
    return NULL;
}

FUNC(func_join) {
    TRY(want(args[0], V_LIST));
    TRY(want(args[1], V_STR));
    Buf b;
    buf_init(&b, mem, BUF_MAX_TEXT);
    for (size_t i = 0; i < value_len(args[0]); i++) {
        if (i)
            buf_add(&b, args[1]->u.s.ptr, args[1]->u.s.len);
        tmpl_print(&b, value_at(args[0], i));
    }
    return give(out, &b, mem);
}

FUNC(func_split) {
    TRY(want(args[0], V_STR));
    TRY(want(args[1], V_STR));
    Str s = args[0]->u.s, sep = args[1]->u.s;
    *out = value_list(mem);
    while (sep.len) {
        const char *at = memmem(s.ptr, s.len, sep.ptr, sep.len);
        if (!at)
            break;
        size_t len = (size_t)(at - s.ptr);
        value_push(*out, mem, value_bytes(mem, str_slice(s.ptr, len)));
        s = str_slice(at + sep.len, s.len - len - sep.len);
    }
    for (size_t i = 0, len; !sep.len && i < s.len; i += len) {
        uint32_t cp;
        len = utf8_decode(s.ptr + i, s.len - i, &cp);
        len = len ? len : 1;
        value_push(*out, mem, value_bytes(mem, str_slice(s.ptr + i, len)));
    }
    if (sep.len)
        value_push(*out, mem, value_bytes(mem, s));
    return NULL;
}

FUNC(func_repeat) {
    TRY(want(args[0], V_STR));
    TRY(want(args[1], V_INT));
    int64_t count = args[1]->u.i;
    size_t len = args[0]->u.s.len;
    if (count < 0)
        return err_new(E_INVALID, "strings: negative Repeat count");
    if (len && (uint64_t)count > MAX_REPEAT / len)
        return err_new(E_TOO_LARGE, "the repeated text is over %d bytes", MAX_REPEAT);
    Buf b;
    buf_init(&b, mem, MAX_REPEAT);
    for (int64_t i = 0; len && i < count; i++)
        buf_add(&b, args[0]->u.s.ptr, len);
    return give(out, &b, mem);
}

// indent_ln TEXT N: N spaces after each newline.
FUNC(func_indent_ln) {
    TRY(want(args[0], V_STR));
    TRY(want(args[1], V_INT));
    if (args[1]->u.i < 0 || args[1]->u.i > 1000)
        return err_new(E_INVALID, "indent_ln: the indent must be between 0 and 1000");
    Str s = args[0]->u.s;
    Buf b;
    buf_init(&b, mem, BUF_MAX_TEXT);
    for (size_t i = 0; i < s.len; i++) {
        buf_char(&b, s.ptr[i]);
        if (s.ptr[i] == '\n')
            buf_repeat(&b, " ", (size_t)args[1]->u.i);
    }
    return give(out, &b, mem);
}

// Base64 text made fit for URLs: "+" to "-", "/" to "_", "=" dropped.
FUNC(func_base64url) {
    TRY(want(args[0], V_STR));
    Buf b;
    buf_init(&b, mem, BUF_MAX_TEXT);
    for (const char *s = value_text(args[0]); *s; s++)
        if (*s != '=')
            buf_char(&b, *s == '+' ? '-' : *s == '/' ? '_' : *s);
    return give(out, &b, mem);
}

// Colours take a text, or a format and its arguments.
static Err *colour(const TmplOptions *o, const char *code, Value *const *args, size_t n,
                   Value **out, Arena *mem) {
    Buf b;
    buf_init(&b, mem, BUF_MAX_TEXT);
    if (o->colour)
        buf_printf(&b, "\x1b[%sm", code);
    if (n > 1 && args[0] && args[0]->kind == V_STR)
        print_format(&b, args[0]->u.s, args + 1, n - 1, mem);
    else
        print_args(&b, args, n, false);
    if (o->colour)
        buf_str(&b, "\x1b[0m");
    return give(out, &b, mem);
}

FUNC(func_red) {
    return colour(o, "31", args, n, out, mem);
}
FUNC(func_green) {
    return colour(o, "32", args, n, out, mem);
}
FUNC(func_yellow) {
    return colour(o, "33", args, n, out, mem);
}
FUNC(func_cyan) {
    return colour(o, "36", args, n, out, mem);
}
FUNC(func_gray) {
    return colour(o, "90", args, n, out, mem);
}
FUNC(func_underline) {
    return colour(o, "4", args, n, out, mem);
}
FUNC(func_alarm) {
    return colour(o, "97;41", args, n, out, mem);
}

static const TmplFunc shared[] = {
    {"json", 1, 3, func_json},
    {"json_merge", 0, -1, func_json_merge},
    {"add", 2, 2, func_add},
    {"sub", 2, 2, func_sub},
    {"upper", 1, 1, func_upper},
    {"lower", 1, 1, func_lower},
    {"default", 2, 2, func_default},
    {"join", 2, 2, func_join},
    {"split", 2, 2, func_split},
    {"repeat", 2, 2, func_repeat},
    {"indent_ln", 2, 2, func_indent_ln},
    {"base64url", 1, 1, func_base64url},
    {"cyan", 1, -1, func_cyan},
    {"green", 1, -1, func_green},
    {"red", 1, -1, func_red},
    {"yellow", 1, -1, func_yellow},
    {"gray", 1, -1, func_gray},
    {"underline", 1, -1, func_underline},
    {"redBgWhiteFg", 1, -1, func_alarm},
};
const TmplFuncs tmpl_shared_funcs = {shared, COUNT_OF(shared), NULL};
