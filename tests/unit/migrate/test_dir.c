#include "helper.h"

static void test_names(void **state) {
    World *w = *state;
    put(w, "2_b_c.sql", "");
    put(w, "10_x.sql", "");
    put(w, "3.sql", "");
    put(w, "notes.txt", "");
    put(w, "up.SQL", "");
    mkdir(fs_join(w->mem, w->migrations, "sub.sql"), 0755);
    put(w, "real", "SELECT 1;\n");
    assert_int_equal(symlink("real", fs_join(w->mem, w->migrations, "4_link.sql")), 0);
    MigrateDir *d = load(w, MIGRATE_ATLAS);
    assert_int_equal(d->files.len, 4);
    assert_string_equal(d->files.items[0].name, "10_x.sql");
    assert_string_equal(d->files.items[1].version, "2");
    assert_string_equal(d->files.items[1].description, "b_c");
    assert_string_equal(d->files.items[2].version, "3");
    assert_string_equal(d->files.items[2].description, "");
    assert_string_equal(d->files.items[3].content.ptr, "SELECT 1;\n");
    StrList ls = migrate_ls(d, false, false, w->mem);
    assert_string_equal(cstr_join(w->mem, &ls, " "), "10_x.sql 2_b_c.sql 3.sql 4_link.sql");
    ls = migrate_ls(d, true, false, w->mem);
    assert_string_equal(cstr_join(w->mem, &ls, " "), "10 2 3 4");
    ls = migrate_ls(d, true, true, w->mem);
    assert_string_equal(cstr_join(w->mem, &ls, " "), "4");
}

static void test_refused(void **state) {
    World *w = *state;
    MigrateDir *d = NULL;
    char *path = fs_join(w->mem, w->migrations, "1.sql");
    expect_err(migrate_dir_load(&d, "/no/such", MIGRATE_ATLAS, w->mem), E_NOT_FOUND,
               "sql/migrate: stat /no/such: no such file or directory");
    assert_int_equal(symlink("nowhere", path), 0);
    expect_err(migrate_dir_load(&d, w->migrations, MIGRATE_ATLAS, w->mem), E_NOT_FOUND,
               arena_printf(w->mem, "reading %s: No such file or directory", path));
    unlink(path);
    assert_int_equal(mkfifo(path, 0600), 0);
    expect_err(migrate_dir_load(&d, w->migrations, MIGRATE_ATLAS, w->mem), E_INVALID,
               arena_printf(w->mem, "reading %s: not a regular file", path));
    unlink(path);
    put(w, "1.sql", "");
    assert_int_equal(truncate(path, ((off_t)64 << 20) + 1), 0);
    expect_err(migrate_dir_load(&d, w->migrations, MIGRATE_ATLAS, w->mem), E_TOO_LARGE,
               arena_printf(w->mem, "reading %s: over the limit of 67108864 bytes", path));
}

static void test_urls(void **state) {
    World *w = *state;
    MigrateDir *d = NULL;
    put(w, "1.up.sql", "");
    ok(migrate_dir_open(&d, arena_printf(w->mem, "file://%s?format=golang-migrate", w->migrations),
                        w->mem));
    assert_string_equal(d->files.items[0].version, "1.up");
    assert_int_equal(chdir(w->root), 0);
    ok(migrate_dir_open(&d, "file://migrations", w->mem));
    assert_string_equal(d->url, "file://migrations");
    ok(migrate_dir_open(&d, "file://", w->mem));
    assert_int_equal(chdir("/"), 0);
    expect_err(migrate_dir_open(&d, "migrations", w->mem), E_INVALID, "missing scheme for dir url");
    expect_err(migrate_dir_open(&d, "s3://x", w->mem), E_UNSUPPORTED,
               "unsupported driver \"s3\" for a migration directory");
    expect_err(migrate_dir_open(&d, "file://x?format=y", w->mem), E_INVALID,
               "unknown dir format \"y\"");
    assert_string_equal(migrate_dir_url(w->mem, "file://m", "atlas"), "file://m?format=atlas");
    assert_string_equal(migrate_dir_url(w->mem, "file://m?format=goose", "atlas"),
                        "file://m?format=goose");
}

static void test_archive(void **state) {
    World *w = *state;
    put(w, "1_a.sql", "SELECT 1;\n");
    put(w, "2_b.sql", "-- atlas:checkpoint v1\n\nSELECT 2;\n");
    MigrateDir *d = hashed(w), *back = NULL, *cut = NULL;
    Str tar = {0}, again = {0};
    ok(migrate_dir_archive(&tar, d, w->mem));
    assert_int_equal(tar.len, 3 * 1024 + 1024);
    assert_string_equal(tar.ptr, "atlas.sum");
    assert_string_equal(tar.ptr + 1024, "1_a.sql");
    ok(migrate_dir_from_tar(&back, tar, "atlas://app?tag=x", w->mem));
    ok(migrate_dir_verify(back, NULL, w->mem));
    assert_int_equal(back->files.len, 2);
    assert_true(back->files.items[1].checkpoint);
    assert_string_equal(back->files.items[1].tag, "v1");
    assert_int_equal(migrate_dir_last_checkpoint(back), 1);
    ok(migrate_dir_archive(&again, back, w->mem));
    assert_true(str_eq(tar, again));
    ok(migrate_dir_cut(&cut, back, "1", w->mem));
    assert_int_equal(cut->files.len, 1);
    ok(migrate_dir_verify(cut, NULL, w->mem));
    expect_err(migrate_dir_cut(&cut, back, "9", w->mem), E_NOT_FOUND,
               "migration with version \"9\" not found");
}

static Time fixed_now(const Host *h) {
    (void)h;
    Time t = {0};
    (void)time_parse_rfc3339("2024-05-01T10:00:00+02:00", &t);
    return t;
}

static void test_new(void **state) {
    World *w = *state;
    static const struct {
        MigrateFormat format;
        const char *files;
    } rows[] = {
        {MIGRATE_ATLAS, "20240501080000_add.sql atlas.sum"},
        {MIGRATE_GOLANG_MIGRATE, "20240501080000_add.down.sql 20240501080000_add.up.sql atlas.sum"},
        {MIGRATE_GOOSE, "20240501080000_add.sql atlas.sum"},
        {MIGRATE_DBMATE, "20240501080000_add.sql atlas.sum"},
        {MIGRATE_LIQUIBASE, "20240501080000_add.sql atlas.sum"},
        {MIGRATE_FLYWAY, "U20240501080000__add.sql V20240501080000__add.sql atlas.sum"},
    };
    Host host = host_system;
    host.now = fixed_now;
    for (size_t i = 0; i < COUNT_OF(rows); i++) {
        MigrateNewParams p = {.host = &host, .format = rows[i].format, .name = "add"};
        p.path = arena_printf(w->mem, "%s/new%zu/deep", w->root, i);
        const char *path = NULL;
        ok(migrate_new(&path, &p, NULL, w->mem));
        StrList names = {0};
        ok(fs_list(&names, p.path, w->mem));
        assert_string_equal(cstr_join(w->mem, &names, " "), rows[i].files);
        MigrateDir *d = NULL;
        SqlStmts stmts = {0};
        ok(migrate_dir_load(&d, p.path, rows[i].format, w->mem));
        ok(migrate_dir_verify(d, NULL, w->mem));
        assert_int_equal(d->files.len, 1);
        assert_string_equal(d->files.items[0].version, "20240501080000");
        assert_string_equal(d->files.items[0].description, "add");
        ok(migrate_file_stmts(&stmts, &d->files.items[0], SQL_SQLITE, w->mem));
        assert_int_equal(stmts.len, 0);
    }
    put(w, "1.sql", "SELECT 1;");
    const char *path = NULL;
    MigrateNewParams p = {.host = &host, .path = w->migrations};
    expect_err(migrate_new(&path, &p, NULL, w->mem), E_CHECKSUM, "checksum file not found");
    p.name = "a/b";
    expect_err(migrate_new(&path, &p, NULL, w->mem), E_INVALID,
               "a migration name must not contain '/': \"a/b\"");
}

static void test_validate(void **state) {
    World *w = *state;
    Db *dev = open_db(w, "dev.db");
    put(w, "1_a.sql", "CREATE TABLE a (x);\nCREATE VIEW v AS SELECT x FROM a;\n");
    put(w, "2_b.sql", "ALTER TABLE a ADD COLUMN y;\n");
    ok(migrate_validate(hashed(w), NULL, NULL, w->mem));
    ok(migrate_validate(hashed(w), dev, NULL, w->mem));
    ok(db_check_empty(dev));
    put(w, "3_c.sql", "SELECT 1;\nALTER TABLE b ADD COLUMN y;\n");
    expect_err(migrate_validate(hashed(w), dev, NULL, w->mem), E_DB,
               "replaying the migration directory: sql/migrate: executing statement "
               "\"ALTER TABLE b ADD COLUMN y;\" from version \"3\": no such table: b");
    ok(db_check_empty(dev));
    ok(db_exec(dev, "CREATE TABLE precious (x)"));
    expect_err(migrate_validate(hashed(w), dev, NULL, w->mem), E_STATE,
               "sql/migrate: connected database is not clean: found table \"precious\"");
    assert_string_equal(query(w, dev, "SELECT count(*) FROM precious"), "0");
}

static void test_quote(void **state) {
    World *w = *state;
    assert_string_equal(migrate_quote(w->mem, "a\n\t\"\\\x01\x7f\xc3\xa9\xff\xe2\x80\xa8"),
                        "\"a\\n\\t\\\"\\\\\\x01\\x7f\xc3\xa9\\xff\\u2028\"");
}

#define TEST(f) cmocka_unit_test_setup_teardown(f, world_setup, world_teardown)
int main(void) {
    const struct CMUnitTest tests[] = {
        TEST(test_names), TEST(test_refused),  TEST(test_urls),  TEST(test_archive),
        TEST(test_new),   TEST(test_validate), TEST(test_quote),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
