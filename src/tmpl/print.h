// Go's fmt over values.
#ifndef ATLAS_TMPL_PRINT_H
#define ATLAS_TMPL_PRINT_H

#include "atlas/tmpl.h"

// Sprintf, with Go's "%!d(string=x)" forms of mistakes.
void print_format(Buf *out, Str format, Value *const *args, size_t n, Arena *mem);
// Sprint: spaces between operands when neither is a string. Sprintln: always, and a newline.
void print_args(Buf *out, Value *const *args, size_t n, bool line);
// "string", "int", "[]interface {}", the struct's name, ...; "<nil>" for nil.
const char *print_type(const Value *v);
// The text of what has one of its own (Go's Stringer): times, durations, maps with `text`.
bool print_own_text(Str *out, const Value *v, Arena *mem);
// strconv.FormatFloat(r, verb, precision): e, f or g; -1 is the shortest that reads back the same.
char *print_real(Arena *mem, double r, char verb, int precision);
// strconv.IsPrint.
bool rune_prints(uint32_t cp);
static inline bool is_nil(const Value *v) {
    return !v || v->kind == V_NULL;
}

#endif
