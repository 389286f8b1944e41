// What became of a statement that no transaction could hold, from the catalog.
#include "postgres.h"

typedef struct Flight {
    Postgres *p;
    PostgresLexer lexer;
    Token token; // the next one
    DbFlight *out;
    const char **note;
    Arena *mem;
} Flight;

// --- reading the statement
// ------------------------------------------------------------------------

static void advance(Flight *f) {
    f->token = postgres_token(&f->lexer);
}

static bool accept(Flight *f, const char *word) {
    bool is = postgres_token_is(&f->token, word);
    if (is)
        advance(f);
    return is;
}

static bool is_symbol(const Flight *f, char c) {
    return f->token.kind == TOKEN_SYMBOL && *f->token.text.ptr == c;
}

static void accept_if_exists(Flight *f) {
    if (!accept(f, "IF"))
        return;
    (void)accept(f, "NOT");
    (void)accept(f, "EXISTS");
}

// Options in parentheses; whether CONCURRENTLY is one.
static bool accept_options(Flight *f) {
    bool concurrently = false;
    if (!is_symbol(f, '('))
        return false;
    for (advance(f); f->token.kind != TOKEN_END && !is_symbol(f, ')'); advance(f))
        concurrently = concurrently || postgres_token_is(&f->token, "CONCURRENTLY");
    advance(f);
    return concurrently;
}

// "schema.name" as it stands, for regclass; NULL if there is none.
static const char *accept_name(Flight *f) {
    const char *start = f->token.text.ptr, *end = start;
    while (f->token.kind == TOKEN_WORD || f->token.kind == TOKEN_QUOTED) {
        end = f->token.text.ptr + f->token.text.len;
        advance(f);
        if (!is_symbol(f, '.'))
            break;
        advance(f);
    }
    return start && end > start ? arena_strndup(f->mem, start, (size_t)(end - start)) : NULL;
}

// A single name as the catalog has it.
static const char *folded(const char *name, Arena *mem) {
    size_t len = strlen(name);
    if (*name != '"' || len < 2)
        return cstr_lower(mem, name);
    return cstr_replace(mem, arena_strndup(mem, name + 1, len - 2), "\"\"", "\"");
}

static Err *ask(Flight *f, PGresult **out, const char *sql, const char *a, const char *b) {
    PostgresQuery query = {.sql = sql, .args = {a, b}, .arg_count = b ? 2 : 1};
    return postgres_ask(f->p, &query, out);
}

static Err *decide(Flight *f, DbFlight flight) {
    *f->out = flight;
    return NULL;
}

// --- indexes
// --------------------------------------------------------------------------------------

// Drops the indexes of a result (quoted names), each left invalid by an interrupted build.
static Err *drop_invalid(Flight *f, const PGresult *rows) {
    for (int i = 0; i < PQntuples(rows); i++) {
        const char *index = PQgetvalue(rows, i, 0);
        TRY(postgres_simple(f->p,
                            arena_printf(f->mem, "DROP INDEX CONCURRENTLY IF EXISTS %s", index)));
        *f->note =
            arena_printf(f->mem,
                         "%s%sindex \"%s\" was left invalid by an interrupted build and was "
                         "dropped to be built again",
                         *f->note ? *f->note : "", *f->note ? "; " : "", PQgetvalue(rows, i, 1));
    }
    return decide(f, DB_FLIGHT_REPEAT);
}

#define INDEX_NAMES "SELECT pg_catalog.format('%I.%I', n.nspname, c.relname), c.relname, "
#define INDEX_FROM                                                                                 \
    " FROM pg_catalog.pg_index i JOIN pg_catalog.pg_class c ON c.oid = i.indexrelid JOIN "         \
    "pg_catalog.pg_namespace n ON n.oid = c.relnamespace WHERE "

#define LEFTOVER "NOT i.indisvalid AND c.relname ~ '_ccnew[0-9]*$' AND "

// CREATE [UNIQUE] INDEX CONCURRENTLY [IF NOT EXISTS] name ON [ONLY] table
static Err *create_index(Flight *f) {
    AutoResult rows = NULL;
    accept_if_exists(f);
    if (postgres_token_is(&f->token, "ON"))
        return NULL; // a name of the server's choice
    const char *name = accept_name(f);
    if (!name || !accept(f, "ON"))
        return NULL;
    (void)accept(f, "ONLY");
    const char *table = accept_name(f);
    if (!table)
        return NULL;
    TRY(ask(f, &rows,
            INDEX_NAMES "i.indisvalid" INDEX_FROM
                        "i.indrelid = pg_catalog.to_regclass($1) AND c.relname = $2",
            table, folded(name, f->mem)));
    if (PQntuples(rows) == 0)
        return decide(f, DB_FLIGHT_REPEAT);
    if (cstr_eq(PQgetvalue(rows, 0, 2), "t"))
        return decide(f, DB_FLIGHT_DONE);
    return drop_invalid(f, rows);
}

// DROP INDEX CONCURRENTLY [IF EXISTS] name
static Err *drop_index(Flight *f) {
    AutoResult rows = NULL;
    accept_if_exists(f);
    const char *name = accept_name(f);
    if (!name)
        return NULL;
    TRY(ask(f, &rows, "SELECT pg_catalog.to_regclass($1)", name, NULL));
    return decide(f, PQgetisnull(rows, 0, 0) ? DB_FLIGHT_DONE : DB_FLIGHT_REPEAT);
}

// REINDEX [(options)] INDEX|TABLE|SCHEMA|DATABASE|SYSTEM [CONCURRENTLY] name. What was being built
// beside the old one is left invalid, as name_ccnew.
static Err *reindex(Flight *f) {
    static const struct {
        const char *word, *condition;
    } kinds[] = {
        {"INDEX", "i.indrelid = (SELECT indrelid FROM pg_catalog.pg_index WHERE indexrelid = "
                  "pg_catalog.to_regclass($1)) AND pg_catalog.starts_with(c.relname::text, (SELECT "
                  "relname || '_ccnew' FROM pg_catalog.pg_class WHERE oid = "
                  "pg_catalog.to_regclass($1)))"},
        {"TABLE", "i.indrelid = pg_catalog.to_regclass($1)"},
        {"SCHEMA", "n.oid = pg_catalog.to_regnamespace($1)"},
        {"DATABASE", "$1::text <> ''"},
        {"SYSTEM", "$1::text <> ''"},
    };
    AutoResult rows = NULL;
    bool concurrently = accept_options(f);
    for (size_t i = 0; i < COUNT_OF(kinds); i++) {
        if (!accept(f, kinds[i].word))
            continue;
        concurrently = accept(f, "CONCURRENTLY") || concurrently;
        const char *name = cstr_or(accept_name(f), "-");
        if (!concurrently)
            break;
        TRY(ask(
            f, &rows,
            arena_printf(f->mem, "%s%s", INDEX_NAMES "1" INDEX_FROM LEFTOVER, kinds[i].condition),
            name, NULL));
        return drop_invalid(f, rows);
    }
    return decide(f, DB_FLIGHT_REPEAT);
}

// --- others
// ---------------------------------------------------------------------------------------

// CREATE|DROP DATABASE|TABLESPACE: done if it is there, or gone.
static Err *exists(Flight *f, const char *sql, bool created) {
    AutoResult rows = NULL;
    accept_if_exists(f);
    const char *name = accept_name(f);
    if (!name)
        return NULL;
    TRY(ask(f, &rows, sql, folded(name, f->mem), NULL));
    return decide(f, (PQntuples(rows) > 0) == created ? DB_FLIGHT_DONE : DB_FLIGHT_REPEAT);
}

#define FIND_DATABASE "SELECT 1 FROM pg_catalog.pg_database WHERE datname = $1"
#define FIND_TABLESPACE "SELECT 1 FROM pg_catalog.pg_tablespace WHERE spcname = $1"

static Err *create_database(Flight *f) {
    return exists(f, FIND_DATABASE, true);
}
static Err *drop_database(Flight *f) {
    return exists(f, FIND_DATABASE, false);
}
static Err *create_tablespace(Flight *f) {
    return exists(f, FIND_TABLESPACE, true);
}
static Err *drop_tablespace(Flight *f) {
    return exists(f, FIND_TABLESPACE, false);
}

// ALTER TABLE [IF EXISTS] [ONLY] t DETACH PARTITION part CONCURRENTLY
static Err *detach(Flight *f) {
    AutoResult rows = NULL;
    accept_if_exists(f);
    (void)accept(f, "ONLY");
    const char *table = accept_name(f);
    if (!table || !accept(f, "DETACH") || !accept(f, "PARTITION"))
        return NULL;
    const char *part = accept_name(f);
    if (!part || !accept(f, "CONCURRENTLY"))
        return NULL;
    TRY(ask(f, &rows,
            "SELECT i.inhdetachpending FROM pg_catalog.pg_class c LEFT JOIN pg_catalog.pg_inherits "
            "i ON i.inhrelid = c.oid AND i.inhparent = pg_catalog.to_regclass($1) WHERE c.oid = "
            "pg_catalog.to_regclass($2)",
            table, part));
    if (PQntuples(rows) == 0)
        return NULL;
    if (PQgetisnull(rows, 0, 0))
        return decide(f, DB_FLIGHT_DONE);
    if (!cstr_eq(PQgetvalue(rows, 0, 0), "t"))
        return decide(f, DB_FLIGHT_REPEAT);
    TRY(postgres_simple(
        f->p, arena_printf(f->mem, "ALTER TABLE %s DETACH PARTITION %s FINALIZE", table, part)));
    *f->note =
        arena_printf(f->mem, "the interrupted detachment of partition %s was finalized", part);
    return decide(f, DB_FLIGHT_DONE);
}

static Err *repeat(Flight *f) {
    return decide(f, DB_FLIGHT_REPEAT);
}

// Its row is part of what it commits.
static Err *done(Flight *f) {
    return decide(f, DB_FLIGHT_DONE);
}

Err *postgres_flight(Db *db, Str sql, DbFlight *out, const char **note, Arena *mem) {
    static const struct {
        const char *words;
        Err *(*judge)(Flight *f);
    } rows[] = {
        {"CREATE INDEX CONCURRENTLY", create_index},
        {"CREATE UNIQUE INDEX CONCURRENTLY", create_index},
        {"DROP INDEX CONCURRENTLY", drop_index},
        {"REINDEX", reindex},
        {"CREATE DATABASE", create_database},
        {"DROP DATABASE", drop_database},
        {"CREATE TABLESPACE", create_tablespace},
        {"DROP TABLESPACE", drop_tablespace},
        {"ALTER TABLE", detach},
        {"ALTER DATABASE", repeat},
        {"ALTER SYSTEM", repeat},
        {"VACUUM", repeat},
        {"ANALYZE", repeat},
        {"CHECKPOINT", repeat},
        {"CLUSTER", repeat},
        {"SET", repeat},
        {"RESET", repeat},
        {"DISCARD", repeat},
        {"LISTEN", repeat},
        {"BEGIN", repeat}, // nothing was committed behind it
        {"START TRANSACTION", repeat},
        {"ROLLBACK", repeat},
        {"ABORT", repeat},
        {"COMMIT", done},
        {"END", done},
    };
    Flight f = {.p = postgres_of(db), .out = out, .note = note, .mem = mem};
    if (postgres_split(sql, mem).len != 1)
        return NULL;
    for (size_t i = 0; i < COUNT_OF(rows); i++) {
        if (!postgres_starts(sql, rows[i].words))
            continue;
        f.lexer = (PostgresLexer){sql.ptr, sql.ptr + sql.len};
        for (const char *w = rows[i].words; w; w = strchr(w + 1, ' '))
            advance(&f);
        advance(&f);
        return rows[i].judge(&f);
    }
    return NULL;
}
