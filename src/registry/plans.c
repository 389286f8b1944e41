// Plans and their approvals. A plan is APPROVED where an approval of the very bytes of its manifest
// stands on the target that serves it: registry-storage.md section 3.
#include <stdlib.h>

#include "target.h"

static const char pending[] = "PENDING", approved[] = "APPROVED";

static const char *status_text(bool yes) { return yes ? approved : pending; }

// --- approvals ----------------------------------------------------------------------------------

Err *plan_approved(bool *out, Target *t, const char *slug, const char *plan,
                   const char *manifest_digest, Arena *mem) {
    DocName name = {.kind = DOC_APPROVAL, .name = plan, .digest = manifest_digest};
    Str text;
    Value *doc = NULL;
    *out = false;
    Err *e = t->driver->get_doc(&text, t, slug, name, mem);
    if (err_code(e) == E_NOT_FOUND || err_code(e) == E_NO_STORE) {
        err_free(e);
        return NULL;
    }
    TRY(e);
    const char *label = arena_printf(mem, "the approval of plan %s", plan);
    AutoErr bad = json_parse(&doc, text, NULL, mem);
    if (bad || doc->kind != V_MAP || !cstr_eq(value_get_text(doc, "manifest"), manifest_digest))
        return err_new(E_DAMAGED, "%s is damaged", label);
    if (t->trust)
        TRY(trust_check(&t->trust->approvals, approval_key(mem, slug, plan, manifest_digest), doc,
                        label, mem));
    *out = true;
    return NULL;
}

Err *plan_approve_on(Target *t, const char *slug, const char *plan, const char *manifest_digest,
                     const Value *context, Arena *mem) {
    DocName name = {.kind = DOC_APPROVAL, .name = plan, .digest = manifest_digest};
    const char *key = approval_key(mem, slug, plan, manifest_digest);
    Value *doc = value_map(mem);
    value_set_int(doc, mem, "layout", LAYOUT, 0);
    value_set_str(doc, mem, "plan", plan, 0);
    value_set_str(doc, mem, "manifest", manifest_digest, 0);
    value_set_str(doc, mem, "approved_at", time_rfc3339ms(mem, host_now(loop_host(t->loop))), 0);
    value_set(doc, mem, "context", context ? value_copy(mem, context) : value_map(mem), 0);
    Value *sigs = trust_sign(t->trust, key, doc, mem);
    if (sigs)
        value_set(doc, mem, "sigs", sigs, 0);
    Str text = str_from(json_text(mem, doc, JSON_CANONICAL));
    Err *e = t->driver->put_doc(t, slug, name, text, true, mem);
    if (err_code(e) != E_CONFLICT)
        return e;
    err_free(e);
    bool good = false; // approved before; an approval that does not count is replaced
    e = plan_approved(&good, t, slug, plan, manifest_digest, mem);
    if (err_code(e) != E_DAMAGED)
        return e;
    err_free(e);
    return t->driver->put_doc(t, slug, name, text, false, mem);
}

// An approval that cannot be read or trusted leaves the plan pending; somebody should know.
static Err *read_status(const char **out, StrList *warnings, Target *t, const char *slug,
                        const char *plan, const char *manifest_digest, Arena *mem) {
    bool yes = false;
    Err *e = plan_approved(&yes, t, slug, plan, manifest_digest, mem);
    *out = status_text(yes);
    if (err_code(e) != E_DAMAGED)
        return e;
    if (warnings)
        list_push(warnings, mem, arena_printf(mem, "%s: %s; it does not count", t->url,
                                              err_text(e)));
    err_free(e);
    return NULL;
}

// --- reading ------------------------------------------------------------------------------------

static Err *make_plan(Plan *out, const char *slug, const Body *body, const char *digest, Arena *mem) {
    Str text;
    PlanSpec spec;
    TRY(body_bytes(&text, body, mem));
    TRY(plan_file_parse(&spec, text, mem));
    AtlasUrl url = {.slug = slug, .plan = spec.name};
    *out = (Plan){.name = spec.name, .slug = slug, .from = spec.from, .to = spec.to,
                  .migration = spec.migration, .status = pending, .digest = digest,
                  .url = atlas_url_text(mem, &url), .link = ""};
    return NULL;
}

static Err *read_stored(Plan *out, StrList *warnings, Repo *r, const char *name, Arena *mem) {
    ReadResult read;
    ReadParams p = {.kind = ARTIFACT_PLAN, .plan = name};
    TRY(repo_read(&read, r, &p, mem));
    for (size_t i = 0; i < read.warnings.len; i++)
        list_push(warnings, mem, read.warnings.items[i]);
    TRY(make_plan(out, r->slug, &read.artifact, read.digest, mem));
    return read_status(&out->status, warnings, r->last_served, r->slug, name, read.manifest_digest,
                       mem);
}

Err *repo_plan_read(Plan *out, StrList *warnings, Repo *r, const char *name, Arena *mem) {
    Target *p = r->primary;
    if (!p || !p->driver->plan)
        return read_stored(out, warnings, r, name, mem);
    Err *e = p->broken ? err_copy(p->broken) : p->driver->plan(out, p, r->slug, name, mem);
    if (!e || (err_code(e) != E_NOT_FOUND && !error_is_eligible(e)) || !r->backups.len)
        return e;
    // The stores are asked as after any failed primary.
    Err *before = p->broken;
    p->broken = e;
    Err *stored = read_stored(out, warnings, r, name, mem);
    p->broken = before;
    err_free(e);
    return stored;
}

typedef struct PlanQuery {
    PlanList found;
    StrList *warnings;
    const char *from, *to;
} PlanQuery;

static bool matches(const char *wanted, const Value *plan, const char *member) {
    return cstr_empty(wanted) || cstr_eq(wanted, value_get_text(plan, member));
}

static Err *list_stored(PlanQuery *q, Target *t, const char *slug, Arena *mem) {
    RefNames names = {0};
    TRY(t->driver->list_refs(&names, t, slug, mem));
    for (size_t i = 0; i < names.len; i++) {
        Ref ref;
        Body body;
        Plan plan;
        if (names.items[i].kind != REF_PLAN)
            continue;
        TRY(t->driver->read_ref(&ref, t, slug, names.items[i], mem));
        const Value *about = ref.present ? value_get(ref.manifest, "plan") : NULL;
        if (!about || !matches(q->from, about, "from") || !matches(q->to, about, "to"))
            continue;
        TRY(t->driver->read_blob(&body, t, slug, ref.digest, ref.size, mem));
        TRY(make_plan(&plan, slug, &body, ref.digest, mem));
        TRY(read_status(&plan.status, q->warnings, t, slug, plan.name, ref.manifest_digest, mem));
        list_push(&q->found, mem, plan);
    }
    return NULL;
}

static Err *ask_plans(void *out, Target *t, const char *slug, Arena *mem) {
    PlanQuery *q = out;
    q->found = (PlanList){0};
    if (t->driver->plans)
        return t->driver->plans(&q->found, t, slug, q->from, q->to, mem);
    return list_stored(q, t, slug, mem);
}

static int by_name(const void *a, const void *b) {
    return strcmp(((const Plan *)a)->name, ((const Plan *)b)->name);
}

Err *repo_plan_list(PlanList *out, StrList *warnings, Repo *r, const char *from, const char *to,
                    Arena *mem) {
    PlanQuery q = {.warnings = warnings, .from = from, .to = to};
    Err *e = repo_ask(&q, warnings, r, ask_plans, mem);
    *out = q.found;
    if (out->len)
        qsort(out->items, out->len, sizeof out->items[0], by_name);
    return e;
}

// --- approving ----------------------------------------------------------------------------------

// `digest`: what was approved on the primary already; NULL: whatever stands here.
static Err *approve_stored(Plan *out, const char *digest, Target *t, const char *slug,
                           const char *name, const Value *context, Arena *mem) {
    Ref ref;
    Body body;
    TRY(t->driver->read_ref(&ref, t, slug, (RefName){REF_PLAN, name}, mem));
    if (!ref.present)
        return err_new(E_NOT_FOUND, "plan \"%s\" of \"%s\" not found", name, slug);
    if (digest && !cstr_eq(digest, ref.digest))
        return err_new(E_DAMAGED, "plan \"%s\" has other content there", name);
    TRY(t->driver->read_blob(&body, t, slug, ref.digest, ref.size, mem));
    TRY(make_plan(out, slug, &body, ref.digest, mem));
    TRY(plan_approve_on(t, slug, name, ref.manifest_digest, context, mem));
    out->status = approved;
    return NULL;
}

Err *repo_plan_approve(Plan *out, StrList *warnings, Repo *r, const char *name,
                       const Value *context, Arena *mem) {
    Target *p = r->primary ? r->primary : r->backups.items[0];
    if (p->broken)
        return target_error(p, p->broken);
    Err *e = p->driver->approve
                 ? p->driver->approve(out, p, r->slug, name, context, mem)
                 : approve_stored(out, NULL, p, r->slug, name, context, mem);
    if (e && error_is_eligible(e))
        e = err_hint(e, "approving needs the registry itself: try again when it is back");
    if (e) {
        Err *named = target_error(p, e);
        err_free(e);
        return named;
    }
    for (size_t i = r->primary ? 0 : 1; i < r->backups.len; i++) {
        Target *t = r->backups.items[i];
        Plan copy;
        AutoErr failed = t->broken ? err_copy(t->broken)
                                   : approve_stored(&copy, *out->digest ? out->digest : NULL,
                                                    t, r->slug, name, context, mem);
        if (failed)
            list_push(warnings, mem,
                      arena_printf(mem, "backup %s does not have the approval: %s; registry sync "
                                   "copies it", t->url, err_text(failed)));
    }
    return NULL;
}
