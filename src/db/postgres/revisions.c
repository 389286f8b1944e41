#include "postgres.h"

#define OWN_SCHEMA DB_REVISIONS_TABLE // where the table is if nobody says

typedef struct Column {
    const char *name, *type;
    const char *fallback; // of rows that lack it; NULL: may be NULL
    const char *by_default;
} Column;

static const Column columns[] = {
    {"version", "character varying", "''", NULL},
    {"description", "character varying", "''", NULL},
    {"type", "bigint", "2", "2"},
    {"applied", "bigint", "0", "0"},
    {"total", "bigint", "0", "0"},
    {"executed_at", "timestamp with time zone", "'0001-01-01 00:00:00+00'", NULL},
    {"execution_time", "bigint", "0", NULL},
    {"error", "text", NULL, NULL},
    {"error_stmt", "text", NULL, NULL},
    {"hash", "character varying", "''", NULL},
    {"partial_hashes", "jsonb", NULL, NULL},
    {"operator_version", "character varying", "''", NULL},
};

enum { OID_INT8 = 20, OID_TEXT = 25, OID_TIMESTAMPTZ = 1184, OID_JSONB = 3802 };

char *postgres_quote(Arena *mem, const char *name) {
    return arena_printf(mem, "\"%s\"", cstr_replace(mem, name, "\"", "\"\""));
}

const char *postgres_revisions_schema(const Postgres *p, const char *schema) {
    return cstr_or(schema, cstr_or(p->base.schema, OWN_SCHEMA));
}

char *postgres_revisions_table(const Postgres *p, const char *schema, Arena *mem) {
    const char *quoted = postgres_quote(mem, postgres_revisions_schema(p, schema));
    return arena_printf(mem, "%s.\"" DB_REVISIONS_TABLE "\"", quoted);
}

// --- reading
// --------------------------------------------------------------------------------------

// One query for all that the catalog tells, as rows (what, name, detail...).
static const char catalog_sql[] =
    "WITH schemas AS (SELECT n.oid, n.nspname FROM pg_catalog.pg_namespace n"
    " WHERE n.nspname NOT IN ('information_schema', 'crdb_internal', 'pg_extension')"
    " AND n.nspname !~ '^pg_' AND ($2 = '' OR n.nspname = $2)"
    " AND NOT EXISTS (SELECT 1 FROM pg_catalog.pg_depend d WHERE d.classid ="
    " 'pg_catalog.pg_namespace'::regclass AND d.objid = n.oid AND d.deptype = 'e')) "
    "SELECT 'column', a.attname::text, pg_catalog.format_type(a.atttypid, a.atttypmod),"
    " CASE WHEN a.attnotnull THEN '1' ELSE '' END"
    " FROM pg_catalog.pg_attribute a JOIN pg_catalog.pg_class c ON c.oid = a.attrelid"
    " JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace"
    " WHERE n.nspname = $1 AND c.relname = '" DB_REVISIONS_TABLE "' AND c.relkind IN ('r', 'p')"
    " AND a.attnum > 0 AND NOT a.attisdropped "
    "UNION ALL SELECT 'other', n.nspname::text, '', '' FROM pg_catalog.pg_class c"
    " JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace WHERE n.nspname = '" OWN_SCHEMA "'"
    " AND c.relname = '" DB_REVISIONS_TABLE "' AND c.relkind IN ('r', 'p') "
    "UNION ALL SELECT 'schema', nspname::text, '', '' FROM schemas "
    "UNION ALL SELECT 'table', s.nspname::text, pg_catalog.min(c.relname::text),"
    " pg_catalog.count(*)::text FROM pg_catalog.pg_class c JOIN schemas s ON s.oid = c.relnamespace"
    " WHERE c.relkind IN ('r', 'p') AND NOT c.relispartition"
    " AND NOT (s.nspname = $1 AND c.relname = '" DB_REVISIONS_TABLE "')"
    " AND NOT EXISTS (SELECT 1 FROM pg_catalog.pg_depend d WHERE d.classid ="
    " 'pg_catalog.pg_class'::regclass AND d.objid = c.oid AND d.deptype = 'e') GROUP BY 2 "
    "ORDER BY 1, 2";

static const Oid catalog_types[] = {OID_TEXT, OID_TEXT};

void postgres_state_queries(const Postgres *p, const char *schema, PostgresQuery *out, Arena *mem) {
    out[0] = (PostgresQuery){.sql = catalog_sql,
                             .args = {postgres_revisions_schema(p, schema), p->base.schema},
                             .arg_count = 2,
                             .types = catalog_types};
    // The table may not exist: then this one fails, which is an answer too.
    out[1] = (PostgresQuery){
        .sql = arena_printf(mem,
                            "SELECT t.*, (EXTRACT(epoch FROM t.executed_at) * 1000000)::bigint AS "
                            "\"atlas us\" FROM %s AS t ORDER BY t.version COLLATE \"C\"",
                            postgres_revisions_table(p, schema, mem))};
}

typedef struct Layout {
    bool exists, good;
    bool present[COUNT_OF(columns)]; // as it should be or not
    bool right[COUNT_OF(columns)];   // with our type and nullability
    StrList unknown;
} Layout;

static void read_layout(Layout *out, const PGresult *catalog, Arena *mem) {
    *out = (Layout){.good = true};
    for (int row = 0; row < PQntuples(catalog); row++) {
        const char *name = PQgetvalue(catalog, row, 1);
        size_t c = 0;
        if (!cstr_eq(PQgetvalue(catalog, row, 0), "column"))
            continue;
        while (c < COUNT_OF(columns) && !cstr_eq(columns[c].name, name))
            c++;
        out->exists = true;
        if (c == COUNT_OF(columns)) {
            list_push(&out->unknown, mem, arena_strdup(mem, name));
            out->good = false;
            continue;
        }
        bool not_null = *PQgetvalue(catalog, row, 3) != 0;
        out->present[c] = true;
        out->right[c] = cstr_eq(PQgetvalue(catalog, row, 2), columns[c].type) &&
                        not_null == (columns[c].fallback != NULL);
    }
    for (size_t c = 0; c < COUNT_OF(columns); c++)
        out->good = out->good && out->right[c];
}

static const char *text_of(const PGresult *rows, int row, int column, Arena *mem) {
    if (column < 0 || PQgetlength(rows, row, column) == 0)
        return "";
    return arena_strndup(mem, PQgetvalue(rows, row, column),
                         (size_t)PQgetlength(rows, row, column));
}

static int64_t number_of(const PGresult *rows, int row, int column) {
    int64_t n = 0;
    return column >= 0 && cstr_to_i64(PQgetvalue(rows, row, column), &n) ? n : 0;
}

static Time time_of(const PGresult *rows, int row, int column) {
    int64_t us = number_of(rows, row, column), sec = us / 1000000, rest = us % 1000000;
    if (column < 0 || PQgetisnull(rows, row, column) || sec <= time_from_civil(1, 1, 1, 0, 0, 0))
        return (Time){0};
    if (rest < 0) {
        rest += 1000000;
        sec--;
    }
    return (Time){.sec = sec, .nsec = (int32_t)rest * 1000, .set = true};
}

static void read_revisions(const PGresult *rows, DbState *out, Arena *mem) {
    int at[COUNT_OF(columns)], us = PQfnumber(rows, "\"atlas us\"");
    for (size_t c = 0; c < COUNT_OF(columns); c++)
        at[c] = PQfnumber(rows, columns[c].name);
    for (int row = 0; row < PQntuples(rows); row++) {
        DbRevision r = {
            .version = text_of(rows, row, at[0], mem),
            .description = text_of(rows, row, at[1], mem),
            .type = at[2] < 0 ? DB_REVISION_EXECUTE : (unsigned)number_of(rows, row, at[2]),
            .applied = number_of(rows, row, at[3]),
            .total = number_of(rows, row, at[4]),
            .executed_at = time_of(rows, row, us),
            .execution_time = number_of(rows, row, at[6]),
            .error = text_of(rows, row, at[7], mem),
            .error_stmt = text_of(rows, row, at[8], mem),
            .hash = text_of(rows, row, at[9], mem),
            .partial_hashes = text_of(rows, row, at[10], mem),
            .operator_version = text_of(rows, row, at[11], mem),
        };
        if (!*r.partial_hashes || cstr_eq(r.partial_hashes, "null"))
            r.partial_hashes = NULL;
        if (cstr_eq(r.version, DB_TARGET_ID_VERSION))
            out->target_id = r.description;
        else
            list_push(&out->revisions, mem, r);
    }
}

// Why the database is not clean. Bound: tables in the schema. Else: any other schema, or tables in
// public or in the schema of the revisions.
static const char *read_dirty(const Postgres *p, const PGresult *catalog, const char *revisions,
                              Arena *mem) {
    for (int row = 0; row < PQntuples(catalog); row++) {
        const char *what = PQgetvalue(catalog, row, 0), *schema = PQgetvalue(catalog, row, 1);
        const char *count = PQgetvalue(catalog, row, 3);
        if (cstr_eq(what, "schema") && !*p->base.schema && !cstr_eq(schema, "public") &&
            !cstr_eq(schema, revisions))
            return arena_printf(mem, "found schema \"%s\"", schema);
        if (cstr_eq(what, "table") && cstr_eq(count, "1"))
            return arena_printf(mem, "found table \"%s\" in schema \"%s\"",
                                PQgetvalue(catalog, row, 2), schema);
        if (cstr_eq(what, "table"))
            return arena_printf(mem, "found multiple tables: %s in schema \"%s\"", count, schema);
    }
    return NULL;
}

static bool is_absent(const PGresult *result) {
    const char *state = PQresultErrorField(result, PG_DIAG_SQLSTATE);
    return cstr_eq(state, "42P01") || cstr_eq(state, "3F000");
}

Err *postgres_state_results(Postgres *p, const char *schema, PGresult *const *results, DbState *out,
                            Arena *mem) {
    const char *revisions = postgres_revisions_schema(p, schema);
    Layout layout;
    TRY(postgres_check(p, results[0], NULL));
    read_layout(&layout, results[0], mem);
    out->has_table = layout.exists;
    out->layout_ok = layout.exists && layout.good;
    out->dirty = read_dirty(p, results[0], revisions, mem);
    for (int row = 0; row < PQntuples(results[0]); row++)
        if (cstr_eq(PQgetvalue(results[0], row, 0), "other") && !layout.exists && *p->base.schema &&
            cstr_empty(schema))
            out->other_schema = OWN_SCHEMA;
    if (!layout.exists && is_absent(results[1]))
        return NULL;
    TRY(postgres_check(p, results[1], NULL));
    read_revisions(results[1], out, mem);
    return NULL;
}

Err *postgres_state_read(Db *db, const char *schema, DbState *out, Arena *mem) {
    Postgres *p = postgres_of(db);
    PostgresQuery queries[STATE_QUERIES];
    PGresult *results[STATE_QUERIES];
    postgres_state_queries(p, schema, queries, mem);
    Err *e = postgres_trip(p, queries, STATE_QUERIES, results);
    if (!e)
        e = postgres_state_results(p, schema, results, out, mem);
    for (size_t i = 0; i < STATE_QUERIES; i++)
        PQclear(results[i]);
    return e;
}

// --- the table
// ------------------------------------------------------------------------------------

static void add_definition(Buf *sql, const Column *c) {
    buf_printf(sql, "\"%s\" %s", c->name, c->type);
    if (c->by_default)
        buf_printf(sql, " DEFAULT %s", c->by_default);
    buf_str(sql, c->fallback ? " NOT NULL" : " NULL");
}

static void create_table(Buf *sql, const char *table) {
    buf_printf(sql, "CREATE TABLE IF NOT EXISTS %s (", table);
    for (size_t c = 0; c < COUNT_OF(columns); c++) {
        add_definition(sql, &columns[c]);
        buf_str(sql, ", ");
    }
    buf_str(sql, "PRIMARY KEY (\"version\"))");
}

static void mend_column(Buf *sql, const char *table, const Column *c) {
    buf_printf(sql, "ALTER TABLE %s ALTER COLUMN \"%s\" TYPE %s USING \"%s\"::%s;", table, c->name,
               c->type, c->name, c->type);
    if (c->fallback)
        buf_printf(sql, "UPDATE %s SET \"%s\" = %s WHERE \"%s\" IS NULL;", table, c->name,
                   c->fallback, c->name);
    buf_printf(sql, "ALTER TABLE %s ALTER COLUMN \"%s\" %s NOT NULL;", table, c->name,
               c->fallback ? "SET" : "DROP");
}

static void alter_table(Buf *sql, const char *table, const Layout *layout, Arena *tmp) {
    for (size_t c = 0; c < COUNT_OF(columns); c++) {
        if (layout->right[c])
            continue;
        if (!layout->present[c])
            buf_printf(sql, "ALTER TABLE %s ADD COLUMN \"%s\" %s;", table, columns[c].name,
                       columns[c].type);
        if (columns[c].by_default)
            buf_printf(sql, "ALTER TABLE %s ALTER COLUMN \"%s\" SET DEFAULT %s;", table,
                       columns[c].name, columns[c].by_default);
        mend_column(sql, table, &columns[c]);
    }
    for (size_t i = 0; i < layout->unknown.len; i++)
        buf_printf(sql, "ALTER TABLE %s DROP COLUMN %s;", table,
                   postgres_quote(tmp, layout->unknown.items[i]));
}

static Err *has_schema(Postgres *p, const char *schema, bool *out) {
    AutoResult found = NULL;
    PostgresQuery query = {.sql = "SELECT 1 FROM pg_catalog.pg_namespace WHERE nspname = $1",
                           .args = {schema},
                           .arg_count = 1};
    TRY(postgres_ask(p, &query, &found));
    *out = PQntuples(found) > 0;
    return NULL;
}

Err *postgres_revisions_prepare(Db *db, const char *schema) {
    Postgres *p = postgres_of(db);
    AutoArena tmp = arena_new(NULL);
    AutoResult catalog = NULL;
    PostgresQuery queries[STATE_QUERIES];
    const char *table = postgres_revisions_table(p, schema, tmp);
    const char *name = postgres_revisions_schema(p, schema);
    Layout layout;
    Buf sql;
    postgres_state_queries(p, schema, queries, tmp);
    TRY(postgres_ask(p, &queries[0], &catalog));
    read_layout(&layout, catalog, tmp);
    if (layout.exists && layout.good)
        return NULL;
    buf_init(&sql, tmp, BUF_MAX_TEXT);
    if (layout.exists) {
        alter_table(&sql, table, &layout, tmp);
    } else {
        bool found = false;
        TRY(has_schema(p, name, &found));
        // A bound schema is the user's to create; the privilege to create one is asked of nobody
        // who has it already.
        if (!found && !cstr_eq(name, p->base.schema))
            buf_printf(&sql, "CREATE SCHEMA IF NOT EXISTS %s;", postgres_quote(tmp, name));
        create_table(&sql, table);
    }
    return postgres_simple(p, sql.ptr); // one transaction
}

// --- writing
// --------------------------------------------------------------------------------------

// Since when the file runs, in SQL; NULL if no file does.
static const char *start_of_file(const Postgres *p) {
    static const char *const clocks[] = {
        [CLOCK_NONE] = NULL,
        [CLOCK_TRANSACTION] = "pg_catalog.transaction_timestamp()",
        [CLOCK_SETTING] = "COALESCE(pg_catalog.to_timestamp(NULLIF(pg_catalog.current_setting("
                          "'atlas.file_start', true), '')::float8), pg_catalog.clock_timestamp())"};
    return clocks[p->clock];
}

// An expression for execution_time: argument `arg`, or the age of the file.
static char *elapsed(const Postgres *p, int arg, Arena *mem) {
    const char *start = start_of_file(p);
    if (!start)
        return arena_printf(mem, "$%d", arg);
    return arena_printf(mem,
                        "GREATEST(0, (EXTRACT(epoch FROM pg_catalog.clock_timestamp() - %s) * "
                        "1000000000)::bigint)",
                        start);
}

static const char *number(Arena *mem, int64_t n) {
    return arena_printf(mem, "%lld", (long long)n);
}

PostgresQuery postgres_upsert(const Postgres *p, const char *table, const DbRevision *r,
                              Arena *mem) {
    static const Oid types[] = {OID_TEXT, OID_TEXT, OID_INT8, OID_INT8, OID_INT8,  OID_TIMESTAMPTZ,
                                OID_INT8, OID_TEXT, OID_TEXT, OID_TEXT, OID_JSONB, OID_TEXT};
    PostgresQuery q = {.arg_count = COUNT_OF(columns), .types = types};
    const char *args[] = {r->version,
                          r->description,
                          number(mem, r->type),
                          number(mem, r->applied),
                          number(mem, r->total),
                          r->executed_at.set ? time_rfc3339nano(mem, r->executed_at) : NULL,
                          number(mem, r->execution_time),
                          r->error,
                          r->error_stmt,
                          r->hash,
                          r->partial_hashes ? r->partial_hashes : "null",
                          r->operator_version};
    memcpy(q.args, args, sizeof args);
    q.sql = arena_printf(
        mem,
        "INSERT INTO %s AS r (version, description, type, applied, total, executed_at, "
        "execution_time, error, error_stmt, hash, partial_hashes, operator_version) VALUES ($1, "
        "$2, $3, $4, $5, COALESCE($6, %s), %s, $8, $9, $10, $11, $12) ON CONFLICT (version) DO "
        "UPDATE SET type = EXCLUDED.type, applied = EXCLUDED.applied, total = EXCLUDED.total, "
        "execution_time = EXCLUDED.execution_time, error = EXCLUDED.error, error_stmt = "
        "EXCLUDED.error_stmt, hash = EXCLUDED.hash, partial_hashes = EXCLUDED.partial_hashes, "
        "operator_version = EXCLUDED.operator_version",
        table, cstr_or(start_of_file(p), "pg_catalog.clock_timestamp()"), elapsed(p, 7, mem));
    return q;
}

PostgresQuery postgres_advance(const Postgres *p, const char *table, const DbRevision *r,
                               Arena *mem) {
    static const Oid types[] = {OID_TEXT, OID_INT8, OID_TEXT, OID_TEXT, OID_TEXT, OID_INT8};
    return (PostgresQuery){
        .sql = arena_printf(
            mem,
            "UPDATE %s SET applied = $2, error = $3, error_stmt = $4, partial_hashes = (CASE "
            "pg_catalog.jsonb_typeof(partial_hashes) WHEN 'array' THEN partial_hashes ELSE "
            "'[]'::jsonb END) || pg_catalog.to_jsonb($5), execution_time = %s WHERE version = $1",
            table, elapsed(p, 6, mem)),
        .args = {r->version, number(mem, r->applied), r->error, r->error_stmt, r->partial_hashes,
                 number(mem, r->execution_time)},
        .arg_count = COUNT_OF(types),
        .types = types};
}

Err *postgres_target_id_insert(Db *db, const char *schema, const char *id) {
    Postgres *p = postgres_of(db);
    AutoArena tmp = arena_new(NULL);
    AutoResult result = NULL;
    DbRevision r = {.version = DB_TARGET_ID_VERSION,
                    .description = id,
                    .executed_at = host_now(db->host),
                    .error = "",
                    .error_stmt = "",
                    .hash = "",
                    .operator_version = ""};
    PostgresQuery query = postgres_upsert(p, postgres_revisions_table(p, schema, tmp), &r, tmp);
    return postgres_ask(p, &query, &result);
}
