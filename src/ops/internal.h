// Shared by the operations only.
#ifndef ATLAS_OPS_INTERNAL_H
#define ATLAS_OPS_INTERNAL_H

#include "atlas/ops.h"

// The ReportMigrationInput of cloud-protocol.md section 4 for one run.
Value *ops_report_input(const Ops *o, const OpsTarget *target, const OpsDir *dir, const OpsRun *run,
                        const char *target_id, const Value *context, bool dry_run, Arena *mem);
// The ReportMigrationSetInput over all runs; `inputs` are those of the runs that completed.
Value *ops_report_set(const Ops *o, const OpsApply *apply, const Value *inputs, size_t planned,
                      const char *dir_url, const Value *context, Arena *mem);

// Whether a directory URL names one in memory (mem://), and which of the configuration's that is.
bool ops_is_memory(const char *url);
Err *ops_memory_dir(const ProjectDir **out, const Ops *o, const char *url, Arena *mem) MUST_USE;

typedef struct Spool {
    int fd; // -1: in memory
    Buf buf;
    int64_t size;
    bool stays;
    const Host *host;
    Arena *memory; // of the buffer
} Spool;

Spool *spool_new(const Host *host, Arena *mem);
Err *spool_write(void *spool, Str bytes) MUST_USE; // for PackWriter
Body spool_body(const Spool *s); // lives as long as the spool

// Jobs in processes of their own, up to `limit` at a time: a job may block, and its end is its own.
typedef struct Workers {
    size_t count, limit;
    const volatile sig_atomic_t *cancel; // passed on to the running jobs as SIGTERM; or NULL
    Value *(*work)(void *ctx, size_t index, Arena *mem); // in the job's process
    // In this process, as jobs end. `result` is NULL with the `reason` if the process died. False:
    // start no more.
    bool (*done)(void *ctx, size_t index, const Value *result, const char *reason);
    void *ctx;
} Workers;

Err *workers_run(const Workers *w) MUST_USE;

// The lock of one of several targets that run at the same time.
typedef struct OpsSharedLock {
    const char *name; // to ask for; "": the default one
    Err *error;       // the run could not get the lock that the targets share; the caller's
} OpsSharedLock;
// Locks what targets share, until `mem` goes. `out` has `count` of them.
void ops_shared_locks(OpsSharedLock *out, const Ops *o, const OpsTarget *targets, size_t count,
                      Arena *mem);

Value *ops_run_pack(const OpsRun *run, const Err *e, Arena *mem);
// Returns the run's own error.
Err *ops_run_unpack(OpsRun *run, const Value *packed, Arena *mem) MUST_USE;

// Opens a database of the configuration, with its settings.
Err *ops_db_open(Db **out, const Ops *o, const OpsTarget *target, Arena *mem) MUST_USE;

#endif
