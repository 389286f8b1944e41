#include "internal.h"

// Files are planned as steps, steps run in batches, results are interpreted: the database is never
// asked in between. Only check sections end a batch, as they decide about what follows.
enum { BATCH_FILES = 1024, BATCH_ROWS = 2048, APPLIED_MEMBERS = 11, ROW_STATEMENT = 64 << 10 };
#define BATCH_BYTES ((size_t)8 << 20)

typedef struct Run {
    const MigrateApplyParams *p;
    const Host *host;
    Arena *mem;
    Arena *batch; // of the current batch's rows
    Arena *hash_mem;
    StrList hashes; // of the current file, where its statements are recorded
    FilePlans plans;
    size_t file, stmt; // what to plan next
    bool in_file, begun;
    bool has_row; // the current file's row is in the table
    LIST(DbStep) steps;
    size_t batch_bytes, batch_rows, batch_files;
    Value *applied; // list of the report
    Value *nothing, *no_error; // an empty list and a null, shared by the reports of all files
    size_t done;
    StrList *warnings;
    const char *last;  // version of the last row after a failure, NULL: as far as `done` says
} Run;

// --- events
// ---------------------------------------------------------------------------------------

static void send_event(Run *r, MigrateEventKind kind, size_t file, size_t stmt) {
    const FilePlan *plan = &r->plans.items[file];
    if (!r->p->event)
        return;
    MigrateEvent event = {.kind = kind,
                          .file = plan->file,
                          .file_index = file,
                          .file_count = r->plans.len,
                          .stmt_index = stmt,
                          .stmt_count = plan->stmts.len};
    if (kind == MIGRATE_EVENT_STATEMENT)
        event.stmt = plan->stmts.items[stmt].text.ptr;
    r->p->event(r->p->event_ctx, &event);
}

static Value *stmt_error(Arena *mem, const char *stmt, const char *text) {
    Value *v = value_struct(mem, "cmdlog.StmtError");
    value_set_str(v, mem, "Stmt", stmt, M_OMIT_EMPTY);
    value_set_str(v, mem, "Text", text, M_OMIT_EMPTY);
    return v;
}

static void start_file(Run *r, size_t index) {
    FilePlan *plan = &r->plans.items[index];
    if (plan->report)
        return;
    Value *v = file_value(r->mem, plan->file, APPLIED_MEMBERS);
    v->struct_name = "cmdlog.AppliedFile";
    Time now = host_now(r->host);
    value_set(v, r->mem, "Start", value_time(r->mem, now), 0);
    value_set(v, r->mem, "End", value_time(r->mem, now), 0);
    value_set_int(v, r->mem, "Skipped", (int64_t)plan->skip, M_OMIT_EMPTY);
    value_set(v, r->mem, "Applied", value_list(r->mem), M_OMIT_EMPTY);
    value_set(v, r->mem, "Checks", plan->checks.len ? value_list(r->mem) : r->nothing,
              M_OMIT_EMPTY);
    value_set(v, r->mem, "Error", r->no_error, M_OMIT_EMPTY);
    plan->report = v;
    value_push(r->applied, r->mem, v);
    send_event(r, MIGRATE_EVENT_FILE, index, 0);
}

static void report_statement(Run *r, size_t file, size_t stmt) {
    FilePlan *plan = &r->plans.items[file];
    value_push(value_get(plan->report, "Applied"), r->mem,
               value_view(r->mem, plan->stmts.items[stmt].text));
}

static void end_file(Run *r, size_t index) {
    FilePlan *plan = &r->plans.items[index];
    value_set(plan->report, r->mem, "End", value_time(r->mem, host_now(r->host)), 0);
    r->done = index + 1;
    send_event(r, MIGRATE_EVENT_FILE_DONE, index, 0);
}

static void on_step(void *ctx, const DbStep *step) {
    Run *r = ctx;
    switch (step->kind) {
    case DB_STEP_FILE:
        start_file(r, step->file);
        break;
    case DB_STEP_STATEMENT:
        if (step->stmt < r->plans.items[step->file].skip)
            break; // repeated for the session only
        report_statement(r, step->file, step->stmt);
        send_event(r, MIGRATE_EVENT_STATEMENT, step->file, step->stmt);
        break;
    case DB_STEP_FILE_END: // behind the commit of the file
        end_file(r, step->file);
        break;
    case DB_STEP_BEGIN:
    case DB_STEP_REVISION:
    case DB_STEP_ADVANCE:
    case DB_STEP_FORGET:
    case DB_STEP_COMMIT:
        break;
    }
}

// --- planning
// -------------------------------------------------------------------------------------

static void add_step(Run *r, DbStepKind kind, DbRevision *revision) {
    DbStep step = {.kind = kind, .file = r->file, .stmt = r->stmt, .revision = revision};
    if (kind == DB_STEP_STATEMENT) {
        step.sql = r->plans.items[r->file].stmts.items[r->stmt].text;
        r->batch_bytes += step.sql.len;
    }
    list_push(&r->steps, r->batch, step);
}

// The text of the next statement where a crash could separate it from its row: it is marked as in
// flight before it runs.
static const char *next_in_flight(const Run *r, const FilePlan *plan, size_t applied) {
    if (applied >= plan->stmts.len || db_is_atomic(r->p->db, plan->stmts.items[applied].text))
        return NULL;
    return plan->stmts.items[applied].text.ptr;
}

// The row after `applied` statements, or what changes in it.
static void add_revision(Run *r, size_t applied) {
    FilePlan *plan = &r->plans.items[r->file];
    DbRevision *row = NEW(r->batch, DbRevision);
    bool is_last = applied >= plan->stmts.len, advance = r->has_row && !is_last;
    const char *flight = next_in_flight(r, plan, applied);
    *row = plan->revision;
    row->applied = (int64_t)applied;
    if (flight) {
        row->error = IN_FLIGHT;
        row->error_stmt = flight;
    }
    if (advance)
        row->partial_hashes = arena_printf(r->batch, "h1:%s", r->hashes.items[applied - 1]);
    else if (!is_last)
        row->partial_hashes = plan_partial_hashes(&r->hashes, applied, r->batch);
    r->batch_rows++;
    r->has_row = true;
    add_step(r, advance ? DB_STEP_ADVANCE : DB_STEP_REVISION, row);
}

// Without a transaction around the file every statement is recorded at once.
static bool records_statements(const Run *r, const FilePlan *plan) {
    return plan->tx == MIGRATE_TX_NONE || !db_transactional_ddl(r->p->db);
}

static bool is_full(const Run *r) {
    return r->batch_bytes > BATCH_BYTES || r->batch_rows >= BATCH_ROWS ||
           r->batch_files >= BATCH_FILES;
}

static void add_statements(Run *r, const FilePlan *plan) {
    bool each = records_statements(r, plan);
    while (r->stmt < plan->stmts.len && !(each && is_full(r))) {
        add_step(r, DB_STEP_STATEMENT, NULL);
        r->stmt++;
        if (each)
            add_revision(r, r->stmt);
    }
}

// What the statements of an earlier run set in their session, those behind them rely on.
static void repeat_settings(Run *r, const FilePlan *plan) {
    for (r->stmt = 0; r->stmt < plan->skip; r->stmt++)
        if (db_sets_session(r->p->db, plan->stmts.items[r->stmt].text))
            add_step(r, DB_STEP_STATEMENT, NULL);
}

// Adds the rest of the current file, as far as the batch may grow.
static void add_file(Run *r) {
    FilePlan *plan = &r->plans.items[r->file];
    bool all = r->p->tx_mode == MIGRATE_TX_ALL, own = !all && plan->tx == MIGRATE_TX_FILE;
    if (!r->in_file) {
        r->in_file = true;
        add_step(r, DB_STEP_FILE, NULL);
        if (own || (all && !r->begun))
            add_step(r, DB_STEP_BEGIN, NULL);
        r->begun = r->begun || all;
        repeat_settings(r, plan);
        r->has_row = false;
        arena_clear(r->hash_mem);
        if (plan->skip > 0 || records_statements(r, plan))
            r->hashes = plan_hashes(&plan->stmts, r->hash_mem);
        if (records_statements(r, plan) && (plan->skip > 0 || next_in_flight(r, plan, 0)))
            add_revision(r, plan->skip);
    }
    bool none_left = r->stmt >= plan->stmts.len;
    add_statements(r, plan);
    if (r->stmt < plan->stmts.len)
        return;
    if (none_left || !records_statements(r, plan))
        add_revision(r, plan->stmts.len);
    if (own || (all && r->file + 1 == r->plans.len))
        add_step(r, DB_STEP_COMMIT, NULL);
    add_step(r, DB_STEP_FILE_END, NULL);
    r->in_file = false;
    r->file++;
    r->batch_files++;
}

static bool has_checks(const Run *r) {
    return !r->in_file && r->plans.items[r->file].checks.len > 0;
}

static void plan_batch(Run *r) {
    arena_clear(r->batch);
    r->steps.items = NULL;
    r->steps.len = r->steps.cap = 0;
    r->batch_bytes = r->batch_rows = r->batch_files = 0;
    do
        add_file(r);
    while (r->file < r->plans.len && !is_full(r) && !has_checks(r));
}

// --- failures
// -------------------------------------------------------------------------------------

static Err *executing(Err *e, const FilePlan *plan, Str stmt) {
    AutoArena tmp = arena_new(NULL);
    return err_wrap(e, "sql/migrate: executing statement %s from version %s",
                    migrate_quote(tmp, stmt.ptr), migrate_quote(tmp, plan->file->version));
}

// What a row shows of a statement: one that is too large for the server would not be recorded.
static const char *short_statement(const char *stmt, Arena *mem) {
    size_t len = strlen(stmt);
    if (len <= ROW_STATEMENT)
        return stmt;
    for (len = ROW_STATEMENT; len > 0 && ((unsigned char)stmt[len] & 0xC0) == 0x80;)
        len--;
    return arena_strndup(mem, stmt, len);
}

// Writes the error into the row of a file that failed. How far it came is what the row says: only
// the database knows what was committed.
static Err *write_failure(Run *r, FilePlan *plan, const char *stmt, const char *text) {
    DbState state = {0};
    TRY(db_state_read(r->p->db, r->p->revisions_schema, &state, r->batch));
    const DbRevision *found = find_revision(&state.revisions, plan->file->version);
    if (state.revisions.len > 0)
        r->last = arena_strdup(r->mem, list_last(&state.revisions).version);
    if (!found && plan->tx != MIGRATE_TX_NONE)
        return NULL; // rolled back
    DbRevision row = plan->revision;
    if (found) {
        row.applied = found->applied;
        row.partial_hashes = found->partial_hashes;
        row.executed_at = found->executed_at;
    }
    row.error = text;
    row.error_stmt = short_statement(stmt, r->batch);
    DbStep step = {.kind = DB_STEP_REVISION, .revision = &row};
    DbRunOptions options = {.schema = r->p->revisions_schema};
    size_t done = 0;
    TRY(db_run(r->p->db, &step, 1, &options, &done));
    if (!r->last || strcmp(plan->file->version, r->last) > 0)
        r->last = plan->file->version;
    return NULL;
}

static void record_failure(Run *r, FilePlan *plan, const char *stmt, const char *text) {
    AutoErr e = write_failure(r, plan, stmt, text);
    if (e)
        log_warn("the failure could not be recorded: %s", err_text(e));
}

static Err *step_failed(Run *r, const DbStep *step, Err *e) {
    static const char *const doing[] = {[DB_STEP_BEGIN] = "starting a transaction",
                                        [DB_STEP_REVISION] = "writing the revision",
                                        [DB_STEP_ADVANCE] = "writing the revision",
                                        [DB_STEP_FILE_END] = "ending the file",
                                        [DB_STEP_COMMIT] = "committing"};
    FilePlan *plan = &r->plans.items[step->file];
    bool statement = step->kind == DB_STEP_STATEMENT;
    const char *text = arena_strdup(r->mem, err_text(e));
    const char *stmt = statement ? step->sql.ptr : "";
    Err *rollback = db_rollback(r->p->db);
    if (rollback)
        log_warn("%s", err_text(rollback));
    err_free(rollback);
    start_file(r, step->file);
    if (statement)
        report_statement(r, step->file, step->stmt);
    value_set(plan->report, r->mem, "Error", stmt_error(r->mem, stmt, text), M_OMIT_EMPTY);
    value_set(plan->report, r->mem, "End", value_time(r->mem, host_now(r->host)), 0);
    bool interrupted = err_code(e) == E_STATE; // the last row written tells all
    if (statement && !interrupted && records_statements(r, plan))
        record_failure(r, plan, stmt, text);
    if (r->p->tx_mode == MIGRATE_TX_ALL && db_transactional_ddl(r->p->db))
        r->done = 0;
    if (statement)
        return executing(e, plan, step->sql);
    return err_wrap(e, "sql/migrate: %s of version %s", cstr_or(doing[step->kind], "running"),
                    migrate_quote(r->mem, plan->file->version));
}

static Err *run_batch(Run *r) {
    DbRunOptions options = {.schema = r->p->revisions_schema, .done = on_step, .ctx = r};
    size_t done = 0;
    Err *e = db_run(r->p->db, r->steps.items, r->steps.len, &options, &done);
    return e ? step_failed(r, &r->steps.items[done], e) : NULL;
}

// --- checks
// ---------------------------------------------------------------------------------------

bool is_true(const DbRows *rows) {
    if (rows->rows.len == 0 || rows->columns.len == 0)
        return false;
    const char *text = db_cell(rows, 0, 0);
    return cstr_eq(text, "1") || cstr_eq(text, "t") || cstr_eq(text, "true") ||
           cstr_eq(text, "TRUE");
}

// Within the one transaction of all files an error must not spoil what follows.
static Err *query_check(DbRows *rows, Run *r, Str stmt) {
    Db *db = r->p->db;
    if (!r->begun || !db_transactional_ddl(db))
        return db_query(db, rows, stmt.ptr, NULL, 0, r->mem);
    TRY(db_exec(db, "SAVEPOINT atlas_check"));
    Err *e = db_query(db, rows, stmt.ptr, NULL, 0, r->mem);
    if (e)
        err_free(db_exec(db, "ROLLBACK TO SAVEPOINT atlas_check"));
    Err *release = db_exec(db, "RELEASE SAVEPOINT atlas_check");
    if (!e)
        return release;
    err_free(release);
    return e;
}

// "" if the statement is true, else why not.
static const char *check_statement(Run *r, Str stmt) {
    DbRows rows = {0};
    Err *e = query_check(&rows, r, stmt);
    if (!e && is_true(&rows))
        return "";
    const char *text = e ? arena_strdup(r->mem, err_text(e))
                         : arena_printf(r->mem, "check assertion %s returned false",
                                        migrate_quote(r->mem, stmt.ptr));
    err_free(e);
    return text;
}

static Value *check_value(Run *r, const MigrateCheck *check, Value **stmts) {
    Value *v = value_struct(r->mem, "cmdlog.FileChecks");
    *stmts = value_list(r->mem);
    Value *start = value_time(r->mem, host_now(r->host));
    value_set_str(v, r->mem, "Name", check->name, M_OMIT_EMPTY);
    value_set(v, r->mem, "Stmts", *stmts, M_OMIT_EMPTY);
    value_set(v, r->mem, "Error", value_null(r->mem), M_OMIT_EMPTY);
    value_set(v, r->mem, "Start", start, 0);
    value_set(v, r->mem, "End", start, 0);
    return v;
}

static Err *run_check(Run *r, FilePlan *plan, const MigrateCheck *check) {
    Value *stmts = NULL, *v = check_value(r, check, &stmts);
    const char *last = "", *last_stmt = "";
    size_t failed = 0;
    value_push(value_get(plan->report, "Checks"), r->mem, v);
    for (size_t i = 0; i < check->stmts.len; i++) {
        const char *why = check_statement(r, check->stmts.items[i].text);
        Value *s = value_struct(r->mem, "cmdlog.Check");
        value_set_str(s, r->mem, "Stmt", check->stmts.items[i].text.ptr, M_OMIT_EMPTY);
        value_set_str(s, r->mem, "Error", why, M_OMIT_EMPTY);
        value_push(stmts, r->mem, s);
        if (*why) {
            failed++;
            last = why;
            last_stmt = check->stmts.items[i].text.ptr;
        }
    }
    value_set(v, r->mem, "End", value_time(r->mem, host_now(r->host)), 0);
    if (check->one_of ? failed < check->stmts.len || failed == 0 : failed == 0)
        return NULL;
    Err *e = err_new(E_STATE, "%zu of %zu assertions failed: %s", failed, check->stmts.len, last);
    value_set(v, r->mem, "Error", stmt_error(r->mem, last_stmt, err_text(e)), M_OMIT_EMPTY);
    value_set(plan->report, r->mem, "Error", stmt_error(r->mem, last_stmt, err_text(e)),
              M_OMIT_EMPTY);
    return e;
}

static Err *run_checks(Run *r) {
    FilePlan *plan = &r->plans.items[r->file];
    start_file(r, r->file);
    for (size_t i = 0; i < plan->checks.len; i++) {
        Err *e = run_check(r, plan, &plan->checks.items[i]);
        if (e) {
            err_free(db_rollback(r->p->db));
            r->done = r->p->tx_mode == MIGRATE_TX_ALL ? 0 : r->done;
            return e;
        }
    }
    return NULL;
}

// --- the run
// --------------------------------------------------------------------------------------

static Err *run_files(Run *r) {
    r->batch = arena_new(r->mem);
    r->hash_mem = arena_new(r->mem);
    while (r->file < r->plans.len) {
        if (has_checks(r))
            TRY(run_checks(r));
        plan_batch(r);
        TRY(run_batch(r));
    }
    return NULL;
}

static Err *pretend_files(Run *r) {
    for (; r->file < r->plans.len; r->file++) {
        FilePlan *plan = &r->plans.items[r->file];
        if (r->p->cancel && *r->p->cancel)
            return err_new(E_STATE, "interrupted");
        start_file(r, r->file);
        if (plan->checks.len > 0)
            TRY(run_checks(r));
        for (size_t i = plan->skip; i < plan->stmts.len; i++) {
            report_statement(r, r->file, i);
            send_event(r, MIGRATE_EVENT_STATEMENT, r->file, i);
        }
        end_file(r, r->file);
    }
    return NULL;
}

static Err *insert_baseline(Run *r, const MigrateFile *file, const char *operator_version) {
    DbRevision row = {.version = file->version,
                      .description = file->description,
                      .type = DB_REVISION_BASELINE,
                      .executed_at = host_now(r->host),
                      .error = "",
                      .error_stmt = "",
                      .hash = "",
                      .operator_version = operator_version};
    DbStep step = {.kind = DB_STEP_REVISION, .revision = &row};
    DbRunOptions options = {.schema = r->p->revisions_schema};
    size_t done = 0;
    Err *e = db_run(r->p->db, &step, 1, &options, &done);
    return e ? err_wrap(e, "writing the baseline revision") : NULL;
}

static Err *execute(Run *r, const Pending *pending, const DbState *state) {
    const MigrateApplyParams *p = r->p;
    const char *operator_version = default_operator(p->operator_version);
    TRY(plan_files(&r->plans, &pending->files, p, state, operator_version, r->warnings, r->mem));
    return p->dry_run ? pretend_files(r) : run_files(r);
}

static Value *make_report(Run *r, const Pending *pending, MigrateApplied *out) {
    Value *v = value_struct(r->mem, "cmdlog.MigrateApply");
    Value *now = value_time(r->mem, host_now(r->host));
    set_env(v, r->mem, r->p->db, r->p->url, cstr_or(r->p->dir_url, r->p->dir->url), false);
    value_set(v, r->mem, "Pending", files_value(r->mem, &pending->files), M_OMIT_EMPTY);
    value_set(v, r->mem, "Applied", r->applied, M_OMIT_EMPTY);
    value_set_str(v, r->mem, "Current", out->from_version, M_OMIT_EMPTY);
    value_set_str(v, r->mem, "Target", out->to_version, M_OMIT_EMPTY);
    value_set(v, r->mem, "Start", now, 0);
    value_set(v, r->mem, "End", now, 0);
    value_set_str(v, r->mem, "Error", "", M_OMIT_EMPTY);
    value_set_str(v, r->mem, "Message", "", M_OMIT_EMPTY);
    return v;
}

static void finish_report(Run *r, MigrateApplied *out, const Err *e) {
    Value *v = out->report;
    out->done = r->done;
    value_set(v, r->mem, "End", value_time(r->mem, host_now(r->host)), 0);
    if (r->last)
        out->current_version = r->last;
    for (size_t i = 0; !r->last && i < r->done && !r->p->dry_run; i++)
        if (strcmp(r->plans.items[i].file->version, out->current_version) > 0)
            out->current_version = r->plans.items[i].file->version;
    if (e)
        value_set_str(v, r->mem, "Error", err_text(e), M_OMIT_EMPTY);
    else if (value_len(r->applied) == 0)
        value_set_str(v, r->mem, "Message", "No migration files to execute", M_OMIT_EMPTY);
    else
        value_set_str(v, r->mem, "Message",
                      arena_printf(r->mem,
                                   "Migrated to version %s from %s (%zu migrations in total)",
                                   out->to_version, out->from_version, out->pending),
                      M_OMIT_EMPTY);
}

static Err *no_foreign_version(void) {
    return err_hint(err_new(E_STATE, "--baseline auto: the database has no table of golang-migrate, "
                                     "goose or dbmate that names a version"),
                    "give the version that the database is at: --baseline VERSION");
}

// The version that an existing database is at, where the tool that made it tells.
static Err *find_baseline(PendingParams *pp, const MigrateApplyParams *p, const DbState *state,
                          Arena *mem) {
    bool is_auto = cstr_eq(pp->baseline, "auto") && !migrate_dir_find(p->dir, "auto");
    bool refused = state->dirty && !p->allow_dirty && cstr_empty(pp->baseline);
    const char *version = NULL, *tool = NULL;
    if (state->revisions.len > 0 || (!is_auto && !refused))
        return NULL;
    TRY(foreign_version(&version, &tool, p->db, p->dir, mem));
    if (is_auto && !version)
        return no_foreign_version();
    if (is_auto)
        pp->baseline = version;
    else
        pp->foreign = version;
    pp->tool = tool;
    return NULL;
}

static Err *select_files(Pending *pending, const MigrateApplyParams *p, DbState *state,
                         MigrateApplied *out, Arena *mem) {
    TRY(check_other_schema(state, p->revisions_schema, &out->notice, mem));
    PendingParams pp = {.dir = p->dir,
                        .state = state,
                        .order = p->order,
                        .allow_dirty = p->allow_dirty,
                        .baseline = cstr_or(p->baseline, ""),
                        .to_version = cstr_or(p->to_version, "")};
    TRY(find_baseline(&pp, p, state, mem));
    TRY(pending_compute(pending, &pp, mem));
    if (p->amount > 0 && (size_t)p->amount < pending->files.len)
        pending->files.len = (size_t)p->amount;
    return NULL;
}

// Flyway's repeatable files, the last ones, have none.
static const char *target_version(const FileRefs *files) {
    size_t i = files->len;
    while (i > 1 && !*files->items[i - 1]->version)
        i--;
    return i > 0 ? files->items[i - 1]->version : "";
}

static Err *locked_apply(Run *r, DbState *state, MigrateApplied *out) {
    const MigrateApplyParams *p = r->p;
    Pending pending = {0};
    TRY(select_files(&pending, p, state, out, r->mem));
    if (!p->dry_run && !state->layout_ok)
        TRY(db_revisions_prepare(p->db, p->revisions_schema));
    if (pending.baseline && !p->dry_run)
        TRY(insert_baseline(r, pending.baseline, default_operator(p->operator_version)));
    out->pending = pending.files.len;
    if (state->revisions.len > 0)
        out->from_version = last_revision(p->dir, &state->revisions)->version;
    else if (pending.baseline)
        out->from_version = pending.baseline->version;
    out->current_version = out->from_version;
    out->to_version = target_version(&pending.files);
    out->report = make_report(r, &pending, out);
    Err *e = execute(r, &pending, state);
    finish_report(r, out, e);
    return e;
}

Err *migrate_apply(MigrateApplied *out, const MigrateApplyParams *p, Arena *mem) {
    *out = (MigrateApplied){.from_version = "", .to_version = "", .current_version = ""};
    if (p->allow_dirty && !cstr_empty(p->baseline))
        return err_new(E_USAGE, "allow-dirty and baseline are mutually exclusive");
    TRY(migrate_dir_verify(p->dir, &out->sum, mem));
    DbState state = {0};
    TRY(db_lock_and_read(p->db, cstr_or(p->lock_name, MIGRATE_LOCK_NAME), p->lock_timeout,
                         p->revisions_schema, &state, mem));
    Run r = {.p = p, .host = p->host ? p->host : &host_system, .mem = mem};
    r.applied = value_list(mem);
    r.nothing = value_list(mem);
    r.no_error = value_null(mem);
    r.warnings = &out->warnings;
    if (order_warning(p->dir, mem))
        list_push(&out->warnings, mem, order_warning(p->dir, mem));
    Err *e = locked_apply(&r, &state, out);
    Err *unlock = db_unlock(p->db);
    if (!e)
        return unlock;
    err_free(unlock);
    return e;
}

Err *migrate_replay(Db *dev, const MigrateDir *dir, const char *version) {
    AutoArena mem = arena_new(NULL);
    DbState empty = {.target_id = ""};
    PendingParams pp = {.dir = dir,
                        .state = &empty,
                        .ignore_dirty = true,
                        .baseline = "",
                        .to_version = cstr_or(version, "")};
    Pending pending = {0};
    TRY(db_check_empty(dev));
    TRY(pending_compute(&pending, &pp, mem));
    for (size_t i = 0; i < pending.files.len; i++) {
        FilePlan plan = {.file = pending.files.items[i]};
        LIST(DbStep) steps = {0};
        size_t done = 0;
        TRY(migrate_file_stmts(&plan.stmts, plan.file, db_scan_options(dev), mem));
        for (size_t k = 0; k < plan.stmts.len; k++)
            list_push(&steps, mem,
                      ((DbStep){.kind = DB_STEP_STATEMENT, .sql = plan.stmts.items[k].text}));
        list_push(&steps, mem, ((DbStep){.kind = DB_STEP_FILE_END}));
        Err *e = db_run(dev, steps.items, steps.len, NULL, &done);
        if (e && done < plan.stmts.len)
            return executing(e, &plan, steps.items[done].sql);
        if (e)
            return err_wrap(e, "sql/migrate: %s", plan.file->name);
    }
    return NULL;
}
