#include "atlas/base/fs.h"
#include "atlas/base/json.h"
#include "driver.h"

enum { OUTPUTS_MAX = 16 << 20 };

Err *output_export(const char *path, const char *variable, Str value) {
    AutoArena tmp = arena_new(NULL);
    Buf b;
    buf_init(&b, tmp, OUTPUTS_MAX);
    buf_printf(&b, "export %s='", variable);
    for (size_t i = 0; i < value.len; i++) {
        if (value.ptr[i] == '\'')
            buf_str(&b, "'\\''");
        else if (value.ptr[i]) // no shell can hold a NUL
            buf_char(&b, value.ptr[i]);
    }
    buf_str(&b, "'\n");
    TRY(buf_check(&b, variable));
    return fs_append(path, buf_view(&b), 0644);
}

// Outputs of earlier steps are kept; a file that is no JSON object is replaced.
static Err *read_object(Value **out, const char *path, Arena *mem) {
    Str text;
    *out = value_map(mem);
    Err *e = fs_read(&text, path, OUTPUTS_MAX, mem);
    if (err_code(e) == E_NOT_FOUND) {
        err_free(e);
        return NULL;
    }
    TRY(e);
    Value *v = NULL;
    AutoErr bad = json_parse(&v, text, path, mem);
    if (bad || v->kind != V_MAP)
        log_warn("%s is not a JSON object and is written anew", path);
    else
        *out = v;
    return NULL;
}

// JSON is UTF-8: other bytes become U+FFFD.
static Str valid_utf8(Str s, Arena *mem) {
    if (utf8_valid(s.ptr, s.len))
        return s;
    Buf b;
    buf_init(&b, mem, OUTPUTS_MAX);
    for (size_t i = 0; i < s.len;) {
        uint32_t cp;
        size_t n = utf8_decode(s.ptr + i, s.len - i, &cp);
        buf_add(&b, n ? s.ptr + i : "\xEF\xBF\xBD", n ? n : 3);
        i += n ? n : 1;
    }
    return buf_view(&b);
}

Err *output_json(const char *path, const char *variable, Str value) {
    AutoArena tmp = arena_new(NULL);
    Value *object;
    TRY(read_object(&object, path, tmp));
    value_set(object, tmp, variable, value_bytes(tmp, valid_utf8(value, tmp)), 0);
    Buf b;
    buf_init(&b, tmp, OUTPUTS_MAX);
    json_write_indent(&b, object, JSON_PLAIN, "", "  ");
    buf_char(&b, '\n');
    TRY(buf_check(&b, path));
    return fs_write_atomic(path, buf_view(&b), 0644);
}
