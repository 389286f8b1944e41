#include "internal.h"

typedef struct Entry {
    const char *name, *hash; // without "h1:"
} Entry;

typedef LIST(Entry) Entries;

static const char *value_text_of(const Hasher *h, Arena *mem) {
    Digest d = hasher_value(h);
    return base64_encode(mem, d.bytes, sizeof d.bytes);
}

static bool is_ignored(Str content, Arena *tmp) {
    SqlDirective d = {0};
    return sql_first_line_directive(content, &d, tmp) && cstr_eq(d.name, "sum") &&
           cstr_eq(d.arg, "ignore");
}

// One running digest: every entry covers all files before it.
typedef struct Run {
    Hasher *hasher;
    Entries entries;
} Run;

static void run_add(Run *r, const char *name, Str content, Arena *mem) {
    AutoArena tmp = arena_new(NULL);
    hasher_add(r->hasher, str_from(name));
    if (is_ignored(content, tmp))
        return;
    hasher_add(r->hasher, content);
    list_push(&r->entries, mem, ((Entry){name, value_text_of(r->hasher, mem)}));
}

static Entries entries_of(const MigrateFiles *files, Arena *mem) {
    AutoArena tmp = arena_new(NULL);
    Run r = {.hasher = hasher_new(tmp)};
    for (size_t i = 0; i < files->len; i++)
        run_add(&r, files->items[i].name, files->items[i].content, mem);
    return r.entries;
}

static const char *total_of(const Entries *list, Arena *mem) {
    AutoArena tmp = arena_new(NULL);
    Hasher *h = hasher_new(tmp);
    for (size_t i = 0; i < list->len; i++) {
        hasher_add(h, str_from(list->items[i].name));
        hasher_add(h, str_from(list->items[i].hash));
    }
    return value_text_of(h, mem);
}

Str migrate_sum_text(const MigrateFiles *files, Arena *mem) {
    AutoArena tmp = arena_new(NULL);
    Entries list = entries_of(files, tmp);
    Buf b;
    buf_init(&b, mem, SIZE_MAX);
    buf_printf(&b, "h1:%s\n", total_of(&list, tmp));
    for (size_t i = 0; i < list.len; i++)
        buf_printf(&b, "%s h1:%s\n", list.items[i].name, list.items[i].hash);
    return buf_view(&b);
}

static char *take_line(const char **p, const char *end, Arena *mem) {
    const char *nl = memchr(*p, '\n', (size_t)(end - *p));
    size_t len = (size_t)((nl ? nl : end) - *p);
    char *line = arena_strndup(mem, *p, len);
    if (len > 0 && line[len - 1] == '\r')
        line[len - 1] = 0;
    *p = nl ? nl + 1 : end;
    return line;
}

static Err *invalid_format(int line, const char *why) {
    return err_hint(err_new(E_CHECKSUM, "checksum file format invalid: " MIGRATE_SUM_FILE ":%d: %s",
                            line, why),
                    "`atlas migrate hash` writes " MIGRATE_SUM_FILE " anew");
}

static Err *parse(Str sum, const char **total, Entries *out, Arena *mem) {
    const char *p = sum.ptr, *end = sum.ptr + sum.len;
    if (sum.len == 0)
        return invalid_format(1, "it is empty");
    *total = take_line(&p, end, mem);
    *total += cstr_starts(*total, "h1:") ? 3 : 0;
    for (int number = 2; p < end; number++) {
        char *line = take_line(&p, end, mem), *mark = strstr(line, "h1:");
        if (!mark)
            return invalid_format(number, "the line has no \"h1:\"");
        *mark = 0;
        list_push(out, mem, ((Entry){cstr_trim(mem, line), mark + 3}));
    }
    return NULL;
}

const char *migrate_sum_total(Str sum, Arena *mem) {
    const char *total = "";
    Entries list = {0};
    Err *e = parse(sum, &total, &list, mem);
    if (!e)
        return arena_printf(mem, "h1:%s", total);
    err_free(e);
    return "";
}

Map *sum_map(const MigrateDir *dir, Arena *mem) {
    Entries list = entries_of(&dir->files, mem);
    Map *map = map_new(mem);
    for (size_t i = 0; i < list.len; i++)
        map_set(map, list.items[i].name, arena_strdup(mem, list.items[i].hash));
    return map;
}

const char *migrate_sum_entry(const MigrateDir *dir, const char *name, Arena *mem) {
    return cstr_or(map_get(sum_map(dir, mem), name), "");
}

static bool has_name(const Entries *list, const char *name) {
    for (size_t i = 0; i < list->len; i++)
        if (cstr_eq(list->items[i].name, name))
            return true;
    return false;
}

// Finds the first difference between the recorded entries and the directory's.
static bool find_difference(const Entries *was, const Entries *is, MigrateSumError *out) {
    size_t pos = strlen("h1:\n") + 44;
    for (size_t i = 0; i < was->len || i < is->len; i++) {
        const Entry *a = i < was->len ? &was->items[i] : NULL;
        const Entry *b = i < is->len ? &is->items[i] : NULL;
        bool same_name = a && b && cstr_eq(a->name, b->name);
        if (same_name && cstr_eq(a->hash, b->hash)) {
            pos += strlen(a->name) + 49;
            continue;
        }
        out->line = (int)i + 2;
        out->pos = pos;
        bool removed = a && (!has_name(is, a->name) || !b);
        out->reason = same_name ? "edited" : removed ? "removed" : "added";
        out->file = a && (same_name || removed) ? a->name : b ? b->name : "";
        return true;
    }
    return false;
}

static Err *mismatch(void) {
    return err_hint(err_new(E_CHECKSUM, "checksum mismatch"),
                    "if the change is intended, run `atlas migrate hash`");
}

static Err *verify(const MigrateDir *dir, const Entries *is, MigrateSumError *where, Arena *mem) {
    MigrateSumError nowhere = {0}, *out = where ? where : &nowhere;
    *out = (MigrateSumError){.file = "", .reason = ""};
    if (!dir->has_sum) {
        if (dir->files.len == 0)
            return NULL;
        return err_hint(err_new(E_CHECKSUM, "checksum file not found"),
                        "`atlas migrate hash` creates " MIGRATE_SUM_FILE);
    }
    const char *total = "";
    Entries was = {0};
    TRY(parse(dir->sum, &total, &was, mem));
    if (!cstr_eq(total, total_of(&was, mem)) || find_difference(&was, is, out))
        return mismatch();
    return NULL;
}

Err *migrate_dir_verify(const MigrateDir *dir, MigrateSumError *where, Arena *mem) {
    Entries is = entries_of(&dir->files, mem);
    return verify(dir, &is, where, mem);
}

Err *migrate_dir_pack(MigrateDir **out, const char *url, PackWriter *writer, MigrateSumError *where,
                      Arena *mem) {
    AutoArena names = arena_new(NULL);
    TRY(dir_open_names(out, url, mem));
    const MigrateDir *d = *out;
    Run run = {.hasher = hasher_new(names)};
    if (d->has_sum)
        TRY(pack_add(writer, MIGRATE_SUM_FILE, d->sum, names));
    for (size_t i = 0; i < d->files.len; i++) {
        AutoArena one = arena_new(NULL);
        const char *name = d->files.items[i].name;
        Str content;
        TRY(dir_read_file(&content, d, name, one));
        run_add(&run, name, content, mem);
        TRY(pack_add(writer, fs_basename(name), content, names));
    }
    TRY(pack_end(writer));
    return verify(d, &run.entries, where, mem);
}

Err *migrate_dir_write_sum(MigrateDir *dir, Arena *mem) {
    dir->sum = migrate_sum_text(&dir->files, mem);
    dir->has_sum = true;
    if (!dir->path)
        return NULL;
    return fs_write_atomic(fs_join(mem, dir->path, MIGRATE_SUM_FILE), dir->sum, 0644);
}
