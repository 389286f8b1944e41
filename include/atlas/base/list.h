// Growing arrays: `LIST(T)` is a struct {items, len, cap}; zero-initialised is empty.
#ifndef ATLAS_BASE_LIST_H
#define ATLAS_BASE_LIST_H

#include <stddef.h>

#include "atlas/base/arena.h"

#define LIST(T)                                                                                    \
    struct {                                                                                       \
        T *items;                                                                                  \
        size_t len, cap;                                                                           \
    }

// The new capacity for one more item.
size_t list_grow(size_t cap);

// Appends a value; memory comes from `mem`, which must be the same for all appends of a list.
#define list_push(list, mem, ...)                                                                  \
    do {                                                                                           \
        if ((list)->len == (list)->cap) {                                                          \
            size_t list_cap = list_grow((list)->cap);                                              \
            (list)->items = arena_realloc((mem), (list)->items,                                    \
                                          (list)->cap * sizeof *(list)->items,                     \
                                          list_cap * sizeof *(list)->items);                       \
            (list)->cap = list_cap;                                                                \
        }                                                                                          \
        (list)->items[(list)->len++] = (__VA_ARGS__);                                              \
    } while (0)

#define list_last(list) ((list)->items[(list)->len - 1])

#endif
