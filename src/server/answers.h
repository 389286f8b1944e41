// Answers that hold an artifact, kept as they were sent. An artifact's name is its digest: as long as
// the ref says so (it is read every time), the answer cannot be out of date.
#ifndef ATLAS_SERVER_ANSWERS_H
#define ATLAS_SERVER_ANSWERS_H

#include "atlas/base.h"

typedef struct Answers Answers;
typedef struct AnswersPage AnswersPage; // a set of answers that is dropped as a whole

Answers *answers_new(Arena *mem);
// NULL if it is not kept. The text lives until answers_release(*page).
Str *answers_find(Answers *a, const char *key, AnswersPage **page);
// Keeps a copy, unless it is very large.
void answers_keep(Answers *a, const char *key, Str text);
void answers_release(AnswersPage *page); // NULL is fine

#endif
