#include "driver.h"

static bool detect(const Host *h) {
    return cstr_eq(host_env(h, "CIRCLECI"), "true");
}

// Older orbs set INPUT_DEV_URL.
static char *input_value(const Host *h, const char *name, const char *value, Arena *mem) {
    if (*value)
        return arena_strdup(mem, value);
    const char *variable = arena_printf(mem, "INPUT_%s", platform_mangle(mem, name));
    return cstr_trim(mem, host_env(h, variable));
}

static Err *set_output(Platform *p, const char *action, const char *name, Str value) {
    AutoArena tmp = arena_new(NULL);
    const char *path = host_env(p->host, "BASH_ENV");
    if (!*path) {
        log_debug("BASH_ENV is not set, the output \"%s\" is dropped", name);
        return NULL;
    }
    Err *e = output_export(path, platform_output_variable(tmp, action, name), value);
    return e ? err_wrap(e, "setting the output \"%s\"", name) : NULL;
}

static Err *context(Platform *p, PlatformContext *c, Arena *mem) {
    const Host *h = p->host;
    c->repo = host_env(h, "CIRCLE_PROJECT_REPONAME");
    c->commit = host_env(h, "CIRCLE_SHA1");
    if (!*c->repo)
        return err_new(E_CONFIG, "missing CIRCLE_PROJECT_REPONAME environment variable");
    if (!*c->commit)
        return err_new(E_CONFIG, "missing CIRCLE_SHA1 environment variable");
    c->repo_url = host_env(h, "CIRCLE_REPOSITORY_URL");
    c->branch = host_env(h, "CIRCLE_BRANCH");
    c->scm_type = "GITHUB";
    c->scm_api = cstr_or(host_env(h, "GITHUB_API_URL"), "https://api.github.com");
    c->scm_token = platform_token(p, "GITHUB_TOKEN", "", mem);
    if (!*c->scm_token)
        return NULL;
    c->repo = cstr_or(host_env(h, "GITHUB_REPOSITORY"), c->repo);
    if (!*c->repo_url)
        c->repo_url = arena_printf(mem, "https://github.com/%s", c->repo);
    if (*c->branch) {
        c->pr_lookup = true;
        return NULL;
    }
    c->branch = host_env(h, "CIRCLE_TAG");
    c->scm_token = ""; // on a tag there is nothing to comment on
    if (!*c->branch)
        return err_new(E_CONFIG, "cannot determine branch due to missing CIRCLE_BRANCH and "
                                 "CIRCLE_TAG environment variables");
    return NULL;
}

const PlatformDriver platform_circleci = {
    .name = "circleci",
    .trigger_type = "CIRCLECI_ORB",
    .input_prefix = "ATLAS_INPUT_",
    .detect = detect,
    .set_output = set_output,
    .context = context,
    .input_value = input_value,
};
