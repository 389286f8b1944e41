// data "template_dir": a migration directory whose files are Go templates.
#include "data.h"

#include "atlas/tmpl.h"

enum { MAX_DEPTH = 32 };

typedef struct Render {
    const char *path;
    Tmpl *set;
    StrList names; // of the top-level *.sql files
    Arena *mem;
} Render;

// --- vars ---------------------------------------------------------------------------------------

static bool is_scalar(const HclValue *v) {
    return hcl_is(v, HCL_STRING) || hcl_is(v, HCL_NUMBER) || hcl_is(v, HCL_BOOL);
}

static bool is_scalars(const HclValue *v) {
    if (!hcl_is(v, HCL_LIST) && !hcl_is(v, HCL_TUPLE) && !hcl_is(v, HCL_SET))
        return false;
    for (size_t i = 0; i < v->u.seq.len; i++)
        if (!is_scalar(v->u.seq.items[i]) ||
            !hcl_type_equal(v->u.seq.items[i]->type, v->u.seq.items[0]->type))
            return false;
    return true;
}

static Err *read_vars(Value **out, const HclResource *r, Arena *mem) {
    const HclValue *v = hcl_resource_get(r, "vars");
    *out = value_map(mem);
    if (!v)
        return NULL;
    if (!hcl_is(v, HCL_MAP) && !hcl_is(v, HCL_OBJECT))
        return data_wrong(r, "vars", "vars must be a map");
    for (size_t i = 0; i < v->u.seq.len; i++) {
        const HclValue *item = v->u.seq.items[i];
        if (!is_scalar(item) && !is_scalars(item))
            return data_wrong(r, "vars", "vars.%s must be a string, a number, a bool or a list of "
                              "one of them", v->u.seq.keys[i]);
        value_set(*out, mem, v->u.seq.keys[i], hcl_to_value(mem, item), 0);
    }
    return NULL;
}

// --- files --------------------------------------------------------------------------------------

static Err *add_file(Render *r, const char *path) {
    Str text = {0};
    TRY(fs_read(&text, path, MIGRATE_MAX_FILE, r->mem));
    return tmpl_add(r->set, fs_basename(path), text);
}

// Names are base names, as Go's ParseFiles has it: of two, the one that comes later stays. Those at
// the top, which become migrations, come last.
static Err *add_tree(Render *r, const char *dir, int depth) {
    StrList names = {0};
    TRY(fs_list(&names, dir, r->mem));
    if (depth > MAX_DEPTH)
        return err_new(E_TOO_LARGE, "%s: directories nested too deeply", r->path);
    for (size_t i = 0; i < names.len; i++) {
        const char *path = fs_join(r->mem, dir, names.items[i]);
        if (fs_kind(path) == FS_DIR)
            TRY(add_tree(r, path, depth + 1));
    }
    for (size_t i = 0; i < names.len; i++) {
        const char *path = fs_join(r->mem, dir, names.items[i]);
        if (fs_kind(path) != FS_FILE || cstr_eq(names.items[i], MIGRATE_SUM_FILE))
            continue;
        TRY(add_file(r, path));
        if (depth == 0 && cstr_ends(path, ".sql"))
            list_push(&r->names, r->mem, names.items[i]);
    }
    return NULL;
}

static Err *render(MigrateDir **out, const Render *r, const char *url, Value *vars) {
    const TmplOptions options = {.missing_key_error = true};
    PackEntries entries = {0};
    for (size_t i = 0; i < r->names.len; i++) {
        Buf text;
        buf_init(&text, r->mem, MIGRATE_MAX_FILE);
        TRY(tmpl_run(&text, r->set, r->names.items[i], vars, &options));
        TRY(buf_check(&text, r->names.items[i]));
        list_push(&entries, r->mem, ((PackEntry){r->names.items[i], buf_view(&text)}));
    }
    *out = migrate_dir_from_entries(&entries, url, r->mem);
    return migrate_dir_write_sum(*out, r->mem);
}

Err *data_template_dir(const HclValue **out, const HclResource *r, Data *d, Arena *mem) {
    const char *path = "";
    Value *vars = NULL;
    TRY(read_text(&path, r, "path"));
    TRY(read_vars(&vars, r, mem));
    if (fs_kind(path) != FS_DIR)
        return data_wrong(r, "path", "\"%s\" is no directory", path);
    Render job = {.path = path, .set = tmpl_new(&tmpl_shared_funcs, mem), .mem = mem};
    const char *name = fs_join(mem, "", fs_join(mem, path, r->labels.items[1])); // without "./"
    const char *url = arena_printf(mem, "mem://%s", name);
    ProjectDir *dir = NEW(mem, ProjectDir);
    *dir = (ProjectDir){.path = arena_strdup(mem, path)};
    TRY(add_tree(&job, path, 0));
    TRY(render(&dir->dir, &job, url, vars));
    map_set(d->project->dirs, url, dir);
    *out = data_url(url, mem);
    return NULL;
}
