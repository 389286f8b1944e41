#include <unistd.h>

#include "atlas/report.h"
#include "atlas/server.h"
#include "cli.h"

static void announce(void *ctx, const char *address) {
    (void)ctx;
    printf("serving the registry protocol at http://%s/query\n", address);
    fflush(stdout);
}

enum { MAX_KEY_FILE = 64 << 10 };

Err *cli_registry_serve(Cli *c) {
    const char *key_file = flag_text(&c->flags, "sign-key");
    Str key = {0};
    if (*key_file)
        TRY(fs_read(&key, key_file, MAX_KEY_FILE, c->mem));
    const char *tokens = flag_text(&c->flags, "tokens"), *url = flag_text(&c->flags, "public-url");
    ServerOptions o = {.store_url = flag_text(&c->flags, "store"),
                       .listen = flag_text(&c->flags, "listen"),
                       .tokens_file = *tokens ? tokens : NULL,
                       .public_url = *url ? url : NULL,
                       .sign_key = key.ptr,
                       .insecure = flag_bool(&c->flags, "insecure"),
                       .single_writer = flag_bool(&c->flags, "single-writer"),
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

Err *cli_registry_key_new(Cli *c) {
    const char *private_key = NULL, *public_key = NULL;
    TRY(registry_key_new(&private_key, &public_key, c->mem));
    printf("private key, for ATLAS_SIGN_KEY of jobs that push:\n  %s\n"
           "public key, for repo { verify = [...] } in atlas.hcl:\n  %s\n", private_key, public_key);
    return NULL;
}

static const char *slug_of(const Cli *c) { return c->flags.args.len ? c->flags.args.items[0] : ""; }

static Err *finish_audit(Cli *c, Value *report, bool all_ok, const char *failure, const char *next) {
    Buf text;
    buf_init(&text, c->mem, BUF_MAX_TEXT);
    report_audit_text(&text, report);
    TRY(cli_print_report(c, report, text.ptr));
    if (all_ok)
        return NULL;
    if (cli_has_format(c))
        return err_new(E_SILENT, "the report tells");
    return err_hint(err_new(E_DAMAGED, "%s", failure), "%s", next);
}

Err *cli_registry_verify(Cli *c) {
    Value *report = NULL;
    bool all_ok = false;
    TRY(ops_registry_verify(&report, &all_ok, &c->ops, c->env, slug_of(c),
                            cli_progress(c, c->mem), c->mem));
    return finish_audit(c, report, all_ok, "some copies are not whole",
                        "atlas registry sync repairs them");
}

Err *cli_registry_sync(Cli *c) {
    Value *report = NULL;
    bool all_ok = false;
    TRY(ops_registry_sync(&report, &all_ok, &c->ops, c->env, slug_of(c),
                          flag_text(&c->flags, "from"), cli_progress(c, c->mem), c->mem));
    return finish_audit(c, report, all_ok, "some copies could not be made whole",
                        "see the lines that failed above, mend their cause and run it again");
}
