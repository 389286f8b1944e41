// JSON text: jansson reads it, our writer makes it (jansson has neither Go's nor RFC 8785's style).
#include "atlas/base/json.h"

#include <jansson.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>

static Err *convert(Value **out, const json_t *j, int depth, Arena *mem);

static Err *convert_object(Value **out, const json_t *j, int depth, Arena *mem) {
    *out = value_map(mem);
    // jansson's iterators take a non-const object but do not change it.
    union {
        const json_t *in;
        json_t *out;
    } object = {.in = j};
    for (void *it = json_object_iter(object.out); it; it = json_object_iter_next(object.out, it)) {
        Value *item = NULL;
        TRY(convert(&item, json_object_iter_value(it), depth + 1, mem));
        // Keys are unique here (duplicates were refused), so no search is needed.
        list_push(&(*out)->u.map, mem,
                  (Member){.key = arena_strdup(mem, json_object_iter_key(it)), .value = item});
    }
    return NULL;
}

static Err *convert(Value **out, const json_t *j, int depth, Arena *mem) {
    if (depth > JSON_MAX_DEPTH)
        return err_new(E_SYNTAX, "nested deeper than %d levels", JSON_MAX_DEPTH);
    switch (json_typeof(j)) {
    case JSON_OBJECT:
        return convert_object(out, j, depth, mem);
    case JSON_ARRAY:
        *out = value_list(mem);
        for (size_t i = 0; i < json_array_size(j); i++) {
            Value *item = NULL;
            TRY(convert(&item, json_array_get(j, i), depth + 1, mem));
            value_push(*out, mem, item);
        }
        return NULL;
    case JSON_STRING:
        *out = value_bytes(mem, str_slice(json_string_value(j), json_string_length(j)));
        return NULL;
    case JSON_INTEGER:
        *out = value_int(mem, json_integer_value(j));
        return NULL;
    case JSON_REAL:
        *out = value_real(mem, json_real_value(j));
        return NULL;
    case JSON_TRUE:
    case JSON_FALSE:
        *out = value_bool(mem, json_is_true(j));
        return NULL;
    case JSON_NULL:
        break;
    }
    *out = value_null(mem);
    return NULL;
}

static void json_release(json_t **j) { json_decref(*j); }

Err *json_parse(Value **out, Str text, const char *name, Arena *mem) {
    json_error_t error;
    __attribute__((cleanup(json_release))) json_t *root =
        json_loadb(text.len ? text.ptr : "", text.len,
                   JSON_REJECT_DUPLICATES | JSON_DECODE_ANY | JSON_ALLOW_NUL, &error);
    Err *e = root ? convert(out, root, 1, mem) : err_new(E_SYNTAX, "invalid JSON: %s", error.text);
    if (e && name)
        return root ? err_wrap(e, "%s: invalid JSON", name)
                    : err_at(e, name, error.line, error.column);
    return e;
}

// --- writing ------------------------------------------------------------------------------------

typedef struct Writer {
    Buf *out;
    JsonStyle style;
    const char *prefix, *indent; // indent NULL: compact
} Writer;

static void write_escape(Buf *out, uint32_t cp, JsonStyle style) {
    static const char shorts[] = "\"\\\b\f\n\r\t", letters[] = "\"\\bfnrt";
    const char *hit = cp && cp < 128 ? strchr(shorts, (int)cp) : NULL;
    if (hit)
        buf_printf(out, "\\%c", letters[hit - shorts]);
    else if (cp < 0x20 || (style == JSON_GO && (cp == '<' || cp == '>' || cp == '&' ||
                                                cp == 0x2028 || cp == 0x2029)))
        buf_printf(out, "\\u%04x", cp);
    else {
        char bytes[4];
        buf_add(out, bytes, utf8_put(cp, bytes));
    }
}

// Printable ASCII that every style writes as it is.
static bool is_plain(char c) {
    static const bool special[128] = {['"'] = true, ['\\'] = true, ['<'] = true, ['>'] = true,
                                      ['&'] = true};
    return c >= ' ' && !special[(unsigned char)c];
}

void json_write_string(Buf *out, Str s, JsonStyle style) {
    buf_char(out, '"');
    for (size_t i = 0; i < s.len;) {
        // The common case in one step: a run of plain ASCII.
        size_t run = i;
        while (run < s.len && is_plain(s.ptr[run]))
            run++;
        buf_add(out, s.ptr + i, run - i);
        i = run;
        if (i == s.len)
            break;
        uint32_t cp = 0xFFFD;
        size_t n = utf8_decode(s.ptr + i, s.len - i, &cp);
        if (!n && style == JSON_GO)
            buf_str(out, "\\ufffd"); // as encoding/json writes broken bytes
        else
            write_escape(out, n ? cp : 0xFFFD, style);
        i += n ? n : 1;
    }
    buf_char(out, '"');
}

// The shortest digits that read back as the same double, laid out as ECMAScript does.
static void write_real(Buf *out, double r) {
    if (!isfinite(r)) {
        buf_str(out, "null");
        return;
    }
    char text[40];
    int precision = 1;
    do
        snprintf(text, sizeof text, "%.*e", precision - 1, r);
    while (strtod(text, NULL) != r && ++precision <= 17);
    double size = fabs(r);
    if (r == 0) {
        buf_char(out, '0');
    } else if (size >= 1e21 || size < 1e-6) {
        char *e = strchr(text, 'e');
        buf_add(out, text, (size_t)(e - text));
        buf_printf(out, "e%c%d", e[1], abs((int)strtol(e + 1, NULL, 10)));
    } else {
        int exponent = (int)strtol(strchr(text, 'e') + 1, NULL, 10);
        int decimals = precision - 1 - exponent;
        buf_printf(out, "%.*f", decimals > 0 ? decimals : 0, r);
    }
}

static void newline(const Writer *w, int depth) {
    if (!w->indent)
        return;
    buf_char(w->out, '\n');
    buf_str(w->out, w->prefix);
    buf_repeat(w->out, w->indent, (size_t)depth);
}

static bool is_written(const Member *m, const Value *v) {
    return !(m->flags & M_HIDDEN) && !((m->flags & M_OMIT_EMPTY) && value_is_empty(v));
}

// Order of RFC 8785: by UTF-16 code units, which differs from bytes for supplementary characters.
static int compare_utf16(const char *a, const char *b) {
    size_t an = strlen(a), bn = strlen(b), i = 0, k = 0;
    while (i < an && k < bn) {
        uint32_t x = 0, y = 0;
        size_t n = utf8_decode(a + i, an - i, &x), m = utf8_decode(b + k, bn - k, &y);
        if (x != y) {
            uint32_t hx = x >= 0x10000 ? 0xD800 + ((x - 0x10000) >> 10) : x;
            uint32_t hy = y >= 0x10000 ? 0xD800 + ((y - 0x10000) >> 10) : y;
            return hx != hy ? (hx < hy ? -1 : 1) : (x < y ? -1 : 1);
        }
        i += n ? n : 1;
        k += m ? m : 1;
    }
    return (i < an) - (k < bn);
}

static int compare_members(const void *a, const void *b) {
    const Member *const *x = a, *const *y = b;
    return compare_utf16((*x)->key, (*y)->key);
}

static void write_value(const Writer *w, const Value *v, int depth);

static void write_map(const Writer *w, const Value *v, int depth) {
    size_t count = v->u.map.len;
    AutoArena tmp = arena_new(NULL);
    const Member **order = NEW_ARRAY(tmp, const Member *, count + 1);
    for (size_t i = 0; i < count; i++) {
        value_member(v, i); // resolves a lazy one
        order[i] = &v->u.map.items[i];
    }
    if (w->style == JSON_CANONICAL)
        qsort(order, count, sizeof *order, compare_members);
    bool first = true;
    buf_char(w->out, '{');
    for (size_t i = 0; i < count; i++) {
        if (!is_written(order[i], order[i]->value))
            continue;
        if (!first)
            buf_char(w->out, ',');
        first = false;
        newline(w, depth + 1);
        json_write_string(w->out, str_from(order[i]->key), w->style);
        buf_str(w->out, w->indent ? ": " : ":");
        write_value(w, order[i]->value, depth + 1);
    }
    if (!first)
        newline(w, depth);
    buf_char(w->out, '}');
}

static void write_list(const Writer *w, const Value *v, int depth) {
    buf_char(w->out, '[');
    for (size_t i = 0; i < v->u.list.len; i++) {
        if (i)
            buf_char(w->out, ',');
        newline(w, depth + 1);
        write_value(w, v->u.list.items[i], depth + 1);
    }
    if (v->u.list.len)
        newline(w, depth);
    buf_char(w->out, ']');
}

static void write_time(const Writer *w, Time t) {
    AutoArena tmp = arena_new(NULL);
    json_write_string(w->out, str_from(time_rfc3339nano(tmp, t)), w->style);
}

static void write_value(const Writer *w, const Value *v, int depth) {
    if (!v) {
        buf_str(w->out, "null");
        return;
    }
    switch (v->kind) {
    case V_NULL:
        buf_str(w->out, "null");
        break;
    case V_BOOL:
        buf_str(w->out, v->u.b ? "true" : "false");
        break;
    case V_INT:
        buf_printf(w->out, "%lld", (long long)v->u.i);
        break;
    case V_DURATION:
        buf_printf(w->out, "%lld", (long long)v->u.duration);
        break;
    case V_REAL:
        write_real(w->out, v->u.r);
        break;
    case V_STR:
        json_write_string(w->out, v->u.s, w->style);
        break;
    case V_TIME:
        write_time(w, v->u.time);
        break;
    case V_LIST:
        write_list(w, v, depth);
        break;
    case V_MAP:
        write_map(w, v, depth);
        break;
    }
}

void json_write(Buf *out, const Value *v, JsonStyle style) {
    write_value(&(Writer){out, style, "", NULL}, v, 0);
}

void json_write_indent(Buf *out, const Value *v, JsonStyle style, const char *prefix,
                       const char *indent) {
    bool compact = !*prefix && !*indent;
    write_value(&(Writer){out, style, prefix, compact ? NULL : indent}, v, 0);
}

char *json_text(Arena *mem, const Value *v, JsonStyle style) {
    Buf out;
    buf_init(&out, mem, SIZE_MAX);
    json_write(&out, v, style);
    return out.ptr;
}
