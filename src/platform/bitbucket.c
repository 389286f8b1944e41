#include "atlas/base/fs.h"
#include "driver.h"

static bool detect(const Host *h) {
    return *host_env(h, "BITBUCKET_PIPELINE_UUID") != 0;
}

static Err *write_files(const char *dir, const char *variable, Str value, Arena *mem) {
    TRY(fs_mkdirs(dir, 0700));
    TRY(output_export(fs_join(mem, dir, "outputs.sh"), variable, value));
    return output_json(fs_join(mem, dir, "outputs.json"), variable, value);
}

static Err *set_output(Platform *p, const char *action, const char *name, Str value) {
    AutoArena tmp = arena_new(NULL);
    const char *dir = host_env(p->host, "ATLAS_OUTPUT_DIR");
    if (!*dir)
        dir = fs_join(tmp, cstr_or(host_env(p->host, "BITBUCKET_CLONE_DIR"), "."), ".atlas-action");
    AutoErr e = write_files(dir, platform_output_variable(tmp, action, name), value, tmp);
    if (e)
        log_warn("failed to write the output \"%s\": %s", name, err_text(e));
    return NULL;
}

static Err *context(Platform *p, PlatformContext *c, Arena *mem) {
    const Host *h = p->host;
    c->repo = host_env(h, "BITBUCKET_REPO_FULL_NAME");
    c->repo_url = host_env(h, "BITBUCKET_GIT_HTTP_ORIGIN");
    c->branch = host_env(h, "BITBUCKET_BRANCH");
    c->commit = host_env(h, "BITBUCKET_COMMIT");
    c->scm_type = "BITBUCKET";
    c->scm_api = "https://api.bitbucket.org/2.0";
    c->scm_token = platform_token(p, "BITBUCKET_ACCESS_TOKEN", "", mem);
    const char *workspace = host_env(h, "BITBUCKET_WORKSPACE");
    c->scm_project = *workspace
                         ? arena_printf(mem, "%s/%s", workspace, host_env(h, "BITBUCKET_REPO_SLUG"))
                         : c->repo;
    const char *id = host_env(h, "BITBUCKET_PR_ID");
    if (!*id)
        return NULL;
    PlatformPr *pr = NEW(mem, PlatformPr);
    *pr = (PlatformPr){.url = arena_printf(mem, "%s/pull-requests/%s", c->repo_url, id),
                       .body = "",
                       .commit = c->commit};
    if (!cstr_to_i64(id, &pr->number))
        return err_new(E_CONFIG, "the variable BITBUCKET_PR_ID is not a number: \"%s\"", id);
    c->pr = pr;
    return NULL;
}

const PlatformDriver platform_bitbucket = {
    .name = "bitbucket",
    .trigger_type = "BITBUCKET",
    .input_prefix = "ATLAS_INPUT_",
    .force_colour = true,
    .detect = detect,
    .set_output = set_output,
    .context = context,
};
