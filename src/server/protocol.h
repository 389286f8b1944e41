// The operations of the registry protocol, without HTTP: a GraphQL document in, an answer out.
#ifndef ATLAS_SERVER_PROTOCOL_H
#define ATLAS_SERVER_PROTOCOL_H

#include "atlas/http.h"
#include "atlas/registry.h"
#include "answers.h"
#include "atlas/grant.h"
#include "tokens.h"

typedef struct ProtocolRequest {
    RepoHome *home;
    const char *public_url;
    Loop *loop;
    Role role;
    const char *user;  // the token's name
    const char *token; // itself; NULL: any token does
    const GrantKeys *keys; // that sign grants; none: no grants
    Str body;         // the request's JSON
    Answers *answers;
} ProtocolRequest;

typedef struct ProtocolAnswer {
    int status;        // of HTTP
    Str text;          // the JSON body
    const char *grant; // for the header Atlas-Grant; NULL: none
    AnswersPage *page; // where the text is; to be released. NULL: in the request's arena
} ProtocolAnswer;

ProtocolAnswer protocol_answer(const ProtocolRequest *req, Arena *mem); // waits
// {"errors":[{"message":...}]}
const char *protocol_error(const char *message, Arena *mem);

#endif
