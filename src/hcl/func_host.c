// print getenv file fileset glob: what reaches the outside world.
#include "eval.h"

#include <fnmatch.h>

enum { FILE_MAX = 32 << 20, WALK_MAX_DEPTH = 32, MATCHES_MAX = 100000 };

static Err *fn_print(Call *c) {
    const HclValue *v = c->args[0];
    const HclEnv *env = c->e->env;
    Buf b;
    buf_init(&b, c->mem, BUF_MAX_TEXT);
    if (hcl_is(v, HCL_STRING))
        buf_add(&b, v->u.s.ptr, v->u.s.len);
    else
        TRY(value_json(&b, v));
    buf_char(&b, '\n');
    if (env->print)
        env->print(env->print_ctx, buf_view(&b));
    c->out = v;
    return NULL;
}

static Err *fn_getenv(Call *c) {
    const HclEnv *env = c->e->env;
    const char *name = arg_text(c, 0);
    const char *value = env->host ? host_env(env->host, name) : "";
    if (env->seen_env)
        env->seen_env(env->seen_ctx, name, value);
    c->out = hcl_string(c->mem, value);
    return NULL;
}

static const char *based(Call *c, const char *path) {
    return c->e->env->dir ? fs_join(c->mem, c->e->env->dir, path) : path;
}

static Err *fn_file(Call *c) {
    Str content;
    TRY(fs_read(&content, based(c, arg_text(c, 0)), FILE_MAX, c->mem));
    if (!utf8_valid(content.ptr, content.len))
        return err_new(E_INVALID, "contents of \"%s\" are not valid UTF-8", arg_text(c, 0));
    c->out = hcl_bytes(c->mem, content);
    return NULL;
}

// --- patterns -----------------------------------------------------------------------------------

typedef struct Glob {
    Arena *mem;
    StrList out;
    bool deep;  // "**" means any directories
    bool files; // files only
} Glob;

static Err *glob_add(Glob *g, const char *path) {
    if (strlist_has(&g->out, path))
        return NULL;
    if (g->out.len >= MATCHES_MAX)
        return err_new(E_TOO_LARGE, "the pattern matches more than %d files", (int)MATCHES_MAX);
    list_push(&g->out, g->mem, path);
    return NULL;
}

static Err *glob_walk(Glob *g, const char *dir, const StrList *parts, size_t at, int depth);

static Err *glob_entry(Glob *g, const char *path, const StrList *parts, size_t at, int depth) {
    FsKind kind = fs_kind(path);
    if (at == parts->len)
        return kind == FS_ABSENT || (g->files && kind != FS_FILE) ? NULL : glob_add(g, path);
    return kind == FS_DIR ? glob_walk(g, path, parts, at, depth + 1) : NULL;
}

static Err *glob_walk(Glob *g, const char *dir, const StrList *parts, size_t at, int depth) {
    const char *part = parts->items[at];
    StrList names;
    if (depth > WALK_MAX_DEPTH)
        return NULL;
    if (!strpbrk(part, "*?[\\"))
        return glob_entry(g, fs_join(g->mem, dir, part), parts, at + 1, depth);
    bool any = g->deep && cstr_eq(part, "**");
    // "**" also stands for no directory at all.
    if (any && at + 1 < parts->len)
        TRY(glob_walk(g, dir, parts, at + 1, depth));
    AutoErr err = fs_list(&names, dir, g->mem);
    if (err)
        return NULL; // as upstream: what cannot be read does not match
    for (size_t i = 0; i < names.len; i++) {
        const char *path = fs_join(g->mem, dir, names.items[i]);
        if (!any) {
            if (fnmatch(part, names.items[i], 0) == 0)
                TRY(glob_entry(g, path, parts, at + 1, depth));
            continue;
        }
        if (fs_kind(path) == FS_DIR)
            TRY(glob_walk(g, path, parts, at, depth + 1));
        if (at + 1 == parts->len)
            TRY(glob_entry(g, path, parts, at + 1, depth));
    }
    return NULL;
}

// Expands the first {a,b} and recurses.
static void braces(Arena *mem, const char *pattern, StrList *out, int depth) {
    const char *open = strchr(pattern, '{'), *close = open ? strchr(open, '}') : NULL;
    if (!close || depth > 8) {
        list_push(out, mem, pattern);
        return;
    }
    char *inner = arena_strndup(mem, open + 1, (size_t)(close - open - 1));
    StrList choices = cstr_split(mem, inner, ',');
    for (size_t i = 0; i < choices.len && out->len < 1000; i++)
        braces(mem, arena_printf(mem, "%.*s%s%s", (int)(open - pattern), pattern, choices.items[i],
                                 close + 1), out, depth + 1);
}

static Err *glob_run(Glob *g, const char *pattern) {
    StrList all = cstr_split(g->mem, pattern, '/'), parts = {0};
    for (size_t i = 0; i < all.len; i++)
        if (*all.items[i] && !cstr_eq(all.items[i], "."))
            list_push(&parts, g->mem, all.items[i]);
    if (parts.len == 0)
        return NULL;
    return glob_walk(g, *pattern == '/' ? "/" : ".", &parts, 0, 0);
}

static Err *matches(Call *c, Glob *g, const char *pattern) {
    TRY(glob_run(g, pattern));
    strlist_sort(&g->out);
    ValueList out = {0};
    for (size_t i = 0; i < g->out.len; i++)
        list_push(&out, c->mem, hcl_string(c->mem, g->out.items[i]));
    c->out = hcl_list(c->mem, &hcl_type_string, out.items, out.len);
    return NULL;
}

static Err *fn_fileset(Call *c) {
    Glob g = {.mem = c->mem, .deep = true, .files = true};
    StrList patterns = {0};
    braces(c->mem, fs_absolute(c->mem, based(c, arg_text(c, 0))), &patterns, 0);
    for (size_t i = 0; i + 1 < patterns.len; i++)
        TRY(glob_run(&g, patterns.items[i]));
    return matches(c, &g, list_last(&patterns));
}

static Err *fn_glob(Call *c) {
    Glob g = {.mem = c->mem};
    return matches(c, &g, based(c, arg_text(c, 0)));
}

const Function functions_host[] = {
    {.name = "print", .fn = fn_print, .params = {{"value", ANY, true}}},
    {.name = "getenv", .fn = fn_getenv, .params = {{"key", TEXT, false}}, .config = true},
    {.name = "file", .fn = fn_file, .params = {{"path", TEXT, false}}, .config = true},
    {.name = "fileset", .fn = fn_fileset, .params = {{"pattern", TEXT, false}}, .config = true},
    {.name = "glob", .fn = fn_glob, .params = {{"pattern", TEXT, false}}, .config = true},
    {0},
};
