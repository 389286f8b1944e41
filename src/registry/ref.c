#include "ref.h"

#include "atlas/crypt.h"

static const struct {
    const char *name, *repo_type, *media_type;
} kinds[] = {
    [ARTIFACT_MIGRATIONS] = {"migrations", "MIGRATION_DIRECTORY",
                             "application/vnd.atlas.migrations.v1.tar"},
    [ARTIFACT_SCHEMA] = {"schema", "SCHEMA", "application/vnd.atlas.schema.v1+hcl"},
    [ARTIFACT_PLAN] = {"plan", "SCHEMA", "application/vnd.atlas.plan.v1+hcl"},
};

static const int64_t max_seq = (int64_t)1 << 53;

const char *kind_name(ArtifactKind kind) { return kinds[kind].name; }
const char *kind_repo_type(ArtifactKind kind) { return kinds[kind].repo_type; }

const char *artifact_media_type(const Artifact *a) {
    return a->kind == ARTIFACT_SCHEMA && a->sql ? "application/vnd.atlas.schema.v1+sql"
                                                : kinds[a->kind].media_type;
}

const char *driver_enum(const char *driver, Arena *mem) {
    if (cstr_eq(driver, "postgres") || cstr_eq(driver, "postgresql"))
        return "POSTGRESQL";
    if (cstr_eq(driver, "sqlite3"))
        return "SQLITE";
    if (cstr_eq(driver, "maria"))
        return "MARIADB";
    return cstr_upper(mem, cstr_or(driver, ""));
}

Err *body_digest(const char **out, const Body *b, Arena *mem) {
    AutoArena tmp = arena_new(NULL);
    Digest d;
    TRY(body_sha256(&d, b));
    *out = arena_printf(mem, "sha256:%s", hex_encode(tmp, d.bytes, sizeof d.bytes));
    return NULL;
}

Err *body_verify(const Body *b, int64_t size, const char *digest, Arena *mem) {
    const char *actual = NULL;
    if (size >= 0 && b->size != size)
        return err_new(E_DAMAGED, "the object has %lld bytes, its manifest says %lld",
                       (long long)b->size, (long long)size);
    TRY(body_digest(&actual, b, mem));
    return cstr_eq(actual, digest)
               ? NULL
               : err_new(E_DAMAGED, "the object's digest is %s, its manifest says %s", actual, digest);
}

Err *artifact_seal(Artifact *a, Time now, const Value *context, Arena *mem) {
    TRY(body_digest(&a->digest, &a->body, mem));
    Value *m = a->manifest = value_map(mem);
    value_set_int(m, mem, "layout", LAYOUT, 0);
    value_set_str(m, mem, "kind", kind_name(a->kind), 0);
    value_set_str(m, mem, "slug", a->slug, 0);
    if (a->version)
        value_set_str(m, mem, "version", a->version, 0);
    value_set_str(m, mem, "media_type", artifact_media_type(a), 0);
    value_set_int(m, mem, "size", a->body.size, 0);
    value_set_str(m, mem, "digest", a->digest, 0);
    value_set_str(m, mem, "pushed_at", time_rfc3339ms(mem, now), 0);
    value_set(m, mem, "context", context ? value_copy(mem, context) : value_map(mem), 0);
    value_set_str(m, mem, "tool", "atlas-action/" ATLAS_VERSION, 0);
    if (a->plan) {
        Value *plan = value_map(mem);
        value_set_str(plan, mem, "name", a->plan->name, 0);
        value_set_str(plan, mem, "from", a->plan->from, 0);
        value_set_str(plan, mem, "to", a->plan->to, 0);
        value_set(m, mem, "plan", plan, 0);
    }
    a->manifest_text = json_text(mem, m, JSON_CANONICAL);
    a->manifest_digest =
        arena_printf(mem, "sha256:%s", sha256_hex(mem, str_from(a->manifest_text)));
    return NULL;
}

static const struct {
    const char *folder, *word;
} ref_kinds[] = {[REF_TAG] = {"tags", "tag"},
                 [REF_VERSION] = {"versions", "version"},
                 [REF_PLAN] = {"plans", "plan"}};

char *ref_key(Arena *mem, const char *slug, RefName n) {
    const char *name = n.kind == REF_TAG ? n.name : name_escape(mem, n.name);
    return arena_printf(mem, "%s/refs/%s/%s", slug, ref_kinds[n.kind].folder, name);
}

char *approval_key(Arena *mem, const char *slug, const char *plan, const char *manifest_digest) {
    return arena_printf(mem, "%s/approvals/%s/%s.json", slug, name_escape(mem, plan),
                        manifest_digest + strlen("sha256:"));
}

char *ref_label(Arena *mem, RefName n) {
    return arena_printf(mem, "%s %s", ref_kinds[n.kind].word, n.name);
}

bool digest_is_well_formed(const char *text) {
    return cstr_starts(text, "sha256:") && strlen(text) == 71 &&
           strspn(text + 7, "0123456789abcdef") == 64;
}

static Err *damaged(const char *name, const char *why) {
    return err_new(E_DAMAGED, "%s is damaged: %s", name, why);
}

static Err *parse(Ref *out, Str text, const char *label, Arena *mem) {
    Value *v = NULL;
    AutoErr e = json_parse(&v, text, NULL, mem);
    if (e || v->kind != V_MAP)
        return damaged(label, e ? err_text(e) : "not a JSON object");
    if (value_get_int(v, "layout") > LAYOUT)
        return err_hint(err_new(E_UNSUPPORTED, "%s has layout %lld, this version knows layout %d",
                                label, (long long)value_get_int(v, "layout"), LAYOUT),
                        "use a newer atlas-action");
    Value *m = value_get(v, "manifest");
    *out = (Ref){.present = true,
                 .seq = value_get_int(v, "seq"),
                 .manifest = m,
                 .digest = value_get_text(m, "digest"),
                 .size = value_get_int(m, "size"),
                 .version = value_get_text(m, "version"),
                 .pushed_at = value_get_text(m, "pushed_at"),
                 .commit = value_get_text(value_get(m, "context"), "commit"),
                 .pending_primary = value_get_bool(v, "pending_primary"),
                 .read = v};
    if (!m || m->kind != V_MAP || value_get_int(v, "layout") != LAYOUT)
        return damaged(label, "it has no manifest or layout");
    if (out->seq < 1 || out->seq > max_seq)
        return damaged(label, "its seq is out of range");
    if (!digest_is_well_formed(out->digest) || out->size < 0)
        return damaged(label, "its manifest has no digest");
    out->manifest_digest =
        arena_printf(mem, "sha256:%s",
                     sha256_hex(mem, str_from(json_text(mem, m, JSON_CANONICAL))));
    return NULL;
}

Err *ref_parse(Ref *out, Str text, const char *slug, RefName name, const Trust *trust, Arena *mem) {
    const char *label = ref_label(mem, name);
    Err *e = parse(out, text, label, mem);
    const char *key = ref_key(mem, slug, name);
    if (!e && trust)
        e = trust_check(&trust->refs, key, out->read, label, mem);
    if (!e && trust)
        e = trust_meet(trust, key, out->seq, label);
    if (e)
        *out = (Ref){0};
    return e;
}

static Value *ref_value(const Ref *r, Arena *mem) {
    Value *v = value_map(mem);
    value_set_int(v, mem, "layout", LAYOUT, 0);
    value_set_int(v, mem, "seq", r->seq, 0);
    value_set(v, mem, "manifest", r->manifest, 0);
    if (r->pending_primary)
        value_set_bool(v, mem, "pending_primary", true, 0);
    if (r->sigs)
        value_set(v, mem, "sigs", r->sigs, 0);
    for (size_t i = 0; r->read && i < r->read->u.map.len; i++) {
        const char *key = r->read->u.map.items[i].key;
        if (!value_get(v, key) && !cstr_eq(key, "pending_primary"))
            value_set(v, mem, key, value_member(r->read, i), 0);
    }
    return v;
}

Str ref_text(const Ref *r, Arena *mem) {
    return str_from(json_text(mem, ref_value(r, mem), JSON_CANONICAL));
}

Ref ref_new(const Artifact *a, int64_t seq, bool pending, RefName name, const Trust *trust,
            Arena *mem) {
    Ref r = {.present = true,
             .seq = seq,
             .manifest = a->manifest,
             .digest = a->digest,
             .size = a->body.size,
             .version = cstr_or(a->version, ""),
             .pushed_at = value_get_text(a->manifest, "pushed_at"),
             .commit = value_get_text(value_get(a->manifest, "context"), "commit"),
             .manifest_digest = a->manifest_digest,
             .pending_primary = pending};
    r.sigs = trust_sign(trust, ref_key(mem, a->slug, name), ref_value(&r, mem), mem);
    return r;
}

int ref_cmp(const Ref *a, const Ref *b) {
    if (!a->present || !b->present)
        return a->present - b->present;
    if (a->seq != b->seq)
        return a->seq < b->seq ? -1 : 1;
    int order = strcmp(a->pushed_at, b->pushed_at);
    return order ? order : strcmp(a->manifest_digest, b->manifest_digest);
}
