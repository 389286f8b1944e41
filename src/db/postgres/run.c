// Batches by pipeline: everything goes out without waiting, results are drawn meanwhile, and one
// sync ends it. After an error the server skips all up to that sync, so that what runs is what
// would have run one by one.
//
// Outside of a user's transaction every step has one of ours, so that no two steps share one by
// accident. What no transaction may hold runs alone: behind it the pipeline is drained.
#include "postgres.h"

enum {
    FLUSH_EVERY = 16,   // queries between two requests for results
    QUERIES_OUT = 4096, // more are not sent before results came
    BYTES_OUT = 4 << 20,
};

// The first one forgets the role that the URL may name, the second one brings it back.
static const char *const reset_role[] = {"RESET SESSION AUTHORIZATION", "RESET ROLE"};

typedef enum PendingKind { PENDING_QUERY, PENDING_NOTE, PENDING_SYNC } PendingKind;

// A result that is awaited.
typedef struct Pending {
    PendingKind kind;
    size_t step;     // whose failure it is
    size_t complete; // so many steps are done with it; 0: it says nothing
    const char *sql; // of a user, for positions; else NULL
    size_t bytes;
} Pending;

typedef struct Run {
    Postgres *p;
    const DbStep *steps;
    size_t count;
    const DbRunOptions *options;
    size_t *done;
    const char *table;
    Arena *mem;
    Arena *scratch; // of one step
    LIST(Pending) pending;
    size_t head;  // the first that is not done
    bool started; // its results have begun to come
    size_t queries_out, bytes_out, unflushed;
    bool in_unit;          // inside a transaction of send_unit
    bool user_transaction; // a file without txmode has begun one
    Err *error;            // the first one of the server
    size_t failed;         // the step it is of
} Run;

// --- receiving
// ------------------------------------------------------------------------------------

static void fail(Run *r, size_t step, Err *e) {
    if (r->error) {
        err_free(e);
        return;
    }
    r->error = e;
    r->failed = step;
}

static void complete(Run *r, const Pending *entry) {
    for (; !r->error && *r->done < entry->complete; (*r->done)++)
        if (r->options && r->options->done)
            r->options->done(r->options->ctx, &r->steps[*r->done]);
}

static void leave(Run *r) {
    Pending *entry = &r->pending.items[r->head++];
    complete(r, entry);
    r->queries_out--;
    r->bytes_out -= entry->bytes;
    r->started = false;
    if (r->head == r->pending.len)
        r->head = r->pending.len = 0;
}

static void handle(Run *r, const Pending *entry, const PGresult *result) {
    ExecStatusType status = PQresultStatus(result);
    if (status == PGRES_PIPELINE_ABORTED)
        return;
    Err *e = postgres_check(r->p, result, entry->sql);
    if (e)
        fail(r, entry->step, e);
}

// Takes the results that are there. The error is one of the connection.
static Err *take(Run *r) {
    PGconn *conn = r->p->conn;
    while (r->head < r->pending.len) {
        const Pending *entry = &r->pending.items[r->head];
        if (entry->kind == PENDING_NOTE) {
            leave(r);
            continue;
        }
        if (!r->started && entry->kind != PENDING_SYNC)
            PQsetSingleRowMode(conn); // rows are dropped: never hold more than one
        r->started = true;
        if (PQisBusy(conn))
            return NULL;
        AutoResult result = PQgetResult(conn);
        if (PQstatus(conn) == CONNECTION_BAD) {
            Err *e = result ? postgres_check(r->p, result, NULL) : NULL;
            size_t step = entry->kind == PENDING_SYNC ? *r->done : entry->step;
            fail(r, step, e ? e : postgres_lost(r->p));
            return postgres_lost(r->p);
        }
        bool is_sync = PQresultStatus(result) == PGRES_PIPELINE_SYNC;
        if (!result || is_sync)
            leave(r);
        else
            handle(r, entry, result);
    }
    return NULL;
}

// Waits until at most `queries` and `bytes` are out.
static Err *drain(Run *r, size_t queries, size_t bytes) {
    TRY(take(r));
    while (r->queries_out > queries || r->bytes_out > bytes) {
        TRY(postgres_wait(r->p));
        TRY(take(r));
    }
    return NULL;
}

// --- sending
// --------------------------------------------------------------------------------------

static void expect(Run *r, Pending entry) {
    list_push(&r->pending, r->mem, entry);
    r->queries_out++;
    r->bytes_out += entry.bytes;
}

// Asks for the results so far, and reads what is there.
static Err *flush(Run *r) {
    r->unflushed = 0;
    if (!PQsendFlushRequest(r->p->conn) || PQflush(r->p->conn) < 0 || !PQconsumeInput(r->p->conn))
        return postgres_lost(r->p);
    return take(r);
}

static Err *send_query(Run *r, const PostgresQuery *query, Pending entry) {
    TRY(postgres_send(r->p, query));
    expect(r, entry);
    if (++r->unflushed >= FLUSH_EVERY)
        TRY(flush(r));
    if (r->queries_out <= QUERIES_OUT && r->bytes_out <= BYTES_OUT)
        return NULL;
    TRY(flush(r));
    return drain(r, QUERIES_OUT / 2, BYTES_OUT / 2);
}

static Err *send_text(Run *r, const char *sql, Pending entry) {
    return send_query(r, &(PostgresQuery){.sql = sql}, entry);
}

// Waits for everything that was sent.
static Err *settle(Run *r) {
    if (!PQpipelineSync(r->p->conn))
        return postgres_lost(r->p);
    r->unflushed = 0;
    expect(r, (Pending){.kind = PENDING_SYNC});
    TRY(drain(r, 0, SIZE_MAX));
    r->user_transaction =
        !r->p->in_batch && !r->in_unit && PQtransactionStatus(r->p->conn) != PQTRANS_IDLE;
    return NULL;
}

// --- steps
// ----------------------------------------------------------------------------------------

static bool is_row(const DbStep *step) {
    return step->kind == DB_STEP_REVISION || step->kind == DB_STEP_ADVANCE ||
           step->kind == DB_STEP_FORGET;
}

static bool in_transaction(const Run *r) {
    return r->p->in_batch || r->user_transaction;
}

// Several commands go by the simple protocol, which is not for pipelines.
static Err *send_chunk(Run *r, size_t i) {
    TRY(settle(r));
    if (r->error)
        return NULL;
    PQexitPipelineMode(r->p->conn);
    Err *e = postgres_simple(r->p, r->steps[i].sql.ptr);
    if (e)
        fail(r, i, e);
    if (!PQenterPipelineMode(r->p->conn))
        return postgres_lost(r->p);
    return NULL;
}

// The user's SQL of step `i`; so many steps are complete with it.
static Err *send_user(Run *r, size_t i, size_t complete_steps) {
    Str sql = r->steps[i].sql;
    Pending entry = {.step = i, .complete = complete_steps, .sql = sql.ptr, .bytes = sql.len};
    arena_clear(r->scratch);
    PostgresCommands commands = postgres_split(sql, r->scratch);
    for (size_t k = 0; k < commands.len; k++)
        r->p->session_set = r->p->session_set || postgres_sets_session(commands.items[k]);
    if (commands.len == 1)
        return send_text(r, sql.ptr, entry);
    TRY(send_chunk(r, i));
    entry.kind = PENDING_NOTE;
    expect(r, entry);
    return take(r);
}

static Err *send_row(Run *r, size_t i, size_t complete_steps) {
    const DbStep *step = &r->steps[i];
    Pending entry = {.step = i, .complete = complete_steps};
    PostgresQuery query = {.args = {step->revision->version}, .arg_count = 1};
    arena_clear(r->scratch);
    if (step->kind == DB_STEP_REVISION)
        query = postgres_upsert(r->p, r->table, step->revision, r->scratch);
    else if (step->kind == DB_STEP_ADVANCE)
        query = postgres_advance(r->p, r->table, step->revision, r->scratch);
    else
        query.sql = arena_printf(r->scratch, "DELETE FROM %s WHERE version = $1", r->table);
    return send_query(r, &query, entry);
}

static Err *send_role_reset(Run *r, size_t i) {
    for (size_t k = 0; k < COUNT_OF(reset_role); k++)
        TRY(send_text(r, reset_role[k], (Pending){.step = i}));
    return NULL;
}

// The row of a whole file, which another role need not be allowed to write.
static Err *send_file_row(Run *r, size_t i) {
    if (r->p->session_set && r->p->in_batch && !r->p->cockroach)
        TRY(send_role_reset(r, i));
    return send_row(r, i, i + 1);
}

static Err *send_members(Run *r, size_t first, size_t end) {
    for (size_t i = first; i < end && !r->error; i++)
        TRY(is_row(&r->steps[i]) ? send_row(r, i, 0) : send_user(r, i, 0));
    return NULL;
}

// The result comes at once, not with that of a slow statement behind it.
static Err *send_commit(Run *r, Pending entry) {
    TRY(send_text(r, "COMMIT", entry));
    return PQsendFlushRequest(r->p->conn) ? NULL : postgres_lost(r->p);
}

// Steps [first, end) in a transaction of ours.
static Err *send_unit(Run *r, size_t first, size_t end) {
    r->in_unit = true;
    TRY(send_text(r, "BEGIN", (Pending){.step = first}));
    TRY(send_members(r, first, end));
    r->in_unit = false;
    return r->error ? NULL : send_commit(r, (Pending){.step = first, .complete = end});
}

// Nothing may share its fate, and only the server knows whether it began or ended a transaction.
// Its row, if it follows, is written whatever happens.
static Err *send_alone(Run *r, size_t *i) {
    TRY(send_user(r, *i, *i + 1));
    TRY(settle(r));
    if (r->error || r->user_transaction || *i + 1 >= r->count || !is_row(&r->steps[*i + 1]))
        return NULL;
    ++*i;
    postgres_shield(r->p, true);
    Err *e = send_unit(r, *i, *i + 1);
    if (!e)
        e = settle(r);
    postgres_shield(r->p, false);
    return e;
}

static Err *send_statement(Run *r, size_t *i) {
    const DbStep *step = &r->steps[*i];
    if (r->p->in_batch)
        return send_user(r, *i, *i + 1);
    if (r->user_transaction || !postgres_is_atomic(step->sql))
        return send_alone(r, i);
    bool paired = *i + 1 < r->count && is_row(step + 1);
    TRY(send_unit(r, *i, *i + 1 + paired));
    *i += paired;
    return NULL;
}

// What a file sets ends with it: whether the next one runs now or tomorrow makes no difference.
static Err *reset_session(Run *r, size_t i) {
    Pending entry = {.step = i};
    bool own = !in_transaction(r);
    r->p->session_set = false;
    if (own)
        TRY(send_text(r, "BEGIN", entry));
    TRY(send_role_reset(r, i));
    TRY(send_text(r, "RESET ALL", entry));
    return own ? send_text(r, "COMMIT", entry) : NULL;
}

static Err *end_file(Run *r, size_t i) {
    r->p->clock = CLOCK_NONE;
    if (!r->p->in_batch && r->user_transaction)
        return err_hint(err_new(E_INVALID, "the file leaves a transaction open"),
                        "end it with COMMIT, or remove its BEGIN and the txmode directive");
    if (r->p->session_set && !r->p->cockroach)
        TRY(reset_session(r, i));
    expect(r, (Pending){.kind = PENDING_NOTE, .complete = i + 1, .step = i});
    return take(r);
}

// A file that has no transaction of its own keeps its start in a setting.
static Err *start_clock(Run *r, size_t i) {
    static const char sql[] = "SELECT pg_catalog.set_config('atlas.file_start', (EXTRACT(epoch "
                              "FROM pg_catalog.clock_timestamp()))::pg_catalog.text, false)";
    bool own = i + 1 < r->count && r->steps[i + 1].kind == DB_STEP_BEGIN;
    r->p->clock = own ? CLOCK_TRANSACTION : CLOCK_SETTING;
    if (!own && !in_transaction(r))
        TRY(send_text(r, "BEGIN", (Pending){.step = i}));
    if (!own)
        TRY(send_text(r, sql, (Pending){.step = i}));
    if (!own && !in_transaction(r))
        TRY(send_text(r, "COMMIT", (Pending){.step = i}));
    expect(r, (Pending){.kind = PENDING_NOTE, .complete = i + 1, .step = i});
    return take(r);
}

static Err *begin(Run *r, size_t i) {
    if (in_transaction(r))
        return err_new(E_INVALID, "a transaction is open already");
    r->p->in_batch = true;
    return send_text(r, "BEGIN", (Pending){.step = i, .complete = i + 1});
}

static Err *commit(Run *r, size_t i) {
    r->p->in_batch = false;
    return send_commit(r, (Pending){.step = i, .complete = i + 1});
}

// Step *i, and the row behind it if it is part of it.
static Err *send_step(Run *r, size_t *i) {
    switch (r->steps[*i].kind) {
    case DB_STEP_BEGIN:
        return begin(r, *i);
    case DB_STEP_COMMIT:
        return commit(r, *i);
    case DB_STEP_FILE:
        return start_clock(r, *i);
    case DB_STEP_FILE_END:
        return end_file(r, *i);
    case DB_STEP_STATEMENT:
        return send_statement(r, i);
    case DB_STEP_REVISION:
        return in_transaction(r) ? send_file_row(r, *i) : send_unit(r, *i, *i + 1);
    case DB_STEP_ADVANCE:
    case DB_STEP_FORGET:
        return in_transaction(r) ? send_row(r, *i, *i + 1) : send_unit(r, *i, *i + 1);
    }
    BUG("step kind %d", (int)r->steps[*i].kind);
}

// --- the batch
// ------------------------------------------------------------------------------------

// Before anything runs, so that a mistake in the last file does not leave the others behind.
static Err *refuse_steps(Run *r) {
    bool inside = r->p->in_batch;
    for (size_t i = 0; i < r->count; i++) {
        const DbStep *step = &r->steps[i];
        Err *e = step->kind == DB_STEP_STATEMENT ? postgres_refuse(step->sql, inside) : NULL;
        if (e) {
            *r->done = i;
            return e;
        }
        inside = step->kind == DB_STEP_BEGIN || (inside && step->kind != DB_STEP_COMMIT);
    }
    return NULL;
}

// Where a cancel is obeyed; the other steps complete what was done.
static bool starts_work(DbStepKind kind) {
    return kind == DB_STEP_FILE || kind == DB_STEP_BEGIN || kind == DB_STEP_STATEMENT;
}

static Err *send_steps(Run *r) {
    Err *stop = NULL;
    size_t i = 0;
    for (; i < r->count && !r->error && !stop; i++) {
        bool cancel = db_cancelled(&r->p->base) && starts_work(r->steps[i].kind);
        stop = cancel ? db_interrupted() : send_step(r, &i);
    }
    if (stop && PQstatus(r->p->conn) == CONNECTION_BAD)
        return stop;
    // What was sent before has its own result; the last step is the first that has none.
    Err *e = settle(r);
    if (stop)
        fail(r, i - 1, stop);
    return e;
}

Err *postgres_run(Db *db, const DbStep *steps, size_t count, const DbRunOptions *options,
                  size_t *done) {
    Postgres *p = postgres_of(db);
    AutoArena mem = arena_new(NULL);
    Run r = {.p = p, .steps = steps, .count = count, .options = options, .done = done, .mem = mem};
    r.scratch = arena_new(mem);
    r.table = postgres_revisions_table(p, options ? options->schema : NULL, mem);
    r.user_transaction = !p->in_batch && PQtransactionStatus(p->conn) != PQTRANS_IDLE;
    TRY(refuse_steps(&r));
    if (!PQenterPipelineMode(p->conn))
        return postgres_lost(p);
    Err *e = send_steps(&r);
    if (!e || PQstatus(p->conn) != CONNECTION_BAD)
        PQexitPipelineMode(p->conn);
    if (r.error) {
        err_free(e);
        e = r.error;
        *done = r.failed;
    }
    if (*done < count)
        return e;
    err_free(e); // whatever it is, it came behind the last step: the next call meets it
    return NULL;
}

Err *postgres_rollback(Db *db) {
    Postgres *p = postgres_of(db);
    p->in_batch = false;
    if (p->clock == CLOCK_TRANSACTION)
        p->clock = CLOCK_NONE;
    bool idle = PQtransactionStatus(p->conn) == PQTRANS_IDLE, reset = p->session_set;
    p->session_set = false;
    // A server that lost its client rolls back by itself.
    if (PQstatus(p->conn) == CONNECTION_BAD || (idle && !reset))
        return NULL;
    postgres_shield(p, true);
    Err *e = idle ? NULL : postgres_simple(p, "ROLLBACK");
    if (!e && reset && !p->cockroach)
        e = postgres_simple(p, "RESET SESSION AUTHORIZATION; RESET ROLE; RESET ALL");
    postgres_shield(p, false);
    return e ? err_wrap(e, "rolling back") : NULL;
}
