#include "internal.h"

#ifndef ATLAS_VERSION
#define ATLAS_VERSION "- development"
#endif

const char *default_operator(const char *operator_version) {
    return cstr_or(operator_version, "Atlas CLI " ATLAS_VERSION);
}

Err *migrate_tx_mode_parse(MigrateTxMode *out, const char *text) {
    static const char *const words[] = {"file", "all", "none"};
    *out = MIGRATE_TX_FILE;
    for (size_t i = 0; i < COUNT_OF(words); i++) {
        if (cstr_eq(text, words[i])) {
            *out = (MigrateTxMode)i;
            return NULL;
        }
    }
    return cstr_empty(text)
               ? NULL
               : err_new(E_USAGE, "unknown tx-mode \"%s\": it is one of none, file, all", text);
}

Err *migrate_order_parse(MigrateOrder *out, const char *text) {
    static const char *const words[] = {"linear", "linear-skip", "non-linear"};
    *out = MIGRATE_LINEAR;
    for (size_t i = 0; i < COUNT_OF(words); i++) {
        if (cstr_eq(text, words[i])) {
            *out = (MigrateOrder)i;
            return NULL;
        }
    }
    return cstr_empty(text) ? NULL
                            : err_new(E_USAGE,
                                      "unknown exec-order \"%s\": it is one of linear, "
                                      "linear-skip, non-linear",
                                      text);
}

static Err *resolve_tx(FilePlan *plan, MigrateTxMode global, Arena *mem) {
    plan->tx = global == MIGRATE_TX_NONE ? MIGRATE_TX_NONE : MIGRATE_TX_FILE;
    if (!has_directives(plan->file))
        return NULL;
    const char *name = plan->file->name;
    SqlDirectives directives = sql_file_directives(plan->file->content, mem);
    StrList modes = sql_directive_args(&directives, "txmode", mem);
    if (modes.len == 0)
        return NULL;
    if (modes.len > 1)
        return err_new(E_INVALID, "multiple txmode values found in file \"%s\": %s", name,
                       cstr_join(mem, &modes, ", "));
    const char *mode = modes.items[0];
    if (!cstr_eq(mode, "none") && !cstr_eq(mode, "file"))
        return err_new(E_INVALID, "unknown txmode \"%s\" found in file directive \"%s\"", mode,
                       name);
    if (global == MIGRATE_TX_ALL)
        return err_new(E_INVALID,
                       "cannot set txmode directive to \"%s\" in \"%s\" when txmode \"all\" is set "
                       "globally",
                       mode, name);
    plan->tx = cstr_eq(mode, "none") ? MIGRATE_TX_NONE : MIGRATE_TX_FILE;
    return NULL;
}

// s_i: the digest of statements 1 to i together.
static StrList hash_statements(const SqlStmts *stmts, Arena *mem) {
    AutoArena tmp = arena_new(NULL);
    Hasher *h = hasher_new(tmp);
    StrList list = {0};
    for (size_t i = 0; i < stmts->len; i++) {
        hasher_add(h, stmts->items[i].text);
        Digest d = hasher_value(h);
        list_push(&list, mem, base64_encode(mem, d.bytes, sizeof d.bytes));
    }
    return list;
}

char *plan_partial_hashes(const FilePlan *plan, size_t count, Arena *mem) {
    Buf b;
    buf_init(&b, mem, SIZE_MAX);
    buf_char(&b, '[');
    for (size_t i = 0; i < count; i++)
        buf_printf(&b, "%s\"h1:%s\"", i > 0 ? "," : "", plan->hashes.items[i]);
    buf_char(&b, ']');
    return b.ptr;
}

static Err *changed(const FilePlan *plan, size_t index) {
    return err_new(E_STATE, "sql/migrate: history changed: statement %zu from file \"%s\" changed",
                   index + 1, plan->file->name);
}

// The statements an earlier run applied must be the ones the file still starts with.
static Err *check_history(const FilePlan *plan, const DbRevision *r, Arena *mem) {
    Value *recorded = NULL;
    size_t applied = (size_t)r->applied;
    if (applied > plan->stmts.len)
        return err_hint(err_new(E_STATE,
                                "sql/migrate: history changed: file \"%s\" has %zu statements, but "
                                "%zu of it were applied",
                                plan->file->name, plan->stmts.len, applied),
                        "restore the file, or mark the version with `atlas migrate set`");
    if (r->partial_hashes) {
        Err *e = json_parse(&recorded, str_from(r->partial_hashes), NULL, mem);
        if (e)
            return err_wrap(e, "partial_hashes of revision \"%s\"", r->version);
    }
    for (size_t i = 0; i < applied; i++) {
        const char *was = value_text(value_at(recorded, i));
        if (!cstr_starts(was, "h1:") || !cstr_eq(was + 3, plan->hashes.items[i]))
            return changed(plan, i);
    }
    return NULL;
}

static const DbRevision *find_revision(const DbRevisions *list, const char *version) {
    for (size_t i = list->len; i-- > 0;)
        if (cstr_eq(list->items[i].version, version))
            return &list->items[i];
    return NULL;
}

static Err *resume(FilePlan *plan, const DbRevision *r, Arena *mem) {
    if (!r)
        return NULL;
    plan->revision.type = r->type;
    plan->revision.executed_at = r->executed_at;
    if (r->applied <= 0)
        return NULL;
    plan->skip = (size_t)r->applied;
    return check_history(plan, r, mem);
}

static Err *plan_file(FilePlan *plan, const MigrateApplyParams *p, const DbState *state,
                      const Map *sums, Arena *mem) {
    const MigrateFile *f = plan->file;
    unsigned options = db_scan_options(p->db);
    Err *e = migrate_file_stmts(&plan->stmts, f, options, mem);
    if (!e)
        e = migrate_file_checks(&plan->checks, f, options, mem);
    if (e)
        return err_wrap(e, "sql/migrate: scanning statements");
    plan->hashes = hash_statements(&plan->stmts, mem);
    plan->revision.version = f->version;
    plan->revision.description = f->description;
    plan->revision.type = DB_REVISION_EXECUTE;
    plan->revision.total = (int64_t)plan->stmts.len;
    plan->revision.hash = cstr_or(map_get(sums, f->name), "");
    plan->revision.error = plan->revision.error_stmt = "";
    return resume(plan, find_revision(&state->revisions, f->version), mem);
}

Err *plan_files(FilePlans *out, const FileRefs *files, const MigrateApplyParams *p,
                const DbState *state, const char *operator_version, Arena *mem) {
    Map *sums = sum_map(p->dir, mem);
    *out = (FilePlans){0};
    for (size_t i = 0; i < files->len; i++) {
        FilePlan plan = {.file = files->items[i]};
        TRY(resolve_tx(&plan, p->tx_mode, mem));
        list_push(out, mem, plan);
    }
    for (size_t i = 0; i < out->len; i++) {
        out->items[i].revision.operator_version = operator_version;
        TRY(plan_file(&out->items[i], p, state, sums, mem));
    }
    return NULL;
}
