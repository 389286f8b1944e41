// A progress bar on a terminal; nothing anywhere else.
#include <unistd.h>

#include "cli.h"

enum { BAR = 30 };

static void draw(void *ctx, size_t done, size_t total, const char *what) {
    (void)ctx;
    int filled = total ? (int)(done * BAR / total) : 0;
    if (done >= total) {
        fprintf(stderr, "\r\033[K");
        return;
    }
    fprintf(stderr, "\r\033[K[%.*s%.*s] %zu/%zu  %.40s", filled, "##############################",
            BAR - filled, "..............................", done, total, what);
}

const Progress *cli_progress(const Cli *c, Arena *mem) {
    Progress *p = NEW(mem, Progress);
    bool dumb = cstr_eq(host_env(c->world->host, "TERM"), "dumb");
    p->step = isatty(STDERR_FILENO) && !dumb ? draw : NULL;
    return p;
}
