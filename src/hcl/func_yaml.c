// yamldecode yamlencode yamlmerge, on libyaml's event and emitter interfaces.
#include "eval.h"

#include <limits.h>
#include <yaml.h>

enum { YAML_MAX_DEPTH = 64 };

// --- reading ------------------------------------------------------------------------------------

typedef struct Reader {
    yaml_parser_t *parser;
    Map anchors; // const HclValue *
    Arena *mem;
    long nodes; // read and aliased: bounds the growth by aliases
} Reader;

static void free_parser(yaml_parser_t *p) { yaml_parser_delete(p); }

static Err *yaml_failed(const Reader *r) {
    const yaml_parser_t *p = r->parser;
    return err_new(E_INVALID, "on line %zu, column %zu: %s", p->problem_mark.line + 1,
                   p->problem_mark.column + 1, p->problem ? p->problem : "malformed YAML");
}

static Err *next_event(Reader *r, yaml_event_t *ev) {
    return yaml_parser_parse(r->parser, ev) ? NULL : yaml_failed(r);
}

static bool one_of(const char *s, const char *const *words) {
    for (; *words; words++)
        if (cstr_eq(s, *words))
            return true;
    return false;
}

static const char *const yaml_nulls[] = {"", "~", "null", "Null", "NULL", NULL};
static const char *const yaml_true[] = {"true", "True", "TRUE", "y", "Y", "yes", "Yes", "YES",
                                        "on", "On", "ON", NULL};
static const char *const yaml_false[] = {"false", "False", "FALSE", "n", "N", "no", "No", "NO",
                                         "off", "Off", "OFF", NULL};

static const HclValue *plain_number(Arena *mem, const char *s) {
    if (cstr_starts(s, "0x"))
        return number_parse_base(mem, s + 2, 16);
    if (cstr_starts(s, "0o"))
        return number_parse_base(mem, s + 2, 8);
    if (cstr_starts(s, "0b"))
        return number_parse_base(mem, s + 2, 2);
    return number_parse(mem, cstr_replace(mem, s, "_", ""));
}

static const HclValue *scalar(Reader *r, const yaml_event_t *ev) {
    Str s = str_slice((const char *)ev->data.scalar.value, ev->data.scalar.length);
    const char *tag = (const char *)ev->data.scalar.tag;
    bool plain = ev->data.scalar.style == YAML_PLAIN_SCALAR_STYLE;
    if (!plain || (tag && strstr(tag, "str")) || memchr(s.ptr, '\0', s.len))
        return hcl_bytes(r->mem, s);
    if (one_of(s.ptr, yaml_nulls))
        return hcl_null(r->mem, NULL);
    if (one_of(s.ptr, yaml_true) || one_of(s.ptr, yaml_false))
        return hcl_bool(r->mem, one_of(s.ptr, yaml_true));
    const HclValue *n = strchr("0123456789+-.", s.ptr[0]) ? plain_number(r->mem, s.ptr) : NULL;
    return n ? n : hcl_bytes(r->mem, s);
}

static Err *read_node(Reader *r, const HclValue **out, yaml_event_t *ev, int depth);

static Err *read_next(Reader *r, const HclValue **out, yaml_event_type_t end, bool *done,
                      int depth) {
    yaml_event_t ev;
    TRY(next_event(r, &ev));
    *done = ev.type == end;
    Err *err = *done ? NULL : read_node(r, out, &ev, depth);
    yaml_event_delete(&ev);
    return err;
}

static Err *read_sequence(Reader *r, const HclValue **out, int depth) {
    ValueList items = {0};
    for (;;) {
        const HclValue *v;
        bool done;
        TRY(read_next(r, &v, YAML_SEQUENCE_END_EVENT, &done, depth));
        if (done)
            break;
        list_push(&items, r->mem, v);
    }
    *out = hcl_tuple(r->mem, items.items, items.len);
    return NULL;
}

static void merge_key(HclFields *f, Arena *mem, const HclValue *v) {
    HclFields merged = {0};
    for (size_t i = 0; type_is_keyed(v->type) && !v->null && i < v->u.seq.len; i++)
        hcl_field(&merged, mem, v->u.seq.keys[i], v->u.seq.items[i]);
    for (size_t i = 0; i < f->keys.len; i++) // own keys win
        hcl_field(&merged, mem, f->keys.items[i], f->items.items[i]);
    *f = merged;
}

static Err *read_mapping(Reader *r, const HclValue **out, int depth) {
    HclFields f = {0};
    for (;;) {
        const HclValue *key, *v;
        bool done;
        TRY(read_next(r, &key, YAML_MAPPING_END_EVENT, &done, depth));
        if (done)
            break;
        TRY(read_next(r, &v, YAML_NO_EVENT, &done, depth));
        if (hcl_is(key, HCL_STRING) && cstr_eq(hcl_text(key), "<<")) {
            merge_key(&f, r->mem, v);
            continue;
        }
        AutoErr err = hcl_convert(&key, key, &hcl_type_string, r->mem);
        if (err || key->null)
            return err_new(E_INVALID, "on line %zu: a mapping key must be a primitive value",
                           r->parser->mark.line + 1);
        hcl_field(&f, r->mem, hcl_text(key), v);
    }
    *out = hcl_object(r->mem, &f);
    return NULL;
}

static Err *read_alias(Reader *r, const HclValue **out, const yaml_event_t *ev) {
    const char *name = (const char *)ev->data.alias.anchor;
    *out = map_get(&r->anchors, name);
    if (!*out)
        return err_new(E_INVALID, "on line %zu: reference to undefined anchor \"%s\"",
                       ev->start_mark.line + 1, name);
    r->nodes += (long)((*out)->weight < LONG_MAX / 2 ? (*out)->weight : LONG_MAX / 2);
    return NULL;
}

static Err *read_node(Reader *r, const HclValue **out, yaml_event_t *ev, int depth) {
    const yaml_char_t *anchor = NULL;
    Err *err = NULL;
    if (depth > YAML_MAX_DEPTH || ++r->nodes > VALUE_MAX_WEIGHT)
        return err_new(E_TOO_LARGE, "the document is too large or too deeply nested");
    switch (ev->type) {
    case YAML_SCALAR_EVENT:
        *out = scalar(r, ev);
        anchor = ev->data.scalar.anchor;
        break;
    case YAML_SEQUENCE_START_EVENT:
        err = read_sequence(r, out, depth + 1);
        anchor = ev->data.sequence_start.anchor;
        break;
    case YAML_MAPPING_START_EVENT:
        err = read_mapping(r, out, depth + 1);
        anchor = ev->data.mapping_start.anchor;
        break;
    case YAML_ALIAS_EVENT: return read_alias(r, out, ev);
    default: return err_new(E_INVALID, "on line %zu: unexpected YAML construct",
                            ev->start_mark.line + 1);
    }
    if (!err && anchor)
        map_set(&r->anchors, (const char *)anchor, (void *)(uintptr_t)*out);
    return err;
}

static Err *read_document(Reader *r, const HclValue **out) {
    for (;;) {
        yaml_event_t ev;
        TRY(next_event(r, &ev));
        yaml_event_type_t type = ev.type;
        Err *err = NULL;
        if (type == YAML_STREAM_END_EVENT)
            *out = hcl_null(r->mem, NULL);
        else if (type != YAML_STREAM_START_EVENT && type != YAML_DOCUMENT_START_EVENT)
            err = read_node(r, out, &ev, 0);
        yaml_event_delete(&ev);
        if (err || (type != YAML_STREAM_START_EVENT && type != YAML_DOCUMENT_START_EVENT))
            return err;
    }
}

// Exactly one document.
static Err *read_end(Reader *r) {
    for (int i = 0; i < 2; i++) {
        yaml_event_t ev;
        TRY(next_event(r, &ev));
        yaml_event_type_t type = ev.type;
        yaml_event_delete(&ev);
        if (type == YAML_DOCUMENT_START_EVENT)
            return err_new(E_INVALID, "on line %zu: only one document is expected",
                           r->parser->mark.line + 1);
        if (type == YAML_STREAM_END_EVENT)
            break;
    }
    return NULL;
}

static Err *yaml_read(const HclValue **out, Str text, Arena *mem) {
    __attribute__((cleanup(free_parser))) yaml_parser_t parser;
    Reader r = {.parser = &parser, .mem = mem};
    if (!yaml_parser_initialize(&parser))
        return err_new(E_INTERNAL, "cannot start the YAML parser");
    map_init(&r.anchors, mem);
    yaml_parser_set_input_string(&parser, (const unsigned char *)text.ptr, text.len);
    TRY(read_document(&r, out));
    return text.len > 0 ? read_end(&r) : NULL;
}

static Err *fn_yamldecode(Call *c) {
    AutoErr err = yaml_read(&c->out, c->args[0]->u.s, c->mem);
    return err ? arg_error(c, 0, "%s", err_text(err)) : NULL;
}

// --- writing ------------------------------------------------------------------------------------

// Texts that a reader would take for something else are quoted.
static bool looks_special(Arena *mem, const char *s) {
    static const char *const words[] = {"=", "<<", NULL};
    return one_of(s, yaml_nulls) || one_of(s, yaml_true) || one_of(s, yaml_false) ||
           one_of(s, words) || plain_number(mem, s) != NULL || cstr_eq(s, ".inf") ||
           cstr_eq(s, ".nan");
}

static bool plain_ok(const char *s) {
    if (!*s || strchr(" -?:,[]{}#&*!|>'\"%@`", *s) || s[strlen(s) - 1] == ' ')
        return false;
    for (const char *p = s; *p; p++)
        if ((unsigned char)*p < 0x20 || (*p == ':' && (p[1] == ' ' || !p[1])) ||
            (*p == ' ' && p[1] == '#'))
            return false;
    return true;
}

typedef struct Writer {
    Buf *out;
    size_t step;      // spaces per level
    bool quote;       // all strings in double quotes
    bool flush_lists; // a list starts in the column of its key
} Writer;

static Err *write_node(Writer *w, const HclValue *v, size_t column, bool started);

static void write_text(Writer *w, Str s) {
    Arena *mem = w->out->mem;
    bool clean = !memchr(s.ptr, '\0', s.len) && plain_ok(s.ptr) && !looks_special(mem, s.ptr);
    if (!w->quote && clean)
        buf_add(w->out, s.ptr, s.len);
    else
        json_write_string(w->out, s, JSON_PLAIN); // JSON strings are YAML strings
}

// A text of several lines as a block, where a reader gets back the same text.
static bool write_block(Writer *w, Str s, size_t column) {
    const char *lines = strchr(s.ptr, '\n');
    if (!w->quote || !lines || strchr(" \n\t", *s.ptr))
        return false;
    for (size_t i = 0; i < s.len; i++)
        if (((unsigned char)s.ptr[i] < 0x20 && s.ptr[i] != '\n') || s.ptr[i] == 0x7f)
            return false;
    size_t len = s.len;
    while (s.ptr[len - 1] == '\n')
        len--;
    size_t newlines = s.len - len;
    buf_str(w->out, newlines == 0 ? "|-" : newlines == 1 ? "|" : "|+");
    for (size_t i = 0; i < len;) {
        size_t n = strcspn(s.ptr + i, "\n");
        buf_char(w->out, '\n');
        if (n)
            buf_repeat(w->out, " ", column);
        buf_add(w->out, s.ptr + i, n);
        i += n + 1;
    }
    if (newlines > 1)
        buf_repeat(w->out, "\n", newlines - 1);
    return true;
}

static bool is_branch(const HclValue *v) {
    return !v->null && (type_is_sequence(v->type) || type_is_keyed(v->type)) && v->u.seq.len > 0;
}

static Err *write_mapping(Writer *w, const HclValue *v, size_t column, bool started) {
    for (size_t i = 0; i < v->u.seq.len; i++) {
        const HclValue *item = v->u.seq.items[i];
        if (i > 0 || !started)
            buf_repeat(w->out, " ", column);
        write_text(w, str_from(v->u.seq.keys[i]));
        buf_char(w->out, ':');
        buf_char(w->out, is_branch(item) ? '\n' : ' ');
        bool flush = is_branch(item) && type_is_sequence(item->type) && w->flush_lists;
        TRY(write_node(w, item, flush ? column : column + w->step, false));
    }
    return NULL;
}

static Err *write_sequence(Writer *w, const HclValue *v, size_t column, bool started) {
    for (size_t i = 0; i < v->u.seq.len; i++) {
        if (i > 0 || !started)
            buf_repeat(w->out, " ", column);
        buf_str(w->out, "- ");
        TRY(write_node(w, v->u.seq.items[i], column + 2, true));
    }
    return NULL;
}

// `started`: the line already has what goes in front.
static Err *write_node(Writer *w, const HclValue *v, size_t column, bool started) {
    if (is_branch(v))
        return type_is_keyed(v->type) ? write_mapping(w, v, column, started)
                                      : write_sequence(w, v, column, started);
    if (v->null)
        buf_str(w->out, "null");
    else if (v->type->kind == HCL_STRING) {
        if (!write_block(w, v->u.s, column ? column : w->step))
            write_text(w, v->u.s);
    }
    else
        TRY(value_json(w->out, v)); // numbers, booleans, [] and {}
    buf_char(w->out, '\n');
    return NULL;
}

static Err *yaml_write(const HclValue **out, const HclValue *v, Writer w, Arena *mem) {
    Buf b;
    buf_init(&b, mem, BUF_MAX_TEXT);
    w.out = &b;
    TRY(write_node(&w, v, 0, false));
    TRY(buf_check(&b, "the YAML text"));
    *out = hcl_bytes(mem, buf_view(&b));
    return NULL;
}

static Err *fn_yamlencode(Call *c) {
    return yaml_write(&c->out, c->args[0], (Writer){.step = 2, .quote = true, .flush_lists = true},
                      c->mem);
}

// --- merging ------------------------------------------------------------------------------------

static Err *deep_merge(const HclValue **out, const HclValue *dst, const HclValue *src,
                       const char *key, Arena *mem);

static Err *merge_maps(const HclValue **out, const HclValue *dst, const HclValue *src, Arena *mem) {
    HclFields f = {0};
    for (size_t i = 0; i < dst->u.seq.len; i++)
        hcl_field(&f, mem, dst->u.seq.keys[i], dst->u.seq.items[i]);
    for (size_t i = 0; i < src->u.seq.len; i++) {
        const char *key = src->u.seq.keys[i];
        const HclValue *v = src->u.seq.items[i], *old = hcl_get(dst, key);
        if (old)
            TRY(deep_merge(&v, old, v, key, mem));
        hcl_field(&f, mem, key, v);
    }
    *out = hcl_object(mem, &f);
    return NULL;
}

static Err *deep_merge(const HclValue **out, const HclValue *dst, const HclValue *src,
                       const char *key, Arena *mem) {
    bool dst_map = !dst->null && type_is_keyed(dst->type);
    bool src_map = !src->null && type_is_keyed(src->type);
    bool dst_list = !dst->null && type_is_sequence(dst->type);
    bool src_list = !src->null && type_is_sequence(src->type);
    if (dst_map && src_map)
        return merge_maps(out, dst, src, mem);
    if ((dst_map && src_list) || (dst_list && src_map))
        return err_new(E_INVALID, "yamlmerge: failed to merge yaml: key %s is defined in both src "
                       "and dst, but has a different type", key);
    *out = src;
    if (!dst_list || !src_list)
        return NULL;
    ValueList items = {0};
    for (size_t i = 0; i < dst->u.seq.len; i++)
        list_push(&items, mem, dst->u.seq.items[i]);
    for (size_t i = 0; i < src->u.seq.len; i++)
        list_push(&items, mem, src->u.seq.items[i]);
    *out = hcl_tuple(mem, items.items, items.len);
    return NULL;
}

static Err *fn_yamlmerge(Call *c) {
    const HclValue *sum = NULL;
    ValueList docs = {0};
    for (size_t i = 0; i < c->count; i++)
        if (!c->args[i]->null)
            list_push(&docs, c->mem, c->args[i]);
    c->out = docs.len > 0 ? docs.items[0] : hcl_null(c->mem, &hcl_type_string);
    if (docs.len < 2)
        return NULL;
    for (size_t i = 0; i < docs.len; i++) {
        const HclValue *v;
        Err *err = yaml_read(&v, docs.items[i]->u.s, c->mem);
        if (err)
            return err_wrap(err, "yamlmerge: failed to parse yaml");
        if (sum && !v->null)
            TRY(deep_merge(&v, sum, v, "", c->mem));
        sum = v->null && sum ? sum : v;
    }
    return yaml_write(&c->out, sum, (Writer){.step = 4}, c->mem);
}

const Function functions_yaml[] = {
    {.name = "yamldecode", .fn = fn_yamldecode, .params = {{"src", TEXT, false}}},
    {.name = "yamlencode", .fn = fn_yamlencode, .params = {{"value", ANY, true}}},
    {.name = "yamlmerge", .fn = fn_yamlmerge, .rest = {"docs", TEXT, true}},
    {0},
};
