// A repository in an object store: the layout of registry-storage.md section 3.
#include "atlas/crypt.h"
#include "atlas/store.h"
#include "target.h"

typedef struct BlobTarget {
    Target base;
    Store *store;
} BlobTarget;

enum { SMALL_BLOB = 256 << 10, REF_TRIES = 20 };

static Store *store_of(Target *t) { return ((BlobTarget *)t)->store; }

static char *object_key(Arena *mem, const char *slug, const char *folder, const char *digest) {
    return arena_printf(mem, "%s/%s/sha256/%s", slug, folder, digest + strlen("sha256:"));
}

static char *doc_key(Arena *mem, const char *slug, DocName n) {
    switch (n.kind) {
    case DOC_REPOSITORY:
        return arena_printf(mem, "repositories/%s.json", name_escape(mem, slug));
    case DOC_APPROVAL:
        return approval_key(mem, slug, n.name, n.digest);
    case DOC_DEPLOYMENT:
        return arena_printf(mem, "%s/deployments/%s.json", slug, name_escape(mem, n.name));
    }
    return NULL;
}

static bool is_absent(const Err *e) {
    return err_code(e) == E_NOT_FOUND || err_code(e) == E_NO_STORE;
}

// --- staging ------------------------------------------------------------------------------------

static Err *matches_store(bool *same, Target *t, const char *key, const Artifact *a, Arena *mem) {
    StoreObject o;
    *same = false;
    Err *e = store_head(&o, store_of(t), key, mem);
    if (e) {
        bool absent = is_absent(e) || err_code(e) == E_DENIED;
        if (!absent)
            return e;
        err_free(e);
        return NULL;
    }
    if (o.size != a->body.size)
        return NULL;
    if (o.sha256) {
        *same = cstr_eq(o.sha256, a->digest + strlen("sha256:"));
    } else if (o.md5) {
        unsigned char sum[MD5_SIZE];
        TRY(body_md5(sum, &a->body));
        *same = cstr_eq(o.md5, hex_encode(mem, sum, sizeof sum));
    }
    return NULL;
}

static Err *put_blob(Target *t, const Artifact *a, Arena *mem) {
    const char *key = object_key(mem, a->slug, "blobs", a->digest);
    bool same = false;
    // A small blob is cheaper sent than asked for; the bytes of a digest are always the same.
    if (a->body.size > SMALL_BLOB)
        TRY(matches_store(&same, t, key, a, mem));
    if (same)
        return NULL;
    StorePut put = {.key = key, .body = a->body, .content_type = artifact_media_type(a)};
    return store_put(NULL, store_of(t), &put, mem);
}

static StorePut manifest_put(const Artifact *a, Arena *mem) {
    return (StorePut){.key = object_key(mem, a->slug, "manifests", a->manifest_digest),
                      .body = body_from(str_from(a->manifest_text)),
                      .content_type = "application/json"};
}

static Err *put_manifest(Target *t, const Artifact *a, Arena *mem) {
    StorePut put = manifest_put(a, mem);
    return store_put(NULL, store_of(t), &put, mem);
}

// Repository object, blob and manifest travel side by side.
typedef struct Staging {
    Target *target;
    const Artifact *artifact;
    Err *(*fn)(Target *, const Artifact *, Arena *);
    Arena *mem;
    Err *error;
} Staging;

static Err *ensure_repo(Target *t, const Artifact *a, Arena *mem) {
    return repo_doc_ensure(t, a, mem);
}

static void run_staging(void *arg) {
    Staging *s = arg;
    s->error = s->fn(s->target, s->artifact, s->mem);
}

static Err *blob_stage(Target *t, const Artifact *a, Arena *mem) {
    Staging jobs[] = {{t, a, ensure_repo, mem, NULL}, {t, a, put_blob, mem, NULL},
                      {t, a, put_manifest, mem, NULL}};
    Task *tasks[COUNT_OF(jobs)];
    for (size_t i = 0; i < COUNT_OF(jobs); i++)
        tasks[i] = task_start(t->loop, run_staging, &jobs[i], mem);
    Err *first = NULL;
    for (size_t i = 0; i < COUNT_OF(jobs); i++) {
        task_join(tasks[i]);
        if (first)
            err_free(jobs[i].error);
        else
            first = jobs[i].error;
    }
    return first;
}

// --- refs ---------------------------------------------------------------------------------------

static Err *blob_read_ref(Ref *out, Target *t, const char *slug, RefName name, Arena *mem) {
    StoreObject o;
    const char *key = ref_key(mem, slug, name);
    *out = (Ref){0};
    Err *e = store_get(&o, store_of(t), key, REF_MAX, mem);
    if (err_code(e) == E_NOT_FOUND) {
        err_free(e);
        return NULL;
    }
    if (err_code(e) == E_DENIED) {
        // S3 answers 403 for a missing key when listing is not allowed.
        StoreObject repo;
        const char *at = doc_key(mem, slug, (DocName){.kind = DOC_REPOSITORY});
        Err *other = store_head(&repo, store_of(t), at, mem);
        if (!other) {
            err_free(e);
            return NULL;
        }
        err_free(other);
    }
    TRY(e);
    Str text;
    TRY(body_bytes(&text, &o.body, mem));
    e = ref_parse(out, text, slug, name, t->trust, mem);
    out->etag = o.etag;
    return e;
}

// Learns whether the store obeys conditions by creating the manifest, which is there, once more.
typedef struct Probe {
    Target *target;
    StorePut put;
    Arena *mem;
    Err *error;
} Probe;

static void run_probe(void *arg) {
    Probe *p = arg;
    p->error = store_probe(store_of(p->target), &p->put, p->mem);
}

// Beside the first write of a ref, so that it costs no round trip of its own.
static Task *start_probe(Probe *p, Target *t, const char *slug, const Ref *fresh, Arena *mem) {
    if (store_conditions(store_of(t)) != CONDITIONS_UNKNOWN)
        return NULL;
    *p = (Probe){.target = t,
                 .put = {.key = object_key(mem, slug, "manifests", fresh->manifest_digest),
                         .body = body_from(str_from(json_text(mem, fresh->manifest,
                                                              JSON_CANONICAL))),
                         .content_type = "application/json"},
                 .mem = mem};
    return task_start(t->loop, run_probe, p, mem);
}

// One conditional write. *conflict: somebody else wrote meanwhile.
static Err *try_write(bool *conflict, Target *t, const char *key, const Ref *fresh, const Ref *known,
                      Arena *mem) {
    *conflict = false;
    StorePut put = {.key = key,
                    .body = body_from(ref_text(fresh, mem)),
                    .content_type = "application/json",
                    .condition = cstr_empty(known->etag) ? PUT_CREATE : PUT_REPLACE,
                    .etag = known->etag,
                    .no_store = true};
    Err *e = store_put(NULL, store_of(t), &put, mem);
    if (err_code(e) == E_UNSUPPORTED) {
        err_free(e);
        put.condition = PUT_ALWAYS;
        e = store_put(NULL, store_of(t), &put, mem);
    }
    *conflict = err_code(e) == E_CONFLICT;
    if (!*conflict)
        return e;
    err_free(e);
    return NULL;
}

static Err *write_again(Target *t, const char *slug, RefName name, const Ref *fresh,
                        const Ref *known, Arena *mem) {
    bool conflict;
    return try_write(&conflict, t, ref_key(mem, slug, name), fresh, known, mem);
}

static Err *blob_write_ref(RefWritten *how, Ref *now, Target *t, const char *slug, RefName name,
                           const Ref *fresh, const Ref *known, Arena *mem) {
    const Host *host = loop_host(t->loop);
    const char *key = ref_key(mem, slug, name);
    *now = *known;
    // Without conditions a look just before is the best guard there is.
    if (store_conditions(store_of(t)) == CONDITIONS_MISSING)
        TRY(ref_read_for_write(now, t, slug, name, mem));
    for (int n = 0; n < REF_TRIES; n++) {
        if (ref_stands(how, now, fresh, name))
            return NULL;
        bool conflict = false;
        Probe probe = {0};
        Task *probing = start_probe(&probe, t, slug, fresh, mem);
        Err *e = try_write(&conflict, t, key, fresh, now, mem);
        if (probing)
            task_join(probing);
        if (e)
            err_free(probe.error);
        TRY(e);
        TRY(probe.error);
        if (!conflict) {
            *now = *fresh;
            *how = REF_WROTE;
            if (store_conditions(store_of(t)) == CONDITIONS_MISSING)
                return ref_settle(how, now, t, slug, name, fresh, write_again, mem);
            return NULL;
        }
        if (n > 0)
            loop_sleep(t->loop, host_random_below(host, 20u << (n < 5 ? n : 5)));
        TRY(ref_read_for_write(now, t, slug, name, mem));
        if (fresh->yields && now->present) {
            *how = REF_SUPERSEDED;
            return NULL;
        }
    }
    return err_new(E_UNREACHABLE, "%s: changed by others %d times in a row", ref_label(mem, name),
                   REF_TRIES);
}

// --- the rest -----------------------------------------------------------------------------------

static Err *blob_read_blob(Body *out, Target *t, const char *slug, const char *digest, int64_t size,
                           Arena *mem) {
    StoreObject o;
    TRY(store_get(&o, store_of(t), object_key(mem, slug, "blobs", digest), (int64_t)1 << 30, mem));
    *out = o.body;
    return body_verify(out, size, digest, mem);
}

static Err *blob_check_manifest(Target *t, const char *slug, const char *digest, Arena *mem) {
    StoreObject o;
    TRY(store_get(&o, store_of(t), object_key(mem, slug, "manifests", digest), REF_MAX, mem));
    return body_verify(&o.body, -1, digest, mem);
}

static Err *blob_list_refs(RefNames *out, Target *t, const char *slug, Arena *mem) {
    static const struct {
        const char *folder;
        RefKind kind;
    } folders[] = {{"tags/", REF_TAG}, {"versions/", REF_VERSION}, {"plans/", REF_PLAN}};
    const char *prefix = arena_printf(mem, "%s/refs/", slug);
    StrList keys = {0};
    TRY(store_list(&keys, store_of(t), prefix, mem));
    for (size_t i = 0; i < keys.len; i++)
        for (size_t k = 0; k < COUNT_OF(folders); k++) {
            const char *rest = keys.items[i] + strlen(prefix);
            if (!cstr_starts(rest, folders[k].folder))
                continue;
            rest += strlen(folders[k].folder);
            // Whoever writes to the bucket chooses these names: what is no name of ours is not asked.
            bool tag = folders[k].kind == REF_TAG;
            const char *name = tag ? rest : name_unescape(mem, rest);
            AutoErr bad = tag ? tag_check(rest) : NULL;
            if (!bad && name && *name)
                list_push(out, mem, (RefName){folders[k].kind, name});
        }
    return NULL;
}

static Err *blob_list_slugs(StrList *out, Target *t, Arena *mem) {
    StrList keys = {0};
    TRY(store_list(&keys, store_of(t), "repositories/", mem));
    for (size_t i = 0; i < keys.len; i++) {
        const char *name = keys.items[i] + strlen("repositories/");
        if (!cstr_ends(name, ".json"))
            continue;
        char *slug = name_unescape(mem, arena_strndup(mem, name, strlen(name) - 5));
        AutoErr bad = slug ? slug_check(slug) : NULL;
        if (slug && !bad)
            list_push(out, mem, slug);
    }
    return NULL;
}

// --- documents ----------------------------------------------------------------------------------

static Err *blob_put_doc(Target *t, const char *slug, DocName name, Str json, bool create,
                         Arena *mem) {
    StorePut put = {.key = doc_key(mem, slug, name),
                    .body = body_from(json),
                    .content_type = "application/json",
                    .condition = create ? PUT_CREATE : PUT_ALWAYS,
                    .no_store = true};
    Err *e = store_put(NULL, store_of(t), &put, mem);
    if (err_code(e) != E_UNSUPPORTED || !create)
        return e;
    err_free(e);
    StoreObject o; // no conditions: the best there is
    e = store_head(&o, store_of(t), put.key, mem);
    if (!e)
        return err_new(E_CONFLICT, "%s exists", put.key);
    if (!is_absent(e) && err_code(e) != E_DENIED)
        return e;
    err_free(e);
    put.condition = PUT_ALWAYS;
    return store_put(NULL, store_of(t), &put, mem);
}

static Err *blob_get_doc(Str *out, Target *t, const char *slug, DocName name, Arena *mem) {
    StoreObject o;
    TRY(store_get(&o, store_of(t), doc_key(mem, slug, name), REF_MAX, mem));
    return body_bytes(out, &o.body, mem);
}

static Err *blob_list_docs(DocNames *out, Target *t, const char *slug, DocKind kind, Arena *mem) {
    bool deployments = kind == DOC_DEPLOYMENT;
    const char *prefix = arena_printf(mem, "%s/%s/", slug, deployments ? "deployments" : "approvals");
    StrList keys = {0};
    TRY(store_list(&keys, store_of(t), prefix, mem));
    for (size_t i = 0; i < keys.len; i++) {
        const char *rest = keys.items[i] + strlen(prefix), *slash = strchr(rest, '/');
        if (!cstr_ends(rest, ".json") || !slash != deployments)
            continue;
        size_t stem = strlen(rest) - strlen(".json"), len = slash ? (size_t)(slash - rest) : stem;
        DocName n = {.kind = kind, .name = name_unescape(mem, arena_strndup(mem, rest, len))};
        if (slash)
            n.digest = arena_printf(mem, "sha256:%.*s", (int)(stem - len - 1), slash + 1);
        if (n.name && (!n.digest || digest_is_well_formed(n.digest)))
            list_push(out, mem, n);
    }
    return NULL;
}

// Writes a marker twice to see.
static Err *blob_is_ordered(bool *out, Target *t, Arena *mem) {
    StorePut put = {.key = "repositories/.probe", .body = body_from(str_from("{}")),
                    .content_type = "application/json"};
    *out = true;
    Err *e = store_put(NULL, store_of(t), &put, mem);
    if (err_code(e) == E_DENIED || err_code(e) == E_UNAUTHORIZED) { // nothing will be written
        err_free(e);
        return NULL;
    }
    TRY(e);
    TRY(store_probe(store_of(t), &put, mem));
    *out = store_conditions(store_of(t)) != CONDITIONS_MISSING;
    return NULL;
}

static void blob_share(Target *t) { store_share(store_of(t)); }

static Err *blob_prepare(Target *t) { return store_prepare(store_of(t)); }

static const TargetDriver blob_driver = {
    .name = "blob",
    .stage = blob_stage,
    .read_ref = blob_read_ref,
    .write_ref = blob_write_ref,
    .read_blob = blob_read_blob,
    .check_manifest = blob_check_manifest,
    .list_refs = blob_list_refs,
    .list_slugs = blob_list_slugs,
    .put_doc = blob_put_doc,
    .get_doc = blob_get_doc,
    .list_docs = blob_list_docs,
    .prepare = blob_prepare,
    .is_ordered = blob_is_ordered,
    .share = blob_share,
};

Target *target_blob(const char *url, Loop *loop, Arena *mem) {
    BlobTarget *t = NEW(mem, BlobTarget);
    target_init(&t->base, &blob_driver, url, loop, mem);
    t->base.broken = store_open(&t->store, url, loop, mem);
    return &t->base;
}
