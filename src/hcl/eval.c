// Expressions to values. A failed part yields NULL and a diagnostic; its siblings are evaluated
// all the same, so that one run tells of all errors.
#include "eval.h"

void hcl_scope_init(HclScope *s, const HclScope *parent, Arena *mem) {
    s->parent = parent;
    map_init(&s->vars, mem);
}

void hcl_scope_set(HclScope *s, const char *name, const HclValue *v) {
    map_set(&s->vars, name, (void *)(uintptr_t)v);
}

static const HclValue *scope_find(const HclScope *s, const char *name) {
    for (; s; s = s->parent) {
        const HclValue *v = map_get(&s->vars, name);
        if (v)
            return v;
    }
    return NULL;
}

// --- attributes and elements --------------------------------------------------------------------

const HclValue *value_attr(Eval *e, const HclValue *v, const char *name, const HclRange *range) {
    static const char summary[] = "Unsupported attribute";
    if (v->null) {
        diag_add(e->diags, range, "Attempt to get attribute from null value",
                 "This value is null, so it does not have any attributes.");
        return NULL;
    }
    const HclValue *item = hcl_get(v, name);
    if (item)
        return item;
    HclKind kind = v->type->kind;
    if (kind == HCL_OBJECT)
        diag_add(e->diags, range, summary, "This object does not have an attribute named \"%s\".",
                 name);
    else if (kind == HCL_MAP)
        diag_add(e->diags, range, "Missing map element",
                 "This map does not have an element with the key \"%s\".", name);
    else if (type_is_primitive(v->type))
        diag_add(e->diags, range, summary,
                 "Can't access attributes on a primitive-typed value (%s).",
                 hcl_type_name(e->mem, v->type));
    else
        diag_add(e->diags, range, summary, "This value does not have any attributes.");
    return NULL;
}

static const char *no_such_index(Arena *mem, const HclValue *v, const HclNumber *n) {
    static const char lead[] = "The given key does not identify an element in this collection "
                               "value: ";
    if (!number_is_whole(n))
        return arena_printf(mem, "%sindexing a sequence requires a whole number, but the given "
                            "index (%s) has a fractional part.", lead, hcl_number_text(mem, n));
    if (hcl_number_real(n) < 0)
        return arena_printf(mem, "%sa negative number is not a valid index for a sequence.", lead);
    if (v->u.seq.len == 0)
        return arena_printf(mem, "%sthe collection has no elements.", lead);
    return arena_printf(mem, "%sthe given index is greater than or equal to the length of the "
                        "collection.", lead);
}

static const HclValue *sequence_element(Arena *mem, const HclValue *v, const HclValue *key,
                                        const char **reason) {
    int64_t i;
    if (!hcl_number_int(key->u.n, &i) || i < 0 || (uint64_t)i >= v->u.seq.len) {
        *reason = no_such_index(mem, v, key->u.n);
        return NULL;
    }
    return v->u.seq.items[i];
}

const HclValue *value_element(Arena *mem, const HclValue *v, const HclValue *key,
                              const char **summary, const char **reason) {
    *summary = "Invalid index";
    if (v->null) {
        *summary = "Attempt to index null value";
        *reason = "This value is null, so it does not have any indices.";
        return NULL;
    }
    if (key->null) {
        *reason = "Can't use a null value as an indexing key.";
        return NULL;
    }
    bool keyed = type_is_keyed(v->type);
    if (v->type->kind == HCL_SET) {
        *reason = "Elements of a set are identified only by their value and don't have any "
                  "separate index or key to select with, so it's only possible to perform "
                  "operations across all elements of the set.";
        return NULL;
    }
    if (!keyed && v->type->kind != HCL_LIST && v->type->kind != HCL_TUPLE) {
        *reason = "This value does not have any indices.";
        return NULL;
    }
    AutoErr err = hcl_convert(&key, key, keyed ? &hcl_type_string : &hcl_type_number, mem);
    if (err) {
        *reason = arena_printf(mem, "The given key does not identify an element in this "
                               "collection value: %s.", err_text(err));
        return NULL;
    }
    if (!keyed)
        return sequence_element(mem, v, key, reason);
    const HclValue *item = hcl_get(v, hcl_text(key));
    if (!item)
        *reason = "The given key does not identify an element in this collection value.";
    return item;
}

const HclValue *value_index(Eval *e, const HclValue *v, const HclValue *key,
                            const HclRange *range) {
    const char *summary = "", *reason = "";
    const HclValue *item = value_element(e->mem, v, key, &summary, &reason);
    if (!item)
        diag_add(e->diags, range, summary, "%s", reason);
    return item;
}

static const HclValue *walk(Eval *e, const HclValue *v, const Steps *steps) {
    for (size_t i = 0; v && i < steps->len; i++) {
        const Step *s = &steps->items[i];
        v = s->name ? value_attr(e, v, s->name, &s->range) : value_index(e, v, s->key, &s->range);
    }
    return v;
}

// --- variables ----------------------------------------------------------------------------------

static const char *suggest_variable(Eval *e, const char *name) {
    for (const HclScope *s = e->scope; s; s = s->parent)
        for (size_t i = 0; i < s->vars.len; i++)
            if (cstr_distance(name, s->vars.entries[i].key, 3) < 3)
                return arena_printf(e->mem, " Did you mean \"%s\"?", s->vars.entries[i].key);
    return "";
}

static const HclValue *unknown_word(Eval *e, const HclExpr *x, const char *reason) {
    const char *last = strrchr(e->path, '.');
    const char *from = last;
    while (from > e->path && from[-1] != '.')
        from--;
    const char *noun = last ? last + 1 : e->path;
    if (reason)
        diag_add(e->diags, &x->range, arena_printf(e->mem, "Unknown %s", from ? from : noun), "%s",
                 reason);
    else
        diag_add(e->diags, &x->range, arena_printf(e->mem, "Unknown %s", from ? from : noun),
                 "There is no %s named \"%s\".", noun, x->u.walk.root);
    return NULL;
}

static char *walk_text(Arena *mem, const HclExpr *x) {
    Buf b;
    buf_init(&b, mem, BUF_MAX_TEXT);
    buf_str(&b, x->u.walk.root);
    for (size_t i = 0; i < x->u.walk.steps.len; i++) {
        const Step *s = &x->u.walk.steps.items[i];
        if (s->name)
            buf_printf(&b, ".%s", s->name);
        else if (s->key->type->kind == HCL_STRING)
            buf_printf(&b, "[\"%s\"]", hcl_text(s->key));
        else
            buf_printf(&b, "[%s]", hcl_number_text(mem, s->key->u.n));
    }
    return b.ptr;
}

static const HclValue *has_word(Eval *e, const HclExpr *x, const char **reason, bool *scoped) {
    *scoped = e->words && e->path && e->words->has(e->words->ctx, e->path);
    if (!*scoped || x->u.walk.steps.len > 0)
        return NULL;
    return e->words->word(e->words->ctx, e->path, x->u.walk.root, reason, e->mem);
}

static const HclValue *eval_variable(Eval *e, const HclExpr *x) {
    const char *root = x->u.walk.root, *reason = NULL;
    bool scoped;
    const HclValue *v = has_word(e, x, &reason, &scoped);
    if (v)
        return v;
    v = reason ? NULL : scope_find(e->scope, root);
    if (!v && scoped && x->u.walk.steps.len == 0)
        return unknown_word(e, x, reason);
    bool data = cstr_eq(root, "data"), local = cstr_eq(root, "local");
    size_t before = e->diags->list.len;
    if (!v)
        diag_add(e->diags, &x->u.walk.root_range, "Unknown variable",
                 "There is no variable named \"%s\".%s", root, suggest_variable(e, root));
    else
        v = walk(e, v, &x->u.walk.steps);
    if (!v && (data || local) && x->u.walk.steps.len > 0) {
        Diag *d = &e->diags->list.items[before];
        d->summary = data ? "Unknown data source" : "Unknown local";
        d->detail = arena_printf(e->diags->mem, "%s does not exist", walk_text(e->mem, x));
    }
    return v;
}

// --- templates ----------------------------------------------------------------------------------

bool template_add(Eval *e, Buf *out, const HclExpr *part) {
    static const char summary[] = "Invalid template interpolation value";
    const HclValue *v = eval(e, part);
    if (!v)
        return false;
    if (v->null) {
        diag_add(e->diags, &part->range, summary,
                 "The expression result is null. Cannot include a null value in a string "
                 "template.");
        return false;
    }
    AutoErr err = hcl_convert(&v, v, &hcl_type_string, e->mem);
    if (err) {
        diag_add(e->diags, &part->range, summary,
                 "Cannot include the given value in a string template: %s.", err_text(err));
        return false;
    }
    buf_add(out, v->u.s.ptr, v->u.s.len);
    return true;
}

static const HclValue *eval_template(Eval *e, const HclExpr *x) {
    Buf b;
    bool ok = true;
    if (x->u.items.len == 1 && x->u.items.items[0]->kind == X_LITERAL)
        return x->u.items.items[0]->u.literal;
    buf_init(&b, e->mem, BUF_MAX_TEXT);
    for (size_t i = 0; i < x->u.items.len; i++)
        ok = template_add(e, &b, x->u.items.items[i]) && ok;
    return ok ? hcl_bytes(e->mem, buf_view(&b)) : NULL;
}

static const HclValue *eval_join(Eval *e, const HclExpr *x) {
    const HclValue *parts = eval(e, x->u.inner);
    Buf b;
    if (!parts)
        return NULL;
    buf_init(&b, e->mem, BUF_MAX_TEXT);
    for (size_t i = 0; i < parts->u.seq.len; i++)
        buf_add(&b, parts->u.seq.items[i]->u.s.ptr, parts->u.seq.items[i]->u.s.len);
    return hcl_bytes(e->mem, buf_view(&b));
}

// --- constructors -------------------------------------------------------------------------------

static const HclValue *eval_tuple(Eval *e, const HclExpr *x) {
    ValueList items = {0};
    for (size_t i = 0; i < x->u.items.len; i++) {
        const HclValue *v = eval(e, x->u.items.items[i]);
        if (v)
            list_push(&items, e->mem, v);
    }
    return items.len == x->u.items.len ? hcl_tuple(e->mem, items.items, items.len) : NULL;
}

static const HclValue *object_key(Eval *e, const ObjectItem *item) {
    const HclValue *key = eval(e, item->key);
    if (!key)
        return NULL;
    if (key->null) {
        diag_add(e->diags, &item->value->range, "Null value as key",
                 "Can't use a null value as a key.");
        return NULL;
    }
    AutoErr err = hcl_convert(&key, key, &hcl_type_string, e->mem);
    if (!err)
        return key;
    diag_add(e->diags, &item->key->range, "Incorrect key type",
             "Can't use this value as a key: %s.", err_text(err));
    return NULL;
}

static const HclValue *eval_object(Eval *e, const HclExpr *x) {
    HclFields f = {0};
    for (size_t i = 0; i < x->u.object.len; i++) {
        const HclValue *key = object_key(e, &x->u.object.items[i]);
        const HclValue *v = eval(e, x->u.object.items[i].value);
        if (key && v)
            hcl_field(&f, e->mem, hcl_text(key), v);
    }
    return f.keys.len == x->u.object.len ? hcl_object(e->mem, &f) : NULL;
}

static const HclValue *eval_splat(Eval *e, const HclExpr *x) {
    const HclValue *source = eval(e, x->u.splat.source);
    ValueList out = {0};
    if (!source)
        return NULL;
    bool sequence = type_is_sequence(source->type);
    if (source->null && sequence) {
        diag_add(e->diags, &x->u.splat.source->range, "Splat of null value",
                 "Splat expressions (with the * symbol) cannot be applied to null sequences.");
        return NULL;
    }
    if (source->null)
        return hcl_tuple(e->mem, NULL, 0);
    size_t count = sequence ? source->u.seq.len : 1;
    SplatFrame frame = {.item = x->u.splat.item, .parent = e->splat};
    e->splat = &frame;
    for (size_t i = 0; i < count; i++) {
        frame.value = sequence ? source->u.seq.items[i] : source;
        const HclValue *v = eval(e, x->u.splat.each);
        if (v)
            list_push(&out, e->mem, v);
    }
    e->splat = frame.parent;
    if (out.len != count)
        return NULL;
    const HclValue *tuple = hcl_tuple(e->mem, out.items, out.len);
    if (source->type->kind == HCL_TUPLE || !sequence)
        return tuple;
    // A list or set gives a list where the elements agree.
    const HclType *elem = type_unify(e->mem, tuple->type->items, out.len);
    for (size_t i = 0; elem && i < out.len; i++)
        if (!hcl_type_equal(elem, tuple->type->items[i]))
            elem = NULL;
    return elem ? hcl_list(e->mem, elem, out.items, out.len) : tuple;
}

static const HclValue *splat_value(const Eval *e, const HclExpr *x) {
    for (const SplatFrame *f = e->splat; f; f = f->parent)
        if (f->item == x)
            return f->value;
    BUG("splat item outside its splat");
}

static const HclValue *eval_index(Eval *e, const HclExpr *x) {
    const HclValue *v = eval(e, x->u.index.source), *key = eval(e, x->u.index.key);
    if (!v || !key)
        return NULL;
    HclRange range = range_between(x->start, x->range);
    return value_index(e, v, key, &range);
}

static const HclValue *eval_relative(Eval *e, const HclExpr *x) {
    const HclValue *v = eval(e, x->u.walk.source);
    return v ? walk(e, v, &x->u.walk.steps) : NULL;
}

static const HclValue *dispatch(Eval *e, const HclExpr *x) {
    switch (x->kind) {
    case X_LITERAL: return x->u.literal;
    case X_TEMPLATE: return eval_template(e, x);
    case X_WRAP:
    case X_PAREN: return eval(e, x->u.inner);
    case X_JOIN: return eval_join(e, x);
    case X_VARIABLE: return eval_variable(e, x);
    case X_RELATIVE: return eval_relative(e, x);
    case X_CALL: return eval_call(e, x);
    case X_CONDITIONAL: return eval_conditional(e, x);
    case X_BINARY: return eval_binary(e, x);
    case X_UNARY: return eval_unary(e, x);
    case X_INDEX: return eval_index(e, x);
    case X_SPLAT: return eval_splat(e, x);
    case X_SPLAT_ITEM: return splat_value(e, x);
    case X_TUPLE: return eval_tuple(e, x);
    case X_OBJECT: return eval_object(e, x);
    case X_FOR: return eval_for(e, x);
    }
    BUG("expression of kind %d", (int)x->kind);
}

const HclValue *eval(Eval *e, const HclExpr *x) {
    if (e->depth >= EVAL_MAX_DEPTH || ++e->steps > EVAL_MAX_STEPS) {
        diag_add(e->diags, &x->range, "Evaluation limit reached",
                 e->depth >= EVAL_MAX_DEPTH ? "The expression refers to too many others."
                                            : "The expression takes too many steps.");
        return NULL;
    }
    e->depth++;
    const HclValue *v = dispatch(e, x);
    e->depth--;
    AutoErr err = v ? value_check_size(v) : NULL;
    if (!err)
        return v;
    diag_add(e->diags, &x->range, "Evaluation limit reached", "%s", err_text(err));
    return NULL;
}

Err *hcl_eval(const HclValue **out, const HclExpr *x, const HclScope *scope, const HclEnv *env,
              Arena *mem) {
    AutoArena tmp = arena_new(NULL);
    Diags diags = {.mem = tmp};
    Eval e = {.scope = scope, .env = env, .diags = &diags, .mem = mem};
    const HclValue *v = eval(&e, x);
    TRY(diag_err(&diags));
    *out = v;
    return NULL;
}
