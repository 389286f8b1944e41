// Private to the cloud target: asking one operation.
#ifndef ATLAS_REGISTRY_CLOUD_H
#define ATLAS_REGISTRY_CLOUD_H

#include "atlas/grant.h"
#include "target.h"

typedef struct CloudTarget {
    Target base;
    const CloudConfig *config;
    HttpBudget budget;
    bool greeted;    // Bot was asked
    bool judged;     // the grant's word on an outage was taken
    int last_status; // HTTP status of the last answer; 0: none came
} CloudTarget;

// What the registry said of the token.
typedef struct Greeting {
    const Value *me;   // of Bot's answer; NULL: none
    const char *grant; // its own grant, NULL: none
    bool refused;
} Greeting;

typedef struct CloudAnswer {
    int status;        // of HTTP; 0: none came
    const char *grant; // header Atlas-Grant, or NULL
} CloudAnswer;

// The grant is renewed when the registry knows the token and less than half of its life is left, and
// replaced by a tombstone when it refuses it. Trouble is a debug line.
void cloud_keep_grant(CloudTarget *t, const Greeting *g, Arena *mem);
// The newest word on the token, if there is one; maybe a tombstone.
bool cloud_load_grant(Grant *out, const CloudTarget *t, Arena *mem);
// The registry cannot be reached (`e`): says until when the grant is good, or that there is none. With
// grants required and none valid, a refusal that nothing falls back from.
Err *cloud_offline(CloudTarget *t, Err *e, Arena *mem) MUST_USE;

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
