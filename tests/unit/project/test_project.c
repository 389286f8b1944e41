#include "test.h"

#include "atlas/project.h"

typedef struct Run {
    Arena *mem;
    Map vars;       // environment
    StrList inputs; // --var
    const char *env;
    bool no_config;
    Project *project;
    const char *error; // NULL: none
} Run;

static int setup(void **state) {
    Run *r = calloc(1, sizeof *r);
    r->mem = arena_new(NULL);
    r->env = "";
    map_init(&r->vars, r->mem);
    *state = r;
    return chdir(test_dir(r->mem));
}

static int teardown(void **state) {
    Run *r = *state;
    arena_free(r->mem);
    free(r);
    return 0;
}

static void put(Run *r, const char *path, const char *text) {
    (void)r;
    AutoErr err = fs_write_atomic(path, str_from(text), 0644);
    assert_null(err);
}

static void load_config(Run *r, const char *config) {
    ProjectOptions o = {.config = config, .explicit_config = !r->no_config, .env = r->env,
                        .vars = &r->inputs};
    o.host = host_with_vars(r->mem, &host_system, &r->vars);
    AutoErr err = project_load(&r->project, &o, r->mem);
    r->error = err ? arena_strdup(r->mem, err_text(err)) : NULL;
}

static void load(Run *r, const char *text, const char *env) {
    put(r, "atlas.hcl", text);
    r->env = env;
    load_config(r, "file://atlas.hcl");
}

static const ProjectEnv *only_env(const Run *r) {
    if (r->error)
        print_error("%s\n", r->error);
    assert_null(r->error);
    assert_int_equal(r->project->envs.len, 1);
    return r->project->envs.items[0];
}

static const char *shown(Run *r) {
    return json_text(r->mem, project_to_value(r->project, r->mem), JSON_PLAIN);
}

// --- the files of examples.md -------------------------------------------------------------------

static const char versioned[] =
    "locals {\n"
    "  copies = [\"s3://acme-schema-copies/shop/migrations?region=eu-west-1\", "
    "\"gs://acme-schema-copies/shop/migrations\"]\n"
    "}\n"
    "\n"
    "env \"ci\" {\n"
    "  dev = \"postgres://postgres:pass@localhost:5432/dev?search_path=public&sslmode=disable\"\n"
    "  migration {\n"
    "    dir = \"file://migrations\"\n"
    "    repo {\n"
    "      name   = \"shop\"\n"
    "      backup = local.copies\n"
    "    }\n"
    "  }\n"
    "}\n"
    "\n"
    "env \"prod\" {\n"
    "  url = getenv(\"DATABASE_URL\")\n"
    "  migration {\n"
    "    dir = \"atlas://shop\"        # registry first, then the copies\n"
    "    repo {\n"
    "      name   = \"shop\"\n"
    "      backup = local.copies\n"
    "    }\n"
    "  }\n"
    "}\n";

static const char declarative[] =
    "env \"ci\" {\n"
    "  dev = getenv(\"DEV_DATABASE_URL\")\n"
    "  schema {\n"
    "    src = \"file://schema.hcl\"\n"
    "    repo {\n"
    "      name   = \"shop-schema\"\n"
    "      backup = [\"s3://acme-schema-copies/shop/schema?region=eu-west-1\"]\n"
    "    }\n"
    "  }\n"
    "}\n"
    "\n"
    "env \"prod\" {\n"
    "  url = getenv(\"DATABASE_URL\")\n"
    "  dev = getenv(\"DEV_DATABASE_URL\")\n"
    "  schema {\n"
    "    src = \"atlas://shop-schema\"\n"
    "    repo {\n"
    "      name   = \"shop-schema\"\n"
    "      backup = [\"s3://acme-schema-copies/shop/schema?region=eu-west-1\"]\n"
    "    }\n"
    "  }\n"
    "}\n";

static void test_versioned_example(void **state) {
    Run *r = *state;
    load(r, versioned, "ci");
    const ProjectEnv *e = only_env(r);
    assert_string_equal(e->name, "ci");
    assert_string_equal(e->url, "");
    assert_string_equal(e->dev, "postgres://postgres:pass@localhost:5432/dev?search_path=public&"
                                "sslmode=disable");
    assert_string_equal(e->migration.dir, "file://migrations");
    assert_string_equal(e->migration.repo.name, "shop");
    assert_string_equal(e->migration.repo.url, "");
    assert_int_equal(e->migration.repo.range.start.line, 9);
    assert_int_equal(e->migration.repo.backup.len, 2);
    assert_string_equal(e->migration.repo.backup.items[0],
                        "s3://acme-schema-copies/shop/migrations?region=eu-west-1");
    assert_string_equal(e->migration.repo.backup.items[1],
                        "gs://acme-schema-copies/shop/migrations");
    assert_null(e->schema.repo.range.file);
    assert_string_equal(r->project->cloud.token, "");
    map_set(&r->vars, "DATABASE_URL", arena_strdup(r->mem, "postgres://u:s3cret@db/prod"));
    load(r, versioned, "prod");
    e = only_env(r);
    assert_string_equal(e->url, "postgres://u:s3cret@db/prod");
    assert_string_equal(e->migration.dir, "atlas://shop");
    assert_string_equal(log_redact(r->mem, "is s3cret here"), "is *** here");
    assert_string_equal(shown(r),
                        "{\"envs\":[{\"name\":\"prod\",\"url\":\"postgres://u:xxxxx@db/prod\","
                        "\"migration\":{\"dir\":\"atlas://shop\",\"repo\":{\"name\":\"shop\","
                        "\"backup\":[\"s3://acme-schema-copies/shop/migrations?region=eu-west-1\","
                        "\"gs://acme-schema-copies/shop/migrations\"]}}}]}");
}

static void test_declarative_example(void **state) {
    Run *r = *state;
    map_set(&r->vars, "DEV_DATABASE_URL", arena_strdup(r->mem, "sqlite://dev?mode=memory"));
    load(r, declarative, "ci");
    const ProjectEnv *e = only_env(r);
    assert_string_equal(e->dev, "sqlite://dev?mode=memory");
    assert_int_equal(e->src.len, 1);
    assert_string_equal(e->src.items[0], "file://schema.hcl");
    assert_string_equal(e->schema.repo.name, "shop-schema");
    assert_string_equal(e->schema.repo.backup.items[0],
                        "s3://acme-schema-copies/shop/schema?region=eu-west-1");
    load(r, declarative, "prod");
    assert_string_equal(only_env(r)->schema.src.items[0], "atlas://shop-schema");
}

// --- selection ----------------------------------------------------------------------------------

static void test_selection(void **state) {
    Run *r = *state;
    static const char text[] = "env \"a\" {\n url = \"sqlite://a\"\n}\n"
                               "env {\n name = atlas.env\n url = \"sqlite://${atlas.env}\"\n}\n"
                               "env \"broken\" {\n url = nope.x\n}\n"
                               "env \"renamed\" {\n name = \"other\"\n}\n";
    load(r, text, "a"); // labelled wins, other blocks are not evaluated
    assert_string_equal(only_env(r)->url, "sqlite://a");
    load(r, text, "zz");
    assert_string_equal(only_env(r)->url, "sqlite://zz");
    assert_string_equal(only_env(r)->name, "zz");
    load(r, text, "");
    assert_null(r->error);
    assert_int_equal(r->project->envs.len, 0);
    load(r, text, "broken");
    assert_string_equal(r->error, "atlas.hcl:9,8-12: Unknown variable; There is no variable named "
                                  "\"nope\".");
    load(r, text, "renamed");
    assert_string_equal(r->error, "env \"renamed\" not defined in config file");
    load(r, "env \"a\" {\n}\n", "b");
    assert_string_equal(r->error, "env \"b\" not defined in config file");
    load(r, "env {\n name = atlas.env == \"x\" ? null : null\n}\n", "b");
    assert_string_equal(r->error, "atlas.hcl:1,1-4: all envs must have names on file \"atlas.hcl\"");
    load(r, "env {\n name = \"b\"\n}\n", "b"); // does not mention atlas.env
    assert_string_equal(r->error, "env \"b\" not defined in config file");
    load(r, "env \"t\" {\n for_each = toset([\"x\", \"y\"])\n url = \"sqlite://${each.value}\"\n}\n", "t");
    assert_null(r->error);
    assert_int_equal(r->project->envs.len, 2);
    assert_string_equal(r->project->envs.items[1]->url, "sqlite://y");
    assert_string_equal(r->project->envs.items[1]->name, "t");
}

static void test_config_files(void **state) {
    Run *r = *state;
    load_config(r, "atlas.hcl");
    assert_string_equal(r->error, "missing scheme for config file. Did you mean file://atlas.hcl?");
    load_config(r, "s3://atlas.hcl");
    assert_string_equal(r->error, "unsupported config file driver \"s3\"");
    load_config(r, "file://nope.hcl");
    assert_int_equal(strncmp(r->error, "config file \"nope.hcl\" was not found: ", 38), 0);
    r->no_config = true;
    load_config(r, NULL);
    assert_null(r->error);
    assert_null(r->project);
    r->env = "x";
    load_config(r, "");
    assert_int_equal(strncmp(r->error, "config file \"atlas.hcl\" was not found: ", 39), 0);
    put(r, "a.hcl", "locals {\n u = \"sqlite://a\"\n}\n");
    put(r, "b.hcl", "env \"x\" {\n url = local.u\n}\n");
    load_config(r, "file://b.hcl,file://a.hcl");
    assert_string_equal(only_env(r)->url, "sqlite://a");
    AutoErr err = fs_mkdirs("sub", 0755);
    assert_null(err);
    put(r, "sub/atlas.hcl", "env \"x\" {\n url = file(\"url.txt\")\n}\n");
    put(r, "sub/url.txt", "sqlite://f");
    load_config(r, "file://sub/atlas.hcl");
    assert_string_equal(only_env(r)->url, "sqlite://f");
    put(r, "sub/atlas.hcl", "env \"x\" {\n url = 'a'\n}\n");
    load_config(r, "file://sub/atlas.hcl");
    assert_int_equal(strncmp(r->error, "sub/atlas.hcl:2,8-9: Invalid character; ", 40), 0);
}

static void test_variables(void **state) {
    Run *r = *state;
    static const char text[] = "variable \"u\" {\n type = string\n}\n"
                               "variable \"l\" {\n type = list(string)\n default = []\n}\n"
                               "env \"x\" {\n url = var.u\n schemas = var.l\n}\n";
    load(r, text, "x");
    assert_string_equal(r->error, "atlas.hcl:1,1-13: missing value for required variable \"u\"");
    list_push(&r->inputs, r->mem, "u=sqlite://x?a=1,b");
    list_push(&r->inputs, r->mem, "l=one");
    load(r, text, "x");
    assert_string_equal(only_env(r)->url, "sqlite://x?a=1,b");
    assert_int_equal(only_env(r)->schemas.len, 1);
    list_push(&r->inputs, r->mem, "l=two");
    load(r, text, "x");
    assert_int_equal(only_env(r)->schemas.len, 2);
    assert_string_equal(only_env(r)->schemas.items[1], "two");
    list_push(&r->inputs, r->mem, "wrong");
    load(r, text, "x");
    assert_string_equal(r->error, "variables must be format as key=value, got: \"wrong\"");
}

// --- contents -----------------------------------------------------------------------------------

static void test_full_env(void **state) {
    Run *r = *state;
    load(r,
         "atlas {\n cloud {\n token = getenv(\"T\")\n url = \"https://c.example/query\"\n }\n}\n"
         "env \"x\" {\n"
         " src = [\"schema.hcl\", \"file://b.hcl\"]\n"
         " schemas = [\"a\", \"b\"]\n exclude = toset([\"t\"])\n include = [null, \"i\"]\n"
         " tenant = \"acme\"\n"
         " db_password = \"hunter22\"\n"
         " custom {\n deep = 1\n }\n"
         " migration {\n dir = \"file://m\"\n format = golang-migrate\n baseline = \"1\"\n"
         "  exec_order = LINEAR_SKIP\n lock_timeout = \"1m\"\n revisions_schema = \"rev\"\n"
         "  tx_mode = \"all\"\n exclude = [\"e\"]\n unknown = 1\n"
         "  repo {\n name = \"app\"\n url = \"s3://b/p\"\n backup = [\"file://copies\", null]\n"
         "   min_copies = 2\n"
         "   verify = [\"ed25519:AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA=\"]\n }\n }\n"
         " format {\n migrate {\n apply = \"A\"\n diff = \"D\"\n }\n }\n"
         " log {\n migrate {\n apply = \"L\"\n }\n }\n"
         "}\n",
         "x");
    const ProjectEnv *e = only_env(r);
    const ProjectMigration *m = &e->migration;
    assert_string_equal(e->src.items[0], "file://schema.hcl");
    assert_string_equal(e->src.items[1], "file://b.hcl");
    assert_int_equal(e->include.len, 1);
    assert_string_equal(m->format, "golang-migrate");
    assert_string_equal(m->exec_order, "linear-skip");
    assert_string_equal(m->lock_timeout, "1m");
    assert_string_equal(m->revisions_schema, "rev");
    assert_string_equal(m->tx_mode, "all");
    assert_string_equal(m->baseline, "1");
    assert_int_equal(m->repo.min_copies, 2);
    assert_int_equal(m->repo.backup.len, 1);
    assert_int_equal(m->repo.verify.len, 1);
    assert_string_equal(map_get(e->formats, "migrate.apply"), "L");
    assert_string_equal(map_get(e->formats, "migrate.diff"), "D");
    assert_string_equal(value_get_text(e->extra, "tenant"), "acme");
    assert_int_equal(value_get_int(value_get(e->extra, "custom"), "deep"), 1);
    assert_string_equal(r->project->cloud.token, "");
    assert_string_equal(r->project->cloud.project, "default");
    assert_string_equal(
        shown(r),
        "{\"cloud\":{\"url\":\"https://c.example/query\",\"project\":\"default\"},\"envs\":[{"
        "\"name\":\"x\",\"src\":[\"file://schema.hcl\",\"file://b.hcl\"],\"schemas\":[\"a\",\"b\"],"
        "\"exclude\":[\"t\"],\"include\":[\"i\"],\"migration\":{\"dir\":\"file://m\",\"exclude\":["
        "\"e\"],\"format\":\"golang-migrate\",\"baseline\":\"1\",\"exec_order\":\"linear-skip\","
        "\"tx_mode\":\"all\",\"lock_timeout\":\"1m\",\"revisions_schema\":\"rev\",\"repo\":{"
        "\"name\":\"app\",\"url\":\"s3://b/p\",\"backup\":[\"file://copies\"],\"min_copies\":2,"
        "\"verify\":[\"ed25519:AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA=\"]}},\"format\":{"
        "\"migrate.apply\":\"L\",\"migrate.diff\":\"D\"},\"db_password\":\"***\",\"tenant\":"
        "\"acme\",\"custom\":{\"deep\":1}}]}");
}

static void test_cloud(void **state) {
    Run *r = *state;
    map_set(&r->vars, "ATLAS_TOKEN", arena_strdup(r->mem, "aci_topsecret"));
    load(r, "atlas {\n cloud {\n token = getenv(\"ATLAS_TOKEN\")\n project = \"p\"\n key = \"k\"\n }\n}\n"
            "env {\n name = atlas.env\n tag = atlas.cloud.project\n}\n", "e");
    assert_string_equal(r->project->cloud.token, "aci_topsecret");
    assert_string_equal(value_get_text(only_env(r)->extra, "tag"), "p");
    assert_string_equal(log_redact(r->mem, "x aci_topsecret"), "x ***");
    assert_non_null(strstr(shown(r), "\"cloud\":{\"token\":\"***\",\"project\":\"p\",\"key\":\"k\"}"));
    load(r, "atlas {\n}\n", "");
    assert_string_equal(r->error, "atlas.cloud: atlas.hcl:1,1-6: missing required block \"cloud\"");
    load(r, "atlas {\n cloud {\n }\n}\n", "");
    assert_string_equal(r->error, "atlas.cloud: atlas.hcl:2,2-7: missing required attribute "
                                  "\"token\"");
    load(r, "atlas {\n cloud {\n token = 5\n }\n}\n", "");
    assert_string_equal(r->error, "atlas.cloud: atlas.hcl:3,10-11: value of attr \"token\" cannot "
                                  "be read as string: unexpected type number");
}

static void test_wrong_types(void **state) {
    Run *r = *state;
    static const struct {
        const char *body, *want;
    } cases[] = {
        {"url = 5", "atlas.hcl:2,7-8: value of attr \"url\" cannot be read as string: unexpected "
                    "type number"},
        {"exclude = \"a\"", "atlas.hcl:2,11-14: field is of type slice but attr \"exclude\" is type: "
                            "string"},
        {"schemas = [1]", "atlas.hcl:2,11-14: field is of type slice but attr \"schemas\" is type: "
                          "list of number"},
        {"src = 5", "atlas.hcl:2,7-8: expected src to be either a string or strings, got: number"},
        {"migration {\nformat = nope\n}", "atlas.hcl:3,10-14: Unknown migration.format; There is no "
                                          "format named \"nope\"."},
        {"migration {\nlock_timeout = \"soon\"\n}", "atlas.hcl:3,16-22: value of attr "
         "\"lock_timeout\" is no duration such as 10s: \"soon\""},
        {"migration {\nrepo {\nbackup = [\"s3://a\", \"s3://a\"]\n}\n}",
         "atlas.hcl:4,10-30: \"backup\" lists \"s3://a\" twice"},
        {"migration {\nrepo {\nbackup = \"s3://a\"\n}\n}", "atlas.hcl:4,10-18: field is of type slice "
         "but attr \"backup\" is type: string"},
        {"migration {\nrepo {\nbackups = [\"s3://a\"]\n}\n}", "atlas.hcl:4,1-8: Unsupported argument; "
         "An argument named \"backups\" is not expected here. Did you mean \"backup\"?"},
        {"migration {\nrepo {\nmin_copies = -1\n}\n}", "atlas.hcl:4,14-16: value of attr "
         "\"min_copies\" must be a whole number from 0 on"},
        {"migration {\nrepo {\nverify = [\"rsa:x\"]\n}\n}", "atlas.hcl:4,10-19: \"verify\" holds a key "
         "that is not written as ed25519:BASE64 (32 bytes): \"rsa:x\""},
        {"migration {\n}\nmigration {\n}", "atlas.hcl:4,1-10: multiple \"migration\" blocks in "
                                           "\"env\""},
        {"url = data.sql.x.value\n}\ndata \"sql\" \"x\" {", "atlas.hcl:4,6-11: missing data source "
         "handler for \"sql\""},
    };
    for (size_t i = 0; i < COUNT_OF(cases); i++) {
        load(r, arena_printf(r->mem, "env \"x\" {\n%s\n}\n", cases[i].body), "x");
        assert_non_null(r->error);
        assert_string_equal(r->error, cases[i].want);
    }
}

static void test_policies(void **state) {
    Run *r = *state;
    static const char top[] =
        "diff {\n skip {\n drop_table = true\n }\n concurrent_index {\n create = true\n }\n}\n"
        "lint {\n review = ERROR\n log = \"top\"\n git {\n base = \"main\"\n dir = \".\"\n }\n"
        " destructive {\n error = true\n }\n}\n"
        "test {\n schema {\n src = [\"a\"]\n }\n}\n";
    load(r, arena_printf(r->mem, "%senv \"x\" {\n}\n", top), "x");
    assert_string_equal(json_text(r->mem, only_env(r)->diff, JSON_PLAIN),
                        "{\"skip\":{\"drop_table\":true},\"concurrent_index\":{\"create\":true}}");
    load(r, arena_printf(r->mem, "%senv \"x\" {\n diff {\n }\n lint {\n latest = 1\n naming {\n match "
                                 "= \"a\"\n }\n }\n test {\n }\n}\n", top), "x");
    const ProjectEnv *e = only_env(r);
    assert_string_equal(json_text(r->mem, e->diff, JSON_PLAIN), "{\"skip\":{\"drop_table\":true}}");
    assert_string_equal(json_text(r->mem, e->lint, JSON_PLAIN),
                        "{\"latest\":1,\"naming\":{\"match\":\"a\"},\"review\":\"ERROR\",\"log\":"
                        "\"top\"}");
    assert_string_equal(json_text(r->mem, e->test, JSON_PLAIN), "{}");
    load(r, arena_printf(r->mem, "%senv \"x\" {\n lint {\n format = \"mine\"\n }\n}\n", top), "x");
    assert_string_equal(json_text(r->mem, only_env(r)->lint, JSON_PLAIN),
                        "{\"format\":\"mine\",\"review\":\"ERROR\",\"destructive\":{\"error\":true},"
                        "\"git\":{\"base\":\"main\",\"dir\":\".\"}}");
}

static void test_env_urls(void **state) {
    Run *r = *state;
    const char *url = NULL;
    load(r, "env \"x\" {\n url = \"sqlite://a\"\n src = \"s.hcl\"\n other = \"sqlite://o\"\n"
            " chain = \"env://url\"\n n = 5\n schema {\n src = [\"a\", \"b\"]\n }\n}\n", "x");
    const ProjectEnv *e = only_env(r);
    static const struct {
        const char *url, *want;
    } cases[] = {
        {"env://url", "sqlite://a"}, {"env://src", "file://s.hcl"}, {"env://other", "sqlite://o"},
        {"sqlite://plain", "sqlite://plain"},
        {"env://nope", "env \"x\" has no attribute \"nope\" that env://nope could stand for"},
        {"env://chain", "env://chain must not stand for another env:// URL"},
        {"env://n", "env://n cannot be used: the attribute is not a string"},
        {"env://schema.src", "env://schema.src cannot be used: the attribute is a list of 2 URLs"},
    };
    for (size_t i = 0; i < COUNT_OF(cases); i++) {
        AutoErr err = project_env_url(&url, e, cases[i].url, r->mem);
        assert_string_equal(err ? err_text(err) : url, cases[i].want);
    }
    AutoErr err = project_env_url(&url, NULL, "env://url", r->mem);
    assert_string_equal(err_text(err),
                        "cannot use env:// variables without selecting an environment");
}

#define T(fn) cmocka_unit_test_setup_teardown(fn, setup, teardown)

int main(void) {
    const struct CMUnitTest tests[] = {
        T(test_versioned_example), T(test_declarative_example), T(test_selection),
        T(test_config_files),      T(test_variables),           T(test_full_env),
        T(test_cloud),             T(test_wrong_types),         T(test_policies),
        T(test_env_urls),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
