#include <errno.h>
#include <unistd.h>

#include "atlas/http.h"

Body body_from(Str data) {
    return (Body){.data = data, .fd = -1, .size = (int64_t)data.len};
}

Body body_slice(const Body *b, int64_t offset, int64_t size) {
    Body s = *b;
    s.size = size;
    if (b->fd < 0)
        s.data = str_slice(b->data.ptr + offset, (size_t)size);
    else
        s.offset += offset;
    return s;
}

typedef struct Target {
    char *at;
} Target;

static Err *copy_piece(void *ctx, Str piece) {
    Target *t = ctx;
    memcpy(t->at, piece.ptr, piece.len);
    t->at += piece.len;
    return NULL;
}

Err *body_bytes(Str *out, const Body *b, Arena *mem) {
    *out = b->data;
    if (b->fd < 0)
        return NULL;
    char *data = arena_alloc(mem, (size_t)b->size + 1);
    *out = str_slice(data, (size_t)b->size);
    return body_each(b, copy_piece, &(Target){data});
}

Err *body_each(const Body *b, Err *(*fn)(void *, Str), void *ctx) {
    if (b->fd < 0)
        return b->data.len ? fn(ctx, b->data) : NULL;
    char piece[65536];
    for (int64_t done = 0; done < b->size;) {
        size_t want = b->size - done < (int64_t)sizeof piece ? (size_t)(b->size - done)
                                                             : sizeof piece;
        ssize_t n = pread(b->fd, piece, want, b->offset + done);
        if (n < 0 && errno == EINTR)
            continue;
        if (n < 0)
            return err_errno(errno, "reading a temporary file");
        if (n == 0)
            return err_new(E_IO, "reading a temporary file: it is shorter than expected");
        TRY(fn(ctx, str_slice(piece, (size_t)n)));
        done += n;
    }
    return NULL;
}

static Err *add_sha256(void *ctx, Str piece) {
    hasher_add(ctx, piece);
    return NULL;
}

static Err *add_md5(void *ctx, Str piece) {
    md5_add(ctx, piece);
    return NULL;
}

Err *body_sha256(Digest *out, const Body *b) {
    AutoArena tmp = arena_new(NULL);
    Hasher *h = hasher_new(tmp);
    TRY(body_each(b, add_sha256, h));
    *out = hasher_value(h);
    return NULL;
}

Err *body_md5(unsigned char out[MD5_SIZE], const Body *b) {
    AutoArena tmp = arena_new(NULL);
    Md5 *m = md5_new(tmp);
    TRY(body_each(b, add_md5, m));
    md5_finish(m, out);
    return NULL;
}
