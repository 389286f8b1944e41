#include "atlas/ops.h"

#include "internal.h"

typedef struct ApplyJob {
    const Ops *o;
    const OpsApplyParams *p;
    OpsApply *out;
    Arena *mem;
    OpsDir *dirs;      // one a target
    Value *inputs;     // reports of completed runs
    const char *target_id;
    bool reports;      // some directory is atlas:// and an env is selected
} ApplyJob;

static MigrateApplyParams run_params(const ApplyJob *j, const OpsTarget *t, const OpsDir *dir) {
    return (MigrateApplyParams){.host = j->o->host,
                                .url = t->url,
                                .dir = dir->dir,
                                .dir_url = dir->url,
                                .amount = j->p->amount,
                                .to_version = j->p->to_version,
                                .baseline = t->baseline,
                                .revisions_schema = t->revisions_schema,
                                .lock_name = t->lock_name,
                                .lock_timeout = t->lock_timeout,
                                .allow_dirty = j->p->allow_dirty,
                                .dry_run = j->p->dry_run,
                                .operator_version = OPS_OPERATOR_VERSION,
                                .cancel = j->o->cancel,
                                .event = j->p->event,
                                .event_ctx = j->p->ctx};
}

static Value *text_list(const StrList *texts, Arena *mem) {
    Value *list = value_list(mem);
    for (size_t i = 0; i < texts->len; i++)
        value_push(list, mem, value_str(mem, texts->items[i]));
    return list;
}

static Err *open_and_apply(OpsRun *run, ApplyJob *j, const OpsTarget *t, OpsDir *dir) {
    Db *db = NULL;
    TRY(ops_dir_open(dir, j->o, t->env, t->dir_url, t->format, j->mem));
    for (size_t i = 0; j->p->warn && i < dir->warnings.len; i++)
        j->p->warn(j->p->ctx, dir->warnings.items[i]);
    MigrateApplyParams params = run_params(j, t, dir);
    TRY(migrate_tx_mode_parse(&params.tx_mode, cstr_or(t->tx_mode, "")));
    TRY(migrate_order_parse(&params.order, cstr_or(t->order, "")));
    TRY(db_open(&db, t->url, &(DbOptions){j->o->host, j->o->cancel}, j->mem));
    params.db = db;
    Err *e = migrate_apply(&run->applied, &params, j->mem);
    run->report = run->applied.report;
    if (run->report && dir->warnings.len)
        value_set(run->report, j->mem, "Warnings", text_list(&dir->warnings, j->mem), M_OMIT_EMPTY);
    // The id lives in the database: a dry run writes nothing there.
    if (run->report && t->env && dir->repo && !j->p->dry_run) {
        Err *id = db_target_id(db, t->revisions_schema, j->o->host, &j->target_id, j->mem);
        if (id)
            log_debug("no target id: %s", err_text(id));
        err_free(id);
    }
    db_close(db);
    return e;
}

static Err *apply_one(ApplyJob *j, size_t i) {
    const OpsTarget *t = &j->p->targets[i];
    OpsRun run = {.url = url_redact(j->mem, t->url)};
    j->target_id = NULL;
    Err *e = open_and_apply(&run, j, t, &j->dirs[i]);
    if (e)
        run.error = arena_strdup(j->mem, err_text(e));
    run.log = j->p->show ? j->p->show(j->p->ctx, &run, j->mem) : NULL;
    list_push(&j->out->runs, j->mem, run);
    if (t->env && j->dirs[i].repo) {
        j->reports = true;
        if (run.report)
            value_push(j->inputs, j->mem,
                       ops_report_input(j->o, t, &j->dirs[i], &run, cstr_or(j->target_id, ""),
                                        j->p->context, j->p->dry_run, j->mem));
    }
    return e;
}

static Repo *any_repo(const ApplyJob *j) {
    for (size_t i = 0; i < j->p->target_count; i++)
        if (j->dirs[i].repo)
            return j->dirs[i].repo;
    return NULL;
}

// Tells the registry. A failure here never changes how the apply ended.
static void tell_registry(ApplyJob *j) {
    Repo *repo = any_repo(j);
    ReportResult r = {0};
    if (!repo || !j->reports || (j->p->dry_run && !repo_has_cloud(repo)))
        return;
    bool single = j->p->target_count == 1 && value_len(j->inputs) == 1;
    const Value *input = single ? value_at(j->inputs, 0)
                                : ops_report_set(j->o, j->out, j->inputs, j->p->target_count,
                                                 j->p->targets[0].dir_url, j->p->context, j->mem);
    if (!repo_has_cloud(repo)) {
        // A repository of your own keeps the last report of each database.
        for (size_t i = 0; i < value_len(j->inputs); i++) {
            const Value *one = value_at(j->inputs, i);
            const char *id = value_get_text(value_get(one, "target"), "id");
            AutoErr e = repo_report(&r, repo, one, false, id, j->mem);
            if (e)
                j->out->report_error = arena_strdup(j->mem, err_text(e));
        }
        return;
    }
    AutoErr e = repo_report(&r, repo, input, !single, "", j->mem);
    if (e)
        j->out->report_error = arena_strdup(j->mem, err_text(e));
    j->out->link = r.link;
}

Err *ops_migrate_apply(OpsApply *out, const Ops *o, const OpsApplyParams *p, Arena *mem) {
    ApplyJob j = {.o = o, .p = p, .out = out, .mem = mem};
    *out = (OpsApply){0};
    j.dirs = NEW_ARRAY(mem, OpsDir, p->target_count);
    j.inputs = value_list(mem);
    Err *e = NULL;
    for (size_t i = 0; i < p->target_count && !e; i++)
        e = apply_one(&j, i);
    tell_registry(&j);
    return e;
}
