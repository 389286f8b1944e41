// Data sources: what they give, and what they say when they cannot. (What asks a network is in
// tests/e2e/data-sources.bats.)
#include "support.h"

#include <signal.h>

// What `expression` gives with the data blocks of `config`, as JSON; or the error.
static const char *value_of(Run *r, const char *config, const char *expression) {
    load(r, arena_printf(r->mem, "%s\nenv \"e\" {\n v = %s\n}\n", config, expression));
    if (r->error)
        return r->error;
    return json_text(r->mem, value_get(r->project->envs.items[0]->extra, "v"), JSON_PLAIN);
}

typedef struct Case {
    const char *body, *want;
} Case;

// `data "KIND" "d" {\nBODY\n}`, read as data.KIND.d
static void check(Run *r, const char *kind, const Case *cases, size_t count) {
    for (size_t i = 0; i < count; i++)
        assert_string_equal(value_of(r, arena_printf(r->mem, "data \"%s\" \"d\" {\n%s\n}", kind,
                                                     cases[i].body),
                                     arena_printf(r->mem, "data.%s.d", kind)),
                            cases[i].want);
}
#define CHECK(kind, ...)                                                                           \
    check(r, kind, (const Case[]){__VA_ARGS__}, COUNT_OF(((const Case[]){__VA_ARGS__})))

static void arguments(void **state) {
    Run *r = *state;
    CHECK("external",
          {"programm = [\"x\"]", "data.external.d: atlas.hcl:2,1-9: Unsupported argument; An argument "
           "named \"programm\" is not expected here. Did you mean \"program\"?"},
          {"shell = true", "data.external.d: atlas.hcl:2,1-6: Unsupported argument; An argument named "
           "\"shell\" is not expected here."},
          {"", "data.external.d: atlas.hcl:1,1-20: Missing required argument; The argument "
           "\"program\" is required, but no definition was found."},
          {"program = null", "data.external.d: atlas.hcl:1,1-20: Missing required argument; The "
           "argument \"program\" is required, but no definition was found."},
          {"program = [\"true\"]\nenv {\n}", "data.external.d: atlas.hcl:3,1-4: Unsupported block "
           "type; Blocks of type \"env\" are not expected here."},
          {"program = \"true\"", "data.external.d: atlas.hcl:2,11-17: field is of type slice but attr "
           "\"program\" is type: string"});
    CHECK("gcp_cloudsql_token",
          {"scope = \"x\"", "data.gcp_cloudsql_token.d: atlas.hcl:2,1-6: Unsupported argument; An "
           "argument named \"scope\" is not expected here."});
    CHECK("vault", {"", "atlas.hcl:1,6-13: missing data source handler for \"vault\""});
}

static void sources_that_need_the_schema_model(void **state) {
    Run *r = *state;
    static const char *const kinds[] = {"hcl_schema", "external_schema", "composite_schema",
                                        "remote_schema"};
    for (size_t i = 0; i < COUNT_OF(kinds); i++) {
        const char *config = arena_printf(r->mem, "data \"%s\" \"d\" {\n path = \"x\"\n}", kinds[i]);
        assert_string_equal(
            value_of(r, config, arena_printf(r->mem, "data.%s.d.url", kinds[i])),
            arena_printf(r->mem, "data.%s.d: atlas.hcl:1,6-%zu: %s needs the declarative engine, "
                         "which this version does not have", kinds[i], 8 + strlen(kinds[i]),
                         kinds[i]));
        assert_string_equal(r->hint, "versioned migrations can use template_dir and remote_dir");
        // One that nothing refers to is not read.
        assert_string_equal(value_of(r, config, "1"), "1");
    }
}

static void sql(void **state) {
    Run *r = *state;
    CHECK("sql",
          {"url = \"sqlite://a.db\"\nquery = \"select 'a' union select 'b' order by 1\"",
           "{\"count\":2,\"value\":\"a\",\"values\":[\"a\",\"b\"]}"},
          {"url = \"sqlite://a.db\"\nquery = \"select 1 union select 2.5\"",
           "{\"count\":2,\"value\":1,\"values\":[1,2.5]}"},
          {"url = \"sqlite://a.db\"\nquery = \"select 1 where 1 = 0\"",
           "{\"count\":0,\"value\":null,\"values\":[]}"},
          {"url = \"sqlite://a.db\"\nquery = \"select ?1 || ?2 || ?3\"\nargs = [\"x\", 7, true]",
           "{\"count\":1,\"value\":\"x71\",\"values\":[\"x71\"]}"},
          {"url = \"sqlite://a.db\"\nquery = \"select ? * 2\"\nargs = toset([1.25])",
           "{\"count\":1,\"value\":2.5,\"values\":[2.5]}"},
          {"url = \"sqlite://a.db\"\nquery = \"select 1 union select 'b' order by 1\"",
           "data.sql.d: the rows have mixed types: row 2 is a string, those before are number"},
          {"url = \"sqlite://a.db\"\nquery = \"select 1, 2\"",
           "data.sql.d: the query has 2 columns, not one"},
          {"url = \"sqlite://a.db\"\nquery = \"select null\"", "data.sql.d: row 1 is NULL"},
          {"url = \"sqlite://a.db\"\nquery = \"select x'00'\"", "data.sql.d: row 1 is binary"},
          {"url = \"sqlite://a.db\"\nquery = \"select x'6162' union all select ''\"",
           "{\"count\":2,\"value\":\"ab\",\"values\":[\"ab\",\"\"]}"},
          {"url = \"sqlite://a.db\"\nquery = \"select nowhere\"",
           "data.sql.d: no such column: nowhere"},
          {"url = \"sqlite://a.db\"\nquery = \"select ?\"\nargs = [[1]]",
           "data.sql.d: atlas.hcl:4,8-13: an argument must be a string, a number or a bool"},
          {"url = \"sqlite://a.db\"\nquery = \"select 1\"\nargs = 1",
           "data.sql.d: atlas.hcl:4,8-9: args must be a list"},
          {"url = \"a.db\"\nquery = \"select 1\"", "data.sql.d: the database URL has no scheme"});
}

static void external(void **state) {
    Run *r = *state;
    test_write("sub", "here", "");
    CHECK("external", {"program = [\"printf\", \"%s|\", \"a b\", \"$HOME\"]", "\"a b|$HOME|\""},
          {"program = [\"ls\"]\nworking_dir = \"sub\"", "\"here\\n\""},
          {"program = [\"sh\", \"-c\", \"echo out; echo '  why  ' >&2; exit 3\"]",
           "data.external.d: why"},
          {"program = [\"sh\", \"-c\", \"exit 3\"]", "data.external.d: exit status 3"},
          {"program = [\"sh\", \"-c\", \"kill -9 $$\"]", "data.external.d: signal 9"},
          {"program = []", "data.external.d: atlas.hcl:2,11-13: program cannot be empty"},
          {"program = [\"./none\"]",
           "data.external.d: starting ./none: No such file or directory"},
          {"program = [\"ls\"]\nworking_dir = \"none\"",
           "data.external.d: running ls in none: No such file or directory"});
    // Once, however often it is referred to.
    value_of(r, "data \"external\" \"d\" {\nprogram = [\"sh\", \"-c\", \"echo x >> runs\"]\n}",
             "[data.external.d, data.external.d]");
    Str runs;
    assert_ok(fs_read(&runs, "runs", 100, r->mem));
    assert_string_equal(runs.ptr, "x\n");
}

static volatile sig_atomic_t *cancel_flag;
static void on_alarm(int sig) {
    (void)sig;
    *cancel_flag = 1;
}

static void external_is_cancelled(void **state) {
    Run *r = *state;
    cancel_flag = &r->cancel;
    signal(SIGALRM, on_alarm);
    ualarm(50000, 0);
    CHECK("external", {"program = [\"sleep\", \"60\"]", "data.external.d: interrupted"});
    signal(SIGALRM, SIG_DFL);
}

static void runtimevar(void **state) {
    Run *r = *state;
    test_write(".", "value.txt", "a line\n");
    test_write(".", "binary", "\xff\xfe");
    CHECK("runtimevar", {"url = \"constant://?val=hello+world&decoder=string\"", "\"hello world\""},
          {"url = \"file://value.txt?timeout=2s\"", "\"a line\\n\""},
          {"url = \"file://none.txt\"",
           "data.runtimevar.d: reading none.txt: No such file or directory"},
          {"url = \"file://binary\"", "data.runtimevar.d: the value is binary, not text"},
          {"url = \"constant://?val=x&decoder=json\"",
           "data.runtimevar.d: unsupported decoder: \"json\""},
          {"url = \"constant://?val=x&timeout=soon\"",
           "data.runtimevar.d: timeout \"soon\" is no duration such as 10s"},
          {"url = \"file://x?follow=1\"",
           "data.runtimevar.d: file:// takes no query parameter \"follow\""},
          {"url = \"etcd://x\"", "data.runtimevar.d: atlas.hcl:2,7-17: unsupported scheme \"etcd\": "
           "constant, file, http, https, awsparamstore, awssecretsmanager, gcpsecretmanager and "
           "gcpruntimeconfig are"},
          {"url = \"awsparamstore://x\"", "data.runtimevar.d: no AWS region is known"},
          {"url = \"gcpsecretmanager://\"", "data.runtimevar.d: the URL names no value"});
}

static const char templates[] =
    "data \"template_dir\" \"d\" {\n  path = \"in\"\n  vars = {\n    schema = \"app\"\n    limit = 3\n"
    "    strict = true\n    names = [\"x\", \"y\"]\n  }\n}";

static void template_dir(void **state) {
    Run *r = *state;
    test_write("in", "2.sql", "{{ template \"table\" .schema }}{{ range .names }} {{ . }}{{ end }}\n");
    test_write("in", "1.sql", "-- {{ .limit }} {{ .strict }} {{ upper .schema }}\n");
    test_write("in", "notes.txt", "{{ define \"unused\" }}{{ end }}");
    test_write("in", "atlas.sum", "not {{ a template");
    test_write("in/shared", "t.tmpl", "{{ define \"table\" }}CREATE TABLE {{ . }}.t{{ end }}");
    test_write("in/shared", "3.sql", "not a migration");
    assert_string_equal(value_of(r, templates, "data.template_dir.d"), "{\"url\":\"mem://in/d\"}");
    const ProjectDir *made = map_get(r->project->dirs, "mem://in/d");
    assert_non_null(made);
    assert_string_equal(made->path, "in");
    assert_null(made->dir->path);
    assert_int_equal(made->dir->files.len, 2);
    assert_string_equal(made->dir->files.items[0].content.ptr, "-- 3 true APP\n");
    assert_string_equal(made->dir->files.items[1].content.ptr, "CREATE TABLE app.t x y\n");
    assert_ok(migrate_dir_verify(made->dir, NULL, r->mem));
    CHECK("template_dir", {"path = \"./in/shared/\"", "{\"url\":\"mem://in/shared/d\"}"});
    test_write("in", "1.sql", "{{ .nope }}");
    assert_string_equal(value_of(r, templates, "data.template_dir.d"),
                        "data.template_dir.d: template: 1.sql:1:3: executing \"1.sql\" at <.nope>: "
                        "map has no entry for key \"nope\"");
    test_write("in", "1.sql", "{{ if }}");
    assert_string_equal(value_of(r, templates, "data.template_dir.d"),
                        "data.template_dir.d: template: 1.sql:1: missing value for if");
    CHECK("template_dir",
          {"path = \"none\"", "data.template_dir.d: atlas.hcl:2,8-14: \"none\" is no directory"},
          {"path = \"in\"\nvars = [1]", "data.template_dir.d: atlas.hcl:3,8-11: vars must be a map"},
          {"path = \"in\"\nvars = { a = { b = 1 } }", "data.template_dir.d: atlas.hcl:3,8-25: vars.a "
           "must be a string, a number, a bool or a list of one of them"});
}

static void remote_dir(void **state) {
    Run *r = *state;
    CHECK("remote_dir", {"name = \"app\"", "{\"url\":\"atlas://app\"}"},
          {"name = \"app\"\ntag = \"v 1\"", "{\"url\":\"atlas://app?tag=v%201\"}"},
          {"name = \"app?tag=x\"", "data.remote_dir.d: atlas.hcl:2,8-19: \"app?tag=x\" is no name of "
           "a repository"});
}

// The signatures were computed by another program (hmac and hashlib of Python).
static void rds_token(void **state) {
    Run *r = *state;
    stop_clock(r);
    CHECK("aws_rds_token",
          {"endpoint = \"db.c0ffee.eu-west-1.rds.amazonaws.com:5432\"\nusername = \"app user\"",
           "data.aws_rds_token.d: no AWS region is known"},
          {"endpoint = \"db\"\nusername = \"app\"", "data.aws_rds_token.d: atlas.hcl:2,12-16: \"db\" "
           "is not of the form HOST:PORT"},
          {"endpoint = \"db:1\"\nusername = \"\"",
           "data.aws_rds_token.d: atlas.hcl:3,12-14: the user name is empty"});
    use_aws(r);
    set(r, "AWS_REGION", "eu-west-1");
    CHECK("aws_rds_token",
          {"endpoint = \"db.c0ffee.eu-west-1.rds.amazonaws.com:5432\"\nusername = \"app user\"",
           "\"db.c0ffee.eu-west-1.rds.amazonaws.com:5432/?Action=connect&DBUser=app%20user&"
           "X-Amz-Algorithm=AWS4-HMAC-SHA256&X-Amz-Credential=AKIDEXAMPLE%2F20260102%2Feu-west-1%2F"
           "rds-db%2Faws4_request&X-Amz-Date=20260102T030405Z&X-Amz-Expires=900&"
           "X-Amz-SignedHeaders=host&X-Amz-Signature="
           "d27ce70bc5677c58ca2fa6197e61a5bcd5b8eda4bf63de1974d36013a51d6fbf\""});
}

static void rds_token_of_a_session(void **state) {
    Run *r = *state;
    stop_clock(r);
    use_aws(r);
    set(r, "AWS_SESSION_TOKEN", "session+token/1==");
    CHECK("aws_rds_token",
          {"endpoint = \"127.0.0.1:3306\"\nusername = \"app\"\nregion = \"us-east-2\"",
           "\"127.0.0.1:3306/?Action=connect&DBUser=app&X-Amz-Algorithm=AWS4-HMAC-SHA256&"
           "X-Amz-Credential=AKIDEXAMPLE%2F20260102%2Fus-east-2%2Frds-db%2Faws4_request&"
           "X-Amz-Date=20260102T030405Z&X-Amz-Expires=900&X-Amz-Security-Token="
           "session%2Btoken%2F1%3D%3D&X-Amz-SignedHeaders=host&X-Amz-Signature="
           "38e2b51ddb21c8bda2c80430a793a805fba6414a8acc6e3dd10b8a7301fcc180\""});
}

int main(void) {
    const struct CMUnitTest tests[] = {
        T(arguments),    T(sources_that_need_the_schema_model), T(sql),
        T(external),     T(external_is_cancelled),              T(runtimevar),
        T(template_dir), T(remote_dir),                         T(rds_token),
        T(rds_token_of_a_session),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
