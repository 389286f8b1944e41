// Go's builtin functions, `and` and `or` excepted: those do not evaluate all their arguments.
#include "builtin.h"

#include "atlas/base/url.h"
#include "print.h"

#define BUILTIN(name)                                                                              \
    static Err *name(const TmplOptions *o UNUSED, Value *const *args UNUSED, size_t n UNUSED,      \
                     Value **out UNUSED, Arena *mem UNUSED)

bool value_is_true(const Value *v) {
    if (is_nil(v))
        return false;
    return v->kind == V_TIME || !value_is_empty(v);
}

// --- printing ------------------------------------------------------------------------------------

BUILTIN(builtin_print) {
    Buf b;
    buf_init(&b, mem, BUF_MAX_TEXT);
    print_args(&b, args, n, false);
    *out = value_bytes(mem, buf_view(&b));
    return buf_check(&b, "the result");
}

BUILTIN(builtin_println) {
    Buf b;
    buf_init(&b, mem, BUF_MAX_TEXT);
    print_args(&b, args, n, true);
    *out = value_bytes(mem, buf_view(&b));
    return buf_check(&b, "the result");
}

BUILTIN(builtin_printf) {
    if (!args[0] || args[0]->kind != V_STR)
        return err_new(E_INVALID, "wrong type for value; expected string; got %s",
                       print_type(args[0]));
    Buf b;
    buf_init(&b, mem, BUF_MAX_TEXT);
    print_format(&b, args[0]->u.s, args + 1, n - 1, mem);
    *out = value_bytes(mem, buf_view(&b));
    return buf_check(&b, "the result");
}

static Str joined(Value *const *args, size_t n, Arena *mem) {
    if (n == 1 && args[0] && args[0]->kind == V_STR)
        return args[0]->u.s;
    Value **shown = NEW_ARRAY(mem, Value *, n + 1);
    for (size_t i = 0; i < n; i++)
        shown[i] = is_nil(args[i]) ? value_str(mem, "<no value>") : args[i];
    Buf b;
    buf_init(&b, mem, BUF_MAX_TEXT);
    print_args(&b, shown, n, false);
    return buf_view(&b);
}

BUILTIN(builtin_html) {
    Str s = joined(args, n, mem);
    Buf b;
    buf_init(&b, mem, BUF_MAX_TEXT);
    for (size_t i = 0; i < s.len; i++) {
        static const char special[] = "\"'&<>";
        static const char *const entities[] = {"&#34;", "&#39;", "&amp;", "&lt;", "&gt;"};
        const char *at = s.ptr[i] ? strchr(special, s.ptr[i]) : NULL;
        if (at)
            buf_str(&b, entities[at - special]);
        else if (s.ptr[i])
            buf_char(&b, s.ptr[i]);
        else
            buf_str(&b, "\xEF\xBF\xBD");
    }
    *out = value_bytes(mem, buf_view(&b));
    return buf_check(&b, "the result");
}

static size_t js_char(Buf *b, const char *p, size_t len) {
    unsigned char c = (unsigned char)*p;
    uint32_t cp;
    if (c >= 0x80) {
        size_t n = utf8_decode(p, len, &cp);
        if (n && rune_prints(cp))
            buf_add(b, p, n);
        else
            buf_printf(b, "\\u%04X", n ? (unsigned)cp : 0xFFFDu);
        return n ? n : 1;
    }
    if (c && strchr("\\'\"", c))
        buf_printf(b, "\\%c", c);
    else if (c < ' ' || strchr("<>&=", c))
        buf_printf(b, "\\u%04X", (unsigned)c);
    else
        buf_char(b, (char)c);
    return 1;
}

BUILTIN(builtin_js) {
    Str s = joined(args, n, mem);
    Buf b;
    buf_init(&b, mem, BUF_MAX_TEXT);
    for (size_t i = 0; i < s.len;)
        i += js_char(&b, s.ptr + i, s.len - i);
    *out = value_bytes(mem, buf_view(&b));
    return buf_check(&b, "the result");
}

BUILTIN(builtin_urlquery) {
    *out = value_str(mem, url_query_escape(mem, str_dup(mem, joined(args, n, mem))));
    return NULL;
}

// --- len, index, slice ---------------------------------------------------------------------------

BUILTIN(builtin_len) {
    const Value *v = args[0];
    if (is_nil(v))
        return err_new(E_INVALID, "len of nil pointer");
    if (v->kind != V_STR && v->kind != V_LIST && (v->kind != V_MAP || v->struct_name))
        return err_new(E_INVALID, "len of type %s", print_type(v));
    *out = value_int(mem, (int64_t)value_len(v));
    return NULL;
}

static Err *index_arg(const Value *v, size_t max, size_t *out) {
    if (is_nil(v))
        return err_new(E_INVALID, "cannot index slice/array with nil");
    if (v->kind != V_INT && v->kind != V_DURATION)
        return err_new(E_INVALID, "cannot index slice/array with type %s", print_type(v));
    if (v->u.i < 0 || (uint64_t)v->u.i > max)
        return err_new(E_INVALID, "index out of range: %lld", (long long)v->u.i);
    *out = (size_t)v->u.i;
    return NULL;
}

static Err *index_once(Value **item, const Value *key, Arena *mem) {
    Value *v = *item;
    if (is_nil(v))
        return err_new(E_INVALID, "index of nil pointer");
    if (v->kind == V_MAP && !v->struct_name) {
        if (is_nil(key))
            return err_new(E_INVALID, "value is nil; should be of type string");
        if (key->kind != V_STR)
            return err_new(E_INVALID, "value has type %s; should be string", print_type(key));
        *item = value_get(v, value_text(key));
        return NULL;
    }
    if (v->kind != V_LIST && v->kind != V_STR)
        return err_new(E_INVALID, "can't index item of type %s", print_type(v));
    size_t len = value_len(v), i;
    TRY(index_arg(key, len, &i));
    if (i == len) // Go lets it pass the first check
        return err_new(E_INVALID, "reflect: %s index out of range",
                       v->kind == V_LIST ? "slice" : "string");
    *item = v->kind == V_LIST ? value_at(v, i) : value_int(mem, (unsigned char)v->u.s.ptr[i]);
    return NULL;
}

BUILTIN(builtin_index) {
    Value *item = args[0];
    if (is_nil(item))
        return err_new(E_INVALID, "index of untyped nil");
    for (size_t i = 1; i < n; i++)
        TRY(index_once(&item, args[i], mem));
    *out = item;
    return NULL;
}

BUILTIN(builtin_slice) {
    Value *v = args[0];
    if (is_nil(v))
        return err_new(E_INVALID, "slice of untyped nil");
    if (n > 4)
        return err_new(E_INVALID, "too many slice indexes: %zu", n - 1);
    if (v->kind == V_STR && n == 4)
        return err_new(E_INVALID, "cannot 3-index slice a string");
    if (v->kind != V_STR && v->kind != V_LIST)
        return err_new(E_INVALID, "can't slice item of type %s", print_type(v));
    size_t at[3] = {0, value_len(v), value_len(v)};
    for (size_t i = 1; i < n; i++)
        TRY(index_arg(args[i], value_len(v), &at[i - 1]));
    if (at[0] > at[1])
        return err_new(E_INVALID, "invalid slice index: %zu > %zu", at[0], at[1]);
    if (at[1] > at[2])
        return err_new(E_INVALID, "invalid slice index: %zu > %zu", at[1], at[2]);
    if (v->kind == V_STR) {
        *out = value_bytes(mem, str_slice(v->u.s.ptr + at[0], at[1] - at[0]));
        return NULL;
    }
    *out = value_list(mem);
    for (size_t i = at[0]; i < at[1]; i++)
        value_push(*out, mem, value_at(v, i));
    return NULL;
}

// --- comparison ----------------------------------------------------------------------------------

// Durations compare as integers, everything that has no order counts as one kind.
static ValueKind basic_kind(const Value *v) {
    if (is_nil(v))
        return V_NULL;
    switch (v->kind) {
    case V_BOOL:
    case V_INT:
    case V_REAL:
    case V_STR:
        return v->kind;
    case V_DURATION:
        return V_INT;
    default:
        return V_NULL;
    }
}

static Err *equal(const Value *a, const Value *b, bool *out) {
    ValueKind ka = basic_kind(a), kb = basic_kind(b);
    *out = false;
    if (ka != kb) {
        if (is_nil(a) || is_nil(b))
            return NULL;
        return err_new(E_INVALID, "incompatible types for comparison: %s and %s", print_type(a),
                       print_type(b));
    }
    if (is_nil(a) || is_nil(b)) {
        *out = is_nil(a) && is_nil(b);
        return NULL;
    }
    if (ka == V_INT) {
        *out = a->u.i == b->u.i; // durations share the representation
        return NULL;
    }
    if (ka == V_NULL && b->kind != V_TIME && !(b->kind == V_MAP && b->struct_name)) {
        AutoArena tmp = arena_new(NULL);
        Buf text;
        buf_init(&text, tmp, 1024);
        print_format(&text, str_from("%s"), (Value *const[]){value_copy(tmp, b)}, 1, tmp);
        return err_new(E_INVALID, "non-comparable type %s: %s", text.ptr, print_type(b));
    }
    *out = value_equal(a, b);
    return NULL;
}

static Err *less(const Value *a, const Value *b, bool *out) {
    ValueKind ka = basic_kind(a), kb = basic_kind(b);
    if (ka == V_NULL || kb == V_NULL)
        return err_new(E_INVALID, "invalid type for comparison");
    if (ka != kb)
        return err_new(E_INVALID, "incompatible types for comparison: %s and %s", print_type(a),
                       print_type(b));
    if (ka == V_BOOL)
        return err_new(E_INVALID, "invalid type for comparison");
    if (ka == V_INT) {
        *out = a->u.i < b->u.i;
    } else if (ka == V_REAL) {
        *out = a->u.r < b->u.r;
    } else {
        size_t len = a->u.s.len < b->u.s.len ? a->u.s.len : b->u.s.len;
        int c = len ? memcmp(a->u.s.ptr, b->u.s.ptr, len) : 0;
        *out = c < 0 || (c == 0 && a->u.s.len < b->u.s.len);
    }
    return NULL;
}

static Err *less_or_equal(const Value *a, const Value *b, bool *out) {
    TRY(less(a, b, out));
    return *out ? NULL : equal(a, b, out);
}

BUILTIN(builtin_eq) {
    bool result = false;
    if (n < 2)
        return err_new(E_INVALID, "missing argument for comparison");
    for (size_t i = 1; i < n && !result; i++)
        TRY(equal(args[0], args[i], &result));
    *out = value_bool(mem, result);
    return NULL;
}
BUILTIN(builtin_ne) {
    bool result = false;
    TRY(equal(args[0], args[1], &result));
    *out = value_bool(mem, !result);
    return NULL;
}
BUILTIN(builtin_lt) {
    bool result = false;
    TRY(less(args[0], args[1], &result));
    *out = value_bool(mem, result);
    return NULL;
}
BUILTIN(builtin_le) {
    bool result = false;
    TRY(less_or_equal(args[0], args[1], &result));
    *out = value_bool(mem, result);
    return NULL;
}
BUILTIN(builtin_gt) {
    bool result = false;
    TRY(less_or_equal(args[0], args[1], &result));
    *out = value_bool(mem, !result);
    return NULL;
}
BUILTIN(builtin_ge) {
    bool result = false;
    TRY(less(args[0], args[1], &result));
    *out = value_bool(mem, !result);
    return NULL;
}
BUILTIN(builtin_not) {
    *out = value_bool(mem, !value_is_true(args[0]));
    return NULL;
}
BUILTIN(builtin_lazy) {
    BUG("and/or are evaluated by the executor (%zu, %p)", n, (void *)out);
}

static const TmplFunc builtins[] = {
    {"and", 1, -1, builtin_lazy},      {"or", 1, -1, builtin_lazy},
    {"not", 1, 1, builtin_not},        {"len", 1, 1, builtin_len},
    {"index", 1, -1, builtin_index},   {"slice", 1, -1, builtin_slice},
    {"print", 0, -1, builtin_print},   {"println", 0, -1, builtin_println},
    {"printf", 1, -1, builtin_printf}, {"html", 0, -1, builtin_html},
    {"js", 0, -1, builtin_js},         {"urlquery", 0, -1, builtin_urlquery},
    {"eq", 1, -1, builtin_eq},         {"ne", 2, 2, builtin_ne},
    {"lt", 2, 2, builtin_lt},          {"le", 2, 2, builtin_le},
    {"gt", 2, 2, builtin_gt},          {"ge", 2, 2, builtin_ge},
};
const TmplFuncs tmpl_builtins = {builtins, COUNT_OF(builtins), NULL};

int builtin_lazy_truth(const TmplFunc *f) {
    if (f->fn != builtin_lazy)
        return -1;
    return cstr_eq(f->name, "and");
}
