#include "atlas/base/map.h"

#include <stdint.h>
#include <string.h>

static uint64_t hash(const char *s) { // FNV-1a
    uint64_t h = 14695981039346656037u;
    for (; *s; s++)
        h = (h ^ (unsigned char)*s) * 1099511628211u;
    return h;
}

void map_init(Map *m, Arena *mem) { *m = (Map){.mem = mem}; }

Map *map_new(Arena *mem) {
    Map *m = NEW(mem, Map);
    map_init(m, mem);
    return m;
}

// The slot that holds `key`, or the free one where it belongs.
static size_t find(const Map *m, const char *key) {
    size_t i = hash(key) & (m->slot_count - 1);
    while (m->slots[i] && strcmp(m->entries[m->slots[i] - 1].key, key) != 0)
        i = (i + 1) & (m->slot_count - 1);
    return i;
}

static void grow(Map *m) {
    size_t cap = m->cap ? m->cap * 2 : 8;
    m->entries = arena_realloc(m->mem, m->entries, m->cap * sizeof *m->entries,
                               cap * sizeof *m->entries);
    m->cap = cap;
    m->slot_count = cap * 2;
    m->slots = NEW_ARRAY(m->mem, size_t, m->slot_count);
    for (size_t i = 0; i < m->len; i++)
        m->slots[find(m, m->entries[i].key)] = i + 1;
}

void map_set(Map *m, const char *key, void *value) {
    if (m->len == m->cap)
        grow(m);
    size_t slot = find(m, key);
    if (m->slots[slot]) {
        m->entries[m->slots[slot] - 1].value = value;
        return;
    }
    m->entries[m->len++] = (MapEntry){arena_strdup(m->mem, key), value};
    m->slots[slot] = m->len;
}

static const MapEntry *entry(const Map *m, const char *key) {
    if (!m || !m->len)
        return NULL;
    size_t at = m->slots[find(m, key)];
    return at ? &m->entries[at - 1] : NULL;
}

void *map_get(const Map *m, const char *key) {
    const MapEntry *e = entry(m, key);
    return e ? e->value : NULL;
}

bool map_has(const Map *m, const char *key) { return entry(m, key) != NULL; }
