// Flags and inputs > env block > default: the one place where that is decided.
#include "internal.h"

static const char *choose(const char *given, const char *env, const char *fallback) {
    return cstr_or(given, cstr_or(env, fallback));
}

static Err *no_url(const ProjectEnv *env) {
    Err *e = err_new(E_USAGE, "required flag \"url\" not set");
    return env ? err_hint(e, "set url in env \"%s\" of the configuration", env->name)
               : err_hint(e, "give a database URL, or select an env that has one");
}

static Err *read_duration(Duration *out, const char *what, const char *given, const char *env,
                          const char *fallback) {
    const char *text = choose(given, env, fallback);
    if (duration_parse(text, out) && *out >= 0)
        return NULL;
    return err_new(E_CONFIG, "%s \"%s\" is not a duration such as 10s", what, text);
}

static Err *make_target(OpsTarget *t, const ProjectEnv *env, const OpsGiven *g, Arena *mem) {
    const ProjectMigration *m = env ? &env->migration : &(ProjectMigration){0};
    *t = (OpsTarget){.env = env,
                     .url = choose(g->url, env ? env->url : "", ""),
                     .dir_url = choose(g->dir, m->dir, "file://migrations"),
                     .format = choose(g->format, m->format, ""),
                     .revisions_schema = choose(g->revisions_schema, m->revisions_schema, ""),
                     .baseline = choose(g->baseline, m->baseline, ""),
                     .lock_name = choose(g->lock_name, m->lock_name, ""),
                     .tx_mode = choose(g->tx_mode, m->tx_mode, "file"),
                     .order = choose(g->exec_order, m->exec_order, "linear")};
    TRY(read_duration(&t->lock_timeout, "lock timeout", g->lock_timeout, m->lock_timeout, "10s"));
    TRY(read_duration(&t->db_lock_timeout, "database lock timeout", g->db_lock_timeout,
                      m->db_lock_timeout, "0s"));
    TRY(read_duration(&t->statement_timeout, "statement timeout", g->statement_timeout,
                      m->statement_timeout, "0s"));
    TRY(project_env_url(&t->url, env, t->url, mem));
    TRY(project_env_url(&t->dir_url, env, t->dir_url, mem));
    if (!*t->url)
        return no_url(env);
    log_mask(url_password(t->url, mem));
    return NULL;
}

Err *ops_targets(OpsTarget **out, size_t *count, const Ops *o, const OpsGiven *given, bool many,
                 Arena *mem) {
    size_t envs = o->project ? o->project->envs.len : 0;
    if (envs > 1 && !many)
        return err_new(E_USAGE, "multiple envs found for \"%s\"", o->project->envs.items[0]->name);
    *count = envs ? envs : 1;
    OpsTarget *t = *out = NEW_ARRAY(mem, OpsTarget, *count);
    for (size_t i = 0; i < *count; i++)
        TRY(make_target(&t[i], envs ? o->project->envs.items[i] : NULL, given, mem));
    return NULL;
}

Err *ops_db_open(Db **out, const Ops *o, const OpsTarget *t, Arena *mem) {
    const ProjectDbAccess access = {o->project, o->loop, o->cancel};
    const char *url = NULL;
    TRY(project_db_url(&url, &access, t->url, mem)); // the password of this moment
    return db_open(out, url,
                   &(DbOptions){.host = o->host,
                                .cancel = o->cancel,
                                .lock_timeout = t->db_lock_timeout,
                                .statement_timeout = t->statement_timeout},
                   mem);
}
