// Which variables an expression refers to.
#include "syntax.h"

typedef struct Bound Bound;
struct Bound { // names that a for-expression binds
    const char *key, *val;
    const Bound *parent;
};

typedef struct Walk {
    void (*fn)(void *ctx, const HclPath *path);
    void *ctx;
    bool *calls; // set if a function is called; may be NULL
} Walk;

static void visit(const Walk *w, const HclExpr *x, const Bound *bound);

static void report(const Walk *w, const HclExpr *x, const Bound *bound) {
    HclPath path = {.names = {x->u.walk.root}, .len = 1, .range = x->range};
    for (; bound; bound = bound->parent)
        if (cstr_eq(bound->key, path.names[0]) || cstr_eq(bound->val, path.names[0]))
            return;
    for (size_t i = 0; i < x->u.walk.steps.len && path.len < COUNT_OF(path.names); i++) {
        const Step *s = &x->u.walk.steps.items[i];
        path.names[path.len++] = s->name ? s->name : hcl_is(s->key, HCL_STRING) ? hcl_text(s->key)
                                                                                : NULL;
    }
    w->fn(w->ctx, &path);
}

static void visit_list(const Walk *w, const ExprList *list, const Bound *bound) {
    for (size_t i = 0; i < list->len; i++)
        visit(w, list->items[i], bound);
}

static void visit_loop(const Walk *w, const HclExpr *x, const Bound *bound) {
    Bound inner = {x->u.loop.key_var, x->u.loop.val_var, bound};
    visit(w, x->u.loop.source, bound);
    visit(w, x->u.loop.key, &inner);
    visit(w, x->u.loop.value, &inner);
    visit(w, x->u.loop.test, &inner);
}

static void visit(const Walk *w, const HclExpr *x, const Bound *bound) {
    if (!x)
        return;
    switch (x->kind) {
    case X_LITERAL:
    case X_SPLAT_ITEM: break;
    case X_TEMPLATE:
    case X_TUPLE: visit_list(w, &x->u.items, bound); break;
    case X_WRAP:
    case X_JOIN:
    case X_PAREN: visit(w, x->u.inner, bound); break;
    case X_VARIABLE: report(w, x, bound); break;
    case X_RELATIVE: visit(w, x->u.walk.source, bound); break;
    case X_CALL:
        if (w->calls)
            *w->calls = true;
        visit_list(w, &x->u.call.args, bound);
        break;
    case X_CONDITIONAL:
        visit(w, x->u.cond.test, bound);
        visit(w, x->u.cond.yes, bound);
        visit(w, x->u.cond.no, bound);
        break;
    case X_BINARY: visit(w, x->u.op.left, bound); visit(w, x->u.op.right, bound); break;
    case X_UNARY: visit(w, x->u.op.right, bound); break;
    case X_INDEX: visit(w, x->u.index.source, bound); visit(w, x->u.index.key, bound); break;
    case X_SPLAT: visit(w, x->u.splat.source, bound); visit(w, x->u.splat.each, bound); break;
    case X_OBJECT:
        for (size_t i = 0; i < x->u.object.len; i++) {
            visit(w, x->u.object.items[i].key, bound);
            visit(w, x->u.object.items[i].value, bound);
        }
        break;
    case X_FOR: visit_loop(w, x, bound); break;
    }
}

void hcl_expr_paths(const HclExpr *x, void (*fn)(void *ctx, const HclPath *path), void *ctx) {
    Walk w = {.fn = fn, .ctx = ctx};
    visit(&w, x, NULL);
}

static void note_path(void *ctx, const HclPath *path) {
    bool *found = ctx;
    *found = path != NULL;
}

bool expr_is_constant(const HclExpr *x) {
    bool found = false;
    Walk w = {.fn = note_path, .ctx = &found, .calls = &found};
    visit(&w, x, NULL);
    return !found;
}

HclRange hcl_expr_range(const HclExpr *x) { return x->range; }

const char *hcl_expr_word(const HclExpr *x) {
    return x->kind == X_VARIABLE && x->u.walk.steps.len == 0 ? x->u.walk.root : NULL;
}

const char *hcl_expr_literal(const HclExpr *x) {
    if (x->kind == X_TEMPLATE && x->u.items.len == 1 && x->u.items.items[0]->kind == X_LITERAL)
        return hcl_text(x->u.items.items[0]->u.literal);
    return NULL;
}
