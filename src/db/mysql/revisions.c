// The revisions table of MySQL and MariaDB, and the state of a database in one packet.
#include "mysql.h"

#define COLUMN_TEXT "varchar(255) NOT NULL"

typedef struct Column {
    const char *name, *definition;
    const char *read;     // how it is selected; NULL: as it is
    const char *fallback; // for rows written by other versions that lack it
} Column;

static const Column columns[] = {
    {"version", NULL, NULL, "''"},
    {"description", COLUMN_TEXT, NULL, "''"},
    {"type", "bigint unsigned NOT NULL DEFAULT 2", NULL, "2"},
    {"applied", "bigint NOT NULL DEFAULT 0", NULL, "0"},
    {"total", "bigint NOT NULL DEFAULT 0", NULL, "0"},
    {"executed_at", NULL, "UNIX_TIMESTAMP(`executed_at`)", "NULL"},
    {"execution_time", "bigint NOT NULL", NULL, "0"},
    {"error", "longtext NULL", NULL, "NULL"},
    {"error_stmt", "longtext NULL", NULL, "NULL"},
    {"hash", COLUMN_TEXT, NULL, "''"},
    {"partial_hashes", "json NULL", NULL, "NULL"},
    {"operator_version", COLUMN_TEXT, NULL, "''"},
};

// --- the table -----------------------------------------------------------------------------------

static const char *table_schema(const Maria *m, const char *schema) {
    return cstr_or(schema, cstr_or(m->base.schema, DB_REVISIONS_TABLE));
}

char *maria_table(const Maria *m, const char *schema, Arena *mem) {
    return arena_printf(mem, "%s.`" DB_REVISIONS_TABLE "`",
                        maria_ident(mem, table_schema(m, schema)));
}

// Versions differ in how long a key may be and in what a timestamp column does by itself.
static const char *definition(const Maria *m, const Column *c) {
    unsigned long version = mysql_get_server_version(m->handle);
    bool mariadb = m->is_mariadb;
    if (c->definition)
        return c->definition;
    if (cstr_eq(c->name, "version"))
        return version < (mariadb ? 100202UL : 50700UL) ? "varchar(191) NOT NULL" : COLUMN_TEXT;
    return mariadb || version < 80002UL ? "timestamp NULL" : "timestamp NOT NULL";
}

static char *create_table(const Maria *m, const char *table, Arena *mem) {
    StrList parts = {0};
    for (size_t i = 0; i < COUNT_OF(columns); i++)
        list_push(&parts, mem,
                  arena_printf(mem, "`%s` %s", columns[i].name, definition(m, &columns[i])));
    return arena_printf(mem,
                        "CREATE TABLE IF NOT EXISTS %s (%s, PRIMARY KEY (`version`)) "
                        "CHARSET utf8mb4 COLLATE utf8mb4_bin",
                        table, cstr_join(mem, &parts, ", "));
}

static bool is_ours(const char *name) {
    for (size_t i = 0; i < COUNT_OF(columns); i++)
        if (cstr_eq(name, columns[i].name))
            return true;
    return false;
}

static bool has_layout(const StrList *present) {
    for (size_t i = 0; i < present->len; i++)
        if (!is_ours(present->items[i]))
            return false;
    return present->len == COUNT_OF(columns);
}

static char *alter_table(const Maria *m, const char *table, const StrList *present, Arena *mem) {
    StrList parts = {0};
    for (size_t i = 0; i < present->len; i++)
        if (!is_ours(present->items[i]))
            list_push(&parts, mem,
                      arena_printf(mem, "DROP COLUMN %s", maria_ident(mem, present->items[i])));
    for (size_t i = 0; i < COUNT_OF(columns); i++)
        if (!strlist_has(present, columns[i].name))
            list_push(&parts, mem,
                      arena_printf(mem, "ADD COLUMN `%s` %s", columns[i].name,
                                   definition(m, &columns[i])));
    return arena_printf(mem, "ALTER TABLE %s %s", table, cstr_join(mem, &parts, ", "));
}

// --- the state -----------------------------------------------------------------------------------

static char *select_rows(const char *table, const StrList *present, Arena *mem) {
    StrList parts = {0};
    for (size_t i = 0; i < COUNT_OF(columns); i++) {
        const Column *c = &columns[i];
        if (present && !strlist_has(present, c->name))
            list_push(&parts, mem, c->fallback);
        else
            list_push(&parts, mem, c->read ? c->read : arena_printf(mem, "`%s`", c->name));
    }
    return arena_printf(mem, "SELECT %s FROM %s ORDER BY CAST(`version` AS BINARY)",
                        cstr_join(mem, &parts, ", "), table);
}

static char *column_condition(const char *schema, Arena *mem) {
    return arena_printf(mem,
                        "FROM information_schema.COLUMNS WHERE TABLE_SCHEMA = %s AND "
                        "TABLE_NAME = '" DB_REVISIONS_TABLE "'",
                        maria_quote(mem, schema));
}

// What there is beside the revisions table: a count and the first name of tables, or of schemas.
static char *select_dirty(const Maria *m, const char *home, Arena *mem) {
    char *quoted = maria_quote(mem, home);
    if (*m->base.schema)
        return arena_printf(mem,
                            "SELECT COUNT(*), MIN(TABLE_NAME) FROM information_schema.TABLES WHERE "
                            "TABLE_SCHEMA = %s AND NOT (TABLE_SCHEMA = %s AND TABLE_NAME = "
                            "'" DB_REVISIONS_TABLE "')",
                            maria_quote(mem, m->base.schema), quoted);
    return arena_printf(mem,
                        "SELECT COUNT(*), MIN(SCHEMA_NAME) FROM information_schema.SCHEMATA WHERE "
                        "SCHEMA_NAME NOT IN " MARIA_SYSTEM_SCHEMAS
                        " AND NOT (SCHEMA_NAME = %s AND NOT "
                        "EXISTS (SELECT 1 FROM information_schema.TABLES WHERE TABLE_SCHEMA = %s "
                        "AND TABLE_NAME <> '" DB_REVISIONS_TABLE "'))",
                        quoted, quoted);
}

// Five results: packet size, columns, columns in the default schema, rows, what else there is; the
// rows are left out if there is no table of our layout.
void maria_add_state(const Maria *m, Buf *sql, const char *schema, Arena *mem) {
    const char *home = table_schema(m, schema);
    buf_str(sql, "SET @atlas_charset = @@character_set_results, character_set_results = utf8mb4;\n"
                 "SELECT @@max_allowed_packet;\n");
    buf_printf(sql, "SELECT COLUMN_NAME %s;\n", column_condition(home, mem));
    buf_printf(sql, "SELECT COUNT(*) %s;\n", column_condition(DB_REVISIONS_TABLE, mem));
    StrList names = {0};
    for (size_t i = 0; i < COUNT_OF(columns); i++)
        list_push(&names, mem, arena_printf(mem, "'%s'", columns[i].name));
    buf_printf(sql,
               "SET @atlas_rows = IF((SELECT COUNT(*) %s AND COLUMN_NAME IN (%s)) = %zu, %s, "
               "'DO 0');\n",
               column_condition(home, mem), cstr_join(mem, &names, ", "), COUNT_OF(columns),
               maria_quote(mem, select_rows(maria_table(m, schema, mem), NULL, mem)));
    buf_str(sql, "PREPARE atlas_rows FROM @atlas_rows;\nEXECUTE atlas_rows;\n"
                 "DEALLOCATE PREPARE atlas_rows;\n");
    buf_printf(sql, "%s;\nSET character_set_results = @atlas_charset", select_dirty(m, home, mem));
}

static Time read_time(const char *text) {
    const char *dot = strchrnul(text, '.');
    char digits[24] = "";
    int64_t sec = 0;
    snprintf(digits, sizeof digits, "%.*s", (int)(dot - text), text);
    if (!cstr_to_i64(digits, &sec) || sec <= 0)
        return (Time){0};
    int32_t nsec = 0, unit = 100000000;
    for (const char *p = dot + (*dot == '.'); *p >= '0' && *p <= '9' && unit > 0; p++, unit /= 10)
        nsec += (*p - '0') * unit;
    return (Time){.sec = sec, .nsec = nsec, .set = true};
}

static DbRevision read_revision(const DbRows *rows, size_t i) {
    const DbValue *row = rows->rows.items[i];
    DbRevision r = {
        .version = db_cell(rows, i, 0),
        .description = db_cell(rows, i, 1),
        .type = (unsigned)row[2].integer,
        .applied = row[3].integer,
        .total = row[4].integer,
        .executed_at = read_time(db_cell(rows, i, 5)),
        .execution_time = row[6].integer,
        .error = db_cell(rows, i, 7),
        .error_stmt = db_cell(rows, i, 8),
        .hash = db_cell(rows, i, 9),
        .partial_hashes = db_cell(rows, i, 10),
        .operator_version = db_cell(rows, i, 11),
    };
    if (!*r.partial_hashes || cstr_eq(r.partial_hashes, "null"))
        r.partial_hashes = NULL;
    return r;
}

static void read_revisions(const DbRows *rows, DbState *out, Arena *mem) {
    for (size_t i = 0; i < rows->rows.len; i++) {
        DbRevision r = read_revision(rows, i);
        if (cstr_eq(r.version, DB_TARGET_ID_VERSION))
            out->target_id = r.description;
        else
            list_push(&out->revisions, mem, r);
    }
}

static void read_dirty(const Maria *m, const DbRows *found, DbState *out, Arena *mem) {
    const char *count = db_cell(found, 0, 0), *name = db_cell(found, 0, 1);
    bool one = cstr_eq(count, "1");
    if (cstr_eq(count, "0"))
        return;
    if (!*m->base.schema)
        out->dirty = one ? arena_printf(mem, "found schema \"%s\"", name)
                         : arena_printf(mem, "found multiple schemas: %s", count);
    else
        out->dirty =
            one ? arena_printf(mem, "found table \"%s\" in schema \"%s\"", name, m->base.schema)
                : arena_printf(mem, "found multiple tables: %s", count);
}

Err *maria_read_state(Maria *m, const char *schema, const MariaResults *results, size_t first,
                      DbState *out, Arena *mem) {
    StrList present = {0};
    uint64_t packet = 0;
    if (results->len < first + 4)
        return err_new(E_DB, "the server answered %zu of the state's questions", results->len);
    const DbRows *r = &results->items[first];
    if (cstr_to_u64(db_cell(&r[0], 0, 0), UINT32_MAX, &packet))
        m->packet_max = packet;
    for (size_t i = 0; i < r[1].rows.len; i++)
        list_push(&present, mem, db_cell(&r[1], i, 0));
    out->has_table = present.len > 0;
    out->layout_ok = has_layout(&present);
    if (!out->has_table && !*schema && *m->base.schema && !cstr_eq(db_cell(&r[2], 0, 0), "0"))
        out->other_schema = DB_REVISIONS_TABLE;
    bool has_rows = results->len > first + 4;
    read_dirty(m, &r[has_rows ? 4 : 3], out, mem);
    if (has_rows)
        read_revisions(&r[3], out, mem);
    if (has_rows || !out->has_table)
        return NULL;
    MariaResults rows = {0}; // a table that lacks some columns
    TRY(maria_packet(m, select_rows(maria_table(m, schema, mem), &present, mem), &rows, mem));
    if (rows.len > 0)
        read_revisions(&rows.items[0], out, mem);
    return NULL;
}

Err *maria_state_read(Db *db, const char *schema, DbState *out, Arena *mem) {
    Maria *m = maria_of(db);
    MariaResults results = {0};
    Buf sql;
    buf_init(&sql, mem, BUF_MAX_TEXT);
    maria_add_state(m, &sql, schema, mem);
    TRY(maria_packet(m, sql.ptr, &results, mem));
    return maria_read_state(m, schema, &results, 0, out, mem);
}

Err *maria_revisions_prepare(Db *db, const char *schema) {
    AutoArena tmp = arena_new(NULL);
    Maria *m = maria_of(db);
    char *table = maria_table(m, schema, tmp);
    MariaResults found = {0};
    StrList present = {0};
    const char *home = table_schema(m, schema);
    TRY(maria_packet(m, arena_printf(tmp, "SELECT COLUMN_NAME %s", column_condition(home, tmp)),
                     &found, tmp));
    for (size_t i = 0; found.len > 0 && i < found.items[0].rows.len; i++)
        list_push(&present, tmp, db_cell(&found.items[0], i, 0));
    if (has_layout(&present))
        return NULL;
    if (present.len > 0)
        return maria_exec(db, alter_table(m, table, &present, tmp));
    if (!cstr_eq(home, m->base.schema))
        TRY(maria_exec(
            db, arena_printf(tmp, "CREATE DATABASE IF NOT EXISTS %s", maria_ident(tmp, home))));
    return maria_exec(db, create_table(m, table, tmp));
}

// --- rows ----------------------------------------------------------------------------------------

static void add_text(Buf *b, const char *text) {
    maria_literal(b, str_from(text ? text : ""));
}

static void add_time(Buf *b, Time t, bool clock) {
    if (t.set)
        buf_printf(b, "FROM_UNIXTIME(%lld.%06d)", (long long)t.sec, (int)(t.nsec / 1000));
    else
        buf_str(b, clock ? "FROM_UNIXTIME(@atlas_start)" : "NOW(6)");
}

static void add_duration(Buf *b, Duration d, bool clock) {
    if (clock)
        buf_str(b, "CAST((UNIX_TIMESTAMP(SYSDATE(6)) - @atlas_start) * 1000000000 AS SIGNED)");
    else
        buf_printf(b, "%lld", (long long)d);
}

void maria_add_upsert(Buf *b, const char *table, const DbRevision *r, bool clock) {
    static const char *const updated[] = {"type",           "applied",        "total",
                                          "execution_time", "error",          "error_stmt",
                                          "hash",           "partial_hashes", "operator_version"};
    const char *const texts[] = {r->error, r->error_stmt, r->hash,
                                 r->partial_hashes ? r->partial_hashes : "null",
                                 r->operator_version};
    buf_printf(b, "INSERT INTO %s (", table);
    for (size_t i = 0; i < COUNT_OF(columns); i++)
        buf_printf(b, "%s`%s`", i ? ", " : "", columns[i].name);
    buf_str(b, ") VALUES (");
    add_text(b, r->version);
    buf_str(b, ", ");
    add_text(b, r->description);
    buf_printf(b, ", %u, %lld, %lld, ", r->type, (long long)r->applied, (long long)r->total);
    add_time(b, r->executed_at, clock);
    buf_str(b, ", ");
    add_duration(b, r->execution_time, clock);
    for (size_t i = 0; i < COUNT_OF(texts); i++) {
        buf_str(b, ", ");
        add_text(b, texts[i]);
    }
    buf_str(b, ") ON DUPLICATE KEY UPDATE ");
    for (size_t i = 0; i < COUNT_OF(updated); i++)
        buf_printf(b, "%s`%s` = VALUES(`%s`)", i ? ", " : "", updated[i], updated[i]);
}

void maria_add_advance(Buf *b, const char *table, const DbRevision *last, const StrList *hashes,
                       bool clock) {
    buf_printf(b, "UPDATE %s SET `applied` = %lld, `execution_time` = ", table,
               (long long)last->applied);
    add_duration(b, last->execution_time, clock);
    buf_str(b, ", `error` = ");
    add_text(b, last->error);
    buf_str(b, ", `error_stmt` = ");
    add_text(b, last->error_stmt);
    if (hashes->len > 0)
        buf_str(b,
                ", `partial_hashes` = JSON_ARRAY_APPEND(IF(JSON_TYPE(`partial_hashes`) = 'ARRAY', "
                "`partial_hashes`, JSON_ARRAY())");
    for (size_t i = 0; i < hashes->len; i++) {
        buf_str(b, ", '$', ");
        add_text(b, hashes->items[i]);
    }
    buf_str(b, hashes->len > 0 ? ") WHERE `version` = " : " WHERE `version` = ");
    add_text(b, last->version);
}

void maria_add_forget(Buf *b, const char *table, const char *version) {
    buf_printf(b, "DELETE FROM %s WHERE `version` = ", table);
    add_text(b, version);
}

Err *maria_target_id_insert(Db *db, const char *schema, const char *id) {
    AutoArena tmp = arena_new(NULL);
    Maria *m = maria_of(db);
    DbRevision r = {
        .version = DB_TARGET_ID_VERSION, .description = id, .executed_at = host_now(db->host)};
    Buf b;
    buf_init(&b, tmp, BUF_MAX_TEXT);
    maria_add_upsert(&b, maria_table(m, schema, tmp), &r, false);
    return maria_exec(db, b.ptr);
}
