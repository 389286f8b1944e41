#include "run.h"

static Err *set_outputs(const Run *r, const PushResult *p) {
    TRY(run_output(r, "url", cstr_or(p->link, p->url)));
    TRY(run_output(r, "link", cstr_or(p->link, "")));
    TRY(run_output(r, "slug", p->slug));
    TRY(run_output(r, "digest", p->digest));
    TRY(run_output_int(r, "copies", p->copies));
    return run_output(r, "degraded", p->degraded ? "true" : "false");
}

static void tell(const PushResult *p) {
    log_info("pushed %s (%s) to %d of %zu targets", p->url, p->digest, p->copies, p->targets.len);
    for (size_t i = 0; i < p->targets.len; i++) {
        const TargetOutcome *t = &p->targets.items[i];
        log_info("  %s %s: %s", t->primary ? "registry" : "backup", t->url,
                 t->error ? "failed" : "ok");
    }
}

// One push with both refs: `latest`, and the tag, which is the commit's unless given.
Err *run_migrate_push(Run *r) {
    PlatformContext *context = NULL;
    OpsPush push;
    bool latest = false;
    uint64_t copies = 0;
    TRY(platform_context(r->platform, &context, r->mem));
    TRY(run_input_bool(&latest, r, "latest"));
    TRY(run_input_number(&copies, r, "min-copies"));
    const char *dir = run_input(r, "dir"), *tag = run_input(r, "tag");
    const char *env_dir = r->env ? r->env->migration.dir : "";
    if (r->ops.project && r->ops.project->envs.len > 1)
        return err_new(E_USAGE, "multiple envs found for \"%s\"", r->env->name);
    OpsPushParams p = {.env = r->env,
                       .dir_url = cstr_or(dir, cstr_or(env_dir, "file://migrations")),
                       .format = r->env ? r->env->migration.format : "",
                       .name = run_input(r, "dir-name"),
                       .tag = cstr_or(tag, context->commit),
                       .latest = latest,
                       .dev_url = run_input(r, "dev-url"),
                       .context = platform_run_context(context, dir, r->mem),
                       .min_copies = copies > 1000 ? 1000 : (int)copies};
    Err *e = ops_migrate_push(&push, &r->ops, &p, r->mem);
    run_warn_all(&push.result.warnings);
    run_checksum_help(r, e, &push.sum);
    if (e && push.result.targets.len) { // what is known says how far it came
        err_free(run_output_int(r, "copies", push.result.copies));
        err_free(run_output(r, "degraded", "true"));
    }
    if (e) {
        bool tagged = !cstr_empty(p.tag);
        return err_wrap(e, tagged && !latest ? "failed to push dir tag" : "failed to push directory");
    }
    tell(&push.result);
    return set_outputs(r, &push.result);
}
