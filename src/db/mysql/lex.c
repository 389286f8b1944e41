// Statements as the server's lexer sees them, as far as running them needs it.
#include "lex.h"

// --- tokens --------------------------------------------------------------------------------------

static bool is_space(char c) {
    return c == ' ' || (c >= '\t' && c <= '\r');
}

static bool is_word(char c) {
    unsigned char u = (unsigned char)c;
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '_' ||
           c == '$' || c == '@' || u >= 0x80;
}

static bool starts(const MariaLexer *l, const char *text) {
    size_t len = strlen(text);
    return (size_t)(l->end - l->p) >= len && memcmp(l->p, text, len) == 0;
}

// "/*!50003 " or "/*M!100100 ": what follows is run (by servers of that version).
static bool skip_executable(MariaLexer *l) {
    if (!starts(l, "/*!") && !starts(l, "/*M!"))
        return false;
    l->p = (const char *)memchr(l->p, '!', (size_t)(l->end - l->p)) + 1;
    while (l->p < l->end && *l->p >= '0' && *l->p <= '9')
        l->p++;
    l->executable = true;
    return true;
}

static void skip_line(MariaLexer *l) {
    const char *nl = memchr(l->p, '\n', (size_t)(l->end - l->p));
    l->p = nl ? nl + 1 : l->end;
}

static bool skip_comment(MariaLexer *l) {
    if (*l->p == '#' ||
        (starts(l, "--") && (l->end - l->p == 2 || (unsigned char)l->p[2] <= ' '))) {
        skip_line(l);
        return true;
    }
    if (skip_executable(l))
        return true;
    if (l->executable && starts(l, "*/")) {
        l->executable = false;
        l->p += 2;
        l->closed = l->p;
        return true;
    }
    if (!starts(l, "/*"))
        return false;
    const char *close = memmem(l->p + 2, (size_t)(l->end - l->p) - 2, "*/", 2);
    l->open = l->open || !close;
    l->p = close ? close + 2 : l->end;
    return true;
}

// Doubled quotes are part of the text.
static void skip_quoted(MariaLexer *l, char quote) {
    for (l->p++; l->p < l->end; l->p++) {
        bool more = l->p + 1 < l->end;
        if (*l->p == quote && !(more && l->p[1] == quote)) {
            l->p++;
            return;
        }
        if (more && (*l->p == quote || (*l->p == '\\' && quote != '`')))
            l->p++;
    }
    l->open = true;
}

MariaToken maria_token(MariaLexer *l) {
    while (l->p < l->end && (is_space(*l->p) || skip_comment(l)))
        l->p += l->p < l->end && is_space(*l->p);
    MariaToken t = {.kind = MARIA_END, .ptr = l->p};
    if (l->p >= l->end) {
        l->open = l->open || l->executable;
        return t;
    }
    char c = *l->p;
    if (c == '\'' || c == '"' || c == '`') {
        t.kind = c == '\'' ? MARIA_STRING : MARIA_NAME;
        skip_quoted(l, c);
    } else if (is_word(c)) {
        t.kind = MARIA_WORD;
        while (l->p < l->end && is_word(*l->p))
            l->p++;
    } else {
        t.kind = MARIA_SYMBOL;
        l->p++;
    }
    t.len = (size_t)(l->p - t.ptr);
    return t;
}

bool maria_is(const MariaToken *t, const char *word) {
    return t->kind == MARIA_WORD && t->len == strlen(word) &&
           strncasecmp(t->ptr, word, t->len) == 0;
}

bool maria_is_symbol(const MariaToken *t, char c) {
    return t->kind == MARIA_SYMBOL && *t->ptr == c;
}

char *maria_name(const MariaToken *t, Arena *mem) {
    if (t->kind != MARIA_NAME || t->len < 2)
        return arena_strndup(mem, t->ptr, t->len);
    const char quote[] = {*t->ptr, 0}, twice[] = {*t->ptr, *t->ptr, 0};
    return cstr_replace(mem, arena_strndup(mem, t->ptr + 1, t->len - 2), twice, quote);
}

// --- commands ------------------------------------------------------------------------------------

enum {
    ATOMIC = 1,
    OPENS = 2, // a transaction
    ENDS = 4,
    OPAQUE = 8, // holds commands of its own: nothing more is said about the text
    LOCKS = 16,
    UNCERTAIN = 32,
};

// By the first word. Words that are not here: not atomic. Whatever changes no data, or only the
// session, may stand in a transaction as well.
static const struct Command {
    const char *word;
    unsigned flags;
} commands[] = {
    {"SELECT", ATOMIC},
    {"INSERT", ATOMIC},
    {"UPDATE", ATOMIC},
    {"DELETE", ATOMIC},
    {"REPLACE", ATOMIC},
    {"WITH", ATOMIC},
    {"VALUES", ATOMIC},
    {"TABLE", ATOMIC},
    {"DO", ATOMIC},
    {"SHOW", ATOMIC},
    {"USE", ATOMIC},
    {"EXPLAIN", ATOMIC},
    {"DESC", ATOMIC},
    {"DESCRIBE", ATOMIC},
    {"SAVEPOINT", ATOMIC},
    {"RELEASE", ATOMIC},
    {"DEALLOCATE", ATOMIC},
    {"PREPARE", ATOMIC},
    {"COMMIT", ENDS},
    {"LOCK", LOCKS},
    {"FLUSH", LOCKS},
    {"CALL", UNCERTAIN},
    {"EXECUTE", UNCERTAIN},
    {"XA", OPENS | UNCERTAIN},
    {"CREATE", OPAQUE},
    {"ALTER", OPAQUE},
    {"IF", OPAQUE | UNCERTAIN},
    {"CASE", OPAQUE | UNCERTAIN},
    {"LOOP", OPAQUE | UNCERTAIN},
    {"WHILE", OPAQUE | UNCERTAIN},
    {"REPEAT", OPAQUE | UNCERTAIN},
    {"FOR", OPAQUE | UNCERTAIN},
    {"DECLARE", OPAQUE | UNCERTAIN},
};

static bool ends_command(const MariaToken *t) {
    return t->kind == MARIA_END || maria_is_symbol(t, ';');
}

// Whether `word` comes before the end of the command.
static bool has_word(MariaLexer l, const char *word) {
    for (MariaToken t = maria_token(&l); !ends_command(&t); t = maria_token(&l))
        if (maria_is(&t, word))
            return true;
    return false;
}

static bool is_any(const MariaToken *t, const char *const *words, size_t count) {
    for (size_t i = 0; i < count; i++)
        if (maria_is(t, words[i]))
            return true;
    return false;
}

// SET of what commits by itself, outlives a rollback, or no transaction may hold.
static const char *const lasting[] = {"PASSWORD",      "DEFAULT",   "ROLE",       "STATEMENT",
                                      "GLOBAL",        "@@GLOBAL",  "PERSIST",    "TRANSACTION",
                                      "BINLOG_FORMAT", "GTID_NEXT", "SQL_LOG_BIN"};

static unsigned set_flags(MariaLexer l, MariaStmt *s) {
    MariaToken t = maria_token(&l);
    unsigned flags = ATOMIC;
    for (; !ends_command(&t); t = maria_token(&l)) {
        if (is_any(&t, lasting, COUNT_OF(lasting)))
            flags &= ~(unsigned)ATOMIC;
        if (!maria_is(&t, "AUTOCOMMIT") && !maria_is(&t, "@@AUTOCOMMIT"))
            continue;
        t = maria_token(&l);
        if (maria_is_symbol(&t, ':'))
            t = maria_token(&l);
        if (!maria_is_symbol(&t, '='))
            continue;
        t = maria_token(&l);
        s->autocommit = true;
        static const char *const no[] = {"0", "OFF", "FALSE"};
        flags = is_any(&t, no, COUNT_OF(no)) ? OPENS : ENDS;
        if (ends_command(&t))
            break;
    }
    return flags;
}

static unsigned command_flags(const MariaToken *word, MariaLexer l, MariaStmt *s) {
    MariaLexer behind = l;
    MariaToken next = maria_token(&behind);
    if (maria_is(word, "SET"))
        return set_flags(l, s);
    if (maria_is(word, "BEGIN"))
        return maria_is(&next, "NOT") ? OPAQUE | UNCERTAIN : OPENS;
    if (maria_is(word, "START"))
        return maria_is(&next, "TRANSACTION") ? OPENS : 0;
    if (maria_is(word, "ROLLBACK"))
        return has_word(l, "TO") ? ATOMIC : ENDS;
    if (maria_is(word, "COMMIT") && has_word(l, "CHAIN") && !has_word(l, "NO"))
        return OPENS;
    for (size_t i = 0; i < COUNT_OF(commands); i++)
        if (maria_is(word, commands[i].word))
            return commands[i].flags;
    return 0;
}

static void add_command(MariaStmt *s, unsigned flags) {
    s->atomic = s->atomic && (flags & ATOMIC);
    s->locks = s->locks || (flags & LOCKS);
    s->uncertain = s->uncertain || (flags & UNCERTAIN);
    s->many = s->many || (flags & UNCERTAIN);
    if (flags & (OPENS | ENDS)) {
        s->control = true;
        s->opens = flags & OPENS;
        s->ends = flags & ENDS;
    }
}

static const char *const waiting[] = {"SLEEP", "GET_LOCK", "BENCHMARK"};

// An empty command is an error in a packet: an executable comment may be one, and what is not
// closed swallows what follows.
MariaStmt maria_classify(Str sql) {
    MariaStmt s = {.empty = true, .atomic = true};
    MariaLexer l = {.p = sql.ptr, .end = sql.ptr + sql.len};
    bool start = true, opaque = false;
    const char *semicolon = NULL; // the first one behind the last word
    for (MariaToken t = maria_token(&l); t.kind != MARIA_END; t = maria_token(&l)) {
        if (maria_is_symbol(&t, ';')) {
            semicolon = start ? semicolon : t.ptr;
            start = true;
            continue;
        }
        s.len = (size_t)(l.p - sql.ptr);
        s.waits = s.waits || is_any(&t, waiting, COUNT_OF(waiting));
        s.many = s.many || (semicolon && !s.empty);
        s.alone = s.alone || (start && l.executable);
        if (start && maria_is_symbol(&t, '('))
            continue;
        if (start && !opaque) {
            unsigned flags = command_flags(&t, l, &s);
            add_command(&s, flags);
            opaque = flags & OPAQUE;
        }
        s.empty = start = false;
    }
    bool more = l.closed && l.closed > sql.ptr + s.len; // "t /*!50100 ENGINE = x */"
    s.alone = s.alone || l.open || s.waits || (more && semicolon && start && l.closed > semicolon);
    s.len = more ? (size_t)(l.closed - sql.ptr) : s.len;
    s.len = s.alone ? sql.len : s.len;
    return s;
}

bool maria_is_atomic(Str sql) {
    return maria_classify(sql).atomic;
}

static bool begins(Str sql, const char *word) {
    MariaLexer l = {.p = sql.ptr, .end = sql.ptr + sql.len};
    MariaToken t = maria_token(&l);
    return maria_is(&t, word);
}

bool maria_is_use(Str sql) {
    return begins(sql, "USE");
}

bool maria_sets_session(Str sql) {
    return maria_is_use(sql) || (begins(sql, "SET") && maria_is_atomic(sql));
}
