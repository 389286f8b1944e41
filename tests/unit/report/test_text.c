#include "support.h"

typedef void Render(Buf *, const Value *);

static void check(Render *render, const char *json, const char *expected) {
    AutoArena mem = arena_new(NULL);
    Buf out;
    buf_init(&out, mem, BUF_MAX_TEXT);
    render(&out, report(mem, json));
    assert_string_equal(out.ptr, expected);
}

#define PENDING2                                                                                   \
    "\"Pending\":[{\"Name\":\"2_a.sql\",\"Version\":\"2\"},{\"Name\":\"3.sql\",\"Version\":\"3\"}" \
    "]"

static void test_apply_failure(void **state) {
    (void)state;
    check(report_apply_text,
          "{" PENDING2 ",\"Current\":\"1\",\"Target\":\"3\"," T0
          "," END("0041") ",\"Error\":\"sql/migrate: executing statement\",\"Applied\":["
                          "{\"Version\":\"2\"," T0
                          "," END("0012") ",\"Applied\":[\"CREATE TABLE a (x int);\"]},"
                                          "{\"Version\":\"3\"," T0
                                          "," END("002") ",\"Applied\":[\"CREATE TABLE b (\\n  y "
                                                         "int\\n);\",\"BAD;\"],"
                                                         "\"Error\":{\"Stmt\":\"BAD;\",\"Text\":"
                                                         "\"near \\\"BAD\\\": syntax error\"}}]}",
          "Migrating to version 3 from 1 (2 migrations in total):\n"
          "\n"
          "  -- migrating version 2\n"
          "    -> CREATE TABLE a (x int);\n"
          "  -- ok (1.2ms)\n"
          "\n"
          "  -- migrating version 3\n"
          "    -> CREATE TABLE b (\n"
          "         y int\n"
          "       );\n"
          "    -> BAD;\n"
          "    near \"BAD\": syntax error\n"
          "\n"
          "  -------------------------\n"
          "  -- 4.1ms\n"
          "  -- 1 migration ok, 1 with errors\n"
          "  -- 2 sql statements ok, 1 with errors\n");
}

static void test_apply_checks(void **state) {
    (void)state;
    check(report_apply_text,
          "{\"Pending\":[{\"Version\":\"7\"}],\"Target\":\"7\"," T0
          "," END("002") ",\"Applied\":["
                         "{\"Version\":\"7\"," T0
                         "," END("0008") ",\"Applied\":[\"DROP TABLE a;\"],\"Checks\":[{" T0
                                         "," END("0003") ",\"Stmts\":[{\"Stmt\":\"SELECT NOT "
                                                         "EXISTS (SELECT 1 FROM a);\"}]}]}]}",
          "Migrating to version 7 (1 migrations in total):\n"
          "\n"
          "  -- checks before migrating version 7\n"
          "    -> SELECT NOT EXISTS (SELECT 1 FROM a);\n"
          "  -- ok (300µs)\n"
          "\n"
          "  -- migrating version 7\n"
          "    -> DROP TABLE a;\n"
          "  -- ok (800µs)\n"
          "\n"
          "  -------------------------\n"
          "  -- 2ms\n"
          "  -- 1 migration\n"
          "  -- 1 check\n"
          "  -- 1 sql statement\n");
}

static void test_apply_failed_check(void **state) {
    (void)state;
    check(report_apply_text,
          "{\"Pending\":[{\"Version\":\"7\"}],\"Target\":\"7\",\"Error\":\"x\"," T0
          "," END("002") ",\"Applied\":[{\"Version\":\"7\"," T0
                         "," END("0008") ",\"Error\":{\"Stmt\":\"S2;\","
                                         "\"Text\":\"1 of 2 assertions failed\"},\"Checks\":[{" T0
                                         "," END("0003") ",\"Error\":{\"Stmt\":\"S2;\",\"Text\":"
                                                         "\"1 of 2 assertions failed\"},\"Stmts\":"
                                                         "[{\"Stmt\":\"S1;\"},{\"Stmt\":\"S2;\","
                                                         "\"Error\":\"returned false\"}]}]}]}",
          "Migrating to version 7 (1 migrations in total):\n"
          "\n"
          "  -- checks before migrating version 7\n"
          "    -> S1;\n"
          "    -> S2;\n"
          "    1 of 2 assertions failed\n"
          "\n"
          "  -------------------------\n"
          "  -- 2ms\n"
          "  -- 1 migration with errors\n"
          "  -- 1 check ok, 1 failure\n");
}

static void test_apply_edges(void **state) {
    (void)state;
    check(report_apply_text, "{" T0 "," END("1") ",\"Message\":\"No migration files to execute\"}",
          "No migration files to execute\n");
    check(report_apply_text,
          "{" PENDING2 ",\"Current\":\"1\",\"Target\":\"3\",\"Error\":\"bad txmode\\nmore\"," T0
          "," END("001") "}",
          "Migrating to version 3 from 1 (2 migrations in total):\n"
          "\n"
          "    bad txmode\n"
          "    more\n"
          "\n"
          "  -------------------------\n"
          "  -- 1ms\n");
}

static void test_status(void **state) {
    (void)state;
    check(report_status_text,
          "{\"Status\":\"PENDING\",\"Current\":\"4\",\"Next\":\"4\",\"Count\":1,\"Total\":3,"
          "\"Applied\":[{},{},{},{}],\"Pending\":[{\"Version\":\"4\"}],\"SQL\":\"BAD;\","
          "\"Error\":\"near \\\"BAD\\\": syntax error\"}",
          "Migration Status: PENDING\n"
          "  -- Current Version: 4 (1 statements applied)\n"
          "  -- Next Version:    4 (2 statements left)\n"
          "  -- Executed Files:  4 (last one partially)\n"
          "  -- Pending Files:   1\n"
          "\n"
          "Last migration attempt had errors:\n"
          "  -- SQL:   BAD;\n"
          "  -- ERROR: near \"BAD\": syntax error\n");
    check(report_status_text,
          "{\"Status\":\"OK\",\"Current\":\"2\",\"Next\":\"Already at latest version\","
          "\"Applied\":[{},{}]}",
          "Migration Status: OK\n"
          "  -- Current Version: 2\n"
          "  -- Next Version:    Already at latest version\n"
          "  -- Executed Files:  2\n"
          "  -- Pending Files:   0\n");
    check(report_status_text,
          "{\"Status\":\"PENDING\",\"Current\":\"No migration applied yet\",\"Next\":\"3\","
          "\"Pending\":[{\"Version\":\"3\",\"IsCheckpoint\":true}]}",
          "Migration Status: PENDING\n"
          "  -- Current Version: No migration applied yet\n"
          "  -- Next Version:    3 (checkpoint)\n"
          "  -- Executed Files:  0\n"
          "  -- Pending Files:   1\n");
}

static void test_status_out_of_order(void **state) {
    (void)state;
    check(report_status_text,
          "{\"Status\":\"PENDING\",\"Current\":\"3\",\"Applied\":[{},{}],\"Pending\":[{}],"
          "\"OutOfOrder\":[{},{}],\"Error\":\"files were added out of order\"}",
          "Migration Status: PENDING\n"
          "  -- Current Version: 3\n"
          "  -- Next Version:    UNKNOWN\n"
          "  -- Executed Files:  2\n"
          "  -- Pending Files:   3 (2 out of order)\n"
          "\n"
          "  ERROR: files were added out of order\n");
    check(report_status_text,
          "{\"Status\":\"PENDING\",\"Current\":\"3\",\"OutOfOrder\":[{}],\"Error\":\"e\"}",
          "Migration Status: PENDING\n"
          "  -- Current Version: 3\n"
          "  -- Next Version:    UNKNOWN\n"
          "  -- Executed Files:  0\n"
          "  -- Pending Files:   1 (out of order)\n"
          "\n"
          "  ERROR: e\n");
}

static void test_set(void **state) {
    (void)state;
    check(report_set_text,
          "{\"Current\":\"5\",\"Set\":1,\"Removed\":1,\"Revisions\":["
          "{\"Version\":\"5\",\"Description\":\"add pets\",\"Op\":\"+\"},"
          "{\"Version\":\"6\",\"Description\":\"\",\"Op\":\"-\"}]}",
          "Current version is 5 (1 set, 1 removed):\n\n  + 5 (add pets)\n  - 6\n\n");
    check(report_set_text,
          "{\"Current\":\"5\",\"Removed\":1,\"Revisions\":[{\"Version\":\"6\",\"Op\":\"-\"}]}",
          "Current version is 5 (1 removed):\n\n  - 6\n\n");
    check(report_set_text, "{\"Removed\":1,\"Revisions\":[{\"Version\":\"6\",\"Op\":\"-\"}]}",
          "All revisions deleted (1 in total):\n\n  - 6\n\n");
    check(report_set_text, "{\"Current\":\"5\"}", "");
}

static void test_url(void **state) {
    (void)state;
    AutoArena mem = arena_new(NULL);
    Value *v, *env = value_map(mem);
    v = report_url("sqlite://app.db?_fk=1", "main", mem);
    report_env(env, &(ReportEnv){"sqlite", v, "file://migrations"}, mem);
    assert_string_equal(
        json_text(mem, env, JSON_GO),
        "{\"Driver\":\"sqlite\",\"URL\":{\"Scheme\":\"sqlite\",\"Opaque\":\"\",\"User\":null,"
        "\"Host\":\"app.db\",\"Path\":\"\",\"RawPath\":\"\",\"OmitHost\":false,\"ForceQuery\":"
        "false,"
        "\"RawQuery\":\"_fk=1\",\"Fragment\":\"\",\"RawFragment\":\"\",\"Schema\":\"main\"},"
        "\"Dir\":\"file://migrations\"}");
    v = report_url("postgres://u:secret@h:5432/d", "public", mem);
    assert_string_equal(v->text, "postgres://u:xxxxx@h:5432/d");
    assert_string_equal(value_get_text(v, "String"), "postgres://u:secret@h:5432/d");
    assert_string_equal(value_get_text(v, "Hostname"), "h");
    assert_string_equal(value_get_text(v, "Port"), "5432");
    const char *json = json_text(mem, v, JSON_GO);
    assert_non_null(strstr(json, "\"User\":{}"));
    assert_null(strstr(json, "secret"));
    env = value_map(mem);
    report_env(env, &(ReportEnv){.dir = "s3://b/k?token=abcdef"}, mem);
    assert_string_equal(json_text(mem, env, JSON_GO), "{\"Dir\":\"s3://b/k?token=xxxxx\"}");
    v = report_url("postgres://h/d?sslmode=disable&password=s3cret&a=1#f", "", mem);
    assert_string_equal(value_get_text(v, "RawQuery"), "sslmode=disable&password=xxxxx&a=1");
    assert_null(strstr(json_text(mem, v, JSON_GO), "s3cret"));
    v = report_url("", "", mem);
    assert_int_equal(v->kind, V_NULL);
    v = report_url("postgres://u:secret@h:port/d", "", mem); // no URL by the book
    assert_string_equal(value_get_text(v, "Scheme"), "postgres");
    assert_null(strstr(value_get_text(v, "Redacted"), "secret"));
    assert_null(strstr(json_text(mem, v, JSON_GO), "secret"));
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_apply_failure),
        cmocka_unit_test(test_apply_checks),
        cmocka_unit_test(test_apply_failed_check),
        cmocka_unit_test(test_apply_edges),
        cmocka_unit_test(test_status),
        cmocka_unit_test(test_status_out_of_order),
        cmocka_unit_test(test_set),
        cmocka_unit_test(test_url),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
