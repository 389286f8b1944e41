// `variable` blocks: types, defaults, inputs.
#include "document.h"

static Err *type_error(const HclExpr *x, const char *text, const char *name) {
    return hcl_error(&x->range,
                     "invalid type \"%s\" for variable \"%s\". Valid types are: string, number, "
                     "bool, list, map, or set", text, name);
}

static Err *read_type(const HclType **out, const HclExpr *x, const char *name, Arena *mem);

static Err *read_word(const HclType **out, const HclExpr *x, const char *word) {
    static const struct {
        const char *word;
        const HclType *type;
    } words[] = {{"string", &hcl_type_string}, {"number", &hcl_type_number},
                 {"int", &hcl_type_number}, {"bool", &hcl_type_bool}};
    for (size_t i = 0; i < COUNT_OF(words); i++) {
        if (!cstr_eq(words[i].word, word))
            continue;
        *out = words[i].type;
        return NULL;
    }
    return hcl_error(&x->range, "Unknown variable.type; There is no type named \"%s\".", word);
}

static Err *read_tuple(const HclType **out, const HclExpr *x, const char *name, Arena *mem) {
    const HclType **items = NEW_ARRAY(mem, const HclType *, x->u.items.len + 1);
    for (size_t i = 0; i < x->u.items.len; i++)
        TRY(read_type(&items[i], x->u.items.items[i], name, mem));
    *out = type_tuple(mem, items, x->u.items.len);
    return NULL;
}

static int by_name(const void *a, const void *b) {
    return strcmp((*(const ObjectItem *const *)a)->word, (*(const ObjectItem *const *)b)->word);
}

static Err *read_object(const HclType **out, const HclExpr *x, const char *name, Arena *mem) {
    size_t len = x->u.object.len;
    const ObjectItem **order = NEW_ARRAY(mem, const ObjectItem *, len + 1);
    const char **names = NEW_ARRAY(mem, const char *, len + 1);
    const HclType **items = NEW_ARRAY(mem, const HclType *, len + 1);
    for (size_t i = 0; i < len; i++) {
        order[i] = &x->u.object.items[i];
        if (!order[i]->word)
            return type_error(order[i]->key, "object", name);
    }
    if (len > 1)
        qsort(order, len, sizeof *order, by_name);
    for (size_t i = 0; i < len; i++) {
        names[i] = order[i]->word;
        TRY(read_type(&items[i], order[i]->value, name, mem));
    }
    *out = type_object(mem, names, items, len);
    return NULL;
}

static Err *read_call(const HclType **out, const HclExpr *x, const char *name, Arena *mem) {
    static const struct {
        const char *word;
        HclKind kind;
    } words[] = {{"list", HCL_LIST}, {"set", HCL_SET}, {"map", HCL_MAP}};
    const char *fn = x->u.call.name;
    const HclExpr *arg = x->u.call.args.len == 1 ? x->u.call.args.items[0] : NULL;
    if (!arg)
        return type_error(x, fn, name);
    if (cstr_eq(fn, "tuple") && arg->kind == X_TUPLE)
        return read_tuple(out, arg, name, mem);
    if (cstr_eq(fn, "object") && arg->kind == X_OBJECT)
        return read_object(out, arg, name, mem);
    for (size_t i = 0; i < COUNT_OF(words); i++) {
        const HclType *elem;
        if (!cstr_eq(words[i].word, fn))
            continue;
        TRY(read_type(&elem, arg, name, mem));
        *out = hcl_type_of(mem, words[i].kind, elem);
        return NULL;
    }
    return type_error(x, fn, name);
}

static Err *read_type(const HclType **out, const HclExpr *x, const char *name, Arena *mem) {
    const char *text = hcl_expr_literal(x), *word = hcl_expr_word(x);
    if (text)
        return type_error(x, text, name);
    if (word)
        return read_word(out, x, word);
    if (x->kind == X_CALL)
        return read_call(out, x, name, mem);
    return type_error(x, "expression", name);
}

static Err *check_members(const HclBlock *b) {
    static const char *const known[] = {"type", "default", "description"};
    for (size_t i = 0; i < b->body->attrs.len; i++) {
        const HclAttr *a = b->body->attrs.items[i];
        bool ok = false;
        for (size_t j = 0; j < COUNT_OF(known); j++)
            ok = ok || cstr_eq(known[j], a->name);
        if (!ok)
            return hcl_error(&a->name_range, "Unsupported argument; An argument named \"%s\" is "
                             "not expected here.", a->name);
    }
    if (b->body->blocks.len > 0) {
        const HclBlock *inner = b->body->blocks.items[0];
        return hcl_error(&inner->type_range, "Unsupported block type; Blocks of type \"%s\" are "
                         "not expected here.", inner->type);
    }
    if (!hcl_body_attr(b->body, "type")) {
        HclRange r = b->body->range;
        r.end = r.start;
        return hcl_error(&r, "Missing required argument; The argument \"type\" is required, but "
                         "no definition was found.");
    }
    return NULL;
}

// A lone value where a list is due counts as the list of it.
static const HclValue *wrap_lone(const HclValue *v, const HclType *type, Arena *mem) {
    if (type->kind != HCL_LIST || v->null || !type_is_primitive(v->type))
        return v;
    return hcl_tuple(mem, &v, 1);
}

static Err *read_value(const HclValue **out, const Doc *d, const HclBlock *b, const char *name) {
    const HclType *type;
    const HclValue *v = d->o->inputs ? map_get(d->o->inputs, name) : NULL;
    const HclAttr *preset = hcl_body_attr(b->body, "default");
    HclRange where = b->range;
    TRY(read_type(&type, hcl_body_attr(b->body, "type")->expr, name, d->mem));
    if (!v && preset) {
        HclScope none;
        hcl_scope_init(&none, NULL, d->mem);
        TRY(hcl_eval(&v, preset->expr, &none, &d->o->env, d->mem));
        where = preset->expr->range;
    }
    if (!v)
        return hcl_error(&where, "missing value for required variable \"%s\"", name);
    Err *err = hcl_convert(out, wrap_lone(v, type, d->mem), type, d->mem);
    if (err)
        return hcl_locate(err_set_code(err_wrap(err, "variable \"%s\"", name), E_CONFIG), &where);
    return NULL;
}

Err *variables_read(const HclValue **out, const Doc *d) {
    HclFields f = {0};
    Map seen;
    map_init(&seen, d->mem);
    for (size_t i = 0; i < d->files.len; i++) {
        const HclBody *body = d->files.items[i]->body;
        for (size_t j = 0; j < body->blocks.len; j++) {
            HclBlock *b = body->blocks.items[j];
            const HclValue *v;
            if (!cstr_eq(b->type, "variable"))
                continue;
            if (b->labels.len != 1)
                return hcl_error(&b->range, b->labels.len == 0
                                                ? "Missing name for variable; All variable blocks "
                                                  "must have 1 labels (name)."
                                                : "Extraneous label for variable; Only 1 labels "
                                                  "(name) are expected for variable blocks.");
            if (map_has(&seen, b->labels.items[0]))
                return hcl_error(&b->range, "variable \"%s\" is declared twice",
                                 b->labels.items[0]);
            map_set(&seen, b->labels.items[0], b);
            TRY(check_members(b));
            TRY(read_value(&v, d, b, b->labels.items[0]));
            hcl_field(&f, d->mem, b->labels.items[0], v);
        }
    }
    *out = hcl_object(d->mem, &f);
    return NULL;
}
