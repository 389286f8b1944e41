// Private to the cloud target: asking one operation.
#ifndef ATLAS_REGISTRY_CLOUD_H
#define ATLAS_REGISTRY_CLOUD_H

#include "target.h"

typedef struct CloudTarget {
    Target base;
    const CloudConfig *config;
    HttpBudget budget;
    bool greeted;    // Bot was asked
    int last_status; // HTTP status of the last answer; 0: none came
} CloudTarget;

// Sends the document with variable `input` (NULL: none); *answer is data.<field>, NULL if the
// answer has none. `once`: never sent twice.
Err *cloud_ask(Value **answer, CloudTarget *t, const char *query, const char *field, Value *input,
               bool once, Arena *mem) MUST_USE;

// --- schemas, plans and repositories (cloud_schema.c) -------------------------------------------

Err *cloud_push_schema(CloudTarget *t, const Artifact *a, CloudPush *p, Arena *mem) MUST_USE;
Err *cloud_push_plan(CloudTarget *t, const Artifact *a, CloudPush *p, Arena *mem) MUST_USE;
Err *cloud_fetch_schema(Body *out, CloudTarget *t, const char *slug, const char *tag,
                        const char *version, Arena *mem) MUST_USE;
Err *cloud_plans(PlanList *out, Target *t, const char *slug, const char *from, const char *to,
                 Arena *mem) MUST_USE;
Err *cloud_plan(Plan *out, Target *t, const char *slug, const char *name, Arena *mem) MUST_USE;
Err *cloud_approve(Plan *out, Target *t, const char *slug, const char *name, const Value *context,
                   Arena *mem) MUST_USE;
Err *cloud_create(RepoInfo *out, Target *t, const RepoInfo *want, Arena *mem) MUST_USE;
Err *cloud_list(RepoInfos *out, Target *t, Arena *mem) MUST_USE;
Err *cloud_describe(RepoInfo *out, Target *t, const char *slug, Arena *mem) MUST_USE;

#endif
