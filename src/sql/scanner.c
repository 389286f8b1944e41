#include "atlas/sql.h"

// One scan. Positions are offsets into src; `base` is where statement offsets count from.
typedef struct Scan {
    const char *src;
    size_t len, base;
    unsigned options;
    const char *name;
    Arena *mem;
    bool hot[256];              // characters that may start something besides the delimiter
    size_t last_end;            // offset behind the last "END" in the source; no block closes later
    size_t work, limit;         // bytes looked at, and how many are reasonable
    size_t no_newline, no_star; // from here on there is no "\n", no "*/" (never search twice)
    int depth;
    bool absurd; // nesting or work over the limit: the whole scan fails
    size_t error_pos;
    const char *error;
    LIST(size_t) starts; // statement starts of the open blocks
    size_t *failed;      // hash set of (start * 2 + atomic + 1) from which no block closes
    size_t failed_len, failed_cap;
} Scan;

typedef struct Delim {
    const char *text;
    size_t len;
    bool custom;
} Delim;

typedef struct Span {
    size_t start, end; // text without a custom delimiter
    StrList comments;
} Span;

typedef enum Status { S_STMT, S_END, S_ERROR } Status;

enum { MAX_DEPTH = 1000, WORK_FACTOR = 64, WORK_BASE = 1 << 20 };

static const Delim semicolon = {";", 1, false};

static bool is_space(char c) {
    return c == ' ' || c == '\t' || c == '\n' || c == '\r' || c == '\v' || c == '\f';
}

static bool is_word(char c) {
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '_' ||
           ((unsigned char)c & 0x80);
}

static char lower(char c) {
    return c >= 'A' && c <= 'Z' ? (char)(c | 0x20) : c;
}

// Whether the lower-case `word` stands at `at`, in any case.
static bool word_at(const Scan *s, size_t at, const char *word) {
    for (; *word; word++, at++)
        if (at >= s->len || lower(s->src[at]) != *word)
            return false;
    return true;
}

static size_t skip_spaces(const Scan *s, size_t at) {
    while (at < s->len && is_space(s->src[at]))
        at++;
    return at;
}

static Status fail(Scan *s, size_t pos, const char *message) {
    s->error_pos = pos;
    s->error = message;
    return S_ERROR;
}

static Status fail_absurd(Scan *s, size_t pos) {
    s->absurd = true;
    return fail(s, pos, "BEGIN blocks are nested too deeply");
}

// --- the set of starts from which no block closes ------------------------------------------------

static size_t *failed_slot(size_t *slots, size_t cap, size_t key) {
    size_t i = (key * (size_t)0x9E3779B97F4A7C15ull) & (cap - 1);
    while (slots[i] && slots[i] != key)
        i = (i + 1) & (cap - 1);
    return &slots[i];
}

static bool failed_has(const Scan *s, size_t key) {
    return s->failed_cap > 0 && *failed_slot(s->failed, s->failed_cap, key) == key;
}

static void failed_add(Scan *s, size_t key) {
    if (s->failed_len * 2 >= s->failed_cap) {
        size_t cap = s->failed_cap ? s->failed_cap * 2 : 64;
        size_t *slots = NEW_ARRAY(s->mem, size_t, cap);
        for (size_t i = 0; i < s->failed_cap; i++)
            if (s->failed[i])
                *failed_slot(slots, cap, s->failed[i]) = s->failed[i];
        s->failed = slots;
        s->failed_cap = cap;
    }
    size_t *slot = failed_slot(s->failed, s->failed_cap, key);
    s->failed_len += *slot == 0;
    *slot = key;
}

// --- pieces of a statement -----------------------------------------------------------------------

// `*at` is behind the opening quote; leaves it behind the closing one.
static bool skip_quote(const Scan *s, size_t *at, char quote, size_t stmt_start) {
    bool escapes = quote != '`' && (s->options & SQL_BACKSLASH);
    size_t open = *at - 1;
    if (quote == '\'' && (s->options & SQL_E_STRINGS) && open > stmt_start &&
        lower(s->src[open - 1]) == 'e' && (open - 1 == stmt_start || !is_word(s->src[open - 2])))
        escapes = true;
    for (size_t i = *at; i < s->len; i++) {
        if (s->src[i] == '\\' && escapes) {
            i++;
        } else if (s->src[i] == quote) {
            *at = i + 1;
            return true;
        }
    }
    return false;
}

// `*at` is behind a '$'; moves behind the closing tag (or to the end) if this is a dollar quote.
static void skip_dollar_quote(const Scan *s, size_t *at, size_t stmt_start) {
    size_t open = *at - 1, tag = *at;
    if (open > stmt_start && is_word(s->src[open - 1]))
        return;
    if (tag < s->len && s->src[tag] >= '0' && s->src[tag] <= '9')
        return;
    while (tag < s->len && is_word(s->src[tag]))
        tag++;
    if (tag >= s->len || s->src[tag] != '$')
        return;
    size_t tag_len = tag + 1 - open;
    const char *end = memmem(s->src + tag + 1, s->len - tag - 1, s->src + open, tag_len);
    *at = end ? (size_t)(end - s->src) + tag_len : s->len;
}

// The end of the comment that starts at `at`, or 0: none starts here, or it is not terminated.
static size_t comment_end(Scan *s, size_t at) {
    char c = s->src[at], next = at + 1 < s->len ? s->src[at + 1] : 0;
    const char *end = NULL;
    if (c == '/' && next == '*' && at < s->no_star) {
        end = memmem(s->src + at + 2, s->len - at - 2, "*/", 2);
        s->no_star = end ? s->no_star : at;
        return end ? (size_t)(end - s->src) + 2 : 0;
    }
    bool line = (c == '-' && next == '-') || (c == '#' && (s->options & SQL_HASH_COMMENTS));
    if (line && at < s->no_newline) {
        end = memchr(s->src + at, '\n', s->len - at);
        s->no_newline = end ? s->no_newline : at;
    }
    return end ? (size_t)(end - s->src) + 1 : 0;
}

static bool newline_at(const Scan *s, size_t *at) {
    size_t i = *at + (*at < s->len && s->src[*at] == '\r');
    if (i >= s->len || s->src[i] != '\n')
        return false;
    *at = i + 1;
    return true;
}

// Whether a blank line follows a comment that ends at `at`.
static bool blank_line_follows(const Scan *s, size_t at, bool line_comment) {
    return (line_comment || newline_at(s, &at)) && newline_at(s, &at);
}

// "/*!50003 CREATE TRIGGER ... */" of MySQL, "/*M!" of MariaDB: the server runs what is in it.
static bool is_executable(const Scan *s, size_t at) {
    const char *p = s->src + at;
    size_t left = s->len - at;
    return (s->options & SQL_HASH_COMMENTS) && ((left > 2 && memcmp(p, "/*!", 3) == 0) ||
                                                (left > 3 && memcmp(p, "/*M!", 4) == 0));
}

// Leading spaces and comments; the comments of the last group stay in `out`.
static size_t skip_leading(Scan *s, size_t at, const Delim *d, StrList *out) {
    for (;;) {
        at = skip_spaces(s, at);
        if (at >= s->len || (s->len - at >= d->len && memcmp(s->src + at, d->text, d->len) == 0))
            return at;
        size_t end = comment_end(s, at);
        if (end == 0 || is_executable(s, at))
            return at;
        s->work += end - at;
        if (s->depth == 0)
            list_push(out, s->mem, arena_strndup(s->mem, s->src + at, end - at));
        if (blank_line_follows(s, end, s->src[at] != '/'))
            *out = (StrList){0};
        at = end;
    }
}

// "DELIMITER x": true if it was one (or a malformed one, then s->error is set).
static bool delimiter_command(Scan *s, size_t *at, Delim *d) {
    if (!word_at(s, *at, "delimiter "))
        return false;
    size_t start = *at + 10;
    const char *nl = memchr(s->src + start, '\n', s->len - start);
    size_t end = nl ? (size_t)(nl - s->src) : s->len;
    char *text = cstr_trim(s->mem, arena_strndup(s->mem, s->src + start, end - start));
    size_t len = strlen(text);
    if (len >= 2 && text[0] == '\'' && text[len - 1] == '\'') {
        text[len - 1] = 0;
        text = cstr_replace(s->mem, text + 1, "''", "'");
    }
    if (!*text)
        (void)fail(s, *at, "empty delimiter");
    *d = (Delim){text, strlen(text), !cstr_eq(text, ";")};
    *at = end;
    return true;
}

static Status scan_stmt(Scan *s, size_t *at, Delim *d, Span *out);

static bool closes_block(const Scan *s, const Span *span, bool atomic) {
    size_t len = span->end - span->start;
    if (!word_at(s, span->start, "end"))
        return false;
    if (len == 3 || s->src[span->start + 3] == ';')
        return atomic || len <= 4;
    return atomic && !is_word(s->src[span->start + 3]);
}

// Consumes statements from `*at` until one closes the block; false leaves `*at`.
static bool scan_block(Scan *s, size_t *at, bool atomic) {
    size_t first = s->starts.len, pos = *at;
    Delim d = semicolon;
    bool closed = false;
    s->depth++;
    while (!s->absurd && pos < s->last_end) {
        size_t start = skip_spaces(s, pos), key = start * 2 + atomic + 1;
        Span span = {0};
        if (!d.custom && failed_has(s, key))
            break;
        if (!d.custom)
            list_push(&s->starts, s->mem, key);
        if (scan_stmt(s, &pos, &d, &span) != S_STMT)
            break;
        closed = closes_block(s, &span, atomic);
        if (closed)
            break;
    }
    s->depth--;
    for (size_t i = first; !closed && i < s->starts.len; i++)
        failed_add(s, s->starts.items[i]);
    s->starts.len = first;
    if (closed)
        *at = pos;
    return closed;
}

// At a 'b': a block if BEGIN [ATOMIC] and white space stand here. Moves `*at` behind the block
// (true) or behind the keyword.
static bool begin_block(Scan *s, size_t *at, size_t stmt_start) {
    size_t here = *at - 1;
    if (!word_at(s, here, "begin") || (here > stmt_start && !is_space(s->src[here - 1])))
        return false;
    size_t behind = here + 5, word = skip_spaces(s, behind);
    if (word == behind)
        return false;
    bool atomic = (s->options & SQL_BEGIN_ATOMIC) && word_at(s, word, "atomic") &&
                  word + 6 < s->len && is_space(s->src[word + 6]);
    if (!atomic && !(s->options & SQL_BEGIN))
        return false;
    *at = atomic ? word + 6 : behind;
    if (s->depth >= MAX_DEPTH)
        return (void)fail_absurd(s, here), false;
    return scan_block(s, at, atomic);
}

static Status finish(Scan *s, Span *out, size_t start, size_t end) {
    while (end > start && is_space(s->src[end - 1]))
        end--;
    out->start = start;
    out->end = end;
    return S_STMT;
}

// One statement from `*at`, which moves behind it.
static Status scan_body(Scan *s, size_t *at, const Delim *d, Span *out) {
    size_t start = *at, i = start, open = 0, parens = 0;
    for (; i < s->len; s->work++) {
        char c = s->src[i];
        if (c != d->text[0] && !s->hot[(unsigned char)c]) {
            i++;
            continue;
        }
        size_t here = i++;
        if (c == '(') {
            open = parens++ == 0 ? here : open;
        } else if (c == ')') {
            if (parens-- == 0)
                return fail(s, here, "unexpected ')'");
        } else if (c == '\'' || c == '"' || c == '`') {
            if (!skip_quote(s, &i, c, start))
                return fail(s, here,
                            c == '"'    ? "unclosed quote '\"'"
                            : c == '\'' ? "unclosed quote '\\''"
                                        : "unclosed quote '`'");
        } else if (parens == 0 && s->len - here >= d->len &&
                   memcmp(s->src + here, d->text, d->len) == 0) {
            *at = here + d->len;
            return finish(s, out, start, d->custom ? here : *at);
        } else if (c == '$') {
            skip_dollar_quote(s, &i, start);
        } else if (c == 'b' || c == 'B') {
            if (!d->custom && begin_block(s, &i, start)) {
                *at = i;
                return finish(s, out, start, i);
            }
            if (s->absurd)
                return S_ERROR;
        } else {
            size_t end = comment_end(s, here);
            i = end ? end : i;
        }
    }
    *at = s->len;
    return parens > 0 ? fail(s, open, "unclosed '('") : finish(s, out, start, s->len);
}

static Status scan_stmt(Scan *s, size_t *at, Delim *d, Span *out) {
    for (;;) {
        out->comments = (StrList){0};
        *at = skip_leading(s, *at, d, &out->comments);
        if (*at >= s->len)
            return S_END;
        if (delimiter_command(s, at, d)) {
            if (s->error)
                return S_ERROR;
            continue;
        }
        if (s->work > s->limit)
            return fail_absurd(s, *at);
        Status status = scan_body(s, at, d, out);
        // Nothing between two custom delimiters is nothing to run.
        if (status != S_STMT || out->end > out->start)
            return status;
    }
}

// --- the whole
// ------------------------------------------------------------------------------------

static Err *scan_error(const Scan *s) {
    int line = 1;
    size_t line_start = 0;
    for (size_t i = 0; i < s->error_pos; i++) {
        if (s->src[i] == '\n') {
            line++;
            line_start = i + 1;
        }
    }
    int column = (int)(s->error_pos - line_start) + 1;
    Err *e = s->name ? err_at(err_new(E_SYNTAX, "%s", s->error), s->name, line, column)
                     : err_new(E_SYNTAX, "%d:%d: %s", line, column, s->error);
    if (s->absurd)
        e = err_hint(e, "a delimiter of its own (first line `-- atlas:delimiter \\n\\n`) makes a "
                        "file free of blocks");
    return e;
}

// A first line "-- atlas:delimiter X" sets the delimiter; statements start on line two.
static Err *delimiter_directive(Scan *s, Delim *d, size_t *at) {
    static const char line[] = "-- atlas:delimiter";
    size_t len = sizeof line - 1;
    if (s->len < len || memcmp(s->src, line, len) != 0 || (s->len > len && is_word(s->src[len])))
        return NULL;
    while (len < s->len && s->src[len] == ' ')
        len++;
    size_t end = len;
    while (end < s->len && s->src[end] >= ' ' && s->src[end] <= '~')
        end++;
    char *text = arena_strndup(s->mem, s->src + len, end - len);
    text = cstr_replace(s->mem, text, "\\n", "\n");
    text = cstr_replace(s->mem, text, "\\r", "\r");
    text = cstr_replace(s->mem, text, "\\t", "\t");
    const char *nl = memchr(s->src + end, '\n', s->len - end);
    if (!*text || !nl) {
        s->error = *text ? "no input found after the delimiter directive" : "empty delimiter";
        return scan_error(s);
    }
    *d = (Delim){text, strlen(text), !cstr_eq(text, ";")};
    *at = s->base = (size_t)(nl - s->src) + 1;
    return NULL;
}

static void scan_init(Scan *s) {
    for (const char *c = "()'\"`-/"; *c; c++)
        s->hot[(unsigned char)*c] = true;
    s->hot['$'] = s->options & SQL_DOLLAR_QUOTES;
    s->hot['#'] = s->options & SQL_HASH_COMMENTS;
    s->hot['b'] = s->hot['B'] = s->options & (SQL_BEGIN | SQL_BEGIN_ATOMIC);
    for (size_t i = s->len; i >= 3 && s->last_end == 0; i--)
        if (word_at(s, i - 3, "end") && (i == 3 || !is_word(s->src[i - 4])) &&
            (i == s->len || !is_word(s->src[i])))
            s->last_end = i;
    s->limit = s->len * WORK_FACTOR + WORK_BASE;
    s->no_newline = s->no_star = s->len;
}

Err *sql_scan(SqlStmts *out, Str input, unsigned options, const char *name, Arena *mem) {
    AutoArena tmp = arena_new(NULL);
    Scan s = {.src = input.ptr, .len = input.len, .options = options, .name = name, .mem = tmp};
    Delim d = semicolon;
    size_t at = 0;
    scan_init(&s);
    // Databases would stop at it and leave the rest out, silently.
    const char *nul = input.len > 0 ? memchr(input.ptr, 0, input.len) : NULL;
    if (nul) {
        (void)fail(&s, (size_t)(nul - input.ptr), "NUL byte: the file is not plain text");
        return scan_error(&s);
    }
    TRY(delimiter_directive(&s, &d, &at));
    for (;;) {
        Span span = {0};
        s.error = NULL;
        Status status = scan_stmt(&s, &at, &d, &span);
        if (status == S_END)
            return NULL;
        if (status == S_ERROR)
            return scan_error(&s);
        SqlStmt stmt = {.pos = span.start - s.base};
        stmt.text = str_slice(arena_strndup(mem, s.src + span.start, span.end - span.start),
                              span.end - span.start);
        for (size_t i = 0; i < span.comments.len; i++)
            list_push(&stmt.comments, mem, arena_strdup(mem, span.comments.items[i]));
        list_push(out, mem, stmt);
    }
}
