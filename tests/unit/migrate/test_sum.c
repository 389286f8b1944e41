#include "helper.h"

#define SUM1 "h1:rCJb29xuQgmIbaigaLsXrxBVA59sR/qK9GRsBlIz2bU=\n"
#define SUM2 "20240101090000_first.sql h1:p2KwVyJpO2B3fplgr1IYF/jrZlGfWnZJjUAUQWFi+zg=\n"
#define SUM3 "20240103090000.sql h1:6+/iXqmPcsLFxnJrrqkWAEr/Xf+1jXdYqHF5mn7+occ=\n"

static void put_vector(World *w) {
    put(w, "20240101090000_first.sql", "CREATE TABLE pets (id int);\n");
    put(w, "20240102090000_skip.sql", "-- atlas:sum ignore\n\nSELECT 1;\n");
    put(w, "20240103090000.sql",
        "ALTER TABLE pets ADD COLUMN name text;\n"
        "INSERT INTO pets VALUES (1, 'a;b');\n");
}

static void test_vector(void **state) {
    World *w = *state;
    put_vector(w);
    MigrateDir *d = hashed(w);
    assert_string_equal(d->sum.ptr, SUM1 SUM2 SUM3);
    ok(migrate_dir_verify(load(w, MIGRATE_ATLAS), NULL, w->mem));
    assert_string_equal(migrate_sum_total(d->sum, w->mem),
                        "h1:rCJb29xuQgmIbaigaLsXrxBVA59sR/qK9GRsBlIz2bU=");
    assert_string_equal(migrate_sum_entry(d, "20240103090000.sql", w->mem),
                        "6+/iXqmPcsLFxnJrrqkWAEr/Xf+1jXdYqHF5mn7+occ=");
    assert_string_equal(migrate_sum_entry(d, "20240102090000_skip.sql", w->mem), "");
}

static void test_empty(void **state) {
    World *w = *state;
    MigrateDir *d = load(w, MIGRATE_ATLAS);
    ok(migrate_dir_verify(d, NULL, w->mem));
    assert_string_equal(migrate_sum_text(&d->files, w->mem).ptr,
                        "h1:47DEQpj8HBSa+/TImW+5JCeuQeRkm5NMpJWZG3hSuFU=\n");
}

static void expect(World *w, const char *text, int line, const char *file, const char *reason,
                   size_t pos) {
    MigrateSumError where = {0};
    expect_err(migrate_dir_verify(load(w, MIGRATE_ATLAS), &where, w->mem), E_CHECKSUM, text);
    assert_int_equal(where.line, line);
    assert_string_equal(where.file, file);
    assert_string_equal(where.reason, reason);
    assert_int_equal(where.pos, pos);
}

static void test_errors(void **state) {
    World *w = *state;
    put_vector(w);
    expect(w, "checksum file not found", 0, "", "", 0);
    put(w, "atlas.sum", SUM1 "20240101090000_first.sql\n");
    expect(w, "checksum file format invalid: atlas.sum:2: the line has no \"h1:\"", 0, "", "", 0);
    put(w, "atlas.sum", "");
    expect(w, "checksum file format invalid: atlas.sum:1: it is empty", 0, "", "", 0);
    put(w, "atlas.sum", SUM1 SUM2);
    expect(w, "checksum mismatch", 0, "", "", 0);
    hashed(w);
    put(w, "20240101090000_first.sql", "CREATE TABLE pets (id text);\n");
    expect(w, "checksum mismatch", 2, "20240101090000_first.sql", "edited", 48);
    put_vector(w);
    put(w, "20240103090000.sql", "SELECT 2;\n");
    expect(w, "checksum mismatch", 3, "20240103090000.sql", "edited", 48 + 24 + 49);
    put_vector(w);
    put(w, "20240101100000_b.sql", "SELECT 2;\n");
    expect(w, "checksum mismatch", 3, "20240101100000_b.sql", "added", 48 + 24 + 49);
    ok(fs_remove(fs_join(w->mem, w->migrations, "20240101100000_b.sql")));
    put(w, "20250101100000_b.sql", "SELECT 2;\n");
    expect(w, "checksum mismatch", 4, "20250101100000_b.sql", "added", 48 + 24 + 49 + 18 + 49);
    ok(fs_remove(fs_join(w->mem, w->migrations, "20250101100000_b.sql")));
    ok(fs_remove(fs_join(w->mem, w->migrations, "20240103090000.sql")));
    expect(w, "checksum mismatch", 3, "20240103090000.sql", "removed", 48 + 24 + 49);
    ok(fs_remove(fs_join(w->mem, w->migrations, "20240101090000_first.sql")));
    expect(w, "checksum mismatch", 2, "20240101090000_first.sql", "removed", 48);
}

// Written with CRLF (git on Windows), the sum is still one.
static void test_crlf(void **state) {
    World *w = *state;
    put_vector(w);
    put(w, "atlas.sum", cstr_replace(w->mem, SUM1 SUM2 SUM3, "\n", "\r\n"));
    ok(migrate_dir_verify(load(w, MIGRATE_ATLAS), NULL, w->mem));
}

#define TEST(f) cmocka_unit_test_setup_teardown(f, world_setup, world_teardown)
int main(void) {
    const struct CMUnitTest tests[] = {TEST(test_vector), TEST(test_empty), TEST(test_errors),
                                       TEST(test_crlf)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
