// Versioned migrations: directories, their integrity file, and the commands on them as functions.
//
// Nothing here prints. Reports are value trees with the keys and order of the CLI contract; what a
// caller needs beyond them is in the result structs. Memory comes from the last argument.
#ifndef ATLAS_MIGRATE_H
#define ATLAS_MIGRATE_H

#include <signal.h>

#include "atlas/base.h"
#include "atlas/db.h"
#include "atlas/hcl.h"
#include "atlas/pack.h"
#include "atlas/sql.h"

// --- directories
// ----------------------------------------------------------------------------------

typedef enum MigrateFormat {
    MIGRATE_ATLAS,
    MIGRATE_GOLANG_MIGRATE,
    MIGRATE_GOOSE,
    MIGRATE_DBMATE,
    MIGRATE_LIQUIBASE,
    MIGRATE_FLYWAY,
} MigrateFormat;

typedef struct MigrateFile {
    const char *name; // below the directory; only Flyway's may contain '/'
    const char *version, *description;
    Str content;
    MigrateFormat format;
    bool checkpoint;
    const char *tag; // of a checkpoint, "" if none
} MigrateFile;

typedef LIST(MigrateFile) MigrateFiles;
typedef struct MigrateSumError MigrateSumError;

typedef struct MigrateDir {
    const char *url;  // for reports, without password
    const char *path; // NULL: not on disk
    MigrateFormat format;
    MigrateFiles files; // in execution order
    Str sum;            // content of atlas.sum
    bool has_sum;
} MigrateDir;

#define MIGRATE_SUM_FILE "atlas.sum"
#define MIGRATE_MAX_FILE ((size_t)64 << 20)

// E_INVALID for an unknown name; NULL or "" is atlas.
Err *migrate_format_parse(MigrateFormat *out, const char *name) MUST_USE;
const char *migrate_format_name(MigrateFormat format);
// Adds "?format=<format>" unless the URL has one (`format` NULL: unchanged).
char *migrate_dir_url(Arena *mem, const char *url, const char *format);

// A `file://` URL with an optional ?format=. Sub-directories are ignored, symbolic links followed.
// E_NOT_FOUND; E_UNSUPPORTED for other schemes; E_TOO_LARGE for a file over MIGRATE_MAX_FILE.
Err *migrate_dir_open(MigrateDir **out, const char *url, Arena *mem) MUST_USE;
Err *migrate_dir_load(MigrateDir **out, const char *path, MigrateFormat format,
                      Arena *mem) MUST_USE;
// Writes the archive of a `file://` directory one file at a time, and checks it against its sum as
// migrate_dir_verify does. *out has names and versions; the contents of its files are empty.
Err *migrate_dir_pack(MigrateDir **out, const char *url, PackWriter *writer,
                      MigrateSumError *where, Arena *mem) MUST_USE;
// An archive of the registry (atlas format).
Err *migrate_dir_from_tar(MigrateDir **out, Str archive, const char *url, Arena *mem) MUST_USE;
// A directory in memory of these files (atlas format), which get sorted; it has a sum if they have.
MigrateDir *migrate_dir_from_entries(PackEntries *entries, const char *url, Arena *mem);
// The deterministic archive: atlas.sum if present, then the files.
Err *migrate_dir_archive(Str *out, const MigrateDir *dir, Arena *mem) MUST_USE;
// The files up to and including `version`, with their sum. E_NOT_FOUND.
Err *migrate_dir_cut(MigrateDir **out, const MigrateDir *dir, const char *version,
                     Arena *mem) MUST_USE;
const MigrateFile *migrate_dir_find(const MigrateDir *dir, const char *version); // or NULL
size_t migrate_dir_last_checkpoint(const MigrateDir *dir); // index; files.len if none

// --- atlas.sum
// ------------------------------------------------------------------------------------

// Where a directory and its sum part.
struct MigrateSumError {
    int line;                  // of atlas.sum; 0: no location known
    const char *file, *reason; // "added", "edited" or "removed"
    size_t pos;                // byte offset of the line
};

// The text of atlas.sum for these files.
Str migrate_sum_text(const MigrateFiles *files, Arena *mem);
// Total of a sum text ("h1:..."), "" if malformed: what identifies a state of a directory.
const char *migrate_sum_total(Str sum, Arena *mem);
// The entry of a file, without "h1:"; "" if it is excluded.
const char *migrate_sum_entry(const MigrateDir *dir, const char *name, Arena *mem);
// E_CHECKSUM "checksum mismatch", "checksum file not found", "checksum file format invalid";
// `where` (may be NULL) is always set.
Err *migrate_dir_verify(const MigrateDir *dir, MigrateSumError *where, Arena *mem) MUST_USE;
Err *migrate_dir_write_sum(MigrateDir *dir, Arena *mem) MUST_USE;

// --- files
// ----------------------------------------------------------------------------------------

// Statements of the up part. Atlas and liquibase files use `scan_options`, the rest the generic
// scanner. E_SYNTAX naming the file. Of a txtar file: those of migration.sql.
Err *migrate_file_stmts(SqlStmts *out, const MigrateFile *file, unsigned scan_options,
                        Arena *mem) MUST_USE;

typedef struct MigrateCheck {
    const char *name;
    bool one_of; // one true statement suffices
    SqlStmts stmts;
} MigrateCheck;

typedef LIST(MigrateCheck) MigrateChecks;

// The check sections of a txtar file; none for others.
Err *migrate_file_checks(MigrateChecks *out, const MigrateFile *file, unsigned scan_options,
                         Arena *mem) MUST_USE;

// --- apply
// ----------------------------------------------------------------------------------------

typedef enum MigrateTxMode { MIGRATE_TX_FILE, MIGRATE_TX_ALL, MIGRATE_TX_NONE } MigrateTxMode;
typedef enum MigrateOrder {
    MIGRATE_LINEAR,
    MIGRATE_LINEAR_SKIP,
    MIGRATE_NON_LINEAR,
} MigrateOrder;

typedef enum MigrateInFlight {
    MIGRATE_FLIGHT_STOP, // E_STATE naming the statement
    MIGRATE_FLIGHT_APPLIED,
    MIGRATE_FLIGHT_REPEAT,
} MigrateInFlight;

// E_USAGE naming the allowed words; "" is the default.
Err *migrate_in_flight_parse(MigrateInFlight *out, const char *text) MUST_USE;
Err *migrate_tx_mode_parse(MigrateTxMode *out, const char *text) MUST_USE;
Err *migrate_order_parse(MigrateOrder *out, const char *text) MUST_USE;

typedef enum MigrateEventKind {
    MIGRATE_EVENT_FILE,      // a file starts
    MIGRATE_EVENT_STATEMENT, // a statement is done
    MIGRATE_EVENT_FILE_DONE,
} MigrateEventKind;

typedef struct MigrateEvent {
    MigrateEventKind kind;
    const MigrateFile *file;
    const char *stmt;              // STATEMENT
    size_t file_index, file_count; // of this run, from 0
    size_t stmt_index, stmt_count;
} MigrateEvent;

#define MIGRATE_LOCK_NAME "atlas_migrate_execute" // of runs that apply, by default

typedef struct MigrateApplyParams {
    const Host *host; // NULL: the system
    Db *db;
    const char *url; // the database's, for the report
    const MigrateDir *dir;
    const char *dir_url;                                              // as given; NULL: dir->url
    int64_t amount;                                                   // 0: all
    // NULL or "": none, default. The baseline "auto" is what golang-migrate, goose or dbmate left.
    const char *to_version, *baseline, *revisions_schema, *lock_name;
    Duration lock_timeout;
    MigrateTxMode tx_mode;
    MigrateOrder order;
    bool allow_dirty, dry_run;
    // What to do with a statement that was in flight when its run ended and of which the catalog
    // tells nothing.
    MigrateInFlight in_flight;
    const char *operator_version;        // NULL: "Atlas CLI <version>"
    const volatile sig_atomic_t *cancel; // as given to db_open, or NULL
    void (*event)(void *ctx, const MigrateEvent *event);
    void *event_ctx;
} MigrateApplyParams;

typedef struct MigrateApplied {
    Value *report; // NULL: the run did not start, there is only the error
    MigrateSumError sum;
    const char *from_version, *to_version; // before the run, last selected; "" if none
    const char *current_version;           // after the run
    size_t pending, done;                  // files selected, files completed
    StrList warnings;   // what an earlier run left and this one mended
    const char *notice; // for stdout, with an E_SILENT error: two revisions tables; else NULL
} MigrateApplied;

// Applies pending files. On a failure in the run both `out->report` and the error are there.
// E_CHECKSUM (see out->sum), E_LOCKED, E_STATE (not clean, out of order, interrupted), E_DB, ...
Err *migrate_apply(MigrateApplied *out, const MigrateApplyParams *p, Arena *mem) MUST_USE;

// Runs the whole directory on an empty dev database (up to `version`, NULL: all), without
// transactions and revisions. The caller drops the content: db_wipe().
Err *migrate_replay(Db *dev, const MigrateDir *dir, const char *version) MUST_USE;

// --- the other commands
// ---------------------------------------------------------------------------

typedef struct MigrateStatusParams {
    Db *db;
    const char *url;
    const MigrateDir *dir;
    const char *dir_url, *revisions_schema;
} MigrateStatusParams;

// Reads only. `where` and `notice` as in migrate_apply; both may be NULL.
Err *migrate_status(Value **report, const MigrateStatusParams *p, MigrateSumError *where,
                    const char **notice, Arena *mem) MUST_USE;

typedef struct MigrateSetParams {
    const Host *host;
    Db *db;
    const MigrateDir *dir;
    const char *version; // NULL or "": the last file
    const char *revisions_schema, *lock_name, *operator_version;
} MigrateSetParams;

// Report: Current, Revisions [{Version, Description, Op: "+" or "-"}] by version, Set, Removed
// (counts).
Err *migrate_set(Value **report, const MigrateSetParams *p, MigrateSumError *where,
                 const char **notice, Arena *mem) MUST_USE;

typedef struct MigrateNewParams {
    const Host *host;
    const char *path; // created if missing
    MigrateFormat format;
    const char *name; // description, may be ""
    Str content;      // atlas format only
} MigrateNewParams;

// Writes an empty file (or two: up and down) and the sum. `out`: path of the file.
Err *migrate_new(const char **out, const MigrateNewParams *p, MigrateSumError *where,
                 Arena *mem) MUST_USE;
Err *migrate_hash(MigrateDir *dir, Arena *mem) MUST_USE;
// Checksum, and with `dev` a replay (the dev database is empty again afterwards).
Err *migrate_validate(const MigrateDir *dir, Db *dev, MigrateSumError *where, Arena *mem) MUST_USE;
// File names, or versions (`is_short`), or the last one only.
StrList migrate_ls(const MigrateDir *dir, bool is_short, bool latest, Arena *mem);

// A file by its name, path or version. E_NOT_FOUND.
Err *migrate_dir_pick(const MigrateFile **out, const MigrateDir *dir, const char *what) MUST_USE;
// Deletes a file (`what` "" or NULL: the last one) with its way down, and writes the sum. *name: of
// the file.
Err *migrate_rm(const char **name, const MigrateDir *dir, const char *what, MigrateSumError *where,
                Arena *mem) MUST_USE;
// Gives files new versions behind all others, in the order they had, and writes the sum, which is
// not asked before.
Err *migrate_rebase(const MigrateDir *dir, const StrList *what, const Host *host,
                    Arena *mem) MUST_USE;
// Writes the files of another format as ours into the directory `to`, which must have none. *count
// of files. E_USAGE (atlas format), E_EXISTS (the target is not empty), E_CHECKSUM, E_SYNTAX.
Err *migrate_import(size_t *count, const MigrateDir *from, const char *to, MigrateSumError *where,
                    Arena *mem) MUST_USE;

// --- tests
// ----------------------------------------------------------------------------------------

typedef struct MigrateTestParams {
    const Host *host;
    Db *db; // the dev database: empty, and empty again after each case
    const MigrateDir *dir;
    StrList paths;            // test files, or directories of *.test.hcl; none: the working directory
    const Map *inputs;        // of the files' variables, const HclValue *; NULL: none
    const HclDataSource *data; // what their `data` blocks may ask for; `data_count` of them
    size_t data_count;
    const char *run;          // pattern of the names to run; "" or NULL: all
    const char *revisions_schema;
    const volatile sig_atomic_t *cancel;
} MigrateTestParams;

// Report: Tests [{Name, File, Line, Status (PASS, FAIL, SKIP), Duration, Logs?, Error?}], Passed,
// Failed, Skipped. A failed case is no error but makes *passed false.
Err *migrate_test(Value **report, bool *passed, const MigrateTestParams *p, MigrateSumError *where,
                  Arena *mem) MUST_USE;

// --- shared report pieces
// -------------------------------------------------------------------------

// Points into `file`, which outlives it.
Value *migrate_file_value(Arena *mem, const MigrateFile *file);
// Go's %q.
char *migrate_quote(Arena *mem, const char *text);

#endif
