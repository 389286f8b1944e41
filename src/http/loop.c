#include "loop.h"

#include <sys/mman.h>
#include <ucontext.h>
#include <unistd.h>

#ifdef __SANITIZE_ADDRESS__
#include <sanitizer/common_interface_defs.h>
enum { STACK_SIZE = 2 << 20 };
#else
enum { STACK_SIZE = 512 << 10 }; // address space only; pages come when touched
#endif
enum { GUARD_SIZE = 64 << 10, IDLE_MS = 60000 };

typedef struct Wait {
    bool (*ready)(const void *arg);
    const void *arg;
    int64_t deadline;
} Wait;

struct Task {
    Loop *loop;
    Task *parent; // the task that started it, if any
    void (*fn)(void *);
    void *arg;
    ucontext_t self, back;
    void *stack;
    Wait wait;
    bool done;
    bool timed_out;
    bool cancelled;
    bool joining; // waits for a task of its own: not even a cancel ends that
#ifdef __SANITIZE_ADDRESS__
    void *fake_stack, *back_fake;
    const void *back_bottom;
    size_t back_size;
#endif
};

static void close_multi(void *multi) { curl_multi_cleanup(multi); }

CURLM *loop_multi(Loop *l) {
    if (!l->multi) {
        curl_global_init(CURL_GLOBAL_DEFAULT);
        l->multi = curl_multi_init();
        if (!l->multi)
            BUG("libcurl has no memory");
        arena_on_free(l->mem, close_multi, l->multi);
    }
    return l->multi;
}

// ATLAS_HTTP_TIMEOUT: seconds or a Go duration.
static Err *read_timeout(int64_t *ms, const Host *host) {
    const char *text = host_env(host, "ATLAS_HTTP_TIMEOUT");
    uint64_t seconds;
    Duration d;
    *ms = 30000;
    if (!*text)
        return NULL;
    if (cstr_to_u64(text, 86400, &seconds))
        *ms = (int64_t)seconds * 1000;
    else if (duration_parse(text, &d) && d >= DURATION_MS)
        *ms = d / DURATION_MS;
    else
        return err_new(E_CONFIG, "ATLAS_HTTP_TIMEOUT: \"%s\" is neither seconds nor a duration such "
                                 "as 1m30s", text);
    return NULL;
}

static void free_stacks(void *loop) {
    Loop *l = loop;
    while (l->stack_count)
        munmap(l->stacks[--l->stack_count], STACK_SIZE + GUARD_SIZE);
}

Err *loop_new(Loop **out, const Host *host, Arena *mem) {
    Loop *l = *out = NEW(mem, Loop);
    l->host = host;
    l->mem = mem;
    l->attempts = 5;
    map_init(&l->kept, mem);
    arena_on_free(mem, free_stacks, l);
    TRY(read_timeout(&l->timeout_ms, host));
    const char *retries = host_env(host, "ATLAS_HTTP_RETRIES");
    uint64_t n;
    if (*retries && (!cstr_to_u64(retries, 100, &n) || n == 0))
        return err_new(E_CONFIG, "ATLAS_HTTP_RETRIES: \"%s\" is not a number from 1 to 100", retries);
    if (*retries)
        l->attempts = (int)n;
    return NULL;
}

const Host *loop_host(const Loop *l) { return l->host; }
Map *loop_kept(Loop *l) { return &l->kept; }

// The old handle is the parent's: closing its connections here would end them there.
void loop_forked(Loop *l) { l->multi = NULL; }
HttpBudget http_budget(const Loop *l) { return (HttpBudget){.limit_ms = l->timeout_ms}; }

// --- switching ----------------------------------------------------------------------------------

static void leave(Task *t, bool for_good) {
#ifdef __SANITIZE_ADDRESS__
    __sanitizer_start_switch_fiber(for_good ? NULL : &t->fake_stack, t->back_bottom, t->back_size);
#else
    (void)for_good;
#endif
    swapcontext(&t->self, &t->back);
#ifdef __SANITIZE_ADDRESS__
    __sanitizer_finish_switch_fiber(t->fake_stack, &t->back_bottom, &t->back_size);
#endif
}

static void trampoline(unsigned high, unsigned low) {
    Task *t = (Task *)(((uintptr_t)high << 32) | low);
#ifdef __SANITIZE_ADDRESS__
    __sanitizer_finish_switch_fiber(NULL, &t->back_bottom, &t->back_size);
#endif
    t->fn(t->arg);
    t->done = true;
    leave(t, true);
}

static void enter(Task *t) {
    t->loop->current = t;
#ifdef __SANITIZE_ADDRESS__
    __sanitizer_start_switch_fiber(&t->back_fake, (char *)t->stack + GUARD_SIZE, STACK_SIZE);
#endif
    swapcontext(&t->back, &t->self);
#ifdef __SANITIZE_ADDRESS__
    __sanitizer_finish_switch_fiber(t->back_fake, NULL, NULL);
#endif
    t->loop->current = NULL;
}

static void free_stack(void *arg) {
    Task *t = arg;
    if (t->stack)
        munmap(t->stack, STACK_SIZE + GUARD_SIZE);
    t->stack = NULL;
}

// Mapping one costs more than a short task does.
static void *take_stack(Loop *l) {
    if (l->stack_count)
        return l->stacks[--l->stack_count];
    void *stack = mmap(NULL, STACK_SIZE + GUARD_SIZE, PROT_READ | PROT_WRITE,
                       MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE | MAP_STACK, -1, 0);
    if (stack == MAP_FAILED || mprotect(stack, GUARD_SIZE, PROT_NONE) < 0)
        BUG("no memory for a task's stack");
    return stack;
}

static void give_stack(Task *t) {
    Loop *l = t->loop;
    if (l->stack_count == COUNT_OF(l->stacks)) {
        free_stack(t);
        return;
    }
    l->stacks[l->stack_count++] = t->stack;
    t->stack = NULL;
}

static bool always(const void *arg) { return arg == NULL; }

Task *task_start(Loop *l, void (*fn)(void *), void *arg, Arena *mem) {
    Task *t = NEW(mem, Task);
    t->loop = l;
    t->parent = l->current;
    t->fn = fn;
    t->arg = arg;
    t->wait = (Wait){always, NULL, -1};
    t->stack = take_stack(l);
    arena_on_free(mem, free_stack, t);
    getcontext(&t->self);
    t->self.uc_stack.ss_sp = (char *)t->stack + GUARD_SIZE;
    t->self.uc_stack.ss_size = STACK_SIZE;
    uintptr_t p = (uintptr_t)t;
#pragma GCC diagnostic push
#pragma GCC diagnostic ignored "-Wcast-function-type"
    makecontext(&t->self, (void (*)(void))trampoline, 2, (unsigned)(p >> 32), (unsigned)p);
#pragma GCC diagnostic pop
    list_push(&l->tasks, l->mem, t);
    return t;
}

bool task_done(const Task *t) { return t->done; }

// --- the loop itself ----------------------------------------------------------------------------

// True if a transfer has ended.
static bool collect_finished(Loop *l) {
    bool any = false;
    int left;
    for (CURLMsg *m; l->multi && (m = curl_multi_info_read(l->multi, &left));) {
        if (m->msg != CURLMSG_DONE)
            continue;
        Transfer *t = NULL;
        curl_easy_getinfo(m->easy_handle, CURLINFO_PRIVATE, (char **)&t);
        t->done = any = true;
        t->result = m->data.result;
    }
    return any;
}

static bool is_ready(Task *t, int64_t now) {
    if (t->wait.ready(t->wait.arg))
        return true;
    if (t->cancelled && !t->joining)
        return t->timed_out = true;
    t->timed_out = t->wait.deadline >= 0 && now >= t->wait.deadline;
    return t->timed_out;
}

// Runs every task that can go on. True if any did.
static bool run_tasks(Loop *l) {
    bool any = false;
    for (size_t i = 0; i < l->tasks.len; i++) { // tasks started meanwhile join at the end
        Task *t = l->tasks.items[i];
        t->timed_out = false;
        if (!is_ready(t, host_monotonic_ms(l->host)))
            continue;
        any = true;
        enter(t);
    }
    size_t kept = 0;
    for (size_t i = 0; i < l->tasks.len; i++) {
        if (l->tasks.items[i]->done)
            give_stack(l->tasks.items[i]);
        else
            l->tasks.items[kept++] = l->tasks.items[i];
    }
    l->tasks.len = kept;
    return any;
}

static int64_t poll_timeout(const Loop *l, int64_t deadline) {
    int64_t now = host_monotonic_ms(l->host), until = now + IDLE_MS;
    if (deadline >= 0 && deadline < until)
        until = deadline;
    for (size_t i = 0; i < l->tasks.len; i++)
        if (l->tasks.items[i]->wait.deadline >= 0 && l->tasks.items[i]->wait.deadline < until)
            until = l->tasks.items[i]->wait.deadline;
    return until > now ? until - now : 0;
}

// Waits for descriptors and timers. Before the first transfer there is no libcurl to ask.
static void poll_events(Loop *l, int64_t timeout) {
    AutoArena tmp = arena_new(NULL);
    size_t count = l->watches.len;
    struct curl_waitfd *extra = NEW_ARRAY(tmp, struct curl_waitfd, count + 1);
    struct pollfd *plain = NEW_ARRAY(tmp, struct pollfd, count + 1);
    for (size_t i = 0; i < count; i++) {
        const Watch *w = &l->watches.items[i];
        plain[i] = (struct pollfd){.fd = w->fd, .events = w->events};
        extra[i] = (struct curl_waitfd){.fd = w->fd};
        extra[i].events = (short)((w->events & POLLIN ? CURL_WAIT_POLLIN : 0) |
                                  (w->events & POLLOUT ? CURL_WAIT_POLLOUT : 0));
    }
    if (l->multi) {
        curl_multi_poll(l->multi, extra, (unsigned)count, (int)timeout, NULL);
        timeout = 0;
    }
    if (!l->multi || count)
        poll(plain, count, (int)timeout);
    for (size_t i = 0; i < count; i++) {
        Watch w = i < l->watches.len ? l->watches.items[i] : (Watch){0};
        if (plain[i].revents && w.fn && w.fd == plain[i].fd)
            w.fn(w.ctx, plain[i].revents);
    }
}

static void step(Loop *l, int64_t deadline) {
    int running = 0;
    if (l->multi)
        curl_multi_perform(l->multi, &running);
    // Either may have made others, or the caller outside any task, ready: no waiting then.
    bool ended = collect_finished(l);
    if (run_tasks(l) || ended)
        return;
    poll_events(l, poll_timeout(l, deadline));
    if (l->multi)
        curl_multi_perform(l->multi, &running);
    collect_finished(l);
}

bool loop_wait(Loop *l, bool (*ready)(const void *), const void *arg, int64_t deadline_ms) {
    Task *t = l->current;
    if (t) {
        if (ready(arg))
            return true;
        if (t->cancelled && !t->joining)
            return false;
        t->wait = (Wait){ready, arg, deadline_ms};
        leave(t, false);
        return !t->timed_out;
    }
    while (!ready(arg)) {
        if (deadline_ms >= 0 && host_monotonic_ms(l->host) >= deadline_ms)
            return false;
        step(l, deadline_ms);
    }
    return true;
}

static bool never(const void *arg) { return arg != NULL; }

void loop_sleep(Loop *l, int64_t ms) {
    loop_wait(l, never, NULL, host_monotonic_ms(l->host) + ms);
}

static bool joined(const void *arg) { return task_done(arg); }

void task_join(Task *t) {
    Task *self = t->loop->current;
    bool outer = self && self->joining;
    if (self && self->cancelled)
        task_cancel(t);
    if (self)
        self->joining = true;
    loop_wait(t->loop, joined, t, -1);
    if (self)
        self->joining = outer;
}

void task_cancel(Task *t) {
    t->cancelled = true;
    for (size_t i = 0; i < t->loop->tasks.len; i++) {
        Task *other = t->loop->tasks.items[i];
        if (other->parent == t && !other->cancelled)
            task_cancel(other);
    }
}

bool loop_cancelled(const Loop *l) { return l->current && l->current->cancelled; }

void loop_watch(Loop *l, int fd, short events, void (*fn)(void *, short), void *ctx) {
    for (size_t i = 0; i < l->watches.len; i++)
        if (l->watches.items[i].fd == fd) {
            if (events)
                l->watches.items[i] = (Watch){fd, events, fn, ctx};
            else
                l->watches.items[i] = list_last(&l->watches), l->watches.len--;
            return;
        }
    if (events)
        list_push(&l->watches, l->mem, (Watch){fd, events, fn, ctx});
}
