// The action setup: the token is checked once, before the steps that need it.
#include "run.h"

static Err *tell(const Run *r, const Value *who) {
    const char *end = value_get_text(who, "GrantExpires"), *url = value_get_text(who, "URL");
    bool offline = value_get_bool(who, "Offline");
    if (offline)
        log_notice("the registry %s cannot be reached: the grant of its token is valid until %s", url, end);
    else if (!*end)
        log_warn("the grant could not be kept: set HOME or ATLAS_HOME to a directory that can be written");
    TRY(run_output(r, "org", value_get_text(who, "Org")));
    TRY(run_output(r, "user", value_get_text(who, "User")));
    TRY(run_output(r, "grant_expires", end));
    return run_output(r, "offline", offline ? "true" : "false");
}

// Without a grant later steps may still reach the registry, or their backups.
static Err *go_on(const Run *r, Err *e) {
    log_warn("the token could not be checked, and there is no grant of it: %s", err_text(e));
    err_free(e);
    return run_output(r, "offline", "true");
}

static bool is_outage(const Err *e) {
    return err_code(e) == E_UNREACHABLE || err_code(e) == E_TIMEOUT;
}

Err *run_setup(Run *r) {
    Value *who = NULL;
    const CloudConfig *cloud = ops_cloud(&r->ops, r->mem);
    if (!cloud) {
        log_notice("there is no token of a registry: nothing to set up");
        return NULL;
    }
    if (!cstr_empty(r->ops.token))
        TRY(platform_export(r->platform, "ATLAS_TOKEN", str_from(r->ops.token)));
    Err *e = ops_whoami(&who, &r->ops, r->mem);
    if (!e)
        return tell(r, who);
    if (is_outage(e) && !cloud->require_grant)
        return go_on(r, e);
    return err_wrap(e, "failed to check the token");
}
