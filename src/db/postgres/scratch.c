// Dev databases: whether there is anything in them, and dropping it all again.
#include "postgres.h"

enum { DROPS_AT_ONCE = 200 }; // each needs locks, of which a transaction has so many only

// What there is, as (kind, schema, name, command that drops it). Bound: of that schema. Else: other
// schemas, and what is in public.
static const char content_sql[] =
    "WITH schemas AS (SELECT n.oid, n.nspname FROM pg_catalog.pg_namespace n WHERE n.nspname = "
    "CASE WHEN $1::text = '' THEN 'public' ELSE $1::text END), "
    "owned AS (SELECT classid, objid FROM pg_catalog.pg_depend WHERE deptype IN ('e', 'i') AND "
    "objsubid = 0) "
    "SELECT 'schema', n.nspname::text, '', pg_catalog.format('DROP SCHEMA IF EXISTS %I CASCADE', "
    "n.nspname) FROM pg_catalog.pg_namespace n WHERE $1::text = '' AND n.nspname NOT IN ('public', "
    "'information_schema', 'crdb_internal', 'pg_extension') AND n.nspname !~ '^pg_' AND NOT EXISTS "
    "(SELECT 1 FROM owned o WHERE o.classid = 'pg_catalog.pg_namespace'::regclass AND o.objid = "
    "n.oid) "
    "UNION ALL SELECT k.kind, s.nspname::text, c.relname::text, pg_catalog.format('DROP %s IF "
    "EXISTS %I.%I CASCADE', k.kind, s.nspname, c.relname) FROM pg_catalog.pg_class c JOIN schemas "
    "s ON s.oid = c.relnamespace JOIN (VALUES ('r', 'table'), ('p', 'table'), ('v', 'view'), ('m', "
    "'materialized view'), ('S', 'sequence'), ('f', 'foreign table')) AS k(code, kind) ON k.code = "
    "c.relkind::text WHERE NOT EXISTS (SELECT 1 FROM owned o WHERE o.classid = "
    "'pg_catalog.pg_class'::regclass AND o.objid = c.oid) "
    "UNION ALL SELECT 'routine', s.nspname::text, f.proname::text, pg_catalog.format('DROP %s IF "
    "EXISTS %s CASCADE', CASE WHEN EXISTS (SELECT 1 FROM pg_catalog.pg_aggregate a WHERE "
    "a.aggfnoid = f.oid) THEN 'AGGREGATE' ELSE $2::text END, f.oid::regprocedure) FROM "
    "pg_catalog.pg_proc f JOIN schemas s ON s.oid = f.pronamespace WHERE NOT EXISTS (SELECT 1 FROM "
    "owned o WHERE o.classid = 'pg_catalog.pg_proc'::regclass AND o.objid = f.oid) "
    "UNION ALL SELECT 'type', s.nspname::text, t.typname::text, pg_catalog.format('DROP TYPE IF "
    "EXISTS %I.%I CASCADE', s.nspname, t.typname) FROM pg_catalog.pg_type t JOIN schemas s ON "
    "s.oid = t.typnamespace WHERE t.typtype IN ('c', 'd', 'e', 'r') AND NOT EXISTS (SELECT 1 FROM "
    "pg_catalog.pg_class c WHERE c.oid = t.typrelid AND c.relkind <> 'c') AND NOT EXISTS (SELECT 1 "
    "FROM owned o WHERE o.classid = 'pg_catalog.pg_type'::regclass AND o.objid = t.oid) "
    "UNION ALL SELECT 'extension', '', extname::text, pg_catalog.format('DROP EXTENSION IF EXISTS "
    "%I CASCADE', extname) FROM pg_catalog.pg_extension";

static Err *read_content(Postgres *p, PGresult **out) {
    bool has_routines = PQserverVersion(p->conn) >= 110000;
    PostgresQuery query = {.sql = content_sql,
                           .args = {p->base.schema, has_routines ? "ROUTINE" : "FUNCTION"},
                           .arg_count = 2};
    return postgres_ask(p, &query, out);
}

static bool is_extension(const PGresult *rows, int i) {
    return cstr_eq(PQgetvalue(rows, i, 0), "extension");
}

static const char *found_text(const PGresult *rows, int i, Arena *mem) {
    const char *kind = PQgetvalue(rows, i, 0), *schema = PQgetvalue(rows, i, 1);
    if (cstr_eq(kind, "schema"))
        return arena_printf(mem, "found schema \"%s\"", schema);
    return arena_printf(mem, "found %s \"%s\" in schema \"%s\"", kind, PQgetvalue(rows, i, 2),
                        schema);
}

Err *postgres_check_empty(Db *db) {
    Postgres *p = postgres_of(db);
    AutoArena tmp = arena_new(NULL);
    AutoResult rows = NULL;
    const char *found = NULL;
    int tables = 0;
    TRY(read_content(p, &rows));
    p->knows_extensions = true;
    p->extensions = (StrList){0};
    for (int i = 0; i < PQntuples(rows); i++) {
        tables += cstr_eq(PQgetvalue(rows, i, 0), "table");
        if (is_extension(rows, i))
            list_push(&p->extensions, p->mem, arena_strdup(p->mem, PQgetvalue(rows, i, 2)));
        else if (!found)
            found = found_text(rows, i, tmp);
    }
    if (!found)
        return NULL;
    Err *e = tables > 1 && !cstr_starts(found, "found schema")
                 ? err_new(E_STATE, "found multiple tables: %d", tables)
                 : err_new(E_STATE, "%s", found);
    return err_hint(err_wrap(e, "sql/migrate: connected database is not clean"),
                    "a dev database must be empty: its content is dropped after use");
}

// Extensions are kept unless they appeared after the check.
static bool is_to_drop(const Postgres *p, const PGresult *rows, int i) {
    return !is_extension(rows, i) ||
           (p->knows_extensions && !strlist_has(&p->extensions, PQgetvalue(rows, i, 2)));
}

static Err *drop_content(Postgres *p) {
    AutoArena tmp = arena_new(NULL);
    AutoResult rows = NULL;
    Buf sql;
    TRY(read_content(p, &rows));
    buf_init(&sql, tmp, SIZE_MAX);
    for (int i = 0, count = 0; i < PQntuples(rows); i++) {
        if (is_to_drop(p, rows, i)) {
            buf_printf(&sql, "%s;", PQgetvalue(rows, i, 3));
            count++;
        }
        if (sql.len > 0 && (count == DROPS_AT_ONCE || i + 1 == PQntuples(rows))) {
            TRY(postgres_simple(p, sql.ptr));
            buf_clear(&sql);
            count = 0;
        }
    }
    return NULL;
}

Err *postgres_wipe(Db *db) {
    Postgres *p = postgres_of(db);
    TRY(postgres_rollback(db));
    postgres_shield(p, true);
    Err *e = drop_content(p);
    postgres_shield(p, false);
    return e;
}
