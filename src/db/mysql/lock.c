// GET_LOCK() on the connection that does the work: a dead holder frees it by dying.
#include "mysql.h"

enum { POLL_MS = 20 };

// A holder that the network swallowed is let go after five minutes without a word.
#define LOCK_SESSION                                                                               \
    "SET @atlas_wait = CAST(COALESCE(@atlas_wait, @@SESSION.wait_timeout) AS UNSIGNED), "          \
    "SESSION wait_timeout = CAST(LEAST(@@SESSION.wait_timeout, 300) AS UNSIGNED)"

// "connection 12 of app@10.0.0.3:5512, in its current command for 3s"
static char *holder_text(Maria *m, const char *name, Arena *mem) {
    MariaResults r = {0};
    Err *e = maria_packet(
        m,
        arena_printf(mem,
                     "SELECT IS_USED_LOCK(%s);\nSELECT ID, USER, HOST, TIME, COMMAND FROM "
                     "information_schema.PROCESSLIST WHERE ID = IS_USED_LOCK(%s)",
                     maria_quote(mem, name), maria_quote(mem, name)),
        &r, mem);
    err_free(e);
    if (r.len < 2 || r.items[1].rows.len == 0) {
        const char *id = r.len > 0 ? db_cell(&r.items[0], 0, 0) : "";
        return *id ? arena_printf(mem, "connection %s", id)
                   : arena_strdup(mem, "another connection");
    }
    const DbRows *p = &r.items[1];
    bool idle = cstr_eq(db_cell(p, 0, 4), "Sleep");
    return arena_printf(mem, "connection %s of %s@%s, %s for %ss", db_cell(p, 0, 0),
                        db_cell(p, 0, 1), cstr_or(db_cell(p, 0, 2), "localhost"),
                        idle ? "idle" : "in its current command", db_cell(p, 0, 3));
}

static Err *locked(Maria *m, const char *name) {
    AutoArena tmp = arena_new(NULL);
    return err_hint(err_new(E_LOCKED, "\"%s\" is held by %s", name, holder_text(m, name, tmp)),
                    "wait for it, or raise --lock-timeout");
}

// A time limit for statements is not one for the wait.
static void add_lock(const Maria *m, Buf *sql, const char *name, long long seconds, Arena *tmp) {
    const char *limit = m->is_mariadb ? "max_statement_time" : "max_execution_time";
    bool limited = m->base.statement_timeout > 0 || m->config.settings.len > 0;
    if (limited)
        buf_printf(sql, "SET @atlas_limit = @@SESSION.%s, SESSION %s = 0;\n", limit, limit);
    buf_printf(sql, "SELECT GET_LOCK(%s, %lld);\n", maria_quote(tmp, name), seconds);
    if (limited)
        buf_printf(sql, "SET SESSION %s = @atlas_limit;\n", limit);
    buf_str(sql, LOCK_SESSION);
}

// One attempt that waits `seconds` in the server; with `schema`, the state as well.
static Err *try_lock(Maria *m, const char *name, long long seconds, const char *schema, bool *taken,
                     DbState *out, Arena *mem) {
    MariaResults results = {0};
    Buf sql;
    buf_init(&sql, mem, BUF_MAX_TEXT);
    add_lock(m, &sql, name, seconds, mem);
    if (schema) {
        buf_str(&sql, ";\n");
        maria_add_state(m, &sql, schema, mem);
    }
    TRY(maria_packet(m, sql.ptr, &results, mem));
    const char *answer = results.len > 0 ? db_cell(&results.items[0], 0, 0) : "";
    *taken = cstr_eq(answer, "1");
    if (*taken)
        m->lock = arena_strdup(m->mem, name);
    if (!*answer && db_cancelled(&m->base))
        return db_interrupted();
    if (!*answer)
        return err_new(E_DB, "the server could not take the lock \"%s\"", name);
    return *taken && schema ? maria_read_state(m, schema, &results, 1, out, mem) : NULL;
}

static Err *take(Maria *m, const char *name, Duration timeout, const char *schema, DbState *out,
                 Arena *mem) {
    int64_t start = host_monotonic_ms(m->base.host);
    bool short_wait = timeout < DURATION_S;
    long long seconds = short_wait ? 0 : (long long)((timeout + DURATION_S - 1) / DURATION_S);
    if (m->lock)
        return err_new(E_LOCKED, "this connection holds a lock already");
    for (;;) {
        bool taken = false;
        TRY(try_lock(m, name, seconds, schema, &taken, out, mem));
        if (taken)
            return NULL;
        if (!short_wait || (host_monotonic_ms(m->base.host) - start) * DURATION_MS >= timeout)
            return locked(m, name);
        if (db_cancelled(&m->base))
            return db_interrupted();
        nanosleep(&(struct timespec){.tv_nsec = POLL_MS * 1000000L}, NULL);
    }
}

Err *maria_lock(Db *db, const char *name, Duration timeout) {
    AutoArena tmp = arena_new(NULL);
    return take(maria_of(db), name, timeout, NULL, NULL, tmp);
}

Err *maria_lock_and_read(Db *db, const char *name, Duration timeout, const char *schema,
                         DbState *out, Arena *mem) {
    Err *e = take(maria_of(db), name, timeout, schema, out, mem);
    return e ? err_wrap(e, "acquiring database lock") : NULL;
}

// A lost connection has lost its lock as well.
Err *maria_unlock(Db *db) {
    AutoArena tmp = arena_new(NULL);
    Maria *m = maria_of(db);
    MariaResults r = {0};
    const char *name = m->lock;
    m->lock = NULL;
    if (!name || m->dead)
        return NULL;
    m->uncancellable = true;
    Err *e = maria_packet(m,
                          arena_printf(tmp,
                                       "SELECT RELEASE_LOCK(%s);\nSET SESSION wait_timeout "
                                       "= @atlas_wait",
                                       maria_quote(tmp, name)),
                          &r, tmp);
    m->uncancellable = false;
    if (!e && r.len > 0 && !cstr_eq(db_cell(&r.items[0], 0, 0), "1"))
        log_warn("the lock \"%s\" was released before the end of the run: a statement released it, "
                 "or its connection was made anew",
                 name);
    return e;
}
