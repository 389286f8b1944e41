// The configuration behind --config, --env and --var, and what it fills in.
#include "cli.h"

static bool takes(const Cli *c, const char *flag) {
    for (size_t i = 0; c->flags.specs[i]; i++)
        if (cstr_eq(c->flags.specs[i]->name, flag))
            return true;
    return false;
}

// "name=value" texts of all --var records.
static Err *collect_vars(StrList *out, const Cli *c) {
    StrList records = flag_list(&c->flags, "var");
    for (size_t i = 0; i < records.len; i++) {
        size_t first = out->len;
        TRY(csv_record(out, records.items[i], c->mem));
        for (size_t k = first; k < out->len; k++)
            if (!strchr(out->items[k], '='))
                return err_new(E_USAGE, "variables must be format as key=value, got: \"%s\"",
                               out->items[k]);
    }
    return NULL;
}

static void fill_flags(Cli *c) {
    const ProjectEnv *e = c->env;
    const ProjectMigration *m = &e->migration;
    const struct {
        const char *flag, *value;
    } rows[] = {
        {"url", e->url},
        {"dev-url", e->dev},
        {"dir", m->dir},
        {"dir-format", m->format},
        {"lock-timeout", m->lock_timeout},
        {"db-lock-timeout", m->db_lock_timeout},
        {"statement-timeout", m->statement_timeout},
        {"baseline", m->baseline},
        {"revisions-schema", m->revisions_schema},
        {"exec-order", m->exec_order},
        {"tx-mode", m->tx_mode},
    };
    for (size_t i = 0; i < COUNT_OF(rows); i++)
        flag_fill(&c->flags, rows[i].flag, rows[i].value);
}

// "migrate apply" -> format { migrate { apply } }.
static void fill_format(Cli *c, const Command *command) {
    if (!c->env->formats || !takes(c, "format"))
        return;
    const char *key = cstr_replace(c->mem, command->path, " ", ".");
    flag_fill(&c->flags, "format", map_get(c->env->formats, key));
}

static Err *resolve_urls(Cli *c) {
    static const char *const flags[] = {"url", "dev-url", "dir"};
    for (size_t i = 0; i < COUNT_OF(flags); i++) {
        const char *now = flag_text(&c->flags, flags[i]), *resolved = now;
        if (!cstr_starts(now, "env://"))
            continue;
        TRY(project_env_url(&resolved, c->env, now, c->mem));
        StrList *value = NEW(c->mem, StrList);
        list_push(value, c->mem, resolved);
        map_set(&c->flags.values, flags[i], value);
    }
    return NULL;
}

Err *cli_load_project(Cli *c, const Command *command) {
    StrList *vars = NEW(c->mem, StrList);
    Project *p = NULL;
    if (!takes(c, "env"))
        return NULL;
    TRY(collect_vars(vars, c));
    c->ops.vars = vars;
    ProjectOptions o = {.config = flag_text(&c->flags, "config"),
                        .explicit_config = flag_given(&c->flags, "config"),
                        .env = flag_text(&c->flags, "env"),
                        .vars = vars,
                        .host = c->world->host,
                        .loop = c->ops.loop,
                        .cancel = c->world->cancel};
    if (cstr_eq(command->path, "project show"))
        o.explicit_config = true;
    TRY(project_load(&p, &o, c->mem));
    c->ops.project = p;
    size_t envs = p ? p->envs.len : 0;
    if (envs > 1 && !command->many_envs)
        return err_new(E_USAGE, "multiple envs found for \"%s\"", p->envs.items[0]->name);
    c->env = envs ? p->envs.items[0] : NULL;
    if (c->env)
        fill_format(c, command);
    // Several envs are told apart by ops_targets; what they share is filled in there as well.
    if (c->env && envs == 1)
        fill_flags(c);
    return resolve_urls(c);
}

// What was given, without the defaults of the flag table.
static const char *given(const Cli *c, const char *flag) {
    return flag_given(&c->flags, flag) ? flag_text(&c->flags, flag) : "";
}

Err *cli_targets(OpsTarget **out, size_t *count, Cli *c, Arena *mem) {
    OpsGiven g = {.url = given(c, "url"),
                  .dir = given(c, "dir"),
                  .format = given(c, "dir-format"),
                  .revisions_schema = given(c, "revisions-schema"),
                  .baseline = given(c, "baseline"),
                  .lock_name = given(c, "lock-name"),
                  .lock_timeout = given(c, "lock-timeout"),
                  .tx_mode = given(c, "tx-mode"),
                  .exec_order = given(c, "exec-order"),
                  .db_lock_timeout = given(c, "db-lock-timeout"),
                  .statement_timeout = given(c, "statement-timeout")};
    return ops_targets(out, count, &c->ops, &g, true, mem);
}

Err *cli_project_show(Cli *c) {
    if (!c->ops.project)
        return err_new(E_CONFIG, "there is no configuration to show");
    Buf out;
    buf_init(&out, c->mem, BUF_MAX_TEXT);
    json_write_indent(&out, project_to_value(c->ops.project, c->mem), JSON_PLAIN, "", "  ");
    buf_char(&out, '\n');
    cli_print(out.ptr);
    return NULL;
}
