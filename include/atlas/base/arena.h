// Region memory: the only way this program allocates.
//
// An arena owns everything allocated from it and frees it at once. Arenas form a tree: freeing a
// parent frees its children first. A pointer may target only its own arena or an ancestor of it.
// Memory is zeroed. Out of memory aborts, so nothing here fails.
// Debug and sanitizer builds (ATLAS_ARENA_MALLOC) give every allocation its own malloc block.
#ifndef ATLAS_BASE_ARENA_H
#define ATLAS_BASE_ARENA_H

#include <stdarg.h>
#include <stddef.h>

#include "atlas/base/attr.h"

typedef struct Arena Arena;

// A new arena, child of `parent` (NULL: a root, to be freed by hand).
Arena *arena_new(Arena *parent) RETURNS_NONNULL;
// Runs the on-free hooks in reverse order, then frees children and memory. NULL is fine.
void arena_free(Arena *a);
// As arena_free, but `a` itself stays usable.
void arena_clear(Arena *a);

void *arena_alloc(Arena *a, size_t size) RETURNS_NONNULL;
// Grows `p` (of `old` bytes, from this arena) to `size` bytes; the new tail is zeroed.
void *arena_realloc(Arena *a, void *p, size_t old, size_t size) RETURNS_NONNULL;
char *arena_strdup(Arena *a, const char *s) RETURNS_NONNULL;
// `len` bytes and a NUL; `s` need not be terminated and may hold NULs.
char *arena_strndup(Arena *a, const char *s, size_t len) RETURNS_NONNULL;
char *arena_printf(Arena *a, const char *fmt, ...) PRINTF(2, 3) RETURNS_NONNULL;
char *arena_vprintf(Arena *a, const char *fmt, va_list ap) PRINTF(2, 0) RETURNS_NONNULL;

// Calls fn(arg) when the arena is freed or cleared: how foreign handles get closed.
void arena_on_free(Arena *a, void (*fn)(void *), void *arg);

// Bytes held now by this arena and its children (for tests and the bench).
size_t arena_size(const Arena *a);

#define NEW(arena, T) ((T *)arena_alloc((arena), sizeof(T)))
#define NEW_ARRAY(arena, T, n) ((T *)arena_alloc((arena), sizeof(T) * (n)))

void arena_free_auto(Arena **a);
// `AutoArena tmp = arena_new(NULL);` frees at the end of the scope.
#define AutoArena __attribute__((cleanup(arena_free_auto))) Arena *

#endif
