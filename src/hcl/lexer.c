// Text to tokens. Templates nest, so the scanner keeps a stack of modes: plain source, the inside
// of a quoted string, the inside of a heredoc.
#include "syntax.h"

typedef enum ModeKind { MODE_MAIN, MODE_QUOTED, MODE_HEREDOC } ModeKind;

typedef struct Mode {
    ModeKind kind;
    bool nested;   // MODE_MAIN within ${ } or %{ }
    int braces;    // open "{" of a nested MODE_MAIN
    Str id;        // of a heredoc
    bool line_start;
} Mode;

typedef struct Lexer {
    Str src;
    size_t at;
    HclPos pos; // of `at`
    const char *name;
    LIST(Mode) modes;
    Tokens *out;
    Diags *diags;
    Arena *tmp;
    unsigned told; // kinds of wrong characters that were explained already
} Lexer;

static const char *here(const Lexer *l) { return l->src.ptr + l->at; }
static size_t left(const Lexer *l) { return l->src.len - l->at; }
static char at(const Lexer *l, size_t ahead) {
    return ahead < left(l) ? l->src.ptr[l->at + ahead] : '\0';
}

static void advance(HclPos *pos, const char *s, size_t len) {
    while (len > 0) {
        size_t n = cluster_len(s, len);
        if (s[n - 1] == '\n') {
            pos->line++;
            pos->column = 1;
        } else {
            pos->column++;
        }
        pos->byte += n;
        s += n;
        len -= n;
    }
}

static HclRange emit(Lexer *l, TokenType type, size_t len) {
    Token t = {.type = type, .text = str_slice(here(l), len), .range = {.file = l->name}};
    t.range.start = l->pos;
    advance(&l->pos, here(l), len);
    t.range.end = l->pos;
    l->at += len;
    list_push(&l->out->list, l->out->mem, t);
    return t.range;
}

static void skip(Lexer *l, size_t len) {
    advance(&l->pos, here(l), len);
    l->at += len;
}

static void mode_push(Lexer *l, Mode m) { list_push(&l->modes, l->tmp, m); }

// --- characters that are not part of the language -----------------------------------------------

typedef struct BadText {
    const char *text, *summary, *detail;
} BadText;

static const BadText bad_texts[] = {
    {"'", "Invalid character",
     "Single quotes are not valid. Use double quotes (\") to enclose strings."},
    {"`", "Invalid character",
     "The \"`\" character is not valid. To create a multi-line string, use the \"heredoc\" "
     "syntax, like \"<<EOT\"."},
    {";", "Invalid character",
     "The \";\" character is not valid. Use newlines to separate arguments and blocks, and commas "
     "to separate items in collection values."},
    {"&", "Unsupported operator",
     "Bitwise operators are not supported. Did you mean boolean AND (\"&&\")?"},
    {"|", "Unsupported operator",
     "Bitwise operators are not supported. Did you mean boolean OR (\"||\")?"},
    {"~", "Unsupported operator",
     "Bitwise operators are not supported. Did you mean boolean NOT (\"!\")?"},
    {"^", "Unsupported operator", "Bitwise operators are not supported."},
    {"\u201c", "Invalid character",
     "\"Curly quotes\" are not valid here. These can sometimes be inadvertently introduced when "
     "sharing code via documents or discussion forums. It might help to replace the character "
     "with a \"straight quote\"."},
    {"\u201d", "Invalid character",
     "\"Curly quotes\" are not valid here. These can sometimes be inadvertently introduced when "
     "sharing code via documents or discussion forums. It might help to replace the character "
     "with a \"straight quote\"."},
};

static void lex_bad(Lexer *l) {
    uint32_t cp;
    size_t n = utf8_decode(here(l), left(l), &cp);
    if (n == 0) {
        HclRange r = emit(l, T_INVALID, 1);
        if (!(l->told & 1U))
            diag_add(l->diags, &r, "Invalid character encoding",
                     "All input files must be UTF-8 encoded. Ensure that UTF-8 encoding is "
                     "selected in your editor.");
        l->told |= 1U;
        return;
    }
    for (size_t i = 0; i < COUNT_OF(bad_texts); i++) {
        const BadText *b = &bad_texts[i];
        if (strlen(b->text) != n || memcmp(b->text, here(l), n) != 0)
            continue;
        HclRange r = emit(l, T_INVALID, n);
        if (!(l->told & (2U << i)))
            diag_add(l->diags, &r, b->summary, "%s", b->detail);
        l->told |= 2U << i;
        return;
    }
    HclRange r = emit(l, T_INVALID, n);
    diag_add(l->diags, &r, "Invalid character", "This character is not used within the language.");
}

// --- plain source -------------------------------------------------------------------------------

static void lex_name(Lexer *l) {
    size_t n = 0;
    uint32_t cp;
    while (n < left(l)) {
        size_t more = code_at(here(l) + n, left(l) - n, &cp);
        if (!code_continues_name(cp))
            break;
        n += more;
    }
    emit(l, T_IDENT, n);
}

static bool is_digit(char c) { return c >= '0' && c <= '9'; }

static void lex_number(Lexer *l) {
    size_t n = 0;
    while (is_digit(at(l, n)))
        n++;
    if (at(l, n) == '.' && is_digit(at(l, n + 1)))
        for (n++; is_digit(at(l, n));)
            n++;
    if (at(l, n) == 'e' || at(l, n) == 'E') {
        size_t exp = n + 1;
        if (at(l, exp) == '+' || at(l, exp) == '-')
            exp++;
        if (is_digit(at(l, exp)))
            for (n = exp; is_digit(at(l, n));)
                n++;
    }
    emit(l, T_NUMBER, n);
}

// The length of "<<ID\n" or "<<-ID\n" here, or 0.
static size_t heredoc_intro(const Lexer *l, Str *id) {
    if (at(l, 0) != '<' || at(l, 1) != '<')
        return 0;
    size_t n = at(l, 2) == '-' ? 3 : 2, start = n;
    uint32_t cp;
    while (n < left(l)) {
        size_t more = code_at(here(l) + n, left(l) - n, &cp);
        if (n == start ? !code_starts_name(cp) : !code_continues_name(cp))
            break;
        n += more;
    }
    *id = str_slice(here(l) + start, n - start);
    if (n == start)
        return 0;
    if (at(l, n) == '\r' && at(l, n + 1) == '\n')
        return n + 2;
    return at(l, n) == '\n' ? n + 1 : 0;
}

static const struct {
    const char *text;
    TokenType type;
} operators[] = {
    {"...", T_ELLIPSIS}, {"=>", T_FAT_ARROW}, {"==", T_EQ}, {"!=", T_NE}, {"<=", T_LE},
    {">=", T_GE}, {"&&", T_AND}, {"||", T_OR}, {"=", T_EQUAL}, {":", T_COLON}, {"?", T_QUESTION},
    {",", T_COMMA}, {".", T_DOT}, {"*", T_STAR}, {"/", T_SLASH}, {"%", T_PERCENT}, {"+", T_PLUS},
    {"-", T_MINUS}, {"!", T_BANG}, {"<", T_LT}, {">", T_GT}, {"[", T_OBRACK}, {"]", T_CBRACK},
    {"(", T_OPAREN}, {")", T_CPAREN},
};

static bool lex_operator(Lexer *l) {
    for (size_t i = 0; i < COUNT_OF(operators); i++) {
        size_t n = strlen(operators[i].text);
        if (n <= left(l) && memcmp(here(l), operators[i].text, n) == 0) {
            emit(l, operators[i].type, n);
            return true;
        }
    }
    return false;
}

static bool lex_space(Lexer *l) {
    size_t n = 0;
    char c = at(l, 0);
    if (c == ' ' || c == '\t') {
        while (at(l, n) == ' ' || at(l, n) == '\t')
            n++;
    } else if (c == '#' || (c == '/' && at(l, 1) == '/')) {
        while (n < left(l) && at(l, n) != '\n')
            n++;
        if (n < left(l) && n > 0 && at(l, n - 1) == '\r')
            n--;
    } else if (c == '/' && at(l, 1) == '*') {
        const char *end = memmem(here(l) + 2, left(l) - 2, "*/", 2);
        if (!end) {
            HclRange r = {l->name, l->pos, l->pos};
            r.end.column += 2;
            diag_add(l->diags, &r, "Unterminated comment",
                     "No closing \"*/\" was found for this comment.");
            n = left(l);
        } else {
            n = (size_t)(end - here(l)) + 2;
        }
    }
    skip(l, n);
    return n > 0;
}

static bool lex_brace(Lexer *l) {
    Mode *m = &list_last(&l->modes);
    char c = at(l, 0);
    if (c == '{') {
        m->braces++;
        emit(l, T_OBRACE, 1);
        return true;
    }
    bool strip = c == '~' && at(l, 1) == '}';
    if (m->nested && m->braces == 0 && (c == '}' || strip)) {
        emit(l, T_SEQ_END, strip ? 2 : 1);
        l->modes.len--;
        return true;
    }
    if (c != '}')
        return false;
    m->braces -= m->braces > 0;
    emit(l, T_CBRACE, 1);
    return true;
}

static void lex_main(Lexer *l) {
    Str id = {0};
    size_t intro;
    uint32_t cp;
    if (lex_space(l) || lex_brace(l))
        return;
    char c = at(l, 0);
    if (c == '\n' || (c == '\r' && at(l, 1) == '\n')) {
        emit(l, T_NEWLINE, c == '\n' ? 1 : 2);
    } else if (c == '"') {
        emit(l, T_OQUOTE, 1);
        mode_push(l, (Mode){.kind = MODE_QUOTED});
    } else if ((intro = heredoc_intro(l, &id)) > 0) {
        emit(l, T_OHEREDOC, intro);
        mode_push(l, (Mode){.kind = MODE_HEREDOC, .id = id, .line_start = true});
    } else if (is_digit(c)) {
        lex_number(l);
    } else if (code_at(here(l), left(l), &cp) > 0 && code_starts_name(cp)) {
        lex_name(l);
    } else if (!lex_operator(l)) {
        lex_bad(l);
    }
}

// --- templates ----------------------------------------------------------------------------------

static bool opens_sequence(const Lexer *l, size_t n) {
    return (at(l, n) == '$' || at(l, n) == '%') && at(l, n + 1) == '{';
}

static bool doubled_escape(const Lexer *l, size_t n) {
    return (at(l, n) == '$' || at(l, n) == '%') && at(l, n + 1) == at(l, n) && at(l, n + 2) == '{';
}

static bool lex_sequence(Lexer *l) {
    if (!opens_sequence(l, 0))
        return false;
    emit(l, at(l, 0) == '$' ? T_INTERP : T_CONTROL, at(l, 2) == '~' ? 3 : 2);
    list_last(&l->modes).line_start = false;
    mode_push(l, (Mode){.kind = MODE_MAIN, .nested = true});
    return true;
}

static void lex_quoted(Lexer *l) {
    char c = at(l, 0);
    if (c == '"') {
        emit(l, T_CQUOTE, 1);
        l->modes.len--;
        return;
    }
    if (c == '\n' || (c == '\r' && at(l, 1) == '\n')) {
        // The line end stays for the surrounding source, so that parsing goes on from there.
        HclRange r = emit(l, T_BROKEN_LINE, 0);
        r.end = (HclPos){r.end.byte + 1, r.end.line + 1, 1};
        diag_add(l->diags, &r, "Invalid multi-line string",
                 "Quoted strings may not be split over multiple lines. To produce a multi-line "
                 "string, either use the \\n escape to represent a newline character or use the "
                 "\"heredoc\" multi-line template syntax.");
        l->modes.len--;
        return;
    }
    if (lex_sequence(l))
        return;
    size_t n = 0;
    while (n < left(l) && at(l, n) != '"' && at(l, n) != '\n' &&
           !(at(l, n) == '\r' && at(l, n + 1) == '\n')) {
        if (doubled_escape(l, n))
            n += 3;
        else if (opens_sequence(l, n))
            break;
        else if (at(l, n) == '\\' && n + 1 < left(l) && at(l, n + 1) != '\n')
            n += 2;
        else
            n++;
    }
    emit(l, T_QUOTED, n);
}

// The length of the line at hand if it ends the heredoc, without its newline; else 0.
static size_t heredoc_end(const Lexer *l, Str id) {
    const char *nl = memchr(here(l), '\n', left(l));
    size_t n = nl ? (size_t)(nl - here(l)) : left(l);
    Str line = str_trim_space_left(str_trim_space_right(str_slice(here(l), n)));
    if (!str_eq(line, id))
        return 0;
    return (size_t)(line.ptr - here(l)) + line.len;
}

// White space behind the closing word.
static void skip_blank(Lexer *l) {
    size_t n = 0;
    while (n < left(l) && at(l, n) != '\n')
        n++;
    skip(l, n > 0 && n < left(l) && at(l, n - 1) == '\r' ? n - 1 : n);
}

static void lex_heredoc(Lexer *l) {
    Mode *m = &list_last(&l->modes);
    if (m->line_start) {
        size_t end = heredoc_end(l, m->id);
        if (end > 0) {
            emit(l, T_CHEREDOC, end);
            l->modes.len--;
            skip_blank(l);
            return;
        }
    }
    if (lex_sequence(l))
        return;
    size_t n = 0;
    bool line_end = false;
    while (n < left(l) && !line_end) {
        if (doubled_escape(l, n)) {
            n += 3;
        } else if (opens_sequence(l, n)) {
            break;
        } else {
            line_end = at(l, n) == '\n';
            n++;
        }
    }
    m->line_start = line_end;
    emit(l, T_STRING, n);
}

void lex(Tokens *out, const char *name, Str source, Diags *diags) {
    AutoArena tmp = arena_new(NULL);
    Lexer l = {.src = source, .name = name, .out = out, .diags = diags, .tmp = tmp};
    l.pos = (HclPos){.byte = 0, .line = 1, .column = 1};
    if (source.len >= 3 && memcmp(source.ptr, "\xef\xbb\xbf", 3) == 0)
        l.at = l.pos.byte = 3;
    mode_push(&l, (Mode){.kind = MODE_MAIN});
    while (left(&l) > 0) {
        switch (list_last(&l.modes).kind) {
        case MODE_MAIN: lex_main(&l); break;
        case MODE_QUOTED: lex_quoted(&l); break;
        case MODE_HEREDOC: lex_heredoc(&l); break;
        }
    }
    emit(&l, T_EOF, 0);
}
