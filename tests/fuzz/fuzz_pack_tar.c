// What can be read can be written and read again.
#include "atlas/pack.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    AutoArena mem = arena_new(NULL);
    PackEntries list = {0}, again = {0};
    Str tar = {0};
    Err *e = pack_untar(&list, str_slice((const char *)data, size), mem);
    if (e) {
        err_free(e);
        return 0;
    }
    for (size_t i = 0; i < list.len; i++)
        if (!utf8_valid(list.items[i].name, strlen(list.items[i].name)))
            return 0;
    e = pack_tar(&tar, &list, mem);
    if (!e)
        e = pack_untar(&again, tar, mem);
    if (e || again.len != list.len)
        BUG("round trip: %s", e ? err_text(e) : "count");
    for (size_t i = 0; i < list.len; i++)
        if (!cstr_eq(list.items[i].name, again.items[i].name) ||
            !str_eq(list.items[i].content, again.items[i].content))
            BUG("entry %zu differs", i);
    return 0;
}
