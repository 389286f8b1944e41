#include "internal.h"

static const char *type_text(unsigned type, Arena *mem) {
    switch (type) {
    case DB_REVISION_BASELINE:
        return "baseline";
    case DB_REVISION_EXECUTE:
        return "applied";
    case DB_REVISION_RESOLVED:
        return "manually set";
    case DB_REVISION_EXECUTE | DB_REVISION_RESOLVED:
        return "applied + manually set";
    default:
        break;
    }
    char bits[33] = "";
    size_t len = 0;
    for (int bit = 31; bit >= 0; bit--)
        if (len > 0 || bit < 4 || (type >> bit & 1))
            bits[len++] = (type >> bit & 1) ? '1' : '0';
    return arena_printf(mem, "unknown (%s)", bits);
}

enum { REVISION_MEMBERS = 11 };

static Value *revision_value(Arena *mem, const DbRevision *r) {
    Value *v = value_struct(mem, "migrate.Revision");
    value_reserve(v, mem, REVISION_MEMBERS);
    value_set(v, mem, "Version", value_view(mem, str_from(r->version)), 0);
    value_set(v, mem, "Description", value_view(mem, str_from(r->description)), 0);
    value_set_str(v, mem, "Type", type_text(r->type, mem), 0);
    value_set_int(v, mem, "Applied", r->applied, 0);
    value_set_int(v, mem, "Total", r->total, 0);
    value_set(v, mem, "ExecutedAt", value_time(mem, r->executed_at), 0);
    value_set(v, mem, "ExecutionTime", value_duration(mem, r->execution_time), 0);
    value_set_str(v, mem, "Error", r->error, M_OMIT_EMPTY);
    value_set_str(v, mem, "ErrorStmt", r->error_stmt, M_OMIT_EMPTY);
    value_set_str(v, mem, "OperatorVersion", r->operator_version, 0);
    value_set(v, mem, "Hash", value_view(mem, str_from(r->hash)), M_HIDDEN);
    return v;
}

static Value *revisions_value(Arena *mem, const DbRevisions *list) {
    Value *v = value_list(mem);
    for (size_t i = 0; i < list->len; i++)
        value_push(v, mem, revision_value(mem, &list->items[i]));
    return v;
}

static FileRefs all_files(const MigrateDir *dir, Arena *mem) {
    FileRefs list = {0};
    for (size_t i = 0; i < dir->files.len; i++)
        list_push(&list, mem, &dir->files.items[i]);
    return list;
}

static void one_line(Value *v, Arena *mem, const char *key, const char *text) {
    value_set_str(v, mem, key, cstr_replace(mem, text, "\n", " "), M_OMIT_EMPTY);
}

// The last run failed in the middle of a file.
static Err *set_partial(Value *v, const MigrateStatusParams *p, const DbRevision *last,
                        Arena *mem) {
    SqlStmts stmts = {0};
    if (!revision_is_partial(last))
        return NULL;
    const MigrateFile *f = migrate_dir_find(p->dir, last->version);
    if (!f)
        return no_file(last->version);
    TRY(migrate_file_stmts(&stmts, f, db_scan_options(p->db), mem));
    one_line(v, mem, "SQL", last->error_stmt);
    one_line(v, mem, "Error", last->error);
    value_set_int(v, mem, "Count", last->applied, M_OMIT_EMPTY);
    value_set_int(v, mem, "Total", (int64_t)stmts.len, M_OMIT_EMPTY);
    return NULL;
}

static Value *empty_report(const MigrateStatusParams *p, Arena *mem) {
    Value *v = value_struct(mem, "cmdlog.MigrateStatus");
    set_env(v, mem, p->db, p->url, cstr_or(p->dir_url, p->dir->url), true);
    static const char *const lists[] = {"Available", "OutOfOrder", "Pending", "Applied"};
    for (size_t i = 0; i < COUNT_OF(lists); i++)
        value_set(v, mem, lists[i], value_list(mem), M_OMIT_EMPTY);
    value_set_str(v, mem, "Current", "", M_OMIT_EMPTY);
    value_set_str(v, mem, "Next", "", M_OMIT_EMPTY);
    value_set_int(v, mem, "Count", 0, M_OMIT_EMPTY);
    value_set_int(v, mem, "Total", 0, M_OMIT_EMPTY);
    value_set_str(v, mem, "Status", "", M_OMIT_EMPTY);
    value_set_str(v, mem, "Error", "", M_OMIT_EMPTY);
    value_set_str(v, mem, "SQL", "", M_OMIT_EMPTY);
    return v;
}

static void set_out_of_order(Value *v, const MigrateDir *dir, const Pending *pending,
                             const DbState *state, const Err *e, Arena *mem) {
    value_set(v, mem, "OutOfOrder", files_value(mem, &pending->out_of_order), M_OMIT_EMPTY);
    value_set_str(v, mem, "Current", last_revision(dir, &state->revisions)->version, M_OMIT_EMPTY);
    value_set_str(v, mem, "Status", "PENDING", M_OMIT_EMPTY);
    value_set_str(v, mem, "Error", err_text(e), M_OMIT_EMPTY);
}

static Err *set_versions(Value *v, const MigrateStatusParams *p, const Pending *pending,
                         const DbState *state, Arena *mem) {
    const DbRevisions *revisions = &state->revisions;
    const DbRevision *last = last_revision(p->dir, revisions);
    FileRefs all = all_files(p->dir, mem);
    const FileRefs *available = revisions->len == 0 ? &pending->files : &all;
    const FileRefs *files = &pending->files;
    value_set(v, mem, "Available", available == files ? value_get(v, "Pending")
                                                      : files_value(mem, available), M_OMIT_EMPTY);
    bool none = files->len == available->len || !last;
    value_set_str(v, mem, "Current",
                  none ? "No migration applied yet" : last->version, M_OMIT_EMPTY);
    value_set_str(v, mem, "Next",
                  files->len > 0 ? files->items[0]->version : "Already at latest version",
                  M_OMIT_EMPTY);
    value_set_str(v, mem, "Status", files->len > 0 ? "PENDING" : "OK", M_OMIT_EMPTY);
    return last ? set_partial(v, p, last, mem) : NULL;
}

Err *migrate_status(Value **report, const MigrateStatusParams *p, MigrateSumError *where,
                    const char **notice, Arena *mem) {
    DbState state = {0};
    Pending pending = {0};
    TRY(migrate_dir_verify(p->dir, where, mem));
    TRY(db_state_read(p->db, p->revisions_schema, &state, mem));
    TRY(check_other_schema(&state, p->revisions_schema, notice, mem));
    PendingParams pp = {
        .dir = p->dir, .state = &state, .ignore_dirty = true, .baseline = "", .to_version = ""};
    Value *v = empty_report(p, mem);
    Err *e = pending_compute(&pending, &pp, mem);
    if (e && pending.out_of_order.len == 0)
        return e;
    value_set(v, mem, "Pending", files_value(mem, &pending.files), M_OMIT_EMPTY);
    value_set(v, mem, "Applied", revisions_value(mem, &state.revisions), M_OMIT_EMPTY);
    if (e)
        set_out_of_order(v, p->dir, &pending, &state, e, mem);
    else
        TRY(set_versions(v, p, &pending, &state, mem));
    err_free(e);
    *report = v;
    return NULL;
}
