// One function per user-level operation: a params struct in, a report out, no printing. Both faces
// (the action runner and the command line) call these and nothing below.
#ifndef ATLAS_OPS_H
#define ATLAS_OPS_H

#include <signal.h>

#include "atlas/base.h"
#include "atlas/http.h"
#include "atlas/migrate.h"
#include "atlas/project.h"
#include "atlas/registry.h"

// What every operation starts from.
typedef struct Ops {
    const Host *host;
    Loop *loop;
    const Project *project; // NULL: no configuration file was read
    const StrList *vars;    // input variables as ProjectOptions has them; NULL: none
    const volatile sig_atomic_t *cancel;
    const char *sign_key_file; // private key that signs pushes; "" or NULL: ATLAS_SIGN_KEY's, if any
    // "true": while the registry cannot be reached only a valid grant lets a run go on; "signed": one that
    // the pinned key signed; "" or NULL: as ATLAS_REQUIRE_GRANT says.
    const char *require_grant_text;
    const char *token;         // of the registry, in the place of ATLAS_TOKEN; "" or NULL: none
    const char *simulate;      // outage rehearsal; "" or NULL: ATLAS_SIMULATE's, if any
    Arena *mem; // of the run
} Ops;

// Database reports carry this as their operator version.
#define OPS_OPERATOR_VERSION "Atlas CLI " ATLAS_VERSION

// --- directories and repositories ---------------------------------------------------------------

typedef struct OpsDir {
    MigrateDir *dir;
    Repo *repo;       // NULL unless it came from atlas://
    const char *slug; // of that repository
    const char *url;  // as given, for reports
    StrList warnings;
} OpsDir;

// The registry that a config or the environment names: NULL if there is no token.
const CloudConfig *ops_cloud(const Ops *o, Arena *mem);
// The repository of a slug: with an env whose repo has that name, that repo's url and backups.
Err *ops_repo(Repo **out, const Ops *o, const ProjectEnv *env, const char *slug, Arena *mem) MUST_USE;
// Opens file://, atlas:// and mem:// directories. E_NOT_FOUND, E_CHECKSUM, and the errors of repo_read.
Err *ops_dir_open(OpsDir *out, const Ops *o, const ProjectEnv *env, const char *url,
                  const char *format, Arena *mem) MUST_USE;
// Splits "slug[:tag]"; the tag is NULL if there is none.
void ops_split_name(const char **slug, const char **tag, const char *text, Arena *mem);

// --- migrate push -------------------------------------------------------------------------------

typedef struct OpsPushParams {
    const ProjectEnv *env;  // NULL: none selected
    const char *dir_url, *format;
    const char *name;       // "slug[:tag]"; "": the env's repo.name
    const char *tag;        // wins over the name's; "": none
    bool latest;            // with a tag: move `latest` too
    const char *dev_url;    // tells the driver; never opened
    const Value *context;   // run context or NULL
    int min_copies;         // 0: the repo's
} OpsPushParams;

typedef struct OpsPush {
    PushResult result;
    Value *report; // {Slug, URL, Link?, Digest, Backups?: [{URL, Error?}], Warnings?}
    MigrateSumError sum;
} OpsPush;

// E_CHECKSUM sets out->sum. Else the errors of repo_push.
Err *ops_migrate_push(OpsPush *out, const Ops *o, const OpsPushParams *p, Arena *mem) MUST_USE;

// --- targets ------------------------------------------------------------------------------------

// What was given on the command line or as inputs; "" where nothing was.
typedef struct OpsGiven {
    const char *url, *dir, *format, *revisions_schema, *baseline, *lock_name, *lock_timeout;
    const char *tx_mode, *exec_order, *db_lock_timeout, *statement_timeout;
} OpsGiven;

typedef struct OpsTarget OpsTarget;
// One target per selected env, or one without an env. Precedence: given > env block > default.
// E_USAGE: no url; several envs where `many` is false.
Err *ops_targets(OpsTarget **out, size_t *count, const Ops *o, const OpsGiven *given, bool many,
                 Arena *mem) MUST_USE;

// --- migrate apply ------------------------------------------------------------------------------

struct OpsTarget { // one database
    const ProjectEnv *env; // NULL: none
    const char *url, *dir_url, *format, *revisions_schema, *baseline, *lock_name;
    const char *tx_mode, *order;
    Duration lock_timeout; // the wait for the lock of the run
    Duration db_lock_timeout, statement_timeout; // of each statement; 0: as the database says
};

typedef struct OpsRun {
    const char *url;      // redacted
    Value *report;        // NULL: it did not start; of several targets each has one
    const char *error;    // NULL: fine
    MigrateApplied applied;
    const char *target_id; // of reports to a registry; NULL: none
    const char *log;      // what the face showed of it
} OpsRun;

typedef struct OpsApplyParams {
    const OpsTarget *targets;
    size_t target_count;
    int64_t amount;         // 0: all
    const char *to_version; // "": none
    bool allow_dirty, dry_run;
    const char *in_flight;  // for migrate_in_flight_parse
    size_t concurrency;     // targets at the same time; 0 or 1: one after the other
    bool continue_on_error; // a failed target does not keep later ones from starting
    const Progress *progress; // of targets at the same time; may be NULL
    const Value *context;   // deploy context or NULL
    void (*event)(void *ctx, const MigrateEvent *event); // progress; may be NULL
    // Told of each warning of reading a directory, before its run starts; may be NULL. The report
    // has them as `Warnings` too.
    void (*warn)(void *ctx, const char *text);
    // Shows one finished run, in the order of the targets; returns what was shown (for the registry's record), in `mem`.
    const char *(*show)(void *ctx, const OpsRun *run, Arena *mem);
    void *ctx;
} OpsApplyParams;

typedef struct OpsApply {
    LIST(OpsRun) runs;   // targets that ran, in order
    const char *link;    // the registry's page of the report, NULL: none
    const char *report_error; // why the registry could not be told; NULL
} OpsApply;

// Target after target, or several at the same time; a failure keeps further ones from starting
// unless continue_on_error. `out` has the runs of all that started, in the order of the targets.
Err *ops_migrate_apply(OpsApply *out, const Ops *o, const OpsApplyParams *p, Arena *mem) MUST_USE;

// --- the other commands -------------------------------------------------------------------------

Err *ops_migrate_status(Value **report, MigrateSumError *sum, const char **notice, const Ops *o,
                        const OpsTarget *target, StrList *warnings, Arena *mem) MUST_USE;
Err *ops_migrate_set(Value **report, MigrateSumError *sum, const char **notice, const Ops *o,
                     const OpsTarget *target, const char *version, StrList *warnings,
                     Arena *mem) MUST_USE;
Err *ops_migrate_hash(const Ops *o, const char *dir_url, const char *format, Arena *mem) MUST_USE;
// dev_url "": checksum only.
Err *ops_migrate_validate(MigrateSumError *sum, const Ops *o, const char *dir_url,
                          const char *format, const char *dev_url, Arena *mem) MUST_USE;
Err *ops_migrate_new(const char **path, MigrateSumError *sum, const Ops *o, const char *dir_url,
                     const char *format, const char *name, Str content, Arena *mem) MUST_USE;
Err *ops_migrate_ls(StrList *out, MigrateSumError *sum, const Ops *o, const ProjectEnv *env,
                    const char *dir_url, const char *format, bool is_short, bool latest,
                    StrList *warnings, Arena *mem) MUST_USE;

// The path of one file of a local directory whose sum is right.
Err *ops_migrate_file(const char **path, MigrateSumError *sum, const Ops *o, const char *dir_url,
                      const char *format, const char *what, Arena *mem) MUST_USE;
Err *ops_migrate_rm(const char **name, MigrateSumError *sum, const Ops *o, const char *dir_url,
                    const char *format, const char *what, Arena *mem) MUST_USE;
Err *ops_migrate_rebase(const Ops *o, const char *dir_url, const char *format, const StrList *what,
                        Arena *mem) MUST_USE;
// `format` is the source's. *count of imported files.
Err *ops_migrate_import(size_t *count, MigrateSumError *sum, const Ops *o, const char *from_url,
                        const char *to_url, const char *format, Arena *mem) MUST_USE;

typedef struct OpsTestParams {
    const ProjectEnv *env;
    const char *dir_url, *format, *dev_url, *revisions_schema;
    StrList paths;       // none: what test { migrate { src } } lists, else the working directory
    const char *run;     // pattern of names; "": all
    const char *junit;   // file to write JUnit XML to; "": none
} OpsTestParams;

// The report of migrate_test. *passed: no case failed.
Err *ops_migrate_test(Value **report, bool *passed, MigrateSumError *sum, StrList *warnings,
                      const Ops *o, const OpsTestParams *p, Arena *mem) MUST_USE;

// --- login --------------------------------------------------------------------------------------

typedef struct OpsLoginParams {
    const char *token;
    const char *org; // "" or NULL: any
    bool grant_only; // keep the grant, not the token
} OpsLoginParams;

// Reports are {Org, User, URL, TokenExpires?, GrantExpires?, Offline?}.
Err *ops_login(Value **report, const Ops *o, const OpsLoginParams *p, Arena *mem) MUST_USE;
Err *ops_whoami(Value **report, const Ops *o, Arena *mem) MUST_USE;
// Forgets the token of `atlas login` and the grants of that and of ATLAS_TOKEN's.
Err *ops_logout(bool *was, const Ops *o, Arena *mem) MUST_USE;

// --- registries ---------------------------------------------------------------------------------

// slug "": the env's repo.name. *all_ok: every ref of every target is ok.
Err *ops_registry_verify(Value **report, bool *all_ok, const Ops *o, const ProjectEnv *env,
                         const char *slug, const Progress *progress, Arena *mem) MUST_USE;
Err *ops_registry_sync(Value **report, bool *all_ok, const Ops *o, const ProjectEnv *env,
                       const char *slug, const char *from, const Progress *progress,
                       Arena *mem) MUST_USE;

typedef struct OpsRepoParams {
    const ProjectEnv *env;
    const char *name, *type, *driver; // as the user wrote them
    bool skip_if_exists;              // *existed tells instead of an error
} OpsRepoParams;

// {Slug, Title, Type, URL, Driver}. E_EXISTS; E_USAGE: a name, type or driver that is none.
Err *ops_repo_create(Value **report, bool *existed, const Ops *o, const OpsRepoParams *p,
                     Arena *mem) MUST_USE;
// {Repos: [...], Page, PageSize, Total}; pages count from 1.
Err *ops_repo_list(Value **report, StrList *warnings, const Ops *o, const ProjectEnv *env,
                   uint64_t page, Arena *mem) MUST_USE;
// {Slug, Title, Type, URL, Driver, ID, Databases: {Synced, Failed, Pending}} of the repository with
// that slug, id or title (exactly one is given).
Err *ops_repo_describe(Value **report, StrList *warnings, const Ops *o, const ProjectEnv *env,
                       const char *slug, const char *id, const char *title, Arena *mem) MUST_USE;

#endif
