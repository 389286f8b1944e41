#include "internal.h"

typedef struct Change {
    const char *version, *description, *op;
} Change;

typedef struct Set {
    const MigrateSetParams *p;
    const Host *host;
    Arena *mem;
    LIST(DbStep) steps;
    LIST(Change) changes;
    int64_t set, removed;
} Set;

static void add_change(Set *s, DbStepKind kind, const DbRevision *revision) {
    DbRevision *row = NEW(s->mem, DbRevision);
    *row = *revision;
    list_push(&s->steps, s->mem, ((DbStep){.kind = kind, .revision = row}));
    bool set = kind == DB_STEP_REVISION;
    list_push(&s->changes, s->mem, ((Change){row->version, row->description, set ? "+" : "-"}));
    s->set += set;
    s->removed += !set;
}

// The file to be at; NULL: none (an empty directory).
static Err *find_target(const MigrateSetParams *p, const DbState *state, const MigrateFile **out) {
    if (!cstr_empty(p->version)) {
        *out = migrate_dir_find(p->dir, p->version);
        return *out ? NULL : no_file(p->version);
    }
    if (state->revisions.len == 0)
        return err_new(E_USAGE, "accepts 1 arg(s), received 0: the database has no revisions, so "
                                "name the version to set");
    *out = p->dir->files.len > 0 ? &list_last(&p->dir->files) : NULL;
    return NULL;
}

// Revisions above the target go; the target's own, if it failed, counts as resolved.
static const char *change_existing(Set *s, const DbState *state, const MigrateFile *target) {
    const char *last = NULL;
    for (size_t i = 0; i < state->revisions.len; i++) {
        DbRevision r = state->revisions.items[i];
        int c = target ? version_compare(s->p->dir, r.version, target->version) : 1;
        if (c > 0) {
            add_change(s, DB_STEP_FORGET, &r);
            continue;
        }
        last = r.version;
        if (c == 0 && (*r.error || r.applied != r.total)) {
            r.type = DB_REVISION_EXECUTE | DB_REVISION_RESOLVED;
            add_change(s, DB_STEP_REVISION, &r);
        }
    }
    return last;
}

static void add_missing(Set *s, const char *last, const MigrateFile *target) {
    const MigrateSetParams *p = s->p;
    Map *sums = sum_map(p->dir, s->mem);
    for (const MigrateFile *f = p->dir->files.items; target && f <= target; f++) {
        if (last && version_compare(p->dir, f->version, last) <= 0)
            continue;
        DbRevision r = {.version = f->version,
                        .description = f->description,
                        .type = DB_REVISION_RESOLVED,
                        .executed_at = host_now(s->host),
                        .error = "",
                        .error_stmt = "",
                        .hash = cstr_or(map_get(sums, f->name), ""),
                        .operator_version = default_operator(p->operator_version)};
        add_change(s, DB_STEP_REVISION, &r);
    }
}

static Err *write_changes(Set *s) {
    LIST(DbStep) steps = {0};
    size_t done = 0;
    if (s->steps.len == 0)
        return NULL;
    list_push(&steps, s->mem, ((DbStep){.kind = DB_STEP_BEGIN}));
    for (size_t i = 0; i < s->steps.len; i++)
        list_push(&steps, s->mem, s->steps.items[i]);
    list_push(&steps, s->mem, ((DbStep){.kind = DB_STEP_COMMIT}));
    DbRunOptions options = {.schema = s->p->revisions_schema};
    Err *e = db_run(s->p->db, steps.items, steps.len, &options, &done);
    if (e)
        err_free(db_rollback(s->p->db));
    return e ? err_wrap(e, "writing the revisions") : NULL;
}

static int compare_changes(const void *a, const void *b) {
    return strcmp(((const Change *)a)->version, ((const Change *)b)->version);
}

static Value *make_report(Set *s, const MigrateFile *target) {
    Value *v = value_struct(s->mem, "cmdlog.MigrateSet"), *list = value_list(s->mem);
    if (s->changes.len > 1)
        qsort(s->changes.items, s->changes.len, sizeof *s->changes.items, compare_changes);
    for (size_t i = 0; i < s->changes.len; i++) {
        Value *c = value_struct(s->mem, "cmdlog.RevisionOp");
        value_set_str(c, s->mem, "Version", s->changes.items[i].version, 0);
        value_set_str(c, s->mem, "Description", s->changes.items[i].description, 0);
        value_set_str(c, s->mem, "Op", s->changes.items[i].op, 0);
        value_push(list, s->mem, c);
    }
    value_set_str(v, s->mem, "Current", target ? target->version : "", M_OMIT_EMPTY);
    value_set(v, s->mem, "Revisions", list, M_OMIT_EMPTY);
    value_set_int(v, s->mem, "Set", s->set, M_OMIT_EMPTY);
    value_set_int(v, s->mem, "Removed", s->removed, M_OMIT_EMPTY);
    return v;
}

static Err *locked_set(Value **report, Set *s, const char **notice) {
    const MigrateSetParams *p = s->p;
    DbState state = {0};
    const MigrateFile *target = NULL;
    TRY(db_state_read(p->db, p->revisions_schema, &state, s->mem));
    TRY(check_other_schema(&state, p->revisions_schema, notice, s->mem));
    TRY(find_target(p, &state, &target));
    TRY(db_revisions_prepare(p->db, p->revisions_schema));
    add_missing(s, change_existing(s, &state, target), target);
    TRY(write_changes(s));
    *report = make_report(s, target);
    return NULL;
}

Err *migrate_set(Value **report, const MigrateSetParams *p, MigrateSumError *where,
                 const char **notice, Arena *mem) {
    Set s = {.p = p, .host = p->host ? p->host : &host_system, .mem = mem};
    TRY(migrate_dir_verify(p->dir, where, mem));
    TRY(db_lock(p->db, cstr_or(p->lock_name, MIGRATE_LOCK_NAME), 0));
    Err *e = locked_set(report, &s, notice), *unlock = db_unlock(p->db);
    if (!e)
        return unlock;
    err_free(unlock);
    return e;
}
