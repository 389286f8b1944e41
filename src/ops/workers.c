#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include "internal.h"

#define MAX_RESULT ((size_t)1 << 30)
enum { TICK_MS = 200, READ_BYTES = 65536 };

typedef struct Worker {
    pid_t pid; // 0: free
    int fd;
    size_t index;
    Buf result;
    Arena *mem;
} Worker;

typedef struct Pool {
    const Workers *w;
    Worker *slots;
    struct pollfd *polls;
    size_t next, running;
    bool stop, told; // no more starts; the cancel was passed on
} Pool;

// --- the job's side
// -------------------------------------------------------------------------------

static void send_result(int fd, const Buf *result) {
    size_t at = 0;
    while (at < result->len) {
        ssize_t n = write(fd, result->ptr + at, result->len - at);
        if (n < 0 && errno != EINTR)
            _exit(1);
        at += n > 0 ? (size_t)n : 0;
    }
}

NORETURN static void run_job(const Workers *w, size_t index, int fd, pid_t parent) {
    Arena *mem = arena_new(NULL);
    Buf result;
    prctl(PR_SET_PDEATHSIG, SIGTERM);
    if (getppid() != parent)
        _exit(1);
    buf_init(&result, mem, MAX_RESULT);
    value_pack(&result, w->work(w->ctx, index, mem));
    send_result(fd, &result);
    fflush(NULL);
    _exit(0);
}

// --- this side
// ------------------------------------------------------------------------------------

static Err *start(Pool *p, Worker *slot) {
    int ends[2];
    pid_t self = getpid();
    fflush(NULL);
    if (pipe2(ends, O_CLOEXEC) < 0)
        return err_errno(errno, "starting a worker");
    pid_t pid = fork();
    if (pid == 0) {
        close(ends[0]);
        run_job(p->w, p->next, ends[1], self);
    }
    int error = errno;
    close(ends[1]);
    if (pid < 0) {
        close(ends[0]);
        return err_errno(error, "starting a worker");
    }
    *slot = (Worker){.pid = pid, .fd = ends[0], .index = p->next++, .mem = arena_new(NULL)};
    buf_init(&slot->result, slot->mem, MAX_RESULT);
    p->running++;
    return NULL;
}

static Err *fill(Pool *p) {
    for (size_t i = 0; i < p->w->limit && p->next < p->w->count && !p->stop; i++)
        if (!p->slots[i].pid)
            TRY(start(p, &p->slots[i]));
    return NULL;
}

static const char *death(int status, Arena *mem) {
    if (WIFSIGNALED(status))
        return arena_printf(mem, "its process was ended by signal %d", WTERMSIG(status));
    return arena_printf(mem, "its process ended with status %d", WEXITSTATUS(status));
}

static void finish(Pool *p, Worker *slot) {
    int status = 0;
    close(slot->fd);
    while (waitpid(slot->pid, &status, 0) < 0 && errno == EINTR)
        ;
    Value *result = status == 0 ? value_unpack(buf_view(&slot->result), slot->mem) : NULL;
    const char *reason = result ? NULL : death(status, slot->mem);
    if (!p->w->done(p->w->ctx, slot->index, result, reason))
        p->stop = true;
    arena_free(slot->mem);
    *slot = (Worker){0};
    p->running--;
}

static void read_some(Pool *p, Worker *slot) {
    char bytes[READ_BYTES];
    ssize_t n = read(slot->fd, bytes, sizeof bytes);
    if (n > 0)
        buf_add(&slot->result, bytes, (size_t)n);
    else if (n == 0 || errno != EINTR)
        finish(p, slot);
}

static void pass_cancel(Pool *p) {
    if (p->told || !p->w->cancel || !*p->w->cancel)
        return;
    p->stop = p->told = true;
    for (size_t i = 0; i < p->w->limit; i++)
        if (p->slots[i].pid)
            kill(p->slots[i].pid, SIGTERM);
}

static void wait_some(Pool *p) {
    for (size_t i = 0; i < p->w->limit; i++)
        p->polls[i] = (struct pollfd){.fd = p->slots[i].pid ? p->slots[i].fd : -1,
                                      .events = POLLIN};
    int ready = poll(p->polls, p->w->limit, TICK_MS);
    pass_cancel(p);
    for (size_t i = 0; ready > 0 && i < p->w->limit; i++)
        if (p->polls[i].revents)
            read_some(p, &p->slots[i]);
}

Err *workers_run(const Workers *w) {
    AutoArena mem = arena_new(NULL);
    Pool p = {.w = w};
    p.slots = NEW_ARRAY(mem, Worker, w->limit);
    p.polls = NEW_ARRAY(mem, struct pollfd, w->limit);
    Err *e = fill(&p);
    while (p.running > 0) {
        wait_some(&p);
        if (!e)
            e = fill(&p);
    }
    return e;
}
