// The PostgreSQL driver's connection, shared by its files. No other file sees libpq-fe.h.
//
// Nothing here blocks in libpq: every wait is a poll() that also sees cancellation, so that a
// signal ends a running statement on the server and leaves the connection usable.
#ifndef ATLAS_DB_POSTGRES_H
#define ATLAS_DB_POSTGRES_H

#include <libpq-fe.h>

#include "../driver.h"

// Where the start of the current file is known from.
typedef enum PostgresClock {
    CLOCK_NONE,
    CLOCK_TRANSACTION, // the file has a transaction of its own
    CLOCK_SETTING,     // a setting of the session
} PostgresClock;

typedef struct Postgres {
    Db base;
    PGconn *conn;
    Arena *mem;
    bool cockroach;
    bool shielded;       // what runs now cleans up: not cancelled, but bounded
    int64_t give_up_ms;  // when a shielded or cancelled call has taken too long; 0: not yet set
    int64_t canceled_ms; // when the last cancel was sent
    bool in_batch;       // inside a transaction of db_run
    PostgresClock clock;
    bool session_set; // the current file may have changed settings or the role
    int64_t lock_key; // of the lock that is held
    bool locked;
    bool knows_extensions; // `extensions` are those before a dev database was used
    StrList extensions;
} Postgres;

static inline Postgres *postgres_of(Db *db) {
    return (Postgres *)(void *)db;
}

// --- postgres_wire.c: connection, waiting, results
// ------------------------------------------------

typedef struct PostgresParams {
    StrList keys, values; // of libpq
    const char *schema;   // "" if the URL binds none
} PostgresParams;

// Connects, and checks the version. E_DB, E_UNSUPPORTED, E_STATE (interrupted).
Err *postgres_connect(Postgres *p, const PostgresParams *params) MUST_USE;
// Sends what is queued and reads what is there, after waiting a moment for either.
Err *postgres_wait(Postgres *p) MUST_USE;
// Sleeps up to `ms` while nothing runs; notices a connection that is lost.
Err *postgres_idle(Postgres *p, int64_t ms) MUST_USE;
// The next result as soon as it is there (PQgetResult: NULL at the end of a query).
Err *postgres_result(Postgres *p, PGresult **out) MUST_USE;
// NULL unless the result is an error: E_DB with the database's text, E_STATE after a cancel. `sql`
// (may be NULL) is the statement, for the position.
Err *postgres_check(Postgres *p, const PGresult *result, const char *sql) MUST_USE;
Err *postgres_lost(Postgres *p) MUST_USE RETURNS_NONNULL;
// Of now on until false: cancellation is not obeyed, but everything ends within seconds.
void postgres_shield(Postgres *p, bool on);

typedef struct PostgresQuery {
    const char *sql;
    const char *args[12]; // text, NULL for SQL NULL
    int arg_count;
    const Oid *types; // of the arguments, or NULL: the server infers them
} PostgresQuery;

Err *postgres_send(Postgres *p, const PostgresQuery *query) MUST_USE;
// Queries that travel together, each in a transaction of its own. Every result is the caller's to
// check and PQclear (all set to NULL first); the error is one of the connection.
Err *postgres_trip(Postgres *p, const PostgresQuery *queries, size_t count,
                   PGresult **results) MUST_USE;
// One query, checked.
Err *postgres_ask(Postgres *p, const PostgresQuery *query, PGresult **out) MUST_USE;
// All commands of `sql` by the simple protocol, results dropped.
Err *postgres_simple(Postgres *p, const char *sql) MUST_USE;

static inline void postgres_clear(PGresult **result) {
    PQclear(*result);
}
#define AutoResult __attribute__((cleanup(postgres_clear))) PGresult *

// postgres_url.c: `rest` is the URL behind "scheme://". E_INVALID, without the URL's text.
Err *postgres_parse_url(PostgresParams *out, const char *rest, const Db *base, Arena *mem) MUST_USE;

// --- postgres_words.c: what a statement is
// --------------------------------------------------------

typedef enum TokenKind {
    TOKEN_END,
    TOKEN_WORD,
    TOKEN_QUOTED,
    TOKEN_STRING,
    TOKEN_SYMBOL
} TokenKind;

typedef struct Token {
    TokenKind kind;
    Str text; // as written
} Token;

typedef struct PostgresLexer {
    const char *p, *end;
} PostgresLexer;

Token postgres_token(PostgresLexer *l);
bool postgres_token_is(const Token *t, const char *word); // a word, in any case

typedef LIST(Str) PostgresCommands;
// The commands of a text: one, unless a custom delimiter keeps several together.
PostgresCommands postgres_split(Str sql, Arena *mem);
// Whether a command starts with these words ("DROP INDEX CONCURRENTLY").
bool postgres_starts(Str sql, const char *words);
bool postgres_is_atomic(Str sql);
// Whether settings or the role of the session may be others behind this command.
bool postgres_sets_session(Str sql);
// Whether it does nothing else.
bool postgres_only_sets(Str sql);
// E_INVALID for what no migration may hold: COPY with the client, commands of psql, and in a
// transaction of db_run what would end it.
Err *postgres_refuse(Str sql, bool in_transaction) MUST_USE;

// --- the rest
// -------------------------------------------------------------------------------------

// run.c
Err *postgres_run(Db *db, const DbStep *steps, size_t count, const DbRunOptions *options,
                  size_t *done) MUST_USE;
Err *postgres_rollback(Db *db) MUST_USE;
// revisions.c
const char *postgres_revisions_schema(const Postgres *p, const char *schema);
// The table, quoted.
char *postgres_revisions_table(const Postgres *p, const char *schema, Arena *mem);
char *postgres_quote(Arena *mem, const char *name);
PostgresQuery postgres_upsert(const Postgres *p, const char *table, const DbRevision *r,
                              Arena *mem);
PostgresQuery postgres_advance(const Postgres *p, const char *table, const DbRevision *r,
                               Arena *mem);
Err *postgres_state_read(Db *db, const char *schema, DbState *out, Arena *mem) MUST_USE;
Err *postgres_revisions_prepare(Db *db, const char *schema) MUST_USE;
Err *postgres_target_id_insert(Db *db, const char *schema, const char *id) MUST_USE;
enum { STATE_QUERIES = 2 };
void postgres_state_queries(const Postgres *p, const char *schema, PostgresQuery *out, Arena *mem);
Err *postgres_state_results(Postgres *p, const char *schema, PGresult *const *results, DbState *out,
                            Arena *mem) MUST_USE;
// lock.c
Err *postgres_lock(Db *db, const char *name, Duration timeout) MUST_USE;
Err *postgres_lock_and_read(Db *db, const char *name, Duration timeout, const char *schema,
                            DbState *out, Arena *mem) MUST_USE;
Err *postgres_unlock(Db *db) MUST_USE;
// flight.c
Err *postgres_flight(Db *db, Str sql, DbFlight *out, const char **note, Arena *mem) MUST_USE;
// scratch.c
Err *postgres_check_empty(Db *db) MUST_USE;
Err *postgres_wipe(Db *db) MUST_USE;

#endif
