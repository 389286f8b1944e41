#include "driver.h"

#define URL_DOCS "https://atlasgo.io/concepts/url"

static const volatile sig_atomic_t never_cancelled = 0;

static bool has_scheme(const char *const *schemes, const char *scheme) {
    for (; *schemes; schemes++)
        if (cstr_eq(*schemes, scheme))
            return true;
    return false;
}

static Err *find_driver(const DbDriver **out, const char *scheme) {
    static const char *const later[] = {"libsql",    "libsql+ws",  "libsql+wss", "libsql+file",
                                        "sqlserver", "clickhouse",   "docker",     NULL};
    for (size_t i = 0; db_drivers[i]; i++) {
        if (has_scheme(db_drivers[i]->schemes, scheme)) {
            *out = db_drivers[i];
            return NULL;
        }
    }
    if (has_scheme(later, scheme) || cstr_starts(scheme, "docker+"))
        return err_hint(err_new(E_UNSUPPORTED, "this build has no driver for %s databases", scheme),
                        "sqlite:// works; `atlas version` lists the drivers of a build");
    return err_hint(err_new(E_INVALID, "unknown database driver \"%s\"", scheme),
                    "see " URL_DOCS " for the database URLs");
}

Err *db_open(Db **out, const char *url, const DbOptions *options, Arena *mem) {
    const char *colon = url ? strstr(url, "://") : NULL;
    if (!colon || colon == url)
        return err_hint(err_new(E_INVALID, "the database URL has no scheme"),
                        "write it as driver://..., see " URL_DOCS);
    const DbDriver *driver = NULL;
    char *scheme = cstr_lower(mem, arena_strndup(mem, url, (size_t)(colon - url)));
    TRY(find_driver(&driver, scheme));
    Db base = {.driver = driver,
               .host = &host_system,
               .cancel = &never_cancelled,
               .scheme = scheme,
               .schema = ""};
    if (options && options->host)
        base.host = options->host;
    if (options && options->cancel)
        base.cancel = options->cancel;
    if (options) {
        base.lock_timeout = options->lock_timeout;
        base.statement_timeout = options->statement_timeout;
    }
    Err *e = driver->open(out, colon + 3, &base, mem);
    return e ? err_wrap(e, "opening the %s database", driver->name) : NULL;
}

void db_close(Db *db) {
    if (db->closed)
        return;
    db->closed = true;
    db->driver->close(db);
}

bool db_cancelled(const Db *db) {
    return *db->cancel != 0;
}
Err *db_interrupted(void) {
    return err_new(E_STATE, "interrupted");
}

static Err *check_open(const Db *db) {
    if (db->closed)
        return err_new(E_INTERNAL, "the database connection is closed");
    return db_cancelled(db) ? db_interrupted() : NULL;
}

Err *db_ping(Db *db) {
    TRY(check_open(db));
    return db->driver->ping(db);
}

const char *db_driver_name(const Db *db) {
    return db->driver->name;
}
const char *db_schema(const Db *db) {
    return db->schema;
}
unsigned db_scan_options(const Db *db) {
    return db->driver->scan_options;
}
bool db_transactional_ddl(const Db *db) {
    return db->driver->transactional_ddl;
}
bool db_is_atomic(const Db *db, Str sql) {
    return db->driver->is_atomic(sql);
}

bool db_sets_session(const Db *db, Str sql) {
    return db->driver->sets_session && db->driver->sets_session(sql);
}

Err *db_exec(Db *db, const char *sql) {
    TRY(check_open(db));
    return db->driver->exec(db, sql);
}

Err *db_query(Db *db, DbRows *out, const char *sql, const DbValue *args, size_t count, Arena *mem) {
    TRY(check_open(db));
    return db->driver->query(db, out, sql, args, count, mem);
}

const char *db_cell(const DbRows *rows, size_t row, size_t column) {
    if (row >= rows->rows.len || column >= rows->columns.len)
        return "";
    const DbValue *v = &rows->rows.items[row][column];
    return v->text.ptr ? v->text.ptr : "";
}

Err *db_state_read(Db *db, const char *schema, DbState *out, Arena *mem) {
    TRY(check_open(db));
    *out = (DbState){.target_id = ""};
    Err *e = db->driver->state_read(db, cstr_or(schema, ""), out, mem);
    return e ? err_wrap(e, "reading the revisions") : NULL;
}

Err *db_lock_and_read(Db *db, const char *name, Duration timeout, const char *schema, DbState *out,
                      Arena *mem) {
    TRY(check_open(db));
    *out = (DbState){.target_id = ""};
    if (db->driver->lock_and_read)
        return db->driver->lock_and_read(db, name, timeout, cstr_or(schema, ""), out, mem);
    TRY(db_lock(db, name, timeout));
    return db_state_read(db, schema, out, mem);
}

Err *db_revisions_prepare(Db *db, const char *schema) {
    TRY(check_open(db));
    Err *e = db->driver->revisions_prepare(db, cstr_or(schema, ""));
    return e ? err_wrap(e, "preparing the revisions table") : NULL;
}

Err *db_target_id(Db *db, const char *schema, const Host *host, const char **out, Arena *mem) {
    TRY(check_open(db));
    DbState state = {0};
    TRY(db_state_read(db, schema, &state, mem));
    *out = state.target_id;
    if (**out)
        return NULL;
    TRY(db_revisions_prepare(db, schema));
    *out = host_uuid(host, mem);
    return db->driver->target_id_insert(db, cstr_or(schema, ""), *out);
}

Err *db_run(Db *db, const DbStep *steps, size_t count, const DbRunOptions *options, size_t *done) {
    *done = 0;
    TRY(check_open(db));
    return db->driver->run(db, steps, count, options, done);
}

// Also works while cancelled: it cleans up.
Err *db_rollback(Db *db) {
    return db->closed ? NULL : db->driver->rollback(db);
}

Err *db_lock(Db *db, const char *name, Duration timeout) {
    Err *e = check_open(db);
    if (!e)
        e = db->driver->lock(db, name, timeout);
    return e ? err_wrap(e, "acquiring database lock") : NULL;
}

Err *db_unlock(Db *db) {
    Err *e = db->closed ? NULL : db->driver->unlock(db);
    return e ? err_wrap(e, "releasing database lock") : NULL;
}

Err *db_flight(Db *db, Str sql, DbFlight *out, const char **note, Arena *mem) {
    *out = DB_FLIGHT_UNKNOWN;
    *note = NULL;
    TRY(check_open(db));
    return db->driver->flight(db, sql, out, note, mem);
}

Err *db_check_empty(Db *db) {
    TRY(check_open(db));
    return db->driver->check_empty(db);
}

Err *db_wipe(Db *db) {
    return db->closed ? NULL : db->driver->wipe(db);
}
