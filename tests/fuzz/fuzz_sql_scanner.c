// First byte: the options. Texts must be parts of the input, in order.
#include "atlas/sql.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    if (size == 0)
        return 0;
    AutoArena mem = arena_new(NULL);
    Str input = str_slice((const char *)data + 1, size - 1);
    SqlStmts list = {0};
    err_free(sql_scan(&list, input, data[0] & 63, "fuzz.sql", mem));
    size_t last = 0;
    for (size_t i = 0; i < list.len; i++) {
        const SqlStmt *s = &list.items[i];
        if (s->text.len == 0 || s->pos < last || s->pos + s->text.len > input.len)
            BUG("statement %zu at %zu+%zu", i, s->pos, s->text.len);
        last = s->pos + s->text.len;
        (void)sql_stmt_directives(s, mem);
    }
    (void)sql_file_directives(input, mem);
    SqlDirective d = {0};
    (void)sql_first_line_directive(input, &d, mem);
    return 0;
}
