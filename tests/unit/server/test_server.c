// The registry's client and server against one another, in one process: every operation of the
// protocol that schemas, plans and repositories need.
#include "test.h"

#include "atlas/registry.h"
#include "atlas/server.h"

typedef struct World {
    Arena *mem;
    Loop *loop;
    const char *dir;
    ServerOptions options;
    volatile sig_atomic_t stop, reload;
    const char *url; // NULL until it listens
    Task *task;
    CloudConfig cloud;
    StrList warnings;
} World;

static void ready(void *ctx, const char *address) {
    World *w = ctx;
    w->url = arena_printf(w->mem, "http://%s/query", address);
}

static void run_server(void *arg) {
    World *w = arg;
    assert_ok(server_run(&w->options, w->mem));
}

static bool listens(const void *arg) { return ((const World *)arg)->url != NULL; }

static void world(World *w) {
    *w = (World){.mem = arena_new(NULL)};
    assert_ok(loop_new(&w->loop, &host_system, w->mem));
    w->dir = test_dir(w->mem);
    setenv("ATLAS_HOME", w->dir, 1); // grants are kept there
    w->options = (ServerOptions){.store_url = arena_printf(w->mem, "file://%s/store", w->dir),
                                 .listen = "127.0.0.1:0", .loop = w->loop, .ready = ready, .ctx = w,
                                 .stop = &w->stop, .reload = &w->reload};
    w->task = task_start(w->loop, run_server, w, w->mem);
    assert_true(loop_wait(w->loop, listens, w, host_monotonic_ms(&host_system) + 10000));
    w->cloud = (CloudConfig){.url = w->url, .token = "any", .project = "default"};
}

static void end(World *w) {
    w->stop = 1;
    task_join(w->task);
    arena_free(w->mem);
}

static Repo *open_repo(const World *w, bool with_backup) {
    Repo *r = NULL;
    RepoOptions o = {.slug = "app", .cloud = &w->cloud, .loop = w->loop};
    if (with_backup)
        list_push(&o.backups, w->mem, arena_printf(w->mem, "file://%s/backup", w->dir));
    assert_ok(repo_open(&r, &o, w->mem));
    return r;
}

static const char *read_schema(const World *w, Repo *r, const ReadParams *p, ReadResult *out) {
    Str text;
    assert_ok(repo_read(out, r, p, w->mem));
    assert_ok(body_bytes(&text, &out->artifact, w->mem));
    return text.ptr;
}

static void schemas(void **state) {
    (void)state;
    World w;
    world(&w);
    PushResult p;
    ReadResult r;
    PushParams c = {.kind = ARTIFACT_SCHEMA, .artifact = body_from(str_from("schema \"ä\" {}\n")),
                    .tag = "v1", .latest = true, .driver = "postgres"};
    assert_ok(repo_push(&p, open_repo(&w, true), &c, w.mem));
    assert_int_equal(p.copies, 2);
    assert_true(cstr_ends(p.link, "/schemas/app/tags/v1"));
    c.artifact = body_from(str_from("schema \"b\" {}\n"));
    c.tag = "v2";
    assert_ok(repo_push(&p, open_repo(&w, true), &c, w.mem));
    ReadParams v1 = {.kind = ARTIFACT_SCHEMA, .tag = "v1"}, latest = {.kind = ARTIFACT_SCHEMA};
    ReadParams first = {.kind = ARTIFACT_SCHEMA, .version = "1"};
    assert_string_equal(read_schema(&w, open_repo(&w, false), &v1, &r), "schema \"ä\" {}\n");
    assert_string_equal(read_schema(&w, open_repo(&w, false), &latest, &r), "schema \"b\" {}\n");
    assert_string_equal(read_schema(&w, open_repo(&w, false), &first, &r), "schema \"ä\" {}\n");
    ReadParams none = {.kind = ARTIFACT_SCHEMA, .tag = "none"};
    assert_err(repo_read(&r, open_repo(&w, false), &none, w.mem), E_NOT_FOUND, "not found");
    // The audit knows what a cloud holds.
    Value *report;
    bool all_ok;
    assert_ok(repo_verify(&report, &all_ok, open_repo(&w, true), NULL, w.mem));
    assert_true(all_ok);
    end(&w);
}

static void plans(void **state) {
    (void)state;
    World w;
    world(&w);
    PushResult p;
    PlanList found = {0};
    Plan plan;
    PlanSpec spec = {.name = "p 1", .from = "AA==", .to = "BB==", .migration = "SELECT '${x}';\n"};
    PushParams c = {.kind = ARTIFACT_PLAN, .plan = &spec,
                    .artifact = body_from(plan_file_text(&spec, w.mem))};
    assert_ok(repo_push(&p, open_repo(&w, true), &c, w.mem));
    assert_string_equal(p.status, "PENDING");
    assert_true(cstr_ends(p.link, "/schemas/app/plans/p%201"));
    assert_ok(repo_plan_list(&found, &w.warnings, open_repo(&w, false), "AA==", "BB==", w.mem));
    assert_int_equal(found.len, 1);
    assert_string_equal(found.items[0].migration, spec.migration);
    assert_string_equal(found.items[0].url, "atlas://app/plans/p%201");
    assert_ok(repo_plan_list(&found, &w.warnings, open_repo(&w, false), "AA==", "no", w.mem));
    assert_int_equal(found.len, 0);
    assert_ok(repo_plan_approve(&plan, &w.warnings, open_repo(&w, true), "p 1", NULL, w.mem));
    assert_string_equal(plan.status, "APPROVED");
    assert_ok(repo_plan_read(&plan, &w.warnings, open_repo(&w, false), "p 1", w.mem));
    assert_string_equal(plan.status, "APPROVED");
    assert_int_equal(w.warnings.len, 0);
    assert_err(repo_plan_read(&plan, &w.warnings, open_repo(&w, false), "p2", w.mem), E_NOT_FOUND,
               "not found");
    // The registry is gone: the backup knows the plan and its approval.
    CloudConfig gone = w.cloud;
    w.cloud.url = "http://127.0.0.1:1/query";
    assert_ok(repo_plan_read(&plan, &w.warnings, open_repo(&w, true), "p 1", w.mem));
    assert_string_equal(plan.status, "APPROVED");
    assert_int_equal(w.warnings.len, 1);
    w.cloud = gone;
    // The same name with other bytes is nobody's outage: the backups do not take it either.
    spec.migration = "DROP TABLE t;\n";
    c.artifact = body_from(plan_file_text(&spec, w.mem));
    assert_err(repo_push(&p, open_repo(&w, false), &c, w.mem), E_EXISTS, "exists with other content");
    end(&w);
}

static void repositories(void **state) {
    (void)state;
    World w;
    world(&w);
    RepoInfo info = {0};
    RepoInfos all = {0};
    assert_ok(repo_create(&info, open_repo(&w, false), "SCHEMA", "postgres", "", w.mem));
    assert_string_equal(info.driver, "POSTGRESQL");
    assert_true(cstr_ends(info.url, "/schemas/app"));
    assert_err(repo_create(&info, open_repo(&w, false), "SCHEMA", "postgres", "", w.mem), E_EXISTS,
               "already exists");
    assert_string_equal(info.type, "SCHEMA");
    assert_ok(repo_list(&all, &w.warnings, open_repo(&w, false), w.mem));
    assert_int_equal(all.len, 1);
    assert_ok(repo_describe(&info, &w.warnings, open_repo(&w, false), w.mem));
    assert_string_equal(info.title, "app");
    Repo *other = NULL;
    RepoOptions o = {.slug = "none", .cloud = &w.cloud, .loop = w.loop};
    assert_ok(repo_open(&other, &o, w.mem));
    assert_err(repo_describe(&info, &w.warnings, other, w.mem), E_NOT_FOUND, "not found");
    end(&w);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(schemas),
        cmocka_unit_test(plans),
        cmocka_unit_test(repositories),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
