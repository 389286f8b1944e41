#include <signal.h>
#include <sys/wait.h>

#include "helper.h"

static MigrateApplied apply(World *w, MigrateApplyParams p, const char *error) {
    MigrateApplied out = {0};
    p.dir = p.dir ? p.dir : hashed(w);
    p.operator_version = "Atlas CLI v0.0.0";
    Err *e = migrate_apply(&out, &p, w->mem);
    if (error)
        expect_err(e, err_code(e), error);
    else
        ok(e);
    return out;
}

static const char *rows(World *w, Db *db) {
    return query(w, db,
                 "SELECT group_concat(version || ':' || type || ':' || applied || '/' || total || "
                 "':' || coalesce(error, '-') || ':' || partial_hashes, ' ') "
                 "FROM (SELECT * FROM atlas_schema_revisions ORDER BY version)");
}

static void test_report(void **state) {
    World *w = *state;
    Db *db = open_db(w, "app.db");
    put(w, "1_a.sql", "CREATE TABLE a (x int);\n");
    MigrateApplied out = apply(w, (MigrateApplyParams){.db = db}, NULL);
    assert_int_equal(out.done, 1);
    put(w, "2_b.sql", "SELECT 1;\nBAD;\n");
    put(w, "3.sql", "SELECT 3;\n");
    MigrateApplyParams p = {
        .db = db, .url = "sqlite://app.db?_fk=1", .dir_url = "file://migrations"};
    out = apply(w, p,
                "sql/migrate: executing statement \"BAD;\" from version \"2\": "
                "near \"BAD\": syntax error");
    assert_string_equal(
        json_of(w, out.report),
        "{\"Driver\":\"sqlite\",\"URL\":{\"Scheme\":\"sqlite\",\"Opaque\":\"\",\"User\":null,"
        "\"Host\":\"app.db\",\"Path\":\"\",\"RawPath\":\"\",\"OmitHost\":false,"
        "\"ForceQuery\":false,\"RawQuery\":\"_fk=1\",\"Fragment\":\"\",\"RawFragment\":\"\","
        "\"Schema\":\"main\"},\"Dir\":\"file://migrations\","
        "\"Pending\":[{\"Name\":\"2_b.sql\",\"Version\":\"2\",\"Description\":\"b\"},"
        "{\"Name\":\"3.sql\",\"Version\":\"3\"}],"
        "\"Applied\":[{\"Name\":\"2_b.sql\",\"Version\":\"2\",\"Description\":\"b\","
        "\"Start\":\"\",\"End\":\"\",\"Applied\":[\"SELECT 1;\",\"BAD;\"],"
        "\"Error\":{\"Stmt\":\"BAD;\",\"Text\":\"near \\\"BAD\\\": syntax error\"}}],"
        "\"Current\":\"1\",\"Target\":\"3\",\"Start\":\"\",\"End\":\"\","
        "\"Error\":\"sql/migrate: executing statement \\\"BAD;\\\" from version \\\"2\\\": "
        "near \\\"BAD\\\": syntax error\"}");
    assert_string_equal(rows(w, db), "1:2:1/1::null"); // no trace of 2
    assert_string_equal(out.from_version, "1");
    assert_string_equal(out.to_version, "3");
    assert_string_equal(out.current_version, "1");
    put(w, "2_b.sql", "SELECT 2;\n");
    out = apply(w, p, NULL);
    assert_string_equal(value_get_text(out.report, "Message"),
                        "Migrated to version 3 from 1 (2 migrations in total)");
    assert_string_equal(out.current_version, "3");
    assert_string_equal(rows(w, db), "1:2:1/1::null 2:2:1/1::null 3:2:1/1::null");
    out = apply(w, p, NULL);
    assert_string_equal(value_get_text(out.report, "Message"), "No migration files to execute");
    assert_string_equal(query(w, db,
                              "SELECT hash || '|' || operator_version || '|' || "
                              "(executed_at LIKE '20__-__-__ __:__:__%') || (execution_time > 0) "
                              "FROM atlas_schema_revisions WHERE version = '1'"),
                        arena_printf(w->mem, "%s|Atlas CLI v0.0.0|11",
                                     migrate_sum_entry(hashed(w), "1_a.sql", w->mem)));
}

static void test_checksum(void **state) {
    World *w = *state;
    put(w, "1_a.sql", "SELECT 1;\n");
    MigrateDir *dir = load(w, MIGRATE_ATLAS);
    MigrateApplied out = apply(w, (MigrateApplyParams){.db = open_db(w, "a.db"), .dir = dir},
                               "checksum file not found");
    assert_null(out.report);
    hashed(w);
    put(w, "1_a.sql", "SELECT 2;\n");
    out = apply(w, (MigrateApplyParams){.db = open_db(w, "a.db"), .dir = load(w, MIGRATE_ATLAS)},
                "checksum mismatch");
    assert_int_equal(out.sum.line, 2);
    assert_string_equal(out.sum.reason, "edited");
}

static void test_dry_run(void **state) {
    World *w = *state;
    Db *db = open_db(w, "a.db");
    put(w, "1_a.sql", "CREATE TABLE a (x int);\nBAD;\n");
    put(w, "2_b.sql", "SELECT 1;\n");
    MigrateApplied out = apply(w, (MigrateApplyParams){.db = db, .dry_run = true}, NULL);
    assert_string_equal(
        json_of(w, value_get(out.report, "Applied")),
        "[{\"Name\":\"1_a.sql\",\"Version\":\"1\",\"Description\":\"a\",\"Start\":\"\",\"End\":"
        "\"\",\"Applied\":[\"CREATE TABLE a (x int);\",\"BAD;\"]},{\"Name\":\"2_b.sql\","
        "\"Version\":\"2\",\"Description\":\"b\",\"Start\":\"\",\"End\":\"\",\"Applied\":"
        "[\"SELECT 1;\"]}]");
    assert_string_equal(query(w, db, "SELECT count(*) FROM sqlite_master"), "0");
    out = apply(w, (MigrateApplyParams){.db = db, .dry_run = true, .baseline = "1"}, NULL);
    assert_string_equal(value_get_text(out.report, "Current"), "1");
    assert_string_equal(query(w, db, "SELECT count(*) FROM sqlite_master"), "0");
}

static void test_baseline(void **state) {
    World *w = *state;
    Db *db = open_db(w, "a.db");
    ok(db_exec(db, "CREATE TABLE a (x int)"));
    put(w, "1_a.sql", "CREATE TABLE a (x int);\n");
    put(w, "2_b.sql", "ALTER TABLE a ADD COLUMN y;\n");
    MigrateApplied out = apply(w, (MigrateApplyParams){.db = db, .baseline = "1"}, NULL);
    assert_string_equal(value_get_text(out.report, "Message"),
                        "Migrated to version 2 from 1 (1 migrations in total)");
    assert_string_equal(rows(w, db), "1:1:0/0::null 2:2:1/1::null");
}

static void test_tx_all(void **state) {
    World *w = *state;
    Db *db = open_db(w, "a.db");
    MigrateApplyParams p = {.db = db, .tx_mode = MIGRATE_TX_ALL};
    put(w, "1_a.sql", "CREATE TABLE a (x int);\n");
    put(w, "2_b.sql", "CREATE TABLE b (x int);\nBAD;\n");
    MigrateApplied out = apply(w, p,
                               "sql/migrate: executing statement \"BAD;\" from version "
                               "\"2\": near \"BAD\": syntax error");
    assert_int_equal(out.done, 0);
    assert_string_equal(out.current_version, "");
    assert_int_equal(value_len(value_get(out.report, "Applied")), 2);
    assert_string_equal(query(w, db,
                              "SELECT group_concat(name) FROM sqlite_master WHERE type = "
                              "'table'"),
                        "atlas_schema_revisions");
    put(w, "2_b.sql", "CREATE TABLE b (x int);\n");
    apply(w, p, NULL);
    assert_string_equal(rows(w, db), "1:2:1/1::null 2:2:1/1::null");
}

static void test_tx_directives(void **state) {
    World *w = *state;
    Db *db = open_db(w, "a.db");
    put(w, "1_a.sql",
        "-- atlas:txmode none\n\nPRAGMA foreign_keys = on;\nVACUUM;\n"
        "ATTACH ':memory:' AS o;\nBEGIN;\nCREATE TABLE t (x);\nCOMMIT;\n"
        "DETACH o;\nPRAGMA foreign_keys = off;\n");
    MigrateApplyParams p = {.db = db, .tx_mode = MIGRATE_TX_ALL};
    MigrateApplied out = apply(w, p,
                               "cannot set txmode directive to \"none\" in \"1_a.sql\" when "
                               "txmode \"all\" is set globally");
    assert_non_null(out.report);
    assert_int_equal(value_len(value_get(out.report, "Applied")), 0);
    assert_int_equal(value_len(value_get(out.report, "Pending")), 1);
    p.tx_mode = MIGRATE_TX_FILE;
    apply(w, p, NULL);
    assert_string_equal(rows(w, db), "1:2:8/8::null");
    put(w, "2_b.sql", "-- atlas:txmode all\n\nSELECT 1;\n");
    apply(w, p, "unknown txmode \"all\" found in file directive \"2_b.sql\"");
    put(w, "2_b.sql", "-- atlas:txmode none\n-- atlas:txmode file\n\nSELECT 1;\n");
    apply(w, p, "multiple txmode values found in file \"2_b.sql\": none, file");
    put(w, "2_b.sql", "-- atlas:txmode file\n\nCREATE TABLE z (x);\nBAD;\n");
    p.tx_mode = MIGRATE_TX_NONE; // the file has its own transaction all the same
    apply(w, p,
          "sql/migrate: executing statement \"BAD;\" from version \"2\": near \"BAD\": "
          "syntax error");
    assert_string_equal(rows(w, db), "1:2:8/8::null");
}

static void test_own_transaction(void **state) {
    World *w = *state;
    Db *db = open_db(w, "a.db");
    MigrateApplyParams p = {.db = db};
    put(w, "1_a.sql", "CREATE TABLE a (x);\nCOMMIT;\n");
    apply(w, p,
          "sql/migrate: executing statement \"COMMIT;\" from version \"1\": the statement "
          "controls the transaction its file runs in");
    assert_string_equal(query(w, db, "SELECT count(*) FROM atlas_schema_revisions"), "0");
    assert_string_equal(query(w, db, "SELECT count(*) FROM sqlite_master WHERE name = 'a'"), "0");
    put(w, "1_a.sql", "-- atlas:txmode none\n\nBEGIN;\nCREATE TABLE a (x);\n");
    apply(w, p,
          "sql/migrate: ending the file of version \"1\": the file leaves a transaction open");
    assert_string_equal(query(w, db, "SELECT count(*) FROM sqlite_master WHERE name = 'a'"), "0");
}

static void test_resume(void **state) {
    World *w = *state;
    Db *db = open_db(w, "a.db");
    MigrateApplyParams p = {.db = db, .tx_mode = MIGRATE_TX_NONE};
    put(w, "1_a.sql", "CREATE TABLE a (x);\nINSERT INTO a VALUES (1);\nBAD;\nSELECT 4;\n");
    apply(w, p,
          "sql/migrate: executing statement \"BAD;\" from version \"1\": near \"BAD\": "
          "syntax error");
    // Digests of "CREATE TABLE a (x);" and of both statements together.
    assert_string_equal(
        rows(w, db),
        "1:2:2/4:near \"BAD\": syntax error:[\"h1:XU3947nd8KRrJBILuV6OwSqvZ4L0yUkSxJIVLfRPrCc=\","
        "\"h1:Gt3xg6c/CjRsFUYVwcvg3x0yFgzB7drtxNaLfLuf82Y=\"]");
}

static void test_resume_edited(void **state) {
    World *w = *state;
    Db *db = open_db(w, "a.db");
    MigrateApplyParams p = {.db = db, .tx_mode = MIGRATE_TX_NONE};
    put(w, "1_a.sql", "CREATE TABLE a (x);\nINSERT INTO a VALUES (1);\nBAD;\nSELECT 4;\n");
    apply(w, p,
          "sql/migrate: executing statement \"BAD;\" from version \"1\": near \"BAD\": "
          "syntax error");
    assert_string_equal(query(w, db, "SELECT error_stmt FROM atlas_schema_revisions"), "BAD;");
    put(w, "1_a.sql", "CREATE TABLE a (x);\nINSERT INTO a VALUES (2);\nSELECT 3;\n");
    apply(w, p, "sql/migrate: history changed: statement 2 from file \"1_a.sql\" changed");
    put(w, "1_a.sql", "CREATE TABLE a (x);\n");
    apply(w, p,
          "sql/migrate: history changed: file \"1_a.sql\" has 1 statements, but 2 of it were "
          "applied");
    // Another count of statements, the same beginning: finished and refreshed.
    put(w, "1_a.sql", "CREATE TABLE a (x);\nINSERT INTO a VALUES (1);\nSELECT 3;\n");
    MigrateApplied out = apply(w, p, NULL);
    const Value *file = value_at(value_get(out.report, "Applied"), 0);
    assert_int_equal(value_get_int(file, "Skipped"), 2);
    assert_int_equal(value_len(value_get(file, "Applied")), 1);
    assert_string_equal(rows(w, db), "1:2:3/3::null");
    assert_string_equal(query(w, db, "SELECT hash FROM atlas_schema_revisions"),
                        migrate_sum_entry(hashed(w), "1_a.sql", w->mem));
    assert_string_equal(query(w, db, "SELECT count(*) FROM a"), "1");
}

// A partial row as the Go program leaves it (vector of the engine's specification).
static void test_partial_hash_vector(void **state) {
    World *w = *state;
    Db *db = open_db(w, "a.db");
    put(w, "20240103090000.sql",
        "ALTER TABLE pets ADD COLUMN name text;\n"
        "INSERT INTO pets VALUES (1, 'a;b');\n");
    ok(db_exec(db, "CREATE TABLE pets (id int, name text)"));
    ok(db_revisions_prepare(db, NULL));
    ok(db_exec(db, "INSERT INTO atlas_schema_revisions VALUES ('20240103090000', '', 2, 1, 2, "
                   "'2024-01-03 09:00:00+00:00', 1, 'x', 'y', 'h', "
                   "'[\"h1:qaU0HlqEUXQ90MMIwsaL3a5JFNONLlryRq5OObkJjNA=\"]', 'Atlas CLI v1')"));
    MigrateApplied out = apply(w, (MigrateApplyParams){.db = db}, NULL);
    assert_int_equal(value_get_int(value_at(value_get(out.report, "Applied"), 0), "Skipped"), 1);
    assert_string_equal(query(w, db, "SELECT count(*) FROM pets"), "1");
    assert_string_equal(rows(w, db), "20240103090000:2:2/2::null");
}

static void test_long_file_without_transaction(void **state) {
    World *w = *state;
    Db *db = open_db(w, "a.db");
    Buf b;
    buf_init(&b, w->mem, SIZE_MAX);
    buf_str(&b, "CREATE TABLE t (x);\n");
    for (int i = 0; i < 300; i++)
        buf_printf(&b, "INSERT INTO t VALUES (%d);\n", i);
    buf_str(&b, "BAD;\n");
    put(w, "1_a.sql", b.ptr);
    MigrateApplyParams p = {.db = db, .tx_mode = MIGRATE_TX_NONE};
    apply(w, p,
          "sql/migrate: executing statement \"BAD;\" from version \"1\": near \"BAD\": "
          "syntax error");
    assert_string_equal(query(w, db,
                              "SELECT applied || '/' || total || '/' || "
                              "json_array_length(partial_hashes) FROM "
                              "atlas_schema_revisions"),
                        "301/302/301");
    b.len -= 5;
    b.ptr[b.len] = 0;
    put(w, "1_a.sql", b.ptr);
    apply(w, p, NULL);
    assert_string_equal(rows(w, db), "1:2:301/301::null");
    assert_string_equal(query(w, db, "SELECT count(*) FROM t"), "300");
}

static void test_checks(void **state) {
    World *w = *state;
    Db *db = open_db(w, "a.db");
    static const char *const file =
        "-- atlas:txtar\n\n-- checks.sql --\nSELECT NOT EXISTS (SELECT 1 FROM t);\nSELECT %s;\n"
        "-- migration.sql --\nDROP TABLE t;\n";
    put(w, "1_a.sql", "CREATE TABLE t (x);\nINSERT INTO t VALUES (1);\n");
    apply(w, (MigrateApplyParams){.db = db}, NULL);
    put(w, "2_b.sql", cstr_replace(w->mem, file, "%s", "0"));
    MigrateApplied out = apply(w, (MigrateApplyParams){.db = db},
                               "2 of 2 assertions failed: check assertion \"SELECT 0;\" returned "
                               "false");
    assert_string_equal(
        json_of(w, value_get(out.report, "Applied")),
        "[{\"Name\":\"2_b.sql\",\"Version\":\"2\",\"Description\":\"b\",\"Start\":\"\",\"End\":"
        "\"\",\"Checks\":[{\"Name\":\"checks.sql\",\"Stmts\":[{\"Stmt\":\"SELECT NOT EXISTS "
        "(SELECT 1 FROM t);\",\"Error\":\"check assertion \\\"SELECT NOT EXISTS (SELECT 1 FROM "
        "t);\\\" returned false\"},{\"Stmt\":\"SELECT 0;\",\"Error\":\"check assertion \\\"SELECT "
        "0;\\\" returned false\"}],\"Error\":{\"Stmt\":\"SELECT 0;\",\"Text\":\"2 of 2 assertions "
        "failed: check assertion \\\"SELECT 0;\\\" returned false\"},\"Start\":\"\",\"End\":\"\"}],"
        "\"Error\":{\"Stmt\":\"SELECT 0;\",\"Text\":\"2 of 2 assertions failed: check assertion "
        "\\\"SELECT 0;\\\" returned false\"}}]");
    assert_string_equal(query(w, db, "SELECT count(*) FROM t"), "1");
    ok(db_exec(db, "DELETE FROM t"));
    put(w, "2_b.sql", cstr_replace(w->mem, file, "%s", "1"));
    apply(w, (MigrateApplyParams){.db = db}, NULL);
    assert_string_equal(rows(w, db), "1:2:2/2::null 2:2:1/1::null");
}

static void test_syntax_error_first(void **state) {
    World *w = *state;
    Db *db = open_db(w, "a.db");
    put(w, "1_a.sql", "CREATE TABLE t (x);\n");
    put(w, "2_b.sql", "SELECT 1;\nSELECT (2;\n");
    MigrateApplied out = apply(w, (MigrateApplyParams){.db = db},
                               "2_b.sql:2:8: sql/migrate: scanning statements: unclosed '('");
    assert_int_equal(value_len(value_get(out.report, "Applied")), 0);
    assert_string_equal(query(w, db, "SELECT count(*) FROM sqlite_master WHERE name = 't'"), "0");
}

typedef struct Events {
    World *w;
    Buf log;
} Events;

static void on_event(void *ctx, const MigrateEvent *e) {
    Events *events = ctx;
    buf_printf(&events->log, "%d %s %zu/%zu %s;", (int)e->kind, e->file->version, e->stmt_index,
               e->stmt_count, cstr_or(e->stmt, ""));
}

static void test_events(void **state) {
    World *w = *state;
    Events events = {.w = w};
    buf_init(&events.log, w->mem, SIZE_MAX);
    put(w, "1_a.sql", "SELECT 1;\nSELECT 2;\n");
    apply(w,
          (MigrateApplyParams){.db = open_db(w, "a.db"), .event = on_event, .event_ctx = &events},
          NULL);
    assert_string_equal(events.log.ptr, "0 1 0/2 ;1 1 0/2 SELECT 1;;1 1 1/2 SELECT 2;;2 1 0/2 ;");
}

static void test_locked(void **state) {
    World *w = *state;
    Db *holder = open_db(w, "a.db");
    put(w, "1_a.sql", "SELECT 1;\n");
    ok(db_lock(holder, "x", 0));
    MigrateApplied out = {0};
    MigrateApplyParams p = {.db = open_db(w, "a.db"), .dir = hashed(w)};
    AutoErr e = migrate_apply(&out, &p, w->mem);
    assert_int_equal(err_code(e), E_LOCKED);
    assert_true(cstr_starts(err_text(e), "acquiring database lock: \"atlas_migrate_execute\" is "
                                         "held by process "));
    assert_null(out.report);
}

static volatile sig_atomic_t cancel;
static void cancel_at_2(void *ctx, const MigrateEvent *e) {
    (void)ctx;
    if (e->kind == MIGRATE_EVENT_STATEMENT && cstr_eq(e->file->version, "2"))
        cancel = 1;
}

static void test_cancel(void **state) {
    World *w = *state;
    static const MigrateTxMode modes[] = {MIGRATE_TX_FILE, MIGRATE_TX_ALL, MIGRATE_TX_NONE};
    static const char *const left[] = {"1:2:2/2", "", "1:2:2/2 2:2:1/2"};
    put(w, "1_a.sql", "CREATE TABLE a (x);\nSELECT 1;\n");
    put(w, "2_b.sql", "CREATE TABLE b (x);\nSELECT 2;\n");
    for (size_t i = 0; i < COUNT_OF(modes); i++) {
        char *url = arena_printf(w->mem, "sqlite://%s/c%zu.db", w->root, i);
        DbOptions options = {.cancel = &cancel};
        MigrateApplied out = {0};
        MigrateApplyParams p = {
            .tx_mode = modes[i], .dir = hashed(w), .cancel = &cancel, .event = cancel_at_2};
        cancel = 0;
        ok(db_open(&p.db, url, &options, w->mem));
        AutoErr e = migrate_apply(&out, &p, w->mem);
        assert_non_null(strstr(err_text(e), "interrupted"));
        assert_int_equal(err_code(e), E_STATE);
        cancel = 0;
        assert_string_equal(query(w, p.db,
                                  "SELECT group_concat(version || ':' || type || ':' || "
                                  "applied || '/' || total, ' ') FROM "
                                  "atlas_schema_revisions"),
                            left[i]);
        p.event = NULL;
        ok(migrate_apply(&out, &p, w->mem));
        assert_string_equal(query(w, p.db,
                                  "SELECT group_concat(applied || '/' || total) FROM "
                                  "atlas_schema_revisions"),
                            "2/2,2/2");
    }
}

static void kill_self(void *ctx, const MigrateEvent *e) {
    int *left = ctx;
    (void)e;
    if ((*left)-- == 0)
        kill(getpid(), SIGKILL);
}

// Dies at every event in turn; the next run must complete the work exactly once.
static void test_kill(void **state) {
    World *w = *state;
    static const MigrateTxMode modes[] = {MIGRATE_TX_FILE, MIGRATE_TX_ALL, MIGRATE_TX_NONE};
    put(w, "1_a.sql", "CREATE TABLE a (x);\nINSERT INTO a VALUES (1);\n");
    put(w, "2_b.sql", "INSERT INTO a VALUES (2);\nINSERT INTO a VALUES (3);\n");
    MigrateDir *dir = hashed(w);
    for (size_t m = 0; m < COUNT_OF(modes); m++) {
        for (int k = 0; k < 8; k++) {
            char *name = arena_printf(w->mem, "k%zu_%d.db", m, k);
            pid_t child = fork();
            if (child == 0) {
                MigrateApplied out = {0};
                int left = k;
                MigrateApplyParams p = {.db = open_db(w, name),
                                        .dir = dir,
                                        .tx_mode = modes[m],
                                        .event = kill_self,
                                        .event_ctx = &left};
                err_free(migrate_apply(&out, &p, w->mem));
                _exit(0);
            }
            int status = 0;
            waitpid(child, &status, 0);
            assert_true(WIFSIGNALED(status));
            Db *db = open_db(w, name);
            MigrateApplied out = {0};
            MigrateApplyParams p = {.db = db, .dir = dir, .tx_mode = modes[m]};
            AutoErr e = migrate_apply(&out, &p, w->mem);
            if (e)
                fail_msg("mode %zu, killed at event %d: %s", m, k, err_text(e));
            assert_string_equal(query(w, db, "SELECT group_concat(x) FROM a"), "1,2,3");
            assert_string_equal(rows(w, db), "1:2:2/2::null 2:2:2/2::null");
        }
    }
}

// Every call fails in turn: never a half-recorded file, and the next run completes.
// A statement that no transaction can hold is marked before it runs.
static void test_in_flight(void **state) {
    World *w = *state;
    Db *db = open_db(w, "a.db");
    put(w, "1_a.sql", "-- atlas:txmode none\n\nCREATE TABLE a (x int);\nVACUUM;\nBAD;\n");
    MigrateApplyParams p = {.db = db};
    apply(w, p,
          "sql/migrate: executing statement \"BAD;\" from version \"1\": near \"BAD\": syntax "
          "error");
    assert_string_equal(query(w, db,
                              "SELECT applied || error || error_stmt || "
                              "json_array_length(partial_hashes) FROM atlas_schema_revisions"),
                        "2near \"BAD\": syntax errorBAD;2");
    ok(db_exec(db, "UPDATE atlas_schema_revisions SET applied = 1, error_stmt = 'VACUUM;', "
                   "error = 'in flight: the run ended before it was known whether this statement "
                   "took effect', partial_hashes = json_remove(partial_hashes, '$[1]')"));
    put(w, "1_a.sql", "-- atlas:txmode none\n\nCREATE TABLE a (x int);\nVACUUM;\nSELECT 1;\n");
    MigrateApplied out = apply(w, p, NULL);
    assert_int_equal(value_get_int(value_at(value_get(out.report, "Applied"), 0), "Skipped"), 1);
    assert_string_equal(rows(w, db), "1:2:3/3::null");
}

static void test_faults(void **state) {
    World *w = *state;
    static const MigrateTxMode modes[] = {MIGRATE_TX_FILE, MIGRATE_TX_ALL, MIGRATE_TX_NONE};
    put(w, "1_a.sql", "CREATE TABLE a (x);\nINSERT INTO a VALUES (1);\n");
    put(w, "2_b.sql", "INSERT INTO a VALUES (2);\nINSERT INTO a VALUES (3);\n");
    MigrateDir *dir = hashed(w);
    for (size_t m = 0; m < COUNT_OF(modes); m++) {
        bool failed = true;
        for (int k = 1; failed; k++) {
            MigrateApplied out = {0};
            MigrateApplyParams p = {.dir = dir, .tx_mode = modes[m]};
            char *path = arena_printf(w->mem, "%s/f%zu_%d.db", w->root, m, k);
            ok(db_open(&p.db, arena_printf(w->mem, "fault+sqlite://%s?fail_at=%d", path, k), NULL,
                       w->mem));
            Err *e = migrate_apply(&out, &p, w->mem);
            failed = e != NULL;
            err_free(e);
            db_close(p.db);
            ok(db_open(&p.db, arena_printf(w->mem, "sqlite://%s", path), NULL, w->mem));
            ok(migrate_apply(&out, &p, w->mem));
            assert_string_equal(query(w, p.db, "SELECT group_concat(x) FROM a"), "1,2,3");
            assert_string_equal(rows(w, p.db), "1:2:2/2::null 2:2:2/2::null");
            assert_true(k < 50);
        }
    }
}

static void test_formats(void **state) {
    World *w = *state;
    Db *db = open_db(w, "a.db");
    put(w, "1_a.sql", "-- +goose Up\nCREATE TABLE a (x);\n-- +goose Down\nDROP TABLE a;\n");
    MigrateDir *dir = load(w, MIGRATE_GOOSE);
    ok(migrate_hash(dir, w->mem));
    apply(w, (MigrateApplyParams){.db = db, .dir = dir}, NULL);
    assert_string_equal(query(w, db, "SELECT count(*) FROM a"), "0");
}

#define TEST(f) cmocka_unit_test_setup_teardown(f, world_setup, world_teardown)
int main(void) {
    const struct CMUnitTest tests[] = {
        TEST(test_report),
        TEST(test_checksum),
        TEST(test_dry_run),
        TEST(test_baseline),
        TEST(test_tx_all),
        TEST(test_tx_directives),
        TEST(test_own_transaction),
        TEST(test_resume),
        TEST(test_resume_edited),
        TEST(test_partial_hash_vector),
        TEST(test_long_file_without_transaction),
        TEST(test_checks),
        TEST(test_syntax_error_first),
        TEST(test_events),
        TEST(test_locked),
        TEST(test_cancel),
        TEST(test_kill),
        TEST(test_in_flight),
        TEST(test_faults),
        TEST(test_formats),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
