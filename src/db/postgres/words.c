// What kind of statement a text is, from its first words.
#include "atlas/sql.h"
#include "postgres.h"
#include "../words.h"

static bool is_word_byte(char c) {
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '_' ||
           c == '$' || (unsigned char)c >= 0x80;
}

// Behind the closing `quote`; a doubled one is two texts that touch, which is the same here.
static const char *skip_quoted(const char *p, const char *end, bool backslash) {
    char quote = *p++;
    while (p < end && *p != quote)
        p += backslash && *p == '\\' && p + 1 < end ? 2 : 1;
    return p < end ? p + 1 : end;
}

// Behind $tag$ ... $tag$; NULL if it is none.
static const char *skip_dollars(const char *p, const char *end) {
    const char *q = p + 1;
    while (q < end && is_word_byte(*q) && *q != '$')
        q++;
    if (q == end || *q != '$')
        return NULL;
    size_t tag = (size_t)(q + 1 - p);
    const char *close = memmem(q + 1, (size_t)(end - q) - 1, p, tag);
    return close ? close + tag : end;
}

static const char *skip_word(const char *p, const char *end) {
    while (p < end && is_word_byte(*p))
        p++;
    return p;
}

Token postgres_token(PostgresLexer *l) {
    const char *start = words_skip(l->p, l->end), *end = l->end, *p = start;
    Token t = {.kind = TOKEN_END};
    if (p == end) {
        l->p = end;
        return t;
    }
    if (*p == '\'' || ((*p == 'e' || *p == 'E') && p + 1 < end && p[1] == '\'')) {
        t.kind = TOKEN_STRING;
        p = skip_quoted(*p == '\'' ? p : p + 1, end, *p != '\'');
    } else if (*p == '"') {
        t.kind = TOKEN_QUOTED;
        while (p < end && *p == '"')
            p = skip_quoted(p, end, false);
    } else if (*p == '$' && skip_dollars(p, end)) {
        t.kind = TOKEN_STRING;
        p = skip_dollars(p, end);
    } else if (is_word_byte(*p)) {
        t.kind = TOKEN_WORD;
        p = skip_word(p, end);
    } else {
        t.kind = TOKEN_SYMBOL;
        p++;
    }
    t.text = str_slice(start, (size_t)(p - start));
    l->p = p;
    return t;
}

bool postgres_token_is(const Token *t, const char *word) {
    return t->kind == TOKEN_WORD && strlen(word) == t->text.len &&
           strncasecmp(t->text.ptr, word, t->text.len) == 0;
}

bool postgres_starts(Str sql, const char *words) {
    PostgresLexer l = {sql.ptr, sql.ptr + sql.len};
    while (*words) {
        size_t len = strcspn(words, " ");
        Token t = postgres_token(&l);
        if (t.kind != TOKEN_WORD || t.text.len != len || strncasecmp(t.text.ptr, words, len) != 0)
            return false;
        words += len + (words[len] == ' ');
    }
    return true;
}

static bool starts_with_any(Str sql, const char *const *list, size_t count) {
    for (size_t i = 0; i < count; i++)
        if (postgres_starts(sql, list[i]))
            return true;
    return false;
}

// Whether these words follow each other anywhere outside of parentheses.
static bool has_words(Str sql, const char *first, const char *second) {
    PostgresLexer l = {sql.ptr, sql.ptr + sql.len};
    int depth = 0;
    bool seen = false;
    for (Token t = postgres_token(&l); t.kind != TOKEN_END; t = postgres_token(&l)) {
        if (t.kind == TOKEN_SYMBOL)
            depth += *t.text.ptr == '(' ? 1 : *t.text.ptr == ')' ? -1 : 0;
        if (seen && postgres_token_is(&t, second))
            return true;
        seen = depth == 0 && postgres_token_is(&t, first);
    }
    return false;
}

static bool ends_with_concurrently(Str sql) {
    PostgresLexer l = {sql.ptr, sql.ptr + sql.len};
    Token last = {0};
    for (Token t = postgres_token(&l); t.kind != TOKEN_END; t = postgres_token(&l))
        last = t;
    return postgres_token_is(&last, "CONCURRENTLY");
}

PostgresCommands postgres_split(Str sql, Arena *mem) {
    PostgresCommands commands = {0};
    SqlStmts stmts = {0};
    const char *end = sql.ptr + sql.len, *mark = memchr(sql.ptr, ';', sql.len);
    if (mark && words_skip(mark, end) < end) {
        // BEGIN is no block here, but a command.
        Err *e = sql_scan(&stmts, sql, SQL_POSTGRES & ~(unsigned)SQL_BEGIN, NULL, mem);
        if (e) // the server says it better
            stmts.len = 0;
        err_free(e);
    }
    for (size_t i = 0; i < stmts.len; i++) {
        Str text = stmts.items[i].text;
        if (words_skip(text.ptr, text.ptr + text.len) < text.ptr + text.len)
            list_push(&commands, mem, text);
    }
    if (commands.len == 0)
        list_push(&commands, mem, sql);
    return commands;
}

// What no transaction block may hold, or what may commit by itself: REINDEX and CLUSTER where they
// meet partitions, procedures.
static bool is_atomic_command(Str sql) {
    static const char *const holds[] = {
        "SELECT",  "INSERT",   "UPDATE",   "DELETE", "MERGE",   "WITH",    "VALUES",   "TABLE",
        "CREATE",  "ALTER",    "DROP",     "GRANT",  "REVOKE",  "COPY",    "SET",      "RESET",
        "COMMENT", "TRUNCATE", "SECURITY", "IMPORT", "REFRESH", "LOCK",    "REASSIGN", "ANALYZE",
        "ANALYSE", "EXPLAIN",  "NOTIFY",   "SHOW",   "LOAD",    "PREPARE", "EXECUTE"};
    static const char *const never[] = {"CREATE INDEX CONCURRENTLY",
                                        "CREATE UNIQUE INDEX CONCURRENTLY",
                                        "DROP INDEX CONCURRENTLY",
                                        "CREATE DATABASE",
                                        "ALTER DATABASE",
                                        "DROP DATABASE",
                                        "CREATE TABLESPACE",
                                        "DROP TABLESPACE",
                                        "ALTER SYSTEM",
                                        "CREATE SUBSCRIPTION",
                                        "ALTER SUBSCRIPTION",
                                        "DROP SUBSCRIPTION",
                                        "PREPARE TRANSACTION"};
    if (!starts_with_any(sql, holds, COUNT_OF(holds)) ||
        starts_with_any(sql, never, COUNT_OF(never)))
        return false;
    return !(postgres_starts(sql, "ALTER TABLE") && ends_with_concurrently(sql));
}

bool postgres_is_atomic(Str sql) {
    AutoArena tmp = arena_new(NULL);
    PostgresCommands commands = postgres_split(sql, tmp);
    for (size_t i = 0; i < commands.len; i++)
        if (!is_atomic_command(commands.items[i]))
            return false;
    return true;
}

static bool names_set_config(Str sql) {
    static const char name[] = "set_config";
    for (size_t i = 0; i + sizeof name - 1 <= sql.len; i++)
        if (strncasecmp(sql.ptr + i, name, sizeof name - 1) == 0)
            return true;
    return false;
}

bool postgres_sets_session(Str sql) {
    static const char *const sets[] = {"SET", "RESET", "DO", "CALL"};
    return starts_with_any(sql, sets, COUNT_OF(sets)) ||
           (postgres_starts(sql, "SELECT") && names_set_config(sql));
}

bool postgres_only_sets(Str sql) {
    static const char *const passing[] = {"SET LOCAL", "SET TRANSACTION", "SET CONSTRAINTS"};
    return (postgres_starts(sql, "SET") && !starts_with_any(sql, passing, COUNT_OF(passing))) ||
           postgres_starts(sql, "RESET") || postgres_starts(sql, "SELECT set_config") ||
           (postgres_starts(sql, "SELECT pg_catalog") && names_set_config(sql));
}

static bool controls_transaction(Str sql) {
    static const char *const control[] = {"BEGIN", "START TRANSACTION",  "COMMIT", "END",
                                          "ABORT", "PREPARE TRANSACTION"};
    static const char *const partial[] = {"ROLLBACK TO", "ROLLBACK WORK TO",
                                          "ROLLBACK TRANSACTION TO"};
    return starts_with_any(sql, control, COUNT_OF(control)) ||
           (postgres_starts(sql, "ROLLBACK") && !starts_with_any(sql, partial, COUNT_OF(partial)));
}

static Err *refuse_command(Str sql, bool in_transaction) {
    if (postgres_starts(sql, "COPY") &&
        (has_words(sql, "FROM", "STDIN") || has_words(sql, "TO", "STDOUT")))
        return err_hint(err_new(E_INVALID, "COPY from or to the client is not possible in a "
                                           "migration"),
                        "write the rows as INSERT statements (pg_dump --inserts), or COPY a file "
                        "of the server");
    if (in_transaction && controls_transaction(sql))
        return err_hint(
            err_new(E_INVALID, "the statement controls the transaction its file runs in"),
            "remove BEGIN and COMMIT from the file, or put `-- atlas:txmode none` and "
            "a blank line at its top");
    return NULL;
}

Err *postgres_refuse(Str sql, bool in_transaction) {
    AutoArena tmp = arena_new(NULL);
    const char *end = sql.ptr + sql.len, *start = words_skip(sql.ptr, end);
    if (memchr(sql.ptr, 0, sql.len))
        return err_new(E_INVALID, "the statement holds a NUL byte");
    if (start < end && *start == '\\')
        return err_hint(err_new(E_INVALID, "%.*s is a command of psql, no SQL",
                                (int)(skip_word(start + 1, end) - start), start),
                        "remove such lines from the file (pg_dump writes \\restrict at the top and "
                        "\\unrestrict at the end)");
    PostgresCommands commands = postgres_split(sql, tmp);
    for (size_t i = 0; i < commands.len; i++)
        TRY(refuse_command(commands.items[i], in_transaction));
    return NULL;
}
