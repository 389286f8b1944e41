// Private to hcl: tokens, diagnostics, the expression tree.
#ifndef ATLAS_HCL_SYNTAX_H
#define ATLAS_HCL_SYNTAX_H

#include "atlas/base.h"
#include "atlas/hcl.h"

// --- unicode.c ----------------------------------------------------------------------------------

bool code_is_space(uint32_t cp); // White_Space
bool code_starts_name(uint32_t cp);
bool code_continues_name(uint32_t cp);
uint32_t code_lower(uint32_t cp);
uint32_t code_upper(uint32_t cp);
// Byte length of the grapheme cluster at s[0..len); 1 for a malformed byte.
size_t cluster_len(const char *s, size_t len);
// Decodes one code point; a malformed byte counts as U+FFFD of length 1.
size_t code_at(const char *s, size_t len, uint32_t *cp);
Str str_trim_space_left(Str s);
Str str_trim_space_right(Str s);

// --- diag.c -------------------------------------------------------------------------------------

typedef struct Diag {
    HclRange range;
    const char *summary, *detail;
} Diag;

typedef struct Diags {
    LIST(Diag) list;
    Arena *mem;
} Diags;

void diag_add(Diags *d, const HclRange *range, const char *summary, const char *detail, ...)
    PRINTF(4, 5);
Err *diag_err(const Diags *d) MUST_USE; // NULL if there are none
HclRange range_between(HclRange from, HclRange to);

// --- lexer.c ------------------------------------------------------------------------------------

typedef enum TokenType {
    T_EOF, T_NEWLINE, T_IDENT, T_NUMBER,
    T_OBRACE, T_CBRACE, T_OBRACK, T_CBRACK, T_OPAREN, T_CPAREN,
    T_OQUOTE, T_CQUOTE, T_OHEREDOC, T_CHEREDOC, T_QUOTED, T_STRING, T_BROKEN_LINE,
    T_INTERP, T_CONTROL, T_SEQ_END,
    T_EQUAL, T_COLON, T_QUESTION, T_COMMA, T_DOT, T_ELLIPSIS, T_FAT_ARROW,
    T_STAR, T_SLASH, T_PERCENT, T_PLUS, T_MINUS, T_BANG,
    T_EQ, T_NE, T_LT, T_LE, T_GT, T_GE, T_AND, T_OR,
    T_INVALID,
} TokenType;

typedef struct Token {
    TokenType type;
    Str text;
    HclRange range;
} Token;

typedef struct Tokens {
    LIST(Token) list; // ends with T_EOF
    Arena *mem;
} Tokens;

void lex(Tokens *out, const char *name, Str source, Diags *diags);

// --- the tree -----------------------------------------------------------------------------------

typedef enum ExprKind {
    X_LITERAL, X_TEMPLATE, X_WRAP, X_JOIN, X_VARIABLE, X_RELATIVE, X_CALL, X_CONDITIONAL, X_BINARY,
    X_UNARY, X_INDEX, X_SPLAT, X_SPLAT_ITEM, X_TUPLE, X_OBJECT, X_FOR, X_PAREN,
} ExprKind;

typedef LIST(HclExpr *) ExprList;

typedef struct Step {
    const char *name;    // ".name", or NULL
    const HclValue *key; // "[key]" with a literal key
    HclRange range;
} Step;
typedef LIST(Step) Steps;

typedef struct ObjectItem {
    HclExpr *key, *value;
    const char *word; // a bare key; `key` is a literal then
} ObjectItem;

struct HclExpr {
    ExprKind kind;
    int height; // of the tree; bounded, so that evaluation cannot exhaust the stack
    HclRange range, start;
    union {
        const HclValue *literal;
        ExprList items; // X_TEMPLATE, X_TUPLE
        HclExpr *inner; // X_WRAP, X_JOIN, X_PAREN
        struct {
            const char *root; // X_VARIABLE
            HclRange root_range;
            HclExpr *source; // X_RELATIVE
            Steps steps;
        } walk;
        struct {
            const char *name;
            HclRange name_range, close_range;
            ExprList args;
            bool expand;
        } call;
        struct {
            HclExpr *test, *yes, *no;
        } cond;
        struct {
            TokenType op;
            HclExpr *left, *right; // X_UNARY: right only
        } op;
        struct {
            HclExpr *source, *key;
        } index;
        struct {
            HclExpr *source, *each, *item;
        } splat;
        LIST(ObjectItem) object;
        struct {
            const char *key_var, *val_var;
            HclExpr *source, *key, *value, *test; // key: object form only; test may be NULL
            bool group;
        } loop;
    } u;
};

// --- parser.c, parse_expr.c, parse_template.c ---------------------------------------------------

enum {
    PARSE_MAX_DEPTH = 200, // nested brackets, blocks, templates
    EXPR_MAX_HEIGHT = 600,
};

typedef struct Parser {
    const Token *tokens;
    size_t pos, count;
    LIST(bool) newlines; // whether newlines are tokens; the last counts
    Diags *diags;
    Arena *mem;
    int depth;
    bool recovery; // an error was told and the parser has not yet found its way back
} Parser;

const Token *peek(const Parser *p);
const Token *take(Parser *p);
HclRange previous_range(const Parser *p);
void newlines_push(Parser *p, bool on);
void newlines_pop(Parser *p);
void parse_error(Parser *p, HclRange range, const char *summary, const char *detail, ...)
    PRINTF(4, 5);
// Skips to behind the closing token `end`, over balanced brackets.
void recover_over(Parser *p, TokenType end);
// False (and an error) if too deep; balance with leave().
bool enter(Parser *p);
void leave(Parser *p);

HclExpr *parse_expr(Parser *p);
HclExpr *parse_template(Parser *p, const Token *open); // open is taken; up to its closing token
// A plain string (block labels); the opening quote is taken. NULL after an error.
const char *parse_label(Parser *p, const Token *open, HclRange *range);
HclExpr *expr_new(Parser *p, ExprKind kind, HclRange range);
void expr_adopt(Parser *p, HclExpr *parent, const HclExpr *child); // keeps heights
HclExpr *expr_literal(Parser *p, const HclValue *v, HclRange range);
bool expr_is_constant(const HclExpr *x); // no variables, no functions (paths.c)

#endif
