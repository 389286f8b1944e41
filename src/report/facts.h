// What text and Markdown both ask of a report of migrate apply.
#ifndef ATLAS_REPORT_FACTS_H
#define ATLAS_REPORT_FACTS_H

#include "atlas/report.h"

typedef struct ApplyFacts {
    size_t files_ok, files_bad, checks_ok, checks_bad, stmts_ok, stmts_bad;
} ApplyFacts;

ApplyFacts apply_facts(const Value *report);
// The file's Error, NULL if none.
const Value *file_error(const Value *file);
// Whether one of the file's check groups failed: then its statements did not run.
bool checks_failed(const Value *file);
size_t list_len(const Value *map, const char *key);
// "End" minus "Start", in Go's spelling.
char *elapsed_text(const Value *v, Arena *mem);
const char *plural(size_t n);

#endif
