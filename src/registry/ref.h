// Manifests and refs, the two JSON documents of the blob layout (registry-storage.md section 3).
#ifndef ATLAS_REGISTRY_REF_H
#define ATLAS_REGISTRY_REF_H

#include "atlas/registry.h"
#include "trust.h"

enum { REF_MAX = 1 << 20, LAYOUT = 1 };

// An artifact on its way to targets.
typedef struct Artifact {
    const char *slug;
    ArtifactKind kind;
    Body body;
    const char *digest;  // "sha256:<hex>"
    const char *version; // NULL: none
    const char *driver;  // NULL: unknown
    const PlanSpec *plan; // of ARTIFACT_PLAN
    bool sql;             // a schema in SQL
    Value *manifest;
    const char *manifest_text;   // canonical JSON
    const char *manifest_digest; // "sha256:<hex>"
} Artifact;

const char *kind_name(ArtifactKind kind);       // "migrations"
const char *kind_repo_type(ArtifactKind kind);  // "MIGRATION_DIRECTORY"
// "POSTGRESQL" of "postgres"; "" of NULL.
const char *driver_enum(const char *driver, Arena *mem);
const char *artifact_media_type(const Artifact *a);

// Fills digest and manifest from the rest.
Err *artifact_seal(Artifact *a, Time now, const Value *context, Arena *mem) MUST_USE;

typedef enum RefKind { REF_TAG, REF_VERSION, REF_PLAN } RefKind;
typedef struct RefName {
    RefKind kind;
    const char *name;
} RefName;
// "_2e" back to "."; the inverse of name_escape. NULL if it is no escape.
char *name_unescape(Arena *mem, const char *text);
char *ref_key(Arena *mem, const char *slug, RefName name); // "<slug>/refs/tags/<tag>"
// "<slug>/approvals/<plan>/<manifest hex>.json"
char *approval_key(Arena *mem, const char *slug, const char *plan, const char *manifest_digest);
char *ref_label(Arena *mem, RefName name);                 // "tag v1", "version 2024..."

typedef struct Ref {
    bool present;
    int64_t seq;
    Value *manifest;
    const char *digest;    // of the artifact
    int64_t size;
    const char *version, *pushed_at, *commit;
    const char *manifest_digest;
    bool pending_primary;
    bool yields; // of a new ref: whatever others wrote meanwhile, even a lesser ref, supersedes it
    const char *etag; // of the object it was read from; of a damaged one too (present is false)
    const Value *read; // the whole object as it was read: keys that we do not know are kept
    Value *sigs;       // of a new ref; NULL: unsigned
} Ref;

bool digest_is_well_formed(const char *text); // "sha256:" and 64 lower hex digits

// E_DAMAGED: not a ref, or not signed by a key that `trust` (may be NULL) pins; E_UNSUPPORTED: a
// higher layout. *out is absent then.
Err *ref_parse(Ref *out, Str text, const char *slug, RefName name, const Trust *trust,
               Arena *mem) MUST_USE;
Str ref_text(const Ref *r, Arena *mem); // canonical JSON
// Signed if `trust` has a signing key.
Ref ref_new(const Artifact *a, int64_t seq, bool pending, RefName name, const Trust *trust,
            Arena *mem);
// Order of refs: seq, pushed_at, manifest digest. An absent ref is the least.
int ref_cmp(const Ref *a, const Ref *b);

// Checks size and digest of bytes that were read. E_DAMAGED.
Err *body_verify(const Body *b, int64_t size, const char *digest, Arena *mem) MUST_USE;
Err *body_digest(const char **out, const Body *b, Arena *mem) MUST_USE;

#endif
