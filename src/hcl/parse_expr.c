// Expressions. On an error a null literal stands in, so that the parse can go on.
#include "number.h"
#include "syntax.h"

static HclExpr *parse_term(Parser *p);
static HclExpr *parse_unary(Parser *p);

HclExpr *expr_new(Parser *p, ExprKind kind, HclRange range) {
    HclExpr *x = NEW(p->mem, HclExpr);
    *x = (HclExpr){.kind = kind, .height = 1, .range = range, .start = range};
    return x;
}

void expr_adopt(Parser *p, HclExpr *parent, const HclExpr *child) {
    if (!child || child->height < parent->height)
        return;
    parent->height = child->height + 1;
    if (parent->height > EXPR_MAX_HEIGHT)
        parse_error(p, parent->range, "Expression too long",
                    "An expression may have %d operators or nested parts in a row.",
                    (int)EXPR_MAX_HEIGHT);
}

HclExpr *expr_literal(Parser *p, const HclValue *v, HclRange range) {
    HclExpr *x = expr_new(p, X_LITERAL, range);
    x->u.literal = v;
    return x;
}

static HclExpr *expr_broken(Parser *p, HclRange range) {
    p->recovery = true;
    return expr_literal(p, hcl_null(p->mem, NULL), range);
}

static bool is_word(const Token *t, const char *word) {
    return t->type == T_IDENT && str_eq(t->text, str_from(word));
}

// --- operators ----------------------------------------------------------------------------------

static int precedence(TokenType t) {
    switch (t) {
    case T_OR: return 1;
    case T_AND: return 2;
    case T_EQ:
    case T_NE: return 3;
    case T_LT:
    case T_LE:
    case T_GT:
    case T_GE: return 4;
    case T_PLUS:
    case T_MINUS: return 5;
    case T_STAR:
    case T_SLASH:
    case T_PERCENT: return 6;
    default: return 0;
    }
}

static HclExpr *parse_binary(Parser *p, int least) {
    HclExpr *left = parse_unary(p);
    for (;;) {
        TokenType op = peek(p)->type;
        int level = precedence(op);
        if (p->recovery || level == 0 || level < least)
            return left;
        take(p);
        HclExpr *right = parse_binary(p, level + 1);
        HclExpr *x = expr_new(p, X_BINARY, range_between(left->range, right->range));
        x->start = left->start;
        x->u.op.op = op;
        x->u.op.left = left;
        x->u.op.right = right;
        expr_adopt(p, x, left);
        expr_adopt(p, x, right);
        left = x;
    }
}

static HclExpr *parse_conditional(Parser *p, HclExpr *test) {
    take(p); // the question mark
    HclExpr *yes = parse_expr(p);
    if (p->recovery)
        return test;
    const Token *colon = peek(p);
    if (colon->type != T_COLON) {
        parse_error(p, colon->range, "Missing false expression in conditional",
                    "The conditional operator (...?...:...) requires a false expression, delimited "
                    "by a colon.");
        return test;
    }
    take(p);
    HclExpr *no = parse_expr(p);
    HclExpr *x = expr_new(p, X_CONDITIONAL, range_between(test->range, no->range));
    x->start = test->start;
    x->u.cond.test = test;
    x->u.cond.yes = yes;
    x->u.cond.no = no;
    expr_adopt(p, x, test);
    expr_adopt(p, x, yes);
    expr_adopt(p, x, no);
    return x;
}

HclExpr *parse_expr(Parser *p) {
    if (!enter(p)) {
        leave(p);
        return expr_broken(p, peek(p)->range);
    }
    HclExpr *x = parse_binary(p, 1);
    if (!p->recovery && peek(p)->type == T_QUESTION)
        x = parse_conditional(p, x);
    leave(p);
    return x;
}

// --- postfix ------------------------------------------------------------------------------------

static HclExpr *walk_of(Parser *p, HclExpr *source) {
    if (source->kind == X_VARIABLE || source->kind == X_RELATIVE)
        return source;
    HclExpr *x = expr_new(p, X_RELATIVE, source->range);
    x->u.walk.source = source;
    expr_adopt(p, x, source);
    return x;
}

static HclExpr *add_step(Parser *p, HclExpr *source, Step step) {
    HclExpr *x = walk_of(p, source);
    list_push(&x->u.walk.steps, p->mem, step);
    x->range.end = step.range.end;
    x->start = x->range;
    return x;
}

static const HclValue *literal_key(const HclExpr *key) {
    if (key->kind == X_LITERAL && (hcl_is(key->u.literal, HCL_STRING) ||
                                   hcl_is(key->u.literal, HCL_NUMBER)))
        return key->u.literal;
    if (key->kind == X_TEMPLATE && key->u.items.len == 1 &&
        key->u.items.items[0]->kind == X_LITERAL)
        return key->u.items.items[0]->u.literal;
    return NULL;
}

static HclExpr *parse_index(Parser *p, HclExpr *source, const Token *open) {
    newlines_push(p, false);
    HclExpr *key = parse_expr(p);
    const Token *close = peek(p);
    HclRange whole = range_between(open->range, close->range);
    if (!p->recovery && close->type != T_CBRACK)
        parse_error(p, close->range, "Missing close bracket on index",
                    "The index operator must end with a closing bracket (\"]\").");
    if (p->recovery) {
        recover_over(p, T_CBRACK);
        newlines_pop(p);
        return source;
    }
    take(p);
    newlines_pop(p);
    const HclValue *literal = literal_key(key);
    if (literal)
        return add_step(p, source, (Step){.key = literal, .range = whole});
    HclExpr *x = expr_new(p, X_INDEX, range_between(source->range, close->range));
    x->start = open->range;
    x->u.index.source = source;
    x->u.index.key = key;
    expr_adopt(p, x, source);
    expr_adopt(p, x, key);
    return x;
}

static HclExpr *splat_new(Parser *p, HclExpr *source, HclRange marker) {
    HclExpr *x = expr_new(p, X_SPLAT, range_between(source->range, marker));
    x->start = marker;
    x->u.splat.source = source;
    x->u.splat.item = expr_new(p, X_SPLAT_ITEM, marker);
    x->u.splat.each = x->u.splat.item;
    expr_adopt(p, x, source);
    return x;
}

static void splat_finish(Parser *p, HclExpr *splat, HclExpr *each) {
    splat->u.splat.each = each;
    splat->range.end = each->range.end;
    expr_adopt(p, splat, each);
}

static bool take_name(Parser *p, const Token *dot, Step *out) {
    const Token *t = peek(p);
    if (t->type != T_IDENT) {
        parse_error(p, t->range, "Invalid attribute name",
                    "An attribute name is required after a dot.");
        return false;
    }
    take(p);
    *out = (Step){.name = str_dup(p->mem, t->text), .range = range_between(dot->range, t->range)};
    return true;
}

// ".*" maps attribute names only; an index behind applies to the result.
static HclExpr *parse_attr_splat(Parser *p, HclExpr *source, const Token *dot) {
    const Token *star = take(p);
    HclExpr *splat = splat_new(p, source, range_between(dot->range, star->range));
    HclExpr *each = splat->u.splat.item;
    Step step;
    while (!p->recovery && peek(p)->type == T_DOT) {
        const Token *next = take(p);
        if (!take_name(p, next, &step))
            break;
        each = add_step(p, each, step);
    }
    splat_finish(p, splat, each);
    return splat;
}

static HclExpr *parse_postfix(Parser *p, HclExpr *x, bool in_splat);

static HclExpr *parse_full_splat(Parser *p, HclExpr *source, const Token *open) {
    newlines_push(p, false);
    take(p); // the star
    const Token *close = peek(p);
    if (close->type != T_CBRACK) {
        parse_error(p, close->range, "Missing close bracket on splat index",
                    "The star for a full splat operator must be immediately followed by a closing "
                    "bracket (\"]\").");
        recover_over(p, T_CBRACK);
        newlines_pop(p);
        return source;
    }
    take(p);
    newlines_pop(p);
    HclExpr *splat = splat_new(p, source, range_between(open->range, close->range));
    splat_finish(p, splat, parse_postfix(p, splat->u.splat.item, true));
    return splat;
}

// ".0" and, lexed as one number, ".0.1".
static HclExpr *parse_legacy_index(Parser *p, HclExpr *x, const Token *dot) {
    const Token *t = take(p);
    const char *text = str_dup(p->mem, t->text);
    StrList parts = cstr_split(p->mem, text, '.');
    for (size_t i = 0; i < parts.len; i++) {
        const HclValue *key = number_parse(p->mem, parts.items[i]);
        uint64_t whole;
        if (!key || !cstr_to_u64(parts.items[i], INT64_MAX, &whole)) {
            parse_error(p, t->range, "Invalid legacy index syntax",
                        "When using the legacy index syntax, chaining two indexes together is "
                        "only possible with whole numbers.");
            return x;
        }
        x = add_step(p, x, (Step){.key = key, .range = range_between(dot->range, t->range)});
    }
    return x;
}

static HclExpr *parse_dot(Parser *p, HclExpr *x, bool in_splat) {
    const Token *dot = take(p);
    Step step;
    switch (peek(p)->type) {
    case T_NUMBER: return parse_legacy_index(p, x, dot);
    case T_STAR:
        if (in_splat) {
            parse_error(p, peek(p)->range, "Nested splat expression not allowed",
                        "A splat expression (*) cannot be used inside another attribute-only "
                        "splat expression.");
            return x;
        }
        return parse_attr_splat(p, x, dot);
    default: return take_name(p, dot, &step) ? add_step(p, x, step) : x;
    }
}

static HclExpr *parse_postfix(Parser *p, HclExpr *x, bool in_splat) {
    if (!enter(p)) {
        leave(p);
        return x;
    }
    while (!p->recovery) {
        TokenType t = peek(p)->type;
        if (t == T_DOT) {
            x = parse_dot(p, x, in_splat);
        } else if (t == T_OBRACK) {
            const Token *open = take(p);
            newlines_push(p, false);
            bool star = peek(p)->type == T_STAR;
            newlines_pop(p);
            x = star ? parse_full_splat(p, x, open) : parse_index(p, x, open);
        } else {
            break;
        }
    }
    leave(p);
    return x;
}

static HclExpr *parse_unary(Parser *p) {
    const Token *t = peek(p);
    if (t->type != T_MINUS && t->type != T_BANG)
        return parse_postfix(p, parse_term(p), false);
    take(p);
    if (!enter(p)) {
        leave(p);
        return expr_broken(p, t->range);
    }
    HclExpr *operand = parse_unary(p);
    leave(p);
    HclExpr *x = expr_new(p, X_UNARY, range_between(t->range, operand->range));
    x->start = t->range;
    x->u.op.op = t->type;
    x->u.op.right = operand;
    expr_adopt(p, x, operand);
    return x;
}

// --- brackets -----------------------------------------------------------------------------------

static HclExpr *parse_paren(Parser *p) {
    const Token *open = take(p);
    newlines_push(p, false);
    HclExpr *inner = parse_expr(p);
    const Token *close = peek(p);
    HclExpr *x = expr_new(p, X_PAREN, range_between(open->range, close->range));
    x->u.inner = inner;
    expr_adopt(p, x, inner);
    if (!p->recovery && close->type != T_CPAREN)
        parse_error(p, close->range, "Unbalanced parentheses",
                    "Expected a closing parenthesis to terminate the expression.");
    if (p->recovery)
        recover_over(p, T_CPAREN);
    else
        take(p);
    newlines_pop(p);
    return x;
}

static void call_item_error(Parser *p, const HclExpr *x, const Token *sep) {
    if (sep->type == T_EOF)
        parse_error(p, x->start, "Unterminated function call",
                    "There is no closing parenthesis for this function call before the end of the "
                    "file. This may be caused by incorrect parenthesis nesting elsewhere in this "
                    "file.");
    else
        parse_error(p, sep->range, "Missing argument separator",
                    "A comma is required to separate each function argument from the next.");
}

static void parse_args(Parser *p, HclExpr *x) {
    while (!p->recovery && peek(p)->type != T_CPAREN) {
        HclExpr *arg = parse_expr(p);
        if (p->recovery)
            return;
        list_push(&x->u.call.args, p->mem, arg);
        expr_adopt(p, x, arg);
        const Token *sep = peek(p);
        if (sep->type == T_CPAREN)
            return;
        if (sep->type == T_ELLIPSIS) {
            x->u.call.expand = true;
            take(p);
            if (peek(p)->type != T_CPAREN)
                parse_error(p, peek(p)->range, "Missing closing parenthesis",
                            "An expanded function argument (with ...) must be immediately "
                            "followed by closing parentheses.");
            return;
        }
        if (sep->type != T_COMMA) {
            call_item_error(p, x, sep);
            return;
        }
        take(p);
    }
}

static HclExpr *parse_call(Parser *p, const Token *name) {
    const Token *open = take(p);
    HclExpr *x = expr_new(p, X_CALL, range_between(name->range, open->range));
    x->u.call.name = str_dup(p->mem, name->text);
    x->u.call.name_range = name->range;
    newlines_push(p, false);
    parse_args(p, x);
    if (p->recovery)
        recover_over(p, T_CPAREN);
    else
        take(p);
    newlines_pop(p);
    x->u.call.close_range = previous_range(p);
    x->range.end = x->u.call.close_range.end;
    return x;
}

static void close_bracket(Parser *p, HclExpr *x, TokenType close) {
    if (p->recovery)
        recover_over(p, close);
    else
        take(p);
    x->range.end = previous_range(p).end;
    newlines_pop(p);
}

static HclExpr *parse_for(Parser *p, const Token *open, TokenType close);

static HclExpr *parse_tuple(Parser *p) {
    const Token *open = take(p);
    newlines_push(p, false);
    if (is_word(peek(p), "for")) {
        newlines_pop(p);
        return parse_for(p, open, T_CBRACK);
    }
    HclExpr *x = expr_new(p, X_TUPLE, open->range);
    while (!p->recovery && peek(p)->type != T_CBRACK) {
        HclExpr *item = parse_expr(p);
        if (p->recovery)
            break;
        list_push(&x->u.items, p->mem, item);
        expr_adopt(p, x, item);
        const Token *next = peek(p);
        if (next->type == T_COMMA)
            take(p);
        else if (next->type == T_EOF)
            parse_error(p, open->range, "Unterminated tuple constructor expression",
                        "There is no corresponding closing bracket before the end of the file. "
                        "This may be caused by incorrect bracket nesting elsewhere in this file.");
        else if (next->type != T_CBRACK)
            parse_error(p, next->range, "Missing item separator",
                        "Expected a comma to mark the beginning of the next item.");
    }
    close_bracket(p, x, T_CBRACK);
    return x;
}

static void object_value_error(Parser *p, const HclExpr *x, const ObjectItem *item,
                               const Token *t) {
    if (t->type == T_EOF)
        parse_error(p, x->start, "Unterminated object constructor expression",
                    "There is no corresponding closing brace before the end of the file. This may "
                    "be caused by incorrect brace nesting elsewhere in this file.");
    else if (t->type == T_NEWLINE || t->type == T_COMMA || t->type == T_CBRACE)
        parse_error(p, range_between(item->key->range, t->range), "Missing attribute value",
                    "Expected an attribute value, introduced by an equals sign (\"=\").");
    else
        parse_error(p, t->range, "Missing key/value separator",
                    "Expected an equals sign (\"=\") to mark the beginning of the attribute "
                    "value. If you intended to given an attribute name containing periods or "
                    "spaces, write the name in quotes to create a string literal.");
}

static bool parse_object_item(Parser *p, HclExpr *x) {
    ObjectItem item = {0};
    const Token *first = peek(p);
    item.key = parse_expr(p);
    if (p->recovery)
        return false;
    if (item.key->kind == X_VARIABLE && item.key->u.walk.steps.len == 0)
        item.word = item.key->u.walk.root;
    else if (item.key->kind == X_LITERAL && first->type == T_IDENT)
        item.word = str_dup(p->mem, first->text);
    else if (item.key->kind == X_VARIABLE)
        parse_error(p, item.key->range, "Ambiguous attribute key",
                    "If this expression is intended to be a reference, wrap it in parentheses. If "
                    "it's instead intended as a literal name containing periods, wrap it in "
                    "quotes to create a string literal.");
    if (item.word)
        item.key = expr_literal(p, hcl_string(p->mem, item.word), first->range);
    const Token *sep = peek(p);
    if (p->recovery || (sep->type != T_EQUAL && sep->type != T_COLON)) {
        object_value_error(p, x, &item, sep);
        return false;
    }
    take(p);
    item.value = parse_expr(p);
    if (p->recovery)
        return false;
    list_push(&x->u.object, p->mem, item);
    expr_adopt(p, x, item.key);
    expr_adopt(p, x, item.value);
    return true;
}

static HclExpr *parse_object(Parser *p) {
    const Token *open = take(p);
    newlines_push(p, false);
    bool loop = is_word(peek(p), "for");
    newlines_pop(p);
    if (loop) {
        // "{ for = 1 }" is an object all the same.
        const Token *word = peek(p);
        while (word->type == T_NEWLINE)
            word++;
        if (word[1].type != T_EQUAL && word[1].type != T_COLON)
            return parse_for(p, open, T_CBRACE);
    }
    newlines_push(p, true);
    HclExpr *x = expr_new(p, X_OBJECT, open->range);
    while (!p->recovery) {
        TokenType t = peek(p)->type;
        if (t == T_NEWLINE) {
            take(p);
            continue;
        }
        if (t == T_CBRACE || !parse_object_item(p, x))
            break;
        const Token *next = peek(p);
        if (next->type == T_COMMA || next->type == T_NEWLINE)
            take(p);
        else if (next->type == T_EOF)
            object_value_error(p, x, NULL, next);
        else if (next->type != T_CBRACE)
            parse_error(p, next->range, "Missing attribute separator",
                        "Expected a newline or comma to mark the beginning of the next "
                        "attribute.");
    }
    close_bracket(p, x, T_CBRACE);
    return x;
}

// --- for ----------------------------------------------------------------------------------------

static bool for_expect(Parser *p, bool ok, const char *detail) {
    if (!ok)
        parse_error(p, peek(p)->range, "Invalid 'for' expression", "%s", detail);
    return ok && !p->recovery;
}

static bool parse_for_names(Parser *p, HclExpr *x) {
    if (!for_expect(p, peek(p)->type == T_IDENT,
                    "For expression requires variable name after 'for'."))
        return false;
    x->u.loop.val_var = str_dup(p->mem, take(p)->text);
    if (peek(p)->type == T_COMMA) {
        take(p);
        if (!for_expect(p, peek(p)->type == T_IDENT,
                        "For expression requires value variable name after comma."))
            return false;
        x->u.loop.key_var = x->u.loop.val_var;
        x->u.loop.val_var = str_dup(p->mem, take(p)->text);
    }
    if (!for_expect(p, is_word(peek(p), "in"),
                    "For expression requires the 'in' keyword after its name declarations."))
        return false;
    take(p);
    x->u.loop.source = parse_expr(p);
    return !p->recovery;
}

static bool parse_for_value(Parser *p, HclExpr *x, bool object) {
    x->u.loop.value = parse_expr(p);
    if (p->recovery)
        return false;
    if (peek(p)->type == T_FAT_ARROW) {
        if (!for_expect(p, object, "Key expression is not valid when building a tuple."))
            return false;
        take(p);
        x->u.loop.key = x->u.loop.value;
        x->u.loop.value = parse_expr(p);
    } else if (!for_expect(p, !object, "Key expression is required when building an object.")) {
        return false;
    }
    if (!p->recovery && peek(p)->type == T_ELLIPSIS) {
        if (!for_expect(p, object, "Grouping ellipsis (...) cannot be used when building a tuple."))
            return false;
        take(p);
        x->u.loop.group = true;
    }
    return !p->recovery;
}

static bool parse_for_parts(Parser *p, HclExpr *x, TokenType close) {
    take(p); // "for"
    if (!parse_for_names(p, x))
        return false;
    if (!for_expect(p, peek(p)->type == T_COLON,
                    "For expression requires a colon after the collection expression."))
        return false;
    take(p);
    if (!parse_for_value(p, x, close == T_CBRACE))
        return false;
    if (is_word(peek(p), "if")) {
        take(p);
        x->u.loop.test = parse_expr(p);
    }
    return !p->recovery &&
           for_expect(p, peek(p)->type == close,
                      "Extra characters after the end of the 'for' expression.");
}

static HclExpr *parse_for(Parser *p, const Token *open, TokenType close) {
    HclExpr *x = expr_new(p, X_FOR, open->range);
    newlines_push(p, false);
    if (!parse_for_parts(p, x, close)) {
        HclRange start = x->range;
        close_bracket(p, x, close);
        return expr_literal(p, hcl_null(p->mem, NULL), range_between(start, x->range));
    }
    close_bracket(p, x, close);
    expr_adopt(p, x, x->u.loop.source);
    expr_adopt(p, x, x->u.loop.key);
    expr_adopt(p, x, x->u.loop.value);
    expr_adopt(p, x, x->u.loop.test);
    return x;
}

// --- terms --------------------------------------------------------------------------------------

static HclExpr *parse_name(Parser *p) {
    const Token *t = take(p);
    if (peek(p)->type == T_OPAREN)
        return parse_call(p, t);
    if (is_word(t, "true") || is_word(t, "false"))
        return expr_literal(p, hcl_bool(p->mem, is_word(t, "true")), t->range);
    if (is_word(t, "null"))
        return expr_literal(p, hcl_null(p->mem, NULL), t->range);
    HclExpr *x = expr_new(p, X_VARIABLE, t->range);
    x->u.walk.root = str_dup(p->mem, t->text);
    x->u.walk.root_range = t->range;
    return x;
}

static HclExpr *parse_number(Parser *p) {
    const Token *t = take(p);
    const HclValue *v = number_parse(p->mem, str_dup(p->mem, t->text));
    if (v)
        return expr_literal(p, v, t->range);
    parse_error(p, t->range, "Invalid number literal",
                "Failed to recognize the value of this number literal.");
    return expr_broken(p, t->range);
}

static HclExpr *parse_term(Parser *p) {
    const Token *t = peek(p);
    switch (t->type) {
    case T_OPAREN: return parse_paren(p);
    case T_NUMBER: return parse_number(p);
    case T_IDENT: return parse_name(p);
    case T_OQUOTE:
    case T_OHEREDOC: take(p); return parse_template(p, t);
    case T_OBRACK: return parse_tuple(p);
    case T_OBRACE: return parse_object(p);
    case T_EOF:
        parse_error(p, t->range, "Missing expression",
                    "Expected the start of an expression, but found the end of the file.");
        return expr_broken(p, t->range);
    default:
        parse_error(p, t->range, "Invalid expression",
                    "Expected the start of an expression, but found an invalid expression token.");
        return expr_broken(p, t->range);
    }
}
