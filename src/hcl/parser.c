// Bodies: attributes and blocks. Errors do not stop the parse: it goes on behind the broken item.
#include "syntax.h"

const Token *peek(const Parser *p) {
    size_t i = p->pos;
    while (p->tokens[i].type == T_NEWLINE && !list_last(&p->newlines))
        i++;
    return &p->tokens[i];
}

const Token *take(Parser *p) {
    const Token *t = peek(p);
    p->pos = (size_t)(t - p->tokens);
    if (t->type != T_EOF)
        p->pos++;
    return t;
}

HclRange previous_range(const Parser *p) {
    return p->tokens[p->pos > 0 ? p->pos - 1 : 0].range;
}

void newlines_push(Parser *p, bool on) { list_push(&p->newlines, p->mem, on); }
void newlines_pop(Parser *p) { p->newlines.len--; }

void parse_error(Parser *p, HclRange range, const char *summary, const char *detail, ...) {
    if (p->recovery)
        return;
    va_list ap;
    va_start(ap, detail);
    const char *text = arena_vprintf(p->mem, detail, ap);
    va_end(ap);
    diag_add(p->diags, &range, summary, "%s", text);
    p->recovery = true;
}

bool enter(Parser *p) {
    if (p->depth < PARSE_MAX_DEPTH) {
        p->depth++;
        return true;
    }
    parse_error(p, peek(p)->range, "Nesting too deep",
                "Brackets, blocks and templates may nest %d levels deep.", (int)PARSE_MAX_DEPTH);
    p->depth++;
    return false;
}

void leave(Parser *p) { p->depth--; }

static TokenType closer_of(TokenType open) {
    switch (open) {
    case T_OBRACE: return T_CBRACE;
    case T_OBRACK: return T_CBRACK;
    case T_OPAREN: return T_CPAREN;
    case T_OQUOTE: return T_CQUOTE;
    case T_OHEREDOC: return T_CHEREDOC;
    case T_INTERP:
    case T_CONTROL: return T_SEQ_END;
    default: return T_EOF;
    }
}

static bool is_closer(TokenType t) {
    return t == T_CBRACE || t == T_CBRACK || t == T_CPAREN || t == T_CQUOTE || t == T_CHEREDOC ||
           t == T_SEQ_END;
}

void recover_over(Parser *p, TokenType end) {
    int open = 0;
    p->recovery = true;
    for (;; p->pos++) {
        TokenType t = p->tokens[p->pos].type;
        if (t == T_EOF)
            return;
        if (open == 0 && t == end) {
            p->pos++;
            return;
        }
        if (closer_of(t) != T_EOF)
            open++;
        else if (is_closer(t) || t == T_BROKEN_LINE)
            open -= open > 0;
    }
}

// To the newline that ends the broken item, or in front of the brace that ends its body.
static void recover_after_item(Parser *p) {
    int open = 0;
    for (;; p->pos++) {
        TokenType t = p->tokens[p->pos].type;
        if (t == T_EOF || (t == T_CBRACE && open == 0))
            break;
        if (t == T_NEWLINE && open == 0) {
            p->pos++;
            break;
        }
        if (closer_of(t) != T_EOF)
            open++;
        else if (is_closer(t) || t == T_BROKEN_LINE)
            open -= open > 0;
    }
    p->recovery = false;
}

static void parse_body(Parser *p, HclBody *body, TokenType end);

static void add_attr(Parser *p, HclBody *body, HclAttr *a) {
    const HclAttr *old = hcl_body_attr(body, a->name);
    if (old) {
        diag_add(p->diags, &a->name_range, "Attribute redefined",
                 "The argument \"%s\" was already set at %s. Each argument may be set only once.",
                 a->name, hcl_range_text(p->mem, &old->name_range));
        return;
    }
    list_push(&body->attrs, p->mem, a);
}

static HclAttr *parse_attr_value(Parser *p, const Token *name) {
    HclAttr *a = NEW(p->mem, HclAttr);
    take(p); // the equals sign
    a->name = str_dup(p->mem, name->text);
    a->name_range = name->range;
    a->expr = parse_expr(p);
    a->range = range_between(name->range, a->expr->range);
    return a;
}

static void parse_attr(Parser *p, HclBody *body, const Token *name) {
    HclAttr *a = parse_attr_value(p, name);
    bool broken = p->recovery;
    const Token *end = peek(p);
    if (broken) {
        recover_after_item(p);
    } else if (end->type == T_NEWLINE) {
        take(p);
    } else if (end->type != T_EOF) {
        bool comma = end->type == T_COMMA;
        parse_error(p, end->range,
                    comma ? "Unexpected comma after argument" : "Missing newline after argument",
                    "%sAn argument definition must end with a newline.",
                    comma ? "Argument definitions must be separated by newlines, not commas. "
                          : "");
        recover_after_item(p);
    }
    add_attr(p, body, a);
}

// Behind "{" on the same line: nothing, or one attribute, and "}".
static void parse_single_line(Parser *p, HclBody *body) {
    static const char summary[] = "Invalid single-argument block definition";
    const Token *t = peek(p);
    if (t->type == T_IDENT) {
        const Token *name = take(p);
        if (peek(p)->type != T_EQUAL) {
            parse_error(p, peek(p)->range, "Argument definition required",
                        "A single-line block definition can contain only a single argument. If "
                        "you meant to define argument \"%.*s\", use an equals sign to assign it a "
                        "value. To define a nested block, place it on a line of its own within "
                        "its parent block.",
                        (int)name->text.len, name->text.ptr);
            return;
        }
        add_attr(p, body, parse_attr_value(p, name));
    } else if (t->type != T_CBRACE) {
        parse_error(p, t->range, t->type == T_OQUOTE ? "Invalid argument name"
                                                     : "Argument or block definition required",
                    "%s", t->type == T_OQUOTE ? "Argument names must not be quoted."
                                              : "An argument or block definition is required "
                                                "here.");
        return;
    }
    t = peek(p);
    if (t->type == T_COMMA)
        parse_error(p, t->range, summary,
                    "Single-line block syntax can include only one argument definition. To define "
                    "multiple arguments, use the multi-line block syntax with one argument "
                    "definition per line.");
    else if (t->type == T_NEWLINE)
        parse_error(p, t->range, summary,
                    "An argument definition on the same line as its containing block creates a "
                    "single-line block definition, which must also be closed on the same line. "
                    "Place the block's closing brace immediately after the argument definition.");
    else if (t->type != T_CBRACE)
        parse_error(p, t->range, summary,
                    "A single-line block definition must end with a closing brace immediately "
                    "after its single argument definition.");
}

static void parse_block_labels(Parser *p, HclBlock *b) {
    for (;;) {
        const Token *t = peek(p);
        HclRange range = t->range;
        const char *label;
        if (t->type == T_IDENT) {
            take(p);
            label = str_dup(p->mem, t->text);
        } else if (t->type == T_OQUOTE) {
            take(p);
            label = parse_label(p, t, &range);
        } else {
            return;
        }
        if (!label)
            return;
        list_push(&b->labels, p->mem, label);
        list_push(&b->label_ranges, p->mem, range);
        b->range.end = range.end;
    }
}

static bool open_block(Parser *p, HclBlock *b) {
    const Token *t = peek(p);
    if (p->recovery)
        return false;
    if (t->type == T_OBRACE) {
        take(p);
        b->open_range = t->range;
        return true;
    }
    static const char summary[] = "Invalid block definition";
    if (t->type == T_EQUAL)
        parse_error(p, t->range, summary,
                    "The equals sign \"=\" indicates an argument definition, and must not be used "
                    "when defining a block.");
    else if (t->type == T_NEWLINE)
        parse_error(p, t->range, summary,
                    "A block definition must have block content delimited by \"{\" and \"}\", "
                    "starting on the same line as the block header.");
    else
        parse_error(p, t->range, summary,
                    "Either a quoted string block label or an opening brace (\"{\") is expected "
                    "here.");
    return false;
}

static void close_block(Parser *p, HclBlock *b) {
    const Token *t = peek(p);
    if (!p->recovery && t->type == T_CBRACE)
        b->close_range = take(p)->range;
    else
        recover_over(p, T_CBRACE);
    b->body->range.end = previous_range(p).end;
    t = peek(p);
    if (t->type == T_NEWLINE && !p->recovery) {
        take(p);
    } else if (t->type != T_EOF) {
        parse_error(p, t->range, "Missing newline after block definition",
                    "A block definition must end with a newline.");
        recover_after_item(p);
    }
    p->recovery = false;
}

static void parse_block(Parser *p, HclBody *body, const Token *type) {
    HclBlock *b = NEW(p->mem, HclBlock);
    b->type = str_dup(p->mem, type->text);
    b->type_range = b->range = type->range;
    b->body = NEW(p->mem, HclBody);
    parse_block_labels(p, b);
    if (!open_block(p, b)) {
        recover_after_item(p);
        return;
    }
    b->body->range = b->open_range;
    b->close_range = b->open_range;
    list_push(&body->blocks, p->mem, b);
    if (!enter(p)) {
        recover_over(p, T_CBRACE);
    } else if (peek(p)->type == T_NEWLINE || peek(p)->type == T_EOF) {
        parse_body(p, b->body, T_CBRACE);
    } else if (peek(p)->type != T_CBRACE) {
        parse_single_line(p, b->body);
    }
    leave(p);
    close_block(p, b);
}

static void parse_item(Parser *p, HclBody *body) {
    const Token *name = take(p);
    switch (peek(p)->type) {
    case T_EQUAL: parse_attr(p, body, name); break;
    case T_OQUOTE:
    case T_OBRACE:
    case T_IDENT: parse_block(p, body, name); break;
    default:
        parse_error(p, name->range, "Argument or block definition required",
                    "An argument or block definition is required here. To set an argument, use "
                    "the equals sign \"=\" to introduce the argument value.");
        recover_after_item(p);
    }
}

static void parse_body(Parser *p, HclBody *body, TokenType end) {
    HclRange start = previous_range(p);
    for (;;) {
        const Token *t = peek(p);
        if (t->type == end)
            return;
        if (t->type == T_NEWLINE) {
            take(p);
        } else if (t->type == T_IDENT) {
            parse_item(p, body);
        } else if (t->type == T_EOF) {
            parse_error(p, start, "Unclosed configuration block",
                        "There is no closing brace for this block before the end of the file. "
                        "This may be caused by incorrect brace nesting elsewhere in this file.");
            return;
        } else {
            take(p);
            bool quote = t->type == T_OQUOTE;
            parse_error(p, t->range,
                        quote ? "Invalid argument name" : "Argument or block definition required",
                        "%s",
                        quote ? "Argument names must not be quoted."
                              : "An argument or block definition is required here.");
            // What follows cannot be told apart from the broken part: the body ends here.
            if (end == T_EOF)
                recover_over(p, T_EOF);
            p->recovery = true;
            return;
        }
    }
}

const HclAttr *hcl_body_attr(const HclBody *b, const char *name) {
    for (size_t i = 0; i < b->attrs.len; i++)
        if (cstr_eq(b->attrs.items[i]->name, name))
            return b->attrs.items[i];
    return NULL;
}

static void parser_init(Parser *p, Tokens *tokens, Diags *diags, const char *name, Str source,
                        Arena *mem) {
    lex(tokens, name, source, diags);
    *p = (Parser){.tokens = tokens->list.items, .count = tokens->list.len, .diags = diags,
                  .mem = mem};
}

Err *hcl_parse(HclFile **out, const char *name, Str source, Arena *mem) {
    AutoArena tmp = arena_new(NULL);
    Diags diags = {.mem = tmp};
    Tokens tokens = {.mem = tmp};
    Parser p;
    HclFile *file = NEW(mem, HclFile);
    file->name = arena_strdup(mem, name);
    file->source = source;
    file->body = NEW(mem, HclBody);
    parser_init(&p, &tokens, &diags, file->name, source, mem);
    file->body->range = range_between(p.tokens[0].range, p.tokens[p.count - 1].range);
    newlines_push(&p, true);
    parse_body(&p, file->body, T_EOF);
    TRY(diag_err(&diags));
    *out = file;
    return NULL;
}

Err *hcl_parse_expr(const HclExpr **out, const char *name, Str source, Arena *mem) {
    AutoArena tmp = arena_new(NULL);
    Diags diags = {.mem = tmp};
    Tokens tokens = {.mem = tmp};
    Parser p;
    parser_init(&p, &tokens, &diags, arena_strdup(mem, name), source, mem);
    newlines_push(&p, false);
    HclExpr *x = parse_expr(&p);
    if (peek(&p)->type != T_EOF)
        parse_error(&p, peek(&p)->range, "Extra characters after expression",
                    "An expression was successfully parsed, but extra characters were found "
                    "after it.");
    TRY(diag_err(&diags));
    *out = x;
    return NULL;
}
