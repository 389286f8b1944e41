// The files below ~/.atlas. A directory that came out of a shared cache is not trusted: nothing is
// followed, and only regular files of a grant's size are read.
#include <errno.h>
#include <fcntl.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include "internal.h"

#define FOLDER "grants"
#define TOKEN_FILE "token"

static void close_fd(int *fd) {
    if (*fd >= 0)
        close(*fd);
}
#define AutoFd __attribute__((cleanup(close_fd))) int

Err *grant_home(const char **out, const Host *host, Arena *mem) {
    const char *home = host_env(host, "ATLAS_HOME"), *user = host_env(host, "HOME");
    const char *below = host_env(host, "ATLAS_HOME_SUBDIR");
    *out = NULL;
    // A user's home that is not there is not ours to make.
    if (!*home && (!*user || fs_kind(user) != FS_DIR))
        return NULL;
    if (!*home)
        home = fs_join(mem, user, ".atlas");
    if (*below == '/' || cstr_eq(below, "..") || cstr_starts(below, "../") || strstr(below, "/../") ||
        cstr_ends(below, "/.."))
        return err_hint(err_new(E_CONFIG, "ATLAS_HOME_SUBDIR \"%s\" leaves the home", below),
                        "write the name of a directory below ATLAS_HOME");
    *out = *below ? fs_join(mem, home, below) : home;
    return NULL;
}

// The grants directory of the home, opened without following a link; -1 with NULL: there is none.
static Err *open_folder(int *fd, const char *home) {
    AutoFd top = home ? open(home, O_RDONLY | O_DIRECTORY | O_CLOEXEC) : -1;
    *fd = top < 0 ? -1 : openat(top, FOLDER, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
    if (*fd >= 0 || !home || errno == ENOENT)
        return NULL;
    return err_errno(errno, "%s/" FOLDER, home);
}

static Err *read_at(Str *out, int folder, const char *name, Arena *mem) {
    AutoFd fd = openat(folder, name, O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC);
    struct stat st;
    if (fd < 0 || fstat(fd, &st) < 0)
        return err_errno(errno, "%s", name);
    if (!S_ISREG(st.st_mode) || st.st_size > GRANT_MAX_FILE)
        return err_new(E_DAMAGED, "%s: it is no regular file of a grant's size", name);
    char *text = arena_alloc(mem, (size_t)st.st_size + 1);
    ssize_t n = pread(fd, text, (size_t)st.st_size, 0);
    if (n < 0)
        return err_errno(errno, "%s", name);
    *out = str_slice(text, (size_t)n);
    return NULL;
}

char *grant_file_name(Arena *mem, const char *token) {
    return arena_printf(mem, "%s.jws", grant_tok(mem, token));
}

static Err *load(Grant *out, int folder, const char *token, const char *aud, const Host *host,
                 Arena *mem) {
    Str text;
    TRY(read_at(&text, folder, grant_file_name(mem, token), mem));
    return grant_decode(out, text, token, aud, host, mem);
}

Err *grant_load(bool *found, Grant *out, const char *token, const char *aud, const Host *host,
                Arena *mem) {
    const char *home;
    AutoFd folder = -1;
    *found = false;
    TRY(grant_home(&home, host, mem));
    AutoErr e = open_folder(&folder, home);
    if (!e && folder >= 0)
        e = load(out, folder, token, aud, host, mem);
    *found = folder >= 0 && !e;
    if (e && err_code(e) != E_NOT_FOUND)
        log_debug("the grant is ignored: %s", err_text(e));
    return NULL;
}

// --- writing ------------------------------------------------------------------------------------

static Err *make_folder(int *fd, const char *home) {
    TRY(fs_mkdirs(home, 0700));
    AutoFd top = open(home, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (top < 0 || (mkdirat(top, FOLDER, 0700) < 0 && errno != EEXIST))
        return err_errno(errno, "%s", home);
    *fd = openat(top, FOLDER, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
    return *fd < 0 ? err_errno(errno, "%s/" FOLDER, home) : NULL;
}

// Whether what stands there is newer, or a tombstone that this is older than.
static bool outdated(const Grant *g, int folder, const char *token, const Host *host, Arena *mem) {
    Grant now;
    Err *e = load(&now, folder, token, g->aud, host, mem);
    bool newer = !e && (now.iat.sec > g->iat.sec || (now.gone && !g->gone && now.iat.sec >= g->iat.sec));
    err_free(e);
    return newer;
}

static Err *write_at(int folder, const char *name, Str text, const Host *host, Arena *mem) {
    char *temp = arena_printf(mem, ".%s.%s", name, host_uuid(host, mem));
    AutoFd fd = openat(folder, temp, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0600);
    if (fd < 0)
        return err_errno(errno, "%s", temp);
    Err *e = fs_write_all(fd, text.ptr, text.len);
    if (!e && (fsync(fd) < 0 || renameat(folder, temp, folder, name) < 0 || fsync(folder) < 0))
        e = err_errno(errno, "%s", name);
    if (e)
        unlinkat(folder, temp, 0);
    return e;
}

static Err *with_home(const char **home, const Host *host, Arena *mem) {
    TRY(grant_home(home, host, mem));
    return *home ? NULL
                 : err_hint(err_new(E_NOT_FOUND, "there is no home directory"),
                            "set HOME or ATLAS_HOME");
}

Err *grant_store(const Grant *g, const char *token, const Host *host, Arena *mem) {
    const char *home;
    AutoFd folder = -1;
    TRY(with_home(&home, host, mem));
    TRY(make_folder(&folder, home));
    while (flock(folder, LOCK_EX) < 0) // held for a write of a few hundred bytes
        if (errno != EINTR)
            return err_errno(errno, "locking %s/" FOLDER, home);
    if (outdated(g, folder, token, host, mem))
        return NULL;
    return write_at(folder, grant_file_name(mem, token), str_from(grant_encode(g, token, mem)), host, mem);
}

Err *grant_remove(const char *token, const Host *host, Arena *mem) {
    const char *home;
    AutoFd folder = -1;
    TRY(grant_home(&home, host, mem));
    TRY(open_folder(&folder, home));
    if (folder >= 0 && unlinkat(folder, grant_file_name(mem, token), 0) < 0 && errno != ENOENT)
        return err_errno(errno, "%s/" FOLDER, home);
    return NULL;
}

// --- texts of elsewhere -------------------------------------------------------------------------

Err *grant_text(const char **out, const char *token, const char *aud, const Host *host, Arena *mem) {
    const char *home;
    AutoFd folder = -1;
    Str text;
    Grant g;
    *out = "";
    TRY(grant_home(&home, host, mem));
    TRY(open_folder(&folder, home));
    Err *e = folder < 0 ? NULL : read_at(&text, folder, grant_file_name(mem, token), mem);
    if (folder < 0 || err_code(e) == E_NOT_FOUND) {
        err_free(e);
        return NULL;
    }
    TRY(e);
    TRY(grant_decode(&g, text, token, aud, host, mem));
    *out = text.ptr;
    return NULL;
}

Err *grant_take(Str text, const char *token, const char *aud, const Host *host, Arena *mem) {
    Grant g;
    TRY(grant_decode(&g, text, token, aud, host, mem));
    return grant_store(&g, token, host, mem);
}

Err *folder_read(Str *out, const char *dir, const char *name, Arena *mem) {
    AutoFd folder = -1;
    const char *home = fs_join(mem, dir, ".atlas");
    TRY(open_folder(&folder, home));
    return folder < 0 ? err_new(E_NOT_FOUND, "%s holds no grants", home)
                      : read_at(out, folder, name, mem);
}

Err *folder_write(const char *dir, const char *name, Str text, const Host *host, Arena *mem) {
    AutoFd folder = -1;
    const char *home = fs_join(mem, dir, ".atlas");
    TRY(make_folder(&folder, home));
    TRY(fs_write_atomic(fs_join(mem, home, ".gitignore"), str_from("*\n"), 0644));
    return write_at(folder, name, text, host, mem);
}

// --- the token ----------------------------------------------------------------------------------

Err *grant_token_read(const char **token, const char **url, const Host *host, Arena *mem) {
    const char *home;
    Str text;
    Value *v = NULL;
    *token = *url = "";
    TRY(grant_home(&home, host, mem));
    AutoFd top = home ? open(home, O_RDONLY | O_DIRECTORY | O_CLOEXEC) : -1;
    if (top < 0)
        return NULL;
    AutoErr e = read_at(&text, top, TOKEN_FILE, mem);
    AutoErr bad = e ? NULL : json_parse(&v, text, NULL, mem);
    if (e || bad) {
        if (bad || err_code(e) != E_NOT_FOUND)
            log_debug("%s/" TOKEN_FILE " is ignored: %s", home, err_text(e ? e : bad));
        return NULL;
    }
    *token = value_get_text(v, "token");
    *url = value_get_text(v, "url");
    log_mask(*token);
    return NULL;
}

Err *grant_token_write(const char *token, const char *url, const Host *host, Arena *mem) {
    const char *home;
    Value *v = value_map(mem);
    TRY(with_home(&home, host, mem));
    TRY(fs_mkdirs(home, 0700));
    AutoFd top = open(home, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (top < 0)
        return err_errno(errno, "%s", home);
    value_set_str(v, mem, "token", token, 0);
    value_set_str(v, mem, "url", url, 0);
    return write_at(top, TOKEN_FILE, str_from(json_text(mem, v, JSON_PLAIN)), host, mem);
}

Err *grant_token_remove(const Host *host, Arena *mem) {
    const char *home;
    TRY(grant_home(&home, host, mem));
    return home ? fs_remove(fs_join(mem, home, TOKEN_FILE)) : NULL;
}
