#include "builtin.h"
#include "method.h"
#include "print.h"

enum { MAX_TEMPLATE_DEPTH = 500, DEFAULT_STEPS = 5000000 };

typedef struct Var {
    const char *name;
    Value *value;
} Var;

typedef enum Jump { JUMP_NONE, JUMP_BREAK, JUMP_CONTINUE } Jump;

typedef struct Run {
    Buf *out;
    size_t limit; // of out->len
    const Tmpl *set;
    TmplOptions options;
    const Tree *tree;
    const Node *at;
    LIST(Var) vars;
    Jump jump;
    int depth;
    size_t steps, made; // made: bytes of text that functions returned
    Arena *mem;
} Run;

typedef LIST(Value *) Args;

// Stands for "no value comes through the pipe", which NULL (no value came out) cannot.
static Value no_final = {.kind = V_NULL};
// A nil pointer: null in a struct. It prints as <nil>, where other nils have no value.
static Value nil_pointer = {.kind = V_NULL, .struct_name = "*"};

static PRINTF(2, 3) MUST_USE Err *fail(const Run *r, const char *fmt, ...) {
    AutoArena tmp = arena_new(NULL);
    va_list ap;
    va_start(ap, fmt);
    const char *message = arena_vprintf(tmp, fmt, ap);
    va_end(ap);
    Buf b, name;
    buf_init(&b, tmp, 4096);
    buf_init(&name, tmp, BUF_MAX_TEXT);
    node_write(&b, r->at);
    tmpl_quote(&name, str_from(r->tree->name));
    const char *shown = cstr_replace(tmp, b.overflow ? "..." : b.ptr, "\n", "\\n");
    return err_new(E_INVALID, "template: %s: executing %s at <%s>: %s",
                   node_location(r->tree, r->at, tmp), name.ptr, shown, message);
}

static const char *shown(const Run *r, const Value *v) {
    Buf b;
    buf_init(&b, r->mem, 1024);
    tmpl_print(&b, v);
    return b.ptr;
}

static const char *node_text(const Run *r, const Node *n) {
    Buf b;
    buf_init(&b, r->mem, 4096);
    node_write(&b, n);
    return b.ptr;
}

static MUST_USE Err *step(Run *r, const Node *n) {
    r->at = n;
    if (++r->steps > r->options.max_steps)
        return err_set_code(fail(r, "the template takes too many steps"), E_TOO_LARGE);
    return NULL;
}

static Err *eval_pipe(Run *r, Value *dot, const Node *pipe, Value **out);
static Err *eval_operand(Run *r, Value *dot, const Node *n, const NodeList *args, Value *final,
                         Value **out);

// --- variables -----------------------------------------------------------------------------------

static void push_var(Run *r, const char *name, Value *value) {
    list_push(&r->vars, r->mem, (Var){name, value});
}

static Var *find_var(Run *r, const char *name) {
    for (size_t i = r->vars.len; i > 0; i--)
        if (cstr_eq(r->vars.items[i - 1].name, name))
            return &r->vars.items[i - 1];
    return NULL;
}

static Err *set_var(Run *r, const char *name, Value *value) {
    Var *v = find_var(r, name);
    if (!v)
        return fail(r, "undefined variable: %s", name);
    v->value = value;
    return NULL;
}

// --- calls ---------------------------------------------------------------------------------------

static Err *eval_args(Run *r, Value *dot, const NodeList *nodes, Value *final, Args *out) {
    for (size_t i = 1; nodes && i < nodes->len; i++) {
        Value *v;
        TRY(eval_operand(r, dot, nodes->items[i], NULL, &no_final, &v));
        list_push(out, r->mem, v);
    }
    if (final != &no_final)
        list_push(out, r->mem, final);
    return NULL;
}

static Err *check_count(const Run *r, const TmplFunc *f, size_t got, size_t receiver) {
    size_t min = (size_t)f->min_args - receiver;
    if (f->max_args != f->min_args && got < min)
        return fail(r, "wrong number of args for %s: want at least %zu got %zu", f->name, min, got);
    if (f->max_args >= 0 && (got < min || got > (size_t)f->max_args - receiver))
        return fail(r, "wrong number of args for %s: want %zu got %zu", f->name,
                    got < min ? min : (size_t)f->max_args - receiver, got);
    return NULL;
}

static Err *finish_call(Run *r, const TmplFunc *f, const Args *args, const Node *node,
                        Value **out) {
    *out = NULL;
    Err *e = f->fn(&r->options, args->items, args->len, out, r->mem);
    r->at = node;
    r->made += *out && (*out)->kind == V_STR ? value_len(*out) : 0;
    if (!e && r->made / 4 > r->options.max_output)
        return err_set_code(fail(r, "the template makes too much text"), E_TOO_LARGE);
    if (!e)
        return NULL;
    Err *wrapped = fail(r, "error calling %s: %s", f->name, err_text(e));
    wrapped = err_set_code(wrapped, err_code(e));
    err_free(e);
    return wrapped;
}

// `and` and `or` stop at the first argument that decides.
static Err *eval_lazy(Run *r, Value *dot, bool go_on, const NodeList *nodes, Value *final,
                      Value **out) {
    for (size_t i = 1; nodes && i < nodes->len; i++) {
        TRY(eval_operand(r, dot, nodes->items[i], NULL, &no_final, out));
        if (value_is_true(*out) != go_on)
            return NULL;
    }
    if (final != &no_final)
        *out = final;
    return NULL;
}

static Err *eval_function(Run *r, Value *dot, const Node *ident, const Node *where,
                          const NodeList *nodes, Value *final, Value **out) {
    r->at = ident;
    const TmplFunc *f = func_find(r->set->funcs, str_dup(r->mem, ident->text));
    if (!f)
        BUG("the parser let an unknown function pass");
    size_t count = (nodes ? nodes->len - 1 : 0) + (final != &no_final);
    TRY(check_count(r, f, count, 0));
    int lazy = builtin_lazy_truth(f);
    if (lazy >= 0)
        return eval_lazy(r, dot, lazy == 1, nodes, final, out);
    Args args = {0};
    TRY(eval_args(r, dot, nodes, final, &args));
    return finish_call(r, f, &args, where, out);
}

// --- fields --------------------------------------------------------------------------------------

static Err *eval_map_field(Run *r, const Value *map, const char *name, bool has_args, Value **out) {
    Value *v = value_get(map, name);
    if (map->struct_name && !v)
        return fail(r, "can't evaluate field %s in type %s", name, map->struct_name);
    if (has_args && map->struct_name)
        return fail(r, "%s has arguments but cannot be invoked as function", name);
    if (has_args)
        return fail(r, "%s is not a method but has arguments", name);
    if (!v && r->options.missing_key_error) {
        Buf b;
        buf_init(&b, r->mem, 4096);
        tmpl_quote(&b, str_from(name));
        return fail(r, "map has no entry for key %s", b.ptr);
    }
    *out = v && v->kind == V_NULL && map->struct_name ? &nil_pointer : v;
    return NULL;
}

static Err *eval_field(Run *r, Value *dot, const Node *node, const char *name,
                       const NodeList *nodes, Value *final, Value *receiver, Value **out) {
    bool has_args = (nodes && nodes->len > 1) || final != &no_final;
    *out = NULL;
    if (!receiver && r->options.missing_key_error)
        return fail(r, "nil data; no entry for key \"%s\"", name);
    if (!receiver)
        return NULL;
    if (receiver->kind == V_NULL)
        return fail(r, "nil pointer evaluating %s.%s",
                    receiver == &nil_pointer ? "*struct" : "interface {}", name);
    const TmplFunc *method = method_find(receiver, name);
    if (method) {
        Args args = {0};
        size_t count = (nodes ? nodes->len - 1 : 0) + (final != &no_final);
        TRY(check_count(r, method, count, 1));
        list_push(&args, r->mem, receiver);
        TRY(eval_args(r, dot, nodes, final, &args));
        return finish_call(r, method, &args, node, out);
    }
    if (receiver->kind == V_MAP)
        return eval_map_field(r, receiver, name, has_args, out);
    return fail(r, "can't evaluate field %s in type %s", name, print_type(receiver));
}

static Err *eval_chain(Run *r, Value *dot, const Node *node, Value *receiver, size_t first,
                       const NodeList *args, Value *final, Value **out) {
    size_t last = node->idents.len - 1;
    for (size_t i = first; i < last; i++)
        TRY(eval_field(r, dot, node, node->idents.items[i], NULL, &no_final, receiver, &receiver));
    return eval_field(r, dot, node, node->idents.items[last], args, final, receiver, out);
}

// --- operands and pipelines ----------------------------------------------------------------------

static Err *not_a_function(const Run *r, const NodeList *args, const Value *final) {
    if ((args && args->len > 1) || final != &no_final)
        return fail(r, "can't give argument to non-function %s", node_text(r, args->items[0]));
    return NULL;
}

static Err *eval_variable(Run *r, Value *dot, const Node *n, const NodeList *args, Value *final,
                          Value **out) {
    const Var *v = find_var(r, n->idents.items[0]);
    if (!v)
        return fail(r, "undefined variable: %s", n->idents.items[0]);
    if (n->idents.len > 1)
        return eval_chain(r, dot, n, v->value, 1, args, final, out);
    *out = v->value;
    return not_a_function(r, args, final);
}

// `args`: the whole command if `n` is its first word, else NULL.
static Err *eval_operand(Run *r, Value *dot, const Node *n, const NodeList *args, Value *final,
                         Value **out) {
    Value *receiver;
    *out = NULL;
    if (n->kind != N_PIPE || !args)
        TRY(step(r, n));
    switch (n->kind) {
    case N_FIELD:
        return eval_chain(r, dot, n, dot, 0, args, final, out);
    case N_CHAIN:
        TRY(eval_operand(r, dot, n->node, NULL, &no_final, &receiver));
        return eval_chain(r, dot, n, receiver, 0, args, final, out);
    case N_IDENT:
        return eval_function(r, dot, n, n, args, final, out);
    case N_PIPE:
        TRY(not_a_function(r, args, final));
        return eval_pipe(r, dot, n, out);
    case N_VARIABLE:
        return eval_variable(r, dot, n, args, final, out);
    case N_NIL:
        if (!args)
            return NULL;
        TRY(not_a_function(r, args, final));
        return fail(r, "nil is not a command");
    case N_DOT:
        *out = dot;
        return not_a_function(r, args, final);
    case N_CONST:
        *out = n->value;
        return not_a_function(r, args, final);
    default:
        BUG("an operand of kind %d", n->kind);
    }
}

static Err *eval_command(Run *r, Value *dot, const Node *cmd, Value *final, Value **out) {
    const Node *first = cmd->nodes.items[0];
    if (first->kind == N_IDENT) {
        TRY(step(r, first));
        return eval_function(r, dot, first, cmd, &cmd->nodes, final, out);
    }
    return eval_operand(r, dot, first, &cmd->nodes, final, out);
}

static Err *eval_pipe(Run *r, Value *dot, const Node *pipe, Value **out) {
    Value *value = &no_final;
    TRY(step(r, pipe));
    for (size_t i = 0; i < pipe->nodes.len; i++) {
        TRY(eval_command(r, dot, pipe->nodes.items[i], value, &value));
        if (value && value->kind == V_NULL && value != &nil_pointer)
            value = NULL;
    }
    for (size_t i = 0; i < pipe->decls.len; i++) {
        const char *name = pipe->decls.items[i]->idents.items[0];
        if (pipe->assign)
            TRY(set_var(r, name, value));
        else
            push_var(r, name, value);
    }
    *out = value;
    return NULL;
}

// --- actions -------------------------------------------------------------------------------------

static Err *walk(Run *r, Value *dot, const Node *n);

static Err *walk_list(Run *r, Value *dot, const Node *list) {
    r->at = list;
    for (size_t i = 0; i < list->nodes.len && !r->jump; i++)
        TRY(walk(r, dot, list->nodes.items[i]));
    return NULL;
}

static Err *walk_if_or_with(Run *r, Value *dot, const Node *n) {
    size_t mark = r->vars.len;
    Value *v;
    TRY(eval_pipe(r, dot, n->pipe, &v));
    if (value_is_true(v))
        TRY(walk_list(r, n->kind == N_WITH ? v : dot, n->list));
    else if (n->else_list)
        TRY(walk_list(r, dot, n->else_list));
    r->vars.len = mark;
    return NULL;
}

static Err *walk_once(Run *r, const Node *n, Value *index, Value *item) {
    const NodeList *decls = &n->pipe->decls;
    size_t mark = r->vars.len;
    if (n->pipe->assign && decls->len) {
        TRY(set_var(r, decls->items[0]->idents.items[0], decls->len > 1 ? index : item));
        if (decls->len > 1)
            TRY(set_var(r, decls->items[1]->idents.items[0], item));
    } else if (decls->len) {
        r->vars.items[mark - 1].value = item;
        if (decls->len > 1)
            r->vars.items[mark - 2].value = index;
    }
    TRY(walk_list(r, item, n->list));
    if (r->jump == JUMP_CONTINUE)
        r->jump = JUMP_NONE;
    r->vars.len = mark;
    return NULL;
}

static int compare_names(const void *a, const void *b) {
    return strcmp(*(const char *const *)a, *(const char *const *)b);
}

static Err *range_map(Run *r, const Node *n, const Value *map) {
    StrList keys = {0};
    for (size_t i = 0; i < map->u.map.len; i++)
        list_push(&keys, r->mem, map->u.map.items[i].key);
    if (keys.len)
        qsort(keys.items, keys.len, sizeof *keys.items, compare_names);
    for (size_t i = 0; i < keys.len && !r->jump; i++)
        TRY(walk_once(r, n, value_str(r->mem, keys.items[i]), value_get(map, keys.items[i])));
    return NULL;
}

static Err *range_items(Run *r, const Node *n, Value *v, bool *ran) {
    *ran = true;
    if (v->kind == V_INT && n->pipe->decls.len > 1)
        return fail(r, "can't use %s to iterate over more than one variable", shown(r, v));
    if (v->kind == V_INT) {
        *ran = v->u.i > 0;
        for (int64_t i = 0; i < v->u.i && !r->jump; i++) {
            TRY(step(r, n));
            TRY(walk_once(r, n, NULL, value_int(r->mem, i)));
        }
        return NULL;
    }
    *ran = value_len(v) > 0;
    if (v->kind == V_MAP)
        return range_map(r, n, v);
    for (size_t i = 0; i < v->u.list.len && !r->jump; i++)
        TRY(walk_once(r, n, value_int(r->mem, (int64_t)i), v->u.list.items[i]));
    return NULL;
}

static Err *walk_range(Run *r, Value *dot, const Node *n) {
    size_t mark = r->vars.len;
    Value *v;
    bool ran = false;
    TRY(eval_pipe(r, dot, n->pipe, &v));
    if (!is_nil(v)) {
        if (v->kind != V_INT && v->kind != V_LIST && (v->kind != V_MAP || v->struct_name))
            return fail(r, "range can't iterate over %s", shown(r, v));
        TRY(range_items(r, n, v, &ran));
        if (ran && r->jump == JUMP_BREAK)
            r->jump = JUMP_NONE;
    }
    if (!ran && n->else_list)
        TRY(walk_list(r, dot, n->else_list));
    r->vars.len = mark;
    return NULL;
}

static Err *walk_template(Run *r, Value *dot, const Node *n) {
    const Tree *tree = map_get(&r->set->trees, value_text(&(Value){.kind = V_STR, .u.s = n->text}));
    if (!tree) {
        Buf b;
        buf_init(&b, r->mem, 4096);
        tmpl_quote(&b, n->text);
        return fail(r, "template %s not defined", b.ptr);
    }
    if (r->depth >= MAX_TEMPLATE_DEPTH)
        return fail(r, "exceeded maximum template depth (%d)", MAX_TEMPLATE_DEPTH);
    Value *arg = NULL;
    if (n->pipe)
        TRY(eval_pipe(r, dot, n->pipe, &arg));
    Run inner = *r;
    inner.tree = tree;
    inner.depth++;
    inner.vars.items = NULL;
    inner.vars.len = inner.vars.cap = 0;
    push_var(&inner, "$", arg);
    TRY(walk_list(&inner, arg, tree->root));
    r->steps = inner.steps;
    r->made = inner.made;
    return NULL;
}

static Err *print_result(Run *r, const Node *n, const Value *v) {
    r->at = n;
    if (is_nil(v))
        buf_str(r->out, v == &nil_pointer ? "<nil>" : "<no value>");
    else
        tmpl_print(r->out, v);
    return NULL;
}

static Err *check_output(const Run *r) {
    if (!r->out->overflow && r->out->len <= r->limit)
        return NULL;
    return err_set_code(fail(r, "the output is over its limit of %zu bytes", r->options.max_output),
                        E_TOO_LARGE);
}

static Err *walk(Run *r, Value *dot, const Node *n) {
    Value *v;
    TRY(step(r, n));
    switch (n->kind) {
    case N_TEXT:
        buf_add(r->out, n->text.ptr, n->text.len);
        return check_output(r);
    case N_ACTION:
        TRY(eval_pipe(r, dot, n->pipe, &v));
        if (!n->pipe->decls.len)
            TRY(print_result(r, n, v));
        return check_output(r);
    case N_IF:
    case N_WITH:
        return walk_if_or_with(r, dot, n);
    case N_RANGE:
        return walk_range(r, dot, n);
    case N_TEMPLATE:
        return walk_template(r, dot, n);
    case N_BREAK:
    case N_CONTINUE:
        r->jump = n->kind == N_BREAK ? JUMP_BREAK : JUMP_CONTINUE;
        return NULL;
    default:
        BUG("an action of kind %d", n->kind);
    }
}

Err *tmpl_run(Buf *out, const Tmpl *set, const char *name, Value *data,
              const TmplOptions *options) {
    AutoArena tmp = arena_new(NULL);
    if (!set->trees.len)
        return err_new(E_INVALID, "template: the set is empty");
    const Tree *tree = name ? map_get(&set->trees, name) : set->trees.entries[0].value;
    if (!tree) {
        Buf b;
        buf_init(&b, tmp, 4096);
        tmpl_quote(&b, str_from(name));
        return err_new(E_NOT_FOUND, "template: no template %s associated with template \"%s\"",
                       b.ptr, set->trees.entries[0].key);
    }
    Run r = {.out = out, .set = set, .tree = tree, .at = tree->root, .mem = tmp};
    if (options)
        r.options = *options;
    if (!r.options.max_output)
        r.options.max_output = BUF_MAX_TEXT;
    if (!r.options.max_steps)
        r.options.max_steps = DEFAULT_STEPS;
    r.limit = out->len + r.options.max_output;
    if (r.limit < out->len)
        r.limit = SIZE_MAX;
    push_var(&r, "$", data);
    return walk_list(&r, data, tree->root);
}
