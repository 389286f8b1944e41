// Object stores: named byte strings in buckets and directories, behind one interface.
//
// URL forms and credentials: registry-storage.md section 5. Functions that do I/O wait (http.h), so
// a store may serve several tasks at once. No function deletes.
#ifndef ATLAS_STORE_H
#define ATLAS_STORE_H

#include "atlas/base.h"
#include "atlas/http.h"

typedef struct Store Store;

// Opens a store without talking to it; errors do not name the URL. E_INVALID: a malformed URL or unknown parameter (named);
// E_UNSUPPORTED: no driver for the scheme; E_UNAUTHORIZED: no credentials (lists what was tried).
Err *store_open(Store **out, const char *url, Loop *loop, Arena *mem) MUST_USE;
// Makes the place ready for a first write where that is cheap: file:// creates its directory. Others
// do nothing.
Err *store_prepare(Store *s) MUST_USE;
// For a process that serves many operations on one store at once: every request gets the whole time
// that an operation may spend without a byte moving, instead of a share of it.
void store_share(Store *s);
// The URL without user info and secrets, for reports; lives as long as the store.
const char *store_url(const Store *s);

typedef struct StoreObject {
    Body body;           // of store_get
    int64_t size;
    const char *etag;    // opaque; what store_put compares; "" if the store has none
    const char *md5;     // hex, or NULL if the store does not tell
    const char *sha256;  // hex, or NULL
    Time modified;
} StoreObject;

// E_NOT_FOUND; E_NO_STORE: the bucket or directory itself is missing; E_DENIED; E_UNAUTHORIZED; E_UNREACHABLE; E_TIMEOUT; E_TOO_LARGE over `max` bytes.
Err *store_get(StoreObject *out, Store *s, const char *key, int64_t max, Arena *mem) MUST_USE;
Err *store_head(StoreObject *out, Store *s, const char *key, Arena *mem) MUST_USE;

typedef enum PutCondition {
    PUT_ALWAYS,
    PUT_CREATE,  // only if there is no such object
    PUT_REPLACE, // only if its etag still is `etag`
} PutCondition;

typedef struct StorePut {
    const char *key;
    Body body;
    const char *content_type;
    PutCondition condition;
    const char *etag;
    bool no_store; // a mutable object: caches must not keep it
} StorePut;

// On success *etag is the new one (may be NULL if not wanted). E_CONFLICT: the condition does not
// hold; E_UNSUPPORTED: the store has no conditions and nothing was written; else as store_get.
Err *store_put(const char **etag, Store *s, const StorePut *put, Arena *mem) MUST_USE;

// All keys below `prefix`, sorted bytewise, paged to the end.
Err *store_list(StrList *out, Store *s, const char *prefix, Arena *mem) MUST_USE;

// Whether conditions of store_put are obeyed: unknown until store_probe() or a driver that knows.
typedef enum StoreConditions { CONDITIONS_UNKNOWN, CONDITIONS_OBEYED, CONDITIONS_MISSING } StoreConditions;
StoreConditions store_conditions(const Store *s);
// Puts `put` (an object that exists with these very bytes) with PUT_CREATE and learns from the
// answer. Once per process and store: later calls return at once.
Err *store_probe(Store *s, const StorePut *put, Arena *mem) MUST_USE;

// --- the credentials of stores, for others ------------------------------------------------------
//
// The same sources in the same order (those that a URL names left out). Tokens are masked. Functions
// wait. E_UNAUTHORIZED: no source serves, or one was refused; E_DENIED: an endpoint that is neither
// the provider's nor named by the environment; E_UNREACHABLE, E_TIMEOUT.

typedef struct RdsLogin {
    const char *endpoint;         // HOST:PORT
    const char *user;
    const char *region, *profile; // NULL or "": the configuration's; the whole chain
} RdsLogin;

// What Amazon RDS takes as this user's password for 15 minutes: a presigned `connect` URL without
// its scheme. E_CONFIG: no region is known.
Err *store_rds_token(const char **out, const RdsLogin *login, Loop *loop, Arena *mem) MUST_USE;
// An access token of Google Cloud with `scope`, good for five minutes at least.
Err *store_gcp_token(const char **out, const char *scope, Loop *loop, Arena *mem) MUST_USE;

typedef enum SecretKind {
    SECRET_AWS_PARAMETER, // Parameter Store, decrypted
    SECRET_AWS_SECRET,    // Secrets Manager, current version
    SECRET_GCP_SECRET,    // Secret Manager: "projects/P/secrets/S", latest version
    SECRET_GCP_CONFIG,    // Runtime Configurator: "projects/P/configs/C/variables/V"
} SecretKind;

typedef struct SecretRef {
    SecretKind kind;
    const char *name;
    const char *region, *profile; // of AWS, as in RdsLogin
} SecretRef;

// The value; it is not masked as a whole. E_CONFIG as above; otherwise in the words of the service.
Err *store_secret(Str *out, const SecretRef *ref, Loop *loop, Arena *mem) MUST_USE;

#endif
