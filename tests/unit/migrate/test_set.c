#include "helper.h"

static const char *set(World *w, Db *db, const char *version, const char *error) {
    Value *v = NULL;
    MigrateSetParams p = {.db = db, .dir = hashed(w), .version = version};
    Err *e = migrate_set(&v, &p, NULL, NULL, w->mem);
    if (!error)
        ok(e);
    else
        expect_err(e, err_code(e), error);
    return v ? json_text(w->mem, v, JSON_GO) : "";
}

static const char *rows(World *w, Db *db) {
    return query(w, db,
                 "SELECT group_concat(version || ':' || type || ':' || applied || '/' || "
                 "total || ':' || length(hash), ' ') FROM (SELECT * FROM "
                 "atlas_schema_revisions ORDER BY version)");
}

static void test_set(void **state) {
    World *w = *state;
    Db *db = open_db(w, "app.db");
    put(w, "1_a.sql", "SELECT 1;\n");
    put(w, "2_b.sql", "SELECT 1;\n");
    put(w, "3_c.sql", "SELECT 1;\nBAD;\n");
    set(w, db, NULL,
        "accepts 1 arg(s), received 0: the database has no revisions, so name the "
        "version to set");
    set(w, db, "9", "migration with version \"9\" not found");
    assert_string_equal(
        set(w, db, "2", NULL),
        "{\"Current\":\"2\",\"Revisions\":[{\"Version\":\"1\",\"Description\":\"a\","
        "\"Op\":\"+\"},{\"Version\":\"2\",\"Description\":\"b\",\"Op\":\"+\"}],"
        "\"Set\":2}");
    assert_string_equal(rows(w, db), "1:4:0/0:44 2:4:0/0:44");
    assert_string_equal(
        set(w, db, "1", NULL),
        "{\"Current\":\"1\",\"Revisions\":[{\"Version\":\"2\",\"Description\":\"b\","
        "\"Op\":\"-\"}],\"Removed\":1}");
    MigrateApplied out = {0};
    MigrateApplyParams p = {.db = db, .dir = hashed(w), .tx_mode = MIGRATE_TX_NONE};
    err_free(migrate_apply(&out, &p, w->mem));
    assert_string_equal(rows(w, db), "1:4:0/0:44 2:2:1/1:44 3:2:1/2:44");
    assert_string_equal(
        set(w, db, NULL, NULL),
        "{\"Current\":\"3\",\"Revisions\":[{\"Version\":\"3\",\"Description\":\"c\","
        "\"Op\":\"+\"}],\"Set\":1}");
    assert_string_equal(rows(w, db), "1:4:0/0:44 2:2:1/1:44 3:6:1/2:44");
    assert_string_equal(
        set(w, db, "2", NULL),
        "{\"Current\":\"2\",\"Revisions\":[{\"Version\":\"3\",\"Description\":\"c\","
        "\"Op\":\"-\"}],\"Removed\":1}");
    assert_string_equal(set(w, db, "2", NULL), "{\"Current\":\"2\"}");
    static const char *const names[] = {"1_a.sql", "2_b.sql", "3_c.sql"};
    for (size_t i = 0; i < COUNT_OF(names); i++)
        ok(fs_remove(fs_join(w->mem, w->migrations, names[i])));
    assert_string_equal(set(w, db, NULL, NULL),
                        "{\"Revisions\":[{\"Version\":\"1\",\"Description\":\"a\",\"Op\":\"-\"},"
                        "{\"Version\":\"2\",\"Description\":\"b\",\"Op\":\"-\"}],\"Removed\":2}");
    assert_string_equal(rows(w, db), "");
}

static void test_failure_changes_nothing(void **state) {
    World *w = *state;
    put(w, "1_a.sql", "SELECT 1;\n");
    put(w, "2_b.sql", "SELECT 1;\n");
    Db *db = NULL;
    char *path = arena_printf(w->mem, "%s/f.db", w->root);
    ok(db_open(&db, arena_printf(w->mem, "fault+sqlite://%s?fail_at=6", path), NULL, w->mem));
    set(w, db, "2", "writing the revisions: injected fault at call 6");
    db_close(db);
    assert_string_equal(rows(w, open_db(w, "f.db")), "");
}

static void test_checksum(void **state) {
    World *w = *state;
    Value *v = NULL;
    MigrateSumError where = {0};
    put(w, "1_a.sql", "SELECT 1;\n");
    hashed(w);
    put(w, "1_a.sql", "SELECT 2;\n");
    MigrateSetParams p = {.db = open_db(w, "a.db"), .dir = load(w, MIGRATE_ATLAS), .version = "1"};
    expect_err(migrate_set(&v, &p, &where, NULL, w->mem), E_CHECKSUM, "checksum mismatch");
    assert_int_equal(where.line, 2);
}

#define TEST(f) cmocka_unit_test_setup_teardown(f, world_setup, world_teardown)
int main(void) {
    const struct CMUnitTest tests[] = {TEST(test_set), TEST(test_failure_changes_nothing),
                                       TEST(test_checksum)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
