// Diagnostics: collected while parsing and evaluating, told as one error.
#include "syntax.h"

void diag_add(Diags *d, const HclRange *range, const char *summary, const char *detail, ...) {
    va_list ap;
    va_start(ap, detail);
    Diag item = {.range = *range, .summary = summary, .detail = arena_vprintf(d->mem, detail, ap)};
    va_end(ap);
    list_push(&d->list, d->mem, item);
}

HclRange range_between(HclRange from, HclRange to) {
    return (HclRange){.file = from.file, .start = from.start, .end = to.end};
}

char *hcl_range_text(Arena *mem, const HclRange *r) {
    if (!r->file)
        return arena_strdup(mem, "<nil>");
    if (r->start.line == r->end.line)
        return arena_printf(mem, "%s:%d,%d-%d", r->file, r->start.line, r->start.column,
                            r->end.column);
    return arena_printf(mem, "%s:%d,%d-%d,%d", r->file, r->start.line, r->start.column, r->end.line,
                        r->end.column);
}

Err *diag_err(const Diags *d) {
    if (d->list.len == 0)
        return NULL;
    AutoArena tmp = arena_new(NULL);
    const Diag *first = &d->list.items[0];
    const char *where = hcl_range_text(tmp, &first->range);
    if (d->list.len == 1)
        return err_new(E_CONFIG, "%s: %s; %s", where, first->summary, first->detail);
    return err_new(E_CONFIG, "%s: %s; %s, and %zu other diagnostic(s)", where, first->summary,
                   first->detail, d->list.len - 1);
}

Err *hcl_error(const HclRange *range, const char *fmt, ...) {
    AutoArena tmp = arena_new(NULL);
    va_list ap;
    va_start(ap, fmt);
    const char *text = arena_vprintf(tmp, fmt, ap);
    va_end(ap);
    return err_new(E_CONFIG, "%s: %s", hcl_range_text(tmp, range), text);
}

Err *hcl_locate(Err *e, const HclRange *range) {
    AutoArena tmp = arena_new(NULL);
    return err_wrap(e, "%s", hcl_range_text(tmp, range));
}
