// Private to hcl: the evaluator and its function table.
#ifndef ATLAS_HCL_EVAL_H
#define ATLAS_HCL_EVAL_H

#include "number.h"
#include "syntax.h"
#include "value.h"

enum {
    EVAL_MAX_DEPTH = 1500,        // of nested evaluations, references between locals included
    EVAL_MAX_STEPS = 2000000, // of one expression; also bounds its memory
};

typedef struct SplatFrame SplatFrame;
struct SplatFrame {
    const HclExpr *item;
    const HclValue *value;
    const SplatFrame *parent;
};

typedef struct Eval {
    const HclScope *scope;
    const HclEnv *env;
    const HclWords *words; // NULL: none
    const char *path;      // of the attribute, for `words`
    const SplatFrame *splat;
    Diags *diags;
    Arena *mem;
    int depth;
    long steps;
} Eval;

// NULL after adding a diagnostic.
const HclValue *eval(Eval *e, const HclExpr *x);
const HclValue *eval_call(Eval *e, const HclExpr *x);
const HclValue *eval_for(Eval *e, const HclExpr *x);
const HclValue *eval_binary(Eval *e, const HclExpr *x);
const HclValue *eval_unary(Eval *e, const HclExpr *x);
const HclValue *eval_conditional(Eval *e, const HclExpr *x);
const HclValue *value_attr(Eval *e, const HclValue *v, const char *name, const HclRange *range);
const HclValue *value_index(Eval *e, const HclValue *v, const HclValue *key, const HclRange *range);
// The element at `key`; NULL without a diagnostic: *reason says why.
const HclValue *value_element(Arena *mem, const HclValue *v, const HclValue *key,
                              const char **summary, const char **reason);
// Appends v's text to a template; false after a diagnostic.
bool template_add(Eval *e, Buf *out, const HclExpr *part);

// --- functions ----------------------------------------------------------------------------------

typedef struct Call {
    const HclValue *const *args; // converted to the parameters' types
    size_t count;
    const HclValue *out;
    int bad_arg; // the argument an error is about; -1: the call as a whole
    Eval *e;
    Arena *mem;
} Call;

typedef struct Param {
    const char *name;
    const HclType *type; // NULL: any
    bool null_ok;
} Param;

typedef struct Function {
    const char *name;
    Err *(*fn)(Call *c);
    Param params[3];
    Param rest;  // variadic if it has a name
    bool config; // only in atlas.hcl
} Function;

// An error about argument `i`.
Err *arg_error(Call *c, size_t i, const char *fmt, ...) PRINTF(3, 4) RETURNS_NONNULL MUST_USE;
static inline const char *arg_text(const Call *c, size_t i) { return c->args[i]->u.s.ptr; }

#define ANY NULL
#define TEXT &hcl_type_string
#define NUM &hcl_type_number
#define BOOL &hcl_type_bool
extern const HclType type_list_any, type_list_string, type_set_any, type_list_list_any;

// One table per file, ended by an entry without a name.
extern const Function functions_number[], functions_text[], functions_regex[], functions_list[],
    functions_set[], functions_convert[], functions_encode[], functions_yaml[], functions_time[],
    functions_url[], functions_host[], functions_format[];
const Function *function_find(const HclEnv *env, const char *name);

#endif
