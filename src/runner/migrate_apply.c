#include "atlas/report.h"
#include "run.h"

// What a run's outputs are, and its row in `runs`.
typedef struct Counts {
    const char *current, *target;
    int64_t applied, pending;
} Counts;

static Counts count(const Value *report) {
    return (Counts){.current = value_get_text(report, "Current"),
                    .target = value_get_text(report, "Target"),
                    .applied = (int64_t)value_len(value_get(report, "Applied")),
                    .pending = (int64_t)value_len(value_get(report, "Pending"))};
}

static Value *runs_row(const OpsRun *run, Arena *mem) {
    const Value *report = run->report;
    Counts c = count(report);
    Value *row = value_map(mem), *files = value_list(mem);
    const Value *pending = value_get(report, "Pending");
    for (size_t i = 0; i < value_len(pending); i++)
        value_push(files, mem, value_str(mem, value_get_text(value_at(pending, i), "Name")));
    value_set_str(row, mem, "current", c.current, 0);
    value_set_str(row, mem, "target", c.target, 0);
    value_set_int(row, mem, "applied_count", c.applied, 0);
    value_set_int(row, mem, "pending_count", c.pending, 0);
    value_set(row, mem, "pending_files", files, M_OMIT_EMPTY);
    value_set_str(row, mem, "url", run->error ? run->url : "", M_OMIT_EMPTY);
    value_set_str(row, mem, "error", run->error, M_OMIT_EMPTY);
    return row;
}

// Shows a finished run: the report's text is of others, so nothing in it is a command.
static const char *show_run(void *ctx, const OpsRun *run, Arena *mem) {
    Run *r = ctx;
    Buf text;
    if (!run->report)
        return NULL;
    run_warn_all(&run->applied.warnings);
    buf_init(&text, mem, BUF_MAX_TEXT);
    report_apply_text(&text, run->report);
    platform_untrusted(r->platform, text.ptr);
    if (platform_has_summary(r->platform)) {
        Buf markdown;
        buf_init(&markdown, mem, BUF_MAX_TEXT);
        report_apply_markdown(&markdown, run->report, REPORT_GITHUB);
        platform_summary(r->platform, markdown.ptr);
    }
    if (!run->error)
        log_info("\"atlas migrate apply\" completed successfully, applied to version \"%s\"",
                 value_get_text(run->report, "Target"));
    return text.ptr;
}

static void show_warning(void *ctx, const char *text) {
    (void)ctx;
    log_warn("%s", text);
}

// Set for the targets that ran, also when one failed; the last run wins.
static Err *set_outputs(const Run *r, const OpsApply *result) {
    Value *rows = value_list(r->mem);
    for (size_t i = 0; i < result->runs.len; i++) {
        const Value *report = result->runs.items[i].report;
        if (!report)
            continue;
        value_push(rows, r->mem, runs_row(&result->runs.items[i], r->mem));
        if (!result->runs.items[i].applied.report)
            continue; // it did not start
        Counts c = count(report);
        TRY(run_output(r, "current", c.current));
        TRY(run_output(r, "target", c.target));
        TRY(run_output_int(r, "applied_count", c.applied));
        TRY(run_output_int(r, "pending_count", c.pending));
    }
    return value_len(rows) ? run_output(r, "runs", json_text(r->mem, rows, JSON_GO)) : NULL;
}

static Err *targets(OpsTarget **out, size_t *count_out, const Run *r) {
    OpsGiven g = {.url = run_input(r, "url"),
                  .dir = run_input(r, "dir"),
                  .revisions_schema = run_input(r, "revisions-schema"),
                  .baseline = run_input(r, "baseline"),
                  .tx_mode = run_input(r, "tx-mode"),
                  .exec_order = run_input(r, "exec-order"),
                  .lock_name = run_input(r, "lock-name"),
                  .lock_timeout = run_input(r, "lock-timeout"),
                  .db_lock_timeout = run_input(r, "db-lock-timeout"),
                  .statement_timeout = run_input(r, "statement-timeout")};
    return ops_targets(out, count_out, &r->ops, &g, true, r->mem);
}

static Err *apply(Run *r, OpsApply *result) {
    OpsTarget *list = NULL;
    OpsApplyParams p = {.to_version = run_input(r, "to-version"),
                        .in_flight = run_input(r, "in-flight"),
                        .warn = show_warning, .show = show_run, .ctx = r,
                        .context = platform_deploy_context(r->platform, r->mem)};
    uint64_t amount = 0, concurrency = 0;
    TRY(run_input_number(&amount, r, "amount"));
    TRY(run_input_number(&concurrency, r, "concurrency"));
    TRY(run_input_bool(&p.continue_on_error, r, "continue-on-error"));
    TRY(run_input_bool(&p.allow_dirty, r, "allow-dirty"));
    TRY(run_input_bool(&p.dry_run, r, "dry-run"));
    TRY(targets(&list, &p.target_count, r));
    p.targets = list;
    p.concurrency = (size_t)concurrency;
    p.amount = amount > INT64_MAX ? INT64_MAX : (int64_t)amount;
    return ops_migrate_apply(result, &r->ops, &p, r->mem);
}

Err *run_migrate_apply(Run *r) {
    OpsApply result = {0};
    Err *e = apply(r, &result);
    if (result.report_error)
        log_warn("the registry was not told of this run: %s", result.report_error);
    if (result.link)
        log_info("%s", result.link);
    Err *outputs = set_outputs(r, &result);
    if (!e)
        return outputs;
    err_free(outputs);
    if (result.runs.len)
        run_checksum_help(r, e, &list_last(&result.runs).applied.sum);
    err_free(run_output(r, "error", err_text(e)));
    return e;
}
