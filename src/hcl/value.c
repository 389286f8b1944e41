// Types and values: construction, equality, order.
#include "value.h"

#include "number.h"

const HclType hcl_type_dynamic = {.kind = HCL_DYNAMIC};
const HclType hcl_type_string = {.kind = HCL_STRING};
const HclType hcl_type_number = {.kind = HCL_NUMBER};
const HclType hcl_type_bool = {.kind = HCL_BOOL};
const HclType hcl_type_ref = {.kind = HCL_CAPSULE, .capsule = "ref"};
const HclType hcl_type_sql = {.kind = HCL_CAPSULE, .capsule = "raw"};
const HclType hcl_type_word = {.kind = HCL_CAPSULE, .capsule = "type"};

bool type_is_primitive(const HclType *t) {
    return t->kind == HCL_STRING || t->kind == HCL_NUMBER || t->kind == HCL_BOOL;
}

bool type_is_sequence(const HclType *t) {
    return t->kind == HCL_LIST || t->kind == HCL_SET || t->kind == HCL_TUPLE;
}

bool type_is_keyed(const HclType *t) { return t->kind == HCL_MAP || t->kind == HCL_OBJECT; }

const HclType *hcl_type_of(Arena *mem, HclKind collection, const HclType *elem) {
    HclType *t = NEW(mem, HclType);
    *t = (HclType){.kind = collection, .elem = elem};
    return t;
}

const HclType *type_tuple(Arena *mem, const HclType **items, size_t len) {
    HclType *t = NEW(mem, HclType);
    *t = (HclType){.kind = HCL_TUPLE, .items = items, .len = len};
    return t;
}

const HclType *type_object(Arena *mem, const char **names, const HclType **items, size_t len) {
    HclType *t = NEW(mem, HclType);
    *t = (HclType){.kind = HCL_OBJECT, .items = items, .names = names, .len = len};
    return t;
}

bool hcl_type_equal(const HclType *a, const HclType *b) {
    if (a == b)
        return true;
    if (a->kind != b->kind || a->len != b->len || !cstr_eq(a->capsule, b->capsule))
        return false;
    if (a->elem && !hcl_type_equal(a->elem, b->elem))
        return false;
    for (size_t i = 0; i < a->len; i++) {
        if (a->names && !cstr_eq(a->names[i], b->names[i]))
            return false;
        if (!hcl_type_equal(a->items[i], b->items[i]))
            return false;
    }
    return true;
}

static const char *const kind_names[] = {
    [HCL_DYNAMIC] = "dynamic", [HCL_STRING] = "string", [HCL_NUMBER] = "number",
    [HCL_BOOL] = "bool",       [HCL_LIST] = "list",     [HCL_SET] = "set",
    [HCL_MAP] = "map",         [HCL_TUPLE] = "tuple",   [HCL_OBJECT] = "object",
};

char *hcl_type_name(Arena *mem, const HclType *t) {
    if (t->kind == HCL_CAPSULE)
        return arena_strdup(mem, t->capsule);
    if (t->elem)
        return arena_printf(mem, "%s of %s", kind_names[t->kind], hcl_type_name(mem, t->elem));
    return arena_strdup(mem, kind_names[t->kind]);
}

// --- construction -------------------------------------------------------------------------------

static HclValue *value_new(Arena *mem, const HclType *type) {
    HclValue *v = NEW(mem, HclValue);
    v->type = type;
    v->depth = 1;
    v->weight = 1;
    return v;
}

const HclValue *hcl_null(Arena *mem, const HclType *type) {
    HclValue *v = value_new(mem, type ? type : &hcl_type_dynamic);
    v->null = true;
    return v;
}

const HclValue *hcl_bool(Arena *mem, bool b) {
    HclValue *v = value_new(mem, &hcl_type_bool);
    v->u.b = b;
    return v;
}

const HclValue *hcl_bytes(Arena *mem, Str s) {
    HclValue *v = value_new(mem, &hcl_type_string);
    v->u.s = str_slice(str_dup(mem, s), s.len);
    v->weight = 1 + s.len / 16;
    return v;
}

const HclValue *hcl_string(Arena *mem, const char *s) { return hcl_bytes(mem, str_from(s)); }

const HclValue *hcl_capsule(Arena *mem, const HclType *type, const void *data) {
    HclValue *v = value_new(mem, type);
    v->u.capsule = data;
    return v;
}

static void adopt(HclValue *v, const HclValue *child) {
    if (child->depth >= v->depth)
        v->depth = child->depth + 1;
    v->weight = v->weight + child->weight < v->weight ? SIZE_MAX : v->weight + child->weight;
}

static HclValue *sequence(Arena *mem, const HclType *type, const HclValue *const *items,
                          size_t len) {
    HclValue *v = value_new(mem, type);
    v->u.seq.items = NEW_ARRAY(mem, const HclValue *, len + 1);
    v->u.seq.len = len;
    for (size_t i = 0; i < len; i++) {
        v->u.seq.items[i] = items[i];
        adopt(v, items[i]);
    }
    return v;
}

const HclValue *hcl_tuple(Arena *mem, const HclValue *const *items, size_t len) {
    const HclType **types = NEW_ARRAY(mem, const HclType *, len + 1);
    for (size_t i = 0; i < len; i++)
        types[i] = items[i]->type;
    return sequence(mem, type_tuple(mem, types, len), items, len);
}

const HclValue *hcl_list(Arena *mem, const HclType *elem, const HclValue *const *items,
                         size_t len) {
    return sequence(mem, hcl_type_of(mem, HCL_LIST, elem), items, len);
}

static int value_order_v(const void *a, const void *b) {
    return value_order(*(const HclValue *const *)a, *(const HclValue *const *)b);
}

const HclValue *hcl_set(Arena *mem, const HclType *elem, const HclValue *const *items, size_t len) {
    HclValue *v = sequence(mem, hcl_type_of(mem, HCL_SET, elem), items, len);
    if (len < 2)
        return v;
    qsort(v->u.seq.items, len, sizeof *v->u.seq.items, value_order_v);
    size_t kept = 1;
    for (size_t i = 1; i < len; i++)
        if (value_order(v->u.seq.items[kept - 1], v->u.seq.items[i]) != 0)
            v->u.seq.items[kept++] = v->u.seq.items[i];
    v->u.seq.len = kept;
    return v;
}

void hcl_field(HclFields *f, Arena *mem, const char *key, const HclValue *v) {
    list_push(&f->keys, mem, key);
    list_push(&f->items, mem, v);
}

typedef struct FieldRef {
    const char *key;
    size_t index;
} FieldRef;

static int field_order(const void *a, const void *b) {
    const FieldRef *x = a, *y = b;
    int order = strcmp(x->key, y->key);
    if (order != 0)
        return order;
    return x->index < y->index ? -1 : 1;
}

static HclValue *keyed(Arena *mem, const HclType *type, const HclFields *f) {
    AutoArena tmp = arena_new(NULL);
    size_t len = f->keys.len, kept = 0;
    FieldRef *order = NEW_ARRAY(tmp, FieldRef, len + 1);
    for (size_t i = 0; i < len; i++)
        order[i] = (FieldRef){f->keys.items[i], i};
    if (len > 1)
        qsort(order, len, sizeof *order, field_order);
    HclValue *v = value_new(mem, type);
    v->u.seq.items = NEW_ARRAY(mem, const HclValue *, len + 1);
    v->u.seq.keys = NEW_ARRAY(mem, const char *, len + 1);
    for (size_t i = 0; i < len; i++) {
        if (i + 1 < len && strcmp(order[i].key, order[i + 1].key) == 0)
            continue; // the last one stays
        v->u.seq.keys[kept] = arena_strdup(mem, order[i].key);
        v->u.seq.items[kept] = f->items.items[order[i].index];
        adopt(v, v->u.seq.items[kept]);
        kept++;
    }
    v->u.seq.len = kept;
    return v;
}

const HclValue *hcl_object(Arena *mem, const HclFields *f) {
    HclValue *v = keyed(mem, &hcl_type_dynamic, f);
    const HclType **types = NEW_ARRAY(mem, const HclType *, v->u.seq.len + 1);
    for (size_t i = 0; i < v->u.seq.len; i++)
        types[i] = v->u.seq.items[i]->type;
    v->type = type_object(mem, v->u.seq.keys, types, v->u.seq.len);
    return v;
}

const HclValue *hcl_map(Arena *mem, const HclType *elem, const HclFields *f) {
    return keyed(mem, hcl_type_of(mem, HCL_MAP, elem), f);
}

// --- reading ------------------------------------------------------------------------------------

bool hcl_is(const HclValue *v, HclKind kind) { return v && !v->null && v->type->kind == kind; }

const HclValue *hcl_get(const HclValue *v, const char *key) {
    if (!v || v->null || !type_is_keyed(v->type))
        return NULL;
    size_t low = 0, high = v->u.seq.len;
    while (low < high) {
        size_t mid = (low + high) / 2;
        int order = strcmp(key, v->u.seq.keys[mid]);
        if (order == 0)
            return v->u.seq.items[mid];
        if (order < 0)
            high = mid;
        else
            low = mid + 1;
    }
    return NULL;
}

const char *hcl_text(const HclValue *v) { return hcl_is(v, HCL_STRING) ? v->u.s.ptr : ""; }

Err *value_check_size(const HclValue *v) {
    if (v->weight > VALUE_MAX_WEIGHT)
        return err_new(E_TOO_LARGE, "the value has more than %d elements", (int)VALUE_MAX_WEIGHT);
    if (v->depth > VALUE_MAX_DEPTH)
        return err_new(E_TOO_LARGE, "the value is nested more than %d levels deep",
                       (int)VALUE_MAX_DEPTH);
    return NULL;
}

static int str_order(Str a, Str b) {
    size_t n = a.len < b.len ? a.len : b.len;
    int order = n > 0 ? memcmp(a.ptr, b.ptr, n) : 0;
    if (order != 0)
        return order;
    return a.len < b.len ? -1 : a.len > b.len;
}

static int pointer_order(const void *a, const void *b) {
    return (uintptr_t)a < (uintptr_t)b ? -1 : (uintptr_t)a > (uintptr_t)b;
}

static int capsule_order(const HclValue *a, const HclValue *b) {
    if (a->ref && b->ref)
        return strcmp(a->ref->label_address, b->ref->label_address);
    if (a->type == &hcl_type_sql && b->type == &hcl_type_sql)
        return strcmp(a->u.capsule, b->u.capsule);
    return pointer_order(a->u.capsule, b->u.capsule);
}

static int sequence_order(const HclValue *a, const HclValue *b) {
    for (size_t i = 0; i < a->u.seq.len && i < b->u.seq.len; i++) {
        int order = 0;
        if (type_is_keyed(a->type) && type_is_keyed(b->type))
            order = strcmp(a->u.seq.keys[i], b->u.seq.keys[i]);
        if (order == 0)
            order = value_order(a->u.seq.items[i], b->u.seq.items[i]);
        if (order != 0)
            return order;
    }
    return a->u.seq.len < b->u.seq.len ? -1 : a->u.seq.len > b->u.seq.len;
}

int value_order(const HclValue *a, const HclValue *b) {
    if (a == b)
        return 0;
    if (a->null || b->null)
        return (int)b->null - (int)a->null;
    if (a->type->kind != b->type->kind)
        return (int)a->type->kind - (int)b->type->kind;
    switch (a->type->kind) {
    case HCL_DYNAMIC: return 0;
    case HCL_STRING: return str_order(a->u.s, b->u.s);
    case HCL_NUMBER: return number_cmp(a->u.n, b->u.n);
    case HCL_BOOL: return (int)a->u.b - (int)b->u.b;
    case HCL_CAPSULE: return capsule_order(a, b);
    default: return sequence_order(a, b);
    }
}

bool hcl_equal(const HclValue *a, const HclValue *b) {
    if (a->null || b->null)
        return a->null && b->null;
    return hcl_type_equal(a->type, b->type) && value_order(a, b) == 0;
}
