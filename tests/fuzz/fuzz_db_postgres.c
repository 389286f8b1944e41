// What the PostgreSQL driver reads from a statement before it runs.
#include "../../src/db/driver.h"

Err *postgres_refuse(Str sql, bool in_transaction) MUST_USE;
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    AutoArena mem = arena_new(NULL);
    Str sql = str_slice(arena_strndup(mem, (const char *)data, size), size);
    bool atomic = db_postgres.is_atomic(sql);
    AutoErr inside = postgres_refuse(sql, true);
    AutoErr outside = postgres_refuse(sql, false);
    if (outside && !inside)
        BUG("refused outside of a transaction only");
    (void)atomic;
    return 0;
}
