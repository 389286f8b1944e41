// A grant as a shared cache may hold it: whatever decodes was signed by us, and encodes to itself.
#include "atlas/grant.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    AutoArena mem = arena_new(NULL);
    Grant g;
    static const char token[] = "aci_0123456789abcdef0123456789abcdef";
    Str text = {arena_strndup(mem, (const char *)data, size), size};
    AutoErr e = grant_decode(&g, text, token, "https://r.example/query", &host_system, mem);
    if (err_code(e) == E_DAMAGED)
        return 0;
    Grant again;
    AutoErr bad = grant_decode(&again, str_from(grant_encode(&g, token, mem)), token,
                               "https://r.example/query", &host_system, mem);
    if (err_code(bad) != err_code(e))
        BUG("a grant is not what it was");
    return 0;
}
