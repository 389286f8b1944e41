// Collections in order. "list" parameters take any sequence.
#include "eval.h"

static Err *need_sequence(Call *c, size_t i, const char *what) {
    if (type_is_sequence(c->args[i]->type))
        return NULL;
    return arg_error(c, i, "%s", what);
}

// A tuple from a tuple; a list with the elements' common type otherwise.
static const HclValue *like(Call *c, const HclValue *model, const HclValue *const *items,
                            size_t len) {
    if (model->type->kind == HCL_TUPLE || !model->type->elem)
        return hcl_tuple(c->mem, items, len);
    return hcl_list(c->mem, model->type->elem, items, len);
}

static Err *fn_alltrue(Call *c) {
    bool all = true;
    TRY(need_sequence(c, 0, "a list is required"));
    for (size_t i = 0; i < c->args[0]->u.seq.len; i++) {
        const HclValue *v = c->args[0]->u.seq.items[i];
        all = all && hcl_is(v, HCL_BOOL) && v->u.b;
    }
    c->out = hcl_bool(c->mem, all);
    return NULL;
}

static Err *fn_chunklist(Call *c) {
    const HclValue *list = c->args[0];
    int64_t size;
    ValueList out = {0};
    TRY(need_sequence(c, 0, "a list is required"));
    if (!hcl_number_int(c->args[1]->u.n, &size))
        return arg_error(c, 1, "invalid size: a whole number is required");
    if (size < 0)
        return arg_error(c, 1, "the size argument must be positive");
    size_t step = size == 0 ? list->u.seq.len : (size_t)size;
    for (size_t i = 0; i < list->u.seq.len; i += step) {
        size_t n = list->u.seq.len - i < step ? list->u.seq.len - i : step;
        list_push(&out, c->mem, like(c, list, list->u.seq.items + i, n));
        if (n < step)
            break;
    }
    if (list->type->elem)
        c->out = hcl_list(c->mem, hcl_type_of(c->mem, HCL_LIST, list->type->elem), out.items,
                          out.len);
    else
        c->out = hcl_tuple(c->mem, out.items, out.len);
    return NULL;
}

static Err *fn_coalescelist(Call *c) {
    if (c->count == 0)
        return err_new(E_INVALID, "at least one argument is required");
    for (size_t i = 0; i < c->count; i++) {
        if (c->args[i]->null)
            continue;
        if (!type_is_sequence(c->args[i]->type) || c->args[i]->type->kind == HCL_SET)
            return arg_error(c, i, "coalescelist arguments must be lists or tuples");
        if (c->args[i]->u.seq.len > 0) {
            c->out = c->args[i];
            return NULL;
        }
    }
    return err_new(E_INVALID, "no non-null arguments");
}

static Err *fn_compact(Call *c) {
    ValueList out = {0};
    for (size_t i = 0; i < c->args[0]->u.seq.len; i++) {
        const HclValue *v = c->args[0]->u.seq.items[i];
        if (!v->null && v->u.s.len > 0)
            list_push(&out, c->mem, v);
    }
    c->out = hcl_list(c->mem, &hcl_type_string, out.items, out.len);
    return NULL;
}

static Err *fn_concat(Call *c) {
    ValueList out = {0};
    const HclType *elem = NULL;
    bool lists = true;
    if (c->count == 0)
        return err_new(E_INVALID, "at least one argument is required");
    for (size_t i = 0; i < c->count; i++) {
        const HclValue *v = c->args[i];
        TRY(need_sequence(c, i, "all arguments must be lists or tuples; got something else"));
        lists = lists && v->type->elem && (!elem || hcl_type_equal(elem, v->type->elem));
        elem = v->type->elem;
        for (size_t j = 0; j < v->u.seq.len; j++)
            list_push(&out, c->mem, v->u.seq.items[j]);
    }
    c->out = lists ? hcl_list(c->mem, elem, out.items, out.len)
                   : hcl_tuple(c->mem, out.items, out.len);
    return NULL;
}

static bool loosely_equal(Call *c, const HclValue *a, const HclValue *b) {
    const HclType *types[2] = {a->type, b->type};
    const HclType *want = type_unify(c->mem, types, 2);
    if (!want)
        return false;
    AutoErr ea = hcl_convert(&a, a, want, c->mem);
    AutoErr eb = hcl_convert(&b, b, want, c->mem);
    return !ea && !eb && hcl_equal(a, b);
}

static Err *fn_contains(Call *c) {
    bool found = false;
    TRY(need_sequence(c, 0, "argument must be list, tuple, or set"));
    for (size_t i = 0; i < c->args[0]->u.seq.len && !found; i++)
        found = loosely_equal(c, c->args[0]->u.seq.items[i], c->args[1]);
    c->out = hcl_bool(c->mem, found);
    return NULL;
}

static Err *fn_distinct(Call *c) {
    ValueList out = {0};
    const HclValue *list = c->args[0];
    for (size_t i = 0; i < list->u.seq.len; i++) {
        bool seen = false;
        for (size_t j = 0; j < out.len && !seen; j++)
            seen = hcl_equal(out.items[j], list->u.seq.items[i]);
        if (!seen)
            list_push(&out, c->mem, list->u.seq.items[i]);
    }
    c->out = hcl_list(c->mem, list->type->elem, out.items, out.len);
    return NULL;
}

static Err *fn_element(Call *c) {
    const HclValue *list = c->args[0];
    int64_t i;
    if (list->type->kind != HCL_LIST && list->type->kind != HCL_TUPLE)
        return arg_error(c, 0, "cannot read elements from %s", hcl_type_name(c->mem, list->type));
    if (!hcl_number_int(c->args[1]->u.n, &i))
        return arg_error(c, 1, "invalid index: a whole number is required");
    if (list->u.seq.len == 0)
        return arg_error(c, 0, "cannot use element function with an empty list");
    if (i < 0)
        return arg_error(c, 1, "cannot use element function with a negative index");
    c->out = list->u.seq.items[(uint64_t)i % list->u.seq.len];
    return NULL;
}

static Err *fn_empty(Call *c) {
    HclKind kind = c->args[0]->type->kind;
    if (!type_is_sequence(c->args[0]->type) && kind != HCL_MAP)
        return err_new(E_INVALID, "collection must be a list, a map or a tuple");
    c->out = hcl_bool(c->mem, c->args[0]->u.seq.len == 0);
    return NULL;
}

static void flatten(ValueList *out, const HclValue *v, Arena *mem) {
    for (size_t i = 0; i < v->u.seq.len; i++) {
        const HclValue *item = v->u.seq.items[i];
        if (!item->null && type_is_sequence(item->type))
            flatten(out, item, mem);
        else
            list_push(out, mem, item);
    }
}

static Err *fn_flatten(Call *c) {
    ValueList out = {0};
    TRY(need_sequence(c, 0, "can only flatten lists, sets and tuples"));
    flatten(&out, c->args[0], c->mem);
    c->out = hcl_tuple(c->mem, out.items, out.len);
    return NULL;
}

static Err *fn_index(Call *c) {
    const char *summary = "", *reason = "";
    c->out = value_element(c->mem, c->args[0], c->args[1], &summary, &reason);
    if (c->out)
        return NULL;
    size_t len = strlen(reason);
    return err_new(E_INVALID, "%.*s", (int)(len > 0 && reason[len - 1] == '.' ? len - 1 : len),
                   reason);
}

static Err *need_keyed(Call *c, size_t i) {
    if (type_is_keyed(c->args[i]->type))
        return NULL;
    return arg_error(c, i, "must have map or object type");
}

static Err *fn_keys(Call *c) {
    ValueList out = {0};
    const HclValue *m = c->args[0];
    TRY(need_keyed(c, 0));
    for (size_t i = 0; i < m->u.seq.len; i++)
        list_push(&out, c->mem, hcl_string(c->mem, m->u.seq.keys[i]));
    c->out = m->type->kind == HCL_MAP ? hcl_list(c->mem, &hcl_type_string, out.items, out.len)
                                      : hcl_tuple(c->mem, out.items, out.len);
    return NULL;
}

static Err *fn_values(Call *c) {
    const HclValue *m = c->args[0];
    TRY(need_keyed(c, 0));
    c->out = m->type->kind == HCL_MAP
                 ? hcl_list(c->mem, m->type->elem, m->u.seq.items, m->u.seq.len)
                 : hcl_tuple(c->mem, m->u.seq.items, m->u.seq.len);
    return NULL;
}

static Err *fn_length(Call *c) {
    const HclType *t = c->args[0]->type;
    if (!type_is_sequence(t) && t->kind != HCL_MAP)
        return arg_error(c, 0, "collection must be a list, a map or a tuple");
    c->out = hcl_int(c->mem, (int64_t)c->args[0]->u.seq.len);
    return NULL;
}

static Err *fn_merge(Call *c) {
    HclFields f = {0};
    const HclType *elem = NULL;
    bool maps = true;
    for (size_t i = 0; i < c->count; i++) {
        const HclValue *m = c->args[i];
        if (m->null)
            continue;
        if (!type_is_keyed(m->type))
            return arg_error(c, i, "arguments must be maps or objects, got \"%s\"",
                             hcl_type_name(c->mem, m->type));
        maps = maps && m->type->elem && (!elem || hcl_type_equal(elem, m->type->elem));
        elem = m->type->elem;
        for (size_t j = 0; j < m->u.seq.len; j++)
            hcl_field(&f, c->mem, m->u.seq.keys[j], m->u.seq.items[j]);
    }
    c->out = maps && elem ? hcl_map(c->mem, elem, &f) : hcl_object(c->mem, &f);
    return NULL;
}

static Err *fn_reverse(Call *c) {
    const HclValue *list = c->args[0];
    TRY(need_sequence(c, 0, "can only reverse list or tuple values"));
    size_t len = list->u.seq.len;
    const HclValue **items = NEW_ARRAY(c->mem, const HclValue *, len + 1);
    for (size_t i = 0; i < len; i++)
        items[i] = list->u.seq.items[len - 1 - i];
    c->out = like(c, list, items, len);
    return NULL;
}

static Err *fn_slice(Call *c) {
    const HclValue *list = c->args[0];
    int64_t from, to, len = (int64_t)list->u.seq.len;
    if (list->type->kind != HCL_LIST && list->type->kind != HCL_TUPLE)
        return arg_error(c, 0, "must be a list or tuple value");
    if (!hcl_number_int(c->args[1]->u.n, &from) || from < 0)
        return arg_error(c, 1, "start index must not be less than zero");
    if (!hcl_number_int(c->args[2]->u.n, &to) || to > len)
        return arg_error(c, 2, "end index must not be greater than the length of the list");
    if (from > to)
        return arg_error(c, 1, "start index must not be greater than end index");
    c->out = like(c, list, list->u.seq.items + from, (size_t)(to - from));
    return NULL;
}

static Err *fn_sort(Call *c) {
    const HclValue *list = c->args[0];
    size_t len = list->u.seq.len;
    const HclValue **items = NEW_ARRAY(c->mem, const HclValue *, len + 1);
    for (size_t i = 0; i < len; i++) {
        if (list->u.seq.items[i]->null)
            return arg_error(c, 0, "given list element %zu is null; a null string cannot be sorted",
                             i);
        items[i] = list->u.seq.items[i];
    }
    for (size_t i = 1; i < len; i++) // stable, and lists are short
        for (size_t j = i; j > 0 && value_order(items[j - 1], items[j]) > 0; j--) {
            const HclValue *v = items[j];
            items[j] = items[j - 1];
            items[j - 1] = v;
        }
    c->out = hcl_list(c->mem, &hcl_type_string, items, len);
    return NULL;
}

static Err *fn_zipmap(Call *c) {
    const HclValue *keys = c->args[0], *values = c->args[1];
    HclFields f = {0};
    TRY(need_sequence(c, 1, "values argument must be a list or tuple value"));
    if (keys->u.seq.len != values->u.seq.len)
        return err_new(E_INVALID, "number of keys (%zu) does not match number of values (%zu)",
                       keys->u.seq.len, values->u.seq.len);
    for (size_t i = 0; i < keys->u.seq.len; i++) {
        if (keys->u.seq.items[i]->null)
            return arg_error(c, 0, "element %zu is null", i);
        hcl_field(&f, c->mem, hcl_text(keys->u.seq.items[i]), values->u.seq.items[i]);
    }
    c->out = values->type->elem ? hcl_map(c->mem, values->type->elem, &f) : hcl_object(c->mem, &f);
    return NULL;
}

#define LIST_ANY &type_list_any
#define LIST_TEXT &type_list_string

const Function functions_list[] = {
    {.name = "alltrue", .fn = fn_alltrue, .params = {{"list", ANY, false}}},
    {.name = "chunklist", .fn = fn_chunklist, .params = {{"list", ANY, false}, {"size", NUM, false}}},
    {.name = "coalescelist", .fn = fn_coalescelist, .rest = {"vals", ANY, true}},
    {.name = "compact", .fn = fn_compact, .params = {{"list", LIST_TEXT, false}}},
    {.name = "concat", .fn = fn_concat, .rest = {"seqs", ANY, false}},
    {.name = "contains", .fn = fn_contains, .params = {{"list", ANY, false}, {"value", ANY, false}}},
    {.name = "distinct", .fn = fn_distinct, .params = {{"list", LIST_ANY, false}}},
    {.name = "element", .fn = fn_element, .params = {{"list", ANY, false}, {"index", NUM, false}}},
    {.name = "empty", .fn = fn_empty, .params = {{"collection", ANY, false}}},
    {.name = "flatten", .fn = fn_flatten, .params = {{"list", ANY, false}}},
    {.name = "index", .fn = fn_index, .params = {{"collection", ANY, false}, {"key", ANY, false}}},
    {.name = "keys", .fn = fn_keys, .params = {{"inputMap", ANY, false}}},
    {.name = "values", .fn = fn_values, .params = {{"mapping", ANY, false}}},
    {.name = "length", .fn = fn_length, .params = {{"collection", ANY, false}}},
    {.name = "merge", .fn = fn_merge, .rest = {"maps", ANY, true}},
    {.name = "reverse", .fn = fn_reverse, .params = {{"list", ANY, false}}},
    {.name = "slice", .fn = fn_slice,
     .params = {{"list", ANY, false}, {"start_index", NUM, false}, {"end_index", NUM, false}}},
    {.name = "sort", .fn = fn_sort, .params = {{"list", LIST_TEXT, false}}},
    {.name = "zipmap", .fn = fn_zipmap, .params = {{"keys", LIST_TEXT, false}, {"values", ANY, false}}},
    {0},
};
