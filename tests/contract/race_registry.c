// One writer of a race: race_registry ACTION [KEY=VALUE]...
//
// ACTION: schema | plan | approve | status (of a plan). Keys: primary, backup (again and again), cloud (URLs), slug,
// content, version, tag, name (of a plan), skew (seconds this writer's clock is off), gate (a path:
// the writer makes GATE.PID, and starts when GATE is there). Prints one line, "ok VERSION DIGEST
// STATUS" or "ERROR-NAME TEXT", then "warning TEXT" lines; exits 0 if it could say what happened.
#include <stdio.h>
#include <unistd.h>

#include "atlas/registry.h"

typedef struct Writer {
    Arena *mem;
    Host host;
    Loop *loop;
    RepoOptions repo;
    CloudConfig cloud;
    const char *content, *version, *tag, *name, *gate;
} Writer;

static void set(Writer *w, const char *key, const char *value) {
    const struct {
        const char *key, **to;
    } texts[] = {{"primary", &w->repo.primary_url}, {"cloud", &w->cloud.url},
                 {"slug", &w->repo.slug},           {"content", &w->content},
                 {"version", &w->version},          {"tag", &w->tag},
                 {"name", &w->name},                {"gate", &w->gate}};
    for (size_t i = 0; i < COUNT_OF(texts); i++)
        if (cstr_eq(key, texts[i].key))
            *texts[i].to = value;
    if (cstr_eq(key, "backup"))
        list_push(&w->repo.backups, w->mem, value);
    if (cstr_eq(key, "skew"))
        w->host.clock_skew_s = strtoll(value, NULL, 10);
}

static void wait_at_gate(const Writer *w) {
    if (!w->gate)
        return;
    const char *here = arena_printf(w->mem, "%s.%d", w->gate, (int)getpid());
    err_free(fs_write_atomic(here, str_from(""), 0644));
    while (fs_kind(w->gate) == FS_ABSENT)
        usleep(1000);
}

static Err *push(Writer *w, Repo *r, bool plan, StrList *warnings) {
    PlanSpec spec = {.name = w->name, .from = "AAAA=", .to = "BBBB=", .migration = w->content};
    PushParams p = {.kind = plan ? ARTIFACT_PLAN : ARTIFACT_SCHEMA, .driver = "postgres",
                    .artifact = body_from(str_from(w->content)), .version = w->version, .tag = w->tag};
    PushResult out;
    if (plan) {
        p.plan = &spec;
        p.artifact = body_from(plan_file_text(&spec, w->mem));
    }
    Err *e = repo_push(&out, r, &p, w->mem);
    *warnings = out.warnings;
    if (!e)
        printf("ok %s %s %s\n", *out.version ? out.version : "-", out.digest, out.status ? out.status : "-");
    return e;
}

static Err *approve(Writer *w, Repo *r, StrList *warnings) {
    Plan out;
    TRY(repo_plan_approve(&out, warnings, r, w->name, NULL, w->mem));
    printf("ok - %s %s\n", *out.digest ? out.digest : "-", out.status);
    return NULL;
}

static Err *status(Writer *w, Repo *r, StrList *warnings) {
    Plan out;
    TRY(repo_plan_read(&out, warnings, r, w->name, w->mem));
    printf("ok - %s %s\n", *out.digest ? out.digest : "-", out.status);
    return NULL;
}

static Err *run(Writer *w, const char *action, StrList *warnings) {
    Repo *r = NULL;
    TRY(loop_new(&w->loop, &w->host, w->mem));
    w->repo.loop = w->loop;
    if (w->cloud.url) {
        w->cloud.token = host_env(&w->host, "ATLAS_TOKEN");
        w->repo.cloud = &w->cloud;
    }
    TRY(repo_open(&r, &w->repo, w->mem));
    wait_at_gate(w);
    if (cstr_eq(action, "approve"))
        return approve(w, r, warnings);
    if (cstr_eq(action, "status"))
        return status(w, r, warnings);
    return push(w, r, cstr_eq(action, "plan"), warnings);
}

int main(int argc, char **argv) {
    Arena *mem = arena_new(NULL);
    Writer w = {.mem = mem, .host = host_system, .repo = {.slug = "app"}, .content = "",
                .cloud = {.project = "default"}};
    StrList warnings = {0};
    if (argc < 2)
        return 2;
    for (int i = 2; i < argc; i++) {
        char *value = strchr(argv[i], '=');
        if (!value)
            return 2;
        set(&w, arena_strndup(mem, argv[i], (size_t)(value - argv[i])), value + 1);
    }
    Err *e = run(&w, argv[1], &warnings);
    if (e)
        printf("%s %s\n", err_name(err_code(e)), err_text(e));
    for (size_t i = 0; i < warnings.len; i++)
        printf("warning %s\n", warnings.items[i]);
    err_free(e);
    arena_free(mem);
    return 0;
}
