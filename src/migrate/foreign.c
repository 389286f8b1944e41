// The tables in which other tools keep what they applied.
#include "internal.h"

typedef struct Tool {
    const char *name;
    const char *query; // fails where the tool was never used
    Err *(*read)(const char **version, const DbRows *rows, Arena *mem);
} Tool;

// One row: the version, and whether its file failed.
static Err *read_golang_migrate(const char **version, const DbRows *rows, Arena *mem) {
    const char *dirty = db_cell(rows, 0, 1);
    if (!rows->rows.len)
        return NULL;
    *version = arena_strdup(mem, db_cell(rows, 0, 0));
    if (cstr_eq(dirty, "0") || cstr_eq(dirty, "f") || cstr_eq(dirty, "false"))
        return NULL;
    return err_hint(err_new(E_STATE,
                            "golang-migrate left the database dirty at version %s: its file was "
                            "applied in part",
                            *version),
                    "complete or undo that file by hand, then give --baseline with the version "
                    "that the database is at");
}

// The highest of one column; as goose and dbmate write them, sorted by the query.
static Err *read_last(const char **version, const DbRows *rows, Arena *mem) {
    if (rows->rows.len)
        *version = arena_strdup(mem, db_cell(rows, 0, 0));
    return NULL;
}

static const Tool tools[] = {
    // dbmate's table has the same name as golang-migrate's and no column dirty.
    {"golang-migrate", "SELECT version, dirty FROM schema_migrations", read_golang_migrate},
    {"dbmate", "SELECT version FROM schema_migrations ORDER BY version DESC", read_last},
    // A version is applied if its last row says so; 0 is goose's own first row.
    {"goose",
     "SELECT version_id FROM goose_db_version g WHERE version_id > 0 AND NOT EXISTS (SELECT 1 FROM "
     "goose_db_version l WHERE l.version_id = g.version_id AND l.id > g.id) AND "
     "is_applied ORDER BY version_id DESC",
     read_last},
};

static const char *significant(const char *version) {
    while (version[0] == '0' && version[1])
        version++;
    return version;
}

// Numbers have no leading zeros in tables, but in names of files.
static const char *as_in_dir(const MigrateDir *dir, const char *version) {
    for (size_t i = 0; i < dir->files.len; i++)
        if (cstr_eq(significant(dir->files.items[i].version), significant(version)))
            return dir->files.items[i].version;
    return version;
}

Err *foreign_version(const char **version, const char **tool, Db *db, const MigrateDir *dir,
                     Arena *mem) {
    *version = *tool = NULL;
    for (size_t i = 0; i < COUNT_OF(tools) && !*version; i++) {
        DbRows rows = {0};
        AutoErr absent = db_query(db, &rows, tools[i].query, NULL, 0, mem);
        if (absent)
            continue;
        *tool = tools[i].name;
        TRY(tools[i].read(version, &rows, mem));
    }
    if (*version)
        *version = as_in_dir(dir, *version);
    return NULL;
}
