#include "internal.h"

#include "atlas/pack.h"

MigrateDir *dir_new(const char *url, const char *path, MigrateFormat format, Arena *mem) {
    MigrateDir *d = NEW(mem, MigrateDir);
    d->url = url_redact(mem, url);
    d->path = path;
    d->format = format;
    d->sum = (Str){"", 0};
    return d;
}

Err *no_file(const char *version) {
    return err_new(E_NOT_FOUND, "migration with version \"%s\" not found", version);
}

char *migrate_dir_url(Arena *mem, const char *url, const char *format) {
    const char *query = strchr(url, '?');
    if (cstr_empty(format) || (query && strstr(query, "format=")))
        return arena_strdup(mem, url);
    return arena_printf(mem, "%s%sformat=%s", url, query ? "&" : "?", format);
}

static Err *read_file(Str *out, const char *path, FsKind kind, Arena *mem) {
    if (kind == FS_OTHER)
        return err_new(E_INVALID, "reading %s: not a regular file", path);
    return fs_read(out, path, MIGRATE_MAX_FILE, mem);
}

Err *dir_read_file(Str *out, const MigrateDir *d, const char *name, Arena *mem) {
    char *path = fs_join(mem, d->path, name);
    return read_file(out, path, fs_kind(path), mem);
}

// With `contents` false the file's is left empty.
static Err *add_file(MigrateDir *d, const char *name, bool contents, Arena *mem) {
    Str content = {"", 0};
    MigrateFile file = {0};
    if (fs_kind(fs_join(mem, d->path, name)) == FS_DIR)
        return NULL;
    if (strpbrk(name, "\r\n"))
        return err_hint(err_new(E_INVALID, "%s: the name %s has a line break, which atlas.sum "
                                           "cannot hold", d->path, migrate_quote(mem, name)),
                        "rename the file");
    if (contents)
        TRY(dir_read_file(&content, d, name, mem));
    file_init(&file, name, content, d->format, mem);
    list_push(&d->files, mem, file);
    return NULL;
}

static Err *walk_flyway(MigrateDir *d, const char *below, int depth, bool contents, Arena *mem) {
    StrList entries = {0};
    TRY(fs_list(&entries, fs_join(mem, d->path, below), mem));
    if (depth > 32)
        return err_new(E_TOO_LARGE, "%s: directories nested too deeply", d->path);
    for (size_t i = 0; i < entries.len; i++) {
        const char *name = entries.items[i];
        char *path = *below ? arena_printf(mem, "%s/%s", below, name) : arena_strdup(mem, name);
        if (fs_kind(fs_join(mem, d->path, path)) == FS_DIR) {
            if (*name != '.')
                TRY(walk_flyway(d, path, depth + 1, contents, mem));
        } else if (format_accepts(d->format, name)) {
            TRY(add_file(d, path, contents, mem));
        }
    }
    return NULL;
}

static Err *load_files(MigrateDir *d, bool contents, Arena *mem) {
    StrList entries = {0};
    if (d->format == MIGRATE_FLYWAY) {
        TRY(walk_flyway(d, "", 0, contents, mem));
        flyway_arrange(&d->files, mem);
        return NULL;
    }
    TRY(fs_list(&entries, d->path, mem));
    for (size_t i = 0; i < entries.len; i++)
        if (format_accepts(d->format, entries.items[i]))
            TRY(add_file(d, entries.items[i], contents, mem));
    return NULL;
}

static Err *load(MigrateDir **out, const char *path, MigrateFormat format, bool contents, Arena *mem) {
    MigrateDir *d =
        dir_new(arena_printf(mem, "file://%s", path), arena_strdup(mem, path), format, mem);
    FsKind kind = fs_kind(path);
    if (kind == FS_ABSENT)
        return err_new(E_NOT_FOUND, "sql/migrate: stat %s: no such file or directory", path);
    if (kind != FS_DIR)
        return err_new(E_INVALID, "sql/migrate: %s is not a dir", path);
    TRY(load_files(d, contents, mem));
    char *sum = fs_join(mem, path, MIGRATE_SUM_FILE);
    kind = fs_kind(sum);
    d->has_sum = kind != FS_ABSENT;
    if (d->has_sum)
        TRY(read_file(&d->sum, sum, kind, mem));
    *out = d;
    return NULL;
}

Err *migrate_dir_load(MigrateDir **out, const char *path, MigrateFormat format, Arena *mem) {
    return load(out, path, format, true, mem);
}

static Err *open_dir(MigrateDir **out, const char *url, bool contents, Arena *mem) {
    const char *colon = strstr(url, "://");
    Url *parsed = NULL;
    MigrateFormat format = MIGRATE_ATLAS;
    if (!colon)
        return err_hint(err_new(E_INVALID, "missing scheme for dir url"),
                        "a directory on disk is written file://%s", url);
    TRY(url_parse(&parsed, url, mem));
    if (!cstr_eq(parsed->scheme, "file"))
        return err_new(E_UNSUPPORTED, "unsupported driver \"%s\" for a migration directory",
                       parsed->scheme);
    TRY(migrate_format_parse(&format, url_param(parsed, "format")));
    TRY(load(out, cstr_or(url_host_path(mem, parsed), "migrations"), format, contents, mem));
    (*out)->url = url_redact(mem, url);
    return NULL;
}

Err *migrate_dir_open(MigrateDir **out, const char *url, Arena *mem) {
    return open_dir(out, url, true, mem);
}

Err *dir_open_names(MigrateDir **out, const char *url, Arena *mem) {
    return open_dir(out, url, false, mem);
}

static int compare_entries(const void *a, const void *b) {
    return strcmp(((const PackEntry *)a)->name, ((const PackEntry *)b)->name);
}

MigrateDir *migrate_dir_from_entries(PackEntries *entries, const char *url, Arena *mem) {
    MigrateDir *d = dir_new(url, NULL, MIGRATE_ATLAS, mem);
    if (entries->len > 1)
        qsort(entries->items, entries->len, sizeof *entries->items, compare_entries);
    for (size_t i = 0; i < entries->len; i++) {
        const PackEntry *e = &entries->items[i];
        if (cstr_eq(e->name, MIGRATE_SUM_FILE)) {
            d->sum = e->content;
            d->has_sum = true;
        } else if (format_accepts(MIGRATE_ATLAS, e->name)) {
            MigrateFile file = {0};
            file_init(&file, e->name, e->content, MIGRATE_ATLAS, mem);
            list_push(&d->files, mem, file);
        }
    }
    return d;
}

Err *migrate_dir_from_tar(MigrateDir **out, Str archive, const char *url, Arena *mem) {
    PackEntries entries = {0};
    TRY(pack_untar(&entries, archive, mem));
    *out = migrate_dir_from_entries(&entries, url, mem);
    return NULL;
}

Err *migrate_dir_archive(Str *out, const MigrateDir *dir, Arena *mem) {
    AutoArena tmp = arena_new(NULL);
    PackEntries entries = {0};
    if (dir->has_sum)
        list_push(&entries, tmp, ((PackEntry){MIGRATE_SUM_FILE, dir->sum}));
    for (size_t i = 0; i < dir->files.len; i++) {
        const MigrateFile *f = &dir->files.items[i];
        list_push(&entries, tmp, ((PackEntry){fs_basename(f->name), f->content}));
    }
    return pack_tar(out, &entries, mem);
}

Err *migrate_dir_cut(MigrateDir **out, const MigrateDir *dir, const char *version, Arena *mem) {
    const MigrateFile *last = migrate_dir_find(dir, version);
    if (!last)
        return no_file(version);
    MigrateDir *d = NEW(mem, MigrateDir);
    *d = *dir;
    d->files.len = d->files.cap = (size_t)(last - dir->files.items) + 1;
    d->path = NULL;
    d->sum = migrate_sum_text(&d->files, mem);
    d->has_sum = true;
    *out = d;
    return NULL;
}

const MigrateFile *migrate_dir_find(const MigrateDir *dir, const char *version) {
    for (size_t i = 0; i < dir->files.len; i++)
        if (cstr_eq(dir->files.items[i].version, version))
            return &dir->files.items[i];
    return NULL;
}

size_t migrate_dir_last_checkpoint(const MigrateDir *dir) {
    for (size_t i = dir->files.len; i-- > 0;)
        if (dir->files.items[i].checkpoint)
            return i;
    return dir->files.len;
}
