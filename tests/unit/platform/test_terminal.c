#include "support.h"

static void test_detection(void **state) {
    (void)state;
    const struct {
        const char *vars[5], *name;
    } cases[] = {
        {{NULL}, "terminal"},
        {{"GITHUB_ACTIONS", "1", NULL}, "terminal"},
        {{"GITHUB_ACTIONS", "true", "CIRCLECI", "true", NULL}, "github"},
        {{"CIRCLECI", "true", "GITLAB_CI", "true", NULL}, "circleci"},
        {{"GITLAB_CI", "true", "BITBUCKET_PIPELINE_UUID", "x", NULL}, "gitlab"},
        {{"BITBUCKET_PIPELINE_UUID", "x", NULL}, "bitbucket"},
        {{"BITBUCKET_PIPELINE_UUID", "", NULL}, "terminal"},
    };
    for (size_t i = 0; i < COUNT_OF(cases); i++) {
        Fixture *f = fixture(cases[i].vars, false);
        assert_string_equal(platform_name(f->platform), cases[i].name);
        done(f);
    }
}

static void test_terminal(void **state) {
    (void)state;
    const char *const vars[] = {"ATLAS_INPUT_DEV_URL", "x", NULL};
    Fixture *f = fixture(vars, false);
    assert_string_equal(platform_trigger_type(f->platform), "CLI");
    assert_string_equal(platform_input(f->platform, "dev-url", f->mem), "x");
    set_output(f, "migrate/apply", "current", "1 = 'x'");
    set_output(f, "migrate/apply", "error", "a\nb");
    LogSink sink = platform_log_sink(f->platform);
    sink.write(sink.ctx, LOG_WARN, "w");
    platform_annotate(f->platform, (PlatformAnnotation){LOG_WARN, "a.sql", "T", 2}, "m");
    assert_string_equal(f->lines.ptr, "current=1 = 'x'\nerror=\"a\\nb\"\nw\na.sql:2: T: m\n");
    PlatformContext *c = context(f);
    assert_string_equal(json_text(f->mem, platform_run_context(c, "", f->mem), JSON_PLAIN), "{}");
    assert_string_equal(json_text(f->mem, platform_deploy_context(f->platform, f->mem), JSON_PLAIN),
                        "{\"triggerType\":\"CLI\",\"triggerVersion\":\"" ATLAS_VERSION "\"}");
    done(f);
}

static void expect_error(Err *e, const char *text) {
    assert_non_null(e);
    assert_string_equal(err_text(e), text);
    assert_int_equal(err_code(e), E_USAGE);
    err_free(e);
}

static void test_scalars(void **state) {
    (void)state;
    bool b;
    uint64_t n;
    Duration d;
    static const char *const yes[] = {"1", "t", "T", "TRUE", "true", "True", " true\n"};
    static const char *const no[] = {"0", "f", "F", "FALSE", "false", "False", "", "  "};
    for (size_t i = 0; i < COUNT_OF(yes); i++) {
        assert_null(input_bool(&b, "x", yes[i]));
        assert_true(b);
    }
    for (size_t i = 0; i < COUNT_OF(no); i++) {
        assert_null(input_bool(&b, "x", no[i]));
        assert_false(b);
    }
    expect_error(input_bool(&b, "dry-run", "yes"),
                 "the input \"dry-run\" got invalid value for boolean: strconv.ParseBool: parsing "
                 "\"yes\": invalid syntax");
    assert_null(input_number(&n, "amount", " 18446744073709551615 "));
    assert_true(n == UINT64_MAX);
    assert_null(input_number(&n, "amount", ""));
    assert_true(n == 0);
    expect_error(input_number(&n, "amount", "-1"),
                 "the input \"amount\" got invalid value for uint64: strconv.ParseUint: parsing "
                 "\"-1\": invalid syntax");
    expect_error(input_number(&n, "amount", "18446744073709551616"),
                 "the input \"amount\" got invalid value for uint64: strconv.ParseUint: parsing "
                 "\"18446744073709551616\": value out of range");
    assert_null(input_duration(&d, "w", "1m30s"));
    assert_true(d == 90 * DURATION_S);
    assert_null(input_duration(&d, "w", "0"));
    assert_true(d == 0);
    expect_error(
        input_duration(&d, "wait-interval", "5"),
        "the input \"wait-interval\" got invalid value for duration: time: missing unit in "
        "duration \"5\"");
    expect_error(input_duration(&d, "wait-interval", "soon"),
                 "the input \"wait-interval\" got invalid value for duration: time: invalid "
                 "duration \"soon\"");
}

static void test_vars(void **state) {
    (void)state;
    AutoArena mem = arena_new(NULL);
    StrList vars;
    assert_null(input_vars(&vars, "vars",
                           " {\"z\":\"s p\",\"b\":true,\"a\":[\"x\",2],\"n\":100,"
                           "\"m\":1000000,\"f\":0.5}",
                           mem));
    assert_string_equal(cstr_join(mem, &vars, "|"), "a=x|a=2|b=true|f=0.5|m=1e+06|n=100|z=s p");
    assert_null(input_vars(&vars, "vars", " \n", mem));
    assert_int_equal(vars.len, 0);
    AutoErr e = input_vars(&vars, "vars", "{a", mem);
    assert_memory_equal(err_text(e), "the input \"vars\" is not a valid JSON string: ", 45);
    AutoErr list = input_vars(&vars, "vars", "[1]", mem);
    assert_memory_equal(err_text(list), "the input \"vars\" is not a valid JSON string: ", 45);
    AutoErr nested = input_vars(&vars, "vars", "{\"a\":{}}", mem);
    assert_non_null(nested);
}

static void test_lists_and_urls(void **state) {
    (void)state;
    AutoArena mem = arena_new(NULL);
    StrList items = input_array(" a \n\n\tb,c\r\n", mem);
    assert_string_equal(cstr_join(mem, &items, "|"), "a|b,c");
    const UrlParam params[] = {{"tag", "v 1"}, {"version", ""}, {"x", "y"}};
    assert_string_equal(input_atlas_url(mem, "my app", params, 3), "atlas://my%20app?tag=v+1&x=y");
    assert_string_equal(input_atlas_url(mem, "app", NULL, 0), "atlas://app");
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_detection),      cmocka_unit_test(test_terminal),
        cmocka_unit_test(test_scalars),        cmocka_unit_test(test_vars),
        cmocka_unit_test(test_lists_and_urls),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
