// What a statement starts with: enough to tell kinds of statements apart, no grammar.
#ifndef ATLAS_DB_WORDS_H
#define ATLAS_DB_WORDS_H

// Behind white space, comments and empty statements.
const char *words_skip(const char *p, const char *end);
// The next word in upper case ("" if none, cut at 15 bytes); moves `*p` behind it.
const char *words_next(const char **p, const char *end, char out[16]);

#endif
