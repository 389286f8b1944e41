// One suite over every database driver: test_db [sqlite|postgres|mariadb|mysql]..., all of them if
// none is named. SQLite makes its own files; the others get the URL of a scratch database, whose
// content is dropped, from ATLAS_TEST_POSTGRES, ATLAS_TEST_MARIADB, ATLAS_TEST_MYSQL. A driver that
// has no URL fails.
#include "test.h"

#include "atlas/db.h"

typedef struct Flavor {
    const char *name;
    const char *variable;    // NULL: needs none
    const char *add;         // "SELECT a + b" with two arguments
    const char *sleep;       // a statement that takes long, NULL if there is none
    bool waits;              // waiters for a lock are other sessions of one server
    const char *lock_holder; // what a refused lock says
} Flavor;

static const Flavor flavors[] = {
    {"sqlite", NULL, "SELECT ? + ?", NULL, false, "is held by process "},
    {"postgres", "ATLAS_TEST_POSTGRES", "SELECT $1::bigint + $2::bigint", "SELECT pg_sleep(60)",
     true, "is held by process "},
    {"mariadb", "ATLAS_TEST_MARIADB", "SELECT ? + ?", "SELECT SLEEP(60)", true, "is held by "},
    {"mysql", "ATLAS_TEST_MYSQL", "SELECT ? + ?", "SELECT SLEEP(60)", true, "is held by "},
};

static const Flavor *flavor;

typedef struct Fixture {
    Arena *mem;
    const char *url;
    Db *db;
} Fixture;

static Db *open_another(const Fixture *f, const DbOptions *options) {
    Db *db = NULL;
    assert_ok(db_open(&db, f->url, options, f->mem));
    return db;
}

static void open_fixture(Fixture *f) {
    f->mem = arena_new(NULL);
    f->url = flavor->variable ? host_env(&host_system, flavor->variable)
                              : arena_printf(f->mem, "sqlite://%s/app.db", test_dir(f->mem));
    f->db = open_another(f, NULL);
    assert_ok(db_wipe(f->db));
}

static const char *ask(const Fixture *f, const char *sql) {
    DbRows rows = {0};
    assert_ok(db_query(f->db, &rows, sql, NULL, 0, f->mem));
    return db_cell(&rows, 0, 0);
}

static DbState state_of(const Fixture *f) {
    DbState state = {0};
    assert_ok(db_state_read(f->db, NULL, &state, f->mem));
    return state;
}

// --- steps
// ----------------------------------------------------------------------------------------

static DbStep stmt(const char *sql) {
    return (DbStep){.kind = DB_STEP_STATEMENT, .sql = str_from(sql)};
}

static DbStep step(DbStepKind kind) {
    return (DbStep){.kind = kind};
}

static DbRevision *revision(const Fixture *f, const char *version, int64_t applied, int64_t total) {
    DbRevision *r = NEW(f->mem, DbRevision);
    *r = (DbRevision){.version = version,
                      .description = "d",
                      .type = DB_REVISION_EXECUTE,
                      .applied = applied,
                      .total = total,
                      .error = "",
                      .error_stmt = "",
                      .hash = "abc=",
                      .operator_version = "test"};
    return r;
}

static DbStep row(DbStepKind kind, DbRevision *r) {
    return (DbStep){.kind = kind, .revision = r};
}

static Err *run(const Fixture *f, const DbStep *steps, size_t count, size_t *done) {
    return db_run(f->db, steps, count, NULL, done);
}

#define RUN_OK(f, steps)                                                                           \
    do {                                                                                           \
        size_t run_done = 0;                                                                       \
        assert_ok(run((f), (steps), COUNT_OF(steps), &run_done));                                  \
        assert_int_equal(run_done, COUNT_OF(steps));                                               \
    } while (0)

// --- connections and queries
// ----------------------------------------------------------------------

static void identity(void **unused) {
    (void)unused;
    Fixture f;
    open_fixture(&f);
    assert_true(cstr_eq(db_driver_name(f.db), flavor->name) ||
                (cstr_eq(flavor->name, "mariadb") && cstr_eq(db_driver_name(f.db), "mysql")));
    assert_ok(db_ping(f.db));
    db_close(f.db);
    db_close(f.db);
    assert_err(db_ping(f.db), E_INTERNAL, "the database connection is closed");
    arena_free(f.mem);
}

static void queries(void **unused) {
    (void)unused;
    Fixture f;
    open_fixture(&f);
    DbRows rows = {0};
    const DbValue args[] = {db_int(40), db_int(2)};
    assert_ok(db_query(f.db, &rows, flavor->add, args, 2, f.mem));
    assert_string_equal(db_cell(&rows, 0, 0), "42");
    assert_ok(db_exec(f.db, "CREATE TABLE t (id integer, name varchar(20), x double precision);"
                            "INSERT INTO t VALUES (7, 'it''s', 1.5), (8, NULL, NULL)"));
    assert_ok(db_query(f.db, &rows, "SELECT id, name, x FROM t ORDER BY id", NULL, 0, f.mem));
    assert_int_equal(rows.columns.len, 3);
    assert_string_equal(rows.columns.items[1], "name");
    assert_int_equal(rows.rows.len, 2);
    const DbValue *first = rows.rows.items[0], *second = rows.rows.items[1];
    assert_int_equal(first[0].kind, DB_INT);
    assert_int_equal(first[0].integer, 7);
    assert_int_equal(first[1].kind, DB_TEXT);
    assert_string_equal(first[1].text.ptr, "it's");
    assert_int_equal(first[2].kind, DB_REAL);
    assert_true(first[2].real > 1.4 && first[2].real < 1.6);
    assert_int_equal(second[1].kind, DB_NULL);
    assert_string_equal(db_cell(&rows, 1, 1), "");
    assert_string_equal(db_cell(&rows, 9, 9), "");
    assert_err(db_exec(f.db, "SELECT 1; BAD"), E_DB, "BAD");
    assert_err(db_query(f.db, &rows, "SELECT nothing FROM nowhere", NULL, 0, f.mem), E_DB, "no");
    assert_ok(db_ping(f.db));
    arena_free(f.mem);
}

// --- revisions
// ------------------------------------------------------------------------------------

static void empty_database(void **unused) {
    (void)unused;
    Fixture f;
    open_fixture(&f);
    DbState s = state_of(&f);
    assert_false(s.has_table);
    assert_int_equal(s.revisions.len, 0);
    assert_null(s.dirty);
    assert_null(s.other_schema);
    assert_string_equal(s.target_id, "");
    assert_ok(db_revisions_prepare(f.db, NULL));
    s = state_of(&f);
    assert_true(s.has_table && s.layout_ok);
    assert_null(s.dirty); // the revisions table aside
    assert_ok(db_revisions_prepare(f.db, NULL));
    arena_free(f.mem);
}

static void dirty_database(void **unused) {
    (void)unused;
    Fixture f;
    open_fixture(&f);
    assert_ok(db_revisions_prepare(f.db, NULL));
    assert_ok(db_exec(f.db, "CREATE TABLE pets (id integer)"));
    DbState s = state_of(&f);
    assert_non_null(s.dirty);
    assert_non_null(strstr(s.dirty, "found table \"pets\""));
    assert_ok(db_exec(f.db, "CREATE TABLE toys (id integer)"));
    s = state_of(&f);
    assert_non_null(strstr(s.dirty, "found multiple tables: 2"));
    arena_free(f.mem);
}

static void rows_come_back(void **unused) {
    (void)unused;
    Fixture f;
    open_fixture(&f);
    assert_ok(db_revisions_prepare(f.db, NULL));
    DbRevision *full = revision(&f, "2", 3, 9);
    full->type = DB_REVISION_EXECUTE | DB_REVISION_RESOLVED;
    full->description = "with 'quotes' and \\ é";
    full->executed_at = (Time){.sec = 1714550400, .set = true};
    full->execution_time = 123456789;
    full->error = "near \"x\"\nline two";
    full->error_stmt = "SELECT '$1', ?";
    full->partial_hashes = "[\"h1:a\", \"h1:b\"]";
    DbRevision *baseline = revision(&f, "1", 0, 0);
    baseline->type = DB_REVISION_BASELINE;
    baseline->hash = "";
    baseline->executed_at = full->executed_at;
    const DbStep steps[] = {row(DB_STEP_REVISION, full), row(DB_STEP_REVISION, baseline)};
    RUN_OK(&f, steps);
    DbState s = state_of(&f);
    assert_int_equal(s.revisions.len, 2);
    const DbRevision *r = &s.revisions.items[1];
    assert_string_equal(s.revisions.items[0].version, "1");
    assert_int_equal(s.revisions.items[0].type, DB_REVISION_BASELINE);
    assert_null(s.revisions.items[0].partial_hashes);
    assert_string_equal(r->version, "2");
    assert_string_equal(r->description, full->description);
    assert_int_equal(r->type, 6);
    assert_int_equal(r->applied, 3);
    assert_int_equal(r->total, 9);
    assert_true(r->executed_at.set);
    assert_int_equal(r->executed_at.sec, 1714550400);
    assert_int_equal(r->execution_time, 123456789);
    assert_string_equal(r->error, full->error);
    assert_string_equal(r->error_stmt, full->error_stmt);
    assert_string_equal(r->hash, "abc=");
    assert_non_null(strstr(r->partial_hashes, "h1:b"));
    assert_string_equal(r->operator_version, "test");
    arena_free(f.mem);
}

static void rows_are_ordered_by_bytes(void **unused) {
    (void)unused;
    static const char *const versions[] = {"9", "a", "10", "B", "1_x", "é", "1"};
    static const char *const want[] = {"1", "10", "1_x", "9", "B", "a", "é"};
    Fixture f;
    open_fixture(&f);
    assert_ok(db_revisions_prepare(f.db, NULL));
    for (size_t i = 0; i < COUNT_OF(versions); i++) {
        const DbStep steps[] = {row(DB_STEP_REVISION, revision(&f, versions[i], 1, 1))};
        RUN_OK(&f, steps);
    }
    DbState s = state_of(&f);
    assert_int_equal(s.revisions.len, COUNT_OF(want));
    for (size_t i = 0; i < COUNT_OF(want); i++)
        assert_string_equal(s.revisions.items[i].version, want[i]);
    arena_free(f.mem);
}

static void upsert_advance_forget(void **unused) {
    (void)unused;
    Fixture f;
    open_fixture(&f);
    assert_ok(db_revisions_prepare(f.db, NULL));
    DbRevision *first = revision(&f, "1", 0, 3), *advance = revision(&f, "1", 1, 3);
    DbRevision *again = revision(&f, "1", 2, 3), *other = revision(&f, "2", 1, 1);
    first->executed_at = (Time){.sec = 1714550400, .set = true};
    again->executed_at = (Time){.sec = 1814550400, .set = true};
    again->description = "other";
    again->partial_hashes = "[\"h1:a\"]";
    advance->partial_hashes = "h1:\"b\"";
    advance->error = "oops";
    advance->error_stmt = "S";
    const DbStep steps[] = {row(DB_STEP_REVISION, first), row(DB_STEP_REVISION, other),
                            row(DB_STEP_ADVANCE, advance), row(DB_STEP_FORGET, other)};
    RUN_OK(&f, steps);
    DbState s = state_of(&f);
    assert_int_equal(s.revisions.len, 1);
    assert_int_equal(s.revisions.items[0].applied, 1);
    assert_string_equal(s.revisions.items[0].partial_hashes, "[\"h1:\\\"b\\\"\"]");
    assert_string_equal(s.revisions.items[0].error, "oops");
    assert_string_equal(s.revisions.items[0].error_stmt, "S");
    advance->applied = 3;
    advance->error = advance->error_stmt = "";
    const DbStep more[] = {row(DB_STEP_REVISION, again), row(DB_STEP_ADVANCE, advance)};
    RUN_OK(&f, more);
    s = state_of(&f);
    assert_int_equal(s.revisions.items[0].executed_at.sec, 1714550400); // keeps it
    assert_string_equal(s.revisions.items[0].description, "d");
    assert_int_equal(s.revisions.items[0].applied, 3);
    assert_string_equal(s.revisions.items[0].error, "");
    const char *hashes = s.revisions.items[0].partial_hashes;
    assert_non_null(strstr(hashes, "h1:a"));
    assert_true(strstr(hashes, "h1:\\\"b") > strstr(hashes, "h1:a"));
    arena_free(f.mem);
}

static void target_id(void **unused) {
    (void)unused;
    Fixture f;
    open_fixture(&f);
    const char *id = NULL, *again = NULL;
    assert_ok(db_target_id(f.db, NULL, &host_system, &id, f.mem));
    assert_ok(db_target_id(f.db, NULL, &host_system, &again, f.mem));
    assert_int_equal(strlen(id), 36);
    assert_string_equal(id, again);
    assert_int_equal(state_of(&f).revisions.len, 0);
    arena_free(f.mem);
}

static void layout_is_mended(void **unused) {
    (void)unused;
    Fixture f;
    open_fixture(&f);
    assert_ok(db_revisions_prepare(f.db, NULL));
    const DbStep steps[] = {row(DB_STEP_REVISION, revision(&f, "1", 1, 1))};
    RUN_OK(&f, steps);
    const char *schema = db_schema(f.db);
    const char *table = arena_printf(f.mem, "%s.atlas_schema_revisions",
                                     *schema ? schema : "atlas_schema_revisions");
    const char *alter = arena_printf(f.mem, "ALTER TABLE %s ADD COLUMN extra integer", table);
    assert_ok(db_exec(f.db, alter));
    assert_ok(db_exec(f.db, arena_printf(f.mem, "ALTER TABLE %s DROP COLUMN error_stmt", table)));
    DbState s = state_of(&f);
    assert_true(s.has_table);
    assert_false(s.layout_ok);
    assert_int_equal(s.revisions.len, 1); // read all the same
    assert_string_equal(s.revisions.items[0].error_stmt, "");
    assert_ok(db_revisions_prepare(f.db, NULL));
    s = state_of(&f);
    assert_true(s.layout_ok);
    assert_int_equal(s.revisions.len, 1);
    arena_free(f.mem);
}

// --- batches
// --------------------------------------------------------------------------------------

static void count_step(void *ctx, const DbStep *s) {
    size_t *next = ctx;
    assert_int_equal(s->stmt, *next);
    (*next)++;
}

static void batch_of_files(void **unused) {
    (void)unused;
    Fixture f;
    open_fixture(&f);
    assert_ok(db_revisions_prepare(f.db, NULL));
    DbStep steps[] = {step(DB_STEP_FILE),
                      step(DB_STEP_BEGIN),
                      stmt("CREATE TABLE a (id integer);"),
                      stmt("INSERT INTO a VALUES (1); -- trailing"),
                      row(DB_STEP_REVISION, revision(&f, "1", 2, 2)),
                      step(DB_STEP_COMMIT),
                      step(DB_STEP_FILE_END),
                      step(DB_STEP_FILE),
                      step(DB_STEP_BEGIN),
                      stmt("/* c */ SELECT id FROM a"),
                      row(DB_STEP_REVISION, revision(&f, "2", 1, 1)),
                      step(DB_STEP_COMMIT),
                      step(DB_STEP_FILE_END)};
    size_t done = 0, next = 0;
    for (size_t i = 0; i < COUNT_OF(steps); i++)
        steps[i].stmt = i;
    DbRunOptions options = {.done = count_step, .ctx = &next};
    assert_ok(db_run(f.db, steps, COUNT_OF(steps), &options, &done));
    assert_int_equal(done, COUNT_OF(steps));
    assert_int_equal(next, COUNT_OF(steps));
    assert_string_equal(ask(&f, "SELECT count(*) FROM a"), "1");
    DbState s = state_of(&f);
    assert_int_equal(s.revisions.len, 2);
    int64_t age = host_now(&host_system).sec - s.revisions.items[0].executed_at.sec;
    assert_true(s.revisions.items[0].executed_at.set && age >= -2 && age < 60);
    assert_true(s.revisions.items[0].execution_time > 0);
    assert_true(s.revisions.items[0].execution_time < 30 * DURATION_S);
    arena_free(f.mem);
}

static void failure_stops_the_batch(void **unused) {
    (void)unused;
    Fixture f;
    open_fixture(&f);
    assert_ok(db_revisions_prepare(f.db, NULL));
    const DbStep steps[] = {step(DB_STEP_BEGIN),
                            stmt("CREATE TABLE a (id integer)"),
                            row(DB_STEP_REVISION, revision(&f, "1", 1, 1)),
                            step(DB_STEP_COMMIT),
                            step(DB_STEP_BEGIN),
                            stmt("INSERT INTO a VALUES (1)"),
                            stmt("INSERT INTO nowhere VALUES (1)"),
                            row(DB_STEP_REVISION, revision(&f, "2", 2, 2)),
                            step(DB_STEP_COMMIT),
                            step(DB_STEP_BEGIN),
                            stmt("CREATE TABLE c (id integer)"),
                            step(DB_STEP_COMMIT)};
    size_t done = 0;
    assert_err(run(&f, steps, COUNT_OF(steps), &done), E_DB, "nowhere");
    assert_int_equal(done, 6);
    assert_ok(db_rollback(f.db));
    assert_ok(db_rollback(f.db));
    assert_string_equal(ask(&f, "SELECT count(*) FROM a"), "0");
    assert_int_equal(state_of(&f).revisions.len, 1);
    assert_err(db_exec(f.db, "INSERT INTO c VALUES (1)"), E_DB, "c");
    arena_free(f.mem);
}

static void statements_with_their_rows(void **unused) {
    (void)unused;
    Fixture f;
    open_fixture(&f);
    assert_ok(db_revisions_prepare(f.db, NULL));
    DbRevision *advance = revision(&f, "1", 2, 3);
    advance->partial_hashes = "h1:b";
    const DbStep steps[] = {step(DB_STEP_FILE),
                            stmt("CREATE TABLE a (id integer primary key)"),
                            row(DB_STEP_REVISION, revision(&f, "1", 1, 3)),
                            stmt("INSERT INTO a VALUES (1)"),
                            row(DB_STEP_ADVANCE, advance),
                            stmt("INSERT INTO a VALUES (1)"),
                            row(DB_STEP_REVISION, revision(&f, "1", 3, 3)),
                            stmt("INSERT INTO a VALUES (5)"),
                            step(DB_STEP_FILE_END)};
    size_t done = 0;
    AutoErr e = run(&f, steps, COUNT_OF(steps), &done);
    assert_non_null(e);
    assert_int_equal(err_code(e), E_DB);
    assert_int_equal(done, 5);
    assert_ok(db_rollback(f.db));
    assert_string_equal(ask(&f, "SELECT count(*) FROM a"), "1");
    DbState s = state_of(&f);
    assert_int_equal(s.revisions.items[0].applied, 2);
    arena_free(f.mem);
}

static void batches_of_one_transaction(void **unused) {
    (void)unused;
    Fixture f;
    open_fixture(&f);
    assert_ok(db_exec(f.db, "CREATE TABLE a (id integer)"));
    const DbStep first[] = {step(DB_STEP_BEGIN), stmt("INSERT INTO a VALUES (1)")};
    const DbStep second[] = {stmt("INSERT INTO a VALUES (2)"), step(DB_STEP_COMMIT)};
    RUN_OK(&f, first);
    RUN_OK(&f, second);
    RUN_OK(&f, first);
    assert_ok(db_rollback(f.db));
    assert_string_equal(ask(&f, "SELECT count(*) FROM a"), "2");
    arena_free(f.mem);
}

static void refused_statements(void **unused) {
    (void)unused;
    static const char *const refused[] = {"COMMIT", "/* x */ rollback;", "BEGIN"};
    for (size_t i = 0; i < COUNT_OF(refused); i++) {
        Fixture f;
        open_fixture(&f);
        const DbStep steps[] = {step(DB_STEP_BEGIN), stmt("CREATE TABLE a (id integer)"),
                                stmt(refused[i]), step(DB_STEP_COMMIT)};
        size_t done = 0;
        assert_err(run(&f, steps, COUNT_OF(steps), &done), E_INVALID,
                   "the statement controls the transaction its file runs in");
        assert_int_equal(done, 2);
        assert_ok(db_rollback(f.db));
        arena_free(f.mem);
    }
}

static void transactions_of_users(void **unused) {
    (void)unused;
    Fixture f;
    open_fixture(&f);
    assert_ok(db_exec(f.db, "CREATE TABLE a (id integer)"));
    const DbStep closed[] = {step(DB_STEP_FILE), stmt("BEGIN"), stmt("INSERT INTO a VALUES (1)"),
                             stmt("COMMIT"), step(DB_STEP_FILE_END)};
    RUN_OK(&f, closed);
    const DbStep open[] = {step(DB_STEP_FILE), stmt("BEGIN"), stmt("INSERT INTO a VALUES (2)"),
                           step(DB_STEP_FILE_END)};
    size_t done = 0;
    assert_err(run(&f, open, COUNT_OF(open), &done), E_INVALID,
               "the file leaves a transaction open");
    assert_int_equal(done, 3);
    assert_ok(db_rollback(f.db));
    assert_string_equal(ask(&f, "SELECT count(*) FROM a"), "1");
    arena_free(f.mem);
}

// More than any socket buffer holds, both ways.
static void large_batch(void **unused) {
    (void)unused;
    enum { COUNT = 600, SIZE = 20000 };
    Fixture f;
    open_fixture(&f);
    assert_ok(db_exec(f.db, "CREATE TABLE a (id integer, x text)"));
    LIST(DbStep) steps = {0};
    list_push(&steps, f.mem, step(DB_STEP_BEGIN));
    for (int i = 0; i < COUNT; i++) {
        char *sql = arena_printf(f.mem, "INSERT INTO a VALUES (%d, '%0*d')", i, SIZE, i);
        list_push(&steps, f.mem, stmt(sql));
        list_push(&steps, f.mem, stmt(arena_printf(f.mem, "SELECT x FROM a WHERE id = %d", i)));
    }
    list_push(&steps, f.mem, step(DB_STEP_COMMIT));
    size_t done = 0;
    assert_ok(run(&f, steps.items, steps.len, &done));
    assert_int_equal(done, steps.len);
    assert_string_equal(ask(&f, "SELECT count(*) FROM a"), "600");
    arena_free(f.mem);
}

// --- locks
// ----------------------------------------------------------------------------------------

static void locks(void **unused) {
    (void)unused;
    Fixture f;
    open_fixture(&f);
    Db *other = open_another(&f, NULL);
    DbState state = {0};
    assert_ok(db_lock(f.db, "atlas_migrate_execute", 0));
    assert_err(db_lock(f.db, "atlas_migrate_execute", 0), E_LOCKED, "holds a lock already");
    int64_t start = host_monotonic_ms(&host_system);
    assert_err(db_lock(other, "atlas_migrate_execute", 300 * DURATION_MS), E_LOCKED,
               flavor->lock_holder);
    int64_t waited = host_monotonic_ms(&host_system) - start;
    assert_true(waited >= 290 && waited < 3000);
    assert_err(db_lock_and_read(other, "atlas_migrate_execute", 0, NULL, &state, f.mem), E_LOCKED,
               "acquiring database lock: \"atlas_migrate_execute\" is held by");
    assert_ok(db_unlock(f.db));
    assert_ok(db_unlock(f.db));
    assert_ok(db_lock_and_read(other, "atlas_migrate_execute", 0, NULL, &state, f.mem));
    assert_null(state.dirty);
    assert_err(db_lock(f.db, "atlas_migrate_execute", 0), E_LOCKED, "is held by");
    db_close(other);
    assert_ok(db_lock(f.db, "atlas_migrate_execute", 10 * DURATION_S)); // freed with the holder
    assert_ok(db_unlock(f.db));
    arena_free(f.mem);
}

// --- cancel
// ---------------------------------------------------------------------------------------

static volatile sig_atomic_t cancel;

static void on_alarm(int signal) {
    (void)signal;
    cancel = 1;
}

static void cancelled_before(void **unused) {
    (void)unused;
    Fixture f;
    open_fixture(&f);
    cancel = 0;
    DbOptions options = {.cancel = &cancel};
    Db *db = open_another(&f, &options);
    cancel = 1;
    assert_err(db_ping(db), E_STATE, "interrupted");
    assert_ok(db_rollback(db));
    cancel = 0;
    assert_ok(db_ping(db));
    arena_free(f.mem);
}

static void cancelled_meanwhile(void **unused) {
    (void)unused;
    Fixture f;
    if (!flavor->sleep)
        return;
    open_fixture(&f);
    cancel = 0;
    DbOptions options = {.cancel = &cancel};
    Db *db = open_another(&f, &options);
    const DbStep steps[] = {step(DB_STEP_BEGIN), stmt("SELECT 1"), stmt(flavor->sleep),
                            step(DB_STEP_COMMIT)};
    size_t done = 0;
    int64_t start = host_monotonic_ms(&host_system);
    signal(SIGALRM, on_alarm);
    alarm(1);
    assert_err(db_run(db, steps, COUNT_OF(steps), NULL, &done), E_STATE, "interrupted");
    assert_int_equal(done, 2);
    assert_true(host_monotonic_ms(&host_system) - start < 5000);
    assert_ok(db_rollback(db));
    cancel = 0;
    assert_ok(db_ping(db)); // in a clean state
    const DbStep after[] = {step(DB_STEP_BEGIN), stmt("CREATE TABLE after_it (id integer)"),
                            step(DB_STEP_COMMIT)};
    assert_ok(db_run(db, after, COUNT_OF(after), NULL, &done));
    arena_free(f.mem);
}

// --- scratch databases
// ----------------------------------------------------------------------------

static void empty_check_and_wipe(void **unused) {
    (void)unused;
    Fixture f;
    open_fixture(&f);
    assert_ok(db_check_empty(f.db));
    assert_ok(db_exec(f.db, "CREATE TABLE a (id integer primary key)"));
    assert_err(db_check_empty(f.db), E_STATE, "connected database is not clean: found table \"a\"");
    assert_ok(
        db_exec(f.db, "CREATE TABLE b (id integer primary key, a integer REFERENCES a (id))"));
    assert_ok(db_exec(f.db, "CREATE VIEW v AS SELECT id FROM b"));
    assert_ok(db_revisions_prepare(f.db, NULL));
    assert_ok(db_wipe(f.db));
    assert_ok(db_check_empty(f.db));
    assert_false(state_of(&f).has_table);
    arena_free(f.mem);
}

static int run_flavor(const Flavor *which) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(identity),
        cmocka_unit_test(queries),
        cmocka_unit_test(empty_database),
        cmocka_unit_test(dirty_database),
        cmocka_unit_test(rows_come_back),
        cmocka_unit_test(rows_are_ordered_by_bytes),
        cmocka_unit_test(upsert_advance_forget),
        cmocka_unit_test(target_id),
        cmocka_unit_test(layout_is_mended),
        cmocka_unit_test(batch_of_files),
        cmocka_unit_test(failure_stops_the_batch),
        cmocka_unit_test(statements_with_their_rows),
        cmocka_unit_test(batches_of_one_transaction),
        cmocka_unit_test(refused_statements),
        cmocka_unit_test(transactions_of_users),
        cmocka_unit_test(large_batch),
        cmocka_unit_test(locks),
        cmocka_unit_test(cancelled_before),
        cmocka_unit_test(cancelled_meanwhile),
        cmocka_unit_test(empty_check_and_wipe),
    };
    flavor = which;
    if (which->variable && !*host_env(&host_system, which->variable)) {
        fprintf(stderr, "%s: set %s to the URL of a scratch database\n", which->name,
                which->variable);
        return 1;
    }
    return cmocka_run_group_tests_name(which->name, tests, NULL, NULL);
}

int main(int argc, char **argv) {
    int failed = 0, ran = 0;
    for (size_t i = 0; i < COUNT_OF(flavors); i++) {
        bool wanted = argc == 1;
        for (int a = 1; a < argc; a++)
            wanted = wanted || cstr_eq(argv[a], flavors[i].name);
        ran += wanted;
        failed += wanted ? run_flavor(&flavors[i]) : 0;
    }
    return failed + (ran < argc - 1);
}
