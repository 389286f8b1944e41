// The target driver of OCI registries. The protocol has no conditional writes: refs are written,
// read back, and written again while lesser (ref_settle).
#include "oci.h"

static OciTarget *oci_of(Target *t) { return (OciTarget *)t; }

static bool is_absent(const Err *e) { return err_code(e) == E_NOT_FOUND; }

// --- staging ------------------------------------------------------------------------------------

typedef struct Staging {
    OciTarget *target;
    const char *repo, *digest;
    Body body;
    Arena *mem;
    Err *error;
} Staging;

static void run_staging(void *arg) {
    Staging *s = arg;
    s->error = oci_put_blob(s->target, s->repo, &s->body, s->digest, s->mem);
}

// The repository's document first: its answer settles how to authorise. Then blob and manifest.
static Err *oci_stage(Target *t, const Artifact *a, Arena *mem) {
    const char *repo;
    TRY(oci_repo(&repo, oci_of(t), a->slug, mem));
    TRY(repo_doc_ensure(t, a, mem));
    Staging manifest = {.target = oci_of(t), .repo = repo, .digest = a->manifest_digest,
                        .body = body_from(str_from(a->manifest_text)), .mem = mem};
    Task *task = task_start(t->loop, run_staging, &manifest, mem);
    Err *e = oci_put_blob(oci_of(t), repo, &a->body, a->digest, mem);
    task_join(task);
    if (!e)
        return manifest.error;
    err_free(manifest.error);
    return e;
}

// --- refs ---------------------------------------------------------------------------------------

static Err *read_ref_text(Str *out, const OciArtifact *a, OciTarget *t, const char *repo,
                          Arena *mem) {
    Str config;
    Err *e = oci_descriptor_text(&config, t, repo, a->config, mem);
    if (is_absent(e))
        return err_set_code(err_wrap(e, "its config is missing"), E_DAMAGED);
    TRY(e);
    return oci_artifact_to_ref(out, a, config, mem);
}

static Err *oci_read_ref(Ref *out, Target *t, const char *slug, RefName name, Arena *mem) {
    OciArtifact a;
    const char *repo;
    Str text;
    *out = (Ref){0};
    TRY(oci_repo(&repo, oci_of(t), slug, mem));
    Err *e = oci_get_artifact(&a, oci_of(t), repo, oci_ref_tag(mem, name), mem);
    if (is_absent(e)) {
        err_free(e);
        return NULL;
    }
    TRY(e);
    e = read_ref_text(&text, &a, oci_of(t), repo, mem);
    if (e)
        return err_wrap(e, "%s", ref_label(mem, name));
    TRY(ref_parse(out, text, slug, name, t->trust, mem));
    out->etag = a.digest;
    return NULL;
}

static Err *put_ref(Target *t, const char *slug, RefName name, const Ref *fresh, const Ref *known,
                    Arena *mem) {
    (void)known; // nothing can be asked of it
    const char *repo;
    TRY(oci_repo(&repo, oci_of(t), slug, mem));
    return oci_put_artifact(oci_of(t), repo, oci_ref_tag(mem, name),
                            oci_artifact_of_ref(fresh, name, mem), mem);
}

static Err *oci_write_ref(RefWritten *how, Ref *now, Target *t, const char *slug, RefName name,
                          const Ref *fresh, const Ref *known, Arena *mem) {
    *now = *known;
    if (ref_stands(how, now, fresh, name))
        return NULL;
    // What is known is old by now: the shorter the gap before a blind write, the better.
    TRY(ref_read_for_write(now, t, slug, name, mem));
    if (ref_stands(how, now, fresh, name))
        return NULL;
    TRY(put_ref(t, slug, name, fresh, now, mem));
    *now = *fresh;
    *how = REF_WROTE;
    return ref_settle(how, now, t, slug, name, fresh, put_ref, mem);
}

// --- the rest -----------------------------------------------------------------------------------

static Err *oci_read_blob(Body *out, Target *t, const char *slug, const char *digest, int64_t size,
                          Arena *mem) {
    const char *repo;
    TRY(oci_repo(&repo, oci_of(t), slug, mem));
    return oci_get_blob(out, oci_of(t), repo, digest, size, (int64_t)1 << 30, mem);
}

static Err *oci_check_manifest(Target *t, const char *slug, const char *digest, Arena *mem) {
    Body body;
    const char *repo;
    TRY(oci_repo(&repo, oci_of(t), slug, mem));
    return oci_get_blob(&body, oci_of(t), repo, digest, -1, REF_MAX, mem);
}

// A repository that does not exist has no tags.
static Err *list_tags(StrList *out, Target *t, const char *slug, const char **repo, Arena *mem) {
    TRY(oci_repo(repo, oci_of(t), slug, mem));
    const char *path = arena_printf(mem, "/v2/%s/tags/list?n=1000", *repo);
    Err *e = oci_list(out, oci_of(t), path, *repo, "tags", mem);
    if (!is_absent(e))
        return e;
    err_free(e);
    return NULL;
}

// The whole name behind a tag that holds only a part of it; "" if there is none.
static Err *read_name(const char **out, Target *t, const char *repo, const char *tag, Arena *mem) {
    OciArtifact a;
    Err *e = oci_get_artifact(&a, oci_of(t), repo, tag, mem);
    bool none = is_absent(e) || err_code(e) == E_DAMAGED;
    *out = e ? "" : oci_artifact_name(&a);
    if (!none)
        return e;
    err_free(e);
    return NULL;
}

static Err *oci_list_refs(RefNames *out, Target *t, const char *slug, Arena *mem) {
    StrList tags = {0};
    const char *repo;
    TRY(list_tags(&tags, t, slug, &repo, mem));
    for (size_t i = 0; i < tags.len; i++) {
        RefName n;
        bool hashed;
        if (!oci_tag_ref(&n, &hashed, tags.items[i], mem))
            continue;
        if (hashed)
            TRY(read_name(&n.name, t, repo, tags.items[i], mem));
        // Whoever writes to the repository chooses its tags: what is no name of ours is not asked.
        if (*n.name && cstr_eq(oci_ref_tag(mem, n), tags.items[i]))
            list_push(out, mem, n);
    }
    return NULL;
}

// --- documents ----------------------------------------------------------------------------------

static Err *doc_exists(bool *out, OciTarget *t, const char *repo, const char *tag, Arena *mem) {
    HttpResponse r;
    OciCall c = {.method = "HEAD", .url = oci_url(mem, t, repo, "manifests", tag), .repo = repo};
    list_push(&c.headers, mem, (HttpHeader){"accept", OCI_MANIFEST});
    TRY(oci_send(&r, t, &c, mem));
    *out = r.status == 200;
    return *out || r.status == 404 || r.status == 403 ? NULL : oci_error(&c, &r, t, mem);
}

static Err *oci_put_doc(Target *t, const char *slug, DocName name, Str json, bool create,
                        Arena *mem) {
    const char *repo, *tag = oci_doc_tag(mem, name);
    bool there = false;
    TRY(oci_repo(&repo, oci_of(t), slug, mem));
    if (create)
        TRY(doc_exists(&there, oci_of(t), repo, tag, mem));
    if (there)
        return err_new(E_CONFLICT, "tag %s exists", tag);
    Value *v = oci_artifact_of_doc(name, json, host_now(loop_host(t->loop)), mem);
    Body body = body_from(json);
    TRY(oci_put_blob(oci_of(t), repo, &body, value_get_text(value_get(v, "config"), "digest"), mem));
    return oci_put_artifact(oci_of(t), repo, tag, v, mem);
}

static Err *oci_get_doc(Str *out, Target *t, const char *slug, DocName name, Arena *mem) {
    OciArtifact a;
    const char *repo, *tag = oci_doc_tag(mem, name);
    TRY(oci_repo(&repo, oci_of(t), slug, mem));
    TRY(oci_get_artifact(&a, oci_of(t), repo, tag, mem));
    if (name.name && !cstr_eq(oci_artifact_name(&a), name.name))
        return err_new(E_NOT_FOUND, "tag %s is of another %s", tag,
                       name.kind == DOC_APPROVAL ? "plan" : "database");
    return oci_descriptor_text(out, oci_of(t), repo, a.layer, mem);
}

static Err *oci_list_docs(DocNames *out, Target *t, const char *slug, DocKind kind, Arena *mem) {
    StrList tags = {0};
    const char *repo;
    TRY(list_tags(&tags, t, slug, &repo, mem));
    for (size_t i = 0; i < tags.len; i++) {
        DocName n;
        bool hashed;
        if (!oci_tag_doc(&n, &hashed, tags.items[i], kind, mem))
            continue;
        if (hashed)
            TRY(read_name(&n.name, t, repo, tags.items[i], mem));
        if (kind == DOC_REPOSITORY || !cstr_empty(n.name))
            list_push(out, mem, n);
    }
    return NULL;
}

// --- listing repositories -----------------------------------------------------------------------

// "No such page" and "not allowed" are how registries say that they have no catalog.
static Err *read_catalog(StrList *out, OciTarget *t, Arena *mem) {
    Err *e = oci_list(out, t, "/v2/_catalog?n=1000", NULL, "repositories", mem);
    switch (err_code(e)) {
    case E_NOT_FOUND:
    case E_DENIED:
    case E_UNAUTHORIZED:
    case E_UNSUPPORTED:
        break;
    default:
        return e;
    }
    e = err_set_code(err_wrap(e, "the registry does not list its repositories"), E_UNSUPPORTED);
    return err_hint(e, "listing needs its /v2/_catalog; name the repository instead");
}

typedef struct Candidate {
    OciTarget *target;
    const char *slug, *repo;
    bool ours;
    Task *task;
    Arena *mem;
    Err *error;
} Candidate;

static void run_candidate(void *arg) {
    Candidate *c = arg;
    c->error = doc_exists(&c->ours, c->target, c->repo,
                          oci_doc_tag(c->mem, (DocName){.kind = DOC_REPOSITORY}), c->mem);
}

static bool make_candidate(Candidate *out, OciTarget *t, const char *repo, Arena *mem) {
    const char *slug = repo + strlen(t->prefix);
    if (!cstr_starts(repo, t->prefix))
        return false;
    AutoErr bad = slug_check(slug);
    *out = (Candidate){.target = t, .slug = slug, .repo = repo, .mem = mem};
    return !bad;
}

// Other people's images may live beside ours: the repository's document tells.
static Err *oci_list_slugs(StrList *out, Target *t, Arena *mem) {
    enum { AT_ONCE = 16 };
    StrList repos = {0};
    Candidate all[AT_ONCE];
    Err *first = NULL;
    TRY(read_catalog(&repos, oci_of(t), mem));
    for (size_t next = 0; next < repos.len && !first;) {
        size_t count = 0;
        for (; next < repos.len && count < AT_ONCE; next++)
            if (make_candidate(&all[count], oci_of(t), repos.items[next], mem)) {
                all[count].task = task_start(t->loop, run_candidate, &all[count], mem);
                count++;
            }
        for (size_t i = 0; i < count; i++) {
            task_join(all[i].task);
            if (all[i].ours)
                list_push(out, mem, all[i].slug);
            if (first)
                err_free(all[i].error);
            else
                first = all[i].error;
        }
    }
    return first;
}

// Nothing to make: repositories appear with their first push. Credentials are tried.
static Err *oci_prepare(Target *t) {
    AutoArena tmp = arena_new(NULL);
    HttpResponse r;
    OciCall c = {.method = "GET", .url = arena_printf(tmp, "%s/v2/", oci_of(t)->origin)};
    return oci_call(&r, oci_of(t), &c, tmp);
}

// --- opening ------------------------------------------------------------------------------------

static const TargetDriver oci_driver = {
    .name = "oci",
    .stage = oci_stage,
    .read_ref = oci_read_ref,
    .write_ref = oci_write_ref,
    .read_blob = oci_read_blob,
    .check_manifest = oci_check_manifest,
    .list_refs = oci_list_refs,
    .list_slugs = oci_list_slugs,
    .put_doc = oci_put_doc,
    .get_doc = oci_get_doc,
    .list_docs = oci_list_docs,
    .prepare = oci_prepare,
};

// Docker Hub's registry answers under another name than the one people write.
static const char *api_host(const Url *u) {
    bool hub = cstr_eq(u->host, "docker.io") || cstr_eq(u->host, "index.docker.io");
    return hub ? "registry-1.docker.io" : u->host;
}

static Err *check_url(const Url *u, bool plain, Arena *mem) {
    if (u->has_user && cstr_empty(u->password))
        return err_hint(err_new(E_INVALID, "the URL names a user without a token"),
                        "write oci://USER:TOKEN@HOST/PATH, or leave both to the docker config file "
                        "or ATLAS_OCI_USERNAME and ATLAS_OCI_PASSWORD");
    if (!*u->host)
        return err_hint(err_new(E_INVALID, "the URL names no registry"),
                        "write oci://HOST/PATH; Docker Hub's host is docker.io");
    if (u->params.len)
        return err_hint(err_new(E_INVALID, "unknown query parameter \"%s\" of an oci:// URL",
                                u->params.items[0].key), "an oci:// URL takes none");
    if (plain && !url_is_loopback(url_hostname(mem, u)))
        return err_hint(err_new(E_INVALID, "oci+http:// speaks to this machine only, and %s is "
                                "another", u->host), "use oci://, which speaks TLS");
    return NULL;
}

static Err *open_url(OciTarget *t, const char *text, Arena *mem) {
    Url *u = NULL;
    TRY(url_parse(&u, text, mem));
    // A lone user is a token that somebody took for one.
    if (u->has_user)
        log_mask(*u->password ? u->password : u->user);
    bool plain = cstr_eq(u->scheme, "oci+http");
    TRY(check_url(u, plain, mem));
    const char *path = u->path + strspn(u->path, "/");
    path = arena_strndup(mem, path, strlen(path) - (cstr_ends(path, "/") ? 1 : 0));
    if (*path)
        TRY(oci_path_check(path));
    u->scheme = plain ? "http" : "https";
    u->host = api_host(u);
    t->origin = oci_origin(mem, u);
    t->prefix = *path ? arena_printf(mem, "%s/", path) : "";
    t->budget = http_budget(t->base.loop);
    t->auth = oci_auth_of(t->base.loop, t->origin, u->has_user ? u->user : NULL, u->password);
    return NULL;
}

Target *target_oci(const char *url, Loop *loop, Arena *mem) {
    OciTarget *t = NEW(mem, OciTarget);
    target_init(&t->base, &oci_driver, url, loop, mem);
    t->base.broken = open_url(t, url, mem);
    return &t->base;
}
