#include "internal.h"

#ifndef ATLAS_VERSION
#define ATLAS_VERSION "- development"
#endif

const char *default_operator(const char *operator_version) {
    return cstr_or(operator_version, "Atlas CLI " ATLAS_VERSION);
}

// Index of `text` in `words`; 0 for "".
static Err *parse_word(size_t *out, const char *what, const char *const *words, size_t count,
                       const char *text) {
    AutoArena tmp = arena_new(NULL);
    StrList list = {0};
    *out = 0;
    for (size_t i = 0; i < count; i++) {
        list_push(&list, tmp, words[i]);
        if (cstr_eq(text, words[i])) {
            *out = i;
            return NULL;
        }
    }
    return cstr_empty(text) ? NULL
                            : err_new(E_USAGE, "unknown %s \"%s\": it is one of %s", what, text,
                                      cstr_join(tmp, &list, ", "));
}

Err *migrate_tx_mode_parse(MigrateTxMode *out, const char *text) {
    static const char *const words[] = {"file", "all", "none"};
    size_t i = 0;
    TRY(parse_word(&i, "tx-mode", words, COUNT_OF(words), text));
    *out = (MigrateTxMode)i;
    return NULL;
}

Err *migrate_order_parse(MigrateOrder *out, const char *text) {
    static const char *const words[] = {"linear", "linear-skip", "non-linear"};
    size_t i = 0;
    TRY(parse_word(&i, "exec-order", words, COUNT_OF(words), text));
    *out = (MigrateOrder)i;
    return NULL;
}

Err *migrate_in_flight_parse(MigrateInFlight *out, const char *text) {
    static const char *const words[] = {"stop", "applied", "repeat"};
    size_t i = 0;
    TRY(parse_word(&i, "in-flight", words, COUNT_OF(words), text));
    *out = (MigrateInFlight)i;
    return NULL;
}

static Err *no_single_transaction(const char *mode, const char *name) {
    return err_new(E_INVALID,
                   "cannot set txmode directive to \"%s\" in \"%s\" when txmode \"all\" is set "
                   "globally",
                   mode, name);
}

static Err *resolve_tx(FilePlan *plan, MigrateTxMode global, Arena *mem) {
    plan->tx = global == MIGRATE_TX_NONE ? MIGRATE_TX_NONE : MIGRATE_TX_FILE;
    const char *name = plan->file->name;
    if (format_without_transaction(plan->file)) {
        plan->tx = MIGRATE_TX_NONE;
        return global == MIGRATE_TX_ALL ? no_single_transaction("none", name) : NULL;
    }
    if (!has_directives(plan->file))
        return NULL;
    SqlDirectives directives = sql_file_directives(file_text(plan->file), mem);
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
        return no_single_transaction(mode, name);
    plan->tx = cstr_eq(mode, "none") ? MIGRATE_TX_NONE : MIGRATE_TX_FILE;
    return NULL;
}

StrList plan_hashes(const SqlStmts *stmts, Arena *mem) {
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

char *plan_partial_hashes(const StrList *hashes, size_t count, Arena *mem) {
    Buf b;
    buf_init(&b, mem, SIZE_MAX);
    buf_char(&b, '[');
    for (size_t i = 0; i < count; i++)
        buf_printf(&b, "%s\"h1:%s\"", i > 0 ? "," : "", hashes->items[i]);
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
    StrList hashes = plan_hashes(&plan->stmts, mem);
    for (size_t i = 0; i < applied; i++) {
        const char *was = value_text(value_at(recorded, i));
        if (!cstr_starts(was, "h1:") || !cstr_eq(was + 3, hashes.items[i]))
            return changed(plan, i);
    }
    return NULL;
}

const DbRevision *find_revision(const DbRevisions *list, const char *version) {
    size_t low = 0, high = list->len; // sorted by version
    while (low < high) {
        size_t middle = low + (high - low) / 2;
        int c = strcmp(list->items[middle].version, version);
        if (c == 0)
            return &list->items[middle];
        low = c < 0 ? middle + 1 : low;
        high = c < 0 ? high : middle;
    }
    return NULL;
}

static Err *lost_in_flight(const FilePlan *plan, const char *stmt) {
    AutoArena tmp = arena_new(NULL);
    return err_hint(err_new(E_STATE,
                            "sql/migrate: statement %zu of file \"%s\" was running when its run "
                            "ended, and nothing tells whether it took effect: %s. Run again with "
                            "--in-flight=applied if it did, with --in-flight=repeat if not",
                            plan->skip + 1, plan->file->name, migrate_quote(tmp, stmt)),
                    "look at the database for what the statement does");
}

// The statement that ran when an earlier run ended, or that failed and may have left something.
static Err *resolve_in_flight(FilePlan *plan, const MigrateApplyParams *p, const DbRevision *r,
                              StrList *warnings, Arena *mem) {
    DbFlight what = DB_FLIGHT_UNKNOWN;
    const char *note = NULL;
    bool in_flight = cstr_eq(r->error, IN_FLIGHT);
    bool same = plan->skip < plan->stmts.len &&
                cstr_eq(plan->stmts.items[plan->skip].text.ptr, r->error_stmt);
    if (cstr_empty(r->error_stmt) || p->dry_run || (!in_flight && !same))
        return NULL;
    if (!in_flight && db_is_atomic(p->db, str_from(r->error_stmt)))
        return NULL;
    TRY(db_flight(p->db, str_from(r->error_stmt), &what, &note, mem));
    if (note)
        list_push(warnings, mem, note);
    if (!in_flight || what == DB_FLIGHT_REPEAT)
        return NULL;
    if (what == DB_FLIGHT_UNKNOWN && p->in_flight == MIGRATE_FLIGHT_STOP)
        return lost_in_flight(plan, r->error_stmt);
    if (what == DB_FLIGHT_UNKNOWN && p->in_flight == MIGRATE_FLIGHT_REPEAT)
        return NULL;
    if (!same)
        return changed(plan, plan->skip);
    plan->skip++;
    return NULL;
}

static Err *resume(FilePlan *plan, const MigrateApplyParams *p, const DbRevision *r,
                   StrList *warnings, Arena *mem) {
    if (!r)
        return NULL;
    plan->revision.type = r->type;
    plan->revision.executed_at = r->executed_at;
    if (r->applied > 0) {
        plan->skip = (size_t)r->applied;
        AutoArena tmp = arena_new(NULL);
        TRY(check_history(plan, r, tmp));
    }
    return revision_is_partial(r) ? resolve_in_flight(plan, p, r, warnings, mem) : NULL;
}

static Err *plan_file(FilePlan *plan, const MigrateApplyParams *p, const DbState *state,
                      const Map *sums, StrList *warnings, Arena *mem) {
    const MigrateFile *f = plan->file;
    unsigned options = db_scan_options(p->db);
    Err *e = migrate_file_stmts(&plan->stmts, f, options, mem);
    if (!e)
        e = migrate_file_checks(&plan->checks, f, options, mem);
    if (e)
        return err_wrap(e, "sql/migrate: scanning statements");
    plan->revision.version = f->version;
    plan->revision.description = f->description;
    plan->revision.type = DB_REVISION_EXECUTE;
    plan->revision.total = (int64_t)plan->stmts.len;
    plan->revision.hash = cstr_or(map_get(sums, f->name), "");
    plan->revision.error = plan->revision.error_stmt = "";
    return resume(plan, p, find_revision(&state->revisions, f->version), warnings, mem);
}

Err *plan_files(FilePlans *out, const FileRefs *files, const MigrateApplyParams *p,
                const DbState *state, const char *operator_version, StrList *warnings, Arena *mem) {
    Map *sums = sum_map(p->dir, mem);
    *out = (FilePlans){0};
    for (size_t i = 0; i < files->len; i++) {
        FilePlan plan = {.file = files->items[i]};
        TRY(resolve_tx(&plan, p->tx_mode, mem));
        list_push(out, mem, plan);
    }
    for (size_t i = 0; i < out->len; i++) {
        out->items[i].revision.operator_version = operator_version;
        TRY(plan_file(&out->items[i], p, state, sums, warnings, mem));
    }
    return NULL;
}
