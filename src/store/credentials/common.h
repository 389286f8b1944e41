// What the credential chains of all providers share: the record of what was tried, the CI
// platform's own OIDC token, requests to token endpoints and metadata services.
//
// registry-storage.md section 5. Functions that do I/O wait (http.h). Every secret that is read or
// received is masked in logs at once.
#ifndef ATLAS_STORE_CREDENTIALS_COMMON_H
#define ATLAS_STORE_CREDENTIALS_COMMON_H

#include "atlas/base.h"
#include "atlas/http.h"

// Why each source did not serve, for the error when none does.
typedef struct Tried {
    Arena *mem;
    StrList reasons;
} Tried;

void tried(Tried *t, const char *source, const char *fmt, ...) PRINTF(3, 4);
// E_UNAUTHORIZED: "no AWS credentials (environment: ...; profile: ...)".
Err *tried_error(const Tried *t, const char *provider, const char *hint) MUST_USE;

// Temporary credentials are renewed five minutes before they end. An unset time never ends.
bool credentials_are_fresh(Time expires, const Host *host);

// --- the CI platform's OIDC token ---------------------------------------------------------------

typedef struct OidcUse {
    const char *audience; // asked for, and checked where the platform lets us choose it
    const char *variable; // that GitLab's id_tokens fills: "ATLAS_AWS_ID_TOKEN"
} OidcUse;

// GitHub (asked of ACTIONS_ID_TOKEN_REQUEST_URL), GitLab (the variable), CircleCI, Bitbucket; the
// last two choose the audience themselves. E_NOT_FOUND: no platform gives one (says what was looked
// for); E_UNAUTHORIZED: it is malformed, expired or meant for another audience.
Err *oidc_token(const char **out, const char **platform, Loop *loop, const OidcUse *use,
                Arena *mem) MUST_USE;

// --- endpoints ----------------------------------------------------------------------------------

// Whether a secret may be sent to `url`: https to a host that is, or ends in, one of `suffixes`
// (".amazonaws.com"), or any host over https, or loopback over http, when `from_environment` says
// that the environment named it. E_DENIED names the host.
Err *endpoint_check(const char *url, const char *const *suffixes, bool from_environment,
                    Arena *mem) MUST_USE;

typedef struct TokenCall {
    const char *method, *url;
    HttpHeaders headers;
    const char *form; // body, with content_type; NULL: none
    const char *content_type;
    bool metadata;    // a metadata service: 1 s, 2 attempts, no proxy
} TokenCall;

// Sends; redirects are not followed. Any status is a success; the body is masked text in `text`.
Err *token_call(int *status, Str *text, Loop *loop, const TokenCall *call, Arena *mem) MUST_USE;
// As token_call; anything but 200 with a JSON object is an error that quotes what the endpoint says
// of it (error, error_description, message) and never a secret.
Err *token_call_json(Value **out, Loop *loop, const TokenCall *call, Arena *mem) MUST_USE;

#endif
