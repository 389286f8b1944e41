// Private to cli: what a command gets, and the table of commands.
#ifndef ATLAS_CLI_CLI_H
#define ATLAS_CLI_CLI_H

#include <stdio.h>

#include "atlas/cli.h"
#include "atlas/ops.h"
#include "flags.h"

typedef struct Cli {
    const CliWorld *world;
    FlagSet flags;
    Ops ops;
    const ProjectEnv *env; // the single selected env; NULL: none
    Arena *mem;
} Cli;

typedef struct Command {
    const char *path;  // "migrate apply"
    const char *args;  // "[amount]"
    int max_args;      // -1: any number
    const char *summary;
    const FlagSpec *const *flags;
    bool many_envs;    // takes an env that for_each made several of
    Err *(*run)(Cli *c);
} Command;

extern const Command cli_commands[]; // ends with a NULL path

// --- the env (project.c) ------------------------------------------------------------------------

// Reads the configuration if it is asked for, selects the env and fills flags that were not given.
Err *cli_load_project(Cli *c, const Command *command) MUST_USE;
// One OpsTarget per env (or one without). E_USAGE: no url.
Err *cli_targets(OpsTarget **out, size_t *count, Cli *c, Arena *mem) MUST_USE;

// --- output (output.c) --------------------------------------------------------------------------

void cli_print(const char *text);
// Prints a report: by the template of --format, else `text` (made by the caller).
Err *cli_print_report(Cli *c, Value *report, const char *text) MUST_USE;
// The report by the template of --format, or NULL without one.
Err *cli_render(char **out, Cli *c, Value *report, Arena *mem) MUST_USE;
bool cli_has_format(const Cli *c);
// To stderr unless --format was given, where they are in the report.
void cli_warn(const Cli *c, const StrList *warnings);
// For an E_CHECKSUM error: the help block on standard output. Returns `e`.
Err *cli_checksum_help(Err *e, const MigrateSumError *where) MUST_USE;
// For long audits: a bar on standard error, if that is a terminal.
const Progress *cli_progress(const Cli *c, Arena *mem);
// JSON of --context, or NULL.
Err *cli_context(Value **out, Cli *c) MUST_USE;

// --- commands -----------------------------------------------------------------------------------

Err *cli_version(Cli *c);
Err *cli_license(Cli *c);
Err *cli_migrate_apply(Cli *c);
Err *cli_migrate_push(Cli *c);
Err *cli_migrate_status(Cli *c);
Err *cli_migrate_set(Cli *c);
Err *cli_migrate_hash(Cli *c);
Err *cli_migrate_validate(Cli *c);
Err *cli_migrate_new(Cli *c);
Err *cli_migrate_ls(Cli *c);
Err *cli_migrate_test(Cli *c);
Err *cli_migrate_edit(Cli *c);
Err *cli_migrate_rm(Cli *c);
Err *cli_migrate_rebase(Cli *c);
Err *cli_migrate_import(Cli *c);
Err *cli_registry_serve(Cli *c);
Err *cli_registry_verify(Cli *c);
Err *cli_registry_sync(Cli *c);
Err *cli_registry_token_new(Cli *c);
Err *cli_registry_key_new(Cli *c);
Err *cli_login(Cli *c);
Err *cli_logout(Cli *c);
Err *cli_whoami(Cli *c);
Err *cli_repo_create(Cli *c);
Err *cli_repo_list(Cli *c);
Err *cli_repo_describe(Cli *c);
Err *cli_project_show(Cli *c);

#endif
