// Shared by the files of this module.
#ifndef ATLAS_GRANT_INTERNAL_H
#define ATLAS_GRANT_INTERNAL_H

#include "atlas/grant.h"
#include "atlas/http.h"

char *grant_file_name(Arena *mem, const char *token); // "<tok>.jws"

// <dir>/.atlas/grants, as the platform's own cache carries it. Untrusted.
Err *folder_read(Str *out, const char *dir, const char *name, Arena *mem) MUST_USE;
Err *folder_write(const char *dir, const char *name, Str text, const Host *host, Arena *mem) MUST_USE;

// The cache service of GitHub, version 2 or 1.
bool github_is_there(const Host *host);
Err *github_read(Str *out, const GrantCache *c, const char *name, Arena *mem) MUST_USE;
Err *github_write(const GrantCache *c, const char *name, Str text, Time iat, Arena *mem) MUST_USE;

#endif
