// setintersection setunion setsubtract setproduct
#include "eval.h"

static bool has(const HclValue *set, const HclValue *v) {
    for (size_t i = 0; i < set->u.seq.len; i++)
        if (value_order(set->u.seq.items[i], v) == 0)
            return true;
    return false;
}

// All arguments as sets of one element type.
static Err *same_sets(Call *c, const HclValue ***out, const HclType **elem) {
    const HclType **types = NEW_ARRAY(c->mem, const HclType *, c->count + 1);
    for (size_t i = 0; i < c->count; i++)
        types[i] = c->args[i]->type->elem;
    *elem = type_unify(c->mem, types, c->count);
    if (!*elem)
        return err_new(E_INVALID, "given sets must all have compatible element types");
    const HclType *set = hcl_type_of(c->mem, HCL_SET, *elem);
    *out = NEW_ARRAY(c->mem, const HclValue *, c->count + 1);
    for (size_t i = 0; i < c->count; i++)
        TRY(hcl_convert(&(*out)[i], c->args[i], set, c->mem));
    return NULL;
}

typedef enum SetOp { SET_UNION, SET_INTERSECTION, SET_SUBTRACT } SetOp;

static Err *combine(Call *c, SetOp op) {
    const HclValue **sets;
    const HclType *elem;
    ValueList out = {0};
    TRY(same_sets(c, &sets, &elem));
    for (size_t s = 0; s < (op == SET_UNION ? c->count : 1); s++) {
        for (size_t i = 0; i < sets[s]->u.seq.len; i++) {
            const HclValue *v = sets[s]->u.seq.items[i];
            bool keep = true;
            for (size_t k = 1; k < c->count && op != SET_UNION; k++)
                keep = keep && has(sets[k], v) == (op == SET_INTERSECTION);
            if (keep)
                list_push(&out, c->mem, v);
        }
    }
    c->out = hcl_set(c->mem, elem, out.items, out.len);
    return NULL;
}

static Err *fn_union(Call *c) { return combine(c, SET_UNION); }
static Err *fn_intersection(Call *c) { return combine(c, SET_INTERSECTION); }
static Err *fn_subtract(Call *c) { return combine(c, SET_SUBTRACT); }

static Err *fn_product(Call *c) {
    size_t total = 1;
    bool sets = c->count > 0;
    ValueList out = {0};
    if (c->count < 2)
        return err_new(E_INVALID, "at least one list is required");
    for (size_t i = 0; i < c->count; i++) {
        if (!type_is_sequence(c->args[i]->type))
            return arg_error(c, i, "a set or a list is required");
        sets = sets && c->args[i]->type->kind == HCL_SET;
        total *= c->args[i]->u.seq.len;
        if (total > VALUE_MAX_WEIGHT / 8)
            return err_new(E_TOO_LARGE, "the product has too many elements");
    }
    for (size_t n = 0; n < total; n++) {
        const HclValue **row = NEW_ARRAY(c->mem, const HclValue *, c->count);
        size_t rest = n;
        for (size_t i = c->count; i-- > 0;) {
            size_t len = c->args[i]->u.seq.len;
            row[i] = c->args[i]->u.seq.items[rest % len];
            rest /= len;
        }
        list_push(&out, c->mem, hcl_tuple(c->mem, row, c->count));
    }
    const HclValue *all = hcl_tuple(c->mem, out.items, out.len);
    const HclType *elem = type_unify(c->mem, all->type->items, out.len);
    const HclType *want = elem ? hcl_type_of(c->mem, sets ? HCL_SET : HCL_LIST, elem) : NULL;
    c->out = all;
    return want ? hcl_convert(&c->out, all, want, c->mem) : NULL;
}

#define SET_ANY &type_set_any

const Function functions_set[] = {
    {.name = "setintersection", .fn = fn_intersection, .params = {{"first_set", SET_ANY, false}},
     .rest = {"other_sets", SET_ANY, false}},
    {.name = "setunion", .fn = fn_union, .params = {{"first_set", SET_ANY, false}},
     .rest = {"other_sets", SET_ANY, false}},
    {.name = "setsubtract", .fn = fn_subtract,
     .params = {{"a", SET_ANY, false}, {"b", SET_ANY, false}}},
    {.name = "setproduct", .fn = fn_product, .rest = {"sets", ANY, false}},
    {0},
};
