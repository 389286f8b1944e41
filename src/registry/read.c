// The read of one artifact: the primary, then the backups on eligible errors; verified always.
// registry-storage.md section 2.
#include "target.h"

enum { BACKUP_GRACE_MS = 2000 };

typedef struct ReadJob ReadJob;

typedef struct Source { // one target's word on a movable name
    ReadJob *job;
    Target *target;
    Task *task;
    Arena *mem;
    Ref ref;     // of a store
    Body body;   // of a cloud
    bool have_body;
    bool done;
    bool usable; // answered properly (an absent ref is a proper answer)
    bool tried;  // its blob was asked for and was missing or damaged
    Err *error;
} Source;

struct ReadJob {
    Repo *repo;
    const ReadParams *params;
    RefName name;
    const char *version; // asked of a cloud
    Source *sources;     // the primary first, if any
    size_t count;
    Source *primary;
    Loop *loop;
    Arena *mem;
    ReadResult *out;
};

static void warn(ReadJob *j, const char *fmt, ...) PRINTF(2, 3);
static void warn(ReadJob *j, const char *fmt, ...) {
    va_list ap;
    va_start(ap, fmt);
    char *text = arena_vprintf(j->mem, fmt, ap);
    va_end(ap);
    list_push(&j->out->warnings, j->mem, text);
}

// --- asking -------------------------------------------------------------------------------------

static void run_source(void *arg) {
    Source *s = arg;
    ReadJob *j = s->job;
    Target *t = s->target;
    if (t->broken) {
        s->error = err_copy(t->broken);
    } else if (t->driver->fetch) {
        const char *tag = j->version || cstr_eq(j->name.name, "latest") ? NULL : j->name.name;
        s->error = t->driver->fetch(&s->body, t, j->repo->slug, j->params->kind, tag, j->version,
                                    s->mem);
        s->have_body = !s->error;
    } else {
        s->error = t->driver->read_ref(&s->ref, t, j->repo->slug, j->name, s->mem);
        const char *kind = s->ref.present ? value_get_text(s->ref.manifest, "kind") : "";
        if (!s->error && *kind && !cstr_eq(kind, kind_name(j->params->kind)))
            s->error = err_new(E_INVALID, "\"%s\" holds a %s artifact, not %s", j->repo->slug, kind,
                               kind_name(j->params->kind));
        if (!s->error && !s->ref.present && t->primary)
            s->error = err_new(E_NOT_FOUND, "%s of \"%s\" not found", ref_label(s->mem, j->name),
                               j->repo->slug);
    }
    s->usable = !s->error;
    s->done = true;
}

static bool is_done(const void *arg) { return ((const Source *)arg)->done; }

static bool all_done(const void *arg) {
    const ReadJob *j = arg;
    for (size_t i = 0; i < j->count; i++)
        if (!j->sources[i].done)
            return false;
    return true;
}

// All targets at once; the backups get two seconds more than the primary when it has served, and
// their whole budget when it has not.
static void ask_all(ReadJob *j) {
    if (j->count == 1) { // nobody to wait for
        run_source(&j->sources[0]);
        return;
    }
    for (size_t i = 0; i < j->count; i++)
        j->sources[i].task = task_start(j->loop, run_source, &j->sources[i], j->sources[i].mem);
    if (j->primary) {
        loop_wait(j->loop, is_done, j->primary, -1);
        int64_t grace = host_monotonic_ms(loop_host(j->loop)) + BACKUP_GRACE_MS;
        loop_wait(j->loop, all_done, j, grace);
        if (j->primary->usable)
            return;
        bool any = false;
        for (size_t i = 0; i < j->count; i++)
            any |= j->sources[i].done && j->sources[i].ref.present;
        if (any)
            return;
    }
    loop_wait(j->loop, all_done, j, -1);
}

// --- choosing -----------------------------------------------------------------------------------

// The greatest ref among sources that can serve; configured order breaks ties. NULL: none.
static Source *greatest(ReadJob *j, bool pending_only) {
    Source *best = NULL;
    for (size_t i = 0; i < j->count; i++) {
        Source *s = &j->sources[i];
        if (!s->done || !s->usable || s->tried || !s->ref.present ||
            (pending_only && !s->ref.pending_primary))
            continue;
        if (!best || ref_cmp(&s->ref, &best->ref) > 0)
            best = s;
    }
    return best;
}

static Err *fetch_blob(Source *s, const Ref *ref) {
    ReadJob *j = s->job;
    const ReadParams *p = j->params;
    if (p->have && p->have(p->have_ctx, ref->digest))
        return NULL;
    Err *e = s->target->driver->read_blob(&s->body, s->target, j->repo->slug, ref->digest, ref->size,
                                          s->mem);
    return e && err_code(e) == E_NOT_FOUND
               ? err_set_code(err_wrap(e, "the ref names a blob that is missing"), E_DAMAGED)
               : e;
}

static void serve(ReadJob *j, Source *s, const char *digest) {
    j->out->artifact = s->body;
    j->out->version = cstr_or(s->ref.version, "");
    j->out->manifest_digest = s->ref.manifest_digest;
    j->out->digest = digest;
    j->out->served_by = s->target->url;
    j->out->from_backup = !s->target->primary && j->primary;
    j->repo->last_served = s->target;
}

static const char *cause_of(const Source *s) {
    return s->error ? err_text(s->error) : "it does not have it";
}

static Err *exhausted(ReadJob *j) {
    StrList parts = {0};
    for (size_t i = 0; i < j->count; i++)
        list_push(&parts, j->mem, arena_printf(j->mem, "%s: %s", j->sources[i].target->url,
                                               cause_of(&j->sources[i])));
    bool all_absent = true, denied = false;
    for (size_t i = 0; i < j->count; i++) {
        const Source *s = &j->sources[i];
        all_absent &= !s->error || err_code(s->error) == E_NOT_FOUND;
        denied |= err_code(s->error) == E_UNAUTHORIZED;
    }
    ErrCode code = all_absent ? E_NOT_FOUND : denied ? E_UNAUTHORIZED : E_UNREACHABLE;
    return err_new(code, "cannot read %s of \"%s\" from any target: %s",
                   ref_label(j->mem, j->name), j->repo->slug, cstr_join(j->mem, &parts, "; "));
}

// Tells who is behind the ref that serves.
static void warn_stale(ReadJob *j, const Source *serving) {
    StrList behind = {0};
    for (size_t i = 0; i < j->count; i++) {
        const Source *s = &j->sources[i];
        if (s != serving && s->done && s->usable && !s->target->primary &&
            ref_cmp(&s->ref, &serving->ref) < 0)
            list_push(&behind, j->mem, s->target->url);
    }
    if (behind.len)
        warn(j, "behind this copy: %s; run registry sync", cstr_join(j->mem, &behind, ", "));
}

static void warn_fallback(ReadJob *j, const Source *s) {
    warn(j, "the registry %s failed (%s); %s serves %s, %s", j->primary->target->url,
         cause_of(j->primary), s->target->url, s->ref.digest,
         age_text(j->mem, loop_host(j->loop), s->ref.pushed_at));
}

// The primary cannot serve: the greatest ref of the backups does, skipping damaged copies.
static Err *read_from_backups(ReadJob *j) {
    for (Source *s; (s = greatest(j, false));) {
        Err *e = fetch_blob(s, &s->ref);
        if (!e) {
            if (j->primary)
                warn_fallback(j, s);
            warn_stale(j, s);
            serve(j, s, s->ref.digest);
            return NULL;
        }
        warn(j, "%s: skipped: %s", s->target->url, err_text(e));
        s->tried = true;
        err_free(s->error);
        s->error = e;
    }
    return exhausted(j);
}

// The primary's ref stands, its blob does not: the very same digest from a backup.
static Err *same_digest_from_backups(ReadJob *j, Err *cause) {
    const Ref *ref = &j->primary->ref;
    warn(j, "%s: %s; asking the backups for the same digest", j->primary->target->url,
         err_text(cause));
    for (size_t i = 0; i < j->count; i++) {
        Source *s = &j->sources[i];
        if (s == j->primary || !s->target->driver->read_blob || s->target->broken)
            continue;
        Err *e = fetch_blob(s, ref);
        if (!e) {
            warn(j, "%s serves %s", s->target->url, ref->digest);
            serve(j, s, ref->digest);
            err_free(cause);
            return NULL;
        }
        warn(j, "%s: skipped: %s", s->target->url, err_text(e));
        err_free(e);
    }
    return err_wrap(cause, "%s (no backup has the same digest)", j->primary->target->url);
}

// The primary is up. A backup may hold a newer push that the primary missed.
static void warn_pending(ReadJob *j, const char *primary_digest) {
    const Source *s = greatest(j, true);
    if (!s || s->target->primary || cstr_eq(s->ref.digest, primary_digest))
        return;
    bool newer = j->primary->have_body || ref_cmp(&s->ref, &j->primary->ref) > 0;
    if (newer)
        warn(j, "backup %s holds a push that the registry missed (%s, %s); run registry sync",
             s->target->url, s->ref.digest,
             age_text(j->mem, loop_host(j->loop), s->ref.pushed_at));
}

static Err *read_from_primary(ReadJob *j) {
    Source *p = j->primary;
    if (p->have_body) {
        const char *digest = NULL;
        TRY(body_digest(&digest, &p->body, j->mem));
        warn_pending(j, digest);
        serve(j, p, digest);
        return NULL;
    }
    Err *e = fetch_blob(p, &p->ref);
    if (!e) {
        warn_pending(j, p->ref.digest);
        serve(j, p, p->ref.digest);
        return NULL;
    }
    return error_is_eligible(e) ? same_digest_from_backups(j, e) : e;
}

// A copy whose ref is damaged, or not signed as pinned, is named whoever serves.
static void warn_damaged(ReadJob *j) {
    for (size_t i = 0; i < j->count; i++) {
        const Source *s = &j->sources[i];
        if (s->done && !s->target->primary && err_code(s->error) == E_DAMAGED)
            warn(j, "%s: skipped: %s", s->target->url, err_text(s->error));
    }
}

static Err *choose(ReadJob *j) {
    Source *p = j->primary;
    warn_damaged(j);
    if (!p)
        return read_from_backups(j);
    if (p->usable)
        return read_from_primary(j);
    if (err_code(p->error) == E_NOT_FOUND) {
        Source *pending = greatest(j, true); // pushed while the primary was down
        if (!pending)
            return err_copy(p->error);
        return read_from_backups(j);
    }
    if (!error_is_eligible(p->error))
        return target_error(p->target, p->error);
    target_mark_dead(p->target, p->error);
    return read_from_backups(j);
}

// --- entry --------------------------------------------------------------------------------------

static Err *ask_and_choose(ReadJob *j) {
    Targets all = repo_targets(j->repo, j->mem);
    j->sources = NEW_ARRAY(j->mem, Source, all.len);
    j->count = all.len;
    for (size_t i = 0; i < all.len; i++) {
        j->sources[i] = (Source){.job = j, .target = all.items[i], .mem = arena_new(j->mem),
                                 .body = {.fd = -1}};
        if (all.items[i]->primary)
            j->primary = &j->sources[i];
    }
    ask_all(j);
    Err *e = choose(j);
    for (size_t i = 0; i < j->count; i++) { // slow backups may still be at it
        if (j->sources[i].task) {
            task_cancel(j->sources[i].task);
            task_join(j->sources[i].task);
        }
        err_free(j->sources[i].error);
    }
    return e;
}

static Err *read_name(ReadResult *out, Repo *r, const ReadParams *p, RefName name,
                      const char *version, Arena *mem) {
    ReadJob j = {.repo = r, .params = p, .name = name, .version = version, .loop = r->loop,
                 .mem = mem, .out = out};
    return ask_and_choose(&j);
}

// A digest never moves: the first target that has it serves.
static Err *read_digest(ReadResult *out, Repo *r, const ReadParams *p, Arena *mem) {
    Targets all = repo_targets(r, mem);
    StrList why = {0};
    for (size_t i = 0; i < all.len; i++) {
        Target *t = all.items[i];
        Err *e = t->broken ? err_copy(t->broken)
                 : !t->driver->read_blob
                     ? err_new(E_UNSUPPORTED, "the registry's protocol cannot read by digest")
                     : t->driver->read_blob(&out->artifact, t, r->slug, p->digest, -1, mem);
        if (!e) {
            out->digest = p->digest;
            out->served_by = t->url;
            out->from_backup = !t->primary && r->primary;
            r->last_served = t;
            return NULL;
        }
        list_push(&why, mem, arena_printf(mem, "%s: %s", t->url, err_text(e)));
        err_free(e);
    }
    return err_new(E_NOT_FOUND, "cannot read %s of \"%s\" from any target: %s", p->digest, r->slug,
                   cstr_join(mem, &why, "; "));
}

static Err *read_any(ReadResult *out, Repo *r, const ReadParams *p, Arena *mem) {
    *out = (ReadResult){.artifact = {.fd = -1}};
    if (p->digest)
        return read_digest(out, r, p, mem);
    if (p->plan)
        return read_name(out, r, p, (RefName){REF_PLAN, p->plan}, NULL, mem);
    if (!p->version) {
        if (p->tag)
            TRY(tag_check(p->tag));
        return read_name(out, r, p, (RefName){REF_TAG, cstr_or(p->tag, "latest")}, NULL, mem);
    }
    // That version's ref, else `latest`, cut after it.
    Err *e = read_name(out, r, p, (RefName){REF_VERSION, p->version}, p->version, mem);
    if (err_code(e) != E_NOT_FOUND)
        return e;
    *out = (ReadResult){.artifact = {.fd = -1}, .cut_version = p->version};
    Err *other = read_name(out, r, p, (RefName){REF_TAG, "latest"}, NULL, mem);
    if (other) {
        err_free(e);
        return other;
    }
    err_free(e);
    return NULL;
}

Err *repo_read(ReadResult *out, Repo *r, const ReadParams *p, Arena *mem) {
    Err *e = read_any(out, r, p, mem);
    repo_remember(r, mem);
    return e;
}

Err *repo_report(ReportResult *out, Repo *r, const Value *input, bool set, const char *target_id,
                 Arena *mem) {
    *out = (ReportResult){0};
    Target *t = r->last_served ? r->last_served : r->primary;
    if (!t || t->broken)
        return NULL;
    if (t->driver->report)
        return t->driver->report(out, t, input, set, mem);
    DocName name = {.kind = DOC_DEPLOYMENT, .name = target_id};
    Err *e = t->driver->put_doc(t, r->slug, name, str_from(json_text(mem, input, JSON_GO)), false,
                                mem);
    if (err_code(e) == E_DENIED || err_code(e) == E_UNAUTHORIZED) {
        log_debug("%s: the deployment was not recorded: %s", t->url, err_text(e));
        err_free(e);
        return NULL;
    }
    return e;
}
