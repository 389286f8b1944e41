// What PostgreSQL alone has, on the scratch database of ATLAS_TEST_POSTGRES.
#include "test.h"

#include "atlas/db.h"

typedef struct Fixture {
    Arena *mem;
    const char *url;
    Db *db;
} Fixture;

static Db *open_url(const char *url, const DbOptions *options, Arena *mem) {
    Db *db = NULL;
    assert_ok(db_open(&db, url, options, mem));
    return db;
}

static void open_fixture(Fixture *f) {
    f->mem = arena_new(NULL);
    f->url = host_env(&host_system, "ATLAS_TEST_POSTGRES");
    f->db = open_url(f->url, NULL, f->mem);
    assert_ok(db_wipe(f->db));
    assert_ok(db_revisions_prepare(f->db, NULL));
}

// The URL of the fixture with one more parameter.
static Db *open_with(const Fixture *f, const char *param) {
    return open_url(arena_printf(f->mem, "%s&%s", f->url, param), NULL, f->mem);
}

static const char *ask_of(Db *db, const char *sql, Arena *mem) {
    DbRows rows = {0};
    assert_ok(db_query(db, &rows, sql, NULL, 0, mem));
    return db_cell(&rows, 0, 0);
}

static const char *ask(const Fixture *f, const char *sql) {
    return ask_of(f->db, sql, f->mem);
}

static DbState state_of(const Fixture *f) {
    DbState state = {0};
    assert_ok(db_state_read(f->db, NULL, &state, f->mem));
    return state;
}

static DbStep stmt(const char *sql) {
    return (DbStep){.kind = DB_STEP_STATEMENT, .sql = str_from(sql)};
}
static DbStep step(DbStepKind kind) {
    return (DbStep){.kind = kind};
}

static DbStep row(const Fixture *f, const char *version) {
    DbRevision *r = NEW(f->mem, DbRevision);
    *r = (DbRevision){.version = version,
                      .description = "",
                      .type = DB_REVISION_EXECUTE,
                      .error = "",
                      .error_stmt = "",
                      .hash = "",
                      .operator_version = ""};
    return (DbStep){.kind = DB_STEP_REVISION, .revision = r};
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

static void expect_failure(const Fixture *f, const DbStep *steps, size_t count, size_t want,
                           const char *text, const char *hint) {
    size_t done = 0;
    AutoErr e = run(f, steps, count, &done);
    assert_non_null(e);
    assert_string_equal(err_text(e), text);
    if (hint)
        assert_string_equal(cstr_or(err_hint_text(e), ""), hint);
    assert_int_equal(done, want);
    assert_ok(db_rollback(f->db));
}

// --- errors
// ---------------------------------------------------------------------------------------

static void error_texts(void **unused) {
    (void)unused;
    static const struct {
        const char *sql, *text, *hint;
    } rows[] = {
        {"SELECT 1,\n  BAD x y",
         "pq: syntax error at or near \"y\" (SQLSTATE 42601, line 2, column 9)", ""},
        {"SELECT 'é', BAD", "pq: column \"bad\" does not exist (SQLSTATE 42703, line 1, column 13)",
         ""},
        {"INSERT INTO k VALUES (1)",
         "pq: duplicate key value violates unique constraint \"k_pkey\" (SQLSTATE 23505): Key "
         "(id)=(1) already exists.",
         ""},
        {"CREATE INDEX CONCURRENTLY i ON k (id)",
         "pq: CREATE INDEX CONCURRENTLY cannot run inside a transaction block (SQLSTATE 25001)",
         "put `-- atlas:txmode none` and a blank line at the top of the file"},
        {"DO $$ BEGIN RAISE 'no\nway' USING HINT = 'go home'; END $$",
         "pq: no way (SQLSTATE P0001)", "go home"},
        {"SELECT 1/(id-1) FROM k", "pq: division by zero (SQLSTATE 22012)", ""},
    };
    Fixture f;
    open_fixture(&f);
    assert_ok(db_exec(f.db, "CREATE TABLE k (id integer PRIMARY KEY); INSERT INTO k VALUES (1)"));
    for (size_t i = 0; i < COUNT_OF(rows); i++) {
        const DbStep steps[] = {step(DB_STEP_BEGIN), stmt("SELECT 1"), stmt(rows[i].sql),
                                stmt("SELECT 2"), step(DB_STEP_COMMIT)};
        expect_failure(&f, steps, COUNT_OF(steps), 2, rows[i].text, rows[i].hint);
    }
    arena_free(f.mem);
}

#define FILE_OF(f, version, sql)                                                                   \
    step(DB_STEP_FILE), step(DB_STEP_BEGIN), stmt(sql), row(f, version), step(DB_STEP_COMMIT),     \
        step(DB_STEP_FILE_END)

static void deferred_constraint_fails_its_commit(void **unused) {
    (void)unused;
    Fixture f;
    open_fixture(&f);
    assert_ok(db_exec(f.db, "CREATE TABLE p (id integer PRIMARY KEY); CREATE TABLE c (p integer "
                            "REFERENCES p DEFERRABLE INITIALLY DEFERRED)"));
    const DbStep steps[] = {FILE_OF(&f, "1", "INSERT INTO p VALUES (1)"),
                            FILE_OF(&f, "2", "INSERT INTO c VALUES (7)"),
                            FILE_OF(&f, "3", "INSERT INTO p VALUES (3)")};
    expect_failure(&f, steps, COUNT_OF(steps), 10,
                   "pq: insert or update on table \"c\" violates foreign key constraint "
                   "\"c_p_fkey\" (SQLSTATE 23503): Key (p)=(7) is not present in table \"p\".",
                   "");
    assert_string_equal(ask(&f, "SELECT string_agg(id::text, ' ') FROM p"), "1");
    assert_int_equal(state_of(&f).revisions.len, 1);
    // Outside of a transaction the statement and its row have one.
    const DbStep pair[] = {step(DB_STEP_FILE), stmt("INSERT INTO c VALUES (7)"), row(&f, "2"),
                           stmt("INSERT INTO p VALUES (9)"), row(&f, "2")};
    size_t done = 0;
    assert_err(run(&f, pair, COUNT_OF(pair), &done), E_DB, "violates foreign key");
    assert_int_equal(done, 1);
    assert_ok(db_rollback(f.db));
    assert_int_equal(state_of(&f).revisions.len, 1);
    arena_free(f.mem);
}

// --- what pipelines do not carry
// ------------------------------------------------------------------

static void several_commands_in_one_statement(void **unused) {
    (void)unused;
    Fixture f;
    open_fixture(&f);
    const DbStep steps[] = {
        step(DB_STEP_FILE),
        step(DB_STEP_BEGIN),
        stmt("CREATE TABLE a (id integer)"),
        stmt("INSERT INTO a VALUES (1);\nINSERT INTO a VALUES (2); -- two\nSELECT ';'"),
        stmt("CREATE FUNCTION f() RETURNS int AS $$ BEGIN RETURN 1; END; $$ LANGUAGE plpgsql"),
        stmt("INSERT INTO a VALUES (3); -- three"),
        row(&f, "1"),
        step(DB_STEP_COMMIT),
        step(DB_STEP_FILE_END),
        step(DB_STEP_FILE),
        stmt("INSERT INTO a VALUES (4); INSERT INTO a VALUES (5)"),
        row(&f, "2"),
        stmt("INSERT INTO a VALUES (6)"),
        row(&f, "2"),
        step(DB_STEP_FILE_END)};
    RUN_OK(&f, steps);
    assert_string_equal(ask(&f, "SELECT count(*) FROM a"), "6");
    const DbStep alone[] = {stmt("DO 'BEGIN END'; SELECT 1 FROM a")};
    RUN_OK(&f, alone);
    assert_int_equal(state_of(&f).revisions.len, 2);
    const DbStep bad[] = {step(DB_STEP_FILE),
                          stmt("INSERT INTO a VALUES (7); INSERT INTO b "
                               "VALUES (8)"),
                          row(&f, "3"), stmt("INSERT INTO a VALUES (9)")};
    size_t done = 0;
    assert_err(run(&f, bad, COUNT_OF(bad), &done), E_DB, "\"b\" does not exist");
    assert_int_equal(done, 1);
    assert_ok(db_rollback(f.db));
    assert_string_equal(ask(&f, "SELECT count(*) FROM a"), "6");
    assert_int_equal(state_of(&f).revisions.len, 2);
    arena_free(f.mem);
}

static void copy_is_refused(void **unused) {
    (void)unused;
    static const char *const refused[] = {
        "COPY a FROM STDIN", "copy a (id)\nfrom /* x */ stdin with (format csv)",
        "COPY (SELECT 1) TO STDOUT", "SELECT 1; COPY a TO stdout"};
    Fixture f;
    open_fixture(&f);
    assert_ok(db_exec(f.db, "CREATE TABLE a (id integer)"));
    for (size_t i = 0; i < COUNT_OF(refused); i++) {
        const DbStep steps[] = {stmt("INSERT INTO a VALUES (1)"), stmt(refused[i])};
        size_t done = 0;
        assert_err(run(&f, steps, 2, &done), E_INVALID, "COPY from or to the client");
        assert_int_equal(done, 1);
        assert_string_equal(ask(&f, "SELECT count(*) FROM a"), "0"); // nothing ran
    }
    assert_err(db_exec(f.db, "COPY a FROM STDIN"), E_DB, "COPY from stdin failed");
    assert_ok(db_exec(f.db, "COPY (SELECT generate_series(1, 100000)) TO STDOUT"));
    const DbStep fine[] = {stmt("COPY (SELECT 'from stdin') TO '/dev/null'")};
    RUN_OK(&f, fine);
    arena_free(f.mem);
}

static void statements_that_run_alone(void **unused) {
    (void)unused;
    Fixture f;
    open_fixture(&f);
    const DbStep steps[] = {FILE_OF(&f, "1", "CREATE TABLE a (id integer)"),
                            step(DB_STEP_FILE),
                            stmt("INSERT INTO a VALUES (1)"),
                            row(&f, "2"),
                            stmt("CREATE INDEX CONCURRENTLY i ON a (id)"),
                            row(&f, "2"),
                            stmt("VACUUM a"),
                            row(&f, "2"),
                            stmt("DO $$ BEGIN INSERT INTO a VALUES (2); COMMIT; END $$"),
                            row(&f, "2"),
                            stmt("REINDEX INDEX CONCURRENTLY i"),
                            stmt("DROP INDEX CONCURRENTLY i"),
                            row(&f, "2"),
                            step(DB_STEP_FILE_END),
                            FILE_OF(&f, "3", "INSERT INTO a VALUES (3)")};
    RUN_OK(&f, steps);
    assert_string_equal(ask(&f, "SELECT count(*) FROM a"), "3");
    assert_int_equal(state_of(&f).revisions.len, 3);
    arena_free(f.mem);
}

// What a file leaves behind in the session does not reach the rows.
static void sessions_may_change(void **unused) {
    (void)unused;
    Fixture f;
    open_fixture(&f);
    const DbStep steps[] = {
        FILE_OF(&f, "1", "SELECT pg_catalog.set_config('search_path', '', false)"),
        FILE_OF(&f, "2", "SET standard_conforming_strings = off"),
        FILE_OF(&f, "3", "SET TimeZone = 'Asia/Tokyo'"),
        FILE_OF(&f, "4", "SET DateStyle = 'SQL, DMY'"),
        step(DB_STEP_FILE),
        stmt("RESET ALL"),
        row(&f, "5"),
        step(DB_STEP_FILE_END),
        step(DB_STEP_FILE),
        stmt("SET search_path = nowhere"),
        row(&f, "6"),
        stmt("DISCARD ALL"),
        row(&f, "6"),
        step(DB_STEP_FILE_END),
        FILE_OF(&f, "7", "SET default_transaction_read_only = off")};
    RUN_OK(&f, steps);
    DbState s = state_of(&f);
    int64_t now = host_now(&host_system).sec;
    assert_int_equal(s.revisions.len, 7);
    for (size_t i = 0; i < s.revisions.len; i++) {
        const DbRevision *r = &s.revisions.items[i];
        assert_true(now - r->executed_at.sec < 60 && r->executed_at.sec - now < 60);
        assert_true(r->execution_time >= 0 && r->execution_time < 60 * DURATION_S);
    }
    arena_free(f.mem);
}

static void execution_times(void **unused) {
    (void)unused;
    Fixture f;
    open_fixture(&f);
    const DbStep steps[] = {FILE_OF(&f, "1", "SELECT 1"), FILE_OF(&f, "2", "SELECT pg_sleep(0.2)"),
                            FILE_OF(&f, "3", "SELECT 1"), step(DB_STEP_FILE),
                            stmt("SELECT pg_sleep(0.2)"), row(&f, "4"),
                            step(DB_STEP_FILE_END)};
    RUN_OK(&f, steps);
    DbState s = state_of(&f);
    const int64_t ms[] = {0, 200, 0, 200};
    for (size_t i = 0; i < 4; i++) {
        int64_t took = s.revisions.items[i].execution_time / DURATION_MS;
        assert_true(took >= ms[i] && took < ms[i] + 190);
    }
    assert_true(time_sub(s.revisions.items[2].executed_at, s.revisions.items[1].executed_at) >=
                200 * DURATION_MS);
    arena_free(f.mem);
}

// --- scope
// ----------------------------------------------------------------------------------------

static void bound_and_unbound(void **unused) {
    (void)unused;
    Fixture f;
    open_fixture(&f);
    DbState s = {0};
    assert_string_equal(db_schema(f.db), "");
    assert_ok(db_exec(f.db, "CREATE SCHEMA app; CREATE SCHEMA \"We\"\"ird\""));
    s = state_of(&f);
    assert_string_equal(s.dirty, "found schema \"We\"ird\"");
    Db *app = open_with(&f, "search_path=App,public");
    assert_string_equal(db_schema(app), "app");
    assert_ok(db_state_read(app, NULL, &s, f.mem));
    assert_false(s.has_table);
    assert_string_equal(s.other_schema, "atlas_schema_revisions");
    assert_ok(db_state_read(app, "atlas_schema_revisions", &s, f.mem));
    assert_true(s.has_table);
    assert_null(s.other_schema);
    assert_ok(db_revisions_prepare(app, NULL));
    assert_ok(db_exec(app, "CREATE TABLE t (id integer)"));
    assert_ok(db_state_read(app, NULL, &s, f.mem));
    assert_true(s.has_table);
    assert_string_equal(s.dirty, "found table \"t\" in schema \"app\"");
    Db *weird = open_with(&f, "search_path=%22We%22%22ird%22");
    assert_string_equal(db_schema(weird), "We\"ird");
    assert_ok(db_revisions_prepare(weird, NULL));
    const DbStep steps[] = {row(&f, "1")};
    size_t done = 0;
    assert_ok(db_run(weird, steps, 1, NULL, &done));
    assert_ok(db_state_read(weird, NULL, &s, f.mem));
    assert_int_equal(s.revisions.len, 1);
    assert_null(s.dirty);
    assert_ok(db_wipe(weird)); // only its own
    assert_string_equal(ask(&f, "SELECT count(*) FROM app.t"), "0");
    assert_ok(db_revisions_prepare(f.db, "elsewhere"));
    assert_string_equal(ask(&f, "SELECT count(*) FROM elsewhere.atlas_schema_revisions"), "0");
    arena_free(f.mem);
}

static void everything_is_wiped(void **unused) {
    (void)unused;
    Fixture f;
    open_fixture(&f);
    assert_ok(db_wipe(f.db));
    assert_ok(db_check_empty(f.db));
    assert_ok(db_exec(
        f.db,
        "CREATE TYPE mood AS ENUM ('a'); CREATE DOMAIN d AS integer; CREATE TYPE c AS (x int);"
        "CREATE TYPE r AS RANGE (subtype = integer);"
        "CREATE TABLE t (id serial PRIMARY KEY, m mood, c c) PARTITION BY RANGE (id);"
        "CREATE TABLE t1 PARTITION OF t FOR VALUES FROM (1) TO (9); CREATE SEQUENCE s;"
        "CREATE VIEW v AS SELECT * FROM t; CREATE MATERIALIZED VIEW mv AS SELECT * FROM v;"
        "CREATE FUNCTION f(d) RETURNS d LANGUAGE sql AS 'SELECT $1';"
        "CREATE PROCEDURE p() LANGUAGE sql AS 'SELECT 1';"
        "CREATE AGGREGATE agg (integer) (sfunc = int4pl, stype = integer);"
        "CREATE SCHEMA other; CREATE TABLE other.x (id int); CREATE EXTENSION citext"));
    assert_err(db_check_empty(open_url(f.url, NULL, f.mem)), E_STATE, "not clean: found");
    assert_ok(db_wipe(f.db));
    assert_ok(db_check_empty(f.db));
    assert_string_equal(ask(&f, "SELECT count(*) FROM pg_extension WHERE extname = 'citext'"), "0");
    arena_free(f.mem);
}

static void parameters(void **unused) {
    (void)unused;
    Fixture f;
    open_fixture(&f);
    Db *db = open_with(&f, "application_name=me&statement_timeout=12345&options=-c%20geqo=off&"
                           "TimeZone=Asia/Tokyo");
    assert_string_equal(ask_of(db, "SHOW application_name", f.mem), "me");
    assert_string_equal(ask_of(db, "SHOW statement_timeout", f.mem), "12345ms");
    assert_string_equal(ask_of(db, "SHOW geqo", f.mem), "off");
    assert_string_equal(ask_of(db, "SHOW TimeZone", f.mem), "Asia/Tokyo");
    DbOptions options = {.lock_timeout = 1500 * DURATION_MS,
                         .statement_timeout = 100 * DURATION_MS};
    db = open_url(f.url, &options, f.mem);
    assert_string_equal(ask_of(db, "SHOW lock_timeout", f.mem), "1500ms");
    assert_err(db_exec(db, "SELECT pg_sleep(9)"), E_DB, "statement timeout (SQLSTATE 57014)");
    const char *name = ask(&f, "SHOW application_name");
    assert_true(cstr_starts(name, "atlas-action "));
    assert_true(cstr_ends(name, arena_printf(f.mem, ":%ld", (long)getpid())));
    arena_free(f.mem);
}

// --- locks
// ----------------------------------------------------------------------------------------

static void locks_name_their_holder(void **unused) {
    (void)unused;
    Fixture f;
    open_fixture(&f);
    Db *other = open_with(&f, "application_name=job%2042");
    assert_ok(db_lock(other, "atlas_migrate_execute", 0));
    assert_string_equal(ask(&f, "SELECT objid FROM pg_locks WHERE locktype = 'advisory'"),
                        "2686470616");
    const char *pid = ask_of(other, "SELECT pg_backend_pid()", f.mem);
    AutoErr e = db_lock(f.db, "atlas_migrate_execute", 0);
    const char *want = arena_printf(f.mem,
                                    "acquiring database lock: \"atlas_migrate_execute\" is held by "
                                    "process %s (job 42 at 127.0.0.1), connected for 0s",
                                    pid);
    assert_string_equal(err_text(e), want);
    assert_string_equal(err_hint_text(e), "wait for it, or raise --lock-timeout");
    // A killed holder frees it.
    assert_ok(db_exec(f.db, arena_printf(f.mem, "SELECT pg_terminate_backend(%s)", pid)));
    assert_ok(db_lock(f.db, "atlas_migrate_execute", 5 * DURATION_S));
    assert_err(db_ping(other), E_DB, "connection lost");
    arena_free(f.mem);
}

static void lock_and_read_is_fresh(void **unused) {
    (void)unused;
    Fixture f;
    open_fixture(&f);
    Db *strict = open_with(&f, "default_transaction_isolation=serializable");
    Db *holder = open_url(f.url, NULL, f.mem);
    DbState s = {0};
    const DbStep steps[] = {row(&f, "1")};
    size_t done = 0;
    assert_ok(db_lock(holder, "x", 0));
    assert_ok(db_run(holder, steps, 1, NULL, &done));
    assert_ok(db_unlock(holder));
    assert_ok(db_lock_and_read(strict, "x", 0, NULL, &s, f.mem));
    assert_int_equal(s.revisions.len, 1);
    arena_free(f.mem);
}

// --- rows of others
// -------------------------------------------------------------------------------

static void rows_of_other_tools(void **unused) {
    (void)unused;
    Fixture f;
    open_fixture(&f);
    assert_ok(db_wipe(f.db));
    assert_ok(db_exec(
        f.db,
        "CREATE SCHEMA atlas_schema_revisions; CREATE TABLE "
        "atlas_schema_revisions.atlas_schema_revisions (version character varying NOT NULL, "
        "description character varying NOT NULL, type bigint NOT NULL DEFAULT 2, applied bigint "
        "NOT NULL DEFAULT 0, total bigint NOT NULL DEFAULT 0, executed_at timestamptz NOT NULL, "
        "execution_time bigint NOT NULL, error text NULL, error_stmt text NULL, hash character "
        "varying NOT NULL, partial_hashes jsonb NULL, operator_version character varying NOT NULL, "
        "PRIMARY KEY (version)); SET TimeZone = 'America/St_Johns'; INSERT INTO "
        "atlas_schema_revisions.atlas_schema_revisions VALUES ('1', 'a', 2, 1, 1, "
        "'2024-05-01 10:00:00.123456+02', 1500, '', '', 'h=', 'null', 'Atlas CLI v1'), ('2', 'b', "
        "4, 0, 0, '0001-01-01 00:00:00+00', 0, NULL, NULL, 'i=', NULL, 'Atlas CLI v1'), ('3', "
        "'c', 2, 1, 2, now(), 1, 'e', 's', 'j=', '[\"h1:x\"]', ''), "
        "('.atlas_cloud_identifier', 'an-id', 2, 0, 0, now(), 0, '', '', '', NULL, '')"));
    DbState s = state_of(&f);
    const DbRevision *r = s.revisions.items;
    assert_true(s.layout_ok);
    assert_int_equal(s.revisions.len, 3);
    assert_string_equal(s.target_id, "an-id");
    assert_string_equal(time_rfc3339nano(f.mem, r[0].executed_at), "2024-05-01T08:00:00.123456Z");
    assert_null(r[0].partial_hashes);
    assert_false(r[1].executed_at.set);
    assert_string_equal(r[1].error, "");
    assert_string_equal(r[2].partial_hashes, "[\"h1:x\"]");
    arena_free(f.mem);
}

static void ten_thousand_revisions(void **unused) {
    (void)unused;
    Fixture f;
    open_fixture(&f);
    assert_ok(db_exec(f.db,
                      "INSERT INTO atlas_schema_revisions.atlas_schema_revisions SELECT "
                      "(20200101000000 + i)::text, 'step', 2, 3, 3, now(), 5, '', '', "
                      "repeat('h', 44), 'null', 'Atlas CLI' FROM generate_series(1, 10000) i"));
    int64_t start = host_monotonic_ms(&host_system);
    assert_int_equal(state_of(&f).revisions.len, 10000);
    int64_t took = host_monotonic_ms(&host_system) - start;
    print_message("10,000 revisions: %lld ms\n", (long long)took);
#ifndef __SANITIZE_ADDRESS__
    assert_true(took < 300);
#endif
    arena_free(f.mem);
}

// --- statements in flight
// -------------------------------------------------------------------------

static void expect_flight(const Fixture *f, const char *sql, DbFlight want, const char *want_note) {
    DbFlight flight = DB_FLIGHT_UNKNOWN;
    const char *note = NULL;
    assert_ok(db_flight(f->db, str_from(sql), &flight, &note, f->mem));
    if (flight != want)
        print_error("%s: %d\n", sql, (int)flight);
    assert_int_equal(flight, want);
    assert_string_equal(cstr_or(note, ""), want_note);
}

static void flights(void **unused) {
    (void)unused;
    static const struct {
        const char *sql;
        DbFlight want;
    } rows[] = {
        {"CREATE INDEX CONCURRENTLY good ON a (id)", DB_FLIGHT_DONE},
        {"create unique index concurrently if not exists good on only public.a using btree (id)",
         DB_FLIGHT_DONE},
        {"CREATE INDEX CONCURRENTLY \"Odd \"\"name\" ON \"public\".\"a\" (id)", DB_FLIGHT_DONE},
        {"CREATE INDEX CONCURRENTLY absent ON a (id)", DB_FLIGHT_REPEAT},
        {"CREATE INDEX CONCURRENTLY ON a (id)", DB_FLIGHT_UNKNOWN},
        {"DROP INDEX CONCURRENTLY good;", DB_FLIGHT_REPEAT},
        {"DROP INDEX CONCURRENTLY IF EXISTS public.absent", DB_FLIGHT_DONE},
        {"REINDEX INDEX CONCURRENTLY good", DB_FLIGHT_REPEAT},
        {"REINDEX (VERBOSE, CONCURRENTLY) TABLE a", DB_FLIGHT_REPEAT},
        {"REINDEX TABLE a", DB_FLIGHT_REPEAT},
        {"-- c\nVACUUM (ANALYZE) a", DB_FLIGHT_REPEAT},
        {"ALTER SYSTEM SET work_mem = '4MB'", DB_FLIGHT_REPEAT},
        {"CREATE DATABASE postgres", DB_FLIGHT_DONE},
        {"CREATE DATABASE never_made", DB_FLIGHT_REPEAT},
        {"DROP DATABASE IF EXISTS never_made", DB_FLIGHT_DONE},
        {"DROP TABLESPACE pg_default", DB_FLIGHT_REPEAT},
        {"ALTER TABLE pt DETACH PARTITION pt1 CONCURRENTLY", DB_FLIGHT_REPEAT},
        {"ALTER TABLE public.pt DETACH PARTITION a CONCURRENTLY", DB_FLIGHT_DONE},
        {"BEGIN", DB_FLIGHT_REPEAT},
        {"start transaction read write", DB_FLIGHT_REPEAT},
        {"ROLLBACK", DB_FLIGHT_REPEAT},
        {"COMMIT AND CHAIN", DB_FLIGHT_DONE},
        {"END", DB_FLIGHT_DONE},
        {"DO $$ BEGIN END $$", DB_FLIGHT_UNKNOWN},
        {"CALL p()", DB_FLIGHT_UNKNOWN},
        {"VACUUM; VACUUM a", DB_FLIGHT_UNKNOWN},
    };
    Fixture f;
    open_fixture(&f);
    assert_ok(db_exec(f.db, "CREATE TABLE a (id integer); INSERT INTO a VALUES (1), (1);"
                            "CREATE INDEX good ON a (id); CREATE INDEX \"Odd \"\"name\" ON a (id);"
                            "CREATE TABLE pt (id integer) PARTITION BY LIST (id);"
                            "CREATE TABLE pt1 PARTITION OF pt FOR VALUES IN (1)"));
    for (size_t i = 0; i < COUNT_OF(rows); i++)
        expect_flight(&f, rows[i].sql, rows[i].want, "");
    assert_err(db_exec(f.db, "CREATE UNIQUE INDEX CONCURRENTLY u ON a (id)"), E_DB, "unique");
    expect_flight(
        &f, "CREATE UNIQUE INDEX CONCURRENTLY u ON a (id)", DB_FLIGHT_REPEAT,
        "index \"u\" was left invalid by an interrupted build and was dropped to be built "
        "again");
    assert_string_equal(ask(&f, "SELECT count(*) FROM pg_class WHERE relname = 'u'"), "0");
    if (strtoll(ask(&f, "SHOW server_version_num"), NULL, 10) >= 140000) {
        assert_ok(db_exec(f.db, "UPDATE pg_inherits SET inhdetachpending = true WHERE inhrelid = "
                                "'pt1'::regclass"));
        expect_flight(&f, "ALTER TABLE pt DETACH PARTITION public.pt1 CONCURRENTLY", DB_FLIGHT_DONE,
                      "the interrupted detachment of partition public.pt1 was finalized");
        assert_string_equal(ask(&f, "SELECT count(*) FROM pg_inherits"), "0");
    }
    // What an interrupted REINDEX leaves.
    assert_ok(db_exec(f.db, "CREATE INDEX good_ccnew ON a (id); UPDATE pg_index SET indisvalid = "
                            "false WHERE indexrelid = 'good_ccnew'::regclass"));
    expect_flight(
        &f, "REINDEX INDEX CONCURRENTLY good", DB_FLIGHT_REPEAT,
        "index \"good_ccnew\" was left invalid by an interrupted build and was dropped to "
        "be built again");
    arena_free(f.mem);
}

static void atomic_statements(void **unused) {
    (void)unused;
    static const struct {
        const char *sql;
        bool atomic;
    } rows[] = {
        {"CREATE TABLE t (x text DEFAULT 'CONCURRENTLY')", true},
        {"create index i on t (x)", true},
        {"CREATE INDEX CONCURRENTLY i ON t (x)", false},
        {"create unique /* x */ index concurrently i on t (x)", false},
        {"DROP INDEX concurrently i", false},
        {"REINDEX TABLE CONCURRENTLY t", false},
        {"REFRESH MATERIALIZED VIEW CONCURRENTLY v", true},
        {"ALTER TABLE t DETACH PARTITION p CONCURRENTLY;", false},
        {"ALTER TABLE t DETACH PARTITION p", true},
        {"ALTER TYPE t ADD VALUE 'x'", true},
        {"VACUUM", false},
        {"CALL p()", false},
        {"DO 'BEGIN END'", false},
        {"BEGIN", false},
        {"ALTER SYSTEM SET x = 1", false},
        {"CREATE DATABASE x", false},
        {"CHECKPOINT", false},
        {"INSERT INTO t VALUES ('a;b')", true},
        {"INSERT INTO t VALUES (1); VACUUM", false},
        {"INSERT INTO t VALUES (1); SELECT 1", true},
        {"SAVEPOINT x", false},
    };
    Fixture f;
    open_fixture(&f);
    for (size_t i = 0; i < COUNT_OF(rows); i++)
        if (db_is_atomic(f.db, str_from(rows[i].sql)) != rows[i].atomic)
            fail_msg("%s", rows[i].sql);
    arena_free(f.mem);
}

static void psql_commands_are_refused(void **unused) {
    (void)unused;
    Fixture f;
    open_fixture(&f);
    const DbStep steps[] = {stmt("CREATE TABLE a (id integer)"),
                            stmt("-- dump\n\\restrict x1\nSET a = 1")};
    size_t done = 0;
    assert_err(run(&f, steps, 2, &done), E_INVALID, "\\restrict is a command of psql, no SQL");
    assert_int_equal(done, 1);
    arena_free(f.mem);
}

static void settings_of_the_session(void **unused) {
    (void)unused;
    static const struct {
        const char *sql;
        bool sets;
    } rows[] = {
        {"SET search_path TO app", true},
        {"-- c\nset role owner;", true},
        {"RESET ALL", true},
        {"SELECT pg_catalog.set_config('search_path', '', false);", true},
        {"SELECT set_config('a.b', 'c', false)", true},
        {"SELECT pg_catalog.setval('s', 1)", false},
        {"SET LOCAL lock_timeout = '1s'", false},
        {"SET TRANSACTION READ ONLY", false},
        {"SET CONSTRAINTS ALL DEFERRED", false},
        {"INSERT INTO a VALUES (1)", false},
    };
    Fixture f;
    open_fixture(&f);
    for (size_t i = 0; i < COUNT_OF(rows); i++)
        if (db_sets_session(f.db, str_from(rows[i].sql)) != rows[i].sets)
            fail_msg("%s", rows[i].sql);
    arena_free(f.mem);
}

// --- URLs
// -----------------------------------------------------------------------------------------

static void expect_open_error(const char *url, ErrCode code, const char *text) {
    AutoArena mem = arena_new(NULL);
    Db *db = NULL;
    AutoErr e = db_open(&db, url, NULL, mem);
    assert_non_null(e);
    assert_null(strstr(err_text(e), "s3cret"));
    if (!strstr(err_text(e), text))
        fail_msg("%s", err_text(e));
    assert_int_equal(err_code(e), code);
}

static void wrong_urls(void **unused) {
    (void)unused;
    expect_open_error("postgres://u:s3cret@h:port/d", E_INVALID, "the port is not a number");
    expect_open_error("postgres://u:s3cret%zz@h/d", E_INVALID, "bad percent-encoding");
    expect_open_error("postgres://u:s3cret@[::1/d", E_INVALID, "a bracket of the host is missing");
    expect_open_error("postgres://u:s3cret@h/d?sslmode=s3cret", E_INVALID,
                      "parameter sslmode of the database URL must be one of: disable allow prefer");
    expect_open_error("postgres://u:s3cret@h/d?a%20b=1", E_INVALID, "malformed database URL");
    expect_open_error("postgres://u:s3cret@127.0.0.1:1/d", E_DB, "Connection refused");
    expect_open_error("postgres://u:s3cret@127.0.0.1:1,localhost:1/d", E_DB, "refused");
    expect_open_error("postgresql:///d?host=/nowhere&user=u&password=s3cret", E_DB, "/nowhere");
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(wrong_urls),
        cmocka_unit_test(error_texts),
        cmocka_unit_test(deferred_constraint_fails_its_commit),
        cmocka_unit_test(several_commands_in_one_statement),
        cmocka_unit_test(copy_is_refused),
        cmocka_unit_test(psql_commands_are_refused),
        cmocka_unit_test(settings_of_the_session),
        cmocka_unit_test(statements_that_run_alone),
        cmocka_unit_test(sessions_may_change),
        cmocka_unit_test(execution_times),
        cmocka_unit_test(bound_and_unbound),
        cmocka_unit_test(everything_is_wiped),
        cmocka_unit_test(parameters),
        cmocka_unit_test(locks_name_their_holder),
        cmocka_unit_test(lock_and_read_is_fresh),
        cmocka_unit_test(rows_of_other_tools),
        cmocka_unit_test(ten_thousand_revisions),
        cmocka_unit_test(flights),
        cmocka_unit_test(atomic_statements),
    };
    const char *url = host_env(&host_system, "ATLAS_TEST_POSTGRES");
    if (!strchr(url, '?')) {
        fprintf(stderr,
                "set ATLAS_TEST_POSTGRES to the URL of a scratch database, with ?sslmode=\n");
        return 1;
    }
    return cmocka_run_group_tests_name("postgres", tests, NULL, NULL);
}
