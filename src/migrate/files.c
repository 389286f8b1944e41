// Commands on the files of a directory: rm, rebase, and what edit starts from.
#include "internal.h"

enum { TIMESTAMP = 14 };

Err *migrate_dir_pick(const MigrateFile **out, const MigrateDir *dir, const char *what) {
    const char *base = fs_basename(what);
    for (size_t i = 0; i < dir->files.len; i++) {
        const MigrateFile *f = &dir->files.items[i];
        if (cstr_eq(f->name, what) || cstr_eq(f->name, base) || cstr_eq(f->version, what)) {
            *out = f;
            return NULL;
        }
    }
    return err_hint(err_new(E_NOT_FOUND, "no migration file or version \"%s\" in %s", what,
                            cstr_or(dir->path, dir->url)),
                    "`atlas migrate ls` lists the files");
}

static Err *rewrite_sum(const MigrateDir *dir, Arena *mem) {
    MigrateDir *now = NULL;
    TRY(migrate_dir_load(&now, dir->path, dir->format, mem));
    return migrate_dir_write_sum(now, mem);
}

// --- siblings
// -------------------------------------------------------------------------------------

// What follows the version in the name of a file of that version, up or down; NULL if it is none.
static const char *behind_version(const char *name, const MigrateFile *f) {
    const char *base = fs_basename(name);
    if (f->format == MIGRATE_FLYWAY)
        base += *base == 'V' || *base == 'U' || *base == 'B';
    size_t len = strlen(f->version);
    const char *rest = base + len;
    bool same = len > 0 && strncmp(base, f->version, len) == 0 && (*rest == '_' || *rest == '.');
    return same && cstr_ends(name, ".sql") ? rest : NULL;
}

// The file and what belongs to it: golang-migrate and Flyway keep the way down in files of its own.
static Err *siblings(StrList *out, const MigrateDir *dir, const MigrateFile *f, Arena *mem) {
    StrList entries = {0};
    const char *folder = fs_dirname(mem, f->name);
    bool below = strchr(f->name, '/') != NULL, paired = f->format == MIGRATE_GOLANG_MIGRATE ||
                                                        f->format == MIGRATE_FLYWAY;
    list_push(out, mem, f->name);
    if (!paired)
        return NULL;
    TRY(fs_list(&entries, below ? fs_join(mem, dir->path, folder) : dir->path, mem));
    for (size_t i = 0; i < entries.len; i++) {
        const char *name = below ? fs_join(mem, folder, entries.items[i]) : entries.items[i];
        if (!cstr_eq(name, f->name) && behind_version(name, f))
            list_push(out, mem, name);
    }
    return NULL;
}

// --- rm
// -------------------------------------------------------------------------------------------

Err *migrate_rm(const char **name, const MigrateDir *dir, const char *what, MigrateSumError *where,
                Arena *mem) {
    const MigrateFile *f = NULL;
    StrList names = {0};
    TRY(migrate_dir_verify(dir, where, mem));
    if (dir->files.len == 0)
        return err_new(E_NOT_FOUND, "%s has no migration files", dir->path);
    if (cstr_empty(what))
        f = &list_last(&dir->files);
    else
        TRY(migrate_dir_pick(&f, dir, what));
    TRY(siblings(&names, dir, f, mem));
    for (size_t i = 0; i < names.len; i++)
        TRY(fs_remove(fs_join(mem, dir->path, names.items[i])));
    *name = f->name;
    return rewrite_sum(dir, mem);
}

// --- rebase
// ---------------------------------------------------------------------------------------

static bool is_number(const char *s) {
    return *s && s[strspn(s, "0123456789")] == 0;
}

// The next timestamp or number, of the same width.
static Err *next_version(char **out, const char *version, Arena *mem) {
    size_t i = strlen(version);
    if (!is_number(version))
        return err_hint(err_new(E_INVALID, "no version sorts behind \"%s\" by itself", version),
                        "rename the files by hand and run `atlas migrate hash`");
    *out = arena_strdup(mem, version);
    while (i > 0 && (*out)[i - 1] == '9')
        (*out)[--i] = '0';
    if (i == 0)
        *out = arena_printf(mem, "1%s", *out);
    else
        (*out)[i - 1]++;
    if (strcmp(*out, version) > 0)
        return NULL;
    return err_hint(err_new(E_INVALID, "no version of the width of \"%s\" sorts behind it", version),
                    "rename the files by hand and run `atlas migrate hash`");
}

// Seconds carry over, so that a version stays a time.
static Err *behind(char **out, const char *version, Arena *mem) {
    int64_t n = 0;
    if (strlen(version) != TIMESTAMP || !is_number(version) || !cstr_to_i64(version, &n))
        return next_version(out, version, mem);
    int64_t sec = time_from_civil(
        (int)(n / 10000000000), (int)(n / 100000000 % 100), (int)(n / 1000000 % 100),
        (int)(n / 10000 % 100), (int)(n / 100 % 100), (int)(n % 100));
    *out = time_strftime_utc(mem, (Time){.sec = sec + 1, .set = true}, "%Y%m%d%H%M%S");
    return strcmp(*out, version) > 0 ? NULL : next_version(out, version, mem);
}

static Err *rename_file(const MigrateDir *dir, const char *name, const MigrateFile *f,
                        const char *version, Arena *mem) {
    const char *base = fs_basename(name), *rest = behind_version(name, f);
    if (!rest)
        return err_new(E_INVALID, "%s: its name does not start with its version", name);
    size_t kind = (size_t)(rest - base) - strlen(f->version); // "V" of Flyway
    char *folder = arena_strndup(mem, name, (size_t)(base - name));
    char *to = arena_printf(mem, "%s%.*s%s%s", folder, (int)kind, base, version, rest);
    const char *path = fs_join(mem, dir->path, to);
    if (cstr_eq(to, name))
        return NULL;
    if (fs_kind(path) != FS_ABSENT)
        return err_new(E_EXISTS, "%s exists already", path);
    return fs_rename(fs_join(mem, dir->path, name), path);
}

static bool is_picked(const FileRefs *picked, const MigrateFile *f) {
    for (size_t i = 0; i < picked->len; i++)
        if (picked->items[i] == f)
            return true;
    return false;
}

// The sum is not asked: files are rebased after a merge, which leaves it in conflict.
Err *migrate_rebase(const MigrateDir *dir, const StrList *what, const Host *host, Arena *mem) {
    FileRefs picked = {0};
    char *version = time_strftime_utc(mem, host_now(host), "%Y%m%d%H%M%S");
    for (size_t i = 0; i < what->len; i++) {
        const MigrateFile *f = NULL;
        TRY(migrate_dir_pick(&f, dir, what->items[i]));
        if (!is_picked(&picked, f))
            list_push(&picked, mem, f);
    }
    for (size_t i = 0; i < dir->files.len; i++) {
        const MigrateFile *f = &dir->files.items[i];
        if (!is_picked(&picked, f) && strcmp(f->version, version) >= 0)
            TRY(behind(&version, f->version, mem));
    }
    // In the order of the directory, whatever the order of the arguments.
    for (size_t i = 0; i < dir->files.len; i++) {
        const MigrateFile *f = &dir->files.items[i];
        StrList names = {0};
        if (!is_picked(&picked, f))
            continue;
        TRY(siblings(&names, dir, f, mem));
        for (size_t k = 0; k < names.len; k++)
            TRY(rename_file(dir, names.items[k], f, version, mem));
        TRY(behind(&version, version, mem));
    }
    return rewrite_sum(dir, mem);
}
