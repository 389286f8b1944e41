// Conversion and unification of types, as go-cty does them.
#include "number.h"
#include "value.h"

static Err *convert(const HclValue **out, const HclValue *v, const HclType *want, Arena *mem);

char *mismatch_text(Arena *mem, const HclType *got, const HclType *want) {
    if (got->kind == HCL_OBJECT && want->kind == HCL_OBJECT) {
        for (size_t i = 0; i < want->len; i++) {
            bool found = false;
            for (size_t j = 0; j < got->len && !found; j++)
                found = cstr_eq(want->names[i], got->names[j]);
            if (!found)
                return arena_printf(mem, "attribute \"%s\" is required", want->names[i]);
        }
    }
    return arena_printf(mem, "%s required", hcl_type_name(mem, want));
}

static Err *mismatch(const HclValue *v, const HclType *want) {
    AutoArena tmp = arena_new(NULL);
    return err_new(E_INVALID, "%s", mismatch_text(tmp, v->type, want));
}

static Err *to_string(const HclValue **out, const HclValue *v, Arena *mem) {
    if (v->type->kind == HCL_NUMBER)
        *out = hcl_string(mem, hcl_number_text(mem, v->u.n));
    else if (v->type->kind == HCL_BOOL)
        *out = hcl_string(mem, v->u.b ? "true" : "false");
    else
        return mismatch(v, &hcl_type_string);
    return NULL;
}

static Err *to_number(const HclValue **out, const HclValue *v, Arena *mem) {
    if (v->type->kind != HCL_STRING)
        return mismatch(v, &hcl_type_number);
    *out = strlen(v->u.s.ptr) == v->u.s.len ? number_parse(mem, v->u.s.ptr) : NULL;
    return *out ? NULL : err_new(E_INVALID, "a number is required");
}

static Err *to_bool(const HclValue **out, const HclValue *v, Arena *mem) {
    if (v->type->kind != HCL_STRING)
        return mismatch(v, &hcl_type_bool);
    const char *s = v->u.s.ptr;
    if (cstr_eq(s, "true") || cstr_eq(s, "1"))
        *out = hcl_bool(mem, true);
    else if (cstr_eq(s, "false") || cstr_eq(s, "0"))
        *out = hcl_bool(mem, false);
    else
        return err_new(E_INVALID, "a bool is required");
    return NULL;
}

// The element type of a collection made of `v`, where the wanted one is dynamic.
static Err *element_type(const HclType **out, const HclValue *v, const HclType *want, Arena *mem) {
    if (want->elem->kind != HCL_DYNAMIC) {
        *out = want->elem;
        return NULL;
    }
    const HclType **types = NEW_ARRAY(mem, const HclType *, v->u.seq.len + 1);
    for (size_t i = 0; i < v->u.seq.len; i++)
        types[i] = v->u.seq.items[i]->type;
    *out = v->u.seq.len > 0 ? type_unify(mem, types, v->u.seq.len) : &hcl_type_dynamic;
    if (v->type->elem && v->u.seq.len == 0)
        *out = v->type->elem;
    if (*out)
        return NULL;
    return err_new(E_INVALID, "all %s elements must have the same type",
                   want->kind == HCL_MAP ? "map" : want->kind == HCL_SET ? "set" : "list");
}

static Err *to_sequence(const HclValue **out, const HclValue *v, const HclType *want, Arena *mem) {
    const HclType *elem;
    if (!type_is_sequence(v->type))
        return mismatch(v, want);
    TRY(element_type(&elem, v, want, mem));
    const HclValue **items = NEW_ARRAY(mem, const HclValue *, v->u.seq.len + 1);
    for (size_t i = 0; i < v->u.seq.len; i++)
        TRY(convert(&items[i], v->u.seq.items[i], elem, mem));
    *out = want->kind == HCL_LIST ? hcl_list(mem, elem, items, v->u.seq.len)
                                  : hcl_set(mem, elem, items, v->u.seq.len);
    return NULL;
}

static Err *to_tuple(const HclValue **out, const HclValue *v, const HclType *want, Arena *mem) {
    if (!type_is_sequence(v->type))
        return mismatch(v, want);
    if (v->u.seq.len != want->len)
        return err_new(E_INVALID, "tuple of %zu elements required", want->len);
    const HclValue **items = NEW_ARRAY(mem, const HclValue *, want->len + 1);
    for (size_t i = 0; i < want->len; i++)
        TRY(convert(&items[i], v->u.seq.items[i], want->items[i], mem));
    *out = hcl_tuple(mem, items, want->len);
    return NULL;
}

static Err *to_map(const HclValue **out, const HclValue *v, const HclType *want, Arena *mem) {
    const HclType *elem;
    HclFields f = {0};
    if (!type_is_keyed(v->type))
        return mismatch(v, want);
    TRY(element_type(&elem, v, want, mem));
    for (size_t i = 0; i < v->u.seq.len; i++) {
        const HclValue *item;
        TRY(convert(&item, v->u.seq.items[i], elem, mem));
        hcl_field(&f, mem, v->u.seq.keys[i], item);
    }
    *out = hcl_map(mem, elem, &f);
    return NULL;
}

static Err *to_object(const HclValue **out, const HclValue *v, const HclType *want, Arena *mem) {
    HclFields f = {0};
    if (!type_is_keyed(v->type))
        return mismatch(v, want);
    for (size_t i = 0; i < want->len; i++) {
        const HclValue *item = hcl_get(v, want->names[i]);
        if (!item)
            return err_new(E_INVALID, "attribute \"%s\" is required", want->names[i]);
        Err *e = convert(&item, item, want->items[i], mem);
        if (e)
            return err_wrap(e, "attribute \"%s\"", want->names[i]);
        hcl_field(&f, mem, want->names[i], item);
    }
    *out = hcl_object(mem, &f);
    return NULL;
}

static Err *convert(const HclValue **out, const HclValue *v, const HclType *want, Arena *mem) {
    if (want->kind == HCL_DYNAMIC || (v->type == want) ||
        (v->type->kind == want->kind && type_is_primitive(want))) {
        *out = v;
        return NULL;
    }
    if (v->null) {
        *out = hcl_null(mem, want);
        return NULL;
    }
    switch (want->kind) {
    case HCL_STRING: return to_string(out, v, mem);
    case HCL_NUMBER: return to_number(out, v, mem);
    case HCL_BOOL: return to_bool(out, v, mem);
    case HCL_LIST:
    case HCL_SET: return to_sequence(out, v, want, mem);
    case HCL_MAP: return to_map(out, v, want, mem);
    case HCL_TUPLE: return to_tuple(out, v, want, mem);
    case HCL_OBJECT: return to_object(out, v, want, mem);
    default: break;
    }
    if (hcl_type_equal(v->type, want)) {
        *out = v;
        return NULL;
    }
    return mismatch(v, want);
}

Err *hcl_convert(const HclValue **out, const HclValue *v, const HclType *want, Arena *mem) {
    return convert(out, v, want, mem);
}

// --- unification --------------------------------------------------------------------------------

static bool all_kinds(const HclType *const *types, size_t len, bool (*is)(const HclType *)) {
    for (size_t i = 0; i < len; i++)
        if (types[i]->kind != HCL_DYNAMIC && !is(types[i]))
            return false;
    return true;
}

static bool is_tuple(const HclType *t) { return t->kind == HCL_TUPLE; }
static bool is_object(const HclType *t) { return t->kind == HCL_OBJECT; }

// The unified type of one position of each structure (SIZE_MAX: of all elements of all).
static const HclType *unify_elements(Arena *mem, const HclType *const *types, size_t len,
                                     size_t at) {
    LIST(const HclType *) all = {0};
    for (size_t i = 0; i < len; i++) {
        const HclType *t = types[i];
        if (t->kind == HCL_DYNAMIC)
            continue;
        if (t->elem)
            list_push(&all, mem, t->elem);
        for (size_t j = 0; j < t->len; j++)
            if (at == SIZE_MAX || at == j)
                list_push(&all, mem, t->items[j]);
    }
    return all.len > 0 ? type_unify(mem, all.items, all.len) : &hcl_type_dynamic;
}

static const HclType *first_known(const HclType *const *types, size_t len) {
    for (size_t i = 0; i < len; i++)
        if (types[i]->kind != HCL_DYNAMIC)
            return types[i];
    return NULL;
}

static bool same_shape(const HclType *const *types, size_t len, const HclType *first) {
    for (size_t i = 0; i < len; i++) {
        const HclType *t = types[i];
        if (t->kind == HCL_DYNAMIC)
            continue;
        if (t->kind != first->kind || t->len != first->len)
            return false;
        for (size_t j = 0; first->names && j < t->len; j++)
            if (!cstr_eq(t->names[j], first->names[j]))
                return false;
    }
    return true;
}

static const HclType *unify_structure(Arena *mem, const HclType *const *types, size_t len,
                                      const HclType *first) {
    const HclType **items = NEW_ARRAY(mem, const HclType *, first->len + 1);
    for (size_t j = 0; j < first->len; j++) {
        items[j] = unify_elements(mem, types, len, j);
        if (!items[j])
            return NULL;
    }
    return first->names ? type_object(mem, first->names, items, first->len)
                        : type_tuple(mem, items, first->len);
}

static const HclType *unify_primitive(const HclType *const *types, size_t len,
                                      const HclType *first) {
    bool same = true, text = false;
    for (size_t i = 0; i < len; i++) {
        if (types[i]->kind == HCL_DYNAMIC)
            continue;
        same = same && types[i]->kind == first->kind;
        text = text || types[i]->kind == HCL_STRING;
    }
    return same ? first : text ? &hcl_type_string : NULL;
}

const HclType *type_unify(Arena *mem, const HclType *const *types, size_t len) {
    const HclType *first = first_known(types, len);
    if (!first)
        return &hcl_type_dynamic;
    bool equal = true;
    for (size_t i = 0; i < len && equal; i++)
        equal = types[i]->kind == HCL_DYNAMIC || hcl_type_equal(types[i], first);
    if (equal)
        return first;
    if (all_kinds(types, len, type_is_primitive))
        return unify_primitive(types, len, first);
    if ((all_kinds(types, len, is_tuple) || all_kinds(types, len, is_object)) &&
        same_shape(types, len, first))
        return unify_structure(mem, types, len, first);
    bool keyed = all_kinds(types, len, type_is_keyed);
    if (!keyed && !all_kinds(types, len, type_is_sequence))
        return NULL;
    HclKind kind = keyed ? HCL_MAP : HCL_LIST;
    if (!keyed && all_kinds(types, len, type_is_sequence) && first->kind == HCL_SET &&
        same_shape(types, len, first))
        kind = HCL_SET;
    const HclType *elem = unify_elements(mem, types, len, SIZE_MAX);
    return elem ? hcl_type_of(mem, kind, elem) : NULL;
}
