#include "atlas/base/buf.h"

#include <stdio.h>
#include <string.h>

void buf_init(Buf *b, Arena *mem, size_t max) {
    *b = (Buf){.mem = mem, .max = max, .cap = 64};
    b->ptr = arena_alloc(mem, b->cap);
}

void buf_clear(Buf *b) {
    b->len = 0;
    b->ptr[0] = 0;
    b->overflow = false;
}

static bool reserve(Buf *b, size_t more) {
    if (b->overflow || more > b->max - b->len) {
        b->overflow = true;
        return false;
    }
    if (b->len + more + 1 > b->cap) {
        size_t cap = b->cap * 2 > b->len + more + 1 ? b->cap * 2 : b->len + more + 1;
        b->ptr = arena_realloc(b->mem, b->ptr, b->cap, cap);
        b->cap = cap;
    }
    return true;
}

void buf_add(Buf *b, const void *data, size_t len) {
    if (!len || !reserve(b, len))
        return;
    memcpy(b->ptr + b->len, data, len);
    b->len += len;
    b->ptr[b->len] = 0;
}

void buf_str(Buf *b, const char *s) { buf_add(b, s, strlen(s)); }
void buf_char(Buf *b, char c) { buf_add(b, &c, 1); }

void buf_repeat(Buf *b, const char *s, size_t count) {
    for (size_t i = 0; i < count; i++)
        buf_str(b, s);
}

void buf_vprintf(Buf *b, const char *fmt, va_list ap) {
    va_list again;
    va_copy(again, ap);
    int n = vsnprintf(NULL, 0, fmt, ap);
    if (n < 0)
        BUG("bad format %s", fmt);
    if (reserve(b, (size_t)n)) {
        vsnprintf(b->ptr + b->len, (size_t)n + 1, fmt, again);
        b->len += (size_t)n;
    }
    va_end(again);
}

void buf_printf(Buf *b, const char *fmt, ...) {
    va_list ap;
    va_start(ap, fmt);
    buf_vprintf(b, fmt, ap);
    va_end(ap);
}

Str buf_view(const Buf *b) { return (Str){b->ptr, b->len}; }

Err *buf_check(const Buf *b, const char *what) {
    return b->overflow ? err_new(E_TOO_LARGE, "%s is over the limit of %zu bytes", what, b->max)
                       : NULL;
}
