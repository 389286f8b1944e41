// Value trees on the way between processes of the same program: sizes and byte order are ours.
#include <string.h>

#include "atlas/base/value.h"

// --- out
// ------------------------------------------------------------------------------------------

static void put(Buf *out, const void *bytes, size_t len) {
    buf_add(out, bytes, len);
}

static void put_size(Buf *out, size_t n) {
    put(out, &n, sizeof n);
}

// NULL and "" differ: the length counts the NUL.
static void put_text(Buf *out, const char *text) {
    size_t len = text ? strlen(text) + 1 : 0;
    put_size(out, len);
    put(out, text, len);
}

static void put_map(Buf *out, const Value *v) {
    put_text(out, v->struct_name);
    put_text(out, v->text);
    put_size(out, v->u.map.len);
    for (size_t i = 0; i < v->u.map.len; i++) {
        put_text(out, v->u.map.items[i].key);
        put(out, &v->u.map.items[i].flags, sizeof v->u.map.items[i].flags);
        value_pack(out, value_member(v, i));
    }
}

void value_pack(Buf *out, const Value *v) {
    static const Value none = {.kind = V_NULL};
    v = v ? v : &none;
    put_size(out, (size_t)v->kind);
    switch (v->kind) {
    case V_STR:
        put_size(out, v->u.s.len);
        put(out, v->u.s.ptr, v->u.s.len);
        return;
    case V_LIST:
        put_size(out, v->u.list.len);
        for (size_t i = 0; i < v->u.list.len; i++)
            value_pack(out, v->u.list.items[i]);
        return;
    case V_MAP:
        put_map(out, v);
        return;
    case V_NULL:
    case V_BOOL:
    case V_INT:
    case V_REAL:
    case V_TIME:
    case V_DURATION:
        put(out, &v->u, sizeof v->u);
        return;
    }
}

// --- in
// -------------------------------------------------------------------------------------------

typedef struct Reader {
    Str left;
    bool cut;
    Arena *mem;
} Reader;

static void get(Reader *r, void *out, size_t len) {
    if (r->left.len < len) {
        r->cut = true;
        memset(out, 0, len);
        return;
    }
    memcpy(out, r->left.ptr, len);
    r->left = (Str){r->left.ptr + len, r->left.len - len};
}

// A count or length: never more than there are bytes.
static size_t get_size(Reader *r) {
    size_t n = 0;
    get(r, &n, sizeof n);
    r->cut = r->cut || n > r->left.len;
    return r->cut ? 0 : n;
}

static Str get_bytes(Reader *r, size_t len) {
    Str s = {arena_strndup(r->mem, r->left.ptr, len), len};
    r->left = (Str){r->left.ptr + len, r->left.len - len};
    return s;
}

static const char *get_text(Reader *r) {
    size_t len = get_size(r);
    return len ? get_bytes(r, len).ptr : NULL;
}

static Value *get_value(Reader *r);

static void get_members(Reader *r, Value *map) {
    map->struct_name = get_text(r);
    map->text = get_text(r);
    size_t count = get_size(r);
    for (size_t i = 0; i < count && !r->cut; i++) {
        Member m = {.key = get_text(r)};
        get(r, &m.flags, sizeof m.flags);
        m.value = get_value(r);
        r->cut = r->cut || !m.key;
        list_push(&map->u.map, r->mem, m);
    }
}

static Value *get_value(Reader *r) {
    Value *v = NEW(r->mem, Value);
    size_t kind = 0, count;
    get(r, &kind, sizeof kind);
    v->kind = kind <= V_DURATION ? (ValueKind)kind : V_NULL;
    switch (v->kind) {
    case V_STR:
        v->u.s = get_bytes(r, get_size(r));
        break;
    case V_LIST:
        count = get_size(r);
        for (size_t i = 0; i < count && !r->cut; i++)
            list_push(&v->u.list, r->mem, get_value(r));
        break;
    case V_MAP:
        get_members(r, v);
        break;
    case V_NULL:
    case V_BOOL:
    case V_INT:
    case V_REAL:
    case V_TIME:
    case V_DURATION:
        get(r, &v->u, sizeof v->u);
        break;
    }
    return v;
}

Value *value_unpack(Str bytes, Arena *mem) {
    Reader r = {.left = bytes, .mem = mem};
    Value *v = get_value(&r);
    return r.cut || r.left.len ? NULL : v;
}
