// The annotated formats: goose and dbmate.
#include "internal.h"

// The next line without its newline; false at the end.
static bool next_line(Str *rest, Str *line) {
    if (rest->len == 0)
        return false;
    const char *nl = memchr(rest->ptr, '\n', rest->len);
    size_t len = nl ? (size_t)(nl - rest->ptr) : rest->len;
    *line = str_slice(rest->ptr, len);
    *rest = str_slice(rest->ptr + len + (nl != NULL), rest->len - len - (nl != NULL));
    return true;
}

static Str trim(Str s) {
    while (s.len > 0 && strchr(" \t\r", s.ptr[0]) && s.ptr[0])
        s = str_slice(s.ptr + 1, s.len - 1);
    while (s.len > 0 && strchr(" \t\r", s.ptr[s.len - 1]) && s.ptr[s.len - 1])
        s.len--;
    return s;
}

static bool starts(Str s, const char *prefix) {
    size_t len = strlen(prefix);
    return s.len >= len && memcmp(s.ptr, prefix, len) == 0;
}

// The word of a pragma line "<mark> Word ...": empty if the line is none.
static Str pragma_word(Str line, const char *mark) {
    line = trim(line);
    if (!starts(line, "--"))
        return (Str){"", 0};
    line = trim(str_slice(line.ptr + 2, line.len - 2));
    if (!starts(line, mark))
        return (Str){"", 0};
    line = trim(str_slice(line.ptr + strlen(mark), line.len - strlen(mark)));
    size_t len = 0;
    while (len < line.len && line.ptr[len] != ' ' && line.ptr[len] != '\t')
        len++;
    return str_slice(line.ptr, len);
}

static bool is_nocase(Str word, const char *text) {
    return word.len == strlen(text) && strncasecmp(word.ptr, text, word.len) == 0;
}

static bool is(Str word, const char *text) {
    return str_eq(word, str_from(text));
}

// Statements end where goose says, so they reach the scanner with a delimiter of their own.
#define DELIMITER "-- ATLAS_DELIM_END"

typedef enum GooseState { BEFORE, UP, STATEMENT, DOWN } GooseState;

typedef struct Goose {
    GooseState state;
    Buf out;
} Goose;

static Err *goose_pragma(Goose *g, Str word, const MigrateFile *file, int line) {
    static const struct {
        const char *word;
        GooseState from, to;
    } moves[] = {
        {"Up", BEFORE, UP},
        {"StatementBegin", UP, STATEMENT},
        {"StatementEnd", STATEMENT, UP},
        {"Down", UP, DOWN},
    };
    if (g->state == DOWN)
        return NULL;
    for (size_t i = 0; i < COUNT_OF(moves); i++) {
        if (!is_nocase(word, moves[i].word))
            continue;
        if (g->state != moves[i].from)
            return err_at(err_new(E_SYNTAX, "unexpected goose pragma \"%s\"", moves[i].word),
                          file->name, line, 0);
        if (g->state == STATEMENT)
            buf_str(&g->out, DELIMITER "\n");
        g->state = moves[i].to;
    }
    return NULL; // NO TRANSACTION, ENVSUB and the like
}

// Whether the last word before a comment ends with a semicolon.
static bool ends_statement(Str line) {
    bool ends = false;
    for (size_t i = 0; i < line.len;) {
        size_t start = i;
        while (i < line.len && !strchr(" \t\r", line.ptr[i]))
            i++;
        if (i - start >= 2 && memcmp(line.ptr + start, "--", 2) == 0)
            break;
        ends = i > start ? line.ptr[i - 1] == ';' : ends;
        i += i == start;
    }
    return ends;
}

static void goose_line(Goose *g, Str line) {
    if (g->state != UP && g->state != STATEMENT)
        return;
    buf_add(&g->out, line.ptr, line.len);
    buf_char(&g->out, '\n');
    if (g->state == UP && ends_statement(line))
        buf_str(&g->out, DELIMITER "\n");
}

Err *goose_up(Str *out, const MigrateFile *file, Arena *mem) {
    Goose g = {.state = BEFORE};
    Str rest = file_text(file), line = {0};
    buf_init(&g.out, mem, SIZE_MAX);
    buf_str(&g.out, "-- atlas:delimiter " DELIMITER "\n");
    for (int n = 1; next_line(&rest, &line); n++) {
        Str word = pragma_word(line, "+goose");
        if (word.len > 0)
            TRY(goose_pragma(&g, word, file, n));
        else
            goose_line(&g, line);
    }
    if (g.state == STATEMENT)
        return err_at(err_new(E_SYNTAX, "StatementBegin without StatementEnd"), file->name, 0, 0);
    if (g.state == BEFORE && trim(file->content).len > 0)
        return err_at(err_new(E_SYNTAX, "no \"-- +goose Up\" line, so nothing would run"),
                      file->name, 0, 0);
    *out = buf_view(&g.out);
    return NULL;
}

void goose_clean(SqlStmts *stmts, Arena *mem) {
    for (size_t i = 0; i < stmts->len; i++) {
        Str *text = &stmts->items[i].text;
        if (memmem(text->ptr, text->len, DELIMITER "\n", strlen(DELIMITER "\n")))
            *text = str_from(cstr_replace(mem, text->ptr, DELIMITER "\n", ""));
    }
}

Err *dbmate_up(Str *out, const MigrateFile *file, Arena *mem) {
    Str rest = file_text(file), line = {0};
    bool up = false, seen = false;
    Buf b;
    buf_init(&b, mem, SIZE_MAX);
    while (next_line(&rest, &line)) {
        Str word = pragma_word(line, "migrate:");
        if (is(word, "up"))
            up = seen = true;
        else if (is(word, "down"))
            up = false;
        else if (up)
            buf_add(&b, line.ptr, line.len + (line.ptr + line.len < rest.ptr));
    }
    if (!seen && trim(file->content).len > 0)
        return err_at(err_new(E_SYNTAX, "no \"-- migrate:up\" line, so nothing would run"),
                      file->name, 0, 0);
    *out = buf_view(&b);
    return NULL;
}

static bool has_word(Str line, const char *word) {
    return memmem(line.ptr, line.len, word, strlen(word)) != NULL;
}

// golang-migrate leaves transactions to its files.
static bool begins_transaction(Str line) {
    static const char *const words[] = {"BEGIN;", "BEGIN TRANSACTION;", "BEGIN WORK;",
                                        "START TRANSACTION;"};
    line = trim(line);
    for (size_t i = 0; i < COUNT_OF(words); i++)
        if (is_nocase(line, words[i]))
            return true;
    return false;
}

bool format_without_transaction(const MigrateFile *file) {
    Str rest = file_text(file), line = {0};
    while (next_line(&rest, &line)) {
        bool goose = file->format == MIGRATE_GOOSE && is(pragma_word(line, "+goose"), "NO");
        bool dbmate = file->format == MIGRATE_DBMATE && is(pragma_word(line, "migrate:"), "up");
        bool liquibase = file->format == MIGRATE_LIQUIBASE && starts(trim(line), "--") &&
                         has_word(line, "changeset ");
        bool own = file->format == MIGRATE_GOLANG_MIGRATE && begins_transaction(line);
        if (own || (goose && has_word(line, "NO TRANSACTION")) ||
            (dbmate && has_word(line, "transaction:false")) ||
            (liquibase && has_word(line, "runInTransaction:false")))
            return true;
    }
    return false;
}
