// Shared by the files of this module.
#ifndef ATLAS_MIGRATE_INTERNAL_H
#define ATLAS_MIGRATE_INTERNAL_H

#include "atlas/crypt.h"
#include "atlas/migrate.h"

// The error of a row whose error_stmt is about to run and cannot be recorded in one transaction.
#define IN_FLIGHT "in flight: the run ended before it was known whether this statement took effect"

// formats.c
bool format_accepts(MigrateFormat format, const char *name);
void file_init(MigrateFile *file, const char *name, Str content, MigrateFormat format, Arena *mem);
// The part of the file that applies it, without what undoes it.
Err *file_up_part(Str *out, const MigrateFile *file, Arena *mem) MUST_USE;
void flyway_arrange(MigrateFiles *files, Arena *mem);
// A directory whose own tool runs it in another order: the text to warn with, or NULL.
const char *order_warning(const MigrateDir *dir, Arena *mem);
int flyway_compare(const char *a, const char *b); // versions, component by component
Str file_text(const MigrateFile *file);       // the content without a byte order mark
bool has_directives(const MigrateFile *file); // whether the format knows atlas directives
// goose.c
Err *goose_up(Str *out, const MigrateFile *file, Arena *mem) MUST_USE;
// Takes the marks of goose_up() out of statements that go on behind a `;` at a line's end.
void goose_clean(SqlStmts *stmts, Arena *mem);
// Whether the file asks its own tool for no transaction: goose's NO TRANSACTION, dbmate's
// transaction:false, Liquibase's runInTransaction:false, golang-migrate's own BEGIN.
bool format_without_transaction(const MigrateFile *file);
Err *dbmate_up(Str *out, const MigrateFile *file, Arena *mem) MUST_USE;
// txtar.c
bool is_txtar(const MigrateFile *file);
Err *txtar_migration(Str *out, const MigrateFile *file, Arena *mem) MUST_USE;

// dir.c
MigrateDir *dir_new(const char *url, const char *path, MigrateFormat format, Arena *mem);
Err *no_file(const char *version) MUST_USE RETURNS_NONNULL;
// As migrate_dir_open, without the contents of the files.
Err *dir_open_names(MigrateDir **out, const char *url, Arena *mem) MUST_USE;
Err *dir_read_file(Str *out, const MigrateDir *d, const char *name, Arena *mem) MUST_USE;

// sum.c
Map *sum_map(const MigrateDir *dir, Arena *mem); // name -> entry without "h1:"

// pending.c
typedef struct PendingParams {
    const MigrateDir *dir;
    const DbState *state;
    MigrateOrder order;
    bool allow_dirty, ignore_dirty;    // ignore_dirty: status never minds
    const char *baseline, *to_version; // "" if none
    const char *foreign, *tool;        // version another tool left the database at; NULL: unknown
} PendingParams;

typedef LIST(const MigrateFile *) FileRefs;

typedef struct Pending {
    FileRefs files;
    FileRefs out_of_order;       // with the linear error
    const MigrateFile *baseline; // to be recorded first; or NULL
} Pending;

bool revision_is_partial(const DbRevision *r); // and not marked as resolved since
int version_compare(const MigrateDir *dir, const char *a, const char *b);
// The one with the highest version; NULL: none.
const DbRevision *last_revision(const MigrateDir *dir, const DbRevisions *revisions);
// E_STATE with out_of_order set: the rest of `out` is valid too.
Err *pending_compute(Pending *out, const PendingParams *p, Arena *mem) MUST_USE;

// plan.c
typedef struct FilePlan {
    const MigrateFile *file;
    SqlStmts stmts;
    MigrateChecks checks;
    MigrateTxMode tx; // FILE or NONE
    size_t skip;      // statements applied by an earlier run
    DbRevision revision;
    Value *report; // AppliedFile
} FilePlan;

typedef LIST(FilePlan) FilePlans;

// Scans the files, resolves transaction modes and resumes. E_SYNTAX, E_INVALID, E_STATE.
Err *plan_files(FilePlans *out, const FileRefs *files, const MigrateApplyParams *p,
                const DbState *state, const char *operator_version, StrList *warnings,
                Arena *mem) MUST_USE;
const DbRevision *find_revision(const DbRevisions *list, const char *version); // NULL: none
// s_1 ... s_n: s_i is the digest of the statements 1 to i together.
StrList plan_hashes(const SqlStmts *stmts, Arena *mem);
// JSON array of the first `count` hashes.
char *plan_partial_hashes(const StrList *hashes, size_t count, Arena *mem);
bool is_true(const DbRows *rows); // the first cell
const char *default_operator(const char *operator_version);

// foreign.c
// The version that golang-migrate, goose or dbmate left a database at, as a file of `dir` names it.
// *version is NULL if there are no tables of them. E_STATE: what they left is not whole.
Err *foreign_version(const char **version, const char **tool, Db *db, const MigrateDir *dir,
                     Arena *mem) MUST_USE;

// report.c
// migrate_file_value() with room for as many members.
Value *file_value(Arena *mem, const MigrateFile *file, size_t members);
void set_env(Value *map, Arena *mem, Db *db, const char *url, const char *dir_url, bool nested);
Value *files_value(Arena *mem, const FileRefs *files);
// The text for two revisions tables; sets `notice`, returns E_SILENT. NULL if all is well.
Err *check_other_schema(const DbState *state, const char *revisions_schema, const char **notice,
                        Arena *mem) MUST_USE;

#endif
