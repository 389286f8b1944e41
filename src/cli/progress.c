// A progress bar on a terminal; nothing anywhere else.
#include <unistd.h>

#include "cli.h"

enum { BAR = 30, REDRAW_MS = 50 };

typedef struct Bar {
    const Host *host;
    int64_t drawn_ms;
} Bar;

static void draw(void *ctx, size_t done, size_t total, const char *what) {
    Bar *bar = ctx;
    int filled = total ? (int)(done * BAR / total) : 0;
    int64_t now = host_monotonic_ms(bar->host);
    if (done >= total) {
        fprintf(stderr, "\r\033[K");
        return;
    }
    if (now - bar->drawn_ms < REDRAW_MS)
        return;
    bar->drawn_ms = now;
    fprintf(stderr, "\r\033[K[%.*s%.*s] %zu/%zu  %.40s", filled, "##############################",
            BAR - filled, "..............................", done, total, what);
}

const Progress *cli_progress(const Cli *c, Arena *mem) {
    Progress *p = NEW(mem, Progress);
    Bar *bar = NEW(mem, Bar);
    bar->host = c->world->host;
    p->ctx = bar;
    bool dumb = cstr_eq(host_env(c->world->host, "TERM"), "dumb");
    p->step = isatty(STDERR_FILENO) && !dumb ? draw : NULL;
    return p;
}
