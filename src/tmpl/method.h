// Methods of times and durations.
#ifndef ATLAS_TMPL_METHOD_H
#define ATLAS_TMPL_METHOD_H

#include "atlas/tmpl.h"

// NULL if values of this kind have no such method. Its args[0] is the receiver.
const TmplFunc *method_find(const Value *receiver, const char *name);

#endif
