// abs ceil floor signum log pow max min parseint range
#include "eval.h"

static Err *unary(Call *c, NumberFn fn) {
    c->out = number_unary(c->mem, fn, c->args[0]->u.n);
    return NULL;
}

static Err *fn_abs(Call *c) { return unary(c, N_ABS); }
static Err *fn_ceil(Call *c) { return unary(c, N_CEIL); }
static Err *fn_floor(Call *c) { return unary(c, N_FLOOR); }
static Err *fn_signum(Call *c) { return unary(c, N_SIGN); }

static Err *fn_log(Call *c) {
    return number_binary(&c->out, N_LOG, c->args[0]->u.n, c->args[1]->u.n, c->mem);
}

static Err *fn_pow(Call *c) {
    return number_binary(&c->out, N_POW, c->args[0]->u.n, c->args[1]->u.n, c->mem);
}

static Err *extreme(Call *c, int sign) {
    if (c->count == 0)
        return err_new(E_INVALID, "must pass at least one number");
    c->out = c->args[0];
    for (size_t i = 1; i < c->count; i++)
        if (number_cmp(c->args[i]->u.n, c->out->u.n) * sign > 0)
            c->out = c->args[i];
    return NULL;
}

static Err *fn_max(Call *c) { return extreme(c, 1); }
static Err *fn_min(Call *c) { return extreme(c, -1); }

static Err *fn_parseint(Call *c) {
    int64_t base;
    if (c->args[0]->type->kind != HCL_STRING)
        return arg_error(c, 0, "first argument must be a string, not %s",
                         hcl_type_name(c->mem, c->args[0]->type));
    if (!hcl_number_int(c->args[1]->u.n, &base) || base < 2 || base > 62)
        return arg_error(c, 1, "base must be a whole number between 2 and 62 inclusive");
    c->out = number_parse_base(c->mem, arg_text(c, 0), (int)base);
    if (c->out)
        return NULL;
    return arg_error(c, 0, "cannot parse \"%s\" as a base %d integer", arg_text(c, 0), (int)base);
}

static Err *range_bounds(Call *c, const HclValue **start, const HclValue **end,
                         const HclValue **step) {
    if (c->count == 0 || c->count > 3)
        return err_new(E_INVALID, c->count ? "must have no more than three arguments"
                                           : "must have one, two, or three arguments");
    *start = c->count > 1 ? c->args[0] : hcl_int(c->mem, 0);
    *end = c->count > 1 ? c->args[1] : c->args[0];
    bool down = number_cmp((*end)->u.n, (*start)->u.n) < 0;
    *step = c->count > 2 ? c->args[2] : hcl_int(c->mem, down ? -1 : 1);
    int sign = number_cmp((*step)->u.n, hcl_int(c->mem, 0)->u.n);
    if (sign == 0)
        return arg_error(c, 2, "step must not be zero");
    if (down && sign > 0)
        return arg_error(c, 2, "start must be less than end when step is positive");
    if (!down && sign < 0 && number_cmp((*end)->u.n, (*start)->u.n) != 0)
        return arg_error(c, 2, "end must be less than start when step is negative");
    return NULL;
}

static Err *fn_range(Call *c) {
    const HclValue *at, *end, *step;
    ValueList out = {0};
    TRY(range_bounds(c, &at, &end, &step));
    bool down = number_cmp(step->u.n, hcl_int(c->mem, 0)->u.n) < 0;
    for (;;) {
        int order = number_cmp(at->u.n, end->u.n);
        if (down ? order <= 0 : order >= 0)
            break;
        if (out.len >= 1024)
            return err_new(E_INVALID, "more than 1024 values were generated; either decrease the "
                                      "difference between start and end or use a smaller step");
        list_push(&out, c->mem, at);
        TRY(number_binary(&at, N_ADD, at->u.n, step->u.n, c->mem));
    }
    c->out = hcl_list(c->mem, &hcl_type_number, out.items, out.len);
    return NULL;
}

const Function functions_number[] = {
    {.name = "abs", .fn = fn_abs, .params = {{"num", NUM, false}}},
    {.name = "ceil", .fn = fn_ceil, .params = {{"num", NUM, false}}},
    {.name = "floor", .fn = fn_floor, .params = {{"num", NUM, false}}},
    {.name = "signum", .fn = fn_signum, .params = {{"num", NUM, false}}},
    {.name = "log", .fn = fn_log, .params = {{"num", NUM, false}, {"base", NUM, false}}},
    {.name = "pow", .fn = fn_pow, .params = {{"num", NUM, false}, {"power", NUM, false}}},
    {.name = "max", .fn = fn_max, .rest = {"numbers", NUM, false}},
    {.name = "min", .fn = fn_min, .rest = {"numbers", NUM, false}},
    {.name = "parseint", .fn = fn_parseint, .params = {{"number", ANY, false}, {"base", NUM, false}}},
    {.name = "range", .fn = fn_range, .rest = {"params", NUM, false}},
    {0},
};
