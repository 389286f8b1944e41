// A driver for tests: fault+sqlite://app.db?fail_at=N opens sqlite://app.db and fails its Nth call.
// Steps of a batch count as calls.
#include "driver.h"

typedef struct Fault {
    Db base;
    DbDriver vtable; // the inner driver's traits with our functions
    Db *inner;
    int64_t calls, fail_at;
} Fault;

static Fault *fault_of(Db *db) {
    return (Fault *)(void *)db;
}

static Err *count_call(Fault *f) {
    if (++f->calls == f->fail_at)
        return err_new(E_DB, "injected fault at call %lld", (long long)f->fail_at);
    return NULL;
}

static Err *fault_ping(Db *db) {
    TRY(count_call(fault_of(db)));
    return db_ping(fault_of(db)->inner);
}

static Err *fault_exec(Db *db, const char *sql) {
    TRY(count_call(fault_of(db)));
    return db_exec(fault_of(db)->inner, sql);
}

static Err *fault_query(Db *db, DbRows *out, const char *sql, const DbValue *args, size_t count,
                        Arena *mem) {
    TRY(count_call(fault_of(db)));
    return db_query(fault_of(db)->inner, out, sql, args, count, mem);
}

static Err *fault_run(Db *db, const DbStep *steps, size_t count, const DbRunOptions *options,
                      size_t *done) {
    Fault *f = fault_of(db);
    int64_t left = f->fail_at - 1 - f->calls;
    size_t good = left < 0 || (size_t)left > count ? count : (size_t)left;
    // A statement and its revision are one unit: both fail.
    if (good > 0 && good < count && steps[good - 1].kind == DB_STEP_STATEMENT &&
        (steps[good].kind == DB_STEP_REVISION || steps[good].kind == DB_STEP_ADVANCE))
        good--;
    TRY(db_run(f->inner, steps, good, options, done));
    if (good == count) {
        f->calls += (int64_t)good;
        return NULL;
    }
    f->calls = f->fail_at - 1;
    return count_call(f);
}

static Err *fault_rollback(Db *db) {
    return db_rollback(fault_of(db)->inner);
}

static Err *fault_state_read(Db *db, const char *schema, DbState *out, Arena *mem) {
    TRY(count_call(fault_of(db)));
    return fault_of(db)->inner->driver->state_read(fault_of(db)->inner, schema, out, mem);
}

static Err *fault_revisions_prepare(Db *db, const char *schema) {
    TRY(count_call(fault_of(db)));
    return fault_of(db)->inner->driver->revisions_prepare(fault_of(db)->inner, schema);
}

static Err *fault_target_id_insert(Db *db, const char *schema, const char *id) {
    TRY(count_call(fault_of(db)));
    return fault_of(db)->inner->driver->target_id_insert(fault_of(db)->inner, schema, id);
}

static Err *fault_lock(Db *db, const char *name, Duration timeout) {
    TRY(count_call(fault_of(db)));
    return fault_of(db)->inner->driver->lock(fault_of(db)->inner, name, timeout);
}

static Err *fault_unlock(Db *db) {
    TRY(count_call(fault_of(db)));
    return fault_of(db)->inner->driver->unlock(fault_of(db)->inner);
}

static Err *fault_flight(Db *db, Str sql, DbFlight *out, const char **note, Arena *mem) {
    TRY(count_call(fault_of(db)));
    return db_flight(fault_of(db)->inner, sql, out, note, mem);
}

static Err *fault_check_empty(Db *db) {
    TRY(count_call(fault_of(db)));
    return db_check_empty(fault_of(db)->inner);
}

static Err *fault_wipe(Db *db) {
    return db_wipe(fault_of(db)->inner);
}
static void fault_close(Db *db) {
    db_close(fault_of(db)->inner);
}

static Err *fault_open(Db **out, const char *rest, const Db *base, Arena *mem) {
    Fault *f = NEW(mem, Fault);
    const char *mark = strstr(rest, "fail_at=");
    char *number = arena_strdup(mem, mark ? mark + 8 : "");
    number[strspn(number, "0123456789")] = 0;
    if (!cstr_to_i64(number, &f->fail_at))
        return err_new(E_INVALID, "the fault driver needs fail_at=N");
    DbOptions options = {base->host, base->cancel, base->lock_timeout, base->statement_timeout};
    TRY(db_open(&f->inner, arena_printf(mem, "sqlite://%s", rest), &options, mem));
    f->base = *base;
    f->vtable = db_fault;
    f->vtable.name = f->inner->driver->name;
    f->vtable.scan_options = f->inner->driver->scan_options;
    f->vtable.is_atomic = f->inner->driver->is_atomic;
    f->vtable.sets_session = f->inner->driver->sets_session;
    f->vtable.transactional_ddl = f->inner->driver->transactional_ddl;
    f->base.driver = &f->vtable;
    f->base.schema = f->inner->schema;
    *out = &f->base;
    return NULL;
}

static const char *const schemes[] = {"fault+sqlite", NULL};

const DbDriver db_fault = {
    .name = "fault",
    .schemes = schemes,
    .open = fault_open,
    .close = fault_close,
    .ping = fault_ping,
    .exec = fault_exec,
    .query = fault_query,
    .run = fault_run,
    .rollback = fault_rollback,
    .state_read = fault_state_read,
    .revisions_prepare = fault_revisions_prepare,
    .target_id_insert = fault_target_id_insert,
    .lock = fault_lock,
    .unlock = fault_unlock,
    .flight = fault_flight,
    .check_empty = fault_check_empty,
    .wipe = fault_wipe,
};
