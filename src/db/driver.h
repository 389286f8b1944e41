// The contract of database drivers. db.c checks arguments and wraps errors; a driver talks to its
// library. All members are required unless marked.
#ifndef ATLAS_DB_DRIVER_H
#define ATLAS_DB_DRIVER_H

#include "atlas/db.h"

typedef struct DbDriver DbDriver;

// A driver's connection starts with this; open() fills `schema`.
struct Db {
    const DbDriver *driver;
    const Host *host;
    const volatile sig_atomic_t *cancel; // never NULL
    Duration lock_timeout, statement_timeout; // 0: not set
    const char *scheme; // of the URL, in lower case
    const char *schema;
    bool closed;
};

struct DbDriver {
    const char *name;
    const char *const *schemes; // NULL-terminated
    unsigned scan_options;
    bool transactional_ddl;

    // `rest` is the URL behind "scheme://". Allocates in `mem`, with host and cancel from `base`.
    Err *(*open)(Db **out, const char *rest, const Db *base, Arena *mem);
    void (*close)(Db *db);
    Err *(*ping)(Db *db);
    Err *(*exec)(Db *db, const char *sql);
    Err *(*query)(Db *db, DbRows *out, const char *sql, const DbValue *args, size_t count,
                  Arena *mem);
    bool (*is_atomic)(Str sql);
    bool (*sets_session)(Str sql); // optional
    Err *(*run)(Db *db, const DbStep *steps, size_t count, const DbRunOptions *options,
                size_t *done);
    Err *(*rollback)(Db *db);
    // `schema` is never NULL; "" is the bound one.
    Err *(*state_read)(Db *db, const char *schema, DbState *out, Arena *mem);
    // Optional: lock() and state_read() in one round trip.
    Err *(*lock_and_read)(Db *db, const char *name, Duration timeout, const char *schema,
                          DbState *out, Arena *mem);
    Err *(*revisions_prepare)(Db *db, const char *schema);
    Err *(*target_id_insert)(Db *db, const char *schema, const char *id);
    Err *(*lock)(Db *db, const char *name, Duration timeout);
    Err *(*unlock)(Db *db);
    Err *(*flight)(Db *db, Str sql, DbFlight *out, const char **note, Arena *mem);
    Err *(*check_empty)(Db *db);
    Err *(*wipe)(Db *db);
};

extern const DbDriver *const db_drivers[]; // NULL-terminated
extern const DbDriver db_sqlite, db_postgres, db_mysql, db_mariadb, db_fault;

#define DB_TARGET_ID_VERSION ".atlas_cloud_identifier"

bool db_cancelled(const Db *db);
Err *db_interrupted(void) MUST_USE RETURNS_NONNULL;

#endif
