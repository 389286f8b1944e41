// Private to runner: what a handler gets.
#ifndef ATLAS_RUNNER_RUN_H
#define ATLAS_RUNNER_RUN_H

#include "atlas/ops.h"
#include "atlas/platform.h"
#include "atlas/runner.h"

typedef struct Run {
    const RunnerWorld *world;
    Platform *platform;
    const ActionSpec *action;
    Ops ops;
    const ProjectEnv *env; // the first selected env; NULL: none
    Arena *mem;
} Run;

// The input's text, else the manifest's default, else "".
const char *run_input(const Run *r, const char *name);
Err *run_input_bool(bool *out, const Run *r, const char *name) MUST_USE;
Err *run_input_number(uint64_t *out, const Run *r, const char *name) MUST_USE;
// Sets an output of this action.
Err *run_output(const Run *r, const char *name, const char *value) MUST_USE;
Err *run_output_int(const Run *r, const char *name, int64_t value) MUST_USE;
void run_warn_all(const StrList *warnings);
// Logs what a checksum error found, as the command line prints it.
void run_checksum_help(const Run *r, const Err *e, const MigrateSumError *where);

typedef Err *(*RunHandler)(Run *r);
Err *run_migrate_push(Run *r);
Err *run_migrate_apply(Run *r);
Err *run_migrate_set(Run *r);
Err *run_migrate_test(Run *r);
Err *run_registry_verify(Run *r);
Err *run_registry_sync(Run *r);
Err *run_create_repo(Run *r);
Err *run_setup(Run *r);

#endif
