#include <poll.h>
#include <sys/socket.h>

#include "postgres.h"

enum {
    TICK_MS = 100,          // how late a cancel may be noticed where no signal interrupts
    CANCEL_AGAIN_MS = 1000, // a cancel that comes between two statements is lost
    GIVE_UP_MS = 15000,     // after this a server that does not answer is left alone
    CONNECT_SECONDS = 30,
    OLDEST_VERSION = 100000,
};

// --- errors
// ---------------------------------------------------------------------------------------

static char *one_line(Arena *mem, const char *text) {
    char *line = cstr_trim(mem, text);
    for (char *p = line; *p; p++)
        if (*p == '\n' || *p == '\r' || *p == '\t')
            *p = ' ';
    return line;
}

static Err *lost_error(const char *text) {
    return err_hint(err_new(E_DB, "connection lost: %s", text),
                    "run again when the server can be reached: what was committed is recorded");
}

Err *postgres_lost(Postgres *p) {
    if (db_cancelled(&p->base) && !p->shielded)
        return db_interrupted();
    AutoArena tmp = arena_new(NULL);
    const char *text = one_line(tmp, PQerrorMessage(p->conn));
    return lost_error(cstr_or(text, "the server is gone"));
}

// "line 1, column 7" of the 1-based character `position`.
static void add_position(Buf *out, const char *sql, const char *position) {
    uint64_t left = 0;
    if (!sql || !position || !cstr_to_u64(position, INT32_MAX, &left) || left == 0)
        return;
    int line = 1, column = 1;
    for (; *sql && left > 1; sql++) {
        bool starts = ((unsigned char)sql[1] & 0xC0) != 0x80; // the next byte starts a character
        if (*sql == '\n') {
            line++;
            column = 1;
        } else if (starts) {
            column++;
        }
        left -= starts;
    }
    buf_printf(out, ", line %d, column %d", line, column);
}

static Err *add_hint(Err *e, const char *state, const char *server_hint, Arena *tmp) {
    static const struct {
        const char *state, *hint;
    } hints[] = {
        {"25001", "put `-- atlas:txmode none` and a blank line at the top of the file"},
        {"55P03", "another session holds the lock: run again, or raise lock_timeout"},
        {"3F000", "create the schema first, or correct search_path"},
        {"25006", "connect to a server and as a user that may write"},
        {"42501", "grant the privilege to the user of the database URL"},
    };
    if (server_hint)
        return err_hint(e, "%s", one_line(tmp, server_hint));
    for (size_t i = 0; i < COUNT_OF(hints); i++)
        if (cstr_eq(state, hints[i].state))
            return err_hint(e, "%s", hints[i].hint);
    return e;
}

static Err *statement_error(const PGresult *result, const char *sql) {
    AutoArena tmp = arena_new(NULL);
    const char *state = PQresultErrorField(result, PG_DIAG_SQLSTATE);
    const char *detail = PQresultErrorField(result, PG_DIAG_MESSAGE_DETAIL);
    Buf text;
    buf_init(&text, tmp, BUF_MAX_TEXT);
    buf_printf(&text, "pq: %s (SQLSTATE %s",
               one_line(tmp, cstr_or(PQresultErrorField(result, PG_DIAG_MESSAGE_PRIMARY), "error")),
               state);
    add_position(&text, sql, PQresultErrorField(result, PG_DIAG_STATEMENT_POSITION));
    buf_str(&text, ")");
    if (detail)
        buf_printf(&text, ": %s", one_line(tmp, detail));
    return add_hint(err_new(E_DB, "%s", text.ptr), state,
                    PQresultErrorField(result, PG_DIAG_MESSAGE_HINT), tmp);
}

Err *postgres_check(Postgres *p, const PGresult *result, const char *sql) {
    ExecStatusType status = PQresultStatus(result);
    if (result && status != PGRES_FATAL_ERROR && status != PGRES_BAD_RESPONSE)
        return NULL;
    const char *state = PQresultErrorField(result, PG_DIAG_SQLSTATE);
    const char *severity = PQresultErrorField(result, PG_DIAG_SEVERITY_NONLOCALIZED);
    if (!state)
        return postgres_lost(p);
    if (cstr_eq(state, "57014") && db_cancelled(&p->base) && !p->shielded)
        return db_interrupted();
    if (cstr_eq(severity, "FATAL") || cstr_eq(severity, "PANIC"))
        return lost_error(PQresultErrorField(result, PG_DIAG_MESSAGE_PRIMARY));
    return statement_error(result, sql);
}

// --- waiting
// --------------------------------------------------------------------------------------

static void cancel_statement(Postgres *p, int64_t now) {
    char error[256];
    if (p->canceled_ms && now - p->canceled_ms < CANCEL_AGAIN_MS)
        return;
    p->canceled_ms = now;
    PGcancel *cancel = PQgetCancel(p->conn);
    if (cancel && !PQcancel(cancel, error, sizeof error))
        log_debug("canceling the statement: %s", error);
    PQfreeCancel(cancel);
}

// Leaves the server alone: all that follows finds the connection lost.
static void hang_up(Postgres *p) {
    shutdown(PQsocket(p->conn), SHUT_RDWR);
    while (PQstatus(p->conn) != CONNECTION_BAD && PQconsumeInput(p->conn))
        ; // what came before
}

static Err *obey_cancel(Postgres *p) {
    if (!p->shielded && !db_cancelled(&p->base))
        return NULL;
    int64_t now = host_monotonic_ms(p->base.host);
    if (!p->give_up_ms)
        p->give_up_ms = now + GIVE_UP_MS;
    if (!p->shielded)
        cancel_statement(p, now);
    if (now < p->give_up_ms)
        return NULL;
    hang_up(p);
    return p->shielded ? err_new(E_DB, "connection lost: the server does not answer")
                       : db_interrupted();
}

void postgres_shield(Postgres *p, bool on) {
    p->shielded = on;
    p->give_up_ms = 0;
}

Err *postgres_wait(Postgres *p) {
    int left = PQflush(p->conn);
    struct pollfd fd = {.fd = PQsocket(p->conn), .events = POLLIN};
    if (PQstatus(p->conn) == CONNECTION_BAD || fd.fd < 0)
        return postgres_lost(p);
    if (left > 0)
        fd.events |= POLLOUT;
    poll(&fd, 1, TICK_MS);
    // Also after a time-out: TLS may have kept bytes that poll() cannot see.
    if (!PQconsumeInput(p->conn))
        return postgres_lost(p);
    return obey_cancel(p);
}

Err *postgres_idle(Postgres *p, int64_t ms) {
    struct pollfd fd = {.fd = PQsocket(p->conn), .events = POLLIN};
    poll(&fd, 1, ms < TICK_MS ? (int)ms : TICK_MS);
    if (fd.fd < 0 || !PQconsumeInput(p->conn) || PQstatus(p->conn) == CONNECTION_BAD)
        return postgres_lost(p);
    return NULL;
}

Err *postgres_result(Postgres *p, PGresult **out) {
    *out = NULL;
    while (PQisBusy(p->conn))
        TRY(postgres_wait(p));
    *out = PQgetResult(p->conn);
    return NULL;
}

// --- connecting
// -----------------------------------------------------------------------------------

static const char *param(const PostgresParams *params, const char *key) {
    for (size_t i = 0; i < params->keys.len; i++)
        if (cstr_eq(params->keys.items[i], key))
            return params->values.items[i];
    return "";
}

static Err *connect_error(Postgres *p) {
    static const struct {
        const char *part, *hint;
    } hints[] = {
        {"does not match host name", "connect by a name that the certificate holds, or check only "
                                     "its CA with sslmode=verify-ca"},
        {"received invalid response", "is this the port of a PostgreSQL server?"},
        {"expected authentication request", "is this the port of a PostgreSQL server?"},
        {"too many c", "wait until connections end, or raise the limit on the server"},
        {"does not support SSL", "turn TLS on in the server, or add sslmode=disable to the URL "
                                 "where the network is trusted"},
        {"certificate", "name the server's CA with sslrootcert=FILE in the URL"},
        {"authentication failed", "check user and password of the URL; special characters of a "
                                  "password are percent-encoded"},
        {"no password supplied", "write the password into the URL, or set PGPASSWORD"},
        {"does not exist", "create it first, or correct the URL"},
        {"could not translate host name", "check the host of the URL"},
        {"refused", "is the server running, and does it listen on this address?"},
    };
    AutoArena tmp = arena_new(NULL);
    const char *text = one_line(tmp, PQerrorMessage(p->conn));
    Err *e = err_new(E_DB, "%s", cstr_or(text, "cannot connect"));
    for (size_t i = 0; i < COUNT_OF(hints); i++)
        if (strstr(text, hints[i].part))
            return err_hint(e, "%s", hints[i].hint);
    return e;
}

// libpq's own connect_timeout is not for asynchronous connections. It holds for each host.
static int64_t connect_deadline(const Postgres *p, const PostgresParams *params) {
    uint64_t seconds = CONNECT_SECONDS;
    int64_t hosts = 1;
    for (const char *h = param(params, "host"); *h; h++)
        hosts += *h == ',';
    if (cstr_to_u64(param(params, "connect_timeout"), 1 << 20, &seconds) && seconds == 0)
        return INT64_MAX;
    return host_monotonic_ms(p->base.host) + (int64_t)seconds * 1000 * hosts;
}

static Err *finish_connecting(Postgres *p, int64_t deadline) {
    PostgresPollingStatusType state = PGRES_POLLING_WRITING;
    while (state != PGRES_POLLING_OK) {
        if (state == PGRES_POLLING_FAILED || PQstatus(p->conn) == CONNECTION_BAD)
            return connect_error(p);
        struct pollfd fd = {.fd = PQsocket(p->conn)};
        fd.events = state == PGRES_POLLING_READING ? POLLIN : POLLOUT;
        int ready = poll(&fd, 1, TICK_MS);
        if (db_cancelled(&p->base))
            return db_interrupted();
        if (ready > 0)
            state = PQconnectPoll(p->conn);
        else if (host_monotonic_ms(p->base.host) >= deadline)
            return err_hint(err_new(E_DB, "%s:%s: the server does not answer",
                                    cstr_or(PQhost(p->conn), ""), cstr_or(PQport(p->conn), "")),
                            "is this the port of a PostgreSQL server? Check host and port of the "
                            "URL, or raise connect_timeout");
    }
    return NULL;
}

static void on_notice(void *ctx, const char *message) {
    (void)ctx;
    AutoArena tmp = arena_new(NULL);
    log_debug("%s", one_line(tmp, message));
}

Err *postgres_connect(Postgres *p, const PostgresParams *params) {
    AutoArena tmp = arena_new(NULL);
    StrList keys = {0}, values = {0};
    for (size_t i = 0; i < params->keys.len; i++) {
        list_push(&keys, tmp, params->keys.items[i]);
        list_push(&values, tmp, params->values.items[i]);
    }
    list_push(&keys, tmp, NULL);
    list_push(&values, tmp, NULL);
    p->conn = PQconnectStartParams(keys.items, values.items, 0);
    if (!p->conn)
        return err_new(E_DB, "out of memory");
    TRY(finish_connecting(p, connect_deadline(p, params)));
    log_mask(cstr_or(PQpass(p->conn), ""));
    PQsetNoticeProcessor(p->conn, on_notice, NULL);
    PQsetnonblocking(p->conn, 1);
    p->cockroach = PQparameterStatus(p->conn, "crdb_version") != NULL;
    int version = PQserverVersion(p->conn);
    if (version < OLDEST_VERSION)
        return err_hint(err_new(E_UNSUPPORTED, "PostgreSQL %d.%d is too old", version / 10000,
                                version / 100 % 100),
                        "10 is the oldest version that is supported");
    return NULL;
}

// --- queries
// --------------------------------------------------------------------------------------

Err *postgres_send(Postgres *p, const PostgresQuery *query) {
    if (!PQsendQueryParams(p->conn, query->sql, query->arg_count, query->types, query->args, NULL,
                           NULL, 0))
        return postgres_lost(p);
    return NULL;
}

// The results of one query, up to the NULL behind them; *out is the first.
static Err *take_results(Postgres *p, PGresult **out) {
    for (;;) {
        PGresult *result = NULL;
        TRY(postgres_result(p, &result));
        if (!result)
            return NULL;
        if (*out)
            PQclear(result);
        else
            *out = result;
        if (PQstatus(p->conn) == CONNECTION_BAD)
            return NULL;
    }
}

static Err *take_sync(Postgres *p) {
    AutoResult sync = NULL;
    TRY(postgres_result(p, &sync));
    return PQresultStatus(sync) == PGRES_PIPELINE_SYNC ? NULL : postgres_lost(p);
}

Err *postgres_trip(Postgres *p, const PostgresQuery *queries, size_t count, PGresult **results) {
    for (size_t i = 0; i < count; i++)
        results[i] = NULL;
    // The first sync makes libpq forget the single-row mode of what ran before the pipeline.
    if (!PQenterPipelineMode(p->conn) || !PQpipelineSync(p->conn))
        return postgres_lost(p);
    for (size_t i = 0; i < count; i++) {
        TRY(postgres_send(p, &queries[i]));
        if (!PQpipelineSync(p->conn))
            return postgres_lost(p);
    }
    TRY(take_sync(p));
    for (size_t i = 0; i < count; i++) {
        TRY(take_results(p, &results[i]));
        TRY(take_sync(p));
    }
    PQexitPipelineMode(p->conn);
    return NULL;
}

Err *postgres_ask(Postgres *p, const PostgresQuery *query, PGresult **out) {
    *out = NULL;
    TRY(postgres_send(p, query));
    TRY(take_results(p, out));
    return postgres_check(p, *out, query->sql);
}

// Ends a COPY with the client, which no caller feeds.
static Err *refuse_copy(Postgres *p, ExecStatusType status) {
    char *row = NULL;
    if (status == PGRES_COPY_IN || status == PGRES_COPY_BOTH)
        PQputCopyEnd(p->conn, "COPY from the client is not possible here");
    while (status == PGRES_COPY_OUT) {
        int len = PQgetCopyData(p->conn, &row, 1);
        PQfreemem(row);
        row = NULL;
        if (len < 0)
            break;
        if (len == 0)
            TRY(postgres_wait(p));
    }
    return NULL;
}

Err *postgres_simple(Postgres *p, const char *sql) {
    Err *first = NULL;
    if (!PQsendQuery(p->conn, sql))
        return postgres_lost(p);
    PQsetSingleRowMode(p->conn); // rows are dropped
    for (;;) {
        AutoResult result = NULL;
        Err *e = postgres_result(p, &result);
        if (!e && !result)
            return first;
        if (!e)
            e = refuse_copy(p, PQresultStatus(result));
        if (e) { // the connection is gone
            err_free(first);
            return e;
        }
        if (!first)
            first = postgres_check(p, result, sql);
        if (PQstatus(p->conn) == CONNECTION_BAD)
            return first;
    }
}
