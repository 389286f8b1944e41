// Programs, run to their end while the loop goes on.
#include <errno.h>
#include <fcntl.h>
#include <spawn.h>
#include <sys/wait.h>
#include <unistd.h>

#include "loop.h"

enum { POLL_MS = 5, LOOK_MS = 200, MAX_OUT = 64 << 20, MAX_ERR = 64 << 10 };

typedef struct Pipe {
    Loop *loop;
    int fd;
    bool ended;
    Buf buf;
} Pipe;

typedef struct Child {
    pid_t pid;
    Pipe out, err;
} Child;

static void on_output(void *ctx, short revents) {
    Pipe *p = ctx;
    char piece[4096];
    (void)revents;
    ssize_t n = read(p->fd, piece, sizeof piece);
    if (n > 0)
        buf_add(&p->buf, piece, (size_t)n);
    if (n > 0 || (n < 0 && (errno == EAGAIN || errno == EINTR)))
        return;
    p->ended = true;
    loop_watch(p->loop, p->fd, 0, NULL, NULL);
}

static bool has_ended(const void *arg) {
    const Child *c = arg;
    return c->out.ended && c->err.ended;
}

static void close_pair(const int fds[2]) {
    close(fds[0]);
    close(fds[1]);
}

// In a group of its own, so that what it starts ends with it.
static int spawn(pid_t *pid, char **argv, const char *dir, int out, int err) {
    extern char **environ;
    posix_spawn_file_actions_t files;
    posix_spawnattr_t attributes;
    posix_spawn_file_actions_init(&files);
    posix_spawn_file_actions_addopen(&files, 0, "/dev/null", O_RDONLY, 0);
    posix_spawn_file_actions_adddup2(&files, out, 1);
    posix_spawn_file_actions_adddup2(&files, err, 2);
    if (!cstr_empty(dir))
        posix_spawn_file_actions_addchdir_np(&files, dir);
    posix_spawnattr_init(&attributes);
    posix_spawnattr_setflags(&attributes, POSIX_SPAWN_SETPGROUP);
    int failed = posix_spawnp(pid, argv[0], &files, &attributes, argv, environ);
    posix_spawn_file_actions_destroy(&files);
    posix_spawnattr_destroy(&attributes);
    return failed;
}

static Err *start(Child *c, const ProcessSpec *p, Arena *mem) {
    int out[2], err[2];
    char **argv = NEW_ARRAY(mem, char *, p->argv->len + 1);
    for (size_t i = 0; i < p->argv->len; i++)
        argv[i] = arena_strdup(mem, p->argv->items[i]);
    if (!cstr_empty(p->dir) && access(p->dir, X_OK) < 0)
        return err_errno(errno, "running %s in %s", argv[0], p->dir);
    if (pipe2(out, O_CLOEXEC) < 0)
        return err_errno(errno, "making a pipe");
    if (pipe2(err, O_CLOEXEC) < 0) {
        int failed = errno;
        close_pair(out);
        return err_errno(failed, "making a pipe");
    }
    int failed = spawn(&c->pid, argv, p->dir, out[1], err[1]);
    if (failed) {
        close_pair(out);
        close_pair(err);
        return err_errno(failed, "starting %s", argv[0]);
    }
    close(out[1]);
    close(err[1]);
    c->out.fd = out[0];
    c->err.fd = err[0];
    return NULL;
}

static bool is_cancelled(const ProcessSpec *p) { return p->cancel && *p->cancel; }

static bool is_over(const Loop *l, const ProcessSpec *p, int64_t deadline) {
    return is_cancelled(p) || loop_cancelled(l) ||
           (deadline >= 0 && host_monotonic_ms(l->host) >= deadline);
}

// Looks now and then, as a signal may come between a look and the wait.
static void collect(Child *c, Loop *l, const ProcessSpec *p, int64_t deadline) {
    Pipe *pipes[] = {&c->out, &c->err};
    for (size_t i = 0; i < COUNT_OF(pipes); i++) {
        pipes[i]->loop = l;
        fcntl(pipes[i]->fd, F_SETFL, O_NONBLOCK);
        loop_watch(l, pipes[i]->fd, POLLIN, on_output, pipes[i]);
    }
    while (!has_ended(c) && !is_over(l, p, deadline)) {
        int64_t look = host_monotonic_ms(l->host) + LOOK_MS;
        loop_wait(l, has_ended, c, deadline >= 0 && deadline < look ? deadline : look);
    }
    for (size_t i = 0; i < COUNT_OF(pipes); i++) {
        loop_watch(l, pipes[i]->fd, 0, NULL, NULL);
        close(pipes[i]->fd);
    }
}

// The exit status, or -1 when time was up.
static int reap(const Child *c, Loop *l, const ProcessSpec *p, int64_t deadline) {
    int status = 0;
    while (waitpid(c->pid, &status, WNOHANG) == 0) {
        if (is_over(l, p, deadline)) {
            kill(-c->pid, SIGKILL);
            waitpid(c->pid, &status, 0);
            return -1;
        }
        loop_sleep(l, POLL_MS);
    }
    return WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
}

Err *process_run(ProcessResult *out, Loop *l, const ProcessSpec *p, Arena *mem) {
    Child c = {0};
    const char *program = p->argv->items[0];
    TRY(start(&c, p, mem));
    buf_init(&c.out.buf, mem, p->out_max ? p->out_max : MAX_OUT);
    buf_init(&c.err.buf, mem, MAX_ERR);
    int64_t deadline = p->limit_ms ? host_monotonic_ms(l->host) + p->limit_ms : -1;
    collect(&c, l, p, deadline);
    *out = (ProcessResult){.status = reap(&c, l, p, deadline)};
    out->out = buf_view(&c.out.buf);
    out->err = buf_view(&c.err.buf);
    if (out->status < 0 && (is_cancelled(p) || loop_cancelled(l)))
        return err_new(E_STATE, "interrupted");
    if (out->status < 0)
        return err_new(E_TIMEOUT, "%s did not end within %s", program,
                       duration_text(mem, p->limit_ms * DURATION_MS));
    return buf_check(&c.out.buf, arena_printf(mem, "the output of %s", program));
}
