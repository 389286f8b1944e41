#include "lex.h"

typedef struct Shape {
    bool ascii, quotable;
} Shape;

// Without backslashes, quotes mean the same in every sql_mode.
static Shape shape_of(Str text) {
    Shape s = {.ascii = true, .quotable = true};
    for (size_t i = 0; i < text.len; i++) {
        unsigned char c = (unsigned char)text.ptr[i];
        s.ascii = s.ascii && c < 0x7f;
        s.quotable = s.quotable && c != '\\' && (c >= ' ' || c == '\n' || c == '\t' || c == '\r');
    }
    return s;
}

static void add_quoted(Buf *b, Str text) {
    const char *from = text.ptr, *end = text.ptr + text.len;
    buf_char(b, '\'');
    for (const char *q; from < end && (q = memchr(from, '\'', (size_t)(end - from)));
         from = q + 1) {
        buf_add(b, from, (size_t)(q - from));
        buf_str(b, "''");
    }
    buf_add(b, from, (size_t)(end - from));
    buf_char(b, '\'');
}

static void add_hex(Buf *b, Str text) {
    static const char digits[] = "0123456789abcdef";
    buf_str(b, "0x");
    for (size_t i = 0; i < text.len; i++) {
        unsigned char c = (unsigned char)text.ptr[i];
        buf_char(b, digits[c >> 4]);
        buf_char(b, digits[c & 15]);
    }
}

void maria_literal(Buf *b, Str text) {
    Shape s = shape_of(text);
    if (!s.ascii && !utf8_valid(text.ptr, text.len)) {
        buf_str(b, "CONVERT(");
        add_hex(b, text);
        buf_str(b, " USING utf8mb4)");
        return;
    }
    if (!s.ascii || !s.quotable)
        buf_str(b, "_utf8mb4 ");
    if (s.quotable)
        add_quoted(b, text);
    else
        add_hex(b, text);
}

char *maria_quote(Arena *mem, const char *text) {
    Buf b;
    buf_init(&b, mem, BUF_MAX_TEXT);
    maria_literal(&b, str_from(text));
    return b.ptr;
}

char *maria_ident(Arena *mem, const char *name) {
    return arena_printf(mem, "`%s`", cstr_replace(mem, name, "`", "``"));
}
