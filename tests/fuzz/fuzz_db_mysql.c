// The lexer of the MySQL driver: what a text is must be consistent with its bytes, whatever they
// are.
#include <stdint.h>

#include "../../src/db/mysql/lex.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    AutoArena mem = arena_new(NULL);
    Str sql = str_slice(arena_strndup(mem, (const char *)data, size), size);
    MariaStmt s = maria_classify(sql);
    if (s.len > size || (s.empty && !s.atomic) || (s.opens && s.ends))
        BUG("a statement of %zu bytes in %zu", s.len, size);
    // What is sent instead of the text is the same statement.
    char *sent = arena_alloc(mem, s.len + 3);
    memcpy(sent, sql.ptr, s.len);
    memcpy(sent + s.len, ";\n", 3);
    MariaStmt cut = maria_classify(str_slice(sent, s.len + 2));
    if (!s.alone && (cut.empty != s.empty || cut.atomic != s.atomic || cut.many != s.many ||
                     cut.len != s.len || cut.alone))
        BUG("cut at %zu it is another", s.len);
    Buf b;
    buf_init(&b, mem, size * 4 + 100);
    maria_literal(&b, sql);
    MariaLexer l = {.p = b.ptr, .end = b.ptr + b.len};
    int tokens = 0;
    for (MariaToken t = maria_token(&l); t.kind != MARIA_END; t = maria_token(&l), tokens++)
        if (t.len == 0)
            BUG("an empty token");
    if (tokens > 6 || l.open)
        BUG("a literal of %d tokens", tokens);
    return 0;
}
