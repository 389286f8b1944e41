#include "node.h"

static void write_list(Buf *out, const NodeList *list, const char *sep) {
    for (size_t i = 0; i < list->len; i++) {
        const Node *n = list->items[i];
        if (i)
            buf_str(out, sep);
        bool parens = n->kind == N_PIPE;
        buf_str(out, parens ? "(" : "");
        node_write(out, n);
        buf_str(out, parens ? ")" : "");
    }
}

static void write_pipe(Buf *out, const Node *n) {
    write_list(out, &n->decls, ", ");
    if (n->decls.len)
        buf_str(out, n->assign ? " = " : " := ");
    write_list(out, &n->nodes, " | ");
}

static void write_idents(Buf *out, const StrList *idents, bool first_dot) {
    for (size_t i = 0; i < idents->len; i++)
        buf_printf(out, "%s%s", i || first_dot ? "." : "", idents->items[i]);
}

static void write_control(Buf *out, const char *word, const Node *n) {
    buf_printf(out, "{{%s ", word);
    write_pipe(out, n->pipe);
    buf_str(out, "}}");
    node_write(out, n->list);
    if (n->else_list) {
        buf_str(out, "{{else}}");
        node_write(out, n->else_list);
    }
    buf_str(out, "{{end}}");
}

static void write_chain(Buf *out, const Node *n) {
    bool parens = n->node->kind == N_PIPE;
    buf_str(out, parens ? "(" : "");
    node_write(out, n->node);
    buf_str(out, parens ? ")" : "");
    write_idents(out, &n->idents, true);
}

static void write_template(Buf *out, const Node *n) {
    buf_str(out, "{{template ");
    tmpl_quote(out, n->text);
    if (n->pipe) {
        buf_char(out, ' ');
        write_pipe(out, n->pipe);
    }
    buf_str(out, "}}");
}

void node_write(Buf *out, const Node *n) {
    switch (n->kind) {
    case N_LIST:
        write_list(out, &n->nodes, "");
        break;
    case N_TEXT:
    case N_IDENT:
    case N_CONST:
        buf_add(out, n->text.ptr, n->text.len);
        break;
    case N_ACTION:
        buf_str(out, "{{");
        write_pipe(out, n->pipe);
        buf_str(out, "}}");
        break;
    case N_IF:
        write_control(out, "if", n);
        break;
    case N_WITH:
        write_control(out, "with", n);
        break;
    case N_RANGE:
        write_control(out, "range", n);
        break;
    case N_TEMPLATE:
        write_template(out, n);
        break;
    case N_BREAK:
        buf_str(out, "{{break}}");
        break;
    case N_CONTINUE:
        buf_str(out, "{{continue}}");
        break;
    case N_END:
        buf_str(out, "{{end}}");
        break;
    case N_ELSE:
        buf_str(out, "{{else}}");
        break;
    case N_PIPE:
        write_pipe(out, n);
        break;
    case N_COMMAND:
        write_list(out, &n->nodes, " ");
        break;
    case N_FIELD:
        write_idents(out, &n->idents, true);
        break;
    case N_VARIABLE:
        write_idents(out, &n->idents, false);
        break;
    case N_CHAIN:
        write_chain(out, n);
        break;
    case N_DOT:
        buf_char(out, '.');
        break;
    case N_NIL:
        buf_str(out, "nil");
        break;
    }
}

char *node_location(const Tree *tree, const Node *n, Arena *mem) {
    size_t line = 1, column = 0;
    for (size_t i = 0; i < n->pos && i < tree->text.len; i++) {
        bool newline = tree->text.ptr[i] == '\n';
        line += newline;
        column = newline ? 0 : column + 1;
    }
    return arena_printf(mem, "%s:%zu:%zu", tree->parse_name, line, column);
}

const TmplFunc *func_find(const TmplFuncs *funcs, const char *name) {
    for (const TmplFuncs *f = funcs; f; f = f->next)
        for (size_t i = 0; i < f->count; i++)
            if (cstr_eq(f->items[i].name, name))
                return &f->items[i];
    return funcs == &tmpl_builtins ? NULL : func_find(&tmpl_builtins, name);
}
