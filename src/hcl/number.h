// Private to hcl: numbers are binary floats of 512 bits; number.c alone knows MPFR.
//
// No number is infinite or beyond 2^65536 in magnitude: an operation that would get there fails.
#ifndef ATLAS_HCL_NUMBER_H
#define ATLAS_HCL_NUMBER_H

#include "atlas/base.h"
#include "atlas/hcl.h"

// Decimal text with optional sign, fraction and exponent; NULL if it is none (or out of range).
const HclValue *number_parse(Arena *mem, const char *text);
// Whole number in base 2 to 62; NULL if malformed.
const HclValue *number_parse_base(Arena *mem, const char *text, int base);

typedef enum NumberOp { N_ADD, N_SUB, N_MUL, N_DIV, N_MOD, N_POW, N_LOG } NumberOp;
// E_INVALID: division by zero, out of range.
Err *number_binary(const HclValue **out, NumberOp op, const HclNumber *a, const HclNumber *b,
                   Arena *mem) MUST_USE;

typedef enum NumberFn { N_NEG, N_ABS, N_CEIL, N_FLOOR, N_SIGN } NumberFn;
const HclValue *number_unary(Arena *mem, NumberFn fn, const HclNumber *a);
int number_cmp(const HclNumber *a, const HclNumber *b);
bool number_is_whole(const HclNumber *n);

// Whole part in base 2, 8, 10 or 16, with "-" if negative.
char *number_text_base(Arena *mem, const HclNumber *n, int base);
// As C's %e, %f, %g (also E, G); precision -1: 6, or shortest for %g.
char *number_text_float(Arena *mem, const HclNumber *n, char verb, int precision);

#endif
