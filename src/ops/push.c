#include "atlas/ops.h"

#include "internal.h"

static Value *push_report(const PushResult *r, Arena *mem) {
    Value *v = value_struct(mem, "MigratePush"), *backups = value_list(mem);
    Value *warnings = value_list(mem);
    for (size_t i = 0; i < r->targets.len; i++) {
        const TargetOutcome *t = &r->targets.items[i];
        if (t->primary)
            continue;
        Value *b = value_struct(mem, "Backup");
        value_set_str(b, mem, "URL", t->url, 0);
        value_set_str(b, mem, "Error", cstr_or(t->error, ""), M_OMIT_EMPTY);
        value_push(backups, mem, b);
    }
    for (size_t i = 0; i < r->warnings.len; i++)
        value_push(warnings, mem, value_str(mem, r->warnings.items[i]));
    value_set_str(v, mem, "Slug", r->slug, M_OMIT_EMPTY);
    value_set_str(v, mem, "URL", r->url, M_OMIT_EMPTY);
    value_set_str(v, mem, "Link", cstr_or(r->link, ""), M_OMIT_EMPTY);
    value_set_str(v, mem, "Digest", r->digest, M_OMIT_EMPTY);
    value_set(v, mem, "Backups", backups, M_OMIT_EMPTY);
    value_set(v, mem, "Warnings", warnings, M_OMIT_EMPTY);
    return v;
}

// "sqlite" of "sqlite://..."; the scheme's base name for forms such as mysql+unix.
static const char *scheme_driver(const char *url, Arena *mem) {
    if (cstr_empty(url))
        return NULL;
    const char *mark = strstr(url, "://");
    char *scheme = arena_strndup(mem, url, mark ? (size_t)(mark - url) : 0);
    if (cstr_eq(scheme, "docker")) {
        const char *engine = mark + 3;
        return arena_strndup(mem, engine, strcspn(engine, "/"));
    }
    scheme[strcspn(scheme, "+")] = 0;
    return *scheme ? scheme : NULL;
}

static const char *driver_of(const OpsPushParams *p, Arena *mem) {
    const char *driver = scheme_driver(p->dev_url, mem);
    if (!driver && p->env)
        driver = scheme_driver(p->env->dev, mem);
    return driver || !p->env ? driver : scheme_driver(p->env->url, mem);
}

static Err *resolve_name(const char **slug, const char **tag, const OpsPushParams *p, Arena *mem) {
    const char *name = p->name;
    if (cstr_empty(name) && p->env)
        name = p->env->migration.repo.name;
    if (cstr_empty(name))
        return err_hint(err_new(E_USAGE, "directory name cannot be empty"),
                        "give a name, or set migration.repo.name in the env of atlas.hcl");
    ops_split_name(slug, tag, name, mem);
    if (!cstr_empty(p->tag))
        *tag = p->tag;
    return NULL;
}

// A directory on disk is packed file by file, so that its size does not matter.
static Err *pack(OpsDir *dir, Body *archive, OpsPush *out, const Ops *o, const OpsPushParams *p,
                 Arena *mem) {
    Str bytes;
    if (cstr_starts(p->dir_url, "atlas://") || ops_is_memory(p->dir_url)) {
        TRY(ops_dir_open(dir, o, p->env, p->dir_url, p->format, mem));
        TRY(migrate_dir_verify(dir->dir, &out->sum, mem));
        TRY(migrate_dir_archive(&bytes, dir->dir, mem));
        *archive = body_from(bytes);
        return NULL;
    }
    *dir = (OpsDir){.url = url_redact(mem, p->dir_url)};
    Spool *spool = spool_new(o->host, mem);
    PackWriter writer = {.write = spool_write, .ctx = spool};
    TRY(migrate_dir_pack(&dir->dir, migrate_dir_url(mem, p->dir_url, p->format), &writer, &out->sum,
                         mem));
    *archive = spool_body(spool);
    return NULL;
}

Err *ops_migrate_push(OpsPush *out, const Ops *o, const OpsPushParams *p, Arena *mem) {
    const char *slug, *tag;
    OpsDir dir;
    Body archive;
    Repo *repo = NULL;
    *out = (OpsPush){0};
    TRY(resolve_name(&slug, &tag, p, mem));
    TRY(slug_check(slug));
    if (tag)
        TRY(tag_check(tag));
    TRY(pack(&dir, &archive, out, o, p, mem));
    TRY(ops_repo(&repo, o, p->env, slug, mem));
    const MigrateFiles *files = &dir.dir->files;
    PushParams push = {.kind = ARTIFACT_MIGRATIONS,
                       .artifact = archive,
                       .version = files->len ? files->items[files->len - 1].version : NULL,
                       .tag = tag,
                       .latest = !tag || p->latest,
                       .driver = driver_of(p, mem),
                       .context = p->context};
    if (p->min_copies > 0)
        repo_set_min_copies(repo, p->min_copies);
    Err *e = repo_push(&out->result, repo, &push, mem);
    for (size_t i = 0; i < dir.warnings.len; i++)
        list_push(&out->result.warnings, mem, dir.warnings.items[i]);
    out->report = push_report(&out->result, mem);
    return e;
}
