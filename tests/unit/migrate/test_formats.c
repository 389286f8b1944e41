#include "helper.h"

static void expect(World *w, MigrateFormat format, const char *name, const char *const *texts) {
    MigrateDir *d = load(w, format);
    for (size_t i = 0; i < d->files.len; i++) {
        if (!cstr_eq(d->files.items[i].name, name))
            continue;
        SqlStmts stmts = {0};
        size_t n = 0;
        ok(migrate_file_stmts(&stmts, &d->files.items[i], SQL_SQLITE, w->mem));
        for (; texts[n]; n++) {
            assert_true(n < stmts.len);
            assert_string_equal(stmts.items[n].text.ptr, texts[n]);
        }
        assert_int_equal(stmts.len, n);
        return;
    }
    fail_msg("%s is not there", name);
}
#define EXPECT(format, name, ...) expect(w, format, name, (const char *const[]){__VA_ARGS__, NULL})

static void expect_bad(World *w, MigrateFormat format, const char *text) {
    SqlStmts stmts = {0};
    expect_err(migrate_file_stmts(&stmts, &load(w, format)->files.items[0], SQL_SQLITE, w->mem),
               E_SYNTAX, text);
}

static void expect_order(World *w, MigrateFormat format, const char *want) {
    MigrateDir *d = load(w, format);
    StrList parts = {0};
    for (size_t i = 0; i < d->files.len; i++)
        list_push(&parts, w->mem,
                  arena_printf(w->mem, "%s=%s/%s", d->files.items[i].name,
                               d->files.items[i].version, d->files.items[i].description));
    assert_string_equal(cstr_join(w->mem, &parts, " "), want);
}

static void test_golang_migrate(void **state) {
    World *w = *state;
    put(w, "1_initial.up.sql", "CREATE TABLE t (x);\n");
    put(w, "1_initial.down.sql", "DROP TABLE t;\n");
    put(w, "2.up.sql", "SELECT 1;");
    put(w, "other.sql", "SELECT 1;");
    expect_order(w, MIGRATE_GOLANG_MIGRATE, "1_initial.up.sql=1/initial 2.up.sql=2.up/");
    EXPECT(MIGRATE_GOLANG_MIGRATE, "1_initial.up.sql", "CREATE TABLE t (x);");
}

static void test_goose(void **state) {
    World *w = *state;
    put(w, "1_a.sql",
        "-- a comment\n-- +goose Up\nCREATE TABLE t (x);\n\n-- why;\nINSERT INTO t\nVALUES (1);\n"
        "-- +goose StatementBegin\nCREATE TRIGGER g AFTER INSERT ON t BEGIN\n  SELECT 1;\n"
        "END;\n-- +goose StatementEnd\nSELECT 'Down';\n-- +goose Down\nDROP TABLE t;\n");
    EXPECT(MIGRATE_GOOSE, "1_a.sql", "CREATE TABLE t (x);", "INSERT INTO t\nVALUES (1);",
           "CREATE TRIGGER g AFTER INSERT ON t BEGIN\n  SELECT 1;\nEND;", "SELECT 'Down';");
    put(w, "1_a.sql", "-- +goose Up\nSELECT 1;\n-- +goose StatementEnd\n");
    expect_bad(w, MIGRATE_GOOSE, "1_a.sql:3: unexpected goose pragma \"StatementEnd\"");
    put(w, "1_a.sql", "-- +goose Down\n");
    expect_bad(w, MIGRATE_GOOSE, "1_a.sql:1: unexpected goose pragma \"Down\"");
    put(w, "1_a.sql", "-- +goose Up\n-- +goose StatementBegin\nSELECT 1;\n");
    expect_bad(w, MIGRATE_GOOSE, "1_a.sql: StatementBegin without StatementEnd");
    put(w, "1_a.sql", "SELECT 1;\n");
    expect_bad(w, MIGRATE_GOOSE, "1_a.sql: no \"-- +goose Up\" line, so nothing would run");
}

static void test_dbmate(void **state) {
    World *w = *state;
    put(w, "1_a.sql",
        "-- migrate:up transaction:false\nSELECT 1;\nSELECT 'down';\n\n"
        "-- migrate:down\nDROP TABLE t;\n");
    EXPECT(MIGRATE_DBMATE, "1_a.sql", "SELECT 1;", "SELECT 'down';");
    put(w, "1_a.sql", "SELECT 1;\n");
    expect_bad(w, MIGRATE_DBMATE, "1_a.sql: no \"-- migrate:up\" line, so nothing would run");
}

static void test_liquibase(void **state) {
    World *w = *state;
    put(w, "1_a.sql",
        "--liquibase formatted sql\n--changeset atlas:1-1\n--comment: x\n"
        "CREATE TABLE t (x);\n--rollback: DROP TABLE t;\n"
        "CREATE TRIGGER g AFTER INSERT ON t BEGIN SELECT 1; END;\n");
    EXPECT(MIGRATE_LIQUIBASE, "1_a.sql", "CREATE TABLE t (x);",
           "CREATE TRIGGER g AFTER INSERT ON t BEGIN SELECT 1; END;");
}

static void test_flyway(void **state) {
    World *w = *state;
    mkdir(fs_join(w->mem, w->migrations, "v3"), 0755);
    mkdir(fs_join(w->mem, w->migrations, ".git"), 0755);
    put(w, "V1__one.sql", "");
    put(w, "V2__two.sql", "");
    put(w, "B2__base.sql", "");
    put(w, "B1__old.sql", "");
    put(w, "V10__ten.sql", "SELECT 10;");
    put(w, "V2.1__dot.sql", "");
    put(w, "V2_3__under.sql", "");
    put(w, "v3/V3__sub.sql", "");
    put(w, ".git/V4__hidden.sql", "");
    put(w, "R__views.sql", "");
    put(w, "R__again.sql", "");
    put(w, "U10__ten.sql", "");
    put(w, "x.sql", "");
    expect_order(
        w, MIGRATE_FLYWAY,
        "B2__base.sql=2/base V2.1__dot.sql=2.1/dot V2_3__under.sql=2_3/under "
        "v3/V3__sub.sql=3/sub V10__ten.sql=10/ten R__again.sql=/again R__views.sql=/views");
    MigrateDir *d = load(w, MIGRATE_FLYWAY);
    assert_non_null(strstr(migrate_sum_text(&d->files, w->mem).ptr, "\nv3/V3__sub.sql h1:"));
}

static void test_txtar(void **state) {
    World *w = *state;
    put(w, "1_a.sql",
        "-- atlas:txtar\n\n-- checks/destructive.sql --\n-- atlas:assert DS102\n\n"
        "SELECT NOT EXISTS (SELECT 1 FROM `t`) AS `is_empty`;\n\n-- checks/b.sql --\n"
        "-- atlas:assert oneof\n\nSELECT 1;\nSELECT 0;\n-- migration.sql --\nDROP TABLE `t`;\n");
    EXPECT(MIGRATE_ATLAS, "1_a.sql", "DROP TABLE `t`;");
    MigrateChecks checks = {0};
    MigrateDir *d = load(w, MIGRATE_ATLAS);
    ok(migrate_file_checks(&checks, &d->files.items[0], SQL_SQLITE, w->mem));
    assert_int_equal(checks.len, 2);
    assert_string_equal(checks.items[0].name, "checks/destructive.sql");
    assert_false(checks.items[0].one_of);
    assert_string_equal(checks.items[0].stmts.items[0].text.ptr,
                        "SELECT NOT EXISTS (SELECT 1 FROM `t`) AS `is_empty`;");
    assert_true(checks.items[1].one_of);
    assert_int_equal(checks.items[1].stmts.len, 2);
    put(w, "1_a.sql", "-- atlas:txtar\n\n-- checks.sql --\nSELECT 1;\n");
    expect_bad(w, MIGRATE_ATLAS,
               "1_a.sql: a txtar file without the section \"-- migration.sql --\"");
}

#define TEST(f) cmocka_unit_test_setup_teardown(f, world_setup, world_teardown)
int main(void) {
    const struct CMUnitTest tests[] = {
        TEST(test_golang_migrate), TEST(test_goose),  TEST(test_dbmate),
        TEST(test_liquibase),      TEST(test_flyway), TEST(test_txtar),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
