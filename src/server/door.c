#include "door.h"

#include <arpa/inet.h>
#include <errno.h>
#include <netdb.h>
#include <netinet/in.h>
#include <sys/resource.h>
#include <unistd.h>

#include <microhttpd.h>

enum {
    INSIDE_PER_ADDRESS = 64,
    WAITING_PER_ADDRESS = 1024,
    WAITING = 4096,
    MAX_WAIT_MS = 60000,
    BACKLOG = 1024,
};

typedef struct Waiting {
    struct Waiting *next;
    int fd;
    struct sockaddr_storage address;
    socklen_t len;
    int64_t since_ms;
    Arena *mem;
} Waiting;

struct Visitor {
    Visitor *next;
    char host[INET6_ADDRSTRLEN];
    int inside, waiting;
    Waiting *first, **last;
    Arena *mem;
};

struct Door {
    Loop *loop;
    int fd;
    struct MHD_Daemon *daemon;
    Visitor *visitors;
    int waiting;
};

// --- listening ----------------------------------------------------------------------------------

static bool is_loopback(const struct sockaddr *a) {
    if (a->sa_family == AF_INET) {
        struct sockaddr_in in;
        memcpy(&in, a, sizeof in);
        return (ntohl(in.sin_addr.s_addr) >> 24) == 127;
    }
    struct sockaddr_in6 in6;
    memcpy(&in6, a, sizeof in6);
    return IN6_IS_ADDR_LOOPBACK(&in6.sin6_addr);
}

static Err *resolve(struct addrinfo **out, const char *listen_on, Arena *mem) {
    const char *colon = strrchr(listen_on, ':');
    if (!colon)
        return err_hint(err_new(E_USAGE, "--listen \"%s\" has no port", listen_on),
                        "write 127.0.0.1:8484");
    uint64_t port;
    if (!cstr_to_u64(colon + 1, 65535, &port))
        return err_hint(err_new(E_USAGE, "--listen \"%s\": the port is no number up to 65535", listen_on),
                        "write 127.0.0.1:8484");
    char *host = arena_strndup(mem, listen_on, (size_t)(colon - listen_on));
    if (*host == '[' && cstr_ends(host, "]")) {
        host[strlen(host) - 1] = 0;
        host++;
    }
    struct addrinfo want = {.ai_socktype = SOCK_STREAM, .ai_flags = AI_PASSIVE};
    int rc = getaddrinfo(*host ? host : NULL, colon + 1, &want, out);
    return rc ? err_new(E_USAGE, "--listen \"%s\": %s", listen_on, gai_strerror(rc)) : NULL;
}

static Err *check_exposure(const ServerOptions *o, const struct sockaddr *a) {
    if (is_loopback(a))
        return NULL;
    if (!o->tokens_file)
        return err_hint(err_new(E_USAGE, "--listen %s is not a loopback address and there is no "
                                         "--tokens file: anybody could push", o->listen),
                        "make one with `atlas registry token new`, or listen on 127.0.0.1");
    if (!o->insecure)
        return err_hint(err_new(E_USAGE, "--listen %s would carry tokens in clear text", o->listen),
                        "put a TLS proxy in front of a loopback address, or pass --insecure");
    return NULL;
}

// A connection is a descriptor, and so is each file of a store that is being read.
static void raise_descriptor_limit(void) {
    struct rlimit limit;
    if (getrlimit(RLIMIT_NOFILE, &limit) == 0 && limit.rlim_cur < limit.rlim_max) {
        limit.rlim_cur = limit.rlim_max;
        setrlimit(RLIMIT_NOFILE, &limit);
    }
}

static void free_visitors(void *door) {
    for (Visitor *v = ((Door *)door)->visitors, *next; v; v = next) {
        next = v->next;
        arena_free(v->mem);
    }
}

Err *door_open(Door **out, const ServerOptions *o, Arena *mem) {
    struct addrinfo *a = NULL;
    Door *d = *out = NEW(mem, Door);
    *d = (Door){.loop = o->loop, .fd = -1};
    arena_on_free(mem, free_visitors, d);
    TRY(resolve(&a, o->listen, mem));
    Err *e = check_exposure(o, a->ai_addr);
    int one = 1;
    if (!e) {
        d->fd = socket(a->ai_family, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
        if (d->fd < 0 || setsockopt(d->fd, SOL_SOCKET, SO_REUSEADDR, &one, sizeof one) < 0 ||
            bind(d->fd, a->ai_addr, a->ai_addrlen) < 0 || listen(d->fd, BACKLOG) < 0)
            e = err_errno(errno, "listening on %s", o->listen);
    }
    freeaddrinfo(a);
    if (e && d->fd >= 0)
        close(d->fd);
    raise_descriptor_limit();
    return e;
}

const char *door_address(const Door *d, Arena *mem) {
    struct sockaddr_storage a;
    socklen_t len = sizeof a;
    char host[NI_MAXHOST], port[NI_MAXSERV];
    if (getsockname(d->fd, (struct sockaddr *)&a, &len) < 0 ||
        getnameinfo((struct sockaddr *)&a, len, host, sizeof host, port, sizeof port,
                    NI_NUMERICHOST | NI_NUMERICSERV) != 0)
        return "?";
    return arena_printf(mem, strchr(host, ':') ? "[%s]:%s" : "%s:%s", host, port);
}

// --- visitors -----------------------------------------------------------------------------------

static void host_of(char *out, const struct sockaddr *a) {
    struct sockaddr_in in = {0};
    struct sockaddr_in6 in6 = {0};
    *out = 0;
    if (a->sa_family == AF_INET) {
        memcpy(&in, a, sizeof in);
        inet_ntop(AF_INET, &in.sin_addr, out, INET6_ADDRSTRLEN);
    } else if (a->sa_family == AF_INET6) {
        memcpy(&in6, a, sizeof in6);
        inet_ntop(AF_INET6, &in6.sin6_addr, out, INET6_ADDRSTRLEN);
    }
}

Visitor *door_visitor(Door *d, const struct sockaddr *address) {
    char host[INET6_ADDRSTRLEN];
    host_of(host, address);
    for (Visitor *v = d->visitors; v; v = v->next)
        if (cstr_eq(v->host, host))
            return v;
    Arena *mem = arena_new(NULL);
    Visitor *v = NEW(mem, Visitor);
    *v = (Visitor){.next = d->visitors, .mem = mem};
    memcpy(v->host, host, sizeof v->host);
    v->last = &v->first;
    return d->visitors = v;
}

bool door_is_crowded(const Visitor *v) { return v->waiting > 0; }

void door_left(Door *d, Visitor *v) {
    (void)d;
    v->inside--;
}

static void forget_idle(Door *d) {
    for (Visitor **at = &d->visitors; *at;) {
        Visitor *v = *at;
        if (v->inside || v->waiting) {
            at = &v->next;
        } else {
            *at = v->next;
            arena_free(v->mem);
        }
    }
}

// --- letting in ---------------------------------------------------------------------------------

static void let_in(Door *d, Visitor *v, int fd, const struct sockaddr *address, socklen_t len) {
    v->inside++; // the daemon tells of the end of what it took; it closes what it does not take
    if (MHD_add_connection(d->daemon, fd, address, len) != MHD_YES)
        v->inside--;
}

static void wait_outside(Door *d, Visitor *v, int fd, const struct sockaddr_storage *address,
                         socklen_t len) {
    if (v->waiting >= WAITING_PER_ADDRESS || d->waiting >= WAITING) {
        close(fd);
        return;
    }
    Arena *mem = arena_new(NULL);
    Waiting *w = NEW(mem, Waiting);
    *w = (Waiting){.fd = fd, .address = *address, .len = len, .mem = mem,
                   .since_ms = host_monotonic_ms(loop_host(d->loop))};
    *v->last = w;
    v->last = &w->next;
    v->waiting++;
    d->waiting++;
}

static void stop_waiting(Door *d, Visitor *v) {
    Waiting *w = v->first;
    v->first = w->next;
    if (!v->first)
        v->last = &v->first;
    v->waiting--;
    d->waiting--;
    arena_free(w->mem);
}

static void on_connect(void *ctx, short revents) {
    Door *d = ctx;
    (void)revents;
    for (;;) {
        struct sockaddr_storage address;
        socklen_t len = sizeof address;
        struct sockaddr *a = (struct sockaddr *)&address;
        int fd = accept4(d->fd, a, &len, SOCK_CLOEXEC | SOCK_NONBLOCK);
        if (fd < 0)
            return; // none left, or no descriptor: the next event tries again
        Visitor *v = door_visitor(d, a);
        if (v->inside < INSIDE_PER_ADDRESS && !v->waiting)
            let_in(d, v, fd, a, len);
        else
            wait_outside(d, v, fd, &address, len);
    }
}

void door_serve(Door *d, struct MHD_Daemon *daemon) {
    d->daemon = daemon;
    loop_watch(d->loop, d->fd, POLLIN, on_connect, d);
}

void door_admit(Door *d) {
    int64_t oldest = host_monotonic_ms(loop_host(d->loop)) - MAX_WAIT_MS;
    for (Visitor *v = d->visitors; v; v = v->next)
        while (v->first && (v->inside < INSIDE_PER_ADDRESS || v->first->since_ms < oldest)) {
            Waiting *w = v->first;
            if (v->inside < INSIDE_PER_ADDRESS)
                let_in(d, v, w->fd, (const struct sockaddr *)&w->address, w->len);
            else
                close(w->fd);
            stop_waiting(d, v);
        }
    forget_idle(d);
}

void door_close(Door *d) {
    loop_watch(d->loop, d->fd, 0, NULL, NULL);
    close(d->fd);
    for (Visitor *v = d->visitors; v; v = v->next)
        while (v->first) {
            close(v->first->fd);
            stop_waiting(d, v);
        }
}
