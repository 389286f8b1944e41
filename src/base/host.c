#include "atlas/base/host.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>
#include <time.h>

#include "atlas/base/err.h"

extern char **environ;

static const char *system_env(const Host *h, const char *name) {
    (void)h;
    return getenv(name);
}

static Time system_now(const Host *h) {
    struct timespec ts;
    clock_gettime(CLOCK_REALTIME, &ts);
    struct tm tm;
    time_t sec = ts.tv_sec;
    localtime_r(&sec, &tm);
    return (Time){ts.tv_sec + h->clock_skew_s, (int32_t)ts.tv_nsec, (int32_t)tm.tm_gmtoff, true};
}

static int64_t system_monotonic(const Host *h) {
    (void)h;
    struct timespec ts;
    clock_gettime(CLOCK_MONOTONIC, &ts);
    return (int64_t)ts.tv_sec * 1000 + ts.tv_nsec / 1000000;
}

static void system_random(const Host *h, void *out, size_t len) {
    (void)h;
    char *p = out;
    while (len > 0) {
        ssize_t n = getrandom(p, len, 0);
        if (n < 0 && errno != EINTR)
            BUG("no randomness: %s", strerrordesc_np(errno));
        if (n > 0) {
            p += n;
            len -= (size_t)n;
        }
    }
}

const Host host_system = {system_env, system_now, system_monotonic, system_random, NULL, NULL, 0};

const char *host_env(const Host *h, const char *name) {
    const char *v = h->env(h, name);
    return v ? v : "";
}

Time host_now(const Host *h) { return h->now(h); }
int64_t host_monotonic_ms(const Host *h) { return h->monotonic_ms(h); }
void host_random(const Host *h, void *out, size_t len) { h->random(h, out, len); }

uint32_t host_random_below(const Host *h, uint32_t bound) {
    uint64_t r;
    host_random(h, &r, sizeof r);
    return (uint32_t)(r % bound);
}

char *host_uuid(const Host *h, Arena *mem) {
    unsigned char b[16];
    host_random(h, b, sizeof b);
    b[6] = (unsigned char)((b[6] & 0x0F) | 0x40);
    b[8] = (unsigned char)((b[8] & 0x3F) | 0x80);
    const char *x = hex_encode(mem, b, sizeof b);
    return arena_printf(mem, "%.8s-%.4s-%.4s-%.4s-%.12s", x, x + 8, x + 12, x + 16, x + 20);
}

static const char *vars_env(const Host *h, const char *name) { return map_get(h->vars, name); }
static Time base_now(const Host *h) {
    Time t = host_now(h->base);
    t.sec += h->clock_skew_s;
    return t;
}
static int64_t base_monotonic(const Host *h) { return host_monotonic_ms(h->base); }
static void base_random(const Host *h, void *out, size_t len) { host_random(h->base, out, len); }

Host *host_with_vars(Arena *mem, const Host *base, const Map *vars) {
    Host *h = NEW(mem, Host);
    *h = (Host){vars_env, base_now, base_monotonic, base_random, vars, base, 0};
    return h;
}

StrList host_env_names(const Host *h, const char *prefix, Arena *mem) {
    StrList names = {0};
    if (h->vars) {
        for (size_t i = 0; i < h->vars->len; i++)
            if (cstr_starts(h->vars->entries[i].key, prefix))
                list_push(&names, mem, h->vars->entries[i].key);
        return names;
    }
    for (char **e = environ; e && *e; e++)
        if (cstr_starts(*e, prefix) && strchr(*e, '='))
            list_push(&names, mem, arena_strndup(mem, *e, (size_t)(strchr(*e, '=') - *e)));
    return names;
}
