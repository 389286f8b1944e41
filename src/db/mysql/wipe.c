// Dev databases: empty before, and emptied after use.
#include "mysql.h"

// What there is to drop: kind and name.
static Err *list_content(Maria *m, DbRows *out, Arena *mem) {
    char *schema = maria_quote(mem, m->base.schema);
    const char *sql =
        *m->base.schema
            ? arena_printf(mem,
                           "SELECT CASE TABLE_TYPE WHEN 'VIEW' THEN 'VIEW' WHEN 'SEQUENCE' THEN "
                           "'SEQUENCE' ELSE 'TABLE' END, TABLE_NAME FROM information_schema.TABLES "
                           "WHERE TABLE_SCHEMA = %s UNION ALL SELECT ROUTINE_TYPE, ROUTINE_NAME "
                           "FROM information_schema.ROUTINES WHERE ROUTINE_SCHEMA = %s UNION ALL "
                           "SELECT 'EVENT', EVENT_NAME FROM information_schema.EVENTS WHERE "
                           "EVENT_SCHEMA = %s ORDER BY 1 DESC, 2",
                           schema, schema, schema)
            : "SELECT 'DATABASE', SCHEMA_NAME FROM information_schema.SCHEMATA WHERE SCHEMA_NAME "
              "NOT IN " MARIA_SYSTEM_SCHEMAS " ORDER BY 2";
    return maria_query(&m->base, out, sql, NULL, 0, mem);
}

Err *maria_check_empty(Db *db) {
    AutoArena tmp = arena_new(NULL);
    DbRows rows = {0};
    TRY(list_content(maria_of(db), &rows, tmp));
    if (rows.rows.len == 0)
        return NULL;
    const char *kind = *db->schema ? cstr_lower(tmp, db_cell(&rows, 0, 0)) : "schema";
    Err *e = rows.rows.len == 1 ? err_new(E_STATE, "found %s \"%s\"", kind, db_cell(&rows, 0, 1))
                                : err_new(E_STATE, "found multiple %s: %zu",
                                          *db->schema ? "tables" : "schemas", rows.rows.len);
    return err_hint(err_wrap(e, "sql/migrate: connected database is not clean"),
                    "a dev database must be empty: its content is dropped after use");
}

Err *maria_wipe(Db *db) {
    AutoArena tmp = arena_new(NULL);
    Maria *m = maria_of(db);
    DbRows rows = {0};
    Buf sql;
    TRY(maria_rollback(db));
    m->uncancellable = true;
    Err *e = list_content(m, &rows, tmp);
    buf_init(&sql, tmp, BUF_MAX_TEXT);
    buf_str(&sql, "SET @atlas_keys = @@foreign_key_checks, foreign_key_checks = 0");
    for (size_t i = 0; i < rows.rows.len; i++) {
        const char *name = maria_ident(tmp, db_cell(&rows, i, 1));
        buf_printf(&sql, ";\nDROP %s IF EXISTS ", db_cell(&rows, i, 0));
        if (*db->schema)
            buf_printf(&sql, "%s.", maria_ident(tmp, db->schema));
        buf_str(&sql, name);
    }
    buf_str(&sql, ";\nSET foreign_key_checks = @atlas_keys");
    if (!e)
        e = maria_exec(db, sql.ptr);
    m->uncancellable = false;
    return e;
}
