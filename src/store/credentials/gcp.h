// Access tokens of Google Cloud, by the order of registry-storage.md section 5.
#ifndef ATLAS_STORE_CREDENTIALS_GCP_H
#define ATLAS_STORE_CREDENTIALS_GCP_H

#include "atlas/base.h"
#include "atlas/http.h"

typedef struct GcpParams { // of the store's URL; or the universe and a scope
    bool anonymous;
    const char *access_id, *key_path; // NULL if not given
    const char *universe;             // "googleapis.com"
    const char *scope;                // NULL: that of stores
} GcpParams;

typedef struct GcpCredentials GcpCredentials;

// No I/O. Lives in `mem`; the strings of `params` must live as long.
GcpCredentials *gcp_credentials_new(const GcpParams *params, Loop *loop, Arena *mem);
// A token that is good for five minutes at least, or NULL where requests go without. Waits; tasks
// that ask at the same time share one exchange and its failure. E_UNAUTHORIZED: no source serves
// (lists why), or one refused; E_INVALID: a malformed key file; E_DENIED: an endpoint that is not
// the provider's; E_UNREACHABLE, E_TIMEOUT.
Err *gcp_token(const char **out, GcpCredentials *c) MUST_USE;
// The server did not take `token`: the next gcp_token() gets a new one.
void gcp_token_refused(GcpCredentials *c, const char *token);

#endif
