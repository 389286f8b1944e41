#include "atlas/base/arena.h"

#include <stdalign.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "atlas/base/err.h"
#include "atlas/base/list.h"

// Small allocations are carved from chunks; one over BIG_SIZE gets a block of its own, so that it
// can grow in place. With ATLAS_ARENA_MALLOC everything is "big": AddressSanitizer sees it all.
#ifdef ATLAS_ARENA_MALLOC
enum { BIG_SIZE = 0, FIRST_CHUNK = 1024, CHUNK_SIZE = 4096 };
#else
enum { BIG_SIZE = 4096, FIRST_CHUNK = 1024, CHUNK_SIZE = 16384 };
#endif
enum { ALIGN = alignof(max_align_t) };

typedef struct Block Block;
struct Block {
    Block *next, *prev;
    size_t size;
    alignas(max_align_t) char data[];
};

typedef struct Hook Hook;
struct Hook {
    Hook *next;
    void (*fn)(void *);
    void *arg;
};

struct Arena {
    Arena *parent, *child, *next, *prev; // siblings form a list below the parent
    Block *blocks;
    char *free_ptr, *free_end; // the rest of the newest chunk
    char *last;                // the newest carved allocation, which may grow in place
    Hook *hooks;
    size_t size;
};

static void *xmalloc(size_t size) {
    void *p = calloc(1, size);
    if (!p)
        BUG("out of memory (%zu bytes)", size);
    return p;
}

Arena *arena_new(Arena *parent) {
    Arena *a = xmalloc(sizeof *a);
    a->parent = parent;
    if (parent) {
        a->next = parent->child;
        if (a->next)
            a->next->prev = a;
        parent->child = a;
    }
    return a;
}

static Block *block_add(Arena *a, size_t size) {
    if (size > SIZE_MAX - sizeof(Block))
        BUG("allocation of %zu bytes", size);
    Block *b = xmalloc(sizeof *b + size);
    b->size = size;
    b->next = a->blocks;
    if (b->next)
        b->next->prev = b;
    a->blocks = b;
    a->size += size;
    return b;
}

static size_t align_up(size_t size) {
    if (size > SIZE_MAX - ALIGN)
        BUG("allocation of %zu bytes", size);
    return (size + ALIGN - 1) & ~(size_t)(ALIGN - 1);
}

// Small first, as most arenas are scratch of one function, then doubling.
static size_t next_chunk(const Arena *a, size_t size) {
    size_t chunk = a->size < FIRST_CHUNK ? FIRST_CHUNK : a->size;
    return chunk < size || chunk > CHUNK_SIZE ? CHUNK_SIZE : chunk;
}

void *arena_alloc(Arena *a, size_t size) {
    if (size == 0)
        size = 1;
    if (size > BIG_SIZE)
        return block_add(a, size)->data;
    size = align_up(size);
    if ((size_t)(a->free_end - a->free_ptr) < size) {
        Block *chunk = block_add(a, next_chunk(a, size));
        a->free_ptr = chunk->data;
        a->free_end = chunk->data + chunk->size;
    }
    a->last = a->free_ptr;
    a->free_ptr += size;
    return a->last;
}

static void *block_grow(Arena *a, void *p, size_t old, size_t size) {
    Block *b = (Block *)(void *)((char *)p - offsetof(Block, data));
    Block *moved = realloc(b, sizeof *b + size);
    if (!moved)
        BUG("out of memory (%zu bytes)", size);
    if (moved->prev)
        moved->prev->next = moved;
    else
        a->blocks = moved;
    if (moved->next)
        moved->next->prev = moved;
    a->size += size - moved->size;
    moved->size = size;
    memset(moved->data + old, 0, size - old);
    return moved->data;
}

void *arena_realloc(Arena *a, void *p, size_t old, size_t size) {
    if (!p || old == 0)
        return arena_alloc(a, size);
    if (size <= old)
        return p;
    if (old > BIG_SIZE)
        return block_grow(a, p, old, size);
    if (p == a->last && size <= BIG_SIZE && a->last + align_up(size) <= a->free_end) {
        a->free_ptr = a->last + align_up(size);
        return p;
    }
    void *fresh = arena_alloc(a, size);
    memcpy(fresh, p, old);
    return fresh;
}

char *arena_strndup(Arena *a, const char *s, size_t len) {
    char *p = arena_alloc(a, len + 1);
    if (len)
        memcpy(p, s, len);
    return p;
}

char *arena_strdup(Arena *a, const char *s) { return arena_strndup(a, s, strlen(s)); }

char *arena_vprintf(Arena *a, const char *fmt, va_list ap) {
    char small[256];
    va_list again;
    va_copy(again, ap);
    int n = vsnprintf(small, sizeof small, fmt, ap);
    if (n < 0)
        BUG("bad format %s", fmt);
    char *p = arena_alloc(a, (size_t)n + 1);
    if ((size_t)n < sizeof small)
        memcpy(p, small, (size_t)n + 1);
    else
        vsnprintf(p, (size_t)n + 1, fmt, again);
    va_end(again);
    return p;
}

char *arena_printf(Arena *a, const char *fmt, ...) {
    va_list ap;
    va_start(ap, fmt);
    char *p = arena_vprintf(a, fmt, ap);
    va_end(ap);
    return p;
}

void arena_on_free(Arena *a, void (*fn)(void *), void *arg) {
    Hook *h = xmalloc(sizeof *h);
    *h = (Hook){a->hooks, fn, arg};
    a->hooks = h;
}

void arena_clear(Arena *a) {
    // A hook may still use what lives here and below, so hooks go first.
    while (a->hooks) {
        Hook *h = a->hooks;
        a->hooks = h->next;
        h->fn(h->arg);
        free(h);
    }
    while (a->child)
        arena_free(a->child);
    while (a->blocks) {
        Block *b = a->blocks;
        a->blocks = b->next;
        free(b);
    }
    a->free_ptr = a->free_end = a->last = NULL;
    a->size = 0;
}

void arena_free(Arena *a) {
    if (!a)
        return;
    arena_clear(a);
    if (a->prev)
        a->prev->next = a->next;
    else if (a->parent)
        a->parent->child = a->next;
    if (a->next)
        a->next->prev = a->prev;
    free(a);
}

void arena_free_auto(Arena **a) { arena_free(*a); }

size_t arena_size(const Arena *a) {
    size_t sum = a->size;
    for (const Arena *c = a->child; c; c = c->next)
        sum += arena_size(c);
    return sum;
}

size_t list_grow(size_t cap) { return cap ? cap * 2 : 8; }
