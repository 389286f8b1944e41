#include "lex.h"

#include <ctype.h>

#include "print.h"

enum { END = -1 };

void lexer_init(Lexer *l, Str text, Arena *mem) {
    *l = (Lexer){.in = text, .line = 1, .mem = mem};
}

static bool is_space(int c) {
    return c == ' ' || c == '\t' || c == '\r' || c == '\n';
}
static bool is_word(int c) {
    return c == '_' || c >= 0x80 || (c > 0 && isalnum(c));
}
static int byte_at(const Lexer *l, size_t pos) {
    return pos < l->in.len ? (unsigned char)l->in.ptr[pos] : END;
}
static int peek(const Lexer *l) {
    return byte_at(l, l->pos);
}
static bool has(const Lexer *l, size_t pos, const char *s) {
    size_t n = strlen(s);
    return pos + n <= l->in.len && memcmp(l->in.ptr + pos, s, n) == 0;
}

static int count_lines(Str s) {
    int n = 0;
    for (size_t i = 0; i < s.len; i++)
        n += s.ptr[i] == '\n';
    return n;
}

// The token from `start` to `pos`.
static Token emit(Lexer *l, TokenKind kind, size_t start) {
    Token t = {kind, start, l->line, str_slice(l->in.ptr + start, l->pos - start)};
    l->line += count_lines(t.text);
    return t;
}

static Token fail(Lexer *l, size_t start, const char *message) {
    l->done = true;
    return (Token){T_ERROR, start, l->line, str_from(message)};
}

// Go's %#U of the character at `pos`.
static Token fail_char(Lexer *l, size_t start, const char *what, size_t pos) {
    uint32_t cp = 0xFFFD;
    size_t n = utf8_decode(l->in.ptr + pos, l->in.len - pos, &cp);
    const char *shown =
        n && rune_prints(cp) ? arena_printf(l->mem, " '%.*s'", (int)n, l->in.ptr + pos) : "";
    return fail(l, start, arena_printf(l->mem, "%s U+%04X%s", what, (unsigned)cp, shown));
}

// --- text and delimiters -------------------------------------------------------------------------

static bool trims_left(const Lexer *l, size_t pos) {
    return byte_at(l, pos) == '-' && is_space(byte_at(l, pos + 1));
}
static bool trims_right(const Lexer *l, size_t pos) {
    return is_space(byte_at(l, pos)) && byte_at(l, pos + 1) == '-';
}

// Whether a right delimiter starts at `pos`; *len with its trim marker.
static bool at_right_delim(const Lexer *l, size_t pos, size_t *len) {
    bool trim = trims_right(l, pos) && has(l, pos + 2, "}}");
    *len = trim ? 4 : 2;
    return trim || has(l, pos, "}}");
}

static void skip(Lexer *l, size_t n) {
    l->line += count_lines(str_slice(l->in.ptr + l->pos, n));
    l->pos += n;
}

static void skip_spaces(Lexer *l) {
    while (is_space(peek(l)))
        skip(l, 1);
}

// From its "/*" on; a comment leaves no token behind but T_COMMENT, which lexer_next drops.
static Token lex_comment(Lexer *l) {
    size_t start = l->pos;
    const char *close = NULL;
    for (size_t i = start + 2; i + 1 < l->in.len && !close; i++)
        if (has(l, i, "*/"))
            close = l->in.ptr + i;
    if (!close)
        return fail(l, start, "unclosed comment");
    size_t len, end = (size_t)(close - l->in.ptr) + 2;
    if (!at_right_delim(l, end, &len))
        return fail(l, start, "comment ends before closing delimiter");
    skip(l, end + len - start);
    if (len == 4)
        skip_spaces(l);
    return (Token){.kind = T_COMMENT};
}

static Token lex_left_delim(Lexer *l) {
    size_t start = l->pos, after = start + 2;
    bool trim = trims_left(l, after);
    if (has(l, after + (trim ? 2 : 0), "/*")) {
        skip(l, 2u + (trim ? 2u : 0u));
        return lex_comment(l);
    }
    l->pos += 2;
    Token t = emit(l, T_LEFT_DELIM, start);
    if (trim)
        skip(l, 2);
    l->in_action = true;
    l->parens = 0;
    return t;
}

static Token lex_right_delim(Lexer *l, size_t len) {
    if (len == 4)
        skip(l, 2);
    size_t start = l->pos;
    l->pos += 2;
    Token t = emit(l, T_RIGHT_DELIM, start);
    if (len == 4)
        skip_spaces(l);
    l->in_action = false;
    return t;
}

static Token lex_text(Lexer *l) {
    size_t start = l->pos, end = start;
    while (end < l->in.len && !has(l, end, "{{"))
        end++;
    size_t keep = end;
    if (end < l->in.len && trims_left(l, end + 2))
        while (keep > start && is_space(byte_at(l, keep - 1)))
            keep--;
    if (keep > start) {
        l->pos = keep;
        Token t = emit(l, T_TEXT, start);
        skip(l, end - keep);
        return t;
    }
    skip(l, end - start);
    if (end < l->in.len)
        return lex_left_delim(l);
    l->done = true;
    return emit(l, T_EOF, end);
}

// --- inside an action ----------------------------------------------------------------------------

static bool at_terminator(const Lexer *l) {
    int c = peek(l);
    return c == END || is_space(c) || (c && strchr(".,|:)(", c)) || has(l, l->pos, "}}");
}

static Token lex_field(Lexer *l, TokenKind kind, size_t start) {
    if (at_terminator(l))
        return emit(l, kind == T_FIELD ? T_DOT : kind, start);
    while (is_word(peek(l)))
        l->pos++;
    if (!at_terminator(l))
        return fail_char(l, start, "bad character", l->pos);
    return emit(l, kind, start);
}

static const struct Word {
    const char *text;
    TokenKind kind;
} words[] = {
    {"block", T_BLOCK},       {"break", T_BREAK}, {"continue", T_CONTINUE}, {"define", T_DEFINE},
    {"else", T_ELSE},         {"end", T_END},     {"false", T_BOOL},        {"if", T_IF},
    {"nil", T_NIL},           {"range", T_RANGE}, {"true", T_BOOL},         {"with", T_WITH},
    {"template", T_TEMPLATE},
};

static Token lex_word(Lexer *l) {
    size_t start = l->pos;
    while (is_word(peek(l)))
        l->pos++;
    if (!at_terminator(l))
        return fail_char(l, start, "bad character", l->pos);
    Str text = str_slice(l->in.ptr + start, l->pos - start);
    for (size_t i = 0; i < COUNT_OF(words); i++)
        if (str_eq(text, str_from(words[i].text)))
            return emit(l, words[i].kind, start);
    return emit(l, T_IDENT, start);
}

static bool accept(Lexer *l, const char *set) {
    int c = peek(l);
    if (c <= 0 || !strchr(set, c))
        return false;
    l->pos++;
    return true;
}

static Token lex_number(Lexer *l) {
    size_t start = l->pos;
    const char *digits = "0123456789_";
    accept(l, "+-");
    if (accept(l, "0"))
        digits = accept(l, "xX")   ? "0123456789abcdefABCDEF_"
                 : accept(l, "oO") ? "01234567_"
                 : accept(l, "bB") ? "01_"
                                   : digits;
    while (accept(l, digits))
        continue;
    if (accept(l, "."))
        while (accept(l, digits))
            continue;
    bool exponent =
        (strlen(digits) == 11 && accept(l, "eE")) || (strlen(digits) == 23 && accept(l, "pP"));
    if (exponent) {
        accept(l, "+-");
        while (accept(l, "0123456789_"))
            continue;
    }
    // A sign behind it would make it a complex number.
    if (is_word(peek(l)) || peek(l) == '+' || peek(l) == '-') {
        l->pos++;
        Buf b;
        buf_init(&b, l->mem, BUF_MAX_TEXT);
        buf_str(&b, "bad number syntax: ");
        tmpl_quote(&b, str_slice(l->in.ptr + start, l->pos - start));
        return fail(l, start, b.ptr);
    }
    return emit(l, T_NUMBER, start);
}

static Token lex_quoted(Lexer *l, TokenKind kind, char quote, const char *unterminated) {
    size_t start = l->pos++;
    for (;; l->pos++) {
        int c = peek(l);
        if (c == '\\' && byte_at(l, l->pos + 1) != '\n' && byte_at(l, l->pos + 1) != END)
            l->pos++;
        else if (c == END || c == '\n' || c == '\\')
            return fail(l, start, unterminated);
        else if (c == quote)
            break;
    }
    l->pos++;
    return emit(l, kind, start);
}

static Token lex_raw(Lexer *l) {
    size_t start = l->pos;
    const char *end = memchr(l->in.ptr + start + 1, '`', l->in.len - start - 1);
    if (!end)
        return fail(l, start, "unterminated raw quoted string");
    l->pos = (size_t)(end - l->in.ptr) + 1;
    return emit(l, T_RAW_STRING, start);
}

static Token lex_spaces(Lexer *l) {
    size_t start = l->pos, len;
    while (is_space(peek(l)) && !(at_right_delim(l, l->pos, &len) && len == 4))
        l->pos++;
    return emit(l, T_SPACE, start);
}

static Token lex_symbol(Lexer *l) {
    size_t start = l->pos;
    int c = peek(l);
    l->pos++;
    switch (c) {
    case '=':
        return emit(l, T_ASSIGN, start);
    case '|':
        return emit(l, T_PIPE, start);
    case ':':
        if (peek(l) != '=')
            return fail(l, start, "expected :=");
        l->pos++;
        return emit(l, T_DECLARE, start);
    case '(':
        l->parens++;
        return emit(l, T_LEFT_PAREN, start);
    case ')':
        if (--l->parens < 0)
            return fail(l, start, "unexpected right paren");
        return emit(l, T_RIGHT_PAREN, start);
    case '$':
        return lex_field(l, T_VARIABLE, start);
    case '.':
        return lex_field(l, T_FIELD, start);
    default:
        if (c >= 0x20 && c < 0x7F)
            return emit(l, T_CHAR, start);
        return fail_char(l, start, "unrecognized character in action:", start);
    }
}

static Token lex_action(Lexer *l) {
    size_t len;
    int c = peek(l), next = byte_at(l, l->pos + 1);
    if (at_right_delim(l, l->pos, &len))
        return l->parens ? fail(l, l->pos, "unclosed left paren") : lex_right_delim(l, len);
    if (c == END)
        return fail(l, l->pos, "unclosed action");
    if (is_space(c))
        return lex_spaces(l);
    if (c == '"')
        return lex_quoted(l, T_STRING, '"', "unterminated quoted string");
    if (c == '\'')
        return lex_quoted(l, T_CHAR_CONST, '\'', "unterminated character constant");
    if (c == '`')
        return lex_raw(l);
    if (isdigit(c) || c == '+' || c == '-' || (c == '.' && next > 0 && isdigit(next)))
        return lex_number(l);
    return is_word(c) ? lex_word(l) : lex_symbol(l);
}

Token lexer_next(Lexer *l) {
    Token t;
    do {
        if (l->done)
            return (Token){T_EOF, l->in.len, l->line, {"", 0}};
        t = l->in_action ? lex_action(l) : lex_text(l);
    } while (t.kind == T_COMMENT);
    return t;
}

char *token_text(const Token *t, Arena *mem) {
    if (t->kind == T_EOF)
        return arena_strdup(mem, "EOF");
    if (t->kind == T_ERROR)
        return str_dup(mem, t->text);
    if (t->kind > T_KEYWORD)
        return arena_printf(mem, "<%.*s>", (int)t->text.len, t->text.ptr);
    Buf b;
    buf_init(&b, mem, BUF_MAX_TEXT);
    size_t runes = 0, i = 0;
    for (; i < t->text.len && runes < 10; runes++) {
        uint32_t cp;
        size_t n = utf8_decode(t->text.ptr + i, t->text.len - i, &cp);
        i += n ? n : 1;
    }
    tmpl_quote(&b, str_slice(t->text.ptr, i));
    if (t->text.len > 10)
        buf_str(&b, "...");
    return b.ptr;
}
