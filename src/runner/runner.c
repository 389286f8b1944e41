// Start-up of an action: flags, platform, working directory, configuration, handler, errors.
#include <errno.h>
#include <stdio.h>
#include <unistd.h>

#include "atlas/grant.h"
#include "run.h"

static const struct {
    const char *id;
    RunHandler fn;
} handlers[] = {
    {"migrate/apply", run_migrate_apply},
    {"migrate/push", run_migrate_push},
    {"migrate/set", run_migrate_set},
    {"migrate/test", run_migrate_test},
    {"registry/sync", run_registry_sync},
    {"registry/verify", run_registry_verify},
    {"create-repo", run_create_repo},
    {"setup", run_setup},
};

// --- inputs and outputs -------------------------------------------------------------------------

static const InputSpec *find_input(const ActionSpec *a, const char *name) {
    for (size_t i = 0; a->inputs[i]; i++)
        if (cstr_eq(a->inputs[i]->name, name))
            return a->inputs[i];
    return NULL;
}

const char *run_input(const Run *r, const char *name) {
    const InputSpec *s = find_input(r->action, name);
    const char *text = platform_input(r->platform, name, r->mem);
    return *text ? text : cstr_or(s ? s->fallback : NULL, "");
}

Err *run_input_bool(bool *out, const Run *r, const char *name) {
    return input_bool(out, name, run_input(r, name));
}

Err *run_input_number(uint64_t *out, const Run *r, const char *name) {
    return input_number(out, name, run_input(r, name));
}

Err *run_output(const Run *r, const char *name, const char *value) {
    return platform_set_output(r->platform, r->action->id, name, str_from(value));
}

Err *run_output_int(const Run *r, const char *name, int64_t value) {
    return run_output(r, name, arena_printf(r->mem, "%lld", (long long)value));
}

void run_warn_all(const StrList *warnings) {
    for (size_t i = 0; i < warnings->len; i++)
        log_warn("%s", warnings->items[i]);
}

void run_checksum_help(const Run *r, const Err *e, const MigrateSumError *where) {
    (void)r;
    if (err_code(e) == E_CHECKSUM && where->line > 0)
        log_info("L%d: %s was %s; run `atlas migrate hash` after checking the files", where->line,
                 where->file, where->reason);
}

// --- start-up -----------------------------------------------------------------------------------

static const ActionSpec *find_action(const char *id) {
    for (const ActionSpec *a = runner_actions; a->id; a++)
        if (cstr_eq(a->id, id))
            return a;
    return NULL;
}

static void print_help(void) {
    printf("Runs one action of a CI pipeline.\n\n"
           "Usage:\n  atlas-action --action ID     (or ATLAS_ACTION=ID)\n"
           "  atlas-action atlas COMMAND   the atlas command line\n"
           "  atlas-action --version\n\nActions:\n");
    for (const ActionSpec *a = runner_actions; a->id; a++) {
        printf("\n  %s - %s\n", a->id, a->description);
        for (size_t i = 0; a->inputs[i]; i++) {
            const InputSpec *s = a->inputs[i];
            if (s->hidden)
                continue;
            printf("    %-18s %s%s%s%s\n", s->name, s->description, s->fallback ? " (default " : "",
                   s->fallback ? s->fallback : "", s->fallback ? ")" : "");
        }
    }
    printf("\nInputs come from the environment in the way of the CI platform: INPUT_<NAME> on GitHub,\n"
           "ATLAS_INPUT_<NAME> with _ for - everywhere else.\n");
}

typedef struct Words {
    const char *action;
    bool version, help;
} Words;

static Err *parse_words(Words *w, int argc, char **argv) {
    *w = (Words){0};
    for (int i = 1; i < argc; i++) {
        if (cstr_eq(argv[i], "--version") || cstr_eq(argv[i], "-v"))
            w->version = true;
        else if (cstr_eq(argv[i], "--help") || cstr_eq(argv[i], "-h"))
            w->help = true;
        else if (cstr_starts(argv[i], "--action="))
            w->action = argv[i] + strlen("--action=");
        else if (cstr_eq(argv[i], "--action") && i + 1 < argc)
            w->action = argv[++i];
        else
            return err_hint(err_new(E_USAGE, "unknown argument \"%s\"", argv[i]),
                            "atlas-action --help lists what there is");
    }
    return NULL;
}

static Err *unknown_action(const char *id) {
    const char *names[64];
    size_t count = 0;
    for (const ActionSpec *a = runner_actions; a->id && count < COUNT_OF(names); a++)
        names[count++] = a->id;
    const char *near = cstr_nearest(id, names, count);
    Err *e = err_new(E_USAGE, "unknown action: %s", id);
    return near ? err_hint(e, "did you mean %s?", near)
                : err_hint(e, "atlas-action --help lists the actions");
}

// Inputs that no action of this build knows; those of other actions are nothing to warn of, as the
// root action.yml passes them all.
static void warn_unknown_inputs(const Run *r) {
    const char *known[128];
    size_t count = 0;
    known[count++] = "action";
    for (const ActionSpec *a = runner_actions; a->id; a++)
        for (size_t i = 0; a->inputs[i] && count < COUNT_OF(known); i++)
            known[count++] = a->inputs[i]->name;
    StrList unknown = platform_unknown_inputs(r->platform, known, count, r->mem);
    run_warn_all(&unknown);
}

static Err *change_directory(const Run *r) {
    const char *dir = run_input(r, "working-directory");
    if (!*dir || chdir(dir) == 0)
        return NULL;
    return err_errno(errno, "failed to change working directory: chdir %s", dir);
}

static Err *load_project(Run *r) {
    StrList *vars = NEW(r->mem, StrList), configs = input_array(run_input(r, "config"), r->mem);
    Project *p = NULL;
    TRY(input_vars(vars, "vars", run_input(r, "vars"), r->mem));
    r->ops.vars = vars;
    ProjectOptions o = {.config = configs.len ? cstr_join(r->mem, &configs, ",") : "",
                        .explicit_config = configs.len > 0,
                        .env = run_input(r, "env"),
                        .vars = vars,
                        .host = r->world->host,
                        .loop = r->ops.loop,
                        .cancel = r->world->cancel};
    TRY(project_load(&p, &o, r->mem));
    r->ops.project = p;
    r->env = p && p->envs.len ? p->envs.items[0] : NULL;
    return NULL;
}

static Err *handle(Run *r) {
    for (size_t i = 0; i < COUNT_OF(handlers); i++)
        if (cstr_eq(handlers[i].id, r->action->id))
            return handlers[i].fn(r);
    BUG("action %s has no handler", r->action->id);
}

static Err *read_grant_inputs(Run *r) {
    const char *required = run_input(r, "require-grant");
    bool yes = false;
    r->ops.token = find_input(r->action, "cloud-token") ? run_input(r, "cloud-token") : "";
    log_mask(r->ops.token);
    if (cstr_eq(required, "signed") || !*required) {
        r->ops.require_grant_text = required;
        return NULL;
    }
    TRY(input_bool(&yes, "require-grant", required));
    r->ops.require_grant_text = yes ? "true" : "false";
    return NULL;
}

static Err *run_action(Run *r) {
    warn_unknown_inputs(r);
    TRY(read_grant_inputs(r));
    TRY(change_directory(r));
    TRY(loop_new(&r->ops.loop, r->world->host, r->mem));
    TRY(load_project(r));
    const CloudConfig *cloud = ops_cloud(&r->ops, r->mem);
    GrantCache cache = {.host = r->world->host, .loop = r->ops.loop,
                        .platform = platform_name(r->platform), .token = cloud ? cloud->token : "",
                        .aud = cloud ? cloud->url : ""};
    grant_cache_restore(&cache, r->mem);
    Err *e = handle(r);
    grant_cache_save(&cache, r->mem); // of a failed step too: it may have left a tombstone
    return e;
}

// The platform's fatal level, on standard output as everything else.
static Err *report_error(Err *e) {
    if (!e)
        return NULL;
    const char *hint = err_hint_text(e);
    if (err_code(e) != E_SILENT)
        log_error("%s%s%s", err_text(e), hint ? "\n" : "", hint ? hint : "");
    err_free(e);
    return err_new(E_SILENT, "logged");
}

Err *runner_run(int argc, char **argv, const RunnerWorld *w, Arena *mem) {
    Words words;
    TRY(parse_words(&words, argc, argv));
    if (words.help) {
        print_help();
        return NULL;
    }
    if (words.version) {
        printf("atlas-action version %s-%s\n", ATLAS_VERSION, ATLAS_COMMIT);
        return NULL;
    }
    const char *id = cstr_or(words.action, host_env(w->host, "ATLAS_ACTION"));
    if (!*id)
        return err_hint(err_new(E_USAGE, "no action is given: use --action or ATLAS_ACTION"),
                        "atlas-action --help lists the actions");
    Run r = {.world = w, .mem = mem, .action = find_action(id)};
    r.ops = (Ops){.host = w->host, .cancel = w->cancel, .mem = mem};
    r.platform = platform_open(w->host, (PlatformIo){0}, mem);
    log_set_sink(platform_log_sink(r.platform));
    // GitHub sets it when a run's debug log is asked for.
    log_set_level(cstr_eq(host_env(w->host, "RUNNER_DEBUG"), "1") ? LOG_DEBUG : LOG_INFO);
    if (*host_env(w->host, "ATLAS_PATH"))
        log_debug("ATLAS_PATH is ignored: there is no second program");
    if (!r.action)
        return report_error(unknown_action(id));
    return report_error(run_action(&r));
}
