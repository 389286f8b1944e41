// The program: `atlas-action` runs one action of a CI pipeline, `atlas` is the command line. The
// only place that prints errors and exits.
#include <signal.h>
#include <unistd.h>

#include "atlas/cli.h"
#include "atlas/runner.h"

static volatile sig_atomic_t cancelled;
static volatile sig_atomic_t hung_up = -1; // a server sets it to 0: SIGHUP no longer cancels

static void on_signal(int signal_number) {
    if (signal_number == SIGHUP && hung_up >= 0) {
        hung_up = 1;
        return;
    }
    if (cancelled)
        _exit(1); // the second time means it
    cancelled = 1;
}

static void catch_signals(void) {
    struct sigaction a = {.sa_handler = on_signal};
    sigemptyset(&a.sa_mask);
    sigaction(SIGINT, &a, NULL);
    sigaction(SIGTERM, &a, NULL);
    sigaction(SIGHUP, &a, NULL);
    signal(SIGPIPE, SIG_IGN);
}

static int finish(Err *e, Arena *mem) {
    if (fflush(stdout) != 0 || ferror(stdout)) {
        fprintf(stderr, "Error: writing to standard output failed\n");
        err_free(e);
        return 1;
    }
    if (!e)
        return 0;
    if (err_code(e) != E_SILENT) {
        fprintf(stderr, "Error: %s\n", log_redact(mem, err_text(e)));
        // Callers compare the whole of stderr: a hint is for people.
        if (err_hint_text(e) && isatty(STDERR_FILENO))
            fprintf(stderr, "hint: %s\n", log_redact(mem, err_hint_text(e)));
    }
    err_free(e);
    return 1;
}

// "atlas", "/usr/bin/atlas" - or a first argument that says so: `atlas-action atlas migrate ...`.
static bool is_cli(int argc, char **argv) {
    const char *name = argc > 0 ? fs_basename(argv[0]) : "";
    return cstr_eq(name, "atlas");
}

int main(int argc, char **argv) {
    Arena *mem = arena_new(NULL);
    catch_signals();
    Err *e = NULL;
    bool word = argc > 1 && cstr_eq(argv[1], "atlas");
    if (is_cli(argc, argv) || word) {
        CliWorld w = {.host = &host_system, .cancel = &cancelled, .reload = &hung_up};
        e = cli_run(argc - word, argv + word, &w, mem);
    } else {
        RunnerWorld w = {.host = &host_system, .cancel = &cancelled};
        e = runner_run(argc, argv, &w, mem);
    }
    int status = finish(e, mem);
    arena_free(mem);
    return status;
}
