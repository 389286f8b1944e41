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

#endif
