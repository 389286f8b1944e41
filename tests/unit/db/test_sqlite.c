#include "atlas/db.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

static char dir[64];

static int setup(void **state) {
    (void)state;
    snprintf(dir, sizeof dir, "/tmp/test_sqlite_XXXXXX");
    return mkdtemp(dir) == NULL;
}

static int teardown(void **state) {
    (void)state;
    char cmd[100];
    snprintf(cmd, sizeof cmd, "rm -rf %s", dir);
    return system(cmd);
}

static Db *open_url(Arena *mem, const char *url) {
    Db *db = NULL;
    AutoErr e = db_open(&db, url, NULL, mem);
    if (e)
        fail_msg("%s: %s", url, err_text(e));
    return db;
}

static Db *open_file(Arena *mem, const char *name) {
    return open_url(mem, arena_printf(mem, "sqlite://%s/%s", dir, name));
}

static void ok(Err *e) {
    if (e)
        fail_msg("%s", err_text(e));
}

static void expect_open_error(const char *url, ErrCode code, const char *text) {
    AutoArena mem = arena_new(NULL);
    Db *db = NULL;
    AutoErr e = db_open(&db, url, NULL, mem);
    assert_non_null(e);
    assert_string_equal(err_text(e), text);
    assert_int_equal(err_code(e), code);
}

static const char *one(Db *db, const char *sql, Arena *mem) {
    DbRows rows = {0};
    ok(db_query(db, &rows, sql, NULL, 0, mem));
    return db_cell(&rows, 0, 0);
}

static void test_urls(void **state) {
    (void)state;
    AutoArena mem = arena_new(NULL);
    expect_open_error("app.db", E_INVALID, "the database URL has no scheme");
    expect_open_error("oracle://u:secret@h/x", E_INVALID, "unknown database driver \"oracle\"");
    expect_open_error("sqlserver://u:secret@h/x", E_UNSUPPORTED,
                      "this build has no driver for sqlserver databases");
    expect_open_error("sqlite://", E_INVALID,
                      "opening the sqlite database: the database URL names no file");
    expect_open_error("sqlite:///no/such/dir/x.db?_fk=1", E_DB,
                      "opening the sqlite database: /no/such/dir/x.db: unable to open database "
                      "file");
    expect_open_error("sqlite://x?mode=memory&_fk=maybe", E_INVALID,
                      "opening the sqlite database: parameter _foreign_keys of the database URL "
                      "must be one of: 0 1 no yes false true off on");
    Db *db = open_url(mem, "sqlite3://x?mode=memory&_fk=1&_synchronous=off&unknown=1");
    assert_string_equal(one(db, "PRAGMA foreign_keys", mem), "1");
    assert_string_equal(one(db, "PRAGMA synchronous", mem), "0");
    assert_string_equal(db_driver_name(db), "sqlite");
    assert_string_equal(db_schema(db), "main");
    assert_true(db_transactional_ddl(db));
    db = open_url(mem, arena_printf(mem, "sqlite://file:%s/u.db?_journal_mode=WAL", dir));
    assert_string_equal(one(db, "PRAGMA journal_mode", mem), "wal");
    open_url(mem, "sqlite://:memory:");
    // Shared memory: both see the table.
    Db *a = open_url(mem, "sqlite://shared?mode=memory&cache=shared");
    Db *b = open_url(mem, "sqlite://shared?mode=memory&cache=shared");
    ok(db_exec(a, "CREATE TABLE t (x)"));
    assert_string_equal(one(b, "SELECT name FROM sqlite_master", mem), "t");
    db_close(a);
    db_close(a);
    AutoErr e = db_ping(a);
    assert_string_equal(err_text(e), "the database connection is closed");
}

static void test_relative_path(void **state) {
    (void)state;
    AutoArena mem = arena_new(NULL);
    assert_int_equal(chdir(dir), 0);
    Db *db = open_url(mem, "sqlite://rel.db?_busy_timeout=10");
    ok(db_exec(db, "CREATE TABLE t (x); INSERT INTO t VALUES (1)"));
    assert_int_equal(fs_kind(fs_join(mem, dir, "rel.db")), FS_FILE);
    assert_int_equal(chdir("/"), 0);
}

static void test_query(void **state) {
    (void)state;
    AutoArena mem = arena_new(NULL);
    Db *db = open_url(mem, "sqlite://:memory:");
    DbRows rows = {0};
    DbValue args[] = {
        db_int(7), db_text("x"), db_text(NULL), {.kind = DB_BLOB, .text = str_slice("a\0b", 3)}};
    ok(db_query(db, &rows, "SELECT ? AS a, ? AS b, ?, ?, 1.5", args, 4, mem));
    assert_int_equal(rows.columns.len, 5);
    assert_string_equal(rows.columns.items[1], "b");
    assert_int_equal(rows.rows.items[0][0].integer, 7);
    assert_string_equal(db_cell(&rows, 0, 1), "x");
    assert_int_equal(rows.rows.items[0][2].kind, DB_NULL);
    assert_int_equal(rows.rows.items[0][3].text.len, 3);
    assert_string_equal(db_cell(&rows, 0, 4), "1.5");
    assert_string_equal(db_cell(&rows, 3, 9), "");
    AutoErr e = db_exec(db, "SELECT 1; BAD;");
    assert_string_equal(err_text(e), "near \"BAD\": syntax error");
    assert_int_equal(err_code(e), E_DB);
}

static DbStep stmt(const char *sql) {
    return (DbStep){.kind = DB_STEP_STATEMENT, .sql = str_from(sql)};
}

static void expect_run(Db *db, const DbStep *steps, size_t n, size_t want_done, const char *error) {
    size_t done = 0;
    AutoErr e = db_run(db, steps, n, NULL, &done);
    assert_string_equal(e ? err_text(e) : "", error);
    assert_int_equal(done, want_done);
}

static void test_run(void **state) {
    (void)state;
    AutoArena mem = arena_new(NULL);
    Db *db = open_url(mem, "sqlite://:memory:");
    const DbStep begin = {.kind = DB_STEP_BEGIN}, commit = {.kind = DB_STEP_COMMIT};
    DbStep good[] = {begin, stmt("CREATE TABLE t (x)"), stmt("INSERT INTO t VALUES (1)"), commit};
    expect_run(db, good, 4, 4, "");
    DbStep bad[] = {begin, stmt("INSERT INTO t VALUES (2)"), stmt("BAD"), commit};
    expect_run(db, bad, 4, 2, "near \"BAD\": syntax error");
    ok(db_rollback(db));
    ok(db_rollback(db));
    assert_string_equal(one(db, "SELECT count(*) FROM t", mem), "1");
    // A final comment is a statement of the scanner, and nothing to SQLite.
    expect_run(db, (DbStep[]){stmt("-- end"), stmt("/* x */;")}, 2, 2, "");
}

static void test_transaction_control(void **state) {
    (void)state;
    static const char *const refused[] = {"COMMIT;",         "end",
                                          "ROLLBACK;",       "/* x */ -- y\n commit transaction;",
                                          "BEGIN;",          "BEGIN IMMEDIATE; SELECT 1; END;",
                                          "SELECT 1; COMMIT"};
    static const char *const fine[] = {"SAVEPOINT a;", "ROLLBACK TO a;",
                                       "ROLLBACK TRANSACTION TO SAVEPOINT a;", "RELEASE a;"};
    AutoArena mem = arena_new(NULL);
    Db *db = open_url(mem, "sqlite://:memory:");
    ok(db_exec(db, "CREATE TABLE t (x)"));
    const DbStep begin = {.kind = DB_STEP_BEGIN}, commit = {.kind = DB_STEP_COMMIT};
    for (size_t i = 0; i < COUNT_OF(refused); i++) {
        DbStep steps[] = {begin, stmt("INSERT INTO t VALUES (1)"), stmt(refused[i]), commit};
        expect_run(db, steps, 4, 2, "the statement controls the transaction its file runs in");
        ok(db_rollback(db));
        assert_string_equal(one(db, "SELECT count(*) FROM t", mem), "0");
    }
    DbStep steps[] = {begin, stmt(fine[0]), stmt(fine[1]), stmt(fine[2]), stmt(fine[3]), commit};
    expect_run(db, steps, 6, 6, "");
    // Outside a transaction of ours it is the user's business, as long as it is ended.
    DbStep own[] = {stmt("BEGIN;"),  stmt("INSERT INTO t VALUES (1)"),
                    stmt("COMMIT;"), {.kind = DB_STEP_FILE_END},
                    stmt("BEGIN;"),  {.kind = DB_STEP_FILE_END}};
    expect_run(db, own, 6, 5, "the file leaves a transaction open");
    ok(db_rollback(db));
    assert_string_equal(one(db, "SELECT count(*) FROM t", mem), "1");
    DbStep vacuum[] = {begin, stmt("VACUUM"), commit};
    size_t done = 0;
    AutoErr e = db_run(db, vacuum, 3, NULL, &done);
    assert_string_equal(err_text(e), "cannot VACUUM from within a transaction");
    assert_string_equal(err_hint_text(e),
                        "put `-- atlas:txmode none` and a blank line at the top of the file");
    ok(db_rollback(db));
    DbStep free_steps[] = {stmt("VACUUM"), stmt("PRAGMA foreign_keys = on"),
                           stmt("ATTACH ':memory:' AS other"), stmt("DETACH other")};
    expect_run(db, free_steps, 4, 4, "");
}

static void test_foreign_keys(void **state) {
    (void)state;
    AutoArena mem = arena_new(NULL);
    Db *db = open_url(mem, "sqlite://:memory:?_fk=1");
    ok(db_exec(db, "CREATE TABLE p (id INTEGER PRIMARY KEY);"
                   "CREATE TABLE c (p int REFERENCES p (id)); INSERT INTO p VALUES (1), (2);"
                   "INSERT INTO c VALUES (1)"));
    const DbStep begin = {.kind = DB_STEP_BEGIN}, commit = {.kind = DB_STEP_COMMIT};
    // The table may be rebuilt: foreign keys are off inside.
    DbStep rebuild[] = {begin,
                        stmt("CREATE TABLE n (id INTEGER PRIMARY KEY)"),
                        stmt("INSERT INTO n SELECT id FROM p"),
                        stmt("DROP TABLE p"),
                        stmt("ALTER TABLE n RENAME TO p"),
                        commit};
    expect_run(db, rebuild, 6, 6, "");
    assert_string_equal(one(db, "PRAGMA foreign_keys", mem), "1");
    DbStep bad[] = {begin, stmt("INSERT INTO c VALUES (9)"), commit};
    expect_run(db, bad, 3, 2,
               "foreign key violations: table \"c\" references \"p\" (row 2, index 0)");
    ok(db_rollback(db));
    assert_string_equal(one(db, "PRAGMA foreign_keys", mem), "1");
    assert_string_equal(one(db, "SELECT count(*) FROM c", mem), "1");
}

static DbRevision revision(const char *version) {
    return (DbRevision){.version = version,
                        .description = "d",
                        .type = 2,
                        .applied = 1,
                        .total = 1,
                        .error = "",
                        .error_stmt = "",
                        .hash = "H",
                        .operator_version = "Atlas CLI v1"};
}

static void test_revisions(void **state) {
    (void)state;
    AutoArena mem = arena_new(NULL);
    Db *db = open_file(mem, "rev.db");
    DbState st = {0};
    ok(db_state_read(db, "", &st, mem));
    assert_false(st.has_table);
    assert_null(st.dirty);
    ok(db_revisions_prepare(db, NULL));
    ok(db_revisions_prepare(db, "main"));
    assert_string_equal(
        one(db, "SELECT sql FROM sqlite_master WHERE name = 'atlas_schema_revisions'", mem),
        "CREATE TABLE `atlas_schema_revisions` (`version` text NOT NULL, "
        "`description` text NOT NULL, `type` integer NOT NULL DEFAULT 2, "
        "`applied` integer NOT NULL DEFAULT 0, `total` integer NOT NULL DEFAULT 0, "
        "`executed_at` datetime NOT NULL, `execution_time` integer NOT NULL, "
        "`error` text NULL, `error_stmt` text NULL, `hash` text NOT NULL, "
        "`partial_hashes` json NULL, `operator_version` text NOT NULL, "
        "PRIMARY KEY (`version`))");
    DbRevision r = revision("2"), r1 = revision("10");
    (void)time_parse_rfc3339("2024-05-01T10:00:00.123456789+02:00", &r.executed_at);
    (void)time_parse_rfc3339("2024-05-01T10:00:00Z", &r1.executed_at);
    r.partial_hashes = "[\"h1:x\"]";
    DbStep steps[] = {{.kind = DB_STEP_REVISION, .revision = &r},
                      {.kind = DB_STEP_REVISION, .revision = &r1}};
    expect_run(db, steps, 2, 2, "");
    assert_string_equal(one(db,
                            "SELECT executed_at || '|' || partial_hashes || '|' || error FROM "
                            "atlas_schema_revisions WHERE version = '2'",
                            mem),
                        "2024-05-01 10:00:00.123456789+02:00|[\"h1:x\"]|");
    assert_string_equal(one(db,
                            "SELECT executed_at || '|' || partial_hashes FROM "
                            "atlas_schema_revisions WHERE version = '10'",
                            mem),
                        "2024-05-01 10:00:00+00:00|null");
    // On conflict: version, description and executed_at stay.
    DbRevision again = revision("2");
    again.description = "other";
    again.total = 5;
    (void)time_parse_rfc3339("2030-05-01T10:00:00Z", &again.executed_at);
    expect_run(db, &(DbStep){.kind = DB_STEP_REVISION, .revision = &again}, 1, 1, "");
    ok(db_state_read(db, "main", &st, mem));
    assert_int_equal(st.revisions.len, 2);
    assert_string_equal(st.revisions.items[0].version, "10");
    assert_string_equal(st.revisions.items[1].description, "d");
    assert_int_equal(st.revisions.items[1].total, 5);
    assert_null(st.revisions.items[1].partial_hashes);
    assert_int_equal(st.revisions.items[1].executed_at.nsec, 123456789);
    assert_int_equal(st.revisions.items[1].executed_at.offset, 7200);
    const char *id = NULL, *id2 = NULL;
    ok(db_target_id(db, "", &host_system, &id, mem));
    assert_int_equal(strlen(id), 36);
    ok(db_target_id(db, "", &host_system, &id2, mem));
    assert_string_equal(id, id2);
    ok(db_state_read(db, "main", &st, mem));
    assert_int_equal(st.revisions.len, 2);
    expect_run(db, &(DbStep){.kind = DB_STEP_FORGET, .revision = &r}, 1, 1, "");
    ok(db_state_read(db, "main", &st, mem));
    assert_int_equal(st.revisions.len, 1);
    AutoErr e = db_state_read(db, "other", &st, mem);
    assert_string_equal(err_text(e), "reading the revisions: SQLite keeps revisions in schema "
                                     "\"main\" only, not in \"other\"");
}

// What the Go program writes, a column too many, one too few.
static void test_foreign_layout(void **state) {
    (void)state;
    AutoArena mem = arena_new(NULL);
    Db *db = open_file(mem, "old.db");
    ok(db_exec(db, "CREATE TABLE `atlas_schema_revisions` (`version` text NOT NULL, `description` "
                   "text NOT NULL, `type` integer NOT NULL DEFAULT (2), `applied` integer NOT NULL "
                   "DEFAULT (0), `total` integer NOT NULL DEFAULT (0), `executed_at` datetime NOT "
                   "NULL, `execution_time` integer NOT NULL, `error` text NULL, `hash` text NOT "
                   "NULL, `partial_hashes` json NULL, `operator_version` text NOT NULL, `meta` "
                   "json NULL, PRIMARY KEY (`version`));"
                   "INSERT INTO atlas_schema_revisions VALUES ('1', 'a', 2, 1, 2, "
                   "'2024-05-01 10:00:00', 5, NULL, 'H', x'5b2268313a78225d', 'v', '{}'),"
                   "('2', '', 2, 1, 1, 1714557600, 5, '', 'H', 'null', 'v', NULL)"));
    DbState st = {0};
    for (int i = 0; i < 2; i++) {
        ok(db_state_read(db, "", &st, mem));
        assert_int_equal(st.revisions.len, 2);
        assert_string_equal(st.revisions.items[0].partial_hashes, "[\"h1:x\"]");
        assert_string_equal(st.revisions.items[0].error, "");
        assert_int_equal(st.revisions.items[0].executed_at.sec, 1714557600);
        assert_int_equal(st.revisions.items[1].executed_at.sec, 1714557600);
        assert_null(st.revisions.items[1].partial_hashes);
        ok(db_revisions_prepare(db, ""));
    }
    assert_string_equal(one(db,
                            "SELECT group_concat(name) FROM "
                            "pragma_table_info('atlas_schema_revisions')",
                            mem),
                        "version,description,type,applied,total,executed_at,execution_time,error,"
                        "error_stmt,hash,partial_hashes,operator_version");
    DbRevision r = revision("1");
    expect_run(db, &(DbStep){.kind = DB_STEP_REVISION, .revision = &r}, 1, 1, "");
}

static void test_clean(void **state) {
    (void)state;
    AutoArena mem = arena_new(NULL);
    Db *db = open_url(mem, "sqlite://:memory:");
    DbState st = {0};
    ok(db_revisions_prepare(db, ""));
    ok(db_exec(db, "CREATE VIEW v AS SELECT 1"));
    ok(db_state_read(db, "", &st, mem));
    assert_null(st.dirty);
    ok(db_exec(db, "CREATE TABLE a (x INTEGER PRIMARY KEY AUTOINCREMENT)"));
    ok(db_state_read(db, "", &st, mem));
    assert_string_equal(st.dirty, "found table \"a\"");
    ok(db_exec(db, "CREATE TABLE b (x)"));
    ok(db_state_read(db, "", &st, mem));
    assert_string_equal(st.dirty, "found multiple tables: 2");
    AutoErr e = db_check_empty(db);
    assert_string_equal(err_text(e),
                        "sql/migrate: connected database is not clean: found multiple tables: 4");
    ok(db_exec(db, "CREATE VIRTUAL TABLE f USING fts5 (x); CREATE TRIGGER tr AFTER INSERT ON b "
                   "BEGIN SELECT 1; END; CREATE INDEX i ON b (x)"));
    ok(db_wipe(db));
    ok(db_check_empty(db));
}

static void test_lock(void **state) {
    (void)state;
    AutoArena mem = arena_new(NULL);
    AutoArena other = arena_new(NULL);
    Db *a = open_file(mem, "lock.db"), *b = open_file(other, "lock.db");
    char *path = arena_printf(mem, "%s/lock.db.atlas-lock", dir);
    ok(db_lock(a, "atlas_migrate_execute", 0));
    Str content = {0};
    ok(fs_read(&content, path, 1000, mem));
    assert_true(cstr_starts(content.ptr, arena_printf(mem, "%d ", (int)getpid())));
    AutoErr e = db_lock(b, "atlas_migrate_execute", 50 * DURATION_MS);
    assert_int_equal(err_code(e), E_LOCKED);
    char host[256] = "";
    gethostname(host, sizeof host - 1);
    assert_string_equal(err_text(e),
                        arena_printf(mem,
                                     "acquiring database lock: \"atlas_migrate_execute\" is "
                                     "held by process %d on %s for 0s",
                                     (int)getpid(), host));
    ok(db_unlock(a));
    ok(db_unlock(a));
    assert_int_equal(fs_kind(path), FS_ABSENT);
    ok(db_lock(b, "x", 0));
    arena_clear(other); // closing releases
    ok(db_lock(a, "x", 0));
    ok(db_unlock(a));
    // A dead holder frees it; its file stays, and is reused.
    pid_t child = fork();
    if (child == 0) {
        AutoErr le = db_lock(a, "x", 0);
        _exit(le != NULL);
    }
    int status = 0;
    waitpid(child, &status, 0);
    assert_int_equal(status, 0);
    assert_int_equal(fs_kind(path), FS_FILE);
    ok(db_lock(a, "x", 0));
    ok(db_unlock(a));
    Db *m = open_url(mem, "sqlite://:memory:");
    ok(db_lock(m, "x", 0));
    ok(db_unlock(m));
}

static volatile sig_atomic_t cancel;
static void on_alarm(int sig) {
    cancel = sig;
}

static void test_interrupt(void **state) {
    (void)state;
    AutoArena mem = arena_new(NULL);
    Db *db = NULL;
    DbOptions options = {.cancel = &cancel};
    ok(db_open(&db, "sqlite://:memory:", &options, mem));
    signal(SIGALRM, on_alarm);
    ualarm(50000, 0);
    const DbStep steps[] = {
        {.kind = DB_STEP_BEGIN},
        stmt("CREATE TABLE t (x)"),
        stmt("WITH RECURSIVE c (x) AS (SELECT 1 UNION ALL SELECT x + 1 FROM c) SELECT max(x) FROM "
             "c"),
    };
    size_t done = 0;
    AutoErr e = db_run(db, steps, 3, NULL, &done);
    assert_string_equal(err_text(e), "interrupted");
    assert_int_equal(done, 2);
    ok(db_rollback(db));
    AutoErr again = db_exec(db, "SELECT 1");
    assert_string_equal(err_text(again), "interrupted");
    cancel = 0;
    assert_string_equal(one(db, "SELECT count(*) FROM sqlite_master", mem), "0");
}

static void test_fault(void **state) {
    (void)state;
    AutoArena mem = arena_new(NULL);
    Db *db = open_url(mem, "fault+sqlite://:memory:?fail_at=3");
    assert_string_equal(db_driver_name(db), "sqlite");
    ok(db_exec(db, "CREATE TABLE t (x)"));
    DbStep steps[] = {stmt("INSERT INTO t VALUES (1)"), stmt("INSERT INTO t VALUES (2)")};
    expect_run(db, steps, 2, 1, "injected fault at call 3");
    assert_string_equal(one(db, "SELECT count(*) FROM t", mem), "1");
    expect_open_error("fault+sqlite://:memory:", E_INVALID,
                      "opening the fault database: the fault driver needs fail_at=N");
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_urls),
        cmocka_unit_test(test_relative_path),
        cmocka_unit_test(test_query),
        cmocka_unit_test(test_run),
        cmocka_unit_test(test_transaction_control),
        cmocka_unit_test(test_foreign_keys),
        cmocka_unit_test(test_revisions),
        cmocka_unit_test(test_foreign_layout),
        cmocka_unit_test(test_clean),
        cmocka_unit_test(test_lock),
        cmocka_unit_test(test_interrupt),
        cmocka_unit_test(test_fault),
    };
    return cmocka_run_group_tests(tests, setup, teardown);
}
