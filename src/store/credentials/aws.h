// AWS credentials and region, by the order of registry-storage.md section 5.
#ifndef ATLAS_STORE_CREDENTIALS_AWS_H
#define ATLAS_STORE_CREDENTIALS_AWS_H

#include "common.h"

typedef struct AwsCredentials {
    bool anonymous;
    const char *access_key, *secret_key, *session_token; // token "" if none
    Time expires;                                        // unset: never
    const char *source;                                  // for messages: "environment", ...
} AwsCredentials;

// Who a store wants to be, as its URL says.
typedef struct AwsIdentity {
    bool anonymous;
    const char *profile; // NULL: the whole chain
    const char *role;    // NULL: none; else assumed on top of what is found
    const char *region;  // of STS
} AwsIdentity;

// Finds credentials with the first use and keeps them; lives as long as the loop. Equal identities
// share one provider.
typedef struct AwsProvider AwsProvider;
AwsProvider *aws_provider(Loop *loop, const AwsIdentity *who);

// Waits where a source is asked over the network; tasks that come meanwhile wait for that answer.
// Every secret is masked. E_UNAUTHORIZED lists per source why it did not serve; E_UNREACHABLE,
// E_TIMEOUT: the source in charge does not answer.
Err *aws_credentials(AwsCredentials *out, AwsProvider *p) MUST_USE;
// The service says that `used` have expired: the next call looks for others.
void aws_credentials_expired(AwsProvider *p, const AwsCredentials *used);

// Order: `url_region`, AWS_REGION, AWS_DEFAULT_REGION, the profile's (NULL: AWS_PROFILE's); NULL if
// none. Reads files only.
const char *aws_region(const Host *host, const char *url_region, const char *profile, Arena *mem);

#endif
