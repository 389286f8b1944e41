#include "postgres.h"

#include "atlas/sql.h"

// Types of the catalog that are more than text.
static DbKind kind_of(Oid type) {
    static const struct {
        Oid type;
        DbKind kind;
    } kinds[] = {{16, DB_INT}, {17, DB_BLOB},  {20, DB_INT},   {21, DB_INT},   {23, DB_INT},
                 {26, DB_INT}, {700, DB_REAL}, {701, DB_REAL}, {1700, DB_REAL}};
    for (size_t i = 0; i < COUNT_OF(kinds); i++)
        if (kinds[i].type == type)
            return kinds[i].kind;
    return DB_TEXT;
}

static DbValue read_value(const PGresult *rows, int row, int column, Arena *mem) {
    DbValue v = {.kind = kind_of(PQftype(rows, column))};
    const char *text = PQgetvalue(rows, row, column);
    if (PQgetisnull(rows, row, column))
        return (DbValue){.kind = DB_NULL};
    size_t len = (size_t)PQgetlength(rows, row, column);
    v.text = str_slice(arena_strndup(mem, text, len), len);
    if (v.kind == DB_INT && !cstr_to_i64(text, &v.integer))
        v.integer = cstr_eq(text, "t");
    if (v.kind == DB_REAL)
        v.real = strtod(text, NULL);
    if (v.kind == DB_BLOB && cstr_starts(text, "\\x"))
        (void)hex_decode(&v.text, text + 2, mem);
    return v;
}

static const char *text_of(const DbValue *v, Arena *mem) {
    switch (v->kind) {
    case DB_NULL:
        break;
    case DB_INT:
        return arena_printf(mem, "%lld", (long long)v->integer);
    case DB_REAL:
        return arena_printf(mem, "%.17g", v->real);
    case DB_TEXT:
        return str_dup(mem, v->text);
    case DB_BLOB:
        return arena_printf(mem, "\\x%s", hex_encode(mem, v->text.ptr, v->text.len));
    }
    return NULL;
}

static Err *query(Db *db, DbRows *out, const char *sql, const DbValue *args, size_t count,
                  Arena *mem) {
    Postgres *p = postgres_of(db);
    AutoResult rows = NULL;
    PostgresQuery q = {.sql = sql, .arg_count = (int)count};
    *out = (DbRows){0};
    if (count > COUNT_OF(q.args))
        return err_new(E_TOO_LARGE, "more than %zu arguments", COUNT_OF(q.args));
    TRY(postgres_refuse(str_from(sql), false));
    for (size_t i = 0; i < count; i++)
        q.args[i] = text_of(&args[i], mem);
    TRY(postgres_ask(p, &q, &rows));
    int columns = PQnfields(rows);
    for (int i = 0; i < columns; i++)
        list_push(&out->columns, mem, arena_strdup(mem, PQfname(rows, i)));
    for (int row = 0; row < PQntuples(rows); row++) {
        DbValue *values = NEW_ARRAY(mem, DbValue, (size_t)columns);
        for (int i = 0; i < columns; i++)
            values[i] = read_value(rows, row, i, mem);
        list_push(&out->rows, mem, values);
    }
    return NULL;
}

static Err *exec(Db *db, const char *sql) {
    return postgres_simple(postgres_of(db), sql);
}

static Err *ping(Db *db) {
    return exec(db, "SELECT 1");
}

static void finish(void *arg) {
    Postgres *p = arg;
    PQfinish(p->conn);
    p->conn = NULL;
}

static void close_connection(Db *db) {
    finish(postgres_of(db));
}

static Err *open_connection(Db **out, const char *rest, const Db *base, Arena *mem) {
    PostgresParams params;
    TRY(postgres_parse_url(&params, rest, base, mem));
    Postgres *p = NEW(mem, Postgres);
    p->base = *base;
    p->base.schema = params.schema;
    p->mem = mem;
    arena_on_free(mem, finish, p);
    TRY(postgres_connect(p, &params));
    *out = &p->base;
    return NULL;
}

static const char *const schemes[] = {"postgres", "postgresql", NULL};

const DbDriver db_postgres = {
    .name = "postgres",
    .schemes = schemes,
    .scan_options = SQL_POSTGRES,
    .transactional_ddl = true,
    .open = open_connection,
    .close = close_connection,
    .ping = ping,
    .exec = exec,
    .query = query,
    .is_atomic = postgres_is_atomic,
    .sets_session = postgres_only_sets,
    .run = postgres_run,
    .rollback = postgres_rollback,
    .state_read = postgres_state_read,
    .lock_and_read = postgres_lock_and_read,
    .revisions_prepare = postgres_revisions_prepare,
    .target_id_insert = postgres_target_id_insert,
    .lock = postgres_lock,
    .unlock = postgres_unlock,
    .flight = postgres_flight,
    .check_empty = postgres_check_empty,
    .wipe = postgres_wipe,
};
