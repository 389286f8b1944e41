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
    bool require_grant;  // while it cannot be reached, only a valid grant lets a run go on,
    bool require_signed; // and only one that the registry signed with
    const char *grant_key; // this key, "ed25519:BASE64"
} CloudConfig;

#define CLOUD_DEFAULT_URL "https://api.atlasgo.cloud/query"

// Whom a token belongs to, by the registry's word, or by the grant while it cannot be reached.
typedef struct CloudIdentity {
    const char *org, *user;
    bool offline;   // the grant's word
    bool has_grant; // one is kept now
    Time grant_end;
} CloudIdentity;
// Checks the token and keeps its grant. E_UNAUTHORIZED; E_UNREACHABLE: neither the registry nor a valid
// grant tells.
Err *cloud_identify(CloudIdentity *out, const CloudConfig *c, Loop *loop, Arena *mem) MUST_USE;

// A place that many repositories live in, opened once by a process that serves many operations.
typedef struct Target RepoHome;
// E_INVALID, E_UNSUPPORTED, E_UNAUTHORIZED as store_open; no I/O. Lives as long as `mem`. `sign_key`:
// as in RepoOptions, for all that is pushed there.
Err *repo_home_open(RepoHome **out, const char *url, const char *sign_key, Loop *loop,
                    Arena *mem) MUST_USE;
// Makes the place ready (creates a directory) and lists it once: E_NO_STORE, E_DENIED, ... E_USAGE: it
// has no conditional writes, and `single_writer` does not vouch that nobody else writes.
Err *repo_home_check(RepoHome *home, bool single_writer, Arena *mem) MUST_USE;

typedef struct RepoOptions {
    const char *slug;         // NULL: only repo_list is asked for
    const char *primary_url;  // repo.url; NULL: the cloud, if there is one
    RepoHome *home;           // instead of primary_url; has its own sign_key
    const CloudConfig *cloud; // NULL: no token
    StrList backups;          // store URLs, in order
    int min_copies;           // 0: one is enough
    StrList verify, verify_approvals; // pinned public keys, "ed25519:BASE64"
    const char *sign_key;     // private key, or NULL or "": pushes are not signed
    const char *simulate;     // ATLAS_SIMULATE's text, NULL or "": no rehearsal
    Loop *loop;
} RepoOptions;

typedef struct Repo Repo;

// Checks names, URLs, keys and the rehearsal's text; no I/O. E_LOGIN: neither primary nor backup is
// configured. A backup that cannot be opened (no credentials, unknown scheme) is a failed target
// later, not an error here. A rehearsal is announced by a warning in the log.
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

// What a plan is a step between; hashes are opaque texts of the schema engine.
typedef struct PlanSpec {
    const char *name, *from, *to;
    const char *migration; // the SQL
    bool approved;         // approve it with the push
} PlanSpec;

typedef struct PushParams {
    ArtifactKind kind;
    Body artifact;
    bool sql;             // a schema written in SQL instead of HCL
    // Of the content; NULL or "": none (an empty directory); of a schema: the next integer.
    const char *version;
    const char *tag;      // NULL: untagged. Plans have neither tag nor latest
    bool latest;          // moves `latest` (always true without a tag)
    const PlanSpec *plan; // of ARTIFACT_PLAN; its artifact is plan_file_text()
    const char *driver;   // "sqlite", "postgres", ...; NULL: unknown
    const Value *context; // run context, NULL: none
} PushParams;

typedef struct PushResult {
    const char *slug, *url, *link; // link NULL where the primary has no pages
    const char *digest;            // "sha256:..."
    const char *version;           // "" if none
    const char *status;            // of a plan: PENDING or APPROVED
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
    const char *plan;                   // of ARTIFACT_PLAN
    // Whether the caller has the artifact of that digest already: it is not read then. May be NULL.
    bool (*have)(void *ctx, const char *digest);
    void *have_ctx;
} ReadParams;

typedef struct ReadResult {
    Body artifact;
    const char *digest;        // "sha256:..."; of what was read
    const char *version;       // "" if unknown (a cloud does not tell)
    const char *manifest_digest; // NULL: a cloud's
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

// Told of steps done; may be NULL. `total` grows while names are still being collected.
typedef struct Progress {
    void (*step)(void *ctx, size_t done, size_t total, const char *what);
    void *ctx;
} Progress;

// Audit: {Slug, Targets:[{URL, Refs:[{Name, Digest, Status, Error?}]}]}. *all_ok: every ref of every
// target is "ok". Statuses: ok, missing, stale, damaged, pending, unreachable.
Err *repo_verify(Value **report, bool *all_ok, Repo *r, const Progress *progress,
                 Arena *mem) MUST_USE;
// Copies the primary to the backups; into the primary only pending refs that are greater (from: a
// store URL to take everything from, or NULL). Report as repo_verify's with statuses copied, kept,
// failed.
Err *repo_sync(Value **report, bool *all_ok, Repo *r, const char *from, const Progress *progress,
               Arena *mem) MUST_USE;

// --- plans --------------------------------------------------------------------------------------

typedef struct Plan {
    const char *name, *slug, *from, *to, *migration;
    const char *status; // PENDING, APPROVED
    const char *url;    // atlas://slug/plans/name
    const char *link;   // "" if none
    const char *digest; // of the plan file, "" from a cloud
} Plan;
typedef LIST(Plan) PlanList;

// The plan file: an HCL block plan "name" { from, to, migration }. Deterministic.
Str plan_file_text(const PlanSpec *spec, Arena *mem);
// E_SYNTAX or E_CONFIG with position. `approved` is not in the file.
Err *plan_file_parse(PlanSpec *out, Str text, Arena *mem) MUST_USE;

// Plans from one state to another (NULL or "": any), sorted by name. Read rule as repo_read.
Err *repo_plan_list(PlanList *out, StrList *warnings, Repo *r, const char *from, const char *to,
                    Arena *mem) MUST_USE;
// E_NOT_FOUND.
Err *repo_plan_read(Plan *out, StrList *warnings, Repo *r, const char *name, Arena *mem) MUST_USE;
// Binds the approval to the bytes that stand there now. The primary must take it (E_UNREACHABLE,
// E_NOT_FOUND, ...); a backup that does not is a warning. `context`: run context or NULL.
Err *repo_plan_approve(Plan *out, StrList *warnings, Repo *r, const char *name,
                       const Value *context, Arena *mem) MUST_USE;

// --- repositories as such -----------------------------------------------------------------------

typedef struct RepoInfo {
    const char *slug, *title, *type; // type: MIGRATION_DIRECTORY or SCHEMA
    const char *driver;              // upper case ("POSTGRESQL"), "" if unknown
    const char *id, *url;            // url: atlas://slug, or the registry's page
    int64_t synced, failed, pending; // databases, by their last report
} RepoInfo;
typedef LIST(RepoInfo) RepoInfos;

// E_EXISTS if there is one of that slug already; *out describes it then.
Err *repo_create(RepoInfo *out, Repo *r, const char *type, const char *driver, const char *title,
                 Arena *mem) MUST_USE;
// All repositories of the primary (else of the first backup that answers), by slug.
Err *repo_list(RepoInfos *out, StrList *warnings, Repo *r, Arena *mem) MUST_USE;
// E_NOT_FOUND.
Err *repo_describe(RepoInfo *out, StrList *warnings, Repo *r, Arena *mem) MUST_USE;

// --- keys ---------------------------------------------------------------------------------------

// A pair: the private key for ATLAS_SIGN_KEY, the public one for repo { verify }.
Err *registry_key_new(const char **private_key, const char **public_key, Arena *mem) MUST_USE;

#endif
