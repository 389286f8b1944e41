// Go's text/template over value trees (base/value.h): what `--format`, format blocks, name formats
// and the files of a template_dir are written in.
//
// A set holds named templates that may call each other. Errors are one line in Go's wording,
// "template: NAME:LINE:COL: executing "NAME" at <TEXT>: ...", code E_SYNTAX when parsing, E_INVALID
// when running (E_TOO_LARGE: over a limit). Left out of the language: complex numbers and `call`.
//
// Values: a map with struct_name is a Go struct (an unknown field is an error naming that type;
// members with M_HIDDEN are its methods), any other map a Go map[string]any (an unknown key has no
// value, or is an error with `missing_key_error`). Null members of structs are nil pointers. Times
// and durations have Go's usual methods (Format, Sub, Unix, ...; Seconds, Milliseconds, ...).
#ifndef ATLAS_TMPL_H
#define ATLAS_TMPL_H

#include <stdbool.h>
#include <stddef.h>

#include "atlas/base/buf.h"
#include "atlas/base/err.h"
#include "atlas/base/value.h"

typedef struct Tmpl Tmpl;

typedef struct TmplOptions {
    void *ctx;              // for the functions of the caller
    bool colour;            // whether cyan, green, ... colour
    bool missing_key_error; // Go's option "missingkey=error"
    size_t max_output;      // bytes; 0: 64 MiB
    size_t max_steps;       // nodes evaluated; 0: 5 million
} TmplOptions;

// A function: `args` has n items, each NULL or null for Go's nil. *out may stay NULL (no value).
// Errors come back as "error calling NAME: ...".
typedef Err *TmplFn(const TmplOptions *options, Value *const *args, size_t n, Value **out,
                    Arena *mem);
typedef struct TmplFunc {
    const char *name;
    int min_args, max_args; // max -1: any number
    TmplFn *fn;
} TmplFunc;

// A chain of function tables; earlier ones win, Go's builtins come last and always.
typedef struct TmplFuncs {
    const TmplFunc *items;
    size_t count;
    const struct TmplFuncs *next;
} TmplFuncs;

// json, json_merge, add, sub, upper, lower, default, join, split, repeat, indent_ln, base64url,
// cyan, green, red, yellow, gray, redBgWhiteFg, underline.
extern const TmplFuncs tmpl_shared_funcs;

// An empty set; `funcs` (may be NULL) must outlive it.
Tmpl *tmpl_new(const TmplFuncs *funcs, Arena *mem) RETURNS_NONNULL;
// Parses `text` as the template `name` of the set, together with those it defines. A template that
// is there already is replaced, unless the new one is empty.
Err *tmpl_add(Tmpl *set, const char *name, Str text) MUST_USE;
// tmpl_new and tmpl_add of one template.
Err *tmpl_parse(Tmpl **out, const char *name, const char *text, const TmplFuncs *funcs,
                Arena *mem) MUST_USE;

// Appends the output of template `name` (NULL: the first one added) for `data` (NULL: no value) to
// `out`. What was written before an error stays in `out`, as in Go. `options` may be NULL.
Err *tmpl_run(Buf *out, const Tmpl *set, const char *name, Value *data,
              const TmplOptions *options) MUST_USE;

// --- Go's spellings, for others ------------------------------------------------------------------

// strconv.Quote: double quotes, \n \t \\ \", \xNN for bad bytes, \uNNNN for what does not print.
void tmpl_quote(Buf *out, Str s);
// strconv.Unquote of "...", `...` or '.'; false if malformed.
bool tmpl_unquote(Str *out, Str literal, Arena *mem);
// fmt's %v.
void tmpl_print(Buf *out, const Value *v);

#endif
