// The shared files of the AWS tools, credential_process, and the order of the chain.
#include "test.h"

#include "../../../src/store/credentials/aws_chain.h"

typedef struct Fixture {
    Arena *mem;
    Map *env;
    Loop *loop;
    const char *dir;
} Fixture;

// A machine with a home of its own and nothing else.
static Fixture machine(void) {
    Fixture f = {.mem = arena_new(NULL)};
    f.env = map_new(f.mem);
    f.dir = test_dir(f.mem);
    assert_ok(fs_mkdirs(arena_printf(f.mem, "%s/.aws", f.dir), 0700));
    map_set(f.env, "HOME", arena_strdup(f.mem, f.dir));
    map_set(f.env, "AWS_EC2_METADATA_DISABLED", arena_strdup(f.mem, "true"));
    assert_ok(loop_new(&f.loop, host_with_vars(f.mem, &host_system, f.env), f.mem));
    return f;
}

static void set(Fixture *f, const char *name, const char *value) {
    map_set(f->env, name, arena_strdup(f->mem, value));
}

static void write_file(Fixture *f, const char *name, const char *text) {
    const char *path = arena_printf(f->mem, "%s/.aws/%s", f->dir, name);
    assert_ok(fs_write_atomic(path, str_from(text), 0600));
}

static Err *find(AwsCredentials *out, Fixture *f, AwsIdentity who) {
    return aws_credentials(out, aws_provider(f->loop, &who));
}

// --- INI ----------------------------------------------------------------------------------------

static const char *value(const Map *all, const char *section, const char *key) {
    const Map *s = map_get(all, section);
    return s ? map_get(s, key) : NULL;
}

static void ini_dialect(void **state) {
    (void)state;
    AutoArena mem = arena_new(NULL);
    Map *m = NULL;
    assert_ok(ini_parse(&m, str_from("# comment\r\n"
                                     "; another\n"
                                     "\n"
                                     "[default]\r\n"
                                     "Region=eu-west-1\r\n"
                                     "output = json # not this\n"
                                     "key = a#b;c = d\n"
                                     "s3 =\n"
                                     "  region = nested\n"
                                     "\tmax = 1\n"
                                     "[ profile   \"my own\" ]\n"
                                     "a = 1\n"
                                     "a = 2\n"
                                     "empty =\n"
                                     "[profile plain] # told\n"
                                     "[default]\n"
                                     "more = yes"),
                        "config", mem));
    assert_string_equal(value(m, "default", "region"), "eu-west-1");
    assert_string_equal(value(m, "default", "output"), "json");
    assert_string_equal(value(m, "default", "key"), "a#b;c = d");
    assert_string_equal(value(m, "default", "s3"), "");
    assert_null(value(m, "default", "max"));
    assert_string_equal(value(m, "profile my own", "a"), "2");
    assert_string_equal(value(m, "profile my own", "empty"), "");
    assert_string_equal(value(m, "default", "more"), "yes");
    assert_true(map_has(m, "profile plain"));
    assert_int_equal(m->len, 3);
}

static void ini_errors(void **state) {
    (void)state;
    AutoArena mem = arena_new(NULL);
    Map *m = NULL;
    assert_err(ini_parse(&m, str_from("\n[default\n"), "f", mem), E_SYNTAX,
               "f:2:1: the section has no \"]\"");
    assert_err(ini_parse(&m, str_from("a = b\n"), "f", mem), E_SYNTAX,
               "f:1:1: a value before the first section");
    assert_err(ini_parse(&m, str_from("[x]\nsecret\n"), "f", mem), E_SYNTAX,
               "f:2:1: neither a section nor \"key = value\"");
}

// --- credential_process -------------------------------------------------------------------------

static const char *words(const char *command, Arena *mem) {
    StrList list = {0};
    assert_ok(process_words(&list, command, mem));
    return cstr_join(mem, &list, "|");
}

static void words_of_a_command(void **state) {
    (void)state;
    AutoArena mem = arena_new(NULL);
    StrList list = {0};
    assert_string_equal(words("  a  b\tc ", mem), "a|b|c");
    assert_string_equal(words("'a b' \"c d\"e", mem), "a b|c de");
    assert_string_equal(words("a\\ b \"q\\\"\\x\" '\\'", mem), "a b|q\"\\x|\\");
    assert_string_equal(words("a '' \"\"", mem), "a||");
    assert_string_equal(words("$HOME ; `x` > y", mem), "$HOME|;|`x`|>|y");
    assert_err(process_words(&list, "a 'b", mem), E_SYNTAX, "open '");
    assert_err(process_words(&list, "  ", mem), E_SYNTAX, "empty");
}

static void output_of_a_command(void **state) {
    (void)state;
    Fixture f = machine();
    Str out = {0};
    assert_ok(process_output(&out, f.loop, "printf '%s,' a 'b c'", f.mem));
    assert_true(str_eq(out, str_from("a,b c,")));
    assert_err(process_output(&out, f.loop, "sh -c 'exit 3'", f.mem), E_UNAUTHORIZED,
               "credential_process sh ended with status 3");
    assert_err(process_output(&out, f.loop, "head -c 300000 /dev/zero", f.mem), E_TOO_LARGE,
               "credential_process");
    arena_free(f.mem);
}

// --- the chain ----------------------------------------------------------------------------------

static void order_of_the_chain(void **state) {
    (void)state;
    Fixture f = machine();
    AwsCredentials c = {0};
    assert_err(find(&c, &f, (AwsIdentity){.region = "r1"}), E_UNAUTHORIZED,
               "no AWS credentials (environment: AWS_ACCESS_KEY_ID is not set; "
               "web identity: AWS_WEB_IDENTITY_TOKEN_FILE is not set; "
               "profile \"default\": is in no file; "
               "container: AWS_CONTAINER_CREDENTIALS_RELATIVE_URI and "
               "AWS_CONTAINER_CREDENTIALS_FULL_URI are not set; "
               "instance metadata: AWS_EC2_METADATA_DISABLED is set)");
    write_file(&f, "config", "[default]\naws_access_key_id = FROMCONFIG\n"
                             "aws_secret_access_key = s-config-1\n"
                             "[profile p]\nregion = r-p\n");
    assert_ok(find(&c, &f, (AwsIdentity){.region = "r2"}));
    assert_string_equal(c.access_key, "FROMCONFIG");
    write_file(&f, "credentials", "[default]\naws_access_key_id = FROMFILE\n"
                                  "aws_secret_access_key = s-file-1\naws_session_token = t-file-1\n"
                                  "[p]\naws_access_key_id = P\naws_secret_access_key = s-p-1\n");
    assert_ok(find(&c, &f, (AwsIdentity){.region = "r3"}));
    assert_string_equal(c.access_key, "FROMFILE");
    assert_string_equal(c.session_token, "t-file-1");
    assert_string_equal(c.source, "profile \"default\"");
    set(&f, "AWS_PROFILE", "p");
    assert_ok(find(&c, &f, (AwsIdentity){.region = "r4"}));
    assert_string_equal(c.access_key, "P");
    set(&f, "AWS_ACCESS_KEY_ID", "ENV");
    set(&f, "AWS_SECRET_ACCESS_KEY", "s-env-1");
    assert_ok(find(&c, &f, (AwsIdentity){.region = "r5"}));
    assert_string_equal(c.access_key, "ENV");
    assert_ok(find(&c, &f, (AwsIdentity){.region = "r5", .profile = "default"}));
    assert_string_equal(c.access_key, "FROMFILE");
    assert_ok(find(&c, &f, (AwsIdentity){.region = "r5", .profile = "p", .anonymous = true}));
    assert_true(c.anonymous);
    arena_free(f.mem);
}

static void profiles_that_do_not_work(void **state) {
    (void)state;
    Fixture f = machine();
    AwsCredentials c = {0};
    write_file(&f, "config",
               "[profile a]\nrole_arn = x\nsource_profile = b\n"
               "[profile b]\nrole_arn = y\nsource_profile = a\n"
               "[profile lonely]\nrole_arn = x\n"
               "[profile mfa]\nrole_arn = x\nsource_profile = a\nmfa_serial = 1\n"
               "[profile sso]\nsso_session = s\n"
               "[profile bare]\nregion = x\n"
               "[profile odd]\nrole_arn = x\ncredential_source = Elsewhere\n");
    static const char *const table[][2] = {
        {"a", "no AWS credentials (shared files: profile \"a\": profile \"b\": "
              "source_profile goes round in circles: a -> b -> a)"},
        {"lonely", "profile \"lonely\": role_arn has no source"},
        {"mfa", "mfa_serial needs a person and is not supported"},
        {"sso", "single sign-on is not supported"},
        {"bare", "it has no aws_access_key_id with aws_secret_access_key"},
        {"odd", "credential_source is \"Elsewhere\""},
        {"nobody", "profile \"nobody\": it is in no file"},
    };
    for (size_t i = 0; i < COUNT_OF(table); i++)
        assert_err(find(&c, &f, (AwsIdentity){.profile = table[i][0]}), E_UNAUTHORIZED,
                   table[i][1]);
    arena_free(f.mem);
}

static void order_of_regions(void **state) {
    (void)state;
    Fixture f = machine();
    const Host *host = loop_host(f.loop);
    assert_null(aws_region(host, NULL, NULL, f.mem));
    write_file(&f, "config", "[default]\nregion = of-default\n[profile p]\nregion = of-p\n");
    assert_string_equal(aws_region(host, NULL, NULL, f.mem), "of-default");
    assert_string_equal(aws_region(host, NULL, "p", f.mem), "of-p");
    set(&f, "AWS_PROFILE", "p");
    assert_string_equal(aws_region(host, NULL, NULL, f.mem), "of-p");
    set(&f, "AWS_DEFAULT_REGION", "of-env2");
    assert_string_equal(aws_region(host, "", "p", f.mem), "of-env2");
    set(&f, "AWS_REGION", "of-env");
    assert_string_equal(aws_region(host, "", "p", f.mem), "of-env");
    assert_string_equal(aws_region(host, "of-url", "p", f.mem), "of-url");
    arena_free(f.mem);
}

static int64_t later_ms; // added to the monotonic clock

static int64_t monotonic(const Host *h) {
    (void)h;
    return host_monotonic_ms(&host_system) + later_ms;
}

static size_t runs(Fixture *f) {
    Str text = {0};
    assert_ok(fs_read(&text, arena_printf(f->mem, "%s/runs", f->dir), 1 << 16, f->mem));
    return text.len;
}

static void renewal(void **state) {
    (void)state;
    Fixture f = machine();
    Host *host = host_with_vars(f.mem, &host_system, f.env);
    host->monotonic_ms = monotonic;
    assert_ok(loop_new(&f.loop, host, f.mem));
    AwsProvider *p = aws_provider(f.loop, &(AwsIdentity){0});
    AwsCredentials c = {0};
    test_write(f.dir, "keys",
               arena_printf(f.mem, "{\"Version\":1,\"AccessKeyId\":\"A\",\"SecretAccessKey\":"
                                   "\"s-process-1\",\"SessionToken\":\"t-process-1\","
                                   "\"Expiration\":\"%s\"}",
                            time_rfc3339ms(f.mem, time_add(host_now(host), 3600 * DURATION_S))));
    write_file(&f, "config", arena_printf(f.mem, "[default]\ncredential_process = sh -c "
                                                 "\"printf x >> %s/runs; cat %s/keys\"\n",
                                          f.dir, f.dir));
    assert_ok(aws_credentials(&c, p));
    assert_ok(aws_credentials(&c, p));
    assert_string_equal(c.session_token, "t-process-1");
    assert_int_equal(runs(&f), 1);
    host->clock_skew_s = 3200; // more than five minutes are left
    assert_ok(aws_credentials(&c, p));
    assert_int_equal(runs(&f), 1);
    host->clock_skew_s = 3310; // less than that
    later_ms = 100000;
    assert_ok(aws_credentials(&c, p));
    assert_int_equal(runs(&f), 2);
    assert_ok(aws_credentials(&c, p)); // the source has none that last: not asked every time
    assert_int_equal(runs(&f), 2);
    aws_credentials_expired(p, &c);
    assert_ok(aws_credentials(&c, p));
    assert_int_equal(runs(&f), 3);
    AwsCredentials older = {.access_key = "A", .session_token = "t-process-0"};
    aws_credentials_expired(p, &older); // replaced already
    assert_ok(aws_credentials(&c, p));
    assert_int_equal(runs(&f), 3);
    test_write(f.dir, "keys", "broken");
    later_ms = 200000;
    assert_ok(aws_credentials(&c, p)); // cannot be renewed, but has not ended
    assert_int_equal(runs(&f), 4);
    host->clock_skew_s = 3700;
    assert_err(aws_credentials(&c, p), E_UNAUTHORIZED, "did not print a JSON object");
    arena_free(f.mem);
}

// Where secrets may go.
static void endpoints(void **state) {
    (void)state;
    AutoArena mem = arena_new(NULL);
    static const char *const amazon[] = {".amazonaws.com", NULL};
    assert_ok(endpoint_check("https://sts.eu-west-1.amazonaws.com", amazon, false, mem));
    assert_ok(endpoint_check("https://STS.amazonaws.com:443/", amazon, false, mem));
    assert_ok(endpoint_check("https://sts.corp.example/", amazon, true, mem));
    assert_ok(endpoint_check("http://127.0.0.1:8080/", amazon, true, mem));
    assert_ok(endpoint_check("http://[::1]:8080/", amazon, true, mem));
    static const char *const denied[] = {
        "http://sts.amazonaws.com/",     "https://amazonaws.com.evil.example/",
        "https://evilamazonaws.com/",    "https://sts.corp.example/",
        "http://127.0.0.1/",             "https://x@evil.example/.amazonaws.com",
        "https://sts.amazonaws.com@evil.example/",
    };
    for (size_t i = 0; i < COUNT_OF(denied); i++)
        assert_err(endpoint_check(denied[i], amazon, false, mem), E_DENIED,
                   "credentials are not sent to");
    assert_err(endpoint_check("http://sts.corp.example/", amazon, true, mem), E_DENIED,
               "credentials are not sent to http://sts.corp.example");
    assert_err(endpoint_check("http://127.evil.example/", amazon, true, mem), E_DENIED, "127.evil");
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(ini_dialect),
        cmocka_unit_test(ini_errors),
        cmocka_unit_test(words_of_a_command),
        cmocka_unit_test(output_of_a_command),
        cmocka_unit_test(order_of_the_chain),
        cmocka_unit_test(profiles_that_do_not_work),
        cmocka_unit_test(order_of_regions),
        cmocka_unit_test(renewal),
        cmocka_unit_test(endpoints),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
