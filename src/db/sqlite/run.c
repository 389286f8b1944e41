// Batches, step by step: SQLite is in this process, there are no round trips to save.
#include "sqlite.h"
#include "../words.h"

typedef struct Run {
    Sqlite *s;
    bool pair; // a transaction around one statement and its revision
} Run;

static bool ends_transaction(const char *sql, const char *end) {
    char word[16];
    words_next(&sql, end, word);
    if (cstr_eq(word, "COMMIT") || cstr_eq(word, "END"))
        return true;
    if (!cstr_eq(word, "ROLLBACK"))
        return false;
    while (*words_next(&sql, end, word))
        if (cstr_eq(word, "TO"))
            return false;
    return true;
}

static bool starts_transaction(const char *sql, const char *end) {
    char word[16];
    return cstr_eq(words_next(&sql, end, word), "BEGIN");
}

bool sqlite_is_atomic(Str sql) {
    static const char *const words[] = {"SELECT",  "INSERT",  "UPDATE", "DELETE",
                                        "REPLACE", "CREATE",  "ALTER",  "DROP",
                                        "WITH",    "REINDEX", "ANALYZE"};
    char word[16];
    const char *p = sql.ptr;
    words_next(&p, sql.ptr + sql.len, word);
    for (size_t i = 0; i < COUNT_OF(words); i++)
        if (cstr_eq(word, words[i]))
            return true;
    return false;
}

// --- transactions
// ---------------------------------------------------------------------------------

static Err *step_cached(Sqlite *s, sqlite3_stmt **stmt, const char *sql) {
    if (!*stmt && sqlite3_prepare_v3(s->handle, sql, -1, SQLITE_PREPARE_PERSISTENT, stmt, NULL))
        return sqlite_error(s);
    int rc = sqlite3_step(*stmt);
    Err *e = rc == SQLITE_DONE ? NULL : sqlite_error(s);
    sqlite3_reset(*stmt);
    return e;
}

static Err *fk_violations(Sqlite *s, StrList *out, Arena *mem) {
    DbRows rows = {0};
    TRY(sqlite_query(&s->base, &rows, "PRAGMA foreign_key_check", NULL, 0, mem));
    for (size_t i = 0; i < rows.rows.len; i++)
        list_push(out, mem,
                  arena_printf(mem, "table \"%s\" references \"%s\" (row %s, index %s)",
                               db_cell(&rows, i, 0), db_cell(&rows, i, 2), db_cell(&rows, i, 1),
                               db_cell(&rows, i, 3)));
    return NULL;
}

static Err *begin(Sqlite *s) {
    int fk = 0;
    if (!sqlite3_get_autocommit(s->handle))
        return err_new(E_INVALID, "a transaction is open already");
    sqlite3_db_config(s->handle, SQLITE_DBCONFIG_ENABLE_FKEY, -1, &fk);
    if (fk) {
        arena_clear(s->fk_mem);
        s->fk_before = (StrList){0};
        TRY(fk_violations(s, &s->fk_before, s->fk_mem));
        sqlite3_db_config(s->handle, SQLITE_DBCONFIG_ENABLE_FKEY, 0, NULL);
        s->fk_off = true;
    }
    return step_cached(s, &s->begin_stmt, s->begin);
}

static void restore_foreign_keys(Sqlite *s) {
    if (s->fk_off)
        sqlite3_db_config(s->handle, SQLITE_DBCONFIG_ENABLE_FKEY, 1, NULL);
    s->fk_off = false;
}

static Err *check_foreign_keys(Sqlite *s) {
    AutoArena tmp = arena_new(NULL);
    StrList now = {0}, fresh = {0};
    Map before;
    TRY(fk_violations(s, &now, tmp));
    map_init(&before, tmp);
    for (size_t i = 0; i < s->fk_before.len; i++)
        map_set(&before, s->fk_before.items[i], s);
    for (size_t i = 0; i < now.len; i++)
        if (!map_has(&before, now.items[i]))
            list_push(&fresh, tmp, now.items[i]);
    if (fresh.len == 0)
        return NULL;
    return err_new(E_DB, "foreign key violations: %s", cstr_join(tmp, &fresh, "; "));
}

static Err *commit(Sqlite *s) {
    if (s->fk_off)
        TRY(check_foreign_keys(s));
    TRY(step_cached(s, &s->commit_stmt, "COMMIT"));
    restore_foreign_keys(s);
    return NULL;
}

Err *sqlite_rollback(Db *db) {
    Sqlite *s = sqlite_of(db);
    Err *e = NULL;
    if (!sqlite3_get_autocommit(s->handle)) {
        // Not cancellable: leaving a transaction open would be worse.
        sqlite3_progress_handler(s->handle, 0, NULL, NULL);
        if (sqlite3_exec(s->handle, "ROLLBACK", NULL, NULL, NULL) != SQLITE_OK)
            e = err_new(E_DB, "rolling back: %s", sqlite3_errmsg(s->handle));
        sqlite_watch_cancel(s);
    }
    s->in_batch = false;
    restore_foreign_keys(s);
    return e;
}

// --- steps
// ----------------------------------------------------------------------------------------

static Err *refuse_transaction_control(void) {
    return err_hint(err_new(E_INVALID, "the statement controls the transaction its file runs in"),
                    "remove BEGIN and COMMIT from the file, or put `-- atlas:txmode none` and a "
                    "blank line at its top");
}

static Err *statement_error(Sqlite *s, bool in_transaction) {
    Err *e = sqlite_error(s);
    if (in_transaction && strstr(err_message(e), "within a transaction"))
        return err_hint(e, "put `-- atlas:txmode none` and a blank line at the top of the file");
    return e;
}

// The scanner's statement may hold several of SQLite's (a BEGIN ... END; block).
static Err *run_statement(Run *r, Str sql) {
    Sqlite *s = r->s;
    const char *p = sql.ptr, *end = sql.ptr + sql.len;
    bool in_transaction = !sqlite3_get_autocommit(s->handle) && (s->in_batch || r->pair);
    if (sql.len > INT32_MAX - 1)
        return err_new(E_TOO_LARGE, "a statement of %zu bytes", sql.len);
    while ((p = words_skip(p, end)) < end) {
        if (in_transaction && (ends_transaction(p, end) || starts_transaction(p, end)))
            return refuse_transaction_control();
        sqlite3_stmt *stmt = NULL;
        const char *tail = end;
        // Texts of the scanner are NUL-terminated: counting the NUL saves SQLite a copy.
        sqlite_start_statement(s);
        int rc = sqlite3_prepare_v2(s->handle, p, (int)(end - p) + 1, &stmt, &tail);
        while (rc == SQLITE_OK && stmt && (rc = sqlite3_step(stmt)) == SQLITE_ROW)
            rc = SQLITE_OK;
        Err *e = rc == SQLITE_DONE || (rc == SQLITE_OK && !stmt)
                     ? NULL
                     : statement_error(s, in_transaction);
        sqlite3_finalize(stmt);
        s->deadline_ms = 0; // rows and commits have no limit
        if (e)
            return e;
        if (in_transaction && sqlite3_get_autocommit(s->handle))
            return refuse_transaction_control();
        p = tail;
    }
    return NULL;
}

static Err *run_revision(Run *r, DbRevision *revision, bool advance) {
    Sqlite *s = r->s;
    if (s->file_start.set) {
        if (!revision->executed_at.set)
            revision->executed_at = s->file_start;
        revision->execution_time = time_sub(host_now(s->base.host), s->file_start);
    }
    // Not cancellable: what was done is recorded.
    sqlite3_progress_handler(s->handle, 0, NULL, NULL);
    Err *e = advance ? sqlite_advance(s, revision) : sqlite_upsert(s, revision);
    if (!e && r->pair)
        e = sqlite_exec(&s->base, "COMMIT");
    sqlite_watch_cancel(s);
    r->pair = r->pair && e;
    return e;
}

static Err *run_forget(Sqlite *s, const char *version) {
    AutoArena tmp = arena_new(NULL);
    DbRows rows = {0};
    DbValue arg = db_text(version);
    return sqlite_query(&s->base, &rows,
                        "DELETE FROM main." DB_REVISIONS_TABLE " WHERE version = ?", &arg, 1, tmp);
}

static Err *end_file(Sqlite *s) {
    s->file_start = (Time){0};
    if (s->in_batch || sqlite3_get_autocommit(s->handle))
        return NULL;
    return err_hint(err_new(E_INVALID, "the file leaves a transaction open"),
                    "end it with COMMIT, or remove its BEGIN and the txmode directive");
}

static bool is_pair(const Sqlite *s, const DbStep *step, size_t left) {
    bool recorded =
        left > 1 && (step[1].kind == DB_STEP_REVISION || step[1].kind == DB_STEP_ADVANCE);
    return recorded && !s->in_batch &&
           sqlite3_get_autocommit(s->handle) && sqlite_is_atomic(step->sql);
}

static Err *run_step(Run *r, const DbStep *step, size_t left) {
    Sqlite *s = r->s;
    switch (step->kind) {
    case DB_STEP_BEGIN:
        TRY(begin(s));
        s->in_batch = true;
        return NULL;
    case DB_STEP_COMMIT:
        TRY(commit(s));
        s->in_batch = false;
        return NULL;
    case DB_STEP_FILE:
        s->file_start = host_now(s->base.host);
        return NULL;
    case DB_STEP_FILE_END:
        return end_file(s);
    case DB_STEP_STATEMENT:
        r->pair = is_pair(s, step, left);
        if (r->pair)
            TRY(sqlite_exec(&s->base, "BEGIN"));
        return run_statement(r, step->sql);
    case DB_STEP_REVISION:
    case DB_STEP_ADVANCE:
        return run_revision(r, step->revision, step->kind == DB_STEP_ADVANCE);
    case DB_STEP_FORGET:
        return run_forget(s, step->revision->version);
    }
    BUG("step kind %d", (int)step->kind);
}

// Where a cancel is obeyed; the other steps complete what was done.
static bool starts_work(DbStepKind kind) {
    return kind == DB_STEP_FILE || kind == DB_STEP_BEGIN || kind == DB_STEP_STATEMENT;
}

Err *sqlite_run(Db *db, const DbStep *steps, size_t count, const DbRunOptions *options,
                size_t *done) {
    Run r = {.s = sqlite_of(db)};
    for (size_t i = 0; i < count; i++) {
        bool stop = db_cancelled(db) && starts_work(steps[i].kind);
        Err *e = stop ? db_interrupted() : run_step(&r, &steps[i], count - i);
        if (e)
            return e;
        *done = i + 1;
        if (options && options->done)
            options->done(options->ctx, &steps[i]);
    }
    return NULL;
}
