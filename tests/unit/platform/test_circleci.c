#include "support.h"

#include <sys/wait.h>

static const char *const run[] = {"CIRCLECI",
                                  "true",
                                  "CIRCLE_PROJECT_REPONAME",
                                  "shop",
                                  "CIRCLE_SHA1",
                                  "cafe",
                                  "CIRCLE_BRANCH",
                                  "feature",
                                  "ATLAS_INPUT_DEV_URL",
                                  " a ",
                                  "INPUT_ENV",
                                  "ci",
                                  NULL};

static void test_inputs(void **state) {
    (void)state;
    Fixture *f = fixture(run, false);
    assert_string_equal(platform_name(f->platform), "circleci");
    assert_string_equal(platform_trigger_type(f->platform), "CIRCLECI_ORB");
    assert_string_equal(platform_input(f->platform, "dev-url", f->mem), "a");
    assert_string_equal(platform_input(f->platform, "env", f->mem), "ci");
    done(f);
}

// Sourcing the file gives back the value, whatever it holds, and runs nothing.
static void check_shell(Fixture *f, const char *value) {
    const char *path = file_variable(f, "BASH_ENV", "bash_env");
    const char *got = fs_join(f->mem, f->dir, "got");
    unlink(path);
    set_output(f, "migrate/apply", "current", value);
    const char *script = arena_printf(
        f->mem, ". %s && printf %%s \"$ATLAS_OUTPUT_MIGRATE_APPLY_CURRENT\" > %s", path, got);
    pid_t pid = fork();
    assert_true(pid >= 0);
    if (pid == 0) {
        execl("/bin/sh", "sh", "-c", script, (char *)NULL);
        _exit(127);
    }
    int status = -1;
    assert_int_equal(waitpid(pid, &status, 0), pid);
    assert_int_equal(status, 0);
    assert_string_equal(content(f, got), value);
}

static void test_outputs(void **state) {
    (void)state;
    Fixture *f = fixture(run, false);
    set_output(f, "migrate/apply", "current", "dropped");
    static const char *const values[] = {
        "",
        "20240101",
        "it's",
        "''''",
        "a b\tc",
        "$(touch /tmp/pwned) `id` $HOME ${X} \\ \\' \"q\"",
        "a'\nexport EVIL='1",
        "line1\nline2",
        "'; id; '",
        "\xc3\xa9 \xff",
        "%0A::set",
        "!history \\n",
    };
    for (size_t i = 0; i < COUNT_OF(values); i++)
        check_shell(f, values[i]);
    const char *path = file_variable(f, "BASH_ENV", "exact");
    set_output(f, "migrate/apply", "current", "it's");
    set_output(f, "schema/plan/approve", "plan-url", "x");
    assert_null(platform_set_output(f->platform, "a", "b", str_slice("x\0y", 3)));
    assert_string_equal(content(f, path), "export ATLAS_OUTPUT_MIGRATE_APPLY_CURRENT='it'\\''s'\n"
                                          "export ATLAS_OUTPUT_SCHEMA_PLAN_APPROVE_PLAN_URL='x'\n"
                                          "export ATLAS_OUTPUT_A_B='xy'\n");
    map_set(&f->vars, "BASH_ENV", (void *)(uintptr_t) "/nonexistent/x");
    AutoErr e = platform_set_output(f->platform, "a", "b", str_from("c"));
    assert_non_null(e);
    done(f);
}

static void test_context(void **state) {
    (void)state;
    Fixture *f = fixture(run, false);
    PlatformContext *c = context(f);
    assert_string_equal(c->repo, "shop");
    assert_string_equal(c->scm_type, "GITHUB");
    assert_false(c->pr_lookup);
    map_set(&f->vars, "GITHUB_TOKEN", (void *)(uintptr_t) "ghp_0123456789");
    map_set(&f->vars, "GITHUB_REPOSITORY", (void *)(uintptr_t) "acme/shop");
    c = context(f);
    assert_string_equal(c->repo, "acme/shop");
    assert_string_equal(c->repo_url, "https://github.com/acme/shop");
    assert_true(c->pr_lookup);
    assert_null(c->pr);
    map_set(&f->vars, "CIRCLE_BRANCH", (void *)(uintptr_t) "");
    context_fails(f, "cannot determine branch due to missing CIRCLE_BRANCH and CIRCLE_TAG "
                     "environment variables");
    map_set(&f->vars, "CIRCLE_TAG", (void *)(uintptr_t) "v1");
    c = context(f);
    assert_string_equal(c->branch, "v1");
    assert_string_equal(c->scm_token, "");
    assert_false(c->pr_lookup);
    map_set(&f->vars, "CIRCLE_SHA1", (void *)(uintptr_t) "");
    context_fails(f, "missing CIRCLE_SHA1 environment variable");
    map_set(&f->vars, "CIRCLE_PROJECT_REPONAME", (void *)(uintptr_t) "");
    context_fails(f, "missing CIRCLE_PROJECT_REPONAME environment variable");
    done(f);
}

static void test_colours(void **state) {
    (void)state;
    Fixture *f = fixture(run, true);
    LogSink sink = platform_log_sink(f->platform);
    assert_null(sink.mask);
    sink.write(sink.ctx, LOG_INFO, "i");
    sink.write(sink.ctx, LOG_WARN, "w");
    sink.write(sink.ctx, LOG_ERROR, "e");
    assert_string_equal(f->lines.ptr, "\x1b[36mi\x1b[0m\n\x1b[33mw\x1b[0m\n\x1b[31me\x1b[0m\n");
    done(f);
    const char *const plain[][5] = {{"CIRCLECI", "true", "NO_COLOR", "", NULL},
                                    {"CIRCLECI", "true", "TERM", "dumb", NULL}};
    for (size_t i = 0; i < COUNT_OF(plain); i++) {
        f = fixture(plain[i], true);
        assert_false(platform_has_colour(f->platform));
        done(f);
    }
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_inputs),
        cmocka_unit_test(test_outputs),
        cmocka_unit_test(test_context),
        cmocka_unit_test(test_colours),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
