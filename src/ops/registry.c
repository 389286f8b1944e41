// Repositories as such: audit and repair of the copies, and what there is.
#include <strings.h>

#include "atlas/ops.h"

enum { PAGE_SIZE = 25 };

static Err *named_repo(Repo **out, const Ops *o, const ProjectEnv *env, const char *slug,
                       Arena *mem) {
    if (cstr_empty(slug) && env)
        slug = cstr_or(env->migration.repo.name, env->schema.repo.name);
    if (cstr_empty(slug))
        return err_hint(err_new(E_USAGE, "no repository is named"),
                        "give a slug, or select an env whose repo has a name (--env)");
    return ops_repo(out, o, env, slug, mem);
}

Err *ops_registry_verify(Value **report, bool *all_ok, const Ops *o, const ProjectEnv *env,
                         const char *slug, const Progress *progress, Arena *mem) {
    Repo *repo = NULL;
    TRY(named_repo(&repo, o, env, slug, mem));
    return repo_verify(report, all_ok, repo, progress, mem);
}

Err *ops_registry_sync(Value **report, bool *all_ok, const Ops *o, const ProjectEnv *env,
                       const char *slug, const char *from, const Progress *progress, Arena *mem) {
    Repo *repo = NULL;
    TRY(named_repo(&repo, o, env, slug, mem));
    return repo_sync(report, all_ok, repo, from, progress, mem);
}

// --- what the user's words mean -----------------------------------------------------------------

typedef struct Word {
    const char *word, *meaning;
} Word;

static const Word types[] = {{"schema", "SCHEMA"}, {"s", "SCHEMA"},
                             {"migration_directory", "MIGRATION_DIRECTORY"},
                             {"migration-directory", "MIGRATION_DIRECTORY"},
                             {"migration", "MIGRATION_DIRECTORY"},
                             {"migrations", "MIGRATION_DIRECTORY"}, {"m", "MIGRATION_DIRECTORY"}};
static const Word drivers[] = {{"postgres", "postgres"},     {"postgresql", "postgres"},
                               {"mysql", "mysql"},           {"mariadb", "mariadb"},
                               {"maria", "mariadb"},         {"sqlite", "sqlite"},
                               {"sqlite3", "sqlite"},        {"sqlserver", "sqlserver"},
                               {"clickhouse", "clickhouse"}, {"redshift", "redshift"},
                               {"snowflake", "snowflake"},   {"databricks", "databricks"},
                               {"oracle", "oracle"},         {"spanner", "spanner"},
                               {"cockroachdb", "cockroachdb"}};

static Err *meaning(const char **out, const char *what, const char *text, const Word *words,
                    size_t count, const char *choices) {
    if (cstr_empty(text))
        return err_hint(err_new(E_USAGE, "%s cannot be empty", what), "it is one of %s", choices);
    for (size_t i = 0; i < count; i++)
        if (strcasecmp(words[i].word, text) == 0) {
            *out = words[i].meaning;
            return NULL;
        }
    return err_hint(err_new(E_USAGE, "unknown %s \"%s\"", what, text), "use one of %s", choices);
}

// --- reports ------------------------------------------------------------------------------------

static Value *info_value(const RepoInfo *info, bool counted, Arena *mem) {
    Value *v = value_struct(mem, "Repo");
    value_set_str(v, mem, "Slug", info->slug, 0);
    value_set_str(v, mem, "Title", info->title, 0);
    value_set_str(v, mem, "Type", info->type, 0);
    value_set_str(v, mem, "URL", info->url, 0);
    value_set_str(v, mem, "Driver", info->driver, 0);
    if (!counted)
        return v;
    Value *databases = value_struct(mem, "Databases");
    value_set_str(v, mem, "ID", info->id, M_OMIT_EMPTY);
    value_set_int(databases, mem, "Synced", info->synced, 0);
    value_set_int(databases, mem, "Failed", info->failed, 0);
    value_set_int(databases, mem, "Pending", info->pending, 0);
    value_set(v, mem, "Databases", databases, 0);
    return v;
}

Err *ops_repo_create(Value **report, bool *existed, const Ops *o, const OpsRepoParams *p,
                     Arena *mem) {
    Repo *repo = NULL;
    RepoInfo info = {0};
    const char *type = NULL, *driver = NULL;
    *existed = false;
    if (cstr_empty(p->name))
        return err_new(E_USAGE, "name cannot be empty");
    TRY(meaning(&type, "type", p->type, types, COUNT_OF(types), "schema, migration_directory"));
    TRY(meaning(&driver, "driver", p->driver, drivers, COUNT_OF(drivers),
                "postgres, mysql, mariadb, sqlite, sqlserver, clickhouse, redshift, snowflake, "
                "databricks, oracle, spanner, cockroachdb"));
    TRY(ops_repo(&repo, o, p->env, p->name, mem));
    Err *e = repo_create(&info, repo, type, driver, p->name, mem);
    *existed = err_code(e) == E_EXISTS;
    if (*existed && p->skip_if_exists && cstr_eq(info.type, type)) {
        err_free(e);
        e = NULL;
    }
    if (*existed && e)
        return err_hint(e, cstr_eq(info.type, type)
                               ? "--skip-if-exists makes that a success"
                               : "it is of another type: choose another name");
    TRY(e);
    *report = info_value(&info, false, mem);
    return NULL;
}

static Err *all_repos(RepoInfos *out, StrList *warnings, const Ops *o, const ProjectEnv *env,
                      Arena *mem) {
    Repo *repo = NULL;
    TRY(ops_repo(&repo, o, env, NULL, mem));
    return repo_list(out, warnings, repo, mem);
}

Err *ops_repo_list(Value **report, StrList *warnings, const Ops *o, const ProjectEnv *env,
                   uint64_t page, Arena *mem) {
    RepoInfos all = {0};
    TRY(all_repos(&all, warnings, o, env, mem));
    Value *v = *report = value_struct(mem, "RepoList"), *rows = value_list(mem);
    size_t first = page > all.len ? all.len : (size_t)(page ? page - 1 : 0) * PAGE_SIZE;
    for (size_t i = first; i < all.len && i < first + PAGE_SIZE; i++)
        value_push(rows, mem, info_value(&all.items[i], true, mem));
    value_set(v, mem, "Repos", rows, 0);
    value_set_int(v, mem, "Page", (int64_t)(page ? page : 1), 0);
    value_set_int(v, mem, "PageSize", PAGE_SIZE, 0);
    value_set_int(v, mem, "Total", (int64_t)all.len, 0);
    return NULL;
}

Err *ops_repo_describe(Value **report, StrList *warnings, const Ops *o, const ProjectEnv *env,
                       const char *slug, const char *id, const char *title, Arena *mem) {
    RepoInfo info;
    Repo *repo = NULL;
    RepoInfos all = {0};
    if (!cstr_empty(slug)) {
        TRY(ops_repo(&repo, o, env, slug, mem));
        TRY(repo_describe(&info, warnings, repo, mem));
        *report = info_value(&info, true, mem);
        return NULL;
    }
    TRY(all_repos(&all, warnings, o, env, mem));
    const char *wanted = cstr_or(id, title);
    for (size_t i = 0; i < all.len; i++)
        if (cstr_eq(cstr_empty(id) ? all.items[i].title : all.items[i].id, wanted)) {
            *report = info_value(&all.items[i], true, mem);
            return NULL;
        }
    return err_hint(err_new(E_NOT_FOUND, "no repository has the %s \"%s\"",
                            cstr_empty(id) ? "name" : "id", wanted),
                    "atlas cloud repo list shows what there is");
}
