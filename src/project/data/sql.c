// data "sql": one column of a query's rows.
#include "data.h"

// Whole numbers go as integers, so that every database takes them where it wants one.
static Err *make_arg(DbValue *out, const HclValue *v, const HclResource *r) {
    int64_t whole = 0;
    if (hcl_is(v, HCL_STRING))
        *out = (DbValue){.kind = DB_TEXT, .text = v->u.s};
    else if (hcl_is(v, HCL_BOOL))
        *out = db_int(v->u.b);
    else if (hcl_is(v, HCL_NUMBER) && hcl_number_int(v->u.n, &whole))
        *out = db_int(whole);
    else if (hcl_is(v, HCL_NUMBER))
        *out = (DbValue){.kind = DB_REAL, .real = hcl_number_real(v->u.n)};
    else
        return data_wrong(r, "args", "an argument must be a string, a number or a bool");
    return NULL;
}

static Err *make_args(DbValue **out, size_t *count, const HclResource *r, Arena *mem) {
    const HclValue *v = hcl_resource_get(r, "args");
    *count = 0;
    *out = NULL;
    if (!v)
        return NULL;
    if (!hcl_is(v, HCL_LIST) && !hcl_is(v, HCL_TUPLE) && !hcl_is(v, HCL_SET))
        return data_wrong(r, "args", "args must be a list");
    *count = v->u.seq.len;
    *out = NEW_ARRAY(mem, DbValue, *count + 1);
    for (size_t i = 0; i < *count; i++)
        TRY(make_arg(&(*out)[i], v->u.seq.items[i], r));
    return NULL;
}

// PostgreSQL's booleans come as integers that are written "t" and "f".
static const HclValue *int_value(const DbValue *v, Arena *mem) {
    bool yes = str_eq(v->text, str_from("t")), no = str_eq(v->text, str_from("f"));
    return yes || no ? hcl_bool(mem, yes) : hcl_int(mem, v->integer);
}

// MySQL calls many texts binary.
static Err *row_value(const HclValue **out, const DbValue *v, size_t row, Arena *mem) {
    switch (v->kind) {
    case DB_INT: *out = int_value(v, mem); return NULL;
    case DB_REAL: *out = hcl_real(mem, v->real); return NULL;
    case DB_TEXT:
    case DB_BLOB: break;
    case DB_NULL:
        return err_hint(err_new(E_CONFIG, "row %zu is NULL", row + 1),
                        "leave it out with  where ... is not null");
    }
    if (!utf8_valid(v->text.ptr, v->text.len) || memchr(v->text.ptr, 0, v->text.len))
        return err_hint(err_new(E_CONFIG, "row %zu is binary", row + 1), "cast the column to text");
    *out = hcl_bytes(mem, v->text);
    return NULL;
}

static Err *read_rows(const HclValue **out, const DbRows *rows, Arena *mem) {
    size_t count = rows->rows.len;
    const HclType *type = &hcl_type_string;
    const HclValue **items = NEW_ARRAY(mem, const HclValue *, count + 1);
    HclFields f = {0};
    if (rows->columns.len != 1)
        return err_new(E_CONFIG, "the query has %zu columns, not one", rows->columns.len);
    for (size_t i = 0; i < count; i++) {
        TRY(row_value(&items[i], &rows->rows.items[i][0], i, mem));
        if (i > 0 && !hcl_type_equal(items[i]->type, type))
            return err_new(E_CONFIG, "the rows have mixed types: row %zu is a %s, those before are "
                                     "%s", i + 1, hcl_type_name(mem, items[i]->type),
                           hcl_type_name(mem, type));
        type = items[i]->type;
    }
    hcl_field(&f, mem, "count", hcl_int(mem, (int64_t)count));
    hcl_field(&f, mem, "values", hcl_list(mem, type, items, count));
    hcl_field(&f, mem, "value", count ? items[0] : hcl_null(mem, type));
    *out = hcl_object(mem, &f);
    return NULL;
}

Err *data_sql(const HclValue **out, const HclResource *r, Data *d, Arena *mem) {
    const ProjectDbAccess access = {d->project, d->loop, d->cancel};
    const DbOptions options = {.host = loop_host(d->loop), .cancel = d->cancel};
    const char *url = "", *query = "", *now = "";
    AutoArena tmp = arena_new(NULL); // with the connection
    DbValue *args = NULL;
    size_t count = 0;
    DbRows rows = {0};
    Db *db = NULL;
    TRY(read_text(&url, r, "url"));
    TRY(read_text(&query, r, "query"));
    TRY(make_args(&args, &count, r, tmp));
    mask_url(url, tmp);
    TRY(project_db_url(&now, &access, url, tmp));
    TRY(db_open(&db, now, &options, tmp));
    TRY(db_query(db, &rows, query, args, count, tmp));
    return read_rows(out, &rows, mem);
}
