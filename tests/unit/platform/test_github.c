#include "support.h"

static const char *const base[] = {"GITHUB_ACTIONS", "true", "GITHUB_TOKEN", "ghs_abcdefghij",
                                   NULL};

static void test_inputs(void **state) {
    (void)state;
    const char *const vars[] = {"GITHUB_ACTIONS",
                                "true",
                                "INPUT_DEV-URL",
                                "  sqlite://dev \n",
                                "INPUT_DIR NAME",
                                "no",
                                "INPUT_DIR_NAME",
                                "yes",
                                "INPUT_DEV-ULR",
                                "x",
                                "INPUT_TOKEN",
                                "",
                                "INPUT_WHATEVER_ELSE",
                                "1",
                                NULL};
    Fixture *f = fixture(vars, false);
    assert_string_equal(platform_name(f->platform), "github");
    assert_string_equal(platform_trigger_type(f->platform), "GITHUB_ACTION");
    assert_string_equal(platform_input(f->platform, "dev-url", f->mem), "sqlite://dev");
    assert_string_equal(platform_input(f->platform, "dir name", f->mem), "yes");
    assert_string_equal(platform_input(f->platform, "absent", f->mem), "");
    const char *const known[] = {"dev-url", "dir name", "env"};
    StrList unknown = platform_unknown_inputs(f->platform, known, COUNT_OF(known), f->mem);
    assert_int_equal(unknown.len, 3);
    assert_string_equal(unknown.items[0],
                        "unknown input \"dev-ulr\" is ignored; did you mean \"dev-url\"?");
    assert_string_equal(unknown.items[2], "unknown input \"whatever-else\" is ignored");
    done(f);
}

// Reads the file as the runner does.
static void check_output(Fixture *f, const char *value) {
    const char *path = file_variable(f, "GITHUB_OUTPUT", "out");
    unlink(path);
    set_output(f, "migrate/apply", "current", value);
    const char *text = content(f, path);
    const char *eol = strchr(text, '\n');
    assert_memory_equal(text, "current<<", 9);
    const char *marker = arena_strndup(f->mem, text + 9, (size_t)(eol - text) - 9);
    assert_int_equal(strlen(marker), 32);
    assert_string_equal(eol + 1, arena_printf(f->mem, "%s\n%s\n", value, marker));
    assert_null(strstr(value, marker));
}

static void test_outputs(void **state) {
    (void)state;
    Fixture *f = fixture(base, false);
    set_output(f, "migrate/apply", "current", "1");
    assert_string_equal(f->log.ptr, "3 GITHUB_OUTPUT is not set, the output \"current\" is lost\n");
    check_output(f, "");
    check_output(f, "20240101");
    check_output(f, "a\nb\nx<<EOF\nEOF\n_GitHubActionsFileCommandDelimeter_\nevil=1");
    check_output(f, "::set-output name=x::1 %0A $(id) `id` 'q' \"q\"");
    map_set(&f->vars, "GITHUB_OUTPUT", (void *)(uintptr_t) "/nonexistent/x");
    AutoErr e = platform_set_output(f->platform, "a", "b", str_from("c"));
    assert_non_null(e);
    done(f);
}

static void test_exported_variables(void **state) {
    (void)state;
    Fixture *f = fixture(base, false);
    assert_null(platform_export(f->platform, "ATLAS_TOKEN", str_from("lost")));
    assert_string_equal(f->log.ptr, "3 GITHUB_ENV is not set: later steps do not get ATLAS_TOKEN\n");
    const char *path = file_variable(f, "GITHUB_ENV", "env");
    assert_null(platform_export(f->platform, "ATLAS_TOKEN", str_from("two\nlines")));
    StrList lines = cstr_split(f->mem, content(f, path), '\n');
    assert_int_equal(lines.len, 5);
    assert_true(cstr_starts(lines.items[0], "ATLAS_TOKEN<<"));
    assert_string_equal(lines.items[1], "two");
    assert_string_equal(lines.items[2], "lines");
    assert_string_equal(lines.items[3], lines.items[0] + strlen("ATLAS_TOKEN<<"));
    done(f);
}

static void test_messages(void **state) {
    (void)state;
    Fixture *f = fixture(base, true);
    LogSink sink = platform_log_sink(f->platform);
    sink.write(sink.ctx, LOG_INFO, "plain: line");
    sink.write(sink.ctx, LOG_WARN, "50% of\r\n::error::x");
    sink.write(sink.ctx, LOG_ERROR, "bad");
    sink.write(sink.ctx, LOG_NOTICE, "note");
    sink.write(sink.ctx, LOG_DEBUG, "d");
    platform_annotate(f->platform, (PlatformAnnotation){LOG_ERROR, "a,b:c.sql", "T: x", 3},
                      "m: 1,2");
    sink.mask(sink.ctx, "line-one\nline%two\n}\n");
    assert_string_equal(f->lines.ptr, "plain: line\n"
                                      "::warning::50%25 of%0D%0A::error::x\n"
                                      "::error::bad\n::notice::note\n::debug::d\n"
                                      "::error file=a%2Cb%3Ac.sql,line=3,title=T%3A x::m: 1,2\n"
                                      "::add-mask::line-one\n::add-mask::line%25two\n");
    done(f);
}

// What stands between the lines of a stop-commands pair.
static const char *stopped(Fixture *f) {
    const char *text = f->lines.ptr, *eol = strchr(text, '\n');
    assert_memory_equal(text, "::stop-commands::", 17);
    const char *marker = arena_strndup(f->mem, text + 17, (size_t)(eol - text) - 17);
    const char *end = strstr(eol, arena_printf(f->mem, "\n::%s::\n", marker));
    assert_non_null(end);
    assert_int_equal(end[strlen(marker) + 6], 0);
    return arena_strndup(f->mem, eol + 1, (size_t)(end - eol));
}

static void test_untrusted(void **state) {
    (void)state;
    Fixture *f = fixture(base, false);
    platform_untrusted(f->platform, "near \"x\"\n::set-env name=A::b\n##[add-path]x\r::y\x1b[0m");
    assert_string_equal(stopped(f), "near \"x\"\n::set-env name=A::b\n##[add-path]x?::y?[0m\n");
    LogSink sink = platform_log_sink(f->platform);
    static const char *const hostile[] = {"::error::x", "a\n \t::error::x", "say ##[error]x"};
    for (size_t i = 0; i < COUNT_OF(hostile); i++) {
        buf_clear(&f->lines);
        sink.write(sink.ctx, LOG_INFO, hostile[i]);
        assert_string_equal(stopped(f), arena_printf(f->mem, "%s\n", hostile[i]));
    }
    done(f);
}

static void test_summary(void **state) {
    (void)state;
    Fixture *f = fixture(base, false);
    assert_false(platform_has_summary(f->platform));
    platform_summary(f->platform, "dropped");
    const char *path = file_variable(f, "GITHUB_STEP_SUMMARY", "summary.md");
    platform_summary(f->platform, "# a");
    platform_summary(f->platform, "b");
    assert_string_equal(content(f, path), "# a\nb\n");
    map_set(&f->vars, "GITHUB_STEP_SUMMARY", (void *)(uintptr_t) "/nonexistent/x");
    platform_summary(f->platform, "b");
    assert_memory_equal(f->log.ptr, "3 failed to write the job summary: ", 35);
    done(f);
}

static void write_event(Fixture *f, const char *json) {
    assert_null(
        fs_write_atomic(file_variable(f, "GITHUB_EVENT_PATH", "event.json"), str_from(json), 0644));
}

static const char *const run[] = {"GITHUB_ACTIONS",
                                  "true",
                                  "GITHUB_TOKEN",
                                  "ghs_abcdefghij",
                                  "GITHUB_REPOSITORY",
                                  "acme/shop",
                                  "GITHUB_REF_NAME",
                                  "3/merge",
                                  "GITHUB_HEAD_REF",
                                  "feature",
                                  "GITHUB_SHA",
                                  "cafe",
                                  "GITHUB_ACTOR",
                                  "ann",
                                  "GITHUB_ACTOR_ID",
                                  "7",
                                  "GITHUB_RUN_ID",
                                  "42",
                                  "GITHUB_EVENT_NAME",
                                  "pull_request",
                                  NULL};

static void test_context(void **state) {
    (void)state;
    Fixture *f = fixture(run, false);
    write_event(
        f, "{\"repository\":{\"html_url\":\"https://github.com/acme/shop\","
           "\"default_branch\":\"main\"},\"pull_request\":{\"number\":3,\"body\":\"b\","
           "\"html_url\":\"https://github.com/acme/shop/pull/3\",\"head\":{\"sha\":\"beef\"}}}");
    PlatformContext *c = context(f);
    assert_string_equal(c->repo, "acme/shop");
    assert_string_equal(c->branch, "feature");
    assert_string_equal(c->default_branch, "main");
    assert_string_equal(c->rerun_command, "gh run rerun 42");
    assert_string_equal(c->scm_api, "https://api.github.com");
    assert_int_equal(c->pr->number, 3);
    assert_string_equal(c->pr->commit, "beef");
    assert_string_equal(c->pr->body, "b");
    assert_false(c->pr->target);
    assert_null(c->comment);
    assert_string_equal(
        json_text(f->mem, platform_run_context(c, "file://migrations", f->mem), JSON_PLAIN),
        "{\"repo\":\"acme/shop\",\"path\":\"file://migrations\",\"branch\":\"feature\","
        "\"commit\":\"cafe\",\"url\":\"https://github.com/acme/shop/pull/3\",\"username\":\"ann\","
        "\"userID\":\"7\",\"scmType\":\"GITHUB\"}");
    assert_string_equal(json_text(f->mem, platform_deploy_context(f->platform, f->mem), JSON_PLAIN),
                        "{\"triggerType\":\"GITHUB_ACTION\",\"triggerVersion\":\"" ATLAS_VERSION
                        "\"}");
    assert_string_equal(f->log.ptr, "");
    assert_string_equal(log_redact(f->mem, "token ghs_abcdefghij"), "token ***");
    map_set(&f->vars, "GITHUB_EVENT_NAME", (void *)(uintptr_t) "pull_request_target");
    assert_true(context(f)->pr->target);
    map_set(&f->vars, "GITHUB_EVENT_NAME", (void *)(uintptr_t) "push");
    assert_null(context(f)->pr);
    done(f);
}

static void test_comment_context(void **state) {
    (void)state;
    Fixture *f = fixture(run, false);
    map_set(&f->vars, "GITHUB_EVENT_NAME", (void *)(uintptr_t) "issue_comment");
    write_event(f, "{\"issue\":{\"number\":9,\"pull_request\":{}},\"comment\":{\"html_url\":\"u\","
                   "\"body\":\"/atlas x\"}}");
    PlatformContext *c = context(f);
    assert_int_equal(c->comment->number, 9);
    assert_string_equal(c->comment->body, "/atlas x");
    assert_null(c->pr);
    write_event(f, "{\"issue\":{\"number\":9},\"comment\":{}}");
    assert_null(context(f)->comment);
    done(f);
}

static void test_context_errors(void **state) {
    (void)state;
    Fixture *f = fixture(run, false);
    map_set(&f->vars, "GITHUB_EVENT_PATH", (void *)(uintptr_t) "/nonexistent.json");
    assert_null(context(f)->pr);
    write_event(f, "{");
    PlatformContext *c;
    AutoErr e = platform_context(f->platform, &c, f->mem);
    assert_int_equal(err_code(e), E_CONFIG);
    assert_non_null(strstr(err_text(e), "reading the event of GITHUB_EVENT_PATH"));
    map_set(&f->vars, "GITHUB_RUN_ID", (void *)(uintptr_t) "x1");
    context_fails(f, "the variable GITHUB_RUN_ID is not a number: \"x1\"");
    done(f);
}

static void test_missing_token(void **state) {
    (void)state;
    const char *const vars[] = {"GITHUB_ACTIONS", "true", NULL};
    Fixture *f = fixture(vars, false);
    context(f);
    context(f);
    const char *text = "GITHUB_TOKEN is not set, the action may not have all the permissions";
    const char *first = strstr(f->log.ptr, text);
    assert_non_null(first);
    assert_null(strstr(first + 1, text));
    assert_non_null(strstr(f->log.ptr, "pull-requests: write"));
    done(f);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_inputs),          cmocka_unit_test(test_outputs),
        cmocka_unit_test(test_messages),        cmocka_unit_test(test_untrusted),
        cmocka_unit_test(test_summary),         cmocka_unit_test(test_context),
        cmocka_unit_test(test_comment_context), cmocka_unit_test(test_context_errors),
        cmocka_unit_test(test_missing_token),   cmocka_unit_test(test_exported_variables),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
