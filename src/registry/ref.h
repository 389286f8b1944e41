// Manifests and refs, the two JSON documents of the blob layout (registry-storage.md section 3).
#ifndef ATLAS_REGISTRY_REF_H
#define ATLAS_REGISTRY_REF_H

#include "atlas/registry.h"

enum { REF_MAX = 1 << 20, LAYOUT = 1 };

// An artifact on its way to targets.
typedef struct Artifact {
    const char *slug;
    ArtifactKind kind;
    Body body;
    const char *digest;  // "sha256:<hex>"
    const char *version; // NULL: none
    const char *driver;  // NULL: unknown
    Value *manifest;
    const char *manifest_text;   // canonical JSON
    const char *manifest_digest; // "sha256:<hex>"
} Artifact;

const char *kind_name(ArtifactKind kind);       // "migrations"
const char *kind_repo_type(ArtifactKind kind);  // "MIGRATION_DIRECTORY"
const char *kind_media_type(ArtifactKind kind);

// Fills digest and manifest from the rest.
Err *artifact_seal(Artifact *a, Time now, const Value *context, Arena *mem) MUST_USE;

typedef enum RefKind { REF_TAG, REF_VERSION, REF_PLAN } RefKind;
typedef struct RefName {
    RefKind kind;
    const char *name;
} RefName;
char *ref_key(Arena *mem, const char *slug, RefName name); // "<slug>/refs/tags/<tag>"
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
    const char *etag; // of the object it was read from
    const Value *read; // the whole object as it was read: keys that we do not know are kept
} Ref;

bool digest_is_well_formed(const char *text); // "sha256:" and 64 lower hex digits

// E_DAMAGED: not a ref; E_UNSUPPORTED: a higher layout.
Err *ref_parse(Ref *out, Str text, const char *name, Arena *mem) MUST_USE;
Str ref_text(const Ref *r, Arena *mem); // canonical JSON
Ref ref_new(const Artifact *a, int64_t seq, bool pending, Arena *mem);
// Order of refs: seq, pushed_at, manifest digest. An absent ref is the least.
int ref_cmp(const Ref *a, const Ref *b);

// Checks size and digest of bytes that were read. E_DAMAGED.
Err *body_verify(const Body *b, int64_t size, const char *digest, Arena *mem) MUST_USE;
Err *body_digest(const char **out, const Body *b, Arena *mem) MUST_USE;

#endif
