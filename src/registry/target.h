// The contract of a target: one copy of a repository. push.c, read.c and audit.c hold the rules;
// drivers speak to one kind of place.
#ifndef ATLAS_REGISTRY_TARGET_H
#define ATLAS_REGISTRY_TARGET_H

#include "ref.h"

typedef struct Target Target;
typedef struct TargetDriver TargetDriver;
typedef LIST(RefName) RefNames;

struct Target {
    const TargetDriver *driver;
    const char *url; // redacted
    bool primary;
    Loop *loop;
    Arena *mem;
    Err *broken; // why it could not be opened or must not be asked again in this run; or NULL
};

// What a one-call push (cloud) needs beside the artifact.
typedef struct CloudPush {
    const char *tag; // NULL: untagged
    bool latest;
    const Value *context;
    const char *link; // out: the page of what was pushed
} CloudPush;

typedef enum RefWritten { REF_WROTE, REF_SAME, REF_KEPT, REF_SUPERSEDED } RefWritten;

struct TargetDriver {
    const char *name;

    // Either push and fetch (a registry that keeps refs itself) ...
    Err *(*push)(Target *t, const Artifact *a, CloudPush *p, Arena *mem);
    Err *(*fetch)(Body *out, Target *t, const char *slug, ArtifactKind kind, const char *tag,
                  const char *version, Arena *mem);
    Err *(*report)(ReportResult *out, Target *t, const Value *input, bool set, Arena *mem);

    // ... or these: objects and refs that this program orders.
    // Repository object, blob and manifest are up and right afterwards. E_INVALID: the slug holds
    // another kind.
    Err *(*stage)(Target *t, const Artifact *a, Arena *mem);
    // An absent ref is success with out->present false. E_DAMAGED, E_UNSUPPORTED as ref_parse.
    Err *(*read_ref)(Ref *out, Target *t, const char *slug, RefName name, Arena *mem);
    // Moves a tag to `fresh` unless the target's ref is greater; `known` is what was read before.
    // *now: what stands there when the call returns.
    Err *(*write_ref)(RefWritten *how, Ref *now, Target *t, const char *slug, RefName name,
                      const Ref *fresh, const Ref *known, Arena *mem);
    // Verified bytes. E_NOT_FOUND, E_DAMAGED.
    Err *(*read_blob)(Body *out, Target *t, const char *slug, const char *digest, int64_t size,
                      Arena *mem);
    // The manifest object is there and has this digest. E_NOT_FOUND, E_DAMAGED.
    Err *(*check_manifest)(Target *t, const char *slug, const char *digest, Arena *mem);
    Err *(*list_refs)(RefNames *out, Target *t, const char *slug, Arena *mem);
    Err *(*list_slugs)(StrList *out, Target *t, Arena *mem);
    Err *(*put_deployment)(Target *t, const char *slug, const char *target_id, Str json, Arena *mem);
};

Target *target_blob(const char *url, Loop *loop, Arena *mem);
Target *target_cloud(const CloudConfig *config, Loop *loop, Arena *mem);

struct Repo {
    Arena *mem;
    Loop *loop;
    const char *slug;
    int min_copies;
    Target *primary; // NULL: none
    LIST(Target *) backups;
    Target *last_served; // by the last read
};

// primary (if any) and backups in one row.
typedef LIST(Target *) Targets;
Targets repo_targets(const Repo *r, Arena *mem);

// Whether an error of the primary lets the next target be asked (registry-storage.md section 2).
bool error_is_eligible(const Err *e);
// A copy of a target's error that names the target (a cloud's errors do so themselves).
Err *target_error(const Target *t, const Err *e) MUST_USE;
// The target gave no answer: it is not asked again in this run.
void target_mark_dead(Target *t, const Err *e);
const char *age_text(Arena *mem, const Host *host, const char *pushed_at);

#endif
