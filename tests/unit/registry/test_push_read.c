// Push and read over file stores: the success rules, the fallback rules, damage.
#include "test.h"

#include "atlas/registry.h"

typedef struct World {
    Arena *mem;
    Loop *loop;
    const char *dir;
    Repo *repo;
} World;

static char *store(const World *w, const char *name) {
    return arena_printf(w->mem, "file://%s/%s", w->dir, name);
}

static void world(World *w) {
    w->mem = arena_new(NULL);
    assert_ok(loop_new(&w->loop, &host_system, w->mem));
    w->dir = test_dir(w->mem);
}

static Repo *open_repo(const World *w, const char *primary) {
    Repo *r = NULL;
    RepoOptions o = {.slug = "app", .primary_url = primary, .loop = w->loop};
    list_push(&o.backups, w->mem, store(w, "one"));
    list_push(&o.backups, w->mem, store(w, "two"));
    assert_ok(repo_open(&r, &o, w->mem));
    return r;
}

static PushParams content(const char *text) {
    return (PushParams){.kind = ARTIFACT_MIGRATIONS, .artifact = body_from(str_from(text)),
                        .version = "1", .latest = true, .driver = "sqlite"};
}

static const char *read_text(const World *w, Repo *r, const char *tag, ReadResult *out) {
    Str text;
    ReadParams p = {.kind = ARTIFACT_MIGRATIONS, .tag = tag};
    assert_ok(repo_read(out, r, &p, w->mem));
    assert_ok(body_bytes(&text, &out->artifact, w->mem));
    return str_dup(w->mem, text);
}

static char *sole_file(const World *w, const char *folder) {
    StrList names = {0};
    char *dir = fs_join(w->mem, w->dir, folder);
    assert_ok(fs_list(&names, dir, w->mem));
    assert_int_equal(names.len, 1);
    return fs_join(w->mem, dir, names.items[0]);
}

static void push_reaches_all_targets(void **state) {
    (void)state;
    World w;
    world(&w);
    PushResult p;
    PushParams c = content("hello");
    c.tag = "v1";
    assert_ok(repo_push(&p, open_repo(&w, store(&w, "primary")), &c, w.mem));
    assert_int_equal(p.copies, 3);
    assert_false(p.degraded);
    assert_string_equal(p.url, "atlas://app?tag=v1");
    assert_string_equal(p.digest,
                        "sha256:2cf24dba5fb0a30e26e83b2ac5b9e29e1b161e5c1fa7425e73043362938b9824");
    const char *const targets[] = {"primary", "one", "two"};
    for (size_t i = 0; i < 3; i++) {
        Str ref;
        const char *path = arena_printf(w.mem, "%s/%s/app/refs/tags/v1", w.dir, targets[i]);
        assert_ok(fs_read(&ref, path, 4096, w.mem));
        assert_non_null(strstr(ref.ptr, "\"seq\":1"));
        assert_null(strstr(ref.ptr, "pending"));
        assert_int_equal(fs_kind(arena_printf(w.mem, "%s/%s/repositories/app.json", w.dir,
                                              targets[i])), FS_FILE);
        assert_int_equal(fs_kind(arena_printf(w.mem, "%s/%s/app/refs/versions/1", w.dir,
                                              targets[i])), FS_FILE);
    }
    ReadResult r;
    assert_string_equal(read_text(&w, open_repo(&w, store(&w, "primary")), "v1", &r), "hello");
    assert_false(r.from_backup);
    assert_int_equal(r.warnings.len, 0);
    arena_free(w.mem);
}

static void dead_primary_is_a_warning(void **state) {
    (void)state;
    World w;
    world(&w);
    PushResult p;
    PushParams c = content("one");
    test_write(w.dir, "blocked", "a file where the store should be");
    Repo *repo = open_repo(&w, store(&w, "blocked/x"));
    assert_ok(repo_push(&p, repo, &c, w.mem));
    assert_int_equal(p.copies, 2);
    assert_true(p.degraded);
    assert_non_null(p.targets.items[0].error);
    assert_int_equal(p.warnings.len, 1);
    Str ref;
    assert_ok(fs_read(&ref, fs_join(w.mem, w.dir, "one/app/refs/tags/latest"), 4096, w.mem));
    assert_non_null(strstr(ref.ptr, "\"pending_primary\":true"));
    ReadResult r;
    assert_string_equal(read_text(&w, open_repo(&w, store(&w, "blocked/x")), NULL, &r), "one");
    assert_true(r.from_backup);
    assert_int_equal(r.warnings.len, 1);
    arena_free(w.mem);
}

static void damaged_backup_is_skipped(void **state) {
    (void)state;
    World w;
    world(&w);
    PushResult p;
    PushParams c = content("good");
    assert_ok(repo_push(&p, open_repo(&w, store(&w, "primary")), &c, w.mem));
    test_write(w.dir, "blocked", "");
    const char *blob = sole_file(&w, "one/app/blobs/sha256");
    assert_ok(fs_write_atomic(blob, str_from("evil"), 0644));
    ReadResult r;
    assert_string_equal(read_text(&w, open_repo(&w, store(&w, "blocked/x")), NULL, &r), "good");
    assert_true(cstr_ends(r.served_by, "/two"));
    assert_int_equal(r.warnings.len, 2);
    assert_non_null(strstr(r.warnings.items[0], "digest"));
    arena_free(w.mem);
}

static const char *file_text(const World *w, const char *path) {
    Str text;
    assert_ok(fs_read(&text, path, 1 << 20, w->mem));
    return str_dup(w->mem, text);
}

// Whoever can write to a bucket chooses what its refs and names say: never a path, never a crash.
static void a_hostile_ref_is_damaged(void **state) {
    (void)state;
    World w;
    world(&w);
    PushResult p;
    PushParams c = content("good");
    assert_ok(repo_push(&p, open_repo(&w, store(&w, "primary")), &c, w.mem));
    const char *path = fs_join(w.mem, w.dir, "primary/app/refs/tags/latest");
    const char *evil = arena_printf(w.mem, "sha256:../../../%0*d", 64 - 9, 0);
    assert_ok(fs_write_atomic(path, str_from(cstr_replace(w.mem, file_text(&w, path), p.digest, evil)),
                              0644));
    ReadResult r;
    assert_string_equal(read_text(&w, open_repo(&w, store(&w, "primary")), NULL, &r), "good");
    assert_true(r.from_backup);
    assert_ok(fs_write_atomic(fs_join(w.mem, w.dir, "one/app/refs/tags/UP\nper"), str_from("{}"), 0644));
    assert_ok(fs_write_atomic(fs_join(w.mem, w.dir, "one/repositories/_2e_2e.json"), str_from("{}"), 0644));
    Value *report;
    bool all_ok;
    assert_ok(repo_sync(&report, &all_ok, open_repo(&w, store(&w, "primary")), NULL, NULL, w.mem));
    assert_false(all_ok); // nobody may give the primary what is not pending
    assert_null(strstr(json_text(w.mem, report, JSON_PLAIN), "UP"));
    RepoInfos slugs = {0};
    StrList warnings = {0};
    assert_ok(repo_list(&slugs, &warnings, open_repo(&w, store(&w, "one")), w.mem));
    assert_int_equal(slugs.len, 1);
    arena_free(w.mem);
}

static void sync_keeps_unknown_keys(void **state) {
    (void)state;
    World w;
    world(&w);
    PushResult p;
    PushParams c = content("good");
    assert_ok(repo_push(&p, open_repo(&w, store(&w, "primary")), &c, w.mem));
    const char *path = fs_join(w.mem, w.dir, "primary/app/refs/tags/latest");
    const char *text = cstr_replace(w.mem, file_text(&w, path), "\"seq\":1",
                                    "\"seq\":2,\"sigs\":[{\"kid\":\"k\"}]");
    assert_ok(fs_write_atomic(path, str_from(text), 0644));
    Value *report;
    bool all_ok;
    assert_ok(repo_sync(&report, &all_ok, open_repo(&w, store(&w, "primary")), NULL, NULL, w.mem));
    assert_true(all_ok);
    assert_string_equal(file_text(&w, fs_join(w.mem, w.dir, "one/app/refs/tags/latest")), text);
    arena_free(w.mem);
}

static void damaged_primary_blob_comes_from_a_backup(void **state) {
    (void)state;
    World w;
    world(&w);
    PushResult p;
    PushParams c = content("good");
    assert_ok(repo_push(&p, open_repo(&w, store(&w, "primary")), &c, w.mem));
    assert_ok(fs_remove(sole_file(&w, "primary/app/blobs/sha256")));
    ReadResult r;
    assert_string_equal(read_text(&w, open_repo(&w, store(&w, "primary")), NULL, &r), "good");
    assert_true(r.from_backup);
    assert_true(r.warnings.len >= 1);
    arena_free(w.mem);
}

static void stale_backup_is_named(void **state) {
    (void)state;
    World w;
    world(&w);
    PushResult p;
    PushParams c = content("first");
    assert_ok(repo_push(&p, open_repo(&w, store(&w, "primary")), &c, w.mem));
    char *moved = fs_join(w.mem, w.dir, "one"), *away = fs_join(w.mem, w.dir, "away");
    assert_int_equal(rename(moved, away), 0);
    test_write(w.dir, "one", "");
    c = content("second");
    c.version = "2";
    assert_ok(repo_push(&p, open_repo(&w, store(&w, "primary")), &c, w.mem));
    assert_int_equal(p.copies, 2);
    assert_non_null(strstr(p.warnings.items[0], "/one could not be written"));
    assert_ok(fs_remove(moved));
    assert_int_equal(rename(away, moved), 0);
    char *primary = fs_join(w.mem, w.dir, "primary");
    assert_int_equal(rename(primary, fs_join(w.mem, w.dir, "gone")), 0);
    ReadResult r;
    assert_string_equal(read_text(&w, open_repo(&w, store(&w, "primary")), NULL, &r), "second");
    assert_int_equal(r.warnings.len, 2);
    assert_non_null(strstr(r.warnings.items[1], "behind this copy: file://"));
    arena_free(w.mem);
}

static void all_failed_names_every_target(void **state) {
    (void)state;
    World w;
    world(&w);
    PushResult p;
    PushParams c = content("x");
    test_write(w.dir, "one", "");
    test_write(w.dir, "two", "");
    test_write(w.dir, "p", "");
    Err *e = repo_push(&p, open_repo(&w, store(&w, "p")), &c, w.mem);
    assert_non_null(e);
    assert_non_null(strstr(err_text(e), "/p:"));
    assert_non_null(strstr(err_text(e), "/one:"));
    assert_non_null(strstr(err_text(e), "/two:"));
    err_free(e);
    arena_free(w.mem);
}

static void a_version_keeps_its_first_content(void **state) {
    (void)state;
    World w;
    world(&w);
    PushResult p;
    PushParams c = content("first");
    assert_ok(repo_push(&p, open_repo(&w, store(&w, "primary")), &c, w.mem));
    c = content("other");
    assert_ok(repo_push(&p, open_repo(&w, store(&w, "primary")), &c, w.mem));
    assert_int_equal(p.warnings.len, 1);
    assert_non_null(strstr(p.warnings.items[0], "keeps it"));
    ReadResult r;
    Str text;
    ReadParams v = {.kind = ARTIFACT_MIGRATIONS, .version = "1"};
    assert_ok(repo_read(&r, open_repo(&w, store(&w, "primary")), &v, w.mem));
    assert_ok(body_bytes(&text, &r.artifact, w.mem));
    assert_true(str_eq(text, str_from("first")));
    assert_string_equal(read_text(&w, open_repo(&w, store(&w, "primary")), NULL, &r), "other");
    arena_free(w.mem);
}

static void another_kind_is_refused(void **state) {
    (void)state;
    World w;
    world(&w);
    PushResult p;
    PushParams c = content("x");
    assert_ok(repo_push(&p, open_repo(&w, store(&w, "primary")), &c, w.mem));
    c.kind = ARTIFACT_SCHEMA;
    assert_err(repo_push(&p, open_repo(&w, store(&w, "primary")), &c, w.mem), E_INVALID,
               "holds a migration directory");
    arena_free(w.mem);
}

static void missing_is_final(void **state) {
    (void)state;
    World w;
    world(&w);
    PushResult p;
    PushParams c = content("x");
    assert_ok(repo_push(&p, open_repo(&w, store(&w, "primary")), &c, w.mem));
    ReadResult r;
    ReadParams v = {.kind = ARTIFACT_MIGRATIONS, .tag = "nope"};
    assert_err(repo_read(&r, open_repo(&w, store(&w, "primary")), &v, w.mem), E_NOT_FOUND,
               "tag nope of \"app\" not found");
    arena_free(w.mem);
}

static void names(void **state) {
    (void)state;
    AutoArena mem = arena_new(NULL);
    AtlasUrl u;
    assert_ok(slug_check("team/app-1.x"));
    assert_err(slug_check("App"), E_INVALID,
               "slug must be lowercase alphanumeric and may contain /.-_");
    assert_err(slug_check("a//b"), E_INVALID, "empty");
    assert_err(slug_check("a/blobs"), E_INVALID, "reserved");
    assert_err(slug_check("a..b"), E_INVALID, "..");
    assert_ok(tag_check("valid-tag-123"));
    assert_err(tag_check("invalid-character@"), E_INVALID, "tag must be lowercase alphanumeric");
    assert_err(tag_check("atlas.x"), E_INVALID, "reserved");
    assert_string_equal(name_escape(mem, ".a_B/é"), "_2ea_5f_42_2f_c3_a9");
    assert_ok(atlas_url_parse(&u, "atlas://team/app?tag=v1", mem));
    assert_string_equal(u.slug, "team/app");
    assert_string_equal(u.tag, "v1");
    assert_ok(atlas_url_parse(&u, "atlas://app/plans/p1", mem));
    assert_string_equal(u.plan, "p1");
    assert_err(atlas_url_parse(&u, "atlas://app?x=1", mem), E_INVALID, "unknown query parameter");
    assert_err(atlas_url_parse(&u, "atlas://app?tag=a&version=1", mem), E_INVALID, "exclude");
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(push_reaches_all_targets),
        cmocka_unit_test(dead_primary_is_a_warning),
        cmocka_unit_test(damaged_backup_is_skipped),
        cmocka_unit_test(a_hostile_ref_is_damaged),
        cmocka_unit_test(sync_keeps_unknown_keys),
        cmocka_unit_test(damaged_primary_blob_comes_from_a_backup),
        cmocka_unit_test(stale_backup_is_named),
        cmocka_unit_test(all_failed_names_every_target),
        cmocka_unit_test(a_version_keeps_its_first_content),
        cmocka_unit_test(another_kind_is_refused),
        cmocka_unit_test(missing_is_final),
        cmocka_unit_test(names),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
