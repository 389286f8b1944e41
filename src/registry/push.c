// The push of one artifact to all targets at once: registry-storage.md section 2.
//
// Every target has a task of its own. The order that matters: old refs are read everywhere before
// a new seq is chosen; a backup's refs are written when the primary has answered.
#include "target.h"

enum {
    PRIMARY_WAIT_MS = 10000,
    SEQ_WAIT_MS = 2000,
    MAX_REFS = 3,
    CLAIM_TRIES = 20,
    OVERTAKE_TRIES = 5,
};

typedef struct PushJob PushJob;

typedef struct Lane { // one target's way through a push
    PushJob *job;
    Target *target;
    Task *task;
    Arena *mem;
    Ref old[MAX_REFS];
    bool refs_read; // or known to be unreadable
    bool settled;   // it is known whose bytes the ref that is created once holds here
    bool done;
    bool took;
    bool marked; // refs carry pending_primary
    bool approved; // the plan is
    Err *error;
    const char *link;
    const char *superseded; // commit of the greater ref, or NULL
    const char *kept_digest; // the version's first content, if other
} Lane;

struct PushJob {
    Repo *repo;
    const PushParams *params;
    Artifact artifact;
    RefName refs[MAX_REFS]; // the version first, if any
    size_t ref_count;
    int64_t seq[MAX_REFS]; // chosen once for all targets; 0: not yet
    bool unwanted[MAX_REFS];
    Lane *lanes;
    size_t lane_count;
    Lane *primary; // NULL: none
    Loop *loop;
};

static int64_t in_ms(const PushJob *j, int64_t ms) {
    return host_monotonic_ms(loop_host(j->loop)) + ms;
}

// --- conditions that lanes wait for -------------------------------------------------------------

static bool primary_answered(const void *arg) {
    const PushJob *j = arg;
    return !j->primary || j->primary->done;
}

// Without a primary the first backup is where two pushes of one version, or plan, are told apart.
static Lane *judge(const PushJob *j) { return j->primary ? j->primary : &j->lanes[0]; }

static bool judged(const void *arg) {
    const Lane *l = judge(arg);
    return l->settled || l->done;
}

static bool all_refs_read(const void *arg) {
    const PushJob *j = arg;
    for (size_t i = 0; i < j->lane_count; i++)
        if (!j->lanes[i].refs_read)
            return false;
    return true;
}

// The primary said no to the token or the request itself. A GraphQL error is a failure, no refusal.
static bool is_refusal(const Err *e) {
    return err_code(e) == E_UNAUTHORIZED || err_code(e) == E_DENIED || err_code(e) == E_INVALID;
}

// --- steps of one lane --------------------------------------------------------------------------

typedef struct RefTask { // one ref of a lane, read or written beside the others
    Lane *lane;
    size_t ref;
    bool pending;
    Task *task;
    Err *error;
} RefTask;

// Waits for all of them; the first error.
static Err *join_refs(RefTask *tasks, size_t count) {
    Err *failed = NULL;
    for (size_t i = 0; i < count; i++) {
        task_join(tasks[i].task);
        if (failed)
            err_free(tasks[i].error);
        else
            failed = tasks[i].error;
    }
    return failed;
}

static void read_old_ref(void *arg) {
    RefTask *t = arg;
    Lane *l = t->lane;
    PushJob *j = l->job;
    Err *e = l->target->driver->read_ref(&l->old[t->ref], l->target, j->artifact.slug,
                                         j->refs[t->ref], l->mem);
    // A damaged ref is replaced; a bucket that is not there, or may not be listed or read, fails when
    // it is written to.
    if (err_code(e) == E_DAMAGED || err_code(e) == E_NO_STORE || err_code(e) == E_DENIED) {
        if (err_code(e) == E_DAMAGED)
            log_debug("%s: %s", l->target->url, err_text(e));
        err_free(e);
    } else {
        t->error = e;
    }
}

static void read_old_refs(void *arg) {
    Lane *l = arg;
    RefTask reads[MAX_REFS] = {0};
    for (size_t i = 0; i < l->job->ref_count; i++) {
        reads[i] = (RefTask){.lane = l, .ref = i};
        reads[i].task = task_start(l->job->loop, read_old_ref, &reads[i], l->mem);
    }
    l->error = join_refs(reads, l->job->ref_count);
    l->refs_read = true;
}

static bool moves_latest(const PushParams *p) {
    return !p->tag || p->latest || cstr_eq(p->tag, "latest");
}

static bool is_movable(RefName n) { return n.kind == REF_TAG; }

// The new seq of a ref: 1 + the highest on any target that could be read. The first lane to ask
// settles it, so that all targets get the same. `latest` is made where no target has it, and moved
// only if asked for.
static void settle_seq(PushJob *j, size_t ref) {
    int64_t highest = 0;
    if (j->seq[ref])
        return;
    for (size_t i = 0; i < j->lane_count; i++)
        if (j->lanes[i].old[ref].present && j->lanes[i].old[ref].seq > highest)
            highest = j->lanes[i].old[ref].seq;
    bool is_latest = j->refs[ref].kind == REF_TAG && cstr_eq(j->refs[ref].name, "latest");
    // What is created once and never moved needs no place in an order.
    j->seq[ref] = is_movable(j->refs[ref]) ? highest + 1 : highest ? highest : 1;
    // The first push to a primary makes it there, whatever the copies hold.
    const Lane *home = j->primary;
    bool made = home && home->refs_read && !home->error && home->target->driver->read_ref
                    ? home->old[ref].present
                    : highest > 0;
    j->unwanted[ref] = is_latest && made && !moves_latest(j->params);
}

// A version that another target holds with other bytes keeps its first content everywhere.
static const Ref *first_content(const PushJob *j, size_t ref) {
    for (size_t i = 0; i < j->lane_count; i++) {
        const Ref *old = &j->lanes[i].old[ref];
        if (old->present && !cstr_eq(old->digest, j->artifact.digest))
            return old;
    }
    return NULL;
}

// A migration directory may grow under the version of its last file: tags move on, with a warning.
// A schema's version or a plan of the same name with other bytes is somebody's mistake.
static Err *keep_first(Lane *l, const char *digest, size_t ref) {
    const PushJob *j = l->job;
    if (j->artifact.kind != ARTIFACT_MIGRATIONS)
        return err_hint(err_new(E_EXISTS, "%s of \"%s\" exists with other content (%s)",
                                ref_label(l->mem, j->refs[ref]), j->artifact.slug, digest),
                        "choose another name: what was pushed once never changes");
    l->kept_digest = digest;
    return NULL;
}

static bool stands_in_cloud(const PushJob *j, RefName tag, Arena *mem) {
    Target *cloud = j->primary->target;
    const char *name = cstr_eq(tag.name, "latest") ? NULL : tag.name, *digest = "";
    Body body;
    AutoErr e = cloud->driver->fetch(&body, cloud, j->artifact.slug, j->artifact.kind, name, NULL, mem);
    AutoErr bad = e ? NULL : body_digest(&digest, &body, mem);
    return !e && !bad && cstr_eq(digest, j->artifact.digest);
}

// Writes a tag beside a registry that tells no seq. Who finds that another push was here meanwhile
// asks the registry which of the two came later there: its order is everybody's.
static Err *write_beside_cloud(RefWritten *how, Ref *now, Lane *l, size_t i, Ref *fresh) {
    const PushJob *j = l->job;
    Ref known = l->old[i];
    for (int n = 0;; n++) {
        fresh->yields = n < OVERTAKE_TRIES;
        TRY(l->target->driver->write_ref(how, now, l->target, j->artifact.slug, j->refs[i], fresh,
                                         &known, l->mem));
        if (*how != REF_SUPERSEDED || n == OVERTAKE_TRIES ||
            !stands_in_cloud(j, j->refs[i], l->mem))
            return NULL;
        known = *now;
        *fresh = ref_new(&j->artifact, now->seq + 1, false, j->refs[i], j->repo->trust, l->mem);
    }
}

static Err *write_one(Lane *l, size_t i, bool pending) {
    PushJob *j = l->job;
    Ref now = {0};
    RefWritten how = REF_WROTE;
    settle_seq(j, i);
    if (j->unwanted[i])
        return NULL;
    const Ref *first = is_movable(j->refs[i]) ? NULL : first_content(j, i);
    if (first)
        return keep_first(l, first->digest, i);
    Ref fresh = ref_new(&j->artifact, j->seq[i], pending, j->refs[i], j->repo->trust, l->mem);
    bool beside_cloud = is_movable(j->refs[i]) && j->primary && j->primary->took &&
                        j->primary->target->driver->push;
    TRY(beside_cloud ? write_beside_cloud(&how, &now, l, i, &fresh)
                     : l->target->driver->write_ref(&how, &now, l->target, j->artifact.slug,
                                                    j->refs[i], &fresh, &l->old[i], l->mem));
    l->old[i] = now;
    if (how == REF_WROTE) // counts for readers; what it says of others is theirs to judge
        err_free(trust_meet(j->repo->trust, ref_key(l->mem, j->artifact.slug, j->refs[i]), now.seq, ""));
    if (how == REF_SUPERSEDED)
        l->superseded = cstr_or(now.commit, now.manifest_digest);
    return how == REF_KEPT ? keep_first(l, now.digest, i) : NULL;
}

static void run_ref_write(void *arg) {
    RefTask *w = arg;
    w->error = write_one(w->lane, w->ref, w->pending);
}

// The version first; then the tags side by side.
static Err *write_refs(Lane *l, bool pending) {
    PushJob *j = l->job;
    size_t first = is_movable(j->refs[0]) ? 0 : 1, count = j->ref_count - first;
    RefTask writes[MAX_REFS] = {0};
    if (first)
        TRY(write_one(l, 0, pending));
    l->settled = true;
    for (size_t i = 0; i < count; i++) {
        writes[i] = (RefTask){.lane = l, .ref = first + i, .pending = pending};
        writes[i].task = task_start(j->loop, run_ref_write, &writes[i], l->mem);
    }
    return join_refs(writes, count);
}

static Err *push_staged(Lane *l) {
    PushJob *j = l->job;
    Task *reading = task_start(j->loop, read_old_refs, l, l->mem);
    Err *e = l->target->driver->stage(l->target, &j->artifact, l->mem);
    task_join(reading);
    if (e)
        err_free(l->error);
    else
        e = l->error;
    l->error = NULL;
    TRY(e);
    bool backup = j->primary && l != j->primary;
    if (backup) {
        loop_wait(j->loop, primary_answered, j, in_ms(j, PRIMARY_WAIT_MS));
        Err *refusal = j->primary->done ? j->primary->error : NULL;
        if (is_refusal(refusal) || err_code(refusal) == E_EXISTS)
            return err_new(E_DENIED, "not written, as the registry refused the push");
    }
    loop_wait(j->loop, all_refs_read, j, in_ms(j, SEQ_WAIT_MS));
    if (!j->primary && l != judge(j))
        loop_wait(j->loop, judged, j, in_ms(j, PRIMARY_WAIT_MS));
    bool pending = backup && !j->primary->took;
    TRY(write_refs(l, pending));
    l->marked = pending;
    // An approval needs the primary: without it the plan stays pending everywhere.
    if (j->params->plan && j->params->plan->approved && !pending) {
        TRY(plan_approve_on(l->target, j->artifact.slug, j->params->plan->name,
                            l->old[0].manifest_digest, j->params->context, l->mem));
        l->approved = true;
    }
    return NULL;
}

static Err *push_one_call(Lane *l) {
    PushJob *j = l->job;
    CloudPush p = {.tag = j->params->tag, .latest = j->params->latest,
                   .context = j->params->context, .plan = j->params->plan,
                   .version = j->params->version};
    l->refs_read = true;
    TRY(l->target->driver->push(l->target, &j->artifact, &p, l->mem));
    l->link = p.link;
    l->approved = p.plan && p.plan->approved;
    return NULL;
}

static void run_lane(void *arg) {
    Lane *l = arg;
    if (l->target->broken)
        l->error = err_copy(l->target->broken);
    else
        l->error = l->target->driver->push ? push_one_call(l) : push_staged(l);
    l->refs_read = true;
    l->took = !l->error;
    l->done = true;
    // Late success of the primary: the marks were wrong.
    if (l->took && l->marked) {
        loop_wait(l->job->loop, primary_answered, l->job, -1);
        if (l->job->primary->took)
            err_free(write_refs(l, false)); // best effort: `registry sync` clears it otherwise
    }
}

// --- the whole ----------------------------------------------------------------------------------

static void name_refs(PushJob *j, const PushParams *p) {
    if (p->plan) {
        j->refs[j->ref_count++] = (RefName){REF_PLAN, p->plan->name};
        return;
    }
    if (!cstr_empty(j->artifact.version))
        j->refs[j->ref_count++] = (RefName){REF_VERSION, j->artifact.version};
    if (p->tag && !cstr_eq(p->tag, "latest"))
        j->refs[j->ref_count++] = (RefName){REF_TAG, p->tag};
    j->refs[j->ref_count++] = (RefName){REF_TAG, "latest"};
}

static void start_lanes(PushJob *j, Arena *mem) {
    Targets all = repo_targets(j->repo, mem);
    j->lanes = NEW_ARRAY(mem, Lane, all.len);
    j->lane_count = all.len;
    for (size_t i = 0; i < all.len; i++) {
        j->lanes[i] = (Lane){.job = j, .target = all.items[i], .mem = arena_new(mem)};
        if (all.items[i]->primary)
            j->primary = &j->lanes[i];
    }
    for (size_t i = 0; i < all.len; i++)
        j->lanes[i].task = task_start(j->loop, run_lane, &j->lanes[i], mem);
}

// A plan is what its primary says; without one, what all copies that took it say.
static const char *plan_state(const PushJob *j) {
    const Lane *home = j->primary && j->primary->took ? j->primary : NULL;
    bool yes = home ? home->approved : !j->primary;
    for (size_t i = 0; !home && i < j->lane_count; i++)
        if (j->lanes[i].took)
            yes &= j->lanes[i].approved;
    return yes ? "APPROVED" : "PENDING";
}

static void collect(PushResult *out, PushJob *j, Arena *mem) {
    out->slug = j->artifact.slug;
    out->digest = j->artifact.digest;
    const PlanSpec *plan = j->params->plan;
    AtlasUrl url = {.slug = out->slug, .tag = j->params->tag, .plan = plan ? plan->name : NULL};
    out->url = atlas_url_text(mem, &url);
    out->version = cstr_or(j->artifact.version, "");
    out->status = plan ? plan_state(j) : NULL;
    for (size_t i = 0; i < j->lane_count; i++) {
        Lane *l = &j->lanes[i];
        const char *why = l->error ? arena_strdup(mem, err_text(l->error)) : NULL;
        list_push(&out->targets, mem, (TargetOutcome){l->target->url, l->target->primary, why});
        out->copies += l->took;
        out->degraded |= !l->took;
        if (l->link)
            out->link = arena_strdup(mem, l->link);
        if (l->error)
            target_mark_dead(l->target, l->error);
    }
}

static void warn_late(PushResult *out, const PushJob *j, Arena *mem) {
    for (size_t i = 0; i < j->lane_count; i++) {
        const Lane *l = &j->lanes[i];
        const char *text = NULL;
        if (l->superseded)
            text = arena_printf(mem, "%s: superseded by %s", l->target->url, l->superseded);
        if (l->kept_digest)
            text = arena_printf(mem, "version %s exists with other content (%s) and keeps it; only "
                                     "tags were moved", j->params->version, l->kept_digest);
        bool waits = j->params->plan && j->params->plan->approved && l->took && !l->approved;
        if (waits)
            text = "the plan is not approved yet: approving needs the registry itself";
        if (text && !strlist_has(&out->warnings, text))
            list_push(&out->warnings, mem, text);
    }
}

static void warn_failures(PushResult *out, const PushJob *j, Arena *mem) {
    for (size_t i = 0; i < j->lane_count; i++) {
        const Lane *l = &j->lanes[i];
        if (!l->error)
            continue;
        const char *form = l->target->primary
                               ? "the registry %s could not be written (%s); the push is in the "
                                 "backups, marked as pending"
                               : "backup %s could not be written: %s";
#pragma GCC diagnostic push
#pragma GCC diagnostic ignored "-Wformat-nonliteral"
        list_push(&out->warnings, mem,
                  arena_printf(mem, form, l->target->url, err_text(l->error)));
#pragma GCC diagnostic pop
    }
}

static const char *causes(const PushJob *j, Arena *mem) {
    StrList parts = {0};
    for (size_t i = 0; i < j->lane_count; i++)
        if (j->lanes[i].error)
            list_push(&parts, mem, arena_printf(mem, "%s: %s", j->lanes[i].target->url,
                                                err_text(j->lanes[i].error)));
    return cstr_join(mem, &parts, "; ");
}

// The primary said no: nothing falls back. If its answer came late, some backups are written.
static Err *refusal(PushJob *j, Arena *mem) {
    StrList written = {0};
    Err *e = target_error(judge(j)->target, judge(j)->error);
    for (size_t i = 0; i < j->lane_count; i++)
        if (j->lanes[i].took)
            list_push(&written, mem, j->lanes[i].target->url);
    if (written.len)
        e = err_wrap(e, "these backups were already written: %s", cstr_join(mem, &written, ", "));
    return e;
}

static Err *verdict(PushResult *out, PushJob *j, Arena *mem) {
    if ((j->primary && is_refusal(j->primary->error)) || err_code(judge(j)->error) == E_EXISTS)
        return refusal(j, mem);
    int least = j->repo->min_copies > 1 ? j->repo->min_copies : 1;
    if (out->copies >= least) {
        warn_failures(out, j, mem);
        return NULL;
    }
    if (j->lane_count == 1)
        return target_error(j->lanes[0].target, j->lanes[0].error);
    if (out->copies == 0)
        return err_new(E_UNREACHABLE, "no target took the push: %s", causes(j, mem));
    return err_new(E_UNREACHABLE, "%d of %zu targets took the push, min_copies wants %d%s%s",
                   out->copies, j->lane_count, least, *causes(j, mem) ? ": " : "", causes(j, mem));
}

// --- the next version of a schema ---------------------------------------------------------------

static Err *seal(PushJob *j, const char *version, Arena *mem) {
    j->artifact.version = version;
    return artifact_seal(&j->artifact, host_now(loop_host(j->loop)), j->params->context, mem);
}

static Err *highest_version(int64_t *out, Target *t, const char *slug, Arena *mem) {
    RefNames names = {0};
    uint64_t n;
    *out = 0;
    TRY(t->driver->list_refs(&names, t, slug, mem));
    for (size_t i = 0; i < names.len; i++)
        if (names.items[i].kind == REF_VERSION &&
            cstr_to_u64(names.items[i].name, INT64_MAX - 1, &n) && (int64_t)n > *out)
            *out = (int64_t)n;
    return NULL;
}

// Claims the next integer on one target by creating its ref; a rerun of the last push finds its own.
static Err *claim_on(PushJob *j, Target *t, Arena *mem) {
    Ref latest = {0}, now;
    RefWritten how = REF_KEPT;
    int64_t n = 0;
    if (t->broken)
        return err_copy(t->broken);
    Err *e = highest_version(&n, t, j->artifact.slug, mem);
    if (err_code(e) == E_NO_STORE) { // staging makes it, or tells
        err_free(e);
        e = NULL;
    }
    TRY(e);
    e = t->driver->read_ref(&latest, t, j->artifact.slug, (RefName){REF_TAG, "latest"}, mem);
    if (e && err_code(e) != E_DAMAGED && err_code(e) != E_NO_STORE)
        return e;
    err_free(e);
    TRY(seal(j, "1", mem));
    if (latest.present && cstr_eq(latest.digest, j->artifact.digest) && *latest.version)
        return seal(j, latest.version, mem);
    for (int tries = 0; how == REF_KEPT && tries < CLAIM_TRIES; tries++) {
        const char *version = arena_printf(mem, "%lld", (long long)++n);
        RefName name = {REF_VERSION, version};
        Ref known = {0};
        TRY(seal(j, version, mem));
        TRY(t->driver->stage(t, &j->artifact, mem));
        Ref fresh = ref_new(&j->artifact, 1, false, name, j->repo->trust, mem);
        TRY(ref_read_for_write(&known, t, j->artifact.slug, name, mem));
        TRY(t->driver->write_ref(&how, &now, t, j->artifact.slug, name, &fresh, &known, mem));
    }
    return how == REF_KEPT ? err_new(E_CONFLICT, "%d versions in a row were taken by others",
                                     CLAIM_TRIES)
                           : NULL;
}

// The primary knows the next integer. While it is down, or keeps its versions to itself, the number
// comes from a backup; with a part of the digest it cannot clash with what the primary gives out.
static Err *choose_version(PushJob *j, Arena *mem) {
    Repo *r = j->repo;
    Target *p = r->primary;
    if (!p || !p->driver->push) {
        Target *home = p ? p : r->backups.items[0];
        Err *e = claim_on(j, home, mem);
        if (!e)
            return NULL;
        err_free(e); // the lanes meet it again and say so
    }
    int64_t n = 0;
    for (size_t i = 0; i < r->backups.len; i++) {
        Target *t = r->backups.items[i];
        AutoErr e = t->broken ? err_copy(t->broken)
                              : highest_version(&n, t, j->artifact.slug, mem);
        if (!e)
            break;
    }
    TRY(seal(j, "1", mem));
    return seal(j, arena_printf(mem, "%lld-%.8s", (long long)n + 1,
                                j->artifact.digest + strlen("sha256:")), mem);
}

static Err *push_once(PushResult *out, Repo *r, const PushParams *p, Arena *mem) {
    PushJob j = {.repo = r, .params = p, .loop = r->loop};
    j.artifact = (Artifact){.slug = r->slug, .kind = p->kind, .body = p->artifact, .sql = p->sql,
                            .driver = p->driver, .plan = p->plan};
    bool numbered = p->kind == ARTIFACT_SCHEMA && cstr_empty(p->version);
    TRY(numbered ? choose_version(&j, mem) : seal(&j, p->version, mem));
    name_refs(&j, p);
    start_lanes(&j, mem);
    for (size_t i = 0; i < j.lane_count; i++)
        task_join(j.lanes[i].task);
    collect(out, &j, mem);
    warn_late(out, &j, mem);
    Err *e = verdict(out, &j, mem);
    for (size_t i = 0; i < j.lane_count; i++)
        err_free(j.lanes[i].error);
    return e;
}

Err *repo_push(PushResult *out, Repo *r, const PushParams *p, Arena *mem) {
    *out = (PushResult){0};
    bool numbered = p->kind == ARTIFACT_SCHEMA && cstr_empty(p->version);
    if (p->tag)
        TRY(tag_check(p->tag));
    if ((p->kind == ARTIFACT_PLAN) != (p->plan != NULL))
        BUG("a plan without its spec, or a spec without a plan");
    TRY(repo_can_sign(r));
    size_t targets = repo_targets(r, mem).len;
    if (r->min_copies > 0 && (size_t)r->min_copies > targets)
        return err_hint(err_new(E_USAGE, "min_copies is %d, and there are %zu targets", r->min_copies,
                                targets),
                        "add backups, or lower min_copies");
    for (int n = 0;; n++) {
        Err *e = push_once(out, r, p, mem);
        // Without conditional writes a number that was claimed may be taken from us in the end.
        if (!numbered || err_code(e) != E_EXISTS || n == CLAIM_TRIES) {
            repo_remember(r, mem);
            return e;
        }
        err_free(e);
    }
}
