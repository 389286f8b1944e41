// The operations of the registry protocol, without HTTP: a GraphQL document in, an answer out.
#ifndef ATLAS_SERVER_PROTOCOL_H
#define ATLAS_SERVER_PROTOCOL_H

#include "atlas/http.h"
#include "atlas/registry.h"
#include "tokens.h"

typedef struct ProtocolRequest {
    RepoHome *home;
    const char *public_url;
    Loop *loop;
    Role role;
    const char *user; // the token's name
    Str body;         // the request's JSON
} ProtocolRequest;

// The HTTP status; *answer is the JSON body. Waits.
int protocol_answer(const char **answer, const ProtocolRequest *req, Arena *mem);
// {"errors":[{"message":...}]}
const char *protocol_error(const char *message, Arena *mem);

#endif
