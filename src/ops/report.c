// What a registry is told of an apply: cloud-protocol.md section 4.
#include "internal.h"

static const char *text_at(const Value *v, const char *key) { return value_get_text(v, key); }

static void copy_member(Value *to, Arena *mem, const char *name, const Value *from,
                        const char *key) {
    Value *v = value_get(from, key);
    if (v)
        value_set(to, mem, name, value_copy(mem, v), 0);
}

static Value *stmt_error(const Value *error, Arena *mem) {
    Value *v = value_map(mem);
    value_set_str(v, mem, "stmt", text_at(error, "Stmt"), 0);
    value_set_str(v, mem, "text", text_at(error, "Text"), 0);
    return v;
}

static Value *check_groups(const Value *checks, Arena *mem) {
    Value *list = value_list(mem);
    for (size_t i = 0; i < value_len(checks); i++) {
        const Value *c = value_at(checks, i), *stmts = value_get(c, "Stmts");
        Value *g = value_map(mem), *items = value_list(mem);
        value_set_str(g, mem, "name", text_at(c, "Name"), 0);
        copy_member(g, mem, "start", c, "Start");
        copy_member(g, mem, "end", c, "End");
        for (size_t k = 0; k < value_len(stmts); k++) {
            const Value *s = value_at(stmts, k);
            Value *item = value_map(mem);
            value_set_str(item, mem, "stmt", text_at(s, "Stmt"), 0);
            if (*text_at(s, "Error"))
                value_set_str(item, mem, "error", text_at(s, "Error"), 0);
            value_push(items, mem, item);
        }
        value_set(g, mem, "checks", items, 0);
        if (!value_is_empty(value_get(c, "Error")))
            value_set(g, mem, "error", stmt_error(value_get(c, "Error"), mem), 0);
        value_push(list, mem, g);
    }
    return list;
}

static Value *file_input(const Value *f, const MigrateDir *dir, Arena *mem) {
    Value *v = value_map(mem);
    const MigrateFile *file = migrate_dir_find(dir, text_at(f, "Version"));
    value_set_str(v, mem, "name", text_at(f, "Name"), 0);
    value_set(v, mem, "content", value_bytes(mem, file ? file->content : str_from("")), 0);
    copy_member(v, mem, "startTime", f, "Start");
    copy_member(v, mem, "endTime", f, "End");
    value_set_int(v, mem, "skipped", value_get_int(f, "Skipped"), 0);
    value_set_int(v, mem, "applied", (int64_t)value_len(value_get(f, "Applied")), 0);
    value_set(v, mem, "checks", check_groups(value_get(f, "Checks"), mem), M_OMIT_EMPTY);
    if (!value_is_empty(value_get(f, "Error")))
        value_set(v, mem, "error", stmt_error(value_get(f, "Error"), mem), 0);
    return v;
}

// host+path of the directory URL; ".atlas" for a local one.
static const char *dir_name(const OpsDir *dir) { return dir->slug ? dir->slug : ".atlas"; }

static const char *project_name(const Ops *o) {
    return o->project ? cstr_or(o->project->cloud.project, "default") : "default";
}

Value *ops_report_input(const Ops *o, const OpsTarget *target, const OpsDir *dir, const OpsRun *run,
                        const char *target_id, const Value *context, bool dry_run, Arena *mem) {
    const Value *report = run->report, *applied = value_get(report, "Applied");
    Value *v = value_map(mem), *t = value_map(mem), *files = value_list(mem);
    value_set_str(v, mem, "projectName", project_name(o), 0);
    value_set_str(v, mem, "envName", target->env ? target->env->name : "", 0);
    value_set_str(v, mem, "dirName", dir_name(dir), 0);
    value_set_str(v, mem, "atlasVersion", ATLAS_VERSION, 0);
    value_set_str(t, mem, "id", target_id, 0);
    value_set_str(t, mem, "schema", text_at(value_get(report, "URL"), "Schema"), 0);
    value_set_str(t, mem, "url", run->url, 0);
    value_set(v, mem, "target", t, 0);
    copy_member(v, mem, "startTime", report, "Start");
    copy_member(v, mem, "endTime", report, "End");
    value_set_str(v, mem, "fromVersion", text_at(report, "Current"), 0);
    value_set_str(v, mem, "toVersion", text_at(report, "Target"), 0);
    value_set_str(v, mem, "currentVersion", cstr_or(run->applied.current_version, ""), 0);
    if (*text_at(report, "Error"))
        value_set_str(v, mem, "error", text_at(report, "Error"), 0);
    for (size_t i = 0; i < value_len(applied); i++)
        value_push(files, mem, file_input(value_at(applied, i), dir->dir, mem));
    bool planned = value_len(applied) || !*text_at(report, "Error");
    value_set(v, mem, "files", planned ? files : value_null(mem), 0);
    value_set_str(v, mem, "log", cstr_or(run->log, text_at(report, "Error")), 0);
    if (context)
        value_set(v, mem, "context", value_copy(mem, context), 0);
    if (dry_run)
        value_set_bool(v, mem, "dryRun", true, 0);
    return v;
}

static Value *log_step(const char *text, Time at, bool failed, Value *lines, Arena *mem) {
    Value *v = value_map(mem);
    value_set_str(v, mem, "text", text, 0);
    value_set(v, mem, "startTime", value_time(mem, at), 0);
    value_set(v, mem, "endTime", value_time(mem, at), 0);
    if (failed)
        value_set_bool(v, mem, "error", true, 0);
    value_set(v, mem, "log", lines, M_OMIT_EMPTY);
    return v;
}

static void log_line(Value *lines, const char *text, Arena *mem) {
    Value *v = value_map(mem);
    value_set_str(v, mem, "text", text, 0);
    value_push(lines, mem, v);
}

Value *ops_report_set(const Ops *o, const OpsApply *apply, const Value *inputs, size_t planned,
                      const char *dir_url, const Value *context, Arena *mem) {
    Time now = host_now(o->host);
    Value *v = value_map(mem), *log = value_list(mem), *urls = value_list(mem);
    const char *error = NULL;
    for (size_t i = 0; i < apply->runs.len; i++)
        log_line(urls, apply->runs.items[i].url, mem);
    value_push(log, mem,
               log_step(arena_printf(mem, "Start migration for %zu targets", planned), now, false,
                        urls, mem));
    for (size_t i = 0; i < apply->runs.len; i++) {
        const OpsRun *run = &apply->runs.items[i];
        Value *lines = value_list(mem);
        log_line(lines, arena_printf(mem, "Target URL: %s", run->url), mem);
        log_line(lines, arena_printf(mem, "Migration directory: %s", dir_url), mem);
        if (run->error) {
            log_line(lines, arena_printf(mem, "Error: %s", run->error), mem);
            error = run->error;
        }
        value_push(log, mem, log_step(arena_printf(mem, "Run migration: %zu", i + 1), now,
                                      run->error != NULL, lines, mem));
    }
    value_set_str(v, mem, "id", host_uuid(o->host, mem), 0);
    value_set_int(v, mem, "planned", (int64_t)planned, 0);
    value_set(v, mem, "startTime", value_time(mem, now), 0);
    value_set(v, mem, "endTime", value_time(mem, now), 0);
    if (error)
        value_set_str(v, mem, "error", error, 0);
    value_set(v, mem, "log", log, 0);
    value_set(v, mem, "completed", value_copy(mem, inputs), M_OMIT_EMPTY);
    if (context)
        value_set(v, mem, "context", value_copy(mem, context), 0);
    return v;
}
