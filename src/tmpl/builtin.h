#ifndef ATLAS_TMPL_BUILTIN_H
#define ATLAS_TMPL_BUILTIN_H

#include "node.h"

// What {{if}} asks: not zero, not empty; structs and times are always true.
bool value_is_true(const Value *v);
// 1 for `and`, 0 for `or` (which go on while an argument has that truth), -1 for all others.
int builtin_lazy_truth(const TmplFunc *f);

#endif
