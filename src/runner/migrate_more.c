// The actions migrate/set and migrate/test.
#include "atlas/report.h"
#include "run.h"

static Err *set_version(Run *r) {
    OpsGiven g = {.url = run_input(r, "url"), .dir = run_input(r, "dir"),
                  .revisions_schema = run_input(r, "revisions-schema")};
    OpsTarget *targets = NULL;
    Value *report = NULL;
    MigrateSumError sum = {0};
    const char *notice = NULL;
    StrList warnings = {0};
    Buf text;
    size_t count = 0;
    TRY(ops_targets(&targets, &count, &r->ops, &g, false, r->mem));
    Err *e = ops_migrate_set(&report, &sum, &notice, &r->ops, &targets[0], run_input(r, "version"),
                             &warnings, r->mem);
    run_warn_all(&warnings);
    if (notice)
        platform_untrusted(r->platform, notice);
    if (e) {
        run_checksum_help(r, e, &sum);
        return e;
    }
    buf_init(&text, r->mem, BUF_MAX_TEXT);
    report_set_text(&text, report);
    platform_untrusted(r->platform, text.ptr);
    return NULL;
}

Err *run_migrate_set(Run *r) {
    Err *e = set_version(r);
    if (e)
        err_free(run_output(r, "error", err_text(e)));
    return e;
}

// Logs what a checksum error or the tests have to say.
Err *run_migrate_test(Run *r) {
    OpsTestParams p = {.env = r->env,
                       .dir_url = cstr_or(run_input(r, "dir"), r->env ? r->env->migration.dir : ""),
                       .format = r->env ? r->env->migration.format : "",
                       .dev_url = cstr_or(run_input(r, "dev-url"), r->env ? r->env->dev : ""),
                       .revisions_schema = cstr_or(run_input(r, "revisions-schema"),
                                                   r->env ? r->env->migration.revisions_schema : ""),
                       .paths = input_array(run_input(r, "paths"), r->mem),
                       .run = run_input(r, "run"),
                       .junit = run_input(r, "junit")};
    Value *report = NULL;
    MigrateSumError sum = {0};
    StrList warnings = {0};
    bool passed = false;
    Buf text;
    p.dir_url = cstr_or(p.dir_url, "file://migrations");
    Err *e = ops_migrate_test(&report, &passed, &sum, &warnings, &r->ops, &p, r->mem);
    run_warn_all(&warnings);
    if (e) {
        run_checksum_help(r, e, &sum);
        Err *all = err_new(err_code(e), "`atlas migrate test` completed with errors:\n%s", err_text(e));
        err_free(e);
        return all;
    }
    buf_init(&text, r->mem, BUF_MAX_TEXT);
    report_tests_text(&text, report);
    if (!passed)
        return err_new(E_STATE, "`atlas migrate test` completed with errors:\n%s", text.ptr);
    log_info("`atlas migrate test` completed successfully, no issues found");
    platform_untrusted(r->platform, text.ptr);
    return NULL;
}
