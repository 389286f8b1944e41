// The `atlas` command line: words in, texts, JSON or templates out. cli-contract.md.
#ifndef ATLAS_CLI_H
#define ATLAS_CLI_H

#include <signal.h>

#include "atlas/base.h"

typedef struct CliWorld {
    const Host *host;
    const volatile sig_atomic_t *cancel; // SIGINT, SIGTERM, SIGHUP
    volatile sig_atomic_t *reload;       // SIGHUP while serving; < 0: nobody serves, it cancels
} CliWorld;

// Runs `atlas ARGV[1..]`. Results go to standard output. E_SILENT: everything was said already and
// only the exit status is left; any other error is for the caller to print ("Error: ...").
Err *cli_run(int argc, char **argv, const CliWorld *w, Arena *mem) MUST_USE;

// Markdown tables of all commands and flags, for the README and the test that compares.
char *cli_reference(Arena *mem);

#endif
