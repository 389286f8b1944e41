// atlas.hcl, evaluated: what a project says about its environments. config-language.md section 3.
//
// Texts are "" where the file says nothing, lists empty, numbers 0. Secrets (tokens, passwords in
// URLs) are registered with log_mask() when they are read. Errors are E_CONFIG with position.
#ifndef ATLAS_PROJECT_H
#define ATLAS_PROJECT_H

#include "atlas/base.h"
#include "atlas/hcl.h"

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
    const char *tx_mode;
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

typedef struct Project {
    ProjectCloud cloud;
    Value *lint, *diff, *test;   // blocks as values; NULL if absent
    LIST(ProjectEnv *) envs;     // the selected ones, in order (for_each gives several)
} Project;

typedef struct ProjectOptions {
    const char *config;  // "file://atlas.hcl" or several joined by ','; NULL or "": the default
    bool explicit_config;// -c was given: a missing file is an error even without an env
    const char *env;     // "": none
    // "name=value" texts, in order; the CSV records of --var are split already, so a value may hold
    // commas. A name given again makes a list of strings. NULL: none.
    const StrList *vars;
    const Host *host;
    const HclDataSource *data; // what `data` blocks may ask for; `data_count` of them
    size_t data_count;
    void (*print)(void *ctx, Str line); // of print(); NULL: standard output, masked
    void *print_ctx;
} ProjectOptions;

// *out is NULL when no file is asked for (no env, no explicit config). E_USAGE: a malformed
// variable or config URL.
Err *project_load(Project **out, const ProjectOptions *options, Arena *mem) MUST_USE;

// Resolves env://url, env://dev, env://src, env://migration.dir, env://<attribute>. Other URLs come
// back as they are. `env` NULL with an env:// URL is an error.
Err *project_env_url(const char **out, const ProjectEnv *env, const char *url, Arena *mem) MUST_USE;

// What `atlas project show` prints, secrets masked.
Value *project_to_value(const Project *p, Arena *mem);

#endif
