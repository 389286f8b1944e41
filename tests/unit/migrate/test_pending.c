// Which files a run selects, seen through dry runs.
#include "helper.h"

// Revisions as "version:type:applied/total" words.
static void revisions(World *w, Db *db, const char *text) {
    StrList words = cstr_split(w->mem, text, ' ');
    ok(db_revisions_prepare(db, NULL));
    ok(db_exec(db, "DELETE FROM atlas_schema_revisions"));
    for (size_t i = 0; *text && i < words.len; i++) {
        char version[32];
        unsigned type = 0;
        int applied = 0, total = 0;
        assert_int_equal(
            sscanf(words.items[i], "%31[^:]:%u:%d/%d", version, &type, &applied, &total), 4);
        DbRevision r = {.version = version,
                        .description = "d",
                        .type = type,
                        .applied = applied,
                        .total = total,
                        .error = "",
                        .error_stmt = "",
                        .hash = "",
                        .operator_version = ""};
        size_t done = 0;
        ok(db_run(db, &(DbStep){.kind = DB_STEP_REVISION, .revision = &r}, 1, NULL, &done));
    }
}

static const char *pending(World *w, const MigrateApplied *out) {
    StrList names = {0};
    const Value *list = value_get(out->report, "Pending");
    for (size_t i = 0; i < value_len(list); i++)
        list_push(&names, w->mem, value_get_text(value_at(list, i), "Version"));
    return cstr_join(w->mem, &names, " ");
}

static void expect(World *w, MigrateApplyParams p, const char *want) {
    MigrateApplied out = {0};
    p.dry_run = true;
    p.dir = p.dir ? p.dir : hashed(w);
    // A partial revision without hashes fails after the selection: the report is there.
    err_free(migrate_apply(&out, &p, w->mem));
    assert_non_null(out.report);
    assert_string_equal(pending(w, &out), want);
}

static void expect_error(World *w, MigrateApplyParams p, ErrCode code, const char *text) {
    MigrateApplied out = {0};
    p.dry_run = true;
    p.dir = p.dir ? p.dir : hashed(w);
    expect_err(migrate_apply(&out, &p, w->mem), code, text);
    assert_null(out.report);
}

static void files(World *w, const char *names) {
    StrList words = cstr_split(w->mem, names, ' ');
    for (size_t i = 0; i < words.len; i++) {
        bool checkpoint = strstr(words.items[i], "check") != NULL;
        put(w, arena_printf(w->mem, "%s.sql", words.items[i]),
            checkpoint ? "-- atlas:checkpoint\n\nSELECT 1;\n" : "SELECT 1;\nSELECT 2;\n");
    }
}

static void test_first_run(void **state) {
    World *w = *state;
    MigrateApplyParams p = {.db = open_db(w, "a.db")};
    expect(w, p, "");
    files(w, "1_a 2_b 3_c");
    expect(w, p, "1 2 3");
    p.amount = 2;
    expect(w, p, "1 2");
    p.to_version = "1";
    expect(w, p, "1");
    p.to_version = "7";
    expect_error(w, p, E_NOT_FOUND, "migration with version \"7\" not found");
    p.to_version = NULL;
    ok(db_exec(p.db, "CREATE TABLE t (x)"));
    expect_error(w, p, E_STATE,
                 "sql/migrate: connected database is not clean: found table \"t\". baseline "
                 "version or allow-dirty is required");
    p.amount = 0;
    p.allow_dirty = true;
    expect(w, p, "1 2 3");
    p.baseline = "2";
    expect_error(w, p, E_USAGE, "allow-dirty and baseline are mutually exclusive");
    p.allow_dirty = false;
    expect(w, p, "3");
    p.baseline = "9";
    expect_error(w, p, E_NOT_FOUND, "baseline version \"9\" not found");
}

static void test_checkpoints(void **state) {
    World *w = *state;
    MigrateApplyParams p = {.db = open_db(w, "a.db")};
    files(w, "1_a 2_check 3_b 4_check 5_c");
    expect(w, p, "4 5");
    p.to_version = "3";
    expect(w, p, "2 3");
    p.to_version = NULL;
    p.baseline = "1";
    expect(w, p, "3 5");
    p.baseline = "2"; // a checkpoint is none
    expect_error(w, p, E_NOT_FOUND, "baseline version \"2\" not found");
    p.baseline = NULL;
    revisions(w, p.db, "1:2:2/2");
    expect(w, p, "3 5");
    revisions(w, p.db, "1:2:1/2");
    expect(w, p, "1 3 5");
    revisions(w, p.db, "4:2:0/1"); // a partial checkpoint is finished
    expect(w, p, "4 5");
    revisions(w, p.db, "4:2:1/1");
    expect(w, p, "5");
}

static void test_next_runs(void **state) {
    World *w = *state;
    MigrateApplyParams p = {.db = open_db(w, "a.db")};
    files(w, "1_a 2_b 3_c");
    revisions(w, p.db, "1:2:2/2");
    p.baseline = "3"; // ignored once there are revisions
    expect(w, p, "2 3");
    revisions(w, p.db, "1:2:2/2 2:2:1/2");
    expect(w, p, "2 3");
    revisions(w, p.db, "1:2:2/2 2:6:1/2"); // resolved with `migrate set`
    expect(w, p, "3");
    revisions(w, p.db, "3:4:0/0");
    expect(w, p, "");
    p.to_version = "3";
    expect(w, p, "");
    p.to_version = NULL;
    revisions(w, p.db, "4:2:2/2");
    expect(w, p, "");
    revisions(w, p.db, "25:2:2/2");
    expect(w, p, "3");
    revisions(w, p.db, "0:2:2/2");
    expect(w, p, "1 2 3");
    revisions(w, p.db, "25:2:1/2");
    expect_error(w, p, E_STATE,
                 "sql/migrate: missing migration: file \"25_d.sql\" was applied partially and is "
                 "not in the directory");
}

static void test_out_of_order(void **state) {
    World *w = *state;
    MigrateApplyParams p = {.db = open_db(w, "a.db")};
    files(w, "1_a 2_b 3_c 4_d 5_e");
    revisions(w, p.db, "2:2:2/2 4:2:2/2");
    expect_error(w, p, E_STATE,
                 "migration file 3_c.sql was added out of order. See: "
                 "https://atlasgo.io/versioned/apply#non-linear-error");
    p.order = MIGRATE_LINEAR_SKIP;
    expect(w, p, "5");
    p.order = MIGRATE_NON_LINEAR;
    expect(w, p, "3 5");
    p.order = MIGRATE_LINEAR;
    revisions(w, p.db, "1:1:0/0 4:2:2/2");
    expect_error(w, p, E_STATE,
                 "migration files 2_b.sql, 3_c.sql were added out of order. See: "
                 "https://atlasgo.io/versioned/apply#non-linear-error");
    revisions(w, p.db, "1:1:0/0 4:2:1/2");
    p.order = MIGRATE_NON_LINEAR;
    expect(w, p, "2 3 4 5");
}

static void test_one_version_twice(void **state) {
    World *w = *state;
    MigrateApplyParams p = {.db = open_db(w, "a.db")};
    files(w, "1 10_x 1_b");
    expect_error(w, p, E_INVALID, "files 1.sql and 1_b.sql have the same version \"1\"");
}

static void test_words(void **state) {
    (void)state;
    MigrateTxMode mode = MIGRATE_TX_ALL;
    MigrateOrder order = MIGRATE_LINEAR;
    ok(migrate_tx_mode_parse(&mode, ""));
    assert_int_equal(mode, MIGRATE_TX_FILE);
    ok(migrate_order_parse(&order, "non-linear"));
    assert_int_equal(order, MIGRATE_NON_LINEAR);
    expect_err(migrate_tx_mode_parse(&mode, "x"), E_USAGE,
               "unknown tx-mode \"x\": it is one of file, all, none");
    expect_err(migrate_order_parse(&order, "x"), E_USAGE,
               "unknown exec-order \"x\": it is one of linear, linear-skip, non-linear");
}

#define TEST(f) cmocka_unit_test_setup_teardown(f, world_setup, world_teardown)
int main(void) {
    const struct CMUnitTest tests[] = {
        TEST(test_first_run),    TEST(test_checkpoints), TEST(test_next_runs),
        TEST(test_out_of_order), TEST(test_one_version_twice), TEST(test_words),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
