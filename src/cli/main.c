// Dispatch, help and completion.
#include "cli.h"

#include "atlas/tmpl.h"

// --- finding the command ------------------------------------------------------------------------

// The number of words of `path` if ARGV starts with them, else 0.
static size_t matches(const char *path, char **argv, size_t argc, Arena *mem) {
    StrList words = cstr_split(mem, path, ' ');
    if (words.len > argc)
        return 0;
    for (size_t i = 0; i < words.len; i++)
        if (!cstr_eq(words.items[i], argv[i]))
            return 0;
    return words.len;
}

static const Command *find(char **argv, size_t argc, size_t *used, Arena *mem) {
    for (const Command *c = cli_commands; c->path; c++) {
        *used = matches(c->path, argv, argc, mem);
        if (*used)
            return c;
    }
    return NULL;
}

// Whether some command's path starts with these words.
static bool is_group(char **argv, size_t argc, Arena *mem) {
    StrList words = {0};
    for (size_t i = 0; i < argc; i++)
        list_push(&words, mem, argv[i]);
    const char *prefix = arena_printf(mem, "%s ", cstr_join(mem, &words, " "));
    for (const Command *c = cli_commands; c->path; c++)
        if (cstr_starts(c->path, prefix))
            return true;
    return false;
}

// What `atlas` has elsewhere and this version lacks: a step of CI must not pass by showing help.
static Err *absent(char **argv, size_t argc) {
    static const char *const migrate[] = {"diff", "lint", "down", "checkpoint"};
    bool known = argc > 0 && cstr_eq(argv[0], "schema");
    for (size_t i = 0; argc > 1 && cstr_eq(argv[0], "migrate") && i < COUNT_OF(migrate); i++)
        known = known || cstr_eq(argv[1], migrate[i]);
    if (!known)
        return NULL;
    const char *word = argc > 1 && argv[1][0] != '-' ? argv[1] : "";
    // Callers look for "unknown" to find out what a version can do.
    return err_hint(err_new(E_UNSUPPORTED, "unknown command \"%s\" for \"atlas %s\": it needs the "
                                           "declarative engine, which this version does not have",
                            word, argv[0]),
                    "run \"atlas help\" for the commands there are");
}

// --- help ---------------------------------------------------------------------------------------

static void print_command_help(const Command *c, Arena *mem) {
    Buf out;
    buf_init(&out, mem, BUF_MAX_TEXT);
    buf_printf(&out, "%s.\n\nUsage:\n  atlas %s%s%s [flags]\n", c->summary, c->path,
               *c->args ? " " : "", c->args);
    if (c->flags[0]) {
        buf_str(&out, "\nFlags:\n");
        flags_help(&out, c->flags);
    }
    cli_print(out.ptr);
}

static void print_group_help(const char *prefix, Arena *mem) {
    Buf out;
    buf_init(&out, mem, BUF_MAX_TEXT);
    buf_printf(&out, "Usage:\n  atlas %s%s[command]\n\nCommands:\n", prefix, *prefix ? " " : "");
    for (const Command *c = cli_commands; c->path; c++)
        if (!*prefix || cstr_starts(c->path, arena_printf(mem, "%s ", prefix)))
            buf_printf(&out, "  %-20s %s\n", c->path, c->summary);
    buf_str(&out, "\nUse \"atlas [command] --help\" for the flags of a command.\n");
    cli_print(out.ptr);
}

static void print_completion(Arena *mem) {
    StrList words = {0};
    for (const Command *c = cli_commands; c->path; c++) {
        StrList parts = cstr_split(mem, c->path, ' ');
        for (size_t i = 0; i < parts.len; i++)
            if (!strlist_has(&words, parts.items[i]))
                list_push(&words, mem, parts.items[i]);
    }
    printf("complete -W '%s' atlas\n", cstr_join(mem, &words, " "));
}

char *cli_reference(Arena *mem) {
    Buf out;
    buf_init(&out, mem, BUF_MAX_TEXT);
    buf_str(&out, "| command | what it does | flags |\n| --- | --- | --- |\n");
    for (const Command *c = cli_commands; c->path; c++) {
        buf_printf(&out, "| `%s%s%s` | %s |", c->path, *c->args ? " " : "", c->args, c->summary);
        for (size_t i = 0; c->flags[i]; i++)
            if (!(c->flags[i]->flags & FLAG_HIDDEN))
                buf_printf(&out, " `--%s`", c->flags[i]->name);
        buf_str(&out, " |\n");
    }
    return out.ptr;
}

// --- running ------------------------------------------------------------------------------------

Err *cli_version(Cli *c) {
    (void)c;
    printf("atlas version %s%s%s\n", ATLAS_VERSION, *ATLAS_COMMIT ? "-" : "", ATLAS_COMMIT);
    return NULL;
}

Err *cli_license(Cli *c) {
    (void)c;
    printf("atlas-action is licensed under the Apache License 2.0.\n"
           "https://www.apache.org/licenses/LICENSE-2.0\n");
    return NULL;
}

static bool needs_loop(const Command *command) { return command->flags[0] != NULL; }

static Err *run_command(const Command *command, char **argv, size_t argc, const CliWorld *w,
                        Arena *mem) {
    Cli c = {.world = w, .mem = mem};
    c.ops = (Ops){.host = w->host, .cancel = w->cancel, .mem = mem};
    TRY(flags_parse(&c.flags, command->flags, argv, argc, mem));
    if (c.flags.help) {
        print_command_help(command, mem);
        return NULL;
    }
    if (command->max_args >= 0 && c.flags.args.len > (size_t)command->max_args)
        return err_new(E_USAGE, "accepts at most %d arg(s), received %zu", command->max_args,
                       c.flags.args.len);
    c.ops.simulate = flag_text(&c.flags, "simulate");
    c.ops.sign_key_file = flag_text(&c.flags, "sign-key-file");
    if (needs_loop(command)) {
        TRY(loop_new(&c.ops.loop, w->host, mem));
        TRY(cli_load_project(&c, command));
        TRY(flags_check_required(&c.flags));
    }
    return command->run(&c);
}

static Err *unknown_command(char **argv, size_t argc, Arena *mem) {
    const char *names[64];
    size_t count = 0;
    (void)argc;
    for (const Command *c = cli_commands; c->path && count < COUNT_OF(names); c++)
        names[count++] = arena_strndup(mem, c->path, strcspn(c->path, " "));
    const char *near = cstr_nearest(argv[0], names, count);
    Err *e = err_new(E_USAGE, "unknown command \"%s\" for \"atlas\"", argv[0]);
    return near ? err_hint(e, "did you mean \"atlas %s\"?", near)
                : err_hint(e, "run \"atlas help\" for the commands");
}

Err *cli_run(int argc, char **argv, const CliWorld *w, Arena *mem) {
    char **words = argv + 1;
    size_t count = argc > 0 ? (size_t)argc - 1 : 0, used = 0;
    bool help_word = count && cstr_eq(words[0], "help");
    if (help_word) {
        words++;
        count--;
    }
    if (!count || cstr_eq(words[0], "--help") || cstr_eq(words[0], "-h")) {
        print_group_help("", mem);
        return NULL;
    }
    if (cstr_eq(words[0], "completion")) {
        print_completion(mem);
        return NULL;
    }
    if (cstr_eq(words[0], "--version") || cstr_eq(words[0], "-v"))
        return cli_version(NULL);
    const Command *command = find(words, count, &used, mem);
    if (command && help_word) {
        print_command_help(command, mem);
        return NULL;
    }
    if (command)
        return run_command(command, words + used, count - used, w, mem);
    TRY(absent(words, count));
    // "atlas migrate", "atlas migrate nope", "atlas migrate --help": the group's help.
    for (size_t n = count; n > 0; n--)
        if (is_group(words, n, mem)) {
            StrList group = {0};
            for (size_t i = 0; i < n; i++)
                list_push(&group, mem, words[i]);
            print_group_help(cstr_join(mem, &group, " "), mem);
            return NULL;
        }
    return unknown_command(words, count, mem);
}
