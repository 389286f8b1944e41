#include "atlas/sql.h"

static bool is_printable(char c) {
    return c >= ' ' && c <= '~';
}

static bool is_word(char c) {
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '_';
}

static Str first_line(Str s) {
    const char *nl = s.len > 0 ? memchr(s.ptr, '\n', s.len) : NULL;
    return nl ? str_slice(s.ptr, (size_t)(nl - s.ptr)) : s;
}

// Printable prefix, "atlas:", a word, spaces, the argument. `prefix` NULL: any.
static bool parse_directive(Str line, const char *prefix, SqlDirective *out, Arena *mem) {
    static const char mark[] = "atlas:";
    size_t mark_len = sizeof mark - 1, printable = 0;
    while (printable < line.len && is_printable(line.ptr[printable]))
        printable++;
    for (size_t at = printable; at-- > 0;) {
        if (printable - at <= mark_len || memcmp(line.ptr + at, mark, mark_len) != 0 ||
            !is_word(line.ptr[at + mark_len]))
            continue;
        if (prefix && (at != strlen(prefix) || memcmp(line.ptr, prefix, at) != 0))
            continue;
        size_t word = at + mark_len, end = word;
        while (end < printable && is_word(line.ptr[end]))
            end++;
        size_t arg = end;
        while (arg < printable && line.ptr[arg] == ' ')
            arg++;
        out->name = arena_strndup(mem, line.ptr + word, end - word);
        out->arg = arg > end ? arena_strndup(mem, line.ptr + arg, printable - arg) : "";
        return true;
    }
    return false;
}

static bool is_blank(Str line) {
    for (size_t i = 0; i < line.len; i++)
        if (line.ptr[i] != ' ' && line.ptr[i] != '\t' && line.ptr[i] != '\r')
            return false;
    return true;
}

size_t sql_header_len(Str content) {
    size_t at = 0;
    while (at < content.len) {
        Str line = first_line(str_slice(content.ptr + at, content.len - at));
        bool comment = (line.len >= 2 && memcmp(line.ptr, "--", 2) == 0) ||
                       (line.len >= 1 && line.ptr[0] == '#');
        bool terminated = at + line.len < content.len;
        if (!comment)
            return at > 0 && is_blank(line) ? at + line.len + terminated : 0;
        if (!terminated)
            return 0;
        at += line.len + 1;
    }
    return at;
}

SqlDirectives sql_file_directives(Str content, Arena *mem) {
    SqlDirectives list = {0};
    size_t len = sql_header_len(content);
    for (size_t at = 0; at < len;) {
        Str line = first_line(str_slice(content.ptr + at, len - at));
        char *trimmed = cstr_trim(mem, str_dup(mem, line));
        SqlDirective d = {0};
        if (parse_directive(str_from(trimmed), NULL, &d, mem))
            list_push(&list, mem, d);
        at += line.len + 1;
    }
    return list;
}

SqlDirectives sql_stmt_directives(const SqlStmt *stmt, Arena *mem) {
    static const char *const prefixes[] = {"#", "--", "-- "};
    SqlDirectives list = {0};
    for (size_t i = 0; i < stmt->comments.len; i++) {
        Str c = str_from(stmt->comments.items[i]);
        SqlDirective d = {0};
        if (cstr_starts(c.ptr, "/*")) {
            if (c.len >= 4 && !memchr(c.ptr, '\n', c.len) &&
                parse_directive(str_slice(c.ptr, c.len - 2), "/*", &d, mem))
                list_push(&list, mem, d);
            continue;
        }
        for (size_t p = 0; p < COUNT_OF(prefixes); p++)
            if (parse_directive(first_line(c), prefixes[p], &d, mem))
                list_push(&list, mem, d);
    }
    return list;
}

bool sql_first_line_directive(Str content, SqlDirective *out, Arena *mem) {
    return parse_directive(first_line(content), NULL, out, mem);
}

StrList sql_directive_args(const SqlDirectives *list, const char *name, Arena *mem) {
    StrList args = {0};
    for (size_t i = 0; i < list->len; i++)
        if (cstr_eq(list->items[i].name, name))
            list_push(&args, mem, list->items[i].arg);
    return args;
}

Str sql_add_directive(Str content, const char *text, Arena *mem) {
    Buf b;
    buf_init(&b, mem, SIZE_MAX);
    buf_printf(&b, "-- atlas:%s\n", text);
    if (sql_header_len(content) == 0)
        buf_char(&b, '\n');
    buf_add(&b, content.ptr, content.len);
    return buf_view(&b);
}
