// atlas.hcl, evaluated: what a project says about its environments. config-language.md section 3.
//
// Texts are "" where the file says nothing, lists empty, numbers 0. Secrets (tokens, passwords in
// URLs) are registered with log_mask() when they are read. Errors are E_CONFIG with position.
#ifndef ATLAS_PROJECT_H
#define ATLAS_PROJECT_H

#include <signal.h>

#include "atlas/base.h"
#include "atlas/hcl.h"
#include "atlas/http.h"
#include "atlas/migrate.h"

typedef struct ProjectRepo {
    const char *name, *url;
    StrList backup;                   // store URLs, in order
    int min_copies;                   // 0: not set
    StrList verify, verify_approvals; // "ed25519:BASE64"
    HclRange range;                   // of the block; file NULL if there is none
} ProjectRepo;

typedef struct ProjectMigration {
    const char *dir, *format, *baseline, *revisions_schema;
    const char *exec_order;   // as the flag wants it: "linear-skip"
    const char *tx_mode, *lock_name;
    const char *lock_timeout; // Go duration texts
    const char *db_lock_timeout, *statement_timeout;
    StrList exclude;
    ProjectRepo repo;
} ProjectMigration;

typedef struct ProjectSchema {
    StrList src;
    ProjectRepo repo;
} ProjectSchema;

typedef struct ProjectEnv {
    const char *name, *url, *dev;
    StrList src;                        // with a scheme; of schema { src } if the env has none
    StrList schemas, exclude, include;
    ProjectMigration migration;
    ProjectSchema schema;
    Map *formats; // "migrate.apply", "schema.inspect", ... -> template text; never NULL
    Value *lint, *diff, *test; // merged with the project's, NULL if neither has one
    Value *extra; // other attributes and blocks, by name; a map, never NULL
} ProjectEnv;

typedef struct ProjectCloud {
    const char *token, *url, *project, *org, *key;
} ProjectCloud;

// A directory in memory: what a template_dir made of the files below `path`.
typedef struct ProjectDir {
    const char *path; // where new files go
    MigrateDir *dir;  // the rendered files and their sum
} ProjectDir;

typedef struct Project {
    ProjectCloud cloud;
    Value *lint, *diff, *test;   // blocks as values; NULL if absent
    LIST(ProjectEnv *) envs;     // the selected ones, in order (for_each gives several)
    Map *dirs;   // "mem://PATH/NAME" -> ProjectDir *; never NULL
    Map *tokens; // database tokens that data sources made, for project_db_url; never NULL
} Project;

typedef struct ProjectOptions {
    const char *config;  // "file://atlas.hcl" or several joined by ','; NULL or "": the default
    bool explicit_config;// -c was given: a missing file is an error even without an env
    const char *env;     // "": none
    // "name=value" texts, in order; the CSV records of --var are split already, so a value may hold
    // commas. A name given again makes a list of strings. NULL: none.
    const StrList *vars;
    const Host *host;
    Loop *loop; // of what data sources ask; NULL: there are no data sources
    const volatile sig_atomic_t *cancel; // not zero: a data source at work is given up; may be NULL
    void (*print)(void *ctx, Str line); // of print(); NULL: standard output, masked
    void *print_ctx;
} ProjectOptions;

// *out is NULL when no file is asked for (no env, no explicit config). E_USAGE: a malformed
// variable or config URL.
Err *project_load(Project **out, const ProjectOptions *options, Arena *mem) MUST_USE;

// Variable inputs (ProjectOptions.vars) as values by name. E_USAGE.
Err *project_inputs(Map **out, const StrList *vars, Arena *mem) MUST_USE;

// Resolves env://url, env://dev, env://src, env://migration.dir, env://<attribute>. Other URLs come
// back as they are. `env` NULL with an env:// URL is an error.
Err *project_env_url(const char **out, const ProjectEnv *env, const char *url, Arena *mem) MUST_USE;

// --- databases behind short-lived credentials ---------------------------------------------------

typedef struct ProjectDbAccess {
    const Project *project; // NULL: none
    Loop *loop;
    const volatile sig_atomic_t *cancel; // may be NULL
} ProjectDbAccess;

// What the `data` blocks of other documents than the configuration may ask for; directories and
// tokens go to access->project, if there is one.
const HclDataSource *project_data_sources(size_t *count, const ProjectDbAccess *access, Arena *mem);

// What to open now for a database URL; to be asked anew for every connection. `password_from` leaves
// the URL and what it names becomes the password: `file:PATH`, `command:TEXT` (by sh), `aws_rds`,
// `aws_rds:REGION`, `gcp_cloudsql`. A password that aws_rds_token or gcp_cloudsql_token of the
// project made more than a minute ago is made anew. Passwords are masked; errors name their source.
// E_INVALID: an unknown source, or a URL that has no user or has a password of its own.
Err *project_db_url(const char **out, const ProjectDbAccess *a, const char *url,
                    Arena *mem) MUST_USE;

// What `atlas project show` prints, secrets masked.
Value *project_to_value(const Project *p, Arena *mem);

#endif
