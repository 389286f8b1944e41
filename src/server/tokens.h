// Who may do what: lines "name:sha256(token) in hex:role".
#ifndef ATLAS_SERVER_TOKENS_H
#define ATLAS_SERVER_TOKENS_H

#include "atlas/base.h"

typedef enum Role { ROLE_NONE, ROLE_READ, ROLE_PUSH, ROLE_ADMIN } Role;

typedef struct Token {
    const char *name, *sha256_hex;
    Role role;
} Token;

typedef LIST(Token) Tokens;

// E_SYNTAX with the line. Empty lines and lines starting with # are skipped.
Err *tokens_read(Tokens *out, const char *path, Arena *mem) MUST_USE;
// The role of a token and its owner's name; ROLE_NONE if unknown. Compares in constant time.
Role tokens_role(const Tokens *tokens, const char *token, const char **name);

#endif
