// Private to hcl: helpers over values.
#ifndef ATLAS_HCL_VALUE_H
#define ATLAS_HCL_VALUE_H

#include "atlas/base.h"
#include "atlas/hcl.h"

enum {
    VALUE_MAX_WEIGHT = 4 << 20, // nodes of one value; shared parts count each time they are shown
    VALUE_MAX_DEPTH = 200,
};

typedef LIST(const HclValue *) ValueList;

bool type_is_primitive(const HclType *t);
bool type_is_sequence(const HclType *t); // list, set, tuple
bool type_is_keyed(const HclType *t);    // map, object
const HclType *type_tuple(Arena *mem, const HclType **items, size_t len);
const HclType *type_object(Arena *mem, const char **names, const HclType **items, size_t len);
// The type all of `types` convert to; NULL if there is none.
const HclType *type_unify(Arena *mem, const HclType *const *types, size_t len);

// Order of set elements: strings bytewise, numbers numerically, false first, others by content.
int value_order(const HclValue *a, const HclValue *b);
// "argument must not be null" and friends are E_INVALID.
Err *value_check_size(const HclValue *v) MUST_USE; // E_TOO_LARGE
// What conversion of a value of type `got` to `want` fails with.
char *mismatch_text(Arena *mem, const HclType *got, const HclType *want);
// JSON of a value as jsonencode() writes it. E_INVALID for capsules.
Err *value_json(Buf *out, const HclValue *v) MUST_USE;

#endif
