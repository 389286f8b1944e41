#include "support.h"

static const char *const run[] = {"BITBUCKET_PIPELINE_UUID",
                                  "{1}",
                                  "BITBUCKET_ACCESS_TOKEN",
                                  "bbt-0123456789",
                                  "BITBUCKET_REPO_FULL_NAME",
                                  "acme/shop",
                                  "BITBUCKET_GIT_HTTP_ORIGIN",
                                  "https://bitbucket.org/acme/shop",
                                  "BITBUCKET_BRANCH",
                                  "feature",
                                  "BITBUCKET_COMMIT",
                                  "cafe",
                                  "BITBUCKET_WORKSPACE",
                                  "acme",
                                  "BITBUCKET_REPO_SLUG",
                                  "shop",
                                  NULL};

static void test_outputs(void **state) {
    (void)state;
    Fixture *f = fixture(run, false);
    const char *sh = fs_join(f->mem, f->dir, "outputs.sh");
    const char *json = fs_join(f->mem, f->dir, "outputs.json");
    map_set(&f->vars, "ATLAS_OUTPUT_DIR", f->dir);
    set_output(f, "migrate/apply", "current", "1");
    set_output(f, "migrate/apply", "current", "it's $(id)");
    assert_null(
        platform_set_output(f->platform, "schema/plan", "link", str_slice("a\n\xff\0b", 5)));
    assert_string_equal(content(f, sh),
                        "export ATLAS_OUTPUT_MIGRATE_APPLY_CURRENT='1'\n"
                        "export ATLAS_OUTPUT_MIGRATE_APPLY_CURRENT='it'\\''s $(id)'\n"
                        "export ATLAS_OUTPUT_SCHEMA_PLAN_LINK='a\n\xff"
                        "b'\n");
    assert_string_equal(content(f, json),
                        "{\n  \"ATLAS_OUTPUT_MIGRATE_APPLY_CURRENT\": \"it's $(id)\",\n"
                        "  \"ATLAS_OUTPUT_SCHEMA_PLAN_LINK\": "
                        "\"a\\n\xef\xbf\xbd\\u0000b\"\n}\n");
    assert_null(fs_write_atomic(json, str_from("[broken"), 0644));
    set_output(f, "a", "b", "c");
    assert_string_equal(content(f, json), "{\n  \"ATLAS_OUTPUT_A_B\": \"c\"\n}\n");
    assert_non_null(strstr(f->log.ptr, "outputs.json is not a JSON object and is written anew"));
    done(f);
}

static void test_default_dir(void **state) {
    (void)state;
    Fixture *f = fixture(run, false);
    map_set(&f->vars, "BITBUCKET_CLONE_DIR", f->dir);
    set_output(f, "a", "b", "c");
    const char *dir = fs_join(f->mem, f->dir, ".atlas-action");
    assert_string_equal(content(f, fs_join(f->mem, dir, "outputs.sh")),
                        "export ATLAS_OUTPUT_A_B='c'\n");
    unlink(fs_join(f->mem, dir, "outputs.sh"));
    unlink(fs_join(f->mem, dir, "outputs.json"));
    rmdir(dir);
    map_set(&f->vars, "ATLAS_OUTPUT_DIR", (void *)(uintptr_t) "/proc/x");
    set_output(f, "a", "b", "c");
    assert_memory_equal(f->log.ptr, "3 failed to write the output \"b\": ", 34);
    done(f);
}

static void test_context(void **state) {
    (void)state;
    Fixture *f = fixture(run, false);
    assert_true(platform_has_colour(f->platform));
    PlatformContext *c = context(f);
    assert_string_equal(c->repo, "acme/shop");
    assert_string_equal(c->scm_project, "acme/shop");
    assert_string_equal(c->scm_api, "https://api.bitbucket.org/2.0");
    assert_null(c->pr);
    map_set(&f->vars, "BITBUCKET_PR_ID", (void *)(uintptr_t) "5");
    c = context(f);
    assert_int_equal(c->pr->number, 5);
    assert_string_equal(c->pr->url, "https://bitbucket.org/acme/shop/pull-requests/5");
    assert_string_equal(c->pr->commit, "cafe");
    map_set(&f->vars, "BITBUCKET_PR_ID", (void *)(uintptr_t) "five");
    context_fails(f, "the variable BITBUCKET_PR_ID is not a number: \"five\"");
    done(f);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_outputs),
        cmocka_unit_test(test_default_dir),
        cmocka_unit_test(test_context),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
