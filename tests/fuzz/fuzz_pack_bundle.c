// A cached archive of anybody: the limits hold, and what can be read can be written and read again.
#include <stdio.h>

#include "atlas/pack.h"

enum { MAX_BYTES = 4096, MAX_ENTRIES = 8 };

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static Err *read_bundle(PackEntries *out, Str bundle, Arena *mem) {
    return pack_read_bundle(out, bundle, MAX_BYTES, MAX_ENTRIES, mem);
}

// What was read before an error counts as well: it is in memory.
static void check_limits(const PackEntries *list) {
    size_t total = 0;
    for (size_t i = 0; i < list->len; i++) {
        if (!list->items[i].name)
            BUG("entry %zu has no name", i);
        total += list->items[i].content.len;
    }
    if (total > MAX_BYTES || list->len > MAX_ENTRIES)
        BUG("over the limits: %zu bytes, %zu entries", total, list->len);
}

// Names that a plain archive cannot hold (over 100 bytes, a trailing slash) are left out.
static bool is_plain(const PackEntry *e) {
    size_t len = strlen(e->name);
    return len > 0 && len < 100 && e->name[len - 1] != '/' && utf8_valid(e->name, len);
}

// Headers of a plain tar get the sum they should have: a mutation would end at it else.
static Str with_sums(const uint8_t *data, size_t size, Arena *mem) {
    enum { BLOCK = 512, AT = 148, LEN = 8 };
    char *copy = arena_strndup(mem, (const char *)data, size);
    for (char *b = copy; (size_t)(copy + size - b) >= BLOCK; b += BLOCK) {
        unsigned sum = ' ' * LEN;
        if (memcmp(b + 257, "ustar", 5) != 0)
            continue;
        for (size_t i = 0; i < BLOCK; i++)
            sum += i >= AT && i < AT + LEN ? 0 : (unsigned char)b[i];
        snprintf(b + AT, LEN, "%06o", sum);
        b[AT + LEN - 1] = ' ';
    }
    return str_slice(copy, size);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    AutoArena mem = arena_new(NULL);
    PackEntries list = {0}, plain = {0}, again = {0};
    Str bundle;
    AutoErr damaged = read_bundle(&list, with_sums(data, size, mem), mem);
    check_limits(&list);
    if (damaged && err_code(damaged) != E_DAMAGED && err_code(damaged) != E_TOO_LARGE)
        BUG("%s", err_text(damaged));
    for (size_t i = 0; i < list.len; i++)
        if (is_plain(&list.items[i]))
            list_push(&plain, mem, list.items[i]);
    AutoErr e = pack_write_bundle(&bundle, &plain, mem);
    AutoErr bad = e ? NULL : read_bundle(&again, bundle, mem);
    if (e || bad || again.len != plain.len)
        BUG("round trip: %s", e || bad ? err_text(e ? e : bad) : "count");
    for (size_t i = 0; i < plain.len; i++)
        if (!cstr_eq(plain.items[i].name, again.items[i].name) ||
            !str_eq(plain.items[i].content, again.items[i].content))
            BUG("entry %zu differs", i);
    return 0;
}
