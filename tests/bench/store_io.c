// One object put to or got from a store, nothing around it: store_io put|get URL KEY FILE.
#include <fcntl.h>
#include <stdio.h>
#include <sys/stat.h>
#include <unistd.h>

#include "atlas/store.h"

static const int64_t largest = (int64_t)4 << 30;

static Err *put(Store *s, const char *key, const char *file, Arena *mem) {
    struct stat st;
    int fd = open(file, O_RDONLY | O_CLOEXEC);
    if (fd < 0 || fstat(fd, &st) < 0)
        return err_new(E_IO, "%s cannot be read", file);
    StorePut p = {.key = key, .body = {.fd = fd, .size = st.st_size}};
    TRY(store_prepare(s));
    TRY(store_put(NULL, s, &p, mem));
    close(fd);
    return NULL;
}

static Err *write_piece(void *fd, Str piece) {
    return fs_write_all((int)(intptr_t)fd, piece.ptr, piece.len);
}

// A download is in an unnamed file already: it gets its name. An object of file:// is another's: it is copied.
static bool name_it(int fd, const char *file, Arena *mem) {
    struct stat st;
    return fd >= 0 && fstat(fd, &st) == 0 && st.st_nlink == 0 &&
           linkat(AT_FDCWD, arena_printf(mem, "/proc/self/fd/%d", fd), AT_FDCWD, file,
                  AT_SYMLINK_FOLLOW) == 0;
}

static Err *get(Store *s, const char *key, const char *file, Arena *mem) {
    StoreObject o;
    TRY(store_get(&o, s, key, largest, mem));
    if (name_it(o.body.fd, file, mem))
        return NULL;
    int fd = open(file, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0644);
    if (fd < 0)
        return err_new(E_IO, "%s cannot be written", file);
    TRY(body_each(&o.body, write_piece, (void *)(intptr_t)fd));
    close(fd);
    return NULL;
}

int main(int argc, char **argv) {
    AutoArena mem = arena_new(NULL);
    Loop *loop = NULL;
    Store *s = NULL;
    if (argc != 5)
        return 2;
    Err *e = loop_new(&loop, &host_system, mem);
    if (!e)
        e = store_open(&s, argv[2], loop, mem);
    if (!e)
        e = cstr_eq(argv[1], "put") ? put(s, argv[3], argv[4], mem) : get(s, argv[3], argv[4], mem);
    if (e)
        fprintf(stderr, "%s\n", err_text(e));
    int status = e ? 1 : 0;
    err_free(e);
    return status;
}
