// The tables in which other tools keep what they applied.
#include "internal.h"

typedef struct Left {
    const DbRows *rows;
    const char *version; // NULL: none
    bool all_before;     // the table names the last version only: those before it are applied too
} Left;

typedef struct Tool {
    const char *name;
    const char *query; // fails where the tool was never used
    Err *(*read)(Left *left);
} Tool;

// One row: the version, and whether its file failed.
static Err *read_golang_migrate(Left *left) {
    if (!left->rows->rows.len)
        return NULL;
    const char *dirty = db_cell(left->rows, 0, 1);
    left->version = db_cell(left->rows, 0, 0);
    left->all_before = true;
    if (cstr_eq(dirty, "0") || cstr_eq(dirty, "f") || cstr_eq(dirty, "false"))
        return NULL;
    return err_hint(err_new(E_STATE,
                            "golang-migrate left the database dirty at version %s: its file was "
                            "applied in part",
                            left->version),
                    "complete or undo that file by hand, then give --baseline with the version "
                    "that the database is at");
}

// All versions, the highest first.
static Err *read_all(Left *left) {
    if (left->rows->rows.len)
        left->version = db_cell(left->rows, 0, 0);
    return NULL;
}

static const Tool tools[] = {
    // dbmate's table has the same name as golang-migrate's and no column dirty.
    {"golang-migrate", "SELECT version, dirty FROM schema_migrations", read_golang_migrate},
    {"dbmate", "SELECT version FROM schema_migrations ORDER BY version DESC", read_all},
    // A version is applied if its last row says so; 0 is goose's own first row.
    {"goose",
     "SELECT version_id FROM goose_db_version g WHERE version_id > 0 AND NOT EXISTS (SELECT 1 FROM "
     "goose_db_version l WHERE l.version_id = g.version_id AND l.id > g.id) AND "
     "is_applied ORDER BY version_id DESC",
     read_all},
};

static const char *significant(const char *version) {
    while (version[0] == '0' && version[1])
        version++;
    return version;
}

static bool is_before(const char *a, const char *b) {
    a = significant(a), b = significant(b);
    size_t x = strlen(a), y = strlen(b);
    return x != y ? x < y : strcmp(a, b) < 0;
}

// Numbers have no leading zeros in tables, but in names of files.
static const MigrateFile *file_of(const MigrateDir *dir, const char *version) {
    for (size_t i = 0; i < dir->files.len; i++)
        if (!dir->files.items[i].checkpoint &&
            cstr_eq(significant(dir->files.items[i].version), significant(version)))
            return &dir->files.items[i];
    return NULL;
}

// A baseline means: the files up to it were applied, the ones behind it were not. The tools know
// gaps, and sort by number.
static Err *check_baseline(const Tool *tool, const Left *left, const MigrateDir *dir,
                           const MigrateFile *last) {
    AutoArena tmp = arena_new(NULL);
    Map applied;
    map_init(&applied, tmp);
    for (size_t i = 0; i < left->rows->rows.len; i++)
        map_set(&applied, significant(db_cell(left->rows, i, 0)), &applied);
    for (size_t i = 0; i < dir->files.len; i++) {
        const MigrateFile *f = &dir->files.items[i];
        bool done = map_has(&applied, significant(f->version)) ||
                    (left->all_before && is_before(f->version, last->version));
        if (f->checkpoint || done == (f <= last))
            continue;
        if (done)
            return err_hint(err_new(E_STATE,
                                    "%s is at version %s and has applied %s, which sorts behind it "
                                    "here",
                                    tool->name, last->version, f->name),
                            "write all versions with as many digits (zeros in front) and run "
                            "`atlas migrate hash`");
        return err_hint(err_new(E_STATE, "%s has applied version %s, but not %s before it",
                                tool->name, last->version, f->name),
                        "apply that file with %s first, or run once with --baseline %s to leave it "
                        "out",
                        tool->name, last->version);
    }
    return NULL;
}

Err *foreign_version(const char **version, const char **tool, Db *db, const MigrateDir *dir,
                     Arena *mem) {
    *version = *tool = NULL;
    for (size_t i = 0; i < COUNT_OF(tools); i++) {
        DbRows rows = {0};
        Left left = {.rows = &rows};
        AutoErr absent = db_query(db, &rows, tools[i].query, NULL, 0, mem);
        if (absent)
            continue;
        TRY(tools[i].read(&left));
        if (!left.version)
            continue;
        const MigrateFile *last = file_of(dir, left.version);
        *tool = tools[i].name;
        *version = last ? last->version : left.version;
        return last ? check_baseline(&tools[i], &left, dir, last) : NULL;
    }
    return NULL;
}
