// First byte: the format. The rest is a sum file and, behind a line "===", a migration file.
#include "atlas/migrate.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    if (size == 0)
        return 0;
    AutoArena mem = arena_new(NULL);
    Str all = str_slice((const char *)data + 1, size - 1);
    const char *mark = memmem(all.ptr, all.len, "\n===\n", 5);
    size_t len = mark ? (size_t)(mark - all.ptr) : all.len;
    MigrateFile file = {.name = "1_a.sql", .version = "1", .description = "a", .tag = ""};
    file.format = (MigrateFormat)(data[0] % (MIGRATE_FLYWAY + 1));
    file.content = mark ? str_slice(mark + 5, all.len - len - 5) : str_slice("", 0);
    MigrateDir dir = {.url = "", .has_sum = true, .sum = str_slice(all.ptr, len)};
    list_push(&dir.files, mem, file);
    MigrateSumError where = {0};
    SqlStmts stmts = {0};
    MigrateChecks checks = {0};
    err_free(migrate_dir_verify(&dir, &where, mem));
    err_free(migrate_file_stmts(&stmts, &file, SQL_POSTGRES, mem));
    err_free(migrate_file_checks(&checks, &file, SQL_SQLITE, mem));
    (void)migrate_sum_total(dir.sum, mem);
    dir.sum = migrate_sum_text(&dir.files, mem);
    Err *e = migrate_dir_verify(&dir, &where, mem);
    if (e)
        BUG("a fresh sum: %s", err_text(e));
    return 0;
}
