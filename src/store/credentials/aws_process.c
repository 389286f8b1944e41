// credential_process: a program of the user's that prints credentials.
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <spawn.h>
#include <sys/wait.h>
#include <unistd.h>

#include "aws_chain.h"

enum { TIME_LIMIT_MS = 60000, MAX_OUTPUT = 256 << 10, POLL_MS = 5 };

// --- words --------------------------------------------------------------------------------------

typedef struct Splitter {
    Buf word;
    bool in_word;
    char quote; // 0: none
} Splitter;

// Takes one character or an escaped pair; how many were read.
static size_t split_step(Splitter *s, const char *p, StrList *out, Arena *mem) {
    bool escapes = *p == '\\' && s->quote != '\'' && p[1] &&
                   (!s->quote || p[1] == '"' || p[1] == '\\');
    if (escapes) {
        buf_char(&s->word, p[1]);
        s->in_word = true;
        return 2;
    }
    if (s->quote ? *p == s->quote : *p == '"' || *p == '\'') {
        s->quote = s->quote ? 0 : *p;
        s->in_word = true;
    } else if (!s->quote && strchr(" \t\r\n", *p)) {
        if (s->in_word)
            list_push(out, mem, arena_strdup(mem, s->word.ptr));
        buf_clear(&s->word);
        s->in_word = false;
    } else {
        buf_char(&s->word, *p);
        s->in_word = true;
    }
    return 1;
}

Err *process_words(StrList *out, const char *command, Arena *mem) {
    Splitter s = {0};
    *out = (StrList){0};
    buf_init(&s.word, mem, BUF_MAX_TEXT);
    for (const char *p = command; *p;)
        p += split_step(&s, p, out, mem);
    if (s.quote)
        return err_new(E_SYNTAX, "credential_process has an open %c", s.quote);
    if (s.in_word)
        list_push(out, mem, arena_strdup(mem, s.word.ptr));
    return out->len ? NULL : err_new(E_SYNTAX, "credential_process is empty");
}

// --- running ------------------------------------------------------------------------------------

typedef struct Child {
    const char *program;
    pid_t pid;
    int fd;
    bool ended; // its output
    Buf out;
} Child;

static void on_output(void *ctx, short revents) {
    Child *c = ctx;
    char piece[4096];
    (void)revents;
    ssize_t n = read(c->fd, piece, sizeof piece);
    if (n > 0)
        buf_add(&c->out, piece, (size_t)n);
    else if (n == 0 || (errno != EAGAIN && errno != EINTR))
        c->ended = true;
}

static bool has_ended(const void *arg) { return ((const Child *)arg)->ended; }

// In a group of its own, so that what it starts ends with it; errors go nowhere, as they might
// hold secrets.
static Err *spawn(Child *c, const StrList *words, Arena *mem) {
    extern char **environ;
    int pipe_fds[2];
    char **argv = NEW_ARRAY(mem, char *, words->len + 1);
    for (size_t i = 0; i < words->len; i++)
        argv[i] = arena_strdup(mem, words->items[i]);
    c->program = argv[0];
    if (pipe2(pipe_fds, O_CLOEXEC) < 0)
        return err_errno(errno, "making a pipe");
    posix_spawn_file_actions_t files;
    posix_spawnattr_t attributes;
    posix_spawn_file_actions_init(&files);
    posix_spawn_file_actions_addopen(&files, 0, "/dev/null", O_RDONLY, 0);
    posix_spawn_file_actions_adddup2(&files, pipe_fds[1], 1);
    posix_spawn_file_actions_addopen(&files, 2, "/dev/null", O_WRONLY, 0);
    posix_spawnattr_init(&attributes);
    posix_spawnattr_setflags(&attributes, POSIX_SPAWN_SETPGROUP);
    int failed = posix_spawnp(&c->pid, argv[0], &files, &attributes, argv, environ);
    posix_spawn_file_actions_destroy(&files);
    posix_spawnattr_destroy(&attributes);
    close(pipe_fds[1]);
    c->fd = pipe_fds[0];
    if (!failed)
        return NULL;
    close(c->fd);
    return err_errno(failed, "starting %s", argv[0]);
}

// The exit status, or -1 when time was up.
static int reap(Child *c, Loop *loop, int64_t deadline) {
    int status = 0;
    while (waitpid(c->pid, &status, WNOHANG) == 0) {
        if (!c->ended || host_monotonic_ms(loop_host(loop)) >= deadline) {
            kill(-c->pid, SIGKILL);
            waitpid(c->pid, &status, 0);
            return -1;
        }
        loop_sleep(loop, POLL_MS);
    }
    return WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
}

Err *process_output(Str *out, Loop *loop, const char *command, Arena *mem) {
    StrList words = {0};
    Child c = {0};
    TRY(process_words(&words, command, mem));
    TRY(spawn(&c, &words, mem));
    buf_init(&c.out, mem, MAX_OUTPUT);
    fcntl(c.fd, F_SETFL, O_NONBLOCK);
    int64_t deadline = host_monotonic_ms(loop_host(loop)) + TIME_LIMIT_MS;
    loop_watch(loop, c.fd, POLLIN, on_output, &c);
    loop_wait(loop, has_ended, &c, deadline);
    loop_watch(loop, c.fd, 0, NULL, NULL);
    int status = reap(&c, loop, deadline);
    close(c.fd);
    *out = buf_view(&c.out);
    if (status < 0)
        return err_new(E_TIMEOUT, "credential_process %s did not end within %d s", c.program,
                       TIME_LIMIT_MS / 1000);
    if (status > 0)
        return err_hint(err_new(E_UNAUTHORIZED, "credential_process %s ended with status %d",
                                c.program, status),
                        "run it by hand to see why");
    return buf_check(&c.out, "the output of credential_process");
}
