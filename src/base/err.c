#include "atlas/base/err.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

// Errors own an arena each: they outlive whatever they speak of.
struct Err {
    Arena *mem;
    ErrCode code;
    const char *message;
    const char *context; // "outer: inner", grown by err_wrap
    const char *file;
    int line, column;
    const char *hint;
    char *text;
};

static const struct {
    const char *name, *title;
} codes[] = {
    [E_OK] = {"E_OK", "success"},
#define X(code, title) [code] = {#code, title},
#include "atlas/base/err.def"
#undef X
};

Err *err_new(ErrCode code, const char *fmt, ...) {
    Arena *mem = arena_new(NULL);
    Err *e = NEW(mem, Err);
    e->mem = mem;
    e->code = code;
    va_list ap;
    va_start(ap, fmt);
    e->message = arena_vprintf(mem, fmt, ap);
    va_end(ap);
    return e;
}

static ErrCode errno_code(int errnum) {
    switch (errnum) {
    case ENOENT:
    case ENOTDIR:
        return E_NOT_FOUND;
    case EACCES:
    case EPERM:
    case EROFS:
        return E_DENIED;
    case EEXIST:
        return E_EXISTS;
    default:
        return E_IO;
    }
}

Err *err_errno(int errnum, const char *fmt, ...) {
    Arena *mem = arena_new(NULL);
    Err *e = NEW(mem, Err);
    e->mem = mem;
    e->code = errno_code(errnum);
    va_list ap;
    va_start(ap, fmt);
    char *what = arena_vprintf(mem, fmt, ap);
    va_end(ap);
    e->message = arena_printf(mem, "%s: %s", what, strerrordesc_np(errnum));
    return e;
}

Err *err_wrap(Err *e, const char *fmt, ...) {
    va_list ap;
    va_start(ap, fmt);
    const char *outer = arena_vprintf(e->mem, fmt, ap);
    va_end(ap);
    e->context = e->context ? arena_printf(e->mem, "%s: %s", outer, e->context) : outer;
    e->text = NULL;
    return e;
}

Err *err_hint(Err *e, const char *fmt, ...) {
    if (e->hint)
        return e;
    va_list ap;
    va_start(ap, fmt);
    e->hint = arena_vprintf(e->mem, fmt, ap);
    va_end(ap);
    return e;
}

Err *err_at(Err *e, const char *file, int line, int column) {
    if (e->file)
        return e;
    e->file = arena_strdup(e->mem, file);
    e->line = line;
    e->column = column;
    e->text = NULL;
    return e;
}

Err *err_set_code(Err *e, ErrCode code) {
    e->code = code;
    return e;
}

Err *err_copy(const Err *e) {
    Err *c = err_new(e->code, "%s", e->message);
    c->context = e->context ? arena_strdup(c->mem, e->context) : NULL;
    c->file = e->file ? arena_strdup(c->mem, e->file) : NULL;
    c->line = e->line;
    c->column = e->column;
    c->hint = e->hint ? arena_strdup(c->mem, e->hint) : NULL;
    return c;
}

void err_free(Err *e) {
    if (e)
        arena_free(e->mem);
}

void err_free_auto(Err **e) { err_free(*e); }

ErrCode err_code(const Err *e) { return e ? e->code : E_OK; }
const char *err_name(ErrCode code) { return codes[code].name; }
const char *err_title(ErrCode code) { return codes[code].title; }
const char *err_hint_text(const Err *e) { return e ? e->hint : NULL; }
const char *err_message(const Err *e) { return e->message; }

static const char *position_text(const Err *e) {
    if (!e->file)
        return "";
    if (e->line <= 0)
        return arena_printf(e->mem, "%s: ", e->file);
    if (e->column <= 0)
        return arena_printf(e->mem, "%s:%d: ", e->file, e->line);
    return arena_printf(e->mem, "%s:%d:%d: ", e->file, e->line, e->column);
}

const char *err_text(const Err *e) {
    if (e->text)
        return e->text;
    const char *where = position_text(e);
    char *text = e->context ? arena_printf(e->mem, "%s%s: %s", where, e->context, e->message)
                            : arena_printf(e->mem, "%s%s", where, e->message);
    union {
        const Err *in;
        Err *out;
    } cache = {.in = e};
    cache.out->text = text; // a cache, not a change of the error
    return text;
}

void bug(const char *file, int line, const char *fmt, ...) {
    fprintf(stderr, "BUG at %s:%d: ", file, line);
    va_list ap;
    va_start(ap, fmt);
    vfprintf(stderr, fmt, ap);
    va_end(ap);
    fputc('\n', stderr);
    abort();
}
