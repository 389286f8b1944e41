// One suite over every kind of target: repositories at the URLs of ATLAS_TEST_REGISTRY
// (space-separated), or in a directory of its own if there are none. Each test has its own slug and
// a backup in a directory.
#include "test.h"

#include "atlas/crypt.h"
#include "atlas/registry.h"

typedef struct World {
    Arena *mem;
    Loop *loop;
    const char *slug, *dir;
    StrList warnings;
} World;

static const char *test_url;

static void world(World *w) {
    *w = (World){.mem = arena_new(NULL)};
    assert_ok(loop_new(&w->loop, &host_system, w->mem));
    w->dir = test_dir(w->mem);
    w->slug = arena_printf(w->mem, "t%.8s/app", host_uuid(&host_system, w->mem));
}

static RepoOptions options(const World *w, bool backup) {
    RepoOptions o = {.slug = w->slug, .primary_url = test_url, .loop = w->loop};
    if (backup)
        list_push(&o.backups, w->mem, arena_printf(w->mem, "file://%s/backup", w->dir));
    return o;
}

static Repo *open_with(const World *w, const RepoOptions *o) {
    Repo *r = NULL;
    assert_ok(repo_open(&r, o, w->mem));
    return r;
}

static Repo *open_repo(const World *w) {
    RepoOptions o = options(w, false);
    return open_with(w, &o);
}

static Repo *open_pair(const World *w) {
    RepoOptions o = options(w, true);
    return open_with(w, &o);
}

static PushParams push_of(ArtifactKind kind, const char *text) {
    return (PushParams){.kind = kind, .artifact = body_from(str_from(text)), .latest = true,
                        .driver = "postgres"};
}

static void push(const World *w, Repo *r, const PushParams *p) {
    PushResult out;
    assert_ok(repo_push(&out, r, p, w->mem));
    assert_false(out.degraded);
}

static const char *read_text(const World *w, Repo *r, ReadParams p) {
    ReadResult out;
    Str text;
    assert_ok(repo_read(&out, r, &p, w->mem));
    assert_ok(body_bytes(&text, &out.artifact, w->mem));
    return str_dup(w->mem, text);
}

static void assert_whole(const World *w, Repo *r) {
    Value *report;
    bool all_ok;
    assert_ok(repo_verify(&report, &all_ok, r, NULL, w->mem));
    if (!all_ok)
        print_error("%s\n", json_text(w->mem, report, JSON_PLAIN));
    assert_true(all_ok);
}

static void tags_versions_latest_and_digests(void **state) {
    (void)state;
    World w;
    world(&w);
    Repo *r = open_repo(&w);
    PushParams one = push_of(ARTIFACT_MIGRATIONS, "one"), two = push_of(ARTIFACT_MIGRATIONS, "two");
    PushResult out;
    one.version = "20260101";
    one.tag = "v1";
    assert_ok(repo_push(&out, r, &one, w.mem));
    assert_string_equal(out.digest, "sha256:7692c3ad3540bb803c020b3aee66cd8887123234ea0c6e7143c0add73ff431ed");
    two.version = "20260102";
    push(&w, r, &two);
    assert_string_equal(read_text(&w, r, (ReadParams){0}), "two");
    assert_string_equal(read_text(&w, r, (ReadParams){.tag = "v1"}), "one");
    assert_string_equal(read_text(&w, r, (ReadParams){.version = "20260101"}), "one");
    assert_string_equal(read_text(&w, r, (ReadParams){.digest = out.digest}), "one");
    ReadResult got;
    ReadParams none = {.tag = "none"};
    assert_err(repo_read(&got, r, &none, w.mem), E_NOT_FOUND, "none");
    // A version keeps its first content; tags move.
    PushParams again = push_of(ARTIFACT_MIGRATIONS, "one, grown");
    again.version = "20260101";
    assert_ok(repo_push(&out, r, &again, w.mem));
    assert_int_equal(out.warnings.len, 1);
    assert_string_equal(read_text(&w, r, (ReadParams){.version = "20260101"}), "one");
    assert_string_equal(read_text(&w, r, (ReadParams){0}), "one, grown");
    assert_whole(&w, r);
    PushParams schema = push_of(ARTIFACT_SCHEMA, "x");
    schema.version = "1";
    assert_err(repo_push(&out, r, &schema, w.mem), E_INVALID, "holds a migration directory");
    arena_free(w.mem);
}

static void schemas_get_the_next_integer(void **state) {
    (void)state;
    World w;
    world(&w);
    Repo *r = open_repo(&w);
    PushResult out;
    PushParams a = push_of(ARTIFACT_SCHEMA, "a"), b = push_of(ARTIFACT_SCHEMA, "b");
    assert_ok(repo_push(&out, r, &a, w.mem));
    assert_string_equal(out.version, "1");
    assert_ok(repo_push(&out, r, &b, w.mem));
    assert_string_equal(out.version, "2");
    assert_ok(repo_push(&out, r, &b, w.mem));
    assert_string_equal(out.version, "2");
    a.version = "2";
    assert_err(repo_push(&out, r, &a, w.mem), E_EXISTS, "exists with other content");
    assert_string_equal(read_text(&w, r, (ReadParams){.kind = ARTIFACT_SCHEMA, .version = "1"}), "a");
    arena_free(w.mem);
}

// Names that no key or tag can hold as they are.
static void unusual_names(void **state) {
    (void)state;
    World w;
    world(&w);
    Repo *r = open_repo(&w);
    char *lengthy = arena_alloc(w.mem, 181);
    memset(lengthy, 'A', 180);
    const char *const versions[] = {"Release 1.0+b/é", lengthy, "_x", ".hidden"};
    for (size_t i = 0; i < COUNT_OF(versions); i++) {
        PushParams p = push_of(ARTIFACT_MIGRATIONS, versions[i]);
        if (i == 1 && cstr_starts(test_url, "file:"))
            continue; // longer than a file's name may be
        p.version = versions[i];
        push(&w, r, &p);
        assert_string_equal(read_text(&w, r, (ReadParams){.version = versions[i]}), versions[i]);
    }
    Value *report;
    bool all_ok;
    assert_ok(repo_verify(&report, &all_ok, r, NULL, w.mem));
    assert_true(all_ok);
    const char *text = json_text(w.mem, report, JSON_PLAIN);
    assert_non_null(strstr(text, "\"version Release 1.0+b/é\""));
    assert_non_null(strstr(text, "\"version .hidden\""));
    assert_non_null(strstr(text, "\"version _x\""));
    assert_true(cstr_starts(test_url, "file:") || strstr(text, lengthy));
    arena_free(w.mem);
}

static void plans_and_approvals(void **state) {
    (void)state;
    World w;
    world(&w);
    Repo *r = open_repo(&w);
    PlanSpec spec = {.name = "Add Users", .from = "AAAA=", .to = "BBBB=", .migration = "SELECT 1;\n"};
    PushParams p = {.kind = ARTIFACT_PLAN, .plan = &spec,
                    .artifact = body_from(plan_file_text(&spec, w.mem))};
    PushResult out;
    Plan plan;
    PlanList plans = {0};
    assert_ok(repo_push(&out, r, &p, w.mem));
    assert_string_equal(out.status, "PENDING");
    assert_ok(repo_plan_list(&plans, &w.warnings, r, "AAAA=", "BBBB=", w.mem));
    assert_int_equal(plans.len, 1);
    assert_string_equal(plans.items[0].status, "PENDING");
    assert_ok(repo_plan_approve(&plan, &w.warnings, r, "Add Users", NULL, w.mem));
    assert_ok(repo_plan_approve(&plan, &w.warnings, r, "Add Users", NULL, w.mem));
    assert_ok(repo_plan_read(&plan, &w.warnings, r, "Add Users", w.mem));
    assert_string_equal(plan.status, "APPROVED");
    assert_string_equal(plan.migration, "SELECT 1;\n");
    assert_err(repo_plan_read(&plan, &w.warnings, r, "none", w.mem), E_NOT_FOUND, "none");
    push(&w, r, &p); // once more is fine, other bytes are not
    spec.migration = "DROP TABLE users;\n";
    p.artifact = body_from(plan_file_text(&spec, w.mem));
    assert_err(repo_push(&out, r, &p, w.mem), E_EXISTS, "exists with other content");
    assert_int_equal(w.warnings.len, 0);
    // Plan and approval go along with a copy.
    Value *report;
    bool all_ok;
    assert_ok(repo_sync(&report, &all_ok, open_pair(&w), NULL, NULL, w.mem));
    assert_true(all_ok);
    RepoOptions outage = options(&w, true);
    outage.simulate = "primary:down";
    assert_ok(repo_plan_read(&plan, &w.warnings, open_with(&w, &outage), "Add Users", w.mem));
    assert_string_equal(plan.status, "APPROVED");
    arena_free(w.mem);
}

static Value *report_of(const World *w, const char *version, const char *error) {
    Value *v = value_map(w->mem);
    value_set_str(v, w->mem, "currentVersion", version, 0);
    value_set_str(v, w->mem, "error", error, 0);
    return v;
}

static void create_list_describe_and_reports(void **state) {
    (void)state;
    World w;
    world(&w);
    Repo *r = open_repo(&w);
    RepoInfo info;
    RepoInfos all = {0};
    ReportResult told;
    assert_err(repo_describe(&info, &w.warnings, r, w.mem), E_NOT_FOUND, "not found");
    assert_ok(repo_create(&info, r, "MIGRATION_DIRECTORY", "postgres", "The App", w.mem));
    assert_err(repo_create(&info, r, "SCHEMA", "mysql", "x", w.mem), E_EXISTS, "already exists");
    PushParams p = push_of(ARTIFACT_MIGRATIONS, "one");
    p.version = "2";
    push(&w, r, &p);
    const char *lengthy = arena_printf(w.mem, "postgres://db.example.com/%0*d", 60, 7);
    assert_ok(repo_report(&told, r, report_of(&w, "2", ""), false, "db A", w.mem));
    assert_ok(repo_report(&told, r, report_of(&w, "1", ""), false, "db B", w.mem));
    assert_ok(repo_report(&told, r, report_of(&w, "1", "boom"), false, lengthy, w.mem));
    assert_ok(repo_report(&told, r, report_of(&w, "2", ""), false, "db B", w.mem));
    assert_ok(repo_describe(&info, &w.warnings, r, w.mem));
    assert_string_equal(info.title, "The App");
    assert_string_equal(info.driver, "POSTGRESQL");
    assert_int_equal(info.synced, 2);
    assert_int_equal(info.failed, 1);
    assert_int_equal(info.pending, 0);
    assert_ok(repo_list(&all, &w.warnings, r, w.mem));
    bool listed = false;
    for (size_t i = 0; i < all.len; i++)
        listed |= cstr_eq(all.items[i].slug, w.slug);
    assert_true(listed);
    arena_free(w.mem);
}

static void signatures(void **state) {
    (void)state;
    World w;
    world(&w);
    const char *ours, *our_public, *other, *other_public;
    ReadResult out;
    ReadParams latest = {0};
    RepoOptions o = options(&w, false), wrong = o, unsigned_ = o;
    assert_ok(registry_key_new(&ours, &our_public, w.mem));
    assert_ok(registry_key_new(&other, &other_public, w.mem));
    o.sign_key = ours;
    list_push(&o.verify, w.mem, our_public);
    list_push(&wrong.verify, w.mem, other_public);
    PushParams p = push_of(ARTIFACT_MIGRATIONS, "signed");
    p.version = "1";
    push(&w, open_with(&w, &o), &p);
    assert_string_equal(read_text(&w, open_with(&w, &o), latest), "signed");
    assert_whole(&w, open_with(&w, &o));
    assert_err(repo_read(&out, open_with(&w, &wrong), &latest, w.mem), E_UNREACHABLE,
               "is not signed by a key");
    p = push_of(ARTIFACT_MIGRATIONS, "not signed");
    push(&w, open_with(&w, &unsigned_), &p);
    assert_err(repo_read(&out, open_with(&w, &o), &latest, w.mem), E_UNREACHABLE, "is not signed");
    arena_free(w.mem);
}

static void sync_both_ways(void **state) {
    (void)state;
    World w;
    world(&w);
    Value *report;
    bool all_ok;
    RepoOptions outage = options(&w, true);
    outage.simulate = "primary:down";
    PushResult out;
    PushParams one = push_of(ARTIFACT_MIGRATIONS, "one"), two = push_of(ARTIFACT_MIGRATIONS, "two");
    one.version = "1";
    one.tag = "v1";
    push(&w, open_repo(&w), &one);
    assert_ok(repo_sync(&report, &all_ok, open_pair(&w), NULL, NULL, w.mem));
    assert_true(all_ok);
    // A push that the primary missed is marked, and goes there later.
    assert_ok(repo_push(&out, open_with(&w, &outage), &two, w.mem));
    assert_true(out.degraded);
    assert_string_equal(read_text(&w, open_with(&w, &outage), (ReadParams){0}), "two");
    assert_string_equal(read_text(&w, open_repo(&w), (ReadParams){0}), "one");
    assert_ok(repo_sync(&report, &all_ok, open_pair(&w), NULL, NULL, w.mem));
    assert_true(all_ok);
    assert_string_equal(read_text(&w, open_repo(&w), (ReadParams){0}), "two");
    assert_whole(&w, open_pair(&w));
    // The roles changed: this target as the backup of the directory.
    RepoOptions turned = {.slug = w.slug, .loop = w.loop,
                          .primary_url = arena_printf(w.mem, "file://%s/backup", w.dir)};
    list_push(&turned.backups, w.mem, test_url);
    turned.simulate = "primary:down";
    PushParams three = push_of(ARTIFACT_MIGRATIONS, "three");
    assert_ok(repo_push(&out, open_with(&w, &turned), &three, w.mem));
    assert_string_equal(read_text(&w, open_with(&w, &turned), (ReadParams){0}), "three");
    turned.simulate = NULL;
    assert_ok(repo_sync(&report, &all_ok, open_with(&w, &turned), NULL, NULL, w.mem));
    assert_whole(&w, open_with(&w, &turned));
    assert_string_equal(read_text(&w, open_repo(&w), (ReadParams){0}), "three");
    arena_free(w.mem);
}

typedef struct Pusher {
    const World *w;
    const char *text;
    PushResult out;
    Err *error;
} Pusher;

static void run_pusher(void *arg) {
    Pusher *p = arg;
    PushParams q = push_of(ARTIFACT_MIGRATIONS, p->text);
    q.tag = "race";
    p->error = repo_push(&p->out, open_repo(p->w), &q, p->w->mem);
}

// What stands after concurrent pushes of one tag is one of them, whole, and stays.
static void concurrent_writers_converge(void **state) {
    (void)state;
    World w;
    world(&w);
    enum { WRITERS = 4 };
    Pusher pushers[WRITERS];
    Task *tasks[WRITERS];
    for (int i = 0; i < WRITERS; i++) {
        pushers[i] = (Pusher){.w = &w, .text = arena_printf(w.mem, "writer %d", i)};
        tasks[i] = task_start(w.loop, run_pusher, &pushers[i], w.mem);
    }
    for (int i = 0; i < WRITERS; i++) {
        task_join(tasks[i]);
        assert_ok(pushers[i].error);
    }
    const char *stands = read_text(&w, open_repo(&w), (ReadParams){.tag = "race"});
    bool one_of_them = false;
    for (int i = 0; i < WRITERS; i++)
        one_of_them |= cstr_eq(pushers[i].text, stands);
    assert_true(one_of_them);
    assert_string_equal(read_text(&w, open_repo(&w), (ReadParams){.tag = "race"}), stands);
    assert_whole(&w, open_repo(&w));
    arena_free(w.mem);
}

// --- ATLAS_TEST_BIG=1: a big artifact with flat memory, alone in its process ---------------------

enum { BIG_SIZE = 256 << 20, BIG_PIECE = 1 << 20, BIG_MEMORY_KIB = 64 << 10 };

static Body big_file(Arena *mem) {
    Body b = {.fd = -1, .size = BIG_SIZE};
    uint64_t *piece = arena_alloc(mem, BIG_PIECE), x = 88172645463325252u;
    assert_ok(fs_temp(&b.fd, host_env(&host_system, "TMPDIR")));
    for (int64_t done = 0; done < BIG_SIZE; done += BIG_PIECE) {
        for (size_t i = 0; i < BIG_PIECE / sizeof *piece; i++) {
            x ^= x << 13, x ^= x >> 7, x ^= x << 17; // xorshift64
            piece[i] = x;
        }
        assert_ok(fs_write_all(b.fd, piece, BIG_PIECE));
    }
    return b;
}

static int64_t peak_memory_kib(Arena *mem) {
    Str status;
    assert_ok(fs_read(&status, "/proc/self/status", 1 << 16, mem));
    const char *line = strstr(status.ptr, "VmHWM:");
    assert_non_null(line);
    return strtoll(line + 6, NULL, 10);
}

static void big_artifact_with_flat_memory(void **state) {
    (void)state;
    World w;
    world(&w);
    PushParams p = {.kind = ARTIFACT_MIGRATIONS, .artifact = big_file(w.mem), .latest = true};
    ReadResult out;
    ReadParams latest = {0};
    push(&w, open_repo(&w), &p);
    close(p.artifact.fd);
    assert_ok(repo_read(&out, open_repo(&w), &latest, w.mem)); // verified by its digest
    assert_int_equal(out.artifact.size, BIG_SIZE);
    int64_t peak = peak_memory_kib(w.mem);
    print_message("peak memory: %lld KiB\n", (long long)peak);
#ifndef __SANITIZE_ADDRESS__
    assert_true(peak < BIG_MEMORY_KIB);
#endif
    arena_free(w.mem);
}

static int run_all(const char *url) {
    const struct CMUnitTest big[] = {cmocka_unit_test(big_artifact_with_flat_memory)};
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(tags_versions_latest_and_digests),
        cmocka_unit_test(schemas_get_the_next_integer),
        cmocka_unit_test(unusual_names),
        cmocka_unit_test(plans_and_approvals),
        cmocka_unit_test(create_list_describe_and_reports),
        cmocka_unit_test(signatures),
        cmocka_unit_test(sync_both_ways),
        cmocka_unit_test(concurrent_writers_converge),
    };
    test_url = url;
    if (*host_env(&host_system, "ATLAS_TEST_BIG"))
        return cmocka_run_group_tests_name("big", big, NULL, NULL);
    return cmocka_run_group_tests_name("registry", tests, NULL, NULL);
}

int main(void) {
    AutoArena mem = arena_new(NULL);
    if (*host_env(&host_system, "ATLAS_TEST_DEBUG"))
        log_set_level(LOG_DEBUG);
    const char *only = host_env(&host_system, "ATLAS_TEST_ONLY");
    if (*only)
        cmocka_set_test_filter(only);
    const char *urls = host_env(&host_system, "ATLAS_TEST_REGISTRY");
    char *own = arena_printf(mem, "file://%s", test_dir(mem));
    StrList list = cstr_split(mem, *urls ? urls : own, ' ');
    int failed = 0;
    for (size_t i = 0; i < list.len; i++)
        failed += run_all(list.items[i]);
    return failed;
}
