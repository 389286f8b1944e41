// What `atlas project show` prints: everything that was read, secrets masked.
#include "read.h"

static Value *masked(const Value *v, const char *name, Arena *mem) {
    Value *out;
    switch (v->kind) {
    case V_STR:
        if (is_secret_name(name) && value_len(v) > 0 && !strstr(value_text(v), "://"))
            return value_str(mem, "***");
        return value_str(mem, log_redact(mem, url_redact(mem, value_text(v))));
    case V_LIST:
        out = value_list(mem);
        for (size_t i = 0; i < v->u.list.len; i++)
            value_push(out, mem, masked(v->u.list.items[i], name, mem));
        return out;
    case V_MAP:
        out = value_map(mem);
        for (size_t i = 0; i < v->u.map.len; i++)
            value_set(out, mem, v->u.map.items[i].key,
                      masked(value_member(v, i), v->u.map.items[i].key, mem), 0);
        return out;
    default: return value_copy(mem, v);
    }
}

static void add_text(Value *map, const char *key, const char *text, Arena *mem) {
    if (*text)
        value_set_str(map, mem, key, url_redact(mem, text), 0);
}

static void add_texts(Value *map, const char *key, const StrList *list, Arena *mem) {
    Value *out = value_list(mem);
    for (size_t i = 0; i < list->len; i++)
        value_push(out, mem, value_str(mem, url_redact(mem, list->items[i])));
    if (list->len > 0)
        value_set(map, mem, key, out, 0);
}

static void add_map(Value *map, const char *key, Value *item, Arena *mem) {
    if (item && !value_is_empty(item))
        value_set(map, mem, key, item, 0);
}

static void add_masked(Value *map, const char *key, const Value *v, Arena *mem) {
    if (v)
        value_set(map, mem, key, masked(v, key, mem), 0);
}

static Value *repo_value(const ProjectRepo *r, Arena *mem) {
    Value *out = value_map(mem);
    add_text(out, "name", r->name, mem);
    add_text(out, "url", r->url, mem);
    add_texts(out, "backup", &r->backup, mem);
    if (r->min_copies > 0)
        value_set_int(out, mem, "min_copies", r->min_copies, 0);
    add_texts(out, "verify", &r->verify, mem);
    add_texts(out, "verify_approvals", &r->verify_approvals, mem);
    return out;
}

static Value *migration_value(const ProjectMigration *m, Arena *mem) {
    Value *out = value_map(mem);
    add_text(out, "dir", m->dir, mem);
    add_texts(out, "exclude", &m->exclude, mem);
    add_text(out, "format", m->format, mem);
    add_text(out, "baseline", m->baseline, mem);
    add_text(out, "exec_order", m->exec_order, mem);
    add_text(out, "tx_mode", m->tx_mode, mem);
    add_text(out, "lock_name", m->lock_name, mem);
    add_text(out, "lock_timeout", m->lock_timeout, mem);
    add_text(out, "db_lock_timeout", m->db_lock_timeout, mem);
    add_text(out, "statement_timeout", m->statement_timeout, mem);
    add_text(out, "revisions_schema", m->revisions_schema, mem);
    add_map(out, "repo", repo_value(&m->repo, mem), mem);
    return out;
}

static Value *schema_value(const ProjectSchema *s, Arena *mem) {
    Value *out = value_map(mem);
    add_texts(out, "src", &s->src, mem);
    add_map(out, "repo", repo_value(&s->repo, mem), mem);
    return out;
}

static Value *formats_value(const Map *formats, Arena *mem) {
    Value *out = value_map(mem);
    for (size_t i = 0; i < formats->len; i++)
        value_set_str(out, mem, formats->entries[i].key, formats->entries[i].value, 0);
    return out;
}

static Value *env_value(const ProjectEnv *e, Arena *mem) {
    Value *out = value_map(mem);
    value_set_str(out, mem, "name", e->name, 0);
    add_text(out, "url", e->url, mem);
    add_text(out, "dev", e->dev, mem);
    add_texts(out, "src", &e->src, mem);
    add_texts(out, "schemas", &e->schemas, mem);
    add_texts(out, "exclude", &e->exclude, mem);
    add_texts(out, "include", &e->include, mem);
    add_map(out, "schema", schema_value(&e->schema, mem), mem);
    add_map(out, "migration", migration_value(&e->migration, mem), mem);
    add_map(out, "format", formats_value(e->formats, mem), mem);
    add_masked(out, "lint", e->lint, mem);
    add_masked(out, "diff", e->diff, mem);
    add_masked(out, "test", e->test, mem);
    for (size_t i = 0; i < e->extra->u.map.len; i++) {
        const Member *m = &e->extra->u.map.items[i];
        add_masked(out, m->key, m->value, mem);
    }
    return out;
}

Value *project_to_value(const Project *p, Arena *mem) {
    Value *out = value_map(mem), *cloud = value_map(mem), *envs = value_list(mem);
    if (*p->cloud.token)
        value_set_str(cloud, mem, "token", "***", 0);
    add_text(cloud, "url", p->cloud.url, mem);
    add_text(cloud, "project", p->cloud.project, mem);
    add_text(cloud, "org", p->cloud.org, mem);
    add_text(cloud, "key", p->cloud.key, mem);
    add_map(out, "cloud", cloud, mem);
    add_masked(out, "lint", p->lint, mem);
    add_masked(out, "diff", p->diff, mem);
    add_masked(out, "test", p->test, mem);
    for (size_t i = 0; i < p->envs.len; i++)
        value_push(envs, mem, env_value(p->envs.items[i], mem));
    value_set(out, mem, "envs", envs, 0);
    return out;
}
