#include "atlas/report.h"
#include "atlas/tmpl.h"
#include "internal.h"

char *migrate_quote(Arena *mem, const char *text) {
    Buf b;
    buf_init(&b, mem, SIZE_MAX);
    tmpl_quote(&b, str_from(text));
    return b.ptr;
}

// Reports show the URL as the Go driver has it: callers rebuild theirs from it.
static const char *reported_url(Arena *mem, const Db *db, const char *url) {
    Url *u = NULL;
    if (!cstr_eq(db_driver_name(db), "mysql") && !cstr_eq(db_driver_name(db), "mariadb"))
        return url;
    AutoErr e = url_parse(&u, url, mem);
    if (e)
        return url;
    url_set_param(u, "parseTime", "true", mem);
    return url_text(mem, u);
}

static void set_env_keys(Value *map, Arena *mem, Db *db, const char *url, const char *dir_url) {
    ReportEnv env = {db_driver_name(db), report_url(reported_url(mem, db, url), db_schema(db), mem),
                     dir_url};
    report_env(map, &env, mem);
}

void set_env(Value *map, Arena *mem, Db *db, const char *url, const char *dir_url, bool nested) {
    Value *env = value_struct(mem, "cmdlog.Env");
    set_env_keys(env, mem, db, url, dir_url);
    if (!nested)
        set_env_keys(map, mem, db, url, dir_url);
    value_set(map, mem, "Env", env, nested ? 0 : M_HIDDEN);
}

enum { FILE_MEMBERS = 5 };

Value *file_value(Arena *mem, const MigrateFile *file, size_t members) {
    Value *v = value_struct(mem, "cmdlog.File");
    value_reserve(v, mem, members);
    value_set(v, mem, "Name", value_view(mem, str_from(file->name)), M_OMIT_EMPTY);
    value_set(v, mem, "Version", value_view(mem, str_from(file->version)), M_OMIT_EMPTY);
    value_set(v, mem, "Description", value_view(mem, str_from(file->description)), M_OMIT_EMPTY);
    value_set(v, mem, "Content", value_view(mem, file->content), M_HIDDEN);
    value_set_bool(v, mem, "IsCheckpoint", file->checkpoint, M_HIDDEN);
    return v;
}

Value *migrate_file_value(Arena *mem, const MigrateFile *file) {
    return file_value(mem, file, FILE_MEMBERS);
}

Value *files_value(Arena *mem, const FileRefs *files) {
    Value *list = value_list(mem);
    for (size_t i = 0; i < files->len; i++)
        value_push(list, mem, migrate_file_value(mem, files->items[i]));
    return list;
}

Err *check_other_schema(const DbState *state, const char *revisions_schema, const char **notice,
                        Arena *mem) {
    if (!state->other_schema || !cstr_empty(revisions_schema))
        return NULL;
    if (notice)
        *notice = arena_printf(
            mem,
            "We couldn't find a revision table in the connected schema but found one in the schema "
            "'%s' and cannot determine the desired behavior.\n\n"
            "As a safety guard, we require you to specify whether to use the existing\n"
            "table in '%s' or create a new one in the connected schema by providing the\n"
            "'--revisions-schema' flag or deleting the '%s' schema if it is unused.\n",
            state->other_schema, state->other_schema, state->other_schema);
    return err_new(E_SILENT, "two places for the revisions table");
}
