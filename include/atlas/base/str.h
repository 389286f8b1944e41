// Byte slices and the few string helpers C lacks. Text is `const char *` (NUL-terminated UTF-8);
// content that may hold anything is a `Str`.
#ifndef ATLAS_BASE_STR_H
#define ATLAS_BASE_STR_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include "atlas/base/arena.h"
#include "atlas/base/list.h"

typedef struct Str {
    const char *ptr; // not NULL unless len is 0
    size_t len;
} Str;

typedef LIST(const char *) StrList;

static inline Str str_from(const char *s) { return (Str){s, s ? strlen(s) : 0}; }
static inline Str str_slice(const char *p, size_t len) { return (Str){p, len}; }
bool str_eq(Str a, Str b);
// A NUL-terminated copy.
char *str_dup(Arena *mem, Str s);

bool cstr_eq(const char *a, const char *b);      // NULL equals only NULL
bool cstr_empty(const char *s);                  // NULL or ""
bool cstr_starts(const char *s, const char *prefix);
bool cstr_ends(const char *s, const char *suffix);
const char *cstr_or(const char *s, const char *fallback); // s unless NULL or empty
// Copy without leading and trailing white space (space, tab, CR, LF, VT, FF).
char *cstr_trim(Arena *mem, const char *s);
char *cstr_lower(Arena *mem, const char *s);     // ASCII only
char *cstr_upper(Arena *mem, const char *s);     // ASCII only
// All occurrences of `from` (not empty) replaced.
char *cstr_replace(Arena *mem, const char *s, const char *from, const char *to);
// The parts between `sep` characters; "" has one empty part.
StrList cstr_split(Arena *mem, const char *s, char sep);
char *cstr_join(Arena *mem, const StrList *parts, const char *sep);
bool strlist_has(const StrList *list, const char *s);
void strlist_sort(StrList *list);                // bytewise
// Whole decimal number without sign; false if not one or above `max`.
bool cstr_to_u64(const char *s, uint64_t max, uint64_t *out);
bool cstr_to_i64(const char *s, int64_t *out);
// Levenshtein distance, capped at `cap`+1.
int cstr_distance(const char *a, const char *b, int cap);
// The nearest of `names` within distance 2 (3 for names over 8 bytes), or NULL.
const char *cstr_nearest(const char *s, const char *const *names, size_t count);

// UTF-8: decodes one code point at s[0..len); returns its byte length, or 0 if malformed.
size_t utf8_decode(const char *s, size_t len, uint32_t *out);
size_t utf8_put(uint32_t cp, char out[4]);
bool utf8_valid(const char *s, size_t len);

// Hex and base64 (standard alphabet with padding, or URL alphabet without).
char *hex_encode(Arena *mem, const void *data, size_t len);
bool hex_decode(Str *out, const char *text, Arena *mem);
char *base64_encode(Arena *mem, const void *data, size_t len);
char *base64url_encode(Arena *mem, const void *data, size_t len);
bool base64_decode(Str *out, const char *text, Arena *mem);    // padding required
bool base64url_decode(Str *out, const char *text, Arena *mem); // padding refused

#endif
