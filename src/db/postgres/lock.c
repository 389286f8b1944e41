// Advisory locks of the session: a holder that dies frees its lock by dying. Waiters ask again and
// again instead of waiting in the server, where they would hold a snapshot that CREATE INDEX
// CONCURRENTLY of the holder waits for.
#include "postgres.h"

enum { WAIT_MIN_MS = 25, WAIT_MAX_MS = 1000 };

// FNV-1, 32 bits: "atlas_migrate_execute" is 2686470616.
static int64_t key_of(const char *name) {
    uint32_t hash = 2166136261u;
    for (; *name; name++) {
        hash *= 16777619u;
        hash ^= (unsigned char)*name;
    }
    return hash;
}

static PostgresQuery key_query(const char *sql, int64_t key, Arena *mem) {
    return (PostgresQuery){
        .sql = sql, .args = {arena_printf(mem, "%lld", (long long)key)}, .arg_count = 1};
}

static PostgresQuery try_query(int64_t key, Arena *mem) {
    return key_query("SELECT pg_catalog.pg_try_advisory_lock($1::bigint)", key, mem);
}

static Err *is_taken(Postgres *p, const PGresult *result, bool *taken) {
    TRY(postgres_check(p, result, NULL));
    *taken = PQntuples(result) == 1 && cstr_eq(PQgetvalue(result, 0, 0), "t");
    return NULL;
}

static Err *try_lock(Postgres *p, int64_t key, bool *taken) {
    AutoArena tmp = arena_new(NULL);
    AutoResult result = NULL;
    PostgresQuery query = try_query(key, tmp);
    TRY(postgres_ask(p, &query, &result));
    return is_taken(p, result, taken);
}

// "process 123 (atlas-action host:456 at 10.0.0.3), connected for 12s". Where the server hides
// other users' sessions only the first is known.
static Err *find_holder(Postgres *p, int64_t key, const char **out, Arena *mem) {
    static const char sql[] =
        "SELECT l.pid, a.application_name, pg_catalog.host(a.client_addr), "
        "pg_catalog.floor(EXTRACT(epoch FROM pg_catalog.clock_timestamp() - "
        "a.backend_start))::bigint FROM pg_catalog.pg_locks l LEFT JOIN "
        "pg_catalog.pg_stat_activity a ON a.pid = l.pid WHERE l.locktype = 'advisory' AND "
        "l.granted AND l.classid = 0 AND l.objid::bigint = $1::bigint AND l.objsubid = 1 AND "
        "l.database = (SELECT oid FROM pg_catalog.pg_database WHERE datname = "
        "pg_catalog.current_database())";
    AutoResult r = NULL;
    PostgresQuery query = key_query(sql, key, mem);
    *out = "another session";
    TRY(postgres_ask(p, &query, &r));
    if (PQntuples(r) == 0)
        return NULL;
    const char *application = PQgetvalue(r, 0, 1), *address = PQgetvalue(r, 0, 2);
    const char *text = arena_printf(mem, "process %s", PQgetvalue(r, 0, 0));
    if (*application || *address)
        text = arena_printf(mem, "%s (%s%s%s)", text, application,
                            *application && *address ? " at " : "", address);
    int64_t age = 0;
    if (cstr_to_i64(PQgetvalue(r, 0, 3), &age))
        text =
            arena_printf(mem, "%s, connected for %s", text, duration_text(mem, age * DURATION_S));
    *out = text;
    return NULL;
}

static Err *locked(Postgres *p, const char *name) {
    AutoArena tmp = arena_new(NULL);
    const char *holder = NULL;
    TRY(find_holder(p, key_of(name), &holder, tmp));
    return err_hint(err_new(E_LOCKED, "\"%s\" is held by %s", name, holder),
                    "wait for it, or raise --lock-timeout");
}

// Sleeps, with an eye on the connection and on cancellation.
static Err *pause_for(Postgres *p, int64_t ms) {
    int64_t end = host_monotonic_ms(p->base.host) + ms;
    for (int64_t left = ms; left > 0; left = end - host_monotonic_ms(p->base.host)) {
        if (db_cancelled(&p->base))
            return db_interrupted();
        TRY(postgres_idle(p, left));
    }
    return NULL;
}

// Asks until `deadline`; the last pause ends there.
static Err *wait_for_lock(Postgres *p, const char *name, int64_t deadline) {
    uint32_t wait = WAIT_MIN_MS;
    for (bool taken = false;;) {
        int64_t left = deadline - host_monotonic_ms(p->base.host);
        if (left <= 0)
            return locked(p, name);
        int64_t pause = wait / 2 + host_random_below(p->base.host, wait / 2 + 1);
        TRY(pause_for(p, pause < left ? pause : left));
        TRY(try_lock(p, key_of(name), &taken));
        if (taken)
            return NULL;
        wait = wait * 2 > WAIT_MAX_MS ? WAIT_MAX_MS : wait * 2;
    }
}

static int64_t deadline_of(const Postgres *p, Duration timeout) {
    return host_monotonic_ms(p->base.host) + timeout / DURATION_MS;
}

static void hold(Postgres *p, const char *name) {
    p->locked = true;
    p->lock_key = key_of(name);
}

static Err *check_free(const Postgres *p) {
    return p->locked ? err_new(E_LOCKED, "this connection holds a lock already") : NULL;
}

Err *postgres_lock(Db *db, const char *name, Duration timeout) {
    Postgres *p = postgres_of(db);
    int64_t deadline = deadline_of(p, timeout);
    bool taken = p->cockroach; // which has no such locks
    TRY(check_free(p));
    if (taken)
        return NULL;
    TRY(try_lock(p, key_of(name), &taken));
    if (!taken)
        TRY(wait_for_lock(p, name, deadline));
    hold(p, name);
    return NULL;
}

typedef struct Reading {
    const char *name, *schema;
    PGresult *results[1 + STATE_QUERIES];
    bool taken;
} Reading;

// The state behind the lock has a snapshot of its own, as it is behind another sync.
static Err *read_with_lock(Postgres *p, Reading *r, DbState *out, Arena *mem) {
    PostgresQuery queries[1 + STATE_QUERIES];
    queries[0] = try_query(key_of(r->name), mem);
    postgres_state_queries(p, r->schema, queries + 1, mem);
    TRY(postgres_trip(p, queries, COUNT_OF(queries), r->results));
    Err *e = is_taken(p, r->results[0], &r->taken);
    if (e)
        return err_wrap(e, "acquiring database lock");
    if (!r->taken)
        return NULL;
    hold(p, r->name);
    e = postgres_state_results(p, r->schema, r->results + 1, out, mem);
    return e ? err_wrap(e, "reading the revisions") : NULL;
}

Err *postgres_lock_and_read(Db *db, const char *name, Duration timeout, const char *schema,
                            DbState *out, Arena *mem) {
    Postgres *p = postgres_of(db);
    int64_t deadline = deadline_of(p, timeout);
    Reading r = {.name = name, .schema = schema, .taken = p->cockroach};
    Err *e = check_free(p);
    if (!e && !r.taken)
        e = read_with_lock(p, &r, out, mem);
    for (size_t i = 0; i < COUNT_OF(r.results); i++)
        PQclear(r.results[i]);
    if (e || (r.taken && !p->cockroach))
        return e;
    if (!r.taken) {
        e = wait_for_lock(p, name, deadline);
        if (e)
            return err_wrap(e, "acquiring database lock");
        hold(p, name);
    }
    return db_state_read(db, schema, out, mem);
}

Err *postgres_unlock(Db *db) {
    Postgres *p = postgres_of(db);
    AutoArena tmp = arena_new(NULL);
    AutoResult result = NULL;
    // The lock of a lost connection is free already.
    if (!p->locked || PQstatus(p->conn) == CONNECTION_BAD)
        return NULL;
    p->locked = false;
    PostgresQuery query =
        key_query("SELECT pg_catalog.pg_advisory_unlock($1::bigint)", p->lock_key, tmp);
    postgres_shield(p, true);
    Err *e = postgres_ask(p, &query, &result);
    postgres_shield(p, false);
    return e;
}
