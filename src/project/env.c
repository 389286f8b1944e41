// One `env` block, as a struct.
#include "read.h"

enum { KEY_BYTES = 32 };

// --- repo ---------------------------------------------------------------------------------------

static const char *const repo_attrs[] = {"name",   "url",             "backup", "min_copies",
                                         "verify", "verify_approvals"};

// Other attributes are none of our business, but a misspelt "backup" must not go unnoticed.
static Err *check_spelling(const HclResource *r) {
    for (size_t i = 0; i < r->attrs.len; i++) {
        const HclResourceAttr *a = &r->attrs.items[i];
        const char *near = cstr_nearest(a->name, repo_attrs, COUNT_OF(repo_attrs));
        if (near && !cstr_eq(near, a->name))
            return hcl_error(&a->source->name_range,
                             "Unsupported argument; An argument named \"%s\" is not expected here. "
                             "Did you mean \"%s\"?", a->name, near);
    }
    return NULL;
}

static Err *check_keys(const HclResource *r, const char *attr, const StrList *keys, Arena *mem) {
    for (size_t i = 0; i < keys->len; i++) {
        Str raw = {0};
        bool ok = cstr_starts(keys->items[i], "ed25519:") &&
                  base64_decode(&raw, keys->items[i] + strlen("ed25519:"), mem) &&
                  raw.len == KEY_BYTES;
        HclRange at = hcl_resource_range(r, attr);
        if (!ok)
            return hcl_error(&at, "\"%s\" holds a key that is not written as ed25519:BASE64 (32 "
                             "bytes): \"%s\"", attr, keys->items[i]);
    }
    return NULL;
}

static Err *check_backups(const HclResource *r, const StrList *urls, Arena *mem) {
    HclRange at = hcl_resource_range(r, "backup");
    for (size_t i = 0; i < urls->len; i++) {
        mask_url(urls->items[i], mem);
        if (!*urls->items[i])
            return hcl_error(&at, "\"backup\" holds an empty URL");
        for (size_t j = 0; j < i; j++)
            if (cstr_eq(urls->items[i], urls->items[j]))
                return hcl_error(&at, "\"backup\" lists \"%s\" twice",
                                 url_redact(mem, urls->items[i]));
    }
    return NULL;
}

static Err *repo_read(ProjectRepo *out, const HclResource *parent, Arena *mem) {
    const HclResource *r;
    *out = (ProjectRepo){.name = "", .url = ""};
    TRY(read_child(&r, parent, "repo"));
    if (!r)
        return NULL;
    out->range = r->block->range;
    TRY(check_spelling(r));
    TRY(read_text(&out->name, r, "name"));
    TRY(read_text(&out->url, r, "url"));
    mask_url(out->url, mem);
    TRY(read_texts(&out->backup, r, "backup", mem));
    TRY(check_backups(r, &out->backup, mem));
    TRY(read_count(&out->min_copies, r, "min_copies"));
    TRY(read_texts(&out->verify, r, "verify", mem));
    TRY(check_keys(r, "verify", &out->verify, mem));
    TRY(read_texts(&out->verify_approvals, r, "verify_approvals", mem));
    return check_keys(r, "verify_approvals", &out->verify_approvals, mem);
}

// --- migration, schema --------------------------------------------------------------------------

// LINEAR_SKIP is "linear-skip" as a flag.
static const char *flag_word(const char *word, Arena *mem) {
    return cstr_replace(mem, cstr_lower(mem, word), "_", "-");
}

static Err *duration_read(const char **out, const HclResource *r, const char *attr) {
    Duration d;
    HclRange at = hcl_resource_range(r, attr);
    TRY(read_text(out, r, attr));
    if (!**out || duration_parse(*out, &d))
        return NULL;
    return hcl_error(&at, "value of attr \"%s\" is no duration such as 10s: \"%s\"", attr, *out);
}

static Err *migration_read(ProjectMigration *m, const HclResource *env, Arena *mem) {
    const HclResource *r;
    *m = (ProjectMigration){.dir = "", .format = "", .baseline = "", .revisions_schema = "",
                            .exec_order = "", .tx_mode = "", .lock_name = "", .lock_timeout = "",
                            .db_lock_timeout = "", .statement_timeout = "",
                            .repo = {.name = "", .url = ""}};
    TRY(read_child(&r, env, "migration"));
    if (!r)
        return NULL;
    TRY(read_text(&m->dir, r, "dir"));
    TRY(read_text(&m->format, r, "format"));
    TRY(read_text(&m->baseline, r, "baseline"));
    TRY(read_text(&m->revisions_schema, r, "revisions_schema"));
    TRY(read_text(&m->exec_order, r, "exec_order"));
    TRY(read_text(&m->tx_mode, r, "tx_mode"));
    TRY(read_text(&m->lock_name, r, "lock_name"));
    TRY(duration_read(&m->lock_timeout, r, "lock_timeout"));
    TRY(duration_read(&m->db_lock_timeout, r, "db_lock_timeout"));
    TRY(duration_read(&m->statement_timeout, r, "statement_timeout"));
    TRY(read_texts(&m->exclude, r, "exclude", mem));
    m->exec_order = flag_word(m->exec_order, mem);
    mask_url(m->dir, mem);
    return repo_read(&m->repo, r, mem);
}

static Err *schema_read(ProjectSchema *s, const HclResource *env, Arena *mem) {
    const HclResource *r;
    *s = (ProjectSchema){.repo = {.name = "", .url = ""}};
    TRY(read_child(&r, env, "schema"));
    if (!r)
        return NULL;
    TRY(read_sources(&s->src, r, "src", mem));
    return repo_read(&s->repo, r, mem);
}

// --- formats ------------------------------------------------------------------------------------

static Err *formats_read(Map *out, const HclResource *env, const char *block, Arena *mem) {
    const HclResource *r;
    TRY(read_child(&r, env, block));
    for (size_t i = 0; r && i < r->children.len; i++) {
        const HclResource *group = r->children.items[i];
        for (size_t j = 0; j < group->attrs.len; j++) {
            const char *name = group->attrs.items[j].name, *text;
            TRY(read_text(&text, group, name));
            map_set(out, arena_printf(mem, "%s.%s", group->type, name), arena_strdup(mem, text));
        }
    }
    return NULL;
}

// --- policies and the rest ----------------------------------------------------------------------

static Err *policy_read(Value **out, const HclResource *env, const char *type, Arena *mem) {
    const HclResource *r;
    TRY(read_child(&r, env, type));
    *out = r ? block_value(r, mem) : NULL;
    return NULL;
}

static Err *policies_read(ProjectEnv *e, const HclResource *r, const Project *project,
                          Arena *mem) {
    TRY(policy_read(&e->lint, r, "lint", mem));
    TRY(policy_read(&e->diff, r, "diff", mem));
    TRY(policy_read(&e->test, r, "test", mem));
    e->lint = lint_merge(e->lint, project->lint, mem);
    e->diff = diff_merge(e->diff, project->diff, mem);
    if (!e->test)
        e->test = project->test;
    return NULL;
}

static bool is_one_of(const char *s, const char *const *names, size_t count) {
    for (size_t i = 0; i < count; i++)
        if (cstr_eq(s, names[i]))
            return true;
    return false;
}

static void extra_read(ProjectEnv *e, const HclResource *r, Arena *mem) {
    static const char *const known[] = {"name", "url", "dev", "src", "schemas", "exclude",
                                        "include"};
    static const char *const blocks[] = {"schema", "migration", "diff", "lint", "test", "format",
                                         "log"};
    Value *all = block_value(r, mem);
    e->extra = value_map(mem);
    for (size_t i = 0; i < all->u.map.len; i++) {
        const char *key = all->u.map.items[i].key;
        bool attr = hcl_resource_attr(r, key) != NULL;
        bool taken = attr ? is_one_of(key, known, COUNT_OF(known))
                          : is_one_of(key, blocks, COUNT_OF(blocks));
        if (!taken)
            value_set(e->extra, mem, key, all->u.map.items[i].value, 0);
    }
}

Err *env_read(ProjectEnv **out, const HclResource *r, const Project *project, Arena *mem) {
    ProjectEnv *e = NEW(mem, ProjectEnv);
    TRY(read_text(&e->name, r, "name"));
    e->name = r->name;
    TRY(read_text(&e->url, r, "url"));
    TRY(read_text(&e->dev, r, "dev"));
    mask_url(e->url, mem);
    mask_url(e->dev, mem);
    TRY(read_sources(&e->src, r, "src", mem));
    TRY(read_texts(&e->schemas, r, "schemas", mem));
    TRY(read_texts(&e->exclude, r, "exclude", mem));
    TRY(read_texts(&e->include, r, "include", mem));
    TRY(migration_read(&e->migration, r, mem));
    TRY(schema_read(&e->schema, r, mem));
    if (!hcl_resource_get(r, "src"))
        e->src = e->schema.src;
    for (size_t i = 0; i < e->src.len; i++)
        mask_url(e->src.items[i], mem);
    e->formats = map_new(mem);
    TRY(formats_read(e->formats, r, "format", mem));
    TRY(formats_read(e->formats, r, "log", mem)); // the older name wins
    TRY(policies_read(e, r, project, mem));
    extra_read(e, r, mem);
    *out = e;
    return NULL;
}
