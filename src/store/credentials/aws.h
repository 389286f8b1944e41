// AWS credentials and region, by the order of registry-storage.md section 5.
#ifndef ATLAS_STORE_CREDENTIALS_AWS_H
#define ATLAS_STORE_CREDENTIALS_AWS_H

#include "atlas/base.h"

typedef struct AwsCredentials {
    bool anonymous;
    const char *access_key, *secret_key, *session_token; // token "" if none
    const char *region;                                  // of the profile, or NULL
    const char *source;                                  // for messages: "environment", ...
} AwsCredentials;

// `profile` (NULL: AWS_PROFILE, else "default") is asked before the environment's keys only when
// given by the URL. Every secret read is masked. E_UNAUTHORIZED lists what was tried and why it
// did not serve.
Err *aws_credentials(AwsCredentials *out, const Host *host, const char *profile, bool anonymous,
                     Arena *mem) MUST_USE;
// `fallback`: the URL's region. Order: URL, AWS_REGION, AWS_DEFAULT_REGION, profile; NULL if none.
const char *aws_region(const Host *host, const char *url_region, const AwsCredentials *c);

#endif
