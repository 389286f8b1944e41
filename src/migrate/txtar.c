// Files with checks: "-- atlas:txtar", a blank line, then sections "-- name --".
#include "internal.h"

typedef struct Section {
    const char *name;
    Str content;
} Section;

typedef LIST(Section) Sections;

bool is_txtar(const MigrateFile *file) {
    AutoArena tmp = arena_new(NULL);
    if (file->format != MIGRATE_ATLAS ||
        !memmem(file->content.ptr ? file->content.ptr : "", file->content.len, "atlas:txtar", 11))
        return false;
    SqlDirectives directives = sql_file_directives(file_text(file), tmp);
    return sql_directive_args(&directives, "txtar", tmp).len > 0;
}

// The name of a section line, or NULL.
static char *section_name(const char *line, size_t len, Arena *mem) {
    while (len > 0 && (line[len - 1] == '\r' || line[len - 1] == ' '))
        len--;
    if (len < 7 || memcmp(line, "-- ", 3) != 0 || memcmp(line + len - 3, " --", 3) != 0)
        return NULL;
    char *name = cstr_trim(mem, arena_strndup(mem, line + 3, len - 6));
    return *name ? name : NULL;
}

static Sections split(Str content, Arena *mem) {
    Sections list = {0};
    for (size_t at = sql_header_len(content); at < content.len;) {
        const char *line = content.ptr + at, *nl = memchr(line, '\n', content.len - at);
        size_t len = nl ? (size_t)(nl - line) : content.len - at, whole = len + (nl != NULL);
        char *name = section_name(line, len, mem);
        if (name)
            list_push(&list, mem, ((Section){name, {line + whole, 0}}));
        else if (list.len > 0)
            list_last(&list).content.len += whole;
        at += whole;
    }
    return list;
}

Err *txtar_migration(Str *out, const MigrateFile *file, Arena *mem) {
    Sections list = split(file_text(file), mem);
    for (size_t i = 0; i < list.len; i++) {
        if (cstr_eq(list.items[i].name, "migration.sql")) {
            *out = list.items[i].content;
            return NULL;
        }
    }
    return err_at(err_new(E_SYNTAX, "a txtar file without the section \"-- migration.sql --\""),
                  file->name, 0, 0);
}

Err *migrate_file_checks(MigrateChecks *out, const MigrateFile *file, unsigned scan_options,
                         Arena *mem) {
    if (!is_txtar(file))
        return NULL;
    Sections list = split(file_text(file), mem);
    for (size_t i = 0; i < list.len; i++) {
        const Section *s = &list.items[i];
        if (!cstr_eq(s->name, "checks.sql") && !cstr_starts(s->name, "checks/"))
            continue;
        MigrateCheck check = {.name = s->name};
        SqlDirectives directives = sql_file_directives(s->content, mem);
        StrList args = sql_directive_args(&directives, "assert", mem);
        check.one_of = strlist_has(&args, "oneof");
        TRY(sql_scan(&check.stmts, s->content, scan_options,
                     arena_printf(mem, "%s (%s)", file->name, s->name), mem));
        list_push(out, mem, check);
    }
    return NULL;
}
