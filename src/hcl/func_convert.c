// tobool tonumber tostring tolist toset, sql
#include "eval.h"

static Err *cannot(Call *c, const char *want) {
    return arg_error(c, 0, "cannot convert %s to %s", hcl_type_name(c->mem, c->args[0]->type), want);
}

static Err *to_type(Call *c, const HclType *want, const char *name, const char *text_hint) {
    const HclValue *v = c->args[0];
    AutoErr err = hcl_convert(&c->out, v, want, c->mem);
    if (!err)
        return NULL;
    if (hcl_is(v, HCL_STRING) && text_hint)
        return arg_error(c, 0, "cannot convert \"%s\" to %s; %s", hcl_text(v), name, text_hint);
    return cannot(c, name);
}

static Err *fn_tobool(Call *c) {
    return to_type(c, &hcl_type_bool, "bool",
                   "only the strings \"true\" or \"false\" are allowed");
}

static Err *fn_tonumber(Call *c) {
    return to_type(c, &hcl_type_number, "number",
                   "given string must be a decimal representation of a number");
}

static Err *fn_tostring(Call *c) { return to_type(c, &hcl_type_string, "string", NULL); }
static Err *fn_tolist(Call *c) { return to_type(c, &type_list_any, "list of any single type", NULL); }
static Err *fn_toset(Call *c) { return to_type(c, &type_set_any, "set of any single type", NULL); }

static Err *fn_sql(Call *c) {
    if (c->args[0]->u.s.len == 0)
        return err_new(E_INVALID, "empty expression");
    c->out = hcl_capsule(c->mem, &hcl_type_sql, arg_text(c, 0));
    return NULL;
}

const Function functions_convert[] = {
    {.name = "tobool", .fn = fn_tobool, .params = {{"v", ANY, true}}},
    {.name = "tonumber", .fn = fn_tonumber, .params = {{"v", ANY, true}}},
    {.name = "tostring", .fn = fn_tostring, .params = {{"v", ANY, true}}},
    {.name = "tolist", .fn = fn_tolist, .params = {{"v", ANY, true}}},
    {.name = "toset", .fn = fn_toset, .params = {{"v", ANY, true}}},
    {.name = "sql", .fn = fn_sql, .params = {{"def", TEXT, false}}},
    {0},
};
