// The CI platform an action runs on: inputs, outputs, log style, summary, trigger context.
// (actions.md: the table of differences, then sections 1, 2 and 3.1.)
//
// Everything is read through a Host, so that tests decide it. Nothing here asks the network: on
// CircleCI the pull request is not in the environment, see PlatformContext.pr_lookup.
#ifndef ATLAS_PLATFORM_H
#define ATLAS_PLATFORM_H

#include <stdbool.h>
#include <stdint.h>

#include "atlas/base/err.h"
#include "atlas/base/host.h"
#include "atlas/base/log.h"
#include "atlas/base/url.h"
#include "atlas/base/value.h"

typedef struct Platform Platform;

// Where lines go; write NULL: standard output, with `tty` found out.
typedef struct PlatformIo {
    void (*write)(void *ctx, const char *data, size_t len);
    void *ctx;
    bool tty;
} PlatformIo;

// The platform that the environment shows, the terminal if none. `host` must outlive it.
Platform *platform_open(const Host *host, PlatformIo io, Arena *mem) RETURNS_NONNULL;
const char *platform_name(const Platform *p);         // "github", "gitlab", "terminal", ...
const char *platform_trigger_type(const Platform *p); // "GITHUB_ACTION", ..., "CLI"
bool platform_has_colour(const Platform *p);

// --- inputs --------------------------------------------------------------------------------------

// The text of an input by its manifest name ("dev-url"), trimmed; "" if absent.
char *platform_input(const Platform *p, const char *name, Arena *mem);
// One sentence for each input variable that is set, not empty and none of `known`; it names the
// nearest known input.
StrList platform_unknown_inputs(const Platform *p, const char *const *known, size_t count,
                                Arena *mem);

// Kinds of 3.1. Errors (E_USAGE) name the input.
Err *input_bool(bool *out, const char *name, const char *text) MUST_USE;         // "" is false
Err *input_number(uint64_t *out, const char *name, const char *text) MUST_USE;   // "" is 0
Err *input_duration(Duration *out, const char *name, const char *text) MUST_USE; // "" is 0
StrList input_array(const char *text, Arena *mem); // lines, trimmed, without empty ones
// A JSON object as "key=value" texts by key; an array gives one per item.
Err *input_vars(StrList *out, const char *name, const char *text, Arena *mem) MUST_USE;
// "atlas://<name>" with the parameters that have a value, in their order.
char *input_atlas_url(Arena *mem, const char *name, const UrlParam *params, size_t count);

// --- outputs -------------------------------------------------------------------------------------

// Sets an output ("applied_count") of an action ("migrate/apply"). Any content is safe. Files that
// cannot be written are an error on GitHub and CircleCI, a warning elsewhere.
Err *platform_set_output(Platform *p, const char *action, const char *name, Str value) MUST_USE;
// Sets an environment variable of the job's later steps, where the platform takes that from a program
// (GitHub); nothing elsewhere.
Err *platform_export(Platform *p, const char *name, Str value) MUST_USE;
// "ATLAS_OUTPUT_MIGRATE_APPLY_CURRENT".
char *platform_output_variable(Arena *mem, const char *action, const char *name);

// --- messages ------------------------------------------------------------------------------------

// For log_set_sink(); ctx is the platform.
LogSink platform_log_sink(Platform *p);

typedef struct PlatformAnnotation {
    LogLevel level;
    const char *file, *title; // NULL if none
    int line;                 // 0 if none
} PlatformAnnotation;
// A message at a place in a file, where the platform has such a thing; else a log line.
void platform_annotate(Platform *p, PlatformAnnotation at, const char *message);
// Prints text of others (database errors, SQL, file content), in which nothing is a command.
void platform_untrusted(Platform *p, const char *text);
// Whether platform_summary goes anywhere: then it is worth rendering.
bool platform_has_summary(const Platform *p);
// Appends Markdown to the job summary; trouble is a warning.
void platform_summary(Platform *p, const char *markdown);

// --- context -------------------------------------------------------------------------------------

typedef struct PlatformPr {
    int64_t number;
    const char *url, *body, *commit;
    bool target; // of pull_request_target: never a reason to trust
} PlatformPr;

typedef struct PlatformComment {
    int64_t number; // of the issue
    const char *url, *body;
} PlatformComment;

// What triggered the run. Texts are "" where the platform has none.
typedef struct PlatformContext {
    const char *repo, *repo_url, *branch, *commit;
    const char *actor_name, *actor_id, *default_branch;
    const PlatformPr *pr;           // NULL: none
    const PlatformComment *comment; // NULL: none
    const char *scm_type;           // "GITHUB", "GITLAB", "BITBUCKET", ""
    const char *scm_token, *scm_api;
    const char *scm_project; // GitLab: project id; Bitbucket: "workspace/slug"
    const char *rerun_command;
    bool pr_lookup; // CircleCI: the API (scm_token, scm_api, repo, branch) may know a pull request
} PlatformContext;

// E_CONFIG naming the variable or file that is missing or malformed. A missing token is a warning,
// once. Registers the token as a secret.
Err *platform_context(Platform *p, PlatformContext **out, Arena *mem) MUST_USE;

// The JSON contexts of section 2.3, empty fields omitted. `path` as in Go: "" if none.
Value *platform_run_context(const PlatformContext *c, const char *path, Arena *mem);
Value *platform_deploy_context(const Platform *p, Arena *mem);

#endif
