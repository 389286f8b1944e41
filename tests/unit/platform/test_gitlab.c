#include "support.h"

static const char *const run[] = {"GITLAB_CI",
                                  "true",
                                  "GITLAB_TOKEN",
                                  "glpat-0123456789",
                                  "CI_PROJECT_NAME",
                                  "shop",
                                  "CI_PROJECT_URL",
                                  "https://gitlab.com/acme/shop",
                                  "CI_COMMIT_REF_NAME",
                                  "feature",
                                  "CI_COMMIT_SHA",
                                  "cafe",
                                  "GITLAB_USER_NAME",
                                  "Ann",
                                  "GITLAB_USER_ID",
                                  "7",
                                  "CI_PROJECT_ID",
                                  "99",
                                  NULL};

static void check_input(const char *raw, const char *expected) {
    const char *const vars[] = {"GITLAB_CI", "true", "ATLAS_INPUT_DEV_URL", raw, NULL};
    Fixture *f = fixture(vars, false);
    assert_string_equal(platform_input(f->platform, "dev-url", f->mem), expected);
    done(f);
}

static void test_inputs(void **state) {
    (void)state;
    check_input(" plain ", "plain");
    check_input("\"a\\tb\\x41\\u00e9\\\"\"", "a\tbA\xc3\xa9\"");
    check_input("`raw\\n`", "raw\\n");
    check_input("'x'", "x");
    check_input("'xy'", "'xy'");
    check_input("'\\n'", "\n");
    check_input("'\xc3\xa9'", "\xc3\xa9");
    check_input("\"bad\\q\"", "\"bad\\q\"");
    check_input("\"a\"b\"", "\"a\"b\"");
    check_input("\"", "\"");
}

static void test_outputs(void **state) {
    (void)state;
    Fixture *f = fixture(run, false);
    const char *path = file_variable(f, "ATLAS_DOTENV", "atlas.env");
    set_output(f, "migrate/apply", "current", "20240101");
    set_output(f, "migrate/apply", "runs", "[{\"a\":\"b c\"}]");
    set_output(f, "migrate/apply", "url", "x'y $(id) `id` #c=d");
    assert_string_equal(f->log.ptr, "");
    set_output(f, "migrate/apply", "error", "line \"1\"\nEVIL=1\r\n");
    assert_string_equal(content(f, path), "ATLAS_OUTPUT_MIGRATE_APPLY_CURRENT=20240101\n"
                                          "ATLAS_OUTPUT_MIGRATE_APPLY_RUNS=[{\"a\":\"b c\"}]\n"
                                          "ATLAS_OUTPUT_MIGRATE_APPLY_URL=x'y $(id) `id` #c=d\n"
                                          "ATLAS_OUTPUT_MIGRATE_APPLY_ERROR="
                                          "line \\\"1\\\"\\nEVIL=1\\r\\n\n");
    assert_non_null(strstr(f->log.ptr, "2 the output \"error\" is no single line of text"));
    done(f);
}

static void test_limit(void **state) {
    (void)state;
    Fixture *f = fixture(run, false);
    const char *path = file_variable(f, "ATLAS_DOTENV", "atlas.env");
    char *big = arena_alloc(f->mem, 5001);
    memset(big, 'x', 5000);
    set_output(f, "a", "big", big);
    set_output(f, "a", "more", big);
    set_output(f, "a", "small", "s");
    assert_int_equal(strlen(content(f, path)),
                     5000 + strlen("ATLAS_OUTPUT_A_BIG=\n") + strlen("ATLAS_OUTPUT_A_SMALL=s\n"));
    assert_non_null(strstr(f->log.ptr, "2 the output \"more\" does not fit into the 5 KB"));
    Value *v;
    const char *json = content(f, fs_join(f->mem, f->dir, "outputs.json"));
    assert_null(json_parse(&v, str_from(json), NULL, f->mem));
    assert_string_equal(value_get_text(v, "ATLAS_OUTPUT_A_MORE"), big);
    done(f);
}

static void test_default_file(void **state) {
    (void)state;
    Fixture *f = fixture(run, false);
    map_set(&f->vars, "CI_PROJECT_DIR", f->dir);
    set_output(f, "a", "b", "c");
    assert_string_equal(content(f, fs_join(f->mem, f->dir, ".env")), "ATLAS_OUTPUT_A_B=c\n");
    map_set(&f->vars, "ATLAS_DOTENV", (void *)(uintptr_t) "/proc/x/.env");
    set_output(f, "a", "b", "c");
    assert_memory_equal(f->log.ptr, "3 failed to write the output \"b\": ", 34);
    done(f);
}

static void test_context(void **state) {
    (void)state;
    Fixture *f = fixture(run, false);
    PlatformContext *c = context(f);
    assert_string_equal(c->repo, "shop");
    assert_string_equal(c->actor_name, "Ann");
    assert_string_equal(c->scm_project, "99");
    assert_string_equal(c->scm_api, "https://gitlab.com/api/v4");
    assert_string_equal(c->scm_token, "glpat-0123456789");
    assert_null(c->pr);
    map_set(&f->vars, "CI_MERGE_REQUEST_IID", (void *)(uintptr_t) "12");
    map_set(&f->vars, "CI_MERGE_REQUEST_REF_PATH",
            (void *)(uintptr_t) "refs/merge-requests/12/head");
    map_set(&f->vars, "ATLAS_GITLAB_TOKEN_ENV", (void *)(uintptr_t) "MY_TOKEN");
    c = context(f);
    assert_int_equal(c->pr->number, 12);
    assert_string_equal(c->pr->url, "refs/merge-requests/12/head");
    assert_string_equal(f->log.ptr, "3 MY_TOKEN is not set, the action may not have all the "
                                    "permissions\n");
    map_set(&f->vars, "CI_MERGE_REQUEST_IID", (void *)(uintptr_t) "x");
    context_fails(f, "the variable CI_MERGE_REQUEST_IID is not a number: \"x\"");
    done(f);
}

static void test_untrusted(void **state) {
    (void)state;
    Fixture *f = fixture(run, false);
    platform_untrusted(f->platform, "section_start:1:x\r\x1b[0Kevil");
    assert_string_equal(f->lines.ptr, "section_start:1:x??[0Kevil\n");
    done(f);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_inputs),  cmocka_unit_test(test_outputs),
        cmocka_unit_test(test_limit),   cmocka_unit_test(test_default_file),
        cmocka_unit_test(test_context), cmocka_unit_test(test_untrusted),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
