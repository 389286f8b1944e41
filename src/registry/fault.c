// Outage rehearsal: a target that fails on purpose in an otherwise real run.
#include "target.h"

typedef enum FaultKind { FAULT_DOWN, FAULT_TIMEOUT, FAULT_SLOW, FAULT_DAMAGED, FAULT_STATUS } FaultKind;

typedef struct FaultTarget {
    Target base;
    TargetDriver driver; // what the inner target can do
    Target *inner;
    FaultKind kind;
    Duration delay;
    int status;
} FaultTarget;

static ErrCode status_code(int status) {
    switch (status) {
    case 400:
        return E_INVALID;
    case 401:
        return E_UNAUTHORIZED;
    case 403:
        return E_DENIED;
    case 404:
        return E_NOT_FOUND;
    default:
        return E_UNREACHABLE;
    }
}

// What stands in the way of one call: NULL lets it through. `reads`: it asks for an artifact.
static Err *obstacle(Target *t, bool reads) {
    FaultTarget *f = (FaultTarget *)t;
    HttpBudget budget = http_budget(t->loop);
    f->inner->trust = t->trust;
    switch (f->kind) {
    case FAULT_DOWN:
        return err_new(E_UNREACHABLE, "connection refused (simulated)");
    case FAULT_TIMEOUT:
        loop_sleep(t->loop, budget.limit_ms);
        return err_new(E_TIMEOUT, "no answer in time (simulated)");
    case FAULT_SLOW:
        loop_sleep(t->loop, f->delay / DURATION_MS);
        return NULL;
    case FAULT_DAMAGED:
        return reads ? err_new(E_DAMAGED, "the object's digest is not what its manifest says "
                                          "(simulated)")
                     : NULL;
    case FAULT_STATUS:
        break;
    }
    return err_new(status_code(f->status), "HTTP %d (simulated)", f->status);
}

static Target *inner(Target *t) { return ((FaultTarget *)t)->inner; }

static Err *fault_push(Target *t, const Artifact *a, CloudPush *p, Arena *mem) {
    TRY(obstacle(t, false));
    return inner(t)->driver->push(inner(t), a, p, mem);
}

static Err *fault_fetch(Body *out, Target *t, const char *slug, ArtifactKind kind, const char *tag,
                        const char *version, Arena *mem) {
    TRY(obstacle(t, true));
    return inner(t)->driver->fetch(out, inner(t), slug, kind, tag, version, mem);
}

static Err *fault_report(ReportResult *out, Target *t, const Value *input, bool set, Arena *mem) {
    TRY(obstacle(t, false));
    return inner(t)->driver->report(out, inner(t), input, set, mem);
}

static Err *fault_stage(Target *t, const Artifact *a, Arena *mem) {
    TRY(obstacle(t, false));
    return inner(t)->driver->stage(inner(t), a, mem);
}

static Err *fault_read_ref(Ref *out, Target *t, const char *slug, RefName name, Arena *mem) {
    TRY(obstacle(t, false));
    return inner(t)->driver->read_ref(out, inner(t), slug, name, mem);
}

static Err *fault_write_ref(RefWritten *how, Ref *now, Target *t, const char *slug, RefName name,
                            const Ref *fresh, const Ref *known, Arena *mem) {
    TRY(obstacle(t, false));
    return inner(t)->driver->write_ref(how, now, inner(t), slug, name, fresh, known, mem);
}

static Err *fault_read_blob(Body *out, Target *t, const char *slug, const char *digest,
                            int64_t size, Arena *mem) {
    TRY(obstacle(t, true));
    return inner(t)->driver->read_blob(out, inner(t), slug, digest, size, mem);
}

static Err *fault_check_manifest(Target *t, const char *slug, const char *digest, Arena *mem) {
    TRY(obstacle(t, false));
    return inner(t)->driver->check_manifest(inner(t), slug, digest, mem);
}

static Err *fault_list_refs(RefNames *out, Target *t, const char *slug, Arena *mem) {
    TRY(obstacle(t, false));
    return inner(t)->driver->list_refs(out, inner(t), slug, mem);
}

static Err *fault_list_slugs(StrList *out, Target *t, Arena *mem) {
    TRY(obstacle(t, false));
    return inner(t)->driver->list_slugs(out, inner(t), mem);
}

static Err *fault_put_doc(Target *t, const char *slug, DocName name, Str json, bool create,
                          Arena *mem) {
    TRY(obstacle(t, false));
    return inner(t)->driver->put_doc(inner(t), slug, name, json, create, mem);
}

static Err *fault_get_doc(Str *out, Target *t, const char *slug, DocName name, Arena *mem) {
    TRY(obstacle(t, false));
    return inner(t)->driver->get_doc(out, inner(t), slug, name, mem);
}

static Err *fault_list_docs(DocNames *out, Target *t, const char *slug, DocKind kind, Arena *mem) {
    TRY(obstacle(t, false));
    return inner(t)->driver->list_docs(out, inner(t), slug, kind, mem);
}

static Err *fault_plans(PlanList *out, Target *t, const char *slug, const char *from,
                        const char *to, Arena *mem) {
    TRY(obstacle(t, false));
    return inner(t)->driver->plans(out, inner(t), slug, from, to, mem);
}

static Err *fault_plan(Plan *out, Target *t, const char *slug, const char *name, Arena *mem) {
    TRY(obstacle(t, false));
    return inner(t)->driver->plan(out, inner(t), slug, name, mem);
}

static Err *fault_approve(Plan *out, Target *t, const char *slug, const char *name,
                          const Value *context, Arena *mem) {
    TRY(obstacle(t, false));
    return inner(t)->driver->approve(out, inner(t), slug, name, context, mem);
}

static Err *fault_create(RepoInfo *out, Target *t, const RepoInfo *want, Arena *mem) {
    TRY(obstacle(t, false));
    return inner(t)->driver->create(out, inner(t), want, mem);
}

static Err *fault_list(RepoInfos *out, Target *t, Arena *mem) {
    TRY(obstacle(t, false));
    return inner(t)->driver->list(out, inner(t), mem);
}

static Err *fault_describe(RepoInfo *out, Target *t, const char *slug, Arena *mem) {
    TRY(obstacle(t, false));
    return inner(t)->driver->describe(out, inner(t), slug, mem);
}

static Err *parse_fault(FaultTarget *f, const char *how) {
    uint64_t status;
    if (cstr_eq(how, "down"))
        f->kind = FAULT_DOWN;
    else if (cstr_eq(how, "timeout"))
        f->kind = FAULT_TIMEOUT;
    else if (cstr_eq(how, "damaged"))
        f->kind = FAULT_DAMAGED;
    else if (cstr_starts(how, "slow=") && duration_parse(how + 5, &f->delay) && f->delay >= 0)
        f->kind = FAULT_SLOW;
    else if (cstr_to_u64(how, 599, &status) && status >= 400)
        *f = (FaultTarget){.kind = FAULT_STATUS, .status = (int)status};
    else
        return err_hint(err_new(E_USAGE, "\"%s\" is no failure to simulate", how),
                        "use down, timeout, damaged, slow=5s, or an HTTP status from 400 to 599");
    return NULL;
}

Err *target_fault(Target **out, Target *target, const char *how, Arena *mem) {
    FaultTarget *f = NEW(mem, FaultTarget);
    const TargetDriver *has = target->driver;
    TRY(parse_fault(f, how));
    f->driver = (TargetDriver){
        .name = has->name,
        .push = has->push ? fault_push : NULL,
        .fetch = has->fetch ? fault_fetch : NULL,
        .report = has->report ? fault_report : NULL,
        .stage = has->stage ? fault_stage : NULL,
        .read_ref = has->read_ref ? fault_read_ref : NULL,
        .write_ref = has->write_ref ? fault_write_ref : NULL,
        .read_blob = has->read_blob ? fault_read_blob : NULL,
        .check_manifest = has->check_manifest ? fault_check_manifest : NULL,
        .list_refs = has->list_refs ? fault_list_refs : NULL,
        .list_slugs = has->list_slugs ? fault_list_slugs : NULL,
        .put_doc = has->put_doc ? fault_put_doc : NULL,
        .get_doc = has->get_doc ? fault_get_doc : NULL,
        .list_docs = has->list_docs ? fault_list_docs : NULL,
        .plans = has->plans ? fault_plans : NULL,
        .plan = has->plan ? fault_plan : NULL,
        .approve = has->approve ? fault_approve : NULL,
        .create = has->create ? fault_create : NULL,
        .list = has->list ? fault_list : NULL,
        .describe = has->describe ? fault_describe : NULL,
    };
    target_init(&f->base, &f->driver, target->url, target->loop, mem);
    f->base.primary = target->primary;
    f->base.broken = target->broken ? err_copy(target->broken) : NULL;
    f->inner = target;
    *out = &f->base;
    return NULL;
}
