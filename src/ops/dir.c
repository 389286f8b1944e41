// Directories and repositories as configurations name them.
#include "atlas/ops.h"

#include "internal.h"

const CloudConfig *ops_cloud(const Ops *o, Arena *mem) {
    CloudConfig *c = NEW(mem, CloudConfig);
    const ProjectCloud *cloud = o->project ? &o->project->cloud : NULL;
    const char *url = cloud ? cloud->url : NULL, *token = cloud ? cloud->token : NULL;
    c->url = cstr_or(url, cstr_or(host_env(o->host, "ATLAS_CLOUD_URL"), CLOUD_DEFAULT_URL));
    c->token = cstr_or(token, host_env(o->host, "ATLAS_TOKEN"));
    c->project = cstr_or(cloud ? cloud->project : NULL, "default");
    log_mask(c->token);
    return *c->token ? c : NULL;
}

// The env's repo block with that name, migrations first.
static const ProjectRepo *repo_block(const ProjectEnv *env, const char *slug) {
    if (!env)
        return NULL;
    if (cstr_eq(env->migration.repo.name, slug))
        return &env->migration.repo;
    return cstr_eq(env->schema.repo.name, slug) ? &env->schema.repo : NULL;
}

Err *ops_repo(Repo **out, const Ops *o, const ProjectEnv *env, const char *slug, Arena *mem) {
    RepoOptions options = {.slug = slug, .cloud = ops_cloud(o, mem), .loop = o->loop};
    const ProjectRepo *block = repo_block(env, slug);
    if (block) {
        options.primary_url = block->url;
        options.backups = block->backup;
        options.min_copies = block->min_copies;
        if (block->verify.len)
            return err_hint(err_new(E_UNSUPPORTED, "repo \"%s\": verify: signed refs are not "
                                                   "supported by this version", slug),
                            "remove verify, or use a version that checks signatures");
    }
    return repo_open(out, &options, mem);
}

void ops_split_name(const char **slug, const char **tag, const char *text, Arena *mem) {
    const char *colon = strrchr(text, ':');
    *slug = text;
    *tag = NULL;
    if (!colon || cstr_starts(colon, "://"))
        return;
    *slug = arena_strndup(mem, text, (size_t)(colon - text));
    *tag = colon[1] ? colon + 1 : NULL;
}

static Err *open_from_registry(OpsDir *out, const Ops *o, const ProjectEnv *env, const char *url,
                               Arena *mem) {
    AtlasUrl at;
    ReadResult read;
    Str bytes;
    TRY(atlas_url_parse(&at, url, mem));
    if (at.plan)
        return err_new(E_INVALID, "%s: a plan is no migration directory", url);
    TRY(ops_repo(&out->repo, o, env, at.slug, mem));
    ReadParams p = {.kind = ARTIFACT_MIGRATIONS, .tag = at.tag, .version = at.version,
                    .digest = at.digest};
    TRY(repo_read(&read, out->repo, &p, mem));
    TRY(body_bytes(&bytes, &read.artifact, mem));
    TRY(migrate_dir_from_tar(&out->dir, bytes, url, mem));
    if (read.cut_version)
        TRY(migrate_dir_cut(&out->dir, out->dir, read.cut_version, mem));
    out->slug = at.slug;
    out->warnings = read.warnings;
    return NULL;
}

Err *ops_dir_open(OpsDir *out, const Ops *o, const ProjectEnv *env, const char *url,
                  const char *format, Arena *mem) {
    *out = (OpsDir){.url = url_redact(mem, url)};
    if (cstr_starts(url, "atlas://")) {
        Err *e = open_from_registry(out, o, env, url, mem);
        // Callers compare the text of the login error.
        return e && err_code(e) != E_LOGIN ? err_wrap(e, "reading %s", url) : e;
    }
    const char *full = cstr_empty(format) ? url : migrate_dir_url(mem, url, format);
    return migrate_dir_open(&out->dir, full, mem);
}
