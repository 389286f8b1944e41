// Document evaluation: variables, locals, data, the init block, then everything else.
//
// Locals and data blocks are evaluated when something refers to them, each once; a node that is
// met again while it is being evaluated is a cycle.
#include "document.h"

enum { DOC_MAX_DEPTH = 400 };

// --- references to nodes ------------------------------------------------------------------------

typedef struct Paths {
    LIST(HclPath) list;
    Arena *mem;
} Paths;

static void note_path(void *ctx, const HclPath *path) {
    Paths *p = ctx;
    list_push(&p->list, p->mem, *path);
}

static Err *visit_node(Doc *d, Node *n, const HclRange *from);

static Err *visit_all(Doc *d, const Map *nodes, const char *kind, const HclRange *from) {
    for (size_t i = 0; i < nodes->len; i++) {
        Node *n = nodes->entries[i].value;
        if (!kind || cstr_eq(n->kind, kind))
            TRY(visit_node(d, n, from));
    }
    return NULL;
}

static Err *visit_init(Doc *d);

static Err *visit_path(Doc *d, const HclPath *path) {
    const char *root = path->names[0], *second = path->len > 1 ? path->names[1] : NULL;
    const char *third = path->len > 2 ? path->names[2] : NULL;
    if (cstr_eq(root, d->o->init))
        return visit_init(d);
    if (cstr_eq(root, "local")) {
        Node *n = second ? map_get(&d->locals, second) : NULL;
        return n ? visit_node(d, n, &path->range)
                 : second ? NULL : visit_all(d, &d->locals, NULL, &path->range);
    }
    if (!cstr_eq(root, "data"))
        return NULL;
    if (!third)
        return visit_all(d, &d->data, second, &path->range);
    Node *n = second ? map_get(&d->data, arena_printf(d->mem, "%s.%s", second, third)) : NULL;
    return n ? visit_node(d, n, &path->range) : NULL;
}

static const HclValue *locals_object(Doc *d) {
    HclFields f = {0};
    for (size_t i = 0; i < d->locals.len; i++) {
        const Node *n = d->locals.entries[i].value;
        if (n->state == NODE_DONE)
            hcl_field(&f, d->mem, n->name, n->value);
    }
    return hcl_object(d->mem, &f);
}

static const HclValue *data_object(Doc *d) {
    Map kinds;
    HclFields f = {0};
    map_init(&kinds, d->mem);
    for (size_t i = 0; i < d->data.len; i++) {
        const Node *n = d->data.entries[i].value;
        HclFields *kind = map_get(&kinds, n->kind);
        if (n->state != NODE_DONE)
            continue;
        if (!kind) {
            kind = NEW(d->mem, HclFields);
            map_set(&kinds, n->kind, kind);
        }
        hcl_field(kind, d->mem, n->name, n->value);
    }
    for (size_t i = 0; i < kinds.len; i++)
        hcl_field(&f, d->mem, kinds.entries[i].key, hcl_object(d->mem, kinds.entries[i].value));
    return hcl_object(d->mem, &f);
}

// Evaluates what the expression refers to and puts it in reach.
static Err *prepare(Doc *d, const HclExpr *x) {
    AutoArena tmp = arena_new(NULL);
    Paths paths = {.mem = tmp};
    bool locals = false, data = false;
    hcl_expr_paths(x, note_path, &paths);
    for (size_t i = 0; i < paths.list.len; i++) {
        const char *root = paths.list.items[i].names[0];
        locals = locals || cstr_eq(root, "local");
        data = data || cstr_eq(root, "data");
        TRY(visit_path(d, &paths.list.items[i]));
    }
    if (locals && d->locals_stale)
        hcl_scope_set(&d->root, "local", locals_object(d));
    if (data && d->data_stale)
        hcl_scope_set(&d->root, "data", data_object(d));
    d->locals_stale = d->locals_stale && !locals;
    d->data_stale = d->data_stale && !data;
    return NULL;
}

Err *doc_eval(Doc *d, const HclValue **out, const HclExpr *x, const HclScope *scope,
              const char *path) {
    TRY(prepare(d, x));
    AutoArena tmp = arena_new(NULL);
    Diags diags = {.mem = tmp};
    Eval e = {.scope = scope, .env = &d->o->env, .words = d->o->words, .path = path,
              .diags = &diags, .mem = d->mem};
    const HclValue *v = eval(&e, x);
    TRY(diag_err(&diags));
    *out = v;
    return NULL;
}

static Err *too_deep(const HclRange *range) {
    return hcl_error(range, "references and blocks nest more than %d levels deep",
                     (int)DOC_MAX_DEPTH);
}

static Err *read_data(Doc *d, Node *n) {
    const HclDataSource *source = NULL;
    HclResource *r;
    for (size_t i = 0; i < d->o->data_count; i++)
        if (cstr_eq(d->o->data[i].kind, n->kind))
            source = &d->o->data[i];
    if (!source)
        return hcl_error(&n->block->label_ranges.items[0],
                         "missing data source handler for \"%s\"", n->kind);
    TRY(doc_block(d, &r, n->block, &d->root, "data", ""));
    Err *err = source->read(&n->value, r, source->ctx, d->mem);
    if (err)
        return err_wrap(err, "data.%s.%s", n->kind, n->name);
    d->data_stale = true;
    return NULL;
}

static Err *visit_node(Doc *d, Node *n, const HclRange *from) {
    const char *kind = n->kind ? n->kind : "", *dot = n->kind ? "." : "";
    if (n->state == NODE_DONE)
        return NULL;
    if (n->state == NODE_BUSY)
        return hcl_error(from, "cyclic reference to \"%s.%s%s%s\"", n->kind ? "data" : "local",
                         kind, dot, n->name);
    if (d->depth >= DOC_MAX_DEPTH)
        return too_deep(from);
    n->state = NODE_BUSY;
    d->depth++;
    if (n->kind)
        TRY(read_data(d, n));
    else
        TRY(doc_eval(d, &n->value, n->attr->expr, &d->root, NULL));
    d->depth--;
    n->state = NODE_DONE;
    d->locals_stale = d->locals_stale || !n->kind;
    return NULL;
}

// While the init block itself is evaluated, its variable has the value it has without the block.
static Err *visit_init(Doc *d) {
    const HclValue *v;
    HclResource *r;
    if (d->init_state != NODE_NEW)
        return NULL;
    d->init_state = NODE_BUSY;
    TRY(d->o->init_read(&v, NULL, d->o->init_ctx, d->mem));
    hcl_scope_set(&d->root, d->o->init, v);
    if (d->init.len > 0) {
        TRY(doc_block(d, &r, d->init.items[0], &d->root, d->o->init, ""));
        TRY(d->o->init_read(&v, r, d->o->init_ctx, d->mem));
        hcl_scope_set(&d->root, d->o->init, v);
    }
    d->init_state = NODE_DONE;
    return NULL;
}

// --- blocks -------------------------------------------------------------------------------------

// References and raw SQL count as types of their own; structures are alike whatever they hold.
static bool same_kind(const HclType *a, const HclType *b) {
    if (a->kind == HCL_DYNAMIC || b->kind == HCL_DYNAMIC)
        return true;
    return a->kind == b->kind && (a->kind != HCL_CAPSULE || a == b);
}

static bool is_mixed(const HclValue *v) {
    const HclType *first = NULL;
    if (v->null || !type_is_sequence(v->type))
        return false;
    for (size_t i = 0; i < v->u.seq.len; i++) {
        const HclType *t = v->u.seq.items[i]->type;
        if (first && !same_kind(first, t))
            return true;
        if (t->kind != HCL_DYNAMIC)
            first = t;
    }
    return false;
}

static Err *add_attr(Doc *d, HclResource *r, const HclAttr *a, const HclScope *scope,
                     const char *path) {
    const HclValue *v;
    const char *attr_path = arena_printf(d->mem, "%s.%s", path, a->name);
    TRY(doc_eval(d, &v, a->expr, scope, attr_path));
    if (v->null)
        return NULL;
    Err *err = value_to_ref(&v, v, d->mem);
    if (err)
        return hcl_locate(err_set_code(err, E_CONFIG), &a->expr->range);
    if (is_mixed(v) && !cstr_eq(path, "data")) // what a data source takes is its own affair
        return hcl_error(&a->range, "mixed list types used in \"%s\" attribute", a->name);
    HclResourceAttr item = {.name = a->name, .value = v, .source = a};
    list_push(&r->attrs, d->mem, item);
    return NULL;
}

static int attr_order(const void *a, const void *b) {
    return strcmp((*(const HclAttr *const *)a)->name, (*(const HclAttr *const *)b)->name);
}

static Err *add_attrs(Doc *d, HclResource *r, const HclScope *scope, const char *path, bool top) {
    const HclBody *body = r->block->body;
    const HclAttr **order = NEW_ARRAY(d->mem, const HclAttr *, body->attrs.len + 1);
    for (size_t i = 0; i < body->attrs.len; i++)
        order[i] = body->attrs.items[i];
    if (body->attrs.len > 1)
        qsort(order, body->attrs.len, sizeof *order, attr_order);
    for (size_t i = 0; i < body->attrs.len; i++)
        if (!(top && cstr_eq(order[i]->name, "for_each")))
            TRY(add_attr(d, r, order[i], scope, path));
    return NULL;
}

static void set_name(HclResource *r) {
    const HclValue *name = hcl_resource_get(r, "name");
    r->name = hcl_is(name, HCL_STRING) ? hcl_text(name) : r->labels.len > 0 ? list_last(&r->labels)
                                                                             : "";
}

static Err *add_children(Doc *d, HclResource *r, const HclScope *scope, const char *path) {
    const HclBody *body = r->block->body;
    const HclBlock *const *blocks = (const HclBlock *const *)body->blocks.items;
    for (size_t i = 0; i < body->blocks.len; i++) {
        HclResource *child;
        size_t ordinal = block_ordinal(blocks, body->blocks.len, blocks[i]);
        TRY(doc_block(d, &child, blocks[i], scope,
                      arena_printf(d->mem, "%s.%s", path, blocks[i]->type),
                      block_address(d->mem, blocks[i], r->address, ordinal)));
        list_push(&r->children, d->mem, child);
    }
    return NULL;
}

Err *doc_block(Doc *d, HclResource **out, const HclBlock *b, const HclScope *scope,
               const char *path, const char *address) {
    HclScope inner;
    HclResource *r = NEW(d->mem, HclResource);
    if (d->depth >= DOC_MAX_DEPTH)
        return too_deep(&b->range);
    d->depth++;
    r->type = b->type;
    r->labels = b->labels;
    r->address = address;
    r->block = b;
    hcl_scope_init(&inner, scope, d->mem);
    const HclBlock *const *blocks = (const HclBlock *const *)b->body->blocks.items;
    TRY(blocks_bind(d, &inner, blocks, b->body->blocks.len, address));
    TRY(add_attrs(d, r, &inner, path, !strchr(path, '.')));
    TRY(add_children(d, r, &inner, path));
    set_name(r);
    d->depth--;
    *out = r;
    return NULL;
}

static Err *for_each_error(const HclValue *v, const HclExpr *x) {
    AutoArena tmp = arena_new(NULL);
    return hcl_error(&x->range, "schemahcl: for_each does not support %s type",
                     hcl_type_name(tmp, v->type));
}

static Err *add_copies(Doc *d, HclDoc *doc, const HclBlock *b, const HclExpr *each,
                       const char *address) {
    const HclValue *v;
    TRY(doc_eval(d, &v, each, &d->root, NULL));
    HclKind kind = v->type->kind;
    if (v->null || (kind != HCL_SET && kind != HCL_OBJECT && kind != HCL_TUPLE))
        return for_each_error(v, each);
    for (size_t i = 0; i < v->u.seq.len; i++) {
        HclScope scope;
        HclFields f = {0};
        HclResource *r;
        const HclValue *item = v->u.seq.items[i];
        const HclValue *key = kind == HCL_SET      ? item
                              : kind == HCL_OBJECT ? hcl_string(d->mem, v->u.seq.keys[i])
                                                   : hcl_int(d->mem, (int64_t)i);
        hcl_field(&f, d->mem, "key", key);
        hcl_field(&f, d->mem, "value", item);
        hcl_scope_init(&scope, &d->root, d->mem);
        hcl_scope_set(&scope, "each", hcl_object(d->mem, &f));
        TRY(doc_block(d, &r, b, &scope, b->type, address));
        list_push(&doc->resources, d->mem, r);
    }
    return NULL;
}

static Err *add_resources(Doc *d, HclDoc *doc) {
    for (size_t i = 0; i < d->blocks.len; i++) {
        const HclBlock *b = d->blocks.items[i];
        const HclAttr *each = hcl_body_attr(b->body, "for_each");
        size_t ordinal = block_ordinal(d->blocks.items, d->blocks.len, b);
        char *address = block_address(d->mem, b, "", ordinal);
        HclResource *r;
        if (each) {
            TRY(add_copies(d, doc, b, each->expr, address));
            continue;
        }
        TRY(doc_block(d, &r, b, &d->root, b->type, address));
        list_push(&doc->resources, d->mem, r);
    }
    return NULL;
}

// --- collection ---------------------------------------------------------------------------------

static Err *collect_locals(Doc *d, const HclBlock *b) {
    for (size_t i = 0; i < b->body->attrs.len; i++) {
        const HclAttr *a = b->body->attrs.items[i];
        Node *n = NEW(d->mem, Node);
        *n = (Node){.name = a->name, .attr = a};
        if (map_has(&d->locals, a->name))
            return hcl_error(&a->name_range, "local \"%s\" is defined twice", a->name);
        map_set(&d->locals, a->name, n);
    }
    return NULL;
}

static Err *collect_data(Doc *d, const HclBlock *b) {
    if (b->labels.len != 2)
        return hcl_error(&b->range, b->labels.len < 2
                                        ? "Missing name for data; All data blocks must have 2 "
                                          "labels (type, name)."
                                        : "Extraneous label for data; Only 2 labels (type, name) "
                                          "are expected for data blocks.");
    Node *n = NEW(d->mem, Node);
    *n = (Node){.kind = b->labels.items[0], .name = b->labels.items[1], .block = b};
    char *key = arena_printf(d->mem, "%s.%s", n->kind, n->name);
    if (map_has(&d->data, key))
        return hcl_error(&b->range, "data source \"%s\" is defined twice", key);
    map_set(&d->data, key, n);
    return NULL;
}

static Err *collect_init(Doc *d, const HclBlock *b) {
    if (b->labels.len > 0)
        return hcl_error(&b->label_ranges.items[0], "Extraneous label for %s; No labels are "
                         "expected for %s blocks.", b->type, b->type);
    if (d->init.len > 0)
        return hcl_error(&b->range, "multiple \"%s\" blocks are not allowed", b->type);
    list_push(&d->init, d->mem, b);
    return NULL;
}

static Err *collect_block(Doc *d, const HclBlock *b) {
    if (cstr_eq(b->type, "variable"))
        return NULL;
    if (cstr_eq(b->type, "locals"))
        return collect_locals(d, b);
    if (cstr_eq(b->type, "data"))
        return collect_data(d, b);
    if (cstr_eq(b->type, d->o->init))
        return collect_init(d, b);
    if (!d->o->keep || d->o->keep(d->o->keep_ctx, b))
        list_push(&d->blocks, d->mem, b);
    return NULL;
}

static int file_order(const void *a, const void *b) {
    return strcmp((*(const HclFile *const *)a)->name, (*(const HclFile *const *)b)->name);
}

static Err *collect(Doc *d) {
    for (size_t i = 0; i < d->o->file_count; i++)
        list_push(&d->files, d->mem, d->o->files[i]);
    if (d->files.len > 1)
        qsort(d->files.items, d->files.len, sizeof *d->files.items, file_order);
    for (size_t i = 0; i < d->files.len; i++) {
        const HclBody *body = d->files.items[i]->body;
        for (size_t j = 0; j < body->blocks.len; j++)
            TRY(collect_block(d, body->blocks.items[j]));
    }
    return NULL;
}

Err *hcl_document(HclDoc **out, const HclDocOptions *o, Arena *mem) {
    Doc d = {.o = o, .mem = mem};
    HclDoc *doc = NEW(mem, HclDoc);
    const HclValue *vars;
    HclFields none = {0};
    hcl_scope_init(&d.root, NULL, mem);
    map_init(&d.locals, mem);
    map_init(&d.data, mem);
    map_init(&d.refs, mem);
    TRY(collect(&d));
    TRY(variables_read(&vars, &d));
    hcl_scope_set(&d.root, "var", vars);
    hcl_scope_set(&d.root, "local", hcl_object(mem, &none));
    hcl_scope_set(&d.root, "data", hcl_object(mem, &none));
    TRY(blocks_bind(&d, &d.root, d.blocks.items, d.blocks.len, ""));
    if (o->init)
        TRY(visit_init(&d));
    TRY(visit_all(&d, &d.locals, NULL, NULL));
    TRY(add_resources(&d, doc));
    TRY(refs_resolve(&d, doc));
    *out = doc;
    return NULL;
}

// --- reading ------------------------------------------------------------------------------------

const HclResourceAttr *hcl_resource_attr(const HclResource *r, const char *attr) {
    for (size_t i = 0; i < r->attrs.len; i++)
        if (cstr_eq(r->attrs.items[i].name, attr))
            return &r->attrs.items[i];
    return NULL;
}

const HclValue *hcl_resource_get(const HclResource *r, const char *attr) {
    const HclResourceAttr *a = hcl_resource_attr(r, attr);
    return a ? a->value : NULL;
}

const HclResource *hcl_resource_child(const HclResource *r, const char *type) {
    for (size_t i = 0; i < r->children.len; i++)
        if (cstr_eq(r->children.items[i]->type, type))
            return r->children.items[i];
    return NULL;
}

HclRange hcl_resource_range(const HclResource *r, const char *attr) {
    const HclAttr *a = attr ? hcl_body_attr(r->block->body, attr) : NULL;
    return a ? a->expr->range : r->block->range;
}
