// Repositories as such: what kind of artifact each holds, and how its databases stand.
#include "target.h"

enum { AT_ONCE = 16 };

static const DocName repo_doc = {.kind = DOC_REPOSITORY};

static Str doc_text(const RepoInfo *info, Time now, Arena *mem) {
    Value *v = value_map(mem);
    value_set_int(v, mem, "layout", LAYOUT, 0);
    value_set_str(v, mem, "slug", info->slug, 0);
    value_set_str(v, mem, "type", info->type, 0);
    value_set_str(v, mem, "driver", info->driver, 0);
    value_set_str(v, mem, "title", info->title, 0);
    value_set_str(v, mem, "created_at", time_rfc3339ms(mem, now), 0);
    return str_from(json_text(mem, v, JSON_CANONICAL));
}

static Err *doc_parse(RepoInfo *out, const char *slug, Str text, Arena *mem) {
    Value *v = NULL;
    AutoErr e = json_parse(&v, text, NULL, mem);
    const char *type = e ? "" : value_get_text(v, "type");
    if (e || !*type)
        return err_new(E_DAMAGED, "the repository object of \"%s\" is damaged", slug);
    if (value_get_int(v, "layout") > LAYOUT)
        return err_hint(err_new(E_UNSUPPORTED, "repository \"%s\" has layout %lld, this version "
                                "knows layout %d", slug, (long long)value_get_int(v, "layout"),
                                LAYOUT),
                        "use a newer atlas-action");
    AtlasUrl url = {.slug = slug};
    *out = (RepoInfo){.slug = slug, .id = slug, .type = type, .url = atlas_url_text(mem, &url),
                      .title = cstr_or(value_get_text(v, "title"), slug),
                      .driver = driver_enum(value_get_text(v, "driver"), mem)};
    return NULL;
}

static bool is_absent(const Err *e) {
    return err_code(e) == E_NOT_FOUND || err_code(e) == E_NO_STORE;
}

static const char *type_words(const char *type) {
    return cstr_eq(type, "SCHEMA") ? "schema" : "migration directory";
}

static Err *check_kind(const RepoInfo *info, ArtifactKind kind) {
    if (cstr_eq(info->type, kind_repo_type(kind)))
        return NULL;
    return err_hint(err_new(E_INVALID, "repository \"%s\" holds a %s, not a %s", info->slug,
                            type_words(info->type), type_words(kind_repo_type(kind))),
                    "push under another name");
}

Err *repo_doc_ensure(Target *t, const Artifact *a, Arena *mem) {
    Str text;
    RepoInfo info;
    Err *e = t->driver->get_doc(&text, t, a->slug, repo_doc, mem);
    // S3 answers 403 for a missing key when listing is not allowed: creating it tells.
    if (is_absent(e) || err_code(e) == E_DENIED) {
        err_free(e);
        info = (RepoInfo){.slug = a->slug, .title = a->slug, .type = kind_repo_type(a->kind),
                          .driver = cstr_or(a->driver, "")};
        Str fresh = doc_text(&info, host_now(loop_host(t->loop)), mem);
        e = t->driver->put_doc(t, a->slug, repo_doc, fresh, true, mem);
        if (err_code(e) != E_CONFLICT)
            return e;
        err_free(e); // somebody else made it just now
        e = t->driver->get_doc(&text, t, a->slug, repo_doc, mem);
    }
    TRY(e);
    TRY(doc_parse(&info, a->slug, text, mem));
    return check_kind(&info, a->kind);
}

static Err *read_info(RepoInfo *out, Target *t, const char *slug, Arena *mem) {
    Str text;
    TRY(t->driver->get_doc(&text, t, slug, repo_doc, mem));
    return doc_parse(out, slug, text, mem);
}

ArtifactKind repo_kind(const Repo *r, Arena *mem) {
    Targets all = repo_targets(r, mem);
    for (size_t i = 0; i < all.len; i++) {
        RepoInfo info;
        if (all.items[i]->broken || !all.items[i]->driver->get_doc)
            continue;
        AutoErr e = read_info(&info, all.items[i], r->slug, mem);
        if (!e)
            return cstr_eq(info.type, "SCHEMA") ? ARTIFACT_SCHEMA : ARTIFACT_MIGRATIONS;
    }
    return ARTIFACT_MIGRATIONS;
}

Err *repo_must_exist(const Repo *r, Arena *mem) {
    Targets all = repo_targets(r, mem);
    for (size_t i = 0; i < all.len; i++) {
        Target *t = all.items[i];
        RepoInfo info;
        RefNames names = {0};
        Body body;
        AutoErr e = t->broken             ? err_copy(t->broken)
                    : t->driver->get_doc  ? read_info(&info, t, r->slug, mem)
                    : t->driver->describe ? t->driver->describe(&info, t, r->slug, mem)
                                          : NULL;
        if (!is_absent(e))
            return NULL;
        AutoErr other = t->driver->list_refs ? t->driver->list_refs(&names, t, r->slug, mem) : NULL;
        AutoErr third = t->driver->fetch ? t->driver->fetch(&body, t, r->slug, ARTIFACT_MIGRATIONS, NULL,
                                                            NULL, mem)
                                         : NULL;
        if (names.len || (other && !is_absent(other)) || (t->driver->fetch && !is_absent(third)))
            return NULL;
    }
    return err_hint(err_new(E_NOT_FOUND, "no target holds a repository \"%s\"", r->slug),
                    "check its name; a push makes it, or a lost primary is rebuilt by `registry sync "
                    "--from URL`");
}

Err *repo_can_sign(const Repo *r) {
    const Trust *t = r->trust;
    for (size_t i = 0; t && t->signs && i < t->refs.len; i++)
        if (cstr_eq(t->refs.items[i].kid, t->signer.kid))
            return NULL;
    if (!t || !t->refs.len)
        return NULL;
    return err_hint(err_new(E_CONFIG, "repository \"%s\" pins keys with verify, and %s", r->slug,
                            t->signs ? "the signing key is none of them" : "there is no signing key"),
                    "set ATLAS_SIGN_KEY or --sign-key-file to a private key whose public one is pinned: "
                    "nobody could read an unsigned push");
}

// --- create -------------------------------------------------------------------------------------

static Err *create_on(RepoInfo *out, Target *t, const RepoInfo *want, Arena *mem) {
    if (t->broken)
        return err_copy(t->broken);
    if (t->driver->create)
        return t->driver->create(out, t, want, mem);
    Str text = doc_text(want, host_now(loop_host(t->loop)), mem);
    Err *e = t->driver->put_doc(t, want->slug, repo_doc, text, true, mem);
    if (err_code(e) != E_CONFLICT) {
        TRY(e);
        return doc_parse(out, want->slug, text, mem);
    }
    err_free(e);
    TRY(read_info(out, t, want->slug, mem));
    return err_new(E_EXISTS, "repository \"%s\" already exists", want->slug);
}

Err *repo_create(RepoInfo *out, Repo *r, const char *type, const char *driver, const char *title,
                 Arena *mem) {
    RepoInfo want = {.slug = r->slug, .title = cstr_or(title, r->slug), .type = type,
                     .driver = driver};
    if (r->primary) {
        Err *e = create_on(out, r->primary, &want, mem);
        return e && err_code(e) != E_EXISTS ? err_wrap(e, "%s", r->primary->url) : e;
    }
    Err *first = NULL;
    for (size_t i = 0; i < r->backups.len; i++) { // no primary: the copies are all there is
        Err *e = create_on(out, r->backups.items[i], &want, mem);
        if (e && !first && err_code(e) != E_EXISTS)
            e = err_wrap(e, "%s", r->backups.items[i]->url);
        if (first)
            err_free(e);
        else
            first = e;
    }
    return first;
}

// --- describe and list --------------------------------------------------------------------------

// How a database stands: its last report against the repository's latest version.
static void count_deployment(RepoInfo *info, const Value *report, const char *latest) {
    const char *at = value_get_text(report, "currentVersion");
    if (*value_get_text(report, "error"))
        info->failed++;
    else if (*latest && *at && !cstr_eq(at, latest))
        info->pending++;
    else
        info->synced++;
}

static Err *count_deployments(RepoInfo *info, Target *t, Arena *mem) {
    DocNames names = {0};
    Ref latest = {0};
    TRY(t->driver->list_docs(&names, t, info->slug, DOC_DEPLOYMENT, mem));
    if (names.len)
        TRY(t->driver->read_ref(&latest, t, info->slug, (RefName){REF_TAG, "latest"}, mem));
    for (size_t i = 0; i < names.len; i++) {
        Str text;
        Value *report = NULL;
        TRY(t->driver->get_doc(&text, t, info->slug, names.items[i], mem));
        AutoErr bad = json_parse(&report, text, NULL, mem);
        if (!bad)
            count_deployment(info, report, latest.present ? latest.version : "");
    }
    return NULL;
}

static Err *describe_on(RepoInfo *out, Target *t, const char *slug, Arena *mem) {
    if (t->driver->describe)
        return t->driver->describe(out, t, slug, mem);
    Err *e = read_info(out, t, slug, mem);
    if (is_absent(e))
        return err_set_code(err_wrap(e, "repository \"%s\" not found", slug), E_NOT_FOUND);
    TRY(e);
    return count_deployments(out, t, mem);
}

typedef struct Describing {
    Target *target;
    const char *slug;
    RepoInfo info;
    Err *error;
    Task *task;
    Arena *mem;
} Describing;

static void run_describe(void *arg) {
    Describing *d = arg;
    d->error = describe_on(&d->info, d->target, d->slug, d->mem);
}

static Err *list_on(RepoInfos *out, Target *t, Arena *mem) {
    StrList slugs = {0};
    if (t->driver->list)
        return t->driver->list(out, t, mem);
    TRY(t->driver->list_slugs(&slugs, t, mem));
    strlist_sort(&slugs);
    Describing *all = NEW_ARRAY(mem, Describing, slugs.len + 1);
    Err *first = NULL;
    for (size_t from = 0; from < slugs.len; from += AT_ONCE) {
        size_t to = from + AT_ONCE < slugs.len ? from + AT_ONCE : slugs.len;
        for (size_t i = from; i < to; i++) {
            all[i] = (Describing){.target = t, .slug = slugs.items[i], .mem = mem};
            all[i].task = task_start(t->loop, run_describe, &all[i], mem);
        }
        for (size_t i = from; i < to; i++) {
            task_join(all[i].task);
            if (all[i].error && !first)
                first = all[i].error;
            else if (all[i].error)
                err_free(all[i].error);
            else
                list_push(out, mem, all[i].info);
        }
    }
    return first;
}

static Err *ask_list(void *out, Target *t, const char *slug, Arena *mem) {
    (void)slug;
    *(RepoInfos *)out = (RepoInfos){0};
    return list_on(out, t, mem);
}

static Err *ask_describe(void *out, Target *t, const char *slug, Arena *mem) {
    return describe_on(out, t, slug, mem);
}

Err *repo_list(RepoInfos *out, StrList *warnings, Repo *r, Arena *mem) {
    return repo_ask(out, warnings, r, ask_list, mem);
}

Err *repo_describe(RepoInfo *out, StrList *warnings, Repo *r, Arena *mem) {
    return repo_ask(out, warnings, r, ask_describe, mem);
}
