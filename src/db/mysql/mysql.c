#include "mysql.h"

#include <errmsg.h>
#include <errno.h>
#include <mysqld_error.h>
#include <poll.h>
#include <sys/socket.h>

#include "atlas/sql.h"

enum {
    TICK_MS = 100,       // how late a cancel may be seen when its signal came too early
    KILL_AGAIN_MS = 500, // a killed SLEEP() ends without an error: what follows runs on
    GIVE_UP_MS = 15000,  // after a cancel the connection is cut if nothing else helps
};

// --- cancel --------------------------------------------------------------------------------------

static void kill_query(Maria *m) {
    AutoArena tmp = arena_new(NULL);
    Db base = m->base;
    static const volatile sig_atomic_t never = 0;
    Maria second = {.base = base, .mem = tmp, .config = m->config, .uncancellable = true};
    second.base.cancel = &never;
    second.config.connect_timeout = 5 * DURATION_S;
    second.config.settings.len = 0;
    second.config.database = NULL;
    AutoErr e = maria_connect(&second);
    if (!e) {
        const char *sql = arena_printf(tmp, "KILL QUERY %lu", m->id);
        (void)maria_send(&second, sql, strlen(sql));
    }
    if (second.handle)
        mysql_close(second.handle);
}

// The running call is told to end, again and again, and at last cut off.
static void obey_cancel(Maria *m) {
    int64_t now = host_monotonic_ms(m->base.host);
    if (m->uncancellable || !db_cancelled(&m->base) || now - m->killed_ms < KILL_AGAIN_MS)
        return;
    if (m->first_kill_ms == 0)
        m->first_kill_ms = now;
    if (m->id == 0 || now - m->first_kill_ms > GIVE_UP_MS)
        shutdown(mysql_get_socket(m->handle), SHUT_RDWR);
    else
        kill_query(m);
    m->killed_ms = host_monotonic_ms(m->base.host);
}

// Waits for what the library waits for (MYSQL_WAIT_*), and returns what happened of it.
static int wait_on(Maria *m, int status) {
    struct pollfd p = {.fd = mysql_get_socket(m->handle)};
    p.events = (short)((status & MYSQL_WAIT_READ ? POLLIN : 0) |
                       (status & MYSQL_WAIT_WRITE ? POLLOUT : 0) |
                       (status & MYSQL_WAIT_EXCEPT ? POLLPRI : 0));
    int64_t limit =
        status & MYSQL_WAIT_TIMEOUT ? (int64_t)mysql_get_timeout_value_ms(m->handle) : -1;
    int64_t start = host_monotonic_ms(m->base.host);
    for (;;) {
        int n = poll(&p, 1, TICK_MS);
        if (n > 0)
            return (p.revents & (POLLIN | POLLHUP | POLLERR) ? status & MYSQL_WAIT_READ : 0) |
                   (p.revents & (POLLOUT | POLLHUP | POLLERR) ? status & MYSQL_WAIT_WRITE : 0) |
                   (p.revents & POLLPRI ? status & MYSQL_WAIT_EXCEPT : 0);
        if (limit >= 0 && host_monotonic_ms(m->base.host) - start >= limit)
            return MYSQL_WAIT_TIMEOUT;
        obey_cancel(m);
    }
}

// Drives a non-blocking call of the library to its end.
#define COMPLETE(m, start, cont)                                                                   \
    do {                                                                                           \
        int wait_status = (start);                                                                 \
        while (wait_status) {                                                                      \
            int ready = wait_on((m), wait_status);                                                 \
            wait_status = (cont);                                                                  \
        }                                                                                          \
    } while (0)

bool maria_real_connect(Maria *m) {
    const MariaConfig *c = &m->config;
    MYSQL *ret = NULL;
    COMPLETE(m,
             mysql_real_connect_start(&ret, m->handle, c->host, c->user, c->password, c->database,
                                      c->port, c->socket, CLIENT_MULTI_STATEMENTS),
             mysql_real_connect_cont(&ret, m->handle, ready));
    return ret != NULL;
}

int maria_send(Maria *m, const char *sql, size_t len) {
    int ret = 1;
    m->killed_ms = m->first_kill_ms = 0;
    COMPLETE(m, mysql_real_query_start(&ret, m->handle, sql, len),
             mysql_real_query_cont(&ret, m->handle, ready));
    return ret;
}

int maria_next(Maria *m) {
    int ret = 1;
    if (!mysql_more_results(m->handle))
        return -1;
    COMPLETE(m, mysql_next_result_start(&ret, m->handle),
             mysql_next_result_cont(&ret, m->handle, ready));
    return ret;
}

MYSQL_ROW maria_fetch(Maria *m, MYSQL_RES *result) {
    MYSQL_ROW row = NULL;
    COMPLETE(m, mysql_fetch_row_start(&row, result), mysql_fetch_row_cont(&row, result, ready));
    return row;
}

void maria_free(Maria *m, MYSQL_RES *result) {
    COMPLETE(m, mysql_free_result_start(result), mysql_free_result_cont(result, ready));
}

void maria_drain(Maria *m) {
    do {
        MYSQL_RES *result = mysql_use_result(m->handle);
        if (result)
            maria_free(m, result);
    } while (maria_next(m) == 0);
}

// --- errors --------------------------------------------------------------------------------------

Err *maria_error(Maria *m) {
    unsigned code = mysql_errno(m->handle);
    bool lost = code == CR_SERVER_LOST || code == CR_SERVER_GONE_ERROR;
    m->dead = m->dead || lost;
    if (db_cancelled(&m->base) && !m->uncancellable &&
        (lost || code == ER_QUERY_INTERRUPTED || code == CR_CONNECTION_ERROR))
        return db_interrupted();
    Err *e =
        err_new(E_DB, "Error %u (%s): %s", code, mysql_sqlstate(m->handle), mysql_error(m->handle));
    return lost ? err_hint(e, "the connection was lost: check the server, then run again; the next "
                              "run goes on where this one ended")
                : e;
}

static Err *dead_connection(void) {
    return err_hint(err_new(E_DB, "the connection to the database was lost before"),
                    "check the server, then run again");
}

static Err *too_large(size_t len, size_t max) {
    return err_hint(err_new(E_TOO_LARGE,
                            "a statement of %zu bytes; the server takes %zu (max_allowed_packet)",
                            len, max),
                    "split the statement, or raise max_allowed_packet on the server");
}

Err *maria_check_size(Maria *m, size_t len) {
    if (m->packet_max == 0) {
        AutoArena tmp = arena_new(NULL);
        MariaResults r = {0};
        TRY(maria_packet(m, "SELECT @@max_allowed_packet", &r, tmp));
        uint64_t max = 0;
        (void)cstr_to_u64(r.len > 0 ? db_cell(&r.items[0], 0, 0) : "", UINT32_MAX, &max);
        m->packet_max = max > 1024 ? (size_t)max : 1024;
    }
    return len + 1 < m->packet_max ? NULL : too_large(len, m->packet_max);
}

// --- results -------------------------------------------------------------------------------------

static DbKind kind_of(const MYSQL_FIELD *f) {
    enum { BINARY = 63 };
    switch (f->type) {
    case MYSQL_TYPE_TINY:
    case MYSQL_TYPE_SHORT:
    case MYSQL_TYPE_INT24:
    case MYSQL_TYPE_LONG:
    case MYSQL_TYPE_LONGLONG:
    case MYSQL_TYPE_YEAR:
        return DB_INT;
    case MYSQL_TYPE_FLOAT:
    case MYSQL_TYPE_DOUBLE:
    case MYSQL_TYPE_DECIMAL:
    case MYSQL_TYPE_NEWDECIMAL:
        return DB_REAL;
    case MYSQL_TYPE_TINY_BLOB:
    case MYSQL_TYPE_MEDIUM_BLOB:
    case MYSQL_TYPE_LONG_BLOB:
    case MYSQL_TYPE_BLOB:
    case MYSQL_TYPE_STRING:
    case MYSQL_TYPE_VAR_STRING:
    case MYSQL_TYPE_VARCHAR:
        return f->charsetnr == BINARY ? DB_BLOB : DB_TEXT;
    default:
        return f->type == MYSQL_TYPE_BIT ? DB_BLOB : DB_TEXT;
    }
}

static DbValue read_value(const MYSQL_FIELD *field, const char *data, size_t len, Arena *mem) {
    DbValue v = {.kind = kind_of(field)};
    if (!data)
        return (DbValue){.kind = DB_NULL};
    v.text = str_slice(arena_strndup(mem, data, len), len);
    if (v.kind == DB_INT && !cstr_to_i64(v.text.ptr, &v.integer))
        v.kind = DB_REAL; // beyond 64 signed bits
    if (v.kind == DB_REAL)
        v.real = strtod(v.text.ptr, NULL);
    return v;
}

// The current result; nothing if it has no columns.
static Err *read_rows(Maria *m, MYSQL_RES *result, DbRows *out, Arena *mem) {
    unsigned columns = mysql_num_fields(result);
    const MYSQL_FIELD *fields = mysql_fetch_fields(result);
    for (unsigned i = 0; i < columns; i++)
        list_push(&out->columns, mem, arena_strndup(mem, fields[i].name, fields[i].name_length));
    for (MYSQL_ROW row; (row = maria_fetch(m, result));) {
        const unsigned long *lengths = mysql_fetch_lengths(result);
        DbValue *values = NEW_ARRAY(mem, DbValue, columns);
        for (unsigned i = 0; i < columns; i++)
            values[i] = read_value(&fields[i], row[i], lengths[i], mem);
        list_push(&out->rows, mem, values);
    }
    Err *e = mysql_errno(m->handle) ? maria_error(m) : NULL;
    maria_free(m, result);
    return e;
}

// A killed SLEEP() of MySQL ends without an error.
static Err *end_of_call(Maria *m) {
    if (mysql_errno(m->handle))
        return maria_error(m);
    return m->first_kill_ms ? db_interrupted() : NULL;
}

static Err *read_results(Maria *m, MariaResults *out, Arena *mem) {
    for (int more = 0; more == 0; more = maria_next(m)) {
        MYSQL_RES *result = mysql_use_result(m->handle);
        if (!result)
            continue;
        DbRows rows = {0};
        TRY(read_rows(m, result, &rows, mem));
        list_push(out, mem, rows);
    }
    return end_of_call(m);
}

static Err *run_text(Maria *m, const char *sql, size_t len, MariaResults *out, Arena *mem) {
    if (m->dead)
        return dead_connection();
    if (maria_send(m, sql, len) != 0)
        return maria_error(m);
    return read_results(m, out, mem);
}

Err *maria_packet(Maria *m, const char *sql, MariaResults *out, Arena *mem) {
    return run_text(m, sql, strlen(sql), out, mem);
}

Err *maria_exec(Db *db, const char *sql) {
    Maria *m = maria_of(db);
    if (m->dead)
        return dead_connection();
    if (maria_classify(str_from(sql)).empty)
        return NULL;
    TRY(maria_check_size(m, strlen(sql)));
    if (maria_send(m, sql, strlen(sql)) != 0)
        return maria_error(m);
    maria_drain(m);
    return end_of_call(m);
}

static void add_value(Buf *b, const DbValue *v) {
    switch (v->kind) {
    case DB_INT:
        buf_printf(b, "%lld", (long long)v->integer);
        return;
    case DB_REAL:
        buf_printf(b, "%.17g", v->real);
        return;
    case DB_TEXT:
        maria_literal(b, v->text);
        return;
    case DB_BLOB:
        buf_str(b, "x'");
        for (size_t i = 0; i < v->text.len; i++)
            buf_printf(b, "%02x", (unsigned char)v->text.ptr[i]);
        buf_char(b, '\'');
        return;
    case DB_NULL:
        buf_str(b, "NULL");
        return;
    }
}

// Puts literals for the question marks.
static Err *bind_args(Buf *b, const char *sql, const DbValue *args, size_t count) {
    MariaLexer l = {.p = sql, .end = sql + strlen(sql)};
    const char *from = sql;
    size_t used = 0;
    for (MariaToken t = maria_token(&l); t.kind != MARIA_END; t = maria_token(&l)) {
        if (!maria_is_symbol(&t, '?'))
            continue;
        if (used == count)
            return err_new(E_INTERNAL, "a query with more parameters than %zu", count);
        buf_add(b, from, (size_t)(t.ptr - from));
        add_value(b, &args[used++]);
        from = t.ptr + 1;
    }
    buf_str(b, from);
    return buf_check(b, "a query");
}

Err *maria_query(Db *db, DbRows *out, const char *sql, const DbValue *args, size_t count,
                 Arena *mem) {
    AutoArena tmp = arena_new(NULL);
    Maria *m = maria_of(db);
    MariaResults results = {0};
    *out = (DbRows){0};
    Buf b;
    buf_init(&b, tmp, BUF_MAX_TEXT);
    if (count > 0)
        TRY(bind_args(&b, sql, args, count));
    else
        buf_str(&b, sql);
    TRY(maria_check_size(m, b.len));
    TRY(run_text(m, b.ptr, b.len, &results, mem));
    if (results.len > 0)
        *out = results.items[0];
    return NULL;
}

static Err *ping(Db *db) {
    return maria_exec(db, "DO 0");
}

// --- drivers -------------------------------------------------------------------------------------

static const char *const mysql_schemes[] = {"mysql", "mysql+unix", NULL};
static const char *const mariadb_schemes[] = {"mariadb", "mariadb+unix", "maria", "maria+unix",
                                              NULL};

#define DRIVER(driver_name, driver_schemes)                                                        \
    {                                                                                              \
        .name = driver_name, .schemes = driver_schemes, .scan_options = SQL_MYSQL,                 \
        .transactional_ddl = false, .open = maria_open, .close = maria_close, .ping = ping,        \
        .exec = maria_exec, .query = maria_query, .is_atomic = maria_is_atomic,                    \
        .sets_session = maria_sets_session, .run = maria_run,                                      \
        .rollback = maria_rollback, .state_read = maria_state_read,                                \
        .lock_and_read = maria_lock_and_read, .revisions_prepare = maria_revisions_prepare,        \
        .target_id_insert = maria_target_id_insert, .lock = maria_lock, .unlock = maria_unlock,    \
        .flight = maria_flight, .check_empty = maria_check_empty, .wipe = maria_wipe,              \
    }

const DbDriver db_mysql = DRIVER("mysql", mysql_schemes);
const DbDriver db_mariadb = DRIVER("mariadb", mariadb_schemes);
