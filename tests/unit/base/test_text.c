// Text, encodings, times, URLs: literal expectations, most of them what Go prints.
#include "test.h"

static Arena *mem;

static void durations(void **state) {
    (void)state;
    static const struct {
        Duration d;
        const char *text;
    } rows[] = {{0, "0s"},           {1, "1ns"},           {1500, "1.5µs"},
                {300000, "300µs"},   {1200000, "1.2ms"},   {5769000, "5.769ms"},
                {1000000000, "1s"},  {90 * DURATION_S, "1m30s"}, {3600 * DURATION_S, "1h0m0s"},
                {-1500000, "-1.5ms"}};
    for (size_t i = 0; i < COUNT_OF(rows); i++) {
        Duration back;
        assert_string_equal(duration_text(mem, rows[i].d), rows[i].text);
        assert_true(duration_parse(rows[i].text, &back));
        assert_int_equal(back, rows[i].d);
    }
    Duration d;
    assert_true(duration_parse("1h1m1.5s", &d));
    assert_int_equal(d, 3661 * DURATION_S + 500 * DURATION_MS);
    assert_true(duration_parse("0", &d));
    static const char *const bad[] = {"", "1", "s", "1x", "1 s", ".s", "--1s", "99999999999h"};
    for (size_t i = 0; i < COUNT_OF(bad); i++)
        assert_false(duration_parse(bad[i], &d));
}

static void times(void **state) {
    (void)state;
    Time t;
    assert_true(time_parse_rfc3339("2024-05-01T10:00:00.12+02:00", &t));
    assert_string_equal(time_rfc3339nano(mem, t), "2024-05-01T10:00:00.12+02:00");
    assert_string_equal(time_rfc3339ms(mem, t), "2024-05-01T08:00:00.120Z");
    assert_true(time_parse_rfc3339("2024-05-01 10:00:00.123456789+02:00", &t));
    assert_int_equal(t.nsec, 123456789);
    assert_true(time_parse_rfc3339("0001-01-01T00:00:00Z", &t));
    assert_string_equal(time_rfc3339nano(mem, t), "0001-01-01T00:00:00Z");
    assert_string_equal(time_rfc3339nano(mem, (Time){0}), "0001-01-01T00:00:00Z");
    assert_false(time_parse_rfc3339("2024-13-01T00:00:00Z", &t));
    assert_false(time_parse_rfc3339("2024-01-01T00:00:00", &t));
    assert_true(time_parse_http("Sun, 06 Nov 1994 08:49:37 GMT", &t));
    assert_int_equal(t.sec, 784111777);
    t = time_add((Time){.sec = 10, .nsec = 500, .set = true}, -600);
    assert_int_equal(t.sec, 9);
    assert_int_equal(t.nsec, 999999900);
}

static void urls(void **state) {
    (void)state;
    Url *u = NULL;
    assert_ok(url_parse(&u, "postgres://us%40er:p%3Ass@[::1]:5432/db%2Fx?a=1&b=x%20y#f", mem));
    assert_string_equal(u->user, "us@er");
    assert_string_equal(u->password, "p:ss");
    assert_string_equal(u->host, "[::1]:5432");
    assert_string_equal(url_hostname(mem, u), "::1");
    assert_int_equal(url_port(u), 5432);
    assert_string_equal(u->path, "/db/x");
    assert_string_equal(u->raw_path, "/db%2Fx");
    assert_string_equal(url_param(u, "b"), "x y");
    assert_string_equal(url_text(mem, u),
                        "postgres://us%40er:p%3Ass@[::1]:5432/db%2Fx?a=1&b=x%20y#f");
    assert_ok(url_parse(&u, "sqlite://app.db?_fk=1", mem));
    assert_string_equal(u->host, "app.db");
    assert_string_equal(u->raw_query, "_fk=1");
    assert_ok(url_parse(&u, "file://migrations/sub", mem));
    assert_string_equal(url_host_path(mem, u), "migrations/sub");
    assert_err(url_parse(&u, "postgres://u:secret@host:port/db", mem), E_INVALID, "port");
    Err *e = url_parse(&u, "postgres://u:sec%zz@host/db", mem);
    assert_non_null(e);
    assert_null(strstr(err_text(e), "sec"));
    err_free(e);
}

static void redaction(void **state) {
    (void)state;
    assert_string_equal(url_redact(mem, "mysql://root:pass@h:3306/d"), "mysql://root:xxxxx@h:3306/d");
    assert_string_equal(url_redact(mem, "mysql://root@h/d"), "mysql://root@h/d");
    assert_string_equal(url_redact(mem, "dial \"pg://u:p@ss/w@h/d\" failed"),
                        "dial \"pg://u:xxxxx@h/d\" failed");
    assert_string_equal(url_redact(mem, "az://c/p?sig=abc&x=1"), "az://c/p?sig=xxxxx&x=1");
    assert_string_equal(url_redact_stars(mem, "oci://u:t@h/p?token=s#x"), "oci://***@h/p?token=***#x");
    assert_string_equal(url_redact_stars(mem, "s3://b/p?endpoint=http://u:s@h:1/x&region=r"),
                        "s3://b/p?endpoint=http://***@h:1/x&region=r");
    assert_string_equal(url_redact_stars(mem, "s3://b?endpoint=https%3A%2F%2Fu%3As%40h"),
                        "s3://b?endpoint=https%3A%2F%2F***%40h");
    assert_string_equal(url_redact_stars(mem, "gs://b?access_id=me@proj.example"),
                        "gs://b?access_id=me@proj.example");
    assert_string_equal(url_redact(mem, "no url here"), "no url here");
}

static void encodings(void **state) {
    (void)state;
    Str out;
    assert_string_equal(base64_encode(mem, "hello", 5), "aGVsbG8=");
    assert_string_equal(base64url_encode(mem, "\xff\xef", 2), "_-8");
    assert_true(base64_decode(&out, "aGVsbG8=", mem));
    assert_true(str_eq(out, str_from("hello")));
    assert_false(base64_decode(&out, "aGVsbG8", mem));
    assert_false(base64_decode(&out, "aGVsbG9=", mem)); // stray bits
    assert_false(base64_decode(&out, "aG=sbG8=", mem));
    assert_true(base64url_decode(&out, "_-8", mem));
    assert_true(hex_decode(&out, "00ff", mem));
    assert_false(hex_decode(&out, "0", mem));
    assert_string_equal(url_encode(mem, "a/b c+é", true), "a/b%20c%2B%C3%A9");
    assert_string_equal(url_query_escape(mem, "a b&c"), "a+b%26c");
    assert_null(url_decode(mem, "%4", 2, false));
    assert_string_equal(url_decode(mem, "%41", 3, false), "A");
}

static void numbers(void **state) {
    (void)state;
    uint64_t n;
    int64_t i;
    assert_true(cstr_to_u64("18446744073709551615", UINT64_MAX, &n));
    assert_false(cstr_to_u64("18446744073709551616", UINT64_MAX, &n));
    assert_true(cstr_to_u64("100", 100, &n));
    assert_false(cstr_to_u64("101", 100, &n));
    assert_false(cstr_to_u64("-1", 100, &n));
    assert_true(cstr_to_i64("-9223372036854775808", &i));
    assert_int_equal(i, INT64_MIN);
    assert_false(cstr_to_i64("9223372036854775808", &i));
}

static void suggestions(void **state) {
    (void)state;
    const char *const names[] = {"dir-name", "dev-url", "latest"};
    assert_string_equal(cstr_nearest("dirname", names, 3), "dir-name");
    assert_string_equal(cstr_nearest("lastest", names, 3), "latest");
    assert_null(cstr_nearest("zzz", names, 3));
    assert_null(cstr_nearest("x", names, 3));
}

static void errors(void **state) {
    (void)state;
    Err *e = err_at(err_new(E_SYNTAX, "bad %d", 1), "f.hcl", 3, 7);
    e = err_wrap(e, "reading");
    e = err_wrap(e, "outer");
    e = err_hint(e, "mend it");
    assert_string_equal(err_text(e), "f.hcl:3:7: outer: reading: bad 1");
    assert_string_equal(err_hint_text(e), "mend it");
    Err *copy = err_copy(e);
    err_free(e);
    assert_string_equal(err_text(copy), "f.hcl:3:7: outer: reading: bad 1");
    err_free(copy);
}

static LIST(char *) logged;

static void collect(void *ctx, LogLevel level, const char *message) {
    (void)ctx, (void)level;
    list_push(&logged, mem, arena_strdup(mem, message));
}

static void secrets_are_masked(void **state) {
    (void)state;
    LogSink old = log_set_sink((LogSink){collect, NULL, NULL});
    log_mask("s3cr3t/value");
    log_mask("ab"); // too short to be masked without damage
    log_warn("got s3cr3t/value, s3cr3t%%2Fvalue and %s; ab stays",
             base64_encode(mem, "s3cr3t/value", 12));
    log_set_sink(old);
    assert_string_equal(logged.items[0], "got ***, *** and ***; ab stays");
}

static int setup(void **state) {
    (void)state;
    mem = arena_new(NULL);
    return 0;
}

static int teardown(void **state) {
    (void)state;
    arena_free(mem);
    return 0;
}

static void loopback_is_an_address_or_localhost(void **state) {
    (void)state;
    static const char *const yes[] = {"localhost", "127.0.0.1", "127.1.2.3", "::1"};
    static const char *const no[] = {"127.evil.example", "127.0.0.1.evil.example", "localhost.evil.example",
                                     "10.0.0.1", "128.0.0.1", "1270.0.0.1", "", "::2"};
    for (size_t i = 0; i < COUNT_OF(yes); i++)
        assert_true(url_is_loopback(yes[i]));
    for (size_t i = 0; i < COUNT_OF(no); i++)
        assert_false(url_is_loopback(no[i]));
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(loopback_is_an_address_or_localhost),
        cmocka_unit_test(durations), cmocka_unit_test(times),       cmocka_unit_test(urls),
        cmocka_unit_test(redaction), cmocka_unit_test(encodings),   cmocka_unit_test(numbers),
        cmocka_unit_test(errors),    cmocka_unit_test(suggestions), cmocka_unit_test(secrets_are_masked),
    };
    return cmocka_run_group_tests(tests, setup, teardown);
}
