#include "read.h"

enum { SECRET_MIN = 3 };

static Err *wrong_type(const HclResource *r, const char *attr, const char *want, const HclValue *v) {
    AutoArena tmp = arena_new(NULL);
    HclRange at = hcl_resource_range(r, attr);
    return hcl_error(&at, "value of attr \"%s\" cannot be read as %s: unexpected type %s", attr,
                     want, hcl_type_name(tmp, v->type));
}

Err *read_text(const char **out, const HclResource *r, const char *attr) {
    const HclValue *v = hcl_resource_get(r, attr);
    *out = hcl_text(v);
    return v && !hcl_is(v, HCL_STRING) ? wrong_type(r, attr, "string", v) : NULL;
}

static bool is_texts(const HclValue *v) {
    if (!hcl_is(v, HCL_LIST) && !hcl_is(v, HCL_SET) && !hcl_is(v, HCL_TUPLE))
        return false;
    for (size_t i = 0; i < v->u.seq.len; i++)
        if (!v->u.seq.items[i]->null && !hcl_is(v->u.seq.items[i], HCL_STRING))
            return false;
    return true;
}

// "list of number" says more about what is wrong than "tuple".
static char *shown_type(Arena *mem, const HclValue *v) {
    if (v->type->kind != HCL_TUPLE)
        return hcl_type_name(mem, v->type);
    for (size_t i = 0; i < v->u.seq.len; i++)
        if (!v->u.seq.items[i]->null && !hcl_is(v->u.seq.items[i], HCL_STRING))
            return arena_printf(mem, "list of %s", hcl_type_name(mem, v->u.seq.items[i]->type));
    return hcl_type_name(mem, v->type);
}

static void add_texts(StrList *out, const HclValue *v, Arena *mem) {
    for (size_t i = 0; i < v->u.seq.len; i++)
        if (!v->u.seq.items[i]->null)
            list_push(out, mem, hcl_text(v->u.seq.items[i]));
}

Err *read_texts(StrList *out, const HclResource *r, const char *attr, Arena *mem) {
    const HclValue *v = hcl_resource_get(r, attr);
    if (!v)
        return NULL;
    if (!is_texts(v)) {
        HclRange at = hcl_resource_range(r, attr);
        return hcl_error(&at, "field is of type slice but attr \"%s\" is type: %s", attr,
                         shown_type(mem, v));
    }
    add_texts(out, v, mem);
    return NULL;
}

Err *read_sources(StrList *out, const HclResource *r, const char *attr, Arena *mem) {
    const HclValue *v = hcl_resource_get(r, attr);
    StrList raw = {0};
    if (!v)
        return NULL;
    if (hcl_is(v, HCL_STRING)) {
        list_push(&raw, mem, hcl_text(v));
    } else if (is_texts(v)) {
        add_texts(&raw, v, mem);
    } else {
        HclRange at = hcl_resource_range(r, attr);
        return hcl_error(&at, "expected %s to be either a string or strings, got: %s", attr,
                         shown_type(mem, v));
    }
    for (size_t i = 0; i < raw.len; i++)
        list_push(out, mem, strstr(raw.items[i], "://")
                                ? raw.items[i]
                                : arena_printf(mem, "file://%s", raw.items[i]));
    return NULL;
}

Err *read_count(int *out, const HclResource *r, const char *attr) {
    const HclValue *v = hcl_resource_get(r, attr);
    int64_t n = 0;
    *out = 0;
    if (!v)
        return NULL;
    if (!hcl_is(v, HCL_NUMBER))
        return wrong_type(r, attr, "int", v);
    if (!hcl_number_int(v->u.n, &n) || n < 0 || n > INT32_MAX) {
        HclRange at = hcl_resource_range(r, attr);
        return hcl_error(&at, "value of attr \"%s\" must be a whole number from 0 on", attr);
    }
    *out = (int)n;
    return NULL;
}

Err *read_child(const HclResource **out, const HclResource *r, const char *type) {
    *out = NULL;
    for (size_t i = 0; i < r->children.len; i++) {
        const HclResource *c = r->children.items[i];
        if (!cstr_eq(c->type, type))
            continue;
        if (*out)
            return hcl_error(&c->block->range, "multiple \"%s\" blocks in \"%s\"", type, r->type);
        *out = c;
    }
    return NULL;
}

// --- values -------------------------------------------------------------------------------------

static void add_child(Value *map, const HclResource *c, Arena *mem) {
    Value *v = block_value(c, mem), *at = map;
    const char *key = c->type;
    for (size_t i = 0; i < c->labels.len; i++) {
        Value *next = value_get(at, key);
        if (!next || next->kind != V_MAP) {
            next = value_map(mem);
            value_set(at, mem, key, next, 0);
        }
        at = next;
        key = c->labels.items[i];
    }
    Value *old = value_get(at, key);
    if (!old) {
        value_set(at, mem, key, v, 0);
        return;
    }
    if (old->kind != V_LIST) {
        Value *list = value_list(mem);
        value_push(list, mem, old);
        value_set(at, mem, key, list, 0);
        old = list;
    }
    value_push(old, mem, v);
}

Value *block_value(const HclResource *r, Arena *mem) {
    Value *out = value_map(mem);
    for (size_t i = 0; i < r->attrs.len; i++) {
        const HclResourceAttr *a = &r->attrs.items[i];
        mask_value(a->name, a->value, mem);
        value_set(out, mem, a->name, hcl_to_value(mem, a->value), 0);
    }
    for (size_t i = 0; i < r->children.len; i++)
        add_child(out, r->children.items[i], mem);
    return out;
}

// --- secrets ------------------------------------------------------------------------------------

bool is_secret_name(const char *name) {
    static const char *const words[] = {"token",       "secret",     "password", "passwd",
                                        "private_key", "access_key", "api_key"};
    AutoArena tmp = arena_new(NULL);
    const char *lower = cstr_lower(tmp, name);
    for (size_t i = 0; i < COUNT_OF(words); i++)
        if (strstr(lower, words[i]))
            return true;
    return false;
}

void mask_url(const char *url, Arena *mem) {
    Url *u;
    if (!strstr(url, "://"))
        return;
    AutoErr err = url_parse(&u, url, mem);
    if (err || !u->has_password || strlen(u->password) < SECRET_MIN)
        return;
    log_mask(u->password);
}

void mask_value(const char *name, const HclValue *v, Arena *mem) {
    if (v->null)
        return;
    switch (v->type->kind) {
    case HCL_STRING:
        if (is_secret_name(name) && v->u.s.len >= SECRET_MIN && !strstr(hcl_text(v), "://"))
            log_mask(hcl_text(v));
        mask_url(hcl_text(v), mem);
        break;
    case HCL_LIST:
    case HCL_SET:
    case HCL_TUPLE:
    case HCL_MAP:
    case HCL_OBJECT:
        for (size_t i = 0; i < v->u.seq.len; i++)
            mask_value(v->u.seq.keys ? v->u.seq.keys[i] : name, v->u.seq.items[i], mem);
        break;
    default: break;
    }
}
