// How an env's `lint` and `diff` blocks inherit from the project's (config-language.md 3.4).
#include "read.h"

static const char *const lint_settings[] = {"review", "log", "format", "latest", "git"};

static bool is_setting(const char *name) {
    for (size_t i = 0; i < COUNT_OF(lint_settings); i++)
        if (cstr_eq(lint_settings[i], name))
            return true;
    return false;
}

static bool is_analyzer(const Value *lint, size_t i) {
    const Member *m = &lint->u.map.items[i];
    return !is_setting(m->key) && m->value->kind == V_MAP;
}

static void inherit(Value *out, const Value *from, const char *key, Arena *mem) {
    Value *v = value_get(from, key);
    if (v && value_is_empty(value_get(out, key)))
        value_set(out, mem, key, v, 0);
}

// All or nothing.
static void inherit_analyzers(Value *out, const Value *from, Arena *mem) {
    for (size_t i = 0; i < out->u.map.len; i++)
        if (is_analyzer(out, i))
            return;
    for (size_t i = 0; i < from->u.map.len; i++)
        if (is_analyzer(from, i))
            value_set(out, mem, from->u.map.items[i].key, from->u.map.items[i].value, 0);
}

static bool tells_changes(const Value *lint) {
    const Value *git = value_get(lint, "git");
    bool whole_git = *value_get_text(git, "dir") && *value_get_text(git, "base");
    return whole_git || value_get_int(lint, "latest") != 0;
}

Value *lint_merge(Value *env, Value *project, Arena *mem) {
    if (!env || !project)
        return env ? env : project;
    Value *out = value_map(mem);
    for (size_t i = 0; i < env->u.map.len; i++)
        value_set(out, mem, env->u.map.items[i].key, env->u.map.items[i].value, 0);
    inherit(out, project, "review", mem);
    // `format` is another name of `log`: either one counts as set.
    if (value_is_empty(value_get(out, "log")) && value_is_empty(value_get(out, "format"))) {
        inherit(out, project, "log", mem);
        inherit(out, project, "format", mem);
    }
    inherit_analyzers(out, project, mem);
    if (tells_changes(env))
        return out;
    if (value_get(project, "git"))
        value_set(out, mem, "git", value_get(project, "git"), 0);
    else
        inherit(out, project, "latest", mem);
    return out;
}

Value *diff_merge(Value *env, Value *project, Arena *mem) {
    if (!env || !project)
        return env ? env : project;
    Value *out = value_map(mem);
    for (size_t i = 0; i < env->u.map.len; i++)
        value_set(out, mem, env->u.map.items[i].key, env->u.map.items[i].value, 0);
    inherit(out, project, "skip", mem);
    return out;
}
