// Batches: packets of many statements, each followed by its row. The server runs a packet in order
// and stops at the first error; its results tell how far it came.
//
// A transaction is started only when something is to stand in it, and rows that a later one of the
// same transaction replaces are not written at all.
#include "mysql.h"

#include <mysqld_error.h>

#define PACKET_BYTES ((size_t)4 << 20)

// One command of a packet.
typedef struct Entry {
    size_t step;      // it belongs to
    size_t from, len; // its text in the packet
    bool completes;   // the step, and all before it
    bool many;        // several results, the last of them the marker's
    bool alone;       // all results of the packet
    bool waits;       // a kill shows in no error
    bool row;         // of the revisions table, outside transactions
    Str user;         // text of a user's statement
} Entry;

typedef struct Run {
    Maria *m;
    const DbStep *steps;
    size_t count;
    const DbRunOptions *options;
    size_t *done;
    const char *table;
    Arena *mem, *rows_mem;
    Buf sql;
    LIST(Entry) entries;
    // Rows of the open transaction that are not written yet: the last REVISION, if any, and the
    // ADVANCEs behind it.
    const DbRevision *base, *last;
    StrList hashes;
    size_t last_step;
    bool pair;           // a transaction around one statement and its row
    bool answered_error; // the error is the server's, *done says where
} Run;

// --- packets -------------------------------------------------------------------------------------

static void complete_to(Run *r, size_t end) {
    for (; *r->done < end; (*r->done)++)
        if (r->options && r->options->done)
            r->options->done(r->options->ctx, &r->steps[*r->done]);
}

static bool is_marker(const Run *r, MYSQL_RES *result) {
    return mysql_num_fields(result) == 1 &&
           cstr_eq(mysql_fetch_field_direct(result, 0)->name, r->m->marker);
}

// Reads the current result; true if it ends the entry.
static bool take_result(Run *r, const Entry *entry) {
    MYSQL_RES *result = mysql_use_result(r->m->handle);
    if (!result)
        return !entry->many;
    bool ends = !entry->many || is_marker(r, result);
    while (maria_fetch(r->m, result))
        ;
    bool failed = mysql_errno(r->m->handle) != 0;
    maria_free(r->m, result);
    return ends && !failed;
}

// "... near 'SELEC 1;\nUPDATE ...' at line 1": what is behind the statement is none of the user's.
static Err *statement_error(Run *r, const Entry *entry) {
    Err *e = maria_error(r->m);
    const char *text = err_message(e), *near = strstr(text, " near '"), *end = NULL;
    for (const char *p = near; p && (p = strstr(p + 1, "' at line "));)
        end = p;
    if (!end || mysql_errno(r->m->handle) != ER_PARSE_ERROR)
        return e;
    near += strlen(" near '");
    Str rest = str_slice(near, (size_t)(end - near)), user = entry->user;
    if (memmem(user.ptr, user.len, rest.ptr, rest.len))
        return e;
    size_t keep = rest.len < user.len ? rest.len : user.len;
    while (keep > 0 && memcmp(user.ptr + user.len - keep, rest.ptr, keep) != 0)
        keep--;
    AutoArena tmp = arena_new(NULL);
    Err *cut = err_new(err_code(e), "%.*s%s", (int)(near - text) + (int)keep, text,
                       arena_strdup(tmp, end));
    err_free(e);
    return cut;
}

// A row that a cancel kept from being written is written all the same: what was done is recorded.
static Err *interrupted_row(Run *r, const Entry *entry, Err *e) {
    Maria *m = r->m;
    if (err_code(e) != E_STATE || !entry->row || m->dead)
        return e;
    m->uncancellable = true;
    bool written = maria_send(m, r->sql.ptr + entry->from, entry->len) == 0;
    if (written)
        maria_drain(m);
    m->uncancellable = false;
    if (written && entry->completes)
        complete_to(r, entry->step + 1);
    return e;
}

static Err *failed(Run *r, const Entry *entry) {
    complete_to(r, entry->step);
    Err *e = entry->user.len > 0 ? statement_error(r, entry) : maria_error(r->m);
    return interrupted_row(r, entry, e);
}

static Err *fewer_answers(Run *r, const Entry *entry) {
    complete_to(r, entry->step);
    return err_new(E_DB, "the server answered fewer statements than it was sent");
}

static Err *read_packet(Run *r) {
    Maria *m = r->m;
    int more = maria_send(m, r->sql.ptr, r->sql.len);
    bool first = true;
    for (size_t i = 0; i < r->entries.len; i++) {
        const Entry *entry = &r->entries.items[i];
        for (bool ended = false; !ended; first = false) {
            more = first ? more : maria_next(m);
            if (more == 0)
                ended = take_result(r, entry) && !entry->alone;
            if (more > 0 || mysql_errno(m->handle) != 0)
                return failed(r, entry);
            if (more < 0 && !entry->alone)
                return fewer_answers(r, entry);
            ended = ended || more < 0;
        }
        if (entry->waits && m->first_kill_ms) {
            complete_to(r, entry->step);
            return db_interrupted();
        }
        if (entry->completes)
            complete_to(r, entry->step + 1);
    }
    return NULL;
}

// Not begun: only a row of what was done before is still written.
static Err *cancelled(Run *r) {
    const Entry *entry = &r->entries.items[0];
    complete_to(r, entry->step);
    return interrupted_row(r, entry, db_interrupted());
}

static Err *flush(Run *r) {
    if (r->entries.len == 0)
        return NULL;
    TRY(buf_check(&r->sql, "a packet of statements"));
    Err *e = db_cancelled(&r->m->base) ? cancelled(r) : read_packet(r);
    r->answered_error = e != NULL;
    r->entries.len = 0;
    buf_clear(&r->sql);
    return e;
}

static Err *make_room(Run *r, size_t len) {
    size_t max = r->m->packet_max < PACKET_BYTES ? r->m->packet_max : PACKET_BYTES;
    return r->sql.len > 0 && r->sql.len + len + 256 > max ? flush(r) : NULL;
}

static Entry *add_entry(Run *r, size_t step, const char *sql, size_t len) {
    Entry entry = {.step = step, .len = len};
    if (r->sql.len > 0)
        buf_str(&r->sql, ";\n");
    entry.from = r->sql.len;
    buf_add(&r->sql, sql, len);
    list_push(&r->entries, r->mem, entry);
    return &list_last(&r->entries);
}

static Err *add(Run *r, size_t step, const char *sql) {
    TRY(make_room(r, strlen(sql)));
    (void)add_entry(r, step, sql, strlen(sql));
    return NULL;
}

// --- rows ----------------------------------------------------------------------------------------

static Err *add_row(Run *r, size_t step, const Buf *sql, bool transaction) {
    TRY(buf_check(sql, "a row of the revisions table"));
    TRY(maria_check_size(r->m, sql->len));
    TRY(make_room(r, sql->len));
    add_entry(r, step, sql->ptr, sql->len)->row = !transaction;
    return NULL;
}

static Err *begin_transaction(Run *r, size_t step) {
    if (r->m->began)
        return NULL;
    r->m->began = true;
    return add(r, step, "START TRANSACTION");
}

static void forget_rows(Run *r) {
    r->base = r->last = NULL;
    r->hashes = (StrList){0};
    arena_clear(r->rows_mem);
}

// Writes what is pending. Alone, in front of a statement that commits by itself, one row needs no
// transaction.
static Err *write_rows(Run *r, bool may_stand_alone) {
    Maria *m = r->m;
    AutoArena tmp = arena_new(NULL);
    Buf b;
    if (!r->last)
        return NULL;
    bool both = r->base && r->base != r->last;
    if (m->in_batch && (both || !may_stand_alone))
        TRY(begin_transaction(r, r->last_step));
    buf_init(&b, tmp, BUF_MAX_TEXT);
    if (r->base) {
        maria_add_upsert(&b, r->table, r->base, m->clock);
        TRY(add_row(r, r->last_step, &b, m->began || r->pair));
    }
    buf_clear(&b);
    if (!r->base || both) {
        maria_add_advance(&b, r->table, r->last, &r->hashes, m->clock);
        TRY(add_row(r, r->last_step, &b, m->began || r->pair));
    }
    forget_rows(r);
    return NULL;
}

static void note_row(Run *r, size_t i) {
    const DbStep *step = &r->steps[i];
    const DbRevision *row = step->revision;
    if (step->kind == DB_STEP_REVISION) {
        forget_rows(r);
        r->base = row;
    } else if (row->partial_hashes) {
        list_push(&r->hashes, r->rows_mem, row->partial_hashes);
    }
    r->last = row;
    r->last_step = i;
}

static bool is_same_file(const Run *r, const DbStep *step) {
    return !r->last || cstr_eq(r->last->version, step->revision->version);
}

static void complete_here(Run *r, size_t i) {
    if (r->entries.len > 0 && list_last(&r->entries).step == i)
        list_last(&r->entries).completes = true;
}

static Err *commit(Run *r, size_t step) {
    if (!r->m->began)
        return NULL;
    r->m->began = false;
    return add(r, step, "COMMIT");
}

static Err *run_row(Run *r, size_t i) {
    Maria *m = r->m;
    if (!is_same_file(r, &r->steps[i]))
        TRY(write_rows(r, false));
    note_row(r, i);
    if (m->in_batch && !m->committed)
        return NULL;
    m->committed = false;
    TRY(write_rows(r, true));
    bool pair = r->pair;
    r->pair = false;
    if (pair || (m->autocommit_off && !m->user_open))
        TRY(add(r, i, "COMMIT"));
    complete_here(r, i);
    return NULL;
}

static Err *run_forget(Run *r, size_t i) {
    AutoArena tmp = arena_new(NULL);
    Buf b;
    TRY(write_rows(r, false));
    if (r->m->in_batch)
        TRY(begin_transaction(r, i));
    buf_init(&b, tmp, BUF_MAX_TEXT);
    maria_add_forget(&b, r->table, r->steps[i].revision->version);
    TRY(add_row(r, i, &b, r->m->in_batch));
    complete_here(r, i);
    return NULL;
}

// --- statements ----------------------------------------------------------------------------------

static Err *refuse_transaction_control(void) {
    return err_hint(err_new(E_INVALID, "the statement controls the transaction its file runs in"),
                    "remove BEGIN and COMMIT from the file, or put `-- atlas:txmode none` and a "
                    "blank line at its top");
}

static Err *add_statement(Run *r, size_t i, const MariaStmt *s) {
    Str sql = str_slice(r->steps[i].sql.ptr, s->len);
    bool mark = s->many && !s->alone;
    TRY(maria_check_size(r->m, sql.len + (mark ? 64 : 0)));
    if (s->alone)
        TRY(flush(r));
    TRY(make_room(r, sql.len));
    Entry *entry = add_entry(r, i, sql.ptr, sql.len);
    entry->user = sql;
    entry->many = mark;
    entry->alone = s->alone;
    entry->waits = s->waits;
    entry->completes = true;
    if (s->alone)
        return flush(r);
    if (mark) {
        buf_printf(&r->sql, ";\nSELECT 1 AS `%s`", r->m->marker);
        entry->len = r->sql.len - entry->from;
    }
    return NULL;
}

static bool in_transaction(const Maria *m) {
    return m->handle->server_status & SERVER_STATUS_IN_TRANS;
}

// Outside our transactions: what the statement leaves of a user's own.
static Err *note_transaction(Run *r, const MariaStmt *s) {
    Maria *m = r->m;
    if (s->autocommit)
        m->autocommit_off = s->opens;
    bool may_end = m->user_open && !s->atomic, may_open = m->autocommit_off && !m->user_open;
    if (s->uncertain || (!s->control && (may_end || may_open))) {
        TRY(flush(r));
        m->user_open = in_transaction(m);
    } else if (s->control) {
        m->user_open = s->opens && !s->autocommit;
    }
    return NULL;
}

// Between BEGIN and COMMIT. One that commits by itself stands between two transactions.
static Err *run_inside(Run *r, size_t i, const MariaStmt *s) {
    if (s->control)
        return refuse_transaction_control();
    if (s->atomic) {
        r->m->committed = false;
        TRY(begin_transaction(r, i));
        return add_statement(r, i, s);
    }
    TRY(write_rows(r, true));
    TRY(commit(r, r->last_step < i ? r->last_step : i));
    r->m->committed = true;
    TRY(add_statement(r, i, s));
    return s->locks ? add(r, i, "UNLOCK TABLES") : NULL;
}

static bool is_row(const DbStep *step) {
    return step->kind == DB_STEP_REVISION || step->kind == DB_STEP_ADVANCE;
}

static Err *run_outside(Run *r, size_t i, const MariaStmt *s) {
    Maria *m = r->m;
    r->pair = i + 1 < r->count && is_row(&r->steps[i + 1]) && s->atomic && !m->user_open &&
              !m->autocommit_off;
    if (r->pair)
        TRY(add(r, i, "START TRANSACTION"));
    TRY(add_statement(r, i, s));
    if (s->locks)
        TRY(add(r, i, "UNLOCK TABLES"));
    return r->pair ? NULL : note_transaction(r, s);
}

static Err *run_statement(Run *r, size_t i) {
    MariaStmt s = maria_classify(r->steps[i].sql);
    if (s.empty)
        return NULL;
    r->m->used = r->m->used || maria_is_use(r->steps[i].sql);
    return r->m->in_batch ? run_inside(r, i, &s) : run_outside(r, i, &s);
}

// --- steps ---------------------------------------------------------------------------------------

static Err *start_file(Run *r, size_t i) {
    Maria *m = r->m;
    m->clock = true;
    if (m->autocommit_off && !m->in_batch && !m->user_open)
        TRY(add(r, i, "SET autocommit = 1"));
    m->autocommit_off = m->autocommit_off && (m->in_batch || m->user_open);
    TRY(add(r, i, "SET @atlas_start = UNIX_TIMESTAMP(SYSDATE(6))"));
    complete_here(r, i);
    return NULL;
}

// The schema that the next file finds, whether it runs now or tomorrow.
static Err *leave_schema(Run *r, size_t i) {
    AutoArena tmp = arena_new(NULL);
    bool leave = r->m->used && *r->m->base.schema;
    r->m->used = false;
    return leave ? add(r, i, arena_printf(tmp, "USE %s", maria_ident(tmp, r->m->base.schema)))
                 : NULL;
}

static Err *end_file(Run *r, size_t i) {
    Maria *m = r->m;
    m->clock = false;
    TRY(leave_schema(r, i));
    if (m->in_batch || !m->user_open)
        return NULL;
    TRY(flush(r));
    m->user_open = in_transaction(m);
    if (!m->user_open)
        return NULL;
    return err_hint(err_new(E_INVALID, "the file leaves a transaction open"),
                    "end it with COMMIT, or remove its BEGIN and the txmode directive");
}

static Err *run_commit(Run *r, size_t i) {
    TRY(write_rows(r, true));
    TRY(commit(r, i));
    complete_here(r, i);
    r->m->in_batch = false;
    return NULL;
}

static Err *run_step(Run *r, size_t i) {
    switch (r->steps[i].kind) {
    case DB_STEP_BEGIN:
        if (r->m->in_batch || r->m->user_open)
            return err_new(E_INVALID, "a transaction is open already");
        r->m->in_batch = true;
        return NULL;
    case DB_STEP_COMMIT:
        return run_commit(r, i);
    case DB_STEP_FILE:
        return start_file(r, i);
    case DB_STEP_FILE_END:
        return end_file(r, i);
    case DB_STEP_STATEMENT:
        return run_statement(r, i);
    case DB_STEP_REVISION:
    case DB_STEP_ADVANCE:
        return run_row(r, i);
    case DB_STEP_FORGET:
        return run_forget(r, i);
    }
    BUG("step kind %d", (int)r->steps[i].kind);
}

// An error of ours, not of the server: what came before is run first.
static Err *stop_at(Run *r, size_t i, Err *e) {
    if (r->answered_error)
        return e;
    Err *earlier = flush(r);
    if (earlier) {
        err_free(e);
        return earlier;
    }
    complete_to(r, i);
    return e;
}

Err *maria_run(Db *db, const DbStep *steps, size_t count, const DbRunOptions *options,
               size_t *done) {
    AutoArena tmp = arena_new(NULL);
    Maria *m = maria_of(db);
    Run r = {.m = m, .steps = steps, .count = count, .options = options, .done = done, .mem = tmp};
    r.rows_mem = arena_new(tmp);
    r.table = maria_table(m, options ? cstr_or(options->schema, "") : "", tmp);
    buf_init(&r.sql, tmp, (size_t)1 << 31);
    TRY(maria_check_size(m, 0));
    for (size_t i = 0; i < count; i++) {
        Err *e = run_step(&r, i);
        if (e)
            return stop_at(&r, i, e);
    }
    TRY(write_rows(&r, false));
    TRY(flush(&r));
    complete_to(&r, count);
    return NULL;
}

Err *maria_rollback(Db *db) {
    Maria *m = maria_of(db);
    m->in_batch = m->began = m->committed = m->clock = m->user_open = false;
    if (m->dead)
        return NULL; // the server did it
    m->uncancellable = true;
    Err *e = maria_exec(db, m->autocommit_off ? "ROLLBACK;\nSET autocommit = 1" : "ROLLBACK");
    m->uncancellable = false;
    m->autocommit_off = false;
    return e ? err_wrap(e, "rolling back") : NULL;
}
