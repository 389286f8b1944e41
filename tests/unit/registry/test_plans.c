// Schemas, plans, approvals, signatures, repositories and the outage rehearsal, over file stores.
#include "test.h"

#include "atlas/registry.h"

typedef struct World {
    Arena *mem;
    Loop *loop;
    const char *dir;
    StrList warnings;
} World;

static void world(World *w) {
    *w = (World){.mem = arena_new(NULL)};
    assert_ok(loop_new(&w->loop, &host_system, w->mem));
    w->dir = test_dir(w->mem);
}

static char *store(const World *w, const char *name) {
    return arena_printf(w->mem, "file://%s/%s", w->dir, name);
}

static char *path(const World *w, const char *name) { return fs_join(w->mem, w->dir, name); }

static RepoOptions options(const World *w) {
    RepoOptions o = {.slug = "app", .primary_url = store(w, "primary"), .loop = w->loop};
    list_push(&o.backups, w->mem, store(w, "one"));
    return o;
}

static Repo *open_with(const World *w, const RepoOptions *o) {
    Repo *r = NULL;
    assert_ok(repo_open(&r, o, w->mem));
    return r;
}

static Repo *open_repo(const World *w) {
    RepoOptions o = options(w);
    return open_with(w, &o);
}

// A primary that cannot be written or read.
static Repo *open_without_primary(const World *w) {
    RepoOptions o = options(w);
    o.simulate = "primary:down";
    return open_with(w, &o);
}

static PushParams schema(const char *text) {
    return (PushParams){.kind = ARTIFACT_SCHEMA, .artifact = body_from(str_from(text)),
                        .latest = true, .driver = "postgres"};
}

static bool exists(const World *w, const char *name) { return fs_kind(path(w, name)) == FS_FILE; }

static const char *file_text(const World *w, const char *name) {
    Str text;
    assert_ok(fs_read(&text, path(w, name), 1 << 20, w->mem));
    return text.ptr;
}

// --- schemas ------------------------------------------------------------------------------------

static void schemas_get_the_next_integer(void **state) {
    (void)state;
    World w;
    world(&w);
    PushResult p;
    PushParams c = schema("schema \"a\" {}\n");
    assert_ok(repo_push(&p, open_repo(&w), &c, w.mem));
    assert_string_equal(p.version, "1");
    assert_int_equal(p.copies, 2);
    assert_true(exists(&w, "one/app/refs/versions/1"));
    c = schema("schema \"b\" {}\n");
    c.tag = "v2";
    assert_ok(repo_push(&p, open_repo(&w), &c, w.mem));
    assert_string_equal(p.version, "2");
    // The same content again completes the push, it makes no third version.
    assert_ok(repo_push(&p, open_repo(&w), &c, w.mem));
    assert_string_equal(p.version, "2");
    assert_false(exists(&w, "primary/app/refs/versions/3"));
    ReadResult r;
    ReadParams q = {.kind = ARTIFACT_SCHEMA, .version = "1"};
    Str text;
    assert_ok(repo_read(&r, open_repo(&w), &q, w.mem));
    assert_ok(body_bytes(&text, &r.artifact, w.mem));
    assert_string_equal(text.ptr, "schema \"a\" {}\n");
    assert_non_null(strstr(file_text(&w, "one/app/refs/versions/2"),
                           "application/vnd.atlas.schema.v1+hcl"));
    arena_free(w.mem);
}

static void a_number_given_out_without_the_primary_cannot_clash(void **state) {
    (void)state;
    World w;
    world(&w);
    PushResult p;
    PushParams c = schema("one");
    assert_ok(repo_push(&p, open_repo(&w), &c, w.mem));
    c = schema("two");
    assert_ok(repo_push(&p, open_without_primary(&w), &c, w.mem));
    assert_string_equal(p.version, "2-3fc4ccfe");
    assert_true(p.degraded);
    c = schema("three");
    assert_ok(repo_push(&p, open_repo(&w), &c, w.mem));
    assert_string_equal(p.version, "2");
    arena_free(w.mem);
}

static void a_given_version_is_written_once(void **state) {
    (void)state;
    World w;
    world(&w);
    PushResult p;
    PushParams c = schema("one");
    c.version = "2024.1";
    assert_ok(repo_push(&p, open_repo(&w), &c, w.mem));
    assert_ok(repo_push(&p, open_repo(&w), &c, w.mem));
    c = schema("two");
    c.version = "2024.1";
    assert_err(repo_push(&p, open_repo(&w), &c, w.mem), E_EXISTS, "exists with other content");
    ReadResult r;
    ReadParams q = {.kind = ARTIFACT_SCHEMA};
    Str text;
    assert_ok(repo_read(&r, open_repo(&w), &q, w.mem));
    assert_ok(body_bytes(&text, &r.artifact, w.mem));
    assert_string_equal(text.ptr, "one"); // latest did not move either
    arena_free(w.mem);
}

// --- plans --------------------------------------------------------------------------------------

static const PlanSpec spec = {.name = "Add Users", .from = "AAAA=", .to = "BBBB=",
                              .migration = "CREATE TABLE users (id int);\n"};

static PushParams plan_push(const PlanSpec *s, Arena *mem) {
    return (PushParams){.kind = ARTIFACT_PLAN, .plan = s,
                        .artifact = body_from(plan_file_text(s, mem))};
}

static void plan_files(void **state) {
    (void)state;
    Arena *mem = arena_new(NULL);
    Str text = plan_file_text(&spec, mem);
    assert_string_equal(text.ptr, "plan \"Add Users\" {\n"
                                  "  from      = \"AAAA=\"\n"
                                  "  to        = \"BBBB=\"\n"
                                  "  migration = <<SQL\n"
                                  "CREATE TABLE users (id int);\n"
                                  "SQL\n"
                                  "}\n");
    static const char *const migrations[] = {
        "", "x", "SELECT '${a}', '%{b}', '$${c}';\n", "SQL\nSQL1\n", "a\r\nb\r\n", "\"\\\t\001\n", "ä\n\n",
        "SELECT \"\b\"", "$$ ${ %%{ }\n"};
    for (size_t i = 0; i < COUNT_OF(migrations); i++) {
        PlanSpec s = spec, back;
        s.migration = migrations[i];
        assert_ok(plan_file_parse(&back, plan_file_text(&s, mem), mem));
        assert_string_equal(back.migration, migrations[i]);
        assert_string_equal(back.name, s.name);
    }
    PlanSpec out;
    assert_err(plan_file_parse(&out, str_from("plan \"x\" {\n from = 1\n}"), mem), E_CONFIG,
               "plan.hcl:2,9-10: \"from\" is not a string");
    assert_err(plan_file_parse(&out, str_from("table \"x\" {}"), mem), E_SYNTAX, "one block plan");
    arena_free(mem);
}

static void plans_are_listed_approved_and_bound_to_their_bytes(void **state) {
    (void)state;
    World w;
    world(&w);
    PushResult p;
    Plan plan;
    PlanList plans = {0};
    PushParams c = plan_push(&spec, w.mem);
    assert_ok(repo_push(&p, open_repo(&w), &c, w.mem));
    assert_string_equal(p.url, "atlas://app/plans/Add%20Users");
    assert_string_equal(p.status, "PENDING");
    assert_true(exists(&w, "one/app/refs/plans/_41dd_20_55sers"));
    assert_ok(repo_plan_list(&plans, &w.warnings, open_repo(&w), "AAAA=", "BBBB=", w.mem));
    assert_int_equal(plans.len, 1);
    assert_string_equal(plans.items[0].migration, spec.migration);
    assert_ok(repo_plan_list(&plans, &w.warnings, open_repo(&w), "AAAA=", "none", w.mem));
    assert_int_equal(plans.len, 0);
    assert_ok(repo_plan_approve(&plan, &w.warnings, open_repo(&w), "Add Users", NULL, w.mem));
    assert_string_equal(plan.status, "APPROVED");
    assert_int_equal(w.warnings.len, 0);
    // Approved on the backup as well, and from there when the primary is down.
    assert_ok(repo_plan_read(&plan, &w.warnings, open_without_primary(&w), "Add Users", w.mem));
    assert_string_equal(plan.status, "APPROVED");
    assert_int_equal(w.warnings.len, 1);
    // Other bytes under the name are refused; the same ones are fine.
    PlanSpec other = spec;
    other.migration = "DROP TABLE users;\n";
    c = plan_push(&other, w.mem);
    assert_err(repo_push(&p, open_repo(&w), &c, w.mem), E_EXISTS, "exists with other content");
    c = plan_push(&spec, w.mem);
    assert_ok(repo_push(&p, open_repo(&w), &c, w.mem));
    assert_err(repo_plan_read(&plan, &w.warnings, open_repo(&w), "none", w.mem), E_NOT_FOUND, "none");
    assert_err(repo_plan_approve(&plan, &w.warnings, open_without_primary(&w), "Add Users", NULL,
                                 w.mem), E_UNREACHABLE, "simulated");
    arena_free(w.mem);
}

static void a_plan_pushed_as_approved_waits_for_the_primary(void **state) {
    (void)state;
    World w;
    world(&w);
    PushResult p;
    Plan plan;
    PlanSpec s = spec;
    s.approved = true;
    PushParams c = plan_push(&s, w.mem);
    assert_ok(repo_push(&p, open_without_primary(&w), &c, w.mem));
    assert_string_equal(p.status, "PENDING");
    // The primary is back: what it missed is served, with a warning.
    assert_ok(repo_plan_read(&plan, &w.warnings, open_repo(&w), "Add Users", w.mem));
    assert_string_equal(plan.status, "PENDING");
    assert_int_equal(w.warnings.len, 1);
    assert_ok(repo_push(&p, open_repo(&w), &c, w.mem));
    assert_string_equal(p.status, "APPROVED");
    assert_ok(repo_plan_read(&plan, &w.warnings, open_repo(&w), "Add Users", w.mem));
    assert_string_equal(plan.status, "APPROVED");
    arena_free(w.mem);
}

static void sync_brings_plans_with_their_approvals(void **state) {
    (void)state;
    World w;
    world(&w);
    PushResult p;
    Plan plan;
    Value *report;
    bool all_ok;
    PlanSpec s = spec;
    s.approved = true;
    PushParams c = plan_push(&s, w.mem);
    RepoOptions alone = options(&w);
    alone.backups = (StrList){0};
    assert_ok(repo_push(&p, open_with(&w, &alone), &c, w.mem));
    assert_ok(repo_sync(&report, &all_ok, open_repo(&w), NULL, NULL, w.mem));
    assert_true(all_ok);
    assert_ok(repo_plan_read(&plan, &w.warnings, open_without_primary(&w), "Add Users", w.mem));
    assert_string_equal(plan.status, "APPROVED");
    // The audit misses an approval that a copy has not.
    StrList names = {0};
    const char *folder = path(&w, "one/app/approvals/_41dd_20_55sers");
    assert_ok(fs_list(&names, folder, w.mem));
    assert_int_equal(names.len, 1);
    assert_ok(fs_remove(fs_join(w.mem, folder, names.items[0])));
    assert_ok(repo_verify(&report, &all_ok, open_repo(&w), NULL, w.mem));
    assert_false(all_ok);
    assert_non_null(strstr(json_text(w.mem, report, JSON_PLAIN), "its approval is missing"));
    assert_ok(repo_sync(&report, &all_ok, open_repo(&w), NULL, NULL, w.mem));
    assert_ok(repo_verify(&report, &all_ok, open_repo(&w), NULL, w.mem));
    assert_true(all_ok);
    arena_free(w.mem);
}

// --- trust --------------------------------------------------------------------------------------

static void sign_with(RepoOptions *o, const World *w, bool verify) {
    const char *private_key, *public_key;
    assert_ok(registry_key_new(&private_key, &public_key, w->mem));
    o->sign_key = private_key;
    if (verify) {
        list_push(&o->verify, w->mem, public_key);
        list_push(&o->verify_approvals, w->mem, public_key);
    }
}

static void a_backup_rewritten_consistently_is_named_and_skipped(void **state) {
    (void)state;
    World w;
    world(&w);
    PushResult p;
    ReadResult r;
    Str text;
    RepoOptions ours = options(&w), thief = options(&w);
    list_push(&ours.backups, w.mem, store(&w, "two"));
    sign_with(&ours, &w, true);
    PushParams good = schema("good"), evil = schema("evil");
    assert_ok(repo_push(&p, open_with(&w, &ours), &good, w.mem));
    assert_non_null(strstr(file_text(&w, "two/app/refs/tags/latest"), "\"sigs\":[{\"kid\":\""));
    // Who may write to the first backup pushes there, with a key of their own.
    thief.primary_url = store(&w, "one");
    thief.backups = (StrList){0};
    sign_with(&thief, &w, false);
    for (int i = 0; i < 3; i++)
        assert_ok(repo_push(&p, open_with(&w, &thief), i % 2 ? &good : &evil, w.mem));
    ReadParams q = {.kind = ARTIFACT_SCHEMA};
    RepoOptions outage = ours;
    outage.simulate = "primary:503";
    assert_ok(repo_read(&r, open_with(&w, &outage), &q, w.mem));
    assert_ok(body_bytes(&text, &r.artifact, w.mem));
    assert_string_equal(text.ptr, "good");
    assert_true(cstr_ends(r.served_by, "/two"));
    bool named = false;
    for (size_t i = 0; i < r.warnings.len; i++)
        named |= strstr(r.warnings.items[i], "/one: skipped") != NULL &&
                 strstr(r.warnings.items[i], "is not signed by a key") != NULL;
    assert_true(named);
    // The audit names it, and sync or the next push makes it good again.
    Value *report;
    bool all_ok;
    assert_ok(repo_verify(&report, &all_ok, open_with(&w, &ours), NULL, w.mem));
    assert_false(all_ok);
    assert_ok(repo_sync(&report, &all_ok, open_with(&w, &ours), NULL, NULL, w.mem));
    assert_false(all_ok); // versions that only the thief has stay for somebody to remove
    assert_ok(repo_read(&r, open_with(&w, &outage), &q, w.mem));
    assert_true(cstr_ends(r.served_by, "/one"));
    assert_int_equal(r.warnings.len, 1); // that the primary failed
    arena_free(w.mem);
}

static void signatures_bind_name_and_order(void **state) {
    (void)state;
    World w;
    world(&w);
    PushResult p;
    ReadResult r;
    RepoOptions o = options(&w);
    sign_with(&o, &w, true);
    PushParams one = schema("one"), two = schema("two");
    one.tag = "v1";
    two.tag = "v2";
    assert_ok(repo_push(&p, open_with(&w, &o), &one, w.mem));
    assert_ok(repo_push(&p, open_with(&w, &o), &two, w.mem));
    // A signed ref under another name, and one with a higher seq, are no longer signed.
    const char *v1 = file_text(&w, "primary/app/refs/tags/v1");
    assert_ok(fs_write_atomic(path(&w, "primary/app/refs/tags/v2"), str_from(v1), 0644));
    ReadParams q = {.kind = ARTIFACT_SCHEMA, .tag = "v2"};
    assert_ok(repo_read(&r, open_with(&w, &o), &q, w.mem));
    assert_true(r.from_backup);
    const char *later = cstr_replace(w.mem, v1, "\"seq\":1", "\"seq\":7");
    assert_ok(fs_write_atomic(path(&w, "primary/app/refs/tags/v1"), str_from(later), 0644));
    q.tag = "v1";
    assert_ok(repo_read(&r, open_with(&w, &o), &q, w.mem));
    assert_true(r.from_backup);
    arena_free(w.mem);
}

static void approvals_are_signed_alike(void **state) {
    (void)state;
    World w;
    world(&w);
    PushResult p;
    Plan plan;
    RepoOptions ours = options(&w), thief = options(&w);
    sign_with(&ours, &w, true);
    sign_with(&thief, &w, false);
    PushParams c = plan_push(&spec, w.mem);
    assert_ok(repo_push(&p, open_with(&w, &ours), &c, w.mem));
    assert_ok(repo_plan_approve(&plan, &w.warnings, open_with(&w, &thief), "Add Users", NULL, w.mem));
    assert_ok(repo_plan_read(&plan, &w.warnings, open_with(&w, &ours), "Add Users", w.mem));
    assert_string_equal(plan.status, "PENDING");
    assert_int_equal(w.warnings.len, 1);
    assert_ok(repo_plan_approve(&plan, &w.warnings, open_with(&w, &ours), "Add Users", NULL, w.mem));
    assert_ok(repo_plan_read(&plan, &w.warnings, open_with(&w, &ours), "Add Users", w.mem));
    assert_string_equal(plan.status, "APPROVED");
    arena_free(w.mem);
}

static void bad_keys_are_named(void **state) {
    (void)state;
    World w;
    world(&w);
    Repo *r;
    RepoOptions o = options(&w);
    list_push(&o.verify, w.mem, "ed25519:abc");
    assert_err(repo_open(&r, &o, w.mem), E_CONFIG, "\"ed25519:abc\" is not a public key");
    o = options(&w);
    o.sign_key = "not-a-key";
    assert_err(repo_open(&r, &o, w.mem), E_CONFIG, "the signing key cannot be read");
    // Made by `openssl genpkey -algorithm ed25519`.
    o.sign_key = "-----BEGIN PRIVATE KEY-----\n"
                 "MC4CAQAwBQYDK2VwBCIEINTuctv5E1hK1bbY8fdp+K06/nwoy/HU++CXqI9EdVhC\n"
                 "-----END PRIVATE KEY-----\n";
    assert_ok(repo_open(&r, &o, w.mem));
    arena_free(w.mem);
}

// --- repositories -------------------------------------------------------------------------------

static void repositories_are_made_listed_and_described(void **state) {
    (void)state;
    World w;
    world(&w);
    RepoInfo info;
    RepoInfos all = {0};
    PushResult p;
    assert_ok(repo_create(&info, open_repo(&w), "MIGRATION_DIRECTORY", "postgres", "The app", w.mem));
    assert_string_equal(info.title, "The app");
    assert_string_equal(info.driver, "POSTGRESQL");
    assert_err(repo_create(&info, open_repo(&w), "SCHEMA", "mysql", "", w.mem), E_EXISTS,
               "repository \"app\" already exists");
    assert_string_equal(info.type, "MIGRATION_DIRECTORY");
    PushParams c = schema("x");
    assert_err(repo_push(&p, open_repo(&w), &c, w.mem), E_INVALID, "holds a migration directory");
    c = (PushParams){.kind = ARTIFACT_MIGRATIONS, .artifact = body_from(str_from("x")),
                     .version = "2", .latest = true};
    assert_ok(repo_push(&p, open_repo(&w), &c, w.mem));
    // Three databases: one up to date, one behind, one that failed.
    static const char *const rows[][3] = {{"a", "2", ""}, {"b", "1", ""}, {"c", "1", "boom"}};
    for (size_t i = 0; i < COUNT_OF(rows); i++) {
        ReportResult ignored;
        Value *v = value_map(w.mem);
        value_set_str(v, w.mem, "currentVersion", rows[i][1], 0);
        value_set_str(v, w.mem, "error", rows[i][2], 0);
        assert_ok(repo_report(&ignored, open_repo(&w), v, false, rows[i][0], w.mem));
    }
    assert_ok(repo_describe(&info, &w.warnings, open_repo(&w), w.mem));
    assert_int_equal(info.synced, 1);
    assert_int_equal(info.pending, 1);
    assert_int_equal(info.failed, 1);
    assert_ok(repo_list(&all, &w.warnings, open_repo(&w), w.mem));
    assert_int_equal(all.len, 1);
    assert_string_equal(all.items[0].slug, "app");
    assert_int_equal(all.items[0].failed, 1);
    assert_int_equal(w.warnings.len, 0);
    arena_free(w.mem);
}

// --- rehearsal ----------------------------------------------------------------------------------

static void rehearsals(void **state) {
    (void)state;
    World w;
    world(&w);
    PushResult p;
    ReadResult r;
    Repo *repo;
    PushParams c = schema("x");
    RepoOptions o = options(&w);
    assert_ok(repo_push(&p, open_with(&w, &o), &c, w.mem));
    ReadParams q = {.kind = ARTIFACT_SCHEMA};
    static const struct {
        const char *rule;
        ErrCode code; // of a read with an outage of the primary; E_OK: a backup serves
    } cases[] = {{"primary:down", E_OK},  {"primary:500", E_OK},           {"primary:429", E_OK},
                 {"primary:damaged", E_OK}, {"primary:403", E_DENIED},     {"primary:401", E_UNAUTHORIZED},
                 {"primary:400", E_INVALID}, {"primary:404", E_NOT_FOUND}, {"primary:slow=1ms", E_OK}};
    for (size_t i = 0; i < COUNT_OF(cases); i++) {
        o.simulate = cases[i].rule;
        Err *e = repo_read(&r, open_with(&w, &o), &q, w.mem);
        assert_int_equal(err_code(e), cases[i].code);
        err_free(e);
        bool slow = strstr(cases[i].rule, "slow") != NULL;
        if (cases[i].code == E_OK)
            assert_true(r.from_backup != slow);
    }
    o.simulate = "primary:503, backup1:403";
    assert_err(repo_push(&p, open_with(&w, &o), &c, w.mem), E_UNREACHABLE, "HTTP 403 (simulated)");
    o.simulate = "backup2:down";
    assert_err(repo_open(&repo, &o, w.mem), E_USAGE, "no such target");
    o.simulate = "primary:sideways";
    assert_err(repo_open(&repo, &o, w.mem), E_USAGE, "\"sideways\" is no failure to simulate");
    o.simulate = "down";
    assert_err(repo_open(&repo, &o, w.mem), E_USAGE, "a rule is TARGET:FAILURE");
    arena_free(w.mem);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(schemas_get_the_next_integer),
        cmocka_unit_test(a_number_given_out_without_the_primary_cannot_clash),
        cmocka_unit_test(a_given_version_is_written_once),
        cmocka_unit_test(plan_files),
        cmocka_unit_test(plans_are_listed_approved_and_bound_to_their_bytes),
        cmocka_unit_test(a_plan_pushed_as_approved_waits_for_the_primary),
        cmocka_unit_test(sync_brings_plans_with_their_approvals),
        cmocka_unit_test(a_backup_rewritten_consistently_is_named_and_skipped),
        cmocka_unit_test(signatures_bind_name_and_order),
        cmocka_unit_test(approvals_are_signed_alike),
        cmocka_unit_test(bad_keys_are_named),
        cmocka_unit_test(repositories_are_made_listed_and_described),
        cmocka_unit_test(rehearsals),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
