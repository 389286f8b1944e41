#include <unistd.h>

#include "atlas/server.h"
#include "cli.h"

static void announce(void *ctx, const char *address) {
    (void)ctx;
    printf("serving the registry protocol at http://%s/query\n", address);
    fflush(stdout);
}

Err *cli_registry_serve(Cli *c) {
    const char *tokens = flag_text(&c->flags, "tokens"), *url = flag_text(&c->flags, "public-url");
    ServerOptions o = {.store_url = flag_text(&c->flags, "store"),
                       .listen = flag_text(&c->flags, "listen"),
                       .tokens_file = *tokens ? tokens : NULL,
                       .public_url = *url ? url : NULL,
                       .insecure = flag_bool(&c->flags, "insecure"),
                       .loop = c->ops.loop,
                       .ready = announce,
                       .stop = c->world->cancel,
                       .reload = c->world->reload};
    *c->world->reload = 0; // from here on SIGHUP reloads
    return server_run(&o, c->mem);
}

Err *cli_registry_token_new(Cli *c) {
    const char *secret = NULL, *line = NULL;
    TRY(token_new(&secret, &line, c->world->host, flag_text(&c->flags, "name"),
                  flag_text(&c->flags, "role"), c->mem));
    printf("token: %s\nline for the tokens file: %s\n", secret, line);
    return NULL;
}

// One line a ref: status, name, target, and what is wrong.
static char *audit_text(const Value *report, Arena *mem) {
    Buf out;
    buf_init(&out, mem, BUF_MAX_TEXT);
    const Value *targets = value_get(report, "Targets");
    buf_printf(&out, "Repository %s\n", value_get_text(report, "Slug"));
    for (size_t i = 0; i < value_len(targets); i++) {
        const Value *t = value_at(targets, i), *refs = value_get(t, "Refs");
        buf_printf(&out, "\n  %s\n", value_get_text(t, "URL"));
        for (size_t k = 0; k < value_len(refs); k++) {
            const Value *r = value_at(refs, k);
            const char *error = value_get_text(r, "Error");
            buf_printf(&out, "    %-12s %-28s %.19s%s%s\n", value_get_text(r, "Status"),
                       value_get_text(r, "Name"), value_get_text(r, "Digest"), *error ? "  " : "",
                       error);
        }
        if (!value_len(refs))
            buf_str(&out, "    (empty)\n");
    }
    return out.ptr;
}

static const char *slug_of(const Cli *c) { return c->flags.args.len ? c->flags.args.items[0] : ""; }

static Err *finish_audit(Cli *c, Value *report, bool all_ok, const char *failure, const char *next) {
    TRY(cli_print_report(c, report, audit_text(report, c->mem)));
    if (all_ok)
        return NULL;
    if (cli_has_format(c))
        return err_new(E_SILENT, "the report tells");
    return err_hint(err_new(E_DAMAGED, "%s", failure), "%s", next);
}

Err *cli_registry_verify(Cli *c) {
    Value *report = NULL;
    bool all_ok = false;
    TRY(ops_registry_verify(&report, &all_ok, &c->ops, c->env, slug_of(c), c->mem));
    return finish_audit(c, report, all_ok, "some copies are not whole",
                        "atlas registry sync repairs them");
}

Err *cli_registry_sync(Cli *c) {
    Value *report = NULL;
    bool all_ok = false;
    TRY(ops_registry_sync(&report, &all_ok, &c->ops, c->env, slug_of(c),
                          flag_text(&c->flags, "from"), c->mem));
    return finish_audit(c, report, all_ok, "some copies could not be made whole",
                        "see the lines that failed above, mend their cause and run it again");
}
