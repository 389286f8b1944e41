// `registry verify`: every ref and object of every target, checked. registry-storage.md section 2.
#include "target.h"

typedef struct Finding { // one ref on one target
    Ref ref;
    bool approved;      // of a plan
    const char *status; // NULL: not judged yet
    const char *error;
} Finding;

typedef struct Audit Audit;

typedef struct Column { // one target
    Audit *audit;
    Target *target;
    Task *task;
    Arena *mem;
    RefNames listed;
    Finding *findings; // one a name
    Map checked;       // digest -> "" or the cause of damage
    Err *unreachable;
} Column;

struct Audit {
    Repo *repo;
    Column *columns;
    size_t count;
    RefNames names; // the union of all targets'
    ArtifactKind kind;
    const Progress *progress; // NULL: nobody looks
    size_t done;
    Arena *mem;
};

static bool same_name(RefName a, RefName b) { return a.kind == b.kind && cstr_eq(a.name, b.name); }

static void add_name(RefNames *names, RefName n, Arena *mem) {
    for (size_t i = 0; i < names->len; i++)
        if (same_name(names->items[i], n))
            return;
    list_push(names, mem, n);
}

static void run_list(void *arg) {
    Column *c = arg;
    Target *t = c->target;
    if (t->broken)
        c->unreachable = err_copy(t->broken);
    else if (t->driver->list_refs)
        c->unreachable = t->driver->list_refs(&c->listed, t, c->audit->repo->slug, c->mem);
    if (err_code(c->unreachable) == E_NO_STORE) { // an empty copy: everything is missing
        err_free(c->unreachable);
        c->unreachable = NULL;
    }
}

// The cause of damage of a blob or manifest, or NULL; each digest is read once a target.
static const char *object_damage(Column *c, const Ref *ref, bool blob) {
    const char *digest = blob ? ref->digest : ref->manifest_digest, *slug = c->audit->repo->slug;
    const char *key = arena_printf(c->mem, "%c%s", blob ? 'b' : 'm', digest);
    const char *known = map_get(&c->checked, key);
    if (known)
        return *known ? known : NULL;
    AutoArena tmp = arena_new(NULL);
    Body body;
    AutoErr e = blob ? c->target->driver->read_blob(&body, c->target, slug, digest, ref->size, tmp)
                     : c->target->driver->check_manifest(c->target, slug, digest, tmp);
    char *why = arena_strdup(c->mem, e ? err_text(e) : "");
    map_set(&c->checked, key, why);
    return e ? why : NULL;
}

// What is wrong with a plan's approval, or NULL; an absent one is right.
static const char *approval_damage(Column *c, Finding *f, const char *plan) {
    AutoErr e = plan_approved(&f->approved, c->target, c->audit->repo->slug, plan,
                              f->ref.manifest_digest, c->mem);
    return e ? arena_strdup(c->mem, err_text(e)) : NULL;
}

static void read_cloud(Column *c, Finding *f, RefName n) {
    Body body;
    if (n.kind != REF_TAG) {
        f->status = "ok"; // a cloud tells tags only
        return;
    }
    AutoErr e = c->target->driver->fetch(&body, c->target, c->audit->repo->slug, c->audit->kind,
                                         cstr_eq(n.name, "latest") ? NULL : n.name, NULL, c->mem);
    if (err_code(e) == E_NOT_FOUND)
        return;
    if (e) {
        f->status = "unreachable";
        f->error = arena_strdup(c->mem, err_text(e));
        return;
    }
    f->ref.present = true;
    err_free(body_digest(&f->ref.digest, &body, c->mem));
}

static void read_stored(Column *c, Finding *f, RefName n) {
    AutoErr e = c->target->driver->read_ref(&f->ref, c->target, c->audit->repo->slug, n, c->mem);
    if (err_code(e) == E_NO_STORE)
        return;
    if (e) {
        bool damaged = err_code(e) == E_DAMAGED || err_code(e) == E_UNSUPPORTED;
        f->status = damaged ? "damaged" : "unreachable";
        f->error = arena_strdup(c->mem, err_text(e));
        return;
    }
    if (!f->ref.present)
        return;
    f->error = object_damage(c, &f->ref, true);
    if (!f->error)
        f->error = object_damage(c, &f->ref, false);
    if (!f->error && n.kind == REF_PLAN)
        f->error = approval_damage(c, f, n.name);
    if (f->error)
        f->status = "damaged";
}

static void run_check(void *arg) {
    Column *c = arg;
    for (size_t i = 0; i < c->audit->names.len; i++) {
        Finding *f = &c->findings[i];
        if (c->unreachable) {
            f->status = "unreachable";
            f->error = err_text(c->unreachable);
        } else if (c->target->driver->fetch) {
            read_cloud(c, f, c->audit->names.items[i]);
        } else {
            read_stored(c, f, c->audit->names.items[i]);
        }
        c->audit->done++;
        progress_step(c->audit->progress, c->audit->done, c->audit->count * c->audit->names.len,
                      c->target->url);
    }
}

// The ref that all targets should have: the primary's, unless a pending one is greater.
static const Finding *wanted(const Audit *a, size_t name) {
    const Finding *best = NULL;
    for (size_t i = 0; i < a->count; i++) {
        const Finding *f = &a->columns[i].findings[name];
        bool cloud = a->columns[i].target->driver->fetch != NULL;
        if (!f->ref.present || (f->status && cstr_eq(f->status, "damaged") && !f->ref.seq))
            continue;
        if (cloud)
            return f;
        if (!best || ref_cmp(&f->ref, &best->ref) > 0)
            best = f;
    }
    return best;
}

static void judge(Audit *a, size_t name) {
    const Finding *want = wanted(a, name);
    for (size_t i = 0; i < a->count; i++) {
        Finding *f = &a->columns[i].findings[name];
        if (f->status)
            continue;
        if (!f->ref.present)
            f->status = want ? "missing" : "ok";
        else if (f->ref.pending_primary)
            f->status = "pending";
        else if (want && !cstr_eq(f->ref.digest, want->ref.digest))
            f->status = "stale";
        else if (want && want->approved && !f->approved && f->ref.manifest) {
            f->status = "stale";
            f->error = "its approval is missing";
        } else
            f->status = "ok";
    }
}

static void run_columns(Audit *a, void (*fn)(void *)) {
    for (size_t i = 0; i < a->count; i++)
        a->columns[i].task = task_start(a->repo->loop, fn, &a->columns[i], a->mem);
    for (size_t i = 0; i < a->count; i++)
        task_join(a->columns[i].task);
}

static Value *column_report(const Audit *a, const Column *c, bool *all_ok, Arena *mem) {
    Value *v = value_struct(mem, "TargetReport"), *refs = value_list(mem);
    value_set_str(v, mem, "URL", c->target->url, 0);
    for (size_t i = 0; i < a->names.len; i++) {
        const Finding *f = &c->findings[i];
        if (c->target->driver->fetch && a->names.items[i].kind != REF_TAG)
            continue; // a cloud tells tags only
        Value *r = value_struct(mem, "RefReport");
        value_set_str(r, mem, "Name", ref_label(mem, a->names.items[i]), 0);
        value_set_str(r, mem, "Digest", cstr_or(f->ref.digest, ""), 0);
        value_set_str(r, mem, "Status", f->status, 0);
        value_set_str(r, mem, "Error", cstr_or(f->error, ""), M_OMIT_EMPTY);
        value_push(refs, mem, r);
        *all_ok &= cstr_eq(f->status, "ok");
    }
    value_set(v, mem, "Refs", refs, 0);
    value_set_str(v, mem, "Error", c->unreachable ? err_text(c->unreachable) : "", M_OMIT_EMPTY);
    *all_ok &= !c->unreachable;
    return v;
}

Err *repo_verify(Value **report, bool *all_ok, Repo *r, const Progress *progress, Arena *mem) {
    Targets all = repo_targets(r, mem);
    Audit a = {.repo = r, .progress = progress, .count = all.len, .mem = mem, .columns = NEW_ARRAY(mem, Column, all.len)};
    for (size_t i = 0; i < all.len; i++) {
        a.columns[i] = (Column){.audit = &a, .target = all.items[i], .mem = arena_new(mem)};
        map_init(&a.columns[i].checked, a.columns[i].mem);
    }
    run_columns(&a, run_list);
    a.kind = repo_kind(r, mem);
    bool empty = true;
    for (size_t i = 0; i < a.count; i++)
        empty &= a.columns[i].listed.len == 0;
    if (empty)
        TRY(repo_must_exist(r, mem));
    add_name(&a.names, (RefName){REF_TAG, "latest"}, mem);
    for (size_t i = 0; i < a.count; i++)
        for (size_t k = 0; k < a.columns[i].listed.len; k++)
            add_name(&a.names, a.columns[i].listed.items[k], mem);
    for (size_t i = 0; i < a.count; i++)
        a.columns[i].findings = NEW_ARRAY(mem, Finding, a.names.len);
    run_columns(&a, run_check);
    for (size_t i = 0; i < a.names.len; i++)
        judge(&a, i);
    Value *v = *report = value_struct(mem, "VerifyReport"), *targets = value_list(mem);
    *all_ok = true;
    value_set_str(v, mem, "Slug", r->slug, 0);
    for (size_t i = 0; i < a.count; i++)
        value_push(targets, mem, column_report(&a, &a.columns[i], all_ok, mem));
    value_set(v, mem, "Targets", targets, 0);
    for (size_t i = 0; i < a.count; i++)
        err_free(a.columns[i].unreachable);
    return NULL;
}
