// Function calls: lookup, arguments, conversion to the parameters' types.
#include "eval.h"

const HclType type_list_any = {.kind = HCL_LIST, .elem = &hcl_type_dynamic};
const HclType type_list_string = {.kind = HCL_LIST, .elem = &hcl_type_string};
const HclType type_set_any = {.kind = HCL_SET, .elem = &hcl_type_dynamic};
const HclType type_list_list_any = {.kind = HCL_LIST, .elem = &type_list_any};

static const Function *const tables[] = {
    functions_number, functions_text, functions_regex, functions_list, functions_set,
    functions_convert, functions_encode, functions_yaml, functions_time, functions_url,
    functions_host, functions_format,
};

// These take expressions, not values.
static const char *const special[] = {"can", "try"};

const Function *function_find(const HclEnv *env, const char *name) {
    for (size_t i = 0; i < COUNT_OF(tables); i++)
        for (const Function *f = tables[i]; f->name; f++)
            if (cstr_eq(f->name, name) && (!f->config || env->config))
                return f;
    return NULL;
}

StrList hcl_function_names(Arena *mem) {
    StrList out = {0};
    for (size_t i = 0; i < COUNT_OF(tables); i++)
        for (const Function *f = tables[i]; f->name; f++)
            list_push(&out, mem, f->name);
    for (size_t i = 0; i < COUNT_OF(special); i++)
        list_push(&out, mem, special[i]);
    strlist_sort(&out);
    return out;
}

Err *arg_error(Call *c, size_t i, const char *fmt, ...) {
    AutoArena tmp = arena_new(NULL);
    va_list ap;
    va_start(ap, fmt);
    const char *text = arena_vprintf(tmp, fmt, ap);
    va_end(ap);
    c->bad_arg = (int)i;
    return err_new(E_INVALID, "%s", text);
}

static const HclValue *unknown_function(Eval *e, const HclExpr *x) {
    AutoArena tmp = arena_new(NULL);
    StrList names = hcl_function_names(tmp);
    const char *hint = "";
    for (size_t i = 0; i < names.len && !*hint; i++)
        if (cstr_distance(x->u.call.name, names.items[i], 3) < 3)
            hint = arena_printf(e->mem, " Did you mean \"%s\"?", names.items[i]);
    diag_add(e->diags, &x->u.call.name_range, "Call to unknown function",
             "There is no function named \"%s\".%s", x->u.call.name, hint);
    return NULL;
}

// --- arguments ----------------------------------------------------------------------------------

typedef struct Args {
    ValueList values;
    LIST(const HclExpr *) exprs; // where each came from
} Args;

static bool expand_last(Eval *e, Args *a, const HclExpr *x, const HclValue *v) {
    static const char summary[] = "Invalid expanding argument value";
    if (v->null) {
        diag_add(e->diags, &x->range, summary,
                 "The expanding argument (indicated by ...) must not be null.");
        return false;
    }
    if (!type_is_sequence(v->type)) {
        diag_add(e->diags, &x->range, summary,
                 "The expanding argument (indicated by ...) must be of a tuple, list, or set "
                 "type.");
        return false;
    }
    for (size_t i = 0; i < v->u.seq.len; i++) {
        list_push(&a->values, e->mem, v->u.seq.items[i]);
        list_push(&a->exprs, e->mem, x);
    }
    return true;
}

static bool eval_args(Eval *e, Args *a, const HclExpr *x) {
    const ExprList *args = &x->u.call.args;
    bool ok = true;
    for (size_t i = 0; i < args->len; i++) {
        const HclValue *v = eval(e, args->items[i]);
        if (!v) {
            ok = false;
        } else if (x->u.call.expand && i + 1 == args->len) {
            ok = expand_last(e, a, args->items[i], v) && ok;
        } else {
            list_push(&a->values, e->mem, v);
            list_push(&a->exprs, e->mem, args->items[i]);
        }
    }
    return ok;
}

static size_t param_count(const Function *f) {
    size_t n = 0;
    while (n < COUNT_OF(f->params) && f->params[n].name)
        n++;
    return n;
}

static bool check_count(Eval *e, const Function *f, const Args *a, const HclExpr *x) {
    size_t want = param_count(f), got = a->values.len;
    if (got < want) {
        diag_add(e->diags, &x->u.call.close_range, "Not enough function arguments",
                 "Function \"%s\" expects%s %zu argument(s). Missing value for \"%s\".", f->name,
                 f->rest.name ? " at least" : "", want, f->params[got].name);
        return false;
    }
    if (got > want && !f->rest.name) {
        diag_add(e->diags, &a->exprs.items[want]->start, "Too many function arguments",
                 "Function \"%s\" expects only %zu argument(s).", f->name, want);
        return false;
    }
    return true;
}

static void bad_argument(Eval *e, const Args *a, size_t i, const Param *p, const char *reason) {
    diag_add(e->diags, &a->exprs.items[i]->start, "Invalid function argument",
             "Invalid value for \"%s\" parameter: %s.", p->name, reason);
}

static const Param *param_at(const Function *f, size_t i) {
    return i < param_count(f) ? &f->params[i] : &f->rest;
}

static bool convert_args(Eval *e, const Function *f, Args *a) {
    for (size_t i = 0; i < a->values.len; i++) {
        const Param *p = param_at(f, i);
        const HclValue **v = &a->values.items[i];
        AutoErr err = p->type ? hcl_convert(v, *v, p->type, e->mem) : NULL;
        if (!err && (*v)->null && !p->null_ok)
            err = err_new(E_INVALID, "argument must not be null");
        if (!err)
            continue;
        bad_argument(e, a, i, p, err_text(err));
        return false;
    }
    return true;
}

static const HclValue *invoke(Eval *e, const Function *f, const Args *a, const HclExpr *x) {
    Call c = {.args = a->values.items, .count = a->values.len, .bad_arg = -1, .e = e,
              .mem = e->mem};
    AutoErr err = f->fn(&c);
    if (!err)
        return c.out;
    if (c.bad_arg >= 0 && (size_t)c.bad_arg < a->exprs.len)
        bad_argument(e, a, (size_t)c.bad_arg, param_at(f, (size_t)c.bad_arg), err_text(err));
    else
        diag_add(e->diags, &x->start, "Error in function call", "Call to function \"%s\" failed: "
                 "%s.", f->name, err_text(err));
    return NULL;
}

// --- can, try -----------------------------------------------------------------------------------

static const HclValue *attempt(Eval *e, const HclExpr *x) {
    size_t before = e->diags->list.len;
    const HclValue *v = eval(e, x);
    e->diags->list.len = before;
    return v;
}

static const HclValue *eval_can(Eval *e, const HclExpr *x) {
    if (x->u.call.args.len == 1)
        return hcl_bool(e->mem, attempt(e, x->u.call.args.items[0]) != NULL);
    diag_add(e->diags, &x->u.call.close_range,
             x->u.call.args.len == 0 ? "Not enough function arguments"
                                     : "Too many function arguments",
             "Function \"can\" expects only 1 argument(s).");
    return NULL;
}

static const HclValue *eval_try(Eval *e, const HclExpr *x) {
    const ExprList *args = &x->u.call.args;
    for (size_t i = 0; i < args->len; i++) {
        const HclValue *v = attempt(e, args->items[i]);
        if (v)
            return v;
    }
    if (args->len == 0)
        diag_add(e->diags, &x->start, "Error in function call",
                 "Call to function \"try\" failed: at least one argument is required.");
    else
        diag_add(e->diags, &x->start, "Error in function call",
                 "Call to function \"try\" failed: no expression succeeded.");
    return NULL;
}

// --- entry --------------------------------------------------------------------------------------

// A type constructor of the attribute at hand; *done: there was one.
static const HclValue *word_call(Eval *e, const HclExpr *x, const Args *a, bool *done) {
    const HclValue *out = NULL;
    AutoErr err = e->words->call(e->words->ctx, &out, e->path, x->u.call.name, a->values.items,
                                 a->values.len, e->mem);
    *done = err || out;
    if (err)
        diag_add(e->diags, &x->range, "Invalid type", "%s", err_text(err));
    return out;
}

const HclValue *eval_call(Eval *e, const HclExpr *x) {
    const char *name = x->u.call.name;
    Args args = {0};
    if (cstr_eq(name, "can"))
        return eval_can(e, x);
    if (cstr_eq(name, "try"))
        return eval_try(e, x);
    bool scoped = e->words && e->path && e->words->call && e->words->has(e->words->ctx, e->path);
    const Function *f = function_find(e->env, name);
    if (!f && !scoped)
        return unknown_function(e, x);
    if (!eval_args(e, &args, x))
        return NULL;
    if (scoped) {
        bool done = false;
        const HclValue *v = word_call(e, x, &args, &done);
        if (done)
            return v;
    }
    if (!f)
        return unknown_function(e, x);
    if (!check_count(e, f, &args, x) || !convert_args(e, f, &args))
        return NULL;
    return invoke(e, f, &args, x);
}
