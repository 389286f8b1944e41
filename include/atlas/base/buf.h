// A growing byte buffer that names its maximum. It lives in an arena; nothing to release.
//
// Additions past the maximum are dropped and remembered: ask buf_check() once, at the end.
// The content is always NUL-terminated (the NUL is not counted).
#ifndef ATLAS_BASE_BUF_H
#define ATLAS_BASE_BUF_H

#include <stdbool.h>
#include <stddef.h>

#include "atlas/base/err.h"
#include "atlas/base/str.h"

typedef struct Buf {
    char *ptr; // never NULL after buf_init
    size_t len, cap, max;
    Arena *mem;
    bool overflow;
} Buf;

#define BUF_MAX_TEXT ((size_t)64 << 20) // for texts made by this program

void buf_init(Buf *b, Arena *mem, size_t max);
void buf_clear(Buf *b);
void buf_add(Buf *b, const void *data, size_t len);
void buf_str(Buf *b, const char *s);
void buf_char(Buf *b, char c);
void buf_repeat(Buf *b, const char *s, size_t count);
void buf_printf(Buf *b, const char *fmt, ...) PRINTF(2, 3);
void buf_vprintf(Buf *b, const char *fmt, va_list ap) PRINTF(2, 0);
Str buf_view(const Buf *b); // valid until the next addition
// E_TOO_LARGE, naming `what`, if anything was dropped.
Err *buf_check(const Buf *b, const char *what) MUST_USE;

#endif
