// Repositories: one primary and any number of backups behind one push and one read.
//
// The rules (who is written when, who may answer a read, what an order of refs is) are
// registry-storage.md sections 1-3. Functions that do I/O wait (http.h).
#ifndef ATLAS_REGISTRY_H
#define ATLAS_REGISTRY_H

#include "atlas/base.h"
#include "atlas/http.h"

typedef enum ArtifactKind { ARTIFACT_MIGRATIONS, ARTIFACT_SCHEMA, ARTIFACT_PLAN } ArtifactKind;

// --- names --------------------------------------------------------------------------------------

// E_INVALID with the rule broken. Never does I/O.
Err *slug_check(const char *slug) MUST_USE;
Err *tag_check(const char *tag) MUST_USE;
// A name as a key segment: bytes outside [a-z0-9.-] and a leading dot become _hh.
char *name_escape(Arena *mem, const char *name);

// atlas://slug[?tag=T|version=V|digest=sha256:H], atlas://slug/plans/NAME.
typedef struct AtlasUrl {
    const char *slug;
    const char *tag, *version, *digest, *plan; // NULL where absent
} AtlasUrl;
Err *atlas_url_parse(AtlasUrl *out, const char *text, Arena *mem) MUST_USE;
char *atlas_url_text(Arena *mem, const AtlasUrl *u);

// --- repositories -------------------------------------------------------------------------------

typedef struct CloudConfig {
    const char *url;     // GraphQL endpoint
    const char *token;
    const char *project; // "default" if not set
} CloudConfig;

#define CLOUD_DEFAULT_URL "https://api.atlasgo.cloud/query"

typedef struct RepoOptions {
    const char *slug;
    const char *primary_url;  // repo.url; NULL: the cloud, if there is one
    const CloudConfig *cloud; // NULL: no token
    StrList backups;          // store URLs, in order
    int min_copies;           // 0: one is enough
    Loop *loop;
} RepoOptions;

typedef struct Repo Repo;

// Checks names and URLs; no I/O. E_LOGIN: neither primary nor backup is configured. A backup that
// cannot be opened (no credentials, unknown scheme) is a failed target later, not an error here.
Err *repo_open(Repo **out, const RepoOptions *o, Arena *mem) MUST_USE;
// Overrides the options' min_copies.
void repo_set_min_copies(Repo *r, int min_copies);
bool repo_has_cloud(const Repo *r);

// One target's outcome of a push.
typedef struct TargetOutcome {
    const char *url;   // redacted
    bool primary;
    const char *error; // NULL: it took the push
} TargetOutcome;

typedef struct PushParams {
    ArtifactKind kind;
    Body artifact;
    const char *version;  // of the content; NULL: none (an empty directory)
    const char *tag;      // NULL: untagged
    bool latest;          // moves `latest` (always true without a tag)
    const char *driver;   // "sqlite", "postgres", ...; NULL: unknown
    const Value *context; // run context, NULL: none
} PushParams;

typedef struct PushResult {
    const char *slug, *url, *link; // link NULL where the primary has no pages
    const char *digest;            // "sha256:..."
    LIST(TargetOutcome) targets;   // the primary first, if any; then backups in order
    int copies;
    bool degraded;                 // some target failed
    StrList warnings;
} PushResult;

// E_UNREACHABLE: no target, or fewer than min_copies, took it (one line that names each cause);
// E_UNAUTHORIZED, E_DENIED, E_INVALID: the primary refused. `out` is filled in as far as known
// even then.
Err *repo_push(PushResult *out, Repo *r, const PushParams *p, Arena *mem) MUST_USE;

typedef struct ReadParams {
    ArtifactKind kind;
    const char *tag, *version, *digest; // at most one; none: `latest`
} ReadParams;

typedef struct ReadResult {
    Body artifact;
    const char *digest;        // "sha256:..."; of what was read
    const char *cut_version;   // not NULL: `latest` was read; cut it after this version
    const char *served_by;     // redacted URL
    bool from_backup;
    StrList warnings;
} ReadResult;

// E_NOT_FOUND, E_DENIED, E_UNAUTHORIZED, E_INVALID: the primary's final answer; E_UNREACHABLE:
// all targets are exhausted (names each).
Err *repo_read(ReadResult *out, Repo *r, const ReadParams *p, Arena *mem) MUST_USE;

typedef struct ReportResult {
    const char *link; // NULL: none
} ReportResult;
// Tells the registry (or the store that served the last read) of an apply. `input` is a
// ReportMigrationInput or, if `set`, a ReportMigrationSetInput; `target_id` names the database.
Err *repo_report(ReportResult *out, Repo *r, const Value *input, bool set, const char *target_id,
                 Arena *mem) MUST_USE;

// Audit: {Slug, Targets:[{URL, Refs:[{Name, Digest, Status, Error?}]}]}. *all_ok: every ref of every
// target is "ok". Statuses: ok, missing, stale, damaged, pending, unreachable.
Err *repo_verify(Value **report, bool *all_ok, Repo *r, Arena *mem) MUST_USE;
// Copies the primary to the backups; into the primary only pending refs that are greater (from: a
// store URL to take everything from, or NULL). Report as repo_verify's with statuses copied, kept,
// failed.
Err *repo_sync(Value **report, bool *all_ok, Repo *r, const char *from, Arena *mem) MUST_USE;
// The slugs that a store or the configured targets hold.
Err *repo_list_slugs(StrList *out, Repo *r, Arena *mem) MUST_USE;

#endif
