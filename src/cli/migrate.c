#include <errno.h>
#include <sys/wait.h>
#include <unistd.h>

#include "atlas/report.h"
#include "cli.h"

// --- apply --------------------------------------------------------------------------------------

typedef struct Show {
    Cli *cli;
    const Progress *progress;
    size_t shown;
    Err *error; // of the template
} Show;

static void show_progress(void *ctx, const MigrateEvent *event) {
    const Show *s = ctx;
    if (!s->progress->step)
        return;
    bool ended = event->kind == MIGRATE_EVENT_FILE_DONE;
    s->progress->step(s->progress->ctx, event->file_index + ended, event->file_count,
                      event->file->name);
}

static const char *show_run(void *ctx, const OpsRun *run, Arena *mem) {
    Show *s = ctx;
    char *text = NULL;
    if (!run->report || s->error)
        return NULL;
    if (s->progress->step)
        s->progress->step(s->progress->ctx, 1, 1, ""); // clears the bar
    for (size_t i = 0; !cli_has_format(s->cli) && i < run->applied.warnings.len; i++)
        log_warn("%s", run->applied.warnings.items[i]);
    s->error = cli_render(&text, s->cli, run->report, mem);
    if (s->error)
        return NULL;
    if (!text) {
        Buf plain;
        buf_init(&plain, mem, BUF_MAX_TEXT);
        report_apply_text(&plain, run->report);
        text = plain.ptr;
    }
    if (s->shown++ && cli_has_format(s->cli))
        cli_print("\n");
    cli_print(text);
    fflush(stdout);
    return text;
}

static void show_warning(void *ctx, const char *text) {
    const Show *s = ctx;
    if (!cli_has_format(s->cli))
        log_warn("%s", text);
}

static Err *parse_amount(int64_t *out, const Cli *c) {
    uint64_t n = 0;
    *out = 0;
    if (!c->flags.args.len)
        return NULL;
    if (!cstr_to_u64(c->flags.args.items[0], INT64_MAX, &n) || n == 0)
        return err_new(E_USAGE, "cannot apply \"%s\" migration files: the amount is a number from 1 on",
                       c->flags.args.items[0]);
    *out = (int64_t)n;
    return NULL;
}

// With a template the report has said it all.
static Err *apply_error(Cli *c, const OpsApply *result, Err *e) {
    const OpsRun *last = result->runs.len ? &list_last(&result->runs) : NULL;
    if (!e || !last)
        return e;
    if (last->applied.notice)
        cli_print(last->applied.notice);
    e = cli_checksum_help(e, &last->applied.sum);
    if (cli_has_format(c) && last->report) {
        err_free(e);
        return err_new(E_SILENT, "the report tells the error");
    }
    return e;
}

Err *cli_migrate_apply(Cli *c) {
    OpsApply result;
    OpsTarget *targets = NULL;
    Value *context = NULL;
    Show show = {.cli = c};
    OpsApplyParams p = {.to_version = flag_text(&c->flags, "to-version"),
                        .allow_dirty = flag_bool(&c->flags, "allow-dirty"),
                        .dry_run = flag_bool(&c->flags, "dry-run"),
                        .in_flight = flag_text(&c->flags, "in-flight"),
                        .concurrency = (size_t)flag_uint(&c->flags, "concurrent"),
                        .continue_on_error = flag_bool(&c->flags, "continue-on-error"),
                        .progress = cli_progress(c, c->mem),
                        .event = show_progress,
                        .warn = show_warning,
                        .show = show_run,
                        .ctx = &show};
    show.progress = p.progress;
    TRY(parse_amount(&p.amount, c));
    TRY(cli_context(&context, c));
    TRY(cli_targets(&targets, &p.target_count, c, c->mem));
    p.targets = targets;
    p.context = context;
    Err *e = ops_migrate_apply(&result, &c->ops, &p, c->mem);
    if (show.error) {
        err_free(e);
        return show.error;
    }
    if (result.report_error)
        fprintf(stderr, "Error: %s\n", log_redact(c->mem, result.report_error));
    if (result.link && !cli_has_format(c))
        printf("%s\n", result.link);
    return apply_error(c, &result, e);
}

// --- push ---------------------------------------------------------------------------------------

Err *cli_migrate_push(Cli *c) {
    OpsPush push;
    Value *context = NULL;
    TRY(cli_context(&context, c));
    OpsPushParams p = {.env = c->env,
                       .dir_url = flag_text(&c->flags, "dir"),
                       .format = flag_text(&c->flags, "dir-format"),
                       .name = c->flags.args.len ? c->flags.args.items[0] : "",
                       .tag = flag_text(&c->flags, "tag"),
                       .dev_url = flag_text(&c->flags, "dev-url"),
                       .context = context,
                       .min_copies = (int)flag_uint(&c->flags, "min-copies")};
    Err *e = ops_migrate_push(&push, &c->ops, &p, c->mem);
    cli_warn(c, &push.result.warnings);
    if (e)
        return cli_checksum_help(e, &push.sum);
    const char *page = cstr_or(push.result.link, push.result.url);
    return cli_print_report(c, push.report, arena_printf(c->mem, "%s\n", page));
}

// --- status, set --------------------------------------------------------------------------------

static Err *one_target(OpsTarget *out, Cli *c) {
    OpsTarget *targets = NULL;
    size_t count;
    TRY(cli_targets(&targets, &count, c, c->mem));
    *out = targets[0];
    return NULL;
}

Err *cli_migrate_status(Cli *c) {
    OpsTarget target;
    Value *report = NULL;
    MigrateSumError sum = {0};
    const char *notice = NULL;
    StrList warnings = {0};
    TRY(one_target(&target, c));
    Err *e = ops_migrate_status(&report, &sum, &notice, &c->ops, &target, &warnings, c->mem);
    cli_warn(c, &warnings);
    if (notice)
        cli_print(notice);
    if (e)
        return cli_checksum_help(e, &sum);
    Buf text;
    buf_init(&text, c->mem, BUF_MAX_TEXT);
    report_status_text(&text, report);
    return cli_print_report(c, report, text.ptr);
}

Err *cli_migrate_set(Cli *c) {
    OpsTarget target;
    Value *report = NULL;
    MigrateSumError sum = {0};
    const char *notice = NULL;
    StrList warnings = {0};
    const char *version = c->flags.args.len ? c->flags.args.items[0] : "";
    TRY(one_target(&target, c));
    Err *e = ops_migrate_set(&report, &sum, &notice, &c->ops, &target, version, &warnings, c->mem);
    cli_warn(c, &warnings);
    if (notice)
        cli_print(notice);
    if (e)
        return cli_checksum_help(e, &sum);
    Buf text;
    buf_init(&text, c->mem, BUF_MAX_TEXT);
    report_set_text(&text, report);
    cli_print(text.ptr);
    return NULL;
}

// --- files --------------------------------------------------------------------------------------

static const char *dir_of(const Cli *c) { return flag_text(&c->flags, "dir"); }
static const char *format_of(const Cli *c) { return flag_text(&c->flags, "dir-format"); }

Err *cli_migrate_hash(Cli *c) {
    return ops_migrate_hash(&c->ops, dir_of(c), format_of(c), c->mem);
}

Err *cli_migrate_validate(Cli *c) {
    MigrateSumError sum = {0};
    return cli_checksum_help(ops_migrate_validate(&sum, &c->ops, dir_of(c), format_of(c),
                                                  flag_text(&c->flags, "dev-url"), c->mem),
                             &sum);
}

// Runs $EDITOR on a file and waits for it.
static Err *run_editor(const Host *host, const char *path) {
    const char *editor = cstr_or(host_env(host, "EDITOR"), "vi");
    AutoArena tmp = arena_new(NULL);
    char *command = arena_printf(tmp, "%s \"$0\"", editor);
    fflush(stdout);
    pid_t pid = fork();
    if (pid < 0)
        return err_errno(errno, "starting the editor");
    if (pid == 0) {
        execl("/bin/sh", "sh", "-c", command, path, (char *)NULL);
        _exit(127);
    }
    int status = 0;
    while (waitpid(pid, &status, 0) < 0 && errno == EINTR)
        continue;
    return WIFEXITED(status) && WEXITSTATUS(status) == 0
               ? NULL
               : err_hint(err_new(E_IO, "the editor \"%s\" failed", editor),
                          "set EDITOR to an editor that is installed");
}

static Err *edited_content(Str *out, const Cli *c, Arena *mem) {
    char *path = arena_printf(mem, "%s/atlas-XXXXXX.sql",
                              cstr_or(host_env(c->world->host, "TMPDIR"), "/tmp"));
    int fd = mkstemps(path, 4);
    if (fd < 0)
        return err_errno(errno, "creating %s", path);
    close(fd);
    Err *e = run_editor(c->world->host, path);
    if (!e)
        e = fs_read(out, path, MIGRATE_MAX_FILE, mem);
    unlink(path);
    return e;
}

Err *cli_migrate_new(Cli *c) {
    MigrateSumError sum = {0};
    const char *path = NULL;
    Str content = {0};
    if (flag_bool(&c->flags, "edit")) {
        if (!cstr_eq(format_of(c), "atlas"))
            return err_new(E_USAGE, "--edit flag is only supported in the atlas format");
        TRY(edited_content(&content, c, c->mem));
    }
    const char *name = c->flags.args.len ? c->flags.args.items[0] : "";
    return cli_checksum_help(ops_migrate_new(&path, &sum, &c->ops, dir_of(c), format_of(c), name,
                                             content, c->mem),
                             &sum);
}

Err *cli_migrate_ls(Cli *c) {
    MigrateSumError sum = {0};
    StrList names = {0}, warnings = {0};
    Err *e = ops_migrate_ls(&names, &sum, &c->ops, c->env, dir_of(c), "",
                            flag_bool(&c->flags, "short"), flag_bool(&c->flags, "latest"),
                            &warnings, c->mem);
    cli_warn(c, &warnings);
    for (size_t i = 0; !e && i < names.len; i++)
        printf("%s\n", names.items[i]);
    return cli_checksum_help(e, &sum);
}

static const char *first_arg(const Cli *c) {
    return c->flags.args.len ? c->flags.args.items[0] : "";
}

static Err *needs_file(const Cli *c) {
    if (c->flags.args.len)
        return NULL;
    return err_hint(err_new(E_USAGE, "a version or file is required"),
                    "`atlas migrate ls` lists the files");
}

Err *cli_migrate_edit(Cli *c) {
    MigrateSumError sum = {0};
    const char *path = NULL;
    TRY(needs_file(c));
    Err *e = ops_migrate_file(&path, &sum, &c->ops, dir_of(c), format_of(c), first_arg(c), c->mem);
    if (e)
        return cli_checksum_help(e, &sum);
    TRY(run_editor(c->world->host, path));
    return ops_migrate_hash(&c->ops, dir_of(c), format_of(c), c->mem);
}

Err *cli_migrate_rm(Cli *c) {
    MigrateSumError sum = {0};
    const char *name = NULL;
    return cli_checksum_help(ops_migrate_rm(&name, &sum, &c->ops, dir_of(c), format_of(c),
                                            first_arg(c), c->mem),
                             &sum);
}

Err *cli_migrate_rebase(Cli *c) {
    TRY(needs_file(c));
    return ops_migrate_rebase(&c->ops, dir_of(c), format_of(c), &c->flags.args, c->mem);
}

Err *cli_migrate_import(Cli *c) {
    MigrateSumError sum = {0};
    size_t count = 0;
    const char *from = flag_text(&c->flags, "from");
    const char *format = flag_given(&c->flags, "dir-format") ? format_of(c) : "";
    TRY(cli_checksum_help(ops_migrate_import(&count, &sum, &c->ops, from,
                                             flag_text(&c->flags, "to"), format, c->mem),
                          &sum));
    if (count == 0)
        printf("No migration files to import in %s\n", url_redact(c->mem, from));
    return NULL;
}

Err *cli_migrate_test(Cli *c) {
    OpsTestParams p = {.env = c->env,
                       .dir_url = dir_of(c),
                       .format = format_of(c),
                       .dev_url = flag_text(&c->flags, "dev-url"),
                       .revisions_schema = flag_text(&c->flags, "revisions-schema"),
                       .paths = c->flags.args,
                       .run = flag_text(&c->flags, "run"),
                       .junit = flag_text(&c->flags, "junit")};
    Value *report = NULL;
    MigrateSumError sum = {0};
    StrList warnings = {0};
    bool passed = false;
    Buf text;
    Err *e = ops_migrate_test(&report, &passed, &sum, &warnings, &c->ops, &p, c->mem);
    cli_warn(c, &warnings);
    if (e)
        return cli_checksum_help(e, &sum);
    buf_init(&text, c->mem, BUF_MAX_TEXT);
    report_tests_text(&text, report);
    if (passed)
        return cli_print_report(c, report, text.ptr);
    if (cli_has_format(c))
        TRY(cli_print_report(c, report, ""));
    else
        fputs(log_redact(c->mem, text.ptr), stderr);
    return err_new(E_STATE, "%lld of %zu tests failed", (long long)value_get_int(report, "Failed"),
                   value_len(value_get(report, "Tests")));
}
