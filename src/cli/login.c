// atlas login | logout | whoami. Nothing here ever prints a token.
#include <unistd.h>

#include "cli.h"

enum { MAX_TOKEN = 64 << 10 };

static Err *read_input(const char **out, Cli *c) {
    Buf text;
    char piece[4096];
    ssize_t n;
    buf_init(&text, c->mem, MAX_TOKEN);
    while ((n = read(STDIN_FILENO, piece, sizeof piece)) > 0)
        buf_add(&text, piece, (size_t)n);
    TRY(buf_check(&text, "the token"));
    *out = text.ptr;
    return NULL;
}

static Err *read_token(const char **out, Cli *c) {
    const char *text = flag_text(&c->flags, "token"), *file = flag_text(&c->flags, "token-file");
    Str content;
    *out = text;
    if (cstr_eq(text, "-"))
        return read_input(out, c);
    if (*text)
        return NULL;
    if (*file) {
        TRY(fs_read(&content, file, MAX_TOKEN, c->mem));
        *out = content.ptr;
        return NULL;
    }
    *out = host_env(c->world->host, "ATLAS_TOKEN");
    return **out || isatty(STDIN_FILENO) ? NULL : read_input(out, c);
}

static Err *print_identity(Cli *c, Value *report) {
    static const struct {
        const char *field, *label;
    } rows[] = {{"Org", "Org"}, {"User", "User"}, {"TokenExpires", "Token expires"},
                {"GrantExpires", "Grant expires"}};
    Buf text;
    buf_init(&text, c->mem, BUF_MAX_TEXT);
    for (size_t i = 0; i < COUNT_OF(rows); i++)
        if (*value_get_text(report, rows[i].field))
            buf_printf(&text, "%s: %s\n", rows[i].label, value_get_text(report, rows[i].field));
    if (value_get_bool(report, "Offline") && !cli_has_format(c))
        log_notice("the registry %s cannot be reached: this is what the grant says, which is valid until %s",
                   value_get_text(report, "URL"), value_get_text(report, "GrantExpires"));
    return cli_print_report(c, report, text.ptr);
}

Err *cli_login(Cli *c) {
    OpsLoginParams p = {.org = c->flags.args.len ? c->flags.args.items[0] : "",
                        .grant_only = flag_bool(&c->flags, "grant-only")};
    Value *report = NULL;
    static const char *const both[] = {"token", "token-file"};
    TRY(flags_exclusive(&c->flags, both, COUNT_OF(both)));
    TRY(read_token(&p.token, c));
    TRY(ops_login(&report, &c->ops, &p, c->mem));
    return print_identity(c, report);
}

Err *cli_whoami(Cli *c) {
    Value *report = NULL;
    TRY(ops_whoami(&report, &c->ops, c->mem));
    return print_identity(c, report);
}

Err *cli_logout(Cli *c) {
    bool was = false;
    TRY(ops_logout(&was, &c->ops, c->mem));
    cli_print(was ? "You have been logged out.\n" : "You were not logged in.\n");
    return NULL;
}
