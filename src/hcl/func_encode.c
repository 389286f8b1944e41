// jsonencode jsondecode csvdecode, and value trees.
#include "eval.h"

// --- JSON ---------------------------------------------------------------------------------------

static Err *json_sequence(Buf *out, const HclValue *v) {
    bool keyed = type_is_keyed(v->type);
    buf_char(out, keyed ? '{' : '[');
    for (size_t i = 0; i < v->u.seq.len; i++) {
        if (i > 0)
            buf_char(out, ',');
        if (keyed) {
            json_write_string(out, str_from(v->u.seq.keys[i]), JSON_GO);
            buf_char(out, ':');
        }
        TRY(value_json(out, v->u.seq.items[i]));
    }
    buf_char(out, keyed ? '}' : ']');
    return NULL;
}

Err *value_json(Buf *out, const HclValue *v) {
    if (v->null) {
        buf_str(out, "null");
        return NULL;
    }
    switch (v->type->kind) {
    case HCL_DYNAMIC: buf_str(out, "null"); return NULL;
    case HCL_STRING: json_write_string(out, v->u.s, JSON_GO); return NULL;
    case HCL_NUMBER: buf_str(out, hcl_number_text(out->mem, v->u.n)); return NULL;
    case HCL_BOOL: buf_str(out, v->u.b ? "true" : "false"); return NULL;
    case HCL_CAPSULE: return err_new(E_INVALID, "capsule values (%s) have no JSON form",
                                     v->type->capsule);
    default: return json_sequence(out, v);
    }
}

static Err *fn_jsonencode(Call *c) {
    Buf b;
    buf_init(&b, c->mem, BUF_MAX_TEXT);
    TRY(value_json(&b, c->args[0]));
    TRY(buf_check(&b, "the JSON text"));
    c->out = hcl_bytes(c->mem, buf_view(&b));
    return NULL;
}

static Err *fn_jsondecode(Call *c) {
    Value *v;
    AutoErr err = json_parse(&v, c->args[0]->u.s, NULL, c->mem);
    if (err)
        return arg_error(c, 0, "invalid JSON: %s", err_text(err));
    c->out = hcl_from_value(c->mem, v);
    return NULL;
}

// --- value trees --------------------------------------------------------------------------------

static Value *tree_of(Arena *mem, const HclValue *v) {
    bool keyed = type_is_keyed(v->type);
    Value *out = keyed ? value_map(mem) : value_list(mem);
    for (size_t i = 0; i < v->u.seq.len; i++) {
        Value *item = hcl_to_value(mem, v->u.seq.items[i]);
        if (keyed)
            value_set(out, mem, v->u.seq.keys[i], item, 0);
        else
            value_push(out, mem, item);
    }
    return out;
}

static Value *number_tree(Arena *mem, const HclNumber *n) {
    int64_t i;
    return hcl_number_int(n, &i) ? value_int(mem, i) : value_real(mem, hcl_number_real(n));
}

Value *hcl_to_value(Arena *mem, const HclValue *v) {
    if (!v || v->null)
        return value_null(mem);
    if (v->ref)
        return value_str(mem, v->ref->address ? v->ref->address : v->ref->label_address);
    switch (v->type->kind) {
    case HCL_STRING: return value_bytes(mem, v->u.s);
    case HCL_NUMBER: return number_tree(mem, v->u.n);
    case HCL_BOOL: return value_bool(mem, v->u.b);
    case HCL_LIST:
    case HCL_SET:
    case HCL_MAP:
    case HCL_TUPLE:
    case HCL_OBJECT: return tree_of(mem, v);
    default: break;
    }
    return v->type == &hcl_type_sql ? value_str(mem, v->u.capsule) : value_null(mem);
}

// The decimal the JSON text most likely had: the shortest that gives the same double.
static const HclValue *real_value(Arena *mem, double r) {
    char text[64];
    for (int digits = 15; digits <= 17; digits++) {
        snprintf(text, sizeof text, "%.*e", digits - 1, r);
        if (strtod(text, NULL) >= r && strtod(text, NULL) <= r)
            break;
    }
    const HclValue *v = number_parse(mem, text);
    return v ? v : hcl_null(mem, &hcl_type_number);
}

const HclValue *hcl_from_value(Arena *mem, const Value *v) {
    ValueList items = {0};
    HclFields f = {0};
    switch (v->kind) {
    case V_NULL: return hcl_null(mem, NULL);
    case V_BOOL: return hcl_bool(mem, v->u.b);
    case V_INT: return hcl_int(mem, v->u.i);
    case V_REAL: return real_value(mem, v->u.r);
    case V_STR: return hcl_bytes(mem, v->u.s);
    case V_TIME: return hcl_string(mem, time_rfc3339nano(mem, v->u.time));
    case V_DURATION: return hcl_string(mem, duration_text(mem, v->u.duration));
    case V_LIST:
        for (size_t i = 0; i < v->u.list.len; i++)
            list_push(&items, mem, hcl_from_value(mem, v->u.list.items[i]));
        return hcl_tuple(mem, items.items, items.len);
    case V_MAP:
        for (size_t i = 0; i < v->u.map.len; i++)
            hcl_field(&f, mem, v->u.map.items[i].key, hcl_from_value(mem, value_member(v, i)));
        return hcl_object(mem, &f);
    }
    BUG("value of kind %d", (int)v->kind);
}

// --- CSV (RFC 4180) -----------------------------------------------------------------------------

typedef struct Csv {
    Str s;
    size_t at;
    int line;
} Csv;

static Err *csv_quoted(Csv *csv, Buf *field) {
    int start = csv->line;
    for (csv->at++; csv->at < csv->s.len; csv->at++) {
        char ch = csv->s.ptr[csv->at];
        if (ch != '"') {
            csv->line += ch == '\n';
            if (!(ch == '\r' && csv->at + 1 < csv->s.len && csv->s.ptr[csv->at + 1] == '\n'))
                buf_char(field, ch);
        } else if (csv->at + 1 < csv->s.len && csv->s.ptr[csv->at + 1] == '"') {
            buf_char(field, '"');
            csv->at++;
        } else {
            csv->at++;
            return NULL;
        }
    }
    return err_new(E_INVALID, "CSV parse error on line %d: quoted field is not closed", start);
}

// One field; *last: it ends its record.
static Err *csv_field(Csv *csv, Buf *field, bool *last) {
    *last = false;
    if (csv->at < csv->s.len && csv->s.ptr[csv->at] == '"') {
        TRY(csv_quoted(csv, field));
        if (csv->at < csv->s.len && !strchr(",\r\n", csv->s.ptr[csv->at]))
            return err_new(E_INVALID, "CSV parse error on line %d: extraneous or missing \" in "
                                      "quoted-field", csv->line);
    }
    for (; csv->at < csv->s.len; csv->at++) {
        char ch = csv->s.ptr[csv->at];
        if (ch == ',') {
            csv->at++;
            return NULL;
        }
        bool crlf = ch == '\r' && csv->at + 1 < csv->s.len && csv->s.ptr[csv->at + 1] == '\n';
        if (ch == '\n' || crlf) {
            csv->at += crlf ? 2 : 1;
            csv->line++;
            break;
        }
        if (ch == '"')
            return err_new(E_INVALID, "CSV parse error on line %d: bare \" in non-quoted field",
                           csv->line);
        buf_char(field, ch);
    }
    *last = true;
    return NULL;
}

static Err *csv_record(Csv *csv, ValueList *out, Arena *mem) {
    bool last;
    do {
        Buf field;
        buf_init(&field, mem, BUF_MAX_TEXT);
        TRY(csv_field(csv, &field, &last));
        list_push(out, mem, hcl_bytes(mem, buf_view(&field)));
    } while (!last);
    return NULL;
}

static bool blank_record(const ValueList *r) {
    return r->len == 1 && r->items[0]->u.s.len == 0;
}

static Err *fn_csvdecode(Call *c) {
    Csv csv = {.s = c->args[0]->u.s, .line = 1};
    ValueList header = {0}, rows = {0};
    if (csv.s.len == 0)
        return err_new(E_INVALID, "missing header line");
    TRY(csv_record(&csv, &header, c->mem));
    for (size_t i = 0; i < header.len; i++)
        for (size_t j = 0; j < i; j++)
            if (hcl_equal(header.items[i], header.items[j]))
                return err_new(E_INVALID, "duplicate column name \"%s\"", hcl_text(header.items[i]));
    while (csv.at < csv.s.len) {
        ValueList row = {0};
        HclFields f = {0};
        int line = csv.line;
        TRY(csv_record(&csv, &row, c->mem));
        if (blank_record(&row) && header.len != 1)
            continue;
        if (row.len != header.len)
            return err_new(E_INVALID, "CSV parse error on line %d: wrong number of fields", line);
        for (size_t i = 0; i < row.len; i++)
            hcl_field(&f, c->mem, hcl_text(header.items[i]), row.items[i]);
        list_push(&rows, c->mem, hcl_object(c->mem, &f));
    }
    HclFields f = {0};
    for (size_t i = 0; i < header.len; i++)
        hcl_field(&f, c->mem, hcl_text(header.items[i]), header.items[i]);
    c->out = hcl_list(c->mem, hcl_object(c->mem, &f)->type, rows.items, rows.len);
    return NULL;
}

const Function functions_encode[] = {
    {.name = "jsonencode", .fn = fn_jsonencode, .params = {{"val", ANY, true}}},
    {.name = "jsondecode", .fn = fn_jsondecode, .params = {{"str", TEXT, false}}},
    {.name = "csvdecode", .fn = fn_csvdecode, .params = {{"str", TEXT, false}}},
    {0},
};
