// The SQLite driver's connection, shared by its files. No other file sees sqlite3.h.
#ifndef ATLAS_DB_SQLITE_H
#define ATLAS_DB_SQLITE_H

#include <sqlite3.h>

#include "../driver.h"

typedef struct Sqlite {
    Db base;
    sqlite3 *handle;
    Arena *mem;
    int64_t busy_ms;
    int busy_waited_ms;
    int64_t deadline_ms;  // of the running statement, by the monotonic clock; 0: none
    const char *begin;    // "BEGIN", "BEGIN IMMEDIATE" ... (_txlock)
    sqlite3_stmt *insert, *upsert, *advance; // of the revisions table, kept
    sqlite3_stmt *begin_stmt, *commit_stmt;
    bool in_batch;     // inside a transaction of db_run
    bool fk_off;       // foreign_keys was on; off while our transaction runs
    StrList fk_before; // violations before the transaction
    Arena *fk_mem;
    Time file_start; // of the last FILE step, until its FILE_END
    int lock_fd;
    char *lock_path;
} Sqlite;

static inline Sqlite *sqlite_of(Db *db) {
    return (Sqlite *)(void *)db;
}

// E_DB with SQLite's own text; E_STATE "interrupted" after a cancel.
Err *sqlite_error(Sqlite *s) MUST_USE RETURNS_NONNULL;
void sqlite_finalize(sqlite3_stmt **stmt);
#define AutoStmt __attribute__((cleanup(sqlite_finalize))) sqlite3_stmt *
// The value of a column of the row that was stepped to.
DbValue sqlite_value(sqlite3_stmt *stmt, int column, Arena *mem);
int sqlite_bind(sqlite3_stmt *stmt, int index, const DbValue *v);
Err *sqlite_exec(Db *db, const char *sql) MUST_USE;
Err *sqlite_query(Db *db, DbRows *out, const char *sql, const DbValue *args, size_t count,
                  Arena *mem) MUST_USE;
// All statements in sql[0..len), results dropped.
Err *sqlite_exec_len(Sqlite *s, const char *sql, size_t len) MUST_USE;

// open.c
void sqlite_watch_cancel(Sqlite *s);
// The statement time-out runs from here.
void sqlite_start_statement(Sqlite *s);
Err *sqlite_open_database(Db **out, const char *rest, const Db *base, Arena *mem) MUST_USE;
// run.c
Err *sqlite_run(Db *db, const DbStep *steps, size_t count, const DbRunOptions *options,
                size_t *done) MUST_USE;
Err *sqlite_rollback(Db *db) MUST_USE;
// Whether a transaction may hold the statement: data and schema, not VACUUM, ATTACH, PRAGMA...
bool sqlite_is_atomic(Str sql);
// revisions.c
Err *sqlite_state_read(Db *db, const char *schema, DbState *out, Arena *mem) MUST_USE;
Err *sqlite_revisions_prepare(Db *db, const char *schema) MUST_USE;
Err *sqlite_target_id_insert(Db *db, const char *schema, const char *id) MUST_USE;
Err *sqlite_upsert(Sqlite *s, const DbRevision *r) MUST_USE;
Err *sqlite_advance(Sqlite *s, const DbRevision *r) MUST_USE;
// lock.c
Err *sqlite_lock(Db *db, const char *name, Duration timeout) MUST_USE;
Err *sqlite_unlock(Db *db) MUST_USE;

#endif
