#include "atlas/base/fs.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

static void close_fd(int *fd) {
    if (*fd >= 0)
        close(*fd);
}
#define AutoFd __attribute__((cleanup(close_fd))) int

Err *fs_read(Str *out, const char *path, size_t max, Arena *mem) {
    AutoFd fd = open(path, O_RDONLY | O_CLOEXEC);
    struct stat st;
    if (fd < 0 || fstat(fd, &st) < 0)
        return err_errno(errno, "reading %s", path);
    if (S_ISDIR(st.st_mode))
        return err_new(E_IO, "reading %s: it is a directory", path);
    // Pipes and /proc files tell no size: read until the end, with one byte to see "too large".
    size_t cap = S_ISREG(st.st_mode) && st.st_size > 0 ? (size_t)st.st_size + 1 : 65536, len = 0;
    if (S_ISREG(st.st_mode) && (size_t)st.st_size > max)
        return err_new(E_TOO_LARGE, "reading %s: over the limit of %zu bytes", path, max);
    char *data = arena_alloc(mem, cap + 1);
    for (;;) {
        ssize_t n = read(fd, data + len, cap - len);
        if (n < 0 && errno == EINTR)
            continue;
        if (n < 0)
            return err_errno(errno, "reading %s", path);
        len += (size_t)n;
        if (len > max)
            return err_new(E_TOO_LARGE, "reading %s: over the limit of %zu bytes", path, max);
        if (n == 0 || (S_ISREG(st.st_mode) && len == (size_t)st.st_size))
            break;
        if (len == cap) {
            data = arena_realloc(mem, data, cap + 1, cap * 2 + 1);
            cap *= 2;
        }
    }
    data[len] = 0;
    *out = (Str){data, len};
    return NULL;
}

Err *fs_write_all(int fd, const void *data, size_t len) {
    const char *p = data;
    while (len > 0) {
        ssize_t n = write(fd, p, len);
        if (n < 0 && errno == EINTR)
            continue;
        if (n < 0)
            return err_errno(errno, "writing");
        p += n;
        len -= (size_t)n;
    }
    return NULL;
}

static Err *sync_dir(const char *path) {
    AutoArena tmp = arena_new(NULL);
    AutoFd fd = open(fs_dirname(tmp, path), O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    // A directory that cannot be opened for reading can still be written to; some file systems
    // refuse fsync on one. The rename itself happened.
    if (fd >= 0 && fsync(fd) < 0 && errno != EINVAL && errno != EROFS)
        return err_errno(errno, "writing %s", path);
    return NULL;
}

static Err *write_temp(int fd, Str content, unsigned mode) {
    TRY(fs_write_all(fd, content.ptr, content.len));
    if (fchmod(fd, mode) < 0 || fsync(fd) < 0)
        return err_errno(errno, "writing");
    return NULL;
}

static Err *publish(const char *path, Str content, unsigned mode, bool create) {
    AutoArena tmp = arena_new(NULL);
    char *temp = arena_printf(tmp, "%s/.tmp-XXXXXX", fs_dirname(tmp, path));
    AutoFd fd = mkostemp(temp, O_CLOEXEC);
    if (fd < 0)
        return err_errno(errno, "writing %s", path);
    Err *e = write_temp(fd, content, mode);
    if (!e && (create ? link(temp, path) : rename(temp, path)) < 0)
        e = err_errno(errno, "writing %s", path);
    if (e || create)
        unlink(temp);
    return e ? e : sync_dir(path);
}

Err *fs_write_atomic(const char *path, Str content, unsigned mode) {
    return publish(path, content, mode, false);
}

Err *fs_create_atomic(const char *path, Str content, unsigned mode) {
    return publish(path, content, mode, true);
}

Err *fs_append(const char *path, Str content, unsigned mode) {
    AutoFd fd = open(path, O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, mode);
    if (fd < 0)
        return err_errno(errno, "opening %s", path);
    Err *e = fs_write_all(fd, content.ptr, content.len);
    return e ? err_wrap(e, "%s", path) : NULL;
}

Err *fs_mkdirs(const char *path, unsigned mode) {
    AutoArena tmp = arena_new(NULL);
    char *copy = arena_strdup(tmp, path);
    for (char *p = copy + 1; *copy; p++) {
        bool end = !*p;
        if (!end && *p != '/')
            continue;
        *p = 0;
        if (mkdir(copy, mode) < 0 && errno != EEXIST) {
            int cause = errno;
            if (fs_kind(copy) != FS_DIR)
                return err_errno(cause, "creating directory %s", copy);
        }
        if (end)
            break;
        *p = '/';
    }
    if (fs_kind(path) != FS_DIR)
        return err_new(E_IO, "creating directory %s: a file of that name exists", path);
    return NULL;
}

Err *fs_rename(const char *from, const char *to) {
    return rename(from, to) < 0 ? err_errno(errno, "renaming %s to %s", from, to) : NULL;
}

Err *fs_remove(const char *path) {
    if (unlink(path) < 0 && errno != ENOENT)
        return err_errno(errno, "removing %s", path);
    return NULL;
}

FsKind fs_kind(const char *path) {
    struct stat st;
    if (stat(path, &st) < 0)
        return FS_ABSENT;
    return S_ISREG(st.st_mode) ? FS_FILE : S_ISDIR(st.st_mode) ? FS_DIR : FS_OTHER;
}

Err *fs_list(StrList *out, const char *dir, Arena *mem) {
    *out = (StrList){0};
    DIR *d = opendir(dir);
    if (!d)
        return err_errno(errno, "listing %s", dir);
    for (struct dirent *entry; (entry = readdir(d));)
        if (!cstr_eq(entry->d_name, ".") && !cstr_eq(entry->d_name, ".."))
            list_push(out, mem, arena_strdup(mem, entry->d_name));
    closedir(d);
    strlist_sort(out);
    return NULL;
}

char *fs_join(Arena *mem, const char *dir, const char *name) {
    while (cstr_starts(name, "./"))
        name += 2;
    if (*name == '/' || cstr_empty(dir))
        return arena_strdup(mem, name);
    size_t len = strlen(dir);
    while (len > 1 && dir[len - 1] == '/')
        len--;
    return arena_printf(mem, "%.*s%s%s", (int)len, dir, len == 1 && *dir == '/' ? "" : "/", name);
}

char *fs_dirname(Arena *mem, const char *path) {
    const char *slash = strrchr(path, '/');
    if (!slash)
        return arena_strdup(mem, ".");
    return arena_strndup(mem, path, slash == path ? 1 : (size_t)(slash - path));
}

const char *fs_basename(const char *path) {
    const char *slash = strrchr(path, '/');
    return slash ? slash + 1 : path;
}

char *fs_absolute(Arena *mem, const char *path) {
    if (*path == '/')
        return arena_strdup(mem, path);
    char *cwd = getcwd(NULL, 0);
    char *out = fs_join(mem, cwd ? cwd : "/", path);
    free(cwd);
    return out;
}

Err *fs_temp(int *out_fd, const char *tmpdir) {
    const char *dir = cstr_or(tmpdir, "/tmp");
    *out_fd = open(dir, O_TMPFILE | O_RDWR | O_CLOEXEC, 0600);
    if (*out_fd >= 0)
        return NULL;
    // File systems without O_TMPFILE.
    AutoArena tmp = arena_new(NULL);
    char *name = arena_printf(tmp, "%s/atlas-XXXXXX", dir);
    *out_fd = mkostemp(name, O_CLOEXEC);
    if (*out_fd < 0)
        return err_errno(errno, "creating a temporary file in %s", dir);
    unlink(name);
    return NULL;
}
