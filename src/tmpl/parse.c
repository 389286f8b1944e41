// Recursive descent over the tokens, with the look-ahead of Go's parser, as its error lines follow
// from that.
#include <errno.h>
#include <stdlib.h>

#include "lex.h"
#include "node.h"

typedef struct Parser {
    Lexer lex;
    Token token[3];
    int peeked;
    const char *name; // of the text
    Tmpl *set;
    Map defined; // trees of this text
    StrList vars;
    int action_line, range_depth, paren_depth, nesting;
    Arena *mem;
} Parser;

static PRINTF(2, 3) MUST_USE Err *fail(Parser *p, const char *fmt, ...) {
    va_list ap;
    va_start(ap, fmt);
    const char *message = arena_vprintf(p->mem, fmt, ap);
    va_end(ap);
    return err_new(E_SYNTAX, "template: %s:%d: %s", p->name, p->token[0].line, message);
}

static Token next(Parser *p) {
    if (p->peeked > 0)
        p->peeked--;
    else
        p->token[0] = lexer_next(&p->lex);
    return p->token[p->peeked];
}
static void backup(Parser *p) {
    p->peeked++;
}
static void backup2(Parser *p, Token t1) {
    p->token[1] = t1;
    p->peeked = 2;
}
static void backup3(Parser *p, Token t2, Token t1) {
    p->token[1] = t1;
    p->token[2] = t2;
    p->peeked = 3;
}
static Token peek(Parser *p) {
    if (p->peeked > 0)
        return p->token[p->peeked - 1];
    p->peeked = 1;
    p->token[0] = lexer_next(&p->lex);
    return p->token[0];
}
static Token next_solid(Parser *p) {
    Token t;
    do
        t = next(p);
    while (t.kind == T_SPACE);
    return t;
}
static Token peek_solid(Parser *p) {
    Token t = next_solid(p);
    backup(p);
    return t;
}

static Err *unexpected(Parser *p, Token t, const char *context) {
    const char *text = token_text(&t, p->mem);
    if (t.kind != T_ERROR)
        return fail(p, "unexpected %s in %s", text, context);
    if (p->action_line && p->action_line != t.line)
        return fail(p, "%s%s started at %s:%d", text,
                    cstr_ends(text, " action") ? "" : " in action", p->name, p->action_line);
    return fail(p, "%s", text);
}

static Err *expect_delim(Parser *p, const char *context) {
    Token t = next_solid(p);
    return t.kind == T_RIGHT_DELIM ? NULL : unexpected(p, t, context);
}

static Node *node_new(Parser *p, NodeKind kind, Token t) {
    Node *n = NEW(p->mem, Node);
    *n = (Node){.kind = kind, .pos = t.pos, .line = t.line};
    return n;
}

static const char *quoted(Parser *p, Str s) {
    Buf b;
    buf_init(&b, p->mem, BUF_MAX_TEXT);
    tmpl_quote(&b, s);
    return b.ptr;
}

static Err *parse_pipe(Parser *p, Node **out, const char *context, TokenKind end);
static Err *parse_list(Parser *p, Node **out, Node **end);

// --- operands ------------------------------------------------------------------------------------

static Err *parse_char(Parser *p, Token t, Value **out) {
    Str text;
    uint32_t cp;
    if (!tmpl_unquote(&text, t.text, p->mem))
        return fail(p, "malformed character constant: %.*s", (int)t.text.len, t.text.ptr);
    if (utf8_decode(text.ptr, text.len, &cp) != text.len)
        cp = text.len == 1 ? (unsigned char)text.ptr[0] : 0xFFFD;
    *out = value_int(p->mem, cp);
    return NULL;
}

// Go's ParseInt with base 0: prefixes 0x, 0o, 0b and 0, underscores between digits.
static bool whole_number(const char *s, bool *overflow, int64_t *out) {
    bool negative = *s == '-';
    s += *s == '-' || *s == '+';
    int base = 10;
    if (*s == '0' && s[1]) {
        char c = (char)(s[1] | 0x20);
        base = c == 'x' ? 16 : c == 'b' ? 2 : 8;
        s += base == 8 && c != 'o' ? 1 : 2;
    }
    char digits[80];
    size_t n = 0;
    for (; *s && n < sizeof digits - 1; s++) {
        if (*s != '_')
            digits[n++] = *s;
        else if (!s[1] || s[1] == '_')
            return false;
    }
    digits[n] = 0;
    char *end;
    errno = 0;
    unsigned long long u = strtoull(digits, &end, base);
    if (!n || *end || *s)
        return false;
    *overflow = errno == ERANGE || u > (unsigned long long)INT64_MAX + negative;
    *out = negative ? (int64_t)(0 - u) : (int64_t)u;
    return true;
}

static Err *parse_number(Parser *p, Token t, Value **out) {
    const char *s = str_dup(p->mem, t.text);
    int64_t i;
    bool overflow = false;
    if (whole_number(s, &overflow, &i)) {
        if (overflow)
            return fail(p, "integer overflow: %s", quoted(p, t.text));
        *out = value_int(p->mem, i);
        return NULL;
    }
    char *end;
    double r = strtod(cstr_replace(p->mem, s, "_", ""), &end);
    if (*end || !strpbrk(s, ".eEpP") || r > 1e308 || r < -1e308)
        return fail(p, "illegal number syntax: %s", quoted(p, t.text));
    *out = value_real(p->mem, r);
    return NULL;
}

static Err *parse_const(Parser *p, Token t, Node **out) {
    Node *n = node_new(p, N_CONST, t);
    n->text = t.text;
    Str text;
    *out = n;
    switch (t.kind) {
    case T_BOOL:
        n->value = value_bool(p->mem, t.text.ptr[0] == 't');
        return NULL;
    case T_CHAR_CONST:
        return parse_char(p, t, &n->value);
    case T_NUMBER:
        return parse_number(p, t, &n->value);
    default:
        if (!tmpl_unquote(&text, t.text, p->mem))
            return fail(p, "invalid syntax");
        n->value = value_bytes(p->mem, text);
        return NULL;
    }
}

static Err *parse_variable(Parser *p, Token t, Node **out) {
    Node *n = node_new(p, N_VARIABLE, t);
    const char *name = str_dup(p->mem, t.text);
    list_push(&n->idents, p->mem, name);
    *out = n;
    if (!strlist_has(&p->vars, name))
        return fail(p, "undefined variable %s", quoted(p, t.text));
    return NULL;
}

static Err *parse_parens(Parser *p, Node **out) {
    if (p->paren_depth >= MAX_NESTING)
        return fail(p, "max expression depth exceeded");
    p->paren_depth++;
    TRY(parse_pipe(p, out, "parenthesized pipeline", T_RIGHT_PAREN));
    p->paren_depth--;
    return NULL;
}

// *out NULL: no operand starts here.
static Err *parse_term(Parser *p, Node **out) {
    Token t = next_solid(p);
    *out = NULL;
    switch (t.kind) {
    case T_IDENT:
        if (!func_find(p->set->funcs, str_dup(p->mem, t.text)))
            return fail(p, "function %s not defined", quoted(p, t.text));
        *out = node_new(p, N_IDENT, t);
        (*out)->text = t.text;
        return NULL;
    case T_DOT:
        *out = node_new(p, N_DOT, t);
        return NULL;
    case T_NIL:
        *out = node_new(p, N_NIL, t);
        return NULL;
    case T_VARIABLE:
        return parse_variable(p, t, out);
    case T_FIELD:
        *out = node_new(p, N_FIELD, t);
        list_push(&(*out)->idents, p->mem, arena_strndup(p->mem, t.text.ptr + 1, t.text.len - 1));
        return NULL;
    case T_LEFT_PAREN:
        return parse_parens(p, out);
    case T_BOOL:
    case T_CHAR_CONST:
    case T_NUMBER:
    case T_STRING:
    case T_RAW_STRING:
        return parse_const(p, t, out);
    default:
        backup(p);
        return NULL;
    }
}

static Err *parse_operand(Parser *p, Node **out) {
    TRY(parse_term(p, out));
    Node *n = *out;
    if (!n || peek(p).kind != T_FIELD)
        return NULL;
    Token first = peek(p);
    StrList fields = {0};
    while (peek(p).kind == T_FIELD) {
        Str text = next(p).text;
        list_push(&fields, p->mem, arena_strndup(p->mem, text.ptr + 1, text.len - 1));
    }
    if (n->kind == N_CONST || n->kind == N_NIL || n->kind == N_DOT) {
        Buf b;
        buf_init(&b, p->mem, BUF_MAX_TEXT);
        node_write(&b, n);
        return fail(p, "unexpected . after term %s", quoted(p, buf_view(&b)));
    }
    if (n->kind != N_FIELD && n->kind != N_VARIABLE) {
        *out = node_new(p, N_CHAIN, first);
        (*out)->node = n;
    }
    for (size_t i = 0; i < fields.len; i++)
        list_push(&(*out)->idents, p->mem, fields.items[i]);
    (*out)->pos = first.pos;
    return NULL;
}

// --- pipelines -----------------------------------------------------------------------------------

static Err *parse_command(Parser *p, Node **out) {
    Node *cmd = *out = node_new(p, N_COMMAND, peek_solid(p));
    for (;;) {
        peek_solid(p);
        Node *operand;
        TRY(parse_operand(p, &operand));
        if (operand)
            list_push(&cmd->nodes, p->mem, operand);
        Token t = next(p);
        if (t.kind == T_SPACE)
            continue;
        if (t.kind == T_RIGHT_DELIM || t.kind == T_RIGHT_PAREN)
            backup(p);
        else if (t.kind != T_PIPE)
            return unexpected(p, t, "operand");
        break;
    }
    if (!cmd->nodes.len)
        return fail(p, "empty command");
    return NULL;
}

static void declare(Parser *p, Node *pipe, Token v) {
    Node *n = node_new(p, N_VARIABLE, v);
    const char *name = str_dup(p->mem, v.text);
    list_push(&n->idents, p->mem, name);
    list_push(&pipe->decls, p->mem, n);
    list_push(&p->vars, p->mem, name);
}

// `$x :=`, `$x =` or, for range, `$i, $x :=` in front of a pipeline.
static Err *parse_decls(Parser *p, Node *pipe, const char *context) {
    while (peek_solid(p).kind == T_VARIABLE) {
        Token v = next_solid(p), after = peek(p), t = peek_solid(p);
        if (t.kind == T_ASSIGN || t.kind == T_DECLARE) {
            pipe->assign = t.kind == T_ASSIGN;
            next_solid(p);
            declare(p, pipe, v);
            return NULL;
        }
        if (t.kind != T_CHAR || t.text.ptr[0] != ',') {
            if (after.kind == T_SPACE)
                backup3(p, v, after);
            else
                backup2(p, v);
            return NULL;
        }
        next_solid(p);
        declare(p, pipe, v);
        if (!cstr_eq(context, "range") || pipe->decls.len > 1)
            return fail(p, "too many declarations in %s", context);
        TokenKind kind = peek_solid(p).kind;
        if (kind != T_VARIABLE && kind != T_RIGHT_DELIM && kind != T_RIGHT_PAREN)
            return fail(p, "range can only initialize variables");
    }
    return NULL;
}

static Err *check_pipe(Parser *p, const Node *pipe, const char *context) {
    if (!pipe->nodes.len)
        return fail(p, "missing value for %s", context);
    for (size_t i = 1; i < pipe->nodes.len; i++) {
        NodeKind kind = pipe->nodes.items[i]->nodes.items[0]->kind;
        if (kind == N_CONST || kind == N_DOT || kind == N_NIL)
            return fail(p, "non executable command in pipeline stage %zu", i + 1);
    }
    return NULL;
}

static bool starts_operand(TokenKind kind) {
    static const TokenKind kinds[] = {T_BOOL,   T_CHAR_CONST, T_DOT,       T_FIELD,
                                      T_IDENT,  T_NUMBER,     T_NIL,       T_RAW_STRING,
                                      T_STRING, T_VARIABLE,   T_LEFT_PAREN};
    for (size_t i = 0; i < COUNT_OF(kinds); i++)
        if (kinds[i] == kind)
            return true;
    return false;
}

static Err *parse_pipe(Parser *p, Node **out, const char *context, TokenKind end) {
    Node *pipe = *out = node_new(p, N_PIPE, peek_solid(p));
    TRY(parse_decls(p, pipe, context));
    for (;;) {
        Token t = next_solid(p);
        if (t.kind == end)
            return check_pipe(p, pipe, context);
        if (!starts_operand(t.kind))
            return unexpected(p, t, context);
        backup(p);
        Node *cmd;
        TRY(parse_command(p, &cmd));
        list_push(&pipe->nodes, p->mem, cmd);
    }
}

// --- actions -------------------------------------------------------------------------------------

static bool is_blank(Str s) {
    for (size_t i = 0; i < s.len; i++)
        if (!strchr(" \t\r\n\v\f", s.ptr[i]) || !s.ptr[i])
            return false;
    return true;
}

static bool is_empty(const Node *root) {
    for (size_t i = 0; i < root->nodes.len; i++)
        if (root->nodes.items[i]->kind != N_TEXT || !is_blank(root->nodes.items[i]->text))
            return false;
    return true;
}

static Err *add_tree(Parser *p, const char *name, Node *root) {
    const Tree *old = map_get(&p->defined, name);
    if (old && !is_empty(old->root)) {
        if (!is_empty(root))
            return fail(p, "template: multiple definition of template %s",
                        quoted(p, str_from(name)));
        return NULL;
    }
    Tree *tree = NEW(p->mem, Tree);
    *tree = (Tree){name, p->name, p->lex.in, root};
    map_set(&p->defined, name, tree);
    return NULL;
}

static Err *parse_name(Parser *p, Token t, const char *context, const char **out) {
    Str name;
    if (t.kind != T_STRING && t.kind != T_RAW_STRING)
        return unexpected(p, t, context);
    if (!tmpl_unquote(&name, t.text, p->mem))
        return fail(p, "invalid syntax");
    *out = str_dup(p->mem, name);
    return NULL;
}

// The body of a define or block: its own variables, up to its {{end}}.
static Err *parse_body(Parser *p, const char *name, const char *context) {
    StrList outer = p->vars;
    int range_depth = p->range_depth;
    p->vars = (StrList){0};
    list_push(&p->vars, p->mem, "$");
    p->range_depth = 0;
    Node *root, *end;
    TRY(parse_list(p, &root, &end));
    if (end->kind != N_END)
        return fail(p, "unexpected {{else}} in %s", context);
    TRY(add_tree(p, name, root));
    p->vars = outer;
    p->range_depth = range_depth;
    return NULL;
}

static Err *parse_define(Parser *p) {
    const char *name;
    TRY(parse_name(p, next_solid(p), "define clause", &name));
    TRY(expect_delim(p, "define clause"));
    return parse_body(p, name, "define clause");
}

static Err *parse_template(Parser *p, Node **out, bool block) {
    const char *context = block ? "block clause" : "template clause", *name;
    Token t = next_solid(p);
    TRY(parse_name(p, t, context, &name));
    Node *n = *out = node_new(p, N_TEMPLATE, t);
    n->text = str_from(name);
    if (!block && next_solid(p).kind == T_RIGHT_DELIM)
        return NULL;
    if (!block)
        backup(p);
    TRY(parse_pipe(p, &n->pipe, context, T_RIGHT_DELIM));
    return block ? parse_body(p, name, context) : NULL;
}

static Err *parse_control(Parser *p, Node **out, NodeKind kind);

// `{{else if}}` and `{{else with}}` nest in the list of the else; they share its {{end}}.
static Err *parse_else(Parser *p, Node *n, Node *next_node) {
    Node *end;
    TokenKind kind = peek_solid(p).kind;
    if ((n->kind == N_IF && kind == T_IF) || (n->kind == N_WITH && kind == T_WITH)) {
        next_solid(p);
        n->else_list = NEW(p->mem, Node);
        *n->else_list = (Node){.kind = N_LIST, .pos = next_node->pos, .line = next_node->line};
        Node *inner;
        TRY(parse_control(p, &inner, n->kind));
        list_push(&n->else_list->nodes, p->mem, inner);
        return NULL;
    }
    TRY(parse_list(p, &n->else_list, &end));
    if (end->kind != N_END)
        return fail(p, "expected end; found {{else}}");
    return NULL;
}

static Err *parse_control(Parser *p, Node **out, NodeKind kind) {
    const char *context = kind == N_IF ? "if" : kind == N_WITH ? "with" : "range";
    if (++p->nesting > MAX_NESTING)
        return fail(p, "control structures nest deeper than %d", MAX_NESTING);
    size_t vars = p->vars.len;
    Node *n = *out = node_new(p, kind, peek_solid(p)), *end;
    TRY(parse_pipe(p, &n->pipe, context, T_RIGHT_DELIM));
    n->pos = n->pipe->pos;
    p->range_depth += kind == N_RANGE;
    TRY(parse_list(p, &n->list, &end));
    p->range_depth -= kind == N_RANGE;
    if (end->kind == N_ELSE)
        TRY(parse_else(p, n, end));
    p->vars.len = vars;
    p->nesting--;
    return NULL;
}

static Err *parse_jump(Parser *p, Node **out, Token word) {
    bool is_break = word.kind == T_BREAK;
    const char *name = is_break ? "{{break}}" : "{{continue}}";
    TRY(expect_delim(p, name));
    if (!p->range_depth)
        return fail(p, "%s outside {{range}}", name);
    *out = node_new(p, is_break ? N_BREAK : N_CONTINUE, word);
    return NULL;
}

static Err *parse_else_word(Parser *p, Node **out) {
    Token t = peek_solid(p);
    *out = node_new(p, N_ELSE, t);
    if (t.kind == T_IF || t.kind == T_WITH)
        return NULL;
    return expect_delim(p, "else");
}

static Err *parse_action(Parser *p, Node **out) {
    Token t = next_solid(p);
    switch (t.kind) {
    case T_BLOCK:
    case T_TEMPLATE:
        return parse_template(p, out, t.kind == T_BLOCK);
    case T_BREAK:
    case T_CONTINUE:
        return parse_jump(p, out, t);
    case T_ELSE:
        return parse_else_word(p, out);
    case T_END:
        *out = node_new(p, N_END, t);
        return expect_delim(p, "end");
    case T_IF:
        return parse_control(p, out, N_IF);
    case T_RANGE:
        return parse_control(p, out, N_RANGE);
    case T_WITH:
        return parse_control(p, out, N_WITH);
    default:
        backup(p);
        *out = node_new(p, N_ACTION, peek(p));
        return parse_pipe(p, &(*out)->pipe, "command", T_RIGHT_DELIM);
    }
}

static Err *parse_item(Parser *p, Node **out) {
    Token t = next_solid(p);
    if (t.kind == T_TEXT) {
        *out = node_new(p, N_TEXT, t);
        (*out)->text = t.text;
        return NULL;
    }
    if (t.kind != T_LEFT_DELIM)
        return unexpected(p, t, "input");
    p->action_line = t.line;
    TRY(parse_action(p, out));
    p->action_line = 0;
    return NULL;
}

// Up to the {{end}} or {{else}} that it returns.
static Err *parse_list(Parser *p, Node **out, Node **end) {
    *out = node_new(p, N_LIST, peek_solid(p));
    while (peek_solid(p).kind != T_EOF) {
        Node *n = NULL;
        TRY(parse_item(p, &n));
        if (n->kind == N_END || n->kind == N_ELSE) {
            *end = n;
            return NULL;
        }
        list_push(&(*out)->nodes, p->mem, n);
    }
    return fail(p, "unexpected EOF");
}

static Err *parse_top(Parser *p, const char *name) {
    Node *root = node_new(p, N_LIST, peek(p));
    while (peek(p).kind != T_EOF) {
        if (peek(p).kind == T_LEFT_DELIM) {
            Token delim = next(p);
            if (next_solid(p).kind == T_DEFINE) {
                TRY(parse_define(p));
                continue;
            }
            backup2(p, delim);
        }
        Node *n = NULL;
        TRY(parse_item(p, &n));
        if (n->kind == N_END || n->kind == N_ELSE)
            return fail(p, "unexpected {{%s}}", n->kind == N_END ? "end" : "else");
        list_push(&root->nodes, p->mem, n);
    }
    return add_tree(p, name, root);
}

Tmpl *tmpl_new(const TmplFuncs *funcs, Arena *mem) {
    Tmpl *set = NEW(mem, Tmpl);
    *set = (Tmpl){.mem = mem, .funcs = funcs};
    map_init(&set->trees, mem);
    return set;
}

Err *tmpl_add(Tmpl *set, const char *name, Str text) {
    Parser *p = NEW(set->mem, Parser);
    *p = (Parser){.name = arena_strdup(set->mem, name), .set = set, .mem = set->mem};
    map_init(&p->defined, set->mem);
    list_push(&p->vars, p->mem, "$");
    lexer_init(&p->lex, str_slice(str_dup(set->mem, text), text.len), set->mem);
    TRY(parse_top(p, p->name));
    // The text's own template comes first, so that it is the one to run by default.
    if (!map_has(&set->trees, p->name))
        map_set(&set->trees, p->name, map_get(&p->defined, p->name));
    for (size_t i = 0; i < p->defined.len; i++) {
        MapEntry *e = &p->defined.entries[i];
        if (!map_has(&set->trees, e->key) || !is_empty(((const Tree *)e->value)->root))
            map_set(&set->trees, e->key, e->value);
    }
    return NULL;
}

Err *tmpl_parse(Tmpl **out, const char *name, const char *text, const TmplFuncs *funcs,
                Arena *mem) {
    *out = tmpl_new(funcs, mem);
    return tmpl_add(*out, name, str_from(text));
}
