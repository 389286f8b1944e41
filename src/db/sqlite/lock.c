// SQLite has no locks with names: an flock(2) on a file beside the database, which a dead holder
// frees by dying. The file tells who holds it.
#include <errno.h>
#include <fcntl.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "sqlite.h"

enum { POLL_MS = 20 };

// "123 host 2024-05-01T10:00:00.000Z" -> "process 123 on host, for 12s".
static char *holder_text(const char *path, Time now, Arena *mem) {
    Str content = {0};
    Err *e = fs_read(&content, path, 4096, mem);
    if (e) {
        err_free(e);
        return arena_strdup(mem, "another process");
    }
    StrList words = cstr_split(mem, cstr_trim(mem, str_dup(mem, content)), ' ');
    Time since = {0};
    if (words.len != 3 || !time_parse_rfc3339(words.items[2], &since))
        return arena_strdup(mem, "another process");
    Duration age = time_sub(now, since) / DURATION_S * DURATION_S;
    return arena_printf(mem, "process %s on %s for %s", words.items[0], words.items[1],
                        duration_text(mem, age));
}

static Err *locked(Sqlite *s, const char *name) {
    AutoArena tmp = arena_new(NULL);
    return err_hint(err_new(E_LOCKED, "\"%s\" is held by %s", name,
                            holder_text(s->lock_path, host_now(s->base.host), tmp)),
                    "wait for it, or raise --lock-timeout");
}

// The lock on a file that its holder removed meanwhile is worth nothing.
static bool is_same_file(int fd, const char *path) {
    struct stat a, b;
    return fstat(fd, &a) == 0 && stat(path, &b) == 0 && a.st_ino == b.st_ino &&
           a.st_dev == b.st_dev;
}

static Err *try_lock(Sqlite *s, bool *taken) {
    *taken = false;
    int fd = open(s->lock_path, O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0644);
    if (fd < 0)
        return err_errno(errno, "opening %s", s->lock_path);
    if (flock(fd, LOCK_EX | LOCK_NB) < 0) {
        int error = errno;
        close(fd);
        return error == EWOULDBLOCK ? NULL : err_errno(error, "locking %s", s->lock_path);
    }
    *taken = is_same_file(fd, s->lock_path);
    if (*taken)
        s->lock_fd = fd;
    else
        close(fd);
    return NULL;
}

static Err *write_holder(Sqlite *s) {
    AutoArena tmp = arena_new(NULL);
    char host[256] = "";
    gethostname(host, sizeof host - 1);
    char *text = arena_printf(tmp, "%ld %s %s\n", (long)getpid(), cstr_or(host, "localhost"),
                              time_rfc3339ms(tmp, host_now(s->base.host)));
    if (ftruncate(s->lock_fd, 0) < 0)
        return err_errno(errno, "writing %s", s->lock_path);
    return fs_write_all(s->lock_fd, text, strlen(text));
}

Err *sqlite_lock(Db *db, const char *name, Duration timeout) {
    Sqlite *s = sqlite_of(db);
    const char *file = sqlite3_db_filename(s->handle, "main");
    int64_t start = host_monotonic_ms(db->host);
    if (s->lock_fd >= 0)
        return err_new(E_LOCKED, "this connection holds a lock already");
    if (cstr_empty(file))
        return NULL; // in memory: nobody else can see it
    s->lock_path = arena_printf(s->mem, "%s.atlas-lock", file);
    for (;;) {
        bool taken = false;
        TRY(try_lock(s, &taken));
        if (taken)
            return write_holder(s);
        if ((host_monotonic_ms(db->host) - start) * DURATION_MS >= timeout)
            return locked(s, name);
        if (db_cancelled(db))
            return db_interrupted();
        nanosleep(&(struct timespec){.tv_nsec = POLL_MS * 1000000L}, NULL);
    }
}

Err *sqlite_unlock(Db *db) {
    Sqlite *s = sqlite_of(db);
    if (s->lock_fd < 0)
        return NULL;
    Err *e = fs_remove(s->lock_path);
    close(s->lock_fd);
    s->lock_fd = -1;
    return e;
}
