#include "sqlite.h"

#define TABLE "`main`.`" DB_REVISIONS_TABLE "`"

typedef struct Column {
    const char *name, *definition;
    const char *fallback; // for rows written by other versions that lack it
} Column;

static const Column columns[] = {
    {"version", "text NOT NULL", "''"},
    {"description", "text NOT NULL", "''"},
    {"type", "integer NOT NULL DEFAULT 2", "2"},
    {"applied", "integer NOT NULL DEFAULT 0", "0"},
    {"total", "integer NOT NULL DEFAULT 0", "0"},
    {"executed_at", "datetime NOT NULL", "'0001-01-01 00:00:00+00:00'"},
    {"execution_time", "integer NOT NULL", "0"},
    {"error", "text NULL", "NULL"},
    {"error_stmt", "text NULL", "NULL"},
    {"hash", "text NOT NULL", "''"},
    {"partial_hashes", "json NULL", "NULL"},
    {"operator_version", "text NOT NULL", "''"},
};

static Err *check_schema(const char *schema) {
    if (!*schema || cstr_eq(schema, "main"))
        return NULL;
    return err_new(E_INVALID, "SQLite keeps revisions in schema \"main\" only, not in \"%s\"",
                   schema);
}

// Column names of the revisions table; none if there is no table.
static Err *table_columns(Sqlite *s, StrList *names, Arena *mem) {
    DbRows rows = {0};
    TRY(sqlite_query(&s->base, &rows, "SELECT name FROM pragma_table_info(?, 'main')",
                     (DbValue[]){db_text(DB_REVISIONS_TABLE)}, 1, mem));
    for (size_t i = 0; i < rows.rows.len; i++)
        list_push(names, mem, db_cell(&rows, i, 0));
    return NULL;
}

// The column list of a SELECT that yields our layout from whatever columns there are.
static char *select_list(const StrList *present, Arena *mem) {
    StrList parts = {0};
    for (size_t i = 0; i < COUNT_OF(columns); i++) {
        const Column *c = &columns[i];
        if (!strlist_has(present, c->name))
            list_push(&parts, mem, c->fallback);
        else if (strstr(c->definition, "NOT NULL"))
            list_push(&parts, mem, arena_printf(mem, "coalesce(`%s`, %s)", c->name, c->fallback));
        else
            list_push(&parts, mem, arena_printf(mem, "`%s`", c->name));
    }
    return cstr_join(mem, &parts, ", ");
}

// SQLite stores times as text; other tools leave out the offset or write seconds.
static Time read_time(const DbValue *v, Arena *tmp) {
    Time t = {0};
    if (v->kind == DB_INT)
        return (Time){.sec = v->integer, .set = true};
    if (!v->text.ptr)
        return t;
    if (!time_parse_rfc3339(v->text.ptr, &t) &&
        !time_parse_rfc3339(arena_printf(tmp, "%sZ", v->text.ptr), &t))
        return (Time){0};
    if (t.sec == time_from_civil(1, 1, 1, 0, 0, 0))
        return (Time){0};
    return t;
}

static const char *text_at(sqlite3_stmt *row, int column, Arena *mem) {
    const void *text = sqlite3_column_text(row, column);
    return text && *(const char *)text ? arena_strdup(mem, text) : "";
}

static DbRevision read_revision(sqlite3_stmt *row, Arena *mem) {
    AutoArena tmp = arena_new(NULL);
    DbValue at = sqlite_value(row, 5, tmp);
    DbRevision r = {
        .version = text_at(row, 0, mem),
        .description = text_at(row, 1, mem),
        .type = (unsigned)sqlite3_column_int(row, 2),
        .applied = sqlite3_column_int64(row, 3),
        .total = sqlite3_column_int64(row, 4),
        .executed_at = read_time(&at, tmp),
        .execution_time = sqlite3_column_int64(row, 6),
        .error = text_at(row, 7, mem),
        .error_stmt = text_at(row, 8, mem),
        .hash = text_at(row, 9, mem),
        .partial_hashes = text_at(row, 10, mem),
        .operator_version = text_at(row, 11, mem),
    };
    if (!*r.partial_hashes || cstr_eq(r.partial_hashes, "null"))
        r.partial_hashes = NULL;
    return r;
}

static Err *read_revisions(Sqlite *s, const StrList *present, DbState *out, Arena *mem) {
    AutoStmt stmt = NULL;
    char *sql = arena_printf(mem, "SELECT %s FROM " TABLE " ORDER BY version COLLATE BINARY",
                             select_list(present, mem));
    int rc = sqlite3_prepare_v2(s->handle, sql, -1, &stmt, NULL);
    while (rc == SQLITE_OK && (rc = sqlite3_step(stmt)) == SQLITE_ROW) {
        DbRevision r = read_revision(stmt, mem);
        if (cstr_eq(r.version, DB_TARGET_ID_VERSION))
            out->target_id = r.description;
        else
            list_push(&out->revisions, mem, r);
        rc = SQLITE_OK;
    }
    return rc == SQLITE_DONE ? NULL : sqlite_error(s);
}

static Err *read_dirty(Sqlite *s, DbState *out, Arena *mem) {
    DbRows rows = {0};
    TRY(sqlite_query(&s->base, &rows,
                     "SELECT name FROM main.sqlite_master WHERE type = 'table' AND name <> ? "
                     "AND name NOT LIKE 'sqlite\\_%' ESCAPE '\\' ORDER BY name",
                     (DbValue[]){db_text(DB_REVISIONS_TABLE)}, 1, mem));
    if (rows.rows.len == 1)
        out->dirty = arena_printf(mem, "found table \"%s\"", db_cell(&rows, 0, 0));
    else if (rows.rows.len > 1)
        out->dirty = arena_printf(mem, "found multiple tables: %zu", rows.rows.len);
    return NULL;
}

static bool has_layout(const StrList *present) {
    for (size_t i = 0; i < COUNT_OF(columns); i++)
        if (!strlist_has(present, columns[i].name))
            return false;
    return present->len == COUNT_OF(columns);
}

static Err *read_state(Sqlite *s, DbState *out, Arena *mem) {
    StrList present = {0};
    TRY(table_columns(s, &present, mem));
    out->has_table = present.len > 0;
    out->layout_ok = has_layout(&present);
    if (out->has_table)
        TRY(read_revisions(s, &present, out, mem));
    return read_dirty(s, out, mem);
}

Err *sqlite_state_read(Db *db, const char *schema, DbState *out, Arena *mem) {
    TRY(check_schema(schema));
    return read_state(sqlite_of(db), out, mem);
}

static char *create_table(const char *name, Arena *mem) {
    StrList parts = {0};
    for (size_t i = 0; i < COUNT_OF(columns); i++)
        list_push(&parts, mem,
                  arena_printf(mem, "`%s` %s", columns[i].name, columns[i].definition));
    return arena_printf(mem, "CREATE TABLE %s (%s, PRIMARY KEY (`version`))", name,
                        cstr_join(mem, &parts, ", "));
}

// SQLite changes a table's layout by building it anew.
static Err *rebuild(Sqlite *s, const StrList *present, Arena *tmp) {
    char *sql =
        arena_printf(tmp,
                     "BEGIN IMMEDIATE; %s; INSERT OR REPLACE INTO `main`.`new_%s` "
                     "SELECT %s FROM " TABLE "; DROP TABLE " TABLE "; "
                     "ALTER TABLE `main`.`new_%s` RENAME TO `%s`; COMMIT",
                     create_table("`main`.`new_" DB_REVISIONS_TABLE "`", tmp), DB_REVISIONS_TABLE,
                     select_list(present, tmp), DB_REVISIONS_TABLE, DB_REVISIONS_TABLE);
    Err *e = sqlite_exec(&s->base, sql);
    if (e)
        err_free(sqlite_rollback(&s->base));
    return e;
}

Err *sqlite_revisions_prepare(Db *db, const char *schema) {
    AutoArena tmp = arena_new(NULL);
    Sqlite *s = sqlite_of(db);
    StrList present = {0};
    TRY(check_schema(schema));
    TRY(table_columns(s, &present, tmp));
    if (present.len == 0)
        return sqlite_exec(db, create_table(TABLE, tmp));
    return has_layout(&present) ? NULL : rebuild(s, &present, tmp);
}

// "2006-01-02 15:04:05.999999999-07:00", as the Go driver writes times.
static char *time_column(Arena *mem, Time t) {
    char *text = time_rfc3339nano(mem, t);
    size_t len = strlen(text);
    text[10] = ' ';
    if (text[len - 1] != 'Z')
        return text;
    text[len - 1] = 0;
    return arena_printf(mem, "%s+00:00", text);
}

Err *sqlite_target_id_insert(Db *db, const char *schema, const char *id) {
    Time now = host_now(db->host);
    DbRevision r = {.version = DB_TARGET_ID_VERSION,
                    .description = id,
                    .executed_at = now,
                    .error = "",
                    .error_stmt = "",
                    .hash = "",
                    .operator_version = ""};
    TRY(check_schema(schema));
    return sqlite_upsert(sqlite_of(db), &r);
}

static Err *bind_revision(Sqlite *s, sqlite3_stmt *stmt, const DbRevision *r, Arena *tmp) {
    const char *texts[] = {[0] = r->version,
                           [1] = r->description,
                           [5] = time_column(tmp, r->executed_at),
                           [7] = r->error,
                           [8] = r->error_stmt,
                           [9] = r->hash,
                           [10] = r->partial_hashes ? r->partial_hashes : "null",
                           [11] = r->operator_version};
    int64_t numbers[] = {[2] = r->type, [3] = r->applied, [4] = r->total, [6] = r->execution_time};
    int rc = SQLITE_OK;
    for (int i = 0; i < (int)COUNT_OF(columns) && rc == SQLITE_OK; i++)
        rc = texts[i] ? sqlite3_bind_text(stmt, i + 1, texts[i], -1, SQLITE_TRANSIENT)
                      : sqlite3_bind_int64(stmt, i + 1, numbers[i]);
    return rc == SQLITE_OK ? NULL : sqlite_error(s);
}

// SQLITE_DONE, SQLITE_CONSTRAINT_PRIMARYKEY, or an error of `e`.
static int put_row(Err **e, Sqlite *s, sqlite3_stmt **stmt, const char *sql, const DbRevision *r) {
    AutoArena tmp = arena_new(NULL);
    int rc = SQLITE_OK;
    *e = NULL;
    if (!*stmt)
        rc = sqlite3_prepare_v3(s->handle, sql, -1, SQLITE_PREPARE_PERSISTENT, stmt, NULL);
    if (rc == SQLITE_OK)
        *e = bind_revision(s, *stmt, r, tmp);
    if (rc == SQLITE_OK && !*e)
        rc = sqlite3_step(*stmt);
    if (rc != SQLITE_DONE && !*e)
        *e = sqlite_error(s);
    sqlite3_reset(*stmt);
    return rc;
}

#define INSERT_ROW "INSERT INTO " TABLE " VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)"

Err *sqlite_upsert(Sqlite *s, const DbRevision *r) {
    static const char update[] =
        INSERT_ROW
        " ON CONFLICT (version) DO UPDATE SET type = excluded.type, applied = excluded.applied, "
        "total = excluded.total, execution_time = excluded.execution_time, "
        "error = excluded.error, error_stmt = excluded.error_stmt, hash = excluded.hash, "
        "partial_hashes = excluded.partial_hashes, operator_version = excluded.operator_version";
    Err *e;
    // Statements that change the schema have this one compiled anew each time, and the plain form
    // is much cheaper. Only the row of a file that was recorded in part is there already.
    if (!r->partial_hashes) {
        if (put_row(&e, s, &s->insert, INSERT_ROW, r) != SQLITE_CONSTRAINT_PRIMARYKEY)
            return e;
        err_free(e);
    }
    (void)put_row(&e, s, &s->upsert, update, r);
    return e;
}

Err *sqlite_advance(Sqlite *s, const DbRevision *r) {
    static const char sql[] =
        "UPDATE " TABLE " SET applied = ?2, error = ?3, error_stmt = ?4, execution_time = ?5, "
        "partial_hashes = json_insert(CASE json_type(partial_hashes) WHEN 'array' THEN "
        "partial_hashes ELSE '[]' END, '$[#]', ?6) WHERE version = ?1";
    if (!s->advance &&
        sqlite3_prepare_v3(s->handle, sql, -1, SQLITE_PREPARE_PERSISTENT, &s->advance, NULL))
        return sqlite_error(s);
    const DbValue args[] = {db_text(r->version),    db_int(r->applied),        db_text(r->error),
                            db_text(r->error_stmt), db_int(r->execution_time), db_text(r->partial_hashes)};
    for (size_t i = 0; i < COUNT_OF(args); i++)
        if (sqlite_bind(s->advance, (int)i + 1, &args[i]) != SQLITE_OK)
            return sqlite_error(s);
    int rc = sqlite3_step(s->advance);
    Err *e = rc == SQLITE_DONE ? NULL : sqlite_error(s);
    sqlite3_reset(s->advance);
    return e;
}
