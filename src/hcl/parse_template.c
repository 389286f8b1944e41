// Templates: first a flat list of parts (with strip markers and heredoc indentation applied), then
// the tree of conditionals and loops.
#include "syntax.h"

typedef enum PartKind { P_TEXT, P_VALUE, P_IF, P_ELSE, P_ENDIF, P_FOR, P_ENDFOR } PartKind;

typedef struct Part {
    PartKind kind;
    HclRange range;
    Str text;          // P_TEXT
    bool line_start;   // P_TEXT: begins a source line
    HclExpr *expr;     // P_VALUE, P_IF; P_FOR: the loop, without its value
} Part;

typedef LIST(Part) Parts;

// --- literals -----------------------------------------------------------------------------------

static int hex_value(char c) {
    if (c >= '0' && c <= '9')
        return c - '0';
    if (c >= 'a' && c <= 'f')
        return c - 'a' + 10;
    return c >= 'A' && c <= 'F' ? c - 'A' + 10 : -1;
}

// \uXXXX or \UXXXXXXXX at s; the length consumed, 0 if malformed.
static size_t decode_unicode(Buf *out, const char *s, size_t len) {
    size_t digits = s[1] == 'u' ? 4 : 8;
    uint32_t cp = 0;
    if (len < digits + 2)
        return 0;
    for (size_t i = 0; i < digits; i++) {
        int v = hex_value(s[2 + i]);
        if (v < 0)
            return 0;
        cp = cp << 4 | (uint32_t)v;
    }
    if (cp > 0x10ffff || (cp >= 0xd800 && cp <= 0xdfff))
        cp = 0xfffd;
    char bytes[4];
    buf_add(out, bytes, utf8_put(cp, bytes));
    return digits + 2;
}

static HclRange part_of(const Token *t, size_t from, size_t len) {
    HclRange r = t->range;
    const char *s = t->text.ptr;
    for (size_t i = 0; i < from;) {
        size_t n = cluster_len(s + i, from - i);
        r.start.column++;
        i += n;
    }
    r.start.byte += from;
    r.end = r.start;
    r.end.byte += len;
    for (size_t i = 0; i < len; r.end.column++)
        i += cluster_len(s + from + i, len - i);
    return r;
}

static size_t decode_escape(Parser *p, Buf *out, const Token *t, size_t i) {
    static const char codes[] = "nrt\"\\", values[] = "\n\r\t\"\\";
    const char *s = t->text.ptr + i;
    size_t len = t->text.len - i;
    const char *simple = len > 1 && s[1] ? strchr(codes, s[1]) : NULL;
    if (simple) {
        buf_char(out, values[simple - codes]);
        return 2;
    }
    if (len > 1 && (s[1] == 'u' || s[1] == 'U')) {
        size_t n = decode_unicode(out, s, len);
        if (n > 0)
            return n;
        HclRange r = part_of(t, i, 2);
        diag_add(p->diags, &r, "Invalid escape sequence",
                 "The \\%c escape sequence must be followed by %s hexadecimal digits.", s[1],
                 s[1] == 'u' ? "four" : "eight");
        return 2;
    }
    size_t n = len > 1 ? 1 + cluster_len(s + 1, len - 1) : 1;
    HclRange r = part_of(t, i, n);
    diag_add(p->diags, &r, "Invalid escape sequence",
             "The symbol \"%.*s\" is not a valid escape sequence selector.", (int)(n - 1), s + 1);
    return n;
}

static Str decode_literal(Parser *p, const Token *t) {
    const char *s = t->text.ptr;
    size_t len = t->text.len;
    Buf b;
    buf_init(&b, p->mem, t->text.len * 2 + 16);
    for (size_t i = 0; i < len;) {
        bool doubled = i + 2 < len && (s[i] == '$' || s[i] == '%') && s[i + 1] == s[i] &&
                       s[i + 2] == '{';
        if (doubled) {
            buf_char(&b, s[i]);
            buf_char(&b, '{');
            i += 3;
        } else if (s[i] == '\\' && t->type == T_QUOTED) {
            i += decode_escape(p, &b, t, i);
        } else {
            buf_char(&b, s[i++]);
        }
    }
    return buf_view(&b);
}

const char *parse_label(Parser *p, const Token *open, HclRange *range) {
    const Token *t = take(p);
    Str text = {"", 0};
    if (t->type == T_QUOTED) {
        text = decode_literal(p, t);
        t = take(p);
    }
    *range = range_between(open->range, t->range);
    if (t->type == T_CQUOTE)
        return str_dup(p->mem, text);
    if (t->type == T_INTERP || t->type == T_CONTROL) {
        char c = t->text.ptr[0];
        parse_error(p, t->range, "Invalid string literal",
                    "Template sequences are not allowed in this string. To include a literal "
                    "\"%c\", double it (as \"%c%c\") to escape it.", c, c, c);
    } else if (t->type != T_BROKEN_LINE) {
        parse_error(p, *range, "Unterminated string literal",
                    "Unable to find the closing quote mark before the end of the file.");
    }
    p->recovery = true;
    return NULL;
}

// --- parts --------------------------------------------------------------------------------------

static bool strips(const Token *t, bool opener) {
    return opener ? t->text.len == 3 : t->text.len == 2;
}

static void sequence_error(Parser *p, const Token *open, const Token *close, bool value) {
    if (close->type == T_EOF) {
        parse_error(p, open->range,
                    value ? "Unclosed template interpolation sequence"
                          : "Unclosed template control sequence",
                    "There is no closing brace for this %s sequence before the end of the file. "
                    "This might be caused by incorrect nesting inside the given expression.",
                    value ? "interpolation" : "control");
    } else if (value && close->type == T_COLON) {
        parse_error(p, close->range, "Extra characters after interpolation expression",
                    "Template interpolation doesn't expect a colon at this location. Did you "
                    "intend this to be a literal sequence to be processed as part of another "
                    "language? If so, you can escape it by starting with \"$${\" instead of just "
                    "\"${\".");
    } else if (value) {
        parse_error(p, close->range, "Extra characters after interpolation expression",
                    "Expected a closing brace to end the interpolation expression, but found "
                    "extra characters.");
    } else {
        parse_error(p, close->range, "Extra characters in template control sequence",
                    "Expected a closing brace to end the sequence, but found extra characters.");
    }
}

static HclExpr *control_for(Parser *p, HclRange range) {
    HclExpr *x = expr_new(p, X_FOR, range);
    static const char summary[] = "Invalid 'for' directive";
    if (peek(p)->type != T_IDENT) {
        parse_error(p, peek(p)->range, summary,
                    "For directive requires variable name after 'for'.");
        return x;
    }
    x->u.loop.val_var = str_dup(p->mem, take(p)->text);
    if (peek(p)->type == T_COMMA) {
        take(p);
        if (peek(p)->type != T_IDENT) {
            parse_error(p, peek(p)->range, summary,
                        "For directive requires value variable name after comma.");
            return x;
        }
        x->u.loop.key_var = x->u.loop.val_var;
        x->u.loop.val_var = str_dup(p->mem, take(p)->text);
    }
    if (peek(p)->type != T_IDENT || !str_eq(peek(p)->text, str_from("in"))) {
        parse_error(p, peek(p)->range, summary,
                    "For directive requires 'in' keyword after names.");
        return x;
    }
    take(p);
    x->u.loop.source = parse_expr(p);
    expr_adopt(p, x, x->u.loop.source);
    return x;
}

static Part parse_control(Parser *p, const Token *open) {
    static const struct {
        const char *word;
        PartKind kind;
    } words[] = {{"if", P_IF}, {"else", P_ELSE}, {"endif", P_ENDIF}, {"for", P_FOR},
                 {"endfor", P_ENDFOR}};
    Part part = {.kind = P_ENDIF, .range = open->range};
    const Token *word = peek(p);
    if (word->type != T_IDENT) {
        parse_error(p, word->range, "Invalid template directive",
                    "A template directive keyword (\"if\", \"for\", etc) is expected at the "
                    "beginning of a %%{ sequence.");
        return part;
    }
    take(p);
    for (size_t i = 0; i < COUNT_OF(words); i++) {
        if (!str_eq(word->text, str_from(words[i].word)))
            continue;
        part.kind = words[i].kind;
        if (part.kind == P_IF)
            part.expr = parse_expr(p);
        if (part.kind == P_FOR)
            part.expr = control_for(p, open->range);
        return part;
    }
    parse_error(p, word->range, "Invalid template control keyword",
                "\"%.*s\" is not a valid template control keyword.", (int)word->text.len,
                word->text.ptr);
    return part;
}

// The inside of ${ } or %{ }; *strip: the closing brace is "~}".
static Part parse_sequence(Parser *p, const Token *open, bool *strip) {
    bool value = open->type == T_INTERP;
    Part part = {.kind = P_VALUE, .range = open->range};
    newlines_push(p, false);
    if (value)
        part.expr = parse_expr(p);
    else
        part = parse_control(p, open);
    const Token *close = peek(p);
    if (!p->recovery && close->type != T_SEQ_END)
        sequence_error(p, open, close, value);
    if (p->recovery) {
        recover_over(p, T_SEQ_END);
        p->recovery = true;
    } else {
        take(p);
        *strip = strips(close, false);
    }
    newlines_pop(p);
    part.range = range_between(open->range, close->range);
    return part;
}

// Everything up to the closing token, which is taken; the range of that token comes back.
static HclRange parse_parts(Parser *p, Parts *parts, const Token *open, Arena *tmp) {
    TokenType end = open->type == T_OQUOTE ? T_CQUOTE : T_CHEREDOC;
    bool strip_next = false, line_start = open->type == T_OHEREDOC;
    for (;;) {
        const Token *t = take(p);
        if (t->type == end)
            return t->range;
        bool strip_this = strip_next;
        strip_next = false;
        if (t->type == T_QUOTED || t->type == T_STRING) {
            Part part = {.kind = P_TEXT, .range = t->range, .line_start = line_start};
            part.text = decode_literal(p, t);
            if (strip_this)
                part.text = str_trim_space_left(part.text);
            line_start = t->type == T_STRING && t->text.ptr[t->text.len - 1] == '\n';
            list_push(parts, tmp, part);
        } else if (t->type == T_INTERP || t->type == T_CONTROL) {
            Part *last = parts->len > 0 ? &list_last(parts) : NULL;
            if (last && last->kind == P_TEXT && strips(t, true))
                last->text = str_trim_space_right(last->text);
            Part part = parse_sequence(p, t, &strip_next);
            part.line_start = line_start;
            line_start = false;
            list_push(parts, tmp, part);
        } else {
            if (t->type != T_BROKEN_LINE)
                parse_error(p, open->range, "Unterminated template string",
                            "No closing marker was found for the string.");
            p->recovery = true;
            return t->range;
        }
    }
}

// --- "<<-": common indentation ------------------------------------------------------------------

// Leading white space of a line in grapheme clusters; SIZE_MAX if there is nothing else.
static size_t indent_of(Str s) {
    size_t count = 0;
    uint32_t cp;
    while (s.len > 0) {
        code_at(s.ptr, s.len, &cp);
        if (!code_is_space(cp))
            return count;
        size_t n = cluster_len(s.ptr, s.len);
        s.ptr += n;
        s.len -= n;
        count++;
    }
    return SIZE_MAX;
}

static Str drop_clusters(Str s, size_t count) {
    while (count-- > 0 && s.len > 0) {
        size_t n = cluster_len(s.ptr, s.len);
        s.ptr += n;
        s.len -= n;
    }
    return s;
}

static size_t count_spaces(Str s) {
    size_t n = 0;
    for (; s.len > 0; n++)
        s = drop_clusters(s, 1);
    return n;
}

static void drop_indentation(Parts *parts) {
    size_t least = SIZE_MAX;
    for (size_t i = 0; i < parts->len; i++) {
        const Part *t = &parts->items[i];
        if (!t->line_start)
            continue;
        size_t n = t->kind == P_TEXT ? indent_of(t->text) : 0;
        // White space in front of a sequence is that line's indentation.
        bool ends_line = t->kind != P_TEXT || t->text.len == 0 ||
                         t->text.ptr[t->text.len - 1] == '\n';
        if (n == SIZE_MAX && !ends_line)
            n = count_spaces(t->text);
        if (n < least)
            least = n;
    }
    if (least == SIZE_MAX || least == 0)
        return;
    for (size_t i = 0; i < parts->len; i++) {
        Part *t = &parts->items[i];
        bool blank = t->kind == P_TEXT && indent_of(t->text) == SIZE_MAX && t->text.len > 0 &&
                     t->text.ptr[t->text.len - 1] == '\n';
        if (t->kind == P_TEXT && t->line_start && !blank)
            t->text = drop_clusters(t->text, least);
    }
}

// --- the tree -----------------------------------------------------------------------------------

typedef struct Tree {
    Parser *p;
    const Parts *parts;
    size_t at;
} Tree;

static HclExpr *build(Tree *t, HclRange range, const Part *opener);

static const char *const directive_names[] = {[P_ELSE] = "else", [P_ENDIF] = "endif",
                                              [P_ENDFOR] = "endfor"};

static void directive_error(Tree *t, const Part *part, const Part *opener) {
    const char *name = directive_names[part->kind];
    parse_error(t->p, part->range, arena_printf(t->p->mem, "Unexpected %s directive", name),
                "The control directives in this template are unbalanced: no matching directive "
                "for this %s%s.", name,
                opener ? " within the enclosing directive" : "");
}

static HclExpr *build_if(Tree *t, const Part *open) {
    Parser *p = t->p;
    HclExpr *x = expr_new(p, X_CONDITIONAL, open->range);
    x->u.cond.test = open->expr;
    x->u.cond.yes = build(t, open->range, open);
    HclRange end = open->range;
    x->u.cond.no = NULL;
    if (t->at < t->parts->len && t->parts->items[t->at].kind == P_ELSE) {
        end = t->parts->items[t->at].range;
        t->at++;
        x->u.cond.no = build(t, end, open);
    }
    if (t->at < t->parts->len && t->parts->items[t->at].kind == P_ENDIF) {
        end = t->parts->items[t->at].range;
        t->at++;
    } else {
        parse_error(p, open->range, "Unexpected end of template",
                    "The if directive at %s is missing its corresponding endif directive.",
                    hcl_range_text(p->mem, &open->range));
    }
    if (!x->u.cond.no)
        x->u.cond.no = expr_literal(p, hcl_string(p->mem, ""), open->range);
    x->range = range_between(open->range, end);
    expr_adopt(p, x, x->u.cond.test);
    expr_adopt(p, x, x->u.cond.yes);
    expr_adopt(p, x, x->u.cond.no);
    return x;
}

static HclExpr *build_for(Tree *t, const Part *open) {
    Parser *p = t->p;
    HclExpr *loop = open->expr, *x = expr_new(p, X_JOIN, open->range);
    loop->u.loop.value = build(t, open->range, open);
    if (t->at < t->parts->len && t->parts->items[t->at].kind == P_ENDFOR) {
        loop->range = range_between(open->range, t->parts->items[t->at].range);
        t->at++;
    } else {
        parse_error(p, open->range, "Unexpected end of template",
                    "The for directive at %s is missing its corresponding endfor directive.",
                    hcl_range_text(p->mem, &open->range));
    }
    expr_adopt(p, loop, loop->u.loop.value);
    x->range = loop->range;
    x->u.inner = loop;
    expr_adopt(p, x, loop);
    return x;
}

// Whether this closing directive belongs to `opener`.
static bool closes(const Part *part, const Part *opener) {
    if (!opener)
        return false;
    if (opener->kind == P_FOR)
        return part->kind == P_ENDFOR;
    return part->kind == P_ELSE || part->kind == P_ENDIF;
}

static HclExpr *build_part(Tree *t, const Part *part) {
    Parser *p = t->p;
    HclExpr *x;
    switch (part->kind) {
    case P_TEXT: return expr_literal(p, hcl_bytes(p->mem, part->text), part->range);
    case P_VALUE: return part->expr;
    default: break;
    }
    if (!enter(p))
        x = expr_literal(p, hcl_string(p->mem, ""), part->range);
    else
        x = part->kind == P_IF ? build_if(t, part) : build_for(t, part);
    leave(p);
    return x;
}

static HclExpr *build(Tree *t, HclRange range, const Part *opener) {
    Parser *p = t->p;
    HclExpr *x = expr_new(p, X_TEMPLATE, range);
    while (t->at < t->parts->len && !p->recovery) {
        const Part *part = &t->parts->items[t->at];
        if (closes(part, opener))
            break;
        t->at++;
        if (part->kind == P_ELSE || part->kind == P_ENDIF || part->kind == P_ENDFOR) {
            directive_error(t, part, opener);
            break;
        }
        HclExpr *item = build_part(t, part);
        list_push(&x->u.items, p->mem, item);
        expr_adopt(p, x, item);
    }
    if (x->u.items.len == 0)
        list_push(&x->u.items, p->mem, expr_literal(p, hcl_string(p->mem, ""), range));
    return x;
}

HclExpr *parse_template(Parser *p, const Token *open) {
    AutoArena tmp = arena_new(NULL);
    Parts parts = {0};
    if (!enter(p)) {
        leave(p);
        return expr_literal(p, hcl_string(p->mem, ""), open->range);
    }
    newlines_push(p, true);
    HclRange range = range_between(open->range, parse_parts(p, &parts, open, tmp));
    newlines_pop(p);
    if (open->type == T_OHEREDOC && open->text.ptr[2] == '-')
        drop_indentation(&parts);
    HclExpr *x;
    if (p->recovery) {
        x = expr_literal(p, hcl_string(p->mem, ""), range);
    } else if (parts.len == 1 && parts.items[0].kind == P_VALUE) {
        x = expr_new(p, X_WRAP, range);
        x->u.inner = parts.items[0].expr;
        expr_adopt(p, x, x->u.inner);
    } else {
        Tree tree = {.p = p, .parts = &parts};
        x = build(&tree, range, NULL);
        // An empty string starts at its opening quote.
        x->start = x->u.items.items[0]->start;
    }
    leave(p);
    return x;
}
