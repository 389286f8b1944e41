// A scratch directory with migrations and databases, for the tests of this module.
#ifndef TEST_MIGRATE_HELPER_H
#define TEST_MIGRATE_HELPER_H

#include "atlas/migrate.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>

typedef struct World {
    Arena *mem;
    char root[64];
    char *migrations; // path
} World;

UNUSED static int world_setup(void **state) {
    Arena *mem = arena_new(NULL);
    World *w = NEW(mem, World);
    w->mem = mem;
    snprintf(w->root, sizeof w->root, "/tmp/test_migrate_XXXXXX");
    w->migrations = mkdtemp(w->root) ? arena_printf(mem, "%s/migrations", w->root) : NULL;
    *state = w;
    return !w->migrations || mkdir(w->migrations, 0755);
}

UNUSED static int world_teardown(void **state) {
    World *w = *state;
    int rc = system(arena_printf(w->mem, "rm -rf %s", w->root));
    arena_free(w->mem);
    return rc;
}

UNUSED static void ok(Err *e) {
    if (e)
        fail_msg("%s", err_text(e));
}

UNUSED static void expect_err(Err *e, ErrCode code, const char *text) {
    if (!e)
        fail_msg("no error instead of: %s", text);
    char *got = strdup(err_text(e));
    ErrCode got_code = err_code(e);
    err_free(e);
    bool same = cstr_eq(got, text);
    if (!same)
        print_error("got:  %s\nwant: %s\n", got, text);
    free(got);
    assert_true(same);
    assert_int_equal(got_code, code);
}

UNUSED static void put(World *w, const char *name, const char *content) {
    ok(fs_write_atomic(fs_join(w->mem, w->migrations, name), str_from(content), 0644));
}

UNUSED static MigrateDir *load(World *w, MigrateFormat format) {
    MigrateDir *dir = NULL;
    ok(migrate_dir_load(&dir, w->migrations, format, w->mem));
    return dir;
}

// The directory as it is, with a fresh sum.
UNUSED static MigrateDir *hashed(World *w) {
    MigrateDir *dir = load(w, MIGRATE_ATLAS);
    ok(migrate_hash(dir, w->mem));
    return dir;
}

UNUSED static Db *open_db(World *w, const char *name) {
    Db *db = NULL;
    ok(db_open(&db, arena_printf(w->mem, "sqlite://%s/%s", w->root, name), NULL, w->mem));
    return db;
}

UNUSED static const char *query(World *w, Db *db, const char *sql) {
    DbRows rows = {0};
    ok(db_query(db, &rows, sql, NULL, 0, w->mem));
    return db_cell(&rows, 0, 0);
}

// A JSON text with every "Start", "End", "ExecutedAt" and "ExecutionTime" blanked.
UNUSED static const char *json_of(World *w, const Value *v) {
    static const char *const keys[] = {"\"Start\":\"", "\"End\":\"", "\"ExecutedAt\":\""};
    char *text = json_text(w->mem, v, JSON_GO);
    for (size_t i = 0; i < COUNT_OF(keys); i++) {
        for (char *p = text; (p = strstr(p, keys[i]));) {
            p += strlen(keys[i]);
            size_t len = strcspn(p, "\"");
            memmove(p, p + len, strlen(p + len) + 1);
        }
    }
    for (char *p = text; (p = strstr(p, "\"ExecutionTime\":"));) {
        p += strlen("\"ExecutionTime\":");
        size_t len = strspn(p, "0123456789");
        memmove(p + 1, p + len, strlen(p + len) + 1);
        *p = '0';
    }
    return text;
}

#endif
