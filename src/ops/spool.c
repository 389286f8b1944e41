// Bytes that are written once and then sent: in memory while they are few, else in a file.
#include <unistd.h>

#include "internal.h"

enum { IN_MEMORY = 4 << 20 };

static void close_file(void *spool) {
    int fd = ((Spool *)spool)->fd;
    if (fd >= 0)
        close(fd);
}

Spool *spool_new(const Host *host, Arena *mem) {
    Spool *s = NEW(mem, Spool);
    *s = (Spool){.fd = -1, .host = host, .memory = arena_new(mem)};
    buf_init(&s->buf, s->memory, SIZE_MAX);
    arena_on_free(mem, close_file, s);
    return s;
}

// No file to be had, as on a read-only system, leaves all in memory.
static Err *move_to_file(Spool *s) {
    AutoErr e = fs_temp(&s->fd, host_env(s->host, "TMPDIR"));
    if (e) {
        log_debug("no temporary file, the archive stays in memory: %s", err_text(e));
        s->fd = -1;
        s->stays = true;
        return NULL;
    }
    TRY(fs_write_all(s->fd, s->buf.ptr, s->buf.len));
    arena_free(s->memory);
    return NULL;
}

Err *spool_write(void *spool, Str bytes) {
    Spool *s = spool;
    s->size += (int64_t)bytes.len;
    if (s->fd >= 0)
        return fs_write_all(s->fd, bytes.ptr, bytes.len);
    buf_add(&s->buf, bytes.ptr, bytes.len);
    return s->buf.len > IN_MEMORY && !s->stays ? move_to_file(s) : NULL;
}

Body spool_body(const Spool *s) {
    return s->fd >= 0 ? (Body){.fd = s->fd, .size = s->size} : body_from(buf_view(&s->buf));
}
