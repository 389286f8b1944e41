#include "cli.h"

#include <unistd.h>

#include "atlas/report.h"
#include "atlas/tmpl.h"

void cli_print(const char *text) { fputs(text, stdout); }

bool cli_has_format(const Cli *c) { return *flag_text(&c->flags, "format") != 0; }

static bool has_colour(const Cli *c) {
    const Host *h = c->world->host;
    return isatty(STDOUT_FILENO) && !*host_env(h, "NO_COLOR") &&
           !cstr_eq(host_env(h, "TERM"), "dumb");
}

// {{ default . }} of a status report: its standard text. (Elsewhere `default` takes a fallback.)
static Err *fn_default(const TmplOptions *options, Value *const *args, size_t n, Value **out,
                       Arena *mem) {
    (void)options, (void)n;
    Buf text;
    buf_init(&text, mem, BUF_MAX_TEXT);
    if (args[0])
        report_status_text(&text, args[0]);
    *out = value_bytes(mem, buf_view(&text));
    return NULL;
}

static const TmplFunc status_func[] = {{"default", 1, 1, fn_default}};
static const TmplFuncs status_funcs = {status_func, COUNT_OF(status_func), &tmpl_shared_funcs};

Err *cli_render(char **out, Cli *c, Value *report, Arena *mem) {
    const char *text = flag_text(&c->flags, "format");
    Tmpl *t = NULL;
    Buf rendered;
    *out = NULL;
    if (!*text)
        return NULL;
    buf_init(&rendered, mem, BUF_MAX_TEXT);
    bool is_status = value_get(report, "Status") != NULL;
    TRY(tmpl_parse(&t, "format", text, is_status ? &status_funcs : &tmpl_shared_funcs, mem));
    TRY(tmpl_run(&rendered, t, NULL, report, &(TmplOptions){.colour = has_colour(c)}));
    *out = rendered.ptr;
    return buf_check(&rendered, "the output");
}

Err *cli_print_report(Cli *c, Value *report, const char *text) {
    char *rendered = NULL;
    TRY(cli_render(&rendered, c, report, c->mem));
    cli_print(rendered ? rendered : text);
    return NULL;
}

void cli_warn(const Cli *c, const StrList *warnings) {
    if (cli_has_format(c))
        return;
    for (size_t i = 0; i < warnings->len; i++)
        log_warn("%s", warnings->items[i]);
}

Err *cli_checksum_help(Err *e, const MigrateSumError *where) {
    if (err_code(e) != E_CHECKSUM)
        return e;
    printf("You have a checksum error in your migration directory.\n");
    if (where && where->line > 0)
        printf("\n\tL%d: %s was %s\n", where->line, where->file, where->reason);
    printf("\nPlease check your migration files and run\n\n\tatlas migrate hash\n\n"
           "to re-hash the contents and resolve the error.\n\n");
    return e;
}

Err *cli_context(Value **out, Cli *c) {
    const char *text = flag_text(&c->flags, "context");
    *out = NULL;
    if (!*text)
        return NULL;
    Err *e = json_parse(out, str_from(text), NULL, c->mem);
    if (!e && (*out)->kind != V_MAP)
        e = err_new(E_USAGE, "it is not a JSON object");
    return e ? err_wrap(e, "invalid --context") : NULL;
}
