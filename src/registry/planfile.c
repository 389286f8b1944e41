// The plan file: what a reviewer reads and an approval binds to.
#include "atlas/hcl.h"
#include "atlas/registry.h"

// A template text: what would start an interpolation is doubled.
static char *literal(Arena *mem, const char *text) {
    return cstr_replace(mem, cstr_replace(mem, text, "${", "$${"), "%{", "%%{");
}

static void write_quoted(Buf *out, const char *text, Arena *mem) {
    static const char special[] = "\"\\\n\r\t", letters[] = "\"\\nrt";
    buf_char(out, '"');
    for (const char *p = literal(mem, text); *p; p++) {
        const char *at = strchr(special, *p);
        if (at)
            buf_printf(out, "\\%c", letters[at - special]);
        else if ((unsigned char)*p < 0x20)
            buf_printf(out, "\\u%04x", (unsigned)*p);
        else
            buf_char(out, *p);
    }
    buf_char(out, '"');
}

// A word that no line of the text starts with.
static const char *delimiter(const char *text, Arena *mem) {
    const char *word = "SQL";
    for (int n = 1; strstr(text, word); n++)
        word = arena_printf(mem, "SQL%d", n);
    return word;
}

Str plan_file_text(const PlanSpec *spec, Arena *mem) {
    Buf out;
    buf_init(&out, mem, SIZE_MAX);
    buf_str(&out, "plan ");
    write_quoted(&out, spec->name, mem);
    buf_str(&out, " {\n  from      = ");
    write_quoted(&out, spec->from, mem);
    buf_str(&out, "\n  to        = ");
    write_quoted(&out, spec->to, mem);
    buf_str(&out, "\n  migration = ");
    if (cstr_ends(spec->migration, "\n") && !strchr(spec->migration, '\r')) {
        const char *end = delimiter(spec->migration, mem);
        buf_printf(&out, "<<%s\n%s%s\n", end, literal(mem, spec->migration), end);
    } else { // a heredoc ends in a newline
        write_quoted(&out, spec->migration, mem);
        buf_char(&out, '\n');
    }
    buf_str(&out, "}\n");
    return buf_view(&out);
}

static Err *read_text(const char **out, const HclBlock *b, const char *name, Arena *mem) {
    const HclAttr *a = hcl_body_attr(b->body, name);
    const HclValue *v = NULL;
    HclEnv env = {.host = &host_system};
    HclScope scope;
    if (!a)
        return hcl_error(&b->range, "the plan has no \"%s\"", name);
    hcl_scope_init(&scope, NULL, mem);
    TRY(hcl_eval(&v, a->expr, &scope, &env, mem));
    HclRange range = hcl_expr_range(a->expr);
    Value *plain = hcl_to_value(mem, v);
    if (plain->kind != V_STR)
        return hcl_error(&range, "\"%s\" is not a string", name);
    *out = value_text(plain);
    return NULL;
}

Err *plan_file_parse(PlanSpec *out, Str text, Arena *mem) {
    HclFile *file = NULL;
    TRY(hcl_parse(&file, "plan.hcl", text, mem));
    const HclBlock *b = file->body->blocks.len == 1 ? file->body->blocks.items[0] : NULL;
    if (!b || !cstr_eq(b->type, "plan") || b->labels.len != 1)
        return err_new(E_SYNTAX, "a plan file holds one block plan \"name\" { ... }");
    *out = (PlanSpec){.name = b->labels.items[0]};
    TRY(read_text(&out->from, b, "from", mem));
    TRY(read_text(&out->to, b, "to", mem));
    return read_text(&out->migration, b, "migration", mem);
}
