#include "atlas/ops.h"

#include "atlas/report.h"
#include "internal.h"

typedef struct ApplyJob {
    const Ops *o;
    const OpsApplyParams *p;
    OpsApply *out;
    Arena *mem;
    OpsDir *dirs;  // one a target; NULL dir: not opened
    Err **errors;  // one a target
    OpsRun *runs;  // one a target
    bool *ended;   // one a target
    OpsSharedLock *locks; // one a target, when they run at the same time
    size_t shown;  // runs are shown in the order of the targets
    size_t finished;
    Value *inputs; // reports of completed runs
    bool reports;  // some directory is atlas:// and an env is selected
} ApplyJob;

static bool at_once(const ApplyJob *j) {
    return j->p->concurrency > 1 && j->p->target_count > 1;
}

// --- directories
// ----------------------------------------------------------------------------------

static bool same_repo(const ProjectEnv *a, const ProjectEnv *b) {
    if (!a || !b)
        return a == b;
    const ProjectRepo *x = &a->migration.repo, *y = &b->migration.repo;
    bool same = cstr_eq(x->name, y->name) && cstr_eq(x->url, y->url) &&
                x->backup.len == y->backup.len && x->min_copies == y->min_copies &&
                x->verify.len == y->verify.len;
    for (size_t i = 0; same && i < x->backup.len; i++)
        same = cstr_eq(x->backup.items[i], y->backup.items[i]);
    for (size_t i = 0; same && i < x->verify.len; i++)
        same = cstr_eq(x->verify.items[i], y->verify.items[i]);
    return same;
}

// Tenants share a directory: it is read once.
static const OpsDir *opened_before(const ApplyJob *j, size_t i) {
    const OpsTarget *t = &j->p->targets[i];
    for (size_t k = i; k-- > 0;) {
        const OpsTarget *o = &j->p->targets[k];
        if (j->dirs[k].dir && cstr_eq(o->dir_url, t->dir_url) && cstr_eq(o->format, t->format) &&
            same_repo(o->env, t->env))
            return &j->dirs[k];
    }
    return NULL;
}

static Err *open_dir(ApplyJob *j, size_t i) {
    const OpsTarget *t = &j->p->targets[i];
    const OpsDir *before = opened_before(j, i);
    if (before) {
        j->dirs[i] = *before;
        return NULL;
    }
    Err *e = ops_dir_open(&j->dirs[i], j->o, t->env, t->dir_url, t->format, j->mem);
    for (size_t k = 0; !e && j->p->warn && k < j->dirs[i].warnings.len; k++)
        j->p->warn(j->p->ctx, j->dirs[i].warnings.items[k]);
    return e;
}

// --- one target
// -----------------------------------------------------------------------------------

static Err *run_params(MigrateApplyParams *out, const ApplyJob *j, const OpsTarget *t,
                       const OpsDir *dir) {
    *out = (MigrateApplyParams){.host = j->o->host,
                                .url = t->url,
                                .dir = dir->dir,
                                .dir_url = dir->url,
                                .amount = j->p->amount,
                                .to_version = j->p->to_version,
                                .baseline = t->baseline,
                                .revisions_schema = t->revisions_schema,
                                .lock_name = j->locks ? j->locks[t - j->p->targets].name
                                                      : t->lock_name,
                                .lock_timeout = t->lock_timeout,
                                .allow_dirty = j->p->allow_dirty,
                                .dry_run = j->p->dry_run,
                                .operator_version = OPS_OPERATOR_VERSION,
                                .cancel = j->o->cancel,
                                .event = at_once(j) ? NULL : j->p->event,
                                .event_ctx = j->p->ctx};
    TRY(migrate_tx_mode_parse(&out->tx_mode, cstr_or(t->tx_mode, "")));
    TRY(migrate_in_flight_parse(&out->in_flight, cstr_or(j->p->in_flight, "")));
    return migrate_order_parse(&out->order, cstr_or(t->order, ""));
}

static Value *text_list(const StrList *texts, Arena *mem) {
    Value *list = value_list(mem);
    for (size_t i = 0; i < texts->len; i++)
        value_push(list, mem, value_str(mem, texts->items[i]));
    return list;
}

// What reading the directory and mending the database had to say.
static void add_warnings(OpsRun *run, const OpsDir *dir, Arena *mem) {
    StrList all = {0};
    for (size_t i = 0; i < dir->warnings.len; i++)
        list_push(&all, mem, dir->warnings.items[i]);
    for (size_t i = 0; i < run->applied.warnings.len; i++)
        list_push(&all, mem, run->applied.warnings.items[i]);
    if (all.len)
        value_set(run->report, mem, "Warnings", text_list(&all, mem), M_OMIT_EMPTY);
}

static Err *apply_target(OpsRun *run, const ApplyJob *j, size_t i, Arena *mem) {
    const OpsTarget *t = &j->p->targets[i];
    const OpsDir *dir = &j->dirs[i];
    MigrateApplyParams params;
    Db *db = NULL;
    TRY(run_params(&params, j, t, dir));
    TRY(ops_db_open(&db, j->o, t, mem));
    params.db = db;
    Err *e = migrate_apply(&run->applied, &params, mem);
    run->report = run->applied.report;
    if (run->report)
        add_warnings(run, dir, mem);
    // The id lives in the database: a dry run writes nothing there.
    if (run->report && t->env && dir->repo && !j->p->dry_run) {
        AutoErr id = db_target_id(db, t->revisions_schema, j->o->host, &run->target_id, mem);
        if (id)
            log_debug("no target id: %s", err_text(id));
    }
    db_close(db);
    return e;
}

// Of several targets, one that did not start has a report too, so that each is accounted for.
static Value *report_not_started(const ApplyJob *j, size_t i, const char *error) {
    const OpsTarget *t = &j->p->targets[i];
    Value *v = value_struct(j->mem, "cmdlog.MigrateApply");
    Value *now = value_time(j->mem, host_now(j->o->host));
    ReportEnv env = {.url = report_url(t->url, "", j->mem),
                     .dir = cstr_or(j->dirs[i].url, url_redact(j->mem, t->dir_url))};
    report_env(v, &env, j->mem);
    value_set(v, j->mem, "Pending", value_list(j->mem), M_OMIT_EMPTY);
    value_set(v, j->mem, "Applied", value_list(j->mem), M_OMIT_EMPTY);
    value_set_str(v, j->mem, "Current", "", M_OMIT_EMPTY);
    value_set_str(v, j->mem, "Target", "", M_OMIT_EMPTY);
    value_set(v, j->mem, "Start", now, 0);
    value_set(v, j->mem, "End", now, 0);
    value_set_str(v, j->mem, "Error", error, M_OMIT_EMPTY);
    value_set_str(v, j->mem, "Message", "", M_OMIT_EMPTY);
    return v;
}

// --- all targets
// ----------------------------------------------------------------------------------

// Keeps a run whose turn it is.
static void show_run(ApplyJob *j, size_t i) {
    const OpsTarget *t = &j->p->targets[i];
    OpsRun *run = &j->runs[i];
    run->log = j->p->show ? j->p->show(j->p->ctx, run, j->mem) : NULL;
    list_push(&j->out->runs, j->mem, *run);
    if (!t->env || !j->dirs[i].repo)
        return;
    j->reports = true;
    if (run->applied.report)
        value_push(j->inputs, j->mem,
                   ops_report_input(j->o, t, &j->dirs[i], run, cstr_or(run->target_id, ""),
                                    j->p->context, j->p->dry_run, j->mem));
}

// False: no further target may start.
static bool end_run(ApplyJob *j, size_t i, Err *e) {
    OpsRun *run = &j->runs[i];
    run->url = url_redact(j->mem, j->p->targets[i].url);
    j->ended[i] = true;
    j->errors[i] = e;
    if (e) {
        run->error = arena_strdup(j->mem, err_text(e));
        if (!run->report && j->p->target_count > 1)
            run->report = report_not_started(j, i, run->error);
    }
    for (; j->shown < j->p->target_count && j->ended[j->shown]; j->shown++)
        show_run(j, j->shown);
    j->finished++;
    if (j->p->progress && j->p->progress->step && at_once(j))
        j->p->progress->step(j->p->progress->ctx, j->finished, j->p->target_count, run->url);
    return !e || j->p->continue_on_error;
}

static void apply_in_turn(ApplyJob *j) {
    for (size_t i = 0; i < j->p->target_count; i++) {
        Err *e = open_dir(j, i);
        if (!e)
            e = apply_target(&j->runs[i], j, i, j->mem);
        if (!end_run(j, i, e))
            return;
    }
}

// --- at the same time
// -----------------------------------------------------------------------------

static Value *work(void *ctx, size_t i, Arena *mem) {
    ApplyJob *j = ctx;
    OpsRun run = {.url = ""};
    loop_forked(j->o->loop);
    AutoErr e = j->locks[i].error ? err_copy(j->locks[i].error) : apply_target(&run, j, i, mem);
    return ops_run_pack(&run, e, mem);
}

static bool worker_done(void *ctx, size_t i, const Value *result, const char *reason) {
    ApplyJob *j = ctx;
    Err *e = result ? ops_run_unpack(&j->runs[i], result, j->mem)
                    : err_hint(err_new(E_INTERNAL, "%s", reason),
                               "run again: what was applied stays applied");
    return end_run(j, i, e);
}

// Directories are read here, once; then each target has a process of its own.
static Err *apply_at_once(ApplyJob *j) {
    size_t count = j->p->target_count;
    for (size_t i = 0; i < count; i++) {
        Err *e = open_dir(j, i);
        if (e)
            return e;
    }
    AutoArena held = arena_new(NULL);
    j->locks = NEW_ARRAY(j->mem, OpsSharedLock, count);
    ops_shared_locks(j->locks, j->o, j->p->targets, count, held);
    Workers w = {.count = count,
                 .limit = j->p->concurrency < count ? j->p->concurrency : count,
                 .cancel = j->o->cancel,
                 .work = work,
                 .done = worker_done,
                 .ctx = j};
    Err *e = workers_run(&w);
    for (size_t i = 0; i < count; i++)
        err_free(j->locks[i].error);
    for (; j->shown < count; j->shown++)
        if (j->ended[j->shown])
            show_run(j, j->shown);
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

// The one error, or the first of several with their count.
static Err *overall(ApplyJob *j) {
    Err *first = NULL;
    size_t failed = 0;
    for (size_t i = 0; i < j->p->target_count; i++) {
        failed += j->errors[i] != NULL;
        if (first)
            err_free(j->errors[i]);
        else if (j->errors[i] && j->p->target_count > 1)
            first = err_wrap(j->errors[i], "%s", j->runs[i].url);
        else
            first = j->errors[i];
    }
    if (failed < 2)
        return first;
    return err_wrap(first, "%zu of %zu targets failed, the first is", failed, j->p->target_count);
}

Err *ops_migrate_apply(OpsApply *out, const Ops *o, const OpsApplyParams *p, Arena *mem) {
    ApplyJob j = {.o = o, .p = p, .out = out, .mem = mem};
    *out = (OpsApply){0};
    j.dirs = NEW_ARRAY(mem, OpsDir, p->target_count);
    j.errors = NEW_ARRAY(mem, Err *, p->target_count);
    j.runs = NEW_ARRAY(mem, OpsRun, p->target_count);
    j.ended = NEW_ARRAY(mem, bool, p->target_count);
    j.inputs = value_list(mem);
    Err *e = NULL;
    if (at_once(&j))
        e = apply_at_once(&j);
    else
        apply_in_turn(&j);
    tell_registry(&j);
    Err *runs = overall(&j);
    if (!e)
        return runs;
    err_free(runs);
    return e;
}
