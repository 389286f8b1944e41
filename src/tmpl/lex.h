// Tokens of a template.
#ifndef ATLAS_TMPL_LEX_H
#define ATLAS_TMPL_LEX_H

#include "atlas/tmpl.h"

typedef enum TokenKind {
    T_ERROR, // text is the message
    T_BOOL,
    T_CHAR, // a printable character such as ","
    T_CHAR_CONST,
    T_COMMENT,
    T_ASSIGN,
    T_DECLARE,
    T_EOF,
    T_FIELD, // with its dot
    T_IDENT,
    T_LEFT_DELIM,
    T_LEFT_PAREN,
    T_NUMBER,
    T_PIPE,
    T_RAW_STRING,
    T_RIGHT_DELIM,
    T_RIGHT_PAREN,
    T_SPACE,
    T_STRING,
    T_TEXT,
    T_VARIABLE, // with its dollar
    T_KEYWORD,  // those that follow are printed as <word>
    T_BLOCK,
    T_BREAK,
    T_CONTINUE,
    T_DOT,
    T_DEFINE,
    T_ELSE,
    T_END,
    T_IF,
    T_NIL,
    T_RANGE,
    T_TEMPLATE,
    T_WITH,
} TokenKind;

typedef struct Token {
    TokenKind kind;
    size_t pos;
    int line;
    Str text;
} Token;

typedef struct Lexer {
    Str in;
    size_t pos;
    int line; // of `pos`
    bool in_action, done;
    int parens;
    Arena *mem;
} Lexer;

void lexer_init(Lexer *l, Str text, Arena *mem);
Token lexer_next(Lexer *l); // T_EOF for ever at the end, T_ERROR for ever after an error
// As Go's error texts show a token.
char *token_text(const Token *t, Arena *mem);

#endif
