// Private to project: database tokens, and when they were made.
#ifndef ATLAS_PROJECT_TOKEN_H
#define ATLAS_PROJECT_TOKEN_H

#include "atlas/project.h"
#include "atlas/store.h"

typedef struct Token {
    const RdsLogin *rds; // NULL: of Google Cloud SQL
    const char *current;
    int64_t made_ms;
} Token;

// Makes one and remembers where it came from; *out lives in `mem`, the project's arena.
Err *token_make(const char **out, const RdsLogin *rds, Project *p, Loop *loop, Arena *mem) MUST_USE;
// The token to use in the place of `text`, made anew if it is older than a minute; NULL: `text` is
// none of the project's.
Err *token_fresh(const char **out, const Project *p, const char *text, Loop *loop) MUST_USE;

// One token, not remembered; `rds` NULL: of Google Cloud SQL.
Err *token_mint(const char **out, const RdsLogin *rds, Loop *loop, Arena *mem) MUST_USE;

#endif
