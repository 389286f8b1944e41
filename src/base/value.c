#include "atlas/base/value.h"

#include <strings.h>

static Value *value_new(Arena *mem, ValueKind kind) {
    Value *v = NEW(mem, Value);
    v->kind = kind;
    return v;
}

Value *value_null(Arena *mem) { return value_new(mem, V_NULL); }
Value *value_list(Arena *mem) { return value_new(mem, V_LIST); }
Value *value_map(Arena *mem) { return value_new(mem, V_MAP); }

Value *value_bool(Arena *mem, bool b) {
    Value *v = value_new(mem, V_BOOL);
    v->u.b = b;
    return v;
}

Value *value_int(Arena *mem, int64_t i) {
    Value *v = value_new(mem, V_INT);
    v->u.i = i;
    return v;
}

Value *value_real(Arena *mem, double r) {
    Value *v = value_new(mem, V_REAL);
    v->u.r = r;
    return v;
}

Value *value_bytes(Arena *mem, Str s) {
    Value *v = value_new(mem, V_STR);
    v->u.s = (Str){arena_strndup(mem, s.ptr, s.len), s.len};
    return v;
}

Value *value_view(Arena *mem, Str s) {
    Value *v = value_new(mem, V_STR);
    v->u.s = s;
    return v;
}

Value *value_str(Arena *mem, const char *s) { return value_bytes(mem, str_from(s ? s : "")); }

Value *value_time(Arena *mem, Time t) {
    Value *v = value_new(mem, V_TIME);
    v->u.time = t;
    return v;
}

Value *value_duration(Arena *mem, Duration d) {
    Value *v = value_new(mem, V_DURATION);
    v->u.duration = d;
    return v;
}

Value *value_struct(Arena *mem, const char *struct_name) {
    Value *v = value_map(mem);
    v->struct_name = struct_name;
    return v;
}

void value_reserve(Value *map, Arena *mem, size_t count) {
    map->u.map.items = arena_alloc(mem, count * sizeof *map->u.map.items);
    map->u.map.cap = count;
}

void value_push(Value *list, Arena *mem, Value *item) { list_push(&list->u.list, mem, item); }

static Member *find(const Value *map, const char *key) {
    if (!map || map->kind != V_MAP)
        return NULL;
    for (size_t i = 0; i < map->u.map.len; i++)
        if (strcmp(map->u.map.items[i].key, key) == 0)
            return &map->u.map.items[i];
    return NULL;
}

static void set_member(Value *map, Arena *mem, const char *key, Member m) {
    Member *old = find(map, key);
    m.key = old ? old->key : arena_strdup(mem, key);
    if (old)
        *old = m;
    else
        list_push(&map->u.map, mem, m);
}

void value_set(Value *map, Arena *mem, const char *key, Value *item, unsigned flags) {
    set_member(map, mem, key, (Member){.value = item, .flags = flags});
}

void value_set_str(Value *map, Arena *mem, const char *key, const char *s, unsigned flags) {
    value_set(map, mem, key, value_str(mem, s), flags);
}

void value_set_int(Value *map, Arena *mem, const char *key, int64_t i, unsigned flags) {
    value_set(map, mem, key, value_int(mem, i), flags);
}

void value_set_bool(Value *map, Arena *mem, const char *key, bool b, unsigned flags) {
    value_set(map, mem, key, value_bool(mem, b), flags);
}

// A lazy member computes into the arena it was made in, so that the result outlives its asker.
typedef struct Lazy {
    Arena *mem;
    Value *(*fn)(const void *, Arena *);
    const void *arg;
} Lazy;

static Value *lazy_run(const void *arg, Arena *unused) {
    (void)unused;
    const Lazy *l = arg;
    return l->fn(l->arg, l->mem);
}

void value_set_lazy(Value *map, Arena *mem, const char *key,
                    Value *(*lazy)(const void *arg, Arena *mem), const void *arg, unsigned flags) {
    Lazy *l = NEW(mem, Lazy);
    *l = (Lazy){mem, lazy, arg};
    set_member(map, mem, key, (Member){.lazy = lazy_run, .lazy_arg = l, .flags = flags});
}

static Value *resolve(Member *m) {
    if (!m)
        return NULL;
    if (!m->value && m->lazy)
        m->value = m->lazy(m->lazy_arg, NULL);
    return m->value;
}

size_t value_len(const Value *v) {
    if (!v)
        return 0;
    switch (v->kind) {
    case V_STR:
        return v->u.s.len;
    case V_LIST:
        return v->u.list.len;
    case V_MAP:
        return v->u.map.len;
    default:
        return 0;
    }
}

Value *value_get(const Value *map, const char *key) { return resolve(find(map, key)); }

Value *value_get_fold(const Value *map, const char *key) {
    Member *m = find(map, key);
    for (size_t i = 0; !m && map && map->kind == V_MAP && i < map->u.map.len; i++)
        if (strcasecmp(map->u.map.items[i].key, key) == 0)
            m = &map->u.map.items[i];
    return resolve(m);
}

Value *value_at(const Value *list, size_t index) {
    return list && list->kind == V_LIST && index < list->u.list.len ? list->u.list.items[index]
                                                                    : NULL;
}

Value *value_member(const Value *map, size_t index) { return resolve(&map->u.map.items[index]); }

const char *value_text(const Value *v) { return v && v->kind == V_STR ? v->u.s.ptr : ""; }

const char *value_get_text(const Value *map, const char *key) {
    return value_text(value_get_fold(map, key));
}

bool value_get_bool(const Value *map, const char *key) {
    const Value *v = value_get_fold(map, key);
    return v && v->kind == V_BOOL && v->u.b;
}

int64_t value_get_int(const Value *map, const char *key) {
    const Value *v = value_get_fold(map, key);
    if (v && v->kind == V_INT)
        return v->u.i;
    if (v && v->kind == V_REAL && v->u.r > -9e18 && v->u.r < 9e18)
        return (int64_t)v->u.r;
    return 0;
}

bool value_is_empty(const Value *v) {
    if (!v)
        return true;
    switch (v->kind) {
    case V_NULL:
        return true;
    case V_BOOL:
        return !v->u.b;
    case V_INT:
        return v->u.i == 0;
    case V_REAL:
        return v->u.r == 0;
    case V_DURATION:
        return v->u.duration == 0;
    case V_TIME:
        return false; // as in Go: a struct is never "empty"
    case V_MAP:
        return !v->struct_name && v->u.map.len == 0;
    case V_STR:
    case V_LIST:
        return value_len(v) == 0;
    }
    return false;
}

static bool map_equal(const Value *a, const Value *b) {
    if (a->u.map.len != b->u.map.len)
        return false;
    for (size_t i = 0; i < a->u.map.len; i++) {
        const Value *other = value_get(b, a->u.map.items[i].key);
        if (!other || !value_equal(value_member(a, i), other))
            return false;
    }
    return true;
}

bool value_equal(const Value *a, const Value *b) {
    if (a->kind != b->kind)
        return false;
    switch (a->kind) {
    case V_NULL:
        return true;
    case V_BOOL:
        return a->u.b == b->u.b;
    case V_INT:
        return a->u.i == b->u.i;
    case V_REAL:
        return a->u.r == b->u.r;
    case V_DURATION:
        return a->u.duration == b->u.duration;
    case V_TIME:
        return time_cmp(a->u.time, b->u.time) == 0;
    case V_STR:
        return str_eq(a->u.s, b->u.s);
    case V_MAP:
        return map_equal(a, b);
    case V_LIST:
        if (a->u.list.len != b->u.list.len)
            return false;
        for (size_t i = 0; i < a->u.list.len; i++)
            if (!value_equal(a->u.list.items[i], b->u.list.items[i]))
                return false;
        return true;
    }
    return false;
}

Value *value_copy(Arena *mem, const Value *v) {
    Value *c = NEW(mem, Value);
    *c = *v;
    if (v->kind == V_STR)
        c->u.s = (Str){str_dup(mem, v->u.s), v->u.s.len};
    if (v->kind == V_LIST) {
        c->u.list.items = NULL;
        c->u.list.len = c->u.list.cap = 0;
        for (size_t i = 0; i < v->u.list.len; i++)
            value_push(c, mem, value_copy(mem, v->u.list.items[i]));
    }
    if (v->kind == V_MAP) {
        c->u.map.items = NULL;
        c->u.map.len = c->u.map.cap = 0;
        for (size_t i = 0; i < v->u.map.len; i++)
            value_set(c, mem, v->u.map.items[i].key, value_copy(mem, value_member(v, i)),
                      v->u.map.items[i].flags);
    }
    return c;
}
