// Private to the AWS credentials: what the sources of the chain share.
#ifndef ATLAS_STORE_CREDENTIALS_AWS_CHAIN_H
#define ATLAS_STORE_CREDENTIALS_AWS_CHAIN_H

#include "aws.h"

typedef struct AwsChain {
    Loop *loop;
    const Host *host;
    const AwsIdentity *who;
    Tried *tried;
    Arena *mem; // of the results
} AwsChain;

// A source sets *found, or tells `tried` that it is not there. An error: it is there (somebody
// configured it) and does not work; the chain ends with it.
typedef Err *AwsSource(bool *found, AwsCredentials *out, AwsChain *c) MUST_USE;

AwsSource aws_from_environment, aws_from_web_identity, aws_from_oidc, aws_from_profile,
    aws_from_container, aws_from_instance;

// Masks, checks that both keys are there (E_UNAUTHORIZED).
Err *aws_keys(AwsCredentials *out, AwsChain *c, const char *access_key, const char *secret_key,
              const char *session_token, const char *source) MUST_USE;
// From the JSON that containers, instances and processes answer; `token` names its session token.
Err *aws_keys_json(AwsCredentials *out, AwsChain *c, const Value *v, const char *token,
                   const char *source) MUST_USE;

// --- calls of services (aws_call.c) -------------------------------------------------------------

typedef struct AwsService {
    const char *name;     // "sts"
    const char *variable; // that may name its endpoint; AWS_ENDPOINT_URL comes second
    const char *region;
} AwsService;

// Where the environment says, or Amazon's own: never what an atlas.hcl says. E_DENIED.
Err *aws_service_url(Url **out, const AwsService *s, const Host *host, Arena *mem) MUST_USE;
// Adds the signature to a POST; its headers and its form are signed.
void aws_sign_call(TokenCall *call, const AwsService *s, const Url *at, const AwsCredentials *by,
                   const Host *host, Arena *mem);

// --- STS (aws_sts.c) ----------------------------------------------------------------------------

typedef struct AssumeRole {
    const char *role, *session_name, *external_id, *duration; // all but role may be NULL or ""
    const char *region;
    const AwsCredentials *by; // AssumeRole, signed by these; NULL: AssumeRoleWithWebIdentity
    const char *web_token;
    const char *source;
} AssumeRole;

Err *aws_assume_role(AwsCredentials *out, AwsChain *c, const AssumeRole *a) MUST_USE;
// The token in `path`, masked.
Err *aws_read_token(const char **out, const char *path, Arena *mem) MUST_USE;

// --- the shared files (aws_profile.c) -----------------------------------------------------------

// AWS's INI dialect: section name -> Map of key -> char *. Names are lower case but for sections';
// "profile" and its name are one space apart, quotes removed. Nested values are left out. E_SYNTAX
// with the position in `file`.
Err *ini_parse(Map **out, Str text, const char *file, Arena *mem) MUST_USE;

// --- credential_process (aws_process.c) ---------------------------------------------------------

// Words as the AWS tools split them: blanks, quotes, backslashes. E_SYNTAX: an open quote.
Err *process_words(StrList *out, const char *command, Arena *mem) MUST_USE;
// Runs `command` without a shell; its standard output. E_TIMEOUT after a minute.
Err *process_output(Str *out, Loop *loop, const char *command, Arena *mem) MUST_USE;

#endif
