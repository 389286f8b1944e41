// Private to project: typed reading of evaluated blocks.
#ifndef ATLAS_PROJECT_READ_H
#define ATLAS_PROJECT_READ_H

#include "atlas/project.h"

// "" if absent.
Err *read_text(const char **out, const HclResource *r, const char *attr) MUST_USE;
// Strings of a list, tuple or set; null elements are skipped.
Err *read_texts(StrList *out, const HclResource *r, const char *attr, Arena *mem) MUST_USE;
// A string or strings, each with a scheme ("file://" where it has none).
Err *read_sources(StrList *out, const HclResource *r, const char *attr, Arena *mem) MUST_USE;
Err *read_count(int *out, const HclResource *r, const char *attr) MUST_USE; // 0 if absent
// The only child of that type; NULL if absent.
Err *read_child(const HclResource **out, const HclResource *r, const char *type) MUST_USE;
// Attributes and child blocks as a map: an unlabelled block by its type, a labelled one by type
// and label, several without label as a list.
Value *block_value(const HclResource *r, Arena *mem);

// Registers the passwords of URLs and the values of attributes that are named as secrets.
void mask_url(const char *url, Arena *mem);
void mask_value(const char *name, const HclValue *v, Arena *mem);
bool is_secret_name(const char *name);

// --- env.c --------------------------------------------------------------------------------------

Err *env_read(ProjectEnv **out, const HclResource *r, const Project *project, Arena *mem) MUST_USE;

// --- policy.c -----------------------------------------------------------------------------------

Value *lint_merge(Value *env, Value *project, Arena *mem);
Value *diff_merge(Value *env, Value *project, Arena *mem);

#endif
