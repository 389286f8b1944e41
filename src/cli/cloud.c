// atlas cloud repo create | list | describe.
#include "atlas/report.h"
#include "cli.h"

static Err *print_repo(Cli *c, Value *report) {
    Buf text;
    buf_init(&text, c->mem, BUF_MAX_TEXT);
    report_repo_text(&text, report);
    return cli_print_report(c, report, text.ptr);
}

Err *cli_repo_create(Cli *c) {
    OpsRepoParams p = {.env = c->env,
                       .name = flag_text(&c->flags, "name"),
                       .type = flag_text(&c->flags, "type"),
                       .driver = flag_text(&c->flags, "driver"),
                       .skip_if_exists = flag_bool(&c->flags, "skip-if-exists")};
    Value *report = NULL;
    bool existed = false;
    TRY(ops_repo_create(&report, &existed, &c->ops, &p, c->mem));
    if (existed)
        log_notice("repository \"%s\" already exists, nothing to do", p.name);
    return print_repo(c, report);
}

Err *cli_repo_list(Cli *c) {
    Value *report = NULL;
    StrList warnings = {0};
    Buf text;
    uint64_t page = flag_uint(&c->flags, "page");
    if (page == 0)
        return err_new(E_USAGE, "--page counts from 1");
    TRY(ops_repo_list(&report, &warnings, &c->ops, c->env, page, c->mem));
    cli_warn(c, &warnings);
    buf_init(&text, c->mem, BUF_MAX_TEXT);
    report_repos_text(&text, report);
    return cli_print_report(c, report, text.ptr);
}

Err *cli_repo_describe(Cli *c) {
    static const char *const names[] = {"slug", "id", "name"};
    Value *report = NULL;
    StrList warnings = {0};
    size_t given = 0;
    for (size_t i = 0; i < COUNT_OF(names); i++)
        given += *flag_text(&c->flags, names[i]) != 0;
    if (given != 1)
        return err_new(E_USAGE, "exactly one of --slug, --id and --name is needed");
    TRY(ops_repo_describe(&report, &warnings, &c->ops, c->env, flag_text(&c->flags, "slug"),
                          flag_text(&c->flags, "id"), flag_text(&c->flags, "name"), c->mem));
    cli_warn(c, &warnings);
    return print_repo(c, report);
}
