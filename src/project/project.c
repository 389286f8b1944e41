// Configuration files to a Project: which blocks count, what is evaluated, what comes out.
#include "data/data.h"
#include "read.h"

enum { CONFIG_MAX = 16 << 20 };

typedef struct Load {
    const ProjectOptions *o;
    Arena *mem;
    const char *env;
    bool labelled;       // some env block has the selected name as its label
    ProjectCloud cloud;
    Project *project;
    LIST(const HclFile *) files;
} Load;

// --- words --------------------------------------------------------------------------------------

static const struct {
    const char *path, *words; // words: separated by one space
} word_table[] = {
    {"env.migration.format", "atlas golang-migrate goose flyway liquibase dbmate"},
    {"env.migration.exec_order", "LINEAR LINEAR_SKIP NON_LINEAR"},
    {"env.lint.review", "ALWAYS WARNING ERROR"},
    {"lint.review", "ALWAYS WARNING ERROR"},
};

static const char *words_of(const char *path) {
    for (size_t i = 0; i < COUNT_OF(word_table); i++)
        if (cstr_eq(word_table[i].path, path))
            return word_table[i].words;
    return NULL;
}

static bool has_words(void *ctx, const char *path) {
    (void)ctx;
    return words_of(path) != NULL;
}

static const HclValue *find_word(void *ctx, const char *path, const char *name,
                                 const char **reason, Arena *mem) {
    StrList words = cstr_split(mem, words_of(path), ' ');
    (void)ctx;
    (void)reason;
    return strlist_has(&words, name) ? hcl_string(mem, name) : NULL;
}

static const HclWords project_words = {.has = has_words, .word = find_word};

// --- files --------------------------------------------------------------------------------------

static Err *config_path(const char **out, const char *url) {
    const char *sep = strstr(url, "://");
    if (!sep)
        return err_new(E_USAGE, "missing scheme for config file. Did you mean file://%s?", url);
    if (!cstr_starts(url, "file://"))
        return err_new(E_USAGE, "unsupported config file driver \"%.*s\"", (int)(sep - url), url);
    *out = sep + 3;
    return NULL;
}

static Err *read_file(Load *l, const char *url) {
    const char *path;
    Str text;
    HclFile *file;
    TRY(config_path(&path, url));
    Err *err = fs_read(&text, path, CONFIG_MAX, l->mem);
    if (err && err_code(err) == E_NOT_FOUND)
        return err_set_code(err_wrap(err, "config file \"%s\" was not found", path), E_CONFIG);
    if (err)
        return err_wrap(err, "config file \"%s\"", path);
    TRY(hcl_parse(&file, path, text, l->mem));
    list_push(&l->files, l->mem, file);
    return NULL;
}

static Err *read_files(Load *l) {
    StrList urls = cstr_split(l->mem, cstr_or(l->o->config, "file://atlas.hcl"), ',');
    for (size_t i = 0; i < urls.len; i++) {
        const char *url = cstr_trim(l->mem, urls.items[i]);
        if (*url)
            TRY(read_file(l, url));
    }
    if (l->files.len == 0)
        return err_new(E_USAGE, "missing scheme for config file. Did you mean file://atlas.hcl?");
    return NULL;
}

// --- variables ----------------------------------------------------------------------------------

typedef struct Input {
    LIST(const HclValue *) values;
} Input;

Err *project_inputs(Map **out, const StrList *vars, Arena *mem) {
    Map inputs;
    map_init(&inputs, mem);
    for (size_t i = 0; vars && i < vars->len; i++) {
        const char *text = vars->items[i], *eq = strchr(text, '=');
        if (!eq)
            return err_new(E_USAGE, "variables must be format as key=value, got: \"%s\"", text);
        char *name = arena_strndup(mem, text, (size_t)(eq - text));
        Input *in = map_get(&inputs, name);
        if (!in) {
            in = NEW(mem, Input);
            map_set(&inputs, name, in);
        }
        if (is_secret_name(name) && strlen(eq + 1) >= 3)
            log_mask(eq + 1);
        list_push(&in->values, mem, hcl_string(mem, eq + 1));
    }
    *out = map_new(mem);
    for (size_t i = 0; i < inputs.len; i++) {
        const Input *in = inputs.entries[i].value;
        const HclValue *v = in->values.len == 1
                                ? in->values.items[0]
                                : hcl_list(mem, &hcl_type_string, in->values.items, in->values.len);
        map_set(*out, inputs.entries[i].key, (void *)(uintptr_t)v);
    }
    return NULL;
}

// --- selection of env blocks --------------------------------------------------------------------

static bool has_label(const Load *l, const HclBlock *b) {
    return b->labels.len == 1 && cstr_eq(b->labels.items[0], l->env);
}

static void note_env(void *ctx, const HclPath *path) {
    bool *found = ctx;
    if (path->len > 1 && cstr_eq(path->names[0], "atlas") && cstr_eq(path->names[1], "env"))
        *found = true;
}

static bool named_by_env(const HclBlock *b) {
    const HclAttr *name = hcl_body_attr(b->body, "name");
    bool found = false;
    if (name)
        hcl_expr_paths(name->expr, note_env, &found);
    return found;
}

static bool keep_block(void *ctx, const HclBlock *b) {
    const Load *l = ctx;
    if (!cstr_eq(b->type, "env"))
        return true;
    if (!*l->env)
        return false;
    return l->labelled ? has_label(l, b) : b->labels.len == 0 && named_by_env(b);
}

static void find_labelled(Load *l) {
    for (size_t i = 0; i < l->files.len; i++) {
        const HclBody *body = l->files.items[i]->body;
        for (size_t j = 0; j < body->blocks.len; j++)
            if (cstr_eq(body->blocks.items[j]->type, "env") && has_label(l, body->blocks.items[j]))
                l->labelled = true;
    }
}

// --- atlas { cloud { } } ------------------------------------------------------------------------

static Err *read_cloud(ProjectCloud *c, const HclResource *r, Arena *mem) {
    const HclResource *cloud;
    TRY(read_child(&cloud, r, "cloud"));
    if (!cloud)
        return hcl_error(&r->block->range, "missing required block \"cloud\"");
    TRY(read_text(&c->token, cloud, "token"));
    if (*c->token)
        log_mask(c->token);
    if (!hcl_resource_get(cloud, "token"))
        return hcl_error(&cloud->block->range, "missing required attribute \"token\"");
    TRY(read_text(&c->url, cloud, "url"));
    TRY(read_text(&c->project, cloud, "project"));
    TRY(read_text(&c->org, cloud, "org"));
    TRY(read_text(&c->key, cloud, "key"));
    c->project = cstr_or(c->project, "default");
    mask_url(c->url, mem);
    return NULL;
}

static Err *read_init(const HclValue **out, const HclResource *r, void *ctx, Arena *mem) {
    Load *l = ctx;
    HclFields f = {0}, cloud = {0};
    hcl_field(&f, mem, "env", hcl_string(mem, l->env));
    if (r) {
        Err *err = read_cloud(&l->cloud, r, mem);
        if (err)
            return err_wrap(err, "atlas.cloud");
        hcl_field(&cloud, mem, "project", hcl_string(mem, l->cloud.project));
        hcl_field(&f, mem, "cloud", hcl_object(mem, &cloud));
    }
    *out = hcl_object(mem, &f);
    return NULL;
}

// --- evaluation ---------------------------------------------------------------------------------

static void print_line(void *ctx, Str line) {
    AutoArena tmp = arena_new(NULL);
    (void)ctx;
    fputs(log_redact(tmp, str_dup(tmp, line)), stdout);
}

static void seen_env(void *ctx, const char *name, const char *value) {
    AutoArena tmp = arena_new(NULL);
    (void)ctx;
    mask_value(name, hcl_string(tmp, value), tmp);
}

static Err *evaluate(HclDoc **out, Load *l) {
    Map *inputs = NULL;
    TRY(project_inputs(&inputs, l->o->vars, l->mem));
    find_labelled(l);
    Data data = {.project = l->project, .loop = l->o->loop, .cancel = l->o->cancel};
    HclDocOptions d = {.files = l->files.items, .file_count = l->files.len, .inputs = inputs,
                       .words = &project_words, .init = "atlas", .init_read = read_init,
                       .init_ctx = l, .keep = keep_block, .keep_ctx = l};
    d.env = (HclEnv){.host = l->o->host, .config = true, .seen_env = seen_env,
                     .dir = fs_dirname(l->mem, l->files.items[0]->name),
                     .print = l->o->print ? l->o->print : print_line,
                     .print_ctx = l->o->print_ctx};
    if (data.loop)
        d.data = data_sources(&d.data_count, &data, l->mem);
    return hcl_document(out, &d, l->mem);
}

const HclDataSource *project_data_sources(size_t *count, const ProjectDbAccess *access, Arena *mem) {
    Project *p = NEW(mem, Project);
    Data *data = NEW(mem, Data);
    if (access->project)
        *p = *access->project;
    p->dirs = p->dirs ? p->dirs : map_new(mem);
    p->tokens = p->tokens ? p->tokens : map_new(mem);
    *data = (Data){.project = p, .loop = access->loop, .cancel = access->cancel};
    return data_sources(count, data, mem);
}

static Err *read_policies(Project *p, const HclDoc *doc, Arena *mem) {
    Value **places[] = {&p->lint, &p->diff, &p->test};
    static const char *const types[] = {"lint", "diff", "test"};
    for (size_t i = 0; i < doc->resources.len; i++) {
        const HclResource *r = doc->resources.items[i];
        for (size_t k = 0; k < COUNT_OF(types); k++) {
            if (!cstr_eq(r->type, types[k]))
                continue;
            if (*places[k])
                return hcl_error(&r->block->range, "multiple \"%s\" blocks", r->type);
            *places[k] = block_value(r, mem);
        }
    }
    return NULL;
}

static Err *read_envs(Project *p, const HclDoc *doc, const Load *l) {
    for (size_t i = 0; i < doc->resources.len; i++) {
        const HclResource *r = doc->resources.items[i];
        ProjectEnv *e;
        if (!cstr_eq(r->type, "env"))
            continue;
        TRY(env_read(&e, r, p, l->mem));
        if (!*e->name)
            return hcl_error(&r->block->range, "all envs must have names on file \"%s\"",
                             r->block->range.file);
        if (cstr_eq(e->name, l->env))
            list_push(&p->envs, l->mem, e);
    }
    if (*l->env && p->envs.len == 0)
        return err_hint(err_new(E_CONFIG, "env \"%s\" not defined in config file", l->env),
                        "add  env \"%s\" { ... }  to %s, or select another one", l->env,
                        l->files.items[0]->name);
    return NULL;
}

Err *project_load(Project **out, const ProjectOptions *o, Arena *mem) {
    Load l = {.o = o, .mem = mem, .env = cstr_or(o->env, "")};
    HclDoc *doc;
    *out = NULL;
    if (!*l.env && !o->explicit_config)
        return NULL;
    l.cloud = (ProjectCloud){.token = "", .url = "", .project = "", .org = "", .key = ""};
    TRY(read_files(&l));
    Project *p = l.project = NEW(mem, Project);
    p->dirs = map_new(mem);
    p->tokens = map_new(mem);
    TRY(evaluate(&doc, &l));
    p->cloud = l.cloud;
    TRY(read_policies(p, doc, mem));
    TRY(read_envs(p, doc, &l));
    *out = p;
    return NULL;
}

// --- env:// -------------------------------------------------------------------------------------

static Err *one_source(const char **out, const StrList *src, const char *name) {
    if (src->len > 1)
        return err_new(E_CONFIG, "env://%s cannot be used: the attribute is a list of %zu URLs",
                       name, src->len);
    *out = src->len ? src->items[0] : "";
    return NULL;
}

static Err *env_attr(const char **out, const ProjectEnv *env, const char *name) {
    const struct {
        const char *name, *value;
    } rows[] = {{"url", env->url}, {"dev", env->dev}, {"migration.dir", env->migration.dir}};
    for (size_t i = 0; i < COUNT_OF(rows); i++) {
        if (!cstr_eq(rows[i].name, name))
            continue;
        *out = rows[i].value;
        return NULL;
    }
    if (cstr_eq(name, "src"))
        return one_source(out, &env->src, name);
    if (cstr_eq(name, "schema.src"))
        return one_source(out, &env->schema.src, name);
    const Value *v = value_get(env->extra, name);
    if (v && v->kind != V_STR)
        return err_new(E_CONFIG, "env://%s cannot be used: the attribute is not a string", name);
    *out = value_text(v);
    return NULL;
}

Err *project_env_url(const char **out, const ProjectEnv *env, const char *url, Arena *mem) {
    const char *found = "";
    *out = url;
    if (!url || !cstr_starts(url, "env://"))
        return NULL;
    if (!env)
        return err_new(E_USAGE, "cannot use env:// variables without selecting an environment");
    const char *name = url + strlen("env://");
    char *host = arena_strndup(mem, name, strcspn(name, "/?#"));
    TRY(env_attr(&found, env, host));
    if (!*found)
        return err_new(E_CONFIG, "env \"%s\" has no attribute \"%s\" that env://%s could stand for",
                       env->name, host, host);
    if (cstr_starts(found, "env://"))
        return err_new(E_CONFIG, "env://%s must not stand for another env:// URL", host);
    *out = found;
    return NULL;
}
