// Directories and repositories as configurations name them.
#include "atlas/grant.h"
#include "atlas/ops.h"

#include "internal.h"

const CloudConfig *ops_cloud(const Ops *o, Arena *mem) {
    CloudConfig *c = NEW(mem, CloudConfig);
    const ProjectCloud *cloud = o->project ? &o->project->cloud : NULL;
    const char *url = cloud ? cloud->url : NULL, *token = cloud ? cloud->token : NULL;
    const char *kept_token = "", *kept_url = "";
    url = cstr_or(url, host_env(o->host, "ATLAS_CLOUD_URL"));
    c->token = cstr_or(cstr_or(token, o->token), host_env(o->host, "ATLAS_TOKEN"));
    if (!*c->token) { // of `atlas login`: good for the registry it was given for
        AutoErr e = grant_token_read(&kept_token, &kept_url, o->host, mem);
        if (e)
            log_debug("%s", err_text(e));
        if (cstr_empty(url) || cstr_eq(url, kept_url)) {
            c->token = kept_token;
            url = kept_url;
        }
    }
    c->url = cstr_or(url, CLOUD_DEFAULT_URL);
    c->project = cstr_or(cloud ? cloud->project : NULL, "default");
    const char *require = cstr_or(o->require_grant_text, host_env(o->host, "ATLAS_REQUIRE_GRANT"));
    c->require_signed = cstr_eq(require, "signed");
    c->require_grant = c->require_signed || cstr_eq(require, "1") || cstr_eq(require, "true");
    c->grant_key = cstr_or(cloud ? cloud->key : NULL, "");
    c->token = cstr_trim(mem, c->token);
    log_mask(c->token);
    return *c->token ? c : NULL;
}

// The env's repo block with that name, migrations first.
static const ProjectRepo *repo_block(const ProjectEnv *env, const char *slug) {
    if (!env || !slug)
        return NULL;
    if (cstr_eq(env->migration.repo.name, slug))
        return &env->migration.repo;
    return cstr_eq(env->schema.repo.name, slug) ? &env->schema.repo : NULL;
}

// The block whose targets hold repositories of any name; NULL: the env tells of no place.
static const ProjectRepo *home_block(const ProjectEnv *env) {
    if (!env)
        return NULL;
    const ProjectRepo *both[] = {&env->migration.repo, &env->schema.repo};
    for (size_t i = 0; i < COUNT_OF(both); i++)
        if (!cstr_empty(both[i]->url) || both[i]->backup.len)
            return both[i];
    return NULL;
}

enum { MAX_KEY_FILE = 64 << 10 };

static Err *sign_key(const char **out, const Ops *o, Arena *mem) {
    Str text;
    *out = host_env(o->host, "ATLAS_SIGN_KEY");
    log_mask(*out);
    if (cstr_empty(o->sign_key_file))
        return NULL;
    Err *e = fs_read(&text, o->sign_key_file, MAX_KEY_FILE, mem);
    if (e)
        return err_hint(err_wrap(e, "the signing key"),
                        "`atlas registry key new` makes a pair");
    *out = text.ptr;
    return NULL;
}

Err *ops_repo(Repo **out, const Ops *o, const ProjectEnv *env, const char *slug, Arena *mem) {
    RepoOptions options = {.slug = slug, .cloud = ops_cloud(o, mem), .loop = o->loop,
                           .primary_url = home_block(env) ? home_block(env)->url : NULL};
    const ProjectRepo *block = slug ? repo_block(env, slug) : home_block(env);
    if (block) {
        options.primary_url = block->url;
        options.backups = block->backup;
        options.min_copies = block->min_copies;
        options.verify = block->verify;
        options.verify_approvals = block->verify_approvals;
    }
    options.simulate = cstr_or(o->simulate, host_env(o->host, "ATLAS_SIMULATE"));
    TRY(sign_key(&options.sign_key, o, mem));
    Err *e = repo_open(out, &options, mem);
    return e && block && err_code(e) == E_CONFIG ? err_wrap(e, "repo \"%s\"", slug) : e;
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

bool ops_is_memory(const char *url) { return cstr_starts(url, "mem://"); }

Err *ops_memory_dir(const ProjectDir **out, const Ops *o, const char *url, Arena *mem) {
    const char *name = arena_strndup(mem, url, strcspn(url, "?"));
    *out = o->project ? map_get(o->project->dirs, name) : NULL;
    if (*out)
        return NULL;
    return err_hint(err_new(E_NOT_FOUND, "%s: there is no such directory in memory", name),
                    "a data source template_dir of the selected env makes them: "
                    "dir = data.template_dir.NAME.url");
}

Err *ops_dir_open(OpsDir *out, const Ops *o, const ProjectEnv *env, const char *url,
                  const char *format, Arena *mem) {
    *out = (OpsDir){.url = url_redact(mem, url)};
    if (cstr_starts(url, "atlas://")) {
        Err *e = open_from_registry(out, o, env, url, mem);
        // Callers compare the text of the login error.
        return e && err_code(e) != E_LOGIN ? err_wrap(e, "reading %s", url) : e;
    }
    if (ops_is_memory(url)) {
        const ProjectDir *made = NULL;
        TRY(ops_memory_dir(&made, o, url, mem));
        out->dir = made->dir;
        return NULL;
    }
    const char *full = cstr_empty(format) ? url : migrate_dir_url(mem, url, format);
    return migrate_dir_open(&out->dir, full, mem);
}
