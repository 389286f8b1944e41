// A string-keyed hash map that keeps insertion order. Keys are copied into its arena.
#ifndef ATLAS_BASE_MAP_H
#define ATLAS_BASE_MAP_H

#include <stdbool.h>
#include <stddef.h>

#include "atlas/base/arena.h"

typedef struct MapEntry {
    const char *key;
    void *value;
} MapEntry;

typedef struct Map {
    Arena *mem;
    MapEntry *entries; // in order of insertion, `len` of them
    size_t len, cap;
    size_t *slots; // index+1 into entries, 0 = free
    size_t slot_count;
} Map;

void map_init(Map *m, Arena *mem);
Map *map_new(Arena *mem) RETURNS_NONNULL;
// Sets or replaces; a replaced key keeps its place.
void map_set(Map *m, const char *key, void *value);
void *map_get(const Map *m, const char *key); // NULL if absent
bool map_has(const Map *m, const char *key);

#endif
