// The contract of a target: one copy of a repository. push.c, read.c and audit.c hold the rules;
// drivers speak to one kind of place.
#ifndef ATLAS_REGISTRY_TARGET_H
#define ATLAS_REGISTRY_TARGET_H

#include "ref.h"

typedef struct Target Target;
typedef struct TargetDriver TargetDriver;
typedef LIST(RefName) RefNames;

typedef enum DocKind {
    DOC_REPOSITORY, // what kind of artifact the slug holds
    DOC_APPROVAL,   // of a plan's manifest
    DOC_DEPLOYMENT, // the last report of a database
} DocKind;

typedef struct DocName {
    DocKind kind;
    const char *name;   // plan or database; NULL for the repository's own
    const char *digest; // "sha256:..." of the manifest that is approved; else NULL
} DocName;
typedef LIST(DocName) DocNames;

struct Target {
    const TargetDriver *driver;
    const char *url; // redacted
    bool primary;
    bool fallback; // of the primary: there are backups
    bool shared; // outlives a run: never marked dead
    Loop *loop;
    Arena *mem;
    Err *broken; // why it could not be opened or must not be asked again in this run; or NULL
    const Trust *trust; // NULL: no keys
};

// What a one-call push (cloud) needs beside the artifact.
typedef struct CloudPush {
    const char *tag; // NULL: untagged
    bool latest;
    const Value *context;
    const PlanSpec *plan;
    const char *version; // of a schema, if it was given
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
    // Small JSON documents beside the refs. `create`: E_CONFLICT if it is there already.
    Err *(*put_doc)(Target *t, const char *slug, DocName name, Str json, bool create, Arena *mem);
    Err *(*get_doc)(Str *out, Target *t, const char *slug, DocName name, Arena *mem); // E_NOT_FOUND
    Err *(*list_docs)(DocNames *out, Target *t, const char *slug, DocKind kind, Arena *mem);
    // Creates the place where that is cheap. May be NULL.
    Err *(*prepare)(Target *t);
    // Whether writers at the same time cannot overwrite one another unseen. NULL: they can.
    Err *(*is_ordered)(bool *out, Target *t, Arena *mem);
    // Called once by target_share(). May be NULL.
    void (*share)(Target *t);

    // Of a registry that keeps refs itself, in place of the documents above.
    Err *(*plans)(PlanList *out, Target *t, const char *slug, const char *from, const char *to,
                  Arena *mem);
    Err *(*plan)(Plan *out, Target *t, const char *slug, const char *name, Arena *mem);
    Err *(*approve)(Plan *out, Target *t, const char *slug, const char *name, const Value *context,
                    Arena *mem);
    Err *(*create)(RepoInfo *out, Target *t, const RepoInfo *want, Arena *mem); // E_EXISTS
    Err *(*list)(RepoInfos *out, Target *t, Arena *mem);
    Err *(*describe)(RepoInfo *out, Target *t, const char *slug, Arena *mem);
};

void target_init(Target *t, const TargetDriver *driver, const char *url, Loop *loop, Arena *mem);
Target *target_blob(const char *url, Loop *loop, Arena *mem);
Target *target_oci(const char *url, Loop *loop, Arena *mem);
Target *target_cloud(const CloudConfig *config, Loop *loop, Arena *mem);
// The driver of a URL of one's own: a store's or an OCI registry's.
Target *target_open(const char *url, Loop *loop, Arena *mem);
// For a target that outlives operations and serves many at once.
void target_share(Target *t);
// `inner`, failing as `how` says: "down", "timeout", "slow=5s", "damaged", an HTTP status.
// E_USAGE for anything else.
Err *target_fault(Target **out, Target *inner, const char *how, Arena *mem) MUST_USE;

struct Repo {
    Arena *mem;
    Loop *loop;
    const char *slug;
    int min_copies;
    const Trust *trust;
    const CloudConfig *cloud; // whose grant keeps count of signed refs; NULL: none
    Target *primary; // NULL: none
    LIST(Target *) backups;
    Target *last_served; // by the last read
};

// Asks the primary; on an eligible error the backups, in order, with a warning that tells who served.
typedef Err *(*TargetAsk)(void *out, Target *t, const char *slug, Arena *mem);
Err *repo_ask(void *out, StrList *warnings, Repo *r, TargetAsk ask, Arena *mem) MUST_USE;

// Whether the plan's manifest is approved on this target.
Err *plan_approved(bool *out, Target *t, const char *slug, const char *plan,
                   const char *manifest_digest, Arena *mem) MUST_USE;
// Approves it there; approved before is success.
Err *plan_approve_on(Target *t, const char *slug, const char *plan, const char *manifest_digest,
                     const Value *context, Arena *mem) MUST_USE;

// Whether there is nothing to write as `now` stands; *how says why.
bool ref_stands(RefWritten *how, const Ref *now, const Ref *fresh, RefName name);
// As the driver's read_ref, for a writer: a damaged ref is one to be replaced.
Err *ref_read_for_write(Ref *out, Target *t, const char *slug, RefName name, Arena *mem) MUST_USE;
// After a write of `fresh` without a condition, which a concurrent writer may have undone silently:
// looks again, and writes again while what stands there is less.
typedef Err *(*RefPut)(Target *t, const char *slug, RefName name, const Ref *fresh, const Ref *known,
                       Arena *mem);
Err *ref_settle(RefWritten *how, Ref *now, Target *t, const char *slug, RefName name,
                const Ref *fresh, RefPut put, Arena *mem) MUST_USE;

// Puts the count of signed refs that this run met into the grant.
void repo_remember(const Repo *r, Arena *mem);

void progress_step(const Progress *p, size_t done, size_t total, const char *what);

// E_NOT_FOUND: no target knows the slug. Targets that cannot be asked are taken to know it.
Err *repo_must_exist(const Repo *r, Arena *mem) MUST_USE;
// E_CONFIG: keys are pinned, and what this run writes would not be signed by one of them.
Err *repo_can_sign(const Repo *r) MUST_USE;

// What the slug holds, by the first target that tells; a migration directory if none does.
ArtifactKind repo_kind(const Repo *r, Arena *mem);

// The repository's document is there and is of the artifact's kind; made if it is missing. E_INVALID.
Err *repo_doc_ensure(Target *t, const Artifact *a, Arena *mem) MUST_USE;

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
