// `registry sync`: makes the copies whole. It never deletes, never lowers a ref, and running it again
// goes on where it was stopped. registry-storage.md section 2, "Audit".
#include "target.h"

typedef struct Cell { // one ref on one target
    Ref ref;
    Err *error;          // it could not be read
    const char *damaged; // what is wrong with what stands there, or NULL
} Cell;

typedef struct Sync {
    Repo *repo;
    Targets targets;
    Target *from; // --from: everything is taken from there; or NULL
    RefNames names;
    ArtifactKind kind; // what the slug holds
    Value **reports; // the Refs list of each target
    bool all_ok;
    Arena *mem;
} Sync;

static bool has_name(const RefNames *names, RefName n) {
    for (size_t i = 0; i < names->len; i++)
        if (names->items[i].kind == n.kind && cstr_eq(names->items[i].name, n.name))
            return true;
    return false;
}

static void note(Sync *s, size_t target, RefName name, const char *digest, const char *status,
                 const char *error) {
    Value *v = value_struct(s->mem, "RefReport");
    value_set_str(v, s->mem, "Name", ref_label(s->mem, name), 0);
    value_set_str(v, s->mem, "Digest", cstr_or(digest, ""), 0);
    value_set_str(v, s->mem, "Status", status, 0);
    value_set_str(v, s->mem, "Error", cstr_or(error, ""), M_OMIT_EMPTY);
    value_push(s->reports[target], s->mem, v);
    s->all_ok &= !error;
}

static Err *collect_names(Sync *s) {
    list_push(&s->names, s->mem, (RefName){REF_TAG, "latest"});
    for (size_t i = 0; i <= s->targets.len; i++) {
        Target *t = i < s->targets.len ? s->targets.items[i] : s->from;
        RefNames listed = {0};
        if (!t || t->broken || !t->driver->list_refs)
            continue;
        Err *e = t->driver->list_refs(&listed, t, s->repo->slug, s->mem);
        if (e && err_code(e) != E_NO_STORE) {
            if (t == s->from)
                return e;
            t->broken = e;
            continue;
        }
        err_free(e);
        if (t == s->from && !listed.len)
            return err_new(E_NOT_FOUND, "%s holds nothing of \"%s\"", t->url, s->repo->slug);
        for (size_t k = 0; k < listed.len; k++)
            if (!has_name(&s->names, listed.items[k]))
                list_push(&s->names, s->mem, listed.items[k]);
    }
    return NULL;
}

// An absent ref, an absent store and a damaged ref all want writing.
static void read_cell(Cell *c, Sync *s, Target *t, RefName name) {
    if (t->broken) {
        c->error = err_copy(t->broken);
        return;
    }
    c->error = t->driver->read_ref(&c->ref, t, s->repo->slug, name, s->mem);
    if (err_code(c->error) == E_DAMAGED)
        c->damaged = arena_strdup(s->mem, err_text(c->error));
    if (err_code(c->error) == E_DAMAGED || err_code(c->error) == E_NO_STORE) {
        err_free(c->error);
        c->error = NULL;
    }
}

// --- copying between stores ---------------------------------------------------------------------

static ArtifactKind manifest_kind(const Value *manifest) {
    const char *kind = value_get_text(manifest, "kind");
    for (int k = ARTIFACT_MIGRATIONS; k <= ARTIFACT_PLAN; k++)
        if (cstr_eq(kind, kind_name((ArtifactKind)k)))
            return (ArtifactKind)k;
    return ARTIFACT_MIGRATIONS;
}

// The blob from the source, or from any other copy of the same digest.
static Err *load_blob(Body *out, Sync *s, Target *source, const Ref *ref) {
    const char *slug = s->repo->slug;
    Err *e = source->driver->read_blob(out, source, slug, ref->digest, ref->size, s->mem);
    for (size_t i = 0; e && i < s->targets.len; i++) {
        Target *t = s->targets.items[i];
        if (t == source || t->broken || !t->driver->read_blob)
            continue;
        Err *other = t->driver->read_blob(out, t, slug, ref->digest, ref->size, s->mem);
        if (!other) {
            err_free(e);
            return NULL;
        }
        err_free(other);
    }
    return e;
}

static Err *load_artifact(Artifact *a, Sync *s, Target *source, const Ref *ref) {
    *a = (Artifact){.slug = s->repo->slug,
                    .kind = manifest_kind(ref->manifest),
                    .digest = ref->digest,
                    .version = *ref->version ? ref->version : NULL,
                    .manifest = ref->manifest,
                    .manifest_text = json_text(s->mem, ref->manifest, JSON_CANONICAL),
                    .manifest_digest = ref->manifest_digest};
    return load_blob(&a->body, s, source, ref);
}

static Err *copy_ref(const char **status, Sync *s, Target *source, const Ref *ref, Target *dest,
                     RefName name, const Cell *known) {
    Artifact a;
    Ref fresh = *ref, now = {0};
    RefWritten how;
    fresh.pending_primary = false;
    TRY(load_artifact(&a, s, source, ref));
    TRY(dest->driver->stage(dest, &a, s->mem));
    TRY(dest->driver->write_ref(&how, &now, dest, s->repo->slug, name, &fresh, &known->ref, s->mem));
    *status = how == REF_WROTE ? "copied" : how == REF_SAME ? "ok" : "kept";
    return NULL;
}

// Missing or damaged objects below a ref that is right.
static bool is_whole(Sync *s, Target *t, const Ref *ref) {
    AutoArena tmp = arena_new(NULL);
    Body body;
    AutoErr e = t->driver->read_blob(&body, t, s->repo->slug, ref->digest, ref->size, tmp);
    if (e)
        return false;
    AutoErr m = t->driver->check_manifest(t, s->repo->slug, ref->manifest_digest, tmp);
    return !m;
}

// The approval of a plan goes where the plan went.
static Err *copy_approval(Sync *s, Target *source, Target *dest, const char *plan, const Ref *ref) {
    DocName name = {.kind = DOC_APPROVAL, .name = plan, .digest = ref->manifest_digest};
    const char *slug = s->repo->slug;
    bool there = false, here = false;
    Str text;
    Err *e = plan_approved(&there, source, slug, plan, ref->manifest_digest, s->mem);
    if (e || !there) { // one that does not count is not spread
        err_free(e);
        return NULL;
    }
    e = plan_approved(&here, dest, slug, plan, ref->manifest_digest, s->mem);
    bool damaged = err_code(e) == E_DAMAGED;
    if (damaged)
        err_free(e);
    else
        TRY(e);
    if (here)
        return NULL;
    TRY(source->driver->get_doc(&text, source, slug, name, s->mem));
    return dest->driver->put_doc(dest, slug, name, text, false, s->mem);
}

static void bring(Sync *s, size_t i, Target *source, const Ref *ref, RefName name, Cell *cell) {
    Target *dest = s->targets.items[i];
    const char *status = "ok";
    int order = ref_cmp(&cell->ref, ref);
    Err *e = NULL;
    if (order > 0 && !cell->ref.pending_primary)
        status = "kept";
    else if (order != 0 || cell->ref.pending_primary || !is_whole(s, dest, &cell->ref))
        e = copy_ref(&status, s, source, ref, dest, name, cell);
    if (!e && name.kind == REF_PLAN && dest != source)
        e = copy_approval(s, source, dest, name.name, ref);
    note(s, i, name, ref->digest, e ? "failed" : status, e ? err_text(e) : NULL);
    err_free(e);
}

// Which copy of a ref the others should get: --from's, the primary's, or a greater pending one;
// without a primary the greatest. NULL: nobody has it.
static Target *best_source(const Ref **ref, const Sync *s, const Cell *cells, const Cell *from) {
    if (s->from) {
        *ref = &from->ref;
        return from->ref.present ? s->from : NULL;
    }
    Target *best = NULL;
    for (size_t i = 0; i < s->targets.len; i++) {
        const Cell *c = &cells[i];
        bool eligible = !s->repo->primary || s->targets.items[i]->primary || c->ref.pending_primary;
        if (c->error || !c->ref.present || !eligible)
            continue;
        if (!best || ref_cmp(&c->ref, *ref) > 0) {
            best = s->targets.items[i];
            *ref = &c->ref;
        }
    }
    return best;
}

// Nobody may give it: what the primary does not hold goes there only when it is pending, or is asked for.
// `whole`: some copy has it.
static void note_sourceless(Sync *s, size_t i, RefName name, const Cell *c, bool whole) {
    bool missed = s->targets.items[i]->primary && whole;
    const char *what = c->damaged ? c->damaged : missed ? "only copies have it" : NULL;
    if (c->ref.present)
        note(s, i, name, c->ref.digest, "kept", NULL);
    else if (what)
        note(s, i, name, NULL, "failed",
             arena_printf(s->mem, "%s; %s", what,
                          whole ? "--from URL brings it from a copy that is whole"
                                : "no copy of it is whole: remove it by hand"));
}

static void sync_name(Sync *s, RefName name) {
    Cell *cells = NEW_ARRAY(s->mem, Cell, s->targets.len), from = {0};
    const Ref *ref = NULL;
    for (size_t i = 0; i < s->targets.len; i++)
        read_cell(&cells[i], s, s->targets.items[i], name);
    if (s->from)
        read_cell(&from, s, s->from, name);
    Target *source = best_source(&ref, s, cells, &from);
    bool whole = false;
    for (size_t i = 0; i < s->targets.len; i++)
        whole |= cells[i].ref.present;
    for (size_t i = 0; i < s->targets.len; i++) {
        if (cells[i].error)
            note(s, i, name, NULL, "failed", err_text(cells[i].error));
        else if (source)
            bring(s, i, source, ref, name, &cells[i]);
        else
            note_sourceless(s, i, name, &cells[i], whole);
        err_free(cells[i].error);
    }
    err_free(from.error);
}

// --- a cloud as primary -------------------------------------------------------------------------

static Err *push_pending(Sync *s, Target *cloud, Target *source, const Ref *ref, RefName name) {
    Artifact a;
    PlanSpec plan;
    Str text;
    bool latest = cstr_eq(name.name, "latest");
    CloudPush p = {.tag = latest ? NULL : name.name, .latest = latest,
                   .context = value_get(ref->manifest, "context")};
    TRY(load_artifact(&a, s, source, ref));
    if (name.kind == REF_PLAN) {
        TRY(body_bytes(&text, &a.body, s->mem));
        TRY(plan_file_parse(&plan, text, s->mem));
        p = (CloudPush){.plan = &plan};
    }
    return cloud->driver->push(cloud, &a, &p, s->mem);
}

// The cloud's content as a ref of our own, greater than what the backups have.
static Err *cloud_ref(bool *found, Artifact *a, Ref *out, Sync *s, Target *cloud, RefName name,
                      const Cell *cells) {
    *a = (Artifact){.slug = s->repo->slug, .kind = s->kind};
    Err *e = cloud->driver->fetch(&a->body, cloud, s->repo->slug, a->kind,
                                  cstr_eq(name.name, "latest") ? NULL : name.name, NULL, s->mem);
    *found = !e;
    if (err_code(e) == E_NOT_FOUND) {
        err_free(e);
        return NULL;
    }
    TRY(e);
    int64_t highest = 0;
    for (size_t i = 0; i < s->targets.len; i++)
        if (cells[i].ref.present && cells[i].ref.seq > highest)
            highest = cells[i].ref.seq;
    TRY(artifact_seal(a, host_now(loop_host(s->repo->loop)), NULL, s->mem));
    *out = ref_new(a, highest + 1, false, name, s->repo->trust, s->mem);
    return NULL;
}

// The protocol pushes tags only; versions come with them. A version that the cloud has by now with
// the same bytes is no longer pending.
static void clear_version_marks(Sync *s, RefName name) {
    Target *cloud = s->repo->primary;
    Body body;
    const char *digest = NULL;
    AutoErr e = cloud->driver->fetch(&body, cloud, s->repo->slug, s->kind, NULL, name.name, s->mem);
    AutoErr bad = e ? NULL : body_digest(&digest, &body, s->mem);
    for (size_t i = 1; i < s->targets.len; i++) {
        Target *t = s->targets.items[i];
        Cell c = {0};
        read_cell(&c, s, t, name);
        bool marked = !c.error && c.ref.present && c.ref.pending_primary;
        bool damaged = !c.error && c.ref.present && !is_whole(s, t, &c.ref);
        const char *status = "kept";
        if (damaged || (marked && digest && cstr_eq(digest, c.ref.digest))) {
            Err *failed = copy_ref(&status, s, t, &c.ref, t, name, &c);
            note(s, i, name, c.ref.digest, failed ? "failed" : "copied",
                 failed ? err_text(failed) : NULL);
            err_free(failed);
        } else if (marked) {
            note(s, i, name, c.ref.digest, status, NULL);
        }
        err_free(c.error);
    }
}

// A plan that the cloud missed is pushed to it; its approval stays with whoever approves there.
static void push_pending_plan(Sync *s, RefName name) {
    Target *cloud = s->repo->primary;
    bool pushed = false;
    for (size_t i = 1; i < s->targets.len; i++) {
        Target *t = s->targets.items[i];
        Cell c = {0};
        const char *status = "copied";
        read_cell(&c, s, t, name);
        if (!c.error && c.ref.present && c.ref.pending_primary) {
            Err *e = pushed ? NULL : push_pending(s, cloud, t, &c.ref, name);
            if (!pushed)
                note(s, 0, name, c.ref.digest, e ? "failed" : status, e ? err_text(e) : NULL);
            if (!e)
                e = copy_ref(&status, s, t, &c.ref, t, name, &c);
            note(s, i, name, c.ref.digest, e ? "failed" : status, e ? err_text(e) : NULL);
            pushed |= !e;
            err_free(e);
        }
        err_free(c.error);
    }
}

static void sync_name_cloud(Sync *s, RefName name) {
    Target *cloud = s->repo->primary;
    Cell *cells = NEW_ARRAY(s->mem, Cell, s->targets.len);
    const Cell *pending = NULL;
    Target *holder = NULL;
    if (name.kind == REF_VERSION)
        clear_version_marks(s, name);
    if (name.kind == REF_PLAN)
        push_pending_plan(s, name);
    if (name.kind != REF_TAG)
        return;
    for (size_t i = 1; i < s->targets.len; i++) {
        read_cell(&cells[i], s, s->targets.items[i], name);
        if (cells[i].ref.pending_primary && (!pending || ref_cmp(&cells[i].ref, &pending->ref) > 0)) {
            pending = &cells[i];
            holder = s->targets.items[i];
        }
    }
    bool found = false;
    Artifact a;
    Ref ref = {0};
    Err *e = pending ? push_pending(s, cloud, holder, &pending->ref, name) : NULL;
    if (!e)
        e = cloud_ref(&found, &a, &ref, s, cloud, name, cells);
    if (e || found)
        note(s, 0, name, ref.digest, e ? "failed" : pending ? "copied" : "ok",
             e ? err_text(e) : NULL);
    for (size_t i = 1; i < s->targets.len; i++) {
        Target *t = s->targets.items[i];
        const Cell *c = &cells[i];
        Err *failed = e ? err_copy(e) : c->error ? err_copy(c->error) : NULL;
        bool same = c->ref.present && cstr_eq(c->ref.digest, cstr_or(ref.digest, "")) &&
                    !c->ref.pending_primary;
        RefWritten how = REF_WROTE;
        Ref now;
        if (!failed && found && (!same || !is_whole(s, t, &c->ref))) {
            failed = t->driver->stage(t, &a, s->mem);
            if (!failed)
                failed = t->driver->write_ref(&how, &now, t, s->repo->slug, name, &ref, &c->ref,
                                              s->mem);
        }
        if (failed || found)
            note(s, i, name, ref.digest, failed ? "failed" : same ? "ok" : "copied",
                 failed ? err_text(failed) : NULL);
        err_free(failed);
        err_free(c->error);
    }
    err_free(e);
}

// The index that lists read: made anew from what the slug holds.
static void mend_document(Sync *s, Target *t) {
    RefNames names = {0};
    if (t->broken || !t->driver->list_refs)
        return;
    AutoErr e = t->driver->list_refs(&names, t, s->repo->slug, s->mem);
    Artifact a = {.slug = s->repo->slug, .kind = s->kind};
    AutoErr failed = e || !names.len ? NULL : repo_doc_ensure(t, &a, s->mem);
    if (failed) {
        log_warn("%s: %s", t->url, err_text(failed));
        s->all_ok = false;
    }
}

Err *repo_sync(Value **report, bool *all_ok, Repo *r, const char *from, const Progress *progress,
               Arena *mem) {
    Sync s = {.repo = r, .targets = repo_targets(r, mem), .all_ok = true, .mem = mem};
    bool cloud = r->primary && r->primary->driver->push;
    if (!cstr_empty(from)) {
        if (cloud)
            return err_hint(err_new(E_USAGE, "--from copies into a store, and the primary is %s",
                                    r->primary->url),
                            "push the directory again instead");
        s.from = target_open(from, r->loop, mem);
        s.from->trust = r->trust;
        if (s.from->broken)
            return err_copy(s.from->broken);
    }
    s.reports = NEW_ARRAY(mem, Value *, s.targets.len);
    for (size_t i = 0; i < s.targets.len; i++)
        s.reports[i] = value_list(mem);
    if (cloud)
        TRY(repo_can_sign(r));
    TRY(collect_names(&s));
    s.kind = repo_kind(r, mem);
    if (s.names.len == 1)
        TRY(repo_must_exist(r, mem));
    for (size_t i = 0; i < s.names.len; i++) {
        cloud ? sync_name_cloud(&s, s.names.items[i]) : sync_name(&s, s.names.items[i]);
        progress_step(progress, i + 1, s.names.len, ref_label(mem, s.names.items[i]));
    }
    for (size_t i = 0; i < s.targets.len; i++)
        mend_document(&s, s.targets.items[i]);
    Value *v = *report = value_struct(mem, "SyncReport"), *targets = value_list(mem);
    value_set_str(v, mem, "Slug", r->slug, 0);
    for (size_t i = 0; i < s.targets.len; i++) {
        Value *t = value_struct(mem, "TargetReport");
        value_set_str(t, mem, "URL", s.targets.items[i]->url, 0);
        value_set(t, mem, "Refs", s.reports[i], 0);
        value_push(targets, mem, t);
    }
    value_set(v, mem, "Targets", targets, 0);
    *all_ok = s.all_ok;
    return NULL;
}
