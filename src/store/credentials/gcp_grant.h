// Inside the Google credentials: the exchanges that end in an access token.
#ifndef ATLAS_STORE_CREDENTIALS_GCP_GRANT_H
#define ATLAS_STORE_CREDENTIALS_GCP_GRANT_H

#include "atlas/base.h"
#include "atlas/http.h"

typedef struct GcpToken {
    const char *text; // NULL: requests go without
    Time expires;
} GcpToken;

typedef struct GcpGrant { // what all exchanges of one token share
    Loop *loop;
    const char *universe;
    const char *scope;
    Arena *mem;
} GcpGrant;

// Objects can be read and written, no more; whoever acts for another account needs the wide one.
#define GCP_SCOPE_STORAGE "https://www.googleapis.com/auth/devstorage.read_write"
#define GCP_SCOPE_CLOUD "https://www.googleapis.com/auth/cloud-platform"

typedef struct GcpField {
    const char *name, *value; // a NULL value is left out
} GcpField;

// Whether `url` may see a secret: https below the universe, or loopback.
Err *gcp_check_endpoint(const GcpGrant *g, const char *url) MUST_USE;
// Posts a form; the answer is that of RFC 6749. `basic`: "id:secret", or NULL.
Err *gcp_post_form(GcpToken *out, const GcpGrant *g, const char *url, const GcpField *fields,
                   size_t count, const char *basic) MUST_USE;

typedef struct GcpKey { // of a service account
    const char *email, *pem, *id, *token_url;
} GcpKey;
Err *gcp_key_token(GcpToken *out, const GcpGrant *g, const GcpKey *key) MUST_USE;

typedef struct GcpImpersonation {
    const char *url;
    const char *bearer; // the token of who asks
    const Value *delegates;
    int64_t lifetime_s; // 0: one hour
} GcpImpersonation;
Err *gcp_impersonate(GcpToken *out, const GcpGrant *g, const GcpImpersonation *i) MUST_USE;

// E_UNREACHABLE, E_NOT_FOUND: there is no metadata server, or it has no account.
Err *gcp_metadata_token(GcpToken *out, const GcpGrant *g) MUST_USE;

// --- credential files (gcp_file.c) --------------------------------------------------------------

// Any JSON file that Google's tools write: service_account, authorized_user, external_account,
// impersonated_service_account. Errors name the file.
Err *gcp_file_token(GcpToken *out, const GcpGrant *g, const char *path) MUST_USE;
// private_key_path of the URL: a PEM key of `email`, or the JSON file of a service account.
Err *gcp_key_file_token(GcpToken *out, const GcpGrant *g, const char *path,
                        const char *email) MUST_USE;

#endif
