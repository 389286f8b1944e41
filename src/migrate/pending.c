#include "internal.h"

typedef struct Files {
    const MigrateFile *items;
    size_t len;
} Files;

bool revision_is_partial(const DbRevision *r) {
    return r->applied != r->total && !(r->type & DB_REVISION_RESOLVED);
}

// Flyway's versions are numbers, all others are bytes.
int version_compare(const MigrateDir *dir, const char *a, const char *b) {
    return dir->format == MIGRATE_FLYWAY ? flyway_compare(a, b) : strcmp(a, b);
}

const DbRevision *last_revision(const MigrateDir *dir, const DbRevisions *revisions) {
    const DbRevision *last = NULL;
    for (size_t i = 0; i < revisions->len; i++)
        if (!last || version_compare(dir, revisions->items[i].version, last->version) >= 0)
            last = &revisions->items[i];
    return last;
}

// Flyway's repeatable files have no version, and share one revision.
static bool is_repeatable(const MigrateFile *f) { return !*f->version; }

static void add_from(FileRefs *out, const FileRefs *from, size_t index, Arena *mem) {
    for (size_t i = index; i < from->len; i++)
        list_push(out, mem, from->items[i]);
}

static FileRefs without_checkpoints(Files files, Arena *mem) {
    FileRefs list = {0};
    for (size_t i = 0; i < files.len; i++)
        if (!files.items[i].checkpoint)
            list_push(&list, mem, &files.items[i]);
    return list;
}

static Err *not_clean(const PendingParams *p) {
    Err *e = err_new(E_STATE,
                     "sql/migrate: connected database is not clean: %s. baseline version or "
                     "allow-dirty is required",
                     p->state->dirty);
    if (p->foreign)
        return err_hint(e, "%s left it at version %s: run once with --baseline %s (or --baseline "
                           "auto)", p->tool, p->foreign, p->foreign);
    return err_hint(e,
                    "--baseline VERSION if the database is at that version already, --allow-dirty "
                    "to run all files on it as it is");
}

static Err *first_run(Pending *out, const PendingParams *p, Files files, Arena *mem) {
    bool baseline = !cstr_empty(p->baseline);
    if (p->state->dirty && !p->allow_dirty && !p->ignore_dirty && !baseline)
        return not_clean(p);
    if (!baseline) {
        size_t start = files.len;
        while (start > 0 && !files.items[start - 1].checkpoint)
            start--;
        for (size_t i = start ? start - 1 : 0; i < files.len; i++)
            list_push(&out->files, mem, &files.items[i]);
        return NULL;
    }
    FileRefs plain = without_checkpoints(files, mem);
    for (size_t i = 0; i < plain.len; i++) {
        if (cstr_eq(plain.items[i]->version, p->baseline)) {
            out->baseline = plain.items[i];
            add_from(&out->files, &plain, i + 1, mem);
            return NULL;
        }
    }
    return err_new(E_NOT_FOUND, "baseline version \"%s\" not found", p->baseline);
}

// A partially applied checkpoint: it is finished first, then what comes after it.
static bool resume_checkpoint(Pending *out, const DbRevision *last, Files files, Arena *mem) {
    bool found = false;
    if (!revision_is_partial(last))
        return false;
    for (size_t i = 0; i < files.len; i++) {
        const MigrateFile *f = &files.items[i];
        if (found ? !f->checkpoint : f->checkpoint && cstr_eq(f->version, last->version)) {
            list_push(&out->files, mem, f);
            found = true;
        }
    }
    return found;
}

static Err *out_of_order_error(const FileRefs *files) {
    AutoArena tmp = arena_new(NULL);
    StrList names = {0};
    for (size_t i = 0; i < files->len; i++)
        list_push(&names, tmp, files->items[i]->name);
    return err_new(E_STATE,
                   "migration %s %s %s added out of order. See: "
                   "https://atlasgo.io/versioned/apply#non-linear-error",
                   files->len > 1 ? "files" : "file", cstr_join(tmp, &names, ", "),
                   files->len > 1 ? "were" : "was");
}

static FileRefs find_out_of_order(const FileRefs *files, size_t end, const PendingParams *p,
                                  Arena *mem) {
    const DbRevisions *revisions = &p->state->revisions;
    FileRefs list = {0};
    Map known;
    map_init(&known, mem);
    for (size_t i = 0; i < revisions->len; i++)
        map_set(&known, revisions->items[i].version, revisions->items);
    size_t i = 0;
    while (i < end &&
           version_compare(p->dir, files->items[i]->version, revisions->items[0].version) < 0)
        i++;
    for (; i < end; i++)
        if (!map_has(&known, files->items[i]->version))
            list_push(&list, mem, files->items[i]);
    return list;
}

static Err *missing_file(const DbRevision *r) {
    return err_hint(err_new(E_STATE,
                            "sql/migrate: missing migration: file \"%s_%s.sql\" was applied "
                            "partially and is not in the directory",
                            r->version, r->description),
                    "restore the file, or mark the version with `atlas migrate set`");
}

static Err *next_runs(Pending *out, const PendingParams *p, Files files, Arena *mem) {
    const DbRevisions *revisions = &p->state->revisions;
    const DbRevision *last = last_revision(p->dir, revisions);
    bool partial = revision_is_partial(last);
    if (resume_checkpoint(out, last, files, mem))
        return NULL;
    FileRefs plain = without_checkpoints(files, mem);
    while (plain.len > 0 && is_repeatable(list_last(&plain)) && find_revision(revisions, ""))
        plain.len--;
    size_t behind = 0; // index behind the last file at or before the last revision
    for (size_t i = 0; i < plain.len && !is_repeatable(plain.items[i]); i++) {
        int c = version_compare(p->dir, plain.items[i]->version, last->version);
        if (partial ? c == 0 : c <= 0)
            behind = i + 1;
    }
    if (behind == 0 && partial && plain.len > 0)
        return missing_file(last);
    FileRefs late = find_out_of_order(&plain, behind, p, mem);
    if (late.len > 0 && p->order == MIGRATE_NON_LINEAR)
        add_from(&out->files, &late, 0, mem);
    add_from(&out->files, &plain, behind > 0 && partial ? behind - 1 : behind, mem);
    if (late.len == 0 || p->order != MIGRATE_LINEAR)
        return NULL;
    out->out_of_order = late;
    return out_of_order_error(&late);
}

// What the target version limits the directory to: checkpoints behind it must not count.
static Err *limit_files(Files *files, const PendingParams *p) {
    if (cstr_empty(p->to_version))
        return NULL;
    const MigrateFile *to = migrate_dir_find(p->dir, p->to_version);
    if (!to)
        return no_file(p->to_version);
    size_t end = (size_t)(to - p->dir->files.items) + 1;
    for (size_t i = end; i < files->len; i++)
        if (files->items[i].checkpoint)
            files->len = end;
    return NULL;
}

static Err *cut_pending(FileRefs *files, const char *to_version) {
    if (cstr_empty(to_version) || files->len == 0)
        return NULL;
    for (size_t i = 0; i < files->len; i++) {
        if (cstr_eq(files->items[i]->version, to_version)) {
            files->len = i + 1;
            return NULL;
        }
    }
    return no_file(to_version);
}

// Revisions are kept by version: two files of one version would share a row. (Flyway's repeatable
// files have none.)
static Err *check_versions(Files files) {
    AutoArena tmp = arena_new(NULL);
    Map seen;
    map_init(&seen, tmp);
    for (size_t i = 0; i < files.len; i++) {
        const MigrateFile *f = &files.items[i];
        const char *other = *f->version ? map_get(&seen, f->version) : NULL;
        if (other)
            return err_hint(err_new(E_INVALID, "files %s and %s have the same version \"%s\"", other,
                                    f->name, f->version),
                            "rename one of them, and run `atlas migrate hash`");
        map_set(&seen, f->version, arena_strdup(tmp, f->name));
    }
    return NULL;
}

Err *pending_compute(Pending *out, const PendingParams *p, Arena *mem) {
    Files files = {p->dir->files.items, p->dir->files.len};
    *out = (Pending){0};
    TRY(check_versions(files));
    TRY(limit_files(&files, p));
    if (p->state->revisions.len == 0)
        TRY(first_run(out, p, files, mem));
    else
        TRY(next_runs(out, p, files, mem));
    return cut_pending(&out->files, p->to_version);
}
