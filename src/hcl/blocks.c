// Blocks as values: what `table.users.column.id` means, and what such references point at.
#include "document.h"

enum { REF_LEVELS = 3 }; // blocks within blocks that references reach

// Marks the object that `table` alone stands for: all blocks of a type, which is no reference.
static const char all_of_type[] = "";

// --- addresses ----------------------------------------------------------------------------------

static bool is_identifier(const char *s) {
    uint32_t cp;
    size_t len = strlen(s), i = code_at(s, len, &cp);
    if (len == 0 || !code_starts_name(cp))
        return false;
    while (i < len) {
        i += code_at(s + i, len - i, &cp);
        if (!code_continues_name(cp))
            return false;
    }
    return true;
}

static void add_label(Buf *b, const char *label) {
    uint64_t n;
    if (is_identifier(label) || cstr_to_u64(label, UINT64_MAX, &n))
        buf_printf(b, ".%s", label);
    else
        buf_printf(b, "[\"%s\"]", label);
}

static char *address_of(Arena *mem, const char *parent, const char *type, const StrList *labels,
                        const char *last, size_t ordinal) {
    Buf b;
    buf_init(&b, mem, BUF_MAX_TEXT);
    buf_printf(&b, "%s%s$%s", parent, *parent ? "." : "", type);
    if (labels->len == 0)
        buf_printf(&b, ".%zu", ordinal);
    for (size_t i = 0; i < labels->len; i++)
        add_label(&b, last && i + 1 == labels->len ? last : labels->items[i]);
    return b.ptr;
}

char *block_address(Arena *mem, const HclBlock *b, const char *parent, size_t ordinal) {
    return address_of(mem, parent, b->type, &b->labels, NULL, ordinal);
}

size_t block_ordinal(const HclBlock *const *blocks, size_t len, const HclBlock *b) {
    size_t n = 0;
    for (size_t i = 0; i < len && blocks[i] != b; i++)
        n += blocks[i]->labels.len == 0 && cstr_eq(blocks[i]->type, b->type);
    return n;
}

static HclRef *ref_at(Doc *d, const char *address) {
    HclRef *ref = map_get(&d->refs, address);
    if (!ref) {
        ref = NEW(d->mem, HclRef);
        ref->label_address = address;
        map_set(&d->refs, address, ref);
    }
    return ref;
}

static const HclValue *with_ref(Arena *mem, const HclValue *v, HclRef *ref) {
    HclValue *copy = NEW(mem, HclValue);
    *copy = *v;
    copy->ref = ref;
    return copy;
}

// --- block objects ------------------------------------------------------------------------------

static Err *type_object_of(Doc *d, const HclValue **out, const HclBlock *const *blocks, size_t len,
                           const char *type, const char *parent, int level);

static Err *add_children(Doc *d, HclFields *f, const HclBody *body, const char *address,
                         int level) {
    const HclBlock *const *blocks = (const HclBlock *const *)body->blocks.items;
    for (size_t i = 0; i < body->blocks.len; i++) {
        bool first = true;
        const HclValue *v;
        for (size_t j = 0; j < i && first; j++)
            first = !cstr_eq(blocks[j]->type, blocks[i]->type);
        if (!first)
            continue;
        TRY(type_object_of(d, &v, blocks, body->blocks.len, blocks[i]->type, address, level));
        hcl_field(f, d->mem, blocks[i]->type, v);
    }
    return NULL;
}

static Err *block_fields(Doc *d, HclFields *f, const HclBlock *b, const char *address, int level) {
    HclScope none;
    HclEnv env = {0};
    hcl_scope_init(&none, NULL, d->mem);
    if (b->labels.len > 0)
        hcl_field(f, d->mem, "name", hcl_string(d->mem, list_last(&b->labels)));
    if (level < REF_LEVELS)
        TRY(add_children(d, f, b->body, address, level + 1));
    for (size_t i = 0; i < b->body->attrs.len; i++) {
        const HclAttr *a = b->body->attrs.items[i];
        const HclValue *v = NULL;
        if (!expr_is_constant(a->expr))
            continue;
        AutoErr err = hcl_eval(&v, a->expr, &none, &env, d->mem);
        if (!err)
            hcl_field(f, d->mem, a->name, v);
    }
    return NULL;
}

typedef struct Group { // what one first label stands for
    HclFields fields;
    HclRef *ref;
} Group;

static Err *add_block(Doc *d, Map *groups, const HclBlock *b, const char *parent, size_t ordinal,
                      int level) {
    char *address = block_address(d->mem, b, parent, ordinal);
    const char *label = b->labels.len > 0 ? b->labels.items[0]
                                          : arena_printf(d->mem, "%zu", ordinal);
    Group *g = map_get(groups, label);
    if (!g) {
        g = NEW(d->mem, Group);
        map_set(groups, label, g);
    }
    if (b->labels.len < 2) {
        g->ref = ref_at(d, address);
        return block_fields(d, &g->fields, b, address, level);
    }
    HclFields inner = {0};
    TRY(block_fields(d, &inner, b, address, level));
    hcl_field(&g->fields, d->mem, b->labels.items[1],
              with_ref(d->mem, hcl_object(d->mem, &inner), ref_at(d, address)));
    return NULL;
}

static Err *type_object_of(Doc *d, const HclValue **out, const HclBlock *const *blocks, size_t len,
                           const char *type, const char *parent, int level) {
    Map groups;
    HclFields f = {0};
    size_t ordinal = 0;
    map_init(&groups, d->mem);
    for (size_t i = 0; i < len; i++) {
        const HclBlock *b = blocks[i];
        if (!cstr_eq(b->type, type))
            continue;
        if (b->labels.len > 2)
            return hcl_error(&b->range, "too many labels for block");
        TRY(add_block(d, &groups, b, parent, ordinal, level));
        ordinal += b->labels.len == 0;
    }
    for (size_t i = 0; i < groups.len; i++) {
        const Group *g = groups.entries[i].value;
        const HclValue *v = hcl_object(d->mem, &g->fields);
        hcl_field(&f, d->mem, groups.entries[i].key, g->ref ? with_ref(d->mem, v, g->ref) : v);
    }
    HclRef *mark = NEW(d->mem, HclRef);
    mark->label_address = all_of_type;
    *out = with_ref(d->mem, hcl_object(d->mem, &f), mark);
    return value_check_size(*out);
}

Err *blocks_bind(Doc *d, HclScope *scope, const HclBlock *const *blocks, size_t len,
                 const char *parent) {
    for (size_t i = 0; i < len; i++) {
        const HclValue *v;
        if (map_has(&scope->vars, blocks[i]->type))
            continue;
        TRY(type_object_of(d, &v, blocks, len, blocks[i]->type, parent, 1));
        hcl_scope_set(scope, blocks[i]->type, v);
    }
    return NULL;
}

// --- references ---------------------------------------------------------------------------------

static bool holds_ref(const HclValue *v) {
    if (v->null || v->type->kind == HCL_CAPSULE)
        return false;
    if (v->ref)
        return true;
    bool found = false;
    if (type_is_sequence(v->type) || type_is_keyed(v->type))
        for (size_t i = 0; i < v->u.seq.len && !found; i++)
            found = holds_ref(v->u.seq.items[i]);
    return found;
}

static Err *convert_items(const HclValue **out, const HclValue *v, Arena *mem) {
    HclFields f = {0};
    ValueList items = {0};
    bool keyed = type_is_keyed(v->type);
    for (size_t i = 0; i < v->u.seq.len; i++) {
        const HclValue *item;
        TRY(value_to_ref(&item, v->u.seq.items[i], mem));
        if (keyed)
            hcl_field(&f, mem, v->u.seq.keys[i], item);
        else
            list_push(&items, mem, item);
    }
    *out = keyed ? hcl_object(mem, &f) : hcl_tuple(mem, items.items, items.len);
    return NULL;
}

Err *value_to_ref(const HclValue **out, const HclValue *v, Arena *mem) {
    *out = v;
    if (!holds_ref(v))
        return NULL;
    if (!v->ref)
        return convert_items(out, v, mem);
    if (v->ref->label_address == all_of_type)
        return err_new(E_INVALID, "invalid reference used in refs");
    *out = with_ref(mem, hcl_capsule(mem, &hcl_type_ref, v->ref), v->ref);
    return NULL;
}

static void give_targets(Doc *d, HclResource *r, const char *parent, size_t ordinal) {
    HclRef *ref = map_get(&d->refs, r->address);
    const char *last = r->labels.len > 0 ? r->name : NULL;
    char *address = address_of(d->mem, parent, r->type, &r->labels, last, ordinal);
    if (ref && !ref->target) {
        ref->target = r;
        ref->address = address;
    }
    size_t unlabelled = 0;
    for (size_t i = 0; i < r->children.len; i++) {
        HclResource *c = r->children.items[i];
        give_targets(d, c, address, unlabelled);
        unlabelled += c->labels.len == 0;
    }
}

static Err *check_value(const HclValue *v, const HclAttr *source) {
    if (v->type == &hcl_type_ref && v->ref && !v->ref->target)
        return hcl_error(&source->expr->range, "broken reference to \"%s\"",
                         v->ref->label_address);
    if (!v->null && (type_is_sequence(v->type) || type_is_keyed(v->type)))
        for (size_t i = 0; i < v->u.seq.len; i++)
            TRY(check_value(v->u.seq.items[i], source));
    return NULL;
}

static Err *check_resource(const HclResource *r) {
    for (size_t i = 0; i < r->attrs.len; i++)
        TRY(check_value(r->attrs.items[i].value, r->attrs.items[i].source));
    for (size_t i = 0; i < r->children.len; i++)
        TRY(check_resource(r->children.items[i]));
    return NULL;
}

Err *refs_resolve(Doc *d, HclDoc *doc) {
    size_t ordinal = 0;
    for (size_t i = 0; i < doc->resources.len; i++) {
        give_targets(d, doc->resources.items[i], "", ordinal);
        ordinal += doc->resources.items[i]->labels.len == 0;
    }
    for (size_t i = 0; i < doc->resources.len; i++)
        TRY(check_resource(doc->resources.items[i]));
    return NULL;
}
