// The connection of the MySQL and MariaDB drivers, shared by their files. No other file sees the
// library's mysql.h. Its names start with mysql_, ours with maria_.
#ifndef ATLAS_DB_MYSQL_H
#define ATLAS_DB_MYSQL_H

#include <mysql.h>

#include "../driver.h"
#include "lex.h"

#define MARIA_SYSTEM_SCHEMAS                                                                       \
    "('information_schema', 'innodb', 'mysql', 'performance_schema', 'sys', 'ndbinfo')"

// --- connection ----------------------------------------------------------------------------------

// What a URL says (mysql_url.c).
typedef struct MariaConfig {
    const char *host, *user, *password, *socket, *database;
    unsigned port;
    const char *tls; // "true", "skip-verify", "preferred", "false"
    const char *ssl_ca, *ssl_cert, *ssl_key;
    const char *charset, *collation;
    bool cleartext; // the password may be sent as it is
    Duration connect_timeout, read_timeout, write_timeout;
    StrList settings; // "name = value", for SET SESSION
} MariaConfig;

typedef struct Maria {
    Db base;
    Arena *mem;
    MYSQL *handle; // NULL once closed
    MariaConfig config;
    unsigned long id; // of the connection
    bool is_mariadb;
    bool dead;                        // the connection is lost
    bool uncancellable;               // now: cleaning up
    int64_t killed_ms, first_kill_ms; // of the last and first KILL QUERY; 0: none
    size_t packet_max;                // bytes of a packet that the server takes; 0: not asked yet
    char marker[32];  // column that tells the end of a statement with several results
    const char *lock; // name of the held lock, or NULL
    // Of db_run():
    bool in_batch;                  // between BEGIN and COMMIT
    bool began;                     // START TRANSACTION was sent for it
    bool committed;                 // the last statement in it did so: its row is due at once
    bool clock;                     // @atlas_start is of the current file
    bool autocommit_off, user_open; // what users' statements left
    bool used;                      // the current file has a USE
} Maria;

static inline Maria *maria_of(Db *db) {
    return (Maria *)(void *)db;
}

// --- calls that end on a cancel (mysql.c) --------------------------------------------------------

// The library's error: E_DB "Error 1064 (42000): ...", or "interrupted".
Err *maria_error(Maria *m) MUST_USE RETURNS_NONNULL;
bool maria_real_connect(Maria *m);     // mysql_errno() tells
Err *maria_connect(Maria *m) MUST_USE; // open.c
Err *maria_open(Db **out, const char *rest, const Db *base, Arena *mem) MUST_USE;
void maria_close(Db *db);
// Sends sql[0..len) and waits for its first result; mysql_errno() tells.
int maria_send(Maria *m, const char *sql, size_t len);
// The next result: 0 there is one, -1 no more, 1 error.
int maria_next(Maria *m);
// The next row, NULL at the end or on an error.
MYSQL_ROW maria_fetch(Maria *m, MYSQL_RES *result);
void maria_free(Maria *m, MYSQL_RES *result);
// Reads and drops the rest of all results.
void maria_drain(Maria *m);
// Ends a statement that is too long for the server: E_TOO_LARGE.
Err *maria_check_size(Maria *m, size_t len) MUST_USE;

Err *maria_exec(Db *db, const char *sql) MUST_USE;
Err *maria_query(Db *db, DbRows *out, const char *sql, const DbValue *args, size_t count,
                 Arena *mem) MUST_USE;
typedef LIST(DbRows) MariaResults;
// Runs a packet of ours; one item for each result with columns.
Err *maria_packet(Maria *m, const char *sql, MariaResults *out, Arena *mem) MUST_USE;

// --- revisions (mysql_revisions.c), batches, locks, ... ------------------------------------------

char *maria_table(const Maria *m, const char *schema, Arena *mem); // `schema`.`atlas_...`
void maria_add_upsert(Buf *b, const char *table, const DbRevision *r, bool clock);
void maria_add_advance(Buf *b, const char *table, const DbRevision *last, const StrList *hashes,
                       bool clock);
void maria_add_forget(Buf *b, const char *table, const char *version);
Err *maria_state_read(Db *db, const char *schema, DbState *out, Arena *mem) MUST_USE;
// The statements of a state, to be joined with others, and what their results mean.
void maria_add_state(const Maria *m, Buf *sql, const char *schema, Arena *mem);
Err *maria_read_state(Maria *m, const char *schema, const MariaResults *results, size_t first,
                      DbState *out, Arena *mem) MUST_USE;
Err *maria_revisions_prepare(Db *db, const char *schema) MUST_USE;
Err *maria_target_id_insert(Db *db, const char *schema, const char *id) MUST_USE;

Err *maria_run(Db *db, const DbStep *steps, size_t count, const DbRunOptions *options,
               size_t *done) MUST_USE;
Err *maria_rollback(Db *db) MUST_USE;

Err *maria_lock(Db *db, const char *name, Duration timeout) MUST_USE;
Err *maria_lock_and_read(Db *db, const char *name, Duration timeout, const char *schema,
                         DbState *out, Arena *mem) MUST_USE;
Err *maria_unlock(Db *db) MUST_USE;

Err *maria_flight(Db *db, Str sql, DbFlight *out, const char **note, Arena *mem) MUST_USE;
Err *maria_check_empty(Db *db) MUST_USE;
Err *maria_wipe(Db *db) MUST_USE;

Err *maria_parse_url(MariaConfig *out, const char *rest, const Db *base, Arena *mem) MUST_USE;

#endif
