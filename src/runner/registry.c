// The actions registry/verify, registry/sync and create-repo.
#include "atlas/report.h"
#include "run.h"

static Err *tell(const Run *r, const char *title, const Value *report, bool all_ok) {
    Buf text;
    buf_init(&text, r->mem, BUF_MAX_TEXT);
    report_audit_text(&text, report);
    platform_untrusted(r->platform, text.ptr);
    if (platform_has_summary(r->platform)) {
        Buf table;
        buf_init(&table, r->mem, BUF_MAX_TEXT);
        report_audit_markdown(&table, title, report, all_ok, REPORT_GITHUB);
        platform_summary(r->platform, table.ptr);
    }
    TRY(run_output(r, "ok", all_ok ? "true" : "false"));
    return run_output(r, "report", json_text(r->mem, report, JSON_GO));
}

Err *run_registry_verify(Run *r) {
    Value *report = NULL;
    bool all_ok = false;
    TRY(ops_registry_verify(&report, &all_ok, &r->ops, r->env, run_input(r, "name"), NULL, r->mem));
    TRY(tell(r, "Registry audit", report, all_ok));
    return all_ok ? NULL
                  : err_hint(err_new(E_DAMAGED, "some copies are not whole"),
                             "the action registry/sync repairs them");
}

Err *run_registry_sync(Run *r) {
    Value *report = NULL;
    bool all_ok = false;
    TRY(ops_registry_sync(&report, &all_ok, &r->ops, r->env, run_input(r, "name"),
                          run_input(r, "from"), NULL, r->mem));
    TRY(tell(r, "Registry sync", report, all_ok));
    return all_ok ? NULL
                  : err_hint(err_new(E_DAMAGED, "some copies could not be made whole"),
                             "see the lines that failed above, mend their cause and run it again");
}

Err *run_create_repo(Run *r) {
    OpsRepoParams p = {.env = r->env, .name = run_input(r, "name"), .type = run_input(r, "type"),
                       .driver = run_input(r, "driver"), .skip_if_exists = true};
    Value *report = NULL;
    bool existed = false;
    Err *e = ops_repo_create(&report, &existed, &r->ops, &p, r->mem);
    if (e)
        return err_wrap(e, "failed to create the repo");
    if (existed)
        log_notice("repository \"%s\" already exists, nothing to do", p.name);
    return run_output(r, "url", value_get_text(report, "URL"));
}
