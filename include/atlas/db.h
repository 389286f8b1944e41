// Database connections behind one interface.
//
// A driver does in one call what costs one round trip: db_state_read() brings everything a
// migration run wants to know, db_run() takes whole files of steps. Callers plan, run, interpret;
// they never chat.
//
// A Db belongs to the arena it was opened in and is closed with it. No error shows the URL.
#ifndef ATLAS_DB_H
#define ATLAS_DB_H

#include <signal.h>

#include "atlas/base.h"

typedef struct Db Db;

typedef struct DbOptions {
    const Host *host;                    // NULL: the system
    const volatile sig_atomic_t *cancel; // not zero: running calls end with "interrupted"; or NULL
    // How long a statement may wait for a lock of another session, and how long it may run; 0: as
    // the server or the URL says. Neither is the wait for db_lock().
    Duration lock_timeout, statement_timeout;
} DbOptions;

// E_INVALID (no or unknown scheme, malformed), E_UNSUPPORTED (no driver in this build), E_DB.
Err *db_open(Db **out, const char *url, const DbOptions *options, Arena *mem) MUST_USE;
// Closes now instead of with the arena; twice is fine.
void db_close(Db *db);
Err *db_ping(Db *db) MUST_USE;

const char *db_driver_name(const Db *db); // "sqlite"
// The schema the URL is bound to ("main" for SQLite), "" if none.
const char *db_schema(const Db *db);
unsigned db_scan_options(const Db *db); // for sql_scan
bool db_transactional_ddl(const Db *db);
// Whether db_run(), outside a transaction, makes one transaction of the statement and the row
// behind it, so that a crash never separates them. If not, the statement may be in flight.
bool db_is_atomic(const Db *db, Str sql);
// Whether the statement does nothing but set up the session, for the statements behind it (SET,
// USE): a run that goes on behind it in another session repeats it.
bool db_sets_session(const Db *db, Str sql);

// --- one statement
// --------------------------------------------------------------------------------

typedef enum DbKind { DB_NULL, DB_INT, DB_REAL, DB_TEXT, DB_BLOB } DbKind;

// A value, in and out. Text and blobs in `text`; numbers read back also have their text.
typedef struct DbValue {
    DbKind kind;
    Str text;
    int64_t integer;
    double real;
} DbValue;

static inline DbValue db_int(int64_t i) {
    return (DbValue){.kind = DB_INT, .integer = i};
}
static inline DbValue db_text(const char *s) {
    return s ? (DbValue){.kind = DB_TEXT, .text = str_from(s)} : (DbValue){.kind = DB_NULL};
}

typedef struct DbRows {
    StrList columns;
    LIST(DbValue *) rows; // each with columns.len values
} DbRows;

// Runs all statements of `sql` (no arguments, results dropped). E_DB with the database's text.
Err *db_exec(Db *db, const char *sql) MUST_USE;
// One statement; arguments are written ? (SQLite, MySQL) or $1 (PostgreSQL).
Err *db_query(Db *db, DbRows *out, const char *sql, const DbValue *args, size_t count,
              Arena *mem) MUST_USE;
// Text of a cell: "" for NULL and beyond the edges.
const char *db_cell(const DbRows *rows, size_t row, size_t column);

// --- revisions
// ------------------------------------------------------------------------------------

enum { DB_REVISION_BASELINE = 1, DB_REVISION_EXECUTE = 2, DB_REVISION_RESOLVED = 4 };
#define DB_REVISIONS_TABLE "atlas_schema_revisions"

// A row of the revisions table. Strings are never NULL, except partial_hashes (JSON text; NULL is
// written as JSON null).
typedef struct DbRevision {
    const char *version, *description;
    unsigned type;
    int64_t applied, total;
    Time executed_at;
    Duration execution_time;
    const char *error, *error_stmt;
    const char *hash; // without "h1:"
    const char *partial_hashes;
    const char *operator_version;
} DbRevision;

typedef LIST(DbRevision) DbRevisions;

typedef struct DbState {
    bool has_table;        // the revisions table exists
    bool layout_ok;        // and db_revisions_prepare() has nothing to do
    DbRevisions revisions; // by version, bytewise
    const char *target_id; // description of the row ".atlas_cloud_identifier", "" if none
    const char *dirty;     // why the database is not clean (revisions table aside), NULL if it is
    const char *other_schema; // no table where it should be, but one in this schema; else NULL
} DbState;

// All of it in one round trip; writes nothing. `schema`: where the revisions table is, NULL or "":
// the bound schema.
Err *db_state_read(Db *db, const char *schema, DbState *out, Arena *mem) MUST_USE;
// db_lock() and db_state_read() in one round trip when the lock is free. The state is one that the
// holder of the lock saw.
Err *db_lock_and_read(Db *db, const char *name, Duration timeout, const char *schema, DbState *out,
                      Arena *mem) MUST_USE;
// Creates the revisions table, or alters it to its layout (unknown columns are dropped).
Err *db_revisions_prepare(Db *db, const char *schema) MUST_USE;
// The id of this database in deployment reports; made from `host` when there is none.
Err *db_target_id(Db *db, const char *schema, const Host *host, const char **out,
                  Arena *mem) MUST_USE;

// --- batches
// --------------------------------------------------------------------------------------

typedef enum DbStepKind {
    DB_STEP_BEGIN,     // starts a transaction
    DB_STEP_FILE,      // a file starts here: the clock of the next revision, no SQL
    DB_STEP_STATEMENT, // one statement of a user, as one call
    DB_STEP_REVISION,  // upsert; version, description and executed_at of an existing row stay
    // Of the existing row with that version: sets applied, error and error_stmt, and appends
    // partial_hashes (one "h1:..." text, not JSON) to its list. Cheap: nothing grows with the file.
    DB_STEP_ADVANCE,
    DB_STEP_FORGET,    // deletes the revision with that version
    DB_STEP_FILE_END,  // checks that the file left no transaction open
    DB_STEP_COMMIT,
} DbStepKind;

typedef struct DbStep {
    DbStepKind kind;
    size_t file, stmt; // tags, for the caller
    Str sql;           // STATEMENT
    // REVISION, ADVANCE, FORGET. executed_at, if unset, and execution_time are filled in from the
    // clock of the last FILE step (a driver that pipelines asks the server's clock instead), unless
    // there was none or its FILE_END came.
    DbRevision *revision;
} DbStep;

typedef struct DbRunOptions {
    const char *schema; // of the revisions table
    // After each completed step, in order; a driver that pipelines calls late. May be NULL.
    void (*done)(void *ctx, const DbStep *step);
    void *ctx;
} DbRunOptions;

// Runs steps in order up to the first error. Returns the error of step *done (the database's own
// text for a statement, without context). A transaction that is open then stays open: call
// db_rollback(). A STATEMENT followed by its REVISION or ADVANCE outside a transaction is made one
// transaction where db_is_atomic(). Between BEGIN and COMMIT of a database without transactional
// DDL, a statement that commits by itself ends the transaction; the driver records its row at once
// and starts another transaction for what follows.
// A statement that would end the transaction it runs in is refused before it runs (E_INVALID).
Err *db_run(Db *db, const DbStep *steps, size_t count, const DbRunOptions *options,
            size_t *done) MUST_USE;
// Ends an open transaction; fine if there is none.
Err *db_rollback(Db *db) MUST_USE;

// --- statements in flight
// -----------------------------------------------------------------------------

typedef enum DbFlight {
    DB_FLIGHT_UNKNOWN, // the catalog cannot tell
    DB_FLIGHT_DONE,
    DB_FLIGHT_REPEAT,  // it was not done, or doing it again changes nothing
} DbFlight;

// What became of a statement that was running when its connection was lost. May repair what the
// statement left in part (an invalid index); *note then says what, else NULL.
Err *db_flight(Db *db, Str sql, DbFlight *out, const char **note, Arena *mem) MUST_USE;

// --- locks and scratch databases
// ------------------------------------------------------------------

// Waits up to `timeout`. E_LOCKED: "acquiring database lock: ..." naming the holder where the
// database tells. Released by db_unlock, db_close or the end of the process.
Err *db_lock(Db *db, const char *name, Duration timeout) MUST_USE;
Err *db_unlock(Db *db) MUST_USE;

// E_STATE if there is anything in the (bound) schema: a dev database must be empty.
Err *db_check_empty(Db *db) MUST_USE;
// Drops everything in it. Only for dev databases, after db_check_empty().
Err *db_wipe(Db *db) MUST_USE;

#endif
