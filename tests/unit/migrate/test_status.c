#include "helper.h"

#define URL_JSON                                                                                   \
    "{\"Scheme\":\"sqlite\",\"Opaque\":\"\",\"User\":null,\"Host\":\"app.db\",\"Path\":\"\","      \
    "\"RawPath\":\"\",\"OmitHost\":false,\"ForceQuery\":false,\"RawQuery\":\"\",\"Fragment\":"     \
    "\"\","                                                                                        \
    "\"RawFragment\":\"\",\"Schema\":\"main\"}"
#define ENV                                                                                        \
    "\"Env\":{\"Driver\":\"sqlite\",\"URL\":" URL_JSON                                             \
    ",\"Dir\":\"file://migrations?format=atlas\"}"

static const char *status(World *w, Db *db) {
    Value *v = NULL;
    MigrateStatusParams p = {.db = db,
                             .url = "sqlite://app.db",
                             .dir = hashed(w),
                             .dir_url = "file://migrations?format=atlas"};
    ok(migrate_status(&v, &p, NULL, NULL, w->mem));
    return json_of(w, v);
}

static void apply(World *w, Db *db, int64_t amount, MigrateTxMode mode) {
    MigrateApplied out = {0};
    MigrateApplyParams p = {.db = db,
                            .dir = hashed(w),
                            .amount = amount,
                            .tx_mode = mode,
                            .operator_version = "Atlas CLI v1.0.0"};
    err_free(migrate_apply(&out, &p, w->mem));
}

static void test_status(void **state) {
    World *w = *state;
    Db *db = open_db(w, "app.db");
    assert_string_equal(status(w, db), "{" ENV ",\"Current\":\"No migration applied yet\","
                                       "\"Next\":\"Already at latest version\",\"Status\":\"OK\"}");
    put(w, "1_a.sql", "CREATE TABLE a (x);\n");
    put(w, "2.sql", "SELECT 1;\nSELECT 2;\nBAD;\n");
#define FILES                                                                                      \
    "{\"Name\":\"1_a.sql\",\"Version\":\"1\",\"Description\":\"a\"},"                              \
    "{\"Name\":\"2.sql\",\"Version\":\"2\"}"
    assert_string_equal(status(w, db), "{" ENV ",\"Available\":[" FILES "],\"Pending\":[" FILES "],"
                                       "\"Current\":\"No migration applied yet\",\"Next\":\"1\","
                                       "\"Status\":\"PENDING\"}");
    assert_string_equal(query(w, db, "SELECT count(*) FROM sqlite_master"), "0");
    apply(w, db, 1, MIGRATE_TX_FILE);
#define ROW1                                                                                       \
    "{\"Version\":\"1\",\"Description\":\"a\",\"Type\":\"applied\",\"Applied\":1,\"Total\":1,"     \
    "\"ExecutedAt\":\"\",\"ExecutionTime\":0,\"OperatorVersion\":\"Atlas CLI v1.0.0\"}"
    assert_string_equal(status(w, db), "{" ENV ",\"Available\":[" FILES "],"
                                       "\"Pending\":[{\"Name\":\"2.sql\",\"Version\":\"2\"}],"
                                       "\"Applied\":[" ROW1 "],\"Current\":\"1\",\"Next\":\"2\","
                                       "\"Status\":\"PENDING\"}");
    apply(w, db, 0, MIGRATE_TX_NONE);
    assert_string_equal(
        status(w, db),
        "{" ENV ",\"Available\":[" FILES "],\"Pending\":[{\"Name\":\"2.sql\",\"Version\":\"2\"}],"
        "\"Applied\":[" ROW1 ",{\"Version\":\"2\",\"Description\":\"\",\"Type\":\"applied\","
        "\"Applied\":2,\"Total\":3,\"ExecutedAt\":\"\",\"ExecutionTime\":0,"
        "\"Error\":\"near \\\"BAD\\\": syntax error\",\"ErrorStmt\":\"BAD;\","
        "\"OperatorVersion\":\"Atlas CLI v1.0.0\"}],\"Current\":\"2\",\"Next\":\"2\","
        "\"Count\":2,\"Total\":3,\"Status\":\"PENDING\","
        "\"Error\":\"near \\\"BAD\\\": syntax error\",\"SQL\":\"BAD;\"}");
    put(w, "2.sql", "SELECT 1;\nSELECT 2;\n");
    apply(w, db, 0, MIGRATE_TX_NONE);
    assert_non_null(strstr(status(w, db), "\"Current\":\"2\",\"Next\":\"Already at latest "
                                          "version\",\"Status\":\"OK\"}"));
    put(w, "3.sql", "SELECT 1;\n");
    put(w, "15_late.sql", "SELECT 1;\n");
    const char *text = status(w, db);
    assert_true(cstr_starts(text, "{" ENV ",\"OutOfOrder\":[{\"Name\":\"15_late.sql\","
                                  "\"Version\":\"15\",\"Description\":\"late\"}],"
                                  "\"Pending\":[{\"Name\":\"3.sql\",\"Version\":\"3\"}],"));
    assert_true(cstr_ends(text, "\"Current\":\"2\",\"Status\":\"PENDING\",\"Error\":\"migration "
                                "file 15_late.sql was added out of order. See: https://atlasgo.io/"
                                "versioned/apply#non-linear-error\"}"));
}

static void test_checkpoint_and_types(void **state) {
    World *w = *state;
    Db *db = open_db(w, "app.db");
    put(w, "1_a.sql", "SELECT 1;\n");
    put(w, "2_c.sql", "-- atlas:checkpoint\n\nSELECT 1;\n");
    put(w, "3_b.sql", "SELECT 1;\n");
    assert_true(cstr_starts(status(w, db), "{" ENV ",\"Available\":[{\"Name\":\"2_c.sql\""));
    ok(db_revisions_prepare(db, NULL));
    static const struct {
        int type;
        const char *text;
    } types[] = {{1, "baseline"},       {2, "applied"},
                 {4, "manually set"},   {6, "applied + manually set"},
                 {3, "unknown (0011)"}, {16, "unknown (10000)"}};
    for (size_t i = 0; i < COUNT_OF(types); i++) {
        ok(db_exec(db, arena_printf(w->mem,
                                    "REPLACE INTO atlas_schema_revisions VALUES ('1', 'a', %d, 1, "
                                    "1, '2024-05-01 08:00:00+00:00', 910000, NULL, NULL, '', NULL, "
                                    "'')",
                                    types[i].type)));
        Value *v = NULL;
        MigrateStatusParams p = {.db = db, .url = "sqlite://app.db", .dir = hashed(w)};
        ok(migrate_status(&v, &p, NULL, NULL, w->mem));
        assert_string_equal(value_get_text(value_at(value_get(v, "Applied"), 0), "Type"),
                            types[i].text);
        assert_non_null(strstr(json_text(w->mem, v, JSON_GO),
                               "\"ExecutedAt\":\"2024-05-01T08:00:00Z\",\"ExecutionTime\":910000"));
    }
}

#define TEST(f) cmocka_unit_test_setup_teardown(f, world_setup, world_teardown)
int main(void) {
    const struct CMUnitTest tests[] = {TEST(test_status), TEST(test_checkpoint_and_types)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
