// file://: objects are files below a directory. The etag is the SHA-256 of the content. Writers
// take an fcntl lock on "<root>/.atlas.lock", so that compare and rename are one step.
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include "atlas/crypt.h"
#include "driver.h"

typedef struct FileStore {
    Store base;
    const char *root;
    bool create_dir;
    unsigned file_mode, file_mask;
} FileStore;

enum { LOCK_WAIT_MS = 10000 };

static void close_fd(int *fd) {
    if (*fd >= 0)
        close(*fd);
}
#define AutoFd __attribute__((cleanup(close_fd))) int

static Err *file_open(Store **out, const Url *url, Loop *loop, Arena *mem) {
    (void)loop;
    FileStore *s = NEW(mem, FileStore);
    *out = &s->base;
    s->root = url_host_path(mem, url);
    if (*url->opaque || !*s->root)
        return err_hint(err_new(E_INVALID, "a file store needs a directory"),
                        "write file://copies or file:///var/lib/copies");
    TRY(store_param_bool(&s->create_dir, url, "create_dir", true));
    const char *mode = url_param(url, "dir_file_mode");
    char *end = NULL;
    mode_t mask = umask(0); // it can only be read by setting it
    umask(mask);
    s->file_mask = mask;
    s->file_mode = mode ? (unsigned)strtoul(mode, &end, 8) : 0777;
    if (mode && (!*mode || *end || s->file_mode > 0777))
        return err_new(E_INVALID, "dir_file_mode \"%s\" is not an octal mode such as 0750", mode);
    s->base.conditions = CONDITIONS_OBEYED;
    return NULL;
}

static char *path_of(const FileStore *s, const char *key, Arena *mem) {
    return arena_printf(mem, "%s/%s", s->root, key);
}

// Without the root there is no store at all: a reader may then turn to another copy.
static Err *open_error(const FileStore *s, int errnum, const char *path) {
    bool missing = errnum == ENOENT || errnum == ENOTDIR;
    if (missing && fs_kind(s->root) == FS_DIR)
        return err_new(E_NOT_FOUND, "no such object");
    return missing ? err_new(E_NO_STORE, "%s: no such directory", s->root)
                   : err_errno(errnum, "%s", path);
}

static Err *digest_of(const char **out, const Body *body, Arena *mem);

enum { IN_MEMORY = 1 << 20 };

// What is small is read at once. `max`: larger objects are refused before a byte is read.
static Err *describe(StoreObject *out, const FileStore *s, int fd, const char *path, int64_t max,
                     Arena *mem) {
    struct stat st;
    if (fstat(fd, &st) < 0)
        return open_error(s, errno, path);
    if (!S_ISREG(st.st_mode))
        return err_new(E_NOT_FOUND, "no such object");
    if (st.st_size > max)
        return err_new(E_TOO_LARGE, "the object has %lld bytes, over the limit of %lld",
                       (long long)st.st_size, (long long)max);
    out->size = st.st_size;
    out->modified = (Time){st.st_mtim.tv_sec, (int32_t)st.st_mtim.tv_nsec, 0, true};
    out->body = (Body){.fd = fd, .size = st.st_size};
    if (st.st_size <= IN_MEMORY) {
        Str data;
        TRY(body_bytes(&data, &out->body, mem));
        out->body = body_from(data);
    }
    TRY(digest_of(&out->sha256, &out->body, mem));
    out->etag = out->sha256;
    return NULL;
}

static Err *digest_of(const char **out, const Body *body, Arena *mem) {
    Digest d;
    TRY(body_sha256(&d, body));
    *out = hex_encode(mem, d.bytes, sizeof d.bytes);
    return NULL;
}

static void close_later(void *fd) { close((int)(intptr_t)fd); }

static Err *file_head(StoreObject *out, Store *base, const char *key, Arena *mem) {
    FileStore *s = (FileStore *)base;
    const char *path = path_of(s, key, mem);
    AutoFd fd = open(path, O_RDONLY | O_NONBLOCK | O_CLOEXEC);
    if (fd < 0)
        return open_error(s, errno, path);
    TRY(describe(out, s, fd, path, INT64_MAX, mem));
    out->body = (Body){.fd = -1};
    return NULL;
}

static Err *file_get(StoreObject *out, Store *base, const char *key, int64_t max, Arena *mem) {
    FileStore *s = (FileStore *)base;
    const char *path = path_of(s, key, mem);
    int fd = open(path, O_RDONLY | O_NONBLOCK | O_CLOEXEC);
    if (fd < 0)
        return open_error(s, errno, path);
    Err *e = describe(out, s, fd, path, max, mem);
    if (!e && out->body.fd >= 0)
        arena_on_free(mem, close_later, (void *)(intptr_t)fd);
    else
        close(fd);
    return e;
}

// --- writing ------------------------------------------------------------------------------------

static Err *lock_root(int *fd, FileStore *s, Arena *mem) {
    *fd = open(path_of(s, ".atlas.lock", mem), O_RDWR | O_CREAT | O_CLOEXEC, 0666 & s->file_mode);
    if (*fd < 0)
        return err_errno(errno, "%s/.atlas.lock", s->root);
    int64_t give_up = host_monotonic_ms(s->base.host) + LOCK_WAIT_MS;
    // OFD locks belong to the open file: they also exclude another task of this process.
    struct flock lock = {.l_type = F_WRLCK, .l_whence = SEEK_SET};
    while (fcntl(*fd, F_OFD_SETLK, &lock) < 0) {
        if (errno != EAGAIN && errno != EACCES && errno != EINTR)
            return err_errno(errno, "locking %s/.atlas.lock", s->root);
        if (host_monotonic_ms(s->base.host) > give_up)
            return err_new(E_TIMEOUT, "%s/.atlas.lock is held by another process", s->root);
        loop_sleep(s->base.loop, 2 + host_random_below(s->base.host, 20));
    }
    return NULL;
}

typedef struct FdSink {
    int fd;
    Hasher *hasher;
} FdSink;

static Err *write_piece(void *ctx, Str piece) {
    FdSink *sink = ctx;
    hasher_add(sink->hasher, piece);
    return fs_write_all(sink->fd, piece.ptr, piece.len);
}

// Writes the body to a new file beside its final place.
static Err *write_temp(char *temp, const char **etag, FileStore *s, const StorePut *put,
                       Arena *mem) {
    AutoFd fd = mkostemp(temp, O_CLOEXEC);
    if (fd < 0)
        return err_errno(errno, "%s", temp);
    FdSink sink = {fd, hasher_new(mem)};
    Err *e = body_each(&put->body, write_piece, &sink);
    if (!e && (fchmod(fd, 0666 & s->file_mode & ~s->file_mask) < 0 || fsync(fd) < 0))
        e = err_errno(errno, "writing");
    if (e) {
        unlink(temp);
        return e;
    }
    Digest d = hasher_value(sink.hasher);
    *etag = hex_encode(mem, d.bytes, sizeof d.bytes);
    return NULL;
}

static Err *check_condition(FileStore *s, const StorePut *put, Arena *mem) {
    if (put->condition == PUT_ALWAYS)
        return NULL;
    StoreObject now = {.etag = ""};
    Err *e = file_head(&now, &s->base, put->key, mem);
    bool absent = err_code(e) == E_NOT_FOUND || err_code(e) == E_NO_STORE;
    if (e && !absent)
        return e;
    err_free(e);
    if (put->condition == PUT_CREATE ? absent : !absent && cstr_eq(now.etag, put->etag))
        return NULL;
    return err_new(E_CONFLICT, put->condition == PUT_CREATE ? "the object exists"
                                                            : "the object was changed meanwhile");
}

static Err *sync_dir(const char *dir) {
    AutoFd fd = open(dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (fd >= 0 && fsync(fd) < 0 && errno != EINVAL && errno != EROFS)
        return err_errno(errno, "%s", dir);
    return NULL;
}

static Err *publish(FileStore *s, const StorePut *put, const char *temp, Arena *mem) {
    AutoFd lock = -1;
    if (put->condition != PUT_ALWAYS) {
        TRY(lock_root(&lock, s, mem));
        TRY(check_condition(s, put, mem));
    }
    const char *path = path_of(s, put->key, mem);
    if (rename(temp, path) < 0)
        return err_errno(errno, "%s", path);
    return sync_dir(fs_dirname(mem, path));
}

static Err *file_put(const char **etag, Store *base, const StorePut *put, Arena *mem) {
    FileStore *s = (FileStore *)base;
    const char *path = path_of(s, put->key, mem), *dir = fs_dirname(mem, path);
    if (!s->create_dir && fs_kind(s->root) != FS_DIR)
        return err_hint(err_new(E_NO_STORE, "%s: no such directory", s->root),
                        "create it, or leave out create_dir=false");
    Err *e = fs_mkdirs(dir, 0777 & (s->file_mode | 0700));
    if (e)
        return err_code(e) == E_NOT_FOUND ? err_set_code(e, E_IO) : e;
    char *temp = arena_printf(mem, "%s/.tmp-XXXXXX", dir);
    TRY(write_temp(temp, etag, s, put, mem));
    e = publish(s, put, temp, mem);
    if (e)
        unlink(temp);
    return e;
}

static Err *walk(StrList *out, const char *root, const char *below, const char *prefix, Arena *mem) {
    StrList names = {0};
    Err *e = fs_list(&names, arena_printf(mem, "%s/%s", root, below), mem);
    if (err_code(e) == E_NOT_FOUND) {
        err_free(e);
        return NULL;
    }
    TRY(e);
    for (size_t i = 0; i < names.len; i++) {
        const char *key = arena_printf(mem, "%s%s", below, names.items[i]);
        FsKind kind = fs_kind(arena_printf(mem, "%s/%s", root, key));
        size_t common = strlen(key) < strlen(prefix) ? strlen(key) : strlen(prefix);
        if (*names.items[i] == '.' || strncmp(key, prefix, common) != 0)
            continue;
        if (kind == FS_DIR)
            TRY(walk(out, root, arena_printf(mem, "%s/", key), prefix, mem));
        else if (kind == FS_FILE && cstr_starts(key, prefix))
            list_push(out, mem, key);
    }
    return NULL;
}

static Err *file_list(StrList *out, Store *base, const char *prefix, Arena *mem) {
    return walk(out, ((FileStore *)base)->root, "", prefix, mem);
}

static Err *file_prepare(Store *base) {
    FileStore *s = (FileStore *)base;
    return s->create_dir ? fs_mkdirs(s->root, 0777 & (s->file_mode | 0700)) : NULL;
}

const StoreDriver store_file = {
    .schemes = (const char *const[]){"file", NULL},
    .params = (const char *const[]){"create_dir", "dir_file_mode", NULL},
    .open = file_open,
    .get = file_get,
    .head = file_head,
    .put = file_put,
    .list = file_list,
    .prepare = file_prepare,
};
