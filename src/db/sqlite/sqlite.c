#include "sqlite.h"

#include "atlas/sql.h"

Err *sqlite_error(Sqlite *s) {
    if (sqlite3_errcode(s->handle) == SQLITE_INTERRUPT && db_cancelled(&s->base))
        return db_interrupted();
    if (sqlite3_errcode(s->handle) == SQLITE_INTERRUPT)
        return err_new(E_DB, "canceling statement due to statement timeout");
    return err_new(E_DB, "%s", sqlite3_errmsg(s->handle));
}

void sqlite_finalize(sqlite3_stmt **stmt) {
    sqlite3_finalize(*stmt);
}

Err *sqlite_exec_len(Sqlite *s, const char *sql, size_t len) {
    if (len > INT32_MAX)
        return err_new(E_TOO_LARGE, "a statement of %zu bytes", len);
    const char *end = sql + len;
    while (sql < end) {
        AutoStmt stmt = NULL;
        const char *tail = end;
        if (sqlite3_prepare_v2(s->handle, sql, (int)(end - sql), &stmt, &tail) != SQLITE_OK)
            return sqlite_error(s);
        int rc = SQLITE_DONE;
        while (stmt && (rc = sqlite3_step(stmt)) == SQLITE_ROW)
            ;
        if (rc != SQLITE_DONE)
            return sqlite_error(s);
        if (tail == sql)
            break;
        sql = tail;
    }
    return NULL;
}

Err *sqlite_exec(Db *db, const char *sql) {
    return sqlite_exec_len(sqlite_of(db), sql, strlen(sql));
}

int sqlite_bind(sqlite3_stmt *stmt, int index, const DbValue *v) {
    switch (v->kind) {
    case DB_INT:
        return sqlite3_bind_int64(stmt, index, v->integer);
    case DB_REAL:
        return sqlite3_bind_double(stmt, index, v->real);
    case DB_TEXT:
        return sqlite3_bind_text64(stmt, index, v->text.ptr, v->text.len, SQLITE_STATIC,
                                   SQLITE_UTF8);
    case DB_BLOB:
        return sqlite3_bind_blob64(stmt, index, v->text.ptr, v->text.len, SQLITE_STATIC);
    case DB_NULL:
        break;
    }
    return sqlite3_bind_null(stmt, index);
}

DbValue sqlite_value(sqlite3_stmt *stmt, int column, Arena *mem) {
    static const DbKind kinds[] = {[SQLITE_INTEGER] = DB_INT,
                                   [SQLITE_FLOAT] = DB_REAL,
                                   [SQLITE_TEXT] = DB_TEXT,
                                   [SQLITE_BLOB] = DB_BLOB,
                                   [SQLITE_NULL] = DB_NULL};
    DbValue v = {.kind = kinds[sqlite3_column_type(stmt, column)]};
    if (v.kind == DB_NULL)
        return v;
    v.integer = v.kind == DB_INT ? sqlite3_column_int64(stmt, column) : 0;
    v.real = v.kind == DB_REAL ? sqlite3_column_double(stmt, column) : 0;
    const void *data = v.kind == DB_BLOB ? sqlite3_column_blob(stmt, column)
                                         : (const void *)sqlite3_column_text(stmt, column);
    size_t len = (size_t)sqlite3_column_bytes(stmt, column);
    v.text = str_slice(arena_strndup(mem, data ? data : "", data ? len : 0), data ? len : 0);
    return v;
}

Err *sqlite_query(Db *db, DbRows *out, const char *sql, const DbValue *args, size_t count,
                  Arena *mem) {
    Sqlite *s = sqlite_of(db);
    AutoStmt stmt = NULL;
    *out = (DbRows){0};
    sqlite_start_statement(s);
    if (sqlite3_prepare_v2(s->handle, sql, -1, &stmt, NULL) != SQLITE_OK)
        return sqlite_error(s);
    for (size_t i = 0; i < count; i++)
        if (sqlite_bind(stmt, (int)i + 1, &args[i]) != SQLITE_OK)
            return sqlite_error(s);
    int columns = sqlite3_column_count(stmt);
    for (int i = 0; i < columns; i++)
        list_push(&out->columns, mem, arena_strdup(mem, sqlite3_column_name(stmt, i)));
    int rc = SQLITE_DONE;
    while (stmt && (rc = sqlite3_step(stmt)) == SQLITE_ROW) {
        DbValue *row = NEW_ARRAY(mem, DbValue, (size_t)columns);
        for (int i = 0; i < columns; i++)
            row[i] = sqlite_value(stmt, i, mem);
        list_push(&out->rows, mem, row);
    }
    return rc == SQLITE_DONE ? NULL : sqlite_error(s);
}

static Err *ping(Db *db) {
    return sqlite_exec(db, "SELECT count(*) FROM sqlite_master");
}

static Err *check_empty(Db *db) {
    AutoArena tmp = arena_new(NULL);
    DbRows rows = {0};
    TRY(sqlite_query(db, &rows,
                     "SELECT name FROM sqlite_master WHERE type IN ('table', 'view') "
                     "AND name NOT LIKE 'sqlite\\_%' ESCAPE '\\'",
                     NULL, 0, tmp));
    if (rows.rows.len == 0)
        return NULL;
    Err *e = rows.rows.len == 1 ? err_new(E_STATE, "found table \"%s\"", db_cell(&rows, 0, 0))
                                : err_new(E_STATE, "found multiple tables: %zu", rows.rows.len);
    return err_hint(err_wrap(e, "sql/migrate: connected database is not clean"),
                    "a dev database must be empty: its content is dropped after use");
}

static Err *drop_all(Db *db, const char *type) {
    AutoArena tmp = arena_new(NULL);
    DbRows rows = {0};
    DbValue arg = db_text(type);
    TRY(sqlite_query(db, &rows,
                     "SELECT name FROM sqlite_master WHERE type = ? "
                     "AND name NOT LIKE 'sqlite\\_%' ESCAPE '\\'",
                     &arg, 1, tmp));
    for (size_t i = 0; i < rows.rows.len; i++) {
        char *name = cstr_replace(tmp, db_cell(&rows, i, 0), "`", "``");
        // Shadow tables of a virtual table vanish with it.
        TRY(sqlite_exec(db, arena_printf(tmp, "DROP %s IF EXISTS `%s`", type, name)));
    }
    return NULL;
}

static Err *wipe(Db *db) {
    Sqlite *s = sqlite_of(db);
    TRY(sqlite_rollback(db));
    int fk = 0;
    sqlite3_db_config(s->handle, SQLITE_DBCONFIG_ENABLE_FKEY, -1, &fk);
    sqlite3_db_config(s->handle, SQLITE_DBCONFIG_ENABLE_FKEY, 0, NULL);
    Err *e = drop_all(db, "view");
    if (!e)
        e = drop_all(db, "table");
    sqlite3_db_config(s->handle, SQLITE_DBCONFIG_ENABLE_FKEY, fk, NULL);
    return e;
}

// What no transaction may hold (VACUUM, PRAGMA, ATTACH...) changes no data.
static Err *flight(Db *db, Str sql, DbFlight *out, const char **note, Arena *mem) {
    (void)db;
    (void)sql;
    (void)note;
    (void)mem;
    *out = DB_FLIGHT_REPEAT;
    return NULL;
}

static void close_database(Db *db) {
    Sqlite *s = sqlite_of(db);
    err_free(sqlite_unlock(db));
    sqlite3_finalize(s->insert);
    sqlite3_finalize(s->upsert);
    sqlite3_finalize(s->advance);
    sqlite3_finalize(s->begin_stmt);
    sqlite3_finalize(s->commit_stmt);
    sqlite3_close_v2(s->handle);
    s->handle = NULL;
    arena_free(s->fk_mem);
}

static const char *const schemes[] = {"sqlite", "sqlite3", NULL};

const DbDriver db_sqlite = {
    .name = "sqlite",
    .schemes = schemes,
    .scan_options = SQL_SQLITE,
    .transactional_ddl = true,
    .open = sqlite_open_database,
    .close = close_database,
    .ping = ping,
    .exec = sqlite_exec,
    .query = sqlite_query,
    .is_atomic = sqlite_is_atomic,
    .run = sqlite_run,
    .rollback = sqlite_rollback,
    .state_read = sqlite_state_read,
    .revisions_prepare = sqlite_revisions_prepare,
    .target_id_insert = sqlite_target_id_insert,
    .lock = sqlite_lock,
    .unlock = sqlite_unlock,
    .flight = flight,
    .check_empty = check_empty,
    .wipe = wipe,
};
