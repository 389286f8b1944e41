// Operators, conditionals, for-expressions.
#include "eval.h"

static Err *operand(const HclValue **v, const HclType *want, Arena *mem) {
    return hcl_convert(v, *v, want, mem);
}

static bool convert_operand(Eval *e, const HclValue **v, const HclType *want, const HclExpr *x,
                            const char *which) {
    AutoErr err = operand(v, want, e->mem);
    if (!err)
        return true;
    diag_add(e->diags, &x->range, "Invalid operand", "Unsuitable value for %s operand: %s.", which,
             err_text(err));
    return false;
}

static const HclValue *operation_failed(Eval *e, const HclExpr *x, const char *reason) {
    diag_add(e->diags, &x->range, "Operation failed", "Error during operation: %s.", reason);
    return NULL;
}

static const HclValue *arithmetic(Eval *e, const HclExpr *x, NumberOp op, const HclValue *a,
                                  const HclValue *b) {
    const HclValue *out = NULL;
    AutoErr err = number_binary(&out, op, a->u.n, b->u.n, e->mem);
    return err ? operation_failed(e, x, err_text(err)) : out;
}

static const HclValue *compute(Eval *e, const HclExpr *x, const HclValue *a, const HclValue *b) {
    Arena *mem = e->mem;
    switch (x->u.op.op) {
    case T_PLUS: return arithmetic(e, x, N_ADD, a, b);
    case T_MINUS: return arithmetic(e, x, N_SUB, a, b);
    case T_STAR: return arithmetic(e, x, N_MUL, a, b);
    case T_SLASH: return arithmetic(e, x, N_DIV, a, b);
    case T_PERCENT: return arithmetic(e, x, N_MOD, a, b);
    case T_LT: return hcl_bool(mem, number_cmp(a->u.n, b->u.n) < 0);
    case T_LE: return hcl_bool(mem, number_cmp(a->u.n, b->u.n) <= 0);
    case T_GT: return hcl_bool(mem, number_cmp(a->u.n, b->u.n) > 0);
    case T_GE: return hcl_bool(mem, number_cmp(a->u.n, b->u.n) >= 0);
    case T_AND: return hcl_bool(mem, a->u.b && b->u.b);
    case T_OR: return hcl_bool(mem, a->u.b || b->u.b);
    default: BUG("operator %d", (int)x->u.op.op);
    }
}

const HclValue *eval_binary(Eval *e, const HclExpr *x) {
    TokenType op = x->u.op.op;
    const HclValue *a = eval(e, x->u.op.left), *b = eval(e, x->u.op.right);
    if (!a || !b)
        return NULL;
    if (op == T_EQ || op == T_NE)
        return hcl_bool(e->mem, hcl_equal(a, b) == (op == T_EQ));
    const HclType *want = op == T_AND || op == T_OR ? &hcl_type_bool : &hcl_type_number;
    bool left = convert_operand(e, &a, want, x->u.op.left, "left");
    bool right = convert_operand(e, &b, want, x->u.op.right, "right");
    if (!left || !right)
        return NULL;
    if (a->null || b->null)
        return operation_failed(e, x, "argument must not be null");
    return compute(e, x, a, b);
}

const HclValue *eval_unary(Eval *e, const HclExpr *x) {
    bool minus = x->u.op.op == T_MINUS;
    const HclValue *v = eval(e, x->u.op.right);
    if (!v || !convert_operand(e, &v, minus ? &hcl_type_number : &hcl_type_bool, x->u.op.right,
                               "unary"))
        return NULL;
    if (v->null)
        return operation_failed(e, x, "argument must not be null");
    return minus ? number_unary(e->mem, N_NEG, v->u.n) : hcl_bool(e->mem, !v->u.b);
}

// --- conditional --------------------------------------------------------------------------------

static bool eval_test(Eval *e, const HclExpr *x, bool *out) {
    const HclValue *v = eval(e, x);
    if (!v)
        return false;
    if (v->null) {
        diag_add(e->diags, &x->range, "Null condition",
                 "The condition value is null. Conditions must either be true or false.");
        return false;
    }
    AutoErr err = hcl_convert(&v, v, &hcl_type_bool, e->mem);
    if (err) {
        diag_add(e->diags, &x->range, "Incorrect condition type",
                 "The condition expression must be of type bool.");
        return false;
    }
    *out = v->u.b;
    return true;
}

static const HclValue *inconsistent(Eval *e, const HclExpr *x, const HclType *const *types) {
    HclRange range = range_between(x->u.cond.yes->range, x->u.cond.no->range);
    const char *yes = hcl_type_name(e->mem, types[0]), *no = hcl_type_name(e->mem, types[1]);
    static const char summary[] = "Inconsistent conditional result types";
    static const char lead[] = "The true and false result expressions must have consistent types.";
    if (cstr_eq(yes, no))
        diag_add(e->diags, &range, summary,
                 "%s At least one deeply-nested attribute or element is not compatible across "
                 "both the 'true' and the 'false' value.", lead);
    else
        diag_add(e->diags, &range, summary,
                 "%s The 'true' value is %s, but the 'false' value is %s.", lead, yes, no);
    return NULL;
}

const HclValue *eval_conditional(Eval *e, const HclExpr *x) {
    bool test = false;
    bool ok = eval_test(e, x->u.cond.test, &test);
    // Both arms are evaluated; what goes wrong in the other one is nobody's business.
    size_t start = e->diags->list.len;
    const HclValue *yes = eval(e, x->u.cond.yes);
    if (ok && !test)
        e->diags->list.len = start;
    size_t middle = e->diags->list.len;
    const HclValue *no = eval(e, x->u.cond.no);
    if (ok && test)
        e->diags->list.len = middle;
    const HclValue *chosen = test ? yes : no;
    if (!ok || !chosen)
        return NULL;
    if (!yes || !no)
        return chosen;
    const HclType *types[2] = {yes->type, no->type};
    const HclType *want = type_unify(e->mem, types, 2);
    if (!want)
        return inconsistent(e, x, types);
    const HclValue *out = NULL;
    AutoErr err = hcl_convert(&out, chosen, want, e->mem);
    if (!err)
        return out;
    diag_add(e->diags, chosen == yes ? &x->u.cond.yes->range
                                                               : &x->u.cond.no->range,
             "Inconsistent conditional result types",
             "The true and false result expressions must have consistent types. %s.",
             err_text(err));
    return NULL;
}

// --- for ----------------------------------------------------------------------------------------

typedef struct Loop {
    const HclExpr *x;
    HclScope scope;
    ValueList items;
    HclFields fields;
    Map groups; // key -> ValueList *
    bool failed;
} Loop;

static bool passes(Eval *e, Loop *l) {
    const HclExpr *test = l->x->u.loop.test;
    if (!test)
        return true;
    const HclValue *v = eval(e, test);
    if (v && v->null) {
        diag_add(e->diags, &test->range, "Condition is null",
                 "The value of the 'if' clause must not be null.");
        v = NULL;
    }
    if (!v) {
        l->failed = true;
        return false;
    }
    AutoErr err = hcl_convert(&v, v, &hcl_type_bool, e->mem);
    if (err) {
        diag_add(e->diags, &test->range, "Invalid 'for' condition",
                 "The 'if' clause value is invalid: %s.", err_text(err));
        l->failed = true;
        return false;
    }
    return v->u.b;
}

static const char *loop_key(Eval *e, const HclExpr *key) {
    const HclValue *v = eval(e, key);
    if (!v)
        return NULL;
    if (v->null) {
        diag_add(e->diags, &key->range, "Invalid object key",
                 "Key expression in 'for' expression must not produce a null value.");
        return NULL;
    }
    AutoErr err = hcl_convert(&v, v, &hcl_type_string, e->mem);
    if (!err)
        return hcl_text(v);
    diag_add(e->diags, &key->range, "Invalid object key",
             "The key expression produced an invalid result: %s.", err_text(err));
    return NULL;
}

static void loop_field(Eval *e, Loop *l) {
    const char *key = loop_key(e, l->x->u.loop.key);
    const HclValue *v = eval(e, l->x->u.loop.value);
    if (!key || !v) {
        l->failed = true;
        return;
    }
    ValueList *group = map_get(&l->groups, key);
    if (group && !l->x->u.loop.group) {
        diag_add(e->diags, &l->x->u.loop.key->range, "Duplicate object key",
                 "Two different items produced the key \"%s\" in this 'for' expression. If "
                 "duplicates are expected, use the ellipsis (...) after the value expression to "
                 "enable grouping by key.", key);
        l->failed = true;
        return;
    }
    if (!group) {
        group = NEW(e->mem, ValueList);
        map_set(&l->groups, key, group);
    }
    list_push(group, e->mem, v);
}

static void loop_item(Eval *e, Loop *l, const HclValue *key, const HclValue *value) {
    const HclExpr *x = l->x;
    if (x->u.loop.key_var)
        hcl_scope_set(&l->scope, x->u.loop.key_var, key);
    hcl_scope_set(&l->scope, x->u.loop.val_var, value);
    if (!passes(e, l))
        return;
    if (x->u.loop.key) {
        loop_field(e, l);
        return;
    }
    const HclValue *v = eval(e, x->u.loop.value);
    if (v)
        list_push(&l->items, e->mem, v);
    l->failed = l->failed || !v;
}

static const HclValue *element_key(Eval *e, const HclValue *source, size_t i) {
    if (type_is_keyed(source->type))
        return hcl_string(e->mem, source->u.seq.keys[i]);
    if (source->type->kind == HCL_SET)
        return source->u.seq.items[i];
    return hcl_int(e->mem, (int64_t)i);
}

static const HclValue *loop_result(Eval *e, Loop *l) {
    if (l->failed)
        return NULL;
    if (!l->x->u.loop.key)
        return hcl_tuple(e->mem, l->items.items, l->items.len);
    for (size_t i = 0; i < l->groups.len; i++) {
        const ValueList *g = l->groups.entries[i].value;
        const HclValue *v =
            l->x->u.loop.group ? hcl_tuple(e->mem, g->items, g->len) : g->items[0];
        hcl_field(&l->fields, e->mem, l->groups.entries[i].key, v);
    }
    return hcl_object(e->mem, &l->fields);
}

const HclValue *eval_for(Eval *e, const HclExpr *x) {
    const HclValue *source = eval(e, x->u.loop.source);
    const HclRange *range = &x->u.loop.source->range;
    if (!source)
        return NULL;
    if (source->null) {
        diag_add(e->diags, range, "Iteration over null value",
                 "A null value cannot be used as the collection in a 'for' expression.");
        return NULL;
    }
    if (!type_is_sequence(source->type) && !type_is_keyed(source->type)) {
        diag_add(e->diags, range, "Iteration over non-iterable value",
                 "A value of type %s cannot be used as the collection in a 'for' expression.",
                 hcl_type_name(e->mem, source->type));
        return NULL;
    }
    Loop l = {.x = x};
    hcl_scope_init(&l.scope, e->scope, e->mem);
    map_init(&l.groups, e->mem);
    e->scope = &l.scope;
    // One broken item tells enough.
    for (size_t i = 0; i < source->u.seq.len && !l.failed; i++)
        loop_item(e, &l, element_key(e, source, i), source->u.seq.items[i]);
    e->scope = l.scope.parent;
    return loop_result(e, &l);
}
